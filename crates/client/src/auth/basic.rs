//! Authorization values that need no challenge: Basic (RFC 7617) and Bearer (RFC 6750).

use super::secret::Secret;
use crate::error::{Error, Kind};

/// `Basic` and the base64 of `user:password`. Text is UTF-8; bytes are taken as they are.
///
/// # Errors
/// [`Kind::Builder`] for what Basic cannot carry (RFC 7617 section 2): a colon in the user's name,
/// control characters in either.
pub(crate) fn basic(user: &[u8], password: &[u8]) -> Result<Secret, Error> {
    if user.contains(&b':') {
        return Err(refused("Basic: the user name has a colon in it"));
    }
    if has_control(user) {
        return Err(refused(
            "Basic: the user name has a control character in it",
        ));
    }
    if has_control(password) {
        return Err(refused("Basic: the password has a control character in it"));
    }
    let length = user.len() + 1 + password.len();
    let pair = Secret::new(join(length, &[user, b":", password]));
    let mut value = Vec::with_capacity(6 + length.div_ceil(3) * 4);
    value.extend_from_slice(b"Basic ");
    base64(pair.as_bytes(), &mut value);
    Ok(Secret::new(value))
}

/// `Bearer` and the token. RFC 6750 section 2.1 allows less than is in use: any visible ASCII is
/// let through.
pub(crate) fn bearer(token: &[u8]) -> Result<Secret, Error> {
    if token.is_empty() {
        return Err(refused("Bearer: the token is empty"));
    }
    if !token.iter().all(u8::is_ascii_graphic) {
        return Err(refused(
            "Bearer: the token has something else than visible ASCII in it",
        ));
    }
    Ok(Secret::new(join(7 + token.len(), &[b"Bearer ", token])))
}

/// A mistake in an argument, which `text` names. It never holds the argument.
pub(crate) fn refused(text: &str) -> Error {
    Error::new(Kind::Builder, format!("auth: {text}"))
}

pub(crate) fn has_control(bytes: &[u8]) -> bool {
    bytes.iter().any(u8::is_ascii_control)
}

/// In one block of the right size, so that no copy is left behind by its growing.
fn join(length: usize, pieces: &[&[u8]]) -> Vec<u8> {
    let mut joined = Vec::with_capacity(length);
    for piece in pieces {
        joined.extend_from_slice(piece);
    }
    joined
}

/// RFC 4648 section 4, padded.
fn base64(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            let index = (bits >> (18 - 6 * digit) & 63) as usize;
            out.push(match DIGITS.get(index) {
                Some(character) if digit <= chunk.len() => *character,
                _ => b'=',
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(user: &[u8], password: &[u8]) -> String {
        let value = basic(user, password).unwrap();
        String::from_utf8(value.as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn b14_3_the_examples_of_rfc_7617() {
        let rows: [(&str, &str, &str); 5] = [
            ("Aladdin", "open sesame", "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
            ("test", "123\u{a3}", "dGVzdDoxMjPCow=="),
            ("", "", "Og=="),
            ("u", "a:b", "dTphOmI="),
            ("user", "", "dXNlcjo="),
        ];
        for (user, password, expected) in rows {
            let value = encoded(user.as_bytes(), password.as_bytes());
            assert_eq!(value, format!("Basic {expected}"));
        }
    }

    #[test]
    fn b14_3_bytes_are_taken_as_they_are() {
        assert_eq!(encoded(b"\xff\xfe", b"\x80"), "Basic //46gA==");
    }

    #[test]
    fn every_length_of_base64_decodes_to_what_it_was() {
        let bytes: Vec<u8> = (0..=255).collect();
        for length in 0..bytes.len() {
            let mut text = Vec::new();
            base64(&bytes[..length], &mut text);
            assert_eq!(text.len(), length.div_ceil(3) * 4);
            let mut bits = text.iter().filter(|c| **c != b'=').flat_map(|c| {
                let value = match c {
                    b'A'..=b'Z' => c - b'A',
                    b'a'..=b'z' => c - b'a' + 26,
                    b'0'..=b'9' => c - b'0' + 52,
                    b'+' => 62,
                    _ => 63,
                };
                (0..6).rev().map(move |bit| value >> bit & 1)
            });
            for byte in &bytes[..length] {
                let decoded = (0..8).fold(0, |sum, _| sum << 1 | bits.next().unwrap());
                assert_eq!(decoded, *byte);
            }
        }
    }

    #[test]
    fn a09_what_basic_cannot_carry_is_refused_by_name() {
        let rows: [(&[u8], &[u8], &str); 5] = [
            (b"SEC:RET", b"", "user name has a colon"),
            (b"SECRET\r\nX", b"", "user name has a control"),
            (b"u", b"SECRET\n", "password has a control"),
            (b"u", b"SECRET\0", "password has a control"),
            (b"\x7fSECRET", b"p", "user name has a control"),
        ];
        for (user, password, told) in rows {
            let error = basic(user, password).unwrap_err();
            assert_eq!(error.kind(), Kind::Builder);
            let text = format!("{error} {error:?}");
            assert!(text.contains(told), "{text}");
            assert!(!text.contains("RET"), "{text}");
        }
    }

    #[test]
    fn a_token_is_visible_ascii() {
        assert_eq!(
            bearer(b"a.b-c_~+/==").unwrap().as_bytes(),
            b"Bearer a.b-c_~+/=="
        );
        for token in ["", "a b", "a\r\nb", "é", "a\tb"] {
            assert_eq!(bearer(token.as_bytes()).unwrap_err().kind(), Kind::Builder);
        }
    }
}
