//! The scenarios, and what is measured around them.

use crate::pieces::BIG;
use crate::target::Target;
use crate::{Outcome, costs};
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

/// Requests of each worker that are not measured: they dial, and fill caches.
const WARM_UP: u64 = 20;

/// What is done over and over.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Scenario {
    /// One after the other, on one connection.
    Sequential,
    /// So many workers (threads, or tasks on one thread), each one after the other.
    Concurrent(u64),
    /// 256 MiB, read as they come.
    Download,
    /// 256 MiB from a reader or a stream, in pieces of 64 KiB.
    Upload,
    /// 256 MiB that are in memory as a whole.
    UploadWhole,
}

impl Scenario {
    pub(crate) fn named(name: &str) -> Outcome<Self> {
        match name {
            "seq-tiny" | "https-tiny" => Ok(Scenario::Sequential),
            "conc-64" => Ok(Scenario::Concurrent(64)),
            "h2-100" => Ok(Scenario::Concurrent(100)),
            "download-256m" => Ok(Scenario::Download),
            "upload-256m" => Ok(Scenario::Upload),
            "upload-whole-256m" => Ok(Scenario::UploadWhole),
            _ => Err(format!("no such scenario: {name}").into()),
        }
    }

    /// What is made once and is no request's cost.
    fn prepare(self, target: &Target) {
        if self == Scenario::UploadWhole {
            target.body();
        }
    }

    fn warm_up(self) -> u64 {
        match self {
            Scenario::Sequential | Scenario::Concurrent(_) => WARM_UP,
            _ => 0,
        }
    }
}

/// A client that blocks. Each worker is one clone of a pooled client, or has a connection of its own.
pub(crate) trait Blocking: Sized + Send + 'static {
    fn new(target: &Target) -> Outcome<Self>;
    /// Another one that works beside this one.
    fn worker(&self) -> Outcome<Self>;
    /// A GET whose whole body is read; gives the body's length.
    fn tiny(&mut self) -> Outcome<usize>;
    /// A GET whose body is read piece by piece and let go.
    fn download(&mut self) -> Outcome<u64>;
    /// A PUT of [`Pieces`](crate::pieces::Pieces).
    fn upload(&mut self) -> Outcome<()>;
    /// A PUT of [`Target::body`].
    fn upload_whole(&mut self) -> Outcome<()>;

    fn one(&mut self, scenario: Scenario) -> Outcome<()> {
        match scenario {
            Scenario::Sequential | Scenario::Concurrent(_) => tiny(self.tiny()?),
            Scenario::Download => big(self.download()?),
            Scenario::Upload => self.upload(),
            Scenario::UploadWhole => self.upload_whole(),
        }
    }
}

/// A client that is awaited; otherwise as [`Blocking`].
pub(crate) trait Asynchronous: Sized + Send + 'static {
    fn new(target: &Target) -> impl Future<Output = Outcome<Self>> + Send;
    fn worker(&self) -> impl Future<Output = Outcome<Self>> + Send;
    fn tiny(&mut self) -> impl Future<Output = Outcome<usize>> + Send;
    fn download(&mut self) -> impl Future<Output = Outcome<u64>> + Send;
    fn upload(&mut self) -> impl Future<Output = Outcome<()>> + Send;
    fn upload_whole(&mut self) -> impl Future<Output = Outcome<()>> + Send;
}

fn tiny(length: usize) -> Outcome<()> {
    if length == 150 {
        Ok(())
    } else {
        Err(format!("{length} bytes came, not 150").into())
    }
}

fn big(length: u64) -> Outcome<()> {
    if length == BIG {
        Ok(())
    } else {
        Err(format!("{length} bytes came, not {BIG}").into())
    }
}

/// What `requests` requests cost, each.
pub(crate) struct Figures {
    requests: u64,
    cpu: Duration,
    wall: Duration,
    blocks: u64,
    bytes: u64,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each = |total: f64| total / self.requests as f64;
        write!(
            f,
            "{:.3}\t{:.3}\t{:.2}\t{:.0}",
            each(self.cpu.as_secs_f64() * 1e6),
            each(self.wall.as_secs_f64() * 1e6),
            each(self.blocks as f64),
            each(self.bytes as f64),
        )
    }
}

