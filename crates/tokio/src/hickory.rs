//! Names looked up in this process by hickory-resolver, in the place of the operating system.

use nuncio_async::{AsyncResolve, BoxFuture, Resolver};
use std::io;
use std::net::SocketAddr;

/// What is looked up with, in the version that [`from_hickory`] wants.
pub use hickory_resolver;

/// A resolver for [`ClientBuilder::resolver`](crate::ClientBuilder::resolver) that asks the servers
/// which the system's configuration names (`/etc/resolv.conf`, read now).
///
/// # Errors
/// When there is no such configuration.
pub fn hickory() -> io::Result<Resolver> {
    let builder = hickory_resolver::TokioResolver::builder_tokio().map_err(io::Error::other)?;
    Ok(from_hickory(builder.build().map_err(io::Error::other)?))
}

/// The same of a resolver that was set up by oneself: with other servers, DNSSEC, a cache of another
/// size. What it keeps of answers is its own: nuncio keeps nothing.
pub fn from_hickory(resolver: hickory_resolver::TokioResolver) -> Resolver {
    Resolver::future(Hickory(resolver))
}

struct Hickory(hickory_resolver::TokioResolver);

impl AsyncResolve for Hickory {
    fn resolve(&self, host: &str, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        let (resolver, host) = (self.0.clone(), host.to_owned());
        Box::pin(async move {
            let found = resolver.lookup_ip(host).await.map_err(io::Error::other)?;
            Ok(found.iter().map(|ip| SocketAddr::new(ip, port)).collect())
        })
    }
}
