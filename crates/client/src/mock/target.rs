//! Which requests a route of a mock is for.

use crate::error::{Error, Kind};
use crate::mount::Pattern;
use crate::request::Request;
use http::Method;
use nuncio_url::Url;
use std::fmt;

/// A method and a place: see [`Mock`](super::Mock#targets).
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// None for every method.
    method: Option<Method>,
    /// None for every origin.
    origin: Option<Pattern>,
    path: Path,
    query: Option<String>,
    /// As it was written.
    text: String,
}

#[derive(Clone, Debug)]
enum Path {
    Any,
    Exactly(String),
    /// With its last slash.
    Below(String),
}

impl Target {
    pub(super) fn parse(method: &str, text: &str) -> Result<Self, Error> {
        let wrong = |why: &str| {
            let shown = text.rsplit('@').next().unwrap_or_default().escape_debug();
            Error::new(Kind::Builder, format!("the mock's target '{shown}' {why}"))
        };
        let named = match method {
            "*" => None,
            _ => Some(Method::from_bytes(method.as_bytes()).map_err(|_| {
                let shown = method.escape_debug();
                Error::new(
                    Kind::Builder,
                    format!("the mock's method '{shown}' is not a token"),
                )
            })?),
        };
        let (origin, place) = match text.split_once("://") {
            _ if text == "*" => (None, ""),
            None => (None, text),
            Some((scheme, rest)) => {
                let end = rest.find(['/', '?']).unwrap_or(rest.len());
                let (authority, place) = rest.split_at(end);
                let origin = Pattern::parse(&format!("{scheme}://{authority}"))?;
                (Some(origin), place)
            }
        };
        let (path, query) = match place {
            "" if origin.is_some() || text == "*" => (Path::Any, None),
            _ if place.starts_with(['/', '?']) => {
                // As URLs have it: percent-encoded, without dots.
                let url = Url::parse(&format!("http://mock{place}"))
                    .map_err(|error| wrong(&format!("cannot be read: {error}")))?;
                let path = match (place.starts_with('?'), url.path().strip_suffix('*')) {
                    (true, _) => Path::Any,
                    (_, Some(front)) if front.ends_with('/') => Path::Below(front.to_owned()),
                    _ => Path::Exactly(url.path().to_owned()),
                };
                (path, url.query().map(str::to_owned))
            }
            _ => return Err(wrong("begins with neither '/' nor a scheme and '://'")),
        };
        Ok(Target {
            method: named,
            origin,
            path,
            query,
            text: format!("{method} {text}"),
        })
    }

    pub(super) fn matches(&self, request: &Request) -> bool {
        let url = request.url();
        let path = match &self.path {
            Path::Any => true,
            Path::Exactly(path) => url.path() == path,
            Path::Below(front) => url.path().starts_with(front.as_str()),
        };
        path && self.method.as_ref().is_none_or(|it| it == request.method())
            && self.origin.as_ref().is_none_or(|it| it.matches(url))
            && self
                .query
                .as_deref()
                .is_none_or(|it| url.query() == Some(it))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(target: (&str, &str), matched: &[(&str, &str)], others: &[(&str, &str)]) {
        let parsed = Target::parse(target.0, target.1).unwrap();
        for (requests, expected) in [(matched, true), (others, false)] {
            for (method, url) in requests {
                let method = Method::from_bytes(method.as_bytes()).unwrap();
                let request = Request::new(method, Url::parse(url).unwrap());
                assert_eq!(parsed.matches(&request), expected, "{target:?} and {url}");
            }
        }
    }

    #[test]
    fn a_path_is_that_path_on_every_host_with_every_query() {
        check(
            ("GET", "/a b"),
            &[("GET", "http://h/a%20b"), ("GET", "https://k:8/a b?x#y")],
            &[
                ("POST", "http://h/a b"),
                ("GET", "http://h/a b/"),
                ("GET", "http://h/"),
            ],
        );
        check(
            ("*", "/a"),
            &[("get", "http://h/a"), ("PUT", "x://h/a")],
            &[],
        );
    }

    #[test]
    fn a_star_behind_a_slash_is_everything_below() {
        check(
            ("GET", "/a/*"),
            &[("GET", "http://h/a/"), ("GET", "http://h/a/b/c")],
            &[("GET", "http://h/a"), ("GET", "http://h/ab")],
        );
        check(
            ("GET", "/a*"),
            &[("GET", "http://h/a*")],
            &[("GET", "http://h/ab")],
        );
    }

    #[test]
    fn a_query_is_compared_where_there_is_one() {
        let others = [("GET", "http://h/a"), ("GET", "http://h/a?b=1&c=2")];
        check(("GET", "/a?b=1"), &[("GET", "http://h/a?b=1")], &others);
        check(
            ("GET", "?b"),
            &[("GET", "http://h/any?b")],
            &[("GET", "http://h/")],
        );
    }

    #[test]
    fn an_origin_in_front_is_a_mount_pattern() {
        check(
            ("GET", "https://*.example.com:443/a"),
            &[("GET", "https://www.example.com/a")],
            &[
                ("GET", "https://example.com/a"),
                ("GET", "https://www.example.com/b"),
            ],
        );
        check(
            ("GET", "file://"),
            &[("GET", "file:///etc/x")],
            &[("GET", "http://h/")],
        );
        check(
            ("*", "*"),
            &[("GET", "file:///etc/x"), ("PUT", "http://h/")],
            &[],
        );
    }

    #[test]
    fn what_is_no_target_is_named() {
        for (method, target, text) in [
            (
                "GET",
                "users",
                "the mock's target 'users' begins with neither '/' nor a scheme and '://'",
            ),
            (
                "GET",
                "",
                "the mock's target '' begins with neither '/' nor a scheme and '://'",
            ),
            ("G T", "/", "the mock's method 'G T' is not a token"),
            (
                "GET",
                "http://h:x/",
                "the mount pattern 'http://h:x' has no legal port",
            ),
        ] {
            assert_eq!(Target::parse(method, target).unwrap_err().to_string(), text);
        }
    }
}
