//! What a body costs in heap blocks.

#![cfg(feature = "gzip")]

mod common;

use bytes::Bytes;
use nuncio_content::{Budget, Coding, Decoder, StateCache};

#[test]
fn a_body_with_a_kept_state_takes_two_blocks_beside_it() {
    let cache = StateCache::default();
    let body = Bytes::from(common::gzip(&common::text(1_000)));
    let decode = || {
        let mut decoder = Decoder::with_cache(&Coding::Gzip.into(), Budget::default(), &cache);
        let mut input = body.clone();
        let chunk = decoder.decode(&mut input).unwrap();
        assert_eq!(decoder.decode(&mut input), Ok(None));
        assert_eq!(decoder.finish(), Ok(None));
        chunk
    };
    let first = allocation_counter::measure(|| drop(decode()));
    assert!(first.bytes_max > 32 << 10, "a new state: {first:?}");
    let later = allocation_counter::measure(|| drop(decode()));
    // The list of codings, the decoded bytes, and those made as short as they are.
    assert!(later.count_total <= 3, "{later:?}");
    assert!(later.bytes_max < 8 << 10, "{later:?}");
}
