//! HTTP/2: many requests on one connection, what ends one and not the others, and what may be sent
//! again (BEHAVIOUR section 25, SECURITY H and K), against the server side of the `h2` crate.

mod ending;
mod hostile;
pub(crate) mod origin;

use bytes::Bytes;
use http::Version;
use nuncio::{Body, Headers, Kind, Limits, Processed, Timeout};
use nuncio_client::{Client, ClientBuilder};
use nuncio_testkit::checksum::Checksum;
use nuncio_testkit::content;
use nuncio_testkit::script::{Script, Step};
use nuncio_testkit::server::Server;
use nuncio_tests::adapters::{Adapter, Download};
use nuncio_tests::behaviour;
use origin::{Manners, Origin, body_of};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

fn builder<A: Adapter>(adapter: &A, origin: &Origin) -> ClientBuilder<A::Driver> {
    let builder = adapter.builder().http2(true);
    builder.root_certificates(origin.authority.pem())
}

fn client<A: Adapter>(adapter: &A, origin: &Origin) -> Client<A::Driver> {
    builder(adapter, origin).build().unwrap()
}

/// Waits for what others are about to do, tasks of a runtime that runs only while it is waited for
/// included.
#[track_caller]
fn eventually<A: Adapter>(adapter: &A, what: &str, mut is_so: impl FnMut() -> bool) {
    let server = Server::http();
    let client = adapter.client();
    let until = Instant::now() + Duration::from_secs(5);
    while !is_so() {
        assert!(Instant::now() < until, "never: {what}");
        adapter.send(client.get(server.url("/delay/1"))).unwrap();
    }
}

behaviour!(alpn_picks_http2_where_it_is_offered_and_only_there);
fn alpn_picks_http2_where_it_is_offered_and_only_there<A: Adapter>(adapter: &A) {
    let origin = Origin::https(Manners::default());
    let client = client(adapter, &origin);
    for _ in 0..3 {
        let response = adapter
            .send(client.get(origin.url("/bytes/1/1000")))
            .unwrap();
        assert_eq!(response.version(), Version::HTTP_2);
        assert_eq!(response.bytes(), &body_of(1, 1000));
    }
    assert_eq!((origin.connections(), origin.requests()), (1, 3));
    assert_eq!((client.pool().connections, client.pool().idle), (1, 1));

    // A server without HTTP/2 is talked to in HTTP/1.1; a client that does not offer it, too.
    let both = Server::https(&origin.authority.leaf());
    let response = adapter.send(client.get(both.url("/json"))).unwrap();
    assert_eq!(response.version(), Version::HTTP_11);
    let plain = adapter
        .builder()
        .root_certificates(origin.authority.pem())
        .build()
        .unwrap();
    let error = adapter.send(plain.get(origin.url("/head"))).unwrap_err();
    assert_eq!(error.kind(), Kind::Connect, "{error}");
}

behaviour!(prior_knowledge_speaks_http2_without_tls_and_offers_nothing_else_with_it);
fn prior_knowledge_speaks_http2_without_tls_and_offers_nothing_else_with_it<A: Adapter>(
    adapter: &A,
) {
    let origin = Origin::http(Manners::default());
    let client = adapter
        .builder()
        .http2_prior_knowledge(true)
        .build()
        .unwrap();
    let response = adapter
        .send(client.get(origin.url("/bytes/7/70000")))
        .unwrap();
    assert_eq!(response.version(), Version::HTTP_2);
    assert_eq!(response.bytes(), &body_of(7, 70_000));
    // SECURITY H14: what merely offers HTTP/2 does not speak it in the clear.
    let server = Server::http();
    let offering = adapter.builder().http2(true).build().unwrap();
    let response = adapter.send(offering.get(server.url("/json"))).unwrap();
    assert_eq!(response.version(), Version::HTTP_11);
    // And a server of HTTP/1.1 is an error to a client that knows better.
    let error = adapter.send(client.get(server.url("/json"))).unwrap_err();
    assert_eq!(error.kind(), Kind::RemoteProtocol, "{error}");
}

