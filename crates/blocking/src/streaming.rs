//! A response whose body is read as it is pulled.

use crate::driver::Download;
use bytes::{Buf, Bytes};
use nuncio_client::{Error, Head, Response};
use std::fmt;
use std::io;

/// A response with its body still to come.
///
/// Pull it with [`chunk`](Self::chunk), through `std::io::Read`, or whole with
/// [`into_response`](Self::into_response). Pulled to its end, its connection goes back to the pool; dropped before,
/// its connection is closed.
pub struct Streaming {
    download: Download,
    /// What `std::io::Read` has not handed out yet.
    rest: Bytes,
}

impl Streaming {
    pub(crate) fn new(download: Download) -> Self {
        Streaming {
            download,
            rest: Bytes::new(),
        }
    }

    /// The next piece of the body, as it came; `None` at its end.
    ///
    /// # Errors
    /// When the body is cut short, is not well-formed, or the read limit passes.
    pub fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        if !self.rest.is_empty() {
            return Ok(Some(std::mem::take(&mut self.rest)));
        }
        self.download.chunk()
    }

    /// How many bytes of the body were received: without its framing, and before decoding.
    pub fn bytes_downloaded(&self) -> u64 {
        self.download.incoming.bytes_downloaded()
    }

    /// Reads what is left of the body.
    ///
    /// # Errors
    /// As [`chunk`](Self::chunk).
    pub fn into_response(mut self) -> Result<Response, Error> {
        let mut body = Vec::from(std::mem::take(&mut self.rest));
        self.download
            .read_to_end(&mut body, std::time::Instant::now())?;
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

impl io::Read for Streaming {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.rest.is_empty() {
            match self.download.chunk() {
                Ok(Some(chunk)) => self.rest = chunk,
                Ok(None) => return Ok(0),
                Err(error) => return Err(io::Error::other(error)),
            }
        }
        let n = buf.len().min(self.rest.len());
        self.rest
            .copy_to_slice(buf.get_mut(..n).unwrap_or_default());
        Ok(n)
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
