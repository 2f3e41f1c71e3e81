//! The calls on one stream: open, write, read, cancel.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};

use crate::connection::{Http2, Room};
use crate::error::{Error, InvalidRequest, OpenError, Processed, StreamError, StreamErrorKind};
use crate::request::{check_request, forbidden_trailer};
use crate::stream::{Recv, Send, Stream, StreamId};

/// What of a body may leave before the peer's SETTINGS have come: all of it, if it fits in one frame.
///
/// A longer one could leave in part and then find that the SETTINGS shrink its window below what was
/// sent. RFC 9113 section 6.9.2 wants that waited out, and receivers that had credited the bytes
/// before they saw our acknowledgement, and counted too few for a WINDOW_UPDATE, wait as well, for
/// ever: `h2` 0.4.20 as a server does. A first flight of TCP is no longer than this anyway.
const EARLY: usize = 16 << 10;

/// What [`Http2::write_body`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// This many bytes were split off the chunk and queued; 0 only for an empty chunk.
    Taken(usize),
    /// The peer's window or our queue is full; [`Ready::is_write`](crate::Ready::is_write) tells
    /// when to come back.
    Blocked,
}

/// What [`Http2::read_body`] has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// A piece of the body, never empty.
    Chunk(Bytes),
    /// The trailers; the end follows.
    Trailers(HeaderMap),
    /// Nothing yet; [`Ready::is_body`](crate::Ready::is_body) tells when to come back.
    Blocked,
    /// The response is complete.
    End,
}

impl Http2 {
    /// Opens a stream with this request head. The URI gives `:scheme`, `:authority` and `:path`;
    /// `end_of_stream` says that there is no body. CONNECT has an authority alone.
    ///
    /// The id lives until the response was read to its end and the request is finished, until
    /// reading fails, or until [`cancel`](Self::cancel).
    ///
    /// # Errors
    ///
    /// See [`OpenError`]; nothing was sent, whichever it is.
    pub fn open(
        &mut self,
        request: Request<()>,
        end_of_stream: bool,
    ) -> Result<StreamId, OpenError> {
        self.check_sender();
        if self.sender_full {
            self.drive();
        }
        match self.room() {
            Room::Streams(0) => return Err(OpenError::Full),
            Room::Streams(_) => {}
            Room::Never(error) => return Err(OpenError::Never(error)),
        }
        check_request(&request).map_err(OpenError::Invalid)?;
        let sent = match &mut self.sender {
            Some(sender) => sender.send_request(request, end_of_stream).ok(),
            None => None,
        };
        let Some((mut response, send)) = sent else {
            // All that `h2` is known to refuse was looked at before.
            return Err(OpenError::Invalid(InvalidRequest::Other));
        };
        let opened_at = self.takes;
        let wire = response.stream_id().as_u32();
        Ok(self.streams.insert(wire, |waker| {
            // Nothing can have come; this registers the waker.
            let _ = response.poll_informational(&mut Context::from_waker(waker));
            Stream {
                recv: Recv::Waiting(response),
                send: if end_of_stream {
                    Send::Finished(None)
                } else {
                    Send::Open(send)
                },
                interim: VecDeque::new(),
                interim_count: 0,
                interim_bytes: 0,
                opened_at,
            }
        }))
    }

    /// Queues bytes of the request body: as many of `chunk` as the peer's windows and
    /// [`Config::send_buffer`](crate::Config::send_buffer) allow now are split off its front. Until
    /// the peer's SETTINGS have come, none are, but by [`write_last`](Self::write_last) those of a
    /// body that is no longer than 16 KiB.
    ///
    /// # Errors
    ///
    /// [`StreamError`]: the peer wants no more of the body, or the stream is gone. The response
    /// may still be readable: a server may answer early and then reset with NO_ERROR
    /// (RFC 9113 section 8.1).
    pub fn write_body(&mut self, id: StreamId, chunk: &mut Bytes) -> Result<Write, StreamError> {
        self.write(id, chunk, false)
    }

    /// As [`write_body`](Self::write_body), and finishes the request when the whole chunk was
    /// taken: the end then costs no frame of its own.
    ///
    /// # Errors
    ///
    /// As [`write_body`](Self::write_body).
    pub fn write_last(&mut self, id: StreamId, chunk: &mut Bytes) -> Result<Write, StreamError> {
        if chunk.is_empty() {
            return self.finish_body(id, None).map(|()| Write::Taken(0));
        }
        self.write(id, chunk, true)
    }