behaviour!(the_request_is_said_in_pseudo_fields);
fn the_request_is_said_in_pseudo_fields<A: Adapter>(adapter: &A) {
    let origin = Origin::https(Manners::default());
    let client = client(adapter, &origin);
    let request = client
        .get(origin.url("/head?a=b"))
        .header("X-One", "1")
        .header("Connection", "keep-alive");
    let response = adapter.send(request).unwrap();
    let said = response.text();
    assert!(
        said.starts_with(&format!("GET {} ", origin.url("/head?a=b"))),
        "{said}"
    );
    assert!(said.contains("\"x-one\": \"1\""), "{said}");
    assert!(
        !said.contains("connection") && !said.contains("\"host\""),
        "{said}"
    );
}

behaviour!(a_hundred_streams_share_one_connection);
fn a_hundred_streams_share_one_connection<A: Adapter>(adapter: &A) {
    let origin = Origin::https(Manners::default());
    let client = client(adapter, &origin);
    for round in 0..10u64 {
        let requests = (0..100u64).map(|number| {
            let id = round * 100 + number;
            let length = (id * 37 % 40_000) as usize;
            let upload = body_of(id, (id * 13 % 3000) as usize);
            client
                .post(origin.url(&format!("/bytes/{id}/{length}")))
                .body(upload)
        });
        let responses = adapter.together(requests.collect());
        for (id, response) in (round * 100..).zip(responses) {
            let response = response.unwrap();
            let length = (id * 37 % 40_000) as usize;
            assert_eq!(response.bytes(), &body_of(id, length));
            let upload = body_of(id, (id * 13 % 3000) as usize);
            let received = response.headers().get("x-received").unwrap().to_string();
            assert_eq!(received, Checksum::of(&upload).to_string());
        }
    }
    assert_eq!((origin.connections(), origin.requests()), (1, 1000));
    assert!(origin.counts.most.load(Ordering::SeqCst) > 1);
    let counts = client.pool();
    assert_eq!((counts.connections, counts.idle, counts.waiting), (1, 1, 0));
}

behaviour!(sixty_four_at_once_get_their_own_answers);
fn sixty_four_at_once_get_their_own_answers<A: Adapter>(adapter: &A) {
    let origin = Origin::http(Manners::default());
    let client = adapter
        .builder()
        .http2_prior_knowledge(true)
        .build()
        .unwrap();
    for round in 0..16u64 {
        let path = |id: u64| format!("/bytes/{id}/{}", 1 + id * 7 % 5000);
        let requests = (0..64).map(|n| client.get(origin.url(&path(round * 64 + n))));
        let responses = adapter.together(requests.collect());
        for (id, response) in (round * 64..).zip(responses) {
            assert_eq!(
                response.unwrap().bytes(),
                &body_of(id, 1 + (id * 7 % 5000) as usize)
            );
        }
    }
    assert_eq!(origin.connections(), 1);
}

behaviour!(a_full_connection_is_joined_by_another_within_the_limits);
fn a_full_connection_is_joined_by_another_within_the_limits<A: Adapter>(adapter: &A) {
    let manners = Manners {
        max_streams: 1,
        ..Manners::default()
    };
    let origin = Origin::https(manners.clone());
    let free = client(adapter, &origin);
    let requests = |client: &Client<A::Driver>| {
        let one = |n: u64| client.get(origin.url(&format!("/slow/{}", 5 + n % 3)));
        (0..12).map(one).collect::<Vec<_>>()
    };
    for response in adapter.together(requests(&free)) {
        assert_eq!(response.unwrap().text(), "ok");
    }
    assert!(origin.connections() > 1);
    assert_eq!(origin.counts.most.load(Ordering::SeqCst), 1);
    let before = origin.connections();

    let limits = Limits {
        max_connections: Some(1),
        ..Limits::default()
    };
    let narrow = builder(adapter, &origin).limits(limits).build().unwrap();
    for response in adapter.together(requests(&narrow)) {
        assert_eq!(response.unwrap().text(), "ok");
    }
    assert_eq!(origin.connections(), before + 1);
}

