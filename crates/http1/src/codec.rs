//! [`Http1`]: both sides of one connection.

use nuncio_headers::Headers;

use crate::chunked::{ChunkStep, Chunked};
use crate::config::Config;
use crate::error::{LocalError, RemoteError};
use crate::framing::Delimiter;
use crate::head::{HeadReader, Received, ResponseHead};
use crate::request::{Asked, BodySize, Last, Offer, RequestFraming, check_trailers};
use crate::reuse::{CloseReason, Leniency, Reuse};
use crate::snippet::Snippet;
use crate::state::{Move, Ours, Theirs, step};
use crate::steps::{BodyStep, Framing, HeadStep};

/// The client's end of an HTTP/1.1 connection (RFC 9112), without the connection.
///
/// It writes the framing of requests into buffers of the caller's, and tells where in the
/// caller's buffers responses begin, go on and end. It keeps no byte of a body.
///
/// One exchange goes: [`send_head`](Self::send_head); [`send_data`](Self::send_data) as often as
/// there is data and [`send_end`](Self::send_end), unless the request is complete with its head;
/// [`receive_head`](Self::receive_head) until the final head;
/// [`receive_body`](Self::receive_body) until its end; [`reuse`](Self::reuse), and
/// [`next_exchange`](Self::next_exchange) if that says [`Ready`](Reuse::Ready). Receiving may
/// begin while the request is still being sent.
#[derive(Debug, Clone)]
pub struct Http1 {
    config: Config,
    ours: Ours,
    theirs: Theirs,
    sending: Sending,
    asked: Asked,
    last: Last,
    heads: HeadReader,
    receiving: Receiving,
    close: Option<CloseReason>,
    failure: Option<RemoteError>,
}

/// The framing of the request body.
#[derive(Debug, Clone)]
enum Sending {
    Nothing,
    Length { declared: u64, sent: u64 },
    Chunks,
}

/// The framing of the response body.
#[derive(Debug, Clone)]
enum Receiving {
    Nothing,
    Length { expected: u64, left: u64 },
    Chunks(Chunked),
    UntilClose { received: u64 },
}

