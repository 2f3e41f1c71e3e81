//! Request bodies from streams and readers.

use bytes::Bytes;
use futures_core::Stream;
use futures_io::AsyncRead;
use nuncio_client::{BlockCache, Body, BodyStream};
use std::error::Error;
use std::io;
use std::marker::Send;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A request's body from a stream of pieces: bytes, text, whatever makes [`Bytes`].
///
/// With a `length` it is announced, and a stream that gives more or less is an error; without, the
/// body is sent chunked. The stream is polled as the socket takes what it gives: a few hundred
/// kilobytes are held at the most.
pub fn from_stream<S, T, E>(stream: S, length: Option<u64>) -> Body
where
    S: Stream<Item = Result<T, E>> + Send + 'static,
    T: Into<Bytes>,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    let stream = Box::pin(stream);
    Body::stream(Pieces { stream }, length)
}

struct Pieces<S> {
    stream: Pin<Box<S>>,
}

impl<S, T, E> BodyStream for Pieces<S>
where
    S: Stream<Item = Result<T, E>> + Send,
    T: Into<Bytes>,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    fn poll_chunk(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Bytes>>> {
        self.stream.as_mut().poll_next(cx).map(|piece| {
            piece.map(|piece| {
                piece
                    .map(Into::into)
                    .map_err(|error| io_error(error.into()))
            })
        })
    }
}

/// The error as it is if it is one of I/O, else as the cause of one.
fn io_error(error: Box<dyn Error + Send + Sync>) -> io::Error {
    match error.downcast::<io::Error>() {
        Ok(error) => *error,
        Err(error) => io::Error::other(error),
    }
}

/// A request's body from a reader of the crate `futures`; `length` as in [`from_stream`].
///
/// `nuncio-tokio` has the same for tokio's readers.
pub fn from_async_read<R>(reader: R, length: Option<u64>) -> Body
where
    R: AsyncRead + Send + 'static,
{
    let mut reader = Box::pin(reader);
    from_poll_read(move |cx, buf| reader.as_mut().poll_read(cx, buf), length)
}

/// A request's body from what reads into a buffer, and says how much, 0 at the end: for a
/// runtime's own trait of readers. `length` as in [`from_stream`].
pub fn from_poll_read<F>(poll_read: F, length: Option<u64>) -> Body
where
    F: FnMut(&mut Context<'_>, &mut [u8]) -> Poll<io::Result<usize>> + Send + Unpin + 'static,
{
    let blocks = BlockCache::default();
    Body::stream(Reader { poll_read, blocks }, length)
}

struct Reader<F> {
    poll_read: F,
    /// Its own, so that a block that was sent is the next to be filled.
    blocks: BlockCache,
}

impl<F> BodyStream for Reader<F>
where
    F: FnMut(&mut Context<'_>, &mut [u8]) -> Poll<io::Result<usize>> + Send + Unpin,
{
    fn poll_chunk(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Bytes>>> {
        let Reader { poll_read, blocks } = &mut *self;
        loop {
            let mut pending = false;
            let piece = blocks.fill(|buf| match poll_read(cx, buf) {
                Poll::Ready(read) => read,
                Poll::Pending => {
                    pending = true;
                    Ok(0)
                }
            });
            return match piece {
                _ if pending => Poll::Pending,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Ok(piece) if piece.is_empty() => Poll::Ready(None),
                piece => Poll::Ready(Some(piece)),
            };
        }
    }
}
