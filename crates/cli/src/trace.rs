//! What `--verbose` shows of the way to a response, as it happens.

use crate::escape;
use crate::output;
use crate::screen::Screen;
use nuncio::Event;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

/// A listener that shows events on `screen`. A screen that fails shows itself when the response is
/// written to it; here it is let pass.
pub(crate) fn listener(screen: Screen) -> impl Fn(&Event<'_>) + Send + Sync + 'static {
    // A name stands for the addresses that it has: they are not announced one by one.
    let named = AtomicBool::new(false);
    move |event| {
        let _ = show(screen, event, &named);
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
            line(format!("Connecting to '{}'", address.ip()))
        }
        Event::ConnectComplete { address } => {
            named.store(false, Ordering::Relaxed);
            line(format!(
                "Connected to '{}' on port {}",
                address.ip(),
                address.port()
            ))
        }
        Event::ConnectFailed { address, error } => line(format!(
            "Not connected to '{}' on port {}: {error}",
            address.ip(),
            address.port()
        )),
        Event::TlsStarted { server_name } => line(format!("TLS handshake with '{server_name}'")),
        Event::TlsComplete { .. } => line("TLS established".to_owned()),
        Event::RequestHeadSent {
            method,
            target,
            headers,
        } => output::request_head(screen, method, target, headers),
        // The final one is shown in any case, and not from here.
        Event::ResponseHead { head } if head.is_interim() => {
            let reason = head.reason.as_bytes();
            output::response_head(screen, head.version, head.status, reason, &head.headers)
        }
        _ => Ok(()),
    }
}
