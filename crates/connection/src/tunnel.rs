//! [`Tunnel`]: a connection that HTTP has left, with its layers, for whatever is spoken next.

use crate::buffer::{LARGE_BLOCK, RecvBuf, SMALL_BLOCK, Transmit};
use crate::connection::ConnectionConfig;
use crate::error::{Error, IoError, Phase, TlsError};
use crate::event::Event;
use crate::h1::End;
use crate::layers::{Link, ProxyError};
use crate::message::Read;
use std::io;
use std::sync::Arc;
use std::time::Instant;

#[cfg(feature = "tls")]
use crate::layers::{Handshake, Step};
#[cfg(feature = "tls")]
use crate::message::Protocol;
#[cfg(feature = "tls")]
use crate::tls::TlsParams;
#[cfg(feature = "tls")]
use std::time::Duration;

/// So many bytes wait to be sent before [`Tunnel::write`] takes no more.
const ROOM: usize = 64 * 1024;

/// A connection after a 101 (RFC 9110 section 15.2.2), or after a 2xx to CONNECT (section 9.3.6), as a
/// machine without I/O: bytes both ways through the layers that the connection had.
///
/// [`Connection::into_tunnel`](crate::Connection::into_tunnel) makes it. Around each system call it is
/// asked and told what a [`Connection`](crate::Connection) is; what that has left to be sent is sent
/// first, and what came behind the response's head is read first.
#[derive(Debug)]
pub struct Tunnel {
    config: Arc<ConnectionConfig>,
    link: Link,
    stage: Stage,
    failed: Option<Error>,
    /// How much to read at once.
    room: usize,
}

#[derive(Debug)]
enum Stage {
    /// Both sides may send.
    Open,
    /// TLS is being added; what is written waits for it.
    #[cfg(feature = "tls")]
    Securing(Handshake),
    /// Our side has sent all that it will.
    Shut,
}

/// What [`Tunnel::read`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TunnelRead {
    /// So many bytes, at least one unless there was no room for any.
    Read(usize),
    /// Nothing yet: more must be received first.
    Blocked,
    /// The peer has sent all that it will; under TLS, and said so.
    End,
}

impl Tunnel {
    pub(crate) fn new(config: Arc<ConnectionConfig>, link: Link) -> Self {
        Tunnel {
            config,
            link,
            stage: Stage::Open,
            failed: None,
            room: SMALL_BLOCK,
        }
    }

    /// Takes what has come into `buf`, as much as there is room for.
    ///
    /// # Errors
    /// [`Error::Tls`] when the peer's bytes were tampered with or end without close_notify, [`Error::Io`]
    /// when the socket failed, [`Error::Timeout`] when a handshake took too long. What came before is
    /// read first.
    pub fn read(&mut self, buf: &mut [u8]) -> Result<TunnelRead, Error> {
        let ready = self.link.input.bytes();
        if ready.is_empty() {
            return Ok(match self.ended()? {
                true => TunnelRead::End,
                false => TunnelRead::Blocked,
            });
        }
        let count = ready.len().min(buf.len());
        if let (Some(to), Some(from)) = (buf.get_mut(..count), ready.get(..count)) {
            to.copy_from_slice(from);
        }
        self.link.input.consume(count);
        Ok(TunnelRead::Read(count))
    }

