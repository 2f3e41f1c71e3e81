//! A transport that answers from the test itself, and remembers what it was asked.

mod target;

use crate::BoxFuture;
use crate::body::Body;
use crate::error::{Error, Kind, Place};
use crate::feed::{Feed, Side};
use crate::reply::Reply;
use crate::request::Request;
use crate::transport::{Ask, Carrier, Custom, Sent, Transport, Way};
use nuncio_connection::{BlockCache, BodySize};
use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, ready};
use std::time::Instant;
use target::Target;

/// What a mock's function may give: a [`Reply`], or a result of one.
pub trait IntoReply {
    /// The reply, or the error that the request ends with.
    ///
    /// # Errors
    /// Whatever the function chose to fail with.
    fn into_reply(self) -> Result<Reply, Error>;
}

impl IntoReply for Reply {
    fn into_reply(self) -> Result<Reply, Error> {
        Ok(self)
    }
}

impl<E: Into<Error>> IntoReply for Result<Reply, E> {
    fn into_reply(self) -> Result<Reply, Error> {
        self.map_err(Into::into)
    }
}

/// A transport for tests: functions answer, and what they were asked is kept.
///
/// It takes the place of the network alone (BEHAVIOUR section 22.2): redirects, cookies,
/// authentication, hooks and `elapsed` are above it and work as they do over the network. A request's
/// body is read before it is answered, whatever it comes from, so that functions and assertions see
/// its bytes in [`Request::body`].
///
/// Clones share what they remember. Give the client [`transport`](Self::transport), for every URL or as
/// a mount:
///
/// ```
/// # use nuncio_client::{ClientBuilder, Driver, Error, Mock, Reply, Response};
/// # fn example<D>(builder: ClientBuilder<D>) -> Result<(), Error>
/// # where D: Driver<Send = Result<Response, Error>> {
/// let mock = Mock::new()
///     .on("GET", "/users", |_| Reply::new(200).text("Ada, Grace"))
///     .on("POST", "/users", |request| match request.body().as_bytes() {
///         Some(name) => Reply::new(201).text(format!("{} bytes", name.len())),
///         None => Reply::new(400),
///     });
/// let client = builder.transport(mock.transport()).build()?;
///
/// let created = client.post("https://api.example.com/users").body("Grace").send()?;
/// assert_eq!((created.status().as_u16(), &*created.text()), (201, "5 bytes"));
///
/// mock.assert_called("POST", "/users");
/// let sent = &mock.requests()[0];
/// assert_eq!(sent.headers().get("content-length").as_deref(), Some("5"));
///
/// let error = client.get("https://api.example.com/user").send().unwrap_err();
/// assert!(error.to_string().ends_with(
///     "the mock has no answer for GET https://api.example.com/user; it has: GET /users, POST /users"
/// ));
/// # Ok(())
/// # }
/// ```
///
/// # Targets
///
/// Where a method and a target are asked for, the first route that matches answers.
///
/// | method | matches |
/// |---|---|
/// | `GET` | that method, case-sensitive |
/// | `*` | every method |
///
/// | target | matches |
/// |---|---|
/// | `/users` | this path on every host, with every query |
/// | `/users/*` | every path that begins with `/users/` |
/// | `/users?page=2` | this path with exactly this query |
/// | `https://*.example.com/users` | the same where the pattern in front matches too; it is one of [`ClientBuilder::mount`](crate::ClientBuilder::mount) |
/// | `https://example.com` | every path there |
/// | `*` | everything |
#[derive(Clone, Default)]
pub struct Mock {
    routes: Vec<Route>,
    mistake: Option<Error>,
    log: Arc<Mutex<Vec<Request>>>,
}

#[derive(Clone)]
struct Route {
    target: Target,
    answer: Answer,
}

type Plain = dyn Fn(&Request) -> Result<Reply, Error> + Send + Sync;
type Waiting = dyn Fn(Request) -> BoxFuture<'static, Result<Reply, Error>> + Send + Sync;

#[derive(Clone)]
enum Answer {
    Now(Arc<Plain>),
    Later(Arc<Waiting>),
}

impl Mock {
    /// A mock that has no answer yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A mock that answers every request with what `answer` gives.
    pub fn answering<R: IntoReply>(answer: impl Fn(&Request) -> R + Send + Sync + 'static) -> Self {
        Mock::new().on("*", "*", answer)
    }

