//! Carrying out a call's steps inside a future. Nothing is decided here.

use crate::dialing::{Lookup, Race, resolve};
use crate::drive::{Alarm, Wired, poll_drive, probe};
use crate::mover::{self, poll_news, spawn};
use crate::runtime::Runtime;
use crate::streaming::Streaming;
use bytes::Bytes;
use nuncio_client::cut::{Cut, Cutting, Next};
use nuncio_client::{
    Awaits, Call, Depot, Driver, Environment, Error, Feed, Incoming, Kind, Place, PoolCounts,
    PoolSnapshot, Pull, Request, Response, Settings, Side, Step,
};
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Instant, SystemTime};

/// The async way of sending a request, over some runtime.
#[derive(Clone)]
pub struct Async {
    shared: Arc<Shared>,
}

struct Shared {
    /// One for each network of the client's.
    depots: Arc<[Arc<Depot<Wired>>]>,
    runtime: Arc<dyn Runtime>,
}

impl fmt::Debug for Async {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Async")
            .field("pool", &self.counts())
            .finish()
    }
}

impl Driver for Async {
    const SIDE: Side = Side::Async;
    type Context = Arc<dyn Runtime>;
    type Send = Send;
    type Stream = Stream;

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

    fn start(runtime: Arc<dyn Runtime>, settings: &Settings) -> Result<Self, Error> {
        let depots = settings.limits().map(Depot::new).map(Arc::new).collect();
        Ok(Async {
            shared: Arc::new(Shared { depots, runtime }),
        })
    }

    fn send(&self, settings: &Arc<Settings>, request: Result<Request, Error>) -> Send {
        Send {
            stage: Stage::new(self, settings, request),
            body: Vec::new(),
        }
    }

    fn stream(&self, settings: &Arc<Settings>, request: Result<Request, Error>) -> Stream {
        Stream {
            stage: Stage::new(self, settings, request),
        }
    }

    fn send_failed(error: Error) -> Send {
        Send {
            stage: Stage::Failed(error),
            body: Vec::new(),
        }
    }

    fn stream_failed(error: Error) -> Stream {
        Stream {
            stage: Stage::Failed(error),
        }
    }

    fn context(&self) -> Arc<dyn Runtime> {
        Arc::clone(&self.shared.runtime)
    }

    fn counts(&self) -> PoolCounts {
        self.shared.depots.iter().map(|depot| depot.counts()).sum()
    }

    fn pool(&self) -> PoolSnapshot {
        let now = self.shared.runtime.now();
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

impl Awaits for Async {}

/// The future of a response, body included. Dropped, it leaves the pool right.
#[must_use = "futures do nothing unless awaited"]
pub struct Send {
    stage: Stage,
    body: Vec<u8>,
}

impl Future for Send {
    type Output = Result<Response, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        // One poll waits for nothing: one look at the clock does for all of it.
        let mut now = None;
        if !matches!(this.stage, Stage::Incoming(_)) {
            now = Some(ready!(this.stage.poll_head(cx))?);
        }
        let Stage::Incoming(download) = &mut this.stage else {
            return Poll::Ready(Err(over()));
        };
        if now.is_some() {
            // What an announced length lets us reserve: a peer's number is not to be trusted with
            // more (SECURITY Z8).
            let announced = download.incoming.head().content_length().unwrap_or(0);
            this.body = Vec::with_capacity(announced.min(64 * 1024) as usize);
        }
        let now = now.unwrap_or_else(|| download.runtime.now());
        ready!(download.poll_read_to_end(&mut this.body, now, cx))?;
        let Stage::Incoming(download) = std::mem::replace(&mut this.stage, Stage::Over) else {
            return Poll::Ready(Err(over()));
        };
        let body = std::mem::take(&mut this.body);
        Poll::Ready(Ok(download.incoming.into_response(body)))
    }
}

/// The future of a response whose body is still to come. Dropped, it leaves the pool right.
#[must_use = "futures do nothing unless awaited"]
pub struct Stream {
    stage: Stage,
}

impl Future for Stream {
    type Output = Result<Streaming, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(self.stage.poll_head(cx))?;
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Incoming(download) => Poll::Ready(Ok(Streaming::new(download))),
            _ => Poll::Ready(Err(over())),
        }
    }
}

/// How far a request's future is. A call begins with the first poll, when the runtime can be asked
/// for its clock.
// Each is moved into the next, once.
#[allow(clippy::large_enum_variant)]
enum Stage {
    /// There until then.
    Start(Option<Start>),
    Outgoing(Outgoing),
    Incoming(Download),
    Failed(Error),
    Over,
}

/// What a call is made of.
struct Start {
    shared: Arc<Shared>,
    settings: Arc<Settings>,
    request: Request,
}

impl Stage {
    fn new(driver: &Async, settings: &Arc<Settings>, request: Result<Request, Error>) -> Self {
        match request {
            Ok(request) => Stage::Start(Some(Start {
                shared: Arc::clone(&driver.shared),
                settings: Arc::clone(settings),
                request,
            })),
            Err(error) => Stage::Failed(error),
        }
    }