/// Sending.
impl Http1 {
    /// A connection on which nothing was sent yet.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            ours: Ours::Idle,
            theirs: Theirs::Idle,
            sending: Sending::Nothing,
            asked: Asked::default(),
            last: Last::default(),
            heads: HeadReader::default(),
            receiving: Receiving::Nothing,
            close: None,
            failure: None,
        }
    }

    /// Appends a request head to `out`: request line, `headers` in their order, and what frames
    /// `body` if it is not among them.
    ///
    /// `target` is written as it is: `/path?query`, or an absolute URL for a proxy, an authority
    /// for CONNECT, `*` for OPTIONS. Content-Length among the headers has to agree with `body`;
    /// `Transfer-Encoding: chunked` among them makes chunks of whatever `body` is. With
    /// [`BodySize::Empty`] the request is complete: nothing follows, no
    /// [`send_end`](Self::send_end) either.
    ///
    /// # Errors
    /// When the head cannot be sent as it is, or not in this state; nothing was written then and
    /// the state is as before.
    pub fn send_head(
        &mut self,
        method: &str,
        target: &str,
        headers: &Headers,
        body: BodySize,
        out: &mut Vec<u8>,
    ) -> Result<(), LocalError> {
        const ACTION: &str = "send a request head";
        if let Reuse::Never(reason) = self.reuse() {
            return Err(LocalError::NotReusable(reason));
        }
        let plan = self.last.plan(method, target, headers, body)?;
        let (sending, what) = match (plan.framing, plan.asked.offer) {
            (RequestFraming::Length(declared), _) => {
                (Sending::Length { declared, sent: 0 }, Move::RequestHead)
            }
            (RequestFraming::Chunks { empty: false }, _) => (Sending::Chunks, Move::RequestHead),
            (_, Offer::None) => (Sending::Nothing, Move::RequestWhole),
            (_, _) => (Sending::Nothing, Move::OfferWhole),
        };
        self.apply(what, ACTION)?;
        plan.write(method, target, headers, out);
        self.sending = sending;
        self.asked = plan.asked;
        if plan.close {
            self.never(CloseReason::WeAsked);
        }
        Ok(())
    }

    /// Counts `len` bytes of body and says what to write around them.
    ///
    /// Nothing is to be written for `len` 0.
    ///
    /// # Errors
    /// When that would be more than Content-Length says, or no body is being sent.
    pub fn send_data(&mut self, len: usize) -> Result<Framing, LocalError> {
        if self.ours != Ours::Body || self.theirs == Theirs::Failed {
            return Err(self.state_error("send body data"));
        }
        match &mut self.sending {
            _ if len == 0 => Ok(Framing::NONE),
            Sending::Chunks => Ok(Framing::chunk(len)),
            Sending::Length { declared, sent } => {
                let total = sent.saturating_add(len as u64);
                if total > *declared {
                    return Err(LocalError::TooMuchData {
                        declared: *declared,
                        excess: total - *declared,
                    });
                }
                *sent = total;
                Ok(Framing::NONE)
            }
            Sending::Nothing => Err(self.state_error("send body data")),
        }
    }

    /// Ends the body: appends the last chunk and the trailers to `out` if it is chunked.
    ///
    /// # Errors
    /// When Content-Length was not reached, trailers cannot be sent, or no body is being sent;
    /// nothing was written then and the state is as before.
    pub fn send_end(
        &mut self,
        trailers: Option<&Headers>,
        out: &mut Vec<u8>,
    ) -> Result<(), LocalError> {
        const ACTION: &str = "end the request body";
        if self.ours != Ours::Body || self.theirs == Theirs::Failed {
            return Err(self.state_error(ACTION));
        }
        let trailers = trailers.filter(|trailers| !trailers.is_empty());
        match self.sending {
            Sending::Length { declared, sent } if sent < declared => {
                return Err(LocalError::TooLittleData { declared, sent });
            }
            Sending::Chunks => {}
            _ if trailers.is_some() => return Err(LocalError::TrailersNeedChunks),
            _ => {}
        }
        if let Some(trailers) = trailers {
            check_trailers(trailers)?;
        }
        let what = match self.asked.offer {
            Offer::None => Move::RequestEnd,
            _ => Move::OfferEnd,
        };
        self.apply(what, ACTION)?;
        if let Sending::Chunks = self.sending {
            out.extend_from_slice(b"0\r\n");
            if let Some(trailers) = trailers {
                trailers.write_to(out);
            }
            out.extend_from_slice(b"\r\n");
        }
        self.sending = Sending::Nothing;
        Ok(())
    }
}

