//! Building and asking header fields, beside `http::HeaderMap`.

use crate::Case;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use nuncio_headers::Headers;
use std::error::Error;
use std::hint::black_box;
use std::ops::Range;

/// A head as servers send it, without its first line.
const TWELVE: &str = "Date: Tue, 15 Nov 1994 08:12:31 GMT\r\n\
    Content-Type: application/json; charset=utf-8\r\n\
    Content-Length: 15017\r\n\
    Connection: keep-alive\r\n\
    Server: nginx/1.25.3\r\n\
    Cache-Control: public, max-age=3600\r\n\
    ETag: \"33a64df551425fcc55e4d42a148795d9f25f89d4\"\r\n\
    Vary: Accept-Encoding, Origin\r\n\
    X-Request-Id: 7b1f1c1e-2b8b-4d3a-9f0e-2a6c1f0e8d9b\r\n\
    Access-Control-Allow-Origin: *\r\n\
    Strict-Transport-Security: max-age=63072000; includeSubDomains\r\n\
    Set-Cookie: sid=31d4d96e407aad42; Path=/; Secure; HttpOnly\r\n";

/// The first field, one in the middle, a later one that is no standard name, one that is not there.
const ASKED: [&str; 4] = ["date", "cache-control", "x-request-id", "transfer-encoding"];

/// What a codec knows of a head: where its names and values lie.
type Ranges = Vec<(Range<usize>, Range<usize>)>;

type Outcome<T> = Result<T, Box<dyn Error>>;

pub(crate) fn cases() -> Outcome<Vec<Case>> {
    let mut cases = Vec::new();
    build("12 received fields, build and drop", TWELVE, &mut cases)?;
    append(&mut cases);
    for count in [12, 30] {
        look_up(count, &mut cases)?;
    }
    for count in [256, 1024] {
        let block = hostile(count);
        let what = format!("{count} hostile fields, build and drop");
        build(&what, &block, &mut cases)?;
        ask_all(count, &block, &mut cases)?;
    }
    Ok(cases)
}

fn build(what: &str, block: &str, cases: &mut Vec<Case>) -> Outcome<()> {
    let ranges = split(block);
    let copied = Bytes::copy_from_slice(block.as_bytes());
    received(&copied, &ranges)?;
    mapped(&copied, &ranges)?;
    let (ours, theirs) = (
        (copied.clone(), ranges.clone()),
        (copied.clone(), ranges.clone()),
    );
    cases.push(case(what, "nuncio-headers", 1, move || {
        black_box(received(black_box(&ours.0), &ours.1)).is_ok()
    }));
    cases.push(case(what, "HeaderMap, values copied", 1, move || {
        black_box(mapped(black_box(&theirs.0), &theirs.1)).is_ok()
    }));
    // As hyper does it: values are slices of the block that was read.
    cases.push(case(what, "HeaderMap, values shared", 1, move || {
        black_box(shared(black_box(&copied), &ranges)).is_ok()
    }));
    Ok(())
}

fn append(cases: &mut Vec<Case>) {
    let what = "12 fields by append, build and drop";
    let texts = split(TWELVE).into_iter();
    let texts: Vec<_> = texts
        .map(|(name, value)| (&TWELVE[name], &TWELVE[value]))
        .collect();
    let same = texts.clone();
    cases.push(case(what, "nuncio-headers", 1, move || {
        let mut headers = Headers::new();
        let appended = black_box(&texts)
            .iter()
            .all(|(name, value)| headers.append(name, value).is_ok());
        black_box(headers);
        appended
    }));
    cases.push(case(what, "HeaderMap", 1, move || {
        let mut map = HeaderMap::new();
        let appended = black_box(&same).iter().all(|(name, value)| {
            let name = HeaderName::from_bytes(name.as_bytes());
            let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) else {
                return false;
            };
            map.append(name, value);
            true
        });
        black_box(map);
        appended
    }));
}

