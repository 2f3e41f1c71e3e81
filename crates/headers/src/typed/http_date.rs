//! HTTP-date (RFC 9110 section 5.6.7).

use super::lexer::Lexer;

const DAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Reads a date in one of the three forms of RFC 9110 section 5.6.7: `Sun, 06 Nov 1994 08:49:37
/// GMT`, `Sunday, 06-Nov-94 08:49:37 GMT`, `Sun Nov  6 08:49:37 1994`. The result is in seconds
/// since 1970-01-01 00:00 UTC, negative before.
///
/// Years of two digits are 1970 to 2069, as no clock is asked. The day of the week has to be one,
/// not the right one. A leap second is the second after it.
pub fn parse_http_date(value: impl AsRef<[u8]>) -> Option<i64> {
    let mut lexer = Lexer::new(value.as_ref());
    let weekday = lexer.take_while(|byte| byte.is_ascii_alphabetic());
    let long = DAYS.iter().any(|day| day.as_bytes() == weekday);
    let short = weekday.len() == 3 && DAYS.iter().any(|day| day.as_bytes().starts_with(weekday));
    let (year, month, day, time);
    if lexer.eat(b',') {
        let separator = if short { b' ' } else { b'-' };
        expect(&mut lexer, b' ')?;
        day = number(&mut lexer, 2)?;
        expect(&mut lexer, separator)?;
        month = month_of(&mut lexer)?;
        expect(&mut lexer, separator)?;
        year = if short {
            number(&mut lexer, 4)?
        } else {
            century(number(&mut lexer, 2)?)
        };
        expect(&mut lexer, b' ')?;
        time = time_of_day(&mut lexer)?;
        (lexer.rest() == b" GMT" && (short || long)).then_some(())?;
    } else {
        expect(&mut lexer, b' ')?;
        month = month_of(&mut lexer)?;
        expect(&mut lexer, b' ')?;
        day = if lexer.eat(b' ') {
            number(&mut lexer, 1)?
        } else {
            number(&mut lexer, 2)?
        };
        expect(&mut lexer, b' ')?;
        time = time_of_day(&mut lexer)?;
        expect(&mut lexer, b' ')?;
        year = number(&mut lexer, 4)?;
        (lexer.is_empty() && short).then_some(())?;
    }
    (1..=days_in(year, month))
        .contains(&day)
        .then(|| days(year, month, day) * 86_400 + time)
}

fn expect(lexer: &mut Lexer<'_>, byte: u8) -> Option<()> {
    lexer.eat(byte).then_some(())
}

/// Exactly so many digits.
fn number(lexer: &mut Lexer<'_>, digits: usize) -> Option<i64> {
    let text = lexer.take_while(|byte| byte.is_ascii_digit());
    let value = || {
        text.iter()
            .fold(0, |number, digit| number * 10 + i64::from(digit - b'0'))
    };
    (text.len() == digits).then(value)
}

/// From 1.
fn month_of(lexer: &mut Lexer<'_>) -> Option<i64> {
    let name = lexer.take_while(|byte| byte.is_ascii_alphabetic());
    MONTHS
        .iter()
        .position(|month| month.as_bytes() == name)
        .map(|index| index as i64 + 1)
}

fn time_of_day(lexer: &mut Lexer<'_>) -> Option<i64> {
    let hour = number(lexer, 2)?;
    expect(lexer, b':')?;
    let minute = number(lexer, 2)?;
    expect(lexer, b':')?;
    let second = number(lexer, 2)?;
    (hour < 24 && minute < 60 && second <= 60).then_some(hour * 3600 + minute * 60 + second)
}

fn century(year: i64) -> i64 {
    if year < 70 { year + 2000 } else { year + 1900 }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar; years count from March, so that the
/// leap day is the last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leaps = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leaps + (153 * month + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_from_1600_to_2400_is_one_after_the_one_before() {
        let mut expected = None;
        for year in 1600..2400 {
            for (index, name) in MONTHS.iter().enumerate() {
                for day in 1..=days_in(year, index as i64 + 1) {
                    let date = format!("Sun, {day:02} {name} {year} 00:00:00 GMT");
                    let seconds = parse_http_date(date).unwrap();
                    assert_eq!(seconds, expected.unwrap_or(seconds));
                    expected = Some(seconds + 86_400);
                }
            }
        }
        assert_eq!(parse_http_date("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
    }

    #[test]
    fn the_three_forms_and_what_is_none_of_them() {
        let good = [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ];
        for date in good {
            assert_eq!(parse_http_date(date), Some(784_111_777));
            for end in 0..date.len() {
                assert_eq!(parse_http_date(&date[..end]), None);
            }
            assert_eq!(parse_http_date(format!("{date} ")), None);
            assert_eq!(parse_http_date(format!(" {date}")), None);
        }
        assert_eq!(
            parse_http_date("Sun, 06 Nov 1994 23:59:60 GMT"),
            Some(784_166_400)
        );
        assert_eq!(parse_http_date("Friday, 01-Jan-70 00:00:00 GMT"), Some(0));
        assert_eq!(
            parse_http_date("Friday, 31-Dec-69 00:00:00 GMT"),
            Some(3_155_673_600)
        );
        for bad in [
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 06 Nov 1994 08:60:37 GMT",
            "Sun, 06 Nov 1994 08:49:61 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 31 Nov 1994 08:49:37 GMT",
            "Sun, 29 Feb 1900 08:49:37 GMT",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 Nov 1994 8:49:37 GMT",
            "Sun, 06-Nov-94 08:49:37 GMT",
            "Sunday, 06 Nov 1994 08:49:37 GMT",
            "Sunday Nov  6 08:49:37 1994",
            "Son, 06 Nov 1994 08:49:37 GMT",
            ", 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Mov 1994 08:49:37 GMT",
            "Sun, 06 Nov 99999999999999999999 08:49:37 GMT",
        ] {
            assert_eq!(parse_http_date(bad), None, "{bad}");
        }
    }
}
