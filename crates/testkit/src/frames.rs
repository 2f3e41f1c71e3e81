//! HTTP/2 frames written and read by hand (RFC 9113 section 4.1), and a peer that does with them
//! what a test says, rules or no rules. Fields are HPACK literals: nothing is compressed.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;

use crate::host::{Accepted, Host};
use crate::latch::Latch;

/// What a client begins with.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A frame's type.
pub const DATA: u8 = 0;
/// A frame's type.
pub const HEADERS: u8 = 1;
/// A frame's type.
pub const RST_STREAM: u8 = 3;
/// A frame's type.
pub const SETTINGS: u8 = 4;
/// A frame's type.
pub const PUSH_PROMISE: u8 = 5;
/// A frame's type.
pub const PING: u8 = 6;
/// A frame's type.
pub const GOAWAY: u8 = 7;
/// A frame's type.
pub const WINDOW_UPDATE: u8 = 8;
/// A frame's type.
pub const CONTINUATION: u8 = 9;

/// A flag of DATA and HEADERS.
pub const END_STREAM: u8 = 1;
/// A flag of SETTINGS and PING.
pub const ACK: u8 = 1;
/// A flag of HEADERS, PUSH_PROMISE and CONTINUATION.
pub const END_HEADERS: u8 = 4;

/// `:status: 200`.
pub const OK: &[u8] = &[0x88];

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Its type.
    pub kind: u8,
    /// Its flags.
    pub flags: u8,
    /// Its stream; 0 for the connection.
    pub stream: u32,
    /// What follows its nine bytes of head.
    pub payload: Vec<u8>,
}

impl Frame {
    /// The four bytes at `at` as a number.
    pub fn number(&self, at: usize) -> u32 {
        u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap())
    }
}

/// Any frame.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// SETTINGS with these values.
pub fn settings(values: &[(u16, u32)]) -> Vec<u8> {
    let mut payload = Vec::new();
    for (id, value) in values {
        payload.extend(id.to_be_bytes());
        payload.extend(value.to_be_bytes());
    }
    frame(SETTINGS, 0, 0, &payload)
}

/// HEADERS that are complete, with this block.
pub fn headers(stream: u32, flags: u8, block: &[u8]) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | flags, stream, block)
}

/// DATA.
pub fn data(stream: u32, flags: u8, bytes: &[u8]) -> Vec<u8> {
    frame(DATA, flags, stream, bytes)
}

/// RST_STREAM.
pub fn reset(stream: u32, code: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &code.to_be_bytes())
}

/// GOAWAY.
pub fn goaway(last: u32, code: u32, debug: &[u8]) -> Vec<u8> {
    frame(
        GOAWAY,
        0,
        0,
        &[&last.to_be_bytes()[..], &code.to_be_bytes()[..], debug].concat(),
    )
}

/// WINDOW_UPDATE.
pub fn window_update(stream: u32, increment: u32) -> Vec<u8> {
    frame(WINDOW_UPDATE, 0, stream, &increment.to_be_bytes())
}

/// Fields as HPACK literals without indexing and without Huffman coding (RFC 7541 section 6.2.2).
pub fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            let mut length = text.len();
            if length < 127 {
                block.push(length as u8);
            } else {
                block.push(127);
                length -= 127;
                while length >= 128 {
                    block.push(length as u8 | 128);
                    length >>= 7;
                }
                block.push(length as u8);
            }
            block.extend(text.as_bytes());
        }
    }
    block
}

/// A server that leaves every connection to the test's function, in a thread of its own. Dropping it
/// closes every connection and joins every thread.
pub struct FramePeer {
    host: Host,
}

impl FramePeer {
    /// Listens on a free port of 127.0.0.1, without TLS. `serve` is called with every connection
    /// and its number, from 0; an error only ends the connection.
    ///
    /// # Panics
    ///
    /// When no port can be had.
    pub fn start(serve: impl Fn(&mut Wire, u64) -> io::Result<()> + Send + Sync + 'static) -> Self {
        Self::start_over(None, serve)
    }

    /// As [`start`](Self::start), over TLS; what ALPN offers is the configuration's.
    pub fn start_tls(
        config: Arc<ServerConfig>,
        serve: impl Fn(&mut Wire, u64) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        Self::start_over(Some(config), serve)
    }

