//! One connection: bytes in, bytes out, deadlines; TLS inside, and HTTP/1.1 or HTTP/2 by ALPN.
//! What is asked and answered over it is in `exchanges.rs`.

mod exchanges;

#[cfg(any(feature = "tls", feature = "http2"))]
use crate::buffer::SMALL_BLOCK;
use crate::buffer::{BlockCache, Input, RecvBuf, Transmit};
use crate::error::{Error, IoError, Phase};
use crate::event::{Event, EventSink};
use crate::h1::{End, H1, HIGH_WATER, Wire};
#[cfg(feature = "http2")]
use crate::h2::H2;
use crate::message::{NeverReason, Protocol, Ready, Reuse, StreamId};
#[cfg(feature = "tls")]
use crate::tls::{Tls, TlsParams};
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

/// What is dialled through, outermost first.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Layer {
    /// TLS to whoever answers.
    #[cfg(feature = "tls")]
    Tls(TlsParams),
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
    #[cfg(feature = "tls")]
    tls: Option<Box<TlsLayer>>,
    input: Input,
    out: Transmit,
    in_flight: usize,
    end: End,
    write_error: Option<IoError>,
    failed: Option<NeverReason>,
}

// One for each connection, and the large one is the common one.
#[allow(clippy::large_enum_variant)]
#[derive(Debug)]
enum Stage {
    #[cfg(feature = "tls")]
    Handshake {
        until: Option<Instant>,
    },
    Http1(H1),
    #[cfg(feature = "http2")]
    Http2(Box<H2>),
}

/// TLS, with the bytes on both of its sides.
#[cfg(feature = "tls")]
#[derive(Debug)]
struct TlsLayer {
    session: Tls,
    /// As received, not decrypted yet.
    cipher: Input,
    /// To be encrypted.
    plain: Transmit,
}

impl Connection {
    /// A connection over a transport that has just been opened. `handshake` is how long the layers
    /// may take to be ready; `None` is for ever.
    ///
    /// # Errors
    /// [`Error::Tls`] when the server name is none that a certificate could hold.
    pub fn new(
        config: Arc<ConnectionConfig>,
        layers: Vec<Layer>,
        handshake: Option<Duration>,
        now: Instant,
    ) -> Result<Self, Error> {
        let input = Input::new(config.blocks.clone());
        let mut connection = Connection {
            stage: Stage::Http1(H1::new(config.http1)),
            #[cfg(feature = "tls")]
            tls: None,
            input,
            out: Transmit::default(),
            in_flight: 0,
            end: End::Open,
            write_error: None,
            failed: None,
            config,
        };
        #[cfg(feature = "tls")]
        if let Some(Layer::Tls(params)) = layers.into_iter().next() {
            connection.config.events.raise(|| Event::TlsStarted {
                server_name: &params.server_name,
            });
            connection.tls = Some(Box::new(TlsLayer {
                session: Tls::new(params).map_err(Error::Tls)?,
                cipher: Input::new(connection.config.blocks.clone()),
                plain: Transmit::default(),
            }));
            connection.stage = Stage::Handshake {
                until: crate::h1::after(now, handshake),
            };
            return Ok(connection);
        }
        #[cfg(not(feature = "tls"))]
        let _ = (layers, handshake);
        connection.start(connection.config.prior_knowledge, now)?;
        Ok(connection)
    }

    /// The protocol, once the layers are ready; `None` while they are not. Exchanges can be opened
    /// from then on.
    pub fn protocol(&self) -> Option<Protocol> {
        match &self.stage {
            #[cfg(feature = "tls")]
            Stage::Handshake { .. } => None,
            Stage::Http1(_) => Some(Protocol::Http1),
            #[cfg(feature = "http2")]
            Stage::Http2(_) => Some(Protocol::Http2),
        }
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
        if self.failed.is_some() || self.end != End::Open {
            return false;
        }
        match &self.stage {
            #[cfg(feature = "tls")]
            Stage::Handshake { .. } => true,
            Stage::Http1(h1) => h1.wants_read(&self.input),
            #[cfg(feature = "http2")]
            Stage::Http2(h2) => h2.wants_read(&self.input),
        }
    }

