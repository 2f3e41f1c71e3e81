//! Reading netrc files: the one place where nuncio opens one, and only when asked.

use nuncio_client::{Error, Kind, Netrc};
use std::path::{Path, PathBuf};

/// Reads a netrc file.
///
/// # Errors
/// [`Kind::Builder`] when it cannot be read or is not one; the text names the file and never what
/// stands in it.
///
/// ```no_run
/// let netrc = nuncio::netrc::read("/etc/nuncio/netrc")?;
/// # let _ = nuncio::Auth::netrc(netrc);
/// # Ok::<(), nuncio::Error>(())
/// ```
pub fn read(path: impl AsRef<Path>) -> Result<Netrc, Error> {
    let path = path.as_ref();
    let wrong = |error: &dyn std::fmt::Display| {
        let text = format!("netrc file '{}': {error}", path.display());
        Error::new(Kind::Builder, text)
    };
    let text = std::fs::read(path).map_err(|error| wrong(&error))?;
    Netrc::parse(text).map_err(|error| wrong(&error))
}

/// Reads the user's netrc file: what the variable `NETRC` names, else `.netrc` or `_netrc` in the home
/// directory. None where there is none.
///
/// # Errors
/// As [`read`]; on Unix also when the file in the home directory belongs to somebody else, or others
/// may read it.
pub fn from_environment() -> Result<Option<Netrc>, Error> {
    let variable = std::env::var_os("NETRC");
    let named = variable.as_ref().is_some_and(|name| !name.is_empty());
    let home = std::env::var_os("HOME").map(PathBuf::from);
    for path in Netrc::candidates(variable.as_deref(), home.as_deref()) {
        if !named && !path.exists() {
            continue;
        }
        let netrc = read(&path)?;
        if !named {
            check_private(&netrc, &path)?;
        }
        return Ok(Some(netrc));
    }
    Ok(None)
}

/// Whose the home directory is stands for who asks: std does not tell that.
#[cfg(unix)]
fn check_private(netrc: &Netrc, path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::MetadataExt;
    let wrong = |error: &dyn std::fmt::Display| {
        let text = format!("netrc file '{}': {error}", path.display());
        Error::new(Kind::Builder, text)
    };
    let file = std::fs::metadata(path).map_err(|error| wrong(&error))?;
    let home = path.parent().unwrap_or(path);
    let home = std::fs::metadata(home).map_err(|error| wrong(&error))?;
    netrc
        .check_private(file.mode(), file.uid(), home.uid())
        .map_err(|error| wrong(&error))
}

#[cfg(not(unix))]
fn check_private(_: &Netrc, _: &Path) -> Result<(), Error> {
    Ok(())
}