    /// Ready when the head is here and the stage is `Incoming`; gives the time.
    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<Instant, Error>> {
        let started = match self {
            Stage::Outgoing(_) => None,
            _ => Some(self.start()?),
        };
        let Stage::Outgoing(outgoing) = self else {
            return Poll::Ready(Err(over()));
        };
        let now = started.unwrap_or_else(|| outgoing.runtime.now());
        let polled = outgoing.poll_head(now, cx);
        if polled.is_pending() {
            outgoing.call.watch(cx.waker(), now)?;
        }
        let now = ready!(polled)?;
        if let Stage::Outgoing(outgoing) = std::mem::replace(self, Stage::Over) {
            *self = Stage::Incoming(outgoing.into_download()?);
        }
        Poll::Ready(Ok(now))
    }

    /// Begins the call, and says when that was.
    fn start(&mut self) -> Result<Instant, Error> {
        let start = match self {
            Stage::Start(start) => start.take(),
            _ => None,
        };
        match start {
            Some(start) => {
                let outgoing = Outgoing::start(start)?;
                let now = outgoing.call.started();
                *self = Stage::Outgoing(outgoing);
                Ok(now)
            }
            None => match std::mem::replace(self, Stage::Over) {
                Stage::Failed(error) => Err(error),
                _ => Err(over()),
            },
        }
    }
}

fn over() -> Error {
    Error::new(Kind::Usage, "this request was completed already")
}

/// A call, driven by the task that polls.
struct Outgoing {
    call: Call<Wired>,
    runtime: Arc<dyn Runtime>,
    lookup: Option<(Lookup, Option<Instant>)>,
    race: Race,
    /// For waits without a connection: the pool, the look-up, the race.
    alarm: Alarm,
    /// The instance of the runtime that it was last waited for on.
    instance: u64,
}

/// The next piece of a body, `None` at its end.
fn poll_feed(feed: Option<&mut Feed>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
    feed.map_or(Poll::Ready(None), |feed| feed.poll(cx))
}

impl Outgoing {
    fn start(start: Start) -> Result<Self, Error> {
        let Start {
            shared,
            settings,
            request,
        } = start;
        let runtime = Arc::clone(&shared.runtime);
        let instance = runtime
            .check()
            .map_err(|text| Error::new(Kind::Usage, text))?;
        let now = runtime.now();
        let place = Place {
            side: Side::Async,
            wall_clock: Async::wall_clock,
            runtime: instance,
        };
        let call = Call::new(&settings, &shared.depots, request, place, now)?;
        Ok(Outgoing {
            call,
            runtime,
            lookup: None,
            race: Race::default(),
            alarm: Alarm::default(),
            instance,
        })
    }

    fn into_download(self) -> Result<Download, Error> {
        let incoming = self.call.into_incoming()?;
        Ok(Download {
            incoming,
            runtime: self.runtime,
            alarm: self.alarm,
        })
    }

    /// Ready when the head is here; gives the time.
    fn poll_head(&mut self, now: Instant, cx: &mut Context<'_>) -> Poll<Result<Instant, Error>> {
        let mut now = now;
        loop {
            if ready!(self.poll_lookup(cx))? {
                now = self.runtime.now();
            }
            match self.call.step(now, cx.waker())? {
                Step::Wait { until } => {
                    self.race.give_up();
                    self.move_in();
                    ready!(self.alarm.poll(&*self.runtime, until, cx));
                    now = self.runtime.now();
                }
                Step::Resolve { until } => {
                    self.lookup = Some((resolve(&*self.runtime, &self.call), until));
                }
                Step::Connect {
                    attempt,
                    address,
                    options,
                } => {
                    let connecting = self.runtime.connect(&address, &options);
                    self.race.begin(attempt, connecting);
                }
                Step::Race { until } => {
                    let done = match self.race.poll(cx) {
                        Poll::Ready(done) => Some(done),
                        Poll::Pending => {
                            ready!(self.alarm.poll(&*self.runtime, until, cx));
                            None
                        }
                    };
                    now = self.runtime.now();
                    if let Some((attempt, socket)) = done {
                        if socket.is_ok() {
                            self.race.give_up();
                        }
                        self.call.connected(attempt, socket.map(Wired::new), now)?;
                    }
                }
                Step::Probe => {
                    if let Some(lane) = self.call.lane() {
                        probe(lane, now);
                    } else if let Some((shared, _)) = self.call.shared() {
                        mover::probe(shared, now);
                    }
                }
                Step::Share => {
                    if let Some((shared, _)) = self.call.shared() {
                        spawn(shared, &self.runtime)?;
                    }
                }
                Step::Feed { until } => match poll_feed(self.call.feed(), cx) {
                    Poll::Ready(piece) => self.call.supply(piece, now)?,
                    Poll::Pending => now = ready!(self.poll_drive(until, now, cx)),
                },
                Step::Tick => now = self.runtime.now(),
                Step::User { until } => {
                    match self.call.poll_user(now, cx) {
                        Poll::Ready(done) => done?,
                        Poll::Pending => ready!(self.alarm.poll(&*self.runtime, until, cx)),
                    }
                    now = self.runtime.now();
                }
                Step::Drive { until } => now = ready!(self.poll_drive(until, now, cx)),
                Step::Head => return Poll::Ready(Ok(now)),
            }
        }
    }

