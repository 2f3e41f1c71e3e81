//! What makes two connections interchangeable.

use std::borrow::Cow;

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
    /// Stands for everything else: TLS configuration, route, local address, runtime. Whoever
    /// configures the client gives equal numbers to equal settings and to nothing else.
    pub context: u64,
}

impl PoolKey<'_> {
    /// A key that borrows nothing.
    pub fn into_owned(self) -> PoolKey<'static> {
        PoolKey {
            scheme: Cow::Owned(self.scheme.into_owned()),
            host: Cow::Owned(self.host.into_owned()),
            port: self.port,
            context: self.context,
        }
    }
}
