//! [`LocalError`]: what the caller may not do. [`RemoteError`]: what the peer did wrong.

use std::fmt;

use crate::reuse::CloseReason;
use crate::snippet::Snippet;
use crate::state::{Ours, Theirs};

/// The caller asked for something that cannot be sent, or not now.
///
/// Nothing was written and the state has not changed. Header values never appear in it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LocalError {
    /// The method is not a token (RFC 9110 section 9.1).
    BadMethod(Snippet),
    /// The request target is empty or holds a byte other than visible ASCII.
    BadTarget {
        /// The first byte that does not belong; none when the target is empty.
        byte: Option<u8>,
        /// Where it stands, from 0.
        position: usize,
    },
    /// No Host field (RFC 9112 section 3.2).
    MissingHost,
    /// More than one Host field.
    RepeatedHost,
    /// The Host field is empty or no `host [ ":" port ]`.
    BadHost,
    /// More than one Content-Length field.
    RepeatedContentLength,
    /// The Content-Length field is no decimal number below 2^63.
    BadContentLength,
    /// The Content-Length field does not agree with the body.
    LengthMismatch {
        /// What the field says.
        declared: u64,
        /// The body's length; none when it is not known, which means chunks.
        body: Option<u64>,
    },
    /// The Transfer-Encoding field is not the one word `chunked`, or there are several.
    BadTransferEncoding,
    /// Both Transfer-Encoding and Content-Length.
    LengthAndTransferEncoding,
    /// A CONNECT request with a body or a field that frames one (RFC 9110 section 9.3.6).
    BodyOnConnect,
    /// More body than Content-Length says.
    TooMuchData {
        /// What Content-Length says.
        declared: u64,
        /// How many bytes the refused piece is past it.
        excess: u64,
    },
    /// The body ended before Content-Length was reached.
    TooLittleData {
        /// What Content-Length says.
        declared: u64,
        /// How many bytes were sent.
        sent: u64,
    },
    /// Trailers need a chunked body.
    TrailersNeedChunks,
    /// A field that may not be a trailer (RFC 9110 section 6.5.1).
    ForbiddenTrailer(&'static str),
    /// The connection cannot carry another request.
    NotReusable(CloseReason),
    /// Not possible in the state that the connection is in.
    State {
        /// What was tried.
        action: &'static str,
        /// Our side.
        ours: Ours,
        /// The peer's side.
        theirs: Theirs,
    },
}

impl fmt::Display for LocalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadMethod(method) => write!(f, "method is not a token: {method}"),
            Self::BadTarget { byte: None, .. } => f.write_str("empty request target"),
            Self::BadTarget {
                byte: Some(byte),
                position,
            } => write!(
                f,
                "invalid byte '{}' at position {position} of the request target",
                byte.escape_ascii()
            ),
            Self::MissingHost => f.write_str("no Host header"),
            Self::RepeatedHost => f.write_str("more than one Host header"),
            Self::BadHost => f.write_str("Host header is not a host with an optional port"),
            Self::RepeatedContentLength => f.write_str("more than one Content-Length header"),
            Self::BadContentLength => {
                f.write_str("Content-Length header is not a decimal number below 2^63")
            }
            Self::LengthMismatch {
                declared,
                body: Some(body),
            } => write!(
                f,
                "Content-Length header says {declared} bytes, the body has {body}"
            ),
            Self::LengthMismatch {
                declared,
                body: None,
            } => write!(
                f,
                "Content-Length header says {declared} bytes, the body is of unknown length"
            ),
            Self::BadTransferEncoding => {
                f.write_str("Transfer-Encoding header is not the one word chunked")
            }
            Self::LengthAndTransferEncoding => {
                f.write_str("both Transfer-Encoding and Content-Length headers")
            }
            Self::BodyOnConnect => f.write_str("a CONNECT request has no body"),
            Self::TooMuchData { declared, excess } => write!(
                f,
                "too much data for declared Content-Length: {excess} bytes past {declared}"
            ),
            Self::TooLittleData { declared, sent } => write!(
                f,
                "too little data for declared Content-Length: {sent} of {declared} bytes"
            ),
            Self::TrailersNeedChunks => f.write_str("trailers need a chunked body"),
            Self::ForbiddenTrailer(name) => write!(f, "{name} may not be sent as a trailer"),
            Self::NotReusable(reason) => {
                write!(f, "the connection cannot carry another request: {reason}")
            }
            Self::State {
                action,
                ours,
                theirs,
            } => write!(f, "cannot {action}: {ours}, {theirs}"),
        }
    }
}

impl std::error::Error for LocalError {}

