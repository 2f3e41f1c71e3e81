//! Which connection serves which request: reuse, limits, stale ones, and answers that nobody asked
//! for (SECURITY K).

use nuncio::{Kind, Limits, Processed, Timeout};
use nuncio_testkit::certs::Authority;
use nuncio_testkit::latch::Latch;
use nuncio_testkit::script::{Script, ScriptedPeer, Step};
use nuncio_testkit::server::Server;
use nuncio_tests::adapters::{Adapter, Download};
use nuncio_tests::behaviour;
use std::time::{Duration, Instant};

/// Waits for what another thread is about to do.
#[track_caller]
fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(5);
    while !is_so() {
        assert!(Instant::now() < until, "never: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

behaviour!(one_connection_serves_one_request_after_another);
fn one_connection_serves_one_request_after_another<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter.client();
    for number in 0..100 {
        let path = match number % 5 {
            0 => "/json",
            1 => "/chunked/5000",
            2 => "/trailers/10",
            3 => "/status/404",
            _ => "/bytes/40000",
        };
        adapter.send(client.get(server.url(path))).unwrap();
    }
    assert_eq!((server.connections(), server.requests()), (1, 100));
    let counts = client.clone().pool();
    assert_eq!((counts.connections, counts.idle, counts.waiting), (1, 1, 0));
}

behaviour!(the_pool_counts_what_is_in_use_and_what_is_idle);
fn the_pool_counts_what_is_in_use_and_what_is_idle<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter.client();
    let counts = || {
        let counts = client.pool();
        (counts.connections, counts.idle)
    };
    assert_eq!(counts(), (0, 0));
    let first = adapter.stream(client.get(server.url("/bytes/9"))).unwrap();
    assert_eq!(counts(), (1, 0));
    let second = adapter.stream(client.get(server.url("/bytes/9"))).unwrap();
    assert_eq!(counts(), (2, 0));
    first.read().unwrap();
    assert_eq!(counts(), (2, 1));
    second.read().unwrap();
    assert_eq!(counts(), (2, 2));
    client.evict_idle();
    assert_eq!(counts(), (0, 0));
    eventually("closed", || server.open_connections() == 0);
}

behaviour!(a_response_to_the_end_frees_its_connection_before_it_is_dropped);
fn a_response_to_the_end_frees_its_connection_before_it_is_dropped<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter.client();
    let mut download = adapter
        .stream(client.get(server.url("/chunked/9")))
        .unwrap();
    while download.chunk().unwrap().is_some() {}
    assert_eq!(client.pool().idle, 1);
    adapter.send(client.get(server.url("/json"))).unwrap();
    assert_eq!(server.connections(), 1);
}

behaviour!(a_closed_client_closes_its_connections_and_sends_no_more);
fn a_closed_client_closes_its_connections_and_sends_no_more<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter.client();
    let under_way = adapter.stream(client.get(server.url("/bytes/9"))).unwrap();
    adapter.send(client.get(server.url("/json"))).unwrap();
    client.clone().close();
    eventually("the idle one closed", || server.open_connections() <= 1);
    assert_eq!(under_way.read().unwrap().bytes().len(), 9);
    eventually("the other too", || server.open_connections() == 0);
    let error = adapter.send(client.get(server.url("/json"))).unwrap_err();
    assert_eq!(error.kind(), Kind::Closed, "{error}");
    assert_eq!(server.connections(), 2);
}

behaviour!(limits_of_idle_connections_hold);
fn limits_of_idle_connections_hold<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let limits = Limits {
        max_idle: Some(1),
        idle_expiry: Some(Duration::from_millis(60)),
        ..Limits::default()
    };
    let client = adapter.builder().limits(limits).build().unwrap();
    let url = server.url("/bytes/9");
    let first = adapter.stream(client.get(&url)).unwrap();
    let second = adapter.stream(client.get(&url)).unwrap();
    first.read().unwrap();
    second.read().unwrap();
    assert_eq!(client.pool().connections, 1);
    adapter.send(client.get(&url)).unwrap();
    assert_eq!(server.connections(), 2);
    std::thread::sleep(Duration::from_millis(90));
    adapter.send(client.get(&url)).unwrap();
    assert_eq!(server.connections(), 3, "idle for too long");
}

