//! Requests and responses on a connection, whichever protocol it speaks.

use super::listeners::Listeners;
use super::{Connection, Stage};
use crate::error::{Error, Processed};
use crate::event::EventSink;
use crate::message::{
    BodySize, Deadlines, NeverReason, Read, RequestHead, ResponseHead, Reuse, StreamId, Write,
};
use crate::tunnel::Tunnel;
use bytes::Bytes;
use nuncio_headers::Headers;
use std::time::Instant;

impl Connection {
    /// Starts an exchange: its head is ready to be sent when this returns.
    ///
    /// # Errors
    /// [`Error::Local`] when the head is no legal message; nothing of it is sent and the connection
    /// is as it was. [`Error::Misuse`] when the connection cannot take an exchange now. On HTTP/2
    /// also `Error::Full`, after which [`poll_changed`](Self::poll_changed) or the end of another
    /// exchange may tell of room, `Error::Http2Request`, and `Error::Http2` when it takes no more.
    /// Nothing of the request has left, whichever it is.
    pub fn open(
        &mut self,
        head: RequestHead<'_>,
        body: BodySize,
        deadlines: Deadlines,
        now: Instant,
    ) -> Result<StreamId, Error> {
        self.alive()?;
        self.forget_the_last();
        match self.parts() {
            (Stage::Handshake(_), _) => Err(Error::Misuse("the connection is not ready yet")),
            (Stage::Http1(h1), wire) => h1.open(wire, head, body, deadlines, now),
            #[cfg(feature = "http2")]
            (Stage::Http2(h2), wire) => h2.open(wire.events, head, body, deadlines, now),
        }
    }

