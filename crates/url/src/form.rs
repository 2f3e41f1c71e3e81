//! application/x-www-form-urlencoded: the standard's parser and serializer (section 5), and request
//! bodies.

use std::borrow::Cow;

use crate::percent::{self, Set};
use crate::query::QueryParams;

/// The media type of a form body.
pub const CONTENT_TYPE: &str = "application/x-www-form-urlencoded";

/// The standard's parser: pieces between `&`, `+` for a space, percent-decoded, what is not UTF-8 as
/// U+FFFD. Empty pieces are dropped; a piece without `=` is a name with an empty value.
pub fn parse(input: &[u8]) -> Parse<'_> {
    Parse { rest: Some(input) }
}

/// The pairs of a form: see [`parse`].
#[derive(Clone, Debug)]
pub struct Parse<'a> {
    rest: Option<&'a [u8]>,
}

impl<'a> Iterator for Parse<'a> {
    type Item = (Cow<'a, str>, Cow<'a, str>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (piece, rest) = split(self.rest?, b'&');
            self.rest = rest;
            if !piece.is_empty() {
                let (name, value) = split(piece, b'=');
                return Some((decode(name), decode(value.unwrap_or_default())));
            }
        }
    }
}

/// The standard's serializer: everything but letters, digits, `*`, `-`, `.` and `_` is
/// percent-encoded, a space is `+`. The order of the pairs is kept.
///
/// [`QueryParams`] differ: they keep `~`, encode `*` and group equal names.
pub fn serialize<N: AsRef<str>, V: AsRef<str>>(pairs: impl IntoIterator<Item = (N, V)>) -> String {
    let mut out = String::new();
    for (name, value) in pairs {
        push_pair(&mut out, name.as_ref(), value.as_ref(), Set::FORM);
    }
    out
}

/// The text of a form body: what [`QueryParams`] write as a query. Send it with [`CONTENT_TYPE`].
pub fn encode(params: impl Into<QueryParams>) -> String {
    params.into().to_string()
}

/// Appends `name=value`, behind an `&` unless `out` is empty.
pub(crate) fn push_pair(out: &mut String, name: &str, value: &str, set: Set) {
    if !out.is_empty() {
        out.push('&');
    }
    push(out, name, set);
    out.push('=');
    push(out, value, set);
}

fn push(out: &mut String, text: &str, set: Set) {
    for (index, piece) in text.split(' ').enumerate() {
        if index > 0 {
            out.push('+');
        }
        percent::encode_into(out, piece, set);
    }
}

fn split(bytes: &[u8], at: u8) -> (&[u8], Option<&[u8]>) {
    match bytes.iter().position(|b| *b == at) {
        Some(index) => (
            bytes.get(..index).unwrap_or_default(),
            bytes.get(index + 1..),
        ),
        None => (bytes, None),
    }
}

fn decode(bytes: &[u8]) -> Cow<'_, str> {
    if !bytes.iter().any(|b| matches!(b, b'+' | b'%')) {
        return String::from_utf8_lossy(bytes);
    }
    let spaced: Vec<u8> = bytes
        .iter()
        .map(|b| if *b == b'+' { b' ' } else { *b })
        .collect();
    Cow::Owned(percent::utf8_lossy(
        percent::decode_bytes(&spaced).into_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_serializer_and_query_params_differ_on_tilde_star_and_order() {
        let pairs = [("b", "~*"), ("a", "x y"), ("b", "é+")];
        assert_eq!(serialize(pairs), "b=%7E*&a=x+y&b=%C3%A9%2B");
        assert_eq!(encode(pairs), "b=~%2A&b=%C3%A9%2B&a=x+y");
    }

    #[test]
    fn every_text_comes_back_from_a_form() {
        let pairs = [("", ""), ("a=b", "&"), ("+", "%2B"), (" ", "\u{FFFD}\0")];
        let back: Vec<_> = parse(serialize(pairs).as_bytes())
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        assert_eq!(back, pairs.map(|(n, v)| (n.to_owned(), v.to_owned())));
    }
}
