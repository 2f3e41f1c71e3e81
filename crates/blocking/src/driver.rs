//! Carrying out a call's steps: look up, dial, move bytes, wait. Nothing is decided here.

use crate::dialing::Race;
use crate::resolve::Lookups;
use crate::sharing;
use crate::socket::Socket;
use crate::streaming::Streaming;
use bytes::Bytes;
use nuncio_client::cut::{Cut, Cutting, Next};
use nuncio_client::{
    Call, Connection, Depot, Driver, Environment, Error, Feed, Head, Incoming, Kind, Lane, Place,
    PoolCounts, PoolSnapshot, Pull, Request, Response, Settings, Side, Step, Transmit, earliest,
};
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::thread::Thread;
use std::time::{Instant, SystemTime};

/// The blocking way of sending a request.
#[derive(Clone, Debug)]
pub struct Blocking {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// One for each network of the client's.
    depots: Arc<[Arc<Depot<Socket>>]>,
    lookups: Lookups,
}

impl Driver for Blocking {
    const SIDE: Side = Side::Blocking;
    type Context = ();
    type Send = Result<Response, Error>;
    type Stream = Result<Streaming, Error>;

    fn wall_clock() -> SystemTime {
        SystemTime::now()
    }

    fn environment() -> Environment {
        Environment {
            variable: |name| std::env::var_os(name),
            read: |path| std::fs::read(path),
            list: |path| {
                let entries = std::fs::read_dir(path)?;
                let mut files = Vec::new();
                for entry in entries {
                    let path = entry?.path();
                    if path.is_file() {
                        files.push(path);
                    }
                }
                files.sort();
                Ok(files)
            },
        }
    }

    fn start(_context: (), settings: &Settings) -> Result<Self, Error> {
        let depots = settings.limits().map(Depot::new).map(Arc::new).collect();
        Ok(Blocking {
            shared: Arc::new(Shared {
                depots,
                lookups: Lookups::default(),
            }),
        })
    }

    fn send(&self, settings: &Arc<Settings>, request: Result<Request, Error>) -> Self::Send {
        let (mut download, now) = self.exchange(settings, request?)?;
        let mut body = Vec::with_capacity(first_capacity(download.incoming.head()));
        download.read_to_end(&mut body, now)?;
        Ok(download.incoming.into_response(body))
    }

    fn stream(&self, settings: &Arc<Settings>, request: Result<Request, Error>) -> Self::Stream {
        let (download, _) = self.exchange(settings, request?)?;
        Ok(Streaming::new(download))
    }

    fn send_failed(error: Error) -> Self::Send {
        Err(error)
    }

    fn stream_failed(error: Error) -> Self::Stream {
        Err(error)
    }

    fn context(&self) {}

    fn counts(&self) -> PoolCounts {
        self.shared.depots.iter().map(|depot| depot.counts()).sum()
    }

    fn pool(&self) -> PoolSnapshot {
        let now = Instant::now();
        let mut all = PoolSnapshot::default();
        for depot in self.shared.depots.iter() {
            all.append(depot.snapshot(now));
        }
        all
    }

    fn evict_idle(&self) {
        self.shared
            .depots
            .iter()
            .for_each(|depot| depot.evict_idle());
    }

    fn close(&self) {
        self.shared.depots.iter().for_each(|depot| depot.close());
    }
}

/// What an announced length lets us reserve: a peer's number is not to be trusted with more
/// (SECURITY Z8).
fn first_capacity(head: &Head) -> usize {
    head.content_length().unwrap_or(0).min(64 * 1024) as usize
}

