//! What the depot keeps hold of while a connection is elsewhere: by which it can be cut off, and what
//! is known of it.

use crate::error::{Error, Kind};
use nuncio_connection::{ConnectionSnapshot, Protocol};
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Instant;

/// Stands between a connection in the making or in use, and the depot. One for each connection.
#[derive(Debug, Default)]
pub(crate) struct Lifeline(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    cut: bool,
    /// Who waits, and is woken when it is cut.
    waker: Option<Waker>,
    /// Breaks the transport when it is cut, where a waker cannot end a wait.
    breaker: Option<Waker>,
    peer: Option<SocketAddr>,
    protocol: Option<Protocol>,
    since: Option<Instant>,
}

impl Lifeline {
    /// There is a transport.
    pub(crate) fn connected(&self, peer: Option<SocketAddr>, now: Instant) {
        let mut state = self.lock();
        (state.peer, state.since) = (peer, Some(now));
    }

    /// It is known what the connection speaks.
    pub(crate) fn speaks(&self, protocol: Protocol) {
        self.lock().protocol = Some(protocol);
    }

    /// Whoever uses the connection is about to wait, and `waker` ends that wait.
    ///
    /// # Errors
    /// [`Kind::Closed`] if there is nothing to wait for any more.
    pub(crate) fn watch(&self, waker: &Waker) -> Result<(), Error> {
        let mut state = self.lock();
        if state.cut {
            return Err(closed());
        }
        match &mut state.waker {
            Some(known) => known.clone_from(waker),
            None => state.waker = Some(waker.clone()),
        }
        Ok(())
    }

    /// Nobody uses the connection: what waited for it is let go.
    pub(crate) fn unwatch(&self) {
        let waker = self.lock().waker.take();
        drop(waker);
    }

    /// Wakes `breaker` when it is cut, however often the connection is used until then.
    pub(crate) fn break_with(&self, breaker: Waker) {
        let mut state = self.lock();
        if !state.cut {
            state.breaker = Some(breaker);
            return;
        }
        drop(state);
        breaker.wake();
    }

    /// Whether it was cut: then nothing else that went wrong matters.
    pub(crate) fn is_cut(&self) -> bool {
        self.lock().cut
    }

    /// Ends whatever goes on there.
    pub(crate) fn cut(&self) {
        let mut state = self.lock();
        state.cut = true;
        let woken = [state.breaker.take(), state.waker.take()];
        drop(state);
        for waker in woken.into_iter().flatten() {
            waker.wake();
        }
    }

    /// Adds what is known.
    pub(crate) fn describe(&self, shown: &mut ConnectionSnapshot, now: Instant) {
        let state = self.lock();
        (shown.peer, shown.protocol) = (state.peer, state.protocol);
        shown.age = state
            .since
            .map(|since| now.saturating_duration_since(since));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn closed() -> Error {
    Error::new(Kind::Closed, "the client has been closed")
}
