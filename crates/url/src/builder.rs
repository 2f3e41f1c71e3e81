//! Putting a URL together from components, and changing components of one.

use std::fmt;
use std::net::Ipv6Addr;

use crate::error::ParseError;
use crate::parser;
use crate::percent::{self, Set};
use crate::query::QueryParams;
use crate::record::Url;
use crate::scheme::{Scheme, scheme_end};

impl Url {
    /// A URL from nothing; it needs a scheme and, if that is special, a host.
    ///
    /// ```
    /// # use nuncio_url::Url;
    /// let url = Url::builder().scheme("https").host("example.com").path("/a b").build()?;
    /// assert_eq!(url.as_str(), "https://example.com/a%20b");
    /// # Ok::<(), nuncio_url::ParseError>(())
    /// ```
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// A copy of this URL with components to be replaced.
    ///
    /// ```
    /// # use nuncio_url::Url;
    /// let url = Url::parse("https://example.com/path?query")?;
    /// let other = url.with().scheme("http").port(8080).query(None).build()?;
    /// assert_eq!(other.as_str(), "http://example.com:8080/path");
    /// # Ok::<(), nuncio_url::ParseError>(())
    /// ```
    pub fn with(&self) -> Builder {
        let owned = |text: &str| Some(text.to_owned());
        Builder {
            scheme: owned(self.scheme()),
            username: self.raw_username().to_owned(),
            password: self.raw_password().to_owned(),
            host: self.has_authority().then(|| self.host_str().to_owned()),
            port: self.port().map(|port| port.to_string()),
            path: self.path().to_owned(),
            query: self.query().map(str::to_owned),
            fragment: self.fragment().map(str::to_owned),
            half_credentials: false,
        }
    }
}

/// Components of a URL: see [`Url::builder`] and [`Url::with`].
///
/// Text is percent-encoded as far as its component needs it; a `%` stays as it is. A component that
/// holds what would end it is refused, never cut. The last word on a component counts.
#[derive(Clone, Default)]
#[must_use = "nothing is built before `build`"]
pub struct Builder {
    scheme: Option<String>,
    username: String,
    password: String,
    host: Option<String>,
    port: Option<String>,
    path: String,
    query: Option<String>,
    fragment: Option<String>,
    /// One of user name and password was given here: the other of the copied URL is gone.
    half_credentials: bool,
}

impl Builder {
    /// The scheme, without a colon. The port is kept, unless it is the new default.
    pub fn scheme(mut self, scheme: &str) -> Self {
        self.scheme = Some(scheme.to_owned());
        self
    }

    /// The user name. User name and password together replace what the copied URL had: giving one of
    /// them drops the other.
    pub fn username(mut self, username: &str) -> Self {
        self.replace_credentials();
        self.username = encode(username, Set::USERINFO);
        self
    }

    /// The password. User name and password together replace what the copied URL had: giving one of
    /// them drops the other.
    pub fn password(mut self, password: &str) -> Self {
        self.replace_credentials();
        self.password = encode(password, Set::USERINFO);
        self
    }

    /// User name and password as `user:password`, percent-encoded where they hold a `:` of their
    /// own; empty for none.
    pub fn userinfo(mut self, userinfo: &str) -> Self {
        let (username, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
        self.username = encode(username, Set::USERINFO);
        self.password = encode(password, Set::USERINFO);
        self.half_credentials = true;
        self
    }

    /// The host: a domain in ASCII or Unicode, or an IP address, IPv6 with or without brackets.
    pub fn host(mut self, host: &str) -> Self {
        self.host = Some(if host.parse::<Ipv6Addr>().is_ok() {
            format!("[{host}]")
        } else {
            host.to_owned()
        });
        self
    }

    /// The port, or `None` for the scheme's default.
    pub fn port(mut self, port: impl Into<Option<u16>>) -> Self {
        self.port = port.into().map(|port| port.to_string());
        self
    }

    /// Host and port as in a Host header field: `host` or `host:port`.
    pub fn netloc(mut self, netloc: &str) -> Self {
        let (host, port) = parser::split_port(netloc);
        self.host = Some(host.to_owned());
        self.port = port.map(str::to_owned);
        self
    }

    /// The path. It starts with `/` where there is a host, and holds no `?` and no `#`.
    pub fn path(mut self, path: &str) -> Self {
        self.path = path.to_owned();
        self
    }

    /// Path and query as in a request line: without a `?` there is no query.
    pub fn raw_path(mut self, raw_path: &str) -> Self {
        let (path, query) = match raw_path.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (raw_path, None),
        };
        self.path = path.to_owned();
        self.query = query.map(str::to_owned);
        self
    }

