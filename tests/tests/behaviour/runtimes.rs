//! Where clients can be used, and where they say that they cannot.

use nuncio::{Kind, Timeout};
use nuncio_async::{BoxFuture, Runtime, Socket, Timer};
use nuncio_testkit::server::Server;
use nuncio_tests::adapters::{Adapter, Blocking, CurrentThread, MultiThread, Tokio};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
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
    sent::<nuncio_async::Send>();
    sent::<nuncio_async::Stream>();
}

fn blocking_inside<const WORKERS: bool>() {
    let server = Server::http();
    let url = server.url("/json");
    let tokio = Tokio::<WORKERS>::start();
    let task = tokio.runtime.spawn(async move {
        let client = Blocking.client();
        let first = client.get(&url).send()?;
        // Both kinds side by side.
        let second = nuncio::tokio::builder().build()?.get(&url).send().await?;
        Ok::<_, nuncio::Error>([first, second].map(|response| response.status().as_u16()))
    });
    let statuses = tokio.runtime.block_on(task).unwrap().unwrap();
    assert_eq!(statuses, [200, 200]);
}

#[test]
fn a_blocking_client_works_inside_a_task() {
    blocking_inside::<true>();
    blocking_inside::<false>();
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

/// tokio, but names are looked up for ever.
struct SlowNames;

impl Runtime for SlowNames {
    fn check(&self) -> Result<u64, &'static str> {
        nuncio::tokio::Tokio.check()
    }

    fn now(&self) -> Instant {
        nuncio::tokio::Tokio.now()
    }

    fn timer(&self, at: Instant) -> Pin<Box<dyn Timer>> {
        nuncio::tokio::Tokio.timer(at)
    }

    fn connect(&self, address: SocketAddr) -> BoxFuture<'static, io::Result<Box<dyn Socket>>> {
        nuncio::tokio::Tokio.connect(address)
    }

    fn resolve(&self, _host: &str, _port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        Box::pin(std::future::pending())
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) -> io::Result<()> {
        nuncio::tokio::Tokio.spawn(task)
    }

    fn run_blocking(&self, work: Box<dyn FnOnce() + Send>) -> BoxFuture<'static, io::Result<()>> {
        nuncio::tokio::Tokio.run_blocking(work)
    }
}

#[test]
fn looking_a_name_up_is_part_of_connecting() {
    let tokio = CurrentThread::start();
    let client = nuncio::ClientBuilder::new(Arc::new(SlowNames))
        .timeout(Timeout::default().connect(Duration::from_millis(100)))
        .build()
        .unwrap();
    let started = Instant::now();
    let error = tokio.send(client.get("http://localhost/")).unwrap_err();
    assert_eq!(error.kind(), Kind::ConnectTimeout, "{error}");
    assert!(error.to_string().contains("localhost"), "{error}");
    assert!(started.elapsed() >= Duration::from_millis(100));
    assert!(started.elapsed() < Duration::from_secs(2));
    assert_eq!(client.pool().connections, 0);
    // An address needs no look-up.
    let server = Server::http();
    let response = tokio.send(client.get(server.url("/json"))).unwrap();
    assert_eq!(response.status(), 200);
}