    /// A buffer to read into; give it back, filled or not, to [`handle_input`](Self::handle_input).
    pub fn take_recv(&mut self) -> RecvBuf {
        let room = match &self.stage {
            Stage::Http1(h1) => h1.read_size(),
            #[cfg(any(feature = "tls", feature = "http2"))]
            _ => SMALL_BLOCK,
        };
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.tls {
            return tls.cipher.take(room);
        }
        self.input.take(room)
    }

    /// Takes back a buffer with what was read into it; one without new bytes is only kept.
    pub fn handle_input(&mut self, buf: RecvBuf, now: Instant) {
        let received = buf.received();
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.tls {
            tls.cipher.put(buf);
            if received > 0 {
                let done = tls.session.receive(tls.cipher.bytes(), &mut self.input);
                tls.cipher.consume(usize::MAX);
                if let Err(error) = done {
                    self.fail(Error::Tls(error));
                    return;
                }
                if tls.session.peer_closed {
                    self.end = End::Clean;
                }
                self.after_input(now);
                if self.end != End::Open {
                    self.after_end();
                }
            }
            return;
        }
        self.input.put(buf);
        if received > 0 {
            self.after_input(now);
        }
    }

    /// The peer closed its sending side: the socket's read returned nothing.
    pub fn handle_eof(&mut self) {
        if self.end != End::Open {
            return;
        }
        self.end = End::Clean;
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls
            && !tls.session.peer_closed
        {
            self.end = End::Cut;
        }
        self.after_end();
    }

    /// Reading from the socket failed.
    pub fn handle_read_error(&mut self, error: &io::Error) {
        if self.end == End::Open {
            self.end = End::Failed(IoError::new(self.phase(Phase::Read), error));
            self.after_end();
        }
    }

    fn after_end(&mut self) {
        match &mut self.stage {
            #[cfg(feature = "tls")]
            Stage::Handshake { .. } => {
                let error = match self.end {
                    End::Failed(error) => Error::Io(error),
                    _ => Error::Tls(crate::error::TlsError::Truncated),
                };
                self.fail(error);
            }
            Stage::Http1(_) => {}
            #[cfg(feature = "http2")]
            Stage::Http2(h2) => h2.handle_end(&mut self.input, self.end),
        }
    }

    fn after_input(&mut self, now: Instant) {
        #[cfg(feature = "tls")]
        self.after_handshake(now);
        match &mut self.stage {
            #[cfg(feature = "tls")]
            Stage::Handshake { .. } => {}
            Stage::Http1(h1) => h1.received(now),
            #[cfg(feature = "http2")]
            Stage::Http2(h2) => h2.handle_input(&mut self.input, now),
        }
    }

    /// Picks the protocol once TLS is ready.
    #[cfg(feature = "tls")]
    fn after_handshake(&mut self, now: Instant) {
        let Some(tls) = &self.tls else { return };
        if !matches!(self.stage, Stage::Handshake { .. }) || tls.session.is_handshaking() {
            return;
        }
        let chosen = match tls.session.alpn() {
            Ok(Some(b"http/1.1")) => Ok(PriorKnowledge::Http1),
            #[cfg(feature = "http2")]
            Ok(Some(b"h2")) => Ok(PriorKnowledge::Http2),
            Ok(None) => Ok(self.config.prior_knowledge),
            Ok(Some(other)) => Err(crate::error::TlsError::UnexpectedProtocol(
                String::from_utf8_lossy(other).into_owned(),
            )),
            Err(error) => Err(error),
        };
        let started = chosen
            .map_err(Error::Tls)
            .and_then(|protocol| self.start(protocol, now));
        match started {
            Ok(()) => {
                let protocol = self.protocol().unwrap_or(Protocol::Http1);
                self.config.events.raise(|| Event::TlsComplete { protocol });
            }
            Err(error) => self.fail(error),
        }
    }

