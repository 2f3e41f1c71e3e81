//! Table H of SECURITY: what a peer must not get away with.

use nuncio_http2::{
    Code, Config, Error, Http2, Processed, Read, Room, StreamError, StreamErrorKind,
};

use crate::raw::*;

/// Feeds `bytes` again and again; how often until the connection failed, and why.
fn flood(raw: &mut Raw, bytes: &[u8], most: usize) -> (usize, Error) {
    for n in 0..most {
        raw.feed(bytes);
        if let Some(error) = raw.http2.failure() {
            return (n + 1, error.clone());
        }
    }
    panic!("{most} were taken");
}

fn is_protocol(error: Option<&Error>) -> bool {
    matches!(error, Some(Error::Protocol { .. }))
}

fn malformed(error: &StreamError) -> bool {
    matches!(error.kind(), StreamErrorKind::Malformed(_))
}

#[test]
fn h01_continuation_flood_ends_the_connection() {
    for length in [0, 1, 100, 16_384] {
        let mut raw = Raw::new();
        let id = raw.get();
        raw.feed(&frame(HEADERS, 0, 1, OK));
        let piece = frame(CONTINUATION, 0, 1, &block_of(length));
        let (count, error) = flood(&mut raw, &piece, 1_000_000);
        assert!(is_protocol(Some(&error)), "{error}");
        // In frames, and in bytes where they are large: five of 16 KiB.
        assert!(count <= 6, "{count} frames of {length}");
        assert!(matches!(
            raw.error(id).kind(),
            StreamErrorKind::Connection(_)
        ));
        assert!(raw.frames().iter().any(|f| f.kind == GOAWAY));
    }
}

/// A piece of a header block of that length: one field that goes on and on.
fn block_of(length: usize) -> Vec<u8> {
    let mut block = vec![0, 1, b'a', 127, 0xff, 0xff, 0xff, 0x7f];
    block.resize(length.max(block.len()), b'x');
    block.truncate(length);
    block
}

#[test]
fn h02_malformed_answers_exhaust_a_budget() {
    let mut raw = Raw::new();
    let mut failed = 0;
    let over = loop {
        if let Some(error) = raw.http2.failure() {
            break error.clone();
        }
        let id = raw.get();
        raw.feed(&headers(id.as_u32(), END_STREAM, &block(&[("a", "b")])));
        let error = raw.error(id);
        assert!(malformed(&error) || failed == 64, "{error}");
        failed += 1;
        assert!(failed < 100);
    };
    assert_eq!(over, Error::TooManyFaults);
    assert_eq!(failed, 65);
    let frames = raw.frames();
    let last = frames.last().unwrap();
    assert_eq!((last.kind, last.number(4)), (GOAWAY, 11));
}

#[test]
fn h02_answers_that_are_well_formed_give_the_budget_back() {
    let mut raw = Raw::new();
    for n in 0..1000 {
        let id = raw.get();
        let block = if n % 2 == 0 {
            block(&[("a", "b")])
        } else {
            OK.to_vec()
        };
        raw.feed(&headers(id.as_u32(), END_STREAM, &block));
        raw.read(id);
        raw.frames();
    }
    assert_eq!(raw.http2.failure(), None);
}

#[test]
fn h02_a_hundred_thousand_resets_leave_nothing_behind() {
    let mut raw = Raw::new();
    for _ in 0..100_000 {
        let id = raw.get();
        raw.feed(&reset(id.as_u32(), 2));
        assert_eq!(raw.error(id).processed(), Processed::Maybe);
    }
    assert_eq!(raw.http2.room(), Room::Streams(100));
    assert!(raw.http2.is_idle());
}

#[test]
fn h02_frames_for_forgotten_streams_do_not_pile_up_answers() {
    let mut raw = Raw::new();
    for _ in 0..5_000 {
        let id = raw.get();
        raw.feed(&headers(id.as_u32(), END_STREAM, OK));
        raw.read(id);
    }
    raw.frames();
    // The peer does not read: nothing is taken.
    let mut taken = 0;
    for stream in 0..5_000 {
        let frame = data(stream * 2 + 1, 0, b"");
        if raw.http2.handle_input(&frame) < frame.len() {
            break;
        }
        taken += 1;
    }
    assert!(taken <= 1024, "{taken}");
    assert!(!raw.http2.wants_input());
    // It reads again, and so do we.
    raw.frames();
    assert!(raw.http2.wants_input());
}

