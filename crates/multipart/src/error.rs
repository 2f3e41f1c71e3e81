//! What can be wrong with a boundary, and with the bytes of a part.

use std::fmt;

/// A boundary that cannot be used (RFC 2046 section 5.1.1), or that could not be made.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BoundaryError {
    /// It is empty.
    Empty,
    /// It has more than 70 bytes.
    TooLong {
        /// How many it has.
        length: usize,
    },
    /// It holds a byte that a boundary may not hold, or ends with a space.
    Byte {
        /// The first byte that does not belong.
        byte: u8,
        /// Where that byte stands, from 0.
        position: usize,
    },
    /// The operating system gave no random bytes.
    NoRandomness,
}

impl fmt::Display for BoundaryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("empty multipart boundary"),
            Self::TooLong { length } => {
                write!(f, "multipart boundary of {length} bytes, more than 70")
            }
            Self::Byte { byte, position } => write!(
                f,
                "invalid byte '{}' at position {position} of a multipart boundary",
                byte.escape_ascii()
            ),
            Self::NoRandomness => {
                f.write_str("no random bytes from the operating system for a multipart boundary")
            }
        }
    }
}

impl std::error::Error for BoundaryError {}

/// Why a body cannot go on, or a call that the encoder did not expect.
///
/// Parts are numbered from 0, in the order in which the form got them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    /// The source gave more than its declared size. The body is lost: abort the request.
    TooMuch {
        /// Which part.
        part: usize,
        /// Its size in bytes.
        declared: u64,
    },
    /// The source ended before its declared size. The body is lost: abort the request.
    TooLittle {
        /// Which part.
        part: usize,
        /// Its size in bytes.
        declared: u64,
        /// How many bytes came.
        given: u64,
    },
    /// Misuse: bytes or an end for a part that [`Step::Need`](crate::Step::Need) had not asked
    /// for. Nothing has changed.
    NotAsked {
        /// Which part.
        part: usize,
    },
    /// A second pass over a source that can be read only once. Nothing has changed.
    Consumed {
        /// Which part.
        part: usize,
    },
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMuch { part, declared } => write!(
                f,
                "multipart part {part} is longer than the {declared} bytes it was declared with"
            ),
            Self::TooLittle {
                part,
                declared,
                given,
            } => write!(
                f,
                "multipart part {part} ended after {given} of {declared} bytes"
            ),
            Self::NotAsked { part } => {
                write!(f, "multipart part {part} was not asked for")
            }
            Self::Consumed { part } => write!(
                f,
                "multipart part {part} has been read and cannot be sent again"
            ),
        }
    }
}

impl std::error::Error for EncodeError {}
