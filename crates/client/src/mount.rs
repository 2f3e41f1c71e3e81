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
            let text = format!("the mount pattern '{}' {why}", text.escape_debug());
            Error::new(Kind::Builder, text)
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
                None => HostPattern::Exactly(
                    normal_host(host).ok_or_else(|| wrong("has no legal host"))?,
                ),
                Some(rest) => {
                    let below = rest.strip_prefix('.');
                    let name = normal_host(below.unwrap_or(rest))
                        .ok_or_else(|| wrong("has no legal host after its '*'"))?;
                    match below {
                        Some(_) => HostPattern::Below(name),
                        None => HostPattern::AtOrBelow(name),
                    }
                }
            },
        };
        Ok(Pattern {
            scheme: (scheme != "all").then_some(scheme),
            length: host.len(),
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
        let below = |name: &str| {
            host.strip_suffix(name)
                .is_some_and(|front| front.len() > 1 && front.ends_with('.'))
        };
        match self {
            HostPattern::Any => true,
            HostPattern::Exactly(name) => host == name,
            HostPattern::Below(name) => below(name),
            HostPattern::AtOrBelow(name) => host == name || below(name),
        }
    }
}

/// The host as URLs have it: lower case, IDNA, brackets around IPv6.
fn normal_host(host: &str) -> Option<String> {
    let url = Url::parse(&format!("http://{host}/")).ok()?;
    let bare = url.port().is_none() && url.path() == "/" && url.query().is_none();
    bare.then(|| url.host_str().to_owned())
}

fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
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
