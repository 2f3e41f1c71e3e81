//! The body as JSON.

use super::{Response, snippet};
use crate::error::{Error, Kind};
use nuncio_content::json_text;
use serde::Deserialize;
use std::borrow::Cow;
use std::fmt;

/// The most that is told of what was wrong, in characters: it may quote the body.
const TOLD: usize = 200;

impl Response {
    /// The body read as JSON (RFC 8259), which is UTF-8, or UTF-16 or UTF-32 as a byte order mark or
    /// the zeros show; the declared charset plays no part. What `T` borrows is borrowed from the
    /// body, where that is UTF-8.
    ///
    /// Unlike Python's, this JSON has no `NaN` and no `Infinity`. Of two members of one name,
    /// `serde_json::Value` and maps keep the last; a struct refuses them.
    ///
    /// # Errors
    /// [`Kind::Decoding`] when it is not JSON, or not the JSON that `T` takes; the text says where, by
    /// line and column, and is one line.
    pub fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Error> {
        let text = json_text(&self.body)
            .map_err(|error| self.blame(Error::other(Kind::Decoding, error)))?;
        let value = match text {
            Cow::Borrowed(text) => serde_json::from_str(text),
            // A reader, of which nothing can be borrowed.
            Cow::Owned(text) => {
                let mut json = serde_json::Deserializer::from_reader(text.as_bytes());
                T::deserialize(&mut json).and_then(|value| json.end().map(|()| value))
            }
        };
        value.map_err(|error| self.blame(Error::other(Kind::Decoding, NotTheJson::new(error))))
    }
}

/// What was wrong, with no more of the body than fits.
#[derive(Debug)]
struct NotTheJson {
    message: String,
    error: serde_json::Error,
}

impl NotTheJson {
    fn new(error: serde_json::Error) -> Self {
        let message = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        let message = match message.strip_suffix(&place) {
            Some(what) => snippet(what, TOLD) + &place,
            None => snippet(&message, TOLD),
        };
        NotTheJson { message, error }
    }
}

impl fmt::Display for NotTheJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "reading the body as JSON: {}", self.message)
    }
}

impl std::error::Error for NotTheJson {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}