behaviour!(a_request_waits_for_a_connection_and_gets_it);
fn a_request_waits_for_a_connection_and_gets_it<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let limits = Limits {
        max_connections: Some(1),
        ..Limits::default()
    };
    let client = adapter.builder().limits(limits).build().unwrap();
    let requests: Vec<_> = (0..12)
        .map(|_| client.get(server.url("/delay/5")))
        .collect();
    for response in adapter.together(requests) {
        assert_eq!(response.unwrap().status(), 200);
    }
    assert_eq!((server.connections(), server.requests()), (1, 12));

    let url = server.url("/bytes/9");
    let held = adapter.stream(client.get(&url)).unwrap();
    let short = Timeout::default().pool(Duration::from_millis(60));
    let started = Instant::now();
    let error = adapter.send(client.get(&url).timeout(short)).unwrap_err();
    assert_eq!(error.kind(), Kind::PoolTimeout, "{error}");
    assert!(error.is_timeout());
    let waited = started.elapsed();
    assert!(waited >= Duration::from_millis(60), "{waited:?}");
    assert!(waited < Duration::from_secs(1), "{waited:?}");
    assert_eq!(client.pool().waiting, 0);
    held.read().unwrap();
    adapter.send(client.get(&url)).unwrap();
    assert_eq!(server.connections(), 1);
}

behaviour!(a_connection_of_another_origin_makes_room);
fn a_connection_of_another_origin_makes_room<A: Adapter>(adapter: &A) {
    let (first, second) = (Server::http(), Server::http());
    let limits = Limits {
        max_connections: Some(1),
        ..Limits::default()
    };
    let client = adapter.builder().limits(limits).build().unwrap();
    for server in [&first, &second, &first] {
        adapter.send(client.get(server.url("/json"))).unwrap();
        assert_eq!(client.pool().connections, 1);
    }
    assert_eq!((first.connections(), second.connections()), (2, 1));
}

behaviour!(host_names_and_schemes_do_not_share_connections);
fn host_names_and_schemes_do_not_share_connections<A: Adapter>(adapter: &A) {
    // SECURITY K6, K10: one port answers to two names, and each is an origin of its own.
    let server = Server::http();
    let client = adapter.client();
    let by_name = format!("http://localhost:{}/json", server.addr().port());
    for url in [
        server.url("/json"),
        by_name.clone(),
        server.url("/json"),
        by_name,
    ] {
        adapter.send(client.get(url)).unwrap();
    }
    assert_eq!(server.connections(), 2);
}

behaviour!(a_server_that_ends_connections_unannounced_costs_no_request);
fn a_server_that_ends_connections_unannounced_costs_no_request<A: Adapter>(adapter: &A) {
    let server = Server::builder().close_after(10).start();
    let client = adapter.client();
    let url = server.url("/bytes/10");
    for number in 0..2_000 {
        if let Err(error) = adapter.send(client.get(&url)) {
            panic!("request {number}: {error}");
        }
    }
    assert_eq!((server.connections(), server.requests()), (200, 2_000));
}

behaviour!(a_post_on_a_connection_that_died_at_rest_is_sent_on_a_new_one);
fn a_post_on_a_connection_that_died_at_rest_is_sent_on_a_new_one<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter.client();
    adapter.send(client.get(server.url("/json"))).unwrap();
    server.close_connections();
    eventually("closed", || server.open_connections() == 0);
    let response = adapter.send(client.post(server.url("/checksum")).body("x"));
    assert_eq!(response.unwrap().status(), 200);
    assert_eq!((server.connections(), server.requests()), (2, 2));
}

const ONE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none";
const EVIL: &str = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
const TWO: &str = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo";

/// The second answer of the first connection is never given to anyone: plain and over TLS.
fn k1<A: Adapter>(adapter: &A, first: impl Fn() -> (Vec<Step>, Box<dyn FnOnce()>)) {
    let authority = Authority::new();
    let client = adapter
        .builder()
        .root_certificates(authority.pem())
        .build()
        .unwrap();
    for scheme in ["http:", "https:"] {
        let (steps, before_second) = first();
        let mut script = Script::new()
            .connection(steps)
            .connection([Step::ExpectHead, Step::send(TWO)]);
        if scheme == "https:" {
            script = script.tls(authority.leaf().server_config(&["http/1.1"]));
        }
        let peer = script.start();
        let url = peer.url("/").replace("http:", scheme);
        let response = adapter.send(client.get(&url)).unwrap();
        assert_eq!(response.text(), "one");
        before_second();
        let response = adapter.send(client.get(&url)).unwrap();
        assert_eq!(response.text(), "two");
        assert_eq!(peer.connections(), 2);
    }
}

behaviour!(k01_an_answer_in_the_segment_of_the_one_before_is_never_seen);
fn k01_an_answer_in_the_segment_of_the_one_before_is_never_seen<A: Adapter>(adapter: &A) {
    k1(adapter, || {
        let both = Step::send(format!("{ONE}{EVIL}"));
        let steps = vec![Step::ExpectHead, both, Step::ExpectEof];
        (steps, Box::new(|| {}))
    });
}

