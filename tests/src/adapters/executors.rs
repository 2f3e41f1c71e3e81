//! The runtimes that there are adapters for.

use super::Executor;
use nuncio::Runtime;
use std::future::Future;
use std::sync::Arc;

/// The async client on a tokio runtime with two worker threads; requests run on those.
pub type MultiThread = Tokio<true>;

/// The async client on a tokio runtime that has only the thread that asks.
pub type CurrentThread = Tokio<false>;

/// The async client on a tokio runtime of its own.
#[derive(Clone)]
pub struct Tokio<const WORKERS: bool> {
    /// What its clients run on.
    pub runtime: Arc<tokio::runtime::Runtime>,
}

impl<const WORKERS: bool> Executor for Tokio<WORKERS> {
    fn begin() -> Self {
        let mut builder = if WORKERS {
            tokio::runtime::Builder::new_multi_thread()
        } else {
            tokio::runtime::Builder::new_current_thread()
        };
        let runtime = builder.worker_threads(2).enable_all().build();
        let runtime = Arc::new(runtime.expect("a runtime"));
        Tokio { runtime }
    }

    fn runtime(&self) -> Arc<dyn Runtime> {
        Arc::new(nuncio::tokio::Tokio)
    }

    fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    fn run<F>(&self, future: F) -> F::Output
    where
        F: Future<Output: Send> + Send + 'static,
    {
        if !WORKERS {
            return self.runtime.block_on(future);
        }
        let task = self.runtime.spawn(future);
        self.runtime.block_on(task).expect("no panic")
    }
}

/// The async client on smol, in the thread that asks.
#[derive(Clone, Copy)]
pub struct Smol;

impl Executor for Smol {
    fn begin() -> Self {
        Smol
    }

    fn runtime(&self) -> Arc<dyn Runtime> {
        Arc::new(nuncio::smol::Smol)
    }

    fn block_on<F: Future>(&self, future: F) -> F::Output {
        smol::block_on(future)
    }
}

/// The async client in tasks of async-std.
#[derive(Clone, Copy)]
pub struct AsyncStd;

impl Executor for AsyncStd {
    fn begin() -> Self {
        AsyncStd
    }

    fn runtime(&self) -> Arc<dyn Runtime> {
        Arc::new(nuncio::async_std::AsyncStd)
    }

    fn block_on<F: Future>(&self, future: F) -> F::Output {
        async_std::task::block_on(future)
    }

    fn run<F>(&self, future: F) -> F::Output
    where
        F: Future<Output: Send> + Send + 'static,
    {
        async_std::task::block_on(async_std::task::spawn(future))
    }
}