    /// All that has come, as a slice of the buffer that was read into: never `Read::Trailers`.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_chunk(&mut self) -> Result<Read, Error> {
        let ready = self.link.input.bytes().len();
        if ready == 0 {
            return Ok(match self.ended()? {
                true => Read::End,
                false => Read::Blocked,
            });
        }
        let chunk = self.link.input.share(0..ready);
        self.link.input.consume(ready);
        Ok(Read::Chunk(chunk))
    }

    /// Takes bytes off the front of `bytes` to be sent, and says how many: as long as fewer than 64 KiB
    /// wait. `0` is to send first; while TLS is being added it stays so.
    ///
    /// # Errors
    /// Whatever ended our side: [`Error::Io`] when the peer takes no more, in which case what it sent
    /// may still be read; [`Error::Misuse`] after [`shutdown`](Self::shutdown). Writing nothing tells
    /// of it, too.
    pub fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        self.alive()?;
        if let Some(error) = self.link.write_error {
            return Err(Error::Io(error));
        }
        match self.stage {
            Stage::Open => {}
            #[cfg(feature = "tls")]
            Stage::Securing(_) => return Ok(0),
            Stage::Shut => return Err(Error::Misuse("the tunnel was shut for sending")),
        }
        let count = bytes.len().min(ROOM.saturating_sub(self.link.unwritten()));
        let taken = bytes.get(..count).unwrap_or_default();
        self.link.top().scratch(|out| out.extend_from_slice(taken));
        Ok(count)
    }

    /// Whether all that was written has left. Also true once nothing can be sent any more, which
    /// [`write`](Self::write) tells.
    pub fn flushed(&self) -> bool {
        !self.link.has_unwritten()
    }

    /// Nothing more will be written: says so to the peer, where there is TLS. What it sends can still be
    /// read. The socket's sending side is to be closed once [`is_shut`](Self::is_shut) says that it is
    /// time.
    pub fn shutdown(&mut self) {
        match self.stage {
            Stage::Open => {
                self.link.close();
                self.stage = Stage::Shut;
            }
            // There is nobody yet to say goodbye to.
            #[cfg(feature = "tls")]
            Stage::Securing(_) => self.fail(Error::Closed),
            Stage::Shut => {}
        }
    }

    /// Whether [`shutdown`](Self::shutdown) was called and all that was to be sent has left: now is the
    /// time to close the socket's sending side.
    pub fn is_shut(&self) -> bool {
        matches!(self.stage, Stage::Shut) && self.flushed()
    }

    /// Whether bytes can be written and read: not while TLS is being added, nor once that failed.
    pub fn is_ready(&self) -> bool {
        #[cfg(feature = "tls")]
        if let Stage::Securing(_) = self.stage {
            return false;
        }
        self.failed.is_none()
    }

    /// Why the tunnel failed, if it did.
    pub fn failure(&self) -> Option<&Error> {
        self.failed.as_ref()
    }

    // ---- bytes in ----

    /// Whether to read from the socket. False is backpressure, while 16 KiB wait to be read, or the
    /// peer's end.
    pub fn wants_read(&self) -> bool {
        let open = self.failed.is_none() && self.link.end == End::Open;
        open && self.link.input.bytes().len() < SMALL_BLOCK
    }

    /// A buffer to read into; give it back, filled or not, to [`handle_input`](Self::handle_input).
    pub fn take_recv(&mut self) -> RecvBuf {
        self.link.take_recv(self.room)
    }

    /// Takes back a buffer with what was read into it; one without new bytes is only kept.
    pub fn handle_input(&mut self, buf: RecvBuf, now: Instant) {
        // Whoever fills a block sends much, and gets a longer one.
        self.room = match buf.received() < SMALL_BLOCK {
            true => SMALL_BLOCK,
            false => LARGE_BLOCK,
        };
        match self.link.receive(buf) {
            Ok(false) => return,
            Ok(true) => self.advance(now),
            // No proxy is asked here: it is TLS that was waited for.
            Err(Error::Proxy(ProxyError::EarlyData)) => self.fail(Error::Tls(TlsError::EarlyData)),
            Err(error) => self.fail(error),
        }
        self.after_end();
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

    // ---- bytes out ----

    /// Whether anything waits to be written to the socket.
    pub fn wants_write(&self) -> bool {
        self.link.has_unwritten()
    }

    /// Moves what waits to be written into `batch`; one that still holds bytes, the connection's last
    /// one too, is left as it is.
    pub fn take_transmit(&mut self, batch: &mut Transmit) {
        if batch.is_empty()
            && let Err(error) = self.link.take_transmit(batch)
        {
            self.fail(error);
        }
    }

    /// `written` bytes of `batch` left.
    pub fn transmitted(&mut self, batch: &mut Transmit, written: usize) {
        self.link.transmitted(batch, written);
    }

    /// Writing to the socket failed; `batch` is emptied. What the peer sent can still be read.
    pub fn handle_write_error(&mut self, batch: &mut Transmit, error: &io::Error) {
        let error = IoError::new(self.phase(Phase::Write), error);
        self.link.handle_write_error(batch, error);
        #[cfg(feature = "tls")]
        if let Stage::Securing(_) = self.stage {
            self.fail(Error::Io(error));
        }
    }

    // ---- time ----

    /// When [`handle_timeout`](Self::handle_timeout) should be called, if nothing else happens: while
    /// TLS is being added.
    pub fn next_timeout(&self) -> Option<Instant> {
        #[cfg(feature = "tls")]
        if let Stage::Securing(handshake) = &self.stage
            && self.failed.is_none()
        {
            return handshake.next_timeout();
        }
        None
    }

    /// Time has passed. A call before anything is due does nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        #[cfg(feature = "tls")]
        if let Stage::Securing(handshake) = &self.stage
            && let Some(phase) = handshake.expired(now)
        {
            self.fail(Error::Timeout(phase));
        }
        #[cfg(not(feature = "tls"))]
        let _ = now;
    }

    /// Whether the peer's side ended as it should, nothing of it being unread.
    fn ended(&self) -> Result<bool, Error> {
        self.alive()?;
        match self.link.end {
            End::Open => Ok(false),
            End::Clean => Ok(true),
            End::Cut => Err(Error::Tls(TlsError::NoCloseNotify)),
            End::Failed(error) => Err(Error::Io(error)),
        }
    }

    fn alive(&self) -> Result<(), Error> {
        self.failed.clone().map_or(Ok(()), Err)
    }

    fn fail(&mut self, error: Error) {
        if self.failed.is_none() {
            let phase = error.phase();
            let event = || Event::Failed {
                phase,
                error: &error,
            };
            self.config.events.raise(event);
            self.failed = Some(error);
        }
    }

    /// A handshake goes on with what has come.
    fn advance(&mut self, now: Instant) {
        #[cfg(feature = "tls")]
        if let Stage::Securing(handshake) = &mut self.stage {
            let events = &self.config.events;
            let step = handshake.advance(&mut self.link, events, now);
            match step.and_then(|step| self.link.alpn().map(|_| step).map_err(Error::Tls)) {
                Ok(Step::Waiting) => {}
                Ok(_) => {
                    self.stage = Stage::Open;
                    events.raise_tls_complete(&self.link, Protocol::Http1);
                }
                Err(error) => self.fail(error),
            }
        }
        #[cfg(not(feature = "tls"))]
        let _ = now;
    }

    fn after_end(&mut self) {
        #[cfg(feature = "tls")]
        if let Stage::Securing(handshake) = &mut self.stage {
            let error = match self.link.end {
                End::Open => return,
                End::Failed(error) => Error::Io(error),
                End::Clean | End::Cut => handshake.ended(&self.link),
            };
            self.fail(error);
        }
    }

    fn phase(&self, otherwise: Phase) -> Phase {
        match &self.stage {
            #[cfg(feature = "tls")]
            Stage::Securing(handshake) => handshake.phase(),
            _ => otherwise,
        }
    }
}