    /// Finishes the request, with trailers or without.
    ///
    /// # Errors
    ///
    /// As [`write_body`](Self::write_body).
    pub fn finish_body(
        &mut self,
        id: StreamId,
        trailers: Option<HeaderMap>,
    ) -> Result<(), StreamError> {
        let (send, _) = self.writer(id)?;
        let sent = match trailers.filter(|trailers| !trailers.is_empty()) {
            Some(trailers) => {
                if let Some(name) = forbidden_trailer(&trailers) {
                    let kind = StreamErrorKind::ForbiddenField(name.clone());
                    return Err(StreamError::new(kind, Processed::Maybe));
                }
                send.send_trailers(trailers)
            }
            None => send.send_data(Bytes::new(), true),
        };
        match sent {
            Ok(()) => {
                self.set_finished(id);
                Ok(())
            }
            Err(_) => Err(self.write_failed(id)),
        }
    }

    /// The next response head: any interim ones (1xx), then the final one. `None`: not yet, and
    /// [`Ready::is_head`](crate::Ready::is_head) tells when.
    ///
    /// # Errors
    ///
    /// [`StreamError`]; the id is used up then.
    pub fn read_head(&mut self, id: StreamId) -> Result<Option<Response<()>>, StreamError> {
        let Some((stream, recv_waker, _)) = self.streams.find(id) else {
            return Err(no_such());
        };
        if let Some(interim) = stream.interim.pop_front() {
            return Ok(Some(interim));
        }
        let outcome = match &mut stream.recv {
            Recv::Waiting(_) => return Ok(None),
            Recv::Failed(error) => Err(error.clone()),
            Recv::Arrived(response) => {
                match Pin::new(response).poll(&mut Context::from_waker(recv_waker)) {
                    Poll::Ready(Ok(response)) => Ok(response),
                    Poll::Ready(Err(error)) => Err(self.explain(id, &error)),
                    Poll::Pending => return Ok(None),
                }
            }
            Recv::Body(_) | Recv::Trailed | Recv::Ended => return Ok(None),
        };
        let response = outcome.inspect_err(|_| drop(self.streams.remove(id)))?;
        let (head, body) = response.into_parts();
        if head.headers.len() > self.config.max_fields {
            self.faults += 1;
            self.streams.remove(id);
            return Err(StreamError::new(
                StreamErrorKind::HeadTooLarge,
                Processed::Yes,
            ));
        }
        if let Some((stream, ..)) = self.streams.find(id) {
            stream.recv = Recv::Body(body);
        }
        Ok(Some(Response::from_parts(head, ())))
    }

    /// The next piece of the response. Only this opens the peer's windows again, so a reader that
    /// stops, stops the sender.
    ///
    /// # Errors
    ///
    /// [`StreamError`]; the id is used up then. A response that is cut off, or whose length is
    /// not what `content-length` said, always ends here and never in [`Read::End`].
    pub fn read_body(&mut self, id: StreamId) -> Result<Read, StreamError> {
        let Some((stream, recv_waker, _)) = self.streams.find(id) else {
            return Err(no_such());
        };
        let read = match &mut stream.recv {
            Recv::Waiting(_) | Recv::Arrived(_) => {
                return Err(StreamError::new(
                    StreamErrorKind::HeadNotRead,
                    Processed::Maybe,
                ));
            }
            Recv::Failed(error) => Err(error.clone()),
            Recv::Trailed | Recv::Ended => Ok(Read::End),
            Recv::Body(body) => match pull(body, recv_waker) {
                Ok(read) => Ok(read),
                Err(error) => Err(self.explain(id, &error)),
            },
        };
        match &read {
            Ok(Read::Trailers(_)) => self.set_recv(id, Recv::Trailed),
            Ok(Read::End) => self.set_recv(id, Recv::Ended),
            Ok(Read::Chunk(_) | Read::Blocked) => {}
            Err(_) => drop(self.streams.remove(id)),
        }
        read
    }

    /// Whether the response ended with the piece that was read last. If so the stream is over, as if
    /// [`read_body`](Self::read_body) had said [`Read::End`].
    pub fn poll_end(&mut self, id: StreamId) -> bool {
        let ended = match self.streams.find(id) {
            Some((stream, ..)) => matches!(&stream.recv, Recv::Body(body) if body.is_end_stream()),
            None => false,
        };
        if ended {
            self.set_recv(id, Recv::Ended);
        }
        ended
    }

    /// Lets go of a stream. Unless it is complete, RST_STREAM (CANCEL) is queued; what the peer
    /// sent or still sends on it is credited to the connection's window. An id that is used up is
    /// ignored.
    pub fn cancel(&mut self, id: StreamId) {
        if let Some(stream) = self.streams.remove(id)
            && let Send::Finished(Some(mut send)) = stream.send
        {
            send.send_reset(h2::Reason::CANCEL);
        }
    }

