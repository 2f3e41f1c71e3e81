//! How fast bodies are decoded, beside calls of the libraries themselves, in one run:
//!
//! ```sh
//! cargo run --release -p nuncio-content --all-features --example throughput
//! ```
//!
//! Both sides get the body in pieces of 16 KiB and give pieces of 32 KiB that the caller may keep; the
//! libraries are called with states and output buffers of the best kind that they offer. Each figure is the
//! best of many runs, which take turns.

use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::Bytes;
use nuncio_content::{Budget, Coding, Decoder, Encoder, MAX_CHUNK, StateCache};

/// As much as one read of a socket gives.
const PIECE: usize = 16 << 10;

fn main() {
    println!(
        "{:<9} {:>8} {:>10} {:>10} {:>7}",
        "coding", "bytes", "library", "nuncio", "ratio"
    );
    for length in [1 << 10, 64 << 10, 4 << 20] {
        let content = text(length);
        for &coding in Coding::ALL {
            let body = coded(coding, &content);
            let library = library(coding);
            let cache = StateCache::default();
            let nuncio = move |body: &Bytes| nuncio(coding, &cache, body);
            assert_eq!(library(&body), length, "{coding}");
            assert_eq!(nuncio(&body), length, "{coding}");
            let (theirs, ours) = race(&*library, &nuncio, &body);
            println!(
                "{:<9} {length:>8} {:>5.0} MB/s {:>5.0} MB/s {:>6.1}%",
                coding.name(),
                rate(length, theirs),
                rate(length, ours),
                100.0 * theirs.as_secs_f64() / ours.as_secs_f64()
            );
        }
    }
}

/// The best time of each, over about two seconds together.
fn race(
    one: &dyn Fn(&Bytes) -> usize,
    two: &dyn Fn(&Bytes) -> usize,
    body: &Bytes,
) -> (Duration, Duration) {
    let begin = Instant::now();
    let mut best = (Duration::MAX, Duration::MAX);
    while begin.elapsed() < Duration::from_secs(2) {
        for _ in 0..8 {
            best.0 = best.0.min(time(one, body));
            best.1 = best.1.min(time(two, body));
        }
    }
    best
}

fn time(decode: &dyn Fn(&Bytes) -> usize, body: &Bytes) -> Duration {
    let begin = Instant::now();
    black_box(decode(black_box(body)));
    begin.elapsed()
}

fn rate(length: usize, time: Duration) -> f64 {
    length as f64 / time.as_secs_f64() / 1e6
}

fn nuncio(coding: Coding, cache: &StateCache, body: &Bytes) -> usize {
    let mut decoder = Decoder::with_cache(&coding.into(), Budget::default(), cache);
    let mut total = 0;
    for start in (0..body.len()).step_by(PIECE) {
        let mut input = body.slice(start..body.len().min(start + PIECE));
        while let Some(chunk) = decoder.decode(&mut input).unwrap() {
            total += black_box(chunk).len();
        }
    }
    while let Some(chunk) = decoder.finish().unwrap() {
        total += black_box(chunk).len();
    }
    total
}

type Decode = Box<dyn Fn(&Bytes) -> usize>;

/// The libraries with as little around them as can be, their states kept from body to body.
fn library(coding: Coding) -> Decode {
    match coding.name() {
        "gzip" => {
            Box::new(|body| inflate(&body[10..body.len() - 8], &mut flate2::Crc::new(), false))
        }
        "deflate" => Box::new(|body| inflate(body, &mut None, true)),
        "br" => Box::new(brotli),
        "zstd" => Box::new(zstd),
        other => panic!("no library for {other}"),
    }
}

/// What looks at the decoded bytes.
trait Check {
    fn update(&mut self, bytes: &[u8]);
}

impl Check for flate2::Crc {
    fn update(&mut self, bytes: &[u8]) {
        flate2::Crc::update(self, bytes);
        black_box(self.sum());
    }
}

impl Check for Option<()> {
    fn update(&mut self, _: &[u8]) {}
}

thread_local! {
    static INFLATE: std::cell::RefCell<flate2::Decompress> =
        std::cell::RefCell::new(flate2::Decompress::new(false));
    static ZSTD: std::cell::RefCell<zstd_safe::DCtx<'static>> =
        std::cell::RefCell::new(zstd_safe::DCtx::create());
}

fn inflate(body: &[u8], check: &mut dyn Check, zlib_header: bool) -> usize {
    INFLATE.with_borrow_mut(|state| {
        state.reset(zlib_header);
        let mut total = 0;
        for mut input in body.chunks(PIECE) {
            loop {
                let mut out = Vec::with_capacity(MAX_CHUNK.min(input.len() * 8 + 1024));
                let before = state.total_in();
                state
                    .decompress_vec(input, &mut out, flate2::FlushDecompress::None)
                    .unwrap();
                input = &input[(state.total_in() - before) as usize..];
                check.update(&out);
                total += out.len();
                let full = out.len() == out.capacity();
                black_box(out);
                if !full {
                    break;
                }
            }
        }
        total
    })
}

fn brotli(body: &Bytes) -> usize {
    use brotli_decompressor::{BrotliDecompressStream, BrotliState, StandardAlloc};

    let alloc = StandardAlloc::default;
    let mut state = Box::new(BrotliState::new_strict(alloc(), alloc(), alloc()));
    let mut total = 0;
    for input in body.chunks(PIECE) {
        let (mut left, mut used) = (input.len(), 0);
        loop {
            let mut out = vec![0; MAX_CHUNK.min(left * 8 + 1024)];
            let (mut room, mut written) = (out.len(), 0);
            BrotliDecompressStream(
                &mut left,
                &mut used,
                input,
                &mut room,
                &mut written,
                &mut out,
                &mut 0,
                &mut state,
            );
            out.truncate(written);
            total += out.len();
            black_box(out);
            if room > 0 {
                break;
            }
        }
    }
    total
}

fn zstd(body: &Bytes) -> usize {
    use zstd_safe::{InBuffer, OutBuffer, ResetDirective};

    ZSTD.with_borrow_mut(|state| {
        state.reset(ResetDirective::SessionOnly).unwrap();
        let mut total = 0;
        for piece in body.chunks(PIECE) {
            let mut input = InBuffer::around(piece);
            loop {
                let room = MAX_CHUNK.min((piece.len() - input.pos()) * 8 + 1024);
                let mut out = Vec::with_capacity(room);
                let mut output = OutBuffer::around(&mut out);
                state.decompress_stream(&mut output, &mut input).unwrap();
                total += out.len();
                let full = out.len() == out.capacity();
                black_box(out);
                if !full && input.pos() == piece.len() {
                    break;
                }
            }
        }
        total
    })
}

fn coded(coding: Coding, content: &[u8]) -> Bytes {
    let mut encoder = Encoder::new(coding).unwrap();
    let mut body = encoder.encode(content).unwrap().to_vec();
    body.extend_from_slice(&encoder.finish().unwrap());
    Bytes::from(body)
}

/// Something like JSON, of which gzip leaves about a quarter.
fn text(length: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut text = Vec::with_capacity(length + 64);
    while text.len() < length {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let word =
            ["name", "value", "list", "created_at", "content", "id"][(state >> 60) as usize % 6];
        let line = format!(
            "{{\"{word}\": {}, \"flag\": {}}},\n",
            state >> 44,
            state >> 63 == 1
        );
        text.extend_from_slice(line.as_bytes());
    }
    text.truncate(length);
    text
}
