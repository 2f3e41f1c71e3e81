//! A client's settings: made by a builder, fixed once built.

use crate::auth::Auth;
use crate::client::{Client, Driver};
use crate::cookies::{Cookie, CookieJar};
use crate::decoding::Decoding;
use crate::environment::Environment;
use crate::error::{Error, Kind};
use crate::feed::Side;
use crate::hooks::Hooks;
use crate::network::Network;
use crate::proxy::{Proxies, Proxy};
use crate::redirect::Redirects;
use crate::request::{Choice, Request};
use crate::response::DefaultEncoding;
use crate::routes::{Carrier, Mount, Route, Routes};
use crate::timeout::Timeout;
use crate::transport::{Transport, Way};
use nuncio_connection::{BlockCache, EventSink, Limits};
use nuncio_content::Budget;
use nuncio_headers::Headers;
use nuncio_url::{QueryParams, Reference, Url};
use std::sync::Arc;

/// What a client was built with. Nothing in it changes afterwards.
#[derive(Clone, Debug)]
pub struct Settings {
    pub(crate) base_url: Option<Url>,
    pub(crate) headers: Headers,
    pub(crate) params: QueryParams,
    pub(crate) timeout: Timeout,
    pub(crate) auth: Option<Auth>,
    pub(crate) cookies: CookieJar,
    /// Whether responses may put cookies there.
    pub(crate) cookie_store: bool,
    pub(crate) redirects: Redirects,
    pub(crate) https_only: bool,
    pub(crate) decoding: Decoding,
    pub(crate) default_encoding: DefaultEncoding,
    pub(crate) hooks: Hooks,
    pub(crate) extensions: http::Extensions,
    pub(crate) routes: Arc<Routes>,
    /// What the routes were made of, for clients that are derived from this one.
    carriers: Carriers,
}

/// What carries requests: the client's network, and what goes before it.
#[derive(Clone, Debug, Default)]
struct Carriers {
    network: Network,
    transport: Option<Transport>,
    mounts: Vec<(String, Transport)>,
    proxy: Choice<Proxy>,
    events: EventSink,
    trust_env: bool,
}

impl Settings {
    /// The limits of each pool: the client's own, and then those of mounts with a network of
    /// their own.
    pub fn limits(&self) -> impl Iterator<Item = Limits> + use<'_> {
        self.routes.networks().map(|network| network.limits)
    }

    /// Where the connections of this client keep what they read.
    pub fn blocks(&self) -> BlockCache {
        self.routes
            .network(0)
            .map(|network| network.connection.blocks.clone())
            .unwrap_or_default()
    }

    pub(crate) fn trusts_env(&self) -> bool {
        self.carriers.trust_env
    }

    /// Whether what is bound to the base URL may go to `url`: to its origin, or anywhere where there
    /// is no base URL (SECURITY R17).
    pub(crate) fn is_at_base(&self, url: &Url) -> bool {
        self.base_url
            .as_ref()
            .is_none_or(|base| base.same_origin(url))
    }

    /// The URL that a request's text means (BEHAVIOUR section 16.1).
    pub(crate) fn resolve_url(&self, text: &str) -> Result<Url, Error> {
        let url = match &self.base_url {
            Some(base) => {
                nuncio_url::merge_base(base, text).map_err(|error| invalid_url(text, error))?
            }
            None => parse_absolute(text)?,
        };
        self.allowed(&url)?;
        if let Route::Network(..) = self.routes.find(&url) {
            requestable(&url)?;
        }
        Ok(url)
    }

    fn allowed(&self, url: &Url) -> Result<(), Error> {
        if self.https_only && url.scheme() == "http" {
            let text = "the client was built with https_only, and the URL's scheme is http";
            return Err(Error::new(Kind::UnsupportedProtocol, text));
        }
        Ok(())
    }

    /// Who carries `request`, if it may be asked for at all: it may have been put together around any
    /// URL.
    pub(crate) fn carrier(&self, request: &Request) -> Result<Carrier<'_>, Error> {
        self.allowed(request.url())?;
        let carrier = self.routes.carrier(request);
        if let Carrier::Network(..) = carrier {
            requestable(request.url())?;
        }
        Ok(carrier)
    }
}

/// Whether the network can be asked for it.
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

/// The URL that a text is, where there is nothing that it could be relative to.
pub(crate) fn parse_absolute(text: &str) -> Result<Url, Error> {
    Url::parse(text).map_err(|error| no_url(text, error))
}

