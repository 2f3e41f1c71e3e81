//! Retry-After (RFC 9110 section 10.2.3).

use super::parse_http_date;
use crate::Headers;

/// When to ask again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAfter {
    /// After so many seconds.
    Seconds(u64),
    /// At this time, in seconds since 1970-01-01 00:00 UTC.
    At(i64),
}

impl Headers {
    /// What Retry-After says; `None` when there is none or it is malformed. A number of seconds
    /// past `u64` counts as `u64::MAX`.
    pub fn retry_after(&self) -> Option<RetryAfter> {
        let value = self.first("retry-after")?;
        match seconds(value) {
            Some(seconds) => Some(RetryAfter::Seconds(seconds)),
            None => parse_http_date(value).map(RetryAfter::At),
        }
    }
}

/// `delta-seconds` (RFC 9111 section 1.2.2): digits only, and what does not fit is the maximum.
pub(crate) fn seconds(value: &[u8]) -> Option<u64> {
    let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    digits.then(|| {
        value.iter().fold(0_u64, |number, digit| {
            number
                .saturating_mul(10)
                .saturating_add(u64::from(digit - b'0'))
        })
    })
}
