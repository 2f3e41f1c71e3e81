//! BEHAVIOUR section 9, row by row, to the byte.

use nuncio_headers::Headers;
use nuncio_multipart::{Boundary, Form, Part, Step, guess_content_type};

/// The whole body of a form that holds all its data.
fn body(form: Form) -> String {
    let mut encoder = form.encoder(Boundary::new("B").unwrap());
    let length = encoder.content_length();
    let mut body = Vec::new();
    while let Step::Chunk(bytes) = encoder.poll().unwrap() {
        body.extend_from_slice(&bytes);
    }
    assert_eq!(length, Some(body.len() as u64));
    String::from_utf8(body).unwrap()
}

/// What stands between the delimiter and the empty line, for a file `f`.
fn head(part: Part) -> String {
    let body = body(Form::new().part("f", part));
    let (head, _) = body.split_once("\r\n\r\n").unwrap();
    head.strip_prefix("--B\r\nContent-Disposition: form-data; name=\"f\"")
        .unwrap()
        .to_owned()
}

/// The name as it stands between the quotes.
fn name(name: &str) -> String {
    let body = body(Form::new().text(name, ""));
    let rest = body
        .strip_prefix("--B\r\nContent-Disposition: form-data; name=\"")
        .unwrap();
    rest.strip_suffix("\"\r\n\r\n\r\n--B--\r\n")
        .unwrap()
        .to_owned()
}

#[test]
fn s9_parts_in_the_order_given_with_delimiters_and_no_preamble() {
    let form = Form::new()
        .text("a", "1")
        .text("b", "2")
        .text("a", "3")
        .part("f", Part::bytes(&b"4"[..]));
    assert_eq!(form.len(), 4);
    assert_eq!(
        body(form),
        "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n\
         --B\r\nContent-Disposition: form-data; name=\"b\"\r\n\r\n2\r\n\
         --B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n3\r\n\
         --B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"upload\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n4\r\n\
         --B--\r\n"
    );
}

#[test]
fn s9_1_a_data_field_has_content_disposition_alone() {
    let field = "--B\r\nContent-Disposition: form-data; name=\"N\"\r\n\r\n\u{e4}\r\n--B--\r\n";
    assert_eq!(body(Form::new().text("N", "\u{e4}")), field);
    assert_eq!(
        body(Form::new().bytes("N", "\u{e4}".as_bytes().to_vec())),
        field
    );
}

#[test]
fn s9_2_bytes_and_text_alone_are_uploads() {
    let head_of_upload = "; filename=\"upload\"\r\nContent-Type: application/octet-stream";
    assert_eq!(head(Part::bytes(&b"x"[..])), head_of_upload);
    assert_eq!(head(Part::text("x")), head_of_upload);
}

#[test]
fn s9_2_a_file_name_gives_the_type_unless_one_is_given() {
    let file = || Part::text("x").file_name("a.txt");
    assert_eq!(
        head(file()),
        "; filename=\"a.txt\"\r\nContent-Type: text/plain"
    );
    assert_eq!(
        head(file().content_type("a/b; c=d").unwrap()),
        "; filename=\"a.txt\"\r\nContent-Type: a/b; c=d"
    );
    assert_eq!(
        head(file().content_type("").unwrap()),
        "; filename=\"a.txt\"\r\nContent-Type: "
    );
}

#[test]
fn s9_2_without_a_file_name_nothing_is_guessed() {
    let file = || Part::text("x").file_name("");
    assert_eq!(head(file()), "");
    assert_eq!(
        head(file().content_type("a/b").unwrap()),
        "\r\nContent-Type: a/b"
    );
    assert_eq!(head(file().content_type("").unwrap()), "\r\nContent-Type: ");
}

#[test]
fn s9_2_extra_headers_stand_before_the_type_in_their_order() {
    let headers = Headers::try_from([("x-two", "2"), ("X-One", "1"), ("X-TWO", "3")]).unwrap();
    assert_eq!(
        head(Part::text("x").file_name("a.txt").headers(headers)),
        "; filename=\"a.txt\"\r\nx-two: 2\r\nX-One: 1\r\nX-TWO: 3\r\nContent-Type: text/plain"
    );
}

