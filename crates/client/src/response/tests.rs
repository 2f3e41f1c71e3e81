//! Sections 10, 11 and 31.4 of BEHAVIOUR, on responses made of `http`'s. What was doubtful was asked
//! of httpx 0.28.1.

use super::{DefaultEncoding, ERROR_BODY, Response, SentRequest};
use crate::{Error, Kind, Url, Version};
use bytes::Bytes;

fn response(status: u16, fields: &[(&str, &str)], body: impl Into<Bytes>) -> Response {
    let url = Url::parse("https://user:secret@example.org/a?b=c#d").unwrap();
    let mut response = http::Response::builder().status(status).extension(url);
    for (name, value) in fields {
        response = response.header(*name, *value);
    }
    Response::try_from(response.body(body.into()).unwrap()).unwrap()
}

fn page(content_type: &str, body: impl Into<Bytes>) -> Response {
    response(200, &[("Content-Type", content_type)], body)
}

fn bare(body: impl Into<Bytes>) -> Response {
    response(200, &[], body)
}

#[test]
fn b10_the_class_is_told_by_the_number_alone() {
    for code in 100..=999 {
        let response = response(code, &[], "");
        let told = [
            response.is_informational(),
            response.is_success(),
            response.is_redirect(),
            response.is_client_error(),
            response.is_server_error(),
        ];
        let expected = [1, 2, 3, 4, 5].map(|class| code / 100 == class);
        assert_eq!(told, expected, "{code}");
        assert_eq!(response.is_error(), (400..600).contains(&code), "{code}");
    }
}

#[test]
fn b28_the_words_of_a_code_are_those_of_the_table_and_an_unknown_one_has_none() {
    const TABLE: [(u16, &str); 62] = [
        (100, "Continue"),
        (101, "Switching Protocols"),
        (102, "Processing"),
        (103, "Early Hints"),
        (200, "OK"),
        (201, "Created"),
        (202, "Accepted"),
        (203, "Non-Authoritative Information"),
        (204, "No Content"),
        (205, "Reset Content"),
        (206, "Partial Content"),
        (207, "Multi-Status"),
        (208, "Already Reported"),
        (226, "IM Used"),
        (300, "Multiple Choices"),
        (301, "Moved Permanently"),
        (302, "Found"),
        (303, "See Other"),
        (304, "Not Modified"),
        (305, "Use Proxy"),
        (307, "Temporary Redirect"),
        (308, "Permanent Redirect"),
        (400, "Bad Request"),
        (401, "Unauthorized"),
        (402, "Payment Required"),
        (403, "Forbidden"),
        (404, "Not Found"),
        (405, "Method Not Allowed"),
        (406, "Not Acceptable"),
        (407, "Proxy Authentication Required"),
        (408, "Request Timeout"),
        (409, "Conflict"),
        (410, "Gone"),
        (411, "Length Required"),
        (412, "Precondition Failed"),
        (413, "Request Entity Too Large"),
        (414, "Request-URI Too Long"),
        (415, "Unsupported Media Type"),
        (416, "Requested Range Not Satisfiable"),
        (417, "Expectation Failed"),
        (418, "I'm a teapot"),
        (421, "Misdirected Request"),
        (422, "Unprocessable Entity"),
        (423, "Locked"),
        (424, "Failed Dependency"),
        (425, "Too Early"),
        (426, "Upgrade Required"),
        (428, "Precondition Required"),
        (429, "Too Many Requests"),
        (431, "Request Header Fields Too Large"),
        (451, "Unavailable For Legal Reasons"),
        (500, "Internal Server Error"),
        (501, "Not Implemented"),
        (502, "Bad Gateway"),
        (503, "Service Unavailable"),
        (504, "Gateway Timeout"),
        (505, "HTTP Version Not Supported"),
        (506, "Variant Also Negotiates"),
        (507, "Insufficient Storage"),
        (508, "Loop Detected"),
        (510, "Not Extended"),
        (511, "Network Authentication Required"),
    ];
    for code in 100..=999 {
        let known = TABLE.iter().find(|(known, _)| *known == code);
        let words = known.map_or("", |(_, words)| words);
        assert_eq!(response(code, &[], "").reason(), words, "{code}");
    }
}

