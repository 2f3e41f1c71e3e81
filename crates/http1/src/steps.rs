//! What [`Http1`](crate::Http1) hands back: [`HeadStep`], [`BodyStep`] and [`Framing`].

use std::ops::Range;

use nuncio_headers::Headers;

use crate::head::ResponseHead;

/// What [`Http1::receive_head`](crate::Http1::receive_head) found.
#[derive(Debug, Clone, PartialEq)]
pub enum HeadStep {
    /// The head is not complete: call again with the same bytes and more behind them.
    NeedMore,
    /// A head; `used` bytes of the input were its.
    Head {
        /// The head. Another one follows if it [is interim](ResponseHead::is_interim).
        head: ResponseHead,
        /// How many bytes of the input it took; the next call's input begins behind them.
        used: usize,
    },
}

/// What [`Http1::receive_body`](crate::Http1::receive_body) found.
#[derive(Debug, Clone, PartialEq)]
pub enum BodyStep {
    /// `used` bytes of the input were framing; no data among the rest of it yet. The next
    /// call's input begins behind them: with what was left, if anything, and more.
    NeedMore {
        /// How many bytes of the input are done with.
        used: usize,
    },
    /// Content. Bytes before `range.start` were framing; `range.end` bytes are done with.
    Data {
        /// Where in the input the content lies; never empty.
        range: Range<usize>,
    },
    /// The body is complete.
    End {
        /// How many bytes of the input are done with. What is behind them belongs to no
        /// response: see [`Http1::surplus`](crate::Http1::surplus).
        used: usize,
        /// The trailer fields, if there were any, without those that may not stand there
        /// (framing, routing, credentials, cookies, content).
        trailers: Option<Headers>,
    },
}

/// What to write around a piece of body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Framing {
    line: [u8; 18],
    start: u8,
    after: &'static [u8],
}

impl Framing {
    pub(crate) const NONE: Self = Self {
        line: [0; 18],
        start: 18,
        after: b"",
    };

    /// To be written before the data: a chunk-size line, or nothing.
    pub fn before(&self) -> &[u8] {
        self.line.get(usize::from(self.start)..).unwrap_or_default()
    }

    /// To be written behind the data: CRLF, or nothing.
    pub fn after(&self) -> &'static [u8] {
        self.after
    }

    pub(crate) fn chunk(len: usize) -> Self {
        let mut line = *b"0000000000000000\r\n";
        let mut start = 16_u8;
        let mut left = len as u64;
        for slot in line.iter_mut().take(16).rev() {
            if left == 0 {
                break;
            }
            let digit = (left % 16) as u8;
            *slot = if digit < 10 {
                b'0' + digit
            } else {
                b'a' + digit - 10
            };
            left /= 16;
            start -= 1;
        }
        Self {
            line,
            start,
            after: b"\r\n",
        }
    }
}
