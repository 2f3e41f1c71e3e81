//! One request of the user's, which may be many on the wire: what is asked next.
//!
//! The order is httpx's (BEHAVIOUR section 16.5): for each request, hooks, transport, cookies, hooks;
//! redirects inside; authentication around them.

use crate::BoxFuture;
use crate::auth::{Auth, AuthStep, Running};
use crate::body::Body;
use crate::error::{Error, Kind};
use crate::feed::{Feed, Side, with_a};
use crate::peer::Peer;
use crate::redirect::{Redirect, RedirectAction, Redirects, is_redirect};
use crate::request::{Choice, Request};
use crate::response::{Head, Interim, More, Response, SentRequest};
use crate::settings::Settings;
use crate::timeout::Timeout;
use http::StatusCode;
use nuncio_connection::ResponseHead;
use nuncio_headers::Headers;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

/// What one request is, and what came of it so far.
pub(crate) struct Exchange {
    /// What goes out now.
    pub(crate) request: Request,
    wall_clock: fn() -> SystemTime,
    /// The responses before the one that is awaited.
    history: Vec<Response>,
    /// A redirect that is not followed, and where it leads.
    next: Option<Arc<Mutex<Request>>>,
    /// An authentication that may have more to say.
    flow: Option<Box<Flow>>,
}

/// An authentication under way.
pub(crate) struct Flow {
    running: Running,
    /// The request as the flow knows it; `Exchange::request` is what redirects made of it.
    template: Request,
    /// The request's body, where it is not held and something else is being sent.
    body: Option<Body>,
    needs_response_body: bool,
}

impl Flow {
    /// Puts the request's body aside, where it cannot be had again from the template.
    fn keep(&mut self, body: Body) {
        if !body.is_held() && self.body.is_none() {
            self.body = Some(body);
        }
    }

    /// Shows it the last response.
    fn ask(mut self: Box<Self>, last: Option<Response>) -> Asked {
        let step = match &mut self.running {
            Running::Plain(flow) => flow.step(&mut self.template, last.as_ref()),
            Running::Async(_) => {
                return Asked::Later(Box::pin(async move {
                    let step = match &mut self.running {
                        Running::Plain(flow) => flow.step(&mut self.template, last.as_ref()),
                        Running::Async(flow) => flow.step(&mut self.template, last.as_ref()).await,
                    };
                    let flow = self;
                    Turn { flow, step, last }
                }));
            }
        };
        let flow = self;
        Asked::Now(Box::new(Turn { flow, step, last }))
    }
}

/// What a flow said, and what it was told.
pub(crate) struct Turn {
    flow: Box<Flow>,
    step: Result<AuthStep, Error>,
    /// The response that it was shown.
    pub(crate) last: Option<Response>,
}

/// A flow's answer: now, or later.
pub(crate) enum Asked {
    Now(Box<Turn>),
    Later(BoxFuture<'static, Turn>),
}

/// What to do with a response whose head is here.
pub(crate) enum Verdict {
    /// It is the one that was asked for, or one for the authentication to look at.
    Final,
    /// Its body is read and put away, and then the request goes out that has taken the place of the
    /// one before.
    GoOn(SentRequest),
}

/// What to do after a turn of the authentication.
pub(crate) enum AfterTurn {
    /// Send what has taken the request's place.
    Send,
    /// The last response is the result.
    Deliver,
}

impl Exchange {
    /// An exchange that begins with `request`.
    #[inline]
    pub(crate) fn new(
        request: Request,
        side: Side,
        wall_clock: fn() -> SystemTime,
    ) -> Result<Self, Error> {
        if let Some(of) = request.body().side().filter(|of| *of != side) {
            let text = format!("{} body was given to {} client", with_a(of), with_a(side));
            return Err(Error::new(Kind::Usage, text));
        }
        Ok(Exchange {
            request,
            wall_clock,
            history: Vec::new(),
            next: None,
            flow: None,
        })
    }

    pub(crate) fn timeout(&self, settings: &Settings) -> Timeout {
        self.request.timeout().unwrap_or(settings.timeout)
    }

    fn redirects<'a>(&'a self, settings: &'a Settings) -> &'a Redirects {
        let own = self.request.options.rare.as_deref();
        own.and_then(|rare| rare.redirects.as_ref())
            .unwrap_or(&settings.redirects)
    }

    fn follows(&self, settings: &Settings) -> bool {
        let own = self.request.options.rare.as_deref();
        own.and_then(|rare| rare.follow)
            .unwrap_or_else(|| self.redirects(settings).follow)
    }

