//! One HTTP connection, and a pool of them, as state machines without I/O.
//!
//! Everything here is driven from outside: bytes in, bytes out, deadlines, readiness. No socket is
//! opened, no clock is read, nothing sleeps, no task is spawned; the same machine serves a thread
//! over `std::net`, a task on any runtime, a simulator, and a fuzzer.
//!
//! - [`Connection`]: TLS (feature `tls`) and HTTP/1.1, or HTTP/2 (feature `http2`) where ALPN or
//!   prior knowledge says so.
//! - [`Dialer`]: which of a host's addresses are tried when.
//! - [`Layer`]: what such a connection is dialled through, proxies and TLS sessions in a row.
//! - [`Tunnel`]: what is left of it when HTTP has left, after a 101 or a CONNECT.
//! - [`Pool`]: which connection serves which request, and who waits.
//! - [`Event`]: what can be watched, and where it is raised.
//!
//! Names are looked up, sockets opened and redirects followed by others: see `nuncio-client`.
//!
//! # One exchange
//!
//! ```
//! use nuncio_connection::{BodySize, Connection, ConnectionConfig, Deadlines, Read, RequestHead,
//!     Reuse, Transmit};
//! use nuncio_headers::Headers;
//! use std::{sync::Arc, time::Instant};
//!
//! let now = Instant::now(); // the caller's clock; the machine has none
//! let config = Arc::new(ConnectionConfig::default());
//! let mut connection = Connection::new(config, vec![], None, now)?;
//!
//! let mut headers = Headers::new();
//! headers.append("Host", "example.com")?;
//! let head = RequestHead { method: "GET", scheme: "http", target: "/", headers: &headers };
//! let id = connection.open(head, BodySize::Empty, Deadlines::default(), now)?;
//!
//! // What is to be written, and how much of it was.
//! let mut batch = Transmit::default();
//! connection.take_transmit(&mut batch);
//! assert_eq!(batch.front(), b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n");
//! let written = batch.len();
//! connection.transmitted(&mut batch, written, now);
//!
//! // What was read.
//! assert!(connection.read_head(id, now)?.is_none());
//! let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
//! let mut buf = connection.take_recv();
//! buf.unfilled()[..answer.len()].copy_from_slice(answer);
//! buf.advance(answer.len());
//! connection.handle_input(buf, now);
//!
//! let head = connection.read_head(id, now)?.expect("it is all here");
//! assert_eq!(head.status, 200);
//! assert_eq!(connection.read_body(id, now)?, Read::Chunk("hello".into()));
//! assert_eq!(connection.read_body(id, now)?, Read::End);
//! assert_eq!(connection.reuse(), Reuse::Idle);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod address;
mod buffer;
mod connection;
mod dialer;
mod error;
mod event;
mod h1;
#[cfg(feature = "http2")]
mod h2;
mod layers;
mod leave;
mod message;
pub mod pool;
#[cfg(feature = "tls")]
mod tls;
mod tunnel;

pub use address::Address;
pub use buffer::{BlockCache, RecvBuf, Transmit};
pub use connection::{Connection, ConnectionConfig, PriorKnowledge};
pub use dialer::{DialError, DialFailure, DialStep, Dialer};
pub use error::{Error, IoError, Phase, Processed, TlsError};
pub use event::{Event, EventSink};
pub use layers::{
    HttpConnect, Layer, ProxyAnswer, ProxyError, ProxyProtocol, Socks4, Socks5, SocksAuth,
    SocksHost,
};
pub use message::{
    BodySize, Deadlines, NeverReason, Protocol, Read, Ready, RequestHead, ResponseHead, Reuse,
    StreamId, Write,
};
pub use nuncio_http1::{
    CloseReason, Config as Http1Config, LocalError, RemoteError, check_request, check_target,
};
#[cfg(feature = "http2")]
pub use nuncio_http2::{
    Code as Http2Code, Config as Http2Config, Error as Http2Error, InvalidRequest as Http2Invalid,
    StreamErrorKind as Http2StreamError,
};
pub use pool::{
    Assigned, Assignment, Checkout, ConnId, ConnectionSnapshot, ConnectionState, Limits,
    OriginSnapshot, Pool, PoolCounts, PoolKey, PoolSnapshot, RouteId, Ticket, WaitReason,
    WaiterSnapshot,
};
#[cfg(feature = "aws-lc")]
pub use tls::aws_lc;
#[cfg(feature = "ring")]
pub use tls::ring;
#[cfg(feature = "tls")]
pub use tls::{
    Identity, Roots, TlsConfig, TlsConfigError, TlsInfo, TlsParams, TlsVersion, default_provider,
};
pub use tunnel::{Tunnel, TunnelRead};
