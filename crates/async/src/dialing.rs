//! Looking names up, and connecting to several addresses at a time. Which, and when, is decided by the
//! call.

use crate::drive::Wired;
use crate::runtime::{Runtime, Socket};
use nuncio_client::{BoxFuture, Call, Resolver};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

/// What a look-up gives.
pub(crate) type Lookup = BoxFuture<'static, io::Result<Vec<SocketAddr>>>;

type Connecting = BoxFuture<'static, io::Result<Box<dyn Socket>>>;

/// Looks the host of `call` up: through the runtime, or with what the client was given for that.
pub(crate) fn resolve(runtime: &dyn Runtime, call: &Call<Wired>) -> Lookup {
    let (host, port) = (call.host(), call.port());
    let resolver = match call.resolver() {
        None => return runtime.resolve(host, port),
        Some(Resolver::Async(resolver)) => return resolver.resolve(host, port),
        Some(Resolver::Blocking(resolver)) => Arc::clone(resolver),
        Some(_) => return Box::pin(async { Err(io::ErrorKind::Unsupported.into()) }),
    };
    let host = host.to_owned();
    let found = Arc::new(Mutex::new(None));
    let place = Arc::clone(&found);
    let work = runtime.run_blocking(Box::new(move || {
        let found = resolver.resolve(&host, port);
        *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
    }));
    Box::pin(async move {
        work.await?;
        let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
        let missing = || Err(io::Error::other("the look-up gave nothing"));
        found.take().unwrap_or_else(missing)
    })
}

/// The attempts to connect that are under way.
#[derive(Default)]
pub(crate) struct Race(Vec<(usize, Connecting)>);

impl Race {
    /// One more attempt; with number 0, the first of a new race.
    pub(crate) fn begin(&mut self, attempt: usize, connecting: Connecting) {
        if attempt == 0 {
            self.give_up();
        }
        self.0.push((attempt, connecting));
    }

    /// Ready with the first that is done.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<(usize, io::Result<Box<dyn Socket>>)> {
        for index in 0..self.0.len() {
            if let Some((attempt, connecting)) = self.0.get_mut(index)
                && let Poll::Ready(socket) = connecting.as_mut().poll(cx)
            {
                let attempt = *attempt;
                drop(self.0.swap_remove(index));
                return Poll::Ready((attempt, socket));
            }
        }
        Poll::Pending
    }

    /// Closes what has not connected yet.
    pub(crate) fn give_up(&mut self) {
        self.0.clear();
    }
}
