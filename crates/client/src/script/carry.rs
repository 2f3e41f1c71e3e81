//! Carrying a request to a script: what an adapter does with sockets, done in memory.

use super::lock;
use super::peer::{Act, Heard, Log, Peer};
use crate::body::{Body, BodyStream};
use crate::call::Step;
use crate::depot::{Depot, Lane};
use crate::error::{Error, Kind};
use crate::feed::{Feed, Side};
use crate::incoming::Pull;
use crate::leg::{Leg, LegStep};
use crate::network::Wiring;
use crate::reply::Reply;
use crate::request::Request;
use crate::running::Running;
use crate::timeout::earliest;
use crate::total::{Doing, Total};
use crate::transport::{Ask, Carrier, Sent};
use bytes::{Buf, Bytes};
use nuncio_connection::{BlockCache, Http1Config, Limits, Processed, ResponseHead, Transmit};
use std::io::{self, IoSlice, Read};
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker, ready};
use std::time::Instant;

/// A script that a client has got as its transport.
pub(super) struct Carried {
    wiring: Arc<Wiring>,
    depot: Arc<Depot<Peer>>,
    world: Arc<World>,
}

/// What all requests to a script share.
struct World {
    connections: Vec<Vec<Act>>,
    log: Arc<Mutex<Log>>,
    /// How many connections were asked for.
    made: Mutex<usize>,
    clock: Mutex<Option<Instant>>,
}

impl Carried {
    pub(super) fn new(
        connections: Vec<Vec<Act>>,
        http1: Http1Config,
        log: Arc<Mutex<Log>>,
    ) -> Self {
        // Without limits nobody waits for a connection, which would take a thread or a task.
        let limits = Limits {
            max_connections: None,
            max_connections_per_host: None,
            max_idle: None,
            ..Limits::default()
        };
        let world = World {
            connections,
            log,
            made: Mutex::new(0),
            clock: Mutex::new(None),
        };
        Carried {
            wiring: Arc::new(Wiring::plain(limits, http1)),
            depot: Arc::new(Depot::new(limits)),
            world: Arc::new(world),
        }
    }
}

impl Carrier for Carried {
    fn name(&self) -> &'static str {
        "script"
    }

    fn check(&self, _side: Side) -> Result<(), Error> {
        Ok(())
    }

    fn carry(self: Arc<Self>, request: Request, side: Side, now: Instant) -> Sent {
        self.world.reach(now);
        let timeout = request.timeout().unwrap_or_default();
        let (wiring, depot) = (Arc::clone(&self.wiring), Arc::clone(&self.depot));
        let started = self.world.now().unwrap_or(now);
        let mut sending = Some(Sending {
            leg: Leg::new(wiring, depot, timeout, 0, None, request.listener()),
            request,
            total: Total::new(&timeout, started),
            interim: Vec::new(),
            world: Arc::clone(&self.world),
        });
        Sent::of(side, move |ask| {
            let head = match &mut sending {
                Some(sending) => ready!(sending.poll_head(ask))?,
                None => return Poll::Ready(Err(over())),
            };
            let sending = sending.take().ok_or_else(over)?;
            Poll::Ready(sending.into_reply(head, side))
        })
    }
}

impl World {
    fn now(&self) -> Result<Instant, Error> {
        lock(&self.clock).ok_or_else(over)
    }

    /// The script's time is never behind the client's.
    fn reach(&self, now: Instant) {
        let mut clock = lock(&self.clock);
        *clock = Some(clock.map_or(now, |known| known.max(now)));
    }

    fn connect(&self) -> io::Result<Peer> {
        let number = {
            let mut made = lock(&self.made);
            *made += 1;
            *made - 1
        };
        let acts = self.connections.get(number);
        let (acts, refused) = match acts.map(Vec::as_slice) {
            None => {
                let text = format!("the script has {} connections", self.connections.len());
                return Err(io::Error::new(io::ErrorKind::ConnectionRefused, text));
            }
            Some([Act::Refuse, ..]) => (Vec::new(), true),
            Some(acts) => (acts.to_vec(), false),
        };
        let number = {
            let records = &mut lock(&self.log).records;
            records.push(Default::default());
            records.len() - 1
        };
        if refused {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        Ok(Peer::new(acts, number, Arc::clone(&self.log)))
    }

    /// Moves bytes one way, or the clock where there are none to move and that is `patient`; says
    /// whether it could do either.
    fn drive(
        &self,
        lane: &mut Lane<Peer>,
        until: Option<Instant>,
        patient: bool,
    ) -> Result<bool, Error> {
        let now = self.now()?;
        let Lane {
            connection,
            socket,
            transmit,
            ..
        } = lane;
        if connection.wants_write() {
            connection.take_transmit(transmit);
            let mut slices = [IoSlice::new(&[]); Transmit::MAX_SLICES];
            let count = transmit.slices(&mut slices);
            match socket.write(slices.get(..count).unwrap_or_default()) {
                Ok(written) => connection.transmitted(transmit, written, now),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return self.read(lane, until, patient);
                }
                Err(error) => connection.handle_write_error(transmit, &error),
            }
            return self.check().map(|()| true);
        }
        self.read(lane, until, patient)
    }

