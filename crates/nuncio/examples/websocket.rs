//! A WebSocket: nuncio asks for it and hands the connection over, tungstenite speaks it.
//!
//! `cargo run -p nuncio --example websocket` starts a server of its own on a loopback port, and fails
//! if anything comes out otherwise than it should.
//!
//! On async clients it is the same: `Upgraded` is an `AsyncRead` and `AsyncWrite` of the crate
//! `futures`, for async-tungstenite; `nuncio::tokio::into_tokio_io` makes tokio's of it, for
//! tokio-tungstenite.

use nuncio::blocking::{Client, Upgraded};
use std::error::Error;
use std::net::TcpListener;
use std::thread;
use tungstenite::handshake::client::generate_key;
use tungstenite::handshake::derive_accept_key;
use tungstenite::protocol::Role;
use tungstenite::{Message, WebSocket};

/// Asks `url` for a WebSocket (RFC 6455 section 4.1). Cookies, redirects, authentication, TLS: whatever
/// the client does for other requests it does for this one.
fn connect(client: &Client, url: &str) -> Result<WebSocket<Upgraded>, Box<dyn Error>> {
    let key = generate_key();
    let response = client
        .get(url)
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", &key)
        .stream()?;
    let accept = response.headers().get("sec-websocket-accept");
    if accept.as_deref() != Some(&*derive_accept_key(key.as_bytes())) {
        // Says what was answered, where that is no 101.
        response.upgrade()?;
        return Err("the server has not read our key".into());
    }
    Ok(WebSocket::from_raw_socket(
        response.upgrade()?,
        Role::Client,
        None,
    ))
}

fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}/shout", listener.local_addr()?);
    let server = thread::spawn(move || -> tungstenite::Result<()> {
        let (socket, _) = listener.accept()?;
        let mut socket = tungstenite::accept(socket)
            .map_err(|error| std::io::Error::other(error.to_string()))?;
        loop {
            match socket.read() {
                Ok(Message::Text(text)) => socket.send(text.to_uppercase().into())?,
                Ok(_) => {}
                Err(tungstenite::Error::ConnectionClosed) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    });

    let client = Client::builder().build()?;
    let mut socket = connect(&client, &url)?;
    for word in ["hello", "there"] {
        socket.send(Message::text(word))?;
        let answer = socket.read()?;
        println!("{word} -> {answer}");
        assert_eq!(answer, Message::text(word.to_uppercase()));
    }
    // It is one of the client's connections until it is dropped.
    assert_eq!(client.pool().connections, 1);
    socket.close(None)?;
    assert!(matches!(socket.read(), Ok(Message::Close(_))));
    assert!(matches!(
        socket.read(),
        Err(tungstenite::Error::ConnectionClosed)
    ));
    drop(socket);
    assert_eq!(client.pool().connections, 0);
    server.join().map_err(|_| "the server panicked")??;
    Ok(())
}
