//! A response whose body is read as it is pulled.

use crate::driver::Download;
use bytes::Bytes;
use futures_core::Stream;
use nuncio_client::{Error, Head, Response};
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A response with its body still to come.
///
/// Pull it with [`chunk`](Self::chunk), as a `Stream`, or whole with [`into_response`](Self::into_response). Pulled
/// to its end, its connection goes back to the pool; dropped before, its connection is closed.
pub struct Streaming {
    download: Download,
}

impl Streaming {
    pub(crate) fn new(download: Download) -> Self {
        Streaming { download }
    }

    /// The next piece of the body, as it came; `None` at its end. Dropping the future loses
    /// nothing.
    ///
    /// # Errors
    /// When the body is cut short, is not well-formed, or the read limit passes.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        poll_fn(|cx| self.download.poll_chunk(cx)).await
    }

    /// How many bytes of the body were received: without its framing, and before decoding.
    pub fn bytes_downloaded(&self) -> u64 {
        self.download.incoming.bytes_downloaded()
    }

    /// Reads what is left of the body.
    ///
    /// # Errors
    /// As [`chunk`](Self::chunk).
    pub async fn into_response(mut self) -> Result<Response, Error> {
        let mut body = Vec::new();
        poll_fn(|cx| {
            let now = self.download.runtime.now();
            self.download.poll_read_to_end(&mut body, now, cx)
        })
        .await?;
        Ok(self.download.incoming.into_response(body))
    }

    /// The response itself if its status is 2xx.
    ///
    /// # Errors
    /// [`Kind::Status`](crate::Kind::Status) for every other status, redirects included. The body
    /// is not read; the connection is closed with it.
    pub fn error_for_status(self) -> Result<Self, Error> {
        match self.status_error() {
            None => Ok(self),
            Some(error) => Err(error),
        }
    }
}

impl Stream for Streaming {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.download.poll_chunk(cx).map(Result::transpose)
    }
}

impl std::ops::Deref for Streaming {
    type Target = Head;

    fn deref(&self) -> &Head {
        self.download.incoming.head()
    }
}

impl fmt::Debug for Streaming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "<Streaming [{} {}]>",
            self.status().as_u16(),
            self.reason()
        )
    }
}
