//! The limit on all that is done for a request (SECURITY D3).

use crate::call::Step;
use crate::error::{Error, Kind};
use crate::timeout::{Timeout, earliest};
use nuncio_connection::Phase;
use std::time::{Duration, Instant};

/// When a request has to be over. Boxed where there is one, since few requests have one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Total {
    limit: Duration,
    until: Instant,
}

impl Total {
    /// The limit of a request that begins now, where it has one that a clock can reach.
    pub(crate) fn new(timeout: &Timeout, now: Instant) -> Option<Box<Self>> {
        let limit = timeout.total_limit()?;
        let until = now.checked_add(limit)?;
        Some(Box::new(Total { limit, until }))
    }

    pub(crate) fn has_passed(&self, now: Instant) -> bool {
        self.until <= now
    }

    /// The end of a wait that may be as long as `until`.
    pub(crate) fn bound(&self, until: Option<Instant>) -> Option<Instant> {
        earliest(until, Some(self.until))
    }

    /// A step whose wait is no longer than this.
    pub(crate) fn bound_step(&self, step: Step) -> Step {
        match step {
            Step::Wait { until } => Step::Wait {
                until: self.bound(until),
            },
            Step::Resolve { until } => Step::Resolve {
                until: self.bound(until),
            },
            Step::Race { until } => Step::Race {
                until: self.bound(until),
            },
            Step::Drive { until } => Step::Drive {
                until: self.bound(until),
            },
            Step::Feed { until } => Step::Feed {
                until: self.bound(until),
            },
            Step::User { until } => Step::User {
                until: self.bound(until),
            },
            Step::Connect { .. } | Step::Probe | Step::Share | Step::Tick | Step::Head => step,
        }
    }

    pub(crate) fn error(&self, doing: Doing) -> Error {
        let text = format!(
            "timed out after {:?} in all, while {}",
            self.limit,
            doing.text()
        );
        Error::new(Kind::TotalTimeout, text).in_phase(doing.phase())
    }
}

/// What is being done for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doing {
    /// Nothing has been asked for yet.
    Beginning,
    /// The pool has none to give.
    AwaitingConnection,
    Resolving,
    Connecting,
    Handshaking,
    Sending,
    AwaitingContinue,
    AwaitingHead,
    ReadingBody,
    /// Of a redirect or a challenge.
    ReadingEarlierBody,
    /// A hook, a transport, an authentication, the source of a body.
    RunningUserCode,
}

impl Doing {
    fn phase(self) -> Option<Phase> {
        match self {
            Doing::AwaitingConnection => Some(Phase::Pool),
            Doing::Resolving | Doing::Connecting | Doing::Handshaking => Some(Phase::Connect),
            Doing::Sending => Some(Phase::Write),
            Doing::AwaitingContinue
            | Doing::AwaitingHead
            | Doing::ReadingBody
            | Doing::ReadingEarlierBody => Some(Phase::Read),
            Doing::Beginning | Doing::RunningUserCode => None,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Doing::Beginning => "preparing the request",
            Doing::AwaitingConnection => "waiting for a connection",
            Doing::Resolving => "looking the host up",
            Doing::Connecting => "connecting",
            Doing::Handshaking => "waiting for the TLS handshake",
            Doing::Sending => "sending the request",
            Doing::AwaitingContinue => "waiting for leave to send the request's body",
            Doing::AwaitingHead => "waiting for the response's head",
            Doing::ReadingBody => "reading the response's body",
            Doing::ReadingEarlierBody => "reading the body of an earlier response",
            Doing::RunningUserCode => {
                "waiting for code of the program's: a hook, a transport, an authentication or a body"
            }
        }
    }
}
