//! The race of addresses on a fake clock: which attempt begins when, which wins, and what is told
//! when none does.

use nuncio_connection::{Address, DialError, DialFailure, DialStep, Dialer, IoError, Phase};
use proptest::prelude::*;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

/// What becomes of an attempt at an address, and how long after it began.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Answers(u64),
    Refuses(u64),
    Swallows,
}
use Fate::{Answers, Refuses, Swallows};

/// How a race went: when each attempt began (in milliseconds), and how it ended when.
#[derive(Debug, PartialEq)]
struct Run {
    begun: Vec<(u64, String)>,
    end: (u64, Result<String, String>),
}

const MILLI: Duration = Duration::from_millis(1);

/// Runs a race to its end. The driver is asked again at each time that it said and at each that
/// something happens, and in between, which must change nothing.
fn race(addresses: &[SocketAddr], limit: Option<u64>, fate: impl Fn(SocketAddr) -> Fate) -> Run {
    let start = Instant::now();
    let at = |time: u64| start + MILLI * u32::try_from(time).unwrap();
    let mut dialer = Dialer::new(addresses, limit.map(at));
    let mut clock = 0;
    let mut begun = Vec::new();
    // When what happens to which attempt.
    let mut pending: Vec<(u64, usize, Fate)> = Vec::new();
    loop {
        match dialer.poll(at(clock)) {
            DialStep::Begin(attempt) => {
                assert_eq!(attempt, begun.len(), "attempts are numbered in turn");
                let address = dialer.address(attempt).unwrap().clone();
                let fate = fate(address.tcp().unwrap());
                begun.push((clock, address.to_string()));
                match fate {
                    Answers(after) | Refuses(after) => {
                        pending.push((clock + after, attempt, fate));
                    }
                    Swallows => {}
                }
            }
            DialStep::Wait(until) => {
                assert_eq!(dialer.poll(at(clock)), DialStep::Wait(until), "asked twice");
                let until = until
                    .map(|it| u64::try_from((it - start).as_nanos().div_ceil(1_000_000)).unwrap());
                let next = pending.iter().map(|it| it.0).min();
                let next = [until, next].into_iter().flatten().min();
                let next = next.expect("it waits for something");
                assert!(next >= clock);
                clock = next;
                pending.sort_by_key(|it| it.0);
                if pending.first().is_none_or(|it| it.0 > clock) {
                    continue;
                }
                let (_, attempt, fate) = pending.remove(0);
                if let Refuses(_) = fate {
                    let error = ErrorKind::ConnectionRefused.into();
                    dialer.failed(attempt, DialFailure::io(&error));
                    continue;
                }
                let address = dialer.connected(attempt).unwrap().to_string();
                let end = (clock, Ok(address));
                return Run { begun, end };
            }
            DialStep::Expired(attempt) => {
                assert_eq!(Some(clock), limit, "time is over at the limit");
                pending.retain(|it| it.1 != attempt);
            }
            DialStep::Failed => {
                let error = dialer.into_failures().to_string();
                let end = (clock, Err(error));
                return Run { begun, end };
            }
        }
    }
}

fn addresses(text: &str) -> Vec<SocketAddr> {
    let parse = |text: &str| text.parse().unwrap_or_else(|_| panic!("{text}"));
    text.split_whitespace().map(parse).collect()
}

fn many(v6: usize, v4: usize) -> Vec<SocketAddr> {
    let sixth = |n: usize| IpAddr::from(Ipv6Addr::from((0x2001_0db8 << 96) + n as u128));
    let fourth = |n: usize| IpAddr::from(Ipv4Addr::from(0xC000_0200 + n as u32));
    let all = (1..=v6).map(sixth).chain((1..=v4).map(fourth));
    all.map(|ip| SocketAddr::new(ip, 443)).collect()
}

/// The attempts that were begun, as `time address`.
fn begun(run: &Run) -> Vec<String> {
    let begun = run.begun.iter();
    begun
        .map(|(time, address)| format!("{time} {address}"))
        .collect()
}

const TWO: &str = "[2001:db8::1]:80 192.0.2.1:80";

