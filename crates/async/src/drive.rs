//! Moving one connection's bytes from within a poll.

use crate::runtime::{Runtime, Socket, Timer};
use nuncio_client::{Connection, Lane, RecvBuf, Transmit, earliest};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Instant;

/// A socket, and the one timer of its connection. The lock is for connections that are shared; whoever
/// has one to itself goes past it.
pub(crate) struct Wired(Mutex<Wire>);

pub(crate) struct Wire {
    pub(crate) socket: Box<dyn Socket>,
    pub(crate) alarm: Alarm,
    /// How many times in a row bytes were moved without a wait.
    pub(crate) streak: u8,
}

impl Wired {
    pub(crate) fn new(socket: Box<dyn Socket>) -> Self {
        Wired(Mutex::new(Wire {
            socket,
            alarm: Alarm::default(),
            streak: 0,
        }))
    }

    pub(crate) fn wire(&mut self) -> &mut Wire {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, Wire>> {
        self.0.try_lock().ok()
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Wire> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// So often bytes are moved in a row before the task yields. A peer as fast as its reader would
/// otherwise keep the task from all else that it waits for, and its executor from other tasks: only
/// some runtimes count for themselves.
pub(crate) const STREAK: u8 = 64;

/// A timer that is set again only when it must fire earlier than it would.
#[derive(Default)]
pub(crate) struct Alarm {
    timer: Option<Pin<Box<dyn Timer>>>,
    at: Option<Instant>,
}

impl Alarm {
    /// Ready at `until`, or a little earlier now and then: ask the clock.
    pub(crate) fn poll(
        &mut self,
        runtime: &dyn Runtime,
        until: Option<Instant>,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        let Some(until) = until else {
            return Poll::Pending;
        };
        let timer = match &mut self.timer {
            Some(timer) => {
                if self.at.is_none_or(|at| at > until) {
                    timer.as_mut().reset(until);
                    self.at = Some(until);
                }
                timer
            }
            None => {
                self.at = Some(until);
                self.timer.insert(runtime.timer(until))
            }
        };
        ready!(timer.as_mut().poll(cx));
        // It has fired: whoever needs it next sets it.
        self.at = None;
        Poll::Ready(())
    }

    /// Ready at `until` and not before.
    pub(crate) fn poll_at(
        &mut self,
        runtime: &dyn Runtime,
        until: Option<Instant>,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        loop {
            ready!(self.poll(runtime, until, cx));
            if until.is_none_or(|until| until <= runtime.now()) {
                return Poll::Ready(());
            }
        }
    }
}

/// One read that does not wait, to see what an idle connection has to say. Mostly that is nothing,
/// and no buffer is taken for it.
pub(crate) fn probe(lane: &mut Lane<Wired>, now: Instant) {
    let mut first = [0];
    let socket = &mut lane.socket.wire().socket;
    let read = socket.read_now(&mut first);
    if read.as_ref().is_err_and(is_retry) {
        return;
    }
    let mut buf = lane.connection.take_recv();
    let read = match (read, buf.unfilled()) {
        (Ok(1), [place, ..]) => {
            [*place] = first;
            buf.advance(1);
            socket.read_now(buf.unfilled())
        }
        (read, _) => read,
    };
    finish_read(&mut lane.connection, buf, read, now);
}

/// Moves bytes until something was moved or `until` has come, and gives the time to go on with;
/// else the task will be woken.
pub(crate) fn poll_drive(
    lane: &mut Lane<Wired>,
    runtime: &dyn Runtime,
    until: Option<Instant>,
    now: Instant,
    cx: &mut Context<'_>,
) -> Poll<Instant> {
    let mut now = now;
    let mut moved = false;
    let Lane {
        connection,
        socket,
        transmit,
        ..
    } = lane;
    let socket = socket.wire();
    if socket.streak == STREAK {
        socket.streak = 0;
        cx.waker().wake_by_ref();
        return Poll::Pending;
    }
    socket.streak += 1;
    if connection.wants_write() {
        connection.take_transmit(transmit);
        let mut slices = [IoSlice::new(&[]); Transmit::MAX_SLICES];
        let count = transmit.slices(&mut slices);
        let pieces = slices.get(..count).unwrap_or_default();
        match socket.socket.poll_write(cx, pieces) {
            Poll::Ready(Ok(written)) => {
                // What went in one piece took no time worth a look at the clock.
                if written < transmit.len() {
                    now = runtime.now();
                }
                connection.transmitted(transmit, written, now);
                moved = !connection.awaits_answer();
            }
            Poll::Ready(Err(error)) => {
                connection.handle_write_error(transmit, &error);
                moved = true;
            }
            Poll::Pending => {}
        }
    }
    if !moved && connection.wants_read() {
        let mut buf = connection.take_recv();
        match socket.socket.poll_read(cx, buf.unfilled()) {
            Poll::Ready(read) => {
                finish_read(connection, buf, read, now);
                return Poll::Ready(now);
            }
            Poll::Pending => connection.handle_input(buf, now),
        }
    }
    if moved {
        return Poll::Ready(now);
    }
    socket.streak = 0;
    // What a write has just started may have changed the deadline.
    let until = earliest(connection.next_timeout(), until);
    ready!(socket.alarm.poll(runtime, until, cx));
    Poll::Ready(runtime.now())
}

pub(crate) fn finish_read(
    connection: &mut Connection,
    mut buf: RecvBuf,
    read: io::Result<usize>,
    now: Instant,
) {
    if let Ok(read) = read {
        buf.advance(read);
    }
    connection.handle_input(buf, now);
    match read {
        Ok(0) => connection.handle_eof(),
        Ok(_) => {}
        Err(error) if is_retry(&error) => {}
        Err(error) => connection.handle_read_error(&error),
    }
}

pub(crate) fn is_retry(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}
