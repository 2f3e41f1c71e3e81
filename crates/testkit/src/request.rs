//! Reading requests: a strict little HTTP/1.1 server side, so that a client's mistakes show.

use std::io::{self, Read};
use std::ops::Range;

use crate::stream::Stream;

/// No head may be longer than this many bytes.
const MAX_HEAD: usize = 128 * 1024;
/// Room for one read: small at first, large once a large body is on its way.
const SMALL_BUFFER: usize = 16 * 1024;
const LARGE_BUFFER: usize = 256 * 1024;

/// Bytes that arrived and were not used yet.
pub(crate) struct Input {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl Input {
    pub(crate) fn new() -> Self {
        Self {
            buffer: vec![0; SMALL_BUFFER],
            start: 0,
            end: 0,
        }
    }

    /// With a byte that was read already.
    pub(crate) fn beginning_with(first: u8) -> Self {
        let mut input = Self::new();
        input.buffer[0] = first;
        input.end = 1;
        input
    }

    /// What arrived and was not used.
    pub(crate) fn rest(&self) -> Vec<u8> {
        self.buffer[self.start..self.end].to_vec()
    }

    /// Waits for a whole head and copies it into `head`; false when the client ended the connection
    /// before the first byte of one.
    pub(crate) fn read_head(
        &mut self,
        stream: &mut Stream,
        head: &mut Vec<u8>,
    ) -> io::Result<bool> {
        let mut scanned = 0;
        loop {
            let held = &self.buffer[self.start..self.end];
            let from = scanned.min(held.len());
            if let Some(at) = held[from..].windows(4).position(|four| four == b"\r\n\r\n") {
                head.clear();
                head.extend_from_slice(&held[..from + at + 4]);
                self.start += head.len();
                return Ok(true);
            }
            scanned = held.len().saturating_sub(3);
            if held.len() >= MAX_HEAD {
                return Err(bad("the head is too long"));
            }
            if self.fill(stream)? == 0 {
                return if self.start == self.end {
                    Ok(false)
                } else {
                    Err(bad("the head is cut"))
                };
            }
        }
    }

    /// Up to and with the next CRLF, which is taken off.
    fn read_line(&mut self, stream: &mut Stream) -> io::Result<Vec<u8>> {
        loop {
            let held = &self.buffer[self.start..self.end];
            if let Some(at) = held.windows(2).position(|two| two == b"\r\n") {
                let line = held[..at].to_vec();
                self.start += at + 2;
                return Ok(line);
            }
            if held.len() > 4096 || self.fill(stream)? == 0 {
                return Err(bad("a line has no end"));
            }
        }
    }

    /// Takes up to `limit` bytes, reading where none are held; empty at the end of the stream.
    fn take(&mut self, stream: &mut Stream, limit: u64) -> io::Result<Range<usize>> {
        if self.start == self.end {
            if limit > SMALL_BUFFER as u64 && self.buffer.len() < LARGE_BUFFER {
                self.buffer.resize(LARGE_BUFFER, 0);
            }
            self.fill(stream)?;
        }
        let taken = usize::try_from(limit)
            .unwrap_or(usize::MAX)
            .min(self.end - self.start);
        let range = self.start..self.start + taken;
        self.start = range.end;
        Ok(range)
    }

    fn fill(&mut self, stream: &mut Stream) -> io::Result<usize> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.end == self.buffer.len() {
            if self.start > 0 {
                self.buffer.copy_within(self.start..self.end, 0);
                (self.start, self.end) = (0, self.end - self.start);
            } else {
                self.buffer.resize(self.buffer.len() * 2, 0);
            }
        }
        let read = stream.read(&mut self.buffer[self.end..])?;
        self.end += read;
        Ok(read)
    }
}

/// The head of a request, looked at where it lies.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    method: &'a str,
    target: &'a str,
    version: &'a str,
    fields: &'a [u8],
    connection: u64,
    index: u64,
    /// Whether the client wants no other answer on this connection.
    pub(crate) close: bool,
    pub(crate) expects_continue: bool,
    framing: BodyState,
}

