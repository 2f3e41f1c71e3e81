//! One decoder per coding, each a machine that appends to a buffer of bounded room.

#[cfg(feature = "brotli")]
mod brotli;
#[cfg(feature = "gzip")]
mod deflate;
#[cfg(feature = "gzip")]
mod gzip;
#[cfg(feature = "gzip")]
mod gzip_header;
#[cfg(feature = "gzip")]
mod inflate;
#[cfg(feature = "zstd")]
mod zstd;

#[cfg(feature = "zstd")]
pub(crate) use zstd::WINDOW_LOG as ZSTD_WINDOW_LOG;

use crate::cache::StateCache;
#[cfg(any(feature = "gzip", feature = "brotli", feature = "zstd"))]
use crate::chain::MAX_CHUNK;
use crate::coding::Coding;
use crate::error::DecodeErrorKind;

/// One coding being undone.
pub(crate) enum Codec {
    #[cfg(feature = "gzip")]
    Gzip(gzip::Gzip),
    #[cfg(feature = "gzip")]
    Deflate(deflate::Deflate),
    #[cfg(feature = "brotli")]
    Brotli(brotli::Brotli),
    #[cfg(feature = "zstd")]
    Zstd(zstd::Zstd),
}

// Matched as places: without any coding there is nothing to match, which a reference does not show.
#[cfg_attr(
    not(any(feature = "gzip", feature = "zstd")),
    allow(unused_variables, clippy::ptr_arg)
)]
impl Codec {
    pub(crate) fn new(coding: Coding, cache: Option<&StateCache>) -> Self {
        match coding {
            #[cfg(feature = "gzip")]
            Coding::Gzip => Self::Gzip(gzip::Gzip::new(StateCache::inflate(cache, false))),
            #[cfg(feature = "gzip")]
            Coding::Deflate => {
                Self::Deflate(deflate::Deflate::new(StateCache::inflate(cache, true)))
            }
            #[cfg(feature = "brotli")]
            Coding::Brotli => Self::Brotli(brotli::Brotli::new()),
            #[cfg(feature = "zstd")]
            Coding::Zstd => Self::Zstd(zstd::Zstd::new(StateCache::zstd(cache))),
        }
    }

    /// Takes from the front of `input` and appends to `out`, until `out` has no room left or all of
    /// `input` is taken and nothing more can come of it. Never lets `out` grow past its capacity.
    pub(crate) fn step(
        &mut self,
        input: &mut &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), DecodeErrorKind> {
        match *self {
            #[cfg(feature = "gzip")]
            Self::Gzip(ref mut gzip) => gzip.step(input, out),
            #[cfg(feature = "gzip")]
            Self::Deflate(ref mut deflate) => deflate.step(input, out),
            #[cfg(feature = "brotli")]
            Self::Brotli(ref mut brotli) => brotli.step(input, out),
            #[cfg(feature = "zstd")]
            Self::Zstd(ref mut zstd) => zstd.step(input, out),
        }
    }

    /// The most room that one step is given. Long steps are cheaper: at the end of each, inflating
    /// copies the last 32 KiB to its window.
    pub(crate) fn most_room(&self) -> usize {
        match *self {
            #[cfg(feature = "gzip")]
            Self::Gzip(_) | Self::Deflate(_) => 2 * MAX_CHUNK,
            #[cfg(feature = "brotli")]
            Self::Brotli(_) => 2 * MAX_CHUNK,
            // The library's own buffers leave no more of the 512 KiB beside its window.
            #[cfg(feature = "zstd")]
            Self::Zstd(_) => MAX_CHUNK,
        }
    }

    /// Whether the input may end here.
    pub(crate) fn is_complete(&self) -> bool {
        match *self {
            #[cfg(feature = "gzip")]
            Self::Gzip(ref gzip) => gzip.is_complete(),
            #[cfg(feature = "gzip")]
            Self::Deflate(ref deflate) => deflate.is_complete(),
            #[cfg(feature = "brotli")]
            Self::Brotli(ref brotli) => brotli.is_complete(),
            #[cfg(feature = "zstd")]
            Self::Zstd(ref zstd) => zstd.is_complete(),
        }
    }

    /// Gives its state back for the next body.
    pub(crate) fn recycle(self, cache: &StateCache) {
        match self {
            #[cfg(feature = "gzip")]
            Self::Gzip(gzip) => cache.keep_inflate(gzip.into_state()),
            #[cfg(feature = "gzip")]
            Self::Deflate(deflate) => cache.keep_inflate(deflate.into_state()),
            #[cfg(feature = "brotli")]
            Self::Brotli(_) => {}
            #[cfg(feature = "zstd")]
            Self::Zstd(zstd) => cache.keep_zstd(zstd.into_state()),
        }
    }
}

/// Moves bytes from the front of `input` to `buffer[*have..need]`; true once they are all there.
#[cfg(any(feature = "gzip", feature = "zstd"))]
fn collect(buffer: &mut [u8], have: &mut usize, need: usize, input: &mut &[u8]) -> bool {
    let room = buffer.get_mut(*have..need).unwrap_or_default();
    let count = room.len().min(input.len());
    let (now, rest) = input.split_at(count);
    room[..count].copy_from_slice(now);
    *input = rest;
    *have += count;
    *have >= need
}