behaviour!(k01_an_answer_that_came_later_is_never_seen);
fn k01_an_answer_that_came_later_is_never_seen<A: Adapter>(adapter: &A) {
    k1(adapter, || {
        let sent = Latch::new();
        let steps = vec![
            Step::ExpectHead,
            Step::send(ONE),
            Step::Sleep(Duration::from_millis(40)),
            Step::send(EVIL),
            Step::Open(sent.clone()),
            Step::ExpectEof,
        ];
        let wait = move || {
            assert!(sent.wait(Duration::from_secs(5)));
            std::thread::sleep(Duration::from_millis(30));
        };
        (steps, Box::new(wait))
    });
}

behaviour!(k01_an_answer_just_before_the_next_request_is_never_seen);
fn k01_an_answer_just_before_the_next_request_is_never_seen<A: Adapter>(adapter: &A) {
    k1(adapter, || {
        let (rested, sent) = (Latch::new(), Latch::new());
        let steps = vec![
            Step::ExpectHead,
            Step::send(ONE),
            Step::Wait(rested.clone()),
            Step::send(EVIL),
            Step::Open(sent.clone()),
            Step::ExpectEof,
        ];
        // Loopback delivers within the send: what was sent is there when the gate opens.
        let wait = move || {
            rested.open();
            assert!(sent.wait(Duration::from_secs(5)));
        };
        (steps, Box::new(wait))
    });
}

behaviour!(k02_a_response_dropped_at_any_byte_of_its_body_takes_its_connection_along);
fn k02_a_response_dropped_at_any_byte_of_its_body_takes_its_connection_along<A: Adapter>(
    adapter: &A,
) {
    let client = adapter.client();
    let bodies = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n", "sensible"),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "8\r\nsensible\r\n0\r\n\r\n",
        ),
    ];
    for (head, body) in bodies {
        for taken in 0..8 {
            let more = Latch::new();
            let framing = body.find('s').unwrap_or(0);
            let first = framing + taken;
            let peer = Script::new()
                .connection([
                    Step::ExpectHead,
                    Step::send(format!("{head}{}", &body[..first])),
                    Step::Wait(more.clone()),
                    Step::send(&body[first..]),
                    Step::ExpectEof,
                ])
                .connection([Step::ExpectHead, Step::send(TWO)])
                .start();
            let mut download = adapter.stream(client.get(peer.url("/"))).unwrap();
            let mut came = 0;
            while came < taken {
                came += download.chunk().unwrap().map_or(0, |chunk| chunk.len());
            }
            drop(download);
            more.open();
            assert_eq!(client.pool().connections, 0, "{taken}");
            let response = adapter.send(client.get(peer.url("/"))).unwrap();
            assert_eq!(response.text(), "two", "{taken}");
            client.evict_idle();
            assert_eq!(peer.connections(), 2, "{taken}");
        }
    }
}

behaviour!(k02_a_response_dropped_half_way_takes_its_connection_along);
fn k02_a_response_dropped_half_way_takes_its_connection_along<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter.client();
    for path in [
        "/bytes/2000000",
        "/chunked/2000000",
        "/drip/100/20",
        "/bytes/9",
    ] {
        let opened = server.connections();
        let mut download = adapter.stream(client.get(server.url(path))).unwrap();
        if path != "/bytes/9" {
            download.chunk().unwrap().unwrap();
        }
        drop(download);
        assert_eq!(client.pool().connections, 0, "{path}");
        adapter.send(client.get(server.url("/json"))).unwrap();
        assert_eq!(server.connections(), opened + 2, "{path}");
        client.evict_idle();
        eventually("closed", || server.open_connections() == 0);
    }
}

/// Answers once, then takes `bytes` of a second request and ends: on the first connection only.
fn dies_on_the_second(body: usize) -> ScriptedPeer {
    Script::new()
        .connection([
            Step::ExpectHead,
            Step::send(ONE),
            Step::ExpectHead,
            Step::ExpectBytes(body),
            Step::Close,
        ])
        .connection([Step::ExpectHead, Step::ExpectBytes(body), Step::send(TWO)])
        .start()
}

behaviour!(k05_a_post_that_may_have_been_processed_is_not_sent_again);
fn k05_a_post_that_may_have_been_processed_is_not_sent_again<A: Adapter>(adapter: &A) {
    let peer = dies_on_the_second(4);
    let client = adapter.client();
    adapter.send(client.get(peer.url("/"))).unwrap();
    let error = adapter
        .send(client.post(peer.url("/pay")).body("1000"))
        .unwrap_err();
    assert_eq!(error.kind(), Kind::RemoteProtocol, "{error}");
    assert_eq!(error.processed(), Processed::Maybe);
    assert_eq!(peer.connections(), 1);
    let posts: usize = peer
        .records()
        .iter()
        .map(|record| {
            String::from_utf8_lossy(&record.received)
                .matches("POST ")
                .count()
        })
        .sum();
    assert_eq!(posts, 1);
    assert_eq!(client.pool().connections, 0);
}