    /// A timer is no use in another runtime than its own, and a panic once that is gone; sockets and
    /// look-ups fail as they should.
    fn move_in(&mut self) {
        if let Ok(here) = self.runtime.check()
            && here != self.instance
        {
            self.instance = here;
            self.alarm = Alarm::default();
        }
    }

    fn poll_drive(
        &mut self,
        until: Option<Instant>,
        now: Instant,
        cx: &mut Context<'_>,
    ) -> Poll<Instant> {
        match self.call.lane() {
            Some(lane) => poll_drive(lane, &*self.runtime, until, now, cx),
            None => poll_news(
                self.call.shared(),
                &mut self.alarm,
                &*self.runtime,
                until,
                cx,
            ),
        }
    }

    /// Ready when no look-up is under way any more; true when there was one.
    fn poll_lookup(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, Error>> {
        let Some((lookup, until)) = &mut self.lookup else {
            return Poll::Ready(Ok(false));
        };
        let found = match lookup.as_mut().poll(cx) {
            Poll::Ready(found) => found,
            Poll::Pending => {
                ready!(self.alarm.poll_at(&*self.runtime, *until, cx));
                Err(io::ErrorKind::TimedOut.into())
            }
        };
        self.lookup = None;
        self.call.resolved(found, self.runtime.now())?;
        Poll::Ready(Ok(true))
    }
}

/// A response under way, driven by the task that polls.
pub(crate) struct Download {
    pub(crate) incoming: Incoming<Wired>,
    pub(crate) runtime: Arc<dyn Runtime>,
    /// For waits without a connection of its own.
    alarm: Alarm,
}

impl Download {
    /// The next piece of the response's body, decoded.
    pub(crate) fn poll_chunk(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, Error>> {
        self.poll_pull(Incoming::pull, cx)
    }

    /// The next piece of the response's body as it came.
    pub(crate) fn poll_raw_chunk(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, Error>> {
        self.poll_pull(Incoming::pull_raw, cx)
    }

    /// The next item that is cut out of the response's body.
    pub(crate) fn poll_item<C: Cut>(
        &mut self,
        cutting: &mut Cutting<C>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<C::Item>, Error>> {
        let mut now = self.runtime.now();
        loop {
            match cutting.next(&mut self.incoming, now)? {
                Next::Item(item) => return Poll::Ready(Ok(Some(item))),
                Next::End => return Poll::Ready(Ok(None)),
                Next::First(pull) => now = ready!(self.poll_go_on(pull, now, cx))?,
            }
        }
    }

    /// The part of the response's body that a status error keeps.
    pub(crate) fn poll_for_error(&mut self, body: &mut Vec<u8>, cx: &mut Context<'_>) -> Poll<()> {
        let mut now = self.runtime.now();
        loop {
            match self.incoming.pull_for_error(body, now) {
                Pull::End => return Poll::Ready(()),
                other => match ready!(self.poll_go_on(other, now, cx)) {
                    Ok(later) => now = later,
                    Err(_) => return Poll::Ready(()),
                },
            }
        }
    }

    fn poll_pull(
        &mut self,
        pull: impl Fn(&mut Incoming<Wired>, Instant) -> Result<Pull, Error>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, Error>> {
        let mut now = self.runtime.now();
        loop {
            match pull(&mut self.incoming, now)? {
                Pull::Chunk(chunk) => return Poll::Ready(Ok(Some(chunk))),
                Pull::End => return Poll::Ready(Ok(None)),
                other => now = ready!(self.poll_go_on(other, now, cx))?,
            }
        }
    }

    /// All that is left of the response's body.
    pub(crate) fn poll_read_to_end(
        &mut self,
        body: &mut Vec<u8>,
        now: Instant,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Error>> {
        let mut now = now;
        loop {
            match self.incoming.pull_into(body, now)? {
                Pull::End => return Poll::Ready(Ok(())),
                other => now = ready!(self.poll_go_on(other, now, cx))?,
            }
        }
    }

    /// Does what has to be done before the next piece can come, and gives the time after it.
    fn poll_go_on(
        &mut self,
        pull: Pull,
        now: Instant,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Instant, Error>> {
        let until = match pull {
            Pull::Chunk(_) | Pull::End => return Poll::Ready(Ok(now)),
            Pull::Drive { until } => until,
            Pull::Feed { until } => match poll_feed(self.incoming.feed(), cx) {
                Poll::Ready(piece) => {
                    self.incoming.supply(piece, now)?;
                    return Poll::Ready(Ok(now));
                }
                Poll::Pending => until,
            },
        };
        let polled = match self.incoming.lane() {
            Some(lane) => poll_drive(lane, &*self.runtime, until, now, cx),
            None => {
                let stream = self.incoming.shared();
                poll_news(stream, &mut self.alarm, &*self.runtime, until, cx)
            }
        };
        if polled.is_pending() {
            self.incoming.watch(cx.waker(), now)?;
        }
        polled.map(Ok)
    }
}
