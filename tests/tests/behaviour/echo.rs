//! What `/echo` of the testkit's server says about a request, as values.

use nuncio::Response;
use serde::Deserialize;

/// A request as the server saw it.
#[derive(Debug)]
pub(crate) struct Echo {
    pub(crate) line: Line,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) trailers: Vec<String>,
    pub(crate) body: Vec<u8>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Line {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) version: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Field { name: String, value: String },
    Trailer { trailer: String },
}

impl Echo {
    #[track_caller]
    pub(crate) fn of(response: &Response) -> Self {
        assert_eq!(response.status(), 200, "{}", response.text());
        let bytes = response.bytes();
        let blank = bytes.windows(2).position(|two| two == b"\n\n").unwrap();
        let text = std::str::from_utf8(&bytes[..blank]).unwrap();
        let mut lines = text.lines();
        let line = serde_json::from_str(lines.next().unwrap()).unwrap();
        let (mut fields, mut trailers) = (Vec::new(), Vec::new());
        for line in lines {
            match serde_json::from_str(line).unwrap() {
                Entry::Field { name, value } => fields.push((name, value)),
                Entry::Trailer { trailer } => trailers.push(trailer),
            }
        }
        let body = bytes[blank + 2..].to_vec();
        Echo {
            line,
            fields,
            trailers,
            body,
        }
    }

    /// The fields' names, in order and as written.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.fields.iter().map(|(name, _)| &name[..]).collect()
    }

    /// The values of one field, in order.
    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        let named = self
            .fields
            .iter()
            .filter(|(known, _)| known.eq_ignore_ascii_case(name));
        named.map(|(_, value)| &value[..]).collect()
    }
}
