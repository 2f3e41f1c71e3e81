use flate2::Decompress;

use super::{collect, inflate};
use crate::error::DecodeErrorKind;

/// `deflate`, which is zlib by the standard and raw deflate from some servers. The first two bytes
/// decide, so that it does not matter how the input is cut (BEHAVIOUR section 13).
pub(crate) struct Deflate {
    state: Decompress,
    phase: Phase,
}

enum Phase {
    Start { head: [u8; 2], have: usize },
    Body,
    End,
}

impl Deflate {
    /// With a state that expects a zlib header.
    pub(super) fn new(state: Decompress) -> Self {
        Self {
            state,
            phase: Phase::Start {
                head: [0; 2],
                have: 0,
            },
        }
    }

    pub(super) fn step(
        &mut self,
        input: &mut &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), DecodeErrorKind> {
        loop {
            match &mut self.phase {
                Phase::Start { head, have } => {
                    if !collect(head, have, 2, input) {
                        return Ok(());
                    }
                    if !is_zlib(*head) {
                        self.state.reset(false);
                    }
                    let mut first = &head[..];
                    let ended = inflate::run(&mut self.state, &mut first, out)?;
                    self.phase = if ended { Phase::End } else { Phase::Body };
                }
                Phase::Body => {
                    if inflate::run(&mut self.state, input, out)? {
                        self.phase = Phase::End;
                    } else if input.is_empty() || out.len() == out.capacity() {
                        return Ok(());
                    }
                }
                Phase::End if input.is_empty() => return Ok(()),
                Phase::End => return Err(DecodeErrorKind::TrailingData),
            }
        }
    }

    pub(super) fn is_complete(&self) -> bool {
        matches!(self.phase, Phase::Start { have: 0, .. } | Phase::End)
    }

    pub(super) fn into_state(self) -> Decompress {
        self.state
    }
}

/// RFC 1950 section 2.2: method 8, a window of at most 32 KiB, and a check that comes out even.
fn is_zlib([method, flags]: [u8; 2]) -> bool {
    method & 0x0f == 8 && method >> 4 <= 7 && u16::from_be_bytes([method, flags]).is_multiple_of(31)
}
