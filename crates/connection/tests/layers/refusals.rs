//! Proxies that refuse, and what else may answer at a proxy's address.

use super::{
    CONNECT, LIMIT, Layer, Machine, failure, good, headers, http, ip, machine, name, over, socks4,
    socks5, up_to_the_last,
};
use nuncio_connection::{
    Connection, ConnectionConfig, Error, HttpConnect, ProxyError, ProxyProtocol, RemoteError,
};
use std::sync::Arc;
use std::time::Instant;

/// What became of it, the answer being whole, cut in two at each place, and byte by byte: the same.
fn refused(layer: &Layer, before: &[&[u8]], answer: &[u8]) -> ProxyError {
    let start = || {
        let mut machine = machine(layer.clone());
        machine.sent();
        for theirs in before {
            machine.receive(theirs);
            assert!(!machine.sent().is_empty());
        }
        machine
    };
    let told = |machine: &Machine| match failure(machine) {
        Error::Proxy(error) => error,
        other => panic!("{other:?}"),
    };
    let mut whole = start();
    whole.receive(answer);
    let found = told(&whole);
    for cut in 0..=answer.len() {
        let mut machine = start();
        machine.receive(&answer[..cut]);
        machine.receive(&answer[cut..]);
        assert_eq!(told(&machine), found, "cut at {cut}");
    }
    let mut machine = start();
    for byte in answer.chunks(1) {
        machine.receive(byte);
    }
    assert_eq!(told(&machine), found);
    assert!(!found.to_string().contains('\n'));
    found
}

#[test]
fn x04_an_answer_that_is_no_consent_is_an_error_and_nothing_else() {
    for (status, reason) in [
        (302, "Found"),
        (304, "Not Modified"),
        (407, "Proxy Authentication Required"),
        (502, "Bad Gateway"),
        (999, ""),
    ] {
        let answer = format!(
            "HTTP/1.1 {status} {reason}\r\nSet-Cookie: a=b\r\nLocation: http://evil.test/\r\n\
             Proxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 30\r\n\r\n<html>"
        );
        let found = refused(&http(), &[], answer.as_bytes());
        let ProxyError::Status(answer) = &found else {
            panic!("{found:?}");
        };
        assert_eq!(
            (answer.status, &*answer.reason.to_string()),
            (status, reason)
        );
        assert_eq!(
            answer.headers.get("Proxy-Authenticate").as_deref(),
            Some("Basic realm=\"x\"")
        );
        let text = Error::Proxy(found.clone()).to_string();
        assert_eq!(
            text.trim_end(),
            format!("proxy: {status} {reason}").trim_end()
        );
    }
}

#[test]
fn a_reason_of_any_length_is_told_on_one_short_line() {
    let answer = format!("HTTP/1.1 502 a\tb {}\r\n\r\n", "x".repeat(1000));
    let text = refused(&http(), &[], answer.as_bytes()).to_string();
    assert_eq!(text, format!("502 a\\tb {}", "x".repeat(60)));
}

#[test]
fn what_does_not_speak_http_is_told_as_such() {
    for garbage in [
        "220 ftp.test FTP server ready\r\n",
        "220 mail.test ESMTP\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n",
        "* OK IMAP4 ready\r\n",
        "\x05\x00\n",
        "\x15\x03\x01\x00\x02\x02\x46\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA b: c\r\n\r\n",
        "HTTP/1.1 200 OK\nA: b\n\n",
        // Nobody asked for another protocol.
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
    ] {
        let found = refused(&http(), &[], garbage.as_bytes());
        assert!(
            matches!(found, ProxyError::Http(_)),
            "{garbage:?}: {found:?}"
        );
    }
}

#[test]
fn a_head_is_read_up_to_16_kib_and_16_interim_ones() {
    let answer = |size: usize| {
        let frame = "HTTP/1.1 200 OK\r\nX: \r\n\r\n".len();
        format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(size - frame))
    };
    let told = |answer: &str| {
        let mut machine = machine(http());
        machine.sent();
        machine.receive(answer.as_bytes());
        machine.connection.failure().cloned()
    };
    assert_eq!(told(&answer(16 * 1024)), None);
    let limit = RemoteError::HeadTooLarge { limit: 16 * 1024 };
    let too_large = Error::Proxy(ProxyError::Http(limit));
    assert_eq!(told(&answer(16 * 1024 + 1)), Some(too_large.clone()));
    assert_eq!(told(&answer(100 * 1024)), Some(too_large));
    let interim = |count| "HTTP/1.1 100 Continue\r\n\r\n".repeat(count) + "HTTP/1.1 200 OK\r\n\r\n";
    assert_eq!(told(&interim(16)), None);
    let many = RemoteError::TooManyInterim { limit: 16 };
    assert_eq!(
        told(&interim(17)),
        Some(Error::Proxy(ProxyError::Http(many)))
    );
}

