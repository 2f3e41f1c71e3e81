//! What [`Headers`] does to its buffer and records.
//!
//! Invariant: the lines lie in the buffer in the order of their records, without gaps, and fill it.

use std::ops::Range;

use crate::field::{Field, LINE_END, SEPARATOR, line_len, same_name, tag, tag_bit};
use crate::syntax::find_bad_value_byte;
use crate::{Headers, InvalidHeader, check_name};

impl Headers {
    pub(crate) fn name(&self, field: &Field) -> &[u8] {
        slice(&self.buffer, field.name_range())
    }

    pub(crate) fn value(&self, field: &Field) -> &[u8] {
        slice(&self.buffer, field.value_range())
    }

    /// Where the first field of that name is. Inlined, as those that call it are: the tag of a name
    /// that is written in the code is then known when it is compiled.
    #[inline]
    pub(crate) fn position(&self, name: &[u8]) -> Option<usize> {
        self.position_tagged(tag(name), name)
    }

    pub(crate) fn position_tagged(&self, tag: u32, name: &[u8]) -> Option<usize> {
        let mut fields = self.candidates(tag).iter();
        fields.position(|field| field.tag == tag && self.has_name(field, name))
    }

    /// The value of the first field of that name.
    pub(crate) fn first_tagged(&self, tag: u32, name: &[u8]) -> Option<&[u8]> {
        let mut fields = self.candidates(tag).iter();
        let field = fields.find(|field| field.tag == tag && self.has_name(field, name))?;
        self.buffer.get(field.value_range())
    }

    /// All fields, or none where none has that tag.
    #[inline]
    fn candidates(&self, tag: u32) -> &[Field] {
        match self.tag_bits & tag_bit(tag) {
            0 => &[],
            _ => &self.fields,
        }
    }

    #[inline]
    fn has_name(&self, field: &Field, name: &[u8]) -> bool {
        let own = self.buffer.get(field.name_range());
        own.is_some_and(|own| same_name(own, name))
    }

    /// The field at `first` and those after it that have its name.
    pub(crate) fn same_name(&self, first: usize) -> impl Iterator<Item = &Field> {
        let fields = self.fields.get(first..).unwrap_or(&[]);
        let (head_tag, head_name) = fields
            .first()
            .map_or((0, &[][..]), |field| (field.tag, self.name(field)));
        fields
            .iter()
            .filter(move |field| field.tag == head_tag && same_name(self.name(field), head_name))
    }

    pub(crate) fn append_bytes(&mut self, name: &[u8], value: &[u8]) -> Result<(), InvalidHeader> {
        check_name(name)?;
        validate_value(name, value)?;
        self.append_valid(name, value)
    }

    /// Adds a field whose name and value have been checked.
    #[inline]
    pub(crate) fn append_valid(&mut self, name: &[u8], value: &[u8]) -> Result<(), InvalidHeader> {
        let added = line_len(name.len(), value.len());
        // No length within it can be too large then.
        offset(self.buffer.len().saturating_add(added))?;
        self.buffer.reserve(added);
        let field = Field {
            start: self.buffer.len() as u32,
            name_len: name.len() as u32,
            value_len: value.len() as u32,
            tag: tag(name),
        };
        self.buffer.extend_from_slice(name);
        self.buffer.extend_from_slice(SEPARATOR);
        self.buffer.extend_from_slice(value);
        self.buffer.extend_from_slice(LINE_END);
        self.fields.push(field);
        self.tag_bits |= tag_bit(field.tag);
        Ok(())
    }

    /// Puts another line at `index`. Name and value have been checked.
    pub(crate) fn replace(
        &mut self,
        index: usize,
        name: &[u8],
        value: &[u8],
    ) -> Result<(), InvalidHeader> {
        let Some(field) = self.fields.get_mut(index) else {
            return Ok(());
        };
        let (old, new) = (field.line_range(), line_len(name.len(), value.len()));
        let total = offset((self.buffer.len() - old.len()).saturating_add(new))?;
        field.name_len = offset(name.len())?;
        field.value_len = offset(value.len())?;
        field.tag = tag(name);
        self.tag_bits |= tag_bit(field.tag);
        let line = [name, SEPARATOR, value, LINE_END];
        self.buffer.splice(old, line.into_iter().flatten().copied());
        let mut end = total;
        for field in self.fields.iter_mut().skip(index + 1).rev() {
            end -= field.line_len() as u32;
            field.start = end;
        }
        Ok(())
    }

    /// Removes the fields of that name from `first` on.
    pub(crate) fn remove_from(&mut self, first: usize, name: &[u8]) -> usize {
        let gone = tag(name);
        self.retain_from(first, |tag, kept| tag != gone || !same_name(kept, name))
    }

    /// Keeps the fields before `first`, and those after of which `keep` (called with tag and
    /// name) says so; says how many went. Each byte moves at most once.
    pub(crate) fn retain_from(
        &mut self,
        first: usize,
        mut keep: impl FnMut(u32, &[u8]) -> bool,
    ) -> usize {
        let before = self.fields.len();
        let buffer = &mut self.buffer;
        let mut end = self
            .fields
            .get(first)
            .map_or(buffer.len(), |field| field.start as usize);
        let mut index = 0;
        self.fields.retain_mut(|field| {
            index += 1;
            if index <= first {
                return true;
            }
            if !keep(field.tag, slice(buffer, field.name_range())) {
                return false;
            }
            let line = field.line_range();
            if line.start != end {
                buffer.copy_within(line, end);
                field.start = end as u32;
            }
            end += field.line_len();
            true
        });
        buffer.truncate(end);
        before - self.fields.len()
    }

    /// Adds every field of `other`. The sum of both sizes has been checked.
    pub(crate) fn extend_unchecked(&mut self, other: &Headers) {
        let shift = self.buffer.len() as u32;
        self.buffer.extend_from_slice(&other.buffer);
        let moved = other.fields.iter().map(|field| Field {
            start: field.start + shift,
            ..*field
        });
        self.fields.extend(moved);
        self.tag_bits |= other.tag_bits;
    }
}

pub(crate) fn validate_value(name: &[u8], value: &[u8]) -> Result<(), InvalidHeader> {
    match find_bad_value_byte(value) {
        None => Ok(()),
        Some((position, byte)) => Err(InvalidHeader::value(name, byte, position)),
    }
}

pub(crate) fn offset(value: usize) -> Result<u32, InvalidHeader> {
    u32::try_from(value).map_err(|_| InvalidHeader::TooLarge)
}

pub(crate) fn slice(buffer: &[u8], range: Range<usize>) -> &[u8] {
    buffer.get(range).unwrap_or(&[])
}
