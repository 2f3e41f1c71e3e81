//! A peer that writes its frames by hand.

pub(crate) use nuncio_testkit::frames::*;

use nuncio_http2::{Config, Http2, Read, Ready, StreamError, StreamId};

/// A client and what it sent.
pub(crate) struct Raw {
    pub(crate) http2: Http2,
    /// What the client began with: SETTINGS and a WINDOW_UPDATE.
    pub(crate) opening: Vec<Frame>,
    sent: Vec<u8>,
}

impl Raw {
    /// A client that has seen SETTINGS and an acknowledgement of its own.
    pub(crate) fn new() -> Self {
        Self::with(Config::new(), &[])
    }

    pub(crate) fn with(config: Config, values: &[(u16, u32)]) -> Self {
        let mut raw = Self::unanswered(config);
        raw.feed(&settings(values));
        raw.feed(&frame(SETTINGS, ACK, 0, &[]));
        raw.frames();
        raw
    }

    /// A client that has seen nothing yet.
    pub(crate) fn unanswered(config: Config) -> Self {
        let http2 = Http2::new(config).unwrap();
        let mut raw = Self {
            http2,
            opening: Vec::new(),
            sent: Vec::new(),
        };
        raw.flush();
        assert!(raw.sent.starts_with(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
        raw.sent.drain(..24);
        raw.opening = raw.frames();
        raw
    }

    /// Feeds everything, taking output where the client asks for that.
    pub(crate) fn feed(&mut self, mut bytes: &[u8]) {
        loop {
            let taken = self.http2.handle_input(bytes);
            bytes = &bytes[taken..];
            if bytes.is_empty() {
                return;
            }
            let before = self.sent.len();
            self.flush();
            assert!(
                taken > 0 || self.sent.len() > before || self.http2.wants_input(),
                "stuck"
            );
        }
    }

    fn flush(&mut self) {
        while self.http2.take_output(&mut self.sent) > 0 {}
    }

    /// The frames that were sent since the last call.
    pub(crate) fn frames(&mut self) -> Vec<Frame> {
        self.flush();
        let bytes = std::mem::take(&mut self.sent);
        let mut rest = &bytes[..];
        let mut frames = Vec::new();
        while !rest.is_empty() {
            let length = u32::from_be_bytes([0, rest[0], rest[1], rest[2]]) as usize;
            let stream = u32::from_be_bytes(rest[5..9].try_into().unwrap());
            let payload = rest[9..9 + length].to_vec();
            frames.push(Frame {
                kind: rest[3],
                flags: rest[4],
                stream,
                payload,
            });
            rest = &rest[9 + length..];
        }
        frames
    }

    /// Opens a GET and lets it leave.
    pub(crate) fn get(&mut self) -> StreamId {
        let id = self.http2.open(request("GET"), true).unwrap();
        self.flush();
        id
    }

    /// Opens a POST and lets its head leave.
    pub(crate) fn post(&mut self) -> StreamId {
        let id = self.http2.open(request("POST"), false).unwrap();
        self.flush();
        id
    }

    pub(crate) fn ready(&mut self) -> Vec<(u32, Ready)> {
        std::iter::from_fn(|| self.http2.poll_ready())
            .map(|(id, r)| (id.as_u32(), r))
            .collect()
    }

    /// Reads a response as far as it goes: heads, body, trailers, end or error.
    pub(crate) fn read(&mut self, id: StreamId) -> Vec<Seen> {
        let mut seen = Vec::new();
        read_on(&mut self.http2, id, &mut seen);
        seen
    }

    /// The error in which a response ends.
    pub(crate) fn error(&mut self, id: StreamId) -> StreamError {
        match self.read(id).pop() {
            Some(Seen::Failed(error)) => error,
            other => panic!("no error but {other:?}"),
        }
    }
}

/// What a reader sees of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Head(u16),
    Body(Vec<u8>),
    Trailers(usize),
    End,
    Failed(StreamError),
}

/// Appends to `seen`; pieces of the body are joined. Returns whether the response is over.
pub(crate) fn read_on(http2: &mut Http2, id: StreamId, seen: &mut Vec<Seen>) -> bool {
    while !seen
        .iter()
        .any(|s| matches!(s, Seen::Head(status) if *status >= 200))
    {
        match http2.read_head(id) {
            Ok(Some(head)) => seen.push(Seen::Head(head.status().as_u16())),
            Ok(None) => return false,
            Err(error) => {
                seen.push(Seen::Failed(error));
                return true;
            }
        }
    }
    loop {
        match http2.read_body(id) {
            Ok(Read::Chunk(chunk)) => match seen.last_mut() {
                Some(Seen::Body(body)) => body.extend(chunk),
                _ => seen.push(Seen::Body(chunk.to_vec())),
            },
            Ok(Read::Trailers(trailers)) => seen.push(Seen::Trailers(trailers.len())),
            Ok(Read::Blocked) => return false,
            Ok(Read::End) => {
                seen.push(Seen::End);
                return true;
            }
            Err(error) => {
                seen.push(Seen::Failed(error));
                return true;
            }
        }
    }
}

pub(crate) fn request(method: &str) -> http::Request<()> {
    http::Request::builder()
        .method(method)
        .uri("https://example.com/a?b")
        .body(())
        .unwrap()
}

/// A small generator (xorshift), so that runs repeat.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// A number below `limit`.
    pub(crate) fn roll(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}