    /// A mock that gives these replies, one per request in their order, streamed bodies included. A
    /// request after the last is an error.
    pub fn replies(replies: impl IntoIterator<Item = Reply>) -> Self {
        let replies: VecDeque<Reply> = replies.into_iter().collect();
        let (count, replies) = (replies.len(), Mutex::new(replies));
        Mock::answering(move |_| {
            let next = lock(&replies).pop_front();
            next.ok_or_else(|| {
                let text = format!("the mock had {count} replies, and this request is one more");
                Error::new(Kind::Usage, text)
            })
        })
    }

    /// Answers requests for `target` with what `answer` gives, unless a route before does. See
    /// [targets](Self#targets).
    pub fn on<R: IntoReply>(
        self,
        method: &str,
        target: &str,
        answer: impl Fn(&Request) -> R + Send + Sync + 'static,
    ) -> Self {
        let answer = Answer::Now(Arc::new(move |request| answer(request).into_reply()));
        self.route(method, target, answer)
    }

    /// As [`on`](Self::on), with a function that has to be awaited. Such a mock is for async clients
    /// alone.
    ///
    /// ```
    /// # use nuncio_client::{Mock, Reply};
    /// let mock = Mock::new().on_async("GET", "/slow", |request| async move {
    ///     std::future::ready(()).await;
    ///     Reply::new(200).text(request.url().to_string())
    /// });
    /// # let _ = mock;
    /// ```
    pub fn on_async<F>(
        self,
        method: &str,
        target: &str,
        answer: impl Fn(Request) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output: IntoReply> + Send + 'static,
    {
        let answer = Answer::Later(Arc::new(move |request| {
            let reply = answer(request);
            Box::pin(async move { reply.await.into_reply() })
        }));
        self.route(method, target, answer)
    }

    fn route(mut self, method: &str, target: &str, answer: Answer) -> Self {
        match Target::parse(method, target) {
            Ok(target) => self.routes.push(Route { target, answer }),
            Err(error) => {
                self.mistake.get_or_insert(error);
            }
        }
        self
    }

    /// The transport to give to a client. A target that could not be read is an error of that
    /// client's `build`.
    pub fn transport(&self) -> Transport {
        Transport(Way::Custom(Custom::Ours(Arc::new(self.clone()))))
    }

    /// What was asked so far, in the order in which it came: each request as it was sent, redirected
    /// and authenticated ones included, with its body read.
    pub fn requests(&self) -> Vec<Request> {
        let log = lock(&self.log);
        log.iter().filter_map(Request::try_clone).collect()
    }

    /// Those of [`requests`](Self::requests) that went to a [target](Self#targets).
    ///
    /// # Panics
    /// When the target is none.
    #[track_caller]
    pub fn calls(&self, method: &str, target: &str) -> Vec<Request> {
        let parsed = Target::parse(method, target);
        assert!(parsed.is_ok(), "'{target}' is no target of a mock");
        let matches = |request: &Request| {
            let target = parsed.as_ref().ok();
            target.is_some_and(|target| target.matches(request))
        };
        let log = lock(&self.log);
        let matching = log.iter().filter(|request| matches(request));
        matching.filter_map(Request::try_clone).collect()
    }

    /// Holds that a [target](Self#targets) was asked for, once at least.
    ///
    /// # Panics
    /// When it was not; the message says what was asked instead.
    #[track_caller]
    pub fn assert_called(&self, method: &str, target: &str) {
        let calls = self.calls(method, target).len();
        assert!(
            calls > 0,
            "{method} {target} was not asked for; {}",
            self.asked()
        );
    }

    /// Holds that a [target](Self#targets) was asked for so many times, which may be none.
    ///
    /// # Panics
    /// When it was asked for more or less often; the message says what was asked.
    #[track_caller]
    pub fn assert_calls(&self, method: &str, target: &str, times: usize) {
        let calls = self.calls(method, target).len();
        assert!(
            calls == times,
            "{method} {target} was asked for {calls} times, not {times}; {}",
            self.asked()
        );
    }

    fn asked(&self) -> String {
        let log = lock(&self.log);
        if log.is_empty() {
            return "nothing was".to_owned();
        }
        let all: Vec<_> = log.iter().map(line).collect();
        format!("these were: {}", all.join(", "))
    }

    /// Remembers the request and finds who answers it.
    fn take(&self, request: &Request) -> Result<&Answer, Error> {
        if let Some(copy) = request.try_clone() {
            lock(&self.log).push(copy);
        }
        let route = self.routes.iter().find(|it| it.target.matches(request));
        route.map(|route| &route.answer).ok_or_else(|| {
            let there: Vec<_> = self.routes.iter().map(|it| it.target.to_string()).collect();
            let there = match there.is_empty() {
                true => "nothing".to_owned(),
                false => there.join(", "),
            };
            let text = format!(
                "the mock has no answer for {}; it has: {there}",
                line(request)
            );
            Error::new(Kind::Usage, text)
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn line(request: &Request) -> String {
    format!("{} {}", request.method(), Place(request.url()))
}

impl Carrier for Mock {
    fn name(&self) -> &'static str {
        "mock"
    }

    fn check(&self, side: Side) -> Result<(), Error> {
        if let Some(mistake) = &self.mistake {
            return Err(mistake.clone());
        }
        let later = |route: &&Route| matches!(route.answer, Answer::Later(_));
        match self.routes.iter().find(later) {
            Some(route) if side == Side::Blocking => {
                let target = &route.target;
                let text = format!(
                    "the mock's answer for {target} has to be awaited, and was given to a blocking client"
                );
                Err(Error::new(Kind::Usage, text))
            }
            _ => Ok(()),
        }
    }

    fn carry(self: Arc<Self>, mut request: Request, side: Side, _now: Instant) -> Sent {
        let mut loading = Loading::new(&mut request);
        if side == Side::Blocking {
            let blocks = BlockCache::default();
            let loaded = match loading.poll(&mut request, &mut Ask::Thread(&blocks)) {
                Poll::Ready(loaded) => loaded,
                Poll::Pending => Err(Error::new(Kind::Usage, "a thread does not wait so")),
            };
            let reply = loaded.and_then(|()| match self.take(&request)? {
                Answer::Now(answer) => answer(&request),
                Answer::Later(_) => Err(Error::new(Kind::Usage, "it has to be awaited")),
            });
            return Sent::Now(Box::new(reply.map(|reply| loading.give_back(reply))));
        }
        Sent::Later(Box::pin(async move {
            poll_fn(|cx| loading.poll(&mut request, &mut Ask::Task(cx))).await?;
            let reply = match self.take(&request)? {
                Answer::Now(answer) => answer(&request)?,
                Answer::Later(answer) => answer(request).await?,
            };
            Ok(loading.give_back(reply))
        }))
    }
}

/// A request's body, read before it is answered.
struct Loading {
    feed: Option<Feed>,
    size: BodySize,
    bytes: Vec<u8>,
}

impl Loading {
    fn new(request: &mut Request) -> Self {
        let size = request.body().size();
        Loading {
            feed: request.body_mut().lend(),
            size,
            bytes: Vec::new(),
        }
    }

    /// Ready when the body is held.
    fn poll(&mut self, request: &mut Request, ask: &mut Ask<'_, '_>) -> Poll<Result<(), Error>> {
        let Some(feed) = &mut self.feed else {
            return Poll::Ready(Ok(()));
        };
        while let Some(piece) = ready!(ask.piece(feed)) {
            match piece {
                Ok(piece) => self.bytes.extend_from_slice(&piece),
                Err(error) => return Poll::Ready(Err(Error::request_body(&error))),
            }
        }
        let came = self.bytes.len() as u64;
        *request.body_mut() = Body::from(std::mem::take(&mut self.bytes));
        Poll::Ready(match self.size {
            BodySize::Known(length) if length != came => {
                let text = format!("the body has {came} bytes, and {length} were announced");
                Err(Error::new(Kind::LocalProtocol, text))
            }
            _ => Ok(()),
        })
    }

    /// A redirect may ask for the body again.
    fn give_back(&mut self, mut reply: Reply) -> Reply {
        reply.returned = self.feed.take();
        reply
    }
}

impl fmt::Debug for Mock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let targets = self.routes.iter().map(|route| route.target.to_string());
        f.debug_tuple("Mock")
            .field(&targets.collect::<Vec<_>>())
            .finish()
    }
}
