//! The pool, and beside it the connections and sockets that it decides about.
//!
//! One lock, held for the time of a decision and never across a system call: connections move out
//! to whoever uses them, those to be closed are dropped after the lock is let go, and so are
//! wakers woken.

use nuncio_connection::{
    Assigned, Assignment, Checkout, ConnId, Connection, Limits, Pool, PoolCounts, PoolKey, Ticket,
    Transmit,
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
        fresh: bool,
        deadline: Option<Instant>,
        now: Instant,
        waker: &Waker,
    ) -> Grant<S> {
        self.change(|inner| {
            let checkout = if fresh {
                inner.pool.checkout_fresh(key, deadline, now)
            } else {
                inner.pool.checkout(key, deadline, now)
            };
            match checkout {
                Checkout::Reuse(conn) => self.grant_reuse(inner, conn),
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
                lane: Some(lane),
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
            let index = conn.index();
            if inner.idle.len() <= index {
                inner.idle.resize_with(index + 1, || None);
            }
            if let Some(place) = inner.idle.get_mut(index) {
                *place = Some(lane);
            }
            inner.pool.release(conn, &verdict, now);
        });
    }

    /// Runs `change` under the lock, and what follows from it after.
    fn change<T>(&self, change: impl FnOnce(&mut Inner<S>) -> T) -> T {
        self.change_and(|inner, _| change(inner))
    }

    fn change_and<T>(&self, change: impl FnOnce(&mut Inner<S>, &mut Aftermath<S>) -> T) -> T {
        let mut after = Aftermath {
            wakers: Vec::new(),
            closing: Vec::new(),
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
        }
    }

    fn take_idle(&mut self, conn: ConnId) -> Option<Box<Lane<S>>> {
        self.idle.get_mut(conn.index()).and_then(Option::take)
    }
}

/// A connection in use. Dropped, it goes back to the pool if it can be used again, and is closed
/// if not; an exchange that was not complete is given up.
pub(crate) struct Held<S> {
    depot: Arc<Depot<S>>,
    lane: Option<Box<Lane<S>>>,
}

impl<S> Held<S> {
    pub(crate) fn lane(&mut self) -> Option<&mut Lane<S>> {
        self.lane.as_deref_mut()
    }

    /// Gives the connection back.
    pub(crate) fn release(mut self, now: Instant) {
        if let Some(lane) = self.lane.take() {
            self.depot.release(lane, now);
        }
    }

    /// Gives the connection up, whatever state it is in.
    pub(crate) fn discard(mut self) {
        self.give_up();
    }

    fn give_up(&mut self) {
        if let Some(mut lane) = self.lane.take() {
            let conn = lane.id;
            lane.connection.close();
            drop(lane);
            self.depot.change(|inner| inner.pool.forget(conn));
        }
    }
}

impl<S> Drop for Held<S> {
    fn drop(&mut self) {
        self.give_up();
    }
}

/// Leave to make a connection. Dropped, its place in the pool is free again.
pub(crate) struct Permit<S> {
    depot: Arc<Depot<S>>,
    conn: Option<ConnId>,
}

impl<S> Permit<S> {
    pub(crate) fn connected(
        mut self,
        connection: Connection,
        socket: S,
        peer: Option<std::net::SocketAddr>,
    ) -> Held<S> {
        let depot = Arc::clone(&self.depot);
        let lane = self.conn.take().map(|id| {
            depot.change(|inner| inner.pool.established(id));
            Box::new(Lane {
                id,
                connection,
                socket,
                transmit: Transmit::default(),
                peer,
            })
        });
        Held { depot, lane }
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
            if let Some(Assignment::Reuse(conn) | Assignment::Connect(conn)) = granted {
                // Granted and not taken. An idle connection could rest again, but whether it is
                // still quiet is not known here: it makes room instead.
                after.closing.extend(inner.take_idle(conn));
                inner.pool.forget(conn);
            }
        });
    }
}
