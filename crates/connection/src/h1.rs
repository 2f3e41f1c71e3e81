//! One HTTP/1.1 connection's exchanges: the codec, the buffers and the timers together.

use crate::buffer::{Input, LARGE_BLOCK, SMALL_BLOCK, Transmit};
use crate::error::{Error, IoError, Phase, Processed, TlsError};
use crate::event::{Event, EventSink};
use crate::leave::Leave;
use crate::message::{
    BodySize, Deadlines, NeverReason, Read, RequestHead, ResponseHead, Reuse, StreamId, Write,
};
use bytes::Bytes;
use nuncio_headers::Headers;
use nuncio_http1::{BodyStep, HeadStep, Http1, Ours, RemoteError, Theirs};
use std::time::{Duration, Instant};

/// So many bytes may wait to be sent before a body is told to wait: eight writes of 64 KiB.
pub(crate) const HIGH_WATER: usize = 512 * 1024;

/// How the peer's sending side ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It has not.
    Open,
    /// Properly.
    Clean,
    /// Under TLS, without close_notify: what came may have been cut (RFC 8446 section 6.1).
    Cut,
    /// By a socket error.
    Failed(IoError),
}

/// What an HTTP/1.1 exchange works on, lent by the connection for one call.
pub(crate) struct Wire<'a> {
    pub(crate) input: &'a mut Input,
    pub(crate) out: &'a mut Transmit,
    /// Bytes handed to the caller for sending and not yet reported as sent.
    pub(crate) in_flight: usize,
    pub(crate) end: End,
    pub(crate) write_error: Option<IoError>,
    pub(crate) events: &'a EventSink,
}

#[derive(Debug)]
pub(crate) struct H1 {
    codec: Http1,
    next: u64,
    current: Option<Current>,
}

/// The exchange that is under way, or the last one until the next is opened.
#[derive(Debug)]
struct Current {
    id: StreamId,
    deadlines: Deadlines,
    read_until: Option<Instant>,
    write_until: Option<Instant>,
    leave: Leave,
    progress: Progress,
    sent: u64,
    /// Bytes of the body that were taken.
    given: u64,
    /// The rest of the body will not be sent, whatever the codec still waits for.
    abandoned: bool,
}

/// How far the response has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Head,
    Body,
    Done,
}

impl H1 {
    pub(crate) fn new(config: nuncio_http1::Config) -> Self {
        H1 {
            codec: Http1::new(config),
            next: 0,
            current: None,
        }
    }

    pub(crate) fn open(
        &mut self,
        wire: Wire<'_>,
        head: RequestHead<'_>,
        body: BodySize,
        deadlines: Deadlines,
        now: Instant,
    ) -> Result<StreamId, Error> {
        if self.current.is_some() {
            self.codec.next_exchange()?;
            self.current = None;
        }
        wire.out.scratch(|scratch| {
            self.codec
                .send_head(head.method, head.target, head.headers, body, scratch)
        })?;
        wire.events.raise(|| Event::RequestHeadSent {
            version: http::Version::HTTP_11,
            method: head.method,
            target: head.target,
            headers: head.headers,
        });
        let id = StreamId::new(self.next, 0);
        self.next += 1;
        self.current = Some(Current {
            id,
            deadlines,
            read_until: None,
            write_until: after(now, deadlines.write),
            leave: Leave::new(deadlines.expect, now),
            progress: Progress::Head,
            sent: 0,
            given: 0,
            abandoned: false,
        });
        Ok(id)
    }

