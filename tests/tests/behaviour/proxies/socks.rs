//! SOCKS proxies: who looks names up, and what is refused.

use super::{secure_origin, trusting};
use nuncio::{Kind, Proxy};
use nuncio_testkit::proxy;
use nuncio_testkit::script::{Script, Step};
use nuncio_testkit::server::Server;
use nuncio_tests::adapters::Adapter;
use nuncio_tests::behaviour;

behaviour!(x11_names_are_looked_up_by_the_proxy);
fn x11_names_are_looked_up_by_the_proxy<A: Adapter>(adapter: &A) {
    let (authority, secure) = secure_origin();
    let plain = Server::http();
    for scheme in ["socks5", "socks5h", "socks4a"] {
        let proxy = proxy::Proxy::builder()
            .name("origin.test", secure.addr())
            .name("plain.test", plain.addr())
            .start();
        let builder = adapter.builder().proxy(proxy.url_as(scheme));
        let client = trusting(builder, &authority);
        // No name of this kind is known to any resolver but the proxy's.
        for _ in 0..2 {
            let response = adapter
                .send(client.get("https://origin.test/bytes/9"))
                .unwrap();
            assert_eq!(response.bytes().len(), 9);
            let response = adapter
                .send(client.get("http://plain.test:81/bytes/9"))
                .unwrap();
            assert_eq!(response.bytes().len(), 9);
        }
        // SECURITY K9: one connection for each, and each kept.
        let asked: Vec<_> = proxy
            .asked()
            .into_iter()
            .map(|asked| asked.target)
            .collect();
        assert_eq!(asked, ["origin.test:443", "plain.test:81"], "{scheme}");
    }
}

behaviour!(names_are_looked_up_here_where_that_is_wanted);
fn names_are_looked_up_here_where_that_is_wanted<A: Adapter>(adapter: &A) {
    let origin = Server::http();
    let port = origin.addr().port();
    let proxy = proxy::Proxy::start();
    let proxies = [
        Proxy::new(proxy.url_as("socks5")).resolve_locally(true),
        Proxy::new(proxy.url_as("socks4")),
        // The proxy's own name has to be looked up, too.
        Proxy::new(format!("socks4://localhost:{}", proxy.addr().port())),
    ];
    for (number, through) in proxies.iter().enumerate() {
        let client = adapter.builder().proxy(through).build().unwrap();
        let url = format!("http://localhost:{port}/bytes/3");
        let sent = adapter.send(client.get(url));
        let target = proxy.asked().get(number).unwrap().target.clone();
        match target == format!("127.0.0.1:{port}") {
            true => assert_eq!(sent.unwrap().bytes().len(), 3),
            // A machine that prefers IPv6 for its own name.
            false => assert_eq!(target, format!("[::1]:{port}")),
        }
    }
    // Addresses are told as they are.
    let client = adapter
        .builder()
        .proxy(proxy.url_as("socks5"))
        .build()
        .unwrap();
    adapter.send(client.get(origin.url("/json"))).unwrap();
    assert_eq!(
        proxy.asked().last().unwrap().target,
        origin.addr().to_string()
    );
    let nowhere = adapter.send(client.get("http://[::1]:1/")).unwrap_err();
    assert_eq!(proxy.asked().last().unwrap().target, "[::1]:1");
    assert_eq!(nowhere.kind(), Kind::Proxy);
}