    /// As [`open`](Self::open); what happens to this exchange, until it is over, is told to `events`
    /// and not to the configuration's.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_heard(
        &mut self,
        head: RequestHead<'_>,
        body: BodySize,
        deadlines: Deadlines,
        events: &EventSink,
        now: Instant,
    ) -> Result<StreamId, Error> {
        self.alive()?;
        self.forget_the_last();
        let (stage, wire) = (&mut self.stage, self.link.wire(events));
        let id = match stage {
            Stage::Handshake(_) => Err(Error::Misuse("the connection is not ready yet")),
            Stage::Http1(h1) => h1.open(wire, head, body, deadlines, now),
            #[cfg(feature = "http2")]
            Stage::Http2(h2) => h2.open(wire.events, head, body, deadlines, now),
        }?;
        self.listeners.add(id, events.clone());
        Ok(id)
    }

    /// Takes bytes off the front of `chunk`, unless enough of the body waits to be sent already:
    /// 512 KiB on HTTP/1.1; on HTTP/2 a chunk for which the peer's window had no room yet, which
    /// goes as the window opens, without this being called again.
    ///
    /// # Errors
    /// [`Error::Local`] when the body grows past its declared length; [`Error::Io`] when the peer
    /// takes no more, in which case its answer may still be read.
    pub fn write_body(
        &mut self,
        id: StreamId,
        chunk: &mut Bytes,
        now: Instant,
    ) -> Result<Write, Error> {
        self.exchange_alive()?;
        match self.parts() {
            (Stage::Handshake(_), _) => Err(Error::Misuse("the connection is not ready yet")),
            (Stage::Http1(h1), wire) => h1.write_body(wire, id, chunk, now),
            #[cfg(feature = "http2")]
            (Stage::Http2(h2), _) => h2.write_body(id, chunk, now),
        }
    }

    /// The body is complete.
    ///
    /// # Errors
    /// [`Error::Local`] when it is shorter than declared: the message cannot be completed, and the
    /// connection is lost with it.
    pub fn finish_body(
        &mut self,
        id: StreamId,
        trailers: Option<&Headers>,
        now: Instant,
    ) -> Result<(), Error> {
        self.exchange_alive()?;
        match self.parts_of(id) {
            (Stage::Handshake(_), _) => Err(Error::Misuse("the connection is not ready yet")),
            (Stage::Http1(h1), wire) => h1.finish_body(wire, id, trailers, now),
            #[cfg(feature = "http2")]
            (Stage::Http2(h2), wire) => h2.finish_body(wire.events, id, trailers, now),
        }
    }

    /// Whether something of a request whose body is complete is still to be sent: on HTTP/1.1 to the
    /// socket, on HTTP/2 into the peer's window.
    pub fn is_sending(&self, id: StreamId) -> bool {
        #[cfg(feature = "http2")]
        if let Stage::Http2(h2) = &self.stage {
            return h2.is_sending(id);
        }
        let _ = id;
        self.wants_write()
    }

    /// Whether a request that said `Expect: 100-continue` still waits for leave to send its body: a
    /// 100, a final answer, or the end of [`Deadlines::expect`].
    pub fn awaits_continue(&self, id: StreamId) -> bool {
        match &self.stage {
            #[cfg(feature = "http2")]
            Stage::Http2(h2) => h2.awaits_continue(id),
            Stage::Http1(h1) => h1.awaits_continue(id),
            Stage::Handshake(_) => false,
        }
    }

    /// How many bytes of the request's body have left: on HTTP/1.1 to the socket, on HTTP/2 into the
    /// peer's window. It is near enough to tell whether they move, and not exact: framing counts
    /// until it is sent.
    pub fn body_sent(&self, id: StreamId) -> u64 {
        match &self.stage {
            #[cfg(feature = "http2")]
            Stage::Http2(h2) => h2.body_sent(id),
            Stage::Http1(h1) => h1.given(id).saturating_sub(self.link.unwritten() as u64),
            Stage::Handshake(_) => 0,
        }
    }

    /// What is left of the request's body will not be sent: the answer is here already and makes it
    /// pointless. The rest of the response can be read; an HTTP/1.1 connection ends with it.
    pub fn abandon_body(&mut self, id: StreamId) {
        // On HTTP/2 nothing is sent that nobody hands over, and nothing waits for it.
        if let (Stage::Http1(h1), wire) = self.parts() {
            h1.abandon_body(wire, id);
        }
    }

    /// The next response head, if it is here: interim ones (1xx) first, each once, then the final
    /// one. Answering `None` starts the read deadline.
    ///
    /// # Errors
    /// Whatever ended the exchange; see [`processed`](Self::processed) for what that means for it.
    pub fn read_head(&mut self, id: StreamId, now: Instant) -> Result<Option<ResponseHead>, Error> {
        self.exchange_alive()?;
        let head = match self.parts_of(id) {
            (Stage::Handshake(_), _) => Ok(None),
            (Stage::Http1(h1), wire) => h1.read_head(wire, id, now),
            #[cfg(feature = "http2")]
            (Stage::Http2(h2), wire) => h2.read_head(wire.events, id, now),
        };
        self.note(id, head)
    }

    /// The next piece of the response body. Over plain TCP the piece is a slice of the buffer that
    /// was read into. Answering `Blocked` starts the read deadline.
    ///
    /// # Errors
    /// As [`read_head`](Self::read_head); a body that is cut short is always an error.
    pub fn read_body(&mut self, id: StreamId, now: Instant) -> Result<Read, Error> {
        self.exchange_alive()?;
        let read = match self.parts_of(id) {
            (Stage::Handshake(_), _) => Ok(Read::Blocked),
            (Stage::Http1(h1), wire) => h1.read_body(wire, id, now),
            #[cfg(feature = "http2")]
            (Stage::Http2(h2), wire) => h2.read_body(wire.events, id, now),
        };
        self.note_read(id, read)
    }

    /// As [`read_body`](Self::read_body), but appends the piece to `into` and answers with an empty
    /// `Chunk`: for a body that is wanted whole.
    ///
    /// # Errors
    /// As [`read_body`](Self::read_body).
    pub fn read_body_into(
        &mut self,
        id: StreamId,
        into: &mut Vec<u8>,
        now: Instant,
    ) -> Result<Read, Error> {
        self.exchange_alive()?;
        let read = match self.parts_of(id) {
            (Stage::Handshake(_), _) => Ok(Read::Blocked),
            (Stage::Http1(h1), wire) => h1.read_body_into(wire, id, into, now),
            #[cfg(feature = "http2")]
            (Stage::Http2(h2), wire) => match h2.read_body(wire.events, id, now) {
                Ok(Read::Chunk(chunk)) => {
                    into.extend_from_slice(&chunk);
                    Ok(Read::Chunk(Bytes::new()))
                }
                other => other,
            },
        };
        self.note_read(id, read)
    }

    /// Whether a response is known to have ended with the piece that was read last; the next read says
    /// so in any case.
    pub fn is_complete(&self, id: StreamId) -> bool {
        match &self.stage {
            Stage::Handshake(_) => false,
            Stage::Http1(h1) => h1.is_complete(id),
            #[cfg(feature = "http2")]
            Stage::Http2(h2) => h2.is_complete(id),
        }
    }

    /// Whether the peer may have acted on this exchange's request so far.
    pub fn processed(&self, id: StreamId) -> Processed {
        match &self.stage {
            Stage::Handshake(_) => Processed::No,
            Stage::Http1(h1) => h1.processed(id, !self.link.input.is_empty()),
            #[cfg(feature = "http2")]
            Stage::Http2(h2) => h2.processed(id),
        }
    }

    /// Gives an exchange up, wherever it is. An HTTP/1.1 connection dies with it, unless it was
    /// complete; an HTTP/2 stream is reset.
    /// Needed for every exchange that was neither read to its end nor told its error.
    pub fn cancel(&mut self, id: StreamId) {
        self.listeners.remove(id);
        match &mut self.stage {
            Stage::Handshake(_) => {}
            Stage::Http1(_) => {
                if self.reuse() != Reuse::Idle && self.failed.is_none() {
                    self.failed = Some(NeverReason::Cancelled);
                }
            }
            #[cfg(feature = "http2")]
            Stage::Http2(h2) => h2.cancel(id),
        }
    }

    /// The transport with its layers, and whatever came behind the response's head: after a 101 to a
    /// request that asked for an upgrade, or a 2xx to CONNECT. What was handed out to be sent can be
    /// reported to the tunnel instead.
    ///
    /// Before that head was read there is no tunnel, so that nothing can be sent ahead of it
    /// (SECURITY F25).
    ///
    /// # Errors
    /// The connection, as it was, where no such response has come, it has failed, or it speaks HTTP/2.
    #[allow(
        clippy::result_large_err,
        reason = "what is handed back is what was given"
    )]
    pub fn into_tunnel(self) -> Result<Tunnel, Self> {
        match &self.stage {
            Stage::Http1(h1) if h1.is_switched() && self.failed.is_none() => {
                Ok(Tunnel::new(self.config, self.link))
            }
            _ => Err(self),
        }
    }

    /// As `alive`, where one exchange is all that there is: on HTTP/2 each has an end of its own.
    fn exchange_alive(&self) -> Result<(), Error> {
        match self.stage {
            #[cfg(feature = "http2")]
            Stage::Http2(_) => Ok(()),
            _ => self.alive(),
        }
    }

    /// An error of the one HTTP/1.1 exchange is the connection's, misuse excepted. Whoever is told of
    /// the exchange is told no more.
    fn note<T>(&mut self, id: StreamId, result: Result<T, Error>) -> Result<T, Error> {
        if let Err(error) = &result
            && !matches!(error, Error::Misuse(_))
        {
            if let Stage::Http1(_) = self.stage {
                self.fail(error.clone());
            }
            self.listeners.remove(id);
        }
        result
    }

    /// Nobody is told of an HTTP/1.1 exchange any more whose end nobody read.
    fn forget_the_last(&mut self) {
        if !self.listeners.is_empty() && self.reuse() == Reuse::Idle {
            self.listeners = Listeners::default();
        }
    }

    fn note_read(&mut self, id: StreamId, read: Result<Read, Error>) -> Result<Read, Error> {
        if !self.listeners.is_empty() && (matches!(read, Ok(Read::End)) || self.is_complete(id)) {
            self.listeners.remove(id);
        }
        self.note(id, read)
    }
}
