//! The nuncio HTTP client on smol.
//!
//! ```no_run
//! # async fn example() -> Result<(), nuncio_smol::Error> {
//! let client = nuncio_smol::builder().base_url("https://api.example.com/").build()?;
//! let page = client.get("users").query([("page", "2")]).send().await?.error_for_status()?;
//! println!("{}", page.text());
//!
//! let mut download = client.get("big.iso").stream().await?;
//! while let Some(chunk) = download.chunk().await? {
//!     println!("{} bytes", chunk.len());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A request may be awaited anywhere: in `smol::block_on`, in a task of any executor, in a thread
//! that polls by hand. smol's sockets and timers belong to async-io, which has one reactor for the
//! process and starts a thread for it when nobody else runs it: there is no runtime that could be
//! missing. (async-io panics if the system gives it neither a reactor nor a thread.) Connections
//! are the process's, too: whichever executor a request runs on may use them.
//!
//! Names are looked up and files read on the threads of the crate `blocking`, 500 at the most. What
//! the client must leave running beside a request runs on one thread of this crate's, begun when
//! it is first needed.
//!
//! ```
//! use std::io::{Read, Write};
//!
//! let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
//! let url = format!("http://{}/", listener.local_addr()?);
//! let server = std::thread::spawn(move || -> std::io::Result<()> {
//!     let (mut socket, _) = listener.accept()?;
//!     socket.read(&mut [0; 1024])?;
//!     socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
//! });
//! let client = nuncio_smol::builder().build()?;
//! let response = smol::block_on(client.get(&url).send())?;
//! assert_eq!((response.status().as_u16(), &*response.text()), (200, "hello"));
//! # server.join().unwrap()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A request's body from one of smol's readers is made by [`from_async_read`]; a [`Streaming`] is a
//! stream as smol knows them.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod runtime;

pub use nuncio_async::*;
pub use runtime::Smol;
use std::path::Path;
use std::sync::Arc;

/// A builder of clients that run on smol.
pub fn builder() -> ClientBuilder {
    ClientBuilder::new(Arc::new(Smol))
}

nuncio_async::one_shot_functions!(Async, Arc::new(Smol));

/// The file at `path` as a request's body, read on the threads of `blocking`. Its length is
/// announced and it can be sent again, unless it is something else than a regular file: a pipe, a
/// device.
///
/// # Errors
/// [`Kind::RequestBody`] when the file cannot be opened, or is a directory; it names the path.
pub async fn file(path: impl AsRef<Path>) -> Result<Body, Error> {
    nuncio_async::file(Arc::new(Smol), path).await
}

/// The file at `path` as a part of a multipart form, with the last component of the path as its
/// file name, and the content type that goes with that.
///
/// # Errors
/// As [`file()`].
pub async fn file_part(path: impl AsRef<Path>) -> Result<Part, Error> {
    nuncio_async::file_part(Arc::new(Smol), path).await
}
