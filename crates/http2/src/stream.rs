//! The streams of a connection: a slab of slots, and which of them have news.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::task::Waker;

use bytes::Bytes;
use http::Response;

use crate::error::StreamError;
use crate::wake::{Half, Notes};

/// A stream of one connection. Never used again within that connection.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId {
    wire: u32,
    index: u32,
}

impl StreamId {
    /// The stream identifier on the wire (RFC 9113 section 5.1.1).
    pub fn as_u32(self) -> u32 {
        self.wire
    }

    /// A small number that no other stream of the connection has as long as this one is open, by which
    /// a caller can keep what it knows of it.
    pub fn index(self) -> usize {
        self.index as usize
    }
}

impl fmt::Debug for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StreamId({})", self.wire)
    }
}

/// What became possible on a stream. A flag is raised once for every time that the matching call
/// had to answer "not yet"; it is a hint, and the call tells the truth.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Ready(u8);

impl Ready {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const HEAD: Self = Self(1);
    pub(crate) const BODY: Self = Self(2);
    pub(crate) const WRITE: Self = Self(4);
    pub(crate) const FAILED: Self = Self(8);

    /// [`read_head`](crate::Http2::read_head) has a head, or an error.
    pub fn is_head(self) -> bool {
        self.has(Self::HEAD)
    }

    /// [`read_body`](crate::Http2::read_body) has something, or an error.
    pub fn is_body(self) -> bool {
        self.has(Self::BODY)
    }

    /// [`write_body`](crate::Http2::write_body) takes bytes again, or has an error.
    pub fn is_write(self) -> bool {
        self.has(Self::WRITE)
    }

    /// The stream failed before its head was read.
    pub fn is_failed(self) -> bool {
        self.has(Self::FAILED)
    }

    pub(crate) fn insert(&mut self, other: Self) {
        self.0 |= other.0;
    }

    fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl fmt::Debug for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (self.is_head(), "Head"),
            (self.is_body(), "Body"),
            (self.is_write(), "Write"),
            (self.is_failed(), "Failed"),
        ];
        f.debug_set()
            .entries(names.iter().filter(|(on, _)| *on).map(|(_, name)| name))
            .finish()
    }
}

/// Where the response stands.
pub(crate) enum Recv {
    /// Interim heads may have come, the final one has not.
    Waiting(h2::client::ResponseFuture),
    /// `h2` holds the final head.
    Arrived(h2::client::ResponseFuture),
    /// Failed before the final head was read.
    Failed(StreamError),
    /// The head was read.
    Body(h2::RecvStream),
    /// The head and the trailers were read.
    Trailed,
    /// Read to its end.
    Ended,
}

/// Where the request stands.
pub(crate) enum Send {
    Open(h2::SendStream<Bytes>),
    /// All is queued. The handle of a body stays: `h2` would keep, for ever, a stream that is
    /// complete but for bytes which a shrunken window holds back.
    Finished(Option<h2::SendStream<Bytes>>),
    /// The peer wants no more of it.
    Failed(StreamError),
}

/// A stream that the caller has not let go of.
pub(crate) struct Stream {
    pub(crate) recv: Recv,
    pub(crate) send: Send,
    /// Interim heads that were not read yet.
    pub(crate) interim: VecDeque<Response<()>>,
    /// Interim heads that came.
    pub(crate) interim_count: usize,
    pub(crate) interim_bytes: usize,
    /// How often output had been taken when the stream was opened.
    pub(crate) opened_at: u64,
}

struct Slot {
    wire: u32,
    stream: Option<Stream>,
    ready: Ready,
    queued: bool,
    recv_waker: Waker,
    send_waker: Waker,
}

/// All streams that the caller holds. Slots, wakers included, are used again.
pub(crate) struct Streams {
    slots: Vec<Slot>,
    free: Vec<u32>,
    news: VecDeque<u32>,
    notes: Arc<Notes>,
}

