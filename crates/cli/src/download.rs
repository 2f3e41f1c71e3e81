//! Writing a body to a file, whole or not at all.
//!
//! The bytes go to a new file beside the target, which takes the target's place when they are all
//! there. Whatever goes wrong before leaves the target as it was (SECURITY L3); a link is never
//! followed (SECURITY L1).

use crate::escape;
use crate::exchange::Incoming;
use crate::failure::Failure;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// A place that a download may take.
pub(crate) struct Target<'a> {
    path: &'a Path,
    name: &'a OsStr,
    /// Of the file that is there now.
    permissions: Option<Permissions>,
}

impl<'a> Target<'a> {
    /// To be asked before anything is sent.
    pub(crate) fn new(path: &'a Path) -> Result<Self, Failure> {
        let refuse = |why: &str| Err(failure(path, why));
        let Some(name) = path.file_name() else {
            return refuse("this is no name for a file");
        };
        let permissions = match fs::symlink_metadata(path) {
            Ok(found) if found.is_file() => Some(found.permissions()),
            Ok(found) if found.is_symlink() => {
                return refuse("it is a symbolic link, which is not followed");
            }
            Ok(found) if found.is_dir() => return refuse("it is a directory"),
            Ok(_) => return refuse("it is no regular file; `--download -` writes to a pipe"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return refuse(&error.to_string()),
        };
        Ok(Target {
            path,
            name,
            permissions,
        })
    }

    /// Writes the body there, with a progress bar where standard error is a terminal.
    pub(crate) fn fill(&self, response: &mut Incoming) -> Result<(), Failure> {
        let mut partial = self
            .create()
            .map_err(|error| failure(self.path, &error.to_string()))?;
        let bar = bar(
            &self.name.to_string_lossy(),
            response.head().content_length(),
        );
        let copied = copy(response, &bar, |chunk| {
            partial
                .file
                .write_all(chunk)
                .map_err(|error| failure(self.path, &error.to_string()))
        });
        // A bar that is cleared stands at its end, wherever it was.
        let came = bar.position();
        match copied {
            Ok(()) => bar.finish(),
            Err(_) => bar.finish_and_clear(),
        }
        let kept = copied.and_then(|()| {
            partial
                .keep(self)
                .map_err(|error| failure(self.path, &error.to_string()))
        });
        kept.map_err(|error| {
            error.and(&format!(
                "{came} bytes of '{}' had come and were removed",
                self.path.display()
            ))
        })
    }

    /// A file of a name that nobody has, in the directory of the target.
    fn create(&self) -> io::Result<Partial> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        if self.permissions.is_some() {
            // What takes the place of a private file is private from its first byte on.
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        }
        let mut attempt = 0;
        loop {
            let mut name = OsString::from(".");
            name.push(self.name);
            name.push(format!(".{}-{attempt}.part", std::process::id()));
            let path = self.path.with_file_name(name);
            match options.open(&path) {
                Ok(file) => {
                    return Ok(Partial {
                        file,
                        path: Some(path),
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempt < 100 => {
                    attempt += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// A file that is removed again unless it is kept.
struct Partial {
    file: File,
    path: Option<PathBuf>,
}

impl Partial {
    fn keep(&mut self, target: &Target<'_>) -> io::Result<()> {
        self.file.flush()?;
        if let Some(permissions) = &target.permissions {
            self.file.set_permissions(permissions.clone())?;
        }
        if let Some(path) = &self.path {
            fs::rename(path, target.path)?;
        }
        self.path = None;
        Ok(())
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // It is ours, and there is nobody left to tell.
            let _ = fs::remove_file(path);
        }
    }
}

/// Writes the body to standard output as it is, whatever is in it: that was asked for by name.
pub(crate) fn to_stdout(response: &mut Incoming) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let bar = match out.is_terminal() {
        true => ProgressBar::hidden(),
        false => bar("-", response.head().content_length()),
    };
    let copied = copy(response, &bar, |chunk| Ok(out.write_all(chunk)?));
    bar.finish_and_clear();
    copied?;
    Ok(out.flush()?)
}

fn copy(
    response: &mut Incoming,
    bar: &ProgressBar,
    mut write: impl FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    while let Some(chunk) = response.chunk()? {
        write(&chunk)?;
        // The length that was announced is that of the body as it comes.
        bar.set_position(response.bytes_downloaded());
    }
    Ok(())
}

/// Name, percentage, bar, bytes, speed; without a length, what can be said without it.
fn bar(name: &str, length: Option<u64>) -> ProgressBar {
    let template = match length {
        Some(_) => {
            "{msg} {percent:>3}% {wide_bar} {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec}"
        }
        None => "{msg} {spinner} {binary_bytes} {binary_bytes_per_sec}",
    };
    let bar = ProgressBar::with_draw_target(length, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.with_message(escape::line(name))
}

fn failure(path: &Path, why: &str) -> Failure {
    Failure::other(
        "FileError",
        format!("cannot write '{}': {why}", path.display()),
    )
}
