//! Replays the seeds of the fuzz target `proxy_reply`.

mod target;

use std::fs;
use std::path::Path;

#[test]
fn the_seeds_of_proxy_reply_hold() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz-seeds/proxy_reply");
    let mut seeds = 0;
    for entry in fs::read_dir(folder).unwrap() {
        target::proxy_reply(&fs::read(entry.unwrap().path()).unwrap());
        seeds += 1;
    }
    assert!(seeds >= 20);
}