impl Streams {
    pub(crate) fn new(notes: Arc<Notes>) -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            news: VecDeque::new(),
            notes,
        }
    }

    pub(crate) fn active(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Gives back the memory of many slots, while none is in use.
    pub(crate) fn shrink(&mut self, keep: usize) {
        if self.active() == 0 && self.slots.len() > keep {
            self.slots = Vec::new();
            self.free = Vec::new();
            self.news = VecDeque::new();
        }
    }

    /// Adds the stream that `build` makes, given the waker of its receiving half.
    pub(crate) fn insert(&mut self, wire: u32, build: impl FnOnce(&Waker) -> Stream) -> StreamId {
        let index = self.free.pop().unwrap_or_else(|| {
            let index = self.slots.len() as u32;
            self.slots.push(Slot {
                wire,
                stream: None,
                ready: Ready::NONE,
                queued: false,
                recv_waker: self.notes.stream_waker(index, Half::Recv),
                send_waker: self.notes.stream_waker(index, Half::Send),
            });
            index
        });
        if let Some(slot) = self.slots.get_mut(index as usize) {
            slot.wire = wire;
            slot.stream = Some(build(&slot.recv_waker));
        }
        StreamId { wire, index }
    }

    /// The stream and the wakers of its halves (receive, send).
    pub(crate) fn find(&mut self, id: StreamId) -> Option<(&mut Stream, &Waker, &Waker)> {
        let slot = self.slots.get_mut(id.index as usize)?;
        if slot.wire != id.wire {
            return None;
        }
        Some((slot.stream.as_mut()?, &slot.recv_waker, &slot.send_waker))
    }

    pub(crate) fn remove(&mut self, id: StreamId) -> Option<Stream> {
        let slot = self.slots.get_mut(id.index as usize)?;
        if slot.wire != id.wire {
            return None;
        }
        let stream = slot.stream.take()?;
        slot.ready = Ready::NONE;
        self.free.push(id.index);
        Some(stream)
    }

    /// Ends each request that is still sent, as if it were whole: nobody is to see this any more.
    pub(crate) fn end_requests(&mut self) {
        for stream in self.slots.iter_mut().filter_map(|it| it.stream.as_mut()) {
            if let Send::Open(send) = &mut stream.send {
                let _ = send.send_data(Bytes::new(), true);
            }
        }
    }

    /// The stream that lives in a slot now.
    pub(crate) fn occupant(&self, index: u32) -> Option<StreamId> {
        let slot = self.slots.get(index as usize)?;
        slot.stream.as_ref()?;
        Some(StreamId {
            wire: slot.wire,
            index,
        })
    }

    pub(crate) fn raise(&mut self, id: StreamId, ready: Ready) {
        let Some(slot) = self.slots.get_mut(id.index as usize) else {
            return;
        };
        if slot.wire != id.wire || ready == Ready::NONE {
            return;
        }
        slot.ready.insert(ready);
        if !slot.queued {
            slot.queued = true;
            self.news.push_back(id.index);
        }
    }

    /// As [`raise`](Self::raise), on every stream.
    pub(crate) fn raise_all(&mut self, ready: Ready) {
        for index in 0..self.slots.len() as u32 {
            if let Some(id) = self.occupant(index) {
                self.raise(id, ready);
            }
        }
    }

    /// The next stream with news, in the order in which news came.
    pub(crate) fn pop_news(&mut self) -> Option<(StreamId, Ready)> {
        while let Some(index) = self.news.pop_front() {
            let Some(slot) = self.slots.get_mut(index as usize) else {
                continue;
            };
            slot.queued = false;
            let ready = std::mem::take(&mut slot.ready);
            if slot.stream.is_some() && ready != Ready::NONE {
                return Some((
                    StreamId {
                        wire: slot.wire,
                        index,
                    },
                    ready,
                ));
            }
        }
        None
    }
}
