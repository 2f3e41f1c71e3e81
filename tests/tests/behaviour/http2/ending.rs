//! How requests on a shared connection end early: dropped at any poll, by a client that closes, by a
//! server that is gone. What they held is as it was before.

use super::origin::{Manners, Origin};
use super::{builder, eventually};
use bytes::Bytes;
use nuncio::{Kind, Limits, Timeout};
use nuncio_testkit::frames::*;
use nuncio_tests::adapters::{Adapter, Executor};
use nuncio_tests::{async_behaviour, behaviour};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

behaviour!(a_client_that_closes_ends_requests_and_those_that_wait_for_room);
fn a_client_that_closes_ends_requests_and_those_that_wait_for_room<A: Adapter>(adapter: &A) {
    let origin = Origin::https(Manners {
        max_streams: 4,
        ..Manners::default()
    });
    let limits = Limits {
        max_connections: Some(1),
        ..Limits::default()
    };
    let client = builder(adapter, &origin).limits(limits).build().unwrap();
    adapter.send(client.get(origin.url("/head"))).unwrap();
    let requests: Vec<_> = (0..12)
        .map(|_| client.get(origin.url("/slow/700")))
        .collect();
    let responses = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| adapter.together(requests));
        let until = Instant::now() + Duration::from_secs(5);
        while client.pool().waiting < 8 {
            assert!(Instant::now() < until, "{:?}", client.pool());
            std::thread::sleep(Duration::from_millis(1));
        }
        client.close();
        waiting.join().unwrap()
    });
    for response in responses {
        let error = response.unwrap_err();
        assert_eq!(error.kind(), Kind::Closed, "{error}");
    }
    assert_eq!((client.pool().connections, client.pool().waiting), (0, 0));
    eventually(adapter, "closed", || {
        origin.counts.open.load(Ordering::SeqCst) == 0
    });
}

behaviour!(who_gives_up_first_leaves_the_others_to_go_on);
fn who_gives_up_first_leaves_the_others_to_go_on<A: Adapter>(adapter: &A) {
    // On a blocking client the first one leads, and has to hand that over although its own time is up.
    let origin = Origin::https(Manners::default());
    let client = builder(adapter, &origin).build().unwrap();
    adapter.send(client.get(origin.url("/head"))).unwrap();
    let total = Timeout::none().total(Duration::from_millis(300));
    std::thread::scope(|scope| {
        let first = client.get(origin.url("/never")).timeout(total);
        let first = scope.spawn(|| adapter.send(first));
        std::thread::sleep(Duration::from_millis(100));
        let second = client.get(origin.url("/slow/600"));
        let second = scope.spawn(|| adapter.send(second));
        let error = first.join().unwrap().unwrap_err();
        assert_eq!(error.kind(), Kind::TotalTimeout, "{error}");
        assert_eq!(second.join().unwrap().unwrap().text(), "ok");
    });
    assert_eq!(origin.connections(), 1);
}

behaviour!(a_server_that_falls_silent_is_given_up_where_that_is_asked_for);
fn a_server_that_falls_silent_is_given_up_where_that_is_asked_for<A: Adapter>(adapter: &A) {
    let peer = FramePeer::start(|wire, _| {
        wire.greet(&[])?;
        for _ in 0..2 {
            wire.until(HEADERS)?;
        }
        wire.sleep(Duration::from_secs(60));
        Ok(())
    });
    let client = adapter
        .builder()
        .http2_prior_knowledge(true)
        .http2_keep_alive(Duration::from_millis(100))
        .timeout(Timeout::from(Duration::from_secs(30)))
        .build()
        .unwrap();
    let started = Instant::now();
    let requests = vec![client.post(peer.url("/")), client.post(peer.url("/"))];
    for response in adapter.together(requests) {
        let error = response.unwrap_err();
        assert_eq!(error.kind(), Kind::Read, "{error}");
    }
    assert!(started.elapsed() < Duration::from_secs(10));
    assert_eq!(client.pool().connections, 0);
    eventually(adapter, "closed", || {
        peer.open() == 0 || peer.connections() == 1
    });
}

behaviour!(a_server_that_answers_nothing_at_all_is_late_and_no_longer_waited_for);
fn a_server_that_answers_nothing_at_all_is_late_and_no_longer_waited_for<A: Adapter>(adapter: &A) {
    // Not even the PING by which a client that was kept waiting asks after the connection.
    let peer = FramePeer::start(|wire, _| {
        wire.greet(&[])?;
        wire.sleep(Duration::from_secs(60));
        Ok(())
    });
    let client = adapter
        .builder()
        .http2_prior_knowledge(true)
        .timeout(Timeout::from(Duration::from_millis(200)))
        .build()
        .unwrap();
    let started = Instant::now();
    for at_once in [1, 3] {
        let request = |_| client.post(peer.url("/"));
        for response in adapter.together((0..at_once).map(request).collect()) {
            let kind = response.unwrap_err().kind();
            assert!(
                matches!(kind, Kind::ReadTimeout | Kind::PoolTimeout),
                "{kind:?}"
            );
        }
    }
    assert!(started.elapsed() < Duration::from_secs(20));
    // It is not trusted again.
    eventually(adapter, "given up", || client.pool().connections == 0);
}

