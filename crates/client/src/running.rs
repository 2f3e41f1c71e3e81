//! One attempt on one connection: the upload and the response's bytes, side by side.

use crate::body::{Body, Source};
use crate::depot::Held;
use crate::error::Error;
use crate::feed::Feed;
use crate::incoming::Pull;
use crate::low_speed::LowSpeed;
use crate::timeout::earliest;
use crate::total::Doing;
use bytes::Bytes;
use nuncio_connection::{
    CloseReason, Connection, Error as ConnectionError, NeverReason, Phase, Processed, Read,
    ResponseHead, Reuse, StreamId, Write,
};
use nuncio_headers::Headers;
use std::io;
use std::num::NonZeroU32;
use std::time::Instant;

pub(crate) struct Running<S> {
    pub(crate) held: Held<S>,
    pub(crate) id: StreamId,
    /// The connection was made for this request.
    pub(crate) fresh: bool,
    pub(crate) upload: Upload,
    /// What the upload asks.
    pub(crate) feed: Option<Feed>,
    /// It has been looked at since it was opened.
    pub(crate) begun: bool,
    /// The response has come to its end; only the upload is still going.
    pub(crate) ended: bool,
    /// What came behind the body.
    pub(crate) trailers: Option<Box<Headers>>,
    /// Where bodies have to move.
    pub(crate) low_speed: Option<Box<LowSpeed>>,
}

/// What goes up next.
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

impl Upload {
    /// The upload of a new attempt, and what it asks.
    pub(crate) fn of(body: &mut Body) -> (Self, Option<Feed>) {
        match &body.source {
            Source::Empty => (Upload::Done, None),
            Source::Bytes(bytes) => (Upload::Bytes(bytes.clone()), None),
            Source::Feed { .. } => (Upload::Feed, body.lend()),
        }
    }
}

pub(crate) enum Progress {
    /// One before the head, of an interim response.
    Interim(ResponseHead),
    Head(ResponseHead),
    Feed {
        until: Option<Instant>,
    },
    Drive {
        until: Option<Instant>,
    },
}

impl<S> Running<S> {
    /// The number of its HTTP/2 stream.
    pub(crate) fn stream(&self, head: &ResponseHead) -> Option<NonZeroU32> {
        let number = u32::try_from(self.id.number()).ok()?;
        NonZeroU32::new(number).filter(|_| head.version == http::Version::HTTP_2)
    }

    pub(crate) fn step(&mut self, now: Instant) -> Result<Progress, ConnectionError> {
        let begun = std::mem::replace(&mut self.begun, true);
        if !begun && matches!(self.upload, Upload::Done) && self.held.shared().is_some() {
            // Nobody has moved its bytes yet.
            return Ok(Progress::Drive { until: None });
        }
        let (id, upload) = (self.id, &mut self.upload);
        let step = |connection: &mut Connection| step(connection, id, upload, now);
        let progress = self
            .held
            .with(step)
            .unwrap_or(Err(ConnectionError::Closed))?;
        // Whoever moves the bytes of a shared connection keeps its deadlines.
        Ok(match progress {
            Progress::Drive { .. } if self.held.shared().is_some() => {
                Progress::Drive { until: None }
            }
            Progress::Feed { .. } if self.held.shared().is_some() => Progress::Feed { until: None },
            progress => progress,
        })
    }

    /// The peer is not waited for at the moment.
    pub(crate) fn pause_low_speed(&mut self, now: Instant) {
        if let Some(low_speed) = &mut self.low_speed {
            low_speed.pause(now);
        }
    }

    /// The end of a wait for the peer that begins now, before the head is here, and may last until
    /// `until`.
    ///
    /// # Errors
    /// [`Kind::LowSpeed`](crate::Kind::LowSpeed).
    pub(crate) fn watch_sending(
        &mut self,
        until: Option<Instant>,
        now: Instant,
    ) -> Result<Option<Instant>, Error> {
        let id = self.id;
        let Some(low_speed) = &mut self.low_speed else {
            return Ok(until);
        };
        let (upload, uploads) = (&self.upload, low_speed.uploads);
        let looked = self.held.with(|connection| {
            let sends = match upload {
                Upload::Bytes(_) | Upload::Feed => !connection.awaits_continue(id),
                Upload::Done => uploads && connection.is_sending(id),
                Upload::Stopped => false,
            };
            (connection.body_sent(id), sends)
        });
        let (sent, sends) = looked.unwrap_or_default();
        if !sends {
            low_speed.rest(sent);
            return Ok(until);
        }
        let looked = low_speed.wait(sent, Phase::Write, now);
        self.looked(looked, until)
    }

