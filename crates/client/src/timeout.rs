//! How long to wait, for what.

use std::time::{Duration, Instant};

/// The limits of a request's time.
///
/// Four of them are on single waits, as httpx has them (BEHAVIOUR section 19), and five seconds each
/// by default: [`connect`](Self::connect), [`read`](Self::read), [`write`](Self::write) and
/// [`pool`](Self::pool). `read` and `write` limit inactivity, not the whole transfer. For that there
/// are two more, which are off by default: [`total`](Self::total) and [`low_speed`](Self::low_speed).
///
/// A limit of zero has passed as soon as there is something to wait for; that of the pool, only if the
/// pool has no connection to give. The limits of a request replace its client's, all of them.
///
/// ```
/// # use nuncio_client::Timeout;
/// # use std::time::Duration;
/// let timeout = Timeout::secs(10)
///     .connect(Duration::from_secs(60))
///     .total(Duration::from_secs(300))
///     .low_speed(1000, Duration::from_secs(30));
/// assert_eq!(timeout.read_limit(), Some(Duration::from_secs(10)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeout {
    connect: Option<Duration>,
    read: Option<Duration>,
    write: Option<Duration>,
    pool: Option<Duration>,
    total: Option<Duration>,
    low_speed: Option<(u64, Duration)>,
    expect_continue: Duration,
}

impl Timeout {
    /// The same limit for the four waits.
    pub const fn all(limit: Duration) -> Self {
        let limit = Some(limit);
        Timeout {
            connect: limit,
            read: limit,
            write: limit,
            pool: limit,
            ..Self::none()
        }
    }

    /// The same limit for the four waits, in seconds.
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
            total: None,
            low_speed: None,
            expect_continue: Duration::from_secs(1),
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

    /// The limit for everything that is done for a request, from when it is sent until its response's
    /// body has come to its end: hooks, authentication, redirects, replays, every wait and every
    /// transfer (SECURITY D3). A streamed body keeps it while it is pulled. Default none.
    ///
    /// What cannot be interrupted, such as a hook of a blocking client or the source of a body, is
    /// found to have been too long when it is over.
    pub const fn total(mut self, limit: Duration) -> Self {
        self.total = Some(limit);
        self
    }

    /// The least speed: fewer than so many bytes a second of a body, the request's or the response's,
    /// on average over so long a time, are an error (SECURITY D1). Default none; a speed or a time
    /// of zero is none, too.
    ///
    /// The average is looked at once for each such time, and only what passes while the peer is waited
    /// for counts, on the network: a program that takes its time between two pieces, or a source that
    /// has nothing to send, is not held against the peer. Bytes are counted before decoding.
    pub const fn low_speed(mut self, bytes_per_second: u64, over: Duration) -> Self {
        self.low_speed = Some((bytes_per_second, over));
        self
    }

    /// How long a request that says `Expect: 100-continue` holds its body back for the server to agree,
    /// before it is sent all the same (RFC 9110 section 10.1.1). Not an error, and always there: default
    /// one second.
    pub const fn expect_continue(mut self, wait: Duration) -> Self {
        self.expect_continue = wait;
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

    /// The limit set by [`total`](Self::total).
    pub const fn total_limit(&self) -> Option<Duration> {
        self.total
    }

    /// The limit set by [`low_speed`](Self::low_speed): bytes a second, and over how long a time.
    pub const fn low_speed_limit(&self) -> Option<(u64, Duration)> {
        self.low_speed
    }

    /// The wait set by [`expect_continue`](Self::expect_continue).
    pub const fn expect_continue_wait(&self) -> Duration {
        self.expect_continue
    }
}

/// What an attempt needs of them: few bytes, since it is moved about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waits {
    pub(crate) connect: Option<Duration>,
    pub(crate) read: Option<Duration>,
    pub(crate) write: Option<Duration>,
    pub(crate) pool: Option<Duration>,
    pub(crate) expect_continue: Duration,
}

impl Timeout {
    pub(crate) const fn waits(&self) -> Waits {
        Waits {
            connect: self.connect,
            read: self.read,
            write: self.write,
            pool: self.pool,
            expect_continue: self.expect_continue,
        }
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

/// The end of a limit that begins now; none where there is no limit, or one that no clock reaches.
pub(crate) fn after(now: Instant, limit: Option<Duration>) -> Option<Instant> {
    now.checked_add(limit?)
}

/// The earlier of two deadlines that need not be there: for adapters.
pub fn earliest(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
