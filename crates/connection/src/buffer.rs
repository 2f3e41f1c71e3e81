//! Buffers that travel: received bytes come in by value, bytes to send go out by value.
//!
//! A connection never sees a socket. Its caller takes a [`RecvBuf`], fills it and hands it back;
//! it takes a [`Transmit`], writes what it can and says how much that was. Nothing is borrowed
//! while a system call runs, so no lock has to be held across one.

use bytes::Bytes;
use std::collections::VecDeque;
use std::fmt;
use std::io::IoSlice;
use std::sync::{Arc, Mutex, PoisonError};

/// Room for a response head, and for most small responses whole.
pub(crate) const SMALL_BLOCK: usize = 16 * 1024;
/// Room for a read while a long body comes in: fewer system calls per byte.
pub(crate) const LARGE_BLOCK: usize = 128 * 1024;

/// A cache of receive blocks, shared by the connections of one client.
///
/// An idle connection holds no block, and a block whose last body slice was dropped comes back
/// here. Blocks are initialised once, when they are made, and never again. The cache keeps at
/// most 64 small blocks (16 KiB) and 16 large ones (128 KiB); what comes back beyond that is freed.
#[derive(Clone, Debug, Default)]
pub struct BlockCache {
    shelves: Arc<Mutex<Shelves>>,
}

#[derive(Debug, Default)]
struct Shelves {
    small: Vec<Vec<u8>>,
    large: Vec<Vec<u8>>,
}

impl BlockCache {
    const KEEP_SMALL: usize = 64;
    const KEEP_LARGE: usize = 16;

    /// Lets `read` fill a block (128 KiB) and gives what it read, which may be nothing, as `Bytes`
    /// that bring the block back when they are dropped: for bodies that go up.
    ///
    /// # Errors
    /// What `read` says.
    pub fn fill(
        &self,
        read: impl FnOnce(&mut [u8]) -> std::io::Result<usize>,
    ) -> std::io::Result<Bytes> {
        let mut block = self.take(LARGE_BLOCK);
        let filled = read(&mut block).map(|read| read.min(block.len()));
        let lease = Lease {
            block,
            cache: self.clone(),
        };
        filled.map(|filled| Bytes::from_owner(lease).slice(..filled))
    }

    /// A block of at least `size` bytes, all of them initialised.
    fn take(&self, size: usize) -> Vec<u8> {
        let (kept, size) = {
            let mut shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
            if size <= SMALL_BLOCK {
                (shelves.small.pop(), SMALL_BLOCK)
            } else if size <= LARGE_BLOCK {
                (shelves.large.pop(), LARGE_BLOCK)
            } else {
                (None, size)
            }
        };
        kept.unwrap_or_else(|| vec![0; size])
    }

    fn give(&self, block: Vec<u8>) {
        let mut shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        let (shelf, keep) = match block.len() {
            SMALL_BLOCK => (&mut shelves.small, Self::KEEP_SMALL),
            LARGE_BLOCK => (&mut shelves.large, Self::KEEP_LARGE),
            _ => return,
        };
        if shelf.len() < keep {
            shelf.push(block);
        }
    }
}

/// A block that body slices point into; it goes back to the cache with the last of them.
struct Lease {
    block: Vec<u8>,
    cache: BlockCache,
}

impl AsRef<[u8]> for Lease {
    fn as_ref(&self) -> &[u8] {
        &self.block
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.cache.give(std::mem::take(&mut self.block));
    }
}

/// A buffer to read into, owned by whoever reads.
///
/// [`Connection::take_recv`](crate::Connection::take_recv) hands it out; read into
/// [`unfilled`](Self::unfilled), say how much came with [`advance`](Self::advance), and give it
/// back to [`Connection::handle_input`](crate::Connection::handle_input).
#[derive(Default)]
pub struct RecvBuf {
    block: Vec<u8>,
    filled: usize,
    before: usize,
}

impl RecvBuf {
    /// Where the next bytes go. Initialised memory, never empty when freshly taken.
    pub fn unfilled(&mut self) -> &mut [u8] {
        self.block.get_mut(self.filled..).unwrap_or_default()
    }

    /// `read` more bytes have been put at the start of [`unfilled`](Self::unfilled). More than
    /// its length counts as its length.
    pub fn advance(&mut self, read: usize) {
        self.filled = (self.filled + read).min(self.block.len());
    }

    /// How many bytes were read since this buffer was taken.
    pub fn received(&self) -> usize {
        self.filled - self.before
    }
}

/// What has been received and not yet consumed, in one contiguous run.
pub(crate) struct Input {
    cache: BlockCache,
    store: Store,
    start: usize,
    end: usize,
}

enum Store {
    /// Nothing is held: idle, or the block is out with the reader.
    None,
    /// Held alone: it may be written to.
    Own(Vec<u8>),
    /// Body slices point into it: it may only be read.
    Shared(Bytes),
}

impl Input {
    pub(crate) fn new(cache: BlockCache) -> Self {
        Input {
            cache,
            store: Store::None,
            start: 0,
            end: 0,
        }
    }