/// A text that is no URL, as far as it can be shown: without what may be credentials in it.
pub(crate) fn shown(text: &str) -> String {
    const LONGEST: usize = 200;
    let after = text.find("//").map_or(0, |at| at + 2);
    let (front, rest) = text.split_at(after);
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let host = rest.get(..end).and_then(|authority| authority.rfind('@'));
    let rest = rest.get(host.map_or(0, |at| at + 1)..).unwrap_or_default();
    let all = format!("{front}{rest}");
    let mut cut: String = all.chars().take(LONGEST).collect();
    if cut.len() < all.len() {
        cut.push('…');
    }
    cut.escape_debug().to_string()
}

/// Why a text cannot be a request's URL, and which.
#[derive(Debug)]
struct InvalidUrl {
    text: String,
    error: nuncio_url::ParseError,
}

impl std::fmt::Display for InvalidUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "'{}': {}", self.text, self.error)
    }
}

impl std::error::Error for InvalidUrl {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

fn invalid_url(text: &str, error: nuncio_url::ParseError) -> Error {
    let text = shown(text);
    Error::other(Kind::InvalidUrl, InvalidUrl { text, error })
}

/// A text without a scheme is the commonest mistake, and deserves its own words.
fn no_url(text: &str, error: nuncio_url::ParseError) -> Error {
    match Reference::parse(text) {
        Ok(reference) if !reference.is_absolute() => Error::new(
            Kind::UnsupportedProtocol,
            "the URL is missing an 'http://' or 'https://' in front, and there is no base_url",
        ),
        _ => invalid_url(text, error),
    }
}

/// Builds a client. One definition for every runtime; `build` gives that runtime's client.
#[must_use = "a builder does nothing until build() is called"]
pub struct ClientBuilder<D: Driver> {
    start: Start<D>,
    base_url: Option<String>,
    /// The defaults, or what the client has that this one is derived from.
    headers: Headers,
    /// What was given to this builder: it replaces those of the same name.
    own_headers: Headers,
    params: QueryParams,
    timeout: Timeout,
    auth: Option<Auth>,
    cookies: CookieJar,
    own_cookies: Vec<(String, String)>,
    cookie_store: bool,
    redirects: Redirects,
    https_only: bool,
    decoding: Decoding,
    default_encoding: DefaultEncoding,
    hooks: Hooks,
    extensions: http::Extensions,
    carriers: Carriers,
    mistake: Option<Error>,
}

/// What a client's driver comes from.
enum Start<D: Driver> {
    Fresh(D::Context),
    /// Shared with another client, as long as nothing changes about what carries requests.
    Shared(D, Arc<Routes>),
}

impl<D: Driver> ClientBuilder<D> {
    /// A builder with the defaults; `context` is what the runtime needs.
    pub fn new(context: D::Context) -> Self {
        let mut headers = Headers::with_capacity(8, 192);
        // BEHAVIOUR section 16.2, in its order.
        for (name, value) in [
            ("Accept", "*/*"),
            ("Accept-Encoding", nuncio_content::accept_encoding()),
            ("Connection", "keep-alive"),
            ("User-Agent", concat!("nuncio/", env!("CARGO_PKG_VERSION"))),
        ] {
            let _ = headers.append(name, value);
        }
        ClientBuilder {
            start: Start::Fresh(context),
            base_url: None,
            headers,
            own_headers: Headers::new(),
            params: QueryParams::default(),
            timeout: Timeout::default(),
            auth: None,
            cookies: CookieJar::new(),
            own_cookies: Vec::new(),
            cookie_store: true,
            redirects: Redirects::none(),
            https_only: false,
            decoding: Decoding::default(),
            default_encoding: DefaultEncoding::default(),
            hooks: Hooks::default(),
            extensions: http::Extensions::new(),
            carriers: Carriers::default(),
            mistake: None,
        }
    }

    /// A builder of a client like another.
    pub(crate) fn like(settings: &Settings, driver: &D) -> Self {
        ClientBuilder {
            start: Start::Shared(driver.clone(), Arc::clone(&settings.routes)),
            base_url: settings.base_url.as_ref().map(Url::to_string),
            headers: settings.headers.clone(),
            own_headers: Headers::new(),
            params: settings.params.clone(),
            timeout: settings.timeout,
            auth: settings.auth.clone(),
            cookies: settings.cookies.clone(),
            own_cookies: Vec::new(),
            cookie_store: settings.cookie_store,
            decoding: settings.decoding.clone(),
            default_encoding: settings.default_encoding.clone(),
            redirects: settings.redirects.clone(),
            https_only: settings.https_only,
            hooks: settings.hooks.clone(),
            extensions: settings.extensions.clone(),
            carriers: settings.carriers.clone(),
            mistake: None,
        }
    }

