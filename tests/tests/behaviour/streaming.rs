//! Bodies pulled by hand (BEHAVIOUR sections 12, 13 and 31.4).

use crate::coded::{encode, gzip, peer, response, serving};
use bytes::Bytes;
use nuncio::{Error, Kind, ServerSentEvent};
use nuncio_content::Coding;
use nuncio_testkit::content;
use nuncio_testkit::script::{Script, Step};
use nuncio_testkit::server::{Reply, Server};
use nuncio_tests::adapters::{Adapter, Download};
use nuncio_tests::behaviour;
use std::io;
use std::num::NonZeroUsize;
use std::time::Duration;

fn size(size: usize) -> NonZeroUsize {
    NonZeroUsize::new(size).unwrap()
}

/// A download of this body, whole or byte by byte, as it is or coded.
fn downloads<A: Adapter>(
    adapter: &A,
    content_type: &'static str,
    body: &[u8],
    mut check: impl FnMut(A::Download),
) {
    let plain = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let coded = gzip(body);
    let zipped = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\
         Content-Encoding: gzip\r\n\r\n",
        coded.len()
    );
    for (head, body) in [(plain, body), (zipped, &coded[..])] {
        let answer = [head.as_bytes(), body].concat();
        for send in [Step::Send(answer.clone()), Step::SendByteByByte(answer)] {
            let peer = Script::new().connection([Step::ExpectHead, send]).start();
            let download = adapter.stream(adapter.client().get(peer.url("/")));
            check(download.unwrap());
        }
    }
}

fn all<T>(items: impl Iterator<Item = Result<T, Error>>) -> Vec<T> {
    items.map(|item| item.unwrap()).collect()
}

behaviour!(b12_pieces_of_one_size_are_of_that_size_but_for_the_last);
fn b12_pieces_of_one_size_are_of_that_size_but_for_the_last<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter.client();
    for (length, piece) in [
        (0, 1),
        (10, 3),
        (10, 5),
        (10, 10),
        (10, 11),
        (200_000, 7_777),
    ] {
        let url = server.url(&format!("/chunked/{length}"));
        let expected: Vec<Bytes> = content::bytes(length)
            .chunks(piece)
            .map(Bytes::copy_from_slice)
            .collect();
        let download = adapter.stream(client.get(&url)).unwrap();
        assert_eq!(all(download.chunks(size(piece))), expected);
        let download = adapter.stream(client.get(&url)).unwrap();
        assert_eq!(all(download.raw_chunks(size(piece))), expected);
    }
    assert_eq!(server.connections(), 1);
}

behaviour!(b12_raw_pieces_are_the_body_as_it_came);
fn b12_raw_pieces_are_the_body_as_it_came<A: Adapter>(adapter: &A) {
    for &coding in Coding::ALL {
        let coded = encode(coding, &content::bytes(100_000));
        let peer = peer(response(coding.name(), &coded));
        let client = adapter.client();
        let mut download = adapter.stream(client.get(peer.url("/"))).unwrap();
        let mut raw = Vec::new();
        while let Some(chunk) = download.raw_chunk().unwrap() {
            assert!(!chunk.is_empty());
            raw.extend_from_slice(&chunk);
        }
        assert_eq!(raw, coded);
        assert_eq!(download.bytes_downloaded(), coded.len() as u64);
        assert_eq!(client.pool().idle, 1);
        let again = client.get(peer.url("/"));
        client.evict_idle();
        let pieces = adapter.stream(again).unwrap().raw_chunks(size(100));
        assert_eq!(all(pieces).concat(), coded);
    }
}

behaviour!(b12_raw_and_decoded_pulls_of_a_coded_body_exclude_each_other);
fn b12_raw_and_decoded_pulls_of_a_coded_body_exclude_each_other<A: Adapter>(adapter: &A) {
    let whole = content::bytes(300_000);
    let server = serving(&["gzip"], gzip(&whole));
    let client = adapter.client();
    let url = server.url("/");

    let mut download = adapter.stream(client.get(&url)).unwrap();
    let first = download.chunk().unwrap().unwrap();
    let error = download.raw_chunk().unwrap_err();
    assert_eq!(error.kind(), Kind::StreamConsumed);
    assert_eq!(error.url().unwrap().as_str(), url);
    // That was no harm to the body.
    let rest = download.read().unwrap();
    assert_eq!([&first[..], rest.bytes()].concat(), whole);

    let mut download = adapter.stream(client.get(&url)).unwrap();
    let first = download.raw_chunk().unwrap().unwrap();
    assert_eq!(download.chunk().unwrap_err().kind(), Kind::StreamConsumed);
    assert!(download.read_part(1).is_err());
    let rest = all(download.raw_chunks(size(1 << 20)));
    assert_eq!([first, rest[0].clone()].concat(), gzip(&whole));
    let mut download = adapter.stream(client.get(&url)).unwrap();
    download.raw_chunk().unwrap();
    assert_eq!(download.read().unwrap_err().kind(), Kind::StreamConsumed);

    // Where there is no coding they are the same.
    let mut download = adapter
        .stream(client.get(server.url("/bytes/300000")))
        .unwrap();
    let mut body = download.read_part(10).unwrap();
    body.extend_from_slice(&download.raw_chunk().unwrap().unwrap());
    body.extend_from_slice(&download.chunk().unwrap().unwrap_or_default());
    body.extend_from_slice(download.read().unwrap().bytes());
    assert_eq!(body, whole);
}

