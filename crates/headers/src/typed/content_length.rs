//! Content-Length (RFC 9110 section 8.6).

use std::fmt;

use crate::Headers;
use crate::split::trim;

/// A length that is safe to frame a message by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentLength {
    /// In bytes; below 2^63.
    pub length: u64,
    /// Whether it was there more than once, always the same. Peers that pick another of them
    /// than we do are how requests get smuggled, so that such a connection is not used again.
    pub repeated: bool,
}

/// Why a Content-Length cannot be used: several that differ, or one that is no number of at most
/// 19 digits below 2^63. Digits and nothing else: no sign, no space, no other script's digits.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidContentLength {
    /// Not a number, with the value escaped and cut to 40 bytes.
    Syntax(String),
    /// Two values that are not the same byte for byte.
    Conflict,
}

impl Headers {
    /// The length that Content-Length gives; `None` when there is no such field.
    ///
    /// # Errors
    /// [`InvalidContentLength`]
    pub fn content_length(&self) -> Result<Option<ContentLength>, InvalidContentLength> {
        let values = self.get_all("content-length");
        let mut values = values
            .flat_map(|value| value.split(|&byte| byte == b','))
            .map(trim);
        let Some(first) = values.next() else {
            return Ok(None);
        };
        let length = parse(first).ok_or_else(|| syntax(first))?;
        let mut repeated = false;
        for value in values {
            if value != first {
                return Err(InvalidContentLength::Conflict);
            }
            repeated = true;
        }
        Ok(Some(ContentLength { length, repeated }))
    }
}

fn parse(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 19 {
        return None;
    }
    let number = digits.iter().try_fold(0_u64, |number, digit| {
        let digit = digit.wrapping_sub(b'0');
        (digit < 10).then(|| number * 10 + u64::from(digit))
    })?;
    (number <= i64::MAX as u64).then_some(number)
}

fn syntax(value: &[u8]) -> InvalidContentLength {
    let shown = value.iter().take(40).flat_map(|byte| byte.escape_ascii());
    InvalidContentLength::Syntax(shown.map(char::from).collect())
}

impl fmt::Display for InvalidContentLength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(value) => write!(f, "invalid Content-Length \"{value}\""),
            Self::Conflict => f.write_str("conflicting Content-Length values"),
        }
    }
}

impl std::error::Error for InvalidContentLength {}