#[test]
fn an_address_that_answers_is_the_only_one_tried() {
    let run = race(&addresses(TWO), Some(5_000), |_| Answers(30));
    assert_eq!(begun(&run), ["0 [2001:db8::1]:80"]);
    assert_eq!(run.end, (30, Ok("[2001:db8::1]:80".to_owned())));
}

#[test]
fn a_black_hole_costs_a_quarter_of_a_second() {
    let run = race(&addresses(TWO), Some(5_000), |it| match it {
        SocketAddr::V6(_) => Swallows,
        SocketAddr::V4(_) => Answers(30),
    });
    assert_eq!(begun(&run), ["0 [2001:db8::1]:80", "250 192.0.2.1:80"]);
    assert_eq!(run.end, (280, Ok("192.0.2.1:80".to_owned())));
}

#[test]
fn a_refused_address_costs_nothing_but_its_own_time() {
    let run = race(&addresses(TWO), Some(5_000), |it| match it {
        SocketAddr::V6(_) => Refuses(3),
        SocketAddr::V4(_) => Answers(30),
    });
    assert_eq!(begun(&run), ["0 [2001:db8::1]:80", "3 192.0.2.1:80"]);
    assert_eq!(run.end, (33, Ok("192.0.2.1:80".to_owned())));
}

#[test]
fn a_slow_address_may_still_win_after_others_have_begun() {
    let run = race(&addresses(TWO), Some(5_000), |it| match it {
        SocketAddr::V6(_) => Answers(300),
        SocketAddr::V4(_) => Answers(80),
    });
    assert_eq!(begun(&run), ["0 [2001:db8::1]:80", "250 192.0.2.1:80"]);
    assert_eq!(run.end, (300, Ok("[2001:db8::1]:80".to_owned())));
}

#[test]
fn one_that_fails_late_lets_the_next_begin_at_once() {
    let four = addresses("192.0.2.1:1 192.0.2.2:1 192.0.2.3:1 192.0.2.4:1");
    let run = race(&four, Some(5_000), |it| match it.ip() {
        ip if ip == four[0].ip() => Refuses(260),
        ip if ip == four[3].ip() => Answers(5),
        _ => Swallows,
    });
    // The third begins as the first fails, and the fourth a whole stagger after the third.
    assert_eq!(
        begun(&run),
        [
            "0 192.0.2.1:1",
            "250 192.0.2.2:1",
            "260 192.0.2.3:1",
            "510 192.0.2.4:1"
        ]
    );
    assert_eq!(run.end, (515, Ok("192.0.2.4:1".to_owned())));
}

#[test]
fn black_holes_end_at_the_limit_and_each_is_named() {
    let run = race(&addresses(TWO), Some(5_000), |_| Swallows);
    assert_eq!(run.begun.len(), 2);
    let told = "connecting to none of 2 addresses succeeded: [2001:db8::1]:80: timed out; \
                192.0.2.1:80: timed out";
    assert_eq!(run.end, (5_000, Err(told.to_owned())));
}

#[test]
fn all_refused_is_told_at_once_with_each_reason() {
    let run = race(&addresses(TWO), Some(5_000), |_| Refuses(1));
    let told = "connecting to none of 2 addresses succeeded: [2001:db8::1]:80: connection \
                refused; 192.0.2.1:80: connection refused";
    assert_eq!(run.end, (2, Err(told.to_owned())));
}

#[test]
fn one_address_is_told_of_without_ado() {
    let one = addresses("192.0.2.1:80");
    let refused = race(&one, None, |_| Refuses(1)).end.1.unwrap_err();
    assert_eq!(refused, "192.0.2.1:80: connecting: connection refused");
    let silent = race(&one, Some(9), |_| Swallows).end;
    assert_eq!(
        silent,
        (
            9,
            Err("192.0.2.1:80: timed out while connecting".to_owned())
        )
    );
}

