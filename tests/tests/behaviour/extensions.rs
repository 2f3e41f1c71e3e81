//! What a request asks for beside what its URL says (BEHAVIOUR section 27): the name that the server
//! proves, the request target, who is told of it; and which stream an answer came on.

use super::events::listener;
use super::http2::origin::{Manners, Origin};
use http::Version;
use nuncio::tls::Tls;
use nuncio::{Auth, Event, Kind, Proxy, Timeout};
use nuncio_testkit::certs::Authority;
use nuncio_testkit::proxy;
use nuncio_testkit::script::{Script, ScriptedPeer, Step};
use nuncio_testkit::server::{Reply, Server};
use nuncio_tests::adapters::{Adapter, Download};
use nuncio_tests::behaviour;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A peer that answers so on one connection.
fn answering(answers: &[&str]) -> ScriptedPeer {
    let steps = answers
        .iter()
        .flat_map(|answer| [Step::ExpectHead, Step::send(answer)]);
    Script::new().connection(steps).start()
}

/// The first lines of the requests that came.
fn lines(peer: ScriptedPeer) -> Vec<String> {
    let received = peer.finish().remove(0).received;
    let text = String::from_utf8(received).unwrap();
    let heads = text.split("\r\n\r\n").filter(|head| !head.is_empty());
    heads
        .map(|head| head.lines().next().unwrap_or_default().to_owned())
        .collect()
}

behaviour!(k08_requests_share_connections_only_with_those_that_want_the_same_name);
fn k08_requests_share_connections_only_with_those_that_want_the_same_name<A: Adapter>(adapter: &A) {
    let authority = Authority::new();
    let leaf = authority.leaf_for(&["internal.example", "other.example"]);
    let server = Server::https(&leaf);
    let tls = Tls::new().root_certificates(authority.pem());
    let client = adapter.builder().tls(tls).build().unwrap();
    let url = format!("https://{}/json", server.addr());
    for _ in 0..3 {
        for name in ["internal.example", "other.example", "INTERNAL.example."] {
            let request = client.get(&url).server_name(name);
            assert_eq!(adapter.send(request).unwrap().status(), 200, "{name}");
        }
        // Neither the URL's own name nor another one is this server's, whatever connections there are.
        for request in [
            client.get(&url),
            client.get(&url).server_name("wrong.example"),
        ] {
            let error = adapter.send(request).unwrap_err();
            assert_eq!(error.kind(), Kind::Connect, "{error}");
        }
    }
    assert_eq!((server.connections(), server.requests()), (2 + 6, 9));
    assert_eq!(client.pool().connections, 2);
    let error = adapter.send(client.get(&url).server_name("no name"));
    assert_eq!(error.unwrap_err().kind(), Kind::Builder);
}

behaviour!(k08_streams_share_connections_only_with_those_that_want_the_same_name);
fn k08_streams_share_connections_only_with_those_that_want_the_same_name<A: Adapter>(adapter: &A) {
    let origin = Origin::https(Manners::default());
    let builder = adapter.builder().http2(true);
    let client = builder
        .root_certificates(origin.authority.pem())
        .build()
        .unwrap();
    let url = origin.url("/head");
    for _ in 0..3 {
        adapter.send(client.get(&url)).unwrap();
        let named = client.get(&url).server_name("127.0.0.1");
        adapter.send(named).unwrap();
        let wrong = client.get(&url).server_name("wrong.example");
        assert_eq!(adapter.send(wrong).unwrap_err().kind(), Kind::Connect);
    }
    assert_eq!((origin.requests(), client.pool().connections), (6, 2));
}

