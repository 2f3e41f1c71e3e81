//! An HTTP/2 origin of the `h2` crate, over TLS or without, in a thread of its own.

use bytes::Bytes;
use h2::server::{Connection, SendResponse};
use h2::{Reason, RecvStream};
use http::{HeaderMap, Request, Response, StatusCode};
use nuncio_testkit::certs::Authority;
use nuncio_testkit::checksum::Checksum;
use nuncio_testkit::content;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// How it behaves.
#[derive(Clone)]
pub(crate) struct Manners {
    pub(crate) max_streams: u32,
    /// GOAWAY after so many requests on a connection, as nginx does.
    pub(crate) requests_a_connection: usize,
    /// A connection without requests for so long is closed.
    pub(crate) idle: Option<Duration>,
    pub(crate) alpn: &'static [&'static str],
    pub(crate) window: u32,
}

impl Default for Manners {
    fn default() -> Self {
        Manners {
            max_streams: 100,
            requests_a_connection: usize::MAX,
            idle: None,
            alpn: &["h2"],
            window: 65_535,
        }
    }
}

/// What it has counted so far.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) connections: AtomicUsize,
    pub(crate) open: AtomicUsize,
    pub(crate) requests: AtomicUsize,
    /// Requests at once on one connection, at most.
    pub(crate) most: AtomicUsize,
    /// Requests that the client gave up.
    pub(crate) cancelled: AtomicUsize,
}

pub(crate) struct Origin {
    pub(crate) addr: SocketAddr,
    pub(crate) authority: Authority,
    pub(crate) counts: Arc<Counts>,
    scheme: &'static str,
    _stop: tokio::sync::oneshot::Sender<()>,
}

impl Origin {
    pub(crate) fn https(manners: Manners) -> Self {
        Self::start(manners, true)
    }

    pub(crate) fn http(manners: Manners) -> Self {
        Self::start(manners, false)
    }

    fn start(manners: Manners, secure: bool) -> Self {
        let authority = Authority::new();
        let tls = TlsAcceptor::from(authority.leaf().server_config(manners.alpn));
        let tls = secure.then_some(tls);
        let counts = Arc::new(Counts::default());
        let (send, addr) = std::sync::mpsc::channel();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let shared = Arc::clone(&counts);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                send.send(listener.local_addr().unwrap()).unwrap();
                let accept = async {
                    while let Ok((socket, _)) = listener.accept().await {
                        let site = Site {
                            manners: manners.clone(),
                            counts: Arc::clone(&shared),
                        };
                        tokio::spawn(site.welcome(socket, tls.clone()));
                    }
                };
                tokio::select! { () = accept => {}, _ = stopped => {} }
            });
        });
        Origin {
            addr: addr.recv().unwrap(),
            authority,
            counts,
            scheme: if secure { "https" } else { "http" },
            _stop: stop,
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}://localhost:{}{path}", self.scheme, self.addr.port())
    }

    pub(crate) fn connections(&self) -> usize {
        self.counts.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn requests(&self) -> usize {
        self.counts.requests.load(Ordering::SeqCst)
    }
}

/// The body that belongs to a request.
pub(crate) fn body_of(id: u64, length: usize) -> Vec<u8> {
    let mut body = Vec::with_capacity(length);
    while body.len() < length {
        body.extend_from_slice(content::slice(id + body.len() as u64, length - body.len()));
    }
    body
}

struct Site {
    manners: Manners,
    counts: Arc<Counts>,
}

impl Site {
    async fn welcome(self, socket: TcpStream, tls: Option<TlsAcceptor>) {
        socket.set_nodelay(true).unwrap();
        self.counts.connections.fetch_add(1, Ordering::SeqCst);
        self.counts.open.fetch_add(1, Ordering::SeqCst);
        match tls {
            None => self.serve(socket).await,
            Some(tls) => {
                if let Ok(stream) = tls.accept(socket).await {
                    if stream.get_ref().1.alpn_protocol() == Some(b"http/1.1") {
                        self.serve_http1(stream).await;
                    } else {
                        self.serve(stream).await;
                    }
                }
            }
        }
        self.counts.open.fetch_sub(1, Ordering::SeqCst);
    }

    /// Answers every request, of which it reads the head alone.
    async fn serve_http1<T: AsyncRead + AsyncWrite + Unpin>(&self, mut stream: T) {
        let (mut head, mut byte) = (Vec::new(), [0]);
        while stream.read_exact(&mut byte).await.is_ok() {
            head.push(byte[0]);
            if head.ends_with(b"\r\n\r\n") {
                head.clear();
                self.counts.requests.fetch_add(1, Ordering::SeqCst);
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
                if stream.write_all(answer).await.is_err() {
                    return;
                }
            }
        }
    }

    async fn serve<T: AsyncRead + AsyncWrite + Unpin>(&self, stream: T) {
        let mut builder = h2::server::Builder::new();
        builder
            .max_concurrent_streams(self.manners.max_streams)
            .initial_window_size(self.manners.window);
        let Ok(mut connection): Result<Connection<T, Bytes>, _> = builder.handshake(stream).await
        else {
            return;
        };
        let (mut served, running) = (0, Arc::new(AtomicUsize::new(0)));
        loop {
            let accepted = match self.manners.idle {
                None => connection.accept().await,
                Some(idle) => match tokio::time::timeout(idle, connection.accept()).await {
                    Ok(accepted) => accepted,
                    Err(_) if running.load(Ordering::SeqCst) > 0 => continue,
                    Err(_) => return,
                },
            };
            let Some(Ok((request, respond))) = accepted else {
                return;
            };
            served += 1;
            self.counts.requests.fetch_add(1, Ordering::SeqCst);
            let now = running.fetch_add(1, Ordering::SeqCst) + 1;
            self.counts.most.fetch_max(now, Ordering::SeqCst);
            let (running, counts) = (Arc::clone(&running), Arc::clone(&self.counts));
            tokio::spawn(async move {
                // A client that gave up is no fault of the server's.
                if answer(request, respond, served).await.is_err() {
                    counts.cancelled.fetch_add(1, Ordering::SeqCst);
                }
                running.fetch_sub(1, Ordering::SeqCst);
            });
            if served == self.manners.requests_a_connection {
                connection.graceful_shutdown();
            }
        }
    }
}

