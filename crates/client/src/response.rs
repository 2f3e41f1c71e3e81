//! A response whose body has been read.

use crate::error::{Error, Kind, Place};
use bytes::Bytes;
use http::{StatusCode, Version};
use nuncio_connection::ResponseHead;
use nuncio_headers::Headers;
use nuncio_url::Url;
use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

/// What every response has before its body: shared by the buffered and the streaming kinds.
#[derive(Clone, Debug)]
pub struct Head {
    pub(crate) method: http::Method,
    pub(crate) url: Url,
    pub(crate) head: ResponseHead,
}

impl Head {
    /// The head of an HTTP/1.1 response to a `method` request for `url`: for transports and tests.
    pub fn new(method: http::Method, url: Url, status: StatusCode, headers: Headers) -> Self {
        let head = ResponseHead::new(Version::HTTP_11, status, headers);
        Head { method, url, head }
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
        &self.url
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
        let url = Place(&self.url);
        let mut text = format!("{what} '{code}{space}{reason}' for url '{url}'");
        let redirect = matches!(code, 301 | 302 | 303 | 307 | 308);
        if let Some(location) = self.head.headers.get("location").filter(|_| redirect) {
            text.push_str(&format!(
                ", redirect location '{}'",
                location.escape_debug()
            ));
        }
        let error = Error::new(Kind::Status, text);
        Some(error.for_request(self.method.as_str(), &self.url))
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
                .for_request(self.head.method.as_str(), &self.head.url)
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
