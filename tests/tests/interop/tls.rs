//! nginx with TLS of its own kinds.

use crate::servers::{NGINX, Way, client, served};
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
