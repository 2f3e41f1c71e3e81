//! GOAWAY, refused streams, end of file: who may send a request again.

use bytes::Bytes;
use nuncio_http2::{Code, Config, Error, Http2, OpenError, Processed, Room, StreamErrorKind};

use crate::raw::*;

fn full_answer(stream: u32) -> Vec<u8> {
    [headers(stream, 0, OK), data(stream, END_STREAM, b"done")].concat()
}

fn whole() -> Vec<Seen> {
    vec![Seen::Head(200), Seen::Body(b"done".to_vec()), Seen::End]
}

#[test]
fn h06_no_streams_are_allowed_and_later_some() {
    let mut raw = Raw::with(Config::new(), &[(3, 0)]);
    assert_eq!(raw.http2.room(), Room::Streams(0));
    assert_eq!(raw.http2.open(request("GET"), true), Err(OpenError::Full));
    assert!(raw.http2.poll_changed() && !raw.http2.poll_changed());
    raw.feed(&settings(&[(3, 2)]));
    assert!(raw.http2.poll_changed());
    assert_eq!(raw.http2.room(), Room::Streams(2));
    let id = raw.get();
    raw.get();
    assert_eq!(raw.http2.open(request("GET"), true), Err(OpenError::Full));
    // Lowered under what is open: those run on.
    raw.feed(&settings(&[(3, 0)]));
    raw.feed(&full_answer(1));
    assert_eq!(raw.read(id), whole());
    assert_eq!(raw.http2.room(), Room::Streams(0));
}

#[test]
fn h09_goaway_fails_the_streams_above_its_id_and_finishes_the_others() {
    // GOAWAY falls before the head, in mid-body, or after the whole answer of stream 1.
    let answer = full_answer(1);
    for at in 0..=answer.len() {
        let mut raw = Raw::new();
        let low = raw.get();
        let high = raw.get();
        // GOAWAY may only stand between frames.
        let head = headers(1, 0, OK).len();
        let cut = if at < head {
            0
        } else if at < answer.len() {
            head
        } else {
            at
        };
        raw.feed(&answer[..cut]);
        raw.feed(&goaway(1, 0, b"bye"));
        assert!(raw.http2.poll_changed());
        let going = Error::GoAway {
            code: Code::NO_ERROR,
            detail: "bye".into(),
        };
        assert_eq!(raw.http2.room(), Room::Never(going.clone()));
        assert_eq!(
            raw.http2.open(request("GET"), true),
            Err(OpenError::Never(going.clone()))
        );
        let error = raw.error(high);
        assert_eq!(error.processed(), Processed::No);
        assert_eq!(error.kind(), &StreamErrorKind::Connection(going.clone()));
        raw.feed(&answer[cut..]);
        assert_eq!(raw.read(low), whole());
        // The last stream has ended, so the connection is over.
        raw.frames();
        assert_eq!(raw.http2.failure(), Some(&going));
        assert!(!raw.http2.wants_input() && raw.http2.is_idle());
    }
}

#[test]
fn h09_a_graceful_goaway_lowers_its_id() {
    let mut raw = Raw::new();
    let low = raw.get();
    let high = raw.get();
    raw.feed(&goaway((1 << 31) - 1, 0, b""));
    assert!(matches!(raw.http2.room(), Room::Never(_)));
    assert!(raw.ready().is_empty());
    raw.feed(&goaway(1, 0, b""));
    assert_eq!(raw.error(high).processed(), Processed::No);
    raw.feed(&full_answer(1));
    assert_eq!(raw.read(low), whole());
}

#[test]
fn h09_goaway_that_raises_its_id_breaks_the_protocol() {
    let mut raw = Raw::new();
    let id = raw.get();
    raw.feed(&goaway(1, 0, b""));
    raw.feed(&goaway(3, 0, b""));
    let error = raw.error(id);
    assert!(
        matches!(
            error.kind(),
            StreamErrorKind::Connection(Error::Protocol {
                code: Code::PROTOCOL_ERROR,
                ..
            })
        ),
        "{error}"
    );
    assert_eq!(error.processed(), Processed::Maybe);
}

