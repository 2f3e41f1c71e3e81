//! Which transport serves which URL (BEHAVIOUR section 17).

use crate::error::{Error, Kind};
use nuncio_url::Url;

/// A pattern of URLs: a scheme or `all`, and optionally a host and a port, as in
/// `https://*.example.com:8443`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    /// None for `all`.
    scheme: Option<String>,
    host: HostPattern,
    port: Option<u16>,
    /// How long the host's text is, wildcards included: longer ones are asked first.
    length: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum HostPattern {
    Any,
    Exactly(String),
    /// `*.example.com`: what ends so, and is longer.
    Below(String),
    /// `*example.com`: the domain itself and what is below it.
    AtOrBelow(String),
}

impl Pattern {
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let wrong = |why: &str| {
            // What stands before an '@' may be a password.
            let shown = text.rsplit('@').next().unwrap_or_default().escape_debug();
            Error::new(Kind::Builder, format!("the mount pattern '{shown}' {why}"))
        };
        if text.is_empty() {
            return Self::parse("all://");
        }
        let Some((scheme, rest)) = text.split_once(':') else {
            return Err(wrong("has no scheme: write 'all://' in front of a host"));
        };
        let authority = rest
            .strip_prefix("//")
            .ok_or_else(|| wrong("has no '//' after its scheme"))?;
        let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
        if !scheme.starts_with(|c: char| c.is_ascii_alphabetic()) || !scheme.chars().all(legal) {
            return Err(wrong("has no legal scheme"));
        }
        if authority.contains('@') {
            return Err(wrong("has credentials, which no URL is matched by"));
        }
        let scheme = scheme.to_ascii_lowercase();
        let (host, port) = split_port(authority).ok_or_else(|| wrong("has no legal port"))?;
        let host_pattern = match host {
            "" | "*" => HostPattern::Any,
            _ => match host.strip_prefix('*') {
                _ if host.get(1..).is_some_and(|rest| rest.contains('*')) => {
                    return Err(wrong("has a '*' that is not at the front of its host"));
                }
                None => HostPattern::Exactly(
                    normal_host(host).ok_or_else(|| wrong("has no legal host"))?,
                ),
                Some(rest) => {
                    let below = rest.strip_prefix('.');
                    let name = normal_host(below.unwrap_or(rest))
                        .ok_or_else(|| wrong("has no legal host after its '*'"))?;
                    if is_address(&name) {
                        return Err(wrong("has an address after its '*', and none is below one"));
                    }
                    match below {
                        Some(_) => HostPattern::Below(name),
                        None => HostPattern::AtOrBelow(name),
                    }
                }
            },
        };
        Ok(Pattern {
            scheme: (scheme != "all").then_some(scheme),
            length: match host_pattern {
                HostPattern::Any => 0,
                _ => host.len(),
            },
            host: host_pattern,
            port,
        })
    }

    pub(crate) fn matches(&self, url: &Url) -> bool {
        let scheme = self
            .scheme
            .as_deref()
            .is_none_or(|scheme| scheme == url.scheme());
        let port = self
            .port
            .is_none_or(|port| url.port_or_default() == Some(port));
        scheme && port && self.host.matches(url.host_str())
    }

    /// What is asked first sorts first (BEHAVIOUR section 17).
    pub(crate) fn priority(&self) -> impl Ord + use<> {
        let scheme = self.scheme.as_deref().map_or(0, str::len);
        std::cmp::Reverse((self.port.is_some(), self.length, scheme))
    }
}

impl HostPattern {
    fn matches(&self, host: &str) -> bool {
        // Only http and its like have their hosts in lower case already.
        let below = |name: &str| {
            let front = host.len().checked_sub(name.len());
            let split = front.and_then(|front| host.split_at_checked(front));
            split.is_some_and(|(front, end)| {
                front.len() > 1 && front.ends_with('.') && end.eq_ignore_ascii_case(name)
            })
        };
        match self {
            HostPattern::Any => true,
            HostPattern::Exactly(name) => host.eq_ignore_ascii_case(name),
            HostPattern::Below(name) => below(name),
            HostPattern::AtOrBelow(name) => host.eq_ignore_ascii_case(name) || below(name),
        }
    }
}

/// The host as URLs have it: lower case, IDNA, brackets around IPv6.
pub(crate) fn normal_host(host: &str) -> Option<String> {
    let url = Url::parse(&format!("http://{host}/")).ok()?;
    let bare = url.port().is_none() && url.path() == "/" && url.query().is_none();
    bare.then(|| url.host_str().to_owned())
}

fn is_address(host: &str) -> bool {
    host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok()
}

