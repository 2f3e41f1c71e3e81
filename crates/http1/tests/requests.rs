//! What is sent: request heads, framing, trailers, and what is refused before a byte is written.

mod common;

use common::headers;
use nuncio_http1::{BodySize, Config, Http1, LocalError, Ours};

const METHODS: [&str; 9] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW",
];

type Fields = &'static [(&'static str, &'static str)];

fn head(
    method: &str,
    target: &str,
    fields: &[(&str, &str)],
    body: BodySize,
) -> Result<String, LocalError> {
    let mut http1 = Http1::new(Config::default());
    let mut out = b"before ".to_vec();
    let result = http1.send_head(method, target, &headers(fields), body, &mut out);
    let sent = String::from_utf8(out).unwrap();
    let sent = sent.strip_prefix("before ").unwrap();
    match result {
        Ok(()) => Ok(sent.to_owned()),
        Err(error) => {
            assert_eq!(sent, "", "an error writes nothing");
            assert_eq!(http1.ours(), Ours::Idle);
            let again = http1.send_head(
                "GET",
                "/",
                &headers(&[("Host", "h")]),
                BodySize::Empty,
                &mut Vec::new(),
            );
            assert_eq!(again, Ok(()), "and changes nothing");
            Err(error)
        }
    }
}

/// A request with its body, as a connection would write it.
fn request(
    method: &str,
    fields: &[(&str, &str)],
    size: BodySize,
    pieces: &[&[u8]],
) -> Result<Vec<u8>, LocalError> {
    let mut http1 = Http1::new(Config::default());
    let mut out = Vec::new();
    http1.send_head(method, "/", &headers(fields), size, &mut out)?;
    for piece in pieces {
        let framing = http1.send_data(piece.len())?;
        out.extend_from_slice(framing.before());
        out.extend_from_slice(piece);
        out.extend_from_slice(framing.after());
    }
    if http1.ours() == Ours::Body {
        http1.send_end(None, &mut out)?;
    }
    assert_eq!(http1.ours(), Ours::Done);
    Ok(out)
}

/// An independent reading of one request: how it is framed, its content, and what is behind it.
fn read(message: &[u8]) -> (&'static str, Vec<u8>, &[u8]) {
    let mut fields = [httparse::EMPTY_HEADER; 16];
    let mut request = httparse::Request::new(&mut fields);
    let end = request.parse(message).unwrap().unwrap();
    let mut framing = request.headers.iter().filter(|field| {
        field.name.eq_ignore_ascii_case("content-length")
            || field.name.eq_ignore_ascii_case("transfer-encoding")
    });
    let found = framing.next();
    assert!(framing.next().is_none(), "one framing at most");
    let rest = &message[end..];
    let Some(field) = found else {
        return ("none", Vec::new(), rest);
    };
    if field.name.eq_ignore_ascii_case("content-length") {
        let length: usize = std::str::from_utf8(field.value).unwrap().parse().unwrap();
        return ("length", rest[..length].to_vec(), &rest[length..]);
    }
    assert_eq!(field.value, b"chunked");
    let (mut content, mut rest) = (Vec::new(), rest);
    loop {
        let end = rest.windows(2).position(|pair| pair == b"\r\n").unwrap();
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        rest = &rest[end + 2..];
        content.extend_from_slice(&rest[..size]);
        rest = rest[size..].strip_prefix(b"\r\n").unwrap();
        if size == 0 {
            return ("chunks", content, rest);
        }
    }
}

#[test]
fn a_head_is_written_as_it_was_given() {
    let fields = [
        ("X-Second", "b"),
        ("host", "example.org"),
        ("x-FIRST", "a"),
        ("X-Second", "c"),
        ("X-Empty", ""),
    ];
    assert_eq!(
        head("GET", "/a?b=c", &fields, BodySize::Empty).unwrap(),
        "GET /a?b=c HTTP/1.1\r\nX-Second: b\r\nhost: example.org\r\nx-FIRST: a\r\n\
         X-Second: c\r\nX-Empty: \r\n\r\n"
    );
}

