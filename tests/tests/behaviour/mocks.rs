//! A mock in place of the network (BEHAVIOUR section 22.2): what is above it works as it always does.

use bytes::Bytes;
use nuncio::{Body, CookieJar, Error, Kind, Mock, Redirects, Reply, Request, Side, Transport};
use nuncio_client::{Client, Driver};
use nuncio_tests::adapters::{Adapter, Download};
use nuncio_tests::behaviour;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

fn client<A: Adapter>(adapter: &A, mock: &Mock) -> Client<A::Driver> {
    let builder = adapter.builder().transport(mock.transport());
    builder.build().unwrap()
}

fn body(request: &Request) -> &[u8] {
    request.body().as_bytes().expect("a mock reads bodies")
}

behaviour!(a_function_answers_and_is_asked_what_is_sent);
fn a_function_answers_and_is_asked_what_is_sent<A: Adapter>(adapter: &A) {
    let mock = Mock::answering(|request| {
        let text = format!("{} {}", request.method(), request.url());
        Reply::new(418).header("X-Field", "1").text(text)
    });
    let client = client(adapter, &mock);
    let request = client.post("https://h/p?q=1").header("X-Own", "2");
    let response = adapter.send(request.json(&[1, 2])).unwrap();
    assert_eq!(
        (response.status().as_u16(), &*response.reason()),
        (418, "I'm a teapot")
    );
    assert_eq!(response.text(), "POST https://h/p?q=1");
    assert_eq!(
        response.headers().get("content-length").as_deref(),
        Some("20")
    );
    assert_eq!(client.pool().connections, 0);

    let sent = &mock.requests()[0];
    let names: Vec<_> = sent
        .headers()
        .iter()
        .map(|(name, _)| name.to_owned())
        .collect();
    let expected = [
        "Host",
        "Accept",
        "Accept-Encoding",
        "Connection",
        "User-Agent",
        "X-Own",
        "Content-Length",
        "Content-Type",
    ];
    assert_eq!(names, expected);
    assert_eq!(body(sent), b"[1,2]");
}

behaviour!(b22_2_a_body_is_read_before_it_is_answered);
fn b22_2_a_body_is_read_before_it_is_answered<A: Adapter>(adapter: &A) {
    let mock = Mock::answering(|request| Reply::new(200).body(body(request).to_vec()));
    let client = client(adapter, &mock);
    let pieces = || {
        ["one ", "two ", "three"]
            .map(|it| Ok(Bytes::from(it)))
            .into_iter()
    };
    for (length, field) in [(None, "transfer-encoding"), (Some(13), "content-length")] {
        let streamed = adapter.body(pieces(), length);
        let response = adapter
            .send(client.put("http://h/").body(streamed))
            .unwrap();
        assert_eq!(response.text(), "one two three");
        let sent = mock.requests().pop().unwrap();
        assert!(sent.headers().contains(field));
        assert_eq!(body(&sent), b"one two three");
    }
    let factory = Body::factory(|| Ok("made".into()), None);
    let response = adapter.send(client.put("http://h/").body(factory)).unwrap();
    assert_eq!(response.text(), "made");
}

behaviour!(a_body_that_fails_or_is_too_short_is_an_error);
fn a_body_that_fails_or_is_too_short_is_an_error<A: Adapter>(adapter: &A) {
    let mock = Mock::answering(|_| Reply::new(200));
    let client = client(adapter, &mock);
    let failing = [Ok(Bytes::from("a")), Err(io::Error::other("unplugged"))];
    let streamed = adapter.body(failing.into_iter(), None);
    let error = adapter
        .send(client.put("http://h/").body(streamed))
        .unwrap_err();
    assert_eq!(error.kind(), Kind::RequestBody);
    assert!(
        error
            .to_string()
            .ends_with("reading the request's body: unplugged"),
        "{error}"
    );

    let short = adapter.body([Ok(Bytes::from("a"))].into_iter(), Some(2));
    let error = adapter
        .send(client.put("http://h/").body(short))
        .unwrap_err();
    assert_eq!(error.kind(), Kind::LocalProtocol);
    assert!(mock.requests().is_empty());
}

behaviour!(b22_2_an_error_that_the_function_gives_names_the_request);
fn b22_2_an_error_that_the_function_gives_names_the_request<A: Adapter>(adapter: &A) {
    let mock = Mock::answering(|_| -> Result<Reply, Error> {
        Err(Error::new(Kind::ConnectTimeout, "nobody answers"))
    });
    let client = client(adapter, &mock);
    let error = adapter.send(client.get("http://h/p")).unwrap_err();
    assert!(error.is_timeout());
    assert_eq!(error.to_string(), "GET http://h/p: nobody answers");
}

