//! What no server should send: each a typed error that quotes it, on a connection that is closed.

use nuncio::{Error, Kind, Processed};
use nuncio_testkit::latch::Latch;
use nuncio_testkit::script::{Script, Step};
use nuncio_tests::adapters::{Adapter, Download};
use nuncio_tests::behaviour;
use std::time::{Duration, Instant};

const OK: &str = "HTTP/1.1 200 OK\r\n";

/// What comes instead of an answer, and a part of what the error has to quote.
fn malformed() -> Vec<(Vec<u8>, &'static str)> {
    let lines: [(&[u8], &'static str); 20] = [
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "SSH-2.0-OpenSSH_9.2"),
        (b"220 mail.example ESMTP ready\r\n\r\n", "220 mail.example"),
        (b"+OK POP3 ready\r\n\r\n", "+OK POP3"),
        (b"<html>an error</html>\r\n\r\n", "<html>"),
        (b"\x15\x03\x01\x00\x02\x02\x50\r\n\r\n", "\\x15\\x03"),
        (b"\x16\x03\x03\x00\x7a\x02\r\n\r\n", "\\x16"),
        (b"\0\0\x12\x04\0\0\0\0\0\r\n\r\n", "\\x00"),
        (b"ICY 200 OK\r\n\r\n", "ICY 200 OK"),
        (b"HTTP/0.9 200 OK\r\n\r\n", "HTTP/0.9"),
        (b"HTTP/1.2 200 OK\r\n\r\n", "HTTP/1.2"),
        (b"HTTP/2.0 200 OK\r\n\r\n", "HTTP/2.0"),
        (b"HTTP/1.1 20x OK\r\n\r\n", "20x"),
        (b"HTTP/1.1 20 OK\r\n\r\n", "20 OK"),
        (b"HTTP/1.1 1000 OK\r\n\r\n", "1000"),
        (b"HTTP/1.1 099 OK\r\n\r\n", "099"),
        (b"HTTP/1.1  200 OK\r\n\r\n", "HTTP/1.1  200"),
        (b"HTTP/1.1\r\n\r\n", "HTTP/1.1"),
        (b"http/1.1 200 OK\r\n\r\n", "http/1.1"),
        (b"HTTP/1.1 200 O\0K\r\n\r\n", "O\\x00K"),
        (b"HTTP/1.1 200 OK\n\n", "HTTP/1.1 200 OK"),
    ];
    let fields: [(&[u8], &'static str); 31] = [
        (b"no colon here", "no colon here"),
        (b"X-A : 1", "X-A : 1"),
        (b"X A: 1", "X A: 1"),
        (b": empty", ": empty"),
        (b" X-A: folded first", "X-A: folded"),
        (b"X-A: 1\r\n folded", "folded"),
        (b"X-A: a\rb", "a\\rb"),
        (b"X-A: a\0b", "a\\x00b"),
        (b"X-A: a\x07b", "a\\x07b"),
        (b"X-A: 1\r\r", "X-A"),
        (b"X\xe9: 1", "X\\xe9"),
        (b"X(A): 1", "X(A)"),
        (b"Content-Length: 5\r\nContent-Length: 6", "6"),
        (b"Content-Length: 5\r\nContent-Length: 5", "5"),
        (b"X-A: line\nX-B: feed", "X-A: line"),
        (b"Content-Length: 5, 6", "5, 6"),
        (b"Content-Length: 5, 5", "5, 5"),
        (b"Content-Length: +5", "+5"),
        (b"Content-Length: -1", "-1"),
        (b"Content-Length: 0x5", "0x5"),
        (b"Content-Length: 5_0", "5_0"),
        (b"Content-Length: 5 6", "5 6"),
        (b"Content-Length: \xd9\xa5", "\\xd9\\xa5"),
        (
            b"Content-Length: 9223372036854775808",
            "9223372036854775808",
        ),
        (
            b"Content-Length: 18446744073709551621",
            "18446744073709551621",
        ),
        (b"Content-Length: 3\r\nTransfer-Encoding: chunked", "3"),
        (b"Transfer-Encoding: chunked\r\nContent-Length: 3", "3"),
        (b"Transfer-Encoding: xchunked", "xchunked"),
        (b"Transfer-Encoding: chunked, identity", "chunked, identity"),
        (
            b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            "chunked",
        ),
        (b"Transfer-Encoding: \x0bchunked", "\\x0bchunked"),
    ];
    // A line of chunk framing is quoted up to the byte that shows what it is not.
    let chunks: [(&[u8], &'static str); 17] = [
        (b"\r\n", ""),
        (b";a\r\nx", "\";\""),
        (b"g\r\nx", "\"g\""),
        (b"+5\r\nhello\r\n", "\"+\""),
        (b"-5\r\nhello\r\n", "\"-\""),
        (b" 5\r\nhello\r\n", "\" \""),
        (b"0x5\r\nhello\r\n", "0x"),
        (b"5 \r\nhello\r\n", "5 "),
        (b"5\nhello\r\n", "5"),
        (b"5;a\nb\r\nhello\r\n", "5;a\\n"),
        (b"5;\0\r\nhello\r\n", "\\x00"),
        (b"FFFFFFFFFFFFFFFF\r\nx", "FFFF"),
        (b"7FFFFFFFFFFFFFFFF\r\nx", "7FFF"),
        (b"5\r\nhelloXX", "\"X\""),
        (b"5\r\nhello\n\r\n", "\\n"),
        (b"0\r\nbad trailer\r\n\r\n", "bad trailer"),
        (b"0\r\nX-A : 1\r\n\r\n", "X-A"),
    ];
    let mut all: Vec<_> = lines
        .iter()
        .map(|(text, quote)| (text.to_vec(), *quote))
        .collect();
    for (field, quote) in fields {
        all.push(([OK.as_bytes(), field, b"\r\n\r\nabc"].concat(), quote));
    }
    for (chunk, quote) in chunks {
        let head = "Transfer-Encoding: chunked\r\n\r\n";
        all.push(([OK.as_bytes(), head.as_bytes(), chunk].concat(), quote));
    }
    let ten = b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    all.push((ten.to_vec(), "chunked"));
    all
}

#[track_caller]
fn is_remote(error: &Error, what: &str) {
    assert_eq!(error.kind(), Kind::RemoteProtocol, "{what}: {error}");
    assert_eq!(error.processed(), Processed::Yes, "{what}");
    let text = error.to_string();
    assert!(!text.contains(|c: char| c.is_control()), "{what}: {text}");
    assert!(text.len() < 600, "{what}: {text}");
}

behaviour!(malformed_answers_are_typed_errors_that_quote_them);
fn malformed_answers_are_typed_errors_that_quote_them<A: Adapter>(adapter: &A) {
    let client = adapter.client();
    let cases = malformed();
    assert!(cases.len() >= 60);
    for (answer, quote) in cases {
        let what = answer.escape_ascii().to_string();
        let peer = Script::new()
            .connection([Step::ExpectHead, Step::Send(answer), Step::ExpectEof])
            .start();
        let started = Instant::now();
        let error = match adapter.send(client.get(peer.url("/"))) {
            Err(error) => error,
            Ok(response) => panic!("{what}: {response:?} {:?}", response.text()),
        };
        assert!(started.elapsed() < Duration::from_secs(1), "{what}");
        is_remote(&error, &what);
        let text = error.to_string();
        assert!(text.contains(quote), "{what}: {text}");
        assert_eq!(client.pool().connections, 0, "{what}");
        // The peer saw the connection closed: its script is at its end.
        let records = peer.finish();
        assert_eq!(records.len(), 1, "{what}");
    }
}

behaviour!(floods_are_cut_off_at_their_limits);
fn floods_are_cut_off_at_their_limits<A: Adapter>(adapter: &A) {
    // SECURITY F14, F18, F19, F22.
    let chunked = format!("{OK}Transfer-Encoding: chunked\r\n\r\n");
    let many = |count: usize| {
        (0..count)
            .map(|n| format!("X-{n}: y\r\n"))
            .collect::<String>()
    };
    let floods = [
        format!("{OK}{}\r\n", many(257)),
        format!("{OK}X: {}\r\n\r\n", "y".repeat(140_000)),
        format!("HTTP/1.1 200 {}\r\n\r\n", "K".repeat(140_000)),
        format!("HTTP/1.1 200 {}", "K".repeat(140_000)),
        format!("{}{OK}\r\n", "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(17)),
        format!(
            "{}{OK}\r\n",
            format!("HTTP/1.1 103 x\r\n{}\r\n", many(100)).repeat(3)
        ),
        format!("{chunked}5;{}\r\nhello\r\n0\r\n\r\n", "e".repeat(300)),
        format!(
            "{chunked}{}0\r\n\r\n",
            format!("1;{}\r\nx\r\n", "e".repeat(200)).repeat(100)
        ),
        format!("{chunked}{}\r\n", "0".repeat(300)),
        format!("{chunked}0\r\n{}\r\n", many(65)),
        format!("{chunked}0\r\nX: {}\r\n\r\n", "y".repeat(17_000)),
    ];
    let client = adapter.client();
    for flood in floods {
        let what = flood[..60].escape_debug().to_string();
        let peer = Script::new()
            .connection([Step::ExpectHead, Step::send(flood), Step::ExpectEof])
            .start();
        let started = Instant::now();
        let error = adapter.send(client.get(peer.url("/"))).unwrap_err();
        assert!(started.elapsed() < Duration::from_secs(1), "{what}");
        is_remote(&error, &what);
        assert_eq!(client.pool().connections, 0, "{what}");
    }
}

/// What comes of `answer` cut off at every byte: nothing that passes for a whole response.
fn cut_everywhere<A: Adapter>(adapter: &A, method: &str, answer: &str) {
    let script = (0..answer.len()).fold(Script::new(), |script, cut| {
        script.connection([Step::ExpectHead, Step::send(&answer[..cut]), Step::Close])
    });
    let peer = script.start();
    let client = adapter.client();
    for cut in 0..answer.len() {
        let request = client.request(method, peer.url("/"));
        let error = if cut % 2 == 0 {
            adapter.send(request).err()
        } else {
            adapter
                .stream(request)
                .and_then(|mut download| {
                    while download.chunk()?.is_some() {}
                    Ok(())
                })
                .err()
        };
        let error = error.unwrap_or_else(|| panic!("{:?} passed", &answer[..cut]));
        assert_eq!(error.kind(), Kind::RemoteProtocol, "cut at {cut}: {error}");
        assert_eq!(client.pool().connections, 0, "cut at {cut}");
    }
    assert_eq!(peer.connections(), answer.len() as u64, "one each");
}

behaviour!(f17_a_sized_answer_cut_at_any_byte_is_an_error);
fn f17_a_sized_answer_cut_at_any_byte_is_an_error<A: Adapter>(adapter: &A) {
    cut_everywhere(
        adapter,
        "GET",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\nX-A: b\r\n\r\n0123456789",
    );
}

behaviour!(f17_a_chunked_answer_cut_at_any_byte_is_an_error);
fn f17_a_chunked_answer_cut_at_any_byte_is_an_error<A: Adapter>(adapter: &A) {
    cut_everywhere(
        adapter,
        "GET",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\nabcd\r\nA\r\n0123456789\r\n\
         0\r\nX-Sum: 1\r\n\r\n",
    );
}

behaviour!(f17_a_head_cut_at_any_byte_is_an_error);
fn f17_a_head_cut_at_any_byte_is_an_error<A: Adapter>(adapter: &A) {
    for method in ["HEAD", "GET"] {
        cut_everywhere(
            adapter,
            method,
            "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n",
        );
    }
}

behaviour!(an_answer_that_is_reset_is_an_error);
fn an_answer_that_is_reset_is_an_error<A: Adapter>(adapter: &A) {
    let client = adapter.client();
    let half = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234";
    for answer in ["", "HTTP/1.1 200 O", half] {
        let read = Latch::new();
        let peer = Script::new()
            .connection([
                Step::ExpectHead,
                Step::send(answer),
                Step::Wait(read.clone()),
                Step::Reset,
            ])
            .start();
        let timer = {
            let read = read.clone();
            std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(40));
                read.open();
            })
        };
        let error = adapter.send(client.get(peer.url("/"))).unwrap_err();
        timer.join().unwrap();
        assert_eq!(error.kind(), Kind::Read, "{answer:?}: {error}");
        assert!(error.to_string().contains("reset"), "{error}");
        assert_eq!(client.pool().connections, 0);
    }
}

