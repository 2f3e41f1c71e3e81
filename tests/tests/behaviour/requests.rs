//! What goes out: methods, targets, fields, bodies that are held.

use crate::echo::Echo;
use nuncio::{Method, Request, Url};
use nuncio_testkit::script::{End, Script, Step};
use nuncio_testkit::server::{Reply, Server};
use nuncio_tests::adapters::Adapter;
use nuncio_tests::behaviour;

behaviour!(every_verb_arrives_as_it_is);
fn every_verb_arrives_as_it_is<A: Adapter>(adapter: &A) {
    let server = Server::builder()
        .route("/m", |request, _| {
            Reply::new(200).header("x-method", request.method())
        })
        .start();
    let (client, url) = (adapter.client(), server.url("/m"));
    let requests = [
        ("GET", client.get(&url)),
        ("HEAD", client.head(&url)),
        ("POST", client.post(&url)),
        ("PUT", client.put(&url)),
        ("DELETE", client.delete(&url)),
        ("OPTIONS", client.options(&url)),
        ("PATCH", client.patch(&url)),
        ("PROPFIND", client.request("PROPFIND", &url)),
        ("m-search!", client.request("m-search!", &url)),
    ];
    for (method, request) in requests {
        let response = adapter.send(request).unwrap();
        assert_eq!(response.headers().get("x-method").unwrap(), method);
    }
    assert_eq!(server.connections(), 1);
}

const NO_CONTENT: &str = "HTTP/1.1 204 No Content\r\n\r\n";

/// BEHAVIOUR section 7: Host, the defaults, the client's own, the request's, the body's.
fn sent_bytes<A: Adapter>(
    adapter: &A,
    body: usize,
    send: impl FnOnce(&A, &str) -> Result<nuncio::Response, nuncio::Error>,
) -> (String, String) {
    let peer = Script::new()
        .connection([
            Step::ExpectHead,
            Step::ExpectBytes(body),
            Step::send(NO_CONTENT),
        ])
        .start();
    let addr = peer.addr().to_string();
    send(adapter, &peer.url("/p?q=1#fragment")).unwrap();
    let records = peer.finish();
    assert_eq!(records[0].end, End::Complete);
    let text = String::from_utf8(records[0].received.clone()).unwrap();
    (addr, text)
}

behaviour!(a_request_is_laid_out_in_the_documented_order);
fn a_request_is_laid_out_in_the_documented_order<A: Adapter>(adapter: &A) {
    let (addr, sent) = sent_bytes(adapter, 7, |adapter, url| {
        let client = adapter.builder().header("X-Client", "1").build().unwrap();
        adapter.send(
            client
                .post(url)
                .header("x-REQUEST", "2")
                .json(&serde_json::json!({"a": 1})),
        )
    });
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        sent,
        format!(
            "POST /p?q=1 HTTP/1.1\r\nHost: {addr}\r\nAccept: */*\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n\
             Connection: keep-alive\r\nUser-Agent: nuncio/{version}\r\nX-Client: 1\r\n\
             x-REQUEST: 2\r\nContent-Length: 7\r\nContent-Type: application/json\r\n\r\n{{\"a\":1}}"
        )
    );
}

behaviour!(a_post_without_a_body_says_so_behind_its_host);
fn a_post_without_a_body_says_so_behind_its_host<A: Adapter>(adapter: &A) {
    let (addr, sent) = sent_bytes(adapter, 0, |adapter, url| {
        adapter.send(adapter.client().post(url))
    });
    let start = format!("POST /p?q=1 HTTP/1.1\r\nHost: {addr}\r\nContent-Length: 0\r\nAccept: ");
    assert!(sent.starts_with(&start), "{sent}");
    let (_, sent) = sent_bytes(adapter, 0, |adapter, url| {
        adapter.send(adapter.client().delete(url))
    });
    assert!(!sent.contains("Content-Length"), "{sent}");
}

