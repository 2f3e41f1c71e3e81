//! Responses that come before the one that was asked for.

use http::StatusCode;
use nuncio_connection::ResponseHead;
use nuncio_headers::Headers;
use nuncio_headers::typed::Links;
use nuncio_url::Url;

/// An interim response (1xx, RFC 9110 section 15.2): a head that comes before the one of the response,
/// 103 Early Hints for instance. It has no body.
///
/// A response has those that came before it ([`Head::interim`](crate::Head::interim)); a client can be
/// told of each as it comes ([`ClientBuilder::on_interim`](crate::ClientBuilder::on_interim)).
#[derive(Clone, Debug)]
pub struct Interim {
    url: Url,
    head: ResponseHead,
}

impl Interim {
    pub(crate) fn new(url: Url, head: ResponseHead) -> Self {
        Interim { url, head }
    }

    /// What was asked for.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Its status: 100, or 102 to 199.
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.head.status).unwrap_or(StatusCode::CONTINUE)
    }

    /// Its fields. They say nothing about the response that follows; of 103, they are a hint of what
    /// it will have (RFC 8297 section 2).
    pub fn headers(&self) -> &Headers {
        &self.head.headers
    }

    /// The links of its `Link` fields, as [`Head::links`](crate::Head::links).
    pub fn links(&self) -> Links {
        self.head.headers.links()
    }
}
