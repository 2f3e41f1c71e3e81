//! Tasks on one connection, which a task of its own drives.

use std::collections::HashMap;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant};

use nuncio_connection::{Connection, Error, Protocol, Read, StreamId, Transmit};
use nuncio_testkit::checksum::Checksum;
use tokio::net::TcpStream;
use tokio::time::Sleep;

use crate::server;
use crate::work::{self, Work};

type Shared = Arc<Mutex<State>>;

struct State {
    connection: Connection,
    /// Who waits for which stream; `None` for the handshake and for room.
    waiting: HashMap<Option<StreamId>, Vec<Waker>>,
    driver: Waker,
    /// When the driver wakes by itself.
    alarm: Option<Instant>,
}

impl State {
    fn wake(&mut self, on: Option<StreamId>) {
        self.waiting
            .remove(&on)
            .into_iter()
            .flatten()
            .for_each(Waker::wake);
    }

    fn dispatch(&mut self) {
        while let Some((id, _)) = self.connection.poll_ready() {
            self.wake(Some(id));
        }
        if self.connection.poll_changed() {
            self.wake(None);
        }
    }
}

/// Moves bytes and time until it is dropped.
struct Driver {
    shared: Shared,
    socket: TcpStream,
    batch: Transmit,
    timer: Pin<Box<Sleep>>,
}

impl Driver {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.shared.lock().unwrap().driver.clone_from(cx.waker());
        loop {
            let wrote = self.poll_write(cx)?.is_ready();
            let read = self.poll_read(cx)?.is_ready();
            let mut state = self.shared.lock().unwrap();
            let now = Instant::now();
            state.alarm = state.connection.next_timeout();
            if state.alarm.is_some_and(|until| until <= now) {
                state.connection.handle_timeout(now);
                state.dispatch();
                continue;
            }
            state.dispatch();
            if !(wrote || read) {
                let Some(until) = state.alarm else {
                    return Poll::Pending;
                };
                self.timer.as_mut().reset(until.into());
                drop(state);
                ready!(self.timer.as_mut().poll(cx));
            }
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.batch.is_empty() {
            self.shared
                .lock()
                .unwrap()
                .connection
                .take_transmit(&mut self.batch);
        }
        if self.batch.is_empty() {
            return Poll::Pending;
        }
        ready!(self.socket.poll_write_ready(cx))?;
        let mut slices = [IoSlice::new(&[]); Transmit::MAX_SLICES];
        let count = self.batch.slices(&mut slices);
        match self.socket.try_write_vectored(&slices[..count]) {
            Ok(written) => {
                let now = Instant::now();
                let mut state = self.shared.lock().unwrap();
                state.connection.transmitted(&mut self.batch, written, now);
                Poll::Ready(Ok(()))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Ready(Ok(())),
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.shared.lock().unwrap().connection.wants_read() {
            return Poll::Pending;
        }
        ready!(self.socket.poll_read_ready(cx))?;
        let mut buf = self.shared.lock().unwrap().connection.take_recv();
        let read = self.socket.try_read(buf.unfilled());
        let mut state = self.shared.lock().unwrap();
        if let Ok(read) = read {
            buf.advance(read);
        }
        state.connection.handle_input(buf, Instant::now());
        match read {
            Ok(0) => state.connection.handle_eof(),
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => {
                return Poll::Ready(Err(error));
            }
            _ => {}
        }
        Poll::Ready(Ok(()))
    }
}

/// Waits until `attempt` gives something.
async fn wait<T>(
    shared: &Shared,
    on: Option<StreamId>,
    mut attempt: impl FnMut(&mut Connection, Instant) -> Option<T>,
) -> T {
    poll_fn(|cx| {
        let mut state = shared.lock().unwrap();
        let found = attempt(&mut state.connection, Instant::now());
        let due = state.connection.next_timeout();
        let earlier = due.is_some_and(|due| state.alarm.is_none_or(|alarm| due < alarm));
        if earlier || state.connection.wants_write() {
            state.driver.wake_by_ref();
        }
        match found {
            Some(found) => {
                state.wake(None);
                Poll::Ready(found)
            }
            None => {
                state
                    .waiting
                    .entry(on)
                    .or_default()
                    .push(cx.waker().clone());
                Poll::Pending
            }
        }
    })
    .await
}

async fn exchange(shared: &Shared, work: &Work) {
    let id = wait(shared, None, |connection, now| {
        match work.open(connection, now) {
            Err(Error::Full) => None,
            opened => Some(opened.unwrap()),
        }
    })
    .await;
    let head = wait(shared, Some(id), |connection, now| {
        connection.read_head(id, now).unwrap()
    })
    .await;
    let mut sum = Checksum::new();
    loop {
        let read = wait(shared, Some(id), |connection, now| {
            match connection.read_body(id, now).unwrap() {
                Read::Blocked => None,
                read => Some(read),
            }
        });
        match read.await {
            Read::Chunk(chunk) => sum.update(&chunk),
            Read::End => break,
            other => panic!("{other:?}"),
        }
    }
    work.check(&head, sum);
}

async fn run(tasks: u64) {
    let origin = server::start();
    let socket = TcpStream::connect(origin.addr).await.unwrap();
    socket.set_nodelay(true).unwrap();
    let shared = Arc::new(Mutex::new(State {
        connection: origin.connection(),
        waiting: HashMap::new(),
        driver: Waker::noop().clone(),
        alarm: None,
    }));
    let mut driver = Driver {
        shared: shared.clone(),
        socket,
        batch: Transmit::default(),
        timer: Box::pin(tokio::time::sleep(Duration::ZERO)),
    };
    let driver = tokio::spawn(poll_fn(move |cx| driver.poll(cx)));
    let protocol = wait(&shared, None, |connection, _| connection.protocol());
    assert_eq!(protocol.await, Protocol::Http2);
    let workers: Vec<_> = (1..=tasks)
        .map(|worker| {
            let shared = shared.clone();
            tokio::spawn(async move {
                for work in work::of(worker) {
                    exchange(&shared, &work).await;
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
    driver.abort();
}

#[test]
fn two_tasks_share_a_connection_in_one_thread() {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build().unwrap().block_on(run(2));
}

#[test]
fn two_tasks_share_a_connection_in_several_threads() {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime
        .worker_threads(3)
        .enable_all()
        .build()
        .unwrap()
        .block_on(run(2));
}