#[test]
fn i09_every_method_with_every_body_is_one_request_with_one_framing_or_none() {
    let bodies: [(BodySize, &[&[u8]], &str); 6] = [
        (BodySize::Empty, &[], "none"),
        (BodySize::Known(0), &[], "length"),
        (BodySize::Known(5), &[b"hello"], "length"),
        (BodySize::Known(5), &[b"he", b"", b"llo"], "length"),
        (BodySize::Unknown, &[], "chunks"),
        (
            BodySize::Unknown,
            &[b"he", b"", b"llo GET / HTTP/1.1\r\n\r\n"],
            "chunks",
        ),
    ];
    for method in METHODS {
        for (size, pieces, framing) in bodies {
            let message = request(method, &[("Host", "h")], size, pieces).unwrap();
            let expected = (framing, pieces.concat(), &b""[..]);
            assert_eq!(read(&message), expected, "{method} {size:?}");
        }
    }
}

#[test]
fn i09_framing_fields_of_the_callers_are_the_only_ones() {
    let given: [(Fields, BodySize, &[&[u8]], &str); 6] = [
        (
            &[("Host", "h"), ("content-LENGTH", "5")],
            BodySize::Known(5),
            &[b"hello"],
            "length",
        ),
        (
            &[("Host", "h"), ("Content-Length", "0")],
            BodySize::Empty,
            &[],
            "length",
        ),
        (
            &[("Host", "h"), ("Content-Length", "0")],
            BodySize::Known(0),
            &[],
            "length",
        ),
        (
            &[("TRANSFER-encoding", "Chunked"), ("Host", "h")],
            BodySize::Unknown,
            &[b"hello"],
            "chunks",
        ),
        (
            &[("Host", "h"), ("Transfer-Encoding", "chunked")],
            BodySize::Known(5),
            &[b"hello"],
            "chunks",
        ),
        (
            &[("Host", "h"), ("Transfer-Encoding", "chunked")],
            BodySize::Empty,
            &[],
            "chunks",
        ),
    ];
    for method in METHODS {
        for (fields, size, pieces, framing) in given {
            let message = request(method, fields, size, pieces).unwrap();
            let lower = message.to_ascii_lowercase();
            let message = match framing {
                "chunks" => String::from_utf8(message)
                    .unwrap()
                    .replace("Chunked", "chunked")
                    .into_bytes(),
                _ => message,
            };
            assert_eq!(
                read(&message),
                (framing, pieces.concat(), &b""[..]),
                "{method} {fields:?}"
            );
            let count = |name: &[u8]| {
                lower
                    .windows(name.len())
                    .filter(|part| *part == name)
                    .count()
            };
            assert_eq!(count(b"content-length:") + count(b"transfer-encoding:"), 1);
        }
    }
}

#[test]
fn i10_framing_that_is_not_the_bodys_is_refused_before_a_byte() {
    use BodySize::{Empty, Known, Unknown};
    let mismatch = |declared, body| LocalError::LengthMismatch { declared, body };
    let cases: [(Fields, BodySize, LocalError); 16] = [
        (
            &[("Content-Length", "5"), ("Transfer-Encoding", "chunked")],
            Known(5),
            LocalError::LengthAndTransferEncoding,
        ),
        (
            &[("Transfer-Encoding", "chunked"), ("content-length", "5")],
            Unknown,
            LocalError::LengthAndTransferEncoding,
        ),
        (
            &[("Content-Length", "5"), ("content-length", "5")],
            Known(5),
            LocalError::RepeatedContentLength,
        ),
        (
            &[("Content-Length", "5"), ("CONTENT-LENGTH", "6")],
            Known(5),
            LocalError::RepeatedContentLength,
        ),
        (&[("Content-Length", "5")], Known(6), mismatch(5, Some(6))),
        (&[("Content-Length", "5")], Known(0), mismatch(5, Some(0))),
        (&[("Content-Length", "5")], Empty, mismatch(5, Some(0))),
        (&[("Content-Length", "5")], Unknown, mismatch(5, None)),
        (
            &[("Content-Length", "5, 5")],
            Known(5),
            LocalError::BadContentLength,
        ),
        (
            &[("Content-Length", "+5")],
            Known(5),
            LocalError::BadContentLength,
        ),
        (
            &[("Content-Length", "")],
            Empty,
            LocalError::BadContentLength,
        ),
        (
            &[("Content-Length", "9223372036854775808")],
            Empty,
            LocalError::BadContentLength,
        ),
        (
            &[("Transfer-Encoding", "gzip, chunked")],
            Unknown,
            LocalError::BadTransferEncoding,
        ),
        (
            &[("Transfer-Encoding", "identity")],
            Known(5),
            LocalError::BadTransferEncoding,
        ),
        (
            &[("Transfer-Encoding", "")],
            Unknown,
            LocalError::BadTransferEncoding,
        ),
        (
            &[
                ("Transfer-Encoding", "chunked"),
                ("transfer-encoding", "chunked"),
            ],
            Unknown,
            LocalError::BadTransferEncoding,
        ),
    ];
    for (fields, size, expected) in cases {
        let mut all = vec![("Host", "h")];
        all.extend_from_slice(fields);
        for method in METHODS {
            assert_eq!(
                head(method, "/", &all, size),
                Err(expected.clone()),
                "{fields:?}"
            );
        }
    }
}

