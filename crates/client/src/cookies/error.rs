//! What cannot be done with a cookie: the program's mistakes, and what is refused from a server.

use crate::error::{Error, Kind};
use std::fmt;

/// Why a call of the program's failed. Values of cookies never show in it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CookieError {
    /// A name that is empty, has blanks around it, or holds `=`, `;`, a control byte or a character
    /// beyond ASCII.
    InvalidName(String),
    /// The value of the cookie of that name has blanks around it, or holds `;`, a control byte or a
    /// character beyond ASCII.
    InvalidValue {
        /// The cookie's name.
        name: String,
    },
    /// A domain that is no host name and no address.
    InvalidDomain(String),
    /// A path that does not begin with `/`, or holds `;`, a control byte or a character beyond ASCII.
    InvalidPath(String),
    /// An attribute that could not stand in a Set-Cookie field.
    InvalidAttribute(String),
    /// Several cookies have that name: a domain or a path has to say which.
    Conflict {
        /// The name that was asked for.
        name: String,
        /// How many there are.
        count: usize,
    },
    /// A jar file has a line that is none.
    File {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
}

impl fmt::Display for CookieError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidName(name) => write!(f, "invalid cookie name {}", Shown(name)),
            Self::InvalidValue { name } => {
                write!(f, "invalid value for the cookie {}", Shown(name))
            }
            Self::InvalidDomain(domain) => write!(f, "invalid cookie domain {}", Shown(domain)),
            Self::InvalidPath(path) => write!(f, "invalid cookie path {}", Shown(path)),
            Self::InvalidAttribute(name) => write!(f, "invalid cookie attribute {}", Shown(name)),
            Self::Conflict { name, count } => {
                write!(f, "{count} cookies exist with the name {}", Shown(name))
            }
            Self::File { line, problem } => write!(f, "cookie file, line {line}: {problem}"),
        }
    }
}

impl std::error::Error for CookieError {}

impl From<CookieError> for Error {
    fn from(error: CookieError) -> Self {
        let kind = match &error {
            CookieError::Conflict { .. } => Kind::CookieConflict,
            CookieError::File { .. } => Kind::Decoding,
            _ => Kind::Builder,
        };
        Error::other(kind, error)
    }
}

/// Text in quotes, escaped, and cut at 64 characters.
struct Shown<'a>(&'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(64) {
            Some((end, _)) => write!(f, "{:?}...", self.0.get(..end).unwrap_or_default()),
            None => write!(f, "{:?}", self.0),
        }
    }
}

/// Why a Set-Cookie field was ignored. Nothing else happens to the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rejected {
    /// Longer than [`MAX_LINE`](super::MAX_LINE).
    TooLong,
    /// A control byte other than a tab.
    ControlByte,
    /// Not UTF-8, so that it could not be held as text and sent back as it came.
    NotText,
    /// No name.
    NoName,
    /// The URL has no host that could own a cookie.
    NoHost,
    /// `Domain` names another site, is no host name, or is part of an address.
    ForeignDomain,
    /// `Domain` is a public suffix.
    PublicSuffix,
    /// `Secure` from a URL that is not.
    InsecureOrigin,
    /// A cookie from http would stand before a `Secure` one of that name.
    ShadowsSecure,
    /// `__Secure-` or `__Host-` without what it promises.
    Prefix,
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "the cookie is too long",
            Self::ControlByte => "the cookie holds a control byte",
            Self::NotText => "the cookie is not UTF-8",
            Self::NoName => "the cookie has no name",
            Self::NoHost => "the URL has no host that could own a cookie",
            Self::ForeignDomain => "the cookie's domain does not match the host",
            Self::PublicSuffix => "the cookie's domain is a public suffix",
            Self::InsecureOrigin => "a Secure cookie came over http",
            Self::ShadowsSecure => "the cookie would shadow a Secure one",
            Self::Prefix => "the cookie's name promises what its attributes do not",
        })
    }
}

impl std::error::Error for Rejected {}
