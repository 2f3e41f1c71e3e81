//! [`EndSearch`]: where a head or trailer section ends, found without looking at a byte twice.

use std::ops::Range;

/// Goes through a section line by line as its bytes arrive; remembers how far it came.
#[derive(Debug, Clone, Default)]
pub(crate) struct EndSearch {
    /// Everything before this was searched.
    at: usize,
    /// Where the line that is not complete yet begins.
    line: usize,
    /// Where the first line that is not empty begins: past what [`skip_empty`] let through.
    ///
    /// [`skip_empty`]: EndSearch::skip_empty
    start: usize,
    /// Complete lines that are not empty.
    lines: usize,
    /// Where the first line was that ended with LF alone.
    bare_lf: Option<Range<usize>>,
    /// Bytes looked at, for the test that holds the work linear.
    #[cfg(test)]
    pub(crate) scanned: usize,
}

impl EndSearch {
    /// The length of the section with its empty line, once that is there.
    ///
    /// `input` begins at the section's first byte at every call and never gets shorter.
    pub(crate) fn advance(&mut self, input: &[u8]) -> Option<usize> {
        let from = self.at;
        for found in memchr::memchr_iter(b'\n', input.get(from..).unwrap_or_default()) {
            let at = from + found;
            let length = at - self.line;
            let with_cr = length > 0 && input.get(at - 1) == Some(&b'\r');
            if !with_cr && self.bare_lf.is_none() {
                self.bare_lf = Some(self.line..at);
            }
            self.line = at + 1;
            if length == usize::from(with_cr) {
                self.searched_to(at + 1);
                return Some(at + 1);
            }
            self.lines += 1;
        }
        self.searched_to(from.max(input.len()));
        None
    }

    /// After [`advance`](Self::advance) found the end of an empty first line: go on behind it.
    pub(crate) fn skip_empty(&mut self) {
        self.start = self.at;
    }

    pub(crate) fn start(&self) -> usize {
        self.start
    }

    pub(crate) fn lines(&self) -> usize {
        self.lines
    }

    /// Where the first line is, if there is one, that ended with LF alone. (The empty one counts.)
    pub(crate) fn bare_lf(&self) -> Option<Range<usize>> {
        self.bare_lf.clone()
    }

    fn searched_to(&mut self, at: usize) {
        #[cfg(test)]
        {
            self.scanned += at - self.at;
        }
        self.at = at;
    }
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
}
