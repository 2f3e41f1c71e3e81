//! Percent-encoding: the sets of the URL Standard (section 1.3), encoding and decoding.

use std::borrow::Cow;

/// A percent-encode set: which ASCII bytes are encoded. Bytes above 0x7E always are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Set(u16);

impl Set {
    /// C0 controls and everything above `~`.
    pub const C0_CONTROL: Self = Self(1);
    /// What is encoded in a fragment.
    pub const FRAGMENT: Self = Self(1 << 1);
    /// What is encoded in the query of a URL whose scheme is not special.
    pub const QUERY: Self = Self(1 << 2);
    /// What is encoded in the query of a special URL: [`QUERY`](Self::QUERY) and `'`.
    pub const SPECIAL_QUERY: Self = Self(1 << 3);
    /// What is encoded in a path.
    pub const PATH: Self = Self(1 << 4);
    /// What is encoded in a user name and in a password.
    pub const USERINFO: Self = Self(1 << 5);
    /// What JavaScript's `encodeURIComponent` encodes.
    pub const COMPONENT: Self = Self(1 << 6);
    /// What the application/x-www-form-urlencoded serializer of the standard encodes; it writes a
    /// space as `+`.
    pub const FORM: Self = Self(1 << 7);
    /// Everything but RFC 3986's unreserved characters: letters, digits, `-`, `.`, `_`, `~`.
    pub const ALL_BUT_UNRESERVED: Self = Self(1 << 8);

    /// Whether `byte` is encoded.
    #[must_use]
    pub const fn contains(self, byte: u8) -> bool {
        ENCODED[byte as usize] & self.0 != 0
    }

    /// What the fast path stops at in a path: what is encoded there, a backslash, and what may start
    /// a dot segment.
    pub(crate) const PATH_STOP: Self = Self(1 << 9);

    /// What the fast path stops at in a host: all that does not stand in most hosts as it is.
    pub(crate) const HOST_STOP: Self = Self(1 << 10);

    /// Tabs and line ends, which the parser drops.
    pub(crate) const DROPPED: Self = Self(1 << 11);
    /// What ends a path: `?` and `#`.
    pub(crate) const PATH_END: Self = Self(1 << 12);
    /// What ends a query: `#`.
    pub(crate) const QUERY_END: Self = Self(1 << 13);

    /// The first index at or after `from` whose byte is in the set, or the length.
    pub(crate) fn find(self, bytes: &[u8], from: usize) -> usize {
        let tail = bytes.get(from..).unwrap_or_default();
        // Four look-ups for one branch: most bytes of most URLs are in no set.
        let (chunks, _) = tail.as_chunks::<4>();
        let sets = |byte: &u8| ENCODED[usize::from(*byte)];
        let clean = chunks
            .iter()
            .position(|[a, b, c, d]| (sets(a) | sets(b) | sets(c) | sets(d)) & self.0 != 0)
            .unwrap_or(chunks.len())
            * 4;
        let rest = tail.get(clean..).unwrap_or_default();
        from + clean
            + rest
                .iter()
                .position(|b| self.contains(*b))
                .unwrap_or(rest.len())
    }
}

/// Encodes the UTF-8 of `text`. Borrows where nothing is in the set. A `%` is not in any set but
/// [`COMPONENT`](Set::COMPONENT), [`FORM`](Set::FORM) and
/// [`ALL_BUT_UNRESERVED`](Set::ALL_BUT_UNRESERVED), so that encoding twice with the others changes nothing.
#[must_use]
pub fn encode(text: &str, set: Set) -> Cow<'_, str> {
    if set.find(text.as_bytes(), 0) == text.len() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    encode_into(&mut out, text, set);
    Cow::Owned(out)
}

/// Encodes bytes of any character encoding.
#[must_use]
pub fn encode_bytes(bytes: &[u8], set: Set) -> String {
    let mut out = String::with_capacity(bytes.len() + 16);
    for byte in bytes {
        if set.contains(*byte) {
            push_encoded(&mut out, *byte);
        } else {
            out.push(char::from(*byte));
        }
    }
    out
}

/// "Percent-encode after encoding" of the standard, for the query of a document in a legacy encoding.
///
/// `encoder` encodes as much of the text as it can into the buffer and returns the text that is left
/// behind a character that it cannot encode, with that character; `None` when all is done. Such a
/// character becomes `%26%23` its number `%3B`, the form `&#…;` of HTML.
#[must_use]
pub fn encode_after_encoding<'a>(
    text: &'a str,
    set: Set,
    mut encoder: impl FnMut(&'a str, &mut Vec<u8>) -> Option<(char, &'a str)>,
) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    loop {
        let mut bytes = Vec::new();
        let unmappable = encoder(rest, &mut bytes);
        out.push_str(&encode_bytes(&bytes, set));
        match unmappable {
            Some((character, left)) => {
                out.push_str("%26%23");
                out.push_str(&u32::from(character).to_string());
                out.push_str("%3B");
                rest = left;
            }
            None => return out,
        }
    }
}

/// Decodes `%` followed by two hex digits; any other `%` stays.
#[must_use]
pub fn decode(text: &str) -> Cow<'_, [u8]> {
    decode_bytes(text.as_bytes())
}

/// Decodes as [`decode`] does and reads the result as UTF-8; what is not becomes U+FFFD.
#[must_use]
pub fn decode_utf8_lossy(text: &str) -> Cow<'_, str> {
    match decode(text) {
        // Borrowed means that nothing was encoded.
        Cow::Borrowed(_) => Cow::Borrowed(text),
        Cow::Owned(bytes) => Cow::Owned(utf8_lossy(bytes)),
    }
}