    /// What carries requests, to be changed: then nothing of it is shared any more.
    fn carriers(&mut self) -> &mut Carriers {
        if let Start::Shared(driver, _) = &self.start {
            self.start = Start::Fresh(driver.context());
        }
        &mut self.carriers
    }

    pub(crate) fn change_network(mut self, change: impl FnOnce(Network) -> Network) -> Self {
        let network = &mut self.carriers().network;
        *network = change(std::mem::take(network));
        self
    }

    /// What relative request URLs stand behind: its path, whatever they begin with.
    ///
    /// A request to another origin, by an absolute URL, takes along of the client's what a redirect
    /// there would (see [`Redirects`]), and no authentication: give it those for that request.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// Adds a field to every request. It replaces the default of the same name: `Accept`,
    /// `Accept-Encoding`, `Connection`, `User-Agent`. The same name given twice is sent twice.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> Self {
        let added = self.own_headers.append(name, value);
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
        let added = self.own_headers.update(headers);
        self.note(added)
    }

    /// Takes a field out of every request, a default one for instance.
    pub fn without_header(mut self, name: impl AsRef<str>) -> Self {
        self.headers.remove(name.as_ref());
        self.own_headers.remove(name.as_ref());
        self
    }

    /// Adds pairs to the query of every request, behind what its URL has; a request's own pairs
    /// replace those of the same name.
    pub fn query(mut self, params: impl Into<QueryParams>) -> Self {
        self.params = self.params.merged(params);
        self
    }

    /// How long each wait of a request may last. Default five seconds each.
    pub fn timeout(mut self, timeout: impl Into<Timeout>) -> Self {
        self.timeout = timeout.into();
        self
    }

    /// How requests authenticate: a pair of user and password for Basic, or an [`Auth`]. With a
    /// `base_url`, only those to its origin do.
    pub fn auth(mut self, auth: impl Into<Auth>) -> Self {
        self.auth = Some(auth.into());
        self
    }

    /// No authentication: for a client that is derived from one which has it.
    pub fn no_auth(mut self) -> Self {
        self.auth = None;
        self
    }

    /// Adds a cookie, which goes to every host, redirects included; with a `base_url`, to its host
    /// only.
    pub fn cookie(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.own_cookies.push((name.into(), value.into()));
        self
    }

    /// The jar that cookies come from and go to, shared with whoever else has a clone of it. The
    /// default is an empty one.
    pub fn cookies(mut self, jar: CookieJar) -> Self {
        self.cookies = jar;
        self
    }

    /// Whether cookies that responses set are kept. Default yes.
    pub fn cookie_store(mut self, store: bool) -> Self {
        self.cookie_store = store;
        self
    }

    /// What text is read as where a response does not say its charset. Default UTF-8.
    pub fn default_encoding(mut self, encoding: DefaultEncoding) -> Self {
        self.default_encoding = encoding;
        self
    }

    /// Whether redirects are followed, up to 20 of them. Default no, as in httpx.
    pub fn follow_redirects(mut self, follow: bool) -> Self {
        self.redirects.follow = follow;
        self
    }

    /// How many redirects are followed. Default 20.
    pub fn max_redirects(mut self, limit: usize) -> Self {
        self.redirects = self.redirects.limit(limit);
        self
    }

    /// What to do with redirects, in full.
    pub fn redirects(mut self, redirects: Redirects) -> Self {
        self.redirects = redirects;
        self
    }

