//! What an error tells, and what it does not.

use nuncio::{Error, Kind, Timeout};
use nuncio_testkit::script::{Script, Step};
use nuncio_testkit::server::Server;
use nuncio_tests::adapters::{Adapter, Download};
use nuncio_tests::behaviour;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}

/// One line, with the method, the URL without its credentials, and no secret in any form.
#[track_caller]
fn well_told(error: &Error, method: &str, url: &str) {
    let source = std::error::Error::source(error).map(|source| format!("{source} {source:?}"));
    for text in [
        format!("{error}"),
        format!("{error:?}"),
        source.unwrap_or_default(),
    ] {
        assert!(!text.contains(['\n', '\r']), "{text}");
        assert!(!text.contains("SECRET"), "{text}");
    }
    let text = error.to_string();
    assert!(text.contains(url), "{text}");
    assert_eq!(error.method(), Some(method));
    if error.kind() != Kind::Status {
        assert!(text.starts_with(&format!("{method} ")), "{text}");
    }
}

behaviour!(an_error_names_request_address_and_cause_but_no_credentials);
fn an_error_names_request_address_and_cause_but_no_credentials<A: Adapter>(adapter: &A) {
    // SECURITY I11.
    let server = Server::http();
    let client = adapter.client();
    let refused = nobody();
    let with_secret = |addr: SocketAddr, path| format!("http://user:SECRET@{addr}{path}");
    let short = Timeout::all(Duration::from_millis(80));
    let request = |method, addr, path| {
        client
            .request(method, with_secret(addr, path))
            .header("Authorization", "Bearer SECRET")
            .header("Cookie", "id=SECRET")
            .timeout(short)
    };

    let error = adapter.send(request("PUT", refused, "/a")).unwrap_err();
    assert_eq!(error.kind(), Kind::Connect);
    well_told(&error, "PUT", &format!("{refused}/a"));
    assert_eq!(error.address(), Some(refused));
    assert!(error.to_string().contains("refused"), "{error}");

    let addr = server.addr();
    let error = adapter.send(request("GET", addr, "/stall")).unwrap_err();
    assert_eq!(error.kind(), Kind::ReadTimeout);
    well_told(&error, "GET", &format!("{addr}/stall"));
    assert_eq!(error.address(), Some(addr));
    assert!(error.to_string().contains("timed out"), "{error}");

    let mut download = adapter.stream(request("GET", addr, "/cut/9/4")).unwrap();
    let error = loop {
        match download.chunk() {
            Ok(chunk) => assert!(chunk.is_some()),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), Kind::RemoteProtocol);
    well_told(&error, "GET", &format!("{addr}/cut/9/4"));
    assert_eq!(error.address(), Some(addr));

    let response = adapter.send(request("GET", addr, "/status/404")).unwrap();
    let error = response.error_for_status().unwrap_err();
    well_told(&error, "GET", &format!("{addr}/status/404"));

    let failing = std::iter::once(Err(std::io::Error::other("no disk")));
    let body = adapter.body(failing, None);
    let error = adapter.send(request("POST", addr, "/echo").body(body));
    well_told(&error.unwrap_err(), "POST", &format!("{addr}/echo"));
}

behaviour!(no_public_type_shows_credentials);
fn no_public_type_shows_credentials<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let url = format!("http://user:SECRET@{}/json", server.addr());
    let client = adapter
        .builder()
        .base_url(&url)
        .header("Authorization", "Basic SECRET")
        .header("Cookie", "SECRET")
        .build()
        .unwrap();
    let build = || {
        client
            .get(&url)
            .header("Proxy-Authorization", "SECRET")
            .body("SECRET")
    };
    let response = adapter.send(client.get(&url)).unwrap();
    let download = adapter.stream(client.get(&url)).unwrap();
    let head: &nuncio::Head = &download;
    let shown = [
        format!("{client:?}"),
        format!("{:?}", build()),
        format!("{:?}", build().build().unwrap()),
        format!("{response:?}"),
        format!("{head:?}"),
    ];
    for text in shown {
        assert!(!text.contains("SECRET"), "{text}");
    }
}

behaviour!(a_malformed_line_with_a_cookie_is_not_quoted_with_it);
fn a_malformed_line_with_a_cookie_is_not_quoted_with_it<A: Adapter>(adapter: &A) {
    let head = "HTTP/1.1 200 OK\r\nSet-Cookie : id=SECRET\r\n\r\n";
    let peer = Script::new()
        .connection([Step::ExpectHead, Step::send(head)])
        .start();
    let error = adapter
        .send(adapter.client().get(peer.url("/")))
        .unwrap_err();
    assert_eq!(error.kind(), Kind::RemoteProtocol);
    well_told(&error, "GET", &peer.url("/"));
}

behaviour!(errors_are_shared_cheaply_and_sorted_by_their_kind);
fn errors_are_shared_cheaply_and_sorted_by_their_kind<A: Adapter>(adapter: &A) {
    let url = format!("http://{}/", nobody());
    let error = adapter.send(adapter.client().get(url)).unwrap_err();
    let clone = std::thread::spawn({
        let error = error.clone();
        move || error.to_string()
    });
    assert_eq!(clone.join().unwrap(), error.to_string());
    assert!(error.is_connect() && error.is_network() && error.is_transport());
    assert!(!error.is_timeout() && !error.is_protocol() && !error.is_usage());
}

behaviour!(a_name_that_does_not_exist_is_a_connect_error);
fn a_name_that_does_not_exist_is_a_connect_error<A: Adapter>(adapter: &A) {
    let request = adapter
        .client()
        .get("http://no-such-name.invalid/")
        .timeout(Timeout::default().connect(Duration::from_secs(2)));
    let error = adapter.send(request).unwrap_err();
    assert!(error.is_connect(), "{error:?}");
    assert!(
        error.to_string().contains("no-such-name.invalid"),
        "{error}"
    );
    assert!(error.address().is_none());
}
