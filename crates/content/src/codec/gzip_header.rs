use flate2::Crc;

use super::collect;
use crate::budget::MAX_GZIP_FIELDS;
use crate::error::DecodeErrorKind;

/// The header of a gzip member (RFC 1952 section 2.3). Nothing of it is kept but what its own check
/// needs.
pub(super) struct Header {
    part: Part,
    bytes: [u8; 10],
    have: usize,
    flags: u8,
    fields: usize,
    crc: Crc,
}

#[derive(Clone, Copy)]
enum Part {
    Fixed,
    ExtraLength,
    Extra { left: usize },
    Name,
    Comment,
    Check,
    Done,
}

const CHECK: u8 = 1 << 1;
const EXTRA: u8 = 1 << 2;
const NAME: u8 = 1 << 3;
const COMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0b1110_0000;

impl Header {
    pub(super) fn new() -> Self {
        Self {
            part: Part::Fixed,
            bytes: [0; 10],
            have: 0,
            flags: 0,
            fields: 0,
            crc: Crc::new(),
        }
    }

    /// Whether no byte of it has come.
    pub(super) fn is_untouched(&self) -> bool {
        matches!(self.part, Part::Fixed) && self.have == 0
    }

    /// Takes header bytes from the front of `input`; true once the header is whole.
    pub(super) fn step(&mut self, input: &mut &[u8]) -> Result<bool, DecodeErrorKind> {
        loop {
            let done = match self.part {
                Part::Fixed => {
                    let whole = self.collect(10, input);
                    self.check_fixed()?;
                    whole
                }
                Part::ExtraLength => self.collect(2, input),
                Part::Extra { left } => {
                    let count = left.min(input.len());
                    self.skip(count, input)?;
                    self.part = Part::Extra { left: left - count };
                    left == count
                }
                Part::Name | Part::Comment => {
                    let zero = memchr::memchr(0, input);
                    self.skip(zero.map_or(input.len(), |at| at + 1), input)?;
                    zero.is_some()
                }
                Part::Check => self.collect(2, input),
                Part::Done => return Ok(true),
            };
            if !done {
                return Ok(false);
            }
            self.next_part()?;
        }
    }

    fn collect(&mut self, need: usize, input: &mut &[u8]) -> bool {
        collect(&mut self.bytes, &mut self.have, need, input)
    }

    /// What is there of the fixed part; refused as early as it can be.
    fn check_fixed(&self) -> Result<(), DecodeErrorKind> {
        let have = self.bytes.get(..self.have).unwrap_or_default();
        let (magic, rest) = have.split_at(have.len().min(2));
        if !b"\x1f\x8b".starts_with(magic) {
            return Err(DecodeErrorKind::Corrupt("not gzip"));
        }
        match rest {
            [method, ..] if *method != 8 => Err(DecodeErrorKind::Corrupt("unknown gzip method")),
            [_, flags, ..] if flags & RESERVED != 0 => {
                Err(DecodeErrorKind::Corrupt("reserved gzip flags"))
            }
            _ => Ok(()),
        }
    }

    /// Passes over bytes of a field of any length.
    fn skip(&mut self, count: usize, input: &mut &[u8]) -> Result<(), DecodeErrorKind> {
        let (skipped, rest) = input.split_at(count.min(input.len()));
        *input = rest;
        self.fields += skipped.len();
        if self.fields > MAX_GZIP_FIELDS {
            return Err(DecodeErrorKind::HeaderTooLong);
        }
        if self.flags & CHECK != 0 {
            self.crc.update(skipped);
        }
        Ok(())
    }

    /// The current part is whole: what comes behind it.
    fn next_part(&mut self) -> Result<(), DecodeErrorKind> {
        let number = u16::from_le_bytes([self.bytes[0], self.bytes[1]]);
        if let Part::Check = self.part {
            // The low half of a CRC-32 over all that stood before.
            if number != self.crc.sum() as u16 {
                return Err(DecodeErrorKind::Mismatch("header CRC"));
            }
        }
        if let Part::Fixed = self.part {
            self.flags = self.bytes[3];
        }
        if self.flags & CHECK != 0 {
            let collected = self.bytes.get(..self.have).unwrap_or_default();
            self.crc.update(collected);
        }
        self.have = 0;
        let (after, length) = match self.part {
            Part::Fixed => (EXTRA, None),
            Part::ExtraLength => (EXTRA, Some(usize::from(number))),
            Part::Extra { .. } => (NAME, None),
            Part::Name => (COMMENT, None),
            Part::Comment => (CHECK, None),
            Part::Check | Part::Done => (0, None),
        };
        self.part = match length {
            Some(left) => Part::Extra { left },
            None => self.first_of(after),
        };
        Ok(())
    }

    /// The first part that the flags announce, from `flag` on in the order of the format.
    fn first_of(&self, flag: u8) -> Part {
        let order = [
            (EXTRA, Part::ExtraLength),
            (NAME, Part::Name),
            (COMMENT, Part::Comment),
            (CHECK, Part::Check),
        ];
        order
            .into_iter()
            .skip_while(|(this, _)| *this != flag)
            .find(|(this, _)| self.flags & this != 0)
            .map_or(Part::Done, |(_, part)| part)
    }
}
