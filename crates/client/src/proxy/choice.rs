//! Which proxy serves a URL, and why: what [`Client::explain_proxy`](crate::Client::explain_proxy) tells.

use super::Proxy;
use std::fmt;

/// The proxy that a request would take, or none, and what decided that.
///
/// ```
/// # fn f<D: nuncio_client::Driver>(client: nuncio_client::Client<D>) -> Result<(), nuncio_client::Error> {
/// let choice = client.explain_proxy("https://example.com/")?;
/// println!("{choice}"); // http://proxy.example:3128, by HTTPS_PROXY
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ProxyChoice {
    pub(crate) proxy: Option<Proxy>,
    pub(crate) reason: ProxyReason,
}

/// What decided which proxy is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyReason {
    /// Nothing names a proxy.
    NotConfigured,
    /// [`ClientBuilder::proxy`](crate::ClientBuilder::proxy), or
    /// [`no_proxy`](crate::ClientBuilder::no_proxy).
    Client,
    /// The client's [`Network`](crate::Network), or the one that serves it by a mount.
    Network,
    /// The mount with this pattern.
    Mount(String),
    /// This variable of the environment.
    Variable(String),
    /// An entry of `NO_PROXY`.
    NoProxy {
        /// The variable.
        variable: String,
        /// The entry, as it is written there.
        entry: String,
    },
    /// A transport of the user's serves it, and what that does is its own.
    Transport,
}

impl ProxyChoice {
    /// The proxy; none where the request goes to its server directly.
    pub fn proxy(&self) -> Option<&Proxy> {
        self.proxy.as_ref()
    }

    /// What decided that.
    pub fn reason(&self) -> &ProxyReason {
        &self.reason
    }
}

impl fmt::Display for ProxyChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.proxy {
            Some(proxy) => proxy.fmt(f)?,
            None => f.write_str("direct")?,
        }
        match &self.reason {
            ProxyReason::NotConfigured => f.write_str(": no proxy is configured for it"),
            ProxyReason::Client if self.proxy.is_some() => f.write_str(", by the client's proxy()"),
            ProxyReason::Client => f.write_str(", by the client's no_proxy()"),
            ProxyReason::Network => f.write_str(", by the settings of its network"),
            ProxyReason::Mount(pattern) => {
                write!(f, ", by the mount '{}'", pattern.escape_debug())
            }
            ProxyReason::Variable(name) if self.proxy.is_some() => write!(f, ", by {name}"),
            ProxyReason::Variable(name) => write!(f, ", as {name} is empty"),
            ProxyReason::NoProxy { variable, entry } => {
                write!(f, ", by '{}' in {variable}", entry.escape_debug())
            }
            ProxyReason::Transport => f.write_str(", by a transport of the user's"),
        }
    }
}
