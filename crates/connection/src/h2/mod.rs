//! HTTP/2 exchanges: streams of `nuncio-http2`, with bodies that wait for the peer's window, and a
//! deadline for each wait.

mod convert;
mod keep_alive;
mod slots;
mod stream;
mod tuning;

use crate::buffer::{Input, Transmit};
use crate::error::{Error, IoError, Phase, Processed};
use crate::event::{Event, EventSink};
use crate::h1::{End, earliest};
use crate::message::{
    BodySize, Deadlines, NeverReason, Read, Ready, RequestHead, ResponseHead, Reuse, StreamId,
    Write,
};
use bytes::Bytes;
use keep_alive::{KeepAlive, Silence};
use nuncio_headers::Headers;
use nuncio_http2::{Config, Http2, OpenError, Room, StreamError, StreamErrorKind};
use slots::Slots;
use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};
use stream::{Mark, Response, Stream, Upload, tell};
use tuning::Tuning;

/// Failures whose [`Processed`] is remembered after they were told.
const VERDICTS: usize = 128;
/// How many ids are kept while there is no stream.
const IDLE_IDS: usize = 8;
/// What one stream may have in the queue while others are served in turn.
const SHARE: u64 = 128 * 1024;

pub(crate) struct H2 {
    http2: Http2,
    streams: Slots<Stream>,
    /// Ours, by the index of the one below.
    ids: Vec<StreamId>,
    /// Those whose request has not left yet.
    sending: Vec<StreamId>,
    /// Streams with something to tell, each once.
    news: VecDeque<StreamId>,
    last: convert::Last,
    verdicts: VecDeque<(StreamId, Processed)>,
    changed: bool,
    /// The capacity that was last asked for, to notice when it is another.
    told: usize,
    /// A stream has timed out, and the PING that was sent then is not answered.
    doubted: bool,
    keep_alive: Option<KeepAlive>,
    tuning: Tuning,
    /// Why nothing more is exchanged with the peer, where HTTP/2 itself does not know.
    cause: Option<Error>,
    /// No output leaves any more.
    mute: bool,
    /// The latest time that was told.
    now: Instant,
    /// Not after any stream's deadline.
    next_timeout: Option<Instant>,
    /// Batches of output, and the last one that left nothing behind.
    batches: u64,
    last_full: u64,
    /// Bytes of output taken; bytes written to the socket.
    taken: u64,
    written: u64,
}

impl H2 {
    pub(crate) fn new(
        config: Config,
        keep_alive: Option<Duration>,
        now: Instant,
    ) -> Result<Self, Error> {
        Ok(H2 {
            tuning: Tuning::new(config.initial_stream_window()),
            http2: Http2::new(config).map_err(Error::Http2)?,
            streams: Slots::new(),
            ids: Vec::new(),
            sending: Vec::new(),
            news: VecDeque::new(),
            last: convert::Last::default(),
            verdicts: VecDeque::new(),
            changed: false,
            told: 0,
            doubted: false,
            keep_alive: keep_alive.map(|every| KeepAlive::new(every, now)),
            cause: None,
            mute: false,
            now,
            next_timeout: None,
            batches: 0,
            last_full: 0,
            taken: 0,
            written: 0,
        })
    }

    // ---- bytes in ----

    pub(crate) fn wants_read(&self, input: &Input) -> bool {
        input.is_empty() && self.http2.wants_input()
    }

    pub(crate) fn handle_input(&mut self, input: &mut Input, now: Instant) {
        self.now = now;
        if let Some(keep_alive) = &mut self.keep_alive {
            keep_alive.heard(now);
        }
        self.feed(input);
    }

    /// The peer sends no more, so that nothing of ours is of use to it either: what it has sent is
    /// looked at to the last byte, and every stream that is not complete fails.
    pub(crate) fn handle_end(&mut self, input: &mut Input, end: End) {
        if let End::Failed(error) = end {
            self.cause.get_or_insert(Error::Io(error));
        }
        self.mute = true;
        self.feed(input);
        self.http2.handle_eof();
        self.discard();
        self.collect();
    }

    fn feed(&mut self, input: &mut Input) {
        while !input.is_empty() {
            let taken = self.http2.handle_input(input.bytes());
            input.consume(taken);
            if self.tuning.came(taken) && self.http2.send_ping() {
                self.tuning.asked();
            }
            // What is left waits for our answers to be taken.
            if !input.is_empty() && (!self.mute || (self.discard() == 0 && taken == 0)) {
                break;
            }
        }
        if self.http2.poll_pong() {
            self.changed |= std::mem::take(&mut self.doubted);
            if let Some((stream, connection)) = self.tuning.answered() {
                self.http2.grow_windows(stream, connection);
            }
        }
        // Part of a frame is news to nobody yet, but no silence.
        if let Some(wire) = self.http2.arriving()
            && let Some(stream) = self.streams.numbered(u64::from(wire))
        {
            stream.rearm_read(self.now);
        }
        self.collect();
    }

