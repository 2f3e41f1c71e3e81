//! Two byte-driven machines joined through a network that cuts, delays, truncates and resets, without
//! any I/O: the same seeds give the same run on every machine.
//!
//! ```
//! use std::time::Duration;
//! use nuncio_testkit::clock::Clock;
//! use nuncio_testkit::pair::{Link, Pair, Peer};
//! use nuncio_testkit::split::Split;
//!
//! // A client that asks once, and a server that answers each line with its length.
//! let mut client = Peer::new(|side| {
//!     if side.input.is_empty() {
//!         side.output.extend_from_slice(b"hello\n");
//!     }
//! });
//! let mut server = Peer::new(|side| {
//!     while let Some(end) = side.input.iter().position(|byte| *byte == b'\n') {
//!         side.input.drain(..=end);
//!         side.output.extend_from_slice(format!("{end}\n").as_bytes());
//!     }
//! });
//! let link = Link::new().split(Split::Every(1)).delay(Duration::from_millis(10));
//! let mut pair = Pair::new(Clock::new(), link.clone(), link);
//! pair.run(&mut client, &mut server);
//! assert_eq!(client.side.input, b"5\n");
//! assert_eq!(pair.clock().elapsed(), Duration::from_millis(20));
//! ```

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::clock::Clock;
use crate::rng::Rng;
use crate::split::{Cutter, Split};

/// What the network drives. The names are those of nuncio's `Connection`, for which an implementation
/// is a few lines.
pub trait Machine {
    /// Takes bytes that arrived; never empty.
    fn handle_input(&mut self, bytes: &[u8], now: Instant);
    /// The other side ended its sending in order.
    fn handle_eof(&mut self, now: Instant);
    /// The connection was reset; nothing goes either way any more.
    fn handle_reset(&mut self, now: Instant) {
        self.handle_eof(now);
    }
    /// Appends what is to be sent now, and says whether that was the last of it (FIN).
    fn poll_transmit(&mut self, out: &mut Vec<u8>, now: Instant) -> bool;
    /// Whether it has room for more; while it has not, what arrived waits in the network.
    fn wants_read(&self) -> bool {
        true
    }
    /// When [`Machine::handle_timeout`] wants to be called, if at all.
    fn next_timeout(&self) -> Option<Instant> {
        None
    }
    /// The time that [`Machine::next_timeout`] named has come.
    fn handle_timeout(&mut self, now: Instant) {
        let _ = now;
    }
}

/// What goes wrong on a [`Link`], once so many bytes went over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The rest is lost and the receiver sees an orderly end.
    Truncate(u64),
    /// Both sides see a reset, and everything under way in either direction is lost.
    Reset(u64),
    /// Nothing more arrives, not even the end.
    Stall(u64),
}

impl Fault {
    fn after(self) -> u64 {
        match self {
            Self::Truncate(after) | Self::Reset(after) | Self::Stall(after) => after,
        }
    }
}

/// How one direction treats bytes. By default they arrive at once, as they were sent.
#[derive(Debug, Clone)]
pub struct Link {
    split: Split,
    delay: Duration,
    jitter: Duration,
    seed: u64,
    fault: Option<Fault>,
}

impl Link {
    /// A link without faults.
    pub fn new() -> Self {
        let (delay, jitter) = (Duration::ZERO, Duration::ZERO);
        Self {
            split: Split::Whole,
            delay,
            jitter,
            seed: 0,
            fault: None,
        }
    }

    /// Cuts the stream; [`Split::At`] counts from its beginning.
    pub fn split(mut self, split: Split) -> Self {
        self.split = split;
        self
    }

    /// Every byte arrives this much later.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Every piece arrives up to `jitter` later still, by chance that follows from `seed`. Order is kept.
    pub fn jitter(mut self, jitter: Duration, seed: u64) -> Self {
        (self.jitter, self.seed) = (jitter, seed);
        self
    }

    /// Breaks it.
    pub fn fault(mut self, fault: Fault) -> Self {
        self.fault = Some(fault);
        self
    }
}

impl Default for Link {
    fn default() -> Self {
        Self::new()
    }
}

/// The network between two machines, and the clock that it moves.
pub struct Pair {
    clock: Clock,
    forth: Way,
    back: Way,
    reset: bool,
}