    /// Moves bytes in, or the clock; as [`drive`](Self::drive).
    fn read(
        &self,
        lane: &mut Lane<Peer>,
        until: Option<Instant>,
        patient: bool,
    ) -> Result<bool, Error> {
        let now = self.now()?;
        let Lane {
            connection, socket, ..
        } = lane;
        let mut buf = connection.take_recv();
        let heard = socket.read(buf.unfilled());
        if let Heard::Bytes(count) = heard {
            buf.advance(count);
        }
        connection.handle_input(buf, now);
        match heard {
            Heard::Bytes(_) => {}
            Heard::End => connection.handle_eof(),
            Heard::Failed(error) => connection.handle_read_error(&error),
            Heard::Silence(_) if !patient => return Ok(false),
            Heard::Silence(time) => {
                let limit = earliest(connection.next_timeout(), until);
                let limit = limit.map(|limit| limit.saturating_duration_since(now));
                let passed = match (time, limit) {
                    (Some(time), Some(limit)) => time.min(limit),
                    (Some(time), None) => time,
                    (None, Some(limit)) => limit,
                    (None, None) => {
                        let text = "the script is silent, and the request has no limit to its wait";
                        return Err(Error::new(Kind::Usage, text));
                    }
                };
                socket.pass(passed);
                self.reach(now + passed);
            }
        }
        Ok(true)
    }

    /// One read that takes no time, as at every checkout.
    fn probe(&self, lane: &mut Lane<Peer>) -> Result<(), Error> {
        self.read(lane, None, false).map(|_| ())
    }

    fn check(&self) -> Result<(), Error> {
        match &lock(&self.log).mismatch {
            Some(text) => Err(Error::new(Kind::Usage, text.clone())),
            None => Ok(()),
        }
    }
}

/// A request on its way.
struct Sending {
    leg: Leg<Peer>,
    request: Request,
    /// By the script's clock.
    total: Option<Box<Total>>,
    interim: Vec<ResponseHead>,
    world: Arc<World>,
}

impl Sending {
    /// Ready when the head is here.
    fn poll_head(&mut self, ask: &mut Ask<'_, '_>) -> Poll<Result<ResponseHead, Error>> {
        let Sending {
            leg,
            request,
            total,
            interim,
            world,
        } = self;
        loop {
            let now = world.now()?;
            if let Some(total) = total.as_ref().filter(|total| total.has_passed(now)) {
                let (doing, processed) = leg.late();
                return Poll::Ready(Err(total.error(doing).with_processed(processed)));
            }
            let step = match leg.step(request, now, Waker::noop())? {
                LegStep::Go(step) => step,
                LegStep::Interim(head) => {
                    interim.push(head);
                    continue;
                }
                LegStep::Head(head) => return Poll::Ready(Ok(head)),
            };
            let step = match total {
                Some(total) => total.bound_step(step),
                None => step,
            };
            match step {
                Step::Resolve { .. } => leg.resolved(request, Ok(vec![ADDRESS]), now)?,
                Step::Connect { attempt, .. } => {
                    leg.connected(request, attempt, world.connect(), now)?;
                }
                Step::Probe => world.probe(leg.lane().ok_or_else(over)?)?,
                Step::Drive { until } => {
                    world.drive(leg.lane().ok_or_else(over)?, until, true)?;
                }
                Step::Feed { until } => {
                    let lane = leg.lane().ok_or_else(over)?;
                    if lane.connection.wants_write() {
                        world.drive(lane, until, true)?;
                        continue;
                    }
                    match leg.feed().map_or(Poll::Ready(None), |feed| ask.piece(feed)) {
                        Poll::Ready(piece) => leg.supply(piece, now)?,
                        Poll::Pending => {
                            if !world.drive(leg.lane().ok_or_else(over)?, until, false)? {
                                return Poll::Pending;
                            }
                        }
                    }
                }
                Step::Wait { .. }
                | Step::Race { .. }
                | Step::Share
                | Step::Tick
                | Step::User { .. }
                | Step::Head => {
                    return Poll::Ready(Err(over()));
                }
            }
        }
    }

    fn into_reply(mut self, head: ResponseHead, side: Side) -> Result<Reply, Error> {
        let running = self.leg.take_running().ok_or_else(over)?;
        let mut arriving = Arriving {
            running: Some(running),
            downloaded: 0,
            total: self.total,
            world: self.world,
            rest: Bytes::new(),
        };
        let returned = arriving.returned();
        // What has no body ends here, and its connection is free again.
        let body = match arriving.pull()? {
            Some(Pull::Chunk(chunk)) => {
                arriving.rest = chunk;
                arriving.into_body(side)
            }
            Some(_) => arriving.into_body(side),
            None => Body::empty(),
        };
        let mut reply = Reply::from_parts(head, body);
        reply.returned = returned;
        reply.interim = self.interim;
        Ok(reply)
    }
}

