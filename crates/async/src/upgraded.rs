//! A connection that has left HTTP, as futures know streams.

use crate::drive::{Wired, is_retry};
use crate::runtime::Runtime;
#[cfg(feature = "tls")]
use nuncio_client::Error;
use nuncio_client::{Head, Tie, Transmit, Tunnel, TunnelRead, Upgrade, tunnel_io_error};
use std::fmt;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker, ready};

/// So much of one write is taken at once: what is taken and not sent yet is held here.
const PIECE: usize = 64 * 1024;

/// A connection that speaks HTTP no more, after a 101 that was asked for or a 2xx to CONNECT:
/// [`Streaming::upgrade`](crate::Streaming::upgrade) gives it.
///
/// It is an `AsyncRead` and `AsyncWrite` of the crate `futures`; `nuncio-tokio` makes tokio's of it.
/// Reading begins with what the server sent behind its head. What is written is sent at once, as far
/// as the socket takes it; [flush](futures_io::AsyncWrite::poll_flush) to wait for the rest. Closing
/// the writing side tells the server that this is the end, and what the server sends can still be
/// read. A read or a write whose future is dropped loses nothing. There are no limits on waiting: the
/// runtime has its own. The halves of `futures::io::split`, and of tokio's, may be used by two tasks.
/// Once the client is closed, reads, writes and who waits in one are told
/// [`ConnectionAborted`](std::io::ErrorKind::ConnectionAborted).
///
/// Until it is dropped, which closes it, it counts among the connections of the client's
/// [`Limits`](crate::Limits). It is never used for another request.
///
/// ```
/// use nuncio_async::{Client, Error, Upgraded};
///
/// async fn tunnel(client: &Client) -> Result<Upgraded, Error> {
///     let request = client.get("https://example.com/chat");
///     let request = request.header("Connection", "Upgrade").header("Upgrade", "websocket");
///     let request = request.header("Sec-WebSocket-Version", "13");
///     request.header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==").stream().await?.upgrade()
/// }
/// # let _ = tunnel;
/// ```
///
/// # CONNECT
///
/// `client.request("CONNECT", "http://proxy.example:3128")` asks the server at that address for a
/// tunnel. Where to is what its `Host` field says: the server itself, unless another
/// `.header("Host", "example.com:443")` is given.
pub struct Upgraded {
    tunnel: Tunnel,
    wired: Wired,
    transmit: Transmit,
    tasks: Arc<Tasks>,
    /// Wakes both of them.
    waker: Waker,
    runtime: Arc<dyn Runtime>,
    tie: Tie<Wired>,
}

/// The task that reads and the one that writes. A socket knows one task for each way, but reading may
/// have to send, and writing to receive: whatever happens to the socket wakes both.
#[derive(Default)]
struct Tasks {
    reader: Mutex<Option<Waker>>,
    writer: Mutex<Option<Waker>>,
}

impl Tasks {
    fn wait(place: &Mutex<Option<Waker>>, cx: &Context<'_>) {
        let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *place {
            Some(waker) => waker.clone_from(cx.waker()),
            None => *place = Some(cx.waker().clone()),
        }
    }
}

impl Wake for Tasks {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        for place in [&self.reader, &self.writer] {
            let waker = place.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }
}

impl Upgraded {
    pub(crate) fn new(upgrade: Upgrade<Wired>, runtime: Arc<dyn Runtime>) -> Self {
        let Upgrade {
            tunnel,
            socket,
            transmit,
            tie,
        } = upgrade;
        let tasks = Arc::new(Tasks::default());
        Upgraded {
            tunnel,
            wired: socket,
            transmit,
            waker: Waker::from(Arc::clone(&tasks)),
            tasks,
            runtime,
            tie,
        }
    }

    /// The head of the response that switched.
    pub fn head(&self) -> &Head {
        self.tie.head()
    }

    /// Who is at the other end of the socket.
    pub fn peer_address(&self) -> Option<SocketAddr> {
        self.tie.peer_address()
    }

    /// Begins TLS inside, with what the client trusts, to a server whose certificate has to hold
    /// `server_name`; no protocol is offered by ALPN. The handshake may take as long as the request's
    /// limit on connecting allows. Dropped, the future leaves the handshake to whoever reads or writes.
    ///
    /// # Errors
    /// [`Kind::Connect`](crate::Kind::Connect) or
    /// [`Kind::ConnectTimeout`](crate::Kind::ConnectTimeout) when the handshake fails, and where the
    /// server has sent something already that was not read: it must not pass for what came under TLS.
    /// [`Kind::Closed`](crate::Kind::Closed) once the client was closed.
    #[cfg(feature = "tls")]
    pub async fn start_tls(&mut self, server_name: &str) -> Result<(), Error> {
        let params = self.tie.tls(server_name)?;
        self.start_tls_with(params).await
    }

