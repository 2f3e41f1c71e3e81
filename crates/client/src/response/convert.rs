//! To and from the types of the crate `http`.

use super::{Head, Response, SentRequest};
use crate::error::{Error, Kind};
use crate::exchange::Seen;
use bytes::Bytes;
use http::{HeaderMap, Method};
use nuncio_connection::ResponseHead;
use nuncio_headers::Headers;
use nuncio_url::Url;
use std::time::Duration;

/// Status, version, fields, extensions and body; the request that it answers is put into the
/// extensions, as a [`SentRequest`]. Names of fields get lower case. What has no place there is lost:
/// the reason, the history, the times.
///
/// Fails with [`Kind::Usage`] for fields beyond the limits of `HeaderMap`.
impl TryFrom<Response> for http::Response<Bytes> {
    type Error = Error;

    fn try_from(response: Response) -> Result<Self, Error> {
        let headers = HeaderMap::try_from(response.headers())
            .map_err(|error| response.blame(Error::other(Kind::Usage, error)))?;
        let (status, version) = (response.status(), response.version());
        let Head { request, more, .. } = response.head;
        let mut converted = http::Response::new(response.body);
        *converted.status_mut() = status;
        *converted.version_mut() = version;
        *converted.headers_mut() = headers;
        *converted.extensions_mut() = more.map(|more| more.extensions).unwrap_or_default();
        converted.extensions_mut().insert(request);
        Ok(converted)
    }
}

/// For tests. The request that it answers is the [`SentRequest`] in the extensions, else a GET of the
/// [`Url`] there, else one of `http://localhost/`; it took no time.
///
/// Fails with [`Kind::Builder`] for a value that begins or ends with a space.
///
/// ```
/// use nuncio_client::{Response, Url};
///
/// let url = Url::parse("https://example.org/gone")?;
/// let response = http::Response::builder().status(404).extension(url).body("no such page")?;
/// let response = Response::try_from(response)?;
/// assert!(response.is_client_error());
/// assert_eq!(response.url(), "https://example.org/gone");
/// assert_eq!(response.text(), "no such page");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl<B: Into<Bytes>> TryFrom<http::Response<B>> for Response {
    type Error = Error;

    fn try_from(response: http::Response<B>) -> Result<Self, Error> {
        let (mut parts, body) = response.into_parts();
        let headers = Headers::try_from(&parts.headers)
            .map_err(|error| Error::other(Kind::Builder, error))?;
        let request = match parts.extensions.remove::<SentRequest>() {
            Some(request) => request,
            None => SentRequest {
                method: Method::GET,
                url: match parts.extensions.remove::<Url>() {
                    Some(url) => url,
                    None => Url::parse("http://localhost/")
                        .map_err(|error| Error::other(Kind::InvalidUrl, error))?,
                },
                headers: Headers::new(),
            },
        };
        let head = ResponseHead::new(parts.version, parts.status, headers);
        let seen = Seen {
            interim: Vec::new(),
            extensions: parts.extensions,
            ..Seen::default()
        };
        let head = Head::of(request, head, seen);
        Ok(Response::new(head, body.into(), Duration::ZERO))
    }
}

/// The body.
impl AsRef<[u8]> for Response {
    fn as_ref(&self) -> &[u8] {
        self.bytes()
    }
}
