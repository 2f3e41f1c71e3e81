//! Every kind of body but forms with files: what it adds to the fields, what goes over the wire, and
//! whether it goes again (BEHAVIOUR section 8, SECURITY I9, I10, M3).

use crate::echo::Echo;
use crate::files::Scratch;
use bytes::Bytes;
use nuncio::{Body, Form, Kind, QueryParams};
use nuncio_client::RequestBuilder;
use nuncio_testkit::content;
use nuncio_testkit::script::{End, Script, Step};
use nuncio_testkit::server::{Reply, Server};
use nuncio_tests::adapters::{Adapter, Blocking, CurrentThread, Executor};
use nuncio_tests::{async_behaviour, behaviour};
use std::borrow::Cow;
use std::io::{self, Cursor, Seek};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

/// Gives a request something.
type Give<D> = fn(RequestBuilder<D>) -> RequestBuilder<D>;

/// What the server saw of a request to `/echo`.
#[track_caller]
fn echo<A: Adapter>(adapter: &A, request: RequestBuilder<A::Driver>) -> Echo {
    Echo::of(&adapter.send(request).unwrap())
}

/// The fields that belong to the body, in order.
fn body_fields(echo: &Echo) -> Vec<(&str, &str)> {
    let of_body = |name: &str| {
        ["content-", "transfer-"]
            .iter()
            .any(|start| name.to_ascii_lowercase().starts_with(start))
    };
    let fields = echo.fields.iter().filter(|(name, _)| of_body(name));
    fields
        .map(|(name, value)| (&name[..], &value[..]))
        .collect()
}

/// Pieces of a body, as the adapters take them.
fn pieces(texts: &'static [&'static str]) -> impl Iterator<Item = io::Result<Bytes>> + Send {
    texts
        .iter()
        .map(|text| Ok(Bytes::from_static(text.as_bytes())))
}

behaviour!(b08_what_is_held_goes_out_as_it_is_with_its_length_and_no_type);
fn b08_what_is_held_goes_out_as_it_is_with_its_length_and_no_type<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter.client();
    let text = String::from("héllo");
    let bodies = [
        Body::from("héllo"),
        Body::from(text.clone()),
        Body::from(&text),
        Body::text(&text[..]),
        Body::from(Cow::Borrowed("héllo")),
        Body::from(Cow::<str>::Owned(text.clone())),
        Body::from(b"h\xc3\xa9llo"),
        Body::from(&b"h\xc3\xa9llo"[..]),
        Body::from(text.clone().into_bytes()),
        Body::from(Cow::<[u8]>::Owned(text.clone().into_bytes())),
        Body::from(text.clone().into_bytes().into_boxed_slice()),
        Body::from(bytes::BytesMut::from(text.as_bytes())),
        Body::copied(text.as_bytes()),
    ];
    for body in bodies {
        assert_eq!(body.length(), Some(6));
        let echo = echo(adapter, client.patch(server.url("/echo")).body(body));
        assert_eq!(echo.body, text.as_bytes());
        assert_eq!(body_fields(&echo), [("Content-Length", "6")]);
    }
}

behaviour!(b08_nothing_is_no_body_however_it_is_said);
fn b08_nothing_is_no_body_however_it_is_said<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter.client();
    let url = server.url("/echo");
    let nothing = [
        Body::empty(),
        Body::from(""),
        Body::from(()),
        Body::from(Vec::new()),
    ];
    for body in nothing {
        let echo = echo(adapter, client.post(&url).body(body));
        // In front, as it is without a call of `body`.
        assert_eq!(echo.names()[..3], ["Host", "Content-Length", "Accept"]);
        assert_eq!(body_fields(&echo), [("Content-Length", "0")]);
    }
    let requests: [Give<A::Driver>; 4] = [
        |request| request.body(""),
        |request| request.form(()),
        |request| request.multipart(Form::new()),
        |request| request.multipart(Form::new()).form(()),
    ];
    for empty in requests {
        let got = echo(adapter, empty(client.get(&url)));
        assert_eq!(body_fields(&got), []);
        let posted = echo(adapter, empty(client.post(&url)));
        assert_eq!(body_fields(&posted), [("Content-Length", "0")]);
    }
}

