//! Table H of SECURITY through a client: servers that break HTTP/2 on purpose. Every request ends in
//! a typed error and in time, and nothing of it stays behind.

use bytes::Bytes;
use http::Version;
use nuncio::tls::Tls;
use nuncio::{Error, Kind, Limits, Processed, Response, Timeout};
use nuncio_client::{Client, RequestBuilder};
use nuncio_testkit::certs::Authority;
use nuncio_testkit::content;
use nuncio_testkit::frames::*;
use nuncio_tests::adapters::{Adapter, Download};
use nuncio_tests::behaviour;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Longer than any of it may take, however busy the machine.
const LATE: Duration = Duration::from_secs(20);

fn timeout() -> Timeout {
    Timeout::from(Duration::from_secs(8)).read(Duration::from_millis(500))
}

fn client<A: Adapter>(adapter: &A) -> Client<A::Driver> {
    let builder = adapter.builder().http2_prior_knowledge(true);
    builder.timeout(timeout()).build().unwrap()
}

/// A server that greets, reads a request's HEADERS and then does as `act` says, with the stream's
/// number and the connection's.
fn peer(act: impl Fn(&mut Wire, u32, u64) -> io::Result<()> + Send + Sync + 'static) -> FramePeer {
    FramePeer::start(move |wire, number| {
        wire.greet(&[])?;
        let stream = wire.until(HEADERS)?.stream;
        act(wire, stream, number)?;
        wire.linger()
    })
}

/// The request fails, in time.
#[track_caller]
fn fails<A: Adapter>(adapter: &A, request: RequestBuilder<A::Driver>) -> Error {
    let started = Instant::now();
    let error = adapter.send(request).unwrap_err();
    assert!(started.elapsed() < LATE, "{:?}", started.elapsed());
    let text = error.to_string();
    assert!(!text.contains('\n') && text.is_ascii(), "{text}");
    error
}

#[track_caller]
fn succeeds<A: Adapter>(adapter: &A, request: RequestBuilder<A::Driver>) -> Response {
    let response = adapter.send(request).unwrap();
    assert_eq!(response.version(), Version::HTTP_2);
    response
}

/// Nothing is in use any more, neither here nor there.
#[track_caller]
fn nothing_is_left<A: Adapter>(adapter: &A, client: Client<A::Driver>, peer: &FramePeer) {
    super::eventually(adapter, "no connection in use", || {
        let counts = client.pool();
        counts.waiting == 0 && counts.connections == counts.idle
    });
    drop(client);
    super::eventually(adapter, "closed", || peer.open() == 0);
}

fn answer(stream: u32) -> Vec<u8> {
    [headers(stream, 0, OK), data(stream, END_STREAM, b"ok")].concat()
}

/// What a client may ask for after what `flood` does: it is an error of the protocol, or nothing comes.
#[track_caller]
fn floods_end<A: Adapter>(
    adapter: &A,
    expected: Kind,
    flood: impl Fn(&mut Wire, u32) -> io::Result<()> + Send + Sync + 'static,
) {
    let peer = peer(move |wire, stream, _| flood(wire, stream));
    let client = client(adapter);
    let error = fails(adapter, client.get(peer.url("/")));
    assert_eq!(error.kind(), expected, "{error}");
    nothing_is_left(adapter, client, &peer);
}

behaviour!(h01_a_flood_of_continuations_ends_in_an_error);
fn h01_a_flood_of_continuations_ends_in_an_error<A: Adapter>(adapter: &A) {
    floods_end(adapter, Kind::RemoteProtocol, |wire, stream| {
        wire.send(&frame(HEADERS, 0, stream, OK))?;
        wire.flood(&frame(CONTINUATION, 0, stream, &[]), 1_000_000)
    });
}

