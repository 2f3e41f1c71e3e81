//! What well-formed bodies decode to, however they are cut.

mod common;

use bytes::Bytes;
use common::{codings, decode, encode, every_way, text, whole};
use nuncio_content::{
    Budget, Coding, Codings, DEFAULT_CODINGS, Decoder, MAX_CHUNK, StateCache, accept_encoding,
};

#[test]
fn every_coding_gives_back_what_was_coded() {
    for &coding in Coding::ALL {
        for length in [0, 1, 2, 3, 100, 1000, 32_767, 32_768, 32_769, 200_000] {
            let content = text(length);
            let outcome = every_way(coding, &encode(coding, &content));
            assert_eq!(outcome.error, None, "{coding}, {length} bytes");
            assert!(outcome.decoded == content, "{coding}, {length} bytes");
        }
    }
}

#[test]
fn incompressible_content_comes_back() {
    let mut state = 1_u32;
    let noise: Vec<u8> = (0..100_000)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect();
    for &coding in Coding::ALL {
        assert!(
            every_way(coding, &encode(coding, &noise)).decoded == noise,
            "{coding}"
        );
    }
}

#[test]
fn a_body_without_a_byte_is_complete_in_every_coding() {
    // z09: answers to HEAD and with status 204 or 304 name a coding.
    for &coding in Coding::ALL {
        for listed in [
            Codings::from(coding),
            codings(&format!("{coding}, {coding}")),
        ] {
            let outcome = decode(Decoder::new(&listed, Budget::default()), &[]);
            assert_eq!((outcome.decoded, outcome.error), (vec![], None), "{coding}");
            let outcome = decode(Decoder::new(&listed, Budget::default()), &[b"", b""]);
            assert_eq!((outcome.decoded, outcome.error), (vec![], None), "{coding}");
        }
    }
}

#[test]
fn chains_are_undone_from_the_last_to_the_first() {
    let content = text(5_000);
    for &first in Coding::ALL {
        for &second in Coding::ALL {
            let body = encode(second, &encode(first, &content));
            let listed = codings(&format!("{first}, {second}"));
            let outcome = every_way(listed, &body);
            assert_eq!(outcome.error, None, "{first}, {second}");
            assert!(outcome.decoded == content, "{first}, {second}");
        }
    }
}

#[test]
fn five_codings_of_one_body_are_undone() {
    for &coding in Coding::ALL {
        let content = text(300_000);
        let mut body = content.clone();
        for _ in 0..5 {
            body = encode(coding, &body);
        }
        let name = coding.name();
        let outcome = whole(codings(&[name; 5].join(",")), &body);
        assert_eq!(outcome.error, None);
        assert!(outcome.decoded == content, "{coding}");
    }
}

#[test]
fn identity_is_handed_on_without_a_copy() {
    let mut decoder = Decoder::new(&codings("identity"), Budget { size: 1, ratio: 0 });
    assert!(decoder.is_identity());
    let body = Bytes::from(text(100_000));
    let mut input = body.clone();
    let chunk = decoder.decode(&mut input).unwrap().unwrap();
    assert_eq!((chunk.as_ptr(), chunk.len()), (body.as_ptr(), body.len()));
    assert_eq!(decoder.decode(&mut input), Ok(None));
    assert_eq!(decoder.finish(), Ok(None));
}

#[test]
fn tokens_are_read_over_several_fields_in_any_case_and_unknown_ones_are_skipped() {
    let listed = |values: &[&str]| {
        let values = values.iter().map(|value| value.as_bytes());
        Codings::parse(values, DEFAULT_CODINGS).unwrap()
    };
    for nothing in [
        "",
        " , ,",
        "identity",
        "x-gzip",
        "compress",
        "aes128gcm",
        "gzip;q=1",
    ] {
        assert!(listed(&[nothing]).is_empty(), "{nothing}");
    }
    for &coding in Coding::ALL {
        let name = coding.name();
        for value in [
            name.to_owned(),
            name.to_uppercase(),
            format!("\t{name} "),
            format!("identity,{name},x-gzip"),
        ] {
            let list: Vec<_> = listed(&[&value]).iter().collect();
            assert_eq!(list, [coding], "{value}");
        }
        assert_eq!(listed(&[name, "identity", name]).len(), 2);
    }
}

#[test]
fn what_is_announced_is_what_is_compiled_in() {
    let announced: Vec<_> = accept_encoding().split(", ").collect();
    let mut compiled: Vec<_> = Coding::ALL.iter().map(|coding| coding.name()).collect();
    if compiled.is_empty() {
        compiled.push("identity");
    }
    assert_eq!(announced, compiled);
}

#[test]
fn pieces_are_of_bounded_size() {
    for &coding in Coding::ALL {
        let mut decoder = Decoder::new(&coding.into(), Budget::default());
        let mut body = Bytes::from(encode(coding, &vec![0; 1_000_000]));
        let mut total = 0;
        while let Some(chunk) = decoder.decode(&mut body).unwrap() {
            assert!(chunk.len() <= MAX_CHUNK, "{coding}: {}", chunk.len());
            total += chunk.len();
        }
        assert_eq!(total, 1_000_000, "{coding}");
    }
}

