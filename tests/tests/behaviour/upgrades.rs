//! Connections that leave HTTP: 101 to a request that offered it, 2xx to CONNECT (BEHAVIOUR sections
//! 24 and 27, SECURITY F22, F24, F25, K2, K3). What is put inside of them is in `tunnels.rs`.

use nuncio::auth::{AuthFlow, AuthScheme, AuthStep};
use nuncio::{Auth, Error, Kind, Limits, Redirects, Reply, Request, Response, Timeout, Transport};
use nuncio_client::{Client, RequestBuilder};
use nuncio_testkit::certs::Authority;
use nuncio_testkit::content;
use nuncio_testkit::latch::Latch;
use nuncio_testkit::script::{End, Script, ScriptedPeer, Step};
use nuncio_tests::adapters::{Adapter, Download, Duplex};
use nuncio_tests::behaviour;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// The head by which a server leaves HTTP.
pub(crate) const SWITCH: &str =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n";

pub(crate) const TUNNEL: &str = "HTTP/1.1 200 Connection Established\r\n\r\n";

/// A server of one connection, which leaves HTTP after its first request whatever that is.
pub(crate) struct Switching<T> {
    pub(crate) url: String,
    served: JoinHandle<io::Result<T>>,
}

impl<T: Send + 'static> Switching<T> {
    pub(crate) fn start(
        head: &'static str,
        serve: impl FnOnce(TcpStream) -> io::Result<T> + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let served = thread::spawn(move || {
            let (mut socket, _) = listener.accept()?;
            socket.set_nodelay(true)?;
            socket.set_read_timeout(Some(Duration::from_secs(10)))?;
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                socket.read_exact(&mut byte)?;
                request.push(byte[0]);
            }
            socket.write_all(head.as_bytes())?;
            serve(socket)
        });
        Switching { url, served }
    }

    /// What it came to.
    pub(crate) fn finish(self) -> T {
        self.served.join().unwrap().unwrap()
    }
}

/// Sends back what comes, until the other side ends.
pub(crate) fn echo(socket: TcpStream) -> io::Result<u64> {
    let sent = io::copy(&mut &socket, &mut &socket)?;
    socket.shutdown(Shutdown::Write)?;
    Ok(sent)
}

/// A request that offers to leave HTTP.
pub(crate) fn offer<A: Adapter>(
    client: &Client<A::Driver>,
    url: impl AsRef<str>,
) -> RequestBuilder<A::Driver> {
    let request = client.get(url).header("Connection", "Upgrade");
    request.header("Upgrade", "test")
}

/// The connection that such a request came to.
pub(crate) fn upgraded<A: Adapter>(
    adapter: &A,
    client: &Client<A::Driver>,
    url: impl AsRef<str>,
) -> <A::Download as Download>::Upgraded {
    let response = adapter.stream(offer::<A>(client, url)).unwrap();
    assert_eq!(response.status(), 101);
    response.upgrade().unwrap()
}

pub(crate) fn read_all(stream: &mut impl Read) -> Vec<u8> {
    let mut all = Vec::new();
    stream.read_to_end(&mut all).unwrap();
    all
}

#[track_caller]
pub(crate) fn read_word(stream: &mut impl Read, word: &str) {
    let mut read = vec![0; word.len()];
    stream.read_exact(&mut read).unwrap();
    assert_eq!(String::from_utf8(read).unwrap(), word);
}

behaviour!(b24_a_101_hands_over_the_stream_with_what_stood_behind_it);
fn b24_a_101_hands_over_the_stream_with_what_stood_behind_it<A: Adapter>(adapter: &A) {
    let peer = Script::new()
        .connection([
            Step::ExpectHead,
            Step::send(format!("{SWITCH}trailing")),
            Step::ExpectBytes(4),
            Step::send("pong"),
            Step::ExpectEof,
        ])
        .start();
    let client = adapter.client();
    let mut stream = upgraded(adapter, &client, peer.url("/chat"));
    assert_eq!(stream.head().headers().first("upgrade"), Some(&b"test"[..]));
    assert_eq!(stream.peer_address(), Some(peer.addr()));
    read_word(&mut stream, "trailing");
    stream.write_all(b"ping").unwrap();
    read_word(&mut stream, "pong");
    assert_eq!(client.pool().connections, 1);
    drop(stream);
    assert_eq!(client.pool().connections, 0);
    let record = &peer.finish()[0];
    assert_eq!(record.end, End::Complete);
    let received = String::from_utf8(record.received.clone()).unwrap();
    assert!(
        received.starts_with("GET /chat HTTP/1.1\r\nHost: "),
        "{received}"
    );
    assert!(
        received.contains("\r\nConnection: Upgrade\r\n"),
        "{received}"
    );
    assert!(received.contains("\r\nUpgrade: test\r\n"), "{received}");
    assert!(received.ends_with("\r\n\r\nping"), "{received}");
}

