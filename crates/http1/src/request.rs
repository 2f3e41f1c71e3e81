//! What a request head must be before a byte of it is written, and its bytes.

use nuncio_headers::{Headers, check_name};

use crate::chunked::NOT_IN_TRAILERS;
use crate::error::LocalError;
use crate::framing::{FramingField, parse_length, tokens};
use crate::snippet::Snippet;

/// How long the body of a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodySize {
    /// There is none; the request is complete with its head, and no framing is added.
    Empty,
    /// So many bytes: Content-Length.
    Known(u64),
    /// Not known before it ends: chunks.
    Unknown,
}

/// Checks a request head as [`Http1::send_head`](crate::Http1::send_head) does, and says how long
/// its body will be, whatever its fields and `body` each had to say about that. For the other
/// versions of HTTP, which share these rules and not the bytes.
///
/// # Errors
/// As [`Http1::send_head`](crate::Http1::send_head) for a head that may not be sent.
pub fn check_request(
    method: &str,
    target: &str,
    headers: &Headers,
    body: BodySize,
) -> Result<BodySize, LocalError> {
    Ok(match Plan::new(method, target, headers, body)?.framing {
        RequestFraming::None | RequestFraming::Chunks { empty: true } => BodySize::Empty,
        RequestFraming::Length(length) => BodySize::Known(length),
        RequestFraming::Chunks { empty: false } => BodySize::Unknown,
    })
}

/// Checks the trailer section of a request.
///
/// # Errors
/// [`LocalError::ForbiddenTrailer`] for a field that frames or routes (RFC 9110 section 6.5.1).
pub fn check_trailers(trailers: &Headers) -> Result<(), LocalError> {
    match NOT_IN_TRAILERS
        .into_iter()
        .find(|name| trailers.contains(name))
    {
        Some(name) => Err(LocalError::ForbiddenTrailer(name)),
        None => Ok(()),
    }
}

/// What is known of a request head that may be sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) framing: RequestFraming,
    /// Content-Length or Transfer-Encoding has to be added.
    add_framing: bool,
    pub(crate) asked: Asked,
    /// `Connection: close`.
    pub(crate) close: bool,
}

/// The one framing that a request has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RequestFraming {
    None,
    Length(u64),
    /// `empty`: the last chunk goes out with the head.
    Chunks {
        empty: bool,
    },
}

/// What of a request decides how its response is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Asked {
    pub(crate) head: bool,
    pub(crate) offer: Offer,
}

/// An offer to leave HTTP/1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Offer {
    #[default]
    None,
    /// `Upgrade`, with `Connection: upgrade`: taken by 101.
    Upgrade,
    /// CONNECT: taken by 2xx.
    Connect,
}

impl Plan {
    pub(crate) fn new(
        method: &str,
        target: &str,
        headers: &Headers,
        body: BodySize,
    ) -> Result<Self, LocalError> {
        check_method(method)?;
        check_target(target)?;
        let fields = Fields::read(headers)?;
        let connect = method == "CONNECT";
        let framing = match (fields.chunked, fields.length, body) {
            (true, Some(_), _) => return Err(LocalError::LengthAndTransferEncoding),
            (true, None, BodySize::Empty) => RequestFraming::Chunks { empty: true },
            (true, None, _) | (false, None, BodySize::Unknown) => {
                RequestFraming::Chunks { empty: false }
            }
            (false, None | Some(0), BodySize::Empty) => RequestFraming::None,
            (false, None, BodySize::Known(length)) => RequestFraming::Length(length),
            (false, Some(declared), BodySize::Known(length)) if declared == length => {
                RequestFraming::Length(length)
            }
            (false, Some(declared), body) => {
                return Err(LocalError::LengthMismatch {
                    declared,
                    body: match body {
                        BodySize::Empty => Some(0),
                        BodySize::Known(length) => Some(length),
                        BodySize::Unknown => None,
                    },
                });
            }
        };
        let given = fields.chunked || fields.length.is_some();
        if connect && (given || framing != RequestFraming::None) {
            return Err(LocalError::BodyOnConnect);
        }
        Ok(Self {
            framing,
            add_framing: !given && framing != RequestFraming::None,
            asked: Asked {
                head: method == "HEAD",
                offer: match connect {
                    true => Offer::Connect,
                    false if fields.upgrade => Offer::Upgrade,
                    false => Offer::None,
                },
            },
            close: fields.close,
        })
    }

