//! Limits on all of a request and on its speed, and limits of zero, over real sockets (SECURITY D1 to
//! D3). To the nanosecond they are held by `client/tests/timeouts`.

use bytes::Bytes;
use nuncio::{Error, Kind, Limits, Phase, Timeout};
use nuncio_testkit::latch::Latch;
use nuncio_testkit::script::{Script, Step};
use nuncio_testkit::server::Server;
use nuncio_tests::adapters::{Adapter, Download};
use nuncio_tests::behaviour;
use std::net::TcpListener;
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_millis(150);
const NONE: Timeout = Timeout::none();

/// `act` fails with `kind`, not before the limit and not long after.
#[track_caller]
fn fails_in_time<T>(kind: Kind, limit: Duration, act: impl FnOnce() -> Result<T, Error>) -> Error {
    let started = Instant::now();
    let Err(error) = act() else {
        panic!("no error");
    };
    let took = started.elapsed();
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.is_timeout());
    assert!(took >= limit, "after {took:?}");
    assert!(took < limit + Duration::from_millis(850), "after {took:?}");
    error
}

behaviour!(d03_the_total_limit_ends_whatever_is_being_waited_for);
fn d03_the_total_limit_ends_whatever_is_being_waited_for<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter
        .builder()
        .timeout(NONE.total(LIMIT))
        .build()
        .unwrap();
    let total = |act: &dyn Fn() -> Result<nuncio::Response, Error>, doing: &str| {
        let error = fails_in_time(Kind::TotalTimeout, LIMIT, act);
        assert!(error.to_string().contains(doing), "{error}");
        assert_eq!(client.pool().connections, 0, "{doing}");
        error
    };
    // The kernel accepts, and nobody says anything.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/", silent.local_addr().unwrap());
    let error = total(&|| adapter.send(client.get(&url)), "the TLS handshake");
    assert_eq!(error.phase(), Some(Phase::Connect));
    let get = |path: &str| adapter.send(client.get(server.url(path)));
    let error = total(&|| get("/stall"), "the response's head");
    assert_eq!(error.address(), Some(server.addr()));
    total(&|| get("/drip/1000/20"), "reading the response's body");
    // It reads the head and no more.
    let body = Bytes::from(vec![0; 64 << 20]);
    let post = || adapter.send(client.post(server.url("/stall")).body(body.clone()));
    let error = total(&post, "sending the request");
    assert_eq!(error.phase(), Some(Phase::Write));
}

behaviour!(d03_waiting_for_the_pool_is_part_of_the_total);
fn d03_waiting_for_the_pool_is_part_of_the_total<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let limits = Limits {
        max_connections: Some(1),
        ..Limits::default()
    };
    let client = adapter
        .builder()
        .timeout(NONE)
        .limits(limits)
        .build()
        .unwrap();
    let held = adapter
        .stream(client.get(server.url("/drip/100/50")))
        .unwrap();
    let hasty = || client.get(server.url("/json")).timeout(NONE.total(LIMIT));
    let error = fails_in_time(Kind::TotalTimeout, LIMIT, || adapter.send(hasty()));
    assert_eq!(error.phase(), Some(Phase::Pool));
    assert_eq!(client.pool().waiting, 0);
    drop(held);
    adapter.send(client.get(server.url("/json"))).unwrap();
}

behaviour!(d03_redirects_and_a_streamed_body_share_the_total);
fn d03_redirects_and_a_streamed_body_share_the_total<A: Adapter>(adapter: &A) {
    let limit = LIMIT * 2;
    let step = LIMIT * 2 / 3;
    let moved = "HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Length: 0\r\n\r\n";
    let hops = (0..20).flat_map(|_| [Step::ExpectHead, Step::Sleep(step), Step::send(moved)]);
    let peer = Script::new().connection(hops).start();
    let client = adapter
        .builder()
        .timeout(NONE.total(limit))
        .follow_redirects(true);
    let client = client.build().unwrap();
    fails_in_time(Kind::TotalTimeout, limit, || {
        adapter.send(client.get(peer.url("/")))
    });
    assert_eq!(client.pool().connections, 0);
    let server = Server::http();
    let started = Instant::now();
    let mut download = adapter
        .stream(client.get(server.url("/drip/1000/20")))
        .unwrap();
    let error = loop {
        match download.chunk() {
            Ok(Some(_)) => {}
            Ok(None) => panic!("it came to its end"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), Kind::TotalTimeout, "{error}");
    assert!(started.elapsed() >= limit);
    // Told again to whoever asks again.
    assert_eq!(download.chunk().unwrap_err().kind(), Kind::TotalTimeout);
    assert_eq!(client.pool().connections, 0);
}

behaviour!(what_is_done_in_time_is_not_touched_by_the_total);
fn what_is_done_in_time_is_not_touched_by_the_total<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let timeout = Timeout::secs(5).total(Duration::from_secs(60));
    let client = adapter.builder().timeout(timeout).build().unwrap();
    for _ in 0..3 {
        adapter.send(client.get(server.url("/json"))).unwrap();
        let body = Bytes::from(vec![7; 1 << 20]);
        adapter
            .send(client.post(server.url("/checksum")).body(body))
            .unwrap();
    }
    assert_eq!(server.connections(), 1);
}