    /// An empty one over the same cache.
    #[cfg(feature = "tls")]
    pub(crate) fn sibling(&self) -> Self {
        Input::new(self.cache.clone())
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        let block: &[u8] = match &self.store {
            Store::None => &[],
            Store::Own(block) => block,
            Store::Shared(block) => block,
        };
        block.get(self.start..self.end).unwrap_or_default()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// The first `n` bytes are done with. An emptied block is let go at once, so that an idle
    /// connection holds none.
    pub(crate) fn consume(&mut self, n: usize) {
        self.start = (self.start + n).min(self.end);
        if self.start == self.end {
            self.release();
        }
    }

    /// A slice of the unconsumed bytes that shares the block: no byte is copied.
    pub(crate) fn share(&mut self, range: std::ops::Range<usize>) -> Bytes {
        let store = match std::mem::replace(&mut self.store, Store::None) {
            Store::Own(block) => Store::Shared(Bytes::from_owner(Lease {
                block,
                cache: self.cache.clone(),
            })),
            other => other,
        };
        self.store = store;
        let (from, to) = (self.start + range.start, self.start + range.end);
        match &self.store {
            Store::Shared(block) if from <= to && to <= self.end => block.slice(from..to),
            _ => Bytes::new(),
        }
    }

    /// A buffer to read into, with at least half of `room` free behind what is unconsumed.
    pub(crate) fn take(&mut self, room: usize) -> RecvBuf {
        if let Store::None = self.store {
            // The most frequent case by far.
            return RecvBuf {
                block: self.cache.take(room),
                filled: 0,
                before: 0,
            };
        }
        let held = self.end - self.start;
        let old = match std::mem::replace(&mut self.store, Store::None) {
            Store::Own(block) if block.len() - self.end >= room.min(block.len() / 2) => {
                let filled = self.end;
                return RecvBuf {
                    block,
                    filled,
                    before: filled,
                };
            }
            old => old,
        };
        // A few bytes of framing in front must not make a block of a size that the cache has not.
        let size = if held <= room / 2 { room } else { held + room };
        let mut block = self.cache.take(size);
        let from: &[u8] = match &old {
            Store::Own(old) => old,
            Store::Shared(old) => old,
            Store::None => &[],
        };
        // Only unparsed framing is ever carried over: a partial head or chunk line.
        if let (Some(to), Some(from)) = (block.get_mut(..held), from.get(self.start..self.end)) {
            to.copy_from_slice(from);
        }
        if let Store::Own(old) = old {
            self.cache.give(old);
        }
        self.start = 0;
        self.end = held;
        RecvBuf {
            block,
            filled: held,
            before: held,
        }
    }

    /// Takes the block back from the reader.
    pub(crate) fn put(&mut self, buf: RecvBuf) {
        self.end = buf.filled;
        self.start = self.start.min(self.end);
        self.store = Store::Own(buf.block);
        if self.start == self.end {
            self.release();
        }
    }

    fn release(&mut self) {
        if let Store::Own(block) = std::mem::replace(&mut self.store, Store::None) {
            self.cache.give(block);
        }
        self.start = 0;
        self.end = 0;
    }
}

/// One piece of what is to be sent.
enum Piece {
    /// A range of the scratch buffer: heads and framing.
    Scratch(usize, usize),
    /// A body chunk, as the user gave it.
    Body(Bytes),
}

/// A batch of owned pieces to write, in order, best with one gathered write.
///
/// [`Connection::take_transmit`](crate::Connection::take_transmit) fills it,
/// [`slices`](Self::slices) shows it to the system call, and
/// [`Connection::transmitted`](crate::Connection::transmitted) takes off what was written.
/// Keep one per connection: its memory is used again.
#[derive(Default)]
pub struct Transmit {
    scratch: Vec<u8>,
    pieces: VecDeque<Piece>,
    pending: usize,
}

impl Transmit {
    /// How many pieces one gathered write is given at most.
    pub const MAX_SLICES: usize = 16;

    /// Bytes still to be written.
    pub fn len(&self) -> usize {
        self.pending
    }

    /// True when everything was written.
    pub fn is_empty(&self) -> bool {
        self.pending == 0
    }

    /// Fills `slices` from the front of the batch and returns how many were set.
    pub fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut count = 0;
        for (slot, piece) in slices.iter_mut().zip(&self.pieces) {
            *slot = IoSlice::new(self.piece(piece));
            count += 1;
        }
        count
    }

    /// The first piece: for transports that write one slice at a time.
    pub fn front(&self) -> &[u8] {
        self.pieces
            .front()
            .map(|piece| self.piece(piece))
            .unwrap_or_default()
    }

    fn piece<'a>(&'a self, piece: &'a Piece) -> &'a [u8] {
        match piece {
            Piece::Scratch(from, to) => self.scratch.get(*from..*to).unwrap_or_default(),
            Piece::Body(bytes) => bytes,
        }
    }

