//! A runtime with something about it changed.

use nuncio::{Address, BoxFuture, Runtime, Socket, SocketOptions, Timer};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

/// What dialling an address gives.
pub type Connecting = BoxFuture<'static, io::Result<Box<dyn Socket>>>;
/// What looking a name up gives.
pub type Resolving = BoxFuture<'static, io::Result<Vec<SocketAddr>>>;

type Connect = dyn Fn(&dyn Runtime, &Address, &SocketOptions) -> Connecting + Send + Sync;
type Resolve = dyn Fn(&dyn Runtime, &str, u16) -> Resolving + Send + Sync;

/// Another runtime, but for how it connects or looks names up.
pub struct Altered {
    runtime: Arc<dyn Runtime>,
    connect: Box<Connect>,
    resolve: Box<Resolve>,
}

impl Altered {
    /// `runtime` as it is.
    pub fn new(runtime: Arc<dyn Runtime>) -> Self {
        Altered {
            runtime,
            connect: Box::new(|runtime, to, options| runtime.connect(to, options)),
            resolve: Box::new(|runtime, host, port| runtime.resolve(host, port)),
        }
    }

    /// Changes how it connects.
    pub fn connect(
        mut self,
        connect: impl Fn(&dyn Runtime, &Address, &SocketOptions) -> Connecting + Send + Sync + 'static,
    ) -> Self {
        self.connect = Box::new(connect);
        self
    }

    /// Changes how it looks names up.
    pub fn resolve(
        mut self,
        resolve: impl Fn(&dyn Runtime, &str, u16) -> Resolving + Send + Sync + 'static,
    ) -> Self {
        self.resolve = Box::new(resolve);
        self
    }
}

impl Runtime for Altered {
    fn check(&self) -> Result<u64, &'static str> {
        self.runtime.check()
    }

    fn now(&self) -> Instant {
        self.runtime.now()
    }

    fn timer(&self, at: Instant) -> Pin<Box<dyn Timer>> {
        self.runtime.timer(at)
    }

    fn connect(&self, to: &Address, options: &SocketOptions) -> Connecting {
        (self.connect)(&*self.runtime, to, options)
    }

    fn resolve(&self, host: &str, port: u16) -> Resolving {
        (self.resolve)(&*self.runtime, host, port)
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) -> io::Result<()> {
        self.runtime.spawn(task)
    }

    fn run_blocking(&self, work: Box<dyn FnOnce() + Send>) -> BoxFuture<'static, io::Result<()>> {
        self.runtime.run_blocking(work)
    }
}
