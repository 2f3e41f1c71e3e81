use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use crate::config::{Config, MAX_WINDOW};
use crate::error::{Code, Error};
use crate::gate::{Gate, Preface};
use crate::pipe::{Ends, Pipe};
use crate::stream::{Ready, StreamId, Streams};
use crate::wake::{Half, Notes};

/// Input that `h2` sees at once; what it may allocate before we look again follows from this.
const INPUT_PIECE: usize = 16 << 10;
/// `h2` asks to be polled again at most once per poll; this is a belt against a spin.
const MAX_POLLS: usize = 8;
/// What an idle connection keeps of each buffer.
const IDLE_BUFFER: usize = 4 << 10;
/// What it keeps of slots for streams.
const IDLE_SLOTS: usize = 8;
/// Characters of a peer's words that an error repeats.
const MAX_DETAIL: usize = 128;

/// The client's end of one HTTP/2 connection.
///
/// It takes bytes and gives bytes; the caller owns the transport, the time and the order of calls.
/// After any call, [`take_output`](Self::take_output) may have something to send and
/// [`poll_ready`](Self::poll_ready) something to report. No call blocks.
pub struct Http2 {
    /// Gone when the connection is over.
    connection: Option<h2::client::Connection<Pipe, Bytes>>,
    /// Gone when no stream may be opened any more.
    pub(crate) sender: Option<h2::client::SendRequest<Bytes>>,
    pings: Option<h2::PingPong>,
    pub(crate) streams: Streams,
    pipe: Pipe,
    gate: Gate,
    notes: Arc<Notes>,
    waker: Waker,
    woken: Vec<(u32, Half)>,
    pub(crate) config: Config,
    pub(crate) state: State,
    /// Streams that the peer allows, as far as known.
    peer_limit: usize,
    settled: bool,
    /// `h2` has not yet begun the stream that was opened last.
    pub(crate) sender_full: bool,
    /// How often output was handed out.
    pub(crate) takes: u64,
    pub(crate) faults: u32,
    changed: bool,
    ping: Ping,
    #[cfg(test)]
    pub(crate) polls: u64,
}

/// Where the connection stands.
pub(crate) enum State {
    Open,
    /// Streams run on, new ones do not start.
    Ending(Error),
    /// Only output is left.
    Over(Error),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ping {
    None,
    Sent,
    Answered,
}

/// How many more streams a connection takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Room {
    /// This many more now; it can change when a stream ends or the peer changes its settings.
    Streams(usize),
    /// None, for ever.
    Never(Error),
}

impl Http2 {
    /// Begins a connection: the preface and our SETTINGS (server push off) are ready to be taken.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] where a value is out of its range.
    pub fn new(config: Config) -> Result<Self, Error> {
        config.check()?;
        let pipe = Pipe::new(config.output_capacity);
        let notes = Arc::new(Notes::default());
        let waker = notes.connection_waker();
        let mut builder = h2::client::Builder::new();
        builder
            .enable_push(false)
            .initial_window_size(config.stream_window)
            .initial_connection_window_size(config.connection_window)
            .max_header_list_size(config.max_header_list)
            .max_send_buffer_size(config.send_buffer)
            // One stream until the peer's SETTINGS tell more.
            .initial_max_send_streams(1)
            .max_concurrent_reset_streams(config.remembered_resets)
            // A count for life that also sees frames which crossed a cancel; `faults` and the
            // gate stand in for it.
            .max_local_error_reset_streams(None);
        if config.header_table != 4096 {
            builder.header_table_size(config.header_table);
        }
        let handshake = pin!(builder.handshake::<_, Bytes>(pipe.clone()));
        let Poll::Ready(Ok((sender, connection))) =
            handshake.poll(&mut Context::from_waker(&waker))
        else {
            // The preface is 24 bytes and the pipe takes 1 KiB, so it does not come to this.
            return Err(Error::Config("output_capacity is too small"));
        };
        let mut http2 = Self {
            connection: Some(connection),
            sender: Some(sender),
            pings: None,
            streams: Streams::new(Arc::clone(&notes)),
            pipe,
            gate: Gate::new(),
            waker,
            notes,
            woken: Vec::new(),
            config,
            state: State::Open,
            peer_limit: 1,
            settled: false,
            sender_full: false,
            takes: 0,
            faults: 0,
            changed: false,
            ping: Ping::None,
            #[cfg(test)]
            polls: 0,
        };
        http2.drive();
        Ok(http2)
    }

