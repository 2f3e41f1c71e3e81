//! The nuncio HTTP client for programs on async-std.
//!
//! async-std has been discontinued (RUSTSEC-2025-0052), and `nuncio-smol` is where to go: this crate
//! is there for programs that have not gone yet, and goes when they have. async-std 1.13 is made of
//! async-io, `blocking` and async-global-executor, which are maintained. The client uses those, and so
//! does not bring async-std itself into any program:
//!
//! - sockets, timers, look-ups and files are those of `nuncio-smol`;
//! - what the client must leave running beside a request runs where `async_std::task::spawn` runs
//!   its tasks.
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
//! let client = nuncio_async_std::builder().build()?;
//! let response = async_std::task::block_on(client.get(&url).send())?;
//! assert_eq!((response.status().as_u16(), &*response.text()), (200, "hello"));
//! # server.join().unwrap()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! As with smol, a request may be awaited anywhere: no runtime can be missing. A request's body from
//! one of async-std's readers is made by [`from_async_read`].

#![forbid(unsafe_code)]
#![deny(missing_docs)]

use nuncio_smol::Smol;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

pub use nuncio_async::*;

/// async-std, as a [`Runtime`].
#[derive(Clone, Copy, Debug, Default)]
pub struct AsyncStd;

impl Runtime for AsyncStd {
    /// Always there, and always the same one: the reactor is the process's.
    fn check(&self) -> Result<u64, &'static str> {
        Smol.check()
    }

    fn now(&self) -> Instant {
        Smol.now()
    }

    fn timer(&self, at: Instant) -> Pin<Box<dyn Timer>> {
        Smol.timer(at)
    }

    fn connect(
        &self,
        to: &Address,
        options: &SocketOptions,
    ) -> BoxFuture<'static, io::Result<Box<dyn Socket>>> {
        Smol.connect(to, options)
    }

    fn resolve(&self, host: &str, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        Smol.resolve(host, port)
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) -> io::Result<()> {
        async_global_executor::spawn(task).detach();
        Ok(())
    }

    fn run_blocking(
        &self,
        work: Box<dyn FnOnce() + std::marker::Send>,
    ) -> BoxFuture<'static, io::Result<()>> {
        Smol.run_blocking(work)
    }
}

/// A builder of clients for programs on async-std.
pub fn builder() -> ClientBuilder {
    ClientBuilder::new(Arc::new(AsyncStd))
}

nuncio_async::one_shot_functions!(Async, Arc::new(AsyncStd));

/// The file at `path` as a request's body, read on async-std's threads for blocking work. Its
/// length is announced and it can be sent again, unless it is something else than a regular file:
/// a pipe, a device.
///
/// # Errors
/// [`Kind::RequestBody`] when the file cannot be opened, or is a directory; it names the path.
pub async fn file(path: impl AsRef<Path>) -> Result<Body, Error> {
    nuncio_async::file(Arc::new(AsyncStd), path).await
}

/// The file at `path` as a part of a multipart form, with the last component of the path as its
/// file name, and the content type that goes with that.
///
/// # Errors
/// As [`file()`].
pub async fn file_part(path: impl AsRef<Path>) -> Result<Part, Error> {
    nuncio_async::file_part(Arc::new(AsyncStd), path).await
}