behaviour!(k08_a_name_goes_before_the_networks_and_is_not_the_proxys);
fn k08_a_name_goes_before_the_networks_and_is_not_the_proxys<A: Adapter>(adapter: &A) {
    let authority = Authority::new();
    let origin = Server::https(&authority.leaf_for(&["internal.example", "other.example"]));
    let leaf = authority.leaf_for(&["localhost"]);
    let between = proxy::Proxy::builder()
        .tls(leaf.server_config(&["http/1.1"]))
        .start();
    let tls = || Tls::new().root_certificates(authority.pem());
    let client = adapter
        .builder()
        .tls(tls().server_name("other.example"))
        .proxy(Proxy::new(between.url()).tls(tls()))
        .build()
        .unwrap();
    let url = format!("https://{}/json", origin.addr());
    for _ in 0..2 {
        adapter.send(client.get(&url)).unwrap();
        let names = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&names);
        let request = client.get(&url).server_name("internal.example");
        let request = request.on_event(move |event| {
            if let Event::TlsStarted { server_name } = event {
                heard.lock().unwrap().push((*server_name).to_owned());
            }
        });
        adapter.send(request).unwrap();
        let names = names.lock().unwrap().clone();
        assert!(
            names.is_empty() || names == ["localhost", "internal.example"],
            "{names:?}"
        );
    }
    assert_eq!((between.connections(), origin.connections()), (2, 2));
}

behaviour!(t04_a_redirect_elsewhere_leaves_the_name_behind);
fn t04_a_redirect_elsewhere_leaves_the_name_behind<A: Adapter>(adapter: &A) {
    let authority = Authority::new();
    let there = Server::https(&authority.leaf_for(&["localhost"]));
    let away = there.url("/json");
    let leaf = authority.leaf_for(&["internal.example"]);
    let here = Server::builder()
        .tls(leaf.server_config(&["http/1.1"]))
        .route("/here", |_, _| Reply::new(302).header("Location", "/json"))
        .route("/away", move |_, _| {
            Reply::new(302).header("Location", &away)
        })
        .start();
    let client = adapter
        .builder()
        .root_certificates(authority.pem())
        .follow_redirects(true)
        .build()
        .unwrap();
    for path in ["/here", "/away"] {
        let url = format!("https://{}{path}", here.addr());
        let request = client.get(url).server_name("internal.example");
        let response = adapter.send(request).unwrap();
        assert_eq!(
            (response.status().as_u16(), response.history().len()),
            (200, 1)
        );
    }
    assert_eq!((here.connections(), there.connections()), (1, 1));
}

behaviour!(i03_a_target_is_sent_as_it_is_or_not_at_all);
fn i03_a_target_is_sent_as_it_is_or_not_at_all<A: Adapter>(adapter: &A) {
    let targets = ["*", "/%7E/%zz/../{x}|\"#f", "http://a.test/x", "a:1", "?"];
    let peer = answering(&[OK; 5]);
    let client = adapter.client();
    for target in targets {
        let request = client.request("OPTIONS", peer.url("/path?query"));
        let response = adapter.send(request.target(target)).unwrap();
        assert_eq!(response.url().as_str(), peer.url("/path?query"));
    }
    for target in ["", "/a b", "/ HTTP/1.1\r\nX: y\r\n\r\n", "/\0", "/\u{e9}"] {
        let error = adapter.send(client.get(peer.url("/")).target(target));
        assert_eq!(error.unwrap_err().kind(), Kind::LocalProtocol, "{target:?}");
    }
    let sent = targets.map(|target| format!("OPTIONS {target} HTTP/1.1"));
    assert_eq!(lines(peer), sent);
}

behaviour!(b27_a_redirect_leaves_the_target_behind);
fn b27_a_redirect_leaves_the_target_behind<A: Adapter>(adapter: &A) {
    let moved = "HTTP/1.1 302 Found\r\nLocation: next\r\nContent-Length: 0\r\n\r\n";
    let peer = answering(&[moved, OK]);
    let client = adapter.builder().follow_redirects(true).build().unwrap();
    let request = client.get(peer.url("/a/b")).target("/else/where");
    adapter.send(request).unwrap();
    let expected = ["GET /else/where HTTP/1.1", "GET /a/next HTTP/1.1"];
    assert_eq!(lines(peer), expected);
}

behaviour!(b27_digest_signs_the_target);
fn b27_digest_signs_the_target<A: Adapter>(adapter: &A) {
    let asks = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\
                WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"\r\n\r\n";
    let peer = answering(&[asks, OK]);
    let request = adapter.client().get(peer.url("/path"));
    let request = request.target("/%70ath").auth(Auth::digest("u", "p"));
    assert_eq!(adapter.send(request).unwrap().status(), 200);
    let received = peer.finish().remove(0).received;
    let text = String::from_utf8(received).unwrap();
    assert_eq!(
        text.matches("GET /%70ath HTTP/1.1\r\n").count(),
        2,
        "{text}"
    );
    assert!(text.contains("uri=\"/%70ath\""), "{text}");
}