behaviour!(b26_credentials_are_checked_and_a_refusal_is_the_proxys);
fn b26_credentials_are_checked_and_a_refusal_is_the_proxys<A: Adapter>(adapter: &A) {
    let origin = Server::http();
    let proxy = proxy::Proxy::builder().password("", "user:secret").start();
    let client = adapter.client();
    let through = |text: &str| Proxy::new(proxy.url_as("socks5").replace("//", text));
    let right = through("//user:secret@");
    let response = adapter.send(client.get(origin.url("/json")).proxy(right));
    assert_eq!(response.unwrap().status(), 200);
    for (wrong, told) in [
        (through("//user:wrong-secret@"), "Invalid username/password"),
        (
            through("//"),
            "Requested NO AUTHENTICATION REQUIRED from proxy server, but got NO ACCEPTABLE METHODS.",
        ),
    ] {
        let outcome = adapter.send(client.get(origin.url("/json")).proxy(wrong));
        super::keeps_secret(&outcome);
        let error = outcome.unwrap_err();
        assert_eq!(error.kind(), Kind::Proxy);
        assert_eq!(error.proxy(), Some(proxy.url_as("socks5").as_str()));
        assert!(error.to_string().ends_with(told), "{error}");
    }
    assert_eq!(origin.requests(), 1);
    let right = Proxy::new(proxy.url_as("socks4")).auth("user:secret", "");
    let error = adapter.send(client.get(origin.url("/json")).proxy(right));
    let told = "Proxy Server could not connect: Request rejected or failed.";
    assert!(error.unwrap_err().to_string().ends_with(told));
    assert_eq!(proxy.asked().last().unwrap().head, "user:secret");
}

behaviour!(x10_names_of_255_bytes_are_the_longest_that_are_sent);
fn x10_names_of_255_bytes_are_the_longest_that_are_sent<A: Adapter>(adapter: &A) {
    let origin = Server::http();
    let label = "a".repeat(50);
    let name = |last: usize| {
        let front = format!("{label}.").repeat(4);
        format!("{front}{}", "b".repeat(last))
    };
    let longest = name(51);
    assert_eq!(longest.len(), 255);
    let proxy = proxy::Proxy::builder()
        .name(&longest, origin.addr())
        .start();
    for scheme in ["socks5", "socks4a"] {
        let client = adapter
            .builder()
            .proxy(proxy.url_as(scheme))
            .build()
            .unwrap();
        let response = adapter.send(client.get(format!("http://{longest}/json")));
        assert_eq!(response.unwrap().status(), 200);
        let (before, asked) = (proxy.connections(), proxy.asked().len());
        let error = adapter.send(client.get(format!("http://{}/json", name(52))));
        let error = error.unwrap_err();
        assert_eq!(error.kind(), Kind::Proxy, "{error}");
        assert!(
            error.to_string().contains("1 to 255 bytes, not 256"),
            "{error}"
        );
        // Nobody was dialled, and nothing was looked up elsewhere.
        assert_eq!((proxy.connections(), proxy.asked().len()), (before, asked));
    }
}

behaviour!(x10_a_short_or_garbled_reply_is_the_proxys_fault);
fn x10_a_short_or_garbled_reply_is_the_proxys_fault<A: Adapter>(adapter: &A) {
    let whole: &[u8] = &[5, 0, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    let mut cases: Vec<(&str, Vec<u8>)> = (0..whole.len())
        .map(|end| ("socks5", whole[..end].to_vec()))
        .collect();
    let garbled: [(&str, &[u8]); 6] = [
        ("socks5", b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        ("socks5", &[5, 1]),
        ("socks5", &[5, 0, 5, 0, 0, 9]),
        ("socks5", &[5, 0, 5, 5, 0, 1, 0, 0, 0, 0, 0, 0]),
        ("socks4a", &[5, 0]),
        ("socks4a", &[0, 91]),
    ];
    cases.extend(garbled.map(|(scheme, bytes)| (scheme, bytes.to_vec())));
    for (scheme, bytes) in cases {
        let peer = Script::new()
            .connection([
                Step::ExpectBytes(3),
                Step::send(&bytes),
                Step::HalfClose,
                Step::ExpectEof,
            ])
            .start();
        let through = format!("{scheme}://{}", peer.addr());
        let client = adapter.builder().proxy(&*through).build().unwrap();
        let error = adapter.send(client.get("http://origin.test/")).unwrap_err();
        assert_eq!(error.kind(), Kind::Proxy, "{bytes:?}: {error}");
        assert_eq!(error.proxy(), Some(through.as_str()), "{bytes:?}");
        assert_eq!(client.pool().connections, 0);
    }
}
