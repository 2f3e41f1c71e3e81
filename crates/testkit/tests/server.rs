//! The embedded origin, seen through a bare socket.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use nuncio_testkit::certs::{Authority, Fault};
use nuncio_testkit::checksum::Checksum;
use nuncio_testkit::content;
use nuncio_testkit::server::{Reply, Server};

/// Sends `request` and gives back everything until the end of the connection.
fn talk(server: &Server, request: impl AsRef<[u8]>) -> String {
    let mut socket = TcpStream::connect(server.addr()).unwrap();
    socket.write_all(request.as_ref()).unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}

fn get(server: &Server, target: &str) -> (String, String) {
    let request = format!("GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let answer = talk(server, request);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

#[test]
fn ready_made_paths_answer_as_the_table_says() {
    let server = Server::http();
    let head = |target: &str| get(&server, target).0;
    let body = |target: &str| get(&server, target).1;
    let text = |length| String::from_utf8(content::bytes(length)).unwrap();

    assert!(head("/json").contains("\r\ncontent-type: application/json\r\n"));
    assert!(head("/bytes/100000").contains("\r\ncontent-length: 100000\r\n"));
    assert_eq!(body("/bytes/100000"), text(100_000));
    assert_eq!(body("/bytes/0"), "");
    assert!(head("/chunked/5").contains("\r\ntransfer-encoding: chunked\r\n"));
    assert_eq!(body("/chunked/5"), format!("5\r\n{}\r\n0\r\n\r\n", text(5)));
    assert_eq!(body("/chunked/0"), "0\r\n\r\n");
    let sum = content::checksum(5);
    let trailers = format!("5\r\n{}\r\n0\r\nx-checksum: {sum:016x}\r\n\r\n", text(5));
    assert_eq!(body("/trailers/5"), trailers);
    assert!(!head("/close/70000").contains("content-length"));
    assert_eq!(body("/close/70000"), text(70_000));
    assert!(head("/cut/9/4").contains("\r\ncontent-length: 9\r\n"));
    assert_eq!(body("/cut/9/4"), text(4));
    assert_eq!(body("/drip/4/1"), text(4));
    assert!(head("/status/404").starts_with("HTTP/1.1 404 Not Found\r\n"));
    assert_eq!(body("/status/500"), "status 500\n");
    assert_eq!(get(&server, "/status/204").1, "");
    assert!(!head("/status/304").contains("content-length"));
    assert!(head("/redirect/2").contains("\r\nlocation: /redirect/1\r\n"));
    assert!(head("/redirect/0").starts_with("HTTP/1.1 200 "));
    let there = head("/redirect-to?status=307&url=http%3A%2F%2Fb%2F%3Fx=y");
    assert!(
        there.starts_with("HTTP/1.1 307 Temporary Redirect\r\n"),
        "{there}"
    );
    assert!(there.contains("\r\nlocation: http://b/?x=y\r\n"), "{there}");
    assert!(head("/hints").starts_with("HTTP/1.1 103 Early Hints\r\nlink: </a.css>"));
    assert!(body("/hints").starts_with("HTTP/1.1 200 OK\r\n"));
    assert!(head("/nothing/here").starts_with("HTTP/1.1 404 "));
    assert!(head("/bytes/x").starts_with("HTTP/1.1 404 "));

    let before = Instant::now();
    head("/delay/50");
    assert!(before.elapsed() >= Duration::from_millis(50));
}

#[test]
fn keep_alive_serves_many_requests_on_one_connection_and_counts_them() {
    let server = Server::http();
    let mut requests = "GET /bytes/3 HTTP/1.1\r\nHost: a\r\n\r\n".repeat(99);
    requests += "POST /json HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nxyz";
    requests += "HEAD /bytes/7 HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n\r\n";
    let answer = talk(&server, requests);
    assert_eq!(answer.matches("HTTP/1.1 200 OK\r\n").count(), 101);
    assert!(
        answer.ends_with("content-length: 7\r\nconnection: close\r\n\r\n"),
        "{answer}"
    );
    assert_eq!((server.connections(), server.requests()), (1, 101));
}

#[test]
fn bodies_of_both_framings_are_read_and_echoed() {
    let server = Server::http();
    let sized = "POST /echo?q HTTP/1.1\r\nHost: a\r\nX-Two:  b \r\nConnection: close\r\n\
                 Content-Length: 3\r\n\r\nabc";
    let answer = talk(&server, sized);
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    let line =
        r#"{"method":"POST","target":"/echo?q","version":"HTTP/1.1","connection":0,"index":0}"#;
    assert!(body.starts_with(line), "{body}");
    assert!(
        body.contains("\n{\"name\":\"X-Two\",\"value\":\"b\"}\n"),
        "{body}"
    );
    assert!(body.ends_with("\n\nabc"), "{body}");

    let chunked = "PUT /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: \
                   chunked\r\n\r\n1;x=y\r\na\r\n00A\r\n0123456789\r\n0\r\nT: v\r\n\r\n";
    let answer = talk(&server, chunked);
    assert!(answer.contains("{\"trailer\":\"T: v\"}\n"), "{answer}");
    assert!(answer.ends_with("\n\na0123456789"), "{answer}");

    let mirrored = talk(&server, chunked.replace("/echo", "/mirror"));
    assert!(
        mirrored.ends_with("\r\n\r\n1\r\na\r\na\r\n0123456789\r\n0\r\n\r\n"),
        "{mirrored}"
    );
}

#[test]
fn a_large_upload_is_summed_and_a_large_download_is_whole() {
    const LENGTH: usize = 5_000_000;
    let server = Server::http();
    let mut request =
        format!("POST /checksum HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {LENGTH}\r\n\r\n")
            .into_bytes();
    request.extend_from_slice(&content::bytes(LENGTH));
    let sum = content::checksum(LENGTH as u64);
    let answer = talk(&server, request);
    let expected = format!(r#"{{"bytes":{LENGTH},"checksum":"{sum:016x}"}}"#);
    assert!(answer.ends_with(&expected), "{answer}");
    let (_, body) = get(&server, "/bytes/5000000");
    assert_eq!(Checksum::of(body.as_bytes()), sum);
}

#[test]
fn expect_continue_is_met_when_the_body_is_wanted_and_only_then() {
    let server = Server::http();
    let head = "POST /PATH HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nConnection: close\r\n\
                Content-Length: 2\r\n\r\n";
    let mut socket = TcpStream::connect(server.addr()).unwrap();
    socket
        .write_all(head.replace("PATH", "checksum").as_bytes())
        .unwrap();
    let mut interim = [0; 25];
    socket.read_exact(&mut interim).unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    socket.write_all(b"ok").unwrap();
    let mut rest = String::new();
    socket.read_to_string(&mut rest).unwrap();
    assert!(rest.contains(r#"{"bytes":2,"#), "{rest}");

    let early = talk(&server, head.replace("PATH", "early/413"));
    assert!(
        early.starts_with("HTTP/1.1 413 Content Too Large\r\n"),
        "{early}"
    );
}

#[test]
fn an_early_answer_arrives_although_the_body_never_ends() {
    let server = Server::http();
    let mut socket = TcpStream::connect(server.addr()).unwrap();
    let head = b"POST /early/413 HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n";
    socket.write_all(head).unwrap();
    socket.write_all(&[b'x'; 100_000]).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert!(
        answer.ends_with("connection: close\r\n\r\nstatus 413\n"),
        "{answer}"
    );
}

#[test]
fn rule_breakers_get_a_400_that_says_why() {
    let server = Server::http();
    for (request, why) in [
        ("GET /json HTTP/1.1\r\n\r\n", "not exactly one Host"),
        (
            "GET /json HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
            "not exactly one Host",
        ),
        ("GET  /json HTTP/1.1\r\nHost: a\r\n\r\n", "three words"),
        ("GET /json HTTP/2.0\r\nHost: a\r\n\r\n", "version"),
        ("G@T /json HTTP/1.1\r\nHost: a\r\n\r\n", "forbidden"),
        ("GET /json HTTP/1.1\r\nHost : a\r\n\r\n", "forbidden"),
        ("GET /json HTTP/1.1\r\nHost: a\nb: c\r\n\r\n", "forbidden"),
        ("GET /json HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n", "colon"),
        (
            "PUT /json HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx",
            "length",
        ),
        (
            "PUT /json HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "framing",
        ),
    ] {
        let answer = talk(&server, request);
        assert!(
            answer.starts_with("HTTP/1.1 400 "),
            "{request:?} {answer:?}"
        );
        assert!(answer.contains(why), "{request:?} {answer:?}");
    }
}

#[test]
fn routes_of_a_tests_own_come_first() {
    let server = Server::builder()
        .route("/json", |request, body| {
            let text = format!("{} {} {}", request.method(), request.query(), body.len());
            Reply::new(201).header("X-Own", "yes").body(text)
        })
        .start();
    let (head, body) = get(&server, "/json?a=b");
    assert!(
        head.starts_with("HTTP/1.1 201 Created\r\nX-Own: yes\r\n"),
        "{head}"
    );
    assert_eq!(body, "GET a=b 0");
}

#[test]
fn a_server_told_to_closes_after_so_many_answers_without_a_word() {
    let server = Server::builder().close_after(2).start();
    let answer = talk(
        &server,
        "GET /bytes/1 HTTP/1.1\r\nHost: a\r\n\r\n".repeat(3),
    );
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 2);
    assert!(!answer.contains("close"));
    assert_eq!(server.requests(), 2);
}

#[test]
fn dropping_a_server_ends_idle_stalled_waiting_and_sending_connections() {
    let server = Server::http();
    let request = |path: &str| {
        let mut socket = TcpStream::connect(server.addr()).unwrap();
        write!(socket, "GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        socket
    };
    let idle = TcpStream::connect(server.addr()).unwrap();
    let sockets = [
        "/stall",
        "/delay/60000",
        "/drip/9/60000",
        "/bytes/9999999999",
        "/json",
    ]
    .map(request);
    let deadline = Instant::now() + Duration::from_secs(10);
    while (server.open_connections() < 6 || server.requests() < 5) && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!((server.connections(), server.requests()), (6, 5));
    let before = Instant::now();
    drop(server);
    assert!(before.elapsed() < Duration::from_secs(5));
    drop((idle, sockets));
}

#[test]
fn close_connections_ends_idle_connections_and_welcomes_new_ones() {
    let server = Server::http();
    let mut socket = TcpStream::connect(server.addr()).unwrap();
    socket
        .write_all(b"HEAD /json HTTP/1.1\r\nHost: a\r\n\r\n")
        .unwrap();
    let mut first = [0; 4];
    socket.read_exact(&mut first).unwrap();
    server.close_connections();
    let mut rest = String::new();
    socket.read_to_string(&mut rest).unwrap();
    assert!(get(&server, "/json").0.starts_with("HTTP/1.1 200 OK"));
}

#[test]
fn tls_serves_the_same_and_bad_certificates_are_refused() {
    let authority = Authority::new();
    let talk = |server: &Server| -> std::io::Result<String> {
        let config = authority.client_config(&["h2", "http/1.1"]);
        let connection = rustls::ClientConnection::new(config, "localhost".try_into().unwrap());
        let socket = TcpStream::connect(server.addr())?;
        let mut tls = rustls::StreamOwned::new(connection.unwrap(), socket);
        tls.write_all(b"GET /bytes/300000 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")?;
        assert_eq!(tls.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
        let mut answer = String::new();
        tls.read_to_string(&mut answer)?;
        Ok(answer)
    };
    let good = Server::https(&authority.leaf());
    assert!(good.url("/x").starts_with("https://localhost:"));
    let answer = talk(&good).unwrap();
    assert_eq!(
        answer.split_once("\r\n\r\n").unwrap().1.as_bytes(),
        content::bytes(300_000)
    );

    for (fault, expected) in [
        (Fault::Expired, "expired"),
        (Fault::NotYetValid, "not valid yet"),
        (Fault::WrongHost, "not valid for name"),
        (Fault::SelfSigned, "UnknownIssuer"),
        (Fault::UnknownAuthority, "UnknownIssuer"),
    ] {
        let bad = Server::https(&authority.faulty_leaf(fault));
        let error = talk(&bad).unwrap_err().to_string();
        assert!(error.contains(expected), "{fault:?}: {error}");
    }
}