/// A turn asks a hundred times: once is too short to be told from the loop around it.
fn look_up(count: usize, cases: &mut Vec<Case>) -> Outcome<()> {
    const TIMES: usize = 100;
    let mut block = TWELVE.to_owned();
    for index in 12..count {
        block.push_str(&format!("X-Custom-Field-{index}: value {index}\r\n"));
    }
    let ranges = split(&block);
    for name in ASKED {
        let what = format!("look-up of {name} in {count}");
        let headers = received(block.as_bytes(), &ranges)?;
        cases.push(case(&what, "nuncio-headers, &str", TIMES, move || {
            (0..TIMES).all(|_| {
                black_box(&headers).first(black_box(name)).is_some() || name.starts_with("tr")
            })
        }));
        let map = mapped(block.as_bytes(), &ranges)?;
        cases.push(case(&what, "HeaderMap, &str", TIMES, move || {
            (0..TIMES)
                .all(|_| black_box(&map).get(black_box(name)).is_some() || name.starts_with("tr"))
        }));
        let map = mapped(block.as_bytes(), &ranges)?;
        let key = HeaderName::from_bytes(name.as_bytes())?;
        cases.push(case(&what, "HeaderMap, HeaderName", TIMES, move || {
            (0..TIMES)
                .all(|_| black_box(&map).get(black_box(&key)).is_some() || name.starts_with("tr"))
        }));
    }
    Ok(())
}

/// Every field of many is asked for by its name.
fn ask_all(count: usize, block: &str, cases: &mut Vec<Case>) -> Outcome<()> {
    let what = format!("look-up of each of {count} hostile names");
    let ranges = split(block);
    let headers = received(block.as_bytes(), &ranges)?;
    let map = mapped(block.as_bytes(), &ranges)?;
    let (ours, theirs) = (headers.clone(), map.clone());
    let merge = format!("{count} hostile fields, copy and update with themselves");
    cases.push(case(&merge, "nuncio-headers", 1, move || {
        let mut copy = black_box(&ours).clone();
        copy.update(&ours).is_ok() && black_box(copy).len() == count
    }));
    cases.push(case(&merge, "HeaderMap", 1, move || {
        let mut copy = black_box(&theirs).clone();
        for (name, value) in &theirs {
            copy.insert(name, value.clone());
        }
        black_box(copy).len() == count
    }));
    let names: Vec<String> = ranges
        .into_iter()
        .map(|(name, _)| block[name].to_owned())
        .collect();
    let same = names.clone();
    cases.push(case(&what, "nuncio-headers, &str", count, move || {
        names
            .iter()
            .all(|name| black_box(&headers).first(black_box(name)).is_some())
    }));
    cases.push(case(&what, "HeaderMap, &str", count, move || {
        same.iter()
            .all(|name| black_box(&map).get(black_box(name.as_str())).is_some())
    }));
    Ok(())
}

/// Names that differ in their middle only: they have the same tag in nuncio-headers, which looks at
/// both ends, so that each has to be compared.
fn hostile(count: usize) -> String {
    let side = "a".repeat(48);
    (0..count)
        .map(|index| format!("{side}{index:04}{side}: v\r\n"))
        .collect()
}

fn split(block: &str) -> Ranges {
    let mut start = 0;
    let lines = block.split_inclusive("\r\n").filter_map(|line| {
        let colon = start + line.find(": ")?;
        let range = (start..colon, colon + 2..start + line.len() - 2);
        start += line.len();
        Some(range)
    });
    lines.collect()
}

fn received(block: &[u8], ranges: &Ranges) -> Outcome<Headers> {
    Ok(Headers::from_received(block, ranges.iter().cloned())?)
}

fn mapped(block: &[u8], ranges: &Ranges) -> Outcome<HeaderMap> {
    let mut map = HeaderMap::with_capacity(ranges.len());
    for (name, value) in ranges {
        map.append(
            HeaderName::from_bytes(&block[name.clone()])?,
            HeaderValue::from_bytes(&block[value.clone()])?,
        );
    }
    Ok(map)
}

fn shared(block: &Bytes, ranges: &Ranges) -> Outcome<HeaderMap> {
    let mut map = HeaderMap::with_capacity(ranges.len());
    for (name, value) in ranges {
        map.append(
            HeaderName::from_bytes(&block[name.clone()])?,
            HeaderValue::from_maybe_shared(block.slice(value.clone()))?,
        );
    }
    Ok(map)
}

fn case(what: &str, who: &str, units: usize, work: impl Fn() -> bool + 'static) -> Case {
    Case::new(format!("headers/{what}/{who}"), units, move || {
        assert!(work(), "a case came out otherwise than it should");
    })
}
