//! One cookie, and how a program makes one.

use super::error::CookieError;
use super::scope::Scope;
use super::set_cookie::is_control;
use std::fmt;
use std::time::{Duration, SystemTime};

/// A cookie as the jar keeps it. `Debug` hides the value.
#[derive(Clone, PartialEq, Eq)]
pub struct Cookie {
    pub(super) name: String,
    pub(super) value: Option<String>,
    pub(super) scope: Scope,
    pub(super) path: String,
    pub(super) secure: bool,
    pub(super) http_only: bool,
    pub(super) same_site: Option<SameSite>,
    /// In seconds since 1970.
    pub(super) expires: Option<i64>,
    /// As in a Set-Cookie field, in one text: a server may send two thousand.
    pub(super) extras: String,
}

/// What the attribute SameSite said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum SameSite {
    /// Only within the site.
    Strict,
    /// Within the site, and when it is navigated to.
    Lax,
    /// Everywhere.
    None,
}

impl SameSite {
    /// The whole word, in any case; another word is as if the attribute were not there.
    pub(super) fn parse(text: &str) -> Option<Self> {
        [
            ("strict", Self::Strict),
            ("lax", Self::Lax),
            ("none", Self::None),
        ]
        .into_iter()
        .find_map(|(word, same_site)| text.eq_ignore_ascii_case(word).then_some(same_site))
    }
}

impl Cookie {
    /// A cookie for every host and path, to be narrowed by the builder's methods.
    pub fn builder(name: impl Into<String>, value: impl Into<String>) -> CookieBuilder {
        CookieBuilder {
            cookie: Cookie {
                name: name.into(),
                value: Some(value.into()),
                scope: Scope::EveryHost,
                path: "/".to_owned(),
                secure: false,
                http_only: false,
                same_site: None,
                expires: None,
                extras: String::new(),
            },
            domain: None,
            extras: Vec::new(),
        }
    }

    /// The name; never empty.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value with its quotes, if it has any. `None` for a cookie that was set without a `=`, of
    /// which only the name is sent.
    pub fn value(&self) -> Option<&str> {
        self.value.as_deref()
    }

    /// The host or domain, lower-case, without a dot before it; empty for every host.
    pub fn domain(&self) -> &str {
        self.scope.domain()
    }

    /// Whether it goes to exactly [`domain`](Self::domain) and not to what is below it.
    pub fn is_host_only(&self) -> bool {
        matches!(self.scope, Scope::Host(_))
    }

    /// The path at and below which it is sent; begins with `/`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether it is sent over https and wss only.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// Whether HttpOnly was set; it means nothing to an HTTP client.
    pub fn is_http_only(&self) -> bool {
        self.http_only
    }

    /// What SameSite said; it is not enforced.
    pub fn same_site(&self) -> Option<SameSite> {
        self.same_site
    }

    /// When it is no longer sent, in whole seconds; `None` for as long as the jar lives.
    pub fn expires(&self) -> Option<SystemTime> {
        self.expires.and_then(system_time)
    }

    /// The attributes that this crate gives no meaning, such as Priority or Partitioned, in order;
    /// the value is empty where there was none.
    pub fn extras(&self) -> impl Iterator<Item = (&str, &str)> {
        self.extras
            .split("; ")
            .filter(|extra| !extra.is_empty())
            .map(|extra| extra.split_once('=').unwrap_or((extra, "")))
    }

    /// Whether the time to keep it is over.
    pub fn is_expired(&self, now: SystemTime) -> bool {
        self.expires
            .is_some_and(|expires| expires <= unix_seconds(now))
    }

    /// httpx's identity: two that share it replace each other when the program sets one.
    pub(super) fn same_key(&self, other: &Self) -> bool {
        self.name == other.name
            && self.path == other.path
            && self.scope.domain() == other.scope.domain()
    }
}

impl fmt::Debug for Cookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "<Cookie {}=[hidden] for {}{} />",
            self.name.escape_debug(),
            self.domain(),
            self.path.escape_debug()
        )
    }
}

/// Makes a [`Cookie`]; [`build`](Self::build) checks it.
#[derive(Clone, Debug)]
pub struct CookieBuilder {
    cookie: Cookie,
    /// As given, and whether it is one host.
    domain: Option<(String, bool)>,
    extras: Vec<(String, String)>,
}

