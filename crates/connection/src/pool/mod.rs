//! Which connection serves which request: decisions only. No socket, no waker, no lock inside.
//!
//! The caller keeps the sockets, in a slab beside the pool, and does as it is told:
//! [`Pool::checkout`] says reuse, connect or wait; [`Pool::poll_assigned`] says who need wait no
//! longer, [`Pool::poll_close`] which connections to close. Waiters are served in the order in
//! which they came, idle connections in the opposite one. Every operation is O(log n) at most.

mod hosts;
mod key;
mod sharing;
mod slots;
mod snapshot;

pub use key::{PoolKey, RouteId};
pub use slots::ConnId;
pub use snapshot::{
    ConnectionSnapshot, ConnectionState, OriginSnapshot, PoolSnapshot, WaitReason, WaiterSnapshot,
};

use crate::message::Reuse;
use hosts::{HostIndex, Hosts, Sharing};
use slots::{Room, Slots, State};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

/// How many connections there may be. `None` is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Live connections, idle ones included. Default 100.
    pub max_connections: Option<usize>,
    /// Live connections to one origin. Default no limit.
    pub max_connections_per_host: Option<usize>,
    /// Idle connections. Default 20.
    pub max_idle: Option<usize>,
    /// How long a connection may be idle. Default 5 s.
    pub idle_expiry: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            max_connections: Some(100),
            max_connections_per_host: None,
            max_idle: Some(20),
            idle_expiry: Some(Duration::from_secs(5)),
        }
    }
}

/// What a request is to do for its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checkout {
    /// Use this one. It was idle: look first whether it is still quiet.
    Reuse(ConnId),
    /// Use this one beside other requests, which keep an eye on it.
    Join(ConnId),
    /// Make one, under this id; say [`Pool::established`], [`Pool::share`] or [`Pool::forget`].
    Connect(ConnId),
    /// Wait until [`Pool::poll_assigned`] names this ticket.
    Wait(Ticket),
}

/// A place in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(u64);

/// The end of a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assigned {
    /// Whose.
    pub ticket: Ticket,
    /// How it ended.
    pub outcome: Assignment,
}

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assignment {
    /// As [`Checkout::Reuse`].
    Reuse(ConnId),
    /// As [`Checkout::Join`].
    Join(ConnId),
    /// As [`Checkout::Connect`].
    Connect(ConnId),
    /// The deadline passed.
    Expired,
    /// The pool was closed.
    Closed,
}

/// What a pool holds at this moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolCounts {
    /// Connections: being made, in use and idle.
    pub connections: usize,
    /// Idle ones among them.
    pub idle: usize,
    /// Requests waiting for one.
    pub waiting: usize,
    /// Origins with a connection or somebody waiting.
    pub origins: usize,
}

impl std::iter::Sum for PoolCounts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(PoolCounts::default(), |sum, more| PoolCounts {
            connections: sum.connections + more.connections,
            idle: sum.idle + more.idle,
            waiting: sum.waiting + more.waiting,
            origins: sum.origins + more.origins,
        })
    }
}

#[derive(Debug)]
struct Waiter {
    host: HostIndex,
    deadline: Option<Instant>,
}

/// The connection pool, as decisions.
#[derive(Debug, Default)]
pub struct Pool {
    limits: Limits,
    hosts: Hosts,
    slots: Slots,
    waiters: BTreeMap<u64, Waiter>,
    deadlines: BTreeSet<(Instant, u64)>,
    /// Hosts below their own limit with somebody waiting, by their first waiter.
    ready: BTreeSet<(u64, HostIndex)>,
    next_ticket: u64,
    assigned: VecDeque<Assigned>,
    closing: VecDeque<ConnId>,
    closed: bool,
}

impl Pool {
    /// An empty pool.
    pub fn new(limits: Limits) -> Self {
        Pool {
            limits,
            ..Pool::default()
        }
    }

    /// A connection for a request to `key`: the one last used, a new one where the limits allow,
    /// or a place in the queue until `deadline`.
    pub fn checkout(
        &mut self,
        key: &PoolKey<'_>,
        deadline: Option<Instant>,
        now: Instant,
    ) -> Checkout {
        self.expire_idle(now);
        let host = self.hosts.find_or_add(key);
        match self.take_idle(host) {
            Some(conn) => Checkout::Reuse(conn),
            None => self.connect_or_wait(host, deadline),
        }
    }

    /// As [`checkout`](Self::checkout), but never an idle connection: for a request whose idle
    /// connection turned out dead, since its neighbours may be as dead.
    pub fn checkout_fresh(
        &mut self,
        key: &PoolKey<'_>,
        deadline: Option<Instant>,
        now: Instant,
    ) -> Checkout {
        self.expire_idle(now);
        let host = self.hosts.find_or_add(key);
        self.connect_or_wait(host, deadline)
    }

    fn connect_or_wait(&mut self, host: HostIndex, deadline: Option<Instant>) -> Checkout {
        if self.below_host_limit(host) && self.make_room() {
            return Checkout::Connect(self.connect(host));
        }
        self.wait(host, deadline)
    }

