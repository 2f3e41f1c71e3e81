//! What nuncio's own tests stand on: loopback servers, certificates made on the fly, a fake clock and
//! an in-memory network that cuts, delays and breaks. Plain threads and `std::net`; no async runtime,
//! and none of nuncio's other crates, so that any of them may use it for its tests.
//!
//! | module | for |
//! |---|---|
//! | [`server`] | an origin with ready-made paths, plain or TLS, and routes of your own |
//! | [`proxy`] | a proxy: HTTP, over TLS too, SOCKS5 and SOCKS4 |
//! | [`script`] | a peer that does exactly what it is told, byte for byte |
//! | [`frames`] | HTTP/2 frames written by hand, and a peer that breaks the rules with them |
//! | [`certs`] | an authority, good and bad certificates, rustls configurations |
//! | [`clock`] | time that moves when a test says so |
//! | [`split`] | all the ways of cutting bytes that a codec must not notice |
//! | [`pair`] | two byte-driven machines joined through a bad network, without I/O |
//! | [`content`], [`checksum`], [`rng`], [`latch`] | bodies, sums, seeds and gates |
//!
//! ```
//! use std::io::{Read, Write};
//! use nuncio_testkit::certs::Authority;
//! use nuncio_testkit::server::Server;
//!
//! let authority = Authority::new();
//! let server = Server::https(&authority.leaf());
//!
//! let name = "localhost".try_into().unwrap();
//! let config = authority.client_config(&["http/1.1"]);
//! let mut tls = rustls::StreamOwned::new(
//!     rustls::ClientConnection::new(config, name).unwrap(),
//!     std::net::TcpStream::connect(server.addr()).unwrap(),
//! );
//! tls.write_all(b"GET /json HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
//! let mut answer = String::new();
//! tls.read_to_string(&mut answer).unwrap();
//! assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"));
//! ```
//!
//! It leaves HTTP/2 servers to those that others wrote. It panics where a test could only fail.

pub mod certs;
pub mod checksum;
pub mod clock;
pub mod content;
pub mod frames;
mod host;
pub mod latch;
pub mod pair;
pub mod proxy;
mod reply;
mod request;
pub mod rng;
mod routes;
pub mod script;
pub mod server;
pub mod split;
mod stream;
