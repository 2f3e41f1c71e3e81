//! Request bodies from streams.

use bytes::Bytes;
use futures_core::Stream;
use nuncio_client::{Body, BodyStream};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A request's body from a stream of pieces.
///
/// With a `length` it is announced, and a stream that gives more or less is an error; without, the
/// body is sent chunked. The stream is polled as the socket takes what it gives: a few hundred
/// kilobytes are held at the most.
pub fn from_stream<T>(stream: T, length: Option<u64>) -> Body
where
    T: Stream<Item = io::Result<Bytes>> + Send + 'static,
{
    Body::stream(
        Pieces {
            stream: Box::pin(stream),
        },
        length,
    )
}

struct Pieces<T> {
    stream: Pin<Box<T>>,
}

impl<T: Stream<Item = io::Result<Bytes>> + Send> BodyStream for Pieces<T> {
    fn poll_chunk(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Bytes>>> {
        self.stream.as_mut().poll_next(cx)
    }
}
