//! `Call`: one request from the pool to its last body byte, as steps for an adapter to carry out.
//!
//! Everything that is decided on the way is decided here: which connection, whether it is still
//! quiet, what to do when it is not, when to ask the body's source, what an early answer means,
//! whether a failed attempt may be repeated. An adapter looks names up, dials, moves bytes and
//! waits; it takes no decision.

use crate::body::Feed;
use crate::depot::{Depot, Grant, Held, Lane, Permit, Place, Turn};
use crate::error::{Error, Kind};
use crate::exchange::Exchange;
use crate::incoming::Incoming;
use crate::request::Request;
use crate::response::Head;
use crate::running::{Progress, Running, expire};
use crate::settings::{Settings, requestable};
use crate::timeout::Timeout;
use bytes::Bytes;
use nuncio_connection::{
    Connection, Deadlines, Error as ConnectionError, Event, EventSink, IoError, Phase, PoolKey,
    RequestHead, ResponseHead,
};
use std::borrow::Cow;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

/// What an adapter is to do next. `until` is when to come back if nothing happens before.
#[derive(Debug)]
pub enum Step {
    /// Wait for the waker: a connection is being waited for.
    Wait {
        /// The pool deadline.
        until: Option<Instant>,
    },
    /// Look up [`Call::host`] and say [`Call::resolved`].
    Resolve {
        /// The connect deadline.
        until: Option<Instant>,
    },
    /// Dial, and say [`Call::connected`].
    Connect {
        /// Whom.
        address: SocketAddr,
        /// When to give this address up.
        until: Option<Instant>,
    },
    /// Make one read of [`Call::lane`] that does not wait.
    Probe,
    /// Move bytes between the socket and the connection of [`Call::lane`], as it wants.
    Drive {
        /// The connection's next deadline.
        until: Option<Instant>,
    },
    /// Ask the body's source and say [`Call::supply`]. If it has to be waited for, drive meanwhile.
    Feed {
        /// The connection's next deadline.
        until: Option<Instant>,
    },
    /// The response's head is here: go on with [`Call::into_incoming`].
    Head,
}

/// One request under way. Dropped, it gives back what it holds: a place in the queue, a slot in
/// the pool, a connection (which is closed if the exchange was not complete).
pub struct Call<S> {
    settings: Arc<Settings>,
    depot: Arc<Depot<S>>,
    exchange: Exchange,
    timeout: Timeout,
    runtime: u64,
    state: State<S>,
    started: Instant,
    peer: Option<SocketAddr>,
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
    /// An idle connection, to be looked at.
    Reused(Held<S>),
    /// An idle connection that is being looked at.
    Probing(Held<S>),
    Handshaking(Held<S>),
    Running(Running<S>),
    Answered(Running<S>, ResponseHead),
    Done,
}

struct Dialing<S> {
    permit: Permit<S>,
    addresses: Vec<SocketAddr>,
    next: usize,
    until: Option<Instant>,
}

impl<S> Call<S> {
    /// A call for `request`, and the source of its body where the adapter has to ask it.
    ///
    /// `runtime` tells apart what may not share connections although client and origin are the
    /// same: the instance of the runtime on which a socket lives.
    pub fn new(
        settings: &Arc<Settings>,
        depot: &Arc<Depot<S>>,
        request: Request,
        runtime: u64,
        now: Instant,
    ) -> (Self, Option<Feed>) {
        let timeout = request.timeout();
        let (exchange, feed) = Exchange::new(request.into_parts());
        let call = Call {
            settings: Arc::clone(settings),
            depot: Arc::clone(depot),
            exchange,
            timeout,
            runtime,
            state: State::Start,
            started: now,
            peer: None,
        };
        (call, feed)
    }

    /// The host to be looked up, as the URL has it.
    pub fn host(&self) -> &str {
        self.exchange.url.host_str()
    }

    /// The port to be dialled.
    pub fn port(&self) -> u16 {
        self.exchange.url.port_or_default().unwrap_or(0)
    }

