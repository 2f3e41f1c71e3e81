//! One client in a `static`, used by many tokio runtimes of one process, as test functions make them: one
//! after the other and side by side, most of them gone while their connections are still in the pool.

use crate::http2::origin::{Manners, Origin};
use nuncio::{Client, Limits, Timeout};
use nuncio_testkit::latch::Latch;
use nuncio_testkit::script::{Script, ScriptedPeer, Step};
use nuncio_testkit::server::Server;
use std::future::{Future, poll_fn};
use std::sync::LazyLock;
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};

/// Few connections, which rest as long as they like: what is not given back is missed soon.
fn few() -> Limits {
    Limits {
        max_connections: Some(3),
        max_connections_per_host: Some(2),
        idle_expiry: None,
        ..Limits::default()
    }
}

static SERVER: LazyLock<Server> = LazyLock::new(Server::http);
static ORIGIN: LazyLock<Origin> = LazyLock::new(|| Origin::https(Manners::default()));

static CLIENT: LazyLock<Client> = LazyLock::new(|| {
    nuncio::tokio::builder()
        .limits(few())
        .timeout(Timeout::secs(20))
        .root_certificates(ORIGIN.authority.pem())
        .http2(true)
        .build()
        .unwrap()
});

async fn ask() {
    for _ in 0..3 {
        let request = CLIENT.get(SERVER.url("/bytes/10")).send();
        assert_eq!(request.await.unwrap().bytes().len(), 10);
        let request = CLIENT.get(ORIGIN.url("/bytes/1/10")).send();
        assert_eq!(request.await.unwrap().bytes().len(), 10);
    }
}

/// Leaves tasks behind that are in the middle of something when their runtime ends.
async fn ask_and_leave() {
    for _ in 0..2 {
        for url in [SERVER.url("/stall"), ORIGIN.url("/stall")] {
            tokio::spawn(async move { CLIENT.get(url).send().await });
        }
    }
    tokio::time::sleep(Duration::from_millis(5)).await;
}

// What `cargo test` runs in one process, each on a runtime of its own.

