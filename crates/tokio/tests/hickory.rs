//! Names looked up by hickory-resolver, from a DNS server of the test's own.

#![cfg(feature = "hickory")]

use nuncio_testkit::server::Server;
use nuncio_tokio::hickory_resolver::TokioResolver;
use nuncio_tokio::hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use nuncio_tokio::{Kind, from_hickory};
use std::net::{Ipv4Addr, UdpSocket};

/// Answers questions for `here.test` with 127.0.0.1, and all others with NXDOMAIN; gives its port.
fn name_server() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let mut query = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut query) {
            let question = &query[12..length];
            let name = b"\x04here\x04test\x00";
            let end = question.iter().position(|byte| *byte == 0).unwrap() + 5;
            let known = question.to_ascii_lowercase().starts_with(name);
            let is_a = question[end - 4..end] == [0, 1, 0, 1];
            let mut answer = query[..12].to_vec();
            // A response, authoritative; NXDOMAIN where the name is not known.
            (answer[2], answer[3]) = (0x85, if known { 0x80 } else { 0x83 });
            answer[4..12].copy_from_slice(&[0, 1, 0, u8::from(known && is_a), 0, 0, 0, 0]);
            answer.extend_from_slice(&question[..end]);
            if known && is_a {
                answer.extend_from_slice(b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\x7f\0\0\x01");
            }
            let _ = socket.send_to(&answer, from);
        }
    });
    port
}

#[tokio::test]
async fn names_are_looked_up_by_it_and_those_that_are_unknown_are_errors() {
    let mut connection = ConnectionConfig::udp();
    connection.port = name_server();
    let mut server = NameServerConfig::udp(Ipv4Addr::LOCALHOST.into());
    server.connections = vec![connection];
    let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
    let resolver = TokioResolver::builder_with_config(config, Default::default());
    let resolver = from_hickory(resolver.build().unwrap());
    let client = nuncio_tokio::builder().resolver(resolver).build().unwrap();

    let origin = Server::http();
    let url = format!("http://here.test:{}/json", origin.addr().port());
    let response = client.get(url).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.peer_address(), Some(origin.addr()));

    let error = client.get("http://gone.test/").send().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Connect, "{error}");
    assert!(error.to_string().contains("'gone.test'"), "{error}");
}
