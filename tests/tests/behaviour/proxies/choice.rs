//! Which requests take which proxy, and that what is one proxy's stays there.

use super::{secure_origin, trusting};
use nuncio::{Mock, Network, Proxy, Reply, Transport};
use nuncio_testkit::proxy;
use nuncio_testkit::server::{self, Server};
use nuncio_tests::adapters::Adapter;
use nuncio_tests::behaviour;

behaviour!(b17_proxies_are_chosen_per_client_per_pattern_and_per_request);
fn b17_proxies_are_chosen_per_client_per_pattern_and_per_request<A: Adapter>(adapter: &A) {
    let origin = Server::http();
    let names = ["one", "two", "three", "four"].map(|_| proxy::Proxy::start());
    let [all, host, network, own] = &names;
    let port = origin.addr().port();
    let client = adapter
        .builder()
        .proxy(all.url())
        .mount("http://localhost", Transport::proxy(host.url()))
        .mount(
            "all://*.localhost",
            Transport::network(Network::new().proxy(network.url())),
        )
        .mount("all://127.0.0.2", Transport::client_default())
        .build()
        .unwrap();
    let counts = || names.each_ref().map(|proxy| proxy.asked().len());
    let by_address = origin.url("/json");
    adapter.send(client.get(&by_address)).unwrap();
    assert_eq!(counts(), [1, 0, 0, 0]);
    let by_name = format!("http://localhost:{port}/json");
    adapter.send(client.get(&by_name)).unwrap();
    assert_eq!(counts(), [1, 1, 0, 0]);
    let below = format!("http://a.localhost:{port}/json");
    adapter.send(client.get(&below)).unwrap();
    assert_eq!(counts(), [1, 1, 1, 0]);
    // A request's own word goes before all of that.
    adapter.send(client.get(&by_name).proxy(own.url())).unwrap();
    assert_eq!(counts(), [1, 1, 1, 1]);
    let before = origin.connections();
    adapter.send(client.get(&by_address).no_proxy()).unwrap();
    assert_eq!((counts(), origin.connections()), ([1, 1, 1, 1], before + 1));

    let mut request = client.get(&by_address).build().unwrap();
    request.set_proxy(own.url());
    adapter.send_as_is(&client, request).unwrap();
    let mut request = client.get(&by_address).build().unwrap();
    request.set_no_proxy();
    adapter.send_as_is(&client, request).unwrap();
    assert_eq!(counts(), [1, 1, 1, 2]);

    for (url, told) in [
        (
            &by_address,
            format!("{}, by the client's proxy()", all.url()),
        ),
        (
            &by_name,
            format!("{}, by the mount 'http://localhost'", host.url()),
        ),
        (
            &below,
            format!("{}, by the mount 'all://*.localhost'", network.url()),
        ),
        (
            &"http://127.0.0.2/".to_owned(),
            "direct, by the mount 'all://127.0.0.2'".to_owned(),
        ),
    ] {
        assert_eq!(client.explain_proxy(url).unwrap().to_string(), told);
    }
}

behaviour!(b17_a_proxy_goes_before_a_transport);
fn b17_a_proxy_goes_before_a_transport<A: Adapter>(adapter: &A) {
    let origin = Server::http();
    let proxy = proxy::Proxy::start();
    let mock = || Mock::answering(|_| Reply::new(200).text("mock")).transport();
    let client = adapter
        .builder()
        .transport(mock())
        .proxy(proxy.url())
        .build()
        .unwrap();
    let text = |request| adapter.send(request).unwrap().text().into_owned();
    assert_ne!(text(client.get(origin.url("/json"))), "mock");
    // An equal pattern takes its place, a more particular one goes first.
    for pattern in ["all://", "http://"] {
        let client = client.with(|it| it.mount(pattern, mock())).unwrap();
        assert_eq!(text(client.get(origin.url("/json"))), "mock");
        let told = client.explain_proxy(origin.url("/")).unwrap().to_string();
        assert_eq!(told, "direct, by a transport of the user's");
    }
    assert_eq!(proxy.asked().len(), 1);
}

behaviour!(k12_a_derived_client_with_another_proxy_shares_no_connection);
fn k12_a_derived_client_with_another_proxy_shares_no_connection<A: Adapter>(adapter: &A) {
    let (authority, origin) = secure_origin();
    let (one, two) = (proxy::Proxy::start(), proxy::Proxy::start());
    let direct = trusting(adapter.builder(), &authority);
    let by_one = direct.with(|it| it.proxy(one.url())).unwrap();
    let by_two = by_one.with(|it| it.proxy(two.url())).unwrap();
    let by_none = by_two.with(|it| it.no_proxy()).unwrap();
    for _ in 0..2 {
        for client in [&direct, &by_one, &by_two, &by_none] {
            adapter.send(client.get(origin.url("/json"))).unwrap();
        }
    }
    assert_eq!((origin.connections(), origin.requests()), (4, 8));
    assert_eq!((one.asked().len(), two.asked().len()), (1, 1));
    // What changes nothing about that shares.
    let same = by_one.with(|it| it.header("x", "y")).unwrap();
    adapter.send(same.get(origin.url("/json"))).unwrap();
    assert_eq!(origin.connections(), 4);
}