    /// Whether the environment is heeded. It is read when the client is built. Default no: nothing of
    /// the process is read.
    ///
    /// - The certificates in `SSL_CERT_FILE` or `SSL_CERT_DIR`, in place of those that are built in.
    /// - Proxies, where neither [`proxy`](Self::proxy), [`no_proxy`](Self::no_proxy) nor a
    ///   [`transport`](Self::transport) is given: `NUNCIO_HTTP_PROXY` and `NUNCIO_HTTPS_PROXY` for one
    ///   scheme, `NUNCIO_PROXY` for both, and if it is not set `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`. An empty one of ours says that there is
    ///   none, whatever the standard ones say.
    ///   Of those the lower-case form goes first, and if it is empty, the other does not count. Where
    ///   `REQUEST_METHOD` is set, as in CGI, upper-case `HTTP_PROXY` is ignored, for it may come from a
    ///   client. A value that is no proxy fails the build.
    /// - What is reached without those proxies: `NUNCIO_NO_PROXY`, or `NO_PROXY`. Separated by commas or
    ///   white space: `*` for everything; `example.com` for it and what is below it, `.example.com` or
    ///   `*.example.com` for what is below it alone; `localhost`; addresses and networks in CIDR form,
    ///   compared by value; any but a network with `:8080` for that port alone; mount patterns with
    ///   `://`. What is none of these covers nothing.
    ///
    /// [`Client::explain_proxy`] tells what that comes to for a URL.
    pub fn trust_env(mut self, trust: bool) -> Self {
        self.carriers().trust_env = trust;
        self
    }

    /// Refuses http URLs, those of redirects included, before anything is sent to them. Default no.
    pub fn https_only(mut self, only: bool) -> Self {
        self.https_only = only;
        self
    }

    /// Whether the content codings of responses are undone: gzip, deflate, br and zstd, as far as
    /// they are compiled in. Default yes. Without it bodies stay as they came; the codings are
    /// announced all the same, unless `Accept-Encoding` is given.
    pub fn decode(mut self, decode: bool) -> Self {
        self.decoding.decode = decode;
        self
    }

    /// How much may come out of a coded body. Default 64 MiB, or 100 times the coded bytes where that
    /// is more; what exceeds it is an error ([`Kind::Decoding`]). `ratio: 0` makes the size the limit.
    pub fn max_decoded(mut self, budget: Budget) -> Self {
        self.decoding.budget = budget;
        self
    }

    /// How many codings a body may have, one over another. Default 5, at most 8; a response with more
    /// is an error ([`Kind::Decoding`]).
    pub fn max_codings(mut self, limit: usize) -> Self {
        self.decoding.max_codings = limit;
        self
    }

    /// Shows every request to `hook` just before it is sent, those of redirects and of
    /// authentication included; it may change it. An error ends the call.
    pub fn on_request(
        mut self,
        hook: impl Fn(&mut crate::Request) -> Result<(), Error> + Send + Sync + 'static,
    ) -> Self {
        self.hooks.request.push(hook);
        self
    }

    /// Shows the head of every response to `hook` before its body is read, those of redirects and of
    /// authentication included; it may change it. An error ends the call.
    pub fn on_response(
        mut self,
        hook: impl Fn(&mut crate::Head) -> Result<(), Error> + Send + Sync + 'static,
    ) -> Self {
        self.hooks.response.push(hook);
        self
    }

    /// Tells `hook` of every interim response (1xx) as it comes, 103 Early Hints for instance, those to
    /// requests of redirects and of authentication included. Each response has its own later, too:
    /// [`Head::interim`](crate::Head::interim).
    pub fn on_interim(mut self, hook: impl Fn(&crate::Interim) + Send + Sync + 'static) -> Self {
        self.hooks.interim.push(Arc::new(hook));
        self
    }

