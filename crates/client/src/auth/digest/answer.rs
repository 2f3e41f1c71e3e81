//! The Authorization value that answers a challenge (RFC 7616 section 3.4).

use super::challenge::{DigestChallenge, Qop};
use crate::auth::secret::Secret;
use nuncio_url::percent;

/// Who answers.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    pub(crate) user: Secret,
    pub(crate) password: Secret,
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a str,
    /// The request target.
    pub(crate) target: &'a str,
    /// The body, for [`Qop::AuthInt`].
    pub(crate) body: &'a [u8],
}

/// How often the nonce has been used, this time included, and the client's own nonce.
#[derive(Debug, Clone)]
pub(crate) struct Count {
    pub(crate) number: u32,
    pub(crate) cnonce: String,
}

/// The value. Parameters stand in the order in which httpx writes them, quoted as RFC 7616
/// section 3.4 wants it: all but `algorithm`, `qop`, `nc` and `userhash`.
pub(crate) fn answer(
    challenge: &DigestChallenge,
    credentials: &Credentials,
    asked: Asked<'_>,
    count: &Count,
) -> Vec<u8> {
    let number = format!("{:08x}", count.number);
    let response = response(challenge, credentials, asked, &number, &count.cnonce);
    let mut value = Value(b"Digest ".to_vec());
    name_user(&mut value, challenge, credentials);
    value.quoted("realm", challenge.realm.as_bytes());
    value.quoted("nonce", challenge.nonce.as_bytes());
    value.quoted("uri", asked.target.as_bytes());
    value.quoted("response", response.as_bytes());
    value.plain("algorithm", challenge.algorithm_name.as_bytes());
    if let Some(opaque) = &challenge.opaque {
        value.quoted("opaque", opaque.as_bytes());
    }
    if let Some(qop) = challenge.qop {
        value.plain("qop", qop.name().as_bytes());
        value.plain("nc", number.as_bytes());
        value.quoted("cnonce", count.cnonce.as_bytes());
    }
    if challenge.userhash {
        value.plain("userhash", b"true");
    }
    value.0
}

fn response(
    challenge: &DigestChallenge,
    credentials: &Credentials,
    asked: Asked<'_>,
    number: &str,
    cnonce: &str,
) -> String {
    let hash = |pieces: &[&[u8]]| challenge.algorithm.hash(pieces);
    let (nonce, cnonce) = (challenge.nonce.as_bytes(), cnonce.as_bytes());
    let realm = challenge.realm.as_bytes();
    let mut secret = hash(&[
        credentials.user.as_bytes(),
        realm,
        credentials.password.as_bytes(),
    ]);
    if challenge.session {
        secret = hash(&[secret.as_bytes(), nonce, cnonce]);
    }
    let (method, target) = (asked.method.as_bytes(), asked.target.as_bytes());
    let message = match challenge.qop {
        Some(Qop::AuthInt) => hash(&[method, target, hash(&[asked.body]).as_bytes()]),
        _ => hash(&[method, target]),
    };
    let (secret, message) = (secret.as_bytes(), message.as_bytes());
    let response = match challenge.qop {
        None => hash(&[secret, nonce, message]),
        Some(qop) => hash(&[
            secret,
            nonce,
            number.as_bytes(),
            cnonce,
            qop.name().as_bytes(),
            message,
        ]),
    };
    response.to_string()
}

/// RFC 7616 section 3.4.4: hashed where the server wants that; else as it is. A name beyond ASCII
/// is percent-encoded in `username*` for servers that say `charset`; those that do not are older
/// than that parameter, and get the bytes, as httpx sends them.
fn name_user(value: &mut Value, challenge: &DigestChallenge, credentials: &Credentials) {
    let user = credentials.user.as_bytes();
    if challenge.userhash {
        let hashed = challenge
            .algorithm
            .hash(&[user, challenge.realm.as_bytes()]);
        value.quoted("username", hashed.as_bytes());
        return;
    }
    match std::str::from_utf8(user) {
        Ok(text) if challenge.utf8 && !text.is_ascii() => {
            let encoded = percent::encode(text, percent::Set::ALL_BUT_UNRESERVED);
            value.plain("username*", format!("UTF-8''{encoded}").as_bytes());
        }
        _ => value.quoted("username", user),
    }
}

/// A field value under construction.
struct Value(Vec<u8>);

impl Value {
    fn name(&mut self, name: &str) {
        if !self.0.ends_with(b" ") {
            self.0.extend_from_slice(b", ");
        }
        self.0.extend_from_slice(name.as_bytes());
        self.0.push(b'=');
    }

    fn plain(&mut self, name: &str, value: &[u8]) {
        self.name(name);
        self.0.extend_from_slice(value);
    }

    fn quoted(&mut self, name: &str, value: &[u8]) {
        self.name(name);
        self.0.push(b'"');
        for byte in value {
            if matches!(byte, b'"' | b'\\') {
                self.0.push(b'\\');
            }
            self.0.push(*byte);
        }
        self.0.push(b'"');
    }
}
