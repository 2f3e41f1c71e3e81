//! What connections hold of the heap while they rest, and what failed ones leave there (SECURITY
//! section 3 and K11). Counted in the thread that asks, where there is no other: on blocking, and on
//! tokio's runtime of one thread.

use allocation_counter::{AllocationInfo, measure};
use nuncio::Limits;
use nuncio_testkit::certs::Authority;
use nuncio_testkit::script::{Script, Step};
use nuncio_testkit::server::Server;
use nuncio_tests::adapters::{Adapter, Blocking, CurrentThread, Download};

/// How many connections are counted.
const MANY: usize = 50;

/// Opens so many connections at once, and lets them rest.
fn rest<A: Adapter>(
    adapter: &A,
    client: &nuncio_client::Client<A::Driver>,
    url: &str,
    count: usize,
) {
    let open = |_| adapter.stream(client.get(url)).unwrap();
    let downloads: Vec<_> = (0..count).map(open).collect();
    for download in downloads {
        download.read().unwrap();
    }
    assert_eq!(client.pool_counts().idle, count);
}

/// Bytes of the heap that one more idle connection holds.
fn held<A: Adapter>(adapter: &A, authority: &Authority, server: &Server) -> u64 {
    let limits = Limits {
        max_idle: None,
        idle_expiry: None,
        ..Limits::default()
    };
    let client = adapter
        .builder()
        .root_certificates(authority.pem())
        .limits(limits)
        .build()
        .unwrap();
    let url = server.url("/bytes/100");
    // Caches of the client's and of the runtime's are filled; they are no connection's.
    rest(adapter, &client, &url, MANY);
    client.evict_idle();
    rest(adapter, &client, &url, 1);
    client.evict_idle();
    let AllocationInfo { bytes_current, .. } = measure(|| rest(adapter, &client, &url, MANY));
    u64::try_from(bytes_current).unwrap_or(0) / MANY as u64
}

fn idle_connections_are_small<A: Adapter>(adapter: &A, name: &str) {
    let authority = Authority::new();
    let plain = held(adapter, &authority, &Server::http());
    let secure = held(adapter, &authority, &Server::https(&authority.leaf()));
    println!("{name}: {plain} bytes plain, {secure} bytes over TLS");
    assert!((200..=4 * 1024).contains(&plain), "{plain}");
    assert!((1_000..=40 * 1024).contains(&secure), "{secure}");
}

#[test]
fn an_idle_connection_is_small_on_blocking() {
    idle_connections_are_small(&Blocking::start(), "blocking");
}

#[test]
fn an_idle_connection_is_small_on_tokio() {
    idle_connections_are_small(&CurrentThread::start(), "tokio");
}

/// So many handshakes fail; what the heap holds afterwards that it did not before.
fn left_by_failures<A: Adapter>(adapter: &A, failures: usize) -> i64 {
    let not_tls = [
        Step::ExpectBytes(5),
        Step::send("HTTP/1.1 400 Bad Request\r\n\r\n"),
    ];
    let peer = Script::new().connection(not_tls).repeat_last().start();
    let client = adapter.client();
    let url = peer.url("/").replace("http:", "https:");
    let fail = |count: usize| {
        for _ in 0..count {
            adapter.send(client.get(&url)).unwrap_err();
        }
    };
    fail(100);
    let AllocationInfo { bytes_current, .. } = measure(|| fail(failures));
    assert_eq!(client.pool_counts(), Default::default());
    bytes_current
}

#[test]
fn k11_ten_thousand_failed_handshakes_leave_the_heap_as_it_was_on_blocking() {
    assert_eq!(left_by_failures(&Blocking::start(), 10_000), 0);
}

#[test]
fn k11_ten_thousand_failed_handshakes_leave_the_heap_as_it_was_on_tokio() {
    let adapter = CurrentThread::start();
    let left = left_by_failures(&adapter, 10_000);
    // tokio keeps slabs of what it has registered, and returns them as it likes.
    assert!(left.abs() < 64 * 1024, "{left}");
    assert_eq!(adapter.runtime.metrics().num_alive_tasks(), 0);
}
