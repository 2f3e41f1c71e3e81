//! A proxy on a loopback port: HTTP, by itself or over TLS, SOCKS5 and SOCKS4, whichever a client begins
//! to speak.
//!
//! ```
//! use std::io::{Read, Write};
//! use nuncio_testkit::proxy::Proxy;
//! use nuncio_testkit::server::Server;
//!
//! let origin = Server::http();
//! let proxy = Proxy::builder().name("origin.test", origin.addr()).start();
//! let mut socket = std::net::TcpStream::connect(proxy.addr()).unwrap();
//! socket.write_all(b"CONNECT origin.test:80 HTTP/1.1\r\nHost: origin.test:80\r\n\r\n").unwrap();
//! socket.write_all(b"GET /bytes/5 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
//! let mut answer = String::new();
//! socket.read_to_string(&mut answer).unwrap();
//! assert!(answer.starts_with("HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n"));
//! assert_eq!(proxy.asked()[0].target, "origin.test:80");
//! ```
//!
//! It knows the names that it was told, `localhost`, and addresses. Whatever it is asked is recorded
//! before it is looked at.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::ServerConfig;

use crate::host::{Accepted, Host};
use crate::request::{Body, Input, Request};
use crate::stream::{Socket, Stream};

/// A running proxy. Dropping it closes every connection and joins every thread.
pub struct Proxy {
    host: Host,
    log: Arc<Mutex<Vec<Asked>>>,
    tls: bool,
}

/// What the proxy was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The number of the connection that it came on, from 0.
    pub connection: u64,
    /// `CONNECT`, the method of a request to be forwarded, `SOCKS5` or `SOCKS4`.
    pub method: String,
    /// The request target; for SOCKS host and port, an IPv6 address in brackets.
    pub target: String,
    /// The whole head of a request; for SOCKS the credentials, if any, with a colon between them.
    pub head: String,
}

/// How a proxy is to be.
pub struct Builder {
    tls: Option<Arc<ServerConfig>>,
    settings: Settings,
}

#[derive(Default)]
struct Settings {
    names: Vec<(String, SocketAddr)>,
    guard: Guard,
}

/// Whom the proxy serves.
#[derive(Default)]
enum Guard {
    #[default]
    None,
    /// HTTP's value of Proxy-Authorization, and SOCKS' credentials.
    Password(String, String),
    /// Whoever answers a challenge in this user's name; the answer itself is not checked.
    Digest(String),
}

impl Proxy {
    /// A proxy for everybody.
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// A proxy to be set up.
    pub fn builder() -> Builder {
        Builder {
            tls: None,
            settings: Settings::default(),
        }
    }

    /// The address that it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.host.addr()
    }

    /// Its URL: by address for http, by `localhost` for https.
    pub fn url(&self) -> String {
        if self.tls {
            format!("https://localhost:{}", self.addr().port())
        } else {
            format!("http://{}", self.addr())
        }
    }

    /// Its URL with another scheme, such as `socks5`.
    pub fn url_as(&self, scheme: &str) -> String {
        format!("{scheme}://{}", self.addr())
    }

    /// How many connections were accepted.
    pub fn connections(&self) -> u64 {
        self.host.accepted()
    }

    /// What it was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.log
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Builder {
    /// Speaks TLS with its clients.
    pub fn tls(mut self, config: Arc<ServerConfig>) -> Self {
        self.tls = Some(config);
        self
    }

    /// Knows where a name is, whatever the port.
    pub fn name(mut self, name: &str, address: SocketAddr) -> Self {
        self.settings.names.push((name.to_owned(), address));
        self
    }

    /// Serves this user only: by Basic (`basic` is the whole value of the field), or by RFC 1929's
    /// `user:password`.
    pub fn password(mut self, basic: &str, socks: &str) -> Self {
        self.settings.guard = Guard::Password(basic.to_owned(), socks.to_owned());
        self
    }

    /// Challenges with Digest, and serves whoever answers in the name of `user`.
    pub fn digest(mut self, user: &str) -> Self {
        self.settings.guard = Guard::Digest(user.to_owned());
        self
    }

    /// Starts it on a free port of 127.0.0.1.
    ///
    /// # Panics
    ///
    /// When no port can be had.
    pub fn start(self) -> Proxy {
        let log = Arc::new(Mutex::new(Vec::new()));
        let tls = self.tls.is_some();
        let serve = {
            let (settings, log) = (self.settings, Arc::clone(&log));
            move |accepted| {
                let session = Session {
                    accepted,
                    settings: &settings,
                    log: &log,
                };
                // An error here is the client's end of the connection: its side of the test shows it.
                let _ = session.serve();
            }
        };
        let host = Host::start((Ipv4Addr::LOCALHOST, 0).into(), self.tls, serve);
        Proxy {
            host: host.expect("a free loopback port"),
            log,
            tls,
        }
    }
}

struct Session<'a> {
    accepted: Accepted,
    settings: &'a Settings,
    log: &'a Mutex<Vec<Asked>>,
}

