//! Sockets that begin to connect, with the options that a client has: the part of dialling that is the
//! same on every runtime.
//!
//! [`begin`] makes the socket, sets it up and begins to connect; it never waits. Whoever has a way to
//! wait until a socket can be written does that, and then [`TcpStream::take_error`] says how it went:
//!
//! ```
//! use nuncio_client::{Address, SocketOptions};
//! use std::net::TcpListener;
//!
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let to = Address::from(listener.local_addr()?);
//! let socket = nuncio_socket::begin(&to, &SocketOptions::new())?;
//! // A runtime waits here until it can be written. This example asks again and again.
//! while !nuncio_socket::is_connected(&socket)? {
//!     std::thread::yield_now();
//! }
//! assert!(socket.nodelay()?);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Waiting, timers, and which address is dialled when are left to others: the adapters, and
//! `nuncio_connection::Dialer`.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

use nuncio_client::{Address, SocketOptions};
use socket2::{Domain, SockAddr, SockRef, Socket, TcpKeepalive, Type};
use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};

/// Begins to connect to `to`. The socket does not block, and is connected, or will be.
///
/// It is a `TcpStream` even where it leads to a Unix domain socket: the handle of a socket that is
/// read and written, which is all that is done with it. (Its addresses cannot be asked for then.)
///
/// # Errors
/// Whatever of the options the system does not know or allow, what it can tell at once of the
/// address, and a path that is too long for a Unix socket; the text says which it was.
pub fn begin(to: &Address, options: &SocketOptions) -> io::Result<TcpStream> {
    let (domain, to) = match to {
        Address::Tcp(address) => (Domain::for_address(*address), SockAddr::from(*address)),
        #[cfg(unix)]
        Address::Unix(path) => (Domain::UNIX, SockAddr::unix(path)?),
        _ => {
            let text = "there are no Unix sockets here";
            return Err(io::Error::new(io::ErrorKind::Unsupported, text));
        }
    };
    let socket = nonblocking(domain)?;
    set_up(&socket, domain, options)?;
    match socket.connect(&to) {
        Err(error) if !is_under_way(&error) => Err(error),
        _ => Ok(socket.into()),
    }
}

/// Whether a socket that began to connect is connected by now: for those who ask, and are not told.
///
/// # Errors
/// Why it could not connect.
pub fn is_connected(socket: &TcpStream) -> io::Result<bool> {
    if let Some(error) = socket.take_error()? {
        return Err(error);
    }
    match SockRef::from(socket).peer_addr() {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
        Err(error) => Err(error),
    }
}

/// Where the system can make it so at once, that spares two calls.
fn nonblocking(domain: Domain) -> io::Result<Socket> {
    #[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
    return Socket::new(domain, Type::STREAM.nonblocking(), None);
    #[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
    {
        let socket = Socket::new(domain, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    }
}

/// Unix names one number for it, Windows another.
fn is_under_way(error: &io::Error) -> bool {
    #[cfg(unix)]
    return error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error());
    #[cfg(not(unix))]
    return error.kind() == io::ErrorKind::WouldBlock;
}

fn set_up(socket: &Socket, domain: Domain, options: &SocketOptions) -> io::Result<()> {
    if let Some(size) = options.send_buffer {
        let set = socket.set_send_buffer_size(size);
        set.map_err(|error| told(&error, "the send buffer's size"))?;
    }
    if let Some(size) = options.receive_buffer {
        let set = socket.set_recv_buffer_size(size);
        set.map_err(|error| told(&error, "the receive buffer's size"))?;
    }
    if domain == Domain::IPV4 || domain == Domain::IPV6 {
        set_up_tcp(socket, options)?;
    }
    #[cfg(unix)]
    let raw = std::os::fd::AsFd::as_fd(socket);
    #[cfg(windows)]
    let raw = std::os::windows::io::AsSocket::as_socket(socket);
    options.run_configure(raw)
}

fn set_up_tcp(socket: &Socket, options: &SocketOptions) -> io::Result<()> {
    if options.nodelay {
        socket.set_tcp_nodelay(true)?;
    }
    if let Some(idle) = options.keepalive {
        let mut keepalive = TcpKeepalive::new().with_time(idle);
        if let Some(interval) = options.keepalive_interval {
            keepalive = keepalive.with_interval(interval);
        }
        if let Some(probes) = options.keepalive_probes {
            keepalive = keepalive.with_retries(probes);
        }
        let set = socket.set_tcp_keepalive(&keepalive);
        set.map_err(|error| told(&error, "keep-alive"))?;
    }
    if let Some(interface) = &options.interface {
        let bound = bind_interface(socket, interface);
        bound.map_err(|error| {
            told(
                &error,
                &format!("the interface '{}'", interface.escape_debug()),
            )
        })?;
    }
    if let Some(local) = options.local_address {
        let bound = bind_address(socket, local);
        bound.map_err(|error| told(&error, &format!("the local address {local}")))?;
    }
    Ok(())
}

