//! [`Handshake`]: the layers of a new connection are set up one after the other.

use super::link::Link;
use super::{Layer, ProxyError, ProxyProtocol, http_connect, socks4, socks5};
use crate::error::{Error, Phase};
use crate::event::{Event, EventSink};
use crate::h1::after;
use std::time::{Duration, Instant};
use std::vec;

#[cfg(feature = "tls")]
use crate::error::TlsError;
#[cfg(feature = "tls")]
use crate::message::Protocol;
#[cfg(feature = "tls")]
use crate::tls::{Tls, TlsParams};

/// The layer that is being set up, and those that are to follow.
#[derive(Debug)]
pub(crate) struct Handshake {
    current: Current,
    rest: vec::IntoIter<Layer>,
    /// How long each of them may take.
    limit: Option<Duration>,
    until: Option<Instant>,
}

#[derive(Debug)]
enum Current {
    #[cfg(feature = "tls")]
    Tls,
    Http(Box<http_connect::Negotiation>),
    Socks5(Box<socks5::Negotiation>),
    Socks4,
}

/// How far the layers have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A peer is waited for.
    Waiting,
    /// All stand; the last one is TLS, and ALPN may say what is spoken.
    #[cfg(feature = "tls")]
    Secured,
    /// All stand; the last one is a proxy's consent.
    Connected,
}

impl Handshake {
    /// Begins with the first of `layers`; with none there is nothing to be done.
    ///
    /// All are looked at first, so that nobody is dialled through for what cannot come to an end.
    pub(crate) fn new(
        layers: Vec<Layer>,
        limit: Option<Duration>,
        link: &mut Link,
        events: &EventSink,
        now: Instant,
    ) -> Result<Option<Self>, Error> {
        let mut rest = layers.into_iter();
        let Some(first) = rest.next() else {
            return Ok(None);
        };
        for layer in rest.as_slice() {
            layer.check()?;
        }
        Ok(Some(Handshake {
            current: begin(first, false, link, events)?,
            rest,
            limit,
            until: after(now, limit),
        }))
    }

    /// One session of TLS over what is there already, of which nothing is unread.
    #[cfg(feature = "tls")]
    pub(crate) fn upgrade(
        params: TlsParams,
        limit: Option<Duration>,
        link: &mut Link,
        events: &EventSink,
        now: Instant,
    ) -> Result<Self, Error> {
        Ok(Handshake {
            current: begin(Layer::Tls(params), true, link, events)?,
            rest: Vec::new().into_iter(),
            limit,
            until: after(now, limit),
        })
    }

    /// Goes on with what has come.
    pub(crate) fn advance(
        &mut self,
        link: &mut Link,
        events: &EventSink,
        now: Instant,
    ) -> Result<Step, Error> {
        loop {
            let Some(stands) = self.current.advance(link).map_err(Error::Proxy)? else {
                return Ok(Step::Waiting);
            };
            if let Some(protocol) = self.current.proxy() {
                events.raise(|| Event::ProxyConnectComplete { protocol });
            }
            let Some(next) = self.rest.next() else {
                return Ok(stands);
            };
            #[cfg(feature = "tls")]
            if stands == Step::Secured {
                check_proxy_alpn(link).map_err(Error::Tls)?;
                events.raise_tls_complete(link, Protocol::Http1);
            }
            link.expect_silence()?;
            self.current = begin(next, true, link, events)?;
            self.until = after(now, self.limit);
        }
    }

    /// What it means that the connection ended, or a socket failed, before all layers stood.
    pub(crate) fn ended(&mut self, link: &Link) -> Error {
        match &mut self.current {
            #[cfg(feature = "tls")]
            Current::Tls => Error::Tls(TlsError::Truncated),
            Current::Http(negotiation) => Error::Proxy(negotiation.ended(link.input.bytes())),
            Current::Socks5(_) | Current::Socks4 => Error::Proxy(ProxyError::Closed),
        }
    }

