//! Proxies: what they are, which requests take them, and what is said to them.
//!
//! Rules: BEHAVIOUR sections 17, 18 and 26, SECURITY table X.

mod choice;
mod detour;
mod environment;
mod no_proxy;
#[cfg(feature = "tls")]
mod secure;
#[cfg(test)]
mod tests;

pub use choice::{ProxyChoice, ProxyReason};
pub(crate) use detour::{Detour, Said};
pub(crate) use environment::{Proxies, Variable};
pub(crate) use no_proxy::NoProxy;
#[cfg(feature = "tls")]
pub(crate) use secure::ToProxies;

use crate::auth::{Digest, Secret, basic};
use crate::error::{Error, Kind};
#[cfg(feature = "tls")]
use crate::tls::Tls;
use nuncio_connection::RouteId;
use nuncio_headers::Headers;
use nuncio_url::{Url, percent};
use sha2::{Digest as _, Sha256};
use std::fmt;
#[cfg(feature = "tls")]
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// A proxy that requests go through.
///
/// | URL | what it speaks | default port |
/// |---|---|---|
/// | `http://` | HTTP: requests to http origins are forwarded, to https ones tunnelled by `CONNECT` | 80 |
/// | `https://` | the same over TLS, with TLS settings of its own | 443 |
/// | `socks5://`, `socks5h://` | SOCKS5 (RFC 1928); names are looked up by the proxy | 1080 |
/// | `socks4a://` | SOCKS4a; names are looked up by the proxy | 1080 |
/// | `socks4://` | SOCKS4; names are looked up here, to IPv4 addresses | 1080 |
///
/// Given to a client ([`ClientBuilder::proxy`](crate::ClientBuilder::proxy)), to a request
/// ([`RequestBuilder::proxy`](crate::RequestBuilder::proxy)), or to what matches a pattern
/// ([`Transport::proxy`](crate::Transport::proxy)). A text becomes one. Mistakes are told when the
/// client or the request is built.
///
/// What is said to a proxy is said to no one else: credentials and fields go with the `CONNECT`, or with
/// requests that this proxy forwards, and never inside a tunnel. Cheap to clone; clones share what Digest
/// learns, and connections, as proxies do that are equal in all. Of proxies with TLS settings of their own
/// only clones share connections.
///
/// ```
/// use nuncio_client::Proxy;
///
/// let proxy = Proxy::new("http://user:secret@proxy.example:3128").header("X-Team", "blue");
/// assert_eq!(proxy.to_string(), "http://proxy.example:3128");
/// assert!(!format!("{proxy:?}").contains("secret"));
/// ```
#[derive(Clone)]
pub struct Proxy(Arc<Means>);

/// What a proxy is. It does not change once it is behind its pointer.
#[derive(Clone)]
pub(crate) struct Means {
    /// Scheme, host and port, and nothing else.
    name: String,
    speaks: Speaks,
    /// As the URL record has it: lower case, IDNA applied, IPv6 in brackets.
    host: String,
    port: u16,
    user: Option<User>,
    digest: Option<Digest>,
    /// The value of Proxy-Authorization for Basic.
    basic: Option<Secret>,
    headers: Headers,
    resolves: Resolves,
    #[cfg(feature = "tls")]
    tls: Option<OwnTls>,
    mistake: Option<Error>,
    /// Made where it is first asked for.
    made: Made,
}

/// How a proxy is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Speaks {
    Http,
    Https,
    Socks5,
    Socks4,
}

/// Who looks names up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resolves {
    Proxy,
    Here,
}

#[derive(Clone)]
struct User {
    name: Secret,
    password: Secret,
    scheme: Scheme,
    /// What the URL says goes before what is said elsewhere.
    of_url: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Basic,
    Digest,
}

#[cfg(feature = "tls")]
#[derive(Clone)]
struct OwnTls {
    tls: Tls,
    /// Which one: that cannot be told by looking at it.
    number: u64,
}

#[derive(Default)]
struct Made {
    id: OnceLock<Arc<RouteId>>,
    #[cfg(feature = "tls")]
    tls: secure::Made,
}

/// A proxy that is changed is another one.
impl Clone for Made {
    fn clone(&self) -> Self {
        Made::default()
    }
}

