//! [`Headers`]: storage, look-up and change.

use std::borrow::Cow;

use crate::encoding::{self, Encoding};
use crate::field::{Field, tag};
use crate::iter::Iter;
use crate::names::NameSet;
use crate::{InvalidHeader, check_name, check_value};

/// Ordered header fields; names keep their case and compare without it, duplicates are kept.
///
/// All fields lie in one buffer in the form in which HTTP/1.1 sends them, with one 16-byte record
/// each beside it: at most two allocations. Whatever is in it is valid to send: names are tokens
/// (RFC 9110 section 5.6.2), values hold no control byte but HTAB and neither start nor end with
/// a space or tab (section 5.5). All fields together take at most `u32::MAX` bytes.
///
/// Equality ignores the order of fields and the case of names, not the number of duplicates.
/// `Debug` hides the values of fields that carry credentials.
#[derive(Clone, Default)]
pub struct Headers {
    pub(crate) buffer: Vec<u8>,
    pub(crate) fields: Vec<Field>,
    /// The bits of all tags, and perhaps of fields that are gone: most look-ups of what is not there
    /// end here.
    pub(crate) tag_bits: u64,
    pub(crate) encoding: Option<Encoding>,
}

impl Headers {
    /// No fields; allocates nothing.
    pub const fn new() -> Self {
        Self {
            buffer: Vec::new(),
            fields: Vec::new(),
            tag_bits: 0,
            encoding: None,
        }
    }

    /// Room for `fields` fields of `bytes` bytes together, where a field takes its name, its
    /// value and four more.
    #[inline]
    pub fn with_capacity(fields: usize, bytes: usize) -> Self {
        Self {
            buffer: Vec::with_capacity(bytes),
            fields: Vec::with_capacity(fields),
            tag_bits: 0,
            encoding: None,
        }
    }

    /// The number of fields, duplicates included.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Whether a field of that name is there.
    #[inline]
    pub fn contains(&self, name: &str) -> bool {
        self.position(name.as_bytes()).is_some()
    }

    /// The values of that name as text, joined with `", "` where there are several.
    ///
    /// Bytes are decoded by [`encoding`](Self::encoding). Fields whose values may hold commas of
    /// their own (Set-Cookie) need [`get_all`](Self::get_all).
    #[inline]
    pub fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        let first = self.position(name.as_bytes())?;
        Some(encoding::decode(self, self.joined(first)))
    }

    /// The first value of that name, as the bytes that were sent.
    #[inline]
    pub fn first(&self, name: &str) -> Option<&[u8]> {
        self.first_tagged(tag(name.as_bytes()), name.as_bytes())
    }

    /// Every value of that name in order, as the bytes that were sent.
    pub fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let first = self.position(name.as_bytes());
        self.same_name(first.unwrap_or(self.fields.len()))
            .map(|field| self.value(field))
    }

    /// Every field in order: the name in the case that it was given, and the value.
    pub fn iter(&self) -> Iter<'_> {
        Iter::new(self)
    }

    /// As [`iter`](Self::iter), with the names as bytes: cheaper where they are only compared.
    #[inline]
    pub fn iter_bytes(&self) -> impl ExactSizeIterator<Item = (&[u8], &[u8])> {
        let fields = self.fields.iter();
        fields.map(|field| (self.name(field), self.value(field)))
    }

    /// Adds a field after all others.
    ///
    /// # Errors
    /// [`InvalidHeader`] when name or value is not valid; nothing has changed then.
    pub fn append(
        &mut self,
        name: impl AsRef<str>,
        value: impl AsRef<[u8]>,
    ) -> Result<(), InvalidHeader> {
        self.append_bytes(name.as_ref().as_bytes(), value.as_ref())
    }

    /// Sets a field: it takes the place of the first of that name, with the new case, and the
    /// others of that name go. It comes last when there was none.
    ///
    /// # Errors
    /// [`InvalidHeader`] when name or value is not valid; nothing has changed then.
    pub fn insert(
        &mut self,
        name: impl AsRef<str>,
        value: impl AsRef<[u8]>,
    ) -> Result<(), InvalidHeader> {
        let (name, value) = (name.as_ref(), value.as_ref());
        let Some(first) = self.position(name.as_bytes()) else {
            return self.append(name, value);
        };
        check_name(name)?;
        check_value(name, value)?;
        self.replace(first, name.as_bytes(), value)?;
        self.remove_from(first + 1, name.as_bytes());
        Ok(())
    }

    /// Adds a field unless there is one of that name (`setdefault` of httpx); says whether it did.
    ///
    /// # Errors
    /// [`InvalidHeader`] when name or value is not valid, even when a field was there.
    pub fn insert_if_absent(
        &mut self,
        name: impl AsRef<str>,
        value: impl AsRef<[u8]>,
    ) -> Result<bool, InvalidHeader> {
        let (name, value) = (name.as_ref(), value.as_ref());
        if self.contains(name) {
            check_value(name, value)?;
            return Ok(false);
        }
        self.append(name, value)?;
        Ok(true)
    }

    /// Removes every field of that name; says how many there were.
    pub fn remove(&mut self, name: &str) -> usize {
        match self.position(name.as_bytes()) {
            Some(first) => self.remove_from(first, name.as_bytes()),
            None => 0,
        }
    }

    /// Removes every field of that name and gives the value that [`get`](Self::get) would have
    /// given.
    pub fn pop(&mut self, name: &str) -> Option<String> {
        let value = self.get(name)?.into_owned();
        self.remove(name);
        Some(value)
    }

    /// Removes every field whose name occurs in `other`, then adds all fields of `other` after
    /// the rest, its duplicates included.
    ///
    /// # Errors
    /// [`InvalidHeader::TooLarge`]; nothing has changed then.
    pub fn update(&mut self, other: &Headers) -> Result<(), InvalidHeader> {
        if other.is_empty() {
            return Ok(());
        }
        let total = self.buffer.len().saturating_add(other.buffer.len());
        u32::try_from(total).map_err(|_| InvalidHeader::TooLarge)?;
        if self.tag_bits & other.tag_bits != 0 {
            let names = NameSet::new(other);
            self.retain_from(0, |tag, name| !names.contains(tag, name));
        }
        self.extend_unchecked(other);
        Ok(())
    }

    /// Removes every field and keeps the memory.
    pub fn clear(&mut self) {
        self.buffer.clear();
        self.fields.clear();
        self.tag_bits = 0;
    }

    /// Appends `Name: value\r\n` for every field, as an HTTP/1.1 head holds them.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.buffer);
    }

    /// The same bytes as [`write_to`](Self::write_to) appends.
    pub fn as_wire(&self) -> &[u8] {
        &self.buffer
    }
}
