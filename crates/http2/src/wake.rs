//! Wakers that only set flags.
//!
//! `h2` wakes when a stream or the connection can go on. Nobody sleeps here: a wake writes down
//! who was meant, and [`Http2`](crate::Http2) looks at the notes after it has polled.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

/// Which half of a stream was woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Half {
    Recv,
    Send,
}

/// What was woken since the notes were last read.
#[derive(Default)]
pub(crate) struct Notes {
    connection: AtomicBool,
    /// There is something in `streams`: mostly there is not, and no lock is needed to see that.
    any: AtomicBool,
    // Locked by wakers while `h2` holds its own locks, so `h2` must not be called under it.
    streams: Mutex<Vec<(u32, Half)>>,
}

impl Notes {
    /// Whether the connection wants to be polled.
    pub(crate) fn is_connection_woken(&self) -> bool {
        self.connection.load(Ordering::Acquire)
    }

    /// Called right before the connection is polled: a wake during the poll must survive it.
    pub(crate) fn clear_connection(&self) {
        self.connection.store(false, Ordering::Release);
    }

    /// Whether streams were woken.
    pub(crate) fn has_streams(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }

    /// Moves the woken streams into `scratch`, which is empty.
    pub(crate) fn take_streams(&self, scratch: &mut Vec<(u32, Half)>) {
        let mut streams = self.lock_streams();
        self.any.store(false, Ordering::Release);
        std::mem::swap(&mut *streams, scratch);
    }

    fn note(&self, index: u32, half: Half) {
        let mut streams = self.lock_streams();
        self.any.store(true, Ordering::Release);
        streams.push((index, half));
    }

    fn lock_streams(&self) -> MutexGuard<'_, Vec<(u32, Half)>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection's waker.
    pub(crate) fn connection_waker(self: &Arc<Self>) -> Waker {
        Waker::from(Arc::new(ConnectionWaker(Arc::clone(self))))
    }

    /// The waker for one half of the stream in slot `index`. It outlives the stream: the next one
    /// in that slot uses it again, and a late wake for the former one is only spurious.
    pub(crate) fn stream_waker(self: &Arc<Self>, index: u32, half: Half) -> Waker {
        Waker::from(Arc::new(StreamWaker {
            index,
            half,
            notes: Arc::clone(self),
        }))
    }
}

struct ConnectionWaker(Arc<Notes>);

impl Wake for ConnectionWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.connection.store(true, Ordering::Release);
    }
}

struct StreamWaker {
    index: u32,
    half: Half,
    notes: Arc<Notes>,
}

impl Wake for StreamWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.notes.note(self.index, self.half);
    }
}
