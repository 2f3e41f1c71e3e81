//! A response whose head is here, and whose body comes as it is pulled.

use crate::body::{Body, Source};
use crate::decoding::Coded;
use crate::depot::Lane;
use crate::error::{Error, Kind};
use crate::feed::Feed;
use crate::lifeline::closed;
use crate::response::{ERROR_BODY, Head, Response};
use crate::running::Running;
use crate::shared::Shared;
use crate::total::{Doing, Total};
use crate::upgrade::{Switched, Upgrade, not_switched};
use bytes::Bytes;
use nuncio_connection::{Connection, Error as ConnectionError, Processed, Read, StreamId};
use nuncio_content::DecodeError;
use std::io;
use std::sync::Arc;
use std::task::Waker;
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
    /// Where its body has a content coding that is to be undone.
    coded: Option<Box<Coded>>,
    progress: Progress,
    /// What was pulled and put back.
    held: Bytes,
    /// Bytes of the body, as they came over the network.
    downloaded: u64,
    started: Instant,
    elapsed: Option<Duration>,
    total: Option<Box<Total>>,
}

enum State<S> {
    Running(Running<S>),
    /// From a transport of the user's.
    Foreign(Foreign),
    /// Out of HTTP: it has no body, and its connection can be taken.
    Switched(Box<Switched<S>>),
    Complete,
    /// By the user, before its end.
    Closed,
    /// Told again to whoever asks again: a body cut short must never look complete.
    Failed(Error),
}