    /// Something to travel with every request without being sent, for hooks and transports; a
    /// request's own of the same type takes its place.
    pub fn extension<T: Clone + Send + Sync + 'static>(mut self, value: T) -> Self {
        self.extensions.insert(value);
        self
    }

    /// What carries requests, in place of the network. A mount goes before it.
    pub fn transport(mut self, transport: Transport) -> Self {
        self.carriers().transport = Some(transport);
        self
    }

    /// What carries requests for URLs like `pattern`: a scheme or `all`, and optionally a host and a
    /// port, such as `https://*.example.com`, `all://localhost:8080` or `file://`. The most
    /// particular pattern goes first; the same one given again replaces the earlier.
    pub fn mount(mut self, pattern: impl Into<String>, transport: Transport) -> Self {
        self.carriers().mounts.push((pattern.into(), transport));
        self
    }

    /// The proxy that all requests go through, those excepted that a mount of a more particular
    /// pattern serves. The environment's are not looked at then. It goes before a
    /// [`transport`](Self::transport).
    pub fn proxy(mut self, proxy: impl Into<Proxy>) -> Self {
        self.carriers().proxy = Choice::Is(proxy.into());
        self
    }

    /// No proxy, whatever the environment says, or the client that this one is derived from.
    pub fn no_proxy(mut self) -> Self {
        let carriers = self.carriers();
        carriers.proxy = Choice::Off;
        carriers.network.proxy = None;
        self
    }

    /// How connections are made, in full.
    pub fn network(self, network: Network) -> Self {
        self.change_network(|_| network)
    }

    /// How many connections there may be. Default 100, 20 of them idle, for 5 s.
    pub fn limits(self, limits: Limits) -> Self {
        self.change_network(|network| network.limits(limits))
    }

    /// Tolerates servers that break HTTP/1.1 in ways that can be made sense of. A connection on
    /// which something was tolerated is never used again.
    pub fn lenient(self, lenient: bool) -> Self {
        self.change_network(|network| network.lenient(lenient))
    }

    /// Offers HTTP/2 beside HTTP/1.1 over TLS, by ALPN (RFC 9113 section 3.2): the server picks.
    /// Default false. Without TLS it is HTTP/1.1 all the same.
    #[cfg(feature = "http2")]
    pub fn http2(self, offer: bool) -> Self {
        self.change_network(|network| network.http2(offer))
    }

    /// Speaks HTTP/2 and nothing else: over TLS it alone is offered, and without TLS it is spoken
    /// from the first byte (RFC 9113 section 3.3). Default false. A server that does not
    /// understand it is an error.
    #[cfg(feature = "http2")]
    pub fn http2_prior_knowledge(self, only: bool) -> Self {
        self.change_network(|network| network.http2_prior_knowledge(only))
    }

    /// Asks an HTTP/2 server for a sign of life (a PING, RFC 9113 section 6.7) where nothing has come
    /// from it for `silence`, and gives the connection up, with all that it carries, where nothing
    /// comes for as long again. Default none: a server that is gone is noticed by the time-outs.
    ///
    /// Async clients ask on idle connections too. A blocking client has no thread of its own: it
    /// asks while a request is waited for.
    #[cfg(feature = "http2")]
    pub fn http2_keep_alive(self, silence: impl Into<Option<std::time::Duration>>) -> Self {
        self.change_network(|network| network.http2_keep_alive(silence))
    }

    /// Tells `listener` what happens, as it happens; it must not block.
    pub fn on_event(
        mut self,
        listener: impl Fn(&nuncio_connection::Event<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.carriers().events = EventSink::new(listener);
        self
    }

    /// How TLS is spoken, in full.
    #[cfg(feature = "tls")]
    pub fn tls(self, tls: crate::Tls) -> Self {
        self.change_network(|network| network.tls(tls))
    }

    /// Shows this certificate to servers that ask who the client is.
    #[cfg(feature = "tls")]
    pub fn identity(self, identity: crate::Identity) -> Self {
        self.change_network(|network| network.identity(identity))
    }

    /// Trusts the certificates of this PEM text, and no others: what was trusted before is not.
    #[cfg(feature = "tls")]
    pub fn root_certificates(self, pem: impl Into<Vec<u8>>) -> Self {
        self.change_network(|network| network.root_certificates(pem))
    }

    /// **Accepts every certificate of every server.** Whoever stands between can read and change
    /// everything. For tests against servers of one's own.
    #[cfg(feature = "tls")]
    pub fn danger_accept_invalid_certs(self, accept: bool) -> Self {
        self.change_network(|network| network.danger_accept_invalid_certs(accept))
    }

    /// Uses this rustls configuration as it is, but for one thing: where HTTP/2 is asked for and
    /// the configuration names no ALPN protocols, it offers those.
    #[cfg(feature = "tls")]
    pub fn tls_config(self, config: impl Into<Arc<rustls::ClientConfig>>) -> Self {
        self.change_network(|network| network.tls_config(config))
    }

    /// The client.
    ///
    /// # Errors
    /// The first mistake: a field that is none, a `base_url` that is no http or https URL, a mount
    /// whose pattern is none, a transport for the other kind of client, a CA bundle that cannot be
    /// read, a runtime that is not there.
    pub fn build(self) -> Result<Client<D>, Error> {
        if let Some(mistake) = self.mistake {
            return Err(mistake);
        }
        let base_url = self.base_url.as_deref().map(parse_base).transpose()?;
        let start = self.start;
        let routes = match &start {
            Start::Shared(_, routes) => Arc::clone(routes),
            Start::Fresh(_) => Arc::new(self.carriers.routes(D::SIDE, D::environment())?),
        };
        if let Some(auth) = &self.auth {
            auth.check()?;
        }
        let mut headers = self.headers;
        headers
            .update(&self.own_headers)
            .map_err(|error| Error::other(Kind::LocalProtocol, error))?;
        for (name, value) in self.own_cookies {
            match &base_url {
                None => self.cookies.set(name, value),
                Some(base) => Cookie::builder(name, value)
                    .host_only(base.host_str())
                    .build()
                    .map(|cookie| self.cookies.insert(cookie)),
            }
            .map_err(Error::from)?;
        }
        let settings = Settings {
            base_url,
            headers,
            params: self.params,
            timeout: self.timeout,
            auth: self.auth,
            cookies: self.cookies,
            cookie_store: self.cookie_store,
            redirects: self.redirects,
            https_only: self.https_only,
            decoding: self.decoding,
            default_encoding: self.default_encoding,
            hooks: self.hooks,
            extensions: self.extensions,
            routes,
            carriers: self.carriers,
        };
        let driver = match start {
            Start::Shared(driver, _) => driver,
            Start::Fresh(context) => D::start(context, &settings)?,
        };
        Ok(Client::new(settings, driver))
    }
}

