//! What a proxy answers to CONNECT is its own, and never the origin's.

use super::{BASIC, keeps_secret, secure_origin, trusting};
use nuncio::{Kind, Limits, Phase, Proxy, Timeout};
use nuncio_testkit::proxy;
use nuncio_testkit::script::{Script, Step};
use nuncio_tests::adapters::Adapter;
use nuncio_tests::behaviour;
use std::time::Duration;

behaviour!(x04_an_answer_to_connect_is_neither_followed_nor_stored_nor_shown_as_the_origins);
fn x04_an_answer_to_connect_is_neither_followed_nor_stored_nor_shown_as_the_origins<A: Adapter>(
    adapter: &A,
) {
    let (_, elsewhere) = secure_origin();
    for (status, told) in [
        ("302 Found", "302 Found"),
        ("401 Unauthorized", "401 Unauthorized"),
        (
            "407 Proxy Authentication Required",
            "407 Proxy Authentication Required",
        ),
        ("502 Bad Gateway", "502 Bad Gateway"),
        ("404 ", "404"),
    ] {
        let answer = format!(
            "HTTP/1.1 {status}\r\nSet-Cookie: evil=1; Domain=origin.test\r\nLocation: {}\r\n\
             Proxy-Authenticate: Basic realm=x\r\nWWW-Authenticate: Basic realm=x\r\n\
             Content-Type: text/html\r\nContent-Length: 13\r\n\r\n<html></html>",
            elsewhere.url("/json")
        );
        let peer = Script::new()
            .connection([Step::ExpectHead, Step::send(answer), Step::ExpectEof])
            .start();
        let through = Proxy::new(peer.url("/")).auth("user", "secret");
        let client = adapter
            .builder()
            .danger_accept_invalid_certs(true)
            .follow_redirects(true)
            .auth(("me", "secret"))
            .proxy(&through)
            .build()
            .unwrap();
        let outcome = adapter.send(client.get("https://origin.test/page"));
        keeps_secret(&outcome);
        let error = outcome.unwrap_err();
        assert_eq!(error.kind(), Kind::Proxy);
        let text = error.to_string();
        let start = format!(
            "GET https://origin.test/page: proxy {through}: {}: ",
            peer.addr()
        );
        assert!(text.starts_with(&start) && text.ends_with(told), "{text}");
        assert!(error.response().is_none() && client.cookies().is_empty());
        assert_eq!(client.pool().connections, 0);
        let received = String::from_utf8(peer.finish().remove(0).received).unwrap();
        assert!(
            !received.contains("\r\nAuthorization") && !received.contains("page"),
            "{received}"
        );
    }
    assert_eq!(elsewhere.connections(), 0);
}

behaviour!(x05_what_comes_before_tls_is_not_believed);
fn x05_what_comes_before_tls_is_not_believed<A: Adapter>(adapter: &A) {
    for early in [
        "x",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "\x16\x03\x01",
    ] {
        let answer = format!("HTTP/1.1 200 OK\r\n\r\n{early}");
        let peer = Script::new()
            .connection([Step::ExpectHead, Step::send(answer), Step::ExpectEof])
            .start();
        let client = adapter
            .builder()
            .danger_accept_invalid_certs(true)
            .proxy(peer.url("/"))
            .build()
            .unwrap();
        let error = adapter
            .send(client.get("https://origin.test/"))
            .unwrap_err();
        assert_eq!(error.kind(), Kind::Proxy, "{early:?}: {error}");
    }
}

behaviour!(x05_a_length_on_the_consent_means_nothing);
fn x05_a_length_on_the_consent_means_nothing<A: Adapter>(adapter: &A) {
    // The peer is proxy and origin: behind the head that consents, it speaks TLS or nothing.
    let peer = Script::new()
        .connection([
            Step::ExpectHead,
            Step::send(
                "HTTP/1.1 299 Fine\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            ),
            Step::ExpectBytes(5),
            Step::Close,
        ])
        .start();
    let client = adapter.builder().proxy(peer.url("/")).build().unwrap();
    let error = adapter
        .send(client.get("https://origin.test/"))
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.proxy()),
        (Kind::Connect, None),
        "{error}"
    );
    let received = peer.finish().remove(0).received;
    let head = received.windows(4).position(|four| four == b"\r\n\r\n");
    // A ClientHello.
    assert_eq!(&received[head.unwrap() + 4..][..2], [22, 3]);
}

