//! A server's Digest challenges, and which of them is answered.

use super::algorithm::DigestAlgorithm;
use crate::error::{Error, Kind};
use nuncio_headers::Headers;
use nuncio_headers::typed::Challenge;

/// A challenge that can be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DigestChallenge {
    pub(crate) realm: String,
    pub(crate) nonce: String,
    pub(crate) opaque: Option<String>,
    pub(crate) algorithm: DigestAlgorithm,
    /// The algorithm as the server wrote it, to be sent back like that.
    pub(crate) algorithm_name: String,
    /// The algorithm is a `-sess` one.
    pub(crate) session: bool,
    pub(crate) qop: Option<Qop>,
    /// The user's name is to be hashed.
    pub(crate) userhash: bool,
    /// The server says that it reads UTF-8.
    pub(crate) utf8: bool,
    /// The nonce was too old, and the credentials may be good.
    pub(crate) stale: bool,
    /// Where else the credentials hold, as URI references.
    pub(crate) domain: Option<String>,
}

/// Quality of protection: what the answer covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Qop {
    /// The request line.
    Auth,
    /// The body too.
    AuthInt,
}

impl Qop {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::AuthInt => "auth-int",
        }
    }
}

/// The challenge to answer: the strongest algorithm among the `allowed` ones, the first of those that
/// are as strong. None where there is no Digest challenge, or none that is allowed.
///
/// # Errors
/// [`Kind::RemoteProtocol`] when there are Digest challenges and none of them can be understood.
pub(crate) fn choose(
    headers: &Headers,
    allowed: impl Fn(DigestAlgorithm) -> bool,
) -> Result<Option<DigestChallenge>, Error> {
    choose_among(headers.www_authenticate(), allowed)
}

/// As [`choose`], for the challenges of a proxy. Its protection space is the whole proxy, whatever
/// they say of a domain (RFC 7616 section 3.3).
pub(crate) fn choose_of_proxy(
    headers: &Headers,
    allowed: impl Fn(DigestAlgorithm) -> bool,
) -> Result<Option<DigestChallenge>, Error> {
    let mut chosen = choose_among(headers.proxy_authenticate(), allowed)?;
    if let Some(challenge) = &mut chosen {
        challenge.domain = None;
    }
    Ok(chosen)
}

fn choose_among(
    challenges: Vec<Challenge>,
    allowed: impl Fn(DigestAlgorithm) -> bool,
) -> Result<Option<DigestChallenge>, Error> {
    let mut best: Option<DigestChallenge> = None;
    let (mut fault, mut understood) = (None, false);
    for challenge in challenges {
        if !is_digest(&challenge) {
            continue;
        }
        match DigestChallenge::read(&challenge) {
            Ok(read) => {
                understood = true;
                let stronger = best.as_ref().is_none_or(|b| read.algorithm > b.algorithm);
                if stronger && allowed(read.algorithm) {
                    best = Some(read);
                }
            }
            Err(error) => fault = fault.or(Some(error)),
        }
    }
    match fault {
        Some(error) if !understood => Err(error),
        _ => Ok(best),
    }
}

/// The bare word asks for nothing; as httpx has it, it is no challenge.
fn is_digest(challenge: &Challenge) -> bool {
    let empty = challenge.token68.is_none() && challenge.parameters.iter().len() == 0;
    challenge.scheme.eq_ignore_ascii_case("digest") && !empty
}

impl DigestChallenge {
    fn read(challenge: &Challenge) -> Result<Self, Error> {
        let get = |name| challenge.parameters.get(name);
        let is = |name, value: &str| get(name).is_some_and(|v| v.eq_ignore_ascii_case(value));
        let owned = |name| get(name).map(str::to_owned);
        let realm = owned("realm");
        let nonce = owned("nonce").filter(|nonce| !nonce.is_empty());
        let (Some(realm), Some(nonce)) = (realm, nonce) else {
            let text = "Malformed Digest WWW-Authenticate header: no realm or no nonce";
            return Err(Error::new(Kind::RemoteProtocol, text));
        };
        let algorithm_name = owned("algorithm").unwrap_or_else(|| "MD5".to_owned());
        let Some((algorithm, session)) = DigestAlgorithm::parse(&algorithm_name) else {
            return Err(unknown("algorithm", &algorithm_name));
        };
        Ok(DigestChallenge {
            realm,
            nonce,
            opaque: owned("opaque").filter(|opaque| !opaque.is_empty()),
            algorithm,
            algorithm_name,
            session,
            qop: get("qop").map(choose_qop).transpose()?,
            userhash: is("userhash", "true"),
            utf8: is("charset", "UTF-8"),
            stale: is("stale", "true"),
            domain: owned("domain"),
        })
    }
}

fn choose_qop(offered: &str) -> Result<Qop, Error> {
    let offers = |qop: Qop| {
        let mut options = offered.split(',');
        options.any(|option| option.trim().eq_ignore_ascii_case(qop.name()))
    };
    let mut known = [Qop::Auth, Qop::AuthInt].into_iter();
    known
        .find(|qop| offers(*qop))
        .ok_or_else(|| unknown("qop", offered))
}

fn unknown(parameter: &str, value: &str) -> Error {
    let mut shown: String = value.chars().take(32).collect();
    if shown.len() < value.len() {
        shown.push('…');
    }
    let text = format!(
        "Malformed Digest WWW-Authenticate header: Unexpected {parameter} value '{}'",
        shown.escape_debug()
    );
    Error::new(Kind::RemoteProtocol, text)
}