#[test]
fn s9_2_a_header_with_content_type_in_its_name_suppresses_the_type() {
    for name in ["Content-Type", "content-type", "X-CONTENT-TYPE-Options"] {
        for part in [
            Part::text("x"),
            Part::text("x").content_type("a/b").unwrap(),
        ] {
            let headers = Headers::try_from([(name, "c/d"), ("x", "y")]).unwrap();
            assert_eq!(
                head(part.file_name("a.txt").headers(headers)),
                format!("; filename=\"a.txt\"\r\n{name}: c/d\r\nx: y")
            );
        }
    }
    let headers = Headers::try_from([("Content-Typ", "c/d")]).unwrap();
    assert!(head(Part::text("x").headers(headers)).ends_with("application/octet-stream"));
}

#[test]
fn s9_3_every_char_is_escaped_as_written() {
    for char in (0..=0x2FF).filter_map(char::from_u32) {
        let expected = match char {
            '"' => "%22".to_owned(),
            '\\' => "\\\\".to_owned(),
            '\u{1b}' => char.to_string(),
            '\0'..='\u{1f}' => format!("%{:02X}", u32::from(char)),
            _ => char.to_string(),
        };
        assert_eq!(name(&char.to_string()), expected);
        let file = head(Part::text("x").file_name(format!("a{char}b")));
        assert!(
            file.starts_with(&format!("; filename=\"a{expected}b\"\r\n")),
            "{file:?}"
        );
    }
    assert_eq!(name("a\r\nb"), "a%0D%0Ab");
    assert_eq!(
        name("\u{1f600}\u{2028}\u{7f}%22"),
        "\u{1f600}\u{2028}\u{7f}%22"
    );
}

#[test]
fn s9_4_types_by_extension() {
    for (names, expected) in [
        ("a.txt A.TXT .a.txt b.c/a.txt a.b.txt", "text/plain"),
        ("a.html", "text/html"),
        ("a.csv", "text/csv"),
        ("a.md", "text/markdown"),
        ("a.json", "application/json"),
        ("a.js a.mjs", "text/javascript"),
        ("a.css", "text/css"),
        ("a.xml", "application/xml"),
        ("a.pdf", "application/pdf"),
        ("a.zip", "application/zip"),
        (
            "a.tar a.tar.gz a.tgz a.TGZ a.tar.Z a.tar.br a.tar.xz a.tar.bz2",
            "application/x-tar",
        ),
        ("a.png", "image/png"),
        ("a.jpg a.jpeg", "image/jpeg"),
        ("a.gif", "image/gif"),
        ("a.svg a.svg.gz a.svgz", "image/svg+xml"),
        ("a.webp", "image/webp"),
        ("a.ico", "image/vnd.microsoft.icon"),
        ("a.mp4", "video/mp4"),
        ("a.webm", "video/webm"),
        ("a.mp3", "audio/mpeg"),
        ("a.wav", "audio/x-wav"),
        ("a.woff2", "font/woff2"),
        ("a.wasm", "application/wasm"),
        (
            "a a. a.unknown a.gz a.Z .txt ..txt .tar.gz .gz a.txt/ a.txt/b a.gz.gz a.tgz.gz a.txt.gz.gz",
            "application/octet-stream",
        ),
    ] {
        for name in names.split(' ') {
            assert_eq!(guess_content_type(name), expected, "{name}");
        }
    }
    assert_eq!(guess_content_type(""), "application/octet-stream");
}

#[test]
fn s9_5_the_length_is_the_sum_in_the_book() {
    let (boundary, sizes) = ("0123456789abcdef", [0_u64, 1, 70_000]);
    let parts = sizes.map(|size| Part::reader(Some(size)).file_name(""));
    let form = parts
        .into_iter()
        .fold(Form::new(), |form, part| form.part("f", part));
    let headers = "Content-Disposition: form-data; name=\"f\"\r\n\r\n".len() as u64;
    let line = boundary.len() as u64;
    let sum: u64 = sizes
        .iter()
        .map(|data| (line + 4) + headers + data + 2)
        .sum();
    let encoder = form.encoder(Boundary::new(boundary).unwrap());
    assert_eq!(encoder.content_length(), Some(sum + line + 6));
}
