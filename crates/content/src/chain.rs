use std::fmt;

use bytes::{Buf, Bytes};

use crate::budget::Budget;
use crate::cache::StateCache;
use crate::codec::Codec;
use crate::coding::{Coding, Codings};
use crate::error::{DecodeError, DecodeErrorKind};

/// The most bytes that one call of [`Decoder::decode`](crate::Decoder::decode) hands out of coded
/// data. Up to two such pieces may share a block of memory.
pub const MAX_CHUNK: usize = 32 << 10;

/// The least room that is made for decoded bytes, whatever little came in.
const MIN_ROOM: usize = 1 << 10;

/// Room per coded byte that is at hand. Most text comes to less; what comes to more takes more
/// calls.
const ROOM_PER_BYTE: usize = 8;

/// The codings of a body, each feeding the next.
pub(crate) struct Chain {
    /// The coding that was applied last, and is undone first, comes first.
    links: Vec<Link>,
    /// Between each link and the next: one fewer than links.
    between: Vec<Buffer>,
    budget: Budget,
    /// Coded bytes taken from the caller.
    received: u64,
}

struct Link {
    codec: Codec,
    coding: Coding,
    taken: u64,
    given: u64,
    supply: Supply,
}

/// What a link may give without new input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Supply {
    /// Nothing.
    Dry,
    /// Perhaps something: it was stopped by the room.
    Pending,
    /// Nothing ever again.
    Ended,
}

#[derive(Default)]
struct Buffer {
    bytes: Vec<u8>,
    read: usize,
}

/// Whether the caller has more input to give.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Ahead,
    Reached,
}

impl Chain {
    pub(crate) fn new(codings: &Codings, budget: Budget, cache: Option<&StateCache>) -> Self {
        let links = codings.iter().rev().map(|coding| Link {
            codec: Codec::new(coding, cache),
            coding,
            taken: 0,
            given: 0,
            supply: Supply::Dry,
        });
        let between = (1..codings.len()).map(|_| Buffer::default());
        Self {
            links: links.collect(),
            between: between.collect(),
            budget,
            received: 0,
        }
    }

    /// Runs the chain until its last link has appended to `out`, which is empty, or until `input` is
    /// used up.
    pub(crate) fn pull(
        &mut self,
        input: &mut Bytes,
        end: End,
        out: &mut Vec<u8>,
    ) -> Result<(), DecodeError> {
        let last = self.links.len().saturating_sub(1);
        let mut at = last;
        let mut source_ended = self.source_ended(at, end);
        while let Some(link) = self.links.get_mut(at) {
            let (sources, targets) = self.between.split_at_mut(at);
            let mut source = match sources.last() {
                Some(buffer) => buffer.unread(),
                None => &input[..],
            };
            let (target, least) = match targets.first_mut() {
                Some(buffer) => (buffer.emptied(), MAX_CHUNK),
                None => (&mut *out, MIN_ROOM),
            };
            let used = link.step(&mut source, target, least)?;
            let gave = !target.is_empty();
            match sources.last_mut() {
                Some(buffer) => buffer.read += used,
                None => {
                    input.advance(used);
                    self.received += used as u64;
                }
            }
            let allowed = self.budget.allowed(self.received);
            if link.given > allowed {
                return Err(link.error(DecodeErrorKind::OverBudget { allowed }));
            }
            if !gave && source_ended {
                link.end()?;
            }
            if gave || link.supply == Supply::Ended {
                if at == last {
                    return Ok(());
                }
                at += 1;
            } else if at == 0 {
                return Ok(());
            } else {
                at -= 1;
            }
            source_ended = self.source_ended(at, end);
        }
        Ok(())
    }

    pub(crate) fn recycle(self, cache: &StateCache) {
        for link in self.links {
            link.codec.recycle(cache);
        }
    }

    /// Whether the link at `at` gets nothing beyond what stands in the buffer before it.
    fn source_ended(&self, at: usize, end: End) -> bool {
        match at.checked_sub(1) {
            Some(previous) => self
                .links
                .get(previous)
                .is_some_and(|link| link.supply == Supply::Ended),
            None => end == End::Reached,
        }
    }
}

impl Link {
    /// Lets the codec take from `source` and append to `target`; says how many bytes it took.
    fn step(
        &mut self,
        source: &mut &[u8],
        target: &mut Vec<u8>,
        least: usize,
    ) -> Result<usize, DecodeError> {
        let before = source.len();
        let room = match self.supply {
            Supply::Pending => self.codec.most_room(),
            _ if before > 0 => {
                let room = before.saturating_mul(ROOM_PER_BYTE);
                room.clamp(least, self.codec.most_room())
            }
            _ => return Ok(0),
        };
        if target.capacity() < room {
            target.reserve_exact(room);
        }
        let result = self.codec.step(source, target);
        let used = before - source.len();
        self.taken += used as u64;
        self.given += target.len() as u64;
        self.supply = if target.len() == target.capacity() {
            Supply::Pending
        } else {
            Supply::Dry
        };
        match result {
            Ok(()) => Ok(used),
            Err(kind) => Err(self.error(kind)),
        }
    }

    fn end(&mut self) -> Result<(), DecodeError> {
        if !self.codec.is_complete() {
            return Err(self.error(DecodeErrorKind::Truncated));
        }
        self.supply = Supply::Ended;
        Ok(())
    }

    fn error(&self, kind: DecodeErrorKind) -> DecodeError {
        DecodeError {
            coding: Some(self.coding),
            kind,
            offset: self.taken,
        }
    }
}

impl Buffer {
    fn unread(&self) -> &[u8] {
        self.bytes.get(self.read..).unwrap_or_default()
    }

    /// Only called once all of it is read.
    fn emptied(&mut self) -> &mut Vec<u8> {
        self.bytes.clear();
        self.read = 0;
        &mut self.bytes
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.links.iter().map(|link| link.coding))
            .finish()
    }
}
