//! A multipart/form-data encoder (RFC 7578) without I/O.
//!
//! A [`Form`] is a list of parts: text and bytes that it holds, and files of which it knows at
//! most the size. Its [`Encoder`] yields the body as [`Bytes`](bytes::Bytes), asks for more of
//! part N when it comes to a file, and passes on what it gets: no file is ever in memory whole,
//! and held data is handed out without a copy.
//!
//! ```
//! use bytes::Bytes;
//! use nuncio_multipart::{Boundary, Form, Part, Step};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Part 2 comes from elsewhere: a file, a socket, another body. Here, from a slice.
//! let mut report: &[u8] = b"\x89PNG and so on";
//! let form = Form::new()
//!     .text("title", "Sales")
//!     .part("notes", Part::text("none").file_name("notes.txt"))
//!     .part("report", Part::reader(Some(report.len() as u64)).file_name("sales.png"));
//!
//! // A fixed boundary, to show the result; `Boundary::random` is what requests take.
//! let boundary = Boundary::new("7d4b3a")?;
//! let mut encoder = form.encoder(boundary);
//! assert_eq!(encoder.content_type(), "multipart/form-data; boundary=7d4b3a");
//! let length = encoder.content_length(); // `None` would mean that some size is not known
//!
//! let mut body = Vec::new();
//! loop {
//!     match encoder.poll()? {
//!         Step::Chunk(bytes) => body.extend_from_slice(&bytes), // or to a socket
//!         Step::Need { part } => {
//!             let (chunk, rest) = report.split_at(report.len().min(8)); // one read
//!             report = rest;
//!             if chunk.is_empty() {
//!                 encoder.end_of_part(part)?;
//!             } else {
//!                 encoder.supply(part, Bytes::copy_from_slice(chunk))?;
//!             }
//!         }
//!         Step::Done => break,
//!     }
//! }
//! assert_eq!(
//!     body,
//!     b"--7d4b3a\r\n\
//!       Content-Disposition: form-data; name=\"title\"\r\n\
//!       \r\n\
//!       Sales\r\n\
//!       --7d4b3a\r\n\
//!       Content-Disposition: form-data; name=\"notes\"; filename=\"notes.txt\"\r\n\
//!       Content-Type: text/plain\r\n\
//!       \r\n\
//!       none\r\n\
//!       --7d4b3a\r\n\
//!       Content-Disposition: form-data; name=\"report\"; filename=\"sales.png\"\r\n\
//!       Content-Type: image/png\r\n\
//!       \r\n\
//!       \x89PNG and so on\r\n\
//!       --7d4b3a--\r\n"
//! );
//! assert_eq!(length, Some(body.len() as u64));
//! # Ok(())
//! # }
//! ```
//!
//! # What may be hostile
//!
//! Field names and file names are escaped as browsers do it, so no name ends its quotes or its
//! line; content types and extra headers are checked when they are given. A boundary is 128 bits
//! from the operating system. A source that yields more or less than the size it was declared
//! with ends the body with an error; nothing is cut off and nothing is filled up.
//!
//! # What it leaves to others
//!
//! Opening, reading and rewinding files; the base name of a path; deciding between
//! Content-Length and chunked coding; putting [`Encoder::content_type`] into the request. A
//! Content-Type that the user has set goes through [`Boundary::from_content_type`] and
//! [`Boundary::complete`].

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod boundary;
mod encoder;
mod error;
mod form;
mod guess;
mod render;

pub use boundary::Boundary;
pub use encoder::{Encoder, Step};
pub use error::{BoundaryError, EncodeError};
pub use form::{Form, Part};
pub use guess::guess_content_type;
