//! How connections are made: TLS, limits, which protocol, HTTP/1.1's strictness.

use crate::dialing::{DialSettings, Dials};
use crate::environment::Environment;
use crate::error::{Error, Kind};
#[cfg(feature = "tls")]
use crate::proxy::ToProxies;
use crate::proxy::{Detour, Proxy};
use crate::request::Request;
use nuncio_connection::{ConnectionConfig, EventSink, Layer, Limits, PriorKnowledge};
use nuncio_url::Url;
use std::fmt;
use std::sync::Arc;
#[cfg(feature = "http2")]
use std::time::Duration;

/// Settings of the network. A client has its own, through the methods of the same names on
/// [`ClientBuilder`](crate::ClientBuilder); a mount may have others.
#[derive(Clone, Default)]
pub struct Network {
    limits: Limits,
    http1: nuncio_connection::Http1Config,
    protocols: Protocols,
    pub(crate) dial: DialSettings,
    #[cfg(feature = "http2")]
    keep_alive: Option<Duration>,
    pub(crate) proxy: Option<Proxy>,
    #[cfg(feature = "tls")]
    tls: crate::tls::Tls,
}

/// Which protocols may be spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Protocols {
    #[default]
    Http1,
    /// Whichever the server picks by ALPN; HTTP/1.1 where there is no TLS.
    #[cfg(feature = "http2")]
    Both,
    #[cfg(feature = "http2")]
    Http2,
}

impl Protocols {
    /// What ALPN offers, the preferred one first.
    #[cfg(feature = "tls")]
    fn alpn(self) -> &'static [&'static [u8]] {
        match self {
            Protocols::Http1 => &[b"http/1.1"],
            #[cfg(feature = "http2")]
            Protocols::Both => &[b"h2", b"http/1.1"],
            #[cfg(feature = "http2")]
            Protocols::Http2 => &[b"h2"],
        }
    }

    /// What is spoken where ALPN does not say.
    fn prior_knowledge(self) -> PriorKnowledge {
        match self {
            #[cfg(feature = "http2")]
            Protocols::Http2 => PriorKnowledge::Http2,
            _ => PriorKnowledge::Http1,
        }
    }
}

impl Network {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many connections there may be. Default 100, 20 of them idle, for 5 s.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Tolerates servers that break HTTP/1.1 in ways that can be made sense of. A connection on
    /// which something was tolerated is never used again.
    pub fn lenient(mut self, lenient: bool) -> Self {
        self.http1 = self.http1.lenient(lenient);
        self
    }

    /// Offers HTTP/2 beside HTTP/1.1 over TLS, by ALPN (RFC 9113 section 3.2): the server picks.
    /// Default false. Without TLS it is HTTP/1.1 all the same.
    #[cfg(feature = "http2")]
    pub fn http2(mut self, offer: bool) -> Self {
        self.protocols = if offer {
            Protocols::Both
        } else {
            Protocols::Http1
        };
        self
    }

    /// Speaks HTTP/2 and nothing else: over TLS it alone is offered, and without TLS it is spoken
    /// from the first byte (RFC 9113 section 3.3). Default false. A server that does not
    /// understand it is an error.
    #[cfg(feature = "http2")]
    pub fn http2_prior_knowledge(mut self, only: bool) -> Self {
        self.protocols = if only {
            Protocols::Http2
        } else {
            Protocols::Http1
        };
        self
    }

    /// Asks an HTTP/2 server for a sign of life (a PING, RFC 9113 section 6.7) where nothing has come
    /// from it for `silence`, and gives the connection up, with all that it carries, where nothing
    /// comes for as long again. Default none: a server that is gone is noticed by the time-outs.
    ///
    /// Async clients ask on idle connections too. A blocking client has no thread of its own: it
    /// asks while a request is waited for.
    #[cfg(feature = "http2")]
    pub fn http2_keep_alive(mut self, silence: impl Into<Option<Duration>>) -> Self {
        self.keep_alive = silence.into();
        self
    }

    /// Goes through this proxy, whatever the URL. Default directly to each server.
    pub fn proxy(mut self, proxy: impl Into<Proxy>) -> Self {
        self.proxy = Some(proxy.into());
        self
    }

