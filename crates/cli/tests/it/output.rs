//! What stands on standard output.

use crate::{command, on_all};
use nuncio_testkit::content;
use nuncio_testkit::frames::{END_STREAM, FramePeer, HEADERS, block, data, headers};
use nuncio_testkit::latch::Latch;
use nuncio_testkit::script::{Script, Step};
use nuncio_testkit::server::{Reply, Server};
use std::io::{BufRead, BufReader};
use std::process::Stdio;

/// A server that answers `/` with this body.
fn answering(content_type: &str, body: impl Into<Vec<u8>>) -> Server {
    let reply = Reply::new(200)
        .header("Content-Type", content_type)
        .body(body);
    Server::builder()
        .route("/", move |_, _| reply.clone())
        .start()
}

/// What is shown behind the head for such a body.
fn shown(content_type: &str, body: impl Into<Vec<u8>>) -> String {
    let server = answering(content_type, body);
    let mut bodies = Vec::new();
    let cell = std::cell::RefCell::new(&mut bodies);
    on_all(&[&server.url("/")], |run| {
        assert_eq!((run.status, run.err.as_str()), (0, ""));
        let (_, body) = run.out().split_once("\n\n").expect("a head");
        cell.borrow_mut().push(body.to_owned());
    });
    assert_eq!(bodies[0], bodies[1], "the same on both runtimes");
    bodies.swap_remove(0)
}

#[test]
fn status_line_fields_and_the_body_behind_an_empty_line() {
    let server = answering("application/json", "{\"a\":[1,\"é\"]}");
    let expected = "HTTP/1.1 200 OK\nContent-Type: application/json\ncontent-length: 14\n\n\
                    {\n    \"a\": [\n        1,\n        \"\\u00e9\"\n    ]\n}\n";
    on_all(&[&server.url("/")], |run| assert_eq!(run.out(), expected));
}

#[test]
fn bodies_are_shown_by_their_type() {
    assert_eq!(shown("text/plain", "two\nlines"), "two\nlines\n");
    assert_eq!(shown("text/plain", "two\r\nlines\r\n"), "two\nlines\n");
    assert_eq!(shown("text/html; charset=utf-8", "<é>\n"), "<é>\n");
    assert_eq!(shown("text/plain", b"\xff!".as_slice()), "\u{fffd}!\n");
    assert_eq!(
        shown("text/plain; charset=iso-8859-1", b"caf\xe9".as_slice()),
        "café\n"
    );
    assert_eq!(
        shown("text/plain; charset=utf-16le", b"a\0\xe9\0".as_slice()),
        "aé\n"
    );
    assert_eq!(shown("application/json", "{not json}"), "{not json}\n");
    assert_eq!(shown("image/png", [0, 1, 2]), "<3 bytes of binary data>\n");
    assert_eq!(shown("nonsense", "abc"), "<3 bytes of binary data>\n");
    for empty in ["text/plain", "application/json", "image/png"] {
        assert_eq!(shown(empty, ""), "");
    }
}

#[test]
fn long_lines_are_not_wrapped_and_long_json_is_text() {
    let line = String::from_utf8(content::bytes(100_000)).unwrap();
    assert_eq!(shown("text/plain", line.clone()), line + "\n");
    let long = format!("[\"{}\"]", "a".repeat(9 * 1024 * 1024));
    assert!(shown("application/json", long.clone()) == long + "\n");
    let deep = "[".repeat(1000) + &"]".repeat(1000);
    assert_eq!(shown("application/json", deep.clone()), deep + "\n");
}