impl CookieBuilder {
    /// Sends it to this domain and to all below it; a dot before it changes nothing. An empty domain
    /// is every host.
    #[must_use]
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.domain = Some((domain.into(), false));
        self
    }

    /// Sends it to exactly this host or address.
    #[must_use]
    pub fn host_only(mut self, host: impl Into<String>) -> Self {
        self.domain = Some((host.into(), true));
        self
    }

    /// Sends it at and below this path only; `/` unless said otherwise.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.cookie.path = path.into();
        self
    }

    /// Sends it over https and wss only.
    #[must_use]
    pub fn secure(mut self, secure: bool) -> Self {
        self.cookie.secure = secure;
        self
    }

    /// Marks it HttpOnly.
    #[must_use]
    pub fn http_only(mut self, http_only: bool) -> Self {
        self.cookie.http_only = http_only;
        self
    }

    /// Records SameSite.
    #[must_use]
    pub fn same_site(mut self, same_site: SameSite) -> Self {
        self.cookie.same_site = Some(same_site);
        self
    }

    /// Sends it no longer from this time on; parts of a second count as a whole one.
    #[must_use]
    pub fn expires(mut self, at: SystemTime) -> Self {
        self.cookie.expires = Some(expiry(at));
        self
    }

    /// Adds an attribute without meaning.
    #[must_use]
    pub fn extra(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.extras.push((name.into(), value.into()));
        self
    }

    /// The cookie.
    ///
    /// # Errors
    /// [`CookieError`] names what could not be sent: `;`, control bytes and what is beyond ASCII are
    /// allowed nowhere, `=` in no name.
    pub fn build(self) -> Result<Cookie, CookieError> {
        let mut cookie = self.cookie;
        match self.domain {
            Some((domain, false)) if domain.is_empty() => {}
            Some((domain, host_only)) => {
                // A URL's host may hold `;`, and a server's cookie then has it.
                let scope = Scope::parse(&domain, host_only).filter(|_| !domain.contains(';'));
                cookie.scope = scope.ok_or(CookieError::InvalidDomain(domain))?;
            }
            None => {}
        }
        cookie.check(Text::Ascii)?;
        cookie.extras = join_extras(&self.extras, Text::Ascii)?;
        Ok(cookie)
    }
}

/// What may stand in the texts of a cookie.
#[derive(Clone, Copy)]
pub(super) enum Text {
    /// What a program may set.
    Ascii,
    /// What a server can have set, and a stored jar can hold: tabs too, and any character.
    Received,
}

impl Text {
    fn allows(self, text: &str) -> bool {
        text.bytes().all(|byte| match self {
            Self::Ascii => byte.is_ascii() && byte != b';' && !is_control(byte),
            Self::Received => byte != b';' && (byte == b'\t' || !is_control(byte)),
        })
    }

    fn is_value(self, text: &str) -> bool {
        self.allows(text) && text.trim_matches([' ', '\t']).len() == text.len()
    }

    fn is_name(self, text: &str) -> bool {
        self.is_value(text) && !text.is_empty() && !text.contains('=')
    }
}

impl Cookie {
    /// Whether the cookie can be sent, and no more comes out than was put in.
    pub(super) fn check(&self, text: Text) -> Result<(), CookieError> {
        if !text.is_name(&self.name) {
            return Err(CookieError::InvalidName(self.name.clone()));
        }
        if !self.value().is_none_or(|value| text.is_value(value)) {
            let name = self.name.clone();
            return Err(CookieError::InvalidValue { name });
        }
        // A path that comes from a URL may hold `;`: no attribute says it, and none is sent.
        let is_path = match text {
            Text::Ascii => text.is_value(&self.path),
            Text::Received => self.path.split(';').all(|part| text.allows(part)),
        };
        if !self.path.starts_with('/') || !is_path {
            return Err(CookieError::InvalidPath(self.path.clone()));
        }
        Ok(())
    }
}

/// Attributes without meaning, checked, in one text.
pub(super) fn join_extras(extras: &[(String, String)], text: Text) -> Result<String, CookieError> {
    let mut joined = String::new();
    for (name, value) in extras {
        if !text.is_name(name) || !text.is_value(value) {
            return Err(CookieError::InvalidAttribute(name.clone()));
        }
        push_extra(&mut joined, name, value);
    }
    Ok(joined)
}

pub(super) fn push_extra(extras: &mut String, name: &str, value: &str) {
    if !extras.is_empty() {
        extras.push_str("; ");
    }
    extras.push_str(name);
    if !value.is_empty() {
        extras.push('=');
        extras.push_str(value);
    }
}

/// The last second of the year 9999, which every platform's clock can tell.
const LAST: i64 = 253_402_300_799;

/// Whole seconds since 1970.
pub(super) fn unix_seconds(time: SystemTime) -> i64 {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_secs()).unwrap_or(LAST),
        Err(before) => {
            let before = before.duration();
            let seconds = i64::try_from(before.as_secs()).unwrap_or(LAST);
            -seconds - i64::from(before.subsec_nanos() > 0)
        }
    }
}

/// As [`unix_seconds`], rounded up: a cookie lives at least as long as it was told.
pub(super) fn expiry(time: SystemTime) -> i64 {
    let below = unix_seconds(time);
    let exact = system_time(below).is_some_and(|whole| whole == time);
    clamp(below.saturating_add(i64::from(!exact)))
}

pub(super) fn clamp(seconds: i64) -> i64 {
    seconds.clamp(-LAST, LAST)
}

pub(super) fn system_time(seconds: i64) -> Option<SystemTime> {
    let distance = Duration::from_secs(seconds.unsigned_abs());
    if seconds < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(distance)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(distance)
    }
}