#[test]
fn h03_empty_data_flood_ends_the_connection() {
    let mut raw = Raw::new();
    let id = raw.get();
    raw.feed(&headers(1, 0, OK));
    let (count, error) = flood(&mut raw, &data(1, 0, b""), 1_000_000);
    assert!(count <= 1000, "{count}");
    assert!(
        matches!(
            &error,
            Error::Protocol {
                code: Code::ENHANCE_YOUR_CALM,
                ..
            }
        ),
        "{error}"
    );
    raw.http2.read_head(id).unwrap();
    assert!(raw.http2.read_body(id).is_err());
}

#[test]
fn h03_tiny_data_flood_is_bounded_by_count_and_window() {
    let mut raw = Raw::new();
    raw.get();
    raw.feed(&headers(1, 0, OK));
    let (count, error) = flood(&mut raw, &data(1, 0, b"x"), 1_000_000);
    assert!(count <= 10_000, "{count}");
    assert!(is_protocol(Some(&error)), "{error}");
}

#[test]
fn h03_tiny_data_that_is_read_is_fine() {
    let mut raw = Raw::new();
    let id = raw.get();
    raw.feed(&headers(1, 0, OK));
    let mut seen = Vec::new();
    for _ in 0..100_000 {
        raw.feed(&data(1, 0, b"x"));
        read_on(&mut raw.http2, id, &mut seen);
        raw.frames();
    }
    assert_eq!(raw.http2.failure(), None);
}

#[test]
fn h04_ping_and_settings_floods_queue_at_most_64_answers() {
    for (flood, kind) in [
        (frame(PING, 0, 0, b"12345678"), PING),
        (settings(&[]), SETTINGS),
        (settings(&[(4, 1000)]), SETTINGS),
    ] {
        let mut raw = Raw::new();
        let mut bytes = Vec::new();
        (0..1_000).for_each(|_| bytes.extend(&flood));
        let mut offered = 0;
        let mut taken = 0;
        // A million, of which none is answered to a peer that reads nothing.
        while offered < 1_000_000 {
            taken += raw.http2.handle_input(&bytes[taken % flood.len()..]);
            offered += 1_000;
        }
        assert!(!raw.http2.wants_input());
        let mut out = Vec::new();
        raw.http2.take_output(&mut out);
        assert!(taken <= flood.len() * 65);
        assert!(out.len() <= 64 * 17, "{}", out.len());
        assert!(
            out.iter()
                .skip(3)
                .step_by(out.len() / 64)
                .all(|k| *k == kind)
        );
        // Once it reads, it is answered.
        assert!(raw.http2.wants_input());
    }
}

#[test]
fn h04_a_flood_of_interim_heads_fails_its_stream() {
    let mut raw = Raw::new();
    let id = raw.get();
    let other = raw.get();
    let interim = headers(1, 0, &block(&[(":status", "102")]));
    for _ in 0..100_000 {
        raw.feed(&interim);
    }
    let error = raw.error(id);
    assert_eq!(error.kind(), &StreamErrorKind::HeadTooLarge);
    raw.feed(&headers(3, END_STREAM, OK));
    assert_eq!(raw.read(other), [Seen::Head(200), Seen::End]);
}

#[test]
fn h04_large_interim_heads_fail_their_stream() {
    let mut raw = Raw::new();
    let id = raw.get();
    let long = "x".repeat(15_000);
    let interim = headers(1, 0, &block(&[(":status", "103"), ("link", &long)]));
    for _ in 0..5 {
        raw.feed(&interim);
    }
    let seen = raw.read(id);
    assert_eq!(seen.len(), 5);
    assert!(
        matches!(seen[..], [Seen::Head(103), .., Seen::Failed(_)]),
        "{seen:?}"
    );
}

#[test]
fn h05_window_updates_of_one_byte_make_progress() {
    let mut raw = Raw::with(Config::new(), &[(4, 0)]);
    let id = raw.post();
    raw.frames();
    let mut body = bytes::Bytes::from(vec![9; 1000]);
    let mut rounds = 0;
    while !body.is_empty() {
        let _ = raw.http2.write_body(id, &mut body).unwrap();
        raw.feed(&window_update(1, 1));
        rounds += 1;
        assert!(rounds <= 1001);
    }
    let sent: usize = raw.frames().iter().map(|f| f.payload.len()).sum();
    assert_eq!(sent, 1000);
}

