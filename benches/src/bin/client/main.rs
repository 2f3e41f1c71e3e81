//! One client doing one scenario against `server`, and what it cost.
//!
//! `client --client NAME --scenario NAME --requests N --url URL [--ca FILE] [--count]` prints, for
//! each request on the average, CPU time in microseconds, wall time in microseconds, heap blocks
//! and heap bytes. Blocks are counted with `--count` only, so that counting costs the other runs
//! nothing. Instructions and system calls are for those who look from outside: compare a run of
//! 2N requests with one of N.

mod costs;
mod floor_blocking;
mod floor_tokio;
#[cfg(feature = "peers")]
mod hyper;
mod measure;
mod nuncio_blocking;
mod nuncio_tokio;
mod pieces;
#[cfg(feature = "peers")]
mod reqwest;
mod target;
#[cfg(feature = "peers")]
mod ureq;

use measure::{Figures, Scenario};
use std::error::Error;
use target::Target;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// A client's name, and how it is measured.
type Entry = (&'static str, fn(&Target, Scenario, u64) -> Outcome<Figures>);

const CLIENTS: &[Entry] = &[
    ("floor-blocking", measure::blocking::<floor_blocking::Floor>),
    (
        "nuncio-blocking",
        measure::blocking::<nuncio_blocking::Nuncio>,
    ),
    #[cfg(feature = "peers")]
    ("ureq", measure::blocking::<ureq::Ureq>),
    #[cfg(feature = "peers")]
    (
        "reqwest-blocking",
        measure::blocking::<reqwest::ReqwestBlocking>,
    ),
    ("floor-tokio", measure::asynchronous::<floor_tokio::Floor>),
    (
        "nuncio-tokio",
        measure::asynchronous::<nuncio_tokio::Nuncio>,
    ),
    #[cfg(feature = "peers")]
    ("hyper-raw", measure::asynchronous::<hyper::Raw>),
    #[cfg(feature = "peers")]
    ("hyper-util", measure::asynchronous::<hyper::Util>),
    #[cfg(feature = "peers")]
    ("reqwest", measure::asynchronous::<reqwest::Reqwest>),
];

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let (mut client, mut scenario, mut url, mut ca) = (None, None, None, None);
    let mut requests = 1000;
    while let Some(argument) = arguments.next() {
        if argument == "--count" {
            costs::start();
            continue;
        }
        let value = arguments.next().ok_or("an option without its value")?;
        match argument.as_str() {
            "--client" => client = Some(value),
            "--scenario" => scenario = Some(value),
            "--url" => url = Some(value),
            "--ca" => ca = Some(value),
            "--requests" => requests = value.parse()?,
            other => return Err(format!("no such option: {other}").into()),
        }
    }
    let scenario = scenario.ok_or("--scenario is missing")?;
    let http2 = scenario.starts_with("h2-");
    let scenario = Scenario::named(&scenario)?;
    let target = Target::new(url.ok_or("--url is missing")?, ca.as_deref(), http2)?;
    let client = client.ok_or("--client is missing")?;
    let (_, run) = CLIENTS
        .iter()
        .find(|(name, _)| *name == client)
        .ok_or_else(|| format!("no such client: {client}"))?;
    println!("{}", run(&target, scenario, requests)?);
    Ok(())
}
