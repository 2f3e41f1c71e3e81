//! One attempt on one connection: the upload and the response's bytes, side by side.

use crate::body::{Body, Source};
use crate::depot::Held;
use crate::error::Error;
use crate::feed::Feed;
use crate::incoming::Pull;
use bytes::Bytes;
use nuncio_connection::{
    CloseReason, Connection, Error as ConnectionError, NeverReason, Processed, Read, Reuse,
    StreamId, Write,
};
use nuncio_headers::Headers;
use std::io;
use std::time::Instant;

pub(crate) struct Running<S> {
    pub(crate) held: Held<S>,
    pub(crate) id: StreamId,
    /// The connection was made for this request.
    pub(crate) fresh: bool,
    pub(crate) upload: Upload,
    /// What the upload asks.
    pub(crate) feed: Option<Feed>,
    /// The response has come to its end; only the upload is still going.
    pub(crate) ended: bool,
    /// What came behind the body.
    pub(crate) trailers: Option<Box<Headers>>,
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
    Head(nuncio_connection::ResponseHead),
    Feed { until: Option<Instant> },
    Drive { until: Option<Instant> },
}

impl<S> Running<S> {
    pub(crate) fn step(&mut self, now: Instant) -> Result<Progress, ConnectionError> {
        let lane = self.held.lane().ok_or(ConnectionError::Closed)?;
        let connection = &mut lane.connection;
        expire(connection, now);
        loop {
            while let Some(head) = connection.read_head(self.id, now)? {
                if head.is_interim() {
                    continue;
                }
                if head.status >= 300 && matches!(self.upload, Upload::Bytes(_) | Upload::Feed) {
                    // The answer is there already: the rest of the body would be sent for nothing
                    // (RFC 9112 section 9.3, SECURITY K4).
                    self.upload = Upload::Stopped;
                    connection.abandon_body(self.id);
                }
                return Ok(Progress::Head(head));
            }
            if !pump(connection, self.id, &mut self.upload, now)? {
                break;
            }
        }
        let until = connection.next_timeout();
        let hungry = matches!(self.upload, Upload::Feed) && connection.has_write_room(self.id);
        Ok(if hungry {
            Progress::Feed { until }
        } else {
            Progress::Drive { until }
        })
    }

    pub(crate) fn pull(
        &mut self,
        now: Instant,
        read: impl FnOnce(&mut Connection, StreamId) -> Result<Read, ConnectionError>,
    ) -> Result<Option<Pull>, ConnectionError> {
        let lane = self.held.lane().ok_or(ConnectionError::Closed)?;
        let connection = &mut lane.connection;
        expire(connection, now);
        while pump(connection, self.id, &mut self.upload, now)? {}
        if !self.ended {
            match read(connection, self.id)? {
                Read::Chunk(chunk) => {
                    self.ended = connection.is_complete(self.id);
                    // The last one is told together with the end where it was put elsewhere.
                    if !self.ended || !chunk.is_empty() {
                        return Ok(Some(Pull::Chunk(chunk)));
                    }
                }
                Read::Blocked => {}
                Read::Trailers(trailers) => {
                    self.trailers = Some(Box::new(trailers));
                    self.ended = true;
                }
                Read::End => self.ended = true,
            }
        }
        let until = connection.next_timeout();
        if matches!(self.upload, Upload::Feed) && connection.has_write_room(self.id) {
            return Ok(Some(Pull::Feed { until }));
        }
        let sending = match self.upload {
            Upload::Stopped => false,
            Upload::Done => connection.wants_write(),
            Upload::Bytes(_) | Upload::Feed => true,
        };
        if self.ended && (!sending || is_lost(connection)) {
            return Ok(None);
        }
        Ok(Some(Pull::Drive { until }))
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
        let lane = self.held.lane().ok_or(ConnectionError::Closed)?;
        while !chunk.is_empty() && matches!(self.upload, Upload::Feed) {
            match lane.connection.write_body(self.id, &mut chunk, now) {
                Ok(Write::Taken(_)) => {}
                Ok(Write::Blocked) => {
                    return Err(ConnectionError::Misuse(
                        "the body was given more than was asked",
                    ));
                }
                Err(ConnectionError::Io(_)) => self.upload = Upload::Stopped,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn finish(&mut self, now: Instant) -> Result<(), ConnectionError> {
        let lane = self.held.lane().ok_or(ConnectionError::Closed)?;
        if matches!(self.upload, Upload::Feed) {
            lane.connection.finish_body(self.id, None, now)?;
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
            .lane()
            .map_or(Processed::Maybe, |lane| lane.connection.processed(id))
    }
}

/// Whether nothing can become of the connection any more, even when the upload is complete. That it
/// is not complete yet is no such reason: a peer that answers early may still want all of it.
fn is_lost(connection: &Connection) -> bool {
    const UNFINISHED: NeverReason = NeverReason::Http1(CloseReason::RequestUnfinished);
    matches!(connection.reuse(), Reuse::Never(reason) if reason != UNFINISHED)
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
