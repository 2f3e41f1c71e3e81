//! A gate that opens once and stays open: how tests put two threads in order without sleeping.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A gate, closed at first, that any holder of a clone may open for good.
#[derive(Debug, Clone, Default)]
pub struct Latch(Arc<(Mutex<bool>, Condvar)>);

impl Latch {
    /// A closed gate.
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens it and wakes everyone who waits.
    pub fn open(&self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.1.notify_all();
    }

    /// Whether it is open.
    pub fn is_open(&self) -> bool {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until it is open, at most `limit`; says whether it is open.
    pub fn wait(&self, limit: Duration) -> bool {
        let until = Instant::now() + limit;
        let mut open = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        while !*open {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            open = self
                .0
                .1
                .wait_timeout(open, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        *open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_waiter_goes_on_when_the_gate_opens() {
        let latch = Latch::new();
        assert!(!latch.wait(Duration::from_millis(1)));
        let waiter = std::thread::spawn({
            let latch = latch.clone();
            move || latch.wait(Duration::from_secs(20))
        });
        latch.open();
        assert!(waiter.join().unwrap());
        assert!(latch.is_open());
    }
}
