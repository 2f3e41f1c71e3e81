//! Futures dropped at every poll (SECURITY K3): the next request gets its own answer, and the pool
//! has lost nothing.

mod queue;

use crate::coded::{encode, gzip, response, serving};
use crate::echo::Echo;
use bytes::Bytes;
use nuncio::{Client, ClientBuilder, Limits, RequestBuilder, Socket};
use nuncio_content::Coding;
use nuncio_testkit::certs::Authority;
use nuncio_testkit::content;
use nuncio_testkit::script::{Script, Step};
use nuncio_testkit::server::{Reply, Server};
use nuncio_tests::adapters::{Adapter, Altered, CurrentThread, Executor};
use nuncio_tests::async_behaviour;
use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// Polls `future` at most `polls` times and drops it; its output if it came to its end.
pub(crate) async fn dropped_after<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// A client whose sockets make their task wait before each write, and write little at a time: each of
/// it is a poll, however fast the peer.
fn reluctant(adapter: &impl Executor) -> ClientBuilder {
    let runtime = Altered::new(adapter.runtime()).connect(|runtime, to, options| {
        let connecting = runtime.connect(to, options);
        Box::pin(async {
            let (socket, waited) = (connecting.await?, false);
            Ok(Box::new(Reluctant { socket, waited }) as Box<dyn Socket>)
        })
    });
    ClientBuilder::new(Arc::new(runtime))
}

struct Reluctant {
    socket: Box<dyn Socket>,
    waited: bool,
}

impl Socket for Reluctant {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        self.socket.poll_read(cx, buf)
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if !std::mem::take(&mut self.waited) {
            self.waited = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let little = pieces.first().map_or(&[][..], |piece| &piece[..]);
        let little = &little[..little.len().min(64 * 1024)];
        self.socket.poll_write(cx, &[IoSlice::new(little)])
    }

    fn read_now(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket.read_now(buf)
    }
}

/// Drops the request at its first poll, its second and so on, until it comes to its end three times
/// in a row; after every drop another request has to get its own answer. Says how many were dropped.
fn drop_at_every_poll(
    adapter: &impl Executor,
    server: &Server,
    client: &Client,
    request: impl Fn(&str) -> RequestBuilder,
) -> usize {
    let (mut completed, mut dropped) = (0, 0);
    for polls in 1.. {
        let url = server.url(&format!("/echo?dropped={polls}"));
        match adapter.block_on(dropped_after(polls, request(&url).send())) {
            Some(response) => {
                completed += 1;
                let echo = Echo::of(&response.unwrap());
                assert_eq!(echo.line.target, format!("/echo?dropped={polls}"));
            }
            None => (completed, dropped) = (0, dropped + 1),
        }
        let counts = client.pool();
        assert_eq!(counts.waiting, 0, "{counts:?}");
        assert_eq!(counts.connections, counts.idle, "{counts:?}");

        let next = server.url(&format!("/echo?next={polls}"));
        let echo = Echo::of(&adapter.send(client.get(next)).unwrap());
        assert_eq!(echo.line.target, format!("/echo?next={polls}"));
        if completed == 3 {
            break;
        }
        assert!(polls < 2_000, "it never comes to its end");
    }
    dropped
}

async_behaviour! {
    k03_a_get_dropped_at_any_poll,
    k03_a_get_on_new_connections_dropped_at_any_poll,
    k03_an_upload_dropped_at_any_poll,
    k03_a_streamed_upload_dropped_at_any_poll,
    k03_a_request_over_tls_dropped_at_any_poll,
    k03_a_request_that_waits_for_the_pool_dropped_at_any_poll,
    k03_a_place_that_was_granted_and_not_taken_is_passed_on,
    k02_a_download_dropped_at_any_chunk_closes_its_connection,
    a_dropped_chunk_future_loses_nothing,
}

fn k03_a_get_dropped_at_any_poll(adapter: &impl Executor) {
    let server = Server::http();
    let client = reluctant(adapter).build().unwrap();
    let dropped = drop_at_every_poll(adapter, &server, &client, |url| client.get(url));
    assert!(dropped > 0);
}

