//! TLS to a proxy, TLS through a proxy, and both: rustls' own servers at the other end.

use super::{CONNECT, LIMIT, http, name, over, socks5, times_out_in};
use crate::http1_common::{Machine, chunk};
use nuncio_connection::{
    BodySize, ConnectionConfig, Error, Event, EventSink, Layer, Phase, Protocol, ProxyError, Read,
    Reuse, TlsError, TlsParams,
};
use nuncio_testkit::certs::{Authority, Fault};
use rustls::{ClientConfig, ServerConfig, ServerConnection};
use std::io::{Read as _, Write as _};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const YES: &[u8] = b"HTTP/1.1 200 OK\r\n\r\n";

/// Certificates are made once for many handshakes.
struct Setup {
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
}

impl Setup {
    fn new(server: impl FnOnce(&Authority) -> Arc<ServerConfig>) -> Self {
        let authority = Authority::new();
        Setup {
            client: authority.client_config(&["http/1.1"]),
            server: server(&authority),
        }
    }

    fn good() -> Self {
        Self::new(|authority| authority.leaf().server_config(&["http/1.1"]))
    }

    fn layer(&self) -> Layer {
        Layer::Tls(TlsParams {
            config: self.client.clone(),
            server_name: "localhost".to_owned(),
        })
    }
}

/// The peers on the way: each either ends a TLS session or answers one message in clear.
enum Peer {
    Tls(Box<ServerConnection>),
    Proxy {
        expects: &'static [u8],
        answer: &'static [u8],
        heard: Vec<u8>,
    },
}

impl Peer {
    fn tls(setup: &Setup) -> Self {
        Peer::Tls(Box::new(
            ServerConnection::new(setup.server.clone()).unwrap(),
        ))
    }

    fn proxy() -> Self {
        Peer::Proxy {
            expects: CONNECT,
            answer: YES,
            heard: Vec::new(),
        }
    }
}

/// A machine, those whom it goes through, and the origin's end in clear.
struct World {
    machine: Machine,
    /// The outermost first.
    peers: Vec<Peer>,
    request: Vec<u8>,
    /// Into how many bytes what comes back is cut.
    cut: usize,
}

impl World {
    fn new(layers: Vec<Layer>, peers: Vec<Peer>, cut: usize) -> Self {
        World {
            machine: over(layers, Some(LIMIT), ConnectionConfig::default()),
            peers,
            request: Vec::new(),
            cut,
        }
    }

    /// TLS to the proxy, CONNECT, TLS to the origin.
    fn full(setup: &Setup, cut: usize) -> Self {
        let layers = vec![setup.layer(), http(), setup.layer()];
        let peers = vec![Peer::tls(setup), Peer::proxy(), Peer::tls(setup)];
        World::new(layers, peers, cut)
    }

    /// Moves bytes both ways until there are none.
    fn run(&mut self) {
        loop {
            let sent = self.machine.sent();
            let back = through(&mut self.peers, &sent, &mut self.request);
            if sent.is_empty() && back.is_empty() {
                return;
            }
            for piece in back.chunks(self.cut) {
                self.machine.receive(piece);
            }
        }
    }

    /// The innermost session's other end.
    fn origin(&mut self) -> &mut ServerConnection {
        match self.peers.last_mut() {
            Some(Peer::Tls(server)) => server,
            _ => panic!("the last one is no TLS"),
        }
    }

    fn answer(&mut self, text: &[u8]) {
        self.origin().writer().write_all(text).unwrap();
        self.run();
    }
}

