//! Against nginx, which `tests/interop/run` starts: see `tests/interop/README.md`.

use bytes::Bytes;
use nuncio::{Body, Response};
use nuncio_client::{Client, ClientBuilder};
use nuncio_testkit::checksum::Checksum;
use nuncio_tests::adapters::{Adapter, Download};
use nuncio_tests::behaviour;
use std::fs;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

fn variable(name: &str) -> String {
    let name = format!("NUNCIO_INTEROP_{name}");
    std::env::var(&name).unwrap_or_else(|_| panic!("{name} is not set: use tests/interop/run"))
}

fn url(port: &str, path: &str) -> String {
    let scheme = if port.contains("HTTPS") {
        "https"
    } else {
        "http"
    };
    format!("{scheme}://localhost:{}{path}", variable(port))
}

fn builder<A: Adapter>(adapter: &A) -> ClientBuilder<A::Driver> {
    let authority = fs::read(variable("CA")).unwrap();
    adapter.builder().root_certificates(authority)
}

fn client<A: Adapter>(adapter: &A) -> Client<A::Driver> {
    builder(adapter).build().unwrap()
}

/// A word that no other test of the run has used.
fn fresh_word() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::SeqCst);
    format!("{}-{number}", std::process::id())
}

/// What nginx logged about requests whose target holds `word`, once there are `count` of them: the
/// connection of each and its number on that connection.
fn logged(word: &str, count: usize) -> Vec<(u64, u64)> {
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

fn served(name: &str) -> PathBuf {
    PathBuf::from(variable("FILES")).join(name)
}

fn sum_of(path: PathBuf) -> (u64, u64) {
    let mut file = fs::File::open(path).unwrap();
    let mut sum = Checksum::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer).unwrap() {
            0 => return (sum.length(), sum.finish()),
            read => sum.update(&buffer[..read]),
        }
    }
}

fn pieces_of(path: PathBuf) -> impl Iterator<Item = io::Result<Bytes>> + Send {
    let mut file = fs::File::open(path).unwrap();
    std::iter::from_fn(move || {
        let mut piece = vec![0; 256 * 1024];
        match file.read(&mut piece) {
            Ok(0) => None,
            Ok(read) => {
                piece.truncate(read);
                Some(Ok(piece.into()))
            }
            Err(error) => Some(Err(error)),
        }
    })
}

