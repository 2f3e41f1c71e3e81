//! What an adapter does for a call, on a clock that only the wait moves: to the next thing that
//! happens, or to the end that the step names.

use crate::inert::{Built, Inert};
use bytes::Bytes;
use nuncio_client::{
    BlockCache, Call, Client, ClientBuilder, Connection, Depot, Driver, Error, Feed, Incoming,
    Lane, Place, PoolCounts, Pull, Shared, Side, Step, Timeout, Transmit, earliest,
};
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// What the peer does, and when.
pub(crate) struct World {
    start: Instant,
    pub(crate) now: Instant,
    pub(crate) resolves: bool,
    pub(crate) connects: bool,
    pub(crate) takes: Takes,
    next_take: Instant,
    /// What comes, so long after the start; answers to several requests one after the other.
    pub(crate) arrivals: VecDeque<(Duration, Vec<u8>)>,
    pub(crate) sent: Vec<u8>,
    /// How long a step of the program's own takes.
    pub(crate) tick: Duration,
    pub(crate) side: Side,
    depots: Option<Arc<[Arc<Depot<()>>]>>,
}

/// How the peer takes what is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Takes {
    All,
    Nothing,
    /// So much at a time, and no more until so long after it.
    Some(usize, Duration),
}

impl World {
    pub(crate) fn new() -> Self {
        let start = Instant::now();
        World {
            start,
            now: start,
            resolves: true,
            connects: true,
            takes: Takes::All,
            next_take: start,
            arrivals: VecDeque::new(),
            sent: Vec::new(),
            tick: Duration::ZERO,
            side: Side::Async,
            depots: None,
        }
    }

    /// So long after the start, this comes.
    pub(crate) fn at(mut self, after: Duration, bytes: impl AsRef<[u8]>) -> Self {
        self.arrivals.push_back((after, bytes.as_ref().to_vec()));
        self
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.now - self.start
    }

    pub(crate) fn counts(&self) -> PoolCounts {
        let depots = self.depots.iter().flat_map(|depots| depots.iter());
        depots.map(|depot| depot.counts()).sum()
    }

    pub(crate) fn call(&mut self, built: Built) -> Result<Call<()>, Error> {
        let (settings, request) = built?;
        let depots = self.depots.get_or_insert_with(|| {
            let depots = settings.limits().map(Depot::new).map(Arc::new);
            depots.collect()
        });
        let place = Place {
            side: self.side,
            wall_clock: Inert::wall_clock,
            runtime: 0,
        };
        Call::new(&settings, depots, request, place, self.now)
    }

    /// To the end of the response's body.
    pub(crate) fn send(&mut self, built: Built) -> Result<(Incoming<()>, Vec<u8>), Error> {
        let call = self.call(built)?;
        let mut incoming = self.head(call)?;
        let body = self.body(&mut incoming)?;
        Ok((incoming, body))
    }

    pub(crate) fn head(&mut self, mut call: Call<()>) -> Result<Incoming<()>, Error> {
        loop {
            match call.step(self.now, Waker::noop())? {
                Step::Wait { until } => self.pass(until),
                Step::Resolve { until } => {
                    let found = match self.resolves {
                        true => Ok(vec!["192.0.2.1:80".parse().unwrap()]),
                        false => self.never(until),
                    };
                    call.resolved(found, self.now)?;
                }
                Step::Connect { attempt, .. } => {
                    if self.connects {
                        call.connected(attempt, Ok(()), self.now)?;
                    }
                }
                Step::Race { until } => self.pass(until),
                Step::Probe | Step::Share => {}
                Step::Drive { until } => match call.lane() {
                    Some(lane) => self.drive(lane, until),
                    None => self.share(call.shared().unwrap().0, until),
                },
                Step::Feed { until } => match self.ask(call.feed().unwrap()) {
                    Poll::Ready(piece) => call.supply(piece, self.now)?,
                    Poll::Pending => match call.lane() {
                        Some(lane) => self.drive(lane, until),
                        None => self.pass(until),
                    },
                },
                Step::Tick => self.now += self.tick,
                Step::User { until } => match call.poll_user(self.now, &mut noop()) {
                    Poll::Ready(done) => done?,
                    Poll::Pending => self.pass(until),
                },
                Step::Head => return call.into_incoming(),
            }
        }
    }

