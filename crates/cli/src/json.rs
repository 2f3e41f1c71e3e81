//! JSON as text: laid out anew without being read into values, so that numbers, the order of names
//! and repeated names stay as they are.

use crate::screen::{Paint, Style};
use serde::de::IgnoredAny;
use std::fmt::Write;
use std::io;

/// Levels of nesting.
const MAX_DEPTH: usize = 64;

/// Whether `text` is one JSON value (RFC 8259). The layouts below only take such a text.
pub(crate) fn check(text: &str) -> Result<(), serde_json::Error> {
    serde_json::from_str::<IgnoredAny>(text).map(drop)
}

/// Without the white space between tokens.
pub(crate) fn compact(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for token in tokens(text) {
        out.push_str(token);
    }
    out
}

/// Whether `text` is JSON that [`indent`] should lay out: a peer may nest it so deep that little
/// but indentation would be seen.
pub(crate) fn is_readable(text: &str) -> bool {
    let mut depth = 0_usize;
    let shallow = tokens(text).all(|token| {
        match token {
            "{" | "[" => depth += 1,
            "}" | "]" => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth <= MAX_DEPTH
    });
    shallow && check(text).is_ok()
}

/// Indented by four, with everything but printable ASCII escaped. It is written as it is made: the
/// layout may be many times as long as the text.
pub(crate) fn indent(text: &str, paint: Paint, out: &mut impl io::Write) -> io::Result<()> {
    let mut depth = 0_usize;
    let mut before = "";
    let mut tokens = tokens(text).peekable();
    while let Some(token) = tokens.next() {
        let closes = matches!(token, "}" | "]");
        let opened = matches!(before, "{" | "[");
        depth = depth.saturating_sub(usize::from(closes));
        if before == "," || opened != closes {
            out.write_all(b"\n")?;
            for _ in 0..depth {
                out.write_all(b"    ")?;
            }
        }
        match token {
            "{" | "[" => {
                depth += 1;
                out.write_all(token.as_bytes())?;
            }
            "}" | "]" | "," => out.write_all(token.as_bytes())?,
            ":" => out.write_all(b": ")?,
            scalar => {
                let style = match (scalar.starts_with('"'), tokens.peek()) {
                    (true, Some(&":")) => Style::Blue,
                    (true, _) => Style::Yellow,
                    _ => Style::Plain,
                };
                out.write_all(paint.text(style, &ascii(scalar)).as_bytes())?;
            }
        }
        before = token;
    }
    Ok(())
}

/// A string's characters beyond printable ASCII as `\uXXXX`, in pairs above U+FFFF.
fn ascii(token: &str) -> String {
    let mut out = String::with_capacity(token.len());
    for character in token.chars() {
        match character {
            ' '..='~' => out.push(character),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    // Writing to a String does not fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out
}

/// The tokens of a JSON text: punctuation, strings with their quotes, and words.
fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches([' ', '\t', '\n', '\r']);
        let length = match rest.as_bytes().first()? {
            b'{' | b'}' | b'[' | b']' | b':' | b',' => 1,
            b'"' => string_length(rest),
            _ => rest
                .find(|c: char| c.is_ascii_whitespace() || "{}[]:,\"".contains(c))
                .unwrap_or(rest.len()),
        };
        let (token, tail) = rest.split_at_checked(length)?;
        rest = tail;
        Some(token)
    })
}

fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn indented(text: &str, paint: Paint) -> String {
        assert!(is_readable(text));
        let mut out = Vec::new();
        indent(text, paint, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn compact_takes_out_only_what_stands_between_tokens() {
        let text = " { \"b\" : [ 1.50e+1 , null ] ,\r\n\t\"a \\\" }\" : \" \" , \"b\":{} } ";
        check(text).unwrap();
        assert_eq!(compact(text), r#"{"b":[1.50e+1,null],"a \" }":" ","b":{}}"#);
    }

    #[test]
    fn indented_by_four_with_non_ascii_escaped() {
        let text = "{\"b\":[1,{\"x\":true}],\"a\":\"é😀\u{7f}\",\"e\":[ ],\"o\":{}}";
        let expected = "{\n    \"b\": [\n        1,\n        {\n            \"x\": true\n        }\n    ],\n    \
            \"a\": \"\\u00e9\\ud83d\\ude00\\u007f\",\n    \"e\": [],\n    \"o\": {}\n}";
        assert_eq!(indented(text, Paint::None), expected);
        assert_eq!(indented(" \"only\" ", Paint::None), "\"only\"");
    }

    #[test]
    fn names_are_blue_and_strings_yellow() {
        let shown = indented(r#"{"n":"s","m":1}"#, Paint::Ansi);
        assert_eq!(
            shown,
            "{\n    \x1b[34m\"n\"\x1b[0m: \x1b[33m\"s\"\x1b[0m,\n    \x1b[34m\"m\"\x1b[0m: 1\n}"
        );
    }

    #[test]
    fn what_is_no_json_is_told() {
        for bad in ["", "{", "{'a':1}", "[1,]", "NaN", "\"\x1b\"", "1 2"] {
            assert!(check(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn deep_nesting_is_not_laid_out() {
        let nested = |depth| "[".repeat(depth) + &"]".repeat(depth);
        assert!(is_readable(&nested(MAX_DEPTH)));
        assert!(!is_readable(&nested(MAX_DEPTH + 1)));
        assert!(!is_readable(&nested(1_000_000)));
    }
}
