//! Forms with files (BEHAVIOUR section 9, SECURITY M1, M3).

use crate::echo::Echo;
use crate::files::Scratch;
use bytes::Bytes;
use nuncio::{Body, Form, Kind, Part, QueryParams};
use nuncio_client::RequestBuilder;
use nuncio_testkit::checksum::Checksum;
use nuncio_testkit::content;
use nuncio_testkit::latch::Latch;
use nuncio_testkit::script::{Script, Step};
use nuncio_testkit::server::{Reply, Server};
use nuncio_tests::adapters::{Adapter, Blocking};
use nuncio_tests::behaviour;
use std::io::{self, Cursor};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A Content-Type with a boundary that shows in the expected bytes.
const GIVEN: (&str, &str) = ("Content-Type", "multipart/form-data; boundary=B");

#[track_caller]
fn echo<A: Adapter>(adapter: &A, request: RequestBuilder<A::Driver>) -> Echo {
    Echo::of(&adapter.send(request).unwrap())
}

fn text(echo: &Echo) -> &str {
    std::str::from_utf8(&echo.body).unwrap()
}

fn pieces(texts: &'static [&'static str]) -> impl Iterator<Item = io::Result<Bytes>> + Send {
    texts
        .iter()
        .map(|text| Ok(Bytes::from_static(text.as_bytes())))
}

behaviour!(b09_fields_come_first_then_files_in_the_order_given);
fn b09_fields_come_first_then_files_in_the_order_given<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter.client();
    let fields = || QueryParams::from_lists([("a", vec!["1", "é"]), ("b", vec!["x\r\ny"])]);
    let form = || {
        Form::new()
            .part("f", Part::new("one").file_name("n.txt"))
            .text("n", 7)
            .text("t", true)
            .text("none", None::<&str>)
            .bytes("raw", &b"\xf0\x9f\x8e\xbb"[..])
            .part(
                "g",
                Part::new(adapter.body(pieces(&["t", "", "wo"]), Some(3))),
            )
    };
    let post = || client.post(server.url("/echo")).header(GIVEN.0, GIVEN.1);
    let requests = [
        post().form(fields()).multipart(form()),
        post().multipart(form()).form(fields()),
    ];
    let expected = "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n\
                    --B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\né\r\n\
                    --B\r\nContent-Disposition: form-data; name=\"b\"\r\n\r\nx\r\ny\r\n\
                    --B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"n.txt\"\r\n\
                    Content-Type: text/plain\r\n\r\none\r\n\
                    --B\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\n7\r\n\
                    --B\r\nContent-Disposition: form-data; name=\"t\"\r\n\r\ntrue\r\n\
                    --B\r\nContent-Disposition: form-data; name=\"none\"\r\n\r\n\r\n\
                    --B\r\nContent-Disposition: form-data; name=\"raw\"\r\n\r\n🎻\r\n\
                    --B\r\nContent-Disposition: form-data; name=\"g\"; filename=\"upload\"\r\n\
                    Content-Type: application/octet-stream\r\n\r\ntwo\r\n--B--\r\n";
    for request in requests {
        let sent = echo(adapter, request);
        assert_eq!(text(&sent), expected);
        assert_eq!(sent.values("content-length"), [expected.len().to_string()]);
        assert_eq!(sent.values("content-type"), [GIVEN.1]);
        assert_eq!(sent.fields.last().unwrap().0, "Content-Length");
    }
    // Of a form without files nothing is multipart.
    let sent = echo(adapter, post().form([("a", "1")]).multipart(Form::new()));
    assert_eq!(text(&sent), "a=1");
}

behaviour!(b09_parts_have_the_names_types_and_fields_that_they_were_given);
fn b09_parts_have_the_names_types_and_fields_that_they_were_given<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter.client();
    let cases: [(Part, &str); 7] = [
        (
            Part::new("x"),
            "; filename=\"upload\"\r\nContent-Type: application/octet-stream",
        ),
        (
            Part::new("x").file_name("a.JSON"),
            "; filename=\"a.JSON\"\r\nContent-Type: application/json",
        ),
        (Part::new("x").file_name(""), ""),
        (
            Part::new("x").file_name("").content_type("a/b"),
            "\r\nContent-Type: a/b",
        ),
        (
            Part::new("x").file_name("a.txt").content_type(""),
            "; filename=\"a.txt\"\r\nContent-Type: ",
        ),
        (
            Part::new("x")
                .file_name("a.txt")
                .header("X-b", "2")
                .header("x-A", "1"),
            "; filename=\"a.txt\"\r\nX-b: 2\r\nx-A: 1\r\nContent-Type: text/plain",
        ),
        (
            Part::new("x")
                .content_type("a/b")
                .header("x-content-type-y", "c/d"),
            "; filename=\"upload\"\r\nx-content-type-y: c/d",
        ),
    ];
    for (part, expected) in cases {
        let form = Form::new().part("p", part);
        let request = client.post(server.url("/echo")).header(GIVEN.0, GIVEN.1);
        let sent = echo(adapter, request.multipart(form));
        let body = format!(
            "--B\r\nContent-Disposition: form-data; name=\"p\"{expected}\r\n\r\nx\r\n--B--\r\n"
        );
        assert_eq!(text(&sent), body);
    }
}

