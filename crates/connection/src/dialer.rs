//! Which of a host's addresses are tried when: happy eyeballs (RFC 8305), without a socket.

use crate::address::Address;
use crate::error::{Error, IoError, Phase};
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

/// Races the addresses of one host: the next attempt begins 250 ms after the one before it, or at
/// once where none is under way; the first to answer wins (RFC 8305 section 5).
///
/// Whoever drives it asks [`poll`](Self::poll), does what that says, tells [`failed`](Self::failed)
/// and [`connected`](Self::connected), and asks again. Attempts are known by their number, from 0.
///
/// ```
/// use nuncio_connection::{Dialer, DialFailure, DialStep};
/// use std::time::{Duration, Instant};
///
/// let now = Instant::now(); // the caller's clock; the machine has none
/// let addresses = ["[2001:db8::1]:80".parse()?, "192.0.2.1:80".parse()?];
/// let mut dialer = Dialer::new(&addresses, None);
///
/// assert_eq!(dialer.poll(now), DialStep::Begin(0));
/// // Nobody answers: the other family has its turn a quarter of a second later.
/// let later = now + Duration::from_millis(250);
/// assert_eq!(dialer.poll(now), DialStep::Wait(Some(later)));
/// assert_eq!(dialer.poll(later), DialStep::Begin(1));
/// assert_eq!(dialer.poll(later), DialStep::Wait(None));
/// assert_eq!(dialer.connected(1), Some(&addresses[1].into()));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Dialer {
    /// In the order in which they are tried.
    attempts: Vec<Attempt>,
    /// So many of them were begun.
    begun: usize,
    /// When the next one begins; none for at once.
    due: Option<Instant>,
    until: Option<Instant>,
    left_out: usize,
}

#[derive(Clone, Debug)]
struct Attempt {
    address: Address,
    failure: Option<DialFailure>,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialStep {
    /// Begin to connect to [`Dialer::address`] of this attempt.
    Begin(usize),
    /// Wait for one of the attempts under way, until this time at most.
    Wait(Option<Instant>),
    /// The time is over for this attempt: give it up.
    Expired(usize),
    /// None is left. [`Dialer::into_failures`] says why.
    Failed,
}

/// Why an address could not be connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DialFailure {
    /// It did not answer in time.
    TimedOut,
    /// The socket failed. The text is the system's.
    Io(IoError, String),
    /// The program does not want it dialled, for this reason.
    Refused(String),
}

impl DialFailure {
    /// Why the socket failed.
    pub fn io(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::TimedOut => DialFailure::TimedOut,
            _ => DialFailure::Io(IoError::new(Phase::Connect, error), error.to_string()),
        }
    }

    /// The same as a connection's error.
    pub fn to_error(&self) -> Error {
        match self {
            DialFailure::TimedOut => Error::Timeout(Phase::Connect),
            DialFailure::Io(error, _) => Error::Io(*error),
            DialFailure::Refused(_) => {
                let kind = io::ErrorKind::PermissionDenied;
                Error::Io(IoError::new(Phase::Connect, &kind.into()))
            }
        }
    }
}

impl fmt::Display for DialFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DialFailure::TimedOut => f.write_str("timed out"),
            DialFailure::Io(_, text) => cut(f, text),
            DialFailure::Refused(reason) => {
                f.write_str("refused by the connect policy: ")?;
                cut(f, reason)
            }
        }
    }
}

/// A text of others in one line, and not too much of it.
fn cut(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    const LONGEST: usize = 160;
    let mut chars = text.chars();
    for char in chars.by_ref().take(LONGEST) {
        match char.is_control() {
            true => write!(f, "{}", char.escape_debug())?,
            false => write!(f, "{char}")?,
        }
    }
    f.write_str(if chars.next().is_some() { "…" } else { "" })
}

impl Dialer {
    /// So many addresses of a host are tried at most (SECURITY D5).
    pub const MOST: usize = 16;

    /// How long an attempt has for itself before the next one begins beside it (RFC 8305 section 8).
    pub const STAGGER: Duration = Duration::from_millis(250);

    /// The least of that, where the time is short: RFC 8305 section 5 allows no less.
    pub const LEAST_STAGGER: Duration = Duration::from_millis(10);

    /// For the addresses of a host, in the resolver's order. Its two families take turns, the first
    /// address' one first (RFC 8305 section 4). What is there twice is tried once, IPv4 in the form
    /// of IPv6 as IPv4.
    ///
    /// `until` is when all attempts are given up. Where 250 ms each would not leave time for all of
    /// them, they follow one another faster.
    pub fn new(addresses: &[SocketAddr], until: Option<Instant>) -> Self {
        let all = || addresses.iter().map(canonical);
        let v4_first = all().next().is_some_and(|it| it.is_ipv4());
        let mut first = all().filter(|it| it.is_ipv4() == v4_first);
        let mut second = all().filter(|it| it.is_ipv4() != v4_first);
        let mut attempts: Vec<Attempt> = Vec::with_capacity(addresses.len().min(Self::MOST));
        let mut add = |address: SocketAddr| {
            let address = Address::Tcp(address);
            let room = attempts.len() < Self::MOST;
            if room && !attempts.iter().any(|known| known.address == address) {
                attempts.push(Attempt::of(address));
            }
            !room
        };
        let mut left_out = 0;
        loop {
            let turn = [first.next(), second.next()];
            if turn == [None, None] {
                break;
            }
            for address in turn.into_iter().flatten() {
                left_out += usize::from(add(address));
            }
        }
        Dialer {
            attempts,
            begun: 0,
            due: None,
            until,
            left_out,
        }
    }

