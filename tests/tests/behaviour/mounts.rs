//! Which transport serves which URL (BEHAVIOUR section 17), and what a redirect may reach.

use nuncio::{Kind, Limits, Mock, Network, Redirects, Reply, Request, Side, Transport};
use nuncio_client::Driver;
use nuncio_testkit::certs::Authority;
use nuncio_testkit::server::Server;
use nuncio_tests::adapters::{Adapter, Download};
use nuncio_tests::behaviour;

fn named(name: &'static str) -> Transport {
    Mock::answering(move |_| Reply::new(200).text(name)).transport()
}

behaviour!(b17_the_most_particular_mount_serves);
fn b17_the_most_particular_mount_serves<A: Adapter>(adapter: &A) {
    let patterns = [
        "all://",
        "http://",
        "https://",
        "all://example.com",
        "http://example.com",
        "all://*example.com",
        "all://*.example.com",
        "all://*:1234",
        "http://internal.example.com:5550",
    ];
    let mut builder = adapter.builder();
    for pattern in patterns {
        builder = builder.mount(pattern, named(pattern));
    }
    let client = builder.build().unwrap();
    for (url, pattern) in [
        (
            "http://internal.example.com:5550/",
            "http://internal.example.com:5550",
        ),
        ("http://internal.example.com:1234/", "all://*:1234"),
        ("https://example.com:1234/x", "all://*:1234"),
        ("http://www.example.com/", "all://*.example.com"),
        ("https://EXAMPLE.com:8/", "all://*example.com"),
        ("http://wwwexample.com/", "http://"),
        ("https://other/", "https://"),
        ("ftp://other/", "all://"),
        ("file:///etc/passwd", "all://"),
    ] {
        let response = adapter.send(client.get(url)).unwrap();
        assert_eq!(response.text(), pattern, "{url}");
    }
}

behaviour!(b17_a_mount_goes_before_the_transport);
fn b17_a_mount_goes_before_the_transport<A: Adapter>(adapter: &A) {
    let client = adapter
        .builder()
        .transport(named("transport"))
        .mount("http://mounted", named("mount"))
        .build()
        .unwrap();
    for (url, text) in [("http://mounted/", "mount"), ("http://x/", "transport")] {
        assert_eq!(adapter.send(client.get(url)).unwrap().text(), text);
    }
}

behaviour!(b17_a_pattern_without_a_transport_of_its_own_means_the_default);
fn b17_a_pattern_without_a_transport_of_its_own_means_the_default<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter
        .builder()
        .mount("all://", named("mount"))
        .mount("all://127.0.0.1", Transport::client_default())
        .build()
        .unwrap();
    let response = adapter.send(client.get(server.url("/bytes/3"))).unwrap();
    assert_eq!((response.bytes().len(), server.connections()), (3, 1));
    assert_eq!(
        adapter.send(client.get("http://a/")).unwrap().text(),
        "mount"
    );

    let builder = adapter.builder().transport(named("transport"));
    let builder = builder.mount("http://", named("mount"));
    let client = builder
        .mount("http://a", Transport::client_default())
        .build()
        .unwrap();
    assert_eq!(
        adapter.send(client.get("http://a/")).unwrap().text(),
        "transport"
    );
}

behaviour!(b17_an_equal_pattern_replaces_the_one_before);
fn b17_an_equal_pattern_replaces_the_one_before<A: Adapter>(adapter: &A) {
    let client = adapter
        .builder()
        .mount("http://Example.com", named("first"))
        .mount("HTTP://example.COM/ignored", named("second"))
        .build()
        .unwrap();
    let response = adapter.send(client.get("http://example.com/"));
    assert_eq!(response.unwrap().text(), "second");
}

behaviour!(b17_a_bad_pattern_is_an_error_of_the_build);
fn b17_a_bad_pattern_is_an_error_of_the_build<A: Adapter>(adapter: &A) {
    let builder = adapter.builder().mount("example.com", named("x"));
    let error = builder.build().unwrap_err();
    assert_eq!(error.kind(), Kind::Builder);
    let text = "the mount pattern 'example.com' has no scheme: write 'all://' in front of a host";
    assert_eq!(error.to_string(), text);
}

