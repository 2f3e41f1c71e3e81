/// How much may come out of a coded body: `size` bytes, or `ratio` times the coded bytes where that
/// is more. It holds for the output of each coding of a chain.
///
/// ```
/// use nuncio_content::Budget;
///
/// let budget = Budget { size: 1 << 20, ..Budget::default() };
/// assert_eq!(budget.allowed(100), 1 << 20);
/// assert_eq!(budget.allowed(20_000), 2_000_000);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Decoded bytes that are always allowed; 64 MiB by default.
    pub size: u64,
    /// Decoded bytes per coded byte above that; 100 by default. Text comes to 3 to 20, and 1,000 is
    /// what one deflate can do at most.
    pub ratio: u64,
}

impl Budget {
    /// No limit.
    pub const UNLIMITED: Self = Self {
        size: u64::MAX,
        ratio: u64::MAX,
    };

    /// How many decoded bytes are allowed for `coded` coded ones.
    pub fn allowed(&self, coded: u64) -> u64 {
        self.size.max(self.ratio.saturating_mul(coded))
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            size: 64 << 20,
            ratio: 100,
        }
    }
}

/// How many gzip members or zstd frames in a row may hold nothing: each costs a reset of the decoder
/// for a handful of bytes (CVE-2022-30631).
pub const MAX_EMPTY_MEMBERS: u32 = 1_000;

/// How many bytes the extra field, file name and comment of one gzip member may have together.
pub const MAX_GZIP_FIELDS: usize = 64 << 10;

/// How many bytes a skippable zstd frame may hold. They carry such things as a seek table.
pub const MAX_SKIPPABLE: u32 = 1 << 20;