behaviour!(b24_a_101_cut_in_two_anywhere_hands_over_the_same);
fn b24_a_101_cut_in_two_anywhere_hands_over_the_same<A: Adapter>(adapter: &A) {
    let all = format!("{SWITCH}trailing");
    let mut script = Script::new().connection([
        Step::ExpectHead,
        Step::SendByteByByte(all.clone().into_bytes()),
    ]);
    for cut in 0..all.len() {
        script = script.connection([
            Step::ExpectHead,
            Step::send(&all[..cut]),
            Step::Sleep(Duration::from_millis(1)),
            Step::send(&all[cut..]),
        ]);
    }
    let peer = script.start();
    let client = adapter.client();
    for _ in 0..=all.len() {
        let mut stream = upgraded(adapter, &client, peer.url("/"));
        assert_eq!(read_all(&mut stream), b"trailing");
        // The end stays the end.
        assert_eq!(read_all(&mut stream), b"");
    }
}

behaviour!(b24_bytes_go_both_ways_at_once);
fn b24_bytes_go_both_ways_at_once<A: Adapter>(adapter: &A) {
    let server = Switching::start(SWITCH, echo);
    let stream = upgraded(adapter, &adapter.client(), &server.url);
    let sent = content::bytes(1 << 20);
    let (mut stream, got) = stream.both(sent.clone(), sent.len());
    assert!(got == sent);
    stream.end().unwrap();
    assert_eq!(read_all(&mut stream), b"");
    assert_eq!(server.finish(), 1 << 20);
}

behaviour!(b24_each_side_may_end_its_sending_first);
fn b24_each_side_may_end_its_sending_first<A: Adapter>(adapter: &A) {
    let server = Switching::start(SWITCH, |mut socket| {
        let said = read_all(&mut socket);
        socket.write_all(b"heard ")?;
        socket.write_all(&said)?;
        Ok(())
    });
    let mut stream = upgraded(adapter, &adapter.client(), &server.url);
    stream.write_all(b"this").unwrap();
    stream.end().unwrap();
    assert_eq!(read_all(&mut stream), b"heard this");
    stream.end().unwrap();
    let refused = stream.write_all(b"more").unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::BrokenPipe, "{refused}");
    server.finish();

    let server = Switching::start(SWITCH, |mut socket| {
        socket.shutdown(Shutdown::Write)?;
        Ok(read_all(&mut socket))
    });
    let mut stream = upgraded(adapter, &adapter.client(), &server.url);
    assert_eq!(read_all(&mut stream), b"");
    stream.write_all(b"still heard").unwrap();
    stream.end().unwrap();
    assert_eq!(server.finish(), b"still heard");
}

behaviour!(b24_a_reset_is_an_error_of_its_own_kind);
fn b24_a_reset_is_an_error_of_its_own_kind<A: Adapter>(adapter: &A) {
    let reset = Latch::new();
    let peer = Script::new()
        .connection([
            Step::ExpectHead,
            Step::send(SWITCH),
            Step::Wait(reset.clone()),
            Step::Reset,
        ])
        .start();
    let mut stream = upgraded(adapter, &adapter.client(), peer.url("/"));
    reset.open();
    for _ in 0..2 {
        let error = stream.read(&mut [0; 8]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
    }
    let error = stream.write_all(b"too late").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenPipe, "{error}");
}

