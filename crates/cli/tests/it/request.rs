//! What each option makes of the request.

use crate::{RUNTIMES, command, on_all};
use nuncio_testkit::certs::{Authority, Fault};
use nuncio_testkit::script::{Script, Step};
use nuncio_testkit::server::Server;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

const EMPTY: &str = "HTTP/1.1 204 No Content\r\n\r\n";

/// What the server receives when the command is given these arguments and a URL with this path.
fn received(path: &str, args: &[&str]) -> String {
    let connection = || [Step::ExpectHead, Step::send(EMPTY), Step::ExpectEof];
    let peer = Script::new()
        .connection(connection())
        .connection(connection())
        .start();
    let url = peer.url(path);
    let args: Vec<&str> = args.iter().copied().chain([url.as_str()]).collect();
    on_all(&args, |run| {
        assert_eq!((run.status, run.err.as_str()), (0, ""))
    });
    let host = peer.addr().to_string();
    let mut records = peer.finish().into_iter().map(|record| record.received);
    let (first, second) = (records.next().unwrap(), records.next().unwrap());
    assert_eq!(first, second, "both runtimes send the same");
    String::from_utf8(first).unwrap().replace(&host, "HOST")
}

#[test]
fn a_plain_get_sends_the_defaults() {
    let version = env!("CARGO_PKG_VERSION");
    let expected = format!(
        "GET /a?b=c HTTP/1.1\r\nHost: HOST\r\nAccept: */*\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n\
         Connection: keep-alive\r\nUser-Agent: nuncio/{version}\r\n\r\n"
    );
    assert_eq!(received("/a?b=c", &[]), expected);
}

#[test]
fn the_method_is_named_or_follows_from_the_body() {
    let line = |args: &[&str]| received("/", args).lines().next().unwrap().to_owned();
    assert_eq!(line(&["-m", "OPTIONS"]), "OPTIONS / HTTP/1.1");
    assert_eq!(line(&["--method", "patch"]), "PATCH / HTTP/1.1");
    assert_eq!(line(&["DELETE"]), "DELETE / HTTP/1.1");
    assert_eq!(line(&["-j", "{}"]), "POST / HTTP/1.1");
    assert_eq!(line(&["-c", ""]), "POST / HTTP/1.1");
    assert_eq!(line(&["-d", "a", "b", "PUT"]), "PUT / HTTP/1.1");
}

#[test]
fn parameters_stand_behind_the_urls_own() {
    let request = received("/p?own=1", &["-p", "a b", "&", "--params", "a b", "é"]);
    assert!(
        request.starts_with("GET /p?own=1&a+b=%26&a+b=%C3%A9 HTTP/1.1\r\n"),
        "{request}"
    );
    assert!(received("/p?own=a%20b&", &[]).starts_with("GET /p?own=a%20b& HTTP/1.1\r\n"));
}

#[test]
fn headers_are_sent_as_given_and_repeated_ones_too() {
    let request = received(
        "/",
        &[
            "-h",
            "X-Two",
            "-1",
            "--headers",
            "X-Two",
            "2",
            "-h",
            "accept",
            "a/b",
        ],
    );
    assert!(
        request.contains("\r\nX-Two: -1\r\nX-Two: 2\r\n"),
        "{request}"
    );
    assert!(
        request.contains("\r\naccept: a/b\r\n") && !request.contains("*/*"),
        "{request}"
    );
}

#[test]
fn bodies_say_what_they_are() {
    let text = received("/", &["--content", "-text"]);
    assert!(
        text.contains("\r\nContent-Length: 5\r\n") && text.ends_with("\r\n\r\n-text"),
        "{text}"
    );
    assert!(!text.contains("Content-Type"), "{text}");

    let form = received("/", &["-d", "a", "1 2", "--data", "a", "&"]);
    assert!(
        form.contains("\r\nContent-Type: application/x-www-form-urlencoded\r\n"),
        "{form}"
    );
    assert!(form.ends_with("\r\n\r\na=1+2&a=%26"), "{form}");

    let json = received("/", &["-j", "{ \"b\": 1.0, \"a\": [ \"é\" ] }"]);
    assert!(
        json.contains("\r\nContent-Type: application/json\r\n"),
        "{json}"
    );
    assert!(
        json.ends_with("\r\n\r\n{\"b\":1.0,\"a\":[\"é\"]}"),
        "{json}"
    );

    let own = received("/", &["--json", "1", "-h", "content-type", "a/b+json"]);
    assert!(own.contains("\r\ncontent-type: a/b+json\r\n"), "{own}");
    assert!(!own.contains("application/json"), "{own}");
}

