//! The fast path: an http(s) URL that is already in serialised form, but for its last slash perhaps.
//!
//! It copies or gives up. What it takes must come out as the parser would write it; a test compares
//! them over every URL at hand.

use std::net::Ipv4Addr;

use crate::host::HostKind;
use crate::percent::Set;
use crate::record::{NONE, Url};
use crate::{ip, scheme::Scheme};

pub(crate) fn parse(input: &str) -> Option<Url> {
    let bytes = input.as_bytes();
    let (scheme, scheme_end) = if bytes.starts_with(b"https://") {
        (Scheme::Https, 5)
    } else if bytes.starts_with(b"http://") {
        (Scheme::Http, 4)
    } else {
        return None;
    };
    let host_start = scheme_end + 3;
    let host_end = Set::HOST_STOP.find(bytes, host_start);
    let host = input.get(host_start..host_end)?;
    let host_kind = match host {
        "" => return None,
        // `from_str` takes the serialised form only.
        _ if ip::ends_in_number(host) => {
            host.parse::<Ipv4Addr>().ok()?;
            HostKind::Ipv4
        }
        _ => HostKind::Domain,
    };
    let (port, authority_end) = match bytes.get(host_end) {
        Some(b':') => port(bytes, host_end + 1, scheme)?,
        _ => (None, host_end),
    };
    let has_path = match bytes.get(authority_end) {
        Some(b'/') => true,
        None | Some(b'?' | b'#') => false,
        Some(_) => return None,
    };
    let path_end = if has_path {
        end_of_path(bytes, authority_end)?
    } else {
        authority_end
    };
    // A path that is missing is written as `/`: all behind it moves by one.
    let shift = usize::from(!has_path);
    let (mut query_start, mut fragment_start) = (NONE, NONE);
    let mut end = path_end;
    if bytes.get(end) == Some(&b'?') {
        query_start = (end + shift) as u32;
        end = Set::SPECIAL_QUERY.find(bytes, end + 1);
    }
    if bytes.get(end) == Some(&b'#') {
        fragment_start = (end + shift) as u32;
        end = Set::FRAGMENT.find(bytes, end + 1);
    }
    if end < bytes.len() || bytes.len() + shift > Url::MAX_LEN {
        return None;
    }
    let mut href = String::with_capacity(bytes.len() + shift);
    if has_path {
        href.push_str(input);
    } else {
        href.push_str(input.get(..authority_end)?);
        href.push('/');
        href.push_str(input.get(authority_end..)?);
    }
    // The scheme's colon and two slashes, then no credentials: user name and host start at once.
    Some(Url {
        href,
        scheme_end: scheme_end as u32,
        username_end: host_start as u32,
        host_start: host_start as u32,
        host_end: host_end as u32,
        path_start: authority_end as u32,
        query_start,
        fragment_start,
        port,
        scheme,
        host_kind,
    })
}

/// A port without leading zeros that is not the default, and where it ends.
fn port(bytes: &[u8], start: usize, scheme: Scheme) -> Option<(Option<u16>, usize)> {
    let tail = bytes.get(start..)?;
    let len = tail
        .iter()
        .position(|b| !b.is_ascii_digit())
        .unwrap_or(tail.len());
    let digits = tail.get(..len)?;
    if !(1..=5).contains(&len) || digits.first() == Some(&b'0') {
        return None;
    }
    let number = digits
        .iter()
        .fold(0, |number, digit| number * 10 + u32::from(digit - b'0'));
    let port = u16::try_from(number).ok()?;
    (scheme.default_port() != Some(port)).then_some((Some(port), start + len))
}

/// The end of a path that has nothing to encode, no backslash and no segment that may be dots.
fn end_of_path(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    loop {
        at = Set::PATH_STOP.find(bytes, at);
        match bytes.get(at..).unwrap_or_default() {
            [] | [b'?' | b'#', ..] => return Some(at),
            // A dot segment starts with a dot, behind a slash; anything else behind it is a name.
            [b'.', rest @ ..] => {
                let is_first = bytes.get(at.wrapping_sub(1)) == Some(&b'/');
                let is_alone = matches!(rest, [] | [b'/' | b'.' | b'%' | b'?' | b'#' | b'\\', ..]);
                if is_first && is_alone {
                    return None;
                }
            }
            [b'%', rest @ ..] => {
                let is_first = bytes.get(at.wrapping_sub(1)) == Some(&b'/');
                if is_first && matches!(rest, [b'2', b'e' | b'E', ..]) {
                    return None;
                }
            }
            _ => return None,
        }
        at += 1;
    }
}
