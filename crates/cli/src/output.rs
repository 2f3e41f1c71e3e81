//! Showing a response: its head, and its body as it comes.

use crate::escape;
use crate::json;
use crate::screen::{Screen, Style};
use bytes::Bytes;
use nuncio::cut::{self, Cut};
use nuncio::{Head, Headers, StatusCode, Version};
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
        let reason = match reason {
            // HTTP/2 sends none.
            b"" if version == Version::HTTP_2 => phrase(code).as_bytes(),
            reason => reason,
        };
        let version = paint.text(Style::Blue, &name(version));
        let code = paint.text(Style::Blue, &code.to_string());
        let reason = paint.text(Style::Cyan, &escape::bytes(reason));
        writeln!(out, "{}", format!("{version} {code} {reason}").trim_end())?;
        fields(out, screen, headers)
    })
}

/// The request's line as it is sent, its fields, an empty line.
pub(crate) fn request_head(
    screen: Screen,
    version: Version,
    method: &str,
    target: &str,
    headers: &Headers,
) -> io::Result<()> {
    let paint = screen.paint;
    screen.show(|out| {
        let method = paint.text(Style::Blue, &escape::line(method));
        let shown = paint.text(Style::Blue, &name(version));
        writeln!(out, "{method} {} {shown}", escape::line(target))?;
        if version != Version::HTTP_2 {
            return fields(out, screen, headers);
        }
        // As it goes over the wire, but for the host, which is no field there.
        let mut sent = Headers::new();
        for (name, value) in headers {
            let _ = sent.append(name.to_ascii_lowercase(), value);
        }
        for name in ["connection", "keep-alive", "transfer-encoding", "upgrade"] {
            sent.remove(name);
        }
        fields(out, screen, &sent)
    })
}

/// HTTP/2 has no minor version (RFC 9113 section 1).
fn name(version: Version) -> String {
    match version {
        Version::HTTP_2 => "HTTP/2".to_owned(),
        other => format!("{other:?}"),
    }
}

/// What a status code is called.
fn phrase(code: u16) -> &'static str {
    let code = StatusCode::from_u16(code).ok();
    code.and_then(|code| code.canonical_reason())
        .unwrap_or_default()
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
    /// A JSON body, as far as it is here.
    json: Vec<u8>,
    /// Bytes into text, in the response's charset.
    reader: cut::Text,
    /// Text that has not been shown yet.
    text: String,
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
    pub(crate) fn new(screen: Screen, head: &Head) -> Self {
        let kind = head.headers().get("content-type").unwrap_or_default();
        Shown {
            screen,
            kind: Kind::of(&kind),
            json: Vec::new(),
            reader: cut::Text::new(head),
            text: String::new(),
            at_line_start: true,
        }
    }

    /// The next piece of the body.
    pub(crate) fn piece(&mut self, piece: Bytes) -> io::Result<()> {
        match &mut self.kind {
            Kind::Binary(bytes) => {
                *bytes += piece.len() as u64;
                Ok(())
            }
            Kind::Json if self.json.len() + piece.len() <= MAX_JSON => {
                self.json.extend_from_slice(&piece);
                Ok(())
            }
            Kind::Json => {
                self.kind = Kind::Text;
                self.json.extend_from_slice(&piece);
                self.json_is_text();
                self.show(false)
            }
            Kind::Text => {
                self.reader.push(piece);
                self.show(false)
            }
        }
    }

    /// The body is complete, or there will be no more of it.
    pub(crate) fn end(mut self) -> io::Result<()> {
        let screen = self.screen;
        match self.kind {
            Kind::Binary(0) => return Ok(()),
            Kind::Binary(bytes) => {
                return screen.show(|out| writeln!(out, "<{bytes} bytes of binary data>"));
            }
            Kind::Json => {
                if let Ok(text) = std::str::from_utf8(&self.json)
                    && json::is_readable(text)
                {
                    return screen.show(|out| {
                        json::indent(text, screen.paint, out)?;
                        writeln!(out)
                    });
                }
                self.json_is_text();
            }
            Kind::Text => {}
        }
        self.show(false)?;
        self.reader.end();
        self.show(true)?;
        if self.at_line_start {
            Ok(())
        } else {
            screen.show(|out| writeln!(out))
        }
    }

    /// What was to be JSON is shown as the text that it is.
    fn json_is_text(&mut self) {
        let held = Bytes::from(std::mem::take(&mut self.json));
        if !held.is_empty() {
            self.reader.push(held);
        }
    }

    /// Shows what has been read, but for a carriage return that may be half of a line end.
    fn show(&mut self, whole: bool) -> io::Result<()> {
        while let Some(text) = self.reader.next()? {
            self.text.push_str(&text);
        }
        let waits = !whole && self.text.ends_with('\r');
        let ready = self.text.len() - usize::from(waits);
        let Some(ready) = self.text.get(..ready).filter(|ready| !ready.is_empty()) else {
            return Ok(());
        };
        let length = ready.len();
        let shown = escape::lines(ready);
        self.at_line_start = shown.ends_with('\n');
        self.screen.show(|out| out.write_all(shown.as_bytes()))?;
        self.text.drain(..length);
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

#[cfg(test)]
mod tests {
    use super::*;

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
