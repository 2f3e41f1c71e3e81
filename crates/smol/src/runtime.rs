//! smol's sockets, timers, look-ups and tasks, as the client wants them.

use async_executor::Executor;
use async_io::Async;
use futures_io::{AsyncRead, AsyncWrite};
use nuncio_async::{Address, BoxFuture, Runtime, Socket, SocketOptions, Timer, begin_connect};
use std::future::{Future, pending};
use std::io::{self, IoSlice, Read};
use std::net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use std::thread;
use std::time::Instant;

/// smol, as a [`Runtime`]: async-io's reactor, the threads of `blocking`, and one thread for tasks
/// once there is one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Smol;

impl Runtime for Smol {
    /// Always there, and always the same one: the reactor is the process's.
    fn check(&self) -> Result<u64, &'static str> {
        Ok(0)
    }

    fn now(&self) -> Instant {
        Instant::now()
    }

    fn timer(&self, at: Instant) -> Pin<Box<dyn Timer>> {
        Box::pin(SmolTimer(async_io::Timer::at(at)))
    }

    fn connect(
        &self,
        to: &Address,
        options: &SocketOptions,
    ) -> BoxFuture<'static, io::Result<Box<dyn Socket>>> {
        let begun = begin_connect(to, options);
        Box::pin(async move {
            let stream = Async::new_nonblocking(begun?)?;
            stream.writable().await?;
            match stream.get_ref().take_error()? {
                Some(error) => Err(error),
                None => Ok(Box::new(SmolSocket(stream)) as Box<dyn Socket>),
            }
        })
    }

    fn resolve(&self, host: &str, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        let host = host.to_owned();
        Box::pin(blocking::unblock(move || {
            Ok((host.as_str(), port).to_socket_addrs()?.collect())
        }))
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) -> io::Result<()> {
        executor()?.spawn(task).detach();
        Ok(())
    }

    fn run_blocking(&self, work: Box<dyn FnOnce() + Send>) -> BoxFuture<'static, io::Result<()>> {
        let work = move || {
            let done = catch_unwind(AssertUnwindSafe(work));
            done.map_err(|_| io::Error::other("blocking work panicked"))
        };
        Box::pin(Work(Some(blocking::unblock(work))))
    }
}

/// What runs tasks. smol leaves executors to the program, so there is none to be found: this one
/// has a thread of its own, begun with the first task.
fn executor() -> io::Result<&'static Executor<'static>> {
    static EXECUTOR: Executor<'static> = Executor::new();
    static RUNS: Mutex<bool> = Mutex::new(false);
    let mut runs = RUNS.lock().unwrap_or_else(PoisonError::into_inner);
    if !*runs {
        let forever = || async_io::block_on(EXECUTOR.run(pending::<()>()));
        // A task that panics takes none of the others with it.
        let run = move || while catch_unwind(forever).is_err() {};
        let thread = thread::Builder::new().name("nuncio-smol".to_owned());
        thread.spawn(run)?;
        *runs = true;
    }
    Ok(&EXECUTOR)
}

/// Work on one of the threads for it. Dropped, it goes on, where a task of `blocking` would not
/// be begun any more.
struct Work(Option<blocking::Task<io::Result<()>>>);

impl Future for Work {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Some(task) => Pin::new(task).poll(cx),
            None => Poll::Pending,
        }
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        if let Some(task) = self.0.take() {
            task.detach();
        }
    }
}

struct SmolTimer(async_io::Timer);

impl Timer for SmolTimer {
    fn reset(mut self: Pin<&mut Self>, at: Instant) {
        self.0.set_at(at);
    }

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(cx).map(drop)
    }
}

struct SmolSocket(Async<TcpStream>);

impl Socket for SmolSocket {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut &self.0).poll_read(cx, buf)
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &self.0).poll_write_vectored(cx, pieces)
    }

    fn poll_shutdown(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.0.get_ref().shutdown(Shutdown::Write))
    }

    /// The system call: the reactor is not asked, and the socket never blocks.
    fn read_now(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.get_ref().read(buf)
    }
}
