//! What a pool holds at one moment, and why who waits does: for people to read.

use super::hosts::Host;
use super::slots::{Room, Slot, State};
use super::{ConnId, Limits, Pool, PoolCounts};
use crate::message::Protocol;
use std::fmt;
use std::net::SocketAddr;
use std::ops::Deref;
use std::time::{Duration, Instant};

/// What a pool holds, connection by connection and wait by wait.
///
/// Its [`Display`](fmt::Display) is a list for people. It names origins and addresses, and nothing
/// of what was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolSnapshot {
    /// The sums. They can be read of the snapshot itself: `snapshot.idle`.
    pub counts: PoolCounts,
    /// Every origin with a connection or somebody waiting, in no particular order. An origin comes
    /// more than once where its connections may not be mixed, as those of two runtimes may not.
    pub origins: Vec<OriginSnapshot>,
}

/// An origin's connections, and who waits for one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OriginSnapshot {
    /// Scheme, host and port: `https://example.com:443`.
    pub origin: String,
    /// Its connections.
    pub connections: Vec<ConnectionSnapshot>,
    /// Who waits, in the order in which they came and will be served.
    pub waiting: Vec<WaiterSnapshot>,
}

/// One connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionSnapshot {
    /// Which one of the pool's.
    pub conn: ConnId,
    /// What it is doing.
    pub state: ConnectionState,
    /// What it speaks, once that is known.
    pub protocol: Option<Protocol>,
    /// Who is at the other end, once there is somebody.
    pub peer: Option<SocketAddr>,
    /// Since when there is a transport.
    pub age: Option<Duration>,
}

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectionState {
    /// It is being made: looked up, dialled, or in its handshake.
    Connecting,
    /// One request has it.
    InUse,
    /// Nobody uses it. It is closed after so long, at the first operation then; none: never.
    Idle {
        /// What is left of the time that it may be idle.
        left: Option<Duration>,
    },
    /// Requests share it.
    Shared {
        /// So many.
        used: usize,
        /// So many could. None yet, where its peer has not said so.
        room: usize,
    },
    /// It carries so many requests, and no new ones until it shows that it is alive.
    Doubted {
        /// So many.
        used: usize,
    },
    /// It ends with the last of so many requests.
    Ending {
        /// So many.
        used: usize,
    },
}

/// One request that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WaiterSnapshot {
    /// What it waits for.
    pub reason: WaitReason,
    /// When it gives up; none: never.
    pub left: Option<Duration>,
}

/// What a request waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WaitReason {
    /// A connection is being made that it may be able to share.
    Promised,
    /// The origin's shared connections carry all that they can, and the limits allow no other.
    SharedFull,
    /// There are so many connections to the origin, the most allowed, and each is in use.
    HostLimit(usize),
    /// There are so many connections, the most allowed, and each is in use.
    TotalLimit(usize),
}

impl Pool {
    /// All of it, one by one: what takes time and memory in proportion. The caller knows what the
    /// connections speak, to whom and since when.
    pub fn snapshot(&self, now: Instant) -> PoolSnapshot {
        let mut origins = Vec::new();
        // By the number of a host, which origin of the snapshot it is.
        let mut places = Vec::new();
        for (index, host) in self.hosts.iter() {
            places.resize(index as usize, usize::MAX);
            places.push(origins.len());
            let key = &host.key;
            origins.push(OriginSnapshot {
                origin: format!("{}://{}:{}", key.scheme, key.host, key.port),
                connections: Vec::new(),
                waiting: Vec::new(),
            });
        }
        for (conn, slot) in self.slots.iter() {
            let place = places.get(slot.host as usize);
            if let Some(origin) = place.and_then(|place| origins.get_mut(*place)) {
                origin.connections.push(ConnectionSnapshot {
                    conn,
                    state: slot.shown(now),
                    protocol: None,
                    peer: None,
                    age: None,
                });
            }
        }
        for ((_, host), origin) in self.hosts.iter().zip(&mut origins) {
            let reason = self.reason(host, &origin.connections);
            let waiting = host.waiting.iter().map(|number| {
                let waiter = self.waiters.get(number);
                let until = waiter.and_then(|waiter| waiter.deadline);
                let left = until.map(|until| until.saturating_duration_since(now));
                WaiterSnapshot { reason, left }
            });
            origin.waiting.extend(waiting);
        }
        PoolSnapshot {
            counts: self.counts(),
            origins,
        }
    }

