//! One request of the user's, which may be many on the wire: what is asked next.
//!
//! The order is httpx's (BEHAVIOUR section 16.5): for each request, hooks, transport, cookies, hooks;
//! redirects inside; authentication around them.

use crate::error::{Error, Kind};
use crate::feed::{Feed, with_a};
use crate::redirect::{Redirect, RedirectAction, Redirects, is_redirect};
use crate::request::Request;
use crate::response::{Head, More, Response, SentRequest};
use crate::settings::Settings;
use crate::{Side, Timeout};
use http::StatusCode;
use nuncio_connection::ResponseHead;
use std::sync::{Arc, Mutex};

/// What one request is, and what came of it so far.
pub(crate) struct Exchange {
    /// What goes out now.
    pub(crate) request: Request,
    /// The responses before the one that is awaited.
    history: Vec<Response>,
    /// A redirect that is not followed, and where it leads.
    next: Option<Arc<Mutex<Request>>>,
}

/// What to do with a response whose head is here.
pub(crate) enum Verdict {
    /// It is the one that was asked for.
    Deliver,
    /// Its body is read and put away, and then the request goes out that has taken the place of the
    /// one before.
    GoOn(SentRequest),
}

impl Exchange {
    /// An exchange that begins with `request`.
    pub(crate) fn new(request: Request, side: Side) -> Result<Self, Error> {
        if let Some(of) = request.body().side().filter(|of| *of != side) {
            let text = format!("{} body was given to {} client", with_a(of), with_a(side));
            return Err(Error::new(Kind::Usage, text));
        }
        Ok(Exchange {
            request,
            history: Vec::new(),
            next: None,
        })
    }

    pub(crate) fn timeout(&self, settings: &Settings) -> Timeout {
        self.request.options.timeout.unwrap_or(settings.timeout)
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

    /// Before each request goes out.
    ///
    /// # Errors
    /// [`Kind::TooManyRedirects`], and what makes the URL impossible to ask for.
    pub(crate) fn may_send(&self, settings: &Settings) -> Result<(), Error> {
        settings.requestable(self.request.url())?;
        let limit = self.redirects(settings).limit;
        if self.history.len() > limit {
            let text = format!("more than {limit} redirects and challenges");
            return Err(Error::new(Kind::TooManyRedirects, text));
        }
        Ok(())
    }

    /// What a response means.
    pub(crate) fn answered(
        &mut self,
        settings: &Settings,
        head: &ResponseHead,
        feed: Option<Feed>,
    ) -> Result<Verdict, Error> {
        if !is_redirect(head.status, &head.headers) {
            return Ok(Verdict::Deliver);
        }
        self.request.body_mut().give_back(feed);
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
            return Ok(Verdict::Deliver);
        }
        let plan = planned?;
        let keeps_body = plan.keeps_body;
        let sent = self.request.sent();
        let mut next = self.request.without_body();
        if keeps_body {
            // Put where the hook can see it.
            std::mem::swap(next.body_mut(), self.request.body_mut());
        }
        next.redirect(plan);
        let action = redirects.ask(&mut Redirect {
            status: StatusCode::from_u16(head.status).unwrap_or_default(),
            from: &sent.url,
            headers: &head.headers,
            earlier: self.history.len(),
            next: &mut next,
        })?;
        if action == RedirectAction::Stop {
            return Ok(Verdict::Deliver);
        }
        if !next.body_mut().restart() {
            let text = format!(
                "the redirect ({}) asks for the body again, which can be read only once",
                head.status
            );
            return Err(Error::new(Kind::StreamConsumed, text));
        }
        self.request = next;
        Ok(Verdict::GoOn(sent))
    }

    /// Puts a response away that is not the last.
    pub(crate) fn remember(&mut self, response: Response) {
        let response = response.with_history(self.history.as_slice().into());
        self.history.push(response);
    }

    /// The head of the response that is delivered.
    pub(crate) fn into_head(self, head: ResponseHead, extensions: http::Extensions) -> Head {
        let (request, _) = self.request.into_sent();
        let plain = self.history.is_empty() && self.next.is_none() && extensions.is_empty();
        let more = (!plain).then(|| {
            Box::new(More {
                history: self.history.into(),
                next: self.next,
                extensions,
            })
        });
        Head {
            request,
            head,
            more,
        }
    }
}