behaviour!(h02_malformed_answers_cost_their_connection_in_the_end);
fn h02_malformed_answers_cost_their_connection_in_the_end<A: Adapter>(adapter: &A) {
    let peer = FramePeer::start(|wire, _| {
        wire.greet(&[])?;
        loop {
            let stream = wire.until(HEADERS)?.stream;
            wire.send(&headers(stream, END_STREAM, &block(&[("a", "b")])))?;
        }
    });
    let client = client(adapter);
    for _ in 0..70 {
        let error = fails(adapter, client.get(peer.url("/")));
        assert_eq!(error.kind(), Kind::RemoteProtocol, "{error}");
    }
    assert_eq!(peer.connections(), 2);
    nothing_is_left(adapter, client, &peer);
}

behaviour!(h02_resets_leave_nothing_behind);
fn h02_resets_leave_nothing_behind<A: Adapter>(adapter: &A) {
    let peer = FramePeer::start(|wire, _| {
        wire.greet(&[(3, 100)])?;
        loop {
            let stream = wire.until(HEADERS)?.stream;
            wire.send(&reset(stream, 2))?;
        }
    });
    let client = client(adapter);
    for _ in 0..10 {
        let requests = (0..100).map(|_| client.get(peer.url("/"))).collect();
        for response in adapter.together(requests) {
            let error = response.unwrap_err();
            assert_eq!(error.kind(), Kind::RemoteProtocol, "{error}");
        }
    }
    assert_eq!(peer.connections(), 1);
    nothing_is_left(adapter, client, &peer);
}

behaviour!(h03_a_flood_of_empty_data_ends_in_an_error);
fn h03_a_flood_of_empty_data_ends_in_an_error<A: Adapter>(adapter: &A) {
    floods_end(adapter, Kind::RemoteProtocol, |wire, stream| {
        wire.send(&headers(stream, 0, OK))?;
        wire.flood(&data(stream, 0, b""), 1_000_000)
    });
}

behaviour!(h04_floods_of_pings_and_settings_hold_up_nobody_for_ever);
fn h04_floods_of_pings_and_settings_hold_up_nobody_for_ever<A: Adapter>(adapter: &A) {
    // One that reads none of the answers, and then one that does and goes on.
    for kind in [PING, SETTINGS] {
        let flood = match kind {
            PING => frame(PING, 0, 0, b"12345678"),
            _ => settings(&[]),
        };
        let deaf = flood.clone();
        floods_end(adapter, Kind::ReadTimeout, move |wire, _| {
            wire.flood(&deaf, 1_000_000)
        });
        let peer = peer(move |wire, stream, _| {
            wire.flood(&flood, 20_000)?;
            wire.send(&answer(stream))
        });
        let client = client(adapter);
        succeeds(adapter, client.get(peer.url("/")));
        nothing_is_left(adapter, client, &peer);
    }
}

behaviour!(h04_a_flood_of_interim_heads_fails_its_request);
fn h04_a_flood_of_interim_heads_fails_its_request<A: Adapter>(adapter: &A) {
    floods_end(adapter, Kind::RemoteProtocol, |wire, stream| {
        let early = headers(stream, 0, &block(&[(":status", "103"), ("link", "</a>")]));
        wire.flood(&early, 1000)
    });
}

behaviour!(h05_windows_out_of_range_end_in_an_error);
fn h05_windows_out_of_range_end_in_an_error<A: Adapter>(adapter: &A) {
    let bad: [fn(u32) -> Vec<u8>; 4] = [
        |_| window_update(0, 0),
        |_| window_update(0, (1 << 31) - 1),
        |stream| window_update(stream, (1 << 31) - 1),
        |_| settings(&[(4, 1 << 31)]),
    ];
    for bad in bad {
        // Twice: what the window had before depends on how much was sent.
        let peer = peer(move |wire, stream, _| wire.send(&bad(stream).repeat(2)));
        let client = client(adapter);
        let body = content::bytes(200_000);
        let error = fails(adapter, client.post(peer.url("/")).body(body));
        assert_eq!(error.kind(), Kind::RemoteProtocol, "{error}");
        nothing_is_left(adapter, client, &peer);
    }
}

