use crate::error::Error;

/// What a connection allows itself and its peer.
///
/// The defaults suit a client; every bound can be moved with the method of its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    pub(crate) stream_window: u32,
    pub(crate) connection_window: u32,
    pub(crate) max_header_list: u32,
    pub(crate) header_table: u32,
    pub(crate) max_streams: usize,
    pub(crate) max_interim: usize,
    pub(crate) max_fields: usize,
    pub(crate) max_faults: u32,
    pub(crate) remembered_resets: usize,
    pub(crate) send_buffer: usize,
    pub(crate) output_capacity: usize,
}

/// RFC 9113 section 6.9.1.
pub(crate) const MAX_WINDOW: u32 = (1 << 31) - 1;

impl Config {
    /// The defaults, as written at each setter.
    pub fn new() -> Self {
        Self {
            stream_window: 256 << 10,
            connection_window: 2 << 20,
            max_header_list: 64 << 10,
            header_table: 4096,
            max_streams: 100,
            max_interim: 16,
            max_fields: 256,
            max_faults: 64,
            remembered_resets: 64,
            send_buffer: 64 << 10,
            output_capacity: 64 << 10,
        }
    }

    /// Bytes of body that the peer may send on one stream ahead of its reader
    /// (SETTINGS_INITIAL_WINDOW_SIZE, RFC 9113 section 6.5.2). 256 KiB; 1 to 2^31 - 1.
    #[must_use]
    pub fn stream_window(mut self, bytes: u32) -> Self {
        self.stream_window = bytes;
        self
    }

    /// What [`stream_window`](Self::stream_window) was set to.
    pub fn initial_stream_window(&self) -> u32 {
        self.stream_window
    }

    /// Bytes of body that the peer may send on all streams together ahead of their readers.
    /// 2 MiB; 65,535 to 2^31 - 1. This bounds what a connection buffers.
    #[must_use]
    pub fn connection_window(mut self, bytes: u32) -> Self {
        self.connection_window = bytes;
        self
    }

    /// Size of one response head or trailer section, counted as RFC 9113 section 6.5.2 says (name,
    /// value and 32 for each field). 64 KiB; from 1 KiB on. A larger one fails its stream.
    #[must_use]
    pub fn max_header_list(mut self, bytes: u32) -> Self {
        self.max_header_list = bytes;
        self
    }

    /// Size of the table by which the peer may compress its fields (RFC 7541 section 4.2). 4,096,
    /// at most 65,536.
    #[must_use]
    pub fn header_table(mut self, bytes: u32) -> Self {
        self.header_table = bytes;
        self
    }

    /// Streams at once, where the peer allows as many. 100; at least 1.
    #[must_use]
    pub fn max_streams(mut self, streams: usize) -> Self {
        self.max_streams = streams;
        self
    }

    /// Interim (1xx) heads before the final one. 16; more fail the stream. Together they may be
    /// as large as one [head](Self::max_header_list).
    #[must_use]
    pub fn max_interim(mut self, heads: usize) -> Self {
        self.max_interim = heads;
        self
    }

    /// Fields in one head. 256; more fail the stream.
    #[must_use]
    pub fn max_fields(mut self, fields: usize) -> Self {
        self.max_fields = fields;
        self
    }

    /// Malformed responses before the connection is given up. 64; each stream that ends well
    /// takes one back.
    #[must_use]
    pub fn max_faults(mut self, faults: u32) -> Self {
        self.max_faults = faults;
        self
    }

    /// Cancelled streams of which frames under way are dropped in silence for a second. 64; frames
    /// for one that is forgotten are answered with RST_STREAM, and their window is credited all
    /// the same.
    #[must_use]
    pub fn remembered_resets(mut self, streams: usize) -> Self {
        self.remembered_resets = streams;
        self
    }

    /// Bytes of request body that one stream queues for the wire. 64 KiB; from 1 KiB on.
    #[must_use]
    pub fn send_buffer(mut self, bytes: usize) -> Self {
        self.send_buffer = bytes;
        self
    }

    /// Bytes that wait to be taken by [`take_output`](crate::Http2::take_output). 64 KiB; from
    /// 1 KiB on. Another 16 KiB stand in `h2`.
    #[must_use]
    pub fn output_capacity(mut self, bytes: usize) -> Self {
        self.output_capacity = bytes;
        self
    }

    /// `h2` panics on some of these, so they are looked at first.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let kib = 1 << 10;
        if self.stream_window == 0 || self.stream_window > MAX_WINDOW {
            return Err(Error::Config("stream_window is not within 1 and 2^31 - 1"));
        }
        if !(65_535..=MAX_WINDOW).contains(&self.connection_window) {
            return Err(Error::Config(
                "connection_window is not within 65535 and 2^31 - 1",
            ));
        }
        if self.max_header_list < 1 << 10 {
            return Err(Error::Config("max_header_list is below 1024"));
        }
        if self.header_table > 64 << 10 {
            return Err(Error::Config("header_table is above 65536"));
        }
        if self.max_streams == 0 {
            return Err(Error::Config("max_streams is zero"));
        }
        if self.send_buffer < kib || self.send_buffer > MAX_WINDOW as usize {
            return Err(Error::Config("send_buffer is not within 1024 and 2^31 - 1"));
        }
        if self.output_capacity < kib {
            return Err(Error::Config("output_capacity is below 1024"));
        }
        Ok(())
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}
