//! Windows that grow with the path: a window that is smaller than what is under way in one round trip
//! keeps the sender waiting (RFC 9113 section 5.2.1 leaves the size to the receiver).
//!
//! What comes between a PING and its answer is what one round trip carries. No clock is needed for
//! that, and small responses cost no PING.

/// The windows of a connection, as they are and as they may become.
#[derive(Debug)]
pub(super) struct Tuning {
    /// Of each stream.
    window: u32,
    /// Bytes that came since the measurement began, or since the last one ended.
    came: u64,
    /// Bytes after which the next one begins.
    next: u64,
    measuring: bool,
}

/// Of each stream and of the connection, at most (SECURITY section 3).
const MOST: (u32, u32) = (2 << 20, 8 << 20);

impl Tuning {
    pub(super) fn new(window: u32) -> Self {
        Tuning {
            window,
            came: 0,
            next: u64::from(window) / 2,
            measuring: false,
        }
    }

    /// So much came; whether a PING is to be sent now, if none is under way.
    pub(super) fn came(&mut self, bytes: usize) -> bool {
        self.came += bytes as u64;
        !self.measuring && self.came >= self.next && self.window < MOST.0
    }

    /// The PING left, with nothing of what is counted before it.
    pub(super) fn asked(&mut self) {
        self.measuring = true;
        self.came = 0;
    }

    /// It was answered: the windows that a stream and the connection are to have from now on, if they
    /// were too small.
    pub(super) fn answered(&mut self) -> Option<(u32, u32)> {
        if !std::mem::take(&mut self.measuring) {
            return None;
        }
        let carried = std::mem::take(&mut self.came);
        let full = carried >= u64::from(self.window) / 3 * 2;
        if !full {
            // This path needs no more; it is asked again, but ever more seldom.
            self.next = (self.next * 4).min(1 << 30);
            return None;
        }
        self.window = self.window.saturating_mul(2).min(MOST.0);
        self.next = u64::from(self.window) / 2;
        Some((self.window, self.window.saturating_mul(8).min(MOST.1)))
    }
}
