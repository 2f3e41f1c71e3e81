//! Time that moves only when a test says so, for machines that take `now` as an argument.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A clock that stands still until it is advanced. Clones show the same time, in every thread.
///
/// ```
/// use std::time::Duration;
/// use nuncio_testkit::clock::Clock;
/// let clock = Clock::new();
/// let start = clock.now();
/// clock.advance(Duration::from_secs(5));
/// assert_eq!(clock.now() - start, Duration::from_secs(5));
/// ```
#[derive(Debug, Clone)]
pub struct Clock {
    start: Instant,
    elapsed_nanos: Arc<AtomicU64>,
}

impl Clock {
    /// A clock that starts at some time.
    pub fn new() -> Self {
        // The one reading of the real clock: an Instant can be had in no other way.
        Self {
            start: Instant::now(),
            elapsed_nanos: Arc::default(),
        }
    }

    /// The time it shows.
    pub fn now(&self) -> Instant {
        self.start + self.elapsed()
    }

    /// How far it was moved since it was made.
    pub fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.elapsed_nanos.load(Ordering::SeqCst))
    }

    /// Moves it forward.
    pub fn advance(&self, by: Duration) {
        let nanos = u64::try_from(by.as_nanos()).expect("a test shorter than 584 years");
        self.elapsed_nanos.fetch_add(nanos, Ordering::SeqCst);
    }

    /// Moves it forward to `to`; a time that is past changes nothing.
    pub fn advance_to(&self, to: Instant) {
        self.advance(to.saturating_duration_since(self.now()));
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_the_time_and_it_never_goes_back() {
        let clock = Clock::new();
        let (other, start) = (clock.clone(), clock.now());
        clock.advance_to(start + Duration::from_millis(30));
        other.advance_to(start);
        assert_eq!(other.elapsed(), Duration::from_millis(30));
        assert_eq!(other.now(), clock.now());
    }
}
