//! What runs futures, as an adapter.

use super::{Adapter, Check, Download, Pulled, TaskDuplex};
use bytes::Bytes;
use futures_io::AsyncRead;
use nuncio::ServerSentEvent;
use nuncio::cut::Cut;
use nuncio::{Async, Body, BoxFuture, Client, ClientBuilder, Error, Head, Part};
use nuncio::{Request, RequestBuilder, Response, Runtime, Streaming};
use serde::de::DeserializeOwned;
use std::future::{Future, poll_fn};
use std::io;
use std::iter::Fuse;
use std::num::NonZeroUsize;
use std::ops::Deref;
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// Something that runs futures, and the [`Runtime`] of the clients that work there. All else that an
/// [`Adapter`] has comes with these.
pub trait Executor: Clone + Send + Sync + 'static {
    /// Ready to run.
    fn begin() -> Self;

    /// What clients are built with.
    fn runtime(&self) -> Arc<dyn Runtime>;

    /// Waits for `future`, which is polled in this thread.
    fn block_on<F: Future>(&self, future: F) -> F::Output;

    /// Waits for `future`, which is polled wherever tasks are.
    fn run<F>(&self, future: F) -> F::Output
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.block_on(future)
    }
}

impl<E: Executor> Adapter for E {
    type Driver = Async;
    type Download = TaskDownload<E>;

    fn start() -> Self {
        E::begin()
    }

    fn builder(&self) -> ClientBuilder {
        ClientBuilder::new(self.runtime())
    }

    fn send(&self, request: RequestBuilder) -> Result<Response, Error> {
        self.run(request.send())
    }

    fn send_as_is(&self, client: &Client, request: Request) -> Result<Response, Error> {
        self.run(client.send(request))
    }

    fn stream(&self, request: RequestBuilder) -> Result<Self::Download, Error> {
        let download = self.run(request.stream())?;
        let executor = self.clone();
        Ok(TaskDownload { download, executor })
    }

    fn together(&self, requests: Vec<RequestBuilder>) -> Vec<Result<Response, Error>> {
        gather(self, requests.into_iter().map(RequestBuilder::send))
    }

    fn side_by_side<I, C>(&self, chains: Vec<I>, check: C) -> Vec<Result<usize, String>>
    where
        I: Iterator<Item = RequestBuilder> + Send + 'static,
        C: Check,
    {
        let run = |(chain, requests): (usize, I)| {
            let check = check.clone();
            async move {
                let mut sent = 0;
                for request in requests {
                    check(chain, sent, request.send().await)?;
                    sent += 1;
                }
                Ok(sent)
            }
        };
        gather(self, chains.into_iter().enumerate().map(run))
    }

    fn body<I>(&self, pieces: I, length: Option<u64>) -> Body
    where
        I: Iterator<Item = io::Result<Bytes>> + Send + 'static,
    {
        let pieces = PieceStream {
            source: Arc::new(Mutex::new((pieces.fuse(), None))),
            work: None,
            runtime: self.runtime(),
        };
        nuncio::from_stream(pieces, length)
    }

    fn body_of_the_other_kind(&self) -> Body {
        Body::reader(io::empty(), None)
    }

    fn file(&self, path: &Path) -> Result<Body, Error> {
        self.block_on(nuncio_async::file(self.runtime(), path))
    }

    fn file_part(&self, path: &Path) -> Result<Part, Error> {
        self.block_on(nuncio_async::file_part(self.runtime(), path))
    }
}

/// Runs each future in a task of its own and waits for all.
fn gather<E, F>(executor: &E, futures: impl Iterator<Item = F>) -> Vec<F::Output>
where
    E: Executor,
    F: Future<Output: Send> + Send + 'static,
{
    let runtime = executor.runtime();
    let all = Arc::new(Mutex::new(Vec::new()));
    let place = all.clone();
    let (sender, receiver) = mpsc::channel();
    let count = executor.block_on(async move {
        let mut count = 0;
        for (number, future) in futures.enumerate() {
            let sender = sender.clone();
            let task = async move { sender.send((number, future.await)).expect("a receiver") };
            runtime.spawn(Box::pin(task)).expect("a task");
            count += 1;
        }
        drop(sender);
        let collect = move || *place.lock().unwrap() = receiver.into_iter().collect();
        let collected = runtime.run_blocking(Box::new(collect)).await;
        collected.expect("no panic");
        count
    });
    let mut all = std::mem::take(&mut *all.lock().unwrap());
    assert_eq!(all.len(), count, "a task panicked");
    all.sort_by_key(|(number, _)| *number);
    all.into_iter().map(|(_, result)| result).collect()
}

