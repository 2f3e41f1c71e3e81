//! Showing a response: its head, and its body as it comes.

use crate::escape;
use crate::json;
use crate::screen::{Screen, Style};
use nuncio::{Headers, Version};
use std::io::{self, Write};

/// A JSON body has to be here whole to be laid out; a longer one is shown as the text that it is.
const MAX_JSON: usize = 8 * 1024 * 1024;

/// Status line, fields, an empty line.
pub(crate) fn response_head(
    screen: Screen,
    version: Version,
    code: u16,
    reason: &[u8],
    headers: &Headers,
) -> io::Result<()> {
    let paint = screen.paint;
    screen.show(|out| {
        let version = paint.text(Style::Blue, &format!("{version:?}"));
        let code = paint.text(Style::Blue, &code.to_string());
        let reason = paint.text(Style::Cyan, &escape::bytes(reason));
        writeln!(out, "{}", format!("{version} {code} {reason}").trim_end())?;
        fields(out, screen, headers)
    })
}

/// The request's line as it is sent, its fields, an empty line.
pub(crate) fn request_head(
    screen: Screen,
    method: &str,
    target: &str,
    headers: &Headers,
) -> io::Result<()> {
    let paint = screen.paint;
    screen.show(|out| {
        let method = paint.text(Style::Blue, &escape::line(method));
        let version = paint.text(Style::Blue, "HTTP/1.1");
        writeln!(out, "{method} {} {version}", escape::line(target))?;
        fields(out, screen, headers)
    })
}

fn fields(out: &mut impl Write, screen: Screen, headers: &Headers) -> io::Result<()> {
    for (name, value) in headers {
        let value = screen
            .paint
            .text(Style::Yellow, &escape::field(name, value));
        writeln!(
            out,
            "{}: {value}",
            screen.paint.text(Style::Cyan, &escape::line(name))
        )?;
    }
    writeln!(out)
}

/// A response's body on its way to the screen.
pub(crate) struct Shown {
    screen: Screen,
    kind: Kind,
    /// What has not been shown yet: a JSON text, or the unfinished end of a plain one.
    held: Vec<u8>,
    /// Whether what was shown last left the cursor at the start of a line.
    at_line_start: bool,
}

enum Kind {
    Json,
    Text,
    /// So many bytes of something that is not for reading.
    Binary(u64),
}

impl Shown {
    pub(crate) fn new(screen: Screen, headers: &Headers) -> Self {
        let kind = Kind::of(&headers.get("content-type").unwrap_or_default());
        Shown {
            screen,
            kind,
            held: Vec::new(),
            at_line_start: true,
        }
    }

    /// The next piece of the body.
    pub(crate) fn piece(&mut self, piece: &[u8]) -> io::Result<()> {
        match &mut self.kind {
            Kind::Binary(bytes) => {
                *bytes += piece.len() as u64;
                Ok(())
            }
            Kind::Json if self.held.len() + piece.len() <= MAX_JSON => {
                self.held.extend_from_slice(piece);
                Ok(())
            }
            Kind::Json | Kind::Text => {
                self.kind = Kind::Text;
                self.held.extend_from_slice(piece);
                let ready = readable_length(&self.held);
                self.text(ready)
            }
        }
    }

    /// The body is complete, or there will be no more of it.
    pub(crate) fn end(mut self) -> io::Result<()> {
        let screen = self.screen;
        match self.kind {
            Kind::Binary(0) => Ok(()),
            Kind::Binary(bytes) => {
                screen.show(|out| writeln!(out, "<{bytes} bytes of binary data>"))
            }
            Kind::Json if self.held.is_empty() => Ok(()),
            Kind::Json | Kind::Text => {
                if matches!(self.kind, Kind::Json)
                    && let Ok(text) = std::str::from_utf8(&self.held)
                    && json::is_readable(text)
                {
                    return screen.show(|out| {
                        json::indent(text, screen.paint, out)?;
                        writeln!(out)
                    });
                }
                self.text(self.held.len())?;
                if self.at_line_start {
                    Ok(())
                } else {
                    screen.show(|out| writeln!(out))
                }
            }
        }
    }

    /// Shows the first `length` bytes of what is held.
    fn text(&mut self, length: usize) -> io::Result<()> {
        let Some(ready) = self.held.get(..length).filter(|ready| !ready.is_empty()) else {
            return Ok(());
        };
        let shown = escape::lines(&String::from_utf8_lossy(ready));
        self.at_line_start = shown.ends_with('\n');
        self.screen.show(|out| out.write_all(shown.as_bytes()))?;
        self.held.drain(..length);
        Ok(())
    }
}

impl Kind {
    fn of(content_type: &str) -> Self {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        let essence = essence.to_ascii_lowercase();
        let subtype = essence.strip_prefix("application/");
        match subtype {
            Some(sub) if sub == "json" || sub.ends_with("+json") => Kind::Json,
            Some(
                "xml"
                | "javascript"
                | "ecmascript"
                | "yaml"
                | "toml"
                | "sql"
                | "graphql"
                | "x-ndjson"
                | "x-yaml"
                | "x-sh"
                | "x-www-form-urlencoded",
            ) => Kind::Text,
            _ if essence.starts_with("text/") || essence.ends_with("+xml") => Kind::Text,
            _ if essence.ends_with("+json") => Kind::Json,
            _ => Kind::Binary(0),
        }
    }
}

/// How much of `bytes` can be shown before more comes: not half a character, and not a carriage
/// return that may be half of a line end.
fn readable_length(bytes: &[u8]) -> usize {
    let unfinished = bytes.utf8_chunks().last().map_or(0, |last| {
        let tail = last.invalid();
        match std::str::from_utf8(tail) {
            Err(error) if error.error_len().is_none() => tail.len(),
            _ => 0,
        }
    });
    match bytes {
        [.., b'\r'] => bytes.len() - 1,
        _ => bytes.len() - unfinished,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_characters_and_half_line_ends_wait() {
        assert_eq!(readable_length("añ".as_bytes()), 3);
        assert_eq!(readable_length(&"añ".as_bytes()[..2]), 1);
        assert_eq!(readable_length(&"a😀".as_bytes()[..4]), 1);
        assert_eq!(readable_length(b"a\r"), 1);
        assert_eq!(readable_length(b"a\xff"), 2);
        assert_eq!(readable_length(b"\xffa"), 2);
        assert_eq!(readable_length(b""), 0);
    }

    #[test]
    fn the_kind_follows_from_the_type() {
        for json in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/hal+json",
        ] {
            assert!(matches!(Kind::of(json), Kind::Json), "{json}");
        }
        for text in [
            "text/html",
            "text/event-stream",
            "image/svg+xml",
            "application/xml",
        ] {
            assert!(matches!(Kind::of(text), Kind::Text), "{text}");
        }
        for binary in ["", "image/png", "application/octet-stream", "nonsense"] {
            assert!(matches!(Kind::of(binary), Kind::Binary(0)), "{binary}");
        }
    }
}
