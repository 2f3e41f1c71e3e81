//! One connection: bytes in, bytes out, deadlines; TLS inside, and HTTP/1.1 or HTTP/2 by ALPN.
//! What is asked and answered over it is in `exchanges.rs`.

mod exchanges;
mod listeners;

use crate::buffer::{BlockCache, RecvBuf, SMALL_BLOCK, Transmit};
#[cfg(feature = "tls")]
use crate::error::TlsError;
use crate::error::{Error, IoError, Phase};
use crate::event::{Event, EventSink};
use crate::h1::{End, H1, HIGH_WATER, Wire};
#[cfg(feature = "http2")]
use crate::h2::H2;
use crate::layers::{Handshake, Layer, Link, Step};
use crate::message::{NeverReason, Protocol, Ready, Reuse, StreamId};
use listeners::Listeners;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What every connection of a client has in common.
#[derive(Clone, Debug, Default)]
pub struct ConnectionConfig {
    /// HTTP/1.1 limits, and whether to be lenient.
    pub http1: nuncio_http1::Config,
    /// HTTP/2 windows and limits.
    #[cfg(feature = "http2")]
    pub http2: nuncio_http2::Config,
    /// How long an HTTP/2 peer may be silent, in use or idle, before it is asked for a sign of life, and
    /// how long it then has to give one. None, the default, is for ever.
    #[cfg(feature = "http2")]
    pub http2_keep_alive: Option<Duration>,
    /// The protocol on a connection without TLS, or whose TLS peer chose none. Default HTTP/1.1.
    pub prior_knowledge: PriorKnowledge,
    /// Where received bytes are kept; share one among the connections of a client.
    pub blocks: BlockCache,
    /// Who is told what happens.
    pub events: EventSink,
}

/// What is spoken where no ALPN says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum PriorKnowledge {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2 from the first byte (RFC 9113 section 3.3).
    #[cfg(feature = "http2")]
    Http2,
}

/// One connection to a server, as a machine without I/O.
///
/// The caller owns the socket and the time. Around each of its system calls it asks and tells:
///
/// - while [`wants_read`](Self::wants_read): [`take_recv`](Self::take_recv), read,
///   [`handle_input`](Self::handle_input) (or [`handle_eof`](Self::handle_eof));
/// - while [`wants_write`](Self::wants_write): [`take_transmit`](Self::take_transmit), write,
///   [`transmitted`](Self::transmitted);
/// - at [`next_timeout`](Self::next_timeout): [`handle_timeout`](Self::handle_timeout).
///
/// After any of these an exchange may have come further: [`read_head`](Self::read_head),
/// [`read_body`](Self::read_body) and [`write_body`](Self::write_body) never wait, and say so when
/// there is nothing yet.
#[derive(Debug)]
pub struct Connection {
    config: Arc<ConnectionConfig>,
    stage: Stage,
    link: Link,
    failed: Option<NeverReason>,
    listeners: Listeners,
}

// One for each connection, and the large one is the common one.
#[allow(clippy::large_enum_variant)]
#[derive(Debug)]
enum Stage {
    Handshake(Handshake),
    Http1(H1),
    #[cfg(feature = "http2")]
    Http2(Box<H2>),
}

impl Connection {
    /// A connection over a transport that has just been opened. `handshake` is how long each of the
    /// layers may take to be ready; `None` is for ever.
    ///
    /// # Errors
    /// [`Error::Tls`] when a server name is none that a certificate could hold, [`Error::Local`] or
    /// [`Error::Proxy`] when a proxy cannot be told what it should be.
    pub fn new(
        config: Arc<ConnectionConfig>,
        layers: Vec<Layer>,
        handshake: Option<Duration>,
        now: Instant,
    ) -> Result<Self, Error> {
        let mut link = Link::new(config.blocks.clone());
        let begun = Handshake::new(layers, handshake, &mut link, &config.events, now)?;
        let stage = match begun {
            Some(handshake) => Stage::Handshake(handshake),
            None => Stage::new(&config, config.prior_knowledge, now)?,
        };
        Ok(Connection {
            config,
            stage,
            link,
            failed: None,
            listeners: Listeners::default(),
        })
    }

