//! The record of one field: where its line lies in the buffer, and a tag of its name.

use std::ops::Range;

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

/// A hash of a name that ignores ASCII case.
///
/// Names with different tags differ; names with equal tags still have to be compared. Nothing
/// is bucketed by it, so that peers who look for collisions only get that comparison.
pub(crate) fn tag(name: &[u8]) -> u32 {
    let mut hash = name.len() as u64;
    let (words, rest) = name.as_chunks::<8>();
    for word in words {
        hash = mix(hash, u64::from_le_bytes(*word));
    }
    if !rest.is_empty() {
        hash = mix(hash, last_word(name));
    }
    (hash >> 32) as u32
}

/// Folds letters to lower case (and a few other bytes together, which costs nothing but a
/// comparison), then spreads the bits.
fn mix(hash: u64, word: u64) -> u64 {
    let product = (hash ^ (word | 0x2020_2020_2020_2020)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    product ^ (product >> 29)
}

/// The last eight bytes of a name; the whole of a shorter one.
fn last_word(name: &[u8]) -> u64 {
    if let Some(word) = name.last_chunk::<8>() {
        return u64::from_le_bytes(*word);
    }
    if let (Some(head), Some(tail)) = (name.first_chunk::<4>(), name.last_chunk::<4>()) {
        return u64::from(u32::from_le_bytes(*head)) | u64::from(u32::from_le_bytes(*tail)) << 32;
    }
    name.iter()
        .fold(0, |word, &byte| word << 8 | u64::from(byte))
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
                assert_ne!(tag(name), tag(&other), "{len} {position}");
            }
        }
    }
}
