//! One request's way through a proxy: whom to dial, what is said to the proxy, and to whom else nothing
//! of it (SECURITY X1 to X3, X12).

use super::{Means, Proxy, Resolves, Speaks};
use crate::auth::Ticket;
use crate::dialing::{Hop, Target};
use crate::error::{Error, Kind};
use crate::request::Request;
use nuncio_connection::{
    Error as ConnectionError, HttpConnect, Layer, ProxyError, Socks4, Socks5, SocksAuth, SocksHost,
};
use nuncio_headers::Headers;
use nuncio_url::Url;
use std::net::{IpAddr, SocketAddr};

/// What one leg knows about its proxy.
pub(crate) struct Detour {
    pub(crate) proxy: Proxy,
    /// Where the proxy is to connect to, once it was looked up here.
    origin: Option<IpAddr>,
    answers: Answers,
    /// For the answer to what the proxy asked just now.
    ticket: Option<Ticket>,
    reach: Reach,
}

/// How often the proxy's challenge was answered (SECURITY A8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answers {
    None,
    One,
    /// Another, as the first nonce was stale.
    Two,
}

/// A request as it is said where a proxy is on the way.
pub(crate) struct Said {
    target: String,
    headers: Headers,
}

impl Said {
    pub(crate) fn target(&self) -> &str {
        &self.target
    }

    pub(crate) fn headers(&self) -> &Headers {
        &self.headers
    }
}

/// How far a new connection came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// Nobody was dialled.
    Nowhere,
    /// The proxy was not reached yet, or had not done what it was asked.
    Proxy,
    /// So many layers are to be set up behind the socket, the first of them with the proxy.
    Dialled { layers: usize, with_proxy: usize },
    /// What fails now is not the proxy's.
    Origin,
}

/// The longest name that SOCKS carries, in bytes.
const LONGEST_NAME: usize = 255;

impl Detour {
    pub(crate) fn new(proxy: Proxy) -> Self {
        Detour {
            proxy,
            origin: None,
            answers: Answers::None,
            ticket: None,
            reach: Reach::Nowhere,
        }
    }

    /// A connection is asked for; what goes wrong with that is nobody's but ours.
    pub(crate) fn begin(&mut self) {
        self.reach = Reach::Nowhere;
    }

    /// The proxy is looked up, and dialled.
    pub(crate) fn set_out(&mut self) {
        self.reach = Reach::Proxy;
    }

    /// The proxy's address answered; these layers are set up over that.
    pub(crate) fn reached(&mut self, url: &Url, layers: usize) {
        // The last one is TLS with the origin.
        let with_proxy = layers - usize::from(url.scheme() == "https").min(layers);
        self.reach = Reach::Dialled { layers, with_proxy };
    }

    /// Setting up layers failed, when so many did not stand.
    pub(crate) fn stopped_at(&mut self, left: usize) {
        if let Reach::Dialled { layers, with_proxy } = self.reach {
            self.reach = match layers.saturating_sub(left) < with_proxy {
                true => Reach::Proxy,
                false => Reach::Origin,
            };
        }
    }

    /// Names the proxy that failed, or was on the way when something else did.
    pub(crate) fn blame(&self, error: Error) -> Error {
        match self.reach {
            _ if error.kind() == Kind::Proxy => error.by_proxy(&self.proxy, true),
            Reach::Nowhere => error,
            Reach::Proxy => error.by_proxy(&self.proxy, true),
            Reach::Dialled { .. } | Reach::Origin => error.by_proxy(&self.proxy, false),
        }
    }

    fn means(&self) -> &Means {
        &self.proxy.0
    }

    /// Whether the proxy is told the request itself, and not just whom to connect to.
    pub(crate) fn forwards(&self, url: &Url) -> bool {
        self.means().is_http() && url.scheme() == "http"
    }

