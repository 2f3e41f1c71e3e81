//! What was agreed on in a handshake.

use super::config::TlsVersion;
use rustls::{ClientConnection, HandshakeKind, ProtocolVersion};
use std::fmt;

/// What TLS was agreed on with a server, and the certificates that it showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsInfo {
    version: TlsVersion,
    cipher_suite: &'static str,
    key_exchange: Option<&'static str>,
    alpn: Option<Box<[u8]>>,
    certificates: Box<[Box<[u8]>]>,
    resumed: bool,
}

impl TlsInfo {
    /// None while the handshake is under way.
    pub(super) fn of(session: &ClientConnection) -> Option<Self> {
        if session.is_handshaking() {
            return None;
        }
        let version = match session.protocol_version()? {
            ProtocolVersion::TLSv1_3 => TlsVersion::Tls13,
            _ => TlsVersion::Tls12,
        };
        let group = session.negotiated_key_exchange_group();
        let certificates = session.peer_certificates().unwrap_or_default();
        Some(TlsInfo {
            version,
            cipher_suite: session
                .negotiated_cipher_suite()
                .and_then(|suite| suite.suite().as_str())
                .unwrap_or("unknown"),
            key_exchange: group.and_then(|group| group.name().as_str()),
            alpn: session.alpn_protocol().map(Box::from),
            certificates: certificates
                .iter()
                .map(|certificate| Box::from(certificate.as_ref()))
                .collect(),
            resumed: session.handshake_kind() == Some(HandshakeKind::Resumed),
        })
    }

    /// The version.
    pub fn version(&self) -> TlsVersion {
        self.version
    }

    /// The cipher suite as the IANA registry names it, e.g. `TLS13_AES_256_GCM_SHA384`.
    pub fn cipher_suite(&self) -> &'static str {
        self.cipher_suite
    }

    /// The group of the key exchange, e.g. `X25519` or, against quantum computers, `X25519MLKEM768`;
    /// none where a session was resumed without one.
    pub fn key_exchange(&self) -> Option<&'static str> {
        self.key_exchange
    }

    /// The protocol that the server picked of those offered (RFC 7301), e.g. `h2`.
    pub fn alpn(&self) -> Option<&[u8]> {
        self.alpn.as_deref()
    }

    /// The server's certificates as DER, its own first and then those that lead to a root.
    pub fn certificates(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.certificates.iter().map(AsRef::as_ref)
    }

    /// Whether an earlier session went on, without showing certificates anew.
    pub fn is_resumed(&self) -> bool {
        self.resumed
    }
}

impl fmt::Display for TlsInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.version, self.cipher_suite)?;
        if let Some(group) = self.key_exchange {
            write!(f, ", {group}")?;
        }
        if self.resumed {
            f.write_str(", resumed")?;
        }
        Ok(())
    }
}