behaviour!(what_nobody_answers_is_told_with_what_is_there);
fn what_nobody_answers_is_told_with_what_is_there<A: Adapter>(adapter: &A) {
    let mock =
        Mock::new()
            .on("GET", "/users", |_| Reply::new(200))
            .on("*", "https://api/*", |_| Reply::new(201));
    let client = client(adapter, &mock);
    assert_eq!(
        adapter
            .send(client.get("http://x/users?p=2"))
            .unwrap()
            .status(),
        200
    );
    assert_eq!(
        adapter.send(client.post("https://api/x")).unwrap().status(),
        201
    );
    let error = adapter
        .send(client.post("http://u:SECRET@x/users"))
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    assert_eq!(
        error.to_string(),
        "POST http://x/users: the mock has no answer for POST http://x/users; \
         it has: GET /users, * https://api/*"
    );
    mock.assert_calls("POST", "http://x/users", 1);
}

behaviour!(a_target_that_is_none_is_an_error_of_the_build);
fn a_target_that_is_none_is_an_error_of_the_build<A: Adapter>(adapter: &A) {
    let mock = Mock::new().on("GET", "users", |_| Reply::new(200));
    let error = adapter
        .builder()
        .transport(mock.transport())
        .build()
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Builder);
    assert!(error.to_string().contains("'users'"), "{error}");
}

behaviour!(replies_are_given_once_each_in_their_order);
fn replies_are_given_once_each_in_their_order<A: Adapter>(adapter: &A) {
    let streamed = adapter.body(
        ["st", "reamed"].map(|it| Ok(Bytes::from(it))).into_iter(),
        None,
    );
    let held = Reply::new(200).html("<p>");
    let again = held.try_clone().unwrap();
    let streamed = Reply::new(200).body(streamed);
    assert!(streamed.try_clone().is_none());
    let mock = Mock::replies([held, streamed, again]);
    let client = client(adapter, &mock);
    for text in ["<p>", "streamed", "<p>"] {
        assert_eq!(adapter.send(client.get("http://h/")).unwrap().text(), text);
    }
    let error = adapter.send(client.get("http://h/")).unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    assert!(error.to_string().contains("had 3 replies"), "{error}");
}

behaviour!(a_streamed_reply_is_pulled_piece_by_piece);
fn a_streamed_reply_is_pulled_piece_by_piece<A: Adapter>(adapter: &A) {
    let pulled = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&pulled);
    let pieces = (0..3).map(move |number| {
        counter.fetch_add(1, Ordering::SeqCst);
        Ok(Bytes::from(format!("piece {number}")))
    });
    let mock = Mock::replies([Reply::new(200).body(adapter.body(pieces, None))]);
    let client = client(adapter, &mock);
    let mut download = adapter.stream(client.get("http://h/")).unwrap();
    assert_eq!(pulled.load(Ordering::SeqCst), 0);
    for number in 0..3 {
        let chunk = download.chunk().unwrap().unwrap();
        assert_eq!(chunk, format!("piece {number}"));
        assert_eq!(pulled.load(Ordering::SeqCst), number + 1);
    }
    assert_eq!(download.chunk().unwrap(), None);
}

behaviour!(a_reply_that_fails_in_its_body_is_an_error_of_the_response);
fn a_reply_that_fails_in_its_body_is_an_error_of_the_response<A: Adapter>(adapter: &A) {
    let ours = Error::new(Kind::ReadTimeout, "told as it is");
    for (failure, kind) in [
        (io::Error::other("unplugged"), Kind::Read),
        (io::Error::other(ours), Kind::ReadTimeout),
    ] {
        let pieces = [Ok(Bytes::from("a")), Err(failure)].into_iter();
        let mock = Mock::replies([Reply::new(200).body(adapter.body(pieces, None))]);
        let error = adapter
            .send(client(adapter, &mock).get("http://h/"))
            .unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert_eq!(error.url().unwrap().as_str(), "http://h/");
    }
}

behaviour!(a_reply_that_cannot_be_is_an_error);
fn a_reply_that_cannot_be_is_an_error<A: Adapter>(adapter: &A) {
    let other = adapter.body_of_the_other_kind();
    for (reply, kind) in [
        (Reply::new(42), Kind::Builder),
        (Reply::new(200).header("a b", "c"), Kind::Builder),
        (Reply::new(200).body(other), Kind::Usage),
    ] {
        let mock = Mock::replies([reply]);
        let error = adapter
            .send(client(adapter, &mock).get("http://h/"))
            .unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
    }
}

