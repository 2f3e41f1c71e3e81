//! The text of a netrc file, taken apart.
//!
//! The grammar is that of Python's `netrc` module, which is httpx's: words between spaces and line
//! ends, a word in double quotes, a backslash before a byte that is to be taken as it is, `#` to the
//! end of the line where a keyword could stand.

use super::{NetrcEntry, NetrcError};
use crate::auth::secret::Secret;
use nuncio_url::Url;

/// The entries in order.
pub(crate) fn parse(text: &[u8]) -> Result<Vec<NetrcEntry>, NetrcError> {
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    let mut words = Words {
        rest: text,
        line: 1,
    };
    let mut entries: Vec<NetrcEntry> = Vec::new();
    // Keywords of an entry count from its `machine` or `default` to the next, or to a macro.
    let mut open = false;
    while let Some(word) = words.keyword()? {
        match word.as_bytes() {
            b"machine" => {
                let name = words.word()?;
                let name = name.filter(|name| !name.is_empty());
                let name = name.ok_or(NetrcError::NoMachine { line: words.line })?;
                entries.push(NetrcEntry::new(Some(host(name.as_bytes()))));
                open = true;
            }
            b"default" => {
                entries.push(NetrcEntry::new(None));
                open = true;
            }
            b"macdef" => {
                words.word()?;
                words.skip_macro();
                open = false;
            }
            keyword => {
                let entry = entries.last_mut().filter(|_| open);
                let field = match (keyword, entry) {
                    (b"login" | b"user", Some(entry)) => &mut entry.login,
                    (b"password", Some(entry)) => &mut entry.password,
                    (b"account", Some(entry)) => &mut entry.account,
                    _ => return Err(NetrcError::Unexpected { line: words.line }),
                };
                // A file that ends here says nothing.
                *field = words.word()?.unwrap_or_default();
            }
        }
    }
    Ok(entries)
}

/// A machine's name as URLs have it. A domain beyond ASCII is converted, others stay.
fn host(name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name).into_owned();
    if name.is_ascii() {
        return name;
    }
    let converted = Url::parse("http://x/").ok().and_then(|mut url| {
        url.set_hostname(&name).ok()?;
        Some(url.host_str().to_owned())
    });
    converted.filter(|host| host != "x").unwrap_or(name)
}

/// Words from left to right.
struct Words<'a> {
    rest: &'a [u8],
    line: usize,
}

impl Words<'_> {
    /// The next word behind spaces and comments.
    fn keyword(&mut self) -> Result<Option<Secret>, NetrcError> {
        loop {
            self.skip_spaces();
            if self.rest.first() != Some(&b'#') {
                return self.word();
            }
            self.skip_line();
        }
    }

    /// The next word behind spaces, unescaped.
    fn word(&mut self) -> Result<Option<Secret>, NetrcError> {
        self.skip_spaces();
        let Some(first) = self.rest.first() else {
            return Ok(None);
        };
        let quoted = *first == b'"';
        if quoted {
            self.advance(1);
        }
        let ends = |byte: u8| match quoted {
            true => byte == b'"',
            false => is_space(byte),
        };
        let length = unescaped_position(self.rest, ends);
        if quoted && length == self.rest.len() {
            return Err(NetrcError::OpenQuote { line: self.line });
        }
        let raw = self.rest.get(..length).unwrap_or_default();
        if raw.iter().any(u8::is_ascii_control) {
            return Err(NetrcError::Control { line: self.line });
        }
        let word = unescape(raw);
        self.advance(length + usize::from(quoted));
        Ok(Some(word))
    }

    /// From behind a macro's name to behind the next empty line, or to the end.
    fn skip_macro(&mut self) {
        self.skip_line();
        while !self.rest.is_empty() {
            let empty = self.rest.starts_with(b"\n") || self.rest.starts_with(b"\r\n");
            self.skip_line();
            if empty {
                return;
            }
        }
    }

    fn skip_spaces(&mut self) {
        let other = self.rest.iter().position(|byte| !is_space(*byte));
        self.advance(other.unwrap_or(self.rest.len()));
    }

    fn skip_line(&mut self) {
        let end = self.rest.iter().position(|byte| *byte == b'\n');
        self.advance(end.map_or(self.rest.len(), |end| end + 1));
    }

    fn advance(&mut self, count: usize) {
        let (passed, rest) = self
            .rest
            .split_at_checked(count)
            .unwrap_or((self.rest, &[]));
        self.line += passed.iter().filter(|byte| **byte == b'\n').count();
        self.rest = rest;
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// Where the first byte is that `wanted` says so of and that no backslash stands before; else the
/// length.
fn unescaped_position(text: &[u8], wanted: impl Fn(u8) -> bool) -> usize {
    let mut escaped = false;
    let found = text.iter().position(|byte| {
        if escaped {
            escaped = false;
            return false;
        }
        escaped = *byte == b'\\';
        wanted(*byte)
    });
    found.unwrap_or(text.len())
}

/// Without the backslashes that stand for the byte behind them.
fn unescape(raw: &[u8]) -> Secret {
    // As long as it can become, so that no copy is left behind by its growing.
    let mut word = Vec::with_capacity(raw.len());
    let mut bytes = raw.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => word.extend(bytes.next()),
            _ => word.push(*byte),
        }
    }
    Secret::new(word)
}