/// TLS within.
#[cfg(feature = "tls")]
impl Tunnel {
    /// Adds a TLS session inside all that there are, as after STARTTLS; `limit` is how long its handshake
    /// may take, `None` for ever. What was written before goes before it, as it is. Write and read once
    /// [`is_ready`](Self::is_ready); [`failure`](Self::failure) says why that does not come.
    ///
    /// # Errors
    /// [`TlsError::EarlyData`] when bytes wait that came in clear: they could be taken for the peer's
    /// words under TLS (SECURITY X5). [`TlsError::ServerName`]; [`Error::Misuse`] when a session
    /// is being added already, or the tunnel was shut; what ended it, if it has ended. Nothing was sent, and the
    /// tunnel is as it was.
    pub fn start_tls(
        &mut self,
        params: TlsParams,
        limit: Option<Duration>,
        now: Instant,
    ) -> Result<(), Error> {
        self.write(&[])?;
        if let Stage::Securing(_) = self.stage {
            return Err(Error::Misuse("TLS is being added already"));
        }
        if !self.link.input.is_empty() {
            return Err(Error::Tls(TlsError::EarlyData));
        }
        if self.ended()? {
            return Err(Error::Tls(TlsError::Truncated));
        }
        let events = &self.config.events;
        let handshake = Handshake::upgrade(params, limit, &mut self.link, events, now)?;
        self.stage = Stage::Securing(handshake);
        Ok(())
    }
}