behaviour!(garbage_and_half_answers_are_the_proxys_fault);
fn garbage_and_half_answers_are_the_proxys_fault<A: Adapter>(adapter: &A) {
    let endless = format!("HTTP/1.1 200 OK\r\nX: {}", "y".repeat(20_000));
    for answer in [
        "",
        "H",
        "HTTP/1.1 200",
        "HTTP/1.1 200 OK\r\nX: y\r\n",
        "SSH-2.0-OpenSSH_9\r\n\r\n",
        "HTTP/2 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nbad field\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n\r\n",
        &endless,
    ] {
        let peer = Script::new()
            .connection([
                Step::ExpectHead,
                Step::send(answer),
                Step::HalfClose,
                Step::ExpectEof,
            ])
            .start();
        let client = adapter.builder().proxy(peer.url("/")).build().unwrap();
        let error = adapter
            .send(client.get("https://origin.test/"))
            .unwrap_err();
        assert_eq!(error.kind(), Kind::Proxy, "{answer:?}: {error}");
        assert!(
            error.proxy().is_some() && error.to_string().len() < 500,
            "{error}"
        );
        assert_eq!(client.pool().connections, 0);
    }
}

behaviour!(a_silent_proxy_has_the_time_to_connect_and_no_more);
fn a_silent_proxy_has_the_time_to_connect_and_no_more<A: Adapter>(adapter: &A) {
    let peer = Script::new()
        .connection([Step::ExpectHead, Step::ExpectEof])
        .start();
    let client = adapter.builder().proxy(peer.url("/")).build().unwrap();
    let request = client.get("https://origin.test/");
    let request = request.timeout(Timeout::secs(10).connect(Duration::from_millis(100)));
    let error = adapter.send(request).unwrap_err();
    assert_eq!(error.kind(), Kind::ConnectTimeout, "{error}");
    assert_eq!(error.phase(), Some(Phase::Connect));
    let told = "timed out while waiting for the proxy to connect";
    assert!(error.to_string().ends_with(told), "{error}");
    assert!(error.proxy().is_some());
}

behaviour!(wrong_credentials_are_refused_and_right_ones_are_not_remembered_for_others);
fn wrong_credentials_are_refused_and_right_ones_are_not_remembered_for_others<A: Adapter>(
    adapter: &A,
) {
    let (authority, origin) = secure_origin();
    let proxy = proxy::Proxy::builder().password(BASIC, "").start();
    let client = trusting(adapter.builder(), &authority);
    let with = |user: &str, password: &str| Proxy::new(proxy.url()).auth(user, password);
    let send = |through: Proxy| adapter.send(client.get(origin.url("/json")).proxy(through));
    assert_eq!(send(with("user", "secret")).unwrap().status(), 200);
    // SECURITY K6: the tunnel that is there is not for those who could not have made it.
    for wrong in [
        with("user", "secret2"),
        with("other", "secret"),
        Proxy::new(proxy.url()),
    ] {
        let outcome = send(wrong);
        keeps_secret(&outcome);
        assert_eq!(outcome.unwrap_err().kind(), Kind::Proxy);
    }
    assert_eq!(send(with("user", "secret")).unwrap().status(), 200);
    assert_eq!((origin.connections(), origin.requests()), (1, 2));
    assert_eq!(proxy.asked().len(), 4);
}

behaviour!(what_is_no_proxys_fault_is_not_said_to_be_one);
fn what_is_no_proxys_fault_is_not_said_to_be_one<A: Adapter>(adapter: &A) {
    let (_, origin) = secure_origin();
    let proxy = proxy::Proxy::start();
    let limits = Limits {
        max_connections: Some(0),
        ..Limits::default()
    };
    let client = adapter
        .builder()
        .limits(limits)
        .proxy(proxy.url())
        .build()
        .unwrap();
    let wait = Timeout::secs(10).pool(Duration::from_millis(20));
    let error = adapter
        .send(client.get(origin.url("/json")).timeout(wait))
        .unwrap_err();
    assert_eq!((error.kind(), error.proxy()), (Kind::PoolTimeout, None));
    assert!(!error.to_string().contains(&proxy.url()), "{error}");

    // A response that is cut short came through the proxy; whose fault that was nobody knows.
    let forwarding = Script::new()
        .connection([Step::ExpectHead, Step::send("HTTP/1.1 2"), Step::Close])
        .start();
    let client = adapter
        .builder()
        .proxy(forwarding.url("/"))
        .build()
        .unwrap();
    let error = adapter.send(client.get("http://h/")).unwrap_err();
    assert_eq!((error.kind(), error.proxy()), (Kind::RemoteProtocol, None));
    let told = format!("through http://{}: ", forwarding.addr());
    assert!(error.to_string().contains(&told), "{error}");
}
