//! What woke a stream, and what its errors mean.

use std::task::{Context, Poll, Waker};

use http::StatusCode;
use http::header::{HeaderName, HeaderValue};

use crate::config::Config;
use crate::connection::{Http2, State, go_away};
use crate::error::{Code, Error, Processed, StreamError, StreamErrorKind};
use crate::stream::{Ready, Recv, Send, Stream, StreamId};

impl Http2 {
    /// The receiving half was woken. Heads are looked at as they come, so that a peer cannot pile
    /// up interim ones; bodies wait for their reader.
    pub(crate) fn received(&mut self, id: StreamId) {
        let Some((stream, recv_waker, _)) = self.streams.find(id) else {
            return;
        };
        let news = match &mut stream.recv {
            Recv::Waiting(_) => stream.take_heads(recv_waker, &self.config),
            Recv::Body(_) => Heads::Body,
            _ => return,
        };
        match news {
            Heads::None => {}
            Heads::Body => self.streams.raise(id, Ready::BODY),
            Heads::Some => self.streams.raise(id, Ready::HEAD),
            Heads::Malformed(kind) => {
                self.faults += 1;
                self.set_failed(id, StreamError::new(kind, Processed::Maybe));
            }
            Heads::Failed(error) => {
                let error = self.explain(id, &error);
                self.set_failed(id, error);
            }
        }
    }

    fn set_failed(&mut self, id: StreamId, error: StreamError) {
        if let Some((stream, ..)) = self.streams.find(id) {
            // Dropping both handles resets the stream, where the peer has not.
            stream.recv = Recv::Failed(error.clone());
            stream.send = Send::Failed(error);
            let mut ready = Ready::HEAD;
            ready.insert(Ready::FAILED);
            self.streams.raise(id, ready);
        }
    }

    /// What an error of `h2` on a stream means.
    pub(crate) fn explain(&mut self, id: StreamId, error: &h2::Error) -> StreamError {
        let code = error.reason().map_or(Code::PROTOCOL_ERROR, Code::from);
        let mut refused = false;
        let kind = if error.is_go_away() {
            // `h2` fails a stream with the peer's GOAWAY only above the last id that it names.
            refused = error.is_remote();
            StreamErrorKind::Connection(go_away(error))
        } else if error.is_reset() && error.is_remote() {
            StreamErrorKind::Reset(code)
        } else if error.is_reset() {
            self.faults += 1;
            StreamErrorKind::Malformed(code)
        } else {
            StreamErrorKind::Connection(match &self.state {
                State::Over(error) | State::Ending(error) => error.clone(),
                State::Open => Error::Eof,
            })
        };
        let takes = self.takes;
        let processed = match self.streams.find(id) {
            Some((stream, ..)) if refused => stream.refused(),
            Some((stream, ..)) => stream.processed(&kind, takes),
            None => Processed::Maybe,
        };
        StreamError { kind, processed }
    }
}

/// What came before the body.
enum Heads {
    None,
    Some,
    Body,
    Malformed(StreamErrorKind),
    Failed(h2::Error),
}

impl Stream {
    fn take_heads(&mut self, waker: &Waker, limits: &Config) -> Heads {
        let Recv::Waiting(response) = &mut self.recv else {
            return Heads::None;
        };
        let mut context = Context::from_waker(waker);
        loop {
            let head = match response.poll_informational(&mut context) {
                Poll::Pending if self.interim.is_empty() => return Heads::None,
                Poll::Pending => return Heads::Some,
                Poll::Ready(Some(Err(error))) => return Heads::Failed(error),
                Poll::Ready(Some(Ok(head))) => head,
                Poll::Ready(None) => break,
            };
            // RFC 9113 section 8.6: there is no switching of protocols here.
            if head.status() == StatusCode::SWITCHING_PROTOCOLS {
                return Heads::Malformed(StreamErrorKind::Malformed(Code::PROTOCOL_ERROR));
            }
            self.interim_count += 1;
            self.interim_bytes += head.headers().iter().map(field_size).sum::<usize>();
            if self.interim_count > limits.max_interim
                || self.interim_bytes > limits.max_header_list as usize
                || head.headers().len() > limits.max_fields
            {
                return Heads::Malformed(StreamErrorKind::HeadTooLarge);
            }
            self.interim.push_back(head);
        }
        if let Recv::Waiting(response) = std::mem::replace(&mut self.recv, Recv::Ended) {
            self.recv = Recv::Arrived(response);
        }
        Heads::Some
    }

    pub(crate) fn processed(&self, kind: &StreamErrorKind, takes: u64) -> Processed {
        match kind {
            _ if self.head_came() => Processed::Yes,
            _ if self.opened_at == takes => Processed::No,
            StreamErrorKind::Reset(Code::REFUSED_STREAM) => Processed::No,
            _ => Processed::Maybe,
        }
    }

    /// The peer says that it did not look at the request, unless it has contradicted itself.
    fn refused(&self) -> Processed {
        if self.head_came() {
            Processed::Yes
        } else {
            Processed::No
        }
    }

    fn head_came(&self) -> bool {
        matches!(self.recv, Recv::Body(_) | Recv::Trailed | Recv::Ended)
    }
}

/// As RFC 9113 section 6.5.2 counts it.
fn field_size((name, value): (&HeaderName, &HeaderValue)) -> usize {
    name.as_str().len() + value.len() + 32
}
