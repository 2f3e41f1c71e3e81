//! A response whose body has been read.

mod convert;
mod head;
mod interim;
#[cfg(feature = "json")]
mod json;
mod status;
#[cfg(test)]
mod tests;
mod text;

pub(crate) use head::More;
pub use head::{Head, SentRequest};
pub use interim::Interim;
pub(crate) use status::told_location;
pub use text::DefaultEncoding;

use crate::error::Error;
use bytes::Bytes;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

/// How much of a body the error of [`Response::error_for_status`] keeps, in bytes.
pub(crate) const ERROR_BODY: usize = 64 * 1024;

/// A response, body included. A clone shares the body.
#[derive(Clone)]
pub struct Response {
    head: Head,
    body: Bytes,
    elapsed: Duration,
    downloaded: u64,
    truncated: bool,
}

impl Response {
    /// A response put together from its parts: for adapters, and for tests.
    pub fn new(head: Head, body: Bytes, elapsed: Duration) -> Self {
        Self::received(head, body, elapsed, 0)
    }

    /// The same in one step: each move of a response is a copy of some hundred bytes.
    #[inline]
    pub(crate) fn received(head: Head, body: Bytes, elapsed: Duration, downloaded: u64) -> Self {
        Response {
            head,
            body,
            elapsed,
            downloaded,
            truncated: false,
        }
    }

    /// The same response, with the number that [`bytes_downloaded`](Self::bytes_downloaded) tells: for
    /// adapters, and for tests.
    pub fn with_downloaded(mut self, bytes: u64) -> Self {
        self.downloaded = bytes;
        self
    }

    pub(crate) fn with_history(mut self, history: Arc<[Response]>) -> Self {
        if !history.is_empty() {
            self.head.more.get_or_insert_default().history = history;
        }
        self
    }

    pub(crate) fn into_head(self) -> Head {
        self.head
    }

    /// The body, with the codings undone that were.
    pub fn bytes(&self) -> &Bytes {
        &self.body
    }

    /// The body, without the rest.
    pub fn into_bytes(self) -> Bytes {
        self.body
    }

    /// How many bytes of the body came over the network, without their framing and before any
    /// decoding. 0 for a body that came from elsewhere.
    pub fn bytes_downloaded(&self) -> u64 {
        self.downloaded
    }

    /// Whether the body went on beyond what is kept of it: in errors and in the
    /// [history](Head::history), at most 64 KiB are.
    pub fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// From just before the request was handed to the transport until the body was complete.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// The response itself if its status is 2xx.
    ///
    /// To look at the error and keep the whole response, ask [`status_error`](Head::status_error).
    ///
    /// # Errors
    /// [`Kind::Status`](crate::Kind::Status) for every other status, redirects included. The error
    /// owns the response, and of its body the first 64 KiB: an error may be kept for long.
    pub fn error_for_status(self) -> Result<Self, Error> {
        match self.head.status_error() {
            None => Ok(self),
            Some(error) => Err(error.with_response(self.truncate(ERROR_BODY))),
        }
    }

    /// Says that the body went on beyond what is kept of it, if it did.
    pub(crate) fn cut(mut self, cut: bool) -> Self {
        self.truncated |= cut;
        self
    }

    fn truncate(mut self, limit: usize) -> Self {
        if let Some(kept) = self.body.get(..limit)
            && kept.len() < self.body.len()
        {
            // Copied, as a slice would keep the whole in memory.
            self.body = Bytes::copy_from_slice(kept);
            self.truncated = true;
        }
        self
    }

    /// Says which request an error is about.
    fn blame(&self, error: Error) -> Error {
        error.for_request(self.head.request.method.as_str(), &self.head.request.url)
    }
}

impl Deref for Response {
    type Target = Head;

    fn deref(&self) -> &Head {
        &self.head
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "<Response [{} {}]>",
            self.head.head.status,
            self.reason()
        )
    }
}

/// A peer's text as an error may tell it: on one line, at most `limit` characters.
pub(crate) fn snippet(text: &str, limit: usize) -> String {
    let mut told = String::new();
    for (index, character) in text.chars().enumerate() {
        match character {
            _ if index == limit => {
                told.push('…');
                break;
            }
            '"' | '\'' | '\\' => told.push(character),
            _ => told.extend(character.escape_debug()),
        }
    }
    told
}