impl<'a> Request<'a> {
    /// Reads a head that ends in an empty line. Anything out of line is an error: these servers test
    /// a client, so they forgive nothing.
    pub(crate) fn parse(head: &'a [u8], connection: u64, index: u64) -> io::Result<Self> {
        let line_end = head.windows(2).position(|two| two == b"\r\n").unwrap_or(0);
        let line = std::str::from_utf8(&head[..line_end]).map_err(|_| bad("not ASCII"))?;
        let mut words = line.split(' ');
        let (Some(method), Some(target), Some(version), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(bad("the request line has not three words"));
        };
        if !is_token(method.as_bytes()) || !target.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(bad("the method or the target has forbidden bytes"));
        }
        if !matches!(version, "HTTP/1.1" | "HTTP/1.0") {
            return Err(bad("the version is not 1.0 or 1.1"));
        }
        let fields = &head[line_end + 2..head.len() - 2];
        let (close, expects_continue) = (version == "HTTP/1.0", false);
        let framing = BodyState::Done;
        let mut request = Self {
            method,
            target,
            version,
            fields,
            connection,
            index,
            close,
            expects_continue,
            framing,
        };
        request.read_fields()?;
        Ok(request)
    }

    /// Checks the fields and notes what the server goes by, in one pass.
    fn read_fields(&mut self) -> io::Result<()> {
        let (mut hosts, mut framings) = (0, 0);
        for line in self.lines() {
            let Some(colon) = line.iter().position(|byte| *byte == b':') else {
                return Err(bad("a header without a colon"));
            };
            let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
            let fine = |byte: &u8| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7F);
            if !is_token(name) || !line[colon..].iter().all(fine) {
                return Err(bad("a header with forbidden bytes"));
            }
            if name.eq_ignore_ascii_case(b"host") {
                hosts += 1;
            } else if name.eq_ignore_ascii_case(b"connection") {
                self.close |= lists(value, "close");
            } else if name.eq_ignore_ascii_case(b"expect") {
                self.expects_continue |= lists(value, "100-continue");
            } else if name.eq_ignore_ascii_case(b"content-length") {
                framings += 1;
                self.framing = BodyState::Sized(content_length(value)?);
            } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
                framings += 1;
                self.framing = BodyState::ChunkSize;
                if !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(bad("a transfer coding other than chunked"));
                }
            }
        }
        if framings > 1 {
            return Err(bad("the body's framing is not clear"));
        }
        if hosts != 1 && (self.version == "HTTP/1.1" || hosts > 1) {
            return Err(bad("not exactly one Host"));
        }
        Ok(())
    }

    /// The method, as sent.
    pub fn method(&self) -> &'a str {
        self.method
    }

    /// The request target, as sent.
    pub fn target(&self) -> &'a str {
        self.target
    }

    /// The target up to its `?`.
    pub fn path(&self) -> &'a str {
        self.target
            .split_once('?')
            .map_or(self.target, |(path, _)| path)
    }

    /// The target after its first `?`; empty without one.
    pub fn query(&self) -> &'a str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    /// `HTTP/1.1` or `HTTP/1.0`.
    pub fn version(&self) -> &'a str {
        self.version
    }

    /// The number of the connection that it came on, from 0.
    pub fn connection(&self) -> u64 {
        self.connection
    }

    /// Its place among the requests of its connection, from 0.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The header fields in order, names in the case as sent, values without the space around them.
    pub fn headers(&self) -> impl Iterator<Item = (&'a str, &'a [u8])> + use<'a> {
        self.lines().map(|line| {
            // parse() saw a colon behind an ASCII name in every line.
            let colon = line
                .iter()
                .position(|byte| *byte == b':')
                .unwrap_or(line.len() - 1);
            (
                std::str::from_utf8(&line[..colon]).unwrap_or(""),
                line[colon + 1..].trim_ascii(),
            )
        })
    }

    /// The first value of a header, by name in any case.
    pub fn header(&self, name: &str) -> Option<&'a [u8]> {
        self.headers()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    fn lines(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut rest = self.fields;
        std::iter::from_fn(move || {
            // A bare LF stays in the line, where it is a forbidden byte.
            let end = rest.windows(2).position(|two| two == b"\r\n")?;
            let line = &rest[..end];
            rest = &rest[end + 2..];
            Some(line)
        })
    }
}