    pub(crate) fn write_body(
        &mut self,
        wire: Wire<'_>,
        id: StreamId,
        chunk: &mut Bytes,
        now: Instant,
    ) -> Result<Write, Error> {
        let current = Self::current(&mut self.current, id)?;
        if chunk.is_empty() {
            return Ok(Write::Taken(0));
        }
        if let Some(error) = wire.write_error {
            return Err(Error::Io(error));
        }
        if wire.out.len() + wire.in_flight >= HIGH_WATER || current.leave.is_awaited() {
            return Ok(Write::Blocked);
        }
        let framing = self.codec.send_data(chunk.len())?;
        let taken = chunk.len();
        current.given += taken as u64;
        wire.out
            .scratch(|scratch| scratch.extend_from_slice(framing.before()));
        wire.out.body(std::mem::take(chunk));
        wire.out
            .scratch(|scratch| scratch.extend_from_slice(framing.after()));
        current.arm_write(now);
        Ok(Write::Taken(taken))
    }

    pub(crate) fn finish_body(
        &mut self,
        wire: Wire<'_>,
        id: StreamId,
        trailers: Option<&Headers>,
        now: Instant,
    ) -> Result<(), Error> {
        let current = Self::current(&mut self.current, id)?;
        wire.out
            .scratch(|scratch| self.codec.send_end(trailers, scratch))?;
        current.arm_write(now);
        wire.events.raise(|| Event::RequestBodySent);
        Ok(())
    }

    pub(crate) fn abandon_body(&mut self, wire: Wire<'_>, id: StreamId) {
        if let Ok(current) = Self::current(&mut self.current, id) {
            current.abandoned = true;
            current.write_until = None;
            wire.out.clear();
        }
    }

    pub(crate) fn read_head(
        &mut self,
        wire: Wire<'_>,
        id: StreamId,
        now: Instant,
    ) -> Result<Option<ResponseHead>, Error> {
        let current = Self::current(&mut self.current, id)?;
        if current.progress != Progress::Head {
            return Err(Error::Misuse("the response head was already read"));
        }
        // Often asked before anything came.
        if !wire.input.is_empty()
            && let HeadStep::Head { head, used } = self.codec.receive_head(wire.input.bytes())?
        {
            wire.input.consume(used);
            current.read_until = None;
            current.leave.heard(head.status);
            if !head.is_interim() || head.status == 101 {
                // What has left HTTP has no body (SECURITY F24).
                current.progress = match self.codec.theirs() {
                    Theirs::Switched => Progress::Done,
                    _ => Progress::Body,
                };
            }
            wire.events.raise(|| Event::ResponseHead { head: &head });
            return Ok(Some(head));
        }
        ended(&mut self.codec, &wire)?;
        if current.awaits_peer(&self.codec, &wire) {
            current.arm_read(now);
        }
        Ok(None)
    }

    pub(crate) fn read_body(
        &mut self,
        wire: Wire<'_>,
        id: StreamId,
        now: Instant,
    ) -> Result<Read, Error> {
        self.advance_body(wire, id, now, |input, range| {
            Read::Chunk(input.share(range))
        })
    }

    /// As `read_body`, but a chunk's bytes are appended to `into` and an empty chunk is reported:
    /// for callers who want one contiguous body and would copy anyway.
    pub(crate) fn read_body_into(
        &mut self,
        wire: Wire<'_>,
        id: StreamId,
        into: &mut Vec<u8>,
        now: Instant,
    ) -> Result<Read, Error> {
        self.advance_body(wire, id, now, |input, range| {
            into.extend_from_slice(input.bytes().get(range).unwrap_or_default());
            Read::Chunk(Bytes::new())
        })
    }

