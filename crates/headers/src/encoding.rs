//! Values as text.

use std::borrow::Cow;

use crate::Headers;

/// How the bytes of names and values become text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Every byte is below 0x80. Set explicitly, other bytes become U+FFFD.
    Ascii,
    /// UTF-8. Set explicitly, malformed bytes become U+FFFD.
    Utf8,
    /// ISO 8859-1: each byte is the code point of that number.
    Latin1,
}

impl Headers {
    /// How values are decoded: as [`set_encoding`](Self::set_encoding) said, else the first of
    /// ASCII and UTF-8 that decodes every field, else ISO 8859-1.
    pub fn encoding(&self) -> Encoding {
        match self.encoding {
            Some(encoding) => encoding,
            None if self.buffer.is_ascii() => Encoding::Ascii,
            // Lines end in ASCII, so the whole decodes just where each part does.
            None if std::str::from_utf8(&self.buffer).is_ok() => Encoding::Utf8,
            None => Encoding::Latin1,
        }
    }

    /// Fixes how values are decoded; `None` finds out from the bytes, which is the default.
    pub fn set_encoding(&mut self, encoding: Option<Encoding>) {
        self.encoding = encoding;
    }
}

/// Decodes a value of `headers`.
pub(crate) fn decode<'a>(headers: &Headers, value: Cow<'a, [u8]>) -> Cow<'a, str> {
    // ASCII reads the same in all three, and is nearly all there is.
    if value.is_ascii() {
        return match value {
            Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
            Cow::Owned(bytes) => Cow::Owned(String::from_utf8(bytes).unwrap_or_default()),
        };
    }
    match headers.encoding() {
        Encoding::Ascii => Cow::Owned(value.iter().map(|&byte| ascii(byte)).collect()),
        Encoding::Latin1 => Cow::Owned(value.iter().copied().map(char::from).collect()),
        Encoding::Utf8 => match value {
            Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
            Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
        },
    }
}

fn ascii(byte: u8) -> char {
    if byte.is_ascii() {
        char::from(byte)
    } else {
        char::REPLACEMENT_CHARACTER
    }
}
