//! Every kind of error is raised where BEHAVIOUR section 21 says, sorted as its tree is, and names the
//! request of the hop that failed.

use bytes::Bytes;
use nuncio::{CookieJar, Error, Kind, Limits, Method, Redirects, Request, Timeout, Url};
use nuncio_testkit::script::{Script, Step};
use nuncio_testkit::server::{Reply as Answer, Server};
use nuncio_tests::adapters::{Adapter, Download};
use nuncio_tests::behaviour;
use std::net::TcpListener;
use std::time::Duration;

/// The inner nodes of the tree that an error is below.
fn parents(error: &Error) -> Vec<&'static str> {
    let nodes = [
        ("transport", error.is_transport()),
        ("timeout", error.is_timeout()),
        ("network", error.is_network()),
        ("protocol", error.is_protocol()),
        ("status", error.is_status()),
        ("usage", error.is_usage()),
    ];
    let held = nodes.iter().filter(|(_, holds)| *holds);
    held.map(|(name, _)| *name).collect()
}

#[track_caller]
fn is(error: Error, kind: Kind, under: &[&str], method: &str, url: &str) {
    assert_eq!(error.kind(), kind, "{error:?}");
    assert_eq!(parents(&error), under, "{error:?}");
    assert_eq!(error.method(), Some(method), "{error:?}");
    assert_eq!(error.url().map(Url::as_str), Some(url), "{error:?}");
    let text = error.to_string();
    assert!(!text.contains('\n') && text.len() < 400, "{text}");
    // What stands in front is not said again.
    assert_eq!(
        text.matches("http://").count().min(2),
        text.matches("http://").count()
    );
}

behaviour!(b21_what_fails_on_the_way_is_a_kind_of_transport_error);
fn b21_what_fails_on_the_way_is_a_kind_of_transport_error<A: Adapter>(adapter: &A) {
    let short = Timeout::all(Duration::from_millis(80));
    let client = adapter.builder().timeout(short);
    let client = client.follow_redirects(true).build().unwrap();
    let fails = |url: &str| adapter.send(client.get(url)).unwrap_err();

    let nobody = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let url = format!("http://{nobody}/");
    is(
        fails(&url),
        Kind::Connect,
        &["transport", "network"],
        "GET",
        &url,
    );
    let server = Server::http();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/", silent.local_addr().unwrap());
    let timeout = ["transport", "timeout"];
    is(fails(&url), Kind::ConnectTimeout, &timeout, "GET", &url);
    let url = server.url("/stall");
    is(fails(&url), Kind::ReadTimeout, &timeout, "GET", &url);

    // The hop that failed is named, not the first.
    let hops = Server::builder()
        .route("/", |_, _| Answer::new(303).header("location", "/stall"))
        .start();
    let error = adapter.send(client.post(hops.url("/"))).unwrap_err();
    is(
        error,
        Kind::ReadTimeout,
        &timeout,
        "GET",
        &hops.url("/stall"),
    );

    for (steps, kind) in [
        (vec![Step::ExpectHead], Kind::RemoteProtocol),
        (
            vec![Step::ExpectHead, Step::send("nonsense\r\n\r\n")],
            Kind::RemoteProtocol,
        ),
        (
            vec![
                Step::ExpectHead,
                Step::send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"),
            ],
            Kind::RemoteProtocol,
        ),
        (vec![Step::ExpectHead, Step::Reset], Kind::Read),
    ] {
        let peer = Script::new().connection(steps).start();
        let under = match kind {
            Kind::Read => ["transport", "network"],
            _ => ["transport", "protocol"],
        };
        is(fails(&peer.url("/")), kind, &under, "GET", &peer.url("/"));
    }
    for url in ["ftp://h/", "nowhere"] {
        let error = fails(url);
        assert_eq!(error.kind(), Kind::UnsupportedProtocol, "{error}");
        assert_eq!(parents(&error), ["transport"]);
    }
    let error = adapter.send(client.get(server.url("/json")).header("Host", "a b"));
    let error = error.unwrap_err();
    is(
        error,
        Kind::LocalProtocol,
        &["transport", "protocol"],
        "GET",
        &server.url("/json"),
    );
}

behaviour!(b21_waiting_for_the_pool_or_for_a_peer_that_takes_nothing_are_timeouts);
fn b21_waiting_for_the_pool_or_for_a_peer_that_takes_nothing_are_timeouts<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let limits = Limits {
        max_connections: Some(1),
        ..Limits::default()
    };
    let client = adapter.builder().limits(limits).build().unwrap();
    let url = server.url("/bytes/9");
    let held = adapter.stream(client.get(&url)).unwrap();
    let short = Timeout::none().pool(Duration::from_millis(60));
    let error = adapter.send(client.get(&url).timeout(short)).unwrap_err();
    is(
        error,
        Kind::PoolTimeout,
        &["transport", "timeout"],
        "GET",
        &url,
    );
    drop(held);

    // The kernel accepts, and nobody reads.
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", deaf.local_addr().unwrap());
    let short = Timeout::none().write(Duration::from_millis(100));
    let body = Bytes::from(vec![0; 32 << 20]);
    let request = client.put(&url).body(body).timeout(short);
    let error = adapter.send(request).unwrap_err();
    is(
        error,
        Kind::WriteTimeout,
        &["transport", "timeout"],
        "PUT",
        &url,
    );
}