    /// How many layers do not stand yet.
    pub(crate) fn left(&self) -> usize {
        1 + self.rest.len()
    }

    /// When the layer that is being set up has had its time.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.until
    }

    /// Whom it was waited for, if the time for that is over.
    pub(crate) fn expired(&self, now: Instant) -> Option<Phase> {
        let due = self.until.filter(|until| *until <= now);
        due.map(|_| self.phase())
    }

    /// Whom it is waited for.
    pub(crate) fn phase(&self) -> Phase {
        match self.current.proxy() {
            Some(_) => Phase::Proxy,
            None => Phase::Connect,
        }
    }
}

impl Current {
    /// What stands now, or nothing yet.
    fn advance(&mut self, link: &mut Link) -> Result<Option<Step>, ProxyError> {
        #[cfg(feature = "tls")]
        if let Current::Tls = self {
            return Ok((!link.is_handshaking()).then_some(Step::Secured));
        }
        let (input, out) = link.both();
        let connected = match self {
            #[cfg(feature = "tls")]
            Current::Tls => false,
            Current::Http(negotiation) => negotiation.advance(input)?,
            Current::Socks5(negotiation) => negotiation.advance(input, out)?,
            Current::Socks4 => socks4::advance(input)?,
        };
        Ok(connected.then_some(Step::Connected))
    }

    fn proxy(&self) -> Option<ProxyProtocol> {
        match self {
            #[cfg(feature = "tls")]
            Current::Tls => None,
            Current::Http(_) => Some(ProxyProtocol::Http),
            Current::Socks5(_) => Some(ProxyProtocol::Socks5),
            Current::Socks4 => Some(ProxyProtocol::Socks4),
        }
    }
}

/// Says the first words of a layer. If it is `behind` another one, what comes before they are sent is no
/// answer to them.
fn begin(
    layer: Layer,
    behind: bool,
    link: &mut Link,
    events: &EventSink,
) -> Result<Current, Error> {
    #[cfg(not(feature = "tls"))]
    let _ = behind;
    match layer {
        #[cfg(feature = "tls")]
        Layer::Tls(params) => {
            events.raise(|| Event::TlsStarted {
                server_name: &params.server_name,
            });
            link.push(Tls::new(params).map_err(Error::Tls)?, behind);
            Ok(Current::Tls)
        }
        Layer::HttpConnect(connect) => {
            connect.check()?;
            started(events, ProxyProtocol::Http, || connect.authority.clone());
            let negotiation = http_connect::Negotiation::new(&connect, link.top())?;
            Ok(Current::Http(Box::new(negotiation)))
        }
        Layer::Socks5(socks) => {
            socks.check().map_err(Error::Proxy)?;
            started(events, ProxyProtocol::Socks5, || socks.target());
            let negotiation = socks5::Negotiation::new(socks, link.top());
            Ok(Current::Socks5(Box::new(negotiation)))
        }
        Layer::Socks4(socks) => {
            socks.check().map_err(Error::Proxy)?;
            started(events, ProxyProtocol::Socks4, || socks.target());
            socks4::ask(&socks, link.top());
            Ok(Current::Socks4)
        }
    }
}

fn started(events: &EventSink, protocol: ProxyProtocol, target: impl FnOnce() -> String) {
    if events.listens() {
        let target = target();
        events.raise(|| Event::ProxyConnectStarted {
            protocol,
            target: &target,
        });
    }
}

/// A proxy is spoken to in HTTP/1.1, or in SOCKS.
#[cfg(feature = "tls")]
fn check_proxy_alpn(link: &Link) -> Result<(), TlsError> {
    match link.alpn()? {
        None | Some(b"http/1.1") => Ok(()),
        Some(other) => {
            let other = String::from_utf8_lossy(other).into_owned();
            Err(TlsError::UnexpectedProtocol(other))
        }
    }
}
