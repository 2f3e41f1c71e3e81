//! Content-Type, as the WHATWG MIME Sniffing Standard reads it (section 4.4) and the Fetch
//! Standard combines several (section 3.6).

use std::fmt;

use super::ext_value;
use super::lexer::{Lexer, text};
use super::parameters::Parameters;
use crate::Headers;
use crate::split::trim;
use crate::syntax::{is_control, is_token};

/// A media type with its parameters.
///
/// `Display` writes it as it would be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ContentType {
    /// Type and subtype in lower case: `text/html`.
    pub essence: String,
    /// `charset`, `boundary` and so on; each name once.
    pub parameters: Parameters,
}

impl Headers {
    /// What Content-Type says; of several the last that is valid, which keeps the charset of those
    /// before it when it only repeats their type. `None` when there is none.
    pub fn content_type(&self) -> Option<ContentType> {
        // Usually there is one, and only joined values are right where a quote spans two.
        let joined = self
            .get_all("content-type")
            .collect::<Vec<_>>()
            .join(&b", "[..]);
        let mut found: Option<ContentType> = None;
        let mut charset: Option<String> = None;
        let mut lexer = Lexer::new(&joined);
        while !lexer.is_empty() {
            let value = lexer.until_unquoted(|byte| byte == b',');
            lexer.eat(b',');
            let Some(mut parsed) = ContentType::parse(trim(value)) else {
                continue;
            };
            if parsed.essence == "*/*" {
                continue;
            }
            let own = parsed.parameters.get("charset").map(str::to_owned);
            let repeats = found
                .as_ref()
                .is_some_and(|found| found.essence == parsed.essence);
            match &charset {
                Some(charset) if repeats && own.is_none() => {
                    parsed.parameters.push(b"charset", charset.as_bytes());
                }
                _ => charset = own,
            }
            found = Some(parsed);
        }
        found
    }
}

impl ContentType {
    /// Reads one media type.
    pub fn parse(value: impl AsRef<[u8]>) -> Option<Self> {
        let mut lexer = Lexer::new(value.as_ref());
        lexer.take_while(is_space);
        let kind = lexer.take_while(|byte| byte != b'/');
        lexer.eat(b'/').then_some(())?;
        let subtype = trim_end(lexer.take_while(|byte| byte != b';'));
        if !is_token(kind) || !is_token(subtype) {
            return None;
        }
        let essence = [kind, b"/", subtype].concat().to_ascii_lowercase();
        let mut parameters = Parameters::default();
        while lexer.eat(b';') {
            lexer.take_while(is_space);
            let name = lexer.take_while(|byte| byte != b';' && byte != b'=');
            if !lexer.eat(b'=') {
                continue;
            }
            let value = if lexer.peek() == Some(b'"') {
                let value = lexer.quoted_string();
                lexer.take_while(|byte| byte != b';');
                value
            } else {
                let value = trim_end(lexer.take_while(|byte| byte != b';'));
                if value.is_empty() {
                    continue;
                }
                value.to_vec()
            };
            if is_token(name) && !value.iter().any(|&byte| is_control(byte)) {
                parameters.push(name, &value);
            }
        }
        parameters.keep_first();
        Some(Self {
            essence: text(&essence),
            parameters,
        })
    }

    /// The charset in lower case: `charset`, else `charset*` decoded (RFC 8187).
    pub fn charset(&self) -> Option<String> {
        let decoded = || ext_value::decode(self.parameters.get("charset*")?.as_bytes());
        let charset = self
            .parameters
            .get("charset")
            .map(str::to_owned)
            .or_else(decoded)?;
        Some(charset.to_ascii_lowercase())
    }
}

impl fmt::Display for ContentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.essence)?;
        for (name, value) in self.parameters.iter() {
            if is_token(value.as_bytes()) {
                write!(f, ";{name}={value}")?;
            } else {
                write!(
                    f,
                    ";{name}=\"{}\"",
                    value.replace('\\', "\\\\").replace('"', "\\\"")
                )?;
            }
        }
        Ok(())
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

fn trim_end(text: &[u8]) -> &[u8] {
    let spaces = text
        .iter()
        .rev()
        .take_while(|&&byte| is_space(byte))
        .count();
    text.get(..text.len() - spaces).unwrap_or_default()
}
