//! Digest (RFC 7616, and RFC 2617 and 2069 for servers that have not heard of it).

mod algorithm;
mod answer;
mod challenge;
mod memory;
mod proxy;
#[cfg(test)]
mod tests;

pub use algorithm::DigestAlgorithm;
pub(crate) use memory::Ticket;

use super::basic::{has_control, refused};
use super::flow::{AuthFlow, AuthScheme, AuthStep};
use super::secret::Secret;
use crate::error::{Error, Kind};
use crate::request::Request;
use crate::response::Response;
use answer::{Asked, Credentials};
use challenge::{DigestChallenge, Qop};
use http::StatusCode;
use memory::{Memory, Nonces, random_nonce, same_origin};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Digest authentication (RFC 7616): the password is proved, not sent.
///
/// The first request goes out without; its 401 brings the challenge, and the request is sent again
/// with the answer. From then on requests to that origin are answered in advance, where the
/// challenge's `domain` allows it. Clones share what they remember, at most 64 protection spaces;
/// nothing that was learnt from one origin is used for another.
///
/// - Of several challenges the strongest of the allowed algorithms is answered; one that cannot be
///   understood is passed over if there is another.
/// - `qop=auth` is preferred. Where only `auth-int` is offered the body is hashed, which needs one
///   that is held in memory.
/// - A 401 to the answer is the result, but for one that says `stale=true`: that is answered once
///   more.
/// - `userhash` and `charset` are honoured. Names and passwords are taken as given, without Unicode
///   normalisation.
/// - A redirect to another origin that ends in a challenge is not answered.
/// - `Authentication-Info` is not read.
///
/// ```
/// use nuncio_client::{Auth, Digest, DigestAlgorithm};
///
/// // No MD5 for this server.
/// let digest = Digest::new("Mufasa", "Circle of Life")
///     .algorithms([DigestAlgorithm::Sha256, DigestAlgorithm::Sha512_256]);
/// let auth = Auth::from(digest);
/// # let _ = auth;
/// ```
#[derive(Clone)]
pub struct Digest {
    credentials: Arc<Credentials>,
    allowed: Vec<DigestAlgorithm>,
    nonces: Nonces,
    memory: Arc<Mutex<Memory>>,
}

impl Digest {
    /// Digest for this user. Text is taken as UTF-8, bytes as they are.
    pub fn new(user: impl AsRef<[u8]>, password: impl AsRef<[u8]>) -> Self {
        let credentials = Credentials {
            user: Secret::from(user.as_ref()),
            password: Secret::from(password.as_ref()),
        };
        Digest {
            credentials: Arc::new(credentials),
            allowed: DigestAlgorithm::ALL.to_vec(),
            nonces: random_nonce,
            memory: Arc::default(),
        }
    }

    /// Answers only these algorithms and their `-sess` variants; all of them unless this is said.
    /// A 401 that offers others only is the result.
    pub fn algorithms(mut self, allowed: impl IntoIterator<Item = DigestAlgorithm>) -> Self {
        self.allowed = allowed.into_iter().collect();
        self
    }

    /// What can be told to be wrong without a server.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if has_control(self.credentials.user.as_bytes()) {
            return Err(refused(
                "Digest: the user name has a control character in it",
            ));
        }
        Ok(())
    }

    /// Nothing is left half done when a thread panics with the lock.
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the field, or says that the body is needed and not there.
    fn sign(&self, ticket: &Ticket, request: &mut Request) -> Result<Signed, Error> {
        let body = match (ticket.challenge.qop, held_body(request)) {
            (Some(Qop::AuthInt), None) => return Ok(Signed::NoBody),
            (_, body) => body.unwrap_or_default(),
        };
        let target = request.target();
        let asked = Asked {
            method: request.method().as_str(),
            target: &target,
            body,
        };
        let value = answer::answer(&ticket.challenge, &self.credentials, asked, &ticket.count);
        super::authorize(request, &value)?;
        Ok(Signed::Yes)
    }

    /// Sets the field in advance, where a challenge is remembered.
    fn sign_in_advance(&self, request: &mut Request) -> Result<Signed, Error> {
        let ticket = self.memory().recall(request.url(), self.nonces)?;
        match ticket {
            Some(ticket) => self.sign(&ticket, request),
            None => Ok(Signed::NoChallenge),
        }
    }
}

