//! The exit status, and the line on standard error that goes with it.

use crate::{command, nuncio, on_all};
use nuncio_testkit::script::{Script, Step};
use nuncio_testkit::server::Server;
use std::process::Stdio;

#[test]
fn zero_only_for_a_success() {
    let server = Server::http();
    for (path, status) in [
        ("/json", 0),
        ("/status/201", 0),
        ("/status/204", 0),
        ("/redirect/1", 1),
        ("/status/304", 1),
        ("/status/404", 1),
        ("/status/503", 1),
    ] {
        on_all(&[&server.url(path)], |run| {
            assert_eq!((run.status, run.err.as_str()), (status, ""), "{path}");
        });
    }
}

#[test]
fn two_for_what_was_not_understood() {
    for args in [
        &[][..],
        &["-x", "http://127.0.0.1:1/"],
        &["-http://127.0.0.1:1/"],
        &["GET", "http://127.0.0.1:1/", "more"],
        &["-m", "GET", "GET", "http://127.0.0.1:1/"],
        &["-j", "{", "http://127.0.0.1:1/"],
        &["-j", "1", "-c", "1", "http://127.0.0.1:1/"],
        &["--timeout=-1", "http://127.0.0.1:1/"],
        &["--timeout", "soon", "http://127.0.0.1:1/"],
        &["--runtime", "smol", "http://127.0.0.1:1/"],
        &["-j", "1", "-f", "a", "b", "http://127.0.0.1:1/"],
        &["-d", "a", "1", "-c", "1", "http://127.0.0.1:1/"],
        &["--auth", "only-a-user"],
        &[
            "--proxy",
            "http://127.0.0.1:1/",
            "--no-proxy",
            "http://127.0.0.1:1/",
        ],
        &["-h", "only-a-name"],
    ] {
        let run = nuncio(args);
        assert_eq!((run.status, run.out()), (2, ""), "{args:?}");
        assert!(run.err.starts_with("error: "), "{args:?}: {}", run.err);
    }
}

#[test]
fn help_and_version_are_no_mistakes() {
    let help = nuncio(["--help"]);
    assert_eq!((help.status, help.err.as_str()), (0, ""));
    for option in [
        "-h, --headers <NAME> <VALUE>",
        "--download <FILE>",
        "--runtime",
        "[METHOD] URL",
        "-f, --files <NAME> <FILE>",
        "--cookies <NAME> <VALUE>",
        "--auth <USER> <PASSWORD>",
        "--follow-redirects",
        "--proxy <URL>",
        "--no-proxy",
        "--http2",
    ] {
        assert!(help.out().contains(option), "{option}");
    }
    let version = nuncio(["--version"]);
    assert_eq!(
        version.out(),
        format!("nuncio {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn errors_are_one_line_with_a_name() {
    let closed = Script::new()
        .connection([Step::ExpectHead, Step::Close])
        .repeat_last()
        .start();
    for (url, begins) in [
        (
            "http://127.0.0.1:1/",
            "ConnectError: GET http://127.0.0.1:1/: ",
        ),
        (
            "http://user:secret@127.0.0.1:1/",
            "ConnectError: GET http://127.0.0.1:1/: ",
        ),
        ("example.com", "UnsupportedProtocol: "),
        ("ftp://example.com/", "UnsupportedProtocol: "),
        ("http://", "InvalidURL: "),
        ("http://[::1/", "InvalidURL: "),
        (
            &closed.url("/"),
            "RemoteProtocolError: GET http://127.0.0.1:",
        ),
    ] {
        on_all(&[url], |run| {
            assert_eq!((run.status, run.out()), (1, ""), "{url}");
            assert!(run.error().starts_with(begins), "{url}: {}", run.err);
            assert!(!run.err.contains("secret"), "{}", run.err);
        });
    }
    let dash = nuncio(["--", "-http://127.0.0.1:1/"]);
    assert_eq!(dash.status, 1);
    let header = nuncio(["-h", "a b", "c", "http://127.0.0.1:1/"]);
    assert_eq!(header.status, 1);
    assert!(
        header.error().starts_with("LocalProtocolError: "),
        "{}",
        header.err
    );
}

#[test]
fn l2_what_a_server_sends_does_not_reach_the_terminal_in_an_error() {
    let answer = b"HTTP/1.1 2\x1b[2J\xe2\x80\xae\r\n\r\n";
    let peer = Script::new()
        .connection([Step::ExpectHead, Step::send(answer), Step::ExpectEof])
        .repeat_last()
        .start();
    on_all(&[&peer.url("/")], |run| {
        assert_eq!(run.status, 1);
        let line = run.error();
        assert!(line.starts_with("RemoteProtocolError: "), "{line}");
        assert!(!line.contains(['\x1b', '\u{202e}']), "{line:?}");
    });
}

#[test]
fn nobody_to_read_the_output_is_no_panic() {
    let server = Server::http();
    // The reader is gone before anything could be written.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = command([server.url("/json")])
        .stdout(writer)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(1), vec![]));
}
