//! The encoder, step by step: what it yields, asks for, refuses, and how it starts again.

use bytes::Bytes;
use nuncio_multipart::{Boundary, EncodeError, Encoder, Form, Part, Step};

fn encoder(form: Form) -> Encoder {
    form.encoder(Boundary::new("B").unwrap())
}

fn text(step: Result<Step, EncodeError>) -> String {
    match step {
        Ok(Step::Chunk(bytes)) => String::from_utf8(bytes.to_vec()).unwrap(),
        other => panic!("no chunk: {other:?}"),
    }
}

fn upload(size: Option<u64>) -> Encoder {
    let mut encoder = encoder(Form::new().part("f", Part::reader(size)));
    text(encoder.poll());
    assert_eq!(encoder.poll(), Ok(Step::Need { part: 0 }));
    encoder
}

#[test]
fn what_stands_between_data_is_one_chunk() {
    let mut encoder = encoder(
        Form::new()
            .text("a", "1")
            .text("empty", "")
            .part("f", Part::reader(None).file_name("")),
    );
    assert_eq!(
        text(encoder.poll()),
        "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n"
    );
    assert_eq!(text(encoder.poll()), "1");
    assert_eq!(
        text(encoder.poll()),
        "\r\n--B\r\nContent-Disposition: form-data; name=\"empty\"\r\n\r\n"
    );
    assert_eq!(
        text(encoder.poll()),
        "\r\n--B\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\n"
    );
    assert_eq!(encoder.poll(), Ok(Step::Need { part: 2 }));
    encoder.supply(2, Bytes::from_static(b"x")).unwrap();
    assert_eq!(text(encoder.poll()), "x");
    encoder.poll().unwrap();
    encoder.supply(2, Bytes::from_static(b"yz")).unwrap();
    assert_eq!(text(encoder.poll()), "yz");
    encoder.poll().unwrap();
    encoder.end_of_part(2).unwrap();
    assert_eq!(text(encoder.poll()), "\r\n--B--\r\n");
    assert_eq!(encoder.poll(), Ok(Step::Done));
    assert_eq!(encoder.poll(), Ok(Step::Done));
}

#[test]
fn data_is_handed_out_without_a_copy() {
    let held = Bytes::from(vec![7; 1 << 20]);
    let read = Bytes::from(vec![8; 1 << 16]);
    let mut encoder = encoder(
        Form::new()
            .bytes("a", held.clone())
            .part("f", Part::reader(None)),
    );
    encoder.poll().unwrap();
    let Ok(Step::Chunk(first)) = encoder.poll() else {
        panic!()
    };
    assert_eq!((first.as_ptr(), first.len()), (held.as_ptr(), held.len()));
    encoder.poll().unwrap();
    encoder.poll().unwrap();
    encoder.supply(1, read.clone()).unwrap();
    let Ok(Step::Chunk(second)) = encoder.poll() else {
        panic!()
    };
    assert_eq!((second.as_ptr(), second.len()), (read.as_ptr(), read.len()));
    // The machine keeps nothing of what it has passed on.
    drop(second);
    assert!(read.is_unique());
}

#[test]
fn a_form_without_parts_is_its_closing_delimiter() {
    let mut encoder = encoder(Form::new());
    assert_eq!(encoder.content_length(), Some(7));
    assert_eq!(text(encoder.poll()), "--B--\r\n");
    assert_eq!(encoder.poll(), Ok(Step::Done));
}

