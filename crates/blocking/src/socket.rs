//! A socket that can be asked without waiting, waited for, and read until a deadline.

use crate::sharing::Line;
use rustix::event::{PollFd, PollFlags, Timespec};
use std::io::{self, IoSlice, Read};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

/// A deadline may be missed by this much to spare a system call that changes the socket's own.
const SLACK: Duration = Duration::from_millis(5);

/// A connected socket, in blocking mode: of TCP, or a Unix one.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) stream: Arc<Stream>,
    read_timeout: Option<Duration>,
    /// Once the connection is shared.
    pub(crate) line: OnceLock<Line>,
}

/// The socket itself, and whether it was broken from another thread.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) tcp: TcpStream,
    broken: AtomicBool,
}

impl Stream {
    /// What was read. The end of what was broken is none of the peer's making.
    pub(crate) fn came(&self, read: usize) -> io::Result<usize> {
        if read == 0 && self.broken.load(Ordering::Acquire) {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(read)
    }

    /// Why reading or writing failed. Whatever fails on what was broken does for that.
    pub(crate) fn blame(&self, error: io::Error) -> io::Error {
        match self.broken.load(Ordering::Acquire) {
            true => io::ErrorKind::ConnectionAborted.into(),
            false => error,
        }
    }
}

/// Ends whatever waits for the socket, on whichever thread.
struct Breaker(Weak<Stream>);

impl Wake for Breaker {
    fn wake(self: Arc<Self>) {
        if let Some(stream) = self.0.upgrade() {
            stream.broken.store(true, Ordering::Release);
            // One that is not connected any more waits for nothing.
            let _ = stream.tcp.shutdown(Shutdown::Both);
        }
    }
}

#[cfg(unix)]
impl std::os::fd::AsFd for Stream {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.tcp.as_fd()
    }
}

#[cfg(windows)]
impl std::os::windows::io::AsSocket for Stream {
    fn as_socket(&self) -> std::os::windows::io::BorrowedSocket<'_> {
        self.tcp.as_socket()
    }
}

/// Which way a socket is ready.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Readiness {
    pub(crate) readable: bool,
}

impl Socket {
    /// What is connected, and blocks.
    pub(crate) fn new(stream: TcpStream) -> Self {
        Socket {
            stream: Arc::new(Stream {
                tcp: stream,
                broken: AtomicBool::new(false),
            }),
            read_timeout: None,
            line: OnceLock::new(),
        }
    }

    /// Breaks the socket when it is woken.
    pub(crate) fn breaker(&self) -> Waker {
        Waker::from(Arc::new(Breaker(Arc::downgrade(&self.stream))))
    }

    /// Reads, waiting until `until` at most; a time-out is [`io::ErrorKind::WouldBlock`].
    pub(crate) fn read_until(
        &mut self,
        buf: &mut [u8],
        until: Option<Instant>,
        now: Instant,
    ) -> io::Result<usize> {
        let left = until.map(|until| until.saturating_duration_since(now));
        if left.is_some_and(|left| left.is_zero()) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        if !self.fits(left) {
            self.stream.tcp.set_read_timeout(left)?;
            self.read_timeout = left;
        }
        match (&self.stream.tcp).read(buf) {
            Ok(read) => self.stream.came(read),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                Err(io::ErrorKind::WouldBlock.into())
            }
            other => other,
        }
    }

    /// Whether the time-out that the socket has will do for `left`: waking too early only means
    /// to wait again.
    fn fits(&self, left: Option<Duration>) -> bool {
        match (self.read_timeout, left) {
            (None, None) => true,
            (Some(set), Some(left)) => set <= left + SLACK && set >= left / 2,
            _ => false,
        }
    }

    /// Reads what is there, without waiting.
    #[cfg(unix)]
    pub(crate) fn read_now(&self, buf: &mut [u8]) -> io::Result<usize> {
        let (read, _) = rustix::net::recv(&self.stream.tcp, buf, rustix::net::RecvFlags::DONTWAIT)?;
        self.stream.came(read)
    }

    /// Writes what the socket takes, without waiting.
    #[cfg(unix)]
    pub(crate) fn write_now(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        Ok(sendmsg(
            &self.stream.tcp,
            pieces,
            &mut SendAncillaryBuffer::default(),
            flags,
        )?)
    }

    #[cfg(not(unix))]
    pub(crate) fn read_now(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.stream.tcp.set_nonblocking(true)?;
        let read = (&self.stream.tcp).read(buf);
        self.stream.tcp.set_nonblocking(false)?;
        self.stream.came(read?)
    }

    #[cfg(not(unix))]
    pub(crate) fn write_now(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        use std::io::Write;
        self.stream.tcp.set_nonblocking(true)?;
        let written = (&self.stream.tcp).write_vectored(pieces);
        self.stream.tcp.set_nonblocking(false)?;
        written
    }

    /// Waits until the socket can be written, or (if `read`) read, or `until` has come.
    pub(crate) fn wait(
        &self,
        read: bool,
        until: Option<Instant>,
        now: Instant,
    ) -> io::Result<Readiness> {
        let flags = if read {
            PollFlags::IN | PollFlags::OUT
        } else {
            PollFlags::OUT
        };
        let timeout = until.map(|until| timespec(until.saturating_duration_since(now)));
        let mut fds = [PollFd::new(&self.stream.tcp, flags)];
        match rustix::event::poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let [fd] = fds;
        let got = fd.revents();
        Ok(Readiness {
            readable: read && got.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR),
        })
    }
}

/// A time to wait, as poll(2) has it.
pub(crate) fn timespec(time: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: time.subsec_nanos().into(),
    }
}
