//! A connection that is being made: between the machine that races addresses and the leg.

use super::{Dials, Target};
use crate::call::Step;
use crate::depot::Permit;
use crate::error::Error;
use nuncio_connection::{Address, DialError, DialFailure, DialStep, Dialer, Event, EventSink};
use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

/// A connection that is being made.
pub(crate) struct Dialing<S> {
    permit: Permit<S>,
    dialer: Dialer,
    /// When connecting is over, the handshake included.
    pub(crate) until: Option<Instant>,
}

impl<S> Dialing<S> {
    pub(crate) fn new(permit: Permit<S>, dialer: Dialer, until: Option<Instant>) -> Self {
        Dialing {
            permit,
            dialer,
            until,
        }
    }

    /// What to do next; none when no address is left, and [`failed`](Self::failed) says why.
    pub(crate) fn step(
        &mut self,
        target: Target<'_>,
        dials: &Dials,
        events: &EventSink,
        now: Instant,
    ) -> Option<Step> {
        loop {
            match self.dialer.poll(now) {
                DialStep::Begin(attempt) => {
                    let address = self.dialer.address(attempt)?.clone();
                    match dials.judge(target, &address) {
                        Ok(()) => {
                            events.raise(|| Event::ConnectStarted { address: &address });
                            let options = Arc::clone(&dials.options);
                            return Some(Step::Connect {
                                attempt,
                                address,
                                options,
                            });
                        }
                        Err(reason) => {
                            let failure = DialFailure::Refused(reason);
                            self.attempt_failed(attempt, failure, events);
                        }
                    }
                }
                DialStep::Wait(until) => return Some(Step::Race { until }),
                DialStep::Expired(attempt) => {
                    self.tell(attempt, &DialFailure::TimedOut, events);
                }
                DialStep::Failed => return None,
            }
        }
    }

    /// An attempt failed.
    pub(crate) fn attempt_failed(
        &mut self,
        attempt: usize,
        failure: DialFailure,
        events: &EventSink,
    ) {
        self.tell(attempt, &failure, events);
        self.dialer.failed(attempt, failure);
    }

    fn tell(&self, attempt: usize, failure: &DialFailure, events: &EventSink) {
        if let (true, Some(address)) = (events.listens(), self.dialer.address(attempt)) {
            let error = &failure.to_error();
            events.raise(|| Event::ConnectFailed { address, error });
        }
    }

    /// An attempt answered, if it is one.
    pub(crate) fn answered(&mut self, attempt: usize, events: &EventSink) -> Option<Address> {
        let address = self.dialer.connected(attempt)?;
        events.raise(|| Event::ConnectComplete { address });
        Some(address.clone())
    }

    /// Has `waker` woken when the client is closed.
    pub(crate) fn watch(&mut self, waker: &Waker) -> Result<(), Error> {
        self.permit.watch(waker)
    }

    /// Whether the client was closed meanwhile.
    pub(crate) fn is_cut(&self) -> bool {
        self.permit.is_cut()
    }

    pub(crate) fn into_permit(self) -> Permit<S> {
        self.permit
    }

    /// Why no address could be connected to.
    pub(crate) fn failed(self) -> DialError {
        self.dialer.into_failures()
    }
}
