//! What a runtime has to give: the seam between the client and tokio, smol or another.
//! `docs/ADAPTERS.md` of the repository tells how to write one.

use nuncio_client::{Address, BoxFuture, SocketOptions};
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

/// A runtime's sockets, clock, timers and tasks.
///
/// Every method is called from within a poll of one of the client's futures, after
/// [`check`](Self::check) said that the runtime is there.
pub trait Runtime: std::marker::Send + Sync + 'static {
    /// Whether the current thread is inside the runtime, and which instance of it: sockets of one
    /// are never used on another.
    ///
    /// # Errors
    /// A text that says what is missing, when there is none.
    fn check(&self) -> Result<u64, &'static str>;

    /// The runtime's clock, which may be paused in tests.
    fn now(&self) -> Instant;

    /// A timer that fires at `at`.
    fn timer(&self, at: Instant) -> Pin<Box<dyn Timer>>;

    /// Connects to an address. [`begin_connect`](crate::begin_connect) does all of it but the waiting.
    fn connect(
        &self,
        to: &Address,
        options: &SocketOptions,
    ) -> BoxFuture<'static, io::Result<Box<dyn Socket>>>;

    /// Looks a name up.
    fn resolve(&self, host: &str, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>>;

    /// Runs `task` to its end, beside the one that asks and after it.
    ///
    /// # Errors
    /// When there is nothing to run it.
    fn spawn(&self, task: BoxFuture<'static, ()>) -> io::Result<()>;

    /// Does `work`, which may block, where that keeps no task waiting: files have no other way.
    /// Ready when it is done. It is begun at once; the future dropped, it is done all the same.
    ///
    /// # Errors
    /// When it cannot be done: the runtime is gone, or `work` panicked.
    fn run_blocking(
        &self,
        work: Box<dyn FnOnce() + std::marker::Send>,
    ) -> BoxFuture<'static, io::Result<()>>;
}

/// A timer that can be set anew.
pub trait Timer: std::marker::Send {
    /// From now on it fires at `at`.
    fn reset(self: Pin<&mut Self>, at: Instant);

    /// Ready once it has fired; else the task is woken when it does.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()>;
}

/// A connected socket.
pub trait Socket: std::marker::Send {
    /// Reads into `buf`'s unfilled part. Zero is the end.
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>>;

    /// Writes the front of `pieces`, in one gathered write where the runtime can.
    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>>;

    /// Ends the sending (FIN), once all that was written has left; reading goes on. An
    /// [`Upgraded`](crate::Upgraded) is closed by it. Without a definition of its own a socket answers
    /// that it cannot.
    fn poll_shutdown(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Err(io::ErrorKind::Unsupported.into()))
    }

    /// Reads what the operating system holds right now, whatever the runtime believes to know;
    /// [`io::ErrorKind::WouldBlock`] when that is nothing.
    fn read_now(&mut self, buf: &mut [u8]) -> io::Result<usize>;
}
