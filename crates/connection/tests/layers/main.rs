//! The layers below HTTP without a socket: proxies that are asked, TLS within TLS, a fake clock.

#[path = "../http1_common/mod.rs"]
mod http1_common;
mod proxies;
mod refusals;
#[cfg(feature = "tls")]
mod tls_in_tls;

use http1_common::{Machine, headers, over};
use nuncio_connection::{
    ConnectionConfig, Error, HttpConnect, Layer, Phase, Protocol, Socks4, Socks5, SocksAuth,
    SocksHost,
};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(2);

fn machine(layer: Layer) -> Machine {
    over(vec![layer], Some(LIMIT), ConnectionConfig::default())
}

fn http() -> Layer {
    Layer::HttpConnect(HttpConnect {
        authority: "origin.test:443".to_owned(),
        headers: headers(&[
            ("Host", "origin.test:443"),
            ("Proxy-Authorization", "Basic U0VDUkVU"),
        ]),
    })
}

const CONNECT: &[u8] = b"CONNECT origin.test:443 HTTP/1.1\r\nHost: origin.test:443\r\n\
    Proxy-Authorization: Basic U0VDUkVU\r\n\r\n";

fn name(text: &str) -> SocksHost {
    SocksHost::Name(text.to_owned())
}

fn ip(text: &str) -> SocksHost {
    SocksHost::Ip(text.parse().unwrap())
}

fn socks5(host: SocksHost, auth: Option<(&str, &str)>) -> Layer {
    Layer::Socks5(Socks5 {
        host,
        port: 443,
        auth: auth.map(|(user, password)| SocksAuth {
            user: user.into(),
            password: password.into(),
        }),
    })
}

fn socks4(host: SocksHost, user: &str) -> Layer {
    Layer::Socks4(Socks4 {
        host,
        port: 443,
        user: user.into(),
    })
}

/// What is said to a proxy, and what it answers, in turns.
type Turns = Vec<(Vec<u8>, Vec<u8>)>;

fn turns(list: &[(&[u8], &[u8])]) -> Turns {
    let owned = |(ours, theirs): &(&[u8], &[u8])| (ours.to_vec(), theirs.to_vec());
    list.iter().map(owned).collect()
}

/// A negotiation that goes well, whichever it is.
fn good() -> Vec<(Layer, Turns)> {
    let interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n\
        HTTP/1.1 200 Connection established\r\nX-A: b\r\n\r\n";
    vec![
        (http(), turns(&[(CONNECT, b"HTTP/1.1 200 OK\r\n\r\n")])),
        (http(), turns(&[(CONNECT, b"HTTP/1.0 200 Connection established\r\n\r\n")])),
        (http(), turns(&[(CONNECT, b"HTTP/1.1 204 No Content\r\n\r\n")])),
        (http(), turns(&[(CONNECT, interim)])),
        // What frames a body means nothing here (RFC 9110 section 9.3.6).
        (http(), turns(&[(CONNECT, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")])),
        (
            http(),
            turns(&[(CONNECT, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 7\r\n\r\n")]),
        ),
        (http(), turns(&[(CONNECT, b"HTTP/1.1 299 Yes\r\nContent-Length: nonsense\r\n\r\n")])),
        (
            socks5(name("origin.test"), None),
            turns(&[
                (b"\x05\x01\x00", b"\x05\x00"),
                (b"\x05\x01\x00\x03\x0borigin.test\x01\xbb", b"\x05\x00\x00\x01\x7f\x00\x00\x01\x04\x38"),
            ]),
        ),
        (
            socks5(ip("192.0.2.7"), None),
            turns(&[
                (b"\x05\x01\x00", b"\x05\x00"),
                // The proxy names itself.
                (b"\x05\x01\x00\x01\xc0\x00\x02\x07\x01\xbb", b"\x05\x00\x00\x03\x05proxy\x04\x38"),
            ]),
        ),
        (
            socks5(ip("2001:db8::7"), Some(("user", "SECRET"))),
            turns(&[
                (b"\x05\x01\x02", b"\x05\x02"),
                (b"\x01\x04user\x06SECRET", b"\x01\x00"),
                (
                    b"\x05\x01\x00\x04\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x07\x01\xbb",
                    b"\x05\x00\xff\x04\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x04\x38",
                ),
            ]),
        ),
        (
            socks5(name("origin.test"), Some(("user", ""))),
            turns(&[
                (b"\x05\x01\x02", b"\x05\x02"),
                (b"\x01\x04user\x00", b"\x01\x00"),
                (b"\x05\x01\x00\x03\x0borigin.test\x01\xbb", b"\x05\x00\x00\x03\x00\x04\x38"),
            ]),
        ),
        (
            socks4(ip("192.0.2.7"), "me"),
            turns(&[(b"\x04\x01\x01\xbb\xc0\x00\x02\x07me\x00", b"\x00\x5a\x00\x00\x00\x00\x00\x00")]),
        ),
        (
            socks4(name("origin.test"), ""),
            turns(&[(
                b"\x04\x01\x01\xbb\x00\x00\x00\x01\x00origin.test\x00",
                b"\x00\x5a\x04\x38\x7f\x00\x00\x01",
            )]),
        ),
    ]
}

/// All turns but the last answer, which is handed back.
fn up_to_the_last(machine: &mut Machine, turns: &Turns) -> Vec<u8> {
    let (last, before) = turns.split_last().unwrap();
    for (ours, theirs) in before {
        assert_eq!(machine.sent(), *ours);
        machine.receive(theirs);
    }
    assert_eq!(machine.sent(), last.0);
    last.1.clone()
}

/// The layer stands, nothing is left over, and a request goes through as if there were no proxy.
fn stands(machine: &mut Machine) {
    assert_eq!(machine.connection.failure(), None);
    assert_eq!(machine.connection.protocol(), Some(Protocol::Http1));
    assert_eq!(machine.connection.next_timeout(), None);
    assert_eq!(machine.sent(), b"");
    let id = machine.get();
    machine.receive(b"HTTP/1.1 204 No Content\r\n\r\n");
    let head = machine.connection.read_head(id, machine.clock.now());
    assert_eq!(head.unwrap().unwrap().status, 204);
}

fn failure(machine: &Machine) -> Error {
    assert_eq!(machine.connection.protocol(), None);
    assert!(!machine.connection.wants_read());
    assert_eq!(machine.connection.next_timeout(), None);
    machine.connection.failure().unwrap().clone()
}

fn times_out_in(machine: &mut Machine, phase: Phase) {
    let due = machine.clock.now() + LIMIT;
    assert_eq!(machine.connection.next_timeout(), Some(due));
    let before = due - Duration::from_nanos(1);
    machine.connection.handle_timeout(before);
    assert_eq!(machine.connection.failure(), None);
    machine.connection.handle_timeout(due);
    assert_eq!(failure(machine), Error::Timeout(phase));
}
