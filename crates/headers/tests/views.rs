//! Looking at fields by name, as lists, as text, as `http::HeaderMap`, and in logs.

use http::HeaderMap;
use nuncio_headers::{Encoding, Headers, InvalidHeader};

fn headers(pairs: &[(&str, &str)]) -> Headers {
    Headers::try_from(pairs).unwrap()
}

#[test]
fn keys_come_once_in_lower_case_and_items_join_their_values() {
    let headers = headers(&[("B", "1"), ("A", "2"), ("b", "3"), ("C", ""), ("a", "4, 5")]);
    assert_eq!(headers.keys().collect::<Vec<_>>(), ["b", "a", "c"]);
    let items: Vec<_> = headers
        .items()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    assert_eq!(items, ["b=1, 3", "a=2, 4, 5", "c="]);
}

#[test]
fn fields_as_bytes_are_the_fields_as_text() {
    let headers = headers(&[("B", "1"), ("a", "2"), ("b", "")]);
    let bytes: Vec<_> = headers.iter_bytes().collect();
    let text: Vec<_> = headers.iter().map(|(n, v)| (n.as_bytes(), v)).collect();
    assert_eq!(bytes, text);
    assert_eq!(bytes[0], (&b"B"[..], &b"1"[..]));
}

#[test]
fn a_list_splits_outside_quotes_and_the_plain_one_everywhere() {
    let headers = headers(
        &[("X", r#"a, "b,\"c" ,,d"#), ("x", " e ,"), ("y", "1")].map(|(n, v)| (n, v.trim())),
    );
    let text = |pieces: Vec<&[u8]>| {
        pieces
            .iter()
            .map(|piece| headers.decode(piece).into_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        text(headers.list("x").collect()),
        ["a", r#""b,\"c""#, "d", "e"]
    );
    assert_eq!(
        text(headers.split_commas("X").collect()),
        ["a", "\"b", "\\\"c\"", "", "d", "e", ""]
    );
    assert_eq!(
        headers.list("z").count() + headers.split_commas("z").count(),
        0
    );
}

#[test]
fn insert_takes_the_place_of_the_first_and_the_case_of_the_new() {
    let mut headers = headers(&[("A", "1"), ("b", "2"), ("a", "3"), ("B", "4")]);
    headers.insert("b", "a longer value than before").unwrap();
    assert_eq!(
        headers.as_wire(),
        b"A: 1\r\nb: a longer value than before\r\na: 3\r\n"
    );
    headers.insert("a", "").unwrap();
    assert_eq!(
        headers.as_wire(),
        b"a: \r\nb: a longer value than before\r\n"
    );
    headers.insert("C", "5").unwrap();
    assert_eq!(headers.first("b"), Some(&b"a longer value than before"[..]));
    assert_eq!(headers.first("c"), Some(&b"5"[..]));
}

#[test]
fn update_drops_the_names_of_the_other_and_appends_all_of_it() {
    let mut ours = headers(&[("A", "1"), ("b", "2"), ("a", "3")]);
    ours.update(&headers(&[("a", "4"), ("C", "5"), ("A", "6")]))
        .unwrap();
    assert_eq!(ours.as_wire(), b"b: 2\r\na: 4\r\nC: 5\r\nA: 6\r\n");
}

#[test]
fn one_value_that_is_not_utf8_makes_all_of_them_latin1() {
    let mut headers = headers(&[("a", "é"), ("b", "x")]);
    assert_eq!(headers.encoding(), Encoding::Utf8);
    assert_eq!(headers.get("a").unwrap(), "é");
    headers.append("c", b"\xe9").unwrap();
    assert_eq!(headers.encoding(), Encoding::Latin1);
    assert_eq!(headers.get("a").unwrap(), "Ã©");
    assert_eq!(headers.get("c").unwrap(), "é");
    headers.set_encoding(Some(Encoding::Utf8));
    assert_eq!(headers.get("c").unwrap(), "\u{FFFD}");
    headers.set_encoding(Some(Encoding::Ascii));
    assert_eq!(headers.get("c").unwrap(), "\u{FFFD}");
    headers.set_encoding(None);
    assert_eq!(headers.remove("a") + headers.remove("c"), 2);
    assert_eq!(headers.encoding(), Encoding::Ascii);
}

#[test]
fn no_credential_is_shown_by_debug() {
    let names = [
        "Authorization",
        "PROXY-authorization",
        "cookie",
        "Set-Cookie",
    ];
    for name in names {
        let one = headers(&[(name, "SECRET"), ("x", "shown\u{85}")]);
        let shown = format!("{one:?}");
        assert_eq!(
            shown,
            format!(r#"{{"{name}": "[secure]", "x": "shown\u{{85}}"}}"#)
        );
        let two = headers(&[(name, "SECRET"), (name, "SECRET")]);
        let shown = format!("{two:?} {two:#?} {:?}", two.iter());
        assert!(
            shown.starts_with('[') && !shown.contains("SECRET"),
            "{shown}"
        );
    }
}

#[test]
fn a_header_map_and_back_keeps_every_field() {
    let ours = headers(&[("A", "1"), ("Authorization", "s"), ("b", "é"), ("a", "2")]);
    let map = HeaderMap::try_from(&ours).unwrap();
    assert_eq!(map.get_all("a").iter().collect::<Vec<_>>(), ["1", "2"]);
    assert!(map["authorization"].is_sensitive() && !map["b"].is_sensitive());
    assert_eq!(Headers::try_from(&map).unwrap(), ours);

    let mut map = HeaderMap::new();
    map.insert("x", http::HeaderValue::from_static(" space"));
    assert!(matches!(
        Headers::try_from(&map),
        Err(InvalidHeader::Value {
            byte: b' ',
            position: 0,
            ..
        })
    ));
}

#[test]
fn what_a_header_map_cannot_hold_is_an_error_and_no_panic() {
    let mut many = Headers::new();
    for index in 0..40_000 {
        many.append(format!("x{index}"), "").unwrap();
    }
    assert_eq!(
        HeaderMap::try_from(&many).err(),
        Some(InvalidHeader::TooLarge)
    );
    let long = headers(&[(&"a".repeat(70_000), "")]);
    assert_eq!(
        HeaderMap::try_from(&long).err(),
        Some(InvalidHeader::TooLarge)
    );
}

#[test]
fn pairs_that_are_not_valid_build_nothing() {
    assert!(Headers::try_from([("a", "b"), ("c d", "e")]).is_err());
    assert!(Headers::try_from(vec![(String::from("a"), b"\0".to_vec())]).is_err());
    assert_eq!(Headers::try_from([("a", "b")]).unwrap().len(), 1);
}

/// What `http` lets into its names and values is not looked at again where a map is taken over.
#[test]
fn whatever_http_has_in_a_map_is_valid_here_but_for_spaces_at_an_end() {
    for byte in 0..=u8::MAX {
        if let Ok(name) = http::HeaderName::from_bytes(&[b'a', byte]) {
            assert!(nuncio_headers::check_name(name.as_str()).is_ok(), "{byte}");
        }
        for value in [vec![b'a', byte, b'b'], vec![byte], vec![b'a', byte]] {
            let Ok(theirs) = http::HeaderValue::from_bytes(&value) else {
                continue;
            };
            let mut map = HeaderMap::new();
            map.insert("x", theirs);
            let valid = nuncio_headers::check_value("x", &value);
            match Headers::try_from(&map) {
                Ok(ours) => {
                    assert!(valid.is_ok(), "{value:?}");
                    assert_eq!(ours.first("x"), Some(&value[..]));
                }
                Err(error) => assert_eq!(Err(error), valid),
            }
        }
    }
}

#[test]
fn credentials_are_known_by_their_fields() {
    for name in [
        "AUTHORIZATION",
        "Proxy-Authorization",
        "cookie",
        "Set-Cookie",
    ] {
        let fields = Headers::try_from([("Host", "a"), (name, "x=1")]).unwrap();
        assert!(fields.holds_credentials(), "{name}");
    }
    let fields = Headers::try_from([("Host", "a"), ("Cookie2", "x=1")]).unwrap();
    assert!(!fields.holds_credentials());
}
