//! A body's source that has to be asked, for it may keep us waiting: only an adapter does that.

use crate::body::{Body, BodyStream};
use crate::parts::Parts;
use bytes::Bytes;
use nuncio_connection::BlockCache;
use nuncio_headers::Headers;
use std::fmt;
use std::io::{self, Read, Seek, SeekFrom};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// The two ways of waiting. What does not wait works on both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// A thread waits.
    Blocking,
    /// A task waits.
    Async,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Side::Blocking => "blocking",
            Side::Async => "async",
        })
    }
}

/// What can be read, and read again from where it stood.
pub(crate) trait ReadSeek: Read + Seek + Send {}

impl<T: Read + Seek + Send> ReadSeek for T {}

/// Makes the same body again.
pub(crate) type Factory = Arc<dyn Fn() -> io::Result<Body> + Send + Sync>;

/// Makes what follows the body's last byte.
pub(crate) type MakeTrailers = Arc<dyn Fn() -> Headers + Send + Sync>;

/// Where the bytes of a body come from, piece by piece: a request's, or that of a response which a
/// transport of the user's own gave.
///
/// Boxed, since most requests have none, and all of them are moved about with room for one.
pub struct Feed(Box<Inner>);

struct Inner {
    origin: Origin,
    /// It has been asked: what it gives next is not the beginning.
    begun: bool,
    trailers: Option<MakeTrailers>,
}

enum Origin {
    Held {
        bytes: Bytes,
        given: bool,
    },
    Reader(Box<dyn Read + Send>),
    Seekable {
        reader: Box<dyn ReadSeek>,
        start: Start,
    },
    Pieces(Box<dyn Iterator<Item = io::Result<Bytes>> + Send>),
    Stream(Pin<Box<dyn BodyStream>>),
    Factory {
        make: Factory,
        made: Option<Feed>,
    },
    Parts(Box<Parts>),
}

/// Where a seekable reader's body begins.
enum Start {
    /// Wherever it stands when it is first asked.
    Here,
    At(u64),
    /// To go back to before the next read.
    Back(u64),
}

impl Feed {
    pub(crate) fn held(bytes: Bytes) -> Self {
        Self::new(Origin::Held {
            bytes,
            given: false,
        })
    }

    pub(crate) fn reader(reader: impl Read + Send + 'static) -> Self {
        Self::new(Origin::Reader(Box::new(reader)))
    }

    /// Begins at `start`, or else where the reader stands when it is first asked.
    pub(crate) fn seekable(reader: impl Read + Seek + Send + 'static, start: Option<u64>) -> Self {
        Self::new(Origin::Seekable {
            reader: Box::new(reader),
            start: start.map_or(Start::Here, Start::Back),
        })
    }

    pub(crate) fn pieces(pieces: impl Iterator<Item = io::Result<Bytes>> + Send + 'static) -> Self {
        Self::new(Origin::Pieces(Box::new(pieces)))
    }

    pub(crate) fn stream(stream: impl BodyStream + 'static) -> Self {
        Self::new(Origin::Stream(Box::pin(stream)))
    }

    pub(crate) fn factory(make: Factory) -> Self {
        Self::new(Origin::Factory { make, made: None })
    }

    pub(crate) fn parts(parts: Parts) -> Self {
        Self::new(Origin::Parts(Box::new(parts)))
    }

    fn new(origin: Origin) -> Self {
        Feed(Box::new(Inner {
            origin,
            begun: false,
            trailers: None,
        }))
    }

    pub(crate) fn set_trailers(&mut self, make: MakeTrailers) {
        self.0.trailers = Some(make);
    }

    /// Takes over the trailers of what this is made of.
    pub(crate) fn inherit_trailers(&mut self, of: &Feed) {
        self.0.trailers.clone_from(&of.0.trailers);
    }

    /// The fields to send behind the last piece, where there are any: asked for after it was given.
    pub fn trailers(&self) -> Option<Headers> {
        match (&self.0.trailers, &self.0.origin) {
            (Some(make), _) => Some(make()),
            (None, Origin::Factory { made, .. }) => made.as_ref()?.trailers(),
            _ => None,
        }
    }

    /// The only side on which it can be asked, where there is one.
    pub(crate) fn side(&self) -> Option<Side> {
        match &self.0.origin {
            Origin::Reader(_) | Origin::Seekable { .. } | Origin::Pieces(_) => Some(Side::Blocking),
            Origin::Stream(_) => Some(Side::Async),
            Origin::Parts(parts) => parts.side(),
            // What a factory makes is not known before.
            Origin::Held { .. } | Origin::Factory { .. } => None,
        }
    }

    /// Goes back to the beginning, or says that it cannot.
    pub(crate) fn restart(&mut self) -> bool {
        if !self.0.begun {
            return true;
        }
        match &mut self.0.origin {
            Origin::Held { given, .. } => *given = false,
            Origin::Reader(_) | Origin::Pieces(_) => return false,
            Origin::Stream(stream) => {
                if !stream.as_mut().restart() {
                    return false;
                }
            }
            Origin::Parts(parts) => {
                if !parts.restart() {
                    return false;
                }
            }
            Origin::Seekable { start, .. } => {
                if let Start::At(place) = *start {
                    *start = Start::Back(place);
                }
            }
            Origin::Factory { made, .. } => *made = None,
        }
        self.0.begun = false;
        true
    }

    /// What gives the same once more, beside this one, where that can be had.
    pub(crate) fn another(&self) -> Option<Feed> {
        let mut another = match &self.0.origin {
            Origin::Held { bytes, .. } => Feed::held(bytes.clone()),
            Origin::Factory { make, .. } => Feed::factory(Arc::clone(make)),
            _ => return None,
        };
        another.inherit_trailers(self);
        Some(another)
    }

