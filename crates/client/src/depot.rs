//! The pool, and beside it the connections and sockets that it decides about.
//!
//! One lock, held for the time of a decision and never across a system call: connections move out
//! to whoever uses them, those to be closed are dropped after the lock is let go, and so are
//! wakers woken.

use crate::shared::{Shared, Verdict};
use nuncio_connection::{
    Assigned, Assignment, Checkout, ConnId, Connection, Error as ConnectionError, Limits, Pool,
    PoolCounts, PoolKey, Reuse, StreamId, Ticket, Transmit,
};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Instant;

/// A connection with its socket, and the batch that it is sending.
#[derive(Debug)]
pub struct Lane<S> {
    id: ConnId,
    /// The machine.
    pub connection: Connection,
    /// What its bytes go through.
    pub socket: S,
    /// What is being written.
    pub transmit: Transmit,
    /// Who is at the other end.
    pub peer: Option<std::net::SocketAddr>,
}

/// The connections of one client, or of several that share them.
#[derive(Debug)]
pub struct Depot<S> {
    inner: Mutex<Inner<S>>,
}

#[derive(Debug)]
struct Inner<S> {
    pool: Pool,
    /// Idle connections, by the small number of their id.
    idle: Vec<Option<Box<Lane<S>>>>,
    /// Those that are shared, in use or idle, likewise.
    shared: Vec<Option<Arc<Shared<S>>>>,
    waiting: HashMap<Ticket, Wait>,
}

#[derive(Debug)]
struct Wait {
    waker: Waker,
    outcome: Option<Assignment>,
}

/// What a request gets from the depot.
pub(crate) enum Grant<S> {
    /// An idle connection: to be looked at before it is used.
    Lane(Held<S>),
    /// A place on a connection that others are using.
    Joined(Held<S>),
    /// Leave to make one.
    Permit(Permit<S>),
    /// A place in the queue.
    Wait(Place<S>),
}

/// How a look at one's place in the queue went.
pub(crate) enum Turn<S> {
    Granted(Grant<S>),
    Expired,
    Closed,
}

impl<S> Depot<S> {
    /// An empty depot.
    pub fn new(limits: Limits) -> Self {
        let inner = Inner {
            pool: Pool::new(limits),
            idle: Vec::new(),
            shared: Vec::new(),
            waiting: HashMap::new(),
        };
        Depot {
            inner: Mutex::new(inner),
        }
    }

    /// How many connections there are, idle and in all, and how many requests wait.
    pub fn counts(&self) -> PoolCounts {
        self.lock().pool.counts()
    }

    /// Closes every idle connection.
    pub fn evict_idle(&self) {
        self.change(|inner| inner.pool.evict_idle());
    }

    /// Closes every idle connection, fails who waits, and lets none rest from now on.
    pub fn close(&self) {
        self.change(|inner| inner.pool.close());
    }

    /// Whether it was closed.
    pub(crate) fn is_closed(&self) -> bool {
        self.lock().pool.is_closed()
    }

    pub(crate) fn checkout(
        self: &Arc<Self>,
        key: &PoolKey<'_>,
        wish: Wish,
        deadline: Option<Instant>,
        now: Instant,
        waker: &Waker,
    ) -> Grant<S> {
        self.change(|inner| {
            let Wish { fresh, share } = wish;
            let checkout = if share {
                inner.pool.checkout_shared(key, fresh, deadline, now)
            } else if fresh {
                inner.pool.checkout_fresh(key, deadline, now)
            } else {
                inner.pool.checkout(key, deadline, now)
            };
            match checkout {
                Checkout::Reuse(conn) => self.grant_reuse(inner, conn),
                Checkout::Join(conn) => self.grant_shared(inner, conn),
                Checkout::Connect(conn) => Grant::Permit(self.permit(conn)),
                Checkout::Wait(ticket) => {
                    inner.waiting.insert(
                        ticket,
                        Wait {
                            waker: waker.clone(),
                            outcome: None,
                        },
                    );
                    Grant::Wait(Place {
                        depot: Arc::clone(self),
                        ticket: Some(ticket),
                    })
                }
            }
        })
    }

