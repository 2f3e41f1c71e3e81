//! HTTP/1.1 over TLS without a socket: rustls' own server at the other end, its bytes in any pieces.
#![cfg(feature = "tls")]

mod http1_common;

use bytes::Bytes;
use http1_common::{Events, LIMITS, Machine, chunk, over};
use nuncio_connection::{
    BodySize, ConnectionConfig, Error, Layer, NeverReason, Phase, Processed, Protocol, Read, Reuse,
    TlsError, TlsParams, Write,
};
use nuncio_testkit::certs::{Authority, Fault};
use nuncio_testkit::rng::Rng;
use rustls::{ClientConfig, ServerConfig, ServerConnection};
use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::time::Duration;

const HANDSHAKE: Duration = Duration::from_secs(2);

/// Certificates are made once for many handshakes.
struct Setup {
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
}

fn setup(alpn: &[&str]) -> Setup {
    let authority = Authority::new();
    Setup {
        client: authority.client_config(&["http/1.1"]),
        server: authority.leaf().server_config(alpn),
    }
}

/// Both ends, and how the server's bytes are cut on their way.
struct Link {
    machine: Machine,
    server: ServerConnection,
    /// What the server has read, decrypted.
    request: Vec<u8>,
    cut: Cut,
    delivered: usize,
}

#[derive(Clone, Copy)]
enum Cut {
    Whole,
    Every(usize),
    /// In two, at this byte of all that the server sends.
    At(usize),
    Random(u64),
}

impl Link {
    fn new(setup: &Setup, cut: Cut) -> Self {
        let params = TlsParams {
            config: setup.client.clone(),
            server_name: "localhost".to_owned(),
        };
        let layers = vec![Layer::Tls(params)];
        Link {
            machine: over(layers, Some(HANDSHAKE), ConnectionConfig::default()),
            server: ServerConnection::new(setup.server.clone()).unwrap(),
            request: Vec::new(),
            cut,
            delivered: 0,
        }
    }

    /// Moves bytes both ways until there are none.
    fn run(&mut self) {
        loop {
            let sent = self.machine.sent();
            let mut rest = &sent[..];
            while !rest.is_empty() {
                self.server.read_tls(&mut rest).unwrap();
                // A client that refuses the certificate says so, which is an error here.
                let _ = self.server.process_new_packets();
                let _ = self.server.reader().read_to_end(&mut self.request);
            }
            let mut back = Vec::new();
            while self.server.wants_write() {
                self.server.write_tls(&mut back).unwrap();
            }
            if sent.is_empty() && back.is_empty() {
                return;
            }
            self.deliver(&back);
        }
    }

    fn deliver(&mut self, bytes: &[u8]) {
        let mut rng = Rng::new(match self.cut {
            Cut::Random(seed) => seed + self.delivered as u64,
            _ => 0,
        });
        let mut rest = bytes;
        while !rest.is_empty() {
            let piece = match self.cut {
                Cut::Whole => rest.len(),
                Cut::Every(count) => count,
                Cut::At(at) if at > self.delivered => at - self.delivered,
                Cut::At(_) => rest.len(),
                Cut::Random(_) => 1 + rng.below(60),
            };
            let (now, later) = rest.split_at(piece.min(rest.len()));
            self.machine.receive(now);
            self.delivered += now.len();
            rest = later;
        }
    }

    fn established(setup: &Setup) -> Self {
        let mut link = Link::new(setup, Cut::Whole);
        link.run();
        assert_eq!(link.machine.connection.protocol(), Some(Protocol::Http1));
        link
    }

    /// The server says this, in a record of its own.
    fn answer(&mut self, text: &str) {
        self.server.writer().write_all(text.as_bytes()).unwrap();
        self.run();
    }
}

const ANSWER: [&str; 3] = [
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
    "lo\r\n6\r\n world\r\n",
    "0\r\nX-Sum: 1\r\n\r\n",
];