behaviour!(b15_redirects_and_their_history_work_over_a_mock);
fn b15_redirects_and_their_history_work_over_a_mock<A: Adapter>(adapter: &A) {
    let mock = Mock::new()
        .on("POST", "/a", |_| {
            Reply::new(303).header("Location", "/b").text("see b")
        })
        .on("GET", "/b", |_| {
            Reply::new(301).header("Location", "//other/c")
        })
        .on("GET", "http://other/c", |_| Reply::new(200).text("here"));
    let client = client(adapter, &mock);
    let request = client.post("http://h/a").body("x").follow_redirects(true);
    let response = adapter.send(request).unwrap();
    assert_eq!(
        (&*response.text(), response.url().as_str()),
        ("here", "http://other/c")
    );
    let history: Vec<_> = response
        .history()
        .iter()
        .map(|it| it.status().as_u16())
        .collect();
    assert_eq!(history, [303, 301]);
    assert_eq!(response.history()[0].text(), "see b");
    let sent: Vec<_> = mock.requests().iter().map(|it| body(it).to_vec()).collect();
    assert_eq!(sent, [&b"x"[..], b"", b""]);

    let looping = Mock::answering(|_| Reply::new(302).header("Location", "/"));
    let builder = adapter.builder().redirects(Redirects::follow().limit(3));
    let client = builder.transport(looping.transport()).build().unwrap();
    let error = adapter.send(client.get("http://h/")).unwrap_err();
    assert_eq!(error.kind(), Kind::TooManyRedirects);
    looping.assert_calls("GET", "/", 4);
}

behaviour!(b15_4_a_redirect_takes_a_body_along_that_comes_again);
fn b15_4_a_redirect_takes_a_body_along_that_comes_again<A: Adapter>(adapter: &A) {
    let mock = Mock::new()
        .on("PUT", "/a", |_| Reply::new(307).header("Location", "/b"))
        .on("PUT", "/b", |request| {
            Reply::new(200).body(body(request).to_vec())
        });
    let client = client(adapter, &mock);
    let mut again = vec![
        Body::from("again"),
        Body::factory(|| Ok("again".into()), Some(5)),
    ];
    if A::Driver::SIDE == Side::Blocking {
        again.push(Body::seekable(io::Cursor::new("again"), None));
    }
    for body in again {
        let request = client.put("http://h/a").body(body).follow_redirects(true);
        assert_eq!(adapter.send(request).unwrap().text(), "again");
    }
    let once = adapter.body([Ok(Bytes::from("once"))].into_iter(), None);
    let request = client.put("http://h/a").body(once).follow_redirects(true);
    let error = adapter.send(request).unwrap_err();
    assert_eq!(error.kind(), Kind::StreamConsumed);
}

behaviour!(b15_4_a_transport_of_ones_own_leaves_what_comes_again);
fn b15_4_a_transport_of_ones_own_leaves_what_comes_again<A: Adapter>(adapter: &A) {
    let bodies = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&bodies);
    let transport = Transport::function(move |request| {
        counter.fetch_add(
            u32::from(request.body().length() != Some(0)),
            Ordering::SeqCst,
        );
        Ok(match request.url().path() {
            "/a" => Reply::new(307).header("Location", "/b"),
            _ => Reply::new(200),
        })
    });
    let client = adapter.builder().transport(transport).build().unwrap();
    let put = |body: Body| client.put("http://h/a").body(body).follow_redirects(true);
    for body in [Body::from("x"), Body::factory(|| Ok("x".into()), None)] {
        assert_eq!(adapter.send(put(body)).unwrap().status(), 200);
        assert_eq!(bodies.swap(0, Ordering::SeqCst), 2);
    }
    // It may not be sent without what it had.
    let once = adapter.body([Ok(Bytes::from("once"))].into_iter(), None);
    let error = adapter.send(put(once)).unwrap_err();
    assert_eq!(error.kind(), Kind::StreamConsumed);
    assert_eq!(bodies.load(Ordering::SeqCst), 1);
}

behaviour!(cookies_authentication_and_hooks_work_over_a_mock);
fn cookies_authentication_and_hooks_work_over_a_mock<A: Adapter>(adapter: &A) {
    let mock = Mock::new()
        .on("GET", "/login", |_| {
            Reply::new(200).header("Set-Cookie", "id=7; Path=/")
        })
        .on("GET", "/me", |request| {
            let cookie = request.headers().get("cookie").unwrap_or_default();
            Reply::new(200).text(cookie)
        });
    let seen = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&seen);
    let client = adapter
        .builder()
        .cookies(CookieJar::new())
        .auth(("Aladdin", "open sesame"))
        .on_request(|request| {
            request.headers_mut().insert("X-Hook", "1").unwrap();
            Ok(())
        })
        .on_response(move |_| {
            counter.fetch_add(1, Ordering::SeqCst);
            Ok(())
        })
        .transport(mock.transport())
        .build()
        .unwrap();
    adapter.send(client.get("http://h/login")).unwrap();
    assert_eq!(
        adapter.send(client.get("http://h/me")).unwrap().text(),
        "id=7"
    );
    for sent in mock.requests() {
        let field = sent.headers().get("authorization");
        assert_eq!(field.as_deref(), Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
        assert!(sent.headers().contains("x-hook"));
    }
    assert_eq!(seen.load(Ordering::SeqCst), 2);
}

