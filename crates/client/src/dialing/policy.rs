//! Which addresses may be dialled.

use super::public::is_public;
use nuncio_connection::Address;
use std::fmt;
use std::sync::Arc;

/// Judges every address before it is dialled, and can refuse it: the guard against requests that are
/// led to where they should not go (server-side request forgery).
///
/// It is asked about the address itself, as it is handed to the socket right after, so that a name
/// which means something else the next time gets around nothing. It is asked on every hop, redirects
/// included, and about every address, whether that was looked up, stood in the URL, came from
/// [`resolve`](crate::Network::resolve) or from a resolver of the program's. What it refuses is
/// [`Kind::Policy`](crate::Kind::Policy), unless another address of the same host may be dialled.
///
/// A connection that is used again is not asked about again: it leads where it led.
#[derive(Clone)]
pub struct ConnectPolicy(Arc<Judge>);

type Judge = dyn Fn(&Candidate<'_>) -> Result<(), String> + Send + Sync;

/// An address that is about to be dialled.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Candidate<'a> {
    /// The host, as the URL has it: in lower case, an IPv6 address in brackets.
    pub host: &'a str,
    /// The port, as the URL has it.
    pub port: u16,
    /// The address that will be dialled. IPv4 written as IPv6 (`::ffff:192.0.2.1`) is IPv4 here.
    pub address: &'a Address,
    /// Whose address it is.
    pub hop: Hop,
}

/// Who is dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Hop {
    /// The server that the request is for.
    Origin,
    /// A proxy, which dials the server itself: the server's address is not known here.
    Proxy,
}

impl ConnectPolicy {
    /// A policy of one's own: the error is the reason for which an address is refused, in a few
    /// words. It is called in the thread or task that connects, and must not block.
    ///
    /// ```
    /// # use nuncio_client::{ConnectPolicy, is_public};
    /// // Public addresses, and one service of our own.
    /// let policy = ConnectPolicy::new(|candidate| match candidate.address.tcp() {
    ///     Some(address) if is_public(address.ip()) => Ok(()),
    ///     Some(_) if candidate.host == "search.internal" => Ok(()),
    ///     _ => Err("not one of ours".to_owned()),
    /// });
    /// ```
    pub fn new(
        judge: impl Fn(&Candidate<'_>) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        ConnectPolicy(Arc::new(judge))
    }

    /// Lets only [public](is_public) addresses be dialled: for URLs that come from others.
    ///
    /// A proxy must have a public address, too; and since it is the proxy that dials the server then,
    /// this policy cannot say which: use it without proxies, or let the proxy be the guard.
    pub fn public_addresses_only() -> Self {
        Self::new(|candidate| match candidate.address {
            Address::Tcp(address) if is_public(address.ip()) => Ok(()),
            Address::Tcp(_) => Err("it is not a public address".to_owned()),
            _ => Err("it is not an IP address".to_owned()),
        })
    }

    pub(super) fn judge(&self, candidate: &Candidate<'_>) -> Result<(), String> {
        (self.0)(candidate)
    }
}

impl fmt::Debug for ConnectPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConnectPolicy(..)")
    }
}
