//! Heads and trailers between our types and those of the `http` crate.

use crate::error::Error;
use crate::message::{BodySize, RequestHead, ResponseHead};
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use http::uri::{Authority, Parts, PathAndQuery, Scheme};
use http::{Method, Request, Response, Uri, Version};
use nuncio_headers::Headers;
use nuncio_http1::{LocalError, check_request, check_target};
use nuncio_http2::{Code, InvalidRequest, StreamErrorKind};

/// What a request said last on a connection: mostly the next says the same, but for where it goes, and
/// what was checked and taken apart once need not be again.
#[derive(Debug, Default)]
pub(super) struct Last(Option<Box<Said>>);

#[derive(Debug)]
struct Said {
    method: Method,
    /// As they were given.
    headers: Vec<u8>,
    body: BodySize,
    /// What they come to.
    size: BodySize,
    uri: Uri,
    fields: HeaderMap,
    /// It is small, and holds no credentials: those are kept for no longer than they are needed.
    kept: bool,
}

/// Longer ones are not kept, in bytes.
const KEPT: usize = 4096;

impl Last {
    /// The head that HTTP/2 sends for this one, with the size of its body.
    pub(super) fn request(
        &mut self,
        head: RequestHead<'_>,
        body: BodySize,
    ) -> Result<(Request<()>, BodySize), Error> {
        let mut said = match self.0.take().filter(|said| said.is_by(head, body)) {
            Some(mut said) => {
                said.go_to(head)?;
                said
            }
            None => Box::new(Said::new(head, body)?),
        };
        let mut request = Request::new(());
        *request.version_mut() = Version::HTTP_2;
        request.method_mut().clone_from(&said.method);
        request.uri_mut().clone_from(&said.uri);
        let size = said.size;
        if said.kept {
            request.headers_mut().clone_from(&said.fields);
            self.0 = Some(said);
        } else {
            *request.headers_mut() = std::mem::take(&mut said.fields);
        }
        Ok((request, size))
    }
}