#[test]
fn d05_of_a_thousand_addresses_the_first_sixteen_are_tried() {
    let run = race(&many(0, 1_000), Some(5_000), |_| Swallows);
    let starts: Vec<_> = run.begun.iter().map(|it| it.0).collect();
    let expected: Vec<_> = (0..16).map(|it| it * 250).collect();
    assert_eq!(starts, expected);
    let (time, told) = run.end;
    let told = told.unwrap_err();
    assert_eq!(time, 5_000);
    assert!(told.ends_with("; 984 were not tried"), "{told}");
    assert!(told.len() < 16 * 40 + 100, "{} bytes", told.len());
    // Refusals are over at once, and so many of them as well.
    let run = race(&many(1_000, 0), Some(5_000), |_| Refuses(0));
    assert_eq!((run.begun.len(), run.end.0), (16, 0));
}

#[test]
fn no_address_at_all_is_over_at_once() {
    let run = race(&[], Some(5_000), |_| Swallows);
    assert_eq!((run.begun.len(), run.end.0), (0, 0));
}

#[test]
fn families_take_turns_beginning_with_the_resolvers_first() {
    let order = |text: &str| {
        let run = race(&addresses(text), None, |_| Refuses(0));
        let begun = run.begun.into_iter().map(|it| it.1);
        begun.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        order("[::a]:1 [::b]:1 [::c]:1 192.0.2.1:1 192.0.2.2:1"),
        "[::a]:1 192.0.2.1:1 [::b]:1 192.0.2.2:1 [::c]:1"
    );
    assert_eq!(
        order("192.0.2.1:1 192.0.2.2:1 192.0.2.3:1 [::a]:1"),
        "192.0.2.1:1 [::a]:1 192.0.2.2:1 192.0.2.3:1"
    );
    // What is there twice is tried once, IPv4 written as IPv6 included.
    assert_eq!(
        order("192.0.2.1:1 [::ffff:192.0.2.1]:1 192.0.2.1:1 192.0.2.1:2"),
        "192.0.2.1:1 192.0.2.1:2"
    );
    // Whoever has a thousand of one family still has the other in second place.
    assert!(order(&"[::a]:1 ".repeat(40)).len() < 10);
    let run = race(&many(999, 1), None, |_| Refuses(0));
    assert_eq!(run.begun[1].1, "192.0.2.1:443");
}

#[test]
fn k10_addresses_with_other_zones_are_other_addresses() {
    let run = race(&addresses("[fe80::1%1]:80 [fe80::1%2]:80"), None, |_| {
        Refuses(0)
    });
    assert_eq!(begun(&run), ["0 [fe80::1%1]:80", "0 [fe80::1%2]:80"]);
}

#[test]
fn a_short_limit_leaves_time_for_every_address() {
    let starts = |count, limit| -> Vec<u64> {
        let run = race(&many(0, count), Some(limit), |_| Swallows);
        assert_eq!(run.end.0, limit);
        run.begun.iter().map(|it| it.0).collect()
    };
    assert_eq!(starts(2, 100), [0, 50]);
    assert_eq!(starts(4, 400), [0, 100, 200, 300]);
    assert_eq!(starts(4, 2_000), [0, 250, 500, 750]);
    // RFC 8305 section 5: never faster than one in 10 ms.
    assert_eq!(starts(16, 35), [0, 10, 20, 30]);
    assert_eq!(starts(2, 0), Vec::<u64>::new());
    let none = race(&many(1, 1), Some(0), |_| Swallows).end.1.unwrap_err();
    assert_eq!(none, "timed out before any of 2 addresses was tried");
}

#[test]
fn without_a_limit_it_waits_as_long_as_it_takes() {
    let run = race(&many(1, 1), None, |it| match it {
        SocketAddr::V6(_) => Swallows,
        SocketAddr::V4(_) => Answers(1_000_000),
    });
    assert_eq!(run.end.0, 1_000_250);
}

#[test]
fn what_is_told_of_an_attempt_that_is_over_changes_nothing() {
    let now = Instant::now();
    let mut dialer = Dialer::new(&addresses(TWO), None);
    assert_eq!(dialer.connected(0), None, "it has not begun");
    assert_eq!(dialer.poll(now), DialStep::Begin(0));
    assert_eq!(dialer.connected(1), None);
    dialer.failed(1, DialFailure::TimedOut);
    dialer.failed(7, DialFailure::TimedOut);
    let wait = dialer.poll(now);
    assert!(matches!(wait, DialStep::Wait(_)), "{wait:?}");
    dialer.failed(0, DialFailure::TimedOut);
    assert_eq!(dialer.connected(0), None, "it has failed");
    assert_eq!(dialer.poll(now), DialStep::Begin(1));
}

