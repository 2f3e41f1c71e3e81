//! Plain threads that share one connection: one of them leads, the others follow.
//!
//! There is no thread of the connection's own. Whoever waits for something and finds nobody
//! waiting on the socket becomes the leader: it reads for everybody, wakes those whose exchange
//! came further, and when it has what it wanted itself, it wakes exactly one follower to lead on.
//! The rules that make this work:
//!
//! - Two locks, `writer` before `machine`; the machine's is never held during a system call.
//! - Nobody waits for the writer: whoever holds it looks for new output once more after letting
//!   it go, so that output which came in between is not left lying.
//! - Only the leader waits for the socket, in both directions. Everybody else sends without
//!   waiting, and when the socket takes no more, tells the leader by an alarm.
//! - A follower keeps its own deadlines: it sleeps no longer than the machine's next one.

use std::io::{self, IoSlice, PipeReader, PipeWriter, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Instant;

use nuncio_connection::{Connection, StreamId, Transmit};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags};

/// A connection and its socket, for any number of threads at once.
pub struct Shared {
    machine: Mutex<Machine>,
    /// What is being written. Whoever holds it, writes.
    writer: Mutex<Transmit>,
    socket: TcpStream,
    alarm: Alarm,
}

/// What somebody waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// The handshake, or room for another stream.
    Connection,
    /// An exchange.
    Stream(StreamId),
}

struct Machine {
    connection: Connection,
    lead: Lead,
    /// The socket took no more; the leader tries again when it does.
    stuck: bool,
    followers: Vec<Follower>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Lead {
    Nobody,
    /// Somebody leads and will look at the machine before it waits.
    Awake,
    /// The leader waits for the socket to be readable, writable, or for the alarm.
    Waiting {
        read: bool,
        write: bool,
    },
    /// The leader was waiting, and a byte is in the alarm or about to be.
    Alarmed,
}

struct Follower {
    on: Wait,
    wake: Arc<Condvar>,
    called: bool,
}

type Guard<'a> = MutexGuard<'a, Machine>;

impl Shared {
    /// Shares `connection` over `socket`.
    ///
    /// # Errors
    /// When no pipe can be made for the alarm.
    pub fn new(connection: Connection, socket: TcpStream) -> io::Result<Self> {
        let (lead, stuck, followers) = (Lead::Nobody, false, Vec::new());
        Ok(Self {
            machine: Mutex::new(Machine {
                connection,
                lead,
                stuck,
                followers,
            }),
            writer: Mutex::default(),
            socket,
            alarm: Alarm::new()?,
        })
    }

    /// Waits until `attempt` gives something. It is called with the machine's lock held, so it
    /// must not wait itself; `None` says that the connection has to come further first.
    pub fn wait<T>(
        &self,
        on: Wait,
        mut attempt: impl FnMut(&mut Connection, Instant) -> Option<T>,
    ) -> T {
        let mut machine = self.machine();
        let (mut leading, mut settled) = (false, false);
        let found = loop {
            let now = Instant::now();
            machine.expire(now);
            if let Some(found) = attempt(&mut machine.connection, now) {
                break found;
            }
            if !settled && (machine.wants_flush() || machine.wants_alarm()) {
                // The attempt itself may have left something to do for others.
                self.release(machine);
                self.flush();
                machine = self.machine();
                settled = true;
                continue;
            }
            settled = false;
            if leading || machine.lead == Lead::Nobody {
                leading = true;
                machine = self.lead(machine);
            } else {
                machine = follow(machine, on);
            }
        };
        machine.leave(leading);
        self.release(machine);
        self.flush();
        found
    }

    /// Does something that needs no waiting: giving an exchange up, closing.
    pub fn act<T>(&self, act: impl FnOnce(&mut Connection, Instant) -> T) -> T {
        let mut machine = self.machine();
        let done = act(&mut machine.connection, Instant::now());
        machine.leave(false);
        self.release(machine);
        self.flush();
        done
    }

    /// Waits for the socket once, and takes in what it has.
    fn lead<'a>(&'a self, mut machine: Guard<'a>) -> Guard<'a> {
        let (read, write) = (machine.connection.wants_read(), machine.stuck);
        let until = machine.connection.next_timeout();
        machine.lead = Lead::Waiting { read, write };
        drop(machine);
        let (readable, writable) = self.poll(read, write, until);
        machine = self.machine();
        if machine.lead == Lead::Alarmed {
            drop(machine);
            self.alarm.clear();
            machine = self.machine();
        }
        machine.lead = Lead::Awake;
        if writable {
            machine.stuck = false;
        }
        if readable {
            let mut buf = machine.connection.take_recv();
            drop(machine);
            let read = rustix::net::recv(&self.socket, buf.unfilled(), RecvFlags::DONTWAIT);
            machine = self.machine();
            if let Ok((read, _)) = read {
                buf.advance(read);
            }
            machine.connection.handle_input(buf, Instant::now());
            match read.map_err(io::Error::from) {
                Ok((0, _)) => machine.connection.handle_eof(),
                Ok(_) => {}
                Err(error) if is_retry(&error) => {}
                Err(error) => machine.connection.handle_read_error(&error),
            }
        }
        machine.dispatch();
        machine
    }