/// A whole exchange and what came of it, and how many bytes the server sent for it.
fn exchange(setup: &Setup, cut: Cut, nervous: bool) -> (Vec<String>, usize) {
    let mut link = Link::new(setup, cut);
    link.machine.nervous = nervous;
    link.run();
    let id = link.machine.open("GET", BodySize::Empty).unwrap();
    link.run();
    assert_eq!(link.request, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    let mut events = Events::default();
    for text in ANSWER {
        link.answer(text);
        events.pull(&mut link.machine, id);
    }
    assert!(link.machine.connection.quiet(), "tickets are no surplus");
    (events.finish(&link.machine), link.delivered)
}

#[test]
fn an_exchange_gives_the_same_events_however_the_records_are_cut() {
    let setup = setup(&["http/1.1"]);
    let (whole, length) = exchange(&setup, Cut::Whole, false);
    assert_eq!(whole[1], "data \"hello world\"", "{whole:?}");
    assert_eq!(whole.last().unwrap(), "Idle", "{whole:?}");
    assert!(length > 500);
    for count in [1, 2, 3, 5, 64, 1000] {
        assert_eq!(
            exchange(&setup, Cut::Every(count), count < 3).0,
            whole,
            "{count}"
        );
    }
    for seed in 0..10 {
        assert_eq!(exchange(&setup, Cut::Random(seed), seed % 2 == 0).0, whole);
    }
    // Every cut near a record's start matters most, and those are everywhere: a prime step.
    for at in (0..length).step_by(17) {
        assert_eq!(exchange(&setup, Cut::At(at), false).0, whole, "cut at {at}");
    }
}

#[test]
fn the_handshake_ends_exactly_at_its_limit() {
    let setup = setup(&[]);
    let mut link = Link::new(&setup, Cut::Whole);
    let due = link.machine.clock.now() + HANDSHAKE;
    let connection = &mut link.machine.connection;
    assert_eq!(connection.protocol(), None);
    assert_eq!(connection.next_timeout(), Some(due));
    connection.handle_timeout(due - Duration::from_nanos(1));
    assert_eq!(connection.failure(), None);
    connection.handle_timeout(due);
    assert_eq!(connection.failure(), Some(&Error::Timeout(Phase::Connect)));
    assert_eq!(connection.next_timeout(), None);
    assert!(!connection.wants_read());
}

#[test]
fn a_handshake_that_dribbles_has_one_limit_for_all_of_it() {
    let setup = setup(&[]);
    let mut link = Link::new(&setup, Cut::Whole);
    let due = link.machine.clock.now() + HANDSHAKE;
    let hello = link.machine.sent();
    let mut rest = &hello[..];
    link.server.read_tls(&mut rest).unwrap();
    link.server.process_new_packets().unwrap();
    let mut flight = Vec::new();
    link.server.write_tls(&mut flight).unwrap();
    for byte in flight[..100].chunks(1) {
        link.machine.clock.advance(Duration::from_millis(1));
        link.machine.receive(byte);
        assert_eq!(link.machine.connection.next_timeout(), Some(due));
    }
}

#[test]
fn the_limit_of_the_handshake_ends_with_it() {
    let mut link = Link::established(&setup(&["http/1.1"]));
    assert_eq!(link.machine.connection.next_timeout(), None);
    let id = link.machine.open("GET", BodySize::Empty).unwrap();
    let due = link.machine.clock.now() + LIMITS.write.unwrap();
    assert_eq!(link.machine.connection.next_timeout(), Some(due));
    link.run();
    let now = link.machine.clock.now();
    assert_eq!(link.machine.connection.read_head(id, now), Ok(None));
    let due = now + LIMITS.read.unwrap();
    assert_eq!(link.machine.connection.next_timeout(), Some(due));
    link.machine.connection.handle_timeout(due);
    assert_eq!(
        link.machine.connection.failure(),
        Some(&Error::Timeout(Phase::Read))
    );
}

#[test]
fn an_end_inside_the_handshake_is_told_as_such() {
    let setup = setup(&[]);
    let mut link = Link::new(&setup, Cut::Whole);
    link.machine.sent();
    link.machine.connection.handle_eof();
    let failure = link.machine.connection.failure();
    assert_eq!(failure, Some(&Error::Tls(TlsError::Truncated)));
    let mut link = Link::new(&setup, Cut::Whole);
    link.machine.receive(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    let failure = link.machine.connection.failure();
    assert!(
        matches!(failure, Some(Error::Tls(TlsError::Failed(_)))),
        "{failure:?}"
    );
}

#[test]
fn a_certificate_that_is_refused_fails_the_connection() {
    let authority = Authority::new();
    for fault in Fault::ALL {
        let setup = Setup {
            client: authority.client_config(&["http/1.1"]),
            server: authority.faulty_leaf(fault).server_config(&[]),
        };
        let mut link = Link::new(&setup, Cut::Every(7));
        link.run();
        let failure = link.machine.connection.failure();
        let Some(Error::Tls(TlsError::Failed(text))) = failure else {
            panic!("{fault:?}: {failure:?}");
        };
        assert!(text.contains("certificate"), "{fault:?}: {text}");
        assert_eq!(link.machine.connection.protocol(), None);
    }
}

#[test]
fn without_an_agreed_protocol_it_is_http1() {
    let link = Link::established(&setup(&[]));
    assert_eq!(link.machine.connection.reuse(), Reuse::Idle);
}

fn until_close(end: impl FnOnce(&mut Link)) -> Result<Read, Error> {
    let mut link = Link::established(&setup(&["http/1.1"]));
    let id = link.machine.open("GET", BodySize::Empty).unwrap();
    link.run();
    link.answer("HTTP/1.1 200 OK\r\n\r\npart");
    let now = link.machine.clock.now();
    link.machine.connection.read_head(id, now).unwrap();
    assert_eq!(link.machine.body(id), Ok(Read::Chunk(chunk(b"part"))));
    assert_eq!(link.machine.body(id), Ok(Read::Blocked));
    end(&mut link);
    let read = link.machine.body(id);
    assert!(matches!(link.machine.connection.reuse(), Reuse::Never(_)));
    assert_eq!(link.machine.connection.processed(id), Processed::Yes);
    read
}

#[test]
fn a_body_without_a_length_needs_close_notify_to_be_whole() {
    let with_goodbye = until_close(|link| {
        link.server.send_close_notify();
        link.run();
    });
    assert_eq!(with_goodbye, Ok(Read::End));
    let cut = until_close(|link| link.machine.connection.handle_eof());
    assert_eq!(cut, Err(Error::Tls(TlsError::NoCloseNotify)));
}

#[test]
fn a_goodbye_on_an_idle_connection_ends_it() {
    let mut link = Link::established(&setup(&["http/1.1"]));
    assert!(link.machine.connection.quiet());
    link.server.send_close_notify();
    link.run();
    assert!(!link.machine.connection.quiet());
    assert_eq!(
        link.machine.connection.reuse(),
        Reuse::Never(NeverReason::PeerClosed)
    );
}

#[test]
fn an_unasked_answer_on_an_idle_connection_makes_it_loud() {
    let mut link = Link::established(&setup(&["http/1.1"]));
    link.answer("HTTP/1.1 200 OK\r\n\r\n");
    assert!(!link.machine.connection.quiet());
}

#[test]
fn a_close_says_goodbye() {
    let mut link = Link::established(&setup(&["http/1.1"]));
    link.machine.connection.close();
    let sent = link.machine.sent();
    let mut rest = &sent[..];
    while !rest.is_empty() {
        link.server.read_tls(&mut rest).unwrap();
        let state = link.server.process_new_packets().unwrap();
        assert!(state.peer_has_closed());
    }
    assert!(!sent.is_empty());
}

#[test]
fn a_body_is_refused_exactly_while_there_is_no_room() {
    let mut link = Link::established(&setup(&["http/1.1"]));
    let id = link.machine.open("PUT", BodySize::Unknown).unwrap();
    let piece = Bytes::from(vec![b'x'; 50_000]);
    let mut blocked = 0;
    for turn in 0..200 {
        let room = link.machine.connection.has_write_room(id);
        let mut body = piece.clone();
        let now = link.machine.clock.now();
        match link.machine.connection.write_body(id, &mut body, now) {
            Ok(Write::Taken(count)) => assert!(room && count == piece.len()),
            Ok(Write::Blocked) => {
                assert!(!room, "asked for more and refused it");
                blocked += 1;
                link.machine.send_some(70_000 * (1 + turn % 3));
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert!(blocked > 10);
}
