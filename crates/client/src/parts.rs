//! A multipart body on its way out: the encoder, and what it asks for the data of each part.

use crate::feed::{Feed, Side};
use bytes::{Bytes, BytesMut};
use nuncio_connection::BlockCache;
use nuncio_multipart::{EncodeError, Encoder, Step};
use std::io;
use std::task::{Context, Poll, ready};

/// Up to so many bytes are put together to one piece: heads, delimiters, fields of text. What is
/// longer goes out as it came.
const JOINED: usize = 16 * 1024;

pub(crate) struct Parts {
    encoder: Encoder,
    /// By the number of the part; none where the encoder has the data.
    sources: Vec<Option<Feed>>,
    /// Taken from the encoder, and to be given after what was put together before it.
    next: Option<Bytes>,
}

impl Parts {
    pub(crate) fn new(encoder: Encoder, sources: Vec<Option<Feed>>) -> Self {
        Parts {
            encoder,
            sources,
            next: None,
        }
    }

    /// The only side on which it can be asked, where there is one.
    pub(crate) fn side(&self) -> Option<Side> {
        self.sources.iter().flatten().find_map(Feed::side)
    }

    /// Goes back to the beginning, or says that it cannot.
    pub(crate) fn restart(&mut self) -> bool {
        self.next = None;
        self.sources.iter_mut().flatten().all(Feed::restart) && self.encoder.restart().is_ok()
    }

    pub(crate) fn read(&mut self, blocks: &BlockCache) -> Option<io::Result<Bytes>> {
        loop {
            let part = match self.step() {
                Ok(Step::Chunk(bytes)) => return Some(Ok(bytes)),
                Ok(Step::Need { part }) => part,
                Ok(Step::Done) => return None,
                Err(error) => return Some(Err(error)),
            };
            let piece = self.source(part).and_then(|feed| feed.read(blocks));
            if let Err(error) = self.supply(part, piece) {
                return Some(Err(error));
            }
        }
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        loop {
            let part = match self.step() {
                Ok(Step::Chunk(bytes)) => return Poll::Ready(Some(Ok(bytes))),
                Ok(Step::Need { part }) => part,
                Ok(Step::Done) => return Poll::Ready(None),
                Err(error) => return Poll::Ready(Some(Err(error))),
            };
            let piece = match self.source(part) {
                Some(feed) => ready!(feed.poll(cx)),
                None => None,
            };
            if let Err(error) = self.supply(part, piece) {
                return Poll::Ready(Some(Err(error)));
            }
        }
    }

    fn source(&mut self, part: usize) -> Option<&mut Feed> {
        self.sources.get_mut(part).and_then(Option::as_mut)
    }

    fn supply(&mut self, part: usize, piece: Option<io::Result<Bytes>>) -> io::Result<()> {
        let told = match piece {
            Some(piece) => self.encoder.supply(part, piece?),
            None => self.encoder.end_of_part(part),
        };
        told.map_err(broken)
    }

    /// The encoder's next step, small chunks in a row as one.
    fn step(&mut self) -> io::Result<Step> {
        if let Some(bytes) = self.next.take() {
            return Ok(Step::Chunk(bytes));
        }
        let mut joined = BytesMut::new();
        loop {
            match self.encoder.poll().map_err(broken)? {
                Step::Chunk(bytes) if joined.is_empty() && bytes.len() >= JOINED => {
                    return Ok(Step::Chunk(bytes));
                }
                Step::Chunk(bytes) if joined.len() + bytes.len() > JOINED => {
                    self.next = Some(bytes);
                    return Ok(Step::Chunk(joined.freeze()));
                }
                Step::Chunk(bytes) => joined.extend_from_slice(&bytes),
                // The encoder says it again when it is asked again.
                _ if !joined.is_empty() => return Ok(Step::Chunk(joined.freeze())),
                step => return Ok(step),
            }
        }
    }
}

fn broken(error: EncodeError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Body;
    use nuncio_multipart::{Boundary, Form, Part};

    /// Twenty fields, a source, a field, a long piece of data, a source that is empty.
    fn parts() -> Parts {
        let mut form = Form::new();
        for number in 0..20 {
            form = form.text(number.to_string(), "text");
        }
        let form = form
            .part("s", Part::reader(None).replayable())
            .text("between", "text")
            .part("long", Part::bytes(vec![b'x'; JOINED]))
            .part("empty", Part::reader(Some(0)).replayable());
        let mut sources: Vec<_> = (0..form.len()).map(|_| None).collect();
        let lines = [
            Bytes::from("one"),
            Bytes::new(),
            Bytes::from(vec![b'y'; JOINED]),
        ];
        let make = move || Ok(Body::pieces(lines.clone()));
        sources[20] = Some(Body::factory(make, None).into_feed());
        sources[23] = Some(Feed::reader(io::empty()));
        Parts::new(form.encoder(Boundary::new("B").unwrap()), sources)
    }

    fn all(parts: &mut Parts) -> Vec<Bytes> {
        let blocks = BlockCache::default();
        let pieces = std::iter::from_fn(|| parts.read(&blocks));
        pieces.map(Result::unwrap).collect()
    }

    #[test]
    fn small_pieces_go_out_together_and_long_ones_as_they_are() {
        let pieces = all(&mut parts());
        let lengths: Vec<_> = pieces.iter().map(Bytes::len).collect();
        // Fields and the head of the source; its pieces; what stands between; and so on.
        assert_eq!(lengths.len(), 7, "{lengths:?}");
        assert_eq!(lengths[1..3], [3, JOINED]);
        assert_eq!(lengths[4], JOINED);
        let body = pieces.concat();
        assert!(
            body.starts_with(b"--B\r\nContent-Disposition: form-data; name=\"0\"\r\n\r\ntext\r\n")
        );
        assert!(body.ends_with(b"\r\n\r\n\r\n--B--\r\n"));
    }

    #[test]
    fn a_form_begins_anew_from_any_place_where_its_sources_can() {
        let mut parts = parts();
        let whole = all(&mut parts);
        // The last source, a reader, was asked by now, and has no other beginning.
        assert!(!parts.restart());
        for asked in 0..whole.len() - 1 {
            let mut parts = self::parts();
            let blocks = BlockCache::default();
            for piece in &whole[..asked] {
                assert_eq!(parts.read(&blocks).unwrap().unwrap(), piece);
            }
            assert!(parts.restart(), "after {asked} pieces");
            assert_eq!(all(&mut parts), whole);
        }
    }
}
