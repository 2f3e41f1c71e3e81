//! What may share a connection and what may not (SECURITY K6 to K13), and what a failed connection
//! leaves behind: nothing.

use nuncio::{Kind, Limits, Url};
use nuncio_testkit::certs::{Authority, Fault};
use nuncio_testkit::script::{End, Script, Step};
use nuncio_testkit::server::Server;
use nuncio_tests::adapters::Adapter;
use nuncio_tests::behaviour;

behaviour! {
    k06_every_part_of_the_key_keeps_connections_apart,
    k07_a_client_that_verifies_uses_no_connection_of_one_that_does_not,
    k10_http_and_https_of_one_port_are_separate_and_zones_are_no_hosts,
    k12_a_derived_client_with_other_settings_has_connections_of_its_own,
    k13_a_certificate_for_several_names_joins_no_origins,
    k11_failed_handshakes_leave_nothing_behind,
}

fn k06_every_part_of_the_key_keeps_connections_apart<A: Adapter>(adapter: &A) {
    let authority = Authority::new();
    let leaf = authority.leaf_for(&["localhost", "127.0.0.1", "::1"]);
    let plain = Server::http();
    let secure = Server::builder()
        .tls(leaf.server_config(&["http/1.1"]))
        .start();
    let client = adapter
        .builder()
        .root_certificates(authority.pem())
        .build()
        .unwrap();
    let (p, s) = (plain.addr().port(), secure.addr().port());
    // One client, the same addresses: names, ports, schemes.
    let origins = [
        format!("http://127.0.0.1:{p}/json"),
        format!("http://localhost:{p}/json"),
        format!("https://127.0.0.1:{s}/json"),
        format!("https://localhost:{s}/json"),
    ];
    for _ in 0..3 {
        for url in &origins {
            adapter.send(client.get(url)).unwrap();
        }
    }
    assert_eq!((plain.connections(), secure.connections()), (2, 2));
    let snapshot = client.pool();
    let mut names: Vec<_> = snapshot.origins.iter().map(|it| &it.origin).collect();
    names.sort();
    let mut expected: Vec<_> = origins
        .iter()
        .map(|url| url.trim_end_matches("/json"))
        .collect();
    expected.sort();
    assert_eq!(names, expected);
    // The same origin, written otherwise.
    let same = format!("HTTP://LOCALHOST:{p}/x/../json");
    adapter.send(client.get(same)).unwrap();
    assert_eq!(plain.connections(), 2);
}

fn k07_a_client_that_verifies_uses_no_connection_of_one_that_does_not<A: Adapter>(adapter: &A) {
    let authority = Authority::new();
    let leaf = authority.faulty_leaf(Fault::Expired);
    let server = Server::builder()
        .tls(leaf.server_config(&["http/1.1"]))
        .start();
    let lax = adapter
        .builder()
        .root_certificates(authority.pem())
        .danger_accept_invalid_certs(true)
        .build()
        .unwrap();
    let strict = lax
        .with(|builder| builder.danger_accept_invalid_certs(false))
        .unwrap();
    for _ in 0..2 {
        adapter.send(lax.get(server.url("/json"))).unwrap();
        let error = adapter.send(strict.get(server.url("/json"))).unwrap_err();
        assert_eq!(error.kind(), Kind::Connect, "{error}");
        assert_eq!(strict.pool_counts().connections, 0);
    }
    // One of the lax client's own, and a new one for each of the strict one's.
    assert_eq!((server.connections(), server.requests()), (3, 2));
}

fn k10_http_and_https_of_one_port_are_separate_and_zones_are_no_hosts<A: Adapter>(adapter: &A) {
    let authority = Authority::new();
    let server = Server::https(&authority.leaf());
    let client = adapter
        .builder()
        .root_certificates(authority.pem())
        .build()
        .unwrap();
    let url = server.url("/json");
    adapter.send(client.get(&url)).unwrap();
    // A client that took the open connection for this would get an answer.
    let plain = url.replace("https:", "http:");
    adapter.send(client.get(&plain)).unwrap_err();
    adapter.send(client.get(&url)).unwrap();
    assert_eq!((server.connections(), server.requests()), (2, 2));
    for zone in ["http://[fe80::1%251]/", "http://[fe80::1%1]/"] {
        assert!(Url::parse(zone).is_err());
    }
}

