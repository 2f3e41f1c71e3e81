//! Link (RFC 8288).

use super::lexer::{Lexer, text};
use super::parameters::Parameters;
use crate::Headers;

/// One link of a Link field.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Link {
    /// The target as it was sent: often relative to the URL of the response.
    pub url: String,
    /// `rel`, `title` and so on.
    pub parameters: Parameters,
}

impl Link {
    /// What the target is to this resource; several relations stand in it with spaces between.
    pub fn rel(&self) -> Option<&str> {
        self.parameters.get("rel")
    }

    /// `title*` decoded, else `title`.
    pub fn title(&self) -> Option<String> {
        self.parameters.extended("title")
    }
}

/// The links of a response by key: their `rel`, or their URL where they have none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links {
    links: Vec<Link>,
}

impl Links {
    /// The link of that key; where several have it, the last.
    pub fn get(&self, key: &str) -> Option<&Link> {
        self.links
            .iter()
            .rev()
            .find(|link| link.rel().unwrap_or(&link.url) == key)
    }

    /// Every link in order, those that share a key included.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Link> {
        self.links.iter()
    }

    /// How many links there are.
    pub fn len(&self) -> usize {
        self.links.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.links.is_empty()
    }
}

impl Headers {
    /// The links of all Link fields.
    ///
    /// A parameter without `=` ends those of its link. Single quotes around a value go as double
    /// ones do.
    pub fn links(&self) -> Links {
        Links {
            links: self.get_all("link").flat_map(Values).collect(),
        }
    }
}

/// The links of one field that are still to be read.
struct Values<'a>(&'a [u8]);

impl Iterator for Values<'_> {
    type Item = Link;

    fn next(&mut self) -> Option<Link> {
        let mut lexer = Lexer::new(self.0);
        lexer.take_while(|byte| matches!(byte, b' ' | b'\t' | b','));
        if lexer.is_empty() {
            return None;
        }
        let url = if lexer.eat(b'<') {
            let url = lexer.take_while(|byte| byte != b'>');
            lexer.eat(b'>');
            url
        } else {
            lexer.take_while(|byte| byte != b';' && byte != b',')
        };
        lexer.until_unquoted(|byte| byte == b';' || byte == b',');
        let mut parameters = Parameters::default();
        let mut ended = false;
        while lexer.eat(b';') {
            let piece = lexer.until_unquoted(|byte| byte == b';' || byte == b',');
            let mut piece = Lexer::new(piece);
            piece.skip_spaces();
            let name = piece.token();
            piece.skip_spaces();
            ended |= !piece.eat(b'=');
            piece.skip_spaces();
            if !ended && !name.is_empty() {
                parameters.push(name, unquote(&piece.value()));
            }
        }
        self.0 = lexer.rest();
        let url = url.trim_ascii();
        Some(Link {
            url: text(unquote(url)),
            parameters,
        })
    }
}

/// Some peers quote with apostrophes.
fn unquote(value: &[u8]) -> &[u8] {
    match value {
        [quote @ (b'\'' | b'"'), inner @ .., end] if quote == end => inner,
        _ => value,
    }
}