    /// As [`start_tls`](Self::start_tls), with a TLS configuration of one's own, which is used as it is.
    ///
    /// # Errors
    /// As there.
    #[cfg(feature = "tls")]
    pub async fn start_tls_with(&mut self, params: nuncio_client::TlsParams) -> Result<(), Error> {
        let (limit, now) = (self.tie.handshake_limit(), self.runtime.now());
        let begun = self.tunnel.start_tls(params, limit, now);
        begun.map_err(|error| self.tie.blame(error))?;
        std::future::poll_fn(|cx| self.poll_handshake(cx)).await
    }

    #[cfg(feature = "tls")]
    fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Tasks::wait(&self.tasks.reader, cx);
        loop {
            self.tunnel.handle_timeout(self.runtime.now());
            // Its last message may still have to leave; whoever reads or writes next sees to that.
            let _ = self.poll_send();
            if let Some(error) = self.tunnel.failure() {
                return Poll::Ready(Err(self.tie.blame(error.clone())));
            }
            if self.tunnel.is_ready() {
                return Poll::Ready(Ok(()));
            }
            if self.poll_receive().is_pending() {
                let (alarm, until) = (&mut self.wired.wire().alarm, self.tunnel.next_timeout());
                ready!(alarm.poll(&*self.runtime, until, cx));
            }
        }
    }

    /// Makes one read. How it went is the tunnel's to tell.
    fn poll_receive(&mut self) -> Poll<()> {
        if let Err(error) = self.tie.watch(&self.waker) {
            self.tunnel.handle_read_error(&error);
            return Poll::Ready(());
        }
        let mut cx = Context::from_waker(&self.waker);
        let mut buf = self.tunnel.take_recv();
        let read = self.wired.wire().socket.poll_read(&mut cx, buf.unfilled());
        let now = self.runtime.now();
        match read {
            Poll::Ready(read) => {
                buf.advance(read.as_ref().copied().unwrap_or(0));
                self.tunnel.handle_input(buf, now);
                match read {
                    Ok(0) => self.tunnel.handle_eof(),
                    Err(error) if !is_retry(&error) => self.tunnel.handle_read_error(&error),
                    _ => {}
                }
                Poll::Ready(())
            }
            Poll::Pending => {
                self.tunnel.handle_input(buf, now);
                Poll::Pending
            }
        }
    }

    /// Sends all that there is to send.
    fn poll_send(&mut self) -> Poll<io::Result<()>> {
        let mut cx = Context::from_waker(&self.waker);
        loop {
            self.tunnel.take_transmit(&mut self.transmit);
            if self.transmit.is_empty() {
                return Poll::Ready(Ok(()));
            }
            let mut slices = [IoSlice::new(&[]); Transmit::MAX_SLICES];
            let count = self.transmit.slices(&mut slices);
            let slices = slices.get(..count).unwrap_or_default();
            let written = match self.tie.watch(&self.waker) {
                Ok(()) => ready!(self.wired.wire().socket.poll_write(&mut cx, slices)),
                Err(error) => Err(error),
            };
            match written {
                Ok(written) => {
                    self.tunnel.transmitted(&mut self.transmit, written);
                }
                Err(error) => {
                    self.tunnel.handle_write_error(&mut self.transmit, &error);
                    return Poll::Ready(Err(error));
                }
            }
        }
    }
}

impl futures_io::AsyncRead for Upgraded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        loop {
            match this.tunnel.read(buf).map_err(tunnel_io_error)? {
                TunnelRead::Read(read) => return Poll::Ready(Ok(read)),
                TunnelRead::End => return Poll::Ready(Ok(0)),
                TunnelRead::Blocked => {}
            }
            Tasks::wait(&this.tasks.reader, cx);
            // The peer may be waiting for what was written and has not left. That it cannot leave is
            // for who writes to be told.
            let _ = this.poll_send();
            ready!(this.poll_receive());
        }
    }
}

impl futures_io::AsyncWrite for Upgraded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let piece = bytes.get(..PIECE).unwrap_or(bytes);
        if piece.is_empty() {
            return Poll::Ready(Ok(0));
        }
        Tasks::wait(&this.tasks.writer, cx);
        loop {
            ready!(this.poll_send())?;
            match this.tunnel.write(piece).map_err(tunnel_io_error)? {
                // A handshake that nobody waited for to its end.
                0 => ready!(this.poll_receive()),
                taken => {
                    if let Poll::Ready(Err(error)) = this.poll_send() {
                        return Poll::Ready(Err(error));
                    }
                    return Poll::Ready(Ok(taken));
                }
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Tasks::wait(&self.tasks.writer, cx);
        self.poll_send()
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        Tasks::wait(&this.tasks.writer, cx);
        this.tunnel.shutdown();
        ready!(this.poll_send())?;
        let mut cx = Context::from_waker(&this.waker);
        match this.wired.wire().socket.poll_shutdown(&mut cx) {
            // The peer was faster.
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::NotConnected => {
                Poll::Ready(Ok(()))
            }
            Poll::Ready(done) => Poll::Ready(done),
            Poll::Pending => match this.tie.watch(&this.waker) {
                Ok(()) => Poll::Pending,
                Err(error) => Poll::Ready(Err(error)),
            },
        }
    }
}

impl fmt::Debug for Upgraded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgraded")
            .field("peer_address", &self.peer_address())
            .finish_non_exhaustive()
    }
}