/// What came of signing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Signed {
    Yes,
    NoChallenge,
    NoBody,
}

/// The bytes of a body that is held, none where it is not. A body that can be asked only where it is
/// sent is not here, but its framing is.
fn held_body(request: &Request) -> Option<&[u8]> {
    let bytes = request.body().as_bytes()?;
    let headers = request.headers();
    let length = headers.first("content-length").unwrap_or(b"0");
    let framed = headers.contains("transfer-encoding") || length != b"0";
    let elsewhere = bytes.is_empty() && framed;
    (!elsewhere).then_some(bytes)
}

impl AuthScheme for Digest {
    fn start(&self, _request: &Request) -> Result<Box<dyn AuthFlow>, Error> {
        self.check()?;
        Ok(Box::new(DigestFlow {
            digest: self.clone(),
            state: State::Fresh,
        }))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Digest")
            .field("algorithms", &self.allowed)
            .finish_non_exhaustive()
    }
}

/// One request's way: at most one answer, and one more to `stale=true` (SECURITY A8).
struct DigestFlow {
    digest: Digest,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing was sent.
    Fresh,
    /// Sent, in advance of a challenge.
    Sent { signed: bool },
    /// Sent with an answer to a challenge of this flow.
    Answered,
    /// Sent with an answer to a second one, because the first nonce was stale.
    AnsweredStale,
}

impl AuthFlow for DigestFlow {
    fn step(&mut self, request: &mut Request, last: Option<&Response>) -> Result<AuthStep, Error> {
        let Some(last) = last else {
            let signed = self.digest.sign_in_advance(request)? == Signed::Yes;
            self.state = State::Sent { signed };
            return Ok(AuthStep::Send);
        };
        let Some(challenge) = self.to_answer(request, last)? else {
            return Ok(AuthStep::Done);
        };
        self.state = match self.state {
            State::Answered => State::AnsweredStale,
            _ => State::Answered,
        };
        let digest = &self.digest;
        let ticket = digest
            .memory()
            .remember(request.url(), challenge, digest.nonces)?;
        match ticket.map(|ticket| digest.sign(&ticket, request)) {
            None => Ok(AuthStep::Done),
            Some(Ok(Signed::NoBody)) => Err(Error::new(
                Kind::StreamConsumed,
                "Digest: the server wants the body hashed (qop=auth-int), which only a body held in \
                 memory can be",
            )),
            Some(Ok(_)) => Ok(AuthStep::Send),
            Some(Err(error)) => Err(error),
        }
    }

    /// The answer names the request target, so that the next hop needs one of its own.
    fn redirected(&mut self, hop: &mut Request) -> Result<(), Error> {
        let kept = hop.headers().contains("authorization");
        if !kept || self.state == (State::Sent { signed: false }) {
            return Ok(());
        }
        if self.digest.sign_in_advance(hop)? != Signed::Yes {
            hop.headers_mut().remove("authorization");
        }
        Ok(())
    }
}

impl DigestFlow {
    /// The challenge in `last` that is still to be answered.
    fn to_answer(
        &self,
        request: &Request,
        last: &Response,
    ) -> Result<Option<DigestChallenge>, Error> {
        let spent = self.state == State::AnsweredStale;
        let elsewhere = !same_origin(request.url(), last.url());
        if spent || elsewhere || last.status() != StatusCode::UNAUTHORIZED {
            return Ok(None);
        }
        let allowed = |algorithm| self.digest.allowed.contains(&algorithm);
        let challenge = challenge::choose(last.headers(), allowed);
        if self.state == State::Answered {
            // The 401 is the result then, whatever else is wrong with it.
            return Ok(challenge.ok().flatten().filter(|challenge| challenge.stale));
        }
        challenge
    }
}
