//! Limits of zero: passed as soon as there is something to wait for (BEHAVIOUR section 19).

use crate::world::{SECOND, World, builder, client};
use nuncio_client::{Kind, Limits, Timeout};
use std::time::Duration;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const ZERO: Duration = Duration::ZERO;

#[test]
fn b19_a_limit_of_zero_is_passed_at_once_as_that_of_its_phase() {
    let none = Timeout::none();
    for (timeout, kind) in [
        (none.connect(ZERO), Kind::ConnectTimeout),
        (none.read(ZERO), Kind::ReadTimeout),
        (none.write(ZERO), Kind::WriteTimeout),
        (none.total(ZERO), Kind::TotalTimeout),
        (Timeout::all(ZERO), Kind::ConnectTimeout),
    ] {
        for url in ["http://h.example/", "http://192.0.2.1/"] {
            // The answer would be here at once.
            let mut world = World::new().at(ZERO, OK);
            let request = client(timeout).post(url).body("x");
            let error = world.send(request.send()).err().unwrap();
            assert_eq!(error.kind(), kind, "{timeout:?}: {error}");
            assert_eq!(world.elapsed(), ZERO);
            assert_eq!(world.counts().connections, 0);
        }
    }
}

#[test]
fn b19_a_connection_that_is_there_needs_no_time_to_be_made() {
    let patient = client(Timeout::none());
    let mut world = World::new().at(ZERO, OK).at(SECOND, OK);
    world.send(patient.get("http://h.example/").send()).unwrap();
    let request = patient
        .get("http://h.example/")
        .timeout(Timeout::none().connect(ZERO));
    world.send(request.send()).unwrap();
}

#[test]
fn b19_no_time_for_the_pool_is_an_error_only_if_it_must_be_waited_for() {
    let limits = Limits {
        max_connections: Some(1),
        ..Limits::default()
    };
    let client = builder(Timeout::none().pool(ZERO))
        .limits(limits)
        .build()
        .unwrap();
    let mut world = World::new().at(SECOND, OK).at(SECOND * 2, OK);
    world.send(client.get("http://h.example/").send()).unwrap();
    let call = world.call(client.get("http://h.example/").send()).unwrap();
    let held = world.head(call).unwrap();
    let error = world
        .send(client.get("http://h.example/").send())
        .err()
        .unwrap();
    assert_eq!(
        (error.kind(), world.elapsed()),
        (Kind::PoolTimeout, SECOND * 2)
    );
    assert_eq!(world.counts().waiting, 0);
    drop(held);
}

#[test]
fn b19_no_time_for_leave_is_no_wait_for_it() {
    let timeout = Timeout::none().expect_continue(ZERO);
    let mut world = World::new().at(SECOND, OK);
    let request = client(timeout).post("http://h.example/").body("x");
    world.send(request.expect_continue().send()).unwrap();
    assert!(world.sent.ends_with(b"x"));
}