behaviour!(k02_what_has_left_http_is_used_for_nothing_else);
fn k02_what_has_left_http_is_used_for_nothing_else<A: Adapter>(adapter: &A) {
    let head = || Step::send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let closed = || [Step::ExpectHead, Step::send(SWITCH), Step::ExpectEof];
    let peer = Script::new()
        .connection([
            Step::ExpectHead,
            head(),
            Step::ExpectHead,
            Step::send(SWITCH),
            Step::ExpectEof,
        ])
        .connection(closed())
        .connection(closed())
        .connection([Step::ExpectHead, head()])
        .start();
    let limits = Limits {
        max_connections: Some(1),
        ..Limits::default()
    };
    let client = adapter.builder().limits(limits).build().unwrap();
    let late = Timeout::default().pool(Duration::from_millis(50));
    let url = peer.url("/");
    // It may well begin on a connection that was used before.
    adapter.send(client.get(&url)).unwrap();
    let stream = upgraded(adapter, &client, &url);
    assert_eq!(peer.connections(), 1);
    // It keeps its place in the pool, for it is a connection like others.
    let error = adapter.send(client.get(&url).timeout(late)).unwrap_err();
    assert_eq!(error.kind(), Kind::PoolTimeout, "{error}");
    drop(stream);
    // A response that is dropped closes it, too, and so does one that is read.
    drop(adapter.stream(offer::<A>(&client, &url)).unwrap());
    let read = adapter.send(offer::<A>(&client, &url)).unwrap();
    assert_eq!((read.status().as_u16(), read.bytes().len()), (101, 0));
    assert_eq!(client.pool().connections, 0);
    let response = adapter.send(client.get(&url)).unwrap();
    assert_eq!(response.text(), "ok");
    let records = peer.finish();
    assert!(
        records.iter().all(|it| it.end == End::Complete),
        "{records:?}"
    );
}

behaviour!(f24_a_101_has_no_body_and_is_not_lost_by_looking_for_one);
fn f24_a_101_has_no_body_and_is_not_lost_by_looking_for_one<A: Adapter>(adapter: &A) {
    let fields = [
        "Content-Length: 3\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Content-Encoding: gzip\r\nContent-Length: 3\r\n",
    ];
    for fields in fields {
        let head = SWITCH.replace("\r\n\r\n", &format!("\r\n{fields}\r\n"));
        let peer = Script::new()
            .connection([Step::ExpectHead, Step::send(head + "abc")])
            .start();
        let client = adapter.client();
        let mut response = adapter.stream(offer::<A>(&client, peer.url("/"))).unwrap();
        assert_eq!(response.chunk().unwrap(), None);
        assert!(!response.is_closed() && response.elapsed().is_some());
        assert_eq!(read_all(&mut response.upgrade().unwrap()), b"abc");
    }
}

behaviour!(f22_a_101_that_was_not_asked_for_is_an_error);
fn f22_a_101_that_was_not_asked_for_is_an_error<A: Adapter>(adapter: &A) {
    let peer = Script::new()
        .connection([Step::ExpectHead, Step::send(SWITCH)])
        .repeat_last()
        .start();
    let client = adapter.client();
    let url = peer.url("/");
    for request in [
        client.get(&url),
        client.get(&url).header("Upgrade", "test"),
        client.get(&url).header("Connection", "Upgrade"),
        client.request("CONNECT", &url),
    ] {
        let error = adapter.stream(request).err().unwrap();
        assert_eq!(error.kind(), Kind::RemoteProtocol, "{error}");
        assert_eq!(client.pool().connections, 0);
    }
}

behaviour!(f25_nothing_leaves_behind_the_request_before_the_101);
fn f25_nothing_leaves_behind_the_request_before_the_101<A: Adapter>(adapter: &A) {
    let (ask, go) = (Latch::new(), Latch::new());
    let peer = Script::new()
        .connection([
            Step::ExpectHead,
            Step::ExpectBytes(4),
            Step::Open(ask.clone()),
            Step::Wait(go.clone()),
            Step::send(SWITCH),
            Step::ExpectBytes(5),
        ])
        .start();
    let client = adapter.client();
    let request = offer::<A>(&client, peer.url("/")).body("body");
    thread::scope(|scope| {
        scope.spawn(|| {
            ask.wait(Duration::from_secs(10));
            // All of the request is there, and the client has nothing that could be written to.
            let received = peer.records()[0].received.clone();
            assert!(received.ends_with(b"\r\n\r\nbody"));
            go.open();
        });
        let mut stream = adapter.stream(request).unwrap().upgrade().unwrap();
        stream.write_all(b"after").unwrap();
    });
    let received = &peer.finish()[0].received;
    assert!(received.ends_with(b"\r\n\r\nbodyafter"));
}

