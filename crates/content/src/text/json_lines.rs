use super::lines::{DEFAULT_MAX_LINE, TooLong};

/// Cuts a body into JSON Lines (also called NDJSON): one JSON text per line, ended by `\n`. White
/// space around a text is taken off, so that `\r\n` does as well, and lines without a text are
/// passed over, as is a byte order mark at the beginning.
///
/// ```
/// use nuncio_content::JsonLines;
///
/// let mut lines = JsonLines::new();
/// lines.push(b"{\"a\":1}\r\n\n[2");
/// assert_eq!(lines.next_line()?, Some(&b"{\"a\":1}"[..]));
/// assert_eq!(lines.next_line()?, None);
/// lines.push(b"]");
/// assert_eq!(lines.next_line()?, None);
/// assert_eq!(lines.finish()?, Some(&b"[2]"[..]));
/// # Ok::<(), nuncio_content::TooLong>(())
/// ```
#[derive(Debug, Clone)]
pub struct JsonLines {
    bytes: Vec<u8>,
    start: usize,
    scanned: usize,
    limit: usize,
    place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    FirstLine,
    Later,
}

impl JsonLines {
    /// A splitter that holds lines of up to [`DEFAULT_MAX_LINE`] bytes.
    pub fn new() -> Self {
        Self::with_max_line(DEFAULT_MAX_LINE)
    }

    /// A splitter that holds lines of up to `limit` bytes.
    pub fn with_max_line(limit: usize) -> Self {
        Self {
            bytes: Vec::new(),
            start: 0,
            scanned: 0,
            limit,
            place: Place::FirstLine,
        }
    }

    /// Takes the next piece of the body. Ask for its lines before the next.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.start);
        self.scanned -= self.start;
        self.start = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole line that is not empty; none until more has come.
    ///
    /// # Errors
    ///
    /// The line is longer than the limit.
    pub fn next_line(&mut self) -> Result<Option<&[u8]>, TooLong> {
        loop {
            let rest = self.bytes.get(self.scanned..).unwrap_or_default();
            let found = memchr::memchr(b'\n', rest);
            let end = self.scanned + found.unwrap_or(rest.len());
            if end - self.start > self.limit {
                return Err(TooLong { limit: self.limit });
            }
            if found.is_none() {
                self.scanned = end;
                return Ok(None);
            }
            self.scanned = end + 1;
            let start = std::mem::replace(&mut self.start, end + 1);
            let (from, to) = self.text(start, end);
            if from < to {
                return Ok(self.bytes.get(from..to));
            }
        }
    }

    /// The body has ended: its last line, if that has no end. Ask [`next_line`](Self::next_line)
    /// until it gives none before.
    ///
    /// # Errors
    ///
    /// The line is longer than the limit.
    pub fn finish(&mut self) -> Result<Option<&[u8]>, TooLong> {
        let end = self.bytes.len();
        let start = std::mem::replace(&mut self.start, end);
        self.scanned = end;
        if end - start > self.limit {
            return Err(TooLong { limit: self.limit });
        }
        let (from, to) = self.text(start, end);
        Ok(self.bytes.get(from..to).filter(|line| !line.is_empty()))
    }

    /// Where the text of a line stands, without white space around it.
    fn text(&mut self, start: usize, end: usize) -> (usize, usize) {
        let line = self.bytes.get(start..end).unwrap_or_default();
        let line = match std::mem::replace(&mut self.place, Place::Later) {
            Place::FirstLine => line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line),
            Place::Later => line,
        };
        let from_end = line.trim_ascii_start().len();
        let from = end - from_end;
        (from, from + line.trim_ascii().len())
    }
}

impl Default for JsonLines {
    fn default() -> Self {
        Self::new()
    }
}