behaviour!(b21_what_fails_above_the_way_is_no_transport_error);
fn b21_what_fails_above_the_way_is_no_transport_error<A: Adapter>(adapter: &A) {
    let server = Server::builder()
        .route("/coded", |_, _| {
            Answer::new(200)
                .header("content-encoding", "gzip")
                .body("this is no gzip")
        })
        .start();
    let client = adapter.builder().redirects(Redirects::follow().limit(1));
    let client = client.build().unwrap();
    let fails = |path: &str| adapter.send(client.get(server.url(path))).unwrap_err();
    is(
        fails("/coded"),
        Kind::Decoding,
        &[],
        "GET",
        &server.url("/coded"),
    );
    let error = fails("/redirect/3");
    is(
        error,
        Kind::TooManyRedirects,
        &[],
        "GET",
        &server.url("/redirect/1"),
    );
    let response = adapter.send(client.get(server.url("/status/503"))).unwrap();
    let error = response.error_for_status().unwrap_err();
    assert_eq!(error.response().unwrap().status(), 503);
    is(
        error,
        Kind::Status,
        &["status"],
        "GET",
        &server.url("/status/503"),
    );
    let response = adapter.send(client.get(server.url("/bytes/3"))).unwrap();
    let error = response.json::<serde_json::Value>().unwrap_err();
    is(error, Kind::Decoding, &[], "GET", &server.url("/bytes/3"));

    let source = std::iter::once(Err(std::io::Error::other("no disk")));
    let request = client.put(server.url("/echo"));
    let error = adapter
        .send(request.body(adapter.body(source, None)))
        .unwrap_err();
    is(error, Kind::RequestBody, &[], "PUT", &server.url("/echo"));
    // An error while a body is pulled names its request too.
    let mut download = adapter.stream(client.get(server.url("/cut/9/4"))).unwrap();
    let error = loop {
        match download.chunk() {
            Ok(chunk) => assert!(chunk.is_some()),
            Err(error) => break error,
        }
    };
    is(
        error,
        Kind::RemoteProtocol,
        &["transport", "protocol"],
        "GET",
        &server.url("/cut/9/4"),
    );
}

behaviour!(b21_mistakes_of_the_caller_are_kinds_of_their_own);
fn b21_mistakes_of_the_caller_are_kinds_of_their_own<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter.client();
    let url = server.url("/json");
    let error = client.get("http://h:99999/").build().unwrap_err();
    assert_eq!(
        (error.kind(), parents(&error)),
        (Kind::InvalidUrl, vec!["usage"])
    );
    let error = client
        .get(&url)
        .body("a")
        .form([("b", "c")])
        .build()
        .unwrap_err();
    assert_eq!(
        (error.kind(), parents(&error)),
        (Kind::Builder, vec!["usage"])
    );
    let other = client.get(&url).body(adapter.body_of_the_other_kind());
    let error = adapter.send(other).unwrap_err();
    assert_eq!(
        (error.kind(), parents(&error)),
        (Kind::Usage, vec!["usage"])
    );

    let jar = CookieJar::new();
    jar.set_for("a.test", "/", "id", "1").unwrap();
    jar.set_for("b.test", "/", "id", "2").unwrap();
    let error = Error::from(jar.get("id").unwrap_err());
    assert_eq!(
        (error.kind(), parents(&error)),
        (Kind::CookieConflict, vec![])
    );
    assert!(error.to_string().contains("id"), "{error}");

    let once = adapter.body(std::iter::once(Ok("once".into())), None);
    let redirected = Server::builder()
        .route("/", |_, _| Answer::new(307).header("location", "/json"))
        .start();
    let request = client.post(redirected.url("/")).body(once);
    let error = adapter.send(request.follow_redirects(true)).unwrap_err();
    assert_eq!(error.kind(), Kind::StreamConsumed, "{error}");

    client.close();
    let error = adapter.send(client.get(&url)).unwrap_err();
    assert_eq!((error.kind(), parents(&error)), (Kind::Closed, vec![]));
    let request = Request::new(Method::GET, Url::parse(&url).unwrap());
    let error = adapter.send_as_is(&client, request).unwrap_err();
    assert_eq!((error.kind(), error.method()), (Kind::Closed, Some("GET")));
    assert_eq!(server.requests(), 0);
}
