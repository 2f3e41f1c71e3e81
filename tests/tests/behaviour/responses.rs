//! Buffered responses (BEHAVIOUR sections 10, 11 and 31.4), as they come over a socket. The rules
//! themselves are told row by row in the unit tests of `nuncio-client`.

use bytes::Bytes;
use nuncio::{DefaultEncoding, Error, Kind, Reply, Response, SentRequest, Transport, Version};
use nuncio_testkit::script::{Script, Step};
use nuncio_tests::adapters::Adapter;
use nuncio_tests::behaviour;
use serde::Deserialize;
use serde_json::{Value, json};

/// What a client makes of `answer`, and the URL that it asked for.
fn answered<A: Adapter>(adapter: &A, answer: impl AsRef<[u8]>) -> (Response, String) {
    let steps = [Step::ExpectHead, Step::send(answer), Step::Close];
    let peer = Script::new().connection(steps).start();
    let url = peer.url("/a?b=c#d");
    let builder = adapter.builder().follow_redirects(false);
    let response = adapter.send(builder.build().unwrap().get(&url)).unwrap();
    (response, url)
}

/// As [`answered`], for 200 with these fields and this body.
fn page<A: Adapter>(adapter: &A, fields: &str, body: impl AsRef<[u8]>) -> Response {
    let body = body.as_ref();
    let head = format!(
        "HTTP/1.1 200 OK\r\n{fields}Content-Length: {}\r\n\r\n",
        body.len()
    );
    answered(adapter, [head.as_bytes(), body].concat()).0
}

behaviour!(b10_the_reason_is_the_ascii_of_what_was_sent);
fn b10_the_reason_is_the_ascii_of_what_was_sent<A: Adapter>(adapter: &A) {
    for (line, reason, debug) in [
        (&b"200 OK"[..], "OK", "<Response [200 OK]>"),
        (
            b"200 Fine by me",
            "Fine by me",
            "<Response [200 Fine by me]>",
        ),
        (b"404 caf\xc3\xa9 ok", "caf ok", "<Response [404 caf ok]>"),
        (b"404 \xe9", "", "<Response [404 ]>"),
        (
            b"208",
            "Already Reported",
            "<Response [208 Already Reported]>",
        ),
        (
            b"414 ",
            "Request-URI Too Long",
            "<Response [414 Request-URI Too Long]>",
        ),
        (b"299 ", "", "<Response [299 ]>"),
        (b"306", "", "<Response [306 ]>"),
    ] {
        let answer = [b"HTTP/1.1 ", line, b"\r\nContent-Length: 0\r\n\r\n"].concat();
        let (response, _) = answered(adapter, answer);
        assert_eq!(response.reason(), reason, "{line:?}");
        assert_eq!(format!("{response:?}"), debug);
    }
}

behaviour!(b10_a_status_that_is_no_success_is_an_error_that_owns_the_response);
fn b10_a_status_that_is_no_success_is_an_error_that_owns_the_response<A: Adapter>(adapter: &A) {
    for (line, text) in [
        ("304 Not Modified", "Redirect response '304 Not Modified'"),
        ("418 Short and stout", "Client error '418 Short and stout'"),
        ("500 a\tb'c", r"Server error '500 a\tb'c'"),
        ("500", "Server error '500 Internal Server Error'"),
        ("600", "Invalid status code '600'"),
    ] {
        let answer = format!("HTTP/1.1 {line}\r\nX: y\r\nConnection: close\r\n\r\nwhy");
        let (response, url) = answered(adapter, answer);
        let bodiless = line.starts_with("304");
        let place = url.strip_suffix("#d").unwrap();
        let error = response.error_for_status().unwrap_err();
        assert_eq!(error.kind(), Kind::Status);
        assert_eq!(error.to_string(), format!("{text} for url '{place}'"));
        assert_eq!(error.method(), Some("GET"));
        assert_eq!(error.url().unwrap().as_str(), url);
        let response = error.into_response().unwrap();
        assert_eq!(response.headers().get("x").unwrap(), "y");
        assert_eq!(response.text(), if bodiless { "" } else { "why" });
        assert!(!response.is_success() && !response.is_truncated());
        assert_eq!(response.is_error(), line.starts_with(['4', '5']));
    }
}