behaviour!(fields_keep_case_order_and_number);
fn fields_keep_case_order_and_number<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let request = adapter
        .client()
        .get(server.url("/echo"))
        .header("X-b", "1")
        .header("x-A", "2")
        .header("x-B", "3")
        .header("X-b", "")
        .header("x-latin", b"caf\xe9".as_slice());
    let echo = Echo::of(&adapter.send(request).unwrap());
    let own: Vec<_> = echo
        .fields
        .iter()
        .filter(|(name, _)| name.starts_with(['x', 'X']))
        .map(|(name, value)| (&name[..], &value[..]))
        .collect();
    assert_eq!(
        own,
        [
            ("X-b", "1"),
            ("x-A", "2"),
            ("x-B", "3"),
            ("X-b", ""),
            ("x-latin", "caf\u{e9}")
        ]
    );
}

behaviour!(fields_of_the_request_replace_the_client_s_and_those_the_defaults);
fn fields_of_the_request_replace_the_client_s_and_those_the_defaults<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter
        .builder()
        .header("user-agent", "mine")
        .header("x-kept", "client")
        .header("x-replaced", "client")
        .build()
        .unwrap();
    let request = client
        .get(server.url("/echo"))
        .header("X-Replaced", "one")
        .header("X-Replaced", "two")
        .header("accept", "text/plain");
    let echo = Echo::of(&adapter.send(request).unwrap());
    assert_eq!(echo.values("user-agent"), ["mine"]);
    assert_eq!(echo.values("accept"), ["text/plain"]);
    assert_eq!(echo.values("x-kept"), ["client"]);
    assert_eq!(echo.values("x-replaced"), ["one", "two"]);
}

behaviour!(the_host_field_can_be_set);
fn the_host_field_can_be_set<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let request = adapter
        .client()
        .get(server.url("/echo"))
        .header("Host", "virtual.example:8080");
    let echo = Echo::of(&adapter.send(request).unwrap());
    assert_eq!(echo.values("host"), ["virtual.example:8080"]);
}

behaviour!(a_query_goes_behind_the_one_in_the_url);
fn a_query_goes_behind_the_one_in_the_url<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter.client();
    let target = |request| Echo::of(&adapter.send(request).unwrap()).line.target;
    let url = server.url("/echo");
    // Values of one key stand together (BEHAVIOUR section 4).
    let pairs = [("b", "2 3"), ("c", "&="), ("b", "é")];
    assert_eq!(
        target(client.get(format!("{url}?a=1")).query(pairs)),
        "/echo?a=1&b=2+3&b=%C3%A9&c=%26%3D"
    );
    assert_eq!(target(client.get(&url).query([("a", "1")])), "/echo?a=1");
    assert_eq!(target(client.get(&url)), "/echo");
    assert_eq!(target(client.get(format!("{url}?"))), "/echo?");
}

behaviour!(what_a_target_may_not_hold_is_encoded);
fn what_a_target_may_not_hold_is_encoded<A: Adapter>(adapter: &A) {
    // SECURITY I3: nothing in a path or query adds a space or a line to the request.
    let server = Server::http();
    let client = adapter.client();
    let url = server.url("/echo");
    for (text, target) in [
        ("?a b", "/echo?a%20b"),
        ("?a\u{10a}\u{ff0a}", "/echo?a%C4%8A%EF%BC%8A"),
        ("?a\0b", "/echo?a%00b"),
        ("?a\r\nb", "/echo?ab"),
        ("?x#y z", "/echo?x"),
    ] {
        let echo = Echo::of(&adapter.send(client.get(format!("{url}{text}"))).unwrap());
        assert_eq!(echo.line.target, target);
        assert_eq!(echo.line.version, "HTTP/1.1");
    }
}

behaviour!(a_form_is_encoded_and_announced);
fn a_form_is_encoded_and_announced<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter.client();
    let request =
        client
            .post(server.url("/echo"))
            .form([("name", "a b"), ("t", "1&2"), ("name", "é")]);
    let echo = Echo::of(&adapter.send(request).unwrap());
    assert_eq!(echo.body, b"name=a+b&name=%C3%A9&t=1%262");
    assert_eq!(
        echo.values("content-type"),
        ["application/x-www-form-urlencoded"]
    );
    assert_eq!(echo.values("content-length"), ["28"]);
}

