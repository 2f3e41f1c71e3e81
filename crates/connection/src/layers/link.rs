//! [`Link`]: the bytes between a socket and what is spoken over it.

use super::ProxyError;
use crate::buffer::{BlockCache, Input, RecvBuf, Transmit};
use crate::error::{Error, IoError};
use crate::event::EventSink;
use crate::h1::{End, Wire};

#[cfg(feature = "tls")]
use super::session::Session;
#[cfg(feature = "tls")]
use crate::error::TlsError;
#[cfg(feature = "tls")]
use crate::tls::Tls;

/// Received bytes on their way up, bytes to send on their way down, and the TLS sessions between.
///
/// Without a session, what was received is what is read, and nothing is copied.
#[derive(Debug)]
pub(crate) struct Link {
    /// The innermost session.
    #[cfg(feature = "tls")]
    session: Option<Box<Session>>,
    /// What has come, and nobody has read.
    pub(crate) input: Input,
    /// To go to the socket as it is.
    out: Transmit,
    /// Bytes handed out to be sent, and not yet reported as sent.
    in_flight: usize,
    /// How the peer's side ended.
    pub(crate) end: End,
    pub(crate) write_error: Option<IoError>,
    /// A proxy has just connected, and it is ours to begin: nothing may come before something was
    /// sent (SECURITY X5).
    silent: bool,
}

impl Link {
    pub(crate) fn new(blocks: BlockCache) -> Self {
        Link {
            #[cfg(feature = "tls")]
            session: None,
            input: Input::new(blocks),
            out: Transmit::default(),
            in_flight: 0,
            end: End::Open,
            write_error: None,
            silent: false,
        }
    }

    // ---- bytes in ----

    /// A buffer to read into, of `room` bytes where it can choose.
    pub(crate) fn take_recv(&mut self, room: usize) -> RecvBuf {
        #[cfg(feature = "tls")]
        if let Some(session) = &mut self.session {
            return session.take_recv(room);
        }
        self.input.take(room)
    }

    /// Takes a buffer back, and says whether anything came in it.
    pub(crate) fn receive(&mut self, buf: RecvBuf) -> Result<bool, Error> {
        let received = buf.received() > 0;
        #[cfg(feature = "tls")]
        if let Some(session) = &mut self.session {
            session.put(buf);
            if received {
                session.receive(&mut self.input)?;
                if let Some(end) = session.end() {
                    self.end = end;
                }
                self.check_silence()?;
            }
            return Ok(received);
        }
        self.input.put(buf);
        if received {
            self.check_silence()?;
        }
        Ok(received)
    }

    fn check_silence(&self) -> Result<(), Error> {
        match self.silent && !self.input.is_empty() {
            true => Err(Error::Proxy(ProxyError::EarlyData)),
            false => Ok(()),
        }
    }

    /// From here on nothing may come before something was sent.
    pub(crate) fn expect_silence(&mut self) -> Result<(), Error> {
        self.silent = true;
        self.check_silence()
    }

    /// The socket will give no more.
    pub(crate) fn handle_eof(&mut self) {
        self.end = End::Clean;
        #[cfg(feature = "tls")]
        if let Some(session) = &self.session
            && !session.tls.peer_closed
        {
            self.end = End::Cut;
        }
    }

    // ---- bytes out ----

    /// Where what is spoken puts what it has to send.
    pub(crate) fn top(&mut self) -> &mut Transmit {
        #[cfg(feature = "tls")]
        if let Some(session) = &mut self.session {
            return &mut session.plain;
        }
        &mut self.out
    }

    /// What has come, and where to put what is to be sent.
    pub(crate) fn both(&mut self) -> (&mut Input, &mut Transmit) {
        #[cfg(feature = "tls")]
        if let Some(session) = &mut self.session {
            return (&mut self.input, &mut session.plain);
        }
        (&mut self.input, &mut self.out)
    }

