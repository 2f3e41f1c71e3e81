//! The paths that every [`Server`](crate::server::Server) answers; its docs have the table.

use std::fmt::Write;
use std::io;
use std::time::Duration;

use crate::checksum::Checksum;
use crate::content;
use crate::reply::{Exchange, Framing};

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";
const OCTETS: &[(&str, &str)] = &[("content-type", "application/octet-stream")];

/// Answers one request by its path.
pub(crate) fn answer(exchange: &mut Exchange<'_>) -> io::Result<()> {
    let path = exchange.request.path();
    let mut parts = path.strip_prefix('/').unwrap_or(path).split('/');
    let name = parts.next().unwrap_or_default();
    let numbers: Option<Vec<u64>> = parts.map(|part| part.parse().ok()).collect();
    match (name, numbers.as_deref()) {
        ("json", Some([])) => json(exchange),
        ("bytes", Some([length])) => {
            if exchange.head(200, Framing::Length(*length), OCTETS) {
                return exchange.content(*length);
            }
            exchange.send()
        }
        ("chunked", Some([length])) => chunked(exchange, *length, false),
        ("trailers", Some([length])) => chunked(exchange, *length, true),
        ("close", Some([length])) => {
            if exchange.head(200, Framing::Close, OCTETS) {
                return exchange.content(*length);
            }
            exchange.send()
        }
        ("cut", Some([announced, sent])) => {
            if exchange.head(200, Framing::Length(*announced), OCTETS) {
                exchange.keep_alive = false;
                return exchange.content(*sent);
            }
            exchange.send()
        }
        ("drip", Some([length, pause])) => drip(exchange, *length, *pause),
        ("delay", Some([pause])) => {
            pause_for(exchange, *pause)?;
            json(exchange)
        }
        ("stall", Some([])) => stall(exchange),
        ("echo", Some([])) => echo(exchange),
        ("mirror", Some([])) => mirror(exchange),
        ("checksum", Some([])) => checksum(exchange),
        ("early", Some([status @ 200..=599])) => {
            exchange.keep_alive = false;
            status_only(exchange, *status as u16)
        }
        ("status", Some([status @ 200..=599])) => status_only(exchange, *status as u16),
        ("redirect", Some([0])) => json(exchange),
        ("redirect", Some([hops])) => redirect(exchange, 302, &format!("/redirect/{}", hops - 1)),
        ("redirect-to", Some([])) => {
            let status = query_value(exchange.request.query(), "status");
            let status = status.and_then(|text| text.parse().ok()).unwrap_or(302);
            let url = query_value(exchange.request.query(), "url").unwrap_or_default();
            redirect(exchange, status, &url)
        }
        ("hints", Some([])) => {
            exchange.out.clear();
            exchange
                .out
                .extend_from_slice(b"HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n");
            exchange.send()?;
            json(exchange)
        }
        _ => exchange.sized(404, TEXT, b"no such path\n"),
    }
}

fn json(exchange: &mut Exchange<'_>) -> io::Result<()> {
    let body = br#"{"name":"nuncio","numbers":[1,2,3],"nested":{"yes":true,"nothing":null}}"#;
    exchange.sized(200, JSON, body)
}

fn chunked(exchange: &mut Exchange<'_>, length: u64, trailers: bool) -> io::Result<()> {
    if exchange.head(200, Framing::Chunked, OCTETS) {
        exchange.chunked_content(length)?;
        if trailers {
            let line = format!("x-checksum: {:016x}\r\n", content::checksum(length));
            exchange.out.extend_from_slice(line.as_bytes());
        }
        exchange.out.extend_from_slice(b"\r\n");
    }
    exchange.send()
}

fn drip(exchange: &mut Exchange<'_>, length: u64, pause: u64) -> io::Result<()> {
    let body = exchange.head(200, Framing::Length(length), OCTETS);
    exchange.send()?;
    if body {
        for at in 0..length {
            pause_for(exchange, pause)?;
            exchange.out.extend_from_slice(content::slice(at, 1));
            exchange.send()?;
        }
    }
    Ok(())
}