#[test]
fn h09_goaway_with_an_error_then_end_of_file() {
    let mut raw = Raw::new();
    let low = raw.get();
    let high = raw.get();
    raw.feed(&goaway(1, 11, b"calm\x01 down"));
    raw.http2.handle_eof();
    assert_eq!(raw.error(high).processed(), Processed::No);
    let error = raw.error(low);
    assert_eq!(error.processed(), Processed::Maybe);
    let over = Error::GoAway {
        code: Code::ENHANCE_YOUR_CALM,
        detail: "calm\\x01 down".into(),
    };
    assert_eq!(raw.http2.failure(), Some(&over));
    assert_eq!(error.kind(), &StreamErrorKind::Connection(over));
}

#[test]
fn h09_a_goaway_for_an_idle_connection_ends_it() {
    let mut raw = Raw::new();
    raw.feed(&goaway(0, 0, b""));
    raw.frames();
    assert!(raw.http2.failure().is_some());
    assert_eq!(raw.http2.handle_input(b"whatever"), 8);
}

#[test]
fn a_refused_stream_was_not_processed() {
    let mut raw = Raw::new();
    let refused = raw.get();
    let cancelled = raw.get();
    let answered = raw.get();
    raw.feed(&headers(5, 0, OK));
    raw.feed(&[reset(1, 7), reset(3, 8), reset(5, 7)].concat());
    let error = raw.error(refused);
    assert_eq!(error.kind(), &StreamErrorKind::Reset(Code::REFUSED_STREAM));
    assert_eq!(error.processed(), Processed::No);
    assert_eq!(raw.error(cancelled).processed(), Processed::Maybe);
    assert_eq!(raw.error(answered).processed(), Processed::Yes);
    assert_eq!(raw.http2.room(), Room::Streams(100));
}

#[test]
fn what_came_before_the_end_can_still_be_read() {
    for broken in [false, true] {
        let mut raw = Raw::new();
        let complete = raw.get();
        let cut = raw.get();
        raw.feed(&full_answer(1));
        raw.feed(&[headers(3, 0, OK), data(3, 0, b"half")].concat());
        if broken {
            raw.feed(&frame(PING, 0, 1, b"12345678"));
        } else {
            raw.http2.handle_eof();
        }
        assert!(raw.http2.failure().is_some());
        assert_eq!(raw.read(complete), whole());
        let seen = raw.read(cut);
        assert_eq!(seen[..2], [Seen::Head(200), Seen::Body(b"half".to_vec())]);
        assert!(
            matches!(&seen[2], Seen::Failed(error) if error.processed() == Processed::Yes),
            "{seen:?}"
        );
        assert!(raw.http2.is_idle());
    }
}

#[test]
fn an_answer_to_half_a_request_is_complete_all_the_same() {
    // hypercorn refuses a large body, and then closes the connection on which it still comes.
    let mut raw = Raw::new();
    let (id, cut) = (raw.post(), raw.post());
    let mut body = Bytes::from_static(b"the first part of it");
    raw.http2.write_body(id, &mut body).unwrap();
    raw.feed(&full_answer(1));
    raw.feed(&headers(3, 0, OK));
    raw.frames();
    raw.http2.handle_eof();
    assert_eq!(raw.read(id), whole());
    assert!(matches!(raw.read(cut)[..], [_, Seen::Failed(_)]));
    // And nobody is told that the request was whole.
    assert!(raw.frames().is_empty());
}

#[test]
fn a_request_that_never_left_was_not_processed() {
    let mut raw = Raw::new();
    let gone = raw.get();
    let here = raw.http2.open(request("GET"), true).unwrap();
    raw.http2.handle_eof();
    assert_eq!(raw.http2.failure(), Some(&Error::Eof));
    assert_eq!(raw.error(gone).processed(), Processed::Maybe);
    let error = raw.error(here);
    assert_eq!(error.processed(), Processed::No);
    assert_eq!(error.kind(), &StreamErrorKind::Connection(Error::Eof));
    assert_eq!(
        raw.http2.open(request("GET"), true),
        Err(OpenError::Never(Error::Eof))
    );
}