#[test]
fn b10_the_debug_form_is_code_and_words() {
    assert_eq!(format!("{:?}", bare("")), "<Response [200 OK]>");
    assert_eq!(format!("{:?}", response(299, &[], "")), "<Response [299 ]>");
}

#[test]
fn b10_a_redirect_location_takes_one_of_five_codes_and_a_location() {
    for code in 100..=999 {
        let sends = matches!(code, 301 | 302 | 303 | 307 | 308);
        let with = response(code, &[("Location", "/")], "");
        assert_eq!(with.has_redirect_location(), sends, "{code}");
        assert!(!response(code, &[], "").has_redirect_location(), "{code}");
    }
}

#[test]
fn b10_links_are_found_by_rel_or_by_url_and_the_last_of_a_key_wins() {
    let link = r#"<https://a/>; rel=next; title="x=y, z", </b>; rel="prev up", <c>"#;
    let links = response(200, &[("Link", link), ("Link", "<d>; rel=next")], "").links();
    assert_eq!(links.len(), 4);
    assert_eq!(links.get("next").unwrap().url, "d");
    assert_eq!(links.get("prev up").unwrap().url, "/b");
    assert_eq!(links.get("c").unwrap().url, "c");
    assert_eq!(links.iter().next().unwrap().title().unwrap(), "x=y, z");
    assert!(links.get("prev").is_none());
    assert!(bare("").links().is_empty());
}

#[test]
fn b10_every_status_but_2xx_is_an_error_of_one_line() {
    let location = ("Location", "/next");
    for (code, fields, text) in [
        (
            101,
            &[location][..],
            "Informational response '101 Switching Protocols'",
        ),
        (304, &[location], "Redirect response '304 Not Modified'"),
        (301, &[], "Redirect response '301 Moved Permanently'"),
        (306, &[], "Redirect response '306'"),
        (404, &[location], "Client error '404 Not Found'"),
        (503, &[], "Server error '503 Service Unavailable'"),
        (600, &[], "Invalid status code '600'"),
        (999, &[], "Invalid status code '999'"),
    ] {
        let error = response(code, fields, "why")
            .error_for_status()
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("{text} for url 'https://example.org/a?b=c'")
        );
        assert_eq!(error.kind(), Kind::Status);
        assert!(error.is_status() && !error.is_transport());
        assert_eq!(error.method(), Some("GET"));
        assert_eq!(error.url().unwrap().fragment(), Some("d"));
        let kept = error.into_response().unwrap();
        assert_eq!((kept.status().as_u16(), &*kept.text()), (code, "why"));
    }
    for code in [200, 204, 299] {
        let response = response(code, &[location], "fine");
        assert!(response.status_error().is_none());
        assert_eq!(response.error_for_status().unwrap().text(), "fine");
    }
}

#[test]
fn b10_the_error_of_a_redirect_tells_its_location_without_credentials_and_on_one_line() {
    let told = |location: &str| {
        let error = response(302, &[("Location", location)], "").status_error();
        let text = error.unwrap().to_string();
        let start = "Redirect response '302 Found' for url 'https://example.org/a?b=c'";
        text.strip_prefix(start).unwrap().to_owned()
    };
    assert_eq!(told("/next"), ", redirect location '/next'");
    for location in ["http://me:pw@other/x", "//me:pw@other/x", "//me@other/x"] {
        let text = told(location);
        assert!(!text.contains("me") && !text.contains("pw"), "{text}");
        assert!(text.ends_with("://other/x'"), "{text}");
    }
    assert_eq!(told("http://me:pw@[/"), ", redirect location '(illegible)'");
    assert_eq!(
        told("/a\tb\u{202e}"),
        r", redirect location '/a\tb\u{202e}'"
    );
    assert!(told(&"x".repeat(9000)).chars().count() < 250);
}