/// The peer broke the protocol or a limit, or went away too early.
///
/// The connection cannot be used any more. Lines are quoted in part, escaped, and without the
/// values of fields that carry credentials or cookies.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RemoteError {
    /// The peer closed before the first byte of a final response.
    Disconnected {
        /// How many interim responses had come.
        interim: usize,
    },
    /// The peer closed inside a head.
    IncompleteHead {
        /// How many bytes of it had come.
        received: usize,
        /// Its first line.
        line: Snippet,
    },
    /// The peer closed inside a body.
    IncompleteBody {
        /// How many bytes of content were received.
        received: u64,
        /// How many were announced; none for chunks.
        expected: Option<u64>,
    },
    /// Bytes came while no response was due.
    UnexpectedData(Snippet),
    /// What should be a status line is none (RFC 9112 section 4), or its status is below 100.
    BadStatusLine(Snippet),
    /// A version other than HTTP/1.0 and HTTP/1.1.
    BadVersion(Snippet),
    /// A line of the head that is no header field (RFC 9112 section 5).
    BadHeader(Snippet),
    /// A folded line (RFC 9112 section 5.2).
    FoldedHeader(Snippet),
    /// A line of the head that ends with LF alone (RFC 9112 section 2.2).
    BareLf(Snippet),
    /// A Content-Length that is no decimal number below 2^63 of at most 19 digits.
    BadContentLength(Snippet),
    /// Content-Length fields that differ; the second of them is shown.
    ConflictingContentLength(Snippet),
    /// Content-Length fields that are equal (RFC 9110 section 8.6).
    RepeatedContentLength(Snippet),
    /// A Transfer-Encoding that is not the one word `chunked`, or several of them.
    BadTransferEncoding(Snippet),
    /// A Transfer-Encoding in an HTTP/1.0 response.
    TransferEncodingInHttp10(Snippet),
    /// Both Transfer-Encoding and Content-Length; the latter is shown.
    LengthAndTransferEncoding(Snippet),
    /// A chunk-size line that is none (RFC 9112 section 7.1), up to the byte that shows it.
    BadChunkLine(Snippet),
    /// Something other than CRLF after the data of a chunk.
    BadChunkEnd(Snippet),
    /// A line of the trailer section that is no field.
    BadTrailer(Snippet),
    /// A 101 response that was not asked for, or before the request was sent whole.
    UnaskedUpgrade,
    /// More bytes of response heads than [`Config::max_head_bytes`](crate::Config::max_head_bytes).
    HeadTooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// More fields than [`Config::max_head_fields`](crate::Config::max_head_fields).
    TooManyFields {
        /// The limit.
        limit: usize,
    },
    /// More 1xx responses than [`Config::max_interim_heads`](crate::Config::max_interim_heads).
    TooManyInterim {
        /// The limit.
        limit: usize,
    },
    /// A chunk-size line longer than [`Config::max_chunk_line`](crate::Config::max_chunk_line).
    ChunkLineTooLong {
        /// The limit, in bytes.
        limit: usize,
    },
    /// More chunk extensions than
    /// [`Config::max_chunk_extensions`](crate::Config::max_chunk_extensions).
    ChunkExtensionsTooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// More than [`Config::max_trailer_bytes`](crate::Config::max_trailer_bytes).
    TrailersTooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// More than [`Config::max_trailer_fields`](crate::Config::max_trailer_fields).
    TooManyTrailers {
        /// The limit.
        limit: usize,
    },
}

impl fmt::Display for RemoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disconnected { interim: 0 } => {
                f.write_str("server disconnected without sending a response")
            }
            Self::Disconnected { interim } => write!(
                f,
                "server disconnected after {interim} interim responses, without a final one"
            ),
            Self::IncompleteHead { received, line } => write!(
                f,
                "server disconnected inside a response head, after {received} bytes: {line}"
            ),
            Self::IncompleteBody {
                received,
                expected: Some(expected),
            } => write!(
                f,
                "server closed without sending complete message body (received {received} bytes, expected {expected})"
            ),
            Self::IncompleteBody {
                received,
                expected: None,
            } => write!(
                f,
                "server closed without sending complete message body (received {received} bytes, no end)"
            ),
            Self::UnexpectedData(bytes) => write!(f, "data while no response was due: {bytes}"),
            Self::BadStatusLine(line) => write!(f, "illegal status line: {line}"),
            Self::BadVersion(line) => write!(f, "unsupported HTTP version: {line}"),
            Self::BadHeader(line) => write!(f, "illegal header line: {line}"),
            Self::FoldedHeader(line) => write!(f, "folded header line: {line}"),
            Self::BareLf(line) => write!(f, "line of the head ends without CR: {line}"),
            Self::BadContentLength(value) => write!(f, "illegal Content-Length: {value}"),
            Self::ConflictingContentLength(value) => {
                write!(f, "conflicting Content-Length headers: {value}")
            }
            Self::RepeatedContentLength(value) => {
                write!(f, "repeated Content-Length header: {value}")
            }
            Self::BadTransferEncoding(value) => {
                write!(f, "unsupported Transfer-Encoding: {value}")
            }
            Self::TransferEncodingInHttp10(value) => {
                write!(f, "Transfer-Encoding in an HTTP/1.0 response: {value}")
            }
            Self::LengthAndTransferEncoding(value) => {
                write!(f, "Transfer-Encoding beside Content-Length: {value}")
            }
            Self::BadChunkLine(line) => write!(f, "illegal chunk size line: {line}"),
            Self::BadChunkEnd(bytes) => write!(f, "no CRLF after chunk data: {bytes}"),
            Self::BadTrailer(line) => write!(f, "illegal trailer line: {line}"),
            Self::UnaskedUpgrade => f.write_str("status 101 without a complete request to upgrade"),
            Self::HeadTooLarge { limit } => write!(f, "response heads over {limit} bytes"),
            Self::TooManyFields { limit } => write!(f, "more than {limit} header fields"),
            Self::TooManyInterim { limit } => write!(f, "more than {limit} interim responses"),
            Self::ChunkLineTooLong { limit } => write!(f, "chunk size line over {limit} bytes"),
            Self::ChunkExtensionsTooLarge { limit } => {
                write!(f, "chunk extensions over {limit} bytes")
            }
            Self::TrailersTooLarge { limit } => write!(f, "trailers over {limit} bytes"),
            Self::TooManyTrailers { limit } => write!(f, "more than {limit} trailer fields"),
        }
    }
}

impl std::error::Error for RemoteError {}
