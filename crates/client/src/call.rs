//! `Call`: one request of the user's, from its first hook to the head of its response, as steps for
//! an adapter to carry out.
//!
//! Everything that is decided on the way is decided on this side: [`Exchange`] knows what is asked
//! next, [`Leg`] takes one request over the network, transports of the user's take its place. An
//! adapter looks names up, dials, moves bytes and waits; it takes no decision.

mod time;
mod turns;

use crate::BoxFuture;
use crate::body::Body;
use crate::decoding::Coded;
use crate::depot::{Depot, Lane};
use crate::dialing::{Hop, Resolver, SocketOptions, Target};
use crate::error::{Error, Kind};
use crate::exchange::{Exchange, Seen, Turn, Verdict};
use crate::feed::{Feed, Side, with_a};
use crate::hooks::Shown;
use crate::incoming::{Arrival, Incoming};
use crate::leg::{Leg, LegStep, port_of};
use crate::lifeline::closed;
use crate::reply::Reply;
use crate::request::Request;
use crate::response::{Head, Interim, Response};
use crate::routes::Carrier;
use crate::settings::Settings;
use crate::shared::Shared;
use crate::total::Total;
use crate::transport::{Sent, hand_over};
use crate::upgrade::{Switched, switches};
use bytes::Bytes;
use http::Method;
use nuncio_connection::{Address, ResponseHead, StreamId};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Instant, SystemTime};

/// The most that is read of the body of a response which is not the last, in bytes; of one that is
/// longer, the connection is closed (SECURITY R15).
const DRAINED: usize = 64 * 1024;

/// The most that is read of a body for an authentication to see, in bytes.
const SHOWN: usize = 1024 * 1024;

/// What an adapter is to do next. `until` is when to come back if nothing happens before.
#[derive(Debug)]
pub enum Step {
    /// Wait for the waker: a connection is being waited for, or there is a pause before one is tried
    /// for again. What is left of a race is given up.
    Wait {
        /// The pool deadline, or the end of the pause.
        until: Option<Instant>,
    },
    /// Look up [`Call::host`], with [`Call::resolver`], and say [`Call::resolved`].
    Resolve {
        /// The connect deadline.
        until: Option<Instant>,
    },
    /// Begin to connect, and come back at once.
    Connect {
        /// The number of the attempt, counted from 0: with 0 a new race begins, and what is left of
        /// an earlier one is given up.
        attempt: usize,
        /// Whom to dial.
        address: Address,
        /// What to ask of the socket.
        options: Arc<SocketOptions>,
    },
    /// Wait until one of the attempts begun has connected or failed, and say [`Call::connected`].
    /// When one has connected, give up the others.
    Race {
        /// When the next attempt begins, or all are given up.
        until: Option<Instant>,
    },
    /// Make one read of [`Call::lane`], or of [`Call::shared`] if nobody else reads there, that does
    /// not wait.
    Probe,
    /// From now on [`Call::shared`] is a connection that several requests use: see that somebody
    /// moves its bytes, and is woken as [`Mover`](crate::Mover) says.
    Share,
    /// Move bytes between the socket and the connection of [`Call::lane`], as it wants; or wait
    /// until there is news of the stream of [`Call::shared`], or room for one where it has none yet.
    Drive {
        /// The connection's next deadline.
        until: Option<Instant>,
    },
    /// Ask [`Call::feed`] and say [`Call::supply`]. If it has to be waited for, drive meanwhile,
    /// where there is something to drive.
    Feed {
        /// The connection's next deadline.
        until: Option<Instant>,
    },
    /// Code of the user's has run, however long that took: look at the clock and come back.
    Tick,
    /// Code of the user's has to be waited for: [`Call::poll_user`]. Only on async clients.
    User {
        /// When to come back in any case.
        until: Option<Instant>,
    },
    /// The response's head is here: go on with [`Call::into_incoming`].
    Head,
}

/// What an adapter tells a call about itself.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Which way it waits.
    pub side: Side,
    /// The time of day, which cookies expire by.
    pub wall_clock: fn() -> SystemTime,
    /// Tells apart what may not share connections although client and origin are the same: the
    /// instance of the runtime on which a socket lives.
    pub runtime: u64,
}

