//! What a transport of the user's answers with.

use crate::body::Body;
use crate::error::{Error, Kind};
use crate::feed::Feed;
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
    head: ResponseHead,
    body: Body,
    pub(crate) extensions: http::Extensions,
    /// The source of the request's body, for a redirect that asks for it again.
    pub(crate) returned: Option<Feed>,
    /// What came before it.
    pub(crate) interim: Vec<ResponseHead>,
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
        let mut head = ResponseHead::new(Version::HTTP_11, StatusCode::OK, Headers::new());
        head.status = status;
        Reply {
            mistake,
            ..Reply::from_parts(head, Body::empty())
        }
    }

    /// A reply as it came from elsewhere: nothing is added to what its head says.
    pub(crate) fn from_parts(head: ResponseHead, body: Body) -> Self {
        Reply {
            head,
            body,
            extensions: http::Extensions::new(),
            returned: None,
            interim: Vec::new(),
            mistake: None,
        }
    }

    /// Adds a field. One that is illegal becomes an error of the request that it answers.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> Self {
        if let Err(error) = self.head.headers.append(name, value) {
            self.mistake
                .get_or_insert(Error::other(Kind::Builder, error));
        }
        self
    }

    /// The protocol version to show. Default HTTP/1.1.
    pub fn version(mut self, version: Version) -> Self {
        self.head.version = version;
        self
    }

    /// The body; how long it is is told in the fields, unless they tell already.
    pub fn body(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        let framed = self.head.headers.contains("content-length")
            || self.head.headers.contains("transfer-encoding");
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
        if self.head.headers.contains("content-type") {
            self
        } else {
            self.header("Content-Type", content_type)
        }
    }

    /// The fields so far.
    pub fn headers(&self) -> &Headers {
        &self.head.headers
    }

    /// The fields, to be changed.
    pub fn headers_mut(&mut self) -> &mut Headers {
        &mut self.head.headers
    }

    /// Something to travel with the response.
    pub fn extension<T: Clone + Send + Sync + 'static>(mut self, value: T) -> Self {
        self.extensions.insert(value);
        self
    }

    /// The same reply once more, if its body is held: bytes, text, or none.
    pub fn try_clone(&self) -> Option<Reply> {
        Some(Reply {
            head: self.head.clone(),
            body: self.body.duplicate()?,
            extensions: self.extensions.clone(),
            returned: None,
            interim: Vec::new(),
            mistake: self.mistake.clone(),
        })
    }

    pub(crate) fn into_parts(self) -> Result<(ResponseHead, Body, http::Extensions), Error> {
        match self.mistake {
            Some(mistake) => Err(mistake),
            None => Ok((self.head, self.body, self.extensions)),
        }
    }
}

impl<B: Into<Bytes>> From<http::Response<B>> for Reply {
    fn from(response: http::Response<B>) -> Self {
        let (parts, body) = response.into_parts();
        let mut reply = Reply::new(parts.status.as_u16()).version(parts.version);
        match Headers::try_from(&parts.headers) {
            Ok(headers) => reply.head.headers = headers,
            Err(error) => reply.mistake = Some(Error::other(Kind::Builder, error)),
        }
        reply.body(body.into())
    }
}