/// A download and what it has to be polled on.
pub struct TaskDownload<E> {
    download: Streaming,
    executor: E,
}

impl<E> Deref for TaskDownload<E> {
    type Target = Head;

    fn deref(&self) -> &Head {
        &self.download
    }
}

impl<E: Executor> Download for TaskDownload<E> {
    type Upgraded = TaskDuplex<E>;

    fn upgrade(self) -> Result<Self::Upgraded, Error> {
        let Self { download, executor } = self;
        Ok(TaskDuplex::new(download.upgrade()?, executor))
    }

    fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        self.executor.block_on(self.download.chunk())
    }

    fn raw_chunk(&mut self) -> Result<Option<Bytes>, Error> {
        self.executor.block_on(self.download.raw_chunk())
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
        let Self { download, executor } = self;
        let download = download.with_encoding(label)?;
        Ok(Self { download, executor })
    }

    fn chunks(self, size: NonZeroUsize) -> Pulled<Bytes> {
        TaskItems::boxed(self.download.chunks(size), self.executor)
    }

    fn raw_chunks(self, size: NonZeroUsize) -> Pulled<Bytes> {
        TaskItems::boxed(self.download.raw_chunks(size), self.executor)
    }

    fn text(self) -> Pulled<String> {
        TaskItems::boxed(self.download.text(), self.executor)
    }

    fn text_chunks(self, size: NonZeroUsize) -> Pulled<String> {
        TaskItems::boxed(self.download.text_chunks(size), self.executor)
    }

    fn lines(self) -> Pulled<String> {
        TaskItems::boxed(self.download.lines(), self.executor)
    }

    fn events(self) -> Pulled<ServerSentEvent> {
        TaskItems::boxed(self.download.events(), self.executor)
    }

    fn json_lines<T: DeserializeOwned + Send + 'static>(self) -> Pulled<T> {
        TaskItems::boxed(self.download.json_lines(), self.executor)
    }

    fn read(self) -> Result<Response, Error> {
        self.executor.block_on(self.download.into_response())
    }

    fn through_trait(&mut self) -> Result<Vec<u8>, String> {
        use futures_core::Stream;
        let mut body = Vec::new();
        let mut download = pin!(&mut self.download);
        self.executor.block_on(async {
            while let Some(chunk) = poll_fn(|cx| download.as_mut().poll_next(cx)).await {
                body.extend_from_slice(&chunk.map_err(|error| error.to_string())?);
            }
            Ok(body)
        })
    }

    fn error_for_status(self) -> Result<Self, Error> {
        let Self { download, executor } = self;
        let download = executor.block_on(download.error_for_status())?;
        Ok(Self { download, executor })
    }

    fn read_part(&mut self, size: usize) -> io::Result<Vec<u8>> {
        let mut buf = vec![0; size];
        let download = &mut self.download;
        let read = poll_fn(|cx| AsyncRead::poll_read(Pin::new(&mut *download), cx, &mut buf));
        let read = self.executor.block_on(read)?;
        buf.truncate(read);
        Ok(buf)
    }
}

/// What a body is cut into, and what it has to be polled on.
struct TaskItems<C, E> {
    items: nuncio::Items<C>,
    executor: E,
}

impl<C: Cut + 'static, E: Executor> TaskItems<C, E> {
    fn boxed(items: nuncio::Items<C>, executor: E) -> Pulled<C::Item> {
        Box::new(TaskItems { items, executor })
    }
}

impl<C: Cut, E: Executor> Iterator for TaskItems<C, E> {
    type Item = Result<C::Item, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.executor.block_on(self.items.next())
    }
}

/// The pieces to come, and the one that was got last.
type Pieces<I> = (Fuse<I>, Option<<I as Iterator>::Item>);

/// A stream of pieces, each got in a thread where it may block: to the client it is a slow source.
struct PieceStream<I: Iterator> {
    source: Arc<Mutex<Pieces<I>>>,
    work: Option<BoxFuture<'static, io::Result<()>>>,
    runtime: Arc<dyn Runtime>,
}

impl<I> futures_core::Stream for PieceStream<I>
where
    I: Iterator<Item = io::Result<Bytes>> + Send + 'static,
{
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let work = this.work.get_or_insert_with(|| {
            let source = this.source.clone();
            this.runtime.run_blocking(Box::new(move || {
                let (pieces, last) = &mut *source.lock().unwrap();
                *last = pieces.next();
            }))
        });
        ready!(work.as_mut().poll(cx)).expect("no panic");
        this.work = None;
        Poll::Ready(this.source.lock().unwrap().1.take())
    }
}
