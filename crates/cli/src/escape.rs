//! Making a peer's text safe to show: control bytes could drive the terminal, marks of writing
//! direction could make a line read as another (SECURITY L2), and credentials are not for the
//! screen (SECURITY L4).

use nuncio::Url;
use std::borrow::Cow;
use std::fmt::Write;

/// One line of text: every control character is shown as its number.
pub(crate) fn line(text: &str) -> String {
    escape(text, |_| false)
}

/// Text of several lines: line ends and tabs stay.
pub(crate) fn lines(text: &str) -> String {
    escape(&text.replace("\r\n", "\n"), |c| matches!(c, '\n' | '\t'))
}

/// A field's value, or a reason phrase: UTF-8 where it is that, else Latin-1.
pub(crate) fn bytes(value: &[u8]) -> String {
    match std::str::from_utf8(value) {
        Ok(text) => line(text),
        Err(_) => line(&value.iter().copied().map(char::from).collect::<String>()),
    }
}

fn escape(text: &str, stays: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        // Writing to a String does not fail.
        let _ = match character {
            c if stays(c) => out.write_char(c),
            c if c.is_control() => write!(out, "\\x{:02x}", u32::from(c)),
            c if misleads(c) => write!(out, "\\u{{{:x}}}", u32::from(c)),
            c => out.write_char(c),
        };
    }
    out
}

/// Marks of writing direction (Unicode's Bidi_Control), and line ends that are no control character.
fn misleads(character: char) -> bool {
    matches!(character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        | '\u{2028}' | '\u{2029}')
}

const HIDDEN: &str = "[hidden]";

/// A field's value as it may be shown: secrets are replaced, and what tells them apart stays.
pub(crate) fn field(name: &str, value: &[u8]) -> String {
    let shown = bytes(value);
    let is = |other: &str| name.eq_ignore_ascii_case(other);
    if is("authorization") || is("proxy-authorization") {
        match shown.split_once(' ') {
            Some((scheme, _)) => format!("{scheme} {HIDDEN}"),
            None => HIDDEN.to_owned(),
        }
    } else if is("cookie") {
        shown
            .split(';')
            .map(hide_cookie)
            .collect::<Vec<_>>()
            .join(";")
    } else if is("set-cookie") {
        match shown.split_once(';') {
            Some((cookie, attributes)) => format!("{};{attributes}", hide_cookie(cookie)),
            None => hide_cookie(&shown),
        }
    } else if is("location") || is("content-location") || is("referer") {
        without_password(&shown).into_owned()
    } else {
        shown
    }
}

fn hide_cookie(pair: &str) -> String {
    match pair.split_once('=') {
        Some((name, _)) => format!("{name}={HIDDEN}"),
        None => HIDDEN.to_owned(),
    }
}

fn without_password(text: &str) -> Cow<'_, str> {
    match Url::parse(text) {
        Ok(url) if !url.userinfo().is_empty() => url.redacted().to_string().into(),
        _ => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l2_control_characters_are_shown_as_numbers() {
        for code in (0..0x20).chain(0x7f..0xa0) {
            let character = char::from_u32(code).unwrap();
            let shown = line(&format!("a{character}b"));
            assert_eq!(shown, format!("a\\x{code:02x}b"));
            assert!(!bytes(&[b'a', code as u8]).chars().any(char::is_control));
        }
        assert_eq!(lines("a\r\nb\tc\rd\x1b[2J"), "a\nb\tc\\x0dd\\x1b[2J");
    }

    #[test]
    fn l2_marks_of_direction_are_shown_as_numbers() {
        for mark in "\u{61c}\u{200e}\u{200f}\u{202a}\u{202e}\u{2066}\u{2069}\u{2028}".chars() {
            assert_eq!(
                lines(&mark.to_string()),
                format!("\\u{{{:x}}}", u32::from(mark))
            );
        }
        assert_eq!(line("é ü 漢字 😀"), "é ü 漢字 😀");
    }

    #[test]
    fn bytes_that_are_no_utf8_are_latin_1() {
        assert_eq!(bytes(b"caf\xe9 \x9b"), "café \\x9b");
    }

    #[test]
    fn l4_credentials_are_hidden() {
        for (name, value, shown) in [
            ("Authorization", "Basic dTpw", "Basic [hidden]"),
            ("proxy-authorization", "x", "[hidden]"),
            ("Cookie", "a=1; b=2", "a=[hidden]; b=[hidden]"),
            (
                "Set-Cookie",
                "a=1; Path=/; HttpOnly",
                "a=[hidden]; Path=/; HttpOnly",
            ),
            ("Location", "/next?a=b", "/next?a=b"),
            ("X-Other", "Basic dTpw", "Basic dTpw"),
        ] {
            assert_eq!(field(name, value.as_bytes()), shown, "{name}");
        }
        let moved = field("Location", b"https://user:secret@h/next");
        assert!(
            moved.ends_with("@h/next") && !moved.contains("secret"),
            "{moved}"
        );
    }
}
