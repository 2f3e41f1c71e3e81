//! What stands below policy: the network, or something of the user's in its place.

use crate::BoxFuture;
use crate::body::{Body, Source};
use crate::error::{Error, Kind};
use crate::feed::{Feed, Side, with_a};
use crate::network::Network;
use crate::proxy::Proxy;
use crate::reply::Reply;
use crate::request::Request;
use bytes::Bytes;
use nuncio_connection::{BlockCache, BodySize};
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

/// Turns one request into one reply, on a thread that may be kept waiting. No redirects, no
/// authentication, no cookies: those stand above (BEHAVIOUR section 22).
///
/// The request is as it would be sent, with the limits that hold for it in
/// [`Request::timeout`]. [`Body::into_feed`] of its body gives the bytes, whatever they come from;
/// `http::Request::try_from` takes the request apart.
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
    /// The client's own network settings, through a proxy.
    Proxy(Proxy),
    Custom(Custom),
}

/// Code of the user's, for one side or for both.
#[derive(Clone)]
pub(crate) enum Custom {
    Plain(Arc<dyn Fn(Request) -> Result<Reply, Error> + Send + Sync>),
    Blocking(Arc<dyn BlockingTransport>),
    Async(Arc<dyn AsyncTransport>),
    /// One of ours, which knows how each side waits.
    Ours(Arc<dyn Carrier>),
}

/// A transport of ours that takes bodies on either side: a mock, a script.
pub(crate) trait Carrier: Send + Sync {
    /// What [`fmt::Debug`] calls it.
    fn name(&self) -> &'static str;

    /// Whether it can be used on `side`: a mistake that was made in building it shows here.
    fn check(&self, side: Side) -> Result<(), Error>;

    fn carry(self: Arc<Self>, request: Request, side: Side, now: Instant) -> Sent;
}

/// Asks the source of a body in the way that a side has.
pub(crate) enum Ask<'a, 'b> {
    Thread(&'a BlockCache),
    Task(&'a mut Context<'b>),
}

impl Ask<'_, '_> {
    pub(crate) fn piece(&mut self, feed: &mut Feed) -> Poll<Option<io::Result<Bytes>>> {
        match self {
            Ask::Thread(blocks) => Poll::Ready(feed.read(blocks)),
            Ask::Task(cx) => feed.poll(cx),
        }
    }
}

impl Sent {
    /// The outcome of `work`, which is asked again as often as it takes.
    pub(crate) fn of(
        side: Side,
        mut work: impl FnMut(&mut Ask<'_, '_>) -> Poll<Result<Reply, Error>> + Send + 'static,
    ) -> Sent {
        match side {
            Side::Blocking => match work(&mut Ask::Thread(&BlockCache::default())) {
                Poll::Ready(reply) => Sent::Now(Box::new(reply)),
                Poll::Pending => {
                    let text = "a body cannot be waited for by a thread";
                    Sent::Now(Box::new(Err(Error::new(Kind::Usage, text))))
                }
            },
            Side::Async => Sent::Later(Box::pin(poll_fn(move |cx| work(&mut Ask::Task(cx))))),
        }
    }
}

/// Hands a request's body to a transport. What can be had again stays here too; what cannot is lent,
/// so that a redirect which asks for it finds that it is gone.
pub(crate) fn hand_over(body: &mut Body) -> Body {
    let length = match body.size() {
        BodySize::Known(length) => Some(length),
        BodySize::Unknown | BodySize::Empty => None,
    };
    let another = match &body.source {
        Source::Feed { feed, .. } => feed.as_ref().and_then(Feed::another),
        _ => return body.duplicate().unwrap_or_default(),
    };
    let feed = another.or_else(|| body.lend());
    Body {
        source: Source::Feed { feed, length },
    }
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

    /// The network as the client has it, through a proxy.
    pub fn proxy(proxy: impl Into<Proxy>) -> Self {
        Transport(Way::Proxy(proxy.into()))
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
            Custom::Ours(carrier) => return carrier.check(side),
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

    pub(crate) fn send(&self, request: Request, side: Side, now: Instant) -> Sent {
        match self {
            Custom::Plain(answer) => Sent::Now(Box::new(answer(request))),
            Custom::Blocking(transport) => Sent::Now(Box::new(transport.send(request))),
            Custom::Async(transport) => Sent::Later(transport.send(request)),
            Custom::Ours(carrier) => Arc::clone(carrier).carry(request, side, now),
        }
    }
}

/// How a transport answered.
pub(crate) enum Sent {
    Now(Box<Result<Reply, Error>>),
    Later(BoxFuture<'static, Result<Reply, Error>>),
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Way::Default => "Transport(the client's)",
            Way::Network(_) => "Transport(network)",
            Way::Proxy(proxy) => return write!(f, "Transport({proxy})"),
            Way::Custom(Custom::Plain(_)) => "Transport(function)",
            Way::Custom(Custom::Blocking(_)) => "Transport(blocking)",
            Way::Custom(Custom::Async(_)) => "Transport(async)",
            Way::Custom(Custom::Ours(carrier)) => {
                return write!(f, "Transport({})", carrier.name());
            }
        })
    }
}

impl From<Body> for Reply {
    /// A 200 with this body and no fields.
    fn from(body: Body) -> Self {
        Reply::new(200).body(body)
    }
}
