//! HTTP/2 on a connection, held from outside: frames written by hand, a clock that stands still.

#![cfg(feature = "http2")]

mod expect;
mod keep_alive;
mod peer;
mod windows;

use bytes::Bytes;
use nuncio_connection::{
    BodySize, Deadlines, Error, Http2Code, Http2Error, Http2StreamError, IoError, LocalError,
    NeverReason, Phase, Processed, Read, Reuse, StreamId, Write,
};
use nuncio_testkit::split::{self, Split};
use peer::*;
use std::collections::BTreeMap;
use std::time::Duration;

/// What a reader sees of one response; pieces of the body are joined.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    heads: Vec<u16>,
    body: Vec<u8>,
    trailers: Vec<String>,
    ended: bool,
}

/// Reads as far as it goes.
fn read(client: &mut Client, id: StreamId, seen: &mut Seen) {
    while seen.heads.last().is_none_or(|status| *status < 200) {
        match client.head(id).unwrap() {
            Some(status) => seen.heads.push(status),
            None => return,
        }
    }
    while !seen.ended {
        match client.body(id).unwrap() {
            Read::Chunk(chunk) => seen.body.extend(chunk),
            Read::Trailers(fields) => {
                seen.trailers
                    .extend(fields.iter().map(|(name, _)| name.to_owned()));
            }
            Read::Blocked => return,
            Read::End => seen.ended = true,
        }
    }
}

#[test]
fn a_reader_that_only_listens_to_readiness_sees_the_same_however_it_is_split() {
    let answers = [
        headers(3, 0, &[(":status", "103"), ("link", "</a>")]),
        ok(1, 0),
        frame(DATA, 0, 1, b"hello "),
        ok(3, 0),
        frame(DATA, 0, 3, b"second"),
        frame(PING, 0, 0, b"12345678"),
        frame(DATA, END_STREAM, 1, b"world"),
        headers(3, END_STREAM, &[("x-sum", "1"), ("x-more", "2")]),
    ]
    .concat();
    for split in split::all(&answers, 1) {
        let mut client = Client::new(65_535);
        let mut seen = BTreeMap::new();
        for _ in 0..2 {
            let id = client.get();
            client.flush();
            // The first "not yet", from which on readiness is told.
            assert_eq!(client.head(id), Ok(None));
            seen.insert(id, Seen::default());
        }
        client.receive_split(&answers, split, |client| {
            for id in client.ready() {
                read(client, id, seen.get_mut(&id).unwrap());
            }
        });
        let expected = [
            Seen {
                heads: vec![200],
                body: b"hello world".into(),
                trailers: vec![],
                ended: true,
            },
            Seen {
                heads: vec![103, 200],
                body: b"second".into(),
                trailers: vec!["x-sum".into(), "x-more".into()],
                ended: true,
            },
        ];
        assert!(seen.values().eq(expected.iter()), "{split:?}: {seen:?}");
        assert_eq!(client.connection.reuse(), Reuse::Room(100), "{split:?}");
        assert_eq!(client.connection.next_timeout(), None);
    }
}

#[test]
fn a_response_that_is_late_loses_its_own_stream_only() {
    let mut client = Client::new(65_535);
    let (late, good) = (client.open(BodySize::Empty, limits(5, 5)), client.get());
    client.frames();
    assert_eq!((client.head(late), client.head(good)), (Ok(None), Ok(None)));
    assert_eq!(
        client.connection.next_timeout(),
        Some(client.clock.now() + SECOND * 5)
    );
    client.pass(SECOND * 4);
    assert_eq!(client.head(late), Ok(None));
    client.pass(SECOND);
    assert_eq!(client.ready(), [late]);
    assert_eq!(client.head(late), Err(Error::Timeout(Phase::Read)));
    assert_eq!(client.connection.processed(late), Processed::Maybe);
    // Whether it is the stream that is slow or the connection that is dead, a PING will show.
    assert!(client.connection.is_doubted());
    let (mut pong, mut resets) = (Vec::new(), Vec::new());
    for sent in client.frames() {
        match sent {
            (PING, 0, 0, data) => pong = frame(PING, 1, 0, &data),
            other => resets.push(other),
        }
    }
    let code = Http2Code::CANCEL.as_u32().to_be_bytes().to_vec();
    assert_eq!(resets, [(RST_STREAM, 0, 1, code)]);
    client.receive(&pong);
    assert!(!client.connection.is_doubted());
    client.receive(&ok(3, END_STREAM));
    assert_eq!(client.head(good), Ok(Some(200)));
    assert_eq!(client.body(good), Ok(Read::End));
    assert_eq!(client.connection.reuse(), Reuse::Room(100));
    assert_eq!(client.connection.next_timeout(), None);
}

