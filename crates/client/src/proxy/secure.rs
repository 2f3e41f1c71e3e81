//! TLS to https proxies: with settings of their own, or those of a client that is told nothing. What is
//! set for origins does not count.

use super::Proxy;
use crate::environment::Environment;
use crate::error::Error;
use crate::tls::Tls;
use nuncio_connection::{Layer, TlsParams};
use rustls::ClientConfig;
use rustls::client::Resumption;
use std::sync::{Arc, OnceLock};

/// How many proxies' sessions are remembered.
const SESSIONS: usize = 64;

/// A configuration, made where it is first asked for: with what the environment says, and without.
#[derive(Debug, Default)]
pub(super) struct Made([OnceLock<Result<Arc<ClientConfig>, Error>>; 2]);

/// What TLS connections of one network to proxies are made with.
#[derive(Debug)]
pub(crate) struct ToProxies {
    environment: Environment,
    trust_env: bool,
    /// For proxies without settings of their own.
    plain: Made,
}

impl ToProxies {
    pub(crate) fn new(environment: Environment, trust_env: bool) -> Self {
        ToProxies {
            environment,
            trust_env,
            plain: Made::default(),
        }
    }

    /// TLS to this https proxy.
    ///
    /// # Errors
    /// When its settings, or what the environment says, cannot be read.
    pub(crate) fn layer(&self, proxy: &Proxy) -> Result<Layer, Error> {
        let means = &*proxy.0;
        let own = means.tls.as_ref();
        let config = match own {
            Some(own) => self.config(&own.tls, &means.made.tls),
            None => self.config(&Tls::new(), &self.plain),
        };
        let name = own.and_then(|own| own.tls.name());
        Ok(Layer::Tls(TlsParams {
            config: config?,
            server_name: name.map_or(&*means.host, |name| name).to_owned(),
        }))
    }

    fn config(&self, tls: &Tls, made: &Made) -> Result<Arc<ClientConfig>, Error> {
        let alpn: [&[u8]; 1] = [b"http/1.1"];
        let make = || {
            let config = tls.build(&alpn, self.environment, self.trust_env)?;
            let mut config = ClientConfig::clone(&config);
            config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
            // A configuration of the user's may be in use for origins, too (SECURITY X7).
            config.resumption = Resumption::in_memory_sessions(SESSIONS);
            Ok(Arc::new(config))
        };
        let [without, with] = &made.0;
        let made = if self.trust_env { with } else { without };
        made.get_or_init(make).clone()
    }
}
