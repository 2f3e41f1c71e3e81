//! WWW-Authenticate and Proxy-Authenticate (RFC 9110 section 11.6.1).

use super::lexer::{Lexer, text};
use super::parameters::Parameters;
use crate::Headers;
use crate::split::Elements;

/// One way in which a server lets itself be convinced.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Challenge {
    /// The scheme in the case in which it was sent; compare it without case.
    pub scheme: String,
    /// What some schemes (Negotiate) have in place of parameters.
    pub token68: Option<String>,
    /// `realm`, `nonce` and so on, without quotes and escapes.
    pub parameters: Parameters,
}

impl Headers {
    /// The challenges of all WWW-Authenticate fields, in order.
    pub fn www_authenticate(&self) -> Vec<Challenge> {
        challenges(self.get_all("www-authenticate"))
    }

    /// The challenges of all Proxy-Authenticate fields, in order.
    pub fn proxy_authenticate(&self) -> Vec<Challenge> {
        challenges(self.get_all("proxy-authenticate"))
    }
}

/// What has not the form of a challenge or parameter is left out up to the next comma. A field
/// never goes on in the next one, so that one with a quote that is not closed spoils no other.
fn challenges<'a>(values: impl Iterator<Item = &'a [u8]>) -> Vec<Challenge> {
    let mut found = Vec::new();
    for value in values {
        let mut current: Option<Challenge> = None;
        for element in Elements::new(value, b',') {
            let mut lexer = Lexer::new(element);
            let name = lexer.token();
            if name.is_empty() {
                continue;
            }
            let spaces = matches!(lexer.peek(), Some(b' ' | b'\t'));
            lexer.skip_spaces();
            if lexer.eat(b'=') {
                if let Some(challenge) = &mut current {
                    challenge.add(name, lexer);
                }
            } else if spaces || lexer.is_empty() {
                found.extend(current.replace(Challenge::new(name, lexer)));
            }
        }
        found.extend(current);
    }
    found
}

impl Challenge {
    /// `rest` is what stands behind the scheme: nothing, a token68 or the first parameter.
    fn new(scheme: &[u8], rest: Lexer<'_>) -> Self {
        let mut challenge = Self {
            scheme: text(scheme),
            token68: None,
            parameters: Parameters::default(),
        };
        let mut lexer = rest;
        let name = lexer.token();
        lexer.skip_spaces();
        // `abc==` is a token68 and `a=b` a parameter; `a=` can only be the former.
        if !name.is_empty() && lexer.eat(b'=') && !matches!(lexer.peek(), None | Some(b'=')) {
            challenge.add(name, lexer);
        } else if is_token68(rest.rest()) {
            challenge.token68 = Some(text(rest.rest()));
        }
        challenge
    }

    fn add(&mut self, name: &[u8], mut value: Lexer<'_>) {
        value.skip_spaces();
        let value = value.value();
        self.parameters.push(name, &value);
    }
}

fn is_token68(text: &[u8]) -> bool {
    let mut lexer = Lexer::new(text);
    let head = lexer.take_while(|byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/')
    });
    lexer.take_while(|byte| byte == b'=');
    !head.is_empty() && lexer.is_empty()
}
