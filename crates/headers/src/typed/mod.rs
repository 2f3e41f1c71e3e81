//! The fields that clients ask for all the time, read.
//!
//! Each is a method of [`Headers`](crate::Headers) and looks at what a peer sent: a value that
//! breaks its grammar is left out or, where a wrong guess is dangerous (Content-Length), an error.
//! All of them take time in proportion to the length of the values.

mod cache_control;
mod challenge;
mod content_disposition;
mod content_length;
mod content_type;
mod ext_value;
mod file_name;
mod http_date;
mod lexer;
mod link;
mod parameters;
mod retry_after;

pub use cache_control::CacheControl;
pub use challenge::Challenge;
pub use content_disposition::ContentDisposition;
pub use content_length::{ContentLength, InvalidContentLength};
pub use content_type::ContentType;
pub use file_name::safe_file_name;
pub use http_date::parse_http_date;
pub use link::{Link, Links};
pub use parameters::Parameters;
pub use retry_after::RetryAfter;