async_behaviour! {
    an_idle_server_is_asked_for_a_sign_of_life,
    k03_a_stream_dropped_at_any_poll_leaves_all_as_it_was,
}

fn an_idle_server_is_asked_for_a_sign_of_life(adapter: &impl Executor) {
    let asked = Arc::new(AtomicUsize::new(0));
    let pings = Arc::clone(&asked);
    let peer = FramePeer::start(move |wire, _| {
        wire.greet(&[])?;
        loop {
            let came = wire.frame()?;
            if came.kind == HEADERS {
                wire.send(&headers(came.stream, END_STREAM, OK))?;
            }
            // The third is not answered.
            let ping = came.kind == PING && came.flags & ACK == 0;
            if !ping || pings.fetch_add(1, Ordering::SeqCst) < 2 {
                wire.acknowledge(&came)?;
            }
        }
    });
    let client = adapter
        .builder()
        .http2_prior_knowledge(true)
        .http2_keep_alive(Duration::from_millis(20))
        .limits(Limits {
            idle_expiry: None,
            ..Limits::default()
        })
        .build()
        .unwrap();
    adapter.send(client.get(peer.url("/"))).unwrap();
    assert_eq!(client.pool().idle, 1);
    eventually(adapter, "given up", || client.pool().connections == 0);
    assert_eq!(asked.load(Ordering::SeqCst), 3);
    eventually(adapter, "closed", || peer.open() == 0);
}

/// Drops requests at their first poll, their second and so on, uploads and downloads, and lets the
/// server look after each whether the connection's window comes back.
fn k03_a_stream_dropped_at_any_poll_leaves_all_as_it_was(adapter: &impl Executor) {
    const WINDOW: usize = 2 << 20;
    let lowest = Arc::new(AtomicUsize::new(WINDOW));
    let seen = Arc::clone(&lowest);
    let peer = FramePeer::start(move |wire, _| {
        wire.greet(&[])?;
        let mut left = 65_535;
        loop {
            let came = wire.frame()?;
            wire.acknowledge(&came)?;
            match (came.kind, came.stream) {
                (WINDOW_UPDATE, 0) => left += came.number(0) as usize,
                (DATA, stream) if !came.payload.is_empty() => {
                    let length = came.payload.len() as u32;
                    wire.send(&window_update(0, length))?;
                    if came.flags & END_STREAM == 0 {
                        wire.send(&window_update(stream, length))?;
                    }
                }
                _ => {}
            }
            let ends = came.flags & END_STREAM != 0;
            if ends && (came.kind == HEADERS || came.kind == DATA) {
                wire.send(&headers(came.stream, 0, OK))?;
                for _ in 0..3 {
                    wire.send(&data(came.stream, 0, &[7; 9_000]))?;
                    left -= 9_000;
                }
                wire.send(&data(came.stream, END_STREAM, b""))?;
                seen.fetch_min(left, Ordering::SeqCst);
            }
            assert!(left <= WINDOW);
        }
    });
    let client = adapter
        .builder()
        .http2_prior_knowledge(true)
        .build()
        .unwrap();
    let body = Bytes::from(vec![1; 300_000]);
    // One that is dropped while it is dialled takes its socket along: that is another matter.
    adapter.send(client.get(peer.url("/"))).unwrap();
    let mut dropped = 0;
    for upload in [false, true] {
        for _ in 0..40 {
            let mut completed = false;
            let mut polls = 0;
            while !completed {
                polls += 1;
                let request = client.post(peer.url("/"));
                let request = if upload {
                    request.body(body.clone())
                } else {
                    request
                };
                let response =
                    adapter.block_on(crate::cancel::dropped_after(polls, request.send()));
                completed = response.is_some();
                dropped += usize::from(!completed);
                if let Some(response) = response {
                    assert_eq!(response.unwrap().bytes().len(), 27_000);
                }
                let response = adapter.send(client.get(peer.url("/"))).unwrap();
                assert_eq!(response.bytes().len(), 27_000);
                let counts = client.pool();
                assert_eq!((counts.connections, counts.idle, counts.waiting), (1, 1, 0));
            }
        }
    }
    assert!(dropped > 80, "{dropped}");
    assert_eq!(peer.connections(), 1);
    // Of what was given up nothing is missing: an update is due when half of the window is used.
    let lowest = lowest.load(Ordering::SeqCst);
    assert!(lowest >= WINDOW / 2 - 200_000, "{lowest}");
}