/// What is still to come of a request's body.
#[derive(Debug)]
pub(crate) struct Body {
    state: BodyState,
    /// The trailer lines of a chunked body, once it ended.
    pub(crate) trailers: Vec<Vec<u8>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BodyState {
    Sized(u64),
    /// Bytes left in the chunk under way.
    Chunk(u64),
    /// A chunk's size line comes next.
    ChunkSize,
    Done,
}

impl Body {
    pub(crate) fn new(request: &Request<'_>) -> Self {
        Self {
            state: request.framing,
            trailers: Vec::new(),
        }
    }

    /// Whether some of it was not read yet.
    pub(crate) fn pending(&self) -> bool {
        !matches!(self.state, BodyState::Done | BodyState::Sized(0))
    }

    /// The next piece, `None` after the last.
    pub(crate) fn next<'i>(
        &mut self,
        stream: &mut Stream,
        input: &'i mut Input,
    ) -> io::Result<Option<&'i [u8]>> {
        loop {
            match self.state {
                BodyState::Done | BodyState::Sized(0) => return Ok(None),
                BodyState::Chunk(0) => {
                    if !input.read_line(stream)?.is_empty() {
                        return Err(bad("a chunk is longer than its size"));
                    }
                    self.state = BodyState::ChunkSize;
                }
                BodyState::ChunkSize => match chunk_size(&input.read_line(stream)?)? {
                    0 => {
                        self.read_trailers(stream, input)?;
                        self.state = BodyState::Done;
                    }
                    size => self.state = BodyState::Chunk(size),
                },
                BodyState::Sized(left) | BodyState::Chunk(left) => {
                    let range = input.take(stream, left)?;
                    if range.is_empty() {
                        return Err(bad("the body is cut"));
                    }
                    let left = left - range.len() as u64;
                    self.state = match self.state {
                        BodyState::Chunk(_) => BodyState::Chunk(left),
                        _ => BodyState::Sized(left),
                    };
                    return Ok(Some(&input.buffer[range]));
                }
            }
        }
    }

    fn read_trailers(&mut self, stream: &mut Stream, input: &mut Input) -> io::Result<()> {
        loop {
            let line = input.read_line(stream)?;
            if line.is_empty() {
                return Ok(());
            }
            if !line.contains(&b':') || self.trailers.len() == 100 {
                return Err(bad("bad trailers"));
            }
            self.trailers.push(line);
        }
    }
}

/// Whether a comma-separated list has an element, in any case.
fn lists(value: &[u8], element: &str) -> bool {
    let mut parts = value.split(|byte| *byte == b',');
    parts.any(|part| part.trim_ascii().eq_ignore_ascii_case(element.as_bytes()))
}

fn content_length(value: &[u8]) -> io::Result<u64> {
    let digits = value.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(value).ok().filter(|_| digits);
    text.and_then(|text| text.parse().ok())
        .ok_or_else(|| bad("not a body length"))
}

fn chunk_size(line: &[u8]) -> io::Result<u64> {
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
    let text = std::str::from_utf8(digits).unwrap_or("");
    if text.is_empty() || text.len() > 15 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(bad("not a chunk size"));
    }
    u64::from_str_radix(text, 16).map_err(|_| bad("not a chunk size"))
}

fn is_token(bytes: &[u8]) -> bool {
    let fine = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !bytes.is_empty() && bytes.iter().all(fine)
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
