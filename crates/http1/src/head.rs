//! [`ResponseHead`], and how its bytes are read.

use std::fmt;
use std::mem::MaybeUninit;
use std::ops::Range;

use http::{StatusCode, Version};
use nuncio_headers::Headers;

use crate::config::Config;
use crate::error::RemoteError;
use crate::framing::{FramingField, FramingFields};
use crate::reuse::Leniency;
use crate::search::EndSearch;
use crate::snippet::{SHOWN, Snippet, first_line};

/// The head of a response, interim or final.
#[derive(Debug, Clone, PartialEq)]
pub struct ResponseHead {
    /// HTTP/1.0 or HTTP/1.1, from this codec.
    pub version: Version,
    /// 100 to 999; those from 600 on are to be treated as 5xx (RFC 9110 section 15).
    pub status: u16,
    /// The reason phrase; often empty.
    pub reason: Reason,
    /// The fields, in order.
    pub headers: Headers,
}

impl ResponseHead {
    /// A head without a reason phrase, as the later versions of HTTP have it.
    pub fn new(version: Version, status: StatusCode, headers: Headers) -> Self {
        Self {
            version,
            status: status.as_u16(),
            reason: Reason(Phrase::Standard("")),
            headers,
        }
    }

    /// Whether another head follows for the same request: 1xx other than 101.
    pub fn is_interim(&self) -> bool {
        matches!(self.status, 100 | 102..=199)
    }
}

/// The reason phrase of a status line, as sent: ASCII, or bytes of some other encoding.
///
/// The default is an empty one.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Reason(Phrase);

#[derive(Clone, PartialEq, Eq)]
enum Phrase {
    /// What the status code's registration says; nothing is allocated for it.
    Standard(&'static str),
    Other(Box<[u8]>),
}

impl Default for Phrase {
    fn default() -> Self {
        Self::Standard("")
    }
}

impl Reason {
    /// The bytes as they came: HTAB, space, visible ASCII and bytes from 0x80 on.
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Phrase::Standard(text) => text.as_bytes(),
            Phrase::Other(bytes) => bytes,
        }
    }

    fn new(status: u16, bytes: &[u8]) -> Self {
        let standard = StatusCode::from_u16(status)
            .ok()
            .and_then(|status| status.canonical_reason())
            .filter(|text| text.as_bytes() == bytes);
        Self(match standard {
            Some(text) => Phrase::Standard(text),
            None if bytes.is_empty() => Phrase::default(),
            None => Phrase::Other(bytes.into()),
        })
    }
}

/// The ASCII part of it; other bytes are left out.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Phrase::Standard(text) = self.0 {
            return f.write_str(text);
        }
        for part in self.as_bytes().utf8_chunks() {
            for char in part.valid().chars().filter(char::is_ascii) {
                fmt::Write::write_char(f, char)?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.as_bytes().escape_ascii())
    }
}

/// A head that came, what it says about the body, and how long it was.
pub(crate) struct Received {
    pub(crate) head: ResponseHead,
    pub(crate) framing: FramingFields,
    pub(crate) used: usize,
    pub(crate) leniency: Option<Leniency>,
}

/// Reads the heads of one response; counts what they take together.
#[derive(Debug, Clone, Default)]
pub(crate) struct HeadReader {
    search: EndSearch,
    looks_right: bool,
    bytes: usize,
    fields: usize,
    pub(crate) interim: usize,
}

impl HeadReader {
    /// `input` begins at the first byte of a head.
    pub(crate) fn read(
        &mut self,
        input: &[u8],
        config: &Config,
    ) -> Result<Option<Received>, RemoteError> {
        let room = config.head_bytes.saturating_sub(self.bytes);
        // One byte past the limit is enough to know, and no split sees more than another.
        let view = input.get(..room.saturating_add(1)).unwrap_or(input);
        let mut end = self.search.advance(view);
        while end.is_some_and(|end| self.search.is_empty(end)) {
            if !config.lenient {
                return Err(RemoteError::BadStatusLine(Snippet::line(view)));
            }
            self.search.skip_empty();
            end = self.search.advance(view);
        }
        let block = view.get(self.search.start()..).unwrap_or_default();
        self.look(block)?;
        if let Some(line) = self.search.bare_lf(view)
            && !config.lenient
        {
            let line = view.get(line).unwrap_or_default();
            return Err(RemoteError::BareLf(Snippet::field(line)));
        }
        let Some(used) = end.filter(|end| *end <= room) else {
            return match view.len() > room {
                true => Err(RemoteError::HeadTooLarge {
                    limit: config.head_bytes,
                }),
                false => Ok(None),
            };
        };
        let block = view.get(self.search.start()..used).unwrap_or_default();
        let folded = config.lenient && block.split(|byte| *byte == b'\n').any(is_folded);
        let (head, framing) = if folded {
            self.parse(&unfold(block)?, config)?
        } else {
            self.parse(block, config)?
        };
        let leniency = if folded {
            Some(Leniency::FoldedHeader)
        } else if self.search.start() > 0 {
            Some(Leniency::LeadingEmptyLine)
        } else if self.search.bare_lf(view).is_some() {
            Some(Leniency::BareLf)
        } else {
            None
        };
        self.bytes += used;
        self.fields += head.headers.len();
        self.search = EndSearch::default();
        self.looks_right = false;
        Ok(Some(Received {
            head,
            framing,
            used,
            leniency,
        }))
    }

