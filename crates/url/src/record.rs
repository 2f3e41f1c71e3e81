//! The URL record: one string, and where its components start.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use crate::error::ParseError;
use crate::host::{Host, HostKind};
use crate::percent::{self, Set};
use crate::query::QueryParams;
use crate::scheme::Scheme;
use crate::{idna, parser};

/// A URL of the WHATWG URL Standard: absolute, valid and normalised.
///
/// It is one string in serialised form, and offsets; every accessor borrows from the string.
/// Comparison, order and hash are those of the string. `Debug` hides the password, `Display` is the
/// URL itself: use [`redacted`](Self::redacted) for logs.
///
/// ```text
/// https://user:password@example.com:8443/path?query#fragment
///      |      |         |          |   |    |     |
///      |      |         |          |   |    |     fragment_start
///      |      |         |          |   |    query_start
///      |      |         |          |   path_start
///      |      |         |          host_end
///      |      |         host_start
///      |      username_end
///      scheme_end
/// ```
#[derive(Clone)]
pub struct Url {
    pub(crate) href: String,
    /// The index of the colon behind the scheme.
    pub(crate) scheme_end: u32,
    /// Without a host, this and the next two are the index behind that colon.
    pub(crate) username_end: u32,
    pub(crate) host_start: u32,
    pub(crate) host_end: u32,
    pub(crate) path_start: u32,
    /// The index of `?`, or `NONE`.
    pub(crate) query_start: u32,
    /// The index of `#`, or `NONE`.
    pub(crate) fragment_start: u32,
    /// Never the scheme's default.
    pub(crate) port: Option<u16>,
    pub(crate) scheme: Scheme,
    pub(crate) host_kind: HostKind,
}

/// No query, no fragment. Indices stay below: a URL is at most 1 MiB long.
pub(crate) const NONE: u32 = u32::MAX;

impl Url {
    /// The longest URL, in bytes: 1 MiB. Longer input, and input that would grow beyond it by
    /// percent-encoding, is [`ParseError::TooLong`].
    pub const MAX_LEN: usize = 1 << 20;

    /// Parses an absolute URL with the URL Standard's parser.
    ///
    /// Blanks around it and tabs and line ends inside it are dropped, as the standard says.
    ///
    /// # Errors
    ///
    /// [`ParseError`] says what is wrong; a relative URL is
    /// [`RelativeWithoutBase`](ParseError::RelativeWithoutBase).
    pub fn parse(input: &str) -> Result<Self, ParseError> {
        parser::parse(input, None)
    }

    /// Parses an absolute or relative URL against `base`; the same as `base.join(input)`.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse); also [`ParseError::OpaqueBase`].
    pub fn parse_with_base(input: &str, base: &Self) -> Result<Self, ParseError> {
        parser::parse(input, Some(base))
    }

    /// Resolves a reference against this URL, as a browser resolves a link on this page.
    ///
    /// # Errors
    ///
    /// As [`parse_with_base`](Self::parse_with_base).
    pub fn join(&self, reference: &str) -> Result<Self, ParseError> {
        parser::parse(reference, Some(self))
    }

