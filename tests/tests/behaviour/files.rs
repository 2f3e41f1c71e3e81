//! Files for tests to send, which are gone after them.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{fs, process};

/// A file in a folder of its own.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// A file of this name that does not exist yet.
    pub(crate) fn named(name: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = format!("nuncio-{}-{number}", process::id());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
        fs::create_dir_all(&folder).unwrap();
        Scratch(folder.join(name))
    }

    /// A file with this in it.
    pub(crate) fn with(name: &str, bytes: impl AsRef<[u8]>) -> Self {
        let file = Self::named(name);
        fs::write(&file.0, bytes).unwrap();
        file
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn folder(&self) -> &Path {
        self.0.parent().unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(self.folder());
    }
}