    fn write(&mut self, id: StreamId, chunk: &mut Bytes, last: bool) -> Result<Write, StreamError> {
        // More would keep other streams' share of the connection's window from them.
        let wanted = chunk.len().min(self.config.send_buffer);
        let short = last && chunk.len() <= EARLY;
        let early = !short && !self.is_settled();
        let (send, send_waker) = self.writer(id)?;
        if chunk.is_empty() {
            // An empty DATA frame says nothing and looks like an attack (SECURITY H3).
            return Ok(Write::Taken(0));
        }
        if early {
            return match send.poll_reset(&mut Context::from_waker(send_waker)) {
                Poll::Pending => Ok(Write::Blocked),
                Poll::Ready(_) => Err(self.write_failed(id)),
            };
        }
        let mut room = send.capacity();
        if room == 0 {
            send.reserve_capacity(wanted);
            room = match send.poll_capacity(&mut Context::from_waker(send_waker)) {
                Poll::Pending => return Ok(Write::Blocked),
                Poll::Ready(Some(Ok(room))) => room,
                Poll::Ready(Some(Err(_)) | None) => return Err(self.write_failed(id)),
            };
        }
        let taken = room.min(chunk.len());
        let end = last && taken == chunk.len();
        if send.send_data(chunk.split_to(taken), end).is_err() {
            return Err(self.write_failed(id));
        }
        if end {
            self.set_finished(id);
        }
        Ok(Write::Taken(taken))
    }

    fn writer(
        &mut self,
        id: StreamId,
    ) -> Result<(&mut h2::SendStream<Bytes>, &Waker), StreamError> {
        let Some((stream, _, send_waker)) = self.streams.find(id) else {
            return Err(no_such());
        };
        match (&mut stream.send, &stream.recv) {
            (_, Recv::Failed(error)) => Err(error.clone()),
            (Send::Failed(error), _) => Err(error.clone()),
            (Send::Open(send), _) => Ok((send, send_waker)),
            (Send::Finished(_), _) => Err(StreamError::new(
                StreamErrorKind::RequestFinished,
                Processed::Maybe,
            )),
        }
    }

    /// The request cannot go on. Where no head had come, reading has told why already.
    fn write_failed(&mut self, id: StreamId) -> StreamError {
        let over = self.failure().cloned();
        let takes = self.takes;
        let Some((stream, ..)) = self.streams.find(id) else {
            return no_such();
        };
        let reason = match &mut stream.send {
            Send::Open(send) => send.poll_reset(&mut Context::from_waker(Waker::noop())),
            Send::Finished(_) | Send::Failed(_) => Poll::Pending,
        };
        let kind = match (over, reason) {
            (Some(error), _) => StreamErrorKind::Connection(error),
            (None, Poll::Ready(Ok(reason))) => StreamErrorKind::Reset(reason.into()),
            (None, _) => StreamErrorKind::Connection(Error::Eof),
        };
        let error = StreamError {
            processed: stream.processed(&kind, takes),
            kind,
        };
        self.set_send(id, Send::Failed(error.clone()));
        error
    }

    fn set_finished(&mut self, id: StreamId) {
        if let Some((stream, ..)) = self.streams.find(id)
            && let Send::Open(send) = std::mem::replace(&mut stream.send, Send::Finished(None))
        {
            self.set_send(id, Send::Finished(Some(send)));
        }
    }

    fn set_send(&mut self, id: StreamId, send: Send) {
        if let Some((stream, ..)) = self.streams.find(id) {
            stream.send = send;
            if let Recv::Ended = stream.recv {
                self.streams.remove(id);
            }
        }
    }

    fn set_recv(&mut self, id: StreamId, recv: Recv) {
        if let Some((stream, ..)) = self.streams.find(id) {
            let ended = matches!(recv, Recv::Ended);
            stream.recv = recv;
            if ended && !matches!(stream.send, Send::Open(_)) {
                self.faults = self.faults.saturating_sub(1);
                self.streams.remove(id);
            }
        }
    }
}

/// Takes the next piece of a body and gives its room in the windows back.
fn pull(body: &mut h2::RecvStream, waker: &Waker) -> Result<Read, h2::Error> {
    if body.is_end_stream() {
        return Ok(Read::End);
    }
    let mut context = Context::from_waker(waker);
    loop {
        match body.poll_data(&mut context) {
            Poll::Pending => return Ok(Read::Blocked),
            Poll::Ready(Some(Err(error))) => return Err(error),
            Poll::Ready(Some(Ok(chunk))) => {
                body.flow_control().release_capacity(chunk.len())?;
                // The peer's last DATA frame may be empty.
                if !chunk.is_empty() {
                    return Ok(Read::Chunk(chunk));
                }
            }
            Poll::Ready(None) => break,
        }
    }
    Ok(match body.poll_trailers(&mut context) {
        Poll::Pending => Read::Blocked,
        Poll::Ready(trailers) => match trailers? {
            Some(trailers) => Read::Trailers(trailers),
            None => Read::End,
        },
    })
}

fn no_such() -> StreamError {
    StreamError::new(StreamErrorKind::NoSuchStream, Processed::Maybe)
}
