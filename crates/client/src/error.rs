//! The one error type of the face: what was tried, where, on which phase, and why it failed.

use crate::proxy::Proxy;
use crate::response::Response;
use nuncio_connection::{DialError, Error as ConnectionError, Phase, Processed};
#[cfg(feature = "http2")]
use nuncio_connection::{Http2Error, Http2StreamError};
use nuncio_url::Url;
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

/// What kind of failure it was: httpx's exception tree (BEHAVIOUR section 21) as a flat list, its
/// inner nodes as predicates of [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Looking up, dialling or the TLS handshake took too long.
    ConnectTimeout,
    /// The peer was silent too long.
    ReadTimeout,
    /// The peer took none of our bytes for too long.
    WriteTimeout,
    /// No connection became free in time.
    PoolTimeout,
    /// All that was done for the request took too long together.
    TotalTimeout,
    /// A body moved too slowly.
    LowSpeed,
    /// The name could not be looked up, nobody answered, or TLS failed.
    Connect,
    /// The socket failed while reading.
    Read,
    /// The socket failed while writing.
    Write,
    /// What we were to send is not a legal message.
    LocalProtocol,
    /// What the peer sent is not a legal message, or it ended too early.
    RemoteProtocol,
    /// The [`ConnectPolicy`](crate::ConnectPolicy) refused every address of the host: nothing was
    /// dialled.
    Policy,
    /// A proxy refused, failed to reach the server, or broke the protocol while it was asked to. One that
    /// cannot be reached itself is `Connect` or `ConnectTimeout`, and [`Error::proxy`] names it.
    Proxy,
    /// No scheme, or one that is not http or https.
    UnsupportedProtocol,
    /// More redirects than the client follows.
    TooManyRedirects,
    /// The response's status was not a success, and that was made an error.
    Status,
    /// The URL cannot be parsed, or cannot be requested.
    InvalidUrl,
    /// The response's body is not what it was read as: JSON, text.
    Decoding,
    /// Reading the request's body from its source failed.
    RequestBody,
    /// Several cookies have the name that was asked for.
    CookieConflict,
    /// The body was read already.
    StreamConsumed,
    /// The response or the client was closed.
    Closed,
    /// An argument that cannot be used; it is named in the text.
    Builder,
    /// Something was called where it cannot work, such as an async client outside its runtime.
    Usage,
}

/// Why a request failed. Cheap to clone.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

struct Inner {
    kind: Kind,
    cause: Cause,
    request: Option<(String, Url)>,
    /// The proxy on the way, and whether it is the one that failed.
    proxy: Option<(String, bool)>,
    address: Option<SocketAddr>,
    processed: Processed,
    /// What was being done, where the kind does not say it.
    phase: Option<Phase>,
    response: Option<Response>,
}

/// The root cause, as text or as an error of a layer below.
#[derive(Clone, Debug)]
pub(crate) enum Cause {
    Text(String),
    Connection(ConnectionError),
    Dial(DialError),
    Io(Arc<io::Error>),
    Other(Arc<dyn StdError + Send + Sync>),
}

impl Error {
    pub(crate) fn with_cause(kind: Kind, cause: Cause) -> Self {
        let (request, address, response) = (None, None, None);
        Error(Arc::new(Inner {
            kind,
            cause,
            request,
            proxy: None,
            address,
            processed: Processed::No,
            phase: None,
            response,
        }))
    }

    /// An error with a text of its own; the adapters make them too.
    pub fn new(kind: Kind, text: impl Into<String>) -> Self {
        Self::with_cause(kind, Cause::Text(text.into()))
    }

    /// An error whose cause is a socket's or a source's.
    pub fn io(kind: Kind, error: io::Error) -> Self {
        Self::with_cause(kind, Cause::Io(Arc::new(error)))
    }

    /// An error whose cause is another library's, told in its words.
    pub fn other(kind: Kind, error: impl StdError + Send + Sync + 'static) -> Self {
        Self::with_cause(kind, Cause::Other(Arc::new(error)))
    }

    /// The source of a request's body failed.
    pub(crate) fn request_body(error: &io::Error) -> Self {
        let text = format!("reading the request's body: {error}");
        Self::io(Kind::RequestBody, io::Error::new(error.kind(), text))
    }