/// A response's body on its way.
struct Arriving {
    /// None once it is complete, or has failed.
    running: Option<Running<Peer>>,
    downloaded: u64,
    total: Option<Box<Total>>,
    world: Arc<World>,
    /// Here, and not handed out yet.
    rest: Bytes,
}

impl Arriving {
    /// The source of the request's body, once all was sent that will be.
    fn returned(&mut self) -> Option<Feed> {
        let running = self.running.as_mut().filter(|it| it.is_sent());
        running.and_then(|running| running.feed.take())
    }

    fn into_body(self, side: Side) -> Body {
        match side {
            Side::Blocking => Body::reader(self, None),
            Side::Async => Body::stream(self, None),
        }
    }

    /// What is next; none when the body is complete and its connection back in the pool.
    fn pull(&mut self) -> Result<Option<Pull>, Error> {
        let now = self.world.now()?;
        let Some(running) = &mut self.running else {
            return Ok(None);
        };
        if let Some(total) = self.total.as_ref().filter(|total| total.has_passed(now)) {
            self.running = None;
            return Err(total
                .error(Doing::ReadingBody)
                .with_processed(Processed::Yes));
        }
        running.pause_low_speed(now);
        match running.pull(now, |connection, id| connection.read_body(id, now)) {
            Ok(Some(Pull::Drive { until })) => {
                let until = running.watch_receiving(self.downloaded, until, now)?;
                let until = match &mut self.total {
                    Some(total) => total.bound(until),
                    None => until,
                };
                Ok(Some(Pull::Drive { until }))
            }
            Ok(Some(pull)) => {
                if let Pull::Chunk(chunk) = &pull {
                    self.downloaded += chunk.len() as u64;
                }
                Ok(Some(pull))
            }
            Ok(None) => {
                if let Some(running) = self.running.take() {
                    running.held.release(now);
                }
                Ok(None)
            }
            Err(error) => Err(Error::connection(error, false).with_processed(Processed::Yes)),
        }
    }

    fn poll_piece(&mut self, ask: &mut Ask<'_, '_>) -> Poll<Result<Option<Bytes>, Error>> {
        if !self.rest.is_empty() {
            return Poll::Ready(Ok(Some(std::mem::take(&mut self.rest))));
        }
        loop {
            let pull = match self.pull()? {
                None => return Poll::Ready(Ok(None)),
                Some(Pull::Chunk(chunk)) => return Poll::Ready(Ok(Some(chunk))),
                Some(pull) => pull,
            };
            let Some(running) = &mut self.running else {
                return Poll::Ready(Ok(None));
            };
            let lane = running.held.lane().ok_or_else(over)?;
            match pull {
                Pull::Feed { until } if lane.connection.wants_write() => {
                    self.world.drive(lane, until, true)?;
                }
                Pull::Feed { until } => {
                    let feed = running.feed.as_mut();
                    match feed.map_or(Poll::Ready(None), |feed| ask.piece(feed)) {
                        Poll::Ready(piece) => running.supply(piece, self.world.now()?)?,
                        Poll::Pending => {
                            let lane = running.held.lane().ok_or_else(over)?;
                            if !self.world.drive(lane, until, false)? {
                                return Poll::Pending;
                            }
                        }
                    }
                }
                Pull::Drive { until } => {
                    self.world.drive(lane, until, true)?;
                }
                Pull::Chunk(_) | Pull::End => return Poll::Ready(Ok(None)),
            }
        }
    }
}

impl Read for Arriving {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.rest.is_empty() {
            match self.poll_piece(&mut Ask::Thread(&BlockCache::default())) {
                Poll::Ready(Ok(Some(chunk))) => self.rest = chunk,
                Poll::Ready(Ok(None)) => return Ok(0),
                Poll::Ready(Err(error)) => return Err(io::Error::other(error)),
                Poll::Pending => return Err(io::Error::other(over())),
            }
        }
        let count = buf.len().min(self.rest.len());
        let into = buf.get_mut(..count).unwrap_or_default();
        self.rest.copy_to_slice(into);
        Ok(count)
    }
}

impl BodyStream for Arriving {
    fn poll_chunk(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Bytes>>> {
        let piece = ready!(self.poll_piece(&mut Ask::Task(cx)));
        Poll::Ready(piece.map_err(io::Error::other).transpose())
    }
}

/// Nobody is there (RFC 5737), and nobody is dialled.
const ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 80);

fn over() -> Error {
    Error::new(Kind::Usage, "this request to a script is over")
}
