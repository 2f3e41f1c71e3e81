//! A request's body: where its bytes come from, how many there are, and whether they come again.

use bytes::Bytes;
use nuncio_connection::BodySize;
use std::fmt;
use std::io;
use std::pin::Pin;
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
/// Bytes and text are held and can be sent again where the protocol makes that safe. A reader or a
/// stream is read once, as it is sent, and never held whole.
#[derive(Default)]
pub struct Body {
    pub(crate) source: Source,
}

#[derive(Default)]
pub(crate) enum Source {
    #[default]
    Empty,
    Bytes(Bytes),
    Reader {
        reader: Box<dyn io::Read + Send>,
        length: Option<u64>,
    },
    Stream {
        stream: Pin<Box<dyn BodyStream>>,
        length: Option<u64>,
    },
}

/// A body's source that only the adapter can ask, for it may have to wait for it.
pub enum Feed {
    /// To be read, on a blocking client.
    Reader(Box<dyn io::Read + Send>),
    /// To be polled, on an async client.
    Stream(Pin<Box<dyn BodyStream>>),
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
        Body {
            source: Source::Reader {
                reader: Box::new(reader),
                length,
            },
        }
    }

    /// What `stream` gives, for an async client; `length` as in [`reader`](Self::reader).
    pub fn stream(stream: impl BodyStream + 'static, length: Option<u64>) -> Self {
        Body {
            source: Source::Stream {
                stream: Box::pin(stream),
                length,
            },
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
            Source::Reader { length, .. } | Source::Stream { length, .. } => {
                length.map_or(BodySize::Unknown, BodySize::Known)
            }
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Source::Empty => f.write_str("Body(empty)"),
            Source::Bytes(bytes) => write!(f, "Body({} bytes)", bytes.len()),
            Source::Reader {
                length: Some(n), ..
            } => write!(f, "Body(reader of {n} bytes)"),
            Source::Reader { .. } => f.write_str("Body(reader)"),
            Source::Stream {
                length: Some(n), ..
            } => write!(f, "Body(stream of {n} bytes)"),
            Source::Stream { .. } => f.write_str("Body(stream)"),
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
