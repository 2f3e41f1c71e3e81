//! Names once, values joined, lists split.

use std::borrow::Cow;
use std::fmt;

use crate::Headers;
use crate::encoding;
use crate::field::Field;
use crate::names::{Key, compare, groups};
use crate::split::{Elements, trim};

impl Headers {
    /// Each name once, in lower case, in the order in which they were first seen.
    pub fn keys(&self) -> impl Iterator<Item = String> + use<'_> {
        self.items().map(|(name, _)| name)
    }

    /// Each name once, in lower case, with the value that [`get`](Self::get) gives.
    pub fn items(&self) -> impl Iterator<Item = (String, Cow<'_, str>)> + use<'_> {
        groups(self).into_iter().filter_map(|group| {
            let mut fields = group.iter().filter_map(|&index| self.fields.get(index));
            let name = self.name_str(fields.clone().next()?).to_ascii_lowercase();
            let value = join(fields.by_ref().map(|field| self.value(field)));
            Some((name, encoding::decode(self, value)))
        })
    }

    /// All values of that name, split at every comma, each piece without the spaces around it.
    ///
    /// Commas inside quotes split as well, and empty pieces stay: what `get_list` of httpx does.
    /// [`list`](Self::list) is the one that RFC 9110 asks for.
    pub fn split_commas<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.get_all(name)
            .flat_map(|value| value.split(|&byte| byte == b','))
            .map(trim)
    }

    /// The elements of a list field (RFC 9110 section 5.6.1): all values of that name, split at
    /// the commas outside quotes, each element without the spaces around it, empty ones left out.
    pub fn list<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.get_all(name)
            .flat_map(|value| Elements::new(value, b','))
    }

    /// Bytes of a value as text, by [`encoding`](Self::encoding).
    pub fn decode<'a>(&self, value: &'a [u8]) -> Cow<'a, str> {
        encoding::decode(self, Cow::Borrowed(value))
    }

    /// The value bytes of the field at `first` and of those of its name after it, joined.
    pub(crate) fn joined(&self, first: usize) -> Cow<'_, [u8]> {
        join(self.same_name(first).map(|field| self.value(field)))
    }
}

fn join<'a>(mut values: impl Iterator<Item = &'a [u8]>) -> Cow<'a, [u8]> {
    let head = values.next().unwrap_or_default();
    let Some(second) = values.next() else {
        return Cow::Borrowed(head);
    };
    let mut joined = head.to_vec();
    for value in std::iter::once(second).chain(values) {
        joined.extend_from_slice(b", ");
        joined.extend_from_slice(value);
    }
    Cow::Owned(joined)
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
const SENSITIVE: [&str; 4] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
];

/// Whether values of this field are credentials.
pub(crate) fn is_sensitive(name: &str) -> bool {
    SENSITIVE
        .iter()
        .any(|secret| name.eq_ignore_ascii_case(secret))
}

impl Headers {
    /// Whether a field is among them whose value is a credential, which `Debug` hides: Authorization,
    /// Proxy-Authorization, Cookie, Set-Cookie.
    pub fn holds_credentials(&self) -> bool {
        SENSITIVE.iter().any(|secret| self.contains(secret))
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |name: &str, value| match is_sensitive(name) {
            true => Cow::Borrowed("[secure]"),
            false => encoding::decode(self, Cow::Borrowed(value)),
        };
        let pairs = self.iter().map(|(name, value)| (name, shown(name, value)));
        if groups(self).len() == self.len() {
            f.debug_map().entries(pairs).finish()
        } else {
            f.debug_list().entries(pairs).finish()
        }
    }
}
