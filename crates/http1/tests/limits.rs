//! What a peer may make us read and hold.

mod common;

use common::{Setup, asked, events, split_invariant};
use nuncio_http1::{BodyStep, Config, HeadStep, Theirs};

const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

/// Whole and byte by byte; messages here are too long for every cut.
#[track_caller]
fn outcome(setup: &Setup, message: &str) -> Vec<String> {
    let whole = events(setup, [message.as_bytes()]);
    assert_eq!(events(setup, message.as_bytes().chunks(1)), whole);
    assert_eq!(events(setup, message.as_bytes().chunks(1000)), whole);
    whole
}

fn error(events: &[String]) -> &str {
    let error = events.iter().find_map(|event| event.strip_prefix("error "));
    error.unwrap_or("none")
}

#[test]
fn f11_a_size_of_many_zeros_is_an_error() {
    let message = format!("{CHUNKED}{}5\r\nhello\r\n0\r\n\r\n", "0".repeat(100_000));
    let found = outcome(&Setup::default(), &message);
    assert_eq!(error(&found), "BadChunkLine(\"00000000000000000\")");
}

#[test]
fn f14_a_chunk_line_has_256_bytes_at_most() {
    for (length, expected) in [(254, "none"), (255, "ChunkLineTooLong { limit: 256 }")] {
        let message = format!("{CHUNKED}1;{}\r\na\r\n0\r\n\r\n", "x".repeat(length));
        assert_eq!(error(&outcome(&Setup::default(), &message)), expected);
    }
    let endless = format!("{CHUNKED}1;{}", "x".repeat(100_000));
    let found = outcome(&Setup::default(), &endless);
    assert_eq!(error(&found), "ChunkLineTooLong { limit: 256 }");
    let padding = format!("{CHUNKED}1{}", " ".repeat(100_000));
    let found = outcome(&Setup::default(), &padding);
    assert_eq!(error(&found), "ChunkLineTooLong { limit: 256 }");
}

#[test]
fn f14_all_extensions_have_16_kib_at_most() {
    let chunk = format!("1;{}\r\na\r\n", "x".repeat(127));
    let last = "0\r\n\r\n";
    let fits = format!("{CHUNKED}{}{last}", chunk.repeat(128));
    assert_eq!(error(&outcome(&Setup::default(), &fits)), "none");
    let over = format!("{CHUNKED}{}1;\r\na\r\n{last}", chunk.repeat(128));
    let found = outcome(&Setup::default(), &over);
    assert_eq!(error(&found), "ChunkExtensionsTooLarge { limit: 16384 }");
}

#[test]
fn f15_chunks_of_one_byte_take_one_step_each() {
    let body = "1\r\na\r\n".repeat(100_000) + "0\r\n\r\n";
    let mut http1 = asked(&Setup::default());
    let HeadStep::Head { .. } = http1.receive_head(CHUNKED.as_bytes()).unwrap() else {
        panic!("no head");
    };
    let (mut rest, mut steps) = (body.as_bytes(), 0);
    while http1.theirs() == Theirs::Body {
        steps += 1;
        match http1.receive_body(rest).unwrap() {
            BodyStep::Data { range } => rest = &rest[range.end..],
            BodyStep::End { used, .. } => rest = &rest[used..],
            BodyStep::NeedMore { .. } => panic!("all is there"),
        }
    }
    assert_eq!((steps, rest.len()), (100_001, 0));
}

#[test]
fn f18_trailers_have_64_fields_and_16_kib_at_most() {
    let trailers = |fields: usize| {
        let section: String = (0..fields).map(|n| format!("x{n}: y\r\n")).collect();
        format!("{CHUNKED}0\r\n{section}\r\n")
    };
    assert_eq!(error(&outcome(&Setup::default(), &trailers(64))), "none");
    let found = outcome(&Setup::default(), &trailers(65));
    assert_eq!(error(&found), "TooManyTrailers { limit: 64 }");

    let sized = |bytes: usize| format!("{CHUNKED}0\r\nx: {}\r\n\r\n", "y".repeat(bytes - 7));
    let limit = 16 * 1024;
    assert_eq!(error(&outcome(&Setup::default(), &sized(limit))), "none");
    let large = "TrailersTooLarge { limit: 16384 }";
    assert_eq!(error(&outcome(&Setup::default(), &sized(limit + 1))), large);
    let endless = format!("{CHUNKED}0\r\nx: {}", "y".repeat(100_000));
    assert_eq!(error(&outcome(&Setup::default(), &endless)), large);
}