behaviour!(goaway_in_the_middle_loses_no_request);
fn goaway_in_the_middle_loses_no_request<A: Adapter>(adapter: &A) {
    let origin = Origin::https(Manners {
        requests_a_connection: 10,
        ..Manners::default()
    });
    let client = client(adapter, &origin);
    for round in 0..10u64 {
        let requests = (0..20u64).map(|number| {
            let id = round * 20 + number;
            let request = client.post(origin.url(&format!("/bytes/{id}/3000")));
            request.body(body_of(id, 100))
        });
        let responses = adapter.together(requests.collect());
        for (id, response) in (round * 20..).zip(responses) {
            assert_eq!(response.unwrap().bytes(), &body_of(id, 3000));
        }
    }
    assert!(origin.connections() >= 10, "{}", origin.connections());
    eventually(adapter, "all but one closed", || {
        client.pool().connections <= 1 && origin.counts.open.load(Ordering::SeqCst) <= 2
    });
}

behaviour!(a_reset_ends_its_stream_and_no_other);
fn a_reset_ends_its_stream_and_no_other<A: Adapter>(adapter: &A) {
    let origin = Origin::https(Manners::default());
    let client = client(adapter, &origin);
    let paths = [
        "/reset/2",
        "/bytes/3/300000",
        "/reset/8",
        "/cut",
        "/slow/50",
    ];
    let requests = paths.map(|path| client.get(origin.url(path)));
    let mut responses = adapter.together(requests.into()).into_iter();
    let mut next = || responses.next().unwrap();
    let error = next().unwrap_err();
    assert_eq!(error.kind(), Kind::RemoteProtocol, "{error}");
    assert!(error.to_string().contains("INTERNAL_ERROR"), "{error}");
    assert_eq!(error.processed(), Processed::Maybe);
    assert_eq!(next().unwrap().bytes(), &body_of(3, 300_000));
    assert_eq!(next().unwrap_err().kind(), Kind::RemoteProtocol);
    let error = next().unwrap_err();
    assert_eq!(
        (error.kind(), error.processed()),
        (Kind::RemoteProtocol, Processed::Yes)
    );
    assert_eq!(next().unwrap().text(), "ok");
    assert_eq!((origin.connections(), origin.requests()), (1, 5));
}

behaviour!(a_refused_stream_is_sent_again);
fn a_refused_stream_is_sent_again<A: Adapter>(adapter: &A) {
    let origin = Origin::https(Manners::default());
    let client = client(adapter, &origin);
    let request = client.post(origin.url("/refuse")).body("only once");
    let response = adapter.send(request).unwrap();
    let sum = response.headers().get("x-received").unwrap().to_string();
    assert_eq!(sum, Checksum::of(b"only once").to_string());
    assert_eq!(origin.requests(), 2);
    // One that is always refused is not sent for ever, and a body that is gone is not sent again.
    let error = adapter
        .send(client.get(origin.url("/reset/7")))
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.processed()),
        (Kind::RemoteProtocol, Processed::No)
    );
    assert_eq!(origin.requests(), 2 + 9);
}

behaviour!(a_misdirected_request_gets_a_connection_of_its_own);
fn a_misdirected_request_gets_a_connection_of_its_own<A: Adapter>(adapter: &A) {
    // SECURITY K13.
    let origin = Origin::https(Manners::default());
    let client = client(adapter, &origin);
    adapter.send(client.get(origin.url("/head"))).unwrap();
    let request = client.post(origin.url("/misdirected")).body("x");
    assert_eq!(adapter.send(request).unwrap().status(), 200);
    assert_eq!((origin.connections(), origin.requests()), (2, 3));
}

behaviour!(trailers_come_and_uploads_of_unknown_length_go);
fn trailers_come_and_uploads_of_unknown_length_go<A: Adapter>(adapter: &A) {
    let origin = Origin::https(Manners::default());
    let client = client(adapter, &origin);
    let response = adapter.send(client.get(origin.url("/trailers"))).unwrap();
    let trailers = response.trailers().unwrap();
    assert_eq!(trailers.get("x-sum").unwrap().to_string(), "42");
    let pieces = (0..100).map(|_| Ok(Bytes::from(content::bytes(5000))));
    let body = adapter.body(pieces, None);
    let response = adapter
        .send(client.post(origin.url("/sum")).body(body))
        .unwrap();
    assert_eq!(
        response.headers().get("x-length").unwrap().to_string(),
        "500000"
    );
}

