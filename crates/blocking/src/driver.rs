//! Carrying out a call's steps: look up, dial, move bytes, wait. Nothing is decided here.

use crate::resolve::Resolver;
use crate::socket::Socket;
use crate::streaming::Streaming;
use bytes::Bytes;
use nuncio_client::{
    BlockCache, Call, Depot, Driver, Error, Feed, Head, Kind, Lane, PoolCounts, Pull, Request,
    Response, Settings, Step, Transmit,
};
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::thread::Thread;
use std::time::Instant;

/// The blocking way of sending a request.
#[derive(Clone, Debug)]
pub struct Blocking {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    depot: Arc<Depot<Socket>>,
    resolver: Resolver,
}

impl Driver for Blocking {
    type Context = ();
    type Send = Result<Response, Error>;
    type Stream = Result<Streaming, Error>;

    fn start(_context: (), settings: &Settings) -> Result<Self, Error> {
        let depot = Arc::new(Depot::new(settings.limits()));
        Ok(Blocking {
            shared: Arc::new(Shared {
                depot,
                resolver: Resolver::default(),
            }),
        })
    }

    fn send(&self, settings: &Arc<Settings>, request: Result<Request, Error>) -> Self::Send {
        let (head, mut transfer) = self.exchange(settings, request?)?;
        let mut body = Vec::with_capacity(first_capacity(&head));
        transfer.read_to_end(&mut body)?;
        let elapsed = transfer.call.elapsed().unwrap_or_default();
        Ok(Response::new(head, Bytes::from(body), elapsed))
    }

    fn stream(&self, settings: &Arc<Settings>, request: Result<Request, Error>) -> Self::Stream {
        let (head, transfer) = self.exchange(settings, request?)?;
        Ok(Streaming::new(head, transfer))
    }

    fn pool(&self) -> PoolCounts {
        self.shared.depot.counts()
    }

    fn evict_idle(&self) {
        self.shared.depot.evict_idle();
    }

    fn close(&self) {
        self.shared.depot.close();
    }
}

/// What an announced length lets us reserve: a peer's number is not to be trusted with more
/// (SECURITY Z8).
fn first_capacity(head: &Head) -> usize {
    head.content_length().unwrap_or(0).min(64 * 1024) as usize
}

impl Blocking {
    fn exchange(
        &self,
        settings: &Arc<Settings>,
        request: Request,
    ) -> Result<(Head, Transfer), Error> {
        let (call, feed) = Call::new(settings, &self.shared.depot, request, 0, Instant::now());
        let feed = match feed {
            None => None,
            Some(Feed::Reader(reader)) => Some(reader),
            Some(Feed::Stream(_)) => {
                let text = "an async body was given to a blocking client: use Body::reader";
                return Err(Error::new(Kind::Usage, text));
            }
        };
        let mut transfer = Transfer {
            call,
            feed,
            blocks: settings.blocks(),
        };
        let head = transfer.head(&self.shared.resolver)?;
        Ok((head, transfer))
    }
}

/// A call and the source of its body, driven by the thread that asks.
pub(crate) struct Transfer {
    pub(crate) call: Call<Socket>,
    feed: Option<Box<dyn io::Read + Send>>,
    blocks: BlockCache,
}

impl Transfer {
    fn head(&mut self, resolver: &Resolver) -> Result<Head, Error> {
        // Made only where there is something to wait for.
        let mut unpark = None;
        loop {
            let now = Instant::now();
            let waker = unpark.as_ref().unwrap_or(Waker::noop());
            match self.call.step(now, waker)? {
                Step::Wait { until } => match &unpark {
                    None => unpark = Some(Waker::from(Arc::new(Unpark(std::thread::current())))),
                    Some(_) => park(until, now),
                },
                Step::Resolve { until } => {
                    let found = resolver.lookup(self.call.host(), self.call.port(), until);
                    self.call.resolved(found)?;
                }
                Step::Connect { address, until } => {
                    let socket = Socket::connect(address, until);
                    self.call.connected(socket, Instant::now())?;
                }
                Step::Probe => {
                    if let Some(lane) = self.call.lane() {
                        probe(lane, now);
                    }
                }
                Step::Feed { until } => self.feed(until, now)?,
                Step::Drive { until } => {
                    if let Some(lane) = self.call.lane() {
                        drive(lane, until, now);
                    }
                }
                Step::Head(head) => return Ok(*head),
            }
        }
    }

