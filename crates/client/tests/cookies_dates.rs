//! Dates of Expires (RFC 6265bis section 5.1.1): written out, and made from their parts.

use nuncio_client::cookies::parse_cookie_date;
use proptest::prelude::*;
use std::time::{Duration, SystemTime};

fn seconds(text: &str) -> Option<i64> {
    let time = parse_cookie_date(text)?;
    Some(match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => after.as_secs() as i64,
        Err(before) => -(before.duration().as_secs() as i64),
    })
}

/// 2017-04-15 21:01:22.
const DAY: i64 = 1_492_290_082;

const THE_SAME_SECOND: &[&str] = &[
    // The three of RFC 9110, and how servers write them.
    "Sat, 15 Apr 2017 21:01:22 GMT",
    "Saturday, 15-Apr-17 21:01:22 GMT",
    "Sat Apr 15 21:01:22 2017",
    "Sat, 15-Apr-17 21:01:22 GMT",
    "Sat, 15-Apr-2017 21:01:22 GMT",
    "Sat, 15/Apr/2017 21:01:22 GMT",
    "Sat,15 Apr 2017 21:01:22 GMT",
    "15 Apr 2017 21:01:22 GMT",
    "15 Apr 2017 21:01:22",
    "15-Apr-2017 21:01:22",
    "15 Apr 17 21:01:22",
    // Any order.
    "2017 Apr 15 21:01:22",
    "Apr 15 2017 21:01:22",
    "21:01:22 15 Apr 2017",
    "21:01:22 2017 Apr 15",
    "15 21:01:22 Apr 2017",
    "15 2017 21:01:22 Apr",
    "15 2017 Apr 21:01:22",
    "Apr 21:01:22 15 17",
    // The first two numbers of two digits are the day and the year, in this order.
    "15 17 Apr 21:01:22",
    // Names of months by their first letters, in any case.
    "15 APR 2017 21:01:22",
    "15 apr 2017 21:01:22",
    "15 aPril 2017 21:01:22",
    "15 Aprillian 2017 21:01:22",
    "15 Apr17 2017 21:01:22",
    // Any separators.
    "15\tApr\t2017\t21:01:22",
    "15!Apr\"2017#21:01:22",
    "15$Apr%2017&21:01:22",
    "15'Apr(2017)21:01:22",
    "15*Apr+2017,21:01:22",
    "15-Apr.2017/21:01:22",
    "15;Apr<2017=21:01:22",
    "15>Apr?2017@21:01:22",
    "15[Apr\\2017]21:01:22",
    "15^Apr_2017`21:01:22",
    "15{Apr|2017}21:01:22~",
    "   15    Apr    2017   21:01:22   ",
    ";;15;;Apr;;2017;;21:01:22;;",
    // Words around it do not matter, nor does a time zone.
    "Sun, 15 Apr 2017 21:01:22 GMT",
    "Caturday, 15 Apr 2017 21:01:22 GMT",
    "15 Apr 2017 21:01:22 PST",
    "15 Apr 2017 21:01:22 -0800",
    "15 Apr 2017 21:01:22 +02:00",
    "15 Apr 2017 21:01:22 GMT+0200 (CEST)",
    "15 Apr 2017 21:01:22 UTC and so on",
    "expires on 15 Apr 2017 21:01:22",
    "\"15 Apr 2017 21:01:22\"",
    // The first of each kind counts.
    "15 Apr 2017 21:01:22 16 May 2018 22:02:23",
    "15 Apr 2017 21:01:22 99:99:99",
    "15 Apr 2017 21:01:22 Jan",
    "15 Apr 2017 21:01:22 1999",
    // What looks nearly like a time or a number, and is none.
    "15 Apr 2017 ::00 21:01:22",
    "15 Apr 2017 21:01 21:01:22",
    "15 Apr 2017 x:y:z 21:01:22",
    "15 Apr 12345 2017 21:01:22",
    "123456 15 Apr 2017 21:01:22",
    // Letters behind the digits.
    "15th Apr 2017 21:01:22",
    "15 Apr 2017AD 21:01:22",
    "15 Apr 2017 21:01:22Z",
    "15 Apr 2017 21:01:22.999",
    "15 Apr 2017 21:01:22:33",
    "15 Apr 2017 21:1:22",
];

const NO_DATE: &[&str] = &[
    "",
    " ",
    "never",
    "0",
    "-1",
    "1492290082",
    "Session",
    // Something is missing.
    "15 Apr 2017",
    "15 Apr 21:01:22",
    "15 2017 21:01:22",
    "Apr 2017 21:01:22",
    "Sat, 15 Apr 2017 GMT",
    "21:01:22",
    "Sat, Apr 2017 21:01:22 GMT",
    // Out of range.
    "0 Apr 2017 21:01:22",
    "00 Apr 2017 21:01:22",
    "32 Apr 2017 21:01:22",
    "99 Apr 2017 21:01:22",
    "31 Apr 2017 21:01:22",
    "30 Feb 2016 21:01:22",
    "29 Feb 2017 21:01:22",
    "29 Feb 1900 21:01:22",
    "29 Feb 2100 21:01:22",
    "31 Jun 2017 21:01:22",
    "31 Sep 2017 21:01:22",
    "31 Nov 2017 21:01:22",
    "15 Apr 1600 21:01:22",
    "15 Apr 0100 21:01:22",
    "15 Apr 100 21:01:22",
    "15 Apr 999 21:01:22",
    "15 Apr 2017 24:00:00",
    "15 Apr 2017 21:60:22",
    "15 Apr 2017 21:01:60",
    "15 Apr 2017 99:99:99",
    "98 Apr 15 21:01:22",
    // Too many digits, or too few.
    "15 Apr 20170 21:01:22",
    "15 Apr 7 21:01:22",
    "015 Apr 2017 21:01:22",
    "15 Apr 2017 021:01:22",
    "15 Apr 2017 21:001:22",
    "15 Apr 2017 21:01:022",
    "15 Apr 99999999999999999999 21:01:22",
    "99999999999999999999 Apr 2017 21:01:22",
    "15 Apr 2017 99999999999999999999:01:22",
    "15 Apr 2017 21:01:99999999999999999999",
    // Not told apart by blanks alone.
    "15 Apr 2017 21 01 22",
    "15 Apr 2017 21: 01:22",
    "15 Apr 2017 21:01",
    "15 Apr 2017 9pm",
    "2017-04-15T21:01:22Z",
    "2017-04-15 21:01:22",
    "20170415210122",
    "15/04/2017 21:01:22",
    "15.04.2017 21:01:22",
    "15Apr2017 21:01:22",
    // Months that are none.
    "15 Ap 2017 21:01:22",
    "15 Foo 2017 21:01:22",
    "15 4 2017 21:01:22",
    "15 avril 2017 21:01:22",
    "15 \u{410}pr 2017 21:01:22",
    "\u{ff11}\u{ff15} Apr 2017 21:01:22",
];

