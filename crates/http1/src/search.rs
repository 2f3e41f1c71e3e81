//! [`EndSearch`]: where a head or trailer section ends, found without looking at a byte twice.

use std::ops::Range;

/// Goes through a section as its bytes arrive; remembers how far it came.
#[derive(Debug, Clone, Default)]
pub(crate) struct EndSearch {
    /// Everything before this was searched.
    at: usize,
    /// Where the first line that is not empty begins: past what [`skip_empty`] let through.
    ///
    /// [`skip_empty`]: EndSearch::skip_empty
    start: usize,
    /// Where the first LF stands that is alone.
    bare_lf: Option<usize>,
    /// Bytes looked at, for the test that holds the work linear.
    #[cfg(test)]
    pub(crate) scanned: usize,
}

impl EndSearch {
    /// The length of the section with its empty line, once that is there.
    ///
    /// `input` begins at the section's first byte at every call and never gets shorter.
    pub(crate) fn advance(&mut self, input: &[u8]) -> Option<usize> {
        while let Some(at) = find_stop(input, self.at) {
            let line = line_before(input, at);
            if !line.ends_with(b"\r") {
                self.bare_lf.get_or_insert(at);
            }
            self.searched_to(at + 1);
            if matches!(line, b"" | b"\r") {
                return Some(at + 1);
            }
        }
        self.searched_to(self.at.max(input.len()));
        None
    }

    /// After [`advance`](Self::advance) found the end of an empty first line: go on behind it.
    pub(crate) fn skip_empty(&mut self) {
        self.start = self.at;
    }

    pub(crate) fn start(&self) -> usize {
        self.start
    }

    /// Whether a section that ends at `end` is the empty line and nothing else.
    pub(crate) fn is_empty(&self, end: usize) -> bool {
        end - self.start <= 2
    }

    /// Where the first line is, if there is one, that ended with LF alone. (The empty one counts.)
    pub(crate) fn bare_lf(&self, input: &[u8]) -> Option<Range<usize>> {
        let end = self.bare_lf?;
        Some(end - line_before(input, end).len()..end)
    }

    fn searched_to(&mut self, at: usize) {
        #[cfg(test)]
        {
            self.scanned += at - self.at;
        }
        self.at = at;
    }
}

/// Where, from `from` on, the first LF stands that ends an empty line or has no CR before it.
fn find_stop(input: &[u8], from: usize) -> Option<usize> {
    // Such an LF shows in the two bytes before it: no CR, or a CR with another line's end or
    // nothing before it. What is before the first byte is as good as a line's end.
    let mut first = input.iter().take(2).skip(from);
    if let Some(at) = first.position(|byte| *byte == b'\n') {
        return Some(from + at);
    }
    // Whether a block holds one at all is asked of a whole vector of bytes at a time.
    let mut at = from.max(2);
    while let Some(window) = input.get(at - 2..)?.first_chunk::<WINDOW>() {
        if has_stop(window) {
            break;
        }
        at += WINDOW - 2;
    }
    let stop = |bytes: &[u8]| matches!(bytes, [a, b, b'\n'] if *b != b'\r' || *a == b'\n');
    let found = input.get(at - 2..)?.windows(3).position(stop)?;
    Some(at + found)
}

/// Two bytes and the block that they stand before.
const WINDOW: usize = 2 + 32;

/// Whether there is a stop in the block. Without branches, which would keep it from being done
/// with vectors.
fn has_stop(window: &[u8; WINDOW]) -> bool {
    (2..WINDOW).fold(false, |found, at| {
        let [a, b, byte] = [window[at - 2], window[at - 1], window[at]];
        found | ((byte == b'\n') & ((b != b'\r') | (a == b'\n')))
    })
}

/// The line that the LF at `end` ends, without it.
fn line_before(input: &[u8], end: usize) -> &[u8] {
    let before = input.get(..end).unwrap_or_default();
    let start = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
    before.get(start..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_same_end_at_every_split() {
        for section in [
            &b"a: b\r\nc: d\r\n\r\nrest"[..],
            b"a\n\nrest",
            b"a\r\n\nrest",
            b"\r\nrest",
            b"a\r\n\r\r\n\r\n",
        ] {
            let whole = EndSearch::default().advance(section);
            assert!(whole.is_some());
            let mut search = EndSearch::default();
            let found = (0..=section.len()).find_map(|n| search.advance(&section[..n]));
            assert_eq!(found, whole);
            assert_eq!(Some(search.scanned), whole, "each byte once");
        }
    }

    /// Line by line, as the grammar has it.
    fn plainly(section: &[u8]) -> (Option<usize>, Option<Range<usize>>) {
        let (mut start, mut bare_lf) = (0, None);
        for line in section.split_inclusive(|byte| *byte == b'\n') {
            let end = start + line.len();
            if line.ends_with(b"\n") && !line.ends_with(b"\r\n") && bare_lf.is_none() {
                bare_lf = Some(start..end - 1);
            }
            if matches!(line, b"\n" | b"\r\n") {
                return (Some(end), bare_lf);
            }
            start = end;
        }
        (None, bare_lf)
    }

    #[test]
    fn line_ends_are_found_wherever_they_stand() {
        let tails: Vec<&[u8]> = vec![
            b"\r\n\r\n",
            b"\n\n",
            b"\r\n\n",
            b"\n\r\n",
            b"\r\r\n",
            b"\n\r",
            b"\r\n\rx\n",
            b"\n",
        ];
        for before in 0..70 {
            for tail in &tails {
                for after in [0, 1, 40] {
                    let mut section = vec![b'a'; before];
                    section.extend_from_slice(tail);
                    section.resize(section.len() + after, b'b');
                    let mut search = EndSearch::default();
                    let end = search.advance(&section);
                    let found = (end, search.bare_lf(&section));
                    assert_eq!(found, plainly(&section), "{}", section.escape_ascii());
                }
            }
        }
    }
}
