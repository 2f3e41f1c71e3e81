//! Who is at the other end of a connection.

use std::net::SocketAddr;

/// Who is at the other end of a connection, the same for all its responses.
#[derive(Clone, Debug, Default)]
pub(crate) struct Peer {
    pub(crate) address: Option<SocketAddr>,
    /// What was agreed on with the server, where it is TLS.
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<crate::TlsInfo>,
}

impl Peer {
    /// Whoever answered at `address`.
    pub(crate) fn at(address: Option<SocketAddr>) -> Self {
        Peer {
            address,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }
}