    /// Authenticates the request, as its URL is now (BEHAVIOUR section 14.1). Gives the first answer
    /// of a flow, where it takes one.
    pub(crate) fn authenticate(
        &mut self,
        settings: &Settings,
        side: Side,
    ) -> Result<Option<Asked>, Error> {
        let Some(auth) = self.auth(settings) else {
            return Ok(None);
        };
        if let Some(done) = auth.simple(&mut self.request) {
            return done.map(|()| None);
        }
        let needs = auth.needs(side);
        let template = self.template();
        let flow = Box::new(Flow {
            running: auth.begin(&template, side)?,
            template,
            body: None,
            needs_response_body: needs.response_body,
        });
        Ok(Some(flow.ask(None)))
    }

    /// Whose means count: the request's, the client's, the URL's.
    fn auth(&self, settings: &Settings) -> Option<Auth> {
        let rare = self.request.options.rare.as_deref();
        let url = self.request.url();
        let own = match rare.map_or(&Choice::Inherit, |rare| &rare.auth) {
            Choice::Is(auth) => Some(auth.clone()),
            Choice::Off => None,
            // What is bound to base_url stays there (SECURITY R17).
            Choice::Inherit => settings.auth.clone().filter(|_| settings.is_at_base(url)),
        };
        own.or_else(|| Auth::from_url(url))
    }

    /// Lends the request's body, if it has to be in memory before the authentication begins.
    pub(crate) fn lend_to_load(&mut self, settings: &Settings, side: Side) -> Option<Feed> {
        if self.request.body().is_held() {
            return None;
        }
        let needs = self.auth(settings)?.needs(side);
        needs
            .request_body
            .then(|| self.request.body_mut().lend())
            .flatten()
    }

    /// The request without what can be asked only where it is; that stays here.
    fn template(&self) -> Request {
        let mut template = self.request.without_body();
        if let Some(body) = self.request.body().duplicate() {
            *template.body_mut() = body;
        }
        template
    }

    /// Whether the authentication wants to see the final response, and its body.
    pub(crate) fn awaits_response(&self) -> Option<bool> {
        self.flow.as_ref().map(|flow| flow.needs_response_body)
    }

    /// Shows the authentication the final response to what it had sent.
    pub(crate) fn show(&mut self, last: Response) -> Option<Asked> {
        self.flow.take().map(|flow| flow.ask(Some(last)))
    }

    /// Takes what the authentication said.
    pub(crate) fn turned(
        &mut self,
        settings: &Settings,
        turn: Turn,
    ) -> Result<(AfterTurn, Option<Response>), Error> {
        let Turn {
            mut flow,
            step,
            last,
        } = turn;
        match step? {
            AuthStep::Done => return Ok((AfterTurn::Deliver, last)),
            AuthStep::Send => self.resend(settings, &mut flow, last.is_some())?,
            AuthStep::SendOther(other) => {
                let sent = std::mem::replace(&mut self.request, *other);
                flow.keep(sent.into_sent().1);
            }
        }
        self.flow = Some(flow);
        Ok((AfterTurn::Send, last))
    }

    /// Sends what the flow made of the request.
    fn resend(&mut self, settings: &Settings, flow: &mut Flow, again: bool) -> Result<(), Error> {
        let sent = std::mem::take(self.request.body_mut());
        let mut request = flow.template.without_body();
        *request.body_mut() = match flow.body.take() {
            Some(body) => body,
            None if sent.is_held() => flow.template.body().duplicate().unwrap_or_default(),
            None => sent,
        };
        if !request.body_mut().restart() {
            let text = "authentication asks for the body again, which can be read only once";
            return Err(Error::new(Kind::StreamConsumed, text));
        }
        self.request = request;
        if again && !self.request.headers().contains("cookie") {
            // What the challenge has set goes along (BEHAVIOUR section 14.5).
            self.add_cookies(settings)?;
        }
        Ok(())
    }

    fn add_cookies(&mut self, settings: &Settings) -> Result<(), Error> {
        if settings.cookies.is_occupied()
            && let Some(cookies) = settings
                .cookies
                .header_for(self.request.url(), (self.wall_clock)())
        {
            let added = self.request.headers_mut().append("Cookie", cookies);
            added.map_err(|error| Error::other(Kind::LocalProtocol, error))?;
        }
        Ok(())
    }

