//! The fuzz targets over their corpora, as plain tests.

mod targets;

fn replay(target: &str, check: fn(&[u8])) {
    let folder = format!("{}/fuzz-seeds/{target}", env!("CARGO_MANIFEST_DIR"));
    let mut seeds = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let seed = std::fs::read(entry.unwrap().path()).unwrap();
        check(&seed);
        // Cut and bent seeds cost nothing more to try.
        for end in 0..seed.len().min(256) {
            check(&seed[..end]);
            let mut bent = seed.clone();
            bent[end] = bent[end].wrapping_mul(31).wrapping_add(end as u8);
            check(&bent);
        }
        seeds += 1;
    }
    assert!(seeds > 0, "no seeds for {target}");
}

#[cfg(feature = "gzip")]
#[test]
fn gzip() {
    replay("gzip", targets::gzip);
}

#[cfg(feature = "gzip")]
#[test]
fn deflate() {
    replay("deflate", targets::deflate);
}

#[cfg(feature = "brotli")]
#[test]
fn br() {
    replay("br", targets::br);
}

#[cfg(feature = "zstd")]
#[test]
fn zstd() {
    replay("zstd", targets::zstd);
}

#[test]
fn chain() {
    replay("chain", targets::chain);
}

#[test]
fn text() {
    replay("text", targets::text);
}

#[test]
fn lines() {
    replay("lines", targets::lines);
}

#[test]
fn sse() {
    replay("sse", targets::sse);
}
