//! The server of the `h2` crate, polled by hand: it echoes bodies and trailers.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use h2::server::{Connection, Handshake, SendResponse};
use nuncio_http2::Http2;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

#[derive(Clone, Default)]
struct Io(Arc<Mutex<(Vec<u8>, Vec<u8>)>>);

impl AsyncRead for Io {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let input = &mut self.0.lock().unwrap().0;
        if input.is_empty() {
            return Poll::Pending;
        }
        let length = input.len().min(buf.remaining());
        buf.put_slice(&input[..length]);
        input.drain(..length);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Io {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.lock().unwrap().1.extend_from_slice(buf);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

enum Stage {
    Handshake(Box<Handshake<Io>>),
    Open(Box<Connection<Io, Bytes>>),
    Over,
}

type Task = Pin<Box<dyn Future<Output = Result<(), h2::Error>>>>;

pub(crate) struct Server {
    io: Io,
    stage: Stage,
    tasks: Vec<Task>,
    batch: Vec<u8>,
}

impl Server {
    pub(crate) fn new(builder: &h2::server::Builder) -> Self {
        let io = Io::default();
        let stage = Stage::Handshake(Box::new(builder.handshake(io.clone())));
        Self {
            io,
            stage,
            tasks: Vec::new(),
            batch: Vec::new(),
        }
    }

    /// Moves bytes both ways and lets the server work, once. Whether anything moved.
    pub(crate) fn step(&mut self, client: &mut Http2) -> bool {
        let moved = self.take(client);
        self.poll();
        self.batch.append(&mut self.io.0.lock().unwrap().1);
        let taken = client.handle_input(&self.batch);
        self.batch.drain(..taken);
        moved | (taken > 0)
    }

    /// Moves what the client has to send into the server's reach.
    pub(crate) fn take(&mut self, client: &mut Http2) -> bool {
        let mut out = Vec::new();
        while client.take_output(&mut out) > 0 {}
        let moved = !out.is_empty();
        self.io.0.lock().unwrap().0.extend(out);
        moved
    }

    fn poll(&mut self) {
        let mut context = Context::from_waker(Waker::noop());
        if let Stage::Handshake(handshake) = &mut self.stage {
            match Pin::new(handshake.as_mut()).poll(&mut context) {
                Poll::Pending => return,
                Poll::Ready(Ok(connection)) => self.stage = Stage::Open(Box::new(connection)),
                Poll::Ready(Err(error)) => panic!("server: {error}"),
            }
        }
        // Twice: what the tasks queue is sent by the connection.
        for _ in 0..2 {
            while let Stage::Open(connection) = &mut self.stage {
                match connection.poll_accept(&mut context) {
                    Poll::Pending => break,
                    Poll::Ready(Some(Ok((request, respond)))) => {
                        self.tasks.push(Box::pin(echo(request, respond)));
                    }
                    Poll::Ready(Some(Err(_)) | None) => self.stage = Stage::Over,
                }
            }
            self.tasks
                .retain_mut(|task| task.as_mut().poll(&mut context).is_pending());
        }
    }
}

async fn echo(
    request: http::Request<h2::RecvStream>,
    mut respond: SendResponse<Bytes>,
) -> Result<(), h2::Error> {
    let (head, mut body) = request.into_parts();
    let response = http::Response::builder()
        .header("x-method", head.method.as_str())
        .header("x-path", head.uri.path())
        .body(())
        .unwrap();
    let mut send = respond.send_response(response, false)?;
    while let Some(chunk) = body.data().await {
        let mut chunk = chunk?;
        let length = chunk.len();
        while !chunk.is_empty() {
            send.reserve_capacity(chunk.len());
            let Some(room) = std::future::poll_fn(|cx| send.poll_capacity(cx)).await else {
                return Ok(());
            };
            send.send_data(chunk.split_to(room?.min(chunk.len())), false)?;
        }
        body.flow_control().release_capacity(length)?;
    }
    match body.trailers().await? {
        Some(trailers) => send.send_trailers(trailers),
        None => send.send_data(Bytes::new(), true),
    }
}
