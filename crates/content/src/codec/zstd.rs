use zstd_safe::{DCtx, InBuffer, OutBuffer};

use super::collect;
use crate::budget::{MAX_EMPTY_MEMBERS, MAX_SKIPPABLE};
use crate::error::DecodeErrorKind;

/// The largest window, 8 MiB: RFC 9659 section 3.
pub(crate) const WINDOW_LOG: u32 = 23;
const WINDOW: u64 = 1 << WINDOW_LOG;

const MAGIC: u32 = 0xFD2F_B528;
const SKIPPABLE: u32 = 0x184D_2A50;
/// Magic number, descriptor, window, dictionary id and content size at their longest.
const MAX_HEADER: usize = 4 + 1 + 1 + 4 + 8;

/// `zstd`: any number of frames, one behind the other (RFC 8878).
///
/// Frame headers are read here before the library sees them: it looks at the window only when it
/// has not got the whole frame at once.
pub(crate) struct Zstd {
    state: Option<DCtx<'static>>,
    phase: Phase,
    /// Frames since the last one with content.
    empty: u32,
    /// Frames so far, skippable ones too.
    frames: u64,
}

enum Phase {
    Header {
        bytes: [u8; MAX_HEADER],
        have: usize,
    },
    Frame {
        given: u64,
    },
    Skip {
        left: u32,
    },
}

const START: Phase = Phase::Header {
    bytes: [0; MAX_HEADER],
    have: 0,
};

impl Zstd {
    /// Without a state every step fails: there was no memory for one.
    pub(super) fn new(state: Option<DCtx<'static>>) -> Self {
        Self {
            state,
            phase: START,
            empty: 0,
            frames: 0,
        }
    }

    pub(super) fn step(
        &mut self,
        input: &mut &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), DecodeErrorKind> {
        loop {
            let state = self.state.as_mut().ok_or(DecodeErrorKind::OutOfMemory)?;
            match &mut self.phase {
                Phase::Header { bytes, have } => {
                    // The first four bytes say how long the header is, and the fifth says it again.
                    let need = header_length(bytes, *have, self.frames > 0)?;
                    if *have < need {
                        collect(bytes, have, need, input);
                        if input.is_empty() && *have < need {
                            // What is there is looked at now and not only with the rest.
                            header_length(bytes, *have, self.frames > 0)?;
                            return Ok(());
                        }
                        continue;
                    }
                    let header = bytes.get(..need).unwrap_or_default();
                    self.phase = match read_header(header)? {
                        Header::Skippable { length } => Phase::Skip { left: length },
                        Header::Frame => {
                            let mut header = header;
                            run(state, &mut header, out)?;
                            Phase::Frame { given: 0 }
                        }
                    };
                }
                Phase::Frame { given } => {
                    let start = out.len();
                    let ended = run(state, input, out)?;
                    *given += (out.len() - start) as u64;
                    if ended {
                        self.empty = if *given == 0 { self.empty + 1 } else { 0 };
                        self.end_frame()?;
                    } else if input.is_empty() || out.len() == out.capacity() {
                        return Ok(());
                    }
                }
                Phase::Skip { left } => {
                    let count = (*left as usize).min(input.len());
                    *input = input.get(count..).unwrap_or_default();
                    *left -= count as u32;
                    if *left > 0 {
                        return Ok(());
                    }
                    self.empty += 1;
                    self.end_frame()?;
                }
            }
        }
    }

    pub(super) fn is_complete(&self) -> bool {
        matches!(self.phase, Phase::Header { have: 0, .. })
    }

    pub(super) fn into_state(self) -> Option<DCtx<'static>> {
        self.state
    }

    fn end_frame(&mut self) -> Result<(), DecodeErrorKind> {
        if self.empty > MAX_EMPTY_MEMBERS {
            return Err(DecodeErrorKind::EmptyMembers);
        }
        self.frames += 1;
        self.phase = START;
        Ok(())
    }
}

/// Runs the library once. True at the end of a frame.
fn run(
    state: &mut DCtx<'static>,
    input: &mut &[u8],
    out: &mut Vec<u8>,
) -> Result<bool, DecodeErrorKind> {
    let mut source = InBuffer::around(input);
    let written = out.len();
    let mut target = OutBuffer::around_pos(out, written);
    let result = state.decompress_stream(&mut target, &mut source);
    let used = source.pos();
    *input = input.get(used..).unwrap_or_default();
    result.map(|hint| hint == 0).map_err(what)
}

