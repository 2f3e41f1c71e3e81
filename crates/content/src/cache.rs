use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Decoder states for reuse, so that not every body pays for a new one (80 kB for gzip and deflate,
/// 100 kB and the window for zstd; br has none that could be kept).
///
/// A clone is the same cache. It may be shared between threads; its lock is held for moments.
#[derive(Clone)]
pub struct StateCache {
    shelf: Arc<Mutex<Shelf>>,
}

struct Shelf {
    #[cfg_attr(not(any(feature = "gzip", feature = "zstd")), allow(dead_code))]
    limit: usize,
    #[cfg(feature = "gzip")]
    inflate: Vec<flate2::Decompress>,
    #[cfg(feature = "zstd")]
    zstd: Vec<zstd_safe::DCtx<'static>>,
}

/// A zstd state that has grown above this, in bytes, is not kept. Below are the states of the library's
/// usual levels, up to a window of 2 MiB.
#[cfg(feature = "zstd")]
const LARGEST_ZSTD: usize = 3 << 20;

impl StateCache {
    /// A cache that keeps at most `limit` states for gzip and deflate, of 80 kB each, and a quarter as
    /// many for zstd, of at most 3 MiB each.
    pub fn new(limit: usize) -> Self {
        Self {
            shelf: Arc::new(Mutex::new(Shelf {
                limit,
                #[cfg(feature = "gzip")]
                inflate: Vec::new(),
                #[cfg(feature = "zstd")]
                zstd: Vec::new(),
            })),
        }
    }

    /// How many states are kept now.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether no state is kept now.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Lets go of all states.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// An inflate state at its beginning.
    #[cfg(feature = "gzip")]
    pub(crate) fn inflate(cache: Option<&Self>, zlib_header: bool) -> flate2::Decompress {
        match cache.and_then(|cache| cache.lock().inflate.pop()) {
            Some(mut state) => {
                state.reset(zlib_header);
                state
            }
            None => flate2::Decompress::new(zlib_header),
        }
    }

    #[cfg(feature = "gzip")]
    pub(crate) fn keep_inflate(&self, state: flate2::Decompress) {
        let mut shelf = self.lock();
        if shelf.inflate.len() < shelf.limit {
            shelf.inflate.push(state);
        }
    }

    /// A zstd state at its beginning, or none if memory ran out.
    #[cfg(feature = "zstd")]
    pub(crate) fn zstd(cache: Option<&Self>) -> Option<zstd_safe::DCtx<'static>> {
        use zstd_safe::{DParameter, ResetDirective};

        if let Some(mut state) = cache.and_then(|cache| cache.lock().zstd.pop()) {
            state.reset(ResetDirective::SessionOnly).ok()?;
            return Some(state);
        }
        let mut state = zstd_safe::DCtx::try_create()?;
        let window = DParameter::WindowLogMax(crate::codec::ZSTD_WINDOW_LOG);
        state.set_parameter(window).ok()?;
        Some(state)
    }

    #[cfg(feature = "zstd")]
    pub(crate) fn keep_zstd(&self, state: Option<zstd_safe::DCtx<'static>>) {
        let Some(state) = state.filter(|state| state.sizeof() <= LARGEST_ZSTD) else {
            return;
        };
        let mut shelf = self.lock();
        if shelf.zstd.len() < shelf.limit.div_ceil(4) {
            shelf.zstd.push(state);
        }
    }

    /// Nothing under the lock can leave the shelf half-changed, so a poisoned one is as good.
    fn lock(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf {
    fn len(&self) -> usize {
        let lengths: &[usize] = &[
            #[cfg(feature = "gzip")]
            self.inflate.len(),
            #[cfg(feature = "zstd")]
            self.zstd.len(),
        ];
        lengths.iter().sum()
    }

    fn clear(&mut self) {
        #[cfg(feature = "gzip")]
        self.inflate.clear();
        #[cfg(feature = "zstd")]
        self.zstd.clear();
    }
}

impl Default for StateCache {
    /// For eight bodies at a time, two of them in zstd.
    fn default() -> Self {
        Self::new(8)
    }
}

impl fmt::Debug for StateCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StateCache")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
