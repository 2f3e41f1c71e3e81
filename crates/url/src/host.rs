//! Hosts: the typed view and the standard's host parser.

use std::borrow::Cow;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::error::ParseError;
use crate::percent::{self, Set};
use crate::scheme::Scheme;
use crate::{idna, ip};

/// The host of a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Host<'a> {
    /// A domain in lower-case ASCII, `xn--` labels where it is international. It may have a trailing
    /// dot, and labels that no name server would take.
    Domain(&'a str),
    /// An IPv4 address, in whichever of its spellings it was written.
    Ipv4(Ipv4Addr),
    /// An IPv6 address.
    Ipv6(Ipv6Addr),
    /// The host of a URL whose scheme is not special: percent-encoded text, not a domain.
    Opaque(&'a str),
    /// No host, or an empty one (`file:///`).
    Empty,
}

/// As in a URL: an IPv6 address in brackets.
impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Domain(text) | Self::Opaque(text) => f.write_str(text),
            Self::Ipv4(address) => write!(f, "{address}"),
            Self::Ipv6(address) => {
                let mut text = String::new();
                ip::push_ipv6(&mut text, *address);
                f.write_str(&text)
            }
            Self::Empty => Ok(()),
        }
    }
}

impl<'a> Host<'a> {
    pub(crate) fn of(text: &'a str, kind: HostKind) -> Self {
        match kind {
            HostKind::None | HostKind::Empty => Self::Empty,
            HostKind::Domain => Self::Domain(text),
            HostKind::Opaque => Self::Opaque(text),
            HostKind::Ipv4 => text.parse().map_or(Self::Domain(text), Self::Ipv4),
            HostKind::Ipv6 => {
                ip::parse_ipv6_in_brackets(text).map_or(Self::Opaque(text), Self::Ipv6)
            }
        }
    }
}

/// What the record keeps about its host; the value itself is in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HostKind {
    /// No `//`.
    None,
    Empty,
    Domain,
    Ipv4,
    Ipv6,
    Opaque,
}

impl HostKind {
    /// Whether `text` can be a host of this kind under `scheme`.
    pub(crate) fn fits(self, text: &str, scheme: Scheme) -> bool {
        match self {
            Self::None => text.is_empty() && !scheme.is_special(),
            Self::Empty => text.is_empty() && matches!(scheme, Scheme::File | Scheme::Other),
            Self::Domain => {
                scheme.is_special()
                    && !text.is_empty()
                    && check_domain(text).is_ok()
                    && !text.bytes().any(|b| b.is_ascii_uppercase())
                    && !ip::ends_in_number(text)
            }
            Self::Ipv4 => scheme.is_special() && text.parse::<Ipv4Addr>().is_ok(),
            Self::Ipv6 => ip::parse_ipv6_in_brackets(text).is_some_and(|address| {
                let mut again = String::new();
                ip::push_ipv6(&mut again, address);
                again == text
            }),
            Self::Opaque => {
                scheme == Scheme::Other
                    && !text.is_empty()
                    && text
                        .bytes()
                        .all(|b| !is_forbidden(b) && !Set::C0_CONTROL.contains(b))
            }
        }
    }
}

/// The host parser of the standard (section 3.5). Appends the serialised host to `out`. `text` is not
/// empty.
pub(crate) fn parse_into(
    out: &mut String,
    text: &str,
    scheme: Scheme,
) -> Result<HostKind, ParseError> {
    if text.starts_with('[') {
        let address = ip::parse_ipv6_in_brackets(text).ok_or(ParseError::InvalidIpv6)?;
        ip::push_ipv6(out, address);
        return Ok(HostKind::Ipv6);
    }
    if !scheme.is_special() {
        if let Some(byte) = text.bytes().find(|b| is_forbidden(*b)) {
            return Err(ParseError::ForbiddenHostCharacter(char::from(byte)));
        }
        percent::encode_into(out, text, Set::C0_CONTROL);
        return Ok(HostKind::Opaque);
    }
    let start = out.len();
    match percent::decode_bytes(text.as_bytes()) {
        Cow::Borrowed(_) => push_domain(out, text)?,
        Cow::Owned(bytes) => push_domain(out, &percent::utf8_lossy(bytes))?,
    }
    let domain = out.get(start..).unwrap_or_default();
    if !ip::ends_in_number(domain) {
        return Ok(HostKind::Domain);
    }
    let address = ip::parse_ipv4(domain).ok_or(ParseError::InvalidIpv4)?;
    out.truncate(start);
    ip::push_ipv4(out, address);
    Ok(HostKind::Ipv4)
}

/// Domain to ASCII. Since whatwg/url#914 an ASCII domain is only lower-cased: it never fails IDNA.
fn push_domain(out: &mut String, domain: &str) -> Result<(), ParseError> {
    let start = out.len();
    if domain.is_ascii() {
        check_domain(domain)?;
        out.push_str(domain);
        if let Some(written) = out.get_mut(start..) {
            written.make_ascii_lowercase();
        }
    } else {
        let ascii = idna::to_ascii(domain)?;
        if ascii.is_empty() {
            return Err(ParseError::EmptyHost);
        }
        check_domain(&ascii)?;
        out.push_str(&ascii);
    }
    Ok(())
}

/// Forbidden domain code points: the forbidden host code points, C0 controls, `%` and DEL.
fn check_domain(domain: &str) -> Result<(), ParseError> {
    match domain
        .bytes()
        .find(|b| HOST_BYTES[usize::from(*b)] & FORBIDDEN_IN_DOMAIN != 0)
    {
        Some(byte) => Err(ParseError::ForbiddenHostCharacter(char::from(byte))),
        None => Ok(()),
    }
}

/// Forbidden host code points.
fn is_forbidden(byte: u8) -> bool {
    HOST_BYTES[usize::from(byte)] & FORBIDDEN_IN_HOST != 0
}

const FORBIDDEN_IN_HOST: u8 = 1;
const FORBIDDEN_IN_DOMAIN: u8 = 2;

static HOST_BYTES: [u8; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let byte = index as u8;
        let host = matches!(
            byte,
            0 | b'\t' | b'\n' | b'\r' | b' ' | b'#' | b'/' | b':' | b'<' | b'>' | b'?' | b'@'
        ) || matches!(byte, b'[' | b'\\' | b']' | b'^' | b'|');
        let domain = host || byte < 0x20 || byte == b'%' || byte == 0x7F;
        table[index] = host as u8 * FORBIDDEN_IN_HOST + domain as u8 * FORBIDDEN_IN_DOMAIN;
        index += 1;
    }
    table
};