behaviour!(h05_a_window_that_opens_byte_by_byte_after_it_was_negative_makes_progress);
fn h05_a_window_that_opens_byte_by_byte_after_it_was_negative_makes_progress<A: Adapter>(
    adapter: &A,
) {
    let peer = peer(|wire, stream, _| {
        // All of the first window, which the new settings put below zero.
        let mut got = 0;
        while got < 65_535 {
            got += wire.until(DATA)?.payload.len();
        }
        wire.send(&settings(&[(4, 0)]))?;
        wire.send(&window_update(0, 1 << 20))?;
        wire.send(&window_update(stream, 65_535))?;
        let mut last = false;
        while !last {
            wire.send(&window_update(stream, 1))?;
            let came = wire.until(DATA)?;
            assert!(came.payload.len() <= 1);
            last = came.flags & END_STREAM != 0;
        }
        wire.send(&answer(stream))
    });
    let client = client(adapter);
    let body = content::bytes(65_535 + 300);
    succeeds(adapter, client.post(peer.url("/")).body(body));
    nothing_is_left(adapter, client, &peer);
}

behaviour!(h05_a_window_that_stays_shut_is_a_write_that_is_late);
fn h05_a_window_that_stays_shut_is_a_write_that_is_late<A: Adapter>(adapter: &A) {
    let peer = peer(|wire, _, _| wire.send(&settings(&[(4, 0)])));
    let client = client(adapter);
    let short = timeout().write(Duration::from_millis(100));
    let body = content::bytes(200_000);
    let error = fails(
        adapter,
        client.post(peer.url("/")).timeout(short).body(body),
    );
    assert_eq!(error.kind(), Kind::WriteTimeout, "{error}");
    nothing_is_left(adapter, client, &peer);
}

behaviour!(h06_settings_out_of_range_end_in_an_error);
fn h06_settings_out_of_range_end_in_an_error<A: Adapter>(adapter: &A) {
    for (id, value) in [(5, 0), (5, 16_383), (5, 1 << 24), (2, 2)] {
        let peer = FramePeer::start(move |wire, _| {
            wire.greet(&[(id, value)])?;
            wire.linger()
        });
        let client = client(adapter);
        let error = fails(adapter, client.get(peer.url("/")));
        assert_eq!(error.kind(), Kind::RemoteProtocol, "{error}");
        nothing_is_left(adapter, client, &peer);
    }
}

behaviour!(h06_where_no_streams_are_allowed_requests_wait_for_their_time);
fn h06_where_no_streams_are_allowed_requests_wait_for_their_time<A: Adapter>(adapter: &A) {
    // The first request is on its way before the settings come; what it gets is its answer.
    let peer = peer(|wire, stream, _| {
        wire.send(&settings(&[(3, 0)]))?;
        wire.send(&answer(stream))?;
        let frame = wire.until(HEADERS)?;
        panic!("not allowed: {frame:?}");
    });
    let limits = Limits {
        max_connections: Some(1),
        ..Limits::default()
    };
    let builder = adapter.builder().http2_prior_knowledge(true).limits(limits);
    let client = builder.timeout(timeout()).build().unwrap();
    let kept = adapter.stream(client.get(peer.url("/"))).unwrap();
    let short = timeout().pool(Duration::from_millis(100));
    let error = fails(adapter, client.get(peer.url("/")).timeout(short));
    assert_eq!(error.kind(), Kind::PoolTimeout, "{error}");
    assert_eq!(kept.read().unwrap().text(), "ok");
    assert_eq!(peer.connections(), 1);
    nothing_is_left(adapter, client, &peer);
}

/// A server over TLS that allows no streams from the very beginning, and then does as `act` says.
fn closed_at_first(
    act: impl Fn(&mut Wire) -> io::Result<()> + Send + Sync + 'static,
) -> (FramePeer, Authority) {
    let authority = Authority::new();
    let mut config = (*authority.leaf().server_config(&["h2"])).clone();
    config.send_half_rtt_data = true;
    let peer = FramePeer::start_tls(config.into(), move |wire, _| {
        wire.greet_first(&[(3, 0)])?;
        act(wire)?;
        wire.linger()
    });
    (peer, authority)
}

