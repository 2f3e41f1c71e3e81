//! What a transport of the user's answers with.

use crate::body::Body;
use crate::error::{Error, Kind};
use bytes::Bytes;
use http::{StatusCode, Version};
use nuncio_connection::{BodySize, ResponseHead};
use nuncio_headers::Headers;

/// A response as a transport gives it: status, fields, and a body that may come piece by piece.
///
/// ```
/// use nuncio_client::Reply;
///
/// let reply = Reply::new(404).header("X-Reason", "gone").text("no such page");
/// assert_eq!(reply.headers().get("content-type").as_deref(), Some("text/plain; charset=utf-8"));
/// ```
#[derive(Debug)]
pub struct Reply {
    status: u16,
    version: Version,
    headers: Headers,
    body: Body,
    extensions: http::Extensions,
    mistake: Option<Error>,
}

impl Reply {
    /// A reply without fields or a body. A status outside of 200 to 999 becomes an error of the
    /// request that it answers.
    pub fn new(status: u16) -> Self {
        let mistake = (!(200..=999).contains(&status)).then(|| {
            let text = format!("a reply has the status {status}, which is not within 200 to 999");
            Error::new(Kind::Builder, text)
        });
        Reply {
            status,
            version: Version::HTTP_11,
            headers: Headers::new(),
            body: Body::empty(),
            extensions: http::Extensions::new(),
            mistake,
        }
    }

    /// Adds a field. One that is illegal becomes an error of the request that it answers.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> Self {
        if let Err(error) = self.headers.append(name, value) {
            self.mistake
                .get_or_insert(Error::other(Kind::Builder, error));
        }
        self
    }

    /// The protocol version to show. Default HTTP/1.1.
    pub fn version(mut self, version: Version) -> Self {
        self.version = version;
        self
    }

    /// The body; how long it is is told in the fields, unless they tell already.
    pub fn body(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        let framed =
            self.headers.contains("content-length") || self.headers.contains("transfer-encoding");
        match self.body.size() {
            _ if framed => self,
            BodySize::Known(length) => self.header("Content-Length", length.to_string()),
            BodySize::Unknown => self.header("Transfer-Encoding", "chunked"),
            BodySize::Empty => self,
        }
    }

    /// A body of text, `text/plain; charset=utf-8`.
    pub fn text(self, text: impl Into<String>) -> Self {
        self.body(text.into())
            .default_type("text/plain; charset=utf-8")
    }

    /// A page, `text/html; charset=utf-8`.
    pub fn html(self, html: impl Into<String>) -> Self {
        self.body(html.into())
            .default_type("text/html; charset=utf-8")
    }

    /// `value` as JSON, `application/json`.
    #[cfg(feature = "json")]
    pub fn json<T: serde::Serialize + ?Sized>(mut self, value: &T) -> Self {
        match crate::json::to_vec(value) {
            Ok(text) => self.body(text).default_type("application/json"),
            Err(error) => {
                self.mistake.get_or_insert(error);
                self
            }
        }
    }

    fn default_type(self, content_type: &str) -> Self {
        if self.headers.contains("content-type") {
            self
        } else {
            self.header("Content-Type", content_type)
        }
    }

    /// The fields so far.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The fields, to be changed.
    pub fn headers_mut(&mut self) -> &mut Headers {
        &mut self.headers
    }

    /// Something to travel with the response.
    pub fn extension<T: Clone + Send + Sync + 'static>(mut self, value: T) -> Self {
        self.extensions.insert(value);
        self
    }

    pub(crate) fn into_parts(self) -> Result<(ResponseHead, Body, http::Extensions), Error> {
        if let Some(mistake) = self.mistake {
            return Err(mistake);
        }
        let status = StatusCode::from_u16(self.status)
            .map_err(|error| Error::other(Kind::Builder, error))?;
        let head = ResponseHead::new(self.version, status, self.headers);
        Ok((head, self.body, self.extensions))
    }
}

impl<B: Into<Bytes>> From<http::Response<B>> for Reply {
    fn from(response: http::Response<B>) -> Self {
        let (parts, body) = response.into_parts();
        let mut reply = Reply::new(parts.status.as_u16()).version(parts.version);
        match Headers::try_from(&parts.headers) {
            Ok(headers) => reply.headers = headers,
            Err(error) => reply.mistake = Some(Error::other(Kind::Builder, error)),
        }
        reply.body(body.into())
    }
}
