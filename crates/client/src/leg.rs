//! One request on the wire: which connection, whether it is still good, what is sent and when; and in
//! `again.rs`, whether it is sent once more.

mod again;

use crate::call::Step;
use crate::depot::{Depot, Grant, Held, Lane, Permit, Place, Turn};
use crate::dialing::{Dialing, Hop, Known, Resolver, Target, lookup_failed};
use crate::error::{Error, Kind};
use crate::feed::Feed;
use crate::lifeline::closed;
use crate::low_speed::LowSpeed;
use crate::network::Wiring;
use crate::proxy::{Detour, Proxy, Said};
use crate::request::Request;
use crate::running::{Progress, Running, Upload, expire};
use crate::shared::{Shared, is_full};
use crate::timeout::{Timeout, Waits, after};
use crate::total::Doing;
use again::{REFUSALS, Replays, expects_continue};
use bytes::Bytes;
use http::Method;
use nuncio_connection::{
    BodySize, Connection, Deadlines, DialFailure, Dialer, Error as ConnectionError, Event,
    EventSink, Phase, PoolKey, Processed, Protocol, ProxyError, RequestHead, ResponseHead, RouteId,
    StreamId, check_request,
};
use std::borrow::Cow;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

/// One request's way over the network. The request itself stays with the caller.
pub(crate) struct Leg<S> {
    wiring: Arc<Wiring>,
    depot: Arc<Depot<S>>,
    waits: Waits,
    low_speed: Option<Box<LowSpeed>>,
    runtime: u64,
    /// The proxy on the way.
    detour: Option<Box<Detour>>,
    /// How often it was sent again, after failures and refusals.
    replays: Replays,
    /// The next connection is not to be an idle one.
    fresh: bool,
    /// The server wants HTTP/1.1.
    http1: bool,
    pub(crate) peer: Option<SocketAddr>,
    /// Who is told of it, if somebody listens to this request beside those who listen to the client.
    events: Option<Box<EventSink>>,
    state: State<S>,
}

/// What comes next.
pub(crate) enum LegStep {
    Go(Step),
    /// The head of an interim response is here.
    Interim(ResponseHead),
    /// The head is here; the rest is [`Leg::take_running`]'s.
    Head(ResponseHead),
}

enum State<S> {
    Start,
    Waiting {
        place: Place<S>,
        until: Option<Instant>,
    },
    Resolving {
        permit: Permit<S>,
        until: Option<Instant>,
    },
    Dialing(Dialing<S>),
    /// No connection could be made: until then, before it is tried once more.
    Pausing(Instant),
    /// An idle connection, to be looked at.
    Reused(Held<S>),
    /// An idle connection that is being looked at.
    Probing(Held<S>),
    Handshaking(Held<S>),
    /// A connection that was made for this request and is shared from now on.
    Sharing(Held<S>),
    /// The same, and its server allows no requests for now.
    #[cfg_attr(
        not(feature = "http2"),
        expect(dead_code, reason = "HTTP/1.1 has no such thing")
    )]
    Crowded {
        held: Held<S>,
        until: Option<Instant>,
    },
    Running(Running<S>),
    Done,
}

impl<S> Leg<S> {
    pub(crate) fn new(
        wiring: Arc<Wiring>,
        depot: Arc<Depot<S>>,
        timeout: Timeout,
        runtime: u64,
        proxy: Option<Proxy>,
        listener: Option<&EventSink>,
    ) -> Self {
        let events = listener.map(|own| Box::new(wiring.connection.events.and(own)));
        Leg {
            wiring,
            depot,
            waits: timeout.waits(),
            low_speed: LowSpeed::new(&timeout),
            runtime,
            detour: proxy.map(|proxy| Box::new(Detour::new(proxy))),
            replays: Replays::default(),
            fresh: false,
            http1: false,
            peer: None,
            events,
            state: State::Start,
        }
    }

    /// Whom to look up, to judge and to dial next.
    pub(crate) fn target<'a>(&'a self, request: &'a Request) -> Target<'a> {
        match &self.detour {
            None => Target {
                host: request.url().host_str(),
                port: port_of(request),
                hop: Hop::Origin,
            },
            Some(detour) => detour.target(request.url()),
        }
    }

