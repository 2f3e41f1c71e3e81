//! Content codings undone (BEHAVIOUR section 13, SECURITY table Z), as far as the client decides about
//! them. What each coding withstands is tested in `nuncio-content`.

use crate::coded::{bomb, encode, gzip, peer, response, serving};
use nuncio::{Budget, Kind, Method, Reply, Transport};
use nuncio_content::Coding;
use nuncio_testkit::content;
use nuncio_testkit::script::{End, Script, Step};
use nuncio_testkit::server::{self, Server};
use nuncio_tests::adapters::{Adapter, Download};
use nuncio_tests::behaviour;
use std::time::{Duration, Instant};

behaviour!(b13_what_is_compiled_in_is_announced_and_nothing_else);
fn b13_what_is_compiled_in_is_announced_and_nothing_else<A: Adapter>(adapter: &A) {
    let server = Server::builder()
        .route("/", |request, _| {
            let said = request.header("accept-encoding").unwrap_or_default();
            server::Reply::new(200).body(said)
        })
        .start();
    let client = adapter.client();
    let response = adapter.send(client.get(server.url("/"))).unwrap();
    assert_eq!(response.text(), "gzip, deflate, br, zstd");
    let own = client.get(server.url("/")).header("Accept-Encoding", "br");
    assert_eq!(adapter.send(own).unwrap().text(), "br");
}

behaviour!(b13_every_coding_is_undone_in_every_way_of_reading);
fn b13_every_coding_is_undone_in_every_way_of_reading<A: Adapter>(adapter: &A) {
    for &coding in Coding::ALL {
        for length in [0, 1, 40_000, 300_000] {
            let whole = content::bytes(length);
            let coded = encode(coding, &whole);
            let server = serving(std::slice::from_ref(name(coding)), coded.clone());
            let client = adapter.client();
            let url = server.url("/");

            let response = adapter.send(client.get(&url)).unwrap();
            assert_eq!(response.bytes(), &whole, "{coding} {length}");
            // As in httpx, the fields tell of the body as it came.
            let headers = response.headers();
            assert_eq!(
                headers.get("content-encoding").as_deref(),
                Some(coding.name())
            );
            assert_eq!(response.content_length(), Some(coded.len() as u64));

            let mut download = adapter.stream(client.get(&url)).unwrap();
            let mut body = Vec::new();
            while let Some(chunk) = download.chunk().unwrap() {
                assert!(!chunk.is_empty());
                body.extend_from_slice(&chunk);
            }
            assert_eq!(body, whole, "{coding} {length}");
            assert_eq!(download.chunk().unwrap(), None, "the end stays the end");

            let mut download = adapter.stream(client.get(&url)).unwrap();
            assert_eq!(download.through_trait().unwrap(), whole);
            let download = adapter.stream(client.get(&url)).unwrap();
            assert_eq!(download.read().unwrap().bytes(), &whole);
            assert_eq!(server.connections(), 1);
        }
    }
}

/// The token with a static life.
fn name(coding: Coding) -> &'static &'static str {
    const NAMES: [&str; 4] = ["gzip", "deflate", "br", "zstd"];
    NAMES.iter().find(|name| **name == coding.name()).unwrap()
}

behaviour!(b13_a_body_that_trickles_in_is_decoded_as_it_comes);
fn b13_a_body_that_trickles_in_is_decoded_as_it_comes<A: Adapter>(adapter: &A) {
    for &coding in Coding::ALL {
        let answer = response(coding.name(), &encode(coding, b"piece by piece"));
        let peer = Script::new()
            .connection([Step::ExpectHead, Step::SendByteByByte(answer.into())])
            .start();
        let response = adapter.send(adapter.client().get(peer.url("/"))).unwrap();
        assert_eq!(response.text(), "piece by piece", "{coding}");
    }
}

behaviour!(b13_codings_over_several_lines_are_undone_from_the_last);
fn b13_codings_over_several_lines_are_undone_from_the_last<A: Adapter>(adapter: &A) {
    let whole = content::bytes(50_000);
    let inner = encode(Coding::Deflate, &gzip(&whole));
    let coded = encode(Coding::Zstd, &encode(Coding::Brotli, &inner));
    let server = serving(&["GZIP , deflate", "identity, br,,", " zstd"], coded);
    let response = adapter.send(adapter.client().get(server.url("/"))).unwrap();
    assert_eq!(response.bytes(), &whole);
}

