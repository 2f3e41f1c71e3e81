//! A server of the user's own script, byte for byte: the outcome is what it would be over a socket.

use bytes::Bytes;
use nuncio::{Body, Error, Kind, Processed, Response, Script, Side, Timeout};
use nuncio_client::{Client, Driver};
use nuncio_testkit::script::{Script as Wire, Step};
use nuncio_tests::adapters::{Adapter, Download};
use nuncio_tests::behaviour;
use std::io;
use std::time::{Duration, Instant};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

fn client<A: Adapter>(adapter: &A, script: &Script) -> Client<A::Driver> {
    let builder = adapter.builder().transport(script.transport());
    builder.build().unwrap()
}

/// What came of a request, in comparable words.
fn outcome(result: Result<Response, Error>) -> String {
    match result {
        Ok(response) => format!(
            "{:?} {} {:?} {} {:?}",
            response.version(),
            response.status().as_u16(),
            response.reason(),
            String::from_utf8_lossy(response.headers().as_wire()),
            response.text()
        ),
        Err(error) => {
            let (text, processed) = (error.to_string(), error.processed());
            let cause = text.rsplit(": ").next().unwrap_or_default();
            format!("{:?} {processed:?} {cause}", error.kind())
        }
    }
}

behaviour!(a_script_and_a_socket_have_the_same_outcome);
fn a_script_and_a_socket_have_the_same_outcome<A: Adapter>(adapter: &A) {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    for answer in [
        OK,
        chunked,
        "HTTP/1.1 200 Very Well\r\nX: a\r\nx:  b \r\n\r\nuntil the end",
        "HTTP/1.0 404 Not Found\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        "",
    ] {
        let peer = Wire::new()
            .connection([Step::ExpectHead, Step::send(answer), Step::Close])
            .start();
        let over_a_socket = outcome(adapter.send(adapter.client().get(peer.url("/"))));
        drop(peer);
        let whole = Script::new().expect_head().send(answer);
        let bytewise = Script::new().expect_head().send_bytewise(answer);
        for script in [&whole, &bytewise] {
            let scripted = outcome(adapter.send(client(adapter, script).get("http://h/")));
            assert_eq!(scripted, over_a_socket, "{answer:?}");
        }
        whole.assert_done();
    }
}

behaviour!(the_request_is_there_byte_for_byte);
fn the_request_is_there_byte_for_byte<A: Adapter>(adapter: &A) {
    let script = Script::new()
        .expect("PUT /a?b HTTP/1.1\r\nHost: example.com\r\n")
        .expect_head()
        .expect("body")
        .send(OK);
    let client = client(adapter, &script);
    // There is no TLS in front of a script.
    let response = adapter.send(client.put("https://example.com/a?b").body("body"));
    assert_eq!(response.unwrap().text(), "hello");
    script.assert_done();
    let received = String::from_utf8(script.received().remove(0)).unwrap();
    assert!(
        received.ends_with("\r\nContent-Length: 4\r\n\r\nbody"),
        "{received}"
    );
}

behaviour!(what_was_not_expected_is_an_error_of_the_request);
fn what_was_not_expected_is_an_error_of_the_request<A: Adapter>(adapter: &A) {
    let script = Script::new().expect("GET /a HTTP/1.1\r\n").send(OK);
    let error = adapter
        .send(client(adapter, &script).get("http://h/b"))
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    let text = "GET http://h/b: the script expects 'GET /a HTTP/1.1\\r\\n', \
                and the client sent 'GET /b HTTP/1.1\\r\\n'";
    assert_eq!(error.to_string(), text);
}

behaviour!(k_a_kept_connection_is_used_again);
fn k_a_kept_connection_is_used_again<A: Adapter>(adapter: &A) {
    let script = Script::new()
        .expect_head()
        .send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
        .expect_head()
        .send(OK)
        .expect_head()
        .send("HTTP/1.1 204 No Content\r\n\r\n")
        .expect_head()
        .send(OK);
    let client = client(adapter, &script);
    adapter.send(client.head("http://h/")).unwrap();
    adapter.send(client.get("http://h/")).unwrap();
    adapter.send(client.delete("http://h/")).unwrap();
    let mut download = adapter.stream(client.get("http://h/")).unwrap();
    assert_eq!(download.chunk().unwrap().unwrap(), "hello");
    assert_eq!(download.chunk().unwrap(), None);
    assert_eq!(script.received().len(), 1);
    script.assert_done();
    // The script is over, which closed the connection; there is no second.
    let error = adapter.send(client.get("http://h/")).unwrap_err();
    assert_eq!(
        (error.kind(), error.processed()),
        (Kind::Connect, Processed::No)
    );
}

behaviour!(another_origin_is_another_connection);
fn another_origin_is_another_connection<A: Adapter>(adapter: &A) {
    let script = Script::new().expect_head().send(OK).expect_head().send(OK);
    let script = script.connection().expect_head().send(OK);
    let client = client(adapter, &script);
    for url in ["http://a/", "http://b/", "http://a/"] {
        adapter.send(client.get(url)).unwrap();
    }
    assert_eq!(script.received().len(), 2);
    script.assert_done();
}

