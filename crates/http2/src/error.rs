use std::fmt;

use http::header::HeaderName;

/// An HTTP/2 error code (RFC 9113 section 7).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Code(u32);

/// Index = value, as registered by RFC 9113 section 11.4.
const CODE_NAMES: [&str; 14] = [
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED",
];

impl Code {
    /// Nothing is wrong: a graceful end.
    pub const NO_ERROR: Self = Self(0x0);
    /// The other side broke the protocol.
    pub const PROTOCOL_ERROR: Self = Self(0x1);
    /// More was sent than the window allowed.
    pub const FLOW_CONTROL_ERROR: Self = Self(0x3);
    /// The stream was refused before the server looked at it.
    pub const REFUSED_STREAM: Self = Self(0x7);
    /// The stream is not wanted any more.
    pub const CANCEL: Self = Self(0x8);
    /// The other side causes too much work.
    pub const ENHANCE_YOUR_CALM: Self = Self(0xb);
    /// The server wants this request over HTTP/1.1.
    pub const HTTP_1_1_REQUIRED: Self = Self(0xd);

    /// A code as it stands in a frame.
    pub const fn from_u32(code: u32) -> Self {
        Self(code)
    }

    /// The code as it stands in a frame.
    pub const fn as_u32(self) -> u32 {
        self.0
    }

    /// The registered name, where there is one.
    pub fn name(self) -> Option<&'static str> {
        CODE_NAMES.get(usize::try_from(self.0).ok()?).copied()
    }
}

impl From<h2::Reason> for Code {
    fn from(reason: h2::Reason) -> Self {
        Self(reason.into())
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "error code {:#x}", self.0),
        }
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Whether the server may have acted on a request that failed: what a retry has to know
/// (RFC 9113 section 8.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Processed {
    /// It did not: the request never left, or the server says that it refused it unseen.
    No,
    /// Nobody can tell.
    Maybe,
    /// It did: a response head had arrived.
    Yes,
}

/// Why a connection takes no more streams, or has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// Ours: a value of [`Config`](crate::Config) is out of its range.
    Config(&'static str),
    /// Ours: [`close`](crate::Http2::close) was called.
    Closed,
    /// All 2^30 stream ids are used up (RFC 9113 section 5.1.1).
    Exhausted,
    /// The peer sent GOAWAY (RFC 9113 section 6.8).
    GoAway {
        /// Its reason.
        code: Code,
        /// Its own words, escaped; may be empty.
        detail: String,
    },
    /// The peer closed the transport.
    Eof,
    /// What came first is no SETTINGS frame: the peer speaks something else.
    NotHttp2 {
        /// The first nine bytes, escaped.
        found: String,
    },
    /// The peer broke the protocol, and we ended the connection with this code.
    Protocol {
        /// Our reason.
        code: Code,
        /// What it was about; may be empty.
        detail: String,
    },
    /// The peer sent more malformed responses than
    /// [`Config::max_faults`](crate::Config::max_faults).
    TooManyFaults,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(what) => write!(f, "bad HTTP/2 configuration: {what}"),
            Self::Closed => f.write_str("the HTTP/2 connection was closed on this side"),
            Self::Exhausted => f.write_str("the HTTP/2 connection has no stream ids left"),
            Self::GoAway { code, detail } => {
                write!(f, "the peer ended the HTTP/2 connection: {code}")?;
                append_detail(f, detail)
            }
            Self::Eof => f.write_str("the peer closed the HTTP/2 connection"),
            Self::NotHttp2 { found } => {
                write!(
                    f,
                    "the peer does not speak HTTP/2: it began with \"{found}\""
                )
            }
            Self::Protocol { code, detail } => {
                write!(f, "the peer broke HTTP/2: {code}")?;
                append_detail(f, detail)
            }
            Self::TooManyFaults => f.write_str("the peer sent too many malformed HTTP/2 responses"),
        }
    }
}

impl std::error::Error for Error {}

fn append_detail(f: &mut fmt::Formatter<'_>, detail: &str) -> fmt::Result {
    if detail.is_empty() {
        Ok(())
    } else {
        write!(f, " ({detail})")
    }
}

/// How an exchange failed, and whether the server may have acted on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamError {
    pub(crate) kind: StreamErrorKind,
    pub(crate) processed: Processed,
}