behaviour!(b13_what_is_not_known_is_passed_over);
fn b13_what_is_not_known_is_passed_over<A: Adapter>(adapter: &A) {
    let server = serving(&["x-gzip, compress", "identity"], "as it came");
    let response = adapter.send(adapter.client().get(server.url("/"))).unwrap();
    assert_eq!(response.text(), "as it came");
    let server = serving(&["compress, gzip"], gzip(b"within"));
    let response = adapter.send(adapter.client().get(server.url("/"))).unwrap();
    assert_eq!(response.text(), "within");
}

behaviour!(b13_decoding_can_be_switched_off_for_a_client_and_for_a_request);
fn b13_decoding_can_be_switched_off_for_a_client_and_for_a_request<A: Adapter>(adapter: &A) {
    let coded = gzip(b"hello");
    let server = serving(&["gzip"], coded.clone());
    let off = adapter.builder().decode(false).build().unwrap();
    let url = server.url("/");
    assert_eq!(adapter.send(off.get(&url)).unwrap().bytes(), &coded);
    assert_eq!(
        adapter.send(off.get(&url).decode(true)).unwrap().text(),
        "hello"
    );
    let on = adapter.client();
    let mut download = adapter.stream(on.get(&url).decode(false)).unwrap();
    assert_eq!(download.through_trait().unwrap(), coded);
    assert_eq!(adapter.send(on.get(&url)).unwrap().text(), "hello");
    assert_eq!(server.connections(), 2);
}