behaviour!(
    #[ignore = "needs tests/interop/run"]
    a_hundred_requests_share_one_connection
);
fn a_hundred_requests_share_one_connection<A: Adapter>(adapter: &A) {
    for port in ["HTTP_PORT", "HTTPS_PORT"] {
        let client = client(adapter);
        let word = fresh_word();
        for number in 0..100 {
            let path = match number % 2 {
                0 => format!("/150.txt?{word}"),
                _ => format!("/chunked/150.txt?{word}"),
            };
            let response = adapter.send(client.get(url(port, &path))).unwrap();
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
    let client = client(adapter);
    let expected = sum_of(served("100M.bin"));
    for (port, path) in [
        ("HTTP_PORT", "/100M.bin"),
        ("HTTP_PORT", "/chunked/100M.bin"),
        ("HTTPS_PORT", "/100M.bin"),
    ] {
        let mut download = adapter.stream(client.get(url(port, path))).unwrap();
        let mut sum = Checksum::new();
        while let Some(chunk) = download.chunk().unwrap() {
            sum.update(&chunk);
        }
        assert_eq!((sum.length(), sum.finish()), expected, "{port} {path}");
    }
    let response = adapter
        .send(client.get(url("HTTP_PORT", "/1M.bin")))
        .unwrap();
    assert_eq!(response.bytes(), &fs::read(served("1M.bin")).unwrap());
}

behaviour!(
    #[ignore = "needs tests/interop/run"]
    a_hundred_mebibytes_go_up_as_they_are
);
fn a_hundred_mebibytes_go_up_as_they_are<A: Adapter>(adapter: &A) {
    let client = client(adapter);
    let expected = sum_of(served("100M.bin"));
    for (port, announced) in [
        ("HTTP_PORT", Some(expected.0)),
        ("HTTP_PORT", None),
        ("HTTPS_PORT", Some(expected.0)),
    ] {
        let name = fresh_word();
        let target = url(port, &format!("/upload/{name}"));
        let body: Body = adapter.body(pieces_of(served("100M.bin")), announced);
        let response = adapter.send(client.put(&target).body(body)).unwrap();
        assert_eq!(response.status(), 201);
        let arrived = PathBuf::from(variable("UPLOADS")).join(&name);
        assert_eq!(sum_of(arrived.clone()), expected, "{port} {announced:?}");

        let response = adapter.send(client.put(&target).body("over it")).unwrap();
        assert_eq!(response.status(), 204);
        assert_eq!(fs::read(&arrived).unwrap(), b"over it");
        assert_eq!(adapter.send(client.delete(&target)).unwrap().status(), 204);
        assert!(!arrived.exists());
    }
}

behaviour!(
    #[ignore = "needs tests/interop/run"]
    answers_without_a_body_and_refusals
);
fn answers_without_a_body_and_refusals<A: Adapter>(adapter: &A) {
    let client = client(adapter);
    let word = fresh_word();
    let get = |path: &str| client.get(url("HTTP_PORT", &format!("{path}?{word}")));
    let head = |path: &str| client.head(url("HTTP_PORT", &format!("{path}?{word}")));
    let status = |response: &Response| response.status().as_u16();

    let response = adapter.send(head("/1M.bin")).unwrap();
    assert_eq!((status(&response), response.bytes().len()), (200, 0));
    assert_eq!(response.content_length(), Some(1 << 20));
    let tag = response.headers().get("etag").unwrap().into_owned();
    let response = adapter.send(head("/chunked/1M.bin")).unwrap();
    assert_eq!((status(&response), response.bytes().len()), (200, 0));

    let request = get("/1M.bin").header("If-None-Match", &tag);
    let response = adapter.send(request).unwrap();
    assert_eq!((status(&response), response.bytes().len()), (304, 0));
    let response = adapter.send(get("/no-such-file")).unwrap();
    assert_eq!(status(&response), 404);
    assert!(response.text().contains("404"));
    let response = adapter.send(head("/no-such-file")).unwrap();
    assert_eq!((status(&response), response.bytes().len()), (404, 0));
    assert!(response.error_for_status().unwrap_err().is_status());

    // All of it over one connection: none of these leaves anything behind.
    let connections: Vec<u64> = logged(&word, 5).iter().map(|(it, _)| *it).collect();
    assert!(connections.iter().all(|it| *it == connections[0]));
}

behaviour!(
    #[ignore = "needs tests/interop/run"]
    a_body_that_is_too_large_is_answered_before_it_is_sent
);
fn a_body_that_is_too_large_is_answered_before_it_is_sent<A: Adapter>(adapter: &A) {
    let client = client(adapter);
    for port in ["HTTP_PORT", "HTTPS_PORT"] {
        let target = url(port, "/limited");
        let response = adapter.send(client.post(&target).body("small")).unwrap();
        assert_eq!(
            (response.status().as_u16(), &*response.text()),
            (200, "POST 5\n")
        );
        let large = Bytes::from(vec![b'x'; 64 << 20]);
        let response = adapter.send(client.post(&target).body(large)).unwrap();
        assert_eq!(response.status(), 413);
        let body = adapter.body(pieces_of(served("100M.bin")), Some(100 << 20));
        let response = adapter.send(client.post(&target).body(body)).unwrap();
        assert_eq!(response.status(), 413);
        // And the client is as good as before.
        let response = adapter.send(client.post(&target).body("small")).unwrap();
        assert_eq!(response.status(), 200);
    }
}

behaviour!(
    #[ignore = "needs tests/interop/run"]
    a_post_goes_out_without_being_asked_for
);
fn a_post_goes_out_without_being_asked_for<A: Adapter>(adapter: &A) {
    let client = client(adapter);
    for port in ["HTTP_PORT", "HTTPS_PORT"] {
        let target = url(port, "/post");
        let body = vec![b'x'; 300_000];
        let response = adapter.send(client.post(&target).body(body)).unwrap();
        assert_eq!(response.text(), "POST 300000\n");
        let body = adapter.body(std::iter::once(Ok(Bytes::from("chunked!!"))), None);
        let response = adapter.send(client.patch(&target).body(body)).unwrap();
        assert_eq!(response.text(), "PATCH 9\n");
        let response = adapter.send(client.post(&target)).unwrap();
        assert!(response.text().starts_with("POST "), "{}", response.text());
        let response = adapter.send(client.post(&target).form([("a", "b c")]));
        assert_eq!(response.unwrap().text(), "POST 5\n");
    }
}

behaviour!(
    #[ignore = "needs tests/interop/run"]
    connections_that_the_server_ends_cost_no_request
);
fn connections_that_the_server_ends_cost_no_request<A: Adapter>(adapter: &A) {
    // Ten requests per connection and 40 ms of idleness: 2,000 of them, with pauses around that.
    for port in ["SHORT_HTTP_PORT", "SHORT_HTTPS_PORT"] {
        let client = client(adapter);
        let word = fresh_word();
        for number in 0..2_000 {
            if number % 50 == 49 {
                std::thread::sleep(Duration::from_millis(36 + number / 50 % 9));
            }
            let target = url(port, &format!("/150.txt?{word}"));
            match adapter.send(client.get(target)) {
                Ok(response) => assert_eq!(response.bytes().len(), 150),
                Err(error) => panic!("request {number} of {port}: {error}"),
            }
        }
        let lines = logged(&word, 2_000);
        let first_ones = lines.iter().filter(|(_, request)| *request == 1).count();
        assert!(first_ones >= 200, "{first_ones} connections");
        assert!(first_ones <= 300, "{first_ones} connections");
        assert!(lines.iter().all(|(_, request)| *request <= 10));
    }
}

behaviour!(
    #[ignore = "needs tests/interop/run"]
    many_at_once_over_connections_that_are_ended
);
fn many_at_once_over_connections_that_are_ended<A: Adapter>(adapter: &A) {
    for port in ["SHORT_HTTP_PORT", "SHORT_HTTPS_PORT"] {
        let client = client(adapter);
        for _ in 0..5 {
            let request = |_| client.get(url(port, "/1M.bin"));
            for response in adapter.together((0..16).map(request).collect()) {
                assert_eq!(response.unwrap().bytes().len(), 1 << 20);
            }
        }
    }
}
