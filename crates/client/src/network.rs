//! How connections are made: TLS, limits, which protocol, HTTP/1.1's strictness.

use crate::environment::Environment;
use crate::error::{Error, Kind};
use nuncio_connection::{ConnectionConfig, EventSink, Layer, Limits, PriorKnowledge};
use nuncio_url::Url;
use std::fmt;
use std::sync::Arc;

/// Settings of the network. A client has its own, through the methods of the same names on
/// [`ClientBuilder`](crate::ClientBuilder); a mount may have others.
#[derive(Clone)]
pub struct Network {
    limits: Limits,
    http1: nuncio_connection::Http1Config,
    protocols: Protocols,
    #[cfg(feature = "tls")]
    trust: Trust,
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

#[cfg(feature = "tls")]
#[derive(Clone)]
enum Trust {
    Roots(nuncio_connection::Roots),
    Config(Arc<rustls::ClientConfig>),
}

#[cfg_attr(
    not(feature = "tls"),
    expect(clippy::derivable_impls, reason = "with TLS it cannot be")
)]
impl Default for Network {
    fn default() -> Self {
        Network {
            limits: Limits::default(),
            http1: nuncio_connection::Http1Config::default(),
            protocols: Protocols::default(),
            #[cfg(feature = "tls")]
            trust: Trust::Roots(nuncio_connection::Roots::Bundled),
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

    /// Trusts the certificates of this PEM text, and no others.
    #[cfg(feature = "tls")]
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.trust = Trust::Roots(nuncio_connection::Roots::Pem(pem.into()));
        self
    }

    /// **Accepts every certificate of every server.** Whoever stands between can read and change
    /// everything. For tests against servers of one's own.
    #[cfg(feature = "tls")]
    pub fn danger_accept_invalid_certs(mut self, accept: bool) -> Self {
        self.trust = Trust::Roots(if accept {
            nuncio_connection::Roots::DangerAcceptAny
        } else {
            nuncio_connection::Roots::Bundled
        });
        self
    }

    /// Uses this rustls configuration as it is, but for one thing: where HTTP/2 is asked for and
    /// the configuration names no ALPN protocols, it offers those.
    #[cfg(feature = "tls")]
    pub fn tls_config(mut self, config: impl Into<Arc<rustls::ClientConfig>>) -> Self {
        self.trust = Trust::Config(config.into());
        self
    }

    /// What connections are made with.
    pub(crate) fn build(
        self,
        events: EventSink,
        blocks: nuncio_connection::BlockCache,
        environment: Option<Environment>,
    ) -> Result<Wiring, Error> {
        // Without TLS there is nothing that the environment is asked for.
        #[cfg(not(feature = "tls"))]
        let _ = environment;
        let connection = ConnectionConfig {
            http1: self.http1,
            events,
            blocks,
            prior_knowledge: self.protocols.prior_knowledge(),
            ..ConnectionConfig::default()
        };
        #[cfg(not(feature = "tls"))]
        let secure = Secure::Missing;
        #[cfg(feature = "tls")]
        let secure = Secure::Tls(match self.trust {
            Trust::Config(config)
                if self.protocols != Protocols::Http1 && config.alpn_protocols.is_empty() =>
            {
                let mut config = rustls::ClientConfig::clone(&config);
                let alpn = self.protocols.alpn();
                config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
                Arc::new(config)
            }
            Trust::Config(config) => config,
            Trust::Roots(roots) => {
                let told = match (&roots, environment) {
                    (nuncio_connection::Roots::Bundled, Some(environment)) => {
                        environment.certificates()?
                    }
                    _ => None,
                };
                let roots = told.map_or(roots, nuncio_connection::Roots::Pem);
                let provider = Arc::new(rustls::crypto::ring::default_provider());
                let config =
                    nuncio_connection::client_config(provider, &roots, self.protocols.alpn());
                Arc::new(config.map_err(|e| Error::other(Kind::Builder, e))?)
            }
        });
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
    Tls(Arc<rustls::ClientConfig>),
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

    /// What is dialled through to reach `url`'s origin.
    pub(crate) fn layers(&self, url: &Url) -> Result<Vec<Layer>, Error> {
        if url.scheme() != "https" {
            return Ok(Vec::new());
        }
        match &self.secure {
            Secure::Plain => Ok(Vec::new()),
            #[cfg(feature = "tls")]
            Secure::Tls(config) => Ok(vec![Layer::Tls(nuncio_connection::TlsParams {
                config: Arc::clone(config),
                server_name: url.host_str().to_owned(),
            })]),
            #[cfg(not(feature = "tls"))]
            Secure::Missing => Err(Error::new(
                Kind::UnsupportedProtocol,
                "https needs the feature 'tls'",
            )),
        }
    }
}
