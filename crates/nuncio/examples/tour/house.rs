//! What connections lead to and through: servers that want to know who asks, proxies, a Unix socket, and
//! a server that leaves HTTP.

use crate::http2;
use nuncio_testkit::certs::Authority;
use nuncio_testkit::proxy::Proxy;
use nuncio_testkit::script::{Script, ScriptedPeer, Step};
use nuncio_testkit::server::Server;
use std::io;

pub(crate) struct House {
    /// Plain HTTP/1.1. The proxies know it as `origin.test`, too.
    pub(crate) server: Server,
    /// HTTP/2 over TLS, for clients with a certificate and for no others.
    pub(crate) vault: http2::Server,
    /// Whom to trust about it, and a certificate that it takes.
    pub(crate) trusted: String,
    pub(crate) certificate: String,
    pub(crate) key: String,
    /// HTTP and SOCKS5, whichever is begun with.
    pub(crate) proxy: Proxy,
    /// HTTP over TLS, for Ada alone, and whom to trust about that.
    pub(crate) secure_proxy: Proxy,
    pub(crate) trusted_of_proxy: String,
    /// Leaves HTTP, and answers a word of five letters.
    pub(crate) parrot: ScriptedPeer,
    #[cfg(unix)]
    pub(crate) daemon: unix::Daemon,
}

impl House {
    pub(crate) fn new() -> io::Result<Self> {
        let (authority, other) = (Authority::new(), Authority::new());
        let client = authority.client_leaf();
        let asking = authority
            .leaf()
            .asking_server_config(authority.der(), &["h2"]);
        let server = Server::http();
        let proxy = Proxy::builder().name("origin.test", server.addr()).start();
        let secure_proxy = Proxy::builder()
            .tls(other.leaf().server_config(&["http/1.1"]))
            .password("Basic YWRhOnNlY3JldA==", "")
            .start();
        Ok(House {
            server,
            vault: http2::Server::start(asking)?,
            trusted: authority.pem(),
            certificate: client.chain_pem(),
            key: client.key_pem().to_owned(),
            proxy,
            secure_proxy,
            trusted_of_proxy: other.pem(),
            parrot: parrot(),
            #[cfg(unix)]
            daemon: unix::Daemon::start()?,
        })
    }
}

fn parrot() -> ScriptedPeer {
    // Its first words come with the head, and are not to be lost.
    let head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: parrot\r\n\r\n";
    let steps = [
        Step::ExpectHead,
        Step::send(format!("{head}welcome, ")),
        Step::ExpectBytes(5),
        Step::send("Polly"),
        Step::ExpectEof,
    ];
    Script::new().connection(steps).repeat_last().start()
}

#[cfg(unix)]
pub(crate) mod unix {
    use std::io::{self, Read, Write};
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::path::PathBuf;

    /// A server on a Unix domain socket. It answers one request a connection, until the tour ends.
    pub(crate) struct Daemon(pub(crate) PathBuf);

    impl Daemon {
        pub(crate) fn start() -> io::Result<Self> {
            let name = format!("nuncio-tour-{}.socket", std::process::id());
            let path = std::env::temp_dir().join(name);
            let listener = UnixListener::bind(&path)?;
            std::thread::spawn(move || {
                // What goes wrong is seen by the client.
                for socket in listener.incoming().flatten() {
                    let _ = serve(socket);
                }
            });
            Ok(Daemon(path))
        }
    }

    impl Drop for Daemon {
        fn drop(&mut self) {
            // It is ours, and there is nobody left to tell.
            let _ = std::fs::remove_file(&self.0);
        }
    }

    fn serve(mut socket: UnixStream) -> io::Result<()> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            socket.read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\ndaemon")
    }
}
