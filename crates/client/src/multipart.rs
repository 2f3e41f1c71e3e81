//! Forms with files: `multipart/form-data` (RFC 7578) as a request's body.

use crate::body::{Body, Source};
use crate::error::{Error, Kind};
use crate::feed::{Feed, with_a};
use crate::parts::Parts;
use bytes::Bytes;
use nuncio_headers::{Headers, check_value};
use nuncio_multipart::{Boundary, Step};
use nuncio_url::{ParamValue, QueryParams};
use std::fmt;
use std::io;

/// What every Content-Type that can name a boundary begins with.
const FORM_DATA: &str = "multipart/form-data";

/// A form with files, sent as `multipart/form-data`: its parts in the order in which they were
/// given. Fields of [`RequestBuilder::form`](crate::RequestBuilder::form) go before them.
///
/// Data that is held is put together at once. What comes from a reader, a stream or a file is read
/// as it is sent; the body has a `Content-Length` when the length of every part is known, and is
/// sent chunked otherwise. It can be sent again when all its parts can.
///
/// ```
/// use nuncio_client::{Form, Part};
///
/// let form = Form::new()
///     .text("title", "Sales")
///     .text("year", 2024)
///     .part("report", Part::new(b"a,b\n1,2\n").file_name("sales.csv"))
///     .part("log", Part::new("...").content_type("text/plain"));
/// assert_eq!(form.len(), 4);
/// ```
///
/// Names and file names are escaped as browsers do it: none of them can end its line or its part
/// (SECURITY M1). A content type or field that is illegal becomes an error of the request.
#[derive(Default)]
pub struct Form {
    parts: Vec<(String, Part)>,
}

/// One file of a [`Form`]: data, a file name (`upload` unless told otherwise), a content type and
/// fields.
pub struct Part {
    body: Body,
    file_name: Option<String>,
    content_type: Option<String>,
    headers: Headers,
    mistake: Option<Error>,
}

impl Form {
    /// A form without parts, which is as good as none: a request whose only body it is has none.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a field: text, numbers as they print, `true` and `false`, `None` as nothing. It has
    /// neither file name nor Content-Type.
    pub fn text<'v>(self, name: impl Into<String>, value: impl Into<ParamValue<'v>>) -> Self {
        self.bytes(name, value.into().into_string())
    }

    /// Adds a field of bytes. It has neither file name nor Content-Type.
    pub fn bytes(self, name: impl Into<String>, value: impl Into<Bytes>) -> Self {
        self.part(name, Part::new(value.into()).file_name(""))
    }

    /// Adds a file.
    pub fn part(mut self, name: impl Into<String>, part: Part) -> Self {
        self.parts.push((name.into(), part));
        self
    }

    /// How many parts there are.
    pub fn len(&self) -> usize {
        self.parts.len()
    }

    /// Whether there is no part.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// The body, `fields` first, and the Content-Type to send with it. `given` is the one that the
    /// caller chose: its boundary is taken, and if it has none it gets one.
    pub(crate) fn encode(
        self,
        fields: &QueryParams,
        given: Option<&[u8]>,
    ) -> Result<(Body, Vec<u8>), Error> {
        let (boundary, content_type) = agree(given)?;
        let mut form = nuncio_multipart::Form::new();
        for (name, value) in fields.pairs() {
            form = form.text(name, value);
        }
        let mut sources: Vec<Option<Feed>> =
            std::iter::repeat_with(|| None).take(form.len()).collect();
        for (name, part) in self.parts {
            let (part, source) = part.split()?;
            form = form.part(name, part);
            sources.push(source);
        }
        one_side(&sources)?;
        let held = sources.iter().all(Option::is_none);
        let mut encoder = form.encoder(boundary);
        let length = encoder.content_length();
        if !held {
            let feed = Feed::parts(Parts::new(encoder, sources));
            return Ok((Body::fed(feed, length), content_type));
        }
        let room = length.and_then(|length| usize::try_from(length).ok());
        let mut bytes = Vec::with_capacity(room.unwrap_or_default());
        // What is held is never asked for.
        while let Ok(Step::Chunk(chunk)) = encoder.poll() {
            bytes.extend_from_slice(&chunk);
        }
        Ok((Body::from(bytes), content_type))
    }
}

impl Part {
    /// What `body` gives, whatever that is: bytes, text, a reader, a stream, a factory, a file.
    pub fn new(body: impl Into<Body>) -> Self {
        Part {
            body: body.into(),
            file_name: None,
            content_type: None,
            headers: Headers::new(),
            mistake: None,
        }
    }

    /// The whole of `reader`, for a blocking client: from its start, wherever it stands, and as
    /// often as it has to be sent. (A [`Body::seekable`] begins where it stands.)
    pub fn seekable(
        reader: impl io::Read + io::Seek + Send + 'static,
        length: Option<u64>,
    ) -> Self {
        Self::new(Body::fed(Feed::seekable(reader, Some(0)), length))
    }

