//! An HTTP client for any runtime, over a core that does no I/O.
//!
//! One API, and only `.await` differs:
//!
//! ```no_run
//! # #[cfg(feature = "blocking")]
//! # fn example() -> Result<(), nuncio::Error> {
//! let client = nuncio::blocking::Client::builder().base_url("https://api.example.com/").build()?;
//! let page = client.get("users").query([("page", "2")]).send()?.error_for_status()?;
//! println!("{} {}", page.status(), page.text());
//! # Ok(())
//! # }
//! ```
//!
//! ```no_run
//! # #[cfg(feature = "tokio")]
//! # async fn example() -> Result<(), nuncio::Error> {
//! let client = nuncio::tokio::builder().base_url("https://api.example.com/").build()?;
//! let page = client.get("users").query([("page", "2")]).send().await?.error_for_status()?;
//! println!("{} {}", page.status(), page.text());
//! # Ok(())
//! # }
//! ```
//!
//! The async [`Client`] is one concrete type whatever the runtime: `nuncio::smol::builder()` makes it
//! on smol. For one request alone there are functions, such as [`blocking::get`] and [`tokio::get`].
//!
//! # Chapters
//!
//! - [Clients](#clients): what is set once, and clients made from clients
//! - [Requests](#requests): queries, headers, bodies, forms, files
//! - [Responses](#responses): status, text, JSON, charsets, links
//! - [Streams](#streams): bodies as they come, in pieces, lines, events
//! - [Upgrades](#upgrades): connections that leave HTTP, for WebSockets and the like
//! - [Redirects](#redirects): when they are followed, and what goes along
//! - [Authentication](#authentication): Basic, Bearer, Digest, netrc, schemes of your own
//! - [Cookies](#cookies): the jar, and who gets what
//! - [Limits](#limits): on time, connections, and what decoding may give
//! - [Connections](#connections): addresses, look-ups, sockets, and what may be dialled
//! - [Errors](#errors): what failed, and whether to try again
//! - [Hooks and events](#hooks-and-events): seeing and changing what passes
//! - [Transports](#transports): what stands below, for all URLs or for some
//! - [Tests without a network](#tests-without-a-network)
//! - [Runtimes and TLS](#runtimes-and-tls)
//! - [Proxies](#proxies): which one serves what, and what it is told
//! - [HTTP/2](#http2): what asks for it, and what changes
//! - [Other crates' types](#other-crates-types): `http`, tower
//! - [Not there yet](#not-there-yet)
//! - [Features](#features)
//!
//! # Clients
//!
//! A client holds connections, settings and cookies. It is cheap to clone, and clones share all three;
//! make one and keep it. Its builder has what holds for every request: a base URL, headers, query,
//! authentication, cookies, limits, redirects, hooks, transports. Afterwards nothing of it changes;
//! [`with`](blocking::Client::with) makes another client that differs, and shares the connections
//! unless the difference is in how those are made.
//!
//! ```no_run
//! # #[cfg(feature = "blocking")]
//! # fn example() -> Result<(), nuncio::Error> {
//! let client = nuncio::blocking::Client::builder()
//!     .base_url("https://api.example.com/v2/") // where "users" becomes /v2/users
//!     .header("X-App", "7")
//!     .auth(("ada", "secret"))
//!     .build()?;
//! let admin = client.with(|it| it.auth(("admin", "more secret")).header("X-Role", "admin"))?;
//! admin.delete("users/3").send()?.error_for_status()?;
//! # Ok(())
//! # }
//! ```
//!
//! The client's authentication goes to the origin of its base URL alone, if it has one, and cookies
//! given to its builder to that host. `close()` closes it for all clones, and ends what is under way.
//! When nothing goes on, print `client.pool()`: every connection and what it does, and every request that
//! waits for one and why.
//!
//! # Requests
//!
//! [`blocking::RequestBuilder`] and [`RequestBuilder`] are one definition: `query`, `header`, `body`,
//! `form`, `json`, `multipart`, `auth`, `cookie`, `timeout`, `follow_redirects` and more, each for this
//! request alone and in place of what the client has. Mistakes are kept until it is sent, and reported
//! before anything is. `build()` gives the [`Request`] as it would be sent, to look at, to change, and
//! for `Client::send`.
//!
//! A [`Body`] is bytes, text, a reader, a stream, or a file ([`blocking::file`], [`tokio::file`]); a
//! [`Form`] is made of fields and [`Part`]s. Its length is announced where it is known; what can be read
//! once more is sent once more where a redirect or a challenge asks for it, and is an error
//! ([`Kind::StreamConsumed`]) where it cannot.
//!
//! ```
//! # #[cfg(feature = "blocking")]
//! # fn main() -> Result<(), nuncio::Error> {
//! use nuncio::{Form, Part, blocking::Client};
//!
//! let client = Client::builder().build()?;
//! let form = Form::new().text("title", "Sales").part("table", Part::new("1,2").file_name("a.csv"));
//! let request = client.post("https://example.com/?a=1").query([("b", "2")]).multipart(form).build()?;
//! assert_eq!(request.url().as_str(), "https://example.com/?a=1&b=2");
//! let kind = request.headers().get("Content-Type").unwrap_or_default();
//! assert!(kind.starts_with("multipart/form-data; boundary="));
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "blocking"))]
//! # fn main() {}
//! ```
//!
//! # Responses
//!
//! A [`Response`] has its body read, and can be shared and kept; what it says beside the body is its
//! [`Head`]: status, headers, [`history`](Head::history), [`links`](Head::links), the
//! [request](Head::request) that it answers, how long that [took](Head::elapsed), who
//! [sent](Head::peer_address) it and over what [TLS](Head::tls), what came [before](Head::interim) it and
//! [behind](Head::trailers) its body. Any status is a response; [`error_for_status`](Response::error_for_status) makes an error of those that are no
//! success, and the error has the response in it.
//!
//! [`text`](Response::text) reads the body in the charset that is declared, else in the
//! [`DefaultEncoding`]; it never fails. [`json`](Response::json) may borrow from the body.
//!
//! # Streams
//!
//! `stream()` in place of `send()` gives the response when its head is there. [`blocking::Streaming`]
//! is an iterator's source, `Read` and `BufRead`; [`Streaming`] has futures instead, and is `AsyncRead` (of
//! `futures-io`; [`tokio::into_tokio_read`] makes tokio's).
//!
//! | pull | gives |
//! |---|---|
//! | `chunk`, `chunks(n)` | bytes, decoded, as they come or n at a time |
//! | `raw_chunk`, `raw_chunks(n)` | bytes as they came over the network |
//! | `text`, `text_chunks(n)`, `lines` | text in the response's charset |
//! | `events` | Server-Sent Events |
//! | `json_lines` | a value from each line |
//! | `into_response` | what `send()` would have given, of the part not yet pulled |
//!
//! Nothing is read ahead of the pulls but what a buffer holds, so a slow reader slows the server down.
//! Pulled to the end, the connection can be used again; dropped before, it is closed.
//!
//! # Upgrades
//!
//! A request may offer to leave HTTP, with `Connection: Upgrade` and `Upgrade`, or ask for a tunnel with
//! CONNECT. Where the server takes that (101, or 2xx to CONNECT), `stream()?.upgrade()?` gives the
//! connection: [`blocking::Upgraded`] is `Read` and `Write`, for two threads if need be, [`Upgraded`] is
//! `AsyncRead` and `AsyncWrite` (of `futures-io`; [`tokio::into_tokio_io`] makes tokio's). Nothing that
//! came behind the head is lost, and TLS can be begun inside (`start_tls`). WebSocket crates run over it:
//! the example `websocket` shows one. It stays one of the client's connections, for its limits, until it
//! is dropped. Over HTTP/2 there is no such thing: neither is sent.
//!
//! # Redirects
//!
//! None is followed unless the client or the request says [`follow_redirects(true)`], and then up to
//! 20; [`Redirects`] has all there is to say: a limit, a hook that sees each hop and may change or stop
//! it, `Referer`. A response that sends elsewhere and was not followed has a
//! [`next_request`](Head::next_request).
//!
//! To another origin (scheme, host or port) go only fields that tell nothing about who asks, those that
//! describe a body which is sent again, and those that [`Redirects::headers`] names. Whatever else the
//! caller set may be a secret, and who wrote the `Location` need not be who it was meant for. (From http to
//! https of the same host, default ports both, `Authorization` is kept, as httpx does it.) The method and
//! the body follow httpx: 302 and 303 make a GET of all but HEAD, 301 makes one of a POST, 307 and 308
//! keep both. [`https_only`] refuses hops to http.
//!
//! # Authentication
//!
//! An [`Auth`] is [Basic](Auth::basic), [Bearer](Auth::bearer), [`Digest`] (RFC 7616), what a
//! [netrc] file says, a [function](Auth::function), or a [scheme](Auth::scheme) of your own: a
//! machine that is shown responses and says what to send next ([`auth::AuthScheme`] has an example). The
//! request's counts, else the client's, else what stands in the URL.
//!
//! ```
//! # #[cfg(feature = "blocking")]
//! # fn main() -> Result<(), nuncio::Error> {
//! use nuncio::{Auth, Mock, Reply, blocking::Client};
//!
//! let site = Mock::answering(|request| match request.headers().get("Authorization") {
//!     Some(answer) if answer.starts_with("Digest username=\"ada\"") => Reply::new(200),
//!     _ => Reply::new(401).header("WWW-Authenticate", "Digest realm=\"r\", nonce=\"n\", qop=\"auth\""),
//! });
//! let client = Client::builder().transport(site.transport()).auth(Auth::digest("ada", "secret")).build()?;
//! let page = client.get("https://example.com/").send()?;
//! assert_eq!((page.status().as_u16(), page.history().len()), (200, 1));
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "blocking"))]
//! # fn main() {}
//! ```
//!
//! # Cookies
//!
//! Each client has a [`CookieJar`], which keeps what servers set, by RFC 6265bis and the public suffix
//! list. A jar is cheap to clone, and clones share what is in it: give one to several clients, look into it
//! through [`cookies`](blocking::Client::cookies), load and save it in curl's format with [`cookie_file`], or
//! with the feature `serde` as whatever serde writes. `cookie_store(false)` keeps nothing. A cookie of a
//! request goes with that request and no hop after it.
//!
//! ```
//! # #[cfg(feature = "serde")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let jar = nuncio::CookieJar::from_pairs([("theme", "dark")])?;
//! let saved = serde_json::to_string(&jar)?;
//! let again: nuncio::CookieJar = serde_json::from_str(&saved)?;
//! assert_eq!(again.get("theme")?.as_deref(), Some("dark"));
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "serde"))]
//! # fn main() {}
//! ```
//!
//! # Limits
//!
//! | what | default | to be changed by |
//! |---|---|---|
//! | connecting, each read, each write, waiting for a connection | 5 s each | [`Timeout`] |
//! | all of a request; the least speed of a body | none | [`Timeout::total`], [`Timeout::low_speed`] |
//! | a body that waits for leave (`Expect: 100-continue`) | 1 s, then it goes | [`Timeout::expect_continue`] |
//! | connections; idle ones; for how long | 100; 20; 5 s | [`Limits`] |
//! | connections to one origin | no other than that | [`Limits`] |
//! | requests at once on a connection of HTTP/2 | 100, or fewer where its server says so | |
//! | the head of a response | 128 KiB (HTTP/2: 64 KiB), 256 fields | |
//! | heads before it; trailers of HTTP/1.1 | 16; 16 KiB, 64 fields | |
//! | redirects and challenges | 20 | [`Redirects::limit`] |
//! | what a coded body may decode to | 64 MiB, or 100 times its size | [`Budget`] |
//! | codings, one over another | 5 | `max_codings` |
//! | a line of a stream; an event | 64 MiB; 16 MiB | |
//! | the body that a status error of a stream reads | 64 KiB | |
//! | addresses of one host that are tried; the time before the next joins in | 16; 250 ms | |
//! | how often a connection that cannot be made is tried for again | 0 | `retries` |
//! | cookies: of one domain; in all; of one response | 180; 3,000; 50 | |
//!
//! A read or write limit is on silence, not on the whole transfer; the total is on everything, from the
//! first hook to the last byte.
//!
//! # Connections
//!
//! A host's addresses are raced as RFC 8305 has it, so that one which is dead costs little. Names are looked up
//! by the system; `resolve` gives a host addresses without asking, `resolver` another
//! [`Resolver`]. `local_address` and [`SocketOptions`] say how sockets are made, and `unix_socket`
//! dials a Unix domain socket whatever the URL. A [`Network`] has all of these, too.
//!
//! Who sends requests to URLs that come from others should say where they may lead. The
//! [`ConnectPolicy`] is asked about every address before it is dialled, redirects included:
//!
//! ```
//! # #[cfg(feature = "blocking")]
//! # fn main() -> Result<(), nuncio::Error> {
//! use nuncio::{ConnectPolicy, Kind, blocking::Client};
//!
//! let client = Client::builder()
//!     .connect_policy(ConnectPolicy::public_addresses_only())
//!     .build()?;
//! let error = client.get("http://[::ffff:127.0.0.1]:6379/").send().unwrap_err();
//! assert_eq!(error.kind(), Kind::Policy);
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "blocking"))]
//! # fn main() {}
//! ```
//!
//! # Errors
//!
//! There is one [`Error`]: its [`Kind`], predicates such as [`is_timeout`](Error::is_timeout), the
//! request, the address, the [phase](Error::phase), and whether the server may have
//! [acted](Error::processed) on it. It is one line, it is cheap to clone, and neither it nor any `Debug` output holds a secret.
//!
//! ```
//! # #[cfg(feature = "blocking")]
//! # fn main() -> Result<(), nuncio::Error> {
//! use nuncio::{Kind, Script, blocking::Client};
//!
//! let down = Script::new().refuse();
//! let client = Client::builder().transport(down.transport()).build()?;
//! let error = client.get("http://ada:secret@example.com/").send().unwrap_err();
//! assert_eq!((error.kind(), error.is_connect()), (Kind::Connect, true));
//! assert!(error.to_string().starts_with("GET http://example.com/: "));
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "blocking"))]
//! # fn main() {}
//! ```
//!
//! # Hooks and events
//!
//! `on_request` shows each request before it goes, `on_response` each head before its body is read: on
//! every hop and every step of an authentication. They may change what they see, and an error ends the
//! call. An async client also takes hooks that wait: `on_request_async`, `on_response_async`.
//! `on_interim` is told of what comes before a response, 103 Early Hints for instance ([`Interim`]).
//!
//! `on_event` tells what happens below: look-ups, connections, heads, the end of bodies ([`Event`]).
//! It only watches. A request may have a listener of its own, which is told of nothing else.
//!
//! # What the URL does not say
//!
//! A request may name the server that it is meant for (`server_name`: SNI, and what the certificate must
//! hold), where the URL has an address, and give its request target as it is (`target`: `*` for OPTIONS,
//! odd escapes). Requests that want different names of a server share no connection.
//!
//! # Transports
//!
//! A [`Transport`] takes one request and gives one [`Reply`]; it stands below redirects, cookies,
//! authentication and hooks. It is a [`Network`] with settings of its own, a
//! [function](Transport::function), your own [`BlockingTransport`] or [`AsyncTransport`], a [`Mock`] or a
//! [`Script`]. `transport` gives a client one for all URLs, `mount` one for those like a pattern:
//!
//! ```
//! # #[cfg(feature = "blocking")]
//! # fn main() -> Result<(), nuncio::Error> {
//! use nuncio::{Limits, Network, Reply, Transport, blocking::Client};
//!
//! let few = Limits { max_connections: Some(2), ..Limits::default() };
//! let client = Client::builder()
//!     .mount("https://slow.example.com", Transport::network(Network::new().limits(few)))
//!     .mount("app://", Transport::function(|request| Ok(Reply::new(200).text(request.url().path()))))
//!     .build()?;
//! assert_eq!(client.get("app://local/page").send()?.text(), "/page");
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "blocking"))]
//! # fn main() {}
//! ```
//!
//! # Tests without a network
//!
//! A [`Mock`] answers from the test, and remembers what it was asked; a [`Script`] says what a server
//! would, byte for byte, under the real connection machine. Both serve blocking and async clients, and
//! either can be mounted (`ClientBuilder::mount`) for some URLs alone.
//!
//! ```
//! # #[cfg(feature = "blocking")]
//! # fn main() -> Result<(), nuncio::Error> {
//! use nuncio::{Kind, Mock, Reply, Script, blocking::Client};
//!
//! let mock = Mock::new()
//!     .on("GET", "/old", |_| Reply::new(301).header("Location", "/users"))
//!     .on("GET", "/users", |_| Reply::new(200).text("Ada"));
//! let client = Client::builder().transport(mock.transport()).follow_redirects(true).build()?;
//! let page = client.get("https://example.com/old").send()?;
//! assert_eq!((&*page.text(), page.history().len()), ("Ada", 1));
//! mock.assert_calls("GET", "/users", 1);
//!
//! let script = Script::new()
//!     .expect("GET /cut HTTP/1.1\r\n")
//!     .expect_head()
//!     .send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel")
//!     .silence();
//! let client = Client::builder().mount("all://*.example.com", script.transport()).build()?;
//! let error = client.get("https://www.example.com/cut").send().unwrap_err();
//! // Five seconds on the script's clock, none on ours.
//! assert_eq!(error.kind(), Kind::ReadTimeout);
//! script.assert_done();
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "blocking"))]
//! # fn main() {}
//! ```
//!
//! # Runtimes and TLS
//!
//! [`blocking`] has no background thread but short-lived ones for look-ups, and no runtime. The async
//! clients run on [`tokio`], [`smol`] and [`async_std`], or on whatever implements [`Runtime`]; no task is
//! spawned for a request, and a future that is dropped leaves the pool as it was. One client may serve
//! several runtimes.
//!
//! TLS is rustls with ring or AWS-LC: Mozilla's roots, or `root_certificates`, or the operating system's,
//! or with `trust_env` those that `SSL_CERT_FILE` and `SSL_CERT_DIR` name, or a whole configuration by
//! `tls_config`. Client certificates, the oldest version, another name to verify and a key log are set
//! on [`tls::Tls`]; a response tells what was agreed on ([`Head::tls`]).
//!
//! # Proxies
//!
//! A [`Proxy`] speaks HTTP, HTTPS, SOCKS5 or SOCKS4, with Basic or Digest, fields and TLS settings of its
//! own. It is given to a client, to a pattern of URLs, or to one request; with `trust_env` the
//! environment names it (`HTTPS_PROXY`, `NO_PROXY` and the like, `NUNCIO_PROXY` before them).
//! `explain_proxy` says which one a URL would take, and why. What a proxy is told is told to nobody
//! else, and what goes wrong at a proxy is [`Kind::Proxy`], or names it ([`Error::proxy`]).
//!
//! ```no_run
//! # #[cfg(feature = "blocking")]
//! # fn main() -> Result<(), nuncio::Error> {
//! use nuncio::blocking::Client;
//! use nuncio::{Proxy, Transport};
//!
//! let client = Client::builder()
//!     .proxy(Proxy::new("http://proxy.example:3128").auth("user", "password"))
//!     .mount("all://*.onion", Transport::proxy("socks5://localhost:9050"))
//!     .mount("all://localhost", Transport::client_default())
//!     .build()?;
//! assert_eq!(
//!     client.explain_proxy("https://example.com/")?.to_string(),
//!     "http://proxy.example:3128, by the client's proxy()",
//! );
//! let direct = client.get("https://example.com/").no_proxy().send()?;
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "blocking"))]
//! # fn main() {}
//! ```
//!
//! # HTTP/2
//!
//! With the feature `http2`, `http2(true)` on a builder offers HTTP/2 to https servers, and the server
//! picks; `http2_prior_knowledge(true)` speaks nothing else, without TLS too. Nothing else changes: the
//! requests that are under way to one origin share a connection, and another is made when it is full. A
//! time-out or a dropped future ends its own stream; a connection on which something timed out is not
//! used again before it has answered a PING. What a server says that it did not take (REFUSED_STREAM,
//! GOAWAY, 421) is sent again where it can be, and one that requires HTTP/1.1 gets that.
//!
//! ```no_run
//! # #[cfg(all(feature = "blocking", feature = "http2"))]
//! # fn main() -> Result<(), nuncio::Error> {
//! use nuncio::{Body, Headers, Version, blocking::Client};
//! use std::time::Duration;
//!
//! let client = Client::builder()
//!     .http2(true)
//!     .http2_keep_alive(Duration::from_secs(20)) // a silent server is asked whether it is there
//!     .build()?;
//! let body = Body::from("hello").with_trailers(|| {
//!     let mut trailers = Headers::new();
//!     let _ = trailers.append("x-checksum", "2cf24dba");
//!     trailers
//! });
//! let response = client.post("https://example.com/").body(body).send()?;
//! assert_eq!(response.version(), Version::HTTP_2);
//! println!("{:?}", response.trailers());
//! # Ok(())
//! # }
//! # #[cfg(not(all(feature = "blocking", feature = "http2")))]
//! # fn main() {}
//! ```
//!
//! # Other crates' types
//!
//! A [`Request`] can be made of an `http::Request` and the other way round, and so can a [`Response`] and
//! a [`Reply`]. With the feature `tower` the async client is a `tower::Service`, and one can be its
//! transport.
//!
//! # Not there yet
//!
//! Retries of requests that were sent, `ws` URLs, CBOR, the proxy settings of macOS and Windows, NTLM and
//! Negotiate, and what `tracing` would say (there are events). Nor is there HTTP/3, or a cache.
//!
//! # Features
//!
//! | feature | default | gives |
//! |---|---|---|
//! | `blocking` | yes | [`blocking`]: over `std::net`, no async crate in its tree |
//! | `tokio` | | [`tokio`]: the async client on tokio |
//! | `smol` | | [`smol`]: the async client on smol |
//! | `async-std` | | [`async_std`]: the async client for programs that are still on async-std |
//! | `tls` | yes | https, by rustls with ring and Mozilla's roots |
//! | `aws-lc` | | AWS-LC as the crypto provider, with key exchange against quantum computers: beside ring where asked for, alone where `tls` is off |
//! | `encrypted-keys` | | client certificates whose private key is encrypted |
//! | `platform-roots` | | `tls::platform`: the roots and the verdict of the operating system |
//! | `http2` | | `ClientBuilder::http2`: HTTP/2 by ALPN, or by prior knowledge |
//! | `json` | yes | JSON bodies through serde |
//! | `idna` | yes | domain names beyond ASCII |
//! | `gzip` | yes | responses in gzip and deflate, announced and decoded |
//! | `brotli`, `zstd` | | the same for br and zstd |
//! | `charset` | | text in other charsets than UTF-8 |
//! | `detect` | | guessing a charset from the body: [`DefaultEncoding`] |
//! | `tower` | | the async client as a tower service, and `Transport::service` |
//! | `hickory` | | `tokio::hickory`: names looked up in this process, by hickory-resolver |
//! | `compress` | | `RequestBuilder::compress`: bodies sent in a content coding |
//! | `serde` | | cookies and jars that can be serialized |
//! | `full` | | all of them |
//!
//! The protocol crates can be used alone: `nuncio-url`, `nuncio-headers`, `nuncio-multipart`,
//! `nuncio-content`, `nuncio-http1`, `nuncio-http2`, `nuncio-connection`.
//!
//! [`follow_redirects(true)`]: blocking::ClientBuilder::follow_redirects
//! [`https_only`]: blocking::ClientBuilder::https_only

