//! What a connection holds on the heap: little at rest, and bounded whatever a peer floods it with.

use allocation_counter::measure;
use bytes::Bytes;
use nuncio_http2::{Config, Http2, Write};

use crate::raw::*;

/// What is kept of the heap by what `make` returns.
fn kept<T>(make: impl FnOnce() -> T) -> (T, i64) {
    let mut made = None;
    let info = measure(|| made = Some(make()));
    (made.unwrap(), info.bytes_current)
}

/// A connection on which so many exchanges at once came to their end, with bodies both ways.
fn used(at_once: usize, rounds: usize, body: usize) -> Http2 {
    let mut raw = Raw::with(Config::new(), &[(3, 100), (4, 1 << 20)]);
    for _ in 0..rounds {
        let ids: Vec<_> = (0..at_once).map(|_| raw.post()).collect();
        for id in &ids {
            let mut up = Bytes::from(vec![1; 500]);
            while !up.is_empty() {
                assert_ne!(raw.http2.write_body(*id, &mut up).unwrap(), Write::Blocked);
            }
            raw.http2.finish_body(*id, None).unwrap();
        }
        raw.frames();
        raw.feed(&window_update(0, 500 * at_once as u32));
        let long = "v".repeat(500);
        let head = block(&[(":status", "200"), ("x-long", &long)]);
        for id in &ids {
            raw.feed(&headers(id.as_u32(), 0, &head));
            for _ in 0..body / 16_384 {
                raw.feed(&data(id.as_u32(), 0, &[7; 16_384]));
            }
            raw.feed(&data(id.as_u32(), END_STREAM, b"x"));
        }
        for id in ids {
            assert_eq!(raw.read(id).last(), Some(&Seen::End));
        }
        raw.frames();
    }
    assert!(raw.http2.is_idle());
    raw.http2
}

/// A connection on which so many GETs at once came to their end: `step` of them leave at a time, and
/// `step` answers, with ten fields and 150 bytes each, come before they are read.
fn burst(at_once: usize, step: usize) -> Http2 {
    let mut raw = Raw::with(Config::new(), &[(3, 100)]);
    let names: Vec<_> = (0..10).map(|n| format!("x-field-{n}")).collect();
    let fields: Vec<_> = std::iter::once((":status", "200"))
        .chain(names.iter().map(|name| (name.as_str(), "value")))
        .collect();
    let head = block(&fields);
    let mut ids = Vec::new();
    while ids.len() < at_once {
        let left = step.min(at_once - ids.len());
        ids.extend((0..left).map(|_| raw.http2.open(request("GET"), true).unwrap()));
        raw.frames();
    }
    for ids in ids.chunks(step) {
        let answers: Vec<_> = ids
            .iter()
            .flat_map(|id| {
                [
                    headers(id.as_u32(), 0, &head),
                    data(id.as_u32(), END_STREAM, &[7; 150]),
                ]
            })
            .collect();
        raw.feed(&answers.concat());
        for id in ids {
            assert_eq!(raw.read(*id).last(), Some(&Seen::End));
        }
        raw.frames();
    }
    assert!(raw.http2.is_idle());
    raw.http2
}

/// A connection on which one answer of 256 KiB, in frames of `frame` bytes, was read when all had come.
fn late(frame: usize) -> Http2 {
    let mut raw = Raw::new();
    let id = raw.get();
    raw.feed(&headers(id.as_u32(), 0, OK));
    for _ in 0..(256 << 10) / frame {
        raw.feed(&data(id.as_u32(), 0, &vec![7; frame]));
    }
    raw.feed(&data(id.as_u32(), END_STREAM, b""));
    assert_eq!(raw.read(id).last(), Some(&Seen::End));
    raw.frames();
    assert!(raw.http2.is_idle());
    raw.http2
}

/// A connection on which so many GETs were cancelled, and as many opened anew then and answered.
fn cancelled(at_once: usize) -> Http2 {
    let mut raw = Raw::with(Config::new(), &[(3, 100)]);
    let ids: Vec<_> = (0..at_once).map(|_| raw.get()).collect();
    for id in ids {
        raw.http2.cancel(id);
        raw.frames();
    }
    let ids: Vec<_> = (0..at_once).map(|_| raw.get()).collect();
    for id in ids {
        raw.feed(&headers(id.as_u32(), END_STREAM, OK));
        assert_eq!(raw.read(id).last(), Some(&Seen::End));
    }
    raw.frames();
    assert!(raw.http2.is_idle());
    raw.http2
}

