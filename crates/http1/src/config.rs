//! [`Config`]: limits, and whether lenient forms are let through.

/// Limits on what a peer may send, and how strictly it is read.
///
/// The defaults suit a client that talks to servers it does not trust. Cheap to copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    pub(crate) head_bytes: usize,
    pub(crate) head_fields: usize,
    pub(crate) interim_heads: usize,
    pub(crate) chunk_line: usize,
    pub(crate) chunk_extensions: usize,
    pub(crate) trailer_bytes: usize,
    pub(crate) trailer_fields: usize,
    pub(crate) lenient: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            head_bytes: 128 * 1024,
            head_fields: 256,
            interim_heads: 16,
            chunk_line: 256,
            chunk_extensions: 16 * 1024,
            trailer_bytes: 16 * 1024,
            trailer_fields: 64,
            lenient: false,
        }
    }
}

impl Config {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes of all heads of one response together, interim ones included. Default 131,072.
    pub fn max_head_bytes(mut self, bytes: usize) -> Self {
        self.head_bytes = bytes;
        self
    }

    /// Header fields of all heads of one response together. Default 256.
    pub fn max_head_fields(mut self, fields: usize) -> Self {
        self.head_fields = fields;
        self
    }

    /// Interim (1xx) heads before one final response. Default 16.
    pub fn max_interim_heads(mut self, heads: usize) -> Self {
        self.interim_heads = heads;
        self
    }

    /// Bytes of one chunk-size line with its extensions, without CRLF. Default 256.
    pub fn max_chunk_line(mut self, bytes: usize) -> Self {
        self.chunk_line = bytes;
        self
    }

    /// Bytes of all chunk extensions of one response. Default 16,384.
    pub fn max_chunk_extensions(mut self, bytes: usize) -> Self {
        self.chunk_extensions = bytes;
        self
    }

    /// Bytes of the trailer section. Default 16,384.
    pub fn max_trailer_bytes(mut self, bytes: usize) -> Self {
        self.trailer_bytes = bytes;
        self
    }

    /// Fields of the trailer section. Default 64.
    pub fn max_trailer_fields(mut self, fields: usize) -> Self {
        self.trailer_fields = fields;
        self
    }

    /// Lets through forms that are errors by default. Default `false`.
    ///
    /// They are: Transfer-Encoding beside Content-Length (the chunks count, the length is removed
    /// from the head; RFC 9112 section 6.3), equal Content-Length fields and lists of equal lengths
    /// (`5, 5`; one is left), lines of the head that end with LF alone (section 2.2), line folding
    /// in fields that do not frame the message (section 5.2; folded to one space), empty lines
    /// before the status line, and spaces behind a chunk size (section 7.1). A connection on which
    /// one was met is not used again; [`CloseReason::Lenient`](crate::CloseReason::Lenient) says
    /// which it was.
    pub fn lenient(mut self, lenient: bool) -> Self {
        self.lenient = lenient;
        self
    }
}
