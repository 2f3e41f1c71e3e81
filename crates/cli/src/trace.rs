//! What is shown of the way to a response, as it happens: the head of every response, and with
//! `--verbose` the connections, the requests and the interim heads.

use crate::escape;
use crate::output;
use crate::screen::Screen;
use nuncio::{Address, Event};
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What listens to a client, and shows what it hears on a screen.
pub(crate) struct Trace {
    screen: Screen,
    verbose: bool,
    /// The first failure to show something.
    failure: Arc<Mutex<Option<io::Error>>>,
}

impl Trace {
    pub(crate) fn new(screen: Screen, verbose: bool) -> Self {
        Trace {
            screen,
            verbose,
            failure: Arc::default(),
        }
    }

    /// What the client is given.
    pub(crate) fn listener(&self) -> impl Fn(&Event<'_>) + Send + Sync + 'static {
        let (screen, verbose) = (self.screen, self.verbose);
        let failure = Arc::clone(&self.failure);
        // A name stands for the addresses that it has: they are not announced one by one.
        let named = AtomicBool::new(false);
        move |event| {
            let shown = match event {
                Event::ResponseHead { head } if verbose || !head.is_interim() => {
                    let reason = head.reason.as_bytes();
                    output::response_head(screen, head.version, head.status, reason, &head.headers)
                }
                event if verbose => show(screen, event, &named),
                _ => Ok(()),
            };
            if let Err(error) = shown {
                let mut failure = failure.lock().unwrap_or_else(PoisonError::into_inner);
                failure.get_or_insert(error);
            }
        }
    }

    /// Whether all that there was could be shown so far.
    pub(crate) fn finish(&self) -> io::Result<()> {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.take().map_or(Ok(()), Err)
    }
}

fn show(screen: Screen, event: &Event<'_>, named: &AtomicBool) -> io::Result<()> {
    let line = |text: String| screen.show(|out| writeln!(out, "* {}", escape::line(&text)));
    match event {
        Event::ResolveStarted { host, .. } => {
            named.store(true, Ordering::Relaxed);
            line(format!("Connecting to '{host}'"))
        }
        Event::ConnectStarted { address } if !named.load(Ordering::Relaxed) => {
            line(format!("Connecting to '{}'", host(address)))
        }
        Event::ConnectComplete { address } => {
            named.store(false, Ordering::Relaxed);
            line(format!("Connected to {}", place(address)))
        }
        Event::ConnectFailed { address, error } => {
            line(format!("Not connected to {}: {error}", place(address)))
        }
        Event::ProxyConnectStarted { target, .. } => {
            line(format!("Asking the proxy for '{target}'"))
        }
        Event::TlsStarted { server_name } => line(format!("TLS handshake with '{server_name}'")),
        Event::TlsComplete { tls, .. } => {
            let (version, suite) = (tls.version(), tls.cipher_suite());
            line(format!("TLS established using '{version}' / '{suite}'"))?;
            match tls.alpn() {
                Some(alpn) => {
                    let alpn = String::from_utf8_lossy(alpn);
                    line(format!("Selected ALPN protocol: '{alpn}'"))
                }
                None => Ok(()),
            }
        }
        Event::RequestHeadSent {
            version,
            method,
            target,
            headers,
        } => output::request_head(screen, *version, method, target, headers),
        _ => Ok(()),
    }
}

/// An address without its port, where it has one.
fn host(address: &Address) -> String {
    let tcp = address.tcp();
    tcp.map_or_else(|| address.to_string(), |tcp| tcp.ip().to_string())
}

fn place(address: &Address) -> String {
    match address.tcp() {
        Some(tcp) => format!("'{}' on port {}", tcp.ip(), tcp.port()),
        None => format!("'{address}'"),
    }
}
