//! Over TLS, and with TLS added later; rustls' own server at the other end.

use super::{End, SWITCH, ask, status};
use crate::http1_common::{over, plain};
use nuncio_connection::{ConnectionConfig, Error, Layer, Phase, TlsError, TlsParams, TunnelRead};
use nuncio_testkit::certs::{Authority, Fault};
use rustls::{ClientConfig, ServerConfig, ServerConnection};
use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(2);

struct Setup {
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
}

impl Setup {
    fn new() -> Self {
        let authority = Authority::new();
        Setup {
            client: authority.client_config(&[]),
            server: authority.leaf().server_config(&[]),
        }
    }

    fn params(&self) -> TlsParams {
        TlsParams {
            config: self.client.clone(),
            server_name: "localhost".to_owned(),
        }
    }

    fn server(&self) -> ServerConnection {
        ServerConnection::new(self.server.clone()).unwrap()
    }
}

/// Sends the server `bytes`; what it read of them in clear.
fn feed(server: &mut ServerConnection, mut bytes: &[u8]) -> Vec<u8> {
    let mut heard = Vec::new();
    while !bytes.is_empty() {
        server.read_tls(&mut bytes).unwrap();
        let _ = server.process_new_packets();
        let _ = server.reader().read_to_end(&mut heard);
    }
    heard
}

fn flight(server: &mut ServerConnection) -> Vec<u8> {
    let mut out = Vec::new();
    while server.wants_write() {
        server.write_tls(&mut out).unwrap();
    }
    out
}

/// A tunnel over TLS, and its other end.
fn over_tls(setup: &Setup) -> (End, ServerConnection) {
    let layers = vec![Layer::Tls(setup.params())];
    let mut machine = over(layers, Some(LIMIT), ConnectionConfig::default());
    let mut server = setup.server();
    while machine.connection.protocol().is_none() {
        feed(&mut server, &machine.sent());
        machine.receive(&flight(&mut server));
    }
    let id = ask(&mut machine);
    feed(&mut server, &machine.sent());
    server.writer().write_all(SWITCH).unwrap();
    server.writer().write_all(b"first").unwrap();
    machine.receive(&flight(&mut server));
    assert_eq!(status(&mut machine, id), 101);
    (End::new(machine), server)
}

/// A tunnel in clear.
fn in_clear() -> End {
    let mut machine = plain();
    let id = ask(&mut machine);
    machine.sent();
    machine.receive(SWITCH);
    assert_eq!(status(&mut machine, id), 101);
    End::new(machine)
}

/// Moves bytes until nothing moves, each way through `server`; cut into pieces of `cut` bytes.
fn run(end: &mut End, server: &mut ServerConnection, cut: usize) -> Vec<u8> {
    let mut heard = Vec::new();
    loop {
        let sent = end.sent();
        heard.extend(feed(server, &sent));
        let back = flight(server);
        if sent.is_empty() && back.is_empty() {
            return heard;
        }
        for piece in back.chunks(cut) {
            end.receive(piece);
        }
    }
}

#[test]
fn the_layers_go_with_the_tunnel() {
    let setup = Setup::new();
    let (mut end, mut server) = over_tls(&setup);
    assert_eq!(end.read_all(), (b"first".to_vec(), Ok(TunnelRead::Blocked)));
    assert_eq!(end.tunnel.write(b"hello"), Ok(5));
    assert!(!end.tunnel.flushed());
    let sent = end.sent();
    assert!(!sent.windows(5).any(|it| it == b"hello"));
    assert_eq!(feed(&mut server, &sent), b"hello");
}