behaviour!(b08_a_form_repeats_the_names_of_lists_and_writes_values_as_text);
fn b08_a_form_repeats_the_names_of_lists_and_writes_values_as_text<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter.client();
    let fields =
        QueryParams::from_lists([("a", vec!["1", "2"]), ("none", vec![]), ("b", vec![""])]);
    let sent = echo(adapter, client.post(server.url("/echo")).form(fields));
    assert_eq!(sent.body, b"a=1&a=2&b=");
    assert_eq!(
        body_fields(&sent),
        [
            ("Content-Length", "10"),
            ("Content-Type", "application/x-www-form-urlencoded")
        ]
    );
    let fields = QueryParams::new()
        .with_added("i", 1)
        .with_added("t", true)
        .with_added("n", None::<&str>)
        .with_added("f", 2.5)
        .with_added("s", "x y~é*&=");
    let sent = echo(adapter, client.post(server.url("/echo")).form(fields));
    let expected = "i=1&t=true&n=&f=2.5&s=x+y~%C3%A9%2A%26%3D";
    assert_eq!(String::from_utf8(sent.body).unwrap(), expected);
    // Names without values: there is a form, and nothing in it.
    let names = QueryParams::from_lists([("a", Vec::<&str>::new())]);
    let sent = echo(adapter, client.delete(server.url("/echo")).form(names));
    assert_eq!(
        body_fields(&sent),
        [
            ("Content-Length", "0"),
            ("Content-Type", "application/x-www-form-urlencoded")
        ]
    );
}

behaviour!(b08_json_has_no_nan_and_a_null_is_sent);
fn b08_json_has_no_nan_and_a_null_is_sent<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter.client();
    for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let request = client.post(server.url("/echo")).json(&[Some(number)]);
        let error = adapter.send(request).unwrap_err();
        assert_eq!(error.kind(), Kind::Builder);
        let text = error.to_string();
        assert!(
            text.contains(&format!("JSON has no number {number}")),
            "{text}"
        );
    }
    assert_eq!(server.connections(), 0);
    let sent = echo(adapter, client.post(server.url("/echo")).json(&()));
    assert_eq!(sent.body, b"null");
    let fields = [
        ("Content-Length", "4"),
        ("Content-Type", "application/json"),
    ];
    assert_eq!(body_fields(&sent), fields);
}

behaviour!(b08_two_kinds_of_body_are_refused_and_both_are_named);
fn b08_two_kinds_of_body_are_refused_and_both_are_named<A: Adapter>(adapter: &A) {
    let kinds: [(&str, Give<A::Driver>); 4] = [
        ("body", |request| request.body("b")),
        ("form", |request| request.form([("a", "1")])),
        ("json", |request| request.json(&1)),
        ("multipart", |request| {
            request.multipart(Form::new().text("m", "1"))
        }),
    ];
    let client = adapter.client();
    for (first, give_first) in kinds {
        for (second, give_second) in kinds {
            let request = give_second(give_first(client.post("http://h/")));
            let both = [first, second];
            if both == ["form", "multipart"] || both == ["multipart", "form"] {
                request.build().unwrap();
                continue;
            }
            let error = request.build().unwrap_err();
            assert_eq!(error.kind(), Kind::Builder);
            let named = format!("two bodies: one of {first}, one of {second}");
            assert!(error.to_string().contains(&named), "{error}");
        }
    }
    // Nor is a third one allowed beside the pair.
    let pair = || {
        client
            .post("http://h/")
            .form([("a", "1")])
            .multipart(Form::new())
    };
    assert!(pair().form([("b", "2")]).build().is_err());
    assert!(pair().multipart(Form::new()).build().is_err());
    assert!(pair().json(&1).build().is_err());
}