fn client_of<A: Adapter>(adapter: &A, authority: &Authority) -> Client<A::Driver> {
    let tls = Tls::new().root_certificates(authority.pem());
    let builder = adapter.builder().tls(tls).http2(true);
    builder.timeout(timeout()).build().unwrap()
}

behaviour!(h06_who_may_open_no_stream_from_the_beginning_dials_once_and_waits);
fn h06_who_may_open_no_stream_from_the_beginning_dials_once_and_waits<A: Adapter>(adapter: &A) {
    let (peer, authority) = closed_at_first(|_| Ok(()));
    let client = client_of(adapter, &authority);
    let url = format!("https://localhost:{}/", peer.addr().port());
    for limit in [Duration::from_millis(100), Duration::ZERO] {
        let before = peer.connections();
        let error = fails(adapter, client.get(&url).timeout(timeout().pool(limit)));
        assert_eq!(error.kind(), Kind::PoolTimeout, "{error}");
        assert_eq!(error.processed(), Processed::No);
        assert_eq!(peer.connections(), before + 1);
    }
    nothing_is_left(adapter, client, &peer);
}

behaviour!(h06_requests_go_out_when_streams_come_to_be_allowed);
fn h06_requests_go_out_when_streams_come_to_be_allowed<A: Adapter>(adapter: &A) {
    let (peer, authority) = closed_at_first(|wire| {
        wire.until(SETTINGS)?;
        wire.sleep(Duration::from_millis(50));
        wire.send(&settings(&[(3, 10)]))?;
        for _ in 0..2 {
            let stream = wire.until(HEADERS)?.stream;
            wire.send(&answer(stream))?;
        }
        Ok(())
    });
    let client = client_of(adapter, &authority);
    let url = format!("https://localhost:{}/", peer.addr().port());
    for _ in 0..2 {
        assert_eq!(succeeds(adapter, client.get(&url)).text(), "ok");
    }
    assert_eq!(peer.connections(), 1);
    nothing_is_left(adapter, client, &peer);
}

behaviour!(h06_who_waits_for_streams_to_be_allowed_learns_of_an_end);
fn h06_who_waits_for_streams_to_be_allowed_learns_of_an_end<A: Adapter>(adapter: &A) {
    let (peer, authority) = closed_at_first(|wire| {
        wire.until(SETTINGS)?;
        Err(io::ErrorKind::Other.into())
    });
    let client = client_of(adapter, &authority);
    let url = format!("https://localhost:{}/", peer.addr().port());
    let error = fails(adapter, client.get(&url));
    assert_ne!(error.kind(), Kind::PoolTimeout, "{error}");
    assert!(
        (2..=16).contains(&peer.connections()),
        "{}",
        peer.connections()
    );
    nothing_is_left(adapter, client, &peer);
}

behaviour!(h07_fields_that_expand_fail_their_request);
fn h07_fields_that_expand_fail_their_request<A: Adapter>(adapter: &A) {
    // 4,000 bytes in the table, and a thousand references of one byte.
    floods_end(adapter, Kind::RemoteProtocol, |wire, stream| {
        let mut bomb = vec![0x88, 0x40];
        bomb.extend(&block(&[("x", &"y".repeat(4000))])[1..]);
        bomb.extend([0xbe; 1000]);
        wire.send(&headers(stream, END_STREAM, &bomb))
    });
    // A table larger than ours.
    floods_end(adapter, Kind::RemoteProtocol, |wire, stream| {
        let block = [0x3f, 0xe1, 0xff, 0x03, 0x88];
        wire.send(&headers(stream, END_STREAM, &block))
    });
}

behaviour!(h08_a_push_ends_in_an_error);
fn h08_a_push_ends_in_an_error<A: Adapter>(adapter: &A) {
    floods_end(adapter, Kind::RemoteProtocol, |wire, stream| {
        let promise = [&2u32.to_be_bytes()[..], &[0x82, 0x86, 0x84]].concat();
        wire.send(&frame(PUSH_PROMISE, END_HEADERS, stream, &promise))
    });
}

