//! The body of the fuzz target `proxy_reply`, so that a plain test runs its seeds.
//!
//! Ten bytes of control come before what the proxy says: how it is asked, whether it closes behind its
//! words, and how they are cut. Any text will do for them.

use nuncio_connection::{
    Connection, ConnectionConfig, Error, HttpConnect, Layer, ProxyError, Socks4, Socks5, SocksAuth,
    SocksHost, Transmit,
};
use nuncio_headers::Headers;
use std::sync::Arc;
use std::time::{Duration, Instant};

const CONTROL: usize = 10;

#[derive(Clone, Copy, PartialEq)]
enum Asked {
    Http,
    Socks5,
    Socks5WithAuth,
    Socks4,
}

/// What a proxy says comes to the same whole and cut, and consent is found where a plain reading finds it.
pub(crate) fn proxy_reply(data: &[u8]) {
    let Some((control, said)) = data.split_at_checked(CONTROL) else {
        return;
    };
    let asked = match control[0] % 4 {
        0 => Asked::Http,
        1 => Asked::Socks5,
        2 => Asked::Socks5WithAuth,
        _ => Asked::Socks4,
    };
    let eof = control[1] % 2 == 1;
    let whole = outcome(asked, [said], eof);
    let mut pieces = Vec::new();
    let mut rest = said;
    for size in control[2..].iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, more) = rest.split_at(rest.len().min(1 + usize::from(size % 32)));
        pieces.push(piece);
        rest = more;
    }
    assert_eq!(outcome(asked, pieces, eof), whole);

    let plain = plain(asked, said);
    match &whole {
        None => assert!(plain == Plain::Part, "it waits, and should not"),
        Some(Ok(())) => assert!(
            plain == Plain::Whole,
            "it consents where there is no consent"
        ),
        Some(Err(Error::Proxy(ProxyError::EarlyData))) => assert!(plain == Plain::More),
        Some(Err(error)) => {
            // What a head may hold is the codec's matter, which has a target of its own.
            let codec = matches!(error, Error::Proxy(ProxyError::Http(_)));
            let wrong = plain == Plain::Part || plain == Plain::Wrong;
            assert!(codec || wrong, "{error}");
            let text = error.to_string();
            assert!(
                text.len() < 500 && !text.contains(char::is_control),
                "{text}"
            );
        }
    }
}

/// Consent, a failure, or nothing yet.
fn outcome<'a>(
    asked: Asked,
    pieces: impl IntoIterator<Item = &'a [u8]>,
    eof: bool,
) -> Option<Result<(), Error>> {
    let now = Instant::now();
    let limit = Some(Duration::from_secs(1));
    let config = Arc::new(ConnectionConfig::default());
    let mut connection = Connection::new(config, vec![layer(asked)], limit, now).unwrap();
    for piece in pieces {
        let mut rest = piece;
        while !rest.is_empty() {
            let mut buf = connection.take_recv();
            let room = buf.unfilled();
            let count = room.len().min(rest.len());
            room[..count].copy_from_slice(&rest[..count]);
            buf.advance(count);
            connection.handle_input(buf, now);
            rest = &rest[count..];
        }
    }
    let open = connection.failure().is_none() && connection.protocol().is_none();
    assert_eq!(connection.next_timeout().is_some(), open);
    assert_eq!(connection.wants_read(), open);
    let failed = |connection: &Connection| connection.failure().cloned().map(Err);
    let before = match connection.protocol() {
        _ if connection.failure().is_some() => failed(&connection),
        Some(_) => Some(Ok(())),
        None => None,
    };
    if before == Some(Ok(())) {
        assert_eq!(sent(&mut connection, now), expected(asked));
    }
    if eof && before.is_none() {
        connection.handle_eof();
        let after = failed(&connection);
        assert!(after.is_some(), "an end is an error");
        return after;
    }
    before
}