    /// Appends bytes that `write` puts at the end of the scratch buffer.
    pub(crate) fn scratch<T>(&mut self, write: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        let from = self.scratch.len();
        let result = write(&mut self.scratch);
        let to = self.scratch.len();
        if to > from {
            self.pending += to - from;
            match self.pieces.back_mut() {
                Some(Piece::Scratch(_, end)) if *end == from => *end = to,
                _ => self.pieces.push_back(Piece::Scratch(from, to)),
            }
        }
        result
    }

    pub(crate) fn body(&mut self, chunk: Bytes) {
        if !chunk.is_empty() {
            self.pending += chunk.len();
            self.pieces.push_back(Piece::Body(chunk));
        }
    }

    /// Takes `written` bytes off the front.
    pub(crate) fn advance(&mut self, written: usize) {
        let mut left = written.min(self.pending);
        self.pending -= left;
        while left > 0 {
            let Some(piece) = self.pieces.front_mut() else {
                break;
            };
            let len = match piece {
                Piece::Scratch(from, to) => *to - *from,
                Piece::Body(bytes) => bytes.len(),
            };
            if left >= len {
                left -= len;
                self.pieces.pop_front();
            } else {
                match piece {
                    Piece::Scratch(from, _) => *from += left,
                    Piece::Body(bytes) => bytes::Buf::advance(bytes, left),
                }
                left = 0;
            }
        }
        if self.pending == 0 {
            self.clear();
        }
    }

    /// Drops what was not written.
    pub(crate) fn clear(&mut self) {
        self.pieces.clear();
        self.scratch.clear();
        // A long head or a burst of TLS records must not stay with an idle connection.
        self.scratch.shrink_to(4096);
        self.pending = 0;
    }
}

// Buffers hold what peers and callers say to each other, passwords among it: how much, and no more.

impl fmt::Debug for RecvBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecvBuf({} bytes)", self.filled)
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Input({} bytes)", self.bytes().len())
    }
}

impl fmt::Debug for Transmit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Transmit({} bytes)", self.pending)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receive(input: &mut Input, bytes: &[u8], room: usize) {
        let mut buf = input.take(room);
        buf.unfilled()[..bytes.len()].copy_from_slice(bytes);
        buf.advance(bytes.len());
        assert_eq!(buf.received(), bytes.len());
        input.put(buf);
    }

    #[test]
    fn a_block_returns_to_the_cache_with_its_last_slice() {
        let cache = BlockCache::default();
        let mut input = Input::new(cache.clone());
        receive(&mut input, b"hello world", 1024);
        let slice = input.share(0..5);
        input.consume(11);
        assert!(input.is_empty());
        assert_eq!(cache.shelves.lock().unwrap().small.len(), 0);
        assert_eq!(slice, "hello");
        drop(slice);
        assert_eq!(cache.shelves.lock().unwrap().small.len(), 1);
    }

    #[test]
    fn what_is_unconsumed_stays_in_front_of_what_comes_next() {
        let mut input = Input::new(BlockCache::default());
        receive(&mut input, b"abcdef", 1024);
        let kept = input.share(0..3);
        input.consume(3);
        receive(&mut input, b"ghi", 1024);
        assert_eq!(input.bytes(), b"defghi");
        assert_eq!(kept, "abc");
        input.consume(100);
        assert_eq!(input.bytes(), b"");
    }

    #[test]
    fn a_little_framing_in_front_still_takes_a_block_that_the_cache_keeps() {
        let cache = BlockCache::default();
        let mut input = Input::new(cache.clone());
        receive(&mut input, b"data\r\n1f", LARGE_BLOCK);
        drop(input.share(0..4));
        input.consume(6);
        let buf = input.take(LARGE_BLOCK);
        assert_eq!((buf.block.len(), buf.filled), (LARGE_BLOCK, 2));
        input.put(buf);
        input.consume(2);
        assert_eq!(cache.shelves.lock().unwrap().large.len(), 2);
    }

    #[test]
    fn a_head_larger_than_a_block_grows_it() {
        let mut input = Input::new(BlockCache::default());
        let line = vec![b'x'; 4000];
        for _ in 0..12 {
            receive(&mut input, &line, 8192);
        }
        assert_eq!(input.bytes().len(), 48_000);
    }

    #[test]
    fn a_partial_write_leaves_the_rest_in_order() {
        let mut out = Transmit::default();
        out.scratch(|s| s.extend_from_slice(b"head:"));
        out.body(Bytes::from_static(b"body"));
        out.scratch(|s| s.extend_from_slice(b":tail"));
        let mut sent = Vec::new();
        while !out.is_empty() {
            let mut slices = [IoSlice::new(&[]); Transmit::MAX_SLICES];
            let n = out.slices(&mut slices);
            let all: Vec<u8> = slices[..n].iter().flat_map(|s| s.to_vec()).collect();
            assert_eq!(all.len(), out.len());
            sent.extend_from_slice(&all[..3.min(all.len())]);
            out.advance(3);
        }
        assert_eq!(sent, b"head:body:tail");
    }
}
