//! A request, and the builder that every client shares.

use crate::auth::Auth;
use crate::body::Body;
use crate::client::{Client, Driver};
use crate::cookies::CookieJar;
use crate::decoding::DecodingOptions;
use crate::error::{Error, Kind};
use crate::multipart::Form;
use crate::overrides::Overrides;
use crate::payload::Payload;
use crate::proxy::Proxy;
use crate::redirect::{Plan, Redirects};
use crate::response::SentRequest;
use crate::settings::Settings;
use crate::timeout::Timeout;
use http::Method;
use nuncio_connection::{BodySize, EventSink};
use nuncio_content::Budget;
use nuncio_headers::Headers;
use nuncio_url::{QueryParams, Url};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::time::SystemTime;

/// A request, complete: what it says is what is sent.
///
/// Made by a [`RequestBuilder`], which merges the client's settings in; look at it and change it
/// as you like, then [`Client::send`] it as it is.
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

/// Builds a request on a client, and sends it.
///
/// Mistakes are kept until [`build`](Self::build), [`send`](Self::send) or
/// [`stream`](Self::stream), which report the first one before anything is sent.
///
/// `C` is the client, or what will make one just for this request: a [`OneShot`](crate::OneShot).
#[must_use = "a request does nothing until it is sent"]
pub struct RequestBuilder<D: Driver, C: Owner<D> = Client<D>> {
    pub(crate) owner: C,
    draft: Result<Draft, Error>,
    driver: PhantomData<D>,
}

/// What a request is built for: a client, or what becomes one.
pub trait Owner<D: Driver> {
    /// The client.
    ///
    /// # Errors
    /// When it cannot be built.
    fn into_client(self) -> Result<Client<D>, Error>;
}

impl<D: Driver> Owner<D> for Client<D> {
    fn into_client(self) -> Result<Client<D>, Error> {
        Ok(self)
    }
}

struct Draft {
    method: Method,
    url: Url,
    headers: Headers,
    params: QueryParams,
    payload: Option<Payload>,
    #[cfg(feature = "compress")]
    coding: Option<nuncio_content::Coding>,
    options: Options,
}

impl<D: Driver, C: Owner<D>> RequestBuilder<D, C> {
    pub(crate) fn new(owner: C, method: Result<Method, Error>, url: Result<Url, Error>) -> Self {
        let draft = method.and_then(|method| {
            let url = url?;
            Ok(Draft {
                method,
                url,
                headers: Headers::new(),
                params: QueryParams::default(),
                payload: None,
                #[cfg(feature = "compress")]
                coding: None,
                options: Options::default(),
            })
        });
        RequestBuilder {
            owner,
            draft,
            driver: PhantomData,
        }
    }

    fn change(mut self, change: impl FnOnce(&mut Draft) -> Result<(), Error>) -> Self {
        if let Ok(draft) = &mut self.draft
            && let Err(error) = change(draft)
        {
            self.draft = Err(error);
        }
        self
    }

    pub(crate) fn change_rare(self, change: impl FnOnce(&mut Rare) -> Result<(), Error>) -> Self {
        self.change(|draft| change(draft.options.rare_mut()))
    }

