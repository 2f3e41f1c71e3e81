//! A call's end by time (SECURITY D3).

use super::{Call, State, Step, Work, over};
use crate::error::Error;
use crate::total::Doing;
use nuncio_connection::Processed;
use std::task::Waker;
use std::time::Instant;

impl<S> Call<S> {
    /// As `step`, where all of the call has a limit.
    #[cold]
    pub(super) fn step_in_time(&mut self, now: Instant, waker: &Waker) -> Result<Step, Error> {
        self.in_time(now)?;
        let step = self.advance(now, waker);
        let step = step.map_err(|error| self.blame(error))?;
        Ok(match &mut self.total {
            Some(total) => total.bound_step(step),
            None => step,
        })
    }

    /// Ends the call if its time is up.
    pub(super) fn in_time(&mut self, now: Instant) -> Result<(), Error> {
        match &self.total {
            Some(total) if total.has_passed(now) && !matches!(self.state, State::Done) => {
                Err(self.time_is_up())
            }
            _ => Ok(()),
        }
    }

    pub(super) fn time_is_up(&mut self) -> Error {
        let (doing, processed) = match &mut self.state {
            State::Network(leg) => {
                self.peer = leg.peer;
                leg.late()
            }
            State::Reading(_) => (Doing::ReadingEarlierBody, Processed::Yes),
            State::User(Work::Transport(_)) => (Doing::RunningUserCode, Processed::Maybe),
            State::Begin | State::Ready | State::Settled => (Doing::Beginning, Processed::No),
            State::Loading(..) => (Doing::RunningUserCode, Processed::No),
            State::User(Work::RequestHooks(_) | Work::Auth(_, None)) => {
                (Doing::RunningUserCode, Processed::No)
            }
            _ => (Doing::RunningUserCode, Processed::Yes),
        };
        self.state = State::Done;
        let error = match &self.total {
            Some(total) => total.error(doing),
            None => over(),
        };
        self.blame(error.with_processed(processed))
    }
}