behaviour!(m01_no_name_type_or_field_ends_its_line);
fn m01_no_name_type_or_field_ends_its_line<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter.client();
    let evil = "a\"\r\n\r\n--B\\";
    let form = Form::new().part(evil, Part::new("x").file_name(evil));
    let request = client.post(server.url("/echo")).header(GIVEN.0, GIVEN.1);
    let sent = echo(adapter, request.multipart(form));
    let safe = "a%22%0D%0A%0D%0A--B\\\\";
    assert!(text(&sent).contains(&format!("name=\"{safe}\"; filename=\"{safe}\"\r\n")));
    assert_eq!(text(&sent).matches("\r\n--B").count(), 1);
    let bad = [
        Part::new("x").content_type("a/b\r\nX: y"),
        Part::new("x").header("X", "y\r\nZ: 1"),
        Part::new("x").header("X: y\r\nZ", "1"),
    ];
    for part in bad {
        let request = client
            .post(server.url("/echo"))
            .multipart(Form::new().part("p", part));
        let error = adapter.send(request).unwrap_err();
        assert_eq!(error.kind(), Kind::LocalProtocol, "{error}");
        assert!(!error.to_string().contains('\n'));
    }
}

behaviour!(b09_the_boundary_is_the_caller_s_or_a_random_one);
fn b09_the_boundary_is_the_caller_s_or_a_random_one<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter.client();
    let form = || Form::new().text("a", "1");
    let send = |content_type: Option<&str>| {
        let mut request = client.post(server.url("/echo")).multipart(form());
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        let sent = echo(adapter, request);
        let boundary = text(&sent).split_once("\r\n").unwrap().0[2..].to_owned();
        assert!(text(&sent).ends_with(&format!("\r\n--{boundary}--\r\n")));
        let values = sent.values("content-type");
        assert_eq!(values.len(), 1);
        (values[0].to_owned(), boundary)
    };
    let hex = |text: &str| text.len() == 32 && text.bytes().all(|it| it.is_ascii_hexdigit());
    let (content_type, boundary) = send(None);
    assert_eq!(
        content_type,
        format!("multipart/form-data; boundary={boundary}")
    );
    assert!(hex(&boundary));
    assert_ne!(send(None).1, boundary);
    for (given, expected) in [
        ("multipart/form-data; boundary=own", "own"),
        (
            "multipart/form-data; charset=utf-8; BOUNDARY=\"o w n\"",
            "o w n",
        ),
        ("Multipart/Form-Data; boundary=own", "own"),
    ] {
        assert_eq!(send(Some(given)), (given.to_owned(), expected.to_owned()));
    }
    for given in [
        "multipart/form-data",
        "multipart/form-data; charset=utf-8",
        "MULTIPART/form-data;",
    ] {
        let (content_type, boundary) = send(Some(given));
        let start = given.trim_end_matches(';').to_ascii_lowercase();
        assert_eq!(content_type, format!("{start}; boundary={boundary}"));
        assert!(hex(&boundary));
    }
    for given in ["text/plain", "multipart/mixed; boundary=own"] {
        let (content_type, boundary) = send(Some(given));
        assert_eq!(content_type, given);
        assert!(hex(&boundary));
    }
    for bad in ["", "a\u{e9}", "a\"b", &"x".repeat(71)] {
        let request = client
            .post(server.url("/echo"))
            .header(
                "content-type",
                format!("multipart/form-data; boundary={bad}"),
            )
            .multipart(form());
        let error = adapter.send(request).unwrap_err();
        assert_eq!(error.kind(), Kind::Builder, "{bad}: {error}");
        assert!(error.to_string().contains("boundary"));
    }
    // A client's own is as good as a request's.
    let client = adapter.builder().header(GIVEN.0, GIVEN.1).build().unwrap();
    let sent = echo(adapter, client.post(server.url("/echo")).multipart(form()));
    assert!(text(&sent).starts_with("--B\r\n"));
}

