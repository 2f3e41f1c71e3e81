//! A client's policy, without I/O.
//!
//! This crate decides; adapters carry out. It holds
//!
//! - the models: [`Request`], [`Response`], [`Body`], [`Form`], [`Timeout`], [`Error`];
//! - what is decided between them: [`Redirects`], [`auth`], [`cookies`], hooks, decoding, what a
//!   stream is [`cut`] into;
//! - how a connection is come by: [`SocketOptions`], [`Resolver`], [`ConnectPolicy`];
//! - what may stand in the network's place: [`Transport`], [`Mock`], [`Script`];
//! - the [`Client`] with its builder, and the [`Depot`]: the pool and the connections it decides about;
//! - [`Call`], which takes one request from its first hook to the head of its response as [`Step`]s,
//!   and [`Incoming`], from which the body is pulled.
//!
//! `nuncio-blocking` and `nuncio-async` interpret those steps; each gives [`Client`] a [`Driver`], and
//! with it its `send` and `stream`. Sockets, clocks, files and waiting are theirs.
//!
//! Most people want the crate `nuncio`, which re-exports all of it beside an adapter.
//!
//! ```
//! use nuncio_client::{Kind, Timeout};
//! use std::time::Duration;
//!
//! // Four waits, as httpx has them: five seconds each unless said otherwise.
//! let timeout = Timeout::default().connect(Duration::from_secs(60));
//! assert_eq!(timeout.read_limit(), Some(Duration::from_secs(5)));
//!
//! let error = nuncio_client::Error::new(Kind::PoolTimeout, "no connection became free");
//! assert!(error.is_timeout());
//! ```

#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod auth;
mod body;
mod call;
mod client;
#[cfg(feature = "compress")]
mod compress;
pub mod cookies;
pub mod cut;
mod decoding;
mod depot;
mod dialing;
mod environment;
mod error;
mod exchange;
mod feed;
mod hooks;
mod http_types;
mod incoming;
#[cfg(feature = "json")]
mod json;
mod leg;
mod lifeline;
mod low_speed;
mod mock;
mod mount;
mod multipart;
mod network;
mod one_shot;
mod overrides;
mod parts;
mod payload;
mod peer;
mod proxy;
mod redirect;
mod reply;
mod request;
mod response;
mod routes;
mod running;
mod script;
mod settings;
mod shared;
mod timeout;
#[cfg(feature = "tls")]
mod tls;
mod total;
#[cfg(feature = "tower")]
mod tower;
mod transport;
mod upgrade;

pub use auth::{Auth, Digest, DigestAlgorithm, Netrc};
pub use body::{Body, BodyStream};
pub use call::{Call, Place, Step};
pub use client::{Awaits, Client, Driver};
pub use cookies::{Cookie, CookieJar};
pub use depot::{Depot, Lane};
pub use dialing::{
    AsyncResolve, BlockingResolve, Candidate, ConnectPolicy, Hop, RawSocket, Resolver,
    SocketOptions, is_public,
};
pub use environment::Environment;
pub use error::{Error, Kind};
pub use feed::{Feed, Side};
pub use incoming::{Incoming, Pull};
pub use mock::{IntoReply, Mock};
pub use multipart::{Form, Part};
pub use network::Network;
pub use one_shot::{OneShot, one_shot};
pub use proxy::{Proxy, ProxyChoice, ProxyReason};
pub use redirect::{Redirect, RedirectAction, Redirects};
pub use reply::Reply;
pub use request::{Owner, Request, RequestBuilder};
pub use response::{DefaultEncoding, Head, Interim, Response, SentRequest};
pub use script::Script;
pub use settings::{ClientBuilder, Settings};
pub use shared::{Machine, Mover, Shared};
pub use timeout::{Timeout, earliest};
#[cfg(feature = "tls")]
pub use tls::{Identity, Tls};
pub use transport::{AsyncTransport, BlockingTransport, Transport};
pub use upgrade::{Tie, Upgrade, tunnel_io_error};

/// A future behind a pointer.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;

pub use http::{Method, StatusCode, Version};
#[cfg(feature = "tls")]
pub use nuncio_connection::TlsParams;
#[cfg(feature = "aws-lc")]
pub use nuncio_connection::aws_lc;
#[cfg(feature = "ring")]
pub use nuncio_connection::ring;
pub use nuncio_connection::{
    Address, BlockCache, ConnId, Connection, ConnectionSnapshot, ConnectionState, DialError,
    DialFailure, Error as ConnectionError, Event, Http1Config, Limits, OriginSnapshot, Phase,
    PoolCounts, PoolSnapshot, Processed, Protocol, RecvBuf, StreamId, Transmit, Tunnel, TunnelRead,
    WaitReason, WaiterSnapshot,
};
#[cfg(feature = "tls")]
pub use nuncio_connection::{TlsInfo, TlsVersion, default_provider};
#[cfg(feature = "compress")]
pub use nuncio_content::Coding;
pub use nuncio_content::{Budget, Event as ServerSentEvent};
pub use nuncio_headers::Headers;
pub use nuncio_headers::typed::{Link, Links};
pub use nuncio_url::{ParamValue, QueryParams, Reference, Url};
/// What TLS is built on, in the version that the methods which name its types want.
#[cfg(feature = "tls")]
pub use rustls;