    /// Says which proxy failed, or was on the way.
    pub(crate) fn blame(&self, error: Error) -> Error {
        match &self.detour {
            None => error,
            Some(detour) => detour.blame(error),
        }
    }

    /// The connection in use, with its socket.
    pub(crate) fn lane(&mut self) -> Option<&mut Lane<S>> {
        match &mut self.state {
            State::Probing(held)
            | State::Handshaking(held)
            | State::Running(Running { held, .. }) => held.lane(),
            _ => None,
        }
    }

    /// The shared connection in use, and the stream on it, once there is one.
    pub(crate) fn shared(&self) -> Option<(&Arc<Shared<S>>, Option<StreamId>)> {
        match &self.state {
            State::Probing(held)
            | State::Sharing(held)
            | State::Crowded { held, .. }
            | State::Running(Running { held, .. }) => held.shared(),
            _ => None,
        }
    }

    /// Has `waker` woken when the client is closed, for a wait outside of the pool.
    ///
    /// # Errors
    /// [`Kind::Closed`] if it was; the leg is over then.
    pub(crate) fn watch(&mut self, waker: &Waker) -> Result<(), Error> {
        let watched = match &mut self.state {
            State::Resolving { permit, .. } => permit.watch(waker),
            State::Dialing(dialing) => dialing.watch(waker),
            State::Handshaking(held) | State::Running(Running { held, .. }) => held.watch(waker),
            _ => Ok(()),
        };
        watched.inspect_err(|_| self.state = State::Done)
    }

    /// What the upload asks.
    pub(crate) fn feed(&mut self) -> Option<&mut Feed> {
        match &mut self.state {
            State::Running(running) => running.feed.as_mut(),
            _ => None,
        }
    }