behaviour!(k05_a_stale_connection_is_replayed_where_that_is_safe);
fn k05_a_stale_connection_is_replayed_where_that_is_safe<A: Adapter>(adapter: &A) {
    let script = || {
        Script::new()
            .expect_head()
            .send(OK)
            .expect_head()
            .close()
            .connection()
            .expect_head()
            .send(OK)
    };
    let get = script();
    let one = client(adapter, &get);
    adapter.send(one.get("http://h/")).unwrap();
    assert_eq!(adapter.send(one.get("http://h/")).unwrap().text(), "hello");
    get.assert_done();

    let post = script();
    let one = client(adapter, &post);
    adapter.send(one.get("http://h/")).unwrap();
    let error = adapter.send(one.post("http://h/")).unwrap_err();
    assert_eq!(
        (error.kind(), error.processed()),
        (Kind::RemoteProtocol, Processed::Maybe)
    );
    assert_eq!(post.received().len(), 1);
}

behaviour!(b19_a_silent_script_takes_no_time_and_passes_the_limit);
fn b19_a_silent_script_takes_no_time_and_passes_the_limit<A: Adapter>(adapter: &A) {
    let began = Instant::now();
    let cut = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel";
    for script in [
        Script::new().expect_head().silence(),
        Script::new().expect_head().send(cut).silence(),
        Script::new()
            .expect_head()
            .wait(Duration::from_secs(61))
            .send(OK),
        Script::new().expect_head().expect_bytes(10).send(OK),
    ] {
        let client = client(adapter, &script);
        let request = client.get("http://h/").timeout(Timeout::secs(60));
        let error = adapter.send(request).unwrap_err();
        assert_eq!(error.kind(), Kind::ReadTimeout, "{error}");
    }
    let deaf = Script::new().expect_head().silence();
    let request = client(adapter, &deaf)
        .put("http://h/")
        .body(vec![0; 1 << 20]);
    let error = adapter
        .send(request.timeout(Timeout::secs(60)))
        .unwrap_err();
    assert_eq!(error.kind(), Kind::WriteTimeout, "{error}");

    let slow = Script::new()
        .expect_head()
        .wait(Duration::from_secs(59))
        .send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe")
        .wait(Duration::from_secs(59))
        .send("llo");
    let request = client(adapter, &slow)
        .get("http://h/")
        .timeout(Timeout::secs(60));
    assert_eq!(adapter.send(request).unwrap().text(), "hello");
    assert!(began.elapsed() < Duration::from_secs(30));

    let endless = Script::new().expect_head().silence();
    let request = client(adapter, &endless)
        .get("http://h/")
        .timeout(Timeout::none());
    let error = adapter.send(request).unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    assert!(
        error.to_string().ends_with("no limit to its wait"),
        "{error}"
    );
}

behaviour!(b23_an_idle_connection_expires_on_the_scripts_clock);
fn b23_an_idle_connection_expires_on_the_scripts_clock<A: Adapter>(adapter: &A) {
    let script = Script::new()
        .expect_head()
        .send(OK)
        .expect_head()
        .connection()
        .expect_head()
        .wait(Duration::from_secs(6))
        .send(OK)
        .connection()
        .expect_head()
        .send(OK);
    let client = client(adapter, &script);
    let slow = Timeout::secs(60);
    adapter.send(client.get("http://a/")).unwrap();
    adapter.send(client.get("http://b/").timeout(slow)).unwrap();
    // Six seconds later the first connection is no more.
    adapter.send(client.get("http://a/")).unwrap();
    assert_eq!(script.received().len(), 3);
}

behaviour!(ends_of_all_kinds_are_told_apart);
fn ends_of_all_kinds_are_told_apart<A: Adapter>(adapter: &A) {
    let cut = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel";
    for (script, kind) in [
        (Script::new().refuse(), Kind::Connect),
        (Script::new(), Kind::Connect),
        (Script::new().expect_head().close(), Kind::RemoteProtocol),
        (Script::new().expect_head().reset(), Kind::Read),
        (
            Script::new().expect_head().send(cut).close(),
            Kind::RemoteProtocol,
        ),
        (Script::new().expect_head().send(cut).reset(), Kind::Read),
    ] {
        let error = adapter
            .send(client(adapter, &script).get("http://h/p"))
            .unwrap_err();
        assert_eq!(error.kind(), kind, "{script:?}: {error}");
        assert_eq!(error.url().unwrap().as_str(), "http://h/p");
        script.assert_done();
    }
    let script = Script::new().refuse().connection().expect_head().send(OK);
    let client = client(adapter, &script);
    adapter.send(client.get("http://h/")).unwrap_err();
    assert_eq!(
        adapter.send(client.get("http://h/")).unwrap().text(),
        "hello"
    );
}

