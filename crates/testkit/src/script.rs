//! A peer that does exactly what it is told: accept, then step by step expect, send, wait, end.
//!
//! ```
//! use std::io::{Read, Write};
//! use nuncio_testkit::script::{End, Script, Step};
//!
//! let peer = Script::new()
//!     .connection([Step::ExpectHead, Step::send("HTTP/1.1 204 No Content\r\n\r\n"), Step::Close])
//!     .start();
//! let mut socket = std::net::TcpStream::connect(peer.addr()).unwrap();
//! socket.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
//! let mut answer = String::new();
//! socket.read_to_string(&mut answer).unwrap();
//!
//! let records = peer.finish();
//! assert_eq!(records[0].received, b"GET / HTTP/1.1\r\n\r\n");
//! assert_eq!(records[0].end, End::Complete);
//! ```

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustls::ServerConfig;

use crate::host::{Accepted, Host};
use crate::latch::Latch;

/// How long a step waits for the peer before its script counts as failed.
const PATIENCE: Duration = Duration::from_secs(10);

/// One thing that a scripted peer does on a connection.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Step {
    /// Reads up to and with the first blank line (CRLF CRLF). What came behind it counts for the
    /// next step that expects.
    ExpectHead,
    /// Reads this many bytes.
    ExpectBytes(usize),
    /// Reads until the other side ends its sending.
    ExpectEof,
    /// Sends these bytes in one write.
    Send(Vec<u8>),
    /// Sends these bytes one by one, each in a write (and TLS record) of its own.
    SendByteByByte(Vec<u8>),
    /// Waits this long.
    Sleep(Duration),
    /// Waits until the test opens the gate.
    Wait(Latch),
    /// Opens a gate that the test waits for.
    Open(Latch),
    /// Says over TLS that no more will be sent (`close_notify`), and leaves the socket as it is.
    CloseNotify,
    /// Ends the sending (FIN); receiving goes on. Over TLS there is no `close_notify` unless
    /// [`Step::CloseNotify`] came before.
    HalfClose,
    /// Closes the socket. As with any socket, bytes that came and were not read turn it into a reset.
    Close,
    /// Closes the socket by a reset (RST).
    Reset,
}

impl Step {
    /// [`Step::Send`] of anything that is bytes.
    pub fn send(bytes: impl AsRef<[u8]>) -> Self {
        Self::Send(bytes.as_ref().to_vec())
    }
}

/// How a connection's script ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It is still running.
    Running,
    /// All steps were done.
    Complete,
    /// This step (from 0) could not be done, for this reason: `UnexpectedEof` where the peer ended
    /// early, `TimedOut` or `WouldBlock` where it sent nothing for ten seconds.
    Failed(usize, io::ErrorKind),
    /// There was no script left for this connection; it was closed at once.
    Unscripted,
}

/// What happened on one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// All bytes received (behind TLS), the ones that no step asked for included when they came
    /// along with others.
    pub received: Vec<u8>,
    /// How its script ended.
    pub end: End,
}

/// The steps of each connection, in the order in which connections come.
#[derive(Debug, Clone, Default)]
pub struct Script {
    connections: Vec<Vec<Step>>,
    repeat: bool,
    tls: Option<Arc<ServerConfig>>,
}

impl Script {
    /// A script for no connection yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the steps of one more connection. When they are done the socket is closed.
    pub fn connection(mut self, steps: impl IntoIterator<Item = Step>) -> Self {
        self.connections.push(steps.into_iter().collect());
        self
    }

    /// Every connection after the last scripted one does as that one did.
    pub fn repeat_last(mut self) -> Self {
        self.repeat = true;
        self
    }

    /// Speaks TLS; its handshake is part of the first step that reads or writes.
    pub fn tls(mut self, config: Arc<ServerConfig>) -> Self {
        self.tls = Some(config);
        self
    }

    /// Starts listening on a free port of 127.0.0.1.
    ///
    /// # Panics
    ///
    /// When no port can be had.
    pub fn start(self) -> ScriptedPeer {
        let scripted = if self.repeat {
            0
        } else {
            self.connections.len()
        };
        let log = Arc::new(Log::default());
        let serve = {
            let log = log.clone();
            move |accepted: Accepted| {
                let at = usize::try_from(accepted.id).unwrap_or(usize::MAX);
                let last = self.connections.len().saturating_sub(1);
                let steps = self
                    .connections
                    .get(if self.repeat { at.min(last) } else { at });
                run(accepted, at, steps.map(Vec::as_slice), &log);
            }
        };
        let host = Host::start((Ipv4Addr::LOCALHOST, 0).into(), self.tls, serve);
        ScriptedPeer {
            host: host.expect("a free loopback port"),
            log,
            scripted,
        }
    }
}

