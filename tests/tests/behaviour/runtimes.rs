//! Where clients can be used, and where they say that they cannot.

use crate::echo::Echo;
use nuncio::{ClientBuilder, Form, Kind, Runtime, Socket, SocketOptions, Timeout};
use nuncio_testkit::server::Server;
use nuncio_tests::adapters::{
    Adapter, Altered, AsyncStd, Blocking, CurrentThread, Executor, MultiThread, Smol,
};
use nuncio_tests::async_behaviour;
use std::future::{Future, poll_fn};
use std::io::{self, IoSlice, Write};
use std::net::TcpListener;
use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

#[test]
fn clients_are_shared_freely() {
    fn shared<T: Clone + Send + Sync + 'static>() {}
    fn sent<T: Send + 'static>() {}
    shared::<nuncio::Client>();
    shared::<nuncio::blocking::Client>();
    shared::<nuncio::Error>();
    sent::<nuncio::Request>();
    sent::<nuncio::Response>();
    sent::<nuncio::Streaming>();
    sent::<nuncio::blocking::Streaming>();
    sent::<nuncio::Upgraded>();
    sent::<nuncio::tokio::TokioIo>();
    sent::<nuncio::blocking::ReadHalf>();
    sent::<nuncio::blocking::WriteHalf>();
    sent::<nuncio_async::Send>();
    sent::<nuncio_async::Stream>();
}

async_behaviour! {
    a_blocking_client_works_inside_a_task,
    tasks_run_beside_the_one_that_asks,
    a_task_that_panics_harms_no_other,
    blocking_work_is_done_even_if_nobody_waits,
    blocking_work_that_panics_is_an_error,
    a_timer_can_be_set_anew,
    a_read_now_gives_what_is_there_and_does_not_wait,
    a_peer_that_is_always_ready_lets_the_task_yield,
    looking_a_name_up_is_part_of_connecting,
}

fn a_blocking_client_works_inside_a_task(adapter: &impl Executor) {
    let server = Server::http();
    let url = server.url("/json");
    let client = adapter.client();
    let statuses = adapter.run(async move {
        let first = Blocking.client().get(&url).send()?;
        // Both kinds side by side.
        let second = client.get(&url).send().await?;
        Ok::<_, nuncio::Error>([first, second].map(|response| response.status().as_u16()))
    });
    assert_eq!(statuses.unwrap(), [200, 200]);
}

fn tasks_run_beside_the_one_that_asks(adapter: &impl Executor) {
    let server = Server::http();
    let (runtime, client) = (adapter.runtime(), adapter.client());
    let url = server.url("/json");
    let (sender, receiver) = mpsc::channel();
    adapter.block_on(async {
        let task = async move {
            let status = client.get(&url).send().await.unwrap().status();
            sender.send(status).unwrap();
        };
        runtime.spawn(Box::pin(task)).unwrap();
        let wait = move || assert_eq!(receiver.recv().unwrap(), 200);
        runtime.run_blocking(Box::new(wait)).await.unwrap();
    });
}

fn a_task_that_panics_harms_no_other(adapter: &impl Executor) {
    let runtime = adapter.runtime();
    let (sender, receiver) = mpsc::channel();
    adapter.block_on(async {
        let failing = async { panic!("as it should") };
        runtime.spawn(Box::pin(failing)).unwrap();
        for number in 0..4 {
            let sender = sender.clone();
            let task = async move { sender.send(number).unwrap() };
            runtime.spawn(Box::pin(task)).unwrap();
        }
        drop(sender);
        let wait = move || assert_eq!(receiver.iter().sum::<u8>(), 6);
        runtime.run_blocking(Box::new(wait)).await.unwrap();
    });
}

fn blocking_work_is_done_even_if_nobody_waits(adapter: &impl Executor) {
    let runtime = adapter.runtime();
    let (sender, receiver) = mpsc::channel();
    adapter.block_on(async {
        for number in 0..8 {
            let sender = sender.clone();
            let work = move || {
                thread::sleep(Duration::from_millis(5));
                sender.send(number).unwrap();
            };
            drop(runtime.run_blocking(Box::new(work)));
        }
    });
    drop(sender);
    let mut done: Vec<_> = receiver.iter().collect();
    done.sort();
    assert_eq!(done, [0, 1, 2, 3, 4, 5, 6, 7]);
}

fn blocking_work_that_panics_is_an_error(adapter: &impl Executor) {
    let runtime = adapter.runtime();
    let work = Box::new(|| panic!("as it should"));
    let done = adapter.block_on(async { runtime.run_blocking(work).await });
    assert!(done.is_err());
}