behaviour!(b12_every_way_of_reading_goes_on_where_the_one_before_stopped);
fn b12_every_way_of_reading_goes_on_where_the_one_before_stopped<A: Adapter>(adapter: &A) {
    let whole = content::bytes(400_000);
    for url in ["/bytes/400000", "/"] {
        let server = serving(&["br"], encode(Coding::Brotli, &whole));
        let request = adapter.client().get(server.url(url));
        let mut download = adapter.stream(request).unwrap();
        let mut body = Vec::new();
        for length in [0, 1, 100, 10_000] {
            let part = download.read_part(length).unwrap();
            assert!(part.len() <= length);
            body.extend_from_slice(&part);
        }
        body.extend_from_slice(&download.chunk().unwrap().unwrap());
        body.extend_from_slice(&download.read_part(5).unwrap());
        let rest = download.read().unwrap();
        body.extend_from_slice(rest.bytes());
        assert_eq!(body, whole, "{url}");
        assert!(rest.elapsed() > Duration::ZERO);
    }
    // 31.4: what is left may be nothing.
    let server = Server::http();
    let mut download = adapter
        .stream(adapter.client().get(server.url("/bytes/3")))
        .unwrap();
    download.chunk().unwrap().unwrap();
    assert_eq!(download.read().unwrap().bytes().len(), 0);
}

behaviour!(b12_to_begin_again_after_the_end_is_stream_consumed);
fn b12_to_begin_again_after_the_end_is_stream_consumed<A: Adapter>(adapter: &A) {
    let server = serving(&["gzip"], gzip(b"one\ntwo\n"));
    let client = adapter.client();
    for path in ["/", "/bytes/7", "/bytes/0"] {
        let ended = || {
            let mut download = adapter.stream(client.get(server.url(path))).unwrap();
            while download.chunk().unwrap().is_some() {}
            assert_eq!(download.chunk().unwrap(), None);
            assert!(download.is_closed() && download.is_consumed());
            download
        };
        let error = ended().read().unwrap_err();
        assert_eq!(error.kind(), Kind::StreamConsumed, "{path}");
        assert!(error.to_string().contains(path), "{error}");
        let kind = |first: Option<Result<String, Error>>| first.unwrap().unwrap_err().kind();
        let mut lines = ended().lines();
        assert_eq!(kind(lines.next()), Kind::StreamConsumed);
        assert!(lines.next().is_none(), "one error, and no more");
        assert_eq!(kind(ended().text().next()), Kind::StreamConsumed);
        // Closing what is closed does nothing.
        let mut download = ended();
        let elapsed = download.elapsed().unwrap();
        download.close();
        assert_eq!(download.elapsed(), Some(elapsed));
        assert_eq!(download.read().unwrap_err().kind(), Kind::StreamConsumed);
    }
    assert_eq!(server.connections(), 1);
}

behaviour!(b12_after_close_every_read_is_closed_and_the_connection_with_it);
fn b12_after_close_every_read_is_closed_and_the_connection_with_it<A: Adapter>(adapter: &A) {
    let server = serving(&["gzip"], gzip(&content::bytes(1 << 20)));
    let client = adapter.client();
    let mut download = adapter.stream(client.get(server.url("/"))).unwrap();
    assert!(!download.is_closed() && !download.is_consumed());
    assert_eq!(download.elapsed(), None);
    download.close();
    download.close();
    assert!(download.is_closed() && !download.is_consumed());
    assert!(download.elapsed().is_some());
    assert_eq!(client.pool().connections, 0, "it had unread bytes");
    assert_eq!(download.chunk().unwrap_err().kind(), Kind::Closed);
    assert_eq!(download.raw_chunk().unwrap_err().kind(), Kind::Closed);
    assert!(download.read_part(1).is_err());
    assert_eq!(download.read().unwrap_err().kind(), Kind::Closed);

    let mut download = adapter.stream(client.get(server.url("/"))).unwrap();
    download.read_part(10).unwrap();
    download.close();
    assert!(download.is_consumed());
    let error = download.chunk().unwrap_err();
    assert_eq!(
        error.kind(),
        Kind::Closed,
        "what was read ahead is gone too"
    );
    let first = download.lines().next().unwrap();
    assert_eq!(first.unwrap_err().kind(), Kind::Closed);
}