behaviour!(b08_fields_of_the_caller_s_win);
fn b08_fields_of_the_caller_s_win<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter
        .builder()
        .header("content-TYPE", "x/client")
        .build()
        .unwrap();
    let url = server.url("/echo");
    let sent = echo(
        adapter,
        client.post(&url).json(&1).header("content-length", "1"),
    );
    let fields = [("content-TYPE", "x/client"), ("content-length", "1")];
    assert_eq!(body_fields(&sent), fields);
    let sent = echo(
        adapter,
        client
            .post(&url)
            .form([("a", "b")])
            .header("CONTENT-TYPE", "x/own"),
    );
    let fields = [("CONTENT-TYPE", "x/own"), ("Content-Length", "3")];
    assert_eq!(body_fields(&sent), fields);
    // What says how a request goes over the wire is nobody's but the caller's.
    let request = client
        .post(&url)
        .body("x")
        .header("TE", "trailers")
        .header("Expect", "a-b");
    let sent = echo(adapter, request);
    assert_eq!(
        (sent.values("te"), sent.values("expect")),
        (vec!["trailers"], vec!["a-b"])
    );
    let sent = echo(
        adapter,
        client.post(&url).body(adapter.body(pieces(&["x"]), None)),
    );
    assert!(sent.values("te").is_empty() && sent.values("expect").is_empty());
}

behaviour!(b08_chunks_that_were_asked_for_come_without_a_length);
fn b08_chunks_that_were_asked_for_come_without_a_length<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter.client();
    let file = Scratch::with("f.txt", "from a file");
    let post = || {
        client
            .post(server.url("/echo"))
            .header("Transfer-Encoding", "chunked")
    };
    let requests = [
        post().body("text"),
        post().json(&1),
        post().form([("a", "1")]),
        post().multipart(Form::new().text("a", "1")),
        post().body(adapter.body(pieces(&["one", "two"]), Some(6))),
        post().body(adapter.body(pieces(&["one", "two"]), None)),
        post().body(adapter.file(file.path()).unwrap()),
        post(),
    ];
    for request in requests {
        let sent = echo(adapter, request);
        assert_eq!(sent.values("transfer-encoding"), ["chunked"]);
        assert!(sent.values("content-length").is_empty());
    }
    assert_eq!(server.connections(), 1);
}

behaviour!(b08_a_length_that_only_the_caller_knows_frames_the_body);
fn b08_a_length_that_only_the_caller_knows_frames_the_body<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter.client();
    let request = client
        .put(server.url("/echo"))
        .header("content-length", "6")
        .body(adapter.body(pieces(&["one", "two"]), None));
    let sent = echo(adapter, request);
    assert_eq!(sent.body, b"onetwo");
    assert_eq!(body_fields(&sent), [("content-length", "6")]);
}

behaviour!(i10_a_length_that_the_source_does_not_keep_aborts_the_request);
fn i10_a_length_that_the_source_does_not_keep_aborts_the_request<A: Adapter>(adapter: &A) {
    // Never over-sent, never made up: what was announced does not arrive, and the connection goes.
    for declared in [5_usize, 7] {
        for (own, announced) in [(true, None), (false, Some(declared as u64))] {
            let peer = Script::new()
                .connection([Step::ExpectHead, Step::ExpectBytes(declared)])
                .start();
            let client = adapter.client();
            let mut request = client.post(peer.url("/"));
            if own {
                request = request.header("Content-Length", declared.to_string());
            }
            let body = adapter.body(pieces(&["one", "two"]), announced);
            let error = adapter.send(request.body(body)).unwrap_err();
            assert_eq!(error.kind(), Kind::LocalProtocol, "{declared}: {error}");
            assert_eq!(client.pool().connections, 0);
            // The mistake may show before anything has left.
            let record = &peer.finish()[0];
            assert!(matches!(
                record.end,
                End::Failed(0 | 1, io::ErrorKind::UnexpectedEof)
            ));
            let text = String::from_utf8(record.received.clone()).unwrap();
            let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
            assert!(
                "onetwo".starts_with(body) && body.len() < declared,
                "{body:?}"
            );
        }
    }
    let client = adapter.client();
    let length_twice = client
        .post("http://127.0.0.1:9/")
        .header("Content-Length", "6")
        .header("Transfer-Encoding", "chunked")
        .body(adapter.body(pieces(&["onetwo"]), None))
        .build()
        .unwrap();
    let server = Server::http();
    let mut request = length_twice;
    request.set_url(nuncio::Url::parse(&server.url("/echo")).unwrap());
    let error = adapter.send_as_is(&client, request).unwrap_err();
    assert_eq!(error.kind(), Kind::LocalProtocol, "{error}");
    assert_eq!(server.requests(), 0);
}