async fn answer(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    served: usize,
) -> Result<(), h2::Error> {
    let (head, mut body) = request.into_parts();
    let mut path = head.uri.path().split('/').skip(1);
    let route = path.next().unwrap_or_default();
    let mut number = || path.next().and_then(|part| part.parse::<u64>().ok());
    let first = number().unwrap_or(0);
    let second = number().unwrap_or(0) as usize;
    match route {
        "never" => {
            poll_fn(|cx| respond.poll_reset(cx)).await?;
            return Err(Reason::CANCEL.into());
        }
        "reset" => {
            respond.send_reset(Reason::from(first as u32));
            return Ok(());
        }
        // The first request of a connection is refused, whatever it is.
        "refuse" if served == 1 => {
            respond.send_reset(Reason::REFUSED_STREAM);
            return Ok(());
        }
        "cut" => {
            let mut send = respond.send_response(Response::new(()), false)?;
            send.send_data(Bytes::from_static(b"begun"), false)?;
            tokio::time::sleep(Duration::from_millis(20)).await;
            send.send_reset(Reason::INTERNAL_ERROR);
            return Ok(());
        }
        "stall" => {
            let mut send = respond.send_response(Response::new(()), false)?;
            send.send_data(Bytes::from_static(b"begun"), false)?;
            poll_fn(|cx| send.poll_reset(cx)).await?;
            return Err(Reason::CANCEL.into());
        }
        "mirror" => {
            let mut send = respond.send_response(Response::new(()), false)?;
            while let Some(chunk) = body.data().await {
                let chunk = chunk?;
                body.flow_control().release_capacity(chunk.len())?;
                send_all(&mut send, chunk, false).await?;
            }
            return send.send_data(Bytes::new(), true);
        }
        "hints" => {
            let hints = Response::builder()
                .status(103)
                .header("link", "</a.css>; rel=preload");
            respond.send_informational(hints.body(()).unwrap())?;
        }
        "continue" => {
            // Nothing of the body comes before this, or it would be here by then.
            tokio::time::sleep(Duration::from_millis(100)).await;
            let early = poll_fn(|cx| Poll::Ready(body.poll_data(cx).is_ready())).await;
            if early {
                respond.send_reset(Reason::PROTOCOL_ERROR);
                return Ok(());
            }
            let response = Response::builder().status(100);
            respond.send_informational(response.body(()).unwrap())?;
        }
        "early" => {
            let response = Response::builder().status(StatusCode::PAYLOAD_TOO_LARGE);
            let mut send = respond.send_response(response.body(()).unwrap(), false)?;
            send.send_data(Bytes::from_static(b"too much"), true)?;
            // What still comes is not read.
            tokio::time::sleep(Duration::from_millis(100)).await;
            return Ok(());
        }
        _ => {}
    }
    if route == "slow" {
        tokio::time::sleep(Duration::from_millis(first)).await;
    }
    let (mut received, mut length) = (Checksum::new(), 0);
    while let Some(chunk) = body.data().await {
        let chunk = chunk?;
        length += chunk.len();
        received.update(&chunk);
        body.flow_control().release_capacity(chunk.len())?;
    }
    let trailers = body.trailers().await?.unwrap_or_default();
    let misdirected = route == "misdirected" && served > 1;
    let bytes = match route {
        "bytes" => Bytes::from(body_of(first, second)),
        // The server itself is asked, `*`.
        "head" | "" => Bytes::from(format!("{} {} {:?}", head.method, head.uri, head.headers)),
        _ => Bytes::from_static(b"ok"),
    };
    let response = Response::builder()
        .status(if misdirected { 421 } else { 200 })
        .header("x-checksum", Checksum::of(&bytes).to_string())
        .header("x-received", received.finish().to_string())
        .header("x-length", length.to_string())
        .header("x-trailers", format!("{trailers:?}"))
        .body(())
        .unwrap();
    let trailed = route == "trailers";
    let mut send = respond.send_response(response, bytes.is_empty() && !trailed)?;
    if bytes.is_empty() && !trailed {
        return Ok(());
    }
    send_all(&mut send, bytes, !trailed).await?;
    if trailed {
        let mut trailers = HeaderMap::new();
        trailers.insert("x-sum", "42".parse().unwrap());
        send.send_trailers(trailers)?;
    }
    Ok(())
}

async fn send_all(
    send: &mut h2::SendStream<Bytes>,
    mut bytes: Bytes,
    end: bool,
) -> Result<(), h2::Error> {
    while !bytes.is_empty() {
        send.reserve_capacity(bytes.len());
        let Some(room) = poll_fn(|cx| send.poll_capacity(cx)).await else {
            return Err(Reason::CANCEL.into());
        };
        let piece = bytes.split_to(room?.min(bytes.len()));
        send.send_data(piece, end && bytes.is_empty())?;
    }
    Ok(())
}
