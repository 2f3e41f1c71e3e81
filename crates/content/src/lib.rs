//! Content codings (RFC 9110 section 8.4) and text for HTTP bodies, without I/O.
//!
//! [`Decoder`] undoes gzip, deflate, br and zstd and chains of them: coded bytes are pushed in and
//! decoded ones pulled out, within a [`Budget`] and in bounded memory whatever is sent. What is
//! truncated, corrupt or followed by junk is an error.
//!
//! ```
//! # #[cfg(feature = "gzip")] {
//! use bytes::Bytes;
//! use nuncio_content::{Budget, Charset, Codings, DEFAULT_CODINGS, Decoder, Fallback};
//! use nuncio_content::{LineSplitter, StateCache, TextDecoder};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // One cache per client: a new inflate state costs 80 kB.
//! let cache = StateCache::default();
//!
//! // From the fields of an answer …
//! let codings = Codings::parse([&b"identity, gzip"[..]], DEFAULT_CODINGS)?;
//! let charset = Charset::choose(Some("utf-8"), &Fallback::Utf8, b"");
//!
//! // … its body goes through decoder, charset and lines.
//! let mut decoder = Decoder::with_cache(&codings, Budget::default(), &cache);
//! let mut text_decoder = TextDecoder::new(charset);
//! let mut splitter = LineSplitter::new();
//! let mut lines = Vec::new();
//! let mut text = String::new();
//!
//! let received = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcb\xcf\
//!     \x4b\xe5\x2a\x29\xcf\x07\x00\x75\xc6\x88\x02\x07\x00\x00\x00";
//! let mut received = Bytes::from_static(received);
//! while let Some(chunk) = decoder.decode(&mut received)? {
//!     text_decoder.decode(&chunk, &mut text);
//! }
//! // The peer says that the body has ended.
//! while let Some(chunk) = decoder.finish()? {
//!     text_decoder.decode(&chunk, &mut text);
//! }
//! text_decoder.finish(&mut text);
//! splitter.push(&text);
//! while let Some(line) = splitter.next_line()? {
//!     lines.push(line.to_owned());
//! }
//! lines.extend(splitter.finish()?.map(str::to_owned));
//! assert_eq!(lines, ["one", "two"]);
//! # Ok(())
//! # }
//! # main().unwrap();
//! # }
//! ```
//!
//! # Features
//!
//! Each coding that is compiled in is decoded, and announced by [`accept_encoding`]: `gzip` (on by
//! default; gzip and deflate), `brotli`, `zstd`. `encode` adds encoders for request bodies. `charset`
//! knows the WHATWG's encodings, where there is UTF-8 alone otherwise; `detect` guesses among them.
//!
//! # Bounds
//!
//! | what | bound |
//! |---|---|
//! | codings of one body | [`DEFAULT_CODINGS`], at most [`MAX_CODINGS`] |
//! | decoded bytes | [`Budget`], for each coding of a chain |
//! | decoded ahead of the caller | twice [`MAX_CHUNK`] |
//! | window of gzip and deflate / br / zstd | 32 KiB / 16 MiB / 8 MiB |
//! | fields of a gzip header | [`MAX_GZIP_FIELDS`] |
//! | gzip members, zstd frames without content in a row | [`MAX_EMPTY_MEMBERS`] |
//! | skippable zstd frame | [`MAX_SKIPPABLE`] |
//! | line / event | [`DEFAULT_MAX_LINE`] / 16 MiB, by default |
//!
//! Left to others: which fields name codings and charset, framing, and when a body has ended.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod budget;
mod cache;
mod chain;
mod codec;
mod coding;
mod decoder;
#[cfg(all(
    feature = "encode",
    any(feature = "gzip", feature = "brotli", feature = "zstd")
))]
mod encoder;
mod error;
mod text;

pub use budget::{Budget, MAX_EMPTY_MEMBERS, MAX_GZIP_FIELDS, MAX_SKIPPABLE};
pub use cache::StateCache;
pub use chain::MAX_CHUNK;
pub use coding::{Coding, Codings, DEFAULT_CODINGS, MAX_CODINGS, accept_encoding};
pub use decoder::Decoder;
#[cfg(all(
    feature = "encode",
    any(feature = "gzip", feature = "brotli", feature = "zstd")
))]
pub use encoder::{EncodeError, Encoder};
pub use error::{DecodeError, DecodeErrorKind};
pub use text::*;
