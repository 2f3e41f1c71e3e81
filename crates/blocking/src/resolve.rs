//! Looking names up with a deadline.
//!
//! The system's look-up cannot be given a deadline nor be interrupted, so it runs on a thread of
//! its own, of which there are at most sixteen per client at a time; further look-ups wait their
//! turn, within their own deadlines.

use nuncio_client::Resolver;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Instant;

const MAX_THREADS: usize = 16;

#[derive(Clone, Debug, Default)]
pub(crate) struct Lookups {
    places: Arc<Places>,
}

#[derive(Debug, Default)]
struct Places {
    taken: Mutex<usize>,
    freed: Condvar,
}

/// A look-up's place; free again when dropped, wherever the look-up ends.
struct Place(Arc<Places>);

impl Drop for Place {
    fn drop(&mut self) {
        *self.0.taken.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.freed.notify_one();
    }
}

impl Lookups {
    /// The addresses of `host`, from `resolver` or else the system; [`io::ErrorKind::TimedOut`] at
    /// `until`.
    pub(crate) fn lookup(
        &self,
        resolver: Option<&Resolver>,
        host: &str,
        port: u16,
        until: Option<Instant>,
    ) -> io::Result<Vec<SocketAddr>> {
        let resolver = match resolver {
            None => None,
            Some(Resolver::Blocking(resolver)) => Some(Arc::clone(resolver)),
            Some(_) => return Err(io::ErrorKind::Unsupported.into()),
        };
        let place = self.place(until)?;
        let host = host.to_owned();
        let (answer, answered) = mpsc::sync_channel(1);
        std::thread::Builder::new()
            .name("nuncio-lookup".into())
            .spawn(move || {
                let found = match resolver {
                    Some(resolver) => resolver.resolve(&host, port),
                    None => (host.as_str(), port)
                        .to_socket_addrs()
                        .map(Iterator::collect),
                };
                // Nobody listens any more when the deadline has passed.
                let _ = answer.send(found);
                drop(place);
            })?;
        let received = match until {
            None => answered.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(until) => {
                let left = until.saturating_duration_since(Instant::now());
                answered.recv_timeout(left)
            }
        };
        received.unwrap_or_else(|error| match error {
            RecvTimeoutError::Timeout => Err(io::ErrorKind::TimedOut.into()),
            RecvTimeoutError::Disconnected => Err(io::Error::other("the look-up panicked")),
        })
    }

    fn place(&self, until: Option<Instant>) -> io::Result<Place> {
        let mut taken = self
            .places
            .taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        while *taken >= MAX_THREADS {
            taken = match until {
                None => self
                    .places
                    .freed
                    .wait(taken)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(until) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Err(io::ErrorKind::TimedOut.into());
                    }
                    let waited = self.places.freed.wait_timeout(taken, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        *taken += 1;
        Ok(Place(Arc::clone(&self.places)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_name_of_this_machine_is_found() {
        let found = Lookups::default()
            .lookup(None, "localhost", 80, None)
            .unwrap();
        assert!(
            found
                .iter()
                .all(|address| address.ip().is_loopback() && address.port() == 80)
        );
        assert!(!found.is_empty());
    }

    #[test]
    fn a_look_up_that_gets_no_place_ends_at_its_deadline() {
        let lookups = Lookups::default();
        let held: Vec<_> = (0..MAX_THREADS)
            .map(|_| lookups.place(None).unwrap())
            .collect();
        let until = Instant::now() + Duration::from_millis(20);
        let error = lookups
            .lookup(None, "localhost", 80, Some(until))
            .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(Instant::now() >= until);
        drop(held);
        assert!(lookups.lookup(None, "localhost", 80, None).is_ok());
    }
}