    pub(crate) fn write(&self, method: &str, target: &str, headers: &Headers, out: &mut Vec<u8>) {
        const VERSION: &[u8] = b" HTTP/1.1\r\n";
        const LENGTH: &[u8] = b"Content-Length: ";
        const CHUNKED: &[u8] = b"Transfer-Encoding: chunked\r\n";
        let wire = headers.as_wire();
        out.reserve(method.len() + target.len() + VERSION.len() + wire.len() + 48);
        out.extend_from_slice(method.as_bytes());
        out.push(b' ');
        out.extend_from_slice(target.as_bytes());
        out.extend_from_slice(VERSION);
        out.extend_from_slice(wire);
        match self.framing {
            RequestFraming::Length(length) if self.add_framing => {
                out.extend_from_slice(LENGTH);
                push_decimal(length, out);
                out.extend_from_slice(b"\r\n");
            }
            RequestFraming::Chunks { .. } if self.add_framing => out.extend_from_slice(CHUNKED),
            _ => {}
        }
        out.extend_from_slice(b"\r\n");
        if let RequestFraming::Chunks { empty: true } = self.framing {
            out.extend_from_slice(b"0\r\n\r\n");
        }
    }
}

/// What was found of the last request head. Mostly the next is the same, but for its target, and need
/// not be looked at again.
#[derive(Debug, Clone, Default)]
pub(crate) struct Last {
    /// The method, and all fields.
    said: Vec<u8>,
    method: usize,
    found: Option<(BodySize, Plan)>,
}

/// Longer heads are not kept, in bytes.
const KEPT: usize = 1024;

impl Last {
    pub(crate) fn plan(
        &mut self,
        method: &str,
        target: &str,
        headers: &Headers,
        body: BodySize,
    ) -> Result<Plan, LocalError> {
        let wire = headers.as_wire();
        if let Some((size, plan)) = &self.found
            && *size == body
            && self.said.split_at_checked(self.method) == Some((method.as_bytes(), wire))
        {
            check_target(target)?;
            return Ok(*plan);
        }
        let plan = Plan::new(method, target, headers, body)?;
        self.found = None;
        self.said.clear();
        // Credentials are kept for no longer than they are needed.
        if wire.len() <= KEPT && !headers.holds_credentials() {
            self.said.extend_from_slice(method.as_bytes());
            self.said.extend_from_slice(wire);
            self.method = method.len();
            self.found = Some((body, plan));
        }
        Ok(plan)
    }
}

/// The fields that the codec has to know of.
struct Fields {
    length: Option<u64>,
    chunked: bool,
    /// `Connection: close`.
    close: bool,
    /// `Upgrade`, and `Connection: upgrade`.
    upgrade: bool,
}

impl Fields {
    fn read(headers: &Headers) -> Result<Self, LocalError> {
        let mut host = None;
        let mut upgrade = false;
        let mut fields = Self {
            length: None,
            chunked: false,
            close: false,
            upgrade: false,
        };
        for (name, value) in headers.iter_bytes() {
            match FramingField::named(name) {
                None => {}
                Some(FramingField::Host) => {
                    let earlier = host.replace(value);
                    if earlier.is_some() {
                        return Err(LocalError::RepeatedHost);
                    }
                }
                Some(FramingField::ContentLength) => {
                    let length = parse_length(value).ok_or(LocalError::BadContentLength)?;
                    if fields.length.replace(length).is_some() {
                        return Err(LocalError::RepeatedContentLength);
                    }
                }
                Some(FramingField::TransferEncoding) => {
                    if fields.chunked || !value.eq_ignore_ascii_case(b"chunked") {
                        return Err(LocalError::BadTransferEncoding);
                    }
                    fields.chunked = true;
                }
                Some(FramingField::Connection) => {
                    for token in tokens(value) {
                        fields.close |= token.eq_ignore_ascii_case(b"close");
                        fields.upgrade |= token.eq_ignore_ascii_case(b"upgrade");
                    }
                }
                Some(FramingField::Upgrade) => upgrade = true,
            }
        }
        check_host(host.ok_or(LocalError::MissingHost)?)?;
        fields.upgrade = fields.upgrade && upgrade;
        Ok(fields)
    }
}

