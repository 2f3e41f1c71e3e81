//! What has left HTTP: a connection after a 101 that was asked for, or a 2xx to CONNECT, taken out of
//! the response that said so (BEHAVIOUR section 24, RFC 9110 sections 7.8 and 9.3.6).

use crate::depot::{Lane, Permit};
use crate::error::{Error, Kind};
use crate::lifeline::closed;
use crate::network::Wiring;
use crate::response::Head;
use crate::running::Running;
use http::{Method, Version};
use nuncio_connection::{Error as ConnectionError, TlsError, Transmit, Tunnel};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

/// Whether a response with this status leaves HTTP. A 101 that nobody asked for is no response: it has
/// failed before.
pub(crate) fn switches(method: &Method, status: u16) -> bool {
    status == 101 || (*method == Method::CONNECT && (200..300).contains(&status))
}

/// A response's connection that has left HTTP and was not taken yet. Dropped, it is closed.
pub(crate) struct Switched<S> {
    running: Running<S>,
    wiring: Option<Arc<Wiring>>,
    limit: Option<Duration>,
}

impl<S> Switched<S> {
    pub(crate) fn new(
        running: Running<S>,
        wiring: Option<Arc<Wiring>>,
        limit: Option<Duration>,
    ) -> Self {
        Switched {
            running,
            wiring,
            limit,
        }
    }

    pub(crate) fn into_upgrade(
        self,
        head: Head,
        peer: Option<SocketAddr>,
    ) -> Result<Upgrade<S>, Error> {
        let Some((lane, place)) = self.running.held.into_lane() else {
            return Err(not_switched(&head));
        };
        let Lane {
            connection,
            socket,
            transmit,
            ..
        } = *lane;
        let Ok(tunnel) = connection.into_tunnel() else {
            return Err(not_switched(&head));
        };
        let tie = Tie {
            head,
            peer,
            wiring: self.wiring,
            limit: self.limit,
            place,
        };
        Ok(Upgrade {
            tunnel,
            socket,
            transmit,
            tie,
        })
    }
}

/// Why a response has no connection to hand over.
pub(crate) fn not_switched(head: &Head) -> Error {
    let mut text = format!(
        "the server did not switch protocols, but answered {}",
        head.answer()
    );
    if head.version() == Version::HTTP_2 {
        text.push_str(": over HTTP/2 nothing is upgraded (RFC 9113 section 8.6)");
    }
    let request = &head.request;
    Error::new(Kind::Status, text).for_request(request.method.as_str(), &request.url)
}

/// A connection that has left HTTP, with its socket: what an adapter makes its stream of.
pub struct Upgrade<S> {
    /// The machine. What the peer sent behind its head is what it reads first.
    pub tunnel: Tunnel,
    /// What its bytes go through.
    pub socket: S,
    /// What is being written.
    pub transmit: Transmit,
    /// What ties it to the client that made it.
    pub tie: Tie<S>,
}

/// What an upgraded connection has of the client that made it: its place in the pool, where it counts
/// until this is dropped, the head of the response, the network's TLS.
pub struct Tie<S> {
    head: Head,
    peer: Option<SocketAddr>,
    #[cfg_attr(
        not(feature = "tls"),
        expect(dead_code, reason = "TLS is begun with it")
    )]
    wiring: Option<Arc<Wiring>>,
    limit: Option<Duration>,
    place: Permit<S>,
}

impl<S> Tie<S> {
    /// The response that switched.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Who is at the other end.
    pub fn peer_address(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// Has `waker` woken when the client is closed, which ends this connection like every other. Said
    /// before each wait, and with the same waker, for it knows one; an adapter whose waits no waker ends
    /// has left a [breaker](crate::Lane::break_with) before.
    ///
    /// # Errors
    /// [`io::ErrorKind::ConnectionAborted`] if it was closed already.
    pub fn watch(&self, waker: &Waker) -> io::Result<()> {
        let watched = self.place.watch(waker);
        watched.map_err(|_| io::ErrorKind::ConnectionAborted.into())
    }

    /// How long a handshake may take: the request's limit on connecting.
    pub fn handshake_limit(&self) -> Option<Duration> {
        self.limit
    }

    /// TLS to `server_name` with what the client trusts. It offers no protocol by ALPN.
    ///
    /// # Errors
    /// [`Kind::Usage`] where there is no network: in a [`Script`](crate::Script).
    #[cfg(feature = "tls")]
    pub fn tls(&self, server_name: &str) -> Result<nuncio_connection::TlsParams, Error> {
        let Some(wiring) = &self.wiring else {
            return Err(Error::new(
                Kind::Usage,
                "there is no network to take TLS from",
            ));
        };
        wiring.tls_inside(server_name)
    }

    /// Why beginning TLS failed: [`Kind::Closed`] once the client was closed, whatever came of that.
    pub fn blame(&self, error: ConnectionError) -> Error {
        let request = &self.head.request;
        let error = match self.place.is_cut() {
            true => closed(),
            false => Error::connection(error, true),
        };
        error
            .for_request(request.method.as_str(), &request.url)
            .at(self.peer)
    }
}

/// What a tunnel tells as an error of `std::io`'s traits. A socket's own error is told as it was.
pub fn tunnel_io_error(error: ConnectionError) -> io::Error {
    let kind = match &error {
        ConnectionError::Io(error) => return error.to_io_error(),
        ConnectionError::Tls(TlsError::NoCloseNotify | TlsError::Truncated) => {
            io::ErrorKind::UnexpectedEof
        }
        ConnectionError::Tls(_) => io::ErrorKind::InvalidData,
        ConnectionError::Timeout(_) => io::ErrorKind::TimedOut,
        // Written to once it was shut, or closed.
        ConnectionError::Closed | ConnectionError::Misuse(_) => io::ErrorKind::BrokenPipe,
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, error)
}

impl<S> fmt::Debug for Tie<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tie")
            .field("peer_address", &self.peer)
            .finish_non_exhaustive()
    }
}
