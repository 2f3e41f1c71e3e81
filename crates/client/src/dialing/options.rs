//! What is asked of a socket before it connects.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// A socket as the operating system knows it, lent to [`SocketOptions::configure`].
#[cfg(unix)]
pub type RawSocket<'a> = std::os::fd::BorrowedFd<'a>;
/// A socket as the operating system knows it, lent to [`SocketOptions::configure`].
#[cfg(windows)]
pub type RawSocket<'a> = std::os::windows::io::BorrowedSocket<'a>;

type Configure = dyn Fn(RawSocket<'_>) -> io::Result<()> + Send + Sync;

/// Options of the sockets that a client connects with, set before they connect.
///
/// The fields are for adapters to read; the methods of the same names set them. What the system does
/// not know or allow fails the attempt to connect, and is told.
///
/// ```
/// # use nuncio_client::SocketOptions;
/// # use std::time::Duration;
/// let options = SocketOptions::new()
///     .keepalive(Duration::from_secs(60))
///     .receive_buffer(1024 * 1024);
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct SocketOptions {
    /// The address that connections come from. Only addresses of its family are dialled.
    pub local_address: Option<IpAddr>,
    /// The network interface that connections go through.
    pub interface: Option<String>,
    /// Whether each write goes out at once (`TCP_NODELAY`).
    pub nodelay: bool,
    /// After how long a silence the system asks whether the peer is still there.
    pub keepalive: Option<Duration>,
    /// How long it waits between asking and asking again.
    pub keepalive_interval: Option<Duration>,
    /// How often it asks before it gives up.
    pub keepalive_probes: Option<u32>,
    /// The size of the system's buffer for what is sent, in bytes.
    pub send_buffer: Option<usize>,
    /// The size of the system's buffer for what is received, in bytes.
    pub receive_buffer: Option<usize>,
    configure: Option<Arc<Configure>>,
}

impl Default for SocketOptions {
    fn default() -> Self {
        SocketOptions {
            local_address: None,
            interface: None,
            nodelay: true,
            keepalive: None,
            keepalive_interval: None,
            keepalive_probes: None,
            send_buffer: None,
            receive_buffer: None,
            configure: None,
        }
    }
}

impl SocketOptions {
    /// The defaults: those of the system, and `nodelay`.
    pub fn new() -> Self {
        Self::default()
    }

    /// The address that connections come from. `0.0.0.0` and `::` select IPv4 or IPv6 and leave the
    /// rest to the system. Default: the system decides.
    pub fn local_address(mut self, address: IpAddr) -> Self {
        self.local_address = Some(address);
        self
    }

    /// The network interface that connections go through, by its name, whatever the routes say
    /// (`SO_BINDTODEVICE`). On Linux and Android; elsewhere connecting fails with
    /// [`io::ErrorKind::Unsupported`]. Default: as the routes say.
    pub fn interface(mut self, name: impl Into<String>) -> Self {
        self.interface = Some(name.into());
        self
    }

    /// Whether each write goes out at once, and is not held back until what went before was
    /// acknowledged (`TCP_NODELAY`). Default true.
    pub fn nodelay(mut self, nodelay: bool) -> Self {
        self.nodelay = nodelay;
        self
    }

    /// After how long a silence the system asks whether the peer is still there (`SO_KEEPALIVE`), in
    /// whole seconds. Default: it does not.
    pub fn keepalive(mut self, idle: Duration) -> Self {
        self.keepalive = Some(idle);
        self
    }

    /// How long the system waits between asking and asking again, in whole seconds; only with
    /// [`keepalive`](Self::keepalive). Default: as the system has it.
    pub fn keepalive_interval(mut self, interval: Duration) -> Self {
        self.keepalive_interval = Some(interval);
        self
    }

    /// How often the system asks before it takes the connection for dead; only with
    /// [`keepalive`](Self::keepalive). Default: as the system has it.
    pub fn keepalive_probes(mut self, probes: u32) -> Self {
        self.keepalive_probes = Some(probes);
        self
    }

    /// The size of the system's buffer for what is sent (`SO_SNDBUF`), in bytes, which the system may
    /// round or double. Default: it decides.
    pub fn send_buffer(mut self, bytes: usize) -> Self {
        self.send_buffer = Some(bytes);
        self
    }

    /// The size of the system's buffer for what is received (`SO_RCVBUF`), in bytes, which the system
    /// may round or double. Default: it decides.
    pub fn receive_buffer(mut self, bytes: usize) -> Self {
        self.receive_buffer = Some(bytes);
        self
    }

    /// Any other option: `configure` is lent each socket, with all of the above done, before it
    /// connects. Its error fails the attempt. `socket2::SockRef::from(&socket)` has methods for most
    /// options that there are.
    pub fn configure(
        mut self,
        configure: impl Fn(RawSocket<'_>) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        self.configure = Some(Arc::new(configure));
        self
    }

    /// Lends `socket` to what was given to [`configure`](Self::configure). For adapters.
    ///
    /// # Errors
    /// Those of that function.
    pub fn run_configure(&self, socket: RawSocket<'_>) -> io::Result<()> {
        match &self.configure {
            Some(configure) => configure(socket),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for SocketOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocketOptions")
            .field("local_address", &self.local_address)
            .field("interface", &self.interface)
            .field("nodelay", &self.nodelay)
            .field("keepalive", &self.keepalive)
            .field("keepalive_interval", &self.keepalive_interval)
            .field("keepalive_probes", &self.keepalive_probes)
            .field("send_buffer", &self.send_buffer)
            .field("receive_buffer", &self.receive_buffer)
            .field("configure", &self.configure.is_some())
            .finish()
    }
}
