//! Two parsers that others wrote, made alike.

use std::convert::Infallible;
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures_core::Stream;
use multiparty::server::sans_io::{FormData, Read};
use nuncio_multipart::Boundary;

/// What a parser found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Parsed {
    pub(crate) parts: Vec<ReadPart>,
    /// Whether it gave up with an error after these parts.
    pub(crate) refused: bool,
}

/// One part as it was read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ReadPart {
    pub(crate) name: Option<String>,
    pub(crate) file_name: Option<String>,
    pub(crate) content_type: Option<String>,
    pub(crate) data: Vec<u8>,
}

/// Reads a body in pieces of `grain` bytes with multer.
pub(crate) fn multer(body: &[u8], grain: usize, boundary: &Boundary) -> Parsed {
    ready(async {
        let mut source = multer::Multipart::new(Pieces::new(body, grain), boundary.as_str());
        let mut parsed = Parsed::default();
        loop {
            match source.next_field().await {
                Ok(Some(field)) => parsed.parts.push(ReadPart {
                    name: field.name().map(str::to_owned),
                    file_name: field.file_name().map(str::to_owned),
                    content_type: field.content_type().map(ToString::to_string),
                    data: field.bytes().await.unwrap().to_vec(),
                }),
                Ok(None) => return parsed,
                Err(_) => {
                    parsed.refused = true;
                    return parsed;
                }
            }
        }
    })
}

/// Reads a body in pieces of `grain` bytes with multiparty.
pub(crate) fn multiparty(body: &[u8], grain: usize, boundary: &Boundary) -> Parsed {
    let mut source = FormData::new(boundary.as_str());
    let mut pieces = body.chunks(grain.max(1));
    let mut parsed = Parsed::default();
    let mut starved = false;
    loop {
        match source.read() {
            Ok(Read::NeedsWrite) => match pieces.next() {
                Some(piece) => source.write(Bytes::copy_from_slice(piece)).unwrap(),
                // It says so once too often when it has joined two pieces.
                None if starved => source.write_eof(),
                None => starved = true,
            },
            Ok(Read::NewPart { headers }) => {
                let headers = headers.parse().ok();
                parsed.parts.push(ReadPart {
                    name: headers.as_ref().map(|it| it.name.clone()),
                    file_name: headers.as_ref().and_then(|it| it.filename.clone()),
                    content_type: headers.and_then(|it| it.content_type),
                    data: Vec::new(),
                });
            }
            Ok(Read::Part(bytes)) => parsed
                .parts
                .last_mut()
                .unwrap()
                .data
                .extend_from_slice(&bytes),
            Ok(Read::PartEof | Read::None) => {}
            Ok(Read::Eof) => return parsed,
            Err(_) => {
                parsed.refused = true;
                return parsed;
            }
        }
    }
}

struct Pieces(std::vec::IntoIter<Bytes>);

impl Pieces {
    fn new(body: &[u8], grain: usize) -> Self {
        let pieces: Vec<_> = body
            .chunks(grain.max(1))
            .map(Bytes::copy_from_slice)
            .collect();
        Self(pieces.into_iter())
    }
}

impl Stream for Pieces {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.next().map(Ok))
    }
}

/// Runs a future that waits for nothing.
fn ready<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            return value;
        }
    }
}
