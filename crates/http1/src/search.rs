//! [`EndSearch`]: where a head or trailer section ends, found without looking at a byte twice.

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
    bare_lf: bool,
    folded: bool,
    /// Bytes looked at, for the test that holds the work linear.
    #[cfg(test)]
    pub(crate) scanned: usize,
}

impl EndSearch {
    /// The length of the section with its empty line, once that is there.
    ///
    /// `input` begins at the section's first byte at every call and never gets shorter.
    pub(crate) fn advance(&mut self, input: &[u8]) -> Option<usize> {
        loop {
            let rest = input.get(self.at..).unwrap_or_default();
            let Some(found) = memchr::memchr(b'\n', rest) else {
                self.count(rest.len());
                self.at += rest.len();
                return None;
            };
            self.count(found + 1);
            let end = self.at + found;
            let line = input.get(self.line..end).unwrap_or_default();
            self.at = end + 1;
            self.line = end + 1;
            let line = match line {
                [line @ .., b'\r'] => line,
                line => {
                    self.bare_lf = true;
                    line
                }
            };
            match line.first() {
                None => return Some(self.at),
                Some(b' ' | b'\t') if self.lines > 0 => self.folded = true,
                Some(_) => {}
            }
            self.lines += 1;
        }
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

    /// Whether a line, the empty one included, ended with LF alone.
    pub(crate) fn bare_lf(&self) -> bool {
        self.bare_lf
    }

    /// Whether a line other than the first begins with a space or tab.
    pub(crate) fn folded(&self) -> bool {
        self.folded
    }

    #[cfg(test)]
    fn count(&mut self, bytes: usize) {
        self.scanned += bytes;
    }

    #[cfg(not(test))]
    fn count(&mut self, _: usize) {}
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