#[test]
fn f19_heads_have_128_kib_at_most_interim_ones_included() {
    let head = |bytes: usize| {
        let around = "HTTP/1.1 204 No\r\nx: \r\n\r\n".len();
        format!(
            "HTTP/1.1 204 No\r\nx: {}\r\n\r\n",
            "y".repeat(bytes - around)
        )
    };
    let limit = 128 * 1024;
    let setup = Setup::default();
    let large = "HeadTooLarge { limit: 131072 }";
    assert_eq!(error(&outcome(&setup, &head(limit))), "none");
    assert_eq!(error(&outcome(&setup, &head(limit + 1))), large);
    let endless = format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(200_000));
    assert_eq!(error(&outcome(&setup, &endless)), large);

    let interim = format!("HTTP/1.1 103 Hints\r\nx: {}\r\n\r\n", "y".repeat(1000));
    let rest = limit - 3 * interim.len();
    let fits = interim.repeat(3) + &head(rest);
    assert_eq!(error(&outcome(&setup, &fits)), "none");
    let over = interim.repeat(3) + &head(rest + 1);
    assert_eq!(error(&outcome(&setup, &over)), large);
}

#[test]
fn f19_heads_have_256_fields_at_most_interim_ones_included() {
    let head = |status: u16, fields: usize| {
        let section: String = (0..fields).map(|n| format!("x{n}: y\r\n")).collect();
        format!("HTTP/1.1 {status} X\r\n{section}\r\n")
    };
    let many = "TooManyFields { limit: 256 }";
    let setup = Setup::default();
    assert_eq!(error(&outcome(&setup, &head(204, 256))), "none");
    assert_eq!(error(&outcome(&setup, &head(204, 257))), many);
    let fits = head(103, 100) + &head(102, 100) + &head(204, 56);
    assert_eq!(error(&outcome(&setup, &fits)), "none");
    let over = head(103, 100) + &head(102, 100) + &head(204, 57);
    assert_eq!(error(&outcome(&setup, &over)), many);
}

#[test]
fn f19_a_higher_limit_of_fields_is_kept_to_as_well() {
    let setup = Setup {
        config: Config::default().max_head_fields(1000),
        ..Setup::default()
    };
    for (fields, expected) in [(1000, "none"), (1001, "TooManyFields { limit: 1000 }")] {
        let section: String = (0..fields).map(|n| format!("x{n}: y\r\n")).collect();
        let message = format!("HTTP/1.1 204 No\r\n{section}\r\n");
        assert_eq!(error(&outcome(&setup, &message)), expected);
    }
}

#[test]
fn small_limits_give_the_same_error_at_every_split() {
    let messages = [
        "HTTP/1.1 200 OK\r\nA: b\r\nC: d\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nICY 200 OK\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0;abc\r\nA: b\r\nC: d\r\n\r\n",
        "<html>\r\n\r\n",
    ];
    for message in messages {
        for limit in 0..70 {
            let config = Config::default();
            for config in [
                config.max_head_bytes(limit),
                config
                    .max_head_fields(limit % 5)
                    .max_interim_heads(limit % 3),
                config.max_chunk_line(limit).max_trailer_bytes(limit / 2),
                config
                    .max_chunk_extensions(limit % 6)
                    .max_trailer_fields(limit % 4),
            ] {
                let setup = Setup {
                    config,
                    ..Setup::default()
                };
                split_invariant(&setup, message.as_bytes());
            }
        }
    }
}

#[test]
fn f22_there_are_16_interim_responses_at_most() {
    let message = |interim: usize| {
        "HTTP/1.1 100 Continue\r\n\r\n".repeat(interim) + "HTTP/1.1 204 No Content\r\n\r\n"
    };
    assert_eq!(error(&outcome(&Setup::default(), &message(16))), "none");
    let found = outcome(&Setup::default(), &message(17));
    assert_eq!(error(&found), "TooManyInterim { limit: 16 }");
    assert_eq!(
        found
            .iter()
            .filter(|event| event.starts_with("head"))
            .count(),
        16
    );
}