    /// Adds a field. Fields given here replace the client's of the same name; the same name given
    /// twice is sent twice.
    pub fn header(self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> Self {
        self.change(|draft| {
            draft
                .headers
                .append(name, value)
                .map_err(|e| Error::other(Kind::LocalProtocol, e))
        })
    }

    /// Adds all fields of `headers`, as [`header`](Self::header) does.
    pub fn headers(self, headers: &Headers) -> Self {
        self.change(|draft| {
            for (name, value) in headers {
                let added = draft.headers.append(name, value);
                added.map_err(|e| Error::other(Kind::LocalProtocol, e))?;
            }
            Ok(())
        })
    }

    /// Adds pairs to the URL's query, behind what stands there, form-encoded. They replace the
    /// client's of the same name.
    pub fn query(self, params: impl Into<QueryParams>) -> Self {
        self.change(|draft| {
            let params = params.into();
            if draft.params.is_empty() {
                draft.params = params;
            } else {
                for (name, value) in params.pairs() {
                    draft.params = draft.params.with_added(name, value);
                }
            }
            Ok(())
        })
    }

    /// The body: bytes, text, or a [`Body`] that is read as it is sent.
    ///
    /// A request has one kind of body: a second one, but for files beside a form, is a mistake.
    pub fn body(self, body: impl Into<Body>) -> Self {
        self.payload(Payload::Given {
            body: body.into(),
            content_type: None,
            kind: "body",
        })
    }

    /// A form as the body: `application/x-www-form-urlencoded`, or with
    /// [`multipart`](Self::multipart) the fields of that. [`QueryParams::from_lists`] makes fields of
    /// lists of values. A form without a field is no body.
    pub fn form(self, fields: impl Into<QueryParams>) -> Self {
        self.payload(Payload::Form(fields.into()))
    }

    /// A form with files as the body: `multipart/form-data`. A boundary in a Content-Type of the
    /// caller's is used; a `multipart/form-data` there without one gets one.
    pub fn multipart(self, form: Form) -> Self {
        self.payload(Payload::Multipart { fields: None, form })
    }

    /// `value` as JSON, as the body: compact, UTF-8, `application/json`. NaN and the infinities,
    /// which JSON does not have, are a mistake.
    #[cfg(feature = "json")]
    pub fn json<T: serde::Serialize + ?Sized>(self, value: &T) -> Self {
        match crate::json::to_vec(value) {
            Ok(text) => self.payload(Payload::Given {
                body: text.into(),
                content_type: Some("application/json"),
                kind: "json",
            }),
            Err(error) => self.change(|_| Err(error)),
        }
    }

    /// Sends the body compressed, and says so in `Content-Encoding`. The server has to know that
    /// coding, which nothing tells beforehand. A body of no bytes stays as it is; one that is read
    /// as it is sent is a mistake, as is a `Content-Encoding` of the caller's.
    #[cfg(feature = "compress")]
    pub fn compress(self, coding: nuncio_content::Coding) -> Self {
        self.change(|draft| {
            draft.coding = Some(coding);
            Ok(())
        })
    }

    fn payload(self, payload: Payload) -> Self {
        self.change(|draft| {
            draft.payload = Some(match draft.payload.take() {
                Some(first) => first.and(payload)?,
                None => payload,
            });
            Ok(())
        })
    }

    /// The limits for this request, in place of the client's.
    pub fn timeout(self, timeout: impl Into<Timeout>) -> Self {
        self.change(|draft| {
            draft.options.rare_mut().timeout = Some(timeout.into());
            Ok(())
        })
    }

    /// Whether redirects of this request are followed, whatever the client does.
    pub fn follow_redirects(self, follow: bool) -> Self {
        self.change(|draft| {
            draft.options.rare_mut().follow = Some(follow);
            Ok(())
        })
    }

    /// What to do with redirects of this request, in place of what the client does.
    pub fn redirects(self, redirects: Redirects) -> Self {
        self.change(|draft| {
            draft.options.rare_mut().redirects = Some(redirects);
            Ok(())
        })
    }

    /// How this request authenticates, in place of what the client does: a pair of user and password
    /// for Basic, or an [`Auth`].
    pub fn auth(self, auth: impl Into<Auth>) -> Self {
        self.change(|draft| {
            let auth = auth.into();
            auth.check()?;
            draft.options.rare_mut().auth = Choice::Is(auth);
            Ok(())
        })
    }

    /// The proxy that this request goes through, and what follows its redirects, whatever the client
    /// does. It goes before mounts and transports too.
    pub fn proxy(self, proxy: impl Into<Proxy>) -> Self {
        self.change(|draft| {
            let proxy = proxy.into();
            proxy.check()?;
            draft.options.rare_mut().proxy = Choice::Is(proxy);
            Ok(())
        })
    }

    /// No proxy for this request, and for what follows its redirects, whatever the client does.
    pub fn no_proxy(self) -> Self {
        self.change(|draft| {
            draft.options.rare_mut().proxy = Choice::Off;
            Ok(())
        })
    }

    /// Whether the content codings of the response are undone, whatever the client does.
    pub fn decode(self, decode: bool) -> Self {
        self.change(|draft| {
            draft.options.rare_mut().decoding.decode = Some(decode);
            Ok(())
        })
    }

    /// No authentication by the client's means. What stands in the URL still counts.
    pub fn no_auth(self) -> Self {
        self.change(|draft| {
            draft.options.rare_mut().auth = Choice::Off;
            Ok(())
        })
    }

    /// How much may come out of the response's body where that is coded, in place of what the client
    /// allows.
    pub fn max_decoded(self, budget: Budget) -> Self {
        self.change(|draft| {
            draft.options.rare_mut().decoding.budget = Some(budget);
            Ok(())
        })
    }

    /// Adds a cookie to this request alone: it is not kept, and not sent again after a redirect. Where
    /// the jar has one of the same name for every host, it takes its place.
    pub fn cookie(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.change(|draft| {
            let cookies = &mut draft.options.rare_mut().cookies;
            cookies.push((name.into(), value.into()));
            Ok(())
        })
    }

    /// How many codings the response's body may have, in place of what the client allows.
    pub fn max_codings(self, limit: usize) -> Self {
        self.change(|draft| {
            draft.options.rare_mut().decoding.max_codings = Some(limit);
            Ok(())
        })
    }

    /// Says `Expect: 100-continue`, and holds the body back until the server agrees to take it, answers,
    /// or has said nothing for a second ([`Timeout::expect_continue`]); RFC 9110 section 10.1.1. After a
    /// refusal nothing of the body is sent, and its source is not asked. A server that does not know
    /// the expectation (417) gets the request once more without it, if the body can be had again.
    ///
    /// Without a body nothing is said. The field given as a header does the same.
    pub fn expect_continue(self) -> Self {
        self.change(|draft| {
            draft.options.rare_mut().expect_continue = true;
            Ok(())
        })
    }

    /// Something to travel with the request without being sent: for hooks and transports.
    pub fn extension<T: Clone + Send + Sync + 'static>(self, value: T) -> Self {
        self.change(|draft| {
            draft.options.rare_mut().extensions.insert(value);
            Ok(())
        })
    }

