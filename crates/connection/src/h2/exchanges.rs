//! What is asked and answered on one stream: opened, sent, read, given up.

use super::stream::{Mark, Response, Stream, Upload, tell};
use super::{H2, convert};
use crate::error::{Error, IoError, Processed};
use crate::event::{Event, EventSink};
use crate::h1::earliest;
use crate::message::{
    BodySize, Deadlines, Read, Ready, RequestHead, ResponseHead, StreamId, Write,
};
use bytes::Bytes;
use nuncio_headers::Headers;
use nuncio_http2::{OpenError, StreamError, StreamErrorKind};
use std::time::Instant;

/// What one stream may have in the queue while others are served in turn.
const SHARE: u64 = 128 * 1024;

impl H2 {
    pub(crate) fn open(
        &mut self,
        events: &EventSink,
        head: RequestHead<'_>,
        body: BodySize,
        deadlines: Deadlines,
        now: Instant,
    ) -> Result<StreamId, Error> {
        self.now = now;
        if let Some(cause) = &self.cause {
            return Err(cause.clone());
        }
        let (request, size) = self.last.request(head, body)?;
        let ends = matches!(size, BodySize::Empty | BodySize::Known(0));
        let wire = self
            .http2
            .open(request, ends)
            .map_err(|error| match error {
                OpenError::Full => Error::Full,
                OpenError::Never(error) => self.ended(error),
                OpenError::Invalid(why) => Error::Http2Request(why),
                _ => Error::Misuse("HTTP/2 takes no stream"),
            })?;
        events.raise(|| Event::RequestHeadSent {
            version: http::Version::HTTP_2,
            method: head.method,
            target: head.target,
            headers: head.headers,
        });
        let upload = if ends { self.queued() } else { Upload::Open };
        let declared = match size {
            BodySize::Empty => Some(0),
            BodySize::Known(length) => Some(length),
            BodySize::Unknown => None,
        };
        let mut stream = Stream::new(wire, upload, deadlines, declared, self.written, now);
        stream.arm_write(now);
        self.next_timeout = earliest(self.next_timeout, stream.next_timeout());
        let id = self.streams.insert(u64::from(wire.as_u32()), stream);
        self.remember(wire, id);
        self.sending.push(id);
        Ok(id)
    }

    pub(crate) fn has_write_room(&self, id: StreamId) -> bool {
        self.streams.get(id).is_some_and(Stream::has_write_room)
    }

    pub(crate) fn awaits_continue(&self, id: StreamId) -> bool {
        let stream = self.streams.get(id);
        stream.is_some_and(|stream| stream.leave.is_awaited())
    }

    pub(crate) fn body_sent(&self, id: StreamId) -> u64 {
        self.streams.get(id).map_or(0, Stream::body_sent)
    }

    pub(crate) fn is_sending(&self, id: StreamId) -> bool {
        let stream = self.streams.get(id);
        stream.is_some_and(|stream| matches!(stream.upload, Upload::Finishing(_)))
    }

    pub(crate) fn write_body(
        &mut self,
        id: StreamId,
        chunk: &mut Bytes,
        now: Instant,
    ) -> Result<Write, Error> {
        self.now = now;
        let stream = self.streams.get_mut(id).ok_or(OVER)?;
        stream.check_writable()?;
        if chunk.is_empty() {
            return Ok(Write::Taken(0));
        }
        if !stream.has_write_room() {
            stream.writer_waits = true;
            return Ok(Write::Blocked);
        }
        stream.count(chunk.len())?;
        let taken = chunk.len();
        stream.pending = std::mem::take(chunk);
        stream.arm_write(now);
        self.next_timeout = earliest(self.next_timeout, stream.next_timeout());
        self.pump(id);
        let stream = self.streams.get_mut(id).ok_or(OVER)?;
        stream.check_writable()?;
        // Whoever asks for room next finds none.
        stream.writer_waits = !stream.pending.is_empty();
        Ok(Write::Taken(taken))
    }

