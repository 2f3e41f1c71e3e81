//! Boundaries: made, checked, found in a Content-Type and put into one.

use nuncio_multipart::{Boundary, BoundaryError};

fn new(text: &str) -> Boundary {
    Boundary::new(text).unwrap()
}

fn random_bits() -> u128 {
    u128::from_str_radix(Boundary::random().unwrap().as_str(), 16).unwrap()
}

/// SECURITY M2.
#[test]
fn a_million_random_boundaries_are_distinct() {
    let mut all: Vec<u128> = (0..1_000_000).map(|_| random_bits()).collect();
    all.sort_unstable();
    assert!(all.windows(2).all(|pair| pair[0] != pair[1]));
}

#[test]
fn every_bit_of_a_random_boundary_is_set_in_about_half_of_them() {
    let all: Vec<u128> = (0..10_000).map(|_| random_bits()).collect();
    for bit in 0..128 {
        let set = all.iter().filter(|number| *number >> bit & 1 == 1).count();
        assert!((4_500..5_500).contains(&set), "bit {bit} is set in {set}");
    }
}

#[test]
fn a_random_boundary_is_32_hexadecimal_digits() {
    for _ in 0..100 {
        let boundary = Boundary::random().unwrap();
        let digits = boundary.as_str().bytes();
        assert_eq!(digits.len(), 32);
        assert!(
            digits
                .clone()
                .all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'))
        );
        assert_eq!(
            boundary.content_type(),
            format!("multipart/form-data; boundary={boundary}")
        );
    }
}

/// The grammar of RFC 2046 section 5.1.1, over all bytes.
#[test]
fn only_the_bytes_of_rfc_2046_make_a_boundary() {
    let allowed = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'()+_,-./:=? ";
    for char in (0..=255).map(char::from) {
        let inside = Boundary::new(format!("a{char}b"));
        let last = Boundary::new(format!("ab{char}"));
        assert_eq!(inside.is_ok(), allowed.contains(char), "{char:?}");
        assert_eq!(
            last.is_ok(),
            allowed.contains(char) && char != ' ',
            "{char:?}"
        );
    }
    assert_eq!(
        Boundary::new("a\r\nb"),
        Err(BoundaryError::Byte {
            byte: b'\r',
            position: 1
        })
    );
    assert_eq!(
        Boundary::new("a "),
        Err(BoundaryError::Byte {
            byte: b' ',
            position: 1
        })
    );
    assert_eq!(Boundary::new(""), Err(BoundaryError::Empty));
    assert!(Boundary::new("x".repeat(70)).is_ok());
    assert_eq!(
        Boundary::new("x".repeat(71)),
        Err(BoundaryError::TooLong { length: 71 })
    );
}

/// BEHAVIOUR 9: where a boundary is taken from.
#[test]
fn a_boundary_is_found_in_a_content_type() {
    for (value, found) in [
        ("multipart/form-data; boundary=abc", Some("abc")),
        ("multipart/form-data;boundary=abc", Some("abc")),
        ("multipart/form-data; BOUNDARY=abc", Some("abc")),
        ("multipart/form-data; Boundary=\"abc\"", Some("abc")),
        ("multipart/form-data; boundary=\"\"abc\"\"", Some("abc")),
        ("multipart/form-data; boundary=\"a b:c\"", Some("a b:c")),
        (
            "multipart/form-data; charset=utf-8; boundary=abc; x=y",
            Some("abc"),
        ),
        (
            "multipart/form-data; boundary=abc; boundary=def",
            Some("abc"),
        ),
        ("multipart/form-data;\tboundary=abc \t", Some("abc")),
        ("multipart/form-data; boundary=a=b", Some("a=b")),
        ("multipart/form-data", None),
        ("multipart/form-data;", None),
        ("multipart/form-data; charset=utf-8", None),
        ("multipart/form-data; boundary", None),
        ("multipart/form-data; xboundary=abc", None),
        ("Multipart/Form-Data; boundary=abc", None),
        ("multipart/mixed; boundary=abc", None),
        (" multipart/form-data; boundary=abc", None),
        ("application/json", None),
        ("", None),
    ] {
        let boundary = Boundary::from_content_type(value).unwrap();
        assert_eq!(boundary.as_ref().map(Boundary::as_str), found, "{value}");
    }
}

#[test]
fn a_content_type_with_an_unusable_boundary_is_an_error() {
    for (value, error) in [
        ("multipart/form-data; boundary=", BoundaryError::Empty),
        ("multipart/form-data; boundary=\"\"", BoundaryError::Empty),
        (
            "multipart/form-data; boundary=a\"b",
            BoundaryError::Byte {
                byte: b'"',
                position: 1,
            },
        ),
        (
            "multipart/form-data; boundary=a\r\nb",
            BoundaryError::Byte {
                byte: b'\r',
                position: 1,
            },
        ),
        (
            "multipart/form-data; boundary=\u{fc}",
            BoundaryError::Byte {
                byte: 0xC3,
                position: 0,
            },
        ),
    ] {
        assert_eq!(Boundary::from_content_type(value), Err(error), "{value}");
    }
    let long = format!("multipart/form-data; boundary={}", "x".repeat(71));
    assert_eq!(
        Boundary::from_content_type(long),
        Err(BoundaryError::TooLong { length: 71 })
    );
}

/// BEHAVIOUR 9 [Q]: the reference sends it unusable.
#[test]
fn a_content_type_without_boundary_gets_one() {
    for (given, sent) in [
        ("multipart/form-data", "multipart/form-data; boundary=B"),
        ("multipart/form-data;", "multipart/form-data; boundary=B"),
        ("multipart/form-data ; ", "multipart/form-data ; boundary=B"),
        (
            "multipart/form-data; charset=utf-8",
            "multipart/form-data; charset=utf-8; boundary=B",
        ),
        (
            "multipart/form-data; boundary=own",
            "multipart/form-data; boundary=own",
        ),
        (
            "multipart/form-data; boundary=",
            "multipart/form-data; boundary=",
        ),
        ("multipart/mixed", "multipart/mixed"),
        ("application/json", "application/json"),
        ("", ""),
    ] {
        let completed = new("B").complete(given).into_owned();
        assert_eq!(String::from_utf8(completed).unwrap(), sent, "{given}");
    }
}

#[test]
fn a_boundary_that_is_no_token_is_quoted_and_found_again() {
    for text in [
        "abc", "a.b", "a'b", "a+b", "a_b-c", "a:b", "a b", "a=b", "a/b", "a?b", "(a)", "a,b",
    ] {
        let boundary = new(text);
        let value = boundary.content_type();
        assert_eq!(
            value.contains('"'),
            text.contains([':', ' ', '=', '/', '?', '(', ',']),
            "{value}"
        );
        assert_eq!(
            Boundary::from_content_type(&value),
            Ok(Some(boundary.clone()))
        );
        assert_eq!(boundary.complete("multipart/form-data"), value.as_bytes());
    }
}

#[test]
fn errors_are_one_line() {
    for (error, text) in [
        (BoundaryError::Empty, "empty multipart boundary"),
        (
            BoundaryError::TooLong { length: 71 },
            "multipart boundary of 71 bytes, more than 70",
        ),
        (
            BoundaryError::Byte {
                byte: b'\n',
                position: 3,
            },
            "invalid byte '\\n' at position 3 of a multipart boundary",
        ),
    ] {
        assert_eq!(error.to_string(), text);
    }
}