#[tokio::test]
async fn a_test_on_one_thread() {
    ask().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_on_workers() {
    ask().await;
}

#[tokio::test]
async fn a_test_that_leaves_its_requests_behind() {
    ask_and_leave().await;
}

fn runtime(workers: bool) -> Runtime {
    let mut builder = match workers {
        true => Builder::new_multi_thread(),
        false => Builder::new_current_thread(),
    };
    builder.worker_threads(2).enable_all().build().unwrap()
}

#[test]
fn many_runtimes_one_after_the_other_use_one_client() {
    for round in 0..24 {
        let runtime = runtime(round % 2 == 0);
        match round % 3 {
            0 => runtime.block_on(ask_and_leave()),
            _ => runtime.block_on(ask()),
        }
    }
    runtime(false).block_on(ask());
}

#[test]
fn many_runtimes_side_by_side_use_one_client() {
    thread::scope(|scope| {
        for number in 0..6 {
            scope.spawn(move || {
                for round in 0..6 {
                    let runtime = runtime((number + round) % 2 == 0);
                    runtime.block_on(ask());
                    if round % 3 == number % 3 {
                        runtime.block_on(ask_and_leave());
                    }
                }
            });
        }
    });
    runtime(true).block_on(ask());
}

#[test]
fn connections_of_runtimes_that_are_gone_do_not_count_for_ever() {
    let server = Server::http();
    let client = nuncio::tokio::builder().limits(few()).build().unwrap();
    for round in 0..20 {
        let runtime = runtime(round % 2 == 0);
        let gets: Vec<_> = (0..2)
            .map(|_| client.get(server.url("/bytes/1")).send())
            .collect();
        runtime.block_on(async {
            for task in gets.into_iter().map(tokio::spawn) {
                task.await.unwrap().unwrap();
            }
        });
        drop(runtime);
        let counts = client.pool_counts();
        assert!(counts.connections <= 3, "{}", client.pool());
        assert_eq!(counts.connections, counts.idle, "{}", client.pool());
    }
    client.evict_idle();
    assert_eq!(client.pool_counts(), Default::default());
}

/// A peer that answers no first request, and every other one.
fn stalls_once() -> (ScriptedPeer, Latch) {
    let asked = Latch::new();
    let answer = Step::send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let peer = Script::new()
        .connection([Step::ExpectHead, Step::Open(asked.clone()), Step::ExpectEof])
        .connection([Step::ExpectHead, answer])
        .start();
    (peer, asked)
}

#[test]
fn who_waits_for_a_connection_of_a_runtime_that_ends_is_served() {
    let (peer, asked) = stalls_once();
    let limits = Limits {
        max_connections: Some(1),
        ..few()
    };
    let client = nuncio::tokio::builder()
        .limits(limits)
        .timeout(Timeout::none())
        .build()
        .unwrap();
    let first = runtime(true);
    first.spawn(client.get(peer.url("/")).send());
    assert!(asked.wait(Duration::from_secs(5)));
    thread::scope(|scope| {
        let waiting = scope.spawn(|| runtime(false).block_on(client.get(peer.url("/")).send()));
        let until = Instant::now() + Duration::from_secs(5);
        while client.pool_counts().waiting == 0 {
            assert!(Instant::now() < until, "{}", client.pool());
            thread::sleep(Duration::from_millis(1));
        }
        drop(first);
        assert_eq!(waiting.join().unwrap().unwrap().text(), "ok");
    });
}

#[test]
fn a_shared_connection_whose_runtime_is_gone_is_not_used_again() {
    let origin = Origin::https(Manners::default());
    let client = nuncio::tokio::builder()
        .limits(few())
        .root_certificates(origin.authority.pem())
        .http2(true)
        .build()
        .unwrap();
    for round in 0..6 {
        let runtime = runtime(round % 2 == 0);
        let get = client.get(origin.url("/bytes/1/10")).send();
        runtime.block_on(get).unwrap();
        assert_eq!(client.pool_counts().connections, 1, "{}", client.pool());
        drop(runtime);
        // The task that moved its bytes is gone, and the connection with it.
        assert_eq!(client.pool_counts().connections, 0, "{}", client.pool());
    }
    assert_eq!(origin.connections(), 6);
}

#[test]
fn a_download_outlives_its_runtime_as_an_error_and_no_panic() {
    let server = Server::http();
    let client = nuncio::tokio::builder().build().unwrap();
    for workers in [false, true] {
        let first = runtime(workers);
        let get = client.get(server.url("/bytes/3000000")).stream();
        let mut download = first.block_on(get).unwrap();
        drop(first);
        let ended = runtime(workers).block_on(async {
            while download.chunk().await?.is_some() {}
            Ok::<_, nuncio::Error>(())
        });
        let error = ended.unwrap_err();
        assert!(error.is_network(), "{error}");
        assert_eq!(client.pool_counts().connections, 0, "{}", client.pool());
    }
}

#[test]
fn a_wait_for_the_pool_outlives_its_runtime_without_a_panic() {
    let server = Server::http();
    let limits = Limits {
        max_connections: Some(1),
        ..few()
    };
    let client = nuncio::tokio::builder().limits(limits).build().unwrap();
    for workers in [false, true] {
        let [first, other, second] = [workers, false, workers].map(runtime);
        let held = other
            .block_on(client.get(server.url("/bytes/9")).stream())
            .unwrap();
        let mut waiting = Box::pin(client.get(server.url("/bytes/1")).send());
        let begun = first.block_on(poll_fn(|cx| Poll::Ready(waiting.as_mut().poll(cx))));
        assert!(begun.is_pending());
        assert_eq!(client.pool_counts().waiting, 1);
        drop(first);
        let answer = second.block_on(async {
            let again = poll_fn(|cx| Poll::Ready(waiting.as_mut().poll(cx))).await;
            assert!(again.is_pending());
            drop(held);
            waiting.await
        });
        assert_eq!(answer.unwrap().bytes().len(), 1);
        drop(second);
        client.evict_idle();
        assert_eq!(client.pool_counts(), Default::default());
    }
}