behaviour!(h09_goaway_at_every_point_is_survived);
fn h09_goaway_at_every_point_is_survived<A: Adapter>(adapter: &A) {
    // Before the request, naming it, and not naming it: on the first connection alone.
    for place in 0..4 {
        let peer = FramePeer::start(move |wire, number| {
            wire.greet(&[])?;
            if number > 0 {
                loop {
                    let stream = wire.until(HEADERS)?.stream;
                    wire.send(&answer(stream))?;
                }
            }
            if place == 0 {
                wire.send(&goaway(0, 0, b""))?;
                return wire.linger();
            }
            let stream = wire.until(HEADERS)?.stream;
            let say = match place {
                // It was not looked at: sent again elsewhere, whatever it is.
                1 => goaway(0, 0, b""),
                // It was, and is answered, before or after.
                2 => [goaway(stream, 0, b""), answer(stream)].concat(),
                _ => [
                    headers(stream, 0, OK),
                    data(stream, 0, b"o"),
                    goaway(stream, 0, b""),
                    data(stream, END_STREAM, b"k"),
                ]
                .concat(),
            };
            wire.send(&say)?;
            wire.linger()
        });
        let client = client(adapter);
        let request = client.post(peer.url("/")).body("once");
        assert_eq!(succeeds(adapter, request).text(), "ok", "{place}");
        assert_eq!(peer.connections(), if place < 2 { 2 } else { 1 }, "{place}");
        // The next one goes elsewhere.
        succeeds(adapter, client.get(peer.url("/")));
        assert_eq!(peer.connections(), 2, "{place}");
        nothing_is_left(adapter, client, &peer);
    }
}

behaviour!(h09_goaway_and_an_end_in_mid_answer_are_an_error);
fn h09_goaway_and_an_end_in_mid_answer_are_an_error<A: Adapter>(adapter: &A) {
    for code in [0, 11] {
        let peer = FramePeer::start(move |wire, _| {
            wire.greet(&[])?;
            let stream = wire.until(HEADERS)?.stream;
            wire.send(&headers(stream, 0, OK))?;
            wire.send(&data(stream, 0, b"begun"))?;
            wire.send(&goaway(stream, code, b"tired\r\nof it"))?;
            wire.end()
        });
        let client = client(adapter);
        let error = fails(adapter, client.get(peer.url("/")));
        assert_eq!(error.kind(), Kind::RemoteProtocol, "{error}");
        assert_eq!(error.processed(), Processed::Yes);
        assert_eq!(peer.connections(), 1);
        nothing_is_left(adapter, client, &peer);
    }
}

behaviour!(h10_answers_without_status_or_of_another_length_are_errors);
fn h10_answers_without_status_or_of_another_length_are_errors<A: Adapter>(adapter: &A) {
    type Fields = &'static [(&'static str, &'static str)];
    let cases: [(Fields, &[u8]); 6] = [
        (&[("server", "x")], b""),
        (
            &[
                (":status", "200"),
                ("content-length", "1"),
                ("content-length", "2"),
            ],
            b"x",
        ),
        (&[(":status", "200"), ("content-length", "x")], b"x"),
        (&[(":status", "200"), ("content-length", "3")], b"ab"),
        (&[(":status", "200"), ("content-length", "3")], b"abcd"),
        (&[(":status", "101")], b""),
    ];
    one_bad_answer_of_many(adapter, cases.map(|(fields, body)| (block(fields), body)));
}

behaviour!(h11_fields_that_are_invalid_are_errors);
fn h11_fields_that_are_invalid_are_errors<A: Adapter>(adapter: &A) {
    let cases = [
        ("X-Upper", "1"),
        ("a", "b\r\nc: d"),
        ("a", "b\0c"),
        ("a", " b"),
        ("a b", "c"),
        ("connection", "close"),
        ("transfer-encoding", "chunked"),
        (":status", "200"),
        (":unknown", "1"),
    ];
    one_bad_answer_of_many(
        adapter,
        cases.map(|field| (block(&[(":status", "200"), field]), &b"x"[..])),
    );
}

