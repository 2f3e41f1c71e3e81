use std::fmt;
#[cfg(any(feature = "gzip", feature = "brotli"))]
use std::io::Write;
use std::mem;

use bytes::Bytes;

use crate::coding::Coding;

/// Codes a request body piece by piece, at the level that each library takes for its own default
/// (brotli: 5, since its 11 is for files that are made once).
///
/// ```
/// # #[cfg(feature = "gzip")] {
/// use nuncio_content::{Coding, Encoder};
///
/// let mut encoder = Encoder::new(Coding::Gzip)?;
/// let mut body = encoder.encode(b"hello")?.to_vec();
/// body.extend_from_slice(&encoder.finish()?);
/// assert!(body.starts_with(b"\x1f\x8b"));
/// # }
/// # Ok::<(), nuncio_content::EncodeError>(())
/// ```
pub struct Encoder {
    coding: Coding,
    machine: Machine,
}

enum Machine {
    #[cfg(feature = "gzip")]
    Gzip(flate2::write::GzEncoder<Vec<u8>>),
    #[cfg(feature = "gzip")]
    Zlib(flate2::write::ZlibEncoder<Vec<u8>>),
    #[cfg(feature = "brotli")]
    Brotli(Box<brotli::CompressorWriter<Vec<u8>>>),
    #[cfg(feature = "zstd")]
    Zstd(zstd_safe::CCtx<'static>, Vec<u8>),
}

/// Of 0 to 11. From 5 on it beats gzip's 9 in size at about gzip's 6 in time.
#[cfg(feature = "brotli")]
const BROTLI_QUALITY: u32 = 5;
#[cfg(feature = "brotli")]
const BROTLI_WINDOW_LOG: u32 = 22;

/// How much one call of the zstd library may write.
#[cfg(feature = "zstd")]
const ZSTD_ROOM: usize = 32 << 10;

impl Encoder {
    /// An encoder for one body.
    ///
    /// # Errors
    ///
    /// There is no memory for it.
    pub fn new(coding: Coding) -> Result<Self, EncodeError> {
        let machine = match coding {
            #[cfg(feature = "gzip")]
            Coding::Gzip => Machine::Gzip(flate2::write::GzEncoder::new(
                Vec::new(),
                flate2::Compression::default(),
            )),
            #[cfg(feature = "gzip")]
            Coding::Deflate => Machine::Zlib(flate2::write::ZlibEncoder::new(
                Vec::new(),
                flate2::Compression::default(),
            )),
            #[cfg(feature = "brotli")]
            Coding::Brotli => Machine::Brotli(Box::new(brotli::CompressorWriter::new(
                Vec::new(),
                4096,
                BROTLI_QUALITY,
                BROTLI_WINDOW_LOG,
            ))),
            #[cfg(feature = "zstd")]
            Coding::Zstd => Machine::Zstd(
                zstd_safe::CCtx::try_create().ok_or(EncodeError {
                    coding,
                    what: "no memory for the encoder",
                })?,
                Vec::new(),
            ),
        };
        Ok(Self { coding, machine })
    }

    /// Takes all of `input` and gives what is ready of the coded body, which may be nothing: br holds
    /// some megabytes that may yet share their codes.
    ///
    /// # Errors
    ///
    /// The library failed, for want of memory.
    pub fn encode(&mut self, input: &[u8]) -> Result<Bytes, EncodeError> {
        let out = match &mut self.machine {
            #[cfg(feature = "gzip")]
            Machine::Gzip(gzip) => {
                gzip.write_all(input)
                    .map_err(EncodeError::library(self.coding))?;
                gzip.get_mut()
            }
            #[cfg(feature = "gzip")]
            Machine::Zlib(zlib) => {
                zlib.write_all(input)
                    .map_err(EncodeError::library(self.coding))?;
                zlib.get_mut()
            }
            #[cfg(feature = "brotli")]
            Machine::Brotli(brotli) => {
                brotli
                    .write_all(input)
                    .map_err(EncodeError::library(self.coding))?;
                brotli.get_mut()
            }
            #[cfg(feature = "zstd")]
            Machine::Zstd(state, out) => {
                let mut input = zstd_safe::InBuffer::around(input);
                while input.pos() < input.src.len() {
                    zstd_step(state, &mut input, out, ZSTD_CONTINUE)?;
                }
                out
            }
        };
        Ok(Bytes::from(mem::take(out)))
    }

    /// The body has ended: gives the rest.
    ///
    /// # Errors
    ///
    /// The library failed, for want of memory.
    pub fn finish(self) -> Result<Bytes, EncodeError> {
        let out = match self.machine {
            #[cfg(feature = "gzip")]
            Machine::Gzip(gzip) => gzip.finish().map_err(EncodeError::library(self.coding))?,
            #[cfg(feature = "gzip")]
            Machine::Zlib(zlib) => zlib.finish().map_err(EncodeError::library(self.coding))?,
            #[cfg(feature = "brotli")]
            Machine::Brotli(brotli) => brotli.into_inner(),
            #[cfg(feature = "zstd")]
            Machine::Zstd(mut state, mut out) => {
                let mut input = zstd_safe::InBuffer::around(&[]);
                while zstd_step(&mut state, &mut input, &mut out, ZSTD_END)? > 0 {}
                out
            }
        };
        Ok(Bytes::from(out))
    }
}

#[cfg(feature = "zstd")]
const ZSTD_CONTINUE: zstd_safe::zstd_sys::ZSTD_EndDirective =
    zstd_safe::zstd_sys::ZSTD_EndDirective::ZSTD_e_continue;
#[cfg(feature = "zstd")]
const ZSTD_END: zstd_safe::zstd_sys::ZSTD_EndDirective =
    zstd_safe::zstd_sys::ZSTD_EndDirective::ZSTD_e_end;

/// Runs the library once; says how much it has still to write.
#[cfg(feature = "zstd")]
fn zstd_step(
    state: &mut zstd_safe::CCtx<'static>,
    input: &mut zstd_safe::InBuffer<'_>,
    out: &mut Vec<u8>,
    directive: zstd_safe::zstd_sys::ZSTD_EndDirective,
) -> Result<usize, EncodeError> {
    out.reserve(ZSTD_ROOM);
    let written = out.len();
    let mut target = zstd_safe::OutBuffer::around_pos(out, written);
    state
        .compress_stream2(&mut target, input, directive)
        .map_err(|code| EncodeError {
            coding: Coding::Zstd,
            what: zstd_safe::get_error_name(code),
        })
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Encoder").field(&self.coding).finish()
    }
}

/// A request body could not be coded.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EncodeError {
    /// The coding.
    pub coding: Coding,
    /// What the library says.
    pub what: &'static str,
}

#[cfg(any(feature = "gzip", feature = "brotli"))]
impl EncodeError {
    fn library(coding: Coding) -> impl Fn(std::io::Error) -> Self {
        move |_| Self {
            coding,
            what: "the encoder failed",
        }
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "coding a body as {}: {}", self.coding, self.what)
    }
}

impl std::error::Error for EncodeError {}