#[test]
fn files_are_sent_behind_the_fields() {
    let server = Server::http();
    let path =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("sales-{}.csv", std::process::id()));
    std::fs::write(&path, "a,b\n1,2\n").unwrap();
    let (file, name) = (path.to_str().unwrap(), path.file_name().unwrap());
    let name = name.to_str().unwrap();
    let url = server.url("/echo");
    let args = [
        "-f",
        "table",
        file,
        "-d",
        "title",
        "é",
        "--files",
        "again",
        file,
        "--download",
        "-",
        &url,
    ];
    on_all(&args, |run| {
        assert_eq!(run.status, 0, "{}", run.err);
        let (head, body) = run.out().split_once("\n\n").unwrap();
        assert!(head.contains("\"method\":\"POST\""), "{head}");
        assert!(head.contains("\"multipart/form-data; boundary="), "{head}");
        let part = |field| {
            format!(
                "Content-Disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\n\
                 Content-Type: text/csv\r\n\r\na,b\n1,2\n\r\n"
            )
        };
        let title = "Content-Disposition: form-data; name=\"title\"\r\n\r\né\r\n";
        let at = [title, &part("table"), &part("again")].map(|part| body.find(part));
        assert!(at[0].is_some() && at.is_sorted(), "{at:?}: {body}");
    });
    std::fs::remove_file(&path).unwrap();
    let requests = server.requests();
    on_all(&["-f", "table", file, &url], |run| {
        assert_eq!((run.status, run.out()), (1, ""));
        assert!(run.error().contains(file), "{}", run.err);
    });
    assert_eq!(
        server.requests(),
        requests,
        "nothing is sent without the file"
    );
}

#[test]
fn cookies_and_credentials_are_fields() {
    let cookies = received("/", &["--cookies", "a", "1", "--cookies", "b", "-2"]);
    assert!(cookies.contains("\r\nCookie: a=1; b=-2\r\n"), "{cookies}");
    let auth = received("/", &["--auth", "Aladdin", "open sesame"]);
    assert!(auth.contains(BASIC), "{auth}");
}

const BASIC: &str = "\r\nAuthorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n";

#[test]
fn a_password_can_come_from_standard_input() {
    for runtime in RUNTIMES {
        for (line, sent) in [
            ("open sesame\nmore\n", true),
            ("open sesame", true),
            ("", false),
        ] {
            let steps = [Step::ExpectHead, Step::send(EMPTY), Step::ExpectEof];
            let peer = Script::new().connection(steps).start();
            let args = [
                "--runtime",
                runtime,
                "--auth",
                "Aladdin",
                "-",
                &peer.url("/"),
            ];
            let mut child = command(args)
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            child
                .stdin
                .take()
                .unwrap()
                .write_all(line.as_bytes())
                .unwrap();
            let output = child.wait_with_output().unwrap();
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.success(), sent, "{said}");
            if sent {
                let record = peer.finish().swap_remove(0);
                let request = String::from_utf8(record.received).unwrap();
                assert!(request.contains(BASIC), "{request}");
            } else {
                assert!(said.starts_with("InputError: "), "{said}");
            }
        }
    }
}

#[test]
fn credentials_do_not_follow_to_another_origin() {
    let (first, second) = (Server::http(), Server::http());
    let url = first.url(&format!("/redirect-to?url={}", second.url("/echo")));
    let args = [
        "--auth",
        "user",
        "s3cret",
        "--cookies",
        "a",
        "s3cret",
        "-h",
        "X-Key",
        "s3cret",
        "--follow-redirects",
        "--download",
        "-",
        &url,
    ];
    on_all(&args, |run| {
        assert_eq!(run.status, 0, "{}", run.err);
        assert!(run.out().contains("\"target\":\"/echo\""), "{}", run.out());
        for field in ["uthorization", "ookie", "X-Key", "s3cret", "dXNlcj"] {
            assert!(!run.out().contains(field), "{}", run.out());
        }
    });
    assert_eq!((first.requests(), second.requests()), (2, 2));
}

#[test]
fn the_timeout_is_kept() {
    let server = Server::http();
    on_all(&["--timeout", "0.1", &server.url("/stall")], |run| {
        assert_eq!((run.status, run.out()), (1, ""));
        assert!(
            run.error().starts_with("ReadTimeout: GET http://"),
            "{}",
            run.err
        );
    });
}

#[test]
fn certificates_are_verified_unless_told_otherwise() {
    let authority = Authority::new();
    for fault in Fault::ALL {
        let server = Server::https(&authority.faulty_leaf(fault));
        on_all(&[&server.url("/json")], |run| {
            assert_eq!((run.status, run.out()), (1, ""));
            assert!(
                run.error()
                    .starts_with("ConnectError: GET https://localhost:"),
                "{}",
                run.err
            );
            assert!(run.err.contains("certificate"), "{fault:?}: {}", run.err);
        });
        on_all(&["--no-verify", &server.url("/json")], |run| {
            assert_eq!((run.status, run.err.as_str()), (0, ""));
        });
    }
}
