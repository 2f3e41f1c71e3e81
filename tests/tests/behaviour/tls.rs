//! https: whom it trusts, and what an end without a goodbye means.

use bytes::Bytes;
use nuncio::Kind;
use nuncio_testkit::certs::{Authority, Fault};
use nuncio_testkit::content;
use nuncio_testkit::script::{Script, ScriptedPeer, Step};
use nuncio_testkit::server::Server;
use nuncio_tests::adapters::{Adapter, Download};
use nuncio_tests::behaviour;
use std::time::Duration;

behaviour!(a_server_of_a_trusted_authority_is_talked_to);
fn a_server_of_a_trusted_authority_is_talked_to<A: Adapter>(adapter: &A) {
    let authority = Authority::new();
    let server = Server::https(&authority.leaf());
    let client = adapter
        .builder()
        .root_certificates(authority.pem())
        .build()
        .unwrap();
    let by_address = format!("https://{}/bytes/100000", server.addr());
    for url in [server.url("/bytes/100000"), by_address] {
        let response = adapter.send(client.get(url)).unwrap();
        assert_eq!(response.bytes(), &content::bytes(100_000));
    }
    let long = 8 << 20;
    for path in ["bytes", "chunked", "close"] {
        let url = server.url(&format!("/{path}/{long}"));
        let download = adapter.stream(client.get(url)).unwrap();
        assert_eq!(download.read().unwrap().bytes(), &content::bytes(long));
    }
    let request = client.put(server.url("/checksum"));
    let response = adapter.send(request.body(content::bytes(long))).unwrap();
    let sum = content::checksum(long as u64);
    assert!(response.text().contains(&format!("{sum:016x}")));
    let request = client.put(server.url("/mirror"));
    let response = adapter.send(request.body(content::bytes(long))).unwrap();
    assert_eq!(response.bytes(), &content::bytes(long));
}

behaviour!(without_the_authority_nothing_is_sent);
fn without_the_authority_nothing_is_sent<A: Adapter>(adapter: &A) {
    let server = Server::https(&Authority::new().leaf());
    let other = Authority::new();
    let clients = [
        adapter.client(),
        adapter
            .builder()
            .root_certificates(other.pem())
            .build()
            .unwrap(),
    ];
    for client in clients {
        let error = adapter.send(client.get(server.url("/json"))).unwrap_err();
        assert_eq!(error.kind(), Kind::Connect, "{error}");
        assert!(error.to_string().contains("certificate"), "{error}");
        assert_eq!(client.pool().connections, 0);
    }
    assert_eq!(server.requests(), 0);
}

behaviour!(faulty_certificates_are_refused_and_only_danger_lets_them_pass);
fn faulty_certificates_are_refused_and_only_danger_lets_them_pass<A: Adapter>(adapter: &A) {
    let authority = Authority::new();
    let careful = adapter
        .builder()
        .root_certificates(authority.pem())
        .build()
        .unwrap();
    let careless = adapter
        .builder()
        .danger_accept_invalid_certs(true)
        .build()
        .unwrap();
    for fault in Fault::ALL {
        let server = Server::https(&authority.faulty_leaf(fault));
        let url = server.url("/json");
        let response = adapter.send(careless.get(&url));
        assert_eq!(response.unwrap().status(), 200, "{fault:?}");
        // SECURITY K7: what one client lets pass is nothing to the other.
        let error = adapter.send(careful.get(&url)).unwrap_err();
        assert_eq!(error.kind(), Kind::Connect, "{fault:?}: {error}");
        assert_eq!(server.requests(), 1, "{fault:?}");
    }
}

behaviour!(danger_can_be_taken_back_and_bad_roots_are_found_at_build);
fn danger_can_be_taken_back_and_bad_roots_are_found_at_build<A: Adapter>(adapter: &A) {
    let server = Server::https(&Authority::new().leaf());
    let client = adapter
        .builder()
        .danger_accept_invalid_certs(true)
        .danger_accept_invalid_certs(false)
        .build()
        .unwrap();
    let error = adapter.send(client.get(server.url("/json"))).unwrap_err();
    assert_eq!(error.kind(), Kind::Connect);
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for pem in ["", "no certificate", broken] {
        let error = adapter.builder().root_certificates(pem).build();
        assert_eq!(error.err().unwrap().kind(), Kind::Builder, "{pem:?}");
    }
}

behaviour!(given_roots_stand_alone);
fn given_roots_stand_alone<A: Adapter>(adapter: &A) {
    // Two authorities in one bundle: both are trusted. The one that is left out is not.
    let (one, two, three) = (Authority::new(), Authority::new(), Authority::new());
    let bundle = format!("{}\n{}", one.pem(), two.pem());
    let client = adapter.builder().root_certificates(bundle).build().unwrap();
    for (authority, trusted) in [(&one, true), (&two, true), (&three, false)] {
        let server = Server::https(&authority.leaf());
        let sent = adapter.send(client.get(server.url("/json")));
        assert_eq!(sent.is_ok(), trusted);
    }
}

