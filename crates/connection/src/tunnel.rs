//! What a connection becomes when it leaves HTTP: bytes both ways, after 101 or CONNECT.

use crate::buffer::{BlockCache, Input, RecvBuf, SMALL_BLOCK, Transmit};
#[cfg(feature = "tls")]
use crate::connection::TlsLayer;
use crate::error::{Error, IoError, Phase, TlsError};
use crate::h1::{End, HIGH_WATER};
#[cfg(feature = "tls")]
use crate::tls::{Tls, TlsParams};
use std::io;
#[cfg(feature = "tls")]
use std::time::Duration;
use std::time::Instant;

/// A connection that speaks HTTP no more: what is said over it is the caller's. Still a machine
/// without I/O, driven as a [`Connection`](crate::Connection) is; what the peer sent behind the head
/// that switched is what is read first.
#[derive(Debug)]
pub struct Tunnel {
    #[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "TLS can be added"))]
    blocks: BlockCache,
    /// The outermost first.
    #[cfg(feature = "tls")]
    layers: Vec<TlsLayer>,
    input: Input,
    out: Transmit,
    in_flight: usize,
    end: End,
    write_error: Option<IoError>,
    /// When the TLS that was added has to be ready.
    until: Option<Instant>,
    failed: Option<Error>,
    shut: bool,
}

/// What [`Tunnel::read`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TunnelRead {
    /// So many bytes were put at the front of the buffer.
    Read(usize),
    /// Nothing yet: more must be received first.
    Blocked,
    /// The peer sends no more.
    End,
}

/// What is left of a connection that becomes a tunnel.
pub(crate) struct Remains {
    pub(crate) blocks: BlockCache,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<Box<TlsLayer>>,
    pub(crate) input: Input,
    pub(crate) out: Transmit,
    pub(crate) in_flight: usize,
    pub(crate) end: End,
    pub(crate) write_error: Option<IoError>,
}

impl Tunnel {
    pub(crate) fn new(remains: Remains) -> Self {
        Tunnel {
            blocks: remains.blocks,
            #[cfg(feature = "tls")]
            layers: remains.tls.into_iter().map(|layer| *layer).collect(),
            input: remains.input,
            out: remains.out,
            in_flight: remains.in_flight,
            end: remains.end,
            write_error: remains.write_error,
            until: None,
            failed: None,
            shut: false,
        }
    }

    /// Why it failed, if it did.
    pub fn failure(&self) -> Option<&Error> {
        self.failed.as_ref()
    }

    /// Whether bytes can be written and read: not while TLS is being added, nor once that failed.
    pub fn is_ready(&self) -> bool {
        self.failed.is_none() && !self.is_handshaking()
    }

    fn is_handshaking(&self) -> bool {
        #[cfg(feature = "tls")]
        return self
            .layers
            .last()
            .is_some_and(|layer| layer.session.is_handshaking());
        #[cfg(not(feature = "tls"))]
        false
    }

    /// Puts what the peer sent at the front of `buf`.
    ///
    /// # Errors
    /// Whatever ended the tunnel, once all that came before it has been read.
    pub fn read(&mut self, buf: &mut [u8]) -> Result<TunnelRead, Error> {
        let held = self.input.bytes();
        if !held.is_empty() || buf.is_empty() {
            let n = held.len().min(buf.len());
            if let (Some(to), Some(from)) = (buf.get_mut(..n), held.get(..n)) {
                to.copy_from_slice(from);
            }
            self.input.consume(n);
            return Ok(TunnelRead::Read(n));
        }
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        match self.end {
            End::Open => Ok(TunnelRead::Blocked),
            End::Clean => Ok(TunnelRead::End),
            End::Cut => Err(Error::Tls(TlsError::NoCloseNotify)),
            End::Failed(error) => Err(Error::Io(error)),
        }
    }

