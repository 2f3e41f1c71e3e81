//! The smallest adapter there can be, as an example for `docs/ADAPTERS.md`: the standard library, and a
//! loop that asks everything again each millisecond.
//!
//! A runtime proper is told by the system what is ready, and wakes the task that waits for it. This one
//! wakes nobody: a future that is pending is polled again soon anyhow, which is allowed, and slow.

use super::Executor;
use nuncio::{Address, BoxFuture, Runtime, Socket, SocketOptions, Timer};
use nuncio_async::{begin_connect, is_connected};
use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

/// Polls what it is given once a millisecond.
#[derive(Clone, Copy)]
pub struct Looping;

impl Executor for Looping {
    fn begin() -> Self {
        Looping
    }

    fn runtime(&self) -> Arc<dyn Runtime> {
        Arc::new(Looping)
    }

    fn block_on<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        let mut cx = Context::from_waker(Waker::noop());
        loop {
            match future.as_mut().poll(&mut cx) {
                Poll::Ready(output) => return output,
                Poll::Pending => thread::sleep(Duration::from_millis(1)),
            }
        }
    }
}

impl Runtime for Looping {
    /// Nothing has to be running already. (Polled by another executor, which waits to be woken, this
    /// one's futures would never be ready: where a thread can tell, an error belongs here.)
    fn check(&self) -> Result<u64, &'static str> {
        Ok(0)
    }

    fn now(&self) -> Instant {
        Instant::now()
    }

    fn timer(&self, at: Instant) -> Pin<Box<dyn Timer>> {
        Box::pin(At(at))
    }

    /// What is the same everywhere is done by two functions; the waiting is ours.
    fn connect(
        &self,
        to: &Address,
        options: &SocketOptions,
    ) -> BoxFuture<'static, io::Result<Box<dyn Socket>>> {
        let begun = begin_connect(to, options);
        Box::pin(async move {
            let stream = begun?;
            poll_fn(|_| match is_connected(&stream) {
                Ok(false) => Poll::Pending,
                Ok(true) => Poll::Ready(Ok(())),
                Err(error) => Poll::Ready(Err(error)),
            })
            .await?;
            Ok(Box::new(LoopingSocket(stream)) as Box<dyn Socket>)
        })
    }

    fn resolve(&self, host: &str, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        let host = host.to_owned();
        in_thread(move || Ok((host.as_str(), port).to_socket_addrs()?.collect()))
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) -> io::Result<()> {
        thread::Builder::new().spawn(move || Looping.block_on(task))?;
        Ok(())
    }

    fn run_blocking(&self, work: Box<dyn FnOnce() + Send>) -> BoxFuture<'static, io::Result<()>> {
        in_thread(move || {
            work();
            Ok(())
        })
    }
}

/// Begins `work` at once; ready when it is done, or has panicked.
fn in_thread<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> BoxFuture<'static, io::Result<T>> {
    let result = Arc::new(Mutex::new(None));
    let place = result.clone();
    let thread = thread::Builder::new().spawn(move || *place.lock().unwrap() = Some(work()));
    let mut thread = Some(thread);
    Box::pin(poll_fn(move |_| {
        if let Some(Ok(running)) = &thread
            && !running.is_finished()
        {
            return Poll::Pending;
        }
        if let Some(Err(error)) = thread.take() {
            return Poll::Ready(Err(error));
        }
        let gone = || Err(io::Error::other("the work panicked"));
        Poll::Ready(
            result
                .lock()
                .ok()
                .and_then(|mut it| it.take())
                .unwrap_or_else(gone),
        )
    }))
}

struct At(Instant);

impl Timer for At {
    fn reset(mut self: Pin<&mut Self>, at: Instant) {
        self.0 = at;
    }

    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<()> {
        if self.0 <= Instant::now() {
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

/// A socket that never blocks.
struct LoopingSocket(TcpStream);

impl Socket for LoopingSocket {
    fn poll_read(&mut self, _cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        ready(self.0.read(buf))
    }

    fn poll_write(
        &mut self,
        _cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready(self.0.write_vectored(pieces))
    }

    fn poll_shutdown(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.0.shutdown(Shutdown::Write))
    }

    fn read_now(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf)
    }
}

/// What would block is pending, and asked again in a millisecond.
fn ready(done: io::Result<usize>) -> Poll<io::Result<usize>> {
    match done {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Poll::Pending,
        done => Poll::Ready(done),
    }
}
