//! How a connection is come by: whom to dial, which of its addresses, in what time, and whether again.

mod attempts;
mod options;
mod policy;
mod public;
mod resolver;

pub(crate) use attempts::Dialing;
pub use options::{RawSocket, SocketOptions};
pub use policy::{Candidate, ConnectPolicy, Hop};
pub use public::is_public;
pub use resolver::{AsyncResolve, BlockingResolve, Resolver};

use crate::client::Driver;
use crate::error::{Error, Kind};
use crate::feed::Side;
use crate::network::Network;
use crate::settings::ClientBuilder;
use nuncio_connection::{Address, Dialer};
use resolver::Overrides;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Settings of a network about how its connections are come by.
#[derive(Clone, Debug, Default)]
pub(crate) struct DialSettings {
    options: SocketOptions,
    unix: Option<Arc<Path>>,
    retries: u32,
    overrides: Vec<(String, Vec<SocketAddr>)>,
    resolver: Option<Resolver>,
    policy: Option<ConnectPolicy>,
}

/// Those settings, ready to be used.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dials {
    options: Arc<SocketOptions>,
    pub(crate) resolver: Option<Resolver>,
    unix: Option<Arc<Path>>,
    retries: u32,
    overrides: Overrides,
    policy: Option<ConnectPolicy>,
}

/// Whom a request's connection leads to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target<'a> {
    pub(crate) host: &'a str,
    pub(crate) port: u16,
    pub(crate) hop: Hop,
}

/// What is known of a target's addresses.
pub(crate) enum Known {
    Addresses(Dialer),
    /// Nothing: its name is to be looked up.
    Name,
}

impl DialSettings {
    /// Whether they work on `side`.
    pub(crate) fn check(&self, side: Side) -> Result<(), Error> {
        match &self.resolver {
            Some(resolver) => resolver.check(side),
            None => Ok(()),
        }
    }

    pub(crate) fn build(self) -> Result<Dials, Error> {
        let mut overrides = Overrides::default();
        for (name, addresses) in self.overrides {
            overrides.insert(&name, addresses)?;
        }
        Ok(Dials {
            options: Arc::new(self.options),
            resolver: self.resolver,
            unix: self.unix,
            retries: self.retries,
            overrides,
            policy: self.policy,
        })
    }
}

impl Dials {
    /// Where `target` can be dialled, as far as nobody has to be asked.
    pub(crate) fn known(&self, target: Target<'_>, until: Option<Instant>) -> Result<Known, Error> {
        if let Some(path) = &self.unix {
            let dialer = Dialer::to(Address::Unix(Arc::clone(path)), until);
            return Ok(Known::Addresses(dialer));
        }
        if let Some(addresses) = self.overrides.find(target.host, target.port) {
            return self.dialer(target, addresses, until).map(Known::Addresses);
        }
        match literal(target.host) {
            Some(ip) => {
                let address = SocketAddr::new(ip, target.port);
                self.dialer(target, &[address], until).map(Known::Addresses)
            }
            None => Ok(Known::Name),
        }
    }

    /// A dialer for what `target` was found to be.
    pub(crate) fn dialer(
        &self,
        target: Target<'_>,
        addresses: &[SocketAddr],
        until: Option<Instant>,
    ) -> Result<Dialer, Error> {
        if addresses.is_empty() {
            let text = format!("'{}' has no address", target.host);
            return Err(Error::new(Kind::Connect, text));
        }
        let with_port = |address: &SocketAddr| {
            let mut address = *address;
            if address.port() == 0 {
                address.set_port(target.port);
            }
            address
        };
        let local = self.options.local_address;
        if local.is_none() && addresses.iter().all(|it| it.port() != 0) {
            return Ok(Dialer::new(addresses, until));
        }
        let fits = |it: &SocketAddr| match local {
            Some(local) => it.ip().to_canonical().is_ipv4() == local.is_ipv4(),
            None => true,
        };
        let fitting: Vec<_> = addresses.iter().map(with_port).filter(fits).collect();
        if let (Some(local), true) = (local, fitting.is_empty()) {
            let text = format!(
                "'{}' has no address of the family of the local address {local}",
                target.host
            );
            return Err(Error::new(Kind::Connect, text));
        }
        Ok(Dialer::new(&fitting, until))
    }