#[test]
fn a_shutdown_says_goodbye_and_goes_on_reading() {
    let setup = Setup::new();
    let (mut end, mut server) = over_tls(&setup);
    assert_eq!(end.tunnel.write(b"last"), Ok(4));
    end.tunnel.shutdown();
    assert!(!end.tunnel.is_shut());
    assert_eq!(run(&mut end, &mut server, 9), b"last");
    assert!(end.tunnel.is_shut());
    assert!(server.process_new_packets().unwrap().peer_has_closed());
    server.writer().write_all(b" and more").unwrap();
    server.send_close_notify();
    run(&mut end, &mut server, 1);
    assert_eq!(
        end.read_all(),
        (b"first and more".to_vec(), Ok(TunnelRead::End))
    );
}

#[test]
fn an_end_without_a_goodbye_is_no_end() {
    let setup = Setup::new();
    let (mut end, _server) = over_tls(&setup);
    end.tunnel.handle_eof();
    let cut = Err(Error::Tls(TlsError::NoCloseNotify));
    assert_eq!(end.read_all(), (b"first".to_vec(), cut));
}

#[test]
fn what_was_tampered_with_is_told_behind_what_came_before_it() {
    let setup = Setup::new();
    let (mut end, mut server) = over_tls(&setup);
    server.writer().write_all(b"forged").unwrap();
    let mut bytes = flight(&mut server);
    *bytes.last_mut().unwrap() ^= 1;
    end.receive(&bytes);
    let (read, error) = end.read_all();
    assert_eq!(read, b"first");
    assert!(
        matches!(error, Err(Error::Tls(TlsError::Failed(_)))),
        "{error:?}"
    );
    assert_eq!(end.tunnel.failure(), error.as_ref().err());
    assert_eq!(end.tunnel.write(b"x"), error.map(|_| 0));
}

#[test]
fn tls_can_be_added_in_the_middle() {
    let setup = Setup::new();
    for cut in [usize::MAX, 1, 7, 100] {
        let mut end = in_clear();
        let mut server = setup.server();
        assert_eq!(end.tunnel.write(b"STARTTLS\r\n"), Ok(10));
        let now = end.clock.now();
        end.tunnel
            .start_tls(setup.params(), Some(LIMIT), now)
            .unwrap();
        assert!(!end.tunnel.is_ready());
        assert_eq!(end.tunnel.write(b"secret"), Ok(0));
        let sent = end.sent();
        let hello = sent.strip_prefix(b"STARTTLS\r\n").unwrap();
        feed(&mut server, hello);
        for piece in flight(&mut server).chunks(cut) {
            end.receive(piece);
        }
        run(&mut end, &mut server, cut);
        assert!(end.tunnel.is_ready());
        assert_eq!(end.tunnel.next_timeout(), None);
        assert_eq!(end.tunnel.write(b"secret"), Ok(6));
        server.writer().write_all(b"answer").unwrap();
        assert_eq!(run(&mut end, &mut server, cut), b"secret");
        assert_eq!(
            end.read_all(),
            (b"answer".to_vec(), Ok(TunnelRead::Blocked))
        );
    }
}

#[test]
fn tls_can_be_added_within_tls() {
    let setup = Setup::new();
    let (mut end, mut outer) = over_tls(&setup);
    assert_eq!(end.read_all().0, b"first");
    let mut inner = setup.server();
    let now = end.clock.now();
    end.tunnel.start_tls(setup.params(), None, now).unwrap();
    assert_eq!(end.tunnel.next_timeout(), None);
    while !end.tunnel.is_ready() {
        let within = feed(&mut outer, &end.sent());
        feed(&mut inner, &within);
        outer.writer().write_all(&flight(&mut inner)).unwrap();
        end.receive(&flight(&mut outer));
        assert_eq!(end.tunnel.failure(), None);
    }
    assert_eq!(end.tunnel.write(b"deep"), Ok(4));
    let within = feed(&mut outer, &end.sent());
    assert_eq!(feed(&mut inner, &within), b"deep");
}

