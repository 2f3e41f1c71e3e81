//! IP addresses as URLs write them: IPv4 in all its spellings, IPv6 in brackets.

use std::net::{Ipv4Addr, Ipv6Addr};

/// "Ends in a number": whether a host must be an IPv4 address or nothing.
pub(crate) fn ends_in_number(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let start = host
        .bytes()
        .rposition(|b| b == b'.')
        .map_or(0, |dot| dot + 1);
    let last = host.get(start..).unwrap_or_default();
    // Cheap and mostly decisive: a number starts with a digit.
    last.bytes().next().is_some_and(|b| b.is_ascii_digit())
        && (last.bytes().all(|b| b.is_ascii_digit()) || parse_number(last).is_some())
}

/// The IPv4 parser: one to four parts in decimal, octal or hexadecimal, the last of which fills the
/// bytes that are left.
pub(crate) fn parse_ipv4(host: &str) -> Option<Ipv4Addr> {
    let host = host.strip_suffix('.').unwrap_or(host);
    let mut address: u64 = 0;
    let mut parts = host.split('.');
    let mut part = parse_number(parts.next()?)?;
    for place in 0..4_u32 {
        let Some(next) = parts.next() else {
            let last_limit = 1_u64 << (8 * (4 - place));
            let value = address + part;
            return (part < last_limit).then(|| Ipv4Addr::from(value as u32));
        };
        if part > 255 {
            return None;
        }
        address += part << (8 * (3 - place));
        part = parse_number(next)?;
    }
    None
}

/// The IPv4 number parser; numbers beyond 32 bits are as good as that many, namely too big.
fn parse_number(text: &str) -> Option<u64> {
    let (digits, radix) = match text.as_bytes() {
        [] => return None,
        [b'0', b'x' | b'X', ..] => (text.get(2..)?, 16),
        [b'0', _, ..] => (text.get(1..)?, 8),
        _ => (text, 10),
    };
    digits.chars().try_fold(0_u64, |value, digit| {
        let digit = digit.to_digit(radix)?;
        Some((value * u64::from(radix) + u64::from(digit)).min(1 << 32))
    })
}

/// An IPv6 address with its brackets. The address grammar of the standard is that of
/// `Ipv6Addr::from_str`: no zone, no leading zeros in an embedded IPv4 address.
pub(crate) fn parse_ipv6_in_brackets(text: &str) -> Option<Ipv6Addr> {
    text.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}

pub(crate) fn push_ipv4(out: &mut String, address: Ipv4Addr) {
    let [a, b, c, d] = address.octets();
    for (index, octet) in [a, b, c, d].into_iter().enumerate() {
        if index > 0 {
            out.push('.');
        }
        push_decimal(out, u16::from(octet));
    }
}

/// Appends a number without leading zeros.
pub(crate) fn push_decimal(out: &mut String, number: u16) {
    let mut started = false;
    for unit in [10_000, 1_000, 100, 10, 1] {
        let digit = number / unit % 10;
        started |= digit > 0 || unit == 1;
        if started {
            out.push(char::from(b'0' + digit as u8));
        }
    }
}

/// The IPv6 serializer, with brackets: like `Display` of `Ipv6Addr`, but for embedded IPv4 addresses,
/// which stay hexadecimal.
pub(crate) fn push_ipv6(out: &mut String, address: Ipv6Addr) {
    let pieces = address.segments();
    let (start, len) = longest_zero_run(&pieces);
    out.push('[');
    for (index, piece) in pieces.into_iter().enumerate() {
        if len > 1 && index >= start && index < start + len {
            if index == start {
                out.push_str(if start == 0 { "::" } else { ":" });
            }
            continue;
        }
        push_hex(out, piece);
        if index < 7 {
            out.push(':');
        }
    }
    out.push(']');
}

fn longest_zero_run(pieces: &[u16; 8]) -> (usize, usize) {
    let mut best = (0, 0);
    let mut len = 0;
    for (index, piece) in pieces.iter().enumerate() {
        len = if *piece == 0 { len + 1 } else { 0 };
        if len > best.1 {
            best = (index + 1 - len, len);
        }
    }
    best
}

fn push_hex(out: &mut String, piece: u16) {
    let mut started = false;
    for shift in [12, 8, 4, 0] {
        let digit = u32::from(piece >> shift & 15);
        started |= digit > 0 || shift == 0;
        if started {
            out.extend(char::from_digit(digit, 16));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_an_ipv4_address_is_that_address() {
        for text in [
            "127.0.0.1",
            "127.1",
            "0x7f.1",
            "0177.0.0.1",
            "2130706433",
            "127.0.1.",
            "0x7f000001",
        ] {
            assert!(ends_in_number(text), "{text}");
            assert_eq!(parse_ipv4(text), Some(Ipv4Addr::LOCALHOST), "{text}");
        }
        for text in [
            "256.1.1.1",
            "1.2.3.09",
            "1.2.3.4.5",
            "1..2",
            "4294967296",
            "1.16777216",
            "99999999999999999999999999",
            "1.0x1g.1",
        ] {
            assert_eq!(parse_ipv4(text), None, "{text}");
        }
        assert_eq!(parse_ipv4("0x.0x.0"), Some(Ipv4Addr::UNSPECIFIED));
        for text in ["example.com", "a.0xg", "1.com", "1a", "x.1-"] {
            assert!(!ends_in_number(text), "{text}");
        }
    }

    #[test]
    fn ipv6_is_written_with_its_first_longest_zero_run_compressed() {
        for (text, written) in [
            ("[::]", "[::]"),
            ("[::1]", "[::1]"),
            ("[1::]", "[1::]"),
            ("[1:0:0:2:0:0:0:3]", "[1:0:0:2::3]"),
            ("[1:0:0:2:3:0:0:4]", "[1::2:3:0:0:4]"),
            ("[1:0:2:3:4:5:6:7]", "[1:0:2:3:4:5:6:7]"),
            ("[::ffff:1.2.3.4]", "[::ffff:102:304]"),
            ("[2001:DB8::A0]", "[2001:db8::a0]"),
        ] {
            let mut out = String::new();
            push_ipv6(&mut out, parse_ipv6_in_brackets(text).expect(text));
            assert_eq!(out, written);
        }
        for text in [
            "[1.2.3.4]",
            "[v1.x]",
            "[::1%25eth0]",
            "[::1",
            "::1]",
            "[]",
            "[::01.2.3.4]",
            "[1:2:3:4:5:6:7:8:9]",
        ] {
            assert_eq!(parse_ipv6_in_brackets(text), None, "{text}");
        }
    }
}