behaviour!(i09_every_method_with_every_body_is_one_request);
fn i09_every_method_with_every_body_is_one_request<A: Adapter>(adapter: &A) {
    const METHODS: [&str; 9] = [
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND",
    ];
    const PART: &str = "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--B--\r\n";
    type Seen = (String, Vec<(String, String)>, Vec<u8>);
    let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
    let log = seen.clone();
    let server = Server::builder()
        .route("/m", move |request, body| {
            let framing = |name: &str| {
                name.eq_ignore_ascii_case("content-length")
                    || name.eq_ignore_ascii_case("transfer-encoding")
            };
            let fields = request.headers().filter(|(name, _)| framing(name));
            let fields = fields.map(|(name, value)| {
                (
                    name.to_ascii_lowercase(),
                    String::from_utf8_lossy(value).into_owned(),
                )
            });
            let method = request.method().to_owned();
            log.lock()
                .unwrap()
                .push((method, fields.collect(), body.to_vec()));
            Reply::new(204)
        })
        .start();
    let client = adapter.client();
    let file = Scratch::with("f", "from a file");
    for method in METHODS {
        let request = || client.request(method, server.url("/m"));
        let boundary = ("Content-Type", "multipart/form-data; boundary=B");
        let form = || Form::new().text("a", "1");
        let counted = |length: usize| Some(("content-length", length.to_string()));
        let chunked = || Some(("transfer-encoding", "chunked".to_owned()));
        let none = ["POST", "PUT", "PATCH"]
            .contains(&method)
            .then(|| counted(0).unwrap());
        let cases = [
            (request(), none.clone(), ""),
            (request().body(""), none, ""),
            (request().body("text"), counted(4), "text"),
            (request().form([("a", "1")]), counted(3), "a=1"),
            (request().json(&[1]), counted(3), "[1]"),
            (
                request().multipart(form()).header(boundary.0, boundary.1),
                counted(PART.len()),
                PART,
            ),
            (
                request().body(adapter.body(pieces(&["ab", "c"]), Some(3))),
                counted(3),
                "abc",
            ),
            (
                request().body(adapter.body(pieces(&["ab", "c"]), None)),
                chunked(),
                "abc",
            ),
            (
                request().body(adapter.body(pieces(&[]), None)),
                chunked(),
                "",
            ),
            (
                request().body(adapter.file(file.path()).unwrap()),
                counted(11),
                "from a file",
            ),
        ];
        for (request, framing, body) in cases {
            let response = adapter.send(request).unwrap();
            assert_eq!(response.status(), 204);
            let mut requests = std::mem::take(&mut *seen.lock().unwrap());
            let (arrived, fields, bytes) = requests.pop().unwrap();
            assert!(requests.is_empty(), "{method}: two requests");
            let framing = framing.map(|(name, value)| (name.to_owned(), value));
            assert_eq!(
                (arrived.as_str(), fields),
                (method, Vec::from_iter(framing))
            );
            assert_eq!(String::from_utf8(bytes).unwrap(), body);
        }
    }
    // Whatever was left over of one would have spoilt the next.
    assert_eq!((server.connections(), server.requests()), (1, 90));
}

