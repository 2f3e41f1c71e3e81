//! What a snapshot tells, and how it reads.

use super::tests::key;
use super::*;

fn reasons(pool: &Pool, now: Instant) -> Vec<WaitReason> {
    let origins = pool.snapshot(now).origins.into_iter();
    let waiting = origins.flat_map(|origin| origin.waiting);
    waiting.map(|waiter| waiter.reason).collect()
}

fn limited(total: usize, per_host: Option<usize>) -> Pool {
    Pool::new(Limits {
        max_connections: Some(total),
        max_connections_per_host: per_host,
        ..Limits::default()
    })
}

fn made(pool: &mut Pool, host: &'static str, now: Instant) -> ConnId {
    let Checkout::Connect(conn) = pool.checkout(&key(host), None, now) else {
        panic!("there is room");
    };
    conn
}

#[test]
fn every_connection_is_there_with_what_it_does() {
    let (mut pool, now) = (limited(9, None), Instant::now());
    let (a, b, c) = (
        made(&mut pool, "a", now),
        made(&mut pool, "a", now),
        made(&mut pool, "b", now),
    );
    pool.established(a);
    pool.established(b);
    pool.release(a, &Reuse::Idle, now);
    let snapshot = pool.snapshot(now + Duration::from_secs(1));
    assert_eq!(snapshot.counts, pool.counts());
    assert_eq!((snapshot.connections, snapshot.idle), (3, 1));
    let shown: Vec<_> = snapshot
        .origins
        .iter()
        .flat_map(|origin| &origin.connections)
        .map(|connection| (connection.conn, connection.state))
        .collect();
    let left = Some(Duration::from_secs(4));
    assert_eq!(
        shown,
        [
            (a, ConnectionState::Idle { left }),
            (b, ConnectionState::InUse),
            (c, ConnectionState::Connecting),
        ]
    );
    assert_eq!(
        snapshot.to_string(),
        "3 connections (1 idle) to 2 origins, 0 requests waiting\n\
         http://a:80\n  idle, for 4.0 s more at most\n  in use\n\
         http://b:80\n  being made"
    );
    let late = pool.snapshot(now + Duration::from_secs(9));
    assert!(
        late.to_string().contains("\n  idle for too long\n"),
        "{late}"
    );
}

#[test]
fn who_waits_is_there_with_the_limit_that_is_in_the_way() {
    let now = Instant::now();
    let until = Some(now + Duration::from_secs(5));
    let mut pool = limited(2, Some(1));
    made(&mut pool, "a", now);
    pool.checkout(&key("a"), until, now);
    assert_eq!(reasons(&pool, now), [WaitReason::HostLimit(1)]);
    made(&mut pool, "b", now);
    pool.checkout(&key("c"), None, now);
    let all = [WaitReason::HostLimit(1), WaitReason::TotalLimit(2)];
    assert_eq!(reasons(&pool, now), all);
    let text = pool.snapshot(now + Duration::from_millis(500)).to_string();
    for line in [
        "2 connections (0 idle) to 3 origins, 2 requests waiting\n",
        "\n  waiting for 4.5 s more at most: the limit of connections to this origin is 1\n",
        "\n  waiting: the limit of connections is 2",
    ] {
        assert!(text.contains(line), "{text}");
    }
}

#[test]
fn who_waits_for_a_connection_to_share_is_told_so() {
    let now = Instant::now();
    let mut pool = limited(1, None);
    let share = |pool: &mut Pool| pool.checkout_shared(&key("a"), false, None, now);
    let Checkout::Connect(conn) = share(&mut pool) else {
        panic!("there is room");
    };
    share(&mut pool);
    assert_eq!(reasons(&pool, now), [WaitReason::Promised]);
    pool.share(conn, 1);
    assert_eq!(reasons(&pool, now), [WaitReason::SharedFull]);
    let text = pool.snapshot(now).to_string();
    assert!(text.contains("\n  shared by 1 of 1\n  waiting: "), "{text}");
    pool.suspend(conn);
    let text = pool.snapshot(now).to_string();
    assert!(text.contains("carrying 1, and not known"), "{text}");
    pool.retire(conn);
    let text = pool.snapshot(now).to_string();
    assert!(text.contains("carrying its last 1"), "{text}");
}

#[test]
fn origins_that_are_gone_leave_no_gap() {
    let (mut pool, now) = (limited(9, None), Instant::now());
    let first = made(&mut pool, "a", now);
    made(&mut pool, "b", now);
    pool.forget(first);
    let snapshot = pool.snapshot(now);
    assert_eq!(snapshot.origins.len(), 1);
    assert_eq!(snapshot.origins[0].origin, "http://b:80");
    assert_eq!(snapshot.origins[0].connections.len(), 1);
}

#[test]
fn snapshots_of_several_pools_add_up() {
    let now = Instant::now();
    let mut all = PoolSnapshot::default();
    for host in ["a", "b"] {
        let mut pool = limited(1, None);
        made(&mut pool, host, now);
        all.append(pool.snapshot(now));
    }
    assert_eq!((all.connections, all.origins.len()), (2, 2));
}
