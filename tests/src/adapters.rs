//! Every adapter behind one face that waits, so that a scenario is written once and run on all.
//!
//! A scenario is a function over any [`Adapter`]. It builds requests with the client's own builder and
//! hands them to [`Adapter::send`] or [`Adapter::stream`]; [`behaviour!`](crate::behaviour) makes one
//! test of it per adapter. What runs futures ([`Executor`]) is an adapter with that; a scenario about
//! futures is a function over any `Executor`, for [`async_behaviour!`](crate::async_behaviour).

mod altered;
mod executors;
mod looping;
mod tasks;
mod upgraded;

pub use altered::{Altered, Connecting, Resolving};
pub use executors::{AsyncStd, CurrentThread, MultiThread, Smol, Tokio};
pub use looping::Looping;
pub use tasks::{Executor, TaskDownload};
pub use upgraded::{Duplex, TaskDuplex};

use bytes::{Buf, Bytes};
use nuncio::{Body, Error, Head, Part, Request, Response, ServerSentEvent};
use nuncio_client::{Client, ClientBuilder, Driver, RequestBuilder};
use serde::de::DeserializeOwned;
use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::ops::Deref;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

/// One test for every adapter, each named after it, of a scenario in the same module.
#[macro_export]
macro_rules! behaviour {
    ($($(#[$attribute:meta])* $scenario:ident),+ $(,)?) => {$(
        mod $scenario {
            $crate::tests_of! { super::$scenario, $(#[$attribute])*; blocking Blocking, }
            $crate::async_tests_of! { super::$scenario, $(#[$attribute])* }
        }
    )+};
}

/// [`behaviour!`] for scenarios about futures: one test for every adapter of the async client.
#[macro_export]
macro_rules! async_behaviour {
    ($($(#[$attribute:meta])* $scenario:ident),+ $(,)?) => {$(
        mod $scenario {
            $crate::async_tests_of! { super::$scenario, $(#[$attribute])* }
        }
    )+};
}

/// The adapters of the async client. Another one has its line here.
#[doc(hidden)]
#[macro_export]
macro_rules! async_tests_of {
    ($scenario:path, $(#[$attribute:meta])*) => {
        $crate::tests_of! { $scenario, $(#[$attribute])*;
            tokio_multi_thread MultiThread,
            tokio_current_thread CurrentThread,
            smol Smol,
            async_std AsyncStd,
            #[cfg(feature = "looping")] looping Looping,
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! tests_of {
    ($scenario:path, $(#[$attribute:meta])*;) => {};
    (
        $scenario:path, $(#[$attribute:meta])*;
        $(#[$cfg:meta])* $name:ident $adapter:ident, $($rest:tt)*
    ) => {
        $(#[$cfg])*
        $(#[$attribute])*
        #[test]
        fn $name() {
            use $crate::adapters::{$adapter, Adapter};
            $scenario(&$adapter::start());
        }
        $crate::tests_of! { $scenario, $(#[$attribute])*; $($rest)* }
    };
}

/// A way of running a client, made to wait for its answers.
pub trait Adapter: Send + Sync + Sized + 'static {
    /// What its clients are made of.
    type Driver: Driver;
    /// A response whose body is still to come.
    type Download: Download;

    /// Ready to run.
    fn start() -> Self;

    /// A builder of its clients.
    fn builder(&self) -> ClientBuilder<Self::Driver>;

    /// A client with the defaults.
    fn client(&self) -> Client<Self::Driver> {
        self.builder().build().expect("the defaults make a client")
    }

    /// Sends a request and waits for the response, body included.
    fn send(&self, request: RequestBuilder<Self::Driver>) -> Result<Response, Error>;

    /// Sends a finished request through `client`.
    fn send_as_is(
        &self,
        client: &Client<Self::Driver>,
        request: Request,
    ) -> Result<Response, Error>;

    /// Sends a request and waits for the response's head.
    fn stream(&self, request: RequestBuilder<Self::Driver>) -> Result<Self::Download, Error>;

    /// Sends all of them at once and waits for all.
    fn together(&self, requests: Vec<RequestBuilder<Self::Driver>>)
    -> Vec<Result<Response, Error>>;

    /// Runs all `chains` side by side, each of which sends one request after the other as long as
    /// `check` is content with the answer. For each chain: how many it sent, or what was wrong.
    fn side_by_side<I, C>(&self, chains: Vec<I>, check: C) -> Vec<Result<usize, String>>
    where
        I: Iterator<Item = RequestBuilder<Self::Driver>> + Send + 'static,
        C: Check;

    /// A request's body that gives `pieces` one by one, as this adapter wants them.
    fn body<I>(&self, pieces: I, length: Option<u64>) -> Body
    where
        I: Iterator<Item = io::Result<Bytes>> + Send + 'static;

    /// A body that this adapter cannot send.
    fn body_of_the_other_kind(&self) -> Body;

    /// A file as a request's body.
    fn file(&self, path: &Path) -> Result<Body, Error>;

    /// A file as a part of a multipart form.
    fn file_part(&self, path: &Path) -> Result<Part, Error>;
}

/// What is to be said about the answer to a chain's request of that number.
pub trait Check:
    Fn(usize, usize, Result<Response, Error>) -> Result<(), String> + Clone + Send + Sync + 'static
{
}

impl<C> Check for C where
    C: Fn(usize, usize, Result<Response, Error>) -> Result<(), String>
        + Clone
        + Send
        + Sync
        + 'static
{
}

/// A response whose body is still to come.
pub trait Download: Deref<Target = Head> + Sized + Send + 'static {
    /// What it is once it has left HTTP.
    type Upgraded: Duplex;

    /// Its connection, once that has left HTTP.
    fn upgrade(self) -> Result<Self::Upgraded, Error>;

    /// The next piece.
    fn chunk(&mut self) -> Result<Option<Bytes>, Error>;

    /// The next piece as it came.
    fn raw_chunk(&mut self) -> Result<Option<Bytes>, Error>;

    /// How much of the body was received, as it came.
    fn bytes_downloaded(&self) -> u64;

    /// Closes it.
    fn close(&mut self);

    /// Whether it is closed.
    fn is_closed(&self) -> bool;

    /// Whether it was begun to be read.
    fn is_consumed(&self) -> bool;

    /// How long it took, once it is closed.
    fn elapsed(&self) -> Option<Duration>;

    /// Itself, read as text in this charset.
    fn with_encoding(self, label: &str) -> Result<Self, Error>;

    /// The rest in pieces of one size.
    fn chunks(self, size: NonZeroUsize) -> Pulled<Bytes>;

    /// The rest as it came, in pieces of one size.
    fn raw_chunks(self, size: NonZeroUsize) -> Pulled<Bytes>;

    /// The rest as text, as it comes.
    fn text(self) -> Pulled<String>;

    /// The rest as text, in pieces of one number of characters.
    fn text_chunks(self, size: NonZeroUsize) -> Pulled<String>;

    /// The rest line by line.
    fn lines(self) -> Pulled<String>;

    /// The rest as Server-Sent Events.
    fn events(self) -> Pulled<ServerSentEvent>;

    /// The rest as a JSON text on each line.
    fn json_lines<T: DeserializeOwned + Send + 'static>(self) -> Pulled<T>;

    /// All that is left, as a response.
    fn read(self) -> Result<Response, Error>;

    /// All that is left, through the standard trait for it: `Read`, or `Stream`.
    fn through_trait(&mut self) -> Result<Vec<u8>, String>;

    /// What one read into a buffer of this size gives, through `Read` or `AsyncRead`.
    fn read_part(&mut self, size: usize) -> io::Result<Vec<u8>>;

    /// Itself if its status is a success.
    fn error_for_status(self) -> Result<Self, Error>;
}

/// What a body is cut into, one by one.
pub type Pulled<T> = Box<dyn Iterator<Item = Result<T, Error>>>;

/// The client over `std::net`.
pub struct Blocking;

impl Adapter for Blocking {
    type Driver = nuncio::blocking::Blocking;
    type Download = nuncio::blocking::Streaming;

    fn start() -> Self {
        Blocking
    }

    fn builder(&self) -> ClientBuilder<Self::Driver> {
        nuncio::blocking::Client::builder()
    }

    fn send(&self, request: RequestBuilder<Self::Driver>) -> Result<Response, Error> {
        request.send()
    }

    fn send_as_is(
        &self,
        client: &Client<Self::Driver>,
        request: Request,
    ) -> Result<Response, Error> {
        client.send(request)
    }

    fn stream(&self, request: RequestBuilder<Self::Driver>) -> Result<Self::Download, Error> {
        request.stream()
    }

    fn together(
        &self,
        requests: Vec<RequestBuilder<Self::Driver>>,
    ) -> Vec<Result<Response, Error>> {
        thread::scope(|scope| {
            let threads: Vec<_> = requests
                .into_iter()
                .map(|request| scope.spawn(|| request.send()))
                .collect();
            let joined = threads.into_iter().map(|it| it.join().expect("no panic"));
            joined.collect()
        })
    }

    fn side_by_side<I, C>(&self, chains: Vec<I>, check: C) -> Vec<Result<usize, String>>
    where
        I: Iterator<Item = RequestBuilder<Self::Driver>> + Send + 'static,
        C: Check,
    {
        let run = |(chain, requests): (usize, I)| {
            let mut sent = 0;
            for request in requests {
                check(chain, sent, request.send())?;
                sent += 1;
            }
            Ok(sent)
        };
        thread::scope(|scope| {
            let chains = chains.into_iter().enumerate();
            let threads: Vec<_> = chains.map(|it| scope.spawn(|| run(it))).collect();
            let joined = threads.into_iter().map(|it| it.join().expect("no panic"));
            joined.collect()
        })
    }

    fn body<I>(&self, pieces: I, length: Option<u64>) -> Body
    where
        I: Iterator<Item = io::Result<Bytes>> + Send + 'static,
    {
        let rest = Bytes::new();
        Body::reader(PieceReader { pieces, rest }, length)
    }

    fn body_of_the_other_kind(&self) -> Body {
        nuncio::from_stream(NoPieces, None)
    }

    fn file(&self, path: &Path) -> Result<Body, Error> {
        nuncio::blocking::file(path)
    }

    fn file_part(&self, path: &Path) -> Result<Part, Error> {
        nuncio::blocking::file_part(path)
    }
}

impl Download for nuncio::blocking::Streaming {
    type Upgraded = nuncio::blocking::Upgraded;

    fn upgrade(self) -> Result<Self::Upgraded, Error> {
        Self::upgrade(self)
    }

    fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        Self::chunk(self)
    }

    fn raw_chunk(&mut self) -> Result<Option<Bytes>, Error> {
        Self::raw_chunk(self)
    }

    fn bytes_downloaded(&self) -> u64 {
        Self::bytes_downloaded(self)
    }

    fn close(&mut self) {
        Self::close(self);
    }

    fn is_closed(&self) -> bool {
        Self::is_closed(self)
    }

    fn is_consumed(&self) -> bool {
        Self::is_consumed(self)
    }

    fn elapsed(&self) -> Option<Duration> {
        Self::elapsed(self)
    }

    fn with_encoding(self, label: &str) -> Result<Self, Error> {
        Self::with_encoding(self, label)
    }

    fn chunks(self, size: NonZeroUsize) -> Pulled<Bytes> {
        Box::new(self.chunks(size))
    }

    fn raw_chunks(self, size: NonZeroUsize) -> Pulled<Bytes> {
        Box::new(self.raw_chunks(size))
    }

    fn text(self) -> Pulled<String> {
        Box::new(self.text())
    }

    fn text_chunks(self, size: NonZeroUsize) -> Pulled<String> {
        Box::new(self.text_chunks(size))
    }

    fn lines(self) -> Pulled<String> {
        Box::new(self.lines())
    }

    fn events(self) -> Pulled<ServerSentEvent> {
        Box::new(self.events())
    }

    fn json_lines<T: DeserializeOwned + Send + 'static>(self) -> Pulled<T> {
        Box::new(self.json_lines())
    }

    fn read(self) -> Result<Response, Error> {
        self.into_response()
    }

    fn through_trait(&mut self) -> Result<Vec<u8>, String> {
        let mut body = Vec::new();
        let read = Read::read_to_end(self, &mut body);
        read.map(|_| body).map_err(|error| error.to_string())
    }

    fn read_part(&mut self, size: usize) -> io::Result<Vec<u8>> {
        let mut buf = vec![0; size];
        let read = Read::read(self, &mut buf)?;
        buf.truncate(read);
        Ok(buf)
    }

    fn error_for_status(self) -> Result<Self, Error> {
        Self::error_for_status(self)
    }
}

struct PieceReader<I> {
    pieces: I,
    rest: Bytes,
}

impl<I: Iterator<Item = io::Result<Bytes>>> Read for PieceReader<I> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            match self.pieces.next() {
                None => return Ok(0),
                Some(piece) => self.rest = piece?,
            }
        }
        let count = buf.len().min(self.rest.len());
        self.rest.copy_to_slice(&mut buf[..count]);
        Ok(count)
    }
}

struct NoPieces;

impl futures_core::Stream for NoPieces {
    type Item = io::Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(None)
    }
}
