//! Conversions: text, serde, `http::Uri`.

use std::str::FromStr;

use crate::error::ParseError;
use crate::record::Url;

impl FromStr for Url {
    type Err = ParseError;

    fn from_str(input: &str) -> Result<Self, ParseError> {
        Self::parse(input)
    }
}

impl TryFrom<&str> for Url {
    type Error = ParseError;

    fn try_from(input: &str) -> Result<Self, ParseError> {
        Self::parse(input)
    }
}

impl TryFrom<&String> for Url {
    type Error = ParseError;

    fn try_from(input: &String) -> Result<Self, ParseError> {
        Self::parse(input)
    }
}

impl TryFrom<String> for Url {
    type Error = ParseError;

    fn try_from(input: String) -> Result<Self, ParseError> {
        Self::parse(&input)
    }
}

impl From<Url> for String {
    fn from(url: Url) -> Self {
        url.href
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Url {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Url {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl serde::de::Visitor<'_> for Visitor {
            type Value = Url;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an absolute URL")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Url, E> {
                Url::parse(text).map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Visitor)
    }
}

/// Fails for a URI without a scheme, such as the target of a request in origin form.
#[cfg(feature = "http")]
impl TryFrom<&http::Uri> for Url {
    type Error = ParseError;

    fn try_from(uri: &http::Uri) -> Result<Self, ParseError> {
        if uri.scheme().is_none() {
            return Err(ParseError::RelativeWithoutBase);
        }
        Self::parse(&uri.to_string())
    }
}

/// The same URL without its fragment, which a `Uri` cannot hold. Credentials are kept. Fails for what
/// `http` does not take: opaque paths, and more than 65,534 bytes.
#[cfg(feature = "http")]
impl TryFrom<&Url> for http::Uri {
    type Error = http::uri::InvalidUri;

    fn try_from(url: &Url) -> Result<Self, Self::Error> {
        Self::try_from(url.slice(0, url.query_end()))
    }
}
