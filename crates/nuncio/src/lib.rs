//! An HTTP client for any runtime, over a core that does no I/O.
//!
//! One API, and only `.await` differs:
//!
//! ```no_run
//! # #[cfg(feature = "blocking")]
//! # fn example() -> Result<(), nuncio::Error> {
//! let client = nuncio::blocking::Client::builder().base_url("https://api.example.com/").build()?;
//! let page = client.get("users").query([("page", "2")]).send()?.error_for_status()?;
//! println!("{} {}", page.status(), page.text());
//! # Ok(())
//! # }
//! ```
//!
//! ```no_run
//! # #[cfg(feature = "tokio")]
//! # async fn example() -> Result<(), nuncio::Error> {
//! let client = nuncio::tokio::builder().base_url("https://api.example.com/").build()?;
//! let page = client.get("users").query([("page", "2")]).send().await?.error_for_status()?;
//! println!("{} {}", page.status(), page.text());
//! # Ok(())
//! # }
//! ```
//!
//! The async [`Client`] is one concrete type whatever the runtime: `nuncio::smol::builder()` makes it
//! on smol.
//!
//! # Tests without a network
//!
//! A [`Mock`] answers from the test, and remembers what it was asked; a [`Script`] says what a server
//! would, byte for byte, under the real connection machine. Both serve blocking and async clients, and
//! either can be mounted (`ClientBuilder::mount`) for some URLs alone.
//!
//! ```
//! # #[cfg(feature = "blocking")]
//! # fn main() -> Result<(), nuncio::Error> {
//! use nuncio::{Kind, Mock, Reply, Script, blocking::Client};
//!
//! let mock = Mock::new()
//!     .on("GET", "/old", |_| Reply::new(301).header("Location", "/users"))
//!     .on("GET", "/users", |_| Reply::new(200).text("Ada"));
//! let client = Client::builder().transport(mock.transport()).follow_redirects(true).build()?;
//! let page = client.get("https://example.com/old").send()?;
//! assert_eq!((&*page.text(), page.history().len()), ("Ada", 1));
//! mock.assert_calls("GET", "/users", 1);
//!
//! let script = Script::new()
//!     .expect("GET /cut HTTP/1.1\r\n")
//!     .expect_head()
//!     .send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel")
//!     .silence();
//! let client = Client::builder().mount("all://*.example.com", script.transport()).build()?;
//! let error = client.get("https://www.example.com/cut").send().unwrap_err();
//! // Five seconds on the script's clock, none on ours.
//! assert_eq!(error.kind(), Kind::ReadTimeout);
//! script.assert_done();
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "blocking"))]
//! # fn main() {}
//! ```
//!
//! # Features
//!
//! | feature | default | gives |
//! |---|---|---|
//! | `blocking` | yes | [`blocking`]: over `std::net`, no async crate in its tree |
//! | `tokio` | | [`tokio`]: the async client on tokio |
//! | `smol` | | [`smol`]: the async client on smol |
//! | `async-std` | | [`async_std`]: the async client for programs that are still on async-std |
//! | `tls` | yes | https, by rustls with ring and Mozilla's roots |
//! | `json` | yes | JSON bodies through serde |
//! | `idna` | yes | domain names beyond ASCII |
//! | `gzip` | yes | responses in gzip and deflate, announced and decoded |
//! | `brotli`, `zstd` | | the same for br and zstd |
//! | `charset` | | text in other charsets than UTF-8 |
//! | `detect` | | guessing a charset from the body: [`DefaultEncoding`] |
//! | `tower` | | the async client as a tower service, and `Transport::service` |
//! | `compress` | | `RequestBuilder::compress`: bodies sent in a content coding |
//! | `full` | | all of them |
//!
//! The protocol crates can be used alone: `nuncio-url`, `nuncio-headers`, `nuncio-multipart`,
//! `nuncio-content`, `nuncio-http1`, `nuncio-http2`, `nuncio-connection`.

#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![cfg_attr(not(feature = "full"), allow(rustdoc::broken_intra_doc_links))]

pub mod netrc;

pub use nuncio_client::{
    AsyncTransport, Auth, BlockingTransport, Body, BodyStream, BoxFuture, Budget, Cookie,
    CookieJar, DefaultEncoding, Digest, Error, Event, Feed, Form, Head, Headers, Http1Config,
    IntoReply, Kind, Limits, Link, Links, Method, Mock, Netrc, Network, OneShot, ParamValue, Part,
    PoolCounts, Processed, QueryParams, Redirect, RedirectAction, Redirects, Reference, Reply,
    Request, Response, Script, SentRequest, ServerSentEvent, Side, StatusCode, Timeout, Transport,
    Url, Version, auth, cookies, cut,
};

#[cfg(feature = "compress")]
pub use nuncio_client::Coding;

/// The client over `std::net`, without an async runtime.
#[cfg(feature = "blocking")]
pub mod blocking {
    pub use nuncio_blocking::{
        Blocking, Client, ClientBuilder, Items, RequestBuilder, Streaming, delete, file, file_part,
        get, head, opened_file, options, patch, post, put, request,
    };
}

/// The async client on tokio.
#[cfg(feature = "tokio")]
pub mod tokio {
    pub use nuncio_tokio::{
        Tokio, builder, delete, file, file_part, from_tokio_read, get, head, into_tokio_read,
        options, patch, post, put, request,
    };
}

/// The async client on smol.
#[cfg(feature = "smol")]
pub mod smol {
    pub use nuncio_smol::{
        Smol, builder, delete, file, file_part, get, head, options, patch, post, put, request,
    };
}

/// The async client for programs on async-std, which has been discontinued (RUSTSEC-2025-0052):
/// a new program takes [`smol`] or [`tokio`].
///
/// async-std itself is not among this crate's dependencies: its reactor and its executor are.
#[cfg(feature = "async-std")]
pub mod async_std {
    pub use nuncio_async_std::{
        AsyncStd, builder, delete, file, file_part, get, head, options, patch, post, put, request,
    };
}

#[cfg(any(feature = "tokio", feature = "smol", feature = "async-std"))]
pub use nuncio_async::{
    Async, Client, ClientBuilder, Items, RequestBuilder, Runtime, Socket, Streaming, Timer,
    from_async_read, from_poll_read, from_stream,
};

/// The examples of the README compile: they are tests of this crate.
#[cfg(all(doctest, feature = "full"))]
#[doc = include_str!("../../../README.md")]
pub struct Readme;
