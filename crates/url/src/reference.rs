//! References: URLs that may be relative, and base URLs of clients.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use crate::error::ParseError;
use crate::form;
use crate::parser::{self, Writer};
use crate::path;
use crate::record::Url;
use crate::scheme::{Scheme, scheme_end};

/// A URL, or a reference that is relative to one. A [`Url`] is always absolute.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reference {
    /// An absolute URL.
    Absolute(Url),
    /// A reference without a scheme.
    Relative(RelativeReference),
}

impl Reference {
    /// Parses an absolute or relative reference.
    ///
    /// # Errors
    ///
    /// As [`Url::parse`], but for its error about relative input.
    pub fn parse(input: &str) -> Result<Self, ParseError> {
        match Url::parse(input) {
            Ok(url) => Ok(Self::Absolute(url)),
            Err(ParseError::RelativeWithoutBase) => {
                let text = parser::without_tabs(parser::trim(input)).into_owned();
                let relative = RelativeReference { text };
                if relative.authority().is_some() {
                    // A host can be wrong; any scheme will do to find out.
                    let mut absolute = String::from("http:");
                    absolute.push_str(&relative.text);
                    Url::parse(&absolute)?;
                }
                Ok(Self::Relative(relative))
            }
            Err(error) => Err(error),
        }
    }

    /// Whether this is an absolute URL.
    #[must_use]
    pub fn is_absolute(&self) -> bool {
        matches!(self, Self::Absolute(_))
    }

    /// The absolute URL, if this is one.
    #[must_use]
    pub fn as_url(&self) -> Option<&Url> {
        match self {
            Self::Absolute(url) => Some(url),
            Self::Relative(_) => None,
        }
    }

    /// The reference as text: normalised where it is absolute, as it was given where it is relative.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Absolute(url) => url.as_str(),
            Self::Relative(relative) => &relative.text,
        }
    }

    /// Resolves another reference against this one.
    ///
    /// # Errors
    ///
    /// As [`Url::join`].
    pub fn join(&self, reference: &str) -> Result<Self, ParseError> {
        match self {
            Self::Absolute(url) => url.join(reference).map(Self::Absolute),
            Self::Relative(base) => Ok(match Self::parse(reference)? {
                Self::Absolute(url) => Self::Absolute(url),
                Self::Relative(relative) => Self::Relative(relative.resolved_against(base)),
            }),
        }
    }

    /// The URL that this reference means on the page `base`: see [`Url::join`].
    ///
    /// # Errors
    ///
    /// As [`Url::join`].
    pub fn resolve(&self, base: &Url) -> Result<Url, ParseError> {
        match self {
            Self::Absolute(url) => Ok(url.clone()),
            Self::Relative(relative) => base.join(&relative.text),
        }
    }
}

/// A reference without a scheme: `//host/path`, `/path`, `path`, `?query`, `#fragment` or nothing.
///
/// Its text is as it was given, without blanks around it and tabs and line ends in it; it is encoded
/// when it is resolved. Two are equal when their texts are. `Debug` hides a password.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RelativeReference {
    text: String,
}

impl RelativeReference {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What stands behind `//` at the start, up to the path.
    #[must_use]
    pub fn authority(&self) -> Option<&str> {
        self.split().0
    }

    /// The path; it may be empty, and it may hold dot segments.
    #[must_use]
    pub fn path(&self) -> &str {
        self.split().1
    }

