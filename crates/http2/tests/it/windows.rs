//! Flow control (RFC 9113 section 5.2): windows follow the reader, and nothing leaks.

use bytes::Bytes;
use nuncio_http2::{Config, Http2, Room, Write};

use crate::raw::*;

const STREAM: usize = 256 << 10;
const CONNECTION: usize = 2 << 20;

/// The server's view of our connection window.
struct Window(usize);

impl Window {
    /// What a client announces at first.
    fn of(raw: &Raw) -> Self {
        let mut window = Self(65_535);
        window.credit(&raw.opening);
        assert_eq!(window.0, CONNECTION);
        window
    }

    fn credit(&mut self, frames: &[Frame]) {
        for frame in frames {
            if frame.kind == WINDOW_UPDATE && frame.stream == 0 {
                self.0 += frame.number(0) as usize;
            }
        }
    }
}

#[test]
fn the_announced_windows_are_those_of_the_configuration() {
    let raw = Raw::new();
    let settings = &raw.opening[0];
    assert_eq!(settings.kind, SETTINGS);
    let values: Vec<_> = settings
        .payload
        .chunks(6)
        .map(|s| (s[1], u32::from_be_bytes(s[2..].try_into().unwrap())))
        .collect();
    // Push off (2), initial window (4), header list (6).
    assert!(values.contains(&(2, 0)), "{values:?}");
    assert!(values.contains(&(4, STREAM as u32)), "{values:?}");
    assert!(values.contains(&(6, 64 << 10)), "{values:?}");
}

#[test]
fn a_reader_that_stops_stops_the_sender() {
    let mut raw = Raw::new();
    let id = raw.get();
    raw.frames();
    raw.feed(&headers(1, 0, OK));
    for _ in 0..STREAM / 16384 {
        raw.feed(&data(1, 0, &[7; 16384]));
    }
    assert!(raw.frames().iter().all(|f| f.kind != WINDOW_UPDATE));
    assert_eq!(raw.read(id), [Seen::Head(200), Seen::Body(vec![7; STREAM])]);
    let frames = raw.frames();
    let credit: u32 = frames
        .iter()
        .filter(|f| f.kind == WINDOW_UPDATE && f.stream == 1)
        .map(|f| f.number(0))
        .sum();
    assert_eq!(credit as usize, STREAM);
}

#[test]
fn a_sender_that_ignores_the_window_loses_its_stream() {
    let mut raw = Raw::new();
    let id = raw.get();
    raw.feed(&headers(1, 0, OK));
    for _ in 0..STREAM / 16384 {
        raw.feed(&data(1, 0, &[7; 16384]));
    }
    raw.feed(&data(1, 0, b"x"));
    let frames = raw.frames();
    assert!(
        frames
            .iter()
            .any(|f| f.kind == RST_STREAM && f.number(0) == 3),
        "{frames:?}"
    );
    let seen = raw.read(id);
    assert!(matches!(seen.last(), Some(Seen::Failed(_))));
    assert!(matches!(raw.http2.room(), Room::Streams(100)));
}

#[test]
fn one_reader_that_stops_does_not_stop_the_others() {
    let mut raw = Raw::new();
    let slow = raw.get();
    let quick = raw.get();
    raw.feed(&headers(1, 0, OK));
    raw.feed(&headers(3, 0, OK));
    for _ in 0..STREAM / 16384 {
        raw.feed(&data(1, 0, &[1; 16384]));
    }
    let mut got = 0;
    let mut seen = Vec::new();
    for _ in 0..(4 << 20) / 16384 {
        raw.feed(&data(3, 0, &[3; 16384]));
        read_on(&mut raw.http2, quick, &mut seen);
        raw.frames();
        let Some(Seen::Body(body)) = seen.last_mut() else {
            panic!("{seen:?}")
        };
        got += std::mem::take(body).len();
    }
    assert_eq!(got, 4 << 20);
    assert_eq!(
        raw.read(slow),
        [Seen::Head(200), Seen::Body(vec![1; STREAM])]
    );
}