behaviour!(b12_closing_a_response_without_a_body_keeps_its_connection);
fn b12_closing_a_response_without_a_body_keeps_its_connection<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter.client();
    for request in [
        client.get(server.url("/status/204")),
        client.get(server.url("/bytes/0")),
        client.head(server.url("/bytes/100000")),
    ] {
        let mut download = adapter.stream(request).unwrap();
        download.close();
        assert_eq!(client.pool().idle, 1);
    }
    assert_eq!(server.connections(), 1);
}

behaviour!(b12_a_stream_that_is_dropped_anywhere_leaves_the_pool_right);
fn b12_a_stream_that_is_dropped_anywhere_leaves_the_pool_right<A: Adapter>(adapter: &A) {
    let text = "0123456789\n".repeat(50_000);
    let server = serving(&["gzip"], gzip(text.as_bytes()));
    let client = adapter.client();
    for lines in [0, 1, 2, 100, 40_000, 50_000] {
        let download = adapter.stream(client.get(server.url("/"))).unwrap();
        let taken = download.lines().take(lines);
        assert_eq!(all(taken).len(), lines);
        let counts = client.pool();
        assert_eq!(counts.connections, counts.idle, "{lines}: {counts:?}");
        let next = adapter.send(client.get(server.url("/"))).unwrap();
        assert_eq!(next.bytes().len(), text.len());
    }
    let before = server.connections();
    let download = adapter.stream(client.get(server.url("/"))).unwrap();
    assert_eq!(download.lines().count(), 50_000);
    adapter.send(client.get(server.url("/"))).unwrap();
    assert_eq!(server.connections(), before, "read to its end, it was kept");
}

behaviour!(b12_errors_while_reading_name_the_request_and_end_the_items);
fn b12_errors_while_reading_name_the_request_and_end_the_items<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter.client();
    let url = server.url("/cut/100000/70000");
    let download = adapter.stream(client.get(&url)).unwrap();
    let mut chunks = download.chunks(size(1_000));
    let mut count = 0;
    let error = loop {
        match chunks.next().expect("an error before the end") {
            Ok(chunk) => count += chunk.len(),
            Err(error) => break error,
        }
    };
    assert_eq!((count, error.kind()), (70_000, Kind::RemoteProtocol));
    assert!(error.to_string().starts_with(&format!("GET {url}: ")));
    assert!(chunks.next().is_none());

    let late = client.get(server.url("/drip/5/400"));
    let late = late.timeout(nuncio::Timeout::default().read(Duration::from_millis(100)));
    let mut download = adapter.stream(late).unwrap();
    let error = download.read_part(100).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    let inner = error.into_inner().unwrap();
    assert!(inner.downcast::<Error>().unwrap().is_timeout());
}

behaviour!(b12_text_comes_decoded_and_never_empty);
fn b12_text_comes_decoded_and_never_empty<A: Adapter>(adapter: &A) {
    let text = "Grüße, 世界! \u{1F600}";
    downloads(
        adapter,
        "text/plain; charset=UTF-8",
        text.as_bytes(),
        |download| {
            let pieces = all(download.text());
            assert!(pieces.iter().all(|piece| !piece.is_empty()));
            assert_eq!(pieces.concat(), text);
        },
    );
    downloads(adapter, "text/plain", text.as_bytes(), |download| {
        let pieces = all(download.text_chunks(size(4)));
        assert_eq!(pieces, ["Grüß", "e, 世", "界! \u{1F600}"]);
    });
    let latin = b"caf\xe9 \xfc";
    downloads(
        adapter,
        "text/plain; charset=iso-8859-1",
        latin,
        |download| {
            assert_eq!(all(download.text()).concat(), "café ü");
        },
    );
    downloads(adapter, "text/plain; charset=no-such", latin, |download| {
        assert_eq!(all(download.text()).concat(), "caf\u{FFFD} \u{FFFD}");
    });
    downloads(adapter, "text/plain", latin, |download| {
        let download = download.with_encoding("latin-1").unwrap();
        assert_eq!(all(download.text()).concat(), "café ü");
    });
    downloads(adapter, "text/plain", b"cut \xe4\xb8", |download| {
        let error = download.with_encoding("no such thing").err().unwrap();
        assert_eq!(error.kind(), Kind::Builder);
    });
    downloads(adapter, "text/plain", b"cut \xe4\xb8", |download| {
        assert_eq!(all(download.text()).concat(), "cut \u{FFFD}");
    });
    downloads(adapter, "text/plain", b"", |download| {
        assert_eq!(all(download.text()).len(), 0);
    });
}