/// One request under way. Dropped, it gives back what it holds: a place in the queue, a slot in
/// the pool, a connection (which is closed if the exchange was not complete).
pub struct Call<S> {
    settings: Arc<Settings>,
    depots: Arc<[Arc<Depot<S>>]>,
    place: Place,
    exchange: Exchange,
    started: Instant,
    peer: Option<SocketAddr>,
    /// Code of the user's has run since the clock was looked at.
    late: bool,
    total: Option<Box<Total>>,
    /// What came before the head that is awaited.
    interim: Vec<Interim>,
    state: State<S>,
}

enum State<S> {
    /// Nothing has been done yet.
    Begin,
    /// The request's body is read, for the authentication to see it.
    Loading(Feed, Vec<u8>),
    /// The request may be sent as soon as the hooks have seen it.
    Ready,
    /// It goes out.
    Settled,
    Network(Leg<S>),
    /// Code of the user's is at work.
    User(Work<S>),
    /// A transport of the user's has answered.
    Replied(Box<Result<Reply, Error>>),
    /// The head is here, and may still be looked at.
    Arrived(Arrival<S>, ResponseHead, Seen),
    /// A body is read before what comes after it is known, or because something comes after it.
    Reading(Box<Reading<S>>),
    Answered(Arrival<S>, ResponseHead, Seen),
    Done,
}