behaviour!(lenient_clients_let_pass_what_can_be_made_sense_of);
fn lenient_clients_let_pass_what_can_be_made_sense_of<A: Adapter>(adapter: &A) {
    let strict = adapter.client();
    let lenient = adapter.builder().lenient(true).build().unwrap();
    for fields in [
        "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "Content-Length: 3, 3\r\n\r\nabc",
        "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
        "Content-Length: 3\n\nabc",
        "Transfer-Encoding: chunked\r\n\r\n3 \r\nabc\r\n0\r\n\r\n",
        "X-A: b\r\n c\r\nContent-Length: 3\r\n\r\nabc",
    ] {
        let steps = [Step::ExpectHead, Step::send(format!("{OK}{fields}"))];
        let peer = Script::new().connection(steps.clone()).connection(steps);
        let peer = peer.start();
        let error = adapter.send(strict.get(peer.url("/"))).unwrap_err();
        assert_eq!(error.kind(), Kind::RemoteProtocol);
        let response = adapter.send(lenient.get(peer.url("/"))).unwrap();
        assert_eq!(response.text(), "abc");
        assert_eq!(lenient.pool().connections, 0, "and never use it again");
    }
}

behaviour!(an_announced_length_is_not_believed_before_it_has_come);
fn an_announced_length_is_not_believed_before_it_has_come<A: Adapter>(adapter: &A) {
    // SECURITY Z8: memory grows with what comes, not with what is promised.
    let huge = u64::try_from(i64::MAX).unwrap();
    for answer in [
        format!("{OK}Content-Length: {huge}\r\n\r\nabc"),
        format!("{OK}Transfer-Encoding: chunked\r\n\r\n{huge:x}\r\nabc"),
    ] {
        let peer = Script::new()
            .connection([Step::ExpectHead, Step::send(answer), Step::Close])
            .start();
        let error = adapter
            .send(adapter.client().get(peer.url("/")))
            .unwrap_err();
        assert_eq!(error.kind(), Kind::RemoteProtocol, "{error}");
        assert!(error.to_string().contains("received 3 bytes"), "{error}");
    }
}