struct Meter {
    cpu: Duration,
    wall: Instant,
    blocks: u64,
    bytes: u64,
}

impl Meter {
    fn start() -> Self {
        let (blocks, bytes) = costs::allocated();
        Meter {
            cpu: costs::cpu_time(),
            wall: Instant::now(),
            blocks,
            bytes,
        }
    }

    fn stop(self, requests: u64) -> Figures {
        let (blocks, bytes) = costs::allocated();
        Figures {
            requests,
            cpu: costs::cpu_time().saturating_sub(self.cpu),
            wall: self.wall.elapsed(),
            blocks: blocks - self.blocks,
            bytes: bytes - self.bytes,
        }
    }
}

/// Runs a client that blocks.
pub(crate) fn blocking<C: Blocking>(
    target: &Target,
    scenario: Scenario,
    requests: u64,
) -> Outcome<Figures> {
    let mut client = C::new(target)?;
    let Scenario::Concurrent(workers) = scenario else {
        scenario.prepare(target);
        for _ in 0..scenario.warm_up() {
            client.one(scenario)?;
        }
        let meter = Meter::start();
        for _ in 0..requests {
            client.one(scenario)?;
        }
        return Ok(meter.stop(requests));
    };
    let gate = Arc::new(Barrier::new(workers as usize + 1));
    let mut threads = Vec::new();
    for _ in 0..workers {
        let mut worker = client.worker()?;
        let gate = Arc::clone(&gate);
        threads.push(thread::spawn(move || -> Outcome<()> {
            let warm = (0..scenario.warm_up()).try_for_each(|_| worker.one(scenario));
            gate.wait();
            gate.wait();
            warm?;
            (0..requests / workers).try_for_each(|_| worker.one(scenario))
        }));
    }
    gate.wait();
    let meter = Meter::start();
    gate.wait();
    for thread in threads {
        thread.join().map_err(|_| "a worker panicked")??;
    }
    Ok(meter.stop(requests / workers * workers))
}

/// Runs a client that is awaited, on a runtime of one thread.
pub(crate) fn asynchronous<C: Asynchronous>(
    target: &Target,
    scenario: Scenario,
    requests: u64,
) -> Outcome<Figures> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut client = C::new(target).await?;
        let Scenario::Concurrent(workers) = scenario else {
            scenario.prepare(target);
            for _ in 0..scenario.warm_up() {
                one(&mut client, scenario).await?;
            }
            let meter = Meter::start();
            for _ in 0..requests {
                one(&mut client, scenario).await?;
            }
            return Ok(meter.stop(requests));
        };
        let gate = Arc::new(tokio::sync::Barrier::new(workers as usize + 1));
        let mut tasks = Vec::new();
        for _ in 0..workers {
            let mut worker = client.worker().await?;
            let gate = Arc::clone(&gate);
            tasks.push(tokio::spawn(async move {
                let mut warm = Ok(());
                for _ in 0..scenario.warm_up() {
                    warm = warm.and(one(&mut worker, scenario).await);
                }
                gate.wait().await;
                gate.wait().await;
                warm?;
                for _ in 0..requests / workers {
                    one(&mut worker, scenario).await?;
                }
                Outcome::Ok(())
            }));
        }
        gate.wait().await;
        let meter = Meter::start();
        gate.wait().await;
        for task in tasks {
            task.await??;
        }
        Ok(meter.stop(requests / workers * workers))
    })
}

async fn one<C: Asynchronous>(client: &mut C, scenario: Scenario) -> Outcome<()> {
    match scenario {
        Scenario::Sequential | Scenario::Concurrent(_) => tiny(client.tiny().await?),
        Scenario::Download => big(client.download().await?),
        Scenario::Upload => client.upload().await,
        Scenario::UploadWhole => client.upload_whole().await,
    }
}
