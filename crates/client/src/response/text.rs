//! The body as text: in which charset, and decoded.

use super::{Head, Response};
use crate::error::{Error, Kind};
use nuncio_content::{Charset, Fallback, TextDecoder};
use std::borrow::Cow;
use std::sync::Arc;

/// What a body is read as that declares no charset, or one that is not known. UTF-8 unless said
/// otherwise.
///
/// ```
/// use nuncio_client::DefaultEncoding;
///
/// let mostly_russian = DefaultEncoding::function(|body| {
///     std::str::from_utf8(body).is_err().then(|| "windows-1251".to_owned())
/// });
/// assert_ne!(format!("{mostly_russian:?}"), format!("{:?}", DefaultEncoding::html_meta()));
/// assert!(DefaultEncoding::label("utf8").is_ok());
/// assert!(DefaultEncoding::label("no such thing").is_err());
/// ```
#[derive(Clone, Debug, Default)]
pub struct DefaultEncoding(Fallback);

impl DefaultEncoding {
    /// The charset of this label: the WHATWG Encoding Standard's labels and Python's names, in any
    /// case.
    ///
    /// # Errors
    /// [`Kind::Builder`] for a label that is unknown, or needs the feature `charset`.
    pub fn label(label: &str) -> Result<Self, Error> {
        Ok(DefaultEncoding(Fallback::Charset(find(label)?)))
    }

    /// The label that `look` gives for a body. UTF-8 where it gives none, or one that is unknown.
    pub fn function(look: impl Fn(&[u8]) -> Option<String> + Send + Sync + 'static) -> Self {
        let look = move |body: &[u8]| Charset::for_label(&look(body)?).ok();
        DefaultEncoding(Fallback::Call(Arc::new(look)))
    }

    /// What a byte order mark or an HTML `meta` element within the first 2,048 bytes tells, whatever
    /// the content type; else UTF-8.
    pub fn html_meta() -> Self {
        DefaultEncoding(Fallback::HtmlMeta)
    }

    /// A guess from the bytes alone. Every reading of the text looks at the whole body for it.
    #[cfg(feature = "detect")]
    pub fn detect() -> Self {
        DefaultEncoding(Fallback::Detect)
    }

    /// Whether it is what goes without saying.
    fn is_utf8(&self) -> bool {
        matches!(self.0, Fallback::Utf8)
    }
}

impl Head {
    /// The charset that `Content-Type` declares, in lower case; it may be one that nobody knows.
    pub fn charset(&self) -> Option<String> {
        self.headers().content_type()?.charset()
    }

    /// What `body` is read as: what was [set](Response::with_encoding), else what is declared, if
    /// that is known, else what the client's [`DefaultEncoding`] says.
    pub(crate) fn choose_charset(&self, body: &[u8]) -> Charset {
        let more = self.more.as_deref();
        if let Some(charset) = more.and_then(|more| more.charset) {
            return charset;
        }
        let fallback = more.map_or(&Fallback::Utf8, |more| &more.default_encoding.0);
        match self.plain_charset() {
            Declared::Utf8 => Charset::UTF_8,
            Declared::Nothing => Charset::choose(None, fallback, body),
            Declared::Elaborate => Charset::choose(self.charset().as_deref(), fallback, body),
        }
    }

    /// What a `Content-Type` says that is written as nearly all are, at the cost of one look at it:
    /// taking one apart takes a dozen allocations.
    fn plain_charset(&self) -> Declared {
        let mut fields = self.headers().get_all("content-type");
        let Some(value) = fields.next() else {
            return Declared::Nothing;
        };
        let end = value.iter().position(|byte| *byte == b';');
        let (essence, parameters) = value.split_at(end.unwrap_or(value.len()));
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/+-.".contains(byte);
        if fields.next().is_some() || !essence.iter().all(plain) {
            return Declared::Elaborate;
        }
        let slashes = essence.iter().filter(|byte| **byte == b'/').count();
        let inner = essence.first() != Some(&b'/') && essence.last() != Some(&b'/');
        match parameters.strip_prefix(b";") {
            None => Declared::Nothing,
            Some(parameter)
                if parameter
                    .trim_ascii_start()
                    .eq_ignore_ascii_case(b"charset=utf-8")
                    && slashes == 1
                    && inner =>
            {
                Declared::Utf8
            }
            Some(_) => Declared::Elaborate,
        }
    }

    /// Says what the body is read as, whatever it declares.
    pub(crate) fn set_encoding(&mut self, label: &str) -> Result<(), Error> {
        self.more.get_or_insert_default().charset = Some(find(label)?);
        Ok(())
    }

    /// Says what a body is read as that declares no charset.
    #[inline]
    pub(crate) fn set_default_encoding(&mut self, default: &DefaultEncoding) {
        if self.more.is_some() || !default.is_utf8() {
            self.more.get_or_insert_default().default_encoding = default.clone();
        }
    }
}

