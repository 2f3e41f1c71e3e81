//! Which bytes get in (RFC 9110 sections 5.5 and 5.6.2).

use nuncio_headers::{Headers, InvalidHeader, check_name, check_value};

fn received(name: &[u8], value: &[u8]) -> Result<Headers, InvalidHeader> {
    let block = [name, b": ", value, b"\r\n"].concat();
    let start = name.len() + 2;
    Headers::from_received(
        &block,
        [(0..name.len(), start..start + value.len())].into_iter(),
    )
}

#[test]
fn every_byte_at_every_position_of_a_name() {
    for byte in 0..=255_u8 {
        let token = byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        for position in 0..20 {
            let mut name = b"x-some-longer-header".to_vec();
            name[position] = byte;
            let checked = check_name(&name);
            assert_eq!(checked.is_ok(), token, "{byte:#x} at {position}");
            assert_eq!(received(&name, b"v").map(|_| ()), checked);
            if let Ok(text) = std::str::from_utf8(&name) {
                let mut headers = Headers::new();
                assert_eq!(headers.append(text, "v"), checked);
                assert_eq!(headers.insert(text, "v"), checked);
                assert_eq!(headers.len(), usize::from(token));
            }
            if let Err(error) = checked {
                assert!(
                    matches!(error, InvalidHeader::Name { byte: b, position: p, .. }
                        if b == byte && p == position)
                );
            }
        }
    }
    assert_eq!(check_name(""), Err(InvalidHeader::EmptyName));
}

#[test]
fn every_byte_at_every_position_of_a_value() {
    const LEN: usize = 40;
    for byte in 0..=255_u8 {
        for position in 0..LEN {
            let outer = position == 0 || position == LEN - 1;
            let valid = match byte {
                b' ' | b'\t' => !outer,
                0x21..=0x7E | 0x80..=0xFF => true,
                _ => false,
            };
            let mut value = vec![b'v'; LEN];
            value[position] = byte;
            let checked = check_value("X-Name", &value);
            assert_eq!(checked.is_ok(), valid, "{byte:#x} at {position}");
            assert_eq!(received(b"X-Name", &value).map(|_| ()), checked);
            let mut headers = Headers::new();
            assert_eq!(headers.append("X-Name", &value), checked);
            headers.clear();
            assert_eq!(
                headers.insert_if_absent("X-Name", &value),
                checked.clone().map(|()| true)
            );
            headers.clear();
            headers.append("x-name", "old").unwrap();
            assert_eq!(headers.insert("X-Name", &value), checked);
            if let Err(error) = checked {
                assert_eq!(headers.first("x-name"), Some(&b"old"[..]));
                assert_eq!(
                    error,
                    InvalidHeader::Value {
                        name: "X-Name".into(),
                        byte,
                        position
                    }
                );
            }
        }
    }
    assert_eq!(check_value("a", ""), Ok(()));
}

#[test]
fn an_error_shows_the_byte_escaped_and_never_the_value() {
    let mut headers = Headers::new();
    let error = headers
        .append("Authorization", "Bearer SECRET\r\nx: y")
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"invalid byte '\r' at position 13 of the value of header "Authorization""#
    );
    assert!(!format!("{error:?}").contains("SECRET"));
    let error = headers.append("A\u{7}", "").unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"invalid byte '\x07' at position 1 of header name "A\x07""#
    );
    let long = format!("{}\n", "a".repeat(5000));
    assert!(headers.append(long, "").unwrap_err().to_string().len() < 150);
}

#[test]
fn ranges_outside_the_block_are_errors() {
    let at = |name, value| Headers::from_received(b"a: b\r\n", [(name, value)].into_iter());
    assert!(at(0..1, 3..4).is_ok());
    for (name, value) in [
        (0..1, 3..7),
        (0..9, 3..4),
        (usize::MAX - 1..usize::MAX, 3..4),
        (0..1, usize::MAX..usize::MAX),
    ] {
        assert_eq!(
            at(name, value).err(),
            Some(InvalidHeader::Range { field: 0 })
        );
    }
    #[allow(clippy::reversed_empty_ranges)]
    let reversed = at(0..1, 4..3);
    assert_eq!(reversed.err(), Some(InvalidHeader::Range { field: 0 }));
}
