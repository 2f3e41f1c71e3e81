//! A client that is closed while others wait (BEHAVIOUR 16.7 and 23): every wait ends at once, with one
//! kind of error, and nothing is left behind.

use crate::http2::origin::{Manners, Origin};
use crate::upgrades::{SWITCH, Switching, upgraded};
use nuncio::{Body, Kind, Limits, Timeout};
use nuncio_client::{Client, Driver, RequestBuilder};
use nuncio_testkit::certs::Authority;
use nuncio_testkit::latch::Latch;
use nuncio_testkit::script::{End, Script, ScriptedPeer, Step};
use nuncio_tests::adapters::{Adapter, Download, Duplex};
use nuncio_tests::behaviour;
use std::io::{ErrorKind, Read, Write};
use std::thread;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(5);

/// A client that waits for ever, if it is let.
fn patient<A: Adapter>(adapter: &A) -> Client<A::Driver> {
    let builder = adapter.builder().timeout(Timeout::none());
    builder.build().unwrap()
}

/// Does `wait`, and has another thread close the client a little after `sign`.
fn closed_meanwhile<D: Driver, T>(
    client: &Client<D>,
    sign: impl FnOnce() + Send,
    wait: impl FnOnce() -> T,
) -> T
where
    Client<D>: Sync,
{
    thread::scope(|scope| {
        scope.spawn(|| {
            sign();
            thread::sleep(Duration::from_millis(20));
            client.close();
        });
        let started = Instant::now();
        let got = wait();
        let elapsed = started.elapsed();
        assert!(elapsed < PATIENCE, "{elapsed:?}");
        got
    })
}

fn is_reached(latch: &Latch) -> impl FnOnce() + Send + use<> {
    let latch = latch.clone();
    move || assert!(latch.wait(PATIENCE))
}

/// Nothing is left: not in the pool, and no socket.
fn assert_gone<D: Driver>(client: &Client<D>, peer: ScriptedPeer) {
    let counts = client.pool_counts();
    assert_eq!((counts.connections, counts.waiting), (0, 0), "{counts:?}");
    for record in peer.finish() {
        assert_ne!(record.end, End::Running);
        assert!(!matches!(
            record.end,
            End::Failed(
                _,
                std::io::ErrorKind::TimedOut | std::io::ErrorKind::WouldBlock
            )
        ));
    }
}

/// A peer that does `steps` on its only connection and then waits for the end.
fn peer(steps: impl IntoIterator<Item = Step>) -> (ScriptedPeer, Latch) {
    let reached = Latch::new();
    let mut all: Vec<_> = steps.into_iter().collect();
    all.extend([Step::Open(reached.clone()), Step::ExpectEof]);
    (Script::new().connection(all).start(), reached)
}

behaviour! {
    b23_who_waits_for_a_head_is_told_that_the_client_was_closed,
    b23_who_waits_for_a_body_is_told_that_the_client_was_closed,
    b23_a_body_without_a_length_is_not_taken_for_complete,
    b23_who_waits_for_the_pool_is_told_that_the_client_was_closed,
    b23_who_is_in_a_handshake_is_told_that_the_client_was_closed,
    b23_who_uploads_is_told_that_the_client_was_closed,
    b23_a_request_that_could_be_sent_again_is_not,
    b23_all_that_wait_are_told,
    b23_what_has_come_may_still_be_read,
    b23_who_shares_a_connection_is_told_that_the_client_was_closed,
    b23_who_reads_an_upgraded_stream_is_told_that_the_client_was_closed,
    b23_who_writes_an_upgraded_stream_is_told_that_the_client_was_closed,
    b23_who_begins_tls_in_an_upgraded_stream_is_told_that_the_client_was_closed,
    b23_an_upgraded_stream_that_never_waits_is_ended_all_the_same,
}

fn b23_who_waits_for_a_head_is_told_that_the_client_was_closed<A: Adapter>(adapter: &A) {
    let (peer, reached) = peer([Step::ExpectHead]);
    let client = patient(adapter);
    let request = client.post(peer.url("/")).body("once");
    let got = closed_meanwhile(&client, is_reached(&reached), || adapter.send(request));
    assert_eq!(got.unwrap_err().kind(), Kind::Closed);
    assert_gone(&client, peer);
}

fn b23_who_waits_for_a_body_is_told_that_the_client_was_closed<A: Adapter>(adapter: &A) {
    for head in [
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ] {
        let (peer, reached) = peer([Step::ExpectHead, Step::send(head)]);
        let client = patient(adapter);
        let request = client.get(peer.url("/"));
        let got = closed_meanwhile(&client, is_reached(&reached), || {
            adapter.stream(request)?.read().map(|_| ())
        });
        assert_eq!(got.unwrap_err().kind(), Kind::Closed, "{head}");
        assert_gone(&client, peer);
    }
}