    /// What to do next, until the head of the response is here.
    pub(crate) fn step(
        &mut self,
        request: &mut Request,
        now: Instant,
        waker: &Waker,
    ) -> Result<LegStep, Error> {
        loop {
            // Most steps are taken while an exchange is under way, and move nothing.
            if let State::Running(_) = &self.state {
                match self.run(request, now)? {
                    Some(step) => return Ok(step),
                    None => continue,
                }
            }
            match std::mem::replace(&mut self.state, State::Done) {
                State::Start => {
                    if let Some(detour) = &mut self.detour {
                        detour.begin();
                    }
                    let detour = self.detour.as_deref();
                    let route = detour.map(|detour| detour.proxy.id());
                    let mut key = pool_key(request, self.runtime, route);
                    let share = self.wiring.may_share(request.url(), detour);
                    key.http2 = share && !self.http1;
                    let until = after(now, self.waits.pool);
                    let depot = &self.depot;
                    let grant = depot.checkout(&mut key, self.fresh, until, now, waker);
                    self.http1 = share && !key.http2;
                    self.granted(request, grant, until, now)?;
                }
                State::Waiting { mut place, until } => match place.poll(now, waker) {
                    None => {
                        self.state = State::Waiting { place, until };
                        return Ok(LegStep::Go(Step::Wait { until }));
                    }
                    Some(Turn::Expired) => {
                        let limit = self.waits.pool.unwrap_or_default();
                        let counts = self.depot.counts();
                        let text = format!(
                            "no connection became free within {limit:?} ({} are open)",
                            counts.connections
                        );
                        return Err(Error::new(Kind::PoolTimeout, text));
                    }
                    Some(Turn::Closed) => return Err(closed()),
                    Some(Turn::Granted(grant)) => self.granted(request, grant, until, now)?,
                },
                State::Resolving { permit, until } => {
                    self.state = State::Resolving { permit, until };
                    return Ok(LegStep::Go(Step::Resolve { until }));
                }
                State::Dialing(mut dialing) => {
                    let dials = &self.wiring.dials;
                    match dialing.step(self.target(request), dials, self.events(), now) {
                        Some(step) => {
                            self.state = State::Dialing(dialing);
                            return Ok(LegStep::Go(step));
                        }
                        None => self.not_dialed(dialing, now)?,
                    }
                }
                State::Pausing(until) if now < until => {
                    self.state = State::Pausing(until);
                    return Ok(LegStep::Go(Step::Wait { until: Some(until) }));
                }
                State::Pausing(_) => self.state = State::Start,
                State::Reused(held) => {
                    self.state = State::Probing(held);
                    return Ok(LegStep::Go(Step::Probe));
                }
                State::Probing(mut held) => {
                    if held.with(Connection::quiet).unwrap_or(false) {
                        self.events().raise(|| Event::Reused);
                        self.open(request, held, false, now)?;
                    } else {
                        self.events().raise(|| Event::Stale);
                        held.discard();
                        self.state = State::Start;
                    }
                }
                State::Handshaking(mut held) => {
                    let cut = held.is_cut();
                    let Some(lane) = held.lane() else {
                        return Err(closed());
                    };
                    expire(&mut lane.connection, now);
                    if let Some(error) = lane.connection.failure() {
                        if cut {
                            return Err(closed());
                        }
                        let error = error.clone();
                        if self.refused(&error, lane.connection.layers_left()) {
                            held.discard();
                            self.state = State::Start;
                            continue;
                        }
                        held.discard();
                        self.retry(Error::connection(error, true), now)?;
                        continue;
                    }
                    let protocol = lane.connection.protocol();
                    if self.events.is_some() && protocol.is_some() {
                        // From now on it is not this request's alone.
                        let clients = &self.wiring.connection.events;
                        lane.connection.set_events(clients.clone());
                    }
                    match protocol {
                        Some(Protocol::Http2) => {
                            held.share(now);
                            self.state = State::Sharing(held);
                            return Ok(LegStep::Go(Step::Share));
                        }
                        Some(_) => {
                            held.established();
                            self.open(request, held, true, now)?;
                        }
                        None => {
                            let until = lane.connection.next_timeout();
                            self.state = State::Handshaking(held);
                            return Ok(LegStep::Go(Step::Drive { until }));
                        }
                    }
                }
                State::Sharing(held) => self.open(request, held, true, now)?,
                State::Crowded { mut held, until } => {
                    let full = held.with(|connection| is_full(connection));
                    if full != Some(true) {
                        self.open(request, held, true, now)?;
                        continue;
                    }
                    if until.is_some_and(|until| until <= now) {
                        let limit = self.waits.pool.unwrap_or_default();
                        let text = format!(
                            "the server allowed no request within {limit:?} (SETTINGS_MAX_CONCURRENT_STREAMS is 0)"
                        );
                        return Err(Error::new(Kind::PoolTimeout, text));
                    }
                    self.state = State::Crowded { held, until };
                    return Ok(LegStep::Go(Step::Drive { until }));
                }
                State::Running(_) | State::Done => {
                    return Err(Error::new(Kind::Usage, "this call is over"));
                }
            }
        }
    }

    /// The next step of the exchange; none when it has to begin anew.
    fn run(&mut self, request: &mut Request, now: Instant) -> Result<Option<LegStep>, Error> {
        let State::Running(running) = &mut self.state else {
            return Ok(None);
        };
        running.pause_low_speed(now);
        let (error, processed) = match running.step(now) {
            Ok(Progress::Feed { until }) => return Ok(Some(LegStep::Go(Step::Feed { until }))),
            Ok(Progress::Drive { until }) => {
                let until = running.watch_sending(until, now)?;
                return Ok(Some(LegStep::Go(Step::Drive { until })));
            }
            Ok(Progress::Interim(head)) => return Ok(Some(LegStep::Interim(head))),
            Ok(Progress::Head(head)) => {
                running.rest_low_speed();
                let again = match head.status {
                    407 if self.detour.is_some() => self.unauthenticated(request, &head),
                    417 => self.unexpected(request),
                    421 => self.misdirected(request),
                    _ => None,
                };
                return Ok(again.map_or(Some(LegStep::Head(head)), |()| None));
            }
            Err(error) => (error, running.processed()),
        };
        let Some(mut running) = self.take_running() else {
            return Ok(None);
        };
        request.body_mut().give_back(running.feed.take());
        let fresh = running.fresh;
        if running.held.is_cut() {
            return Err(closed().with_processed(processed));
        }
        if self.falls_back(request, &error, processed) {
            running.held.discard();
            self.state = State::Start;
            return Ok(None);
        }
        if !self.may_replay(request, &error, processed, fresh) {
            let error = Error::connection(error, false);
            return Err(error.with_processed(processed));
        }
        self.events().raise(|| Event::Stale);
        running.held.discard();
        self.state = State::Start;
        Ok(None)
    }

