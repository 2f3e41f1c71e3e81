//! [`ProxyError`]: what kept a proxy from connecting on.

use super::ProxyProtocol;
use nuncio_headers::Headers;
use nuncio_http1::{Reason, RemoteError};
use std::fmt;
use std::net::IpAddr;

/// Why a connection could not be made through a proxy.
///
/// Nothing of a request was sent when it is told. One line each; no credentials, no header values.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyError {
    /// An HTTP proxy answered CONNECT with another status than 2xx. Its answer is not the
    /// origin's: it is not followed, and nothing of it is stored (SECURITY X4).
    Status(Box<ProxyAnswer>),
    /// What an HTTP proxy answered is not HTTP/1.1, or too much of it.
    Http(RemoteError),
    /// What answered does not speak that version of SOCKS.
    NotSocks {
        /// Which was spoken.
        protocol: ProxyProtocol,
        /// The byte that cannot stand where it stood.
        byte: u8,
    },
    /// A SOCKS5 proxy chose a method that was not offered, or none.
    Method {
        /// The method that was offered (RFC 1928 section 3).
        offered: u8,
        /// The one that was chosen; 255 says that none is acceptable.
        chosen: u8,
    },
    /// A SOCKS5 proxy did not accept the credentials (RFC 1929 section 2).
    Credentials,
    /// A SOCKS5 proxy could not connect, or would not; the code is RFC 1928's (section 6).
    Socks5(u8),
    /// A SOCKS4 proxy could not connect, or would not; the code is 91, 92 or 93, or one of no meaning.
    Socks4(u8),
    /// The connection ended before the proxy had answered whole.
    Closed,
    /// Bytes came through the proxy before any were sent, when it is ours to begin (SECURITY X5).
    EarlyData,
    /// A host name that SOCKS cannot carry: it has 1 to 255 bytes (SECURITY X10). Nothing was sent.
    NameLength(usize),
    /// A user's name or a password of more than 255 bytes. Nothing was sent.
    CredentialsTooLong,
    /// A SOCKS5 user without a name. Nothing was sent.
    NoUser,
    /// A NUL in a name or an id, which would end it early in SOCKS4. Nothing was sent.
    Nul,
    /// An address that SOCKS4 cannot carry: IPv6, or 0.0.0.x. Nothing was sent.
    Address(IpAddr),
}

/// How an HTTP proxy refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyAnswer {
    /// The status, neither 1xx nor 2xx.
    pub status: u16,
    /// The reason phrase; often empty.
    pub reason: Reason,
    /// The fields, Proxy-Authenticate perhaps among them.
    pub headers: Headers,
}

/// So many bytes of a reason phrase are shown.
const SHOWN: usize = 64;

impl ProxyError {
    /// What an HTTP proxy's misbehaviour comes to; that it went away is told alike of all proxies.
    pub(super) fn http(error: RemoteError) -> Self {
        match error {
            RemoteError::Disconnected { .. } | RemoteError::IncompleteHead { .. } => Self::Closed,
            error => Self::Http(error),
        }
    }
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(answer) => {
                answer.status.fmt(f)?;
                let reason = answer.reason.as_bytes();
                let shown = reason.get(..SHOWN).unwrap_or(reason);
                let space = if shown.is_empty() { "" } else { " " };
                write!(f, "{space}{}", shown.escape_ascii())
            }
            Self::Http(error) => write!(f, "answer to CONNECT: {error}"),
            Self::NotSocks { protocol, byte } => {
                let byte = byte.escape_ascii();
                write!(f, "answer is not {protocol}: unexpected byte '{byte}'")
            }
            Self::Method { offered, chosen } => write!(
                f,
                "Requested {} from proxy server, but got {}.",
                Method(*offered),
                Method(*chosen)
            ),
            Self::Credentials => f.write_str("Invalid username/password"),
            Self::Socks5(code) => write!(f, "Proxy Server could not connect: {}.", socks5(*code)),
            Self::Socks4(code) => write!(f, "Proxy Server could not connect: {}.", socks4(*code)),
            Self::Closed => f.write_str("the proxy closed the connection before it had answered"),
            Self::EarlyData => {
                f.write_str("data came through the proxy before anything was sent through it")
            }
            Self::NameLength(length) => {
                write!(
                    f,
                    "SOCKS carries host names of 1 to 255 bytes, not {length}"
                )
            }
            Self::CredentialsTooLong => {
                f.write_str("SOCKS carries users and passwords of at most 255 bytes")
            }
            Self::NoUser => f.write_str("SOCKS5 carries no empty user name"),
            Self::Nul => f.write_str("SOCKS4 carries no NUL in a user or a host name"),
            Self::Address(ip) => write!(f, "SOCKS4 cannot carry the address {ip}"),
        }
    }
}

impl std::error::Error for ProxyError {}

/// A method's name (RFC 1928 section 3).
struct Method(u8);

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("NO AUTHENTICATION REQUIRED"),
            1 => f.write_str("GSSAPI"),
            2 => f.write_str("USERNAME/PASSWORD"),
            255 => f.write_str("NO ACCEPTABLE METHODS"),
            other => write!(f, "METHOD {other}"),
        }
    }
}

fn socks5(code: u8) -> &'static str {
    match code {
        1 => "General SOCKS server failure",
        2 => "Connection not allowed by ruleset",
        3 => "Network unreachable",
        4 => "Host unreachable",
        5 => "Connection refused",
        6 => "TTL expired",
        7 => "Command not supported",
        8 => "Address type not supported",
        _ => "Unknown reply",
    }
}

fn socks4(code: u8) -> &'static str {
    match code {
        91 => "Request rejected or failed",
        92 => "Client's identd could not be reached",
        93 => "Client's identd reports another user",
        _ => "Unknown reply",
    }
}