fn b23_a_body_without_a_length_is_not_taken_for_complete<A: Adapter>(adapter: &A) {
    let (peer, reached) = peer([Step::ExpectHead, Step::send("HTTP/1.1 200 OK\r\n\r\nhalf")]);
    let client = patient(adapter);
    let request = client.get(peer.url("/"));
    let got = closed_meanwhile(&client, is_reached(&reached), || adapter.send(request));
    assert_eq!(got.unwrap_err().kind(), Kind::Closed);
    assert_gone(&client, peer);
}

fn b23_who_waits_for_the_pool_is_told_that_the_client_was_closed<A: Adapter>(adapter: &A) {
    let (peer, reached) = peer([
        Step::ExpectHead,
        Step::send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"),
    ]);
    let limits = Limits {
        max_connections: Some(1),
        ..Limits::default()
    };
    let builder = adapter.builder().timeout(Timeout::none());
    let client = builder.limits(limits).build().unwrap();
    let held = adapter.stream(client.get(peer.url("/"))).unwrap();
    let request = client.get(peer.url("/"));
    let got = closed_meanwhile(&client, is_reached(&reached), || adapter.send(request));
    assert_eq!(got.unwrap_err().kind(), Kind::Closed);
    assert_eq!(held.read().unwrap_err().kind(), Kind::Closed);
    assert_gone(&client, peer);
}

fn b23_who_is_in_a_handshake_is_told_that_the_client_was_closed<A: Adapter>(adapter: &A) {
    // A part of what a TLS client begins with, and no answer to it.
    let (peer, reached) = peer([Step::ExpectBytes(11)]);
    let client = patient(adapter);
    let request = client.get(peer.url("/").replace("http:", "https:"));
    let got = closed_meanwhile(&client, is_reached(&reached), || adapter.send(request));
    assert_eq!(got.unwrap_err().kind(), Kind::Closed);
    assert_gone(&client, peer);
}

fn b23_who_uploads_is_told_that_the_client_was_closed<A: Adapter>(adapter: &A) {
    let reached = Latch::new();
    let over = Latch::new();
    // It takes nothing of the body.
    let peer = Script::new()
        .connection([
            Step::ExpectHead,
            Step::Open(reached.clone()),
            Step::Wait(over.clone()),
            Step::Close,
        ])
        .start();
    let client = patient(adapter);
    let request = client
        .put(peer.url("/"))
        .body(Body::from(vec![0; 32 << 20]));
    let got = closed_meanwhile(&client, is_reached(&reached), || adapter.send(request));
    over.open();
    assert_eq!(got.unwrap_err().kind(), Kind::Closed);
    assert_gone(&client, peer);
}

fn b23_a_request_that_could_be_sent_again_is_not<A: Adapter>(adapter: &A) {
    let (peer, reached) = peer([
        Step::ExpectHead,
        Step::send("HTTP/1.1 204 No Content\r\n\r\n"),
        Step::ExpectHead,
    ]);
    let client = patient(adapter);
    adapter.send(client.get(peer.url("/"))).unwrap();
    let request = client.get(peer.url("/"));
    let got = closed_meanwhile(&client, is_reached(&reached), || adapter.send(request));
    assert_eq!(got.unwrap_err().kind(), Kind::Closed);
    assert_eq!(peer.connections(), 1);
    assert_gone(&client, peer);
}

fn b23_all_that_wait_are_told<A: Adapter>(adapter: &A) {
    let authority = Authority::new();
    for scheme in ["http:", "https:"] {
        let script = Script::new().connection([Step::ExpectHead, Step::ExpectEof]);
        let script = match scheme {
            "https:" => script.tls(authority.leaf().server_config(&["http/1.1"])),
            _ => script,
        };
        let peer = script.repeat_last().start();
        let limits = Limits {
            max_connections: Some(4),
            ..Limits::default()
        };
        let client = adapter
            .builder()
            .root_certificates(authority.pem())
            .timeout(Timeout::none())
            .limits(limits)
            .build()
            .unwrap();
        let url = peer.url("/").replace("http:", scheme);
        let requests: Vec<RequestBuilder<_>> = (0..12).map(|_| client.get(&url)).collect();
        let all_wait = || {
            let until = Instant::now() + PATIENCE;
            while peer.records().len() < 4 || client.pool_counts().waiting < 8 {
                assert!(Instant::now() < until, "{}", client.pool());
                thread::sleep(Duration::from_millis(1));
            }
        };
        for got in closed_meanwhile(&client, all_wait, || adapter.together(requests)) {
            assert_eq!(got.unwrap_err().kind(), Kind::Closed);
        }
        assert_eq!(client.pool_counts(), Default::default());
        assert_eq!(peer.finish().len(), 4);
    }
}

