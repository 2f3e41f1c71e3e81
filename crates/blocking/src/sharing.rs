//! Threads that share one HTTP/2 connection: one of them leads, the others follow.
//!
//! There is no thread of the connection's own. Whoever waits for something and finds nobody waiting
//! on the socket becomes the leader: it reads for everybody, which wakes those whose exchange came
//! further, and when it has what it wanted itself, it wakes one follower to lead on. The rules that
//! make this work:
//!
//! - Locks are taken in this order: what is being written, the machine, who leads. None but the
//!   first is held during a system call.
//! - Nobody waits for the writer: whoever holds it looks for new output once more after letting it
//!   go, so that output which came in between is not left lying.
//! - Only the leader waits for the socket. Everybody else sends without waiting, and when the socket
//!   takes no more, tells the leader by an alarm.
//! - A follower keeps the deadlines too: it sleeps no longer than the machine's next one.

use crate::driver::{Unpark, finish_read, is_retry, park};
use crate::socket::Socket;
use nuncio_client::{Error, Kind, Machine, Mover, Shared, StreamId, Transmit, earliest};
use rustix::event::{PollFd, PollFlags, Timespec};
use std::io::{self, IoSlice};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak};
use std::task::{Wake, Waker};
use std::time::Instant;

/// What stands beside the socket of a connection that is shared.
#[derive(Debug)]
pub(crate) struct Line {
    lead: Mutex<Lead>,
    alarm: Alarm,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lead {
    Nobody,
    /// Somebody leads and will look at the machine before it waits.
    Awake,
    /// The leader waits for the socket to be readable, writable, or for the alarm.
    Waiting {
        read: bool,
        write: bool,
    },
    /// The leader was waiting, and the alarm sounds or is about to.
    Alarmed,
}

impl Line {
    fn lead(&self) -> MutexGuard<'_, Lead> {
        self.lead.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes a connection one that threads share.
pub(crate) fn begin(shared: &Arc<Shared<Socket>>, now: Instant) -> Result<(), Error> {
    let alarm = Alarm::new().map_err(|error| Error::io(Kind::Connect, error))?;
    let lead = Mutex::new(Lead::Nobody);
    let _ = shared.socket.line.set(Line { lead, alarm });
    let mut machine = shared.lock();
    machine.mover = Mover {
        waker: Some(Waker::from(Arc::new(Writer(Arc::downgrade(shared))))),
        reads: true,
        // Whoever waits keeps the deadlines.
        until: Some(now),
        ..Mover::default()
    };
    shared.release(machine);
    Ok(())
}

/// One read that does not wait, if nobody else reads.
pub(crate) fn probe(shared: &Arc<Shared<Socket>>, now: Instant) {
    let Some(line) = shared.socket.line.get() else {
        return;
    };
    let mut machine = shared.lock();
    machine.expire(now);
    if !line.take_lead() {
        return shared.release(machine);
    }
    shared.release(machine);
    read(shared, now);
    let machine = shared.lock();
    hand_over(shared, line, machine, true);
}

/// Waits until something has happened to the stream, or there is room for one, or `end` has come, and
/// gives the time after it.
pub(crate) fn wait(
    stream: Option<(&Arc<Shared<Socket>>, Option<StreamId>)>,
    end: Option<Instant>,
    now: Instant,
) -> Instant {
    let Some((shared, id)) = stream else {
        return now;
    };
    let Some(line) = shared.socket.line.get() else {
        return now;
    };
    let (mut now, mut leading) = (now, false);
    WAKER.with(|waker| {
        loop {
            let mut machine = shared.lock();
            if machine.expire(now) {
                // It may have been this stream's time, and nothing else may happen for ever.
                shared.release(machine);
                machine = shared.lock();
            }
            let over = end.is_some_and(|end| end <= now);
            if machine.poll_stream(id, waker).is_ready() || over {
                // Who leaves is none of those who could lead on.
                machine.stop_waiting(id);
                hand_over(shared, line, machine, leading);
                return now;
            }
            leading = leading || line.take_lead();
            if leading {
                now = lead(shared, line, machine, end);
            } else {
                let until = earliest(machine.connection.next_timeout(), end);
                shared.release(machine);
                now = park(until, now);
            }
        }
    })
}

thread_local! {
    static WAKER: Waker = Waker::from(Arc::new(Unpark(std::thread::current())));
}

/// Waits for the socket once, and takes in what it has.
fn lead(
    shared: &Arc<Shared<Socket>>,
    line: &Line,
    mut machine: MutexGuard<'_, Machine>,
    end: Option<Instant>,
) -> Instant {
    let (reads, writes) = (machine.connection.wants_read(), machine.mover.stuck);
    let until = earliest(machine.connection.next_timeout(), end);
    *line.lead() = Lead::Waiting {
        read: reads,
        write: writes,
    };
    machine.mover.reads = reads;
    shared.release(machine);
    let (readable, writable) = line.poll(&shared.socket, reads, writes, until);
    let now = Instant::now();
    let mut machine = shared.lock();
    let before = std::mem::replace(&mut *line.lead(), Lead::Awake);
    machine.mover.reads = true;
    machine.mover.stuck &= !writable;
    shared.release(machine);
    if before == Lead::Alarmed {
        line.alarm.clear();
    }
    if readable {
        read(shared, now);
    }
    now
}

fn read(shared: &Arc<Shared<Socket>>, now: Instant) {
    let mut machine = shared.lock();
    let mut buf = machine.connection.take_recv();
    shared.release(machine);
    let read = shared.socket.read_now(buf.unfilled());
    let mut machine = shared.lock();
    finish_read(&mut machine.connection, buf, read, now);
    shared.release(machine);
}

/// Lets the machine go. If nobody leads then, one of those who wait is woken to do so.
fn hand_over(
    shared: &Arc<Shared<Socket>>,
    line: &Line,
    mut machine: MutexGuard<'_, Machine>,
    leading: bool,
) {
    let next = {
        let mut lead = line.lead();
        if leading {
            *lead = Lead::Nobody;
        }
        match *lead {
            Lead::Nobody => machine.any_waiting(),
            _ => None,
        }
    };
    shared.release(machine);
    if let Some(next) = next {
        next.wake();
    }
}

impl Line {
    /// Whether nobody led: the caller does from now on.
    fn take_lead(&self) -> bool {
        let mut lead = self.lead();
        let free = *lead == Lead::Nobody;
        if free {
            *lead = Lead::Awake;
        }
        free
    }