    fn start(&mut self, protocol: PriorKnowledge, now: Instant) -> Result<(), Error> {
        #[cfg(not(feature = "http2"))]
        let _ = now;
        self.stage = match protocol {
            PriorKnowledge::Http1 => Stage::Http1(H1::new(self.config.http1)),
            #[cfg(feature = "http2")]
            PriorKnowledge::Http2 => {
                Stage::Http2(Box::new(H2::new(self.config.http2.clone(), now)?))
            }
        };
        Ok(())
    }

    // ---- bytes out ----

    /// Whether anything waits to be written.
    pub fn wants_write(&self) -> bool {
        #[cfg(feature = "http2")]
        if let Stage::Http2(h2) = &self.stage
            && self.write_error.is_none()
            && h2.wants_write()
        {
            return true;
        }
        self.has_unwritten()
    }

    /// Whether any of what the protocol has given up for sending is still here or in flight.
    fn has_unwritten(&self) -> bool {
        if self.write_error.is_some() {
            return false;
        }
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls
            && (tls.session.wants_write()
                || (!tls.plain.is_empty() && !tls.session.is_handshaking()))
        {
            return true;
        }
        !self.out.is_empty() || self.in_flight > 0
    }

    /// Moves what waits to be written into `batch`, which must have been written out before: one
    /// batch is in flight at a time, and a batch that still holds bytes is left as it is.
    pub fn take_transmit(&mut self, batch: &mut Transmit) {
        if !batch.is_empty() {
            return;
        }
        #[cfg(feature = "http2")]
        if let Stage::Http2(h2) = &mut self.stage {
            #[cfg(feature = "tls")]
            let to = self
                .tls
                .as_mut()
                .map_or(&mut self.out, |tls| &mut tls.plain);
            #[cfg(not(feature = "tls"))]
            let to = &mut self.out;
            h2.transmit(&mut self.input, to);
        }
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.tls
            && let Err(error) = tls.session.transmit(&mut tls.plain, &mut self.out)
        {
            self.fail(Error::Tls(error));
        }
        std::mem::swap(&mut self.out, batch);
        self.in_flight = batch.len();
    }

    /// `written` bytes of `batch` left.
    pub fn transmitted(&mut self, batch: &mut Transmit, written: usize, now: Instant) {
        batch.advance(written);
        self.in_flight = batch.len();
        let left = self.has_unwritten();
        match &mut self.stage {
            #[cfg(feature = "tls")]
            Stage::Handshake { .. } => {}
            Stage::Http1(h1) => h1.transmitted(written, left, now),
            #[cfg(feature = "http2")]
            Stage::Http2(h2) => h2.transmitted(written, left, now),
        }
    }

    /// Whether a request is sent whole, and nothing has come since: there is no need to ask what became
    /// possible before the next read. Not told of HTTP/2.
    pub fn awaits_answer(&self) -> bool {
        let idle = self.input.is_empty() && self.wants_read() && !self.has_unwritten();
        idle && matches!(&self.stage, Stage::Http1(h1) if h1.awaits_head())
    }

    /// Writing to the socket failed; `batch` is emptied. What the peer sent before can still be
    /// read: a server may answer, and close, before it has taken the whole request.
    pub fn handle_write_error(&mut self, batch: &mut Transmit, error: &io::Error) {
        batch.clear();
        self.out.clear();
        self.in_flight = 0;
        let error = IoError::new(self.phase(Phase::Write), error);
        self.write_error = Some(error);
        match &mut self.stage {
            #[cfg(feature = "tls")]
            Stage::Handshake { .. } => self.fail(Error::Io(error)),
            Stage::Http1(h1) => h1.stop_writing(),
            #[cfg(feature = "http2")]
            Stage::Http2(h2) => h2.stop_writing(&mut self.input, error),
        }
    }

