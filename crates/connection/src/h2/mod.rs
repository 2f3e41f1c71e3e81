//! HTTP/2 on a connection: streams of `nuncio-http2`, with bodies that wait for the peer's window, and a
//! deadline for each wait. What is asked and answered on one stream is in `exchanges.rs`.

mod convert;
mod exchanges;
mod keep_alive;
mod slots;
mod stream;
mod tuning;

use crate::buffer::{Input, Transmit};
use crate::error::{Error, IoError, Phase, Processed};
use crate::h1::{End, earliest};
use crate::message::{NeverReason, Ready, Reuse, StreamId};
use keep_alive::{KeepAlive, Silence};
use nuncio_http2::{Config, Http2, Room};
use slots::Slots;
use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};
use stream::{Response, Stream, Upload, tell};
use tuning::Tuning;

/// Failures whose [`Processed`] is remembered after they were told.
const VERDICTS: usize = 128;
/// How many ids are kept while there is no stream.
const IDLE_IDS: usize = 8;

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
                tell(&mut self.news, id, stream, Ready::WRITABLE);
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
                let ready = Ready::WRITABLE;
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
            tell(&mut self.news, id, stream, Ready::BOTH);
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

    // ---- what there is to tell ----

    pub(crate) fn poll_ready(&mut self) -> Option<(StreamId, Ready)> {
        self.collect();
        if let Some(id) = self.news.pop_front() {
            return Some(match self.streams.get_mut(id) {
                Some(stream) => (id, std::mem::take(&mut stream.ready)),
                None => (id, Ready::WRITABLE),
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
            tell(&mut self.news, id, stream, Ready::BOTH);
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
                tell(&mut self.news, id, stream, Ready::READABLE);
            }
        }
    }

    fn id_of(&self, wire: nuncio_http2::StreamId) -> Option<StreamId> {
        let id = self.ids.get(wire.index()).copied();
        id.filter(|id| id.number() == u64::from(wire.as_u32()))
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