/// Receiving. After an error every further call gives the same error.
impl Http1 {
    /// Looks for a response head, interim or final, at the beginning of `input`.
    ///
    /// `input` begins with the first byte that no call has reported as used, and holds all that
    /// came since. A head that comes in pieces is searched for its end once, not once per piece.
    /// Unless a head is due ([`Theirs::Head`]) the answer is [`HeadStep::NeedMore`].
    ///
    /// After a final head, [`theirs`](Self::theirs) says whether a body follows
    /// ([`Theirs::Body`]), the response is complete ([`Theirs::Done`]) or what follows is not
    /// HTTP/1.1 ([`Theirs::Switched`]).
    ///
    /// # Errors
    /// When the peer broke the protocol or a limit, or sent something while nothing was asked.
    pub fn receive_head(&mut self, input: &[u8]) -> Result<HeadStep, RemoteError> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        let result = match self.theirs {
            Theirs::Head if !input.is_empty() => self.read_head(input),
            Theirs::Idle if !input.is_empty() => {
                Err(RemoteError::UnexpectedData(Snippet::line(input)))
            }
            _ => Ok(HeadStep::NeedMore),
        };
        result.map_err(|error| self.fail(error))
    }

    /// Looks for content of the response at the beginning of `input`.
    ///
    /// `input` begins with the first byte that no call has reported as used. Data may be the
    /// last of the body: [`theirs`](Self::theirs) is [`Theirs::Done`] then, or the next call,
    /// which may have no input, says [`BodyStep::End`]. Once the body is complete the answer
    /// stays [`BodyStep::End`], without trailers; before the head it is
    /// [`BodyStep::NeedMore`].
    ///
    /// # Errors
    /// When the peer broke the protocol or a limit.
    pub fn receive_body(&mut self, input: &[u8]) -> Result<BodyStep, RemoteError> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        if self.theirs != Theirs::Body {
            return Ok(match self.theirs {
                Theirs::Done => BodyStep::End {
                    used: 0,
                    trailers: None,
                },
                _ => BodyStep::NeedMore { used: 0 },
            });
        }
        let result = self.read_body(input);
        result.map_err(|error| self.fail(error))
    }

    /// The peer closed the connection; `unread` are the bytes before that which no call has
    /// reported as used.
    ///
    /// Give all bytes to [`receive_head`](Self::receive_head) and
    /// [`receive_body`](Self::receive_body) first.
    ///
    /// # Errors
    /// Unless nothing was due, or what was due ends with the connection.
    pub fn receive_eof(&mut self, unread: &[u8]) -> Result<(), RemoteError> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        let error = match (self.theirs, &self.receiving) {
            (Theirs::Head, _) => self.heads.eof(unread),
            (Theirs::Body, Receiving::UntilClose { .. }) if unread.is_empty() => {
                self.end_response();
                self.never(CloseReason::Closed);
                return Ok(());
            }
            (Theirs::Body, Receiving::Length { expected, left }) => RemoteError::IncompleteBody {
                received: expected - left,
                expected: Some(*expected),
            },
            (Theirs::Body, Receiving::Chunks(chunked)) => RemoteError::IncompleteBody {
                received: chunked.received,
                expected: None,
            },
            (Theirs::Body, Receiving::UntilClose { received }) => RemoteError::IncompleteBody {
                received: *received,
                expected: None,
            },
            _ => {
                if !unread.is_empty() && self.theirs != Theirs::Switched {
                    self.never(CloseReason::Surplus);
                }
                self.never(CloseReason::Closed);
                return Ok(());
            }
        };
        Err(self.fail(error))
    }

    /// Bytes came that belong to no response: behind the end of one, or while nothing was asked.
    /// The connection carries no other request.
    pub fn surplus(&mut self) {
        self.never(CloseReason::Surplus);
    }

    fn read_head(&mut self, input: &[u8]) -> Result<HeadStep, RemoteError> {
        let Some(received) = self.heads.read(input, &self.config)? else {
            return Ok(HeadStep::NeedMore);
        };
        let Received {
            mut head,
            framing,
            used,
            leniency,
        } = received;
        self.tolerate(leniency);
        if framing.close {
            self.never(CloseReason::TheyAsked);
        }
        if head.version == http::Version::HTTP_10 {
            self.never(CloseReason::Http10);
        }
        let what = match (head.status, self.asked.offer) {
            (101, Offer::Upgrade) if self.ours == Ours::MightSwitch => Move::Switch,
            (101, _) => return Err(RemoteError::UnaskedUpgrade),
            (100..=199, _) => {
                self.heads.interim += 1;
                if self.heads.interim > self.config.interim_heads {
                    return Err(RemoteError::TooManyInterim {
                        limit: self.config.interim_heads,
                    });
                }
                Move::Interim
            }
            (200..=299, Offer::Connect) => Move::Switch,
            // No body, whatever the fields say (RFC 9112 section 6.3, rule 1).
            (204 | 304, _) => Move::ResponseWhole,
            _ if self.asked.head => Move::ResponseWhole,
            _ => {
                let repeated = framing.repeated;
                let (delimiter, leniency) = framing.delimiter(self.config.lenient)?;
                self.tolerate(leniency);
                self.begin_body(delimiter, repeated, &mut head)
            }
        };
        self.advance(what);
        if what == Move::Switch {
            self.close = Some(CloseReason::Switched);
        }
        Ok(HeadStep::Head { head, used })
    }

    /// Sets up how the body is read. The head is left with what was decided by: one
    /// Content-Length, or none beside chunks.
    fn begin_body(
        &mut self,
        delimiter: Delimiter,
        repeated: bool,
        head: &mut ResponseHead,
    ) -> Move {
        self.receiving = match delimiter {
            Delimiter::Length(length) => {
                if repeated {
                    // Digits are valid in a field, so this cannot be refused.
                    let _ = head.headers.insert("Content-Length", length.to_string());
                }
                Receiving::Length {
                    expected: length,
                    left: length,
                }
            }
            Delimiter::Chunks => {
                head.headers.remove("content-length");
                Receiving::Chunks(Chunked::new())
            }
            Delimiter::Close => {
                self.never(CloseReason::CloseDelimited);
                Receiving::UntilClose { received: 0 }
            }
        };
        match delimiter {
            Delimiter::Length(0) => Move::ResponseWhole,
            _ => Move::ResponseHead,
        }
    }

    fn read_body(&mut self, input: &[u8]) -> Result<BodyStep, RemoteError> {
        let taken = match &mut self.receiving {
            Receiving::Chunks(chunked) => {
                let step = chunked.step(input, &self.config)?;
                let leniency = chunked.leniency;
                self.tolerate(leniency);
                return Ok(match step {
                    ChunkStep::NeedMore { used } => BodyStep::NeedMore { used },
                    ChunkStep::Data { range } => BodyStep::Data { range },
                    ChunkStep::End { used, trailers } => {
                        self.end_response();
                        BodyStep::End { used, trailers }
                    }
                });
            }
            Receiving::Length { left, .. } => {
                let taken = usize::try_from(*left).map_or(input.len(), |n| n.min(input.len()));
                *left -= taken as u64;
                if *left == 0 {
                    self.end_response();
                }
                taken
            }
            Receiving::UntilClose { received } => {
                *received = received.saturating_add(input.len() as u64);
                input.len()
            }
            Receiving::Nothing => 0,
        };
        Ok(match taken {
            0 => BodyStep::NeedMore { used: 0 },
            taken => BodyStep::Data { range: 0..taken },
        })
    }
}

