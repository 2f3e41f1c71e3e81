//! Request bodies that are coded, against this crate's own decoders.

#![cfg(all(feature = "encode", feature = "gzip"))]

mod common;

use common::{text, whole};
use nuncio_content::{Coding, Encoder};

#[test]
fn what_is_encoded_in_any_pieces_is_decoded_again() {
    for &coding in Coding::ALL {
        for length in [0, 1, 100, 100_000] {
            let content = text(length);
            for piece in [1_000, 16_384, 200_000] {
                let mut encoder = Encoder::new(coding).unwrap();
                let mut body = Vec::new();
                for piece in content.chunks(piece) {
                    body.extend_from_slice(&encoder.encode(piece).unwrap());
                }
                body.extend_from_slice(&encoder.finish().unwrap());
                assert!(body.len() < length / 2 + 64, "{coding}: {}", body.len());
                let outcome = whole(coding, &body);
                assert_eq!(outcome.error, None, "{coding}, {length} in {piece}");
                assert!(outcome.decoded == content, "{coding}, {length} in {piece}");
            }
        }
    }
}

#[test]
fn a_long_body_comes_out_while_it_goes_in() {
    // br holds what may yet share its codes, for some megabytes.
    for &coding in Coding::ALL.iter().filter(|coding| coding.name() != "br") {
        let mut encoder = Encoder::new(coding).unwrap();
        let content = text(1 << 20);
        let mut early = 0;
        for piece in content.chunks(64 << 10) {
            early += encoder.encode(piece).unwrap().len();
        }
        let rest = encoder.finish().unwrap().len();
        assert!(early > rest, "{coding}: {early} and then {rest}");
    }
}
