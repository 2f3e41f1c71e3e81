//! Lines, events, JSON lines and chunks, from text and bytes in any pieces.

use std::time::Duration;

use bytes::Bytes;
use nuncio_content::{ByteChunker, EventParser, JsonLines, LineSplitter, TextChunker, TooLong};

fn lines(pieces: &[&str]) -> Vec<String> {
    let mut splitter = LineSplitter::new();
    let mut lines = Vec::new();
    for piece in pieces {
        splitter.push(piece);
        while let Some(line) = splitter.next_line().unwrap() {
            lines.push(line.to_owned());
        }
    }
    lines.extend(splitter.finish().unwrap().map(str::to_owned));
    assert_eq!(splitter.next_line(), Ok(None));
    assert_eq!(splitter.finish(), Ok(None));
    lines
}

#[test]
fn lines_end_where_python_ends_them() {
    for (text, expected) in [
        ("", &[][..]),
        ("a", &["a"]),
        ("\n", &[""]),
        ("a\n\n", &["a", ""]),
        ("a\r\nb\r\n", &["a", "b"]),
        ("a\rb", &["a", "b"]),
        ("\r\r", &["", ""]),
        ("\r\n\r", &["", ""]),
        ("a\r", &["a"]),
        ("\n\r", &["", ""]),
        (
            "a\x0bb\x0cc\x1cd\x1de\x1ef",
            &["a", "b", "c", "d", "e", "f"],
        ),
        ("a\u{85}b\u{2028}c\u{2029}", &["a", "b", "c"]),
        (
            "é\u{a0}â\u{2026}\x1fx\u{c2}",
            &["é\u{a0}â\u{2026}\x1fx\u{c2}"],
        ),
        ("äöü\nß", &["äöü", "ß"]),
    ] {
        assert_eq!(lines(&[text]), expected, "{text:?}");
        let characters: Vec<String> = text.chars().map(String::from).collect();
        let characters: Vec<&str> = characters.iter().map(|one| &**one).collect();
        assert_eq!(lines(&characters), expected, "{text:?} by characters");
        for (at, _) in text.char_indices() {
            let (one, two) = text.split_at(at);
            assert_eq!(lines(&[one, two]), expected, "{text:?} at {at}");
            assert_eq!(lines(&[one, "", two]), expected, "{text:?} at {at}");
        }
    }
}

#[test]
fn a_line_above_the_limit_is_an_error() {
    let mut splitter = LineSplitter::with_max_line(4);
    splitter.push("1234\n12");
    assert_eq!(splitter.next_line(), Ok(Some("1234")));
    assert_eq!(splitter.next_line(), Ok(None));
    splitter.push("345");
    assert_eq!(splitter.next_line(), Err(TooLong { limit: 4 }));
    let mut splitter = LineSplitter::with_max_line(4);
    splitter.push("12345\n");
    assert_eq!(splitter.next_line(), Err(TooLong { limit: 4 }));
    assert_eq!(
        TooLong { limit: 4 }.to_string(),
        "a line or event is longer than 4 bytes"
    );
}

fn json_lines(pieces: &[&[u8]]) -> Vec<Vec<u8>> {
    let mut splitter = JsonLines::new();
    let mut lines = Vec::new();
    for piece in pieces {
        splitter.push(piece);
        while let Some(line) = splitter.next_line().unwrap() {
            lines.push(line.to_vec());
        }
    }
    lines.extend(splitter.finish().unwrap().map(<[u8]>::to_vec));
    lines
}

