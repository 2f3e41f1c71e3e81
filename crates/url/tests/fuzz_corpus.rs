//! Replays the seeds of the fuzz targets, so that what fuzzing has found stays found.

mod fuzz_bodies;

use std::path::Path;

fn replay(target: &str, body: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz-seeds")
        .join(target);
    let mut seen = 0;
    for entry in std::fs::read_dir(&folder).expect("the seeds are there") {
        let seed = std::fs::read(entry.expect("an entry").path()).expect("a seed");
        body(&seed);
        // Cut anywhere, a seed is another input.
        for end in 0..seed.len().min(256) {
            body(&seed[..end]);
        }
        seen += 1;
    }
    assert!(seen >= 5, "{}: {seen} seeds", folder.display());
}

#[test]
fn url() {
    replay("url", fuzz_bodies::url);
}

#[test]
fn url_setters() {
    replay("url_setters", fuzz_bodies::url_setters);
}

#[test]
fn idna() {
    replay("idna", fuzz_bodies::idna);
}

#[test]
fn query() {
    replay("query", fuzz_bodies::query);
}