/// Fields that say where a message goes and where it ends: those are ours to say.
const OURS: [&str; 6] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "te",
    "upgrade",
];

impl Proxy {
    /// The proxy at `url`. Text without a scheme is one of http. User and password in it are
    /// percent-decoded; path, query and fragment are not looked at.
    pub fn new(url: impl AsRef<str>) -> Self {
        let text = url.as_ref();
        Proxy(Arc::new(match Means::parse(text) {
            Ok(means) => means,
            Err(why) => {
                let shown = crate::settings::shown(text);
                let text = format!("the proxy '{shown}' {why}");
                Means::mistaken(Error::new(Kind::Builder, text))
            }
        }))
    }

    fn change(self, change: impl FnOnce(&mut Means)) -> Self {
        let mut means = Means::clone(&self.0);
        change(&mut means);
        Proxy(Arc::new(means))
    }

    /// User and password: Basic (RFC 7617) for HTTP proxies, which get it with the first request;
    /// RFC 1929's for SOCKS5; for SOCKS4 there is no password. Those of the URL go before them.
    pub fn auth(self, user: impl AsRef<[u8]>, password: impl AsRef<[u8]>) -> Self {
        self.authenticate(Scheme::Basic, user.as_ref(), password.as_ref())
    }

    /// Digest (RFC 7616) to an HTTP proxy: its challenge is answered, once, and the answer's nonce used
    /// for what follows. The password is never sent, whatever else the proxy asks for. User and password
    /// of the URL go before these.
    pub fn digest(self, user: impl AsRef<[u8]>, password: impl AsRef<[u8]>) -> Self {
        self.authenticate(Scheme::Digest, user.as_ref(), password.as_ref())
    }

    fn authenticate(self, scheme: Scheme, name: &[u8], password: &[u8]) -> Self {
        self.change(|means| {
            match &mut means.user {
                Some(user) if user.of_url => user.scheme = scheme,
                other => {
                    *other = Some(User {
                        name: Secret::from(name),
                        password: Secret::from(password),
                        scheme,
                        of_url: false,
                    });
                }
            }
            means.take_user();
        })
    }