    /// The connection in use, with its socket.
    pub fn lane(&mut self) -> Option<&mut Lane<S>> {
        match &mut self.state {
            State::Probing(held)
            | State::Handshaking(held)
            | State::Running(Running { held, .. })
            | State::Answered(Running { held, .. }, _) => held.lane(),
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
        self.advance(now, waker).map_err(|error| self.blame(error))
    }

    fn advance(&mut self, now: Instant, waker: &Waker) -> Result<Step, Error> {
        loop {
            // Most steps are taken while an exchange is under way, and move nothing.
            if let State::Running(_) = &self.state {
                match self.run(now)? {
                    Some(step) => return Ok(step),
                    None => continue,
                }
            }
            match std::mem::replace(&mut self.state, State::Done) {
                State::Start => {
                    requestable(&self.exchange.url)?;
                    let fresh = self.exchange.is_replay();
                    let until = self.timeout.pool_limit().map(|limit| now + limit);
                    let grant = self
                        .depot
                        .checkout(&self.pool_key(), fresh, until, now, waker);
                    self.granted(grant, until, now)?;
                }
                State::Waiting { mut place, until } => match place.poll(now, waker) {
                    None => {
                        self.state = State::Waiting { place, until };
                        return Ok(Step::Wait { until });
                    }
                    Some(Turn::Expired) => {
                        let limit = self.timeout.pool_limit().unwrap_or_default();
                        let counts = self.depot.counts();
                        let text = format!(
                            "no connection became free within {limit:?} ({} are open)",
                            counts.connections
                        );
                        return Err(Error::new(Kind::PoolTimeout, text));
                    }
                    Some(Turn::Closed) => return Err(closed()),
                    Some(Turn::Granted(grant)) => self.granted(grant, until, now)?,
                },
                State::Resolving { permit, until } => {
                    self.state = State::Resolving { permit, until };
                    return Ok(Step::Resolve { until });
                }
                State::Dialing(dialing) => {
                    let step = dialing.step(now, self.events());
                    self.state = State::Dialing(dialing);
                    return step;
                }
                State::Reused(held) => {
                    self.state = State::Probing(held);
                    return Ok(Step::Probe);
                }
                State::Probing(mut held) => {
                    let quiet = held.lane().is_some_and(|lane| lane.connection.quiet());
                    if quiet {
                        self.events().raise(|| Event::Reused);
                        self.open(held, false, now)?;
                    } else {
                        self.events().raise(|| Event::Stale);
                        held.discard();
                        self.state = State::Start;
                    }
                }
                State::Handshaking(mut held) => {
                    let Some(lane) = held.lane() else {
                        return Err(closed());
                    };
                    expire(&mut lane.connection, now);
                    if let Some(error) = lane.connection.failure() {
                        return Err(Error::connection(error.clone(), true));
                    }
                    if lane.connection.protocol().is_some() {
                        self.open(held, true, now)?;
                    } else {
                        let until = lane.connection.next_timeout();
                        self.state = State::Handshaking(held);
                        return Ok(Step::Drive { until });
                    }
                }
                State::Answered(running, head) => {
                    self.state = State::Answered(running, head);
                    return Ok(Step::Head);
                }
                State::Running(_) | State::Done => {
                    return Err(Error::new(Kind::Usage, "this call is over"));
                }
            }
        }
    }

    /// The next step of the exchange; none when it has to begin anew.
    fn run(&mut self, now: Instant) -> Result<Option<Step>, Error> {
        let State::Running(running) = &mut self.state else {
            return Ok(None);
        };
        let head = match running.step(now) {
            Ok(Progress::Feed { until }) => return Ok(Some(Step::Feed { until })),
            Ok(Progress::Drive { until }) => return Ok(Some(Step::Drive { until })),
            Ok(Progress::Head(head)) => Ok(head),
            Err(error) => Err((error, running.processed())),
        };
        let State::Running(running) = std::mem::replace(&mut self.state, State::Done) else {
            return Ok(None);
        };
        match head {
            Ok(head) => {
                self.state = State::Answered(running, head);
                Ok(Some(Step::Head))
            }
            Err((error, processed)) => {
                if running.fresh || !self.exchange.may_replay(&error, processed) {
                    let error = Error::connection(error, false);
                    return Err(error.with_processed(processed));
                }
                self.events().raise(|| Event::Stale);
                running.held.discard();
                self.state = State::Start;
                Ok(None)
            }
        }
    }

    fn granted(
        &mut self,
        grant: Grant<S>,
        pool_until: Option<Instant>,
        now: Instant,
    ) -> Result<(), Error> {
        self.state = match grant {
            Grant::Wait(place) => State::Waiting {
                place,
                until: pool_until,
            },
            Grant::Lane(mut held) => {
                self.peer = held.lane().and_then(|lane| lane.peer);
                State::Reused(held)
            }
            Grant::Permit(permit) => {
                let until = self.timeout.connect_limit().map(|limit| now + limit);
                self.exchange
                    .url
                    .dialable()
                    .map_err(|error| Error::other(Kind::InvalidUrl, error))?;
                match literal(self.host()) {
                    Some(address) => {
                        let addresses = vec![SocketAddr::new(address, self.port())];
                        State::Dialing(Dialing {
                            permit,
                            addresses,
                            next: 0,
                            until,
                        })
                    }
                    None => {
                        let (host, port) = (self.host(), self.port());
                        self.events().raise(|| Event::ResolveStarted { host, port });
                        State::Resolving { permit, until }
                    }
                }
            }
        };
        Ok(())
    }

    /// The look-up is over.
    ///
    /// # Errors
    /// [`Kind::Connect`] when it failed or found nothing, [`Kind::ConnectTimeout`] when it took
    /// too long; the call is over then.
    pub fn resolved(&mut self, found: io::Result<Vec<SocketAddr>>) -> Result<(), Error> {
        self.take_resolved(found).map_err(|error| self.blame(error))
    }

    fn take_resolved(&mut self, found: io::Result<Vec<SocketAddr>>) -> Result<(), Error> {
        let State::Resolving { permit, until } = std::mem::replace(&mut self.state, State::Done)
        else {
            return Err(Error::new(Kind::Usage, "no look-up is under way"));
        };
        let host = self.host();
        let addresses = match found {
            Ok(addresses) if !addresses.is_empty() => addresses,
            Ok(_) => {
                return Err(Error::new(
                    Kind::Connect,
                    format!("'{host}' has no address"),
                ));
            }
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                let text = format!("timed out while looking up '{host}'");
                return Err(Error::new(Kind::ConnectTimeout, text));
            }
            Err(error) => {
                let error = io::Error::new(error.kind(), format!("looking up '{host}': {error}"));
                return Err(Error::io(Kind::Connect, error));
            }
        };
        self.events().raise(|| Event::ResolveComplete {
            addresses: &addresses,
        });
        self.state = State::Dialing(Dialing {
            permit,
            addresses,
            next: 0,
            until,
        });
        Ok(())
    }