#[test]
fn b10_the_error_keeps_the_beginning_of_a_long_body_and_says_so() {
    let short = response(500, &[], vec![b'x'; ERROR_BODY]);
    let kept = short
        .error_for_status()
        .unwrap_err()
        .into_response()
        .unwrap();
    assert_eq!(
        (kept.bytes().len(), kept.is_truncated()),
        (ERROR_BODY, false)
    );

    let long = response(500, &[], vec![b'x'; 4 * ERROR_BODY]);
    let whole = long.clone();
    let error = long.error_for_status().unwrap_err();
    let kept = error.response().unwrap();
    assert_eq!(
        (kept.bytes().len(), kept.is_truncated()),
        (ERROR_BODY, true)
    );
    // A slice would hold all of it in memory.
    let body = whole.bytes().as_ptr_range();
    assert!(!body.contains(&kept.bytes().as_ptr()));
    assert!(!whole.is_truncated());
    // The response can be had from a clone of the error as well.
    let again = error.clone().into_response().unwrap();
    assert_eq!(again.bytes(), kept.bytes());
    assert!(Error::new(Kind::Usage, "no").into_response().is_none());
}

#[test]
fn b10_what_was_downloaded_is_told_beside_the_body() {
    assert_eq!(bare("abc").bytes_downloaded(), 0);
    let unpacked = bare("abc").with_downloaded(23);
    assert_eq!(
        (unpacked.bytes_downloaded(), unpacked.bytes().len()),
        (23, 3)
    );
}

#[test]
fn b6_5_the_cookies_of_a_response_made_by_hand_are_those_that_it_sets_for_now_or_later() {
    let fields = [
        ("Set-Cookie", "a=1"),
        ("Set-Cookie", "b=2; Max-Age=60"),
        ("Set-Cookie", "c=3; Max-Age=0"),
        ("Set-Cookie", "d=4; Expires=Thu, 01 Jan 1970 00:00:00 GMT"),
        ("Set-Cookie", "e=5; Domain=other.example"),
    ];
    let cookies = response(200, &fields, "").cookies();
    let values = ["a", "b", "c", "d", "e"].map(|name| cookies.get(name).unwrap());
    assert_eq!(
        values,
        [Some("1".to_owned()), Some("2".to_owned()), None, None, None]
    );
    assert!(bare("").cookies().is_empty());
}

#[test]
fn a_clone_shares_the_body() {
    let first = bare(vec![b'x'; 100]);
    let second = first.clone();
    assert_eq!(first.bytes().as_ptr(), second.bytes().as_ptr());
}

#[test]
fn b11_the_declared_charset_is_told_as_it_is_declared() {
    for (content_type, charset) in [
        ("text/plain; charset=utf-8", Some("utf-8")),
        ("text/plain;charset=\"ISO-8859-1\"", Some("iso-8859-1")),
        ("text/plain; CHARSET=No-Such", Some("no-such")),
        ("text/plain; charset=utf-8; charset=latin1", Some("utf-8")),
        ("text/plain; charset*=utf-8''latin1", Some("latin1")),
        ("text/plain", None),
        ("", None),
    ] {
        let charset = charset.map(str::to_owned);
        assert_eq!(page(content_type, "").charset(), charset, "{content_type}");
    }
    assert_eq!(bare("").charset(), None);
}

#[test]
fn b11_text_without_a_declaration_is_utf_8_and_what_is_malformed_is_replaced() {
    for (body, text) in [
        (&b""[..], ""),
        (b"plain", "plain"),
        ("caf\u{e9}".as_bytes(), "caf\u{e9}"),
        (b"caf\xe9", "caf\u{fffd}"),
        (b"\xf0\x9f\x98", "\u{fffd}"),
        (b"\xff\xfe", "\u{fffd}\u{fffd}"),
        (b"\xef\xbb\xbfa", "\u{feff}a"),
    ] {
        let response = bare(body);
        assert_eq!(response.text(), text, "{body:?}");
        assert_eq!(response.encoding(), "UTF-8");
        let borrowed = matches!(response.text(), std::borrow::Cow::Borrowed(_));
        assert_eq!(borrowed, std::str::from_utf8(body).is_ok(), "{body:?}");
    }
}

