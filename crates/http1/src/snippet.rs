//! [`Snippet`]: the offending bytes in an error, cut short and without secrets.

use std::fmt;

/// At most this many bytes of what was wrong are kept.
pub(crate) const SHOWN: usize = 64;

/// Fields whose value must not show even where the line is malformed.
const SECRET: [&[u8]; 4] = [
    b"set-cookie",
    b"cookie",
    b"authorization",
    b"proxy-authorization",
];

/// The first bytes, at most 64, of what a peer sent; shown in quotes and escaped.
#[derive(Clone, PartialEq, Eq)]
pub struct Snippet {
    bytes: Box<[u8]>,
    cut: bool,
}

impl Snippet {
    /// The bytes as they came.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn new(bytes: &[u8]) -> Self {
        let shown = bytes.get(..SHOWN).unwrap_or(bytes);
        Self {
            bytes: shown.into(),
            cut: shown.len() < bytes.len(),
        }
    }

    /// The first line of `bytes`, without its end.
    pub(crate) fn line(bytes: &[u8]) -> Self {
        Self::new(first_line(bytes))
    }

    /// As [`line`](Self::line), for a header field: the values of those that carry secrets are
    /// left out.
    pub(crate) fn field(bytes: &[u8]) -> Self {
        let line = first_line(bytes);
        for name in SECRET {
            if line.len() > name.len()
                && line
                    .get(..name.len())
                    .is_some_and(|start| start.eq_ignore_ascii_case(name))
            {
                return Self {
                    bytes: name.into(),
                    cut: true,
                };
            }
        }
        Self::new(line)
    }
}

/// Up to the first LF if there is one, without CRLF.
pub(crate) fn first_line(bytes: &[u8]) -> &[u8] {
    let line = match memchr::memchr(b'\n', bytes) {
        Some(end) => bytes.get(..end).unwrap_or(bytes),
        None => bytes,
    };
    line.strip_suffix(b"\r").unwrap_or(line)
}

impl fmt::Display for Snippet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.bytes.escape_ascii())?;
        if self.cut { f.write_str("...") } else { Ok(()) }
    }
}

impl fmt::Debug for Snippet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_at_most_64_bytes_escaped_on_one_line() {
        let long = [b'\n'; 65];
        let shown = Snippet::new(&long).to_string();
        assert_eq!(shown, format!("\"{}\"...", "\\n".repeat(64)));
        assert_eq!(Snippet::new(b"a\0\"\xff").to_string(), r#""a\x00\"\xff""#);
        assert_eq!(Snippet::line(b"first\r\nsecond").to_string(), "\"first\"");
    }

    #[test]
    fn leaves_out_the_values_of_fields_that_carry_secrets() {
        for line in ["Set-Cookie : id=SECRET", "AUTHORIZATION\0: SECRET"] {
            let shown = Snippet::field(line.as_bytes()).to_string();
            assert!(!shown.contains("SECRET"), "{shown}");
        }
        assert_eq!(Snippet::field(b"X y: z\r\n").to_string(), "\"X y: z\"");
    }
}