behaviour!(trailers_go_up_behind_any_body);
fn trailers_go_up_behind_any_body<A: Adapter>(adapter: &A) {
    let sum = || {
        let mut trailers = Headers::new();
        trailers.append("x-sum", "42").unwrap();
        trailers
    };
    let origin = Origin::https(Manners::default());
    let client = client(adapter, &origin);
    let pieces = || [Ok(Bytes::from("one")), Ok(Bytes::from("two"))].into_iter();
    for (body, length) in [
        (Body::from("held"), "4"),
        (Body::empty(), "0"),
        (adapter.body(pieces(), None), "6"),
        (adapter.body(pieces(), Some(6)), "6"),
    ] {
        let request = client.post(origin.url("/sum"));
        let response = adapter.send(request.body(body.with_trailers(sum))).unwrap();
        let said = |name: &str| response.headers().get(name).unwrap().to_string();
        assert_eq!(said("x-length"), length);
        assert_eq!(said("x-trailers"), "{\"x-sum\": \"42\"}");
    }
    // In HTTP/1.1 they stand behind the last chunk.
    let answer = Step::send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let end = b"4\r\nheld\r\n0\r\nx-sum: 42\r\n\r\n";
    let peer = Script::new()
        .connection([Step::ExpectHead, Step::ExpectBytes(end.len()), answer])
        .start();
    let body = Body::from("held").with_trailers(sum);
    adapter.send(client.post(peer.url("/")).body(body)).unwrap();
    let received = peer.finish().remove(0).received;
    assert!(received.ends_with(end), "{}", received.escape_ascii());
    // What would change how the message is read is refused.
    let bad = || {
        let mut trailers = Headers::new();
        trailers.append("Content-Length", "4").unwrap();
        trailers
    };
    let request = client.post(origin.url("/sum"));
    let body = Body::from("held").with_trailers(bad);
    let error = adapter.send(request.body(body)).unwrap_err();
    assert_eq!(error.kind(), Kind::LocalProtocol, "{error}");
}

behaviour!(a_server_that_requires_http1_gets_it);
fn a_server_that_requires_http1_gets_it<A: Adapter>(adapter: &A) {
    let origin = Origin::https(Manners {
        alpn: &["h2", "http/1.1"],
        ..Manners::default()
    });
    // HTTP_1_1_REQUIRED.
    let url = origin.url("/reset/13");
    let client = client(adapter, &origin);
    let response = adapter.send(client.get(url.as_str())).unwrap();
    assert_eq!(
        (response.version(), &*response.text()),
        (Version::HTTP_11, "ok")
    );
    assert_eq!((origin.connections(), origin.requests()), (2, 2));
    // It is remembered.
    let response = adapter.send(client.get(origin.url("/head"))).unwrap();
    assert_eq!(response.version(), Version::HTTP_11);
    assert_eq!((origin.connections(), origin.requests()), (2, 3));
    // What may have been acted on is not sent again, and what was to be nothing but HTTP/2 neither.
    let other = super::http2::client(adapter, &origin);
    let error = adapter
        .send(other.post(url.as_str()).body("x"))
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.processed()),
        (Kind::RemoteProtocol, Processed::Maybe)
    );
    let response = adapter.send(other.post(origin.url("/head"))).unwrap();
    assert_eq!(response.version(), Version::HTTP_11);
    let only = adapter
        .builder()
        .http2_prior_knowledge(true)
        .root_certificates(origin.authority.pem())
        .build()
        .unwrap();
    let error = adapter.send(only.get(url.as_str())).unwrap_err();
    assert!(error.to_string().contains("HTTP_1_1_REQUIRED"), "{error}");
}

behaviour!(an_upload_goes_on_while_its_answer_comes);
fn an_upload_goes_on_while_its_answer_comes<A: Adapter>(adapter: &A) {
    for window in [1000, 65_535] {
        let origin = Origin::https(Manners {
            window,
            ..Manners::default()
        });
        let client = client(adapter, &origin);
        let long = content::bytes(3 << 20);
        let held = client.post(origin.url("/mirror")).body(long.clone());
        let pieces = long
            .chunks(70_000)
            .map(|piece| Ok(Bytes::copy_from_slice(piece)));
        let pieces: Vec<_> = pieces.collect();
        let fed = adapter.body(pieces.into_iter(), None);
        let fed = client.post(origin.url("/mirror")).body(fed);
        for response in adapter.together(vec![held, fed]) {
            assert_eq!(response.unwrap().bytes(), &long);
        }
        assert_eq!(client.pool().idle, 1);
    }
}

