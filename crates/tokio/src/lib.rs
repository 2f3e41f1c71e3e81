//! The nuncio HTTP client on tokio.
//!
//! ```no_run
//! # async fn example() -> Result<(), nuncio_tokio::Error> {
//! let client = nuncio_tokio::builder().base_url("https://api.example.com/").build()?;
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
//! A client may be made anywhere; a request has to be awaited inside a tokio runtime, and is an
//! error elsewhere. The runtime needs its I/O and time drivers (`enable_all`, which is what
//! `#[tokio::main]` does): tokio gives no way to ask for them, and panics where they are missing.
//! One client may serve several runtimes; connections are not shared between them.
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
//! let client = nuncio_tokio::builder().build()?;
//!
//! // Outside of a runtime, a typed error.
//! let mut request = std::pin::pin!(client.get(&url).send());
//! let mut context = std::task::Context::from_waker(std::task::Waker::noop());
//! let std::task::Poll::Ready(Err(error)) = request.as_mut().poll(&mut context) else { panic!() };
//! assert_eq!(error.kind(), nuncio_tokio::Kind::Usage);
//!
//! // Inside, a response.
//! let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! let response = runtime.block_on(client.get(&url).send())?;
//! assert_eq!((response.status().as_u16(), &*response.text()), (200, "hello"));
//! # server.join().unwrap()?;
//! # use std::future::Future;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod body;
#[cfg(feature = "hickory")]
mod hickory;
mod reader;
mod runtime;
mod upgraded;

pub use body::{file, file_part, from_tokio_read};
#[cfg(feature = "hickory")]
pub use hickory::{from_hickory, hickory, hickory_resolver};
pub use nuncio_async::*;
pub use reader::into_tokio_read;
pub use runtime::Tokio;
use std::sync::Arc;
pub use upgraded::{TokioIo, into_tokio_io};

/// A builder of clients that run on tokio.
pub fn builder() -> ClientBuilder {
    ClientBuilder::new(Arc::new(Tokio))
}

nuncio_async::one_shot_functions!(Async, Arc::new(Tokio));
