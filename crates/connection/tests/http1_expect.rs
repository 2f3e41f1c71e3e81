//! `Expect: 100-continue` on HTTP/1.1: the body waits for a 100, a final answer or the end of the wait.

mod http1_common;

use bytes::Bytes;
use http1_common::{Machine, headers, plain};
use nuncio_connection::{
    BodySize, CloseReason, Deadlines, Error, NeverReason, Phase, Processed, Read, RequestHead,
    Reuse, StreamId, Write,
};
use std::time::Duration;

const NANO: Duration = Duration::from_nanos(1);
const SECOND: Duration = Duration::from_secs(1);
const GO_ON: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

fn open(machine: &mut Machine, expect: Duration) -> StreamId {
    let fields = [
        ("Host", "h"),
        ("Content-Length", "3"),
        ("Expect", "100-continue"),
    ];
    let head = RequestHead {
        method: "PUT",
        scheme: "http",
        target: "/",
        headers: &headers(&fields),
    };
    let deadlines = Deadlines {
        read: Some(SECOND * 5),
        write: Some(SECOND * 3),
        expect: Some(expect),
    };
    let now = machine.clock.now();
    let id = machine
        .connection
        .open(head, BodySize::Known(3), deadlines, now)
        .unwrap();
    assert!(machine.sent().ends_with(b"Expect: 100-continue\r\n\r\n"));
    id
}

fn write(machine: &mut Machine, id: StreamId) -> Result<Write, Error> {
    let now = machine.clock.now();
    let mut body = Bytes::from_static(b"abc");
    machine.connection.write_body(id, &mut body, now)
}

fn is_held(machine: &mut Machine, id: StreamId) -> bool {
    let held = write(machine, id) == Ok(Write::Blocked);
    assert_eq!(machine.connection.awaits_continue(id), held);
    assert_eq!(machine.connection.has_write_room(id), !held);
    held
}

#[test]
fn f23_the_body_waits_for_a_100_however_that_is_cut() {
    for cut in 1..GO_ON.len() {
        let mut machine = plain();
        let id = open(&mut machine, SECOND);
        for (piece, last) in [(&GO_ON[..cut], false), (&GO_ON[cut..], true)] {
            assert!(is_held(&mut machine, id), "cut at {cut}");
            machine.receive(piece);
            let now = machine.clock.now();
            let head = machine.connection.read_head(id, now).unwrap();
            assert_eq!(head.map(|head| head.status), last.then_some(100));
        }
        assert_eq!(write(&mut machine, id), Ok(Write::Taken(3)));
        let now = machine.clock.now();
        machine.connection.finish_body(id, None, now).unwrap();
        assert_eq!(machine.sent(), b"abc");
        machine.receive(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        let head = machine.connection.read_head(id, now).unwrap().unwrap();
        assert_eq!(head.status, 200);
        assert_eq!(machine.body(id), Ok(Read::End));
        assert_eq!(machine.connection.reuse(), Reuse::Idle);
    }
}

#[test]
fn f23_without_a_word_the_body_goes_at_the_end_of_the_wait() {
    let mut machine = plain();
    let id = open(&mut machine, SECOND);
    let due = machine.clock.now() + SECOND;
    assert_eq!(machine.connection.next_timeout(), Some(due));
    machine.clock.advance_to(due - NANO);
    machine.connection.handle_timeout(machine.clock.now());
    assert!(is_held(&mut machine, id));
    machine.clock.advance(NANO);
    machine.connection.handle_timeout(machine.clock.now());
    assert_eq!(machine.connection.failure(), None);
    assert_eq!(write(&mut machine, id), Ok(Write::Taken(3)));
    // From now on the limit for writing runs.
    assert_eq!(machine.connection.next_timeout(), Some(due + SECOND * 3));
    // A 100 that comes too late is one more interim head.
    machine.sent();
    machine.receive(GO_ON);
    let head = machine.connection.read_head(id, due).unwrap().unwrap();
    assert_eq!(head.status, 100);
}

#[test]
fn f23_early_hints_are_no_leave() {
    let mut machine = plain();
    let id = open(&mut machine, SECOND);
    machine.receive(b"HTTP/1.1 103 Early Hints\r\n\r\n");
    let now = machine.clock.now();
    machine.connection.read_head(id, now).unwrap().unwrap();
    assert!(is_held(&mut machine, id));
    assert_eq!(machine.connection.next_timeout(), Some(now + SECOND));
}

#[test]
fn f23_an_answer_in_place_of_a_100_costs_the_connection() {
    let mut machine = plain();
    let id = open(&mut machine, SECOND);
    machine.receive(b"HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n");
    let now = machine.clock.now();
    let head = machine.connection.read_head(id, now).unwrap().unwrap();
    assert_eq!(head.status, 413);
    assert!(!machine.connection.awaits_continue(id));
    machine.connection.abandon_body(id);
    assert_eq!(machine.body(id), Ok(Read::End));
    assert!(!machine.connection.wants_write());
    let unfinished = NeverReason::Http1(CloseReason::RequestUnfinished);
    assert_eq!(machine.connection.reuse(), Reuse::Never(unfinished));
}

#[test]
fn no_wait_at_all_and_one_that_no_clock_reaches() {
    let mut machine = plain();
    let id = open(&mut machine, Duration::ZERO);
    machine.connection.handle_timeout(machine.clock.now());
    assert_eq!(write(&mut machine, id), Ok(Write::Taken(3)));
    let mut machine = plain();
    let id = open(&mut machine, Duration::MAX);
    assert_eq!(machine.connection.next_timeout(), None);
    assert!(is_held(&mut machine, id));
    assert_eq!(machine.connection.processed(id), Processed::Maybe);
}

#[test]
fn a_head_that_does_not_leave_is_a_write_time_out_though_its_body_waits() {
    let mut machine = plain();
    let fields = [("Host", "h"), ("Content-Length", "3")];
    let head = RequestHead {
        method: "PUT",
        scheme: "http",
        target: "/",
        headers: &headers(&fields),
    };
    let deadlines = Deadlines {
        write: Some(SECOND * 3),
        expect: Some(SECOND * 9),
        ..Deadlines::default()
    };
    let now = machine.clock.now();
    let size = BodySize::Known(3);
    machine.connection.open(head, size, deadlines, now).unwrap();
    machine.clock.advance(SECOND * 3);
    machine.connection.handle_timeout(machine.clock.now());
    let late = Error::Timeout(Phase::Write);
    assert_eq!(machine.connection.failure(), Some(&late));
}
