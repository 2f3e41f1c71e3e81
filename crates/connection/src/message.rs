//! The words that a caller and a connection use about one exchange.

use crate::error::Error;
use bytes::Bytes;
use nuncio_headers::Headers;
use std::time::Duration;

pub use nuncio_http1::{BodySize, ResponseHead};

/// Names one exchange on one connection. Never used twice on the same connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    number: u64,
    pub(crate) index: u32,
}

impl StreamId {
    pub(crate) const fn new(number: u64, index: u32) -> Self {
        Self { number, index }
    }

    /// Its number: on HTTP/2 that of the stream on the wire, on HTTP/1.1 counted from one connection's
    /// first exchange on.
    pub fn number(self) -> u64 {
        self.number
    }

    /// A small number, by which a caller can keep beside the connection what it knows of the exchange:
    /// no two have the same at a time. One that has ended may find another in its place.
    pub fn index(self) -> usize {
        self.index as usize
    }
}

/// A request's head, borrowed: the connection copies what it needs into what it sends.
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'a> {
    /// The method, a token, case-sensitive (RFC 9110 section 9.1).
    pub method: &'a str,
    /// The scheme, for HTTP/2's `:scheme`.
    pub scheme: &'a str,
    /// The request target: path and query (RFC 9112 section 3.2).
    pub target: &'a str,
    /// Every field, in the order to send; `Host` among them.
    pub headers: &'a Headers,
}

/// How long each wait of an exchange may last. `None` waits for ever.
///
/// As in httpx these are inactivity limits, not a limit on the whole exchange: `read` runs while
/// somebody waits for the peer's next bytes, `write` while bytes are ready and the peer takes none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deadlines {
    /// The longest silence while the response is awaited.
    pub read: Option<Duration>,
    /// The longest stall while the request is being sent.
    pub write: Option<Duration>,
    /// For a request that says `Expect: 100-continue`: how long its body is held back for the peer to
    /// say 100 or to answer. Then it goes all the same. `None`, for all others, is not at all.
    pub expect: Option<Duration>,
}

/// What became of a chunk given to [`Connection::write_body`](crate::Connection::write_body).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// This many bytes were taken off the front of the chunk.
    Taken(usize),
    /// Nothing was taken: enough waits to be sent. Send first.
    Blocked,
}

/// What [`Connection::read_body`](crate::Connection::read_body) found.
#[derive(Clone, Debug, PartialEq)]
pub enum Read {
    /// The next piece of the body, never empty.
    Chunk(Bytes),
    /// The trailer section; the body ends with it.
    Trailers(Headers),
    /// Nothing yet: more must be received first.
    Blocked,
    /// The body is complete.
    End,
}

/// What became possible on a stream; coalesced, data is pulled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ready {
    /// `read_head` or `read_body` will not answer "nothing yet" (or will fail).
    pub readable: bool,
    /// `write_body` has room again.
    pub writable: bool,
}

#[cfg(feature = "http2")]
impl Ready {
    pub(crate) const READABLE: Self = Self {
        readable: true,
        writable: false,
    };
    pub(crate) const WRITABLE: Self = Self {
        readable: false,
        writable: true,
    };
    pub(crate) const BOTH: Self = Self {
        readable: true,
        writable: true,
    };
}

/// Whether a connection can carry another exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reuse {
    /// HTTP/1.1, between two exchanges.
    Idle,
    /// HTTP/2, with room for so many more streams.
    Room(usize),
    /// In use, and full.
    Busy,
    /// Never again, and why.
    Never(NeverReason),
}

/// Why a connection cannot be used again.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NeverReason {
    /// HTTP/1.1 says so.
    Http1(nuncio_http1::CloseReason),
    /// HTTP/2 says so, in its words.
    Http2(String),
    /// It failed.
    Failed(Error),
    /// The peer closed it, or its sending side.
    PeerClosed,
    /// We closed it.
    Closed,
    /// An exchange was given up half-way.
    Cancelled,
}

impl std::fmt::Display for NeverReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NeverReason::Http1(reason) => reason.fmt(f),
            NeverReason::Http2(reason) => f.write_str(reason),
            NeverReason::Failed(error) => error.fmt(f),
            NeverReason::PeerClosed => f.write_str("the peer closed the connection"),
            NeverReason::Closed => f.write_str("the connection was closed on this side"),
            NeverReason::Cancelled => f.write_str("an exchange was given up half-way"),
        }
    }
}

/// The protocol that a connection speaks once it is established.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// HTTP/1.1 (or 1.0, as the server answers).
    Http1,
    /// HTTP/2.
    Http2,
}
