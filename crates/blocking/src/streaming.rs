//! A response whose body is read as it is pulled.

use crate::driver::Download;
use crate::upgraded::Upgraded;
use bytes::{Buf, Bytes};
use nuncio_client::cut::{Chunks, Cut, Cutting, Events, Lines, Pieces, Text, TextChunks};
use nuncio_client::{Error, Head, Kind, Response};
use std::fmt;
use std::io;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

/// A response with its body still to come.
///
/// ```no_run
/// # fn example(client: &nuncio_blocking::Client) -> Result<(), nuncio_blocking::Error> {
/// for line in client.get("https://example.com/log").stream()?.lines() {
///     println!("{}", line?);
/// }
/// # Ok(())
/// # }
/// ```
///
/// Pull it with [`chunk`](Self::chunk), through `std::io::Read` or `BufRead`, cut into
/// [lines](Self::lines), [events](Self::events) and the like, or whole with
/// [`into_response`](Self::into_response). Pulled to its end, its connection goes back to the pool;
/// dropped or [closed](Self::close) before, its connection is closed.
///
/// # What comes out
///
/// The body is decoded as `Content-Encoding` says, as far as the client's options and features allow;
/// [`raw_chunk`](Self::raw_chunk) gives it as it came. The two can be mixed where the body has no
/// coding; where it has one, the first pull settles which it is, and the other is
/// [`Kind::StreamConsumed`](crate::Kind::StreamConsumed) from then on. All other ways of reading are
/// decoded ones, and go on where the one before stopped.
///
/// # After the end
///
/// Pulling on gives no more, as often as one asks; a failure is told again. To begin to read anew is
/// an error: `StreamConsumed` after the end, [`Kind::Closed`](crate::Kind::Closed) after
/// [`close`](Self::close). What httpx also reports at run time cannot be written here: a body is held
/// by a [`Response`] alone, and what cuts a stream takes it over.
pub struct Streaming {
    download: Download,
}

impl Streaming {
    pub(crate) fn new(download: Download) -> Self {
        Streaming { download }
    }