    /// The query without its `?`; `""` leaves a bare `?`, `None` none. It holds no `#`.
    pub fn query<'q>(mut self, query: impl Into<Option<&'q str>>) -> Self {
        self.query = query.into().map(str::to_owned);
        self
    }

    /// The query, from parameters; without any there is no query.
    pub fn params(mut self, params: impl Into<QueryParams>) -> Self {
        self.query = Some(params.into().to_string()).filter(|query| !query.is_empty());
        self
    }

    /// The fragment without its `#`, or `None`.
    pub fn fragment<'f>(mut self, fragment: impl Into<Option<&'f str>>) -> Self {
        self.fragment = fragment.into().map(str::to_owned);
        self
    }

    /// The URL, normalised anew.
    ///
    /// # Errors
    ///
    /// [`InvalidComponent`](ParseError::InvalidComponent) with the name of a component that breaks
    /// its own grammar or contradicts another, and the errors of [`Url::parse`].
    pub fn build(self) -> Result<Url, ParseError> {
        let scheme = self.scheme.ok_or(ParseError::InvalidComponent("scheme"))?;
        let mut text = scheme;
        text.push(':');
        if scheme_end(&text) != Some(text.len() - 1) {
            return Err(ParseError::InvalidComponent("scheme"));
        }
        let special = Scheme::of(text.get(..text.len() - 1).unwrap_or_default()).is_special();
        let has_credentials = !(self.username.is_empty() && self.password.is_empty());
        let has_host = special || self.host.is_some();
        let host = self.host.unwrap_or_default();
        if host.contains(['/', '?', '#', '@', '\\', '\t', '\n', '\r'])
            || host.trim_matches(|c| c <= ' ').len() < host.len()
            || parser::split_port(&host).1.is_some()
        {
            return Err(ParseError::InvalidComponent("host"));
        }
        if !has_host && (has_credentials || self.port.is_some()) {
            return Err(ParseError::EmptyHost);
        }
        if has_host {
            text.push_str("//");
            text.push_str(&self.username);
            if !self.password.is_empty() {
                text.push(':');
                text.push_str(&self.password);
            }
            if has_credentials {
                text.push('@');
            }
            text.push_str(&host);
            if let Some(port) = self.port {
                parser::parse_port(&port)?;
                text.push(':');
                text.push_str(&port);
            }
        }
        let starts_well = !has_host || self.path.is_empty() || self.path.starts_with('/');
        if !starts_well || self.path.contains(['?', '#']) {
            return Err(ParseError::InvalidComponent("path"));
        }
        if !has_host && self.path.starts_with("//") {
            // The guard that keeps this path from being read as a host.
            text.push_str("/.");
        }
        let is_opaque = !has_host && !self.path.starts_with('/');
        // Encoded here, lest the parser drop a tab or a space at the end.
        text.push_str(&encode(
            &self.path,
            if is_opaque {
                Set::C0_CONTROL
            } else {
                Set::PATH
            },
        ));
        if let Some(query) = self.query {
            if query.contains('#') {
                return Err(ParseError::InvalidComponent("query"));
            }
            text.push('?');
            text.push_str(&encode(
                &query,
                if special {
                    Set::SPECIAL_QUERY
                } else {
                    Set::QUERY
                },
            ));
        }
        if let Some(fragment) = self.fragment {
            text.push('#');
            text.push_str(&encode(&fragment, Set::FRAGMENT));
        }
        Url::parse(&text)
    }

    fn replace_credentials(&mut self) {
        if !self.half_credentials {
            self.username.clear();
            self.password.clear();
            self.half_credentials = true;
        }
    }
}

/// Without the password.
impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let password = if self.password.is_empty() {
            ""
        } else {
            "[secure]"
        };
        f.debug_struct("Builder")
            .field("scheme", &self.scheme)
            .field("username", &self.username)
            .field("password", &password)
            .field("host", &self.host)
            .field("port", &self.port)
            .field("path", &self.path)
            .field("query", &self.query)
            .field("fragment", &self.fragment)
            .finish()
    }
}

fn encode(text: &str, set: Set) -> String {
    percent::encode(text, set).into_owned()
}
