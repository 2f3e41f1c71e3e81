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
/// As [`file`].
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