#[test]
fn what_arrives_for_a_stream_gives_its_reader_a_whole_limit_again() {
    let mut client = Client::new(65_535);
    let id = client.open(BodySize::Empty, limits(5, 5));
    client.flush();
    assert_eq!(client.head(id), Ok(None));
    client.pass(SECOND * 4);
    client.receive(&ok(1, 0));
    // Nobody waits now.
    client.pass(SECOND * 60);
    assert_eq!(client.head(id), Ok(Some(200)));
    for _ in 0..3 {
        assert_eq!(client.body(id), Ok(Read::Blocked));
        client.pass(SECOND * 4);
        client.receive(&frame(DATA, 0, 1, b"x"));
        assert_eq!(client.body(id), Ok(Read::Chunk("x".into())));
    }
    assert_eq!(client.body(id), Ok(Read::Blocked));
    client.pass(SECOND * 5);
    assert_eq!(client.body(id), Err(Error::Timeout(Phase::Read)));
    assert_eq!(client.connection.processed(id), Processed::Yes);
}

#[test]
fn a_frame_that_trickles_in_is_no_silence_for_its_stream_and_is_for_others() {
    let mut client = Client::new(65_535);
    let (slow, silent) = (client.get_within(5), client.get_within(5));
    client.flush();
    client.receive(&[ok(1, 0), ok(3, 0)].concat());
    for id in [slow, silent] {
        assert_eq!(client.head(id), Ok(Some(200)));
        assert_eq!(client.body(id), Ok(Read::Blocked));
    }
    let bytes = frame(DATA, END_STREAM, 1, b"hello");
    let (head, payload) = bytes.split_at(9);
    for piece in std::iter::once(head).chain(payload.chunks(1)) {
        client.pass(SECOND * 2);
        client.receive(piece);
    }
    assert_eq!(client.body(slow), Ok(Read::Chunk("hello".into())));
    assert_eq!(client.body(silent), Err(Error::Timeout(Phase::Read)));
}

#[test]
fn while_a_request_does_not_leave_its_write_limit_runs_and_not_its_read_limit() {
    let mut client = Client::new(65_535);
    let id = client.open(BodySize::Empty, limits(1, 3));
    assert_eq!(client.head(id), Ok(None));
    client.pass(SECOND * 2);
    assert_eq!(client.head(id), Ok(None));
    assert_eq!(client.connection.processed(id), Processed::No);
    client.pass(SECOND);
    assert_eq!(client.head(id), Err(Error::Timeout(Phase::Write)));
}

