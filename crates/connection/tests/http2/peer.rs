//! A connection and a peer that writes its frames by hand, on a clock that stands still.

use nuncio_connection::{
    BodySize, Connection, ConnectionConfig, Deadlines, Error, PriorKnowledge, Read, RequestHead,
    StreamId, Transmit,
};
use nuncio_headers::Headers;
use nuncio_testkit::clock::Clock;
use nuncio_testkit::split::Split;
use std::sync::Arc;
use std::time::Duration;

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// `fields` as HPACK literals without indexing (RFC 7541 section 6.2.2).
pub(crate) fn headers(stream: u32, flags: u8, fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            block.push(text.len() as u8);
            block.extend(text.as_bytes());
        }
    }
    frame(HEADERS, END_HEADERS | flags, stream, &block)
}

pub(crate) fn ok(stream: u32, flags: u8) -> Vec<u8> {
    headers(stream, flags, &[(":status", "200")])
}

/// SETTINGS with the window that each stream begins with, and an acknowledgement of the client's.
pub(crate) fn settings(window: u32) -> Vec<u8> {
    let payload = [&[0, 4][..], &window.to_be_bytes()].concat();
    [
        frame(SETTINGS, 0, 0, &payload),
        frame(SETTINGS, ACK, 0, &[]),
    ]
    .concat()
}

/// The client, and what it has sent.
pub(crate) struct Client {
    pub(crate) connection: Connection,
    pub(crate) clock: Clock,
    batch: Transmit,
    sent: Vec<u8>,
}

impl Client {
    /// One whose peer has introduced itself.
    pub(crate) fn new(window: u32) -> Self {
        Self::with(ConnectionConfig::default(), window)
    }

    pub(crate) fn with(mut config: ConnectionConfig, window: u32) -> Self {
        config.prior_knowledge = PriorKnowledge::Http2;
        let clock = Clock::new();
        let connection = Connection::new(Arc::new(config), vec![], None, clock.now()).unwrap();
        let mut client = Client {
            connection,
            clock,
            batch: Transmit::default(),
            sent: Vec::new(),
        };
        client.flush();
        client.sent.drain(..24);
        client.receive(&settings(window));
        client.frames();
        client
    }

    pub(crate) fn open(&mut self, body: BodySize, deadlines: Deadlines) -> StreamId {
        self.try_open(body, deadlines).unwrap()
    }

    pub(crate) fn try_open(
        &mut self,
        body: BodySize,
        deadlines: Deadlines,
    ) -> Result<StreamId, Error> {
        let mut headers = Headers::new();
        headers.append("Host", "example.com").unwrap();
        let method = if body == BodySize::Empty {
            "GET"
        } else {
            "POST"
        };
        let head = RequestHead {
            method,
            scheme: "https",
            target: "/",
            headers: &headers,
        };
        self.connection
            .open(head, body, deadlines, self.clock.now())
    }

    pub(crate) fn get(&mut self) -> StreamId {
        self.open(BodySize::Empty, Deadlines::default())
    }

    /// A request whose answer has so many seconds.
    pub(crate) fn get_within(&mut self, seconds: u32) -> StreamId {
        self.open(BodySize::Empty, limits(seconds, seconds))
    }

    /// The peer sends this, cut somehow; answers go out in between.
    pub(crate) fn receive_split(
        &mut self,
        bytes: &[u8],
        split: Split,
        mut each: impl FnMut(&mut Self),
    ) {
        for piece in split.pieces(bytes) {
            assert!(self.connection.wants_read());
            let mut buf = self.connection.take_recv();
            buf.unfilled()[..piece.len()].copy_from_slice(piece);
            buf.advance(piece.len());
            self.connection.handle_input(buf, self.clock.now());
            each(self);
            self.flush();
        }
    }

    pub(crate) fn receive(&mut self, bytes: &[u8]) {
        self.receive_split(bytes, Split::Whole, |_| {});
    }

    /// Everything that can leave, leaves.
    pub(crate) fn flush(&mut self) {
        while self.connection.wants_write() {
            self.connection.take_transmit(&mut self.batch);
            let length = self.batch.front().len();
            self.sent.extend_from_slice(self.batch.front());
            self.connection
                .transmitted(&mut self.batch, length, self.clock.now());
        }
    }

    /// Kind, flags, stream and payload of what has left since the last call.
    pub(crate) fn frames(&mut self) -> Vec<(u8, u8, u32, Vec<u8>)> {
        self.flush();
        let mut frames = Vec::new();
        let mut rest = std::mem::take(&mut self.sent);
        while !rest.is_empty() {
            let length = u32::from_be_bytes([0, rest[0], rest[1], rest[2]]) as usize;
            let stream = u32::from_be_bytes(rest[5..9].try_into().unwrap());
            let tail = rest.split_off(9 + length);
            frames.push((rest[3], rest[4], stream, rest[9..].to_vec()));
            rest = tail;
        }
        frames
    }

    /// Time passes, and the connection is told.
    pub(crate) fn pass(&mut self, time: Duration) {
        self.clock.advance(time);
        self.connection.handle_timeout(self.clock.now());
    }

    pub(crate) fn head(&mut self, id: StreamId) -> Result<Option<u16>, Error> {
        let head = self.connection.read_head(id, self.clock.now())?;
        Ok(head.map(|head| head.status))
    }

    pub(crate) fn body(&mut self, id: StreamId) -> Result<Read, Error> {
        self.connection.read_body(id, self.clock.now())
    }

    pub(crate) fn ready(&mut self) -> Vec<StreamId> {
        std::iter::from_fn(|| self.connection.poll_ready())
            .map(|(id, _)| id)
            .collect()
    }
}

pub(crate) const SECOND: Duration = Duration::from_secs(1);

pub(crate) fn limits(read: u32, write: u32) -> Deadlines {
    Deadlines {
        read: Some(SECOND * read),
        write: Some(SECOND * write),
        expect: None,
    }
}
