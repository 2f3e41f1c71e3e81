//! Every adapter behind one face that waits, so that a scenario is written once and run on all.
//!
//! A scenario is a function over any [`Adapter`]. It builds requests with the client's own builder and
//! hands them to [`Adapter::send`] or [`Adapter::stream`]; [`behaviour!`](crate::behaviour) makes one
//! test of it per adapter.

use bytes::{Buf, Bytes};
use futures_io::AsyncRead;
use nuncio::cut::Cut;
use nuncio::{Body, Error, Head, Part, Request, Response, ServerSentEvent};
use nuncio_client::{Client, ClientBuilder, Driver, RequestBuilder};
use serde::de::DeserializeOwned;
use std::future::{Future, poll_fn};
use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::ops::Deref;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::thread;
use std::time::Duration;
use tokio::runtime::{Handle, Runtime};
use tokio::task::JoinHandle;

/// One test for every adapter, each named after it, of a scenario in the same module.
#[macro_export]
macro_rules! behaviour {
    ($($(#[$attribute:meta])* $scenario:ident),+ $(,)?) => {$(
        mod $scenario {
            use $crate::adapters::{Adapter, Blocking, CurrentThread, MultiThread};

            $(#[$attribute])*
            #[test]
            fn blocking() {
                super::$scenario(&Blocking::start());
            }

            $(#[$attribute])*
            #[test]
            fn tokio_multi_thread() {
                super::$scenario(&MultiThread::start());
            }

            $(#[$attribute])*
            #[test]
            fn tokio_current_thread() {
                super::$scenario(&CurrentThread::start());
            }
        }
    )+};
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

/// A response whose body is still to come.
pub trait Download: Deref<Target = Head> + Sized + Send + 'static {
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

/// The async client on a tokio runtime with two worker threads; requests run on those.
pub type MultiThread = Tokio<true>;

/// The async client on a tokio runtime that has only the thread that asks.
pub type CurrentThread = Tokio<false>;

/// The async client on a tokio runtime of its own.
pub struct Tokio<const WORKERS: bool> {
    /// What its clients run on.
    pub runtime: Arc<Runtime>,
}

impl<const WORKERS: bool> Tokio<WORKERS> {
    fn wait<F>(&self, future: F) -> F::Output
    where
        F: Future<Output: Send> + Send + 'static,
    {
        if !WORKERS {
            return self.runtime.block_on(future);
        }
        let task = self.runtime.spawn(future);
        self.runtime.block_on(task).expect("no panic")
    }
}

impl<const WORKERS: bool> Adapter for Tokio<WORKERS> {
    type Driver = nuncio::Async;
    type Download = TokioDownload;

    fn start() -> Self {
        let mut builder = if WORKERS {
            tokio::runtime::Builder::new_multi_thread()
        } else {
            tokio::runtime::Builder::new_current_thread()
        };
        let runtime = builder.worker_threads(2).enable_all().build();
        let runtime = Arc::new(runtime.expect("a runtime"));
        Tokio { runtime }
    }

    fn builder(&self) -> ClientBuilder<Self::Driver> {
        nuncio::tokio::builder()
    }

    fn send(&self, request: RequestBuilder<Self::Driver>) -> Result<Response, Error> {
        self.wait(request.send())
    }

    fn send_as_is(
        &self,
        client: &Client<Self::Driver>,
        request: Request,
    ) -> Result<Response, Error> {
        self.wait(client.send(request))
    }

    fn stream(&self, request: RequestBuilder<Self::Driver>) -> Result<Self::Download, Error> {
        let download = self.wait(request.stream())?;
        let runtime = self.runtime.clone();
        Ok(TokioDownload { download, runtime })
    }

    fn together(
        &self,
        requests: Vec<RequestBuilder<Self::Driver>>,
    ) -> Vec<Result<Response, Error>> {
        let spawn = |request: RequestBuilder<_>| self.runtime.spawn(request.send());
        let tasks: Vec<_> = requests.into_iter().map(spawn).collect();
        let joined = tasks.into_iter().map(|task| self.runtime.block_on(task));
        joined.map(|result| result.expect("no panic")).collect()
    }

    fn body<I>(&self, pieces: I, length: Option<u64>) -> Body
    where
        I: Iterator<Item = io::Result<Bytes>> + Send + 'static,
    {
        let pieces = PieceStream {
            pieces: Some(Box::new(pieces)),
            next: None,
            runtime: self.runtime.handle().clone(),
        };
        nuncio::from_stream(pieces, length)
    }

    fn body_of_the_other_kind(&self) -> Body {
        Body::reader(io::empty(), None)
    }

    fn file(&self, path: &Path) -> Result<Body, Error> {
        self.runtime.block_on(nuncio::tokio::file(path))
    }

    fn file_part(&self, path: &Path) -> Result<Part, Error> {
        self.runtime.block_on(nuncio::tokio::file_part(path))
    }
}

/// A download and the runtime that it needs.
pub struct TokioDownload {
    download: nuncio::Streaming,
    runtime: Arc<Runtime>,
}

impl Deref for TokioDownload {
    type Target = Head;

    fn deref(&self) -> &Head {
        &self.download
    }
}

impl Download for TokioDownload {
    fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        self.runtime.block_on(self.download.chunk())
    }

    fn raw_chunk(&mut self) -> Result<Option<Bytes>, Error> {
        self.runtime.block_on(self.download.raw_chunk())
    }

    fn bytes_downloaded(&self) -> u64 {
        self.download.bytes_downloaded()
    }

    fn close(&mut self) {
        self.download.close();
    }

    fn is_closed(&self) -> bool {
        self.download.is_closed()
    }

    fn is_consumed(&self) -> bool {
        self.download.is_consumed()
    }

    fn elapsed(&self) -> Option<Duration> {
        self.download.elapsed()
    }

    fn with_encoding(self, label: &str) -> Result<Self, Error> {
        let Self { download, runtime } = self;
        let download = download.with_encoding(label)?;
        Ok(Self { download, runtime })
    }

    fn chunks(self, size: NonZeroUsize) -> Pulled<Bytes> {
        TokioItems::boxed(self.download.chunks(size), self.runtime)
    }

    fn raw_chunks(self, size: NonZeroUsize) -> Pulled<Bytes> {
        TokioItems::boxed(self.download.raw_chunks(size), self.runtime)
    }

    fn text(self) -> Pulled<String> {
        TokioItems::boxed(self.download.text(), self.runtime)
    }

    fn text_chunks(self, size: NonZeroUsize) -> Pulled<String> {
        TokioItems::boxed(self.download.text_chunks(size), self.runtime)
    }

    fn lines(self) -> Pulled<String> {
        TokioItems::boxed(self.download.lines(), self.runtime)
    }

    fn events(self) -> Pulled<ServerSentEvent> {
        TokioItems::boxed(self.download.events(), self.runtime)
    }

    fn json_lines<T: DeserializeOwned + Send + 'static>(self) -> Pulled<T> {
        TokioItems::boxed(self.download.json_lines(), self.runtime)
    }

    fn read(self) -> Result<Response, Error> {
        self.runtime.block_on(self.download.into_response())
    }

    fn through_trait(&mut self) -> Result<Vec<u8>, String> {
        use futures_core::Stream;
        let mut body = Vec::new();
        let download = &mut self.download;
        self.runtime.block_on(async {
            while let Some(chunk) = poll_fn(|cx| Pin::new(&mut *download).poll_next(cx)).await {
                body.extend_from_slice(&chunk.map_err(|error| error.to_string())?);
            }
            Ok(body)
        })
    }

    fn error_for_status(self) -> Result<Self, Error> {
        let Self { download, runtime } = self;
        let download = runtime.block_on(download.error_for_status())?;
        Ok(Self { download, runtime })
    }

    fn read_part(&mut self, size: usize) -> io::Result<Vec<u8>> {
        let mut buf = vec![0; size];
        let download = &mut self.download;
        let read = poll_fn(|cx| AsyncRead::poll_read(Pin::new(&mut *download), cx, &mut buf));
        let read = self.runtime.block_on(read)?;
        buf.truncate(read);
        Ok(buf)
    }
}

/// What a body is cut into, and the runtime that it needs.
struct TokioItems<C> {
    items: nuncio::Items<C>,
    runtime: Arc<Runtime>,
}

impl<C: Cut + 'static> TokioItems<C> {
    fn boxed(items: nuncio::Items<C>, runtime: Arc<Runtime>) -> Pulled<C::Item> {
        Box::new(TokioItems { items, runtime })
    }
}

impl<C: Cut> Iterator for TokioItems<C> {
    type Item = Result<C::Item, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.runtime.block_on(self.items.next())
    }
}

/// A stream of pieces, each got in a thread where it may block: to the client it is a slow source.
struct PieceStream<I> {
    pieces: Option<I>,
    next: Option<JoinHandle<(I, Option<io::Result<Bytes>>)>>,
    runtime: Handle,
}

impl<I> futures_core::Stream for PieceStream<I>
where
    I: Iterator<Item = io::Result<Bytes>> + Send + Unpin + 'static,
{
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if let Some(mut pieces) = this.pieces.take() {
            let work = move || {
                let piece = pieces.next();
                (pieces, piece)
            };
            this.next = Some(this.runtime.spawn_blocking(work));
        }
        let Some(task) = &mut this.next else {
            return Poll::Ready(None);
        };
        let (pieces, piece) = ready!(Pin::new(task).poll(cx)).expect("no panic");
        this.next = None;
        this.pieces = piece.is_some().then_some(pieces);
        Poll::Ready(piece)
    }
}