    fn granted(
        &mut self,
        request: &mut Request,
        grant: Grant<S>,
        pool_until: Option<Instant>,
        now: Instant,
    ) -> Result<(), Error> {
        self.state = match grant {
            Grant::Wait(place) => State::Waiting {
                place,
                until: pool_until,
            },
            Grant::Lane(held) => {
                self.peer = held.address();
                State::Reused(held)
            }
            Grant::Joined(held) => {
                self.peer = held.address();
                self.events().raise(|| Event::Reused);
                return self.open(request, held, false, now);
            }
            Grant::Permit(permit) => {
                // What may not be sent is told before anybody is dialled. On a connection that is
                // there already it is found out just as well when it is to be written.
                check_request(
                    request.method().as_str(),
                    &request.target(),
                    request.headers(),
                    request.body_size(),
                )
                .map_err(|error| Error::connection(ConnectionError::Local(error), false))?;
                let until = after(now, self.waits.connect);
                let url = request.url();
                url.dialable()
                    .map_err(|error| Error::other(Kind::InvalidUrl, error))?;
                // However fast a look-up or a dial may be, it takes more.
                if self.waits.connect == Some(Duration::ZERO) {
                    let late = ConnectionError::Timeout(Phase::Connect);
                    return Err(Error::connection(late, true));
                }
                if let Some(detour) = &self.detour {
                    detour.check(url)?;
                    self.wiring.check(&detour.proxy)?;
                }
                self.seek(request, permit, until)?
            }
        };
        Ok(())
    }

    /// Whom to dial: an address, or a name to be looked up first.
    fn seek(
        &mut self,
        request: &Request,
        permit: Permit<S>,
        until: Option<Instant>,
    ) -> Result<State<S>, Error> {
        let dials = &self.wiring.dials;
        if let Some(detour) = &mut self.detour {
            detour.set_out();
            let target = detour.target(request.url());
            if target.hop == Hop::Origin
                && let Some(addresses) = dials.known_addresses(target)
            {
                let allowed = dials.allowed(target, addresses)?;
                detour.found(request.url(), &allowed)?;
            }
        }
        let target = self.target(request);
        Ok(match dials.known(target, until)? {
            Known::Addresses(dialer) => State::Dialing(Dialing::new(permit, dialer, until)),
            Known::Name => {
                let Target { host, port, .. } = target;
                self.events().raise(|| Event::ResolveStarted { host, port });
                State::Resolving { permit, until }
            }
        })
    }

    /// Whether a proxy that would not connect is to be asked again, with an answer to what it asked.
    fn refused(&mut self, error: &ConnectionError, left: usize) -> bool {
        let Some(detour) = &mut self.detour else {
            return false;
        };
        detour.stopped_at(left);
        match error {
            ConnectionError::Proxy(ProxyError::Status(answer)) => {
                detour.answers(answer.status, &answer.headers)
            }
            _ => false,
        }
    }

    /// The look-up is over.
    pub(crate) fn resolved(
        &mut self,
        request: &Request,
        found: io::Result<Vec<SocketAddr>>,
        now: Instant,
    ) -> Result<(), Error> {
        let State::Resolving { permit, until } = std::mem::replace(&mut self.state, State::Done)
        else {
            return Err(Error::new(Kind::Usage, "no look-up is under way"));
        };
        if permit.is_cut() {
            return Err(closed());
        }
        match self.found(request, found, until) {
            Ok(Some(dialer)) => {
                self.state = State::Dialing(Dialing::new(permit, dialer, until));
                Ok(())
            }
            Ok(None) => {
                self.state = self.seek(request, permit, until)?;
                Ok(())
            }
            Err(error) => {
                drop(permit);
                self.retry(error, now)
            }
        }
    }

