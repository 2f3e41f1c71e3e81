//! What makes two connections interchangeable.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// The whole of what a connection's identity depends on (SECURITY K6): two requests may share
/// connections exactly when their keys are equal, byte by byte.
///
/// Built per request from borrowed parts; the pool keeps an owned one per origin.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PoolKey<'a> {
    /// The scheme, lower-case.
    pub scheme: Cow<'a, str>,
    /// The host as the URL record has it: lower-case, IDNA applied, IPv6 in brackets.
    pub host: Cow<'a, str>,
    /// The port, default ones filled in.
    pub port: u16,
    /// Stands for everything else: TLS configuration, local address, runtime. Whoever
    /// configures the client gives equal numbers to equal settings and to nothing else.
    pub context: u64,
    /// What is between here and the origin; none where nothing is.
    pub route: Option<Arc<RouteId>>,
}

/// Names what stands between a client and an origin, a proxy with its credentials for instance: equal
/// for what is interchangeable, and for nothing else. It is compared and never shown.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RouteId(Box<[u8]>);

impl RouteId {
    /// The one that these bytes name: all that matters, or a cryptographic hash of it.
    pub fn new(bytes: &[u8]) -> Self {
        RouteId(bytes.into())
    }
}

impl fmt::Debug for RouteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RouteId([hidden])")
    }
}

impl PoolKey<'_> {
    /// A key that borrows nothing.
    pub fn into_owned(self) -> PoolKey<'static> {
        PoolKey {
            scheme: Cow::Owned(self.scheme.into_owned()),
            host: Cow::Owned(self.host.into_owned()),
            port: self.port,
            context: self.context,
            route: self.route,
        }
    }
}