#[test]
fn json_lines_end_with_a_line_feed_alone() {
    for (body, expected) in [
        (&b""[..], &[][..]),
        (b"\n\r\n \n", &[]),
        (b"1", &[&b"1"[..]]),
        (b"1\n2\r\n\n 3 \n", &[b"1", b"2", b"3"]),
        (b"\xef\xbb\xbf{}\n\xe2\x80\xa8", &[b"{}", b"\xe2\x80\xa8"]),
        (b"\"a\rb\"\n", &[b"\"a\rb\""]),
    ] {
        assert_eq!(json_lines(&[body]), expected, "{body:?}");
        let bytes: Vec<_> = body.chunks(1).collect();
        assert_eq!(json_lines(&bytes), expected, "{body:?} byte by byte");
        for at in 0..body.len() {
            let (one, two) = body.split_at(at);
            assert_eq!(json_lines(&[one, two]), expected, "{body:?} at {at}");
        }
    }
    let mut short = JsonLines::with_max_line(3);
    short.push(b"1234");
    assert_eq!(short.next_line(), Err(TooLong { limit: 3 }));
    assert_eq!(short.finish(), Err(TooLong { limit: 3 }));
}

/// Type, data and id of each event.
fn events(pieces: &[&[u8]]) -> (Vec<(String, String, String)>, EventParser) {
    let mut parser = EventParser::new();
    let mut events = Vec::new();
    for piece in pieces {
        parser.push(piece);
        while let Some(event) = parser.next_event().unwrap() {
            events.push((event.event, event.data, event.id));
        }
    }
    (events, parser)
}

#[test]
fn events_are_read_as_the_html_standard_says() {
    for (stream, expected) in [
        (&b""[..], &[][..]),
        (b"data: x\n\n", &[("message", "x", "")]),
        (b"data:x\r\rdata: y\r\n\r\n", &[("message", "x", ""), ("message", "y", "")]),
        (b"\xef\xbb\xbfdata: x\n\n", &[("message", "x", "")]),
        // A second mark is part of the field's name.
        (b"\xef\xbb\xbf\xef\xbb\xbfdata: x\n\n", &[]),
        // The standard's own examples (section 9.2.6).
        (
            b"data: YHOO\ndata: +2\ndata: 10\n\n",
            &[("message", "YHOO\n+2\n10", "")],
        ),
        (
            b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n",
            &[("message", "first event", "1"), ("message", "second event", "")],
        ),
        (b"data\n\ndata\ndata\n\ndata:", &[("message", "", ""), ("message", "\n", "")]),
        (b"data:test\n\ndata: test\n\n", &[("message", "test", ""), ("message", "test", "")]),
        // The type holds for one event, the id for all that follow.
        (
            b"event: add\nid: 7\ndata: 1\n\ndata: 2\n\n",
            &[("add", "1", "7"), ("message", "2", "7")],
        ),
        // An event without data is none, but its id counts and its type is forgotten.
        (b"id: 9\nevent: add\n\ndata: 2\n\n", &[("message", "2", "9")]),
        (b"id: a\0b\ndata: x\n\n", &[("message", "x", "")]),
        (b"DATA: x\n data: x\nunknown: x\n\n", &[]),
        (b"data: \xff\xe2\x82\n\n", &[("message", "\u{fffd}\u{fffd}", "")]),
        (b"data: x\n\r\n", &[("message", "x", "")]),
        (b"data: x\n", &[]),
        (b"data: a\r\ndata: b\r\r\n\n", &[("message", "a\nb", "")]),
        (b"event: \ndata: x\n\n", &[("message", "x", "")]),
        // Only CR, LF and CRLF end a line.
        (b"data: a\x0b\x0c\xc2\x85\xe2\x80\xa8b\n\n", &[("message", "a\x0b\x0c\u{85}\u{2028}b", "")]),
    ] {
        let expected: Vec<_> = expected
            .iter()
            .map(|(event, data, id)| (event.to_string(), data.to_string(), id.to_string()))
            .collect();
        let show = stream.escape_ascii();
        assert_eq!(events(&[stream]).0, expected, "{show}");
        let bytes: Vec<_> = stream.chunks(1).collect();
        assert_eq!(events(&bytes).0, expected, "{show} byte by byte");
        for at in 0..=stream.len() {
            let (one, two) = stream.split_at(at);
            assert_eq!(events(&[one, two]).0, expected, "{show} at {at}");
        }
    }
}