behaviour!(b13_what_cannot_be_decoded_is_an_error_that_is_told_again);
fn b13_what_cannot_be_decoded_is_an_error_that_is_told_again<A: Adapter>(adapter: &A) {
    let mut corrupt = gzip(&content::bytes(200_000));
    let middle = corrupt.len() / 2;
    corrupt[middle..middle + 64].fill(0xFF);
    let server = serving(&["gzip"], corrupt);
    let url = server.url("/");
    let client = adapter.client();

    let error = adapter.send(client.get(&url)).unwrap_err();
    assert_eq!(error.kind(), Kind::Decoding);
    let text = error.to_string();
    assert!(text.starts_with(&format!("GET {url}: ")), "{text}");
    assert!(text.contains("gzip body at byte "), "{text}");

    let mut download = adapter.stream(client.get(&url)).unwrap();
    let error = loop {
        match download.chunk() {
            Ok(Some(_)) => {}
            Ok(None) => panic!("a corrupt body passed for a whole one"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.to_string(), text);
    assert_eq!(download.chunk().unwrap_err().to_string(), text);
    assert_eq!(download.through_trait().unwrap_err(), text);
    assert_eq!(download.read().unwrap_err().to_string(), text);

    // Their connections had more to come, and are not there any more.
    assert_eq!(client.pool().connections, 0);
    adapter.send(client.get(server.url("/json"))).unwrap();
    assert_eq!(server.connections(), 3);
}

behaviour!(z07_a_coded_body_that_ends_early_is_an_error_though_its_framing_is_whole);
fn z07_a_coded_body_that_ends_early_is_an_error_though_its_framing_is_whole<A: Adapter>(
    adapter: &A,
) {
    for &coding in Coding::ALL {
        let coded = encode(coding, &content::bytes(5_000));
        let server = serving(
            std::slice::from_ref(name(coding)),
            &coded[..coded.len() - 1],
        );
        let client = adapter.client();
        let error = adapter.send(client.get(server.url("/"))).unwrap_err();
        assert_eq!(error.kind(), Kind::Decoding);
        assert!(error.to_string().contains("ended early"), "{error}");
        // To HTTP all was well: the connection is as good as new.
        adapter.send(client.get(server.url("/json"))).unwrap();
        assert_eq!(server.connections(), 1);

        let junk = [&encode(coding, b"content")[..], b"junk"].concat();
        let server = serving(std::slice::from_ref(name(coding)), junk);
        let error = adapter.send(client.get(server.url("/"))).unwrap_err();
        assert_eq!(error.kind(), Kind::Decoding, "{coding}: {error}");
    }
}

behaviour!(z01_a_bomb_is_stopped_by_the_budget_in_every_way_of_reading);
fn z01_a_bomb_is_stopped_by_the_budget_in_every_way_of_reading<A: Adapter>(adapter: &A) {
    let bomb = bomb();
    assert!(bomb.len() > 1 << 20 && bomb.len() * 100 > 64 << 20);
    let server = serving(&["gzip"], bomb.clone());
    let client = adapter.client();
    let url = server.url("/");
    let error = adapter.send(client.get(&url)).unwrap_err();
    assert_eq!(error.kind(), Kind::Decoding);
    assert!(
        error.to_string().contains("decodes to more than "),
        "{error}"
    );

    let mut download = adapter.stream(client.get(&url)).unwrap();
    let mut decoded = 0;
    let error = loop {
        match download.chunk() {
            Ok(chunk) => decoded += chunk.expect("no end").len(),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), Kind::Decoding);
    assert!(decoded <= bomb.len() * 100, "{decoded}");
}

behaviour!(z01_the_budget_is_the_clients_or_the_requests);
fn z01_the_budget_is_the_clients_or_the_requests<A: Adapter>(adapter: &A) {
    let server = serving(&["gzip"], gzip(&[7; 2_000]));
    let url = server.url("/");
    let budget = |size| Budget { size, ratio: 0 };
    let client = adapter
        .builder()
        .max_decoded(budget(1_999))
        .build()
        .unwrap();
    let error = adapter.send(client.get(&url)).unwrap_err();
    assert!(
        error.to_string().contains("more than 1999 bytes"),
        "{error}"
    );
    let request = client.get(&url).max_decoded(budget(2_000));
    assert_eq!(adapter.send(request).unwrap().bytes(), &[7; 2_000][..]);
    let request = adapter.client().get(&url).max_decoded(budget(10));
    let download = adapter.stream(request).unwrap();
    assert_eq!(download.read().unwrap_err().kind(), Kind::Decoding);
    // What is not coded is not budgeted.
    let plain = client.get(server.url("/bytes/100000"));
    assert_eq!(adapter.send(plain).unwrap().bytes().len(), 100_000);
}

behaviour!(z01_no_more_is_decoded_than_a_piece_ahead_of_who_pulls);
fn z01_no_more_is_decoded_than_a_piece_ahead_of_who_pulls<A: Adapter>(adapter: &A) {
    let server = serving(&["gzip"], bomb());
    let mut download = adapter
        .stream(adapter.client().get(server.url("/")))
        .unwrap();
    for _ in 0..16 {
        let chunk = download.chunk().unwrap().unwrap();
        assert!(chunk.len() <= 64 << 10, "{}", chunk.len());
    }
    // 16 pieces are at most 1 MiB of zeros, a kilobyte of gzip; a socket's first reads bring some
    // blocks more, and nothing asks for the rest.
    assert!(download.bytes_downloaded() <= 128 << 10);
}

behaviour!(z02_too_many_codings_are_refused_over_any_number_of_lines);
fn z02_too_many_codings_are_refused_over_any_number_of_lines<A: Adapter>(adapter: &A) {
    let mut coded = b"content".to_vec();
    for _ in 0..6 {
        coded = gzip(&coded);
    }
    let server = serving(&["gzip,gzip", "gzip", "gzip, identity, gzip,gzip"], coded);
    let url = server.url("/");
    let client = adapter.client();
    let error = adapter.send(client.get(&url)).unwrap_err();
    assert_eq!(error.kind(), Kind::Decoding);
    assert!(
        error.to_string().contains("more than 5 content codings"),
        "{error}"
    );
    let mut download = adapter.stream(client.get(&url)).unwrap();
    assert_eq!(download.chunk().unwrap_err().kind(), Kind::Decoding);
    assert_eq!(download.chunk().unwrap_err().kind(), Kind::Decoding);

    let allowed = adapter.send(client.get(&url).max_codings(6)).unwrap();
    assert_eq!(allowed.text(), "content");
    let strict = adapter.builder().max_codings(1).build().unwrap();
    let two = serving(&["gzip, gzip"], gzip(&gzip(b"content")));
    let error = adapter.send(strict.get(two.url("/"))).unwrap_err();
    assert!(
        error.to_string().contains("more than 1 content codings"),
        "{error}"
    );
    // 10,000 of them on one line are as many.
    let endless = "gzip,".repeat(1_000);
    let peer = peer(response(&endless, b"x"));
    let error = adapter.send(client.get(peer.url("/"))).unwrap_err();
    assert_eq!(error.kind(), Kind::Decoding);
}

behaviour!(z09_answers_without_a_body_are_whole_in_every_coding);
fn z09_answers_without_a_body_are_whole_in_every_coding<A: Adapter>(adapter: &A) {
    let codings = "gzip,deflate,br,zstd,gzip,br,br";
    let client = adapter.client();
    for (method, status, more) in [
        (Method::HEAD, "200 OK", "Content-Length: 1000\r\n"),
        (Method::GET, "204 No Content", ""),
        (Method::GET, "304 Not Modified", "Content-Length: 77\r\n"),
        (Method::GET, "200 OK", "Content-Length: 0\r\n"),
        (Method::GET, "200 OK", "Transfer-Encoding: chunked\r\n"),
    ] {
        let end = if more.starts_with('T') {
            "0\r\n\r\n"
        } else {
            ""
        };
        let answer = format!("HTTP/1.1 {status}\r\nContent-Encoding: {codings}\r\n{more}\r\n{end}");
        let peer = Script::new()
            .connection([
                Step::ExpectHead,
                Step::send(&answer),
                Step::ExpectHead,
                Step::send(&answer),
            ])
            .start();
        let request = || client.request(method.as_str(), peer.url("/"));
        let response = adapter.send(request()).unwrap();
        assert_eq!(response.bytes().len(), 0);
        let mut download = adapter.stream(request()).unwrap();
        assert_eq!(download.chunk().unwrap(), None, "{method} {status}");
        assert_eq!(peer.connections(), 1);
    }
}

behaviour!(z09_trailers_are_kept_behind_a_coded_body);
fn z09_trailers_are_kept_behind_a_coded_body<A: Adapter>(adapter: &A) {
    let coded = gzip(b"content");
    let mut answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n",
        coded.len()
    )
    .into_bytes();
    answer.extend_from_slice(&coded);
    answer.extend_from_slice(b"\r\n0\r\nX-Checksum: 12ab\r\n\r\n");
    let steps = [Step::ExpectHead, Step::Send(answer)];
    let peer = Script::new()
        .connection(steps.iter().chain(&steps).cloned())
        .start();
    let client = adapter.client();
    let response = adapter.send(client.get(peer.url("/"))).unwrap();
    assert_eq!(response.text(), "content");
    let trailers = response.trailers().unwrap();
    assert_eq!(trailers.get("x-checksum").as_deref(), Some("12ab"));

    let mut download = adapter.stream(client.get(peer.url("/"))).unwrap();
    assert!(download.trailers().is_none());
    while download.chunk().unwrap().is_some() {}
    assert_eq!(download.trailers(), Some(trailers));
}

behaviour!(z11_what_is_drained_or_closed_never_meets_a_decoder);
fn z11_what_is_drained_or_closed_never_meets_a_decoder<A: Adapter>(adapter: &A) {
    // A body that no decoder would let pass, on a redirect that is drained for its connection's sake.
    let server = Server::builder()
        .route("/old", |_, _| {
            server::Reply::new(302)
                .header("Location", "/json")
                .header("Content-Encoding", "gzip, gzip, gzip, gzip, gzip, gzip")
                .body("no gzip")
        })
        .route("/", |_, _| {
            server::Reply::new(200)
                .header("Content-Encoding", "gzip")
                .body(vec![b'?'; 1 << 20])
        })
        .start();
    let client = adapter.builder().follow_redirects(true).build().unwrap();
    let response = adapter.send(client.get(server.url("/old"))).unwrap();
    assert_eq!(response.history().len(), 1);
    assert_eq!(response.history()[0].bytes(), &b"no gzip"[..]);
    assert_eq!(server.connections(), 1);

    drop(adapter.stream(client.get(server.url("/"))).unwrap());
    assert_eq!(client.pool().connections, 0);
}

behaviour!(b13_the_answer_of_a_users_transport_is_decoded_too);
fn b13_the_answer_of_a_users_transport_is_decoded_too<A: Adapter>(adapter: &A) {
    let coded = gzip(b"from elsewhere");
    let reply = move |_| {
        let reply = Reply::new(200).header("Content-Encoding", "gzip");
        Ok(reply.body(coded.clone()))
    };
    let client = adapter
        .builder()
        .transport(Transport::function(reply))
        .build()
        .unwrap();
    let url = "http://nowhere.test/";
    assert_eq!(
        adapter.send(client.get(url)).unwrap().text(),
        "from elsewhere"
    );
    let mut download = adapter.stream(client.get(url)).unwrap();
    assert_eq!(download.through_trait().unwrap(), b"from elsewhere");
    let raw = adapter.send(client.get(url).decode(false)).unwrap();
    assert!(raw.bytes().starts_with(b"\x1f\x8b"));
}

behaviour!(z08_a_length_beyond_all_bounds_reserves_nothing);
fn z08_a_length_beyond_all_bounds_reserves_nothing<A: Adapter>(adapter: &A) {
    for coding in ["identity", "gzip"] {
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\n\
             Content-Length: 9223372036854775807\r\n\r\n"
        );
        let peer = Script::new()
            .connection([Step::ExpectHead, Step::send(answer), Step::HalfClose])
            .start();
        let begun = Instant::now();
        let error = adapter
            .send(adapter.client().get(peer.url("/")))
            .unwrap_err();
        assert_eq!(error.kind(), Kind::RemoteProtocol, "{error}");
        assert!(begun.elapsed() < Duration::from_secs(2));
        assert_eq!(peer.finish()[0].end, End::Complete);
    }
}

