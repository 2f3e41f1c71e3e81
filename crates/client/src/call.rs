//! `Call`: one request from the pool to its last body byte, as steps for an adapter to carry out.
//!
//! Everything that is decided on the way is decided here: which connection, whether it is still
//! quiet, what to do when it is not, when to ask the body's source, what an early answer means,
//! whether a failed attempt may be repeated. An adapter looks names up, dials, moves bytes and
//! waits; it takes no decision.

use crate::body::Feed;
use crate::depot::{Depot, Grant, Held, Lane, Permit, Place, Turn};
use crate::error::{Error, Kind};
use crate::exchange::{Exchange, Upload};
use crate::request::Request;
use crate::response::Head;
use crate::settings::{Settings, requestable};
use crate::timeout::Timeout;
use bytes::Bytes;
use nuncio_connection::{
    Connection, Deadlines, Error as ConnectionError, Event, EventSink, IoError, Phase, PoolKey,
    Processed, Read, RequestHead, Reuse, StreamId, Write,
};
use std::borrow::Cow;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

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
    /// The response's head is here; go on with [`Call::pull`].
    Head(Box<Head>),
}

/// What an adapter is to do for the next piece of a response's body.
#[derive(Debug)]
pub enum Pull {
    /// Here it is.
    Chunk(Bytes),
    /// As [`Step::Drive`].
    Drive {
        /// The connection's next deadline.
        until: Option<Instant>,
    },
    /// As [`Step::Feed`].
    Feed {
        /// The connection's next deadline.
        until: Option<Instant>,
    },
    /// The body is complete and the connection back in the pool.
    End,
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
    elapsed: Option<Duration>,
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
    Done,
}

struct Dialing<S> {
    permit: Permit<S>,
    addresses: Vec<SocketAddr>,
    next: usize,
    until: Option<Instant>,
}

