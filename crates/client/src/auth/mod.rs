//! Authentication: how a request proves who sends it.
//!
//! [`Auth`] is what clients and requests take: [Basic](Auth::basic), [Bearer](Auth::bearer),
//! [`Digest`], [netrc](Auth::netrc), a [function](Auth::function), or a [scheme](Auth::scheme) of
//! your own, which is a machine: it is shown responses and says what to send.
//!
//! ```
//! use nuncio_client::{Auth, Method, Request, Url};
//!
//! let mut request = Request::new(Method::GET, Url::parse("https://example.com/").unwrap());
//! Auth::basic("Aladdin", "open sesame").apply(&mut request).unwrap();
//! let value = request.headers().get("authorization");
//! assert_eq!(value.as_deref(), Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
//!
//! // Mistakes are told before anything is sent.
//! let mistake = Auth::basic("half:half", "").check().unwrap_err();
//! assert_eq!(mistake.to_string(), "auth: Basic: the user name has a colon in it");
//! ```
//!
//! Names, passwords and tokens are overwritten when the last clone is dropped, and no `Debug` or
//! `Display` shows them. The copy in a request's fields, which is what is sent, is not overwritten.
//!
//! Which of a request's, a client's and a URL's credentials count, and what becomes of them on a
//! redirect, is decided where requests are sent, not here.

mod basic;
mod digest;
mod flow;
mod netrc;
mod running;
mod secret;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub(crate) use digest::Ticket;
pub use digest::{Digest, DigestAlgorithm};
pub use flow::{AsyncAuthFlow, AsyncAuthScheme, AuthFlow, AuthScheme, AuthStep};
pub use netrc::{Netrc, NetrcEntry, NetrcError};
pub(crate) use running::Running;

use crate::error::{Error, Kind};
use crate::request::Request;
pub(crate) use basic::basic;
use nuncio_url::{Url, percent};
pub(crate) use secret::Secret;
use std::any::type_name;
use std::fmt;
use std::sync::Arc;

/// How requests are authenticated. Cheap to clone; clones share what they learn.
///
/// A pair of texts becomes one: `("user", "password")` is Basic. Mistakes in arguments are kept
/// until [`check`](Self::check) or until a request is built with it.
#[derive(Clone)]
pub struct Auth(Arc<Means>);