    fn wait(&mut self, host: HostIndex, deadline: Option<Instant>) -> Checkout {
        let number = self.next_ticket;
        self.next_ticket += 1;
        self.waiters.insert(number, Waiter { host, deadline });
        if let Some(deadline) = deadline {
            self.deadlines.insert((deadline, number));
        }
        if let Some(host) = self.hosts.get_mut(host) {
            host.waiting.insert(number);
        }
        self.requeue(host);
        if self.closed {
            self.end_wait(number, Assignment::Closed);
        }
        Checkout::Wait(Ticket(number))
    }

    /// Gives up waiting. A ticket that was assigned already is no longer known: release or fail
    /// its connection instead.
    pub fn cancel(&mut self, ticket: Ticket) {
        self.forget_waiter(ticket.0);
        self.serve();
    }

    /// The connection is ready, and in use by whoever made it, alone.
    pub fn established(&mut self, conn: ConnId) {
        let Some(slot) = self.slots.get_mut(conn) else {
            return;
        };
        if slot.state != State::Connecting {
            return;
        }
        let (host, awaited) = (slot.host, slot.is_promising());
        slot.state = State::Busy;
        slot.room = Room::Exclusive;
        if awaited {
            self.not_shared(conn, host);
        }
    }

    /// The connection could not be made, or is gone; its place is free for another. Its caller
    /// holds what there is to close.
    pub fn forget(&mut self, conn: ConnId) {
        self.drop_conn(conn);
        self.serve();
    }

    /// The exchange is over. One that is shared has one request less, and goes on: say with
    /// [`share`](Self::share) how many it can carry now, or that it is [`retired`](Self::retire).
    ///
    /// An idle connection goes to whoever waits for its origin, or rests;
    /// any other is named by [`poll_close`](Self::poll_close).
    pub fn release(&mut self, conn: ConnId, verdict: &Reuse, now: Instant) {
        let Some(slot) = self.slots.get_mut(conn) else {
            return;
        };
        let host = slot.host;
        if let State::Shared { .. } = slot.state {
            self.leave(conn, now);
        } else if *verdict != Reuse::Idle || self.closed {
            self.closing.push_back(conn);
            self.drop_conn(conn);
        } else if let Some(number) = self
            .hosts
            .get(host)
            .and_then(|host| host.waiting.first().copied())
        {
            // Who waits for another origin and came before goes first, or it might wait for ever.
            if self.ready.first().is_some_and(|(first, _)| *first < number) {
                self.closing.push_back(conn);
                self.drop_conn(conn);
            } else {
                slot.state = State::Busy;
                self.end_wait(number, Assignment::Reuse(conn));
            }
        } else {
            self.rest(conn, host, now);
        }
        self.serve();
    }

    /// Who need wait no longer. Ask after every call that can end a wait, and wake them after any
    /// lock was let go.
    pub fn poll_assigned(&mut self) -> Option<Assigned> {
        self.assigned.pop_front()
    }

    /// Which connection to close: it is the pool's no more. The closing itself belongs outside any
    /// lock.
    pub fn poll_close(&mut self) -> Option<ConnId> {
        self.closing.pop_front()
    }

    /// When an idle connection or a place in the queue expires next.
    pub fn next_timeout(&self) -> Option<Instant> {
        let idle = self.slots.oldest_idle().and_then(|(_, _, until)| until);
        let wait = self.deadlines.first().map(|(deadline, _)| *deadline);
        crate::h1::earliest(idle, wait)
    }