    /// The next piece, on a thread that may be kept waiting; `None` at the end.
    pub fn read(&mut self, blocks: &BlockCache) -> Option<io::Result<Bytes>> {
        self.0.begun = true;
        match &mut self.0.origin {
            Origin::Held { bytes, given } => give(bytes, given),
            Origin::Reader(reader) => read_piece(reader, blocks),
            Origin::Pieces(pieces) => pieces.next(),
            Origin::Parts(parts) => parts.read(blocks),
            Origin::Seekable { reader, start } => {
                if let Err(error) = start.settle(reader) {
                    return Some(Err(error));
                }
                read_piece(reader, blocks)
            }
            Origin::Stream(_) => Some(Err(wrong_side(Side::Async, Side::Blocking))),
            Origin::Factory { make, made } => match made_by(make, made) {
                Ok(feed) => feed.read(blocks),
                Err(error) => Some(Err(error)),
            },
        }
    }

    /// The next piece, in a task; `None` at the end.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        self.0.begun = true;
        match &mut self.0.origin {
            Origin::Held { bytes, given } => Poll::Ready(give(bytes, given)),
            Origin::Stream(stream) => stream.as_mut().poll_chunk(cx),
            Origin::Parts(parts) => parts.poll(cx),
            Origin::Reader(_) | Origin::Seekable { .. } | Origin::Pieces(_) => {
                Poll::Ready(Some(Err(wrong_side(Side::Blocking, Side::Async))))
            }
            Origin::Factory { make, made } => match made_by(make, made) {
                Ok(feed) => feed.poll(cx),
                Err(error) => Poll::Ready(Some(Err(error))),
            },
        }
    }
}

impl Start {
    fn settle(&mut self, reader: &mut dyn ReadSeek) -> io::Result<()> {
        match *self {
            Start::At(_) => {}
            Start::Here => *self = Start::At(reader.stream_position()?),
            Start::Back(place) => {
                reader.seek(SeekFrom::Start(place))?;
                *self = Start::At(place);
            }
        }
        Ok(())
    }
}

/// What the factory made for this attempt.
fn made_by<'a>(make: &Factory, made: &'a mut Option<Feed>) -> io::Result<&'a mut Feed> {
    let feed = match made.take() {
        Some(feed) => feed,
        None => make()?.into_feed(),
    };
    Ok(made.insert(feed))
}

fn give(bytes: &Bytes, given: &mut bool) -> Option<io::Result<Bytes>> {
    let first = !std::mem::replace(given, true);
    (first && !bytes.is_empty()).then(|| Ok(bytes.clone()))
}

fn read_piece(reader: &mut impl Read, blocks: &BlockCache) -> Option<io::Result<Bytes>> {
    loop {
        match blocks.fill(|buf| reader.read(buf)) {
            Ok(piece) if piece.is_empty() => return None,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            piece => return Some(piece),
        }
    }
}

fn wrong_side(is: Side, asked: Side) -> io::Error {
    let text = format!("{} body was given to {} client", with_a(is), with_a(asked));
    io::Error::new(io::ErrorKind::Unsupported, text)
}

pub(crate) fn with_a(side: Side) -> &'static str {
    match side {
        Side::Blocking => "a blocking",
        Side::Async => "an async",
    }
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0.origin {
            Origin::Held { .. } => "bytes",
            Origin::Reader(_) => "reader",
            Origin::Seekable { .. } => "seekable reader",
            Origin::Pieces(_) => "iterator",
            Origin::Parts(_) => "multipart form",
            Origin::Stream(_) => "stream",
            Origin::Factory { .. } => "factory",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(feed: &mut Feed) -> Vec<u8> {
        let blocks = BlockCache::default();
        let mut bytes = Vec::new();
        while let Some(piece) = feed.read(&blocks) {
            bytes.extend_from_slice(&piece.unwrap());
        }
        bytes
    }

    #[test]
    fn what_can_seek_gives_the_same_again_from_where_it_stood() {
        let mut reader = io::Cursor::new(b"not this, but this");
        reader.set_position(10);
        let mut feed = Feed::seekable(reader, None);
        assert_eq!(all(&mut feed), b"but this");
        assert!(feed.restart());
        assert_eq!(all(&mut feed), b"but this");
    }

    #[test]
    fn a_reader_gives_its_bytes_once() {
        let mut feed = Feed::reader(&b"once"[..]);
        assert!(feed.restart(), "nothing was read yet");
        assert_eq!(all(&mut feed), b"once");
        assert!(!feed.restart());
    }

    #[test]
    fn a_factory_is_asked_again() {
        let calls = Arc::new(std::sync::atomic::AtomicU32::new(0));
        let counter = Arc::clone(&calls);
        let mut feed = Feed::factory(Arc::new(move || {
            counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            Ok(Body::reader(&b"made"[..], None))
        }));
        assert_eq!(all(&mut feed), b"made");
        assert!(feed.restart());
        assert_eq!(all(&mut feed), b"made");
        assert_eq!(calls.load(std::sync::atomic::Ordering::Relaxed), 2);
    }

    #[test]
    fn a_factory_that_fails_says_so() {
        let mut feed = Feed::factory(Arc::new(|| Err(io::Error::other("no such file"))));
        let piece = feed.read(&BlockCache::default());
        assert_eq!(piece.unwrap().unwrap_err().to_string(), "no such file");
    }
}
