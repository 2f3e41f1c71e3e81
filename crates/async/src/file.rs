//! Request bodies from files, which a runtime reads where it may block.

use crate::runtime::Runtime;
use bytes::Bytes;
use nuncio_client::{BlockCache, Body, BodyStream, BoxFuture, Error, Kind, Part};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

/// The file at `path` as a request's body. Its length is announced and it can be sent again, unless
/// it is something else than a regular file: a pipe, a device.
///
/// A runtime's crate has this without its first argument.
///
/// # Errors
/// [`Kind::RequestBody`] when the file cannot be opened, or is a directory; it names the path.
/// [`Kind::Usage`] outside of the runtime.
pub async fn file(runtime: Arc<dyn Runtime>, path: impl AsRef<Path>) -> Result<Body, Error> {
    let path = path.as_ref().to_owned();
    runtime
        .check()
        .map_err(|text| Error::new(Kind::Usage, text))?;
    let opening = Work::begin(&*runtime, move || open(path));
    let opened = opening.await.and_then(|opened| opened);
    let (file, length) = opened.map_err(|error| Error::io(Kind::RequestBody, error))?;
    let stream = FileStream {
        runtime,
        blocks: BlockCache::default(),
        seekable: length.is_some(),
        rewind: false,
        state: State::Idle(Some(file)),
    };
    Ok(Body::stream(stream, length))
}

/// The file at `path` as a part of a multipart form, with the last component of the path as its
/// file name, and the content type that goes with that.
///
/// # Errors
/// As [`file()`].
pub async fn file_part(runtime: Arc<dyn Runtime>, path: impl AsRef<Path>) -> Result<Part, Error> {
    let path = path.as_ref();
    let part = Part::new(file(runtime, path).await?);
    Ok(match path.file_name() {
        Some(name) => part.file_name(name.to_string_lossy()),
        None => part,
    })
}

/// The file, and its length where it has one.
fn open(path: PathBuf) -> io::Result<(File, Option<u64>)> {
    let opened = File::open(&path).and_then(|file| {
        let about = file.metadata()?;
        if about.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        Ok((file, about.is_file().then_some(about.len())))
    });
    opened.map_err(|error| {
        let text = format!("the file '{}': {error}", path.display());
        io::Error::new(error.kind(), text)
    })
}

struct FileStream {
    runtime: Arc<dyn Runtime>,
    /// Its own, so that a block that was sent is the next to be filled.
    blocks: BlockCache,
    seekable: bool,
    /// The next read begins at the start.
    rewind: bool,
    state: State,
}

enum State {
    /// The file is here. (It is gone only if reading it panicked.)
    Idle(Option<File>),
    Reading(Work<(File, io::Result<Bytes>)>),
}

impl BodyStream for FileStream {
    fn poll_chunk(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Bytes>>> {
        let this = &mut *self;
        loop {
            match &mut this.state {
                State::Idle(file) => {
                    let Some(mut file) = file.take() else {
                        return Poll::Ready(Some(Err(io::ErrorKind::BrokenPipe.into())));
                    };
                    let blocks = this.blocks.clone();
                    let rewind = std::mem::take(&mut this.rewind);
                    this.state = State::Reading(Work::begin(&*this.runtime, move || {
                        let piece = read(&mut file, rewind, &blocks);
                        (file, piece)
                    }));
                }
                State::Reading(work) => {
                    let done = ready!(Pin::new(work).poll(cx));
                    let (file, piece) = match done {
                        Ok((file, piece)) => (Some(file), piece),
                        Err(error) => (None, Err(error)),
                    };
                    this.state = State::Idle(file);
                    if this.rewind {
                        // It was asked for before the restart.
                        continue;
                    }
                    return Poll::Ready(match piece {
                        Ok(piece) if piece.is_empty() => None,
                        piece => Some(piece),
                    });
                }
            }
        }
    }

    fn restart(mut self: Pin<&mut Self>) -> bool {
        self.rewind = self.seekable;
        self.seekable
    }
}

fn read(file: &mut File, rewind: bool, blocks: &BlockCache) -> io::Result<Bytes> {
    if rewind {
        file.seek(SeekFrom::Start(0))?;
    }
    loop {
        match blocks.fill(|buf| file.read(buf)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            piece => return piece,
        }
    }
}

/// What blocking work gives, once it is done.
struct Work<T> {
    done: BoxFuture<'static, io::Result<()>>,
    result: Arc<Mutex<Option<T>>>,
}

impl<T: Send + 'static> Work<T> {
    fn begin(runtime: &dyn Runtime, work: impl FnOnce() -> T + Send + 'static) -> Self {
        let result = Arc::new(Mutex::new(None));
        let place = Arc::clone(&result);
        let done = runtime.run_blocking(Box::new(move || {
            let value = work();
            *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
        }));
        Work { done, result }
    }
}

