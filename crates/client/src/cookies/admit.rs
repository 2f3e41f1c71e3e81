//! Whether a server may set what it asks for (RFC 6265bis section 5.7, the part without the jar).

use super::cookie::{clamp, expiry, unix_seconds};
use super::scope::{self, RequestHost, Scope, has_all_labels, is_public_suffix};
use super::set_cookie::SetCookie;
use super::{Cookie, Rejected};
use nuncio_url::Url;
use std::time::SystemTime;

/// No cookie lives longer, in seconds: 400 days.
const LONGEST: i64 = 400 * 86_400;

/// The cookie that the field sets. One that has expired deletes.
pub(super) fn admit(set: SetCookie<'_>, url: &Url, now: SystemTime) -> Result<Cookie, Rejected> {
    let host = RequestHost::of(url).ok_or(Rejected::NoHost)?;
    let scope = scope(host, set.domain.unwrap_or_default())?;
    if set.secure && !scope::is_secure(url) {
        return Err(Rejected::InsecureOrigin);
    }
    if !keeps_its_promise(&set) {
        return Err(Rejected::Prefix);
    }
    let path = match set.path {
        Some(path) if path.starts_with('/') => path,
        _ => scope::default_path(url),
    };
    Ok(Cookie {
        name: set.name.to_owned(),
        value: set.value.map(str::to_owned),
        scope,
        path: path.to_owned(),
        secure: set.secure,
        http_only: set.http_only,
        same_site: set.same_site,
        expires: expires(&set, now),
        extras: set.extras,
    })
}

fn scope(host: RequestHost<'_>, domain: &str) -> Result<Scope, Rejected> {
    let exact = || Scope::Host(host.name.to_owned());
    if domain.is_empty() {
        return Ok(exact());
    }
    let domain = domain.to_ascii_lowercase();
    // An address has no domains above it, and the list of suffixes does not know one when it sees it.
    if host.is_address {
        return if domain == host.name {
            Ok(exact())
        } else {
            Err(Rejected::ForeignDomain)
        };
    }
    if !domain.is_ascii() || !has_all_labels(&domain) {
        return Err(Rejected::ForeignDomain);
    }
    if is_public_suffix(&domain) {
        return if domain == host.name {
            Ok(exact())
        } else {
            Err(Rejected::PublicSuffix)
        };
    }
    if !host.domain_matches(&domain) {
        return Err(Rejected::ForeignDomain);
    }
    Ok(Scope::Domain(domain))
}

/// Max-Age counts before Expires. Kept as given when it is over, so that it deletes.
fn expires(set: &SetCookie<'_>, now: SystemTime) -> Option<i64> {
    let latest = expiry(now).saturating_add(LONGEST);
    let given = match set.max_age {
        Some(seconds) if seconds <= 0 => Some(unix_seconds(now)),
        Some(seconds) => Some(expiry(now).saturating_add(seconds)),
        None => set.expires,
    };
    given.map(|given| clamp(given.min(latest)))
}

/// RFC 6265bis section 5.5. A cookie without a `=` has no name as servers see it, and may not look
/// as if it had one of these.
fn keeps_its_promise(set: &SetCookie<'_>) -> bool {
    let begins = |prefix: &str| {
        set.name
            .as_bytes()
            .get(..prefix.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
    };
    if begins("__secure-") {
        set.secure && set.value.is_some()
    } else if begins("__host-") {
        let whole_host = set.domain.unwrap_or_default().is_empty() && set.path == Some("/");
        set.secure && set.value.is_some() && whole_host
    } else {
        true
    }
}
