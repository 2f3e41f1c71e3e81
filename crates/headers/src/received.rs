//! From the bytes of a received head, which a codec has already taken apart.

use std::ops::Range;

use crate::field::{Field, LINE_END, SEPARATOR, tag};
use crate::storage::{offset, slice, validate_value};
use crate::syntax::{count_unprintable, has_outer_space, is_token, name_error};
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
            end: 0,
        };
        for (name, value) in fields {
            if !builder.add(&name, &value) {
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
    /// How long the buffer is with the run.
    end: usize,
}

impl Builder<'_> {
    /// Says whether it did. A plain yes or no keeps this loop small.
    #[inline]
    fn add(&mut self, name: &Range<usize>, value: &Range<usize>) -> bool {
        let block = self.block;
        let (Some(name_bytes), Some(value_bytes)) = (
            block.get(name.start..name.end),
            block.get(value.start..value.end),
        ) else {
            return false;
        };
        if has_outer_space(value_bytes) {
            return false;
        }
        // The casts lose nothing: the block is below 4 GiB, and `finish` looks at the end.
        let field = Field {
            start: self.end as u32,
            name_len: name_bytes.len() as u32,
            value_len: value_bytes.len() as u32,
            // Found in `finish`, where the names are looked at.
            tag: 0,
        };
        self.end = self.end.saturating_add(field.line_len());
        self.fields.push(field);
        let separator = slice(block, name.end..value.start);
        let line_end = slice(block, value.end..value.end + LINE_END.len());
        if separator == SEPARATOR && line_end == LINE_END {
            if self.run.end != name.start {
                self.flush();
                self.run.start = name.start;
            }
            self.run.end = value.end + LINE_END.len();
        } else {
            self.rewrite(name_bytes, value_bytes);
        }
        true
    }

    /// Adds a line that does not look as ours. Out of line, as [`flush`](Self::flush) is, to keep
    /// the loop over all others small.
    #[inline(never)]
    fn rewrite(&mut self, name: &[u8], value: &[u8]) {
        self.flush();
        self.run = 0..0;
        for part in [name, SEPARATOR, value, LINE_END] {
            self.buffer.extend_from_slice(part);
        }
    }

    #[inline(never)]
    fn flush(&mut self) {
        self.buffer
            .extend_from_slice(slice(self.block, self.run.clone()));
    }

    #[inline]
    fn finish(mut self) -> Result<Headers, InvalidHeader> {
        self.flush();
        offset(self.end)?;
        let mut headers = Headers {
            buffer: self.buffer,
            fields: self.fields,
            encoding: None,
        };
        for field in &mut headers.fields {
            let name = slice(&headers.buffer, field.name_range());
            if !is_token(name) {
                return Err(name_error(name));
            }
            field.tag = tag(name);
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