    fn advance_body(
        &mut self,
        wire: Wire<'_>,
        id: StreamId,
        now: Instant,
        deliver: impl FnOnce(&mut Input, std::ops::Range<usize>) -> Read,
    ) -> Result<Read, Error> {
        let current = Self::current(&mut self.current, id)?;
        match current.progress {
            Progress::Head => return Err(Error::Misuse("the response head was not read yet")),
            Progress::Done => return Ok(Read::End),
            Progress::Body => {}
        }
        let read = match self.codec.receive_body(wire.input.bytes())? {
            BodyStep::Data { range } => {
                let used = range.end;
                let chunk = deliver(wire.input, range);
                wire.input.consume(used);
                current.read_until = None;
                // A body of a known length ends with its last byte.
                if self.codec.theirs() != Theirs::Done {
                    return Ok(chunk);
                }
                chunk
            }
            BodyStep::NeedMore { used } => {
                wire.input.consume(used);
                if !ended(&mut self.codec, &wire)? {
                    if current.awaits_peer(&self.codec, &wire) {
                        current.arm_read(now);
                    }
                    return Ok(Read::Blocked);
                }
                Read::End
            }
            BodyStep::End { used, trailers } => {
                wire.input.consume(used);
                trailers.map_or(Read::End, Read::Trailers)
            }
        };
        current.progress = Progress::Done;
        current.read_until = None;
        if !wire.input.is_empty() {
            self.codec.surplus();
        }
        wire.events.raise(|| Event::ResponseComplete);
        Ok(read)
    }

    /// Whether nothing came on an idle connection that should not have.
    pub(crate) fn quiet(&mut self, wire: Wire<'_>) -> bool {
        let quiet = wire.input.is_empty() && wire.end == End::Open && wire.write_error.is_none();
        if !wire.input.is_empty() {
            self.codec.surplus();
        }
        quiet
    }

    pub(crate) fn reuse(&self) -> Reuse {
        match self.codec.reuse() {
            nuncio_http1::Reuse::Ready => Reuse::Idle,
            nuncio_http1::Reuse::Busy => Reuse::Busy,
            nuncio_http1::Reuse::Never(reason) => Reuse::Never(NeverReason::Http1(reason)),
        }
    }

    /// How much to read at once: a long body deserves a long buffer.
    pub(crate) fn read_size(&self) -> usize {
        match self.current.as_ref().map(|current| current.progress) {
            Some(Progress::Body) => match self.codec.body_remaining() {
                Some(left) if left <= SMALL_BLOCK as u64 => SMALL_BLOCK,
                _ => LARGE_BLOCK,
            },
            _ => SMALL_BLOCK,
        }
    }

    /// Whether more should be received: not while a pulled body has bytes waiting, and not beyond
    /// the end of a response.
    pub(crate) fn wants_read(&self, input: &Input) -> bool {
        match self.current.as_ref().map(|current| current.progress) {
            Some(Progress::Head) => true,
            Some(Progress::Body) => input.bytes().len() < SMALL_BLOCK,
            Some(Progress::Done) | None => false,
        }
    }

    /// Whether the peer has consented to speak something else, in a head that was read.
    pub(crate) fn is_switched(&self) -> bool {
        self.codec.theirs() == Theirs::Switched
    }

    pub(crate) fn is_complete(&self, id: StreamId) -> bool {
        let current = self.current.as_ref();
        current.is_some_and(|current| current.id == id && current.progress == Progress::Done)
    }

    /// Whether the body is held back until the peer says something.
    pub(crate) fn awaits_continue(&self, id: StreamId) -> bool {
        let current = self.current.as_ref();
        current.is_some_and(|current| current.id == id && current.leave.is_awaited())
    }

    /// Bytes of the request's body that were taken so far.
    pub(crate) fn given(&self, id: StreamId) -> u64 {
        match &self.current {
            Some(current) if current.id == id => current.given,
            _ => 0,
        }
    }

    /// Whether it is for a response that the peer is waited for; what was to be sent aside.
    pub(crate) fn awaits_head(&self) -> bool {
        let current = self.current.as_ref();
        current.is_some_and(|current| current.progress == Progress::Head)
            && self.codec.ours() != Ours::Body
    }

    pub(crate) fn transmitted(&mut self, written: usize, pending: bool, now: Instant) {
        let sent_all = !pending && self.codec.ours() != Ours::Body;
        let Some(current) = &mut self.current else {
            return;
        };
        current.sent += written as u64;
        if written > 0 {
            current.write_until = None;
        }
        if pending {
            current.arm_write(now);
        } else if sent_all && current.progress == Progress::Head {
            // The whole request is on its way: from now on it is the peer who is awaited.
            current.arm_read(now);
        }
    }

