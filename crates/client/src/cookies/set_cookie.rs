//! The value of a Set-Cookie field, taken apart (RFC 6265bis section 5.6).

use super::cookie::push_extra;
use super::{MAX_LINE, Rejected, SameSite, date};

/// Longer attribute values are as if they were not there.
const MAX_ATTRIBUTE: usize = 1024;

/// What the field says, before anybody asks whether it may.
#[derive(Debug, Default)]
pub(super) struct SetCookie<'a> {
    pub(super) name: &'a str,
    /// `None` without a `=`.
    pub(super) value: Option<&'a str>,
    /// Without the dot before it; empty is as good as none.
    pub(super) domain: Option<&'a str>,
    pub(super) path: Option<&'a str>,
    /// In seconds.
    pub(super) max_age: Option<i64>,
    /// In seconds since 1970.
    pub(super) expires: Option<i64>,
    pub(super) secure: bool,
    pub(super) http_only: bool,
    pub(super) same_site: Option<SameSite>,
    /// As [`Cookie`](super::Cookie) keeps them.
    pub(super) extras: String,
}

pub(super) fn parse(line: &[u8]) -> Result<SetCookie<'_>, Rejected> {
    if line.len() > MAX_LINE {
        return Err(Rejected::TooLong);
    }
    if line.iter().any(|byte| is_control(*byte) && *byte != b'\t') {
        return Err(Rejected::ControlByte);
    }
    let line = std::str::from_utf8(line).map_err(|_| Rejected::NotText)?;
    let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
    let (name, value) = split_pair(pair);
    if name.is_empty() {
        return Err(Rejected::NoName);
    }
    let mut cookie = SetCookie {
        name,
        value,
        ..SetCookie::default()
    };
    for attribute in attributes.split(';') {
        let (name, value) = split_pair(attribute);
        let value = value.unwrap_or_default();
        if value.len() <= MAX_ATTRIBUTE {
            cookie.take_attribute(name, value);
        }
    }
    Ok(cookie)
}

impl<'a> SetCookie<'a> {
    /// Of attributes that come twice the last counts; a Max-Age or Expires that cannot be read is
    /// none.
    fn take_attribute(&mut self, name: &'a str, value: &'a str) {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        if is("expires") {
            self.expires = date::seconds(value.as_bytes()).or(self.expires);
        } else if is("max-age") {
            self.max_age = delta_seconds(value).or(self.max_age);
        } else if is("domain") {
            self.domain = Some(value.strip_prefix('.').unwrap_or(value));
        } else if is("path") {
            self.path = Some(value);
        } else if is("secure") {
            self.secure = true;
        } else if is("httponly") {
            self.http_only = true;
        } else if is("samesite") {
            self.same_site = SameSite::parse(value);
        } else if !name.is_empty() {
            push_extra(&mut self.extras, name, value);
        }
    }
}

/// At the first `=`, blanks trimmed.
fn split_pair(text: &str) -> (&str, Option<&str>) {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (text, None),
    };
    (trim(name), value.map(trim))
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// Digits, with a minus or not; what is too big for a number is the biggest.
fn delta_seconds(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let seconds = digits.parse().unwrap_or(i64::MAX);
    Some(if digits.len() < text.len() {
        -seconds
    } else {
        seconds
    })
}

pub(super) fn is_control(byte: u8) -> bool {
    byte < b' ' || byte == 0x7f
}
