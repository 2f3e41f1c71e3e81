//! What is put inside of a connection that has left HTTP, and who uses it how: TLS, threads, tasks,
//! dropped futures, HTTP/2 where there is no such thing (BEHAVIOUR section 27, SECURITY K3, X5).

use crate::http2::origin::{Manners, Origin};
use crate::upgrades::{SWITCH, Switching, TUNNEL, echo, offer, read_all, read_word, upgraded};
use futures_io::{AsyncRead, AsyncWrite};
use nuncio::{Kind, Timeout, TlsParams, Upgraded};
use nuncio_client::Client;
use nuncio_testkit::certs::{Authority, Fault};
use nuncio_testkit::content;
use nuncio_testkit::latch::Latch;
use nuncio_testkit::script::{Script, Step};
use nuncio_testkit::server::Server;
use nuncio_tests::adapters::{
    Adapter, Blocking, CurrentThread, Download, Duplex, Executor, MultiThread,
};
use nuncio_tests::{async_behaviour, behaviour};
use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, mpsc};
use std::task::Poll;
use std::thread;
use std::time::Duration;

/// A server that tunnels to `to`, as one that takes CONNECT does.
fn tunnelling(to: SocketAddr) -> Switching<()> {
    Switching::start(TUNNEL, move |near| {
        let far = TcpStream::connect(to)?;
        let (up, down) = (near.try_clone()?, far.try_clone()?);
        let back = thread::spawn(move || {
            let copied = io::copy(&mut &down, &mut &up);
            let _ = up.shutdown(std::net::Shutdown::Write);
            copied
        });
        // Whichever side ends, and however it does.
        let _ = io::copy(&mut &near, &mut &far);
        let _ = far.shutdown(std::net::Shutdown::Write);
        let _ = back.join();
        Ok(())
    })
}

fn connected<A: Adapter>(
    adapter: &A,
    client: &Client<A::Driver>,
    url: &str,
) -> <A::Download as Download>::Upgraded {
    let response = adapter.stream(client.request("CONNECT", url));
    response.unwrap().upgrade().unwrap()
}

const REQUEST: &[u8] = b"GET /json HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

#[track_caller]
fn ask(stream: &mut impl Duplex) {
    stream.write_all(REQUEST).unwrap();
    let answer = String::from_utf8(read_all(stream)).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with('}'), "{answer}");
}

behaviour!(b27_tls_is_begun_inside_of_a_tunnel);
fn b27_tls_is_begun_inside_of_a_tunnel<A: Adapter>(adapter: &A) {
    let authority = Authority::new();
    let server = Server::https(&authority.leaf());
    let client = adapter.builder().root_certificates(authority.pem());
    let client = client.build().unwrap();
    let proxy = tunnelling(server.addr());
    let mut stream = connected(adapter, &client, &proxy.url);
    stream.start_tls("localhost").unwrap();
    ask(&mut stream);
    drop(stream);
    proxy.finish();
    assert_eq!(client.pool().connections, 0);

    // With a configuration of one's own, whatever the client trusts.
    let proxy = tunnelling(server.addr());
    let mut stream = connected(adapter, &adapter.client(), &proxy.url);
    let config = authority.client_config(&["http/1.1"]);
    let server_name = "127.0.0.1".to_owned();
    stream
        .start_tls_with(TlsParams {
            config,
            server_name,
        })
        .unwrap();
    ask(&mut stream);
}

behaviour!(b27_tls_is_begun_inside_of_tls);
fn b27_tls_is_begun_inside_of_tls<A: Adapter>(adapter: &A) {
    let authority = Authority::new();
    // What is sent through TLS to a scripted peer is the inner handshake, which it refuses in clear
    // text: only inside of both would that be an alert.
    let peer = Script::new()
        .tls(authority.leaf().server_config(&["http/1.1"]))
        .connection([
            Step::ExpectHead,
            Step::send(TUNNEL),
            Step::ExpectBytes(5),
            Step::send("HTTP/1.1 400 Bad Request\r\n\r\n"),
        ])
        .start();
    let client = adapter.builder().root_certificates(authority.pem());
    let client = client.build().unwrap();
    let url = peer.url("/").replace("http:", "https:");
    let mut stream = connected(adapter, &client, &url);
    let error = stream.start_tls("localhost").unwrap_err();
    assert_eq!(error.kind(), Kind::Connect, "{error}");
    drop(stream);
    let received = &peer.finish()[0].received;
    let head = received
        .windows(4)
        .position(|it| it == b"\r\n\r\n")
        .unwrap()
        + 4;
    // A TLS record with a handshake.
    assert_eq!(&received[head..head + 2], &[22, 3]);
}

