use std::fmt;

/// The longest line or event that is held by default, in bytes: 64 MiB.
pub const DEFAULT_MAX_LINE: usize = 64 << 20;

/// Cuts text into lines, at all the places where Python's `str.splitlines` does: `\n`, `\r`, `\r\n`,
/// U+000B, U+000C, U+001C to U+001E, U+0085, U+2028 and U+2029. Lines come without what ended them.
///
/// ```
/// use nuncio_content::LineSplitter;
///
/// let mut splitter = LineSplitter::new();
/// let mut lines = Vec::new();
/// for piece in ["one\r", "\ntwo\n\nth", "ree"] {
///     splitter.push(piece);
///     while let Some(line) = splitter.next_line()? {
///         lines.push(line.to_owned());
///     }
/// }
/// lines.extend(splitter.finish()?.map(str::to_owned));
/// assert_eq!(lines, ["one", "two", "", "three"]);
/// # Ok::<(), nuncio_content::TooLong>(())
/// ```
///
/// Server-Sent Events end lines differently: for those there is
/// [`EventParser`](super::EventParser).
#[derive(Debug, Clone)]
pub struct LineSplitter {
    text: String,
    /// Where the line begins that comes next.
    start: usize,
    /// Up to where no end of that line was found.
    scanned: usize,
    limit: usize,
}

impl LineSplitter {
    /// A splitter that holds lines of up to [`DEFAULT_MAX_LINE`] bytes.
    pub fn new() -> Self {
        Self::with_max_line(DEFAULT_MAX_LINE)
    }

    /// A splitter that holds lines of up to `limit` bytes.
    pub fn with_max_line(limit: usize) -> Self {
        Self {
            text: String::new(),
            start: 0,
            scanned: 0,
            limit,
        }
    }

    /// Takes the next piece of text. Ask for its lines before the next: what is not asked for is held.
    pub fn push(&mut self, text: &str) {
        self.text.drain(..self.start);
        self.scanned -= self.start;
        self.start = 0;
        self.text.push_str(text);
    }

    /// The next whole line; none until more text has come. A `\r` at the end of what is there is held
    /// back, for a `\n` may follow it.
    ///
    /// # Errors
    ///
    /// The line is longer than the limit.
    pub fn next_line(&mut self) -> Result<Option<&str>, TooLong> {
        let bytes = self.text.as_bytes();
        let ending = find_ending(bytes, self.scanned);
        let (end, next) = match ending {
            Ending::At { end, length } => (end, Some(end + length)),
            Ending::Open { from } => (from, None),
        };
        if end - self.start > self.limit {
            return Err(TooLong { limit: self.limit });
        }
        self.scanned = next.unwrap_or(end);
        let Some(next) = next else {
            return Ok(None);
        };
        let start = std::mem::replace(&mut self.start, next);
        Ok(self.text.get(start..end))
    }

    /// The text has ended: its last line, if it did not end with a line's end. Ask
    /// [`next_line`](Self::next_line) until it gives none before.
    ///
    /// # Errors
    ///
    /// The line is longer than the limit.
    pub fn finish(&mut self) -> Result<Option<&str>, TooLong> {
        let start = std::mem::replace(&mut self.start, self.text.len());
        self.scanned = self.start;
        let Some(line) = self.text.get(start..).filter(|line| !line.is_empty()) else {
            return Ok(None);
        };
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.len() > self.limit {
            return Err(TooLong { limit: self.limit });
        }
        Ok(Some(line))
    }
}

impl Default for LineSplitter {
    fn default() -> Self {
        Self::new()
    }
}

enum Ending {
    At {
        end: usize,
        length: usize,
    },
    /// There is none; the next search may begin here.
    Open {
        from: usize,
    },
}

/// The first end of a line at or behind `from`.
fn find_ending(bytes: &[u8], mut from: usize) -> Ending {
    while let Some(rest) = bytes.get(from..) {
        let Some(at) = rest.iter().position(|byte| SUSPECT[usize::from(*byte)]) else {
            break;
        };
        let end = from + at;
        let length = match rest.get(at..).unwrap_or_default() {
            [b'\r'] => return Ending::Open { from: end },
            [b'\r', b'\n', ..] => 2,
            [0x0A..=0x0D | 0x1C..=0x1E, ..] => 1,
            // U+0085
            [0xC2, 0x85, ..] => 2,
            // U+2028, U+2029
            [0xE2, 0x80, 0xA8 | 0xA9, ..] => 3,
            _ => {
                from = end + 1;
                continue;
            }
        };
        return Ending::At { end, length };
    }
    Ending::Open { from: bytes.len() }
}

/// The bytes that an end of line can begin with.
const SUSPECT: [bool; 256] = {
    let mut table = [false; 256];
    let first = [0x0A, 0x0B, 0x0C, 0x0D, 0x1C, 0x1D, 0x1E, 0xC2, 0xE2];
    let mut index = 0;
    while index < first.len() {
        table[first[index]] = true;
        index += 1;
    }
    table
};

/// A line or an event is longer than allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TooLong {
    /// How many bytes are allowed.
    pub limit: usize,
}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a line or event is longer than {} bytes", self.limit)
    }
}

impl std::error::Error for TooLong {}
