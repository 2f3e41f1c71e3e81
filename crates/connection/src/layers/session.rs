//! TLS sessions inside one another, with the bytes on both sides of each.

use super::ProxyError;
use crate::buffer::{Input, RecvBuf, Transmit};
use crate::error::{Error, TlsError};
use crate::h1::End;
use crate::tls::Tls;

/// One TLS session, and those that its records go through.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) tls: Tls,
    /// As received, not decrypted yet.
    cipher: Input,
    /// To be encrypted.
    pub(super) plain: Transmit,
    /// It begins behind something that was said in clear, and nothing of its own has been sent: what
    /// comes now cannot be an answer to it (SECURITY X5).
    silent: bool,
    /// The session around it, if there is one: the outermost is the last.
    below: Option<Box<Session>>,
}

impl Session {
    pub(super) fn new(tls: Tls, cipher: Input, silent: bool, below: Option<Box<Session>>) -> Self {
        Session {
            tls,
            cipher,
            plain: Transmit::default(),
            silent,
            below,
        }
    }

    pub(super) fn take_recv(&mut self, room: usize) -> RecvBuf {
        match &mut self.below {
            Some(below) => below.take_recv(room),
            None => self.cipher.take(room),
        }
    }

    pub(super) fn put(&mut self, buf: RecvBuf) {
        match &mut self.below {
            Some(below) => below.put(buf),
            None => self.cipher.put(buf),
        }
    }

    /// Decrypts what has come, through all sessions, and appends it to `plain`.
    pub(super) fn receive(&mut self, plain: &mut Input) -> Result<(), Error> {
        if let Some(below) = &mut self.below {
            below.receive(&mut self.cipher)?;
        }
        if self.silent && !self.cipher.is_empty() {
            return Err(Error::Proxy(ProxyError::EarlyData));
        }
        let done = self.tls.receive(self.cipher.bytes(), plain);
        self.cipher.consume(usize::MAX);
        done.map_err(Error::Tls)
    }

    /// How the peer's side ended, if a session said goodbye. The innermost one alone can say that all
    /// has come.
    pub(super) fn end(&self) -> Option<End> {
        let below = || self.below.as_ref()?.end();
        match self.tls.peer_closed {
            true => Some(End::Clean),
            false => below().map(|_| End::Cut),
        }
    }

    /// Encrypts what is to be sent, from the innermost session outwards, to `out`.
    pub(super) fn transmit(&mut self, out: &mut Transmit) -> Result<(), TlsError> {
        self.silent = false;
        let Some(below) = &mut self.below else {
            return self.tls.transmit(&mut self.plain, out);
        };
        self.tls.transmit(&mut self.plain, &mut below.plain)?;
        below.transmit(out)
    }

    /// Whether any session has something to be sent.
    pub(super) fn wants_write(&self) -> bool {
        self.tls.wants_write()
            || (!self.plain.is_empty() && !self.tls.is_handshaking())
            || self.below.as_ref().is_some_and(|below| below.wants_write())
    }

    /// Bytes that the sessions around this one have not encrypted yet.
    pub(super) fn waiting_below(&self) -> usize {
        let below = self.below.as_ref();
        below.map_or(0, |below| below.plain.len() + below.waiting_below())
    }

    /// Sends what there is and says goodbye, the innermost session first: one cannot carry
    /// anything behind its own goodbye.
    pub(super) fn close(&mut self, out: &mut Transmit) -> Result<(), TlsError> {
        let to = match &mut self.below {
            Some(below) => &mut below.plain,
            None => &mut *out,
        };
        self.tls.transmit(&mut self.plain, to)?;
        self.tls.close();
        self.tls.transmit(&mut self.plain, to)?;
        match &mut self.below {
            Some(below) => below.close(out),
            None => Ok(()),
        }
    }
}
