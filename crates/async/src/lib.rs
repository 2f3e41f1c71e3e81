//! The nuncio HTTP client for async programs, on whatever runtime they have.
//!
//! [`Client`] is one concrete type: a library can take a `&nuncio_async::Client` and leave the
//! runtime to its user. What a runtime has to give is a [`Runtime`]: sockets, timers, look-ups,
//! tasks. `nuncio-tokio` and `nuncio-smol` are such, in about 150 lines each.
//!
//! Whoever asks, drives: a request's future moves its own bytes, without a task, a channel or a
//! thread in between. Dropped at any point, it leaves the pool right.
//!
//! ```
//! use nuncio_async::{Client, Error};
//!
//! // Whatever the runtime, this compiles and is the same code.
//! async fn users(client: &Client) -> Result<String, Error> {
//!     let page = client.get("users").query([("page", "2")]).send().await?.error_for_status()?;
//!     Ok(page.text().into_owned())
//! }
//! # let _ = users;
//! ```

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod body;
mod dialing;
mod drive;
mod driver;
mod file;
mod mover;
mod runtime;
mod streaming;
mod upgraded;

pub use body::{from_async_read, from_poll_read, from_stream};
pub use driver::{Async, Send, Stream};
pub use file::{file, file_part};
#[cfg(feature = "tls")]
pub use nuncio_client::TlsParams;
#[doc(hidden)]
pub use nuncio_client::one_shot_functions;
pub use nuncio_client::{
    Address, AsyncResolve, AsyncTransport, Auth, BlockingResolve, Body, BodyStream, BoxFuture,
    Budget, Candidate, ConnectPolicy, CookieJar, Digest, Error, Event, Form, Head, Headers, Hop,
    Kind, Limits, Method, Mock, Network, Part, PoolCounts, PoolSnapshot, QueryParams, RecvBuf,
    Redirects, Reply, Request, Resolver, Response, Script, SocketOptions, StatusCode, Timeout,
    Transport, Url, Version, is_public,
};
pub use nuncio_socket::{begin as begin_connect, is_connected};
pub use runtime::{Runtime, Socket, Timer};
pub use streaming::{Items, Streaming};
pub use upgraded::Upgraded;

/// The client. Cheap to clone; tasks and threads may share it.
pub type Client = nuncio_client::Client<Async>;
/// Builds a [`Client`]; a runtime's crate gives one.
pub type ClientBuilder = nuncio_client::ClientBuilder<Async>;
/// Builds a request; see [`Client::get`] and its like.
pub type RequestBuilder = nuncio_client::RequestBuilder<Async>;