impl<T> Future for Work<T> {
    type Output = io::Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        ready!(self.done.as_mut().poll(cx))?;
        let mut result = self.result.lock().unwrap_or_else(PoisonError::into_inner);
        let gone = || io::Error::other("the runtime gave blocking work up");
        Poll::Ready(result.take().ok_or_else(gone))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::{Socket, Timer};
    use nuncio_client::{Address, SocketOptions};
    use std::net::SocketAddr;
    use std::task::Waker;
    use std::time::Instant;

    type Job = Box<dyn FnOnce() + Send>;

    /// Does blocking work when the test says so, and nothing else.
    #[derive(Default)]
    struct ByHand {
        jobs: Arc<Mutex<Vec<Job>>>,
    }

    impl ByHand {
        fn work(&self) {
            let jobs = std::mem::take(&mut *self.jobs.lock().unwrap());
            jobs.into_iter().for_each(|job| job());
        }
    }

    impl Runtime for ByHand {
        fn check(&self) -> Result<u64, &'static str> {
            Ok(0)
        }

        fn now(&self) -> Instant {
            unreachable!("files need no clock")
        }

        fn timer(&self, _at: Instant) -> Pin<Box<dyn Timer>> {
            unreachable!("files need no timer")
        }

        fn connect(
            &self,
            _: &Address,
            _: &SocketOptions,
        ) -> BoxFuture<'static, io::Result<Box<dyn Socket>>> {
            unreachable!("files need no socket")
        }

        fn resolve(&self, _: &str, _: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
            unreachable!("files need no name")
        }

        fn spawn(&self, _: BoxFuture<'static, ()>) -> io::Result<()> {
            unreachable!("files need no task")
        }

        fn run_blocking(&self, job: Job) -> BoxFuture<'static, io::Result<()>> {
            let done = Arc::new(Mutex::new(false));
            let place = Arc::clone(&done);
            let job = move || {
                job();
                *place.lock().unwrap() = true;
            };
            self.jobs.lock().unwrap().push(Box::new(job));
            Box::pin(std::future::poll_fn(move |_| {
                if *done.lock().unwrap() {
                    Poll::Ready(Ok(()))
                } else {
                    Poll::Pending
                }
            }))
        }
    }

    #[test]
    fn a_file_begins_anew_even_while_it_is_read() {
        let path = std::env::temp_dir().join(format!("nuncio-file-{}", std::process::id()));
        // Two blocks and a bit.
        let content: Vec<u8> = (0..300_000_u32).map(|it| it as u8).collect();
        std::fs::write(&path, &content).unwrap();
        let runtime = Arc::new(ByHand::default());
        let mut cx = Context::from_waker(Waker::noop());
        let mut stream = FileStream {
            runtime: Arc::clone(&runtime) as Arc<dyn Runtime>,
            blocks: BlockCache::default(),
            seekable: true,
            rewind: false,
            state: State::Idle(Some(File::open(&path).unwrap())),
        };
        std::fs::remove_file(&path).unwrap();
        let mut stream = Pin::new(&mut stream);
        for before in 0..4 {
            for _ in 0..before {
                assert!(stream.as_mut().poll_chunk(&mut cx).is_pending());
                runtime.work();
                assert!(stream.as_mut().poll_chunk(&mut cx).is_ready());
            }
            // A read is under way that nobody will take.
            assert!(stream.as_mut().poll_chunk(&mut cx).is_pending());
            assert!(stream.as_mut().restart());
            let mut whole = Vec::new();
            loop {
                match stream.as_mut().poll_chunk(&mut cx) {
                    Poll::Pending => runtime.work(),
                    Poll::Ready(Some(piece)) => whole.extend_from_slice(&piece.unwrap()),
                    Poll::Ready(None) => break,
                }
            }
            assert!(
                whole == content,
                "after {before} pieces: {} bytes",
                whole.len()
            );
            assert!(stream.as_mut().restart());
        }
    }
}
