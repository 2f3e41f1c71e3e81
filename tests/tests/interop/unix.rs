//! nginx on a Unix socket.

use crate::nginx::{fresh_word, logged};
use crate::servers::{pieces_of, served, sum_of, variable};
use nuncio::Kind;
use nuncio_testkit::checksum::Checksum;
use nuncio_tests::adapters::{Adapter, Download};
use nuncio_tests::behaviour;
use std::fs;

behaviour!(
    #[ignore = "needs tests/interop/run"]
    a_hundred_requests_share_one_connection
);
fn a_hundred_requests_share_one_connection<A: Adapter>(adapter: &A) {
    let file = fs::read(served("1M.bin")).unwrap();
    // No such host is looked up.
    let client = adapter.builder().base_url("http://nginx.test:81");
    let client = client.unix_socket(variable("SOCKET")).build().unwrap();
    let word = fresh_word();
    for number in 0..97 {
        let path = match number % 2 {
            0 => format!("/many/{number}.bin?{word}"),
            _ => format!("/chunked/many/{number}.bin?{word}"),
        };
        let response = adapter.send(client.get(path)).unwrap();
        assert_eq!(response.status(), 200);
        let expected = fs::read(served(&format!("many/{number}.bin"))).unwrap();
        assert!(response.bytes() == &expected, "{number}");
    }
    let mut download = adapter
        .stream(client.get(format!("/1M.bin?{word}")))
        .unwrap();
    let mut sum = Checksum::new();
    while let Some(chunk) = download.chunk().unwrap() {
        sum.update(&chunk);
    }
    assert_eq!((sum.length(), sum.finish()), sum_of(served("1M.bin")));
    for announced in [Some(1 << 20), None] {
        let body = adapter.body(pieces_of(served("1M.bin")), announced);
        let request = client.put(format!("/echo?{word}")).body(body);
        assert!(adapter.send(request).unwrap().bytes() == &file);
    }
    let lines = logged(&word, 100);
    for (number, line) in (1..).zip(&lines) {
        assert_eq!(*line, (lines[0].0, number));
    }
}

behaviour!(
    #[ignore = "needs tests/interop/run"]
    a_socket_where_nobody_listens_is_named
);
fn a_socket_where_nobody_listens_is_named<A: Adapter>(adapter: &A) {
    let path = variable("SOCKET") + ".none";
    let client = adapter.builder().unix_socket(&path).build().unwrap();
    let error = adapter.send(client.get("http://nginx.test/")).unwrap_err();
    assert_eq!(error.kind(), Kind::Connect, "{error}");
    assert!(error.to_string().contains(&path), "{error}");
}
