//! [`Chunked`]: the chunked coding (RFC 9112 section 7.1), byte by byte.
//!
//! `httparse::parse_chunk_size` is not used: it takes an empty size for 0, which ends the body,
//! lets LF and NUL into extensions and knows no limit for them.

use std::ops::Range;

use nuncio_headers::Headers;

use crate::config::Config;
use crate::error::RemoteError;
use crate::head::{is_field, range};
use crate::reuse::Leniency;
use crate::search::EndSearch;
use crate::snippet::Snippet;

/// What a piece of input held.
#[derive(Debug)]
pub(crate) enum ChunkStep {
    NeedMore {
        used: usize,
    },
    Data {
        range: Range<usize>,
    },
    End {
        used: usize,
        trailers: Option<Headers>,
    },
}

#[derive(Debug, Clone)]
pub(crate) struct Chunked {
    state: State,
    line: LineStart,
    /// Bytes of the current size line so far.
    line_len: usize,
    /// Bytes of extensions in this message so far.
    extensions: usize,
    trailers: EndSearch,
    /// Content received.
    pub(crate) received: u64,
    pub(crate) leniency: Option<Leniency>,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// The first digit of a size is due.
    Start,
    Size {
        size: u64,
        digits: u8,
    },
    /// Spaces after the size: allowed before an extension, before the line's end a leniency.
    Padding {
        size: u64,
    },
    Extension {
        size: u64,
    },
    LineEnd {
        size: u64,
    },
    Data {
        left: u64,
    },
    DataCr,
    DataLf,
    Trailers,
}

impl Chunked {
    pub(crate) fn new() -> Self {
        Self {
            state: State::Start,
            line: LineStart::default(),
            line_len: 0,
            extensions: 0,
            trailers: EndSearch::default(),
            received: 0,
            leniency: None,
        }
    }

    pub(crate) fn step(&mut self, input: &[u8], config: &Config) -> Result<ChunkStep, RemoteError> {
        let mut used = 0;
        loop {
            let rest = input.get(used..).unwrap_or_default();
            match self.state {
                State::Trailers => return self.trailers(rest, used, config),
                State::Data { left } if !rest.is_empty() => {
                    let taken = usize::try_from(left).map_or(rest.len(), |n| n.min(rest.len()));
                    self.received = self.received.saturating_add(taken as u64);
                    self.state = match left - taken as u64 {
                        0 => State::DataCr,
                        left => State::Data { left },
                    };
                    let range = used..used + taken;
                    return Ok(ChunkStep::Data { range });
                }
                _ => {}
            }
            let Some(&byte) = rest.first() else {
                return Ok(ChunkStep::NeedMore { used });
            };
            used += 1;
            self.state = self.framing_byte(byte, config)?;
        }
    }

    /// One byte of anything but data and trailers.
    fn framing_byte(&mut self, byte: u8, config: &Config) -> Result<State, RemoteError> {
        match self.state {
            State::DataCr if byte == b'\r' => return Ok(State::DataLf),
            State::DataLf if byte == b'\n' => return Ok(State::Start),
            State::DataCr => return Err(RemoteError::BadChunkEnd(Snippet::new(&[byte]))),
            State::DataLf => return Err(RemoteError::BadChunkEnd(Snippet::new(&[b'\r', byte]))),
            _ => {}
        }
        if let State::Start = self.state {
            self.line = LineStart::default();
            self.line_len = 0;
        }
        self.line.push(byte);
        if !matches!(byte, b'\r' | b'\n') {
            self.line_len += 1;
            if self.line_len > config.chunk_line {
                return Err(RemoteError::ChunkLineTooLong {
                    limit: config.chunk_line,
                });
            }
        }
        let state = match (self.state, byte) {
            (State::Start, _) => match hex(byte) {
                Some(digit) => State::Size {
                    size: digit,
                    digits: 1,
                },
                None => return Err(self.bad_line()),
            },
            (State::Size { size, digits }, _) if hex(byte).is_some() => {
                let digit = hex(byte).unwrap_or_default();
                // 16 digits fill a u64; sizes from 2^63 on are nobody's.
                match size.checked_mul(16).map(|size| size + digit) {
                    Some(size) if digits < 16 && size <= i64::MAX as u64 => State::Size {
                        size,
                        digits: digits + 1,
                    },
                    _ => return Err(self.bad_line()),
                }
            }
            (
                State::Size { size, .. } | State::Padding { size } | State::Extension { size },
                b'\r',
            ) => {
                if let State::Padding { .. } = self.state {
                    if !config.lenient {
                        return Err(self.bad_line());
                    }
                    self.leniency = Some(Leniency::PaddedChunkSize);
                }
                State::LineEnd { size }
            }
            (State::Size { size, .. } | State::Padding { size }, b' ' | b'\t') => {
                self.count_extension(config)?;
                State::Padding { size }
            }
            (State::Size { size, .. } | State::Padding { size }, b';') => {
                self.count_extension(config)?;
                State::Extension { size }
            }
            (State::Extension { size }, b'\t' | b' '..=b'~' | 0x80..) => {
                self.count_extension(config)?;
                State::Extension { size }
            }
            (State::LineEnd { size: 0 }, b'\n') => State::Trailers,
            (State::LineEnd { size }, b'\n') => State::Data { left: size },
            _ => return Err(self.bad_line()),
        };
        Ok(state)
    }

