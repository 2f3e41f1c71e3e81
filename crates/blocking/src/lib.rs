//! The nuncio HTTP client over `std::net`, for programs without an async runtime.
//!
//! Whoever asks, drives: the thread that sends a request moves its bytes itself. There is no
//! background thread (names are looked up on a few short-lived ones, so that a deadline holds), no
//! runtime, and nothing that could panic inside somebody else's. It may be used from within an
//! async task, where it blocks that task's thread, as any blocking call does.
//!
//! ```no_run
//! let client = nuncio_blocking::Client::builder().base_url("https://api.example.com/").build()?;
//! let page = client.get("users").query([("page", "2")]).send()?.error_for_status()?;
//! println!("{}", page.text());
//!
//! let mut download = client.get("big.iso").stream()?;
//! while let Some(chunk) = download.chunk()? {
//!     println!("{} bytes", chunk.len());
//! }
//! # Ok::<(), nuncio_blocking::Error>(())
//! ```
//!
//! A whole exchange, against a server of four lines:
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
//! let client = nuncio_blocking::Client::builder().build()?;
//! let response = client.get(url).send()?;
//! assert_eq!((response.status().as_u16(), &*response.text()), (200, "hello"));
//! # server.join().unwrap()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What is decided, `nuncio-client` decides; this crate only carries it out.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod dialing;
mod driver;
mod file;
mod resolve;
mod sharing;
mod socket;
mod streaming;
mod upgraded;

pub use driver::Blocking;
pub use file::{file, file_part, opened_file};
#[cfg(feature = "tls")]
pub use nuncio_client::TlsParams;
pub use nuncio_client::{
    Address, Auth, BlockingResolve, BlockingTransport, Body, Budget, Candidate, ConnectPolicy,
    CookieJar, Digest, Error, Event, Form, Head, Headers, Hop, Kind, Limits, Method, Mock, Network,
    Part, PoolCounts, PoolSnapshot, QueryParams, Redirects, Reply, Request, Resolver, Response,
    Script, SocketOptions, StatusCode, Timeout, Transport, Url, Version, is_public,
};
pub use streaming::{Items, Streaming};
pub use upgraded::{ReadHalf, Upgraded, WriteHalf};

/// The client. Cheap to clone; threads may share it.
pub type Client = nuncio_client::Client<Blocking>;
/// Builds a [`Client`].
pub type ClientBuilder = nuncio_client::ClientBuilder<Blocking>;
/// Builds a request; see [`Client::get`] and its like.
pub type RequestBuilder = nuncio_client::RequestBuilder<Blocking>;

nuncio_client::one_shot_functions!(Blocking, ());