behaviour!(x06_a_certificate_is_held_to_inside_of_a_tunnel_as_anywhere);
fn x06_a_certificate_is_held_to_inside_of_a_tunnel_as_anywhere<A: Adapter>(adapter: &A) {
    let authority = Authority::new();
    let trusting = adapter.builder().root_certificates(authority.pem());
    let trusting = trusting.build().unwrap();
    let server = Server::https(&authority.leaf());
    let expired = Server::https(&authority.faulty_leaf(Fault::Expired));
    for (client, server, name, why) in [
        (&trusting, &server, "other.example", "certificate"),
        (&trusting, &expired, "localhost", "certificate"),
        (&adapter.client(), &server, "localhost", "certificate"),
        (&trusting, &server, "no name", "server name"),
    ] {
        let proxy = tunnelling(server.addr());
        let mut stream = connected(adapter, client, &proxy.url);
        let error = stream.start_tls(name).unwrap_err();
        assert_eq!(error.kind(), Kind::Connect, "{error}");
        assert!(error.to_string().contains(why), "{error}");
        assert_eq!(error.method(), Some("CONNECT"));
        assert_eq!(server.requests(), 0);
    }
}

behaviour!(x05_nothing_that_came_before_tls_passes_for_what_came_under_it);
fn x05_nothing_that_came_before_tls_passes_for_what_came_under_it<A: Adapter>(adapter: &A) {
    let peer = Script::new()
        .connection([
            Step::ExpectHead,
            Step::send(format!("{TUNNEL}HTTP/1.1 200 OK\r\n\r\ninjected")),
            Step::ExpectEof,
        ])
        .start();
    let mut stream = connected(adapter, &adapter.client(), &peer.url("/"));
    let error = stream.start_tls("localhost").unwrap_err();
    assert!(error.to_string().contains("before"), "{error}");
    drop(stream);
    let received = peer.finish()[0].received.clone();
    assert!(received.ends_with(b"\r\n\r\n"), "no handshake was begun");
}

behaviour!(b27_a_handshake_in_a_tunnel_has_the_limit_of_connecting);
fn b27_a_handshake_in_a_tunnel_has_the_limit_of_connecting<A: Adapter>(adapter: &A) {
    let peer = Script::new()
        .connection([
            Step::ExpectHead,
            Step::send("HTTP/1.1 204 No Content\r\n\r\n"),
            Step::ExpectHead,
            Step::send(TUNNEL),
            Step::ExpectEof,
        ])
        .start();
    let client = adapter.client();
    // On a connection that is there, the handshake is all that the limit is for.
    adapter.send(client.get(peer.url("/"))).unwrap();
    let limit = Timeout::default().connect(Duration::from_millis(50));
    let request = client.request("CONNECT", peer.url("/")).timeout(limit);
    let mut stream = adapter.stream(request).unwrap().upgrade().unwrap();
    let error = stream.start_tls("localhost").unwrap_err();
    assert_eq!(error.kind(), Kind::ConnectTimeout, "{error}");
    assert_eq!(peer.connections(), 1);
}

behaviour!(http2_leaves_nothing);
fn http2_leaves_nothing<A: Adapter>(adapter: &A) {
    let origin = Origin::https(Manners::default());
    let client = adapter.builder().http2(true);
    let client = client.root_certificates(origin.authority.pem());
    let client = client.build().unwrap();
    let url = origin.url("/head");
    let response = adapter.send(offer::<A>(&client, &url)).unwrap();
    // RFC 9113 section 8.2.2: neither field is sent.
    let said = response.text();
    assert!(
        !said.contains("upgrade") && !said.contains("connection"),
        "{said}"
    );
    let response = adapter.stream(offer::<A>(&client, &url)).unwrap();
    let error = response.upgrade().err().unwrap();
    assert_eq!(error.kind(), Kind::Status);
    assert!(error.to_string().contains("HTTP/2"), "{error}");
    let error = adapter.send(client.request("CONNECT", &url)).unwrap_err();
    assert_eq!(error.kind(), Kind::LocalProtocol, "{error}");
    assert!(error.to_string().contains("HTTP/2"), "{error}");
    // The connection is as good as before.
    adapter.send(client.get(&url)).unwrap();
    assert_eq!(origin.connections(), 1);
}