#[test]
fn i10_never_more_nor_less_than_the_length() {
    let mut http1 = Http1::new(Config::default());
    let mut out = Vec::new();
    http1
        .send_head(
            "POST",
            "/",
            &headers(&[("Host", "h")]),
            BodySize::Known(5),
            &mut out,
        )
        .unwrap();
    assert!(out.ends_with(b"Content-Length: 5\r\n\r\n"));
    let end = out.len();
    let short = |sent| LocalError::TooLittleData { declared: 5, sent };
    assert_eq!(http1.send_end(None, &mut out), Err(short(0)));
    let framing = http1.send_data(3).unwrap();
    assert_eq!((framing.before(), framing.after()), (&b""[..], &b""[..]));
    let long = |excess| LocalError::TooMuchData {
        declared: 5,
        excess,
    };
    assert_eq!(http1.send_data(3), Err(long(1)));
    assert_eq!(http1.send_data(usize::MAX), Err(long(u64::MAX - 5)));
    assert_eq!(http1.send_end(None, &mut out), Err(short(3)));
    http1.send_data(1).unwrap();
    assert_eq!(http1.send_end(None, &mut out), Err(short(4)));
    http1.send_data(1).unwrap();
    assert_eq!(http1.send_data(1), Err(long(1)));
    assert_eq!(http1.send_end(None, &mut out), Ok(()));
    assert_eq!(out.len(), end, "nothing ends a sized body");
    assert!(matches!(http1.send_data(1), Err(LocalError::State { .. })));
    assert!(matches!(
        http1.send_end(None, &mut out),
        Err(LocalError::State { .. })
    ));
}

#[test]
fn a_connect_request_has_no_body_and_no_framing() {
    let host = ("Host", "h:443");
    assert_eq!(
        head("CONNECT", "h:443", &[host], BodySize::Empty).unwrap(),
        "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n"
    );
    for size in [BodySize::Known(0), BodySize::Known(1), BodySize::Unknown] {
        assert_eq!(
            head("CONNECT", "h:443", &[host], size),
            Err(LocalError::BodyOnConnect)
        );
    }
    for field in [("Content-Length", "0"), ("Transfer-Encoding", "chunked")] {
        let found = head("CONNECT", "h:443", &[host, field], BodySize::Empty);
        assert_eq!(found, Err(LocalError::BodyOnConnect), "{field:?}");
    }
}

#[test]
fn i02_i03_methods_and_targets_that_would_break_the_request_line_are_refused() {
    let host = [("Host", "h")];
    for method in [
        "",
        "GET ",
        "G T",
        "GET / HTTP/1.1\r\nX:y",
        "GET\0",
        "G\u{e9}T",
        "GET:",
    ] {
        let error = head(method, "/", &host, BodySize::Empty).unwrap_err();
        assert!(matches!(error, LocalError::BadMethod(_)), "{method:?}");
        assert!(!error.to_string().contains(['\r', '\n', '\0']));
    }
    for target in [
        "",
        " ",
        "/a b",
        "/\r\nX: y",
        "/\n",
        "/\0",
        "/\u{10a}",
        "/\u{ff0a}",
        "/\u{7f}",
        "/\t",
    ] {
        let error = head("GET", target, &host, BodySize::Empty).unwrap_err();
        assert!(matches!(error, LocalError::BadTarget { .. }), "{target:?}");
    }
    for target in ["/", "*", "http://h/a?b", "h:443", "/%20?q=a%0D%0Ab"] {
        let sent = head("GET", target, &host, BodySize::Empty).unwrap();
        let line = sent.lines().next().unwrap();
        assert_eq!(line.matches(' ').count(), 2);
    }
}

