//! Sets of names, and each name once: what several fields share.

use std::cmp::Ordering;

use crate::Headers;
use crate::field::Field;

/// A name with its tag in front, which decides most comparisons.
pub(crate) type Key<'a> = (u32, &'a [u8]);

/// Below this a scan over the records beats any index.
const SCAN: usize = 32;

/// The names of some headers. Asking a small set scans it; a big one is sorted once, so that
/// many hostile names do not cost their square.
pub(crate) enum NameSet<'a> {
    Scan(&'a Headers),
    Sorted(Vec<Key<'a>>),
}

impl<'a> NameSet<'a> {
    pub(crate) fn new(headers: &'a Headers) -> Self {
        if headers.len() <= SCAN {
            return Self::Scan(headers);
        }
        let names = headers
            .fields
            .iter()
            .map(|field| (field.tag, headers.name(field)));
        let mut sorted: Vec<_> = names.collect();
        sorted.sort_unstable_by(|a, b| compare(*a, *b));
        Self::Sorted(sorted)
    }

    pub(crate) fn contains(&self, tag: u32, name: &[u8]) -> bool {
        match self {
            Self::Scan(headers) => headers.position_tagged(tag, name).is_some(),
            Self::Sorted(names) => names
                .binary_search_by(|probe| compare(*probe, (tag, name)))
                .is_ok(),
        }
    }
}

impl Headers {
    /// The indices of the first field of each name, in order.
    pub(crate) fn first_of_each(&self) -> Vec<usize> {
        let name = |field: &Field| (field.tag, self.name(field));
        if self.len() <= SCAN {
            let earlier = |index: usize, field: &Field| {
                self.position_tagged(field.tag, self.name(field)) == Some(index)
            };
            return self
                .fields
                .iter()
                .enumerate()
                .filter(|(index, field)| earlier(*index, field))
                .map(|(index, _)| index)
                .collect();
        }
        let mut named: Vec<(usize, Key<'_>)> = self.fields.iter().map(name).enumerate().collect();
        // Stable, so that the first of each run is the first that was added.
        named.sort_by(|a, b| compare(a.1, b.1));
        named.dedup_by(|a, b| compare(a.1, b.1).is_eq());
        let mut indices: Vec<usize> = named.into_iter().map(|(index, _)| index).collect();
        indices.sort_unstable();
        indices
    }
}

/// Any total order in which names are equal that differ only in ASCII case.
pub(crate) fn compare(a: Key<'_>, b: Key<'_>) -> Ordering {
    a.0.cmp(&b.0).then_with(|| {
        let lower = |name: &'_ [u8]| name.iter().map(u8::to_ascii_lowercase).collect::<Vec<_>>();
        if a.1.eq_ignore_ascii_case(b.1) {
            Ordering::Equal
        } else {
            lower(a.1).cmp(&lower(b.1))
        }
    })
}