#[test]
fn b11_only_utf_8_sig_takes_a_byte_order_mark_off() {
    let body: &[u8] = b"\xef\xbb\xbfa";
    for (charset, text) in [("utf-8", "\u{feff}a"), ("utf-8-sig", "a")] {
        let response = page(&format!("text/plain; charset={charset}"), body);
        assert_eq!(response.text(), text);
        assert_eq!(response.encoding(), charset.to_ascii_uppercase());
    }
    assert_eq!(
        bare(&b"a\xef\xbb\xbf"[..]).text_with("utf-8-sig").unwrap(),
        "a\u{feff}"
    );
    assert_eq!(bare("").text_with("utf-8-sig").unwrap(), "");
    assert_eq!(
        bare(&b"\xef\xbb"[..]).text_with("utf-8-sig").unwrap(),
        "\u{fffd}"
    );
}

#[test]
fn b11_a_charset_that_is_unknown_or_no_charset_counts_as_undeclared() {
    for charset in ["bogus", "hex", "base64", "idna", "\"\"", "punycode"] {
        let response = page(&format!("text/plain; charset={charset}"), &b"\xc3\xa9"[..]);
        assert_eq!(response.encoding(), "UTF-8", "{charset}");
        assert_eq!(response.text(), "\u{e9}", "{charset}");
    }
}

#[test]
fn b11_a_label_that_is_unknown_cannot_be_set() {
    let errors = [
        bare("abc").with_encoding("bo\ngus").unwrap_err(),
        bare("abc").text_with("bo\ngus").unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), Kind::Builder);
        assert_eq!(
            error.to_string(),
            r#"GET https://example.org/a?b=c: unknown charset "bo\ngus""#
        );
    }
    let error = DefaultEncoding::label("bogus").unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (Kind::Builder, r#"unknown charset "bogus""#)
    );
}

#[test]
fn b11_a_function_that_gives_nothing_or_nonsense_leaves_utf_8() {
    for label in [None, Some("bogus"), Some("hex")] {
        let default = DefaultEncoding::function(move |_| label.map(str::to_owned));
        let response = bare("\u{e9}").with_default_encoding(&default);
        assert_eq!(
            (response.encoding(), &*response.text()),
            ("UTF-8", "\u{e9}")
        );
    }
}

#[test]
fn b11_the_function_sees_the_whole_body() {
    let default = DefaultEncoding::function(|body| {
        assert_eq!(body, b"the body");
        Some("utf-8-sig".to_owned())
    });
    let response = bare("the body").with_default_encoding(&default);
    assert_eq!(response.encoding(), "UTF-8-SIG");
}

#[cfg(not(feature = "charset"))]
#[test]
fn b11_without_the_feature_all_text_is_utf_8() {
    let response = page("text/plain; charset=latin1", &b"caf\xe9"[..]);
    assert_eq!(
        (response.encoding(), &*response.text()),
        ("UTF-8", "caf\u{fffd}")
    );
    assert_eq!(
        response.text_with("latin1").unwrap_err().kind(),
        Kind::Builder
    );
}

#[cfg(feature = "charset")]
mod charset {
    use super::*;

    fn label(label: &str) -> DefaultEncoding {
        DefaultEncoding::label(label).unwrap()
    }

    #[test]
    fn b11_the_order_is_set_then_declared_then_default_then_utf_8() {
        let body = &b"\xe9"[..];
        let read = |response: &Response| (response.encoding(), response.text().into_owned());
        let cyrillic = ("windows-1251", "\u{439}".to_owned());
        let greek = ("windows-1253", "\u{3b9}".to_owned());
        let western = ("windows-1252", "\u{e9}".to_owned());
        let none = ("UTF-8", "\u{fffd}".to_owned());

        assert_eq!(read(&bare(body)), none);
        let default = bare(body).with_default_encoding(&label("cp1251"));
        assert_eq!(read(&default), cyrillic);
        let unknown = page("text/plain; charset=bogus", body);
        assert_eq!(
            read(&unknown.with_default_encoding(&label("cp1251"))),
            cyrillic
        );
        let declared = page("text/plain; charset=windows-1253", body);
        let declared = declared.with_default_encoding(&label("cp1251"));
        assert_eq!(read(&declared), greek);
        let set = declared.clone().with_encoding("latin-1").unwrap();
        assert_eq!(read(&set), western);
        // Set again, the last counts; for one reading, that alone.
        let set = set.with_encoding("cp1251").unwrap();
        assert_eq!(read(&set), cyrillic);
        assert_eq!(set.text_with("windows-1253").unwrap(), greek.1);
        assert_eq!(read(&set), cyrillic);
        // Back to what goes without saying.
        let default = default.with_default_encoding(&DefaultEncoding::default());
        assert_eq!(read(&default), none);
    }

