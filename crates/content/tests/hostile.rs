//! Bodies that mean harm: SECURITY table Z, by row.

mod common;

use bytes::Bytes;
use common::{codings, decode, encode, every_way, text, whole};
use nuncio_content::{Budget, Coding, Codings, DecodeErrorKind, Decoder};

/// A body that claims to be 1 GiB of zeros, in a few hundred kilobytes at most.
fn bomb(coding: Coding) -> Vec<u8> {
    use std::io::Write;
    const MIB: usize = 1 << 20;
    let zeros = vec![0; MIB];
    match coding.name() {
        name @ ("gzip" | "deflate") => {
            // Behind a flush each piece stands on its own, so that one can be had for all.
            let mut out =
                flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
            out.write_all(&zeros).unwrap();
            out.flush().unwrap();
            let head: &[u8] = match name {
                "gzip" => b"\x1f\x8b\x08\0\0\0\0\0\0\x03",
                _ => b"\x78\x9c",
            };
            [head, &out.get_ref().repeat(1024)].concat()
        }
        "br" => {
            let mut out = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 22);
            let mut ends = Vec::new();
            for _ in 0..8 {
                out.write_all(&zeros).unwrap();
                out.flush().unwrap();
                ends.push(out.get_ref().len());
            }
            // From some piece on the coder says the same again and again.
            let body = out.get_ref();
            let piece = &body[ends[6]..ends[7]];
            assert_eq!(piece, &body[ends[5]..ends[6]]);
            [&body[..], &piece.repeat(1016)].concat()
        }
        "zstd" => {
            // A frame with a window of 8 MiB, of blocks that repeat one byte 128 KiB times.
            let mut body = b"\x28\xb5\x2f\xfd\x00\x68".to_vec();
            for block in 0..8192 {
                let last = u32::from(block == 8191);
                let header = (128 << 10) << 3 | 1 << 1 | last;
                body.extend_from_slice(&header.to_le_bytes()[..3]);
                body.push(0);
            }
            body
        }
        other => panic!("no bomb for {other}"),
    }
}

#[test]
fn z01_a_bomb_is_stopped_by_the_budget() {
    for &coding in Coding::ALL {
        let body = bomb(coding);
        let outcome = whole(coding, &body);
        let allowed = Budget::default().size;
        assert_eq!(
            outcome.kind(),
            Some(&DecodeErrorKind::OverBudget { allowed }),
            "{coding}"
        );
        assert!(outcome.decoded.len() as u64 <= allowed, "{coding}");
        assert!(
            outcome.decoded.len() as u64 > allowed - (1 << 20),
            "{coding}"
        );
    }
}

#[test]
fn z01_the_ratio_counts_above_the_budgets_size() {
    for &coding in Coding::ALL {
        let content = text(100_000);
        let body = encode(coding, &content);
        let tight = Budget {
            size: 99_999,
            ratio: 1,
        };
        let outcome = decode(Decoder::new(&coding.into(), tight), &[&body]);
        assert!(
            matches!(outcome.kind(), Some(DecodeErrorKind::OverBudget { .. })),
            "{coding}"
        );
        for enough in [
            Budget {
                size: 100_000,
                ratio: 0,
            },
            Budget {
                size: 70_000,
                ratio: 20,
            },
            Budget::UNLIMITED,
        ] {
            let outcome = decode(Decoder::new(&coding.into(), enough), &[&body]);
            assert_eq!(outcome.error, None, "{coding}, {enough:?}");
        }
    }
}

#[test]
fn z01_a_bomb_is_decoded_in_bounded_memory_and_only_as_it_is_asked_for() {
    const KIB: u64 = 1 << 10;
    for &coding in Coding::ALL {
        let body = Bytes::from(bomb(coding));
        let window = match coding.name() {
            // For a moment the library holds half of the window beside the whole, when it grows.
            "br" => 6 << 20,
            // Its memory is the C library's, and is asked for below.
            "zstd" => 0,
            _ => 32 * KIB,
        };
        let mut asked = 0;
        let memory = allocation_counter::measure(|| {
            let mut decoder = Decoder::new(&coding.into(), Budget::default());
            let mut input = body.clone();
            for _ in 0..512 {
                asked += decoder
                    .decode(&mut input)
                    .unwrap()
                    .map_or(0, |chunk| chunk.len());
            }
        });
        assert!(asked > 8 << 20, "{coding}: {asked}");
        assert!(
            memory.bytes_max <= window + 512 * KIB,
            "{coding}: {} bytes",
            memory.bytes_max
        );
    }
}