fn k12_a_derived_client_with_other_settings_has_connections_of_its_own<A: Adapter>(adapter: &A) {
    let authority = Authority::new();
    let server = Server::https(&authority.leaf());
    let url = server.url("/json");
    let client = adapter
        .builder()
        .root_certificates(authority.pem())
        .build()
        .unwrap();
    adapter.send(client.get(&url)).unwrap();
    // What has nothing to do with connections shares them.
    let named = client
        .with(|builder| builder.header("x-name", "other"))
        .unwrap();
    adapter.send(named.get(&url)).unwrap();
    assert_eq!(server.connections(), 1);
    // Anything of TLS or of the protocol does not, even if it is said with the same words.
    let again = client
        .with(|builder| builder.root_certificates(authority.pem()))
        .unwrap();
    assert_eq!(again.pool_counts().connections, 0);
    adapter.send(again.get(&url)).unwrap();
    let lenient = client.with(|builder| builder.lenient(true)).unwrap();
    adapter.send(lenient.get(&url)).unwrap();
    assert_eq!(server.connections(), 3);
    let stranger = Authority::new();
    let wrong = client
        .with(|builder| builder.root_certificates(stranger.pem()))
        .unwrap();
    let error = adapter.send(wrong.get(&url)).unwrap_err();
    assert_eq!(error.kind(), Kind::Connect, "{error}");
    assert_eq!(client.pool_counts().connections, 1);
}

fn k13_a_certificate_for_several_names_joins_no_origins<A: Adapter>(adapter: &A) {
    let authority = Authority::new();
    let leaf = authority.leaf_for(&["localhost", "127.0.0.1"]);
    let server = Server::builder()
        .tls(leaf.server_config(&["http/1.1"]))
        .start();
    let client = adapter
        .builder()
        .root_certificates(authority.pem())
        .http2(true)
        .build()
        .unwrap();
    let port = server.addr().port();
    let [by_address, by_name] =
        ["127.0.0.1", "localhost"].map(|host| format!("https://{host}:{port}/json"));
    for _ in 0..2 {
        for url in [&by_address, &by_name] {
            adapter.send(client.get(url)).unwrap();
        }
    }
    assert_eq!(server.connections(), 2);
}

fn k11_failed_handshakes_leave_nothing_behind<A: Adapter>(adapter: &A) {
    const FAILURES: usize = 300;
    let authority = Authority::new();
    // One that speaks no TLS, one that ends in the middle of it, one that nobody vouches for.
    let ends: [(&str, Vec<Step>); 3] = [
        (
            "no TLS",
            vec![
                Step::ExpectBytes(5),
                Step::send("HTTP/1.1 400 Bad Request\r\n\r\n"),
            ],
        ),
        ("an end", vec![Step::ExpectBytes(5), Step::Close]),
        ("a stranger", vec![Step::ExpectHead]),
    ];
    for (what, steps) in ends {
        let mut script = Script::new().connection(steps).repeat_last();
        if what == "a stranger" {
            script = script.tls(authority.leaf().server_config(&["http/1.1"]));
        }
        let peer = script.start();
        let limits = Limits {
            max_connections: Some(2),
            ..Limits::default()
        };
        let client = adapter.builder().limits(limits).build().unwrap();
        let url = peer.url("/").replace("http:", "https:");
        for _ in 0..FAILURES {
            let error = adapter.send(client.get(&url)).unwrap_err();
            assert_eq!(error.kind(), Kind::Connect, "{what}: {error}");
            assert_eq!(client.pool_counts(), Default::default(), "{what}");
        }
        let records = peer.finish();
        assert_eq!(records.len(), FAILURES, "{what}");
        // The peer saw each socket closed: no script waits for more.
        let waits = |end: End| {
            matches!(
                end,
                End::Running | End::Failed(_, std::io::ErrorKind::WouldBlock)
            )
        };
        assert!(!records.iter().any(|record| waits(record.end)), "{what}");
    }
}
