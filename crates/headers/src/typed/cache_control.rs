//! Cache-Control (RFC 9111 section 5.2).

use super::lexer::Lexer;
use super::parameters::Parameters;
use super::retry_after::seconds;
use crate::Headers;

/// The directives of Cache-Control, of all its fields together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CacheControl {
    directives: Parameters,
}

impl Headers {
    /// The directives of Cache-Control; none when the field is not there. What is no directive
    /// is left out.
    pub fn cache_control(&self) -> CacheControl {
        let mut directives = Parameters::default();
        for element in self.list("cache-control") {
            let mut lexer = Lexer::new(element);
            let name = lexer.token();
            lexer.skip_spaces();
            let value = if lexer.eat(b'=') {
                lexer.skip_spaces();
                lexer.value()
            } else if lexer.is_empty() {
                Vec::new()
            } else {
                continue;
            };
            if !name.is_empty() {
                directives.push(name, &value);
            }
        }
        CacheControl { directives }
    }
}

impl CacheControl {
    /// Whether a directive is there, with a value or without.
    pub fn contains(&self, directive: &str) -> bool {
        self.directives.get(directive).is_some()
    }

    /// The value of a directive, `""` for one without; the first counts.
    pub fn get(&self, directive: &str) -> Option<&str> {
        self.directives.get(directive)
    }

    /// The value of a directive such as `max-age` in seconds; `None` when it is not there or is
    /// no number, which RFC 9111 section 4.2.1 advises to take as stale. A number past `u64`
    /// counts as `u64::MAX`.
    pub fn seconds(&self, directive: &str) -> Option<u64> {
        seconds(self.get(directive)?.as_bytes())
    }

    /// All directives in order, names in lower case, `""` for no value.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.directives.iter()
    }
}
