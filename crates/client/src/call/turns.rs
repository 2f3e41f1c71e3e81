//! Between one request and the next: what the authentication says to a response, and bodies that are
//! read for it or put away.

use super::{Call, DRAINED, Reading, SHOWN, State, Step, Then, Work, over};
use crate::body::Body;
use crate::decoding::Coded;
use crate::error::{Error, Kind};
use crate::exchange::{AfterTurn, Asked, Turn};
use crate::incoming::{Arrival, Incoming, Pull};
use crate::response::{Head, Response};
use bytes::Bytes;
use std::time::Instant;

impl<S> Call<S> {
    /// Shows the authentication a response, whose body has been read or has not.
    pub(super) fn show(
        &mut self,
        response: Response,
        arrival: Arrival<S>,
        now: Instant,
    ) -> Result<(), Error> {
        match self.exchange.show(response) {
            Some(asked) => self.asked(asked, Some(arrival), now),
            None => Err(over()),
        }
    }

    pub(super) fn asked(
        &mut self,
        asked: Asked,
        arrival: Option<Arrival<S>>,
        now: Instant,
    ) -> Result<(), Error> {
        match asked {
            Asked::Now(turn) => {
                self.late = true;
                self.turned(*turn, arrival, now)
            }
            Asked::Later(future) => {
                self.state = State::User(Work::Auth(future, arrival));
                Ok(())
            }
        }
    }

    /// Does what the authentication said.
    pub(super) fn turned(
        &mut self,
        turn: Turn,
        arrival: Option<Arrival<S>>,
        now: Instant,
    ) -> Result<(), Error> {
        let (after, last) = self.exchange.turned(&self.settings, turn)?;
        match (after, last, arrival) {
            (AfterTurn::Send, Some(last), Some(arrival)) => {
                self.put_away(last.into_head(), arrival, now);
            }
            (AfterTurn::Send, _, _) => self.state = State::Ready,
            (AfterTurn::Deliver, Some(last), Some(arrival)) => {
                let (head, seen) = last.into_head().into_seen();
                self.state = State::Answered(arrival, head, seen);
            }
            (AfterTurn::Deliver, _, _) => {
                let text = "the authentication was done before it had sent anything";
                return Err(Error::new(Kind::Usage, text));
            }
        }
        Ok(())
    }

    /// Reads what a response still has to say, so that its connection can be used again.
    pub(super) fn put_away(&mut self, head: Head, arrival: Arrival<S>, now: Instant) {
        let long = head
            .content_length()
            .is_some_and(|length| length > DRAINED as u64);
        if long {
            drop(arrival);
            let elapsed = now.saturating_duration_since(self.started);
            let response = Response::new(head, Bytes::new(), elapsed).cut(true);
            self.exchange.remember(response);
            self.state = State::Ready;
            return;
        }
        self.start_reading(head, arrival, DRAINED, Then::GoOn);
    }

    pub(super) fn start_reading(
        &mut self,
        head: Head,
        arrival: Arrival<S>,
        limit: usize,
        then: Then,
    ) {
        self.state = State::Reading(Box::new(Reading {
            // As it came: a body that is only drained never meets a decoder (SECURITY Z11).
            incoming: Incoming::new(head, arrival, None, self.started, None),
            body: Vec::new(),
            limit,
            then,
        }));
    }

    /// What to do for the rest of such a body; none when there is no more of it.
    pub(super) fn read(
        &mut self,
        mut reading: Box<Reading<S>>,
        now: Instant,
    ) -> Result<Option<Step>, Error> {
        loop {
            let step = match reading.incoming.pull_into(&mut reading.body, now)? {
                Pull::Chunk(_) if reading.body.len() <= reading.limit => continue,
                Pull::Chunk(_) | Pull::End => break,
                Pull::Drive { until } => Step::Drive { until },
                Pull::Feed { until } => Step::Feed { until },
            };
            self.state = State::Reading(reading);
            return Ok(Some(step));
        }
        let Reading {
            incoming,
            mut body,
            limit,
            then,
        } = *reading;
        let whole = body.len() <= limit;
        body.truncate(limit);
        match then {
            Then::GoOn => {
                let response = incoming.into_response(body).cut(!whole);
                self.exchange.remember(response);
                self.state = State::Ready;
            }
            Then::Show if whole => {
                // Shown decoded, and delivered as it came: whoever pulls it decodes it then.
                let raw = Bytes::from(body);
                let head = &incoming.head().head;
                let coded = Coded::of(&self.settings, &self.exchange.request, head);
                let shown = match coded {
                    None => raw.clone(),
                    Some(coded) => coded.whole(raw.clone(), SHOWN)?,
                };
                let response = incoming.into_response(shown);
                self.show(response, Arrival::Reply(Body::from(raw), None), now)?;
            }
            Then::Show => {
                let text =
                    format!("the authentication is to see a body of more than {limit} bytes");
                return Err(Error::new(Kind::RemoteProtocol, text));
            }
        }
        Ok(None)
    }
}