impl Response {
    /// The body as text, in the charset that [`encoding`](Self::encoding) names. What is malformed
    /// becomes U+FFFD; a UTF-8 byte order mark stays, as U+FEFF, unless the charset is `utf-8-sig`.
    ///
    /// Borrowed where the body is valid UTF-8 and is read as that; else it is decoded anew by each
    /// call. Without the feature `charset` all text is UTF-8.
    pub fn text(&self) -> Cow<'_, str> {
        decode(&self.body, self.head.choose_charset(&self.body))
    }

    /// The body as text in the charset of this label, whatever it declares.
    ///
    /// # Errors
    /// [`Kind::Builder`] for a label that is unknown, or needs the feature `charset`.
    pub fn text_with(&self, label: &str) -> Result<Cow<'_, str>, Error> {
        let charset = find(label).map_err(|error| self.blame(error))?;
        Ok(decode(&self.body, charset))
    }

    /// The name of the charset that the body is read as, in the WHATWG Encoding Standard's spelling:
    /// what was set with [`with_encoding`](Self::with_encoding), else what is
    /// [declared](Head::charset), if that is known, else what the [`DefaultEncoding`] says.
    ///
    /// As browsers do it, `iso-8859-1` and `ascii` are `windows-1252`.
    pub fn encoding(&self) -> &'static str {
        self.head.choose_charset(&self.body).name()
    }

    /// The same response, read as text in the charset of this label.
    ///
    /// # Errors
    /// [`Kind::Builder`] for a label that is unknown, or needs the feature `charset`.
    pub fn with_encoding(mut self, label: &str) -> Result<Self, Error> {
        let set = self.head.set_encoding(label);
        set.map_err(|error| self.blame(error))?;
        Ok(self)
    }

    /// The same response, read as text as `default` says if it declares no charset.
    pub fn with_default_encoding(mut self, default: &DefaultEncoding) -> Self {
        self.head.set_default_encoding(default);
        self
    }
}

/// What a `Content-Type` says of the charset, at a glance.
#[derive(Debug, PartialEq)]
enum Declared {
    Nothing,
    Utf8,
    /// It is to be taken apart.
    Elaborate,
}

fn find(label: &str) -> Result<Charset, Error> {
    Charset::for_label(label).map_err(|error| Error::other(Kind::Builder, error))
}

fn decode(body: &[u8], charset: Charset) -> Cow<'_, str> {
    const MARK: &[u8] = "\u{FEFF}".as_bytes();
    if charset == Charset::UTF_8 {
        return String::from_utf8_lossy(body);
    }
    if charset == Charset::UTF_8_SIG {
        return String::from_utf8_lossy(body.strip_prefix(MARK).unwrap_or(body));
    }
    let mut text = String::new();
    let mut decoder = TextDecoder::new(charset);
    decoder.decode(body, &mut text);
    decoder.finish(&mut text);
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use nuncio_headers::Headers;

    #[test]
    fn a_glance_at_the_content_type_tells_what_taking_it_apart_tells() {
        let values = [
            "text/html; charset=utf-8",
            "text/html;charset=UTF-8",
            "text/html; \t Charset=Utf-8",
            "application/ld+json",
            "",
            "nonsense",
            "nonsense; charset=utf-8",
            "/; charset=utf-8",
            "a/; charset=utf-8",
            "/b; charset=utf-8",
            "a/b/c; charset=utf-8",
            "a b/c; charset=utf-8",
            "text/html; charset=utf-8; charset=latin1",
            "text/html; charset=latin1",
            "text/html; charset=\"utf-8\"",
            "text/html; charset=utf-8, text/html",
            "text/html, text/plain; charset=utf-8",
            "text/html; a=b; charset=utf-8",
            "text/html ; charset=utf-8",
            "text/html; charset =utf-8",
            "text/html; charset=utf-8 ",
        ];
        let mut plain = 0;
        for first in values {
            for second in [None, Some("text/html; charset=latin1"), Some("text/html")] {
                let all = [Some(first), second].into_iter().flatten();
                let headers: Vec<_> = all
                    .map(|value| ("Content-Type", value.trim_end()))
                    .collect();
                let headers = Headers::from_pairs(headers).unwrap();
                let url = nuncio_url::Url::parse("http://h/").unwrap();
                let head = Head::new(http::Method::GET, url, http::StatusCode::OK, headers);
                let told = head.charset();
                match head.plain_charset() {
                    Declared::Nothing => assert_eq!(told, None, "{first}, {second:?}"),
                    Declared::Utf8 => assert_eq!(told.as_deref(), Some("utf-8"), "{first}"),
                    Declared::Elaborate => continue,
                }
                plain += 1;
            }
        }
        assert_eq!(plain, 7);
    }

    #[test]
    fn the_usual_text_costs_no_allocation() {
        let usual = ["text/html; charset=utf-8", "text/plain", "application/json"];
        for content_type in usual {
            let builder = http::Response::builder().header("Content-Type", content_type);
            let response = Response::try_from(builder.body("abc").unwrap()).unwrap();
            let cost = allocation_counter::measure(|| assert_eq!(response.text(), "abc"));
            assert_eq!(cost.count_total, 0, "{content_type}");
        }
    }
}
