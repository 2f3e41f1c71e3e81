//! From the bytes of a received head, which a codec has already taken apart.

use std::ops::Range;

use crate::field::{Field, LINE_END, OVERHEAD, SEPARATOR, line_len, tag};
use crate::storage::{offset, slice, validate};
use crate::syntax::{count_controls, has_outer_space, is_token};
use crate::{Headers, InvalidHeader};

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
        let mut records = Vec::with_capacity(fields.len().min(block.len() / 2));
        let mut total = 0_usize;
        for (name, value) in fields {
            let (Some(name_bytes), Some(value_bytes)) =
                (block.get(name.clone()), block.get(value.clone()))
            else {
                return Err(InvalidHeader::Range {
                    field: records.len(),
                });
            };
            if !is_token(name_bytes) | has_outer_space(value_bytes) {
                validate(name_bytes, value_bytes)?;
            }
            total = total.saturating_add(line_len(name_bytes.len(), value_bytes.len()));
            records.push(Source {
                name: name.start as u32,
                name_len: name_bytes.len() as u32,
                value: value.start as u32,
                value_len: value_bytes.len() as u32,
            });
        }
        offset(total)?;
        let headers = copy(block, records, total);
        // Two of the bytes of each line are controls, the CRLF: more means one in a value, as
        // names have been looked at. One pass over all is faster than one over each.
        if count_controls(&headers.buffer) != headers.fields.len() * LINE_END.len() {
            for field in &headers.fields {
                validate(headers.name(field), headers.value(field))?;
            }
        }
        Ok(headers)
    }
}

/// Where a field lies in the block. Checked: all of it does.
struct Source {
    name: u32,
    name_len: u32,
    value: u32,
    value_len: u32,
}

fn copy(block: &[u8], sources: Vec<Source>, total: usize) -> Headers {
    let mut buffer = Vec::with_capacity(total);
    // Lines of `block` that look as ours and follow each other, not copied yet.
    let mut run = 0..0;
    let mut end = 0_u32;
    // Same size and alignment: the records take the place of the sources, without allocating.
    let fields: Vec<Field> = sources
        .into_iter()
        .map(|source| {
            let name = range(source.name, source.name_len);
            let value = range(source.value, source.value_len);
            let field = Field {
                start: end,
                name_len: source.name_len,
                value_len: source.value_len,
                tag: tag(slice(block, name.clone())),
            };
            end += source.name_len + source.value_len + OVERHEAD as u32;
            if slice(block, name.end..value.start) == SEPARATOR
                && slice(block, value.end..value.end + LINE_END.len()) == LINE_END
            {
                if run.end != name.start {
                    buffer.extend_from_slice(slice(block, run.clone()));
                    run.start = name.start;
                }
                run.end = value.end + LINE_END.len();
            } else {
                buffer.extend_from_slice(slice(block, run.clone()));
                run = 0..0;
                buffer.extend_from_slice(slice(block, name));
                buffer.extend_from_slice(SEPARATOR);
                buffer.extend_from_slice(slice(block, value));
                buffer.extend_from_slice(LINE_END);
            }
            field
        })
        .collect();
    buffer.extend_from_slice(slice(block, run));
    Headers {
        buffer,
        fields,
        encoding: None,
    }
}

fn range(start: u32, len: u32) -> Range<usize> {
    start as usize..start as usize + len as usize
}