behaviour!(b13_lines_end_where_httpx_ends_them);
fn b13_lines_end_where_httpx_ends_them<A: Adapter>(adapter: &A) {
    let cases: [(&str, &[&str]); 9] = [
        ("a\n\n", &["a", ""]),
        ("\n", &[""]),
        ("", &[]),
        ("no end", &["no end"]),
        ("a\r\nb\rc\nd", &["a", "b", "c", "d"]),
        ("\r\r", &["", ""]),
        ("a\r", &["a"]),
        (
            "a\x0Bb\x0Cc\x1Cd\x1De\x1Ef",
            &["a", "b", "c", "d", "e", "f"],
        ),
        ("a\u{85}b\u{2028}c\u{2029}", &["a", "b", "c"]),
    ];
    for (body, lines) in cases {
        downloads(adapter, "text/plain", body.as_bytes(), |download| {
            assert_eq!(all(download.lines()), lines, "{body:?}");
        });
    }
}

behaviour!(b13_server_sent_events_end_at_their_own_lines);
fn b13_server_sent_events_end_at_their_own_lines<A: Adapter>(adapter: &A) {
    let body = "\u{FEFF}: hello\n\ndata: one\u{2028}line\r\ndata: two\r\n\r\n\
                id: 7\revent: note\rdata\r\rretry: 250\n\ndata: cut off";
    downloads(adapter, "text/event-stream", body.as_bytes(), |download| {
        let events = all(download.events());
        let told: Vec<_> = events
            .iter()
            .map(
                |ServerSentEvent {
                     event, data, id, ..
                 }| (&event[..], &data[..], &id[..]),
            )
            .collect();
        assert_eq!(
            told,
            [("message", "one\u{2028}line\ntwo", ""), ("note", "", "7")]
        );
    });
}

behaviour!(b12_events_come_while_the_stream_is_still_open);
fn b12_events_come_while_the_stream_is_still_open<A: Adapter>(adapter: &A) {
    // Decoded too: a flush of gzip's stands at the end of each event.
    use std::io::Write;
    let mut coder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    let mut pieces = Vec::new();
    for number in 0..3 {
        write!(coder, "data: {number}\n\n").unwrap();
        coder.flush().unwrap();
        let piece = std::mem::take(coder.get_mut());
        pieces.push([format!("{:x}\r\n", piece.len()).as_bytes(), &piece, b"\r\n"].concat());
    }
    let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n";
    let gates = [(); 3].map(|()| nuncio_testkit::latch::Latch::new());
    let mut steps = vec![Step::ExpectHead, Step::send(head)];
    for (piece, gate) in pieces.into_iter().zip(&gates) {
        steps.extend([Step::Wait(gate.clone()), Step::Send(piece)]);
    }
    steps.push(Step::ExpectEof);
    let peer = Script::new().connection(steps).start();
    let download = adapter.stream(adapter.client().get(peer.url("/"))).unwrap();
    let mut events = download.events();
    for (number, gate) in gates.iter().enumerate() {
        gate.open();
        let event = events.next().unwrap().unwrap();
        assert_eq!(event.data, number.to_string());
    }
}

behaviour!(b12_json_lines_are_read_one_by_one);
fn b12_json_lines_are_read_one_by_one<A: Adapter>(adapter: &A) {
    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Row {
        id: u32,
        name: String,
    }
    let body = "{\"id\":1,\"name\":\"one\"}\r\n\n{\"id\":2,\"name\":\"zwölf\"}";
    downloads(adapter, "application/jsonl", body.as_bytes(), |download| {
        let rows = all(download.json_lines::<Row>());
        let row = |id, name: &str| Row {
            id,
            name: name.into(),
        };
        assert_eq!(rows, [row(1, "one"), row(2, "zwölf")]);
    });
    downloads(adapter, "application/jsonl", b"1\n2\n{\n3\n", |download| {
        let mut numbers = download.json_lines::<u32>();
        assert_eq!(numbers.next().unwrap().unwrap(), 1);
        assert_eq!(numbers.next().unwrap().unwrap(), 2);
        let error = numbers.next().unwrap().unwrap_err();
        assert_eq!(error.kind(), Kind::Decoding);
        let text = error.to_string();
        assert!(text.starts_with("GET http://"), "{text}");
        assert!(text.contains("JSON text 3 of the body"), "{text}");
        assert!(numbers.next().is_none());
    });
}