    /// An id whose lane is missing cannot occur; to connect under it is what would be right.
    fn grant_reuse(self: &Arc<Self>, inner: &mut Inner<S>, conn: ConnId) -> Grant<S> {
        match inner.take_idle(conn) {
            Some(lane) => Grant::Lane(Held {
                depot: Arc::clone(self),
                hold: Hold::Lane(lane),
            }),
            None => match self.grant_shared(inner, conn) {
                Grant::Joined(held) => Grant::Lane(held),
                other => other,
            },
        }
    }

    fn grant_shared(self: &Arc<Self>, inner: &mut Inner<S>, conn: ConnId) -> Grant<S> {
        match inner.shared.get(conn.index()).and_then(Option::as_ref) {
            Some(shared) => Grant::Joined(Held {
                depot: Arc::clone(self),
                hold: Hold::Stream(Arc::clone(shared), None),
            }),
            None => Grant::Permit(self.permit(conn)),
        }
    }

    fn permit(self: &Arc<Self>, conn: ConnId) -> Permit<S> {
        Permit {
            depot: Arc::clone(self),
            conn: Some(conn),
        }
    }

    fn release(&self, lane: Box<Lane<S>>, now: Instant) {
        let verdict = lane.connection.reuse();
        self.change(|inner| {
            // Kept or not, it is put here first: what the pool does not keep, it names to close.
            let conn = lane.id;
            put(&mut inner.idle, conn, lane);
            inner.pool.release(conn, &verdict, now);
        });
    }

    /// One request less on `shared`; `full` if it found no room there.
    fn leave(&self, shared: &Shared<S>, full: bool) {
        self.change(|inner| {
            let now = inner.hear(shared);
            if full {
                inner.pool.full(shared.id());
            }
            inner.pool.release(shared.id(), &Reuse::Busy, now);
        });
    }

    /// What a shared connection can carry has changed.
    pub(crate) fn update(&self, shared: &Shared<S>) {
        self.change(|inner| inner.hear(shared));
    }

    /// Runs `change` under the lock, and what follows from it after.
    fn change<T>(&self, change: impl FnOnce(&mut Inner<S>) -> T) -> T {
        self.change_and(|inner, _| change(inner))
    }

    fn change_and<T>(&self, change: impl FnOnce(&mut Inner<S>, &mut Aftermath<S>) -> T) -> T {
        let mut after = Aftermath {
            wakers: Vec::new(),
            closing: Vec::new(),
            ending: Vec::new(),
        };
        let result = {
            let mut inner = self.lock();
            let result = change(&mut inner, &mut after);
            inner.settle(&mut after);
            result
        };
        for waker in after.wakers {
            waker.wake();
        }
        for mut lane in after.closing {
            lane.connection.close();
        }
        for shared in after.ending {
            shared.close();
        }
        result
    }

    fn lock(&self) -> MutexGuard<'_, Inner<S>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is done once the lock is let go.
struct Aftermath<S> {
    wakers: Vec<Waker>,
    /// Dropped, which closes their sockets.
    closing: Vec<Box<Lane<S>>>,
    /// Closed, and then dropped by whoever moves their bytes.
    ending: Vec<Arc<Shared<S>>>,
}

/// What a request wants of its connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish {
    /// No idle one.
    pub(crate) fresh: bool,
    /// It may be one that is shared.
    pub(crate) share: bool,
}

impl<S> Inner<S> {
    /// Carries out what the pool has decided.
    fn settle(&mut self, after: &mut Aftermath<S>) {
        while let Some(Assigned { ticket, outcome }) = self.pool.poll_assigned() {
            if let Some(wait) = self.waiting.get_mut(&ticket) {
                wait.outcome = Some(outcome);
                after.wakers.push(wait.waker.clone());
            }
        }
        while let Some(conn) = self.pool.poll_close() {
            after.closing.extend(self.take_idle(conn));
            let shared = self.shared.get_mut(conn.index());
            after.ending.extend(shared.and_then(Option::take));
        }
    }

    /// Asks a shared connection what it can carry, under the pool's lock: what is heard last is
    /// what holds. Gives its time.
    fn hear(&mut self, shared: &Shared<S>) -> Instant {
        let (verdict, now) = shared.verdict();
        match verdict {
            Verdict::Room(room) => self.pool.share(shared.id(), room),
            Verdict::Doubted => self.pool.suspend(shared.id()),
            Verdict::Over => self.pool.retire(shared.id()),
        }
        now
    }

    fn take_idle(&mut self, conn: ConnId) -> Option<Box<Lane<S>>> {
        self.idle.get_mut(conn.index()).and_then(Option::take)
    }
}

