//! The record of one field: where its line lies in the buffer, and a tag of its name.

use std::cmp::Ordering;
use std::ops::Range;

use crate::swar;

/// What stands between name and value in the buffer.
pub(crate) const SEPARATOR: &[u8; 2] = b": ";
/// What ends a field in the buffer.
pub(crate) const LINE_END: &[u8; 2] = b"\r\n";
/// Bytes of a line that are neither name nor value.
pub(crate) const OVERHEAD: usize = SEPARATOR.len() + LINE_END.len();

/// One field. The buffer holds `name: value\r\n` at `start`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Field {
    pub(crate) start: u32,
    pub(crate) name_len: u32,
    pub(crate) value_len: u32,
    pub(crate) tag: u32,
}

impl Field {
    pub(crate) fn name_range(&self) -> Range<usize> {
        let start = self.start as usize;
        start..start + self.name_len as usize
    }

    pub(crate) fn value_range(&self) -> Range<usize> {
        let start = self.start as usize + self.name_len as usize + SEPARATOR.len();
        start..start + self.value_len as usize
    }

    pub(crate) fn line_range(&self) -> Range<usize> {
        let start = self.start as usize;
        start..start + self.line_len()
    }

    pub(crate) fn line_len(&self) -> usize {
        line_len(self.name_len as usize, self.value_len as usize)
    }
}

/// How many bytes the line of such a field takes.
pub(crate) fn line_len(name: usize, value: usize) -> usize {
    name.saturating_add(value).saturating_add(OVERHEAD)
}

/// A hash of a name that ignores ASCII case: of its length, its first and its last eight bytes.
///
/// Names with different tags differ; names with equal tags still have to be compared. Nothing
/// is bucketed by it, so that peers who look for collisions only get that comparison.
#[inline]
pub(crate) fn tag(name: &[u8]) -> u32 {
    Ends::new(name).tag()
}

/// One of 64 bits, by which a set of tags tells most that are not in it. In these six bits of a tag
/// the names that a client always looks for, and mostly in vain, differ from those that are there.
#[inline]
pub(crate) fn tag_bit(tag: u32) -> u64 {
    1 << ((tag >> 23) & 63)
}

/// The first and the last eight bytes of a name, which are all of most names.
pub(crate) struct Ends {
    len: usize,
    first: u64,
    last: u64,
}

impl Ends {
    /// Of a name shorter than eight bytes both are [`last_word`].
    #[inline]
    pub(crate) fn new(name: &[u8]) -> Self {
        let last = last_word(name);
        let first = name.first_chunk::<8>();
        Self {
            len: name.len(),
            first: first.map_or(last, |word| u64::from_le_bytes(*word)),
            last,
        }
    }

    /// Zero when all bytes are letters or dashes, as those of nearly all names are. (The zeros of an
    /// empty name are neither.)
    #[inline]
    pub(crate) fn unusual(&self) -> u64 {
        swar::neither_letters_nor_dashes(self.first) | swar::neither_letters_nor_dashes(self.last)
    }

    #[inline]
    pub(crate) fn tag(&self) -> u32 {
        // This folds letters to lower case (and some other bytes together, which does not matter).
        let fold = |word| word | swar::each(0x20);
        let first = (fold(self.first) ^ self.len as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let last = fold(self.last).wrapping_mul(0xC2B2_AE3D_27D4_EB4F);
        ((first ^ last) >> 32) as u32
    }
}

/// Any total order in which names are equal that differ in ASCII case at most.
pub(crate) fn compare_names(a: &[u8], b: &[u8]) -> Ordering {
    a.len()
        .cmp(&b.len())
        .then_with(|| words(a).map(swar::lower).cmp(words(b).map(swar::lower)))
}

/// Whether two names differ in ASCII case at most.
#[inline]
pub(crate) fn same_name(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    if a.len() > 16 {
        return same_words(a, b);
    }
    let (a, b) = (Ends::new(a), Ends::new(b));
    swar::differences(a.first, b.first) | swar::differences(a.last, b.last) == 0
}

/// The same of two names of one length, of more than a word. Words are mostly equal as they are.
#[inline(never)]
fn same_words(a: &[u8], b: &[u8]) -> bool {
    let same = |a, b| a == b || swar::differences(a, b) == 0;
    let (whole_a, whole_b) = (a.as_chunks::<8>().0, b.as_chunks::<8>().0);
    same(last_word(a), last_word(b))
        && whole_a
            .iter()
            .zip(whole_b)
            .all(|(a, b)| same(u64::from_le_bytes(*a), u64::from_le_bytes(*b)))
}

/// All bytes of `name`, eight by eight; the last word is [`last_word`].
#[inline]
pub(crate) fn words(name: &[u8]) -> impl Iterator<Item = u64> {
    let (whole, rest) = name.as_chunks::<8>();
    let last = (!rest.is_empty()).then(|| last_word(name));
    whole
        .iter()
        .map(|word| u64::from_le_bytes(*word))
        .chain(last)
}

/// The last eight bytes; of a shorter name all, some twice; of an empty one zeros.
#[inline]
pub(crate) fn last_word(name: &[u8]) -> u64 {
    if let Some(word) = name.last_chunk::<8>() {
        return u64::from_le_bytes(*word);
    }
    if let (Some(head), Some(tail)) = (name.first_chunk::<4>(), name.last_chunk::<4>()) {
        return u64::from(u32::from_le_bytes(*head)) | u64::from(u32::from_le_bytes(*tail)) << 32;
    }
    match *name {
        [] => 0,
        [a] => u64::from_le_bytes([a; 8]),
        [a, b] => u64::from_le_bytes([a, b, a, b, a, b, a, b]),
        [a, b, c, ..] => u64::from_le_bytes([a, b, c, a, b, c, a, b]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_does_not_change_a_tag_and_single_bytes_do() {
        let text = b"Access-Control-Allow-Credentials";
        for len in 1..=text.len() {
            let name = &text[..len];
            assert_eq!(tag(name), tag(&name.to_ascii_uppercase()));
            assert_eq!(tag(name), tag(&name.to_ascii_lowercase()));
            for position in 0..len {
                let mut other = name.to_vec();
                other[position] = b'0';
                let hashed = position < 8 || position + 8 >= len;
                assert_eq!(tag(name) != tag(&other), hashed, "{len} {position}");
            }
        }
    }

    #[test]
    fn names_are_the_same_in_any_case_and_not_with_any_other_byte_changed() {
        let text = b"Access-Control-Allow-Credentials";
        for len in 0..=text.len() {
            let name = &text[..len];
            assert!(same_name(name, &name.to_ascii_uppercase()));
            for position in 0..len {
                for byte in 0..=255 {
                    let mut other = name.to_vec();
                    other[position] = byte;
                    assert_eq!(same_name(name, &other), name.eq_ignore_ascii_case(&other));
                }
            }
            assert!(!same_name(name, &text[..len.max(1) - 1]) || len == 0);
        }
    }
}