behaviour!(a_challenge_is_answered_over_a_mock);
fn a_challenge_is_answered_over_a_mock<A: Adapter>(adapter: &A) {
    let mock = Mock::answering(
        |request| match request.headers().contains("authorization") {
            true => Reply::new(200),
            false => Reply::new(401).header(
                "WWW-Authenticate",
                "Digest realm=\"r\", nonce=\"n\", qop=\"auth\"",
            ),
        },
    );
    let client = client(adapter, &mock);
    let request = client.get("http://h/").auth(nuncio::Digest::new("u", "p"));
    assert_eq!(adapter.send(request).unwrap().status(), 200);
    mock.assert_calls("GET", "/", 2);
}

behaviour!(a_head_request_has_no_body_over_a_mock);
fn a_head_request_has_no_body_over_a_mock<A: Adapter>(adapter: &A) {
    let mock = Mock::answering(|_| Reply::new(200).text("hello"));
    let client = client(adapter, &mock);
    let response = adapter.send(client.head("http://h/")).unwrap();
    assert_eq!(response.bytes().len(), 0);
    assert_eq!(
        response.headers().get("content-length").as_deref(),
        Some("5")
    );
}

behaviour!(extensions_travel_through_a_mock_both_ways);
fn extensions_travel_through_a_mock_both_ways<A: Adapter>(adapter: &A) {
    let mock = Mock::answering(|request| {
        let number = request.extensions().and_then(|it| it.get::<u32>().copied());
        Reply::new(200).extension(number.map(|it| it + 1))
    });
    let client = client(adapter, &mock);
    let request = client.get("http://h/").extension(6_u32);
    let response = adapter.send(request).unwrap();
    let extensions = response.extensions().unwrap();
    assert_eq!(extensions.get::<Option<u32>>(), Some(&Some(7)));
}

behaviour!(one_mock_may_serve_many_at_once);
fn one_mock_may_serve_many_at_once<A: Adapter>(adapter: &A) {
    let mock = Mock::answering(|request| Reply::new(200).text(request.url().path()));
    let client = client(adapter, &mock);
    let requests = (0..20)
        .map(|it| client.get(format!("http://h/{it}")))
        .collect();
    for (number, response) in adapter.together(requests).into_iter().enumerate() {
        assert_eq!(response.unwrap().text(), format!("/{number}"));
    }
    assert_eq!(mock.requests().len(), 20);
}

behaviour!(b22_2_an_async_answer_is_for_async_clients);
fn b22_2_an_async_answer_is_for_async_clients<A: Adapter>(adapter: &A) {
    let mock = Mock::new().on_async("PUT", "/slow", |request| async move {
        std::future::ready(()).await;
        Ok::<_, Error>(Reply::new(200).body(body(&request).to_vec()))
    });
    let built = adapter.builder().transport(mock.transport()).build();
    if A::Driver::SIDE == Side::Blocking {
        let error = built.unwrap_err();
        assert_eq!(error.kind(), Kind::Usage);
        assert_eq!(
            error.to_string(),
            "the mock's answer for PUT /slow has to be awaited, and was given to a blocking client"
        );
        return;
    }
    let streamed = adapter.body([Ok(Bytes::from("body"))].into_iter(), None);
    let request = built.unwrap().put("http://h/slow").body(streamed);
    assert_eq!(adapter.send(request).unwrap().text(), "body");
    mock.assert_called("PUT", "/slow");
}

fn panics(assertion: impl FnOnce()) -> String {
    let assertion = std::panic::AssertUnwindSafe(assertion);
    let panic = std::panic::catch_unwind(assertion).unwrap_err();
    *panic.downcast::<String>().expect("a message")
}

#[test]
fn an_assertion_that_fails_says_what_was_asked() {
    let mock = Mock::answering(|_| Reply::new(200));
    let client = nuncio::blocking::Client::builder();
    let client = client.transport(mock.transport()).build().unwrap();
    let unused = mock.clone();
    let text = panics(move || unused.assert_called("GET", "/a"));
    assert_eq!(text, "GET /a was not asked for; nothing was");
    client.get("http://u:SECRET@h/b?c").send().unwrap();
    mock.assert_called("GET", "/b");
    mock.assert_calls("POST", "/b", 0);
    let used = mock.clone();
    let text = panics(move || used.assert_called("GET", "/a"));
    assert_eq!(
        text,
        "GET /a was not asked for; these were: GET http://h/b?c"
    );
    let text = panics(move || mock.assert_calls("GET", "/b", 2));
    assert_eq!(
        text,
        "GET /b was asked for 1 times, not 2; these were: GET http://h/b?c"
    );
}
