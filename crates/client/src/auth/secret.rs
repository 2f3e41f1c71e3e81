//! Bytes that nobody is to see, and that do not stay behind in memory.

use std::fmt;
use zeroize::{ZeroizeOnDrop, Zeroizing};

/// A user's name, password or token. Overwritten when it is dropped; never shown.
#[derive(Clone, Default)]
pub(crate) struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes `bytes` over; their block is overwritten with them.
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Secret(Zeroizing::new(bytes))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// By its only field.
impl ZeroizeOnDrop for Secret {}

impl From<&[u8]> for Secret {
    fn from(bytes: &[u8]) -> Self {
        Secret::new(bytes.to_vec())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}
