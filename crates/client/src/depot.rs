//! The pool, and beside it the connections and sockets that it decides about.
//!
//! One lock, held for the time of a decision and never across a system call: connections move out
//! to whoever uses them, those to be closed are dropped after the lock is let go, and so are
//! wakers woken.

use crate::error::Error;
use crate::lifeline::Lifeline;
use crate::peer::Peer;
use crate::shared::{Shared, Verdict};
use nuncio_connection::{
    Assigned, Assignment, Checkout, ConnId, Connection, Error as ConnectionError, Limits, Pool,
    PoolCounts, PoolKey, PoolSnapshot, Protocol, Reuse, StreamId, Ticket, Transmit,
};
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
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
    pub(crate) peer: Arc<Peer>,
    pub(crate) lifeline: Arc<Lifeline>,
    /// Somebody's waker is at the lifeline.
    watched: bool,
}

impl<S> Lane<S> {
    /// The layers are ready: it is known now who is there.
    fn meet(&mut self) {
        #[cfg(feature = "tls")]
        if let (Some(tls), Some(peer)) = (self.connection.tls(), Arc::get_mut(&mut self.peer)) {
            peer.tls = Some(tls);
        }
    }

    /// Has `breaker` woken when the client is closed, for as long as there is the connection: it is
    /// to end what waits for the socket elsewhere.
    pub fn break_with(&self, breaker: Waker) {
        self.lifeline.break_with(breaker);
    }
}

/// The connections of one client, or of several that share them.
#[derive(Debug)]
pub struct Depot<S> {
    /// Asked once a request, without the lock.
    closed: AtomicBool,
    inner: Mutex<Inner<S>>,
}

#[derive(Debug)]
struct Inner<S> {
    pool: Pool,
    /// Idle connections, by the small number of their id.
    idle: Vec<Option<Box<Lane<S>>>>,
    /// Those that are shared, in use or idle, likewise.
    shared: Vec<Option<Arc<Shared<S>>>>,
    /// What is known of every connection, in use or not, likewise.
    lifelines: Vec<Option<Arc<Lifeline>>>,
    waiting: HashMap<Ticket, Wait>,
    /// Origins that wanted HTTP/1.1 though they offered HTTP/2, the latest of them.
    http1: VecDeque<(String, u16)>,
}

