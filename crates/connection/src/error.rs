//! What can go wrong on a connection, and whether the request may have been processed.

use crate::layers::ProxyError;
use std::fmt;
use std::io;

/// Why an exchange, or the whole connection, failed.
///
/// Comparable and cloneable, so that every stream of a broken connection can be told the same
/// thing. One line each; no credentials, no header values.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// What we were asked to send is not a legal message; no byte of it was sent.
    Local(nuncio_http1::LocalError),
    /// What the peer sent is not a legal message.
    Remote(nuncio_http1::RemoteError),
    /// The HTTP/2 connection failed, or takes no more streams.
    #[cfg(feature = "http2")]
    Http2(nuncio_http2::Error),
    /// One HTTP/2 stream failed; others go on.
    #[cfg(feature = "http2")]
    Http2Stream(nuncio_http2::StreamErrorKind),
    /// The request cannot be said in HTTP/2; nothing of it was sent.
    #[cfg(feature = "http2")]
    Http2Request(nuncio_http2::InvalidRequest),
    /// The HTTP/2 connection has no room for another stream now; nothing was sent.
    #[cfg(feature = "http2")]
    Full,
    /// TLS failed: the handshake, a certificate, a record.
    Tls(TlsError),
    /// A proxy did not connect us.
    Proxy(ProxyError),
    /// The socket failed.
    Io(IoError),
    /// A deadline passed.
    Timeout(Phase),
    /// The connection was closed on our side while the exchange was under way.
    Closed,
    /// A method was called that does not fit the state of the exchange.
    Misuse(&'static str),
}

/// The part of an exchange that a deadline, or a socket error, belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Looking up, dialling, and the TLS handshake.
    Connect,
    /// Waiting for a proxy to connect on.
    Proxy,
    /// Waiting for the peer's bytes.
    Read,
    /// Waiting for the peer to take ours.
    Write,
    /// Waiting for a connection from the pool.
    Pool,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Phase::Connect => "connecting",
            Phase::Proxy => "waiting for the proxy to connect",
            Phase::Read => "reading the response",
            Phase::Write => "sending the request",
            Phase::Pool => "waiting for a free connection",
        })
    }
}

/// A socket's error, in a form that can be compared and cloned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IoError {
    /// During which phase.
    pub phase: Phase,
    /// What kind.
    pub kind: io::ErrorKind,
    /// The operating system's number, where there is one.
    pub code: Option<i32>,
}

impl IoError {
    /// Keeps what can be compared of `error`.
    pub fn new(phase: Phase, error: &io::Error) -> Self {
        IoError {
            phase,
            kind: error.kind(),
            code: error.raw_os_error(),
        }
    }

    /// As an `io::Error` again.
    pub fn to_io_error(self) -> io::Error {
        self.code
            .map_or_else(|| self.kind.into(), io::Error::from_raw_os_error)
    }
}

impl fmt::Display for IoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.phase, self.to_io_error())
    }
}

/// Why TLS failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsError {
    /// The host is not a name or an address that a certificate could hold.
    ServerName(String),
    /// The handshake or a record failed; the text is rustls' own.
    Failed(String),
    /// The peer chose a protocol that was not offered.
    UnexpectedProtocol(String),
    /// The connection ended inside the handshake.
    Truncated,
    /// Bytes came in clear before a session that was to be added to a tunnel had begun: under TLS they
    /// would have been taken for the peer's (SECURITY X5).
    EarlyData,
    /// A response that ends with the connection ended without close_notify (RFC 8446 section 6.1).
    NoCloseNotify,
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TlsError::ServerName(name) => write!(f, "no valid TLS server name: {name:?}"),
            TlsError::Failed(why) => f.write_str(why),
            TlsError::UnexpectedProtocol(name) => {
                write!(
                    f,
                    "the peer chose the protocol {name:?}, which was not offered"
                )
            }
            TlsError::Truncated => f.write_str("the connection ended during the handshake"),
            TlsError::EarlyData => f.write_str("data came in clear before the handshake"),
            TlsError::NoCloseNotify => f.write_str(
                "the connection was closed without close_notify: the response may be cut short",
            ),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Local(e) => e.fmt(f),
            Error::Remote(e) => e.fmt(f),
            #[cfg(feature = "http2")]
            Error::Http2(e) => e.fmt(f),
            #[cfg(feature = "http2")]
            Error::Http2Stream(e) => e.fmt(f),
            #[cfg(feature = "http2")]
            Error::Http2Request(e) => e.fmt(f),
            #[cfg(feature = "http2")]
            Error::Full => f.write_str("the HTTP/2 connection has no room for another stream"),
            Error::Tls(e) => write!(f, "TLS: {e}"),
            Error::Proxy(e) => write!(f, "proxy: {e}"),
            Error::Io(e) => e.fmt(f),
            Error::Timeout(phase) => write!(f, "timed out while {phase}"),
            Error::Closed => f.write_str("the connection was closed on this side"),
            Error::Misuse(what) => f.write_str(what),
        }
    }
}