impl Carriers {
    fn routes(&self, side: Side, environment: Environment) -> Result<Routes, Error> {
        let proxies = match (&self.proxy, &self.transport) {
            (Choice::Inherit, None) if self.trust_env && self.network.proxy.is_none() => {
                Proxies::read(environment)?
            }
            _ => Proxies::default(),
        };
        let blocks = BlockCache::default();
        let wire = |network: &Network| {
            network.dial.check(side)?;
            let network = network.clone();
            let (events, blocks) = (self.events.clone(), blocks.clone());
            let wiring = network.build(events, blocks, environment, self.trust_env);
            wiring.map(Arc::new)
        };
        let own = wire(&self.network)?;
        let default_network = || Route::Network(0, own.proxy.clone());
        let through = |proxy: &Proxy| {
            own.check(proxy)?;
            Ok::<_, Error>(Route::Network(0, Some(proxy.clone())))
        };
        let mut others = Vec::new();
        let mut route = |transport: &Transport| -> Result<Option<Route>, Error> {
            Ok(match &transport.0 {
                Way::Default => None,
                Way::Custom(custom) => {
                    custom.check(side)?;
                    Some(Route::Custom(custom.clone()))
                }
                Way::Network(network) => {
                    let wiring = wire(network)?;
                    let proxy = wiring.proxy.clone();
                    others.push(wiring);
                    Some(Route::Network(others.len(), proxy))
                }
                Way::Proxy(proxy) => Some(through(proxy)?),
            })
        };
        let default = match &self.transport {
            Some(transport) => route(transport)?.unwrap_or_else(default_network),
            None => default_network(),
        };
        let mut mounts = Vec::new();
        for (pattern, proxy, variable) in &proxies.mounts {
            let route = match proxy {
                Some(proxy) => through(proxy)?,
                None => default.clone(),
            };
            mounts.push(Mount::by_variable(pattern, route, variable)?);
        }
        if let Choice::Is(proxy) = &self.proxy {
            mounts.push(Mount::by_client(through(proxy)?)?);
        }
        for (text, transport) in &self.mounts {
            let route = route(transport)?.unwrap_or_else(|| default.clone());
            mounts.push(Mount::given(text, route)?);
        }
        let mut networks = vec![Arc::clone(&own)];
        networks.append(&mut others);
        let off = matches!(self.proxy, Choice::Off);
        Ok(Routes::new(networks, mounts, default, proxies, off))
    }
}

impl<D: Driver + crate::Awaits> ClientBuilder<D> {
    /// As [`on_request`](Self::on_request), for a hook that has to wait.
    pub fn on_request_async(
        mut self,
        hook: impl for<'a> Fn(&'a mut crate::Request) -> crate::BoxFuture<'a, Result<(), Error>>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        self.hooks.request.push_waiting(hook);
        self
    }

    /// As [`on_response`](Self::on_response), for a hook that has to wait.
    pub fn on_response_async(
        mut self,
        hook: impl for<'a> Fn(&'a mut crate::Head) -> crate::BoxFuture<'a, Result<(), Error>>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        self.hooks.response.push_waiting(hook);
        self
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
