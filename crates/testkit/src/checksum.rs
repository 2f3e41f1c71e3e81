//! A fast streaming checksum, for telling whether a body arrived whole and in order.

/// A 64-bit checksum over a byte stream, independent of how the stream is cut into pieces.
///
/// It takes eight bytes per step (xor, odd multiplication, rotation; the length is mixed in at the
/// end), so that checking 64 MiB costs little beside moving them, even without optimisation. Any change
/// within one eight-byte word changes the sum. It is not cryptographic and not a standard.
///
/// ```
/// use nuncio_testkit::checksum::Checksum;
/// let mut pieces = Checksum::new();
/// pieces.update(b"hel");
/// pieces.update(b"lo");
/// assert_eq!(pieces.finish(), Checksum::of(b"hello"));
/// assert_ne!(pieces.finish(), Checksum::of(b"hello\0"));
/// ```
#[derive(Debug, Clone)]
pub struct Checksum {
    state: u64,
    length: u64,
    tail: [u8; 8],
}

const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;

impl Checksum {
    /// The checksum of nothing yet.
    pub fn new() -> Self {
        Self {
            state: 0x6E75_6E63_696F_0001,
            length: 0,
            tail: [0; 8],
        }
    }

    /// The checksum of `bytes`.
    pub fn of(bytes: &[u8]) -> u64 {
        let mut sum = Self::new();
        sum.update(bytes);
        sum.finish()
    }

    /// Takes in the next bytes of the stream.
    pub fn update(&mut self, mut bytes: &[u8]) {
        let held = (self.length % 8) as usize;
        self.length += bytes.len() as u64;
        if held > 0 {
            let take = bytes.len().min(8 - held);
            self.tail[held..held + take].copy_from_slice(&bytes[..take]);
            bytes = &bytes[take..];
            if held + take < 8 {
                return;
            }
            self.state = mix(self.state, u64::from_le_bytes(self.tail));
        }
        let words = bytes.chunks_exact(8);
        let rest = words.remainder();
        let mut state = self.state;
        for word in words {
            let mut eight = [0; 8];
            eight.copy_from_slice(word);
            state = mix(state, u64::from_le_bytes(eight));
        }
        self.state = state;
        self.tail[..rest.len()].copy_from_slice(rest);
    }

    /// How many bytes were taken in.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The checksum of everything taken in so far; more may follow.
    pub fn finish(&self) -> u64 {
        let mut tail = self.tail;
        tail[(self.length % 8) as usize..].fill(0);
        mix(mix(self.state, u64::from_le_bytes(tail)), self.length)
    }
}

impl Default for Checksum {
    fn default() -> Self {
        Self::new()
    }
}

#[inline]
fn mix(state: u64, word: u64) -> u64 {
    (state ^ word).wrapping_mul(MULTIPLIER).rotate_left(29)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_of_cutting_gives_the_same_sum() {
        let bytes: Vec<u8> = (0..40).collect();
        let whole = Checksum::of(&bytes);
        for first in 0..=bytes.len() {
            for second in first..=bytes.len() {
                let mut sum = Checksum::new();
                sum.update(&bytes[..first]);
                sum.update(&bytes[first..second]);
                sum.update(&bytes[second..]);
                assert_eq!(sum.finish(), whole, "cut at {first} and {second}");
                assert_eq!(sum.length(), 40);
            }
        }
    }

    #[test]
    fn lost_doubled_changed_and_swapped_bytes_show() {
        let bytes: Vec<u8> = (0..64).map(|i| i as u8 ^ 0x5A).collect();
        let whole = Checksum::of(&bytes);
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0x80;
            assert_ne!(Checksum::of(&changed), whole, "changed at {at}");
            changed.remove(at);
            assert_ne!(Checksum::of(&changed), whole, "lost at {at}");
            let mut doubled = bytes.clone();
            doubled.insert(at, bytes[at]);
            assert_ne!(Checksum::of(&doubled), whole, "doubled at {at}");
        }
        let swapped = [&bytes[32..], &bytes[..32]].concat();
        assert_ne!(Checksum::of(&swapped), whole);
    }
}