#[test]
fn z01_a_bomb_within_a_bomb_is_stopped() {
    for &outer in Coding::ALL {
        for &inner in Coding::ALL {
            let body = encode(outer, &bomb(inner));
            let outcome = whole(codings(&format!("{inner}, {outer}")), &body);
            let allowed = Budget::default().size;
            assert_eq!(
                outcome.kind(),
                Some(&DecodeErrorKind::OverBudget { allowed })
            );
        }
    }
}

#[test]
fn z02_too_many_codings_are_refused_before_anything_is_allocated() {
    let Some(coding) = Coding::ALL.first() else {
        return;
    };
    let name = coding.name();
    let endless = format!("{name},").repeat(10_000);
    let lines = vec![name.as_bytes(); 10_000];
    let values: [Vec<&[u8]>; 3] = [
        vec![endless.as_bytes()],
        lines,
        vec![
            name.as_bytes(),
            b"identity",
            name.as_bytes(),
            name.as_bytes(),
        ],
    ];
    for (values, limit) in values.into_iter().zip([5, 5, 2]) {
        let mut result = None;
        let memory = allocation_counter::measure(|| {
            result = Some(Codings::parse(values.iter().copied(), limit));
        });
        let error = result.unwrap().unwrap_err();
        assert_eq!(error.kind, DecodeErrorKind::TooManyCodings { limit });
        assert_eq!(memory.count_total, 0);
    }
}

#[cfg(feature = "brotli")]
#[test]
fn z03_large_brotli_windows_are_refused() {
    // The large-window marker, whole and cut behind its first byte.
    let outcome = every_way(Coding::Brotli, b"\x11\xde");
    assert!(outcome.error.is_some());
    for bits in 0..=0xff_u8 {
        let outcome = whole(Coding::Brotli, &[0x11, bits, 0, 0, 0, 0, 0, 0, 0, 3]);
        assert_eq!(
            outcome.kind(),
            Some(&DecodeErrorKind::WindowTooLarge),
            "{bits:x}"
        );
    }
    for window in 10..=24 {
        use std::io::Write;
        let mut out = brotli::CompressorWriter::new(Vec::new(), 4096, 1, window);
        out.write_all(b"content").unwrap();
        assert_eq!(whole(Coding::Brotli, &out.into_inner()).decoded, b"content");
    }
}

#[cfg(feature = "zstd")]
mod zstd {
    use super::*;

    /// One frame that says `content` in a raw block, with this window descriptor.
    fn frame(window: u8) -> Vec<u8> {
        let mut frame = b"\x28\xb5\x2f\xfd\x00".to_vec();
        frame.push(window);
        frame.extend_from_slice(&(7_u32 << 3 | 1).to_le_bytes()[..3]);
        frame.extend_from_slice(b"content");
        frame
    }

    #[test]
    fn z04_a_window_of_8_mib_is_the_largest() {
        for window in 0..=0xff_u8 {
            let outcome = every_way(Coding::Zstd, &frame(window));
            if window <= 13 << 3 {
                assert_eq!(
                    (&outcome.decoded[..], outcome.error),
                    (&b"content"[..], None)
                );
            } else {
                assert_eq!(
                    outcome.kind(),
                    Some(&DecodeErrorKind::WindowTooLarge),
                    "{window:x}"
                );
            }
        }
    }

    #[test]
    fn z04_a_single_segment_counts_as_its_window() {
        let mut frame = b"\x28\xb5\x2f\xfd\xa0".to_vec();
        frame.extend_from_slice(&((8_u32 << 20) + 1).to_le_bytes());
        let outcome = every_way(Coding::Zstd, &frame);
        assert_eq!(outcome.kind(), Some(&DecodeErrorKind::WindowTooLarge));
    }

