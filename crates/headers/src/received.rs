//! From the bytes of a received head, which a codec has already taken apart.

use std::mem;
use std::ops::Range;

use crate::field::{Field, LINE_END, SEPARATOR, tag_bit};
use crate::storage::{offset, slice, validate_value};
use crate::syntax::{count_unprintable, token_tag};
use crate::{Headers, InvalidHeader, check_name};

impl Headers {
    /// Copies the fields of a received head, once, into a block of their own size.
    ///
    /// `block` holds the head; each item of `fields` is the range of a name and of its value in
    /// it, the value without the spaces around it. Anything may stand between them: lines that
    /// are written `Name: value\r\n` one after the other are copied together.
    ///
    /// # Errors
    /// [`InvalidHeader`] when a range does not lie in `block` or a name or value is not valid.
    pub fn from_received(
        block: &[u8],
        fields: impl ExactSizeIterator<Item = (Range<usize>, Range<usize>)>,
    ) -> Result<Headers, InvalidHeader> {
        offset(block.len())?;
        // An iterator that lies about its length must not make us allocate for it.
        let expected = fields.len().min(block.len() / 2);
        let mut builder = Builder {
            block,
            run: 0..0,
            // Enough for all fields if none overlap: a line takes two bytes more than `a:b`, LF.
            buffer: Vec::with_capacity(block.len() + 2 * expected),
            fields: Vec::with_capacity(expected),
        };
        for (name, value) in fields {
            if !builder.add(name.clone(), value.clone()) {
                return Err(refuse(block, builder.fields.len(), name, value));
            }
        }
        builder.finish()
    }
}

struct Builder<'a> {
    block: &'a [u8],
    buffer: Vec<u8>,
    fields: Vec<Field>,
    /// Lines of `block` that look as ours and follow each other, not copied yet.
    run: Range<usize>,
}

impl Builder<'_> {
    /// Says whether it did. A plain yes or no keeps this loop small.
    #[inline]
    fn add(&mut self, name: Range<usize>, value: Range<usize>) -> bool {
        let Some((name_bytes, value_bytes)) = line(self.block, &name, &value) else {
            return self.rewrite(name, value);
        };
        let Some(tag) = checked_tag(name_bytes, value_bytes) else {
            return false;
        };
        if self.run.end != name.start {
            self.flush();
            self.run.start = name.start;
        }
        self.run.end = value.end + LINE_END.len();
        let start = self.buffer.len() + (name.start - self.run.start);
        self.push(start, name_bytes, value_bytes, tag);
        true
    }

    /// Adds a line that does not look as ours. Out of line, as [`flush`](Self::flush) is, to keep
    /// the loop over all others small.
    #[inline(never)]
    fn rewrite(&mut self, name: Range<usize>, value: Range<usize>) -> bool {
        self.flush();
        let block = self.block;
        let (Some(name), Some(value)) = (block.get(name), block.get(value)) else {
            return false;
        };
        let Some(tag) = checked_tag(name, value) else {
            return false;
        };
        self.push(self.buffer.len(), name, value, tag);
        for part in [name, SEPARATOR, value, LINE_END] {
            self.buffer.extend_from_slice(part);
        }
        true
    }

    #[inline]
    fn push(&mut self, start: usize, name: &[u8], value: &[u8], tag: u32) {
        // The casts lose nothing: the block is below 4 GiB, and `finish` looks at the end.
        self.fields.push(Field {
            start: start as u32,
            name_len: name.len() as u32,
            value_len: value.len() as u32,
            tag,
        });
    }

    #[inline(never)]
    fn flush(&mut self) {
        let run = mem::take(&mut self.run);
        self.buffer.extend_from_slice(slice(self.block, run));
    }

    #[inline]
    fn finish(mut self) -> Result<Headers, InvalidHeader> {
        self.flush();
        offset(self.buffer.len())?;
        let mut headers = Headers {
            buffer: self.buffer,
            fields: self.fields,
            tag_bits: 0,
            encoding: None,
        };
        for field in &headers.fields {
            headers.tag_bits |= tag_bit(field.tag);
        }
        // CRLF makes two of each line: more means that values need a closer look, as names have
        // been looked at. One pass over all is faster than one over each.
        if count_unprintable(&headers.buffer) != headers.fields.len() * LINE_END.len() {
            for field in &headers.fields {
                validate_value(headers.name(field), headers.value(field))?;
            }
        }
        // A block much bigger than its fields must not be paid for as long as they are kept.
        if headers.buffer.capacity() / 2 > headers.buffer.len() + 64 {
            headers.buffer.shrink_to_fit();
        }
        Ok(headers)
    }
}

/// Name and value of a line that looks as ours.
#[inline]
fn line<'a>(
    block: &'a [u8],
    name: &Range<usize>,
    value: &Range<usize>,
) -> Option<(&'a [u8], &'a [u8])> {
    // Where these wrap, they are too small for a line.
    let end = value.end.wrapping_add(LINE_END.len());
    let name_len = name.end.wrapping_sub(name.start);
    let line = block.get(name.start..end)?;
    let (name_bytes, rest) = line.split_at_checked(name_len)?;
    let (separator, rest) = rest.split_first_chunk()?;
    let (value_bytes, line_end) = rest.split_last_chunk()?;
    let ours =
        value.start == name.end + SEPARATOR.len() && (separator, line_end) == (SEPARATOR, LINE_END);
    ours.then_some((name_bytes, value_bytes))
}

/// The tag of a valid name, unless its value starts or ends with what may not stand there.
#[inline]
fn checked_tag(name: &[u8], value: &[u8]) -> Option<u32> {
    // Control bytes, which are below the space, may not stand anywhere.
    let outer = |byte: Option<&u8>| byte.is_some_and(|byte| *byte <= b' ');
    if outer(value.first()) || outer(value.last()) {
        return None;
    }
    token_tag(name)
}

/// Why [`Builder::add`] said no.
#[cold]
fn refuse(block: &[u8], field: usize, name: Range<usize>, value: Range<usize>) -> InvalidHeader {
    match (block.get(name), block.get(value)) {
        (Some(name), Some(value)) => match check_name(name).and(validate_value(name, value)) {
            Err(error) => error,
            Ok(()) => InvalidHeader::Range { field },
        },
        _ => InvalidHeader::Range { field },
    }
}
