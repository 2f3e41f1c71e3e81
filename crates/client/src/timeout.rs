//! How long to wait, for what.

use std::time::Duration;

/// The four waits of a request, as httpx has them (BEHAVIOUR section 19); `None` waits for ever.
///
/// The default is five seconds each. `read` and `write` limit inactivity, not the whole transfer.
///
/// ```
/// # use nuncio_client::Timeout;
/// # use std::time::Duration;
/// let timeout = Timeout::secs(10).connect(Duration::from_secs(60));
/// assert_eq!(timeout.read_limit(), Some(Duration::from_secs(10)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeout {
    connect: Option<Duration>,
    read: Option<Duration>,
    write: Option<Duration>,
    pool: Option<Duration>,
}

impl Timeout {
    /// The same limit for all four waits.
    pub const fn all(limit: Duration) -> Self {
        let limit = Some(limit);
        Timeout {
            connect: limit,
            read: limit,
            write: limit,
            pool: limit,
        }
    }

    /// The same limit for all four waits, in seconds.
    pub const fn secs(seconds: u64) -> Self {
        Self::all(Duration::from_secs(seconds))
    }

    /// No limit at all.
    pub const fn none() -> Self {
        Timeout {
            connect: None,
            read: None,
            write: None,
            pool: None,
        }
    }

    /// The limit for look-up, dialling and TLS handshake together.
    pub const fn connect(mut self, limit: Duration) -> Self {
        self.connect = Some(limit);
        self
    }

    /// The longest silence of the peer while its bytes are awaited.
    pub const fn read(mut self, limit: Duration) -> Self {
        self.read = Some(limit);
        self
    }

    /// The longest time for which the peer takes none of our bytes.
    pub const fn write(mut self, limit: Duration) -> Self {
        self.write = Some(limit);
        self
    }

    /// The longest wait for a connection, once the limits of the pool are reached.
    pub const fn pool(mut self, limit: Duration) -> Self {
        self.pool = Some(limit);
        self
    }

    /// The limit set by [`connect`](Self::connect).
    pub const fn connect_limit(&self) -> Option<Duration> {
        self.connect
    }

    /// The limit set by [`read`](Self::read).
    pub const fn read_limit(&self) -> Option<Duration> {
        self.read
    }

    /// The limit set by [`write`](Self::write).
    pub const fn write_limit(&self) -> Option<Duration> {
        self.write
    }

    /// The limit set by [`pool`](Self::pool).
    pub const fn pool_limit(&self) -> Option<Duration> {
        self.pool
    }
}

impl Default for Timeout {
    fn default() -> Self {
        Self::secs(5)
    }
}

impl From<Duration> for Timeout {
    fn from(limit: Duration) -> Self {
        Self::all(limit)
    }
}
