//! A request's body: where its bytes come from, how many there are, and whether they come again.

use crate::feed::{Feed, Side};
use bytes::Bytes;
use nuncio_connection::BodySize;
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
}

/// A request's body.
///
/// Bytes and text are held and can be sent again wherever that is called for: a redirect that keeps
/// the body (307, 308), an answer to a challenge, a connection that had gone stale. So can a reader
/// that seeks, and what a factory makes. Any other reader or stream is read once, as it is sent.
/// Only bytes are ever held whole.
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

    /// What `reader` gives, for a blocking client. With a `length` it is announced, and a reader
    /// that gives more or less is an error; without, the body is sent chunked.
    pub fn reader(reader: impl io::Read + Send + 'static, length: Option<u64>) -> Self {
        Self::fed(Feed::reader(reader), length)
    }

    /// As [`reader`](Self::reader), for a reader that can go back to where it stood when it was
    /// given, and so be sent again.
    pub fn seekable(
        reader: impl io::Read + io::Seek + Send + 'static,
        length: Option<u64>,
    ) -> Self {
        Self::fed(Feed::seekable(reader), length)
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

    fn fed(feed: Feed, length: Option<u64>) -> Self {
        let feed = Some(feed);
        Body {
            source: Source::Feed { feed, length },
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
            Source::Bytes(bytes) => Some(Body::from(bytes.clone())),
            Source::Feed { .. } => None,
        }
    }

    /// The bytes, where they are held.
    pub fn as_bytes(&self) -> Option<&Bytes> {
        match &self.source {
            Source::Bytes(bytes) => Some(bytes),
            _ => None,
        }
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
body_from!(Vec<u8>, String, &'static [u8], &'static str, Box<[u8]>);
