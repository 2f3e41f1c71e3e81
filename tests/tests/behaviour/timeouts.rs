//! Every wait has a limit: connect, read, write, pool (the last is in `pool.rs`).

use bytes::Bytes;
use nuncio::{Error, Kind, Timeout};
use nuncio_testkit::latch::Latch;
use nuncio_testkit::script::{Script, Step};
use nuncio_testkit::server::Server;
use nuncio_tests::adapters::{Adapter, Download};
use nuncio_tests::behaviour;
use socket2::{Domain, Socket, Type};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_millis(150);

/// `act` fails with `kind`, not before the limit and not long after.
#[track_caller]
fn fails_in_time<T>(kind: Kind, act: impl FnOnce() -> Result<T, Error>) -> Error {
    let started = Instant::now();
    let Err(error) = act() else {
        panic!("no error");
    };
    let took = started.elapsed();
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.is_timeout());
    assert!(took >= LIMIT, "after {took:?}");
    assert!(took < LIMIT + Duration::from_millis(850), "after {took:?}");
    error
}

/// A listener whose queue is full: the next to dial gets no answer. Holds what fills it.
fn black_hole() -> (SocketAddr, Vec<TcpStream>, Socket) {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    listener.bind(&any.into()).unwrap();
    listener.listen(0).unwrap();
    let addr = listener.local_addr().unwrap().as_socket().unwrap();
    let mut held = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&addr, Duration::from_millis(100)) {
        held.push(stream);
        assert!(held.len() < 50, "the queue is never full");
    }
    (addr, held, listener)
}

behaviour!(connecting_has_a_limit);
fn connecting_has_a_limit<A: Adapter>(adapter: &A) {
    let (addr, _held, _listener) = black_hole();
    let client = adapter
        .builder()
        .timeout(Timeout::default().connect(LIMIT))
        .build()
        .unwrap();
    let error = fails_in_time(Kind::ConnectTimeout, || {
        adapter.send(client.get(format!("http://{addr}/")))
    });
    assert_eq!(error.address(), Some(addr));
    assert_eq!(client.pool().connections, 0);
    // The same for one request of a client that is more patient.
    let patient = adapter.client();
    fails_in_time(Kind::ConnectTimeout, || {
        let request = patient.get(format!("http://{addr}/"));
        adapter.send(request.timeout(Timeout::default().connect(LIMIT)))
    });
}

behaviour!(the_tls_handshake_is_part_of_connecting);
fn the_tls_handshake_is_part_of_connecting<A: Adapter>(adapter: &A) {
    // The kernel accepts, and nobody says anything.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/", silent.local_addr().unwrap());
    let client = adapter.client();
    fails_in_time(Kind::ConnectTimeout, || {
        adapter.send(client.get(url).timeout(Timeout::default().connect(LIMIT)))
    });
    assert_eq!(client.pool().connections, 0);
}

behaviour!(a_head_that_does_not_come_is_a_read_timeout);
fn a_head_that_does_not_come_is_a_read_timeout<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter
        .builder()
        .timeout(Timeout::default().read(LIMIT))
        .build()
        .unwrap();
    fails_in_time(Kind::ReadTimeout, || {
        adapter.send(client.get(server.url("/stall")))
    });
    fails_in_time(Kind::ReadTimeout, || {
        adapter.send(client.post(server.url("/stall")).body("x"))
    });
    assert_eq!(client.pool().connections, 0);
    let patient = adapter.client();
    fails_in_time(Kind::ReadTimeout, || {
        let request = patient.get(server.url("/stall"));
        adapter.send(request.timeout(Timeout::default().read(LIMIT)))
    });
    // A request's own limit replaces the client's whole.
    let response = client
        .get(server.url("/delay/250"))
        .timeout(Timeout::secs(5));
    assert_eq!(adapter.send(response).unwrap().status(), 200);
}

