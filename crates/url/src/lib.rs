//! URLs for HTTP clients: the [WHATWG URL Standard](https://url.spec.whatwg.org/), with what a client
//! asks of a URL on top of it.
//!
//! ```
//! use nuncio_url::{Host, Url};
//!
//! let url = Url::parse("HTTPS://user:secret@Example.com:443/a/../b c?q=1#top")?;
//! assert_eq!(url.as_str(), "https://user:secret@example.com/b%20c?q=1#top");
//! assert_eq!(url.host(), Host::Domain("example.com"));
//! assert_eq!(url.netloc(), "example.com");       // the Host header field
//! assert_eq!(url.raw_path(), "/b%20c?q=1");      // the request target
//! assert_eq!(url.port_or_default(), Some(443));
//! assert_eq!(url.params().first("q"), Some("1"));
//! assert_eq!(format!("{url:?}"), "Url(\"https://user:[secure]@example.com/b%20c?q=1#top\")");
//!
//! let next = url.join("../c?page=2")?;
//! assert_eq!(next.path(), "/c");
//! let other = next.with().scheme("http").port(8080).build()?;
//! assert_eq!(other.netloc(), "example.com:8080");
//! assert!(!other.same_origin(&url));
//! # Ok::<(), nuncio_url::ParseError>(())
//! ```
//!
//! - [`Url`]: absolute, valid, normalised; one string, from which every accessor borrows.
//! - [`Reference`]: absolute or relative; [`merge_base`] is how a client's base URL is applied.
//! - [`QueryParams`]: queries as a map; [`form`]: the standard's form encoding as functions.
//! - [`percent`]: percent-encoding with the standard's sets.
//! - [`Url::dialable`]: what may be connected to, which is less than what may be parsed.
//!
//! It is left to others to judge the scheme, to look names up, and to decide what an origin may do.
//!
//! # Features
//!
//! - `idna` (default): hosts that are not ASCII, by UTS 46. Without it they are
//!   [`ParseError::IdnaDisabled`].
//! - `serde`: `Serialize` and `Deserialize` for [`Url`], as text.
//! - `http`: conversions from and to `http::Uri`.
//!
//! # Where this differs from httpx
//!
//! The operations are those of httpx's `URL`; the results are the standard's:
//!
//! | input | httpx 0.28 | here |
//! |---|---|---|
//! | length | at most 65,536 characters | at most 1 MiB |
//! | `/x`, `x?y` | a relative `URL` | a [`Reference`] |
//! | `http://h`, `http://h/a/..` | no path | `http://h/` |
//! | spaces and control characters around the URL | part of it, errors | dropped |
//! | tab, CR, LF inside | an error | dropped |
//! | other control characters | an error | percent-encoded; in a host an error |
//! | `http:\\h\p`, `http:/h/p`, `http:h/p` | no host, all path | `http://h/p` |
//! | `http://h\p` | the host `h\p` | `http://h/p` |
//! | `http://`, `https:` | no host | an error |
//! | `http://h/%2e%2e/a` | kept | `http://h/a`: encoded dots are dots |
//! | `^` in a path, `'` in a query | kept | `%5E`, `%27` |
//! | `http://1.2.3`, `http://0x7f.1` | names | `http://1.2.0.3/`, `http://127.0.0.1/` |
//! | `http://[fe80::1%eth0]` | an address with a zone | an error |
//! | `http://%31.com`, `http://a%2fb` | kept | `http://1.com/`, an error |
//! | a space, `<` or `^` in a host | percent-encoded | an error |
//! | `http://☃.net`, `http://Ⅷ.com` | errors (IDNA 2008) | `xn--n3h.net`, `viii.com` (UTS 46) |
//! | `http://xn--a` | fails when its host is read | parsed; refused by [`Url::dialable`] |
//! | the host of `http://www.xn--bcher-kva.de` for people | not decoded | [`Url::host_unicode`], by label |
//! | port `-1`, `+80`, `99999` | accepted | an error |
//! | `HTTP://h:80` | keeps the port | drops it |
//! | origins | not public | [`Url::origin`], [`Url::same_origin`] |
//! | `join` on a scheme of its own kind | gives the reference unchanged | resolves it alike |
//! | `join("")` | keeps the fragment | drops it |
//! | `join("?")` | drops the empty query | keeps it |
//! | `URL("mailto:a").join("b")` | `b` | an error |
//! | a base URL with a query | path and query get mixed up | queries are merged ([`merge_base`]) |
//! | `//k/x`, `https:x` under a base URL | host or scheme is lost | an error ([`merge_base`]) |
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod builder;
mod convert;
mod dial;
mod error;
mod fast;
pub mod form;
mod host;
mod idna;
mod ip;
mod origin;
mod parser;
mod path;
pub mod percent;
mod query;
mod record;
mod reference;
mod scheme;
mod setters;

pub use builder::Builder;
pub use dial::Endpoint;
pub use error::{DialError, ParseError};
pub use host::Host;
pub use origin::Origin;
pub use query::{ParamValue, QueryParams};
pub use record::{Redacted, Url};
pub use reference::{Reference, RelativeReference, merge_base};