#[test]
fn x05_what_came_in_clear_is_never_taken_for_what_comes_under_tls() {
    let setup = Setup::new();
    let early = Error::Tls(TlsError::EarlyData);
    // It waits to be read: nothing is begun, and it can still be read.
    let mut end = in_clear();
    end.receive(b"220 go\r\n250 injected\r\n");
    let now = end.clock.now();
    let refused = end.tunnel.start_tls(setup.params(), None, now);
    assert_eq!(refused, Err(early.clone()));
    assert!(end.tunnel.is_ready() && end.sent().is_empty());
    assert_eq!(end.read_all().0, b"220 go\r\n250 injected\r\n");
    end.tunnel.start_tls(setup.params(), None, now).unwrap();
    // It comes before our own first words have left.
    end.receive(b"250 injected\r\n");
    assert_eq!(end.tunnel.failure(), Some(&early));
    assert_eq!(end.read_all(), (Vec::new(), Err(early)));
}

#[test]
fn a_handshake_that_cannot_begin_leaves_the_tunnel_as_it_was() {
    let setup = Setup::new();
    let mut end = in_clear();
    let params = TlsParams {
        server_name: "not a name".to_owned(),
        ..setup.params()
    };
    let now = end.clock.now();
    let refused = end.tunnel.start_tls(params, None, now);
    assert!(matches!(refused, Err(Error::Tls(TlsError::ServerName(_)))));
    end.receive(b"hello");
    assert_eq!(end.read_all(), (b"hello".to_vec(), Ok(TunnelRead::Blocked)));
    end.tunnel.start_tls(setup.params(), None, now).unwrap();
    let twice = end.tunnel.start_tls(setup.params(), None, now);
    assert!(matches!(twice, Err(Error::Misuse(_))));
    let mut shut = in_clear();
    shut.tunnel.shutdown();
    let late = shut.tunnel.start_tls(setup.params(), None, now);
    assert!(matches!(late, Err(Error::Misuse(_))));
    let mut ended = in_clear();
    ended.tunnel.handle_eof();
    let late = ended.tunnel.start_tls(setup.params(), None, now);
    assert_eq!(late, Err(Error::Tls(TlsError::Truncated)));
}

#[test]
fn a_handshake_in_a_tunnel_ends_exactly_at_its_limit() {
    let setup = Setup::new();
    let mut end = in_clear();
    end.clock.advance(Duration::from_secs(100));
    let now = end.clock.now();
    end.tunnel
        .start_tls(setup.params(), Some(LIMIT), now)
        .unwrap();
    assert_eq!(end.tunnel.next_timeout(), Some(now + LIMIT));
    end.tunnel
        .handle_timeout(now + LIMIT - Duration::from_nanos(1));
    assert_eq!(end.tunnel.failure(), None);
    end.tunnel.handle_timeout(now + LIMIT);
    assert_eq!(end.tunnel.failure(), Some(&Error::Timeout(Phase::Connect)));
    assert_eq!(end.tunnel.next_timeout(), None);
    assert!(!end.tunnel.wants_read());
}

#[test]
fn a_handshake_in_a_tunnel_fails_as_any_other() {
    let authority = Authority::new();
    let setup = Setup {
        client: authority.client_config(&[]),
        server: authority.faulty_leaf(Fault::ALL[0]).server_config(&[]),
    };
    let begun = || {
        let mut end = in_clear();
        let now = end.clock.now();
        end.tunnel.start_tls(setup.params(), None, now).unwrap();
        end
    };
    let mut refused = begun();
    run(&mut refused, &mut setup.server(), 64);
    assert!(matches!(
        refused.tunnel.failure(),
        Some(Error::Tls(TlsError::Failed(_)))
    ));
    let mut ended = begun();
    ended.sent();
    ended.tunnel.handle_eof();
    assert_eq!(
        ended.tunnel.failure(),
        Some(&Error::Tls(TlsError::Truncated))
    );
    let mut shut = begun();
    shut.tunnel.shutdown();
    assert_eq!(shut.tunnel.failure(), Some(&Error::Closed));
}
