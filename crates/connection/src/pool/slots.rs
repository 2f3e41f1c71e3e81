//! The pool's connections: ids that are never mistaken for older ones, and two lists of the idle.

use super::hosts::HostIndex;
use std::time::Instant;

/// Names a connection of one pool. An id is never given twice, so a late word about a connection
/// that is gone changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId {
    pub(super) index: u32,
    pub(super) generation: u32,
}

impl ConnId {
    /// A small number, unique among the live connections: for a slab that stands beside the pool.
    pub fn index(self) -> usize {
        self.index as usize
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Free,
    Connecting,
    Busy,
    /// Requests share it: so many.
    Shared {
        used: u32,
    },
    Idle {
        until: Option<Instant>,
        same_host: Links,
        all: Links,
    },
}

/// Neighbours in an intrusive list: `newer` towards the head, `older` towards the tail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Links {
    pub(super) newer: Option<u32>,
    pub(super) older: Option<u32>,
}

#[derive(Debug)]
pub(super) struct Slot {
    generation: u32,
    pub(super) host: HostIndex,
    pub(super) state: State,
    pub(super) room: Room,
}

/// How many requests a connection can carry at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// Not known before it is established: one, or many.
    Unknown,
    /// One.
    Exclusive,
    /// So many. None for a while, if its peer says so or has not said anything yet.
    Shared(u32),
    /// No new ones until it is told otherwise.
    Suspended,
    /// No new ones; those that it carries run on.
    Retired,
}

impl Slot {
    /// Whether one more request may share it.
    pub(super) fn is_open(&self) -> bool {
        matches!((self.state, self.room), (State::Shared { used }, Room::Shared(room)) if used < room)
    }

    /// Whether it may soon be open for many requests: to wait for it is better than to make another.
    pub(super) fn is_promising(&self) -> bool {
        match self.state {
            State::Connecting => self.room == Room::Unknown,
            State::Shared { .. } => self.room == Room::Shared(0),
            _ => false,
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Slots {
    list: Vec<Slot>,
    free: Vec<u32>,
    pub(super) live: usize,
    pub(super) idle: usize,
    pub(super) newest: Option<u32>,
    pub(super) oldest: Option<u32>,
}

impl Slots {
    pub(super) fn add(&mut self, host: HostIndex, room: Room) -> ConnId {
        self.live += 1;
        if let Some(index) = self.free.pop()
            && let Some(slot) = self.list.get_mut(index as usize)
        {
            slot.host = host;
            slot.state = State::Connecting;
            slot.room = room;
            return ConnId {
                index,
                generation: slot.generation,
            };
        }
        self.list.push(Slot {
            generation: 0,
            host,
            state: State::Connecting,
            room,
        });
        ConnId {
            index: (self.list.len() - 1) as u32,
            generation: 0,
        }
    }

    pub(super) fn get_mut(&mut self, id: ConnId) -> Option<&mut Slot> {
        self.list
            .get_mut(id.index as usize)
            .filter(|slot| slot.generation == id.generation && slot.state != State::Free)
    }

    pub(super) fn get(&self, id: ConnId) -> Option<&Slot> {
        self.list
            .get(id.index as usize)
            .filter(|slot| slot.generation == id.generation && slot.state != State::Free)
    }

    pub(super) fn id(&self, index: u32) -> Option<ConnId> {
        let slot = self.list.get(index as usize)?;
        Some(ConnId {
            index,
            generation: slot.generation,
        })
    }

    pub(super) fn id_and_room(&self, index: u32) -> Option<(ConnId, Room)> {
        let slot = self.list.get(index as usize)?;
        let generation = slot.generation;
        Some((ConnId { index, generation }, slot.room))
    }

    /// Every live connection.
    pub(super) fn iter(&self) -> impl Iterator<Item = (ConnId, &Slot)> {
        let slots = self.list.iter().enumerate();
        slots
            .filter(|(_, slot)| slot.state != State::Free)
            .map(|(index, slot)| {
                let index = index as u32;
                let generation = slot.generation;
                (ConnId { index, generation }, slot)
            })
    }

    /// Every shared connection that is in use.
    pub(super) fn shared(&self) -> Vec<ConnId> {
        let shared = |slot: &Slot| matches!(slot.state, State::Shared { .. });
        self.iter()
            .filter(|(_, slot)| shared(slot))
            .map(|(conn, _)| conn)
            .collect()
    }

    /// The slot's connection is gone; its id will not come again.
    pub(super) fn remove(&mut self, index: u32) {
        if let Some(slot) = self.list.get_mut(index as usize)
            && slot.state != State::Free
        {
            slot.state = State::Free;
            slot.generation = slot.generation.wrapping_add(1);
            self.live -= 1;
            self.free.push(index);
        }
    }

    /// Puts a connection at the head of both lists. `host_head` is the host's newest idle one.
    pub(super) fn push_idle(&mut self, index: u32, until: Option<Instant>, head: &mut Option<u32>) {
        let same_host = Links {
            newer: None,
            older: *head,
        };
        let all = Links {
            newer: None,
            older: self.newest,
        };
        if let Some(older) = *head {
            self.with_idle(older, |same_host, _| same_host.newer = Some(index));
        }
        match self.newest {
            Some(older) => self.with_idle(older, |_, all| all.newer = Some(index)),
            None => self.oldest = Some(index),
        }
        if let Some(slot) = self.list.get_mut(index as usize) {
            slot.state = State::Idle {
                until,
                same_host,
                all,
            };
        }
        *head = Some(index);
        self.newest = Some(index);
        self.idle += 1;
    }

    /// Takes an idle connection out of both lists; it counts as busy then.
    pub(super) fn unlink_idle(&mut self, index: u32, head: &mut Option<u32>) {
        let Some(slot) = self.list.get_mut(index as usize) else {
            return;
        };
        let State::Idle { same_host, all, .. } = slot.state else {
            return;
        };
        slot.state = State::Busy;
        self.idle -= 1;
        match same_host.newer {
            Some(newer) => self.with_idle(newer, |links, _| links.older = same_host.older),
            None => *head = same_host.older,
        }
        if let Some(older) = same_host.older {
            self.with_idle(older, |links, _| links.newer = same_host.newer);
        }
        match all.newer {
            Some(newer) => self.with_idle(newer, |_, links| links.older = all.older),
            None => self.newest = all.older,
        }
        match all.older {
            Some(older) => self.with_idle(older, |_, links| links.newer = all.newer),
            None => self.oldest = all.newer,
        }
    }

    fn with_idle(&mut self, index: u32, change: impl FnOnce(&mut Links, &mut Links)) {
        if let Some(slot) = self.list.get_mut(index as usize)
            && let State::Idle { same_host, all, .. } = &mut slot.state
        {
            change(same_host, all);
        }
    }

    /// The connection that has been idle longest: its host, and when it expires.
    pub(super) fn oldest_idle(&self) -> Option<(u32, HostIndex, Option<Instant>)> {
        let index = self.oldest?;
        let slot = self.list.get(index as usize)?;
        match slot.state {
            State::Idle { until, .. } => Some((index, slot.host, until)),
            _ => None,
        }
    }
}