    /// What the end of the connection means while `unread` is all there is of a head.
    pub(crate) fn eof(&self, unread: &[u8]) -> RemoteError {
        if unread.is_empty() {
            return RemoteError::Disconnected {
                interim: self.interim,
            };
        }
        let line = unread.get(self.search.start()..).unwrap_or_default();
        match check_start(line) {
            Err(error) => error,
            Ok(()) => RemoteError::IncompleteHead {
                received: unread.len(),
                line: Snippet::line(line),
            },
        }
    }

    /// Refuses what is no HTTP/1 as soon as that shows, not only at the end of the head, which
    /// might never come. Waits for a line or more than a snippet, so that every split of the
    /// same bytes gives the same error.
    fn look(&mut self, block: &[u8]) -> Result<(), RemoteError> {
        if self.looks_right {
            return Ok(());
        }
        if block.starts_with(b"HTTP/1.1") {
            self.looks_right = true;
        } else if block.len() > SHOWN + 2 || block.contains(&b'\n') {
            check_start(block)?;
            self.looks_right = true;
        }
        Ok(())
    }

    fn parse(
        &self,
        block: &[u8],
        config: &Config,
    ) -> Result<(ResponseHead, FramingFields), RemoteError> {
        let room = config.head_fields.saturating_sub(self.fields);
        let mut few = [const { MaybeUninit::uninit() }; 256];
        let mut many = Vec::new();
        let slots = match few.get_mut(..room) {
            Some(slots) => slots,
            None => {
                let lines = memchr::memchr_iter(b'\n', block).count();
                many.resize_with(room.min(lines), MaybeUninit::uninit);
                many.as_mut_slice()
            }
        };
        let mut response = httparse::Response::new(&mut []);
        let parsed = httparse::ParserConfig::default().parse_response_with_uninit_headers(
            &mut response,
            block,
            slots,
        );
        match parsed {
            Ok(httparse::Status::Complete(end)) if end == block.len() => {}
            Err(httparse::Error::TooManyHeaders) => {
                return Err(RemoteError::TooManyFields {
                    limit: config.head_fields,
                });
            }
            _ => return Err(culprit(block)),
        }
        let (Some(minor), Some(status @ 100..)) = (response.version, response.code) else {
            return Err(RemoteError::BadStatusLine(Snippet::line(block)));
        };
        let version = match minor {
            0 => Version::HTTP_10,
            _ => Version::HTTP_11,
        };
        let reason = match response.reason {
            None | Some("") => reason(block),
            Some(reason) => reason.as_bytes(),
        };
        let framing = FramingFields::read(response.headers, version, config.lenient);
        let fields = response.headers.iter().map(|field| {
            (
                range(block, field.name.as_bytes()),
                range(block, field.value),
            )
        });
        let Ok(headers) = Headers::from_received(block, fields) else {
            return Err(culprit(block));
        };
        let head = ResponseHead {
            version,
            status,
            reason: Reason::new(status, reason),
            headers,
        };
        Ok((head, framing))
    }
}

/// Refuses a first line, or the beginning of one, that does not start as HTTP/1.0 and 1.1 do.
fn check_start(block: &[u8]) -> Result<(), RemoteError> {
    const NAME: &[u8] = b"HTTP/";
    let line = first_line(block);
    let name = line.get(..NAME.len()).unwrap_or(line);
    if !NAME.starts_with(name) {
        return Err(RemoteError::BadStatusLine(Snippet::new(line)));
    }
    match line.get(NAME.len()..NAME.len() + 3) {
        Some(b"1.0" | b"1.1") | None => Ok(()),
        Some(_) => Err(RemoteError::BadVersion(Snippet::new(line))),
    }
}

/// The bytes behind `HTTP/1.1 200 ` up to the line's end, in a block that was parsed. (The parser
/// leaves out a reason that is not ASCII.)
fn reason(block: &[u8]) -> &[u8] {
    let line = first_line(block);
    line.get(13..).unwrap_or_default()
}

/// Where `part`, a slice of `block`, lies in it.
pub(crate) fn range(block: &[u8], part: &[u8]) -> Range<usize> {
    let start = (part.as_ptr() as usize).wrapping_sub(block.as_ptr() as usize);
    start..start.saturating_add(part.len())
}