#[test]
fn x05_bytes_behind_the_consent_are_an_error_before_anything_was_sent_inside() {
    for (layer, turns) in good() {
        let start = || {
            let mut machine = machine(layer.clone());
            let last = up_to_the_last(&mut machine, &turns);
            (machine, last)
        };
        // In one read with it, and in a read of their own.
        let (mut together, last) = start();
        together.receive(&[&last[..], b"HTTP/1.1 200 OK\r\n\r\n"].concat());
        let (mut apart, last) = start();
        apart.receive(&last);
        apart.receive(b"H");
        for machine in [together, apart] {
            let found = machine.connection.failure();
            assert_eq!(
                found,
                Some(&Error::Proxy(ProxyError::EarlyData)),
                "{layer:?}"
            );
        }
        // And before the next proxy was asked.
        let layers = vec![layer, http()];
        let mut machine = over(layers, Some(LIMIT), ConnectionConfig::default());
        let last = up_to_the_last(&mut machine, &turns);
        machine.receive(&[&last[..], b"HTTP/1.1 200 OK\r\n\r\n"].concat());
        assert_eq!(failure(&machine), Error::Proxy(ProxyError::EarlyData));
    }
}

#[test]
fn a_socks5_refusal_is_told_in_words() {
    let layer = socks5(name("origin.test"), None);
    for (code, text) in [
        (1, "General SOCKS server failure"),
        (2, "Connection not allowed by ruleset"),
        (3, "Network unreachable"),
        (4, "Host unreachable"),
        (5, "Connection refused"),
        (6, "TTL expired"),
        (7, "Command not supported"),
        (8, "Address type not supported"),
        (9, "Unknown reply"),
        (255, "Unknown reply"),
    ] {
        let answer = [5, code, 0, 1, 0, 0, 0, 0, 0, 0];
        let found = refused(&layer, &[b"\x05\x00"], &answer);
        assert_eq!(found, ProxyError::Socks5(code));
        assert_eq!(
            found.to_string(),
            format!("Proxy Server could not connect: {text}.")
        );
    }
}

#[test]
fn x10_a_method_that_was_not_offered_is_an_error() {
    let open = socks5(name("origin.test"), None);
    let secret = socks5(name("origin.test"), Some(("user", "SECRET")));
    for (layer, offered, chosen, text) in [
        (
            &open,
            0,
            2,
            "Requested NO AUTHENTICATION REQUIRED from proxy server, but got USERNAME/PASSWORD.",
        ),
        (
            &open,
            0,
            255,
            "Requested NO AUTHENTICATION REQUIRED from proxy server, but got NO ACCEPTABLE METHODS.",
        ),
        (
            &secret,
            2,
            0,
            "Requested USERNAME/PASSWORD from proxy server, but got NO AUTHENTICATION REQUIRED.",
        ),
        (
            &secret,
            2,
            1,
            "Requested USERNAME/PASSWORD from proxy server, but got GSSAPI.",
        ),
        (
            &secret,
            2,
            77,
            "Requested USERNAME/PASSWORD from proxy server, but got METHOD 77.",
        ),
    ] {
        let found = refused(layer, &[], &[5, chosen]);
        assert_eq!(found, ProxyError::Method { offered, chosen });
        assert_eq!(found.to_string(), text);
    }
}

#[test]
fn wrong_credentials_are_told_as_such() {
    let layer = socks5(name("origin.test"), Some(("user", "SECRET")));
    for status in [1, 2, 255] {
        let found = refused(&layer, &[b"\x05\x02"], &[1, status]);
        assert_eq!(found, ProxyError::Credentials);
        assert_eq!(found.to_string(), "Invalid username/password");
    }
}