#[test]
fn what_one_piece_of_input_makes_certain_comes_out_before_the_next() {
    use std::io::Write;
    if accept_encoding().contains("gzip") {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(b"first").unwrap();
        encoder.flush().unwrap();
        let mut decoder = Decoder::new(&codings("gzip"), Budget::default());
        let mut input = Bytes::from(encoder.get_ref().clone());
        assert_eq!(
            decoder.decode(&mut input).unwrap().as_deref(),
            Some(&b"first"[..])
        );
    }
    if accept_encoding().contains("br") {
        let mut encoder = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 22);
        encoder.write_all(b"first").unwrap();
        encoder.flush().unwrap();
        let mut decoder = Decoder::new(&codings("br"), Budget::default());
        let mut input = Bytes::from(encoder.get_ref().clone());
        assert_eq!(
            decoder.decode(&mut input).unwrap().as_deref(),
            Some(&b"first"[..])
        );
    }
}

#[test]
fn a_state_that_was_used_serves_again_whatever_happened_to_it() {
    let cache = StateCache::new(2);
    for &coding in Coding::ALL {
        let content = text(10_000);
        let body = encode(coding, &content);
        let new = || Decoder::with_cache(&coding.into(), Budget::default(), &cache);
        // Broken, abandoned half-way, and complete.
        assert!(
            decode(new(), &[b"\x1f\x8b junk that is none of them"])
                .error
                .is_some()
        );
        drop(new());
        let mut half = new();
        half.decode(&mut Bytes::copy_from_slice(&body[..body.len() / 2]))
            .unwrap();
        drop(half);
        for _ in 0..3 {
            let outcome = decode(new(), &[&body]);
            assert_eq!(outcome.error, None, "{coding}");
            assert!(outcome.decoded == content, "{coding}");
        }
        let (_one, _two, _three) = (new(), new(), new());
    }
    assert!(cache.len() <= 3, "two for gzip and deflate, one for zstd");
    assert_eq!(cache.is_empty(), Coding::ALL.is_empty());
    cache.clear();
    assert!(cache.is_empty());
}

#[cfg(feature = "gzip")]
#[test]
fn gzip_members_are_all_decoded() {
    let members: [&[u8]; 5] = [b"one", b"", b"two", b"", b"three"];
    let body: Vec<u8> = members
        .iter()
        .flat_map(|member| common::gzip(member))
        .collect();
    let outcome = every_way(Coding::Gzip, &body);
    assert_eq!(
        (&outcome.decoded[..], outcome.error),
        (&b"onetwothree"[..], None)
    );
}

#[cfg(feature = "gzip")]
#[test]
fn gzip_headers_with_every_field_are_passed_over() {
    let plain = common::gzip(b"content");
    let fields: [(u8, &[u8]); 4] = [
        (4, b"\x05\x00extra"),
        (8, b"file name\0"),
        (16, b"a comment\0"),
        (1, b""),
    ];
    for set in 0..16_u8 {
        for check in [false, true] {
            let mut header = plain[..10].to_vec();
            for (index, (flag, bytes)) in fields.iter().enumerate() {
                if set & 1 << index != 0 {
                    header[3] |= flag;
                    header.extend_from_slice(bytes);
                }
            }
            if check {
                header[3] |= 2;
                let mut crc = flate2::Crc::new();
                crc.update(&header);
                header.extend_from_slice(&(crc.sum() as u16).to_le_bytes());
            }
            let body = [&header[..], &plain[10..]].concat();
            let outcome = every_way(Coding::Gzip, &body);
            assert_eq!(
                (&outcome.decoded[..], outcome.error),
                (&b"content"[..], None)
            );
            if check {
                let mut wrong = body.clone();
                wrong[header.len() - 1] ^= 1;
                let error = every_way(Coding::Gzip, &wrong);
                assert_eq!(
                    error.kind(),
                    Some(&nuncio_content::DecodeErrorKind::Mismatch("header CRC"))
                );
            }
        }
    }
}

#[cfg(feature = "gzip")]
#[test]
fn deflate_is_zlib_or_raw_by_its_first_two_bytes() {
    for content in [&b""[..], b"x", b"hello, hello, hello", &text(3_000)] {
        for body in [common::zlib(content), common::raw_deflate(content)] {
            let outcome = every_way(Coding::Deflate, &body);
            assert_eq!(outcome.error, None);
            assert!(outcome.decoded == content);
        }
    }
}

#[cfg(feature = "zstd")]
#[test]
fn zstd_frames_are_all_decoded_with_skippable_ones_between() {
    let skippable = |length: u32| {
        let mut frame = b"\x5a\x2a\x4d\x18".to_vec();
        frame.extend_from_slice(&length.to_le_bytes());
        frame.resize(frame.len() + length as usize, b'x');
        frame
    };
    let body = [
        skippable(3),
        common::zstd(b"one"),
        common::zstd(b""),
        skippable(0),
        common::zstd(b"two"),
        skippable(100),
    ]
    .concat();
    let outcome = every_way(Coding::Zstd, &body);
    assert_eq!(
        (&outcome.decoded[..], outcome.error),
        (&b"onetwo"[..], None)
    );
}
