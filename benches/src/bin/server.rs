//! The peer that the clients are measured against, in a process of its own, so that what is counted
//! is the client's. One thread per connection, fixed answers, as little work as there can be.
//!
//! `server CA-FILE` writes its authority's certificate to that file, prints its three ports (plain,
//! TLS, HTTP/2 without TLS) on one line, and serves until it is killed:
//!
//! - `GET /tiny`: 150 bytes and ten header fields;
//! - `GET /big`: 256 MiB, sized;
//! - `PUT /sink`: reads a body of announced length, answers with no body.

use nuncio_testkit::certs::Authority;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

const BIG: u64 = 256 << 20;
const PIECE: usize = 1 << 20;

const TINY: &[u8] = b"HTTP/1.1 200 OK\r\n\
    Date: Sat, 21 Nov 2026 10:00:00 GMT\r\n\
    Server: bench/1.0\r\n\
    Content-Type: application/json; charset=utf-8\r\n\
    Content-Length: 150\r\n\
    Cache-Control: public, max-age=60\r\n\
    ETag: \"5d8c72a5edda8d6a\"\r\n\
    Last-Modified: Fri, 20 Nov 2026 08:30:00 GMT\r\n\
    Vary: Accept-Encoding\r\n\
    X-Request-Id: 7b0c1f6e-4f2a-4b44-9c7e-0d5a1f1f2c3d\r\n\
    Strict-Transport-Security: max-age=31536000\r\n\
    \r\n\
    {\"id\":1024,\"name\":\"a small answer\",\"tags\":[\"one\",\"two\",\"three\"],\
    \"note\":\"one hundred and fifty bytes of JSON, as many an API gives for one object\"    }";

const EMPTY: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

fn main() -> io::Result<()> {
    let head = TINY.windows(4).position(|window| window == b"\r\n\r\n");
    assert_eq!(head.map(|head| TINY.len() - head - 4), Some(150));

    let ca = std::env::args()
        .nth(1)
        .expect("a file for the certificate of the authority");
    let authority = Authority::new();
    std::fs::write(ca, authority.pem())?;
    let tls = authority.leaf().server_config(&["http/1.1"]);

    let plain = TcpListener::bind("127.0.0.1:0")?;
    let secure = TcpListener::bind("127.0.0.1:0")?;
    let streams = TcpListener::bind("127.0.0.1:0")?;
    println!(
        "{} {} {}",
        plain.local_addr()?.port(),
        secure.local_addr()?.port(),
        streams.local_addr()?.port()
    );

    thread::spawn(move || http2(streams));

    thread::spawn(move || {
        accept(&secure, |socket| {
            let tls = rustls::ServerConnection::new(Arc::clone(&tls)).map_err(io::Error::other)?;
            Ok(rustls::StreamOwned::new(tls, socket))
        })
    });
    accept(&plain, Ok);
    Ok(())
}

/// `GET /tiny` over HTTP/2, with the same fields, on one thread.
fn http2(listener: TcpListener) -> io::Result<()> {
    let head = TINY.len() - 150;
    let text = std::str::from_utf8(&TINY[..head]).map_err(io::Error::other)?;
    let mut response = http::Response::builder();
    for (name, value) in text.lines().filter_map(|line| line.split_once(": ")) {
        response = response.header(name, value);
    }
    let (parts, ()) = response.body(()).map_err(io::Error::other)?.into_parts();
    let body = bytes::Bytes::from_static(&TINY[head..]);
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        loop {
            let (socket, _) = listener.accept().await?;
            socket.set_nodelay(true)?;
            let (parts, body) = (parts.clone(), body.clone());
            tokio::spawn(async move {
                let mut connection = h2::server::Builder::new()
                    .max_concurrent_streams(256)
                    .handshake::<_, bytes::Bytes>(socket)
                    .await?;
                while let Some(request) = connection.accept().await {
                    let (_, mut answer) = request?;
                    let head = http::Response::from_parts(parts.clone(), ());
                    answer
                        .send_response(head, false)?
                        .send_data(body.clone(), true)?;
                }
                Ok::<_, h2::Error>(())
            });
        }
    })
}

fn accept<S: Read + Write + Send + 'static>(
    listener: &TcpListener,
    wrap: impl Fn(TcpStream) -> io::Result<S>,
) {
    for socket in listener.incoming() {
        let stream = socket.and_then(|socket| {
            socket.set_nodelay(true)?;
            wrap(socket)
        });
        if let Ok(stream) = stream {
            // How a client leaves is its own business.
            thread::spawn(move || serve(stream));
        }
    }
}

/// Answers requests until the client closes. No client here sends a request before it has read
/// the answer to the one before.
fn serve(mut stream: impl Read + Write) -> io::Result<()> {
    let mut buf = vec![0; PIECE];
    loop {
        let mut filled = 0;
        let head = loop {
            let read = stream.read(&mut buf[filled..])?;
            if read == 0 {
                return Ok(());
            }
            filled += read;
            // The usual request came whole and has no body.
            if buf[..filled].ends_with(b"\r\n\r\n") {
                break filled;
            }
            if let Some(end) = buf[..filled].windows(4).position(|it| it == b"\r\n\r\n") {
                break end + 4;
            }
        };
        if buf.starts_with(b"GET /tiny ") {
            stream.write_all(TINY)?;
        } else if buf.starts_with(b"GET /big ") {
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {BIG}\r\n\r\n")?;
            let mut left = BIG;
            while left > 0 {
                let piece = left.min(PIECE as u64);
                stream.write_all(&buf[..piece as usize])?;
                left -= piece;
            }
        } else {
            let length = content_length(&buf[..head]).ok_or(io::ErrorKind::InvalidData)?;
            let mut left = length - (filled - head) as u64;
            while left > 0 {
                let read = stream.read(&mut buf)?;
                if read == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                left -= read as u64;
            }
            stream.write_all(EMPTY)?;
        }
        stream.flush()?;
    }
}

fn content_length(head: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(head).ok()?;
    text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse().ok())?
    })
}
