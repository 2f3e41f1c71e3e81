use std::time::Duration;

use super::lines::TooLong;

/// The longest event that is held by default, in bytes: 16 MiB.
const DEFAULT_MAX_EVENT: usize = 16 << 20;

/// One Server-Sent Event.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// Its type; `message` if it names none.
    pub event: String,
    /// Its data, lines joined by `\n`.
    pub data: String,
    /// The last id that the stream has set, by this event or an earlier one; empty for none. It is
    /// what `Last-Event-ID` says when one connects again.
    pub id: String,
}

/// Reads `text/event-stream` (HTML Standard section 9.2.6), from bytes in pieces of any size.
///
/// ```
/// use nuncio_content::EventParser;
///
/// let mut parser = EventParser::new();
/// parser.push(b"id: 7\nevent: greeting\ndata: hel");
/// assert_eq!(parser.next_event()?, None);
/// parser.push(b"lo\ndata: world\n\n");
/// let event = parser.next_event()?.unwrap();
/// assert_eq!((&*event.event, &*event.data, &*event.id), ("greeting", "hello\nworld", "7"));
/// # Ok::<(), nuncio_content::TooLong>(())
/// ```
///
/// An event that the end of the stream cuts off is dropped, as the standard says. Left to the caller:
/// connecting again, after [`retry`](Self::retry) and with [`last_event_id`](Self::last_event_id).
#[derive(Debug, Clone)]
pub struct EventParser {
    bytes: Vec<u8>,
    start: usize,
    scanned: usize,
    place: Place,
    limit: usize,
    data: String,
    event: String,
    id: String,
    last_id: String,
    retry: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// A byte order mark may come.
    Beginning,
    Within,
    /// A `\n` belongs to the end of the line before.
    AfterCr,
}

const MARK: &[u8] = b"\xEF\xBB\xBF";

impl EventParser {
    /// A parser that holds events of up to 16 MiB.
    pub fn new() -> Self {
        Self::with_max_event(DEFAULT_MAX_EVENT)
    }

    /// A parser that holds events of up to `limit` bytes: the data so far and the current line.
    pub fn with_max_event(limit: usize) -> Self {
        Self {
            bytes: Vec::new(),
            start: 0,
            scanned: 0,
            place: Place::Beginning,
            limit,
            data: String::new(),
            event: String::new(),
            id: String::new(),
            last_id: String::new(),
            retry: None,
        }
    }

    /// Takes the next piece of the stream. Ask for its events before the next.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.start);
        self.scanned -= self.start;
        self.start = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole event; none until more has come.
    ///
    /// # Errors
    ///
    /// The event is longer than the limit.
    pub fn next_event(&mut self) -> Result<Option<Event>, TooLong> {
        while let Some((from, to)) = self.next_line()? {
            if from < to {
                self.field(from, to);
                continue;
            }
            self.last_id.clone_from(&self.id);
            let event = std::mem::take(&mut self.event);
            if self.data.is_empty() {
                continue;
            }
            let mut data = std::mem::take(&mut self.data);
            data.pop();
            return Ok(Some(Event {
                event: if event.is_empty() {
                    String::from("message")
                } else {
                    event
                },
                data,
                id: self.last_id.clone(),
            }));
        }
        Ok(None)
    }

    /// How long to wait before connecting again, as far as the stream has said.
    pub fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// The id to connect again with; empty for none. It is set by the blank line that ends an event,
    /// even of one without data.
    pub fn last_event_id(&self) -> &str {
        &self.last_id
    }

    /// The next whole line as a range of `bytes`.
    fn next_line(&mut self) -> Result<Option<(usize, usize)>, TooLong> {
        let rest = self.bytes.get(self.start..).unwrap_or_default();
        match self.place {
            Place::Beginning if rest.len() < MARK.len() && MARK.starts_with(rest) => {
                return Ok(None);
            }
            Place::Beginning if rest.starts_with(MARK) => self.start += MARK.len(),
            Place::AfterCr if rest.is_empty() => return Ok(None),
            Place::AfterCr if rest.starts_with(b"\n") => self.start += 1,
            _ => {}
        }
        self.place = Place::Within;
        self.scanned = self.scanned.max(self.start);
        let rest = self.bytes.get(self.scanned..).unwrap_or_default();
        let found = memchr::memchr2(b'\n', b'\r', rest);
        let end = self.scanned + found.unwrap_or(rest.len());
        if end - self.start + self.data.len() + self.event.len() > self.limit {
            return Err(TooLong { limit: self.limit });
        }
        if found.is_none() {
            self.scanned = end;
            return Ok(None);
        }
        if self.bytes.get(end) == Some(&b'\r') {
            self.place = Place::AfterCr;
        }
        self.scanned = end + 1;
        Ok(Some((std::mem::replace(&mut self.start, end + 1), end)))
    }

    fn field(&mut self, from: usize, to: usize) {
        let line = self.bytes.get(from..to).unwrap_or_default();
        let (name, value) = match memchr::memchr(b':', line) {
            Some(colon) => {
                let (name, value) = line.split_at(colon);
                let value = value.get(1..).unwrap_or_default();
                (name, value.strip_prefix(b" ").unwrap_or(value))
            }
            None => (line, &[][..]),
        };
        // A line's end is no part of any character, so that decoding by lines is decoding the whole.
        match name {
            b"data" => {
                self.data.push_str(&String::from_utf8_lossy(value));
                self.data.push('\n');
            }
            b"event" => self.event = String::from_utf8_lossy(value).into_owned(),
            b"id" if !value.contains(&0) => self.id = String::from_utf8_lossy(value).into_owned(),
            b"retry" if !value.is_empty() && value.iter().all(u8::is_ascii_digit) => {
                let milliseconds = std::str::from_utf8(value).ok().and_then(|v| v.parse().ok());
                self.retry = milliseconds.map(Duration::from_millis).or(self.retry);
            }
            _ => {}
        }
    }
}

impl Default for EventParser {
    fn default() -> Self {
        Self::new()
    }
}
