//! http origins through HTTP proxies, which are told the whole request.

use super::BASIC;
use nuncio::{Kind, Proxy};
use nuncio_testkit::proxy;
use nuncio_testkit::script::{Script, Step};
use nuncio_testkit::server::Server;
use nuncio_tests::adapters::Adapter;
use nuncio_tests::behaviour;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

behaviour!(b26_the_proxy_is_told_the_whole_url_and_its_own_fields_behind_host);
fn b26_the_proxy_is_told_the_whole_url_and_its_own_fields_behind_host<A: Adapter>(adapter: &A) {
    let peer = Script::new()
        .connection([Step::ExpectHead, Step::send(OK)])
        .start();
    let proxy = Proxy::new(peer.url("/").replace("//", "//user:secret@"))
        .header("X-Team", "blue")
        .header("Accept", "nothing");
    let client = adapter
        .builder()
        .without_header("accept-encoding")
        .without_header("user-agent")
        .proxy(proxy)
        .build()
        .unwrap();
    // Names are the proxy's to look up (SECURITY X11); neither credentials nor a fragment are sent
    // (SECURITY X12).
    let url = "http://me:pass@origin.test/a%20b?q=1#fragment";
    let response = adapter.send(client.get(url)).unwrap();
    assert_eq!(response.text(), "ok");
    let head = format!(
        "GET http://origin.test/a%20b?q=1 HTTP/1.1\r\nHost: origin.test\r\n\
         Proxy-Authorization: {BASIC}\r\nX-Team: blue\r\nAccept: */*\r\nConnection: keep-alive\r\n\
         Authorization: Basic bWU6cGFzcw==\r\n\r\n"
    );
    let received = peer.finish().remove(0).received;
    assert_eq!(String::from_utf8_lossy(&received), head);
}

behaviour!(x12_the_target_has_neither_credentials_nor_fragment_and_keeps_brackets);
fn x12_the_target_has_neither_credentials_nor_fragment_and_keeps_brackets<A: Adapter>(adapter: &A) {
    for (url, line) in [
        (
            "http://u:p@h.test:81#f",
            "GET http://h.test:81/ HTTP/1.1\r\n",
        ),
        ("http://u@h.test/?#", "GET http://h.test/? HTTP/1.1\r\n"),
        ("http://[::1]:8/x", "GET http://[::1]:8/x HTTP/1.1\r\n"),
        ("http://[::1]/", "GET http://[::1]/ HTTP/1.1\r\n"),
        ("http://h.test:80/", "GET http://h.test/ HTTP/1.1\r\n"),
    ] {
        let peer = Script::new()
            .connection([Step::ExpectHead, Step::send(OK)])
            .start();
        let client = adapter.builder().proxy(peer.url("/")).build().unwrap();
        adapter.send(client.get(url)).unwrap();
        let received = peer.finish().remove(0).received;
        let received = String::from_utf8_lossy(&received);
        assert!(received.starts_with(line), "{url}: {received}");
    }
}

behaviour!(b26_fields_of_the_requests_own_take_the_place_of_the_proxys);
fn b26_fields_of_the_requests_own_take_the_place_of_the_proxys<A: Adapter>(adapter: &A) {
    let origin = Server::http();
    let proxy = proxy::Proxy::start();
    let through = Proxy::new(proxy.url())
        .auth("user", "secret")
        .header("X-A", "proxy");
    let client = adapter.builder().proxy(through).build().unwrap();
    let request = client.get(origin.url("/json")).header("X-a", "own");
    let request = request.header("Proxy-Authorization", "Mine");
    adapter.send(request).unwrap();
    let head = &proxy.asked()[0].head;
    assert!(
        head.contains("X-a: own") && !head.contains("X-A: proxy"),
        "{head}"
    );
    assert!(
        head.contains("Proxy-Authorization: Mine") && !head.contains(BASIC),
        "{head}"
    );
}

behaviour!(b26_bodies_go_up_and_down_and_any_status_is_a_response);
fn b26_bodies_go_up_and_down_and_any_status_is_a_response<A: Adapter>(adapter: &A) {
    let origin = Server::http();
    let proxy = proxy::Proxy::builder().password(BASIC, "").start();
    let client = adapter.builder().build().unwrap();
    let right = Proxy::new(proxy.url()).auth("user", "secret");
    let request = client.put(origin.url("/mirror")).body("up and down");
    let response = adapter.send(request.proxy(&right)).unwrap();
    assert_eq!(response.text(), "up and down");
    let request = client.get(origin.url("/status/404")).proxy(&right);
    assert_eq!(adapter.send(request).unwrap().status(), 404);
    let asked = proxy.asked().len();

    // A proxy's 407 is one too, where there is nothing to answer it with.
    for wrong in [
        Proxy::new(proxy.url()),
        Proxy::new(proxy.url()).auth("user", "wrong"),
    ] {
        let request = client.get(origin.url("/json")).proxy(wrong);
        let response = adapter.send(request).unwrap();
        assert_eq!(
            (response.status().as_u16(), response.text().as_ref()),
            (407, "proxy")
        );
    }
    assert_eq!(proxy.asked().len(), asked + 2);
    // One that does not know the host says so itself.
    let request = client.get("http://nowhere.test/").proxy(&right);
    assert_eq!(adapter.send(request).unwrap().status(), 502);
}

