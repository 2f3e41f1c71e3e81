//! CONNECT to an HTTP proxy (RFC 9110 section 9.3.6).

use super::{HttpConnect, ProxyAnswer, ProxyError};
use crate::buffer::{Input, Transmit};
use crate::error::Error;
use nuncio_http1::{BodySize, Config, HeadStep, Http1};

/// Bytes of all heads of the answer together.
const MAX_HEAD: usize = 16 * 1024;

#[derive(Debug)]
pub(super) struct Negotiation {
    codec: Http1,
}

impl Negotiation {
    /// Asks.
    pub(super) fn new(connect: &HttpConnect, out: &mut Transmit) -> Result<Self, Error> {
        let mut codec = Http1::new(Config::new().max_head_bytes(MAX_HEAD));
        let HttpConnect { authority, headers } = connect;
        out.scratch(|out| codec.send_head("CONNECT", authority, headers, BodySize::Empty, out))?;
        Ok(Negotiation { codec })
    }

    /// Whether the proxy has consented; what is left of `input` then came through it.
    pub(super) fn advance(&mut self, input: &mut Input) -> Result<bool, ProxyError> {
        loop {
            let step = self.codec.receive_head(input.bytes());
            let HeadStep::Head { head, used } = step.map_err(ProxyError::http)? else {
                return Ok(false);
            };
            input.consume(used);
            match head.status {
                200..=299 => return Ok(true),
                _ if head.is_interim() => {}
                status => {
                    return Err(ProxyError::Status(Box::new(ProxyAnswer {
                        status,
                        reason: head.reason,
                        headers: head.headers,
                    })));
                }
            }
        }
    }

    /// The connection ended here.
    pub(super) fn ended(&mut self, unread: &[u8]) -> ProxyError {
        match self.codec.receive_eof(unread) {
            Ok(()) => ProxyError::Closed,
            Err(error) => ProxyError::http(error),
        }
    }
}
