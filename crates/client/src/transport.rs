//! What stands below policy: the network, or something of the user's in its place.

use crate::BoxFuture;
use crate::body::Body;
use crate::error::{Error, Kind};
use crate::feed::{Side, with_a};
use crate::network::Network;
use crate::reply::Reply;
use crate::request::Request;
use std::fmt;
use std::sync::Arc;

/// Turns one request into one reply, on a thread that may be kept waiting. No redirects, no
/// authentication, no cookies: those stand above (BEHAVIOUR section 22).
pub trait BlockingTransport: Send + Sync {
    /// Answers `request`.
    ///
    /// # Errors
    /// Whatever ended it; the client says which request it was.
    fn send(&self, request: Request) -> Result<Reply, Error>;
}

/// As [`BlockingTransport`], for async clients.
pub trait AsyncTransport: Send + Sync {
    /// Answers `request`, later.
    fn send(&self, request: Request) -> BoxFuture<'static, Result<Reply, Error>>;
}

/// What carries a request: the network with settings of its own, or code of the user's.
///
/// Given to [`ClientBuilder::transport`](crate::ClientBuilder::transport) for every URL, or to
/// [`ClientBuilder::mount`](crate::ClientBuilder::mount) for those that match a pattern.
#[derive(Clone)]
pub struct Transport(pub(crate) Way);

#[derive(Clone)]
pub(crate) enum Way {
    /// The client's own network settings.
    Default,
    Network(Box<Network>),
    Custom(Custom),
}

/// Code of the user's, for one side or for both.
#[derive(Clone)]
pub(crate) enum Custom {
    Plain(Arc<dyn Fn(Request) -> Result<Reply, Error> + Send + Sync>),
    Blocking(Arc<dyn BlockingTransport>),
    Async(Arc<dyn AsyncTransport>),
}

impl Transport {
    /// The client's own, which a more general mount would otherwise replace.
    pub fn client_default() -> Self {
        Transport(Way::Default)
    }

    /// The network, with TLS settings, limits and connections apart from the client's.
    pub fn network(network: Network) -> Self {
        Transport(Way::Network(Box::new(network)))
    }

    /// A function that answers at once, for clients of both kinds: an application in this process,
    /// or a test's.
    pub fn function(
        answer: impl Fn(Request) -> Result<Reply, Error> + Send + Sync + 'static,
    ) -> Self {
        Transport(Way::Custom(Custom::Plain(Arc::new(answer))))
    }

    /// One that may keep its thread waiting, for blocking clients.
    pub fn blocking(transport: impl BlockingTransport + 'static) -> Self {
        Transport(Way::Custom(Custom::Blocking(Arc::new(transport))))
    }

    /// One that answers with a future, for async clients.
    pub fn future(transport: impl AsyncTransport + 'static) -> Self {
        Transport(Way::Custom(Custom::Async(Arc::new(transport))))
    }
}

impl Custom {
    /// Whether it works on `side`.
    pub(crate) fn check(&self, side: Side) -> Result<(), Error> {
        let of = match self {
            Custom::Plain(_) => return Ok(()),
            Custom::Blocking(_) => Side::Blocking,
            Custom::Async(_) => Side::Async,
        };
        if of == side {
            return Ok(());
        }
        let text = format!(
            "{} transport was given to {} client",
            with_a(of),
            with_a(side)
        );
        Err(Error::new(Kind::Usage, text))
    }

    pub(crate) fn send(&self, request: Request) -> Sent {
        match self {
            Custom::Plain(answer) => Sent::Now(answer(request)),
            Custom::Blocking(transport) => Sent::Now(transport.send(request)),
            Custom::Async(transport) => Sent::Later(transport.send(request)),
        }
    }
}

/// How a transport answered.
pub(crate) enum Sent {
    Now(Result<Reply, Error>),
    Later(BoxFuture<'static, Result<Reply, Error>>),
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Way::Default => "Transport(the client's)",
            Way::Network(_) => "Transport(network)",
            Way::Custom(Custom::Plain(_)) => "Transport(function)",
            Way::Custom(Custom::Blocking(_)) => "Transport(blocking)",
            Way::Custom(Custom::Async(_)) => "Transport(async)",
        })
    }
}

impl From<Body> for Reply {
    /// A 200 with this body and no fields.
    fn from(body: Body) -> Self {
        Reply::new(200).body(body)
    }
}
