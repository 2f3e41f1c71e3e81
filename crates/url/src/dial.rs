//! What may be connected to.

use crate::error::DialError;
use crate::host::Host;
use crate::idna;
use crate::ip;
use crate::record::Url;

/// Where to connect: see [`Url::dialable`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint<'a> {
    /// A domain or an address; never opaque, never empty.
    pub host: Host<'a>,
    /// Never 0.
    pub port: u16,
}

impl Url {
    /// The host and port to connect to, if they can be connected to at all.
    ///
    /// The URL Standard lets more through than a client should dial: `xn--` labels that decode to
    /// nothing (an ASCII domain never fails there), port 0, a URL without a host. Scheme and proxy
    /// are the caller's to judge. The opaque host of another scheme (`socks5://127.0.0.1:1080`) is
    /// taken for a domain or an IPv4 address where it reads as one.
    ///
    /// # Errors
    ///
    /// [`DialError`] says what stands against it.
    pub fn dialable(&self) -> Result<Endpoint<'_>, DialError> {
        let host = match self.host() {
            Host::Empty => return Err(DialError::EmptyHost),
            Host::Opaque(text) => opaque(text)?,
            host => host,
        };
        if let Host::Domain(domain) = host {
            if domain.bytes().all(|b| b == b'.') {
                return Err(DialError::EmptyHost);
            }
            if !idna::is_valid_punycode(domain) {
                return Err(DialError::InvalidPunycode);
            }
        }
        match self.port_or_default() {
            None => Err(DialError::NoPort),
            Some(0) => Err(DialError::PortZero),
            Some(port) => Ok(Endpoint { host, port }),
        }
    }
}

/// Opaque hosts are percent-encoded and may hold anything: take only what is plain.
fn opaque(text: &str) -> Result<Host<'_>, DialError> {
    if text.contains('%') {
        return Err(DialError::InvalidHost);
    }
    if ip::ends_in_number(text) {
        return ip::parse_ipv4(text)
            .map(Host::Ipv4)
            .ok_or(DialError::InvalidHost);
    }
    Ok(Host::Domain(text))
}
