//! A request, and the builder that every client shares.

use crate::body::{Body, Source};
use crate::client::{Client, Driver};
use crate::error::{Error, Kind};
use crate::timeout::Timeout;
use http::Method;
use nuncio_headers::Headers;
use nuncio_url::{QueryParams, Url};
use std::fmt;

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
    timeout: Timeout,
}

impl Request {
    /// A request with a `Host` field, no others, and no body.
    pub fn new(method: Method, url: Url) -> Self {
        let headers = Headers::with_capacity(8, 256);
        let mut request = Request {
            method,
            url,
            headers,
            body: Body::empty(),
            timeout: Timeout::default(),
        };
        request.write_host();
        request
    }

    /// A host of the URL record is always a legal field value.
    fn write_host(&mut self) {
        if !self.url.netloc().is_empty() {
            let _ = self.headers.append("Host", self.url.netloc());
        }
    }

    /// The method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Where it goes.
    pub fn url(&self) -> &Url {
        &self.url
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

    /// The limits for this request.
    pub fn timeout(&self) -> Timeout {
        self.timeout
    }

    /// Replaces the limits for this request.
    pub fn set_timeout(&mut self, timeout: impl Into<Timeout>) {
        self.timeout = timeout.into();
    }

    /// Says how the body is framed, unless the caller did. A lone POST, PUT or PATCH says that it
    /// has none (RFC 9110 section 8.6).
    fn announce_body(&mut self) {
        use nuncio_connection::BodySize;
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

    pub(crate) fn into_parts(self) -> Parts {
        let Request {
            method,
            url,
            headers,
            body,
            timeout: _,
        } = self;
        Parts {
            method,
            url,
            headers,
            body: body.source,
        }
    }
}

/// What a call takes a request apart into.
pub(crate) struct Parts {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: Headers,
    pub(crate) body: Source,
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

/// Builds a request on a client, and sends it.
///
/// Mistakes are kept until [`build`](Self::build), [`send`](Self::send) or
/// [`stream`](Self::stream), which report the first one before anything is sent.
#[must_use = "a request does nothing until it is sent"]
pub struct RequestBuilder<D: Driver> {
    client: Client<D>,
    draft: Result<Draft, Error>,
}

struct Draft {
    method: Method,
    url: Url,
    headers: Headers,
    body: Option<(Body, Option<&'static str>)>,
    timeout: Option<Timeout>,
}

impl<D: Driver> RequestBuilder<D> {
    pub(crate) fn new(client: Client<D>, method: Result<Method, Error>, url: &str) -> Self {
        let draft = method.and_then(|method| {
            let url = client.settings().resolve_url(url)?;
            Ok(Draft {
                method,
                url,
                headers: Headers::new(),
                body: None,
                timeout: None,
            })
        });
        RequestBuilder { client, draft }
    }

    fn change(mut self, change: impl FnOnce(&mut Draft) -> Result<(), Error>) -> Self {
        if let Ok(draft) = &mut self.draft
            && let Err(error) = change(draft)
        {
            self.draft = Err(error);
        }
        self
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

    /// Adds pairs to the URL's query, behind what stands there, form-encoded.
    pub fn query(self, params: impl Into<QueryParams>) -> Self {
        self.change(|draft| {
            let more = nuncio_url::form::encode(params);
            if more.is_empty() {
                return Ok(());
            }
            let query = match draft.url.query() {
                Some(query) if !query.is_empty() => format!("{query}&{more}"),
                _ => more,
            };
            draft
                .url
                .set_search(&query)
                .map_err(|e| Error::other(Kind::InvalidUrl, e))
        })
    }

    /// The body: bytes, text, or a [`Body`] that is read as it is sent.
    pub fn body(self, body: impl Into<Body>) -> Self {
        self.set_body(body.into(), None)
    }

    /// A form as the body: `application/x-www-form-urlencoded`.
    pub fn form(self, fields: impl Into<QueryParams>) -> Self {
        let body = Body {
            source: Source::Bytes(nuncio_url::form::encode(fields).into()),
        };
        self.set_body(body, Some("application/x-www-form-urlencoded"))
    }

    /// `value` as JSON, as the body: compact, UTF-8, `application/json`.
    #[cfg(feature = "json")]
    pub fn json<T: serde::Serialize + ?Sized>(self, value: &T) -> Self {
        match serde_json::to_vec(value) {
            Ok(text) => self.set_body(text.into(), Some("application/json")),
            Err(error) => self.change(|_| Err(Error::other(Kind::Builder, error))),
        }
    }

    fn set_body(self, body: Body, content_type: Option<&'static str>) -> Self {
        self.change(|draft| match draft.body {
            Some(_) => Err(Error::new(
                Kind::Builder,
                "the body was given twice: use one of body, form and json",
            )),
            None => {
                draft.body = Some((body, content_type));
                Ok(())
            }
        })
    }

    /// The limits for this request, in place of the client's.
    pub fn timeout(self, timeout: impl Into<Timeout>) -> Self {
        self.change(|draft| {
            draft.timeout = Some(timeout.into());
            Ok(())
        })
    }

    /// The request as it would be sent.
    ///
    /// # Errors
    /// The first mistake that was made while building it.
    pub fn build(self) -> Result<Request, Error> {
        self.finish().1
    }

    fn finish(self) -> (Client<D>, Result<Request, Error>) {
        let RequestBuilder { client, draft } = self;
        let request = draft.and_then(|draft| {
            let settings = client.settings();
            draft.finish(&settings.headers, settings.timeout)
        });
        (client, request)
    }

    /// Sends the request and reads the whole response.
    pub fn send(self) -> D::Send {
        let (client, request) = self.finish();
        client.driver().send(client.settings(), request)
    }

    /// Sends the request and gives the response as soon as its head is there; its body is read as
    /// it is pulled.
    pub fn stream(self) -> D::Stream {
        let (client, request) = self.finish();
        client.driver().stream(client.settings(), request)
    }
}

impl Draft {
    /// The order of BEHAVIOUR section 7: Host, the client's fields, the request's, the body's.
    fn finish(self, defaults: &Headers, timeout: Timeout) -> Result<Request, Error> {
        let Draft {
            method,
            url,
            headers: own,
            body,
            timeout: own_timeout,
        } = self;
        let mut request = Request {
            headers: Headers::with_capacity(8 + own.len(), 320),
            method,
            url,
            body: Body::empty(),
            timeout: own_timeout.unwrap_or(timeout),
        };
        if !own.contains("host") && !defaults.contains("host") {
            request.write_host();
        }
        let framed = own.contains("content-length") || own.contains("transfer-encoding");
        if body.is_none() && !framed {
            request.announce_body();
        }
        for fields in [defaults, &own] {
            let added = request.headers.update(fields);
            added.map_err(|e| Error::other(Kind::LocalProtocol, e))?;
        }
        if let Some((body, content_type)) = body {
            request.body = body;
            request.announce_body();
            if let Some(content_type) = content_type
                && !request.headers.contains("content-type")
            {
                let _ = request.headers.append("Content-Type", content_type);
            }
        }
        Ok(request)
    }
}

impl<D: Driver> fmt::Debug for RequestBuilder<D> {
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