#[test]
fn l2_control_characters_and_marks_of_direction_are_escaped() {
    assert_eq!(
        shown("text/plain", "a\x1b[31m\tb\x07\u{9b}2J\x7f\u{202e}\r\0c"),
        "a\\x1b[31m\tb\\x07\\x9b2J\\x7f\\u{202e}\\x0d\\x00c\n"
    );
    let answer =
        b"HTTP/1.1 200 O\x9bK\xe2\x80\xae\r\nX-Mark: \xe2\x81\xa6a\r\nX-Latin: caf\xe9\x9b\r\n\
                   Content-Length: 0\r\n\r\n";
    let peer = Script::new()
        .connection([Step::ExpectHead, Step::send(answer), Step::ExpectEof])
        .repeat_last()
        .start();
    on_all(&[&peer.url("/")], |run| {
        assert!(
            !run.out().contains(|c: char| c.is_control() && c != '\n'),
            "{:?}",
            run.out()
        );
        assert!(
            !run.out().contains(['\u{202e}', '\u{2066}']),
            "{:?}",
            run.out()
        );
        assert!(
            run.out()
                .contains("X-Mark: \\u{2066}a\nX-Latin: café\\x9b\n"),
            "{}",
            run.out()
        );
    });
}

#[test]
fn text_is_shown_as_it_comes() {
    let gate = Latch::new();
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 10\r\n\r\n";
    let peer = Script::new()
        .connection([
            Step::ExpectHead,
            Step::send(format!("{head}one\n")),
            Step::Wait(gate.clone()),
            Step::send("three\n"),
            Step::ExpectEof,
        ])
        .start();
    let mut child = command([peer.url("/")])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    assert!(lines.any(|line| line == "one"));
    gate.open();
    assert_eq!(lines.next().as_deref(), Some("three"));
    assert!(child.wait().unwrap().success());
}

#[test]
fn text_does_not_depend_on_how_it_comes() {
    let text = "caf\u{e9} \u{1F600}\r\nx\ry";
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length";
    let peer = Script::new()
        .connection([
            Step::ExpectHead,
            Step::send(format!("{head}: {}\r\n\r\n", text.len())),
            Step::SendByteByByte(text.as_bytes().to_vec()),
            Step::ExpectEof,
        ])
        .repeat_last()
        .start();
    on_all(&[&peer.url("/")], |run| {
        assert!(
            run.out().ends_with("\n\ncafé \u{1F600}\nx\\x0dy\n"),
            "{}",
            run.out()
        );
    });
}

#[test]
fn verbose_shows_connection_request_and_interim_heads() {
    let server = Server::http();
    on_all(&["-v", &server.url("/hints")], |run| {
        let (ip, port) = (server.addr().ip(), server.addr().port());
        let begin = format!(
            "* Connecting to '{ip}'\n* Connected to '{ip}' on port {port}\n\
             GET /hints HTTP/1.1\nHost: {ip}:{port}\nAccept: */*\n"
        );
        assert!(run.out().starts_with(&begin), "{}", run.out());
        let heads = "\n\nHTTP/1.1 103 Early Hints\nlink: </a.css>\n\nHTTP/1.1 200 OK\n";
        assert!(run.out().contains(heads), "{}", run.out());
        assert_eq!(run.out().matches("HTTP/1.1 200 OK").count(), 1);
    });
}

#[test]
fn each_hop_is_shown_in_its_turn() {
    let server = Server::http();
    let url = server.url("/redirect/2");
    let hop =
        |next| format!("HTTP/1.1 302 Found\nlocation: /redirect/{next}\ncontent-length: 0\n\n");
    on_all(&["--follow-redirects", &url], |run| {
        assert_eq!((run.status, run.err.as_str()), (0, ""));
        let begin = hop(1) + &hop(0) + "HTTP/1.1 200 OK\n";
        assert!(run.out().starts_with(&begin), "{}", run.out());
        assert!(run.out().ends_with("\n}\n"), "{}", run.out());
    });
    on_all(&["-v", "--follow-redirects", &url], |run| {
        let places = [
            "GET /redirect/2 ",
            &hop(1),
            "GET /redirect/1 ",
            &hop(0),
            "GET /redirect/0 ",
        ];
        let at = places.map(|place| run.out().find(place));
        assert!(at[0].is_some() && at.is_sorted(), "{at:?}: {}", run.out());
    });
    on_all(&[&url], |run| {
        assert_eq!((run.status, run.out()), (1, &*hop(1)))
    });
    on_all(
        &["--follow-redirects", &server.url("/redirect/21")],
        |run| {
            assert_eq!(run.status, 1);
            assert_eq!(run.out().matches("HTTP/1.1 302 Found\n").count(), 21);
            assert!(run.error().starts_with("TooManyRedirects: "), "{}", run.err);
        },
    );
}

