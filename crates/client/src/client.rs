//! The client: its verbs, the same on every runtime.

use crate::auth::Auth;
use crate::cookies::CookieJar;
use crate::environment::Environment;
use crate::error::{Error, Kind};
use crate::feed::Side;
use crate::proxy::ProxyChoice;
use crate::redirect::Redirects;
use crate::request::{Request, RequestBuilder};
use crate::settings::{ClientBuilder, Settings};
use crate::timeout::Timeout;
use http::Method;
use nuncio_connection::{PoolCounts, PoolSnapshot};
use nuncio_headers::Headers;
use nuncio_url::{QueryParams, Url};
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

/// What binds a client to a way of waiting: a blocking one, or an async one over some runtime.
///
/// The adapters implement it; users meet it only as the parameter of [`Client`].
pub trait Driver: Clone + Send + Sync + 'static {
    /// Which way it waits.
    const SIDE: Side;
    /// What has to be known to start: nothing, or the runtime.
    type Context;
    /// What `send` gives: a result, or a future of one.
    type Send;
    /// What `stream` gives: likewise.
    type Stream;

    /// The time of day, which cookies expire by.
    fn wall_clock() -> SystemTime;

    /// How it reads variables and files, where a client is to trust them.
    fn environment() -> Environment;

    /// Starts a driver for a client with these settings.
    ///
    /// # Errors
    /// When what it needs is not there.
    fn start(context: Self::Context, settings: &Settings) -> Result<Self, Error>;

    /// Sends a request and reads the whole response.
    fn send(&self, settings: &Arc<Settings>, request: Result<Request, Error>) -> Self::Send;

    /// Sends a request and gives the response with its head.
    fn stream(&self, settings: &Arc<Settings>, request: Result<Request, Error>) -> Self::Stream;

    /// What `send` gives where nothing can be sent.
    fn send_failed(error: Error) -> Self::Send;

    /// What `stream` gives where nothing can be sent.
    fn stream_failed(error: Error) -> Self::Stream;

    /// What it was started with.
    fn context(&self) -> Self::Context;

    /// How much the pool holds.
    fn counts(&self) -> PoolCounts;

    /// What the pool holds, one by one.
    fn pool(&self) -> PoolSnapshot;

    /// Closes the idle connections.
    fn evict_idle(&self);

    /// Closes the client, for all of its clones.
    fn close(&self);
}

/// A [`Driver`] that can wait for futures.
pub trait Awaits {}

/// An HTTP client. Cheap to clone; clones share settings and connections.
pub struct Client<D> {
    settings: Arc<Settings>,
    driver: D,
}

impl<D: Clone> Clone for Client<D> {
    fn clone(&self) -> Self {
        Client {
            settings: Arc::clone(&self.settings),
            driver: self.driver.clone(),
        }
    }
}

