//! A client that sends nothing by itself: it gives what would be sent.

use nuncio_client::{
    Awaits, Driver, Environment, Error, PoolCounts, PoolSnapshot, Request, Settings, Side,
};
use std::cell::Cell;
use std::ffi::OsString;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

#[derive(Clone)]
pub(crate) struct Inert;

pub(crate) type Built = Result<(Arc<Settings>, Request), Error>;

pub(crate) type Variables = &'static [(&'static str, &'static str)];

thread_local! {
    /// The environment, which is empty unless a test sets it.
    pub(crate) static VARIABLES: Cell<Variables> = const { Cell::new(&[]) };
}

impl Awaits for Inert {}

impl Driver for Inert {
    const SIDE: Side = Side::Async;
    type Context = ();
    type Send = Built;
    type Stream = Built;

    fn wall_clock() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
    }

    fn environment() -> Environment {
        Environment {
            variable: |name| {
                let mut all = VARIABLES.get().iter();
                let (_, value) = all.find(|(known, _)| *known == name)?;
                Some(OsString::from(*value))
            },
            read: |_| Err(io::ErrorKind::NotFound.into()),
            list: |_| Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn start(_context: (), _settings: &Settings) -> Result<Self, Error> {
        Ok(Inert)
    }

    fn send(&self, settings: &Arc<Settings>, request: Result<Request, Error>) -> Built {
        Ok((Arc::clone(settings), request?))
    }

    fn stream(&self, settings: &Arc<Settings>, request: Result<Request, Error>) -> Built {
        self.send(settings, request)
    }

    fn send_failed(error: Error) -> Built {
        Err(error)
    }

    fn stream_failed(error: Error) -> Built {
        Err(error)
    }

    fn context(&self) {}

    fn counts(&self) -> PoolCounts {
        PoolCounts::default()
    }

    fn pool(&self) -> PoolSnapshot {
        PoolSnapshot::default()
    }

    fn evict_idle(&self) {}

    fn close(&self) {}
}
