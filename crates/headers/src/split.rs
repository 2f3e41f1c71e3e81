//! Splitting values outside quotes.

/// Pieces of a value between separators that stand outside quotes, trimmed, empty ones left out.
///
/// A quoted string that does not end takes the rest with it.
#[derive(Clone)]
pub(crate) struct Elements<'a> {
    rest: &'a [u8],
    separator: u8,
}

impl<'a> Elements<'a> {
    pub(crate) fn new(value: &'a [u8], separator: u8) -> Self {
        Self {
            rest: value,
            separator,
        }
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        while !self.rest.is_empty() {
            let end = unquoted_position(self.rest, |byte| byte == self.separator);
            let (element, rest) = match end.and_then(|end| self.rest.split_at_checked(end)) {
                Some((element, rest)) => (element, rest.get(1..).unwrap_or_default()),
                None => (self.rest, &[][..]),
            };
            self.rest = rest;
            let element = trim(element);
            if !element.is_empty() {
                return Some(element);
            }
        }
        None
    }
}

/// Where the first byte outside quotes is that `wanted` says so of.
pub(crate) fn unquoted_position(text: &[u8], wanted: impl Fn(u8) -> bool) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    text.iter().position(|&byte| {
        if quoted {
            quoted = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
            return false;
        }
        quoted = byte == b'"';
        wanted(byte)
    })
}

/// Without the spaces and tabs at both ends.
pub(crate) fn trim(text: &[u8]) -> &[u8] {
    let space = |byte: &&u8| matches!(byte, b' ' | b'\t');
    let start = text.iter().take_while(space).count();
    let text = text.get(start..).unwrap_or_default();
    let end = text.len() - text.iter().rev().take_while(space).count();
    text.get(..end).unwrap_or_default()
}
