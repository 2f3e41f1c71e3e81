#![allow(
    dead_code,
    unreachable_pub,
    reason = "every test binary uses a part of this"
)]

//! A connection without a socket, on a clock that a test moves.

use bytes::Bytes;
use nuncio_connection::{
    BodySize, Connection, ConnectionConfig, Deadlines, Error, Layer, Read, RequestHead, Reuse,
    StreamId, Transmit,
};
use nuncio_headers::Headers;
use nuncio_testkit::clock::Clock;
use std::io::IoSlice;
use std::sync::Arc;
use std::time::Duration;

pub const LIMITS: Deadlines = Deadlines {
    read: Some(Duration::from_secs(5)),
    write: Some(Duration::from_secs(3)),
    expect: None,
};

pub struct Machine {
    pub connection: Connection,
    pub batch: Transmit,
    pub clock: Clock,
    /// Call `handle_timeout` before everything else, whether anything is due or not.
    pub nervous: bool,
}

pub fn plain() -> Machine {
    over(Vec::new(), None, ConnectionConfig::default())
}

pub fn over(layers: Vec<Layer>, handshake: Option<Duration>, config: ConnectionConfig) -> Machine {
    let clock = Clock::new();
    let connection = Connection::new(Arc::new(config), layers, handshake, clock.now()).unwrap();
    Machine {
        connection,
        batch: Transmit::default(),
        clock,
        nervous: false,
    }
}

pub fn headers(fields: &[(&str, &str)]) -> Headers {
    let mut headers = Headers::new();
    for (name, value) in fields {
        headers.append(name, value).unwrap();
    }
    headers
}

impl Machine {
    pub fn open(&mut self, method: &str, body: BodySize) -> Result<StreamId, Error> {
        self.open_with(method, &[("Host", "h")], body)
    }

    pub fn open_with(
        &mut self,
        method: &str,
        fields: &[(&str, &str)],
        body: BodySize,
    ) -> Result<StreamId, Error> {
        let head = RequestHead {
            method,
            scheme: "http",
            target: "/",
            headers: &headers(fields),
        };
        self.connection.open(head, body, LIMITS, self.clock.now())
    }

    pub fn get(&mut self) -> StreamId {
        let id = self.open("GET", BodySize::Empty).unwrap();
        assert_eq!(self.sent(), b"GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        id
    }

    /// Takes what is to be sent, all of it.
    pub fn sent(&mut self) -> Vec<u8> {
        let mut sent = Vec::new();
        while self.connection.wants_write() {
            self.maybe_timeout();
            let piece = self.send_some(usize::MAX);
            assert!(!piece.is_empty(), "it wants to write, and has nothing");
            sent.extend(piece);
        }
        sent
    }

    /// One write that takes `most` bytes.
    pub fn send_some(&mut self, most: usize) -> Vec<u8> {
        self.connection.take_transmit(&mut self.batch);
        let mut slices = [IoSlice::new(&[]); Transmit::MAX_SLICES];
        let count = self.batch.slices(&mut slices);
        let mut piece: Vec<u8> = slices[..count].iter().flat_map(|it| it.to_vec()).collect();
        piece.truncate(most);
        let now = self.clock.now();
        self.connection
            .transmitted(&mut self.batch, piece.len(), now);
        piece
    }

    /// Hands in what the peer sent, in as many reads as the buffers make of it.
    pub fn receive(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            self.maybe_timeout();
            let mut buf = self.connection.take_recv();
            let room = buf.unfilled();
            assert!(!room.is_empty());
            let count = room.len().min(bytes.len());
            room[..count].copy_from_slice(&bytes[..count]);
            buf.advance(count);
            self.connection.handle_input(buf, self.clock.now());
            bytes = &bytes[count..];
        }
    }

    fn maybe_timeout(&mut self) {
        if self.nervous {
            self.connection.handle_timeout(self.clock.now());
        }
    }

    pub fn body(&mut self, id: StreamId) -> Result<Read, Error> {
        self.connection.read_body(id, self.clock.now())
    }
}

/// What came of an answer, with data that follows data joined.
#[derive(Default, Debug, PartialEq)]
pub struct Events {
    pub list: Vec<String>,
    data: Vec<u8>,
    headed: bool,
    over: bool,
}

impl Events {
    fn push(&mut self, event: String) {
        if !self.data.is_empty() {
            self.list
                .push(format!("data \"{}\"", self.data.escape_ascii()));
            self.data.clear();
        }
        self.list.push(event);
    }

    /// Pulls all that can be pulled.
    pub fn pull(&mut self, machine: &mut Machine, id: StreamId) {
        while !self.over {
            machine.maybe_timeout();
            let now = machine.clock.now();
            if !self.headed {
                match machine.connection.read_head(id, now) {
                    Ok(None) => return,
                    Ok(Some(head)) => {
                        self.headed = !head.is_interim();
                        let fields: Vec<_> = head.headers.iter().collect();
                        self.push(format!("head {} {fields:?}", head.status));
                    }
                    Err(error) => self.fail(&error),
                }
                continue;
            }
            match machine.connection.read_body(id, now) {
                Ok(Read::Chunk(chunk)) => {
                    assert!(!chunk.is_empty());
                    self.data.extend_from_slice(&chunk);
                }
                Ok(Read::Blocked) => return,
                Ok(Read::Trailers(trailers)) => {
                    self.push(format!(
                        "trailers {:?}",
                        trailers.iter().collect::<Vec<_>>()
                    ));
                }
                Ok(Read::End) => {
                    self.push("end".to_owned());
                    self.over = true;
                }
                Err(error) => self.fail(&error),
            }
        }
    }

    fn fail(&mut self, error: &Error) {
        self.push(format!("error {error:?}"));
        self.over = true;
    }

    /// The list, and what is to become of the connection.
    pub fn finish(mut self, machine: &Machine) -> Vec<String> {
        let verdict = match machine.connection.reuse() {
            Reuse::Never(reason) => format!("never: {reason}"),
            verdict => format!("{verdict:?}"),
        };
        self.push(verdict);
        self.list
    }
}

pub fn chunk(bytes: &'static [u8]) -> Bytes {
    Bytes::from_static(bytes)
}