    /// Why who waits for `host` does.
    fn reason(&self, host: &Host, connections: &[ConnectionSnapshot]) -> WaitReason {
        let full = |it: &ConnectionSnapshot| match it.state {
            ConnectionState::Shared { used, room } => used >= room,
            _ => false,
        };
        let Limits {
            max_connections: total,
            max_connections_per_host: per_host,
            ..
        } = self.limits;
        match per_host {
            _ if !host.promising.is_empty() => WaitReason::Promised,
            _ if connections.iter().any(full) => WaitReason::SharedFull,
            Some(most) if host.live >= most => WaitReason::HostLimit(most),
            _ => WaitReason::TotalLimit(total.unwrap_or(self.slots.live)),
        }
    }
}

impl Slot {
    fn shown(&self, now: Instant) -> ConnectionState {
        match (self.state, self.room) {
            (State::Free | State::Connecting, _) => ConnectionState::Connecting,
            (State::Busy, _) => ConnectionState::InUse,
            (State::Idle { until, .. }, _) => ConnectionState::Idle {
                left: until.map(|until| until.saturating_duration_since(now)),
            },
            (State::Shared { used }, room) => {
                let used = used as usize;
                match room {
                    Room::Shared(room) => ConnectionState::Shared {
                        used,
                        room: room as usize,
                    },
                    Room::Suspended => ConnectionState::Doubted { used },
                    _ => ConnectionState::Ending { used },
                }
            }
        }
    }
}

impl PoolSnapshot {
    /// Adds what another pool holds.
    pub fn append(&mut self, mut more: PoolSnapshot) {
        self.counts = [self.counts, more.counts].into_iter().sum();
        self.origins.append(&mut more.origins);
    }
}

impl Deref for PoolSnapshot {
    type Target = PoolCounts;

    fn deref(&self) -> &PoolCounts {
        &self.counts
    }
}

impl fmt::Display for PoolCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let some = |count, one, many| match count {
            1 => format!("1 {one}"),
            count => format!("{count} {many}"),
        };
        write!(
            f,
            "{} ({} idle) to {}, {} waiting",
            some(self.connections, "connection", "connections"),
            self.idle,
            some(self.origins, "origin", "origins"),
            some(self.waiting, "request", "requests")
        )
    }
}

impl fmt::Display for PoolSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.counts)?;
        for origin in &self.origins {
            write!(f, "\n{}", origin.origin)?;
            for connection in &origin.connections {
                write!(f, "\n  {connection}")?;
            }
            for waiter in &origin.waiting {
                write!(f, "\n  {waiter}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for ConnectionSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.state)?;
        if let Some(protocol) = self.protocol {
            f.write_str(match protocol {
                Protocol::Http1 => ", HTTP/1.1",
                Protocol::Http2 => ", HTTP/2",
            })?;
        }
        if let Some(peer) = self.peer {
            write!(f, ", {peer}")?;
        }
        match self.age {
            Some(age) => write!(f, ", open for {}", Seconds(age)),
            None => Ok(()),
        }
    }
}

impl fmt::Display for ConnectionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConnectionState::Connecting => f.write_str("being made"),
            ConnectionState::InUse => f.write_str("in use"),
            ConnectionState::Idle { left: None } => f.write_str("idle"),
            ConnectionState::Idle {
                left: Some(Duration::ZERO),
            } => f.write_str("idle for too long"),
            ConnectionState::Idle { left: Some(left) } => {
                write!(f, "idle, for {} more at most", Seconds(*left))
            }
            ConnectionState::Shared { used, room: 0 } => {
                write!(f, "shared by {used}, without room for the time being")
            }
            ConnectionState::Shared { used, room } => write!(f, "shared by {used} of {room}"),
            ConnectionState::Doubted { used } => {
                write!(f, "carrying {used}, and not known to be alive")
            }
            ConnectionState::Ending { used } => write!(f, "carrying its last {used}"),
        }
    }
}

impl fmt::Display for WaiterSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("waiting")?;
        if let Some(left) = self.left {
            write!(f, " for {} more at most", Seconds(left))?;
        }
        write!(f, ": {}", self.reason)
    }
}

impl fmt::Display for WaitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WaitReason::Promised => f.write_str("a connection is being made that may be shared"),
            WaitReason::SharedFull => {
                f.write_str("what is shared is full, and the limits allow no other connection")
            }
            WaitReason::HostLimit(most) => {
                write!(f, "the limit of connections to this origin is {most}")
            }
            WaitReason::TotalLimit(most) => write!(f, "the limit of connections is {most}"),
        }
    }
}

/// With one decimal.
struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} s", self.0.as_secs_f64())
    }
}
