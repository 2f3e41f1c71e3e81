//! A request; `builder.rs` has the builder that every client shares.

mod builder;

use crate::auth::Auth;
use crate::body::Body;
use crate::cookies::CookieJar;
use crate::decoding::DecodingOptions;
use crate::error::{Error, Kind};
use crate::overrides::Overrides;
use crate::proxy::Proxy;
use crate::redirect::{Plan, Redirects};
use crate::response::SentRequest;
use crate::settings::Settings;
use crate::timeout::Timeout;
use http::Method;
use nuncio_connection::{BodySize, EventSink};
use nuncio_headers::Headers;
use nuncio_url::{QueryParams, Url};
use std::borrow::Cow;
use std::time::SystemTime;

pub use builder::{Owner, RequestBuilder};

/// A request, complete: what it says is what is sent.
///
/// Made by a [`RequestBuilder`], which merges the client's settings in; look at it and change it
/// as you like, then [`Client::send`](crate::Client::send) it as it is.
#[derive(Debug)]
pub struct Request {
    method: Method,
    url: Url,
    headers: Headers,
    body: Body,
    pub(crate) options: Options,
}

/// What a request says about itself beyond what is sent; what it leaves open the client decides.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// What few requests have.
    pub(crate) rare: Option<Box<Rare>>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Rare {
    pub(crate) timeout: Option<Timeout>,
    pub(crate) redirects: Option<Redirects>,
    /// Whether they are followed, whatever else is done with them.
    pub(crate) follow: Option<bool>,
    pub(crate) auth: Choice<Auth>,
    pub(crate) proxy: Choice<Proxy>,
    /// For this request only; they become its `Cookie` field.
    cookies: Vec<(String, String)>,
    pub(crate) decoding: DecodingOptions,
    /// Whether it says `Expect: 100-continue`, if it has a body.
    expect_continue: bool,
    pub(crate) overrides: Overrides,
    pub(crate) listener: EventSink,
    pub(crate) extensions: http::Extensions,
}

/// What a request says where the client may have said something too.
#[derive(Clone, Debug, Default)]
pub(crate) enum Choice<T> {
    /// As the client.
    #[default]
    Inherit,
    /// Not at all.
    Off,
    Is(T),
}

impl Options {
    pub(crate) fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }
}

impl Request {
    /// A request with a `Host` field and no body; a POST, PUT or PATCH says that it has none.
    pub fn new(method: Method, url: Url) -> Self {
        let headers = Headers::with_capacity(8, 256);
        let mut request = Request {
            method,
            url,
            headers,
            body: Body::empty(),
            options: Options::default(),
        };
        request.write_host();
        request.announce_body();
        request
    }

    /// Says which host is meant, in place of what was said. A host of the URL record is always a
    /// legal field value.
    pub(crate) fn write_host(&mut self) {
        if self.url.netloc().is_empty() {
            return;
        }
        let _ = match self.method {
            // There it names the port, too, as the target does (RFC 9112 section 3.2).
            Method::CONNECT => {
                let host = with_port(self.url.netloc(), &self.url);
                self.headers.insert("Host", &*host)
            }
            _ => self.headers.insert("Host", self.url.netloc()),
        };
    }

