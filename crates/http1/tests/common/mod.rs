#![allow(
    dead_code,
    unreachable_pub,
    reason = "every test binary uses a part of this"
)]

//! Drives the codec as a connection would, and writes down what came of it.

pub mod cases;
pub mod fuzz;

use nuncio_headers::Headers;
use nuncio_http1::{BodySize, BodyStep, Config, HeadStep, Http1, RemoteError, Reuse, Theirs};

/// What was asked before the bytes come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    Get,
    Head,
    Connect,
    /// GET with an offer to switch protocols.
    Upgrade,
    /// POST whose body is still being sent.
    Open,
}

#[derive(Debug, Clone, Copy)]
pub struct Setup {
    pub asked: Asked,
    pub config: Config,
    /// The peer closes behind the bytes.
    pub eof: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            asked: Asked::Get,
            config: Config::default(),
            eof: false,
        }
    }
}

pub fn headers(fields: &[(&str, &str)]) -> Headers {
    let mut headers = Headers::new();
    for (name, value) in fields {
        headers.append(name, value).unwrap();
    }
    headers
}

pub fn asked(setup: &Setup) -> Http1 {
    let mut http1 = Http1::new(setup.config);
    let (method, target, body) = match setup.asked {
        Asked::Get | Asked::Upgrade => ("GET", "/", BodySize::Empty),
        Asked::Head => ("HEAD", "/", BodySize::Empty),
        Asked::Connect => ("CONNECT", "h:1", BodySize::Empty),
        Asked::Open => ("POST", "/", BodySize::Unknown),
    };
    let mut fields = vec![("Host", "h")];
    if setup.asked == Asked::Upgrade {
        fields.extend([("Upgrade", "x"), ("Connection", "Upgrade")]);
    }
    let mut out = Vec::new();
    http1
        .send_head(method, target, &headers(&fields), body, &mut out)
        .unwrap();
    http1
}

/// What happened, with data that follows data joined, and the verdict at the end.
pub fn events<'a>(setup: &Setup, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
    let mut peer = Peer {
        http1: asked(setup),
        buffer: Vec::new(),
        events: Vec::new(),
        data: Vec::new(),
        tunnel: Vec::new(),
        ended: false,
        surplus: false,
    };
    if let Err(error) = peer.run(setup.eof, pieces) {
        peer.event(format!("error {error:?}"));
        assert_eq!(peer.http1.receive_head(b"x"), Err(error.clone()));
        assert_eq!(peer.http1.receive_body(b"x"), Err(error.clone()));
        assert_eq!(peer.http1.receive_eof(b""), Err(error));
        assert_eq!(peer.http1.theirs(), Theirs::Failed);
    }
    let verdict = match peer.http1.reuse() {
        Reuse::Ready => "reuse ready".to_owned(),
        Reuse::Busy => "reuse busy".to_owned(),
        Reuse::Never(reason) => format!("reuse never: {reason}"),
    };
    peer.event(verdict);
    peer.events
}

struct Peer {
    http1: Http1,
    buffer: Vec<u8>,
    events: Vec<String>,
    data: Vec<u8>,
    tunnel: Vec<u8>,
    ended: bool,
    surplus: bool,
}

impl Peer {
    fn run<'a>(
        &mut self,
        eof: bool,
        pieces: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<(), RemoteError> {
        for piece in pieces {
            self.buffer.extend_from_slice(piece);
            self.process()?;
        }
        if eof {
            self.http1.receive_eof(&self.buffer)?;
            self.process()?;
            self.event("closed".to_owned());
        }
        Ok(())
    }

    fn process(&mut self) -> Result<(), RemoteError> {
        while self.http1.theirs() == Theirs::Head {
            match self.http1.receive_head(&self.buffer)? {
                HeadStep::NeedMore => return Ok(()),
                HeadStep::Head { head, used } => {
                    self.buffer.drain(..used);
                    let mut event =
                        format!("head {:?} {} {:?}", head.version, head.status, head.reason);
                    for field in head.headers.iter() {
                        event.push_str(&field_text(field));
                    }
                    let last = self.http1.theirs() != Theirs::Head;
                    assert_eq!(head.is_interim(), !last);
                    self.event(event);
                }
            }
        }
        if self.http1.theirs() == Theirs::Switched {
            self.tunnel.append(&mut self.buffer);
            return Ok(());
        }
        while !self.ended {
            match self.http1.receive_body(&self.buffer)? {
                BodyStep::NeedMore { used } => {
                    self.buffer.drain(..used);
                    return Ok(());
                }
                BodyStep::Data { range } => {
                    assert!(!range.is_empty());
                    self.data.extend_from_slice(&self.buffer[range.clone()]);
                    self.buffer.drain(..range.end);
                }
                BodyStep::End { used, trailers } => {
                    self.buffer.drain(..used);
                    let mut event = "end".to_owned();
                    for field in trailers.iter().flat_map(|trailers| trailers.iter()) {
                        event.push_str(&field_text(field));
                    }
                    self.event(event);
                    self.ended = true;
                }
            }
        }
        if !self.buffer.is_empty() && !self.surplus {
            self.http1.surplus();
            self.surplus = true;
            self.event("surplus".to_owned());
        }
        self.buffer.clear();
        Ok(())
    }

    fn event(&mut self, event: String) {
        for (name, bytes) in [("data", &mut self.data), ("tunnel", &mut self.tunnel)] {
            if !bytes.is_empty() {
                self.events
                    .push(format!("{name} \"{}\"", bytes.escape_ascii()));
                bytes.clear();
            }
        }
        self.events.push(event);
    }
}

fn field_text((name, value): (&str, &[u8])) -> String {
    format!(" [{name}: {}]", value.escape_ascii())
}

/// One byte at a time.
pub fn bytewise(message: &[u8]) -> impl Iterator<Item = &[u8]> {
    message.chunks(1)
}

/// Every way to cut `message` into pieces behind its first `keep` bytes.
pub fn every_split(message: &[u8], keep: usize) -> impl Iterator<Item = Vec<&[u8]>> {
    let cuts = message.len().saturating_sub(keep);
    assert!(cuts <= 16, "2^{cuts} ways");
    (0..1_u32 << cuts).map(move |set| {
        let mut pieces = Vec::new();
        let mut start = 0;
        for cut in 0..cuts {
            if set & (1 << cut) != 0 && keep + cut > 0 {
                pieces.push(&message[start..keep + cut]);
                start = keep + cut;
            }
        }
        pieces.push(&message[start..]);
        pieces
    })
}

/// The same events whole, byte by byte and cut in two anywhere; gives them.
#[track_caller]
pub fn split_invariant(setup: &Setup, message: &[u8]) -> Vec<String> {
    let whole = events(setup, [message]);
    assert_eq!(events(setup, bytewise(message)), whole, "byte by byte");
    for cut in 0..=message.len() {
        let (first, second) = message.split_at(cut);
        assert_eq!(events(setup, [first, second]), whole, "cut at {cut}");
    }
    whole
}
