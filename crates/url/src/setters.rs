//! The setters of the standard's `URL` class (section 6.1), under its names.

use crate::error::ParseError;
use crate::host::{self, HostKind};
use crate::parser::{self, Writer};
use crate::path;
use crate::percent::{self, Set};
use crate::record::Url;
use crate::scheme::{Scheme, scheme_end};

/// The setters take text and read it as the standard says, which is lenient: what stands behind a
/// valid beginning is dropped. To put a URL together from pieces, use [`Url::with`], which is not.
///
/// Where the standard ignores a value, these return an error and leave the URL as it was, with one
/// exception, which is the standard's: [`set_host`](Url::set_host) with a bad port sets the host.
impl Url {
    /// Replaces the whole URL.
    ///
    /// # Errors
    ///
    /// As [`Url::parse`].
    pub fn set_href(&mut self, value: &str) -> Result<(), ParseError> {
        *self = Self::parse(value)?;
        Ok(())
    }

    /// Sets the scheme: what stands before the first colon. A port that is the new default goes.
    ///
    /// # Errors
    ///
    /// [`InvalidScheme`](ParseError::InvalidScheme), [`SchemeChange`](ParseError::SchemeChange).
    pub fn set_protocol(&mut self, value: &str) -> Result<(), ParseError> {
        let mut name = parser::without_tabs(value).into_owned();
        name.push(':');
        let end = scheme_end(&name).ok_or(ParseError::InvalidScheme)?;
        name.truncate(end);
        name.make_ascii_lowercase();
        let scheme = Scheme::of(&name);
        let has_more = self.has_credentials() || self.port.is_some();
        if scheme.is_special() != self.is_special()
            || (scheme == Scheme::File && has_more)
            || (self.scheme == Scheme::File && self.host_kind == HostKind::Empty)
        {
            return Err(ParseError::SchemeChange);
        }
        *self = self.rebuilt(|pieces| pieces.scheme = &name)?;
        Ok(())
    }

    /// Sets the user name, encoding what has to be; an empty one goes.
    ///
    /// # Errors
    ///
    /// [`CannotHaveCredentialsOrPort`](ParseError::CannotHaveCredentialsOrPort).
    pub fn set_username(&mut self, value: &str) -> Result<(), ParseError> {
        self.check_credentials_or_port()?;
        let username = percent::encode(value, Set::USERINFO);
        *self = self.rebuilt(|pieces| pieces.username = &username)?;
        Ok(())
    }

    /// Sets the password, encoding what has to be; an empty one goes.
    ///
    /// # Errors
    ///
    /// [`CannotHaveCredentialsOrPort`](ParseError::CannotHaveCredentialsOrPort).
    pub fn set_password(&mut self, value: &str) -> Result<(), ParseError> {
        self.check_credentials_or_port()?;
        let password = percent::encode(value, Set::USERINFO);
        *self = self.rebuilt(|pieces| pieces.password = &password)?;
        Ok(())
    }

    /// Sets the host and, where `value` has one, the port.
    ///
    /// # Errors
    ///
    /// As [`set_hostname`](Self::set_hostname). [`InvalidPort`](ParseError::InvalidPort): the host
    /// is set, the port is as it was.
    pub fn set_host(&mut self, value: &str) -> Result<(), ParseError> {
        let value = parser::without_tabs(value);
        match self.set_host_part(&value, true)? {
            Some(port) => self.set_leading_port(port),
            None => Ok(()),
        }
    }

    /// Sets the host, not the port.
    ///
    /// # Errors
    ///
    /// [`CannotSetOnOpaquePath`](ParseError::CannotSetOnOpaquePath),
    /// [`EmptyHost`](ParseError::EmptyHost), [`InvalidPort`](ParseError::InvalidPort) where there is
    /// a colon, and the errors of the host parser.
    pub fn set_hostname(&mut self, value: &str) -> Result<(), ParseError> {
        let value = parser::without_tabs(value);
        self.set_host_part(&value, false).map(drop)
    }

    /// Sets the port from the digits at the start of `value`; an empty value removes it.
    ///
    /// # Errors
    ///
    /// [`CannotHaveCredentialsOrPort`](ParseError::CannotHaveCredentialsOrPort),
    /// [`InvalidPort`](ParseError::InvalidPort).
    pub fn set_port(&mut self, value: &str) -> Result<(), ParseError> {
        self.check_credentials_or_port()?;
        if value.is_empty() {
            *self = self.rebuilt(|pieces| pieces.port = None)?;
            return Ok(());
        }
        self.set_leading_port(&parser::without_tabs(value))
    }

    /// Sets the path; `?` and `#` in it are encoded.
    ///
    /// # Errors
    ///
    /// [`CannotSetOnOpaquePath`](ParseError::CannotSetOnOpaquePath).
    pub fn set_pathname(&mut self, value: &str) -> Result<(), ParseError> {
        if self.has_opaque_path() {
            return Err(ParseError::CannotSetOnOpaquePath);
        }
        let value = parser::without_tabs(value);
        let mut writer = Writer::new(self.href.len() + value.len());
        writer.copy(self, self.authority_end());
        let is_slash = |c: char| c.is_ascii() && self.scheme.is_slash(c as u8);
        match value.strip_prefix(is_slash) {
            Some(rest) => path::push(&mut writer.url, rest),
            // No path at all, where the scheme allows that and a host marks its place.
            None if value.is_empty() && !self.is_special() && self.has_authority() => {}
            None => path::push(&mut writer.url, &value),
        }
        *self = self.rebuilt(|pieces| pieces.path = writer.url.path())?;
        Ok(())
    }

