//! A server that says what it is told, byte for byte, under the real connection machine.

mod carry;
mod peer;

use crate::transport::{Custom, Transport, Way};
use bytes::Bytes;
use nuncio_connection::Http1Config;
use peer::{Act, Log};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A scripted server, byte for byte, in memory.
///
/// Below the client's policy everything but the socket is real: the pool, the HTTP/1.1 machine, the
/// replay on a connection that had gone stale. So the outcome, errors included, is what it would be
/// over a socket. TLS is left out: an https URL is served in plain text.
///
/// Each connection does its steps in the order in which they are given, and is closed after the last;
/// one more than there are is refused. A step that
/// expects holds back what comes after it; where none does, a server takes 64 KiB and then no more, as
/// one would that does not read.
///
/// Time is the script's own. [`wait`](Self::wait) and [`silence`](Self::silence) take none: they move
/// the clock of the connections, so that a limit of 5 s passes at once. `Response::elapsed` does not
/// know of it.
///
/// ```
/// # use nuncio_client::{ClientBuilder, Driver, Error, Kind, Response, Script};
/// # fn example<D>(builder: ClientBuilder<D>) -> Result<(), Error>
/// # where D: Driver<Send = Result<Response, Error>> {
/// let script = Script::new()
///     .expect("GET /a HTTP/1.1\r\nHost: example.com\r\n")
///     .expect_head()
///     .send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
///     .connection()
///     .expect_head()
///     .send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel");
/// let client = builder.transport(script.transport()).build()?;
///
/// assert_eq!(client.get("http://example.com/a").send()?.text(), "hello");
///
/// // The first connection was closed; the second is cut short.
/// let error = client.get("http://example.com/b").send().unwrap_err();
/// assert_eq!(error.kind(), Kind::RemoteProtocol);
/// script.assert_done();
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Script {
    connections: Vec<Vec<Act>>,
    http1: Http1Config,
    log: Arc<Mutex<Log>>,
}

impl Script {
    /// A script without a connection yet; the first step begins one.
    pub fn new() -> Self {
        Self::default()
    }

    /// The steps from here on are those of one more connection.
    pub fn connection(mut self) -> Self {
        self.connections.push(Vec::new());
        self
    }

    /// The next connection is refused. One more after it begins with
    /// [`connection`](Self::connection).
    pub fn refuse(mut self) -> Self {
        self.connections.push(vec![Act::Refuse]);
        self
    }

    fn step(mut self, act: Act) -> Self {
        if self.connections.is_empty() {
            self.connections.push(Vec::new());
        }
        if let Some(acts) = self.connections.last_mut() {
            acts.push(act);
        }
        self
    }

    /// The client sends these bytes next; others are an error of the request.
    pub fn expect(self, bytes: impl AsRef<[u8]>) -> Self {
        self.step(Act::Expect(Bytes::copy_from_slice(bytes.as_ref())))
    }

    /// The client sends everything up to the next blank line, and with it.
    pub fn expect_head(self) -> Self {
        self.step(Act::ExpectHead)
    }

    /// The client sends so many bytes.
    pub fn expect_bytes(self, count: usize) -> Self {
        self.step(Act::ExpectBytes(count))
    }

    /// The server sends these bytes, as many at a time as the client reads.
    pub fn send(self, bytes: impl AsRef<[u8]>) -> Self {
        self.step(Act::Send(Bytes::copy_from_slice(bytes.as_ref())))
    }

    /// The server sends these bytes one by one, each in a read of its own.
    pub fn send_bytewise(self, bytes: impl AsRef<[u8]>) -> Self {
        self.step(Act::SendBytewise(Bytes::copy_from_slice(bytes.as_ref())))
    }

    /// The server does nothing for so long. Limits that are shorter pass.
    pub fn wait(self, time: Duration) -> Self {
        self.step(Act::Wait(time))
    }

    /// The server says nothing more: the request's limit passes. Where it has none, that is an error.
    pub fn silence(self) -> Self {
        self.step(Act::Silence)
    }

    /// The server closes the connection, as it does after the last step anyway.
    pub fn close(self) -> Self {
        self.step(Act::Close)
    }

    /// The server resets the connection.
    pub fn reset(self) -> Self {
        self.step(Act::Reset)
    }

    /// Tolerates servers that break HTTP/1.1, as
    /// [`ClientBuilder::lenient`](crate::ClientBuilder::lenient) does over the network. Default no.
    pub fn lenient(mut self, lenient: bool) -> Self {
        self.http1 = self.http1.lenient(lenient);
        self
    }

    /// The transport to give to a client. Each starts the script anew; what happens is told to all
    /// clones of the script.
    pub fn transport(&self) -> Transport {
        Transport(Way::Custom(Custom::Ours(Arc::new(carry::Carried::new(
            self.connections.clone(),
            self.http1,
            Arc::clone(&self.log),
        )))))
    }

    /// What the client sent on each connection so far, those refused included.
    pub fn received(&self) -> Vec<Vec<u8>> {
        let log = lock(&self.log);
        let records = log.records.iter();
        records.map(|record| record.received.clone()).collect()
    }

    /// Holds that every connection was made, that everything came that was expected and that
    /// everything was sent.
    ///
    /// # Panics
    /// When not; the message says which step was not done.
    #[track_caller]
    pub fn assert_done(&self) {
        let log = lock(&self.log);
        let (made, scripted) = (log.records.len(), self.connections.len());
        assert!(
            made >= scripted,
            "{made} connections were made, and the script has {scripted}"
        );
        for (number, record) in log.records.iter().enumerate() {
            let left = record.undone.as_deref();
            assert!(
                left.is_none(),
                "connection {number}, from 0, did not get to {}; it received '{}'",
                left.unwrap_or_default(),
                record.received.escape_ascii()
            );
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
