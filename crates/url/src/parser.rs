//! The basic URL parser of the standard (section 4.4), component by component instead of character by
//! character. The names of its states are in the comments.

use std::borrow::Cow;

use crate::error::ParseError;
use crate::host::{self, HostKind};
use crate::path;
use crate::percent::{self, Set};
use crate::record::{NONE, Url};
use crate::scheme::{Scheme, scheme_end};
use crate::{fast, ip};

pub(crate) fn parse(input: &str, base: Option<&Url>) -> Result<Url, ParseError> {
    if input.len() > Url::MAX_LEN {
        return Err(ParseError::TooLong);
    }
    if let Some(url) = fast::parse(input) {
        debug_assert_eq!(url.check_invariants(), Ok(()), "{url:?}");
        debug_assert!(
            slow(input, base).is_ok_and(|same| same.is_identical(&url)),
            "{url:?}"
        );
        return Ok(url);
    }
    slow(input, base)
}

fn slow(input: &str, base: Option<&Url>) -> Result<Url, ParseError> {
    let input = without_tabs(trim(input));
    let mut writer = Writer::new(input.len() + base.map_or(0, |base| base.href.len()));
    match scheme_end(&input) {
        Some(colon) => {
            let (name, rest) = input.split_at(colon);
            writer.absolute(name, rest.get(1..).unwrap_or_default(), base)?;
        }
        None => writer.relative_to(base.ok_or(ParseError::RelativeWithoutBase)?, &input)?,
    }
    writer.finish()
}

/// Drops C0 controls and spaces at both ends.
pub(crate) fn trim(input: &str) -> &str {
    input.trim_matches(|c: char| c <= ' ')
}

/// Drops tabs and line ends everywhere.
pub(crate) fn without_tabs(input: &str) -> Cow<'_, str> {
    if Set::DROPPED.find(input.as_bytes(), 0) == input.len() {
        return Cow::Borrowed(input);
    }
    Cow::Owned(input.split(['\t', '\n', '\r']).collect())
}

/// A URL being written, from left to right.
pub(crate) struct Writer {
    pub(crate) url: Url,
}

