//! Taking values apart, from left to right.

use crate::split::unquoted_position;
use crate::syntax::is_token_byte;

/// What of a value is still to be read.
#[derive(Clone, Copy)]
pub(crate) struct Lexer<'a> {
    rest: &'a [u8],
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Self {
        Self { rest: text }
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Takes `byte` if it is next.
    pub(crate) fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.advance(1);
        }
        found
    }

    /// Takes bytes as long as `wanted` says so.
    pub(crate) fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self
            .rest
            .iter()
            .position(|&byte| !wanted(byte))
            .unwrap_or(self.rest.len());
        self.advance(end)
    }

    pub(crate) fn skip_spaces(&mut self) {
        self.take_while(|byte| matches!(byte, b' ' | b'\t'));
    }

    /// Takes `tchar`s; empty if there is none.
    pub(crate) fn token(&mut self) -> &'a [u8] {
        self.take_while(is_token_byte)
    }

    /// Takes what comes before the first `stop` outside quotes, or all.
    pub(crate) fn until_unquoted(&mut self, stop: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = unquoted_position(self.rest, stop).unwrap_or(self.rest.len());
        self.advance(end)
    }

    /// Takes a quoted string, of which `"` is next, and gives it without quotes and escapes. One
    /// that does not end takes all.
    pub(crate) fn quoted_string(&mut self) -> Vec<u8> {
        let mut text = Vec::new();
        self.eat(b'"');
        loop {
            text.extend_from_slice(self.take_while(|byte| byte != b'"' && byte != b'\\'));
            if !self.eat(b'\\') {
                self.eat(b'"');
                return text;
            }
            // As WHATWG has it, a backslash with nothing to escape is one.
            text.push(self.advance(1).first().copied().unwrap_or(b'\\'));
        }
    }

    fn advance(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self
            .rest
            .split_at_checked(count)
            .unwrap_or((self.rest, &[]));
        self.rest = rest;
        taken
    }
}

/// Bytes of a peer as text: UTF-8 where they are, else ISO 8859-1.
pub(crate) fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().copied().map(char::from).collect(),
    }
}
