//! An HTTP/2 origin of the `h2` crate over TLS, in a thread of its own.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use h2::server::SendResponse;
use nuncio_testkit::certs::Authority;
use nuncio_testkit::checksum::Checksum;
use nuncio_testkit::content;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// Where it listens, and whom to trust. It serves until the process ends.
pub(crate) struct Origin {
    pub(crate) addr: SocketAddr,
    pub(crate) authority: Authority,
}

/// Answers `/ID/LENGTH` with LENGTH bytes of [`content`], from byte ID on. The fields: `x-id`,
/// `x-checksum` of the body, `x-received` (checksum of what was uploaded).
pub(crate) fn start() -> Origin {
    let authority = Authority::new();
    let tls = TlsAcceptor::from(authority.leaf().server_config(&["h2"]));
    let (send, addr) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            send.send(listener.local_addr().unwrap()).unwrap();
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, tls.clone()));
            }
        });
    });
    let addr = addr.recv().unwrap();
    Origin { addr, authority }
}

async fn serve(socket: tokio::net::TcpStream, tls: TlsAcceptor) {
    socket.set_nodelay(true).unwrap();
    let Ok(stream) = tls.accept(socket).await else {
        return;
    };
    let mut builder = h2::server::Builder::new();
    builder.max_concurrent_streams(100);
    let Ok(mut connection) = builder.handshake(stream).await else {
        return;
    };
    while let Some(Ok((request, respond))) = connection.accept().await {
        tokio::spawn(async move {
            // A client that gave up is no fault of the server's.
            let _ = answer(request, respond).await;
        });
    }
}

async fn answer(
    request: http::Request<h2::RecvStream>,
    mut respond: SendResponse<Bytes>,
) -> Result<(), h2::Error> {
    let (head, mut body) = request.into_parts();
    if head.uri.path() == "/never" {
        return std::future::pending().await;
    }
    let mut received = Checksum::new();
    while let Some(chunk) = body.data().await {
        let chunk = chunk?;
        received.update(&chunk);
        body.flow_control().release_capacity(chunk.len())?;
    }
    let mut path = head.uri.path().split('/').skip(1);
    let mut number = || path.next().and_then(|part| part.parse::<u64>().ok());
    let (id, length) = (number().unwrap_or(0), number().unwrap_or(0) as usize);
    let mut bytes = Bytes::from(body_of(id, length));
    let response = http::Response::builder()
        .header("x-id", id.to_string())
        .header("x-checksum", Checksum::of(&bytes).to_string())
        .header("x-received", received.finish().to_string())
        .body(())
        .unwrap();
    let mut send = respond.send_response(response, bytes.is_empty())?;
    while !bytes.is_empty() {
        send.reserve_capacity(bytes.len());
        let Some(room) = std::future::poll_fn(|cx| send.poll_capacity(cx)).await else {
            return Ok(());
        };
        let piece = bytes.split_to(room?.min(bytes.len()));
        send.send_data(piece, bytes.is_empty())?;
    }
    Ok(())
}

/// The body that belongs to a request.
pub(crate) fn body_of(id: u64, length: usize) -> Vec<u8> {
    let mut body = Vec::with_capacity(length);
    while body.len() < length {
        body.extend_from_slice(content::slice(id + body.len() as u64, length - body.len()));
    }
    body
}

impl Origin {
    /// A connection to it, before its handshake.
    pub(crate) fn connection(&self) -> nuncio_connection::Connection {
        use nuncio_connection::{Connection, ConnectionConfig, Layer, TlsParams};
        let tls = Layer::Tls(TlsParams {
            config: self.authority.client_config(&["h2"]),
            server_name: "localhost".to_owned(),
        });
        let config = Arc::new(ConnectionConfig::default());
        let limit = std::time::Duration::from_secs(10);
        Connection::new(config, vec![tls], Some(limit), std::time::Instant::now()).unwrap()
    }
}
