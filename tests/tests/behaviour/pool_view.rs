//! What `client.pool()` tells: every connection with what it does, everybody who waits with the reason.

use crate::http2::origin::{Manners, Origin};
use nuncio::{ConnectionState, Limits, PoolSnapshot, Protocol, Timeout, WaitReason};
use nuncio_testkit::server::Server;
use nuncio_tests::adapters::{Adapter, Download};
use nuncio_tests::behaviour;
use std::thread;
use std::time::{Duration, Instant};

/// The only connection that there is.
fn only(snapshot: &PoolSnapshot) -> &nuncio::ConnectionSnapshot {
    assert_eq!(snapshot.origins.len(), 1, "{snapshot}");
    let [connection] = &snapshot.origins[0].connections[..] else {
        panic!("{snapshot}");
    };
    connection
}

behaviour! {
    a_connection_is_shown_with_what_it_does,
    who_waits_is_shown_with_the_reason,
    a_shared_connection_is_shown_with_its_streams,
    what_is_shown_holds_no_secret,
}

fn a_connection_is_shown_with_what_it_does<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter.client();
    assert_eq!(client.pool(), PoolSnapshot::default());
    let download = adapter.stream(client.get(server.url("/bytes/9"))).unwrap();
    let snapshot = client.pool();
    let shown = only(&snapshot);
    assert_eq!(shown.state, ConnectionState::InUse);
    assert_eq!(shown.protocol, Some(Protocol::Http1));
    assert_eq!(shown.peer, Some(server.addr()));
    assert!(shown.age.is_some_and(|age| age < Duration::from_secs(5)));
    let line = format!("in use, HTTP/1.1, {}, open for ", server.addr());
    assert!(snapshot.to_string().contains(&line), "{snapshot}");

    download.read().unwrap();
    let snapshot = client.pool();
    let ConnectionState::Idle { left: Some(left) } = only(&snapshot).state else {
        panic!("{snapshot}");
    };
    assert!(
        left <= Duration::from_secs(5) && left > Duration::from_secs(1),
        "{left:?}"
    );
    assert_eq!(only(&snapshot).peer, Some(server.addr()));
    assert_eq!((snapshot.connections, snapshot.idle), (1, 1));
    client.evict_idle();
    assert_eq!(client.pool(), PoolSnapshot::default());
}

fn who_waits_is_shown_with_the_reason<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let url = server.url("/bytes/9");
    for (limits, reason) in [
        (
            Limits {
                max_connections: Some(1),
                ..Limits::default()
            },
            WaitReason::TotalLimit(1),
        ),
        (
            Limits {
                max_connections_per_host: Some(1),
                ..Limits::default()
            },
            WaitReason::HostLimit(1),
        ),
    ] {
        let client = adapter
            .builder()
            .limits(limits)
            .timeout(Timeout::secs(20))
            .build()
            .unwrap();
        let held = adapter.stream(client.get(&url)).unwrap();
        let snapshot = thread::scope(|scope| {
            let look = scope.spawn(|| {
                let until = Instant::now() + Duration::from_secs(5);
                while client.pool_counts().waiting < 2 {
                    assert!(Instant::now() < until);
                    thread::sleep(Duration::from_millis(1));
                }
                let snapshot = client.pool();
                drop(held);
                snapshot
            });
            let requests = vec![client.get(&url), client.get(&url)];
            for answer in adapter.together(requests) {
                answer.unwrap();
            }
            look.join().unwrap()
        });
        assert_eq!((snapshot.connections, snapshot.waiting), (1, 2));
        let waiting = &snapshot.origins[0].waiting;
        assert!(waiting.iter().all(|it| it.reason == reason), "{snapshot}");
        let soon = |left: Duration| left <= Duration::from_secs(20);
        assert!(
            waiting.iter().all(|it| it.left.is_some_and(soon)),
            "{snapshot}"
        );
        assert!(
            snapshot.to_string().contains("\n  waiting for "),
            "{snapshot}"
        );
    }
}

fn a_shared_connection_is_shown_with_its_streams<A: Adapter>(adapter: &A) {
    let origin = Origin::https(Manners::default());
    let client = adapter
        .builder()
        .http2(true)
        .root_certificates(origin.authority.pem())
        .build()
        .unwrap();
    adapter.send(client.get(origin.url("/bytes/1/1"))).unwrap();
    let downloads = [1, 2].map(|number| {
        let request = client.get(origin.url(&format!("/bytes/{number}/2000000")));
        adapter.stream(request).unwrap()
    });
    let snapshot = client.pool();
    let shown = only(&snapshot);
    assert_eq!(shown.state, ConnectionState::Shared { used: 2, room: 100 });
    assert_eq!(shown.protocol, Some(Protocol::Http2));
    assert!(
        snapshot.to_string().contains("shared by 2 of 100, HTTP/2"),
        "{snapshot}"
    );
    drop(downloads);
}

fn what_is_shown_holds_no_secret<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter.client();
    let url = server.url("/bytes/9?key=SECRET");
    let url = url.replace("http://", "http://SECRET:SECRET@");
    let request = client.get(url).header("authorization", "Bearer SECRET");
    let _held = adapter.stream(request).unwrap();
    let snapshot = client.pool();
    let shown = format!("{snapshot} {snapshot:?}");
    assert!(shown.contains(&server.addr().to_string()), "{shown}");
    assert!(
        !shown.contains("SECRET") && !shown.contains("bytes"),
        "{shown}"
    );
}
