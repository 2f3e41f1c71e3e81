//! A connection that has left HTTP, as tokio knows streams.

use futures_io::{AsyncRead as _, AsyncWrite as _};
use nuncio_async::Upgraded;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// An [`Upgraded`] as tokio's `AsyncRead` and `AsyncWrite`: for `tokio::io::copy_bidirectional`, for
/// WebSockets, and whatever else takes a stream.
pub fn into_tokio_io(upgraded: Upgraded) -> TokioIo {
    TokioIo(upgraded)
}

/// What [`into_tokio_io`] makes. Shutting it down is to close the [`Upgraded`]'s writing side.
#[derive(Debug)]
pub struct TokioIo(Upgraded);

impl TokioIo {
    /// What it was made of.
    pub fn get_ref(&self) -> &Upgraded {
        &self.0
    }

    /// What it was made of. Nothing is lost.
    pub fn into_inner(self) -> Upgraded {
        self.0
    }
}

impl AsyncRead for TokioIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.0).poll_read(cx, buf.initialize_unfilled());
        buf.advance(ready!(read)?);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for TokioIo {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_close(cx)
    }
}