    /// Takes received bytes and returns how many it took. Where that is not all: send what
    /// [`take_output`](Self::take_output) has, then offer the rest again. After the connection
    /// has ended, everything is taken and thrown away.
    pub fn handle_input(&mut self, input: &[u8]) -> usize {
        let mut taken = 0;
        while let Some(rest) = input.get(taken..).filter(|rest| !rest.is_empty()) {
            if self.failure().is_some() {
                return input.len();
            }
            if !self.pipe.lock().is_drained() {
                break;
            }
            if self.gate.is_preface_seen() {
                let admitted = self.gate.admit(rest.get(..INPUT_PIECE).unwrap_or(rest));
                let Some(piece) = rest.get(..admitted).filter(|piece| !piece.is_empty()) else {
                    break;
                };
                self.pipe.lock().push_input(piece);
                taken += admitted;
            } else {
                let (admitted, preface) = self.gate.admit_preface(rest);
                taken += admitted;
                match preface {
                    Preface::Partial => break,
                    Preface::Right(head) => self.pipe.lock().push_input(head),
                    Preface::Wrong(head) => {
                        let found = head.escape_ascii().to_string();
                        self.fail(Error::NotHttp2 { found });
                        return input.len();
                    }
                }
            }
            self.drive();
        }
        taken
    }

    /// Whether to read from the transport. `false` holds the peer back until output is taken.
    pub fn wants_input(&self) -> bool {
        self.failure().is_none() && self.gate.is_open() && self.pipe.lock().is_drained()
    }

    /// The stream of the frame of which a part has come and the rest is due: 0 for the connection.
    /// On a slow line this is the only sign of life before the frame is complete.
    pub fn arriving(&self) -> Option<u32> {
        self.gate.arriving()
    }

    /// The peer sends no more, and nothing more is sent to it. Responses that are not complete fail;
    /// what they had received before can still be read.
    pub fn handle_eof(&mut self) {
        // All that came is looked at while the streams are what they were.
        self.drive();
        // `h2` forgets that a response was complete where its request was not.
        self.streams.end_requests();
        self.pipe.lock().set_eof();
        self.drive();
    }

    /// Whether [`take_output`](Self::take_output) is due: there is something to send, or input
    /// waits for what it has to say.
    pub fn wants_output(&self) -> bool {
        let due = self.notes.is_connection_woken() || !self.gate.is_open();
        if due && self.connection.is_some() {
            return true;
        }
        let pipe = self.pipe.lock();
        pipe.has_output() || self.is_stalled(&pipe)
    }

    /// Whether `h2` had to stop for want of room, and has room now.
    fn is_stalled(&self, pipe: &Ends) -> bool {
        self.connection.is_some() && pipe.has_room() && (pipe.has_refused() || !pipe.is_drained())
    }

    /// Appends bytes to send to `out` and returns how many; 0 means that there are none now.
    /// At most [`Config::output_capacity`] at a time: send them before asking again. An empty
    /// `out` is swapped for the filled buffer, and nothing is copied.
    pub fn take_output(&mut self, out: &mut Vec<u8>) -> usize {
        let stalled = self.is_stalled(&self.pipe.lock());
        if stalled || self.notes.is_connection_woken() {
            self.drive();
        }
        self.gate.refill();
        let mut pipe = self.pipe.lock();
        let taken = pipe.take_output(out);
        if taken > 0 {
            self.takes += 1;
        } else if self.streams.active() == 0 {
            pipe.shrink(IDLE_BUFFER);
            self.streams.shrink(IDLE_SLOTS);
            if self.woken.capacity() > IDLE_SLOTS {
                self.woken = Vec::new();
            }
        }
        taken
    }

    /// The next stream on which something became possible, in the order in which it did.
    ///
    /// A flag is raised once for each call that had to answer "not yet"; the head is waited for
    /// from [`open`](Self::open) on. Take the output first: it lets streams go on, too.
    pub fn poll_ready(&mut self) -> Option<(StreamId, Ready)> {
        // A call on one stream can wake another, by giving back its share of the send window.
        self.collect();
        self.streams.pop_news()
    }

    /// Whether, since the last call, the connection changed: the peer's settings, its GOAWAY, a
    /// pong, the end. Then [`room`](Self::room), [`poll_pong`](Self::poll_pong) and
    /// [`failure`](Self::failure) are worth a look.
    pub fn poll_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// How many streams may be opened now. One until the peer's SETTINGS have come, then what it
    /// allows and at most [`Config::max_streams`].
    pub fn room(&self) -> Room {
        match &self.state {
            State::Open if self.sender_full => Room::Streams(0),
            State::Open => {
                let limit = self.config.max_streams.min(self.peer_limit);
                Room::Streams(limit.saturating_sub(self.streams.active()))
            }
            State::Ending(error) | State::Over(error) => Room::Never(error.clone()),
        }
    }