behaviour!(b10_an_error_of_an_unfollowed_redirect_tells_where_it_leads);
fn b10_an_error_of_an_unfollowed_redirect_tells_where_it_leads<A: Adapter>(adapter: &A) {
    let answer = "HTTP/1.1 303 \r\nLocation: //me:pw@there.example/x\r\nContent-Length: 0\r\n\r\n";
    let (response, url) = answered(adapter, answer);
    assert!(response.is_redirect() && response.has_redirect_location());
    let place = url.strip_suffix("#d").unwrap();
    let text = format!(
        "Redirect response '303 See Other' for url '{place}', \
         redirect location 'http://there.example/x'"
    );
    assert_eq!(response.status_error().unwrap().to_string(), text);
}

behaviour!(b10_the_error_of_a_giant_body_keeps_its_beginning);
fn b10_the_error_of_a_giant_body_keeps_its_beginning<A: Adapter>(adapter: &A) {
    let body = "x".repeat(3_000_000);
    let answer = format!(
        "HTTP/1.1 500 \r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let (response, _) = answered(adapter, answer);
    assert_eq!(response.bytes().len(), body.len());
    let error: Error = response.error_for_status().unwrap_err();
    let kept = error.response().unwrap();
    assert_eq!(kept.bytes().len(), 65_536);
    assert!(kept.is_truncated());
    assert_eq!(kept.content_length(), Some(3_000_000));
}

behaviour!(b10_links_of_several_fields_are_found);
fn b10_links_of_several_fields_are_found<A: Adapter>(adapter: &A) {
    let fields = "Link: </2>; rel=next, </9>; rel=last\r\nlink: <https://a.example/>\r\n";
    let response = page(adapter, fields, "");
    let links = response.links();
    assert_eq!(links.get("next").unwrap().url, "/2");
    assert_eq!(links.get("last").unwrap().url, "/9");
    assert!(links.get("https://a.example/").is_some());
    assert_eq!(links.len(), 3);
    let next = response.url().join(&links.get("next").unwrap().url);
    assert_eq!(next.unwrap().path(), "/2");
}

behaviour!(b10_a_transports_responses_have_the_usual_words_and_nothing_downloaded);
fn b10_a_transports_responses_have_the_usual_words_and_nothing_downloaded<A: Adapter>(adapter: &A) {
    let reply = |_| Ok(Reply::new(404).version(Version::HTTP_2).text("gone"));
    let transport = Transport::function(reply);
    let client = adapter.builder().transport(transport).build().unwrap();
    let response = adapter.send(client.get("http://nowhere.example/")).unwrap();
    assert_eq!(response.reason(), "Not Found");
    assert_eq!(response.version(), Version::HTTP_2);
    assert_eq!(response.bytes_downloaded(), 0);
    assert_eq!((response.encoding(), &*response.text()), ("UTF-8", "gone"));
}

behaviour!(b10_a_response_becomes_one_of_http);
fn b10_a_response_becomes_one_of_http<A: Adapter>(adapter: &A) {
    let response = page(adapter, "X-Many: 1\r\nx-many: 2\r\n", "body");
    assert_eq!(response.as_ref(), b"body");
    let url = response.url().clone();
    let theirs = http_response(response);
    assert_eq!(
        (theirs.status().as_u16(), theirs.body()),
        (200, &Bytes::from("body"))
    );
    assert_eq!(theirs.version(), Version::HTTP_11);
    let values: Vec<_> = theirs.headers().get_all("X-MANY").iter().collect();
    assert_eq!(values, ["1", "2"]);
    let sent: &SentRequest = theirs.extensions().get().unwrap();
    assert_eq!((sent.url(), sent.method().as_str()), (&url, "GET"));
    assert!(sent.headers().contains("host"));
}

fn http_response(response: Response) -> http::Response<Bytes> {
    response.try_into().unwrap()
}

behaviour!(b11_text_is_read_in_the_charset_that_is_declared);
fn b11_text_is_read_in_the_charset_that_is_declared<A: Adapter>(adapter: &A) {
    for (content_type, declared, encoding, text) in [
        (
            "text/plain; charset=Latin1",
            Some("latin1"),
            "windows-1252",
            "\u{e9}",
        ),
        (
            "text/plain; charset=\"koi8-r\"",
            Some("koi8-r"),
            "KOI8-R",
            "\u{418}",
        ),
        (
            "text/plain; charset=UTF-8",
            Some("utf-8"),
            "UTF-8",
            "\u{fffd}",
        ),
        (
            "text/plain; charset=nonsense",
            Some("nonsense"),
            "UTF-8",
            "\u{fffd}",
        ),
        ("text/plain", None, "UTF-8", "\u{fffd}"),
    ] {
        let response = page(
            adapter,
            &format!("Content-Type: {content_type}\r\n"),
            b"\xe9",
        );
        assert_eq!(response.charset().as_deref(), declared);
        assert_eq!(response.encoding(), encoding);
        assert_eq!(response.text(), text);
        assert_eq!(response.text_with("cp1251").unwrap(), "\u{439}");
        let set = response.with_encoding("cp1251").unwrap();
        assert_eq!((set.encoding(), &*set.text()), ("windows-1251", "\u{439}"));
    }
}

behaviour!(b31_4_a_page_may_say_its_charset_itself);
fn b31_4_a_page_may_say_its_charset_itself<A: Adapter>(adapter: &A) {
    let body = b"<meta http-equiv=content-type content='text/html; charset=windows-1251'>\xe9";
    let response = page(adapter, "Content-Type: application/octet-stream\r\n", body);
    assert_eq!(response.encoding(), "UTF-8");
    let response = response.with_default_encoding(&DefaultEncoding::html_meta());
    assert_eq!(response.encoding(), "windows-1251");
    assert!(response.text().ends_with('\u{439}'));
}

behaviour!(b11_json_is_read_from_the_bytes_and_may_borrow);
fn b11_json_is_read_from_the_bytes_and_may_borrow<A: Adapter>(adapter: &A) {
    #[derive(Deserialize)]
    struct Named<'a> {
        name: &'a str,
    }

    let fields = "Content-Type: application/json; charset=latin1\r\n";
    let text = "{\"name\": \"caf\u{e9}\"}";
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    for body in [text.as_bytes(), &wide] {
        let response = page(adapter, fields, body);
        let value: Value = response.json().unwrap();
        assert_eq!(value, json!({"name": "caf\u{e9}"}));
    }
    let response = page(adapter, fields, text);
    let named: Named<'_> = response.json().unwrap();
    assert_eq!(named.name, "caf\u{e9}");
}

