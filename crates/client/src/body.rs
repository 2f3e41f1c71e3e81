//! A request's body: where its bytes come from, how many there are, and whether they come again.

use crate::feed::{Feed, Side};
use bytes::{Bytes, BytesMut};
use nuncio_connection::BodySize;
use nuncio_headers::Headers;
use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// A body that comes piece by piece to an async client.
///
/// The crate `nuncio-async` makes one of any stream or async reader.
pub trait BodyStream: Send {
    /// The next piece, or `None` at the end.
    fn poll_chunk(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>>;

    /// Goes back to the first piece, so that the body can be sent once more, or says that it
    /// cannot, which is the default.
    fn restart(self: Pin<&mut Self>) -> bool {
        false
    }
}

/// A request's body.
///
/// Bytes and text are held and can be sent again wherever that is called for: a redirect that keeps
/// the body (307, 308), an answer to a challenge, a connection that had gone stale. So can a reader
/// that seeks, and what a factory makes. Any other reader or stream is read once, as it is sent.
/// Only bytes are ever held whole.
///
/// A source that comes with a length is held to it: one that gives more or less ends the request
/// with an error, and nothing is cut off or filled up. Without a length the body is sent chunked,
/// unless the request has a `Content-Length` field of the caller's, which then is the length.
///
/// ```
/// use nuncio_client::Body;
///
/// let held = Body::from("a text");
/// assert_eq!(held.length(), Some(6));
///
/// let read = Body::reader(std::io::repeat(b'x'), None);
/// assert_eq!(read.length(), None);
///
/// // An iterator gives its pieces once; asked for a new one each time, it can be sent again.
/// let lines = ["one\n", "two\n"];
/// let again = Body::factory(move || Ok(Body::pieces(lines)), Some(8));
/// assert_eq!(again.length(), Some(8));
/// ```
#[derive(Default)]
pub struct Body {
    pub(crate) source: Source,
}

#[derive(Default)]
pub(crate) enum Source {
    #[default]
    Empty,
    Bytes(Bytes),
    Feed {
        /// None while an attempt has it.
        feed: Option<Feed>,
        length: Option<u64>,
    },
}

impl Body {
    /// No body.
    pub const fn empty() -> Self {
        Body {
            source: Source::Empty,
        }
    }

    /// Text, sent as UTF-8. It brings no `Content-Type`.
    pub fn text(text: impl Into<String>) -> Self {
        Body::from(text.into())
    }

    /// Bytes that belong to somebody else, copied.
    pub fn copied(bytes: impl AsRef<[u8]>) -> Self {
        Body::from(Bytes::copy_from_slice(bytes.as_ref()))
    }

    /// What `reader` gives, for a blocking client; `length` is what is still to be read of it.
    pub fn reader(reader: impl io::Read + Send + 'static, length: Option<u64>) -> Self {
        Self::fed(Feed::reader(reader), length)
    }

    /// As [`reader`](Self::reader), for a reader that can go back to where it stood when it was
    /// given, and so be sent again.
    pub fn seekable(
        reader: impl io::Read + io::Seek + Send + 'static,
        length: Option<u64>,
    ) -> Self {
        Self::fed(Feed::seekable(reader, None), length)
    }

    /// What `pieces` gives, one after the other and none of them copied, for a blocking client.
    /// Its length is not known.
    pub fn pieces<I>(pieces: I) -> Self
    where
        I: IntoIterator<Item: Into<Bytes>, IntoIter: Send + 'static>,
    {
        let pieces = pieces.into_iter().map(|piece| Ok(piece.into()));
        Self::fed(Feed::pieces(pieces), None)
    }

    /// As [`pieces`](Self::pieces), of an iterator that may fail. The length is as in
    /// [`reader`](Self::reader).
    pub fn try_pieces<I, T, E>(pieces: I, length: Option<u64>) -> Self
    where
        I: IntoIterator<Item = Result<T, E>, IntoIter: Send + 'static>,
        T: Into<Bytes>,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        let pieces = pieces.into_iter().map(|piece| {
            piece
                .map(Into::into)
                .map_err(|error| io_error(error.into()))
        });
        Self::fed(Feed::pieces(pieces), length)
    }

    /// What `stream` gives, for an async client; `length` as in [`reader`](Self::reader).
    pub fn stream(stream: impl BodyStream + 'static, length: Option<u64>) -> Self {
        Self::fed(Feed::stream(stream), length)
    }

    /// What `make` makes, asked again each time that the body has to be sent; `length` as in
    /// [`reader`](Self::reader), and the same each time.
    pub fn factory(
        make: impl Fn() -> io::Result<Body> + Send + Sync + 'static,
        length: Option<u64>,
    ) -> Self {
        Self::fed(Feed::factory(Arc::new(make)), length)
    }

    /// This body with trailers behind it (RFC 9110 section 6.5): fields that `make` is asked for once
    /// the last byte was given, and again each time that the body is sent.
    ///
    /// HTTP/1.1 has room for trailers only where the body is chunked, so that it is sent without its
    /// length. Fields that would change how the message is read (`Content-Length`, `Host`,
    /// `Authorization` and the like, RFC 9110 section 6.5.1) end the request with
    /// [`Kind::LocalProtocol`](crate::Kind::LocalProtocol), and so do any behind a `Content-Length`
    /// of the caller's.
    ///
    /// ```
    /// use nuncio_client::{Body, Headers};
    ///
    /// let mut trailers = Headers::new();
    /// trailers.append("x-checksum", "2cf24dba").unwrap();
    /// let body = Body::from("hello").with_trailers(move || trailers.clone());
    /// assert_eq!(body.length(), None);
    /// ```
    #[must_use]
    pub fn with_trailers(self, make: impl Fn() -> Headers + Send + Sync + 'static) -> Self {
        let mut feed = self.into_feed();
        feed.set_trailers(Arc::new(make));
        Self::fed(feed, None)
    }