behaviour!(a_reused_connection_that_falls_silent_is_a_read_timeout);
fn a_reused_connection_that_falls_silent_is_a_read_timeout<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter.client();
    adapter.send(client.get(server.url("/json"))).unwrap();
    fails_in_time(Kind::ReadTimeout, || {
        let request = client.get(server.url("/stall"));
        adapter.send(request.timeout(Timeout::default().read(LIMIT)))
    });
    assert_eq!(
        server.requests(),
        2,
        "a time-out is no reason to send again"
    );
}

behaviour!(a_body_that_stops_is_a_read_timeout);
fn a_body_that_stops_is_a_read_timeout<A: Adapter>(adapter: &A) {
    let hold = Latch::new();
    for framing in ["Content-Length: 10", "Transfer-Encoding: chunked", "X: y"] {
        let peer = Script::new()
            .connection([
                Step::ExpectHead,
                Step::send(format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n2\r\nab\r\n")),
                Step::Wait(hold.clone()),
            ])
            .start();
        let client = adapter.client();
        let request = client
            .get(peer.url("/"))
            .timeout(Timeout::default().read(LIMIT));
        let mut download = adapter.stream(request).unwrap();
        download.chunk().unwrap().unwrap();
        fails_in_time(Kind::ReadTimeout, || {
            // What came in further pieces is no failure.
            while download.chunk()?.is_some() {}
            Ok(())
        });
        drop(download);
        assert_eq!(client.pool().connections, 0);
    }
    hold.open();
}

behaviour!(the_read_limit_is_for_silence_and_not_for_the_whole);
fn the_read_limit_is_for_silence_and_not_for_the_whole<A: Adapter>(adapter: &A) {
    let limit = Duration::from_millis(1500);
    let server = Server::http();
    let request = adapter
        .client()
        .get(server.url("/drip/8/250"))
        .timeout(Timeout::default().read(limit));
    let response = adapter.send(request).unwrap();
    assert_eq!(response.bytes().len(), 8);
    assert!(response.elapsed() > limit);
}

behaviour!(a_reader_who_pauses_is_not_timed_out);
fn a_reader_who_pauses_is_not_timed_out<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let request = adapter
        .client()
        .get(server.url("/bytes/3000000"))
        .timeout(Timeout::default().read(LIMIT));
    let mut download = adapter.stream(request).unwrap();
    let first = download.chunk().unwrap().unwrap();
    std::thread::sleep(LIMIT + LIMIT / 2);
    let rest = download.read().unwrap();
    assert_eq!(first.len() + rest.bytes().len(), 3_000_000);
}

behaviour!(a_peer_that_takes_nothing_is_a_write_timeout);
fn a_peer_that_takes_nothing_is_a_write_timeout<A: Adapter>(adapter: &A) {
    // `/stall` reads the head and no more: the rest fills the buffers of both kernels.
    let server = Server::http();
    let client = adapter
        .builder()
        .timeout(Timeout::default().write(LIMIT))
        .build()
        .unwrap();
    let body = Bytes::from(vec![0; 64 << 20]);
    let url = server.url("/stall");
    let stalled = || adapter.send(client.post(&url).body(body.clone()));
    fails_in_time(Kind::WriteTimeout, stalled);
    let pieces = std::iter::repeat_n(Bytes::from_static(&[7; 65_536]), 1000).map(Ok);
    let streamed = adapter.body(pieces, None);
    fails_in_time(Kind::WriteTimeout, || {
        adapter.send(client.put(&url).body(streamed))
    });
    assert_eq!(client.pool().connections, 0);
}

behaviour!(without_limits_nothing_is_timed_out);
fn without_limits_nothing_is_timed_out<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter.builder().timeout(Timeout::none()).build().unwrap();
    let response = adapter.send(client.get(server.url("/delay/300"))).unwrap();
    assert_eq!(response.status(), 200);
    let body = Bytes::from(vec![0; 8 << 20]);
    let response = adapter.send(client.post(server.url("/checksum")).body(body));
    assert_eq!(response.unwrap().status(), 200);
}