behaviour!(b24_what_was_not_upgraded_says_what_it_was);
fn b24_what_was_not_upgraded_says_what_it_was<A: Adapter>(adapter: &A) {
    let refusal = || Step::send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
    let peer = Script::new()
        .connection([Step::ExpectHead, refusal(), Step::ExpectHead, refusal()])
        .start();
    let client = adapter.client();
    let response = adapter.send(offer::<A>(&client, peer.url("/"))).unwrap();
    assert_eq!((response.status().as_u16(), &*response.text()), (403, "no"));
    let response = adapter.stream(offer::<A>(&client, peer.url("/"))).unwrap();
    let error = response.upgrade().err().unwrap();
    assert_eq!(error.kind(), Kind::Status);
    assert_eq!(error.response().map(|it| it.status().as_u16()), Some(403));
    let text = error.to_string();
    assert!(text.contains("did not switch protocols"), "{text}");
    assert!(
        text.contains("'403 Forbidden'") && text.contains(&peer.url("/")),
        "{text}"
    );
    assert_eq!((peer.connections(), client.pool().connections), (1, 0));

    let mut response = adapter
        .stream(offer::<A>(&client, switching().url("/")))
        .unwrap();
    response.close();
    assert!(response.is_closed());
    assert_eq!(client.pool().connections, 0);
    assert_eq!(response.upgrade().err().unwrap().kind(), Kind::Closed);

    let answers = Transport::function(|_| Ok(Reply::new(200)));
    let client = adapter.builder().transport(answers).build().unwrap();
    let response = adapter
        .stream(client.request("CONNECT", "http://a.test/"))
        .unwrap();
    assert_eq!(response.upgrade().err().unwrap().kind(), Kind::Usage);
}

fn switching() -> ScriptedPeer {
    let steps = [Step::ExpectHead, Step::send(SWITCH), Step::ExpectEof];
    Script::new().connection(steps).start()
}

behaviour!(b24_redirects_and_challenges_come_before_the_101);
fn b24_redirects_and_challenges_come_before_the_101<A: Adapter>(adapter: &A) {
    let answer = |head: &str| Step::send(format!("HTTP/1.1 {head}\r\nContent-Length: 0\r\n\r\n"));
    let peer = Script::new()
        .connection([
            Step::ExpectHead,
            answer("307 Temporary Redirect\r\nLocation: /there"),
            Step::ExpectHead,
            answer("401 Unauthorized\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\""),
            Step::ExpectHead,
            Step::send(format!("{SWITCH}in")),
        ])
        .start();
    let client = adapter.client();
    let request = offer::<A>(&client, peer.url("/here"))
        .redirects(Redirects::follow())
        .auth(Auth::digest("user", "pass"));
    let mut stream = adapter.stream(request).unwrap().upgrade().unwrap();
    assert_eq!(stream.head().history().len(), 2);
    read_word(&mut stream, "in");
    let received = String::from_utf8(peer.finish()[0].received.clone()).unwrap();
    assert_eq!(received.matches("\r\nUpgrade: test\r\n").count(), 3);
    assert!(received.contains("GET /there HTTP/1.1\r\n"), "{received}");
}

behaviour!(b24_an_authentication_that_reads_bodies_takes_none_from_a_101);
fn b24_an_authentication_that_reads_bodies_takes_none_from_a_101<A: Adapter>(adapter: &A) {
    struct Reads;
    impl AuthScheme for Reads {
        fn needs_response_body(&self) -> bool {
            true
        }
        fn start(&self, _request: &Request) -> Result<Box<dyn AuthFlow>, Error> {
            Ok(Box::new(Reads))
        }
    }
    impl AuthFlow for Reads {
        fn step(&mut self, _: &mut Request, last: Option<&Response>) -> Result<AuthStep, Error> {
            Ok(match last {
                None => AuthStep::Send,
                Some(last) => {
                    assert_eq!((last.status().as_u16(), last.bytes().len()), (101, 0));
                    AuthStep::Done
                }
            })
        }
    }
    let peer = Script::new()
        .connection([Step::ExpectHead, Step::send(format!("{SWITCH}all of it"))])
        .start();
    let client = adapter.client();
    let request = offer::<A>(&client, peer.url("/")).auth(Auth::scheme(Reads));
    let mut stream = adapter.stream(request).unwrap().upgrade().unwrap();
    assert_eq!(read_all(&mut stream), b"all of it");
}

