//! The bodies of the fuzz targets, so that plain tests run their seeds.
//!
//! Ten bytes of control come before the message: what was asked and how, and how the message is
//! cut. Any text will do for them.

use super::{Asked, Setup, asked, events};
use nuncio_http1::{BodyStep, Config, HeadStep, Theirs};

const CONTROL: usize = 10;

/// A response from its first byte: the same events whole and cut, and lenient agrees with what
/// strict lets through.
pub fn head(data: &[u8]) {
    let Some((control, message)) = data.split_at_checked(CONTROL) else {
        return;
    };
    let strict = Setup {
        asked: match control[0] % 8 {
            0 => Asked::Head,
            1 => Asked::Connect,
            2 => Asked::Upgrade,
            3 => Asked::Open,
            _ => Asked::Get,
        },
        // Limits that short inputs reach.
        config: match control[1] % 4 {
            0 => Config::default().max_head_bytes(200).max_head_fields(4),
            _ => Config::default(),
        },
        eof: control[1] % 2 == 1,
    };
    let lenient = Setup {
        config: strict.config.lenient(true),
        ..strict
    };
    let found = invariant(&strict, &control[2..], message);
    let found_lenient = invariant(&lenient, &control[2..], message);
    if !found.iter().any(|event| event.starts_with("error")) {
        assert_eq!(found_lenient, found);
    }
}

/// A body behind a head that makes it chunked, sized or open: the same events whole and cut, and
/// what was read out of chunks is what a plain reading of them finds.
pub fn body(data: &[u8]) {
    let Some((control, body)) = data.split_at_checked(CONTROL) else {
        return;
    };
    let head: &[u8] = match control[0] % 8 {
        0 => b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n",
        1 => b"HTTP/1.1 200 OK\r\n\r\n",
        _ => b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    };
    let setup = Setup {
        asked: Asked::Get,
        config: match control[1] % 4 {
            0 => Config::default()
                .max_chunk_line(12)
                .max_chunk_extensions(20)
                .max_trailer_bytes(30)
                .max_trailer_fields(2),
            _ => Config::default(),
        },
        eof: control[1] % 2 == 1,
    };
    invariant(&setup, &control[2..], &[head, body].concat());
    if control[0] % 8 > 1
        && let Some(content) = read(&setup, head, body)
    {
        assert_eq!(plain_chunks(body).as_ref(), Some(&content));
    }
}

fn invariant(setup: &Setup, sizes: &[u8], message: &[u8]) -> Vec<String> {
    let whole = events(setup, [message]);
    let mut pieces = Vec::new();
    let mut rest = message;
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, more) = rest.split_at(rest.len().min(1 + usize::from(size % 32)));
        pieces.push(piece);
        rest = more;
    }
    assert_eq!(events(setup, pieces), whole);
    whole
}

/// The content of a chunked body that is complete.
fn read(setup: &Setup, head: &[u8], body: &[u8]) -> Option<Vec<u8>> {
    let mut http1 = asked(setup);
    assert!(matches!(
        http1.receive_head(head),
        Ok(HeadStep::Head { .. })
    ));
    assert_eq!(http1.theirs(), Theirs::Body);
    let (mut content, mut rest) = (Vec::new(), body);
    loop {
        match http1.receive_body(rest).ok()? {
            BodyStep::Data { range } => {
                content.extend_from_slice(&rest[range.clone()]);
                rest = &rest[range.end..];
            }
            BodyStep::End { .. } => return Some(content),
            BodyStep::NeedMore { .. } => return None,
        }
    }
}

/// Chunks in the shape that the codec lets through, read without any of its care.
fn plain_chunks(mut body: &[u8]) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    loop {
        let end = body.windows(2).position(|pair| pair == b"\r\n")?;
        let line = std::str::from_utf8(body[..end].split(|byte| b"; \t".contains(byte)).next()?)
            .ok()?
            .to_owned();
        let size = usize::from_str_radix(&line, 16).ok()?;
        body = &body[end + 2..];
        if size == 0 {
            return Some(content);
        }
        content.extend_from_slice(body.get(..size)?);
        body = body.get(size..)?.strip_prefix(b"\r\n")?;
    }
}