impl Blocking {
    /// Sends a request and waits for the head; gives the time at which it had come too.
    fn exchange(
        &self,
        settings: &Arc<Settings>,
        request: Request,
    ) -> Result<(Download, Instant), Error> {
        let mut now = Instant::now();
        let place = Place {
            side: Side::Blocking,
            wall_clock: Self::wall_clock,
            runtime: 0,
        };
        let mut call = Call::new(settings, &self.shared.depots, request, place, now)?;
        // Made only where there is something to wait for.
        let mut unpark = None;
        let mut race = Race::default();
        loop {
            let waker = unpark.as_ref().unwrap_or(Waker::noop());
            match call.step(now, waker)? {
                Step::Wait { until } => {
                    race.give_up();
                    match &unpark {
                        None => {
                            unpark = Some(Waker::from(Arc::new(Unpark(std::thread::current()))));
                        }
                        Some(_) => now = park(until, now),
                    }
                }
                Step::Resolve { until } => {
                    let (host, port) = (call.host(), call.port());
                    let lookups = &self.shared.lookups;
                    let found = lookups.lookup(call.resolver(), host, port, until);
                    now = Instant::now();
                    call.resolved(found, now)?;
                }
                Step::Connect {
                    attempt,
                    address,
                    options,
                } => race.begin(attempt, &address, &options),
                Step::Race { until } => {
                    let done = race.wait(until, now);
                    now = Instant::now();
                    if let Some((attempt, socket)) = done {
                        if socket.is_ok() {
                            race.give_up();
                        }
                        call.connected(attempt, socket, now)?;
                        if let Some(lane) = call.lane() {
                            lane.break_with(lane.socket.breaker());
                        }
                    }
                }
                Step::Probe => {
                    if let Some(lane) = call.lane() {
                        probe(lane, now);
                    } else if let Some((shared, _)) = call.shared() {
                        sharing::probe(shared, now);
                    }
                }
                Step::Share => {
                    if let Some((shared, _)) = call.shared() {
                        sharing::begin(shared, now)?;
                    }
                }
                Step::Feed { until } => match unsent(call.lane()) {
                    Some(lane) => now = drive(lane, until, now),
                    None => {
                        let piece = ask(call.feed(), settings);
                        now = Instant::now();
                        call.supply(piece, now)?;
                    }
                },
                Step::Tick => now = Instant::now(),
                Step::User { .. } => {
                    let text = "a hook or a transport has to be awaited: this client is blocking";
                    return Err(Error::new(Kind::Usage, text));
                }
                Step::Drive { until } => {
                    now = match call.lane() {
                        Some(lane) => drive(lane, until, now),
                        None => sharing::wait(call.shared(), until, now),
                    };
                }
                Step::Head => {
                    let incoming = call.into_incoming()?;
                    let settings = Arc::clone(settings);
                    return Ok((Download { incoming, settings }, now));
                }
            }
        }
    }
}

/// The next piece of a body, `None` at its end.
fn ask(feed: Option<&mut Feed>, settings: &Settings) -> Option<io::Result<Bytes>> {
    feed?.read(&settings.blocks())
}

/// The lane, if something of the request waits to be written: that goes first, for a source may
/// block for as long as it likes, or even wait for what the server does with the bytes before.
fn unsent(lane: Option<&mut Lane<Socket>>) -> Option<&mut Lane<Socket>> {
    lane.filter(|lane| lane.connection.wants_write())
}

/// A response under way, driven by the thread that asks.
pub(crate) struct Download {
    pub(crate) incoming: Incoming<Socket>,
    settings: Arc<Settings>,
}

impl Download {
    /// The next piece of the response's body, decoded.
    pub(crate) fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        self.pull(Incoming::pull)
    }

    /// The next piece of the response's body as it came.
    pub(crate) fn raw_chunk(&mut self) -> Result<Option<Bytes>, Error> {
        self.pull(Incoming::pull_raw)
    }

    fn pull(
        &mut self,
        pull: impl Fn(&mut Incoming<Socket>, Instant) -> Result<Pull, Error>,
    ) -> Result<Option<Bytes>, Error> {
        let mut now = Instant::now();
        loop {
            match pull(&mut self.incoming, now)? {
                Pull::Chunk(chunk) => return Ok(Some(chunk)),
                Pull::End => return Ok(None),
                other => now = self.go_on(other, now)?,
            }
        }
    }

    /// The next item that is cut out of the response's body.
    pub(crate) fn item<C: Cut>(
        &mut self,
        cutting: &mut Cutting<C>,
    ) -> Result<Option<C::Item>, Error> {
        let mut now = Instant::now();
        loop {
            match cutting.next(&mut self.incoming, now)? {
                Next::Item(item) => return Ok(Some(item)),
                Next::End => return Ok(None),
                Next::First(pull) => now = self.go_on(pull, now)?,
            }
        }
    }

    /// The part of the response's body that a status error keeps.
    pub(crate) fn read_for_error(&mut self) -> Vec<u8> {
        let (mut body, mut now) = (Vec::new(), Instant::now());
        loop {
            match self.incoming.pull_for_error(&mut body, now) {
                Pull::End => return body,
                other => match self.go_on(other, now) {
                    Ok(later) => now = later,
                    Err(_) => return body,
                },
            }
        }
    }

    /// All that is left of the response's body.
    pub(crate) fn read_to_end(&mut self, body: &mut Vec<u8>, now: Instant) -> Result<(), Error> {
        let mut now = now;
        loop {
            match self.incoming.pull_into(body, now)? {
                Pull::End => return Ok(()),
                other => now = self.go_on(other, now)?,
            }
        }
    }

    /// Does what has to be done before the next piece can come, and gives the time after it.
    fn go_on(&mut self, pull: Pull, now: Instant) -> Result<Instant, Error> {
        match pull {
            Pull::Chunk(_) | Pull::End => Ok(now),
            Pull::Drive { until } => Ok(match self.incoming.lane() {
                Some(lane) => drive(lane, until, now),
                None => sharing::wait(self.incoming.shared(), until, now),
            }),
            Pull::Feed { until } => {
                if let Some(lane) = unsent(self.incoming.lane()) {
                    return Ok(drive(lane, until, now));
                }
                let piece = ask(self.incoming.feed(), &self.settings);
                let now = Instant::now();
                self.incoming.supply(piece, now)?;
                Ok(now)
            }
        }
    }
}

