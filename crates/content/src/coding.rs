use std::fmt;

use crate::error::{DecodeError, DecodeErrorKind};

/// A content coding (RFC 9110 section 8.4.1) that this build decodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Coding {
    /// `gzip` (RFC 1952).
    #[cfg(feature = "gzip")]
    Gzip,
    /// `deflate`: zlib (RFC 1950), and the raw deflate (RFC 1951) that some servers send by this name.
    #[cfg(feature = "gzip")]
    Deflate,
    /// `br` (RFC 7932).
    #[cfg(feature = "brotli")]
    Brotli,
    /// `zstd` (RFC 8878 with the window of RFC 9659).
    #[cfg(feature = "zstd")]
    Zstd,
}

impl Coding {
    /// All codings of this build, in the order in which they are announced.
    pub const ALL: &'static [Self] = &[
        #[cfg(feature = "gzip")]
        Self::Gzip,
        #[cfg(feature = "gzip")]
        Self::Deflate,
        #[cfg(feature = "brotli")]
        Self::Brotli,
        #[cfg(feature = "zstd")]
        Self::Zstd,
    ];

    /// Its registered token.
    pub const fn name(self) -> &'static str {
        match self {
            #[cfg(feature = "gzip")]
            Self::Gzip => "gzip",
            #[cfg(feature = "gzip")]
            Self::Deflate => "deflate",
            #[cfg(feature = "brotli")]
            Self::Brotli => "br",
            #[cfg(feature = "zstd")]
            Self::Zstd => "zstd",
        }
    }

    /// The coding with this token, in any case; none for what this build does not decode, `identity`
    /// among it.
    pub fn from_token(token: &[u8]) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|coding| coding.name().as_bytes().eq_ignore_ascii_case(token))
    }
}

impl fmt::Display for Coding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The value of `accept-encoding` that announces what this build decodes and nothing else, in the
/// order gzip, deflate, br, zstd; `identity` for none.
pub const fn accept_encoding() -> &'static str {
    let announced = (
        cfg!(feature = "gzip"),
        cfg!(feature = "brotli"),
        cfg!(feature = "zstd"),
    );
    match announced {
        (false, false, false) => "identity",
        (false, false, true) => "zstd",
        (false, true, false) => "br",
        (false, true, true) => "br, zstd",
        (true, false, false) => "gzip, deflate",
        (true, false, true) => "gzip, deflate, zstd",
        (true, true, false) => "gzip, deflate, br",
        (true, true, true) => "gzip, deflate, br, zstd",
    }
}

/// The most codings that a body can have, whatever is allowed by configuration.
pub const MAX_CODINGS: usize = 8;

/// How many codings a body may have by default.
pub const DEFAULT_CODINGS: usize = 5;

/// The codings of a body in the order in which `content-encoding` lists them, which is the order in
/// which they were applied.
///
/// What this build does not decode is left out, as are `identity` and `x-gzip`: the body is then
/// handed on as it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Codings {
    list: [Option<Coding>; MAX_CODINGS],
    len: usize,
}

impl Codings {
    /// Reads the values of all `content-encoding` fields of a message, in their order.
    ///
    /// # Errors
    ///
    /// More than `limit` codings to undo over all values ([`DEFAULT_CODINGS`] is the usual limit,
    /// [`MAX_CODINGS`] the highest). Nothing is allocated.
    pub fn parse<'a>(
        values: impl IntoIterator<Item = &'a [u8]>,
        limit: usize,
    ) -> Result<Self, DecodeError> {
        let limit = limit.min(MAX_CODINGS);
        let mut codings = Self::default();
        for value in values {
            for token in value.split(|&byte| byte == b',') {
                let Some(coding) = Coding::from_token(token.trim_ascii()) else {
                    continue;
                };
                if codings.len == limit {
                    return Err(DecodeError {
                        coding: None,
                        kind: DecodeErrorKind::TooManyCodings { limit },
                        offset: 0,
                    });
                }
                codings.push(coding);
            }
        }
        Ok(codings)
    }

    /// How many codings are to be undone.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the body is handed on as it came.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The codings in the order of listing. The last one is undone first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Coding> + '_ {
        self.list.iter().filter_map(|coding| *coding)
    }

    fn push(&mut self, coding: Coding) {
        if let Some(slot) = self.list.get_mut(self.len) {
            *slot = Some(coding);
            self.len += 1;
        }
    }
}

impl From<Coding> for Codings {
    fn from(coding: Coding) -> Self {
        let mut codings = Self::default();
        codings.push(coding);
        codings
    }
}