    /// The query without its `?`.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.split().2
    }

    /// The fragment without its `#`.
    #[must_use]
    pub fn fragment(&self) -> Option<&str> {
        self.split_fragment().1
    }

    fn split_fragment(&self) -> (&str, Option<&str>) {
        split_at(&self.text, '#')
    }

    fn split(&self) -> (Option<&str>, &str, Option<&str>) {
        let (rest, query) = split_at(self.split_fragment().0, '?');
        match rest.strip_prefix("//") {
            Some(rest) => {
                let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                (Some(authority), path, query)
            }
            None => (None, rest, query),
        }
    }

    /// RFC 3986, section 5.2, for a base without a scheme. Leading `..` of a path that is relative
    /// itself are kept: they count when the result is resolved.
    fn resolved_against(&self, base: &Self) -> Self {
        let (authority, path, query) = self.split();
        if authority.is_some() {
            return self.clone();
        }
        let (base_authority, base_path, base_query) = base.split();
        let query = if path.is_empty() {
            query.or(base_query)
        } else {
            query
        };
        let path: Cow<'_, str> = if path.is_empty() {
            base_path.into()
        } else if path.starts_with('/') {
            without_dots(path).into()
        } else if base_path.is_empty() && base_authority.is_some() {
            without_dots(&format!("/{path}")).into()
        } else {
            let directory = base_path
                .rfind('/')
                .map_or("", |slash| base_path.split_at(slash + 1).0);
            without_dots(&format!("{directory}{path}")).into()
        };
        let mut text = String::new();
        if let Some(authority) = base_authority {
            text.push_str("//");
            text.push_str(authority);
        } else if path.starts_with("//") {
            text.push_str("/.");
        } else if scheme_end(&path).is_some() {
            text.push_str("./");
        }
        text.push_str(&path);
        for (mark, part) in [('?', query), ('#', self.fragment())] {
            if let Some(part) = part {
                text.push(mark);
                text.push_str(part);
            }
        }
        Self { text }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for RelativeReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for RelativeReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secret = self
            .authority()
            .and_then(|authority| authority.rsplit_once('@')?.0.split_once(':'))
            .map(|(username, password)| (2 + username.len() + 1, password.len()));
        let (text, rest) = match secret {
            Some((start, len)) => {
                let (before, after) = self.text.split_at(start);
                (
                    format!("{before}[secure]"),
                    after.get(len..).unwrap_or_default(),
                )
            }
            None => (String::new(), self.text.as_str()),
        };
        f.debug_tuple("RelativeReference")
            .field(&(text + rest))
            .finish()
    }
}

impl FromStr for Reference {
    type Err = ParseError;

    fn from_str(input: &str) -> Result<Self, ParseError> {
        Self::parse(input)
    }
}

impl From<Url> for Reference {
    fn from(url: Url) -> Self {
        Self::Absolute(url)
    }
}

/// The URL of a request to `reference` by a client whose base URL is `base`.
///
/// An absolute URL is used alone, whatever its origin. Anything else is appended: the path to the
/// base's path as if that ended in `/` (also where it starts with `/`; dot segments are removed),
/// the query to the base's query, whose parameters of the same names it replaces. Scheme,
/// credentials, host and port are the base's, and the fragment where the reference has none.
///
/// | base | reference | result |
/// |---|---|---|
/// | `http://h/api` | `x`, `/x` | `http://h/api/x` |
/// | `http://h/api` | `../x` | `http://h/x` |
/// | `http://h/api` | nothing, `/` | `http://h/api/` |
/// | `http://h/api?z=1` | `x?q=2` | `http://h/api/x?z=1&q=2` |
/// | `http://h/api` | `http://k/y` | `http://k/y` |
/// | `http://h/api` | `//k/y`, `http:y` | an error |
///
/// # Errors
///
/// [`EscapesBase`](ParseError::EscapesBase) where the reference names a host without a scheme,
/// [`SchemeWithoutAuthority`](ParseError::SchemeWithoutAuthority) where it has a special scheme
/// without `//`, [`OpaqueBase`](ParseError::OpaqueBase), and the errors of [`Url::parse`].
pub fn merge_base(base: &Url, reference: &str) -> Result<Url, ParseError> {
    let input = parser::without_tabs(parser::trim(reference));
    let slashes = |text: &str, scheme: Scheme| {
        text.bytes()
            .take(2)
            .take_while(|byte| scheme.is_slash(*byte))
            .count()
    };
    if let Some(colon) = scheme_end(&input) {
        let (name, rest) = input.split_at(colon);
        let scheme = Scheme::of(name);
        if scheme.is_special() && slashes(rest.get(1..).unwrap_or_default(), scheme) < 2 {
            return Err(ParseError::SchemeWithoutAuthority);
        }
        return Url::parse(&input);
    }
    if base.has_opaque_path() {
        return Err(ParseError::OpaqueBase);
    }
    let slashes = slashes(&input, base.scheme);
    if slashes == 2 {
        return Err(ParseError::EscapesBase);
    }
    let (rest, fragment) = split_at(&input, '#');
    let (path, query) = split_at(rest, '?');
    let mut writer = Writer::new(base.href.len() + input.len());
    writer.copy(base, base.authority_end());
    writer
        .url
        .href
        .push_str(base.path().strip_suffix('/').unwrap_or(base.path()));
    path::push(&mut writer.url, path.get(slashes..).unwrap_or_default());
    path::guard(&mut writer.url);
    match (base.query(), query) {
        (Some(base_query), Some(query)) => writer.query(&merged_query(base_query, query)),
        (one, other) => one
            .or(other)
            .into_iter()
            .for_each(|query| writer.query(query)),
    }
    if let Some(fragment) = fragment.or(base.fragment()) {
        writer.fragment(fragment);
    }
    writer.finish()
}

