use super::Charset;
use super::charset::Kind;

/// How many bytes of an HTML page are looked through for its charset.
pub const META_LOOK_UP: usize = 2048;

/// The charset that an HTML page declares in a `meta` element within its first [`META_LOOK_UP`]
/// bytes, by the prescan of the HTML Standard (section 13.2.3.2): `<meta charset=…>` or
/// `<meta http-equiv=content-type content="…charset=…">`, not in comments.
///
/// As there, a page that could be read as ASCII so far is not UTF-16, whatever it says.
///
/// ```
/// use nuncio_content::{Charset, meta_charset};
///
/// assert_eq!(meta_charset(b"<!doctype html><meta charset='UTF8'>"), Some(Charset::UTF_8));
/// assert_eq!(meta_charset(b"<!-- <meta charset=utf-8> -->"), None);
/// ```
pub fn meta_charset(page: &[u8]) -> Option<Charset> {
    let mut rest = page.get(..META_LOOK_UP).unwrap_or(page);
    while let Some(at) = memchr::memchr(b'<', rest) {
        rest = rest.get(at + 1..)?;
        if rest.starts_with(b"!--") {
            // "<!-->" is a whole comment.
            let comment = rest.get(1..)?;
            let end = memchr::memmem::find(comment, b"-->")?;
            rest = comment.get(end + 3..)?;
        } else if is_meta(rest) {
            let mut attributes = Attributes(rest.get(4..)?);
            if let Some(charset) = declared(&mut attributes) {
                return Some(charset);
            }
            rest = attributes.0;
        } else if rest
            .strip_prefix(b"/")
            .unwrap_or(rest)
            .first()
            .is_some_and(u8::is_ascii_alphabetic)
        {
            let name = rest
                .iter()
                .position(|byte| is_space(*byte) || *byte == b'>')?;
            let mut attributes = Attributes(rest.get(name..)?);
            while attributes.next().is_some() {}
            rest = attributes.0;
        } else if matches!(rest.first(), Some(b'!' | b'/' | b'?')) {
            rest = rest.get(memchr::memchr(b'>', rest)?..)?;
        }
    }
    None
}

fn is_meta(tag: &[u8]) -> bool {
    let named = tag
        .get(..4)
        .is_some_and(|name| name.eq_ignore_ascii_case(b"meta"));
    named
        && tag
            .get(4)
            .is_some_and(|byte| is_space(*byte) || *byte == b'/')
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | 0x0c | b'\r' | b' ')
}

/// What one `meta` element says; the first attribute of a name counts.
fn declared(attributes: &mut Attributes<'_>) -> Option<Charset> {
    let (mut pragma, mut charset, mut content) = (None, None, None);
    for (name, value) in attributes.by_ref() {
        let slot = match &name[..] {
            b"http-equiv" => &mut pragma,
            b"charset" => &mut charset,
            b"content" => &mut content,
            _ => continue,
        };
        slot.get_or_insert(value);
    }
    let from_content = || {
        pragma.filter(|value| value == b"content-type")?;
        charset_in_content(&content?)
    };
    let label = charset.or_else(from_content)?;
    let charset = Charset::for_label(std::str::from_utf8(&label).ok()?).ok()?;
    Some(readable_as_ascii(charset))
}

#[cfg(feature = "charset")]
fn readable_as_ascii(charset: Charset) -> Charset {
    match charset.0 {
        Kind::Utf16 => Charset::UTF_8,
        Kind::Other(encoding)
            if [encoding_rs::UTF_16LE, encoding_rs::UTF_16BE].contains(&encoding) =>
        {
            Charset::UTF_8
        }
        Kind::Other(encoding) if encoding == encoding_rs::X_USER_DEFINED => {
            encoding_rs::WINDOWS_1252.into()
        }
        _ => charset,
    }
}

#[cfg(not(feature = "charset"))]
fn readable_as_ascii(charset: Charset) -> Charset {
    match charset.0 {
        Kind::Utf8 | Kind::Utf8Signed => charset,
    }
}

/// The HTML Standard's "extracting a character encoding from a meta element"; `content` is in lower
/// case.
fn charset_in_content(content: &[u8]) -> Option<Vec<u8>> {
    let mut rest = content;
    loop {
        let at = memchr::memmem::find(rest, b"charset")?;
        rest = rest.get(at + 7..)?.trim_ascii_start();
        if let Some(value) = rest.strip_prefix(b"=") {
            let value = value.trim_ascii_start();
            return match value.first()? {
                quote @ (b'"' | b'\'') => {
                    let value = value.get(1..)?;
                    let end = memchr::memchr(*quote, value)?;
                    value.get(..end).map(<[u8]>::to_vec)
                }
                _ => {
                    let end = value
                        .iter()
                        .position(|byte| is_space(*byte) || *byte == b';');
                    value.get(..end.unwrap_or(value.len())).map(<[u8]>::to_vec)
                }
            };
        }
    }
}

/// A tag's attributes, names and values in lower case. Stops before the `>` and at the end of what
/// is there; the work is bounded by [`META_LOOK_UP`].
struct Attributes<'a>(&'a [u8]);

impl Attributes<'_> {
    fn skip(&mut self, what: impl Fn(u8) -> bool) {
        let count = self.0.iter().take_while(|byte| what(**byte)).count();
        self.0 = self.0.get(count..).unwrap_or_default();
    }

    fn take(&mut self, until: impl Fn(u8) -> bool) -> Vec<u8> {
        let count = self.0.iter().take_while(|byte| !until(**byte)).count();
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        taken.to_ascii_lowercase()
    }
}

impl Iterator for Attributes<'_> {
    type Item = (Vec<u8>, Vec<u8>);

    fn next(&mut self) -> Option<Self::Item> {
        self.skip(|byte| is_space(byte) || byte == b'/');
        if matches!(self.0.first(), None | Some(b'>')) {
            return None;
        }
        // A name may begin with "=".
        let first = self.0.first().copied()?.to_ascii_lowercase();
        self.0 = self.0.get(1..)?;
        let mut name = vec![first];
        name.extend(self.take(|byte| is_space(byte) || matches!(byte, b'=' | b'/' | b'>')));
        self.skip(is_space);
        let Some(value) = self.0.strip_prefix(b"=") else {
            return Some((name, Vec::new()));
        };
        self.0 = value;
        self.skip(is_space);
        let value = match self.0.first()? {
            quote @ (b'"' | b'\'') => {
                let quote = *quote;
                self.0 = self.0.get(1..)?;
                let value = self.take(|byte| byte == quote);
                // Without its closing quote the value may be cut: it does not count.
                self.0 = self.0.get(1..)?;
                value
            }
            _ => self.take(|byte| is_space(byte) || byte == b'>'),
        };
        Some((name, value))
    }
}
