//! The netrc file: user names and passwords by machine.

mod parse;
#[cfg(test)]
mod tests;

use super::authorize;
use super::basic::basic;
use super::secret::Secret;
use crate::error::{Error, Kind};
use crate::request::Request;
use nuncio_url::percent;
use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a netrc file says, read once. Cheap to clone.
///
/// This crate reads no files: give it the text. [`candidates`](Self::candidates) says where it is
/// usually kept, and [`check_private`](Self::check_private) whether others can read it.
///
/// ```
/// use nuncio_client::{Auth, Netrc};
///
/// let netrc = Netrc::parse("machine example.com login me password hunter2")?;
/// assert_eq!(netrc.find("example.com").unwrap().login(), b"me");
/// assert!(netrc.find("www.example.com").is_none());
/// let auth = Auth::netrc(netrc);
/// # let _ = auth;
/// # Ok::<(), nuncio_client::auth::NetrcError>(())
/// ```
#[derive(Clone)]
pub struct Netrc(Arc<[NetrcEntry]>);

/// What is said about one machine, or about all others.
#[derive(Clone)]
pub struct NetrcEntry {
    /// None for `default`.
    machine: Option<String>,
    login: Secret,
    password: Secret,
    account: Secret,
}

/// Why a netrc file cannot be used. No word of the file is shown: any may be part of a password.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NetrcError {
    /// A word stands where it has no meaning, such as the rest of a password with a space in it,
    /// which has to be in quotes.
    Unexpected {
        /// The line, from 1.
        line: usize,
    },
    /// `machine` without a name.
    NoMachine {
        /// The line, from 1.
        line: usize,
    },
    /// A control character in a word, NUL for one.
    Control {
        /// The line, from 1.
        line: usize,
    },
    /// A quoted word that does not end.
    OpenQuote {
        /// The line where it begins, from 1.
        line: usize,
    },
    /// The file belongs to somebody else.
    Owner {
        /// Whose it is: a user id.
        owner: u32,
    },
    /// Others than its owner can read, write or execute the file.
    NotPrivate {
        /// The permission bits.
        mode: u32,
    },
}

impl Netrc {
    /// Reads the text of a file. Bytes beyond ASCII are taken as they are.
    ///
    /// # Errors
    /// Where the text is not what a netrc file holds, with the line.
    pub fn parse(text: impl AsRef<[u8]>) -> Result<Self, NetrcError> {
        parse::parse(text.as_ref()).map(|entries| Netrc(entries.into()))
    }

    /// The entry for `host`, which is compared whole and without case; else the `default` one. Of
    /// several the last counts. None where the entry has no password: then neither has the host.
    pub fn find(&self, host: &str) -> Option<&NetrcEntry> {
        self.find_for(host, None)
    }

    /// The entry for `host` whose login is `user`, if one is asked for.
    fn find_for(&self, host: &str, user: Option<&[u8]>) -> Option<&NetrcEntry> {
        // A netrc file has IPv6 addresses without the brackets that URLs need.
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        let host = bare.unwrap_or(host);
        let is_host = |entry: &&NetrcEntry| {
            let machine = entry.machine.as_deref();
            machine.is_some_and(|machine| machine.eq_ignore_ascii_case(host))
        };
        let known = self.0.iter().any(|entry| is_host(&entry));
        let mut entries = self.0.iter().rev().filter(|entry| match known {
            true => is_host(entry),
            false => entry.machine.is_none(),
        });
        let suits = |entry: &&NetrcEntry| {
            user.is_none_or(|user| entry.login.is_empty() || entry.login() == user)
        };
        entries
            .find(suits)
            .filter(|entry| !entry.password.is_empty())
    }

    /// Sets Basic from the entry for the request's host. A user that the URL names has to be the
    /// entry's; an entry without a login takes the URL's.
    pub(crate) fn authorize(&self, request: &mut Request) -> Result<(), Error> {
        let url = request.url();
        if url.host_str().is_empty() {
            return Ok(());
        }
        let user = percent::decode(url.raw_username());
        let user = Some(&*user).filter(|user| !user.is_empty());
        let Some(entry) = self.find_for(url.host_str(), user) else {
            return Ok(());
        };
        let login = match entry.login() {
            b"" => user.unwrap_or_default(),
            login => login,
        };
        let value = basic(login, entry.password())?;
        authorize(request, value.as_bytes())
    }

    /// Whether the file, with these permission bits and this owner, is safe from others than
    /// `user` (both are user ids): for the file at its usual place on Unix. A file whose logins are
    /// all `anonymous` need not be.
    ///
    /// # Errors
    /// [`NetrcError::Owner`] or [`NetrcError::NotPrivate`].
    pub fn check_private(&self, mode: u32, owner: u32, user: u32) -> Result<(), NetrcError> {
        if self.0.iter().all(|entry| entry.login() == b"anonymous") {
            return Ok(());
        }
        if owner != user {
            return Err(NetrcError::Owner { owner });
        }
        if mode & 0o077 != 0 {
            return Err(NetrcError::NotPrivate {
                mode: mode & 0o7777,
            });
        }
        Ok(())
    }

    /// Where the file is looked for, the first that exists to be taken: what the variable `NETRC`
    /// names, and nothing else if that is set and not empty; then `.netrc` and `_netrc` in the home
    /// directory.
    pub fn candidates(variable: Option<&OsStr>, home: Option<&Path>) -> Vec<PathBuf> {
        if let Some(named) = variable.filter(|named| !named.is_empty()) {
            return vec![PathBuf::from(named)];
        }
        let names = [".netrc", "_netrc"].into_iter();
        home.map_or_else(Vec::new, |home| names.map(|name| home.join(name)).collect())
    }
}

impl NetrcEntry {
    fn new(machine: Option<String>) -> Self {
        NetrcEntry {
            machine,
            login: Secret::default(),
            password: Secret::default(),
            account: Secret::default(),
        }
    }

    /// The machine; none for the `default` entry.
    pub fn machine(&self) -> Option<&str> {
        self.machine.as_deref()
    }

    /// The user's name; may be empty.
    pub fn login(&self) -> &[u8] {
        self.login.as_bytes()
    }

    /// The password.
    pub fn password(&self) -> &[u8] {
        self.password.as_bytes()
    }

    /// The account, which HTTP has no use for; mostly empty.
    pub fn account(&self) -> &[u8] {
        self.account.as_bytes()
    }
}

impl fmt::Debug for Netrc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&*self.0).finish()
    }
}

impl fmt::Debug for NetrcEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let machine = self.machine().map_or(Cow::Borrowed("default"), |machine| {
            format!("machine {}", machine.escape_debug()).into()
        });
        write!(f, "NetrcEntry({machine})")
    }
}

impl fmt::Display for NetrcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unexpected { line } => write!(
                f,
                "netrc: line {line} has a word that is no keyword; a value with a space needs quotes"
            ),
            Self::NoMachine { line } => {
                write!(f, "netrc: line {line} has a machine without a name")
            }
            Self::Control { line } => write!(f, "netrc: line {line} has a control character"),
            Self::OpenQuote { line } => {
                write!(f, "netrc: line {line} opens a quote that never ends")
            }
            Self::Owner { owner } => write!(
                f,
                "netrc: the file belongs to another user (its id is {owner})"
            ),
            Self::NotPrivate { mode } => write!(
                f,
                "netrc: the file is open to others (mode {mode:o}); it holds passwords: chmod 600"
            ),
        }
    }
}

impl std::error::Error for NetrcError {}

impl From<NetrcError> for Error {
    fn from(error: NetrcError) -> Self {
        Error::other(Kind::Builder, error)
    }
}