    /// The dialled address answered, or did not: then the next one is tried, if there is one.
    ///
    /// # Errors
    /// [`Kind::Connect`] or [`Kind::ConnectTimeout`] for the last address; the call is over then.
    pub fn connected(&mut self, socket: io::Result<S>, now: Instant) -> Result<(), Error> {
        self.take_connected(socket, now)
            .map_err(|error| self.blame(error))
    }

    fn take_connected(&mut self, socket: io::Result<S>, now: Instant) -> Result<(), Error> {
        let State::Dialing(mut dialing) = std::mem::replace(&mut self.state, State::Done) else {
            return Err(Error::new(Kind::Usage, "nothing is being dialled"));
        };
        let address = dialing.address();
        self.peer = address;
        match socket {
            Ok(socket) => {
                if let Some(address) = address {
                    self.events().raise(|| Event::ConnectComplete { address });
                }
                let left = dialing
                    .until
                    .map(|until| until.saturating_duration_since(now));
                let layers = self.settings.layers(&self.exchange.url)?;
                let config = Arc::clone(&self.settings.connection);
                let connection = Connection::new(config, layers, left, now)
                    .map_err(|error| Error::connection(error, true))?;
                let held = dialing.permit.connected(connection, socket, address);
                self.state = State::Handshaking(held);
                Ok(())
            }
            Err(error) => {
                let failure = match error.kind() {
                    io::ErrorKind::TimedOut => ConnectionError::Timeout(Phase::Connect),
                    _ => ConnectionError::Io(IoError::new(Phase::Connect, &error)),
                };
                if let Some(address) = address {
                    self.events().raise(|| Event::ConnectFailed {
                        address,
                        error: &failure,
                    });
                }
                dialing.next += 1;
                let late = dialing.until.is_some_and(|until| until <= now);
                if late || dialing.address().is_none() {
                    let failure = if late {
                        ConnectionError::Timeout(Phase::Connect)
                    } else {
                        failure
                    };
                    return Err(Error::connection(failure, true));
                }
                self.state = State::Dialing(dialing);
                Ok(())
            }
        }
    }