/// The state.
impl Http1 {
    /// Our side.
    pub fn ours(&self) -> Ours {
        self.ours
    }

    /// Their side.
    pub fn theirs(&self) -> Theirs {
        self.theirs
    }

    /// Bytes of the response body still to come, where Content-Length says it: what is worth
    /// reading for. `Some(0)` when the response is complete, `None` when it is not known.
    pub fn body_remaining(&self) -> Option<u64> {
        match (self.theirs, &self.receiving) {
            (Theirs::Body, Receiving::Length { left, .. }) => Some(*left),
            (Theirs::Done, _) => Some(0),
            _ => None,
        }
    }

    /// Whether the connection may carry another request.
    ///
    /// [`Reuse::Never`] as soon as that is certain, also while an exchange is under way.
    pub fn reuse(&self) -> Reuse {
        match (self.close, self.ours, self.theirs) {
            (Some(reason), _, _) => Reuse::Never(reason),
            (None, Ours::Body, Theirs::Done) => Reuse::Never(CloseReason::RequestUnfinished),
            (None, Ours::Idle, Theirs::Idle) | (None, Ours::Done, Theirs::Done) => Reuse::Ready,
            _ => Reuse::Busy,
        }
    }

    /// Makes ready for another request.
    ///
    /// # Errors
    /// Unless [`reuse`](Self::reuse) says [`Reuse::Ready`].
    pub fn next_exchange(&mut self) -> Result<(), LocalError> {
        const ACTION: &str = "start another exchange";
        if let Reuse::Never(reason) = self.reuse() {
            return Err(LocalError::NotReusable(reason));
        }
        self.apply(Move::Next, ACTION)?;
        self.heads = HeadReader::default();
        self.receiving = Receiving::Nothing;
        Ok(())
    }

    /// A move of ours: the caller may ask for what is not possible.
    fn apply(&mut self, what: Move, action: &'static str) -> Result<(), LocalError> {
        match step(self.ours, self.theirs, what) {
            Some(state) => {
                (self.ours, self.theirs) = state;
                Ok(())
            }
            None => Err(self.state_error(action)),
        }
    }

    /// A move of theirs, in a state in which it was made sure to be possible.
    fn advance(&mut self, what: Move) {
        if let Some(state) = step(self.ours, self.theirs, what) {
            (self.ours, self.theirs) = state;
        }
    }

    fn end_response(&mut self) {
        self.advance(Move::ResponseEnd);
        self.receiving = Receiving::Nothing;
    }

    fn fail(&mut self, error: RemoteError) -> RemoteError {
        self.advance(Move::Fail);
        self.close = Some(CloseReason::Failed);
        self.failure = Some(error.clone());
        error
    }

    fn tolerate(&mut self, leniency: Option<Leniency>) {
        if let Some(leniency) = leniency {
            self.never(CloseReason::Lenient(leniency));
        }
    }

    fn never(&mut self, reason: CloseReason) {
        self.close.get_or_insert(reason);
    }

    fn state_error(&self, action: &'static str) -> LocalError {
        LocalError::State {
            action,
            ours: self.ours,
            theirs: self.theirs,
        }
    }
}