#[test]
fn h05_updates_of_zero_or_beyond_the_limit_are_errors() {
    for update in [window_update(0, 0), window_update(0, (1 << 31) - 1)] {
        let mut raw = Raw::new();
        raw.post();
        raw.feed(&update);
        assert!(is_protocol(raw.http2.failure()));
    }
    let mut raw = Raw::new();
    let id = raw.post();
    raw.feed(&window_update(1, (1 << 31) - 1));
    let error = raw.error(id);
    assert_eq!(
        error.kind(),
        &StreamErrorKind::Malformed(Code::FLOW_CONTROL_ERROR)
    );
    assert_eq!(raw.http2.failure(), None);
    // Overflow by way of the initial window, RFC 9113 section 6.9.2.
    let mut raw = Raw::new();
    raw.post();
    raw.feed(&window_update(1, 1 << 30));
    raw.feed(&settings(&[(4, (1 << 31) - 1)]));
    assert!(is_protocol(raw.http2.failure()));
}

#[test]
fn h06_settings_out_of_range_end_the_connection() {
    for (id, value) in [(5, 0), (5, 16_383), (5, 1 << 24), (4, 1 << 31), (2, 2)] {
        let mut raw = Raw::new();
        raw.feed(&settings(&[(id, value)]));
        assert!(is_protocol(raw.http2.failure()), "{id} = {value}");
    }
}

#[test]
fn h07_a_head_that_expands_is_refused() {
    // 1,000 references of one byte to a field of 4,000 bytes in the dynamic table.
    let mut raw = Raw::new();
    let id = raw.get();
    let mut bomb = vec![0x88, 0x40];
    bomb.extend(&block(&[("x", &"y".repeat(4_000))])[1..]);
    bomb.extend([0xbe; 1_000]);
    raw.feed(&headers(1, END_STREAM, &bomb));
    let seen = raw.read(id);
    assert!(matches!(seen[..], [Seen::Failed(_)]), "{seen:?}");
}

#[test]
fn h07_a_table_larger_than_announced_is_refused() {
    let mut raw = Raw::new();
    raw.get();
    // Dynamic table size update to 65,536 (RFC 7541 section 6.3).
    raw.feed(&headers(1, END_STREAM, &[0x3f, 0xe1, 0xff, 0x03, 0x88]));
    assert!(is_protocol(raw.http2.failure()));
}

#[test]
fn h07_too_many_fields_fail_the_stream() {
    let mut raw = Raw::new();
    let id = raw.get();
    let names: Vec<_> = (0..257).map(|n| format!("x{n}")).collect();
    let mut fields = vec![(":status", "200")];
    fields.extend(names.iter().map(|name| (name.as_str(), "")));
    raw.feed(&headers(1, END_STREAM, &block(&fields)));
    assert_eq!(raw.error(id).kind(), &StreamErrorKind::HeadTooLarge);
    assert!(raw.http2.is_idle());
}

#[test]
fn h08_push_promise_ends_the_connection() {
    let mut raw = Raw::new();
    let id = raw.get();
    let promise = [&2u32.to_be_bytes()[..], &[0x82, 0x87, 0x84]].concat();
    raw.feed(&frame(PUSH_PROMISE, END_HEADERS, 1, &promise));
    assert!(is_protocol(raw.http2.failure()));
    assert!(matches!(
        raw.error(id).kind(),
        StreamErrorKind::Connection(_)
    ));
    assert!(
        raw.frames()
            .iter()
            .any(|f| f.kind == GOAWAY && f.number(4) == 1)
    );
}

#[test]
fn h10_heads_without_status_or_with_conflicting_lengths_fail_their_stream() {
    let cases: [&[(&str, &str)]; 6] = [
        &[("server", "x")],
        &[
            (":status", "200"),
            ("content-length", "1"),
            ("content-length", "2"),
        ],
        &[(":status", "200"), ("content-length", "-1")],
        &[(":status", "200"), ("content-length", "1x")],
        &[
            (":status", "200"),
            ("content-length", "99999999999999999999"),
        ],
        &[(":status", "101")],
    ];
    for fields in cases {
        let mut raw = Raw::new();
        let id = raw.get();
        let other = raw.get();
        raw.feed(&headers(1, 0, &block(fields)));
        let error = raw.error(id);
        assert!(malformed(&error), "{fields:?}: {error}");
        assert!(
            raw.frames()
                .iter()
                .any(|f| f.kind == RST_STREAM && f.stream == 1)
        );
        raw.feed(&headers(3, END_STREAM, OK));
        assert_eq!(raw.read(other), [Seen::Head(200), Seen::End]);
    }
}

