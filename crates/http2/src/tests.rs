//! What only the inside can see: how often `h2` is polled, and the pipe and the gate alone.

use bytes::Bytes;
use http::Request;

use crate::gate::{Gate, Preface};
use crate::{Config, Http2, Read, Write};

const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];

fn request() -> Request<()> {
    Request::post("https://example.com/").body(()).unwrap()
}

#[test]
fn h13_polls_are_at_most_twice_the_events() {
    let mut http2 = Http2::new(Config::new()).unwrap();
    let mut out = Vec::new();
    // Events: what came, what was asked to be sent.
    let mut events = 1;
    http2.handle_input(&SETTINGS);
    events += 1;
    for n in 0..100u32 {
        let id = http2.open(request(), false).unwrap();
        http2
            .write_body(id, &mut Bytes::from_static(b"abc"))
            .unwrap();
        http2.finish_body(id, None).unwrap();
        while http2.take_output(&mut out) > 0 {
            out.clear();
        }
        events += 3;
        let [a, b, c, d] = (n * 2 + 1).to_be_bytes();
        http2.handle_input(&[0, 0, 1, 1, 4, a, b, c, d, 0x88]);
        http2.handle_input(&[0, 0, 1, 0, 1, a, b, c, d, b'x']);
        events += 2;
        http2.read_head(id).unwrap().unwrap();
        assert!(matches!(http2.read_body(id), Ok(Read::Chunk(_))));
        assert!(matches!(http2.read_body(id), Ok(Read::End)));
    }
    assert!(
        http2.polls <= 2 * events,
        "{} polls for {events} events",
        http2.polls
    );
}

#[test]
fn h13_calls_without_an_event_poll_nothing() {
    let mut http2 = Http2::new(Config::new()).unwrap();
    http2.handle_input(
        &[
            &SETTINGS[..],
            &[0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0],
        ]
        .concat(),
    );
    let id = http2.open(request(), false).unwrap();
    let mut out = Vec::new();
    while http2.take_output(&mut out) > 0 {}
    http2.handle_input(&[0, 0, 1, 1, 4, 0, 0, 0, 1, 0x88]);
    while http2.take_output(&mut out) > 0 {}
    while http2.poll_ready().is_some() {}
    http2.read_head(id).unwrap().unwrap();
    let before = http2.polls;
    for _ in 0..1000 {
        // Zero-length writes, a closed window, nothing to read, nothing to send.
        assert_eq!(
            http2.write_body(id, &mut Bytes::new()).unwrap(),
            Write::Taken(0)
        );
        assert_eq!(
            http2.write_body(id, &mut "abc".into()).unwrap(),
            Write::Blocked
        );
        assert_eq!(http2.read_body(id).unwrap(), Read::Blocked);
        assert_eq!(http2.take_output(&mut out), 0);
        assert!(http2.poll_ready().is_none());
        assert_eq!(http2.handle_input(&[]), 0);
    }
    assert_eq!(http2.polls, before);
    // Half-closed by the peer, and asked again and again.
    http2.handle_eof();
    let before = http2.polls;
    for _ in 0..1000 {
        http2.take_output(&mut out);
        http2.handle_eof();
        while http2.poll_ready().is_some() {}
    }
    assert_eq!(http2.polls, before);
    assert!(http2.read_body(id).is_err());
}

/// Lets frames through until the gate closes.
fn admitted(gate: &mut Gate, frame: &[u8], step: usize) -> usize {
    let mut taken = 0;
    loop {
        let at = taken % frame.len();
        let piece = &frame[at..(at + step).min(frame.len())];
        match gate.admit(piece) {
            0 => return taken,
            n => taken += n,
        }
        if taken > 1 << 20 {
            return taken;
        }
    }
}

fn open_gate() -> Gate {
    let mut gate = Gate::new();
    assert!(matches!(
        gate.admit_preface(&SETTINGS),
        (9, Preface::Right(_))
    ));
    gate.refill();
    gate
}

#[test]
fn the_gate_counts_frames_and_not_pieces() {
    let ping = [0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
    for step in 1..=ping.len() {
        let mut gate = open_gate();
        let taken = admitted(&mut gate, &ping, step);
        assert_eq!(taken / ping.len(), 64, "in steps of {step}");
        assert!(!gate.is_open());
        gate.refill();
        assert!(gate.is_open());
    }
    let reset = [0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 8];
    assert_eq!(admitted(&mut open_gate(), &reset, 13) / reset.len(), 1024);
}

#[test]
fn the_gate_lets_data_pass_but_not_empty_data() {
    let data = [0, 0, 1, 0, 0, 0, 0, 0, 1, b'x'];
    assert!(admitted(&mut open_gate(), &data, 10) > 1 << 20);
    let empty = [0, 0, 0, 0, 0, 0, 0, 0, 1];
    assert_eq!(admitted(&mut open_gate(), &empty, 9), 1024 * empty.len());
}

#[test]
fn the_gate_tells_a_wrong_preface_in_any_split() {
    for step in 1..=9 {
        let mut gate = Gate::new();
        let mut wrong = false;
        for piece in b"HTTP/1.1 ".chunks(step) {
            match gate.admit_preface(piece) {
                (n, Preface::Partial) => assert_eq!(n, piece.len()),
                (_, Preface::Wrong(head)) => wrong = head == b"HTTP/1.1 ",
                (_, Preface::Right(_)) => panic!("in steps of {step}"),
            }
        }
        assert!(wrong && !gate.is_preface_seen());
    }
}
