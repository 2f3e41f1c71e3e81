//! Who is told of single exchanges.

use crate::event::EventSink;
use crate::message::StreamId;

/// Who is told of an exchange, where it is not whoever is told of the connection. Empty for most.
#[derive(Debug, Default)]
pub(super) struct Listeners(Vec<(StreamId, EventSink)>);

impl Listeners {
    /// Who is told of this exchange: `all`, unless somebody was named for it.
    pub(super) fn of<'a>(&'a self, id: StreamId, all: &'a EventSink) -> &'a EventSink {
        let own = self.0.iter().find(|(of, _)| *of == id);
        own.map_or(all, |(_, own)| own)
    }

    /// As [`of`](Self::of), where there is one exchange at most.
    pub(super) fn of_the_one<'a>(&'a self, all: &'a EventSink) -> &'a EventSink {
        self.0.first().map_or(all, |(_, own)| own)
    }

    pub(super) fn add(&mut self, id: StreamId, events: EventSink) {
        self.0.push((id, events));
    }

    /// The exchange is over.
    pub(super) fn remove(&mut self, id: StreamId) {
        self.0.retain(|(of, _)| *of != id);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
