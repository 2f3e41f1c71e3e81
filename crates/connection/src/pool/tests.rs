use super::*;
use crate::message::NeverReason;
use proptest::prelude::*;
use std::collections::HashMap;

pub(super) fn key(host: &str) -> PoolKey<'_> {
    PoolKey {
        scheme: "http".into(),
        host: host.into(),
        port: 80,
        context: 0,
        http2: false,
        route: None,
    }
}

fn limits(max: usize, idle: usize) -> Limits {
    Limits {
        max_connections: Some(max),
        max_idle: Some(idle),
        ..Limits::default()
    }
}

fn never() -> Reuse {
    Reuse::Never(NeverReason::PeerClosed)
}

fn connect(pool: &mut Pool, host: &str, now: Instant) -> ConnId {
    match pool.checkout(&key(host), None, now) {
        Checkout::Connect(conn) => {
            pool.established(conn);
            conn
        }
        other => panic!("expected to connect, got {other:?}"),
    }
}

fn wait(pool: &mut Pool, host: &str, deadline: Option<Instant>, now: Instant) -> Ticket {
    match pool.checkout(&key(host), deadline, now) {
        Checkout::Wait(ticket) => ticket,
        other => panic!("expected to wait, got {other:?}"),
    }
}

#[test]
fn the_connection_used_last_is_reused_first() {
    let now = Instant::now();
    let mut pool = Pool::default();
    let (a, b) = (connect(&mut pool, "h", now), connect(&mut pool, "h", now));
    pool.release(a, &Reuse::Idle, now);
    pool.release(b, &Reuse::Idle, now);
    assert_eq!(pool.checkout(&key("h"), None, now), Checkout::Reuse(b));
    assert_eq!(pool.checkout(&key("h"), None, now), Checkout::Reuse(a));
    assert!(matches!(
        pool.checkout(&key("h"), None, now),
        Checkout::Connect(_)
    ));
}

#[test]
fn those_who_wait_are_served_in_their_order() {
    let now = Instant::now();
    let mut pool = Pool::new(limits(1, 1));
    let conn = connect(&mut pool, "h", now);
    let (first, second) = (
        wait(&mut pool, "h", None, now),
        wait(&mut pool, "h", None, now),
    );
    pool.release(conn, &Reuse::Idle, now);
    let assigned = Assigned {
        ticket: first,
        outcome: Assignment::Reuse(conn),
    };
    assert_eq!(pool.poll_assigned(), Some(assigned));
    assert_eq!(pool.poll_assigned(), None);
    pool.release(conn, &never(), now);
    assert_eq!(pool.poll_close(), Some(conn));
    let Some(Assigned {
        ticket,
        outcome: Assignment::Connect(_),
    }) = pool.poll_assigned()
    else {
        panic!("a freed place must be given on")
    };
    assert_eq!(ticket, second);
}

#[test]
fn who_came_first_is_served_first_whatever_the_origin() {
    let now = Instant::now();
    let mut pool = Pool::new(limits(1, 1));
    let mut held = connect(&mut pool, "busy", now);
    let own = wait(&mut pool, "busy", None, now);
    let other = wait(&mut pool, "other", None, now);
    let late = wait(&mut pool, "busy", None, now);
    pool.release(held, &Reuse::Idle, now);
    let served = |pool: &mut Pool| pool.poll_assigned().map(|it| (it.ticket, it.outcome));
    assert_eq!(served(&mut pool), Some((own, Assignment::Reuse(held))));
    // An origin that is asked all the time would keep its connection, and the other would starve.
    pool.release(held, &Reuse::Idle, now);
    assert_eq!(pool.poll_close(), Some(held));
    let Some((ticket, Assignment::Connect(conn))) = served(&mut pool) else {
        panic!("nobody was served");
    };
    assert_eq!(ticket, other);
    pool.established(conn);
    held = conn;
    pool.release(held, &Reuse::Idle, now);
    assert_eq!(pool.poll_close(), Some(held));
    assert!(matches!(served(&mut pool), Some((ticket, Assignment::Connect(_))) if ticket == late));
    assert_eq!((pool.counts().connections, pool.counts().waiting), (1, 0));
}

