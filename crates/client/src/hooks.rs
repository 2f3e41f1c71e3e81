//! Code of the user's that sees every request go and every head come.

use crate::BoxFuture;
use crate::error::Error;
use crate::request::Request;
use crate::response::{Head, Interim};
use std::fmt;
use std::sync::Arc;

type Plain<T> = Arc<dyn Fn(&mut T) -> Result<(), Error> + Send + Sync>;
type Waiting<T> = Arc<dyn for<'a> Fn(&'a mut T) -> BoxFuture<'a, Result<(), Error>> + Send + Sync>;
type Listening = Arc<dyn Fn(&Interim) + Send + Sync>;

/// The hooks of a client, in the order in which they run (BEHAVIOUR section 16.6).
#[derive(Clone, Default)]
pub(crate) struct Hooks {
    pub(crate) request: Chain<Request>,
    pub(crate) response: Chain<Head>,
    /// Told of what comes before a response; they cannot change or refuse it.
    pub(crate) interim: Vec<Listening>,
}

/// Hooks of one kind.
pub(crate) struct Chain<T>(Vec<Hook<T>>);

enum Hook<T> {
    /// Answers at once.
    Plain(Plain<T>),
    /// Answers later: for async clients only.
    Waiting(Waiting<T>),
}

impl<T: Send + 'static> Chain<T> {
    pub(crate) fn push(
        &mut self,
        hook: impl Fn(&mut T) -> Result<(), Error> + Send + Sync + 'static,
    ) {
        self.0.push(Hook::Plain(Arc::new(hook)));
    }

    pub(crate) fn push_waiting(
        &mut self,
        hook: impl for<'a> Fn(&'a mut T) -> BoxFuture<'a, Result<(), Error>> + Send + Sync + 'static,
    ) {
        self.0.push(Hook::Waiting(Arc::new(hook)));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Shows `seen` to all of them; gives it back at once where none has to be waited for.
    pub(crate) fn run(&self, mut seen: T) -> Shown<T> {
        if self.0.iter().any(|hook| matches!(hook, Hook::Waiting(_))) {
            let hooks = self.clone();
            return Shown::Later(Box::pin(async move {
                for hook in &hooks.0 {
                    match hook {
                        Hook::Plain(hook) => hook(&mut seen)?,
                        Hook::Waiting(hook) => hook(&mut seen).await?,
                    }
                }
                Ok(seen)
            }));
        }
        for hook in &self.0 {
            if let Hook::Plain(hook) = hook
                && let Err(error) = hook(&mut seen)
            {
                return Shown::Now(Err(error));
            }
        }
        Shown::Now(Ok(seen))
    }
}

/// What hooks made of what they saw.
pub(crate) enum Shown<T> {
    Now(Result<T, Error>),
    Later(BoxFuture<'static, Result<T, Error>>),
}

impl<T> Default for Chain<T> {
    fn default() -> Self {
        Chain(Vec::new())
    }
}

impl<T> Clone for Chain<T> {
    fn clone(&self) -> Self {
        Chain(self.0.clone())
    }
}

impl<T> Clone for Hook<T> {
    fn clone(&self) -> Self {
        match self {
            Hook::Plain(hook) => Hook::Plain(Arc::clone(hook)),
            Hook::Waiting(hook) => Hook::Waiting(Arc::clone(hook)),
        }
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks")
            .field("request", &self.request.0.len())
            .field("response", &self.response.0.len())
            .field("interim", &self.interim.len())
            .finish()
    }
}
