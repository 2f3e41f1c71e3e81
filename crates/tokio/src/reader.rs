//! A response's body as something that tokio reads.

use futures_io::AsyncBufRead as _;
use nuncio_async::Streaming;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncBufRead, AsyncRead, ReadBuf};

/// The rest of a response's body, decoded, as tokio's `AsyncRead` and `AsyncBufRead`: for
/// `tokio::io::copy` and whatever else takes a reader.
pub fn into_tokio_read(response: Streaming) -> impl AsyncBufRead + Send + Unpin {
    Reader(response)
}

struct Reader(Streaming);

impl AsyncRead for Reader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let held = ready!(self.as_mut().poll_fill_buf(cx))?;
        let n = held.len().min(buf.remaining());
        buf.put_slice(held.get(..n).unwrap_or_default());
        self.consume(n);
        Poll::Ready(Ok(()))
    }
}

impl AsyncBufRead for Reader {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        Pin::new(&mut self.get_mut().0).poll_fill_buf(cx)
    }

    fn consume(mut self: Pin<&mut Self>, amount: usize) {
        Pin::new(&mut self.0).consume(amount);
    }
}