behaviour!(d01_a_body_that_dribbles_is_too_slow);
fn d01_a_body_that_dribbles_is_too_slow<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let guard = Timeout::secs(5).low_speed(10_000, LIMIT);
    let client = adapter.builder().timeout(guard).build().unwrap();
    let error = fails_in_time(Kind::LowSpeed, LIMIT, || {
        adapter.send(client.get(server.url("/drip/1000/20")))
    });
    assert_eq!(error.phase(), Some(Phase::Read));
    let body = Bytes::from(vec![0; 64 << 20]);
    let error = fails_in_time(Kind::LowSpeed, LIMIT, || {
        adapter.send(client.post(server.url("/stall")).body(body))
    });
    assert_eq!(error.phase(), Some(Phase::Write));
    assert_eq!(client.pool().connections, 0);
    // What takes its time before it begins is not slow, nor is a reader who does.
    let response = adapter.send(client.get(server.url("/delay/400"))).unwrap();
    assert_eq!(response.status(), 200);
    let request = client.get(server.url("/bytes/3000000"));
    let mut download = adapter.stream(request).unwrap();
    download.chunk().unwrap().unwrap();
    std::thread::sleep(LIMIT * 3);
    assert!(download.read().is_ok());
}

behaviour!(b19_no_time_at_all_is_passed_at_once_as_that_of_its_phase);
fn b19_no_time_at_all_is_passed_at_once_as_that_of_its_phase<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter.builder().timeout(NONE).build().unwrap();
    let zero = Duration::ZERO;
    let by_name = server.url("/json").replace("127.0.0.1", "localhost");
    for (timeout, kind) in [
        (NONE.connect(zero), Kind::ConnectTimeout),
        (NONE.read(zero), Kind::ReadTimeout),
        (NONE.write(zero), Kind::WriteTimeout),
        (NONE.total(zero), Kind::TotalTimeout),
    ] {
        for url in [&server.url("/json"), &by_name] {
            let request = client.get(url).timeout(timeout);
            let error = adapter.send(request).unwrap_err();
            assert_eq!(error.kind(), kind, "{timeout:?}: {error}");
            assert_eq!(client.pool().connections, 0);
        }
    }
    // The pool has one to give.
    let request = client.get(server.url("/json")).timeout(NONE.pool(zero));
    adapter.send(request).unwrap();
    // And one that is there needs no time to be made.
    let request = client.get(server.url("/json")).timeout(NONE.connect(zero));
    adapter.send(request).unwrap();
    // It has none.
    let limits = Limits {
        max_connections: Some(1),
        ..Limits::default()
    };
    let client = adapter.builder().limits(limits).build().unwrap();
    let held = adapter
        .stream(client.get(server.url("/drip/100/50")))
        .unwrap();
    let request = client.get(server.url("/json")).timeout(NONE.pool(zero));
    let error = adapter.send(request).unwrap_err();
    assert_eq!(error.kind(), Kind::PoolTimeout, "{error}");
    drop(held);
}

behaviour!(d02_a_goodbye_that_nobody_takes_keeps_nobody);
fn d02_a_goodbye_that_nobody_takes_keeps_nobody<A: Adapter>(adapter: &A) {
    // A response is given up whose server neither reads nor closes: the socket is closed at once.
    let hold = Latch::new();
    let peer = Script::new()
        .connection([
            Step::ExpectHead,
            Step::send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab"),
            Step::Wait(hold.clone()),
        ])
        .start();
    let client = adapter.client();
    let started = Instant::now();
    let mut download = adapter.stream(client.get(peer.url("/"))).unwrap();
    download.chunk().unwrap().unwrap();
    drop(download);
    assert_eq!(client.pool().connections, 0);
    assert!(started.elapsed() < Duration::from_secs(1));
    hold.open();
}