/// A running script. Dropping it closes every connection and joins every thread.
pub struct ScriptedPeer {
    host: Host,
    log: Arc<Log>,
    /// So many connections have to come.
    scripted: usize,
}

impl ScriptedPeer {
    /// The address that it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.host.addr()
    }

    /// `http://` and the address and `path`, which starts with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr())
    }

    /// How many connections were accepted.
    pub fn connections(&self) -> u64 {
        self.host.accepted()
    }

    /// What happened so far on each connection.
    pub fn records(&self) -> Vec<Record> {
        self.log.records().clone()
    }

    /// Waits until every scripted connection has come and its script has ended (with
    /// [`Script::repeat_last`]: every connection that came), and says what happened.
    ///
    /// # Panics
    ///
    /// When that takes more than 20 seconds.
    pub fn finish(self) -> Vec<Record> {
        let until = Instant::now() + 2 * PATIENCE;
        let mut records = self.log.records();
        loop {
            let came = records.len() >= self.scripted;
            if came && records.iter().all(|record| record.end != End::Running) {
                return records.clone();
            }
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "the script is not done: {records:?}");
            let waited = self.log.changed.wait_timeout(records, left);
            records = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

#[derive(Default)]
struct Log {
    records: Mutex<Vec<Record>>,
    changed: Condvar,
}

impl Log {
    fn records(&self) -> MutexGuard<'_, Vec<Record>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn update(&self, at: usize, change: impl FnOnce(&mut Record)) {
        let mut records = self.records();
        while records.len() <= at {
            records.push(Record {
                received: Vec::new(),
                end: End::Running,
            });
        }
        change(&mut records[at]);
        self.changed.notify_all();
    }
}

fn run(accepted: Accepted, at: usize, steps: Option<&[Step]>, log: &Log) {
    log.update(at, |_| ());
    let mut end = if steps.is_some() {
        End::Complete
    } else {
        End::Unscripted
    };
    let steps = steps.unwrap_or_default();
    let mut actor = Actor {
        accepted,
        at,
        log,
        unused: Vec::new(),
    };
    for (number, step) in steps.iter().enumerate() {
        match actor.act(step) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                end = End::Failed(number, error.kind());
                break;
            }
        }
    }
    // Closed first: whoever sees the end may drop the whole peer, which would shut down a socket
    // that was to be reset.
    drop(actor);
    log.update(at, |record| record.end = end);
}

struct Actor<'a> {
    accepted: Accepted,
    at: usize,
    log: &'a Log,
    /// Received and not yet claimed by a step.
    unused: Vec<u8>,
}

impl Actor<'_> {
    /// Does one step; false when the connection is to be closed now.
    fn act(&mut self, step: &Step) -> io::Result<bool> {
        match step {
            Step::ExpectHead => {
                let end = loop {
                    let blank = self.unused.windows(4).position(|four| four == b"\r\n\r\n");
                    if let Some(at) = blank {
                        break at + 4;
                    }
                    self.receive_some()?;
                };
                self.unused.drain(..end);
            }
            Step::ExpectBytes(count) => {
                while self.unused.len() < *count {
                    self.receive_some()?;
                }
                self.unused.drain(..count);
            }
            Step::ExpectEof => while self.receive()? > 0 {},
            Step::Send(bytes) => self.send(bytes)?,
            Step::SendByteByByte(bytes) => {
                for byte in bytes {
                    self.send(&[*byte])?;
                }
            }
            Step::Sleep(time) => {
                self.accepted.stop.wait(*time);
            }
            Step::Wait(latch) => {
                let until = Instant::now() + PATIENCE;
                while !latch.wait(Duration::from_millis(50)) {
                    if self.accepted.stop.is_open() || Instant::now() > until {
                        return Err(io::ErrorKind::TimedOut.into());
                    }
                }
            }
            Step::Open(latch) => latch.open(),
            Step::CloseNotify => self.accepted.stream.close_notify(),
            Step::HalfClose => self.accepted.stream.socket().shutdown(Shutdown::Write),
            Step::Close => return Ok(false),
            Step::Reset => {
                self.accepted.stream.socket().reset_on_close()?;
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.accepted.stream.write_all(bytes)?;
        self.accepted.stream.flush()
    }

    fn receive_some(&mut self) -> io::Result<()> {
        if self.receive()? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }

    fn receive(&mut self) -> io::Result<usize> {
        self.accepted
            .stream
            .socket()
            .set_read_timeout(Some(PATIENCE))?;
        let mut buffer = [0; 16 * 1024];
        let read = match self.accepted.stream.read(&mut buffer) {
            // How rustls reports an end without close_notify.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => 0,
            other => other?,
        };
        self.unused.extend_from_slice(&buffer[..read]);
        self.log.update(self.at, |record| {
            record.received.extend_from_slice(&buffer[..read])
        });
        Ok(read)
    }
}
