use std::num::NonZeroUsize;

use bytes::{Bytes, BytesMut};

/// Cuts bytes into pieces of one size; only the last may be shorter, and none is empty. A piece that
/// lies within what was pushed is a slice of it.
///
/// ```
/// use bytes::Bytes;
/// use nuncio_content::ByteChunker;
///
/// let mut chunker = ByteChunker::new(4.try_into().unwrap());
/// chunker.push(Bytes::from_static(b"abcdefg"));
/// assert_eq!(chunker.next_chunk().as_deref(), Some(&b"abcd"[..]));
/// assert_eq!(chunker.next_chunk(), None);
/// assert_eq!(chunker.finish().as_deref(), Some(&b"efg"[..]));
/// ```
#[derive(Debug, Clone)]
pub struct ByteChunker {
    size: NonZeroUsize,
    /// The beginning of a piece that the next push goes on with.
    begun: BytesMut,
    rest: Bytes,
}

impl ByteChunker {
    /// A chunker to pieces of `size` bytes.
    pub fn new(size: NonZeroUsize) -> Self {
        Self {
            size,
            begun: BytesMut::new(),
            rest: Bytes::new(),
        }
    }

    /// Takes more bytes. Ask for their pieces before the next.
    pub fn push(&mut self, bytes: Bytes) {
        self.begun.extend_from_slice(&self.rest);
        self.rest = bytes;
    }

    /// The next whole piece; none until more has come.
    pub fn next_chunk(&mut self) -> Option<Bytes> {
        let size = self.size.get();
        if self.begun.is_empty() {
            return (self.rest.len() >= size).then(|| self.rest.split_to(size));
        }
        // More than a piece only where nobody asked between two pushes.
        let missing = size.saturating_sub(self.begun.len());
        let more = self.rest.split_to(missing.min(self.rest.len()));
        self.begun.extend_from_slice(&more);
        (self.begun.len() >= size).then(|| self.begun.split_to(size).freeze())
    }

    /// The bytes have ended: what is left, if anything. Ask [`next_chunk`](Self::next_chunk) until it
    /// gives none before.
    pub fn finish(&mut self) -> Option<Bytes> {
        self.push(Bytes::new());
        Some(self.begun.split().freeze()).filter(|last| !last.is_empty())
    }
}

/// Cuts text into pieces of one number of characters (Unicode scalar values); only the last may be
/// shorter, and none is empty.
///
/// ```
/// use nuncio_content::TextChunker;
///
/// let mut chunker = TextChunker::new(2.try_into().unwrap());
/// chunker.push("éàü");
/// assert_eq!(chunker.next_chunk().as_deref(), Some("éà"));
/// assert_eq!(chunker.next_chunk(), None);
/// assert_eq!(chunker.finish().as_deref(), Some("ü"));
/// ```
#[derive(Debug, Clone)]
pub struct TextChunker {
    size: NonZeroUsize,
    text: String,
    start: usize,
    /// Up to where characters are counted, and how many there are from `start`.
    counted: usize,
    count: usize,
}

impl TextChunker {
    /// A chunker to pieces of `size` characters.
    pub fn new(size: NonZeroUsize) -> Self {
        Self {
            size,
            text: String::new(),
            start: 0,
            counted: 0,
            count: 0,
        }
    }

    /// Takes more text. Ask for its pieces before the next.
    pub fn push(&mut self, text: &str) {
        self.text.drain(..self.start);
        self.counted -= self.start;
        self.start = 0;
        self.text.push_str(text);
    }

    /// The next whole piece; none until more has come.
    pub fn next_chunk(&mut self) -> Option<String> {
        let rest = self.text.get(self.counted..).unwrap_or_default();
        let missing = self.size.get() - self.count;
        // The end of the last character that belongs to the piece.
        let end = rest
            .char_indices()
            .nth(missing - 1)
            .map(|(at, last)| at + last.len_utf8());
        let Some(end) = end else {
            self.count += rest.chars().count();
            self.counted = self.text.len();
            return None;
        };
        let end = self.counted + end;
        let piece = self.text.get(self.start..end).map(str::to_owned);
        (self.start, self.counted, self.count) = (end, end, 0);
        piece
    }

    /// The text has ended: what is left, if anything. Ask [`next_chunk`](Self::next_chunk) until it
    /// gives none before.
    pub fn finish(&mut self) -> Option<String> {
        let last = self.text.get(self.start..).map(str::to_owned);
        self.text.clear();
        (self.start, self.counted, self.count) = (0, 0, 0);
        last.filter(|last| !last.is_empty())
    }
}