/// The base's pieces whose names the query does not have, then the query, all as written.
fn merged_query(base: &str, query: &str) -> String {
    let names: std::collections::HashSet<_> = form::parse(query.as_bytes())
        .map(|(name, _)| name)
        .collect();
    let mut out = String::with_capacity(base.len() + query.len() + 1);
    for piece in base.split('&').filter(|piece| !piece.is_empty()) {
        if form::parse(piece.as_bytes()).all(|(name, _)| !names.contains(&name)) {
            out.push_str(piece);
            out.push('&');
        }
    }
    out.push_str(query);
    if query.is_empty() && out.ends_with('&') {
        out.pop();
    }
    out
}

fn split_at(text: &str, mark: char) -> (&str, Option<&str>) {
    match text.split_once(mark) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

/// Removes dot segments, but for `..` that lead out of a path without a leading slash.
fn without_dots(path: &str) -> String {
    let (root, rest) = path
        .strip_prefix('/')
        .map_or(("", path), |rest| ("/", rest));
    let mut segments: Vec<&str> = Vec::new();
    let mut ends_in_dots = false;
    for segment in rest.split('/') {
        let dots = path::leading_dots(segment);
        ends_in_dots = dots.is_some();
        match dots {
            Some(1) => {}
            Some(_) => match segments.last() {
                Some(last) if path::leading_dots(last).is_none() => drop(segments.pop()),
                _ if root.is_empty() => segments.push(segment),
                _ => {}
            },
            None => segments.push(segment),
        }
    }
    match (ends_in_dots, segments.is_empty(), root.is_empty()) {
        // Nothing is left, which as a reference would mean something else.
        (true, true, true) => segments.extend([".", ""]),
        (true, false, _) => segments.push(""),
        _ => {}
    }
    format!("{root}{}", segments.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_url_table_holds() {
        for (base, reference, merged) in [
            ("http://h", "/x", "http://h/x"),
            ("http://h", "x", "http://h/x"),
            ("http://h/api", "/x", "http://h/api/x"),
            ("http://h/api", "x", "http://h/api/x"),
            ("http://h/api/", "/x", "http://h/api/x"),
            ("http://h/api", "?q=1", "http://h/api/?q=1"),
            ("http://h/api", "../x", "http://h/x"),
            ("http://h/api", "", "http://h/api/"),
            ("http://h/api", "/", "http://h/api/"),
            ("http://h/api", "http://k/y", "http://k/y"),
            ("http://u:p@h/api", "x", "http://u:p@h/api/x"),
            ("http://h/api", "/a b", "http://h/api/a%20b"),
            ("http://h/api?z=1", "x", "http://h/api/x?z=1"),
            (
                "http://h/api?z=1&y=%20",
                "x?q=2&z=3",
                "http://h/api/x?y=%20&q=2&z=3",
            ),
            ("http://h/api?z=1", "x?", "http://h/api/x?z=1"),
            ("http://h/api#base", "x", "http://h/api/x#base"),
            ("http://h/api#base", "x#own", "http://h/api/x#own"),
            ("http://h/api", "../../../..//k/x", "http://h//k/x"),
            ("http://h/api", " \\x\t", "http://h/api/x"),
            (
                "http://h/api",
                "v1/users:batch",
                "http://h/api/v1/users:batch",
            ),
            ("http://h/api", "foo:bar", "foo:bar"),
        ] {
            let base = Url::parse(base).expect(base);
            let url = merge_base(&base, reference);
            assert_eq!(
                url.as_ref().map(Url::as_str),
                Ok(merged),
                "{base} {reference:?}"
            );
        }
    }

    #[test]
    fn a_relative_reference_cannot_leave_the_base() {
        let base = Url::parse("https://h/api").expect("valid");
        for reference in ["//k/x", "/\\k/x", "\\\\k", " /\t/k", "//"] {
            assert_eq!(
                merge_base(&base, reference),
                Err(ParseError::EscapesBase),
                "{reference:?}"
            );
        }
        for reference in ["https:x", "http:/x", "HTTPS:\\x", "ht\ttps:", "ftp:k"] {
            let error = Err(ParseError::SchemeWithoutAuthority);
            assert_eq!(merge_base(&base, reference), error, "{reference:?}");
        }
        let opaque = Url::parse("mailto:a").expect("valid");
        assert_eq!(merge_base(&opaque, "x"), Err(ParseError::OpaqueBase));
    }

    #[test]
    fn relative_references_have_parts() {
        let Ok(Reference::Relative(relative)) = Reference::parse(" //u@h:1/a/../b?q?#f#g\n") else {
            panic!("not relative");
        };
        assert_eq!(relative.authority(), Some("u@h:1"));
        assert_eq!(relative.path(), "/a/../b");
        assert_eq!(relative.query(), Some("q?"));
        assert_eq!(relative.fragment(), Some("f#g"));
        let secret = Reference::parse("//u:SE:CR@ET@h/p@x").expect("valid");
        let shown = "Relative(RelativeReference(\"//u:[secure]@h/p@x\"))";
        assert_eq!(format!("{secret:?}"), shown);
        assert_eq!(
            format!("{relative:?}"),
            "RelativeReference(\"//u@h:1/a/../b?q?#f#g\")"
        );
        assert_eq!(Reference::parse("//h:99999/"), Err(ParseError::InvalidPort));
        assert!(Reference::parse("http://h").is_ok_and(|reference| reference.is_absolute()));
    }

    #[test]
    fn relative_references_join_without_a_host() {
        for (base, reference, joined) in [
            ("/a/b", "c", "/a/c"),
            ("/a/b", "../../c", "/c"),
            ("a/b", "../c", "c"),
            ("a", "../../c", "../../c"),
            ("../a", "b", "../b"),
            ("/a/b?x#y", "", "/a/b?x"),
            ("/a/b?x#y", "?z", "/a/b?z"),
            ("/a/b?x#y", "#z", "/a/b?x#z"),
            ("/a/b", ".", "/a/"),
            ("/a/b", "..", "/"),
            ("a/b", "..", "./"),
            ("//h", "x", "//h/x"),
            ("//h/a", "/b", "//h/b"),
            ("//h/a", "//k", "//k"),
            ("/a", "/.//b", "/.//b"),
            ("a/b", "../x:y", "./x:y"),
        ] {
            let base = Reference::parse(base).expect(base);
            let result = base.join(reference);
            let result = result.as_ref().map(Reference::as_str);
            assert_eq!(result, Ok(joined), "{base} {reference}");
        }
    }
}
