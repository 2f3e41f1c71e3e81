//! What can be dialled.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

/// Where a connection leads, as a socket is told: an IP address and a port, or a Unix domain socket.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Address {
    /// Over TCP.
    Tcp(SocketAddr),
    /// The Unix domain socket at this path. Where there are none, dialling it is
    /// [`std::io::ErrorKind::Unsupported`].
    Unix(Arc<Path>),
}

impl Address {
    /// The IP address and port, where it is one.
    pub fn tcp(&self) -> Option<SocketAddr> {
        match self {
            Address::Tcp(address) => Some(*address),
            Address::Unix(_) => None,
        }
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Address::Tcp(address)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp(address) => address.fmt(f),
            // Debug escapes what would break the line.
            Address::Unix(path) => write!(f, "unix:{path:?}"),
        }
    }
}