behaviour!(f24_a_2xx_to_connect_is_a_tunnel_whatever_its_fields_say);
fn f24_a_2xx_to_connect_is_a_tunnel_whatever_its_fields_say<A: Adapter>(adapter: &A) {
    for (status, fields) in [
        ("200 Connection Established", ""),
        ("200 OK", "Content-Length: 3\r\n"),
        (
            "200 OK",
            "Transfer-Encoding: chunked\r\nConnection: close\r\n",
        ),
        ("204 No Content", ""),
        ("299 Any", "Content-Encoding: gzip\r\nContent-Length: 0\r\n"),
    ] {
        let head = format!("HTTP/1.1 {status}\r\n{fields}\r\n");
        let peer = Script::new()
            .connection([
                Step::ExpectHead,
                Step::send(head + "banner"),
                Step::ExpectBytes(2),
                Step::send("ok"),
            ])
            .start();
        let client = adapter.client();
        let response = adapter.stream(client.request("CONNECT", peer.url("/not/said?at=all")));
        let mut stream = response.unwrap().upgrade().unwrap();
        read_word(&mut stream, "banner");
        stream.write_all(b"go").unwrap();
        assert_eq!(read_all(&mut stream), b"ok");
        drop(stream);
        assert_eq!(client.pool().connections, 0);
        let received = String::from_utf8(peer.finish()[0].received.clone()).unwrap();
        let address = received.strip_prefix("CONNECT ").unwrap();
        let (target, rest) = address.split_once(" HTTP/1.1\r\n").unwrap();
        assert!(target.starts_with("127.0.0.1:"), "{received}");
        assert!(
            rest.starts_with(&format!("Host: {target}\r\n")),
            "{received}"
        );
        assert!(!received.contains("Content-Length") && received.ends_with("\r\n\r\ngo"));
    }
}

behaviour!(b24_connect_goes_where_its_host_says);
fn b24_connect_goes_where_its_host_says<A: Adapter>(adapter: &A) {
    for (host, target) in [
        ("example.com:443", "example.com:443"),
        // There is no port of its own that a CONNECT could leave out.
        ("example.com", "example.com:80"),
        ("[::1]:8443", "[::1]:8443"),
    ] {
        let client = adapter.client();
        let peer = Script::new()
            .connection([Step::ExpectHead, Step::send(TUNNEL)])
            .start();
        let request = client
            .request("CONNECT", peer.url("/"))
            .header("Host", host);
        adapter.stream(request).unwrap().upgrade().unwrap();
        let received = String::from_utf8(peer.finish()[0].received.clone()).unwrap();
        let line = format!("CONNECT {target} HTTP/1.1\r\nHost: {host}\r\n");
        assert!(received.starts_with(&line), "{received}");
    }
}

behaviour!(b24_a_refused_connect_is_a_response_like_others);
fn b24_a_refused_connect_is_a_response_like_others<A: Adapter>(adapter: &A) {
    let refused = "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 4\r\n\r\nauth";
    let peer = Script::new()
        .connection([
            Step::ExpectHead,
            Step::send(refused),
            Step::ExpectHead,
            Step::send("HTTP/1.1 502 Bad Gateway\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n"),
        ])
        .start();
    let client = adapter.client();
    let response = adapter
        .send(client.request("CONNECT", peer.url("/")))
        .unwrap();
    assert_eq!(
        (response.status().as_u16(), &*response.text()),
        (407, "auth")
    );
    let mut response = adapter
        .stream(client.request("CONNECT", peer.url("/")))
        .unwrap();
    assert_eq!(response.status(), 502);
    assert_eq!(response.chunk().unwrap().as_deref(), Some(&b"no"[..]));
    assert_eq!(response.chunk().unwrap(), None);
    assert_eq!((peer.connections(), client.pool().idle), (1, 1));
    let body = adapter.send(client.request("CONNECT", peer.url("/")).body("x"));
    assert_eq!(body.unwrap_err().kind(), Kind::LocalProtocol);
}

behaviour!(b24_over_tls_both_ways_and_its_end);
fn b24_over_tls_both_ways_and_its_end<A: Adapter>(adapter: &A) {
    let authority = Authority::new();
    let config = authority.leaf().server_config(&["http/1.1"]);
    let switch = || Step::send(format!("{SWITCH}trailing"));
    let peer = Script::new()
        .tls(config)
        .connection([
            Step::ExpectHead,
            switch(),
            Step::ExpectEof,
            Step::send("bye"),
            Step::CloseNotify,
        ])
        .connection([Step::ExpectHead, switch(), Step::HalfClose, Step::ExpectEof])
        .start();
    let client = adapter.builder().root_certificates(authority.pem());
    let client = client.build().unwrap();
    let url = peer.url("/").replace("http:", "https:");
    let mut stream = upgraded(adapter, &client, &url);
    read_word(&mut stream, "trailing");
    stream.write_all(b"over and out").unwrap();
    stream.end().unwrap();
    assert_eq!(read_all(&mut stream), b"bye");
    // Cut off, where the peer did not say that this is the end.
    let mut stream = upgraded(adapter, &client, &url);
    read_word(&mut stream, "trailing");
    let error = stream.read(&mut [0; 8]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof, "{error}");
    drop(stream);
    let records = peer.finish();
    assert!(records[0].received.ends_with(b"\r\n\r\nover and out"));
    assert!(
        records.iter().all(|it| it.end == End::Complete),
        "{records:?}"
    );
}
