//! [`Form`] and [`Part`]: what is to be encoded.

use std::fmt;

use bytes::Bytes;
use nuncio_headers::{Headers, InvalidHeader, check_value};

use crate::{Boundary, Encoder};

/// The parts of a multipart/form-data body, in the order in which they are sent.
///
/// Put the fields first and then the files, as browsers' forms mostly do and servers like it: the
/// order that is given is kept, and a name may come more than once.
///
/// `Debug` shows names, file names and sizes, but no data.
#[derive(Default)]
pub struct Form {
    pub(crate) parts: Vec<(String, Part)>,
}

impl Form {
    /// No parts. (A body of none is its closing delimiter alone.)
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a field of text: no file name and no Content-Type.
    pub fn text(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.bytes(name, value.into())
    }

    /// Adds a field of bytes: no file name and no Content-Type.
    pub fn bytes(self, name: impl Into<String>, value: impl Into<Bytes>) -> Self {
        self.part(name, Part::bytes(value).file_name(""))
    }

    /// Adds a part. Its number is what [`len`](Self::len) was before.
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

    /// The machine that yields the body. It takes the form, so that nothing is encoded twice
    /// without [`Encoder::restart`].
    pub fn encoder(self, boundary: Boundary) -> Encoder {
        Encoder::new(self, boundary)
    }
}

impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.parts.iter().map(|(name, part)| (name, part)))
            .finish()
    }
}

/// A file of a form: data, a file name (`upload` unless told otherwise), a content type and
/// headers.
///
/// `Debug` shows the size and not the data.
pub struct Part {
    pub(crate) data: Data,
    /// Without one when it is empty.
    pub(crate) file_name: String,
    /// Guessed from the file name when there is none.
    pub(crate) content_type: Option<String>,
    pub(crate) headers: Headers,
}

/// Where the data of a part is.
pub(crate) enum Data {
    Held(Bytes),
    Source {
        /// In bytes.
        size: Option<u64>,
        replayable: bool,
    },
}

impl Part {
    /// Data that the form holds.
    pub fn bytes(data: impl Into<Bytes>) -> Self {
        Self::new(Data::Held(data.into()))
    }

    /// Text that the form holds, sent as UTF-8.
    pub fn text(data: impl Into<String>) -> Self {
        Self::bytes(data.into())
    }

    /// Data that the encoder will ask for ([`Step::Need`](crate::Step::Need)): from a file, or
    /// anything that can be read.
    ///
    /// `size` is in bytes and counts what is still to be read, not what the file has before that;
    /// the encoder holds the source to it. With `None` the body has no known length. The source is
    /// taken for one that can be read only once: see [`replayable`](Self::replayable).
    pub fn reader(size: Option<u64>) -> Self {
        Self::new(Data::Source {
            size,
            replayable: false,
        })
    }

    /// Says that the source can be read from its start again, as files can, for a second pass
    /// ([`Encoder::restart`]). Held data always can.
    pub fn replayable(mut self) -> Self {
        if let Data::Source { replayable, .. } = &mut self.data {
            *replayable = true;
        }
        self
    }

    /// Sets the file name, for which a path's last component is the usual choice. An empty one
    /// means that the part has none, and no guessed content type either.
    pub fn file_name(mut self, name: impl Into<String>) -> Self {
        self.file_name = name.into();
        self
    }

    /// Sets the content type, in place of the one that
    /// [`guess_content_type`](crate::guess_content_type) finds by the file name. An empty one is
    /// sent empty.
    ///
    /// It is not sent when [`headers`](Self::headers) has a field with `content-type` in its name.
    ///
    /// # Errors
    /// [`InvalidHeader::Value`] for what no header may hold: CR, LF and other controls, spaces at
    /// an end.
    pub fn content_type(mut self, value: impl Into<String>) -> Result<Self, InvalidHeader> {
        let value = value.into();
        check_value("Content-Type", &value)?;
        self.content_type = Some(value);
        Ok(self)
    }

    /// Sets the headers that stand between Content-Disposition and Content-Type, in their order
    /// and spelling.
    ///
    /// A field with `content-type` in its name, in any case, suppresses the part's own
    /// Content-Type.
    pub fn headers(mut self, headers: Headers) -> Self {
        self.headers = headers;
        self
    }

    fn new(data: Data) -> Self {
        Self {
            data,
            file_name: "upload".to_owned(),
            content_type: None,
            headers: Headers::new(),
        }
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part")
            .field("data", &self.data)
            .field("file_name", &self.file_name)
            .field("content_type", &self.content_type)
            .field("headers", &self.headers)
            .finish()
    }
}

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held(bytes) => write!(f, "{} bytes", bytes.len()),
            Self::Source { size: None, .. } => f.write_str("source of unknown size"),
            Self::Source { size: Some(n), .. } => write!(f, "source of {n} bytes"),
        }
    }
}