behaviour!(b27_a_proxy_is_told_the_target);
fn b27_a_proxy_is_told_the_target<A: Adapter>(adapter: &A) {
    let peer = answering(&[OK; 2]);
    let client = adapter.builder().proxy(peer.url("/")).build().unwrap();
    for target in ["http://ORIGIN.test/%zz", "*"] {
        let request = client.request("OPTIONS", "http://origin.test/");
        adapter.send(request.target(target)).unwrap();
    }
    let expected = [
        "OPTIONS http://ORIGIN.test/%zz HTTP/1.1",
        "OPTIONS * HTTP/1.1",
    ];
    assert_eq!(lines(peer), expected);
    // Into a tunnel it goes as it would without one.
    let origin = Server::https(&Authority::new().leaf());
    let between = proxy::Proxy::start();
    let client = adapter
        .builder()
        .danger_accept_invalid_certs(true)
        .proxy(between.url())
        .build()
        .unwrap();
    let request = client.get(origin.url("/nowhere")).target("/json");
    let request = request.header("Proxy-Authorization", "not for the origin");
    assert_eq!(adapter.send(request).unwrap().status(), 200);
}

behaviour!(b27_http2_is_told_a_path_or_an_asterisk);
fn b27_http2_is_told_a_path_or_an_asterisk<A: Adapter>(adapter: &A) {
    let origin = Origin::https(Manners::default());
    let builder = adapter.builder().http2(true);
    let client = builder
        .root_certificates(origin.authority.pem())
        .build()
        .unwrap();
    let ask = |method, target: &str| {
        let request = client.request(method, origin.url("/path"));
        adapter.send(request.target(target))
    };
    let response = ask("GET", "/head/%zz//{x}?%7e").unwrap();
    let said = response.text();
    assert!(said.contains("/head/%zz//{x}?%7e "), "{said}");
    let response = ask("OPTIONS", "*").unwrap();
    assert_eq!(response.version(), Version::HTTP_2);
    let said = response.text();
    assert!(said.starts_with("OPTIONS ") && said.contains('*'), "{said}");
    for (method, target) in [
        ("GET", "*"),
        ("GET", "http://a.test/"),
        ("OPTIONS", "a:1"),
        ("GET", "/a#b"),
    ] {
        let error = ask(method, target).unwrap_err();
        assert_eq!(error.kind(), Kind::LocalProtocol, "{target}");
        assert!(error.to_string().contains("target"), "{error}");
    }
    // None of that cost the connection.
    assert_eq!((origin.connections(), origin.requests()), (1, 2));
}

behaviour!(b27_limits_of_a_request_take_the_place_of_the_clients);
fn b27_limits_of_a_request_take_the_place_of_the_clients<A: Adapter>(adapter: &A) {
    let steps = [Step::ExpectHead, Step::ExpectEof];
    let peer = Script::new().connection(steps).start();
    let builder = adapter.builder().timeout(Timeout::none());
    let request = builder.build().unwrap().get(peer.url("/"));
    let limits = Timeout::none().read(Duration::from_millis(50));
    let error = adapter.send(request.timeout(limits)).unwrap_err();
    assert_eq!(error.kind(), Kind::ReadTimeout);
}

behaviour!(b27_an_answer_tells_its_http2_stream);
fn b27_an_answer_tells_its_http2_stream<A: Adapter>(adapter: &A) {
    let origin = Origin::https(Manners::default());
    let builder = adapter.builder().http2(true);
    let client = builder
        .root_certificates(origin.authority.pem())
        .build()
        .unwrap();
    for number in [1, 3, 5] {
        let response = adapter.send(client.get(origin.url("/head"))).unwrap();
        assert_eq!(response.stream_id(), Some(number));
    }
    let first = adapter.stream(client.get(origin.url("/head"))).unwrap();
    let second = adapter.stream(client.get(origin.url("/head"))).unwrap();
    assert_eq!(first.stream_id(), Some(7));
    assert_eq!(second.stream_id(), Some(9));
    let server = Server::http();
    let response = adapter.send(client.get(server.url("/json"))).unwrap();
    assert_eq!(response.stream_id(), None);
}

