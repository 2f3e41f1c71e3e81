//! nuncio's side of the differential runs: `tests/differential/run` starts what this needs.
//!
//! Every scenario of `tests/differential/scenarios` is run on an adapter, and what came of it is
//! written to a file in the form that `tests/differential/compare.py` reads. Nothing is judged here.

mod control;
mod json;
mod outcome;
mod play;
mod scenario;

use control::Control;
use nuncio_tests::adapters::{Adapter, Blocking, CurrentThread, MultiThread};
use play::play;
use scenario::Ports;
use serde_json::{Map, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[test]
#[ignore = "needs tests/differential/run"]
fn blocking() {
    run(Blocking::start(), "blocking");
}

#[test]
#[ignore = "needs tests/differential/run"]
fn tokio_multi_thread() {
    run(MultiThread::start(), "tokio-multi-thread");
}

#[test]
#[ignore = "needs tests/differential/run"]
fn tokio_current_thread() {
    run(CurrentThread::start(), "tokio-current-thread");
}

fn run<A: Adapter>(adapter: A, name: &str) {
    let adapter = Arc::new(adapter);
    let ports: Ports = serde_json::from_str(&variable("PORTS")).expect("what the server printed");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("differential");
    let scenarios = scenario::load(&folder.join("scenarios"), &ports);
    assert!(!scenarios.is_empty());
    let mut control = Control::connect(&ports);
    let mut outcomes = Map::new();
    for scenario in scenarios {
        control.begin(&scenario.id);
        let mut outcome = play(&adapter, &scenario, &folder.join("files"));
        let recorded = control.end();
        outcome["connections"] = recorded["connections"].clone();
        outcome["requests"] = recorded["requests"].clone();
        outcomes.insert(scenario.id, outcome);
    }
    let document = json!({ "client": format!("nuncio {name}"), "outcomes": outcomes });
    let out = PathBuf::from(variable("OUT")).join(format!("{name}.json"));
    fs::write(out, serde_json::to_vec_pretty(&document).unwrap()).unwrap();
}

fn variable(name: &str) -> String {
    let name = format!("NUNCIO_DIFFERENTIAL_{name}");
    std::env::var(&name).unwrap_or_else(|_| panic!("{name} is not set: use tests/differential/run"))
}