    #[test]
    fn b11_a_function_chooses_by_the_body_and_yields_to_what_is_declared() {
        let default =
            DefaultEncoding::function(|body| (!body.is_ascii()).then(|| "koi8-r".to_owned()));
        let read = |response: Response| response.with_default_encoding(&default).encoding();
        assert_eq!(read(bare("abc")), "UTF-8");
        assert_eq!(read(bare(&b"\xc1"[..])), "KOI8-R");
        assert_eq!(
            read(page("text/plain; charset=latin1", &b"\xc1"[..])),
            "windows-1252"
        );
    }

    #[test]
    fn b11_labels_are_the_webs_and_pythons() {
        for (charset, body, text) in [
            ("ISO-8859-1", &b"caf\xe9 \x80"[..], "caf\u{e9} \u{20ac}"),
            ("latin_1", b"\xe9", "\u{e9}"),
            ("ascii", b"\xe9", "\u{e9}"),
            ("shift_jis", b"\x93\xfa\x96\x7b", "\u{65e5}\u{672c}"),
            ("gb2312", b"\xd6\xd0", "\u{4e2d}"),
            ("utf-16", b"\xff\xfea\0", "a"),
            ("utf-16", b"\xfe\xff\0a", "a"),
            ("utf-16", b"a\0", "a"),
            ("utf-16le", b"\xff\xfea\0", "\u{feff}a"),
            ("utf-16be", b"\0a\0", "a\u{fffd}"),
        ] {
            let response = page(&format!("text/plain; charset={charset}"), body);
            assert_eq!(response.text(), text, "{charset}");
            assert_eq!(bare(body).text_with(charset).unwrap(), text, "{charset}");
        }
    }

    #[test]
    fn b31_4_a_page_may_name_its_charset_within_2048_bytes_whatever_its_type() {
        let meta = DefaultEncoding::html_meta();
        let read = |response: Response| {
            let response = response.with_default_encoding(&meta);
            (response.encoding(), response.text().into_owned())
        };
        let html = &b"<html><head><meta charset=\"windows-1251\"></head>\xe9"[..];
        for content_type in ["text/html", "application/octet-stream", ""] {
            let (encoding, text) = read(page(content_type, html));
            assert_eq!(encoding, "windows-1251", "{content_type}");
            assert!(text.ends_with('\u{439}'));
        }
        assert_eq!(read(page("text/html; charset=utf-8", html)).0, "UTF-8");
        assert_eq!(
            read(page("text/html; charset=bogus", html)).0,
            "windows-1251"
        );
        assert_eq!(read(bare("<meta charset=bogus>")).0, "UTF-8");
        assert_eq!(read(bare("no page")).0, "UTF-8");
        // A mark at the beginning tells more than any element, and is taken off.
        let marked = bare([b"\xef\xbb\xbf", html].concat());
        let (encoding, text) = read(marked);
        assert_eq!(encoding, "UTF-8-SIG");
        assert!(text.starts_with("<html>"));
        // The element is whole within the bytes that are looked at, or is not seen.
        let element = "<meta charset=windows-1251>";
        for (at, seen) in [(2048 - element.len(), true), (2048, false)] {
            let page = " ".repeat(at) + element;
            assert_eq!(read(bare(page)).0 == "windows-1251", seen, "{at}");
        }
    }