/// No test needs more events; a pair that has more does not come to rest.
const MAX_STEPS: usize = 1_000_000;

impl Pair {
    /// A network with one link from the first machine to the second, and one back.
    pub fn new(clock: Clock, forth: Link, back: Link) -> Self {
        Self {
            clock,
            forth: Way::new(forth),
            back: Way::new(back),
            reset: false,
        }
    }

    /// The time in this world.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// All that the first machine sent so far, arrived or not.
    pub fn sent_forth(&self) -> &[u8] {
        &self.forth.sent
    }

    /// All that the second machine sent so far, arrived or not.
    pub fn sent_back(&self) -> &[u8] {
        &self.back.sent
    }

    /// Runs until nothing is under way and no timeout is set. Time moves as far as that takes.
    ///
    /// # Panics
    ///
    /// When that is not so after a million events.
    pub fn run(&mut self, first: &mut impl Machine, second: &mut impl Machine) {
        for _ in 0..MAX_STEPS {
            if !self.step(first, second, None) {
                return;
            }
        }
        panic!("the machines do not come to rest");
    }

    /// Runs until `limit` has passed, or nothing is left to happen; the clock then shows the limit.
    ///
    /// # Panics
    ///
    /// When a million events happen before.
    pub fn run_for(
        &mut self,
        limit: Duration,
        first: &mut impl Machine,
        second: &mut impl Machine,
    ) {
        let until = self.clock.now() + limit;
        for _ in 0..MAX_STEPS {
            if !self.step(first, second, Some(until)) {
                self.clock.advance_to(until);
                return;
            }
        }
        panic!("too much happens before the time is over");
    }

    /// Lets one thing happen; false when nothing is left (not later than `until`, where given).
    fn step(
        &mut self,
        first: &mut impl Machine,
        second: &mut impl Machine,
        until: Option<Instant>,
    ) -> bool {
        let now = self.clock.now();
        self.forth.collect(first, now);
        self.back.collect(second, now);
        if !self.reset && (self.forth.broken_by_reset(now) || self.back.broken_by_reset(now)) {
            self.reset = true;
            self.forth.cut_off();
            self.back.cut_off();
            first.handle_reset(now);
            second.handle_reset(now);
            return true;
        }
        if self.forth.deliver(second, now) || self.back.deliver(first, now) {
            return true;
        }
        if fire(first, now) | fire(second, now) {
            return true;
        }
        let arrivals = [
            self.forth.next_arrival(second),
            self.back.next_arrival(first),
        ];
        let timeouts = [first.next_timeout(), second.next_timeout()];
        match arrivals.into_iter().chain(timeouts).flatten().min() {
            Some(next) if until.is_none_or(|until| next <= until) => {
                self.clock.advance_to(next);
                true
            }
            _ => false,
        }
    }
}

fn fire(machine: &mut impl Machine, now: Instant) -> bool {
    let due = machine.next_timeout().is_some_and(|at| at <= now);
    if due {
        machine.handle_timeout(now);
    }
    due
}

/// One direction at work.
struct Way {
    link: Link,
    cutter: Cutter,
    rng: Rng,
    sent: Vec<u8>,
    /// Bytes put under way; less than sent once a fault struck.
    carried: u64,
    flying: VecDeque<(Instant, Flight)>,
    state: WayState,
}

enum Flight {
    Piece(Vec<u8>),
    End,
    Reset,
}

#[derive(PartialEq, Eq)]
enum WayState {
    Open,
    /// Nothing more will be put under way.
    Shut,
}

impl Way {
    fn new(link: Link) -> Self {
        let cutter = Cutter::new(link.split);
        let rng = Rng::new(link.seed);
        let state = WayState::Open;
        Self {
            link,
            cutter,
            rng,
            sent: Vec::new(),
            carried: 0,
            flying: VecDeque::new(),
            state,
        }
    }

