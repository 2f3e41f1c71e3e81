//! What is kept of each stream, under a small number that it has for its time.

use crate::message::StreamId;

/// Slots that an idle connection keeps.
const KEPT: usize = 8;

/// The streams of a connection. Slots are used again.
#[derive(Debug)]
pub(super) struct Slots<T> {
    slots: Vec<Option<(StreamId, T)>>,
    free: Vec<u32>,
}

impl<T> Slots<T> {
    pub(super) const fn new() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds the stream of this number, which none had before.
    pub(super) fn insert(&mut self, number: u64, stream: T) -> StreamId {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            // A connection has 2^30 streams in all its life.
            (self.slots.len() - 1) as u32
        });
        let id = StreamId::new(number, index);
        if let Some(slot) = self.slots.get_mut(index as usize) {
            *slot = Some((id, stream));
        }
        id
    }

    pub(super) fn get(&self, id: StreamId) -> Option<&T> {
        match self.slots.get(id.index()) {
            Some(Some((own, stream))) if *own == id => Some(stream),
            _ => None,
        }
    }

    pub(super) fn get_mut(&mut self, id: StreamId) -> Option<&mut T> {
        match self.slots.get_mut(id.index()) {
            Some(Some((own, stream))) if *own == id => Some(stream),
            _ => None,
        }
    }

    /// The stream of this number: for what does not happen often, as it looks at all of them.
    pub(super) fn numbered(&mut self, number: u64) -> Option<&mut T> {
        let mut all = self.iter_mut();
        all.find_map(|(id, stream)| (id.number() == number).then_some(stream))
    }

    pub(super) fn remove(&mut self, id: StreamId) -> Option<T> {
        let slot = self.slots.get_mut(id.index())?;
        let (_, stream) = slot.take_if(|(own, _)| *own == id)?;
        self.free.push(id.index);
        if self.is_empty() && self.slots.len() > KEPT {
            *self = Self::new();
        }
        Some(stream)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (StreamId, &mut T)> {
        let taken = self.slots.iter_mut().flatten();
        taken.map(|(id, stream)| (*id, stream))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_used_again_and_an_old_id_does_not_find_the_new_stream() {
        let mut slots = Slots::new();
        let first = slots.insert(1, "first");
        let second = slots.insert(3, "second");
        assert_eq!(slots.remove(first), Some("first"));
        let third = slots.insert(5, "third");
        assert_eq!(third.index(), first.index());
        assert_eq!(slots.get(first), None);
        assert_eq!(slots.get_mut(first), None);
        assert_eq!(slots.remove(first), None);
        assert_eq!(slots.get(second), Some(&"second"));
        assert_eq!(slots.numbered(5), Some(&mut "third"));
        assert_eq!(slots.numbered(1), None);
        assert_eq!(slots.len(), 2);
        let all: Vec<_> = slots.iter_mut().map(|(id, it)| (id, *it)).collect();
        assert_eq!(all, [(third, "third"), (second, "second")]);
    }

    #[test]
    fn many_slots_are_given_back_when_the_last_is_empty() {
        let mut slots = Slots::new();
        let ids: Vec<_> = (0..100).map(|it| slots.insert(it, it)).collect();
        for id in ids {
            assert_eq!(slots.slots.len(), 100);
            assert_eq!(slots.remove(id), Some(id.number()));
        }
        assert!(slots.is_empty());
        assert_eq!(slots.slots.capacity(), 0);
    }
}