/// What went wrong with a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamErrorKind {
    /// The peer reset the stream (RST_STREAM).
    Reset(Code),
    /// What the peer sent on this stream is malformed or breaks flow control; we reset it.
    Malformed(Code),
    /// The response has more interim heads, or more fields, than the configuration allows.
    HeadTooLarge,
    /// The connection ended under the stream.
    Connection(Error),
    /// Ours: no such stream, or it has ended, failed or been cancelled before.
    NoSuchStream,
    /// Ours: the request body is already finished, or there is none.
    RequestFinished,
    /// Ours: the body was asked for before the final head.
    HeadNotRead,
    /// Ours: this trailer field must not be sent over HTTP/2 (RFC 9113 section 8.2.2).
    ForbiddenField(HeaderName),
}

impl StreamError {
    pub(crate) fn new(kind: StreamErrorKind, processed: Processed) -> Self {
        Self { kind, processed }
    }

    /// What went wrong.
    pub fn kind(&self) -> &StreamErrorKind {
        &self.kind
    }

    /// Whether the server may have acted on the request.
    pub fn processed(&self) -> Processed {
        self.processed
    }

    /// Whether the caller misused the interface; the stream, if there is one, goes on.
    pub fn is_misuse(&self) -> bool {
        use StreamErrorKind as Kind;
        matches!(
            self.kind,
            Kind::NoSuchStream
                | Kind::RequestFinished
                | Kind::HeadNotRead
                | Kind::ForbiddenField(_)
        )
    }
}

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl fmt::Display for StreamErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reset(code) => write!(f, "the peer reset the stream: {code}"),
            Self::Malformed(code) => {
                write!(f, "the peer sent a malformed response: {code}")
            }
            Self::HeadTooLarge => f.write_str("the response has too many interim heads or fields"),
            Self::Connection(error) => error.fmt(f),
            Self::NoSuchStream => f.write_str("no such stream, or it has ended"),
            Self::RequestFinished => f.write_str("the request is already finished"),
            Self::HeadNotRead => {
                f.write_str("the response body was asked for before its head was read")
            }
            Self::ForbiddenField(name) => {
                write!(f, "field {name} must not be sent over HTTP/2")
            }
        }
    }
}

impl std::error::Error for StreamError {}

/// Why no stream was opened. Nothing of the request was sent, whichever it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenError {
    /// As many streams are open as the peer and the configuration allow: wait or go elsewhere.
    Full,
    /// The connection takes no more streams.
    Never(Error),
    /// The request cannot be said in HTTP/2.
    Invalid(InvalidRequest),
}

impl OpenError {
    /// [`Processed::No`]: every open that fails, fails before anything is sent.
    pub fn processed(&self) -> Processed {
        Processed::No
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("the HTTP/2 connection has no room for another stream"),
            Self::Never(error) => error.fmt(f),
            Self::Invalid(invalid) => invalid.fmt(f),
        }
    }
}

impl std::error::Error for OpenError {}

/// What in a request cannot be said in HTTP/2 (RFC 9113 sections 8.2.2 and 8.3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidRequest {
    /// The URI has no scheme; only CONNECT goes without.
    NoScheme,
    /// The URI has no authority.
    NoAuthority,
    /// The authority holds user information.
    UserInfo,
    /// This field belongs to HTTP/1.1 connections, or is `te` with another value than `trailers`.
    ForbiddenField(HeaderName),
    /// There is a `host` field that differs from the URI's authority.
    HostDiffers,
    /// CONNECT, for which no tunnel would be made.
    Connect,
    /// A request target that is no `:path`: that begins with a slash, or is `*` on OPTIONS.
    Target,
    /// `h2` refused it for a reason that is not known here.
    Other,
}

impl fmt::Display for InvalidRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoScheme => f.write_str("the request URI has no scheme"),
            Self::NoAuthority => f.write_str("the request URI has no authority"),
            Self::UserInfo => f.write_str("the request URI holds user information"),
            Self::ForbiddenField(name) => {
                write!(f, "field {name} must not be sent over HTTP/2")
            }
            Self::HostDiffers => f.write_str("the host field differs from the request URI"),
            Self::Connect => f.write_str("no tunnel is made over HTTP/2"),
            Self::Target => f.write_str("the request target is no path for HTTP/2"),
            Self::Other => f.write_str("the request cannot be sent over HTTP/2"),
        }
    }
}

impl std::error::Error for InvalidRequest {}