/// Hands `bytes` to the outermost of `peers`, and what comes out of it to the next; collects what goes
/// back.
fn through(peers: &mut [Peer], bytes: &[u8], request: &mut Vec<u8>) -> Vec<u8> {
    let Some((peer, inner)) = peers.split_first_mut() else {
        request.extend_from_slice(bytes);
        return Vec::new();
    };
    match peer {
        Peer::Tls(server) => {
            let mut rest = bytes;
            let mut plain = Vec::new();
            while !rest.is_empty() {
                server.read_tls(&mut rest).unwrap();
                // A client that refuses the certificate says so, which is an error here.
                let _ = server.process_new_packets();
                let _ = server.reader().read_to_end(&mut plain);
            }
            let back = through(inner, &plain, request);
            server.writer().write_all(&back).unwrap();
            let mut out = Vec::new();
            while server.wants_write() {
                server.write_tls(&mut out).unwrap();
            }
            out
        }
        Peer::Proxy {
            expects,
            answer,
            heard,
        } => {
            if heard == expects {
                return through(inner, bytes, request);
            }
            heard.extend_from_slice(bytes);
            assert!(expects.starts_with(heard), "{}", heard.escape_ascii());
            match heard == expects {
                true => answer.to_vec(),
                false => Vec::new(),
            }
        }
    }
}

