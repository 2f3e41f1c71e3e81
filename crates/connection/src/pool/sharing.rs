//! Connections that carry several requests at once: who may join which, and when to wait for one
//! rather than make another.

use super::hosts::{HostIndex, Sharing};
use super::slots::{Room, Slot, State};
use super::{Assignment, Checkout, ConnId, Pool, PoolKey};
use std::time::Instant;

impl Pool {
    /// As [`checkout`](Self::checkout), for a request whose connection may turn out to be one that
    /// can be shared. It joins one that has room; while one is being made that others may join too,
    /// it waits for that. `fresh` is as in [`checkout_fresh`](Self::checkout_fresh).
    pub fn checkout_shared(
        &mut self,
        key: &PoolKey<'_>,
        fresh: bool,
        deadline: Option<Instant>,
        now: Instant,
    ) -> Checkout {
        self.expire_idle(now);
        let host = self.hosts.find_or_add(key);
        let Some(entry) = self.hosts.get_mut(host) else {
            return self.wait(host, deadline);
        };
        if entry.sharing == Sharing::Never {
            entry.sharing = Sharing::Maybe;
        }
        let (open, promising) = (entry.open.first().copied(), !entry.promising.is_empty());
        if !fresh {
            if let Some(conn) = open.and_then(|index| self.slots.id(index)) {
                self.join(conn);
                return Checkout::Join(conn);
            }
            if let Some(conn) = self.take_idle(host) {
                return Checkout::Reuse(conn);
            }
        }
        if promising {
            self.wait(host, deadline)
        } else {
            self.connect_or_wait(host, deadline)
        }
    }

    /// The connection is ready for several requests, `room` in all, that of its maker included; or
    /// that number has changed. Zero says that there is none for the time being: who comes waits.
    pub fn share(&mut self, conn: ConnId, room: usize) {
        let room = u32::try_from(room).unwrap_or(u32::MAX);
        let host = self.change_slot(conn, |slot| {
            if slot.state == State::Connecting {
                slot.state = State::Shared { used: 1 };
                slot.room = Room::Shared(room);
            } else if let Room::Shared(_) | Room::Suspended = slot.room {
                slot.room = Room::Shared(room);
            }
        });
        if let Some(host) = host {
            self.admit(host);
            self.serve();
        }
    }

    /// No requests join the connection until [`share`](Self::share) is said again. If it carries
    /// none when the last of them is over, it is closed.
    pub fn suspend(&mut self, conn: ConnId) {
        let idle = |slot: &Slot| matches!(slot.state, State::Idle { .. });
        if self.slots.get(conn).is_some_and(idle) {
            return self.retire(conn);
        }
        self.change_slot(conn, |slot| {
            if let Room::Shared(_) = slot.room {
                slot.room = Room::Suspended;
            }
        });
        self.serve();
    }

    /// The connection has no room, whatever was said: those that it carries, but for one that found
    /// none, are all.
    pub fn full(&mut self, conn: ConnId) {
        let used = self.slots.get(conn).map(|slot| slot.state);
        match used {
            Some(State::Shared { used: 2.. }) => {
                self.change_slot(conn, |slot| {
                    if let (State::Shared { used }, Room::Shared(_)) = (slot.state, slot.room) {
                        slot.room = Room::Shared(used - 1);
                    }
                });
            }
            _ => self.retire(conn),
        }
    }

    /// No more requests join the connection; it is named by [`poll_close`](Self::poll_close) when
    /// the last of those that it carries is over.
    pub fn retire(&mut self, conn: ConnId) {
        let idle = self.slots.get(conn).and_then(|slot| match slot.state {
            State::Idle { .. } => Some(slot.host),
            _ => None,
        });
        if let Some(host) = idle {
            self.close_idle(conn.index, host);
        } else {
            self.change_slot(conn, |slot| slot.room = Room::Retired);
            self.close_unused(conn);
        }
        self.serve();
    }

    /// One request less; the last one out lets it rest.
    pub(super) fn leave(&mut self, conn: ConnId, now: Instant) {
        let host = self.change_slot(conn, |slot| {
            if let State::Shared { used } = &mut slot.state {
                *used = used.saturating_sub(1);
            }
        });
        if let Some(host) = host {
            self.admit(host);
        }
        let Some(slot) = self.slots.get(conn) else {
            return;
        };
        let (host, room) = (slot.host, slot.room);
        if slot.state != (State::Shared { used: 0 }) {
            return;
        }
        let awaited = self
            .hosts
            .get(host)
            .is_some_and(|host| !host.waiting.is_empty());
        match room {
            Room::Shared(0) if awaited && !self.closed => {}
            Room::Shared(1..) if !self.closed => {
                // Idle ones are found by their list.
                if let Some(entry) = self.hosts.get_mut(host) {
                    entry.open.remove(&conn.index);
                }
                self.rest(conn, host, now);
            }
            _ => self.close_unused(conn),
        }
    }

    /// An idle connection that was taken, and was shared, is so again.
    pub(super) fn wake_shared(&mut self, conn: ConnId) {
        self.change_slot(conn, |slot| slot.state = State::Shared { used: 1 });
    }

    /// The host's connections are exclusive, it turned out: nobody waits for one to share.
    pub(super) fn not_shared(&mut self, conn: ConnId, host: HostIndex) {
        if let Some(entry) = self.hosts.get_mut(host) {
            entry.sharing = Sharing::NotHere;
            entry.promising.remove(&conn.index);
        }
        self.requeue(host);
        self.serve();
    }

    /// Nobody waits for them any more: connections that have no room and no requests.
    pub(super) fn close_stalled(&mut self, host: HostIndex) {
        let promising = self.hosts.get(host).map(|host| &host.promising);
        let stalled: Vec<_> = promising.into_iter().flatten().copied().collect();
        for index in stalled {
            if let Some(conn) = self.slots.id(index) {
                self.close_unused(conn);
            }
        }
    }

    fn join(&mut self, conn: ConnId) {
        self.change_slot(conn, |slot| {
            if let State::Shared { used } = &mut slot.state {
                *used += 1;
            }
        });
    }

    /// Lets those who wait join what has room.
    fn admit(&mut self, host: HostIndex) {
        while let Some(entry) = self.hosts.get(host)
            && let (Some(number), Some(index)) =
                (entry.waiting.first().copied(), entry.open.first().copied())
            && let Some(conn) = self.slots.id(index)
        {
            self.join(conn);
            self.end_wait(number, Assignment::Join(conn));
        }
    }

    fn close_unused(&mut self, conn: ConnId) {
        let unused = |slot: &Slot| slot.state == State::Shared { used: 0 };
        if self.slots.get(conn).is_some_and(unused) {
            self.closing.push_back(conn);
            self.drop_conn(conn);
        }
    }

    /// Changes a slot, and what its host knows about it.
    fn change_slot(&mut self, conn: ConnId, change: impl FnOnce(&mut Slot)) -> Option<HostIndex> {
        let slot = self.slots.get_mut(conn)?;
        let (host, before) = (slot.host, slot.is_promising());
        change(slot);
        let (open, after) = (slot.is_open(), slot.is_promising());
        let entry = self.hosts.get_mut(host)?;
        if open {
            entry.open.insert(conn.index);
        } else {
            entry.open.remove(&conn.index);
        }
        if before != after {
            if after {
                entry.promising.insert(conn.index);
            } else {
                entry.promising.remove(&conn.index);
            }
            self.requeue(host);
        }
        Some(host)
    }
}
