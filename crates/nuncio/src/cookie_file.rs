//! Cookie jars in files: the Netscape format, which curl and browsers' exports have too.
//!
//! ```no_run
//! use nuncio::{CookieJar, cookie_file};
//!
//! let jar = cookie_file::load("cookies.txt")?;
//! // … a client with `.cookies(jar.clone())` …
//! cookie_file::save(&jar, "cookies.txt")?;
//! # Ok::<(), nuncio::Error>(())
//! ```

use nuncio_client::{CookieJar, Error, Kind};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Reads a jar. Cookies that have expired are in it, and are not sent.
///
/// # Errors
/// [`Kind::Builder`] when the file cannot be read, [`Kind::Decoding`] when it is not such a file; the
/// text names it, and no cookie.
pub fn load(path: impl AsRef<Path>) -> Result<CookieJar, Error> {
    let path = path.as_ref();
    let text = std::fs::read_to_string(path).map_err(|error| wrong("read", path, &error))?;
    CookieJar::from_netscape(&text).map_err(|error| {
        let text = format!("cookie file '{}': {error}", path.display());
        Error::new(Kind::Decoding, text)
    })
}

/// Writes a jar: whole, or not at all. What was there before is replaced once all is written; on Unix
/// only its owner can read the new file.
///
/// # Errors
/// [`Kind::Builder`] when it cannot be written; what was there before is still there then.
pub fn save(jar: &CookieJar, path: impl AsRef<Path>) -> Result<(), Error> {
    let path = path.as_ref();
    let wrong = |error| wrong("written", path, &error);
    let (mut file, beside) = create_beside(path).map_err(wrong)?;
    let written = file
        .write_all(jar.to_netscape().as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| std::fs::rename(&beside, path));
    if written.is_err() {
        // Ours, made a moment ago; nothing else is removed.
        let _ = std::fs::remove_file(&beside);
    }
    written.map_err(wrong)
}

fn wrong(what: &str, path: &Path, error: &io::Error) -> Error {
    let text = format!("cookie file '{}' cannot be {what}: {error}", path.display());
    Error::new(Kind::Builder, text)
}

/// A new file in the same directory, under a name that nobody else has.
fn create_beside(path: &Path) -> io::Result<(File, PathBuf)> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    for attempt in 0..100 {
        let mut beside = std::ffi::OsString::from(".");
        beside.push(name);
        beside.push(format!(".{}.{attempt}", std::process::id()));
        let beside = path.with_file_name(beside);
        match options.open(&beside) {
            Ok(file) => return Ok((file, beside)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}