behaviour!(b27_a_request_is_told_of_its_own_steps_in_their_order);
fn b27_a_request_is_told_of_its_own_steps_in_their_order<A: Adapter>(adapter: &A) {
    let authority = Authority::new();
    let leaf = authority.leaf();
    let server = Server::builder()
        .tls(leaf.server_config(&["http/1.1"]))
        .route("/moved", |_, _| Reply::new(302).header("Location", "/json"))
        .start();
    let (all, listen) = listener();
    let client = adapter
        .builder()
        .root_certificates(authority.pem())
        .follow_redirects(true)
        .on_event(listen)
        .build()
        .unwrap();
    let all = || std::mem::take(&mut *all.lock().unwrap());
    let url = format!("https://{}", server.addr());
    let (first, listen) = listener();
    let request = client.post(format!("{url}/checksum")).body("x");
    adapter.send(request.on_event(listen)).unwrap();
    let fresh = [
        "ConnectStarted",
        "ConnectComplete",
        "TlsStarted",
        "TlsComplete",
        "RequestHeadSent",
        "RequestBodySent",
        "ResponseHead",
        "ResponseComplete",
    ];
    assert_eq!(*first.lock().unwrap(), fresh);
    assert_eq!(all(), fresh);
    // Nobody else's steps are told, on the same connection neither.
    adapter.send(client.get(format!("{url}/json"))).unwrap();
    assert_eq!(first.lock().unwrap().len(), fresh.len());
    assert_eq!(all().len(), 4);
    let (second, listen) = listener();
    let request = client.get(format!("{url}/moved")).on_event(listen);
    adapter.send(request).unwrap();
    let reused = [
        "Reused",
        "RequestHeadSent",
        "ResponseHead",
        "ResponseComplete",
    ];
    assert_eq!(*second.lock().unwrap(), [reused, reused].concat());
    client.close();
    assert_eq!(all().last().unwrap(), "Closed");
    assert_eq!(second.lock().unwrap().len(), 8);
    assert_eq!((first.lock().unwrap().len(), server.connections()), (8, 1));
    // Nothing keeps a listener whose request is over.
    assert_eq!(
        (Arc::strong_count(&first), Arc::strong_count(&second)),
        (1, 1)
    );
}

behaviour!(b27_a_stream_is_told_of_its_own_steps_and_of_its_failure);
fn b27_a_stream_is_told_of_its_own_steps_and_of_its_failure<A: Adapter>(adapter: &A) {
    let origin = Origin::https(Manners::default());
    let builder = adapter.builder().http2(true);
    let client = builder
        .root_certificates(origin.authority.pem())
        .build()
        .unwrap();
    let ((first, listen), (second, listen_too)) = (listener(), listener());
    let one = client.get(origin.url("/bytes/1/1000")).on_event(listen);
    let two = client.get(origin.url("/cut")).on_event(listen_too);
    let one = adapter.stream(one).unwrap();
    let two = adapter.stream(two).unwrap();
    assert!(two.read().is_err());
    assert_eq!(one.read().unwrap().bytes().len(), 1000);
    adapter.send(client.get(origin.url("/head"))).unwrap();
    assert_eq!(
        *first.lock().unwrap(),
        [
            "ResolveStarted",
            "ResolveComplete",
            "ConnectStarted",
            "ConnectComplete",
            "TlsStarted",
            "TlsComplete",
            "RequestHeadSent",
            "ResponseHead",
            "ResponseComplete",
        ]
    );
    let told = second.lock().unwrap().clone();
    assert_eq!(
        told,
        ["Reused", "RequestHeadSent", "ResponseHead", "Failed"]
    );
    assert_eq!(origin.connections(), 1);
    assert_eq!(
        (Arc::strong_count(&first), Arc::strong_count(&second)),
        (1, 1)
    );
}
