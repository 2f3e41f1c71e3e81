//! A client's settings: made by a builder, fixed once built.

use crate::client::{Client, Driver};
use crate::error::{Error, Kind};
use crate::timeout::Timeout;
use nuncio_connection::{ConnectionConfig, EventSink, Layer, Limits};
use nuncio_headers::Headers;
use nuncio_url::{Reference, Url};
use std::sync::Arc;

/// What a client was built with. Nothing in it changes afterwards.
#[derive(Clone, Debug)]
pub struct Settings {
    pub(crate) base_url: Option<Url>,
    pub(crate) headers: Headers,
    pub(crate) timeout: Timeout,
    pub(crate) limits: Limits,
    pub(crate) connection: Arc<ConnectionConfig>,
    #[cfg(feature = "tls")]
    pub(crate) tls: Arc<rustls::ClientConfig>,
}

impl Settings {
    /// The limits of the pool.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Where the connections of this client keep what they read.
    pub fn blocks(&self) -> nuncio_connection::BlockCache {
        self.connection.blocks.clone()
    }

    /// The URL that a request's text means (BEHAVIOUR section 16.1).
    pub(crate) fn resolve_url(&self, text: &str) -> Result<Url, Error> {
        let invalid = |e| Error::other(Kind::InvalidUrl, e);
        let url = match &self.base_url {
            Some(base) => nuncio_url::merge_base(base, text).map_err(invalid)?,
            None => match Url::parse(text) {
                Ok(url) => url,
                Err(error) => return Err(no_url(text, error)),
            },
        };
        requestable(&url)?;
        Ok(url)
    }

    /// What is dialled through to reach `url`'s origin.
    pub(crate) fn layers(&self, url: &Url) -> Result<Vec<Layer>, Error> {
        if url.scheme() != "https" {
            return Ok(Vec::new());
        }
        #[cfg(feature = "tls")]
        {
            Ok(vec![Layer::Tls(nuncio_connection::TlsParams {
                config: Arc::clone(&self.tls),
                server_name: url.host_str().to_owned(),
            })])
        }
        #[cfg(not(feature = "tls"))]
        Err(Error::new(
            Kind::UnsupportedProtocol,
            "https needs the feature 'tls'",
        ))
    }
}

/// Whether there is an origin to ask: a request may have been put together around any URL.
pub(crate) fn requestable(url: &Url) -> Result<(), Error> {
    match url.scheme() {
        "http" | "https" if url.host_str().is_empty() => {
            Err(Error::new(Kind::InvalidUrl, "the URL has no host"))
        }
        "http" => Ok(()),
        "https" if cfg!(feature = "tls") => Ok(()),
        "https" => {
            let text = "https needs the feature 'tls'";
            Err(Error::new(Kind::UnsupportedProtocol, text))
        }
        other => {
            let text = format!("the URL's scheme '{other}' is neither http nor https");
            Err(Error::new(Kind::UnsupportedProtocol, text))
        }
    }
}

/// A text without a scheme is the commonest mistake, and deserves its own words.
fn no_url(text: &str, error: nuncio_url::ParseError) -> Error {
    match Reference::parse(text) {
        Ok(reference) if !reference.is_absolute() => Error::new(
            Kind::UnsupportedProtocol,
            "the URL is missing an 'http://' or 'https://' in front, and there is no base_url",
        ),
        _ => Error::other(Kind::InvalidUrl, error),
    }
}

/// Builds a client. One definition for every runtime; `build` gives that runtime's client.
#[must_use = "a builder does nothing until build() is called"]
pub struct ClientBuilder<D: Driver> {
    context: D::Context,
    base_url: Option<String>,
    headers: Headers,
    timeout: Timeout,
    limits: Limits,
    http1: nuncio_connection::Http1Config,
    events: EventSink,
    #[cfg(feature = "tls")]
    trust: Trust,
    mistake: Option<Error>,
}

#[cfg(feature = "tls")]
enum Trust {
    Roots(nuncio_connection::Roots),
    Config(Arc<rustls::ClientConfig>),
}

