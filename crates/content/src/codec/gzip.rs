use flate2::{Crc, Decompress};

use super::gzip_header::Header;
use super::{collect, inflate};
use crate::budget::MAX_EMPTY_MEMBERS;
use crate::error::DecodeErrorKind;

/// `gzip`: any number of members, one behind the other (RFC 1952 section 2.2).
///
/// Header and trailer are read here and the body by a raw inflate state, because zlib bounds no
/// header field and one state then serves `deflate` too.
pub(crate) struct Gzip {
    state: Decompress,
    phase: Phase,
    crc: Crc,
    /// Members since the last one with content.
    empty: u32,
    members: Members,
}

enum Phase {
    Header(Header),
    Body,
    Trailer { bytes: [u8; 8], have: usize },
}

/// What has gone before the current member.
enum Members {
    None,
    Some,
}

impl Gzip {
    /// With a state that expects raw deflate.
    pub(super) fn new(state: Decompress) -> Self {
        Self {
            state,
            phase: Phase::Header(Header::new()),
            crc: Crc::new(),
            empty: 0,
            members: Members::None,
        }
    }

    pub(super) fn step(
        &mut self,
        input: &mut &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), DecodeErrorKind> {
        loop {
            match &mut self.phase {
                Phase::Header(header) => {
                    match (header.is_untouched(), &self.members, input.first()) {
                        (true, _, None) => return Ok(()),
                        (true, Members::Some, Some(&byte)) if byte != 0x1f => {
                            return Err(DecodeErrorKind::TrailingData);
                        }
                        _ => {}
                    }
                    if !header.step(input)? {
                        return Ok(());
                    }
                    if let Members::Some = self.members {
                        self.state.reset(false);
                        self.crc.reset();
                    }
                    self.phase = Phase::Body;
                }
                Phase::Body => {
                    let start = out.len();
                    let result = inflate::run(&mut self.state, input, out);
                    self.crc.update(out.get(start..).unwrap_or_default());
                    if result? {
                        self.phase = Phase::Trailer {
                            bytes: [0; 8],
                            have: 0,
                        };
                    } else if input.is_empty() || out.len() == out.capacity() {
                        return Ok(());
                    }
                }
                Phase::Trailer { bytes, have } => {
                    if !collect(bytes, have, 8, input) {
                        return Ok(());
                    }
                    let trailer = u64::from_le_bytes(*bytes);
                    self.end_member(trailer)?;
                }
            }
        }
    }

    pub(super) fn is_complete(&self) -> bool {
        matches!(&self.phase, Phase::Header(header) if header.is_untouched())
    }

    pub(super) fn into_state(self) -> Decompress {
        self.state
    }

    /// The trailer is the CRC-32 and below it, modulo 2^32, the length of the content.
    fn end_member(&mut self, trailer: u64) -> Result<(), DecodeErrorKind> {
        if trailer as u32 != self.crc.sum() {
            return Err(DecodeErrorKind::Mismatch("CRC-32"));
        }
        if (trailer >> 32) as u32 != self.crc.amount() {
            return Err(DecodeErrorKind::Mismatch("length"));
        }
        self.empty = match self.state.total_out() {
            0 => self.empty + 1,
            _ => 0,
        };
        if self.empty > MAX_EMPTY_MEMBERS {
            return Err(DecodeErrorKind::EmptyMembers);
        }
        self.members = Members::Some;
        self.phase = Phase::Header(Header::new());
        Ok(())
    }
}
