//! The client's side of HTTP/1.1 (RFC 9112) without I/O.
//!
//! [`Http1`] is one connection: it writes request heads and body framing into buffers of the
//! caller's and says where in received bytes heads, content and ends are. It knows what may
//! follow what, keeps no byte of a body, and says at the end whether the connection may be used
//! again and why not.
//!
//! ```
//! use nuncio_headers::Headers;
//! use nuncio_http1::{BodySize, BodyStep, Config, HeadStep, Http1, Reuse};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut http1 = Http1::new(Config::default());
//!
//! // The request: its head, then a body whose length was not known before.
//! let mut headers = Headers::new();
//! headers.append("Host", "example.org")?;
//! let mut out = Vec::new();
//! http1.send_head("POST", "/greetings", &headers, BodySize::Unknown, &mut out)?;
//! let data = b"hello";
//! let framing = http1.send_data(data.len())?;
//! out.extend_from_slice(framing.before());
//! out.extend_from_slice(data);
//! out.extend_from_slice(framing.after());
//! http1.send_end(None, &mut out)?;
//! assert_eq!(
//!     out,
//!     b"POST /greetings HTTP/1.1\r\nHost: example.org\r\nTransfer-Encoding: chunked\r\n\r\n\
//!       5\r\nhello\r\n0\r\n\r\n"
//! );
//!
//! // What came back; it may come in any pieces.
//! let mut input: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n\
//!     HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nwelcome";
//! let head = loop {
//!     match http1.receive_head(input)? {
//!         HeadStep::NeedMore => unreachable!("here the caller reads more behind `input`"),
//!         HeadStep::Head { head, used } => {
//!             input = &input[used..];
//!             if !head.is_interim() {
//!                 break head;
//!             }
//!         }
//!     }
//! };
//! assert_eq!((head.status, head.reason.as_bytes()), (200, &b"OK"[..]));
//!
//! let mut body = Vec::new();
//! loop {
//!     match http1.receive_body(input)? {
//!         BodyStep::NeedMore { used } => unreachable!("read more behind `input[{used}..]`"),
//!         BodyStep::Data { range } => {
//!             body.extend_from_slice(&input[range.clone()]);
//!             input = &input[range.end..];
//!         }
//!         BodyStep::End { used, trailers } => {
//!             input = &input[used..];
//!             assert_eq!(trailers, None);
//!             break;
//!         }
//!     }
//! }
//! assert_eq!(body, b"welcome");
//!
//! if !input.is_empty() {
//!     http1.surplus();
//! }
//! assert_eq!(http1.reuse(), Reuse::Ready);
//! http1.next_exchange()?;
//! # Ok(())
//! # }
//! ```
//!
//! # What it lets through
//!
//! Two readers of one message must not differ, so what is not plainly HTTP/1.1 is a
//! [`RemoteError`]. [`Config::lenient`] lets some forms through that servers are known to send;
//! they cost the connection, which is not used again ([`CloseReason::Lenient`]).
//!
//! # What it leaves to others
//!
//! Sockets, deadlines, TLS and whether the end of a connection was authentic; what to do with
//! interim responses and Expect; headers that a request should have (it insists on Host alone);
//! content codings; redirects and authentication; what is spoken after 101 or CONNECT.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod chunked;
mod codec;
mod config;
mod error;
mod framing;
mod head;
mod request;
mod reuse;
mod search;
mod snippet;
mod state;
mod steps;

pub use codec::Http1;
pub use config::Config;
pub use error::{LocalError, RemoteError};
pub use head::{Reason, ResponseHead};
pub use request::{BodySize, check_request, check_target, check_trailers};
pub use reuse::{CloseReason, Leniency, Reuse};
pub use snippet::Snippet;
pub use state::{Ours, Theirs};
pub use steps::{BodyStep, Framing, HeadStep};
