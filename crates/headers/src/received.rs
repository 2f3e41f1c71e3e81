//! From the bytes of a received head, which a codec has already taken apart.

use std::mem;
use std::ops::Range;

use crate::field::{Ends, Field, LINE_END, SEPARATOR, tag_bit};
use crate::storage::{offset, slice, validate_value};
use crate::syntax::{count_unprintable, unusual};
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
            // Enough for all fields if none overlap: a line takes two bytes more than `a:b`, LF.
            headers: Headers::with_capacity(expected, block.len() + 2 * expected),
            run: 0..0,
            unusual: 0,
        };
        for (name, value) in fields {
            if !builder.add(name.clone(), value.clone()) {
                return Err(refuse(block, builder.headers.len(), name, value));
            }
        }
        builder.finish()?;
        Ok(builder.headers)
    }
}

struct Builder<'a> {
    block: &'a [u8],
    headers: Headers,
    /// Lines of `block` that look as ours and follow each other, not copied yet.
    run: Range<usize>,
    /// Not zero when a name holds another byte than letters and dashes.
    unusual: u64,
}

impl Builder<'_> {
    /// Says whether it did. A plain yes or no keeps this loop small.
    #[inline]
    fn add(&mut self, name: Range<usize>, value: Range<usize>) -> bool {
        let Some((name_bytes, value_bytes)) = line(self.block, &name, &value) else {
            return self.rewrite(name, value);
        };
        let Some(mut field) = self.field(name_bytes, value_bytes) else {
            return false;
        };
        if self.run.end != name.start {
            self.flush();
            self.run.start = name.start;
        }
        self.run.end = value.end + LINE_END.len();
        let start = self.headers.buffer.len() + (name.start - self.run.start);
        field.start = start as u32;
        self.headers.fields.push(field);
        true
    }

    /// Adds a line that does not look as ours. Out of line, as [`flush`](Self::flush) is, to keep
    /// the loop over all others small.
    #[inline(never)]
    fn rewrite(&mut self, name: Range<usize>, value: Range<usize>) -> bool {
        self.flush();
        let (Some(name), Some(value)) = (self.block.get(name), self.block.get(value)) else {
            return false;
        };
        let Some(mut field) = self.field(name, value) else {
            return false;
        };
        field.start = self.headers.buffer.len() as u32;
        self.headers.fields.push(field);
        for part in [name, SEPARATOR, value, LINE_END] {
            self.headers.buffer.extend_from_slice(part);
        }
        true
    }

    /// The record of a line, but for where it starts; none where a value starts or ends with what may
    /// not stand there. The rest of it and the name are looked at in [`finish`](Self::finish).
    #[inline]
    fn field(&mut self, name: &[u8], value: &[u8]) -> Option<Field> {
        // Control bytes, which are below the space, may not stand anywhere.
        let outer = |byte: Option<&u8>| byte.is_some_and(|byte| *byte <= b' ');
        if outer(value.first()) || outer(value.last()) {
            return None;
        }
        let ends = Ends::new(name);
        self.unusual |= ends.unusual();
        // These casts, as those of `start`, lose nothing: the block is below 4 GiB, and `finish`
        // looks at the end.
        Some(Field {
            start: 0,
            name_len: name.len() as u32,
            value_len: value.len() as u32,
            tag: ends.tag(),
        })
    }

    #[inline(never)]
    fn flush(&mut self) {
        let run = mem::take(&mut self.run);
        let lines = slice(self.block, run);
        self.headers.buffer.extend_from_slice(lines);
    }

    #[inline]
    fn finish(&mut self) -> Result<(), InvalidHeader> {
        self.flush();
        let headers = &mut self.headers;
        offset(headers.buffer.len())?;
        for field in &headers.fields {
            headers.tag_bits |= tag_bit(field.tag);
            if field.name_len > 16 {
                let name = slice(&headers.buffer, field.name_range());
                self.unusual |= unusual(name);
            }
        }
        // CRLF makes two of each line: more means that values need a closer look. One pass over all
        // is faster than one over each.
        let unprintable = count_unprintable(&headers.buffer);
        if self.unusual != 0 || unprintable != headers.fields.len() * LINE_END.len() {
            for field in &headers.fields {
                check_name(headers.name(field))?;
                validate_value(headers.name(field), headers.value(field))?;
            }
        }
        // A block much bigger than its fields must not be paid for as long as they are kept.
        if headers.buffer.capacity() / 2 > headers.buffer.len() + 64 {
            headers.buffer.shrink_to_fit();
        }
        Ok(())
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