behaviour!(k06_equal_proxies_share_connections_and_others_do_not);
fn k06_equal_proxies_share_connections_and_others_do_not<A: Adapter>(adapter: &A) {
    let (authority, origin) = secure_origin();
    let client = trusting(adapter.builder(), &authority);
    let proxy = proxy::Proxy::start();
    let connections = |through: Option<Proxy>| {
        let request = client.get(origin.url("/json"));
        let request = match through {
            Some(proxy) => request.proxy(proxy),
            None => request,
        };
        adapter.send(request).unwrap();
        origin.connections()
    };
    let url = proxy.url();
    assert_eq!(connections(Some(Proxy::new(&url))), 1);
    assert_eq!(connections(Some(Proxy::new(&url))), 1);
    let others = [
        None,
        Some(Proxy::new(&url).auth("user", "secret")),
        Some(Proxy::new(&url).auth("user", "other")),
        Some(Proxy::new(&url).header("X-A", "b")),
        Some(Proxy::new(proxy.url_as("socks5"))),
        Some(Proxy::new(url.replace("127.0.0.1", "localhost"))),
    ];
    for (number, other) in others.into_iter().enumerate() {
        let expected = 2 + number as u64;
        for _ in 0..2 {
            assert_eq!(connections(other.clone()), expected, "{other:?}");
        }
    }
}

behaviour!(r09_what_is_one_proxys_stays_there_on_redirects);
fn r09_what_is_one_proxys_stays_there_on_redirects<A: Adapter>(adapter: &A) {
    let (authority, secure) = secure_origin();
    let target = secure.url("/echo");
    let plain = Server::builder()
        .route("/go", move |_, _| {
            server::Reply::new(302).header("location", &target)
        })
        .start();
    // http by one proxy, https by another, with secrets and nonces of their own (SECURITY X3).
    let one = proxy::Proxy::builder().digest("one").start();
    let two = proxy::Proxy::builder().digest("two").start();
    let by_one = Proxy::new(one.url())
        .digest("one", "SECRET1")
        .header("X-Key", "SECRET1");
    let by_two = Proxy::new(two.url())
        .digest("two", "SECRET2")
        .header("X-Key", "SECRET2");
    let builder = adapter
        .builder()
        .follow_redirects(true)
        .mount("http://", Transport::proxy(by_one))
        .mount("https://", Transport::proxy(by_two));
    let client = trusting(builder, &authority);
    for _ in 0..2 {
        let response = adapter.send(client.get(plain.url("/go"))).unwrap();
        let seen = response.text().to_lowercase();
        assert!(
            !seen.contains("secret") && !seen.contains("proxy-"),
            "{seen}"
        );
        assert_eq!(response.history().len(), 1);
        let sent = response.history()[0].request().headers().clone();
        assert!(!sent.contains("proxy-authorization") && !sent.contains("x-key"));
    }
    let heads = |proxy: &proxy::Proxy| -> Vec<String> {
        proxy.asked().into_iter().map(|asked| asked.head).collect()
    };
    for head in heads(&one) {
        assert!(!head.contains("two") && !head.contains("SECRET2"), "{head}");
    }
    for head in heads(&two) {
        assert!(
            !head.contains("\"one\"") && !head.contains("SECRET1"),
            "{head}"
        );
    }
    // Each was asked to prove itself once, and answered in advance after that.
    let unsigned = |proxy| {
        heads(proxy)
            .iter()
            .filter(|head| !head.contains("Digest "))
            .count()
    };
    assert_eq!((unsigned(&one), unsigned(&two)), (1, 1));

    // From a proxy to none: nothing of it goes along, the caller's own field included.
    let open = proxy::Proxy::start();
    let through = Proxy::new(open.url())
        .auth("one", "SECRET")
        .header("X-Key", "SECRET");
    let builder = adapter.builder().follow_redirects(true);
    let client = trusting(
        builder.mount("http://", Transport::proxy(through)),
        &authority,
    );
    for own in [None, Some("SECRET")] {
        let mut request = client.get(plain.url("/go"));
        if let Some(own) = own {
            request = request.header("Proxy-Authorization", own);
        }
        let seen = adapter.send(request).unwrap().text().to_lowercase();
        assert!(
            !seen.contains("secret") && !seen.contains("proxy-"),
            "{seen}"
        );
    }
    assert_eq!(open.asked().len(), 2);
}

#[test]
fn one_shots_take_a_proxy() {
    let origin = Server::http();
    let proxy = proxy::Proxy::start();
    let get = || nuncio::blocking::get(origin.url("/json"));
    assert_eq!(get().proxy(proxy.url()).send().unwrap().status(), 200);
    let of_client = get().client(|client| client.proxy(proxy.url()));
    assert_eq!(of_client.send().unwrap().status(), 200);
    let direct = get().client(|client| client.proxy(proxy.url())).no_proxy();
    assert_eq!(direct.send().unwrap().status(), 200);
    assert_eq!((proxy.asked().len(), origin.requests()), (2, 3));
}

behaviour!(a_proxy_that_is_none_is_a_mistake_of_whoever_builds);
fn a_proxy_that_is_none_is_a_mistake_of_whoever_builds<A: Adapter>(adapter: &A) {
    let wrong = "ftp://user:secret@h";
    let client = adapter.client();
    let errors = [
        adapter.builder().proxy(wrong).build().unwrap_err(),
        adapter
            .builder()
            .mount("all://h", Transport::proxy(wrong))
            .build()
            .unwrap_err(),
        adapter
            .builder()
            .network(Network::new().proxy(wrong))
            .build()
            .unwrap_err(),
        adapter
            .send(client.get("http://h/").proxy(wrong))
            .unwrap_err(),
    ];
    for error in errors {
        let text = error.to_string();
        assert_eq!(error.kind(), nuncio::Kind::Builder, "{text}");
        assert!(text.contains("the proxy 'ftp://h' has a scheme"), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }
}
