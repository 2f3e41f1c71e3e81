//! The fast path: an http(s) URL that is already in serialised form, but for its last slash perhaps.
//!
//! It copies or gives up. What it takes must come out as the parser would write it; a test compares
//! them over every URL at hand.

use crate::host::{self, HostKind};
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
    let host_end = end_of_host(bytes, host_start);
    let host = input.get(host_start..host_end)?;
    if host.is_empty() || ip::ends_in_number(host) {
        return None;
    }
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
        host_kind: HostKind::Domain,
    })
}

fn end_of_host(bytes: &[u8], start: usize) -> usize {
    let tail = bytes.get(start..).unwrap_or_default();
    start
        + tail
            .iter()
            .position(|b| !host::is_plain(*b))
            .unwrap_or(tail.len())
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
        match bytes.get(at) {
            Some(b'/') => match (bytes.get(at + 1), bytes.get(at + 2)) {
                (Some(b'.'), _) | (Some(b'%'), Some(b'2')) => return None,
                _ => {}
            },
            None | Some(b'?' | b'#') => return Some(at),
            Some(_) => return None,
        }
        at = end_of_segment(bytes, at + 1);
    }
}

fn end_of_segment(bytes: &[u8], start: usize) -> usize {
    let tail = bytes.get(start..).unwrap_or_default();
    let is_end = |b: &u8| Set::PATH.contains(*b) || matches!(b, b'/' | b'\\');
    start + tail.iter().position(is_end).unwrap_or(tail.len())
}
