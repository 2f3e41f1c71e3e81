//! The client's end of an HTTP/2 connection (RFC 9113), without I/O.
//!
//! [`Http2`] takes the bytes that came and gives the bytes to send. It opens no socket, starts no
//! task, reads no clock and never waits; whoever owns the transport drives it, on any runtime or
//! on none. Frames, HPACK, flow control and stream states are the work of the [`h2`] crate, which
//! runs here over a bounded in-memory pipe with wakers that only set flags. What this crate adds
//! is the pull-style interface, bounds on what a peer can make us hold, and errors that say
//! whether a failed request may be sent again.
//!
//! # A whole exchange
//!
//! ```
//! use nuncio_http2::{Config, Http2, Read, Room};
//!
//! let mut http2 = Http2::new(Config::new())?;
//! let request = http::Request::get("https://example.com/").body(()).unwrap();
//! let id = http2.open(request, true)?;
//!
//! // The preface, our SETTINGS and the request go to the transport ...
//! let mut out = Vec::new();
//! http2.take_output(&mut out);
//! assert!(out.starts_with(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
//!
//! // ... and this comes back: SETTINGS, HEADERS with `:status: 200`, DATA with END_STREAM.
//! let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
//! let headers = [0, 0, 1, 1, 4, 0, 0, 0, 1, 0x88];
//! let data = [0, 0, 2, 0, 1, 0, 0, 0, 1, b'h', b'i'];
//! let input = [&settings[..], &headers[..], &data[..]].concat();
//! assert_eq!(http2.handle_input(&input), input.len());
//!
//! let (ready_id, ready) = http2.poll_ready().unwrap();
//! assert!(ready_id == id && ready.is_head());
//! let head = http2.read_head(id)?.unwrap();
//! assert_eq!(head.status(), 200);
//! assert_eq!(http2.read_body(id)?, Read::Chunk("hi".into()));
//! assert_eq!(http2.read_body(id)?, Read::End);
//!
//! // The peer's SETTINGS name no limit, so ours holds.
//! assert_eq!(http2.room(), Room::Streams(100));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What it leaves to others
//!
//! Transport, TLS and ALPN; time-outs (a stream that took too long is
//! [cancelled](Http2::cancel)); which connection a request goes to; retries (every error tells
//! [`Processed`]); content codings, redirects, cookies. Server push is refused, h2c upgrade is not
//! spoken: HTTP/2 in clear text is by prior knowledge only.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod config;
mod connection;
mod error;
mod exchange;
mod gate;
mod pipe;
mod progress;
mod request;
mod stream;
#[cfg(test)]
mod tests;
mod wake;

pub use config::Config;
pub use connection::{Http2, Room};
pub use error::{Code, Error, InvalidRequest, OpenError, Processed, StreamError, StreamErrorKind};
pub use exchange::{Read, Write};
pub use stream::{Ready, StreamId};