#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![cfg_attr(not(feature = "full"), allow(rustdoc::broken_intra_doc_links))]

pub mod cookie_file;
pub mod netrc;
#[cfg(any(feature = "tls", feature = "aws-lc", feature = "platform-roots"))]
pub mod tls;

pub use nuncio_client::{
    Address, AsyncResolve, AsyncTransport, Auth, BlockingResolve, BlockingTransport, Body,
    BodyStream, BoxFuture, Budget, Candidate, ConnId, ConnectPolicy, ConnectionSnapshot,
    ConnectionState, Cookie, CookieJar, DefaultEncoding, DialError, DialFailure, Digest, Error,
    Event, Feed, Form, Head, Headers, Hop, Http1Config, Interim, IntoReply, Kind, Limits, Link,
    Links, Method, Mock, Netrc, Network, OneShot, OriginSnapshot, ParamValue, Part, Phase,
    PoolCounts, PoolSnapshot, Processed, Protocol, Proxy, ProxyChoice, ProxyReason, QueryParams,
    RawSocket, Redirect, RedirectAction, Redirects, Reference, Reply, Request, Resolver, Response,
    Script, SentRequest, ServerSentEvent, Side, SocketOptions, StatusCode, Timeout, Transport, Url,
    Version, WaitReason, WaiterSnapshot, auth, cookies, cut, is_public,
};

