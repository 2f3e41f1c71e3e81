//! What every loopback server here shares: a listener thread, one thread per connection, counters,
//! and an end that waits for all of them.

use std::collections::HashMap;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustls::ServerConfig;

use crate::latch::Latch;
use crate::stream::{Socket, Stream};

/// A running listener. Dropping it closes every connection and joins every thread.
pub(crate) struct Host {
    addr: SocketAddr,
    shared: Arc<Shared>,
    listener: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    /// Open when the host goes away; whoever sleeps in a connection's thread sleeps on this.
    stop: Latch,
    accepted: AtomicU64,
    open: Mutex<HashMap<u64, Socket>>,
}

/// One accepted connection, in its own thread. Dropping it closes the socket.
pub(crate) struct Accepted {
    /// Its number, from 0, in the order of arrival.
    pub(crate) id: u64,
    pub(crate) stream: Stream,
    /// Opens when the host goes away.
    pub(crate) stop: Latch,
    _registered: Registered,
}

impl Host {
    /// Listens on `addr` and runs `serve` in a new thread for each connection.
    pub(crate) fn start(
        addr: SocketAddr,
        tls: Option<Arc<ServerConfig>>,
        serve: impl Fn(Accepted) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(addr)?;
        let addr = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let thread = thread::Builder::new()
            .name(format!("testkit {addr}"))
            .spawn({
                let shared = shared.clone();
                move || accept(&listener, &shared, tls.as_ref(), &Arc::new(serve))
            })?;
        Ok(Self {
            addr,
            shared,
            listener: Some(thread),
        })
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// How many connections were accepted.
    pub(crate) fn accepted(&self) -> u64 {
        self.shared.accepted.load(Ordering::SeqCst)
    }

    /// How many connections are open now.
    pub(crate) fn open(&self) -> usize {
        self.shared.open().len()
    }

    /// Cuts every open connection; the listener goes on.
    pub(crate) fn close_connections(&self) {
        for socket in self.shared.open().values() {
            socket.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.shared.stop.open();
        // accept() has no time limit: a connection of our own wakes it. Where even that fails (no
        // descriptor left, say) the thread is left behind rather than waited for.
        if TcpStream::connect_timeout(&self.addr, Duration::from_secs(1)).is_ok()
            && let Some(thread) = self.listener.take()
        {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn open(&self) -> MutexGuard<'_, HashMap<u64, Socket>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn accept<S>(
    listener: &TcpListener,
    shared: &Arc<Shared>,
    tls: Option<&Arc<ServerConfig>>,
    serve: &Arc<S>,
) where
    S: Fn(Accepted) + Send + Sync + 'static,
{
    let mut workers: Vec<JoinHandle<()>> = Vec::new();
    loop {
        let accepted = listener.accept();
        if shared.stop.is_open() {
            break;
        }
        let Ok((stream, _)) = accepted else {
            // Most likely the process is out of descriptors: wait for some to come back.
            shared.stop.wait(Duration::from_millis(5));
            continue;
        };
        workers.retain(|worker| !worker.is_finished());
        workers.extend(start_worker(stream, shared, tls, serve));
    }
    for socket in shared.open().values() {
        socket.shutdown(Shutdown::Both);
    }
    for worker in workers {
        let _ = worker.join();
    }
}

fn start_worker<S>(
    stream: TcpStream,
    shared: &Arc<Shared>,
    tls: Option<&Arc<ServerConfig>>,
    serve: &Arc<S>,
) -> io::Result<JoinHandle<()>>
where
    S: Fn(Accepted) + Send + Sync + 'static,
{
    stream.set_nodelay(true)?;
    let socket = Socket::new(stream);
    let stream = Stream::new(socket.clone(), tls)?;
    let id = shared.accepted.fetch_add(1, Ordering::SeqCst);
    shared.open().insert(id, socket);
    let registered = Registered {
        id,
        shared: shared.clone(),
    };
    let accepted = Accepted {
        id,
        stream,
        stop: shared.stop.clone(),
        _registered: registered,
    };
    let serve = serve.clone();
    thread::Builder::new()
        .name(format!("testkit connection {id}"))
        .spawn(move || serve(accepted))
}

/// A connection's place among the open ones, given up however its thread ends.
struct Registered {
    id: u64,
    shared: Arc<Shared>,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.shared.open().remove(&self.id);
    }
}
