use std::fmt;

use crate::Coding;

/// Why a coded body could not be decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DecodeError {
    /// The coding that failed; none where the list of codings itself is refused.
    pub coding: Option<Coding>,
    /// What is wrong.
    pub kind: DecodeErrorKind,
    /// About where: how many coded bytes this coding had taken. Coders read ahead by some bytes, so
    /// that it may differ with how the input was cut.
    pub offset: u64,
}

/// What is wrong with a coded body.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// More codings are listed than allowed.
    TooManyCodings {
        /// How many are allowed.
        limit: usize,
    },
    /// The input ended inside the coded data.
    Truncated,
    /// The data breaks the format.
    Corrupt(&'static str),
    /// A checksum or length at the end does not agree with the data.
    Mismatch(&'static str),
    /// Bytes follow the end of the coded data.
    TrailingData,
    /// A gzip header's fields are longer than [`MAX_GZIP_FIELDS`](crate::MAX_GZIP_FIELDS).
    HeaderTooLong,
    /// More than [`MAX_EMPTY_MEMBERS`](crate::MAX_EMPTY_MEMBERS) gzip members or zstd frames in a
    /// row hold nothing.
    EmptyMembers,
    /// The window is larger than the coding may use in HTTP (RFC 9659 for zstd, RFC 7932 for br).
    WindowTooLarge,
    /// The data needs a dictionary.
    Dictionary,
    /// A skippable zstd frame is longer than [`MAX_SKIPPABLE`](crate::MAX_SKIPPABLE).
    SkippableFrame,
    /// More came out than the budget allows.
    OverBudget {
        /// How many decoded bytes were allowed when it happened.
        allowed: u64,
    },
    /// Memory for the decoder could not be had.
    OutOfMemory,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(coding) = self.coding {
            write!(f, "{} body at byte {}: ", coding.name(), self.offset)?;
        }
        self.kind.fmt(f)
    }
}

impl fmt::Display for DecodeErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyCodings { limit } => write!(f, "more than {limit} content codings"),
            Self::Truncated => f.write_str("ended early"),
            Self::Corrupt(what) => write!(f, "corrupt data: {what}"),
            Self::Mismatch(what) => write!(f, "{what} does not agree with the data"),
            Self::TrailingData => f.write_str("data after the end"),
            Self::HeaderTooLong => {
                write!(f, "header fields above {} bytes", crate::MAX_GZIP_FIELDS)
            }
            Self::EmptyMembers => {
                write!(
                    f,
                    "more than {} members without content",
                    crate::MAX_EMPTY_MEMBERS
                )
            }
            Self::WindowTooLarge => f.write_str("window too large"),
            Self::Dictionary => f.write_str("needs a dictionary"),
            Self::SkippableFrame => {
                write!(f, "skippable frame above {} bytes", crate::MAX_SKIPPABLE)
            }
            Self::OverBudget { allowed } => write!(f, "decodes to more than {allowed} bytes"),
            Self::OutOfMemory => f.write_str("no memory for the decoder"),
        }
    }
}

impl std::error::Error for DecodeError {}
