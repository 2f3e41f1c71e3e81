//! A response whose body has been read.

use crate::cookies::CookieJar;
use crate::error::{Error, Kind, Place};
use crate::exchange::Seen;
use crate::redirect::is_redirect;
use crate::request::Request;
use bytes::Bytes;
use http::{StatusCode, Version};
use nuncio_connection::ResponseHead;
use nuncio_headers::Headers;
use nuncio_url::Url;
use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// What every response has before its body: shared by the buffered and the streaming kinds.
#[derive(Clone, Debug)]
pub struct Head {
    pub(crate) request: SentRequest,
    pub(crate) head: ResponseHead,
    /// What few responses have.
    pub(crate) more: Option<Box<More>>,
}

/// The request that a response answers, as it was sent: the last one, after redirects.
#[derive(Clone, Debug)]
pub struct SentRequest {
    pub(crate) method: http::Method,
    pub(crate) url: Url,
    pub(crate) headers: Headers,
}

impl Default for More {
    fn default() -> Self {
        More {
            history: Arc::new([]),
            next: None,
            extensions: http::Extensions::new(),
            received: None,
        }
    }
}

impl SentRequest {
    /// The method.
    pub fn method(&self) -> &http::Method {
        &self.method
    }

    /// Where it went.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The fields, as they were sent.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }
}

#[derive(Clone, Debug)]
pub(crate) struct More {
    /// Shared, since each of them has those before it.
    pub(crate) history: Arc<[Response]>,
    /// Locked because a body need not be `Sync`; this one is held, and never waited for.
    pub(crate) next: Option<Arc<Mutex<Request>>>,
    pub(crate) extensions: http::Extensions,
    /// When it came, if it sets cookies.
    pub(crate) received: Option<SystemTime>,
}

impl Head {
    /// The head of an HTTP/1.1 response to a `method` request for `url`: for transports and tests.
    pub fn new(method: http::Method, url: Url, status: StatusCode, headers: Headers) -> Self {
        let request = SentRequest {
            method,
            url,
            headers: Headers::new(),
        };
        let head = ResponseHead::new(Version::HTTP_11, status, headers);
        Self::of(request, head, Seen::default())
    }

    pub(crate) fn of(request: SentRequest, head: ResponseHead, seen: Seen) -> Self {
        let more = (!seen.is_plain()).then(|| {
            Box::new(More {
                extensions: seen.extensions,
                received: seen.received,
                ..More::default()
            })
        });
        Head {
            request,
            head,
            more,
        }
    }

