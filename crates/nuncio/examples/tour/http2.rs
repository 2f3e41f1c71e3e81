//! An HTTP/2 server over TLS, of the crate `h2`, in a thread of its own. It has the pages of
//! `site.rs`, and of those of the testkit's HTTP/1.1 server the ones that the tour asks for.

use crate::site;
use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{HeaderMap, HeaderValue, Request, Response};
use nuncio::tls::rustls::ServerConfig;
use nuncio_testkit::checksum::Checksum;
use nuncio_testkit::content;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// A running server; it ends when it is dropped.
pub(crate) struct Server {
    addr: SocketAddr,
    connections: Arc<AtomicU64>,
    _stop: tokio::sync::oneshot::Sender<()>,
}

impl Server {
    pub(crate) fn start(tls: Arc<ServerConfig>) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let addr = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let connections = Arc::new(AtomicU64::new(0));
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let count = Arc::clone(&connections);
        std::thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    ended = accept(listener, tls.into(), &count) => ended,
                    _ = stopped => Ok(()),
                }
            })
        });
        Ok(Server {
            addr,
            connections,
            _stop: stop,
        })
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.addr.port())
    }

    /// How many connections were accepted.
    pub(crate) fn connections(&self) -> u64 {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn accept(
    listener: std::net::TcpListener,
    tls: TlsAcceptor,
    connections: &AtomicU64,
) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (socket, _) = listener.accept().await?;
        connections.fetch_add(1, Ordering::SeqCst);
        tokio::spawn(serve(socket, tls.clone()));
    }
}

/// Whatever goes wrong here is seen by the client, and it is the client that is watched.
async fn serve(
    socket: TcpStream,
    tls: TlsAcceptor,
) -> Result<(), Box<dyn Send + Sync + std::error::Error>> {
    socket.set_nodelay(true)?;
    let stream = tls.accept(socket).await?;
    let mut connection = h2::server::Builder::new()
        .initial_window_size(1 << 20)
        .initial_connection_window_size(1 << 20)
        .handshake(stream)
        .await?;
    while let Some(accepted) = connection.accept().await {
        let (request, respond) = accepted?;
        tokio::spawn(answer(request, respond));
    }
    Ok(())
}

async fn answer(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
) -> Result<(), h2::Error> {
    let (head, mut body) = request.into_parts();
    let path = head.uri.path().to_owned();
    let mut parts = path.splitn(4, '/').skip(1);
    let name = parts.next().unwrap_or_default();
    let mut number = || parts.next().and_then(|part| part.parse().ok());
    let (number, pause) = (number().unwrap_or(0), number().unwrap_or(0));
    let ok = || Response::builder().status(200);
    let done = "a response of legal fields";
    match name {
        "bytes" | "drip" => {
            let mut send = respond.send_response(ok().body(()).expect(done), false)?;
            return send_content(&mut send, number, Duration::from_millis(pause)).await;
        }
        "trailers" => {
            let mut send = respond.send_response(ok().body(()).expect(done), false)?;
            send.send_data(Bytes::from(content::bytes(number as usize)), false)?;
            let sum = format!("{:016x}", content::checksum(number));
            let sum = HeaderValue::from_str(&sum).expect("digits");
            return send.send_trailers(HeaderMap::from_iter([(X_CHECKSUM, sum)]));
        }
        "redirect" if number > 0 => {
            let to = format!("/redirect/{}", number - 1);
            let response = Response::builder().status(302).header("location", to);
            respond.send_response(response.body(()).expect(done), true)?;
            return Ok(());
        }
        _ => {}
    }
    if path == "/stall" {
        poll_fn(|cx| respond.poll_reset(cx)).await?;
        return Ok(());
    }
    if path == "/hints" {
        let hints = Response::builder().status(103).header("link", "</a.css>");
        respond.send_informational(hints.body(()).expect(done))?;
    }

    let (mut received, mut sum) = (Vec::new(), Checksum::new());
    while let Some(chunk) = body.data().await {
        let chunk = chunk?;
        body.flow_control().release_capacity(chunk.len())?;
        sum.update(&chunk);
        if path == "/upload" {
            received.extend_from_slice(&chunk);
        }
    }
    let field = |name: &str| head.headers.get(name).map(HeaderValue::as_bytes);
    let (status, fields, body) = match site::page(&path, field, &received) {
        Some(page) => (page.status, page.fields, page.body),
        None if path == "/checksum" => {
            let (bytes, sum) = (sum.length(), sum.finish());
            let text = format!(r#"{{"bytes":{bytes},"checksum":"{sum:016x}"}}"#);
            (200, Vec::new(), text.into())
        }
        None => (200, Vec::new(), Bytes::from_static(br#"{"name":"nuncio"}"#)),
    };
    let mut response = Response::builder().status(status);
    for (name, value) in fields {
        response = response.header(name, value);
    }
    let mut send = respond.send_response(response.body(()).expect(done), false)?;
    // It is short, and waits in the server for room.
    send.send_data(body, true)
}

const X_CHECKSUM: http::HeaderName = http::HeaderName::from_static("x-checksum");

/// The content's first bytes: as fast as the client takes them or, with a pause, one by one.
async fn send_content(
    send: &mut h2::SendStream<Bytes>,
    length: u64,
    pause: Duration,
) -> Result<(), h2::Error> {
    let mut sent = 0;
    while sent < length {
        let mut piece = (length - sent).min(64 * 1024) as usize;
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
            piece = 1;
        }
        send.reserve_capacity(piece);
        // What is left of the last room is not told once more.
        while send.capacity() == 0 {
            if poll_fn(|cx| send.poll_capacity(cx)).await.is_none() {
                return Err(Reason::CANCEL.into());
            }
        }
        let piece = content::slice(sent, send.capacity().min(piece));
        sent += piece.len() as u64;
        send.send_data(Bytes::from_static(piece), sent == length)?;
    }
    Ok(())
}
