//! The scripted peer, seen through a bare socket.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use nuncio_testkit::certs::Authority;
use nuncio_testkit::latch::Latch;
use nuncio_testkit::script::{End, Script, Step};

#[test]
fn connections_follow_their_scripts_in_order_and_are_recorded() {
    let peer = Script::new()
        .connection([
            Step::ExpectHead,
            Step::ExpectBytes(3),
            Step::send("one"),
            Step::Close,
        ])
        .connection([
            Step::SendByteByByte(b"two".to_vec()),
            Step::HalfClose,
            Step::ExpectEof,
        ])
        .start();

    let mut first = TcpStream::connect(peer.addr()).unwrap();
    first.write_all(b"A\r\n\r\nxy").unwrap();
    first.write_all(b"z").unwrap();
    let mut text = String::new();
    first.read_to_string(&mut text).unwrap();
    assert_eq!(text, "one");

    let mut second = TcpStream::connect(peer.addr()).unwrap();
    second.read_to_string(&mut text).unwrap();
    assert_eq!(text, "onetwo");
    second.write_all(b"still heard").unwrap();
    second.shutdown(Shutdown::Write).unwrap();

    let mut third = TcpStream::connect(peer.addr()).unwrap();
    assert_eq!(third.read(&mut [0; 9]).unwrap(), 0);
    assert_eq!(peer.connections(), 3);

    let records = peer.finish();
    assert_eq!(records[0].received, b"A\r\n\r\nxyz");
    assert_eq!(records[1].received, b"still heard");
    let ends: Vec<End> = records.iter().map(|record| record.end).collect();
    assert_eq!(ends, [End::Complete, End::Complete, End::Unscripted]);
}

#[test]
fn a_reset_reaches_the_client_as_a_reset() {
    for _ in 0..20 {
        let peer = Script::new()
            .connection([Step::ExpectHead, Step::Reset])
            .start();
        let mut socket = TcpStream::connect(peer.addr()).unwrap();
        socket.write_all(b"A\r\n\r\n").unwrap();
        assert_eq!(peer.finish()[0].end, End::Complete);
        let error = socket.read(&mut [0; 9]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
}

#[test]
fn gates_put_peer_and_test_in_order() {
    let (go, gone) = (Latch::new(), Latch::new());
    let steps = [
        Step::Open(gone.clone()),
        Step::Wait(go.clone()),
        Step::send("now"),
    ];
    let peer = Script::new().connection(steps).start();
    let mut socket = TcpStream::connect(peer.addr()).unwrap();
    assert!(gone.wait(Duration::from_secs(10)));
    socket
        .set_read_timeout(Some(Duration::from_millis(20)))
        .unwrap();
    assert!(
        socket.read(&mut [0; 9]).is_err(),
        "nothing comes before the gate opens"
    );
    go.open();
    socket.set_read_timeout(None).unwrap();
    let mut text = String::new();
    socket.read_to_string(&mut text).unwrap();
    assert_eq!(text, "now");
}

#[test]
fn a_client_that_ends_early_fails_the_step() {
    let peer = Script::new()
        .connection([Step::Sleep(Duration::ZERO), Step::ExpectHead])
        .start();
    let mut socket = TcpStream::connect(peer.addr()).unwrap();
    socket.write_all(b"half a head\r\n").unwrap();
    drop(socket);
    let records = peer.finish();
    assert_eq!(records[0].end, End::Failed(1, ErrorKind::UnexpectedEof));
    assert_eq!(records[0].received, b"half a head\r\n");
}

#[test]
fn the_last_script_repeats_when_told() {
    let peer = Script::new()
        .connection([Step::send("again")])
        .repeat_last()
        .start();
    for _ in 0..3 {
        let mut text = String::new();
        TcpStream::connect(peer.addr())
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "again");
    }
    assert_eq!(peer.finish().len(), 3);
}

#[test]
fn tls_ends_with_or_without_close_notify() {
    let authority = Authority::new();
    let config = authority.leaf().server_config(&[]);
    let peer = Script::new()
        .connection([
            Step::ExpectHead,
            Step::send("a"),
            Step::CloseNotify,
            Step::Close,
        ])
        .connection([Step::ExpectHead, Step::send("b"), Step::Close])
        .tls(config)
        .start();
    let talk = || {
        let config = authority.client_config(&[]);
        let connection = rustls::ClientConnection::new(config, "localhost".try_into().unwrap());
        let socket = TcpStream::connect(peer.addr()).unwrap();
        let mut tls = rustls::StreamOwned::new(connection.unwrap(), socket);
        tls.write_all(b"A\r\n\r\n").unwrap();
        let mut text = String::new();
        tls.read_to_string(&mut text)
            .map(|_| text)
            .map_err(|error| error.kind())
    };
    assert_eq!(talk(), Ok("a".to_owned()));
    assert_eq!(talk(), Err(ErrorKind::UnexpectedEof));
    assert_eq!(peer.records()[1].received, b"A\r\n\r\n");
}

#[test]
fn dropping_a_peer_in_mid_script_does_not_hang() {
    let peer = Script::new()
        .connection([Step::Sleep(Duration::from_secs(600))])
        .start();
    let socket = TcpStream::connect(peer.addr()).unwrap();
    while peer.records().is_empty() {
        std::thread::yield_now();
    }
    drop(peer);
    drop(socket);
}