behaviour!(json_is_compact_utf8_and_the_user_s_type_wins);
fn json_is_compact_utf8_and_the_user_s_type_wins<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter.client();
    let value = serde_json::json!({"k": ["é", null, 1.5]});
    let request = client.put(server.url("/echo")).json(&value);
    let echo = Echo::of(&adapter.send(request).unwrap());
    assert_eq!(echo.body, "{\"k\":[\"é\",null,1.5]}".as_bytes());
    assert_eq!(echo.values("content-type"), ["application/json"]);
    let request = client
        .put(server.url("/echo"))
        .header("content-type", "application/vnd.x+json")
        .json(&value);
    let echo = Echo::of(&adapter.send(request).unwrap());
    assert_eq!(echo.values("content-type"), ["application/vnd.x+json"]);
}

behaviour!(bytes_and_text_go_out_as_they_are);
fn bytes_and_text_go_out_as_they_are<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter.client();
    let every_byte: Vec<u8> = (0..=255).collect();
    let request = client.post(server.url("/echo")).body(every_byte.clone());
    let echo = Echo::of(&adapter.send(request).unwrap());
    assert_eq!(echo.body, every_byte);
    assert_eq!(echo.values("content-length"), ["256"]);
    assert!(echo.values("content-type").is_empty());
    let request = client.get(server.url("/echo")).body("a body on a GET");
    let echo = Echo::of(&adapter.send(request).unwrap());
    assert_eq!(echo.line.method, "GET");
    assert_eq!(echo.body, b"a body on a GET");
}

behaviour!(nothing_is_expected_before_a_body_is_sent);
fn nothing_is_expected_before_a_body_is_sent<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let request = adapter.client().post(server.url("/echo"));
    let echo = Echo::of(&adapter.send(request.body(vec![b'x'; 100_000])).unwrap());
    assert!(echo.values("expect").is_empty());
    assert_eq!(echo.body.len(), 100_000);
}

behaviour!(a_base_url_stands_before_relative_ones);
fn a_base_url_stands_before_relative_ones<A: Adapter>(adapter: &A) {
    let server = Server::builder()
        .route("/api/x", |_, _| Reply::new(200).body("in"))
        .route("/api/", |_, _| Reply::new(200).body("root"))
        .route("/x", |_, _| Reply::new(200).body("out"))
        .start();
    let client = adapter
        .builder()
        .base_url(server.url("/api"))
        .build()
        .unwrap();
    let text = |url: &str| {
        let response = adapter.send(client.get(url)).unwrap();
        response.text().into_owned()
    };
    assert_eq!(text("x"), "in");
    assert_eq!(text("/x"), "in");
    assert_eq!(text("../x"), "out");
    assert_eq!(text(""), "root");
    assert_eq!(text("?q=1"), "root");
    assert_eq!(text(&server.url("/x")), "out");
}

behaviour!(a_finished_request_is_sent_as_it_is);
fn a_finished_request_is_sent_as_it_is<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter.builder().header("x-client", "1").build().unwrap();
    let url = Url::parse(&server.url("/echo")).unwrap();
    let mut request = Request::new(Method::POST, url);
    request.set_body("hello");
    let echo = Echo::of(&adapter.send_as_is(&client, request).unwrap());
    assert_eq!(echo.names(), ["Host", "Content-Length"]);
    assert_eq!(echo.body, b"hello");

    let mut built = client.get(server.url("/echo")).build().unwrap();
    built.headers_mut().remove("user-agent");
    let echo = Echo::of(&adapter.send_as_is(&client, built).unwrap());
    assert_eq!(
        echo.names(),
        [
            "Host",
            "Accept",
            "Accept-Encoding",
            "Connection",
            "x-client"
        ]
    );
}

behaviour!(an_ipv6_address_is_dialled_and_named);
fn an_ipv6_address_is_dialled_and_named<A: Adapter>(adapter: &A) {
    let server = Server::builder().addr("[::1]:0".parse().unwrap()).start();
    let echo = Echo::of(
        &adapter
            .send(adapter.client().get(server.url("/echo")))
            .unwrap(),
    );
    assert_eq!(echo.values("host"), [server.addr().to_string()]);
}

behaviour!(credentials_and_fragment_of_a_url_are_not_sent_in_host_or_target);
fn credentials_and_fragment_of_a_url_are_not_sent_in_host_or_target<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let url = format!("http://user:SECRET@{}/echo#part", server.addr());
    let echo = Echo::of(&adapter.send(adapter.client().get(url)).unwrap());
    assert_eq!(echo.values("host"), [server.addr().to_string()]);
    assert_eq!(echo.line.target, "/echo");
}
