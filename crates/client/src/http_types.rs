//! To and from the types of the crate `http`.

use crate::body::Body;
use crate::error::{Error, Kind};
use crate::request::Request;
use nuncio_headers::Headers;
use nuncio_url::Url;

/// The request as it is. Its URL has to be absolute; a `Host` field, and the one that frames the
/// body, are added unless they are there. Its version is not kept: the connection decides.
///
/// ```
/// use nuncio_client::Request;
///
/// let standard = http::Request::put("http://example.com/a?b").header("x-a", "1").body("text")?;
/// let request = Request::try_from(standard)?;
/// assert_eq!(request.url().host_str(), "example.com");
/// assert_eq!(request.headers().get("content-length").as_deref(), Some("4"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl<B: Into<Body>> TryFrom<http::Request<B>> for Request {
    type Error = Error;

    fn try_from(standard: http::Request<B>) -> Result<Self, Error> {
        let (parts, body) = standard.into_parts();
        if parts.uri.scheme().is_none() {
            let text = "the request's URL is not absolute";
            return Err(Error::new(Kind::InvalidUrl, text));
        }
        let url = Url::parse(&parts.uri.to_string());
        let url = url.map_err(|error| Error::other(Kind::InvalidUrl, error))?;
        let headers = Headers::try_from(&parts.headers)
            .map_err(|error| Error::other(Kind::LocalProtocol, error))?;
        let mut request = Request::new(parts.method, url);
        // One Host, in front unless the caller put it elsewhere.
        if headers.contains("host") {
            request.headers_mut().clear();
        }
        // The body is still to come, and what is told of it too.
        request.headers_mut().remove("content-length");
        request
            .headers_mut()
            .update(&headers)
            .map_err(|error| Error::other(Kind::LocalProtocol, error))?;
        *request.body_mut() = body.into();
        request.announce_body();
        if !parts.extensions.is_empty() {
            *request.extensions_mut() = parts.extensions;
        }
        Ok(request)
    }
}

/// What is sent, as it is. What the request says beside that (its limits, what it does with
/// redirects) has no place there.
impl TryFrom<Request> for http::Request<Body> {
    type Error = Error;

    fn try_from(request: Request) -> Result<Self, Error> {
        let (sent, body, extensions) = request.into_standard();
        let mut url = sent.url;
        let _ = url.set_hash("");
        let uri: http::Uri = url
            .as_str()
            .parse()
            .map_err(|error: http::uri::InvalidUri| Error::other(Kind::InvalidUrl, error))?;
        let mut standard = http::Request::new(body);
        *standard.method_mut() = sent.method;
        *standard.uri_mut() = uri;
        *standard.headers_mut() = http::HeaderMap::try_from(&sent.headers)
            .map_err(|error| Error::other(Kind::LocalProtocol, error))?;
        *standard.extensions_mut() = extensions;
        Ok(standard)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_comes_back_as_it_was() {
        let standard = http::Request::post("http://u:p@example.com:81/a%20b?c=d")
            .header("Host", "other")
            .header("x-a", "1")
            .header("x-a", "2")
            .extension(7_u8)
            .body("text")
            .unwrap();
        let request = Request::try_from(standard).unwrap();
        assert_eq!(request.extensions().unwrap().get::<u8>(), Some(&7));
        let hosts: Vec<_> = request.headers().get_all("host").collect();
        assert_eq!(hosts, [b"other"]);
        let standard = http::Request::<Body>::try_from(request).unwrap();
        assert_eq!(standard.method(), "POST");
        assert_eq!(standard.uri().path_and_query().unwrap(), "/a%20b?c=d");
        assert_eq!(standard.uri().port_u16(), Some(81));
        assert_eq!(standard.headers().get_all("x-a").iter().count(), 2);
        assert_eq!(standard.headers()["content-length"], "4");
        assert_eq!(standard.extensions().get::<u8>(), Some(&7));
        assert_eq!(standard.body().as_bytes().unwrap(), "text");
    }

    #[test]
    fn a_framing_that_is_there_stays() {
        let standard = http::Request::put("http://h/")
            .header("transfer-encoding", "chunked")
            .body(Body::from("x"))
            .unwrap();
        let request = Request::try_from(standard).unwrap();
        assert!(!request.headers().contains("content-length"));
        let standard = http::Request::get("http://h/").body(()).unwrap();
        let request = Request::try_from(standard).unwrap();
        assert_eq!(request.headers().len(), 1, "{:?}", request.headers());
    }

    #[test]
    fn a_relative_url_is_refused() {
        for target in ["/path", "*", "h:80"] {
            let standard = http::Request::get(target).body(()).unwrap();
            let error = Request::try_from(standard).unwrap_err();
            assert!(error.is_usage(), "{target}: {error}");
        }
    }
}
