//! https origins through HTTP proxies, which are asked to connect and told nothing else.

use super::{BASIC, secure_origin, trusting};
use crate::http2::origin::{Manners, Origin, body_of};
use nuncio::Proxy;
use nuncio_testkit::certs::Authority;
use nuncio_testkit::proxy;
use nuncio_testkit::server::Server;
use nuncio_tests::adapters::{Adapter, Download};
use nuncio_tests::behaviour;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio_rustls::rustls;
use tokio_rustls::rustls::client::{
    ClientSessionStore, Resumption, Tls12ClientSessionValue, Tls13ClientSessionValue,
};
use tokio_rustls::rustls::pki_types::ServerName;

behaviour!(x01_credentials_go_with_connect_and_never_inside);
fn x01_credentials_go_with_connect_and_never_inside<A: Adapter>(adapter: &A) {
    let (authority, origin) = secure_origin();
    let proxy = proxy::Proxy::builder()
        .password(BASIC, "")
        .name("origin.test", origin.addr())
        .start();
    let through = Proxy::new(proxy.url().replace("//", "//user:secret@")).header("X-Team", "blue");
    let client = trusting(adapter.builder().proxy(through), &authority);
    for _ in 0..2 {
        // A field for the proxy goes to no origin, whoever set it.
        let request = client
            .get("https://origin.test/echo?q=1")
            .header("Proxy-Authorization", "secret of the caller's")
            .header("X-Own", "1");
        let response = adapter.send(request).unwrap();
        let seen = response.text().to_lowercase();
        assert!(seen.contains("x-own") && !seen.contains("x-team"), "{seen}");
        assert!(
            !seen.contains("proxy-") && !seen.contains("secret"),
            "{seen}"
        );
    }
    // SECURITY X2: of the request's own fields none goes to the proxy.
    let asked = proxy.asked();
    assert_eq!(asked.len(), 1);
    let head = format!(
        "CONNECT origin.test:443 HTTP/1.1\r\nHost: origin.test:443\r\nProxy-Authorization: {BASIC}\r\n\
         X-Team: blue\r\n\r\n"
    );
    assert_eq!(asked[0].head, head);
    assert_eq!((origin.connections(), origin.requests()), (1, 2));
}

behaviour!(b26_an_ipv6_origin_keeps_its_brackets);
fn b26_an_ipv6_origin_keeps_its_brackets<A: Adapter>(adapter: &A) {
    let proxy = proxy::Proxy::start();
    let client = adapter.builder().proxy(proxy.url()).build().unwrap();
    // Nobody is there; what the proxy was asked is what counts.
    let _ = adapter.send(client.get("https://[::1]:9/"));
    assert_eq!(proxy.asked()[0].target, "[::1]:9");
    assert!(proxy.asked()[0].head.contains("\r\nHost: [::1]:9\r\n"));
}

behaviour!(b26_an_https_proxy_has_tls_settings_of_its_own);
fn b26_an_https_proxy_has_tls_settings_of_its_own<A: Adapter>(adapter: &A) {
    let (authority, origin) = secure_origin();
    let plain = Server::http();
    let proxys = Authority::new();
    let proxy = proxy::Proxy::builder()
        .tls(proxys.leaf().server_config(&["http/1.1"]))
        .start();
    let right = Proxy::new(proxy.url()).root_certificates(proxys.pem());
    let client = trusting(adapter.builder().proxy(&right), &authority);
    let long = 200_000;
    let download = adapter.stream(client.get(origin.url(&format!("/bytes/{long}"))));
    let response = download.unwrap().read().unwrap();
    assert_eq!(response.bytes(), &nuncio_testkit::content::bytes(long));
    let response = adapter.send(client.get(plain.url("/bytes/9"))).unwrap();
    assert_eq!(response.bytes().len(), 9);
    let methods: Vec<_> = proxy
        .asked()
        .into_iter()
        .map(|asked| asked.method)
        .collect();
    assert_eq!(methods, ["CONNECT", "GET"]);

    // What is trusted for origins does not count for the proxy, nor the other way round.
    let both = format!("{}\n{}", authority.pem(), proxys.pem());
    let careless = adapter.builder().danger_accept_invalid_certs(true);
    let clients = [
        adapter.builder().root_certificates(both).proxy(proxy.url()),
        careless.proxy(proxy.url()),
    ];
    for builder in clients {
        let client = builder.build().unwrap();
        for url in [origin.url("/json"), plain.url("/json")] {
            let error = adapter.send(client.get(url)).unwrap_err();
            assert_eq!(error.kind(), nuncio::Kind::Connect, "{error}");
            assert_eq!(error.proxy(), Some(proxy.url().as_str()), "{error}");
            assert!(error.to_string().contains("certificate"), "{error}");
        }
    }
    let client = adapter.builder().proxy(&right).build().unwrap();
    let error = adapter.send(client.get(origin.url("/json"))).unwrap_err();
    assert_eq!(error.proxy(), None, "{error}");
    let through = format!("through {}: ", proxy.url());
    assert!(error.to_string().contains(&through), "{error}");
    assert_eq!(proxy.asked().len(), 3);
}

