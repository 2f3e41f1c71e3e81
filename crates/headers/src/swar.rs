//! Eight ASCII bytes at a time in a `u64`.

const HIGH: u64 = each(0x80);

/// `byte` in all eight places.
pub(crate) const fn each(byte: u8) -> u64 {
    byte as u64 * 0x0101_0101_0101_0101
}

/// The high bit of every byte from `first` to `last`; right where no byte of `word` is above 0x7F.
const fn between(word: u64, first: u8, last: u8) -> u64 {
    // Adding what is missing to 0x80 sets the high bit, and no byte is big enough to carry.
    (word + each(0x80 - first)) & !(word + each(0x7F - last)) & HIGH
}

/// Every byte as `u8::to_ascii_lowercase` gives it.
pub(crate) const fn lower(word: u64) -> u64 {
    word | ((between(word & !HIGH, b'A', b'Z') & !word) >> 2)
}

/// The bits in which two words differ by more than the case of ASCII letters.
pub(crate) const fn differences(one: u64, two: u64) -> u64 {
    let letters = between((one | each(0x20)) & !HIGH, b'a', b'z') & !one;
    (one ^ two) & !(letters >> 2)
}

/// Whether all bytes are in 0x20 to 0x7E.
pub(crate) const fn is_printable(word: u64) -> bool {
    between(word & !HIGH, b' ', b'~') & !word & HIGH == HIGH
}

/// The high bit of every byte that is neither an ASCII letter nor a dash.
pub(crate) const fn neither_letters_nor_dashes(word: u64) -> u64 {
    let low = word & !HIGH;
    // Only a zero stays below 0x80 here.
    let no_dashes = (low ^ each(b'-')) + !HIGH;
    ((no_dashes & !between(low | each(0x20), b'a', b'z')) | word) & HIGH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_in_every_place() {
        for byte in 0..=255_u8 {
            for place in 0..8 {
                let mut bytes = *b"a-Z.0z9A";
                bytes[place] = byte;
                let word = u64::from_le_bytes(bytes);
                assert_eq!(
                    lower(word).to_le_bytes(),
                    bytes.map(|b| b.to_ascii_lowercase())
                );
                assert_eq!(is_printable(word), (b' '..=b'~').contains(&byte));
            }
        }
    }
}
