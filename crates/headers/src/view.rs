//! Names once, values joined, lists split.

use std::borrow::Cow;
use std::fmt;

use crate::Headers;
use crate::encoding;
use crate::field::Field;
use crate::names::{Key, compare};

impl Headers {
    /// The value bytes of the field at `first` and of those of its name after it, joined.
    pub(crate) fn joined(&self, first: usize) -> Cow<'_, [u8]> {
        let mut fields = self.same_name(first).map(|field| self.value(field));
        let head = fields.next().unwrap_or_default();
        let Some(second) = fields.next() else {
            return Cow::Borrowed(head);
        };
        let mut joined = Vec::with_capacity(head.len() + second.len() + 2);
        joined.extend_from_slice(head);
        for value in std::iter::once(second).chain(fields) {
            joined.extend_from_slice(b", ");
            joined.extend_from_slice(value);
        }
        Cow::Owned(joined)
    }
}

impl PartialEq for Headers {
    fn eq(&self, other: &Self) -> bool {
        if self.len() != other.len() || self.buffer.len() != other.buffer.len() {
            return false;
        }
        let (ours, theirs) = (sorted(self), sorted(other));
        ours.iter()
            .zip(&theirs)
            .all(|(a, b)| compare(a.0, b.0).is_eq() && a.1 == b.1)
    }
}

impl Eq for Headers {}

/// Names and values in an order that depends only on them.
fn sorted(headers: &Headers) -> Vec<(Key<'_>, &[u8])> {
    let pair = |field: &Field| ((field.tag, headers.name(field)), headers.value(field));
    let mut pairs: Vec<_> = headers.fields.iter().map(pair).collect();
    pairs.sort_unstable_by(|a, b| compare(a.0, b.0).then_with(|| a.1.cmp(b.1)));
    pairs
}

/// Fields whose values are credentials.
pub(crate) fn is_sensitive(name: &str) -> bool {
    [
        "authorization",
        "proxy-authorization",
        "cookie",
        "set-cookie",
    ]
    .iter()
    .any(|secret| name.eq_ignore_ascii_case(secret))
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |name: &str, value| match is_sensitive(name) {
            true => Cow::Borrowed("[secure]"),
            false => encoding::decode(self, Cow::Borrowed(value)),
        };
        let pairs = self.iter().map(|(name, value)| (name, shown(name, value)));
        if self.first_of_each().len() == self.len() {
            f.debug_map().entries(pairs).finish()
        } else {
            f.debug_list().entries(pairs).finish()
        }
    }
}