/// How far who pulls has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Untouched,
    Begun,
    /// Was told that there is no more.
    ToldEnd,
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
    /// A response whose body is decoded as it is pulled, where it is `coded`, and has to be complete in
    /// the time that is left of `total`.
    #[inline]
    pub(crate) fn new(
        head: Head,
        arrival: Arrival<S>,
        coded: Option<Box<Coded>>,
        started: Instant,
        total: Option<Box<Total>>,
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
            coded,
            progress: Progress::Untouched,
            held: Bytes::new(),
            downloaded: 0,
            started,
            elapsed: None,
            total,
        }
    }

    /// The response's head.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The response with what was pulled of its body.
    #[inline]
    pub fn into_response(self, body: impl Into<Bytes>) -> Response {
        let elapsed = self.elapsed.unwrap_or_default();
        Response::received(self.head, body.into(), elapsed, self.downloaded)
    }

    /// Says what the body is read as where it is text, whatever it declares.
    ///
    /// # Errors
    /// [`Kind::Builder`] for a label that is unknown, or needs the feature `charset`.
    pub fn set_encoding(&mut self, label: &str) -> Result<(), Error> {
        let set = self.head.set_encoding(label);
        set.map_err(|error| self.blame(error))
    }

    /// From just before the request was handed to the transport until the body was complete, or
    /// closed; none before that.
    pub fn elapsed(&self) -> Option<Duration> {
        self.elapsed
    }

    /// How many bytes of the body came over the network so far, without their framing and before any
    /// decoding.
    pub fn bytes_downloaded(&self) -> u64 {
        self.downloaded
    }

    /// Whether the body was begun to be pulled.
    pub fn is_consumed(&self) -> bool {
        self.progress != Progress::Untouched
    }

    /// Whether it holds no connection any more: its body has come to its end, or failed, or it was
    /// closed.
    pub fn is_closed(&self) -> bool {
        !matches!(
            self.state,
            State::Running(_) | State::Foreign(_) | State::Switched(_)
        )
    }

    /// It has left HTTP, with what `switch` makes of its connection.
    pub(crate) fn switch(&mut self, switch: impl FnOnce(Running<S>) -> Switched<S>) {
        self.state = match std::mem::replace(&mut self.state, State::Complete) {
            State::Running(running) => State::Switched(Box::new(switch(running))),
            other => other,
        };
    }

    /// Takes the connection out of a response that has left HTTP: a 101 that was asked for, or a 2xx
    /// to CONNECT. Every other response is closed.
    ///
    /// # Errors
    /// [`Kind::Status`] where the server has answered something else, with the head of what that was;
    /// [`Kind::Closed`] after [`close`](Self::close), [`Kind::Usage`] for a response of a transport of
    /// the user's.
    pub fn upgrade(self) -> Result<Upgrade<S>, Error> {
        let peer = self.head.peer_address();
        match self.state {
            State::Switched(switched) => switched.into_upgrade(self.head, peer),
            State::Closed => Err(self.closed()),
            State::Foreign(_) => {
                let text = "the response came from a transport that has no connection to hand over";
                Err(self.blame(Error::new(Kind::Usage, text)))
            }
            State::Running(_) | State::Complete | State::Failed(_) => {
                let error = not_switched(&self.head);
                Err(error.with_response(self.into_response(Bytes::new())))
            }
        }
    }

    /// Closes the response, if it is not closed yet. Nothing is read for that; its connection can be
    /// used again only if no body was left to come.
    pub fn close(&mut self, now: Instant) {
        if self.is_closed() {
            return;
        }
        if let State::Switched(_) = self.state {
            self.over(State::Closed, now);
            return;
        }
        let progress = self.progress;
        let bodiless = matches!(self.pull_plain(now), Ok(Pull::End));
        self.progress = progress;
        if !bodiless {
            self.held = Bytes::new();
            self.over(State::Closed, now);
        }
    }

    /// Whether somebody can still begin to read.
    ///
    /// # Errors
    /// [`Kind::StreamConsumed`] after the body's end was told; [`Kind::Closed`] after
    /// [`close`](Self::close).
    pub fn ensure_unread(&self) -> Result<(), Error> {
        if self.progress == Progress::ToldEnd {
            let text = "the response's body was read to its end already";
            return Err(self.blame(Error::new(Kind::StreamConsumed, text)));
        }
        match self.state {
            State::Closed => Err(self.closed()),
            _ => Ok(()),
        }
    }

    /// Puts back what was pulled and is not used: the next pull gives it again.
    pub fn put_back(&mut self, piece: Bytes) {
        self.held = piece;
    }

    /// What was put back.
    pub fn held(&mut self) -> &mut Bytes {
        &mut self.held
    }

    /// The connection in use, with its socket; none where there is none, or no more, or where it is
    /// [shared](Self::shared).
    pub fn lane(&mut self) -> Option<&mut Lane<S>> {
        match &mut self.state {
            State::Running(running) => running.held.lane(),
            _ => None,
        }
    }

    /// The shared connection in use, and the stream on it; none where there is none, or no more.
    pub fn shared(&self) -> Option<(&Arc<Shared<S>>, Option<StreamId>)> {
        match &self.state {
            State::Running(running) => running.held.shared(),
            _ => None,
        }
    }

    /// Has `waker` woken when the client is closed, which ends the wait for more of the body.
    ///
    /// # Errors
    /// [`Kind::Closed`] if it was closed already; the response is over then.
    pub fn watch(&mut self, waker: &Waker, now: Instant) -> Result<(), Error> {
        let watched = match &mut self.state {
            State::Running(running) => running.held.watch(waker),
            _ => Ok(()),
        };
        let error = |error: Error| error.with_processed(Processed::Yes);
        watched.map_err(|it| self.fail(error(it), now))
    }

    /// What [`Pull::Feed`] asks.
    pub fn feed(&mut self) -> Option<&mut Feed> {
        match &mut self.state {
            State::Running(running) => running.feed.as_mut(),
            State::Foreign(foreign) => foreign.feed.as_mut(),
            _ => None,
        }
    }

    /// As [`Call::supply`](crate::Call::supply), for a body that is still going up, or the
    /// response's own from a transport of the user's.
    ///
    /// # Errors
    /// As there; [`Kind::Read`] when the response's own fails.
    pub fn supply(&mut self, piece: Option<io::Result<Bytes>>, now: Instant) -> Result<(), Error> {
        match &mut self.state {
            State::Running(running) => running
                .supply(piece, now)
                .map_err(|error| self.fail(error, now)),
            State::Foreign(foreign) => match piece {
                Some(Ok(bytes)) => {
                    foreign.held = Some(bytes);
                    Ok(())
                }
                Some(Err(error)) => Err(self.fail(reply_error(error), now)),
                None => {
                    foreign.feed = None;
                    Ok(())
                }
            },
            State::Switched(_) | State::Complete | State::Closed | State::Failed(_) => {
                Err(self.blame(Error::new(Kind::Usage, "no body is being sent")))
            }
        }
    }

    /// The next piece of the response's body, decoded, or what to do for it.
    ///
    /// # Errors
    /// Whatever ended the call; a body that is cut short always does. [`Kind::Decoding`] where its
    /// content coding cannot be undone. [`Kind::Closed`] after [`close`](Self::close), and
    /// [`Kind::StreamConsumed`] after [`pull_raw`](Self::pull_raw) of a coded body.
    pub fn pull(&mut self, now: Instant) -> Result<Pull, Error> {
        if !self.held.is_empty() {
            return Ok(Pull::Chunk(std::mem::take(&mut self.held)));
        }
        let pull = match self.coded.is_some() {
            false => self.pull_plain(now)?,
            true => self.pull_decoded(now)?,
        };
        self.note(&pull);
        Ok(pull)
    }

    /// The next piece of the response's body as it came, or what to do for it.
    ///
    /// # Errors
    /// As [`pull`](Self::pull); [`Kind::StreamConsumed`] once a coded body is being decoded.
    pub fn pull_raw(&mut self, now: Instant) -> Result<Pull, Error> {
        if let Some(coded) = &mut self.coded {
            let allowed = coded.pull_raw();
            allowed.map_err(|error| self.blame(error))?;
        }
        if !self.held.is_empty() {
            return Ok(Pull::Chunk(std::mem::take(&mut self.held)));
        }
        let pull = self.pull_plain(now)?;
        self.note(&pull);
        Ok(pull)
    }

    /// As [`pull`](Self::pull), but appends the piece to `into` and answers with an empty chunk, or with
    /// the end where the body is known to end with that piece.
    ///
    /// # Errors
    /// As [`pull`](Self::pull).
    pub fn pull_into(&mut self, into: &mut Vec<u8>, now: Instant) -> Result<Pull, Error> {
        let running = matches!(self.state, State::Running(_));
        if running && self.coded.is_none() && self.held.is_empty() {
            let before = into.len();
            let pull = self.pull_with(now, |connection, id| {
                connection.read_body_into(id, into, now)
            })?;
            self.downloaded += (into.len() - before) as u64;
            self.note(&pull);
            return Ok(pull);
        }
        let pull = self.pull(now)?;
        if let Pull::Chunk(chunk) = &pull {
            into.extend_from_slice(chunk);
            return Ok(Pull::Chunk(Bytes::new()));
        }
        Ok(pull)
    }

    /// As [`pull_into`](Self::pull_into), for the part of a body that a status error keeps: it ends
    /// when there is enough of it, and where it cannot be read.
    pub fn pull_for_error(&mut self, into: &mut Vec<u8>, now: Instant) -> Pull {
        if into.len() > ERROR_BODY {
            return Pull::End;
        }
        self.pull_into(into, now).unwrap_or(Pull::End)
    }

    fn note(&mut self, pull: &Pull) {
        self.progress = match pull {
            Pull::End => Progress::ToldEnd,
            _ => Progress::Begun,
        };
    }

    fn pull_decoded(&mut self, now: Instant) -> Result<Pull, Error> {
        match &self.state {
            State::Failed(error) => return Err(error.clone()),
            State::Closed => return Err(self.closed()),
            State::Running(_) | State::Foreign(_) | State::Switched(_) | State::Complete => {}
        }
        if let Some(coded) = &self.coded {
            coded.pull_decoded().map_err(|error| self.blame(error))?;
        }
        loop {
            let decoded = match &mut self.coded {
                Some(coded) => coded.next(),
                None => Ok(None),
            };
            if let Some(piece) = decoded.map_err(|error| self.undecodable(error, now))? {
                return Ok(Pull::Chunk(piece));
            }
            let pull = self.pull_plain(now)?;
            let Some(coded) = &mut self.coded else {
                return Ok(pull);
            };
            match pull {
                Pull::Chunk(piece) => {
                    let taken = coded.push(piece);
                    taken.map_err(|error| self.undecodable(error, now))?;
                }
                Pull::End if coded.end() => return Ok(Pull::End),
                Pull::End => {}
                other => return Ok(other),
            }
        }
    }

    /// As it comes.
    fn pull_plain(&mut self, now: Instant) -> Result<Pull, Error> {
        if let State::Foreign(_) = self.state {
            self.in_time(now)?;
            let pull = self.pull_foreign(now);
            return Ok(self.bound(pull));
        }
        let pull = self.pull_with(now, |connection, id| connection.read_body(id, now))?;
        if let Pull::Chunk(chunk) = &pull {
            self.downloaded += chunk.len() as u64;
        }
        Ok(pull)
    }

    fn pull_with(
        &mut self,
        now: Instant,
        read: impl FnOnce(&mut Connection, StreamId) -> Result<Read, ConnectionError>,
    ) -> Result<Pull, Error> {
        if self.total.is_some() {
            self.in_time(now)?;
        }
        let running = match &mut self.state {
            State::Running(running) => running,
            State::Switched(_) => {
                let waited = now.saturating_duration_since(self.started);
                self.elapsed.get_or_insert(waited);
                return Ok(Pull::End);
            }
            State::Foreign(_) | State::Complete => return Ok(Pull::End),
            State::Closed => return Err(self.closed()),
            State::Failed(error) => return Err(error.clone()),
        };
        running.pause_low_speed(now);
        match running.pull(now, read) {
            Ok(Some(Pull::Drive { until })) => {
                let watched = running.watch_receiving(self.downloaded, until, now);
                match watched {
                    Ok(until) => Ok(self.bound(Pull::Drive { until })),
                    Err(error) => Err(self.fail(error.with_processed(Processed::Yes), now)),
                }
            }
            Ok(Some(pull)) => Ok(self.bound(pull)),
            Ok(None) => {
                if let State::Running(mut running) = self.over(State::Complete, now) {
                    if let Some(trailers) = running.trailers.take() {
                        self.head.more.get_or_insert_default().trailers = Some(*trailers);
                    }
                    running.held.release(now);
                }
                Ok(Pull::End)
            }
            Err(error) => {
                let error = match running.held.is_cut() {
                    true => closed(),
                    false => Error::connection(error, false),
                };
                let error = error.with_processed(Processed::Yes);
                Err(self.fail(error, now))
            }
        }
    }

    /// Fails if the time for all of it is up.
    fn in_time(&mut self, now: Instant) -> Result<(), Error> {
        let late = self.total.as_ref().filter(|total| total.has_passed(now));
        match late {
            Some(total) if !self.is_closed() => {
                let error = total.error(Doing::ReadingBody);
                if let State::Running(running) = &mut self.state {
                    running.doubt();
                }
                Err(self.fail(error.with_processed(Processed::Yes), now))
            }
            _ => Ok(()),
        }
    }

    fn bound(&mut self, pull: Pull) -> Pull {
        let Some(total) = &mut self.total else {
            return pull;
        };
        match pull {
            Pull::Drive { until } => Pull::Drive {
                until: total.bound(until),
            },
            Pull::Feed { until } => Pull::Feed {
                until: total.bound(until),
            },
            pull => pull,
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
        self.over(State::Complete, now);
        Pull::End
    }

    /// It is over in this way; gives what it was until now.
    fn over(&mut self, state: State<S>, now: Instant) -> State<S> {
        self.elapsed = Some(now.saturating_duration_since(self.started));
        std::mem::replace(&mut self.state, state)
    }

    fn fail(&mut self, error: Error, now: Instant) -> Error {
        let error = self.blame(error);
        self.over(State::Failed(error.clone()), now);
        error
    }

    fn undecodable(&mut self, error: DecodeError, now: Instant) -> Error {
        let error = Error::other(Kind::Decoding, error).with_processed(Processed::Yes);
        self.fail(error, now)
    }

    fn closed(&self) -> Error {
        self.blame(Error::new(Kind::Closed, "the response was closed"))
    }

    /// The same error, saying which request it is about.
    pub fn blame(&self, error: Error) -> Error {
        error
            .for_request(self.head.request.method.as_str(), &self.head.request.url)
            .at(self.head.peer_address())
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

/// For `std::io`'s traits; a deadline keeps its kind, and the error itself is within.
impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        if error.is_timeout() {
            io::Error::new(io::ErrorKind::TimedOut, error)
        } else {
            io::Error::other(error)
        }
    }
}