behaviour!(b17_any_scheme_may_be_mounted);
fn b17_any_scheme_may_be_mounted<A: Adapter>(adapter: &A) {
    let mock = Mock::answering(|_| Reply::new(200).header("Set-Cookie", "a=b").text("x"));
    let client = adapter
        .builder()
        .cookie("given", "1")
        .mount("file://", mock.transport())
        .mount("custom+scheme://", mock.transport())
        .build()
        .unwrap();
    for url in [
        "file:///a/b?c",
        "custom+scheme://Host:7/p",
        "custom+scheme:opaque",
    ] {
        for _ in 0..2 {
            let response = adapter.send(client.get(url)).unwrap();
            assert_eq!(response.url().as_str(), url);
        }
    }
    let requests = mock.requests();
    let hosts: Vec<_> = requests.iter().map(|it| it.headers().get("host")).collect();
    let hosts: Vec<_> = hosts.iter().map(Option::as_deref).collect();
    let host = Some("Host:7");
    assert_eq!(hosts, [None, None, host, host, None, None]);
}

behaviour!(b17_a_scheme_that_nobody_serves_is_refused);
fn b17_a_scheme_that_nobody_serves_is_refused<A: Adapter>(adapter: &A) {
    let client = adapter
        .builder()
        .mount("db://", named("db"))
        .build()
        .unwrap();
    for url in ["file:///etc/passwd", "ftp://h/"] {
        let error = adapter.send(client.get(url)).unwrap_err();
        assert_eq!(error.kind(), Kind::UnsupportedProtocol, "{url}");
    }
}

fn leading_to(location: &'static str) -> Transport {
    Mock::answering(move |_| Reply::new(302).header("Location", location)).transport()
}

behaviour!(r13_a_redirect_reaches_no_mount_of_another_scheme);
fn r13_a_redirect_reaches_no_mount_of_another_scheme<A: Adapter>(adapter: &A) {
    for location in ["file:///etc/passwd", "custom://h/", "unix:///run/x.sock"] {
        let mounted = Mock::answering(|_| Reply::new(200).text("reached"));
        let builder = || {
            adapter
                .builder()
                .mount("http://", leading_to(location))
                .mount("all://", mounted.transport())
        };
        let client = builder().follow_redirects(true).build().unwrap();
        let error = adapter.send(client.get("http://h/")).unwrap_err();
        assert_eq!(error.kind(), Kind::UnsupportedProtocol, "{location}");
        assert!(mounted.requests().is_empty());

        let scheme = location.split(':').next().unwrap();
        let allowed = Redirects::follow().schemes([scheme]);
        let client = builder().redirects(allowed).build().unwrap();
        let response = adapter.send(client.get("http://h/")).unwrap();
        assert_eq!(
            (&*response.text(), response.history().len()),
            ("reached", 1)
        );
        mounted.assert_calls("GET", location, 1);
    }
}

behaviour!(a_redirect_goes_from_mount_to_mount_without_what_was_meant_for_one);
fn a_redirect_goes_from_mount_to_mount_without_what_was_meant_for_one<A: Adapter>(adapter: &A) {
    let other = Mock::answering(|_| Reply::new(200));
    let client = adapter
        .builder()
        .follow_redirects(true)
        .mount("http://a", leading_to("https://b/x"))
        .mount("https://b", other.transport())
        .build()
        .unwrap();
    let request = client.get("http://a/").header("X-Secret", "1");
    adapter.send(request.auth(("u", "p"))).unwrap();
    let sent = &other.requests()[0];
    assert_eq!(sent.headers().get("host").as_deref(), Some("b"));
    assert!(!sent.headers().contains("x-secret") && !sent.headers().contains("authorization"));
}

behaviour!(a_mounted_network_has_trust_of_its_own);
fn a_mounted_network_has_trust_of_its_own<A: Adapter>(adapter: &A) {
    let authority = Authority::new();
    let server = Server::https(&authority.leaf());
    let network = Network::new().root_certificates(authority.pem());
    let client = adapter
        .builder()
        .mount("https://127.0.0.1", Transport::network(network))
        .build()
        .unwrap();
    let by_address = format!("https://{}/bytes/3", server.addr());
    assert_eq!(
        adapter.send(client.get(&by_address)).unwrap().bytes().len(),
        3
    );
    // The client itself does not trust that authority.
    let by_name = format!("https://localhost:{}/bytes/3", server.addr().port());
    let error = adapter.send(client.get(by_name)).unwrap_err();
    assert_eq!(error.kind(), Kind::Connect, "{error}");
    assert!(error.to_string().contains("certificate"), "{error}");
}

