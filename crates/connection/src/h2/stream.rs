//! One HTTP/2 exchange as the connection keeps it: how far each side is, and its deadlines.

use crate::error::{Error, IoError, Phase};
use crate::h1::{after, earliest};
use crate::leave::Leave;
use crate::message::{Deadlines, Ready, StreamId};
use bytes::Bytes;
use http::HeaderMap;
use nuncio_http1::LocalError;
use std::collections::VecDeque;
use std::io;
use std::time::Instant;

#[derive(Debug)]
pub(super) struct Stream {
    pub(super) wire: nuncio_http2::StreamId,
    pub(super) upload: Upload,
    pub(super) response: Response,
    /// What of the body was taken and found no room in the peer's window yet.
    pub(super) pending: Bytes,
    /// What became possible and was not told yet.
    pub(super) ready: Ready,
    /// Somebody was told that there is no room.
    pub(super) writer_waits: bool,
    /// How many bytes had been written when the stream was opened.
    pub(super) opened_at: u64,
    /// What HTTP/2 said about a failure.
    pub(super) verdict: Option<nuncio_http2::Processed>,
    deadlines: Deadlines,
    read_until: Option<Instant>,
    write_until: Option<Instant>,
    /// Whether the body may go up.
    pub(super) leave: Leave,
    declared: Option<u64>,
    given: u64,
}

/// How far the request is.
#[derive(Debug)]
pub(super) enum Upload {
    /// More of the body is expected.
    Open,
    /// The body is complete, a part of it still pending; its trailers, if there are any.
    Finishing(Option<HeaderMap>),
    /// All of it was handed on.
    Queued(Mark),
    /// All of it left.
    Sent,
    /// The peer wants no more of it, or it was given up.
    Stopped,
}

/// Where in the output the last frame of a request stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    /// It has left when everything after this batch has.
    pub(super) batch: u64,
    /// It has left when so many bytes have, even if others keep the queue from being empty.
    pub(super) bytes: u64,
}

/// How far the response is.
#[derive(Debug)]
pub(super) enum Response {
    Head,
    Body,
    Trailed,
    Done,
    Failed(Error),
}

impl Stream {
    pub(super) fn new(
        wire: nuncio_http2::StreamId,
        upload: Upload,
        deadlines: Deadlines,
        declared: Option<u64>,
        opened_at: u64,
        now: Instant,
    ) -> Self {
        Stream {
            wire,
            upload,
            response: Response::Head,
            pending: Bytes::new(),
            ready: Ready::default(),
            writer_waits: false,
            opened_at,
            verdict: None,
            deadlines,
            read_until: None,
            write_until: None,
            leave: Leave::new(deadlines.expect, now),
            declared,
            given: 0,
        }
    }

    /// Counts a chunk against the declared length.
    pub(super) fn count(&mut self, chunk: usize) -> Result<(), LocalError> {
        let given = self.given + chunk as u64;
        match self.declared {
            Some(declared) if given > declared => Err(LocalError::TooMuchData {
                declared,
                excess: given - declared,
            }),
            _ => {
                self.given = given;
                Ok(())
            }
        }
    }

    /// Whether the body may end here.
    pub(super) fn check_length(&self) -> Result<(), LocalError> {
        match self.declared {
            Some(declared) if self.given < declared => Err(LocalError::TooLittleData {
                declared,
                sent: self.given,
            }),
            _ => Ok(()),
        }
    }

    /// Whether saying that the body is complete changes nothing: the head said it, or the peer wants
    /// no more.
    pub(super) fn needs_no_finish(&self) -> bool {
        match self.upload {
            Upload::Stopped => !matches!(self.response, Response::Failed(_)),
            Upload::Queued(_) | Upload::Sent => self.declared == Some(0),
            _ => false,
        }
    }

    /// Whether both sides are over.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.response, Response::Done) && !self.is_uploading()
    }

    /// Whether something of the request is still to be handed on.
    pub(super) fn is_uploading(&self) -> bool {
        matches!(self.upload, Upload::Open | Upload::Finishing(_))
    }

    /// Gives the rest of the request up.
    pub(super) fn stop_upload(&mut self) {
        if !matches!(self.upload, Upload::Sent) {
            self.upload = Upload::Stopped;
        }
        self.pending = Bytes::new();
        self.write_until = None;
        self.leave = Leave::Given;
    }

    pub(super) fn arm_read(&mut self, now: Instant) {
        if self.read_until.is_none() {
            self.read_until = after(now, self.deadlines.read);
        }
    }

    pub(super) fn arm_write(&mut self, now: Instant) {
        if self.write_until.is_none() {
            self.write_until = after(now, self.deadlines.write);
        }
    }

    /// The peer took something of it.
    pub(super) fn rearm_write(&mut self, now: Instant) {
        if self.write_until.take().is_some() {
            self.arm_write(now);
        }
    }

    /// Something of what it waits for came.
    pub(super) fn rearm_read(&mut self, now: Instant) {
        if self.read_until.take().is_some() {
            self.arm_read(now);
        }
    }

    pub(super) fn disarm_read(&mut self) {
        self.read_until = None;
    }

    pub(super) fn disarm_write(&mut self) {
        self.write_until = None;
    }

    pub(super) fn next_timeout(&self) -> Option<Instant> {
        earliest(
            earliest(self.read_until, self.write_until),
            self.leave.until(),
        )
    }

    /// Bytes of the body that found room in the peer's window.
    pub(super) fn body_sent(&self) -> u64 {
        self.given.saturating_sub(self.pending.len() as u64)
    }

    /// Whether a chunk would be taken.
    pub(super) fn has_write_room(&self) -> bool {
        matches!(self.upload, Upload::Open) && self.pending.is_empty() && !self.leave.is_awaited()
    }

    pub(super) fn is_write_late(&self, now: Instant) -> bool {
        self.write_until.is_some_and(|until| until <= now)
    }

    /// Whether more of the request can be taken.
    pub(super) fn check_writable(&self) -> Result<(), Error> {
        match (&self.upload, &self.response) {
            (_, Response::Failed(error)) => Err(error.clone()),
            (Upload::Open, _) => Ok(()),
            // As a socket says that its peer has stopped reading; the response tells why.
            (Upload::Stopped, _) => {
                let kind = io::ErrorKind::BrokenPipe;
                Err(Error::Io(IoError {
                    phase: Phase::Write,
                    kind,
                    code: None,
                }))
            }
            _ => Err(Error::Misuse("the request is complete")),
        }
    }
}

/// Notes what became possible on a stream.
pub(super) fn tell(news: &mut VecDeque<StreamId>, id: StreamId, stream: &mut Stream, ready: Ready) {
    let queued = stream.ready != Ready::default();
    stream.ready.readable |= ready.readable;
    stream.ready.writable |= ready.writable;
    if !queued {
        news.push_back(id);
    }
}