    #[cfg(feature = "detect")]
    #[test]
    fn b11_a_charset_can_be_guessed() {
        let detect = DefaultEncoding::detect();
        let read = |response: Response| response.with_default_encoding(&detect).encoding();
        let russian = "Съешь же ещё этих мягких французских булок, да выпей чаю.";
        assert_eq!(read(bare(russian)), "UTF-8");
        let coded: Vec<u8> = russian
            .chars()
            .map(|character| match character {
                'а'..='я' | 'А'..='Я' => (character as u32 - 0x410 + 0xC0) as u8,
                'ё' => 0xB8,
                _ => character as u8,
            })
            .collect();
        let response = bare(coded.clone()).with_default_encoding(&detect);
        assert_eq!(response.encoding(), "windows-1251");
        assert_eq!(response.text(), russian);
        // A declaration is believed.
        assert_eq!(read(page("text/plain; charset=koi8-r", coded)), "KOI8-R");
    }
}

#[cfg(feature = "json")]
mod json {
    use super::*;
    use serde::Deserialize;
    use serde_json::{Value, json};
    use std::collections::HashMap;

    fn coded(text: &str, form: &str) -> Vec<u8> {
        let wide = form.starts_with("utf-32");
        let big = form.ends_with("be");
        if wide {
            let code = |c: char| {
                if big {
                    (c as u32).to_be_bytes()
                } else {
                    (c as u32).to_le_bytes()
                }
            };
            text.chars().flat_map(code).collect()
        } else {
            let code = |unit: u16| {
                if big {
                    unit.to_be_bytes()
                } else {
                    unit.to_le_bytes()
                }
            };
            text.encode_utf16().flat_map(code).collect()
        }
    }

    #[test]
    fn b11_json_is_read_from_the_bytes_in_every_unicode_form_whatever_is_declared() {
        let text = "{\"caf\u{e9}\": [1, null, \"\u{1f600}\"]}";
        let mut bodies = vec![
            text.as_bytes().to_vec(),
            format!("\u{feff}{text}").into_bytes(),
        ];
        for form in ["utf-16le", "utf-16be", "utf-32le", "utf-32be"] {
            bodies.push(coded(text, form));
            bodies.push(coded(&format!("\u{feff}{text}"), form));
        }
        let value = json!({"caf\u{e9}": [1, null, "\u{1f600}"]});
        for body in bodies {
            for content_type in ["application/json; charset=latin1", "text/plain", ""] {
                let response = page(content_type, body.clone());
                assert_eq!(response.json::<Value>().unwrap(), value, "{body:?}");
            }
        }
        for (body, value) in [
            ("1", json!(1)),
            ("\"\"", json!("")),
            (" null\n", json!(null)),
        ] {
            assert_eq!(bare(body).json::<Value>().unwrap(), value);
        }
    }

    #[test]
    fn b11_what_is_no_json_is_an_error_of_one_line_that_says_where() {
        for (body, text) in [
            (
                &b""[..],
                "reading the body as JSON: EOF while parsing a value at line 1 column 0",
            ),
            (
                b" ",
                "reading the body as JSON: EOF while parsing a value at line 1 column 1",
            ),
            (
                b"[1] x",
                "reading the body as JSON: trailing characters at line 1 column 5",
            ),
            (
                b"{\n  \"a\": [NaN]}",
                "reading the body as JSON: expected value at line 2 column 9",
            ),
            (
                b"[\0\x31\0]\0x\0",
                "reading the body as JSON: trailing characters at line 1 column 4",
            ),
            (b"[\"\xe9\"]", "JSON body is not valid UTF-8 at byte 2"),
            (b"[\0\x31\0]", "JSON body is not valid UTF-16LE at byte 4"),
        ] {
            let error = bare(body).json::<Value>().unwrap_err();
            assert_eq!(error.kind(), Kind::Decoding, "{body:?}");
            assert_eq!(
                error.to_string(),
                format!("GET https://example.org/a?b=c: {text}")
            );
            assert_eq!(error.method(), Some("GET"));
            assert!(std::error::Error::source(&error).is_some());
        }
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Row<'a> {
        #[serde(default)]
        name: &'a str,
        #[serde(default)]
        count: u32,
    }

