//! How connections are made: TLS, limits, which protocol, HTTP/1.1's strictness.

use crate::environment::Environment;
use crate::error::Error;
#[cfg(not(feature = "tls"))]
use crate::error::Kind;
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
    #[cfg(feature = "http2")]
    keep_alive: Option<Duration>,
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

    /// How TLS is spoken, in full.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: crate::Tls) -> Self {
        self.tls = tls;
        self
    }

    /// Trusts the certificates of this PEM text, and those of other calls like this one, and no
    /// others.
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
        };
        Ok(Wiring {
            limits: self.limits,
            connection: Arc::new(connection),
            protocols: self.protocols,
            secure,
        })
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
    protocols: Protocols,
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
    },
    #[cfg(not(feature = "tls"))]
    Missing,
    /// There is no network to be protected from: a script.
    Plain,
}

impl Wiring {
    /// For connections that go over no network.
    pub(crate) fn plain(limits: Limits, http1: nuncio_connection::Http1Config) -> Self {
        Wiring {
            limits,
            connection: Arc::new(ConnectionConfig {
                http1,
                ..ConnectionConfig::default()
            }),
            protocols: Protocols::Http1,
            secure: Secure::Plain,
        }
    }

    /// Whether a connection for `url` may turn out to be one that requests can share.
    pub(crate) fn may_share(&self, url: &Url) -> bool {
        #[cfg(not(feature = "http2"))]
        let _ = url;
        match self.protocols {
            Protocols::Http1 => false,
            #[cfg(feature = "http2")]
            Protocols::Both => url.scheme() == "https",
            #[cfg(feature = "http2")]
            Protocols::Http2 => true,
        }
    }

    /// Whether a server that wants HTTP/1.1 instead can have it.
    pub(crate) fn may_fall_back(&self, url: &Url) -> bool {
        self.protocols != Protocols::Http1
            && self.protocols.prior_knowledge() == PriorKnowledge::Http1
            && self.may_share(url)
    }

    /// What is dialled through to reach `url`'s origin, with HTTP/2 not on offer.
    pub(crate) fn http1_layers(&self, url: &Url) -> Result<Vec<Layer>, Error> {
        let mut layers = self.layers(url)?;
        #[cfg(feature = "tls")]
        for layer in &mut layers {
            if let Layer::Tls(params) = layer {
                let config = Arc::make_mut(&mut params.config);
                config.alpn_protocols = vec![b"http/1.1".to_vec()];
            }
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

    /// What is dialled through to reach `url`'s origin.
    pub(crate) fn layers(&self, url: &Url) -> Result<Vec<Layer>, Error> {
        if url.scheme() != "https" {
            return Ok(Vec::new());
        }
        match &self.secure {
            Secure::Plain => Ok(Vec::new()),
            #[cfg(feature = "tls")]
            Secure::Tls {
                config,
                server_name,
            } => Ok(vec![Layer::Tls(nuncio_connection::TlsParams {
                config: Arc::clone(config),
                server_name: server_name.as_deref().unwrap_or(url.host_str()).to_owned(),
            })]),
            #[cfg(not(feature = "tls"))]
            Secure::Missing => Err(Error::new(
                Kind::UnsupportedProtocol,
                "https needs the feature 'tls'",
            )),
        }
    }
}