#[test]
fn a_writer_takes_what_the_peer_grants_and_no_more() {
    let mut raw = Raw::with(Config::new(), &[(4, 10)]);
    let id = raw.post();
    raw.frames();
    let mut body = Bytes::from_static(b"0123456789abcdefghij");
    assert_eq!(
        raw.http2.write_body(id, &mut body).unwrap(),
        Write::Taken(10)
    );
    assert_eq!(raw.http2.write_body(id, &mut body).unwrap(), Write::Blocked);
    assert_eq!(raw.frames()[0].payload, b"0123456789");
    assert!(raw.ready().is_empty());
    raw.feed(&window_update(1, 3));
    let ready = raw.ready();
    assert!(ready.len() == 1 && ready[0].1.is_write());
    assert_eq!(
        raw.http2.write_body(id, &mut body).unwrap(),
        Write::Taken(3)
    );
    assert_eq!(raw.http2.write_body(id, &mut body).unwrap(), Write::Blocked);
    raw.feed(&window_update(1, 100));
    assert_eq!(
        raw.http2.write_last(id, &mut body).unwrap(),
        Write::Taken(7)
    );
    let last = raw.frames().pop().unwrap();
    assert_eq!(
        (last.flags, &last.payload[..]),
        (END_STREAM, &b"defghij"[..])
    );
}

#[test]
fn a_window_that_shrinks_below_zero_is_waited_out() {
    let mut raw = Raw::with(Config::new(), &[(4, 100)]);
    let id = raw.post();
    let mut body = Bytes::from(vec![5; 200]);
    assert_eq!(
        raw.http2.write_body(id, &mut body).unwrap(),
        Write::Taken(100)
    );
    raw.frames();
    raw.feed(&settings(&[(4, 20)]));
    assert_eq!(raw.http2.write_body(id, &mut body).unwrap(), Write::Blocked);
    raw.feed(&window_update(1, 80));
    assert_eq!(raw.http2.write_body(id, &mut body).unwrap(), Write::Blocked);
    raw.feed(&window_update(1, 5));
    assert_eq!(
        raw.http2.write_body(id, &mut body).unwrap(),
        Write::Taken(5)
    );
}

#[test]
fn a_cancel_lets_go_of_a_body_that_a_shrunken_window_holds_back() {
    let mut raw = Raw::with(Config::new(), &[(3, 1), (4, 100)]);
    let id = raw.post();
    raw.http2
        .write_last(id, &mut Bytes::from(vec![5; 100]))
        .unwrap();
    // Before it has left, the window shrinks below zero, and the answer is complete.
    raw.feed(&settings(&[(4, 20)]));
    raw.feed(&headers(1, END_STREAM, OK));
    raw.frames();
    assert_eq!(raw.http2.room(), Room::Streams(0));
    raw.http2.cancel(id);
    let frames = raw.frames();
    assert!(frames.iter().any(|f| f.kind == RST_STREAM), "{frames:?}");
    assert_eq!(raw.http2.room(), Room::Streams(1));
    raw.http2.open(request("GET"), true).unwrap();
    assert_eq!(raw.frames()[0].kind, HEADERS);
}

#[test]
fn a_large_chunk_does_not_hoard_the_connections_window() {
    let config = Config::new().send_buffer(10_000);
    let mut raw = Raw::with(config, &[(4, 1 << 20)]);
    let greedy = raw.post();
    let modest = raw.post();
    let mut large = Bytes::from(vec![1; 1 << 20]);
    assert_eq!(
        raw.http2.write_body(greedy, &mut large).unwrap(),
        Write::Taken(10_000)
    );
    assert_eq!(
        raw.http2.write_body(greedy, &mut large).unwrap(),
        Write::Blocked
    );
    let mut small = Bytes::from(vec![2; 10_000]);
    assert_eq!(
        raw.http2.write_body(modest, &mut small).unwrap(),
        Write::Taken(10_000)
    );
}

#[test]
fn what_a_stream_queues_is_bounded() {
    let config = Config::new().send_buffer(4096).output_capacity(4096);
    let mut raw = Raw::with(config, &[(4, 1 << 30)]);
    raw.feed(&window_update(0, 1 << 30));
    let id = raw.post();
    raw.frames();
    let mut body = Bytes::from(vec![5; 1 << 20]);
    let mut taken = 0;
    while let Write::Taken(length) = raw.http2.write_body(id, &mut body).unwrap() {
        taken += length;
    }
    assert!(taken <= 4096, "{taken} queued");
    // Each batch is bounded as well, and room comes with it.
    let mut out = Vec::new();
    let mut sent = 0;
    while sent < 1 << 20 {
        out.clear();
        raw.http2.take_output(&mut out);
        assert!(!out.is_empty() && out.len() <= 4096);
        sent += out.len();
        while let Write::Taken(length) = raw.http2.write_body(id, &mut body).unwrap() {
            if length == 0 {
                break;
            }
        }
    }
}