    /// How many streams there may be at once, those that there are included: what the peer allows
    /// and at most [`Config::max_streams`]. None once no more are opened.
    pub fn limit(&self) -> Option<usize> {
        let open = matches!(self.state, State::Open);
        open.then(|| self.config.max_streams.min(self.peer_limit))
    }

    /// Whether the peer's first SETTINGS have come and hold, so that [`limit`](Self::limit) is its
    /// word.
    pub fn is_settled(&self) -> bool {
        self.settled
    }

    /// Why the connection is over, once it is. Streams that were complete can still be read, and
    /// a last batch of output can wait to be taken.
    pub fn failure(&self) -> Option<&Error> {
        match &self.state {
            State::Over(error) => Some(error),
            State::Open | State::Ending(_) => None,
        }
    }

    /// Whether the peer's preface, its SETTINGS frame, has come.
    pub fn is_established(&self) -> bool {
        self.gate.is_preface_seen()
    }

    /// Streams that were opened and not yet read to their end, failed or cancelled.
    pub fn active_streams(&self) -> usize {
        self.streams.active()
    }

    /// Whether no stream is active.
    pub fn is_idle(&self) -> bool {
        self.active_streams() == 0
    }

    /// Lets the peer send more ahead of the readers from now on: on each stream, the open ones
    /// included, and on all of them together. To be grown, not shrunk. `false` where the peer has not
    /// acknowledged our SETTINGS yet, or the connection is over: ask again later.
    pub fn grow_windows(&mut self, stream: u32, connection: u32) -> bool {
        let Some(h2) = &mut self.connection else {
            return false;
        };
        if stream > MAX_WINDOW
            || connection > MAX_WINDOW
            || h2.set_initial_window_size(stream).is_err()
        {
            return false;
        }
        h2.set_target_window_size(connection);
        self.drive();
        true
    }

    /// Queues a PING (RFC 9113 section 6.7). `false` where one is under way already or the
    /// connection is over.
    pub fn send_ping(&mut self) -> bool {
        let Some(connection) = &mut self.connection else {
            return false;
        };
        if self.pings.is_none() {
            self.pings = connection.ping_pong();
        }
        let Some(pings) = &mut self.pings else {
            return false;
        };
        if self.ping == Ping::Sent || pings.send_ping(h2::Ping::opaque()).is_err() {
            return false;
        }
        self.ping = Ping::Sent;
        self.drive();
        true
    }

    /// Whether a PING is under way.
    pub fn is_pinging(&self) -> bool {
        self.ping == Ping::Sent
    }

    /// Whether the PING was answered since the last call.
    pub fn poll_pong(&mut self) -> bool {
        let answered = self.ping == Ping::Answered;
        if answered {
            self.ping = Ping::None;
        }
        answered
    }

    /// Opens no more streams. Once the open ones have ended, GOAWAY is queued and the connection
    /// is over; to end it at once, [`cancel`](Self::cancel) them as well.
    pub fn close(&mut self) {
        if let State::Open = self.state {
            self.end(Error::Closed);
            self.drive();
        }
    }

    /// No more streams start, for this reason.
    pub(crate) fn end(&mut self, error: Error) {
        self.sender = None;
        self.state = State::Ending(error);
        self.changed = true;
    }

    /// Gives the connection up. Every stream fails now, whether the peer reads or not.
    pub(crate) fn fail(&mut self, error: Error) {
        if let Error::TooManyFaults = error {
            let mut pipe = self.pipe.lock();
            // Only where no frame of ours is cut off.
            if !pipe.has_refused() {
                pipe.push_output(&goaway(Code::ENHANCE_YOUR_CALM));
            }
        }
        self.finish(error);
        self.collect();
    }

