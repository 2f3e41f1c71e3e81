//! Looking at all fields, without allocation.

use std::iter::FusedIterator;
use std::slice;

use crate::Headers;
use crate::field::Field;

/// Every field in order: `(name, value)`, from [`Headers::iter`].
#[derive(Clone)]
pub struct Iter<'a> {
    headers: &'a Headers,
    fields: slice::Iter<'a, Field>,
}

impl<'a> Iter<'a> {
    pub(crate) fn new(headers: &'a Headers) -> Self {
        Self {
            headers,
            fields: headers.fields.iter(),
        }
    }

    fn item(&self, field: &'a Field) -> (&'a str, &'a [u8]) {
        (self.headers.name_str(field), self.headers.value(field))
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a str, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        self.fields.next().map(|field| self.item(field))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.fields.size_hint()
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.fields.next_back().map(|field| self.item(field))
    }
}

impl ExactSizeIterator for Iter<'_> {}
impl FusedIterator for Iter<'_> {}

impl std::fmt::Debug for Iter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Iter")
            .field("left", &self.len())
            .finish_non_exhaustive()
    }
}

impl<'a> IntoIterator for &'a Headers {
    type Item = (&'a str, &'a [u8]);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl Headers {
    /// The name as text; names are tokens, so it is ASCII.
    pub(crate) fn name_str(&self, field: &Field) -> &str {
        std::str::from_utf8(self.name(field)).unwrap_or_default()
    }
}