#[test]
fn a_source_longer_than_declared_loses_the_body() {
    let lost = EncodeError::TooMuch {
        part: 0,
        declared: 3,
    };
    for chunks in [&["abcd"][..], &["abc", "d"], &["ab", "cd"]] {
        let mut encoder = upload(Some(3));
        let (last, before) = chunks.split_last().unwrap();
        for chunk in before {
            encoder
                .supply(0, Bytes::from_static(chunk.as_bytes()))
                .unwrap();
            assert_eq!(text(encoder.poll()), *chunk);
            assert_eq!(encoder.poll(), Ok(Step::Need { part: 0 }));
        }
        assert_eq!(
            encoder.supply(0, Bytes::from_static(last.as_bytes())),
            Err(lost.clone())
        );
        assert_eq!(encoder.poll(), Err(lost.clone()));
        assert_eq!(encoder.poll(), Err(lost.clone()));
        assert_eq!(
            encoder.end_of_part(0),
            Err(EncodeError::NotAsked { part: 0 })
        );
    }
}

#[test]
fn a_source_shorter_than_declared_loses_the_body_and_is_not_filled_up() {
    let mut encoder = upload(Some(3));
    encoder.supply(0, Bytes::from_static(b"ab")).unwrap();
    assert_eq!(text(encoder.poll()), "ab");
    encoder.poll().unwrap();
    let lost = EncodeError::TooLittle {
        part: 0,
        declared: 3,
        given: 2,
    };
    assert_eq!(encoder.end_of_part(0), Err(lost.clone()));
    assert_eq!(encoder.poll(), Err(lost));
}

#[test]
fn a_source_of_declared_size_is_asked_for_its_end() {
    let mut encoder = upload(Some(3));
    encoder.supply(0, Bytes::from_static(b"abc")).unwrap();
    assert_eq!(text(encoder.poll()), "abc");
    assert_eq!(encoder.poll(), Ok(Step::Need { part: 0 }));
    encoder.end_of_part(0).unwrap();
    assert_eq!(text(encoder.poll()), "\r\n--B--\r\n");
}

#[test]
fn an_empty_source_needs_no_bytes() {
    for size in [Some(0), None] {
        let mut encoder = upload(size);
        encoder.end_of_part(0).unwrap();
        assert_eq!(text(encoder.poll()), "\r\n--B--\r\n");
    }
}

#[test]
fn no_bytes_are_no_answer() {
    let mut encoder = upload(Some(1));
    encoder.supply(0, Bytes::new()).unwrap();
    assert_eq!(encoder.poll(), Ok(Step::Need { part: 0 }));
}

#[test]
fn only_the_part_that_was_asked_for_can_be_supplied_and_once_a_time() {
    let bytes = || Bytes::from_static(b"x");
    let not_asked = |part| Err(EncodeError::NotAsked { part });

    let mut early = encoder(Form::new().part("f", Part::reader(None)));
    assert_eq!(early.supply(0, bytes()), not_asked(0));
    assert_eq!(early.end_of_part(0), not_asked(0));

    let mut encoder = upload(None);
    assert_eq!(encoder.supply(1, bytes()), not_asked(1));
    assert_eq!(encoder.end_of_part(usize::MAX), not_asked(usize::MAX));
    encoder.supply(0, bytes()).unwrap();
    assert_eq!(encoder.supply(0, bytes()), not_asked(0));
    assert_eq!(encoder.end_of_part(0), not_asked(0));
    // Misuse changed nothing.
    assert_eq!(text(encoder.poll()), "x");
    assert_eq!(encoder.poll(), Ok(Step::Need { part: 0 }));
    encoder.end_of_part(0).unwrap();
    assert_eq!(text(encoder.poll()), "\r\n--B--\r\n");
    assert_eq!(encoder.poll(), Ok(Step::Done));
    assert_eq!(encoder.supply(0, bytes()), not_asked(0));
}

#[test]
fn held_data_is_sent_again_after_a_restart_at_any_point() {
    let form = || Form::new().text("a", "1").part("f", Part::text("two"));
    let whole = |encoder: &mut Encoder| {
        let mut body = String::new();
        while let Ok(Step::Chunk(bytes)) = encoder.poll() {
            body += std::str::from_utf8(&bytes).unwrap();
        }
        body
    };
    let expected = whole(&mut encoder(form()));
    for steps in 0..7 {
        let mut encoder = encoder(form());
        assert!(encoder.replayable());
        for _ in 0..steps {
            encoder.poll().unwrap();
        }
        encoder.restart().unwrap();
        assert_eq!(whole(&mut encoder), expected, "after {steps} steps");
    }
}