fn check_method(method: &str) -> Result<(), LocalError> {
    // Both are tokens.
    check_name(method).map_err(|_| LocalError::BadMethod(Snippet::new(method.as_bytes())))
}

/// Checks a request target: visible ASCII characters, one at least. A space or a line end would end it
/// early (I3); bytes from 0x80 on belong percent-encoded.
///
/// # Errors
/// [`LocalError::BadTarget`].
pub fn check_target(target: &str) -> Result<(), LocalError> {
    let bad = target.bytes().position(|byte| !byte.is_ascii_graphic());
    if bad.is_none() && !target.is_empty() {
        return Ok(());
    }
    let position = bad.unwrap_or_default();
    Err(LocalError::BadTarget {
        byte: target.as_bytes().get(position).copied(),
        position,
    })
}

/// `host [ ":" port ]` (RFC 9110 section 7.2): a name without the code points that the URL
/// standard forbids in hosts, or an address in brackets.
fn check_host(value: &[u8]) -> Result<(), LocalError> {
    let port = match value {
        [b'[', rest @ ..] => {
            let end = memchr::memchr(b']', rest).ok_or(LocalError::BadHost)?;
            let (address, port) = rest.split_at_checked(end).unwrap_or_default();
            let inside = |byte: &u8| byte.is_ascii_alphanumeric() || b":.%-_~".contains(byte);
            if address.is_empty() || !address.iter().all(inside) {
                return Err(LocalError::BadHost);
            }
            port.get(1..).unwrap_or_default()
        }
        _ => {
            let end = memchr::memchr(b':', value).unwrap_or(value.len());
            let (name, port) = value.split_at_checked(end).unwrap_or_default();
            let inside = |byte: &u8| HOST_BYTES[usize::from(*byte)];
            if name.is_empty() || !name.iter().all(inside) {
                return Err(LocalError::BadHost);
            }
            port
        }
    };
    match port {
        [] => Ok(()),
        [b':', digits @ ..] if is_port(digits) => Ok(()),
        _ => Err(LocalError::BadHost),
    }
}

/// Visible ASCII but the URL standard's forbidden host code points.
const HOST_BYTES: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = b'!';
    while byte <= b'~' {
        table[byte as usize] = !matches!(
            byte,
            b'#' | b'/' | b':' | b'<' | b'>' | b'?' | b'@' | b'[' | b'\\' | b']' | b'^' | b'|'
        );
        byte += 1;
    }
    table
};

fn is_port(digits: &[u8]) -> bool {
    let mut port = 0_u32;
    digits.len() <= 5 && digits.iter().all(u8::is_ascii_digit) && {
        for digit in digits {
            port = port * 10 + u32::from(digit - b'0');
        }
        port <= u32::from(u16::MAX)
    }
}