    /// The next piece of the body, decoded, never empty; `None` at its end.
    ///
    /// # Errors
    /// When the body is cut short, is not well-formed, or the read limit passes;
    /// [`Kind::Decoding`](crate::Kind::Decoding) when it cannot be decoded.
    pub fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        self.download.chunk()
    }

    /// The next piece of the body as it came, never empty; `None` at its end.
    ///
    /// # Errors
    /// As [`chunk`](Self::chunk), and once a coded body is being decoded.
    pub fn raw_chunk(&mut self) -> Result<Option<Bytes>, Error> {
        self.download.raw_chunk()
    }

    /// Reads what is left of the body, and gives the response with that.
    ///
    /// Not called `read`, which `std::io::Read` has for reading a part, nor `read_to_end`, which
    /// appends bytes: this gives what `send()` would have given.
    ///
    /// # Errors
    /// As [`chunk`](Self::chunk), and where the end was told already.
    pub fn into_response(mut self) -> Result<Response, Error> {
        self.download.incoming.ensure_unread()?;
        let mut body = Vec::new();
        self.download.read_to_end(&mut body, Instant::now())?;
        Ok(self.download.incoming.into_response(body))
    }

    /// Pieces of `size` bytes; only the last may be shorter.
    pub fn chunks(self, size: NonZeroUsize) -> Items<Chunks> {
        self.cut(Chunks::new(size))
    }

    /// Pieces of `size` bytes of the body as it came; only the last may be shorter.
    pub fn raw_chunks(self, size: NonZeroUsize) -> Items<Chunks> {
        Items {
            cutting: Cutting::raw(Chunks::new(size)),
            streaming: self,
        }
    }

    /// The body as text, piece by piece as it comes. What is malformed becomes U+FFFD.
    ///
    /// The charset is the one [set](Self::with_encoding), else the one declared, if it is known; else
    /// the default encoding decides, by the first piece of the body.
    pub fn text(self) -> Items<Text> {
        let text = Text::new(&self);
        self.cut(text)
    }

    /// [Text](Self::text) in pieces of `size` characters; only the last may be shorter.
    pub fn text_chunks(self, size: NonZeroUsize) -> Items<TextChunks> {
        let chunks = TextChunks::new(&self, size);
        self.cut(chunks)
    }

    /// The lines of the [text](Self::text), without what ended them: `\n`, `\r`, `\r\n` and the rarer
    /// ones that Python's `splitlines` knows. A line of more than 64 MiB is an error.
    pub fn lines(self) -> Items<Lines> {
        let lines = Lines::new(&self);
        self.cut(lines)
    }

    /// Server-Sent Events, whatever the content type. One of more than 16 MiB is an error.
    pub fn events(self) -> Items<Events> {
        self.cut(Events::default())
    }

    /// A JSON text on each line (JSON Lines, NDJSON). Empty lines are passed over.
    #[cfg(feature = "json")]
    pub fn json_lines<T>(self) -> Items<nuncio_client::cut::JsonLines<T>>
    where
        nuncio_client::cut::JsonLines<T>: Cut,
    {
        self.cut(nuncio_client::cut::JsonLines::default())
    }

    /// What `cut` makes of the body.
    pub fn cut<C: Cut>(self, cut: C) -> Items<C> {
        Items {
            cutting: Cutting::new(cut),
            streaming: self,
        }
    }

    /// The same response, read as text in the charset of this label.
    ///
    /// # Errors
    /// [`Kind::Builder`](crate::Kind::Builder) for a label that is unknown, or needs the feature
    /// `charset`.
    pub fn with_encoding(mut self, label: &str) -> Result<Self, Error> {
        self.download.incoming.set_encoding(label)?;
        Ok(self)
    }

    /// Takes the connection out of a response after which it speaks HTTP no more: 101 to a request with
    /// `Connection: Upgrade` and `Upgrade`, 2xx to CONNECT (RFC 9110 sections 7.8 and 9.3.6). Such a
    /// response has no body; dropped instead, or read, it closes the connection.
    ///
    /// # Errors
    /// [`Kind::Status`](crate::Kind::Status) where the server answered something else; the error has
    /// the response without its body, which is closed. [`Kind::Closed`](crate::Kind::Closed) after
    /// [`close`](Self::close), [`Kind::Usage`](crate::Kind::Usage) for a response of a transport of the
    /// user's.
    pub fn upgrade(self) -> Result<Upgraded, Error> {
        let upgrade = self.download.incoming.upgrade()?;
        Upgraded::new(upgrade).map_err(|error| Error::io(Kind::Read, error))
    }

    /// Closes the response: nothing more is read, and nothing decoded. Its connection is closed,
    /// unless no body was left to come. After the end, or called again, it does nothing.
    pub fn close(&mut self) {
        self.download.incoming.close(Instant::now());
    }

    /// Whether it holds no connection any more: its body came to its end, or failed, or it was
    /// closed.
    pub fn is_closed(&self) -> bool {
        self.download.incoming.is_closed()
    }

    /// Whether the body was begun to be pulled.
    pub fn is_consumed(&self) -> bool {
        self.download.incoming.is_consumed()
    }

    /// From just before the request was handed to the transport until the response was closed; none
    /// before that.
    pub fn elapsed(&self) -> Option<Duration> {
        self.download.incoming.elapsed()
    }

    /// How many bytes of the body came over the network so far, without their framing and before any
    /// decoding. 0 for a body that comes from elsewhere.
    pub fn bytes_downloaded(&self) -> u64 {
        self.download.incoming.bytes_downloaded()
    }

    /// The response itself if its status is 2xx.
    ///
    /// # Errors
    /// [`Kind::Status`](crate::Kind::Status) for every other status, redirects included. The first
    /// 64 KiB of the body are read for it, as far as that works, and the error has them.
    pub fn error_for_status(mut self) -> Result<Self, Error> {
        let Some(error) = self.status_error() else {
            return Ok(self);
        };
        let body = self.download.read_for_error();
        let response = self.download.incoming.into_response(body);
        Err(response.error_for_status().err().unwrap_or(error))
    }
}

impl io::Read for Streaming {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let held = io::BufRead::fill_buf(self)?;
        let n = buf.len().min(held.len());
        if let (Some(to), Some(from)) = (buf.get_mut(..n), held.get(..n)) {
            to.copy_from_slice(from);
        }
        io::BufRead::consume(self, n);
        Ok(n)
    }
}

impl io::BufRead for Streaming {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.download.incoming.held().is_empty()
            && let Some(chunk) = self.download.chunk()?
        {
            self.download.incoming.put_back(chunk);
        }
        Ok(self.download.incoming.held())
    }

    fn consume(&mut self, amount: usize) {
        let held = self.download.incoming.held();
        held.advance(amount.min(held.len()));
    }
}

/// Pieces as [`Streaming::chunk`] gives them.
impl IntoIterator for Streaming {
    type Item = Result<Bytes, Error>;
    type IntoIter = Items<Pieces>;

    fn into_iter(self) -> Items<Pieces> {
        self.cut(Pieces::default())
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

/// What a body is cut into, one by one as it comes. After an error there is no more.
#[must_use = "iterators do nothing unless they are asked"]
pub struct Items<C> {
    streaming: Streaming,
    cutting: Cutting<C>,
}

impl<C: Cut> Items<C> {
    /// The response whose body it is.
    pub fn response(&self) -> &Streaming {
        &self.streaming
    }

    /// What cuts it.
    pub fn cut(&self) -> &C {
        self.cutting.cut()
    }
}

impl<C: Cut> Iterator for Items<C> {
    type Item = Result<C::Item, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.streaming.download.item(&mut self.cutting).transpose()
    }
}

impl<C: Cut> std::iter::FusedIterator for Items<C> {}

impl<C> fmt::Debug for Items<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Items").field(&self.streaming).finish()
    }
}
