//! Requests that cannot be sent fail before any byte leaves (SECURITY I).

use nuncio::{Error, Kind, Request, Url};
use nuncio_client::RequestBuilder;
use nuncio_testkit::server::Server;
use nuncio_tests::adapters::Adapter;
use nuncio_tests::behaviour;

/// The request fails with `kind`, and the server has seen nothing.
#[track_caller]
fn refused<A: Adapter>(
    adapter: &A,
    server: &Server,
    kind: Kind,
    what: &str,
    request: RequestBuilder<A::Driver>,
) -> Error {
    let error = match adapter.send(request) {
        Err(error) => error,
        Ok(response) => panic!("{what}: {response:?}"),
    };
    assert_eq!(error.kind(), kind, "{what}: {error}");
    assert!(!error.to_string().contains(['\r', '\n', '\0']), "{what}");
    assert_eq!(server.connections(), 0, "{what}");
    error
}

behaviour!(i01_bytes_that_no_field_may_hold_are_refused);
fn i01_bytes_that_no_field_may_hold_are_refused<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let (client, url) = (adapter.client(), server.url("/json"));
    for byte in (0..=255).filter(|byte: &u8| *byte != b'\t') {
        let legal = !byte.is_ascii_control();
        for place in [0, 1, 2] {
            let mut value = *b"abc";
            value[place] = byte;
            // Blanks around a value are no part of it, and here they would be lost silently.
            let fits = legal && (byte != b' ' || place == 1);
            let request = client.get(&url).header("x-a", value);
            if !fits {
                refused(adapter, &server, Kind::LocalProtocol, "value", request);
            } else {
                request.build().unwrap();
            }
        }
    }
    for byte in 0..128_u8 {
        let token = byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        let name = format!("x{}y", char::from(byte));
        let request = client.get(&url).header(&name, "1");
        if !token {
            refused(adapter, &server, Kind::LocalProtocol, &name, request);
        } else {
            request.build().unwrap();
        }
    }
    for name in ["", "é", "x\u{10a}", "x: y\r\nz"] {
        let request = client.get(&url).header(name, "1");
        refused(adapter, &server, Kind::LocalProtocol, name, request);
    }
}

behaviour!(a_client_s_fields_are_checked_when_it_is_built);
fn a_client_s_fields_are_checked_when_it_is_built<A: Adapter>(adapter: &A) {
    for (name, value) in [("a b", "1"), ("a", "1\r\nb: 2"), ("a", "\0"), ("", "")] {
        let error = adapter.builder().header(name, value).build().err().unwrap();
        assert_eq!(error.kind(), Kind::LocalProtocol, "{error}");
    }
}

behaviour!(i02_methods_that_are_no_tokens_are_refused);
fn i02_methods_that_are_no_tokens_are_refused<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let (client, url) = (adapter.client(), server.url("/json"));
    for method in [
        "",
        " ",
        "GET /",
        "GET / HTTP/1.1\r\nX: y",
        "G\0T",
        "GÉT",
        "a:b",
        "G(T",
    ] {
        let request = client.request(method, &url);
        refused(adapter, &server, Kind::LocalProtocol, method, request);
    }
}

behaviour!(urls_that_cannot_be_requested_are_refused);
fn urls_that_cannot_be_requested_are_refused<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter.client();
    let addr = server.addr();
    let cases = [
        (Kind::UnsupportedProtocol, format!("ftp://{addr}/")),
        (Kind::UnsupportedProtocol, format!("ws://{addr}/")),
        (Kind::UnsupportedProtocol, "file:///etc/passwd".to_owned()),
        (Kind::UnsupportedProtocol, "data:,x".to_owned()),
        (Kind::UnsupportedProtocol, "/json".to_owned()),
        (Kind::UnsupportedProtocol, "json".to_owned()),
        (Kind::UnsupportedProtocol, String::new()),
        (Kind::UnsupportedProtocol, "//example.com/".to_owned()),
        (Kind::InvalidUrl, "http://".to_owned()),
        (Kind::InvalidUrl, "http://?q".to_owned()),
        (Kind::InvalidUrl, "http://:80/".to_owned()),
        (Kind::InvalidUrl, "http://a b/".to_owned()),
        (Kind::InvalidUrl, "http://h:99999/".to_owned()),
        (Kind::InvalidUrl, "http://[::1/".to_owned()),
        (Kind::InvalidUrl, "http://1.2.3.4.5/".to_owned()),
        (Kind::InvalidUrl, "http://a%00b/".to_owned()),
        (Kind::InvalidUrl, format!("http://{addr}:1/")),
    ];
    for (kind, url) in cases {
        let error = refused(adapter, &server, kind, &url, client.get(&url));
        assert!(error.is_usage() || kind == Kind::UnsupportedProtocol);
    }
}

