//! Digest towards a proxy (RFC 7616 section 3.8): the same, with other fields, and the whole proxy as
//! the protection space.

use super::answer::{self, Asked};
use super::challenge::{self, Qop};
use super::{Digest, Ticket};
use crate::error::Error;
use nuncio_headers::Headers;
use nuncio_url::Url;

/// What came of a proxy's 407.
pub(crate) struct Learnt {
    /// For the answer to it.
    pub(crate) ticket: Ticket,
    /// The nonce that was used was too old, and the credentials may be good.
    pub(crate) stale: bool,
}

impl Digest {
    /// Reads the challenge of a 407; none where there is none that is answered.
    ///
    /// # Errors
    /// When there are Digest challenges and none of them can be understood.
    pub(crate) fn learn_of_proxy(
        &self,
        proxy: &Url,
        headers: &Headers,
    ) -> Result<Option<Learnt>, Error> {
        let allowed = |algorithm| self.allowed.contains(&algorithm);
        let Some(challenge) = challenge::choose_of_proxy(headers, allowed)? else {
            return Ok(None);
        };
        let stale = challenge.stale;
        let ticket = self.memory().remember(proxy, challenge, self.nonces)?;
        Ok(ticket.map(|ticket| Learnt { ticket, stale }))
    }

    /// What the proxy asked last, to be answered in advance.
    pub(crate) fn recall_of_proxy(&self, proxy: &Url) -> Result<Option<Ticket>, Error> {
        self.memory().recall(proxy, self.nonces)
    }

    /// The value of Proxy-Authorization. None where the body has to be hashed and is not held.
    pub(crate) fn answer_proxy(
        &self,
        ticket: &Ticket,
        method: &str,
        target: &str,
        body: Option<&[u8]>,
    ) -> Option<Vec<u8>> {
        let body = match (ticket.challenge.qop, body) {
            (Some(Qop::AuthInt), None) => return None,
            (_, body) => body.unwrap_or_default(),
        };
        let asked = Asked {
            method,
            target,
            body,
        };
        let (challenge, count) = (&ticket.challenge, &ticket.count);
        Some(answer::answer(challenge, &self.credentials, asked, count))
    }
}