behaviour!(b12_a_status_error_of_a_stream_has_the_body_up_to_a_bound);
fn b12_a_status_error_of_a_stream_has_the_body_up_to_a_bound<A: Adapter>(adapter: &A) {
    let long = content::bytes(1 << 20);
    let reply = Reply::new(404).header("Content-Encoding", "gzip");
    let server = Server::builder()
        .route("/short", {
            let reply = reply.clone().body(gzip(b"{\"why\": \"gone\"}"));
            move |_, _| reply.clone()
        })
        .route("/long", {
            let reply = reply.clone().body(gzip(&long));
            move |_, _| reply.clone()
        })
        .route("/bad", {
            let reply = reply.body("no gzip");
            move |_, _| reply.clone()
        })
        .start();
    let client = adapter.client();
    let error = |path: &str| {
        let download = adapter.stream(client.get(server.url(path))).unwrap();
        download.error_for_status().err().unwrap()
    };
    let short = error("/short");
    assert_eq!(short.kind(), Kind::Status);
    let response = short.response().unwrap();
    assert_eq!(response.text(), "{\"why\": \"gone\"}");
    assert!(!response.is_truncated());
    assert_eq!(client.pool().idle, 1, "read to its end");

    let long_error = error("/long");
    let response = long_error.response().unwrap();
    assert_eq!(response.bytes(), &long[..64 << 10]);
    assert!(response.is_truncated());
    assert_eq!(client.pool().connections, 0);

    // The status is what went wrong, whatever the body is like.
    let bad = error("/bad");
    assert_eq!(bad.kind(), Kind::Status);
    assert_eq!(bad.response().unwrap().bytes().len(), 0);
    let fine = adapter.stream(client.get(server.url("/bytes/3"))).unwrap();
    assert_eq!(
        fine.error_for_status()
            .unwrap()
            .read()
            .unwrap()
            .bytes()
            .len(),
        3
    );
}

behaviour!(b10_what_came_over_the_network_is_counted);
fn b10_what_came_over_the_network_is_counted<A: Adapter>(adapter: &A) {
    let coded = gzip(&[b'a'; 100_000]);
    let server = serving(&["gzip"], coded.clone());
    let client = adapter.client();
    let response = adapter.send(client.get(server.url("/"))).unwrap();
    assert_eq!(response.bytes_downloaded(), coded.len() as u64);
    for path in ["/bytes/200000", "/chunked/200000", "/close/200000"] {
        let response = adapter.send(client.get(server.url(path))).unwrap();
        assert_eq!(response.bytes_downloaded(), 200_000, "{path}");
        let mut download = adapter.stream(client.get(server.url(path))).unwrap();
        assert_eq!(download.bytes_downloaded(), 0);
        let mut pulled = 0;
        while let Some(chunk) = download.chunk().unwrap() {
            pulled += chunk.len() as u64;
            assert_eq!(download.bytes_downloaded(), pulled);
        }
        assert_eq!(pulled, 200_000);
    }
}

#[test]
fn b12_a_blocking_stream_is_iterated_and_read_by_lines_of_the_standard_library() {
    use std::io::BufRead;
    let adapter = nuncio_tests::adapters::Blocking::start();
    let text = "one\ntwo\nthree";
    let server = serving(&["gzip"], gzip(text.as_bytes()));
    let client = adapter.client();
    let mut body = Vec::new();
    for chunk in adapter.stream(client.get(server.url("/"))).unwrap() {
        body.extend_from_slice(&chunk.unwrap());
    }
    assert_eq!(body, text.as_bytes());
    // A line by hand, and the rest whole.
    let mut download = adapter.stream(client.get(server.url("/"))).unwrap();
    let mut line = String::new();
    download.read_line(&mut line).unwrap();
    assert_eq!(line, "one\n");
    assert_eq!(download.into_response().unwrap().text(), "two\nthree");
    assert_eq!(server.connections(), 1);
}