#[test]
fn a_body_goes_on_as_the_window_opens_and_every_opening_gives_a_whole_limit() {
    let mut client = Client::new(10);
    let id = client.open(BodySize::Known(30), limits(60, 5));
    let now = client.clock.now();
    let mut body = Bytes::from_static(b"abcdefghijklmnopqrstuvwxyz0123");
    assert!(client.connection.has_write_room(id));
    assert_eq!(
        client.connection.write_body(id, &mut body, now),
        Ok(Write::Taken(30))
    );
    assert!(!client.connection.has_write_room(id));
    let mut more = Bytes::from_static(b"x");
    assert_eq!(
        client.connection.write_body(id, &mut more, now),
        Ok(Write::Blocked)
    );
    client.connection.finish_body(id, None, now).unwrap();
    let mut sent = Vec::new();
    for round in 0..3 {
        for (kind, flags, _, payload) in client.frames() {
            if kind == DATA {
                sent.extend(payload);
                // The end goes with the last bytes.
                assert_eq!(flags & END_STREAM != 0, sent.len() == 30);
            }
        }
        assert_eq!(sent.len(), (round + 1) * 10);
        if round < 2 {
            client.pass(SECOND * 4);
            client.receive(&frame(WINDOW_UPDATE, 0, 1, &[0, 0, 0, 10]));
        }
    }
    assert_eq!(sent, b"abcdefghijklmnopqrstuvwxyz0123");
    // All has left: now the answer is awaited.
    assert_eq!(client.head(id), Ok(None));
    client.pass(SECOND * 59);
    assert_eq!(client.head(id), Ok(None));
    client.pass(SECOND);
    assert_eq!(client.head(id), Err(Error::Timeout(Phase::Read)));
}

#[test]
fn a_window_that_stays_shut_costs_its_own_stream_only() {
    let mut client = Client::new(0);
    let id = client.open(BodySize::Unknown, limits(60, 5));
    let now = client.clock.now();
    let mut body = Bytes::from_static(b"abc");
    client.connection.write_body(id, &mut body, now).unwrap();
    client.flush();
    // That others are busy does not help.
    client.pass(SECOND * 3);
    let other = client.get();
    client.flush();
    client.pass(SECOND * 2);
    assert_eq!(client.head(id), Err(Error::Timeout(Phase::Write)));
    client.receive(&ok(3, END_STREAM));
    assert_eq!(client.head(other), Ok(Some(200)));
}

#[test]
fn room_is_told_once_to_a_writer_that_found_none() {
    let mut client = Client::new(2);
    let id = client.open(BodySize::Unknown, Deadlines::default());
    let now = client.clock.now();
    client
        .connection
        .write_body(id, &mut Bytes::from_static(b"abc"), now)
        .unwrap();
    client.flush();
    assert_eq!(
        client
            .connection
            .write_body(id, &mut Bytes::from_static(b"d"), now),
        Ok(Write::Blocked)
    );
    assert_eq!(client.connection.poll_ready(), None);
    client.receive(&frame(WINDOW_UPDATE, 0, 1, &[0, 0, 0, 10]));
    let (told, ready) = client.connection.poll_ready().unwrap();
    assert_eq!((told, ready.readable, ready.writable), (id, false, true));
    assert_eq!(client.connection.poll_ready(), None);
    assert!(client.connection.has_write_room(id));
}

#[test]
fn a_body_is_held_to_the_length_that_was_declared() {
    let mut client = Client::new(65_535);
    let id = client.open(BodySize::Known(3), Deadlines::default());
    let now = client.clock.now();
    let too_much = LocalError::TooMuchData {
        declared: 3,
        excess: 1,
    };
    assert_eq!(
        client
            .connection
            .write_body(id, &mut Bytes::from_static(b"abcd"), now),
        Err(Error::Local(too_much))
    );
    client
        .connection
        .write_body(id, &mut Bytes::from_static(b"ab"), now)
        .unwrap();
    let too_little = Error::Local(LocalError::TooLittleData {
        declared: 3,
        sent: 2,
    });
    assert_eq!(
        client.connection.finish_body(id, None, now),
        Err(too_little.clone())
    );
    assert_eq!(client.head(id), Err(too_little));
    assert!(client.frames().iter().any(|(kind, ..)| *kind == RST_STREAM));
    assert_eq!(client.connection.reuse(), Reuse::Room(100));
}