impl Said {
    fn new(head: RequestHead<'_>, body: BodySize) -> Result<Self, Error> {
        let unsayable = || Error::Http2Request(InvalidRequest::Other);
        let size = check_request(head.method, head.target, head.headers, body)?;
        if head.method == "CONNECT" {
            return Err(Error::Http2Request(InvalidRequest::Connect));
        }
        let host = head.headers.first("host").unwrap_or_default();
        let mut parts = Parts::default();
        parts.scheme = Some(Scheme::try_from(head.scheme).map_err(|_| unsayable())?);
        parts.authority = Some(Authority::try_from(host).map_err(|_| LocalError::BadHost)?);
        parts.path_and_query = Some(path(head.method, head.target)?);
        let mut fields = fields(head.headers)?;
        if let BodySize::Known(length) = size
            && !fields.contains_key(CONTENT_LENGTH)
        {
            fields.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        let wire = head.headers.as_wire();
        let kept = wire.len() <= KEPT && !head.headers.holds_credentials();
        Ok(Self {
            kept,
            method: Method::from_bytes(head.method.as_bytes()).map_err(|_| unsayable())?,
            headers: wire.to_vec(),
            body,
            size,
            uri: Uri::from_parts(parts).map_err(|_| unsayable())?,
            fields,
        })
    }

    fn is_by(&self, head: RequestHead<'_>, body: BodySize) -> bool {
        self.body == body
            && self.method == head.method
            && self.uri.scheme_str() == Some(head.scheme)
            && self.headers == head.headers.as_wire()
    }

    /// The same, at another target.
    fn go_to(&mut self, head: RequestHead<'_>) -> Result<(), Error> {
        let is_there = |path: &PathAndQuery| path.as_str() == head.target;
        if self.uri.path_and_query().is_some_and(is_there) {
            return Ok(());
        }
        check_target(head.target)?;
        let mut parts = std::mem::take(&mut self.uri).into_parts();
        parts.path_and_query = Some(path(head.method, head.target)?);
        self.uri =
            Uri::from_parts(parts).map_err(|_| Error::Http2Request(InvalidRequest::Other))?;
        Ok(())
    }
}

/// What goes as `:path` (RFC 9113 section 8.3.1).
fn path(method: &str, target: &str) -> Result<PathAndQuery, Error> {
    let unsayable = Error::Http2Request(InvalidRequest::Target);
    let legal = target.starts_with('/') || (target == "*" && method == "OPTIONS");
    // `http` cuts a fragment off.
    match PathAndQuery::try_from(target) {
        Ok(path) if legal && path.as_str().len() == target.len() => Ok(path),
        _ => Err(unsayable),
    }
}

/// Trailers to be sent.
pub(super) fn trailers(trailers: &Headers) -> Result<HeaderMap, Error> {
    nuncio_http1::check_trailers(trailers)?;
    fields(trailers)
}

/// A response head as it came, without a reason phrase: HTTP/2 has none.
pub(super) fn response(response: &Response<()>) -> Result<ResponseHead, Error> {
    let headers = received(response.headers())?;
    Ok(ResponseHead::new(
        Version::HTTP_2,
        response.status(),
        headers,
    ))
}

/// Fields that came. `http::HeaderMap` keeps the order of names; fields of one name stand together.
pub(super) fn received(map: &HeaderMap) -> Result<Headers, Error> {
    // What `http` lets pass and RFC 9113 section 8.2.1 does not: a space or a tab at an end.
    Headers::try_from(map)
        .map_err(|_| Error::Http2Stream(StreamErrorKind::Malformed(Code::PROTOCOL_ERROR)))
}

/// Fields to be sent, those that only HTTP/1.1 has left out (RFC 9113 section 8.2.2).
fn fields(headers: &Headers) -> Result<HeaderMap, Error> {
    let unsayable = |_| Error::Http2Request(InvalidRequest::Other);
    let mut map = HeaderMap::with_capacity(headers.len());
    // One block for all values: they are slices of it.
    let block = Bytes::copy_from_slice(headers.as_wire());
    let mut at = 0;
    for (name, value) in headers {
        let start = at + name.len() + 2;
        at = start + value.len() + 2;
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| Error::Http2Request(InvalidRequest::Other))?;
        let mut value = match name.as_str() {
            "host" | "connection" | "keep-alive" | "proxy-connection" | "transfer-encoding"
            | "upgrade" => continue,
            "te" if accepts_trailers(value) => HeaderValue::from_static("trailers"),
            "te" => continue,
            _ => HeaderValue::from_maybe_shared(block.slice(start..start + value.len()))
                .map_err(unsayable)?,
        };
        // Never to be kept in a compression table (RFC 7541 section 7.1.3).
        value.set_sensitive(matches!(
            name.as_str(),
            "authorization" | "proxy-authorization"
        ));
        map.append(name, value);
    }
    Ok(map)
}

