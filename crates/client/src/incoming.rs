//! A response whose head is here, and whose body comes as it is pulled.

use crate::body::{Body, Source};
use crate::depot::Lane;
use crate::error::{Error, Kind};
use crate::feed::Feed;
use crate::response::Head;
use crate::running::Running;
use bytes::Bytes;
use nuncio_connection::{Connection, Error as ConnectionError, Processed, Read, StreamId};
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// What an adapter is to do for the next piece of a response's body.
#[derive(Debug)]
pub enum Pull {
    /// Here it is.
    Chunk(Bytes),
    /// As [`Step::Drive`](crate::Step::Drive).
    Drive {
        /// The connection's next deadline.
        until: Option<Instant>,
    },
    /// As [`Step::Feed`](crate::Step::Feed).
    Feed {
        /// The connection's next deadline.
        until: Option<Instant>,
    },
    /// The body is complete and the connection back in the pool.
    End,
}

/// A response under way: what [`Call`](crate::Call) becomes once the head is here. Dropped before
/// its end, it closes its connection.
pub struct Incoming<S> {
    head: Head,
    state: State<S>,
    started: Instant,
    peer: Option<SocketAddr>,
}

enum State<S> {
    Running(Running<S>),
    /// From a transport of the user's.
    Foreign(Foreign),
    Complete(Duration),
    /// Told again to whoever asks again: a body cut short must never look complete.
    Failed(Error),
}

/// Where a response's body comes from.
pub(crate) enum Arrival<S> {
    Running(Running<S>),
    /// With the source of the request's body, where it came back.
    Reply(Body, Option<Feed>),
}

/// The body of a response that a transport of the user's gave.
struct Foreign {
    /// Here, and not handed out yet.
    held: Option<Bytes>,
    /// To be asked for more.
    feed: Option<Feed>,
}

impl<S> Incoming<S> {
    pub(crate) fn new(
        head: Head,
        arrival: Arrival<S>,
        started: Instant,
        peer: Option<SocketAddr>,
    ) -> Self {
        let state = match arrival {
            Arrival::Running(running) => State::Running(running),
            Arrival::Reply(body, _) => State::Foreign(match body.source {
                Source::Empty => Foreign {
                    held: None,
                    feed: None,
                },
                Source::Bytes(bytes) => Foreign {
                    held: Some(bytes),
                    feed: None,
                },
                Source::Feed { feed, .. } => Foreign { held: None, feed },
            }),
        };
        Incoming {
            head,
            state,
            started,
            peer,
        }
    }

    /// The response's head.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The head, and the time that the exchange took, if it came to its end.
    pub fn into_parts(self) -> (Head, Duration) {
        let elapsed = match self.state {
            State::Complete(elapsed) => elapsed,
            State::Running(_) | State::Foreign(_) | State::Failed(_) => Duration::ZERO,
        };
        (self.head, elapsed)
    }

    /// The connection in use, with its socket; none where there is none, or no more.
    pub fn lane(&mut self) -> Option<&mut Lane<S>> {
        match &mut self.state {
            State::Running(running) => running.held.lane(),
            State::Foreign(_) | State::Complete(_) | State::Failed(_) => None,
        }
    }

    /// What [`Pull::Feed`] asks.
    pub fn feed(&mut self) -> Option<&mut Feed> {
        match &mut self.state {
            State::Running(running) => running.feed.as_mut(),
            State::Foreign(foreign) => foreign.feed.as_mut(),
            State::Complete(_) | State::Failed(_) => None,
        }
    }

    /// As [`Call::supply`](crate::Call::supply), for a body that is still going up, or the
    /// response's own from a transport of the user's.
    ///
    /// # Errors
    /// As there; [`Kind::Read`] when the response's own fails.
    pub fn supply(&mut self, piece: Option<io::Result<Bytes>>, now: Instant) -> Result<(), Error> {
        match &mut self.state {
            State::Running(running) => running.supply(piece, now).map_err(|error| self.fail(error)),
            State::Foreign(foreign) => match piece {
                Some(Ok(bytes)) => {
                    foreign.held = Some(bytes);
                    Ok(())
                }
                Some(Err(error)) => Err(self.fail(reply_error(error))),
                None => {
                    foreign.feed = None;
                    Ok(())
                }
            },
            State::Complete(_) | State::Failed(_) => {
                Err(self.blame(Error::new(Kind::Usage, "no body is being sent")))
            }
        }
    }

    /// The next piece of the response's body, or what to do for it.
    ///
    /// # Errors
    /// Whatever ended the call; a body that is cut short always does.
    pub fn pull(&mut self, now: Instant) -> Result<Pull, Error> {
        if let State::Foreign(_) = self.state {
            return Ok(self.pull_foreign(now));
        }
        self.pull_with(now, |connection, id| connection.read_body(id, now))
    }

    /// As [`pull`](Self::pull), but appends the piece to `into` and answers with an empty chunk.
    ///
    /// # Errors
    /// As [`pull`](Self::pull).
    pub fn pull_into(&mut self, into: &mut Vec<u8>, now: Instant) -> Result<Pull, Error> {
        if let State::Foreign(_) = self.state {
            let pull = self.pull_foreign(now);
            if let Pull::Chunk(chunk) = &pull {
                into.extend_from_slice(chunk);
                return Ok(Pull::Chunk(Bytes::new()));
            }
            return Ok(pull);
        }
        self.pull_with(now, |connection, id| {
            connection.read_body_into(id, into, now)
        })
    }

    fn pull_with(
        &mut self,
        now: Instant,
        read: impl FnOnce(&mut Connection, StreamId) -> Result<Read, ConnectionError>,
    ) -> Result<Pull, Error> {
        let running = match &mut self.state {
            State::Running(running) => running,
            State::Foreign(_) | State::Complete(_) => return Ok(Pull::End),
            State::Failed(error) => return Err(error.clone()),
        };
        match running.pull(now, read) {
            Ok(Some(pull)) => Ok(pull),
            Ok(None) => {
                let complete = State::Complete(now.saturating_duration_since(self.started));
                if let State::Running(running) = std::mem::replace(&mut self.state, complete) {
                    running.held.release(now);
                }
                Ok(Pull::End)
            }
            Err(error) => {
                let error = Error::connection(error, false).with_processed(Processed::Yes);
                Err(self.fail(error))
            }
        }
    }

    fn pull_foreign(&mut self, now: Instant) -> Pull {
        let State::Foreign(foreign) = &mut self.state else {
            return Pull::End;
        };
        if let Some(bytes) = foreign.held.take().filter(|bytes| !bytes.is_empty()) {
            return Pull::Chunk(bytes);
        }
        if foreign.feed.is_some() {
            return Pull::Feed { until: None };
        }
        self.state = State::Complete(now.saturating_duration_since(self.started));
        Pull::End
    }

    fn fail(&mut self, error: Error) -> Error {
        let error = self.blame(error);
        self.state = State::Failed(error.clone());
        error
    }

    fn blame(&self, error: Error) -> Error {
        error
            .for_request(self.head.request.method.as_str(), &self.head.request.url)
            .at(self.peer)
    }
}

/// Why the body of a reply failed. An error of ours, from a transport that stands on another client
/// or on a connection, is told as it is.
fn reply_error(error: io::Error) -> Error {
    let ours = error.get_ref().and_then(|inner| inner.downcast_ref());
    ours.cloned().unwrap_or_else(|| {
        let text = format!("reading the reply's body: {error}");
        Error::io(Kind::Read, io::Error::new(error.kind(), text))
    })
}