behaviour!(b11_json_that_is_none_says_where_on_one_line);
fn b11_json_that_is_none_says_where_on_one_line<A: Adapter>(adapter: &A) {
    let response = page(adapter, "", "{\n  \"a\": Infinity\n}");
    let error = response.json::<Value>().unwrap_err();
    assert_eq!(error.kind(), Kind::Decoding);
    let url = response
        .url()
        .as_str()
        .strip_suffix("#d")
        .unwrap()
        .to_owned();
    assert_eq!(
        error.to_string(),
        format!("GET {url}: reading the body as JSON: expected value at line 2 column 8")
    );
}

behaviour!(b31_4_the_cookies_of_a_response_are_its_own_and_not_those_of_redirects);
fn b31_4_the_cookies_of_a_response_are_its_own_and_not_those_of_redirects<A: Adapter>(adapter: &A) {
    let first = "HTTP/1.1 302 \r\nSet-Cookie: a=1\r\nLocation: /\r\nContent-Length: 0\r\n\r\n";
    let last = "HTTP/1.1 200 \r\nSet-Cookie: b=2\r\nContent-Length: 0\r\n\r\n";
    let steps = [first, last].map(|answer| [Step::ExpectHead, Step::send(answer)]);
    let peer = Script::new().connection(steps.concat()).start();
    let client = adapter.builder().follow_redirects(true).build().unwrap();
    let response = adapter.send(client.get(peer.url("/first"))).unwrap();
    let cookies = response.cookies();
    assert_eq!(
        (cookies.len(), cookies.get("b").unwrap().as_deref()),
        (1, Some("2"))
    );
    let before = response.history().first().unwrap().cookies();
    assert_eq!(
        (before.len(), before.get("a").unwrap().as_deref()),
        (1, Some("1"))
    );
}
