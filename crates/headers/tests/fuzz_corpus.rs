//! The fuzz targets over their corpora, as plain tests.

mod targets;

fn replay(target: &str, check: fn(&[u8])) {
    let folder = format!("{}/fuzz-seeds/{target}", env!("CARGO_MANIFEST_DIR"));
    let mut seeds = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let seed = std::fs::read(entry.unwrap().path()).unwrap();
        check(&seed);
        // Cut and bent seeds cost nothing more to try.
        for end in 0..seed.len().min(512) {
            check(&seed[..end]);
            let mut bent = seed.clone();
            bent[end] = bent[end].wrapping_mul(31).wrapping_add(end as u8);
            check(&bent);
        }
        seeds += 1;
    }
    assert!(seeds > 0, "no seeds for {target}");
}

#[test]
fn headers() {
    replay("headers", targets::headers);
}

#[test]
fn content_disposition() {
    replay("content_disposition", targets::content_disposition);
}

#[test]
fn challenges() {
    replay("challenges", targets::challenges);
}

#[test]
fn link() {
    replay("link", targets::link);
}