#[test]
fn many_origins_are_told_apart() {
    // Some of the same length, with the same beginning or end; fewer and more than are compared one by
    // one; some forgotten on the way.
    let now = Instant::now();
    let mut pool = Pool::new(limits(1_000, 1_000));
    let name = |number: usize| match number % 3 {
        0 => format!("{number:04}.example.com"),
        1 => format!("example-{number:04}"),
        _ => format!("long-beginning-{number:04}-long-end"),
    };
    let mut conns = HashMap::new();
    for number in 0..100 {
        let conn = connect(&mut pool, &name(number), now);
        pool.release(conn, &Reuse::Idle, now);
        conns.insert(number, conn);
        if number % 7 == 3 {
            pool.forget(conns.remove(&(number - 2)).unwrap());
        }
        for (number, conn) in &conns {
            let got = pool.checkout(&key(&name(*number)), None, now);
            assert_eq!(got, Checkout::Reuse(*conn), "{number}");
        }
        for conn in conns.values() {
            pool.release(*conn, &Reuse::Idle, now);
        }
    }
    assert_eq!(pool.counts().origins, conns.len());
}

#[test]
fn a_full_pool_closes_its_longest_idle_connection_for_another_origin() {
    let now = Instant::now();
    let mut pool = Pool::new(limits(2, 2));
    let (a, b) = (connect(&mut pool, "a", now), connect(&mut pool, "b", now));
    pool.release(b, &Reuse::Idle, now);
    pool.release(a, &Reuse::Idle, now);
    connect(&mut pool, "c", now);
    assert_eq!(pool.poll_close(), Some(b));
    assert_eq!(pool.poll_close(), None);
    assert_eq!(pool.counts().connections, 2);
}

#[test]
fn idle_connections_expire_exactly_and_only_then() {
    let now = Instant::now();
    let mut pool = Pool::default();
    let conn = connect(&mut pool, "h", now);
    pool.release(conn, &Reuse::Idle, now);
    let due = now + Duration::from_secs(5);
    assert_eq!(pool.next_timeout(), Some(due));
    pool.handle_timeout(due - Duration::from_nanos(1));
    assert_eq!(pool.counts().idle, 1);
    pool.handle_timeout(due);
    assert_eq!(pool.poll_close(), Some(conn));
    assert_eq!(pool.counts(), PoolCounts::default());
}

#[test]
fn an_expired_connection_is_not_given_out_though_no_timer_ran() {
    let now = Instant::now();
    let mut pool = Pool::default();
    let conn = connect(&mut pool, "h", now);
    pool.release(conn, &Reuse::Idle, now);
    let later = now + Duration::from_secs(5);
    assert!(matches!(
        pool.checkout(&key("h"), None, later),
        Checkout::Connect(_)
    ));
    assert_eq!(pool.poll_close(), Some(conn));
}

#[test]
fn only_so_many_rest_and_the_longest_idle_goes() {
    let now = Instant::now();
    let mut pool = Pool::new(limits(10, 2));
    let conns: Vec<_> = (0..3).map(|_| connect(&mut pool, "h", now)).collect();
    for conn in &conns {
        pool.release(*conn, &Reuse::Idle, now);
    }
    assert_eq!(pool.poll_close(), Some(conns[0]));
    assert_eq!(pool.counts().idle, 2);
}

#[test]
fn busy_connections_do_not_count_against_the_idle_limit() {
    let now = Instant::now();
    let mut pool = Pool::new(limits(100, 2));
    let conns: Vec<_> = (0..50).map(|_| connect(&mut pool, "h", now)).collect();
    pool.release(conns[0], &Reuse::Idle, now);
    pool.release(conns[1], &Reuse::Idle, now);
    assert_eq!(pool.poll_close(), None);
}

#[test]
fn a_wait_ends_at_its_deadline() {
    let now = Instant::now();
    let mut pool = Pool::new(limits(1, 1));
    let conn = connect(&mut pool, "h", now);
    let deadline = now + Duration::from_millis(10);
    let ticket = wait(&mut pool, "h", Some(deadline), now);
    pool.handle_timeout(deadline - Duration::from_nanos(1));
    assert_eq!(pool.poll_assigned(), None);
    assert_eq!(pool.next_timeout(), Some(deadline));
    pool.handle_timeout(deadline);
    assert_eq!(
        pool.poll_assigned(),
        Some(Assigned {
            ticket,
            outcome: Assignment::Expired
        })
    );
    // Its place in the queue is gone too.
    pool.release(conn, &Reuse::Idle, now);
    assert_eq!(pool.poll_assigned(), None);
    assert_eq!(pool.counts().idle, 1);
}