/// A connection in use, or a place on one. Dropped, an exchange that was not complete is given up:
/// a connection of its own is closed with it, a shared one goes on.
pub(crate) struct Held<S> {
    depot: Arc<Depot<S>>,
    hold: Hold<S>,
}

enum Hold<S> {
    Lane(Box<Lane<S>>),
    /// With the stream, once it is open.
    Stream(Arc<Shared<S>>, Option<StreamId>),
    Nothing,
}

impl<S> Held<S> {
    /// The connection with its socket, where it is not shared.
    pub(crate) fn lane(&mut self) -> Option<&mut Lane<S>> {
        match &mut self.hold {
            Hold::Lane(lane) => Some(lane),
            _ => None,
        }
    }

    /// The shared connection, where it is one, and the stream on it.
    pub(crate) fn shared(&self) -> Option<(&Arc<Shared<S>>, Option<StreamId>)> {
        match &self.hold {
            Hold::Stream(shared, id) => Some((shared, *id)),
            _ => None,
        }
    }

    /// Who is at the other end.
    pub(crate) fn peer(&self) -> Option<std::net::SocketAddr> {
        match &self.hold {
            Hold::Lane(lane) => lane.peer,
            Hold::Stream(shared, _) => shared.peer,
            Hold::Nothing => None,
        }
    }

    /// Talks to the connection, whichever it is.
    #[inline]
    pub(crate) fn with<T>(&mut self, act: impl FnOnce(&mut Connection) -> T) -> Option<T> {
        match &mut self.hold {
            Hold::Lane(lane) => Some(act(&mut lane.connection)),
            Hold::Stream(shared, _) => Some(shared.with(act)),
            Hold::Nothing => None,
        }
    }

    /// Opens an exchange.
    pub(crate) fn open(
        &mut self,
        open: impl FnOnce(&mut Connection) -> Result<StreamId, ConnectionError>,
    ) -> Result<StreamId, ConnectionError> {
        match &mut self.hold {
            Hold::Lane(lane) => open(&mut lane.connection),
            Hold::Stream(shared, id) => {
                let opened = shared.open(open)?;
                *id = Some(opened);
                Ok(opened)
            }
            Hold::Nothing => Err(ConnectionError::Closed),
        }
    }

    /// Whether a shared connection takes no more requests.
    pub(crate) fn is_over(&self) -> bool {
        let shared = self.shared();
        shared.is_some_and(|(shared, _)| matches!(shared.verdict().0, Verdict::Over))
    }

    /// It is ready, and for this request alone.
    pub(crate) fn established(&self) {
        if let Hold::Lane(lane) = &self.hold {
            self.depot.change(|inner| inner.pool.established(lane.id));
        }
    }

    /// It is ready, and from now on shared.
    pub(crate) fn share(&mut self, now: Instant) {
        let Hold::Lane(lane) = std::mem::replace(&mut self.hold, Hold::Nothing) else {
            return;
        };
        let id = lane.id;
        let depot = Arc::downgrade(&self.depot);
        let shared = Arc::new(Shared::new(id, depot, *lane, now));
        self.depot.change(|inner| {
            put(&mut inner.shared, id, Arc::clone(&shared));
            inner.hear(&shared);
        });
        self.hold = Hold::Stream(shared, None);
    }

    /// Gives the connection back.
    pub(crate) fn release(mut self, now: Instant) {
        match std::mem::replace(&mut self.hold, Hold::Nothing) {
            Hold::Lane(lane) => self.depot.release(lane, now),
            other => self.give_up(other, false),
        }
    }

    /// Gives the connection up, whatever state it is in; or a place on one.
    pub(crate) fn discard(mut self) {
        let hold = std::mem::replace(&mut self.hold, Hold::Nothing);
        self.give_up(hold, false);
    }

    /// Gives up a place on a connection that turned out to be full.
    #[cfg(feature = "http2")]
    pub(crate) fn full(mut self) {
        let hold = std::mem::replace(&mut self.hold, Hold::Nothing);
        self.give_up(hold, true);
    }

    fn give_up(&self, hold: Hold<S>, full: bool) {
        match hold {
            Hold::Lane(mut lane) => {
                let conn = lane.id;
                lane.connection.close();
                drop(lane);
                self.depot.change(|inner| inner.pool.forget(conn));
            }
            Hold::Stream(shared, id) => {
                if let Some(id) = id {
                    shared.leave(id);
                }
                self.depot.leave(&shared, full);
            }
            Hold::Nothing => {}
        }
    }
}