    #[test]
    fn b11_what_is_other_json_is_told_in_bounds_and_escaped() {
        let error = |body: String| bare(body).json::<Row<'_>>().unwrap_err().to_string();
        let unknown = error("{\"a\\nb\u{202e}\": 1}".to_owned());
        assert!(
            unknown.contains(r"unknown field `a\nb\u{202e}`"),
            "{unknown}"
        );
        assert!(unknown.ends_with("at line 1 column 10"), "{unknown}");
        let long = error(format!("{{\"count\": \"{}\"}}", "x".repeat(100_000)));
        assert!(long.len() < 300, "{} bytes", long.len());
        assert!(long.ends_with("at line 1 column 100012"), "{long}");
        assert_eq!(long.lines().count(), 1);
    }

    #[test]
    fn b11_what_is_read_can_borrow_from_the_body() {
        let response = bare(r#"{"name": "ada", "count": 3}"#);
        let row: Row<'_> = response.json().unwrap();
        assert_eq!(
            row,
            Row {
                name: "ada",
                count: 3
            }
        );
        assert!(response.bytes().as_ptr_range().contains(&row.name.as_ptr()));
        // Of what had to be decoded first nothing can be borrowed, and only owned values work.
        let wide = bare(coded(r#"{"name": "ada"}"#, "utf-16le"));
        let error = wide.json::<Row<'_>>().unwrap_err();
        assert!(
            error.to_string().contains("expected a borrowed string"),
            "{error}"
        );
        let owned: HashMap<String, String> = wide.json().unwrap();
        assert_eq!(owned["name"], "ada");
    }

    #[test]
    fn b11_the_last_of_equal_keys_is_kept() {
        let value: Value = bare(r#"{"a": 1, "a": 2}"#).json().unwrap();
        assert_eq!(value, json!({"a": 2}));
    }
}

#[test]
fn a_response_becomes_one_of_http_and_comes_back() {
    #[derive(Clone, Debug, PartialEq)]
    struct Mark(u8);

    let url = Url::parse("https://example.org/x").unwrap();
    let built = http::Response::builder()
        .status(418)
        .version(Version::HTTP_2)
        .header("X-Many", "one")
        .header("X-Many", "two")
        .extension(url)
        .extension(Mark(7))
        .body(&b"tea"[..])
        .unwrap();
    let response = Response::try_from(built).unwrap();
    assert_eq!(response.url(), "https://example.org/x");
    assert_eq!(response.request().method(), "GET");
    assert_eq!(response.extensions().unwrap().get(), Some(&Mark(7)));
    assert_eq!(response.as_ref(), b"tea");

    let theirs = http::Response::<Bytes>::try_from(response).unwrap();
    assert_eq!(theirs.status(), 418);
    assert_eq!(theirs.version(), Version::HTTP_2);
    let values: Vec<_> = theirs.headers().get_all("x-many").iter().collect();
    assert_eq!(values, ["one", "two"]);
    assert_eq!(theirs.extensions().get(), Some(&Mark(7)));
    let sent: &SentRequest = theirs.extensions().get().unwrap();
    assert_eq!(sent.url(), "https://example.org/x");
    assert_eq!(theirs.body(), "tea");

    let back = Response::try_from(theirs).unwrap();
    assert_eq!(back.url(), "https://example.org/x");
    assert_eq!(back.extensions().unwrap().get(), Some(&Mark(7)));
    assert!(back.extensions().unwrap().get::<SentRequest>().is_none());
    assert_eq!(
        (back.text(), back.version()),
        ("tea".into(), Version::HTTP_2)
    );
}

#[test]
fn a_response_of_http_without_a_request_gets_one_and_a_value_with_spaces_is_refused() {
    let plain = Response::try_from(http::Response::new("")).unwrap();
    assert_eq!(plain.url(), "http://localhost/");
    assert!(plain.extensions().is_none());
    let bad = http::Response::builder()
        .header("a", "b ")
        .body("")
        .unwrap();
    assert_eq!(Response::try_from(bad).unwrap_err().kind(), Kind::Builder);
}