#[test]
fn h12_ten_thousand_cancels_return_the_window_exactly() {
    let mut raw = Raw::new();
    let mut window = Window::of(&raw);
    let mut dice = Dice(42);
    for _ in 0..10_000 {
        let id = raw.get();
        let stream = id.as_u32();
        // Where in the exchange the cancel falls.
        let before = dice.roll(8);
        let after = dice.roll(4);
        let read = dice.roll(2) == 0;
        let mut frames = vec![headers(stream, 0, OK)];
        for n in 0..6 {
            let length = 1 + dice.roll(9000);
            let padding = if n % 3 == 0 { dice.roll(200) } else { 0 };
            frames.push(padded(stream, length, padding));
        }
        if dice.roll(3) == 0 {
            frames.push(data(stream, END_STREAM, b""));
        }
        let mut bytes = Vec::new();
        for frame in frames.iter().take(before) {
            spend(&mut window, frame);
            bytes.extend(frame);
        }
        raw.feed(&bytes);
        if read && before > 0 {
            let _ = raw.http2.read_head(id).unwrap();
            let _ = raw.http2.read_body(id).unwrap();
        }
        raw.http2.cancel(id);
        if dice.roll(2) == 0 {
            // What was under way when the peer learns of the cancel.
            let reset = raw.frames();
            window.credit(&reset);
        }
        for frame in frames.iter().skip(before).take(after) {
            spend(&mut window, frame);
            raw.feed(frame);
        }
        let frames = raw.frames();
        window.credit(&frames);
        assert!(raw.http2.failure().is_none(), "{:?}", raw.http2.failure());
        assert_eq!(raw.http2.room(), Room::Streams(100));
    }
    assert!(window.0 <= CONNECTION);
    // The next WINDOW_UPDATE restores the window to the last byte.
    let id = raw.get();
    raw.feed(&headers(id.as_u32(), 0, OK));
    let mut seen = Vec::new();
    loop {
        raw.feed(&data(id.as_u32(), 0, &[0; 1000]));
        window.0 -= 1000;
        read_on(&mut raw.http2, id, &mut seen);
        let frames = raw.frames();
        window.credit(&frames);
        if frames
            .iter()
            .any(|f| f.kind == WINDOW_UPDATE && f.stream == 0)
        {
            break;
        }
    }
    assert_eq!(window.0, CONNECTION);
}

fn padded(stream: u32, length: usize, padding: usize) -> Vec<u8> {
    if padding == 0 {
        return data(stream, 0, &vec![1; length]);
    }
    let mut payload = vec![padding as u8];
    payload.resize(1 + length + padding, 1);
    frame(DATA, 8, stream, &payload)
}

fn spend(window: &mut Window, frame: &[u8]) {
    if frame[3] == DATA {
        window.0 -= frame.len() - 9;
    }
}

#[test]
fn h12_a_cancel_in_mid_upload_gives_the_send_window_back() {
    let mut raw = Raw::with(Config::new(), &[]);
    let first = raw.post();
    let second = raw.post();
    let mut one = Bytes::from(vec![1; 60_000]);
    let mut two = Bytes::from(vec![2; 60_000]);
    assert_eq!(
        raw.http2.write_body(first, &mut one).unwrap(),
        Write::Taken(60_000)
    );
    // The connection's 65,535 bytes are shared; the second gets the rest.
    assert_eq!(
        raw.http2.write_body(second, &mut two).unwrap(),
        Write::Taken(5_535)
    );
    assert_eq!(
        raw.http2.write_body(second, &mut two).unwrap(),
        Write::Blocked
    );
    raw.http2.cancel(first);
    raw.frames();
    let ready = raw.ready();
    assert!(
        ready
            .iter()
            .any(|(id, r)| *id == second.as_u32() && r.is_write()),
        "{ready:?}"
    );
    assert_eq!(
        raw.http2.write_body(second, &mut two).unwrap(),
        Write::Taken(54_465)
    );
}

#[test]
fn an_idle_connection_gives_its_buffers_back() {
    let mut http2 = Http2::new(Config::new()).unwrap();
    http2.handle_input(&settings(&[]));
    let mut out = Vec::with_capacity(1 << 20);
    http2.take_output(&mut out);
    // The large buffer went in by the swap ...
    let mut other = Vec::new();
    assert_eq!(http2.take_output(&mut other), 0);
    // ... and is not kept.
    let id = http2.open(request("GET"), true).unwrap();
    http2.take_output(&mut other);
    assert!(other.capacity() < 1 << 20);
    http2.cancel(id);
    assert!(matches!(http2.read_body(id), Err(error) if error.is_misuse()));
}