behaviour!(k05_what_is_idempotent_is_sent_again_once_and_silently);
fn k05_what_is_idempotent_is_sent_again_once_and_silently<A: Adapter>(adapter: &A) {
    for (method, body) in [("GET", ""), ("PUT", "1000"), ("DELETE", "")] {
        let peer = dies_on_the_second(body.len());
        let client = adapter.client();
        adapter.send(client.get(peer.url("/"))).unwrap();
        let request = client.request(method, peer.url("/again")).body(body);
        let response = adapter.send(request).unwrap();
        assert_eq!(response.text(), "two", "{method}");
        let records = peer.finish();
        let again = format!("{method} /again ");
        for record in &records {
            let text = String::from_utf8_lossy(&record.received);
            assert_eq!(text.matches(&again).count(), 1, "{method}");
        }
    }
}

behaviour!(a_new_connection_that_dies_is_an_error_at_once);
fn a_new_connection_that_dies_is_an_error_at_once<A: Adapter>(adapter: &A) {
    let peer = Script::new()
        .connection([Step::ExpectHead, Step::Close])
        .repeat_last()
        .start();
    let error = adapter
        .send(adapter.client().get(peer.url("/")))
        .unwrap_err();
    assert_eq!(error.kind(), Kind::RemoteProtocol, "{error}");
    assert!(error.to_string().contains("without sending a response"));
    assert_eq!(peer.connections(), 1);
}

behaviour!(a_replay_that_dies_too_is_an_error);
fn a_replay_that_dies_too_is_an_error<A: Adapter>(adapter: &A) {
    let peer = Script::new()
        .connection([
            Step::ExpectHead,
            Step::send(ONE),
            Step::ExpectHead,
            Step::Close,
        ])
        .connection([Step::ExpectHead, Step::Close])
        .repeat_last()
        .start();
    let client = adapter.client();
    adapter.send(client.get(peer.url("/"))).unwrap();
    let error = adapter.send(client.get(peer.url("/"))).unwrap_err();
    assert_eq!(error.kind(), Kind::RemoteProtocol, "{error}");
    assert_eq!(peer.connections(), 2);
}

behaviour!(a_connection_that_either_side_wants_closed_is_closed);
fn a_connection_that_either_side_wants_closed_is_closed<A: Adapter>(adapter: &A) {
    let peer = Script::new()
        .connection([
            Step::ExpectHead,
            Step::send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\none"),
            Step::ExpectEof,
        ])
        .connection([
            Step::ExpectHead,
            Step::send("HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\none"),
            Step::ExpectEof,
        ])
        .connection([Step::ExpectHead, Step::send(ONE), Step::ExpectEof])
        .start();
    let client = adapter.client();
    for _ in 0..2 {
        let response = adapter.send(client.get(peer.url("/"))).unwrap();
        assert_eq!(response.text(), "one");
        assert_eq!(client.pool().connections, 0);
    }
    let request = client.get(peer.url("/")).header("Connection", "close");
    assert_eq!(adapter.send(request).unwrap().text(), "one");
    assert_eq!(client.pool().connections, 0);
    for record in peer.finish() {
        assert_eq!(record.end, nuncio_testkit::script::End::Complete);
    }
}

behaviour!(connections_over_tls_are_used_again);
fn connections_over_tls_are_used_again<A: Adapter>(adapter: &A) {
    let authority = Authority::new();
    let server = Server::builder()
        .tls(authority.leaf().server_config(&["http/1.1"]))
        .close_after(10)
        .start();
    let client = adapter
        .builder()
        .root_certificates(authority.pem())
        .build()
        .unwrap();
    for _ in 0..100 {
        adapter.send(client.get(server.url("/bytes/10"))).unwrap();
    }
    assert_eq!((server.connections(), server.requests()), (10, 100));
}

behaviour!(failures_leave_nothing_behind);
fn failures_leave_nothing_behind<A: Adapter>(adapter: &A) {
    // SECURITY K11, in small: what cannot be connected does not use up the pool.
    let refused = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let limits = Limits {
        max_connections: Some(2),
        ..Limits::default()
    };
    let client = adapter.builder().limits(limits).build().unwrap();
    for _ in 0..50 {
        let error = adapter
            .send(client.get(format!("http://{refused}/")))
            .unwrap_err();
        assert_eq!(error.kind(), Kind::Connect, "{error}");
    }
    assert_eq!(client.pool().connections, 0);
    let server = Server::http();
    adapter.send(client.get(server.url("/json"))).unwrap();
}