    #[test]
    fn z04_a_dictionary_id_is_an_error_and_zero_is_none() {
        for (flag, length) in [(1, 1), (2, 2), (3, 4)] {
            for id in [0, 7] {
                let plain = frame(0x58);
                let mut frame = plain[..6].to_vec();
                frame[4] |= flag;
                frame.push(id);
                frame.resize(6 + length, 0);
                frame.extend_from_slice(&plain[6..]);
                let outcome = every_way(Coding::Zstd, &frame);
                let expected = (id != 0).then_some(&DecodeErrorKind::Dictionary);
                assert_eq!(outcome.kind(), expected, "{flag}, {id}");
            }
        }
    }

    #[test]
    fn z04_skippable_frames_are_bounded_in_length_and_number() {
        let mut long = b"\x50\x2a\x4d\x18".to_vec();
        long.extend_from_slice(&((1_u32 << 20) + 1).to_le_bytes());
        let outcome = every_way(Coding::Zstd, &long);
        assert_eq!(outcome.kind(), Some(&DecodeErrorKind::SkippableFrame));

        let skippable = b"\x50\x2a\x4d\x18\0\0\0\0";
        let frames = |count| [skippable.repeat(count), common::zstd(b"content")].concat();
        assert_eq!(whole(Coding::Zstd, &frames(1_000)).error, None);
        let outcome = whole(Coding::Zstd, &frames(1_001));
        assert_eq!(outcome.kind(), Some(&DecodeErrorKind::EmptyMembers));
    }

    #[test]
    fn z04_the_window_of_a_bomb_fits_with_512_kib_beside_it() {
        let body = super::bomb(Coding::Zstd);
        let mut state = zstd_safe::DCtx::create();
        let mut out = Vec::with_capacity(nuncio_content::MAX_CHUNK);
        let mut input = zstd_safe::InBuffer::around(&body);
        let mut output = zstd_safe::OutBuffer::around(&mut out);
        state.decompress_stream(&mut output, &mut input).unwrap();
        let held = state.sizeof() + nuncio_content::MAX_CHUNK;
        assert!(held <= (8 << 20) + (512 << 10), "{held}");
    }
}

#[cfg(feature = "gzip")]
#[test]
fn z05_more_than_1000_empty_gzip_members_are_refused() {
    let empty = common::gzip(b"");
    let body = [empty.repeat(1_000), common::gzip(b"content")].concat();
    assert_eq!(whole(Coding::Gzip, &body).decoded, b"content");
    let body = [body, empty.repeat(1_000)].concat();
    assert_eq!(whole(Coding::Gzip, &body).error, None);
    let body = [body, empty.clone()].concat();
    assert_eq!(
        whole(Coding::Gzip, &body).kind(),
        Some(&DecodeErrorKind::EmptyMembers)
    );

    let begin = std::time::Instant::now();
    let outcome = whole(Coding::Gzip, &empty.repeat(200_000));
    assert_eq!(outcome.kind(), Some(&DecodeErrorKind::EmptyMembers));
    assert!(begin.elapsed().as_secs() < 2);
}

#[cfg(feature = "gzip")]
#[test]
fn z06_long_gzip_fields_and_reserved_flags_are_refused() {
    let plain = common::gzip(b"content");
    for (flag, prefix) in [(8_u8, &b""[..]), (16, b""), (4, b"\xff\xff")] {
        let with = |length: usize| {
            let mut body = plain[..10].to_vec();
            body[3] |= flag | 8;
            body.extend_from_slice(prefix);
            body.resize(body.len() + length - 1, b'x');
            body.push(0);
            if flag == 16 {
                body.push(0);
            }
            body.extend_from_slice(&plain[10..]);
            body
        };
        let fits = if flag == 16 { 65_535 } else { 65_536 };
        assert_eq!(whole(Coding::Gzip, &with(fits)).error, None, "{flag}");
        let outcome = whole(Coding::Gzip, &with(fits + 1));
        assert_eq!(
            outcome.kind(),
            Some(&DecodeErrorKind::HeaderTooLong),
            "{flag}"
        );
    }
    for flag in [0x20, 0x40, 0x80] {
        let mut body = plain.clone();
        body[3] |= flag;
        let outcome = every_way(Coding::Gzip, &body);
        assert_eq!(
            outcome.kind(),
            Some(&DecodeErrorKind::Corrupt("reserved gzip flags"))
        );
    }
}