    /// What a connection told, with the kind that it has for a caller.
    pub fn connection(error: ConnectionError, connecting: bool) -> Self {
        let kind = match &error {
            ConnectionError::Timeout(Phase::Connect | Phase::Proxy) => Kind::ConnectTimeout,
            ConnectionError::Timeout(Phase::Read) => Kind::ReadTimeout,
            ConnectionError::Timeout(Phase::Write) => Kind::WriteTimeout,
            ConnectionError::Timeout(_) => Kind::PoolTimeout,
            ConnectionError::Local(_) => Kind::LocalProtocol,
            ConnectionError::Remote(_) => Kind::RemoteProtocol,
            ConnectionError::Proxy(_) => Kind::Proxy,
            #[cfg(feature = "http2")]
            ConnectionError::Http2Request(_) => Kind::LocalProtocol,
            #[cfg(feature = "http2")]
            ConnectionError::Http2(Http2Error::Config(_)) => Kind::Builder,
            #[cfg(feature = "http2")]
            ConnectionError::Http2Stream(Http2StreamError::ForbiddenField(_)) => {
                Kind::LocalProtocol
            }
            _ if connecting => Kind::Connect,
            ConnectionError::Io(error) => match error.phase {
                Phase::Connect | Phase::Proxy => Kind::Connect,
                Phase::Write => Kind::Write,
                _ => Kind::Read,
            },
            ConnectionError::Tls(_) => Kind::Read,
            ConnectionError::Closed => Kind::Closed,
            ConnectionError::Misuse(_) => Kind::Usage,
            _ => Kind::RemoteProtocol,
        };
        Self::with_cause(kind, Cause::Connection(error))
    }

    /// Why no address could be connected to.
    pub(crate) fn dial(error: DialError) -> Self {
        let kind = if error.is_refused() {
            Kind::Policy
        } else if error.is_timeout() {
            Kind::ConnectTimeout
        } else {
            Kind::Connect
        };
        Self::with_cause(kind, Cause::Dial(error))
    }

