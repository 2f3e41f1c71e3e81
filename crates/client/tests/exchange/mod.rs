//! What the fuzz target of exchanges checks, for `fuzz/` and for the plain tests: whole calls, from
//! the request's building to the body's end, and such as are dropped on the way.

#[path = "../inert/mod.rs"]
mod inert;
mod scenario;
mod watch;

use inert::Inert;
use nuncio_client::{
    BlockCache, Budget, Call, Client, CookieJar, Depot, Driver, Error, Feed, Incoming, Kind, Mock,
    Place, PoolCounts, Pull, Request, Settings, Side, Step, Transport, Url,
};
use scenario::{Means, Payload, Scenario};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use watch::Watch;

/// More than any call takes.
const MANY: usize = 10_000;

/// What is secret, and where it stands.
mod secrets {
    pub(super) const USER: &str = "uSeR-SECRET";
    pub(super) const PASSWORD: &str = "pAsS-SECRET";
    /// Of Bearer, and of an Authorization field of the caller's.
    pub(super) const TOKEN: &str = "tOkEn-SECRET";
    pub(super) const KEY: &str = "kEy-SECRET";
    pub(super) const COOKIE: &str = "cOoKiE-SECRET";
    /// In the jar, bound to the host of the base URL.
    pub(super) const JAR: &str = "jAr-SECRET";
    /// In all of them, and nowhere else.
    pub(super) const WORD: &str = "SECRET";
    /// User and password as Basic sends them.
    const BASIC: &str = "dVNlUi1TRUNSRVQ6cEFzUy1TRUNSRVQ=";

    pub(super) const ALL: [&str; 7] = [USER, PASSWORD, TOKEN, KEY, COOKIE, JAR, BASIC];

    pub(super) fn find(text: &[u8], secret: &str) -> bool {
        String::from_utf8_lossy(text).contains(secret)
    }

    /// Whether the input itself tells one: then nothing could be said about it.
    pub(super) fn are_in(data: &[u8]) -> bool {
        let bare: Vec<u8> = data.iter().copied().filter(u8::is_ascii_graphic).collect();
        find(&bare, WORD) || find(&bare, BASIC)
    }
}

/// A scenario, as its module says: run to its end, and once more and dropped on the way.
pub(crate) fn exchange(data: &[u8]) {
    if secrets::are_in(data) {
        return;
    }
    let Some(scenario) = Scenario::decode(data) else {
        return;
    };
    let Some(steps) = run(&scenario, usize::MAX) else {
        return;
    };
    let part = usize::from(scenario.drop_at);
    run(&scenario, (steps + 1) * part / 256);
}

/// Makes the scenario's requests, one after the other, and stops before the step of that number. Gives
/// how many steps were taken; none where there can be no such client.
fn run(scenario: &Scenario, stop: usize) -> Option<usize> {
    let jar = CookieJar::new();
    let watch = Watch::new(scenario, &jar);
    let client = client(scenario, &watch, &jar)?;
    let mut taken = 0;
    for url in &scenario.urls {
        let builder = client.request(scenario.method.as_str(), url);
        let (settings, mut request) = match scenario.request(builder).send() {
            Ok(built) => built,
            Err(error) => {
                tells_nothing(&error);
                continue;
            }
        };
        if scenario.means == Means::UrlCredentials {
            let mut url = request.url().clone();
            let set = url
                .set_username(secrets::USER)
                .and(url.set_password(secrets::PASSWORD));
            if set.is_err() {
                continue;
            }
            request.set_url(url);
        }
        let depots = settings.limits().map(Depot::new).map(Arc::new).collect();
        watch.begin(&request, client.base_url());
        let mut course = Course {
            scenario,
            depots,
            now: Instant::now(),
            taken,
            stop,
        };
        let ended = course.follow(&settings, request);
        taken = course.taken;
        match ended {
            Ended::Dropped => {
                gets_its_own(&settings, &watch, course);
                return Some(taken);
            }
            Ended::Answered(incoming) => check_response(scenario, &watch, &incoming, &client),
            Ended::Failed(error) => check_error(scenario, &watch, &error),
        }
        let counts: PoolCounts = course.depots.iter().map(|depot| depot.counts()).sum();
        assert_eq!((counts.connections, counts.waiting), (0, 0));
    }
    Some(taken)
}