    pub(crate) fn stop_writing(&mut self) {
        if let Some(current) = &mut self.current {
            current.write_until = None;
        }
    }

    /// Bytes came: whoever waits for the rest has a whole read limit again.
    pub(crate) fn received(&mut self, now: Instant) {
        if let Some(current) = &mut self.current
            && current.read_until.take().is_some()
        {
            current.arm_read(now);
        }
    }

    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        let current = self.current.as_ref()?;
        earliest(
            earliest(current.read_until, current.write_until),
            current.leave.until(),
        )
    }

    /// Lets what is due happen; the phase that took too long.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<Phase> {
        let current = self.current.as_mut()?;
        current.leave.expire(now);
        if current.write_until.is_some_and(|until| until <= now) {
            Some(Phase::Write)
        } else if current.read_until.is_some_and(|until| until <= now) {
            Some(Phase::Read)
        } else {
            None
        }
    }

    pub(crate) fn stop_timers(&mut self) {
        if let Some(current) = &mut self.current {
            current.read_until = None;
            current.write_until = None;
            current.leave = Leave::Given;
        }
    }

    /// `unread` is what came and was not understood yet: even a part of a head is an answer.
    pub(crate) fn processed(&self, id: StreamId, unread: bool) -> Processed {
        match &self.current {
            Some(current) if current.id == id => match current.progress {
                Progress::Head if !unread && current.sent == 0 => Processed::No,
                Progress::Head if !unread => Processed::Maybe,
                _ => Processed::Yes,
            },
            _ => Processed::Maybe,
        }
    }

    fn current(current: &mut Option<Current>, id: StreamId) -> Result<&mut Current, Error> {
        match current {
            Some(current) if current.id == id => Ok(current),
            _ => Err(Error::Misuse("this exchange is over")),
        }
    }
}

impl Current {
    /// Whether it is the peer that is waited for. While the request is going up its own limit runs,
    /// and only that; while its source is slow, none does.
    fn awaits_peer(&self, codec: &Http1, wire: &Wire<'_>) -> bool {
        let sending = !wire.out.is_empty() || wire.in_flight > 0 || codec.ours() == Ours::Body;
        !sending || self.abandoned || wire.write_error.is_some()
    }

    fn arm_read(&mut self, now: Instant) {
        if self.read_until.is_none() {
            self.read_until = after(now, self.deadlines.read);
        }
    }

    fn arm_write(&mut self, now: Instant) {
        if self.write_until.is_none() && !self.abandoned {
            self.write_until = after(now, self.deadlines.write);
        }
    }
}

/// Whether the peer's side ended, and whether it was allowed to end here.
fn ended(codec: &mut Http1, wire: &Wire<'_>) -> Result<bool, Error> {
    match wire.end {
        End::Open => Ok(false),
        End::Failed(error) => Err(Error::Io(wire.write_error.unwrap_or(error))),
        End::Clean | End::Cut => match codec.receive_eof(wire.input.bytes()) {
            Ok(()) if wire.end == End::Cut => Err(Error::Tls(TlsError::NoCloseNotify)),
            Ok(()) => Ok(true),
            // We could not send, and the peer said nothing: the first is the cause.
            Err(error @ RemoteError::Disconnected { .. }) => {
                Err(wire.write_error.map_or(Error::Remote(error), Error::Io))
            }
            Err(error) => Err(Error::Remote(error)),
        },
    }
}

/// The end of a limit that begins now; none where there is no limit, or one that no clock reaches.
pub(crate) fn after(now: Instant, limit: Option<Duration>) -> Option<Instant> {
    now.checked_add(limit?)
}

pub(crate) fn earliest(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
