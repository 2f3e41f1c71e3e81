//! What carries a request for a URL: a network and perhaps a proxy, or a transport of the user's
//! (BEHAVIOUR section 17).

use crate::error::Error;
use crate::mount::Pattern;
use crate::network::Wiring;
use crate::proxy::{NoProxy, Proxies, Proxy, ProxyChoice, ProxyReason, Variable};
use crate::request::{Choice, Request};
use crate::transport::Custom;
use nuncio_url::Url;
use std::fmt;
use std::sync::Arc;

/// Which transport serves which URL.
#[derive(Debug)]
pub(crate) struct Routes {
    /// The client's own network first, then those of mounts: one depot each.
    networks: Vec<Arc<Wiring>>,
    /// Sorted by priority.
    mounts: Vec<Mount>,
    default: Route,
    /// What the environment's proxies are not for, and where that is said.
    exceptions: (NoProxy, Variable),
    /// The client was told to use no proxy.
    off: bool,
}

/// What serves the URLs of one pattern.
#[derive(Debug)]
pub(crate) struct Mount {
    pattern: Pattern,
    route: Route,
    by: By,
}

/// Who wants that.
#[derive(Debug)]
enum By {
    /// `mount`, with this text.
    Text(String),
    /// `proxy`.
    Client,
    /// The environment.
    Variable(Variable),
}

#[derive(Clone)]
pub(crate) enum Route {
    /// By its number, and what is gone through.
    Network(usize, Option<Proxy>),
    Custom(Custom),
}

/// What carries one request.
pub(crate) enum Carrier<'a> {
    Network(usize, Option<Proxy>),
    Custom(&'a Custom),
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Route::Network(index, None) => write!(f, "Network({index})"),
            Route::Network(index, Some(proxy)) => write!(f, "Network({index}, {proxy})"),
            Route::Custom(_) => f.write_str("Custom"),
        }
    }
}

impl Mount {
    /// One that the user wants.
    pub(crate) fn given(text: &str, route: Route) -> Result<Self, Error> {
        Self::new(text, route, By::Text(text.to_owned()))
    }

    /// One that stands for the client's proxy.
    pub(crate) fn by_client(route: Route) -> Result<Self, Error> {
        Self::new("all://", route, By::Client)
    }

    /// One that stands for a proxy of the environment.
    pub(crate) fn by_variable(text: &str, route: Route, name: Variable) -> Result<Self, Error> {
        Self::new(text, route, By::Variable(name))
    }

    fn new(text: &str, route: Route, by: By) -> Result<Self, Error> {
        let pattern = Pattern::parse(text)?;
        Ok(Mount { pattern, route, by })
    }
}

impl Routes {
    /// Of mounts with the same pattern the last one counts.
    pub(crate) fn new(
        networks: Vec<Arc<Wiring>>,
        mounts: Vec<Mount>,
        default: Route,
        proxies: Proxies,
        off: bool,
    ) -> Self {
        let mut different: Vec<Mount> = Vec::with_capacity(mounts.len());
        for mount in mounts {
            let same = |known: &&mut Mount| known.pattern == mount.pattern;
            match different.iter_mut().find(same) {
                Some(known) => *known = mount,
                None => different.push(mount),
            }
        }
        different.sort_by_key(|mount| mount.pattern.priority());
        Routes {
            networks,
            mounts: different,
            default,
            exceptions: (proxies.no_proxy, proxies.exceptions),
            off,
        }
    }

    pub(crate) fn network(&self, index: usize) -> Option<&Arc<Wiring>> {
        self.networks.get(index)
    }

    pub(crate) fn networks(&self) -> impl Iterator<Item = &Arc<Wiring>> {
        self.networks.iter()
    }

    fn mount(&self, url: &Url) -> Option<&Mount> {
        self.mounts.iter().find(|mount| mount.pattern.matches(url))
    }

    /// The entry of `NO_PROXY` by which a mount does not serve `url`.
    fn exception(&self, mount: &Mount, url: &Url) -> Option<&str> {
        match mount.by {
            By::Variable(_) => self.exceptions.0.covering(url),
            By::Text(_) | By::Client => None,
        }
    }

    /// Who serves `url`.
    pub(crate) fn find(&self, url: &Url) -> &Route {
        match self.mount(url) {
            Some(mount) if self.exception(mount, url).is_none() => &mount.route,
            _ => &self.default,
        }
    }

    /// Who serves `request`, which may have a proxy of its own.
    pub(crate) fn carrier(&self, request: &Request) -> Carrier<'_> {
        let route = self.find(request.url());
        match (route, request.own_proxy()) {
            (Route::Network(index, proxy), Choice::Inherit) => {
                Carrier::Network(*index, proxy.clone())
            }
            (Route::Network(index, _), Choice::Off) => Carrier::Network(*index, None),
            (Route::Network(index, _), Choice::Is(proxy)) => {
                Carrier::Network(*index, Some(proxy.clone()))
            }
            (Route::Custom(_), Choice::Is(proxy)) => Carrier::Network(0, Some(proxy.clone())),
            (Route::Custom(custom), _) => Carrier::Custom(custom),
        }
    }

    /// Which proxy serves `url`, and why.
    pub(crate) fn explain(&self, url: &Url) -> ProxyChoice {
        let mount = self.mount(url);
        let exception = mount.and_then(|mount| self.exception(mount, url));
        let (route, reason) = match (mount, exception) {
            (Some(_), Some(entry)) => {
                let (variable, entry) = (self.exceptions.1.to_owned(), entry.to_owned());
                (&self.default, ProxyReason::NoProxy { variable, entry })
            }
            (Some(mount), None) => {
                let reason = match &mount.by {
                    By::Text(text) => ProxyReason::Mount(text.clone()),
                    By::Client => ProxyReason::Client,
                    By::Variable(name) => ProxyReason::Variable((*name).to_owned()),
                };
                (&mount.route, reason)
            }
            (None, _) => match &self.default {
                default @ Route::Network(_, Some(_)) => (default, ProxyReason::Network),
                default if self.off => (default, ProxyReason::Client),
                default => (default, ProxyReason::NotConfigured),
            },
        };
        match route {
            Route::Network(_, proxy) => ProxyChoice {
                proxy: proxy.clone(),
                reason,
            },
            Route::Custom(_) => ProxyChoice {
                proxy: None,
                reason: ProxyReason::Transport,
            },
        }
    }
}