#[test]
fn streams_above_a_goaway_were_not_processed_and_those_below_finish() {
    for split in [Split::Whole, Split::Every(1)] {
        let mut client = Client::new(65_535);
        let (below, above) = (client.get(), client.get());
        client.flush();
        assert_eq!(
            (client.head(below), client.head(above)),
            (Ok(None), Ok(None))
        );
        let _ = client.connection.poll_changed();
        client.receive_split(
            &frame(GOAWAY, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 0]),
            split,
            |_| {},
        );
        assert!(client.connection.poll_changed());
        assert_eq!(client.ready(), [above]);
        let gone = Http2Error::GoAway {
            code: Http2Code::NO_ERROR,
            detail: String::new(),
        };
        assert_eq!(client.head(above), Err(Error::Http2(gone.clone())));
        assert_eq!(client.connection.processed(above), Processed::No);
        assert_eq!(
            client.try_open(BodySize::Empty, Deadlines::default()),
            Err(Error::Http2(gone))
        );
        assert!(matches!(
            client.connection.reuse(),
            Reuse::Never(NeverReason::Http2(_))
        ));
        assert!(!client.connection.quiet());
        client.receive_split(&ok(1, END_STREAM), split, |_| {});
        assert_eq!(client.head(below), Ok(Some(200)));
        assert_eq!(client.body(below), Ok(Read::End));
        assert_eq!(client.connection.processed(below), Processed::Yes);
    }
}

#[test]
fn a_refused_stream_was_not_processed_and_a_reset_one_may_have_been() {
    let mut client = Client::new(65_535);
    let (refused, reset) = (client.get(), client.get());
    client.flush();
    client.receive(&frame(
        RST_STREAM,
        0,
        1,
        &Http2Code::REFUSED_STREAM.as_u32().to_be_bytes(),
    ));
    client.receive(&frame(RST_STREAM, 0, 3, &2_u32.to_be_bytes()));
    let error = |code| {
        Err(Error::Http2Stream(Http2StreamError::Reset(
            Http2Code::from_u32(code),
        )))
    };
    assert_eq!(
        (client.head(refused), client.head(reset)),
        (error(7), error(2))
    );
    assert_eq!(client.connection.processed(refused), Processed::No);
    assert_eq!(client.connection.processed(reset), Processed::Maybe);
    assert_eq!(client.connection.reuse(), Reuse::Room(100));
}

#[test]
fn an_early_answer_stops_the_body_and_is_read() {
    let mut client = Client::new(2);
    let id = client.open(BodySize::Unknown, Deadlines::default());
    let now = client.clock.now();
    client
        .connection
        .write_body(id, &mut Bytes::from_static(b"abc"), now)
        .unwrap();
    client.flush();
    let answer = [
        headers(1, END_STREAM, &[(":status", "413")]),
        frame(RST_STREAM, 0, 1, &[0; 4]),
    ]
    .concat();
    client.receive(&answer);
    let stopped = client
        .connection
        .write_body(id, &mut Bytes::from_static(b"d"), now);
    assert!(
        matches!(
            stopped,
            Err(Error::Io(IoError {
                phase: Phase::Write,
                ..
            }))
        ),
        "{stopped:?}"
    );
    assert_eq!(client.connection.finish_body(id, None, now), Ok(()));
    assert_eq!(client.head(id), Ok(Some(413)));
    assert_eq!(client.body(id), Ok(Read::End));
}

#[test]
fn the_end_of_the_connection_fails_what_is_not_complete_and_nothing_else() {
    let mut client = Client::new(65_535);
    let (complete, cut) = (client.get(), client.get());
    client.flush();
    client.receive(&[ok(1, 0), frame(DATA, END_STREAM, 1, b"all")].concat());
    client.receive(&[ok(3, 0), frame(DATA, 0, 3, b"some")].concat());
    let unsent = client.get();
    client.connection.handle_eof();
    assert!(!client.connection.wants_read());
    let mut seen = Seen::default();
    read(&mut client, complete, &mut seen);
    assert_eq!((&seen.body[..], seen.ended), (&b"all"[..], true));
    assert_eq!(client.head(cut), Ok(Some(200)));
    assert_eq!(client.body(cut), Ok(Read::Chunk("some".into())));
    assert_eq!(client.body(cut), Err(Error::Http2(Http2Error::Eof)));
    assert_eq!(client.connection.processed(cut), Processed::Yes);
    assert_eq!(client.head(unsent), Err(Error::Http2(Http2Error::Eof)));
    assert_eq!(client.connection.processed(unsent), Processed::No);
    assert_eq!(
        client.connection.reuse(),
        Reuse::Never(NeverReason::PeerClosed)
    );
}