#[test]
fn a_source_that_was_asked_for_cannot_be_sent_again() {
    let mut encoder = encoder(Form::new().text("a", "1").part("f", Part::reader(None)));
    assert!(!encoder.replayable());
    for _ in 0..3 {
        encoder.poll().unwrap();
        encoder.restart().unwrap(); // It was not asked for.
    }
    for _ in 0..4 {
        encoder.poll().unwrap();
    }
    assert_eq!(encoder.restart(), Err(EncodeError::Consumed { part: 1 }));
    // Nothing has changed.
    encoder.end_of_part(1).unwrap();
    assert_eq!(text(encoder.poll()), "\r\n--B--\r\n");
    assert_eq!(encoder.restart(), Err(EncodeError::Consumed { part: 1 }));
}

#[test]
fn a_source_that_can_be_rewound_is_asked_for_again() {
    let mut encoder = encoder(Form::new().part("f", Part::reader(Some(2)).replayable()));
    assert!(encoder.replayable());
    encoder.poll().unwrap();
    encoder.poll().unwrap();
    encoder.supply(0, Bytes::from_static(b"ab")).unwrap();
    encoder.restart().unwrap();
    assert!(text(encoder.poll()).starts_with("--B\r\n"));
    assert_eq!(encoder.poll(), Ok(Step::Need { part: 0 }));
    // Its caller forgot to rewind it: an error, and not an empty part.
    assert!(encoder.end_of_part(0).is_err());
    encoder.restart().unwrap();
    assert!(text(encoder.poll()).starts_with("--B\r\n"));
}

#[test]
fn the_length_is_known_when_every_size_is() {
    let length =
        |size| encoder(Form::new().text("a", "1").part("f", Part::reader(size))).content_length();
    let without_data = length(Some(0)).unwrap();
    assert_eq!(length(Some(5)), Some(without_data + 5));
    assert_eq!(length(None), None);
    assert_eq!(length(Some(u64::MAX - without_data)), Some(u64::MAX));
    assert_eq!(length(Some(u64::MAX - without_data + 1)), None);
    assert_eq!(length(Some(u64::MAX)), None);
}

#[test]
fn errors_say_in_one_line_which_part_and_what() {
    for (error, text) in [
        (
            EncodeError::TooMuch {
                part: 1,
                declared: 5,
            },
            "multipart part 1 is longer than the 5 bytes it was declared with",
        ),
        (
            EncodeError::TooLittle {
                part: 1,
                declared: 5,
                given: 4,
            },
            "multipart part 1 ended after 4 of 5 bytes",
        ),
        (
            EncodeError::NotAsked { part: 2 },
            "multipart part 2 was not asked for",
        ),
        (
            EncodeError::Consumed { part: 0 },
            "multipart part 0 has been read and cannot be sent again",
        ),
    ] {
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn debug_shows_no_data() {
    let form = Form::new()
        .text("password", "SECRET")
        .part("f", Part::bytes(&b"SECRET"[..]).file_name("a.txt"))
        .part("g", Part::reader(Some(6)));
    let shown = format!("{form:?}");
    assert!(
        !shown.contains("SECRET") && shown.contains("password") && shown.contains("6 bytes"),
        "{shown}"
    );
    let mut encoder = encoder(form);
    for _ in 0..6 {
        encoder.poll().unwrap();
    }
    encoder.supply(2, Bytes::from_static(b"SECRET")).unwrap();
    let shown = format!("{encoder:?}");
    assert!(
        !shown.contains("SECRET") && shown.contains("data of part 2"),
        "{shown}"
    );
}