struct Running<S> {
    held: Held<S>,
    id: StreamId,
    /// The connection was made for this request.
    fresh: bool,
    upload: Upload,
    /// The response has come to its end; only the upload is still going.
    ended: bool,
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
            elapsed: None,
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
            | State::Running(Running { held, .. }) => held.lane(),
            _ => None,
        }
    }

    /// How long the call took, once it is over.
    pub fn elapsed(&self) -> Option<Duration> {
        self.elapsed
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
                State::Running(mut running) => match running.step(now) {
                    Ok(Progress::Head(head)) => {
                        self.state = State::Running(running);
                        return Ok(Step::Head(Box::new(Head {
                            method: self.exchange.method.clone(),
                            url: self.exchange.url.clone(),
                            head,
                        })));
                    }
                    Ok(Progress::Feed { until }) => {
                        self.state = State::Running(running);
                        return Ok(Step::Feed { until });
                    }
                    Ok(Progress::Drive { until }) => {
                        self.state = State::Running(running);
                        return Ok(Step::Drive { until });
                    }
                    Err(error) => {
                        let processed = running.processed();
                        if running.fresh || !self.exchange.may_replay(&error, processed) {
                            let error = Error::connection(error, false);
                            return Err(error.with_processed(processed));
                        }
                        self.events().raise(|| Event::Stale);
                        running.held.discard();
                        self.state = State::Start;
                    }
                },
                State::Done => return Err(Error::new(Kind::Usage, "this call is over")),
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
        let fed = match piece {
            Some(Ok(chunk)) => running.feed(chunk, now),
            None => running.finish(now),
            Some(Err(error)) => {
                let text = format!("reading the request's body: {error}");
                self.state = State::Done;
                let error = Error::io(Kind::RequestBody, io::Error::new(error.kind(), text));
                return Err(self.blame(error));
            }
        };
        fed.map_err(|error| {
            self.state = State::Done;
            self.blame(Error::connection(error, false))
        })
    }

    /// The next piece of the response's body, or what to do for it.
    ///
    /// # Errors
    /// Whatever ended the call; a body that is cut short always does.
    pub fn pull(&mut self, now: Instant) -> Result<Pull, Error> {
        self.pull_with(now, |connection, id| connection.read_body(id, now))
    }

    /// As [`pull`](Self::pull), but appends the piece to `into` and answers with an empty chunk.
    ///
    /// # Errors
    /// As [`pull`](Self::pull).
    pub fn pull_into(&mut self, into: &mut Vec<u8>, now: Instant) -> Result<Pull, Error> {
        self.pull_with(now, |connection, id| {
            connection.read_body_into(id, into, now)
        })
    }

    fn pull_with(
        &mut self,
        now: Instant,
        read: impl FnOnce(&mut Connection, StreamId) -> Result<Read, ConnectionError>,
    ) -> Result<Pull, Error> {
        let State::Running(running) = &mut self.state else {
            return Ok(Pull::End);
        };
        match running.pull(now, read) {
            Ok(Some(pull)) => Ok(pull),
            Ok(None) => {
                self.elapsed = Some(now.saturating_duration_since(self.started));
                if let State::Running(running) = std::mem::replace(&mut self.state, State::Done) {
                    running.held.release(now);
                }
                Ok(Pull::End)
            }
            Err(error) => {
                self.state = State::Done;
                let error = Error::connection(error, false).with_processed(Processed::Yes);
                Err(self.blame(error))
            }
        }
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

enum Progress {
    Head(nuncio_connection::ResponseHead),
    Feed { until: Option<Instant> },
    Drive { until: Option<Instant> },
}

impl<S> Running<S> {
    fn step(&mut self, now: Instant) -> Result<Progress, ConnectionError> {
        let lane = self.held.lane().ok_or(ConnectionError::Closed)?;
        let connection = &mut lane.connection;
        expire(connection, now);
        loop {
            while let Some(head) = connection.read_head(self.id, now)? {
                if head.is_interim() {
                    continue;
                }
                if head.status >= 300 && matches!(self.upload, Upload::Bytes(_) | Upload::Feed) {
                    // The answer is there already: the rest of the body would be sent for nothing
                    // (RFC 9112 section 9.3, SECURITY K4).
                    self.upload = Upload::Stopped;
                }
                return Ok(Progress::Head(head));
            }
            if !pump(connection, self.id, &mut self.upload, now)? {
                break;
            }
        }
        let until = connection.next_timeout();
        let hungry = matches!(self.upload, Upload::Feed) && connection.has_write_room();
        Ok(if hungry {
            Progress::Feed { until }
        } else {
            Progress::Drive { until }
        })
    }

    fn pull(
        &mut self,
        now: Instant,
        read: impl FnOnce(&mut Connection, StreamId) -> Result<Read, ConnectionError>,
    ) -> Result<Option<Pull>, ConnectionError> {
        let lane = self.held.lane().ok_or(ConnectionError::Closed)?;
        let connection = &mut lane.connection;
        expire(connection, now);
        while pump(connection, self.id, &mut self.upload, now)? {}
        if !self.ended {
            match read(connection, self.id)? {
                Read::Chunk(chunk) => return Ok(Some(Pull::Chunk(chunk))),
                Read::Blocked => {}
                Read::Trailers(_) | Read::End => self.ended = true,
            }
        }
        let until = connection.next_timeout();
        if matches!(self.upload, Upload::Feed) && connection.has_write_room() {
            return Ok(Some(Pull::Feed { until }));
        }
        let sending = match self.upload {
            Upload::Stopped => false,
            Upload::Done => connection.wants_write(),
            Upload::Bytes(_) | Upload::Feed => true,
        };
        if self.ended && (!sending || matches!(connection.reuse(), Reuse::Never(_))) {
            return Ok(None);
        }
        Ok(Some(Pull::Drive { until }))
    }

    fn feed(&mut self, mut chunk: Bytes, now: Instant) -> Result<(), ConnectionError> {
        let lane = self.held.lane().ok_or(ConnectionError::Closed)?;
        while !chunk.is_empty() && matches!(self.upload, Upload::Feed) {
            match lane.connection.write_body(self.id, &mut chunk, now) {
                Ok(Write::Taken(_)) => {}
                Ok(Write::Blocked) => {
                    return Err(ConnectionError::Misuse(
                        "the body was given more than was asked",
                    ));
                }
                Err(ConnectionError::Io(_)) => self.upload = Upload::Stopped,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn finish(&mut self, now: Instant) -> Result<(), ConnectionError> {
        let lane = self.held.lane().ok_or(ConnectionError::Closed)?;
        if matches!(self.upload, Upload::Feed) {
            lane.connection.finish_body(self.id, None, now)?;
            self.upload = Upload::Done;
        }
        Ok(())
    }

    fn processed(&mut self) -> Processed {
        let id = self.id;
        self.held
            .lane()
            .map_or(Processed::Maybe, |lane| lane.connection.processed(id))
    }
}

/// Hands over what is held of the body, as far as there is room; true when that changed anything.
fn pump(
    connection: &mut Connection,
    id: StreamId,
    upload: &mut Upload,
    now: Instant,
) -> Result<bool, ConnectionError> {
    let Upload::Bytes(rest) = upload else {
        return Ok(false);
    };
    match connection.write_body(id, rest, now) {
        Ok(Write::Blocked) => return Ok(false),
        Ok(Write::Taken(_)) => {}
        // The peer takes no more; what it has to say about that may still be read.
        Err(ConnectionError::Io(_)) => {
            *upload = Upload::Stopped;
            return Ok(false);
        }
        Err(error) => return Err(error),
    }
    if rest.is_empty() {
        connection.finish_body(id, None, now)?;
        *upload = Upload::Done;
    }
    Ok(true)
}

fn expire(connection: &mut Connection, now: Instant) {
    if connection.next_timeout().is_some_and(|until| until <= now) {
        connection.handle_timeout(now);
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