    /// Sets the file name, for which a path's last component is the usual choice. With an empty one
    /// the part has none, and no guessed content type either.
    pub fn file_name(mut self, name: impl Into<String>) -> Self {
        self.file_name = Some(name.into());
        self
    }

    /// Sets the content type, in place of the one that is guessed by the file name.
    pub fn content_type(mut self, value: impl Into<String>) -> Self {
        let value = value.into();
        match check_value("Content-Type", &value) {
            Ok(()) => self.content_type = Some(value),
            Err(error) => self.note(error),
        }
        self
    }

    /// Adds a field that stands between Content-Disposition and Content-Type. One with
    /// `content-type` in its name, in any case, takes the place of the latter.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> Self {
        if let Err(error) = self.headers.append(name, value) {
            self.note(error);
        }
        self
    }

    fn note(&mut self, error: nuncio_headers::InvalidHeader) {
        self.mistake
            .get_or_insert(Error::other(Kind::LocalProtocol, error));
    }

    /// As the encoder wants it, and what it has to ask.
    fn split(self) -> Result<(nuncio_multipart::Part, Option<Feed>), Error> {
        if let Some(mistake) = self.mistake {
            return Err(mistake);
        }
        let (mut part, source) = match self.body.source {
            Source::Empty => (nuncio_multipart::Part::bytes(Bytes::new()), None),
            Source::Bytes(bytes) => (nuncio_multipart::Part::bytes(bytes), None),
            // Whether it really can be read again its source knows, and is asked.
            Source::Feed { feed, length } => (
                nuncio_multipart::Part::reader(length).replayable(),
                Some(feed.unwrap_or_else(|| Feed::held(Bytes::new()))),
            ),
        };
        if let Some(name) = self.file_name {
            part = part.file_name(name);
        }
        if let Some(content_type) = self.content_type {
            let typed = part.content_type(content_type);
            part = typed.map_err(|error| Error::other(Kind::LocalProtocol, error))?;
        }
        Ok((part.headers(self.headers), source))
    }
}

/// The boundary, and the Content-Type that names it.
fn agree(given: Option<&[u8]>) -> Result<(Boundary, Vec<u8>), Error> {
    let mistake = |error| {
        let text = format!("the boundary of the multipart form: {error}");
        Error::new(Kind::Builder, text)
    };
    let Some(given) = given else {
        let boundary = Boundary::random().map_err(mistake)?;
        let content_type = boundary.content_type().into_bytes();
        return Ok((boundary, content_type));
    };
    // Media types have no case (RFC 9110 section 8.3.1).
    let mut plain = given.to_vec();
    if let Some(start) = plain.get_mut(..FORM_DATA.len())
        && start.eq_ignore_ascii_case(FORM_DATA.as_bytes())
    {
        start.make_ascii_lowercase();
    }
    if let Some(boundary) = Boundary::from_content_type(&plain).map_err(mistake)? {
        return Ok((boundary, given.to_vec()));
    }
    let boundary = Boundary::random().map_err(mistake)?;
    let content_type = boundary.complete(&plain).into_owned();
    Ok((boundary, content_type))
}

/// A thread cannot wait for some parts and a task for the others.
fn one_side(sources: &[Option<Feed>]) -> Result<(), Error> {
    let mut sides = sources.iter().flatten().filter_map(Feed::side);
    if let Some(first) = sides.next()
        && let Some(other) = sides.find(|side| *side != first)
    {
        let (first, other) = (with_a(first), with_a(other));
        let text = format!("the multipart form has {first} part and {other} part");
        return Err(Error::new(Kind::Builder, text));
    }
    Ok(())
}

impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = self.parts.iter().map(|(name, part)| (name, part));
        f.debug_map().entries(parts).finish()
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part")
            .field("body", &self.body)
            .field("file_name", &self.file_name)
            .field("content_type", &self.content_type)
            .field("headers", &self.headers)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i11_no_data_shows_in_debug() {
        let form = Form::new()
            .text("password", "SECRET")
            .part("file", Part::new("SECRET").file_name("a.txt"));
        let text = format!("{form:?}");
        assert!(
            text.contains("password") && text.contains("a.txt"),
            "{text}"
        );
        assert!(!text.contains("SECRET"), "{text}");
    }

    #[test]
    fn b09_a_form_that_is_held_is_bytes_and_any_other_is_asked() {
        let given: &[u8] = b"multipart/form-data; boundary=B";
        let held = Form::new().text("a", "1").part("b", Part::new("2"));
        let (body, _) = held.encode(&QueryParams::new(), Some(given)).unwrap();
        assert_eq!(
            body.as_bytes().unwrap().len() as u64,
            body.length().unwrap()
        );
        let read = Form::new().part("b", Part::new(Body::reader(&b"2"[..], Some(1))));
        let (body, content_type) = read.encode(&QueryParams::new(), Some(given)).unwrap();
        assert!(body.as_bytes().is_none());
        assert_eq!(body.length(), Some(118));
        assert_eq!(content_type, given);
    }
}