behaviour!(a_mounted_network_has_limits_and_connections_of_its_own);
fn a_mounted_network_has_limits_and_connections_of_its_own<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let one = Limits {
        max_connections: Some(1),
        ..Limits::default()
    };
    let client = adapter
        .builder()
        .timeout(nuncio::Timeout::secs(5).pool(std::time::Duration::from_millis(50)))
        .mount(
            "all://127.0.0.1",
            Transport::network(Network::new().limits(one)),
        )
        .build()
        .unwrap();
    let (mounted, own) = (server.url("/bytes/100000"), server.url("/bytes/3"));
    let own = own.replace("127.0.0.1", "localhost");
    let held = adapter.stream(client.get(&mounted)).unwrap();
    let error = adapter.send(client.get(&mounted)).unwrap_err();
    assert_eq!(error.kind(), Kind::PoolTimeout);
    // That the mount is full is nothing to the rest.
    adapter.send(client.get(&own)).unwrap();
    held.read().unwrap();
    let counts = client.pool();
    assert_eq!((counts.connections, counts.idle), (2, 2));

    client.evict_idle();
    assert_eq!(client.pool().connections, 0);
    adapter.send(client.get(&mounted)).unwrap();
    client.close();
    let error = adapter.send(client.get(&mounted)).unwrap_err();
    assert_eq!(error.kind(), Kind::Closed);
}

behaviour!(a_closed_client_reaches_no_mount);
fn a_closed_client_reaches_no_mount<A: Adapter>(adapter: &A) {
    let mock = Mock::answering(|_| Reply::new(200));
    let client = adapter
        .builder()
        .transport(mock.transport())
        .build()
        .unwrap();
    adapter.send(client.get("http://h/")).unwrap();
    client.clone().close();
    let error = adapter.send(client.get("http://h/")).unwrap_err();
    assert_eq!(error.kind(), Kind::Closed);
    mock.assert_calls("*", "*", 1);
}

struct Neither;

impl nuncio::BlockingTransport for Neither {
    fn send(&self, _request: Request) -> Result<Reply, nuncio::Error> {
        Ok(Reply::new(200))
    }
}

impl nuncio::AsyncTransport for Neither {
    fn send(&self, _request: Request) -> nuncio::BoxFuture<'static, Result<Reply, nuncio::Error>> {
        Box::pin(std::future::ready(Ok(Reply::new(200))))
    }
}

behaviour!(a_transport_that_waits_in_the_other_way_is_an_error_of_the_build);
fn a_transport_that_waits_in_the_other_way_is_an_error_of_the_build<A: Adapter>(adapter: &A) {
    let (right, wrong) = match A::Driver::SIDE {
        Side::Blocking => (Transport::blocking(Neither), Transport::future(Neither)),
        Side::Async => (Transport::future(Neither), Transport::blocking(Neither)),
    };
    let builders = [
        adapter.builder().transport(wrong.clone()),
        adapter.builder().mount("http://h", wrong),
    ];
    for builder in builders {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), Kind::Usage);
        assert!(
            error.to_string().contains("transport was given to a"),
            "{error}"
        );
    }
    let client = adapter.builder().transport(right).build().unwrap();
    assert_eq!(adapter.send(client.get("http://h/")).unwrap().status(), 200);
}

behaviour!(a_transport_sees_the_limits_that_hold);
fn a_transport_sees_the_limits_that_hold<A: Adapter>(adapter: &A) {
    let mock = Mock::answering(|_| Reply::new(200));
    let builder = adapter.builder().timeout(nuncio::Timeout::secs(7));
    let client = builder.transport(mock.transport()).build().unwrap();
    adapter.send(client.get("http://h/")).unwrap();
    let own = client.get("http://h/").timeout(nuncio::Timeout::secs(9));
    adapter.send(own).unwrap();
    let limits: Vec<_> = mock.requests().iter().map(Request::timeout).collect();
    assert_eq!(limits, [7, 9].map(|it| Some(nuncio::Timeout::secs(it))));
}