#[test]
fn a_socket_error_is_the_cause_that_every_stream_is_told() {
    let mut client = Client::new(65_535);
    let (first, second) = (client.get(), client.get());
    client.flush();
    client
        .connection
        .handle_read_error(&std::io::ErrorKind::ConnectionReset.into());
    for id in [first, second] {
        let error = client.head(id);
        assert!(
            matches!(
                error,
                Err(Error::Io(IoError {
                    phase: Phase::Read,
                    ..
                }))
            ),
            "{error:?}"
        );
        assert_eq!(client.connection.processed(id), Processed::Maybe);
    }
}

#[test]
fn an_answer_can_be_read_after_writing_failed() {
    let mut client = Client::new(65_535);
    let id = client.get();
    client.flush();
    let late = client.open(BodySize::Known(1), limits(5, 5));
    let mut batch = Default::default();
    client.connection.take_transmit(&mut batch);
    client
        .connection
        .handle_write_error(&mut batch, &std::io::ErrorKind::BrokenPipe.into());
    assert!(!client.connection.wants_write() && client.connection.wants_read());
    client.receive(&ok(1, END_STREAM));
    assert_eq!(client.head(id), Ok(Some(200)));
    assert!(matches!(
        client.connection.reuse(),
        Reuse::Never(NeverReason::Failed(_))
    ));
    assert!(
        client
            .try_open(BodySize::Empty, Deadlines::default())
            .is_err()
    );
    // The other one waits for its answer no longer than it may.
    assert_eq!(client.head(late), Ok(None));
    client.pass(SECOND * 5);
    assert_eq!(client.head(late), Err(Error::Timeout(Phase::Read)));
    assert_eq!(client.connection.processed(late), Processed::No);
}

#[test]
fn cancelling_resets_the_stream_and_gives_its_room_and_its_window_back() {
    let mut client = Client::new(65_535);
    for _ in 0..300 {
        let id = client.get();
        let stream = client
            .frames()
            .iter()
            .map(|(_, _, stream, _)| *stream)
            .max()
            .unwrap();
        client.receive(&[ok(stream, 0), frame(DATA, 0, stream, &[0; 16_000])].concat());
        client.connection.cancel(id);
        assert!(client.frames().iter().any(|(kind, ..)| *kind == RST_STREAM));
        assert_eq!(client.head(id), Err(Error::Misuse("this exchange is over")));
    }
    assert_eq!(client.connection.reuse(), Reuse::Room(100));
    assert_eq!(client.ready(), []);
}

#[test]
fn closing_ends_every_exchange_and_says_goodbye() {
    let mut client = Client::new(65_535);
    let id = client.get();
    client.frames();
    client.connection.close();
    let kinds: Vec<u8> = client.frames().iter().map(|(kind, ..)| *kind).collect();
    assert_eq!(kinds, [RST_STREAM, GOAWAY]);
    assert_eq!(client.head(id), Err(Error::Closed));
    assert_eq!(client.connection.reuse(), Reuse::Never(NeverReason::Closed));
}

#[test]
fn a_flood_without_answers_leaves_the_rest_in_the_input() {
    let mut client = Client::new(65_535);
    let pings = frame(PING, 0, 0, b"12345678").repeat(900);
    let mut buf = client.connection.take_recv();
    buf.unfilled()[..pings.len()].copy_from_slice(&pings);
    buf.advance(pings.len());
    client.connection.handle_input(buf, client.clock.now());
    assert!(
        !client.connection.wants_read(),
        "held back until the answers leave"
    );
    let pongs = client
        .frames()
        .iter()
        .filter(|(kind, ..)| *kind == PING)
        .count();
    assert_eq!(pongs, 900);
    assert!(client.connection.wants_read());
}