    /// How TLS is spoken, in full.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: crate::Tls) -> Self {
        self.tls = tls;
        self
    }

    /// Trusts the certificates of this PEM text, and no others: what was trusted before is not.
    #[cfg(feature = "tls")]
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.tls = self.tls.root_certificates(pem);
        self
    }

    /// **Accepts every certificate of every server.** Whoever stands between can read and change
    /// everything. For tests against servers of one's own.
    #[cfg(feature = "tls")]
    pub fn danger_accept_invalid_certs(mut self, accept: bool) -> Self {
        self.tls = self.tls.danger_accept_invalid_certs(accept);
        self
    }

    /// Shows this certificate to servers that ask who the client is.
    #[cfg(feature = "tls")]
    pub fn identity(mut self, identity: crate::Identity) -> Self {
        self.tls = self.tls.identity(identity);
        self
    }

    /// Uses this rustls configuration as it is, but for one thing: where HTTP/2 is asked for and
    /// the configuration names no ALPN protocols, it offers those.
    #[cfg(feature = "tls")]
    pub fn tls_config(mut self, config: impl Into<Arc<rustls::ClientConfig>>) -> Self {
        self.tls = self.tls.config(config);
        self
    }

    /// What connections are made with.
    pub(crate) fn build(
        self,
        events: EventSink,
        blocks: nuncio_connection::BlockCache,
        environment: Environment,
        trust_env: bool,
    ) -> Result<Wiring, Error> {
        // Without TLS there is nothing that is read.
        #[cfg(not(feature = "tls"))]
        let _ = (environment, trust_env);
        // Without HTTP/2 there is nothing else to be set.
        #[cfg_attr(not(feature = "http2"), allow(clippy::needless_update))]
        let connection = ConnectionConfig {
            http1: self.http1,
            events,
            blocks,
            prior_knowledge: self.protocols.prior_knowledge(),
            #[cfg(feature = "http2")]
            http2_keep_alive: self.keep_alive.filter(|silence| !silence.is_zero()),
            ..ConnectionConfig::default()
        };
        #[cfg(not(feature = "tls"))]
        let secure = Secure::Missing;
        #[cfg(feature = "tls")]
        let secure = Secure::Tls {
            config: self
                .tls
                .build(self.protocols.alpn(), environment, trust_env)?,
            server_name: self.tls.name().cloned(),
            to_proxies: Arc::new(ToProxies::new(environment, trust_env)),
        };
        let connection = Arc::new(connection);
        let forwarding = if connection.prior_knowledge == PriorKnowledge::Http1 {
            Arc::clone(&connection)
        } else {
            Arc::new(ConnectionConfig {
                prior_knowledge: PriorKnowledge::Http1,
                ..ConnectionConfig::clone(&connection)
            })
        };
        let wiring = Wiring {
            limits: self.limits,
            connection,
            forwarding,
            protocols: self.protocols,
            proxy: self.proxy,
            dials: self.dial.build()?,
            secure,
        };
        if let Some(proxy) = &wiring.proxy {
            wiring.check(proxy)?;
        }
        Ok(wiring)
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// A network's settings, ready to be used.
#[derive(Clone, Debug)]
pub(crate) struct Wiring {
    pub(crate) limits: Limits,
    pub(crate) connection: Arc<ConnectionConfig>,
    pub(crate) dials: Dials,
    /// For requests that a proxy forwards: that is HTTP/1.1 always.
    forwarding: Arc<ConnectionConfig>,
    protocols: Protocols,
    /// What all of its requests go through.
    pub(crate) proxy: Option<Proxy>,
    secure: Secure,
}

/// What https is made of.
#[derive(Clone, Debug)]
enum Secure {
    #[cfg(feature = "tls")]
    Tls {
        config: Arc<rustls::ClientConfig>,
        /// In place of the URL's host.
        server_name: Option<Arc<str>>,
        to_proxies: Arc<ToProxies>,
    },
    #[cfg(not(feature = "tls"))]
    Missing,
    /// There is no network to be protected from: a script.
    Plain,
}

impl Wiring {
    /// For connections that go over no network.
    pub(crate) fn plain(limits: Limits, http1: nuncio_connection::Http1Config) -> Self {
        let connection = Arc::new(ConnectionConfig {
            http1,
            ..ConnectionConfig::default()
        });
        Wiring {
            limits,
            forwarding: Arc::clone(&connection),
            connection,
            dials: Dials::default(),
            protocols: Protocols::Http1,
            proxy: None,
            secure: Secure::Plain,
        }
    }

    /// Whether `proxy` can be used at all.
    pub(crate) fn check(&self, proxy: &Proxy) -> Result<(), Error> {
        proxy.check()?;
        #[cfg(feature = "tls")]
        if proxy.is_https() {
            self.tls_to(proxy)?;
        }
        Ok(())
    }

    #[cfg(feature = "tls")]
    fn tls_to(&self, proxy: &Proxy) -> Result<Option<Layer>, Error> {
        match &self.secure {
            Secure::Tls { to_proxies, .. } => to_proxies.layer(proxy).map(Some),
            Secure::Plain => Ok(None),
        }
    }

    /// What the connections for `url` have in common.
    pub(crate) fn config(&self, url: &Url, detour: Option<&Detour>) -> Arc<ConnectionConfig> {
        let forwards = detour.is_some_and(|detour| detour.forwards(url));
        Arc::clone(match forwards {
            true => &self.forwarding,
            false => &self.connection,
        })
    }

    /// Whether a connection for `url` may turn out to be one that requests can share.
    pub(crate) fn may_share(&self, url: &Url, detour: Option<&Detour>) -> bool {
        #[cfg(not(feature = "http2"))]
        let _ = (url, detour);
        match self.protocols {
            Protocols::Http1 => false,
            #[cfg(feature = "http2")]
            _ if detour.is_some_and(|detour| detour.forwards(url)) => false,
            #[cfg(feature = "http2")]
            Protocols::Both => url.scheme() == "https",
            #[cfg(feature = "http2")]
            Protocols::Http2 => true,
        }
    }

    /// Whether a server that wants HTTP/1.1 instead can have it.
    pub(crate) fn may_fall_back(&self, url: &Url, detour: Option<&Detour>) -> bool {
        self.protocols != Protocols::Http1
            && self.protocols.prior_knowledge() == PriorKnowledge::Http1
            && self.may_share(url, detour)
    }

    /// What is dialled through to reach the origin of `request`, with HTTP/2 not on offer.
    pub(crate) fn http1_layers(
        &self,
        request: &Request,
        detour: Option<&mut Detour>,
    ) -> Result<Vec<Layer>, Error> {
        let mut layers = self.layers(request, detour)?;
        // The last one is the origin's.
        #[cfg(feature = "tls")]
        if let Some(Layer::Tls(params)) = layers.last_mut() {
            let config = Arc::make_mut(&mut params.config);
            config.alpn_protocols = vec![b"http/1.1".to_vec()];
        }
        #[cfg(not(feature = "tls"))]
        let _ = &mut layers;
        Ok(layers)
    }

    /// TLS to `server_name` inside of what has left HTTP: no protocol is offered, as none is known.
    #[cfg(feature = "tls")]
    pub(crate) fn tls_inside(
        &self,
        server_name: &str,
    ) -> Result<nuncio_connection::TlsParams, Error> {
        match &self.secure {
            Secure::Plain => Err(Error::new(Kind::Usage, "a script has no TLS")),
            Secure::Tls { config, .. } => {
                let mut config = rustls::ClientConfig::clone(config);
                config.alpn_protocols.clear();
                Ok(nuncio_connection::TlsParams {
                    config: Arc::new(config),
                    server_name: server_name.to_owned(),
                })
            }
        }
    }

    /// What is dialled through to reach the origin of `request`.
    pub(crate) fn layers(
        &self,
        request: &Request,
        detour: Option<&mut Detour>,
    ) -> Result<Vec<Layer>, Error> {
        let url = request.url();
        let mut layers = Vec::new();
        if let Some(detour) = detour {
            #[cfg(feature = "tls")]
            if detour.proxy.is_https() {
                layers.extend(self.tls_to(&detour.proxy)?);
            }
            layers.extend(detour.layer(url)?);
        }
        if url.scheme() != "https" {
            return Ok(layers);
        }
        match &self.secure {
            Secure::Plain => Ok(layers),
            #[cfg(feature = "tls")]
            Secure::Tls {
                config,
                server_name,
                ..
            } => {
                let own = request.server_name().or(server_name.as_deref());
                let server_name = own.unwrap_or(url.host_str());
                layers.push(Layer::Tls(nuncio_connection::TlsParams {
                    config: Arc::clone(config),
                    server_name: server_name.to_owned(),
                }));
                Ok(layers)
            }
            #[cfg(not(feature = "tls"))]
            Secure::Missing => Err(Error::new(
                Kind::UnsupportedProtocol,
                "https needs the feature 'tls'",
            )),
        }
    }
}
