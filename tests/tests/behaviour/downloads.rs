//! What comes back: heads, bodies of every framing, and their ends.

use bytes::Bytes;
use nuncio::{Kind, Processed, Response, Version};
use nuncio_testkit::checksum::Checksum;
use nuncio_testkit::content;
use nuncio_testkit::script::{Script, Step};
use nuncio_testkit::server::Server;
use nuncio_tests::adapters::{Adapter, Download};
use nuncio_tests::behaviour;
use std::time::Duration;

behaviour!(bodies_of_every_framing_arrive_whole_in_every_way_of_reading);
fn bodies_of_every_framing_arrive_whole_in_every_way_of_reading<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter.client();
    for framing in ["bytes", "chunked", "trailers", "close"] {
        for length in [0, 1, 16_384, 16_385, 300_000] {
            let url = server.url(&format!("/{framing}/{length}"));
            let whole = content::bytes(length);
            let response = adapter.send(client.get(&url)).unwrap();
            assert_eq!(response.bytes(), &whole, "send {url}");
            assert_eq!(response.clone().into_bytes(), whole);

            let mut download = adapter.stream(client.get(&url)).unwrap();
            let mut body = Vec::new();
            while let Some(chunk) = download.chunk().unwrap() {
                assert!(!chunk.is_empty());
                body.extend_from_slice(&chunk);
            }
            assert_eq!(body, whole, "chunk {url}");
            assert_eq!(download.chunk().unwrap(), None, "the end stays the end");

            let mut download = adapter.stream(client.get(&url)).unwrap();
            assert_eq!(download.through_trait().unwrap(), whole, "trait {url}");

            let download = adapter.stream(client.get(&url)).unwrap();
            assert_eq!(download.read().unwrap().bytes(), &whole, "read {url}");
        }
    }
    // Only the bodies that end with their connection cost one each.
    assert_eq!(server.connections(), 4 * 5);
}

behaviour!(a_part_read_by_hand_is_not_read_again);
fn a_part_read_by_hand_is_not_read_again<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let url = server.url("/bytes/500000");
    let mut download = adapter.stream(adapter.client().get(url)).unwrap();
    let first = download.chunk().unwrap().unwrap();
    let rest = download.read().unwrap();
    let whole = content::bytes(500_000);
    assert_eq!([&first[..], rest.bytes()].concat(), whole);
}

behaviour!(a_long_download_arrives_whole);
fn a_long_download_arrives_whole<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter.client();
    for path in ["bytes", "chunked"] {
        let length = 32 << 20;
        let url = server.url(&format!("/{path}/{length}"));
        let mut download = adapter.stream(client.get(url)).unwrap();
        let mut sum = Checksum::new();
        while let Some(chunk) = download.chunk().unwrap() {
            sum.update(&chunk);
        }
        assert_eq!(sum.length(), length);
        assert_eq!(sum.finish(), content::checksum(length));
    }
}

behaviour!(the_head_is_there_before_the_body);
fn the_head_is_there_before_the_body<A: Adapter>(adapter: &A) {
    let gate = nuncio_testkit::latch::Latch::new();
    let peer = Script::new()
        .connection([
            Step::ExpectHead,
            Step::send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n"),
            Step::Wait(gate.clone()),
            Step::send("abcd"),
            Step::send("efgh"),
        ])
        .start();
    let mut download = adapter.stream(adapter.client().get(peer.url("/"))).unwrap();
    assert_eq!(download.status(), 200);
    assert_eq!(download.content_length(), Some(8));
    gate.open();
    assert_eq!(download.through_trait().unwrap(), b"abcdefgh");
}

behaviour!(a_response_tells_its_head_as_it_came);
fn a_response_tells_its_head_as_it_came<A: Adapter>(adapter: &A) {
    let head =
        "HTTP/1.1 299 Fine by me\r\nX-b: 1\r\nx-A:  2 \r\nX-b: 3\r\nContent-Length: 0\r\n\r\n";
    let peer = Script::new()
        .connection([Step::ExpectHead, Step::send(head)])
        .start();
    let url = peer.url("/x?y#z");
    let response = adapter.send(adapter.client().get(&url)).unwrap();
    assert_eq!(response.status(), 299);
    assert_eq!(response.reason(), "Fine by me");
    assert_eq!(response.version(), Version::HTTP_11);
    assert_eq!(response.url().as_str(), url);
    let fields: Vec<_> = response
        .headers()
        .iter()
        .map(|(name, value)| (name, std::str::from_utf8(value).unwrap()))
        .collect();
    assert_eq!(
        fields,
        [
            ("X-b", "1"),
            ("x-A", "2"),
            ("X-b", "3"),
            ("Content-Length", "0")
        ]
    );
    assert_eq!(format!("{response:?}"), "<Response [299 Fine by me]>");
}