fn b23_what_has_come_may_still_be_read<A: Adapter>(adapter: &A) {
    let (peer, _) = peer([
        Step::ExpectHead,
        Step::send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole"),
    ]);
    let client = patient(adapter);
    let download = adapter.stream(client.get(peer.url("/"))).unwrap();
    client.close();
    assert_eq!(download.read().unwrap().text(), "whole");
    assert_gone(&client, peer);
}

fn b23_who_shares_a_connection_is_told_that_the_client_was_closed<A: Adapter>(adapter: &A) {
    let origin = Origin::https(Manners::default());
    let client = adapter
        .builder()
        .http2(true)
        .root_certificates(origin.authority.pem())
        .timeout(Timeout::none())
        .build()
        .unwrap();
    adapter.send(client.get(origin.url("/bytes/1/1"))).unwrap();
    let requests: Vec<RequestBuilder<_>> =
        (0..6).map(|_| client.get(origin.url("/stall"))).collect();
    let all_wait = || {
        let until = Instant::now() + PATIENCE;
        while origin.requests() < 7 {
            assert!(Instant::now() < until, "{}", client.pool());
            thread::sleep(Duration::from_millis(1));
        }
    };
    for got in closed_meanwhile(&client, all_wait, || adapter.together(requests)) {
        assert_eq!(got.unwrap_err().kind(), Kind::Closed);
    }
    assert_eq!(client.pool_counts(), Default::default());
    assert_eq!(origin.connections(), 1);
}

fn b23_who_reads_an_upgraded_stream_is_told_that_the_client_was_closed<A: Adapter>(adapter: &A) {
    let (peer, reached) = peer([Step::ExpectHead, Step::send(SWITCH)]);
    let client = patient(adapter);
    let mut stream = upgraded(adapter, &client, peer.url("/"));
    let got = closed_meanwhile(&client, is_reached(&reached), || stream.read(&mut [0; 8]));
    assert_eq!(got.unwrap_err().kind(), ErrorKind::ConnectionAborted);
    // It stays so, for reading and for writing.
    for got in [stream.read(&mut [0; 8]), stream.write(b"late")] {
        assert_eq!(got.unwrap_err().kind(), ErrorKind::ConnectionAborted);
    }
    drop(stream);
    assert_gone(&client, peer);
}

fn b23_who_writes_an_upgraded_stream_is_told_that_the_client_was_closed<A: Adapter>(adapter: &A) {
    let (reached, over) = (Latch::new(), Latch::new());
    // It takes nothing.
    let peer = Script::new()
        .connection([
            Step::ExpectHead,
            Step::send(SWITCH),
            Step::Open(reached.clone()),
            Step::Wait(over.clone()),
            Step::Close,
        ])
        .start();
    let client = patient(adapter);
    let mut stream = upgraded(adapter, &client, peer.url("/"));
    let all = vec![0; 32 << 20];
    let got = closed_meanwhile(&client, is_reached(&reached), || stream.write_all(&all));
    over.open();
    assert_eq!(got.unwrap_err().kind(), ErrorKind::ConnectionAborted);
    drop(stream);
    assert_gone(&client, peer);
}

fn b23_who_begins_tls_in_an_upgraded_stream_is_told_that_the_client_was_closed<A: Adapter>(
    adapter: &A,
) {
    let (peer, reached) = peer([Step::ExpectHead, Step::send(SWITCH), Step::ExpectBytes(11)]);
    let client = patient(adapter);
    let mut stream = upgraded(adapter, &client, peer.url("/"));
    let got = closed_meanwhile(&client, is_reached(&reached), || {
        stream.start_tls("origin.test")
    });
    assert_eq!(got.unwrap_err().kind(), Kind::Closed);
    drop(stream);
    assert_gone(&client, peer);
}

fn b23_an_upgraded_stream_that_never_waits_is_ended_all_the_same<A: Adapter>(adapter: &A) {
    let client = patient(adapter);
    // It sends as fast as can be read, and takes as fast as can be written.
    let server = Switching::start(SWITCH, |socket| {
        let (up, down) = (socket.try_clone()?, socket);
        let taking = thread::spawn(move || std::io::copy(&mut &up, &mut std::io::sink()));
        while (&down).write_all(&[0; 16 << 10]).is_ok() {}
        let _ = taking.join();
        Ok(())
    });
    let mut stream = upgraded(adapter, &client, &server.url);
    let error = closed_meanwhile(
        &client,
        || {},
        || {
            let mut buf = [0; 16 << 10];
            loop {
                if let Err(error) = stream.read(&mut buf).and_then(|_| stream.write(&buf)) {
                    return error;
                }
            }
        },
    );
    assert_eq!(error.kind(), ErrorKind::ConnectionAborted);
    drop(stream);
    server.finish();
    assert_eq!(client.pool_counts(), Default::default());
}