    /// Who has to be looked up next: the proxy, once the origin is known where that is looked up here.
    pub(crate) fn target<'a>(&'a self, url: &'a Url) -> Target<'a> {
        if self.seeks_origin(url) {
            return Target {
                host: url.host_str(),
                port: port_of(url),
                hop: Hop::Origin,
            };
        }
        Target {
            host: &self.means().host,
            port: self.means().port,
            hop: Hop::Proxy,
        }
    }

    fn seeks_origin(&self, url: &Url) -> bool {
        let here = self.means().resolves == Resolves::Here && !self.means().is_http();
        here && self.origin.is_none() && literal(url.host_str()).is_none()
    }

    /// Takes the addresses of the origin, of which the proxy is told one.
    ///
    /// # Errors
    /// When the origin has no address that the proxy can be told.
    pub(crate) fn found(&mut self, url: &Url, addresses: &[SocketAddr]) -> Result<(), Error> {
        let fits = |ip: &IpAddr| self.means().speaks != Speaks::Socks4 || ip.is_ipv4();
        let mut found = addresses.iter().map(SocketAddr::ip);
        let Some(ip) = found.find(fits) else {
            let host = url.host_str();
            let text = format!("'{host}' has no IPv4 address, and SOCKS4 carries no other");
            return Err(Error::new(Kind::Proxy, text));
        };
        self.origin = Some(ip);
        Ok(())
    }

    /// What can be told to be in the way before anybody is dialled.
    ///
    /// # Errors
    /// For a name that SOCKS cannot carry (SECURITY X10).
    pub(crate) fn check(&self, url: &Url) -> Result<(), Error> {
        let length = url.host_str().len();
        if !self.means().is_http() && length > LONGEST_NAME && !self.seeks_origin(url) {
            let error = ProxyError::NameLength(length);
            return Err(Error::connection(ConnectionError::Proxy(error), true));
        }
        Ok(())
    }

    /// What the proxy is asked to do before the origin can be talked to; none where it forwards.
    pub(crate) fn layer(&mut self, url: &Url) -> Result<Option<Layer>, Error> {
        if self.forwards(url) {
            return Ok(None);
        }
        let port = port_of(url);
        let means = self.means();
        if means.is_http() {
            let authority = format!("{}:{port}", url.host_str());
            let mut headers = Headers::with_capacity(2 + means.headers.len(), 128);
            put(&mut headers, "Host", authority.as_bytes())?;
            if let Some(value) = self.authorization("CONNECT", &authority, Some(b""))? {
                put(&mut headers, "Proxy-Authorization", &value)?;
            }
            for (name, value) in &self.means().headers {
                headers.append(name, value).map_err(illegal)?;
            }
            return Ok(Some(Layer::HttpConnect(HttpConnect { authority, headers })));
        }
        let host = match self.origin.or_else(|| literal(url.host_str())) {
            Some(address) => SocksHost::Ip(address),
            None => SocksHost::Name(url.host_str().to_owned()),
        };
        let user = means.user.as_ref();
        Ok(Some(match means.speaks {
            Speaks::Socks4 => Layer::Socks4(Socks4 {
                host,
                port,
                user: user
                    .map(|user| user.name.as_bytes().to_vec())
                    .unwrap_or_default(),
            }),
            _ => Layer::Socks5(Socks5 {
                host,
                port,
                auth: user.map(|user| SocksAuth {
                    user: user.name.as_bytes().to_vec(),
                    password: user.password.as_bytes().to_vec(),
                }),
            }),
        }))
    }

    /// What is said in place of the request's own target and fields; none where that is what is said.
    ///
    /// A proxy that forwards gets an absolute URL without credentials and fragment, or the target that
    /// the request was given, and its own fields
    /// behind Host, but for those that the request has itself. Into a tunnel no Proxy-Authorization goes,
    /// the caller's included.
    pub(crate) fn said(&mut self, request: &Request) -> Result<Option<Said>, Error> {
        self.reach = Reach::Origin;
        let own = request.headers();
        if self.forwards(request.url()) {
            return self.forwarded(request).map(Some);
        }
        if !own.contains("proxy-authorization") {
            return Ok(None);
        }
        let mut headers = own.clone();
        headers.remove("proxy-authorization");
        let target = request.target().into_owned();
        Ok(Some(Said { target, headers }))
    }

