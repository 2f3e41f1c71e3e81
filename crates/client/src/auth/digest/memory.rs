//! The challenges that were answered, so that the next request needs no 401 first.

use super::answer::Count;
use super::challenge::DigestChallenge;
use crate::error::{Error, Kind};
use nuncio_url::Url;
use std::sync::Arc;

/// How many protection spaces are remembered; the one that was used longest ago makes room.
const SPACES: usize = 64;

/// How many prefixes of `domain` are kept; the rest costs one more 401 each.
const PREFIXES: usize = 16;

/// Makes a client's nonce.
pub(crate) type Nonces = fn() -> Result<String, Error>;

/// The challenges by origin and realm (SECURITY A5), the last one used at the end.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    spaces: Vec<Space>,
}

/// One protection space (RFC 7616 section 3.3, `domain`).
#[derive(Debug)]
struct Space {
    origin: String,
    challenge: Arc<DigestChallenge>,
    /// The paths that it covers begin like this; none of it: all.
    prefixes: Option<Vec<String>>,
    used: u32,
    /// A `-sess` algorithm makes its key with the first client nonce (RFC 7616 section 3.4.2). Sent
    /// every time, it is also right for those who take the present one.
    cnonce: Option<String>,
}

/// A challenge, to be answered with this count.
#[derive(Debug)]
pub(crate) struct Ticket {
    pub(crate) challenge: Arc<DigestChallenge>,
    pub(crate) count: Count,
}

impl Memory {
    /// The challenge that holds for `url`, its count taken.
    pub(crate) fn recall(&mut self, url: &Url, nonces: Nonces) -> Result<Option<Ticket>, Error> {
        if self.spaces.is_empty() {
            return Ok(None);
        }
        let origin = origin(url);
        let target = url.raw_path();
        let covers = |space: &Space| {
            let inside = |prefixes: &Vec<String>| prefixes.iter().any(|p| target.starts_with(p));
            space.origin == origin && space.prefixes.as_ref().is_none_or(inside)
        };
        match self.spaces.iter().rposition(covers) {
            Some(at) => self.take(at, nonces),
            None => Ok(None),
        }
    }

    /// Notes a challenge that came from `url`, and takes its first count. The count goes on where
    /// the nonce is the one that was there (RFC 7616 section 3.4, `nc`).
    pub(crate) fn remember(
        &mut self,
        url: &Url,
        challenge: DigestChallenge,
        nonces: Nonces,
    ) -> Result<Option<Ticket>, Error> {
        let origin = origin(url);
        let same =
            |space: &Space| space.origin == origin && space.challenge.realm == challenge.realm;
        let old = self.spaces.iter().position(same);
        let old = old.map(|at| self.spaces.remove(at));
        let known = old.filter(|old| old.challenge.nonce == challenge.nonce);
        let (used, cnonce) = known.map_or((0, None), |old| (old.used, old.cnonce));
        if self.spaces.len() >= SPACES {
            self.spaces.remove(0);
        }
        self.spaces.push(Space {
            prefixes: challenge.domain.as_deref().and_then(|d| prefixes(d, url)),
            challenge: Arc::new(challenge),
            origin,
            used,
            cnonce,
        });
        self.take(self.spaces.len() - 1, nonces)
    }

    /// Counts one more use of the space at `at`, and puts it last. A nonce that was used 2^32 - 1
    /// times is forgotten.
    fn take(&mut self, at: usize, nonces: Nonces) -> Result<Option<Ticket>, Error> {
        let mut space = self.spaces.remove(at);
        let Some(number) = space.used.checked_add(1) else {
            return Ok(None);
        };
        let cnonce = match space.cnonce.take() {
            Some(cnonce) => cnonce,
            None => nonces()?,
        };
        if space.challenge.session {
            space.cnonce = Some(cnonce.clone());
        }
        space.used = number;
        let ticket = Ticket {
            challenge: Arc::clone(&space.challenge),
            count: Count { number, cnonce },
        };
        self.spaces.push(space);
        Ok(Some(ticket))
    }
}

/// Sixteen hex digits from the operating system's randomness.
pub(crate) fn random_nonce() -> Result<String, Error> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|_| {
        let text = "Digest: the operating system gives no random numbers";
        Error::new(Kind::Usage, text)
    })?;
    let mut text = String::with_capacity(16);
    super::algorithm::push_hex(&bytes, &mut text);
    Ok(text)
}

/// Scheme, host and port; it serves for schemes too whose origin is opaque to the URL standard.
fn origin(url: &Url) -> String {
    format!("{}://{}", url.scheme(), url.netloc())
}

/// Whether credentials for one may go to the other.
pub(crate) fn same_origin(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme() && one.netloc() == other.netloc()
}

/// The path prefixes that `domain` names on the origin it came from. What it names elsewhere is
/// ignored: no server speaks for another. None where it names nothing at all.
fn prefixes(domain: &str, url: &Url) -> Option<Vec<String>> {
    let mut named = domain.split_ascii_whitespace().peekable();
    named.peek()?;
    let on_origin = named.filter_map(|reference| {
        let target = url.join(reference).ok()?;
        same_origin(&target, url).then(|| target.raw_path().to_owned())
    });
    Some(on_origin.take(PREFIXES).collect())
}

#[cfg(test)]
impl Memory {
    /// Leaves one use of each nonce.
    pub(crate) fn use_up(&mut self) {
        for space in &mut self.spaces {
            space.used = u32::MAX - 1;
        }
    }
}