fn accepts_trailers(te: &[u8]) -> bool {
    te.split(|byte| *byte == b',').any(|part| {
        let name = part.split(|byte| *byte == b';').next().unwrap_or_default();
        name.trim_ascii().eq_ignore_ascii_case(b"trailers")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const POST: (&str, &str, BodySize) = ("POST", "/a?b", BodySize::Known(3));

    fn send(
        last: &mut Last,
        (method, target, body): (&str, &str, BodySize),
        fields: &[(&str, &str)],
    ) -> Result<(Request<()>, BodySize), Error> {
        let headers = Headers::try_from(fields).unwrap();
        let head = RequestHead {
            method,
            scheme: "https",
            target,
            headers: &headers,
        };
        last.request(head, body)
    }

    fn sent(fields: &[(&str, &str)]) -> Request<()> {
        send(&mut Last::default(), POST, fields).unwrap().0
    }

    #[test]
    fn a_request_after_another_is_what_it_would_be_alone() {
        let long = "x".repeat(KEPT);
        let heads: &[&[(&str, &str)]] = &[
            &[("Host", "a"), ("X", "1")],
            &[("Host", "a"), ("X", "2")],
            &[("Host", "b"), ("X", "2")],
            &[("Host", "a"), ("Authorization", "Basic eDp5")],
            &[("Host", "a"), ("X", &long)],
            &[("Host", "a"), ("Transfer-Encoding", "chunked")],
            &[("Host", "a"), ("Content-Length", "3")],
            &[("X", "1")],
        ];
        let starts = [
            POST,
            ("POST", "/b", BodySize::Known(3)),
            ("POST", "/b", BodySize::Unknown),
            ("PUT", "/b", BodySize::Empty),
            ("PUT", "/b c", BodySize::Empty),
            ("PUT", "*", BodySize::Empty),
            ("OPTIONS", "*", BodySize::Empty),
        ];
        let all = || {
            starts
                .iter()
                .flat_map(|start| heads.iter().map(move |head| (*start, *head)))
        };
        let text = |result: Result<_, Error>| format!("{result:?}");
        for (before, its_fields) in all() {
            for (start, fields) in all() {
                let mut last = Last::default();
                let _ = send(&mut last, before, its_fields);
                let alone = text(send(&mut Last::default(), start, fields));
                for _ in 0..2 {
                    assert_eq!(text(send(&mut last, start, fields)), alone, "{before:?}");
                }
            }
        }
    }

    #[test]
    fn credentials_and_what_is_long_are_not_kept() {
        let kept = |name, value: &str| {
            let mut last = Last::default();
            send(&mut last, POST, &[("Host", "a"), (name, value)]).unwrap();
            last.0.is_some()
        };
        assert!(kept("X", "1"));
        assert!(!kept("Authorization", "Basic eDp5"));
        assert!(!kept("Proxy-Authorization", "Basic eDp5"));
        assert!(!kept("Cookie", "x=1"));
        assert!(!kept("X", &"x".repeat(KEPT)));
    }

    #[test]
    fn what_only_http1_has_is_left_out_and_the_host_is_the_authority() {
        let request = sent(&[
            ("Host", "example.com:8443"),
            ("X-One", "1"),
            ("Connection", "keep-alive"),
            ("Keep-Alive", "timeout=5"),
            ("Proxy-Connection", "keep-alive"),
            ("Upgrade", "h2c"),
            ("TE", "gzip, Trailers;q=0.5"),
            ("x-one", "2"),
            ("Authorization", "Basic eDp5"),
        ]);
        assert_eq!(request.uri(), "https://example.com:8443/a?b");
        let fields: Vec<_> = request
            .headers()
            .iter()
            .map(|(n, v)| (n.as_str(), v.to_str().unwrap()))
            .collect();
        assert_eq!(
            fields,
            [
                ("x-one", "1"),
                ("x-one", "2"),
                ("te", "trailers"),
                ("authorization", "Basic eDp5"),
                ("content-length", "3"),
            ]
        );
        assert!(request.headers()["authorization"].is_sensitive());
        let chunked = sent(&[("Host", "a"), ("Transfer-Encoding", "chunked")]);
        assert!(chunked.headers().is_empty());
        assert!(
            !sent(&[("Host", "a"), ("TE", "gzip")])
                .headers()
                .contains_key("te")
        );
    }

    #[test]
    fn a_target_is_a_path_or_an_asterisk_for_options() {
        for (method, target, good) in [
            ("GET", "/", true),
            ("GET", "/%zz/{a}?b", true),
            ("GET", "/?\"", false),
            ("OPTIONS", "*", true),
            ("GET", "*", false),
            ("OPTIONS", "**", false),
            ("GET", "?a", false),
            ("GET", "a", false),
            ("GET", "http://h/", false),
            ("GET", "/a#b", false),
            ("GET", "/#", false),
            ("GET", "/<", false),
        ] {
            let path = path(method, target);
            assert_eq!(path.is_ok(), good, "{method} {target}");
            match path {
                Ok(path) => assert_eq!(path.as_str(), target),
                Err(error) => assert_eq!(error, Error::Http2Request(InvalidRequest::Target)),
            }
        }
    }

    #[test]
    fn a_value_that_ends_in_a_space_makes_a_response_malformed() {
        let bad = Response::builder().header("a", "b ").body(()).unwrap();
        assert!(response(&bad).is_err());
        let good = Response::builder()
            .status(204)
            .header("a", "b")
            .body(())
            .unwrap();
        let head = response(&good).unwrap();
        assert_eq!((head.status, head.version), (204, Version::HTTP_2));
        assert_eq!(head.reason.as_bytes(), b"");
        assert_eq!(head.headers.first("a"), Some(&b"b"[..]));
    }
}
