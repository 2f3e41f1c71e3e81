//! However the bytes come, the events are the same; wherever they stop, nothing short passes.

use nuncio_http2::{Config, Error, Processed, Room, StreamErrorKind, StreamId};

use crate::raw::*;

/// Three exchanges, interleaved, and a GOAWAY that spares the first two.
fn script() -> Vec<u8> {
    let long = "v".repeat(300);
    [
        settings(&[(3, 50), (4, 100_000)]),
        frame(SETTINGS, ACK, 0, &[]),
        headers(
            1,
            0,
            &block(&[(":status", "103"), ("link", "</style.css>")]),
        ),
        frame(
            HEADERS,
            0,
            1,
            &block(&[(":status", "200"), ("x-long", &long)]),
        ),
        frame(CONTINUATION, 0, 1, &block(&[("content-length", "9")])),
        frame(CONTINUATION, END_HEADERS, 1, &block(&[("x-last", "1")])),
        frame(PING, 0, 0, b"12345678"),
        data(1, 0, b"abc"),
        headers(3, 0, OK),
        frame(DATA, 8, 1, &[2, b'd', b'e', b'f', 0, 0]),
        data(3, 0, &[3; 500]),
        frame(0x77, 0, 0, b"unknown"),
        window_update(0, 1000),
        data(1, END_STREAM, b"ghi"),
        goaway(3, 0, b"going"),
        headers(3, END_STREAM, &block(&[("x-trailer", "t")])),
    ]
    .concat()
}

/// What the readers of all three streams see, and how the connection stands at the end.
type Story = (Vec<Vec<Seen>>, Option<Error>);

fn play(script: &[u8], mut size: impl FnMut() -> usize, eof: bool) -> Story {
    let mut raw = Raw::unanswered(Config::new());
    // One stream may be opened before the peer's SETTINGS; the others wait for room.
    let mut ids: Vec<StreamId> = vec![raw.get()];
    let mut seen: Vec<Vec<Seen>> = vec![Vec::new(); 3];
    let mut over = [false; 3];
    let mut rest = script;
    loop {
        while ids.len() < 3 && has_room(&raw) {
            ids.push(raw.get());
        }
        for (n, id) in ids.iter().enumerate() {
            if !over[n] {
                over[n] = read_on(&mut raw.http2, *id, &mut seen[n]);
            }
        }
        if rest.is_empty() {
            break;
        }
        let (piece, later) = rest.split_at(size().clamp(1, rest.len()));
        raw.feed(piece);
        raw.frames();
        rest = later;
    }
    if eof {
        raw.http2.handle_eof();
        for (n, id) in ids.iter().enumerate() {
            if !over[n] {
                read_on(&mut raw.http2, *id, &mut seen[n]);
            }
        }
    }
    (seen, raw.http2.failure().cloned())
}

fn has_room(raw: &Raw) -> bool {
    matches!(raw.http2.room(), Room::Streams(1..))
}

/// The preface must come first in a piece of its own: a whole script in one piece would answer
/// streams that were not opened yet.
fn cut_after_preface(mut size: impl FnMut() -> usize) -> impl FnMut() -> usize {
    let mut at = 0;
    let preface = settings(&[(3, 50), (4, 100_000)]).len();
    move || {
        let size = if at < preface {
            size().min(preface - at)
        } else {
            size()
        };
        at = size.saturating_add(at);
        size
    }
}

#[test]
fn events_do_not_depend_on_how_the_bytes_are_split() {
    let script = script();
    let whole = play(&script, cut_after_preface(|| usize::MAX), false);
    let (seen, failure) = &whole;
    assert_eq!(
        seen[0],
        [
            Seen::Head(103),
            Seen::Head(200),
            Seen::Body(b"abcdefghi".to_vec()),
            Seen::End
        ]
    );
    assert_eq!(
        seen[1],
        [
            Seen::Head(200),
            Seen::Body(vec![3; 500]),
            Seen::Trailers(1),
            Seen::End
        ]
    );
    assert!(matches!(&seen[2][..], [Seen::Failed(error)] if error.processed() == Processed::No));
    assert!(matches!(failure, Some(Error::GoAway { .. })));
    assert_eq!(play(&script, cut_after_preface(|| 1), false), whole);
    for seed in 1..300 {
        let mut dice = Dice(seed);
        let most = 1 + dice.roll(60);
        let sizes = cut_after_preface(move || 1 + dice.roll(most));
        assert_eq!(play(&script, sizes, false), whole, "seed {seed}");
    }
    // Every two-way split.
    for at in 1..script.len() {
        let mut sizes = [at, usize::MAX].into_iter().cycle();
        let sizes = cut_after_preface(move || sizes.next().unwrap());
        assert_eq!(play(&script, sizes, false), whole, "split at {at}");
    }
}

#[test]
fn end_of_file_at_any_byte_never_passes_for_an_end() {
    let script = script();
    let (complete, _) = play(&script, cut_after_preface(|| usize::MAX), false);
    for at in 0..script.len() {
        let (seen, failure) = play(&script[..at], cut_after_preface(|| usize::MAX), true);
        assert!(failure.is_some(), "at {at}");
        for (stream, complete) in seen.iter().zip(&complete) {
            match stream.last() {
                // Not opened before the peer's SETTINGS came.
                None => {}
                Some(Seen::End) => assert_eq!(stream, complete, "at {at}"),
                Some(Seen::Failed(error)) => assert!(
                    matches!(error.kind(), StreamErrorKind::Connection(_)),
                    "at {at}: {error}"
                ),
                Some(other) => panic!("at {at}: {other:?}"),
            }
        }
    }
}

#[test]
fn errors_do_not_depend_on_how_the_bytes_are_split() {
    let endings: [Vec<u8>; 6] = [
        headers(1, END_STREAM, &block(&[("server", "x")])),
        [
            headers(1, 0, &block(&[(":status", "200"), ("content-length", "2")])),
            data(1, 1, b"x"),
        ]
        .concat(),
        frame(
            PUSH_PROMISE,
            END_HEADERS,
            1,
            &[0, 0, 0, 2, 0x82, 0x87, 0x84],
        ),
        window_update(0, 0),
        settings(&[(5, 1)]),
        b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
    ];
    for ending in endings {
        let mut whole = None;
        for size in [usize::MAX, 1, 2, 3, 5, 8] {
            let mut raw = if ending.starts_with(b"HTTP") {
                Raw::unanswered(Config::new())
            } else {
                Raw::new()
            };
            let id = raw.get();
            ending
                .chunks(size.min(ending.len()))
                .for_each(|piece| raw.feed(piece));
            let story = (raw.read(id), raw.http2.failure().cloned());
            assert!(matches!(story.0.last(), Some(Seen::Failed(_))), "{story:?}");
            assert_eq!(*whole.get_or_insert_with(|| story.clone()), story);
        }
    }
}
