//! Why a field was refused.

use std::fmt;

/// A field that may not be stored or sent.
///
/// It names the field, the offending byte and where it stands; it never holds a value, so it can
/// be logged whatever the field is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidHeader {
    /// The name is empty.
    EmptyName,
    /// The name holds a byte that is no `tchar` (RFC 9110 section 5.6.2).
    Name {
        /// The name, escaped and cut to 64 bytes.
        name: String,
        /// The first byte that does not belong.
        byte: u8,
        /// Where that byte stands in the name, from 0.
        position: usize,
    },
    /// The value holds a control byte other than HTAB, or starts or ends with a space or tab
    /// (RFC 9110 section 5.5).
    Value {
        /// The name of the field, escaped and cut to 64 bytes.
        name: String,
        /// The first byte that does not belong.
        byte: u8,
        /// Where that byte stands in the value, from 0.
        position: usize,
    },
    /// All fields together would need more than `u32::MAX` bytes, or more than a
    /// `http::HeaderMap` can hold.
    TooLarge,
    /// A range given to [`Headers::from_received`](crate::Headers::from_received) does not lie in
    /// its block.
    Range {
        /// Which field, from 0.
        field: usize,
    },
}

impl InvalidHeader {
    pub(crate) fn name(name: &[u8], byte: u8, position: usize) -> Self {
        Self::Name {
            name: snippet(name),
            byte,
            position,
        }
    }

    pub(crate) fn value(name: &[u8], byte: u8, position: usize) -> Self {
        Self::Value {
            name: snippet(name),
            byte,
            position,
        }
    }
}

impl fmt::Display for InvalidHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyName => f.write_str("empty header name"),
            Self::Name {
                name,
                byte,
                position,
            } => write!(
                f,
                "invalid byte '{}' at position {position} of header name \"{name}\"",
                byte.escape_ascii()
            ),
            Self::Value {
                name,
                byte,
                position,
            } => write!(
                f,
                "invalid byte '{}' at position {position} of the value of header \"{name}\"",
                byte.escape_ascii()
            ),
            Self::TooLarge => f.write_str("headers too large"),
            Self::Range { field } => write!(f, "range of received header {field} out of bounds"),
        }
    }
}

impl std::error::Error for InvalidHeader {}

fn snippet(name: &[u8]) -> String {
    name.iter()
        .take(64)
        .flat_map(|byte| byte.escape_ascii())
        .map(char::from)
        .collect()
}
