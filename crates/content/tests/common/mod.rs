//! What the tests of several files need: coded samples, and a body decoded from any pieces.
#![allow(dead_code)]

use std::io::Write;

use bytes::Bytes;
use nuncio_content::{Budget, Coding, Codings, DecodeError, Decoder};

/// What came out before the end, and the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) decoded: Vec<u8>,
    pub(crate) error: Option<DecodeError>,
}

impl Outcome {
    pub(crate) fn kind(&self) -> Option<&nuncio_content::DecodeErrorKind> {
        self.error.as_ref().map(|error| &error.kind)
    }
}

pub(crate) fn decode(decoder: Decoder, pieces: &[&[u8]]) -> Outcome {
    let mut decoder = decoder;
    let mut decoded = Vec::new();
    let mut run = || {
        for piece in pieces {
            let mut input = Bytes::copy_from_slice(piece);
            while let Some(chunk) = decoder.decode(&mut input)? {
                assert!(!chunk.is_empty(), "an empty piece came out");
                decoded.extend_from_slice(&chunk);
            }
            assert!(input.is_empty(), "input is left over");
        }
        while let Some(chunk) = decoder.finish()? {
            assert!(!chunk.is_empty(), "an empty piece came out");
            decoded.extend_from_slice(&chunk);
        }
        Ok(())
    };
    let error = run().err();
    if let Some(error) = &error {
        assert_eq!(decoder.finish().as_ref(), Err(error), "the error stays");
    }
    Outcome { decoded, error }
}

pub(crate) fn whole(codings: impl Into<Codings>, body: &[u8]) -> Outcome {
    decode(Decoder::new(&codings.into(), Budget::default()), &[body])
}

/// Decodes whole, byte by byte and, if it is short, at every two-way split; all must agree.
pub(crate) fn every_way(codings: impl Into<Codings>, body: &[u8]) -> Outcome {
    let codings = codings.into();
    let new = || Decoder::new(&codings, Budget::default());
    let whole = decode(new(), &[body]);
    let agree = |other: Outcome, how: &str| match (&whole.error, &other.error) {
        (None, None) => assert!(whole.decoded == other.decoded, "{how}"),
        (Some(one), Some(two)) => assert_eq!(one.kind, two.kind, "{how}"),
        (one, two) => panic!("{how}: {one:?} and {two:?}"),
    };
    let bytes: Vec<&[u8]> = body.chunks(1).collect();
    agree(decode(new(), &bytes), "byte by byte");
    if body.len() <= 512 && whole.decoded.len() <= 10_000 {
        for at in 1..body.len() {
            let (one, two) = body.split_at(at);
            agree(decode(new(), &[one, two]), &format!("split at {at}"));
        }
    }
    whole
}

/// Text of `length` bytes that is compressible, but not by much.
pub(crate) fn text(length: usize) -> Vec<u8> {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut text = Vec::with_capacity(length + 8);
    while text.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let words = [
            &b"header "[..],
            b"body ",
            b"nuncio ",
            b"0123 ",
            b"{\"a\":",
            b"\n",
        ];
        text.extend_from_slice(words[(state % 6) as usize]);
        text.push(b'a' + (state >> 40) as u8 % 26);
    }
    text.truncate(length);
    text
}

pub(crate) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    out.write_all(content).unwrap();
    out.finish().unwrap()
}

pub(crate) fn zlib(content: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    out.write_all(content).unwrap();
    out.finish().unwrap()
}

pub(crate) fn raw_deflate(content: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    out.write_all(content).unwrap();
    out.finish().unwrap()
}

pub(crate) fn brotli(content: &[u8]) -> Vec<u8> {
    let mut out = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 22);
    out.write_all(content).unwrap();
    out.into_inner()
}

/// With a checksum at the end.
pub(crate) fn zstd(content: &[u8]) -> Vec<u8> {
    let mut state = zstd_safe::CCtx::create();
    state
        .set_parameter(zstd_safe::CParameter::ChecksumFlag(true))
        .unwrap();
    let mut out = Vec::with_capacity(zstd_safe::compress_bound(content.len()));
    state.compress2(&mut out, content).unwrap();
    out
}

pub(crate) fn encode(coding: Coding, content: &[u8]) -> Vec<u8> {
    match coding.name() {
        "gzip" => gzip(content),
        "deflate" => zlib(content),
        "br" => brotli(content),
        "zstd" => zstd(content),
        other => panic!("no encoder for {other}"),
    }
}

pub(crate) fn codings(value: &str) -> Codings {
    Codings::parse([value.as_bytes()], nuncio_content::DEFAULT_CODINGS).unwrap()
}