#[test]
fn a_writer_learns_of_the_end() {
    let mut raw = Raw::with(Config::new(), &[(4, 0)]);
    let reset_one = raw.post();
    let other = raw.post();
    let mut body = Bytes::from_static(b"abc");
    raw.http2.write_body(reset_one, &mut body).unwrap();
    raw.http2.write_body(other, &mut body).unwrap();
    raw.feed(&reset(1, 7));
    let ready = raw.ready();
    assert!(ready.len() == 1 && ready[0].1.is_failed());
    let error = raw.http2.write_body(reset_one, &mut body).unwrap_err();
    assert_eq!(error.kind(), &StreamErrorKind::Reset(Code::REFUSED_STREAM));
    assert_eq!(error.processed(), Processed::No);
    assert_eq!(raw.error(reset_one), error);
    raw.http2.handle_eof();
    let error = raw.http2.write_body(other, &mut body).unwrap_err();
    assert_eq!(error.kind(), &StreamErrorKind::Connection(Error::Eof));
    assert_eq!(body.len(), 3);
}

#[test]
fn close_lets_open_streams_end() {
    let mut raw = Raw::new();
    let id = raw.get();
    raw.http2.close();
    assert_eq!(
        raw.http2.open(request("GET"), true),
        Err(OpenError::Never(Error::Closed))
    );
    assert!(raw.http2.failure().is_none());
    raw.feed(&full_answer(1));
    assert_eq!(raw.read(id), whole());
    let frames = raw.frames();
    assert!(
        frames.iter().any(|f| f.kind == GOAWAY && f.number(4) == 0),
        "{frames:?}"
    );
    assert_eq!(raw.http2.failure(), Some(&Error::Closed));
}

#[test]
fn close_and_cancel_end_at_once() {
    let mut raw = Raw::new();
    let id = raw.get();
    raw.frames();
    raw.http2.close();
    raw.http2.cancel(id);
    let kinds: Vec<_> = raw.frames().iter().map(|f| f.kind).collect();
    assert_eq!(kinds, [RST_STREAM, GOAWAY]);
    assert_eq!(raw.http2.failure(), Some(&Error::Closed));
}

#[test]
fn cancel_resets_and_makes_room() {
    let mut raw = Raw::with(Config::new(), &[(3, 1)]);
    for _ in 0..100 {
        let id = raw.get();
        assert_eq!(raw.http2.room(), Room::Streams(0));
        raw.http2.cancel(id);
        assert!(raw.http2.is_idle());
        let frames = raw.frames();
        assert_eq!(frames.last().unwrap().kind, RST_STREAM);
        assert_eq!(frames.last().unwrap().number(0), 8);
    }
    assert!(raw.http2.poll_ready().is_none());
}

#[test]
fn a_peer_that_speaks_something_else_is_named() {
    let mut http2 = Http2::new(Config::new()).unwrap();
    let id = http2.open(request("GET"), true).unwrap();
    let answer = b"HTTP/1.1 400 Bad Request\r\n\r\n";
    for byte in answer {
        http2.handle_input(&[*byte]);
    }
    let over = Error::NotHttp2 {
        found: "HTTP/1.1 ".into(),
    };
    assert_eq!(http2.failure(), Some(&over));
    let error = http2.read_head(id).unwrap_err();
    assert_eq!(error.kind(), &StreamErrorKind::Connection(over));
}

#[test]
fn errors_are_one_line() {
    let mut raw = Raw::new();
    let id = raw.get();
    raw.feed(&goaway(0, 2, b"line\nbreak \xff"));
    let error = raw.error(id);
    assert_eq!(
        error.to_string(),
        "the peer ended the HTTP/2 connection: INTERNAL_ERROR (line\\nbreak \\xff)"
    );
    let mut raw = Raw::new();
    let id = raw.get();
    raw.feed(&goaway(0, 0, &[b'x'; 10_000]));
    assert!(raw.error(id).to_string().len() < 256);
    assert_eq!(Code::from_u32(99).to_string(), "error code 0x63");
}
