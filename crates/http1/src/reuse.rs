//! [`Reuse`]: whether another request may go over the connection, and why not.

use std::fmt;

/// Whether the connection may carry another request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reuse {
    /// Both sides are done and nothing speaks against it.
    Ready,
    /// An exchange is under way; nothing speaks against reuse so far.
    Busy,
    /// No.
    Never(CloseReason),
}

/// Why a connection cannot carry another request.
///
/// The reason met first is kept; [`Switched`](Self::Switched) and [`Failed`](Self::Failed) take
/// the place of any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CloseReason {
    /// We sent `Connection: close`.
    WeAsked,
    /// They sent `Connection: close`.
    TheyAsked,
    /// They speak HTTP/1.0.
    Http10,
    /// The end of the connection is the end of the body.
    CloseDelimited,
    /// They sent something that was let through but is not strict HTTP/1.1.
    Lenient(Leniency),
    /// The response is complete, the request is not.
    RequestUnfinished,
    /// Bytes came that belong to no response.
    Surplus,
    /// They closed the connection.
    Closed,
    /// The connection left HTTP/1.1: Upgrade or CONNECT.
    Switched,
    /// They broke the protocol, or left in the middle.
    Failed,
}

/// Something that [`Config::lenient`](crate::Config::lenient) lets through and that costs the
/// connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Leniency {
    /// A line of the head ended with LF alone.
    BareLf,
    /// Several equal Content-Length values.
    RepeatedContentLength,
    /// Transfer-Encoding beside Content-Length.
    LengthAndTransferEncoding,
    /// Line folding.
    FoldedHeader,
    /// Empty lines before the status line.
    LeadingEmptyLine,
    /// Spaces between a chunk size and the end of its line.
    PaddedChunkSize,
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WeAsked => "the request said Connection: close",
            Self::TheyAsked => "the response said Connection: close",
            Self::Http10 => "the server speaks HTTP/1.0",
            Self::CloseDelimited => "the response body ends with the connection",
            Self::Lenient(leniency) => return leniency.fmt(f),
            Self::RequestUnfinished => "the response was complete before the request",
            Self::Surplus => "the server sent more than its response",
            Self::Closed => "the server closed the connection",
            Self::Switched => "the connection switched protocols",
            Self::Failed => "the server broke the protocol",
        })
    }
}

impl fmt::Display for Leniency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BareLf => "a line of the response head ended without CR",
            Self::RepeatedContentLength => "the response repeated its Content-Length",
            Self::LengthAndTransferEncoding => {
                "the response had Transfer-Encoding beside Content-Length"
            }
            Self::FoldedHeader => "the response had a folded header line",
            Self::LeadingEmptyLine => "an empty line came before the response",
            Self::PaddedChunkSize => "a chunk size was padded with spaces",
        })
    }
}