impl<D: Driver> ClientBuilder<D> {
    /// A builder with the defaults; `context` is what the runtime needs.
    pub fn new(context: D::Context) -> Self {
        let mut headers = Headers::with_capacity(8, 192);
        // BEHAVIOUR section 16.2, in its order. No decoder is built in yet, hence `identity`.
        for (name, value) in [
            ("Accept", "*/*"),
            ("Accept-Encoding", "identity"),
            ("Connection", "keep-alive"),
            ("User-Agent", concat!("nuncio/", env!("CARGO_PKG_VERSION"))),
        ] {
            let _ = headers.append(name, value);
        }
        ClientBuilder {
            context,
            base_url: None,
            headers,
            timeout: Timeout::default(),
            limits: Limits::default(),
            http1: nuncio_connection::Http1Config::default(),
            events: EventSink::none(),
            #[cfg(feature = "tls")]
            trust: Trust::Roots(nuncio_connection::Roots::Bundled),
            mistake: None,
        }
    }

    /// What relative request URLs stand behind: its path, whatever they begin with.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// Adds a field to every request. It replaces the default of the same name: `Accept`,
    /// `Accept-Encoding`, `Connection`, `User-Agent`.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> Self {
        let mut one = Headers::new();
        let added = one
            .append(name, value)
            .and_then(|()| self.headers.update(&one));
        self.note(added)
    }

    fn note(mut self, result: Result<(), nuncio_headers::InvalidHeader>) -> Self {
        if let Err(error) = result {
            self.mistake
                .get_or_insert(Error::other(Kind::LocalProtocol, error));
        }
        self
    }

    /// Adds all of `headers` to every request, as [`header`](Self::header) does.
    pub fn headers(mut self, headers: &Headers) -> Self {
        let added = self.headers.update(headers);
        self.note(added)
    }

    /// How long each wait of a request may last. Default five seconds each.
    pub fn timeout(mut self, timeout: impl Into<Timeout>) -> Self {
        self.timeout = timeout.into();
        self
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

    /// Tells `listener` what happens, as it happens; it must not block.
    pub fn on_event(
        mut self,
        listener: impl Fn(&nuncio_connection::Event<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.events = EventSink::new(listener);
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

    /// Uses this rustls configuration as it is.
    #[cfg(feature = "tls")]
    pub fn tls_config(mut self, config: impl Into<Arc<rustls::ClientConfig>>) -> Self {
        self.trust = Trust::Config(config.into());
        self
    }

    /// The client.
    ///
    /// # Errors
    /// The first mistake: a field that is none, a `base_url` that is no http or https URL, a CA
    /// bundle that cannot be read, a runtime that is not there.
    pub fn build(self) -> Result<Client<D>, Error> {
        if let Some(mistake) = self.mistake {
            return Err(mistake);
        }
        let base_url = self.base_url.as_deref().map(parse_base).transpose()?;
        let connection = ConnectionConfig {
            http1: self.http1,
            events: self.events,
            ..ConnectionConfig::default()
        };
        #[cfg(feature = "tls")]
        let tls = match self.trust {
            Trust::Config(config) => config,
            Trust::Roots(roots) => {
                let provider = Arc::new(rustls::crypto::ring::default_provider());
                let config = nuncio_connection::client_config(provider, &roots, &[b"http/1.1"]);
                Arc::new(config.map_err(|e| Error::other(Kind::Builder, e))?)
            }
        };
        let settings = Settings {
            base_url,
            headers: self.headers,
            timeout: self.timeout,
            limits: self.limits,
            connection: Arc::new(connection),
            #[cfg(feature = "tls")]
            tls,
        };
        let driver = D::start(self.context, &settings)?;
        Ok(Client::new(settings, driver))
    }
}

fn parse_base(text: &str) -> Result<Url, Error> {
    let url = Url::parse(text)
        .map_err(|e| Error::new(Kind::Builder, format!("base_url cannot be used: {e}")))?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        other => {
            let text = format!("base_url has the scheme '{other}', which is not http or https");
            Err(Error::new(Kind::Builder, text))
        }
    }
}