fn failures(failure: DialFailure) -> DialError {
    let mut dialer = Dialer::to(
        Address::Unix(std::path::Path::new("/run/a\nb").into()),
        None,
    );
    assert_eq!(dialer.poll(Instant::now()), DialStep::Begin(0));
    dialer.failed(0, failure);
    dialer.into_failures()
}

#[test]
fn errors_are_one_line_and_say_what_they_are() {
    let error = failures(DialFailure::Refused("a\nb\u{1b}[2J".to_owned()));
    assert!(error.is_refused() && !error.is_timeout());
    assert_eq!(
        error.to_string(),
        r#"unix:"/run/a\nb": refused by the connect policy: a\nb\u{1b}[2J"#
    );
    let error = failures(DialFailure::Refused("x".repeat(10_000)));
    assert!(error.to_string().len() < 300);
    let error = failures(DialFailure::TimedOut);
    assert!(error.is_timeout() && !error.is_refused());
    let kind = ErrorKind::NotFound;
    let io = IoError::new(Phase::Connect, &kind.into());
    let error = failures(DialFailure::Io(io, "no such file".to_owned()));
    assert!(!error.is_timeout() && !error.is_refused());
    assert_eq!(
        error.to_string(),
        r#"unix:"/run/a\nb": connecting: no such file"#
    );
}

fn fates() -> impl Strategy<Value = Vec<(bool, Fate)>> {
    let fate = prop_oneof![
        (0u64..2_000).prop_map(Answers),
        (0u64..2_000).prop_map(Refuses),
        Just(Swallows),
    ];
    prop::collection::vec((any::<bool>(), fate), 0..24)
}

proptest! {
    /// Whatever becomes of each address: no attempt begins sooner than its turn, the first answer
    /// wins, and the end is in time.
    #[test]
    fn every_race_is_fair_and_ends_in_time(fates in fates(), limit in 0u64..6_000) {
        let address = |(number, (v4, _)): (usize, &(bool, Fate))| {
            many(usize::from(!v4) * (number + 1), usize::from(*v4) * (number + 1)).pop().unwrap()
        };
        let all: Vec<_> = fates.iter().enumerate().map(address).collect();
        let fate_of = |it: SocketAddr| {
            let number = all.iter().position(|known| *known == it).unwrap();
            fates[number].1
        };
        let run = race(&all, Some(limit), fate_of);
        prop_assert!(run.begun.len() <= Dialer::MOST);
        prop_assert!(run.end.0 <= limit);
        // When each attempt is over by itself, and whether it answers then.
        let outcome = |(time, text): &(u64, String)| match fate_of(text.parse().unwrap()) {
            Answers(after) => (time + after, true),
            Refuses(after) => (time + after, false),
            Swallows => (u64::MAX, false),
        };
        let outcomes: Vec<_> = run.begun.iter().map(outcome).collect();
        let first = outcomes.iter().filter(|it| it.1).map(|it| it.0).min();
        match &run.end {
            (time, Ok(winner)) => {
                prop_assert_eq!(Some(*time), first);
                prop_assert!(run.begun.iter().any(|it| it.1 == *winner));
            }
            (time, Err(_)) => {
                prop_assert!(first.is_none_or(|first| first >= limit));
                let tried = run.begun.len() == all.len().min(Dialer::MOST);
                let refused = tried && outcomes.iter().all(|it| !it.1 && it.0 <= *time);
                prop_assert!(*time == limit || refused);
            }
        }
        for (number, pair) in run.begun.windows(2).enumerate() {
            let (before, after) = (pair[0].0, pair[1].0);
            let failed = outcomes.iter().take(number + 1).any(|it| !it.1 && it.0 == after);
            prop_assert!(after - before >= 10 || failed, "{run:?}");
            prop_assert!(after - before <= 250, "{run:?}");
        }
    }
}
