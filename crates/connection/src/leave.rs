//! A request's body that waits for leave to go: `Expect: 100-continue` (RFC 9110 section 10.1.1).

use crate::h1::after;
use std::time::{Duration, Instant};

/// Whether a request's body may go up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leave {
    /// It may.
    Given,
    /// The peer was asked and has not said anything. From this time on it goes unasked: a server that
    /// does not know the expectation waits for the body.
    Awaited(Option<Instant>),
}

impl Leave {
    /// `wait`: how long the peer's word is waited for, where that was asked for at all.
    pub(crate) fn new(wait: Option<Duration>, now: Instant) -> Self {
        match wait {
            None => Leave::Given,
            Some(_) => Leave::Awaited(after(now, wait)),
        }
    }

    pub(crate) fn is_awaited(self) -> bool {
        matches!(self, Leave::Awaited(_))
    }

    pub(crate) fn until(self) -> Option<Instant> {
        match self {
            Leave::Given => None,
            Leave::Awaited(until) => until,
        }
    }

    /// A head of this status came: 100 gives leave, and after a final one there is none to wait for.
    pub(crate) fn heard(&mut self, status: u16) {
        if matches!(status, 100 | 101 | 200..) {
            *self = Leave::Given;
        }
    }

    /// Time has passed; true when that gave leave.
    pub(crate) fn expire(&mut self, now: Instant) -> bool {
        let over = self.until().is_some_and(|until| until <= now);
        if over {
            *self = Leave::Given;
        }
        over
    }
}