behaviour!(x03_digest_is_answered_once_and_then_in_advance);
fn x03_digest_is_answered_once_and_then_in_advance<A: Adapter>(adapter: &A) {
    let origin = Server::http();
    let proxy = proxy::Proxy::builder().digest("user").start();
    let through = Proxy::new(proxy.url()).digest("user", "secret");
    let client = adapter.builder().proxy(through).build().unwrap();
    for _ in 0..2 {
        let request = client.put(origin.url("/mirror")).body("body");
        let response = adapter.send(request).unwrap();
        assert_eq!(
            (response.text().as_ref(), response.history().len()),
            ("body", 0)
        );
    }
    // What the proxy set with its challenge is nobody's cookie.
    assert!(client.cookies().is_empty());
    let asked = proxy.asked();
    let given: Vec<_> = asked
        .iter()
        .map(|asked| {
            let line = asked
                .head
                .lines()
                .find(|line| line.starts_with("Proxy-Authorization"));
            line.map(|line| line.split("nc=").nth(1).unwrap_or(line)[..8].to_owned())
        })
        .collect();
    let (first, second) = (Some("00000001".to_owned()), Some("00000002".to_owned()));
    assert_eq!(given, [None, first, second]);
    assert_eq!(origin.requests(), 2);

    // Another user is refused, after one answer.
    let wrong = Proxy::new(proxy.url()).digest("another", "secret");
    let request = client.get(origin.url("/json")).proxy(wrong);
    assert_eq!(adapter.send(request).unwrap().status(), 407);
    assert_eq!(proxy.asked().len(), 5);
}

behaviour!(a_password_for_digest_is_not_sent_because_basic_is_asked_for);
fn a_password_for_digest_is_not_sent_because_basic_is_asked_for<A: Adapter>(adapter: &A) {
    let proxy = proxy::Proxy::builder().password(BASIC, "").start();
    let through = Proxy::new(proxy.url()).digest("user", "secret");
    let client = adapter.builder().proxy(through).build().unwrap();
    let response = adapter.send(client.get("http://origin.test/")).unwrap();
    assert_eq!(response.status(), 407);
    let asked = proxy.asked();
    assert_eq!(asked.len(), 1);
    assert!(!asked[0].head.contains("Proxy-Authorization"));
}

behaviour!(k09_connections_to_a_proxy_are_kept_for_each_origin);
fn k09_connections_to_a_proxy_are_kept_for_each_origin<A: Adapter>(adapter: &A) {
    let (one, two) = (Server::http(), Server::http());
    let proxy = proxy::Proxy::builder()
        .name("one.test", one.addr())
        .name("two.test", two.addr())
        .start();
    let client = adapter.builder().proxy(proxy.url()).build().unwrap();
    for (host, connection) in [("one", 0), ("one", 0), ("two", 1), ("one", 0), ("two", 1)] {
        let url = format!("http://{host}.test/bytes/3");
        assert_eq!(adapter.send(client.get(url)).unwrap().bytes().len(), 3);
        assert_eq!(proxy.asked().last().unwrap().connection, connection);
    }
    assert_eq!((one.requests(), two.requests()), (3, 2));
}

behaviour!(forwarded_requests_are_http1_whatever_the_client_would_rather_speak);
fn forwarded_requests_are_http1_whatever_the_client_would_rather_speak<A: Adapter>(adapter: &A) {
    let origin = Server::http();
    let proxy = proxy::Proxy::start();
    let client = adapter
        .builder()
        .http2_prior_knowledge(true)
        .proxy(proxy.url())
        .build()
        .unwrap();
    for _ in 0..2 {
        let response = adapter.send(client.get(origin.url("/bytes/3"))).unwrap();
        assert_eq!(response.version(), http::Version::HTTP_11);
    }
    assert_eq!(proxy.connections(), 1);
}

behaviour!(a_proxy_that_is_not_there_is_named_and_nobody_else_is_asked);
fn a_proxy_that_is_not_there_is_named_and_nobody_else_is_asked<A: Adapter>(adapter: &A) {
    let origin = Server::http();
    let gone = proxy::Proxy::start().addr();
    let name = format!("http://{gone}");
    let through = Proxy::new(&name).auth("user", "secret");
    let client = adapter.builder().proxy(through).build().unwrap();
    let error = adapter.send(client.get(origin.url("/json"))).unwrap_err();
    assert_eq!(
        (error.kind(), error.proxy()),
        (Kind::Connect, Some(name.as_str()))
    );
    let text = error.to_string();
    let expected = format!("GET {}: proxy {name}: ", origin.url("/json"));
    let rest = text.strip_prefix(&expected);
    assert!(
        rest.is_some_and(|rest| rest.contains(&gone.to_string())),
        "{text}"
    );
    assert_eq!(origin.connections(), 0);
}