    /// As [`watch_sending`](Self::watch_sending), once the head is here and `received` bytes of the body
    /// behind it.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn watch_receiving(
        &mut self,
        received: u64,
        until: Option<Instant>,
        now: Instant,
    ) -> Result<Option<Instant>, Error> {
        let id = self.id;
        let Some(low_speed) = &mut self.low_speed else {
            return Ok(until);
        };
        let sent = self.held.with(|connection| connection.body_sent(id));
        let moved = received + sent.unwrap_or(0);
        let looked = low_speed.wait(moved, Phase::Read, now);
        self.looked(looked, until)
    }

    fn looked(
        &mut self,
        looked: Result<Option<Instant>, Error>,
        until: Option<Instant>,
    ) -> Result<Option<Instant>, Error> {
        if looked.is_err() {
            self.doubt();
        }
        looked.map(|next| earliest(until, next))
    }

    /// The peer was waited for too long.
    pub(crate) fn doubt(&mut self) {
        self.held.with(Connection::doubt);
    }

    /// The head is here: its body has a whole time.
    pub(crate) fn rest_low_speed(&mut self) {
        let id = self.id;
        if let Some(low_speed) = &mut self.low_speed {
            let sent = self.held.with(|connection| connection.body_sent(id));
            low_speed.rest(sent.unwrap_or(0));
        }
    }

    /// What is being done before the head is here.
    pub(crate) fn doing(&mut self) -> Doing {
        let id = self.id;
        let awaits = self
            .held
            .with(|connection| (connection.awaits_continue(id), connection.is_sending(id)));
        match (&self.upload, awaits.unwrap_or_default()) {
            (_, (true, _)) => Doing::AwaitingContinue,
            (Upload::Bytes(_) | Upload::Feed, _) | (Upload::Done, (_, true)) => Doing::Sending,
            _ => Doing::AwaitingHead,
        }
    }

    pub(crate) fn pull(
        &mut self,
        now: Instant,
        read: impl FnOnce(&mut Connection, StreamId) -> Result<Read, ConnectionError>,
    ) -> Result<Option<Pull>, ConnectionError> {
        let (id, upload) = (self.id, &mut self.upload);
        let (ended, trailers) = (&mut self.ended, &mut self.trailers);
        let pull = |connection: &mut Connection| {
            expire(connection, now);
            while pump(connection, id, upload, now)? {}
            if !*ended {
                match read(connection, id)? {
                    Read::Chunk(chunk) => {
                        *ended = connection.is_complete(id);
                        // The last one is told together with the end where it was put elsewhere.
                        if !*ended || !chunk.is_empty() {
                            return Ok(Some(Pull::Chunk(chunk)));
                        }
                    }
                    Read::Blocked => {}
                    Read::Trailers(came) => {
                        *trailers = Some(Box::new(came));
                        *ended = true;
                    }
                    Read::End => *ended = true,
                }
            }
            let until = connection.next_timeout();
            if matches!(upload, Upload::Feed) && connection.has_write_room(id) {
                return Ok(Some(Pull::Feed { until }));
            }
            let sending = match upload {
                Upload::Stopped => false,
                Upload::Done => connection.is_sending(id),
                Upload::Bytes(_) | Upload::Feed => true,
            };
            if *ended && (!sending || is_lost(connection)) {
                return Ok(None);
            }
            Ok(Some(Pull::Drive { until }))
        };
        let pulled = self
            .held
            .with(pull)
            .unwrap_or(Err(ConnectionError::Closed))?;
        Ok(match pulled {
            Some(Pull::Drive { .. }) if self.held.shared().is_some() => {
                Some(Pull::Drive { until: None })
            }
            Some(Pull::Feed { .. }) if self.held.shared().is_some() => {
                Some(Pull::Feed { until: None })
            }
            pulled => pulled,
        })
    }

    /// Takes what the body's source gave.
    pub(crate) fn supply(
        &mut self,
        piece: Option<io::Result<Bytes>>,
        now: Instant,
    ) -> Result<(), Error> {
        let taken = match piece {
            Some(Ok(chunk)) => self.feed(chunk, now),
            None => self.finish(now),
            Some(Err(error)) => return Err(Error::request_body(&error)),
        };
        taken.map_err(|error| Error::connection(error, false))
    }

    fn feed(&mut self, mut chunk: Bytes, now: Instant) -> Result<(), ConnectionError> {
        let (id, upload) = (self.id, &mut self.upload);
        let feed = |connection: &mut Connection| {
            while !chunk.is_empty() && matches!(upload, Upload::Feed) {
                match connection.write_body(id, &mut chunk, now) {
                    Ok(Write::Taken(_)) => {}
                    Ok(Write::Blocked) => {
                        return Err(ConnectionError::Misuse(
                            "the body was given more than was asked",
                        ));
                    }
                    Err(ConnectionError::Io(_)) => *upload = Upload::Stopped,
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        };
        self.held.with(feed).unwrap_or(Err(ConnectionError::Closed))
    }

    fn finish(&mut self, now: Instant) -> Result<(), ConnectionError> {
        if matches!(self.upload, Upload::Feed) {
            let id = self.id;
            let trailers = self.feed.as_ref().and_then(Feed::trailers);
            let finish =
                |connection: &mut Connection| connection.finish_body(id, trailers.as_ref(), now);
            self.held
                .with(finish)
                .unwrap_or(Err(ConnectionError::Closed))?;
            self.upload = Upload::Done;
        }
        Ok(())
    }

    /// Whether nothing more of the request will be sent.
    pub(crate) fn is_sent(&self) -> bool {
        matches!(self.upload, Upload::Done | Upload::Stopped)
    }

    pub(crate) fn processed(&mut self) -> Processed {
        let id = self.id;
        self.held
            .with(|connection| connection.processed(id))
            .unwrap_or(Processed::Maybe)
    }
}

fn step(
    connection: &mut Connection,
    id: StreamId,
    upload: &mut Upload,
    now: Instant,
) -> Result<Progress, ConnectionError> {
    expire(connection, now);
    loop {
        if let Some(head) = connection.read_head(id, now)? {
            if head.is_interim() {
                return Ok(Progress::Interim(head));
            }
            if head.status >= 300 && matches!(upload, Upload::Bytes(_) | Upload::Feed) {
                // The answer is there already: the rest of the body would be sent for nothing
                // (RFC 9112 section 9.3, SECURITY K4).
                *upload = Upload::Stopped;
                connection.abandon_body(id);
            }
            return Ok(Progress::Head(head));
        }
        if !pump(connection, id, upload, now)? {
            break;
        }
    }
    let until = connection.next_timeout();
    let hungry = matches!(upload, Upload::Feed) && connection.has_write_room(id);
    Ok(if hungry {
        Progress::Feed { until }
    } else {
        Progress::Drive { until }
    })
}

/// Whether nothing can become of the connection any more, even when the upload is complete. That it
/// is not complete yet is no such reason: a peer that answers early may still want all of it. Nor is
/// a GOAWAY, which lets the streams that there are run on.
fn is_lost(connection: &Connection) -> bool {
    match connection.reuse() {
        Reuse::Never(NeverReason::Http1(CloseReason::RequestUnfinished)) => false,
        Reuse::Never(NeverReason::Http2(_)) => false,
        Reuse::Never(_) => true,
        _ => false,
    }
}

/// Hands over what is held of the body, as far as there is room; true when that changed anything.
fn pump(
    connection: &mut Connection,
    id: StreamId,
    upload: &mut Upload,
    now: Instant,
) -> Result<bool, ConnectionError> {
    let Upload::Bytes(rest) = upload else {
        return Ok(false);
    };
    match connection.write_body(id, rest, now) {
        Ok(Write::Blocked) => return Ok(false),
        Ok(Write::Taken(_)) => {}
        // The peer takes no more; what it has to say about that may still be read.
        Err(ConnectionError::Io(_)) => {
            *upload = Upload::Stopped;
            return Ok(false);
        }
        Err(error) => return Err(error),
    }
    if rest.is_empty() {
        connection.finish_body(id, None, now)?;
        *upload = Upload::Done;
    }
    Ok(true)
}

pub(crate) fn expire(connection: &mut Connection, now: Instant) {
    if connection.next_timeout().is_some_and(|until| until <= now) {
        connection.handle_timeout(now);
    }
}