    /// For one address.
    pub fn to(address: Address, until: Option<Instant>) -> Self {
        Dialer {
            attempts: vec![Attempt::of(address)],
            begun: 0,
            due: None,
            until,
            left_out: 0,
        }
    }

    /// What to do next. After [`DialStep::Wait`], come back when something happened, or at its time;
    /// to come back earlier does nothing.
    pub fn poll(&mut self, now: Instant) -> DialStep {
        if self.until.is_some_and(|until| until <= now) {
            if let Some(number) = self.first_under_way() {
                self.settle(number, DialFailure::TimedOut);
                return DialStep::Expired(number);
            }
            return DialStep::Failed;
        }
        let alone = self.first_under_way().is_none();
        let left = self.attempts.len() - self.begun;
        if left == 0 {
            return match alone {
                true => DialStep::Failed,
                false => DialStep::Wait(self.until),
            };
        }
        match self.due {
            Some(due) if !alone && now < due => {
                DialStep::Wait(Some(self.until.map_or(due, |until| until.min(due))))
            }
            _ => {
                self.due = Some(now + self.stagger(left, now));
                self.begun += 1;
                DialStep::Begin(self.begun - 1)
            }
        }
    }

    /// How long the first of `left` attempts has for itself.
    fn stagger(&self, left: usize, now: Instant) -> Duration {
        let Some(until) = self.until else {
            return Self::STAGGER;
        };
        let share = until.saturating_duration_since(now) / left.clamp(1, Self::MOST) as u32;
        share.clamp(Self::LEAST_STAGGER, Self::STAGGER)
    }

    /// The address of an attempt.
    pub fn address(&self, attempt: usize) -> Option<&Address> {
        self.attempts.get(attempt).map(|it| &it.address)
    }

    /// An attempt under way failed: the next one begins at once (RFC 8305 section 5).
    pub fn failed(&mut self, attempt: usize, failure: DialFailure) {
        if self.is_under_way(attempt) {
            self.settle(attempt, failure);
            self.due = None;
        }
    }

    /// An attempt answered, and wins: the others are to be given up. Gives its address; none, if it
    /// was not under way.
    pub fn connected(&mut self, attempt: usize) -> Option<&Address> {
        if !self.is_under_way(attempt) {
            return None;
        }
        self.address(attempt)
    }

    /// Why no address could be connected to.
    pub fn into_failures(self) -> DialError {
        let untried = self.attempts.len() - self.begun + self.left_out;
        let tried = self.attempts.into_iter().take(self.begun);
        let tried = tried.filter_map(|it| Some((it.address, it.failure?)));
        DialError {
            tried: tried.collect(),
            untried,
        }
    }

    fn first_under_way(&self) -> Option<usize> {
        (0..self.begun).find(|attempt| self.is_under_way(*attempt))
    }

    fn is_under_way(&self, attempt: usize) -> bool {
        let known = self.attempts.get(attempt);
        attempt < self.begun && known.is_some_and(|it| it.failure.is_none())
    }

    fn settle(&mut self, attempt: usize, failure: DialFailure) {
        if let Some(attempt) = self.attempts.get_mut(attempt) {
            attempt.failure = Some(failure);
        }
    }
}

impl Attempt {
    fn of(address: Address) -> Self {
        let failure = None;
        Attempt { address, failure }
    }
}

/// An IPv4 address that is written as an IPv6 one is that IPv4 address (RFC 4291 section 2.5.5.2).
fn canonical(address: &SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => SocketAddr::from((ip, address.port())),
        IpAddr::V6(_) => *address,
    }
}

/// That no address of a host could be connected to: which were tried, and why each failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialError {
    /// In the order in which they were tried, at most [`Dialer::MOST`].
    tried: Vec<(Address, DialFailure)>,
    untried: usize,
}

impl DialError {
    /// The addresses that were tried, and why each failed.
    pub fn tried(&self) -> impl Iterator<Item = (&Address, &DialFailure)> {
        self.tried.iter().map(|(address, why)| (address, why))
    }

    /// How many addresses there were beside those: more than are tried, or than there was time for.
    pub fn untried(&self) -> usize {
        self.untried
    }

    /// Whether the time was over for one of them at least, or before any of them.
    pub fn is_timeout(&self) -> bool {
        let mut failures = self.tried.iter();
        self.tried.is_empty() || failures.any(|(_, why)| *why == DialFailure::TimedOut)
    }

    /// Whether nothing was dialled at all, as the program did not want it.
    pub fn is_refused(&self) -> bool {
        let mut failures = self.tried.iter();
        let refused = |why: &_| matches!(why, DialFailure::Refused(_));
        !self.tried.is_empty() && failures.all(|(_, why)| refused(why))
    }
}

impl fmt::Display for DialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let ([(address, why)], 0) = (self.tried.as_slice(), self.untried) {
            return match why {
                DialFailure::TimedOut => write!(f, "{address}: {}", why.to_error()),
                DialFailure::Io(..) => write!(f, "{address}: connecting: {why}"),
                DialFailure::Refused(_) => write!(f, "{address}: {why}"),
            };
        }
        let count = self.tried.len() + self.untried;
        if self.tried.is_empty() {
            return write!(f, "timed out before any of {count} addresses was tried");
        }
        write!(f, "connecting to none of {count} addresses succeeded")?;
        let mut between = ": ";
        for (address, why) in &self.tried {
            write!(f, "{between}{address}: {why}")?;
            between = "; ";
        }
        match self.untried {
            0 => Ok(()),
            1 => write!(f, "{between}1 was not tried"),
            count => write!(f, "{between}{count} were not tried"),
        }
    }
}

impl std::error::Error for DialError {}
