//! A connection that several requests use at once.
//!
//! One lock, held while a request or whoever moves the bytes talks to the machine, and never across
//! a system call or a wait. Requests never touch the socket: what they leave to be done, the *mover*
//! is woken for. On async clients that is a task of the connection's own; on blocking ones it is
//! whichever thread is at hand.

use crate::depot::{Depot, Lane};
use crate::lifeline::Lifeline;
use crate::peer::Peer;
use nuncio_connection::{ConnId, Connection, Error, Reuse, StreamId, Transmit};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Poll, Waker};
use std::time::Instant;

/// An HTTP/2 connection with its socket, for any number of requests.
pub struct Shared<S> {
    id: ConnId,
    depot: Weak<Depot<S>>,
    machine: Mutex<Machine>,
    /// What its bytes go through. Only the mover touches it.
    pub socket: S,
    /// What is being written. Whoever holds it writes, and may then lock the machine; never the
    /// other way round.
    pub transmit: Mutex<Transmit>,
    pub(crate) peer: Arc<Peer>,
    pub(crate) lifeline: Arc<Lifeline>,
}

/// The connection, and who waits for it.
#[derive(Debug)]
pub struct Machine {
    /// The machine.
    pub connection: Connection,
    /// Who moves its bytes.
    pub mover: Mover,
    streams: BTreeMap<StreamId, Interest>,
    closing: bool,
    /// The latest time that was told.
    now: Instant,
}

/// What whoever moves the bytes has left word of. It is woken when the connection comes to want
/// more than that.
#[derive(Debug, Default)]
pub struct Mover {
    /// Woken with no lock held.
    pub waker: Option<Waker>,
    /// At work: it will look at the connection before it waits.
    pub awake: bool,
    /// It waits for bytes to read, or need not be told that they are wanted.
    pub reads: bool,
    /// The socket took no more.
    pub stuck: bool,
    /// When it comes back at the latest.
    pub until: Option<Instant>,
}

/// A stream's request.
#[derive(Debug, Default)]
struct Interest {
    /// Something became possible since it last looked.
    news: bool,
    waker: Option<Waker>,
}

impl<S> Shared<S> {
    /// What `lane` was, from now on shared.
    pub(crate) fn new(id: ConnId, depot: Weak<Depot<S>>, lane: Lane<S>, now: Instant) -> Self {
        let Lane {
            connection,
            socket,
            transmit,
            peer,
            lifeline,
            ..
        } = lane;
        let machine = Machine {
            connection,
            mover: Mover::default(),
            streams: BTreeMap::new(),
            closing: false,
            now,
        };
        Shared {
            id,
            depot,
            machine: Mutex::new(machine),
            socket,
            transmit: Mutex::new(transmit),
            peer,
            lifeline,
        }
    }

    pub(crate) fn id(&self) -> ConnId {
        self.id
    }

