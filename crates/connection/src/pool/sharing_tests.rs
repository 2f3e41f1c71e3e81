use super::{
    Assigned, Assignment, Checkout, ConnId, Limits, Pool, PoolCounts, PoolKey, Reuse, Ticket,
};
use proptest::prelude::*;
use std::borrow::Cow;
use std::collections::HashMap;
use std::time::{Duration, Instant};

fn key(host: &str) -> PoolKey<'_> {
    PoolKey {
        scheme: Cow::Borrowed("https"),
        host: Cow::Borrowed(host),
        port: 443,
        context: 0,
        http2: true,
        route: None,
    }
}

fn pool(max_connections: usize) -> Pool {
    Pool::new(Limits {
        max_connections: Some(max_connections),
        ..Limits::default()
    })
}

fn connect(pool: &mut Pool, now: Instant) -> ConnId {
    match pool.checkout_shared(&key("a"), false, None, now) {
        Checkout::Connect(conn) => conn,
        other => panic!("{other:?}"),
    }
}

fn wait(pool: &mut Pool, now: Instant) -> Ticket {
    match pool.checkout_shared(&key("a"), false, None, now) {
        Checkout::Wait(ticket) => ticket,
        other => panic!("{other:?}"),
    }
}

fn assigned(pool: &mut Pool) -> Vec<(Ticket, Assignment)> {
    let next = || pool.poll_assigned().map(|it| (it.ticket, it.outcome));
    std::iter::from_fn(next).collect()
}

#[test]
fn who_comes_while_one_is_being_made_waits_for_it_and_joins_as_far_as_there_is_room() {
    let (mut pool, now) = (pool(9), Instant::now());
    let conn = connect(&mut pool, now);
    let tickets: Vec<_> = (0..3).map(|_| wait(&mut pool, now)).collect();
    pool.share(conn, 0);
    assert_eq!(assigned(&mut pool), [], "its settings have not come");
    pool.share(conn, 3);
    let told = assigned(&mut pool);
    let Some((third, Assignment::Connect(other))) = told.get(2).copied() else {
        panic!("{told:?}")
    };
    assert_eq!(
        told[..2],
        [tickets[0], tickets[1]].map(|ticket| (ticket, Assignment::Join(conn)))
    );
    assert_eq!(third, tickets[2]);
    pool.share(other, 3);
    for expected in [other, other] {
        let joined = pool.checkout_shared(&key("a"), false, None, now);
        assert_eq!(joined, Checkout::Join(expected));
    }
    assert_eq!(pool.counts().connections, 2);
}

#[test]
fn one_that_turns_out_exclusive_lets_the_others_make_theirs() {
    let (mut pool, now) = (pool(2), Instant::now());
    let conn = connect(&mut pool, now);
    let (first, second) = (wait(&mut pool, now), wait(&mut pool, now));
    pool.established(conn);
    let told = assigned(&mut pool);
    assert!(
        matches!(told[..], [(ticket, Assignment::Connect(_))] if ticket == first),
        "{told:?}"
    );
    pool.release(conn, &Reuse::Idle, now);
    assert_eq!(assigned(&mut pool), [(second, Assignment::Reuse(conn))]);
}

#[test]
fn one_that_cannot_be_made_is_made_by_the_next() {
    let (mut pool, now) = (pool(9), Instant::now());
    let conn = connect(&mut pool, now);
    let (first, _) = (wait(&mut pool, now), wait(&mut pool, now));
    pool.forget(conn);
    let told = assigned(&mut pool);
    assert!(
        matches!(told[..], [(ticket, Assignment::Connect(_))] if ticket == first),
        "{told:?}"
    );
}

#[test]
fn the_last_one_out_lets_it_rest_and_a_retired_one_is_closed() {
    let (mut pool, now) = (pool(9), Instant::now());
    let conn = connect(&mut pool, now);
    pool.share(conn, 9);
    pool.checkout_shared(&key("a"), false, None, now);
    pool.release(conn, &Reuse::Busy, now);
    assert_eq!((pool.counts().idle, pool.poll_close()), (0, None));
    pool.release(conn, &Reuse::Busy, now);
    assert_eq!((pool.counts().idle, pool.poll_close()), (1, None));
    let again = pool.checkout_shared(&key("a"), false, None, now);
    assert_eq!(again, Checkout::Reuse(conn));
    pool.retire(conn);
    assert_eq!(pool.poll_close(), None);
    connect(&mut pool, now);
    pool.release(conn, &Reuse::Busy, now);
    assert_eq!(pool.poll_close(), Some(conn));
}

#[test]
fn one_that_is_doubted_is_left_alone_until_it_is_trusted_again() {
    let (mut pool, now) = (pool(1), Instant::now());
    let conn = connect(&mut pool, now);
    pool.share(conn, 9);
    pool.suspend(conn);
    let ticket = wait(&mut pool, now);
    assert_eq!(assigned(&mut pool), []);
    pool.share(conn, 9);
    assert_eq!(assigned(&mut pool), [(ticket, Assignment::Join(conn))]);
}

#[test]
fn h06_a_peer_that_allows_no_streams_is_waited_for_until_nobody_waits() {
    let (mut pool, now) = (pool(9), Instant::now());
    let conn = connect(&mut pool, now);
    pool.share(conn, 0);
    let ticket = wait(&mut pool, now);
    pool.release(conn, &Reuse::Busy, now);
    assert_eq!((assigned(&mut pool), pool.poll_close()), (vec![], None));
    pool.cancel(ticket);
    assert_eq!(pool.poll_close(), Some(conn));
    assert_eq!(pool.counts(), PoolCounts::default());
}

