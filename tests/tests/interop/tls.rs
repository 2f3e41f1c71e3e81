//! nginx with TLS of its own kinds.

use crate::servers::{NGINX, Way, builder, client, served, variable};
use nuncio::Kind;
use nuncio::tls::{Identity, Tls, TlsVersion};
use nuncio_testkit::certs::Authority;
use nuncio_tests::adapters::Adapter;
use nuncio_tests::behaviour;
use std::fs;

behaviour!(
    #[ignore = "needs tests/interop/run"]
    a_server_with_tls_12_alone_is_served
);
fn a_server_with_tls_12_alone_is_served<A: Adapter>(adapter: &A) {
    for way in [Way::Http1Tls, Way::Http2] {
        let client = client(adapter, way);
        let url = |path: &str| NGINX.at(way, "TLS12_", path);
        let response = adapter.send(client.get(url("/tls"))).unwrap();
        assert_eq!(response.text(), "TLSv1.2\n");
        assert_eq!(response.version(), way.version());
        let version = response.tls().map(|tls| tls.version());
        assert_eq!(version, Some(TlsVersion::Tls12));
        let response = adapter.send(client.get(url("/1M.bin"))).unwrap();
        assert_eq!(response.bytes(), &fs::read(served("1M.bin")).unwrap());
    }
}

behaviour!(
    #[ignore = "needs tests/interop/run"]
    without_a_certificate_the_server_answers_and_serves_nothing
);
fn without_a_certificate_the_server_answers_and_serves_nothing<A: Adapter>(adapter: &A) {
    for way in [Way::Http1Tls, Way::Http2] {
        let client = client(adapter, way);
        let request = client.get(NGINX.at(way, "MUTUAL_", "/who"));
        let response = adapter.send(request).unwrap();
        assert_eq!(response.status(), 400, "{way:?}");
        assert!(response.text().contains("No required SSL certificate"));
    }
}

behaviour!(
    #[ignore = "needs tests/interop/run"]
    tls_12_is_refused_where_13_is_the_least
);
fn tls_12_is_refused_where_13_is_the_least<A: Adapter>(adapter: &A) {
    let authority = fs::read(variable("CA")).unwrap();
    let tls = Tls::new().root_certificates(authority);
    let tls = tls.min_version(TlsVersion::Tls13);
    for way in [Way::Http1Tls, Way::Http2] {
        let builder = adapter.builder().http2(way == Way::Http2);
        let client = builder.tls(tls.clone()).build().unwrap();
        let request = client.get(NGINX.at(way, "TLS12_", "/tls"));
        let error = adapter.send(request).unwrap_err();
        assert_eq!(error.kind(), Kind::Connect, "{error}");
        assert!(error.to_string().contains("TLS"), "{error}");
        assert_eq!(client.pool().connections, 0);
        // Another server speaks 1.3.
        let response = adapter.send(client.get(NGINX.url(way, "/150.txt")));
        let response = response.unwrap();
        let version = response.tls().map(|tls| tls.version());
        assert_eq!(version, Some(TlsVersion::Tls13));
    }
}

behaviour!(
    #[ignore = "needs tests/interop/run"]
    a_certificate_of_the_authority_opens_the_door
);
fn a_certificate_of_the_authority_opens_the_door<A: Adapter>(adapter: &A) {
    let (certificate, key) = (variable("CLIENT"), variable("CLIENT_KEY"));
    let text = |path: &str| fs::read(path).unwrap();
    let both = [text(&key), text(&certificate)].concat();
    for identity in [
        Identity::pem(both),
        Identity::pem(text(&certificate)).key(text(&key)),
        Identity::file(&certificate).key_file(&key),
        Identity::file(&certificate).key(text(&key)),
    ] {
        for way in [Way::Http1Tls, Way::Http2] {
            let client = builder(adapter, way).identity(identity.clone());
            let client = client.build().unwrap();
            let url = |path: &str| NGINX.at(way, "MUTUAL_", path);
            for _ in 0..3 {
                let response = adapter.send(client.get(url("/who"))).unwrap();
                assert_eq!(response.text(), "CN=a client\n", "{way:?}");
                assert_eq!(response.version(), way.version());
            }
            let response = adapter.send(client.get(url("/1M.bin"))).unwrap();
            assert_eq!(response.bytes(), &fs::read(served("1M.bin")).unwrap());
            let response = adapter.send(client.post(url("/echo")).body("a body"));
            assert_eq!(response.unwrap().text(), "a body");
            assert_eq!(client.pool().connections, 1);
        }
    }
}

behaviour!(
    #[ignore = "needs tests/interop/run"]
    a_certificate_of_anybody_else_does_not
);
fn a_certificate_of_anybody_else_does_not<A: Adapter>(adapter: &A) {
    let stranger = Authority::new().client_leaf();
    let stranger = Identity::pem(stranger.chain_pem()).key(stranger.key_pem());
    let (certificate, key) = (variable("CLIENT"), variable("CLIENT_KEY"));
    for way in [Way::Http1Tls, Way::Http2] {
        let client = builder(adapter, way).identity(stranger.clone());
        let client = client.build().unwrap();
        let who = NGINX.at(way, "MUTUAL_", "/who");
        let response = adapter.send(client.get(&who)).unwrap();
        assert_eq!(response.status(), 400, "{way:?}");
        assert!(response.text().contains("The SSL certificate error"));
        // Who has the right one does not go over that connection.
        let known = Identity::file(&certificate).key_file(&key);
        let known = client.with(|it| it.identity(known)).unwrap();
        let response = adapter.send(known.get(&who)).unwrap();
        assert_eq!(response.text(), "CN=a client\n", "{way:?}");
        let response = adapter.send(client.get(&who)).unwrap();
        assert_eq!(response.status(), 400, "{way:?}");
    }
}
