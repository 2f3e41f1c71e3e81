//! What has left HTTP, as something that waits.

use super::Executor;
use futures_io::{AsyncRead, AsyncWrite};
use nuncio::{Error, Head, TlsParams, Upgraded};
use std::future::poll_fn;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::Poll;
use std::thread;

/// A connection that has left HTTP.
pub trait Duplex: Read + Write + Send + Sized + 'static {
    /// The response that switched.
    fn head(&self) -> &Head;

    /// Who is at the other end.
    fn peer_address(&self) -> Option<SocketAddr>;

    /// Ends the sending.
    fn end(&mut self) -> io::Result<()>;

    /// TLS inside, with what the client trusts.
    fn start_tls(&mut self, server_name: &str) -> Result<(), Error>;

    /// TLS inside, with another configuration.
    fn start_tls_with(&mut self, params: TlsParams) -> Result<(), Error>;

    /// Sends all of `bytes` and reads so many, both at once.
    fn both(self, bytes: Vec<u8>, count: usize) -> (Self, Vec<u8>);
}

impl Duplex for nuncio::blocking::Upgraded {
    fn head(&self) -> &Head {
        self.head()
    }

    fn peer_address(&self) -> Option<SocketAddr> {
        self.peer_address()
    }

    fn end(&mut self) -> io::Result<()> {
        self.shutdown()
    }

    fn start_tls(&mut self, server_name: &str) -> Result<(), Error> {
        self.start_tls(server_name)
    }

    fn start_tls_with(&mut self, params: TlsParams) -> Result<(), Error> {
        self.start_tls_with(params)
    }

    fn both(self, bytes: Vec<u8>, count: usize) -> (Self, Vec<u8>) {
        let mut read = vec![0; count];
        thread::scope(|scope| {
            scope.spawn(|| (&self).write_all(&bytes).expect("it is taken"));
            (&self).read_exact(&mut read).expect("so many bytes");
        });
        (self, read)
    }
}

/// An upgraded connection and what it has to be polled on.
pub struct TaskDuplex<E> {
    /// The connection.
    pub upgraded: Upgraded,
    executor: E,
}

impl<E> TaskDuplex<E> {
    pub(super) fn new(upgraded: Upgraded, executor: E) -> Self {
        TaskDuplex { upgraded, executor }
    }
}

impl<E: Executor> Read for TaskDuplex<E> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let upgraded = &mut self.upgraded;
        let read = poll_fn(|cx| Pin::new(&mut *upgraded).poll_read(cx, buf));
        self.executor.block_on(read)
    }
}

impl<E: Executor> Write for TaskDuplex<E> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let upgraded = &mut self.upgraded;
        let write = poll_fn(|cx| Pin::new(&mut *upgraded).poll_write(cx, bytes));
        self.executor.block_on(write)
    }

    fn flush(&mut self) -> io::Result<()> {
        let upgraded = &mut self.upgraded;
        let flush = poll_fn(|cx| Pin::new(&mut *upgraded).poll_flush(cx));
        self.executor.block_on(flush)
    }
}

impl<E: Executor> Duplex for TaskDuplex<E> {
    fn head(&self) -> &Head {
        self.upgraded.head()
    }

    fn peer_address(&self) -> Option<SocketAddr> {
        self.upgraded.peer_address()
    }

    fn end(&mut self) -> io::Result<()> {
        let upgraded = &mut self.upgraded;
        let close = poll_fn(|cx| Pin::new(&mut *upgraded).poll_close(cx));
        self.executor.block_on(close)
    }

    fn start_tls(&mut self, server_name: &str) -> Result<(), Error> {
        let upgraded = &mut self.upgraded;
        self.executor.block_on(upgraded.start_tls(server_name))
    }

    fn start_tls_with(&mut self, params: TlsParams) -> Result<(), Error> {
        let upgraded = &mut self.upgraded;
        self.executor.block_on(upgraded.start_tls_with(params))
    }

    fn both(mut self, bytes: Vec<u8>, count: usize) -> (Self, Vec<u8>) {
        let (mut sent, mut read) = (0, 0);
        let mut got = vec![0; count];
        let upgraded = &mut self.upgraded;
        let moved = poll_fn(|cx| {
            while sent < bytes.len() {
                match Pin::new(&mut *upgraded).poll_write(cx, &bytes[sent..]) {
                    Poll::Ready(taken) => sent += taken.expect("it is taken"),
                    Poll::Pending => break,
                }
            }
            while read < count {
                match Pin::new(&mut *upgraded).poll_read(cx, &mut got[read..]) {
                    Poll::Ready(more) => match more.expect("more bytes") {
                        0 => panic!("it ended after {read} bytes"),
                        more => read += more,
                    },
                    Poll::Pending => return Poll::Pending,
                }
            }
            match sent < bytes.len() {
                true => Poll::Pending,
                false => Poll::Ready(()),
            }
        });
        self.executor.block_on(moved);
        (self, got)
    }
}
