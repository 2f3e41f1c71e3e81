//! Who looks names up: the system, or something of the user's; and what is known without asking.

use crate::BoxFuture;
use crate::error::{Error, Kind};
use crate::feed::Side;
use nuncio_url::{Host, Url};
use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

/// Looks names up on a thread that may be kept waiting.
///
/// Functions `Fn(&str, u16) -> io::Result<Vec<SocketAddr>>` are such resolvers.
pub trait BlockingResolve: Send + Sync {
    /// The addresses of `host`, the preferred one first; each with `port`, or with port 0 for the
    /// same. The host is as URLs have it: lower case, no address, `xn--` where it is not ASCII.
    ///
    /// # Errors
    /// Why there are none. An empty list is an error of the request as well.
    fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>>;
}

/// As [`BlockingResolve`], for async clients.
///
/// Functions `Fn(&str, u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>>` are such resolvers.
pub trait AsyncResolve: Send + Sync {
    /// As [`BlockingResolve::resolve`], later. The future is dropped when the time to connect is
    /// over.
    fn resolve(&self, host: &str, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>>;
}

impl<F> BlockingResolve for F
where
    F: Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync,
{
    fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        self(host, port)
    }
}

impl<F> AsyncResolve for F
where
    F: Fn(&str, u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync,
{
    fn resolve(&self, host: &str, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        self(host, port)
    }
}

/// What looks names up in the system's place. It is asked for every new connection to a name, and
/// its time counts as connecting; nothing is kept of what it says.
#[derive(Clone)]
#[non_exhaustive]
pub enum Resolver {
    /// For clients of both kinds: on async ones, too, it has a thread for itself.
    Blocking(Arc<dyn BlockingResolve>),
    /// For async clients.
    Async(Arc<dyn AsyncResolve>),
}

impl Resolver {
    /// One that may keep its thread waiting, for clients of both kinds.
    pub fn blocking(resolver: impl BlockingResolve + 'static) -> Self {
        Resolver::Blocking(Arc::new(resolver))
    }

    /// One that answers with a future, for async clients.
    pub fn future(resolver: impl AsyncResolve + 'static) -> Self {
        Resolver::Async(Arc::new(resolver))
    }

    /// Whether it works on `side`.
    pub(super) fn check(&self, side: Side) -> Result<(), Error> {
        match (self, side) {
            (Resolver::Async(_), Side::Blocking) => {
                let text = "an async resolver was given to a blocking client";
                Err(Error::new(Kind::Usage, text))
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Resolver::Blocking(_) => "Resolver(blocking)",
            Resolver::Async(_) => "Resolver(async)",
        })
    }
}

/// Addresses that are known without a look-up, by host; for one port, or for all of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Overrides(HashMap<String, Vec<Override>>);

#[derive(Clone, Debug)]
struct Override {
    port: Option<u16>,
    addresses: Vec<SocketAddr>,
}

impl Overrides {
    /// Takes what `name`, a host with a port or without, stands for; the same name given again is
    /// replaced.
    pub(super) fn insert(&mut self, name: &str, addresses: Vec<SocketAddr>) -> Result<(), Error> {
        let wrong = |why: &str| {
            let shown = name.escape_debug();
            Error::new(Kind::Builder, format!("resolve: '{shown}' {why}"))
        };
        let (host, port) = host_and_port(name).ok_or_else(|| wrong("is not a host"))?;
        if addresses.is_empty() {
            return Err(wrong("was given no address"));
        }
        let known = self.0.entry(host).or_default();
        known.retain(|it| it.port != port);
        known.push(Override { port, addresses });
        Ok(())
    }

    /// What a host stands for, if that is known.
    pub(super) fn find(&self, host: &str, port: u16) -> Option<&[SocketAddr]> {
        let known = self.0.get(host)?;
        let exactly = known.iter().find(|it| it.port == Some(port));
        let any = || known.iter().find(|it| it.port.is_none());
        exactly.or_else(any).map(|it| it.addresses.as_slice())
    }
}

/// A host as URLs have it, with the port behind it, if there is one.
fn host_and_port(name: &str) -> Option<(String, Option<u16>)> {
    let after_brackets = name.rfind(']').unwrap_or(0);
    let (host, port) = match name.get(after_brackets..)?.find(':') {
        None => (name, None),
        Some(colon) => {
            let (host, port) = name.split_at(after_brackets + colon);
            let digits = port.get(1..)?;
            let digits = digits
                .bytes()
                .all(|it| it.is_ascii_digit())
                .then_some(digits)?;
            (host, Some(digits.parse().ok()?))
        }
    };
    let url = Url::parse(&format!("http://{host}/")).ok()?;
    let bare = url.port().is_none() && url.path() == "/" && url.query().is_none();
    let host = match url.host() {
        Host::Empty => return None,
        _ => url.host_str(),
    };
    (bare && url.username().is_empty() && !name.contains('@')).then(|| (host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(of: &Overrides, host: &str, port: u16) -> Option<String> {
        of.find(host, port).map(|found| format!("{found:?}"))
    }

    #[test]
    fn a_host_stands_for_its_addresses_and_one_with_a_port_goes_first() {
        let mut known = Overrides::default();
        let some = |text: &str| vec![text.parse().unwrap()];
        known.insert("Example.COM", some("192.0.2.1:0")).unwrap();
        known
            .insert("example.com:81", some("192.0.2.2:8081"))
            .unwrap();
        known
            .insert("[2001:DB8::1]:81", some("192.0.2.3:1"))
            .unwrap();
        let found = |host, port| addresses(&known, host, port);
        assert_eq!(found("example.com", 80).unwrap(), "[192.0.2.1:0]");
        assert_eq!(found("example.com", 81).unwrap(), "[192.0.2.2:8081]");
        assert_eq!(found("[2001:db8::1]", 81).unwrap(), "[192.0.2.3:1]");
        assert_eq!(found("[2001:db8::1]", 80), None);
        assert_eq!(found("www.example.com", 80), None);
        known.insert("example.com", some("192.0.2.9:0")).unwrap();
        assert_eq!(
            addresses(&known, "example.com", 80).unwrap(),
            "[192.0.2.9:0]"
        );
    }

    #[test]
    fn what_is_no_host_is_told() {
        let some = || vec!["192.0.2.1:0".parse().unwrap()];
        for name in [
            "", ":80", "a b", "a/b", "u@a", "a:b", "a:99999", "a:+1", "a?", "[::1",
        ] {
            let error = Overrides::default().insert(name, some()).unwrap_err();
            assert_eq!(error.kind(), Kind::Builder, "{name}: {error}");
        }
        let error = Overrides::default().insert("a", Vec::new()).unwrap_err();
        assert!(error.to_string().contains("no address"), "{error}");
    }
}
