//! Cookies: a jar of our own, after RFC 6265bis (draft 22), with httpx's container around it.
//!
//! ```
//! use nuncio_client::{CookieJar, Url};
//! use std::time::{Duration, SystemTime};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let jar = CookieJar::new();
//! let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
//!
//! // What a server sets goes where RFC 6265bis lets it go.
//! let login = Url::parse("https://www.example.com/account/login")?;
//! jar.store_line(&login, "sid=31d4; Path=/; Secure; HttpOnly; Max-Age=3600", now)?;
//! assert_eq!(jar.header_for(&login, now).as_deref(), Some("sid=31d4"));
//! assert_eq!(jar.header_for(&Url::parse("http://www.example.com/")?, now), None);
//! assert!(jar.store_line(&login, "a=b; Domain=com", now).is_err());
//!
//! // What the program sets goes to every host, or to a domain and its subdomains.
//! jar.set("theme", "dark")?;
//! jar.set_for("example.com", "/account", "lang", "en")?;
//! let header = jar.header_for(&login, now);
//! assert_eq!(header.as_deref(), Some("lang=en; sid=31d4; theme=dark"));
//!
//! // A copy in the file format that curl, wget and Python read.
//! let again = CookieJar::from_netscape(&jar.to_netscape())?;
//! assert_eq!(again.header_for(&login, now), header);
//! # Ok(())
//! # }
//! ```
//!
//! Time is the caller's: every method that needs it takes a [`SystemTime`]. Nothing here is written
//! to disk; a file that holds cookies should be readable by its owner alone.
//!
//! # What a server may not do
//!
//! Set a cookie for another site or for a public suffix (`co.uk`, `github.io`); set or replace a
//! `Secure` cookie over http; use the prefixes `__Secure-` and `__Host-` without what they promise;
//! store control bytes; keep a cookie for more than 400 days; or fill the jar: [`MAX_LINE`],
//! [`MAX_PER_RESPONSE`], [`MAX_PER_DOMAIN`], [`MAX_TOTAL`], [`MAX_HEADER`].
//! [`Rejected`] says what was wrong.
//!
//! A cookie without `Domain` stays with exactly the host that set it, where httpx sends it to
//! subdomains too. SameSite is recorded and not enforced: a client has no page that asks.
//!
//! [`SystemTime`]: std::time::SystemTime

mod admit;
mod cookie;
mod date;
mod error;
mod header;
mod jar;
mod netscape;
mod scope;
#[cfg(feature = "serde")]
mod serial;
mod set_cookie;
mod store;

pub use cookie::{Cookie, CookieBuilder, SameSite};
pub use date::parse_cookie_date;
pub use error::{CookieError, Rejected};
pub use jar::CookieJar;

/// The longest Set-Cookie value that is looked at, in bytes.
pub const MAX_LINE: usize = 4096;
/// How many cookies one response may set.
pub const MAX_PER_RESPONSE: usize = 50;
/// How many cookies of one domain the jar keeps when a server sets more.
pub const MAX_PER_DOMAIN: usize = 180;
/// How many cookies the jar keeps in all when a server sets more.
pub const MAX_TOTAL: usize = 3000;
/// The longest Cookie value that is sent, in bytes; a cookie that does not fit is left out.
pub const MAX_HEADER: usize = 8192;