behaviour!(a_download_from_a_script_comes_as_it_is_sent);
fn a_download_from_a_script_comes_as_it_is_sent<A: Adapter>(adapter: &A) {
    let script = Script::new()
        .expect_head()
        .send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
        .send("hel")
        .send("lo")
        .expect_head()
        .send(OK);
    let client = client(adapter, &script);
    let mut download = adapter.stream(client.get("http://h/")).unwrap();
    assert_eq!(download.chunk().unwrap().unwrap(), "hel");
    assert_eq!(download.chunk().unwrap().unwrap(), "lo");
    assert_eq!(download.chunk().unwrap(), None);
    // Given up before its end, it takes its connection with it.
    drop(adapter.stream(client.get("http://h/")).unwrap());
    let error = adapter.send(client.get("http://h/")).unwrap_err();
    assert_eq!(error.kind(), Kind::Connect);
}

behaviour!(k04_an_upload_goes_up_and_may_be_answered_early);
fn k04_an_upload_goes_up_and_may_be_answered_early<A: Adapter>(adapter: &A) {
    let pieces = || (0..40).map(|_| Ok(Bytes::from(vec![b'x'; 100_000])));
    let taken = Script::new().expect_head().expect_bytes(4_000_000).send(OK);
    let body = adapter.body(pieces(), Some(4_000_000));
    let request = client(adapter, &taken).put("http://h/").body(body);
    assert_eq!(adapter.send(request).unwrap().text(), "hello");
    taken.assert_done();

    let refused = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\n\r\nlong";
    let held = Body::from(vec![b'x'; 4_000_000]);
    for body in [adapter.body(pieces(), Some(4_000_000)), held] {
        let early = Script::new().expect_head().send(refused).close();
        let request = client(adapter, &early).put("http://h/").body(body);
        let response = adapter.send(request).unwrap();
        assert_eq!(
            (response.status().as_u16(), &*response.text()),
            (413, "long")
        );
        assert!(early.received()[0].len() < 4_000_000);
    }
}

behaviour!(b15_4_a_redirect_over_a_script_takes_the_body_along);
fn b15_4_a_redirect_over_a_script_takes_the_body_along<A: Adapter>(adapter: &A) {
    let moved = "HTTP/1.1 307 Moved\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n";
    let mut again = vec![
        Body::from("again"),
        Body::factory(|| Ok("again".into()), Some(5)),
    ];
    if A::Driver::SIDE == Side::Blocking {
        again.push(Body::seekable(io::Cursor::new("again"), Some(5)));
    }
    for body in again {
        let script = Script::new()
            .expect_head()
            .expect("again")
            .send(moved)
            .expect("PUT /b ")
            .expect_head()
            .expect("again")
            .send(OK);
        let request = client(adapter, &script).put("http://h/a").body(body);
        let response = adapter.send(request.follow_redirects(true)).unwrap();
        assert_eq!((&*response.text(), response.history().len()), ("hello", 1));
        script.assert_done();
    }
}

behaviour!(leniency_is_the_scripts_own);
fn leniency_is_the_scripts_own<A: Adapter>(adapter: &A) {
    let odd = "HTTP/1.1 200 OK\nContent-Length: 2\n\nok";
    let strict = Script::new().expect_head().send(odd);
    let strict_outcome = adapter.send(client(adapter, &strict).get("http://h/"));
    let lenient = Script::new().expect_head().send(odd).lenient(true);
    let response = adapter.send(client(adapter, &lenient).get("http://h/"));
    assert_eq!(response.unwrap().text(), "ok");
    assert_eq!(strict_outcome.unwrap_err().kind(), Kind::RemoteProtocol);
}

#[test]
fn a_script_that_is_not_done_says_what_is_missing() {
    let script = Script::new()
        .expect_head()
        .send(OK)
        .expect("more")
        .connection();
    let client = nuncio::blocking::Client::builder();
    let client = client.transport(script.transport()).build().unwrap();
    let text = |script: &Script| {
        let script = std::panic::AssertUnwindSafe(script);
        let panic = std::panic::catch_unwind(|| script.assert_done()).unwrap_err();
        *panic.downcast::<String>().expect("a message")
    };
    assert_eq!(
        text(&script),
        "0 connections were made, and the script has 2"
    );
    client.get("http://h/").send().unwrap();
    assert_eq!(
        text(&script),
        "1 connections were made, and the script has 2"
    );
    let script = Script::new()
        .expect("GET / HTTP/1.1\r\n")
        .expect_bytes(999)
        .send(OK);
    let client = nuncio::blocking::Client::builder();
    let client = client.transport(script.transport()).build().unwrap();
    client.get("http://h/").send().unwrap_err();
    let text = text(&script);
    let missing = "connection 0, from 0, did not get to expect 999 bytes; it received 'GET /";
    assert!(text.starts_with(missing), "{text}");
}