#[test]
fn i05_there_is_exactly_one_host_and_it_is_one() {
    use LocalError::{BadHost, MissingHost, RepeatedHost};
    let send = |fields: &[(&str, &str)]| head("GET", "/", fields, BodySize::Empty);
    assert_eq!(send(&[]), Err(MissingHost));
    assert_eq!(send(&[("X", "y")]), Err(MissingHost));
    assert_eq!(send(&[("Host", "a"), ("HOST", "a")]), Err(RepeatedHost));
    for host in ["", "a/b", "a@b", "a b", "a,b/", "a:b", "[::1", "http://a"] {
        assert_eq!(send(&[("host", host)]), Err(BadHost), "{host}");
    }
}

#[test]
fn errors_of_ours_never_show_a_header_value() {
    let secret = [
        ("Host", "a/SECRET"),
        ("Content-Length", "SECRET"),
        ("Transfer-Encoding", "SECRET"),
    ];
    for (name, value) in secret {
        let mut fields = vec![(name, value), ("Authorization", "SECRET")];
        if name != "Host" {
            fields.push(("Host", "h"));
        }
        let error = head("GET", "/", &fields, BodySize::Empty).unwrap_err();
        assert!(
            !format!("{error} {error:?}").contains("SECRET"),
            "{error:?}"
        );
    }
}

#[test]
fn chunk_lines_are_lower_case_hexadecimal() {
    let mut http1 = Http1::new(Config::default());
    http1
        .send_head(
            "POST",
            "/",
            &headers(&[("Host", "h")]),
            BodySize::Unknown,
            &mut Vec::new(),
        )
        .unwrap();
    for len in [1, 9, 10, 15, 16, 255, 256, 65_536, 0xabc_def, usize::MAX] {
        let framing = http1.send_data(len).unwrap();
        assert_eq!(framing.before(), format!("{len:x}\r\n").as_bytes());
        assert_eq!(framing.after(), b"\r\n");
    }
    let nothing = http1.send_data(0).unwrap();
    assert_eq!((nothing.before(), nothing.after()), (&b""[..], &b""[..]));
}

#[test]
fn trailers_end_a_chunked_body_and_no_other() {
    let start = |size| {
        let mut http1 = Http1::new(Config::default());
        http1
            .send_head(
                "POST",
                "/",
                &headers(&[("Host", "h")]),
                size,
                &mut Vec::new(),
            )
            .unwrap();
        http1
    };
    let trailers = headers(&[("Checksum", "1"), ("X", "")]);
    let mut out = Vec::new();
    start(BodySize::Unknown)
        .send_end(Some(&trailers), &mut out)
        .unwrap();
    assert_eq!(out, b"0\r\nChecksum: 1\r\nX: \r\n\r\n");

    out.clear();
    start(BodySize::Unknown)
        .send_end(Some(&headers(&[])), &mut out)
        .unwrap();
    assert_eq!(out, b"0\r\n\r\n");

    out.clear();
    let none = headers(&[]);
    let found = start(BodySize::Known(0)).send_end(Some(&none), &mut out);
    assert_eq!((found, out.len()), (Ok(()), 0));
    let found = start(BodySize::Known(0)).send_end(Some(&trailers), &mut out);
    assert_eq!(found, Err(LocalError::TrailersNeedChunks));
    for name in [
        "Content-Length",
        "transfer-encoding",
        "Host",
        "Authorization",
        "Set-Cookie",
    ] {
        let mut http1 = start(BodySize::Unknown);
        let found = http1.send_end(Some(&headers(&[("A", "b"), (name, "x")])), &mut out);
        assert!(
            matches!(found, Err(LocalError::ForbiddenTrailer(_))),
            "{name}"
        );
        assert!(out.is_empty());
        assert_eq!(
            http1.send_end(None, &mut Vec::new()),
            Ok(()),
            "and it can still end"
        );
    }
}
