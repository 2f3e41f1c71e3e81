//! What the pool's decisions cost, with few and with many connections.
//!
//! `pool list` prints the cases; `pool run CASE TURNS` takes so many turns of one, for those who count
//! from outside: compare 2N turns with N.

use nuncio_connection::{Assignment, Checkout, ConnId, Limits, Pool, PoolKey, Reuse, Ticket};
use std::borrow::Cow;
use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// A case's name, how many connections or waits there are, and what is done.
type Case = (&'static str, usize, fn(usize, u64) -> Outcome<()>);

const CASES: &[Case] = &[
    ("checkout-one-origin", 10, one_origin),
    ("checkout-one-origin", 1_000, one_origin),
    ("checkout-one-origin", 10_000, one_origin),
    ("checkout-an-origin-each", 10, an_origin_each),
    ("checkout-an-origin-each", 1_000, an_origin_each),
    ("checkout-an-origin-each", 10_000, an_origin_each),
    ("expire-and-connect", 10, expire),
    ("expire-and-connect", 10_000, expire),
    ("replace-the-oldest", 10, replace),
    ("replace-the-oldest", 10_000, replace),
    ("wait-one-origin", 10, wait),
    ("wait-one-origin", 10_000, wait),
    ("wait-an-origin-each", 10, wait_each),
    ("wait-an-origin-each", 10_000, wait_each),
    ("give-up-waiting", 10, give_up),
    ("give-up-waiting", 10_000, give_up),
    ("join-shared", 10, join),
    ("join-shared", 10_000, join),
];

fn main() -> Outcome<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["list"] => {
            for (name, count, _) in CASES {
                println!("{name}\t{count}");
            }
            Ok(())
        }
        ["run", name, count, turns] => {
            let count: usize = count.parse()?;
            let is_it = |case: &&Case| case.0 == name && case.1 == count;
            let (_, _, run) = CASES.iter().find(is_it).ok_or("no such case")?;
            run(count, turns.parse()?)
        }
        _ => Err("pool list | run CASE COUNT TURNS".into()),
    }
}

const WAIT: Duration = Duration::from_secs(5);

fn key(host: &str) -> PoolKey<'_> {
    PoolKey {
        scheme: Cow::Borrowed("https"),
        host: Cow::Borrowed(host),
        port: 443,
        context: 7,
        http2: false,
        route: None,
    }
}

fn hosts(count: usize) -> Vec<String> {
    (0..count)
        .map(|number| format!("host-{number}.example.com"))
        .collect()
}

fn unlimited() -> Limits {
    Limits {
        max_connections: None,
        max_idle: None,
        ..Limits::default()
    }
}

/// What the pool's owner does after each operation.
fn settle(pool: &mut Pool) -> Option<(Ticket, Assignment)> {
    let mut last = None;
    while let Some(assigned) = pool.poll_assigned() {
        last = Some((assigned.ticket, assigned.outcome));
    }
    while let Some(conn) = pool.poll_close() {
        black_box(conn);
    }
    last
}

fn connect(pool: &mut Pool, host: &str, now: Instant) -> Outcome<ConnId> {
    match pool.checkout_fresh(&key(host), None, now) {
        Checkout::Connect(conn) => {
            pool.established(conn);
            Ok(conn)
        }
        other => Err(format!("{other:?}").into()),
    }
}

fn one_turn(pool: &mut Pool, host: &str, now: Instant) -> Outcome<()> {
    let until = Some(now + WAIT);
    let Checkout::Reuse(conn) = black_box(&mut *pool).checkout(&key(black_box(host)), until, now)
    else {
        return Err("none was idle".into());
    };
    settle(pool);
    pool.release(black_box(conn), &Reuse::Idle, now);
    settle(pool);
    Ok(())
}

/// So many idle connections to one origin: one is taken and comes back.
fn one_origin(count: usize, turns: u64) -> Outcome<()> {
    let (mut pool, now) = (Pool::new(unlimited()), Instant::now());
    let taken: Vec<_> = (0..count)
        .map(|_| connect(&mut pool, "host-0.example.com", now))
        .collect::<Outcome<_>>()?;
    taken
        .into_iter()
        .for_each(|conn| pool.release(conn, &Reuse::Idle, now));
    (0..turns).try_for_each(|_| one_turn(&mut pool, "host-0.example.com", now))
}

/// So many origins with an idle connection each, asked in turn.
fn an_origin_each(count: usize, turns: u64) -> Outcome<()> {
    let (mut pool, now, hosts) = (Pool::new(unlimited()), Instant::now(), hosts(count));
    for host in &hosts {
        let conn = connect(&mut pool, host, now)?;
        pool.release(conn, &Reuse::Idle, now);
    }
    let mut asked = hosts.iter().cycle();
    (0..turns).try_for_each(|_| one_turn(&mut pool, asked.next().ok_or("no host")?, now))
}