behaviour!(a_base_url_that_cannot_be_one_is_found_at_build);
fn a_base_url_that_cannot_be_one_is_found_at_build<A: Adapter>(adapter: &A) {
    for base in ["", "x", "/api", "ftp://h/", "http://", "http://h:x/"] {
        let error = adapter.builder().base_url(base).build().err().unwrap();
        assert_eq!(error.kind(), Kind::Builder, "{base}: {error}");
    }
    let server = Server::http();
    let base = server.url("/");
    let client = adapter.builder().base_url(base).build().unwrap();
    for url in ["//other.example/", "http:x", "https:/x"] {
        let error = refused(adapter, &server, Kind::InvalidUrl, url, client.get(url));
        assert!(error.is_usage());
    }
}

behaviour!(i04_i05_hosts_that_are_none_are_refused);
fn i04_i05_hosts_that_are_none_are_refused<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let (client, url) = (adapter.client(), server.url("/json"));
    for host in [
        "",
        "a b",
        "a/b",
        "user@h",
        "h:80:80",
        "h\r\nx: y",
        "h?",
        "[::1",
    ] {
        let request = client.get(&url).header("Host", host);
        match adapter.send(request) {
            Err(error) => assert_eq!(error.kind(), Kind::LocalProtocol, "{host:?}: {error}"),
            Ok(_) => panic!("{host:?} was sent"),
        }
    }
    let twice = client.get(&url).header("Host", "a").header("host", "b");
    let error = adapter.send(twice).unwrap_err();
    assert_eq!(error.kind(), Kind::LocalProtocol, "{error}");
    assert_eq!(server.requests(), 0);
}

behaviour!(i10_framing_that_contradicts_the_body_is_refused);
fn i10_framing_that_contradicts_the_body_is_refused<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let (client, url) = (adapter.client(), server.url("/echo"));
    let cases: [&[(&str, &str)]; 9] = [
        &[("Content-Length", "4")],
        &[("content-length", "6")],
        &[("Content-Length", "5"), ("content-length", "5")],
        &[("Content-Length", "5"), ("Content-Length", "6")],
        &[("Content-Length", "+5")],
        &[("Content-Length", "5"), ("Transfer-Encoding", "chunked")],
        &[("Transfer-Encoding", "gzip")],
        &[("Transfer-Encoding", "gzip, chunked")],
        &[
            ("Transfer-Encoding", "chunked"),
            ("transfer-encoding", "chunked"),
        ],
    ];
    for fields in cases {
        let mut request = client.post(&url).body("hello");
        for (name, value) in fields {
            request = request.header(name, value);
        }
        let error = adapter.send(request).unwrap_err();
        assert_eq!(error.kind(), Kind::LocalProtocol, "{fields:?}: {error}");
    }
    assert_eq!(server.requests(), 0);
    // What agrees with the body is sent.
    let request = client
        .post(&url)
        .header("content-length", "5")
        .body("hello");
    assert_eq!(adapter.send(request).unwrap().status(), 200);
    let request = client
        .post(&url)
        .header("Transfer-Encoding", "chunked")
        .body("hello");
    let response = adapter.send(request).unwrap();
    let echo = crate::echo::Echo::of(&response);
    assert_eq!(echo.body, b"hello");
    assert!(echo.values("content-length").is_empty());
    assert_eq!(server.connections(), 1, "a refused head leaves no trace");
}

behaviour!(a_request_put_together_by_hand_is_checked_too);
fn a_request_put_together_by_hand_is_checked_too<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter.client();
    let url = Url::parse(&server.url("/json")).unwrap();
    let mut without_host = Request::new(nuncio::Method::GET, url);
    without_host.headers_mut().clear();
    let error = adapter.send_as_is(&client, without_host).unwrap_err();
    assert_eq!(error.kind(), Kind::LocalProtocol, "{error}");
    assert_eq!(server.requests(), 0);
    let server = Server::http();
    let addr = server.addr();
    for text in [
        &format!("ftp://{addr}/"),
        &format!("ws://{addr}/"),
        "file:///x",
        "data:,x",
        "mailto:a@b",
    ] {
        let mut request = Request::new(nuncio::Method::GET, Url::parse(text).unwrap());
        let _ = request.headers_mut().insert("Host", "h");
        let error = adapter.send_as_is(&client, request).unwrap_err();
        assert_eq!(error.kind(), Kind::UnsupportedProtocol, "{text}: {error}");
    }
    adapter.send(client.get(server.url("/json"))).unwrap();
    assert_eq!((server.connections(), server.requests()), (1, 1));
}

behaviour!(a_body_given_twice_is_refused);
fn a_body_given_twice_is_refused<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let request = adapter
        .client()
        .post(server.url("/json"))
        .body("a")
        .form([("b", "c")]);
    refused(adapter, &server, Kind::Builder, "two bodies", request);
}