#[test]
fn b27_a_blocking_stream_has_limits_and_can_be_closed_from_elsewhere() {
    let server = Switching::start(SWITCH, |mut socket| {
        read_word(&mut socket, "go on");
        socket.write_all(b"late")?;
        Ok(read_all(&mut socket).len())
    });
    let mut stream = upgraded(&Blocking, &Blocking.client(), &server.url);
    assert!(stream.local_address().unwrap().ip().is_loopback());
    stream
        .set_read_timeout(Some(Duration::from_millis(20)))
        .unwrap();
    for _ in 0..2 {
        let error = stream.read(&mut [0; 8]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
    }
    stream.set_read_timeout(None).unwrap();
    stream.write_all(b"go on").unwrap();
    read_word(&mut stream, "late");
    // What the peer does not take is not lost, and is not taken twice.
    stream
        .set_write_timeout(Some(Duration::from_millis(20)))
        .unwrap();
    let (mut reader, mut writer) = stream.split();
    let waiting = thread::spawn(move || reader.read(&mut [0; 8]));
    writer.write_all(b"one more").unwrap();
    thread::sleep(Duration::from_millis(10));
    writer.close();
    // That it was closed here is no error to who waits; nor is it data.
    assert_eq!(waiting.join().unwrap().unwrap(), 0);
    drop(writer);
    assert_eq!(server.finish(), 8);
}

#[test]
fn b27_a_write_that_is_late_is_neither_lost_nor_sent_twice() {
    let (gate, opened) = mpsc::channel::<()>();
    let server = Switching::start(SWITCH, move |mut socket| {
        let _ = opened.recv();
        Ok(read_all(&mut socket))
    });
    let mut stream = upgraded(&Blocking, &Blocking.client(), &server.url);
    stream
        .set_write_timeout(Some(Duration::from_millis(10)))
        .unwrap();
    let all = content::bytes(32 << 20);
    let mut sent = 0;
    let late = loop {
        match stream.write(&all[sent..]) {
            Ok(taken) => sent += taken,
            Err(error) => break error,
        }
    };
    assert_eq!(late.kind(), ErrorKind::TimedOut, "{late}");
    assert!(sent < all.len());
    gate.send(()).unwrap();
    stream.set_write_timeout(None).unwrap();
    stream.write_all(&all[sent..]).unwrap();
    stream.shutdown().unwrap();
    assert!(server.finish() == all);
}

async_behaviour! {
    k03_a_read_that_is_dropped_loses_nothing,
    k03_a_request_to_upgrade_dropped_at_any_poll,
    two_tasks_use_both_halves_at_once,
}

async fn read_some(stream: &mut Upgraded, buf: &mut [u8]) -> io::Result<usize> {
    poll_fn(|cx| Pin::new(&mut *stream).poll_read(cx, buf)).await
}

fn k03_a_read_that_is_dropped_loses_nothing(adapter: &impl Executor) {
    let authority = Authority::new();
    let all = content::bytes(20_000);
    for tls in [false, true] {
        let gates: Vec<Latch> = all.chunks(1_000).map(|_| Latch::new()).collect();
        let pieces = all.chunks(1_000).zip(&gates);
        let steps = [Step::ExpectHead, Step::send(SWITCH)].into_iter();
        let steps = steps
            .chain(pieces.flat_map(|(piece, gate)| [Step::Wait(gate.clone()), Step::send(piece)]));
        let mut script = Script::new().connection(steps.chain([Step::CloseNotify]));
        if tls {
            script = script.tls(authority.leaf().server_config(&["http/1.1"]));
        }
        let peer = script.start();
        let url = match tls {
            true => peer.url("/").replace("http:", "https:"),
            false => peer.url("/"),
        };
        let client = adapter.builder().root_certificates(authority.pem());
        let client = client.build().unwrap();
        let mut stream = upgraded(adapter, &client, &url).upgraded;
        let got = adapter.block_on(async {
            let (mut got, mut buf) = (Vec::new(), [0; 777]);
            for gate in &gates {
                {
                    // There is nothing before the gate is open.
                    let mut read = pin!(read_some(&mut stream, &mut buf));
                    assert!(
                        poll_fn(|cx| Poll::Ready(read.as_mut().poll(cx)))
                            .await
                            .is_pending()
                    );
                }
                gate.open();
                let until = got.len() + 1_000;
                while got.len() < until {
                    let read = read_some(&mut stream, &mut buf).await.unwrap();
                    got.extend_from_slice(&buf[..read]);
                }
            }
            assert_eq!(read_some(&mut stream, &mut buf).await.unwrap(), 0);
            got
        });
        assert!(got == all);
    }
}

fn k03_a_request_to_upgrade_dropped_at_any_poll(adapter: &impl Executor) {
    let peer = Script::new()
        .connection([
            Step::ExpectHead,
            Step::SendByteByByte(SWITCH.into()),
            Step::ExpectEof,
        ])
        .repeat_last()
        .start();
    let client = adapter.client();
    let mut completed = 0;
    for polls in 1..500 {
        let done = adapter.block_on(async {
            let mut request = pin!(offer_of(&client, &peer.url("/")));
            let mut left = polls;
            poll_fn(|cx| {
                left -= 1;
                match request.as_mut().poll(cx) {
                    Poll::Ready(response) => Poll::Ready(Some(response)),
                    Poll::Pending if left == 0 => Poll::Ready(None),
                    Poll::Pending => Poll::Pending,
                }
            })
            .await
        });
        if let Some(response) = done {
            assert_eq!(client.pool().connections, 1);
            drop(response.unwrap().upgrade().unwrap());
            completed += 1;
        }
        assert_eq!(client.pool().connections, 0);
        if completed == 3 {
            break;
        }
    }
    assert_eq!(completed, 3);
}

fn offer_of(client: &nuncio::Client, url: &str) -> nuncio_async::Stream {
    let request = client.get(url).header("Connection", "Upgrade");
    request.header("Upgrade", "test").stream()
}

/// Halves as `futures::io::split` makes them: one lock, and a task for each.
fn two_tasks_use_both_halves_at_once(adapter: &impl Executor) {
    let server = Switching::start(SWITCH, echo);
    let stream = upgraded(adapter, &adapter.client(), &server.url).upgraded;
    let stream = Arc::new(Mutex::new(stream));
    let all = content::bytes(1 << 20);
    let (sending, expected) = (all.clone(), all.len());
    let writer = Arc::clone(&stream);
    let got = adapter.block_on(async {
        let task = async move {
            let mut sent = 0;
            poll_fn(|cx| {
                while sent < sending.len() {
                    let mut stream = writer.lock().unwrap();
                    let write = Pin::new(&mut *stream).poll_write(cx, &sending[sent..]);
                    match write {
                        Poll::Ready(taken) => sent += taken.unwrap(),
                        Poll::Pending => return Poll::Pending,
                    }
                }
                Pin::new(&mut *writer.lock().unwrap()).poll_close(cx)
            })
            .await
            .unwrap();
        };
        adapter.runtime().spawn(Box::pin(task)).unwrap();
        let mut got = Vec::new();
        let mut buf = vec![0; 10_000];
        while got.len() < expected {
            let read = poll_fn(|cx| Pin::new(&mut *stream.lock().unwrap()).poll_read(cx, &mut buf));
            match read.await.unwrap() {
                0 => break,
                read => got.extend_from_slice(&buf[..read]),
            }
        }
        got
    });
    assert!(got == all, "{}", got.len());
    assert_eq!(server.finish(), 1 << 20);
}

#[test]
fn b24_tokio_has_its_own_traits() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    fn run(adapter: impl Executor) {
        let server = Switching::start(SWITCH, echo);
        let stream = upgraded(&adapter, &adapter.client(), &server.url).upgraded;
        let stream = nuncio::tokio::into_tokio_io(stream);
        assert!(stream.get_ref().peer_address().is_some());
        let all = content::bytes(1 << 20);
        let sent = all.clone();
        let got = adapter.run(async move {
            let (mut reader, mut writer) = tokio::io::split(stream);
            let writing = tokio::spawn(async move {
                writer.write_all(&sent).await?;
                writer.shutdown().await
            });
            let mut got = Vec::new();
            reader.read_to_end(&mut got).await.unwrap();
            writing.await.unwrap().unwrap();
            got
        });
        assert!(got == all);
        assert_eq!(server.finish(), 1 << 20);
    }
    run(CurrentThread::start());
    run(MultiThread::start());
}