fn k03_a_get_on_new_connections_dropped_at_any_poll(adapter: &impl Executor) {
    let server = Server::http();
    let client = reluctant(adapter).build().unwrap();
    let dropped = drop_at_every_poll(adapter, &server, &client, |url| {
        client.evict_idle();
        client.get(url)
    });
    assert!(dropped > 0);
}

fn k03_an_upload_dropped_at_any_poll(adapter: &impl Executor) {
    let server = Server::http();
    let client = reluctant(adapter).build().unwrap();
    let body = Bytes::from(content::bytes(1 << 20));
    let dropped = drop_at_every_poll(adapter, &server, &client, |url| {
        client.post(url).body(body.clone())
    });
    assert!(dropped > 0);
}

fn k03_a_streamed_upload_dropped_at_any_poll(adapter: &impl Executor) {
    let server = Server::http();
    let client = adapter.client();
    let dropped = drop_at_every_poll(adapter, &server, &client, |url| {
        let pieces = (0..6).map(|_| {
            std::thread::sleep(Duration::from_millis(2));
            Ok::<_, io::Error>(Bytes::from_static(b"piece"))
        });
        client.put(url).body(adapter.body(pieces, None))
    });
    assert!(dropped >= 5, "{dropped}");
}

fn k03_a_request_over_tls_dropped_at_any_poll(adapter: &impl Executor) {
    let authority = Authority::new();
    let server = Server::https(&authority.leaf());
    let client = reluctant(adapter)
        .root_certificates(authority.pem())
        .build()
        .unwrap();
    let dropped = drop_at_every_poll(adapter, &server, &client, |url| {
        client.evict_idle();
        client.get(url)
    });
    assert!(dropped >= 2, "{dropped}");
}

fn k03_a_request_that_waits_for_the_pool_dropped_at_any_poll(adapter: &impl Executor) {
    let server = Server::http();
    let limits = Limits {
        max_connections: Some(1),
        ..Limits::default()
    };
    let client = adapter.builder().limits(limits).build().unwrap();
    for polls in 1..4 {
        let held = adapter.stream(client.get(server.url("/bytes/9"))).unwrap();
        let waiting = client.get(server.url("/echo?waiting")).send();
        adapter.block_on(async {
            let mut waiting = pin!(waiting);
            // The first poll takes a place in the queue; later ones find it still there.
            for _ in 0..polls {
                let first = poll_fn(|cx| Poll::Ready(waiting.as_mut().poll(cx))).await;
                assert!(first.is_pending());
            }
            assert_eq!(client.pool().waiting, 1);
        });
        assert_eq!(client.pool().waiting, 0);
        drop(held);
        assert_eq!(client.pool().connections, 0);
        let echo = Echo::of(&adapter.send(client.get(server.url("/echo?own"))).unwrap());
        assert_eq!(echo.line.target, "/echo?own");
    }
}

fn k03_a_place_that_was_granted_and_not_taken_is_passed_on(adapter: &impl Executor) {
    let server = Server::http();
    let limits = Limits {
        max_connections: Some(1),
        ..Limits::default()
    };
    let client = adapter.builder().limits(limits).build().unwrap();
    adapter.block_on(async {
        let held = client.get(server.url("/bytes/9")).stream().await.unwrap();
        let first = client.get(server.url("/echo?first")).send();
        let second = client.get(server.url("/echo?second")).send();
        let mut second = pin!(second);
        {
            let mut first = pin!(first);
            for request in [first.as_mut(), second.as_mut()] {
                let mut request = request;
                let polled = poll_fn(|cx| Poll::Ready(request.as_mut().poll(cx))).await;
                assert!(polled.is_pending());
            }
            assert_eq!(client.pool().waiting, 2);
            held.into_response().await.unwrap();
            // The first has been granted the connection, and is dropped before it looks.
        }
        let echo = Echo::of(&second.await.unwrap());
        assert_eq!(echo.line.target, "/echo?second");
    });
    let counts = client.pool();
    assert_eq!((counts.waiting, counts.connections, counts.idle), (0, 1, 1));
}