    /// The protocol, once the layers are ready; `None` while they are not. Exchanges can be opened
    /// from then on.
    pub fn protocol(&self) -> Option<Protocol> {
        match &self.stage {
            Stage::Handshake(_) => None,
            Stage::Http1(_) => Some(Protocol::Http1),
            #[cfg(feature = "http2")]
            Stage::Http2(_) => Some(Protocol::Http2),
        }
    }

    /// How many of its layers do not stand yet, the one at which it failed included.
    pub fn layers_left(&self) -> usize {
        match &self.stage {
            Stage::Handshake(handshake) => handshake.left(),
            _ => 0,
        }
    }

    /// What TLS was agreed on with the server, once the layers are ready; with the proxy, where nothing
    /// but its own TLS is there; none without TLS.
    #[cfg(feature = "tls")]
    pub fn tls(&self) -> Option<crate::tls::TlsInfo> {
        self.link.tls()
    }

    /// Why the connection failed, if it did.
    pub fn failure(&self) -> Option<&Error> {
        match &self.failed {
            Some(NeverReason::Failed(error)) => Some(error),
            _ => None,
        }
    }

    // ---- bytes in ----

    /// Whether to read from the socket. False is backpressure: somebody must pull first, or
    /// nothing is due.
    pub fn wants_read(&self) -> bool {
        if self.failed.is_some() || self.link.end != End::Open {
            return false;
        }
        match &self.stage {
            Stage::Handshake(_) => true,
            Stage::Http1(h1) => h1.wants_read(&self.link.input),
            #[cfg(feature = "http2")]
            Stage::Http2(h2) => h2.wants_read(&self.link.input),
        }
    }

    /// A buffer to read into; give it back, filled or not, to [`handle_input`](Self::handle_input).
    pub fn take_recv(&mut self) -> RecvBuf {
        let room = match &self.stage {
            Stage::Http1(h1) => h1.read_size(),
            _ => SMALL_BLOCK,
        };
        self.link.take_recv(room)
    }

    /// Takes back a buffer with what was read into it; one without new bytes is only kept.
    pub fn handle_input(&mut self, buf: RecvBuf, now: Instant) {
        match self.link.receive(buf) {
            Ok(false) => {}
            Ok(true) => {
                self.after_input(now);
                if self.link.end != End::Open {
                    self.after_end();
                }
            }
            Err(error) => self.fail(error),
        }
    }

    /// The peer closed its sending side: the socket's read returned nothing.
    pub fn handle_eof(&mut self) {
        if self.link.end == End::Open {
            self.link.handle_eof();
            self.after_end();
        }
    }

    /// Reading from the socket failed.
    pub fn handle_read_error(&mut self, error: &io::Error) {
        if self.link.end == End::Open {
            self.link.end = End::Failed(IoError::new(self.phase(Phase::Read), error));
            self.after_end();
        }
    }

    fn after_end(&mut self) {
        match &mut self.stage {
            Stage::Handshake(handshake) => {
                let error = match self.link.end {
                    End::Failed(error) => Error::Io(error),
                    _ => handshake.ended(&self.link),
                };
                self.fail(error);
            }
            Stage::Http1(_) => {}
            #[cfg(feature = "http2")]
            Stage::Http2(h2) => h2.handle_end(&mut self.link.input, self.link.end),
        }
    }

    fn after_input(&mut self, now: Instant) {
        if let Stage::Handshake(handshake) = &mut self.stage
            && self.failed.is_none()
        {
            let step = handshake.advance(&mut self.link, &self.config.events, now);
            if let Err(error) = step.and_then(|step| self.after_handshake(step, now)) {
                self.fail(error);
            }
        }
        match &mut self.stage {
            Stage::Handshake(_) => {}
            Stage::Http1(h1) => h1.received(now),
            #[cfg(feature = "http2")]
            Stage::Http2(h2) => h2.handle_input(&mut self.link.input, now),
        }
    }