fn a_timer_can_be_set_anew(adapter: &impl Executor) {
    let runtime = adapter.runtime();
    adapter.block_on(async {
        let started = Instant::now();
        let after = |millis| started + Duration::from_millis(millis);
        let mut timer = runtime.timer(after(60_000));
        let first = poll_fn(|cx| Poll::Ready(timer.as_mut().poll(cx))).await;
        assert!(first.is_pending());
        // Earlier, later, and again once it has fired.
        for (millis, other) in [(20, 60_000), (60, 5), (80, 60_000)] {
            timer.as_mut().reset(after(other));
            timer.as_mut().reset(after(millis));
            poll_fn(|cx| timer.as_mut().poll(cx)).await;
            let elapsed = started.elapsed().as_millis();
            assert!((millis.into()..5_000).contains(&elapsed), "{elapsed}");
        }
    });
}

fn a_read_now_gives_what_is_there_and_does_not_wait(adapter: &impl Executor) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let runtime = adapter.runtime();
    adapter.block_on(async {
        let address = listener.local_addr().unwrap();
        let mut socket = runtime
            .connect(&address.into(), &SocketOptions::new())
            .await
            .unwrap();
        let (mut peer, _) = listener.accept().unwrap();
        let mut buf = [0; 8];
        for text in [b"one", b"two"] {
            let nothing = socket.read_now(&mut buf).unwrap_err();
            assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
            // The runtime believes from now on that there is nothing to read.
            let read = poll_fn(|cx| Poll::Ready(socket.poll_read(cx, &mut buf))).await;
            assert!(read.is_pending());
            peer.write_all(text).unwrap();
            // No turn of the runtime's between: only the system can tell.
            assert_eq!(socket.read_now(&mut buf).unwrap(), 3);
            assert_eq!(&buf[..3], text);
        }
        drop(peer);
        assert_eq!(socket.read_now(&mut buf).unwrap(), 0);
    });
}

fn a_peer_that_is_always_ready_lets_the_task_yield(adapter: &impl Executor) {
    let runtime = Altered::new(adapter.runtime())
        .connect(|_, _, _| Box::pin(async { Ok(Box::new(EndlessSocket(0)) as Box<dyn Socket>) }));
    let client = ClientBuilder::new(Arc::new(runtime)).build().unwrap();
    adapter.block_on(async {
        let request = client.get("http://127.0.0.1/").stream();
        let mut download = request.await.unwrap();
        let mut endless = pin!(async { while download.chunk().await.unwrap().is_some() {} });
        for _ in 0..3 {
            let polled = poll_fn(|cx| Poll::Ready(endless.as_mut().poll(cx))).await;
            assert!(polled.is_pending());
        }
    });
}

#[test]
fn a_tokio_client_outside_of_a_runtime_is_a_usage_error() {
    let server = Server::http();
    let client = nuncio::tokio::builder().build().unwrap();
    let mut cx = Context::from_waker(Waker::noop());
    let mut send = pin!(client.get(server.url("/json")).send());
    let Poll::Ready(Err(error)) = send.as_mut().poll(&mut cx) else {
        panic!("no error");
    };
    assert_eq!(error.kind(), Kind::Usage);
    assert!(error.to_string().contains("tokio runtime"), "{error}");
    let mut stream = pin!(client.get(server.url("/json")).stream());
    let Poll::Ready(Err(error)) = stream.as_mut().poll(&mut cx) else {
        panic!("no error");
    };
    assert_eq!(error.kind(), Kind::Usage);
    // A future polled once too often says so.
    let Poll::Ready(Err(error)) = send.as_mut().poll(&mut cx) else {
        panic!("no error");
    };
    assert_eq!(error.kind(), Kind::Usage);
    assert_eq!((server.connections(), client.pool().connections), (0, 0));
}

#[test]
fn one_client_serves_two_runtimes_which_share_no_connection() {
    let server = Server::http();
    let (one, two) = (CurrentThread::start(), MultiThread::start());
    let client = one.client();
    for _ in 0..3 {
        one.send(client.get(server.url("/json"))).unwrap();
        two.send(client.get(server.url("/json"))).unwrap();
    }
    assert_eq!(server.connections(), 2);
    // The connections of a runtime that is gone harm nobody.
    drop(one);
    let three = CurrentThread::start();
    three.send(client.get(server.url("/json"))).unwrap();
    two.send(client.get(server.url("/json"))).unwrap();
    assert_eq!(server.connections(), 3);
    drop((two, three));
    client.evict_idle();
    assert_eq!(client.pool().connections, 0);
}

