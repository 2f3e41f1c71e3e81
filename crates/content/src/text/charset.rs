use std::fmt;
use std::sync::Arc;

use super::meta;

/// A text encoding.
///
/// Without feature `charset` there is UTF-8 alone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Charset(pub(super) Kind);

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Utf8,
    /// A byte order mark is taken off.
    Utf8Signed,
    /// A byte order mark decides which end comes first, and is taken off; little-endian without one.
    #[cfg(feature = "charset")]
    Utf16,
    #[cfg(feature = "charset")]
    Other(&'static encoding_rs::Encoding),
}

impl Charset {
    /// UTF-8; a byte order mark is kept as U+FEFF.
    pub const UTF_8: Self = Self(Kind::Utf8);

    /// UTF-8 whose byte order mark is taken off: Python's `utf-8-sig`.
    pub const UTF_8_SIG: Self = Self(Kind::Utf8Signed);

    /// The charset with this label, in any case and with white space around it: the labels of the
    /// WHATWG Encoding Standard, and behind them Python's names of the same encodings, such as
    /// `latin-1`, `utf_8`, `utf-8-sig` or `iso8859_15`.
    ///
    /// As browsers do it, `latin1` and `ascii` are windows-1252, and `gb2312` is GBK. `utf-16`
    /// without an end looks for a byte order mark. Python's codecs that are no text encodings (`hex`,
    /// `base64`, `idna`) are unknown.
    ///
    /// # Errors
    ///
    /// The label is unknown, or needs feature `charset`.
    pub fn for_label(label: &str) -> Result<Self, UnknownCharset> {
        let label = label.trim_matches([' ', '\t', '\n', '\x0c', '\r']);
        find(label).ok_or_else(|| UnknownCharset::new(label))
    }

    /// The charset that a byte order mark at the beginning of `body` tells, which the HTML Standard
    /// holds above all else. The mark itself is taken off by [`TextDecoder`](super::TextDecoder).
    pub fn for_bom(body: &[u8]) -> Option<Self> {
        match body {
            [0xEF, 0xBB, 0xBF, ..] => Some(Self::UTF_8_SIG),
            #[cfg(feature = "charset")]
            [0xFE, 0xFF, ..] | [0xFF, 0xFE, ..] => Some(Self(Kind::Utf16)),
            _ => None,
        }
    }

    /// What a body is decoded with: `declared`, the charset parameter of its content type, if that is
    /// known, or else what `fallback` says of `body`.
    ///
    /// ```
    /// use nuncio_content::{Charset, Fallback};
    ///
    /// let choose = |declared| Charset::choose(declared, &Fallback::Utf8, b"...");
    /// assert_eq!(choose(Some("UTF8")), Charset::UTF_8);
    /// assert_eq!(choose(Some("no-such-thing")), Charset::UTF_8);
    /// assert_eq!(choose(None), Charset::UTF_8);
    /// ```
    pub fn choose(declared: Option<&str>, fallback: &Fallback, body: &[u8]) -> Self {
        declared
            .and_then(|label| Self::for_label(label).ok())
            .unwrap_or_else(|| fallback.charset(body))
    }

    /// Guesses from the bytes alone, for text without any declaration. UTF-8 is among the guesses.
    #[cfg(feature = "detect")]
    pub fn detect(body: &[u8]) -> Self {
        let mut detector = chardetng::EncodingDetector::new(chardetng::Iso2022JpDetection::Deny);
        detector.feed(body, true);
        Self::from(detector.guess(None, chardetng::Utf8Detection::Allow))
    }

    /// Its name in the Encoding Standard; `UTF-8-SIG` and `UTF-16` for the two that heed a byte order
    /// mark.
    pub fn name(self) -> &'static str {
        match self.0 {
            Kind::Utf8 => "UTF-8",
            Kind::Utf8Signed => "UTF-8-SIG",
            #[cfg(feature = "charset")]
            Kind::Utf16 => "UTF-16",
            #[cfg(feature = "charset")]
            Kind::Other(encoding) => encoding.name(),
        }
    }
}

#[cfg(feature = "charset")]
fn find(label: &str) -> Option<Charset> {
    super::labels::find(label)
}

#[cfg(not(feature = "charset"))]
fn find(label: &str) -> Option<Charset> {
    let is = |names: &[&str]| names.iter().any(|name| label.eq_ignore_ascii_case(name));
    if is(&["utf-8", "utf8", "utf_8", "u8", "unicode-1-1-utf-8"]) {
        return Some(Charset::UTF_8);
    }
    is(&["utf-8-sig", "utf_8_sig"]).then_some(Charset::UTF_8_SIG)
}

#[cfg(feature = "charset")]
impl From<&'static encoding_rs::Encoding> for Charset {
    fn from(encoding: &'static encoding_rs::Encoding) -> Self {
        if encoding == encoding_rs::UTF_8 {
            Self::UTF_8
        } else {
            Self(Kind::Other(encoding))
        }
    }
}

impl fmt::Debug for Charset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Charset").field(&self.name()).finish()
    }
}

impl fmt::Display for Charset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A function that tells the charset of a body by its bytes.
pub type LookAtBody = dyn Fn(&[u8]) -> Option<Charset> + Send + Sync;

/// What decides the charset of a body that declares none, or none that is known.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum Fallback {
    /// UTF-8.
    #[default]
    Utf8,
    /// This one.
    Charset(Charset),
    /// A byte order mark or HTML's `<meta charset>` in the first
    /// [`META_LOOK_UP`](super::META_LOOK_UP) bytes; else UTF-8.
    HtmlMeta,
    /// [`Charset::detect`].
    #[cfg(feature = "detect")]
    Detect,
    /// A look at the body; UTF-8 where it gives none.
    Call(Arc<LookAtBody>),
}

impl Fallback {
    fn charset(&self, body: &[u8]) -> Charset {
        match self {
            Self::Utf8 => Charset::UTF_8,
            Self::Charset(charset) => *charset,
            Self::HtmlMeta => Charset::for_bom(body)
                .or_else(|| meta::meta_charset(body))
                .unwrap_or(Charset::UTF_8),
            #[cfg(feature = "detect")]
            Self::Detect => Charset::detect(body),
            Self::Call(look) => look(body).unwrap_or(Charset::UTF_8),
        }
    }
}

impl fmt::Debug for Fallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Utf8 => f.write_str("Utf8"),
            Self::Charset(charset) => charset.fmt(f),
            Self::HtmlMeta => f.write_str("HtmlMeta"),
            #[cfg(feature = "detect")]
            Self::Detect => f.write_str("Detect"),
            Self::Call(_) => f.write_str("Call"),
        }
    }
}

/// No charset of this build has the label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownCharset {
    label: String,
}

impl UnknownCharset {
    fn new(label: &str) -> Self {
        Self {
            label: label.chars().take(40).collect(),
        }
    }
}

impl fmt::Display for UnknownCharset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown charset {:?}", self.label)
    }
}

impl std::error::Error for UnknownCharset {}
