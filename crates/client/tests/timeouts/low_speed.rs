//! Bodies that dribble (SECURITY D1).

use crate::world::{SECOND, Takes, World, client};
use nuncio_client::{Body, Kind, Phase, Processed, Side, Timeout};
use std::time::Duration;

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n";

/// A head after a second, and then a byte every 59 seconds.
fn dribble() -> World {
    let mut world = World::new().at(SECOND, HEAD);
    for n in 1..100 {
        world = world.at(SECOND + SECOND * 59 * n, "x");
    }
    world
}

#[test]
fn d01_a_body_that_dribbles_ends_with_the_guard_or_the_total_at_the_very_instant() {
    // A whole minute of silence would be a read time-out.
    let patient = Timeout::secs(60);
    let guarded = patient.low_speed(10, SECOND * 90);
    for (timeout, kind, after) in [
        (guarded, Kind::LowSpeed, SECOND * 91),
        (
            patient.total(SECOND * 300),
            Kind::TotalTimeout,
            SECOND * 300,
        ),
        (guarded.total(SECOND * 80), Kind::TotalTimeout, SECOND * 80),
    ] {
        let mut world = dribble();
        let request = client(timeout).get("http://h.example/");
        let error = world.send(request.send()).err().unwrap();
        assert_eq!((error.kind(), world.elapsed()), (kind, after), "{error}");
        assert!(error.is_timeout());
        assert_eq!(error.phase(), Some(Phase::Read));
        assert_eq!(error.processed(), Processed::Yes);
        assert_eq!(world.counts().connections, 0);
    }
    let mut world = dribble();
    let error = world
        .send(client(guarded).get("http://h.example/").send())
        .err()
        .unwrap();
    let told = "too slowly: 1 bytes in 90s, where 10 bytes/s are the least";
    assert!(error.to_string().contains(told), "{error}");
}

#[test]
fn d01_a_body_that_is_taken_in_drops_ends_with_the_guard_too() {
    let timeout = Timeout::secs(60).low_speed(10, SECOND * 90);
    let held = || Body::from(vec![0; 1 << 20]);
    let pieces = || Body::pieces(vec![vec![0; 65_536]; 16]);
    for body in [held, pieces] {
        let mut world = World::new();
        world.side = Side::Blocking;
        // The head in one go, and then ten bytes a minute.
        world.takes = Takes::Some(300, Duration::from_secs(59));
        let request = client(timeout).post("http://h.example/").body(body());
        let error = world.send(request.send()).err().unwrap();
        assert_eq!(error.kind(), Kind::LowSpeed, "{error}");
        assert_eq!(error.phase(), Some(Phase::Write));
        assert_eq!(world.elapsed(), SECOND * 90);
        assert_eq!(world.counts().connections, 0);
    }
}

#[test]
fn what_is_fast_enough_on_average_goes_on() {
    let mut world = World::new().at(SECOND, HEAD);
    for n in 0..10 {
        world = world.at(SECOND * 2 + SECOND * 9 * n, [b'x'; 100]);
    }
    let timeout = Timeout::secs(60).low_speed(10, SECOND * 10);
    let (_, body) = world
        .send(client(timeout).get("http://h.example/").send())
        .unwrap();
    assert_eq!(body.len(), 1000);
}

#[test]
fn waiting_for_the_head_is_no_slow_body() {
    let mut world = World::new().at(SECOND * 1000, HEAD.to_owned() + &"x".repeat(1000));
    let timeout = Timeout::none().low_speed(10, SECOND);
    let request = client(timeout).post("http://h.example/").body("all of it");
    world.send(request.send()).unwrap();
}

#[test]
fn a_program_that_takes_its_time_is_not_a_slow_peer() {
    let mut world = World::new().at(SECOND, HEAD);
    for n in 0..10 {
        // Whenever it is asked for, it comes a second later.
        world = world.at(SECOND * 2 + SECOND * 101 * n, [b'x'; 100]);
    }
    let timeout = Timeout::none().low_speed(50, SECOND * 5);
    let call = world
        .call(client(timeout).get("http://h.example/").send())
        .unwrap();
    let mut incoming = world.head(call).unwrap();
    let mut length = 0;
    while let Some(chunk) = world.chunk(&mut incoming).unwrap() {
        length += chunk.len();
        world.now += SECOND * 100;
    }
    assert_eq!(length, 1000);
}

#[cfg(feature = "http2")]
#[test]
fn d01_a_slow_stream_is_an_error_of_its_own() {
    use crate::stalls::{OK, SETTINGS};
    use crate::world::builder;
    let client = builder(Timeout::none().low_speed(10, SECOND * 3));
    let client = client.http2_prior_knowledge(true).build().unwrap();
    let mut world = World::new().at(SECOND, [SETTINGS, OK].concat());
    for n in 0..100 {
        // DATA of one byte.
        world = world.at(SECOND * (2 + n), [0, 0, 1, 0, 0, 0, 0, 0, 1, b'x']);
    }
    let error = world
        .send(client.get("http://h.example/").send())
        .err()
        .unwrap();
    assert_eq!(
        (error.kind(), world.elapsed()),
        (Kind::LowSpeed, SECOND * 4)
    );
    // A window that shuts is an upload that is too slow.
    let mut world = World::new().at(Duration::ZERO, SETTINGS);
    let request = client.post("http://h.example/").body(vec![0; 100_000]);
    let error = world.send(request.send()).err().unwrap();
    assert_eq!(
        (error.kind(), error.phase()),
        (Kind::LowSpeed, Some(Phase::Write))
    );
    // What the first window had room for was enough for the first three seconds.
    assert_eq!(world.elapsed(), SECOND * 6);
}