/// The line that made the parser refuse `block`: it does not say where it stopped.
fn culprit(block: &[u8]) -> RemoteError {
    let mut lines = block.split_inclusive(|byte| *byte == b'\n');
    let status_line = lines.next().unwrap_or_default();
    let mut head = status_line.to_vec();
    head.extend_from_slice(b"\r\n");
    let mut response = httparse::Response::new(&mut []);
    match response.parse(&head) {
        Ok(httparse::Status::Complete(_)) => {}
        _ => return RemoteError::BadStatusLine(Snippet::line(status_line)),
    }
    let mut field = None;
    for line in lines {
        if is_folded(line) {
            // The field, not what follows of it: that may go on with a secret.
            return RemoteError::FoldedHeader(Snippet::field(field.unwrap_or(line)));
        }
        if !is_field(line) {
            return RemoteError::BadHeader(Snippet::field(line));
        }
        field = Some(line);
    }
    RemoteError::BadHeader(Snippet::line(block))
}

/// Whether a line is a header field on its own, or empty.
pub(crate) fn is_field(line: &[u8]) -> bool {
    let mut section = line.to_vec();
    section.extend_from_slice(b"\r\n");
    let mut field = [httparse::EMPTY_HEADER];
    matches!(
        httparse::parse_headers(&section, &mut field),
        Ok(httparse::Status::Complete(_))
    )
}

fn is_folded(line: &[u8]) -> bool {
    matches!(line, [b' ' | b'\t', ..])
}

/// Joins folded lines with one space (RFC 9112 section 5.2).
fn unfold(block: &[u8]) -> Result<Vec<u8>, RemoteError> {
    let mut out: Vec<u8> = Vec::with_capacity(block.len());
    let mut field: Option<&[u8]> = None;
    for (number, line) in block.split_inclusive(|byte| *byte == b'\n').enumerate() {
        if !is_folded(line) {
            out.extend_from_slice(line);
            field = (number > 0).then_some(line);
            continue;
        }
        // Nothing to go on with, or a field where two readers must never differ.
        if field.is_none_or(frames) {
            return Err(RemoteError::FoldedHeader(Snippet::field(
                field.unwrap_or(line),
            )));
        }
        // Spaces, and the one line end: other bytes stay, for the parser to refuse.
        pop_if(&mut out, |byte| byte == b'\n');
        pop_if(&mut out, |byte| byte == b'\r');
        while pop_if(&mut out, is_space) {}
        out.push(b' ');
        let text = line.iter().position(|byte| !is_space(*byte));
        out.extend_from_slice(line.get(text.unwrap_or_default()..).unwrap_or_default());
    }
    Ok(out)
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn pop_if(out: &mut Vec<u8>, which: impl Fn(u8) -> bool) -> bool {
    out.pop_if(|byte| which(*byte)).is_some()
}

fn frames(field: &[u8]) -> bool {
    let name = field.split(|byte| *byte == b':').next().unwrap_or_default();
    FramingField::named(name).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f20_a_head_fed_byte_by_byte_is_scanned_once() {
        let mut head = b"HTTP/1.1 200 OK\r\n".to_vec();
        while head.len() < 128 * 1024 - 2000 {
            head.extend_from_slice(b"x-filler: ");
            head.extend_from_slice(&[b'a'; 1000]);
            head.extend_from_slice(b"\r\n");
        }
        head.extend_from_slice(b"\r\n");
        let mut reader = HeadReader::default();
        let config = Config::default();
        for end in 0..head.len() {
            assert!(reader.read(&head[..end], &config).unwrap().is_none());
        }
        // All bytes but the last, each once; httparse, the copy of the fields and what looks
        // for framing fields follow, once each: three more at most.
        assert_eq!(reader.search.scanned, head.len() - 1);
        let received = reader.read(&head, &config).unwrap().unwrap();
        assert_eq!(received.used, head.len());
    }

    #[test]
    fn folding_joins_with_one_space_and_keeps_lines_that_are_not_folded() {
        let block = b"HTTP/1.1 200 OK\r\na: b \r\n\t c\r\nd: e\r\n  \r\n f\r\n\r\n";
        assert_eq!(
            unfold(block).unwrap(),
            b"HTTP/1.1 200 OK\r\na: b c\r\nd: e f\r\n\r\n"
        );
        let block = b"HTTP/1.1 200 OK\na: b\x0c\n \rc\n\n";
        assert_eq!(
            unfold(block).unwrap(),
            b"HTTP/1.1 200 OK\na: b\x0c \rc\n\n",
            "what is no space stays to be refused"
        );
    }

    #[test]
    fn a_folded_secret_does_not_show() {
        let error = culprit(b"HTTP/1.1 200 OK\r\nset-cookie: a=SECRET;\r\n b=SECRET\r\n\r\n");
        assert_eq!(error.to_string(), "folded header line: \"set-cookie\"...");
    }

    #[test]
    fn only_unusual_reasons_are_kept_apart() {
        assert!(matches!(Reason::new(200, b"OK").0, Phrase::Standard("OK")));
        assert!(matches!(Reason::new(200, b"").0, Phrase::Standard("")));
        let odd = Reason::new(999, b"Gr\xc3\xbc\xdfe");
        assert_eq!(odd.as_bytes(), b"Gr\xc3\xbc\xdfe");
        assert_eq!(odd.to_string(), "Gre");
    }
}