/// How many such origins are remembered: there are few of them, and to forget one costs a refusal.
const HTTP1_ORIGINS: usize = 64;

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
            lifelines: Vec::new(),
            waiting: HashMap::new(),
            http1: VecDeque::new(),
        };
        Depot {
            closed: AtomicBool::new(false),
            inner: Mutex::new(inner),
        }
    }

    /// How many connections there are, idle and in all, and how many requests wait.
    pub fn counts(&self) -> PoolCounts {
        self.lock().pool.counts()
    }

    /// Every connection, and everybody who waits.
    pub fn snapshot(&self, now: Instant) -> PoolSnapshot {
        let inner = self.lock();
        let mut snapshot = inner.pool.snapshot(now);
        let connections = snapshot.origins.iter_mut();
        for shown in connections.flat_map(|origin| &mut origin.connections) {
            let lifeline = inner.lifelines.get(shown.conn.index());
            if let Some(lifeline) = lifeline.and_then(Option::as_ref) {
                lifeline.describe(shown, now);
            }
        }
        snapshot
    }

    /// Closes every idle connection.
    pub fn evict_idle(&self) {
        self.change(|inner| inner.pool.evict_idle());
    }

    /// Closes every connection, those in use included, and fails who waits.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.change_and(|inner, due| {
            inner.pool.close();
            due.some()
                .ending
                .extend(inner.shared.iter().flatten().cloned());
            due.some()
                .cut
                .extend(inner.lifelines.iter().flatten().cloned());
        });
    }

    /// Whether it was closed.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// This origin has asked for HTTP/1.1, though it offers HTTP/2.
    pub(crate) fn note_http1(&self, key: &PoolKey<'_>) {
        let mut inner = self.lock();
        if !inner.wants_http1(key) {
            inner.http1.truncate(HTTP1_ORIGINS - 1);
            inner.http1.push_front((key.host.to_string(), key.port));
        }
    }

    /// A connection with this key, or a way to one; no idle one, if it is to be `fresh`. For an origin
    /// that has asked for HTTP/1.1, `key` is changed to say so.
    pub(crate) fn checkout(
        self: &Arc<Self>,
        key: &mut PoolKey<'_>,
        fresh: bool,
        deadline: Option<Instant>,
        now: Instant,
        waker: &Waker,
    ) -> Grant<S> {
        self.change(|inner| {
            key.http2 = key.http2 && !inner.wants_http1(key);
            let checkout = if key.http2 {
                inner.pool.checkout_shared(key, fresh, deadline, now)
            } else if fresh {
                inner.pool.checkout_fresh(key, deadline, now)
            } else {
                inner.pool.checkout(key, deadline, now)
            };
            match checkout {
                Checkout::Reuse(conn) => self.grant_reuse(inner, conn),
                Checkout::Join(conn) => self.grant_shared(inner, conn),
                Checkout::Connect(conn) => Grant::Permit(self.permit(inner, conn)),
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
            None => Grant::Permit(self.permit(inner, conn)),
        }
    }

    fn permit(self: &Arc<Self>, inner: &mut Inner<S>, conn: ConnId) -> Permit<S> {
        let lifeline = Arc::new(Lifeline::default());
        put(&mut inner.lifelines, conn, Arc::clone(&lifeline));
        Permit {
            depot: Arc::clone(self),
            conn: Some(conn),
            lifeline,
        }
    }

    fn release(&self, mut lane: Box<Lane<S>>, now: Instant) {
        let verdict = lane.connection.reuse();
        if std::mem::take(&mut lane.watched) {
            lane.lifeline.unwatch();
        }
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
            // Word of what it can carry may still be on its way.
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

    fn change_and<T>(&self, change: impl FnOnce(&mut Inner<S>, &mut Due<S>) -> T) -> T {
        let mut due = Due(None);
        let result = {
            let mut inner = self.lock();
            let result = change(&mut inner, &mut due);
            inner.settle(&mut due);
            result
        };
        if let Some(due) = due.0 {
            due.carry_out();
        }
        result
    }

    fn lock(&self) -> MutexGuard<'_, Inner<S>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is to be done once the lock is let go, if there is anything: mostly there is not.
struct Due<S>(Option<Aftermath<S>>);

impl<S> Due<S> {
    fn some(&mut self) -> &mut Aftermath<S> {
        self.0.get_or_insert_with(|| Aftermath {
            wakers: Vec::new(),
            closing: Vec::new(),
            ending: Vec::new(),
            cut: Vec::new(),
        })
    }
}

/// What is done once the lock is let go.
struct Aftermath<S> {
    wakers: Vec<Waker>,
    /// Dropped, which closes their sockets.
    closing: Vec<Box<Lane<S>>>,
    /// Closed, and then dropped by whoever moves their bytes.
    ending: Vec<Arc<Shared<S>>>,
    /// In use, and cut off from that.
    cut: Vec<Arc<Lifeline>>,
}

impl<S> Aftermath<S> {
    #[inline(never)]
    fn carry_out(self) {
        for waker in self.wakers {
            waker.wake();
        }
        for mut lane in self.closing {
            lane.connection.close();
        }
        for shared in self.ending {
            shared.close();
        }
        for lifeline in self.cut {
            lifeline.cut();
        }
    }
}

impl<S> Inner<S> {
    fn wants_http1(&self, key: &PoolKey<'_>) -> bool {
        let is_it = |(host, port): &(String, u16)| *host == *key.host && *port == key.port;
        self.http1.iter().any(is_it)
    }

    /// Carries out what the pool has decided.
    fn settle(&mut self, due: &mut Due<S>) {
        while let Some(Assigned { ticket, outcome }) = self.pool.poll_assigned() {
            if let Some(wait) = self.waiting.get_mut(&ticket) {
                wait.outcome = Some(outcome);
                due.some().wakers.push(wait.waker.clone());
            }
        }
        while let Some(conn) = self.pool.poll_close() {
            due.some().closing.extend(self.take_idle(conn));
            let shared = self.shared.get_mut(conn.index());
            due.some().ending.extend(shared.and_then(Option::take));
            self.drop_lifeline(conn);
        }
    }

    /// The connection is gone, and whoever had it has closed it.
    fn forget(&mut self, conn: ConnId) {
        self.drop_lifeline(conn);
        self.pool.forget(conn);
    }

    fn drop_lifeline(&mut self, conn: ConnId) {
        if let Some(place) = self.lifelines.get_mut(conn.index()) {
            *place = None;
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
    pub(crate) fn peer(&self) -> Option<&Arc<Peer>> {
        match &self.hold {
            Hold::Lane(lane) => Some(&lane.peer),
            Hold::Stream(shared, _) => Some(&shared.peer),
            Hold::Nothing => None,
        }
    }

    /// The address of who is at the other end.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.peer()?.address
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

    /// As [`Lifeline::watch`]. One that is shared is not waited for in this way, but for its stream.
    pub(crate) fn watch(&mut self, waker: &Waker) -> Result<(), Error> {
        match &mut self.hold {
            Hold::Lane(lane) => {
                lane.watched = true;
                lane.lifeline.watch(waker)
            }
            _ => Ok(()),
        }
    }

    /// Whether it was closed together with the client.
    pub(crate) fn is_cut(&self) -> bool {
        match &self.hold {
            Hold::Lane(lane) => lane.lifeline.is_cut(),
            Hold::Stream(shared, _) => shared.lifeline.is_cut(),
            Hold::Nothing => false,
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
    pub(crate) fn established(&mut self) {
        if let Hold::Lane(lane) = &mut self.hold {
            lane.meet();
            lane.lifeline.speaks(Protocol::Http1);
            self.depot.change(|inner| inner.pool.established(lane.id));
        }
    }

    /// It is ready, and from now on shared.
    pub(crate) fn share(&mut self, now: Instant) {
        let Hold::Lane(mut lane) = std::mem::replace(&mut self.hold, Hold::Nothing) else {
            return;
        };
        lane.meet();
        let id = lane.id;
        lane.lifeline.speaks(Protocol::Http2);
        let depot = Arc::downgrade(&self.depot);
        let shared = Arc::new(Shared::new(id, depot, *lane, now));
        self.depot.change(|inner| {
            put(&mut inner.shared, id, Arc::clone(&shared));
            inner.hear(&shared);
        });
        self.hold = Hold::Stream(shared, None);
    }

    /// The connection with its socket, and its place in the pool, which is free once that is dropped.
    /// None where it is shared.
    pub(crate) fn into_lane(mut self) -> Option<(Box<Lane<S>>, Permit<S>)> {
        match std::mem::replace(&mut self.hold, Hold::Nothing) {
            Hold::Lane(lane) => {
                let place = Permit {
                    depot: Arc::clone(&self.depot),
                    conn: Some(lane.id),
                    lifeline: Arc::clone(&lane.lifeline),
                };
                Some((lane, place))
            }
            other => {
                self.hold = other;
                None
            }
        }
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
                self.depot.change(|inner| inner.forget(conn));
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

/// Leave to make a connection, or the place of one that has left HTTP. Dropped, its place in the pool
/// is free again.
pub(crate) struct Permit<S> {
    depot: Arc<Depot<S>>,
    conn: Option<ConnId>,
    lifeline: Arc<Lifeline>,
}

impl<S> Permit<S> {
    /// As [`Lifeline::watch`].
    pub(crate) fn watch(&self, waker: &Waker) -> Result<(), Error> {
        self.lifeline.watch(waker)
    }

    /// Whether the client was closed.
    pub(crate) fn is_cut(&self) -> bool {
        self.lifeline.is_cut()
    }

    /// A transport is there. Say [`Held::established`] or [`Held::share`] when it is ready.
    pub(crate) fn connected(
        mut self,
        connection: Connection,
        socket: S,
        address: Option<SocketAddr>,
        now: Instant,
    ) -> Held<S> {
        let depot = Arc::clone(&self.depot);
        let lifeline = Arc::clone(&self.lifeline);
        lifeline.connected(address, now);
        let hold = self.conn.take().map_or(Hold::Nothing, |id| {
            Hold::Lane(Box::new(Lane {
                id,
                connection,
                socket,
                transmit: Transmit::default(),
                peer: Arc::new(Peer::at(address)),
                lifeline,
                watched: false,
            }))
        });
        Held { depot, hold }
    }
}

impl<S> Drop for Permit<S> {
    fn drop(&mut self) {
        if let Some(conn) = self.conn.take() {
            self.depot.change(|inner| inner.forget(conn));
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
        depot.change_and(|inner, due| {
            inner.pool.handle_timeout(now);
            inner.settle(due);
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
                Assignment::Connect(conn) => {
                    Turn::Granted(Grant::Permit(depot.permit(inner, conn)))
                }
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
        self.depot.change_and(|inner, due| {
            inner.pool.cancel(ticket);
            inner.settle(due);
            let granted = inner.waiting.remove(&ticket).and_then(|wait| wait.outcome);
            match granted {
                Some(Assignment::Reuse(conn) | Assignment::Connect(conn)) => {
                    // Granted and not taken. An idle connection could rest again, but whether it
                    // is still quiet is not known here: it makes room instead.
                    due.some().closing.extend(inner.take_idle(conn));
                    inner.forget(conn);
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