    /// Puts under way what the machine wants to send.
    fn collect(&mut self, machine: &mut impl Machine, now: Instant) {
        let from = self.sent.len();
        let last = machine.poll_transmit(&mut self.sent, now);
        if self.state == WayState::Shut {
            return;
        }
        let room = self
            .link
            .fault
            .map_or(u64::MAX, |fault| fault.after() - self.carried);
        let new = self.sent.len() - from;
        let kept = usize::try_from(room).unwrap_or(usize::MAX).min(new);
        let mut at = from;
        while at < from + kept {
            let length = self.cutter.next_length(from + kept - at);
            let piece = self.sent[at..at + length].to_vec();
            self.launch(Flight::Piece(piece), now);
            at += length;
        }
        self.carried += kept as u64;
        match self.link.fault {
            Some(fault) if self.carried == fault.after() => {
                match fault {
                    Fault::Truncate(_) => self.launch(Flight::End, now),
                    Fault::Reset(_) => self.launch(Flight::Reset, now),
                    Fault::Stall(_) => {}
                }
                self.state = WayState::Shut;
            }
            _ if last => {
                self.launch(Flight::End, now);
                self.state = WayState::Shut;
            }
            _ => {}
        }
    }

    fn launch(&mut self, flight: Flight, now: Instant) {
        let mut arrival = now + self.link.delay;
        let jitter = usize::try_from(self.link.jitter.as_nanos()).unwrap_or(usize::MAX);
        if jitter > 0 {
            arrival += Duration::from_nanos(self.rng.below(jitter) as u64);
        }
        if let Some((before, _)) = self.flying.back() {
            arrival = arrival.max(*before);
        }
        self.flying.push_back((arrival, flight));
    }

    /// Hands over one thing that has arrived.
    fn deliver(&mut self, machine: &mut impl Machine, now: Instant) -> bool {
        if self.next_arrival(machine).is_none_or(|at| at > now) {
            return false;
        }
        match self.flying.pop_front() {
            Some((_, Flight::Piece(bytes))) => machine.handle_input(&bytes, now),
            Some((_, Flight::End)) => machine.handle_eof(now),
            // A reset is taken before anything is delivered.
            Some((_, Flight::Reset)) | None => return false,
        }
        true
    }

    fn next_arrival(&self, machine: &impl Machine) -> Option<Instant> {
        match self.flying.front()? {
            (_, Flight::Piece(_) | Flight::End) if !machine.wants_read() => None,
            (at, _) => Some(*at),
        }
    }

    fn broken_by_reset(&self, now: Instant) -> bool {
        matches!(self.flying.front(), Some((at, Flight::Reset)) if *at <= now)
    }

    fn cut_off(&mut self) {
        self.flying.clear();
        self.state = WayState::Shut;
    }
}

/// A [`Machine`] out of a closure, for a scripted counterpart. It is called once at the start, and then
/// whenever something happened.
pub struct Peer<F> {
    /// What the closure sees and fills.
    pub side: Side,
    act: F,
    started: bool,
}

/// One end of a connection as a closure sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Side {
    /// What arrived; the closure takes off what it used.
    pub input: Vec<u8>,
    /// What is to be sent.
    pub output: Vec<u8>,
    /// How the other side's sending ended.
    pub end: Option<End>,
    /// Whether to end the sending behind `output`.
    pub finish: bool,
}

/// How a stream of bytes ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// In order (FIN).
    Eof,
    /// By a reset.
    Reset,
}

impl<F: FnMut(&mut Side)> Peer<F> {
    /// A machine that acts as `act` does.
    pub fn new(act: F) -> Self {
        Self {
            side: Side::default(),
            act,
            started: false,
        }
    }
}

impl<F: FnMut(&mut Side)> Machine for Peer<F> {
    fn handle_input(&mut self, bytes: &[u8], _now: Instant) {
        self.side.input.extend_from_slice(bytes);
        (self.act)(&mut self.side);
    }

    fn handle_eof(&mut self, _now: Instant) {
        self.side.end = Some(End::Eof);
        (self.act)(&mut self.side);
    }

    fn handle_reset(&mut self, _now: Instant) {
        self.side.end = Some(End::Reset);
        (self.act)(&mut self.side);
    }

    fn poll_transmit(&mut self, out: &mut Vec<u8>, _now: Instant) -> bool {
        if !self.started {
            self.started = true;
            (self.act)(&mut self.side);
        }
        out.append(&mut self.side.output);
        self.side.finish
    }
}