    /// Adds a field to what is said to an HTTP proxy: to each `CONNECT`, and to each request that it
    /// forwards and that has no such field of its own. One that frames or routes (`Host`,
    /// `Content-Length`, …) is a mistake, and so is any for a SOCKS proxy.
    pub fn header(self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> Self {
        let name = name.as_ref();
        self.change(|means| {
            if OURS.iter().any(|ours| name.eq_ignore_ascii_case(ours)) {
                let text = format!("{means}: the field '{name}' cannot be given to a proxy");
                means.wrong(Error::new(Kind::Builder, text));
            } else if let Err(error) = means.headers.append(name, value) {
                let text = format!("{means}: {error}");
                means.wrong(Error::new(Kind::Builder, text));
            }
        })
    }

    /// Adds all of `headers`, as [`header`](Self::header) does.
    pub fn headers(self, headers: &Headers) -> Self {
        let each = headers.iter_bytes();
        each.fold(self, |proxy, (name, value)| {
            proxy.header(String::from_utf8_lossy(name), value)
        })
    }

    /// Looks names up here and gives a SOCKS proxy addresses. Default no but for `socks4`: whom one
    /// talks to is not told to the local network. Nothing for HTTP proxies, which get names always.
    pub fn resolve_locally(self, locally: bool) -> Self {
        self.change(|means| {
            means.resolves = match locally {
                true => Resolves::Here,
                false => Resolves::Proxy,
            };
        })
    }

    /// How TLS is spoken with an https proxy, in full, but for two things: HTTP/1.1 is what is offered, and
    /// sessions are remembered apart from others' (SECURITY X7). The default is what a client does that
    /// is told nothing: what is set for origins does not count here.
    #[cfg(feature = "tls")]
    pub fn tls(self, tls: Tls) -> Self {
        static NUMBERS: AtomicU64 = AtomicU64::new(1);
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        self.change(|means| means.tls = Some(OwnTls { tls, number }))
    }

    #[cfg(feature = "tls")]
    fn change_tls(self, change: impl FnOnce(Tls) -> Tls) -> Self {
        let own = self.0.tls.as_ref().map(|own| own.tls.clone());
        self.tls(change(own.unwrap_or_default()))
    }

    /// Trusts the certificates of this PEM text, and no others, on the way to an https proxy.
    #[cfg(feature = "tls")]
    pub fn root_certificates(self, pem: impl Into<Vec<u8>>) -> Self {
        self.change_tls(|tls| tls.root_certificates(pem))
    }

    /// **Accepts every certificate of this https proxy.** Whoever stands between can read what the proxy
    /// is told, its credentials too, and is the proxy. For tests against proxies of one's own.
    #[cfg(feature = "tls")]
    pub fn danger_accept_invalid_certs(self, accept: bool) -> Self {
        self.change_tls(|tls| tls.danger_accept_invalid_certs(accept))
    }

    /// Uses this rustls configuration for TLS to an https proxy: see [`tls`](Self::tls).
    #[cfg(feature = "tls")]
    pub fn tls_config(self, config: impl Into<Arc<rustls::ClientConfig>>) -> Self {
        self.change_tls(|tls| tls.config(config))
    }

    /// The mistake that was made, if any.
    ///
    /// # Errors
    /// [`Kind::Builder`]: a URL that is none or has another scheme, credentials or fields that cannot be
    /// sent, TLS settings that no connection would use.
    pub fn check(&self) -> Result<(), Error> {
        let means = &*self.0;
        if let Some(mistake) = &means.mistake {
            return Err(mistake.clone());
        }
        let wrong = |why: &str| Err(Error::new(Kind::Builder, format!("{means}: {why}")));
        let http = means.is_http();
        if !http && !means.headers.is_empty() {
            return wrong("a SOCKS proxy takes no fields");
        }
        if let Some(user) = &means.user {
            let (name, password) = (user.name.as_bytes(), user.password.as_bytes());
            let long = name.len() > 255 || password.len() > 255;
            match means.speaks {
                _ if !http && user.scheme == Scheme::Digest => {
                    return wrong("a SOCKS proxy knows no Digest");
                }
                Speaks::Socks5 if name.is_empty() => return wrong("SOCKS5 carries no empty user"),
                Speaks::Socks4 if !password.is_empty() => {
                    return wrong("SOCKS4 has no passwords");
                }
                Speaks::Socks4 if name.contains(&0) => return wrong("SOCKS4 carries no NUL"),
                Speaks::Socks4 | Speaks::Socks5 if long => {
                    return wrong("SOCKS carries users and passwords of at most 255 bytes");
                }
                _ => {}
            }
        }
        #[cfg(feature = "tls")]
        if means.tls.is_some() && means.speaks != Speaks::Https {
            return wrong("TLS settings are for https proxies");
        }
        #[cfg(not(feature = "tls"))]
        if means.speaks == Speaks::Https {
            return wrong("https proxies need the feature 'tls'");
        }
        Ok(())
    }

    /// What tells its connections from those of others (SECURITY K6).
    pub(crate) fn id(&self) -> Arc<RouteId> {
        Arc::clone(self.0.made.id.get_or_init(|| self.0.make_id()))
    }

    /// Whether it is reached over TLS.
    #[cfg(feature = "tls")]
    pub(crate) fn is_https(&self) -> bool {
        self.0.speaks == Speaks::Https
    }
}

impl Means {
    fn parse(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let scheme = scheme.to_ascii_lowercase();
        let (speaks, resolves, default) = match scheme.as_str() {
            "http" => (Speaks::Http, Resolves::Proxy, 80),
            "https" => (Speaks::Https, Resolves::Proxy, 443),
            "socks5" | "socks5h" => (Speaks::Socks5, Resolves::Proxy, 1080),
            "socks4a" => (Speaks::Socks4, Resolves::Proxy, 1080),
            "socks4" => (Speaks::Socks4, Resolves::Here, 1080),
            _ => {
                let known = "http, https, socks5, socks5h, socks4 or socks4a";
                return Err(format!("has a scheme that is none of {known}"));
            }
        };
        // Schemes that the URL Standard does not know keep every port, and leave their hosts as
        // they are written: each is read as what it is good for.
        let parsed = |scheme: &str| {
            let url = Url::parse(&format!("{scheme}://{rest}"));
            url.map_err(|error| format!("cannot be used: {error}"))
        };
        let (url, ported) = (parsed("http")?, parsed("proxy")?);
        let endpoint = url.dialable();
        endpoint.map_err(|error| format!("cannot be used: {error}"))?;
        let port = ported.port().unwrap_or(default);
        if port == 0 {
            return Err("cannot be used: nobody listens on port 0".to_owned());
        }
        let host = url.host_str().to_owned();
        let credentials = url.has_credentials().then(|| User {
            name: Secret::from(&*percent::decode(url.raw_username())),
            password: Secret::from(&*percent::decode(url.raw_password())),
            scheme: Scheme::Basic,
            of_url: true,
        });
        let mut means = Means {
            name: format!("{scheme}://{host}:{port}"),
            user: credentials,
            host,
            port,
            ..Means::empty(speaks, resolves)
        };
        means.take_user();
        Ok(means)
    }

