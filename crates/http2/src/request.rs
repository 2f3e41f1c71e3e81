//! What may not be sent over HTTP/2, found before anything is sent (SECURITY I8).

use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request};

use crate::error::InvalidRequest;

/// Checks a request head. Line breaks, NUL, upper-case names and non-token methods cannot occur:
/// the types of the `http` crate refuse them.
pub(crate) fn check_request(request: &Request<()>) -> Result<(), InvalidRequest> {
    let uri = request.uri();
    let authority = uri.authority().ok_or(InvalidRequest::NoAuthority)?.as_str();
    if uri.scheme().is_none() && *request.method() != Method::CONNECT {
        return Err(InvalidRequest::NoScheme);
    }
    // RFC 9113 section 8.3.1; it would also leak credentials into logs.
    if authority.contains('@') {
        return Err(InvalidRequest::UserInfo);
    }
    for (name, value) in request.headers() {
        if is_forbidden(name, value) {
            return Err(InvalidRequest::ForbiddenField(name.clone()));
        }
        if name.as_str() == "host" && !value.as_bytes().eq_ignore_ascii_case(authority.as_bytes()) {
            return Err(InvalidRequest::HostDiffers);
        }
    }
    Ok(())
}

/// The first trailer field that may not be sent.
pub(crate) fn forbidden_trailer(trailers: &HeaderMap) -> Option<&HeaderName> {
    trailers
        .iter()
        .find(|(name, value)| is_forbidden(name, value))
        .map(|(name, _)| name)
}

/// Connection-specific fields (RFC 9113 section 8.2.2).
fn is_forbidden(name: &HeaderName, value: &HeaderValue) -> bool {
    match name.as_str() {
        "te" => value != "trailers",
        "connection" | "keep-alive" | "proxy-connection" | "transfer-encoding" | "upgrade" => true,
        _ => false,
    }
}