    fn count_extension(&mut self, config: &Config) -> Result<(), RemoteError> {
        self.extensions += 1;
        if self.extensions > config.chunk_extensions {
            return Err(RemoteError::ChunkExtensionsTooLarge {
                limit: config.chunk_extensions,
            });
        }
        Ok(())
    }

    fn bad_line(&self) -> RemoteError {
        RemoteError::BadChunkLine(self.line.snippet())
    }

    fn trailers(
        &mut self,
        input: &[u8],
        before: usize,
        config: &Config,
    ) -> Result<ChunkStep, RemoteError> {
        let limit = config.trailer_bytes;
        let view = input.get(..limit.saturating_add(1)).unwrap_or(input);
        let end = self.trailers.advance(view);
        if end.unwrap_or(view.len()) > limit {
            return Err(RemoteError::TrailersTooLarge { limit });
        }
        let Some(end) = end else {
            return Ok(ChunkStep::NeedMore { used: before });
        };
        let section = view.get(..end).unwrap_or_default();
        if self.trailers.bare_lf(section).is_some() {
            return Err(bad_trailer(section));
        }
        let trailers = match self.trailers.is_empty(end) {
            true => None,
            false => parse_trailers(section, config)?,
        };
        Ok(ChunkStep::End {
            used: before + end,
            trailers,
        })
    }
}

/// Fields that a trailer section must not change after the fact (RFC 9110 section 6.5.1): they
/// frame or route the message, authenticate, set state or describe the content.
pub(crate) const NOT_IN_TRAILERS: [&str; 19] = [
    "content-length",
    "transfer-encoding",
    "trailer",
    "connection",
    "te",
    "upgrade",
    "host",
    "authorization",
    "authentication-info",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-authorization",
    "www-authenticate",
    "cookie",
    "set-cookie",
    "content-encoding",
    "content-range",
    "content-type",
    "location",
];

fn parse_trailers(section: &[u8], config: &Config) -> Result<Option<Headers>, RemoteError> {
    // The last line is the empty one.
    let lines = memchr::memchr_iter(b'\n', section)
        .count()
        .saturating_sub(1);
    if lines > config.trailer_fields {
        return Err(RemoteError::TooManyTrailers {
            limit: config.trailer_fields,
        });
    }
    let mut slots = vec![httparse::EMPTY_HEADER; lines];
    let fields = match httparse::parse_headers(section, &mut slots) {
        Ok(httparse::Status::Complete((end, fields))) if end == section.len() => fields,
        _ => return Err(bad_trailer(section)),
    };
    let ranges = fields.iter().map(|field| {
        (
            range(section, field.name.as_bytes()),
            range(section, field.value),
        )
    });
    let mut trailers = Headers::from_received(section, ranges).map_err(|_| bad_trailer(section))?;
    for name in NOT_IN_TRAILERS {
        trailers.remove(name);
    }
    Ok((!trailers.is_empty()).then_some(trailers))
}

/// Shows the line that is wrong: one that ends with LF alone, or that is no field.
fn bad_trailer(section: &[u8]) -> RemoteError {
    let mut lines = section.split_inclusive(|byte| *byte == b'\n');
    let line = lines.find(|line| !line.ends_with(b"\r\n") || !is_field(line));
    RemoteError::BadTrailer(Snippet::field(line.unwrap_or(section)))
}

fn hex(byte: u8) -> Option<u64> {
    char::from(byte).to_digit(16).map(u64::from)
}

/// The beginning of a size line: it may have come in pieces that are gone when it turns out bad.
#[derive(Debug, Clone, Copy, Default)]
struct LineStart {
    bytes: [u8; 32],
    len: u8,
}

impl LineStart {
    fn push(&mut self, byte: u8) {
        if let Some(slot) = self.bytes.get_mut(usize::from(self.len)) {
            *slot = byte;
            self.len += 1;
        }
    }

    fn snippet(&self) -> Snippet {
        Snippet::new(self.bytes.get(..usize::from(self.len)).unwrap_or_default())
    }
}