#[derive(Clone, Debug)]
enum Op {
    Checkout(bool),
    Made(u8, Option<u8>),
    Room(u8, u8),
    Doubt(u8),
    Retire(u8),
    Leave(u8),
    Fail(u8),
    Cancel(u8),
    Pass(u8),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        6 => any::<bool>().prop_map(Op::Checkout),
        3 => (any::<u8>(), proptest::option::of(0u8..4)).prop_map(|(n, room)| Op::Made(n, room)),
        2 => (any::<u8>(), 0u8..4).prop_map(|(n, room)| Op::Room(n, room)),
        1 => any::<u8>().prop_map(Op::Doubt),
        1 => any::<u8>().prop_map(Op::Retire),
        5 => any::<u8>().prop_map(Op::Leave),
        1 => any::<u8>().prop_map(Op::Fail),
        1 => any::<u8>().prop_map(Op::Cancel),
        1 => (0u8..10).prop_map(Op::Pass),
    ];
    proptest::collection::vec(op, 0..200)
}

/// What a test holds: connections being made, and those in use with how many requests.
#[derive(Default)]
struct Held {
    making: Vec<ConnId>,
    shared: HashMap<ConnId, usize>,
    alone: Vec<ConnId>,
}

fn pick<T: Copy>(list: &[T], n: u8) -> Option<T> {
    list.get(n as usize % list.len().max(1)).copied()
}

proptest! {
    /// Whatever happens: the limits hold, and when all have left, nothing is left.
    #[test]
    fn whatever_happens_no_place_is_lost(ops in ops()) {
        let mut now = Instant::now();
        let mut pool = pool(3);
        let mut held = Held::default();
        let mut waiting: Vec<Ticket> = Vec::new();
        for op in ops {
            let mut shared: Vec<ConnId> = held.shared.keys().copied().collect();
            shared.sort();
            match op {
                Op::Checkout(fresh) => {
                    match pool.checkout_shared(&key("a"), fresh, None, now) {
                        Checkout::Connect(conn) => held.making.push(conn),
                        Checkout::Join(conn) => *held.shared.get_mut(&conn).unwrap() += 1,
                        // Its caller sees which kind it is; here it is told by its absence.
                        Checkout::Reuse(conn) => { held.shared.insert(conn, 1); }
                        Checkout::Wait(ticket) => waiting.push(ticket),
                    }
                }
                Op::Made(n, room) => if let Some(conn) = pick(&held.making, n) {
                    held.making.retain(|other| *other != conn);
                    match room {
                        Some(room) => {
                            held.shared.insert(conn, 1);
                            pool.share(conn, room.into());
                        }
                        None => { held.alone.push(conn); pool.established(conn); }
                    }
                },
                Op::Room(n, room) => if let Some(conn) = pick(&shared, n) {
                    pool.share(conn, room.into());
                },
                Op::Doubt(n) => if let Some(conn) = pick(&shared, n) { pool.suspend(conn) },
                Op::Retire(n) => if let Some(conn) = pick(&shared, n) { pool.retire(conn) },
                Op::Leave(n) => if let Some(conn) = pick(&held.alone, n) {
                    held.alone.retain(|other| *other != conn);
                    pool.release(conn, &Reuse::Busy, now);
                } else if let Some(conn) = pick(&shared, n) {
                    let used = held.shared.get_mut(&conn).unwrap();
                    *used -= 1;
                    if *used == 0 {
                        held.shared.remove(&conn);
                    }
                    pool.release(conn, &Reuse::Busy, now);
                },
                Op::Fail(n) => if let Some(conn) = pick(&held.making, n) {
                    held.making.retain(|other| *other != conn);
                    pool.forget(conn);
                },
                Op::Cancel(n) => if let Some(ticket) = pick(&waiting, n) {
                    waiting.retain(|other| *other != ticket);
                    pool.cancel(ticket);
                },
                Op::Pass(seconds) => {
                    now += Duration::from_secs(seconds.into());
                    pool.handle_timeout(now);
                }
            }
            while let Some(Assigned { ticket, outcome }) = pool.poll_assigned() {
                let first = waiting.iter().min().copied();
                prop_assert_eq!(first, Some(ticket), "out of turn");
                waiting.retain(|other| *other != ticket);
                match outcome {
                    Assignment::Connect(conn) => held.making.push(conn),
                    Assignment::Join(conn) => *held.shared.entry(conn).or_default() += 1,
                    Assignment::Reuse(_) | Assignment::Expired | Assignment::Closed => {}
                }
            }
            while pool.poll_close().is_some() {}
            prop_assert!(pool.counts().connections <= 3);
        }
        for conn in held.making {
            pool.forget(conn);
        }
        pool.close();
        for conn in held.alone {
            pool.release(conn, &Reuse::Busy, now);
        }
        for (conn, used) in held.shared {
            for _ in 0..used {
                pool.release(conn, &Reuse::Busy, now);
            }
        }
        // What was assigned in between is given back.
        while let Some(Assigned { outcome, .. }) = pool.poll_assigned() {
            match outcome {
                Assignment::Connect(conn) => pool.forget(conn),
                Assignment::Join(conn) => pool.release(conn, &Reuse::Busy, now),
                _ => {}
            }
        }
        prop_assert_eq!(pool.counts(), PoolCounts::default());
    }
}