impl Writer {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            url: Url {
                href: String::with_capacity(capacity + 8),
                scheme_end: 0,
                username_end: 0,
                host_start: 0,
                host_end: 0,
                path_start: 0,
                query_start: NONE,
                fragment_start: NONE,
                port: None,
                scheme: Scheme::Other,
                host_kind: HostKind::None,
            },
        }
    }

    /// Scheme start state with a scheme.
    fn absolute(&mut self, name: &str, rest: &str, base: Option<&Url>) -> Result<(), ParseError> {
        self.scheme(name);
        let scheme = self.url.scheme;
        let base = base.filter(|base| base.scheme == scheme);
        match scheme {
            Scheme::File => self.file(rest, base),
            Scheme::Other => match rest.strip_prefix("//") {
                Some(rest) => self.authority(rest),
                None if rest.starts_with('/') => {
                    self.no_authority();
                    self.path_and_after(rest);
                    Ok(())
                }
                None => {
                    self.no_authority();
                    self.opaque_path_and_after(rest);
                    Ok(())
                }
            },
            // Special relative or authority state: `http:path` is relative to a base of that scheme.
            _ => match base {
                Some(base) if !rest.starts_with("//") => self.relative(base, rest),
                _ => self.authority(rest.trim_start_matches(['/', '\\'])),
            },
        }
    }

    /// No scheme state.
    fn relative_to(&mut self, base: &Url, input: &str) -> Result<(), ParseError> {
        if base.has_opaque_path() {
            if !input.starts_with('#') {
                return Err(ParseError::OpaqueBase);
            }
            self.copy(base, base.query_end());
            self.query_and_fragment(input);
            return Ok(());
        }
        if base.scheme == Scheme::File {
            self.scheme(base.scheme());
            return self.file(input, Some(base));
        }
        self.relative(base, input)
    }

    /// Relative state and relative slash state.
    fn relative(&mut self, base: &Url, input: &str) -> Result<(), ParseError> {
        let scheme = base.scheme;
        let mut bytes = input.bytes();
        match bytes.next() {
            Some(first) if scheme.is_slash(first) => {
                if bytes.next().is_some_and(|second| scheme.is_slash(second)) {
                    self.clear();
                    self.scheme(base.scheme());
                    return self.authority(if scheme.is_special() {
                        input.trim_start_matches(['/', '\\'])
                    } else {
                        input.get(2..).unwrap_or_default()
                    });
                }
                self.copy(base, base.authority_end());
                self.path_and_after(input);
            }
            _ => self.relative_path(base, input),
        }
        Ok(())
    }

    /// The rest of the relative state, and of the file state with a base.
    fn relative_path(&mut self, base: &Url, input: &str) {
        match input.bytes().next() {
            None | Some(b'#') => self.copy(base, base.query_end()),
            Some(b'?') => self.copy(base, base.path_end()),
            Some(_) => {
                if base.scheme == Scheme::File && path::starts_with_drive_letter(input) {
                    self.copy(base, base.authority_end());
                    return self.path_and_after(input);
                }
                // Not the guard before `//`: the path that it was for may go.
                self.copy(base, base.authority_end());
                self.url.href.push_str(base.path());
                path::shorten(&mut self.url);
                return self.more_path_and_after(input);
            }
        }
        self.query_and_fragment(input);
    }

    /// File state and file slash state. The scheme is written.
    fn file(&mut self, input: &str, base: Option<&Url>) -> Result<(), ParseError> {
        let mut bytes = input.bytes();
        let slashes = [bytes.next(), bytes.next()]
            .map(|byte| byte.is_some_and(|byte| Scheme::File.is_slash(byte)));
        match (slashes, base) {
            ([true, true], _) => self.file_host(input.get(2..).unwrap_or_default())?,
            ([true, false], Some(base)) => {
                self.copy(base, base.path_start);
                let rest = input.get(1..).unwrap_or_default();
                if !path::starts_with_drive_letter(rest)
                    && let Some(drive) = path::drive_letter(base.path())
                {
                    self.url.href.push_str(drive);
                }
                self.more_path_and_after(rest);
            }
            ([false, _], Some(base)) => self.relative_path(base, input),
            (_, None) => {
                self.empty_file_host();
                self.path_and_after(input);
            }
        }
        Ok(())
    }

    /// File host state.
    fn file_host(&mut self, input: &str) -> Result<(), ParseError> {
        let end = input
            .bytes()
            .position(|b| matches!(b, b'/' | b'\\' | b'?' | b'#'))
            .unwrap_or(input.len());
        let (text, rest) = input.split_at(end);
        if path::is_drive_letter(text) {
            self.empty_file_host();
            self.more_path_and_after(input);
            return Ok(());
        }
        self.empty_file_host();
        if !text.is_empty() {
            self.host(text)?;
            if self.url.host_str() == "localhost" {
                self.url.href.truncate(self.url.host_start as usize);
                self.end_of_host(HostKind::Empty);
            }
        }
        self.path_and_after(rest);
        Ok(())
    }

    fn empty_file_host(&mut self) {
        self.url.href.push_str("//");
        self.start_of_authority();
        self.end_of_host(HostKind::Empty);
    }

    /// Authority state, host state and port state; then the rest. The scheme is written, `input` is
    /// behind the slashes.
    fn authority(&mut self, input: &str) -> Result<(), ParseError> {
        let scheme = self.url.scheme;
        let end = input
            .bytes()
            .position(|b| matches!(b, b'?' | b'#') || scheme.is_slash(b))
            .unwrap_or(input.len());
        let (authority, rest) = input.split_at(end);
        self.url.href.push_str("//");
        self.start_of_authority();
        // The last `@` ends the credentials, so that none of them can be taken for a host.
        let (userinfo, host_and_port) = match authority.rsplit_once('@') {
            Some((userinfo, host_and_port)) => (Some(userinfo), host_and_port),
            None => (None, authority),
        };
        let credentials = userinfo.unwrap_or_default();
        let (username, password) = credentials.split_once(':').unwrap_or((credentials, ""));
        self.credentials(username, password);
        let (host, port) = split_port(host_and_port);
        if host.is_empty() {
            if scheme.is_special() || port.is_some() || userinfo.is_some() {
                return Err(ParseError::EmptyHost);
            }
            self.end_of_host(HostKind::Empty);
        } else {
            self.host(host)?;
        }
        if let Some(port) = port {
            self.port(parse_port(port)?);
        }
        self.path_and_after(rest);
        Ok(())
    }

    /// Writes user name and password; either may be empty.
    pub(crate) fn credentials(&mut self, username: &str, password: &str) {
        percent::encode_into(&mut self.url.href, username, Set::USERINFO);
        self.url.username_end = self.position();
        if !password.is_empty() {
            self.url.href.push(':');
            percent::encode_into(&mut self.url.href, password, Set::USERINFO);
        }
        if !(username.is_empty() && password.is_empty()) {
            self.url.href.push('@');
        }
        self.url.host_start = self.position();
    }

    fn host(&mut self, text: &str) -> Result<(), ParseError> {
        let kind = host::parse_into(&mut self.url.href, text, self.url.scheme)?;
        self.end_of_host(kind);
        Ok(())
    }

    /// Writes a port, unless it is the default.
    pub(crate) fn port(&mut self, port: Option<u16>) {
        let port = port.filter(|port| self.url.scheme.default_port() != Some(*port));
        self.url.port = port;
        if let Some(port) = port {
            self.url.href.push(':');
            ip::push_decimal(&mut self.url.href, port);
        }
        self.url.path_start = self.position();
    }

    /// Path start state, and all behind it.
    fn path_and_after(&mut self, input: &str) {
        let scheme = self.url.scheme;
        match input.bytes().next() {
            Some(first) if scheme.is_slash(first) => {
                self.more_path_and_after(input.get(1..).unwrap_or_default());
            }
            None | Some(b'?' | b'#') if !scheme.is_special() => self.query_and_fragment(input),
            _ => self.more_path_and_after(input),
        }
    }

    /// Path state: `input` is behind the slash that starts a segment.
    fn more_path_and_after(&mut self, input: &str) {
        let end = Set::PATH_END.find(input.as_bytes(), 0);
        let (text, rest) = input.split_at(end);
        path::push(&mut self.url, text);
        path::guard(&mut self.url);
        self.query_and_fragment(rest);
    }

    /// Opaque path state.
    fn opaque_path_and_after(&mut self, input: &str) {
        let end = Set::PATH_END.find(input.as_bytes(), 0);
        let (path, rest) = input.split_at(end);
        // A space before `?` or `#` is encoded, lest it be lost when these are removed.
        let (path, space) = match path.strip_suffix(' ') {
            Some(path) => (path, "%20"),
            None => (path, ""),
        };
        percent::encode_into(&mut self.url.href, path, Set::C0_CONTROL);
        self.url.href.push_str(space);
        self.query_and_fragment(rest);
    }

    /// Query state and fragment state. `input` is empty or starts with `?` or `#`.
    fn query_and_fragment(&mut self, input: &str) {
        if input.is_empty() {
            return;
        }
        let (query, fragment) = input.split_at(Set::QUERY_END.find(input.as_bytes(), 0));
        if let Some(query) = query.strip_prefix('?') {
            self.query(query);
        }
        if let Some(fragment) = fragment.strip_prefix('#') {
            self.fragment(fragment);
        }
    }

    pub(crate) fn query(&mut self, text: &str) {
        self.url.query_start = self.position();
        self.url.href.push('?');
        let set = if self.url.is_special() {
            Set::SPECIAL_QUERY
        } else {
            Set::QUERY
        };
        percent::encode_into(&mut self.url.href, text, set);
    }

    pub(crate) fn fragment(&mut self, text: &str) {
        self.url.fragment_start = self.position();
        self.url.href.push('#');
        percent::encode_into(&mut self.url.href, text, Set::FRAGMENT);
    }

    pub(crate) fn scheme(&mut self, name: &str) {
        self.url.href.push_str(name);
        self.url.href.make_ascii_lowercase();
        self.url.scheme = Scheme::of(name);
        self.url.scheme_end = self.position();
        self.url.href.push(':');
        self.no_authority();
    }

    fn no_authority(&mut self) {
        self.start_of_authority();
        self.end_of_host(HostKind::None);
    }

    /// The text so far ends where user name or host start.
    pub(crate) fn start_of_authority(&mut self) {
        self.url.username_end = self.position();
        self.url.host_start = self.position();
    }

    /// The text so far ends with the host.
    pub(crate) fn end_of_host(&mut self, kind: HostKind) {
        self.url.host_kind = kind;
        self.url.host_end = self.position();
        self.url.path_start = self.position();
    }

    /// Starts again with the first `end` bytes of `base` and what they hold.
    pub(crate) fn copy(&mut self, base: &Url, end: u32) {
        self.clear();
        self.url.href.push_str(base.slice(0, end));
        let Url {
            scheme_end,
            username_end,
            host_start,
            host_end,
            port,
            scheme,
            host_kind,
            ..
        } = *base;
        self.url.scheme_end = scheme_end;
        self.url.username_end = username_end;
        self.url.host_start = host_start;
        self.url.host_end = host_end;
        self.url.path_start = base.path_start.min(end);
        self.url.query_start = if base.query_start < end {
            base.query_start
        } else {
            NONE
        };
        self.url.port = port;
        self.url.scheme = scheme;
        self.url.host_kind = host_kind;
    }

    fn clear(&mut self) {
        self.url.href.clear();
    }

    /// Input is at most 1 MiB and grows at most by a small factor: an index fits.
    fn position(&self) -> u32 {
        self.url.href.len() as u32
    }

    pub(crate) fn finish(self) -> Result<Url, ParseError> {
        if self.url.href.len() > Url::MAX_LEN {
            return Err(ParseError::TooLong);
        }
        debug_assert_eq!(self.url.check_invariants(), Ok(()), "{:?}", self.url);
        Ok(self.url)
    }
}

/// Splits at the first colon outside brackets.
pub(crate) fn split_port(text: &str) -> (&str, Option<&str>) {
    let mut in_brackets = false;
    let colon = text.bytes().position(|byte| {
        match byte {
            b'[' => in_brackets = true,
            b']' => in_brackets = false,
            _ => {}
        }
        byte == b':' && !in_brackets
    });
    match colon {
        Some(colon) => (text.get(..colon).unwrap_or_default(), text.get(colon + 1..)),
        None => (text, None),
    }
}

/// Port state: digits only; none at all is no port.
pub(crate) fn parse_port(text: &str) -> Result<Option<u16>, ParseError> {
    if text.is_empty() {
        return Ok(None);
    }
    text.bytes()
        .try_fold(0_u16, |port, byte| {
            let digit = byte.is_ascii_digit().then(|| u16::from(byte - b'0'))?;
            port.checked_mul(10)?.checked_add(digit)
        })
        .map(Some)
        .ok_or(ParseError::InvalidPort)
}