#[test]
fn work_of_a_tokio_client_outside_of_a_runtime_is_an_error() {
    let tokio = nuncio::tokio::Tokio;
    assert!(tokio.spawn(Box::pin(std::future::ready(()))).is_err());
    let mut cx = Context::from_waker(Waker::noop());
    let mut work = tokio.run_blocking(Box::new(|| panic!("nobody can do this")));
    assert!(matches!(work.as_mut().poll(&mut cx), Poll::Ready(Err(_))));
}

/// Polls in this thread, and sleeps until it is woken: no runtime at all.
fn by_hand<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut cx = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut cx) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

#[test]
fn clients_on_smol_and_async_std_need_no_runtime_and_share_connections_among_executors() {
    for builder in [nuncio::smol::builder, nuncio::async_std::builder] {
        let server = Server::http();
        let client = builder().build().unwrap();
        let get = || {
            let send = client.get(server.url("/json")).send();
            async { assert_eq!(send.await.unwrap().status(), 200) }
        };
        by_hand(get());
        CurrentThread::start().run(get());
        MultiThread::start().run(get());
        Smol.run(get());
        AsyncStd.run(get());
        let executor = smol::Executor::new();
        smol::block_on(executor.run(executor.spawn(get())));
        assert_eq!(server.connections(), 1);
        // Limits hold there, too.
        let late = client.get(server.url("/stall"));
        let late = late.timeout(Timeout::default().read(Duration::from_millis(50)));
        let error = by_hand(late.send()).unwrap_err();
        assert_eq!(error.kind(), Kind::ReadTimeout, "{error}");
    }
}

/// What each runtime's module has for those without a client.
macro_rules! one_shots {
    ($($runtime:ident $executor:ty),*) => {$(
        #[test]
        fn $runtime() {
            use nuncio::$runtime::{delete, file, file_part, get, head, options};
            use nuncio::$runtime::{patch, post, put, request};
            let server = Server::http();
            let url = server.url("/echo");
            <$executor>::start().block_on(async {
                let requests = [
                    (get(&url), "GET"), (head(&url), "HEAD"), (post(&url), "POST"),
                    (put(&url), "PUT"), (delete(&url), "DELETE"), (options(&url), "OPTIONS"),
                    (patch(&url), "PATCH"), (request("REPORT", &url), "REPORT"),
                ];
                for (request, method) in requests {
                    let response = request.send().await.unwrap();
                    if method != "HEAD" {
                        assert_eq!(Echo::of(&response).line.method, method);
                    }
                }
                let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
                let text = std::fs::read(&path).unwrap();
                let body = file(&path).await.unwrap();
                let response = post(&url).body(body).send().await.unwrap();
                assert_eq!(Echo::of(&response).body, text);
                let part = file_part(&path).await.unwrap();
                let response = post(&url).multipart(Form::new().part("manifest", part)).send().await.unwrap();
                let body = Echo::of(&response).body;
                assert!(String::from_utf8(body).unwrap().contains("filename=\"Cargo.toml\""));
            });
        }
    )*};
}

mod one_shots {
    use super::*;

    one_shots! { tokio CurrentThread, smol Smol, async_std AsyncStd }
}

/// A peer that answers with a body that has no end, as fast as it is read: how often that was.
struct EndlessSocket(u32);

impl Socket for EndlessSocket {
    fn poll_read(&mut self, _cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\n\r\n";
        self.0 += 1;
        assert!(self.0 < 10_000, "it never yields");
        if self.0 == 1 {
            buf[..HEAD.len()].copy_from_slice(HEAD);
            return Poll::Ready(Ok(HEAD.len()));
        }
        buf.fill(b'x');
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_write(
        &mut self,
        _cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(pieces.iter().map(|piece| piece.len()).sum()))
    }

    fn read_now(&mut self, _buf: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }
}

fn looking_a_name_up_is_part_of_connecting(adapter: &impl Executor) {
    let runtime =
        Altered::new(adapter.runtime()).resolve(|_, _, _| Box::pin(std::future::pending()));
    let client = ClientBuilder::new(Arc::new(runtime))
        .timeout(Timeout::default().connect(Duration::from_millis(100)))
        .build()
        .unwrap();
    let started = Instant::now();
    let error = adapter.send(client.get("http://localhost/")).unwrap_err();
    assert_eq!(error.kind(), Kind::ConnectTimeout, "{error}");
    assert!(error.to_string().contains("localhost"), "{error}");
    assert!(started.elapsed() >= Duration::from_millis(100));
    assert!(started.elapsed() < Duration::from_secs(2));
    assert_eq!(client.pool().connections, 0);
    // An address needs no look-up.
    let server = Server::http();
    let response = adapter.send(client.get(server.url("/json"))).unwrap();
    assert_eq!(response.status(), 200);
}
