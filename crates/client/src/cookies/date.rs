//! The dates of Expires (RFC 6265bis section 5.1.1): any order, any separators, fields told by form.

use nuncio_headers::typed::parse_http_date;
use std::time::SystemTime;

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Reads a cookie date as browsers do: of the words in `text`, the first that looks like a time of
/// day, a day, a month and a year. Time zones are not looked at; it is UTC.
///
/// Years of two digits are 1970 to 2069. `None` where a part is missing, or there is no such day, or
/// the year is before 1601.
pub fn parse_cookie_date(text: impl AsRef<[u8]>) -> Option<SystemTime> {
    super::cookie::system_time(seconds(text.as_ref())?)
}

/// As [`parse_cookie_date`], in seconds since 1970.
pub(super) fn seconds(text: &[u8]) -> Option<i64> {
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    for word in text
        .split(|byte| is_delimiter(*byte))
        .filter(|word| !word.is_empty())
    {
        // The order matters: 10:20:30 is a time first, and would do as a day.
        if take(&mut time, || time_of_day(word))
            || take(&mut day, || leading_number(word, 1..=2))
            || take(&mut month, || month_of(word))
        {
            continue;
        }
        take(&mut year, || leading_number(word, 2..=4));
    }
    let (hour, minute, second) = time?;
    let (day, month) = (day?, month?);
    let year = match year? {
        year @ 70..=99 => year + 1900,
        year @ 0..=69 => year + 2000,
        year => year,
    };
    if year < 1601 || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    // The one form of a date that a crate below reads; it also knows how long a month is.
    parse_http_date(format!(
        "Sun, {day:02} {month} {year} {hour:02}:{minute:02}:{second:02} GMT"
    ))
}

/// Fills an empty field if the word fits it.
fn take<T>(field: &mut Option<T>, read: impl FnOnce() -> Option<T>) -> bool {
    if field.is_some() {
        return false;
    }
    *field = read();
    field.is_some()
}

fn is_delimiter(byte: u8) -> bool {
    matches!(byte, b'\t' | b' '..=b'/' | b';'..=b'@' | b'['..=b'`' | b'{'..=b'~')
}

/// Three numbers of one or two digits, then the end or something that is no digit.
fn time_of_day(word: &[u8]) -> Option<(u32, u32, u32)> {
    let mut fields = word.splitn(3, |byte| *byte == b':');
    let hour = number(fields.next()?, 1..=2)?;
    let minute = number(fields.next()?, 1..=2)?;
    let second = leading_number(fields.next()?, 1..=2)?;
    Some((hour, minute, second))
}

/// The name by its first three letters.
fn month_of(word: &[u8]) -> Option<&'static str> {
    let start = word.get(..3)?;
    let is = |month: &&&str| month.as_bytes().eq_ignore_ascii_case(start);
    MONTHS.iter().find(is).copied()
}

/// So many digits and nothing else.
fn number(word: &[u8], digits: std::ops::RangeInclusive<usize>) -> Option<u32> {
    word.iter()
        .all(u8::is_ascii_digit)
        .then(|| leading_number(word, digits))?
}

/// So many digits, then the end or something that is no digit.
fn leading_number(word: &[u8], digits: std::ops::RangeInclusive<usize>) -> Option<u32> {
    let length = word
        .iter()
        .take(digits.end() + 1)
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let value = |digits: &[u8]| {
        digits
            .iter()
            .fold(0, |number, digit| number * 10 + u32::from(digit - b'0'))
    };
    digits
        .contains(&length)
        .then(|| word.get(..length).map(value))?
}