    fn poll(&self, read: bool, write: bool, until: Option<Instant>) -> (bool, bool) {
        let timeout = until.map(|until| {
            let left = until.saturating_duration_since(Instant::now());
            Timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: left.subsec_nanos().into(),
            }
        });
        let mut interest = PollFlags::empty();
        interest.set(PollFlags::IN, read);
        interest.set(PollFlags::OUT, write);
        let mut fds = [
            PollFd::new(&self.socket, interest),
            PollFd::new(&self.alarm.reader, PollFlags::IN),
        ];
        // An interrupted wait is one that ends early.
        let _ = rustix::event::poll(&mut fds, timeout.as_ref());
        let got = fds[0].revents();
        let broken = got.intersects(PollFlags::HUP | PollFlags::ERR);
        (
            read && (broken || got.contains(PollFlags::IN)),
            write && (broken || got.contains(PollFlags::OUT)),
        )
    }

    /// Writes what there is to write, unless somebody else is at it.
    fn flush(&self) {
        loop {
            match self.writer.try_lock() {
                Ok(mut batch) => self.write(&mut batch),
                Err(TryLockError::WouldBlock) => return,
                Err(TryLockError::Poisoned(_)) => panic!("a writer panicked"),
            }
            // Whoever came with more output while the lock was held has left it to us.
            if !self.machine().wants_flush() {
                return;
            }
        }
    }

    fn write(&self, batch: &mut Transmit) {
        loop {
            if batch.is_empty() {
                let mut machine = self.machine();
                machine.connection.take_transmit(batch);
                self.release(machine);
                if batch.is_empty() {
                    return;
                }
            }
            let mut slices = [IoSlice::new(&[]); Transmit::MAX_SLICES];
            let count = batch.slices(&mut slices);
            let sent = rustix::net::sendmsg(
                &self.socket,
                &slices[..count],
                &mut SendAncillaryBuffer::default(),
                SendFlags::DONTWAIT | SendFlags::NOSIGNAL,
            );
            let mut machine = self.machine();
            machine.stuck = false;
            match sent.map_err(io::Error::from) {
                Ok(sent) => machine.connection.transmitted(batch, sent, Instant::now()),
                Err(error) if is_retry(&error) => machine.stuck = true,
                Err(error) => machine.connection.handle_write_error(batch, &error),
            }
            let stuck = machine.stuck;
            self.release(machine);
            if stuck {
                return;
            }
        }
    }

    fn machine(&self) -> Guard<'_> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the machine go, after telling those concerned what has changed.
    fn release(&self, mut machine: Guard<'_>) {
        machine.dispatch();
        let alarm = machine.wants_alarm();
        if alarm {
            machine.lead = Lead::Alarmed;
        }
        drop(machine);
        if alarm {
            self.alarm.sound();
        }
    }
}

fn follow(mut machine: Guard<'_>, on: Wait) -> Guard<'_> {
    let wake = Arc::new(Condvar::new());
    let until = machine.connection.next_timeout();
    machine.followers.push(Follower {
        on,
        wake: wake.clone(),
        called: false,
    });
    machine = match until {
        None => wake.wait(machine).unwrap_or_else(PoisonError::into_inner),
        Some(until) => {
            let left = until.saturating_duration_since(Instant::now());
            let woken = wake.wait_timeout(machine, left);
            woken.unwrap_or_else(PoisonError::into_inner).0
        }
    };
    machine
        .followers
        .retain(|follower| !Arc::ptr_eq(&follower.wake, &wake));
    machine
}

impl Machine {
    fn wants_flush(&self) -> bool {
        self.connection.wants_write() && !self.stuck
    }

    /// Whether the leader waits, and not for what it should wait for now.
    fn wants_alarm(&self) -> bool {
        match self.lead {
            Lead::Waiting { read, write } => {
                (!read && self.connection.wants_read()) || (!write && self.stuck)
            }
            _ => false,
        }
    }

    fn expire(&mut self, now: Instant) {
        if self
            .connection
            .next_timeout()
            .is_some_and(|until| until <= now)
        {
            self.connection.handle_timeout(now);
        }
    }

    /// Wakes those whose exchange came further.
    fn dispatch(&mut self) {
        while let Some((id, _)) = self.connection.poll_ready() {
            self.call(Wait::Stream(id));
        }
        if self.connection.poll_changed() {
            self.call(Wait::Connection);
        }
    }

    fn call(&mut self, on: Wait) {
        for follower in self.followers.iter_mut().filter(|other| other.on == on) {
            follower.call();
        }
    }

    /// Somebody has what it waited for. The lead goes to exactly one follower; one that was
    /// called already will take it, or will come by here itself.
    fn leave(&mut self, leading: bool) {
        if leading {
            self.lead = Lead::Nobody;
        }
        // An exchange that ended makes room for another.
        self.call(Wait::Connection);
        if self.lead == Lead::Nobody
            && !self.followers.iter().any(|follower| follower.called)
            && let Some(next) = self.followers.first_mut()
        {
            next.call();
        }
    }
}

impl Follower {
    fn call(&mut self) {
        self.called = true;
        self.wake.notify_one();
    }
}

/// How a leader that waits for the socket is told to look at the machine again.
struct Alarm {
    reader: PipeReader,
    writer: PipeWriter,
}

impl Alarm {
    fn new() -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        Ok(Self { reader, writer })
    }

    fn sound(&self) {
        (&self.writer)
            .write_all(&[0])
            .expect("the pipe holds one byte");
    }

    /// Takes the one byte that was promised, even if it is still on its way.
    fn clear(&self) {
        (&self.reader)
            .read_exact(&mut [0])
            .expect("its writer lives as long");
    }
}

fn is_retry(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}