behaviour!(b27_a_websocket_runs_over_it);
fn b27_a_websocket_runs_over_it<A: Adapter>(adapter: &A) {
    use tungstenite::handshake::{client::generate_key, derive_accept_key};
    use tungstenite::protocol::Role;
    use tungstenite::{Message, WebSocket};
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (socket, _) = listener.accept().unwrap();
        let mut socket = tungstenite::accept(socket).unwrap();
        // It speaks first, right behind its head.
        socket.send(Message::text("welcome")).unwrap();
        while let Ok(message) = socket.read() {
            if message.is_binary() {
                socket.send(message).unwrap();
            }
        }
    });
    let key = generate_key();
    let client = adapter.client();
    let request = client
        .get(&url)
        .header("Connection", "keep-alive, Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", &key);
    let response = adapter.stream(request).unwrap();
    let accept = response.headers().get("sec-websocket-accept");
    assert_eq!(accept.as_deref(), Some(&*derive_accept_key(key.as_bytes())));
    let stream = response.upgrade().unwrap();
    let mut socket = WebSocket::from_raw_socket(stream, Role::Client, None);
    assert_eq!(socket.read().unwrap(), Message::text("welcome"));
    for length in [0, 1, 125, 126, 65_535, 65_536, 1 << 20] {
        let sent = Message::binary(content::bytes(length));
        socket.send(sent.clone()).unwrap();
        assert!(socket.read().unwrap() == sent, "{length}");
    }
    socket.close(None).unwrap();
    while socket.read().is_ok() {}
    drop(socket);
    server.join().unwrap();
    assert_eq!(client.pool().connections, 0);
}
