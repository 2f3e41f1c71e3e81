//! The Cookie field of a request (RFC 6265bis section 5.8.3).

use super::MAX_HEADER;
use super::cookie::Cookie;
use super::scope::{self, RequestHost, path_matches};
use nuncio_url::Url;
use std::cmp::Reverse;
use std::time::SystemTime;

/// Where a request goes, and when.
pub(super) struct Target<'a> {
    pub(super) host: RequestHost<'a>,
    path: &'a str,
    secure: bool,
    now: SystemTime,
}

impl<'a> Target<'a> {
    pub(super) fn of(url: &'a Url, now: SystemTime) -> Option<Self> {
        Some(Self {
            host: RequestHost::of(url)?,
            path: url.path(),
            secure: scope::is_secure(url),
            now,
        })
    }

    /// Whether the cookie is sent there.
    pub(super) fn gets(&self, cookie: &Cookie) -> bool {
        (self.secure || !cookie.secure)
            && path_matches(self.path, &cookie.path)
            && cookie.scope.covers(&self.host)
            && !cookie.is_expired(self.now)
    }
}

/// Lays cookies of the request over those of the jar: the same name, domain and path takes the
/// place, even where it is then not sent; others come behind (BEHAVIOUR 6.6).
pub(super) fn overlay<'a>(found: &mut Vec<&'a Cookie>, own: &'a [Cookie], target: &Target<'_>) {
    for cookie in own {
        let sent = target.gets(cookie);
        match found.iter().position(|other| other.same_key(cookie)) {
            Some(place) if sent => {
                if let Some(slot) = found.get_mut(place) {
                    *slot = cookie;
                }
            }
            Some(place) => drop(found.remove(place)),
            None if sent => found.push(cookie),
            None => {}
        }
    }
}

/// The longest path first, else in the order given. What does not fit is left out.
pub(super) fn render(mut found: Vec<&Cookie>) -> Option<String> {
    found.sort_by_key(|cookie| Reverse(cookie.path.len()));
    let mut header = String::with_capacity(
        found
            .iter()
            .map(|it| width(it) + 2)
            .sum::<usize>()
            .min(MAX_HEADER),
    );
    for cookie in found {
        let separator = if header.is_empty() { "" } else { "; " };
        if header.len() + separator.len() + width(cookie) > MAX_HEADER {
            continue;
        }
        header.push_str(separator);
        header.push_str(&cookie.name);
        if let Some(value) = &cookie.value {
            header.push('=');
            header.push_str(value);
        }
    }
    (!header.is_empty()).then_some(header)
}

fn width(cookie: &Cookie) -> usize {
    cookie.name.len() + cookie.value.as_ref().map_or(0, |value| value.len() + 1)
}