const CONNECTED: &[u8] = b"HTTP/1.1 200 OK\r\n\r\n";
const BASIC: &str = "Basic realm=\"proxy\"";
const DIGEST: &str = "Digest realm=\"proxy\", nonce=\"n0nce\", qop=\"auth\", algorithm=SHA-256";

impl Session<'_> {
    fn serve(mut self) -> io::Result<()> {
        let mut first = [0];
        self.accepted.stream.read_exact(&mut first)?;
        match first[0] {
            5 => self.socks5(),
            4 => self.socks4(),
            first => self.http(first),
        }
    }

    fn note(&self, method: &str, target: &str, head: &str) {
        let asked = Asked {
            connection: self.accepted.id,
            method: method.to_owned(),
            target: target.to_owned(),
            head: head.to_owned(),
        };
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.push(asked);
    }

    fn dial(&self, target: &str, default: u16) -> io::Result<TcpStream> {
        let (host, port) = match target.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => {
                (host, port.parse().map_err(|_| io::ErrorKind::InvalidInput)?)
            }
            _ => (target, default),
        };
        let known = self.settings.names.iter().find(|(name, _)| name == host);
        let address = match known {
            Some((_, address)) => *address,
            None if host == "localhost" => (Ipv4Addr::LOCALHOST, port).into(),
            None => {
                let bare = host.trim_start_matches('[').trim_end_matches(']');
                let ip: IpAddr = bare.parse().map_err(|_| io::ErrorKind::NotFound)?;
                (ip, port).into()
            }
        };
        TcpStream::connect(address)
    }

    fn http(mut self, first: u8) -> io::Result<()> {
        let mut input = Input::beginning_with(first);
        let mut head = Vec::new();
        while input.read_head(&mut self.accepted.stream, &mut head)? {
            let request = Request::parse(&head, self.accepted.id, 0)?;
            let text = String::from_utf8_lossy(&head).into_owned();
            self.note(request.method(), request.target(), &text);
            let mut body = Body::new(&request);
            let mut whole = Vec::new();
            while let Some(piece) = body.next(&mut self.accepted.stream, &mut input)? {
                whole.extend_from_slice(piece);
            }
            if let Some(challenge) = self.challenge(&request) {
                let answer = format!(
                    "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: {challenge}\r\n\
                     Set-Cookie: from=proxy\r\nContent-Length: 5\r\n\r\nproxy"
                );
                self.accepted.stream.write_all(answer.as_bytes())?;
                continue;
            }
            if request.method() == "CONNECT" {
                let Ok(origin) = self.dial(request.target(), 443) else {
                    return self.unreachable();
                };
                self.accepted.stream.write_all(CONNECTED)?;
                return self.relay(origin, input.rest());
            }
            self.forward(&request, &whole)?;
        }
        Ok(())
    }

    fn unreachable(&mut self) -> io::Result<()> {
        let answer = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n";
        self.accepted.stream.write_all(answer.as_bytes())
    }

    fn challenge(&self, request: &Request<'_>) -> Option<&'static str> {
        let given = request.header("proxy-authorization").unwrap_or_default();
        let given = String::from_utf8_lossy(given);
        match &self.settings.guard {
            Guard::None => None,
            Guard::Password(basic, _) => (*basic != given).then_some(BASIC),
            Guard::Digest(user) => {
                let target = request.target();
                let fine = given.starts_with("Digest ")
                    && given.contains(&format!("username=\"{user}\""))
                    && given.contains(&format!("uri=\"{target}\""))
                    && given.contains("nonce=\"n0nce\"");
                (!fine).then_some(DIGEST)
            }
        }
    }

    /// Sends a request on with a connection of its own, and its answer back.
    fn forward(&mut self, request: &Request<'_>, body: &[u8]) -> io::Result<()> {
        let rest = request.target().strip_prefix("http://").unwrap_or_default();
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let Ok(mut origin) = self.dial(authority, 80) else {
            return self.unreachable();
        };
        let mut out = format!(
            "{} {path} HTTP/1.1\r\nConnection: close\r\n",
            request.method()
        );
        for (name, value) in request.headers() {
            let dropped = [
                "connection",
                "proxy-authorization",
                "transfer-encoding",
                "content-length",
            ];
            if !dropped.contains(&name.to_ascii_lowercase().as_str()) {
                out += &format!("{name}: {}\r\n", String::from_utf8_lossy(value));
            }
        }
        if !body.is_empty() || request.method() != "GET" {
            out += &format!("Content-Length: {}\r\n", body.len());
        }
        out += "\r\n";
        origin.write_all(out.as_bytes())?;
        origin.write_all(body)?;
        let mut answer = Vec::new();
        origin.read_to_end(&mut answer)?;
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
        let (head, body) = answer.split_at(end.unwrap_or(answer.len()));
        let head = String::from_utf8_lossy(head);
        let lines: Vec<&str> = head.split("\r\n").collect();
        let kept = lines.iter().filter(|line| **line != "connection: close");
        let kept: Vec<&str> = kept.copied().collect();
        self.accepted
            .stream
            .write_all(kept.join("\r\n").as_bytes())?;
        self.accepted.stream.write_all(body)
    }

    fn socks5(mut self) -> io::Result<()> {
        let count = self.byte()?;
        let methods = self.bytes(usize::from(count))?;
        let guarded = matches!(self.settings.guard, Guard::Password(..));
        let method = if guarded { 2 } else { 0 };
        if !methods.contains(&method) {
            self.note("SOCKS5", "", "");
            return self.say(&[5, 255]);
        }
        self.say(&[5, method])?;
        let mut credentials = String::new();
        if let Guard::Password(_, password) = &self.settings.guard {
            self.byte()?;
            let (user, secret) = (self.text()?, self.text()?);
            credentials = format!("{user}:{secret}");
            if credentials != *password {
                self.note("SOCKS5", "", &credentials);
                return self.say(&[1, 1]);
            }
            self.say(&[1, 0])?;
        }
        let request = self.bytes(4)?;
        let host = match request[3] {
            1 => Ipv4Addr::from(self.array::<4>()?).to_string(),
            4 => format!("[{}]", Ipv6Addr::from(self.array::<16>()?)),
            _ => self.text()?,
        };
        let target = format!("{host}:{}", u16::from_be_bytes(self.array()?));
        self.note("SOCKS5", &target, &credentials);
        match self.dial(&target, 0) {
            Ok(origin) => {
                self.say(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])?;
                self.relay(origin, Vec::new())
            }
            Err(_) => self.say(&[5, 5, 0, 1, 0, 0, 0, 0, 0, 0]),
        }
    }

    fn socks4(mut self) -> io::Result<()> {
        self.byte()?;
        let port = u16::from_be_bytes(self.array()?);
        let ip = Ipv4Addr::from(self.array::<4>()?);
        let user = self.until_nul()?;
        let named = ip.octets()[..3] == [0; 3];
        let host = match named {
            true => self.until_nul()?,
            false => ip.to_string(),
        };
        let target = format!("{host}:{port}");
        self.note("SOCKS4", &target, &user);
        let fine = match &self.settings.guard {
            Guard::Password(_, password) => *password == format!("{user}:"),
            _ => true,
        };
        match self.dial(&target, 0) {
            Ok(origin) if fine => {
                self.say(&[0, 90, 0, 0, 0, 0, 0, 0])?;
                self.relay(origin, Vec::new())
            }
            _ => self.say(&[0, 91, 0, 0, 0, 0, 0, 0]),
        }
    }

    fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.accepted.stream.write_all(bytes)
    }

    fn byte(&mut self) -> io::Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.accepted.stream.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn bytes(&mut self, count: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; count];
        self.accepted.stream.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn text(&mut self) -> io::Result<String> {
        let length = self.byte()?;
        let bytes = self.bytes(usize::from(length))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn until_nul(&mut self) -> io::Result<String> {
        let mut text = Vec::new();
        loop {
            match self.byte()? {
                0 => return Ok(String::from_utf8_lossy(&text).into_owned()),
                byte => text.push(byte),
            }
        }
    }

    /// Moves bytes both ways until both sides have ended, those that came with the head first.
    fn relay(self, mut origin: TcpStream, early: Vec<u8>) -> io::Result<()> {
        origin.set_nodelay(true)?;
        origin.write_all(&early)?;
        let mut accepted = self.accepted;
        if let Stream::Plain(client) = &accepted.stream {
            let (client, origin) = (client.clone(), Socket::new(origin));
            let back = {
                let (origin, client) = (origin.clone(), client.clone());
                std::thread::spawn(move || copy(origin, client))
            };
            copy(client, origin.clone());
            // Whoever has ended its sending waits for no answer here.
            origin.shutdown(Shutdown::Both);
            let _ = back.join();
            return Ok(());
        }
        // A TLS stream is one thing: whichever side has something is served in turn.
        let turn = Some(Duration::from_millis(1));
        accepted.stream.socket().set_read_timeout(turn)?;
        origin.set_read_timeout(turn)?;
        let (mut up, mut down) = (true, true);
        let mut buffer = vec![0; 16 * 1024];
        while up || down {
            if up && let Some(read) = ready(accepted.stream.read(&mut buffer))? {
                up = read > 0;
                origin.write_all(&buffer[..read])?;
                if !up {
                    origin.shutdown(Shutdown::Write)?;
                }
            }
            if down && let Some(read) = ready(origin.read(&mut buffer))? {
                down = read > 0;
                accepted.stream.write_all(&buffer[..read])?;
                accepted.stream.flush()?;
                if !down {
                    accepted.stream.close_notify();
                    accepted.stream.socket().shutdown(Shutdown::Write);
                }
            }
            if accepted.stop.is_open() {
                break;
            }
        }
        Ok(())
    }
}

/// Copies one way until that side ends.
fn copy(mut from: Socket, mut to: Socket) {
    let _ = io::copy(&mut from, &mut to);
    to.shutdown(Shutdown::Write);
}

/// None where nothing came in the time allowed.
fn ready(read: io::Result<usize>) -> io::Result<Option<usize>> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) => match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Ok(None),
            io::ErrorKind::UnexpectedEof => Ok(Some(0)),
            _ => Err(error),
        },
    }
}
