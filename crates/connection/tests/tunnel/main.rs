//! Tunnels: what is left of a connection when HTTP has left.

#[path = "../http1_common/mod.rs"]
mod http1_common;
mod plain;
#[cfg(feature = "tls")]
mod secure;

use http1_common::{LIMITS, Machine, headers};
use nuncio_connection::{
    BodySize, Connection, Error, Read, RequestHead, StreamId, Transmit, Tunnel, TunnelRead,
};
use nuncio_testkit::clock::Clock;
use std::io::IoSlice;

const SWITCH: &[u8] =
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n";
const UPGRADE: [(&str, &str); 3] = [("Host", "h"), ("Upgrade", "x"), ("Connection", "upgrade")];

/// A tunnel, the batch that is being written, and a clock.
struct End {
    tunnel: Tunnel,
    batch: Transmit,
    clock: Clock,
}

impl End {
    fn new(machine: Machine) -> Self {
        let Ok(tunnel) = machine.connection.into_tunnel() else {
            panic!("there is no tunnel")
        };
        End {
            tunnel,
            batch: machine.batch,
            clock: machine.clock,
        }
    }

    fn receive(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let mut buf = self.tunnel.take_recv();
            let room = buf.unfilled();
            let count = room.len().min(bytes.len());
            room[..count].copy_from_slice(&bytes[..count]);
            buf.advance(count);
            self.tunnel.handle_input(buf, self.clock.now());
            bytes = &bytes[count..];
        }
    }

    /// One write that takes `most` bytes.
    fn send_some(&mut self, most: usize) -> Vec<u8> {
        self.tunnel.take_transmit(&mut self.batch);
        let mut slices = [IoSlice::new(&[]); Transmit::MAX_SLICES];
        let count = self.batch.slices(&mut slices);
        let mut piece: Vec<u8> = slices[..count].iter().flat_map(|it| it.to_vec()).collect();
        piece.truncate(most);
        self.tunnel.transmitted(&mut self.batch, piece.len());
        piece
    }

    fn sent(&mut self) -> Vec<u8> {
        let mut sent = Vec::new();
        while self.tunnel.wants_write() {
            let piece = self.send_some(usize::MAX);
            assert!(!piece.is_empty(), "it wants to write, and has nothing");
            sent.extend(piece);
        }
        assert!(self.tunnel.flushed());
        sent
    }

    /// All that can be read, and what came behind it.
    fn read_all(&mut self) -> (Vec<u8>, Result<TunnelRead, Error>) {
        let mut all = Vec::new();
        loop {
            let mut buf = [0; 7];
            match self.tunnel.read(&mut buf) {
                Ok(TunnelRead::Read(count)) => {
                    assert!(count > 0);
                    all.extend_from_slice(&buf[..count]);
                }
                other => return (all, other),
            }
        }
    }
}

fn ask(machine: &mut Machine) -> StreamId {
    machine.open_with("GET", &UPGRADE, BodySize::Empty).unwrap()
}

/// A connection whose request to connect is sent.
fn ask_connect(machine: &mut Machine) -> StreamId {
    let head = RequestHead {
        method: "CONNECT",
        scheme: "http",
        target: "origin.test:22",
        headers: &headers(&[("Host", "origin.test:22")]),
    };
    let now = machine.clock.now();
    let opened = machine.connection.open(head, BodySize::Empty, LIMITS, now);
    opened.unwrap()
}

fn status(machine: &mut Machine, id: StreamId) -> u16 {
    let now = machine.clock.now();
    let head = machine.connection.read_head(id, now).unwrap();
    head.unwrap().status
}

fn no_tunnel(machine: Machine) -> Machine {
    let back: Connection = machine.connection.into_tunnel().unwrap_err();
    Machine {
        connection: back,
        ..machine
    }
}

fn chunk(read: Result<Read, Error>) -> Vec<u8> {
    match read {
        Ok(Read::Chunk(chunk)) => chunk.to_vec(),
        other => panic!("{other:?}"),
    }
}