    /// Picks the protocol once all layers stand.
    fn after_handshake(&mut self, step: Step, now: Instant) -> Result<(), Error> {
        let protocol = match step {
            Step::Waiting => return Ok(()),
            Step::Connected => self.config.prior_knowledge,
            #[cfg(feature = "tls")]
            Step::Secured => self.agreed().map_err(Error::Tls)?,
        };
        // A server may speak HTTP/2 unasked (RFC 9113 section 3.4), never HTTP/1.1.
        if step == Step::Connected && protocol == PriorKnowledge::Http1 {
            self.link.expect_silence()?;
        }
        self.stage = Stage::new(&self.config, protocol, now)?;
        #[cfg(feature = "tls")]
        if step == Step::Secured {
            let protocol = self.protocol().unwrap_or(Protocol::Http1);
            let events = &self.config.events;
            events.raise_tls_complete(&self.link, protocol);
        }
        Ok(())
    }

    /// What ALPN says, or else prior knowledge.
    #[cfg(feature = "tls")]
    fn agreed(&self) -> Result<PriorKnowledge, TlsError> {
        match self.link.alpn()? {
            Some(b"http/1.1") => Ok(PriorKnowledge::Http1),
            #[cfg(feature = "http2")]
            Some(b"h2") => Ok(PriorKnowledge::Http2),
            None => Ok(self.config.prior_knowledge),
            Some(other) => {
                let other = String::from_utf8_lossy(other).into_owned();
                Err(TlsError::UnexpectedProtocol(other))
            }
        }
    }

    // ---- bytes out ----

    /// Whether anything waits to be written.
    pub fn wants_write(&self) -> bool {
        #[cfg(feature = "http2")]
        if let Stage::Http2(h2) = &self.stage
            && self.link.write_error.is_none()
            && h2.wants_write()
        {
            return true;
        }
        self.link.has_unwritten()
    }

    /// Moves what waits to be written into `batch`, which must have been written out before: one
    /// batch is in flight at a time, and a batch that still holds bytes is left as it is.
    pub fn take_transmit(&mut self, batch: &mut Transmit) {
        if !batch.is_empty() {
            return;
        }
        #[cfg(feature = "http2")]
        if let Stage::Http2(h2) = &mut self.stage {
            let (input, top) = self.link.both();
            h2.transmit(input, top);
        }
        if let Err(error) = self.link.take_transmit(batch) {
            self.fail(error);
        }
    }

    /// `written` bytes of `batch` left.
    pub fn transmitted(&mut self, batch: &mut Transmit, written: usize, now: Instant) {
        self.link.transmitted(batch, written);
        let left = self.link.has_unwritten();
        match &mut self.stage {
            Stage::Handshake(_) => {}
            Stage::Http1(h1) => h1.transmitted(written, left, now),
            #[cfg(feature = "http2")]
            Stage::Http2(h2) => h2.transmitted(written, left, now),
        }
    }

    /// Whether a request is sent whole, and nothing has come since: there is no need to ask what became
    /// possible before the next read. Not told of HTTP/2.
    pub fn awaits_answer(&self) -> bool {
        let idle = self.link.input.is_empty() && self.wants_read() && !self.link.has_unwritten();
        idle && matches!(&self.stage, Stage::Http1(h1) if h1.awaits_head())
    }

    /// Writing to the socket failed; `batch` is emptied. What the peer sent before can still be
    /// read: a server may answer, and close, before it has taken the whole request.
    pub fn handle_write_error(&mut self, batch: &mut Transmit, error: &io::Error) {
        let error = IoError::new(self.phase(Phase::Write), error);
        self.link.handle_write_error(batch, error);
        match &mut self.stage {
            Stage::Handshake(_) => self.fail(Error::Io(error)),
            Stage::Http1(h1) => h1.stop_writing(),
            #[cfg(feature = "http2")]
            Stage::Http2(h2) => h2.stop_writing(&mut self.link.input, error),
        }
    }

    fn phase(&self, otherwise: Phase) -> Phase {
        match &self.stage {
            Stage::Handshake(handshake) => handshake.phase(),
            _ => otherwise,
        }
    }

    // ---- time ----