    /// Lets `h2` do all that it can do now.
    pub(crate) fn drive(&mut self) {
        for _ in 0..MAX_POLLS {
            let Some(connection) = &mut self.connection else {
                break;
            };
            #[cfg(test)]
            {
                self.polls += 1;
            }
            self.pipe.lock().start_poll();
            self.notes.clear_connection();
            let mut context = Context::from_waker(&self.waker);
            match Pin::new(connection).poll(&mut context) {
                Poll::Ready(result) => {
                    // It may have ended by a GOAWAY that this very poll received.
                    self.check_sender();
                    let error = self.why_over(result);
                    self.finish(error);
                }
                Poll::Pending => {
                    // This can let go of a stream that was cancelled, whose reset is then due.
                    self.look();
                    // `h2` applies them when it has found room for its acknowledgement.
                    let pipe = self.pipe.lock();
                    let whole = self.gate.is_preface_seen() && self.gate.arriving() != Some(0);
                    let settled = whole && pipe.is_drained() && !pipe.has_refused();
                    drop(pipe);
                    if settled && !self.settled {
                        self.settled = true;
                        self.changed = true;
                        // Bodies that waited for this.
                        self.streams.raise_all(Ready::WRITE);
                    }
                    if !self.notes.is_connection_woken() {
                        break;
                    }
                }
            }
        }
        self.collect();
    }

    fn finish(&mut self, error: Error) {
        // Streams learn it by their wakers when `h2`'s end is dropped.
        self.connection = None;
        self.sender = None;
        self.state = State::Over(error);
        self.changed = true;
    }

    /// Reads what `h2` reports about the connection as a whole.
    fn look(&mut self) {
        let Some(connection) = &self.connection else {
            return;
        };
        let limit = connection.max_concurrent_send_streams();
        if limit != self.peer_limit {
            self.peer_limit = limit;
            self.changed = true;
        }
        if self.ping == Ping::Sent {
            let mut context = Context::from_waker(Waker::noop());
            if let Some(Poll::Ready(Ok(_))) = self.pings.as_mut().map(|p| p.poll_pong(&mut context))
            {
                self.ping = Ping::Answered;
                self.changed = true;
            }
        }
        self.check_sender();
    }

    /// Asks `h2` whether it would open a stream, and if never, why.
    pub(crate) fn check_sender(&mut self) {
        let Some(sender) = &mut self.sender else {
            return;
        };
        let ready = sender.poll_ready(&mut Context::from_waker(Waker::noop()));
        self.sender_full = ready.is_pending();
        match ready {
            Poll::Pending | Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) if error.is_go_away() => self.end(go_away(&error)),
            // The transport is gone; the next poll of the connection says so.
            Poll::Ready(Err(error)) if error.is_io() => self.end(Error::Eof),
            Poll::Ready(Err(_)) => self.end(Error::Exhausted),
        }
    }

    fn why_over(&self, result: Result<(), h2::Error>) -> Error {
        match (result, &self.state) {
            (Err(error), _) if error.is_go_away() => go_away(&error),
            (_, State::Ending(Error::Closed)) => Error::Closed,
            (Ok(()), State::Ending(error)) if !self.pipe.lock().is_eof() => error.clone(),
            _ => Error::Eof,
        }
    }

    /// Notes which streams were woken.
    fn collect(&mut self) {
        if self.notes.has_streams() {
            let mut woken = std::mem::take(&mut self.woken);
            self.notes.take_streams(&mut woken);
            for (index, half) in woken.drain(..) {
                let Some(id) = self.streams.occupant(index) else {
                    continue;
                };
                match half {
                    Half::Send => self.streams.raise(id, Ready::WRITE),
                    Half::Recv => self.received(id),
                }
            }
            self.woken = woken;
        }
        if self.faults > self.config.max_faults && self.failure().is_none() {
            self.fail(Error::TooManyFaults);
        }
    }
}

impl fmt::Debug for Http2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http2")
            .field("room", &self.room())
            .field("active_streams", &self.active_streams())
            .field("failure", &self.failure())
            .finish_non_exhaustive()
    }
}

/// A GOAWAY error of `h2`, received or detected.
pub(crate) fn go_away(error: &h2::Error) -> Error {
    let code = error.reason().map_or(Code::PROTOCOL_ERROR, Code::from);
    // The peer's words are only in the error's text, which escapes them.
    let text = error.to_string();
    let detail = text.split_once(" (b\"").map_or("", |(_, detail)| detail);
    let detail = detail
        .trim_end_matches("\")")
        .chars()
        .take(MAX_DETAIL)
        .collect();
    if error.is_remote() {
        Error::GoAway { code, detail }
    } else {
        Error::Protocol { code, detail }
    }
}

/// A GOAWAY frame (RFC 9113 section 6.8). The last stream id is 0: no server opened one.
fn goaway(code: Code) -> [u8; 17] {
    let [a, b, c, d] = code.as_u32().to_be_bytes();
    [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d]
}