    /// Whether any of what was put at the top is still here or in flight.
    pub(crate) fn has_unwritten(&self) -> bool {
        if self.write_error.is_some() {
            return false;
        }
        #[cfg(feature = "tls")]
        if let Some(session) = &self.session
            && session.wants_write()
        {
            return true;
        }
        !self.out.is_empty() || self.in_flight > 0
    }

    /// Bytes of that, those to be encrypted counted as they are.
    pub(crate) fn unwritten(&self) -> usize {
        #[cfg(feature = "tls")]
        let plain = self
            .session
            .as_ref()
            .map_or(0, |session| session.plain.len() + session.waiting_below());
        #[cfg(not(feature = "tls"))]
        let plain = 0;
        plain + self.out.len() + self.in_flight
    }

    /// Moves what is to be sent into `batch`, which is empty.
    pub(crate) fn take_transmit(&mut self, batch: &mut Transmit) -> Result<(), Error> {
        if self.silent && !self.top().is_empty() {
            self.silent = false;
        }
        #[cfg(feature = "tls")]
        let encrypted = match &mut self.session {
            Some(session) => session.transmit(&mut self.out).map_err(Error::Tls),
            None => Ok(()),
        };
        #[cfg(not(feature = "tls"))]
        let encrypted = Ok(());
        std::mem::swap(&mut self.out, batch);
        self.in_flight = batch.len();
        encrypted
    }

    pub(crate) fn transmitted(&mut self, batch: &mut Transmit, written: usize) {
        batch.advance(written);
        self.in_flight = batch.len();
    }

    /// Nothing will be sent any more.
    pub(crate) fn handle_write_error(&mut self, batch: &mut Transmit, error: IoError) {
        batch.clear();
        self.out.clear();
        self.in_flight = 0;
        self.write_error = Some(error);
    }

    /// Says goodbye where the layers have a way to; sending it is left to whoever writes.
    pub(crate) fn close(&mut self) {
        #[cfg(feature = "tls")]
        if let Some(session) = &mut self.session {
            // A session that cannot say it is as good as gone.
            let _ = session.close(&mut self.out);
        }
    }

    /// What an HTTP/1.1 exchange works on.
    pub(crate) fn wire<'a>(&'a mut self, events: &'a EventSink) -> Wire<'a> {
        // Under TLS, what is encrypted already is as good as handed out.
        #[cfg(feature = "tls")]
        let (out, in_flight) = match &mut self.session {
            Some(session) => {
                let encrypted = self.out.len() + session.waiting_below();
                (&mut session.plain, self.in_flight + encrypted)
            }
            None => (&mut self.out, self.in_flight),
        };
        #[cfg(not(feature = "tls"))]
        let (out, in_flight) = (&mut self.out, self.in_flight);
        Wire {
            input: &mut self.input,
            out,
            in_flight,
            end: self.end,
            write_error: self.write_error,
            events,
        }
    }
}

/// TLS.
#[cfg(feature = "tls")]
impl Link {
    /// One more session, inside those that there are; nothing is unread. If it is to be `silent`, what
    /// comes before its own beginning was sent is a fault.
    pub(super) fn push(&mut self, tls: Tls, silent: bool) {
        self.silent = false;
        let cipher = self.input.sibling();
        let below = self.session.take();
        self.session = Some(Box::new(Session::new(tls, cipher, silent, below)));
    }

    pub(crate) fn is_handshaking(&self) -> bool {
        let session = self.session.as_ref();
        session.is_some_and(|session| session.tls.is_handshaking())
    }

    /// What the innermost session agreed on, once its handshake is over.
    #[cfg(feature = "tls")]
    pub(crate) fn tls(&self) -> Option<crate::tls::TlsInfo> {
        self.session.as_ref()?.tls.info()
    }

    /// The protocol that the innermost session agreed on.
    pub(crate) fn alpn(&self) -> Result<Option<&[u8]>, TlsError> {
        match &self.session {
            Some(session) => session.tls.alpn(),
            None => Ok(None),
        }
    }
}
