//! An [`Auth`] at work on one request, for what sends it.

use super::flow::{AsyncAuthFlow, AuthFlow, AuthStep};
use super::{Auth, Means, authorize};
use crate::error::{Error, Kind};
use crate::feed::Side;
use crate::request::Request;
use crate::response::Response;

/// What a scheme wants to be in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Needs {
    pub(crate) request_body: bool,
    pub(crate) response_body: bool,
}

/// A flow under way.
pub(crate) enum Running {
    Plain(Box<dyn AuthFlow>),
    Async(Box<dyn AsyncAuthFlow>),
}

impl Auth {
    /// What to read before [`begin`](Self::begin) and before each step.
    pub(crate) fn needs(&self, side: Side) -> Needs {
        let (request_body, response_body) = match (&*self.0, side) {
            (Means::Scheme(_, scheme) | Means::Blocking(_, scheme), _)
            | (Means::Both(_, scheme, _), Side::Blocking) => {
                (scheme.needs_request_body(), scheme.needs_response_body())
            }
            (Means::Async(_, scheme), _) | (Means::Both(_, _, scheme), Side::Async) => {
                (scheme.needs_request_body(), scheme.needs_response_body())
            }
            _ => (false, false),
        };
        Needs {
            request_body,
            response_body,
        }
    }

    /// Authenticates at once, with no box and no second step, what can be; none where it takes a
    /// flow.
    pub(crate) fn simple(&self, request: &mut Request) -> Option<Result<(), Error>> {
        Some(match &*self.0 {
            Means::Field(_, value) => authorize(request, value.as_bytes()),
            Means::Function(change) => change(request),
            Means::Netrc(netrc) => netrc.authorize(request),
            Means::Mistake(error) => Err(error.clone()),
            Means::Scheme(..) | Means::Blocking(..) | Means::Async(..) | Means::Both(..) => {
                return None;
            }
        })
    }

    /// Starts the flow for `request`.
    pub(crate) fn begin(&self, request: &Request, side: Side) -> Result<Running, Error> {
        match (&*self.0, side) {
            (Means::Scheme(_, scheme), _)
            | (Means::Blocking(_, scheme) | Means::Both(_, scheme, _), Side::Blocking) => {
                scheme.start(request).map(Running::Plain)
            }
            (Means::Async(_, scheme) | Means::Both(_, _, scheme), Side::Async) => {
                scheme.start(request).map(Running::Async)
            }
            (Means::Blocking(name, _), Side::Async) => Err(one_sided(name, Side::Blocking, side)),
            (Means::Async(name, _), Side::Blocking) => Err(one_sided(name, Side::Async, side)),
            (Means::Field(..) | Means::Function(_) | Means::Netrc(_) | Means::Mistake(_), _) => {
                Ok(Running::Plain(Box::new(OneStep(self.clone()))))
            }
        }
    }
}

fn one_sided(name: &str, made_for: Side, used_on: Side) -> Error {
    let text = format!(
        "the authentication scheme {name} works on {made_for} clients only: give Auth::both a variant \
         for {used_on} ones"
    );
    Error::new(Kind::Usage, text)
}

/// What needs no flow, as one.
struct OneStep(Auth);

impl AuthFlow for OneStep {
    fn step(&mut self, request: &mut Request, last: Option<&Response>) -> Result<AuthStep, Error> {
        if last.is_some() {
            return Ok(AuthStep::Done);
        }
        self.0.simple(request).unwrap_or(Ok(()))?;
        Ok(AuthStep::Send)
    }
}