    pub(crate) fn body(&mut self, incoming: &mut Incoming<()>) -> Result<Vec<u8>, Error> {
        let mut body = Vec::new();
        while let Some(chunk) = self.chunk(incoming)? {
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    pub(crate) fn chunk(&mut self, incoming: &mut Incoming<()>) -> Result<Option<Bytes>, Error> {
        loop {
            match incoming.pull(self.now)? {
                Pull::Chunk(chunk) => return Ok(Some(chunk)),
                Pull::End => return Ok(None),
                Pull::Drive { until } => match incoming.lane() {
                    Some(lane) => self.drive(lane, until),
                    None => self.share(incoming.shared().unwrap().0, until),
                },
                Pull::Feed { until } => match self.ask(incoming.feed().unwrap()) {
                    Poll::Ready(piece) => incoming.supply(piece, self.now)?,
                    Poll::Pending => self.pass(until),
                },
            }
        }
    }

    fn ask(&self, feed: &mut Feed) -> Poll<Option<io::Result<Bytes>>> {
        match self.side {
            Side::Blocking => Poll::Ready(feed.read(&BlockCache::default())),
            Side::Async => feed.poll(&mut noop()),
        }
    }

    fn pass(&mut self, until: Option<Instant>) {
        let until = until.expect("a wait with an end");
        assert!(until > self.now, "a wait for what has passed");
        self.now = until;
    }

    fn never<T>(&mut self, until: Option<Instant>) -> io::Result<T> {
        self.pass(until);
        Err(io::ErrorKind::TimedOut.into())
    }

    fn drive(&mut self, lane: &mut Lane<()>, until: Option<Instant>) {
        self.turn(&mut lane.connection, &mut lane.transmit, until);
    }

    /// What a mover does, and the wait for it.
    fn share(&mut self, shared: &Arc<Shared<()>>, until: Option<Instant>) {
        let mut transmit = shared.transmit.lock().unwrap();
        let mut machine = shared.lock();
        let until = earliest(until, machine.connection.next_timeout());
        self.turn(&mut machine.connection, &mut transmit, until);
        machine.expire(self.now);
        shared.release(machine);
    }

    /// One thing happens: bytes go, bytes come, or time passes.
    fn turn(
        &mut self,
        connection: &mut Connection,
        transmit: &mut Transmit,
        until: Option<Instant>,
    ) {
        let most = match self.takes {
            Takes::All => usize::MAX,
            Takes::Nothing => 0,
            Takes::Some(most, _) if self.next_take <= self.now => most,
            Takes::Some(..) => 0,
        };
        if connection.wants_write() && most > 0 {
            connection.take_transmit(transmit);
            let mut slices = [IoSlice::new(&[]); Transmit::MAX_SLICES];
            let count = transmit.slices(&mut slices);
            let mut piece: Vec<u8> = slices[..count].iter().flat_map(|it| it.to_vec()).collect();
            piece.truncate(most);
            connection.transmitted(transmit, piece.len(), self.now);
            self.sent.extend_from_slice(&piece);
            if let Takes::Some(_, pause) = self.takes {
                self.next_take = self.now + pause;
            }
            return;
        }
        let arrival = self.arrivals.front().map(|(after, _)| self.start + *after);
        let take = match self.takes {
            Takes::Some(..) if connection.wants_write() => Some(self.next_take),
            _ => None,
        };
        let arrival = arrival.filter(|_| connection.wants_read());
        let Some(next) = earliest(earliest(arrival, take), until) else {
            panic!("it would wait for ever");
        };
        if arrival.is_none_or(|arrival| arrival > next) {
            self.now = self.now.max(next);
            return;
        }
        self.now = self.now.max(next);
        let (_, bytes) = self.arrivals.pop_front().unwrap();
        let mut buf = connection.take_recv();
        let room = buf.unfilled();
        let count = room.len().min(bytes.len());
        room[..count].copy_from_slice(&bytes[..count]);
        buf.advance(count);
        connection.handle_input(buf, self.now);
        if count < bytes.len() {
            let rest = (Duration::ZERO, bytes[count..].to_vec());
            self.arrivals.push_front(rest);
        }
    }
}

pub(crate) fn noop() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

pub(crate) fn builder(timeout: Timeout) -> ClientBuilder<Inert> {
    ClientBuilder::new(()).timeout(timeout)
}

pub(crate) fn client(timeout: Timeout) -> Client<Inert> {
    builder(timeout).build().unwrap()
}
