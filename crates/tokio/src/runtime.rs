//! tokio's sockets, timers and look-ups, as the client wants them.

use nuncio_async::{Address, BoxFuture, Runtime, Socket, SocketOptions, Timer, begin_connect};
use std::future::Future;
use std::hash::{Hash, Hasher};
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::time::{Instant as TokioInstant, Sleep, sleep_until};

/// tokio, as a [`Runtime`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Tokio;

impl Runtime for Tokio {
    fn check(&self) -> Result<u64, &'static str> {
        let handle = Handle::try_current()
            .map_err(|_| "no tokio runtime is running here: await this request inside one")?;
        let mut number = Number(0);
        handle.id().hash(&mut number);
        Ok(number.0)
    }

    fn now(&self) -> Instant {
        TokioInstant::now().into_std()
    }

    fn timer(&self, at: Instant) -> Pin<Box<dyn Timer>> {
        Box::pin(TokioTimer(Box::pin(sleep_until(at.into()))))
    }

    fn connect(
        &self,
        to: &Address,
        options: &SocketOptions,
    ) -> BoxFuture<'static, io::Result<Box<dyn Socket>>> {
        let begun = begin_connect(to, options);
        Box::pin(async move {
            let stream = TcpStream::from_std(begun?)?;
            stream.writable().await?;
            match stream.take_error()? {
                Some(error) => Err(error),
                None => Ok(Box::new(TokioSocket(stream)) as Box<dyn Socket>),
            }
        })
    }

    fn resolve(&self, host: &str, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        let host = host.to_owned();
        Box::pin(async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) })
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) -> io::Result<()> {
        let handle = Handle::try_current().map_err(io::Error::other)?;
        handle.spawn(task);
        Ok(())
    }

    fn run_blocking(&self, work: Box<dyn FnOnce() + Send>) -> BoxFuture<'static, io::Result<()>> {
        let handle = Handle::try_current().map_err(io::Error::other);
        let task = handle.map(|handle| handle.spawn_blocking(work));
        Box::pin(async move { Ok(task?.await?) })
    }
}

/// A runtime's id is one number that can only be hashed: this takes it as it is.
struct Number(u64);

impl Hasher for Number {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 << 8) | u64::from(*byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

struct TokioTimer(Pin<Box<Sleep>>);

impl Timer for TokioTimer {
    fn reset(mut self: Pin<&mut Self>, at: Instant) {
        self.0.as_mut().reset(at.into());
    }

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(cx)
    }
}

struct TokioSocket(TcpStream);

impl Socket for TokioSocket {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buf = ReadBuf::new(buf);
        ready!(Pin::new(&mut self.0).poll_read(cx, &mut buf))?;
        Poll::Ready(Ok(buf.filled().len()))
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, pieces)
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }

    /// tokio remembers whether a socket was readable; the system call knows.
    #[cfg(unix)]
    fn read_now(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let (read, _) = rustix::net::recv(&self.0, buf, rustix::net::RecvFlags::DONTWAIT)?;
        Ok(read)
    }

    #[cfg(not(unix))]
    fn read_now(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(buf)
    }
}