    fn mistaken(mistake: Error) -> Self {
        Means {
            mistake: Some(mistake),
            ..Means::empty(Speaks::Http, Resolves::Proxy)
        }
    }

    fn empty(speaks: Speaks, resolves: Resolves) -> Self {
        Means {
            name: String::new(),
            speaks,
            host: String::new(),
            port: 0,
            user: None,
            digest: None,
            basic: None,
            headers: Headers::new(),
            resolves,
            #[cfg(feature = "tls")]
            tls: None,
            mistake: None,
            made: Made::default(),
        }
    }

    fn is_http(&self) -> bool {
        matches!(self.speaks, Speaks::Http | Speaks::Https)
    }

    fn wrong(&mut self, mistake: Error) {
        self.mistake.get_or_insert(mistake);
    }

    /// Makes of the credentials what is sent.
    fn take_user(&mut self) {
        (self.basic, self.digest) = (None, None);
        let (true, Some(user)) = (self.is_http(), &self.user) else {
            return;
        };
        let (name, password) = (user.name.as_bytes(), user.password.as_bytes());
        let taken = match user.scheme {
            Scheme::Basic => basic(name, password).map(|value| self.basic = Some(value)),
            Scheme::Digest => {
                let digest = Digest::new(name, password);
                let checked = digest.check();
                self.digest = Some(digest);
                checked
            }
        };
        if let Err(error) = taken {
            let text = format!("{self}: {error}");
            self.wrong(Error::new(Kind::Builder, text));
        }
    }

    fn make_id(&self) -> Arc<RouteId> {
        let mut hash = Sha256::new();
        let mut part = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_be_bytes());
            hash.update(bytes);
        };
        part(self.name.as_bytes());
        part(&[self.resolves as u8]);
        if let Some(user) = &self.user {
            part(&[1 + user.scheme as u8]);
            part(user.name.as_bytes());
            part(user.password.as_bytes());
        } else {
            part(&[0]);
        }
        part(self.headers.as_wire());
        #[cfg(feature = "tls")]
        if let Some(own) = &self.tls {
            part(&own.number.to_be_bytes());
        }
        Arc::new(RouteId::new(&hash.finalize()))
    }
}

impl fmt::Display for Means {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the proxy {}", self.name)
    }
}

/// Without its credentials.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0.name.as_str() {
            "" => "a proxy that is none",
            name => name,
        })
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Proxy");
        shown.field("url", &format_args!("{self}"));
        if self.0.user.is_some() {
            shown.field("credentials", &format_args!("[hidden]"));
        }
        shown.finish_non_exhaustive()
    }
}

impl From<&str> for Proxy {
    fn from(url: &str) -> Self {
        Proxy::new(url)
    }
}

impl From<String> for Proxy {
    fn from(url: String) -> Self {
        Proxy::new(url)
    }
}

impl From<&Url> for Proxy {
    fn from(url: &Url) -> Self {
        Proxy::new(url.as_str())
    }
}

impl From<&Proxy> for Proxy {
    fn from(proxy: &Proxy) -> Self {
        proxy.clone()
    }
}