    fn start_over(
        tls: Option<Arc<ServerConfig>>,
        serve: impl Fn(&mut Wire, u64) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let host = Host::start((Ipv4Addr::LOCALHOST, 0).into(), tls, move |accepted| {
            let id = accepted.id;
            let mut wire = Wire {
                accepted,
                received: Vec::new(),
            };
            // A client that goes away is no fault of the test's.
            let _ = serve(&mut wire, id);
        });
        FramePeer {
            host: host.expect("a free loopback port"),
        }
    }

    /// The address that it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.host.addr()
    }

    /// `http://` and the address and `path`, which starts with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr())
    }

    /// How many connections were accepted.
    pub fn connections(&self) -> u64 {
        self.host.accepted()
    }

    /// How many connections are open now.
    pub fn open(&self) -> usize {
        self.host.open()
    }
}

/// The server's end of a connection.
pub struct Wire {
    accepted: Accepted,
    received: Vec<u8>,
}

impl Wire {
    /// Reads the client's preface and answers with these settings.
    pub fn greet(&mut self, values: &[(u16, u32)]) -> io::Result<()> {
        self.preface()?;
        self.send(&settings(values))
    }

    /// Sends these settings before the client has sent a byte of HTTP/2: over TLS, where the configuration
    /// has `send_half_rtt_data`, with what ends our side of the handshake. Then reads its preface.
    pub fn greet_first(&mut self, values: &[(u16, u32)]) -> io::Result<()> {
        self.accepted.stream.write_ahead(&settings(values))?;
        self.preface()
    }

    fn preface(&mut self) -> io::Result<()> {
        self.fill(PREFACE.len())?;
        let preface: Vec<u8> = self.received.drain(..PREFACE.len()).collect();
        if preface != PREFACE {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(())
    }

    /// The next frame of the client's.
    pub fn frame(&mut self) -> io::Result<Frame> {
        self.fill(9)?;
        let number = |bytes: &[u8]| bytes.iter().fold(0, |n, b| n << 8 | u32::from(*b));
        let length = number(&self.received[..3]) as usize;
        self.fill(9 + length)?;
        let bytes: Vec<u8> = self.received.drain(..9 + length).collect();
        Ok(Frame {
            kind: bytes[3],
            flags: bytes[4],
            stream: number(&bytes[5..9]) & 0x7fff_ffff,
            payload: bytes[9..].to_vec(),
        })
    }

    /// Reads up to the next frame of this type. PINGs and SETTINGS on the way are acknowledged.
    pub fn until(&mut self, kind: u8) -> io::Result<Frame> {
        loop {
            let frame = self.frame()?;
            if frame.kind == kind {
                return Ok(frame);
            }
            self.acknowledge(&frame)?;
        }
    }

    /// Answers `came`, if it is a PING or SETTINGS.
    pub fn acknowledge(&mut self, came: &Frame) -> io::Result<()> {
        match (came.kind, came.flags & ACK) {
            (SETTINGS, 0) => self.send(&frame(SETTINGS, ACK, 0, &[])),
            (PING, 0) => self.send(&frame(PING, ACK, 0, &came.payload)),
            _ => Ok(()),
        }
    }

    /// Sends these bytes.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.accepted.stream.write_all(bytes)?;
        self.accepted.stream.flush()
    }

    /// Sends them so many times.
    pub fn flood(&mut self, bytes: &[u8], times: usize) -> io::Result<()> {
        let batch = bytes.repeat(times.min(10_000));
        for _ in 0..times / 10_000 {
            self.send(&batch)?;
        }
        self.send(&bytes.repeat(times % 10_000))
    }

    /// Reads and acknowledges until the client is gone.
    pub fn linger(&mut self) -> io::Result<()> {
        loop {
            let frame = self.frame()?;
            self.acknowledge(&frame)?;
        }
    }

    /// Ends our side, and reads until the client is gone: a socket that is closed with bytes unread
    /// ends in a reset, which may take from the client what was sent before.
    pub fn end(&mut self) -> io::Result<()> {
        self.accepted.stream.close_notify();
        self.accepted.stream.socket().shutdown(Shutdown::Write);
        loop {
            match self.frame() {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    /// Neither reads nor writes until the peer is dropped or this long is over.
    pub fn sleep(&mut self, time: Duration) {
        self.accepted.stop.wait(time);
    }

    /// Opens when the peer is dropped.
    pub fn stop(&self) -> &Latch {
        &self.accepted.stop
    }

    fn fill(&mut self, length: usize) -> io::Result<()> {
        let mut buffer = [0; 16 * 1024];
        while self.received.len() < length {
            match self.accepted.stream.read(&mut buffer)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => self.received.extend_from_slice(&buffer[..read]),
            }
        }
        Ok(())
    }
}