    pub(crate) fn finish_body(
        &mut self,
        events: &EventSink,
        id: StreamId,
        trailers: Option<&Headers>,
        now: Instant,
    ) -> Result<(), Error> {
        self.now = now;
        let stream = self.streams.get_mut(id).ok_or(OVER)?;
        if stream.needs_no_finish() {
            return Ok(());
        }
        stream.check_writable()?;
        let trailers = match trailers {
            Some(trailers) if !trailers.is_empty() => Some(convert::trailers(trailers)?),
            _ => None,
        };
        if let Err(error) = stream.check_length() {
            let error = Error::Local(error);
            self.http2.cancel(stream.wire);
            stream.stop_upload();
            stream.response = Response::Failed(error.clone());
            return Err(error);
        }
        stream.upload = Upload::Finishing(trailers);
        stream.arm_write(now);
        self.next_timeout = earliest(self.next_timeout, stream.next_timeout());
        self.pump(id);
        events.raise(|| Event::RequestBodySent);
        Ok(())
    }

    /// Hands on what the peer's window has room for.
    pub(super) fn pump(&mut self, id: StreamId) {
        let queued = self.queued();
        let Some(stream) = self.streams.get_mut(id) else {
            return;
        };
        let handed = loop {
            let finishing = match &mut stream.upload {
                Upload::Open => None,
                Upload::Finishing(trailers) => Some(trailers),
                _ => return,
            };
            let written = match finishing {
                None if stream.pending.is_empty() => break Ok(()),
                Some(trailers) if stream.pending.is_empty() => {
                    let done = self.http2.finish_body(stream.wire, trailers.take());
                    stream.upload = queued;
                    break done;
                }
                Some(None) => {
                    let written = self.http2.write_last(stream.wire, &mut stream.pending);
                    if written.is_ok() && stream.pending.is_empty() {
                        stream.upload = queued;
                        stream.rearm_write(self.now);
                        break Ok(());
                    }
                    written
                }
                _ => self.http2.write_body(stream.wire, &mut stream.pending),
            };
            match written {
                Ok(nuncio_http2::Write::Taken(_)) => stream.rearm_write(self.now),
                Ok(nuncio_http2::Write::Blocked) => return,
                Err(error) => break Err(error),
            }
        };
        if let Err(error) = handed {
            stream.verdict = Some(error.processed());
            stream.stop_upload();
        }
        if stream.writer_waits {
            stream.writer_waits = false;
            tell(&mut self.news, id, stream, Ready::WRITABLE);
        }
        if stream.is_over() {
            self.forget(id);
            // Who read the response to its end may be waiting for just that.
            self.news.push_back(id);
        }
    }

    pub(crate) fn read_head(
        &mut self,
        events: &EventSink,
        id: StreamId,
        now: Instant,
    ) -> Result<Option<ResponseHead>, Error> {
        self.now = now;
        let stream = self.streams.get_mut(id).ok_or(OVER)?;
        let head = match &stream.response {
            Response::Head => self.http2.read_head(stream.wire),
            Response::Failed(error) => {
                let error = error.clone();
                return Err(self.tell_error(events, id, error));
            }
            _ => return Err(Error::Misuse("the response head was already read")),
        };
        match head {
            Ok(None) => {
                // While the request is going up its own limit runs, and only that.
                if matches!(stream.upload, Upload::Sent | Upload::Stopped) {
                    stream.arm_read(now);
                    self.next_timeout = earliest(self.next_timeout, stream.next_timeout());
                }
                Ok(None)
            }
            Ok(Some(head)) => {
                stream.disarm_read();
                let head = match convert::response(&head) {
                    Ok(head) => head,
                    Err(error) => return Err(self.give_up(events, id, error)),
                };
                stream.leave.heard(head.status);
                if !head.is_interim() {
                    stream.response = Response::Body;
                }
                events.raise(|| Event::ResponseHead { head: &head });
                Ok(Some(head))
            }
            Err(error) => Err(self.fail_stream(events, id, error)),
        }
    }