    fn forwarded(&mut self, request: &Request) -> Result<Said, Error> {
        let url = request.url();
        let target = match request.own_target() {
            Some(target) => target.to_owned(),
            None => format!("{}://{}{}", url.scheme(), url.netloc(), url.raw_path()),
        };
        let own = request.headers();
        let extra = &self.means().headers;
        let bytes = own.as_wire().len() + extra.as_wire().len() + 128;
        let mut headers = Headers::with_capacity(own.len() + extra.len() + 1, bytes);
        let is_host = |name: &str| name.eq_ignore_ascii_case("host");
        for (name, value) in own.iter().filter(|(name, _)| is_host(name)) {
            headers.append(name, value).map_err(illegal)?;
        }
        if !own.contains("proxy-authorization") {
            let body = request.body().as_bytes().map(|bytes| &**bytes);
            let value = self.authorization(request.method().as_str(), &target, body)?;
            if let Some(value) = value {
                put(&mut headers, "Proxy-Authorization", &value)?;
            }
        }
        for (name, value) in &self.means().headers {
            if !own.contains(name) {
                headers.append(name, value).map_err(illegal)?;
            }
        }
        for (name, value) in own.iter().filter(|(name, _)| !is_host(name)) {
            headers.append(name, value).map_err(illegal)?;
        }
        Ok(Said { target, headers })
    }

    /// The value of Proxy-Authorization, as far as there is one before the proxy asks.
    fn authorization(
        &mut self,
        method: &str,
        target: &str,
        body: Option<&[u8]>,
    ) -> Result<Option<Vec<u8>>, Error> {
        if let Some(basic) = &self.means().basic {
            return Ok(Some(basic.as_bytes().to_vec()));
        }
        let asked = self.ticket.take();
        let Some(digest) = &self.means().digest else {
            return Ok(None);
        };
        let ticket = match asked {
            Some(ticket) => Some(ticket),
            None => digest.recall_of_proxy(&self.url()?)?,
        };
        Ok(ticket.and_then(|ticket| digest.answer_proxy(&ticket, method, target, body)))
    }

    /// Whether to ask again, with an answer to the challenge of this 407 (RFC 9110 section 15.5.8).
    pub(crate) fn answers(&mut self, status: u16, headers: &Headers) -> bool {
        let Some(digest) = (status == 407).then_some(self.means().digest.as_ref()) else {
            return false;
        };
        let learnt = match (digest, self.url()) {
            (Some(digest), Ok(url)) => digest.learn_of_proxy(&url, headers),
            _ => return false,
        };
        // What cannot be understood is as good as a refusal, which is told as such.
        let Ok(Some(learnt)) = learnt else {
            return false;
        };
        self.answers = match self.answers {
            Answers::None => Answers::One,
            Answers::One if learnt.stale => Answers::Two,
            _ => return false,
        };
        self.ticket = Some(learnt.ticket);
        true
    }

    /// Digest knows its proxies by URL.
    fn url(&self) -> Result<Url, Error> {
        let url = Url::parse(&self.means().name);
        url.map_err(|error| Error::other(Kind::Builder, error))
    }
}

fn put(headers: &mut Headers, name: &str, value: &[u8]) -> Result<(), Error> {
    headers.append(name, value).map_err(illegal)
}

fn illegal(error: nuncio_headers::InvalidHeader) -> Error {
    Error::other(Kind::LocalProtocol, error)
}

fn port_of(url: &Url) -> u16 {
    url.port_or_default().unwrap_or(0)
}

/// An address written as such needs no look-up.
pub(crate) fn literal(host: &str) -> Option<IpAddr> {
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    bare.parse().ok()
}