    /// The next piece of the response's body.
    pub(crate) fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            let now = Instant::now();
            match self.call.pull(now)? {
                Pull::Chunk(chunk) => return Ok(Some(chunk)),
                Pull::End => return Ok(None),
                Pull::Feed { until } => self.feed(until, now)?,
                Pull::Drive { until } => self.drive(until, now),
            }
        }
    }

    /// All that is left of the response's body.
    pub(crate) fn read_to_end(&mut self, body: &mut Vec<u8>) -> Result<(), Error> {
        loop {
            let now = Instant::now();
            match self.call.pull_into(body, now)? {
                Pull::Chunk(_) => {}
                Pull::End => return Ok(()),
                Pull::Feed { until } => self.feed(until, now)?,
                Pull::Drive { until } => self.drive(until, now),
            }
        }
    }

    fn drive(&mut self, until: Option<Instant>, now: Instant) {
        if let Some(lane) = self.call.lane() {
            drive(lane, until, now);
        }
    }

    /// Sends what is there, and asks the source only then: it may block for as long as it likes, or
    /// even wait for what the server does with the bytes before.
    fn feed(&mut self, until: Option<Instant>, now: Instant) -> Result<(), Error> {
        match self.call.lane() {
            Some(lane) if lane.connection.wants_write() => {
                drive(lane, until, now);
                Ok(())
            }
            _ => self.ask_source(),
        }
    }

    fn ask_source(&mut self) -> Result<(), Error> {
        let piece = match &mut self.feed {
            None => None,
            Some(reader) => match self.blocks.fill(|buf| reader.read(buf)) {
                Ok(chunk) if chunk.is_empty() => None,
                Ok(chunk) => Some(Ok(chunk)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
                Err(error) => Some(Err(error)),
            },
        };
        self.call.supply(piece, Instant::now())
    }
}

/// One read that does not wait, to see what an idle connection has to say.
fn probe(lane: &mut Lane<Socket>, now: Instant) {
    let mut buf = lane.connection.take_recv();
    let read = lane.socket.read_now(buf.unfilled());
    finish_read(lane, buf, read, now);
}

/// Moves bytes one way: out while there are any to write, else in. A response that comes before
/// the request is all written is read as it comes (SECURITY K4).
fn drive(lane: &mut Lane<Socket>, until: Option<Instant>, now: Instant) {
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
        let wrote = socket.write_now(slices.get(..count).unwrap_or_default());
        match wrote {
            Ok(written) => connection.transmitted(transmit, written, now),
            Err(error) if is_retry(&error) => {
                let until = connection.next_timeout().or(until);
                match socket.wait(connection.wants_read(), until, now) {
                    Ok(ready) if ready.readable => probe(lane, Instant::now()),
                    Ok(_) => {}
                    Err(error) => connection.handle_write_error(transmit, &error),
                }
            }
            Err(error) => connection.handle_write_error(transmit, &error),
        }
    } else {
        let mut buf = connection.take_recv();
        let read = socket.read_until(buf.unfilled(), until, now);
        finish_read(lane, buf, read, Instant::now());
    }
}

fn finish_read(
    lane: &mut Lane<Socket>,
    mut buf: nuncio_client::RecvBuf,
    read: io::Result<usize>,
    now: Instant,
) {
    if let Ok(read) = read {
        buf.advance(read);
    }
    lane.connection.handle_input(buf, now);
    match read {
        Ok(0) => lane.connection.handle_eof(),
        Ok(_) => {}
        Err(error) if is_retry(&error) => {}
        Err(error) => lane.connection.handle_read_error(&error),
    }
}

fn is_retry(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}

/// Wakes a thread that waits for the pool.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

fn park(until: Option<Instant>, now: Instant) {
    match until {
        None => std::thread::park(),
        Some(until) => std::thread::park_timeout(until.saturating_duration_since(now)),
    }
}
