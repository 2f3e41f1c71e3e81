//! From pairs, and to and from `http::HeaderMap`.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::storage::validate_value;
use crate::syntax::has_outer_space;
use crate::view::is_sensitive;
use crate::{Headers, InvalidHeader};

impl Headers {
    /// Headers from pairs of name and value, in their order.
    ///
    /// # Errors
    /// [`InvalidHeader`] for the first name or value that is not valid.
    pub fn from_pairs<N: AsRef<str>, V: AsRef<[u8]>>(
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, InvalidHeader> {
        let mut headers = Self::new();
        headers.extend(pairs)?;
        Ok(headers)
    }

    /// Appends pairs of name and value, in their order.
    ///
    /// # Errors
    /// [`InvalidHeader`] for the first name or value that is not valid; those before it stay.
    pub fn extend<N: AsRef<str>, V: AsRef<[u8]>>(
        &mut self,
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Result<(), InvalidHeader> {
        pairs
            .into_iter()
            .try_for_each(|(name, value)| self.append(name, value))
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>, const COUNT: usize> TryFrom<[(N, V); COUNT]> for Headers {
    type Error = InvalidHeader;

    fn try_from(pairs: [(N, V); COUNT]) -> Result<Self, InvalidHeader> {
        Self::from_pairs(pairs)
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>> TryFrom<Vec<(N, V)>> for Headers {
    type Error = InvalidHeader;

    fn try_from(pairs: Vec<(N, V)>) -> Result<Self, InvalidHeader> {
        Self::from_pairs(pairs)
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>> TryFrom<&[(N, V)]> for Headers {
    type Error = InvalidHeader;

    fn try_from(pairs: &[(N, V)]) -> Result<Self, InvalidHeader> {
        Self::from_pairs(pairs.iter().map(|(name, value)| (name, value)))
    }
}

/// Bytes that a received field takes, mostly: a guess that is right is cheaper than a count.
const LINE: usize = 64;

/// A `HeaderValue` may start or end with a space, which is refused here.
impl TryFrom<&HeaderMap> for Headers {
    type Error = InvalidHeader;

    fn try_from(map: &HeaderMap) -> Result<Self, InvalidHeader> {
        let mut headers = Self::with_capacity(map.len(), map.len().saturating_mul(LINE));
        for (name, value) in map {
            let (name, value) = (name.as_str().as_bytes(), value.as_bytes());
            // The types of `http` have looked at all else.
            if has_outer_space(value) {
                validate_value(name, value)?;
            }
            headers.append_valid(name, value)?;
        }
        Ok(headers)
    }
}

/// Names get lower case, fields of one name come together, credentials are marked as sensitive.
/// Fails with [`InvalidHeader::TooLarge`] past the limits of `HeaderMap`: 32,768 names, names of
/// 65,535 bytes.
impl TryFrom<&Headers> for HeaderMap {
    type Error = InvalidHeader;

    fn try_from(headers: &Headers) -> Result<Self, InvalidHeader> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let sensitive = is_sensitive(name);
            let name = HeaderName::from_bytes(name.as_bytes());
            let (Ok(name), Ok(mut value)) = (name, HeaderValue::from_bytes(value)) else {
                return Err(InvalidHeader::TooLarge);
            };
            value.set_sensitive(sensitive);
            map.try_append(name, value)
                .map_err(|_| InvalidHeader::TooLarge)?;
        }
        Ok(map)
    }
}