    fn open(&mut self, mut held: Held<S>, fresh: bool, now: Instant) -> Result<(), Error> {
        let exchange = &self.exchange;
        let head = RequestHead {
            method: exchange.method.as_str(),
            scheme: exchange.url.scheme(),
            target: exchange.url.raw_path(),
            headers: &exchange.headers,
        };
        let deadlines = Deadlines {
            read: self.timeout.read_limit(),
            write: self.timeout.write_limit(),
        };
        let Some(lane) = held.lane() else {
            return Err(closed());
        };
        match lane.connection.open(head, exchange.size, deadlines, now) {
            Ok(id) => {
                let upload = exchange.upload();
                let running = Running {
                    held,
                    id,
                    fresh,
                    upload,
                    ended: false,
                };
                self.state = State::Running(running);
                Ok(())
            }
            Err(error) => {
                // Nothing was sent: the connection is as good as before.
                held.release(now);
                Err(Error::connection(error, false))
            }
        }
    }

    /// The next piece of the request's body, `None` at its end, or why its source failed.
    ///
    /// # Errors
    /// [`Kind::RequestBody`] when the source failed, [`Kind::LocalProtocol`] when it gave more or
    /// less than was announced; the call is over then.
    pub fn supply(&mut self, piece: Option<io::Result<Bytes>>, now: Instant) -> Result<(), Error> {
        let State::Running(running) = &mut self.state else {
            return Err(self.blame(Error::new(Kind::Usage, "no body is being sent")));
        };
        self.exchange.asked_source();
        running.supply(piece, now).map_err(|error| {
            self.state = State::Done;
            self.blame(error)
        })
    }

    /// The response, once [`Step::Head`] said that it is here.
    ///
    /// # Errors
    /// [`Kind::Usage`] before that.
    pub fn into_incoming(self) -> Result<Incoming<S>, Error> {
        let State::Answered(running, head) = self.state else {
            return Err(Error::new(
                Kind::Usage,
                "the response's head has not come yet",
            ));
        };
        let Exchange { method, url, .. } = self.exchange;
        let head = Head { method, url, head };
        Ok(Incoming::new(head, running, self.started, self.peer))
    }

    fn pool_key(&self) -> PoolKey<'_> {
        PoolKey {
            scheme: Cow::Borrowed(self.exchange.url.scheme()),
            host: Cow::Borrowed(self.host()),
            port: self.port(),
            context: self.runtime,
        }
    }

    fn events(&self) -> &EventSink {
        &self.settings.connection.events
    }

    fn blame(&self, error: Error) -> Error {
        error
            .for_request(self.exchange.method.as_str(), &self.exchange.url)
            .at(self.peer)
    }
}

impl<S> Dialing<S> {
    fn address(&self) -> Option<SocketAddr> {
        self.addresses.get(self.next).copied()
    }

    /// Each address gets its share of the time that is left, so that a black hole in front of a
    /// good address does not use it all up.
    fn step(&self, now: Instant, events: &EventSink) -> Result<Step, Error> {
        let Some(address) = self.address() else {
            return Err(closed());
        };
        let left = (self.addresses.len() - self.next).min(u32::MAX as usize) as u32;
        let until = self.until.map(|until| {
            let time = until.saturating_duration_since(now);
            now + time.checked_div(left).unwrap_or(time)
        });
        events.raise(|| Event::ConnectStarted { address });
        Ok(Step::Connect { address, until })
    }
}

fn closed() -> Error {
    Error::new(Kind::Closed, "the client has been closed")
}

/// An address written as such needs no look-up.
fn literal(host: &str) -> Option<IpAddr> {
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    bare.parse().ok()
}