macro_rules! verbs {
    ($($(#[$doc:meta])* $name:ident => $method:ident;)*) => {$(
        $(#[$doc])*
        ///
        /// `url` is absolute, or relative to the client's `base_url`.
        pub fn $name(&self, url: impl AsRef<str>) -> RequestBuilder<D> {
            self.build_request(Ok(Method::$method), url.as_ref())
        }
    )*};
}

impl<D: Driver> Client<D> {
    pub(crate) fn new(settings: Settings, driver: D) -> Self {
        Client {
            settings: Arc::new(settings),
            driver,
        }
    }

    /// A client like this one but for what `change` changes. It shares the pool with this one, unless
    /// that changes how connections are made or what carries requests; it shares the cookies, unless
    /// it is given others.
    ///
    /// ```no_run
    /// # fn f<D: nuncio_client::Driver>(client: nuncio_client::Client<D>) -> Result<(), nuncio_client::Error> {
    /// let admin = client.with(|it| it.header("X-Role", "admin"))?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`ClientBuilder::build`].
    pub fn with(
        &self,
        change: impl FnOnce(ClientBuilder<D>) -> ClientBuilder<D>,
    ) -> Result<Client<D>, Error> {
        change(ClientBuilder::like(&self.settings, &self.driver)).build()
    }

    verbs! {
        /// A GET request (RFC 9110 section 9.3.1).
        get => GET;
        /// A HEAD request: the response has no body (RFC 9110 section 9.3.2).
        head => HEAD;
        /// A POST request (RFC 9110 section 9.3.3).
        post => POST;
        /// A PUT request (RFC 9110 section 9.3.4).
        put => PUT;
        /// A DELETE request (RFC 9110 section 9.3.5).
        delete => DELETE;
        /// An OPTIONS request (RFC 9110 section 9.3.7).
        options => OPTIONS;
        /// A PATCH request (RFC 5789).
        patch => PATCH;
    }

    /// A request with any method, which is a token. The standard ones may be written in any case, as
    /// `get`; all others are case-sensitive.
    pub fn request(&self, method: impl AsRef<[u8]>, url: impl AsRef<str>) -> RequestBuilder<D> {
        self.build_request(parse_method(method.as_ref()), url.as_ref())
    }

    fn build_request(&self, method: Result<Method, Error>, url: &str) -> RequestBuilder<D> {
        let url = self.settings.resolve_url(url);
        RequestBuilder::new(self.clone(), method, url)
    }

    /// Sends a request as it is: none of the client's fields or parameters are added.
    pub fn send(&self, request: Request) -> D::Send {
        self.driver.send(&self.settings, Ok(request))
    }

    /// Sends a request as it is, and gives the response with its head.
    pub fn stream(&self, request: Request) -> D::Stream {
        self.driver.stream(&self.settings, Ok(request))
    }

    /// What relative URLs stand behind.
    pub fn base_url(&self) -> Option<&Url> {
        self.settings.base_url.as_ref()
    }

    /// The fields of every request.
    pub fn headers(&self) -> &Headers {
        &self.settings.headers
    }

    /// The pairs that stand in the query of every request.
    pub fn params(&self) -> &QueryParams {
        &self.settings.params
    }

    /// The jar that cookies come from and go to.
    pub fn cookies(&self) -> &CookieJar {
        &self.settings.cookies
    }

    /// How requests authenticate that say nothing else.
    pub fn auth(&self) -> Option<&Auth> {
        self.settings.auth.as_ref()
    }

    /// Whether it was told to heed the environment.
    pub fn trust_env(&self) -> bool {
        self.settings.trusts_env()
    }

    /// Which proxy a request to `url` would take that names none itself, and why. Nothing is sent.
    ///
    /// # Errors
    /// As for a request to that URL: [`Kind::InvalidUrl`], [`Kind::UnsupportedProtocol`].
    pub fn explain_proxy(&self, url: impl AsRef<str>) -> Result<ProxyChoice, Error> {
        let url = self.settings.resolve_url(url.as_ref())?;
        Ok(self.settings.routes.explain(&url))
    }

    /// What is done with redirects.
    pub fn redirects(&self) -> &Redirects {
        &self.settings.redirects
    }

    /// The limits of a request that names none.
    pub fn timeout(&self) -> Timeout {
        self.settings.timeout
    }

    /// What the pool holds: every connection and what it is doing, and every request that waits and
    /// what for. To print it is a way to find out why nothing goes on.
    ///
    /// It takes time and memory for each of them, while others wait for the pool: for what is asked
    /// often there is [`pool_counts`](Self::pool_counts).
    pub fn pool(&self) -> PoolSnapshot {
        self.driver.pool()
    }

    /// How many connections are open, idle, and waited for. Takes no time worth mentioning.
    pub fn pool_counts(&self) -> PoolCounts {
        self.driver.counts()
    }

    /// Closes the connections that nobody uses.
    pub fn evict_idle(&self) {
        self.driver.evict_idle();
    }

    /// Closes the client, for all of its clones, and with it every connection, those in use included:
    /// requests under way and bodies still to come end with [`Kind::Closed`], whoever waits for them
    /// on whichever thread. So does every request after this. What has come of a body already may
    /// still be read. A blocking client's look-up or dialling is not cut short, but comes to nothing.
    pub fn close(&self) {
        self.driver.close();
    }

    pub(crate) fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    pub(crate) fn driver(&self) -> &D {
        &self.driver
    }

    /// A builder, for a driver that needs nothing to start.
    pub fn builder() -> ClientBuilder<D>
    where
        D: Driver<Context = ()>,
    {
        ClientBuilder::new(())
    }
}

/// The standard methods are meant in any case; any other is taken as it is.
pub(crate) fn parse_method(method: &[u8]) -> Result<Method, Error> {
    const STANDARD: [Method; 9] = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::CONNECT,
        Method::OPTIONS,
        Method::TRACE,
        Method::PATCH,
    ];
    let standard = |known: &&Method| known.as_str().as_bytes().eq_ignore_ascii_case(method);
    if let Some(known) = STANDARD.iter().find(standard) {
        return Ok(known.clone());
    }
    Method::from_bytes(method).map_err(|_| {
        let shown = method.escape_ascii();
        Error::new(
            Kind::LocalProtocol,
            format!("the method '{shown}' is not a token"),
        )
    })
}

impl<D> fmt::Debug for Client<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base_url", &self.settings.base_url)
            .field("headers", &self.settings.headers)
            .field("timeout", &self.settings.timeout)
            .finish_non_exhaustive()
    }
}