    /// The machine. Give it back with [`release`](Self::release), before any system call.
    pub fn lock(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the machine go, and wakes those to whom something has happened.
    pub fn release(self: &Arc<Self>, mut machine: MutexGuard<'_, Machine>) {
        let woken = machine.take_woken();
        let mover = machine.due_mover();
        let changed = machine.connection.poll_changed();
        drop(machine);
        for waker in woken {
            waker.wake();
        }
        if changed && let Some(depot) = self.depot.upgrade() {
            depot.update(self);
        }
        if let Some(mover) = mover {
            mover.wake();
        }
    }

    pub(crate) fn with<T>(self: &Arc<Self>, act: impl FnOnce(&mut Connection) -> T) -> T {
        let mut machine = self.lock();
        let done = act(&mut machine.connection);
        self.release(machine);
        done
    }

    pub(crate) fn open(
        self: &Arc<Self>,
        open: impl FnOnce(&mut Connection) -> Result<StreamId, Error>,
    ) -> Result<StreamId, Error> {
        let mut machine = self.lock();
        let opened = open(&mut machine.connection);
        if let Ok(id) = opened {
            machine.streams.insert(id, Interest::default());
        }
        self.release(machine);
        opened
    }

    /// What the pool is to know, and when that was.
    pub(crate) fn verdict(&self) -> (Verdict, Instant) {
        let machine = self.lock();
        (machine.verdict(), machine.now)
    }

    /// The stream's request is over, or given up.
    pub(crate) fn leave(self: &Arc<Self>, id: StreamId) {
        let mut machine = self.lock();
        machine.streams.remove(&id);
        machine.connection.cancel(id);
        self.release(machine);
    }

    /// Ready when something has happened to the stream since this was last asked; else `waker` is
    /// woken when it does.
    pub fn poll_stream(&self, id: StreamId, waker: &Waker) -> Poll<()> {
        self.lock().poll_stream(id, waker)
    }

    /// Ends it, with all that it carries.
    pub(crate) fn close(self: &Arc<Self>) {
        let mut machine = self.lock();
        machine.connection.close();
        machine.closing = true;
        self.release(machine);
    }

    /// Nobody moves its bytes any more: every stream fails.
    pub fn abandon(self: &Arc<Self>) {
        let mut machine = self.lock();
        machine.mover = Mover {
            awake: true,
            ..Mover::default()
        };
        machine
            .connection
            .handle_read_error(&std::io::ErrorKind::ConnectionAborted.into());
        machine.closing = true;
        self.release(machine);
    }
}

impl Machine {
    /// As [`Shared::poll_stream`].
    pub fn poll_stream(&mut self, id: StreamId, waker: &Waker) -> Poll<()> {
        let Some(interest) = self.streams.get_mut(&id) else {
            return Poll::Ready(());
        };
        if std::mem::take(&mut interest.news) {
            interest.waker = None;
            return Poll::Ready(());
        }
        match &mut interest.waker {
            Some(known) => known.clone_from(waker),
            None => interest.waker = Some(waker.clone()),
        }
        Poll::Pending
    }

    /// Nobody waits for news of a stream any more, though there may have been none: for one whose
    /// time is over.
    pub fn stop_waiting(&mut self, id: StreamId) {
        if let Some(interest) = self.streams.get_mut(&id) {
            interest.waker = None;
        }
    }

    /// Whether it was closed, so that there is nothing to do once all is written.
    pub fn is_closing(&self) -> bool {
        self.closing
    }

    /// Lets what is due happen, and says whether anything was. Whom it concerns is told by
    /// [`Shared::release`].
    pub fn expire(&mut self, now: Instant) -> bool {
        self.now = self.now.max(now);
        let until = self.connection.next_timeout();
        let due = until.is_some_and(|until| until <= now);
        if due {
            self.connection.handle_timeout(now);
        }
        due
    }

    /// Anybody who waits for a stream, to take a turn at moving bytes.
    pub fn any_waiting(&mut self) -> Option<Waker> {
        self.streams.values_mut().find_map(|it| it.waker.take())
    }

    fn verdict(&self) -> Verdict {
        match self.connection.reuse() {
            Reuse::Never(_) => Verdict::Over,
            _ if self.connection.is_doubted() => Verdict::Doubted,
            _ => Verdict::Room(self.connection.capacity()),
        }
    }

    fn take_woken(&mut self) -> Vec<Waker> {
        let mut woken = Vec::new();
        while let Some((id, _)) = self.connection.poll_ready() {
            if let Some(interest) = self.streams.get_mut(&id) {
                interest.news = true;
                woken.extend(interest.waker.take());
            }
        }
        woken
    }

    /// The mover, if it has to be told.
    fn due_mover(&self) -> Option<Waker> {
        let mover = &self.mover;
        if mover.awake {
            return None;
        }
        let earlier = match (self.connection.next_timeout(), mover.until) {
            (Some(next), Some(until)) => next < until,
            (Some(_), None) => true,
            (None, _) => false,
        };
        let due = (!mover.stuck && self.connection.wants_write())
            || (!mover.reads && self.connection.wants_read())
            || earlier
            || self.closing;
        due.then(|| mover.waker.clone()).flatten()
    }
}

/// What the pool is to know.
pub(crate) enum Verdict {
    /// It carries so many requests at once.
    Room(usize),
    /// Nobody knows whether it is alive.
    Doubted,
    /// It takes no more.
    Over,
}

impl<S> fmt::Debug for Shared<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