    /// When [`handle_timeout`](Self::handle_timeout) should be called, if nothing else happens.
    pub fn next_timeout(&self) -> Option<Instant> {
        if self.failed.is_some() {
            return None;
        }
        match &self.stage {
            Stage::Handshake(handshake) => handshake.next_timeout(),
            Stage::Http1(h1) => h1.next_timeout(),
            #[cfg(feature = "http2")]
            Stage::Http2(h2) => h2.next_timeout(),
        }
    }

    /// Time has passed. A call before anything is due does nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        let due = match &mut self.stage {
            Stage::Handshake(handshake) => handshake.expired(now),
            Stage::Http1(h1) => h1.expire(now),
            #[cfg(feature = "http2")]
            Stage::Http2(h2) => {
                h2.handle_timeout(now);
                None
            }
        };
        if let Some(phase) = due
            && self.failed.is_none()
        {
            self.fail(Error::Timeout(phase));
        }
    }

    /// What became possible on a stream of an HTTP/2 connection since this was last asked. The
    /// one exchange of an HTTP/1.1 connection needs no such hint: whoever drives it, asks it.
    pub fn poll_ready(&mut self) -> Option<(StreamId, Ready)> {
        match &mut self.stage {
            #[cfg(feature = "http2")]
            Stage::Http2(h2) => h2.poll_ready(),
            _ => None,
        }
    }

    /// Whether, since this was last asked, [`reuse`](Self::reuse) may have come to another answer
    /// by what the peer did: its settings, GOAWAY, an end. Always false on HTTP/1.1.
    pub fn poll_changed(&mut self) -> bool {
        match &mut self.stage {
            #[cfg(feature = "http2")]
            Stage::Http2(h2) => h2.poll_changed(),
            _ => false,
        }
    }

    /// Whether an idle connection is still as it was left. Ask after a non-blocking read: surplus
    /// bytes, an end or an error say no (SECURITY K1). TLS session tickets are no surplus.
    pub fn quiet(&mut self) -> bool {
        if self.failed.is_some() {
            return false;
        }
        match self.parts() {
            (Stage::Handshake(_), _) => false,
            (Stage::Http1(h1), wire) => h1.quiet(wire),
            #[cfg(feature = "http2")]
            (Stage::Http2(h2), wire) => wire.end == End::Open && h2.quiet(),
        }
    }

    /// Whether the connection can carry another exchange, and if not, why.
    pub fn reuse(&self) -> Reuse {
        if let Some(reason) = &self.failed {
            return Reuse::Never(reason.clone());
        }
        let verdict = match &self.stage {
            Stage::Handshake(_) => return Reuse::Busy,
            Stage::Http1(h1) => h1.reuse(),
            #[cfg(feature = "http2")]
            Stage::Http2(h2) => h2.reuse(),
        };
        match verdict {
            Reuse::Idle if self.link.end != End::Open => Reuse::Never(NeverReason::PeerClosed),
            Reuse::Idle if self.link.write_error.is_some() => Reuse::Never(NeverReason::PeerClosed),
            Reuse::Idle if self.wants_write() => Reuse::Busy,
            verdict => verdict,
        }
    }

    /// How many exchanges it can carry at once, those that it carries included: one on HTTP/1.1; on
    /// HTTP/2 what the peer's settings and ours allow, and zero until the peer's have come. It
    /// changes when [`poll_changed`](Self::poll_changed) says so.
    pub fn capacity(&self) -> usize {
        match &self.stage {
            #[cfg(feature = "http2")]
            Stage::Http2(h2) => h2.capacity(),
            _ => 1,
        }
    }

    /// Somebody gave up waiting for the peer: is it the stream that was slow, or is the connection dead?
    /// A PING will show; until it is answered the connection [is doubted](Self::is_doubted). Nothing
    /// on HTTP/1.1, where a request that is given up is the end.
    pub fn doubt(&mut self) {
        #[cfg(feature = "http2")]
        if let Stage::Http2(h2) = &mut self.stage {
            h2.doubt();
        }
    }

    /// Whether a stream has timed out and the peer has shown no sign of life since: the PING that
    /// was sent then is not answered. Always false on HTTP/1.1, where a time-out is the end.
    pub fn is_doubted(&self) -> bool {
        match &self.stage {
            #[cfg(feature = "http2")]
            Stage::Http2(h2) => h2.is_doubted(),
            _ => false,
        }
    }

    /// Whether [`write_body`](Self::write_body) would take a chunk now: fewer than 512 KiB wait to
    /// be sent on HTTP/1.1; on HTTP/2 the peer's window had room for all of the chunk before. Not
    /// while it [awaits a 100](Self::awaits_continue).
    pub fn has_write_room(&self, id: StreamId) -> bool {
        #[cfg(feature = "http2")]
        if let Stage::Http2(h2) = &self.stage {
            return h2.has_write_room(id);
        }
        let held = matches!(&self.stage, Stage::Http1(h1) if h1.awaits_continue(id));
        !held && self.link.unwritten() < HIGH_WATER
    }

    /// Says goodbye, where the layers have a way to: TLS's close_notify, HTTP/2's GOAWAY. The
    /// caller sends what that leaves to be sent, if it likes, and closes the socket.
    pub fn close(&mut self) {
        if self.config.events.listens() {
            let reason = match self.reuse() {
                Reuse::Never(reason) => reason.to_string(),
                Reuse::Busy => NeverReason::Cancelled.to_string(),
                Reuse::Idle | Reuse::Room(_) => "it is not needed any more".to_owned(),
            };
            self.config
                .events
                .raise(|| Event::Closed { reason: &reason });
        }
        if self.failed.is_none() {
            #[cfg(feature = "http2")]
            if let Stage::Http2(h2) = &mut self.stage {
                h2.close();
                // HTTP/2's goodbye goes before that of TLS.
                let (input, top) = self.link.both();
                h2.transmit(input, top);
            }
            self.link.close();
            self.failed = Some(NeverReason::Closed);
        }
    }

    /// What happens from now on is told to `events`, and no longer to the configuration's.
    pub fn set_events(&mut self, events: EventSink) {
        Arc::make_mut(&mut self.config).events = events;
    }

    fn alive(&self) -> Result<(), Error> {
        match &self.failed {
            None => Ok(()),
            Some(NeverReason::Failed(error)) => Err(error.clone()),
            Some(_) => Err(Error::Closed),
        }
    }

    fn fail(&mut self, error: Error) {
        if self.failed.is_none() {
            let phase = error.phase();
            let events = match self.stage {
                Stage::Http1(_) => self.listeners.of_the_one(&self.config.events),
                _ => &self.config.events,
            };
            events.raise(|| Event::Failed {
                phase,
                error: &error,
            });
            self.failed = Some(NeverReason::Failed(error));
        }
        match (&mut self.stage, &self.failed) {
            (Stage::Http1(h1), _) => h1.stop_timers(),
            #[cfg(feature = "http2")]
            (Stage::Http2(h2), Some(NeverReason::Failed(error))) => h2.fail(error.clone()),
            _ => {}
        }
    }

    fn parts(&mut self) -> (&mut Stage, Wire<'_>) {
        (&mut self.stage, self.link.wire(&self.config.events))
    }

    /// As `parts`, for what is told of one exchange.
    fn parts_of(&mut self, id: StreamId) -> (&mut Stage, Wire<'_>) {
        let events = self.listeners.of(id, &self.config.events);
        (&mut self.stage, self.link.wire(events))
    }
}

impl Stage {
    fn new(config: &ConnectionConfig, spoken: PriorKnowledge, now: Instant) -> Result<Self, Error> {
        #[cfg(not(feature = "http2"))]
        let _ = now;
        Ok(match spoken {
            PriorKnowledge::Http1 => Stage::Http1(H1::new(config.http1)),
            #[cfg(feature = "http2")]
            PriorKnowledge::Http2 => {
                let (http2, keep_alive) = (config.http2.clone(), config.http2_keep_alive);
                Stage::Http2(Box::new(H2::new(http2, keep_alive, now)?))
            }
        })
    }
}