    /// Tells a leader that waits, and not for what it should wait for now.
    fn check(&self, machine: &Machine) -> bool {
        let mut lead = self.lead();
        let Lead::Waiting { read, write } = *lead else {
            return false;
        };
        let other = (!read && machine.connection.wants_read()) || (!write && machine.mover.stuck);
        if other {
            *lead = Lead::Alarmed;
        }
        other
    }

    fn poll(
        &self,
        socket: &Socket,
        read: bool,
        write: bool,
        until: Option<Instant>,
    ) -> (bool, bool) {
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        let timeout = self.alarm.at_most(left).map(|left| Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: left.subsec_nanos().into(),
        });
        let mut interest = PollFlags::empty();
        interest.set(PollFlags::IN, read);
        interest.set(PollFlags::OUT, write);
        let socket = PollFd::new(&*socket.stream, interest);
        // An interrupted wait is one that ends early.
        let got = self.alarm.poll(socket, timeout.as_ref());
        let broken = got.intersects(PollFlags::HUP | PollFlags::ERR);
        (
            read && (broken || got.contains(PollFlags::IN)),
            write && (broken || got.contains(PollFlags::OUT)),
        )
    }
}

/// Woken when there is output: writes it there and then, in the thread that has brought it about.
struct Writer(Weak<Shared<Socket>>);

impl Wake for Writer {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if let Some(shared) = self.0.upgrade() {
            flush(&shared);
        }
    }
}