#[test]
fn h10_an_interim_head_is_no_answer() {
    let mut raw = Raw::new();
    let id = raw.get();
    raw.feed(&headers(1, END_STREAM, &block(&[(":status", "103")])));
    let seen = raw.read(id);
    assert!(matches!(&seen[..], [Seen::Head(103), Seen::Failed(error)] if malformed(error)));
    assert_eq!(raw.http2.failure(), None);
}

#[test]
fn h10_a_body_that_is_not_as_long_as_announced_fails() {
    let five = block(&[(":status", "200"), ("content-length", "5")]);
    let bodies: [&[Vec<u8>]; 5] = [
        &[data(1, END_STREAM, b"abcd")],
        &[data(1, 0, b"abcd"), data(1, END_STREAM, b"")],
        &[data(1, 0, b"abcdef")],
        &[
            data(1, 0, b"abc"),
            data(1, 0, b"def"),
            data(1, END_STREAM, b""),
        ],
        &[
            data(1, 0, b"abcd"),
            headers(1, END_STREAM, &block(&[("a", "b")])),
        ],
    ];
    for body in bodies {
        let mut raw = Raw::new();
        let id = raw.get();
        raw.feed(&headers(1, 0, &five));
        raw.feed(&body.concat());
        let error = raw.error(id);
        assert!(malformed(&error), "{error}");
        assert_eq!(error.processed(), Processed::Yes);
    }
    let mut raw = Raw::new();
    let id = raw.get();
    raw.feed(&headers(1, END_STREAM, &five));
    assert!(malformed(&raw.error(id)));
    let id = raw.get();
    raw.feed(&[headers(3, 0, &five), data(3, END_STREAM, b"abcde")].concat());
    assert_eq!(
        raw.read(id),
        [Seen::Head(200), Seen::Body(b"abcde".to_vec()), Seen::End]
    );
}

#[test]
fn h10_heads_that_have_no_body_may_announce_one() {
    let mut raw = Raw::new();
    let id = raw.http2.open(request("HEAD"), true).unwrap();
    raw.frames();
    let block_200 = block(&[(":status", "200"), ("content-length", "5")]);
    raw.feed(&headers(1, END_STREAM, &block_200));
    assert_eq!(raw.read(id), [Seen::Head(200), Seen::End]);
    let id = raw.get();
    let block_304 = block(&[(":status", "304"), ("content-length", "5")]);
    raw.feed(&headers(3, END_STREAM, &block_304));
    assert_eq!(raw.read(id), [Seen::Head(304), Seen::End]);
}

#[test]
fn h11_invalid_fields_do_not_reach_the_caller() {
    let cases: [&[(&str, &str)]; 17] = [
        &[(":status", "200"), ("X-Upper", "1")],
        &[(":status", "200"), ("a", "b\r\nc: d")],
        &[(":status", "200"), ("a", "b\nc")],
        &[(":status", "200"), ("a", "b\0c")],
        &[(":status", "200"), ("a b", "c")],
        &[(":status", "200"), ("a:", "c")],
        &[(":status", "200"), ("", "c")],
        &[(":status", "200"), ("connection", "close")],
        &[(":status", "200"), ("keep-alive", "1")],
        &[(":status", "200"), ("proxy-connection", "close")],
        &[(":status", "200"), ("transfer-encoding", "chunked")],
        &[(":status", "200"), ("upgrade", "h2c")],
        &[("a", "b"), (":status", "200")],
        &[(":status", "200"), (":status", "200")],
        &[(":status", "200"), (":unknown", "1")],
        &[(":status", "20")],
        &[(":status", "2\n0")],
    ];
    for fields in cases {
        let mut raw = Raw::new();
        let id = raw.get();
        raw.feed(&headers(1, END_STREAM, &block(fields)));
        let seen = raw.read(id);
        assert!(
            matches!(seen[..], [Seen::Failed(_)]),
            "{fields:?}: {seen:?}"
        );
    }
}

