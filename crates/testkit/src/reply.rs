//! Writing answers: one exchange on a connection, and the replies that a test's own routes give.

use std::io::{self, Write};

use crate::content;
use crate::latch::Latch;
use crate::request::{Body, Input, Request};
use crate::stream::Stream;

/// One write's worth of content.
const PIECE: usize = 256 * 1024;
const CHUNK: usize = 16 * 1024;

/// An answer with a body of known length, for a route of a test's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Reply {
    /// An answer without headers of its own and with an empty body.
    pub fn new(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// Adds a header, in the case given. Content-Length is the server's to send.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The body.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }
}

/// How the end of an answer's body is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    Length(u64),
    Chunked,
    /// The body ends with the connection.
    Close,
    /// The status has no body.
    Bare,
}

/// A request under way, and all that answering it needs.
pub(crate) struct Exchange<'a> {
    pub(crate) request: Request<'a>,
    pub(crate) body: Body,
    /// Whether a 100 (Continue) went out.
    pub(crate) continued: bool,
    pub(crate) keep_alive: bool,
    pub(crate) input: &'a mut Input,
    pub(crate) stream: &'a mut Stream,
    /// What is to be sent, kept between requests for its room.
    pub(crate) out: &'a mut Vec<u8>,
    pub(crate) stop: &'a Latch,
}

impl Exchange<'_> {
    /// The next piece of the request's body, `None` after the last.
    pub(crate) fn next_piece(&mut self) -> io::Result<Option<&[u8]>> {
        if self.expects_continue() {
            self.continued = true;
            self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        self.body.next(self.stream, self.input)
    }

    pub(crate) fn whole_body(&mut self) -> io::Result<Vec<u8>> {
        let mut whole = Vec::new();
        while let Some(piece) = self.next_piece()? {
            whole.extend_from_slice(piece);
        }
        Ok(whole)
    }

    /// Lays out the head of the final answer; [`Self::send`] sends it. False when no body may follow.
    pub(crate) fn head(&mut self, status: u16, framing: Framing, fields: &[(&str, &str)]) -> bool {
        self.keep_alive &= framing != Framing::Close;
        self.out.clear();
        let mut head = format_head(self.out, status);
        for (name, value) in fields {
            head.field(name, value);
        }
        match framing {
            Framing::Length(length) => head.field("content-length", &length),
            Framing::Chunked => head.field("transfer-encoding", &"chunked"),
            Framing::Close | Framing::Bare => {}
        }
        if !self.keep_alive {
            head.field("connection", &"close");
        }
        self.out.extend_from_slice(b"\r\n");
        framing != Framing::Bare && self.request.method() != "HEAD"
    }

    /// Sends what is laid out.
    pub(crate) fn send(&mut self) -> io::Result<()> {
        self.stream.write_all(self.out)?;
        self.out.clear();
        self.stream.flush()
    }

    /// A whole answer in one write.
    pub(crate) fn sized(&mut self, status: u16, media: &str, body: &[u8]) -> io::Result<()> {
        let framing = Framing::Length(body.len() as u64);
        if self.head(status, framing, &[("content-type", media)]) {
            self.out.extend_from_slice(body);
        }
        self.send()
    }

    pub(crate) fn reply(&mut self, reply: &Reply) -> io::Result<()> {
        let fields: Vec<_> = reply
            .headers
            .iter()
            .map(|(n, v)| (&n[..], &v[..]))
            .collect();
        let framing = match reply.status {
            100..200 | 204 | 304 => Framing::Bare,
            _ => Framing::Length(reply.body.len() as u64),
        };
        if self.head(reply.status, framing, &fields) {
            self.out.extend_from_slice(&reply.body);
        }
        self.send()
    }

    /// Sends `length` bytes of content behind the head laid out, the first of them in one write
    /// with it.
    pub(crate) fn content(&mut self, length: u64) -> io::Result<()> {
        let small = content::slice(0, CHUNK.min(to_usize(length)));
        self.out.extend_from_slice(small);
        self.send()?;
        let mut sent = small.len() as u64;
        while sent < length {
            let piece = content::slice(sent, PIECE.min(to_usize(length - sent)));
            self.stream.write_all(piece)?;
            sent += piece.len() as u64;
        }
        self.stream.flush()
    }

    /// The same in chunks, up to the last chunk's line; the trailer section is the caller's.
    pub(crate) fn chunked_content(&mut self, length: u64) -> io::Result<()> {
        let mut sent = 0;
        while sent < length {
            let piece = content::slice(sent, CHUNK.min(to_usize(length - sent)));
            self.chunk(piece);
            sent += piece.len() as u64;
            if self.out.len() > PIECE {
                self.send()?;
            }
        }
        self.out.extend_from_slice(b"0\r\n");
        Ok(())
    }

    /// Lays out one chunk.
    pub(crate) fn chunk(&mut self, piece: &[u8]) {
        put(self.out, format_args!("{:x}\r\n", piece.len()));
        self.out.extend_from_slice(piece);
        self.out.extend_from_slice(b"\r\n");
    }

    /// Reads what the client still sends of this request; says whether another may follow.
    pub(crate) fn finish(&mut self) -> io::Result<bool> {
        // A client that waits for a 100 and got a final answer may send its body or not.
        if !self.keep_alive || self.expects_continue() {
            return Ok(false);
        }
        while self.body.next(self.stream, self.input)?.is_some() {}
        Ok(true)
    }

    fn expects_continue(&self) -> bool {
        self.request.expects_continue && !self.continued && self.body.pending()
    }
}

struct Head<'a>(&'a mut Vec<u8>);

fn format_head(out: &mut Vec<u8>, status: u16) -> Head<'_> {
    put(
        out,
        format_args!("HTTP/1.1 {status} {}\r\n", reason(status)),
    );
    Head(out)
}

impl Head<'_> {
    fn field(&mut self, name: &str, value: &dyn std::fmt::Display) {
        put(self.0, format_args!("{name}: {value}\r\n"));
    }
}

fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing to a Vec does not fail.
    let _ = out.write_fmt(text);
}

fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        103 => "Early Hints",
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        407 => "Proxy Authentication Required",
        413 => "Content Too Large",
        421 => "Misdirected Request",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        _ => "",
    }
}

fn to_usize(length: u64) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}
