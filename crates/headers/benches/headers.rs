//! Times beside `http::HeaderMap`, in nanoseconds: the best of many batches.
//!
//! `cargo bench -p nuncio-headers [-- part of a row]`

use std::hint::black_box;
use std::ops::Range;
use std::time::Instant;

use http::{HeaderMap, HeaderName, HeaderValue};
use nuncio_headers::Headers;

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

fn main() {
    if std::env::args().any(|arg| arg == "--list") {
        return; // Asked by test runners: there are no tests here.
    }
    let ranges = split(TWELVE.as_bytes());
    row("12 fields, build and drop: Headers::from_received", || {
        black_box(received(black_box(TWELVE.as_bytes()), &ranges));
    });
    row("12 fields, build and drop: Headers::append", || {
        let mut headers = Headers::with_capacity(12, TWELVE.len());
        for (name, value) in &ranges {
            headers
                .append(&TWELVE[name.clone()], &TWELVE[value.clone()])
                .unwrap();
        }
        black_box(headers);
    });
    row("12 fields, build and drop: http::HeaderMap", || {
        black_box(header_map(black_box(TWELVE.as_bytes()), &ranges));
    });
    for count in [12, 30] {
        look_up(count);
    }
    for count in [256, 512, 1024] {
        hostile(count);
    }
}

fn look_up(count: usize) {
    let mut block = TWELVE.as_bytes().to_vec();
    for index in 12..count {
        block.extend_from_slice(format!("X-Custom-Field-{index}: value {index}\r\n").as_bytes());
    }
    let ranges = split(&block);
    let headers = received(&block, &ranges);
    let map = header_map(&block, &ranges);
    for name in [
        "content-length",
        "transfer-encoding",
        "set-cookie",
        "Cache-Control",
    ] {
        row(
            &format!("look-up of {name} in {count}: Headers::first"),
            || {
                black_box(black_box(&headers).first(black_box(name)));
            },
        );
        row(
            &format!("look-up of {name} in {count}: Headers::first of a literal"),
            || {
                let headers = black_box(&headers);
                // Written out in the code, as most callers have them.
                black_box(match name {
                    "content-length" => headers.first("content-length"),
                    "transfer-encoding" => headers.first("transfer-encoding"),
                    "set-cookie" => headers.first("set-cookie"),
                    _ => headers.first("Cache-Control"),
                });
            },
        );
        row(
            &format!("look-up of {name} in {count}: HeaderMap by &str"),
            || {
                black_box(black_box(&map).get(black_box(name)));
            },
        );
        let key = HeaderName::from_bytes(name.as_bytes()).unwrap();
        row(
            &format!("look-up of {name} in {count}: HeaderMap by HeaderName"),
            || {
                black_box(black_box(&map).get(black_box(&key)));
            },
        );
    }
    let mut out = Vec::with_capacity(4096);
    row(&format!("write {count}: Headers::write_to"), || {
        out.clear();
        black_box(&headers).write_to(&mut out);
        black_box(&out);
    });
    row(&format!("walk {count}: Headers::iter"), || {
        black_box(&headers).iter().for_each(|field| {
            black_box(field);
        });
    });
}

/// Names whose first 100 bytes are the same.
fn hostile(count: usize) {
    let mut block = Vec::new();
    for index in 0..count {
        block.extend_from_slice(format!("{}-{index}: v\r\n", "a".repeat(100)).as_bytes());
    }
    let ranges = split(&block);
    row(&format!("{count} hostile fields, build and drop"), || {
        black_box(received(black_box(&block), &ranges));
    });
    let headers = received(&block, &ranges);
    row(&format!("{count} hostile fields, equality"), || {
        black_box(black_box(&headers) == &headers);
    });
    row(&format!("{count} hostile fields, update"), || {
        let mut copy = headers.clone();
        copy.update(&headers).unwrap();
        black_box(copy);
    });
}

fn split(block: &[u8]) -> Vec<(Range<usize>, Range<usize>)> {
    let mut start = 0;
    let mut ranges = Vec::new();
    for line in block.split_inclusive(|&byte| byte == b'\n') {
        let colon = line.iter().position(|&byte| byte == b':').unwrap();
        ranges.push((
            start..start + colon,
            start + colon + 2..start + line.len() - 2,
        ));
        start += line.len();
    }
    ranges
}

fn received(block: &[u8], ranges: &[(Range<usize>, Range<usize>)]) -> Headers {
    Headers::from_received(block, ranges.iter().cloned()).unwrap()
}

fn header_map(block: &[u8], ranges: &[(Range<usize>, Range<usize>)]) -> HeaderMap {
    let mut map = HeaderMap::with_capacity(ranges.len());
    for (name, value) in ranges {
        map.append(
            HeaderName::from_bytes(&block[name.clone()]).unwrap(),
            HeaderValue::from_bytes(&block[value.clone()]).unwrap(),
        );
    }
    map
}

fn row(what: &str, mut work: impl FnMut()) {
    let filter = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    if filter.is_some_and(|filter| !what.contains(&filter)) {
        return;
    }
    // `cargo test` runs benches too, to see that they work.
    let batches = if std::env::args().any(|arg| arg == "--bench") {
        300
    } else {
        1
    };
    let best = (0..batches)
        .map(|_| {
            let start = Instant::now();
            (0..200).for_each(|_| work());
            start.elapsed().as_nanos() as f64 / 200.0
        })
        .fold(f64::INFINITY, f64::min);
    println!("{best:10.1} ns  {what}");
}