    /// Sets the query, with or without its `?`; an empty value removes it.
    ///
    /// # Errors
    ///
    /// [`TooLong`](ParseError::TooLong) only.
    pub fn set_search(&mut self, value: &str) -> Result<(), ParseError> {
        if value.is_empty() {
            *self = self.rebuilt(|pieces| pieces.query = None)?;
            return Ok(());
        }
        let value = parser::without_tabs(value.strip_prefix('?').unwrap_or(value));
        let set = if self.is_special() {
            Set::SPECIAL_QUERY
        } else {
            Set::QUERY
        };
        let query = percent::encode(&value, set);
        *self = self.rebuilt(|pieces| pieces.query = Some(&query))?;
        Ok(())
    }

    /// Sets the fragment, with or without its `#`; an empty value removes it.
    ///
    /// # Errors
    ///
    /// [`TooLong`](ParseError::TooLong) only.
    pub fn set_hash(&mut self, value: &str) -> Result<(), ParseError> {
        if value.is_empty() {
            *self = self.rebuilt(|pieces| pieces.fragment = None)?;
            return Ok(());
        }
        let value = parser::without_tabs(value.strip_prefix('#').unwrap_or(value));
        let fragment = percent::encode(&value, Set::FRAGMENT);
        *self = self.rebuilt(|pieces| pieces.fragment = Some(&fragment))?;
        Ok(())
    }

    /// Sets the host; returns the text behind its colon.
    fn set_host_part<'v>(
        &mut self,
        value: &'v str,
        with_port: bool,
    ) -> Result<Option<&'v str>, ParseError> {
        if self.has_opaque_path() {
            return Err(ParseError::CannotSetOnOpaquePath);
        }
        let end = value
            .bytes()
            .position(|b| matches!(b, b'?' | b'#') || self.scheme.is_slash(b))
            .unwrap_or(value.len());
        let text = value.get(..end).unwrap_or_default();
        let is_file = self.scheme == Scheme::File;
        let (text, port) = if is_file {
            (text, None)
        } else {
            parser::split_port(text)
        };
        if port.is_some() && !with_port {
            return Err(ParseError::InvalidPort);
        }
        let mut host = String::new();
        let kind = if !text.is_empty() {
            host::parse_into(&mut host, text, self.scheme)?
        } else if port.is_some()
            || (self.is_special() && !is_file)
            || self.has_credentials()
            || self.port.is_some()
        {
            return Err(ParseError::EmptyHost);
        } else {
            HostKind::Empty
        };
        let (host, kind) = if is_file && host == "localhost" {
            ("", HostKind::Empty)
        } else {
            (&*host, kind)
        };
        *self = self.rebuilt(|pieces| (pieces.host, pieces.host_kind) = (host, kind))?;
        Ok(port)
    }

    fn set_leading_port(&mut self, value: &str) -> Result<(), ParseError> {
        let end = value
            .bytes()
            .position(|b| !b.is_ascii_digit())
            .unwrap_or(value.len());
        let port = parser::parse_port(value.get(..end).unwrap_or_default())?;
        let port = Some(port.ok_or(ParseError::InvalidPort)?);
        *self = self.rebuilt(|pieces| pieces.port = port)?;
        Ok(())
    }

    fn check_credentials_or_port(&self) -> Result<(), ParseError> {
        if self.host_str().is_empty() || self.scheme == Scheme::File {
            return Err(ParseError::CannotHaveCredentialsOrPort);
        }
        Ok(())
    }

    /// The URL written anew with some pieces replaced.
    fn rebuilt<'a>(&'a self, edit: impl FnOnce(&mut Pieces<'a>)) -> Result<Self, ParseError> {
        let mut pieces = Pieces {
            scheme: self.scheme(),
            username: self.raw_username(),
            password: self.raw_password(),
            host: self.host_str(),
            host_kind: self.host_kind,
            port: self.port,
            path: self.path(),
            query: self.query(),
            fragment: self.fragment(),
        };
        edit(&mut pieces);
        pieces.write(self.href.len())
    }
}

/// The pieces of a URL, each encoded and valid.
struct Pieces<'a> {
    scheme: &'a str,
    username: &'a str,
    password: &'a str,
    host: &'a str,
    host_kind: HostKind,
    port: Option<u16>,
    path: &'a str,
    query: Option<&'a str>,
    fragment: Option<&'a str>,
}

impl Pieces<'_> {
    fn write(&self, capacity: usize) -> Result<Url, ParseError> {
        let mut writer = Writer::new(capacity);
        writer.scheme(self.scheme);
        if self.host_kind != HostKind::None {
            writer.url.href.push_str("//");
            writer.credentials(self.username, self.password);
            writer.url.href.push_str(self.host);
            writer.end_of_host(self.host_kind);
            writer.port(self.port);
        }
        writer.url.href.push_str(self.path);
        path::guard(&mut writer.url);
        if let Some(query) = self.query {
            writer.query(query);
        }
        if let Some(fragment) = self.fragment {
            writer.fragment(fragment);
        }
        writer.finish()
    }
}