    pub(crate) fn fed(feed: Feed, length: Option<u64>) -> Self {
        let feed = Some(feed);
        Body {
            source: Source::Feed { feed, length },
        }
    }

    /// How many bytes there are; `None` where that is not known before the end.
    pub fn length(&self) -> Option<u64> {
        match self.size() {
            BodySize::Empty => Some(0),
            BodySize::Known(length) => Some(length),
            BodySize::Unknown => None,
        }
    }

    /// The bytes, where they are held: not those of a reader, a stream or a factory.
    pub fn as_bytes(&self) -> Option<&Bytes> {
        static NONE: Bytes = Bytes::new();
        match &self.source {
            Source::Empty => Some(&NONE),
            Source::Bytes(bytes) => Some(bytes),
            Source::Feed { .. } => None,
        }
    }

    /// What is to be asked for the bytes, whatever they come from: for transports of your own.
    pub fn into_feed(self) -> Feed {
        match self.source {
            Source::Empty => Feed::held(Bytes::new()),
            Source::Bytes(bytes) => Feed::held(bytes),
            Source::Feed { feed, .. } => feed.unwrap_or_else(|| Feed::held(Bytes::new())),
        }
    }

    /// The only side on which it can be sent, where there is one.
    pub(crate) fn side(&self) -> Option<Side> {
        match &self.source {
            Source::Empty | Source::Bytes(_) => None,
            Source::Feed { feed, .. } => feed.as_ref().and_then(Feed::side),
        }
    }

    /// Whether there is nothing that would have to be asked.
    pub(crate) fn is_held(&self) -> bool {
        !matches!(self.source, Source::Feed { .. })
    }

    /// Lends what has to be asked.
    pub(crate) fn lend(&mut self) -> Option<Feed> {
        match &mut self.source {
            Source::Empty | Source::Bytes(_) => None,
            Source::Feed { feed, .. } => feed.take(),
        }
    }

    /// Takes back what was lent.
    pub(crate) fn give_back(&mut self, lent: Option<Feed>) {
        if let Source::Feed { feed, .. } = &mut self.source {
            *feed = lent;
        }
    }

    /// Makes it ready to be sent once more, or says that it cannot be.
    pub(crate) fn restart(&mut self) -> bool {
        match &mut self.source {
            Source::Empty | Source::Bytes(_) => true,
            Source::Feed { feed, .. } => feed.as_mut().is_some_and(Feed::restart),
        }
    }

    /// The same body once more, where it is held.
    pub(crate) fn duplicate(&self) -> Option<Body> {
        match &self.source {
            Source::Empty => Some(Body::empty()),
            Source::Bytes(bytes) => Some(Body {
                source: Source::Bytes(bytes.clone()),
            }),
            Source::Feed { .. } => None,
        }
    }

    /// Whether there is nothing to send and nothing to say about it.
    pub(crate) fn is_none(&self) -> bool {
        matches!(self.source, Source::Empty)
    }

    pub(crate) fn size(&self) -> BodySize {
        match &self.source {
            Source::Empty => BodySize::Empty,
            Source::Bytes(bytes) => BodySize::Known(bytes.len() as u64),
            Source::Feed { length, .. } => length.map_or(BodySize::Unknown, BodySize::Known),
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Source::Empty => f.write_str("Body(empty)"),
            Source::Bytes(bytes) => write!(f, "Body({} bytes)", bytes.len()),
            Source::Feed { feed, length } => {
                f.write_str("Body(")?;
                match feed {
                    Some(feed) => feed.fmt(f)?,
                    None => f.write_str("being sent")?,
                }
                match length {
                    Some(length) => write!(f, " of {length} bytes)"),
                    None => f.write_str(")"),
                }
            }
        }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        if bytes.is_empty() {
            Body::empty()
        } else {
            Body {
                source: Source::Bytes(bytes),
            }
        }
    }
}

macro_rules! body_from {
    ($($type:ty),*) => {$(
        impl From<$type> for Body {
            fn from(value: $type) -> Self {
                Body::from(Bytes::from(value))
            }
        }
    )*};
}
body_from!(
    Vec<u8>,
    String,
    &'static [u8],
    &'static str,
    Box<[u8]>,
    BytesMut
);

impl<const N: usize> From<&'static [u8; N]> for Body {
    fn from(bytes: &'static [u8; N]) -> Self {
        Body::from(&bytes[..])
    }
}

impl From<&String> for Body {
    fn from(text: &String) -> Self {
        Body::copied(text)
    }
}

impl From<Cow<'static, str>> for Body {
    fn from(text: Cow<'static, str>) -> Self {
        match text {
            Cow::Borrowed(text) => Body::from(text),
            Cow::Owned(text) => Body::from(text),
        }
    }
}

impl From<Cow<'static, [u8]>> for Body {
    fn from(bytes: Cow<'static, [u8]>) -> Self {
        match bytes {
            Cow::Borrowed(bytes) => Body::from(bytes),
            Cow::Owned(bytes) => Body::from(bytes),
        }
    }
}

impl From<()> for Body {
    fn from((): ()) -> Self {
        Body::empty()
    }
}

/// The error as it is if it is one of I/O, else as the cause of one.
fn io_error(error: Box<dyn StdError + Send + Sync>) -> io::Error {
    match error.downcast::<io::Error>() {
        Ok(error) => *error,
        Err(error) => io::Error::other(error),
    }
}
