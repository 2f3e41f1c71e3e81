//! `name=value` pairs behind a type, a link or a scheme.

use super::ext_value;
use super::lexer::{Lexer, text};

/// Parameters in order. Names are ASCII and compare without case; of several with one name the
/// first counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parameters {
    pub(crate) pairs: Vec<(String, String)>,
}

impl Parameters {
    /// The value of a parameter, without quotes and escapes.
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut pairs = self.pairs.iter();
        pairs
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The value of `name*` decoded (RFC 8187: UTF-8 or ISO 8859-1, percent-encoded), else that
    /// of `name`.
    pub fn extended(&self, name: &str) -> Option<String> {
        let extended = |key: &str| {
            key.strip_suffix('*')
                .is_some_and(|key| key.eq_ignore_ascii_case(name))
        };
        let mut pairs = self.pairs.iter();
        let decoded = pairs
            .find(|(key, _)| extended(key))
            .and_then(|(_, value)| ext_value::decode(value.as_bytes()));
        decoded.or_else(|| self.get(name).map(str::to_owned))
    }

    /// All of them in order, names in lower case.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.pairs
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub(crate) fn push(&mut self, name: &[u8], value: &[u8]) {
        let name = text(name).to_ascii_lowercase();
        self.pairs.push((name, text(value)));
    }

    /// Drops parameters whose name was there before.
    pub(crate) fn keep_first(&mut self) {
        let mut seen = std::collections::HashSet::new();
        self.pairs.retain(|(name, _)| seen.insert(name.clone()));
    }

    /// Reads `; name=value; name="value"`. What has another form is left out.
    pub(crate) fn parse(lexer: &mut Lexer<'_>) -> Self {
        let mut parameters = Self::default();
        while !lexer.is_empty() {
            let mut piece = Lexer::new(lexer.until_unquoted(|byte| byte == b';'));
            lexer.eat(b';');
            piece.skip_spaces();
            let name = piece.token();
            piece.skip_spaces();
            if name.is_empty() || !piece.eat(b'=') {
                continue;
            }
            piece.skip_spaces();
            let value = piece.value();
            parameters.push(name, &value);
        }
        parameters
    }
}

impl Lexer<'_> {
    /// A token or quoted string, or whatever stands there instead.
    pub(crate) fn value(&mut self) -> Vec<u8> {
        match self.peek() {
            Some(b'"') => self.quoted_string(),
            _ => crate::split::trim(self.until_unquoted(|_| false)).to_vec(),
        }
    }
}