    /// The status code. Codes from 600 to 999 are let through, as servers do send them.
    pub fn status(&self) -> StatusCode {
        // The codec lets only 100 to 999 through, which is what the type holds.
        StatusCode::from_u16(self.head.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The words beside the status code, as the server sent them; over HTTP/2, and where it sent
    /// none, the standard ones.
    pub fn reason(&self) -> Cow<'_, str> {
        match self.head.reason.as_bytes() {
            b"" => self.status().canonical_reason().unwrap_or_default().into(),
            reason => String::from_utf8_lossy(reason),
        }
    }

    /// The protocol version of the response.
    pub fn version(&self) -> Version {
        self.head.version
    }

    /// The fields, in the order and the case in which they came.
    pub fn headers(&self) -> &Headers {
        &self.head.headers
    }

    /// Where the response came from.
    pub fn url(&self) -> &Url {
        &self.request.url
    }

    /// The fields, to be changed: for hooks.
    pub fn headers_mut(&mut self) -> &mut Headers {
        &mut self.head.headers
    }

    /// The request that it answers: after redirects, the last one.
    pub fn request(&self) -> &SentRequest {
        &self.request
    }

    /// The responses that came before it for the same request, redirects and challenges, in their
    /// order. The body of one is kept as it came, up to 64 KiB, and is not decoded.
    pub fn history(&self) -> &[Response] {
        self.more.as_deref().map_or(&[], |more| &*more.history)
    }

    /// The cookies that this response set, and no others: what is of them in its `Set-Cookie` fields,
    /// as of the time when it came.
    pub fn cookies(&self) -> CookieJar {
        let received = self.more.as_deref().and_then(|more| more.received);
        match received {
            Some(now) => CookieJar::from_response(self.url(), self.headers(), now),
            None => CookieJar::new(),
        }
    }

    /// Its pieces, when hooks or the authentication have seen it.
    pub(crate) fn into_seen(self) -> (ResponseHead, Seen) {
        let seen = self.more.map_or_else(Seen::default, |more| Seen {
            extensions: more.extensions,
            received: more.received,
        });
        (self.head, seen)
    }

    /// Whether it sends elsewhere: 301, 302, 303, 307 or 308, and a `Location`.
    pub fn has_redirect_location(&self) -> bool {
        is_redirect(self.head.status, &self.head.headers)
    }

    /// The request that would follow this redirect, where it was not followed. None for other
    /// responses, for one that leads nowhere, and where the body cannot be sent again.
    pub fn next_request(&self) -> Option<Request> {
        let next = self.more.as_deref()?.next.as_deref()?;
        next.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .try_clone()
    }

    /// What a transport or a hook put beside the response.
    pub fn extensions(&self) -> Option<&http::Extensions> {
        self.more.as_deref().map(|more| &more.extensions)
    }

    /// What a transport or a hook put beside the response, to be changed.
    pub fn extensions_mut(&mut self) -> &mut http::Extensions {
        &mut self.more.get_or_insert_default().extensions
    }

    /// The announced length of the body, in bytes; none where it is no number.
    pub fn content_length(&self) -> Option<u64> {
        let digits = self.head.headers.first("content-length")?;
        let number = digits.iter().try_fold(0_u64, |number, digit| {
            let digit = digit.checked_sub(b'0').filter(|digit| *digit < 10)?;
            number.checked_mul(10)?.checked_add(digit.into())
        });
        number.filter(|_| !digits.is_empty())
    }

    /// The error that a status other than 2xx is, or none (BEHAVIOUR section 10).
    pub fn status_error(&self) -> Option<Error> {
        let code = self.head.status;
        if (200..300).contains(&code) {
            return None;
        }
        let what = match code / 100 {
            1 => "Informational response",
            3 => "Redirect response",
            4 => "Client error",
            5 => "Server error",
            _ => "Invalid status code",
        };
        let reason = self.reason();
        let space = if reason.is_empty() { "" } else { " " };
        let url = Place(&self.request.url);
        let mut text = format!("{what} '{code}{space}{reason}' for url '{url}'");
        let redirect = matches!(code, 301 | 302 | 303 | 307 | 308);
        if let Some(location) = self.head.headers.get("location").filter(|_| redirect) {
            text.push_str(&format!(
                ", redirect location '{}'",
                location.escape_debug()
            ));
        }
        let error = Error::new(Kind::Status, text);
        Some(error.for_request(self.request.method.as_str(), &self.request.url))
    }
}

/// A response, body included.
#[derive(Clone)]
pub struct Response {
    head: Head,
    body: Bytes,
    elapsed: Duration,
}

impl Response {
    /// A response put together from its parts: for adapters, and for tests.
    pub fn new(head: Head, body: Bytes, elapsed: Duration) -> Self {
        Response {
            head,
            body,
            elapsed,
        }
    }

    pub(crate) fn into_head(self) -> Head {
        self.head
    }

    pub(crate) fn with_history(mut self, history: Arc<[Response]>) -> Self {
        if !history.is_empty() {
            self.head.more.get_or_insert_default().history = history;
        }
        self
    }

    /// The body, as it came.
    pub fn bytes(&self) -> &Bytes {
        &self.body
    }

    /// The body, without the rest.
    pub fn into_bytes(self) -> Bytes {
        self.body
    }

    /// The body as UTF-8 text; what is no UTF-8 becomes U+FFFD.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// The body read as JSON.
    ///
    /// # Errors
    /// [`Kind::Decoding`] when it is not JSON, or not the JSON that `T` takes.
    #[cfg(feature = "json")]
    pub fn json<'a, T: serde::Deserialize<'a>>(&'a self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|error| {
            Error::other(Kind::Decoding, error)
                .for_request(self.head.request.method.as_str(), &self.head.request.url)
        })
    }

    /// From just before the request was handed to the transport until the body was complete.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// The response itself if its status is 2xx.
    ///
    /// # Errors
    /// [`Kind::Status`] for every other status, redirects included; the error owns the response.
    pub fn error_for_status(self) -> Result<Self, Error> {
        match self.head.status_error() {
            None => Ok(self),
            Some(error) => Err(error.with_response(self)),
        }
    }
}

impl std::ops::Deref for Response {
    type Target = Head;

    fn deref(&self) -> &Head {
        &self.head
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "<Response [{} {}]>",
            self.head.head.status,
            self.reason()
        )
    }
}
