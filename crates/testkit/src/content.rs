//! The bytes that the servers send as a body of N bytes: the same in every run, different at every
//! place, so that a lost, doubled or reordered piece shows in a checksum or a comparison.

use std::sync::OnceLock;

use crate::checksum::Checksum;
use crate::rng::Rng;

/// The content repeats after this many bytes: a prime, so that no power-of-two piece repeats in step.
const PERIOD: usize = 1_048_573;

fn pattern() -> &'static [u8] {
    static PATTERN: OnceLock<Vec<u8>> = OnceLock::new();
    PATTERN.get_or_init(|| {
        let mut rng = Rng::new(0x6E75_6E63_696F);
        let words = (0..PERIOD.div_ceil(8)).flat_map(|_| rng.next_u64().to_le_bytes());
        words.take(PERIOD).map(|byte| b'!' + byte % 94).collect()
    })
}

/// The content from byte `offset` on, at most `limit` bytes of it, borrowed for free. It may be less
/// than `limit`, but is empty only for a `limit` of 0: the content has no end. All of it is printable
/// ASCII without a space.
///
/// ```
/// assert_eq!(nuncio_testkit::content::slice(7, 3), &nuncio_testkit::content::bytes(10)[7..]);
/// ```
pub fn slice(offset: u64, limit: usize) -> &'static [u8] {
    let rest = &pattern()[(offset % PERIOD as u64) as usize..];
    &rest[..rest.len().min(limit)]
}

/// The first `length` bytes of the content.
pub fn bytes(length: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(length);
    while out.len() < length {
        out.extend_from_slice(slice(out.len() as u64, length - out.len()));
    }
    out
}

/// The [`Checksum`] of the first `length` bytes of the content.
pub fn checksum(length: u64) -> u64 {
    let mut sum = Checksum::new();
    while sum.length() < length {
        let left = usize::try_from(length - sum.length()).unwrap_or(usize::MAX);
        sum.update(slice(sum.length(), left));
    }
    sum.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_goes_on_past_its_period() {
        let length = PERIOD * 2 + 17;
        let all = bytes(length);
        assert_eq!(all.len(), length);
        assert_eq!(all[..100], all[PERIOD..PERIOD + 100]);
        assert_eq!(checksum(length as u64), Checksum::of(&all));
        assert!(all.iter().all(u8::is_ascii_graphic));
    }
}