    /// The URL as text, in the standard's serialised form. It may hold a password.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.href
    }

    /// The scheme, lower-case, without the colon.
    #[must_use]
    pub fn scheme(&self) -> &str {
        self.slice(0, self.scheme_end)
    }

    /// Whether the scheme is one of http, https, ws, wss, ftp and file.
    #[must_use]
    pub fn is_special(&self) -> bool {
        self.scheme.is_special()
    }

    /// Whether there is a `//` with a host behind it, which may be empty (`file:///`).
    #[must_use]
    pub fn has_authority(&self) -> bool {
        self.host_kind != HostKind::None
    }

    /// Whether the path is opaque: `mailto:x`, `data:…`. Nothing but a fragment is relative to it.
    #[must_use]
    pub fn has_opaque_path(&self) -> bool {
        !self.has_authority() && !self.path().starts_with('/')
    }

    /// Whether there is a user name or a password.
    #[must_use]
    pub fn has_credentials(&self) -> bool {
        self.host_start > self.userinfo_start()
    }

    /// User name and password as they stand before the `@`, still encoded; empty when absent.
    #[must_use]
    pub fn userinfo(&self) -> &str {
        if self.has_credentials() {
            self.slice(self.userinfo_start(), self.host_start - 1)
        } else {
            ""
        }
    }

    /// The user name, percent-decoded (what is not UTF-8 is U+FFFD); empty when absent.
    #[must_use]
    pub fn username(&self) -> Cow<'_, str> {
        percent::decode_utf8_lossy(self.raw_username())
    }

    /// The user name as it stands in the URL, percent-encoded; empty when absent.
    #[must_use]
    pub fn raw_username(&self) -> &str {
        self.slice(self.userinfo_start(), self.username_end)
    }

    /// The password, percent-decoded (what is not UTF-8 is U+FFFD); empty when absent.
    #[must_use]
    pub fn password(&self) -> Cow<'_, str> {
        percent::decode_utf8_lossy(self.raw_password())
    }

    /// The password as it stands in the URL, percent-encoded; empty when absent.
    #[must_use]
    pub fn raw_password(&self) -> &str {
        if self.host_start > self.username_end + 1 {
            self.slice(self.username_end + 1, self.host_start - 1)
        } else {
            ""
        }
    }

    /// The host in its serialised form: a lower-case ASCII domain (`xn--` where it is
    /// international), an IPv4 address, an IPv6 address in brackets; empty when absent.
    #[must_use]
    pub fn host_str(&self) -> &str {
        self.slice(self.host_start, self.host_end)
    }

    /// The host as what it is.
    #[must_use]
    pub fn host(&self) -> Host<'_> {
        Host::of(self.host_str(), self.host_kind)
    }

    /// The host for people to read: each `xn--` label decoded where UTS 46 allows it, else as it
    /// stands. It may look like another host; never compare or connect with it.
    #[must_use]
    pub fn host_unicode(&self) -> Cow<'_, str> {
        match self.host_kind {
            HostKind::Domain => idna::to_unicode(self.host_str()),
            _ => Cow::Borrowed(self.host_str()),
        }
    }

    /// The port that stands in the URL; `None` for the scheme's default, which never does.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The port, or the scheme's default (80, 443, 21); `None` for other schemes.
    #[must_use]
    pub fn port_or_default(&self) -> Option<u16> {
        self.port.or_else(|| self.scheme.default_port())
    }

    /// `host` or `host:port` with the port where it is not the default: the value of the Host
    /// header field (RFC 9110, section 7.2). Empty without a host.
    #[must_use]
    pub fn netloc(&self) -> &str {
        if self.has_authority() {
            self.slice(self.host_start, self.path_start)
        } else {
            ""
        }
    }

    /// The path, percent-encoded. It starts with `/` in every special URL; it may be empty in
    /// others.
    #[must_use]
    pub fn path(&self) -> &str {
        self.slice(self.path_start, self.path_end())
    }

    /// The path, percent-decoded (what is not UTF-8 is U+FFFD): for display, since a decoded `/`
    /// can no longer be told from a separator.
    #[must_use]
    pub fn path_decoded(&self) -> Cow<'_, str> {
        percent::decode_utf8_lossy(self.path())
    }

    /// The query without its `?`, percent-encoded. `Some("")` where the URL has a bare `?`.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        (self.query_start != NONE).then(|| self.slice(self.query_start + 1, self.query_end()))
    }

    /// The query as parameters; empty without a query. It is parsed at every call.
    #[must_use]
    pub fn params(&self) -> QueryParams {
        QueryParams::parse(self.query().unwrap_or_default())
    }

    /// The path and, with its `?`, the query: the request target in origin form (RFC 9112, section
    /// 3.2.1) of every special URL.
    #[must_use]
    pub fn raw_path(&self) -> &str {
        self.slice(self.path_start, self.query_end())
    }

    /// The fragment without its `#`, percent-encoded.
    #[must_use]
    pub fn fragment(&self) -> Option<&str> {
        (self.fragment_start != NONE).then(|| {
            self.href
                .get(self.fragment_start as usize + 1..)
                .unwrap_or_default()
        })
    }

    /// The fragment, percent-decoded; empty when absent.
    #[must_use]
    pub fn fragment_decoded(&self) -> Cow<'_, str> {
        percent::decode_utf8_lossy(self.fragment().unwrap_or_default())
    }

    /// The URL for logs: `[secure]` in place of the password.
    #[must_use]
    pub fn redacted(&self) -> Redacted<'_> {
        Redacted(self)
    }

    /// Checks that the offsets and the text belong together, for tests and fuzzing. The text says
    /// which rule is broken.
    ///
    /// # Errors
    ///
    /// None for any value that this crate made.
    pub fn check_invariants(&self) -> Result<(), &'static str> {
        let bytes = self.href.as_bytes();
        let at = |index: u32| bytes.get(index as usize).copied();
        let rule = |held: bool, name: &'static str| if held { Ok(()) } else { Err(name) };
        let len = self.href.len() as u32;
        rule(self.href.len() <= Self::MAX_LEN, "at most 1 MiB")?;
        rule(self.href.is_ascii(), "ASCII")?;
        rule(
            crate::scheme::scheme_end(&self.href) == Some(self.scheme_end as usize),
            "the scheme ends at its colon",
        )?;
        rule(
            self.scheme() == self.scheme().to_ascii_lowercase()
                && self.scheme == Scheme::of(self.scheme()),
            "the scheme is lower-case and known",
        )?;
        rule(
            self.userinfo_start() <= self.username_end
                && self.username_end <= self.host_start
                && self.host_start <= self.host_end
                && self.host_end <= self.path_start
                && self.path_start <= self.path_end()
                && self.path_end() <= self.query_end()
                && self.query_end() <= len,
            "the offsets are in order",
        )?;
        let encoded = |text: &str, set: Set| set.find(text.as_bytes(), 0) == text.len();
        if self.has_authority() {
            rule(
                self.href
                    .get(self.scheme_end as usize..)
                    .is_some_and(|t| t.starts_with("://")),
                "a host is behind `://`",
            )?;
            rule(
                !self.has_credentials() || at(self.host_start - 1) == Some(b'@'),
                "credentials end at `@`",
            )?;
            let port = self.port.map(|p| format!(":{p}")).unwrap_or_default();
            rule(
                self.slice(self.host_end, self.path_start) == port,
                "the port is written",
            )?;
            rule(
                self.path().is_empty() || self.path().starts_with('/'),
                "the path has its slash",
            )?;
        } else {
            rule(
                self.username_end == self.scheme_end + 1 && self.host_end == self.scheme_end + 1,
                "no host, no room for one",
            )?;
            let guard = self.slice(self.host_end, self.path_start);
            let expected = if self.path().starts_with("//") {
                "/."
            } else {
                ""
            };
            rule(
                guard == expected,
                "a path that looks like a host is guarded",
            )?;
        }
        rule(
            encoded(self.raw_username(), Set::USERINFO),
            "the user name is encoded",
        )?;
        rule(
            encoded(self.raw_password(), Set::USERINFO),
            "the password is encoded",
        )?;
        rule(
            self.port.is_none() || self.port != self.scheme.default_port(),
            "a default port is not written",
        )?;
        rule(
            !(self.port.is_some() || self.has_credentials())
                || (!self.host_str().is_empty() && self.scheme != Scheme::File),
            "credentials and port need a host",
        )?;
        rule(
            self.host_kind.fits(self.host_str(), self.scheme),
            "the host is what its kind says",
        )?;
        rule(
            !self.is_special() || self.path().starts_with('/'),
            "special URLs have a path",
        )?;
        let path_set = if self.has_opaque_path() {
            Set::C0_CONTROL
        } else {
            Set::PATH
        };
        rule(encoded(self.path(), path_set), "the path is encoded")?;
        rule(
            !self.path().contains(['?', '#']),
            "the path ends before `?` and `#`",
        )?;
        let query_set = if self.is_special() {
            Set::SPECIAL_QUERY
        } else {
            Set::QUERY
        };
        rule(
            encoded(self.query().unwrap_or_default(), query_set),
            "the query is encoded",
        )?;
        rule(
            self.query_start == NONE || at(self.query_start) == Some(b'?'),
            "the query starts at `?`",
        )?;
        rule(
            self.fragment_start == NONE || at(self.fragment_start) == Some(b'#'),
            "the fragment starts at `#`",
        )?;
        rule(
            encoded(self.fragment().unwrap_or_default(), Set::FRAGMENT),
            "the fragment is encoded",
        )
    }

    /// Whether the text is the same and the offsets too, for tests.
    pub(crate) fn is_identical(&self, other: &Self) -> bool {
        let offsets = |url: &Self| {
            let start = (
                url.scheme_end,
                url.username_end,
                url.host_start,
                url.host_end,
            );
            (
                start,
                (url.path_start, url.query_start, url.fragment_start),
                url.port,
            )
        };
        self.href == other.href
            && offsets(self) == offsets(other)
            && (self.scheme, self.host_kind) == (other.scheme, other.host_kind)
    }

    fn userinfo_start(&self) -> u32 {
        self.scheme_end + if self.has_authority() { 3 } else { 1 }
    }

    pub(crate) fn path_end(&self) -> u32 {
        if self.query_start != NONE {
            self.query_start
        } else {
            self.query_end()
        }
    }

    pub(crate) fn query_end(&self) -> u32 {
        if self.fragment_start != NONE {
            self.fragment_start
        } else {
            self.href.len() as u32
        }
    }

    /// The end of what belongs to scheme and authority, without the guard before `//`.
    pub(crate) fn authority_end(&self) -> u32 {
        if self.has_authority() {
            self.path_start
        } else {
            self.host_end
        }
    }

    pub(crate) fn slice(&self, from: u32, to: u32) -> &str {
        self.href
            .get(from as usize..to as usize)
            .unwrap_or_default()
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.href)
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Url(\"{}\")", self.redacted())
    }
}

