//! SOCKS5 (RFC 1928), with user and password (RFC 1929).

use super::{ProxyError, ProxyProtocol, Socks5, SocksHost};
use crate::buffer::{Input, Transmit};
use std::net::IpAddr;

const VERSION: u8 = 5;
/// The version of the negotiation about credentials.
const AUTH_VERSION: u8 = 1;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

#[derive(Debug)]
pub(super) struct Negotiation {
    socks: Socks5,
    awaits: Awaits,
}

/// Which answer is due.
#[derive(Debug)]
enum Awaits {
    /// To the methods that were offered.
    Method,
    /// To user and password.
    Auth,
    /// To the request to connect.
    Reply,
}

impl Negotiation {
    /// Offers the one method.
    pub(super) fn new(socks: Socks5, out: &mut Transmit) -> Self {
        let negotiation = Negotiation {
            socks,
            awaits: Awaits::Method,
        };
        let method = negotiation.method();
        out.scratch(|out| out.extend_from_slice(&[VERSION, 1, method]));
        negotiation
    }

    fn method(&self) -> u8 {
        if self.socks.auth.is_some() { 2 } else { 0 }
    }

    /// Whether the proxy has connected; what is left of `input` then came through it.
    pub(super) fn advance(
        &mut self,
        input: &mut Input,
        out: &mut Transmit,
    ) -> Result<bool, ProxyError> {
        loop {
            let read = match self.awaits {
                Awaits::Method => method(input.bytes(), self.method())?,
                Awaits::Auth => auth(input.bytes())?,
                Awaits::Reply => reply(input.bytes())?,
            };
            let Some(used) = read else { return Ok(false) };
            input.consume(used);
            match (&self.awaits, &self.socks.auth) {
                (Awaits::Method, Some(auth)) => {
                    out.scratch(|out| {
                        out.push(AUTH_VERSION);
                        push_text(&auth.user, out);
                        push_text(&auth.password, out);
                    });
                    self.awaits = Awaits::Auth;
                }
                (Awaits::Method | Awaits::Auth, _) => {
                    out.scratch(|out| request(&self.socks, out));
                    self.awaits = Awaits::Reply;
                }
                (Awaits::Reply, _) => return Ok(true),
            }
        }
    }
}

/// A byte for the length, and the text; `check` has seen to it that the length fits.
fn push_text(text: &[u8], out: &mut Vec<u8>) {
    let text = text.get(..usize::from(u8::MAX)).unwrap_or(text);
    out.push(text.len() as u8);
    out.extend_from_slice(text);
}

fn request(socks: &Socks5, out: &mut Vec<u8>) {
    out.extend_from_slice(&[VERSION, CONNECT, 0]);
    match &socks.host {
        SocksHost::Name(name) => {
            out.push(NAME);
            push_text(name.as_bytes(), out);
        }
        SocksHost::Ip(IpAddr::V4(ip)) => {
            out.push(IPV4);
            out.extend_from_slice(&ip.octets());
        }
        SocksHost::Ip(IpAddr::V6(ip)) => {
            out.push(IPV6);
            out.extend_from_slice(&ip.octets());
        }
    }
    out.extend_from_slice(&socks.port.to_be_bytes());
}

/// How many bytes the answer has, once it is here and is the right one. Each byte is judged as soon as
/// it is here: something else than a SOCKS server may never send another.
fn method(input: &[u8], offered: u8) -> Result<Option<usize>, ProxyError> {
    expect(input.first(), VERSION)?;
    match input.get(1) {
        None => Ok(None),
        Some(&chosen) if chosen == offered => Ok(Some(2)),
        Some(&chosen) => Err(ProxyError::Method { offered, chosen }),
    }
}

fn auth(input: &[u8]) -> Result<Option<usize>, ProxyError> {
    expect(input.first(), AUTH_VERSION)?;
    match input.get(1) {
        None => Ok(None),
        Some(0) => Ok(Some(2)),
        Some(_) => Err(ProxyError::Credentials),
    }
}

fn reply(input: &[u8]) -> Result<Option<usize>, ProxyError> {
    expect(input.first(), VERSION)?;
    match input.get(1) {
        None => return Ok(None),
        Some(0) => {}
        Some(&code) => return Err(ProxyError::Socks5(code)),
    }
    // The third byte is reserved; then comes the address that the proxy uses, which tells us nothing.
    let address = match (input.get(3), input.get(4)) {
        (None, _) => return Ok(None),
        (Some(&IPV4), _) => 4,
        (Some(&IPV6), _) => 16,
        (Some(&NAME), None) => return Ok(None),
        (Some(&NAME), Some(&length)) => 1 + usize::from(length),
        (Some(&other), _) => return Err(not_socks(other)),
    };
    let whole = 4 + address + 2;
    Ok((input.len() >= whole).then_some(whole))
}

fn expect(byte: Option<&u8>, expected: u8) -> Result<(), ProxyError> {
    match byte {
        Some(&byte) if byte != expected => Err(not_socks(byte)),
        _ => Ok(()),
    }
}

fn not_socks(byte: u8) -> ProxyError {
    ProxyError::NotSocks {
        protocol: ProxyProtocol::Socks5,
        byte,
    }
}