/// The most that was held at a time on this thread, which on blocking does all the work.
fn peak(work: impl FnOnce()) -> u64 {
    allocation_counter::measure(work).bytes_max
}

#[test]
fn z08_a_length_beyond_all_bounds_takes_no_memory() {
    let adapter = nuncio_tests::adapters::Blocking::start();
    let client = adapter.client();
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775807\r\n\r\n";
    let peer = Script::new()
        .connection([Step::ExpectHead, Step::send(answer), Step::HalfClose])
        .start();
    let url = peer.url("/");
    let peak = peak(|| {
        client.get(&url).send().unwrap_err();
    });
    // 64 KiB for the body, and the blocks that its connection reads into.
    assert!(peak <= (64 + 128 + 64) << 10, "{peak}");
}

#[test]
fn z01_a_bomb_that_is_read_by_the_kilobyte_is_held_within_its_window_and_512_kib() {
    let adapter = nuncio_tests::adapters::Blocking::start();
    let server = serving(&["gzip"], bomb());
    let client = adapter.client();
    let url = server.url("/");
    let mut read = 0;
    let peak = peak(|| {
        let mut download = client.get(&url).stream().unwrap();
        let mut buf = [0; 1024];
        for _ in 0..20_000 {
            read += std::io::Read::read(&mut download, &mut buf).unwrap();
        }
    });
    // Where a decoded piece ends, a read gives less.
    assert!(read > 20_000_000, "{read}");
    assert!(peak <= (32 + 512) << 10, "{peak}");
}

#[test]
fn decoders_are_used_again_by_the_next_response() {
    let adapter = nuncio_tests::adapters::Blocking::start();
    let server = serving(&["gzip"], gzip(b"short"));
    let client = adapter.client();
    let url = server.url("/");
    let total = || {
        let send = || assert_eq!(client.get(&url).send().unwrap().text(), "short");
        allocation_counter::measure(send).bytes_total
    };
    let first = total();
    let second = total();
    // An inflate state is 80 kB.
    assert!(second + 32_000 < first, "{first}, then {second}");
}