#[test]
fn coded_bodies_are_shown_decoded() {
    let server = crate::deflating();
    on_all(&[&server.url("/hello")], |run| {
        assert_eq!((run.status, run.err.as_str()), (0, ""));
        assert!(
            run.out().contains("\nContent-Encoding: deflate\n"),
            "{}",
            run.out()
        );
        assert!(run.out().ends_with("\n\nhello, hello\n"), "{}", run.out());
    });
}

#[test]
fn verbose_names_the_host_and_the_handshake() {
    let authority = nuncio_testkit::certs::Authority::new();
    let server = Server::https(&authority.leaf());
    on_all(&["-v", "--no-verify", &server.url("/json")], |run| {
        assert!(
            run.out().starts_with("* Connecting to 'localhost'\n"),
            "{}",
            run.out()
        );
        assert!(
            run.out()
                .contains("\n* TLS established using 'TLS 1.3' / 'TLS13_"),
            "{}",
            run.out()
        );
    });
}

#[test]
fn http2_is_offered_where_asked_and_shown_as_it_is() {
    let authority = nuncio_testkit::certs::Authority::new();
    let config = authority.leaf().server_config(&["h2"]);
    let peer = FramePeer::start_tls(config, |wire, _| {
        wire.greet(&[])?;
        let stream = wire.until(HEADERS)?.stream;
        let head = [(":status", "404"), ("content-type", "text/plain")];
        wire.send(&headers(stream, 0, &block(&head)))?;
        wire.send(&data(stream, END_STREAM, b"not here"))?;
        wire.linger()
    });
    let url = format!("https://localhost:{}/a?b", peer.addr().port());
    let args = ["-v", "--http2", "--no-verify", "-h", "X-One", "1", &url];
    on_all(&args, |run| {
        assert_eq!((run.status, run.err.as_str()), (1, ""));
        assert!(
            run.out()
                .contains("\n* TLS established using 'TLS 1.3' / 'TLS13_")
        );
        let begin = "'\n* Selected ALPN protocol: 'h2'\nGET /a?b HTTP/2\nhost: ";
        assert!(run.out().contains(begin), "{}", run.out());
        assert!(run.out().contains("\nx-one: 1\n"), "{}", run.out());
        let end = "\nHTTP/2 404 Not Found\ncontent-type: text/plain\n\nnot here\n";
        assert!(run.out().ends_with(end), "{}", run.out());
    });
    // Unasked it is not offered, and this server speaks nothing else.
    on_all(&["--no-verify", &url], |run| assert_eq!(run.status, 1));
}

#[test]
fn l4_verbose_hides_credentials() {
    let reply = Reply::new(302)
        .header("Set-Cookie", "id=s3cret; Path=/")
        .header("Location", "http://u:s3cret@127.0.0.1/");
    let server = Server::builder()
        .route("/", move |_, _| reply.clone())
        .start();
    let url = format!("http://user:s3cret@{}/", server.addr());
    let args = [
        "-v",
        "-h",
        "Authorization",
        "Bearer s3cret",
        "-h",
        "Cookie",
        "a=s3cret",
        &url,
    ];
    on_all(&args, |run| {
        assert!(
            !run.out().contains("s3cret") && !run.err.contains("s3cret"),
            "{}",
            run.out()
        );
        assert!(
            run.out().contains("Authorization: Basic [hidden]\n"),
            "{}",
            run.out()
        );
        assert!(
            run.out().contains("Set-Cookie: id=[hidden]; Path=/\n"),
            "{}",
            run.out()
        );
    });
}

#[test]
fn a_body_that_is_cut_short_is_shown_and_told() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\nhalf";
    let steps = [Step::ExpectHead, Step::send(head), Step::Close];
    let peer = Script::new().connection(steps).repeat_last().start();
    on_all(&[&peer.url("/")], |run| {
        assert_eq!(run.status, 1);
        assert!(run.out().ends_with("\n\nhalf\n"), "{}", run.out());
        assert!(
            run.error().starts_with("RemoteProtocolError: "),
            "{}",
            run.err
        );
    });
}