behaviour!(b09_5_the_length_is_announced_where_every_part_has_one);
fn b09_5_the_length_is_announced_where_every_part_has_one<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter.client();
    let file = Scratch::with("notes.md", "from a file");
    for lengths in [
        [Some(6), Some(2)],
        [Some(6), None],
        [None, Some(2)],
        [None, None],
    ] {
        let form = Form::new()
            .text("t", "text")
            .part(
                "a",
                Part::new(adapter.body(pieces(&["one", "two"]), lengths[0])).file_name(""),
            )
            .part("f", adapter.file_part(file.path()).unwrap())
            .part(
                "b",
                Part::new(adapter.body(pieces(&["ok"]), lengths[1])).file_name(""),
            );
        let request = client.put(server.url("/echo")).header(GIVEN.0, GIVEN.1);
        let sent = echo(adapter, request.multipart(form));
        let expected = "--B\r\nContent-Disposition: form-data; name=\"t\"\r\n\r\ntext\r\n\
                        --B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nonetwo\r\n\
                        --B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"notes.md\"\r\n\
                        Content-Type: text/markdown\r\n\r\nfrom a file\r\n\
                        --B\r\nContent-Disposition: form-data; name=\"b\"\r\n\r\nok\r\n--B--\r\n";
        assert_eq!(text(&sent), expected);
        if lengths.iter().all(Option::is_some) {
            assert_eq!(sent.values("content-length"), [expected.len().to_string()]);
            assert!(sent.values("transfer-encoding").is_empty());
        } else {
            assert_eq!(sent.values("transfer-encoding"), ["chunked"]);
            assert!(sent.values("content-length").is_empty());
        }
    }
    assert_eq!(server.connections(), 1);
}

behaviour!(m03_a_part_that_gives_more_or_less_than_declared_aborts_the_request);
fn m03_a_part_that_gives_more_or_less_than_declared_aborts_the_request<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter.client();
    for chunked in [false, true] {
        for declared in [0, 5, 7] {
            let other = (!chunked).then_some(1);
            let form = Form::new()
                .part(
                    "a",
                    Part::new(adapter.body(pieces(&["one", "two"]), Some(declared))),
                )
                .part("b", Part::new(adapter.body(pieces(&["x"]), other)));
            let request = client.put(server.url("/echo")).multipart(form);
            let error = adapter.send(request).unwrap_err();
            assert_eq!(error.kind(), Kind::RequestBody, "{error}");
            assert!(error.to_string().contains("multipart part 0"), "{error}");
            assert_eq!(client.pool().connections, 0);
        }
    }
    let broken = [
        Ok(Bytes::from("a")),
        Err(io::Error::other("the disk is gone")),
    ];
    let form = Form::new().part("a", Part::new(adapter.body(broken.into_iter(), None)));
    let error = adapter
        .send(client.put(server.url("/echo")).multipart(form))
        .unwrap_err();
    assert_eq!(error.kind(), Kind::RequestBody);
    assert!(error.to_string().contains("the disk is gone"), "{error}");
}

behaviour!(b09_a_form_is_sent_again_if_all_its_parts_can_be);
fn b09_a_form_is_sent_again_if_all_its_parts_can_be<A: Adapter>(adapter: &A) {
    // Answered when all of it was read; sooner, and a source might not have been asked yet.
    let server = Server::builder()
        .route("/moved", |_, _| Reply::new(307).header("Location", "/echo"))
        .start();
    let client = adapter.builder().follow_redirects(true).build().unwrap();
    let url = server.url("/moved");
    let file = Scratch::with("f.bin", content::bytes(200_000));
    let again = || {
        Form::new()
            .text("t", "text")
            .part("f", adapter.file_part(file.path()).unwrap())
            .part(
                "m",
                Part::new(Body::factory(|| Ok(Body::from("made")), None)),
            )
    };
    let direct = client.post(server.url("/echo")).header(GIVEN.0, GIVEN.1);
    let direct = echo(adapter, direct.multipart(again()));
    let request = client.post(&url).header(GIVEN.0, GIVEN.1);
    let redirected = echo(adapter, request.multipart(again()));
    assert_eq!(redirected.line.method, "POST");
    assert!(direct.body == redirected.body && direct.body.len() > 200_000);
    assert_eq!(redirected.values("content-type"), [GIVEN.1]);
    // Held whole, it is a body of bytes like any other.
    let request = client.post(&url).multipart(Form::new().text("a", "1"));
    let request = request.build().unwrap();
    assert!(request.try_clone().is_some() && request.body().as_bytes().is_some());
    let once = again().part("once", Part::new(adapter.body(pieces(&["x"]), None)));
    let error = adapter.send(client.post(&url).multipart(once)).unwrap_err();
    assert_eq!(error.kind(), Kind::StreamConsumed, "{error}");
}