/// Writes what there is to write, unless somebody else is at it.
fn flush(shared: &Arc<Shared<Socket>>) {
    loop {
        match shared.transmit.try_lock() {
            Ok(mut batch) => write(shared, &mut batch),
            Err(TryLockError::Poisoned(batch)) => write(shared, &mut batch.into_inner()),
            Err(TryLockError::WouldBlock) => return,
        }
        let mut machine = shared.lock();
        // Whoever came with more output while the lock was held has left it to us.
        let more = machine.connection.wants_write() && !machine.mover.stuck;
        machine.mover.awake = more;
        let line = shared.socket.line.get();
        let alarm = line.filter(|line| line.check(&machine));
        drop(machine);
        if let Some(line) = alarm {
            line.alarm.sound();
        }
        if !more {
            return;
        }
    }
}

fn write(shared: &Arc<Shared<Socket>>, batch: &mut Transmit) {
    loop {
        if batch.is_empty() {
            let mut machine = shared.lock();
            machine.connection.take_transmit(batch);
            shared.release(machine);
            if batch.is_empty() {
                return;
            }
        }
        let mut slices = [IoSlice::new(&[]); Transmit::MAX_SLICES];
        let count = batch.slices(&mut slices);
        let sent = shared
            .socket
            .write_now(slices.get(..count).unwrap_or_default());
        let mut machine = shared.lock();
        machine.mover.stuck = false;
        match sent {
            Ok(sent) => machine.connection.transmitted(batch, sent, Instant::now()),
            Err(error) if is_retry(&error) => machine.mover.stuck = true,
            Err(error) => machine.connection.handle_write_error(batch, &error),
        }
        let stuck = machine.mover.stuck;
        shared.release(machine);
        if stuck {
            return;
        }
    }
}

/// How a leader that waits for the socket is told to look at the machine again.
#[cfg(unix)]
#[derive(Debug)]
struct Alarm {
    reader: io::PipeReader,
    writer: io::PipeWriter,
}

#[cfg(unix)]
impl Alarm {
    fn new() -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        Ok(Self { reader, writer })
    }

    fn at_most(&self, left: Option<std::time::Duration>) -> Option<std::time::Duration> {
        left
    }

    fn poll(&self, socket: PollFd<'_>, timeout: Option<&Timespec>) -> PollFlags {
        let mut fds = [socket, PollFd::new(&self.reader, PollFlags::IN)];
        let _ = rustix::event::poll(&mut fds, timeout);
        let [socket, _] = fds;
        socket.revents()
    }

    fn sound(&self) {
        use std::io::Write;
        // A pipe that does not hold one byte would hold enough of them already.
        let _ = (&self.writer).write(&[0]);
    }

    /// Takes the one byte that was promised, even if it is still on its way.
    fn clear(&self) {
        use std::io::Read;
        let _ = (&self.reader).read(&mut [0]);
    }
}

/// A pipe cannot be waited for beside a socket: the leader looks again every so often.
#[cfg(not(unix))]
#[derive(Debug)]
struct Alarm;

#[cfg(not(unix))]
impl Alarm {
    fn new() -> io::Result<Self> {
        Ok(Alarm)
    }

    fn at_most(&self, left: Option<std::time::Duration>) -> Option<std::time::Duration> {
        let often = std::time::Duration::from_millis(10);
        Some(left.map_or(often, |left| left.min(often)))
    }

    fn poll(&self, socket: PollFd<'_>, timeout: Option<&Timespec>) -> PollFlags {
        let mut fds = [socket];
        let _ = rustix::event::poll(&mut fds, timeout);
        let [socket] = fds;
        socket.revents()
    }

    fn sound(&self) {}

    fn clear(&self) {}
}
