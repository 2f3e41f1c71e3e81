//! Names that dnsmasq knows: a resolver of the tests' own asks it over UDP (RFC 1035 section 4).

use crate::servers::{NGINX, Way, builder, variable};
use nuncio::{Event, Kind, Resolver};
use nuncio_tests::adapters::Adapter;
use nuncio_tests::behaviour;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Kinds of records.
const A: u16 = 1;
const AAAA: u16 = 28;

/// The addresses that dnsmasq has for `host`, in the order of `kinds`.
fn look_up(host: &str, kinds: &[u16]) -> io::Result<Vec<IpAddr>> {
    let mut all = Vec::new();
    for &kind in kinds {
        all.extend(ask(host, kind)?);
    }
    Ok(all)
}

fn ask(host: &str, kind: u16) -> io::Result<Vec<IpAddr>> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_read_timeout(Some(Duration::from_secs(5)))?;
    socket.connect(format!("127.0.0.1:{}", variable("DNSMASQ_DNS")))?;
    // Its id, "recursion desired", one question, nothing else.
    let mut query = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00".to_vec();
    for label in host.split('.') {
        query.push(label.len().try_into().unwrap());
        query.extend_from_slice(label.as_bytes());
    }
    query.push(0);
    query.extend_from_slice(&kind.to_be_bytes());
    query.extend_from_slice(b"\x00\x01");
    socket.send(&query)?;
    let mut answer = vec![0; 512];
    let length = socket.recv(&mut answer)?;
    answer.truncate(length);
    assert_eq!(answer[..2], query[..2], "an answer to something else");
    match answer[3] & 15 {
        0 => Ok(addresses(&answer, query.len())),
        3 => Err(io::Error::new(ErrorKind::NotFound, "no such name")),
        code => Err(io::Error::other(format!("the name server failed: {code}"))),
    }
}

/// Those in the answer's records, which begin at `at`, behind a copy of the question.
fn addresses(answer: &[u8], mut at: usize) -> Vec<IpAddr> {
    let number = |at: usize| usize::from(u16::from_be_bytes([answer[at], answer[at + 1]]));
    let mut all = Vec::new();
    for _ in 0..number(6) {
        assert_eq!(answer[at] >> 6, 3, "a name that is not a pointer");
        // Pointer, kind, class, seconds, length.
        let (kind, length) = (number(at + 2), number(at + 10));
        let data = &answer[at + 12..][..length];
        if kind == usize::from(A) {
            all.push(<[u8; 4]>::try_from(data).unwrap().into());
        } else if kind == usize::from(AAAA) {
            all.push(<[u8; 16]>::try_from(data).unwrap().into());
        }
        at += 12 + length;
    }
    all
}

/// A resolver that asks dnsmasq.
fn resolver(kinds: &'static [u16]) -> Resolver {
    Resolver::blocking(move |host: &str, port: u16| {
        let found = look_up(host, kinds)?.into_iter();
        Ok(found.map(|ip| SocketAddr::new(ip, port)).collect())
    })
}

/// nginx by another name.
fn url(way: Way, name: &str) -> String {
    NGINX.url(way, "/150.txt").replace("localhost", name)
}

behaviour!(
    #[ignore = "needs tests/interop/run"]
    names_have_the_addresses_that_the_name_server_says
);
fn names_have_the_addresses_that_the_name_server_says<T: Adapter>(adapter: &T) {
    let (four, six) = ("127.0.0.1", "[::1]");
    let rows: [(&str, &'static [u16], &[&str]); 6] = [
        ("four.test", &[A], &[four]),
        ("four.test", &[AAAA, A], &[four]),
        ("two.test", &[A], &[four]),
        ("two.test", &[A, AAAA], &[four, six]),
        ("two.test", &[AAAA, A], &[six, four]),
        ("six.test", &[A, AAAA], &[six]),
    ];
    for way in Way::USUAL {
        for (name, kinds, expected) in rows {
            let heard = Arc::new(Mutex::new((Vec::new(), Vec::new())));
            let log = Arc::clone(&heard);
            let client = builder(adapter, way)
                .resolver(resolver(kinds))
                .on_event(move |event: &Event<'_>| match event {
                    Event::ResolveComplete { addresses } => {
                        log.lock().unwrap().0.extend_from_slice(addresses);
                    }
                    Event::ConnectComplete { address } => {
                        log.lock().unwrap().1.push(address.to_string());
                    }
                    _ => {}
                })
                .build()
                .unwrap();
            let sent = adapter.send(client.get(url(way, name)));
            let port = NGINX.url(way, "").rsplit_once(':').unwrap().1.to_owned();
            let at = |ip: &&str| format!("{ip}:{port}");
            let (found, dialed) = &*heard.lock().unwrap();
            let found: Vec<String> = found.iter().map(ToString::to_string).collect();
            let expected: Vec<String> = expected.iter().map(at).collect();
            assert_eq!(found, expected, "{name} {kinds:?}");
            // nginx listens on 127.0.0.1 alone.
            if name == "six.test" {
                let error = sent.unwrap_err();
                assert_eq!(error.kind(), Kind::Connect, "{error}");
                assert!(error.to_string().contains(&expected[0]), "{error}");
            } else {
                let response = sent.unwrap();
                assert_eq!(response.bytes().len(), 150, "{name} {kinds:?}");
                assert_eq!(response.version(), way.version(), "{name} {kinds:?}");
                assert_eq!(*dialed, [at(&four)], "{name} {kinds:?}");
            }
        }
    }
}

behaviour!(
    #[ignore = "needs tests/interop/run"]
    a_name_that_is_not_there_is_named
);
fn a_name_that_is_not_there_is_named<T: Adapter>(adapter: &T) {
    for way in Way::USUAL {
        let builder = builder(adapter, way).resolver(resolver(&[AAAA, A]));
        let client = builder.build().unwrap();
        let error = adapter.send(client.get(url(way, "none.test"))).unwrap_err();
        assert_eq!(error.kind(), Kind::Connect, "{error}");
        let text = error.to_string();
        assert!(
            text.contains("none.test") && text.ends_with("no such name"),
            "{text}"
        );
        // The name is there, and has nothing of this kind.
        let builder = crate::servers::builder(adapter, way).resolver(resolver(&[AAAA]));
        let client = builder.build().unwrap();
        let error = adapter.send(client.get(url(way, "four.test"))).unwrap_err();
        assert_eq!(error.kind(), Kind::Connect, "{error}");
        assert!(
            error.to_string().contains("'four.test' has no address"),
            "{error}"
        );
        assert_eq!(client.pool().connections, 0);
    }
}