#[test]
fn an_origin_at_its_own_limit_does_not_hold_up_the_others() {
    let now = Instant::now();
    let mut pool = Pool::new(Limits {
        max_connections_per_host: Some(1),
        ..limits(2, 2)
    });
    let a = connect(&mut pool, "a", now);
    let for_a = wait(&mut pool, "a", None, now);
    let b = connect(&mut pool, "b", now);
    let for_c = wait(&mut pool, "c", None, now);
    // A place is free: the first in line cannot take it, its origin being at its limit.
    pool.release(b, &never(), now);
    let got = pool.poll_assigned().map(|assigned| assigned.ticket);
    assert_eq!(got, Some(for_c));
    pool.release(a, &never(), now);
    assert_eq!(
        pool.poll_assigned().map(|assigned| assigned.ticket),
        Some(for_a)
    );
}

#[test]
fn a_cancelled_wait_takes_no_connection() {
    let now = Instant::now();
    let mut pool = Pool::new(limits(1, 1));
    let conn = connect(&mut pool, "h", now);
    let (first, second) = (
        wait(&mut pool, "h", None, now),
        wait(&mut pool, "h", None, now),
    );
    pool.cancel(first);
    pool.release(conn, &Reuse::Idle, now);
    let assigned = Assigned {
        ticket: second,
        outcome: Assignment::Reuse(conn),
    };
    assert_eq!(pool.poll_assigned(), Some(assigned));
}

#[test]
fn k06_keys_that_differ_in_anything_share_nothing() {
    let now = Instant::now();
    let base = key("h");
    let others = [
        PoolKey {
            scheme: "https".into(),
            ..base.clone()
        },
        PoolKey {
            host: "i".into(),
            ..base.clone()
        },
        PoolKey {
            port: 81,
            ..base.clone()
        },
        PoolKey {
            context: 1,
            ..base.clone()
        },
        PoolKey {
            http2: true,
            ..base.clone()
        },
        PoolKey {
            route: Some(RouteId::new(b"one").into()),
            ..base.clone()
        },
        PoolKey {
            route: Some(RouteId::new(b"two").into()),
            ..base.clone()
        },
        PoolKey {
            route: Some(RouteId::with_server_name(None, "one").into()),
            ..base.clone()
        },
        PoolKey {
            route: Some(RouteId::with_server_name(None, "two").into()),
            ..base.clone()
        },
        PoolKey {
            route: Some(RouteId::with_server_name(Some(&RouteId::new(b"one")), "one").into()),
            ..base.clone()
        },
        PoolKey {
            route: Some(RouteId::with_server_name(Some(&RouteId::new(b"two")), "one").into()),
            ..base.clone()
        },
    ];
    let mut pool = Pool::default();
    let conn = connect(&mut pool, "h", now);
    pool.release(conn, &Reuse::Idle, now);
    for other in others {
        assert!(
            matches!(pool.checkout(&other, None, now), Checkout::Connect(_)),
            "{other:?}"
        );
    }
    assert_eq!(pool.checkout(&base, None, now), Checkout::Reuse(conn));
}

#[test]
fn a_late_word_about_a_connection_that_is_gone_changes_nothing() {
    let now = Instant::now();
    let mut pool = Pool::default();
    let old = connect(&mut pool, "h", now);
    pool.release(old, &never(), now);
    let new = connect(&mut pool, "h", now);
    assert_eq!(old.index(), new.index());
    pool.release(old, &Reuse::Idle, now);
    pool.forget(old);
    assert_eq!(pool.counts().connections, 1);
    assert_eq!(pool.counts().idle, 0);
}

#[test]
fn a_closed_pool_ends_every_wait_and_keeps_nothing() {
    let now = Instant::now();
    let mut pool = Pool::new(limits(1, 1));
    let conn = connect(&mut pool, "h", now);
    let ticket = wait(&mut pool, "h", None, now);
    pool.close();
    assert_eq!(
        pool.poll_assigned(),
        Some(Assigned {
            ticket,
            outcome: Assignment::Closed
        })
    );
    pool.release(conn, &Reuse::Idle, now);
    assert_eq!(pool.poll_close(), Some(conn));
    let late = wait(&mut pool, "h", None, now);
    let closed = Assigned {
        ticket: late,
        outcome: Assignment::Closed,
    };
    assert_eq!(pool.poll_assigned(), Some(closed));
    assert_eq!(pool.counts(), PoolCounts::default());
}

