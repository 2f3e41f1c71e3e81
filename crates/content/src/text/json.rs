use std::borrow::Cow;
use std::fmt;

/// How a JSON text is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JsonEncoding {
    /// UTF-8, with or without a byte order mark.
    Utf8,
    /// UTF-16, little end first.
    Utf16Le,
    /// UTF-16, big end first.
    Utf16Be,
    /// UTF-32, little end first.
    Utf32Le,
    /// UTF-32, big end first.
    Utf32Be,
}

impl JsonEncoding {
    /// Tells by a byte order mark, or by where the first four bytes are zero (RFC 4627 section 3,
    /// as Python's `json.detect_encoding` does it).
    pub fn detect(body: &[u8]) -> Self {
        match body {
            [0x00, 0x00, 0xFE, 0xFF, ..] => Self::Utf32Be,
            [0xFF, 0xFE, 0x00, 0x00, ..] => Self::Utf32Le,
            [0xFE, 0xFF, ..] => Self::Utf16Be,
            [0xFF, 0xFE, ..] => Self::Utf16Le,
            [0, 0, _, _, ..] => Self::Utf32Be,
            [0, _, _, _, ..] | [0, _] => Self::Utf16Be,
            [_, 0, 0, 0, ..] => Self::Utf32Le,
            [_, 0, _, _, ..] | [_, 0] => Self::Utf16Le,
            _ => Self::Utf8,
        }
    }
}

/// A JSON body as text, without its byte order mark; borrowed where it is UTF-8. The declared charset
/// plays no part (RFC 8259 section 8.1).
///
/// ```
/// use nuncio_content::json_text;
///
/// assert_eq!(json_text(b"[1]")?, "[1]");
/// assert_eq!(json_text(b"\xFF\xFE[\0\x31\0]\0")?, "[1]");
/// assert!(json_text(b"[\"\xE9\"]").is_err());
/// # Ok::<(), nuncio_content::InvalidJsonText>(())
/// ```
///
/// # Errors
///
/// The bytes are not well-formed in the encoding that they show.
pub fn json_text(body: &[u8]) -> Result<Cow<'_, str>, InvalidJsonText> {
    let encoding = JsonEncoding::detect(body);
    let invalid = |offset| InvalidJsonText { encoding, offset };
    if encoding == JsonEncoding::Utf8 {
        let (body, mark) = match body.strip_prefix(b"\xEF\xBB\xBF") {
            Some(body) => (body, 3),
            None => (body, 0),
        };
        let text =
            std::str::from_utf8(body).map_err(|error| invalid(mark + error.valid_up_to()))?;
        return Ok(Cow::Borrowed(text));
    }
    let text = match encoding {
        JsonEncoding::Utf16Le => utf16(body, u16::from_le_bytes),
        JsonEncoding::Utf16Be => utf16(body, u16::from_be_bytes),
        JsonEncoding::Utf32Be => utf32(body, u32::from_be_bytes),
        JsonEncoding::Utf32Le | JsonEncoding::Utf8 => utf32(body, u32::from_le_bytes),
    };
    let mut text = text.map_err(invalid)?;
    if text.starts_with('\u{FEFF}') {
        text.drain(..'\u{FEFF}'.len_utf8());
    }
    Ok(Cow::Owned(text))
}

/// The text, or where it breaks.
fn utf16(body: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, usize> {
    let (units, rest) = body.as_chunks();
    let mut text = String::with_capacity(units.len());
    let mut offset = 0;
    for character in char::decode_utf16(units.iter().map(|bytes| unit(*bytes))) {
        let character = character.map_err(|_| offset)?;
        text.push(character);
        offset += 2 * character.len_utf16();
    }
    if rest.is_empty() {
        Ok(text)
    } else {
        Err(offset)
    }
}

fn utf32(body: &[u8], unit: fn([u8; 4]) -> u32) -> Result<String, usize> {
    let (units, rest) = body.as_chunks();
    let mut text = String::with_capacity(units.len());
    for (index, bytes) in units.iter().enumerate() {
        text.push(char::from_u32(unit(*bytes)).ok_or(4 * index)?);
    }
    if rest.is_empty() {
        Ok(text)
    } else {
        Err(4 * units.len())
    }
}

/// A JSON body is not well-formed in its encoding.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidJsonText {
    /// The encoding that the body shows.
    pub encoding: JsonEncoding,
    /// The byte where it breaks.
    pub offset: usize,
}

impl fmt::Display for InvalidJsonText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.encoding {
            JsonEncoding::Utf8 => "UTF-8",
            JsonEncoding::Utf16Le => "UTF-16LE",
            JsonEncoding::Utf16Be => "UTF-16BE",
            JsonEncoding::Utf32Le => "UTF-32LE",
            JsonEncoding::Utf32Be => "UTF-32BE",
        };
        write!(f, "JSON body is not valid {name} at byte {}", self.offset)
    }
}

impl std::error::Error for InvalidJsonText {}