#[test]
fn a_request_goes_through_tls_within_tls_however_the_records_are_cut() {
    let setup = Setup::good();
    for cut in [usize::MAX, 1, 2, 5, 64, 1000] {
        let mut world = World::full(&setup, cut);
        world.run();
        assert_eq!(world.machine.connection.failure(), None);
        assert_eq!(
            world.machine.connection.protocol(),
            Some(Protocol::Http1),
            "cut {cut}"
        );
        assert_eq!(world.machine.connection.next_timeout(), None);
        let id = world.machine.open("GET", BodySize::Empty).unwrap();
        world.run();
        assert_eq!(world.request, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        world.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
        let now = world.machine.clock.now();
        let head = world.machine.connection.read_head(id, now).unwrap();
        assert_eq!(head.unwrap().status, 200);
        let mut body = Vec::new();
        while let Ok(Read::Chunk(_)) = world.machine.connection.read_body_into(id, &mut body, now) {
        }
        assert_eq!(body, b"hello");
        assert_eq!(world.machine.connection.reuse(), Reuse::Idle);
        assert!(world.machine.connection.quiet(), "tickets are no surplus");
    }
}

/// Three sessions, two proxies and one that speaks SOCKS.
#[test]
fn layers_can_be_piled_up() {
    let setup = Setup::good();
    let layers = vec![
        http(),
        setup.layer(),
        http(),
        setup.layer(),
        socks5(name("o"), None),
        setup.layer(),
    ];
    let socks = |expects, answer| Peer::Proxy {
        expects,
        answer,
        heard: Vec::new(),
    };
    let peers = vec![
        Peer::proxy(),
        Peer::tls(&setup),
        Peer::proxy(),
        Peer::tls(&setup),
        socks(b"\x05\x01\x00", b"\x05\x00"),
        socks(
            b"\x05\x01\x00\x03\x01o\x01\xbb",
            b"\x05\x00\x00\x01\0\0\0\0\0\0",
        ),
        Peer::tls(&setup),
    ];
    let mut world = World::new(layers, peers, 100);
    world.run();
    assert_eq!(world.machine.connection.failure(), None);
    world.machine.open("GET", BodySize::Empty).unwrap();
    world.run();
    assert_eq!(world.request, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n");
}

#[test]
fn a_long_body_is_counted_on_its_way_through_all_sessions() {
    let setup = Setup::good();
    let mut world = World::full(&setup, usize::MAX);
    world.run();
    let id = world.machine.open("PUT", BodySize::Unknown).unwrap();
    let now = world.machine.clock.now();
    let mut taken = 0;
    loop {
        let room = world.machine.connection.has_write_room(id);
        let mut piece = bytes::Bytes::from(vec![b'x'; 50_000]);
        match world.machine.connection.write_body(id, &mut piece, now) {
            Ok(nuncio_connection::Write::Taken(count)) => {
                assert!(room);
                taken += count;
            }
            other => {
                assert_eq!(other, Ok(nuncio_connection::Write::Blocked));
                assert!(!room);
                break;
            }
        }
        // Some leaves, and is encrypted twice on its way.
        world.machine.send_some(7000);
    }
    assert!((512 * 1024..1024 * 1024).contains(&taken), "{taken}");
}

#[test]
fn x05_bytes_before_the_client_hello_are_an_error() {
    let setup = Setup::good();
    let start = || {
        let layers = vec![http(), setup.layer()];
        let mut machine = over(layers, Some(LIMIT), ConnectionConfig::default());
        assert_eq!(machine.sent(), CONNECT);
        machine
    };
    let early = Some(Error::Proxy(ProxyError::EarlyData));
    // A whole server's flight, as if the proxy had known what we will say.
    let mut together = start();
    together.receive(&[YES, b"\x16\x03\x03\x00\x05hello"].concat());
    assert_eq!(together.connection.failure().cloned(), early);
    let mut apart = start();
    apart.receive(YES);
    apart.receive(b"\x16");
    assert_eq!(apart.connection.failure().cloned(), early);
    // Behind our own first words it is for TLS to judge.
    let mut later = start();
    later.receive(YES);
    assert!(!later.sent().is_empty());
    later.receive(b"\x16");
    assert_eq!(later.connection.failure(), None);
}

/// Encrypted or not, what a proxy says before the origin is spoken to is not the origin's.
#[test]
fn x05_bytes_within_the_proxys_tls_before_the_client_hello_are_an_error() {
    let setup = Setup::good();
    let mut world = World::full(&setup, usize::MAX);
    world.peers[1] = Peer::Proxy {
        expects: CONNECT,
        answer: b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        heard: Vec::new(),
    };
    world.run();
    let found = world.machine.connection.failure();
    assert_eq!(found, Some(&Error::Proxy(ProxyError::EarlyData)));
}

#[test]
fn x06_the_certificates_of_the_proxy_and_of_the_origin_are_both_checked() {
    let good = Setup::good();
    for fault in Fault::ALL {
        let bad = Setup::new(|authority| authority.faulty_leaf(fault).server_config(&[]));
        for (proxy, origin) in [(&bad, &good), (&good, &bad)] {
            let layers = vec![proxy.layer(), http(), origin.layer()];
            let peers = vec![Peer::tls(proxy), Peer::proxy(), Peer::tls(origin)];
            let mut world = World::new(layers, peers, 33);
            world.run();
            let failure = world.machine.connection.failure();
            assert!(
                matches!(failure, Some(Error::Tls(TlsError::Failed(text))) if text.contains("certificate")),
                "{fault:?}: {failure:?}"
            );
            assert_eq!(world.machine.connection.protocol(), None);
        }
    }
}

#[test]
fn a_proxy_that_wants_http2_is_an_error() {
    let authority = Authority::new();
    let setup = Setup {
        client: authority.client_config(&["h2", "http/1.1"]),
        server: authority.leaf().server_config(&["h2"]),
    };
    let mut world = World::full(&setup, usize::MAX);
    world.run();
    let expected = Error::Tls(TlsError::UnexpectedProtocol("h2".into()));
    assert_eq!(world.machine.connection.failure(), Some(&expected));
}

/// Each session and each proxy that stalls is named, and each has a whole limit.
#[test]
fn d02_each_layer_has_its_limit_and_its_phase() {
    let setup = Setup::good();
    for (stalled, phase) in [(0, Phase::Connect), (1, Phase::Proxy), (2, Phase::Connect)] {
        let mut world = World::full(&setup, usize::MAX);
        // Who stalls hears all and says nothing.
        world.peers[stalled] = Peer::Proxy {
            expects: &[],
            answer: b"",
            heard: Vec::new(),
        };
        world.peers.truncate(stalled + 1);
        world.machine.clock.advance(Duration::from_millis(700));
        world.run();
        let begun = world.machine.connection.next_timeout().unwrap();
        match stalled {
            0 => assert_eq!(
                begun + Duration::from_millis(700),
                world.machine.clock.now() + LIMIT
            ),
            _ => times_out_in(&mut world.machine, phase),
        }
        world.machine.connection.handle_timeout(begun);
        let failure = world.machine.connection.failure();
        assert_eq!(failure, Some(&Error::Timeout(phase)));
    }
}

#[test]
fn an_end_inside_is_told_of_the_layer_that_it_befell() {
    let setup = Setup::good();
    let mut world = World::full(&setup, usize::MAX);
    world.peers[1] = Peer::Proxy {
        expects: CONNECT,
        answer: b"HTTP/1.1 200",
        heard: Vec::new(),
    };
    world.run();
    world.machine.connection.handle_eof();
    let failure = world.machine.connection.failure();
    assert_eq!(failure, Some(&Error::Proxy(ProxyError::Closed)));

    let layers = vec![http(), setup.layer()];
    let mut machine = over(layers, Some(LIMIT), ConnectionConfig::default());
    machine.sent();
    machine.receive(YES);
    machine.sent();
    machine.connection.handle_eof();
    let failure = machine.connection.failure();
    assert_eq!(failure, Some(&Error::Tls(TlsError::Truncated)));
}

/// A body that ends with the connection, and how it ended.
fn until_close(end: impl FnOnce(&mut World)) -> Result<Read, Error> {
    let setup = Setup::good();
    let mut world = World::full(&setup, 50);
    world.run();
    let id = world.machine.open("GET", BodySize::Empty).unwrap();
    world.run();
    world.answer(b"HTTP/1.1 200 OK\r\n\r\npart");
    let now = world.machine.clock.now();
    world.machine.connection.read_head(id, now).unwrap();
    assert_eq!(world.machine.body(id), Ok(Read::Chunk(chunk(b"part"))));
    assert_eq!(world.machine.body(id), Ok(Read::Blocked));
    end(&mut world);
    world.machine.body(id)
}

#[test]
fn the_origin_alone_can_say_that_all_has_come() {
    let whole = until_close(|world| {
        world.origin().send_close_notify();
        world.run();
    });
    assert_eq!(whole, Ok(Read::End));
    let cut = Err(Error::Tls(TlsError::NoCloseNotify));
    let by_the_proxy = until_close(|world| {
        let Some(Peer::Tls(proxy)) = world.peers.first_mut() else {
            panic!("the first one is no TLS")
        };
        proxy.send_close_notify();
        world.run();
    });
    assert_eq!(by_the_proxy, cut);
    assert_eq!(
        until_close(|world| world.machine.connection.handle_eof()),
        cut
    );
}

#[test]
fn a_close_says_goodbye_to_all_of_them_the_innermost_first() {
    let setup = Setup::good();
    let mut world = World::full(&setup, usize::MAX);
    world.run();
    world.machine.connection.close();
    world.run();
    for peer in &mut world.peers {
        if let Peer::Tls(server) = peer {
            let state = server.process_new_packets().unwrap();
            assert!(state.peer_has_closed());
        }
    }
}

#[test]
fn each_step_is_told() {
    let setup = Setup::good();
    let list = Arc::new(Mutex::new(Vec::new()));
    let told = list.clone();
    let config = ConnectionConfig {
        events: EventSink::new(move |event: &Event<'_>| {
            let text = format!("{event:?}");
            let name = text.split(' ').next().unwrap_or_default().to_owned();
            told.lock().unwrap().push(name);
        }),
        ..ConnectionConfig::default()
    };
    let mut world = World::full(&setup, usize::MAX);
    let layers = vec![setup.layer(), http(), setup.layer()];
    world.machine = over(layers, None, config);
    world.run();
    assert_eq!(
        *list.lock().unwrap(),
        [
            "TlsStarted",
            "TlsComplete",
            "ProxyConnectStarted",
            "ProxyConnectComplete",
            "TlsStarted",
            "TlsComplete"
        ]
    );
}
