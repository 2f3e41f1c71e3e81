//! The protocol crates beside their peers: URLs, header fields, multipart bodies.
//!
//! `leaves list` names the cases, each with how many units one turn of it does. `leaves run CASE
//! TURNS` does one that many times and prints nothing: for callgrind, which compares two lengths.
//! `leaves time ROUNDS` prints for each case its name, nanoseconds of CPU time for a unit (the
//! median of the rounds, in which the cases take turns), heap blocks and heap bytes for a unit.
//! `benches/leaves` makes tables of all that.

#[path = "../client/costs.rs"]
mod costs;
mod fields;
mod forms;
mod urls;

use std::error::Error;
use std::time::Duration;

/// Something to measure.
struct Case {
    /// `table/operation/who`, of which a table is made.
    name: String,
    /// How many units (URLs, look-ups, mebibytes) one turn does.
    units: u64,
    turn: Box<dyn FnMut()>,
}

impl Case {
    fn new(name: impl Into<String>, units: usize, turn: impl FnMut() + 'static) -> Self {
        Self {
            name: name.into(),
            units: units as u64,
            turn: Box::new(turn),
        }
    }

    fn run(&mut self, turns: u64) -> Duration {
        let start = costs::cpu_time();
        for _ in 0..turns {
            (self.turn)();
        }
        costs::cpu_time() - start
    }

    /// How many turns fill a batch, so that reading the clock does not count.
    fn calibrate(&mut self) -> u64 {
        const BATCH: Duration = Duration::from_millis(4);
        let mut turns = 1;
        while self.run(turns) < BATCH {
            turns *= 2;
        }
        turns
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut cases = urls::cases()?;
    cases.extend(fields::cases()?);
    cases.extend(forms::cases()?);
    match arguments[..] {
        ["list"] => cases
            .iter()
            .for_each(|case| println!("{}\t{}", case.name, case.units)),
        ["run", name, turns] => {
            let case = cases.iter_mut().find(|case| case.name == name);
            case.ok_or("no such case")?.run(turns.parse()?);
        }
        ["time", rounds] => time(&mut cases, rounds.parse()?),
        _ => return Err("leaves list | run CASE TURNS | time ROUNDS".into()),
    }
    Ok(())
}

fn time(cases: &mut [Case], rounds: usize) {
    let turns: Vec<u64> = cases.iter_mut().map(Case::calibrate).collect();
    let mut times = vec![Vec::new(); cases.len()];
    for _ in 0..rounds {
        for ((case, &turns), times) in cases.iter_mut().zip(&turns).zip(&mut times) {
            times.push(case.run(turns).as_nanos() as f64 / (turns * case.units) as f64);
        }
    }
    // Blocks are counted last: what counts is never on while times are taken.
    costs::start();
    for (case, times) in cases.iter_mut().zip(&mut times) {
        times.sort_by(f64::total_cmp);
        let (blocks, bytes) = costs::allocated();
        case.run(1);
        let (more_blocks, more_bytes) = costs::allocated();
        let each = |count: u64| count as f64 / case.units as f64;
        println!(
            "{}\t{:.2}\t{:.2}\t{:.0}",
            case.name,
            times[times.len() / 2],
            each(more_blocks - blocks),
            each(more_bytes - bytes),
        );
    }
}
