//! Every response of `messages.txt`: its events, whole and split, and what an early close makes
//! of it.

mod common;

use common::cases::{cases, ended, failed};
use common::{Setup, events, every_split, split_invariant};

#[test]
fn every_message_gives_its_events_at_every_split() {
    let cases = cases();
    assert!(cases.len() >= 150, "{}", cases.len());
    let mut wrong = String::new();
    for case in &cases {
        let found = split_invariant(&case.setup, &case.wire);
        if found != case.expected {
            wrong.push_str(&format!("== {}\n{}\n", case.name, found.join("\n")));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn short_messages_and_the_ends_of_long_ones_give_the_same_events_at_every_cut() {
    for case in cases() {
        let whole = events(&case.setup, [&case.wire[..]]);
        for pieces in every_split(&case.wire, case.wire.len().saturating_sub(9)) {
            assert_eq!(events(&case.setup, pieces), whole, "{}", case.name);
        }
    }
    const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (head, body) in [
        ("", "HTTP/1.1 204\r\n\n"),
        (CHUNKED, "3\r\nabc\r\n0\r\n\r\n!"),
        (CHUNKED, "1;a=b\r\n!\r\n0\r\n"),
        (CHUNKED, "1\r\n!\r\n0\r\nA:b\r\n"),
        (CHUNKED, "a\r\n0123456789\r"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 8", "\r\n\r\nresponse!"),
        ("HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 204\r\n\r"),
    ] {
        let message = format!("{head}{body}");
        let whole = events(&Setup::default(), [message.as_bytes()]);
        for pieces in every_split(message.as_bytes(), head.len()) {
            assert_eq!(events(&Setup::default(), pieces), whole);
        }
    }
}

#[test]
fn f21_first_lines_about_as_long_as_a_snippet_give_the_same_error_at_every_split() {
    for length in 60..70 {
        for end in ["\n", "\r\n", "\r\r\n", "\rx\n"] {
            let message = format!("{}{end}more\r\n", "x".repeat(length));
            let found = split_invariant(&Setup::default(), message.as_bytes());
            assert!(
                found[0].starts_with("error BadStatusLine(\"xxx"),
                "{found:?}"
            );
        }
    }
}

#[test]
fn f08_a_bare_lf_is_told_before_the_head_is_complete() {
    for (start, line) in [("", "HTTP/1.1 200 OK"), ("HTTP/1.1 200 OK\r\n", "X: y")] {
        let found = split_invariant(&Setup::default(), format!("{start}{line}\n").as_bytes());
        assert_eq!(found[0], format!("error BareLf({line:?})"));
    }
}

#[test]
fn f17_a_close_at_any_byte_of_a_message_is_never_its_end() {
    let mut cut = 0;
    for case in cases() {
        let whole = events(&case.setup, [&case.wire[..]]);
        let until_close = whole.iter().any(|event| event == "closed");
        if failed(&whole) || !ended(&whole) || until_close {
            continue;
        }
        let setup = Setup {
            eof: true,
            ..case.setup
        };
        let complete = (0..=case.wire.len())
            .find(|end| ended(&events(&case.setup, [&case.wire[..*end]])))
            .unwrap();
        for end in 0..complete {
            let found = events(&setup, [&case.wire[..end]]);
            assert!(failed(&found) && !ended(&found), "{} at {end}", case.name);
            cut += 1;
        }
    }
    assert!(cut > 3000, "{cut}");
}

#[test]
fn f17_a_body_until_close_ends_only_behind_a_whole_head() {
    let message = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nall there is";
    let head = message.len() - "all there is".len();
    let setup = Setup {
        eof: true,
        ..Setup::default()
    };
    for end in 0..=message.len() {
        let found = events(&setup, [&message[..end]]);
        assert_eq!(ended(&found), end >= head, "{found:?}");
        assert_eq!(failed(&found), end < head, "{found:?}");
    }
}

#[test]
fn f26_what_strict_reads_lenient_reads_the_same() {
    for case in cases() {
        let strict = events(
            &Setup {
                config: case.setup.config.lenient(false),
                ..case.setup
            },
            [&case.wire[..]],
        );
        let lenient = events(
            &Setup {
                config: case.setup.config.lenient(true),
                ..case.setup
            },
            [&case.wire[..]],
        );
        if !failed(&strict) {
            assert_eq!(lenient, strict, "{}", case.name);
        }
        if failed(&strict) && !failed(&lenient) {
            assert!(lenient.last().unwrap().starts_with("reuse never"));
        }
    }
}

/// Rows of table F whose cases stand in the text: each is there, and each kind of outcome that
/// it asks for is among its cases.
macro_rules! rows {
    ($($test:ident $row:literal: $errors:literal errors, $reads:literal read;)*) => {$(
        #[test]
        fn $test() {
            let (mut errors, mut reads) = (0, 0);
            for case in cases().iter().filter(|case| case.name.starts_with($row)) {
                let found = split_invariant(&case.setup, &case.wire);
                assert_eq!(found, case.expected, "{}", case.name);
                if failed(&found) { errors += 1 } else { reads += 1 }
            }
            assert_eq!((errors, reads), ($errors, $reads));
        }
    )*};
}

rows! {
    f01_length_and_chunked_together "f01": 4 errors, 2 read;
    f02_repeated_lengths "f02": 9 errors, 3 read;
    f03_lengths_that_are_no_decimal "f03": 14 errors, 1 read;
    f04_obfuscated_transfer_encoding "f04": 12 errors, 0 read;
    f05_transfer_encoding_in_http_1_0 "f05": 2 errors, 0 read;
    f06_spaces_around_names "f06": 9 errors, 0 read;
    f07_folded_lines "f07": 8 errors, 3 read;
    f08_line_ends "f08": 17 errors, 5 read;
    f09_controls "f09": 7 errors, 0 read;
    f10_names_are_not_mended "f10": 4 errors, 0 read;
    f11_chunk_sizes_that_overflow "f11": 4 errors, 1 read;
    f12_chunk_without_a_size "f12": 4 errors, 0 read;
    f13_chunk_lines_and_trailers_out_of_shape "f13": 20 errors, 1 read;
    f16_bytes_behind_chunk_data "f16": 4 errors, 0 read;
    f17_short_messages "f17": 10 errors, 0 read;
    f18_trailers_that_are_dropped "f18": 0 errors, 3 read;
    f21_odd_status_lines "f21": 20 errors, 2 read;
    f22_interim_responses "f22": 4 errors, 9 read;
    f24_responses_without_a_body "f24": 1 errors, 16 read;
}
