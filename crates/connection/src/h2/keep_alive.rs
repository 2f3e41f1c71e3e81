//! Whether the peer is still there: a PING where nothing was heard for a while (RFC 9113 section
//! 6.7).

use std::time::{Duration, Instant};

/// The silence of one connection.
#[derive(Debug)]
pub(super) struct KeepAlive {
    every: Duration,
    /// Since when nothing has come, or since when a PING waits for its answer.
    since: Instant,
    asked: bool,
}

/// What silence calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Silence {
    /// It has not lasted long enough.
    Short,
    /// The peer is to be asked.
    Ask,
    /// It was asked, and is gone.
    Dead,
}

impl KeepAlive {
    pub(super) fn new(every: Duration, now: Instant) -> Self {
        KeepAlive {
            every,
            since: now,
            asked: false,
        }
    }

    /// Something came, whatever it was.
    pub(super) fn heard(&mut self, now: Instant) {
        self.since = now;
        self.asked = false;
    }

    pub(super) fn due(&self) -> Instant {
        self.since + self.every
    }

    pub(super) fn check(&mut self, now: Instant) -> Silence {
        if now < self.due() {
            return Silence::Short;
        }
        if self.asked {
            return Silence::Dead;
        }
        // Its time counts from here: nobody may have looked at the connection for long.
        self.since = now;
        self.asked = true;
        Silence::Ask
    }
}