#[test]
fn h11_trailers_follow_the_same_rules() {
    for fields in [
        ("X", "1"),
        ("a", "b\nc"),
        ("connection", "x"),
        ("transfer-encoding", "x"),
    ] {
        let mut raw = Raw::new();
        let id = raw.get();
        raw.feed(&[headers(1, 0, OK), headers(1, END_STREAM, &block(&[fields]))].concat());
        let seen = raw.read(id);
        assert!(
            matches!(seen[..], [.., Seen::Failed(_)]),
            "{fields:?}: {seen:?}"
        );
    }
    // Trailers that do not end the stream.
    let mut raw = Raw::new();
    let id = raw.get();
    raw.feed(&[headers(1, 0, OK), headers(1, 0, &block(&[("a", "b")]))].concat());
    let seen = raw.read(id);
    assert!(matches!(seen[..], [.., Seen::Failed(_)]), "{seen:?}");
}

/// RFC 9113 section 8.3 calls these malformed; `h2` 0.4.20 drops them unseen. What counts for us
/// holds: they are no status, no field and no trailer.
#[test]
fn h11_pseudo_fields_out_of_place_reach_nobody() {
    let mut raw = Raw::new();
    let id = raw.get();
    raw.feed(&headers(
        1,
        0,
        &block(&[(":status", "200"), (":path", "/"), ("a", "b")]),
    ));
    raw.feed(&headers(
        1,
        END_STREAM,
        &block(&[(":status", "500"), ("c", "d")]),
    ));
    let head = raw.http2.read_head(id).unwrap().unwrap();
    assert_eq!((head.status().as_u16(), head.headers().len()), (200, 1));
    let Read::Trailers(trailers) = raw.http2.read_body(id).unwrap() else {
        panic!()
    };
    assert_eq!(trailers.len(), 1);
}

#[test]
fn frames_out_of_place_end_the_connection() {
    let cases = [
        data(0, 0, b"x"),
        headers(0, 0, OK),
        data(9, 0, b"x"),
        headers(9, 0, OK),
        headers(2, 0, OK),
        reset(0, 1),
        reset(9, 1),
        frame(SETTINGS, 0, 1, &[]),
        frame(SETTINGS, 0, 0, &[0]),
        frame(SETTINGS, ACK, 0, &[0; 6]),
        frame(PING, 0, 1, b"12345678"),
        frame(PING, 0, 0, b"1234567"),
        frame(GOAWAY, 0, 0, &[0; 7]),
        frame(WINDOW_UPDATE, 0, 0, &[0; 3]),
        frame(CONTINUATION, END_HEADERS, 1, OK),
        data(1, 0, b"before the head"),
        frame(DATA, 8, 1, &[9, 0]),
        frame(9 + 200, 0, 0, &[0; 16_385]),
    ];
    for bytes in cases {
        let mut raw = Raw::new();
        raw.get();
        raw.feed(&bytes);
        let failed = raw.http2.failure().cloned();
        assert!(is_protocol(failed.as_ref()), "{bytes:02x?}: {failed:?}");
    }
}

#[test]
fn unknown_frames_are_ignored() {
    let mut raw = Raw::new();
    let id = raw.get();
    raw.feed(&frame(0xfe, 0xff, 1, b"whatever"));
    raw.feed(&headers(1, END_STREAM, OK));
    assert_eq!(raw.read(id), [Seen::Head(200), Seen::End]);
}

#[test]
fn a_connection_without_settings_allows_one_stream() {
    let mut http2 = Http2::new(Config::new()).unwrap();
    http2.open(request("GET"), true).unwrap();
    assert!(http2.open(request("GET"), true).is_err());
}

#[test]
fn h11_what_follows_a_bad_head_breaks_no_other_stream() {
    let cases: [&[(&str, &str)]; 5] = [
        &[(":status", "200"), ("connection", "close")],
        &[(":status", "200"), (":status", "200")],
        &[(":status", "101")],
        &[("server", "x")],
        &[(":status", "200"), ("content-length", "x")],
    ];
    for fields in cases {
        for body in [&b""[..], b"x"] {
            for late in [false, true] {
                let mut raw = Raw::new();
                let id = raw.get();
                raw.feed(&headers(1, 0, &block(fields)));
                let early = if late { None } else { Some(raw.error(id)) };
                let other = raw.get();
                raw.feed(&data(1, END_STREAM, body));
                let error = early.unwrap_or_else(|| raw.error(id));
                assert!(malformed(&error), "{fields:?}: {error}");
                raw.feed(&headers(3, 0, OK));
                raw.feed(&data(3, END_STREAM, b"x"));
                let seen = raw.read(other);
                let whole = [Seen::Head(200), Seen::Body(b"x".to_vec()), Seen::End];
                assert_eq!(seen, whole, "{fields:?}");
            }
        }
    }
}