/// Waits, and fails when the server goes away meanwhile.
fn pause_for(exchange: &Exchange<'_>, milliseconds: u64) -> io::Result<()> {
    if exchange.stop.wait(Duration::from_millis(milliseconds)) {
        return Err(io::ErrorKind::ConnectionAborted.into());
    }
    Ok(())
}

fn stall(exchange: &Exchange<'_>) -> io::Result<()> {
    loop {
        pause_for(exchange, 3_600_000)?;
    }
}

fn echo(exchange: &mut Exchange<'_>) -> io::Result<()> {
    let body = exchange.whole_body()?;
    let request = exchange.request;
    let mut text = String::new();
    let _ = writeln!(
        text,
        r#"{{"method":{},"target":{},"version":{},"connection":{},"index":{}}}"#,
        quoted(request.method().as_bytes()),
        quoted(request.target().as_bytes()),
        quoted(request.version().as_bytes()),
        request.connection(),
        request.index(),
    );
    for (name, value) in request.headers() {
        let (name, value) = (quoted(name.as_bytes()), quoted(value));
        let _ = writeln!(text, r#"{{"name":{name},"value":{value}}}"#);
    }
    for trailer in &exchange.body.trailers {
        let _ = writeln!(text, r#"{{"trailer":{}}}"#, quoted(trailer));
    }
    text.push('\n');
    let mut answer = text.into_bytes();
    answer.extend_from_slice(&body);
    exchange.sized(200, "application/octet-stream", &answer)
}

fn mirror(exchange: &mut Exchange<'_>) -> io::Result<()> {
    let body = exchange.head(200, Framing::Chunked, OCTETS);
    exchange.send()?;
    let mut held = Vec::new();
    while let Some(piece) = exchange.next_piece()? {
        held.clear();
        held.extend_from_slice(piece);
        if body {
            exchange.chunk(&held);
            exchange.send()?;
        }
    }
    if body {
        exchange.out.extend_from_slice(b"0\r\n\r\n");
    }
    exchange.send()
}

fn checksum(exchange: &mut Exchange<'_>) -> io::Result<()> {
    let mut sum = Checksum::new();
    while let Some(piece) = exchange.next_piece()? {
        sum.update(piece);
    }
    let (bytes, sum) = (sum.length(), sum.finish());
    exchange.sized(
        200,
        JSON,
        format!(r#"{{"bytes":{bytes},"checksum":"{sum:016x}"}}"#).as_bytes(),
    )
}

fn status_only(exchange: &mut Exchange<'_>, status: u16) -> io::Result<()> {
    if matches!(status, 204 | 304) {
        exchange.head(status, Framing::Bare, &[]);
        return exchange.send();
    }
    exchange.sized(status, TEXT, format!("status {status}\n").as_bytes())
}

fn redirect(exchange: &mut Exchange<'_>, status: u16, location: &str) -> io::Result<()> {
    exchange.head(status, Framing::Length(0), &[("location", location)]);
    exchange.send()
}

/// The first value of a query field, percent-decoded.
fn query_value(query: &str, name: &str) -> Option<String> {
    let mut fields = query.split('&').filter_map(|field| field.split_once('='));
    let (_, value) = fields.find(|(n, _)| *n == name)?;
    let mut bytes = Vec::new();
    let mut rest = value.as_bytes();
    while let [first, tail @ ..] = rest {
        let digits = tail.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let decoded = digits.and_then(|two| u8::from_str_radix(two, 16).ok());
        match (first, decoded) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    // A line end would let a test's mistake look like the client's.
    bytes.retain(|byte| !matches!(byte, b'\r' | b'\n'));
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// A JSON string; each byte outside ASCII stands as the character of its number.
fn quoted(bytes: &[u8]) -> String {
    let mut text = String::from("\"");
    for byte in bytes {
        match byte {
            b'"' | b'\\' => text.extend(['\\', char::from(*byte)]),
            b' '..=b'~' => text.push(char::from(*byte)),
            _ => {
                let _ = write!(text, "\\u{byte:04x}");
            }
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_quoted_and_decoded() {
        assert_eq!(quoted(b"a\"\\\t\xE9"), r#""a\"\\\u0009\u00e9""#);
        assert_eq!(
            query_value("a=b&url=%2Fx%3fy%", "url").as_deref(),
            Some("/x?y%")
        );
    }
}
