//! One request's policy: what goes out, and whether it may go out again.

use crate::body::{Feed, Source};
use crate::request::Parts;
use bytes::Bytes;
use http::Method;
use nuncio_connection::{BodySize, Error as ConnectionError, Processed, RemoteError};
use nuncio_headers::Headers;
use nuncio_url::Url;

/// What one request is, and what has been tried with it.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: Headers,
    pub(crate) size: BodySize,
    body: Held,
    replays: u32,
}

/// The body as far as policy is concerned.
#[derive(Debug)]
enum Held {
    /// Here, and can be sent again.
    Bytes(Bytes),
    /// With the adapter; asked for yet or not.
    Elsewhere { asked: bool },
}

/// What goes up next on one attempt.
#[derive(Debug)]
pub(crate) enum Upload {
    /// The rest of a body that is held.
    Bytes(Bytes),
    /// A body that the adapter gives piece by piece.
    Feed,
    /// Sent whole, or nothing to send.
    Done,
    /// Given up: the peer takes no more, or has answered already.
    Stopped,
}

impl Exchange {
    pub(crate) fn new(parts: Parts) -> (Self, Option<Feed>) {
        let size = match &parts.body {
            Source::Empty => BodySize::Empty,
            Source::Bytes(bytes) => BodySize::Known(bytes.len() as u64),
            Source::Reader { length, .. } | Source::Stream { length, .. } => {
                length.map_or(BodySize::Unknown, BodySize::Known)
            }
        };
        let elsewhere = Held::Elsewhere { asked: false };
        let (body, feed) = match parts.body {
            Source::Empty => (Held::Bytes(Bytes::new()), None),
            Source::Bytes(bytes) => (Held::Bytes(bytes), None),
            Source::Reader { reader, .. } => (elsewhere, Some(Feed::Reader(reader))),
            Source::Stream { stream, .. } => (elsewhere, Some(Feed::Stream(stream))),
        };
        let Parts {
            method,
            url,
            headers,
            ..
        } = parts;
        (
            Exchange {
                method,
                url,
                headers,
                size,
                body,
                replays: 0,
            },
            feed,
        )
    }

    /// The body of a new attempt.
    pub(crate) fn upload(&self) -> Upload {
        match (&self.body, self.size) {
            (_, BodySize::Empty) => Upload::Done,
            (Held::Bytes(bytes), _) => Upload::Bytes(bytes.clone()),
            (Held::Elsewhere { .. }, _) => Upload::Feed,
        }
    }

    /// The adapter's source has been read from: it will not give the same again.
    pub(crate) fn asked_source(&mut self) {
        if let Held::Elsewhere { asked } = &mut self.body {
            *asked = true;
        }
    }

    /// Whether an earlier attempt ended on a stale connection.
    pub(crate) fn is_replay(&self) -> bool {
        self.replays > 0
    }

    /// Whether to send the request again, on a new connection, after `error` on one that had been
    /// used before. Once only; never after a byte of an answer; and where the peer may have acted
    /// on it, only what is safe to repeat (RFC 9110 section 9.2.2, RFC 9112 section 9.3.1).
    pub(crate) fn may_replay(&mut self, error: &ConnectionError, processed: Processed) -> bool {
        let dead = matches!(
            error,
            ConnectionError::Io(_)
                | ConnectionError::Remote(RemoteError::Disconnected { interim: 0 })
        );
        let whole = matches!(self.body, Held::Bytes(_) | Held::Elsewhere { asked: false });
        let safe = match processed {
            Processed::No => true,
            Processed::Maybe => self.method.is_idempotent(),
            Processed::Yes => false,
        };
        let again = dead && whole && safe && self.replays == 0;
        self.replays += u32::from(again);
        again
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Body;
    use crate::request::Request;

    fn exchange(method: Method, body: Body) -> Exchange {
        let Ok(url) = Url::parse("http://h/") else {
            panic!("a URL")
        };
        let mut request = Request::new(method, url);
        request.set_body(body);
        Exchange::new(request.into_parts()).0
    }

    const GONE: ConnectionError = ConnectionError::Remote(RemoteError::Disconnected { interim: 0 });

    #[test]
    fn a_request_that_is_safe_to_repeat_is_replayed_once() {
        let mut get = exchange(Method::GET, Body::empty());
        assert!(get.may_replay(&GONE, Processed::Maybe));
        assert!(!get.may_replay(&GONE, Processed::Maybe));
    }

    #[test]
    fn k05_a_post_is_replayed_only_when_certainly_unsent() {
        let post = || exchange(Method::POST, Body::from("x"));
        assert!(!post().may_replay(&GONE, Processed::Maybe));
        assert!(post().may_replay(&GONE, Processed::No));
    }

    #[test]
    fn nothing_is_replayed_after_a_byte_of_an_answer() {
        assert!(!exchange(Method::GET, Body::empty()).may_replay(&GONE, Processed::Yes));
    }

    #[test]
    fn a_source_that_was_asked_cannot_be_replayed() {
        let mut put = exchange(Method::PUT, Body::reader(std::io::empty(), None));
        put.asked_source();
        assert!(!put.may_replay(&GONE, Processed::No));
        let mut put = exchange(Method::PUT, Body::reader(std::io::empty(), None));
        assert!(put.may_replay(&GONE, Processed::No));
    }

    #[test]
    fn a_timeout_is_not_a_stale_connection() {
        let slow = ConnectionError::Timeout(nuncio_connection::Phase::Read);
        assert!(!exchange(Method::GET, Body::empty()).may_replay(&slow, Processed::Maybe));
    }
}