enum Header {
    Frame,
    Skippable { length: u32 },
}

/// How long the header is, as far as its first `have` bytes tell; at least one byte more than those
/// until that is certain. `follows` says that a frame went before.
fn header_length(
    bytes: &[u8; MAX_HEADER],
    have: usize,
    follows: bool,
) -> Result<usize, DecodeErrorKind> {
    let magic = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    if have < 4 {
        let have = bytes.get(..have).unwrap_or_default();
        let frame = MAGIC.to_le_bytes().starts_with(have);
        let skippable = match have {
            [] => true,
            [first, rest @ ..] => {
                first & 0xf0 == SKIPPABLE as u8 && SKIPPABLE.to_le_bytes()[1..].starts_with(rest)
            }
        };
        return if frame || skippable {
            Ok(4)
        } else {
            Err(not_a_frame(follows))
        };
    }
    if magic & !0xf == SKIPPABLE {
        return Ok(8);
    }
    if magic != MAGIC {
        return Err(not_a_frame(follows));
    }
    if have < 5 {
        return Ok(5);
    }
    let descriptor = Descriptor(bytes[4]);
    if descriptor.reserved() {
        return Err(DecodeErrorKind::Corrupt("reserved bit in a frame header"));
    }
    Ok(5 + descriptor.window_bytes() + descriptor.dictionary_bytes() + descriptor.content_bytes())
}

fn not_a_frame(follows: bool) -> DecodeErrorKind {
    if follows {
        DecodeErrorKind::TrailingData
    } else {
        DecodeErrorKind::Corrupt("not zstd")
    }
}

/// What a whole header says.
fn read_header(header: &[u8]) -> Result<Header, DecodeErrorKind> {
    let (magic, fields) = header.split_at(header.len().min(4));
    if number(magic) != u64::from(MAGIC) {
        return match u32::try_from(number(fields)) {
            Ok(length) if length <= MAX_SKIPPABLE => Ok(Header::Skippable { length }),
            _ => Err(DecodeErrorKind::SkippableFrame),
        };
    }
    let (descriptor, fields) = fields.split_at(fields.len().min(1));
    let descriptor = Descriptor(number(descriptor) as u8);
    let (window, fields) = fields.split_at(fields.len().min(descriptor.window_bytes()));
    let (dictionary, content) = fields.split_at(fields.len().min(descriptor.dictionary_bytes()));
    if number(dictionary) != 0 {
        return Err(DecodeErrorKind::Dictionary);
    }
    let window = match window {
        // RFC 8878 section 3.1.1.1.2: an exponent and eighths.
        [window] => {
            let base = 1_u64 << (10 + (window >> 3));
            base + base / 8 * u64::from(window & 7)
        }
        // A single segment: the window is the content.
        _ => number(content) + if content.len() == 2 { 256 } else { 0 },
    };
    if window > WINDOW {
        return Err(DecodeErrorKind::WindowTooLarge);
    }
    Ok(Header::Frame)
}

/// RFC 8878 section 3.1.1.1.1.
struct Descriptor(u8);

impl Descriptor {
    fn reserved(&self) -> bool {
        self.0 & 0b1000 != 0
    }

    fn single_segment(&self) -> bool {
        self.0 & 0b10_0000 != 0
    }

    fn window_bytes(&self) -> usize {
        usize::from(!self.single_segment())
    }

    fn dictionary_bytes(&self) -> usize {
        [0, 1, 2, 4][usize::from(self.0 & 0b11)]
    }

    fn content_bytes(&self) -> usize {
        match self.0 >> 6 {
            0 => usize::from(self.single_segment()),
            flag => 1 << flag,
        }
    }
}

/// Little-endian, of at most eight bytes.
fn number(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn what(code: usize) -> DecodeErrorKind {
    match zstd_safe::get_error_name(code) {
        "Restored data doesn't match checksum" => DecodeErrorKind::Mismatch("checksum"),
        "Dictionary mismatch" => DecodeErrorKind::Dictionary,
        "Allocation error : not enough memory" => DecodeErrorKind::OutOfMemory,
        "Frame requires too much memory for decoding" => DecodeErrorKind::WindowTooLarge,
        name => DecodeErrorKind::Corrupt(name),
    }
}