    /// Takes bytes off the front of `bytes` to be sent, and says how many: none while enough waits
    /// to be sent already, or TLS that was added is not ready.
    ///
    /// # Errors
    /// Whatever ended the tunnel; [`Error::Closed`] after [`shutdown`](Self::shutdown).
    pub fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        if let Some(error) = self.write_error {
            return Err(Error::Io(error));
        }
        if self.shut {
            return Err(Error::Closed);
        }
        if self.is_handshaking() {
            return Ok(0);
        }
        let waiting = self.waiting();
        let n = bytes.len().min(HIGH_WATER.saturating_sub(waiting));
        let part = bytes.get(..n).unwrap_or_default();
        self.plain().scratch(|to| to.extend_from_slice(part));
        Ok(n)
    }

    fn plain(&mut self) -> &mut Transmit {
        #[cfg(feature = "tls")]
        if let Some(layer) = self.layers.last_mut() {
            return &mut layer.plain;
        }
        &mut self.out
    }

    fn waiting(&self) -> usize {
        #[cfg(feature = "tls")]
        let layers: usize = self.layers.iter().map(|layer| layer.plain.len()).sum();
        #[cfg(not(feature = "tls"))]
        let layers = 0;
        self.out.len() + self.in_flight + layers
    }

    /// Whether all that was written has been sent.
    pub fn flushed(&self) -> bool {
        self.write_error.is_some() || (self.waiting() == 0 && !self.wants_write())
    }

    /// No more will be written: TLS says so to the peer. What the peer sends can still be read.
    /// Without TLS it is for the caller to end the socket's sending side once all is sent.
    pub fn shutdown(&mut self) {
        if std::mem::replace(&mut self.shut, true) {
            return;
        }
        #[cfg(feature = "tls")]
        self.encrypt(true);
    }

    /// Puts TLS inside.
    ///
    /// # Errors
    /// [`Error::Misuse`] where something the peer sent is unread: it would pass for something that
    /// came under TLS (SECURITY X5). [`Error::Tls`] for a server name that no certificate can hold.
    #[cfg(feature = "tls")]
    pub fn start_tls(
        &mut self,
        params: TlsParams,
        limit: Option<Duration>,
        now: Instant,
    ) -> Result<(), Error> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        if !self.input.is_empty() {
            return Err(Error::Misuse("the peer sent bytes before TLS was begun"));
        }
        if self.end != End::Open || self.shut || self.is_handshaking() {
            return Err(Error::Misuse("TLS cannot be begun here"));
        }
        self.layers.push(TlsLayer {
            session: Tls::new(params).map_err(Error::Tls)?,
            cipher: Input::new(self.blocks.clone()),
            plain: Transmit::default(),
        });
        self.until = limit.map(|limit| now + limit);
        Ok(())
    }

    // ---- bytes in ----

    /// Whether to read from the socket.
    pub fn wants_read(&self) -> bool {
        self.failed.is_none() && self.end == End::Open && self.input.bytes().len() < SMALL_BLOCK
    }

    /// A buffer to read into; give it back to [`handle_input`](Self::handle_input).
    pub fn take_recv(&mut self) -> RecvBuf {
        #[cfg(feature = "tls")]
        if let Some(outer) = self.layers.first_mut() {
            return outer.cipher.take(SMALL_BLOCK);
        }
        self.input.take(SMALL_BLOCK)
    }

    /// Takes back a buffer with what was read into it.
    pub fn handle_input(&mut self, buf: RecvBuf, _now: Instant) {
        #[cfg(feature = "tls")]
        if let Some(outer) = self.layers.first_mut() {
            let received = buf.received();
            outer.cipher.put(buf);
            if received > 0 {
                self.decrypt();
            }
            return;
        }
        self.input.put(buf);
    }

    #[cfg(feature = "tls")]
    fn decrypt(&mut self) {
        let mut rest = self.layers.as_mut_slice();
        while let Some((layer, inner)) = rest.split_first_mut() {
            let to = inner
                .first_mut()
                .map_or(&mut self.input, |inner| &mut inner.cipher);
            let done = layer.session.receive(layer.cipher.bytes(), to);
            layer.cipher.consume(usize::MAX);
            if let Err(error) = done {
                self.failed.get_or_insert(Error::Tls(error));
                return;
            }
            if layer.session.peer_closed {
                self.end = End::Clean;
            }
            rest = inner;
        }
        if !self.is_handshaking() {
            self.until = None;
        } else if self.end != End::Open {
            self.after_end();
        }
    }

    /// The peer closed its sending side.
    pub fn handle_eof(&mut self) {
        if self.end != End::Open {
            return;
        }
        self.end = End::Clean;
        #[cfg(feature = "tls")]
        if !self.layers.is_empty() {
            self.end = End::Cut;
        }
        self.after_end();
    }

    /// Reading from the socket failed.
    pub fn handle_read_error(&mut self, error: &io::Error) {
        if self.end == End::Open {
            self.end = End::Failed(IoError::new(Phase::Read, error));
            self.after_end();
        }
    }

    fn after_end(&mut self) {
        if self.is_handshaking() {
            self.failed.get_or_insert(match self.end {
                End::Failed(error) => Error::Io(error),
                _ => Error::Tls(TlsError::Truncated),
            });
        }
    }

    // ---- bytes out ----

    /// Whether anything waits to be written.
    pub fn wants_write(&self) -> bool {
        if self.write_error.is_some() {
            return false;
        }
        #[cfg(feature = "tls")]
        for layer in self.layers.iter().filter(|_| self.failed.is_none()) {
            let ready = !layer.session.is_handshaking();
            if layer.session.wants_write() || (ready && !layer.plain.is_empty()) {
                return true;
            }
        }
        !self.out.is_empty() || self.in_flight > 0
    }

    /// Moves what waits to be written into `batch`, as
    /// [`Connection::take_transmit`](crate::Connection::take_transmit) does.
    pub fn take_transmit(&mut self, batch: &mut Transmit) {
        if !batch.is_empty() {
            return;
        }
        #[cfg(feature = "tls")]
        self.encrypt(false);
        std::mem::swap(&mut self.out, batch);
        self.in_flight = batch.len();
    }

    #[cfg(feature = "tls")]
    fn encrypt(&mut self, close: bool) {
        let mut rest = self.layers.as_mut_slice();
        let mut close = close;
        while let Some((layer, outer)) = rest.split_last_mut() {
            let to = outer
                .last_mut()
                .map_or(&mut self.out, |outer| &mut outer.plain);
            let mut done = layer.session.transmit(&mut layer.plain, to);
            if std::mem::take(&mut close) && done.is_ok() {
                layer.session.close();
                done = layer.session.transmit(&mut layer.plain, to);
            }
            if let Err(error) = done {
                self.failed.get_or_insert(Error::Tls(error));
                return;
            }
            rest = outer;
        }
    }

    /// `written` bytes of `batch` left.
    pub fn transmitted(&mut self, batch: &mut Transmit, written: usize) {
        batch.advance(written);
        self.in_flight = batch.len();
    }

    /// Writing to the socket failed; `batch` is emptied. What the peer sent before can still be read.
    pub fn handle_write_error(&mut self, batch: &mut Transmit, error: &io::Error) {
        batch.clear();
        self.out.clear();
        self.in_flight = 0;
        self.write_error = Some(IoError::new(Phase::Write, error));
    }

    // ---- time ----

    /// When [`handle_timeout`](Self::handle_timeout) should be called.
    pub fn next_timeout(&self) -> Option<Instant> {
        self.until.filter(|_| self.failed.is_none())
    }

    /// Time has passed. A call before anything is due does nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.next_timeout().is_some_and(|until| until <= now) {
            self.failed = Some(Error::Timeout(Phase::Connect));
        }
    }
}