#[cfg(feature = "compress")]
pub use nuncio_client::Coding;
#[cfg(any(feature = "tls", feature = "aws-lc", feature = "platform-roots"))]
pub use nuncio_client::TlsParams;

/// The client over `std::net`, without an async runtime.
#[cfg(feature = "blocking")]
pub mod blocking {
    pub use nuncio_blocking::{
        Blocking, Client, ClientBuilder, Items, ReadHalf, RequestBuilder, Streaming, Upgraded,
        WriteHalf, delete, file, file_part, get, head, opened_file, options, patch, post, put,
        request,
    };
}

/// The async client on tokio.
#[cfg(feature = "tokio")]
pub mod tokio {
    pub use nuncio_tokio::{
        Tokio, TokioIo, builder, delete, file, file_part, from_tokio_read, get, head,
        into_tokio_io, into_tokio_read, options, patch, post, put, request,
    };
    #[cfg(feature = "hickory")]
    pub use nuncio_tokio::{from_hickory, hickory, hickory_resolver};
}

/// The async client on smol.
#[cfg(feature = "smol")]
pub mod smol {
    pub use nuncio_smol::{
        Smol, builder, delete, file, file_part, get, head, options, patch, post, put, request,
    };
}

/// The async client for programs on async-std, which has been discontinued (RUSTSEC-2025-0052):
/// a new program takes [`smol`] or [`tokio`].
///
/// async-std itself is not among this crate's dependencies: its reactor and its executor are.
#[cfg(feature = "async-std")]
pub mod async_std {
    pub use nuncio_async_std::{
        AsyncStd, builder, delete, file, file_part, get, head, options, patch, post, put, request,
    };
}

#[cfg(any(feature = "tokio", feature = "smol", feature = "async-std"))]
pub use nuncio_async::{
    Async, Client, ClientBuilder, Items, RequestBuilder, Runtime, Socket, Streaming, Timer,
    Upgraded, from_async_read, from_poll_read, from_stream,
};

/// The examples of the README compile: they are tests of this crate.
#[cfg(all(doctest, feature = "full"))]
#[doc = include_str!("../../../README.md")]
pub struct Readme;