    /// How long to wait before a connection is tried for once more, if it is to be, after so many
    /// times already (BEHAVIOUR section 23).
    pub(crate) fn retry(&self, tried: u32, error: &Error) -> Option<Duration> {
        if !error.is_connect() || tried >= self.retries {
            return None;
        }
        const FIRST: Duration = Duration::from_millis(500);
        let delay = |doublings| FIRST.saturating_mul(2u32.saturating_pow(doublings));
        Some(tried.checked_sub(1).map_or(Duration::ZERO, delay))
    }

    /// The addresses that `target` was said to have.
    pub(crate) fn known_addresses(&self, target: Target<'_>) -> Option<&[SocketAddr]> {
        self.overrides.find(target.host, target.port)
    }

    /// Those of `addresses` that a proxy may be told to connect to.
    pub(crate) fn allowed(
        &self,
        target: Target<'_>,
        addresses: &[SocketAddr],
    ) -> Result<Vec<SocketAddr>, Error> {
        let mut refused = None;
        let mut may = |address: &SocketAddr| match self.judge(target, &Address::Tcp(*address)) {
            Ok(()) => true,
            Err(reason) => {
                refused.get_or_insert((*address, reason));
                false
            }
        };
        let allowed: Vec<_> = addresses.iter().copied().filter(|it| may(it)).collect();
        let host = target.host;
        match (allowed.is_empty(), refused) {
            (false, _) => Ok(allowed),
            (true, Some((address, reason))) => {
                let text = format!("refused by policy: '{host}' at {}: {reason}", address.ip());
                Err(Error::new(Kind::Policy, text))
            }
            (true, None) => {
                let text = format!("'{host}' has no address");
                Err(Error::new(Kind::Connect, text))
            }
        }
    }

    fn judge(&self, target: Target<'_>, address: &Address) -> Result<(), String> {
        let Some(policy) = &self.policy else {
            return Ok(());
        };
        let Target { host, port, hop } = target;
        policy.judge(&Candidate {
            host,
            port,
            address,
            hop,
        })
    }
}

/// An address written as such needs no look-up.
fn literal(host: &str) -> Option<IpAddr> {
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    bare.parse().ok()
}

/// What a look-up that failed is to a request.
pub(crate) fn lookup_failed(host: &str, error: &io::Error) -> Error {
    if error.kind() == io::ErrorKind::TimedOut {
        let text = format!("timed out while looking up '{host}'");
        return Error::new(Kind::ConnectTimeout, text);
    }
    let error = io::Error::new(error.kind(), format!("looking up '{host}': {error}"));
    Error::io(Kind::Connect, error)
}

impl Network {
    fn dialed(mut self, change: impl FnOnce(&mut DialSettings)) -> Self {
        change(&mut self.dial);
        self
    }

    /// The address that connections come from; see [`SocketOptions::local_address`].
    pub fn local_address(self, address: IpAddr) -> Self {
        self.dialed(|dial| dial.options = std::mem::take(&mut dial.options).local_address(address))
    }

    /// Options of the sockets, in full. The default sends without delay and leaves all else to the
    /// system.
    pub fn socket_options(self, options: SocketOptions) -> Self {
        self.dialed(|dial| dial.options = options)
    }

    /// Dials the Unix domain socket at `path`, whatever the URL. `Host`, TLS and all else go by the
    /// URL as ever. A path that is too long, or where nobody listens, is an error of the request
    /// ([`Kind::Connect`]).
    pub fn unix_socket(self, path: impl Into<PathBuf>) -> Self {
        let path: PathBuf = path.into();
        self.dialed(|dial| dial.unix = Some(path.into()))
    }

