//! The body of an upload, in pieces of 64 KiB that are always the same memory.

use bytes::Bytes;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

/// How long an upload and a download are.
pub(crate) const BIG: u64 = 256 << 20;

/// One piece.
pub(crate) static PIECE: [u8; 64 << 10] = [b'.'; 64 << 10];

/// 256 MiB, as a reader, a stream or hyper's kind of body.
pub(crate) struct Pieces {
    left: u64,
}

impl Pieces {
    pub(crate) fn new() -> Self {
        Pieces { left: BIG }
    }

    fn take(&mut self, most: usize) -> &'static [u8] {
        let take = self.left.min(most as u64).min(PIECE.len() as u64) as usize;
        self.left -= take as u64;
        &PIECE[..take]
    }

    fn next(&mut self) -> Option<Bytes> {
        let piece = self.take(PIECE.len());
        (!piece.is_empty()).then(|| Bytes::from_static(piece))
    }
}

impl io::Read for Pieces {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let piece = self.take(buf.len());
        buf[..piece.len()].copy_from_slice(piece);
        Ok(piece.len())
    }
}

impl futures_core::Stream for Pieces {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.next().map(Ok))
    }
}

#[cfg(feature = "peers")]
impl ::hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<io::Result<::hyper::body::Frame<Bytes>>>> {
        Poll::Ready(
            self.next()
                .map(|piece| Ok(::hyper::body::Frame::data(piece))),
        )
    }

    fn size_hint(&self) -> ::hyper::body::SizeHint {
        ::hyper::body::SizeHint::with_exact(self.left)
    }
}
