//! Request bodies from what tokio reads.

use crate::Tokio;
use nuncio_async::{Body, Error, Part, from_poll_read};
use std::path::Path;
use std::sync::Arc;
use std::task::ready;
use tokio::io::{AsyncRead, ReadBuf};

/// A request's body from a tokio reader. With a `length` it is announced, and a reader that gives
/// more or less is an error; without, the body is sent chunked.
pub fn from_tokio_read<R>(reader: R, length: Option<u64>) -> Body
where
    R: AsyncRead + Send + 'static,
{
    let mut reader = Box::pin(reader);
    let poll_read = move |cx: &mut std::task::Context<'_>, buf: &mut [u8]| {
        let mut buf = ReadBuf::new(buf);
        ready!(reader.as_mut().poll_read(cx, &mut buf))?;
        std::task::Poll::Ready(Ok(buf.filled().len()))
    };
    from_poll_read(poll_read, length)
}

/// The file at `path` as a request's body, read on tokio's threads for blocking work. Its length is
/// announced and it can be sent again, unless it is something else than a regular file: a pipe, a
/// device.
///
/// # Errors
/// [`Kind::RequestBody`](nuncio_async::Kind::RequestBody) when the file cannot be opened, or is a
/// directory; it names the path. [`Kind::Usage`](nuncio_async::Kind::Usage) outside of a tokio
/// runtime.
pub async fn file(path: impl AsRef<Path>) -> Result<Body, Error> {
    nuncio_async::file(Arc::new(Tokio), path).await
}

/// The file at `path` as a part of a multipart form, with the last component of the path as its
/// file name, and the content type that goes with that.
///
/// # Errors
/// As [`file()`].
pub async fn file_part(path: impl AsRef<Path>) -> Result<Part, Error> {
    nuncio_async::file_part(Arc::new(Tokio), path).await
}