behaviour!(b09_a_part_of_the_other_kind_of_client_is_refused);
fn b09_a_part_of_the_other_kind_of_client_is_refused<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter.client();
    let other = || Part::new(adapter.body_of_the_other_kind());
    let form = Form::new().text("a", "1").part("o", other());
    let request = client.post(server.url("/echo")).multipart(form);
    let error = adapter.send(request).unwrap_err();
    assert_eq!(error.kind(), Kind::Usage, "{error}");
    let own = Part::new(adapter.body(pieces(&["x"]), None));
    let both = Form::new().part("a", own).part("o", other());
    let request = client.post(server.url("/echo")).multipart(both);
    let error = adapter.send(request).unwrap_err();
    assert_eq!(error.kind(), Kind::Builder, "{error}");
    assert!(error.to_string().contains("blocking") && error.to_string().contains("async"));
    assert_eq!(server.connections(), 0);
}

#[test]
fn b09_5_a_reader_that_seeks_is_sent_from_its_start() {
    let adapter = Blocking::start();
    let server = Server::http();
    let client = adapter.builder().follow_redirects(true).build().unwrap();
    let mut reader = Cursor::new("all of it");
    reader.set_position(4);
    let form = Form::new().part("f", Part::seekable(reader, Some(9)).file_name(""));
    let url = server.url("/redirect-to?status=307&url=/echo");
    let request = client.post(url).header(GIVEN.0, GIVEN.1).multipart(form);
    let sent = echo(&adapter, request);
    let head = "--B\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\n";
    assert_eq!(text(&sent), format!("{head}all of it\r\n--B--\r\n"));
}

const LARGE: u64 = 100 << 20;

behaviour!(b09_a_large_file_is_never_in_memory_whole);
fn b09_a_large_file_is_never_in_memory_whole<A: Adapter>(adapter: &A) {
    let file = Scratch::named("large.bin");
    std::fs::File::create(file.path())
        .unwrap()
        .set_len(LARGE)
        .unwrap();
    let server = Server::http();
    let client = adapter.client();
    let form = Form::new().part("f", adapter.file_part(file.path()).unwrap());
    let request = client
        .post(server.url("/checksum"))
        .header(GIVEN.0, GIVEN.1);
    let response = adapter.send(request.multipart(form)).unwrap();
    let mut sum = Checksum::new();
    sum.update(
        b"--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"large.bin\"\r\n\
          Content-Type: application/octet-stream\r\n\r\n",
    );
    let zeros = vec![0; 1 << 20];
    (0..LARGE >> 20).for_each(|_| sum.update(&zeros));
    sum.update(b"\r\n--B--\r\n");
    let (bytes, sum) = (sum.length(), sum.finish());
    let expected = format!(r#"{{"bytes":{bytes},"checksum":"{sum:016x}"}}"#);
    assert_eq!(response.text(), expected);
    // Where this test has a process for itself, that process has never been as large.
    #[cfg(target_os = "linux")]
    if std::env::var_os("NEXTEST").is_some() {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let peak = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .unwrap();
        let kib: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
        assert!(kib * 1024 < LARGE / 2, "{kib} KiB");
    }
}

behaviour!(b09_a_source_is_read_no_faster_than_the_peer_takes_it);
fn b09_a_source_is_read_no_faster_than_the_peer_takes_it<A: Adapter>(adapter: &A) {
    let done = Latch::new();
    let peer = Script::new()
        .connection([
            Step::ExpectHead,
            Step::Sleep(Duration::from_millis(300)),
            Step::send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n"),
            Step::Wait(done.clone()),
        ])
        .start();
    let taken = Arc::new(AtomicU64::new(0));
    let counter = taken.clone();
    let counted = std::iter::repeat_with(move || {
        counter.fetch_add(1, Ordering::SeqCst);
        Ok(Bytes::from_static(content::slice(0, 64 * 1024)))
    });
    let counted = counted.take((LARGE >> 16) as usize);
    let form = Form::new().part("f", Part::new(adapter.body(counted, Some(LARGE))));
    let request = adapter.client().post(peer.url("/")).multipart(form);
    let response = adapter.send(request).unwrap();
    done.open();
    assert_eq!(response.status(), 413);
    assert!(
        taken.load(Ordering::SeqCst) << 16 < LARGE / 4,
        "{taken:?} pieces"
    );
}