fn push_decimal(mut number: u64, out: &mut Vec<u8>) {
    let start = out.len();
    loop {
        out.push(b'0' + (number % 10) as u8);
        number /= 10;
        if number == 0 {
            break;
        }
    }
    if let Some(digits) = out.get_mut(start..) {
        digits.reverse();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_after_another_is_planned_as_it_would_be_alone() {
        let long = "x".repeat(KEPT);
        let fields: &[&[(&str, &str)]] = &[
            &[("Host", "a"), ("X", "1")],
            &[("Host", "a"), ("X", "2")],
            &[("Host", "a"), ("Connection", "close")],
            &[("Host", "a"), ("Cookie", "x=1")],
            &[("Host", "a"), ("X", &long)],
            &[("Host", "a"), ("Transfer-Encoding", "chunked")],
            &[("Host", "a"), ("Content-Length", "3")],
            &[("X", "1")],
        ];
        let fields: Vec<_> = fields
            .iter()
            .map(|pairs| Headers::try_from(*pairs).unwrap())
            .collect();
        let starts = [
            ("GET", "/", BodySize::Empty),
            ("GET", "/b", BodySize::Empty),
            ("GET", "/b c", BodySize::Empty),
            ("HEAD", "/", BodySize::Empty),
            ("POST", "/", BodySize::Known(3)),
            ("POST", "/", BodySize::Known(4)),
            ("POST", "/", BodySize::Unknown),
            ("CONNECT", "a:1", BodySize::Empty),
        ];
        let all = || {
            let each = |start| fields.iter().map(move |fields| (start, fields));
            starts.into_iter().flat_map(each)
        };
        for (before, its_fields) in all() {
            for ((method, target, body), fields) in all() {
                let mut last = Last::default();
                let _ = last.plan(before.0, before.1, its_fields, before.2);
                let alone = format!("{:?}", Plan::new(method, target, fields, body));
                for _ in 0..2 {
                    let plan = last.plan(method, target, fields, body);
                    assert_eq!(format!("{plan:?}"), alone, "{before:?}");
                }
            }
        }
    }

    #[test]
    fn credentials_and_what_is_long_are_not_kept() {
        let kept = |name, value: &str| {
            let mut last = Last::default();
            let fields = Headers::try_from([("Host", "a"), (name, value)]).unwrap();
            last.plan("GET", "/", &fields, BodySize::Empty).unwrap();
            !last.said.is_empty()
        };
        assert!(kept("X", "1"));
        assert!(!kept("Authorization", "Basic eDp5"));
        assert!(!kept("Proxy-Authorization", "Basic eDp5"));
        assert!(!kept("Cookie", "x=1"));
        assert!(!kept("X", &"x".repeat(KEPT)));
    }

    #[test]
    fn i02_only_tokens_are_methods() {
        for byte in 0..=255_u8 {
            let good = byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
            let char = char::from(byte);
            for method in [
                format!("{char}GET"),
                format!("G{char}T"),
                format!("GET{char}"),
            ] {
                assert_eq!(check_method(&method).is_ok(), good, "{method:?}");
            }
        }
        assert!(check_method("").is_err());
        assert!(check_method("GET / HTTP/1.1\r\nX:y").is_err());
    }

    #[test]
    fn i03_a_target_holds_visible_ascii_only() {
        for char in (0..=0x17f_u32)
            .chain([0xff0a, 0x1f600])
            .filter_map(char::from_u32)
        {
            let good = char.is_ascii_graphic();
            for target in [format!("/{char}"), format!("/a{char}b"), format!("{char}/")] {
                assert_eq!(check_target(&target).is_ok(), good, "{target:?}");
            }
        }
        assert!(check_target("").is_err());
    }

    #[test]
    fn i05_a_host_is_a_host_with_an_optional_port() {
        for good in [
            "example.org",
            "example.org:80",
            "example.org:",
            "127.0.0.1:65535",
            "[::1]",
            "[::1]:8080",
            "[fe80::1%25eth0]",
            "xn--bcher-kva.example",
            "a_b",
            "a!$&'()*+,;=b",
        ] {
            assert_eq!(check_host(good.as_bytes()), Ok(()), "{good}");
        }
        for bad in [
            "",
            ":80",
            "a/b",
            "a@b",
            "user:pw@b",
            "a b",
            "a\r\nX: y",
            "a\tb",
            "a\0",
            "a?b",
            "a#b",
            "a\\b",
            "a:b",
            "a:65536",
            "a:080000",
            "a:80:80",
            "a:+1",
            "[::1",
            "::1",
            "[]",
            "[::1]x",
            "[::1]:x",
            "[::1/]",
            "b\u{fc}cher",
            "a\x7f",
            "a^b",
            "a|b",
            "<a>",
        ] {
            assert_eq!(
                check_host(bad.as_bytes()),
                Err(LocalError::BadHost),
                "{bad}"
            );
        }
    }

    #[test]
    fn numbers_are_written_as_decimals() {
        for number in [0, 7, 10, 12_345, u64::MAX] {
            let mut out = b"x".to_vec();
            push_decimal(number, &mut out);
            assert_eq!(out, format!("x{number}").as_bytes());
        }
    }
}