/// Every answer that is wrong is an error of its request, and the next one is none.
#[track_caller]
fn one_bad_answer_of_many<A: Adapter, const N: usize>(
    adapter: &A,
    cases: [(Vec<u8>, &'static [u8]); N],
) {
    for (head, body) in cases {
        let asked = AtomicUsize::new(0);
        let shown = head.escape_ascii().to_string();
        let peer = FramePeer::start(move |wire, _| {
            wire.greet(&[])?;
            loop {
                let stream = wire.until(HEADERS)?.stream;
                if asked.fetch_add(1, Ordering::SeqCst) == 0 {
                    wire.send(&headers(stream, 0, &head))?;
                    wire.send(&data(stream, END_STREAM, body))?;
                } else {
                    wire.send(&answer(stream))?;
                }
            }
        });
        let client = client(adapter);
        let error = fails(adapter, client.get(peer.url("/")));
        assert_eq!(error.kind(), Kind::RemoteProtocol, "{shown}: {error}");
        let next = adapter.send(client.get(peer.url("/")));
        assert!(next.is_ok_and(|next| next.text() == "ok"), "{shown}");
        nothing_is_left(adapter, client, &peer);
    }
}

behaviour!(h12_given_up_downloads_give_their_window_back_to_the_byte);
fn h12_given_up_downloads_give_their_window_back_to_the_byte<A: Adapter>(adapter: &A) {
    // The server keeps the connection's window as it was told, and checks that it is whole again.
    const WINDOW: usize = 2 << 20;
    let peer = FramePeer::start(|wire, _| {
        wire.greet(&[])?;
        let (mut left, mut streams) = (65_535, 0);
        loop {
            let came = wire.frame()?;
            wire.acknowledge(&came)?;
            match (came.kind, came.stream) {
                (WINDOW_UPDATE, 0) => left += came.number(0) as usize,
                (HEADERS, stream) => {
                    streams += 1;
                    wire.send(&headers(stream, 0, OK))?;
                    // Four frames, of which the client reads one at most.
                    for _ in 0..4 {
                        wire.send(&data(stream, 0, &[7; 10_000]))?;
                        left -= 10_000;
                    }
                    if streams % 50 == 0 {
                        // Above half of it an update is due at the latest.
                        assert!(left > WINDOW / 2 - 50_000, "{left} after {streams}");
                    }
                }
                _ => {}
            }
            assert!(left <= WINDOW, "{left}");
        }
    });
    let client = client(adapter);
    for round in 0..200 {
        let mut download = adapter.stream(client.get(peer.url("/"))).unwrap();
        if round % 2 == 0 {
            download.chunk().unwrap();
        }
    }
    assert_eq!(peer.connections(), 1);
    nothing_is_left(adapter, client, &peer);
}

behaviour!(h13_a_half_close_and_bodies_of_nothing_come_to_an_end);
fn h13_a_half_close_and_bodies_of_nothing_come_to_an_end<A: Adapter>(adapter: &A) {
    let peer = FramePeer::start(|wire, _| {
        wire.greet(&[])?;
        let stream = wire.until(HEADERS)?.stream;
        while wire.until(DATA)?.flags & END_STREAM == 0 {}
        wire.send(&answer(stream))
    });
    let client = client(adapter);
    // The peer closes behind its answer. Empty pieces are no frames.
    for round in 1..=3 {
        let pieces = (0..1000).map(|_| Ok(Bytes::new()));
        let body = adapter.body(pieces, None);
        let response = succeeds(adapter, client.post(peer.url("/")).body(body));
        assert_eq!(response.text(), "ok");
        super::eventually(adapter, "closed", || peer.open() == 0);
        assert_eq!(peer.connections(), round);
    }
    nothing_is_left(adapter, client, &peer);
}
