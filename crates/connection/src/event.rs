//! The events that a client can be watched by, and where each is raised.
//!
//! The names follow the steps of BEHAVIOUR section 27. A step raises `started` and then `complete`
//! or `failed`; an event borrows what it tells, so that nothing is made where nobody listens.

use crate::address::Address;
use crate::error::{Error, Phase};
use crate::layers::ProxyProtocol;
use crate::message::Protocol;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Something that happened to a request or to a connection.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A name is about to be looked up. Raised by `Call`.
    ResolveStarted {
        /// The host, as in the URL.
        host: &'a str,
        /// The port to be dialled.
        port: u16,
    },
    /// The look-up gave addresses. Raised by `Call`.
    ResolveComplete {
        /// In the resolver's order; its families take turns when they are tried.
        addresses: &'a [SocketAddr],
    },
    /// A connection is about to be dialled. Raised by `Call`, once for every address tried.
    ConnectStarted {
        /// The address.
        address: &'a Address,
    },
    /// The address answered. Raised by `Call`.
    ConnectComplete {
        /// The address.
        address: &'a Address,
    },
    /// The address did not answer, or refused; or it may not be dialled, and then nothing was begun.
    /// Raised by `Call`.
    ConnectFailed {
        /// The address.
        address: &'a Address,
        /// Why.
        error: &'a Error,
    },
    /// No connection could be made, and after a pause it is tried once more. Raised by `Call`.
    ConnectRetry {
        /// How long the pause is.
        delay: Duration,
    },
    /// A proxy is about to be asked to connect on. Raised by `Connection`, as is the next.
    ProxyConnectStarted {
        /// How it is asked.
        protocol: ProxyProtocol,
        /// Where to, `host:port`.
        target: &'a str,
    },
    /// The proxy has connected.
    ProxyConnectComplete {
        /// How it was asked.
        protocol: ProxyProtocol,
    },
    /// A TLS handshake begins, that with a proxy too. Raised by `Connection`.
    TlsStarted {
        /// The name or address that the certificate must hold.
        server_name: &'a str,
    },
    /// The handshake is done. Raised by `Connection::handle_input`.
    TlsComplete {
        /// The protocol agreed on; HTTP/1.1 is told of a proxy, and within a tunnel.
        protocol: Protocol,
        /// What else was, and the certificates that were shown.
        #[cfg(feature = "tls")]
        tls: &'a crate::TlsInfo,
    },
    /// A pooled connection is used again. Raised by `Call`.
    Reused,
    /// A pooled connection had gone stale and was put away; another will be used. Raised by `Call`.
    Stale,
    /// The request's head was handed over to be sent. Raised by `Connection::open`.
    RequestHeadSent {
        /// In which version it is sent. HTTP/2 sends the names of fields in lower case, and leaves those
        /// out that belong to HTTP/1.1 connections.
        version: http::Version,
        /// The method.
        method: &'a str,
        /// The request target.
        target: &'a str,
        /// The fields, as they are sent.
        headers: &'a nuncio_headers::Headers,
    },
    /// The request's body is complete. Raised by `Connection::finish_body`.
    RequestBodySent,
    /// A response head came, interim ones too. Raised by `Connection::read_head`.
    ResponseHead {
        /// The head.
        head: &'a nuncio_http1::ResponseHead,
    },
    /// The response's body is complete. Raised by `Connection::read_body`.
    ResponseComplete,
    /// An exchange failed. Raised by `Connection`, where the error is first told.
    Failed {
        /// What it was doing, where a wait failed.
        phase: Option<Phase>,
        /// Why.
        error: &'a Error,
    },
    /// The connection will not be used again. Raised by `Connection::close`, which
    /// whoever gives a connection up calls.
    Closed {
        /// Why, in a few words.
        reason: &'a str,
    },
}

/// Where events go. Cheap to clone; [`EventSink::none`] costs one comparison per event.
#[derive(Clone, Default)]
pub struct EventSink(Option<Arc<Listener>>);

type Listener = dyn Fn(&Event<'_>) + Send + Sync;

impl EventSink {
    /// Nobody listens.
    pub const fn none() -> Self {
        EventSink(None)
    }

    /// `listener` is called in the thread or task that moves the connection, and must not block.
    pub fn new(listener: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        EventSink(Some(Arc::new(listener)))
    }

    /// One that tells both, this one first.
    pub fn and(&self, other: &EventSink) -> Self {
        match (&self.0, &other.0) {
            (None, _) => other.clone(),
            (_, None) => self.clone(),
            (Some(first), Some(second)) => {
                let (first, second) = (Arc::clone(first), Arc::clone(second));
                EventSink::new(move |event| {
                    first(event);
                    second(event);
                })
            }
        }
    }

    /// Whether anybody listens: for what would cost something to tell.
    pub fn listens(&self) -> bool {
        self.0.is_some()
    }

    /// Raises [`Event::TlsComplete`] for the innermost session of `link`.
    #[cfg(feature = "tls")]
    pub(crate) fn raise_tls_complete(&self, link: &crate::layers::Link, protocol: Protocol) {
        if self.listens()
            && let Some(tls) = &link.tls()
        {
            self.raise(|| Event::TlsComplete { protocol, tls });
        }
    }

    /// Raises the event that `make` describes, if anybody listens.
    pub fn raise<'a>(&self, make: impl FnOnce() -> Event<'a>) {
        if let Some(listener) = &self.0 {
            listener(&make());
        }
    }
}

impl fmt::Debug for EventSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() {
            "EventSink(listening)"
        } else {
            "EventSink(none)"
        })
    }
}