#[test]
fn b06_3_expires_is_read_in_every_form() {
    for text in THE_SAME_SECOND {
        assert_eq!(seconds(text), Some(DAY), "{text}");
    }
    println!("{} dates that are the same", THE_SAME_SECOND.len());
}

#[test]
fn b06_3_expires_that_is_no_date_is_none() {
    for text in NO_DATE {
        assert_eq!(seconds(text), None, "{text}");
    }
    println!("{} that are none", NO_DATE.len());
}

#[test]
fn b06_3_years_of_two_digits_and_three() {
    // Years of two digits turn at 70; 70 years of each century are checked by their first day.
    for year in 0..100_i64 {
        let full = if year < 70 { year + 2000 } else { year + 1900 };
        let short = seconds(&format!("1 Jan {year:02} 00:00:00"));
        assert_eq!(short, seconds(&format!("1 Jan {full} 00:00:00")), "{year}");
        assert!(short.is_some());
    }
    for (text, expected) in [
        ("1 Jan 1970 00:00:00", 0),
        ("31 Dec 1969 23:59:59", -1),
        ("1 Jan 1601 00:00:00", -11_644_473_600),
        ("29 Feb 2000 12:00:00", 951_825_600),
        ("29 Feb 2024 23:59:59", 1_709_251_199),
        ("19 Jan 2038 03:14:08", 2_147_483_648),
        ("7 Feb 2106 06:28:16", 4_294_967_296),
        ("31 Dec 9999 23:59:59", 253_402_300_799),
        ("01 jan 70 0:0:0", 0),
    ] {
        assert_eq!(seconds(text), Some(expected), "{text}");
    }
    // Three digits are a year as they stand, and it is too early.
    assert_eq!(seconds("1 Jan 170 00:00:00"), None);
    assert_eq!(seconds("15 Apr 017 21:01:22"), Some(DAY));
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

#[test]
fn b06_3_every_month_of_every_length() {
    let mut cases = 0;
    for year in [1999, 2000, 2023, 2024, 2100] {
        for (index, month) in MONTHS.iter().enumerate() {
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let length = match index {
                1 if leap => 29,
                1 => 28,
                3 | 5 | 8 | 10 => 30,
                _ => 31,
            };
            for day in 1..=31 {
                let date = seconds(&format!("{day} {month} {year} 0:0:0"));
                assert_eq!(date.is_some(), day <= length, "{day} {month} {year}");
                if day > 1 && day <= length {
                    let before = seconds(&format!("{} {month} {year} 0:0:0", day - 1));
                    assert_eq!(date.unwrap() - before.unwrap(), 86_400);
                }
                cases += 1;
            }
        }
    }
    println!("{cases} days");
}

proptest! {
    /// The parts in any order with any separators are the date that RFC 9110 writes.
    #[test]
    fn b06_3_the_order_of_the_parts_does_not_matter(
        day in 1..=28_u32,
        month in 0..12_usize,
        year in 1970..=2069_u32,
        (hour, minute, second) in (0..24_u32, 0..60_u32, 0..60_u32),
        order in Just([0, 1, 2, 3]).prop_shuffle(),
        separators in prop::collection::vec("[ \t!-/;-@\\[-`{-~]{1,3}", 5),
        (short, upper) in (any::<bool>(), any::<bool>()),
    ) {
        // A day comes before a year of two digits, or the year would be taken for it.
        let day_first = order.iter().position(|it| *it == 0) < order.iter().position(|it| *it == 2);
        let year_text = if short && day_first { format!("{:02}", year % 100) } else { year.to_string() };
        let name = MONTHS[month];
        let name = if upper { name.to_uppercase() } else { name[..3].to_owned() };
        let parts = [day.to_string(), name, year_text, format!("{hour}:{minute:02}:{second}")];
        let mut text = separators[4].clone();
        for (place, separator) in order.iter().zip(&separators) {
            text += &parts[*place];
            text += separator;
        }
        let written = format!(
            "Sun, {day:02} {} {year} {hour:02}:{minute:02}:{second:02} GMT", &MONTHS[month][..3]
        );
        let expected = nuncio_headers::typed::parse_http_date(&written).unwrap();
        prop_assert_eq!(seconds(&text), Some(expected), "{}", text);
    }

    /// Whatever comes, it is a date from 1601 to 9999 or none.
    #[test]
    fn c18_no_bytes_are_a_date_out_of_range(text in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Some(date) = parse_cookie_date(&text) {
            prop_assert!(date < SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_800));
        }
    }
}