behaviour!(statuses_beyond_599_and_without_words_are_let_through);
fn statuses_beyond_599_and_without_words_are_let_through<A: Adapter>(adapter: &A) {
    for (line, status, reason) in [
        ("HTTP/1.1 200", 200, "OK"),
        ("HTTP/1.1 404 ", 404, "Not Found"),
        ("HTTP/1.1 999 No", 999, "No"),
        ("HTTP/1.0 700 x", 700, "x"),
    ] {
        let peer = Script::new()
            .connection([
                Step::ExpectHead,
                Step::send(format!("{line}\r\nContent-Length: 0\r\n\r\n")),
            ])
            .start();
        let response = adapter.send(adapter.client().get(peer.url("/"))).unwrap();
        assert_eq!(
            (response.status().as_u16(), &*response.reason()),
            (status, reason)
        );
    }
}

behaviour!(head_204_and_304_have_no_body_whatever_their_head_says);
fn head_204_and_304_have_no_body_whatever_their_head_says<A: Adapter>(adapter: &A) {
    // SECURITY F24.
    let answers = [
        ("HEAD", "200 OK\r\nContent-Length: 1000"),
        ("HEAD", "200 OK\r\nTransfer-Encoding: chunked"),
        ("HEAD", "200 OK"),
        ("GET", "204 No Content\r\nContent-Length: 5"),
        ("GET", "204 No Content"),
        ("GET", "304 Not Modified\r\nContent-Length: 1000"),
        ("POST", "304 Not Modified\r\nTransfer-Encoding: chunked"),
        ("HEAD", "404 Not Found\r\nContent-Length: 7"),
    ];
    let steps = answers.iter().flat_map(|(_, answer)| {
        let answer = format!("HTTP/1.1 {answer}\r\n\r\n");
        [Step::ExpectHead, Step::send(answer)]
    });
    let peer = Script::new().connection(steps).start();
    let client = adapter.client();
    for (method, answer) in answers {
        let response = adapter.send(client.request(method, peer.url("/")));
        let response = response.unwrap_or_else(|error| panic!("{method} {answer}: {error}"));
        assert_eq!(response.bytes().len(), 0, "{method} {answer}");
    }
    assert_eq!(peer.connections(), 1, "the connection stays usable");
}

behaviour!(interim_answers_are_passed_over);
fn interim_answers_are_passed_over<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter.client();
    let response = adapter.send(client.get(server.url("/hints"))).unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.headers().get("link").is_none());

    let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\nContent-Length: 5\r\n\r\n\
                   HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 150 ?\r\n\r\n";
    let last = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let peer = Script::new()
        .connection([
            Step::ExpectHead,
            Step::SendByteByByte(format!("{interim}{last}").into()),
            Step::ExpectHead,
            Step::send(last),
        ])
        .start();
    for _ in 0..2 {
        let response = adapter.send(client.get(peer.url("/"))).unwrap();
        assert_eq!((response.status().as_u16(), &*response.text()), (200, "ok"));
    }
    assert_eq!(peer.connections(), 1);
}

behaviour!(an_unasked_switch_of_protocols_is_refused);
fn an_unasked_switch_of_protocols_is_refused<A: Adapter>(adapter: &A) {
    let peer = Script::new()
        .connection([
            Step::ExpectHead,
            Step::send(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
            ),
        ])
        .start();
    let error = adapter
        .send(adapter.client().get(peer.url("/")))
        .unwrap_err();
    assert_eq!(error.kind(), Kind::RemoteProtocol);
}

behaviour!(a_status_other_than_2xx_can_be_made_an_error);
fn a_status_other_than_2xx_can_be_made_an_error<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter.client();
    let get = |path: &str| adapter.send(client.get(server.url(path))).unwrap();
    assert!(get("/json").error_for_status().is_ok());
    assert!(get("/status/204").error_for_status().is_ok());
    for (status, what) in [
        (304, "Redirect response"),
        (404, "Client error"),
        (503, "Server error"),
    ] {
        let path = format!("/status/{status}");
        let error = get(&path).error_for_status().unwrap_err();
        assert_eq!(error.kind(), Kind::Status);
        assert!(error.is_status());
        let text = error.to_string();
        assert!(text.starts_with(&format!("{what} '{status} ")), "{text}");
        assert!(text.contains(&server.url(&path)), "{text}");
        let response: &Response = error.response().unwrap();
        assert_eq!(response.status(), status);
        if status != 304 {
            assert_eq!(response.text(), format!("status {status}\n"));
        }
    }
    let error = get("/redirect/1").error_for_status().unwrap_err();
    assert!(error.to_string().contains("'/redirect/0'"), "{error}");

    let download = adapter.stream(client.get(server.url("/status/500")));
    let error = download.unwrap().error_for_status().err().unwrap();
    assert_eq!(error.kind(), Kind::Status);
    let download = adapter.stream(client.get(server.url("/bytes/3"))).unwrap();
    let read = download.error_for_status().unwrap().read().unwrap();
    assert_eq!(read.bytes().len(), 3);
}

