//! A connection that has left HTTP, as `std::io` knows streams.
//!
//! Two threads may use it at once, one to read and one to write. Three locks make that right: who
//! reads, who writes, and the machine, which is asked in between and never held during a system call.
//! A reader that has something to send (TLS answers by itself now and then) does not wait for whoever
//! writes: that one looks for more after it has let go.

use crate::socket::Socket;
#[cfg(feature = "tls")]
use nuncio_client::Error;
use nuncio_client::{Head, RecvBuf, Tie, Transmit, Tunnel, TunnelRead, Upgrade};
use rustix::event::{PollFd, PollFlags, Timespec};
use std::fmt;
use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

/// A connection that speaks HTTP no more, after a 101 that was asked for or a 2xx to CONNECT:
/// [`Streaming::upgrade`](crate::Streaming::upgrade) gives it.
///
/// Reading begins with what the server sent behind its head. What is written has left when `write`
/// returns, as far as the operating system is concerned; nothing needs to be flushed. There are no
/// limits on waiting but those [set](Self::set_read_timeout) on it. One thread may read while another
/// writes, through a reference or through [halves](Self::split). Once the client is closed, reads,
/// writes and who waits in one are told [`ConnectionAborted`](std::io::ErrorKind::ConnectionAborted).
///
/// Until it is dropped, which closes it, it counts among the connections of the client's
/// [`Limits`](crate::Limits). It is never used for another request.
///
/// ```
/// use nuncio_blocking::Client;
/// use std::io::{Read, Write};
///
/// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
/// # let url = format!("http://{}/", listener.local_addr()?);
/// # let server = std::thread::spawn(move || -> std::io::Result<()> {
/// #     let (mut socket, _) = listener.accept()?;
/// #     socket.read(&mut [0; 1024])?;
/// #     socket.write_all(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\n")?;
/// #     let mut word = [0; 5];
/// #     socket.read_exact(&mut word)?;
/// #     socket.write_all(&word.to_ascii_uppercase())
/// # });
/// let client = Client::builder().build()?;
/// let request = client.get(&url).header("Connection", "Upgrade").header("Upgrade", "shout");
/// let mut stream = request.stream()?.upgrade()?;
/// stream.write_all(b"hello")?;
/// let mut answer = String::new();
/// stream.read_to_string(&mut answer)?;
/// assert_eq!(answer, "HELLO");
/// # server.join().unwrap()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # CONNECT
///
/// `client.request("CONNECT", "http://proxy.example:3128")` asks the server at that address for a
/// tunnel. Where to is what its `Host` field says: the server itself, unless another
/// `.header("Host", "example.com:443")` is given.
pub struct Upgraded {
    tunnel: Mutex<Tunnel>,
    socket: Socket,
    /// Held by who reads.
    reading: Mutex<()>,
    /// Held by who writes.
    transmit: Mutex<Transmit>,
    tie: Tie<Socket>,
}

impl Upgraded {
    pub(crate) fn new(upgrade: Upgrade<Socket>) -> io::Result<Self> {
        let Upgrade {
            tunnel,
            socket,
            transmit,
            tie,
        } = upgrade;
        // What is left of the request's.
        socket.stream.tcp.set_read_timeout(None)?;
        Ok(Upgraded {
            tunnel: Mutex::new(tunnel),
            socket,
            reading: Mutex::new(()),
            transmit: Mutex::new(transmit),
            tie,
        })
    }

    /// The head of the response that switched.
    pub fn head(&self) -> &Head {
        self.tie.head()
    }

    /// Who is at the other end of the socket.
    pub fn peer_address(&self) -> Option<SocketAddr> {
        self.tie.peer_address()
    }