    fn change(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        if Arc::get_mut(&mut self.0).is_none() {
            self = Error(Arc::new(Inner {
                kind: self.0.kind,
                cause: self.0.cause.clone(),
                request: self.0.request.clone(),
                proxy: self.0.proxy.clone(),
                address: self.0.address,
                processed: self.0.processed,
                phase: self.0.phase,
                response: self.0.response.clone(),
            }));
        }
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            change(inner);
        }
        self
    }

    /// Says which request failed.
    pub(crate) fn for_request(self, method: &str, url: &Url) -> Self {
        if self.0.request.is_some() {
            return self;
        }
        self.change(|inner| inner.request = Some((method.to_owned(), url.clone())))
    }

    /// Says which proxy failed, or was on the way when something else did.
    pub(crate) fn by_proxy(self, proxy: &Proxy, own: bool) -> Self {
        self.change(|inner| inner.proxy = Some((proxy.to_string(), own)))
    }

    pub(crate) fn at(self, address: Option<SocketAddr>) -> Self {
        if address.is_none() {
            self
        } else {
            self.change(|inner| inner.address = address)
        }
    }

    pub(crate) fn with_processed(self, processed: Processed) -> Self {
        self.change(|inner| inner.processed = processed)
    }

    pub(crate) fn in_phase(self, phase: Option<Phase>) -> Self {
        self.change(|inner| inner.phase = phase)
    }

    pub(crate) fn with_response(self, response: Response) -> Self {
        self.change(|inner| inner.response = Some(response))
    }

    /// What kind of failure it was.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// A limit of a [`Timeout`](crate::Timeout) was passed: connect, read, write, pool, total or low
    /// speed.
    pub fn is_timeout(&self) -> bool {
        matches!(
            self.kind(),
            Kind::ConnectTimeout
                | Kind::ReadTimeout
                | Kind::WriteTimeout
                | Kind::PoolTimeout
                | Kind::TotalTimeout
                | Kind::LowSpeed
        )
    }

    /// No connection could be made, in time or at all.
    pub fn is_connect(&self) -> bool {
        matches!(self.kind(), Kind::Connect | Kind::ConnectTimeout)
    }

    /// The network failed: connecting, reading or writing.
    pub fn is_network(&self) -> bool {
        matches!(self.kind(), Kind::Connect | Kind::Read | Kind::Write)
    }

    /// One side broke the protocol.
    pub fn is_protocol(&self) -> bool {
        matches!(self.kind(), Kind::LocalProtocol | Kind::RemoteProtocol)
    }

    /// Anything below the client's policy: timeouts, network, protocol.
    pub fn is_transport(&self) -> bool {
        self.is_timeout()
            || self.is_network()
            || self.is_protocol()
            || matches!(self.kind(), Kind::Proxy | Kind::UnsupportedProtocol)
    }

    /// The status was made an error by `error_for_status`.
    pub fn is_status(&self) -> bool {
        self.kind() == Kind::Status
    }

    /// The caller's mistake, found before anything was sent.
    pub fn is_usage(&self) -> bool {
        matches!(self.kind(), Kind::Builder | Kind::Usage | Kind::InvalidUrl)
    }

    /// What was being done when it failed; none where nothing was under way with a peer.
    pub fn phase(&self) -> Option<Phase> {
        match self.kind() {
            Kind::Connect | Kind::ConnectTimeout => Some(Phase::Connect),
            Kind::Write | Kind::WriteTimeout => Some(Phase::Write),
            Kind::Read | Kind::ReadTimeout => Some(Phase::Read),
            Kind::PoolTimeout => Some(Phase::Pool),
            _ => self.0.phase,
        }
    }

    /// The method of the request that failed.
    pub fn method(&self) -> Option<&str> {
        self.0.request.as_ref().map(|(method, _)| method.as_str())
    }

    /// The URL of the request that failed.
    pub fn url(&self) -> Option<&Url> {
        self.0.request.as_ref().map(|(_, url)| url)
    }

    /// The proxy that failed, without its credentials: it could not be reached, refused, or did not do as
    /// it should. None for what failed behind it.
    pub fn proxy(&self) -> Option<&str> {
        match &self.0.proxy {
            Some((name, true)) => Some(name),
            _ => None,
        }
    }

    /// The address that was being talked to or dialled.
    pub fn address(&self) -> Option<SocketAddr> {
        self.0.address
    }

    /// Whether the server may have acted on the request.
    pub fn processed(&self) -> Processed {
        self.0.processed
    }

    /// The response, where one came: for a status error. Of a long body it has the beginning.
    pub fn response(&self) -> Option<&Response> {
        self.0.response.as_ref()
    }

    /// The response, where one came, without the rest.
    pub fn into_response(self) -> Option<Response> {
        match Arc::try_unwrap(self.0) {
            Ok(inner) => inner.response,
            Err(shared) => shared.response.clone(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((method, url)) = &self.0.request
            && self.kind() != Kind::Status
        {
            write!(f, "{method} {}: ", Place(url))?;
        }
        match &self.0.proxy {
            Some((name, true)) => write!(f, "proxy {name}: ")?,
            Some((name, false)) => write!(f, "through {name}: ")?,
            None => {}
        }
        // What was dialled in vain is named by the cause.
        if let (Some(address), false) = (self.0.address, matches!(self.0.cause, Cause::Dial(_))) {
            write!(f, "{address}: ")?;
        }
        match &self.0.cause {
            Cause::Text(text) => f.write_str(text),
            Cause::Connection(error) => error.fmt(f),
            Cause::Dial(error) => error.fmt(f),
            Cause::Io(error) => error.fmt(f),
            Cause::Other(error) => error.fmt(f),
        }
    }
}

/// A URL as errors name it: without its credentials, the user's name included, which is a token as
/// often as not; and without its fragment, which is never sent.
pub(crate) struct Place<'a>(pub(crate) &'a Url);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}://{}{}",
            self.0.scheme(),
            self.0.netloc(),
            self.0.raw_path()
        )
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({:?}: {self})", self.kind())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.0.cause {
            Cause::Text(_) => None,
            Cause::Connection(error) => Some(error),
            Cause::Dial(error) => Some(error),
            Cause::Io(error) => Some(error.as_ref()),
            Cause::Other(error) => Some(error.as_ref()),
        }
    }
}
