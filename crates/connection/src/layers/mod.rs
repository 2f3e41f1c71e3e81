//! What stands between the socket and what is spoken: TLS sessions, and proxies on the way.
//!
//! [`Link`] moves the bytes through the sessions that stand; [`Handshake`] sets up the layers one
//! after the other, and each proxy's part in that has a file of its own.

mod error;
mod handshake;
mod http_connect;
mod link;
#[cfg(feature = "tls")]
mod session;
mod socks4;
mod socks5;

pub use error::{ProxyAnswer, ProxyError};
pub(crate) use handshake::{Handshake, Step};
pub(crate) use link::Link;

use crate::error::Error;
use nuncio_headers::Headers;
use nuncio_http1::{BodySize, check_request};
use std::fmt;
use std::net::IpAddr;

#[cfg(feature = "tls")]
use crate::tls::TlsParams;

/// What is dialled through, outermost first: to an `https` origin by an `https` proxy it is TLS to the
/// proxy, `HttpConnect`, TLS to the origin.
///
/// All that a proxy is asked for is that the bytes of the next layer reach whom it was told. Nothing
/// that is said to it goes inside, and nothing that it says while it is asked is taken for an
/// answer of the origin's (SECURITY X1, X4, X5).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Layer {
    /// TLS with whoever answers there.
    #[cfg(feature = "tls")]
    Tls(TlsParams),
    /// An HTTP proxy is asked to connect on (RFC 9110 section 9.3.6).
    HttpConnect(HttpConnect),
    /// A SOCKS5 proxy is asked to connect on (RFC 1928, RFC 1929).
    Socks5(Socks5),
    /// A SOCKS4 proxy is asked to connect on; one of SOCKS4a, where the host is a name.
    Socks4(Socks4),
}

/// What an HTTP proxy is told.
///
/// A 2xx is its consent, whatever the fields of that head say of a body. Interim answers are passed over,
/// 16 at most; everything else is a [`ProxyError`]. All heads together may have 16 KiB. The body of a
/// refusal is not read.
#[derive(Clone, Debug)]
pub struct HttpConnect {
    /// The request target, `host:port`; an IPv6 address in brackets.
    pub authority: String,
    /// The fields, sent as they are given and in their order. `Host` has to be among them;
    /// nothing that is meant for the origin may be.
    pub headers: Headers,
}

/// What a SOCKS5 proxy is told.
#[derive(Clone, Debug)]
pub struct Socks5 {
    /// Where to connect to; a name of 1 to 255 bytes, which the proxy looks up.
    pub host: SocksHost,
    /// The port there.
    pub port: u16,
    /// The one method that is offered: with credentials it is RFC 1929's, without it is none.
    pub auth: Option<SocksAuth>,
}

/// What a SOCKS4 proxy is told.
#[derive(Clone)]
pub struct Socks4 {
    /// Where to connect to. A name, of 1 to 255 bytes, makes it SOCKS4a: the proxy looks it up. IPv6
    /// cannot be said.
    pub host: SocksHost,
    /// The port there.
    pub port: u16,
    /// The user's id, of at most 255 bytes and without NUL; often empty.
    pub user: Vec<u8>,
}

/// Where a SOCKS proxy is to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SocksHost {
    /// A name, for the proxy to look up.
    Name(String),
    /// An address.
    Ip(IpAddr),
}

/// Credentials for a SOCKS5 proxy, which get them in clear (RFC 1929).
#[derive(Clone, PartialEq, Eq)]
pub struct SocksAuth {
    /// 1 to 255 bytes.
    pub user: Vec<u8>,
    /// At most 255 bytes. RFC 1929 wants one at least; empty ones are in use.
    pub password: Vec<u8>,
}

/// How a proxy is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyProtocol {
    /// HTTP's CONNECT.
    Http,
    /// SOCKS4 or SOCKS4a.
    Socks4,
    /// SOCKS5.
    Socks5,
}

/// The most bytes that a name or a credential may have: SOCKS5 has one byte for its length.
const MAX_SOCKS_TEXT: usize = 255;

impl Layer {
    /// Whether it can be set up at all: asked of every layer before the first byte is sent.
    pub(crate) fn check(&self) -> Result<(), Error> {
        match self {
            #[cfg(feature = "tls")]
            Layer::Tls(params) => params.name().map(drop).map_err(Error::Tls),
            Layer::HttpConnect(connect) => connect.check(),
            Layer::Socks5(socks) => socks.check().map_err(Error::Proxy),
            Layer::Socks4(socks) => socks.check().map_err(Error::Proxy),
        }
    }
}

impl HttpConnect {
    fn check(&self) -> Result<(), Error> {
        check_request("CONNECT", &self.authority, &self.headers, BodySize::Empty)?;
        Ok(())
    }
}

impl Socks5 {
    fn check(&self) -> Result<(), ProxyError> {
        self.host.check()?;
        match &self.auth {
            Some(auth) if auth.user.is_empty() => Err(ProxyError::NoUser),
            Some(auth) => {
                check_credential(&auth.user)?;
                check_credential(&auth.password)
            }
            None => Ok(()),
        }
    }

    fn target(&self) -> String {
        self.host.with_port(self.port)
    }
}

impl Socks4 {
    fn check(&self) -> Result<(), ProxyError> {
        self.host.check()?;
        check_credential(&self.user)?;
        match &self.host {
            _ if self.user.contains(&0) => Err(ProxyError::Nul),
            SocksHost::Name(name) if name.as_bytes().contains(&0) => Err(ProxyError::Nul),
            // 0.0.0.x stands for "a name follows".
            SocksHost::Ip(IpAddr::V4(ip)) if ip.octets().starts_with(&[0, 0, 0]) => {
                Err(ProxyError::Address(IpAddr::V4(*ip)))
            }
            SocksHost::Ip(IpAddr::V6(ip)) => Err(ProxyError::Address(IpAddr::V6(*ip))),
            _ => Ok(()),
        }
    }

    fn target(&self) -> String {
        self.host.with_port(self.port)
    }
}

impl SocksHost {
    /// A name that is too long is never looked up here instead (SECURITY X10).
    fn check(&self) -> Result<(), ProxyError> {
        match self {
            SocksHost::Name(name) if !(1..=MAX_SOCKS_TEXT).contains(&name.len()) => {
                Err(ProxyError::NameLength(name.len()))
            }
            _ => Ok(()),
        }
    }

    fn with_port(&self, port: u16) -> String {
        match self {
            SocksHost::Name(name) => format!("{name}:{port}"),
            SocksHost::Ip(ip) => std::net::SocketAddr::new(*ip, port).to_string(),
        }
    }
}

fn check_credential(text: &[u8]) -> Result<(), ProxyError> {
    match text.len() {
        0..=MAX_SOCKS_TEXT => Ok(()),
        _ => Err(ProxyError::CredentialsTooLong),
    }
}

impl fmt::Debug for SocksAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SocksAuth([secure])")
    }
}

impl fmt::Debug for Socks4 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Socks4 { host, port, user } = self;
        let user = if user.is_empty() { "" } else { "[secure]" };
        f.debug_struct("Socks4")
            .field("host", host)
            .field("port", port)
            .field("user", &user)
            .finish()
    }
}

impl fmt::Display for ProxyProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ProxyProtocol::Http => "HTTP",
            ProxyProtocol::Socks4 => "SOCKS4",
            ProxyProtocol::Socks5 => "SOCKS5",
        })
    }
}