fn bind_address(socket: &Socket, local: IpAddr) -> io::Result<()> {
    socket.bind(&SocketAddr::new(local, 0).into())
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn bind_interface(socket: &Socket, name: &str) -> io::Result<()> {
    socket.bind_device(Some(name.as_bytes()))
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn bind_interface(_socket: &Socket, _name: &str) -> io::Result<()> {
    let text = "this system does not bind sockets to interfaces by name";
    Err(io::Error::new(io::ErrorKind::Unsupported, text))
}

/// Says with which option it was that a socket failed.
fn told(error: &io::Error, what: &str) -> io::Error {
    io::Error::new(error.kind(), format!("setting {what}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::time::Duration;

    fn connect(to: &Address, options: &SocketOptions) -> io::Result<TcpStream> {
        let socket = begin(to, options)?;
        while !is_connected(&socket)? {
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(socket)
    }

    fn listener() -> (TcpListener, Address) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().into();
        (listener, address)
    }

    #[test]
    fn b22_1_nodelay_is_set_unless_it_is_not_wanted() {
        let (_listener, to) = listener();
        let socket = |options| connect(&to, &options).unwrap();
        assert!(socket(SocketOptions::new()).nodelay().unwrap());
        let options = SocketOptions::new().nodelay(false);
        assert!(!socket(options).nodelay().unwrap());
    }

    #[test]
    fn b22_1_options_reach_the_socket() {
        let (_listener, to) = listener();
        let options = SocketOptions::new()
            .keepalive(Duration::from_secs(31))
            .keepalive_interval(Duration::from_secs(7))
            .keepalive_probes(3)
            .send_buffer(50_000)
            .receive_buffer(60_000)
            .configure(|socket| SockRef::from(&socket).set_linger(Some(Duration::from_secs(2))));
        let socket = connect(&to, &options).unwrap();
        let socket = SockRef::from(&socket);
        assert!(socket.keepalive().unwrap());
        // Linux doubles what it is told.
        assert!((50_000..=100_000).contains(&socket.send_buffer_size().unwrap()));
        assert!((60_000..=120_000).contains(&socket.recv_buffer_size().unwrap()));
        assert_eq!(socket.linger().unwrap(), Some(Duration::from_secs(2)));
        #[cfg(target_os = "linux")]
        {
            assert_eq!(socket.tcp_keepalive_time().unwrap().as_secs(), 31);
            assert_eq!(socket.tcp_keepalive_interval().unwrap().as_secs(), 7);
            assert_eq!(socket.tcp_keepalive_retries().unwrap(), 3);
        }
    }

    #[test]
    fn b22_1_a_connection_comes_from_the_local_address() {
        let (listener, to) = listener();
        let local = "127.0.0.7".parse().unwrap();
        let options = SocketOptions::new().local_address(local);
        let socket = connect(&to, &options).unwrap();
        assert_eq!(socket.local_addr().unwrap().ip(), local);
        assert_eq!(listener.accept().unwrap().1.ip(), local);
        // An address that is none of this machine's.
        let options = SocketOptions::new().local_address("192.0.2.1".parse().unwrap());
        let error = begin(&to, &options).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrNotAvailable);
        assert!(
            error.to_string().contains("local address 192.0.2.1"),
            "{error}"
        );
    }

    #[test]
    fn an_interface_that_is_not_there_is_told() {
        let (_listener, to) = listener();
        let error = begin(&to, &SocketOptions::new().interface("none\n9")).unwrap_err();
        assert!(
            error.to_string().contains(r"the interface 'none\n9'"),
            "{error}"
        );
        #[cfg(target_os = "linux")]
        assert!(connect(&to, &SocketOptions::new().interface("lo")).is_ok());
    }

    #[test]
    fn what_the_program_s_own_configuration_says_is_the_error() {
        let (_listener, to) = listener();
        let options = SocketOptions::new().configure(|_| Err(io::Error::other("not today")));
        assert_eq!(begin(&to, &options).unwrap_err().to_string(), "not today");
    }

    #[test]
    fn nobody_there_is_an_error() {
        let (listener, to) = listener();
        drop(listener);
        let error = connect(&to, &SocketOptions::new()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }

    #[cfg(unix)]
    #[test]
    fn b22_1_a_unix_socket_is_read_and_written() {
        let folder = std::env::temp_dir().join(format!("nuncio-socket-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let unix = |name: &str| Address::Unix(folder.join(name).into());
        let listener = std::os::unix::net::UnixListener::bind(folder.join("s")).unwrap();
        let mut socket = connect(&unix("s"), &SocketOptions::new().send_buffer(9_000)).unwrap();
        socket.set_nonblocking(false).unwrap();
        let (mut other, _) = listener.accept().unwrap();
        socket.write_all(b"ping").unwrap();
        other.write_all(b"pong").unwrap();
        drop(other);
        let mut read = Vec::new();
        let end = socket.read_to_end(&mut read);
        // What the other side had not read is a reset, which changes nothing about what came.
        assert!(end.is_ok() || end.unwrap_err().kind() == io::ErrorKind::ConnectionReset);
        assert_eq!(read, b"pong");
        let error = |name: &str| begin(&unix(name), &SocketOptions::new()).unwrap_err();
        assert_eq!(error("none").kind(), io::ErrorKind::NotFound);
        let long = error(&"x".repeat(200));
        assert_eq!(long.kind(), io::ErrorKind::InvalidInput);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
