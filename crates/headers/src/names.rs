//! Sets of names, and each name once: what several fields share.

use std::cmp::Ordering;

use crate::Headers;
use crate::field::compare_names;

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

/// Fields of the same name together: names in the order in which they were first seen, fields of
/// a name in theirs.
pub(crate) fn groups(headers: &Headers) -> Vec<Vec<usize>> {
    let key = |index: usize| {
        headers
            .fields
            .get(index)
            .map_or((0, &[][..]), |field| (field.tag, headers.name(field)))
    };
    let mut order: Vec<usize> = (0..headers.len()).collect();
    // Stable, so that fields of one name stay in order.
    order.sort_by(|&a, &b| compare(key(a), key(b)));
    let mut groups: Vec<Vec<usize>> = order
        .chunk_by(|&a, &b| compare(key(a), key(b)).is_eq())
        .map(<[usize]>::to_vec)
        .collect();
    groups.sort_unstable();
    groups
}

/// Any total order in which names are equal that differ in ASCII case at most.
pub(crate) fn compare(a: Key<'_>, b: Key<'_>) -> Ordering {
    a.0.cmp(&b.0).then_with(|| compare_names(a.1, b.1))
}