    /// Throws output away; how much there was.
    fn discard(&mut self) -> usize {
        let mut sum = 0;
        let mut scratch = Vec::new();
        loop {
            scratch.clear();
            match self.http2.take_output(&mut scratch) {
                0 => return sum,
                taken => sum += taken,
            }
        }
    }

    // ---- bytes out ----

    pub(crate) fn wants_write(&self) -> bool {
        !self.mute && self.http2.wants_output()
    }

    /// Moves a batch of output to `out`; input that waited for that goes on.
    pub(crate) fn transmit(&mut self, input: &mut Input, out: &mut Transmit) {
        if self.mute {
            return;
        }
        self.batches += 1;
        let taken = out.scratch(|scratch| self.http2.take_output(scratch));
        self.taken += taken as u64;
        if !self.http2.wants_output() {
            self.last_full = self.batches;
        }
        self.feed(input);
    }

    /// `left`: of what was taken, something was not written yet.
    pub(crate) fn transmitted(&mut self, written: usize, left: bool, now: Instant) {
        self.now = now;
        self.written += written as u64;
        self.collect();
        let drained = !self.http2.wants_output();
        let mut sending = std::mem::take(&mut self.sending);
        sending.retain(|id| {
            let Some(stream) = self.streams.get_mut(*id) else {
                return false;
            };
            match stream.upload {
                Upload::Queued(mark)
                    if !left && (self.last_full > mark.batch || self.taken >= mark.bytes) =>
                {
                    stream.upload = Upload::Sent;
                    stream.disarm_write();
                    if matches!(stream.response, Response::Head) {
                        stream.arm_read(now);
                    }
                }
                // All is out, and it is the body's source that is awaited.
                Upload::Open if stream.pending.is_empty() && !left && drained => {
                    stream.disarm_write();
                }
                // The window is awaited, whatever else may be written.
                _ if !stream.pending.is_empty() => {}
                _ if written > 0 => stream.rearm_write(now),
                _ => {}
            }
            self.next_timeout = earliest(self.next_timeout, stream.next_timeout());
            !matches!(stream.upload, Upload::Sent | Upload::Stopped)
        });
        self.sending = sending;
    }

    /// Writing to the socket failed. What the peer has sent can still be read.
    pub(crate) fn stop_writing(&mut self, input: &mut Input, error: IoError) {
        self.cause.get_or_insert(Error::Io(error));
        self.mute = true;
        self.changed = true;
        for (id, stream) in self.streams.iter_mut() {
            stream.stop_upload();
            if stream.writer_waits {
                stream.writer_waits = false;
                tell(
                    &mut self.news,
                    id,
                    stream,
                    Ready {
                        readable: false,
                        writable: true,
                    },
                );
            }
        }
        self.feed(input);
    }