    /// What is dialled at the addresses that were found; none where they are what a SOCKS proxy is
    /// told, and the proxy comes next.
    fn found(
        &mut self,
        request: &Request,
        found: io::Result<Vec<SocketAddr>>,
        until: Option<Instant>,
    ) -> Result<Option<Dialer>, Error> {
        let target = self.target(request);
        let addresses = found.map_err(|error| lookup_failed(target.host, &error))?;
        let dials = &self.wiring.dials;
        if target.hop == Hop::Origin && self.detour.is_some() {
            let allowed = dials.allowed(target, &addresses)?;
            self.events().raise(|| Event::ResolveComplete {
                addresses: &addresses,
            });
            if let Some(detour) = &mut self.detour {
                detour.found(request.url(), &allowed)?;
            }
            return Ok(None);
        }
        let dialer = dials.dialer(target, &addresses, until)?;
        self.events().raise(|| Event::ResolveComplete {
            addresses: &addresses,
        });
        Ok(Some(dialer))
    }

    /// The address of an attempt answered, or failed.
    pub(crate) fn connected(
        &mut self,
        request: &Request,
        attempt: usize,
        socket: io::Result<S>,
        now: Instant,
    ) -> Result<(), Error> {
        let State::Dialing(dialing) = &mut self.state else {
            return Err(Error::new(Kind::Usage, "nothing is being dialled"));
        };
        if dialing.is_cut() {
            return Err(closed());
        }
        let clients = &self.wiring.connection.events;
        let events = self.events.as_deref().unwrap_or(clients);
        let socket = match socket {
            Ok(socket) => socket,
            Err(error) => {
                dialing.attempt_failed(attempt, DialFailure::io(&error), events);
                return Ok(());
            }
        };
        let Some(address) = dialing.answered(attempt, events) else {
            return Ok(());
        };
        let State::Dialing(dialing) = std::mem::replace(&mut self.state, State::Done) else {
            return Ok(());
        };
        self.peer = address.tcp();
        let left = dialing
            .until
            .map(|until| until.saturating_duration_since(now));
        let (url, http1) = (request.url(), self.http1);
        let detour = self.detour.as_deref_mut();
        let layers = match http1 {
            true => self.wiring.http1_layers(request, detour)?,
            false => self.wiring.layers(request, detour)?,
        };
        if let Some(detour) = &mut self.detour {
            detour.reached(url, layers.len());
        }
        let mut config = self.wiring.config(url, self.detour.as_deref());
        if let Some(events) = self.events.as_deref() {
            Arc::make_mut(&mut config).events = events.clone();
        }
        let connection = Connection::new(config, layers, left, now)
            .map_err(|error| Error::connection(error, true))?;
        let permit = dialing.into_permit();
        self.state = State::Handshaking(permit.connected(connection, socket, self.peer, now));
        Ok(())
    }

    /// No address could be connected to.
    fn not_dialed(&mut self, dialing: Dialing<S>, now: Instant) -> Result<(), Error> {
        let error = dialing.failed();
        let mut tried = error.tried();
        if let (Some((address, _)), None) = (tried.next(), tried.next()) {
            self.peer = address.tcp();
        }
        drop(tried);
        self.retry(Error::dial(error), now)
    }

    /// No connection could be made: it is tried for once more, as far as that was asked for.
    fn retry(&mut self, error: Error, now: Instant) -> Result<(), Error> {
        let tried = self.replays.connects;
        let Some(delay) = self.wiring.dials.retry(tried, &error) else {
            return Err(error);
        };
        self.replays.connects += 1;
        self.peer = None;
        self.events().raise(|| Event::ConnectRetry { delay });
        self.state = State::Pausing(now + delay);
        Ok(())
    }

    /// What looks names up, if it is not the system.
    pub(crate) fn resolver(&self) -> Option<&Resolver> {
        self.wiring.dials.resolver.as_ref()
    }