behaviour!(json_is_read_and_what_is_none_is_an_error);
fn json_is_read_and_what_is_none_is_an_error<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter.client();
    let response = adapter.send(client.get(server.url("/json"))).unwrap();
    let value: serde_json::Value = response.json().unwrap();
    assert_eq!(value["numbers"], serde_json::json!([1, 2, 3]));
    assert!(response.elapsed() < Duration::from_secs(5));
    let response = adapter.send(client.get(server.url("/bytes/10"))).unwrap();
    let error = response.json::<serde_json::Value>().unwrap_err();
    assert_eq!(error.kind(), Kind::Decoding);
}

behaviour!(elapsed_covers_the_whole_exchange);
fn elapsed_covers_the_whole_exchange<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter.client();
    let response = adapter.send(client.get(server.url("/delay/80"))).unwrap();
    assert!(response.elapsed() >= Duration::from_millis(80));
    let response = adapter.send(client.get(server.url("/drip/4/30"))).unwrap();
    assert!(response.elapsed() >= Duration::from_millis(120));
}

behaviour!(a_body_that_is_cut_short_is_an_error_and_its_part_is_lost_only_to_send);
fn a_body_that_is_cut_short_is_an_error_and_its_part_is_lost_only_to_send<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter.client();
    let url = server.url("/cut/100000/70000");
    let error = adapter.send(client.get(&url)).unwrap_err();
    assert_eq!(error.kind(), Kind::RemoteProtocol);
    assert_eq!(error.processed(), Processed::Yes);
    let text = error.to_string();
    assert!(text.contains("70000") && text.contains("100000"), "{text}");

    let mut download = adapter.stream(client.get(&url)).unwrap();
    let mut body = Vec::new();
    let error = loop {
        match download.chunk() {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => panic!("a short body passed for a whole one"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), Kind::RemoteProtocol);
    assert_eq!(body, content::bytes(70_000));
    let mut download = adapter.stream(client.get(&url)).unwrap();
    assert!(download.through_trait().unwrap_err().contains("70000"));
    drop(download);
    assert_eq!(client.pool().connections, 0);
}

behaviour!(chunks_that_are_kept_do_not_change);
fn chunks_that_are_kept_do_not_change<A: Adapter>(adapter: &A) {
    // They share the blocks that the socket is read into: those may not be used again meanwhile.
    let server = Server::http();
    let client = adapter.client();
    let mut kept: Vec<Bytes> = Vec::new();
    for _ in 0..3 {
        let url = server.url("/bytes/1000000");
        let mut download = adapter.stream(client.get(url)).unwrap();
        while let Some(chunk) = download.chunk().unwrap() {
            kept.push(chunk);
        }
    }
    assert_eq!(kept.concat(), content::bytes(1_000_000).repeat(3));
}

behaviour!(a_body_of_tiny_chunks_arrives_whole);
fn a_body_of_tiny_chunks_arrives_whole<A: Adapter>(adapter: &A) {
    // SECURITY F15.
    let length = 100_000;
    let mut answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for byte in content::bytes(length) {
        answer.extend_from_slice(&[b'1', b'\r', b'\n', byte, b'\r', b'\n']);
    }
    answer.extend_from_slice(b"0\r\n\r\n");
    let steps = [Step::ExpectHead, Step::Send(answer)];
    let peer = Script::new()
        .connection(steps.iter().chain(&steps).cloned())
        .start();
    let client = adapter.client();
    let response = adapter.send(client.get(peer.url("/"))).unwrap();
    assert_eq!(response.bytes(), &content::bytes(length));
    let mut download = adapter.stream(client.get(peer.url("/"))).unwrap();
    assert_eq!(download.through_trait().unwrap(), content::bytes(length));
    assert_eq!(peer.connections(), 1);
}
