//! What a process is told from outside, for clients that are built with
//! [`trust_env`](crate::ClientBuilder::trust_env). This crate reads nothing of it itself: adapters
//! give the functions that do.

#[cfg(feature = "tls")]
use crate::error::{Error, Kind};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

/// How an adapter reads variables and files.
#[derive(Clone, Copy, Debug)]
pub struct Environment {
    /// The value of a variable.
    pub variable: fn(&str) -> Option<OsString>,
    /// The bytes of a file.
    pub read: fn(&Path) -> io::Result<Vec<u8>>,
    /// The files of a directory.
    pub list: fn(&Path) -> io::Result<Vec<PathBuf>>,
}

#[cfg(feature = "tls")]
impl Environment {
    fn path(self, name: &str) -> Option<PathBuf> {
        let value = (self.variable)(name).filter(|value| !value.is_empty());
        value.map(PathBuf::from)
    }

    /// Whether `SSLKEYLOGFILE` names a file.
    pub(crate) fn wants_key_log(self) -> bool {
        self.path("SSLKEYLOGFILE").is_some()
    }

    /// The certificates to trust in place of those that are built in, as PEM text: the file
    /// `SSL_CERT_FILE`, else all files of the directory `SSL_CERT_DIR` (BEHAVIOUR section 20).
    pub(crate) fn certificates(self) -> Result<Option<Vec<u8>>, Error> {
        if let Some(path) = self.path("SSL_CERT_FILE") {
            let pem =
                (self.read)(&path).map_err(|error| unreadable("SSL_CERT_FILE", &path, &error))?;
            return Ok(Some(pem));
        }
        let Some(path) = self.path("SSL_CERT_DIR") else {
            return Ok(None);
        };
        let unreadable = |path: &Path, error| unreadable("SSL_CERT_DIR", path, &error);
        let mut all = Vec::new();
        for file in (self.list)(&path).map_err(|error| unreadable(&path, error))? {
            let pem = (self.read)(&file).map_err(|error| unreadable(&file, error))?;
            all.extend_from_slice(&pem);
            all.push(b'\n');
        }
        Ok(Some(all))
    }
}

#[cfg(test)]
impl Environment {
    /// Nothing is set, and there are no files.
    pub(crate) fn empty() -> Self {
        Environment {
            variable: |_| None,
            read: |_| Err(io::ErrorKind::NotFound.into()),
            list: |_| Err(io::ErrorKind::NotFound.into()),
        }
    }
}

#[cfg(feature = "tls")]
fn unreadable(variable: &str, path: &Path, error: &io::Error) -> Error {
    let text = format!("{variable}: '{}' cannot be read: {error}", path.display());
    Error::new(Kind::Builder, text)
}

#[cfg(all(test, feature = "tls"))]
mod tests {
    use super::*;

    fn environment(variable: fn(&str) -> Option<OsString>) -> Environment {
        Environment {
            variable,
            read: |path| match path.to_str() {
                Some("/one.pem" | "/dir/a" | "/dir/b") => Ok(path.display().to_string().into()),
                _ => Err(io::ErrorKind::NotFound.into()),
            },
            list: |path| match path.to_str() {
                Some("/dir") => Ok(vec!["/dir/a".into(), "/dir/b".into()]),
                _ => Err(io::ErrorKind::NotFound.into()),
            },
        }
    }

    #[test]
    fn b20_the_file_goes_before_the_directory() {
        let both = environment(|name| {
            Some(
                if name == "SSL_CERT_FILE" {
                    "/one.pem"
                } else {
                    "/dir"
                }
                .into(),
            )
        });
        assert_eq!(both.certificates().unwrap().unwrap(), b"/one.pem");
        let directory =
            environment(|name| Some(if name == "SSL_CERT_FILE" { "" } else { "/dir" }.into()));
        assert_eq!(
            directory.certificates().unwrap().unwrap(),
            b"/dir/a\n/dir/b\n"
        );
        assert_eq!(environment(|_| None).certificates().unwrap(), None);
    }

    #[test]
    fn b20_what_cannot_be_read_is_named() {
        for name in ["SSL_CERT_FILE", "SSL_CERT_DIR"] {
            let lost: fn(&str) -> Option<OsString> = match name {
                "SSL_CERT_FILE" => |name| (name == "SSL_CERT_FILE").then(|| "/lost".into()),
                _ => |name| (name == "SSL_CERT_DIR").then(|| "/lost".into()),
            };
            let error = environment(lost).certificates().unwrap_err();
            assert_eq!(error.kind(), Kind::Builder);
            assert!(
                error
                    .to_string()
                    .starts_with(&format!("{name}: '/lost' cannot be read"))
            );
        }
    }
}
