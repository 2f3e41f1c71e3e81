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
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Poll, Waker};
use std::time::Instant;

/// How many wakers there is room for at first, where streams have news.
const MANY: usize = 32;
/// How many places for streams' requests are kept while there is none.
const IDLE_PLACES: usize = 8;

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
    /// By the small numbers of the streams.
    streams: Vec<Option<Interest>>,
    active: usize,
    /// Who waits for room for a stream.
    room: Option<Waker>,
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
    /// At work, or told to be: it will look at the connection before it waits.
    pub awake: bool,
    /// It waits for bytes to read, or need not be told that they are wanted.
    pub reads: bool,
    /// The socket took no more.
    pub stuck: bool,
    /// When it comes back at the latest.
    pub until: Option<Instant>,
}

/// A stream's request.
#[derive(Debug)]
struct Interest {
    id: StreamId,
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
            streams: Vec::new(),
            active: 0,
            room: None,
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
        let room = machine.room.take_if(|_| changed);
        drop(machine);
        for waker in woken.into_iter().chain(room) {
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
            machine.enter(id);
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
        machine.leave(id);
        machine.connection.cancel(id);
        self.release(machine);
    }

    /// Ready when something has happened to the stream since this was last asked; else `waker` is
    /// woken when it does. For a request that has none yet: when there may be room for it.
    pub fn poll_stream(&self, id: Option<StreamId>, waker: &Waker) -> Poll<()> {
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
    pub fn poll_stream(&mut self, id: Option<StreamId>, waker: &Waker) -> Poll<()> {
        let waiting = match id {
            Some(id) => {
                let Some(interest) = self.interest(id) else {
                    return Poll::Ready(());
                };
                if std::mem::take(&mut interest.news) {
                    interest.waker = None;
                    return Poll::Ready(());
                }
                &mut interest.waker
            }
            None if !is_full(&self.connection) => {
                self.room = None;
                return Poll::Ready(());
            }
            None => &mut self.room,
        };
        match waiting {
            Some(known) => known.clone_from(waker),
            None => *waiting = Some(waker.clone()),
        }
        Poll::Pending
    }

    /// Nobody waits for news of a stream, or for room for one, any more, though there may have been
    /// none: for one whose time is over.
    pub fn stop_waiting(&mut self, id: Option<StreamId>) {
        match id {
            None => self.room = None,
            Some(id) => {
                if let Some(interest) = self.interest(id) {
                    interest.waker = None;
                }
            }
        }
    }

    fn enter(&mut self, id: StreamId) {
        if self.streams.len() <= id.index() {
            self.streams.resize_with(id.index() + 1, || None);
        }
        if let Some(place) = self.streams.get_mut(id.index()) {
            let interest = Interest {
                id,
                news: false,
                waker: None,
            };
            // One that was there has ended, and nobody waits for it.
            self.active += usize::from(place.replace(interest).is_none());
        }
    }

    fn leave(&mut self, id: StreamId) {
        let place = self.streams.get_mut(id.index());
        let left = place.and_then(|place| place.take_if(|it| it.id == id));
        self.active -= usize::from(left.is_some());
        if self.active == 0 && self.streams.len() > IDLE_PLACES {
            self.streams = Vec::new();
        }
    }

    fn interest(&mut self, id: StreamId) -> Option<&mut Interest> {
        let place = self.streams.get_mut(id.index())?;
        place.as_mut().filter(|it| it.id == id)
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
        let mut waiting = self.streams.iter_mut().flatten();
        let stream = waiting.find_map(|it| it.waker.take());
        stream.or_else(|| self.room.take())
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
            let Some(interest) = self.interest(id) else {
                continue;
            };
            interest.news = true;
            if let Some(waker) = interest.waker.take() {
                if woken.capacity() == 0 {
                    // Where one has news, many have.
                    woken.reserve_exact(self.active.min(MANY));
                }
                woken.push(waker);
            }
        }
        woken
    }

    /// The mover, if it has to be told; once, until it has looked.
    fn due_mover(&mut self) -> Option<Waker> {
        let mover = &self.mover;
        if mover.awake || !self.is_mover_due() {
            return None;
        }
        let waker = mover.waker.clone()?;
        self.mover.awake = true;
        Some(waker)
    }

    fn is_mover_due(&self) -> bool {
        let (connection, mover) = (&self.connection, &self.mover);
        let earlier = || match (connection.next_timeout(), mover.until) {
            (Some(next), Some(until)) => next < until,
            (Some(_), None) => true,
            (None, _) => false,
        };
        (!mover.stuck && connection.wants_write())
            || (!mover.reads && connection.wants_read())
            || self.closing
            || earlier()
    }
}

/// Whether there is no room for a stream, and may be later.
pub(crate) fn is_full(connection: &Connection) -> bool {
    connection.capacity() == 0 && !matches!(connection.reuse(), Reuse::Never(_))
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
