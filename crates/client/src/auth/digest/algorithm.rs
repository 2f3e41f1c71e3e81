//! The hash functions of Digest (RFC 7616 section 3.3, and two more that httpx knows).

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest as Hasher, Sha256, Sha512, Sha512_256};
use zeroize::Zeroizing;

/// A hash function of Digest, weakest first. Each stands for its `-sess` variant too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DigestAlgorithm {
    /// `MD5`: broken as a hash, and still what most servers offer.
    Md5,
    /// `SHA`, which is SHA-1: not registered; httpx knows it.
    Sha1,
    /// `SHA-256`.
    Sha256,
    /// `SHA-512-256`: SHA-512/256 of FIPS 180-4, which is not SHA-512 cut short.
    Sha512_256,
    /// `SHA-512`: not registered; httpx knows it.
    Sha512,
}

impl DigestAlgorithm {
    /// All of them, weakest first.
    pub const ALL: [Self; 5] = [
        Self::Md5,
        Self::Sha1,
        Self::Sha256,
        Self::Sha512_256,
        Self::Sha512,
    ];

    /// The name without `-sess`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha1 => "SHA",
            Self::Sha256 => "SHA-256",
            Self::Sha512_256 => "SHA-512-256",
            Self::Sha512 => "SHA-512",
        }
    }

    /// Reads a challenge's `algorithm`; the boolean says whether it ends in `-sess`. Names have no
    /// case.
    pub(crate) fn parse(name: &str) -> Option<(Self, bool)> {
        let split = name
            .len()
            .checked_sub(5)
            .and_then(|at| name.split_at_checked(at));
        let (name, session) = match split {
            Some((name, end)) if end.eq_ignore_ascii_case("-sess") => (name, true),
            _ => (name, false),
        };
        let mut all = Self::ALL.into_iter();
        let found = all.find(|known| known.name().eq_ignore_ascii_case(name));
        found.map(|algorithm| (algorithm, session))
    }

    /// The hash of `pieces` with colons between them, in lower-case hex.
    pub(crate) fn hash(self, pieces: &[&[u8]]) -> Zeroizing<String> {
        match self {
            Self::Md5 => hex_of::<Md5>(pieces),
            Self::Sha1 => hex_of::<Sha1>(pieces),
            Self::Sha256 => hex_of::<Sha256>(pieces),
            Self::Sha512_256 => hex_of::<Sha512_256>(pieces),
            Self::Sha512 => hex_of::<Sha512>(pieces),
        }
    }
}

/// Piece by piece, so that a password is never copied into a text that has to be wiped.
fn hex_of<H: Hasher>(pieces: &[&[u8]]) -> Zeroizing<String> {
    let mut hasher = H::new();
    for (index, piece) in pieces.iter().enumerate() {
        if index > 0 {
            hasher.update(b":");
        }
        hasher.update(piece);
    }
    let hash = hasher.finalize();
    let mut text = Zeroizing::new(String::with_capacity(2 * hash.len()));
    push_hex(&hash, &mut text);
    text
}

/// Appends `bytes` in lower-case hex.
pub(crate) fn push_hex(bytes: &[u8], text: &mut String) {
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(u32::from(digit), 16));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_without_case() {
        use DigestAlgorithm::*;
        let rows = [
            ("MD5", Some((Md5, false))),
            ("md5-sess", Some((Md5, true))),
            ("SHA", Some((Sha1, false))),
            ("SHA-256-SESS", Some((Sha256, true))),
            ("sha-512-256", Some((Sha512_256, false))),
            ("SHA-512-256-sess", Some((Sha512_256, true))),
            ("SHA-512", Some((Sha512, false))),
            ("SHA-1", None),
            ("-sess", None),
            ("", None),
            ("MD5-sess-sess", None),
            ("\u{fc}-sess", None),
            ("MD5\u{fc}sess", None),
        ];
        for (name, expected) in rows {
            assert_eq!(DigestAlgorithm::parse(name), expected, "{name}");
        }
    }

    #[test]
    fn hashes_of_abc() {
        let rows = [
            (DigestAlgorithm::Md5, "900150983cd24fb0d6963f7d28e17f72"),
            (
                DigestAlgorithm::Sha1,
                "a9993e364706816aba3e25717850c26c9cd0d89d",
            ),
            (
                DigestAlgorithm::Sha256,
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            ),
            (
                DigestAlgorithm::Sha512_256,
                "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23",
            ),
        ];
        for (algorithm, expected) in rows {
            assert_eq!(*algorithm.hash(&[b"abc"]), expected);
        }
        assert_eq!(DigestAlgorithm::Sha512.hash(&[b"abc"]).len(), 128);
    }
}