fn k02_a_download_dropped_at_any_chunk_closes_its_connection(adapter: &impl Executor) {
    let server = Server::http();
    let client = adapter.client();
    for chunks in 0..6 {
        adapter.block_on(async {
            let mut download = client.get(server.url("/drip/5/5")).stream().await.unwrap();
            for _ in 0..chunks {
                download.chunk().await.unwrap();
            }
        });
        let counts = client.pool();
        assert_eq!(counts.connections, counts.idle, "{chunks}: {counts:?}");
        let echo = Echo::of(&adapter.send(client.get(server.url("/echo?own"))).unwrap());
        assert_eq!(echo.line.target, "/echo?own");
    }
}

fn a_dropped_chunk_future_loses_nothing(adapter: &impl Executor) {
    let server = Server::http();
    let client = adapter.client();
    let runtime = adapter.runtime();
    let body = adapter.block_on(async {
        let url = server.url("/drip/20/3");
        let mut download = client.get(url).stream().await.unwrap();
        let mut body = Vec::new();
        loop {
            match dropped_after(1, download.chunk()).await {
                Some(chunk) => match chunk.unwrap() {
                    Some(chunk) => body.extend_from_slice(&chunk),
                    None => break body,
                },
                None => {
                    let mut wait = runtime.timer(Instant::now() + Duration::from_millis(1));
                    poll_fn(|cx| wait.as_mut().poll(cx)).await;
                }
            }
        }
    });
    assert_eq!(body, content::bytes(20));
    assert_eq!(client.pool().idle, 1);
}

#[test]
fn k02_a_coded_download_dropped_at_any_line_closes_its_connection_or_keeps_it() {
    let text: String = (0..20_000).map(|number| format!("{number}\n")).collect();
    let server = serving(&["gzip"], gzip(text.as_bytes()));
    let adapter = CurrentThread::start();
    let client = adapter.client();
    for polls in (0..20).chain([100, 10_000, 30_000]) {
        adapter.runtime.block_on(async {
            let download = client.get(server.url("/")).stream().await.unwrap();
            let mut lines = download.lines();
            for expected in 0..polls {
                match dropped_after(1, lines.next()).await {
                    Some(Some(line)) => drop(line.unwrap()),
                    Some(None) => break,
                    None => assert!(expected < 30_000),
                }
            }
        });
        let counts = client.pool();
        assert_eq!(counts.connections, counts.idle, "{polls}: {counts:?}");
        let whole = adapter.send(client.get(server.url("/"))).unwrap();
        assert_eq!(whole.text(), text);
    }
}