/// One read that does not wait, to see what an idle connection has to say. Mostly that is nothing,
/// and no buffer is taken for it.
fn probe(lane: &mut Lane<Socket>, now: Instant) {
    let mut first = [0];
    let read = lane.socket.read_now(&mut first);
    if read.as_ref().is_err_and(is_retry) {
        return;
    }
    let mut buf = lane.connection.take_recv();
    let read = match (read, buf.unfilled()) {
        (Ok(1), [place, ..]) => {
            [*place] = first;
            buf.advance(1);
            lane.socket.read_now(buf.unfilled())
        }
        (read, _) => read,
    };
    finish_read(&mut lane.connection, buf, read, now);
}

/// One read that does not wait.
fn read_now(lane: &mut Lane<Socket>, now: Instant) {
    let mut buf = lane.connection.take_recv();
    let read = lane.socket.read_now(buf.unfilled());
    finish_read(&mut lane.connection, buf, read, now);
}

/// Moves bytes one way, out while there are any to write, else in, and gives the time after it. Once
/// a request is out, its response is waited for at once.
///
/// A response that comes before the request is all written is read as it comes (SECURITY K4).
fn drive(lane: &mut Lane<Socket>, until: Option<Instant>, now: Instant) -> Instant {
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
        match socket.write_now(slices.get(..count).unwrap_or_default()) {
            Ok(written) => {
                // What went in one piece took no time worth a look at the clock.
                let now = if written == transmit.len() {
                    now
                } else {
                    Instant::now()
                };
                connection.transmitted(transmit, written, now);
                if connection.awaits_answer() {
                    let until = earliest(connection.next_timeout(), until);
                    return read(lane, until, now);
                }
                return now;
            }
            Err(error) if is_retry(&error) => {}
            Err(error) => {
                connection.handle_write_error(transmit, &error);
                return now;
            }
        }
        let ready = socket.wait(
            connection.wants_read(),
            earliest(connection.next_timeout(), until),
            now,
        );
        let now = Instant::now();
        match ready {
            Ok(ready) if ready.readable => read_now(lane, now),
            Ok(_) => {}
            Err(error) => connection.handle_write_error(transmit, &error),
        }
        return now;
    }
    read(lane, until, now)
}

fn read(lane: &mut Lane<Socket>, until: Option<Instant>, now: Instant) -> Instant {
    let mut buf = lane.connection.take_recv();
    let read = lane.socket.read_until(buf.unfilled(), until, now);
    let now = Instant::now();
    finish_read(&mut lane.connection, buf, read, now);
    now
}

pub(crate) fn finish_read(
    connection: &mut Connection,
    mut buf: nuncio_client::RecvBuf,
    read: io::Result<usize>,
    now: Instant,
) {
    if let Ok(read) = read {
        buf.advance(read);
    }
    connection.handle_input(buf, now);
    match read {
        Ok(0) => connection.handle_eof(),
        Ok(_) => {}
        Err(error) if is_retry(&error) => {}
        Err(error) => connection.handle_read_error(&error),
    }
}

pub(crate) fn is_retry(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}

/// Wakes a thread that waits for the pool, or for news of a stream.
pub(crate) struct Unpark(pub(crate) Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

pub(crate) fn park(until: Option<Instant>, now: Instant) -> Instant {
    match until {
        None => std::thread::park(),
        Some(until) => std::thread::park_timeout(until.saturating_duration_since(now)),
    }
    Instant::now()
}
