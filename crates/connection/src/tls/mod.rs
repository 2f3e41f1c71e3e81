//! TLS, by rustls. Its connection types stay behind this module; its `ClientConfig` does not.

mod config;
mod identity;
mod info;
mod provider;

pub use config::{Roots, TlsConfig, TlsConfigError, TlsVersion};
pub use identity::Identity;
pub use info::TlsInfo;
#[cfg(feature = "aws-lc")]
pub use provider::aws_lc;
pub use provider::default_provider;
#[cfg(feature = "ring")]
pub use provider::ring;

use crate::buffer::{Input, LARGE_BLOCK, SMALL_BLOCK, Transmit};
use crate::error::TlsError;
use rustls::pki_types::ServerName;
use std::io::{Read as _, Write as _};
use std::sync::Arc;

/// What a TLS layer needs to know.
#[derive(Clone, Debug)]
pub struct TlsParams {
    /// Trust, client certificates, ALPN, crypto provider.
    pub config: Arc<rustls::ClientConfig>,
    /// The name or address that the certificate must hold, and that SNI carries if it is a name.
    /// A name's trailing dot and an IPv6 address's brackets are left out of it.
    pub server_name: String,
}

impl TlsParams {
    /// The server's name as certificates and SNI have it.
    pub(crate) fn name(&self) -> Result<ServerName<'static>, TlsError> {
        let bare = self
            .server_name
            .trim_start_matches('[')
            .trim_end_matches(']');
        let bare = bare.strip_suffix('.').unwrap_or(bare);
        ServerName::try_from(bare.to_owned())
            .map_err(|_| TlsError::ServerName(self.server_name.clone()))
    }
}

/// One TLS session over bytes.
#[derive(Debug)]
pub(crate) struct Tls {
    session: rustls::ClientConnection,
    offered: Vec<Vec<u8>>,
    /// The peer said that it will send no more (close_notify).
    pub(crate) peer_closed: bool,
}

impl Tls {
    pub(crate) fn new(params: TlsParams) -> Result<Self, TlsError> {
        let name = params.name()?;
        let offered = params.config.alpn_protocols.clone();
        let mut session = rustls::ClientConnection::new(params.config, name)
            .map_err(|e| TlsError::Failed(e.to_string()))?;
        // What waits to be sent is bounded by the connection, not twice.
        session.set_buffer_limit(None);
        Ok(Tls {
            session,
            offered,
            peer_closed: false,
        })
    }

    pub(crate) fn is_handshaking(&self) -> bool {
        self.session.is_handshaking()
    }

    /// The agreed protocol; an answer that was not offered is an error (RFC 7301 section 3.1).
    pub(crate) fn alpn(&self) -> Result<Option<&[u8]>, TlsError> {
        match self.session.alpn_protocol() {
            Some(chosen) if !self.offered.iter().any(|offer| offer == chosen) => Err(
                TlsError::UnexpectedProtocol(String::from_utf8_lossy(chosen).into_owned()),
            ),
            chosen => Ok(chosen),
        }
    }

    pub(crate) fn info(&self) -> Option<TlsInfo> {
        TlsInfo::of(&self.session)
    }

    /// Decrypts all of `ciphertext` and appends what comes out to `plain`.
    pub(crate) fn receive(
        &mut self,
        mut ciphertext: &[u8],
        plain: &mut Input,
    ) -> Result<(), TlsError> {
        while !ciphertext.is_empty() && !self.peer_closed {
            // Reading from a slice into the session's own buffer cannot fail for want of input;
            // what it can report is a full buffer, which draining below prevents.
            let before = ciphertext.len();
            self.session
                .read_tls(&mut ciphertext)
                .map_err(|e| TlsError::Failed(e.to_string()))?;
            let state = self
                .session
                .process_new_packets()
                .map_err(|e| TlsError::Failed(describe(&e)))?;
            self.peer_closed = state.peer_has_closed();
            self.drain(state.plaintext_bytes_to_read(), plain)?;
            if ciphertext.len() == before {
                return Err(TlsError::Failed(
                    "the TLS session takes no more bytes".into(),
                ));
            }
        }
        Ok(())
    }

    fn drain(&mut self, mut ready: usize, plain: &mut Input) -> Result<(), TlsError> {
        while ready > 0 {
            let room = if ready > SMALL_BLOCK {
                LARGE_BLOCK
            } else {
                ready
            };
            let mut buf = plain.take(room);
            let read = self.session.reader().read(buf.unfilled());
            let read = read.map_err(|e| TlsError::Failed(e.to_string()));
            if let Ok(read) = read {
                buf.advance(read);
            }
            plain.put(buf);
            match read? {
                0 => break,
                read => ready = ready.saturating_sub(read),
            }
        }
        Ok(())
    }

    /// Encrypts everything in `plain`, and adds the session's own records.
    pub(crate) fn transmit(
        &mut self,
        plain: &mut Transmit,
        out: &mut Transmit,
    ) -> Result<(), TlsError> {
        if !self.session.is_handshaking() {
            while !plain.is_empty() {
                let piece = plain.front();
                let written = self.session.writer().write(piece);
                match written.map_err(|e| TlsError::Failed(e.to_string()))? {
                    0 => break,
                    n => plain.advance(n),
                }
            }
        }
        while self.session.wants_write() {
            let wrote = out.scratch(|scratch| self.session.write_tls(scratch));
            if wrote.map_err(|e| TlsError::Failed(e.to_string()))? == 0 {
                break;
            }
        }
        Ok(())
    }

    pub(crate) fn wants_write(&self) -> bool {
        self.session.wants_write()
    }

    pub(crate) fn close(&mut self) {
        self.session.send_close_notify();
    }
}

/// rustls' text, with the certificate's fault named in front where there is one.
fn describe(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(why) => format!("invalid certificate: {why}"),
        other => other.to_string(),
    }
}