impl<S> Drop for Held<S> {
    fn drop(&mut self) {
        let hold = std::mem::replace(&mut self.hold, Hold::Nothing);
        self.give_up(hold, false);
    }
}

/// Leave to make a connection. Dropped, its place in the pool is free again.
pub(crate) struct Permit<S> {
    depot: Arc<Depot<S>>,
    conn: Option<ConnId>,
}

impl<S> Permit<S> {
    /// A transport is there. Say [`Held::established`] or [`Held::share`] when it is ready.
    pub(crate) fn connected(
        mut self,
        connection: Connection,
        socket: S,
        peer: Option<std::net::SocketAddr>,
    ) -> Held<S> {
        let depot = Arc::clone(&self.depot);
        let hold = self.conn.take().map_or(Hold::Nothing, |id| {
            Hold::Lane(Box::new(Lane {
                id,
                connection,
                socket,
                transmit: Transmit::default(),
                peer,
            }))
        });
        Held { depot, hold }
    }
}

impl<S> Drop for Permit<S> {
    fn drop(&mut self) {
        if let Some(conn) = self.conn.take() {
            self.depot.change(|inner| inner.pool.forget(conn));
        }
    }
}

/// A place in the queue. Dropped, it is given up, together with what it may have been granted.
pub(crate) struct Place<S> {
    depot: Arc<Depot<S>>,
    ticket: Option<Ticket>,
}

impl<S> Place<S> {
    /// Whether it is our turn; if not, `waker` will be woken when it is.
    pub(crate) fn poll(&mut self, now: Instant, waker: &Waker) -> Option<Turn<S>> {
        let ticket = self.ticket?;
        let depot = Arc::clone(&self.depot);
        depot.change_and(|inner, after| {
            inner.pool.handle_timeout(now);
            inner.settle(after);
            let wait = inner.waiting.get_mut(&ticket)?;
            let Some(outcome) = wait.outcome else {
                wait.waker.clone_from(waker);
                return None;
            };
            inner.waiting.remove(&ticket);
            self.ticket = None;
            Some(match outcome {
                Assignment::Reuse(conn) => Turn::Granted(depot.grant_reuse(inner, conn)),
                Assignment::Join(conn) => Turn::Granted(depot.grant_shared(inner, conn)),
                Assignment::Connect(conn) => Turn::Granted(Grant::Permit(depot.permit(conn))),
                Assignment::Expired => Turn::Expired,
                Assignment::Closed => Turn::Closed,
            })
        })
    }
}

impl<S> Drop for Place<S> {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket.take() else {
            return;
        };
        self.depot.change_and(|inner, after| {
            inner.pool.cancel(ticket);
            inner.settle(after);
            let granted = inner.waiting.remove(&ticket).and_then(|wait| wait.outcome);
            match granted {
                Some(Assignment::Reuse(conn) | Assignment::Connect(conn)) => {
                    // Granted and not taken. An idle connection could rest again, but whether it
                    // is still quiet is not known here: it makes room instead.
                    after.closing.extend(inner.take_idle(conn));
                    inner.pool.forget(conn);
                }
                Some(Assignment::Join(conn)) => {
                    let shared = inner.shared.get(conn.index()).and_then(Option::as_ref);
                    if let Some(shared) = shared.map(Arc::clone) {
                        let now = inner.hear(&shared);
                        inner.pool.release(conn, &Reuse::Busy, now);
                    }
                }
                _ => {}
            }
        });
    }
}

/// Puts something beside the pool, under the small number of its connection.
fn put<T>(slab: &mut Vec<Option<T>>, conn: ConnId, what: T) {
    let index = conn.index();
    if slab.len() <= index {
        slab.resize_with(index + 1, || None);
    }
    if let Some(place) = slab.get_mut(index) {
        *place = Some(what);
    }
}

/// Nobody is left who could ask: shared connections end, and whoever moves their bytes with them.
impl<S> Drop for Depot<S> {
    fn drop(&mut self) {
        let inner = self.inner.get_mut().unwrap_or_else(PoisonError::into_inner);
        for shared in inner.shared.drain(..).flatten() {
            shared.close();
        }
    }
}