/// SECURITY section 3 wants 64 KiB.
#[test]
fn an_idle_connection_holds_at_most_64_kib_where_few_streams_were_open_at_once() {
    for (at_once, rounds, body, most) in [
        (1, 1, 0, 40),
        (1, 100, 0, 40),
        (1, 3, 200_000, 40),
        (8, 10, 4_000, 64),
    ] {
        let (_http2, held) = kept(|| used(at_once, rounds, body));
        assert!(
            held <= most << 10,
            "{held} bytes after {at_once} x {rounds}"
        );
    }
    for (at_once, step, most) in [(1, 1, 40), (16, 16, 56), (64, 8, 64)] {
        let (_http2, held) = kept(|| burst(at_once, step));
        assert!(held <= most << 10, "{held} bytes after {at_once} by {step}");
    }
}

/// `h2` keeps what it had for the most streams that there were at once (328 bytes each), for the most
/// requests that had not left (312), and for the most heads and DATA frames that were not read (248),
/// each number rounded up to a power of two, and cannot be asked for it.
#[test]
fn an_idle_connection_keeps_what_it_held_at_its_fullest_and_nothing_of_ours() {
    for (at_once, rounds, body, most) in [(10, 3, 200_000, 128), (100, 10, 16_384, 300)] {
        let (_http2, held) = kept(|| used(at_once, rounds, body));
        assert!(
            held <= most << 10,
            "{held} bytes after {at_once} x {rounds}"
        );
    }
    for (at_once, step, most) in [(100, 8, 84), (100, 100, 180)] {
        let (_http2, held) = kept(|| burst(at_once, step));
        assert!(held <= most << 10, "{held} bytes after {at_once} by {step}");
    }
    for (frame, most) in [(256, 540), (1024, 164), (16_384, 44)] {
        let (_http2, held) = kept(|| late(frame));
        assert!(held <= most << 10, "{held} bytes after frames of {frame}");
    }
    // Streams that were reset count for a second, as many as `Config::remembered_resets` says.
    let (_http2, held) = kept(|| cancelled(100));
    assert!(held <= 124 << 10, "{held} bytes after cancels");
}

/// A thousand times so many frames of `flood` on a connection with a GET and a POST; how much the heap
/// grew at most.
fn growth(opening: &[u8], flood: &[u8], thousands: usize, reads: bool) -> u64 {
    let mut raw = Raw::new();
    raw.get();
    raw.post();
    raw.feed(opening);
    raw.frames();
    let batch = flood.repeat(1000);
    measure(|| {
        let mut out = Vec::new();
        for _ in 0..thousands {
            let mut rest = &batch[..];
            while !rest.is_empty() {
                let taken = raw.http2.handle_input(rest);
                rest = &rest[taken..];
                if reads {
                    out.clear();
                    raw.http2.take_output(&mut out);
                } else if taken == 0 {
                    return;
                }
            }
        }
    })
    .bytes_max
}

#[test]
fn h01_h02_h03_h04_h05_a_million_frames_leave_the_heap_flat() {
    let two_heads = [headers(1, 0, OK), headers(3, 0, OK)].concat();
    let cases = [
        (
            "CONTINUATION",
            frame(HEADERS, 0, 1, OK),
            frame(CONTINUATION, 0, 1, &[]),
        ),
        ("RST_STREAM", reset(1, 8), reset(1, 8)),
        ("empty DATA", two_heads.clone(), data(1, 0, b"")),
        ("DATA of one byte", two_heads.clone(), data(1, 0, b"x")),
        ("padding", two_heads.clone(), frame(DATA, 8, 1, &[0])),
        ("PING", vec![], frame(PING, 0, 0, b"12345678")),
        ("PING ACK", vec![], frame(PING, ACK, 0, b"12345678")),
        ("SETTINGS", vec![], settings(&[(4, 1000)])),
        ("empty SETTINGS", vec![], settings(&[])),
        ("WINDOW_UPDATE", vec![], window_update(0, 1)),
        ("WINDOW_UPDATE of a stream", vec![], window_update(3, 1)),
        (
            "WINDOW_UPDATE of a closed stream",
            reset(1, 8),
            window_update(1, 1),
        ),
        ("PRIORITY", vec![], frame(2, 0, 1, &[0, 0, 0, 0, 1])),
        ("unknown", vec![], frame(0xee, 0, 1, b"x")),
        (
            "103",
            vec![],
            headers(1, 0, &block(&[(":status", "103"), ("link", "</a>")])),
        ),
        ("GOAWAY", vec![], goaway(3, 0, b"")),
    ];
    for (name, opening, flood) in cases {
        // Those that are answered cost a million; what another nine hundred thousand would change, one
        // of the others shows.
        let thousands = match name {
            "CONTINUATION" | "empty DATA" | "PING" | "empty SETTINGS" | "unknown" => 1000,
            _ => 100,
        };
        for reads in [true, false] {
            let grown = growth(&opening, &flood, thousands, reads);
            // What flow control lets in is up to the window, 256 KiB, each byte with its keeping.
            let most = if name == "DATA of one byte" {
                4096
            } else {
                512
            };
            assert!(
                grown <= most << 10,
                "{name}: {grown} bytes, reading: {reads}"
            );
        }
    }
}
