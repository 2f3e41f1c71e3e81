//! What makes two connections interchangeable.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// The whole of what a connection's identity depends on (SECURITY K6): two requests may share
/// connections exactly when their keys are equal, byte by byte.
///
/// Built per request from borrowed parts; the pool keeps an owned one per origin.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// Whether HTTP/2 is spoken if the peer likes. What was not offered it is no use to who may share.
    pub http2: bool,
    /// What is between here and the origin, and whose name the origin has to prove if it is not the
    /// host's; none where nothing is and it is.
    pub route: Option<Arc<RouteId>>,
}

/// Names what stands between a client and an origin, a proxy with its credentials for instance, and
/// what the origin has to prove: equal for what is interchangeable, and for nothing else. It is
/// compared and never shown.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RouteId {
    through: Option<Box<[u8]>>,
    server_name: Option<Box<str>>,
}

impl RouteId {
    /// The one that these bytes name: all that matters, or a cryptographic hash of it.
    pub fn new(bytes: &[u8]) -> Self {
        RouteId {
            through: Some(bytes.into()),
            server_name: None,
        }
    }

    /// The way of `through`, or the direct one, to a server that has to prove to be `name`, whatever
    /// the host is (SECURITY K8).
    pub fn with_server_name(through: Option<&RouteId>, name: &str) -> Self {
        RouteId {
            through: through.and_then(|it| it.through.clone()),
            server_name: Some(name.into()),
        }
    }
}

impl fmt::Debug for RouteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RouteId([hidden])")
    }
}

/// As derived, but that what is small goes in together: each write costs the hasher more than its bytes.
impl Hash for PoolKey<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.scheme.hash(state);
        self.host.hash(state);
        state.write_u64(self.context);
        let (http2, route) = (u32::from(self.http2), u32::from(self.route.is_some()));
        state.write_u32(u32::from(self.port) << 2 | http2 << 1 | route);
        if let Some(route) = &self.route {
            route.hash(state);
        }
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
            http2: self.http2,
            route: self.route,
        }
    }
}
