//! Request bodies from files.

use nuncio_client::{Body, Error, Kind, Part};
use std::fs::File;
use std::io::{self, Seek};
use std::path::Path;

/// The file at `path` as a request's body. Its length is announced and it can be sent again, unless
/// it is something else than a regular file: a pipe, a device.
///
/// ```no_run
/// let client = nuncio_blocking::Client::builder().build()?;
/// client.put("https://example.com/disk.img").body(nuncio_blocking::file("disk.img")?).send()?;
/// # Ok::<(), nuncio_blocking::Error>(())
/// ```
///
/// # Errors
/// [`Kind::RequestBody`] when the file cannot be opened, or is a directory; it names the path.
pub fn file(path: impl AsRef<Path>) -> Result<Body, Error> {
    let path = path.as_ref();
    File::open(path).and_then(body_of).map_err(|error| {
        let text = format!("the file '{}': {error}", path.display());
        Error::io(Kind::RequestBody, io::Error::new(error.kind(), text))
    })
}

/// An open file as a request's body: what stands in it from the current position on.
///
/// # Errors
/// [`Kind::RequestBody`] when the operating system does not say what it is, or says that it is a
/// directory.
pub fn opened_file(file: File) -> Result<Body, Error> {
    body_of(file).map_err(|error| {
        let text = format!("the file of a body: {error}");
        Error::io(Kind::RequestBody, io::Error::new(error.kind(), text))
    })
}

/// The file at `path` as a part of a multipart form, with the last component of the path as its
/// file name, and the content type that goes with that.
///
/// ```no_run
/// use nuncio_blocking::Form;
///
/// let client = nuncio_blocking::Client::builder().build()?;
/// let form = Form::new().text("title", "A cat").part("picture", nuncio_blocking::file_part("cat.png")?);
/// client.post("https://example.com/pictures").multipart(form).send()?;
/// # Ok::<(), nuncio_blocking::Error>(())
/// ```
///
/// # Errors
/// As [`file()`].
pub fn file_part(path: impl AsRef<Path>) -> Result<Part, Error> {
    let path = path.as_ref();
    let part = Part::new(file(path)?);
    Ok(match path.file_name() {
        Some(name) => part.file_name(name.to_string_lossy()),
        None => part,
    })
}

fn body_of(mut file: File) -> io::Result<Body> {
    let about = file.metadata()?;
    if about.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if !about.is_file() {
        return Ok(Body::reader(file, None));
    }
    let left = about.len().saturating_sub(file.stream_position()?);
    Ok(Body::seekable(file, Some(left)))
}