    pub(crate) fn read_body(
        &mut self,
        events: &EventSink,
        id: StreamId,
        now: Instant,
    ) -> Result<Read, Error> {
        self.now = now;
        let stream = self.streams.get_mut(id).ok_or(OVER)?;
        let read = match &stream.response {
            Response::Head => return Err(Error::Misuse("the response head was not read yet")),
            Response::Done => {
                if stream.is_over() {
                    self.forget(id);
                }
                return Ok(Read::End);
            }
            Response::Failed(error) => {
                let error = error.clone();
                return Err(self.tell_error(events, id, error));
            }
            Response::Body | Response::Trailed => self.http2.read_body(stream.wire),
        };
        match read {
            Ok(nuncio_http2::Read::Blocked) => {
                stream.arm_read(now);
                self.next_timeout = earliest(self.next_timeout, stream.next_timeout());
                Ok(Read::Blocked)
            }
            Ok(nuncio_http2::Read::Chunk(chunk)) => {
                stream.disarm_read();
                if !stream.is_uploading() && self.http2.poll_end(stream.wire) {
                    stream.response = Response::Done;
                    events.raise(|| Event::ResponseComplete);
                }
                Ok(Read::Chunk(chunk))
            }
            Ok(nuncio_http2::Read::Trailers(trailers)) => {
                stream.disarm_read();
                match convert::received(&trailers) {
                    Ok(trailers) => {
                        stream.response = Response::Trailed;
                        Ok(Read::Trailers(trailers))
                    }
                    Err(error) => Err(self.give_up(events, id, error)),
                }
            }
            Ok(nuncio_http2::Read::End) => {
                stream.disarm_read();
                stream.response = Response::Done;
                if stream.is_over() {
                    self.forget(id);
                }
                events.raise(|| Event::ResponseComplete);
                Ok(Read::End)
            }
            Err(error) => Err(self.fail_stream(events, id, error)),
        }
    }

    /// Whether the response ended with the piece that was read last.
    pub(crate) fn is_complete(&self, id: StreamId) -> bool {
        let stream = self.streams.get(id);
        stream.is_some_and(|stream| matches!(stream.response, Response::Done))
    }

    pub(crate) fn processed(&self, id: StreamId) -> Processed {
        if let Some(stream) = self.streams.get(id) {
            return self.judge(stream);
        }
        let told = self.verdicts.iter().find(|(told, _)| *told == id);
        told.map_or(Processed::Maybe, |(_, verdict)| *verdict)
    }

    pub(super) fn judge(&self, stream: &Stream) -> Processed {
        match (&stream.response, stream.verdict) {
            (Response::Body | Response::Trailed | Response::Done, _) => Processed::Yes,
            (_, Some(nuncio_http2::Processed::Yes)) => Processed::Yes,
            (_, Some(nuncio_http2::Processed::No)) => Processed::No,
            // Nothing was written since it was opened, and nothing will be.
            (_, _) if self.is_over() && self.written == stream.opened_at => Processed::No,
            (Response::Head, None) if self.written == stream.opened_at => Processed::No,
            _ => Processed::Maybe,
        }
    }

    pub(crate) fn cancel(&mut self, id: StreamId) {
        if let Some(stream) = self.streams.get(id) {
            self.http2.cancel(stream.wire);
            self.forget(id);
        }
    }

    fn remember(&mut self, wire: nuncio_http2::StreamId, id: StreamId) {
        if self.ids.len() <= wire.index() {
            self.ids.resize(wire.index() + 1, id);
        }
        if let Some(place) = self.ids.get_mut(wire.index()) {
            *place = id;
        }
    }

    fn queued(&self) -> Upload {
        let streams = self.streams.len() as u64 + 1;
        Upload::Queued(Mark {
            batch: self.batches,
            bytes: self.taken + streams * SHARE,
        })
    }

    fn fail_stream(&mut self, events: &EventSink, id: StreamId, error: StreamError) -> Error {
        if let Some(stream) = self.streams.get_mut(id) {
            stream.verdict = Some(error.processed());
        }
        let error = match error.kind() {
            StreamErrorKind::Connection(error) => self.ended(error.clone()),
            StreamErrorKind::NoSuchStream => OVER,
            StreamErrorKind::RequestFinished => Error::Misuse("the request is complete"),
            StreamErrorKind::HeadNotRead => Error::Misuse("the response head was not read yet"),
            kind => Error::Http2Stream(kind.clone()),
        };
        self.tell_error(events, id, error)
    }

    /// A response that we cannot take.
    fn give_up(&mut self, events: &EventSink, id: StreamId, error: Error) -> Error {
        if let Some(stream) = self.streams.get_mut(id) {
            self.http2.cancel(stream.wire);
            stream.verdict = Some(nuncio_http2::Processed::Yes);
        }
        self.tell_error(events, id, error)
    }

    /// The exchange ends with this error.
    fn tell_error(&mut self, events: &EventSink, id: StreamId, error: Error) -> Error {
        let phase = match &error {
            Error::Timeout(phase) | Error::Io(IoError { phase, .. }) => Some(*phase),
            _ => None,
        };
        events.raise(|| Event::Failed {
            phase,
            error: &error,
        });
        self.forget(id);
        error
    }
}

const OVER: Error = Error::Misuse("this exchange is over");