    // ---- time ----

    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        let keep_alive = self.keep_alive.as_ref().filter(|_| !self.is_over());
        earliest(self.next_timeout, keep_alive.map(KeepAlive::due))
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        self.check_silence(now);
        if self.next_timeout.is_none_or(|until| until > now) {
            return;
        }
        let mut next = None;
        let mut late = false;
        for (id, stream) in self.streams.iter_mut() {
            if stream.leave.expire(now) {
                let ready = Ready {
                    readable: false,
                    writable: true,
                };
                stream.writer_waits = false;
                tell(&mut self.news, id, stream, ready);
            }
            let until = stream.next_timeout();
            if until.is_none_or(|until| until > now) {
                next = earliest(next, until);
                continue;
            }
            late = true;
            let phase = if stream.is_write_late(now) {
                Phase::Write
            } else {
                Phase::Read
            };
            self.http2.cancel(stream.wire);
            stream.stop_upload();
            stream.disarm_read();
            // It may still leave, if it has not.
            stream.verdict = None;
            if !matches!(stream.response, Response::Done) {
                if matches!(stream.response, Response::Body | Response::Trailed) {
                    stream.verdict = Some(nuncio_http2::Processed::Yes);
                }
                stream.response = Response::Failed(Error::Timeout(phase));
            }
            tell(
                &mut self.news,
                id,
                stream,
                Ready {
                    readable: true,
                    writable: true,
                },
            );
        }
        self.next_timeout = next;
        if late {
            self.doubt();
        }
    }

    /// Is it the stream that is slow, or the connection that is dead?
    pub(crate) fn doubt(&mut self) {
        self.doubted |= self.http2.send_ping() || self.http2.is_pinging();
        self.changed = true;
    }

    /// A peer that does not even answer a PING is gone, and every stream with it.
    fn check_silence(&mut self, now: Instant) {
        if self.is_over() {
            return;
        }
        match self.keep_alive.as_mut().map(|it| it.check(now)) {
            Some(Silence::Ask) => {
                self.http2.send_ping();
            }
            Some(Silence::Dead) => self.fail(Error::Io(IoError {
                phase: Phase::Read,
                kind: io::ErrorKind::TimedOut,
                code: None,
            })),
            Some(Silence::Short) | None => {}
        }
    }

    // ---- exchanges ----

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
    fn pump(&mut self, id: StreamId) {
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
            tell(
                &mut self.news,
                id,
                stream,
                Ready {
                    readable: false,
                    writable: true,
                },
            );
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

    fn judge(&self, stream: &Stream) -> Processed {
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

    pub(crate) fn poll_ready(&mut self) -> Option<(StreamId, Ready)> {
        self.collect();
        if let Some(id) = self.news.pop_front() {
            return Some(match self.streams.get_mut(id) {
                Some(stream) => (id, std::mem::take(&mut stream.ready)),
                None => (
                    id,
                    Ready {
                        readable: false,
                        writable: true,
                    },
                ),
            });
        }
        None
    }

    /// Whether `reuse` may answer otherwise than before.
    pub(crate) fn poll_changed(&mut self) -> bool {
        let capacity = self.capacity();
        let differs = std::mem::replace(&mut self.told, capacity) != capacity;
        self.http2.poll_changed() | std::mem::take(&mut self.changed) | differs
    }

    pub(crate) fn quiet(&self) -> bool {
        self.cause.is_none() && matches!(self.http2.room(), Room::Streams(_))
    }

    pub(crate) fn capacity(&self) -> usize {
        let limit = self.http2.limit().filter(|_| self.http2.is_settled());
        limit.unwrap_or(0)
    }

    pub(crate) fn is_doubted(&self) -> bool {
        self.doubted
    }

    pub(crate) fn reuse(&self) -> Reuse {
        if let Some(cause) = &self.cause {
            return Reuse::Never(NeverReason::Failed(cause.clone()));
        }
        match self.http2.room() {
            Room::Streams(0) => Reuse::Busy,
            Room::Streams(room) => Reuse::Room(room),
            Room::Never(error) => Reuse::Never(match error {
                nuncio_http2::Error::Eof => NeverReason::PeerClosed,
                nuncio_http2::Error::Closed => NeverReason::Closed,
                error => NeverReason::Http2(error.to_string()),
            }),
        }
    }

    /// Ends every exchange; RST_STREAM and GOAWAY are left to be sent.
    pub(crate) fn close(&mut self) {
        for (id, stream) in self.streams.iter_mut() {
            self.http2.cancel(stream.wire);
            stream.stop_upload();
            stream.disarm_read();
            if !matches!(stream.response, Response::Done) {
                stream.response = Response::Failed(Error::Closed);
            }
            tell(
                &mut self.news,
                id,
                stream,
                Ready {
                    readable: true,
                    writable: true,
                },
            );
        }
        self.next_timeout = None;
        self.http2.close();
        self.cause.get_or_insert(Error::Closed);
    }

    /// A layer below failed: nothing more is sent or understood.
    pub(crate) fn fail(&mut self, error: Error) {
        self.cause.get_or_insert(error);
        self.mute = true;
        self.http2.handle_eof();
        self.discard();
        self.collect();
        self.changed = true;
    }

    fn is_over(&self) -> bool {
        self.mute || self.http2.failure().is_some()
    }

    /// Hears what `Http2` has to tell: bodies go on, readers and writers are told.
    fn collect(&mut self) {
        while let Some((wire, ready)) = self.http2.poll_ready() {
            let Some(id) = self.id_of(wire) else {
                continue;
            };
            if ready.is_write() {
                self.pump(id);
            }
            let readable = ready.is_head() || ready.is_body() || ready.is_failed();
            if readable && let Some(stream) = self.streams.get_mut(id) {
                stream.disarm_read();
                tell(
                    &mut self.news,
                    id,
                    stream,
                    Ready {
                        readable,
                        writable: false,
                    },
                );
            }
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

    fn id_of(&self, wire: nuncio_http2::StreamId) -> Option<StreamId> {
        let id = self.ids.get(wire.index()).copied();
        id.filter(|id| id.number() == u64::from(wire.as_u32()))
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

    /// Why the connection ended, in the words of the layer that knows.
    fn ended(&self, error: nuncio_http2::Error) -> Error {
        match (error, &self.cause) {
            (nuncio_http2::Error::Eof, Some(cause)) => cause.clone(),
            (nuncio_http2::Error::Closed, _) => Error::Closed,
            (error, _) => Error::Http2(error),
        }
    }

    fn forget(&mut self, id: StreamId) {
        let Some(stream) = self.streams.remove(id) else {
            return;
        };
        let verdict = self.judge(&stream);
        if self.verdicts.len() == VERDICTS {
            self.verdicts.pop_front();
        }
        self.verdicts.push_back((id, verdict));
        if stream.ready != Ready::default() {
            self.news.retain(|told| *told != id);
        }
        if self.streams.is_empty() {
            self.next_timeout = None;
            if self.ids.len() > IDLE_IDS {
                (self.ids, self.sending) = (Vec::new(), Vec::new());
            }
        }
    }
}

impl std::fmt::Debug for H2 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("H2")
            .field("streams", &self.streams)
            .field("cause", &self.cause)
            .finish_non_exhaustive()
    }
}

const OVER: Error = Error::Misuse("this exchange is over");