fn client(scenario: &Scenario, watch: &Watch, jar: &CookieJar) -> Option<Client<Inert>> {
    let base = scenario
        .base
        .as_deref()
        .and_then(|base| Url::parse(base).ok());
    let watch = watch.clone();
    let transport = if scenario.reads_bodies {
        Mock::answering(move |request| watch.answer(request, base.as_ref())).transport()
    } else {
        Transport::function(move |request| Ok(watch.answer(&request, base.as_ref())))
    };
    let builder = scenario.client::<Inert>().unwrap().transport(transport);
    let budget = Budget {
        size: 1 << 20,
        ratio: 0,
    };
    match builder.cookies(jar.clone()).max_decoded(budget).build() {
        Ok(client) => Some(client),
        Err(error) => {
            tells_nothing(&error);
            None
        }
    }
}

/// One call on its way.
struct Course<'a> {
    scenario: &'a Scenario,
    depots: Arc<[Arc<Depot<()>>]>,
    now: Instant,
    taken: usize,
    stop: usize,
}

/// How a call ended.
enum Ended {
    Answered(Box<Incoming<()>>),
    Failed(Error),
    Dropped,
}

impl Course<'_> {
    /// Whether one more step may be taken.
    fn goes_on(&mut self) -> bool {
        assert!(self.taken < MANY, "it does not end");
        self.now += Duration::from_millis(1);
        self.taken += 1;
        self.taken <= self.stop
    }

    fn side(&self) -> Side {
        match self.scenario.is_async {
            true => Side::Async,
            false => Side::Blocking,
        }
    }

    /// To the end of the response's body.
    fn follow(&mut self, settings: &Arc<Settings>, request: Request) -> Ended {
        let place = Place {
            side: self.side(),
            wall_clock: Inert::wall_clock,
            runtime: 0,
        };
        let mut call = match Call::new(settings, &self.depots, request, place, self.now) {
            Ok(call) => call,
            Err(error) => return Ended::Failed(error),
        };
        loop {
            if !self.goes_on() {
                return Ended::Dropped;
            }
            let done = match call.step(self.now, Waker::noop()) {
                Ok(Step::Tick) => Ok(()),
                Ok(Step::User { .. }) => match call.poll_user(self.now, &mut noop()) {
                    Poll::Ready(done) => done,
                    Poll::Pending => panic!("there is nothing to wait for"),
                },
                Ok(Step::Feed { .. }) => {
                    let piece = self.ask(call.feed());
                    call.supply(piece, self.now)
                }
                Ok(Step::Head) => break,
                Ok(step) => panic!("{step:?}, without a network"),
                Err(error) => Err(error),
            };
            if let Err(error) = done {
                let again = call.step(self.now, Waker::noop()).unwrap_err();
                assert_eq!(again.kind(), Kind::Usage);
                return Ended::Failed(error);
            }
        }
        match call.into_incoming() {
            Ok(incoming) => self.pull(incoming),
            Err(error) => Ended::Failed(error),
        }
    }

    fn pull(&mut self, mut incoming: Incoming<()>) -> Ended {
        let mut body = Vec::new();
        loop {
            if !self.goes_on() {
                return Ended::Dropped;
            }
            let pulled = match incoming.pull(self.now) {
                Ok(Pull::Chunk(chunk)) => {
                    assert!(!chunk.is_empty());
                    body.extend_from_slice(&chunk);
                    Ok(())
                }
                Ok(Pull::Feed { .. }) => {
                    let piece = self.ask(incoming.feed());
                    incoming.supply(piece, self.now)
                }
                Ok(Pull::Drive { .. }) => panic!("there is no connection"),
                Ok(Pull::End) => break,
                Err(error) => Err(error),
            };
            if let Err(error) = pulled {
                // And again to whoever asks again.
                let again = incoming.pull(self.now).unwrap_err();
                assert_eq!(again.to_string(), error.to_string());
                return Ended::Failed(error);
            }
        }
        assert!(incoming.is_closed() && incoming.elapsed().is_some());
        incoming.put_back(body.into());
        Ended::Answered(Box::new(incoming))
    }

    fn ask(&self, feed: Option<&mut Feed>) -> Option<std::io::Result<bytes::Bytes>> {
        let feed = feed.unwrap();
        match self.side() {
            Side::Blocking => feed.read(&BlockCache::default()),
            Side::Async => match feed.poll(&mut noop()) {
                Poll::Ready(piece) => piece,
                Poll::Pending => panic!("there is nothing to wait for"),
            },
        }
    }
}

