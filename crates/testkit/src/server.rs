//! A ready-made HTTP/1.1 origin on a loopback port, with or without TLS.
//!
//! ```
//! use std::io::{Read, Write};
//! use nuncio_testkit::server::Server;
//!
//! let server = Server::http();
//! let mut socket = std::net::TcpStream::connect(server.addr()).unwrap();
//! socket.write_all(b"GET /bytes/5 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
//! let mut answer = String::new();
//! socket.read_to_string(&mut answer).unwrap();
//! assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"));
//! assert_eq!((server.connections(), server.requests()), (1, 1));
//! ```
//!
//! | path | answer |
//! |---|---|
//! | `/json` | a small JSON object |
//! | `/bytes/N` | the first N bytes of [`content`](crate::content), with Content-Length |
//! | `/chunked/N` | the same, chunked, in chunks of up to 16 KiB |
//! | `/trailers/N` | the same with a trailer `x-checksum` (hexadecimal [`Checksum`](crate::checksum::Checksum)) |
//! | `/close/N` | the same, ended by the end of the connection |
//! | `/cut/N/M` | announces N bytes, sends M and ends the connection |
//! | `/drip/N/MS` | N bytes with Content-Length, one every MS milliseconds |
//! | `/delay/MS` | `/json` after MS milliseconds |
//! | `/stall` | reads nothing more and answers nothing, until the server goes away |
//! | `/echo` | JSON lines: one for the request line, one per header, one per trailer; an empty line; the body |
//! | `/mirror` | sends the request's body back, chunked, while it is still coming |
//! | `/checksum` | `{"bytes":N,"checksum":"HEX"}` of the request's body |
//! | `/early/N` | answers with status N before any of the body is read, then closes |
//! | `/status/N` | that status and a line of text, where the status allows a body |
//! | `/redirect/N` | 302 to `/redirect/N-1`, relative; `/redirect/0` is `/json` |
//! | `/redirect-to?status=N&url=U` | that status (302 if left out) with `location: U` (percent-decoded) |
//! | `/hints` | a 103 with a `link` header, then `/json` |
//!
//! Every path answers HEAD as it answers GET, without the body. A client that breaks the rules gets
//! 400 and a line that says which. A body that a path does not want is read and dropped, so that the
//! connection stays usable; `Expect: 100-continue` is met when the body is first wanted.

use std::io::{self, Read};
use std::net::{Ipv4Addr, Shutdown, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustls::ServerConfig;

use crate::certs::Leaf;
use crate::host::{Accepted, Host};
use crate::reply::Exchange;
use crate::request::{Body, Input};
use crate::routes;
use crate::stream::Stream;

pub use crate::reply::Reply;
pub use crate::request::Request;

/// A running origin. Dropping it closes every connection and joins every thread.
pub struct Server {
    host: Host,
    requests: Arc<AtomicU64>,
    tls: bool,
}

impl Server {
    /// A plain HTTP server on a free port of 127.0.0.1.
    pub fn http() -> Self {
        Self::builder().start()
    }

    /// The same over TLS with ALPN `http/1.1`.
    pub fn https(leaf: &Leaf) -> Self {
        Self::builder()
            .tls(leaf.server_config(&["http/1.1"]))
            .start()
    }

    /// A server to be set up.
    pub fn builder() -> Builder {
        Builder {
            addr: (Ipv4Addr::LOCALHOST, 0).into(),
            tls: None,
            settings: Settings {
                routes: Vec::new(),
                close_after: u64::MAX,
            },
        }
    }

    /// The address that it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.host.addr()
    }

    /// The URL of `path`, which starts with a slash: by address for http, by `localhost` for https.
    pub fn url(&self, path: &str) -> String {
        if self.tls {
            format!("https://localhost:{}{path}", self.addr().port())
        } else {
            format!("http://{}{path}", self.addr())
        }
    }

    /// How many connections were accepted.
    pub fn connections(&self) -> u64 {
        self.host.accepted()
    }

    /// How many connections are open now.
    pub fn open_connections(&self) -> usize {
        self.host.open()
    }

    /// How many request heads were read.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::SeqCst)
    }

    /// Ends every open connection, as a server does to idle ones; new ones are still welcome.
    pub fn close_connections(&self) {
        self.host.close_connections();
    }
}

