//! The other end of one scripted connection.

use super::lock;
use bytes::{Buf, Bytes};
use std::collections::VecDeque;
use std::fmt;
use std::io::{self, IoSlice};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How much a server takes that expects nothing, in bytes: what a socket's buffers would hold.
const UNREAD: usize = 64 * 1024;

/// One step of a connection.
#[derive(Clone, Debug)]
pub(super) enum Act {
    Expect(Bytes),
    ExpectHead,
    ExpectBytes(usize),
    Send(Bytes),
    SendBytewise(Bytes),
    Wait(Duration),
    Silence,
    Close,
    Reset,
    Refuse,
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Act::Expect(bytes) => write!(f, "expect '{}'", bytes.escape_ascii()),
            Act::ExpectHead => f.write_str("expect a head"),
            Act::ExpectBytes(count) => write!(f, "expect {count} bytes"),
            Act::Send(bytes) | Act::SendBytewise(bytes) => {
                write!(f, "send '{}'", bytes.escape_ascii())
            }
            Act::Wait(time) => write!(f, "wait {time:?}"),
            Act::Silence => f.write_str("be silent"),
            Act::Close => f.write_str("close"),
            Act::Reset => f.write_str("reset"),
            Act::Refuse => f.write_str("refuse"),
        }
    }
}

/// What happened so far.
#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) records: Vec<Record>,
    /// What was not as expected, first of all.
    pub(super) mismatch: Option<String>,
}

/// What happened on one connection.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) received: Vec<u8>,
    /// The step that stands before an end.
    pub(super) undone: Option<String>,
}

/// What a read finds.
#[derive(Debug)]
pub(super) enum Heard {
    Bytes(usize),
    End,
    Failed(io::Error),
    /// Nothing until so much time has passed; for ever, where it is none.
    Silence(Option<Duration>),
}

/// The other end.
#[derive(Debug)]
pub(super) struct Peer {
    acts: VecDeque<Act>,
    /// Received, and not claimed by a step yet.
    unclaimed: Vec<u8>,
    log: Arc<Mutex<Log>>,
    number: usize,
}

impl Peer {
    /// The other end of connection `number`, which begins now.
    pub(super) fn new(acts: Vec<Act>, number: usize, log: Arc<Mutex<Log>>) -> Self {
        let acts = acts.into();
        let unclaimed = Vec::new();
        let mut peer = Peer {
            acts,
            unclaimed,
            log,
            number,
        };
        peer.settle();
        peer
    }

    pub(super) fn read(&mut self, buf: &mut [u8]) -> Heard {
        let heard = match self.acts.front_mut() {
            None | Some(Act::Close | Act::Refuse) => Heard::End,
            Some(Act::Reset) => Heard::Failed(io::ErrorKind::ConnectionReset.into()),
            Some(Act::Send(bytes)) => Heard::Bytes(take(bytes, buf)),
            Some(Act::SendBytewise(bytes)) => {
                Heard::Bytes(take(bytes, buf.get_mut(..1).unwrap_or_default()))
            }
            Some(Act::Wait(time)) => Heard::Silence(Some(*time)),
            Some(Act::Silence | Act::Expect(_) | Act::ExpectHead | Act::ExpectBytes(_)) => {
                Heard::Silence(None)
            }
        };
        self.settle();
        heard
    }

    pub(super) fn write(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut written = 0;
        for piece in pieces {
            let mut rest: &[u8] = piece;
            while !rest.is_empty() {
                let room = match self.room() {
                    Ok(0) => Err(io::ErrorKind::WouldBlock),
                    room => room,
                };
                let taken = match room {
                    Ok(room) => rest.split_off(..room.min(rest.len())).unwrap_or_default(),
                    Err(kind) if written == 0 => return Err(kind.into()),
                    Err(_) => return Ok(written),
                };
                written += taken.len();
                self.unclaimed.extend_from_slice(taken);
                if let Some(record) = lock(&self.log).records.get_mut(self.number) {
                    record.received.extend_from_slice(taken);
                }
                self.settle();
            }
        }
        Ok(written)
    }

    /// How many bytes it takes now.
    fn room(&self) -> Result<usize, io::ErrorKind> {
        match self.acts.front() {
            None | Some(Act::Close | Act::Refuse) => Err(io::ErrorKind::BrokenPipe),
            Some(Act::Reset) => Err(io::ErrorKind::ConnectionReset),
            Some(Act::Expect(_) | Act::ExpectHead | Act::ExpectBytes(_)) => Ok(UNREAD),
            Some(_) => Ok(UNREAD.saturating_sub(self.unclaimed.len())),
        }
    }

    /// So much time has passed.
    pub(super) fn pass(&mut self, passed: Duration) {
        if let Some(Act::Wait(time)) = self.acts.front_mut() {
            *time = time.saturating_sub(passed);
        }
        self.settle();
    }

    /// Does what can be done already, and notes what is next.
    fn settle(&mut self) {
        while let Some(act) = self.acts.front() {
            let claimed = match act {
                Act::Expect(expected) => {
                    let came = self.unclaimed.len().min(expected.len());
                    let (came, front) = (self.unclaimed.get(..came), expected.get(..came));
                    if came != front {
                        let text = format!(
                            "the script expects '{}', and the client sent '{}'",
                            expected.escape_ascii(),
                            came.unwrap_or_default().escape_ascii()
                        );
                        lock(&self.log).mismatch.get_or_insert(text);
                        break;
                    }
                    (came.map_or(0, <[u8]>::len) == expected.len()).then_some(expected.len())
                }
                Act::ExpectHead => {
                    let blank = self.unclaimed.windows(4).position(|it| it == b"\r\n\r\n");
                    blank.map(|start| start + 4)
                }
                Act::ExpectBytes(count) => (self.unclaimed.len() >= *count).then_some(*count),
                Act::Send(bytes) | Act::SendBytewise(bytes) => bytes.is_empty().then_some(0),
                Act::Wait(time) => time.is_zero().then_some(0),
                Act::Silence | Act::Close | Act::Reset | Act::Refuse => None,
            };
            let Some(claimed) = claimed else { break };
            self.unclaimed.drain(..claimed);
            self.acts.pop_front();
        }
        // An end need not be seen, and of a silence there is nothing to see.
        let open = self
            .acts
            .front()
            .filter(|act| !matches!(act, Act::Silence | Act::Close | Act::Reset | Act::Refuse));
        let undone = open.map(Act::to_string);
        if let Some(record) = lock(&self.log).records.get_mut(self.number) {
            record.undone = undone;
        }
    }
}

fn take(bytes: &mut Bytes, buf: &mut [u8]) -> usize {
    let count = bytes.len().min(buf.len());
    bytes.copy_to_slice(buf.get_mut(..count).unwrap_or_default());
    count
}