/// What of the user's is waited for.
enum Work<S> {
    RequestHooks(BoxFuture<'static, Result<Request, Error>>),
    Transport(BoxFuture<'static, Result<Reply, Error>>),
    ResponseHooks(BoxFuture<'static, Result<Head, Error>>, Arrival<S>),
    Auth(BoxFuture<'static, Turn>, Option<Arrival<S>>),
}

struct Reading<S> {
    incoming: Incoming<S>,
    body: Vec<u8>,
    limit: usize,
    then: Then,
}

/// What a body is read for.
#[derive(Clone, Copy)]
enum Then {
    /// It is put away, and the next request goes out.
    GoOn,
    /// The authentication wants to see it.
    Show,
}

impl<S> Call<S> {
    /// A call for `request`. `depots` are those of the client's networks, in their order.
    ///
    /// # Errors
    /// [`Kind::Usage`] when the body waits in another way than the adapter does.
    #[inline]
    pub fn new(
        settings: &Arc<Settings>,
        depots: &Arc<[Arc<Depot<S>>]>,
        request: Request,
        place: Place,
        now: Instant,
    ) -> Result<Self, Error> {
        let exchange = Exchange::new(request, place.side, place.wall_clock)?;
        Ok(Call {
            settings: Arc::clone(settings),
            depots: Arc::clone(depots),
            place,
            total: Total::new(&exchange.timeout(settings), now),
            exchange,
            interim: Vec::new(),
            started: now,
            peer: None,
            late: false,
            state: State::Begin,
        })
    }

    /// The host to be looked up: the URL's, or a proxy's.
    pub fn host(&self) -> &str {
        self.target().host
    }

    /// The port to be dialled.
    pub fn port(&self) -> u16 {
        self.target().port
    }

    fn target(&self) -> Target<'_> {
        let request = &self.exchange.request;
        match &self.state {
            State::Network(leg) => leg.target(request),
            _ => Target {
                host: request.url().host_str(),
                port: port_of(request),
                hop: Hop::Origin,
            },
        }
    }

    /// What looks it up; none for the system.
    pub fn resolver(&self) -> Option<&Resolver> {
        match &self.state {
            State::Network(leg) => leg.resolver(),
            _ => None,
        }
    }

    /// The connection in use, with its socket; none where it is [shared](Self::shared).
    pub fn lane(&mut self) -> Option<&mut Lane<S>> {
        match &mut self.state {
            State::Network(leg) => leg.lane(),
            State::Reading(reading) => reading.incoming.lane(),
            _ => None,
        }
    }

    /// The shared connection in use, and the stream on it, once there is one.
    pub fn shared(&self) -> Option<(&Arc<Shared<S>>, Option<StreamId>)> {
        match &self.state {
            State::Network(leg) => leg.shared(),
            State::Reading(reading) => reading.incoming.shared(),
            _ => None,
        }
    }

    /// Has `waker` woken when the client is closed, which ends whatever of the network's is being
    /// waited for. Said before each such wait; waiting for the pool needs none.
    ///
    /// # Errors
    /// [`Kind::Closed`] if it was closed already; the call is over then.
    pub fn watch(&mut self, waker: &Waker, now: Instant) -> Result<(), Error> {
        let told = match &mut self.state {
            State::Network(leg) => leg.watch(waker),
            State::Reading(reading) => return reading.incoming.watch(waker, now),
            _ => return Ok(()),
        };
        self.keep_on(told)
    }

    /// What [`Step::Feed`] asks.
    pub fn feed(&mut self) -> Option<&mut Feed> {
        match &mut self.state {
            State::Loading(feed, _) => Some(feed),
            State::Network(leg) => leg.feed(),
            State::Reading(reading) => reading.incoming.feed(),
            _ => None,
        }
    }

    /// When the call began.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// What to do next, until the head of the response is here. `waker` is woken when a wait for
    /// the pool may be over.
    ///
    /// # Errors
    /// Whatever ended the call; it is over then.
    pub fn step(&mut self, now: Instant, waker: &Waker) -> Result<Step, Error> {
        if self.total.is_some() {
            return self.step_in_time(now, waker);
        }
        self.advance(now, waker).map_err(|error| self.blame(error))
    }

    fn advance(&mut self, now: Instant, waker: &Waker) -> Result<Step, Error> {
        loop {
            // Most steps are taken while a request is under way, and move nothing.
            if let State::Network(leg) = &mut self.state {
                match leg.step(&mut self.exchange.request, now, waker) {
                    Ok(LegStep::Go(step)) => return Ok(step),
                    Ok(LegStep::Interim(head)) => self.show_interim(head),
                    Ok(LegStep::Head(head)) => {
                        self.peer = leg.peer;
                        let Some(running) = leg.take_running() else {
                            return Err(over());
                        };
                        let seen = Seen {
                            peer: running.held.peer().cloned(),
                            stream: running.stream(&head),
                            ..Seen::default()
                        };
                        let arrival = Arrival::Running(running);
                        self.state = State::Done;
                        self.show_head(arrival, head, seen, now)?;
                    }
                    Err(error) => {
                        self.peer = leg.peer;
                        let error = leg.blame(error);
                        self.state = State::Done;
                        return Err(error);
                    }
                }
            }
            if std::mem::take(&mut self.late) && !matches!(self.state, State::Done) {
                return Ok(Step::Tick);
            }
            match &self.state {
                State::Network(_) => continue,
                State::User(_) => return Ok(Step::User { until: None }),
                State::Answered(..) => return Ok(Step::Head),
                State::Loading(..) => return Ok(Step::Feed { until: None }),
                State::Done => return Err(over()),
                _ => {}
            }
            match std::mem::replace(&mut self.state, State::Done) {
                State::Begin => {
                    self.open()?;
                    let side = self.place.side;
                    if let Some(feed) = self.exchange.lend_to_load(&self.settings, side) {
                        self.state = State::Loading(feed, Vec::new());
                        return Ok(Step::Feed { until: None });
                    }
                    match self
                        .exchange
                        .authenticate(&self.settings, self.place.side)?
                    {
                        None => self.show_request(now)?,
                        Some(asked) => self.asked(asked, None, now)?,
                    }
                }
                State::Ready => self.show_request(now)?,
                State::Settled => self.send(now)?,
                State::Replied(reply) => self.replied((*reply)?, now)?,
                State::Arrived(arrival, head, seen) => self.judge(arrival, head, seen, now)?,
                State::Reading(reading) => {
                    if let Some(step) = self.read(reading, now)? {
                        return Ok(step);
                    }
                }
                State::Loading(..)
                | State::Network(_)
                | State::User(_)
                | State::Answered(..)
                | State::Done => return Err(over()),
            }
        }
    }

    /// A closed client asks nobody, code of the user's included.
    fn open(&self) -> Result<(), Error> {
        if self.depots.first().is_some_and(|depot| depot.is_closed()) {
            return Err(closed());
        }
        Ok(())
    }

    /// The request's hooks, where there are any.
    fn show_request(&mut self, now: Instant) -> Result<(), Error> {
        self.exchange.within_limit(&self.settings)?;
        let hooks = &self.settings.hooks.request;
        if hooks.is_empty() {
            return self.send(now);
        }
        let own = &mut self.exchange.request;
        let mut request = own.without_body();
        std::mem::swap(request.body_mut(), own.body_mut());
        self.late = true;
        match hooks.run(request) {
            Shown::Now(seen) => self.seen_request(seen?),
            Shown::Later(future) => self.state = State::User(Work::RequestHooks(future)),
        }
        Ok(())
    }

    fn seen_request(&mut self, request: Request) {
        self.exchange.request = request;
        self.state = State::Settled;
    }

    /// Puts the request on its way.
    fn send(&mut self, now: Instant) -> Result<(), Error> {
        self.started = now;
        self.peer = None;
        match self.settings.carrier(&self.exchange.request)? {
            Carrier::Network(index, proxy) => {
                let wiring = self.settings.routes.network(index);
                let (Some(wiring), Some(depot)) = (wiring, self.depots.get(index)) else {
                    return Err(over());
                };
                self.state = State::Network(Leg::new(
                    Arc::clone(wiring),
                    Arc::clone(depot),
                    self.exchange.timeout(&self.settings),
                    self.place.runtime,
                    proxy,
                    self.exchange.request.listener(),
                ));
            }
            Carrier::Custom(custom) => {
                if self.depots.first().is_some_and(|depot| depot.is_closed()) {
                    return Err(closed());
                }
                let request = &mut self.exchange.request;
                let mut copy = request.without_body();
                *copy.body_mut() = hand_over(request.body_mut());
                copy.set_timeout(self.exchange.timeout(&self.settings));
                match custom.send(copy, self.place.side, now) {
                    Sent::Now(reply) => {
                        self.late = true;
                        self.state = State::Replied(reply);
                    }
                    Sent::Later(future) => self.state = State::User(Work::Transport(future)),
                }
            }
        }
        Ok(())
    }

    /// An interim response came.
    fn show_interim(&mut self, head: ResponseHead) {
        let interim = Interim::new(self.exchange.request.url().clone(), head);
        for hook in &self.settings.hooks.interim {
            hook(&interim);
            self.late = true;
        }
        self.interim.push(interim);
    }

    /// A transport of the user's answered.
    fn replied(&mut self, mut reply: Reply, now: Instant) -> Result<(), Error> {
        let returned = reply.returned.take();
        for head in std::mem::take(&mut reply.interim) {
            self.show_interim(head);
        }
        let (head, body, extensions) = reply.into_parts()?;
        let side = self.place.side;
        if let Some(of) = body.side().filter(|of| *of != side) {
            let (of, side) = (with_a(of), with_a(side));
            let text = format!("the reply to {side} client has {of} body");
            return Err(Error::new(Kind::Usage, text));
        }
        let bodiless = *self.exchange.request.method() == Method::HEAD;
        let body = if bodiless { Body::empty() } else { body };
        let seen = Seen {
            extensions,
            ..Seen::default()
        };
        self.show_head(Arrival::Reply(body, returned), head, seen, now)
    }

    /// The response's hooks, where there are any.
    fn show_head(
        &mut self,
        arrival: Arrival<S>,
        head: ResponseHead,
        mut seen: Seen,
        now: Instant,
    ) -> Result<(), Error> {
        seen.received = self.exchange.keep_cookies(&self.settings, &head.headers);
        seen.waited = now.saturating_duration_since(self.started);
        seen.interim = std::mem::take(&mut self.interim);
        let hooks = &self.settings.hooks.response;
        if hooks.is_empty() {
            return self.judge(arrival, head, seen, now);
        }
        let head = Head::of(self.exchange.request.sent(), head, seen);
        self.late = true;
        match hooks.run(head) {
            Shown::Now(seen) => self.seen_head(seen?, arrival),
            Shown::Later(future) => {
                self.state = State::User(Work::ResponseHooks(future, arrival));
            }
        }
        Ok(())
    }

    fn seen_head(&mut self, head: Head, arrival: Arrival<S>) {
        let (head, seen) = head.into_seen();
        self.state = State::Arrived(arrival, head, seen);
    }

    /// Whether the response is the last.
    fn judge(
        &mut self,
        mut arrival: Arrival<S>,
        head: ResponseHead,
        seen: Seen,
        now: Instant,
    ) -> Result<(), Error> {
        let feed = match &mut arrival {
            Arrival::Running(running) if running.is_sent() => running.feed.take(),
            Arrival::Running(_) => None,
            Arrival::Reply(_, returned) => returned.take(),
        };
        if let Verdict::GoOn(sent) = self.exchange.answered(&self.settings, &head, feed)? {
            self.put_away(Head::of(sent, head, seen), arrival, now);
            return Ok(());
        }
        match self.exchange.awaits_response() {
            None => self.state = State::Answered(arrival, head, seen),
            Some(body) => {
                // What has left HTTP has no body, and would be lost by being read.
                let body = body && !switches(self.exchange.request.method(), head.status);
                let head = Head::of(self.exchange.request.sent(), head, seen);
                if body {
                    self.start_reading(head, arrival, SHOWN, Then::Show);
                } else {
                    let elapsed = now.saturating_duration_since(self.started);
                    let response = Response::new(head, Bytes::new(), elapsed);
                    self.show(response, arrival, now)?;
                }
            }
        }
        Ok(())
    }

    /// Waits for code of the user's: a hook, a transport, an authentication. Ready when
    /// [`step`](Self::step) can go on.
    ///
    /// # Errors
    /// What that code gave; the call is over then.
    pub fn poll_user(&mut self, now: Instant, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.in_time(now)?;
        match std::mem::replace(&mut self.state, State::Done) {
            State::User(work) => self.poll_work(work, now, cx),
            other => {
                self.state = other;
                return Poll::Ready(Ok(()));
            }
        }
        .map_err(|error| self.blame(error))
    }

    fn poll_work(
        &mut self,
        work: Work<S>,
        now: Instant,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Error>> {
        match work {
            Work::Auth(mut future, arrival) => match future.as_mut().poll(cx) {
                Poll::Ready(turn) => return Poll::Ready(self.turned(turn, arrival, now)),
                Poll::Pending => self.state = State::User(Work::Auth(future, arrival)),
            },
            Work::RequestHooks(mut future) => match future.as_mut().poll(cx) {
                Poll::Ready(seen) => {
                    self.seen_request(seen?);
                    return Poll::Ready(Ok(()));
                }
                Poll::Pending => self.state = State::User(Work::RequestHooks(future)),
            },
            Work::Transport(mut future) => match future.as_mut().poll(cx) {
                Poll::Ready(reply) => return Poll::Ready(self.replied(reply?, now)),
                Poll::Pending => self.state = State::User(Work::Transport(future)),
            },
            Work::ResponseHooks(mut future, arrival) => match future.as_mut().poll(cx) {
                Poll::Ready(head) => {
                    self.seen_head(head?, arrival);
                    return Poll::Ready(Ok(()));
                }
                Poll::Pending => self.state = State::User(Work::ResponseHooks(future, arrival)),
            },
        }
        Poll::Pending
    }

    /// The look-up is over.
    ///
    /// # Errors
    /// [`Kind::Connect`] when it failed or found nothing, [`Kind::ConnectTimeout`] when it took
    /// too long; the call is over then.
    pub fn resolved(
        &mut self,
        found: io::Result<Vec<SocketAddr>>,
        now: Instant,
    ) -> Result<(), Error> {
        self.in_time(now)?;
        let told = match &mut self.state {
            State::Network(leg) => leg.resolved(&self.exchange.request, found, now),
            _ => Err(Error::new(Kind::Usage, "no look-up is under way")),
        };
        self.keep_on(told)
    }

    /// The address of an attempt answered, or failed: what comes of that is the next step.
    ///
    /// # Errors
    /// Those of the layers above the socket; the call is over then.
    pub fn connected(
        &mut self,
        attempt: usize,
        socket: io::Result<S>,
        now: Instant,
    ) -> Result<(), Error> {
        self.in_time(now)?;
        let told = match &mut self.state {
            State::Network(leg) => leg.connected(&self.exchange.request, attempt, socket, now),
            _ => Err(Error::new(Kind::Usage, "nothing is being dialled")),
        };
        self.keep_on(told)
    }

    /// What [`feed`](Self::feed) gave: the next piece, `None` at the end, or why it failed.
    ///
    /// # Errors
    /// [`Kind::RequestBody`] when the source failed, [`Kind::LocalProtocol`] when it gave more or
    /// less than was announced; the call is over then.
    pub fn supply(&mut self, piece: Option<io::Result<Bytes>>, now: Instant) -> Result<(), Error> {
        let told = match &mut self.state {
            State::Loading(_, body) => match piece {
                Some(Ok(piece)) => {
                    body.extend_from_slice(&piece);
                    Ok(())
                }
                Some(Err(error)) => Err(Error::request_body(&error)),
                None => {
                    let body = Bytes::from(std::mem::take(body));
                    *self.exchange.request.body_mut() = Body::from(body);
                    self.state = State::Begin;
                    Ok(())
                }
            },
            State::Network(leg) => leg.supply(piece, now),
            State::Reading(reading) => reading.incoming.supply(piece, now),
            _ => Err(Error::new(Kind::Usage, "no body is being sent")),
        };
        self.keep_on(told)
    }

    fn keep_on(&mut self, told: Result<(), Error>) -> Result<(), Error> {
        told.map_err(|mut error| {
            if let State::Network(leg) = &self.state {
                self.peer = leg.peer;
                error = leg.blame(error);
            }
            self.state = State::Done;
            self.blame(error)
        })
    }

    /// The response, once [`Step::Head`] said that it is here.
    ///
    /// # Errors
    /// [`Kind::Usage`] before that.
    #[inline]
    pub fn into_incoming(self) -> Result<Incoming<S>, Error> {
        if let State::Answered(Arrival::Running(_), head, _) = &self.state
            && switches(self.exchange.request.method(), head.status)
        {
            return self.into_switched();
        }
        let State::Answered(arrival, head, seen) = self.state else {
            return Err(Error::new(
                Kind::Usage,
                "the response's head has not come yet",
            ));
        };
        let coded = Coded::of(&self.settings, &self.exchange.request, &head);
        let mut head = self.exchange.into_head(head, seen);
        head.set_default_encoding(&self.settings.default_encoding);
        Ok(Incoming::new(
            head,
            arrival,
            coded,
            self.started,
            self.total,
        ))
    }

    /// A response that has left HTTP: its connection can be taken, with the TLS of its network.
    #[cold]
    fn into_switched(self) -> Result<Incoming<S>, Error> {
        let State::Answered(arrival, head, seen) = self.state else {
            return Err(over());
        };
        let limit = self.exchange.timeout(&self.settings).connect_limit();
        let wiring = match self.settings.routes.carrier(&self.exchange.request) {
            Carrier::Network(index, _) => self.settings.routes.network(index).map(Arc::clone),
            Carrier::Custom(_) => None,
        };
        let head = self.exchange.into_head(head, seen);
        let mut incoming = Incoming::new(head, arrival, None, self.started, None);
        incoming.switch(|running| Switched::new(running, wiring, limit));
        Ok(incoming)
    }

    fn blame(&self, error: Error) -> Error {
        let request = &self.exchange.request;
        error
            .for_request(request.method().as_str(), request.url())
            .at(self.peer)
    }
}

fn over() -> Error {
    Error::new(Kind::Usage, "this call is over")
}