behaviour!(an_early_answer_stops_the_upload_and_keeps_the_connection);
fn an_early_answer_stops_the_upload_and_keeps_the_connection<A: Adapter>(adapter: &A) {
    let origin = Origin::https(Manners::default());
    let client = client(adapter, &origin);
    let request = client
        .post(origin.url("/early"))
        .body(content::bytes(4 << 20));
    let response = adapter.send(request).unwrap();
    assert_eq!(
        (response.status().as_u16(), &*response.text()),
        (413, "too much")
    );
    adapter.send(client.get(origin.url("/head"))).unwrap();
    assert_eq!(origin.connections(), 1);
}

behaviour!(a_slow_reader_holds_up_nobody_else);
fn a_slow_reader_holds_up_nobody_else<A: Adapter>(adapter: &A) {
    let origin = Origin::https(Manners::default());
    let client = client(adapter, &origin);
    let long = 5_000_000;
    let url = origin.url(&format!("/bytes/5/{long}"));
    let mut slow = adapter.stream(client.get(url)).unwrap();
    let first = slow.chunk().unwrap().unwrap();
    for id in 0..20 {
        let url = origin.url(&format!("/bytes/{id}/200000"));
        let response = adapter.send(client.get(url)).unwrap();
        assert_eq!(response.bytes(), &body_of(id, 200_000));
    }
    let mut body = first.to_vec();
    while let Some(chunk) = slow.chunk().unwrap() {
        body.extend_from_slice(&chunk);
    }
    assert_eq!(body, body_of(5, long));
    assert_eq!(origin.connections(), 1);
}

behaviour!(a_time_out_ends_its_stream_and_no_other);
fn a_time_out_ends_its_stream_and_no_other<A: Adapter>(adapter: &A) {
    let origin = Origin::https(Manners::default());
    let client = client(adapter, &origin);
    let short = Timeout::default().read(Duration::from_millis(60));
    let requests = vec![
        client.get(origin.url("/never")).timeout(short),
        client.get(origin.url("/slow/250")),
        client.get(origin.url("/stall")).timeout(short),
    ];
    let started = Instant::now();
    let mut responses = adapter.together(requests).into_iter();
    let mut next = || responses.next().unwrap();
    assert_eq!(next().unwrap_err().kind(), Kind::ReadTimeout);
    assert_eq!(next().unwrap().text(), "ok");
    assert_eq!(next().unwrap_err().kind(), Kind::ReadTimeout);
    assert!(started.elapsed() < Duration::from_secs(2));
    eventually(adapter, "the server hears of it", || {
        origin.counts.cancelled.load(Ordering::SeqCst) == 2
    });
    // It answered the PING, and is used again.
    adapter.send(client.get(origin.url("/head"))).unwrap();
    assert_eq!(origin.connections(), 1);
}

behaviour!(d03_limits_on_all_of_a_request_end_its_stream_and_no_other);
fn d03_limits_on_all_of_a_request_end_its_stream_and_no_other<A: Adapter>(adapter: &A) {
    let origin = Origin::https(Manners::default());
    let client = client(adapter, &origin);
    adapter.send(client.get(origin.url("/head"))).unwrap();
    let limit = Duration::from_millis(200);
    let total = Timeout::none().total(limit);
    let requests = vec![
        client.get(origin.url("/never")).timeout(total),
        client.get(origin.url("/slow/1000")),
        client.get(origin.url("/stall")).timeout(total),
        client
            .get(origin.url("/stall"))
            .timeout(Timeout::none().low_speed(1000, limit)),
    ];
    let mut responses = adapter.together(requests).into_iter();
    let mut next = || responses.next().unwrap();
    assert_eq!(next().unwrap_err().kind(), Kind::TotalTimeout);
    assert_eq!(next().unwrap().text(), "ok");
    assert_eq!(next().unwrap_err().kind(), Kind::TotalTimeout);
    assert_eq!(next().unwrap_err().kind(), Kind::LowSpeed);
    // It answered the PING, and is used again.
    adapter.send(client.get(origin.url("/head"))).unwrap();
    assert_eq!(origin.connections(), 1);
    // Alone, and with a window that is full.
    let body = Bytes::from(vec![0; 8 << 20]);
    for (limit, kind) in [
        (total, Kind::TotalTimeout),
        (Timeout::none().low_speed(1 << 30, limit), Kind::LowSpeed),
    ] {
        let request = client.post(origin.url("/never")).body(body.clone());
        let error = adapter.send(request.timeout(limit)).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert_eq!(error.phase(), Some(nuncio::Phase::Write));
    }
}