    /// What stands behind the method, if no proxy is to forward it: the
    /// [target](RequestBuilder::target) that was given, or the URL's path and query; on CONNECT whom the
    /// `Host` field names, with a port (RFC 9110 section 9.3.6).
    pub fn target(&self) -> Cow<'_, str> {
        if let Some(own) = self.own_target() {
            return Cow::Borrowed(own);
        }
        if self.method != Method::CONNECT {
            return Cow::Borrowed(self.url.raw_path());
        }
        let host = self.headers.first("host").unwrap_or_default();
        with_port(std::str::from_utf8(host).unwrap_or_default(), &self.url)
    }

    /// The method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Where it goes.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Replaces the method.
    pub fn set_method(&mut self, method: Method) {
        self.method = method;
    }

    /// Replaces where it goes. The `Host` field follows; a [target](RequestBuilder::target) of its own
    /// is dropped, and at another origin the name that the server was to prove.
    pub fn set_url(&mut self, url: Url) {
        self.move_to(url);
        self.write_host();
    }

    fn move_to(&mut self, url: Url) {
        if let Some(rare) = &mut self.options.rare {
            rare.overrides.moved(&self.url, &url);
        }
        self.url = url;
    }

    /// The fields, in the order in which they are sent.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The fields, to be changed.
    pub fn headers_mut(&mut self) -> &mut Headers {
        &mut self.headers
    }

    /// The body.
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// Replaces the body. The fields that told of the one before are replaced too.
    pub fn set_body(&mut self, body: impl Into<Body>) {
        self.headers.remove("content-length");
        self.headers.remove("transfer-encoding");
        self.body = body.into();
        self.announce_body();
    }

    /// The limits for this request; none where the client's hold.
    pub fn timeout(&self) -> Option<Timeout> {
        self.options.rare.as_deref().and_then(|rare| rare.timeout)
    }

    /// Replaces the limits for this request.
    pub fn set_timeout(&mut self, timeout: impl Into<Timeout>) {
        self.options.rare_mut().timeout = Some(timeout.into());
    }

    /// What to do with redirects of this request, in place of what the client does.
    pub fn set_redirects(&mut self, redirects: Redirects) {
        self.options.rare_mut().redirects = Some(redirects);
    }

    /// How it authenticates, in place of what the client does.
    pub fn set_auth(&mut self, auth: impl Into<Auth>) {
        self.options.rare_mut().auth = Choice::Is(auth.into());
    }

    /// The proxy that it goes through, whatever the client does.
    pub fn set_proxy(&mut self, proxy: impl Into<Proxy>) {
        self.options.rare_mut().proxy = Choice::Is(proxy.into());
    }

    /// No proxy, whatever the client does.
    pub fn set_no_proxy(&mut self) {
        self.options.rare_mut().proxy = Choice::Off;
    }

    /// What it says of a proxy itself.
    pub(crate) fn own_proxy(&self) -> &Choice<Proxy> {
        let own = self.options.rare.as_deref();
        own.map_or(&Choice::Inherit, |rare| &rare.proxy)
    }

    /// What travels with the request without being sent: for hooks and transports.
    pub fn extensions(&self) -> Option<&http::Extensions> {
        self.options.rare.as_deref().map(|rare| &rare.extensions)
    }

    /// What travels with the request without being sent, to be changed.
    pub fn extensions_mut(&mut self) -> &mut http::Extensions {
        &mut self.options.rare_mut().extensions
    }

    /// Writes the `Cookie` field, unless there is one already (BEHAVIOUR sections 6.4 and 6.6).
    fn write_cookies(
        &mut self,
        settings: &Settings,
        own: Vec<(String, String)>,
        now: SystemTime,
    ) -> Result<(), Error> {
        let own = CookieJar::from_pairs(own)?;
        if self.headers.contains("cookie") {
            return Ok(());
        }
        match settings.cookies.header_with(&self.url, &own, now) {
            None => Ok(()),
            Some(value) => {
                let added = self.headers.append("Cookie", value);
                added.map_err(|e| Error::other(Kind::LocalProtocol, e))
            }
        }
    }

    /// Writes the `Expect` field where it was asked for and there is a body, unless there is one.
    fn write_expectation(&mut self) -> Result<(), Error> {
        let asked = self.options.rare.as_deref();
        if !asked.is_some_and(|rare| rare.expect_continue)
            || matches!(self.body_size(), BodySize::Empty | BodySize::Known(0))
            || self.headers.contains("expect")
        {
            return Ok(());
        }
        let added = self.headers.append("Expect", "100-continue");
        added.map_err(|e| Error::other(Kind::LocalProtocol, e))
    }

    /// Adds pairs behind the query that stands there.
    fn add_query(&mut self, params: QueryParams) -> Result<(), Error> {
        let more = nuncio_url::form::encode(params);
        let query = match self.url.query() {
            _ if more.is_empty() => return Ok(()),
            Some(query) if !query.is_empty() => format!("{query}&{more}"),
            _ => more,
        };
        self.url
            .set_search(&query)
            .map_err(|e| Error::other(Kind::InvalidUrl, e))
    }

    /// How long the body is. What its source does not know the caller may have said.
    pub(crate) fn body_size(&self) -> BodySize {
        let size = self.body.size();
        if size != BodySize::Unknown || self.headers.contains("transfer-encoding") {
            return size;
        }
        let length = self.headers.first("content-length").and_then(decimal_of);
        length.map_or(size, BodySize::Known)
    }

    pub(crate) fn body_mut(&mut self) -> &mut Body {
        &mut self.body
    }

    /// The same request once more, if its body is held: bytes, text, or none.
    pub fn try_clone(&self) -> Option<Request> {
        let body = self.body.duplicate()?;
        let mut request = self.without_body();
        request.body = body;
        Some(request)
    }

    /// The same request once more, but for its body.
    pub(crate) fn without_body(&self) -> Request {
        Request {
            method: self.method.clone(),
            url: self.url.clone(),
            headers: self.headers.clone(),
            body: Body::empty(),
            options: self.options.clone(),
        }
    }

    /// Takes over what a redirect has changed.
    pub(crate) fn redirect(&mut self, plan: Plan) {
        self.method = plan.method;
        self.move_to(plan.url);
        self.headers = plan.headers;
        if !plan.keeps_body {
            self.body = Body::empty();
        }
    }

    /// What a response will say that it answers.
    pub(crate) fn sent(&self) -> SentRequest {
        SentRequest {
            method: self.method.clone(),
            url: self.url.clone(),
            headers: self.headers.clone(),
        }
    }

    pub(crate) fn into_sent(self) -> (SentRequest, Body) {
        let Request {
            method,
            url,
            headers,
            body,
            options: _,
        } = self;
        let sent = SentRequest {
            method,
            url,
            headers,
        };
        (sent, body)
    }

    /// What is sent, and what travels with it.
    pub(crate) fn into_standard(mut self) -> (SentRequest, Body, http::Extensions) {
        let rare = self.options.rare.take().unwrap_or_default();
        let (sent, body) = self.into_sent();
        (sent, body, rare.extensions)
    }

    /// Says how the body is framed, unless the caller did. A lone POST, PUT or PATCH says that it
    /// has none (RFC 9110 section 8.6).
    pub(crate) fn announce_body(&mut self) {
        let framed =
            self.headers.contains("content-length") || self.headers.contains("transfer-encoding");
        if framed {
            return;
        }
        let wants_length = matches!(self.method, Method::POST | Method::PUT | Method::PATCH);
        // Names and values made here are legal.
        let _ = match self.body.size() {
            BodySize::Known(length) => {
                let mut digits = [0; 20];
                self.headers
                    .append("Content-Length", decimal(length, &mut digits))
            }
            BodySize::Unknown => self.headers.append("Transfer-Encoding", "chunked"),
            BodySize::Empty if wants_length => self.headers.append("Content-Length", "0"),
            BodySize::Empty => Ok(()),
        };
    }
}

/// `authority`, with the port that the scheme of `url` means where it names none.
fn with_port<'a>(authority: &'a str, url: &Url) -> Cow<'a, str> {
    let behind_address = authority.rsplit(']').next().unwrap_or_default();
    match behind_address.split_once(':') {
        Some((_, port)) if !port.is_empty() => Cow::Borrowed(authority),
        _ => {
            let host = authority.strip_suffix(':').unwrap_or(authority);
            let port = if url.scheme() == "https" { 443 } else { 80 };
            Cow::Owned(format!("{host}:{port}"))
        }
    }
}

fn decimal(mut number: u64, digits: &mut [u8; 20]) -> &[u8] {
    let mut start = digits.len();
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
        start -= 1;
        if number == 0 {
            break;
        }
    }
    digits.get(start..).unwrap_or_default()
}

/// The number that `text` is, if that is all it is.
fn decimal_of(text: &[u8]) -> Option<u64> {
    let digits = text.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(text).ok().filter(|_| digits)?;
    text.parse().ok()
}