pub(crate) fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let after_brackets = authority.rfind(']').unwrap_or(0);
    match authority.get(after_brackets..)?.rfind(':') {
        None => Some((authority, None)),
        Some(colon) => {
            let (host, port) = authority.split_at(after_brackets + colon);
            let digits = port.get(1..).unwrap_or_default();
            match digits {
                "" => Some((host, None)),
                _ if digits.bytes().all(|digit| digit.is_ascii_digit()) => {
                    Some((host, Some(digits.parse().ok()?)))
                }
                _ => None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::parse(text).unwrap_or_else(|error| panic!("{error}"))
    }

    #[track_caller]
    fn check(text: &str, matched: &[&str], others: &[&str]) {
        let pattern = pattern(text);
        for (urls, expected) in [(matched, true), (others, false)] {
            for url in urls {
                let parsed = Url::parse(url).unwrap();
                assert_eq!(pattern.matches(&parsed), expected, "{text} and {url}");
            }
        }
    }

    #[test]
    fn b17_an_empty_pattern_and_all_match_everything() {
        for text in ["", "all://", "all://*", "ALL://"] {
            check(
                text,
                &["http://a/", "https://b.c:8/x?y", "file:///etc", "x+y://h"],
                &[],
            );
        }
    }

    #[test]
    fn b17_a_scheme_is_compared_whole() {
        check("http://", &["http://a/", "http://b:81/"], &["https://a/"]);
        check("HTTPS://", &["https://a/"], &["http://a/"]);
        check("file://", &["file:///x", "file://h/x"], &["http://a/"]);
        check("custom+x.1://", &["custom+x.1://h/p"], &["custom://h/p"]);
        check("all://a", &["http://a/", "ws://a/"], &["http://b/"]);
    }

    #[test]
    fn b17_a_host_is_exact_below_or_at_and_below() {
        let at = "http://example.com/";
        let below = ["http://www.example.com/", "http://a.b.example.com/"];
        let beside = ["http://wwwexample.com/", "http://example.com.evil/"];
        check(
            "all://example.com",
            &[at],
            &[below[0], beside[0], beside[1]],
        );
        check("all://*.example.com", &below, &[at, beside[0], beside[1]]);
        check("all://*example.com", &[at, below[0], below[1]], &beside);
        check("all://*.example.com", &[], &["x://.example.com/"]);
    }

    #[test]
    fn b17_hosts_are_compared_decoded_and_in_lower_case() {
        check("http://EXAMPLE.com", &["http://example.COM/"], &[]);
        check("http://ex%61mple.com", &["http://example.com/"], &[]);
        check("db://host", &["db://HOST/x"], &["db://hosts/x"]);
        check("db://*.Zone", &["db://A.zONE/x"], &["db://zone/x"]);
    }

    #[cfg(feature = "idna")]
    #[test]
    fn b17_a_host_beyond_ascii_is_its_idna_form() {
        for text in ["all://bücher.example", "all://xn--bcher-kva.example"] {
            check(
                text,
                &["http://BÜCHER.example/"],
                &["http://bucher.example/"],
            );
        }
        check("all://*.bücher.example", &["http://a.bücher.example/"], &[]);
    }

    #[test]
    fn b17_addresses_are_compared_as_addresses() {
        check(
            "all://127.0.0.1",
            &["http://127.1/"],
            &["http://127.0.0.2/"],
        );
        check(
            "http://[::1]:8080",
            &["http://[0:0::1]:8080/"],
            &["http://[::1]/"],
        );
        check("http://[::1]", &["http://[::1]:81/"], &["http://[::2]/"]);
    }

    #[test]
    fn b17_q_ports_are_compared_as_they_are_dialled() {
        check(
            "http://example.com:80",
            &["http://example.com/", "http://example.com:80/"],
            &["http://example.com:81/"],
        );
        check("all://*:443", &["https://a/"], &["http://a/", "file:///x"]);
        check("all://*:1234", &["http://a:1234/"], &["http://a/"]);
        check("http://a:", &["http://a/", "http://a:81/"], &[]);
    }

    #[test]
    fn b17_path_query_and_fragment_do_not_count() {
        check("http://a/b?c#d", &["http://a/", "http://a/other"], &[]);
    }

    #[test]
    fn b17_ports_go_first_then_long_hosts_then_long_schemes_then_the_first_given() {
        let sorted = [
            "http://internal.example.com:5550",
            "all://*:1234",
            "all://*.example.com",
            "all://*example.com",
            "http://example.com",
            "all://example.com",
            "https://domain.io",
            "https://",
            "http://",
            "all://",
        ];
        let mut patterns: Vec<_> = sorted.iter().rev().map(|text| pattern(text)).collect();
        patterns.sort_by_key(Pattern::priority);
        let expected: Vec<_> = sorted.iter().map(|text| pattern(text)).collect();
        assert_eq!(patterns, expected);

        let mut ties = vec![
            pattern("http://aa"),
            pattern("http://bb"),
            pattern("all://*"),
        ];
        let before = ties.clone();
        ties.sort_by_key(Pattern::priority);
        assert_eq!(ties, before);
    }

    #[test]
    fn b17_a_bad_pattern_is_named_and_said_what_is_wrong_with() {
        for (text, why) in [
            (
                "example.com",
                "has no scheme: write 'all://' in front of a host",
            ),
            ("http:example.com", "has no '//' after its scheme"),
            ("1x://h", "has no legal scheme"),
            ("://h", "has no legal scheme"),
            ("http://a b", "has no legal host"),
            ("http://[::1", "has no legal host"),
            ("http://h:99999", "has no legal port"),
            ("http://h:8x", "has no legal port"),
            ("all://*.", "has no legal host after its '*'"),
            (
                "all://a.*.b",
                "has a '*' that is not at the front of its host",
            ),
            (
                "all://**a",
                "has a '*' that is not at the front of its host",
            ),
            (
                "all://*.1.2.3",
                "has an address after its '*', and none is below one",
            ),
            (
                "all://*[::1]",
                "has an address after its '*', and none is below one",
            ),
        ] {
            let error = Pattern::parse(text).unwrap_err();
            assert_eq!(error.kind(), Kind::Builder);
            assert_eq!(
                error.to_string(),
                format!("the mount pattern '{text}' {why}")
            );
        }
    }

    #[test]
    fn b17_credentials_in_a_pattern_are_refused_and_not_shown() {
        let error = Pattern::parse("http://user:SECRET@h/").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the mount pattern 'h/' has credentials, which no URL is matched by"
        );
    }
}
