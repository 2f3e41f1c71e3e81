//! Replays the seeds of the fuzz targets `http1_head` and `http1_body`.

mod common;

use std::fs;
use std::path::Path;

fn replay(folder: &str, target: fn(&[u8])) -> usize {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz-seeds")
        .join(folder);
    let mut seeds = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        target(&fs::read(entry.unwrap().path()).unwrap());
        seeds += 1;
    }
    seeds
}

#[test]
fn the_seeds_of_http1_head_hold() {
    assert!(replay("head", common::fuzz::head) >= 40);
}

#[test]
fn the_seeds_of_http1_body_hold() {
    assert!(replay("body", common::fuzz::body) >= 40);
}
