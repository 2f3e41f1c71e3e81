//! Origins (section 4.7 of the standard).

use std::borrow::Cow;
use std::fmt;

use crate::record::Url;
use crate::scheme::Scheme;

/// The origin of a URL. An opaque origin equals nothing, itself included.
#[derive(Clone, Debug)]
pub enum Origin<'a> {
    /// Scheme, host and port of an http, https, ws, wss or ftp URL, or of such a URL inside `blob:`.
    Tuple {
        /// The scheme, lower-case.
        scheme: Cow<'a, str>,
        /// The host as [`Url::host_str`] gives it.
        host: Cow<'a, str>,
        /// The port, the scheme's default included.
        port: u16,
    },
    /// The origin of every other URL.
    Opaque,
}

impl Url {
    /// The origin. Borrows, but for `blob:` URLs.
    #[must_use]
    pub fn origin(&self) -> Origin<'_> {
        if let Some((scheme, host, port)) = self.tuple() {
            return Origin::Tuple {
                scheme: scheme.into(),
                host: host.into(),
                port,
            };
        }
        if self.scheme() == "blob" {
            let inner = Self::parse(self.path()).ok();
            let inner = inner
                .as_ref()
                .filter(|url| matches!(url.scheme, Scheme::Http | Scheme::Https));
            if let Some((scheme, host, port)) = inner.and_then(Self::tuple) {
                return Origin::Tuple {
                    scheme: scheme.to_owned().into(),
                    host: host.to_owned().into(),
                    port,
                };
            }
        }
        Origin::Opaque
    }

    /// Whether both have the same scheme, host and port, and an origin at all. It allocates nothing.
    #[must_use]
    pub fn same_origin(&self, other: &Self) -> bool {
        match (self.tuple(), other.tuple()) {
            (Some(ours), Some(theirs)) => ours == theirs,
            _ => self.origin() == other.origin(),
        }
    }

    fn tuple(&self) -> Option<(&str, &str, u16)> {
        let port = self.port_or_default().filter(|_| self.is_special())?;
        Some((self.scheme(), self.host_str(), port))
    }
}

impl PartialEq for Origin<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Tuple { scheme, host, port },
                Self::Tuple {
                    scheme: other_scheme,
                    host: other_host,
                    port: other_port,
                },
            ) => port == other_port && host == other_host && scheme == other_scheme,
            _ => false,
        }
    }
}

/// The standard's serialisation: `https://example.com:8443`, without a default port; `null` where
/// opaque.
impl fmt::Display for Origin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tuple { scheme, host, port } => {
                write!(f, "{scheme}://{host}")?;
                if Scheme::of(scheme).default_port() != Some(*port) {
                    write!(f, ":{port}")?;
                }
                Ok(())
            }
            Self::Opaque => f.write_str("null"),
        }
    }
}