    /// Our end of the socket.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        self.socket.stream.tcp.local_addr()
    }

    /// How long one wait of a read may last before it is [`io::ErrorKind::TimedOut`], after which
    /// reading can go on. Default none: for ever.
    ///
    /// # Errors
    /// For a limit of zero.
    pub fn set_read_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        self.socket.stream.tcp.set_read_timeout(limit)
    }

    /// How long one wait of a write may last before it is [`io::ErrorKind::TimedOut`], after which
    /// writing can go on. Default none: for ever.
    ///
    /// # Errors
    /// For a limit of zero.
    pub fn set_write_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        self.socket.stream.tcp.set_write_timeout(limit)
    }

    /// Begins TLS inside, with what the client trusts, to a server whose certificate has to hold
    /// `server_name`; no protocol is offered by ALPN. The handshake may take as long as the request's
    /// limit on connecting allows.
    ///
    /// # Errors
    /// [`Kind::Connect`](crate::Kind::Connect) or
    /// [`Kind::ConnectTimeout`](crate::Kind::ConnectTimeout) when the handshake fails, and where the
    /// server has sent something already that was not read: it must not pass for what came under TLS.
    /// [`Kind::Closed`](crate::Kind::Closed) once the client was closed.
    #[cfg(feature = "tls")]
    pub fn start_tls(&mut self, server_name: &str) -> Result<(), Error> {
        let params = self.tie.tls(server_name)?;
        self.start_tls_with(params)
    }

    /// As [`start_tls`](Self::start_tls), with a TLS configuration of one's own, which is used as it is.
    ///
    /// # Errors
    /// As there.
    #[cfg(feature = "tls")]
    pub fn start_tls_with(&mut self, params: nuncio_client::TlsParams) -> Result<(), Error> {
        let (limit, now) = (self.tie.handshake_limit(), Instant::now());
        let begun = lock(&self.tunnel).start_tls(params, limit, now);
        begun.map_err(|error| self.tie.blame(error))?;
        loop {
            let (until, writes) = {
                let mut tunnel = lock(&self.tunnel);
                tunnel.handle_timeout(Instant::now());
                if let Some(error) = tunnel.failure() {
                    return Err(self.tie.blame(error.clone()));
                }
                if tunnel.is_ready() {
                    return Ok(());
                }
                (tunnel.next_timeout(), tunnel.wants_write())
            };
            // Errors are the tunnel's, too, and told by it.
            if !writes || self.send_now(&mut lock(&self.transmit)) != Sent::Some {
                let left = until.map(|until| until.saturating_duration_since(Instant::now()));
                let _ = self.wait(writes, left);
                let mut buf = lock(&self.tunnel).take_recv();
                let read = self.socket.read_now(buf.unfilled());
                let _ = self.received(buf, read);
            }
        }
    }

    /// Ends our sending, once all that was written has left; under TLS the peer is told that this is
    /// the end (`close_notify`). What the peer sends can still be read.
    ///
    /// # Errors
    /// As writing.
    pub fn shutdown(&self) -> io::Result<()> {
        self.sending(|transmit| {
            lock(&self.tunnel).shutdown();
            self.send(transmit)?;
            match self.socket.stream.tcp.shutdown(Shutdown::Write) {
                // The peer was faster.
                Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
                done => done,
            }
        })
    }

    /// Ends both ways at once. Whoever waits in a read or a write, in whatever thread, is told.
    pub fn close(&self) {
        let _ = self.socket.stream.tcp.shutdown(Shutdown::Both);
    }

    /// Two halves, for two threads. It is closed when both are dropped.
    pub fn split(self) -> (ReadHalf, WriteHalf) {
        let whole = Arc::new(self);
        (ReadHalf(Arc::clone(&whole)), WriteHalf(whole))
    }

    // ---- reading ----

    fn pull(&self, into: &mut [u8]) -> io::Result<usize> {
        let _reading = lock(&self.reading);
        loop {
            let (mut buf, writes) = {
                let mut tunnel = lock(&self.tunnel);
                match tunnel.read(into).map_err(nuncio_client::tunnel_io_error)? {
                    TunnelRead::Read(read) => return Ok(read),
                    TunnelRead::End => return Ok(0),
                    TunnelRead::Blocked => {}
                }
                (tunnel.take_recv(), tunnel.wants_write())
            };
            let read = self.receive(&mut buf, writes);
            self.received(buf, read)?;
        }
    }

    /// Waits for the peer; if something has to be sent, until that can be.
    fn receive(&self, buf: &mut RecvBuf, writes: bool) -> io::Result<usize> {
        let stuck = writes
            && match self.transmit.try_lock() {
                Ok(mut transmit) => self.send_now(&mut transmit) == Sent::Stuck,
                Err(TryLockError::Poisoned(error)) => {
                    self.send_now(&mut error.into_inner()) == Sent::Stuck
                }
                // Who writes will send it.
                Err(TryLockError::WouldBlock) => false,
            };
        if !stuck {
            let stream = &self.socket.stream;
            let read = (&stream.tcp).read(buf.unfilled())?;
            return stream.came(read);
        }
        self.wait(true, self.socket.stream.tcp.read_timeout()?)?;
        match self.socket.read_now(buf.unfilled()) {
            // It is writing that may go on.
            Err(error) if is_late(&error) => Err(io::ErrorKind::Interrupted.into()),
            read => read,
        }
    }

    fn received(&self, mut buf: RecvBuf, read: io::Result<usize>) -> io::Result<()> {
        if let Ok(read) = read {
            buf.advance(read);
        }
        let mut tunnel = lock(&self.tunnel);
        tunnel.handle_input(buf, Instant::now());
        match read {
            Ok(0) => tunnel.handle_eof(),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if is_late(&error) => return Err(io::ErrorKind::TimedOut.into()),
            Err(error) => tunnel.handle_read_error(&self.socket.stream.blame(error)),
        }
        Ok(())
    }

    /// Waits until there is something to read, or (if `write`) room to write.
    fn wait(&self, write: bool, limit: Option<Duration>) -> io::Result<()> {
        let both = PollFlags::IN | PollFlags::OUT;
        let flags = if write { both } else { PollFlags::IN };
        let limit = limit.map(|limit| Timespec {
            tv_sec: i64::try_from(limit.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: limit.subsec_nanos().into(),
        });
        let mut fds = [PollFd::new(&self.socket.stream, flags)];
        match rustix::event::poll(&mut fds, limit.as_ref()) {
            Ok(0) => Err(io::ErrorKind::TimedOut.into()),
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    // ---- writing ----

    fn push(&self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        self.sending(|transmit| {
            // What an earlier write has left when its limit had passed.
            self.send(transmit)?;
            let taken = lock(&self.tunnel).write(bytes);
            let taken = taken.map_err(nuncio_client::tunnel_io_error)?;
            match self.send(transmit) {
                // It was taken all the same: it is the next write that has to wait.
                Err(error) if error.kind() == io::ErrorKind::TimedOut => Ok(taken),
                sent => sent.map(|()| taken),
            }
        })
    }

    fn sending<T>(&self, act: impl FnOnce(&mut Transmit) -> io::Result<T>) -> io::Result<T> {
        let done = act(&mut lock(&self.transmit));
        // What a reader could not send in the meantime.
        while lock(&self.tunnel).wants_write() {
            let Ok(mut transmit) = self.transmit.try_lock() else {
                break;
            };
            if self.send_now(&mut transmit) != Sent::Some {
                break;
            }
        }
        done
    }

    /// Sends all that there is to send.
    fn send(&self, transmit: &mut Transmit) -> io::Result<()> {
        loop {
            lock(&self.tunnel).take_transmit(transmit);
            if transmit.is_empty() {
                return Ok(());
            }
            let mut slices = [IoSlice::new(&[]); Transmit::MAX_SLICES];
            let count = transmit.slices(&mut slices);
            let slices = slices.get(..count).unwrap_or_default();
            let written = (&self.socket.stream.tcp).write_vectored(slices);
            self.sent(transmit, written)?;
        }
    }

    /// Sends what can be sent without a wait.
    fn send_now(&self, transmit: &mut Transmit) -> Sent {
        let mut sent = Sent::Nothing;
        loop {
            lock(&self.tunnel).take_transmit(transmit);
            if transmit.is_empty() {
                return sent;
            }
            let mut slices = [IoSlice::new(&[]); Transmit::MAX_SLICES];
            let count = transmit.slices(&mut slices);
            let written = self
                .socket
                .write_now(slices.get(..count).unwrap_or_default());
            match self.sent(transmit, written) {
                Ok(()) => sent = Sent::Some,
                Err(_) => return Sent::Stuck,
            }
        }
    }

    fn sent(&self, transmit: &mut Transmit, written: io::Result<usize>) -> io::Result<()> {
        match written {
            Ok(written) => {
                lock(&self.tunnel).transmitted(transmit, written);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) if is_late(&error) => Err(io::ErrorKind::TimedOut.into()),
            Err(error) => {
                let error = self.socket.stream.blame(error);
                lock(&self.tunnel).handle_write_error(transmit, &error);
                Err(error)
            }
        }
    }
}

/// What came of sending without a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sent {
    /// There was nothing to be sent.
    Nothing,
    /// All that there was.
    Some,
    /// The socket takes no more, or nothing any more.
    Stuck,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The socket's limit has passed: one system calls that so, another so.
fn is_late(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}

impl Read for &Upgraded {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.pull(buf)
    }
}

impl Write for &Upgraded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.push(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sending(|transmit| self.send(transmit))
    }
}

impl Read for Upgraded {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.pull(buf)
    }
}

impl Write for Upgraded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.push(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        (&*self).flush()
    }
}

impl fmt::Debug for Upgraded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgraded")
            .field("peer_address", &self.peer_address())
            .finish_non_exhaustive()
    }
}

/// What reads of an [`Upgraded`] that was split.
#[derive(Debug)]
pub struct ReadHalf(Arc<Upgraded>);

/// What writes of an [`Upgraded`] that was split.
#[derive(Debug)]
pub struct WriteHalf(Arc<Upgraded>);

impl Read for ReadHalf {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.pull(buf)
    }
}

impl Write for WriteHalf {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.push(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        (&*self.0).flush()
    }
}

/// The whole, for its limits and its end.
impl std::ops::Deref for ReadHalf {
    type Target = Upgraded;

    fn deref(&self) -> &Upgraded {
        &self.0
    }
}

/// The whole, for its limits and its end.
impl std::ops::Deref for WriteHalf {
    type Target = Upgraded;

    fn deref(&self) -> &Upgraded {
        &self.0
    }
}