#[test]
fn a_dropped_future_of_an_item_loses_nothing() {
    let text: String = (0..40).map(|number| format!("line {number}\n")).collect();
    let answer = response("gzip", &gzip(text.as_bytes()));
    let adapter = CurrentThread::start();
    let client = adapter.client();
    let mut steps = vec![Step::ExpectHead];
    for piece in answer.chunks(7) {
        steps.extend([Step::send(piece), Step::Sleep(Duration::from_millis(2))]);
    }
    let peer = Script::new().connection(steps).start();
    let (lines, dropped) = adapter.runtime.block_on(async {
        let mut lines = client.get(peer.url("/")).stream().await.unwrap().lines();
        let (mut read, mut dropped) = (Vec::new(), 0);
        loop {
            match dropped_after(1, lines.next()).await {
                Some(Some(line)) => read.push(line.unwrap()),
                Some(None) => break (read, dropped),
                None => {
                    dropped += 1;
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
        }
    });
    assert!(dropped > 3, "{dropped}");
    assert_eq!(lines, text.lines().collect::<Vec<_>>());
}

#[test]
fn a_download_is_what_tokio_reads() {
    use tokio::io::AsyncReadExt;
    let whole = content::bytes(300_000);
    let server = serving(&["zstd"], encode(Coding::Zstd, &whole));
    let adapter = CurrentThread::start();
    let client = adapter.client();
    adapter.runtime.block_on(async {
        let download = client.get(server.url("/")).stream().await.unwrap();
        let mut reader = nuncio::tokio::into_tokio_read(download);
        let mut body = vec![0; 1_000];
        reader.read_exact(&mut body).await.unwrap();
        reader.read_to_end(&mut body).await.unwrap();
        assert_eq!(body, whole);
    });
    assert_eq!(client.pool().idle, 1);
}

/// A server of which `/hop` leads to `/echo`, and `/guard` too, but only for who answers its challenge.
fn with_detours() -> Server {
    let onwards = |query: &str| {
        let target = format!("/echo?{query}");
        Reply::new(307)
            .header("location", &target)
            .body("look there")
    };
    Server::builder()
        .route("/hop", move |request, _| onwards(request.query()))
        .route("/guard", move |request, _| {
            if request.header("authorization").is_some() {
                return onwards(request.query());
            }
            let challenge = "Digest realm=\"r\", nonce=\"n\", qop=\"auth\"";
            let refusal = Reply::new(401).header("www-authenticate", challenge);
            refusal.body("who are you?")
        })
        .start()
}

async_behaviour!(k03_a_redirect_dropped_at_any_poll);
fn k03_a_redirect_dropped_at_any_poll(adapter: &impl Executor) {
    let server = with_detours();
    let client = reluctant(adapter).follow_redirects(true).build().unwrap();
    let dropped = drop_at_every_poll(adapter, &server, &client, |url| {
        client.put(url.replace("/echo", "/hop")).body("again")
    });
    assert!(dropped > 0);
}

async_behaviour!(k03_an_answer_to_a_challenge_dropped_at_any_poll);
fn k03_an_answer_to_a_challenge_dropped_at_any_poll(adapter: &impl Executor) {
    let server = with_detours();
    let client = reluctant(adapter).follow_redirects(true).build().unwrap();
    let dropped = drop_at_every_poll(adapter, &server, &client, |url| {
        // Nothing learnt before: there is a challenge each time.
        let request = client.put(url.replace("/echo", "/guard")).body("again");
        request.auth(nuncio::Auth::digest("u", "p"))
    });
    assert!(dropped > 0);
}

/// Is not ready for so many polls.
async fn pauses(mut count: usize) {
    poll_fn(|cx| match count.checked_sub(1) {
        None => Poll::Ready(()),
        Some(left) => {
            count = left;
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await;
}

async_behaviour!(k03_hooks_that_wait_dropped_at_any_poll);
fn k03_hooks_that_wait_dropped_at_any_poll(adapter: &impl Executor) {
    let server = with_detours();
    let client = adapter
        .builder()
        .follow_redirects(true)
        .on_request_async(|_| {
            Box::pin(async {
                pauses(2).await;
                Ok(())
            })
        })
        .on_response_async(|_| {
            Box::pin(async {
                pauses(2).await;
                Ok(())
            })
        })
        .build()
        .unwrap();
    let dropped = drop_at_every_poll(adapter, &server, &client, |url| {
        let request = client.put(url.replace("/echo", "/guard")).body("again");
        request.auth(nuncio::Auth::digest("u", "p"))
    });
    assert!(dropped >= 12, "{dropped}");
}

/// Answers with the URL, after a while.
struct Slow;

impl nuncio::AsyncTransport for Slow {
    fn send(
        &self,
        request: nuncio::Request,
    ) -> nuncio::BoxFuture<'static, Result<nuncio::Reply, nuncio::Error>> {
        Box::pin(async move {
            pauses(3).await;
            let url = request.url().to_string();
            Ok(match request.url().path() {
                "/hop" => nuncio::Reply::new(302)
                    .header("Location", url.replace("/hop", "/end"))
                    .header("Set-Cookie", "seen=1"),
                _ => nuncio::Reply::new(200).text(url),
            })
        })
    }
}

async_behaviour!(k03_a_transport_that_waits_dropped_at_any_poll);
fn k03_a_transport_that_waits_dropped_at_any_poll(adapter: &impl Executor) {
    let client = adapter
        .builder()
        .transport(nuncio::Transport::future(Slow))
        .follow_redirects(true)
        .build()
        .unwrap();
    let (mut dropped, mut completed) = (0, 0);
    for polls in 1..30 {
        let request = client.get(format!("https://a.test/hop?{polls}")).send();
        match adapter.block_on(dropped_after(polls, request)) {
            None => dropped += 1,
            Some(response) => {
                completed += 1;
                let text = format!("https://a.test/end?{polls}");
                assert_eq!(response.unwrap().text(), text);
            }
        }
        let url = format!("https://a.test/next?{polls}");
        let response = adapter.send(client.get(&url)).unwrap();
        assert_eq!(response.text(), url);
        assert!(response.history().is_empty());
    }
    assert!(dropped >= 6 && completed > 0, "{dropped} {completed}");
}
