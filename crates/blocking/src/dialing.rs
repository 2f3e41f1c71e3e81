//! Connecting to several addresses at a time, without a thread. Which, and when, is decided by the call.

use crate::socket::{Socket, timespec};
use nuncio_client::{Address, SocketOptions};
use rustix::event::{PollFd, PollFlags};
use std::io;
use std::net::TcpStream;
use std::time::Instant;

/// The attempts to connect that are under way.
#[derive(Debug, Default)]
pub(crate) struct Race {
    attempts: Vec<(usize, TcpStream)>,
    /// One that failed at once, or whose wait did.
    failed: Option<(usize, io::Error)>,
}

impl Race {
    /// One more attempt; with number 0, the first of a new race.
    pub(crate) fn begin(&mut self, attempt: usize, to: &Address, options: &SocketOptions) {
        if attempt == 0 {
            self.give_up();
        }
        match nuncio_socket::begin(to, options) {
            Ok(stream) => self.attempts.push((attempt, stream)),
            Err(error) => self.failed = Some((attempt, error)),
        }
    }

    /// The first that is done; none when `until` has come, or a little earlier now and then.
    pub(crate) fn wait(
        &mut self,
        until: Option<Instant>,
        now: Instant,
    ) -> Option<(usize, io::Result<Socket>)> {
        if let Some((attempt, error)) = self.failed.take() {
            return Some((attempt, Err(error)));
        }
        let timeout = until.map(|until| timespec(until.saturating_duration_since(now)));
        let mut fds: Vec<_> = self
            .attempts
            .iter()
            .map(|(_, stream)| PollFd::new(stream, PollFlags::OUT))
            .collect();
        let failed = match rustix::event::poll(&mut fds, timeout.as_ref()) {
            Ok(0) | Err(rustix::io::Errno::INTR) => return None,
            Ok(_) => None,
            Err(error) => Some(error.into()),
        };
        // Where the wait itself failed, it is said of one after the other.
        let done = |fd: &PollFd<'_>| failed.is_some() || !fd.revents().is_empty();
        let index = fds.iter().position(done)?;
        let (attempt, stream) = self.attempts.swap_remove(index);
        Some((attempt, failed.map_or_else(|| connected(stream), Err)))
    }

    /// Closes what has not connected yet.
    pub(crate) fn give_up(&mut self) {
        self.attempts.clear();
        self.failed = None;
    }
}

fn connected(stream: TcpStream) -> io::Result<Socket> {
    if let Some(error) = stream.take_error()? {
        return Err(error);
    }
    stream.set_nonblocking(false)?;
    Ok(Socket::new(stream))
}