behaviour!(plain_http_on_a_tls_port_and_the_reverse_are_errors);
fn plain_http_on_a_tls_port_and_the_reverse_are_errors<A: Adapter>(adapter: &A) {
    let plain = Script::new()
        .connection([
            Step::ExpectBytes(5),
            Step::send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"),
            Step::ExpectEof,
        ])
        .start();
    let client = adapter
        .builder()
        .danger_accept_invalid_certs(true)
        .build()
        .unwrap();
    let url = format!("https://{}/json", plain.addr());
    let error = adapter.send(client.get(url)).unwrap_err();
    assert_eq!(error.kind(), Kind::Connect, "{error}");
    let tls = Server::https(&Authority::new().leaf());
    let url = format!("http://{}/json", tls.addr());
    let error = adapter.send(client.get(url)).unwrap_err();
    assert!(
        matches!(error.kind(), Kind::RemoteProtocol | Kind::Read),
        "{error:?}"
    );
}

fn truncating(authority: &Authority, answer: &str, end: Vec<Step>) -> ScriptedPeer {
    let steps = [Step::ExpectHead, Step::send(answer)]
        .into_iter()
        .chain(end);
    Script::new()
        .tls(authority.leaf().server_config(&["http/1.1"]))
        .connection(steps)
        .start()
}

behaviour!(an_end_without_close_notify_is_a_cut_body);
fn an_end_without_close_notify_is_a_cut_body<A: Adapter>(adapter: &A) {
    let authority = Authority::new();
    let client = adapter
        .builder()
        .root_certificates(authority.pem())
        .build()
        .unwrap();
    let get = |answer, end| {
        let peer = truncating(&authority, answer, end);
        adapter.send(client.get(format!("https://{}/", peer.addr())))
    };
    let until_close = "HTTP/1.1 200 OK\r\n\r\npart of it";
    let response = get(until_close, vec![Step::CloseNotify, Step::HalfClose]);
    assert_eq!(response.unwrap().text(), "part of it");
    let error = get(until_close, vec![Step::HalfClose]).unwrap_err();
    assert!(error.to_string().contains("close_notify"), "{error}");
    // A body that says where it ends does not need the goodbye.
    let sized = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npart";
    let response = get(sized, vec![Step::HalfClose]);
    assert_eq!(response.unwrap().text(), "part");
    let error = get(
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\npart",
        vec![Step::HalfClose],
    );
    assert_eq!(error.unwrap_err().kind(), Kind::RemoteProtocol);
}

behaviour!(records_of_one_byte_are_read_as_they_come);
fn records_of_one_byte_are_read_as_they_come<A: Adapter>(adapter: &A) {
    let authority = Authority::new();
    let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n";
    let steps = [
        Step::ExpectHead,
        Step::SendByteByByte(answer.into()),
        Step::ExpectHead,
        Step::SendByteByByte(answer.into()),
    ];
    let peer = Script::new()
        .tls(authority.leaf().server_config(&[]))
        .connection(steps)
        .start();
    let client = adapter
        .builder()
        .root_certificates(authority.pem())
        .build()
        .unwrap();
    for _ in 0..2 {
        let url = format!("https://{}/", peer.addr());
        assert_eq!(adapter.send(client.get(url)).unwrap().text(), "abcd");
    }
    assert_eq!(peer.connections(), 1, "without ALPN it is HTTP/1.1");
}

behaviour!(a_streamed_body_goes_up_over_tls_as_the_peer_takes_it);
fn a_streamed_body_goes_up_over_tls_as_the_peer_takes_it<A: Adapter>(adapter: &A) {
    // The peer pauses first, so that everything in between fills up.
    let authority = Authority::new();
    let length = 24 << 20;
    let peer = Script::new()
        .tls(authority.leaf().server_config(&["http/1.1"]))
        .connection([
            Step::ExpectHead,
            Step::Sleep(Duration::from_millis(100)),
            Step::ExpectBytes(length),
            Step::send("HTTP/1.1 204 No Content\r\n\r\n"),
        ])
        .start();
    let client = adapter
        .builder()
        .root_certificates(authority.pem())
        .build()
        .unwrap();
    let piece = Bytes::from(content::bytes(256 << 10));
    let pieces = std::iter::repeat_n(piece, length >> 18).map(Ok);
    let request = client
        .put(format!("https://{}/", peer.addr()))
        .body(adapter.body(pieces, Some(length as u64)));
    assert_eq!(adapter.send(request).unwrap().status(), 204);
    drop(client);
    let records = peer.finish();
    let body = &records[0].received[records[0].received.len() - length..];
    assert!(body == content::bytes(256 << 10).repeat(length >> 18));
}

behaviour!(b20_a_configuration_is_used_as_it_is);
fn b20_a_configuration_is_used_as_it_is<A: Adapter>(adapter: &A) {
    let (ours, other) = (Authority::new(), Authority::new());
    let server = Server::https(&ours.leaf());
    for (authority, trusted) in [(&ours, true), (&other, false)] {
        let config = authority.client_config(&["http/1.1"]);
        let client = adapter.builder().tls_config(config).build().unwrap();
        let result = adapter.send(client.get(server.url("/json")));
        match result {
            Ok(response) => assert!(trusted && response.status() == 200),
            Err(error) => assert!(!trusted && error.kind() == Kind::Connect, "{error}"),
        }
    }
}
