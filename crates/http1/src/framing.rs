//! Which fields frame a message, and what those of a response say about its body (RFC 9112
//! section 6).

use http::Version;

use crate::error::RemoteError;
use crate::reuse::Leniency;
use crate::snippet::Snippet;

/// The fields that say how a message is delimited, or what becomes of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FramingField {
    Host,
    Upgrade,
    Connection,
    ContentLength,
    TransferEncoding,
}

impl FramingField {
    /// The field of that name in any case; none for all that do not frame.
    #[inline]
    pub(crate) fn named(name: &[u8]) -> Option<Self> {
        // The length of the name tells nearly all other fields apart.
        match name.len() {
            4 if name.eq_ignore_ascii_case(b"host") => Some(Self::Host),
            7 if name.eq_ignore_ascii_case(b"upgrade") => Some(Self::Upgrade),
            10 if name.eq_ignore_ascii_case(b"connection") => Some(Self::Connection),
            14 if name.eq_ignore_ascii_case(b"content-length") => Some(Self::ContentLength),
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => Some(Self::TransferEncoding),
            _ => None,
        }
    }
}

/// The framing fields of one head, read but not judged: responses without a body have them too,
/// and there they mean nothing.
pub(crate) struct FramingFields {
    length: Result<Option<u64>, RemoteError>,
    chunked: Result<bool, RemoteError>,
    /// Equal lengths were repeated, or listed; lenient only.
    pub(crate) repeated: bool,
    /// `Connection: close`.
    pub(crate) close: bool,
}

/// How a body that follows a head is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delimiter {
    Length(u64),
    Chunks,
    Close,
}

impl FramingFields {
    pub(crate) fn read(fields: &[httparse::Header<'_>], version: Version, lenient: bool) -> Self {
        let mut read = Self {
            length: Ok(None),
            chunked: Ok(false),
            repeated: false,
            close: false,
        };
        for field in fields {
            match FramingField::named(field.name.as_bytes()) {
                Some(FramingField::Connection) => {
                    read.close |=
                        tokens(field.value).any(|token| token.eq_ignore_ascii_case(b"close"));
                }
                Some(FramingField::ContentLength) => read.add_length(field.value, lenient),
                Some(FramingField::TransferEncoding) => read.add_coding(field.value, version),
                Some(FramingField::Host | FramingField::Upgrade) | None => {}
            }
        }
        read
    }

    /// How the body ends, for a response that may have one.
    pub(crate) fn delimiter(
        self,
        lenient: bool,
    ) -> Result<(Delimiter, Option<Leniency>), RemoteError> {
        let leniency = self.repeated.then_some(Leniency::RepeatedContentLength);
        match (self.chunked?, self.length?) {
            (false, Some(length)) => Ok((Delimiter::Length(length), leniency)),
            (false, None) => Ok((Delimiter::Close, None)),
            (true, None) => Ok((Delimiter::Chunks, None)),
            (true, Some(_)) if lenient => {
                Ok((Delimiter::Chunks, Some(Leniency::LengthAndTransferEncoding)))
            }
            (true, Some(length)) => Err(RemoteError::LengthAndTransferEncoding(Snippet::new(
                length.to_string().as_bytes(),
            ))),
        }
    }

    fn add_length(&mut self, value: &[u8], lenient: bool) {
        if !lenient {
            return self.add_one_length(value, value, lenient);
        }
        for part in value.split(|byte| *byte == b',') {
            self.add_one_length(part.trim_ascii(), value, lenient);
        }
    }

    fn add_one_length(&mut self, part: &[u8], shown: &[u8], lenient: bool) {
        let Ok(before) = self.length else {
            return;
        };
        self.length = match (parse_length(part), before) {
            (None, _) => Err(RemoteError::BadContentLength(Snippet::new(shown))),
            (Some(length), None) => Ok(Some(length)),
            (Some(length), Some(before)) if length == before && lenient => {
                self.repeated = true;
                Ok(Some(length))
            }
            (Some(length), Some(before)) if length == before => {
                Err(RemoteError::RepeatedContentLength(Snippet::new(shown)))
            }
            _ => Err(RemoteError::ConflictingContentLength(Snippet::new(shown))),
        };
    }

    /// Only the one word, once: every list that another reader might take otherwise is refused.
    fn add_coding(&mut self, value: &[u8], version: Version) {
        let error = match self.chunked {
            Err(_) => return,
            Ok(_) if version == Version::HTTP_10 => RemoteError::TransferEncodingInHttp10,
            Ok(false) if value.eq_ignore_ascii_case(b"chunked") => {
                self.chunked = Ok(true);
                return;
            }
            Ok(_) => RemoteError::BadTransferEncoding,
        };
        self.chunked = Err(error(Snippet::new(value)));
    }
}

/// A decimal number below 2^63, of at most 19 digits, with nothing around it.
pub(crate) fn parse_length(value: &[u8]) -> Option<u64> {
    if value.is_empty() || value.len() > 19 {
        return None;
    }
    let mut length = 0_u64;
    for byte in value {
        if !byte.is_ascii_digit() {
            return None;
        }
        // 19 digits are below 10^19, which is below 2^64.
        length = length * 10 + u64::from(byte - b'0');
    }
    i64::try_from(length).is_ok().then_some(length)
}

/// The items of a list of tokens (RFC 9110 section 5.6.1).
pub(crate) fn tokens(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f03_only_plain_decimal_lengths_below_2_to_the_63() {
        assert_eq!(parse_length(b"0"), Some(0));
        assert_eq!(parse_length(b"007"), Some(7));
        let max = i64::MAX as u64;
        assert_eq!(parse_length(max.to_string().as_bytes()), Some(max));
        for bad in [
            "",
            "+5",
            "-1",
            "0x5",
            "5_0",
            "5 6",
            " 5",
            "5 ",
            "5,5",
            "\u{0665}",
            "5.0",
            "1e3",
            "9223372036854775808",
            "18446744073709551616",
            "0000000000000000000000000000000000000005",
        ] {
            assert_eq!(parse_length(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn lists_are_taken_apart_at_commas() {
        let items: Vec<_> = tokens(b"keep-alive ,\tCLOSE,,x").collect();
        assert_eq!(items, [&b"keep-alive"[..], b"CLOSE", b"", b"x"]);
    }
}