behaviour!(http2_is_spoken_through_tunnels_as_without);
fn http2_is_spoken_through_tunnels_as_without<A: Adapter>(adapter: &A) {
    let proxys = Authority::new();
    let secure = proxy::Proxy::builder()
        .tls(proxys.leaf().server_config(&["http/1.1"]))
        .start();
    let plain = proxy::Proxy::start();
    let proxies = [
        Proxy::new(plain.url()),
        Proxy::new(secure.url()).root_certificates(proxys.pem()),
        Proxy::new(plain.url_as("socks5")),
        Proxy::new(plain.url_as("socks4a")),
    ];
    for proxy in proxies {
        let origin = Origin::https(Manners::default());
        let builder = adapter.builder().http2(true).proxy(&proxy);
        let client = trusting(builder, &origin.authority);
        let requests = (0..8).map(|seed| client.get(origin.url(&format!("/bytes/{seed}/30000"))));
        for (seed, response) in adapter.together(requests.collect()).into_iter().enumerate() {
            let response = response.unwrap();
            assert_eq!(response.version(), http::Version::HTTP_2, "{proxy}");
            assert_eq!(response.bytes(), &body_of(seed as u64, 30_000));
        }
        assert_eq!((origin.connections(), origin.requests()), (1, 8), "{proxy}");
    }
}

behaviour!(x03_digest_to_a_proxy_is_answered_for_connect);
fn x03_digest_to_a_proxy_is_answered_for_connect<A: Adapter>(adapter: &A) {
    let (authority, origin) = secure_origin();
    let (one, two) = (
        proxy::Proxy::builder().digest("user").start(),
        proxy::Proxy::builder().digest("user").start(),
    );
    let digest = |proxy: &proxy::Proxy| Proxy::new(proxy.url()).digest("user", "secret");
    let client = trusting(adapter.builder().proxy(digest(&one)), &authority);
    for _ in 0..2 {
        adapter.send(client.get(origin.url("/json"))).unwrap();
        client.evict_idle();
    }
    let signed = |proxy: &proxy::Proxy| -> Vec<bool> {
        let asked = proxy.asked();
        let signed = asked.iter().map(|asked| asked.head.contains("Digest "));
        signed.collect()
    };
    assert_eq!(signed(&one), [false, true, true]);
    // SECURITY X3: what one proxy asked is not answered to another.
    let request = client.get(origin.url("/json")).proxy(digest(&two));
    adapter.send(request).unwrap();
    assert_eq!(signed(&two), [false, true]);
    assert_eq!(origin.requests(), 3);
}

behaviour!(x07_sessions_with_a_proxy_are_remembered_apart);
fn x07_sessions_with_a_proxy_are_remembered_apart<A: Adapter>(adapter: &A) {
    let (authority, origin) = secure_origin();
    let plain = Server::http();
    let proxy = proxy::Proxy::builder()
        .tls(authority.leaf().server_config(&["http/1.1"]))
        .start();
    // One configuration for both hops, whose hosts have the same name.
    let store = Arc::new(Counting::default());
    let mut config = rustls::ClientConfig::clone(&authority.client_config(&["http/1.1"]));
    config.resumption = Resumption::store(Arc::clone(&store) as Arc<dyn ClientSessionStore>);
    let config = Arc::new(config);
    let client = adapter
        .builder()
        .tls_config(Arc::clone(&config))
        .proxy(Proxy::new(proxy.url()).tls_config(config))
        .build()
        .unwrap();
    adapter.send(client.get(plain.url("/json"))).unwrap();
    assert_eq!(
        store.0.load(Ordering::SeqCst),
        0,
        "the proxy's are not kept there"
    );
    adapter.send(client.get(origin.url("/json"))).unwrap();
    assert_ne!(store.0.load(Ordering::SeqCst), 0, "the origin's are");
}

/// Keeps nothing, and counts how often it is asked for anything.
#[derive(Debug, Default)]
struct Counting(AtomicUsize);

impl Counting {
    fn count(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl ClientSessionStore for Counting {
    fn set_kx_hint(&self, _: ServerName<'static>, _: rustls::NamedGroup) {
        self.count();
    }

    fn kx_hint(&self, _: &ServerName<'_>) -> Option<rustls::NamedGroup> {
        self.count();
        None
    }

    fn set_tls12_session(&self, _: ServerName<'static>, _: Tls12ClientSessionValue) {
        self.count();
    }

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.count();
        None
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {
        self.count();
    }

    fn insert_tls13_ticket(&self, _: ServerName<'static>, _: Tls13ClientSessionValue) {
        self.count();
    }

    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.count();
        None
    }
}
