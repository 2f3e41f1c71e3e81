//! The ways of cutting a byte stream that no reader may notice: whole, byte by byte, at every single
//! place, and at random.
//!
//! ```
//! use nuncio_testkit::split;
//! // A codec under test: here one that counts lines.
//! let whole = 2;
//! for cut in split::all(b"one\ntwo\n", 7) {
//!     let mut lines = 0;
//!     for piece in cut.pieces(b"one\ntwo\n") {
//!         lines += piece.iter().filter(|byte| **byte == b'\n').count();
//!     }
//!     assert_eq!(lines, whole, "{cut:?}");
//! }
//! ```

use crate::rng::Rng;

/// One way of cutting. Its `Debug` form says all that is needed to do it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// Not at all.
    Whole,
    /// Into pieces of this many bytes, at least 1; the last may be shorter.
    Every(usize),
    /// Into two, after this many bytes.
    At(usize),
    /// At random places that follow from the seed, into pieces of 1 to `max` bytes.
    Random {
        /// What the places follow from.
        seed: u64,
        /// No piece is longer.
        max: usize,
    },
}

/// How many random splits [`all`] adds.
const RANDOM: u64 = 32;

/// Whole, byte by byte, at every place, and 32 random ways that follow from `seed`.
pub fn all(bytes: &[u8], seed: u64) -> impl Iterator<Item = Split> + use<> {
    let length = bytes.len();
    let max = (length / 3).max(1);
    [Split::Whole, Split::Every(1)]
        .into_iter()
        .chain((1..length).map(Split::At))
        .chain((0..RANDOM).map(move |n| Split::Random {
            seed: seed.wrapping_add(n),
            max,
        }))
}

impl Split {
    /// The pieces, none of them empty, that together are `bytes`.
    pub fn pieces(self, bytes: &[u8]) -> impl Iterator<Item = &[u8]> + use<'_> {
        let mut cutter = Cutter::new(self);
        let mut rest = bytes;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let (piece, tail) = rest.split_at(cutter.next_length(rest.len()));
            rest = tail;
            Some(piece)
        })
    }
}

/// A split under way on a stream whose length is not known beforehand.
#[derive(Debug, Clone)]
pub(crate) struct Cutter {
    split: Split,
    rng: Rng,
    /// Bytes cut off so far.
    done: usize,
}

impl Cutter {
    pub(crate) fn new(split: Split) -> Self {
        let seed = if let Split::Random { seed, .. } = split {
            seed
        } else {
            0
        };
        Self {
            split,
            rng: Rng::new(seed),
            done: 0,
        }
    }

    /// How many of the `available` bytes, at least 1, the next piece has; at least 1.
    pub(crate) fn next_length(&mut self, available: usize) -> usize {
        let length = match self.split {
            Split::At(at) if self.done < at => at - self.done,
            Split::Whole | Split::At(_) => available,
            Split::Every(length) => length.max(1),
            Split::Random { max, .. } => 1 + self.rng.below(max.max(1)),
        };
        let length = length.min(available);
        self.done += length;
        length
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_split_keeps_the_bytes_and_all_two_way_splits_are_there() {
        let bytes: Vec<u8> = (0..50).collect();
        let mut firsts = Vec::new();
        for split in all(&bytes, 3) {
            let pieces: Vec<&[u8]> = split.pieces(&bytes).collect();
            assert_eq!(pieces.concat(), bytes, "{split:?}");
            assert!(pieces.iter().all(|piece| !piece.is_empty()));
            if pieces.len() == 2 && matches!(split, Split::At(_)) {
                firsts.push(pieces[0].len());
            }
        }
        assert_eq!(firsts, (1..50).collect::<Vec<_>>());
        assert_eq!(Split::Every(1).pieces(&bytes).count(), 50);
        assert_eq!(
            Split::Every(20)
                .pieces(&bytes)
                .map(<[u8]>::len)
                .collect::<Vec<_>>(),
            [20, 20, 10]
        );
    }

    #[test]
    fn a_seed_gives_the_same_pieces_again_and_another_seed_gives_others() {
        let bytes = [0; 200];
        let lengths = |seed| {
            let split = Split::Random { seed, max: 9 };
            split.pieces(&bytes).map(<[u8]>::len).collect::<Vec<_>>()
        };
        assert_eq!(lengths(1), lengths(1));
        assert_ne!(lengths(1), lengths(2));
        assert!(lengths(1).iter().all(|length| (1..=9).contains(length)));
    }

    #[test]
    fn nothing_has_no_pieces() {
        assert!(all(b"", 1).all(|split| split.pieces(b"").next().is_none()));
    }
}
