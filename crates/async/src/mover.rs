//! The task that moves the bytes of a connection which several requests share.

use crate::drive::{Alarm, STREAK, Wire, Wired, finish_read, is_retry};
use crate::runtime::Runtime;
use nuncio_client::{Error, Kind, Mover, RecvBuf, Shared, StreamId, Transmit};
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Instant;

/// Ready when something has happened to the stream, or there is room for one, or `until` has come, and
/// gives the time; a body from elsewhere, which has no connection, wakes whoever asked it.
pub(crate) fn poll_news(
    stream: Option<(&Arc<Shared<Wired>>, Option<StreamId>)>,
    alarm: &mut Alarm,
    runtime: &dyn Runtime,
    until: Option<Instant>,
    cx: &mut Context<'_>,
) -> Poll<Instant> {
    let news = match stream {
        Some((shared, id)) => shared.poll_stream(id, cx.waker()),
        None => Poll::Pending,
    };
    if news.is_pending() {
        ready!(alarm.poll(runtime, until, cx));
    }
    Poll::Ready(runtime.now())
}

/// One read that does not wait. A task that is reading itself needs no help; one whose runtime has
/// not run for a while may have missed something.
pub(crate) fn probe(shared: &Arc<Shared<Wired>>, now: Instant) {
    let Some(mut wire) = shared.socket.try_lock() else {
        return;
    };
    let mut machine = shared.lock();
    if !machine.connection.wants_read() {
        return shared.release(machine);
    }
    let mut buf = machine.connection.take_recv();
    shared.release(machine);
    let read = wire.socket.read_now(buf.unfilled());
    let mut machine = shared.lock();
    finish_read(&mut machine.connection, buf, read, now);
    shared.release(machine);
}

/// Starts the task of a connection. It ends with the connection, and the connection with it.
pub(crate) fn spawn(shared: &Arc<Shared<Wired>>, runtime: &Arc<dyn Runtime>) -> Result<(), Error> {
    let task = Task {
        shared: Arc::clone(shared),
        runtime: Arc::clone(runtime),
        over: false,
    };
    runtime
        .spawn(Box::pin(task))
        .map_err(|error| Error::io(Kind::Usage, error))
}

struct Task {
    shared: Arc<Shared<Wired>>,
    runtime: Arc<dyn Runtime>,
    over: bool,
}

/// What a look at the machine says is to be done with the socket.
struct Work {
    buf: Option<RecvBuf>,
    until: Option<Instant>,
    closing: bool,
}

impl Future for Task {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let mut wire = this.shared.socket.lock();
        let transmit = this.shared.transmit.lock();
        let mut transmit = transmit.unwrap_or_else(PoisonError::into_inner);
        let over = ready!(move_bytes(
            &this.shared,
            &*this.runtime,
            &mut wire,
            &mut transmit,
            cx
        ));
        this.over = over;
        Poll::Ready(())
    }
}

/// Moves bytes until there is nothing to move, and leaves word of what is waited for. Ready when the
/// connection has come to its end.
fn move_bytes(
    shared: &Arc<Shared<Wired>>,
    runtime: &dyn Runtime,
    wire: &mut Wire,
    transmit: &mut Transmit,
    cx: &mut Context<'_>,
) -> Poll<bool> {
    let mut streak = 0;
    loop {
        let now = runtime.now();
        let Work {
            buf,
            until,
            closing,
        } = look(shared, transmit, now);
        if closing && transmit.is_empty() {
            return Poll::Ready(true);
        }
        let wrote = poll_write(wire, transmit, cx);
        if closing && wrote.is_pending() {
            // A goodbye that nobody takes.
            return Poll::Ready(true);
        }
        let mut ended = false;
        let (mut reads, mut read) = (false, None);
        if let Some(mut buf) = buf {
            match wire.socket.poll_read(cx, buf.unfilled()) {
                Poll::Ready(got) => {
                    ended = matches!(&got, Ok(0)) || got.as_ref().is_err_and(|e| !is_retry(e));
                    read = Some((buf, got));
                }
                Poll::Pending => {
                    reads = true;
                    read = Some((buf, Err(io::ErrorKind::WouldBlock.into())));
                }
            }
        }
        // Out of bytes for the socket to give or take: it has the waker now.
        let stuck = wrote.is_pending() && !transmit.is_empty();
        let moved = !reads && read.is_some() || matches!(wrote, Poll::Ready(Some(_)));
        streak += 1;
        let waits = !moved || streak == STREAK;
        let mut machine = shared.lock();
        match wrote {
            Poll::Ready(Some(Ok(written))) => {
                machine.connection.transmitted(transmit, written, now);
            }
            Poll::Ready(Some(Err(error))) => {
                machine.connection.handle_write_error(transmit, &error);
            }
            _ => {}
        }
        if let Some((buf, got)) = read {
            finish_read(&mut machine.connection, buf, got, now);
        }
        if ended {
            machine.mover = Mover {
                awake: true,
                ..Mover::default()
            };
            shared.release(machine);
            return Poll::Ready(true);
        }
        if !waits {
            shared.release(machine);
            continue;
        }
        if moved {
            // Others have their turn.
            shared.release(machine);
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let next = machine.connection.next_timeout().or(until);
        if wire.alarm.poll(runtime, next, cx).is_ready() {
            shared.release(machine);
            continue;
        }
        match &mut machine.mover.waker {
            Some(known) => known.clone_from(cx.waker()),
            None => machine.mover.waker = Some(cx.waker().clone()),
        }
        machine.mover.awake = false;
        machine.mover.reads = reads;
        machine.mover.stuck = stuck;
        machine.mover.until = next;
        // What came to be wanted while it was not locked is told by this.
        shared.release(machine);
        return Poll::Pending;
    }
}

/// Takes what is to be written, and a buffer to read into.
fn look(shared: &Arc<Shared<Wired>>, transmit: &mut Transmit, now: Instant) -> Work {
    let mut machine = shared.lock();
    machine.mover.awake = true;
    machine.expire(now);
    let connection = &mut machine.connection;
    if connection.wants_write() {
        connection.take_transmit(transmit);
    }
    let work = Work {
        buf: connection.wants_read().then(|| connection.take_recv()),
        until: connection.next_timeout(),
        closing: machine.is_closing(),
    };
    shared.release(machine);
    work
}

/// One write, if there is anything to write.
fn poll_write(
    wire: &mut Wire,
    transmit: &Transmit,
    cx: &mut Context<'_>,
) -> Poll<Option<io::Result<usize>>> {
    if transmit.is_empty() {
        return Poll::Ready(None);
    }
    let mut slices = [IoSlice::new(&[]); Transmit::MAX_SLICES];
    let count = transmit.slices(&mut slices);
    let pieces = slices.get(..count).unwrap_or_default();
    wire.socket.poll_write(cx, pieces).map(Some)
}

/// A runtime that shuts down drops its tasks: requests elsewhere that wait for this one are told.
impl Drop for Task {
    fn drop(&mut self) {
        if !self.over {
            self.shared.abandon();
        }
    }
}
