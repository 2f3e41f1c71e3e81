//! SOCKS4, and SOCKS4a where the host is a name.
//!
//! Neither is an RFC: "SOCKS: A protocol for TCP proxy across firewalls" by Ying-Da Lee, and his
//! extension for names.

use super::{ProxyError, ProxyProtocol, Socks4, SocksHost};
use crate::buffer::{Input, Transmit};
use std::net::IpAddr;

const VERSION: u8 = 4;
const CONNECT: u8 = 1;
/// Version, code, port and address.
const REPLY: usize = 8;
const GRANTED: u8 = 90;
/// An address that cannot be: a name follows.
const NAME_FOLLOWS: [u8; 4] = [0, 0, 0, 1];

/// Asks. `check` has seen to it that no text has a NUL and that the address is one of four bytes.
pub(super) fn ask(socks: &Socks4, out: &mut Transmit) {
    out.scratch(|out| {
        out.extend_from_slice(&[VERSION, CONNECT]);
        out.extend_from_slice(&socks.port.to_be_bytes());
        out.extend_from_slice(&match socks.host {
            SocksHost::Ip(IpAddr::V4(ip)) => ip.octets(),
            SocksHost::Ip(IpAddr::V6(_)) | SocksHost::Name(_) => NAME_FOLLOWS,
        });
        out.extend_from_slice(&socks.user);
        out.push(0);
        if let SocksHost::Name(name) = &socks.host {
            out.extend_from_slice(name.as_bytes());
            out.push(0);
        }
    });
}

/// Whether the proxy has connected; what is left of `input` then came through it.
pub(super) fn advance(input: &mut Input) -> Result<bool, ProxyError> {
    let reply = input.bytes();
    match (reply.first(), reply.get(1)) {
        // The version of the answer is 0 (not 4).
        (Some(&byte), _) if byte != 0 => Err(ProxyError::NotSocks {
            protocol: ProxyProtocol::Socks4,
            byte,
        }),
        (_, Some(&code)) if code != GRANTED => Err(ProxyError::Socks4(code)),
        _ if reply.len() < REPLY => Ok(false),
        _ => {
            input.consume(REPLY);
            Ok(true)
        }
    }
}