/// How a server is to be.
pub struct Builder {
    addr: SocketAddr,
    tls: Option<Arc<ServerConfig>>,
    settings: Settings,
}

struct Settings {
    routes: Vec<(String, Handler)>,
    close_after: u64,
}

type Handler = Box<dyn Fn(&Request<'_>, &[u8]) -> Reply + Send + Sync>;

impl Builder {
    /// Another loopback address, e.g. `[::1]:0`. Port 0 takes a free one.
    pub fn addr(mut self, addr: SocketAddr) -> Self {
        self.addr = addr;
        self
    }

    /// TLS with this configuration.
    pub fn tls(mut self, config: Arc<ServerConfig>) -> Self {
        self.tls = Some(config);
        self
    }

    /// Answers `path` (all before the `?`) by a function of the request and its whole body, before
    /// any path of the server's own.
    pub fn route(
        mut self,
        path: &str,
        handler: impl Fn(&Request<'_>, &[u8]) -> Reply + Send + Sync + 'static,
    ) -> Self {
        self.settings
            .routes
            .push((path.to_owned(), Box::new(handler)));
        self
    }

    /// Ends each connection after this many answers without having announced it: to the client it
    /// was an idle connection that died.
    pub fn close_after(mut self, answers: u64) -> Self {
        self.settings.close_after = answers;
        self
    }

    /// Starts it.
    ///
    /// # Panics
    ///
    /// When the address cannot be had.
    pub fn start(self) -> Server {
        let requests = Arc::new(AtomicU64::new(0));
        let tls = self.tls.is_some();
        let (settings, counter) = (self.settings, requests.clone());
        let serve = move |accepted| {
            // An error here is the client's end of the connection: its side of the test shows it.
            let _ = serve(accepted, &settings, &counter);
        };
        let host = Host::start(self.addr, self.tls, serve).expect("a free loopback port");
        Server {
            host,
            requests,
            tls,
        }
    }
}

fn serve(mut accepted: Accepted, settings: &Settings, requests: &AtomicU64) -> io::Result<()> {
    let mut input = Input::new();
    let mut head = Vec::new();
    let mut out = Vec::new();
    for index in 0.. {
        if index == settings.close_after || !input.read_head(&mut accepted.stream, &mut head)? {
            break;
        }
        requests.fetch_add(1, Ordering::SeqCst);
        let request = match Request::parse(&head, accepted.id, index) {
            Ok(request) => request,
            Err(error) => {
                let text = format!("{error}\n");
                let head = format!("HTTP/1.1 400 Bad Request\r\ncontent-length: {}", text.len());
                out = format!("{head}\r\nconnection: close\r\n\r\n{text}").into_bytes();
                io::Write::write_all(&mut accepted.stream, &out)?;
                return linger(&mut accepted.stream);
            }
        };
        let mut exchange = Exchange {
            keep_alive: !request.close,
            request,
            body: Body::new(&request),
            continued: false,
            input: &mut input,
            stream: &mut accepted.stream,
            out: &mut out,
            stop: &accepted.stop,
        };
        let own = settings
            .routes
            .iter()
            .find(|(path, _)| path == request.path());
        match own {
            Some((_, handler)) => {
                let body = exchange.whole_body()?;
                exchange.reply(&handler(&request, &body))?;
            }
            None => routes::answer(&mut exchange)?,
        }
        if !exchange.finish()? {
            break;
        }
    }
    linger(&mut accepted.stream)
}

/// Ends our side and lets the client end its own: a plain close with bytes unread would reset the
/// connection and could take the answer away from the client.
fn linger(stream: &mut Stream) -> io::Result<()> {
    stream.close_notify();
    stream.socket().shutdown(Shutdown::Write);
    let mut socket = stream.socket().clone();
    socket.set_read_timeout(Some(Duration::from_secs(2)))?;
    let mut scratch = [0; 16 * 1024];
    while socket.read(&mut scratch)? > 0 {}
    Ok(())
}