    /// Ends the waits whose deadline has come, and closes what was idle too long.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.expire_idle(now);
        while let Some((deadline, number)) = self.deadlines.first().copied() {
            if deadline > now {
                break;
            }
            self.end_wait(number, Assignment::Expired);
        }
        self.serve();
    }

    /// Closes every idle connection.
    pub fn evict_idle(&mut self) {
        while let Some((index, host, _)) = self.slots.oldest_idle() {
            self.close_idle(index, host);
        }
    }

    /// Closes every idle connection, ends every wait, and lets nothing rest any more.
    pub fn close(&mut self) {
        self.closed = true;
        self.evict_idle();
        for conn in self.slots.shared() {
            self.retire(conn);
        }
        while let Some(number) = self.waiters.first_key_value().map(|(number, _)| *number) {
            self.end_wait(number, Assignment::Closed);
        }
    }

    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// What the pool holds.
    pub fn counts(&self) -> PoolCounts {
        PoolCounts {
            connections: self.slots.live,
            idle: self.slots.idle,
            waiting: self.waiters.len(),
            origins: self.hosts.len(),
        }
    }

    fn take_idle(&mut self, host: HostIndex) -> Option<ConnId> {
        let entry = self.hosts.get_mut(host)?;
        let index = entry.idle?;
        self.slots.unlink_idle(index, &mut entry.idle);
        let (conn, room) = self.slots.id_and_room(index)?;
        if let Room::Shared(_) = room {
            self.wake_shared(conn);
        }
        Some(conn)
    }

    fn rest(&mut self, conn: ConnId, host: HostIndex, now: Instant) {
        if self.limits.max_idle == Some(0) {
            self.closing.push_back(conn);
            self.drop_conn(conn);
            return;
        }
        let until = self.limits.idle_expiry.map(|expiry| now + expiry);
        if let Some(host) = self.hosts.get_mut(host) {
            self.slots.push_idle(conn.index, until, &mut host.idle);
        }
        if self
            .limits
            .max_idle
            .is_some_and(|max| self.slots.idle > max)
            && let Some((index, host, _)) = self.slots.oldest_idle()
        {
            self.close_idle(index, host);
        }
    }

    fn expire_idle(&mut self, now: Instant) {
        while let Some((index, host, Some(until))) = self.slots.oldest_idle() {
            if until > now {
                break;
            }
            self.close_idle(index, host);
        }
    }

    fn close_idle(&mut self, index: u32, host: HostIndex) {
        if let Some(entry) = self.hosts.get_mut(host) {
            self.slots.unlink_idle(index, &mut entry.idle);
        }
        if let Some(conn) = self.slots.id(index) {
            self.closing.push_back(conn);
            self.drop_conn(conn);
        }
    }

    fn drop_conn(&mut self, conn: ConnId) {
        let Some(slot) = self.slots.get_mut(conn) else {
            return;
        };
        let (host, open, promising) = (slot.host, slot.is_open(), slot.is_promising());
        self.slots.remove(conn.index);
        if let Some(entry) = self.hosts.get_mut(host) {
            entry.live -= 1;
            if promising {
                entry.promising.remove(&conn.index);
            }
            if open {
                entry.open.remove(&conn.index);
            }
        }
        self.requeue(host);
        self.hosts.forget_if_unused(host);
    }

    fn connect(&mut self, host: HostIndex) -> ConnId {
        let mut room = Room::Exclusive;
        if let Some(entry) = self.hosts.get_mut(host) {
            entry.live += 1;
            if entry.sharing == Sharing::Maybe {
                room = Room::Unknown;
            }
        }
        let conn = self.slots.add(host, room);
        if room == Room::Unknown {
            if let Some(entry) = self.hosts.get_mut(host) {
                entry.promising.insert(conn.index);
            }
            self.requeue(host);
        }
        conn
    }

    fn below_host_limit(&self, host: HostIndex) -> bool {
        let live = self.hosts.get(host).map_or(0, |host| host.live);
        !self.closed
            && self
                .limits
                .max_connections_per_host
                .is_none_or(|max| live < max)
    }

    /// Whether one more connection may be made, after closing the longest idle one if need be.
    fn make_room(&mut self) -> bool {
        if self
            .limits
            .max_connections
            .is_none_or(|max| self.slots.live < max)
        {
            return true;
        }
        match self.slots.oldest_idle() {
            Some((index, host, _)) => {
                self.close_idle(index, host);
                true
            }
            None => false,
        }
    }

    /// Gives free places to those who wait, in their order.
    fn serve(&mut self) {
        while let Some((number, host)) = self.ready.first().copied() {
            if !self.make_room() {
                break;
            }
            // Counted before the wait ends, so that the host is not forgotten in between.
            let conn = self.connect(host);
            self.end_wait(number, Assignment::Connect(conn));
        }
    }

    fn end_wait(&mut self, number: u64, outcome: Assignment) {
        self.forget_waiter(number);
        self.assigned.push_back(Assigned {
            ticket: Ticket(number),
            outcome,
        });
    }

    fn forget_waiter(&mut self, number: u64) {
        let Some(waiter) = self.waiters.remove(&number) else {
            return;
        };
        if let Some(deadline) = waiter.deadline {
            self.deadlines.remove(&(deadline, number));
        }
        let mut alone = false;
        if let Some(host) = self.hosts.get_mut(waiter.host) {
            host.waiting.remove(&number);
            alone = host.waiting.is_empty() && !host.promising.is_empty();
        }
        if alone {
            self.close_stalled(waiter.host);
        }
        self.requeue(waiter.host);
        self.hosts.forget_if_unused(waiter.host);
    }

    /// Puts a host where it belongs in the queue of those that could be served.
    fn requeue(&mut self, host: HostIndex) {
        let open = self.below_host_limit(host);
        let Some(entry) = self.hosts.get_mut(host) else {
            return;
        };
        let open = open && entry.promising.is_empty();
        let first = entry.waiting.first().copied().filter(|_| open);
        if entry.queued != first {
            if let Some(old) = entry.queued.take() {
                self.ready.remove(&(old, host));
            }
            if let Some(new) = first {
                self.ready.insert((new, host));
            }
            entry.queued = first;
        }
    }
}

#[cfg(test)]
mod sharing_tests;
#[cfg(test)]
mod snapshot_tests;
#[cfg(test)]
mod tests;
