//! Which bytes a field name and a field value may hold, and the check for each.

use crate::field::{Ends, words};
use crate::{InvalidHeader, swar};

/// `tchar` of RFC 9110 section 5.6.2.
const TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        table[byte] = b.is_ascii_alphanumeric()
            || matches!(
                b,
                b'!' | b'#'
                    | b'$'
                    | b'%'
                    | b'&'
                    | b'\''
                    | b'*'
                    | b'+'
                    | b'-'
                    | b'.'
                    | b'^'
                    | b'_'
                    | b'`'
                    | b'|'
                    | b'~'
            );
        byte += 1;
    }
    table
};

/// Checks a field name: one or more `tchar` of RFC 9110 section 5.6.2.
///
/// # Errors
/// [`InvalidHeader::EmptyName`] or [`InvalidHeader::Name`].
pub fn check_name(name: impl AsRef<[u8]>) -> Result<(), InvalidHeader> {
    let name = name.as_ref();
    if is_token(name) {
        Ok(())
    } else {
        Err(name_error(name))
    }
}

/// Checks a field value: HTAB, SP, 0x21 to 0x7E and 0x80 to 0xFF, with neither space nor tab at
/// either end (RFC 9110 section 5.5). Empty is valid.
///
/// `name` is only used to say whose value was wrong.
///
/// # Errors
/// [`InvalidHeader::Value`].
pub fn check_value(name: &str, value: impl AsRef<[u8]>) -> Result<(), InvalidHeader> {
    match find_bad_value_byte(value.as_ref()) {
        None => Ok(()),
        Some((position, byte)) => Err(InvalidHeader::value(name.as_bytes(), byte, position)),
    }
}

/// Whether `text` is one or more `tchar`.
#[inline]
pub(crate) fn is_token(text: &[u8]) -> bool {
    (Ends::new(text).unusual() == 0 && (text.len() <= 16 || unusual(text) == 0))
        || is_unusual_token(text)
}

/// Zero when all whole words of `name` are letters and dashes.
#[inline(never)]
pub(crate) fn unusual(name: &[u8]) -> u64 {
    let (words, _) = name.as_chunks::<8>();
    words.iter().fold(0, |unusual, word| {
        unusual | swar::neither_letters_nor_dashes(u64::from_le_bytes(*word))
    })
}

#[inline(never)]
fn is_unusual_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|&byte| is_token_byte(byte))
}

/// Whether `byte` is a `tchar`.
#[inline]
pub(crate) fn is_token_byte(byte: u8) -> bool {
    TOKEN[usize::from(byte)]
}

/// Whether `byte` may not stand in a value. (CR and LF included.)
pub(crate) const fn is_control(byte: u8) -> bool {
    (byte < 0x20 && byte != b'\t') || byte == 0x7F
}

/// How many bytes of `bytes` are not in 0x20 to 0x7E.
pub(crate) fn count_unprintable(bytes: &[u8]) -> usize {
    // Counting in a `u8` lets the compiler look at a whole vector of bytes at a time.
    bytes
        .chunks(224)
        .map(|chunk| {
            // Printable bytes are moved to the lowest of `i8`: vectors compare with signs.
            const LAST: i8 = b'~'.wrapping_add(MOVE) as i8;
            const MOVE: u8 = 0x80 - b' ';
            let count = |count, byte: &u8| count + u8::from(byte.wrapping_add(MOVE) as i8 > LAST);
            usize::from(chunk.iter().fold(0_u8, count))
        })
        .sum()
}

/// Whether a space or tab stands at either end.
pub(crate) fn has_outer_space(value: &[u8]) -> bool {
    let space = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    space(value.first()) | space(value.last())
}

/// The first byte that makes `value` invalid, with its position.
pub(crate) fn find_bad_value_byte(value: &[u8]) -> Option<(usize, u8)> {
    if !has_outer_space(value) && words(value).all(swar::is_printable) {
        return None;
    }
    let last = value.len().saturating_sub(1);
    value.iter().copied().enumerate().find(|&(position, byte)| {
        is_control(byte) || ((position == 0 || position == last) && matches!(byte, b' ' | b'\t'))
    })
}

/// The error for a name that is no token.
pub(crate) fn name_error(name: &[u8]) -> InvalidHeader {
    match name
        .iter()
        .copied()
        .enumerate()
        .find(|&(_, byte)| !is_token_byte(byte))
    {
        Some((position, byte)) => InvalidHeader::name(name, byte, position),
        None => InvalidHeader::EmptyName,
    }
}