#[test]
fn what_does_not_speak_socks_is_told_by_its_first_wrong_byte() {
    let five = |byte| ProxyError::NotSocks {
        protocol: ProxyProtocol::Socks5,
        byte,
    };
    let open = socks5(name("origin.test"), None);
    let secret = socks5(name("origin.test"), Some(("user", "SECRET")));
    assert_eq!(refused(&open, &[], b"220 ftp.test ready\r\n"), five(b'2'));
    assert_eq!(
        refused(&open, &[], b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        five(b'H')
    );
    assert_eq!(refused(&open, &[], b"\x00\x5a\0\0\0\0\0\0"), five(0));
    assert_eq!(refused(&secret, &[b"\x05\x02"], b"\x05\x00"), five(5));
    assert_eq!(refused(&open, &[b"\x05\x00"], b"\x00\x00"), five(0));
    assert_eq!(
        refused(&open, &[b"\x05\x00"], b"\x05\x00\x00\x02rest"),
        five(2)
    );
    let four = refused(&socks4(ip("192.0.2.7"), ""), &[], b"220 ftp.test ready\r\n");
    assert_eq!(
        four.to_string(),
        "answer is not SOCKS4: unexpected byte '2'"
    );
}

#[test]
fn a_socks4_refusal_is_told_in_words() {
    for (code, text) in [
        (91, "Request rejected or failed"),
        (92, "Client's identd could not be reached"),
        (93, "Client's identd reports another user"),
        (0, "Unknown reply"),
    ] {
        let answer = [0, code, 0, 0, 0, 0, 0, 0];
        let found = refused(&socks4(ip("192.0.2.7"), ""), &[], &answer);
        assert_eq!(found, ProxyError::Socks4(code));
        assert_eq!(
            found.to_string(),
            format!("Proxy Server could not connect: {text}.")
        );
    }
}

/// The layer alone, and behind another: nobody is asked for what cannot be said.
fn not_begun(layer: Layer) -> Error {
    let config = Arc::new(ConnectionConfig::default());
    let new = |layers| Connection::new(config.clone(), layers, None, Instant::now());
    let alone = new(vec![layer.clone()]).unwrap_err();
    let behind = new(vec![http(), layer]).unwrap_err();
    assert_eq!(alone, behind);
    alone
}

#[test]
fn x10_a_name_of_255_bytes_is_sent_and_one_of_256_is_an_error() {
    let long = "x".repeat(255);
    let mut machine = machine(socks5(name(&long), None));
    machine.sent();
    machine.receive(b"\x05\x00");
    let request = [b"\x05\x01\x00\x03\xff", long.as_bytes(), b"\x01\xbb"].concat();
    assert_eq!(machine.sent(), request);

    for length in [0, 256, 300, 65_536 + 5] {
        let error = Error::Proxy(ProxyError::NameLength(length));
        let text = "x".repeat(length);
        assert_eq!(not_begun(socks5(name(&text), None)), error);
        assert_eq!(not_begun(socks4(name(&text), "")), error);
    }
}

#[test]
fn x10_credentials_of_255_bytes_are_sent_and_longer_ones_are_an_error() {
    let (fits, long) = ("x".repeat(255), "x".repeat(256));
    let mut machine = machine(socks5(name("o"), Some((&fits, &fits))));
    machine.sent();
    machine.receive(b"\x05\x02");
    assert_eq!(machine.sent().len(), 1 + 1 + 255 + 1 + 255);

    let error = Error::Proxy(ProxyError::CredentialsTooLong);
    assert_eq!(not_begun(socks5(name("o"), Some((&long, "")))), error);
    assert_eq!(not_begun(socks5(name("o"), Some(("u", &long)))), error);
    assert_eq!(not_begun(socks4(name("o"), &long)), error);
    let nobody = not_begun(socks5(name("o"), Some(("", "x"))));
    assert_eq!(nobody, Error::Proxy(ProxyError::NoUser));
}

#[test]
fn what_socks4_cannot_say_is_not_said() {
    let proxy = |layer| match not_begun(layer) {
        Error::Proxy(error) => error,
        other => panic!("{other:?}"),
    };
    assert_eq!(proxy(socks4(name("a\0b"), "")), ProxyError::Nul);
    assert_eq!(proxy(socks4(ip("192.0.2.7"), "a\0b")), ProxyError::Nul);
    assert!(matches!(
        proxy(socks4(ip("2001:db8::1"), "")),
        ProxyError::Address(_)
    ));
    // Such an address would make a name of what follows.
    assert!(matches!(
        proxy(socks4(ip("0.0.0.7"), "")),
        ProxyError::Address(_)
    ));
}

#[test]
fn a_connect_that_is_no_message_is_not_sent() {
    for (authority, host) in [
        ("origin.test:443 HTTP/1.1\r\nX: y", Some("origin.test")),
        ("", Some("origin.test")),
        ("origin.test:443", None),
        ("origin.test:443", Some("a b")),
    ] {
        let fields: Vec<_> = host.iter().map(|host| ("Host", *host)).collect();
        let error = not_begun(Layer::HttpConnect(HttpConnect {
            authority: authority.to_owned(),
            headers: headers(&fields),
        }));
        assert!(matches!(error, Error::Local(_)), "{error:?}");
    }
    assert_eq!(machine(http()).sent(), CONNECT);
}