behaviour!(b08_a_file_is_sent_with_its_length_and_again_where_that_is_asked);
fn b08_a_file_is_sent_with_its_length_and_again_where_that_is_asked<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter.builder().follow_redirects(true).build().unwrap();
    for length in [0, 1, 300_000] {
        let file = Scratch::with("a.bin", content::bytes(length));
        for path in [
            "/echo",
            "/redirect-to?status=307&url=/redirect-to?url=/echo%26status=308",
        ] {
            let body = adapter.file(file.path()).unwrap();
            assert_eq!(body.length(), Some(length as u64));
            let sent = echo(adapter, client.put(server.url(path)).body(body));
            assert_eq!(sent.line.method, "PUT");
            assert_eq!(
                body_fields(&sent),
                [("Content-Length", &length.to_string()[..])]
            );
            assert!(sent.body == content::bytes(length));
        }
    }
}

behaviour!(b08_a_file_that_cannot_be_opened_is_named);
fn b08_a_file_that_cannot_be_opened_is_named<A: Adapter>(adapter: &A) {
    let missing = Scratch::named("no such file");
    for (path, why) in [
        (missing.path(), io::ErrorKind::NotFound),
        (missing.folder(), io::ErrorKind::IsADirectory),
    ] {
        let errors = [adapter.file(path).err(), adapter.file_part(path).err()];
        for error in errors.map(Option::unwrap) {
            assert_eq!(error.kind(), Kind::RequestBody);
            let named = format!("the file '{}': ", path.display());
            assert!(error.to_string().starts_with(&named), "{error}");
            let source = std::error::Error::source(&error).unwrap();
            assert_eq!(source.downcast_ref::<io::Error>().unwrap().kind(), why);
        }
    }
}

behaviour!(m03_a_file_that_is_cut_or_grows_after_it_was_measured_aborts_the_request);
fn m03_a_file_that_is_cut_or_grows_after_it_was_measured_aborts_the_request<A: Adapter>(
    adapter: &A,
) {
    let server = Server::http();
    let client = adapter.client();
    for length in [9, 11] {
        let file = Scratch::with("f", "0123456789");
        let body = adapter.file(file.path()).unwrap();
        std::fs::write(file.path(), vec![b'x'; length]).unwrap();
        let error = adapter
            .send(client.put(server.url("/echo")).body(body))
            .unwrap_err();
        assert_eq!(error.kind(), Kind::LocalProtocol, "{error}");
        assert_eq!(client.pool().connections, 0);
    }
}

behaviour!(b08_what_comes_once_is_not_sent_twice);
fn b08_what_comes_once_is_not_sent_twice<A: Adapter>(adapter: &A) {
    // SECURITY R10, M3.
    let server = Server::builder()
        .route("/moved", |_, _| Reply::new(307).header("Location", "/echo"))
        .start();
    let client = adapter.builder().follow_redirects(true).build().unwrap();
    let url = server.url("/moved");
    let body = adapter.body(pieces(&["once"]), None);
    let error = adapter.send(client.post(&url).body(body)).unwrap_err();
    assert_eq!(error.kind(), Kind::StreamConsumed, "{error}");
    // A factory makes it again: bytes, or what this adapter reads.
    let made = Body::factory(|| Ok(Body::from("made")), None);
    assert_eq!(echo(adapter, client.post(&url).body(made)).body, b"made");
    // After 303 there is nothing to send again.
    let url = server.url("/redirect-to?status=303&url=/echo");
    let body = adapter.body(pieces(&["once"]), None);
    let sent = echo(adapter, client.post(&url).body(body));
    assert_eq!(sent.line.method, "GET");
    assert_eq!((sent.body, sent.fields.len()), (Vec::new(), 5));
}