/// As many origins. With each turn the connection that is idle longest expires, and its origin gets a
/// new one.
fn expire(count: usize, turns: u64) -> Outcome<()> {
    let limits = Limits {
        idle_expiry: Some(Duration::from_secs(count as u64)),
        ..unlimited()
    };
    let (mut pool, mut now, hosts) = (Pool::new(limits), Instant::now(), hosts(count));
    for host in hosts.iter().cycle().take(count + turns as usize) {
        now += Duration::from_secs(1);
        let conn = connect(&mut pool, host, now)?;
        settle(&mut pool);
        pool.release(conn, &Reuse::Idle, now);
        settle(&mut pool);
    }
    Ok(())
}

/// A full pool of idle connections: who comes for another origin takes the place of the oldest.
fn replace(count: usize, turns: u64) -> Outcome<()> {
    let limits = Limits {
        max_connections: Some(count),
        ..unlimited()
    };
    let (mut pool, now, hosts) = (Pool::new(limits), Instant::now(), hosts(count + 1));
    for host in hosts.iter().cycle().take(count + turns as usize) {
        let conn = connect(&mut pool, host, now)?;
        settle(&mut pool);
        pool.release(conn, &Reuse::Idle, now);
        settle(&mut pool);
    }
    Ok(())
}

fn full(connections: usize, host: &str, now: Instant) -> Outcome<(Pool, Vec<ConnId>)> {
    let limits = Limits {
        max_connections: Some(connections),
        ..unlimited()
    };
    let mut pool = Pool::new(limits);
    let held = (0..connections).map(|_| connect(&mut pool, host, now));
    let held = held.collect::<Outcome<_>>()?;
    Ok((pool, held))
}

/// So many wait for one connection of their origin: it goes on to the first, who has done with it when
/// another has joined the queue.
fn wait(count: usize, turns: u64) -> Outcome<()> {
    let (host, now) = ("host-0.example.com", Instant::now());
    let (mut pool, mut held) = full(1, host, now)?;
    for _ in 0..count {
        pool.checkout(&key(host), Some(now + WAIT), now);
    }
    for _ in 0..turns {
        pool.checkout(&key(host), Some(now + WAIT), now);
        pool.release(held.pop().ok_or("none is held")?, &Reuse::Idle, now);
        match settle(&mut pool) {
            Some((_, Assignment::Reuse(conn))) => held.push(conn),
            other => return Err(format!("{other:?}").into()),
        }
    }
    Ok(())
}

/// So many origins with somebody waiting, and one place: it goes round.
fn wait_each(count: usize, turns: u64) -> Outcome<()> {
    let (hosts, now) = (hosts(count + 1), Instant::now());
    let (mut pool, mut held) = full(1, &hosts[0], now)?;
    for host in &hosts[1..] {
        pool.checkout(&key(host), Some(now + WAIT), now);
    }
    let mut asked = hosts.iter().cycle();
    for _ in 0..turns {
        let host = asked.next().ok_or("no host")?;
        pool.checkout(&key(host), Some(now + WAIT), now);
        pool.release(held.pop().ok_or("none is held")?, &Reuse::Idle, now);
        match settle(&mut pool) {
            Some((_, Assignment::Connect(conn))) => {
                pool.established(conn);
                held.push(conn);
            }
            other => return Err(format!("{other:?}").into()),
        }
    }
    Ok(())
}

/// So many wait; another comes, and goes.
fn give_up(count: usize, turns: u64) -> Outcome<()> {
    let (hosts, now) = (hosts(count + 1), Instant::now());
    let (mut pool, _held) = full(1, &hosts[0], now)?;
    for host in &hosts {
        pool.checkout(&key(host), Some(now + WAIT), now);
    }
    for host in hosts.iter().cycle().take(turns as usize) {
        let Checkout::Wait(ticket) = pool.checkout(&key(host), Some(now + WAIT), now) else {
            return Err("there was room".into());
        };
        pool.cancel(black_box(ticket));
        settle(&mut pool);
    }
    Ok(())
}

/// So many origins with a shared connection each, which carries half of what it can: one request more,
/// and one less.
fn join(count: usize, turns: u64) -> Outcome<()> {
    let (mut pool, now, hosts) = (Pool::new(unlimited()), Instant::now(), hosts(count));
    let until = Some(now + WAIT);
    for host in &hosts {
        match pool.checkout_shared(&key(host), false, until, now) {
            Checkout::Connect(conn) => pool.share(conn, 100),
            other => return Err(format!("{other:?}").into()),
        }
        for _ in 0..49 {
            pool.checkout_shared(&key(host), false, until, now);
        }
    }
    for host in hosts.iter().cycle().take(turns as usize) {
        match pool.checkout_shared(&key(host), false, until, now) {
            Checkout::Join(conn) => {
                settle(&mut pool);
                // As the depot does it: the connection says what it can carry, then one leaves.
                pool.share(conn, 100);
                pool.release(conn, &Reuse::Busy, now);
                settle(&mut pool);
            }
            other => return Err(format!("{other:?}").into()),
        }
    }
    Ok(())
}