#[derive(Clone, Debug)]
enum Op {
    Checkout(u8, Option<u8>),
    Release(u8, bool),
    Fail(u8),
    Cancel(u8),
    Pass(u8),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        4 => (0u8..4, proptest::option::of(0u8..20)).prop_map(|(h, d)| Op::Checkout(h, d)),
        4 => (any::<u8>(), any::<bool>()).prop_map(|(n, reuse)| Op::Release(n, reuse)),
        1 => any::<u8>().prop_map(Op::Fail),
        1 => any::<u8>().prop_map(Op::Cancel),
        1 => (0u8..10).prop_map(Op::Pass),
    ];
    proptest::collection::vec(op, 0..200)
}

proptest! {
    /// Whatever happens: the limits hold, nothing is given out twice, nobody waits while a place
    /// that they could have is free, and in the end nothing is left.
    #[test]
    fn whatever_happens_no_place_is_lost(ops in ops()) {
        let mut now = Instant::now();
        let limits = Limits { max_connections_per_host: Some(3), ..limits(5, 2) };
        let mut pool = Pool::new(limits);
        let mut busy: Vec<(ConnId, u8)> = Vec::new();
        let mut waiting: Vec<(Ticket, u8)> = Vec::new();
        let names = ["a", "b", "c", "d"];
        for op in ops {
            match op {
                Op::Checkout(host, deadline) => {
                    let deadline = deadline.map(|ms| now + Duration::from_secs(ms.into()));
                    match pool.checkout(&key(names[host as usize]), deadline, now) {
                        Checkout::Reuse(conn) | Checkout::Connect(conn) => busy.push((conn, host)),
                        Checkout::Wait(ticket) => waiting.push((ticket, host)),
                        Checkout::Join(_) => prop_assert!(false, "nothing is shared"),
                    }
                }
                Op::Release(n, reuse) if !busy.is_empty() => {
                    let (conn, _) = busy.remove(n as usize % busy.len());
                    pool.established(conn);
                    let verdict = if reuse { Reuse::Idle } else { never() };
                    pool.release(conn, &verdict, now);
                }
                Op::Fail(n) if !busy.is_empty() => {
                    let (conn, _) = busy.remove(n as usize % busy.len());
                    pool.forget(conn);
                }
                Op::Cancel(n) if !waiting.is_empty() => {
                    let (ticket, _) = waiting.remove(n as usize % waiting.len());
                    pool.cancel(ticket);
                }
                Op::Pass(seconds) => {
                    now += Duration::from_secs(seconds.into());
                    pool.handle_timeout(now);
                }
                _ => {}
            }
            let mut last: HashMap<u8, Ticket> = HashMap::new();
            while let Some(Assigned { ticket, outcome }) = pool.poll_assigned() {
                let at = waiting.iter().position(|(t, _)| *t == ticket).unwrap();
                let (_, host) = waiting.remove(at);
                if let Assignment::Reuse(conn) | Assignment::Connect(conn) = outcome {
                    prop_assert!(last.insert(host, ticket).is_none_or(|before| before < ticket));
                    prop_assert!(busy.iter().all(|(other, _)| *other != conn));
                    busy.push((conn, host));
                }
            }
            while pool.poll_close().is_some() {}
            let counts = pool.counts();
            prop_assert_eq!(counts.connections, busy.len() + counts.idle);
            prop_assert_eq!(counts.waiting, waiting.len());
            prop_assert!(counts.connections <= 5 && counts.idle <= 2);
            for host in 0..4 {
                let live = busy.iter().filter(|(_, h)| *h == host).count();
                prop_assert!(live <= 3);
                let could = live < 3 && (counts.connections < 5 || counts.idle > 0);
                prop_assert!(!could || waiting.iter().all(|(_, h)| *h != host));
            }
        }
        for (conn, _) in busy {
            pool.release(conn, &never(), now);
        }
        while let Some(assigned) = pool.poll_assigned() {
            if let Assignment::Reuse(conn) | Assignment::Connect(conn) = assigned.outcome {
                pool.forget(conn);
            }
        }
        pool.evict_idle();
        prop_assert_eq!(pool.counts(), PoolCounts::default());
    }
}
