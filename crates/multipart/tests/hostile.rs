//! SECURITY M1: whatever a name is, two parsers that others wrote see the parts that were given.

#[allow(dead_code)] // The target itself runs in `fuzz_corpus`.
mod targets;

use nuncio_headers::{Headers, InvalidHeader};
use nuncio_multipart::{Boundary, Part};
use targets::{Given, Source, check, encode, form, multer, multiparty};

const BOUNDARY: &str = "0123456789abcdef0123456789abcdef";

fn boundary() -> Boundary {
    Boundary::new(BOUNDARY).unwrap()
}

fn field(name: &str, data: &str) -> Given {
    Given {
        name: name.to_owned(),
        file_name: None,
        content_type: None,
        headers: Vec::new(),
        source: Source::Held,
        data: data.as_bytes().to_vec(),
    }
}

fn file(name: &str, file_name: &str, data: &str) -> Given {
    let file_name = Some(file_name.to_owned());
    Given {
        file_name,
        ..field(name, data)
    }
}

#[test]
fn a_hostile_name_makes_no_part() {
    let delimiter = format!("--{BOUNDARY}");
    let mut names: Vec<String> = [
        "",
        "\"",
        "\\",
        "\\\"",
        "\\\\\"",
        "\r",
        "\n",
        "\r\n",
        "\0",
        "%22",
        "%0D%0A",
        ";",
        "=",
        "a;b=\"c\"",
        "x\"; filename=\"evil.php",
        "x\\\"; filename=\"evil.php",
        "a\r\nContent-Type: text/html",
        "a\r\n\r\n<script>alert(1)</script>",
        "\u{85}",
        "\u{2028}",
        "\u{a0}",
        "\u{202e}txt.exe",
        "\u{feff}",
        "\u{10ffff}",
        "\u{1b}[2J",
        "\u{7f}",
        "../../etc/passwd",
        "C:\\temp\\x",
        "name=\"x\"",
        "filename",
        "=?utf-8?q?a?=",
        "'",
        " a ",
        "\t",
    ]
    .map(str::to_owned)
    .to_vec();
    for around in ["\r\n", "\n", "\r", "\"\r\n\r\n", "\u{10a}\u{10d}"] {
        names.push(format!("a{around}{delimiter}{around}b"));
        names.push(format!("a{around}{delimiter}--{around}"));
    }
    names.extend((0..=0xFF).map(|byte| format!("a{}b", char::from(byte))));
    names.extend((0..=0xFF).map(|byte| format!("{}", char::from(byte))));
    names.push("x".repeat(100_000));
    names.push("\"".repeat(100_000));
    for name in &names {
        let before = field("before", "1");
        let after = file("after", "a.txt", "2");
        check(
            &[before.clone(), field(name, "x"), after.clone()],
            &boundary(),
        );
        check(
            &[before.clone(), file("f", name, "x"), after.clone()],
            &boundary(),
        );
        check(&[before, file(name, name, "x"), after], &boundary());
    }
}

/// SECURITY M1 and I1: all bytes at the start, inside and at the end.
#[test]
fn a_content_type_and_a_header_hold_only_bytes_that_may_be_sent() {
    for byte in 0..=0xFF_u8 {
        let control = (byte < 0x20 && byte != b'\t') || byte == 0x7F;
        let space = matches!(byte, b' ' | b'\t');
        for (position, value) in [
            (0, [byte, b'a', b'b']),
            (1, [b'a', byte, b'b']),
            (2, [b'a', b'b', byte]),
        ] {
            let valid = !control && (!space || position == 1);
            let mut headers = Headers::new();
            assert_eq!(
                headers.append("x", value).is_ok(),
                valid,
                "{byte:#x} at {position}"
            );
            let Ok(value) = std::str::from_utf8(&value) else {
                continue;
            };
            let error = InvalidHeader::Value {
                name: "Content-Type".to_owned(),
                byte,
                position,
            };
            match Part::text("x").content_type(value) {
                Ok(_) => assert!(valid, "{byte:#x} at {position}"),
                Err(found) => assert_eq!((found, valid), (error, false)),
            }
        }
    }
    assert!(Part::text("x").content_type("a/b\r\nX-Evil: 1").is_err());
    assert!(Part::text("x").content_type("a/b\r\n\r\n<script>").is_err());
}

#[test]
fn parsers_read_what_was_given_however_it_is_cut() {
    let parts = [
        field("title", "Gr\u{fc}\u{df}e"),
        field("empty", ""),
        field(
            "looks like an end",
            "\r\n--0123\r\n--0123456789abcdef--\r\n",
        ),
        Given {
            source: Source::Sized(3),
            content_type: Some("text/x-own; a=b".to_owned()),
            ..file("f", "\u{4f60}\u{597d}.txt", "\r\n\r\n--\r\n")
        },
        Given {
            source: Source::Unsized(1),
            headers: vec![("X-Extra".to_owned(), b"yes".to_vec())],
            ..file("f", "b.png", "PNG")
        },
        Given {
            source: Source::Sized(0),
            ..file("none", "c", "")
        },
    ];
    check(&parts, &boundary());
    let body = encode(&mut form(&parts).encoder(boundary()), &parts);
    let whole = multer(&body, body.len(), &boundary());
    let summary: Vec<_> = whole
        .parts
        .iter()
        .map(|part| {
            (
                part.name.as_deref(),
                part.file_name.as_deref(),
                part.content_type.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        summary,
        [
            (Some("title"), None, None),
            (Some("empty"), None, None),
            (Some("looks like an end"), None, None),
            (
                Some("f"),
                Some("\u{4f60}\u{597d}.txt"),
                Some("text/x-own; a=b")
            ),
            (Some("f"), Some("b.png"), Some("image/png")),
            (Some("none"), Some("c"), Some("application/octet-stream")),
        ]
    );
    for grain in [1, 2, 3, 7, 36, 37, 64, 1000] {
        assert_eq!(
            multer(&body, grain, &boundary()),
            whole,
            "multer by {grain}"
        );
        assert_eq!(
            multiparty(&body, grain, &boundary()),
            whole,
            "multiparty by {grain}"
        );
    }
}
