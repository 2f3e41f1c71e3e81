//! What nginx shows of itself: its log tells which connection served which request, it keeps what was
//! uploaded, and it ends connections after so many requests.

use crate::servers::{NGINX, Way, client, pieces_of, served, sum_of, variable};
use http::Version;
use nuncio::Body;
use nuncio_testkit::checksum::Checksum;
use nuncio_tests::adapters::{Adapter, Download};
use nuncio_tests::behaviour;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A word that no other test of the run has used.
pub(crate) fn fresh_word() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::SeqCst);
    format!("{}-{number}", std::process::id())
}

/// What nginx logged about requests whose target holds `word`, once there are `count` of them: the
/// connection of each and its number on that connection.
pub(crate) fn logged(word: &str, count: usize) -> Vec<(u64, u64)> {
    let until = Instant::now() + Duration::from_secs(5);
    loop {
        let log = fs::read_to_string(variable("ACCESS_LOG")).unwrap();
        let lines: Vec<(u64, u64)> = log
            .lines()
            .map(|line| line.split(' ').collect::<Vec<_>>())
            .filter(|fields| fields.len() == 8 && fields[4].contains(word))
            .map(|fields| (fields[1].parse().unwrap(), fields[2].parse().unwrap()))
            .collect();
        if lines.len() >= count {
            assert_eq!(lines.len(), count);
            return lines;
        }
        assert!(Instant::now() < until, "{} of {count} logged", lines.len());
        std::thread::sleep(Duration::from_millis(10));
    }
}

behaviour!(
    #[ignore = "needs tests/interop/run"]
    a_hundred_requests_share_one_connection
);
fn a_hundred_requests_share_one_connection<A: Adapter>(adapter: &A) {
    for way in [Way::Http1, Way::Http1Tls] {
        let client = client(adapter, way);
        let word = fresh_word();
        for number in 0..100 {
            let path = match number % 2 {
                0 => format!("/150.txt?{word}"),
                _ => format!("/chunked/150.txt?{word}"),
            };
            let response = adapter.send(client.get(NGINX.url(way, &path))).unwrap();
            assert_eq!(response.bytes(), "0".repeat(150).as_bytes());
            let chunked = response.headers().contains("transfer-encoding");
            assert_eq!(chunked, number % 2 == 1);
            assert_eq!(response.content_length(), (!chunked).then_some(150));
        }
        let lines = logged(&word, 100);
        let first = lines[0].0;
        for (number, (connection, request)) in (1..).zip(lines) {
            assert_eq!((connection, request), (first, number));
        }
    }
}

behaviour!(
    #[ignore = "needs tests/interop/run"]
    a_hundred_mebibytes_arrive_as_they_are
);
fn a_hundred_mebibytes_arrive_as_they_are<A: Adapter>(adapter: &A) {
    let expected = sum_of(served("100M.bin"));
    for (way, path) in [
        (Way::Http1, "/100M.bin"),
        (Way::Http1, "/chunked/100M.bin"),
        (Way::Http1Tls, "/100M.bin"),
        (Way::Http2, "/100M.bin"),
        (Way::Http2Clear, "/100M.bin"),
    ] {
        let client = client(adapter, way);
        let request = client.get(NGINX.url(way, path));
        let mut download = adapter.stream(request).unwrap();
        let mut sum = Checksum::new();
        while let Some(chunk) = download.chunk().unwrap() {
            sum.update(&chunk);
        }
        assert_eq!((sum.length(), sum.finish()), expected, "{way:?} {path}");
    }
}

behaviour!(
    #[ignore = "needs tests/interop/run"]
    a_hundred_mebibytes_go_up_as_they_are
);
fn a_hundred_mebibytes_go_up_as_they_are<A: Adapter>(adapter: &A) {
    let expected = sum_of(served("100M.bin"));
    for (way, announced) in [
        (Way::Http1, Some(expected.0)),
        (Way::Http1, None),
        (Way::Http1Tls, Some(expected.0)),
        (Way::Http2, Some(expected.0)),
        (Way::Http2Clear, None),
    ] {
        let client = client(adapter, way);
        let name = fresh_word();
        let target = NGINX.url(way, &format!("/upload/{name}"));
        let body: Body = adapter.body(pieces_of(served("100M.bin")), announced);
        let response = adapter.send(client.put(&target).body(body)).unwrap();
        assert_eq!(response.status(), 201);
        let arrived = PathBuf::from(variable("UPLOADS")).join(&name);
        assert_eq!(sum_of(arrived.clone()), expected, "{way:?} {announced:?}");

        let response = adapter.send(client.put(&target).body("over it")).unwrap();
        assert_eq!(response.status(), 204);
        assert_eq!(fs::read(&arrived).unwrap(), b"over it");
        assert_eq!(adapter.send(client.delete(&target)).unwrap().status(), 204);
        assert!(!arrived.exists());
    }
}

behaviour!(
    #[ignore = "needs tests/interop/run"]
    connections_that_the_server_ends_cost_no_request
);
fn connections_that_the_server_ends_cost_no_request<A: Adapter>(adapter: &A) {
    // Ten requests per connection and 40 ms of idleness: 1,000 of them, with pauses around that.
    for &way in NGINX.ways {
        let client = client(adapter, way);
        let word = fresh_word();
        for number in 0..1_000 {
            if number % 50 == 49 {
                std::thread::sleep(Duration::from_millis(36 + number / 50 % 9));
            }
            let target = NGINX.short_url(way, &format!("/150.txt?{word}"));
            match adapter.send(client.get(target)) {
                Ok(response) => assert_eq!(response.bytes().len(), 150),
                Err(error) => panic!("request {number}, {way:?}: {error}"),
            }
        }
        let lines = logged(&word, 1_000);
        let first_ones = lines.iter().filter(|(_, request)| *request == 1).count();
        assert!(first_ones >= 100, "{way:?}: {first_ones} connections");
        assert!(lines.iter().all(|(_, request)| *request <= 10));
    }
}

behaviour!(
    #[ignore = "needs tests/interop/run"]
    many_at_once_over_connections_that_are_ended
);
fn many_at_once_over_connections_that_are_ended<A: Adapter>(adapter: &A) {
    for &way in NGINX.ways {
        let client = client(adapter, way);
        // See README.md: over HTTP/2 nginx may end it before all of a long answer is here.
        let (path, length) = match way.version() {
            Version::HTTP_2 => ("/many/99.bin", 99 * 409),
            _ => ("/1M.bin", 1 << 20),
        };
        for _ in 0..5 {
            let request = |_| client.get(NGINX.short_url(way, path));
            for response in adapter.together((0..16).map(request).collect()) {
                let response = response.unwrap_or_else(|error| panic!("{way:?}: {error}"));
                assert_eq!(response.bytes().len(), length);
            }
        }
    }
}
