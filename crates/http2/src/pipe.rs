//! The in-memory pipe between `h2` and the caller.
//!
//! `h2` wants a socket with tokio's I/O traits. This one never blocks a thread and never wakes
//! anybody: an empty input or a full output answers `Pending`, and [`Http2`](crate::Http2), which
//! holds the other end, knows by itself when polling again is worth it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Both directions of the pipe.
pub(crate) struct Ends {
    input: Vec<u8>,
    read: usize,
    eof: bool,
    output: Vec<u8>,
    capacity: usize,
    refused: bool,
}

/// A handle on the pipe; `h2` has one, the caller's side the other.
#[derive(Clone)]
pub(crate) struct Pipe(Arc<Mutex<Ends>>);

impl Pipe {
    /// A pipe that holds at most `capacity` bytes of output.
    pub(crate) fn new(capacity: usize) -> Self {
        Self(Arc::new(Mutex::new(Ends {
            input: Vec::new(),
            read: 0,
            eof: false,
            output: Vec::new(),
            capacity,
            refused: false,
        })))
    }

    /// Locks both ends. One thread at a time holds the machine, so this never waits.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Ends> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ends {
    /// Queues received bytes for `h2`; the caller bounds them.
    pub(crate) fn push_input(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
    }

    /// Whether `h2` has read all that was queued.
    pub(crate) fn is_drained(&self) -> bool {
        self.input.is_empty()
    }

    /// No input will follow what is queued.
    pub(crate) fn set_eof(&mut self) {
        self.eof = true;
    }

    /// Whether the input has ended.
    pub(crate) fn is_eof(&self) -> bool {
        self.eof
    }

    /// Whether `h2` found the output full since the last [`start_poll`](Self::start_poll).
    pub(crate) fn has_refused(&self) -> bool {
        self.refused
    }

    /// Called before each poll of `h2`.
    pub(crate) fn start_poll(&mut self) {
        self.refused = false;
    }

    /// Whether output waits to be taken.
    pub(crate) fn has_output(&self) -> bool {
        !self.output.is_empty()
    }

    /// Whether output can be added.
    pub(crate) fn has_room(&self) -> bool {
        self.output.len() < self.capacity
    }

    /// Appends bytes that do not come from `h2`; only after its last frame.
    pub(crate) fn push_output(&mut self, bytes: &[u8]) {
        self.output.extend_from_slice(bytes);
    }

    /// Moves all output into `out`. An empty `out` is swapped in, so that nothing is copied and
    /// two buffers serve the connection for ever.
    pub(crate) fn take_output(&mut self, out: &mut Vec<u8>) -> usize {
        let taken = self.output.len();
        if out.is_empty() {
            std::mem::swap(out, &mut self.output);
        } else {
            out.append(&mut self.output);
        }
        taken
    }

    /// Gives back the memory of a large buffer that stands empty.
    pub(crate) fn shrink(&mut self, keep: usize) {
        for buffer in [&mut self.input, &mut self.output] {
            if buffer.is_empty() && buffer.capacity() > keep {
                *buffer = Vec::new();
            }
        }
    }

    /// After the input's end, output goes nowhere.
    fn accept(&mut self, bytes: &[u8]) -> usize {
        if self.eof {
            return bytes.len();
        }
        let room = self.capacity.saturating_sub(self.output.len());
        let accepted = bytes.get(..room).unwrap_or(bytes);
        self.output.extend_from_slice(accepted);
        accepted.len()
    }

    fn refuse(&mut self) -> Poll<io::Result<usize>> {
        self.refused = true;
        Poll::Pending
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut ends = self.lock();
        let waiting = ends.input.get(ends.read..).unwrap_or_default();
        if waiting.is_empty() {
            return if ends.eof {
                Poll::Ready(Ok(()))
            } else {
                Poll::Pending
            };
        }
        let piece = waiting.get(..buf.remaining()).unwrap_or(waiting);
        buf.put_slice(piece);
        ends.read += piece.len();
        if ends.read == ends.input.len() {
            ends.input.clear();
            ends.read = 0;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut ends = self.lock();
        match ends.accept(buf) {
            0 if !buf.is_empty() => ends.refuse(),
            accepted => Poll::Ready(Ok(accepted)),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut ends = self.lock();
        let mut total = 0;
        for buf in bufs {
            let accepted = ends.accept(buf);
            total += accepted;
            if accepted < buf.len() {
                break;
            }
        }
        if total == 0 && bufs.iter().any(|buf| !buf.is_empty()) {
            return ends.refuse();
        }
        Poll::Ready(Ok(total))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
