//! Decoding content codings, beside the crates that do the work called directly.

use crate::Case;
use bytes::Bytes;
use nuncio_content::{Budget, Coding, Decoder, StateCache};
use std::error::Error;
use std::hint::black_box;
use std::io::{BufReader, Read, Write};

const CORPUS: &str = include_str!("../../../url-corpus.txt");

/// A body comes in pieces as they are read from a socket.
const PIECE: usize = 16 << 10;
/// What direct callers read into, again and again.
const BUFFER: usize = 64 << 10;
/// What nuncio-content hands out at a time, and direct callers who keep what they get.
const KEPT: usize = nuncio_content::MAX_CHUNK;

type Outcome<T> = Result<T, Box<dyn Error>>;

pub(crate) fn cases() -> Outcome<Vec<Case>> {
    let text = text(16 << 20);
    let mut cases = Vec::new();
    // Each turn decodes what comes to whole mebibytes.
    for (label, size, bodies) in [
        ("16 MiB bodies", 16 << 20, 1),
        ("64 KiB bodies, by the MiB", 64 << 10, 16),
    ] {
        let plain = &text[..size];
        let gzip = Bytes::from(gzip(plain)?);
        let brotli = Bytes::from(brotli(plain)?);
        let zstd = Bytes::from(zstd(plain)?);
        let mut add = |coding: &str, who: &str, work: Box<dyn Fn() -> Outcome<usize>>| {
            let name = format!("content/{coding}, {label}/{who}");
            cases.push(Case::new(name, (size * bodies) >> 20, move || {
                for _ in 0..bodies {
                    assert!(
                        work().is_ok_and(|length| length == size),
                        "not what was coded"
                    );
                }
            }));
        };
        for (coding, body) in [
            (Coding::Gzip, &gzip),
            (Coding::Brotli, &brotli),
            (Coding::Zstd, &zstd),
        ] {
            let (name, cache, body) = (coding.name(), StateCache::default(), body.clone());
            add(
                name,
                "nuncio-content",
                Box::new(move || decode(coding, &cache, &body)),
            );
        }
        let same = gzip.clone();
        add(
            "gzip",
            "flate2, pieces kept",
            Box::new(move || {
                let pieces = BufReader::with_capacity(PIECE, black_box(&same[..]));
                keep(flate2::bufread::MultiGzDecoder::new(pieces))
            }),
        );
        let same = brotli.clone();
        add(
            "br",
            "brotli-decompressor, pieces kept",
            Box::new(move || {
                let body = black_box(&same[..]);
                keep(brotli_decompressor::Decompressor::new(body, PIECE))
            }),
        );
        add(
            "gzip",
            "flate2",
            Box::new(move || drain(flate2::bufread::MultiGzDecoder::new(black_box(&gzip[..])))),
        );
        add(
            "br",
            "brotli-decompressor",
            Box::new(move || {
                drain(brotli_decompressor::Decompressor::new(
                    black_box(&brotli[..]),
                    PIECE,
                ))
            }),
        );
        add(
            "zstd",
            "zstd-safe",
            Box::new(move || drain_zstd(black_box(&zstd))),
        );
    }
    cases.sort_by_key(|case| case.name.split('/').nth(1).map(str::to_owned));
    Ok(cases)
}

fn decode(coding: Coding, cache: &StateCache, body: &Bytes) -> Outcome<usize> {
    let mut decoder = Decoder::with_cache(&coding.into(), Budget::default(), cache);
    let mut length = 0;
    for start in (0..body.len()).step_by(PIECE) {
        let mut piece = body.slice(start..body.len().min(start + PIECE));
        while let Some(chunk) = decoder.decode(&mut piece)? {
            length += black_box(chunk).len();
        }
    }
    while let Some(chunk) = decoder.finish()? {
        length += black_box(chunk).len();
    }
    Ok(length)
}

fn drain(mut from: impl Read) -> Outcome<usize> {
    let mut buffer = vec![0; BUFFER];
    let mut length = 0;
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok(length),
            count => length += count,
        }
        black_box(&buffer);
    }
}

/// Pieces as nuncio-content gives them: each is a block of its own, for its receiver to keep.
fn keep(mut from: impl Read) -> Outcome<usize> {
    let mut length = 0;
    loop {
        let mut piece = vec![0; KEPT];
        let mut filled = 0;
        while filled < KEPT {
            match from.read(&mut piece[filled..])? {
                0 => break,
                count => filled += count,
            }
        }
        if filled == 0 {
            return Ok(length);
        }
        piece.truncate(filled);
        length += black_box(Bytes::from(piece)).len();
    }
}

fn drain_zstd(body: &[u8]) -> Outcome<usize> {
    let mut state = zstd_safe::DCtx::try_create().ok_or("no memory")?;
    let mut buffer = Vec::with_capacity(BUFFER);
    let mut source = zstd_safe::InBuffer::around(body);
    let mut length = 0;
    loop {
        buffer.clear();
        let mut target = zstd_safe::OutBuffer::around(&mut buffer);
        let hint = state
            .decompress_stream(&mut target, &mut source)
            .map_err(zstd_safe::get_error_name)?;
        length += target.pos();
        if hint == 0 {
            return Ok(length);
        }
        black_box(&buffer);
    }
}

/// Lines of JSON with URLs in them, which come to a fifth or less.
fn text(size: usize) -> Vec<u8> {
    let mut text = Vec::with_capacity(size + 512);
    let mut random = 1_u64;
    let mut lines = CORPUS.lines().cycle();
    while text.len() < size {
        random = random
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        let (id, score) = (random >> 33, (random >> 20) % 10_000);
        let url = lines.next().unwrap_or_default();
        let line = format!(
            "{{\"id\": {id}, \"url\": \"{url}\", \"score\": 0.{score:04}, \"seen\": true}}\n"
        );
        text.extend_from_slice(line.as_bytes());
    }
    text.truncate(size);
    text
}

fn gzip(plain: &[u8]) -> Outcome<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(plain)?;
    Ok(encoder.finish()?)
}

fn brotli(plain: &[u8]) -> Outcome<Vec<u8>> {
    let mut coded = Vec::new();
    brotli::CompressorWriter::new(&mut coded, BUFFER, 5, 22).write_all(plain)?;
    Ok(coded)
}

fn zstd(plain: &[u8]) -> Outcome<Vec<u8>> {
    let mut coded = Vec::with_capacity(zstd_safe::compress_bound(plain.len()));
    zstd_safe::compress(&mut coded, plain, 3).map_err(zstd_safe::get_error_name)?;
    Ok(coded)
}