    /// How often a connection that could not be made is tried for again: the look-up, the dialling
    /// and the TLS handshake. Each time has the whole limit of
    /// [`Timeout::connect`](crate::Timeout::connect); before the first one there is no pause, before
    /// those after it 0.5 s, 1 s, 2 s and so on. What fails last is told. Default 0.
    ///
    /// A request that was sent, even in part, is not sent again by this.
    pub fn retries(self, retries: u32) -> Self {
        self.dialed(|dial| dial.retries = retries)
    }

    /// The addresses of `host` are these, and it is not looked up. `host` may have a port behind it
    /// (`example.com:8443`), and is then meant with that port only. An address with port 0 is dialled
    /// at the URL's port, another one at its own. `Host`, TLS and all else go by the URL as ever.
    ///
    /// What is no host, or has no address, is an error of `build` ([`Kind::Builder`]).
    pub fn resolve(
        self,
        host: impl Into<String>,
        addresses: impl IntoIterator<Item = SocketAddr>,
    ) -> Self {
        let known = (host.into(), addresses.into_iter().collect());
        self.dialed(|dial| dial.overrides.push(known))
    }

    /// What looks names up in the system's place. Default: the system, through the runtime.
    pub fn resolver(self, resolver: Resolver) -> Self {
        self.dialed(|dial| dial.resolver = Some(resolver))
    }

    /// What judges every address before it is dialled. Default: nothing; every address may be.
    pub fn connect_policy(self, policy: ConnectPolicy) -> Self {
        self.dialed(|dial| dial.policy = Some(policy))
    }
}

/// What [`Network`] has under the same names.
impl<D: Driver> ClientBuilder<D> {
    /// The address that connections come from; see [`SocketOptions::local_address`].
    pub fn local_address(self, address: IpAddr) -> Self {
        self.change_network(|network| network.local_address(address))
    }

    /// Options of the sockets, in full; see [`Network::socket_options`].
    pub fn socket_options(self, options: SocketOptions) -> Self {
        self.change_network(|network| network.socket_options(options))
    }

    /// Dials the Unix domain socket at `path`, whatever the URL; see [`Network::unix_socket`].
    pub fn unix_socket(self, path: impl Into<PathBuf>) -> Self {
        self.change_network(|network| network.unix_socket(path))
    }

    /// How often a connection that could not be made is tried for again, with growing pauses; see
    /// [`Network::retries`]. Default 0.
    pub fn retries(self, retries: u32) -> Self {
        self.change_network(|network| network.retries(retries))
    }

    /// The addresses of `host` are these, and it is not looked up; see [`Network::resolve`].
    pub fn resolve(
        self,
        host: impl Into<String>,
        addresses: impl IntoIterator<Item = SocketAddr>,
    ) -> Self {
        self.change_network(|network| network.resolve(host, addresses))
    }

    /// What looks names up in the system's place; see [`Network::resolver`].
    pub fn resolver(self, resolver: Resolver) -> Self {
        self.change_network(|network| network.resolver(resolver))
    }

    /// What judges every address before it is dialled; see [`Network::connect_policy`].
    pub fn connect_policy(self, policy: ConnectPolicy) -> Self {
        self.change_network(|network| network.connect_policy(policy))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b23_pauses_double_after_the_second() {
        let retries = u32::MAX;
        let dial = DialSettings {
            retries,
            ..DialSettings::default()
        };
        let dials = dial.build().unwrap();
        let error = |kind| Error::new(kind, "no");
        let pauses = |tried| dials.retry(tried, &error(Kind::Connect)).unwrap();
        let millis: Vec<_> = (0..6).map(|tried| pauses(tried).as_millis()).collect();
        assert_eq!(millis, [0, 500, 1_000, 2_000, 4_000, 8_000]);
        assert!(pauses(u32::MAX - 1) >= pauses(40));
        assert!(dials.retry(0, &error(Kind::ConnectTimeout)).is_some());
        for kind in [
            Kind::Policy,
            Kind::InvalidUrl,
            Kind::Read,
            Kind::PoolTimeout,
        ] {
            assert!(dials.retry(0, &error(kind)).is_none(), "{kind:?}");
        }
        let none = DialSettings::default().build().unwrap();
        assert!(none.retry(0, &error(Kind::Connect)).is_none());
    }
}