#[test]
fn z07_every_truncation_is_an_error() {
    for &coding in Coding::ALL {
        let mut bodies = vec![
            encode(coding, b""),
            encode(coding, b"x"),
            encode(coding, &text(400)),
            encode(coding, &text(5_000)),
        ];
        if coding.name() == "deflate" {
            bodies.push(common::raw_deflate(&text(400)));
        }
        for body in bodies {
            for end in 1..body.len() {
                let outcome = whole(coding, &body[..end]);
                assert_eq!(
                    outcome.kind(),
                    Some(&DecodeErrorKind::Truncated),
                    "{coding}, {end}"
                );
            }
        }
    }
}

#[test]
fn z07_a_truncated_body_within_a_chain_is_an_error() {
    for &outer in Coding::ALL {
        for &inner in Coding::ALL {
            let coded = encode(inner, &text(400));
            for end in 1..coded.len() {
                let body = encode(outer, &coded[..end]);
                let outcome = whole(codings(&format!("{inner}, {outer}")), &body);
                let error = outcome.error.unwrap();
                assert_eq!(
                    (error.coding, error.kind),
                    (Some(inner), DecodeErrorKind::Truncated)
                );
            }
        }
    }
}

#[test]
fn z07_every_bit_of_a_check_value_counts() {
    for &coding in Coding::ALL {
        let check = match coding.name() {
            "gzip" => 8,
            "deflate" | "zstd" => 4,
            _ => continue,
        };
        for content in [&b"x"[..], &text(400)] {
            let body = encode(coding, content);
            for byte in body.len() - check..body.len() {
                for bit in 0..8 {
                    let mut flipped = body.clone();
                    flipped[byte] ^= 1 << bit;
                    let outcome = whole(coding, &flipped);
                    assert!(
                        matches!(outcome.kind(), Some(DecodeErrorKind::Mismatch(_))),
                        "{coding}, byte {byte}, bit {bit}: {outcome:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn z07_no_flipped_bit_passes_unseen_where_there_is_a_check_value() {
    for &coding in Coding::ALL {
        let content = text(300);
        let body = encode(coding, &content);
        for at in 0..body.len() * 8 {
            let mut flipped = body.clone();
            flipped[at / 8] ^= 1 << (at % 8);
            let outcome = whole(coding, &flipped);
            // br has no check value: there it is enough not to panic.
            if outcome.error.is_none() && coding.name() != "br" {
                assert!(outcome.decoded == content, "{coding}, bit {at}");
            }
        }
    }
}

#[test]
fn z07_junk_after_the_end_is_an_error() {
    for &coding in Coding::ALL {
        for junk in [&b"\0"[..], b"x", b"junk", b"\r\n"] {
            let body = [encode(coding, b"content"), junk.to_vec()].concat();
            let outcome = every_way(coding, &body);
            assert_eq!(
                outcome.kind(),
                Some(&DecodeErrorKind::TrailingData),
                "{coding}"
            );
            assert_eq!(outcome.decoded, b"content", "{coding}");
        }
    }
}

#[test]
fn z07_a_body_that_is_not_coded_at_all_is_an_error() {
    for &coding in Coding::ALL {
        for body in [
            &b"<!doctype html><p>not coded"[..],
            b"{}",
            b"\xff\xff\xff\xff",
        ] {
            assert!(
                every_way(coding, body).error.is_some(),
                "{coding}, {body:?}"
            );
        }
    }
}

#[cfg(feature = "gzip")]
#[test]
fn a_zlib_dictionary_is_an_error() {
    // RFC 1950 section 2.2, FDICT.
    let outcome = every_way(Coding::Deflate, b"\x78\xbb\x00\x00\x00\x01\x03\x00");
    assert_eq!(outcome.kind(), Some(&DecodeErrorKind::Dictionary));
}

#[test]
fn an_error_says_which_coding_and_where() {
    for &coding in Coding::ALL {
        let body = encode(coding, &text(2_000));
        let error = whole(coding, &body[..body.len() - 1]).error.unwrap();
        assert_eq!(error.offset, body.len() as u64 - 1, "{coding}");
        let line = error.to_string();
        assert_eq!(
            line,
            format!("{coding} body at byte {}: ended early", body.len() - 1)
        );
    }
}
