//! What the tests of authentication share.

use crate::request::Request;
use crate::response::{Head, Response};
use bytes::Bytes;
use http::{Method, StatusCode};
use nuncio_headers::Headers;
use nuncio_url::Url;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

pub(crate) fn get(url: &str) -> Request {
    request("GET", url)
}

pub(crate) fn request(method: &str, url: &str) -> Request {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    Request::new(method, Url::parse(url).unwrap())
}

/// A response to a GET of `url`, with these WWW-Authenticate values.
pub(crate) fn response(status: u16, url: &str, challenges: &[&[u8]]) -> Response {
    let mut headers = Headers::new();
    for challenge in challenges {
        headers.append("WWW-Authenticate", challenge).unwrap();
    }
    let status = StatusCode::from_u16(status).unwrap();
    let head = Head::new(Method::GET, Url::parse(url).unwrap(), status, headers);
    Response::new(head, Bytes::new(), Duration::ZERO)
}

/// The Authorization field, escaped.
pub(crate) fn authorization(request: &Request) -> Option<String> {
    let mut values = request.headers().get_all("authorization");
    let value = values.next().map(escape);
    assert_eq!(values.next(), None, "one field");
    value
}

/// `\xNN` for everything but visible ASCII and spaces, and for the backslash.
pub(crate) fn escape(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        match byte {
            b'\\' => text.push_str("\\x5c"),
            b' '..=b'~' => text.push(char::from(*byte)),
            _ => text.push_str(&format!("\\x{byte:02x}")),
        }
    }
    text
}

pub(crate) fn unescape(text: &str) -> Vec<u8> {
    let mut pieces = text.split("\\x");
    let mut bytes = pieces.next().unwrap().as_bytes().to_vec();
    for piece in pieces {
        bytes.push(u8::from_str_radix(&piece[..2], 16).unwrap());
        bytes.extend_from_slice(&piece.as_bytes()[2..]);
    }
    bytes
}

/// The rows of a table of facts, split at tabs.
pub(crate) fn rows(table: &str) -> impl Iterator<Item = Vec<&str>> {
    let lines = table.lines().filter(|line| !line.starts_with("## "));
    lines.map(|line| line.split('\t').collect())
}

/// Whether four times the size takes about four times the time; a quadratic one takes sixteen.
pub(crate) fn grows_linearly(small: usize, time: impl Fn(usize) -> Duration) -> bool {
    let (mut once, mut fourfold) = (Duration::MAX, Duration::MAX);
    (0..20).any(|tries| {
        once = once.min(time(small));
        fourfold = fourfold.min(time(small * 4));
        tries > 1 && fourfold <= once * 7
    })
}

/// The time that this thread has had a processor, where the system tells, as others use it too. It is
/// brought up to date when the thread gives way.
pub(crate) fn cpu_time() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    std::thread::yield_now();
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = told.and_then(|text| text.split(' ').next()?.parse().ok());
    nanos.map_or_else(|| START.elapsed(), Duration::from_nanos)
}
