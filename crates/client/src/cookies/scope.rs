//! Where a cookie goes: hosts, domains, public suffixes, paths (RFC 6265bis section 5.1).

use nuncio_url::{Host, Url};
use std::net::Ipv6Addr;

/// The hosts that a cookie is sent to. Names are lower-case ASCII, as in [`Url::host_str`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Scope {
    /// Any: what a program set without saying where.
    EveryHost,
    /// Exactly this one; it may be an address.
    Host(String),
    /// This domain and what is below it; never an address.
    Domain(String),
}

impl Scope {
    /// The domain, or nothing for every host.
    pub(super) fn domain(&self) -> &str {
        match self {
            Self::EveryHost => "",
            Self::Host(name) | Self::Domain(name) => name,
        }
    }

    pub(super) fn covers(&self, host: &RequestHost<'_>) -> bool {
        match self {
            Self::EveryHost => true,
            Self::Host(name) => host.name == name,
            Self::Domain(name) => host.domain_matches(name),
        }
    }

    /// The scope that a program or a file gives, as a domain (with or without a dot before it) or
    /// as one host. `None` if it is no name.
    pub(super) fn parse(text: &str, host_only: bool) -> Option<Self> {
        let text = text.strip_prefix('.').unwrap_or(text);
        // The URL parser drops blanks and takes some of these for the end of the host.
        let ends = |byte| byte <= b' ' || byte == 0x7f || b"/?#@\\%".contains(&byte);
        if !text.is_ascii() || text.bytes().any(ends) {
            return None;
        }
        let url = if text.contains(':') {
            let bare = text
                .strip_prefix('[')
                .and_then(|text| text.strip_suffix(']'));
            let address: Ipv6Addr = bare.unwrap_or(text).parse().ok()?;
            format!("http://[{address}]/")
        } else {
            format!("http://{text}/")
        };
        let url = Url::parse(&url).ok()?;
        let host = RequestHost::of(&url)?;
        if host.is_address || host_only {
            return Some(Self::Host(host.name.to_owned()));
        }
        has_all_labels(host.name).then(|| Self::Domain(host.name.to_owned()))
    }
}

/// No name in the DNS is longer, with the dot after it. Every domain above a host is looked at.
const LONGEST_NAME: usize = 254;

/// The host of a request, as cookies see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct RequestHost<'a> {
    pub(super) name: &'a str,
    pub(super) is_address: bool,
}

impl<'a> RequestHost<'a> {
    /// `None` for a URL without a host, or with one that has an empty label or is too long to be
    /// dialled: they own no cookies.
    pub(super) fn of(url: &'a Url) -> Option<Self> {
        let name = url.host_str();
        match url.host() {
            Host::Ipv4(_) | Host::Ipv6(_) => Some(Self {
                name,
                is_address: true,
            }),
            Host::Domain(_) => (name.len() <= LONGEST_NAME
                && has_all_labels(name.strip_suffix('.').unwrap_or(name)))
            .then_some(Self {
                name,
                is_address: false,
            }),
            _ => None,
        }
    }

    /// RFC 6265bis section 5.1.3: equal, or below it at a dot, and then not an address.
    pub(super) fn domain_matches(&self, domain: &str) -> bool {
        self.name == domain || (!self.is_address && is_below(self.name, domain))
    }

    /// The host and every domain above it, the longest first; of an address only itself.
    pub(super) fn domains(self) -> impl Iterator<Item = &'a str> {
        std::iter::successors(Some(self.name), move |name| {
            let (_, parent) = name.split_once('.').filter(|_| !self.is_address)?;
            (!parent.is_empty()).then_some(parent)
        })
    }
}

/// Whether one of the domains is the other or stands above it.
pub(super) fn related(a: &str, b: &str) -> bool {
    a == b || is_below(a, b) || is_below(b, a)
}

fn is_below(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain)
        .is_some_and(|rest| rest.ends_with('.'))
}

pub(super) fn has_all_labels(name: &str) -> bool {
    name.split('.').all(|label| !label.is_empty())
}

/// Whether nobody owns the domain alone (publicsuffix.org, both of its sections; an unlisted last
/// label counts). `domain` is lower-case, has no empty label and is no address: the list is looked
/// up byte by byte and would take those for something else.
pub(super) fn is_public_suffix(domain: &str) -> bool {
    psl::suffix(domain.as_bytes()).is_some_and(|suffix| suffix.as_bytes().len() == domain.len())
}

/// Whether the URL is one that `Secure` cookies may travel to.
pub(super) fn is_secure(url: &Url) -> bool {
    matches!(url.scheme(), "https" | "wss")
}

/// The folder of the URL (RFC 6265bis section 5.1.4).
pub(super) fn default_path(url: &Url) -> &str {
    match url.path().rsplit_once('/') {
        Some((folder, _)) if folder.starts_with('/') => folder,
        _ => "/",
    }
}

/// Whether a cookie of `cookie_path` goes to `path` (RFC 6265bis section 5.1.4).
pub(super) fn path_matches(path: &str, cookie_path: &str) -> bool {
    path.strip_prefix(cookie_path)
        .is_some_and(|rest| rest.is_empty() || cookie_path.ends_with('/') || rest.starts_with('/'))
}
