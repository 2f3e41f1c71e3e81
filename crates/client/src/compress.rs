//! Bodies that go up compressed.

use crate::body::Body;
use crate::error::{Error, Kind};
use nuncio_content::{Coding, Encoder};
use nuncio_headers::Headers;

/// Puts `body` in `coding`, and says so.
pub(crate) fn apply(coding: Coding, body: &mut Body, headers: &mut Headers) -> Result<(), Error> {
    let mistake = |text: &str| Error::new(Kind::Builder, format!("compress: {text}"));
    let Some(bytes) = body.as_bytes() else {
        return Err(mistake("the body is read as it is sent, and not held"));
    };
    if bytes.is_empty() {
        return Ok(());
    }
    if headers.contains("content-encoding") {
        return Err(mistake("the request has a Content-Encoding already"));
    }
    let failed = |error| Error::other(Kind::RequestBody, error);
    let mut encoder = Encoder::new(coding).map_err(failed)?;
    let mut coded = Vec::from(encoder.encode(bytes).map_err(failed)?);
    coded.extend_from_slice(&encoder.finish().map_err(failed)?);
    *body = Body::from(coded);
    let added = headers.append("Content-Encoding", coding.name());
    added.map_err(|error| Error::other(Kind::LocalProtocol, error))
}