behaviour!(f23_a_body_waits_for_leave_and_hints_are_told);
fn f23_a_body_waits_for_leave_and_hints_are_told<A: Adapter>(adapter: &A) {
    let origin = Origin::https(Manners::default());
    let client = client(adapter, &origin);
    let timeout = Timeout::secs(5).expect_continue(Duration::from_secs(60));
    for length in [1, 200_000] {
        let body = Bytes::from(vec![7; length]);
        let request = client.post(origin.url("/continue")).body(body);
        let response = adapter.send(request.expect_continue().timeout(timeout));
        let response = response.unwrap();
        assert_eq!(
            response.headers().get("x-length").as_deref(),
            Some(&*length.to_string())
        );
        assert_eq!(response.interim()[0].status(), 100);
    }
    let response = adapter.send(client.get(origin.url("/hints"))).unwrap();
    assert_eq!(response.text(), "ok");
    let [hints] = response.interim() else {
        panic!("{:?}", response.interim());
    };
    assert_eq!(hints.status(), 103);
    assert_eq!(hints.links().get("preload").unwrap().url, "/a.css");
    assert_eq!(origin.connections(), 1);
}

behaviour!(a_dropped_response_gives_up_its_stream_alone);
fn a_dropped_response_gives_up_its_stream_alone<A: Adapter>(adapter: &A) {
    let origin = Origin::https(Manners::default());
    let client = client(adapter, &origin);
    let kept = adapter
        .stream(client.get(origin.url("/bytes/1/4000000")))
        .unwrap();
    for round in 0..50 {
        let url = origin.url(&format!("/bytes/{round}/3000000"));
        let mut download = adapter.stream(client.get(url)).unwrap();
        for _ in 0..round % 3 {
            download.chunk().unwrap();
        }
        drop(download);
    }
    // The connection's window is whole again, or this would not come.
    assert_eq!(kept.read().unwrap().bytes(), &body_of(1, 4_000_000));
    eventually(adapter, "idle", || client.pool().idle == 1);
    adapter.send(client.get(origin.url("/head"))).unwrap();
    assert_eq!(origin.connections(), 1);
}

behaviour!(a_connection_that_the_server_closed_is_not_used_again);
fn a_connection_that_the_server_closed_is_not_used_again<A: Adapter>(adapter: &A) {
    let origin = Origin::https(Manners {
        // Longer than a busy machine takes to send a request on a new connection.
        idle: Some(Duration::from_millis(300)),
        ..Manners::default()
    });
    let client = client(adapter, &origin);
    for round in 1..=5 {
        let request = client.post(origin.url("/sum")).body("not to be sent twice");
        assert_eq!(adapter.send(request).unwrap().status(), 200);
        assert_eq!((origin.connections(), origin.requests()), (round, round));
        eventually(adapter, "closed", || {
            origin.counts.open.load(Ordering::SeqCst) == 0
        });
    }
}

behaviour!(a_client_that_is_gone_leaves_no_connection_behind);
fn a_client_that_is_gone_leaves_no_connection_behind<A: Adapter>(adapter: &A) {
    let origin = Origin::https(Manners::default());
    let open = || origin.counts.open.load(Ordering::SeqCst);
    let first = client(adapter, &origin);
    adapter.send(first.get(origin.url("/head"))).unwrap();
    drop(first);
    eventually(adapter, "closed with the last clone", || open() == 0);
    let second = client(adapter, &origin);
    let under_way = adapter
        .stream(second.get(origin.url("/bytes/1/1000000")))
        .unwrap();
    second.close();
    assert_eq!(under_way.read().unwrap_err().kind(), Kind::Closed);
    eventually(adapter, "closed with the client", || open() == 0);
    let third = client(adapter, &origin);
    adapter.send(third.get(origin.url("/head"))).unwrap();
    third.evict_idle();
    eventually(adapter, "evicted", || open() == 0);
    adapter.send(third.get(origin.url("/head"))).unwrap();
    assert_eq!(origin.connections(), 4);
}
