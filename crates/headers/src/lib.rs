//! HTTP header fields (RFC 9110 section 5): ordered, names compared without case and kept with it,
//! duplicates kept, and only bytes that may be sent.
//!
//! ```
//! use nuncio_headers::Headers;
//!
//! # fn main() -> Result<(), nuncio_headers::InvalidHeader> {
//! let mut headers = Headers::new();
//! headers.append("Accept", "text/html")?;
//! headers.append("accept", "*/*;q=0.1")?;
//! headers.insert("Host", "example.org")?;
//!
//! assert_eq!(headers.get("ACCEPT").as_deref(), Some("text/html, */*;q=0.1"));
//! assert_eq!(headers.first("host"), Some(&b"example.org"[..]));
//! assert!(headers.insert("x", "a\r\nevil: 1").is_err());
//!
//! let mut wire = Vec::new();
//! headers.write_to(&mut wire);
//! assert_eq!(wire, b"Accept: text/html\r\naccept: */*;q=0.1\r\nHost: example.org\r\n");
//!
//! // What clients ask for all the time is read by methods, with types in `typed`.
//! headers.append("Content-Type", "text/html; charset=UTF-8")?;
//! let kind = headers.content_type().unwrap();
//! assert_eq!((kind.essence.as_str(), kind.charset().as_deref()), ("text/html", Some("utf-8")));
//! # Ok(())
//! # }
//! ```
//!
//! [`Headers::from_received`] takes a head that a codec has found in its receive buffer,
//! [`Headers::write_to`] gives one to send; `http::HeaderMap` converts both ways.
//!
//! Left to others: finding lines and fields in bytes from a peer and limits on their number and
//! size (nuncio-http1, nuncio-http2), which fields may be sent where, and what they mean for
//! framing, caching or authentication.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod convert;
mod encoding;
mod error;
mod field;
mod headers;
mod iter;
mod names;
mod received;
mod split;
mod storage;
mod swar;
mod syntax;
pub mod typed;
mod view;

pub use encoding::Encoding;
pub use error::InvalidHeader;
pub use headers::Headers;
pub use iter::Iter;
pub use syntax::{check_name, check_value};
