//! The file format of Netscape's browser, which curl, wget and Python's cookiejar read and write:
//! a line for each cookie, its fields between tabs.

use super::cookie::{Cookie, Text, clamp};
use super::error::CookieError;
use super::jar::CookieJar;
use super::scope::Scope;
use super::store::Store;

const HEAD: &str =
    "# Netscape HTTP Cookie File\n# Made by nuncio. Whoever reads this file can be you.\n\n";
const HTTP_ONLY: &str = "#HttpOnly_";

impl CookieJar {
    /// The jar as a cookie file, the oldest cookie first. The file is as secret as a password.
    ///
    /// Session cookies are in it, with the time 0, and so are expired ones. The format has no place
    /// for SameSite and attributes without meaning. A tab in a cookie would be taken for the end of
    /// a field: a cookie with one (no program can set it, only a server) is left out.
    #[must_use]
    pub fn to_netscape(&self) -> String {
        let mut file = HEAD.to_owned();
        for cookie in self.cookies() {
            write_line(&mut file, &cookie);
        }
        file
    }

    /// Reads a cookie file. Empty lines and comments are skipped.
    ///
    /// A cookie of no domain goes to every host. The limits on what servers set do not hold, and
    /// neither does the list of public suffixes: the file is the program's. Whoever may write to it can
    /// set any cookie.
    ///
    /// # Errors
    /// [`CookieError::File`] for the first line that is no cookie.
    pub fn from_netscape(text: &str) -> Result<Self, CookieError> {
        let mut cookies = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let (line, http_only) = match line.strip_prefix(HTTP_ONLY) {
                Some(line) => (line, true),
                None => (line, false),
            };
            if !http_only && (line.starts_with('#') || line.trim().is_empty()) {
                continue;
            }
            let cookie = read_line(line, http_only).map_err(|problem| CookieError::File {
                line: index + 1,
                problem,
            })?;
            cookies.push(cookie);
        }
        Ok(Self::over(Store::load(cookies)))
    }
}

fn write_line(file: &mut String, cookie: &Cookie) {
    // A cookie without a value has its name in the place of the value, as Python writes it.
    let (name, value) = match cookie.value() {
        Some(value) => (cookie.name(), value),
        None => ("", cookie.name()),
    };
    let path = cookie.path();
    if [name, value, path].iter().any(|text| text.contains('\t')) {
        return;
    }
    let (dot, below) = match cookie.scope {
        Scope::Domain(_) => (".", "TRUE"),
        Scope::Host(_) | Scope::EveryHost => ("", "FALSE"),
    };
    let domain = cookie.domain();
    let secure = if cookie.is_secure() { "TRUE" } else { "FALSE" };
    // 0 is a session; what expired then or before has expired as well at 1.
    let expires = cookie.expires.map_or(0, |seconds| seconds.max(1));
    if cookie.is_http_only() {
        file.push_str(HTTP_ONLY);
    }
    file.push_str(&format!(
        "{dot}{domain}\t{below}\t{path}\t{secure}\t{expires}\t{name}\t{value}\n"
    ));
}

fn read_line(line: &str, http_only: bool) -> Result<Cookie, &'static str> {
    let mut fields = line.split('\t');
    let mut next = || fields.next().ok_or("fewer than six fields");
    let (domain, below, path) = (next()?, next()?, next()?);
    let (secure, expires, name) = (next()?, next()?, next()?);
    // Some programs leave the last tab away before an empty value.
    let value = fields.next().unwrap_or_default();
    if fields.next().is_some() {
        return Err("more than seven fields");
    }
    let below = flag(below).ok_or("the second field is neither TRUE nor FALSE")?;
    let scope = if domain.is_empty() {
        Scope::EveryHost
    } else {
        Scope::parse(domain, !below).ok_or("the domain is none")?
    };
    let (name, value) = if name.is_empty() {
        (value, None)
    } else {
        (name, Some(value.to_owned()))
    };
    let cookie = Cookie {
        name: name.to_owned(),
        value,
        scope,
        path: path.to_owned(),
        secure: flag(secure).ok_or("the fourth field is neither TRUE nor FALSE")?,
        http_only,
        same_site: None,
        expires: time(expires).ok_or("the time is no number")?,
        extras: String::new(),
    };
    match cookie.check(Text::Received) {
        Ok(()) => Ok(cookie),
        Err(CookieError::InvalidName(_)) => Err("the name is none"),
        Err(CookieError::InvalidPath(_)) => Err("the path is none"),
        Err(_) => Err("the value is none"),
    }
}

fn flag(text: &str) -> Option<bool> {
    [("true", true), ("false", false)]
        .into_iter()
        .find_map(|(word, flag)| text.eq_ignore_ascii_case(word).then_some(flag))
}

/// Seconds since 1970, which may be negative; 0 and nothing at all are a session.
fn time(text: &str) -> Option<Option<i64>> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if digits.is_empty() {
        return text.is_empty().then_some(None);
    }
    let distance = digits.parse().unwrap_or(i64::MAX);
    let seconds = if digits.len() < text.len() {
        -distance
    } else {
        distance
    };
    Some((seconds != 0).then(|| clamp(seconds)))
}