    /// Before each request is shown to hooks, and goes out.
    ///
    /// # Errors
    /// [`Kind::TooManyRedirects`].
    pub(crate) fn within_limit(&self, settings: &Settings) -> Result<(), Error> {
        let limit = self.redirects(settings).limit;
        if self.history.len() > limit {
            let text = format!("more than {limit} redirects and challenges");
            return Err(Error::new(Kind::TooManyRedirects, text));
        }
        Ok(())
    }

    /// Keeps the cookies that a response sets, and says when it came, where that will be asked.
    pub(crate) fn keep_cookies(
        &self,
        settings: &Settings,
        headers: &Headers,
    ) -> Option<SystemTime> {
        if !headers.contains("set-cookie") {
            return None;
        }
        let now = (self.wall_clock)();
        if settings.cookie_store {
            settings.cookies.store(self.request.url(), headers, now);
        }
        Some(now)
    }

    /// What a response means, as far as redirects go.
    pub(crate) fn answered(
        &mut self,
        settings: &Settings,
        head: &ResponseHead,
        feed: Option<Feed>,
    ) -> Result<Verdict, Error> {
        if feed.is_some() {
            self.request.body_mut().give_back(feed);
        }
        if !is_redirect(head.status, &head.headers) {
            return Ok(Verdict::Final);
        }
        let redirects = self.redirects(settings).clone();
        let planned = redirects.plan(
            self.request.method(),
            self.request.url(),
            self.request.headers(),
            head.status,
            &head.headers,
        );
        if !self.follows(settings) {
            // An illegible Location only matters to whoever follows it.
            if let Ok(plan) = planned
                && let Some(mut next) = self.request.try_clone()
            {
                next.redirect(plan);
                self.next = Some(Arc::new(Mutex::new(next)));
            }
            return Ok(Verdict::Final);
        }
        let plan = planned?;
        let keeps_body = plan.keeps_body;
        let sent = self.request.sent();
        let mut next = self.request.without_body();
        let body = std::mem::take(self.request.body_mut());
        if keeps_body {
            // Put where the hook can see it.
            *next.body_mut() = body;
        } else if let Some(flow) = &mut self.flow {
            flow.keep(body);
        }
        next.redirect(plan);
        if let Some(flow) = &mut self.flow
            && next.url().same_origin(&sent.url)
        {
            match &mut flow.running {
                Running::Plain(running) => running.redirected(&mut next)?,
                Running::Async(running) => running.redirected(&mut next)?,
            }
        }
        let action = redirects.ask(&mut Redirect {
            status: StatusCode::from_u16(head.status).unwrap_or_default(),
            from: &sent.url,
            headers: &head.headers,
            earlier: self.history.len(),
            next: &mut next,
        })?;
        if action == RedirectAction::Stop {
            return Ok(Verdict::Final);
        }
        if !next.body_mut().restart() {
            let text = format!(
                "the redirect ({}) asks for the body again, which can be read only once",
                head.status
            );
            return Err(Error::new(Kind::StreamConsumed, text));
        }
        self.request = next;
        self.add_cookies(settings)?;
        Ok(Verdict::GoOn(sent))
    }

    /// Puts a response away that is not the last.
    pub(crate) fn remember(&mut self, response: Response) {
        let response = response.with_history(self.history.as_slice().into());
        self.history.push(response);
    }

    /// The head of the response that is delivered.
    #[inline]
    pub(crate) fn into_head(self, head: ResponseHead, seen: Seen) -> Head {
        let (request, _) = self.request.into_sent();
        let plain = self.history.is_empty() && self.next.is_none() && seen.is_plain();
        let more = (!plain).then(|| {
            Box::new(More {
                history: self.history.into(),
                next: self.next,
                extensions: seen.extensions,
                received: seen.received,
                interim: seen.interim,
                ..More::default()
            })
        });
        Head {
            request,
            head,
            waited: seen.waited,
            peer: seen.peer,
            stream: seen.stream,
            more,
        }
    }
}

/// What is known of a response beside its head, until it becomes a [`Head`].
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) extensions: http::Extensions,
    pub(crate) received: Option<SystemTime>,
    pub(crate) waited: Duration,
    pub(crate) peer: Option<Arc<Peer>>,
    /// On HTTP/2.
    pub(crate) stream: Option<NonZeroU32>,
    /// What came before it.
    pub(crate) interim: Vec<Interim>,
}

impl Seen {
    pub(crate) fn is_plain(&self) -> bool {
        self.extensions.is_empty() && self.received.is_none() && self.interim.is_empty()
    }
}
