//! The origins that a pool knows: found by comparing keys while they are few, by hash beyond.

use super::PoolKey;
use std::collections::{BTreeSet, HashMap};

/// Up to so many keys, comparing their tags one by one costs less than one hash.
const FEW: usize = 32;

/// Index of a host in [`Hosts`].
pub(super) type HostIndex = u32;

#[derive(Debug)]
pub(super) struct Host {
    pub(super) key: PoolKey<'static>,
    /// Live connections: being made, in use and idle.
    pub(super) live: usize,
    /// Its most recently used idle connection: the head of a list through the slots.
    pub(super) idle: Option<u32>,
    /// Who waits for it, in order of arrival.
    pub(super) waiting: BTreeSet<u64>,
    /// Under which number it stands in the queue of hosts that could be served.
    pub(super) queued: Option<u64>,
    /// Whether its connections can be shared.
    pub(super) sharing: Sharing,
    /// Shared connections with room for another request.
    pub(super) open: BTreeSet<u32>,
    /// Connections that may soon be open.
    pub(super) promising: BTreeSet<u32>,
}

/// What is known of a host's connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sharing {
    /// Nobody asks for shared ones.
    Never,
    /// They may turn out to be shared.
    Maybe,
    /// They were not, the last time.
    NotHere,
}

#[derive(Debug, Default)]
pub(super) struct Hosts {
    list: Vec<Option<Host>>,
    /// Their tags, likewise; of one that is not there, an old one.
    tags: Vec<u32>,
    free: Vec<HostIndex>,
    by_key: HashMap<PoolKey<'static>, HostIndex>,
    last: HostIndex,
}

impl Hosts {
    pub(super) fn get(&self, index: HostIndex) -> Option<&Host> {
        self.list.get(index as usize)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, index: HostIndex) -> Option<&mut Host> {
        self.list.get_mut(index as usize)?.as_mut()
    }

    pub(super) fn find_or_add(&mut self, key: &PoolKey<'_>) -> HostIndex {
        let tag = tag(key);
        if let Some(found) = self.find(key, tag) {
            self.last = found;
            return found;
        }
        let key = key.clone().into_owned();
        let host = Host {
            key: key.clone(),
            live: 0,
            idle: None,
            waiting: BTreeSet::new(),
            queued: None,
            sharing: Sharing::Never,
            open: BTreeSet::new(),
            promising: BTreeSet::new(),
        };
        let index = match self.free.pop() {
            Some(index) => index,
            None => {
                self.list.push(None);
                self.tags.push(tag);
                (self.list.len() - 1) as HostIndex
            }
        };
        if let Some(place) = self.list.get_mut(index as usize) {
            *place = Some(host);
        }
        if let Some(place) = self.tags.get_mut(index as usize) {
            *place = tag;
        }
        self.by_key.insert(key, index);
        self.last = index;
        index
    }

    fn find(&self, key: &PoolKey<'_>, tag: u32) -> Option<HostIndex> {
        let is_it = |index: HostIndex| self.get(index).is_some_and(|host| host.key == *key);
        if self.tags.get(self.last as usize) == Some(&tag) && is_it(self.last) {
            return Some(self.last);
        }
        if self.list.len() > FEW {
            return self.by_key.get(key).copied();
        }
        let tags = self.tags.iter().enumerate();
        let mut same = tags.filter(|(_, its)| **its == tag);
        same.find_map(|(index, _)| Some(index as HostIndex).filter(|index| is_it(*index)))
    }

    /// Forgets a host that has no connection and nobody waiting.
    pub(super) fn forget_if_unused(&mut self, index: HostIndex) {
        let unused = |host: &Host| host.live == 0 && host.waiting.is_empty();
        if let Some(place) = self.list.get_mut(index as usize)
            && let Some(host) = place.take_if(|host| unused(host))
        {
            self.by_key.remove(&host.key);
            self.free.push(index);
        }
    }

    /// Every host with its index.
    pub(super) fn iter(&self) -> impl Iterator<Item = (HostIndex, &Host)> {
        let hosts = self.list.iter().enumerate();
        hosts.filter_map(|(index, host)| Some((index as HostIndex, host.as_ref()?)))
    }

    pub(super) fn len(&self) -> usize {
        self.by_key.len()
    }
}

/// A few bits of a key: keys that differ there need not be compared.
fn tag(key: &PoolKey<'_>) -> u32 {
    let host = key.host.as_bytes();
    let [first, last] = [host.first_chunk::<8>(), host.last_chunk::<8>()];
    let bits = |eight: Option<&[u8; 8]>| eight.map_or(0, |eight| u64::from_le_bytes(*eight));
    // Names differ in front, and behind; the product brings what differs to the upper half.
    let mixed = (bits(first) ^ bits(last).rotate_left(29) ^ host.len() as u64)
        .wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 32) as u32 ^ u32::from(key.port)
}