#[test]
fn an_event_comes_with_its_blank_line_and_not_after_it() {
    for end in ["\n\n", "\r\r", "\r\n\r", "\n\r"] {
        let stream = format!("data: x{end}");
        assert_eq!(events(&[stream.as_bytes()]).0.len(), 1, "{end:?}");
    }
}

#[test]
fn retry_is_a_number_of_milliseconds_and_the_last_id_outlives_events() {
    let (_, parser) = events(&[b"retry: 1500\nretry: x\nretry: -1\nretry:\nid: 3\n"]);
    assert_eq!(parser.retry(), Some(Duration::from_millis(1500)));
    assert_eq!(parser.last_event_id(), "");
    let (_, parser) = events(&[b"retry: 99999999999999999999999\nid: 3\n\n"]);
    assert_eq!(parser.retry(), None);
    assert_eq!(parser.last_event_id(), "3");
}

#[test]
fn an_event_above_the_limit_is_an_error() {
    let mut parser = EventParser::with_max_event(20);
    parser.push(b"data: 12345\n\ndata: 12345\n\n");
    assert!(parser.next_event().unwrap().is_some());
    assert!(parser.next_event().unwrap().is_some());
    // One that grows by short lines.
    parser.push(b"data: 12345\ndata: 12345\n");
    assert_eq!(parser.next_event(), Ok(None));
    parser.push(b"data: 12345\n");
    assert_eq!(parser.next_event(), Err(TooLong { limit: 20 }));
    let mut parser = EventParser::with_max_event(20);
    parser.push(b"a line without an end");
    assert_eq!(parser.next_event(), Err(TooLong { limit: 20 }));
}

#[test]
fn byte_chunks_are_of_one_size_but_for_the_last() {
    let body: Vec<u8> = (0..23).collect();
    for size in 1..30_usize {
        let expected: Vec<_> = body.chunks(size).map(<[u8]>::to_vec).collect();
        for piece in 1..24 {
            let mut chunker = ByteChunker::new(size.try_into().unwrap());
            let mut chunks = Vec::new();
            for piece in body.chunks(piece) {
                chunker.push(Bytes::copy_from_slice(piece));
                while let Some(chunk) = chunker.next_chunk() {
                    chunks.push(chunk.to_vec());
                }
            }
            chunks.extend(chunker.finish().map(|chunk| chunk.to_vec()));
            assert_eq!(chunks, expected, "{size} from {piece}");
        }
        // Without asking in between.
        let mut chunker = ByteChunker::new(size.try_into().unwrap());
        body.chunks(5)
            .for_each(|piece| chunker.push(Bytes::copy_from_slice(piece)));
        let mut chunks: Vec<_> = std::iter::from_fn(|| chunker.next_chunk()).collect();
        chunks.extend(chunker.finish());
        assert_eq!(chunks, expected, "{size}");
    }
}

#[test]
fn a_byte_chunk_within_a_piece_is_a_slice_of_it() {
    let piece = Bytes::from(vec![1; 100]);
    let mut chunker = ByteChunker::new(40.try_into().unwrap());
    chunker.push(piece.clone());
    let chunk = chunker.next_chunk().unwrap();
    assert_eq!(chunk.as_ptr(), piece.as_ptr());
}

#[test]
fn text_chunks_count_characters() {
    let text = "aé€😀b".repeat(5);
    let all: Vec<char> = text.chars().collect();
    for size in 1..30_usize {
        let expected: Vec<String> = all.chunks(size).map(String::from_iter).collect();
        for piece in 1..26 {
            let mut chunker = TextChunker::new(size.try_into().unwrap());
            let mut chunks = Vec::new();
            for piece in all.chunks(piece) {
                chunker.push(&String::from_iter(piece));
                chunks.extend(std::iter::from_fn(|| chunker.next_chunk()));
            }
            chunks.extend(chunker.finish());
            assert_eq!(chunks, expected, "{size} from {piece}");
            assert_eq!(chunker.finish(), None);
        }
    }
}