#[test]
fn b08_a_reader_is_sent_from_where_it_stands() {
    let adapter = Blocking::start();
    let server = Server::http();
    let client = adapter.builder().follow_redirects(true).build().unwrap();
    let url = server.url("/redirect-to?status=308&url=/echo");
    let mut reader = Cursor::new("skipped, sent");
    reader.set_position(9);
    let sent = echo(
        &adapter,
        client.put(&url).body(Body::seekable(reader, Some(4))),
    );
    assert_eq!(sent.body, b"sent");
    let file = Scratch::with("f", "skipped, sent");
    let mut open = std::fs::File::open(file.path()).unwrap();
    open.seek(io::SeekFrom::Start(9)).unwrap();
    let body = nuncio::blocking::opened_file(open).unwrap();
    assert_eq!(body.length(), Some(4));
    assert_eq!(echo(&adapter, client.put(&url).body(body)).body, b"sent");
    let folder = std::fs::File::open(file.folder()).unwrap();
    let error = nuncio::blocking::opened_file(folder).unwrap_err();
    assert_eq!(error.kind(), Kind::RequestBody);
}

#[cfg(unix)]
behaviour!(b08_a_device_has_no_length);
#[cfg(unix)]
fn b08_a_device_has_no_length<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let body = adapter.file("/dev/null".as_ref()).unwrap();
    assert_eq!(body.length(), None);
    let sent = echo(
        adapter,
        adapter.client().put(server.url("/echo")).body(body),
    );
    assert_eq!(body_fields(&sent), [("Transfer-Encoding", "chunked")]);
    assert!(sent.body.is_empty());
}

#[test]
fn b08_an_iterator_is_a_body_of_its_pieces() {
    let adapter = Blocking::start();
    let server = Server::http();
    let client = adapter.client();
    let put = || client.put(server.url("/echo"));
    let sent = echo(&adapter, put().body(Body::pieces(["one", "", "two"])));
    assert_eq!(sent.body, b"onetwo");
    assert_eq!(body_fields(&sent), [("Transfer-Encoding", "chunked")]);
    let lines = vec![vec![b'a'; 3], vec![b'b'; 200_000]];
    let body = Body::try_pieces(lines.into_iter().map(Ok::<_, io::Error>), Some(200_003));
    let sent = echo(&adapter, put().body(body));
    assert_eq!(sent.values("content-length"), ["200003"]);
    assert_eq!(sent.body.len(), 200_003);
    let failing = Body::try_pieces([Ok("a"), Err("the well is dry")], None);
    let error = adapter.send(put().body(failing)).unwrap_err();
    assert_eq!(error.kind(), Kind::RequestBody);
    assert!(error.to_string().contains("the well is dry"), "{error}");
    // Asked for a new one each time, it goes again.
    let client = adapter.builder().follow_redirects(true).build().unwrap();
    let again = Body::factory(|| Ok(Body::pieces(["again"])), Some(5));
    let url = server.url("/redirect-to?status=307&url=/echo");
    assert_eq!(echo(&adapter, client.put(url).body(again)).body, b"again");
}

#[test]
fn b08_an_iterator_is_nothing_for_an_async_client() {
    let adapter = CurrentThread::start();
    let request = adapter.client().put("http://127.0.0.1:9/");
    let error = adapter.send(request.body(Body::pieces(["a"]))).unwrap_err();
    assert_eq!(error.kind(), Kind::Usage, "{error}");
    let server = Server::http();
    let request = adapter.client().put(server.url("/echo"));
    let made = Body::factory(|| Ok(Body::pieces(["a"])), None);
    let error = adapter.send(request.body(made)).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("a blocking body was given to an async client"),
        "{error}"
    );
}

/// Gives its text three bytes at a time, and makes its task wait before each.
struct Slow {
    text: &'static [u8],
    ready: bool,
}

impl Slow {
    fn next(&mut self, cx: &mut Context<'_>, room: usize) -> Poll<&'static [u8]> {
        self.ready = !self.ready;
        if !self.ready {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let (piece, rest) = self.text.split_at(self.text.len().min(3).min(room));
        self.text = rest;
        Poll::Ready(piece)
    }
}

impl tokio::io::AsyncRead for Slow {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut tokio::io::ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let room = buf.remaining();
        self.next(cx, room).map(|piece| {
            buf.put_slice(piece);
            Ok(())
        })
    }
}

impl futures_io::AsyncRead for Slow {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let room = buf.len();
        self.next(cx, room).map(|piece| {
            buf[..piece.len()].copy_from_slice(piece);
            Ok(piece.len())
        })
    }
}