pub(crate) fn decode_bytes(bytes: &[u8]) -> Cow<'_, [u8]> {
    let Some(first) = bytes.iter().position(|b| *b == b'%') else {
        return Cow::Borrowed(bytes);
    };
    let (clean, rest) = bytes.split_at(first);
    let mut out = Vec::with_capacity(bytes.len());
    out.extend_from_slice(clean);
    let mut rest = rest;
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        match (byte, tail) {
            (b'%', [high, low, after @ ..]) => match (hex_value(*high), hex_value(*low)) {
                (Some(high), Some(low)) => {
                    out.push(high << 4 | low);
                    rest = after;
                }
                _ => out.push(b'%'),
            },
            _ => out.push(*byte),
        }
    }
    Cow::Owned(out)
}

pub(crate) fn utf8_lossy(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// Appends `text`, encoded.
pub(crate) fn encode_into(out: &mut String, text: &str, set: Set) {
    let bytes = text.as_bytes();
    let mut start = 0;
    loop {
        let stop = set.find(bytes, start);
        // `stop` is a character boundary: every byte of a non-ASCII character is in every set, so
        // that runs are ASCII.
        out.push_str(text.get(start..stop).unwrap_or_default());
        let Some(byte) = bytes.get(stop) else { return };
        push_encoded(out, *byte);
        start = stop + 1;
    }
}

pub(crate) fn push_encoded(out: &mut String, byte: u8) {
    let start = usize::from(byte) * 3;
    out.push_str(ESCAPES.get(start..start + 3).unwrap_or_default());
}

/// `%00%01` and so on to `%FF`.
static ESCAPES: &str = {
    static BYTES: [u8; 768] = {
        let hex = b"0123456789ABCDEF";
        let mut bytes = [b'%'; 768];
        let mut byte = 0;
        while byte < 256 {
            bytes[byte * 3 + 1] = hex[byte >> 4];
            bytes[byte * 3 + 2] = hex[byte & 15];
            byte += 1;
        }
        bytes
    };
    match std::str::from_utf8(&BYTES) {
        Ok(text) => text,
        Err(_) => "",
    }
};

fn hex_value(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// For every byte, the sets that it is in.
static ENCODED: [u16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = sets_of(byte as u8);
        byte += 1;
    }
    table
};

const fn sets_of(byte: u8) -> u16 {
    // Each set is the one before it and some more, but for the fragment set and the form sets.
    let c0 = byte < 0x20 || byte > 0x7E;
    let fragment = c0 || matches!(byte, b' ' | b'"' | b'<' | b'>' | b'`');
    let query = c0 || matches!(byte, b' ' | b'"' | b'#' | b'<' | b'>');
    let special_query = query || byte == b'\'';
    let path = query || matches!(byte, b'?' | b'^' | b'`' | b'{' | b'}');
    let userinfo = path || matches!(byte, b'/' | b':' | b';' | b'=' | b'@' | b'['..=b']' | b'|');
    let component = userinfo || matches!(byte, b'$'..=b'&' | b'+' | b',');
    let form = component || matches!(byte, b'!' | b'\''..=b')' | b'~');
    let unreserved = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    let host = matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_');
    c0 as u16
        | (fragment as u16) << 1
        | (query as u16) << 2
        | (special_query as u16) << 3
        | (path as u16) << 4
        | (userinfo as u16) << 5
        | (component as u16) << 6
        | (form as u16) << 7
        | (!unreserved as u16) << 8
        | ((path || matches!(byte, b'\\' | b'.' | b'%')) as u16) << 9
        | (!host as u16) << 10
        | (matches!(byte, b'\t' | b'\n' | b'\r') as u16) << 11
        | (matches!(byte, b'?' | b'#') as u16) << 12
        | ((byte == b'#') as u16) << 13
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_set_encodes_exactly_the_characters_that_the_standard_lists() {
        let printable = |set: Set| -> String {
            (0x20..0x7F_u8)
                .filter(|b| set.contains(*b))
                .map(char::from)
                .collect()
        };
        assert_eq!(printable(Set::C0_CONTROL), "");
        assert_eq!(printable(Set::FRAGMENT), " \"<>`");
        assert_eq!(printable(Set::QUERY), " \"#<>");
        assert_eq!(printable(Set::SPECIAL_QUERY), " \"#'<>");
        assert_eq!(printable(Set::PATH), " \"#<>?^`{}");
        assert_eq!(printable(Set::USERINFO), " \"#/:;<=>?@[\\]^`{|}");
        assert_eq!(printable(Set::COMPONENT), " \"#$%&+,/:;<=>?@[\\]^`{|}");
        assert_eq!(printable(Set::FORM), " !\"#$%&'()+,/:;<=>?@[\\]^`{|}~");
        assert_eq!(
            printable(Set::ALL_BUT_UNRESERVED),
            " !\"#$%&'()*+,/:;<=>?@[\\]^`{|}"
        );
        for byte in (0..0x20).chain(0x7F..=0xFF) {
            assert!(Set::C0_CONTROL.contains(byte) && Set::FORM.contains(byte));
        }
    }

    #[test]
    fn encoding_writes_upper_case_hex_of_utf8_and_keeps_a_percent_sign() {
        assert_eq!(encode("a b/é%41", Set::PATH), "a%20b/%C3%A9%41");
        assert!(matches!(encode("plain", Set::PATH), Cow::Borrowed("plain")));
        assert_eq!(encode_bytes(b"\x86|", Set::QUERY), "%86|");
    }

    #[test]
    fn decoding_leaves_a_stray_percent_sign_and_replaces_what_is_not_utf8() {
        assert_eq!(decode_utf8_lossy("%41%c3%A9%zz%4%"), "Aé%zz%4%");
        assert_eq!(decode_utf8_lossy("%ff"), "\u{FFFD}");
        assert_eq!(decode("%00x").as_ref(), b"\0x");
    }
}