    fn phase(&self, otherwise: Phase) -> Phase {
        if self.protocol().is_none() {
            Phase::Connect
        } else {
            otherwise
        }
    }

    // ---- time ----

    /// When [`handle_timeout`](Self::handle_timeout) should be called, if nothing else happens.
    pub fn next_timeout(&self) -> Option<Instant> {
        if self.failed.is_some() {
            return None;
        }
        match &self.stage {
            #[cfg(feature = "tls")]
            Stage::Handshake { until } => *until,
            Stage::Http1(h1) => h1.next_timeout(),
            #[cfg(feature = "http2")]
            Stage::Http2(h2) => h2.next_timeout(),
        }
    }

    /// Time has passed. A call before anything is due does nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        let due = match &mut self.stage {
            #[cfg(feature = "tls")]
            Stage::Handshake { until } => until
                .is_some_and(|until| until <= now)
                .then_some(Phase::Connect),
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
            #[cfg(feature = "tls")]
            (Stage::Handshake { .. }, _) => false,
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
            #[cfg(feature = "tls")]
            Stage::Handshake { .. } => return Reuse::Busy,
            Stage::Http1(h1) => h1.reuse(),
            #[cfg(feature = "http2")]
            Stage::Http2(h2) => h2.reuse(),
        };
        match verdict {
            Reuse::Idle if self.end != End::Open => Reuse::Never(NeverReason::PeerClosed),
            Reuse::Idle if self.write_error.is_some() => Reuse::Never(NeverReason::PeerClosed),
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
        !held && self.unsent() < HIGH_WATER
    }

    /// Bytes that wait to be sent, those in flight included.
    fn unsent(&self) -> usize {
        #[cfg(feature = "tls")]
        let plain = self.tls.as_ref().map_or(0, |tls| tls.plain.len());
        #[cfg(not(feature = "tls"))]
        let plain = 0;
        plain + self.out.len() + self.in_flight
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
            }
            #[cfg(feature = "tls")]
            if let Some(tls) = &mut self.tls {
                // HTTP/2's goodbye goes before that of TLS.
                #[cfg(feature = "http2")]
                if let Stage::Http2(h2) = &mut self.stage {
                    h2.transmit(&mut self.input, &mut tls.plain);
                    let _ = tls.session.transmit(&mut tls.plain, &mut self.out);
                }
                tls.session.close();
            }
            self.failed = Some(NeverReason::Closed);
        }
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
            let phase = match &error {
                Error::Timeout(phase) | Error::Io(IoError { phase, .. }) => Some(*phase),
                _ => None,
            };
            self.config.events.raise(|| Event::Failed {
                phase,
                error: &error,
            });
            self.failed = Some(NeverReason::Failed(error));
        }
        match (&mut self.stage, &self.failed) {
            (Stage::Http1(h1), _) => h1.stop_timers(),
            #[cfg(feature = "http2")]
            (Stage::Http2(h2), Some(NeverReason::Failed(error))) => h2.fail(error.clone()),
            #[cfg(any(feature = "tls", feature = "http2"))]
            _ => {}
        }
    }

    fn parts(&mut self) -> (&mut Stage, Wire<'_>) {
        // Under TLS, what is encrypted already is as good as handed out.
        #[cfg(feature = "tls")]
        let (out, in_flight) = match &mut self.tls {
            Some(tls) => (&mut tls.plain, self.in_flight + self.out.len()),
            None => (&mut self.out, self.in_flight),
        };
        #[cfg(not(feature = "tls"))]
        let (out, in_flight) = (&mut self.out, self.in_flight);
        let wire = Wire {
            input: &mut self.input,
            out,
            in_flight,
            end: self.end,
            write_error: self.write_error,
            events: &self.config.events,
        };
        (&mut self.stage, wire)
    }
}