    fn open(
        &mut self,
        request: &mut Request,
        mut held: Held<S>,
        fresh: bool,
        now: Instant,
    ) -> Result<(), Error> {
        if *request.method() == Method::CONNECT && held.shared().is_some() {
            held.release(now);
            let text = "CONNECT is not sent over HTTP/2: use a client that does not offer it";
            return Err(Error::new(Kind::LocalProtocol, text));
        }
        let size = request.body_size();
        let said = match &mut self.detour {
            None => None,
            Some(detour) => detour.said(request)?,
        };
        let target = request.target();
        let head = RequestHead {
            method: request.method().as_str(),
            scheme: request.url().scheme(),
            target: said.as_ref().map_or(&*target, Said::target),
            headers: said.as_ref().map_or(request.headers(), Said::headers),
        };
        let uploads = !matches!(size, BodySize::Empty | BodySize::Known(0));
        let expects = uploads && expects_continue(request);
        let deadlines = Deadlines {
            read: self.waits.read,
            write: self.waits.write,
            expect: expects.then_some(self.waits.expect_continue),
        };
        let own = self.events.as_deref();
        match held.open(|connection| match own {
            None => connection.open(head, size, deadlines, now),
            Some(events) => connection.open_heard(head, size, deadlines, events, now),
        }) {
            Ok(id) => {
                let (upload, feed) = Upload::of(request.body_mut());
                let running = Running {
                    held,
                    id,
                    fresh,
                    upload,
                    feed,
                    begun: false,
                    ended: false,
                    trailers: None,
                    low_speed: self.low_speed.as_ref().map(|it| it.of_attempt(uploads)),
                };
                self.state = State::Running(running);
                Ok(())
            }
            // Another connection would fare no better, and zero is meant for a short time (RFC 9113
            // section 6.5.2).
            #[cfg(feature = "http2")]
            Err(ConnectionError::Full)
                if fresh && held.with(|connection| is_full(connection)) == Some(true) =>
            {
                let until = after(now, self.waits.pool);
                self.state = State::Crowded { held, until };
                Ok(())
            }
            #[cfg(feature = "http2")]
            Err(ConnectionError::Full) => {
                held.full();
                self.state = State::Start;
                Ok(())
            }
            // It ended between the pool's word and ours; even a new one can, if others were faster.
            Err(_) if held.is_over() && self.replays.refused < REFUSALS => {
                self.replays.refused += 1;
                self.events().raise(|| Event::Stale);
                held.discard();
                self.state = State::Start;
                Ok(())
            }
            Err(error) => {
                // Nothing was sent: the connection is as good as before.
                held.release(now);
                Err(Error::connection(error, false))
            }
        }
    }

    /// Takes what the body's source gave.
    pub(crate) fn supply(
        &mut self,
        piece: Option<io::Result<Bytes>>,
        now: Instant,
    ) -> Result<(), Error> {
        let State::Running(running) = &mut self.state else {
            return Err(Error::new(Kind::Usage, "no body is being sent"));
        };
        running.supply(piece, now).inspect_err(|_| {
            self.state = State::Done;
        })
    }

    /// The exchange under way; this leg is over with it.
    pub(crate) fn take_running(&mut self) -> Option<Running<S>> {
        match std::mem::replace(&mut self.state, State::Done) {
            State::Running(running) => Some(running),
            _ => None,
        }
    }

    /// It takes too long: what is being done, and whether the server may have acted on the request.
    pub(crate) fn late(&mut self) -> (Doing, Processed) {
        let doing = match &mut self.state {
            State::Running(running) => {
                running.doubt();
                return (running.doing(), running.processed());
            }
            State::Waiting { .. } | State::Crowded { .. } => Doing::AwaitingConnection,
            State::Resolving { .. } => Doing::Resolving,
            State::Handshaking(_) => Doing::Handshaking,
            _ => Doing::Connecting,
        };
        (doing, Processed::No)
    }

    fn events(&self) -> &EventSink {
        let clients = &self.wiring.connection.events;
        self.events.as_deref().unwrap_or(clients)
    }
}

fn pool_key(request: &Request, context: u64, route: Option<Arc<RouteId>>) -> PoolKey<'_> {
    let url = request.url();
    // Whom one request takes the server for is nothing to another (SECURITY K8).
    #[cfg(feature = "tls")]
    let route = match request.server_name().filter(|_| url.scheme() == "https") {
        Some(name) => Some(Arc::new(RouteId::with_server_name(route.as_deref(), name))),
        None => route,
    };
    PoolKey {
        scheme: Cow::Borrowed(url.scheme()),
        host: Cow::Borrowed(url.host_str()),
        port: port_of(request),
        context,
        http2: false,
        route,
    }
}

pub(crate) fn port_of(request: &Request) -> u16 {
    request.url().port_or_default().unwrap_or(0)
}
