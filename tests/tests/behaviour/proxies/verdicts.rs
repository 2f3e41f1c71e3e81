//! Whom a client trusts does not depend on the way there (SECURITY X6).

use nuncio::{Kind, Proxy};
use nuncio_testkit::certs::{Authority, Fault};
use nuncio_testkit::proxy;
use nuncio_testkit::server::Server;
use nuncio_tests::adapters::Adapter;
use nuncio_tests::behaviour;

behaviour!(x06_a_certificate_is_judged_alike_on_every_way);
fn x06_a_certificate_is_judged_alike_on_every_way<A: Adapter>(adapter: &A) {
    let (authority, proxys) = (Authority::new(), Authority::new());
    let plain = proxy::Proxy::start();
    let secure = proxy::Proxy::builder()
        .tls(proxys.leaf().server_config(&["http/1.1"]))
        .start();
    let ways = [
        None,
        Some(Proxy::new(plain.url())),
        Some(Proxy::new(secure.url()).root_certificates(proxys.pem())),
        Some(Proxy::new(plain.url_as("socks5"))),
        Some(Proxy::new(plain.url_as("socks4a"))),
    ];
    for way in ways {
        let builder = || {
            let builder = adapter.builder();
            match &way {
                Some(proxy) => builder.proxy(proxy),
                None => builder,
            }
        };
        let careful = builder()
            .root_certificates(authority.pem())
            .build()
            .unwrap();
        let careless = builder().danger_accept_invalid_certs(true).build().unwrap();
        let strange = builder()
            .tls_config(Authority::new().client_config(&["http/1.1"]))
            .build()
            .unwrap();
        let good = Server::https(&authority.leaf());
        let url = good.url("/json");
        assert_eq!(adapter.send(careful.get(&url)).unwrap().status(), 200);
        let error = adapter.send(strange.get(&url)).unwrap_err();
        assert_eq!(
            (error.kind(), error.proxy()),
            (Kind::Connect, None),
            "{way:?}"
        );
        for fault in Fault::ALL {
            let server = Server::https(&authority.faulty_leaf(fault));
            let url = server.url("/json");
            let error = adapter.send(careful.get(&url)).unwrap_err();
            // It is the origin's fault, and said in the same words.
            assert_eq!(
                (error.kind(), error.proxy()),
                (Kind::Connect, None),
                "{way:?} {fault:?}"
            );
            assert!(
                error.to_string().contains("TLS: "),
                "{way:?} {fault:?}: {error}"
            );
            assert_eq!(server.requests(), 0, "{way:?} {fault:?}");
            let response = adapter.send(careless.get(&url));
            assert_eq!(response.unwrap().status(), 200, "{way:?} {fault:?}");
        }
    }
}

behaviour!(x06_the_certificate_of_an_https_proxy_is_judged_too);
fn x06_the_certificate_of_an_https_proxy_is_judged_too<A: Adapter>(adapter: &A) {
    let authority = Authority::new();
    let origin = Server::http();
    for fault in Fault::ALL {
        let config = authority.faulty_leaf(fault).server_config(&["http/1.1"]);
        let proxy = proxy::Proxy::builder().tls(config).start();
        let careful = Proxy::new(proxy.url()).auth("user", "secret");
        let careful = careful.root_certificates(authority.pem());
        let client = adapter.builder().proxy(&careful).build().unwrap();
        for url in [origin.url("/json"), "https://origin.test/".to_owned()] {
            let error = adapter.send(client.get(url)).unwrap_err();
            let told = (error.kind(), error.proxy());
            assert_eq!(
                told,
                (Kind::Connect, Some(proxy.url().as_str())),
                "{fault:?}"
            );
        }
        assert!(proxy.asked().is_empty(), "{fault:?}");
        let careless = Proxy::new(proxy.url()).danger_accept_invalid_certs(true);
        let request = client.get(origin.url("/json")).proxy(careless);
        assert_eq!(adapter.send(request).unwrap().status(), 200, "{fault:?}");
    }
}