fn noop() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

/// The response fits what was asked and answered.
fn check_response(
    scenario: &Scenario,
    watch: &Watch,
    incoming: &Incoming<()>,
    client: &Client<Inert>,
) {
    let head = incoming.head();
    watch.visits(|visits| {
        let last = visits.last().unwrap();
        assert_eq!(head.history().len(), visits.len() - 1);
        for (earlier, visit) in head.history().iter().zip(visits) {
            assert_eq!(earlier.status().as_u16(), visit.answer.status);
            assert_eq!(earlier.url(), &visit.url);
            assert!(visit.answer.body.starts_with(earlier.bytes()));
            assert!(earlier.bytes().len() <= 64 * 1024);
        }
        assert_eq!(head.status().as_u16(), last.answer.status);
        assert_eq!(head.url(), &last.url);
        assert_eq!(head.request().method(), &last.method);
    });
    if let Some(next) = head.next_request() {
        assert!(!scenario.follow && head.has_redirect_location());
        watch.would_come(&next, client.base_url());
    }
}

/// The error is one that may be, and says nothing that is secret.
fn check_error(scenario: &Scenario, watch: &Watch, error: &Error) {
    tells_nothing(error);
    let visits = watch.visits(<[_]>::len);
    match error.kind() {
        Kind::TooManyRedirects => assert_eq!(visits, scenario.limit + 1),
        Kind::StreamConsumed => assert_ne!(scenario.payload, Payload::None),
        Kind::UnsupportedProtocol | Kind::RemoteProtocol | Kind::Decoding => {}
        Kind::LocalProtocol => assert_eq!(scenario.payload, Payload::Short),
        Kind::Usage => assert_eq!(scenario.hook, scenario::Hook::Fail),
        // Credentials that Basic cannot carry, in the URL.
        Kind::Builder => assert_eq!(visits, 0),
        other => panic!("{other:?}: {error}"),
    }
}

fn tells_nothing(error: &Error) {
    let told = format!("{error} {error:?}");
    assert!(
        !told.contains(secrets::WORD) && !told.contains('\n'),
        "{told}"
    );
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        assert!(!cause.to_string().contains(secrets::WORD), "{cause}");
        source = cause.source();
    }
}

/// A call was dropped: the next one on that client gets its own answer.
fn gets_its_own(settings: &Arc<Settings>, watch: &Watch, course: Course<'_>) {
    let counts: PoolCounts = course.depots.iter().map(|depot| depot.counts()).sum();
    assert_eq!((counts.connections, counts.waiting), (0, 0));
    watch.answer_with("its own");
    let url = Url::parse("https://own.example/").unwrap();
    let request = Request::new(nuncio_client::Method::GET, url);
    let mut course = Course {
        taken: 0,
        stop: usize::MAX,
        ..course
    };
    match course.follow(settings, request) {
        Ended::Answered(mut incoming) => assert_eq!(incoming.held().as_ref(), b"its own"),
        Ended::Failed(error) => panic!("{error}"),
        Ended::Dropped => unreachable!(),
    }
}
