//! The fuzz target over its seeds, as a plain test.

mod targets;

#[test]
fn multipart() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz-seeds/multipart");
    let mut seeds = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let seed = std::fs::read(entry.unwrap().path()).unwrap();
        targets::multipart(&seed);
        // Cut and bent seeds cost nothing more to try.
        for end in 0..seed.len().min(512) {
            targets::multipart(&seed[..end]);
            let mut bent = seed.clone();
            bent[end] = bent[end].wrapping_mul(31).wrapping_add(end as u8);
            targets::multipart(&bent);
        }
        seeds += 1;
    }
    assert!(seeds > 0);
}