/// A URL whose password shows as `[secure]`: see [`Url::redacted`].
#[derive(Clone, Copy)]
pub struct Redacted<'a>(&'a Url);

impl fmt::Display for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.0;
        if url.raw_password().is_empty() {
            return f.write_str(&url.href);
        }
        f.write_str(url.slice(0, url.username_end))?;
        f.write_str(":[secure]@")?;
        f.write_str(url.href.get(url.host_start as usize..).unwrap_or_default())
    }
}

impl fmt::Debug for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.0, f)
    }
}

impl AsRef<str> for Url {
    fn as_ref(&self) -> &str {
        &self.href
    }
}

impl PartialEq for Url {
    fn eq(&self, other: &Self) -> bool {
        self.href == other.href
    }
}

impl Eq for Url {}

/// Compares the text, which is in serialised form: `url == "http://h/"`, not `"HTTP://h"`.
impl PartialEq<str> for Url {
    fn eq(&self, other: &str) -> bool {
        self.href == other
    }
}

impl PartialEq<&str> for Url {
    fn eq(&self, other: &&str) -> bool {
        self.href == *other
    }
}

impl PartialOrd for Url {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Url {
    fn cmp(&self, other: &Self) -> Ordering {
        self.href.cmp(&other.href)
    }
}

impl Hash for Url {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.href.hash(state);
    }
}
