//! Values with a charset of their own (RFC 8187).

/// Decodes `charset'language'percent-encoded`. `None` for another charset than UTF-8 and
/// ISO 8859-1, a bad percent sequence or malformed UTF-8.
pub(crate) fn decode(value: &[u8]) -> Option<String> {
    let mut parts = value.splitn(3, |&byte| byte == b'\'');
    let (charset, _language, encoded) = (parts.next()?, parts.next()?, parts.next()?);
    let bytes = percent_decode(encoded)?;
    if charset.eq_ignore_ascii_case(b"utf-8") {
        String::from_utf8(bytes).ok()
    } else if charset.eq_ignore_ascii_case(b"iso-8859-1") {
        Some(bytes.into_iter().map(char::from).collect())
    } else {
        None
    }
}

fn percent_decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => hex(*bytes.next()?)? << 4 | hex(*bytes.next()?)?,
            0x80.. => return None,
            _ => byte,
        });
    }
    Some(decoded)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|digit| digit as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_an_ext_value_is_none() {
        assert_eq!(decode(b"utf-8''a%20b").as_deref(), Some("a b"));
        let wrong: [&[u8]; 8] = [
            b"",
            b"x",
            b"utf-8'x",
            b"utf-8''%",
            b"utf-8''%4",
            b"utf-8''%gg",
            b"utf-8''%ff",
            b"x''a",
        ];
        for wrong in wrong {
            assert_eq!(decode(wrong), None, "{}", wrong.escape_ascii());
        }
        assert_eq!(decode("utf-8''é".as_bytes()), None);
    }
}