impl futures_core::Stream for Slow {
    type Item = Result<&'static str, std::fmt::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.next(cx, 3).map(|piece| match piece {
            b"" => None,
            b"!!!" => Some(Err(std::fmt::Error)),
            piece => Some(Ok(std::str::from_utf8(piece).unwrap())),
        })
    }
}

async_behaviour!(b08_async_readers_and_streams_of_anything_are_bodies);

fn b08_async_readers_and_streams_of_anything_are_bodies(adapter: &impl Executor) {
    let server = Server::http();
    let client = adapter.client();
    let slow = |text: &'static str| Slow {
        text: text.as_bytes(),
        ready: true,
    };
    for length in [None, Some(13)] {
        let bodies = [
            nuncio::tokio::from_tokio_read(slow("three by three"), length.map(|it| it + 1)),
            nuncio::from_async_read(slow("three in three"), length.map(|it| it + 1)),
            nuncio::from_stream(slow("three as three"), length.map(|it| it + 1)),
        ];
        for (body, word) in bodies.into_iter().zip(["by", "in", "as"]) {
            let sent = echo(adapter, client.put(server.url("/echo")).body(body));
            assert_eq!(sent.body, format!("three {word} three").as_bytes());
            assert_eq!(sent.values("content-length").is_empty(), length.is_none());
        }
    }
    let failing = nuncio::from_stream(slow("abc!!!"), None);
    let error = adapter
        .send(client.put(server.url("/echo")).body(failing))
        .unwrap_err();
    assert_eq!(error.kind(), Kind::RequestBody, "{error}");
}

#[test]
fn b08_a_file_outside_of_the_runtime_is_a_usage_error() {
    let mut cx = Context::from_waker(std::task::Waker::noop());
    let mut opening = std::pin::pin!(nuncio::tokio::file("/dev/null"));
    let Poll::Ready(Err(error)) = opening.as_mut().poll(&mut cx) else {
        panic!("no error");
    };
    assert_eq!(error.kind(), Kind::Usage, "{error}");
}

behaviour!(b08_a_held_body_can_be_compressed);
fn b08_a_held_body_can_be_compressed<A: Adapter>(adapter: &A) {
    use nuncio::Coding;
    let server = Server::http();
    let client = adapter.client();
    let url = server.url("/echo");
    let text = "the same again and again, ".repeat(400);
    for coding in Coding::ALL {
        let sent = echo(adapter, client.post(&url).compress(*coding).json(&text));
        assert_eq!(
            body_fields(&sent),
            [
                ("Content-Encoding", coding.name()),
                ("Content-Length", &sent.body.len().to_string()[..]),
                ("Content-Type", "application/json")
            ]
        );
        assert!(sent.body.len() < 500);
        let again = server_side(coding.name(), sent.body.clone());
        let response = adapter.send(client.get(again.url("/x"))).unwrap();
        assert_eq!(response.text(), format!("{text:?}"));
    }
    // Nothing is not made into something.
    let sent = echo(adapter, client.post(&url).compress(Coding::Gzip));
    assert_eq!(body_fields(&sent), [("Content-Length", "0")]);
    let refused = [
        client
            .post(&url)
            .body(adapter.body(pieces(&["x"]), None))
            .compress(Coding::Gzip),
        client
            .post(&url)
            .header("content-encoding", "br")
            .body("x")
            .compress(Coding::Gzip),
    ];
    for request in refused {
        let error = adapter.send(request).unwrap_err();
        assert_eq!(error.kind(), Kind::Builder, "{error}");
    }
}

/// A server that answers with these bytes, in this coding.
fn server_side(coding: &'static str, bytes: Vec<u8>) -> Server {
    let reply = move |_: &nuncio_testkit::server::Request<'_>, _: &[u8]| {
        Reply::new(200)
            .header("Content-Encoding", coding)
            .body(bytes.clone())
    };
    Server::builder().route("/x", reply).start()
}