impl Error {
    /// Which wait it was that failed, if it was one.
    pub(crate) fn phase(&self) -> Option<Phase> {
        match self {
            Error::Timeout(phase) | Error::Io(IoError { phase, .. }) => Some(*phase),
            _ => None,
        }
    }

    /// Whether the peer was gone, or going, before anything of an answer came: what a connection
    /// that had been idle for too long looks like.
    pub fn is_disconnect(&self) -> bool {
        use nuncio_http1::RemoteError::Disconnected;
        match self {
            Error::Io(_) | Error::Remote(Disconnected { interim: 0 }) => true,
            #[cfg(feature = "http2")]
            Error::Http2(error) => {
                use nuncio_http2::Error::{Eof, GoAway};
                matches!(error, Eof | GoAway { .. })
            }
            #[cfg(feature = "http2")]
            Error::Http2Stream(error) => {
                matches!(error, nuncio_http2::StreamErrorKind::Connection(_))
            }
            _ => false,
        }
    }

    /// Whether the peer wants HTTP/1.1 for this (HTTP_1_1_REQUIRED, RFC 9113 section 7).
    pub fn requires_http1(&self) -> bool {
        #[cfg(feature = "http2")]
        {
            use nuncio_http2::{Code, Error as Http2, StreamErrorKind as Kind};
            let code = match self {
                Error::Http2(Http2::GoAway { code, .. })
                | Error::Http2Stream(Kind::Connection(Http2::GoAway { code, .. }))
                | Error::Http2Stream(Kind::Reset(code)) => *code,
                _ => return false,
            };
            code == Code::HTTP_1_1_REQUIRED
        }
        #[cfg(not(feature = "http2"))]
        false
    }

    /// Whether the peer said, by RST_STREAM or GOAWAY, that it does not take the request. Where it
    /// has not been processed either, it can be sent again (RFC 9113 section 8.7).
    pub fn is_refusal(&self) -> bool {
        match self {
            #[cfg(feature = "http2")]
            Error::Http2(nuncio_http2::Error::GoAway { .. }) => true,
            #[cfg(feature = "http2")]
            Error::Http2Stream(nuncio_http2::StreamErrorKind::Reset(_)) => true,
            _ => false,
        }
    }
}

impl std::error::Error for Error {}
impl std::error::Error for IoError {}
impl std::error::Error for TlsError {}

impl From<nuncio_http1::LocalError> for Error {
    fn from(error: nuncio_http1::LocalError) -> Self {
        Error::Local(error)
    }
}

impl From<nuncio_http1::RemoteError> for Error {
    fn from(error: nuncio_http1::RemoteError) -> Self {
        Error::Remote(error)
    }
}

/// Whether the peer may have acted on a request.
///
/// A retry is a decision, and this is what it rests on (RFC 9110 section 9.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Processed {
    /// Certainly not: no byte of it left, or the peer said so.
    No,
    /// It may have been: bytes left and no answer came.
    Maybe,
    /// Something of an answer came.
    Yes,
}