fn sent(connection: &mut Connection, now: Instant) -> Vec<u8> {
    let (mut sent, mut batch) = (Vec::new(), Transmit::default());
    while connection.wants_write() {
        connection.take_transmit(&mut batch);
        sent.extend_from_slice(batch.front());
        let count = batch.front().len();
        connection.transmitted(&mut batch, count, now);
    }
    sent
}

fn layer(asked: Asked) -> Layer {
    let host = SocksHost::Name("o".to_owned());
    let auth = || SocksAuth {
        user: b"u".to_vec(),
        password: b"SECRET".to_vec(),
    };
    match asked {
        Asked::Http => {
            let mut headers = Headers::new();
            headers.append("Host", "o:1").unwrap();
            Layer::HttpConnect(HttpConnect {
                authority: "o:1".to_owned(),
                headers,
            })
        }
        Asked::Socks5 | Asked::Socks5WithAuth => Layer::Socks5(Socks5 {
            host,
            port: 1,
            auth: (asked == Asked::Socks5WithAuth).then(auth),
        }),
        Asked::Socks4 => Layer::Socks4(Socks4 {
            host,
            port: 1,
            user: Vec::new(),
        }),
    }
}

fn expected(asked: Asked) -> &'static [u8] {
    match asked {
        Asked::Http => b"CONNECT o:1 HTTP/1.1\r\nHost: o:1\r\n\r\n",
        Asked::Socks5 => b"\x05\x01\x00\x05\x01\x00\x03\x01o\x00\x01",
        Asked::Socks5WithAuth => b"\x05\x01\x02\x01\x01u\x06SECRET\x05\x01\x00\x03\x01o\x00\x01",
        Asked::Socks4 => b"\x04\x01\x00\x01\x00\x00\x00\x01\x00o\x00",
    }
}

/// What was said, read without any care for pieces.
#[derive(PartialEq)]
enum Plain {
    /// Consent, to the last byte.
    Whole,
    /// Consent, and more.
    More,
    /// It may become consent.
    Part,
    Wrong,
}

fn plain(asked: Asked, said: &[u8]) -> Plain {
    match asked {
        Asked::Http => http(said),
        Asked::Socks5 => socks5(&[b"\x05\x00"], said),
        Asked::Socks5WithAuth => socks5(&[b"\x05\x02", b"\x01\x00"], said),
        Asked::Socks4 => match said {
            [0, 90, ..] => length(8, said),
            [] | [0] => Plain::Part,
            _ => Plain::Wrong,
        },
    }
}

fn socks5(before: &[&[u8]], said: &[u8]) -> Plain {
    let before = before.concat();
    let Some(reply) = said.strip_prefix(&before[..]) else {
        return match before.starts_with(said) {
            true => Plain::Part,
            false => Plain::Wrong,
        };
    };
    match reply {
        [5, 0, _, 1, ..] => length(10, reply),
        [5, 0, _, 4, ..] => length(22, reply),
        [5, 0, _, 3, name, ..] => length(7 + usize::from(*name), reply),
        [5, 0, _, 3] | [5, 0, _] | [5, 0] | [5] | [] => Plain::Part,
        _ => Plain::Wrong,
    }
}

fn length(whole: usize, said: &[u8]) -> Plain {
    match said.len() {
        len if len < whole => Plain::Part,
        len if len == whole => Plain::Whole,
        _ => Plain::More,
    }
}

/// Heads are taken off as long as they are interim.
fn http(mut said: &[u8]) -> Plain {
    loop {
        let Some(end) = said.windows(4).position(|it| it == b"\r\n\r\n") else {
            return Plain::Part;
        };
        let (head, rest) = said.split_at(end + 4);
        let status = head.get(9..12).unwrap_or_default();
        match status.first() {
            Some(b'1') if status != b"101" => said = rest,
            Some(b'2') if rest.is_empty() => return Plain::Whole,
            Some(b'2') => return Plain::More,
            _ => return Plain::Wrong,
        }
    }
}