enum Means {
    /// The value of the Authorization field, and what it is called.
    Field(&'static str, Secret),
    Function(Box<Function>),
    Netrc(Netrc),
    /// Waits for nothing: for all clients.
    Scheme(&'static str, Box<dyn AuthScheme>),
    Blocking(&'static str, Box<dyn AuthScheme>),
    Async(&'static str, Box<dyn AsyncAuthScheme>),
    Both(&'static str, Box<dyn AuthScheme>, Box<dyn AsyncAuthScheme>),
    Mistake(Error),
}

type Function = dyn Fn(&mut Request) -> Result<(), Error> + Send + Sync;

impl Auth {
    fn new(means: Means) -> Self {
        Auth(Arc::new(means))
    }

    fn field(name: &'static str, value: Result<Secret, Error>) -> Self {
        Self::new(match value {
            Ok(value) => Means::Field(name, value),
            Err(error) => Means::Mistake(error),
        })
    }

    /// Basic (RFC 7617): user and password with every request, encoded, not encrypted; use it over
    /// https. Text is sent as UTF-8, bytes as they are.
    ///
    /// A colon in the user's name and control characters in either are mistakes.
    pub fn basic(user: impl AsRef<[u8]>, password: impl AsRef<[u8]>) -> Self {
        Self::field("basic", basic::basic(user.as_ref(), password.as_ref()))
    }

    /// Bearer (RFC 6750): whoever has the token may use it. It is visible ASCII.
    pub fn bearer(token: impl AsRef<[u8]>) -> Self {
        Self::field("bearer", basic::bearer(token.as_ref()))
    }

    /// Digest (RFC 7616), with every algorithm; [`Digest`] has options.
    ///
    /// Control characters in the user's name are a mistake.
    pub fn digest(user: impl AsRef<[u8]>, password: impl AsRef<[u8]>) -> Self {
        Digest::new(user, password).into()
    }

    /// Basic with what a netrc file says about the URL's host. A request to a host that it has no
    /// password for goes out unchanged, and so does one whose URL names another user.
    pub fn netrc(netrc: Netrc) -> Self {
        Self::new(Means::Netrc(netrc))
    }

    /// A function that changes the request before it is sent. It may not block.
    pub fn function(
        change: impl Fn(&mut Request) -> Result<(), Error> + Send + Sync + 'static,
    ) -> Self {
        Self::new(Means::Function(Box::new(change)))
    }

    /// A scheme of your own. Its flows may not block: they serve blocking and async clients.
    pub fn scheme<S: AuthScheme + 'static>(scheme: S) -> Self {
        Self::new(Means::Scheme(type_name::<S>(), Box::new(scheme)))
    }

    /// A scheme whose flows may block. On an async client it is an error.
    pub fn blocking_scheme<S: AuthScheme + 'static>(scheme: S) -> Self {
        Self::new(Means::Blocking(type_name::<S>(), Box::new(scheme)))
    }

    /// A scheme whose flows wait as futures. On a blocking client it is an error.
    pub fn async_scheme<S: AsyncAuthScheme + 'static>(scheme: S) -> Self {
        Self::new(Means::Async(type_name::<S>(), Box::new(scheme)))
    }

    /// A scheme in two variants: the first, which may block, for blocking clients, and the second
    /// for async ones.
    pub fn both<B: AuthScheme + 'static, A: AsyncAuthScheme + 'static>(
        blocking: B,
        async_: A,
    ) -> Self {
        let (blocking, async_) = (Box::new(blocking), Box::new(async_));
        Self::new(Means::Both(type_name::<B>(), blocking, async_))
    }

    /// Basic with the user and password of `url`, percent-decoded; none where it has neither.
    pub fn from_url(url: &Url) -> Option<Self> {
        if url.raw_username().is_empty() && url.raw_password().is_empty() {
            return None;
        }
        let user = percent::decode(url.raw_username());
        let password = percent::decode(url.raw_password());
        Some(Self::basic(user, password))
    }

    /// The mistake that was made in the arguments, if any.
    ///
    /// # Errors
    /// [`Kind::Builder`]; the text names the argument and never shows it.
    pub fn check(&self) -> Result<(), Error> {
        match &*self.0 {
            Means::Mistake(error) => Err(error.clone()),
            _ => Ok(()),
        }
    }

    /// Authenticates one request by hand, without a client: for means that need no response.
    ///
    /// # Errors
    /// The mistake that was made in the arguments; what a function gives; [`Kind::Usage`] for
    /// Digest and other schemes, which need the client.
    pub fn apply(&self, request: &mut Request) -> Result<(), Error> {
        self.simple(request).unwrap_or_else(|| {
            let text = format!("{self:?} needs a client, which shows it the responses");
            Err(Error::new(Kind::Usage, text))
        })
    }

    fn name(&self) -> &'static str {
        match &*self.0 {
            Means::Field(name, _)
            | Means::Scheme(name, _)
            | Means::Blocking(name, _)
            | Means::Async(name, _)
            | Means::Both(name, _, _) => name,
            Means::Function(_) => "function",
            Means::Netrc(_) => "netrc",
            Means::Mistake(_) => "mistaken",
        }
    }
}

/// Sets the Authorization field in place of any that was there.
fn authorize(request: &mut Request, value: &[u8]) -> Result<(), Error> {
    let set = request.headers_mut().insert("Authorization", value);
    set.map_err(|error| Error::other(Kind::LocalProtocol, error))
}

impl<U: AsRef<str>, P: AsRef<str>> From<(U, P)> for Auth {
    /// [`Auth::basic`].
    fn from((user, password): (U, P)) -> Self {
        Auth::basic(user.as_ref(), password.as_ref())
    }
}

impl From<Digest> for Auth {
    fn from(digest: Digest) -> Self {
        Self::new(match digest.check() {
            Ok(()) => Means::Scheme("digest", Box::new(digest)),
            Err(error) => Means::Mistake(error),
        })
    }
}

impl From<Netrc> for Auth {
    fn from(netrc: Netrc) -> Self {
        Auth::netrc(netrc)
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Auth({})", self.name())
    }
}