    /// The request as it would be sent.
    ///
    /// # Errors
    /// The first mistake that was made while building it.
    pub fn build(self) -> Result<Request, Error> {
        self.finish().and_then(|(_, request)| request)
    }

    /// The client, if there is one, and the request or the first mistake in it.
    fn finish(self) -> Result<(Client<D>, Result<Request, Error>), Error> {
        let RequestBuilder { owner, draft, .. } = self;
        let client = owner.into_client()?;
        let request = draft.and_then(|draft| draft.finish(client.settings(), D::wall_clock));
        Ok((client, request))
    }

    /// Sends the request and reads the whole response.
    pub fn send(self) -> D::Send {
        match self.finish() {
            Ok((client, request)) => client.driver().send(client.settings(), request),
            Err(error) => D::send_failed(error),
        }
    }

    /// Sends the request and gives the response as soon as its head is there; its body is read as
    /// it is pulled.
    pub fn stream(self) -> D::Stream {
        match self.finish() {
            Ok((client, request)) => client.driver().stream(client.settings(), request),
            Err(error) => D::stream_failed(error),
        }
    }
}

impl Draft {
    /// The order of BEHAVIOUR section 7: Host, the client's fields, the request's, the body's.
    fn finish(self, settings: &Settings, wall_clock: fn() -> SystemTime) -> Result<Request, Error> {
        let Draft {
            method,
            url,
            headers: own,
            params,
            payload,
            #[cfg(feature = "compress")]
            coding,
            mut options,
        } = self;
        let at_base = settings.is_at_base(&url);
        let defaults = if at_base {
            Cow::Borrowed(&settings.headers)
        } else {
            // What may be a credential stays where base_url is: what goes elsewhere is what a
            // redirect would take there (SECURITY R17, ruling 2).
            let base = settings.base_url.as_ref().unwrap_or(&url);
            let mut headers = settings
                .redirects
                .carried(base, &url, &settings.headers, true);
            // Nor is it an upgrade of ours.
            for name in ["host", "authorization"] {
                headers.remove(name);
            }
            Cow::Owned(headers)
        };
        let defaults = &*defaults;
        if !settings.extensions.is_empty() {
            let rare = options.rare_mut();
            let own = std::mem::replace(&mut rare.extensions, settings.extensions.clone());
            rare.extensions.extend(own);
        }
        let cookies = match &mut options.rare {
            Some(rare) => std::mem::take(&mut rare.cookies),
            None => Vec::new(),
        };
        let mut request = Request {
            headers: Headers::with_capacity(8 + own.len(), 320),
            method,
            url,
            body: Body::empty(),
            options,
        };
        if !settings.params.is_empty() || !params.is_empty() {
            request.add_query(settings.params.merged(params))?;
        }
        // Host goes first, whoever gives it (RFC 9110 section 7.2). Two of them are refused where the
        // request is sent, so none is dropped here.
        let given = [&own, defaults].into_iter().find(|it| it.contains("host"));
        match given {
            None => request.write_host(),
            Some(fields) => {
                let is_host = |name: &str| name.eq_ignore_ascii_case("host");
                for (name, value) in fields.iter().filter(|(name, _)| is_host(name)) {
                    let added = request.headers.append(name, value);
                    added.map_err(|e| Error::other(Kind::LocalProtocol, e))?;
                }
            }
        }
        let framed = own.contains("content-length") || own.contains("transfer-encoding");
        let bare = match &payload {
            None => true,
            Some(payload) => payload.is_empty(),
        };
        if bare && !framed {
            request.announce_body();
        }
        for fields in [defaults, &own] {
            let without_host;
            let fields = if given.is_some() && fields.contains("host") {
                let mut rest = fields.clone();
                rest.remove("host");
                without_host = rest;
                &without_host
            } else {
                fields
            };
            let added = request.headers.update(fields);
            added.map_err(|e| Error::other(Kind::LocalProtocol, e))?;
        }
        if !cookies.is_empty() || settings.cookies.is_occupied() {
            request.write_cookies(settings, cookies, wall_clock())?;
        }
        if let Some(payload) = payload {
            let encoded = payload.encode(&request.headers)?;
            request.body = encoded.body;
            #[cfg(feature = "compress")]
            if let Some(coding) = coding {
                crate::compress::apply(coding, &mut request.body, &mut request.headers)?;
            }
            request.announce_body();
            if let Some(content_type) = encoded.content_type {
                let set = request.headers.insert("Content-Type", content_type);
                set.map_err(|e| Error::other(Kind::LocalProtocol, e))?;
            }
        }
        request.write_expectation()?;
        Ok(request)
    }
}

impl<D: Driver, C: Owner<D>> fmt::Debug for RequestBuilder<D, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.draft {
            Ok(draft) => f
                .debug_struct("RequestBuilder")
                .field("method", &draft.method)
                .field("url", &draft.url)
                .field("headers", &draft.headers)
                .finish_non_exhaustive(),
            Err(error) => f.debug_tuple("RequestBuilder").field(error).finish(),
        }
    }
}
