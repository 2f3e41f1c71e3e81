//! A body cut into something else as it comes: pieces of one size, text, lines, events, JSON.
//!
//! The streams of the adapters give these through their methods; a [`Cut`] of one's own goes through
//! the same door.

use crate::error::{Error, Kind};
use crate::incoming::{Incoming, Pull};
use crate::response::Head;
use bytes::Bytes;
use nuncio_content::{ByteChunker, EventParser, LineSplitter, TextChunker, TextDecoder};
use std::num::NonZeroUsize;
use std::time::Instant;

/// Makes items of a body's bytes, in pieces of any size.
///
/// What it is given is used up before it is given more: after each [`push`](Self::push), and after
/// [`end`](Self::end), it is asked for items until there is none.
pub trait Cut: Unpin {
    /// What comes out.
    type Item;

    /// Takes the next piece, which is not empty.
    fn push(&mut self, piece: Bytes);

    /// The body has ended.
    fn end(&mut self);

    /// The next item; none until more has come, or after the end.
    ///
    /// # Errors
    /// What came is not what it is cut as. Nothing is asked any more then.
    fn next(&mut self) -> Result<Option<Self::Item>, Error>;
}

/// A [`Cut`] at work on a response's body.
#[derive(Debug)]
pub struct Cutting<C> {
    cut: C,
    form: Form,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Decoded,
    Raw,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Fresh,
    Begun,
    /// The body has ended; what is left is given.
    Ending,
    Over,
}

/// What [`Cutting::next`] found.
#[derive(Debug)]
pub enum Next<T> {
    /// Here it is.
    Item(T),
    /// Do this first, as if the response had been [pulled](Incoming::pull).
    First(Pull),
    /// There is no more.
    End,
}

impl<C: Cut> Cutting<C> {
    /// Cuts a decoded body.
    pub fn new(cut: C) -> Self {
        Cutting {
            cut,
            form: Form::Decoded,
            stage: Stage::Fresh,
        }
    }

    /// Cuts a body as it comes.
    pub fn raw(cut: C) -> Self {
        Cutting {
            form: Form::Raw,
            ..Self::new(cut)
        }
    }

    /// What does the cutting.
    pub fn cut(&self) -> &C {
        &self.cut
    }

    /// The next item of the body of `incoming`, or what to do for it.
    ///
    /// # Errors
    /// As [`Incoming::pull`] and [`Cut::next`]; [`Kind::StreamConsumed`] where the body had been read
    /// to its end before. There is no more after an error.
    pub fn next<S>(
        &mut self,
        incoming: &mut Incoming<S>,
        now: Instant,
    ) -> Result<Next<C::Item>, Error> {
        let next = self.advance(incoming, now);
        if let Ok(Next::End) | Err(_) = next {
            self.stage = Stage::Over;
        }
        next
    }

    fn advance<S>(
        &mut self,
        incoming: &mut Incoming<S>,
        now: Instant,
    ) -> Result<Next<C::Item>, Error> {
        loop {
            match self.stage {
                Stage::Over => return Ok(Next::End),
                Stage::Fresh => {
                    incoming.ensure_unread()?;
                    self.stage = Stage::Begun;
                }
                Stage::Begun | Stage::Ending => {}
            }
            if let Some(item) = self.cut.next().map_err(|error| incoming.blame(error))? {
                return Ok(Next::Item(item));
            }
            if self.stage == Stage::Ending {
                return Ok(Next::End);
            }
            let pull = match self.form {
                Form::Decoded => incoming.pull(now)?,
                Form::Raw => incoming.pull_raw(now)?,
            };
            match pull {
                Pull::Chunk(piece) => self.cut.push(piece),
                Pull::End => {
                    self.cut.end();
                    self.stage = Stage::Ending;
                }
                other => return Ok(Next::First(other)),
            }
        }
    }
}

/// Bytes as they come.
#[derive(Debug, Default)]
pub struct Pieces(Option<Bytes>);

impl Cut for Pieces {
    type Item = Bytes;

    fn push(&mut self, piece: Bytes) {
        self.0 = Some(piece);
    }

    fn end(&mut self) {}

    fn next(&mut self) -> Result<Option<Bytes>, Error> {
        Ok(self.0.take())
    }
}

/// Bytes in pieces of one size; only the last may be shorter.
#[derive(Debug)]
pub struct Chunks {
    chunker: ByteChunker,
    ended: bool,
}

impl Chunks {
    /// Pieces of `size` bytes.
    pub fn new(size: NonZeroUsize) -> Self {
        Chunks {
            chunker: ByteChunker::new(size),
            ended: false,
        }
    }
}

impl Cut for Chunks {
    type Item = Bytes;

    fn push(&mut self, piece: Bytes) {
        self.chunker.push(piece);
    }

    fn end(&mut self) {
        self.ended = true;
    }

    fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let whole = self.chunker.next_chunk();
        Ok(match self.ended {
            true => whole.or_else(|| self.chunker.finish()),
            false => whole,
        })
    }
}

/// Text as it comes, never empty. What is malformed becomes U+FFFD.
#[derive(Debug)]
pub struct Text {
    reader: Reader,
    text: String,
}

impl Text {
    /// The text of a body with this head: in the charset that was set, or is declared; where that is
    /// none or unknown, the default encoding is decided by the first piece of the body.
    pub fn new(head: &Head) -> Self {
        Text {
            reader: Reader::Fresh(Box::new(head.clone())),
            text: String::new(),
        }
    }
}

/// Bytes into text.
#[derive(Debug)]
enum Reader {
    /// With what decides the charset.
    Fresh(Box<Head>),
    Begun(TextDecoder),
    Over,
}

impl Reader {
    fn decode(&mut self, piece: &[u8], text: &mut String) {
        if let Reader::Fresh(head) = self {
            *self = Reader::Begun(TextDecoder::new(head.choose_charset(piece)));
        }
        if let Reader::Begun(decoder) = self {
            decoder.decode(piece, text);
        }
    }

    fn finish(&mut self, text: &mut String) {
        if let Reader::Begun(decoder) = std::mem::replace(self, Reader::Over) {
            decoder.finish(text);
        }
    }
}

impl Cut for Text {
    type Item = String;

    fn push(&mut self, piece: Bytes) {
        self.reader.decode(&piece, &mut self.text);
    }

    fn end(&mut self) {
        self.reader.finish(&mut self.text);
    }

    fn next(&mut self) -> Result<Option<String>, Error> {
        Ok(Some(std::mem::take(&mut self.text)).filter(|text| !text.is_empty()))
    }
}

/// Text in pieces of one number of characters; only the last may be shorter.
#[derive(Debug)]
pub struct TextChunks {
    reader: Reader,
    /// What was decoded last, kept for its room.
    text: String,
    chunker: TextChunker,
    ended: bool,
}

impl TextChunks {
    /// Pieces of `size` characters (Unicode scalar values), of a body with this head.
    pub fn new(head: &Head, size: NonZeroUsize) -> Self {
        TextChunks {
            reader: Reader::Fresh(Box::new(head.clone())),
            text: String::new(),
            chunker: TextChunker::new(size),
            ended: false,
        }
    }
}

impl Cut for TextChunks {
    type Item = String;

    fn push(&mut self, piece: Bytes) {
        self.text.clear();
        self.reader.decode(&piece, &mut self.text);
        self.chunker.push(&self.text);
    }

    fn end(&mut self) {
        self.text.clear();
        self.reader.finish(&mut self.text);
        self.chunker.push(&self.text);
        self.ended = true;
    }

    fn next(&mut self) -> Result<Option<String>, Error> {
        let whole = self.chunker.next_chunk();
        Ok(match self.ended {
            true => whole.or_else(|| self.chunker.finish()),
            false => whole,
        })
    }
}

/// Lines of text, without what ended them: `\n`, `\r`, `\r\n`, and the rarer ones that Python's
/// `splitlines` knows. At most 64 MiB each.
#[derive(Debug)]
pub struct Lines {
    reader: Reader,
    text: String,
    splitter: LineSplitter,
    ended: bool,
}

impl Lines {
    /// The lines of a body with this head.
    pub fn new(head: &Head) -> Self {
        Lines {
            reader: Reader::Fresh(Box::new(head.clone())),
            text: String::new(),
            splitter: LineSplitter::new(),
            ended: false,
        }
    }
}

impl Cut for Lines {
    type Item = String;

    fn push(&mut self, piece: Bytes) {
        self.text.clear();
        self.reader.decode(&piece, &mut self.text);
        self.splitter.push(&self.text);
    }

    fn end(&mut self) {
        self.text.clear();
        self.reader.finish(&mut self.text);
        self.splitter.push(&self.text);
        self.ended = true;
    }

    fn next(&mut self) -> Result<Option<String>, Error> {
        if let Some(line) = self.splitter.next_line().map_err(unfit)? {
            return Ok(Some(line.to_owned()));
        }
        match self.ended {
            true => Ok(self.splitter.finish().map_err(unfit)?.map(str::to_owned)),
            false => Ok(None),
        }
    }
}

/// Server-Sent Events (HTML Standard section 9.2), at most 16 MiB each. One that the end cuts off is
/// dropped, as the standard says.
#[derive(Debug, Default)]
pub struct Events {
    parser: EventParser,
}

impl Events {
    /// How long to wait before connecting again, as far as the stream has said.
    pub fn retry(&self) -> Option<std::time::Duration> {
        self.parser.retry()
    }

    /// What `Last-Event-ID` is to say when one connects again; empty for nothing.
    pub fn last_event_id(&self) -> &str {
        self.parser.last_event_id()
    }
}

impl Cut for Events {
    type Item = nuncio_content::Event;

    fn push(&mut self, piece: Bytes) {
        self.parser.push(&piece);
    }

    fn end(&mut self) {}

    fn next(&mut self) -> Result<Option<nuncio_content::Event>, Error> {
        self.parser.next_event().map_err(unfit)
    }
}

/// JSON texts, one on each line (JSON Lines, NDJSON), at most 64 MiB each. Empty lines are passed over.
#[cfg(feature = "json")]
#[derive(Debug)]
pub struct JsonLines<T> {
    lines: nuncio_content::JsonLines,
    ended: bool,
    /// How many were given.
    count: u64,
    item: std::marker::PhantomData<fn() -> T>,
}

#[cfg(feature = "json")]
impl<T> Default for JsonLines<T> {
    fn default() -> Self {
        JsonLines {
            lines: nuncio_content::JsonLines::new(),
            ended: false,
            count: 0,
            item: std::marker::PhantomData,
        }
    }
}

#[cfg(feature = "json")]
impl<T: serde::de::DeserializeOwned> Cut for JsonLines<T> {
    type Item = T;

    fn push(&mut self, piece: Bytes) {
        self.lines.push(&piece);
    }

    fn end(&mut self) {
        self.ended = true;
    }

    fn next(&mut self) -> Result<Option<T>, Error> {
        let mut line = self.lines.next_line().map_err(unfit)?;
        if line.is_none() && self.ended {
            line = self.lines.finish().map_err(unfit)?;
        }
        let Some(line) = line else {
            return Ok(None);
        };
        self.count += 1;
        match serde_json::from_slice(line) {
            Ok(item) => Ok(Some(item)),
            Err(error) => {
                let what = crate::response::snippet(&error.to_string(), 200);
                let text = format!("JSON text {} of the body: {what}", self.count);
                Err(Error::new(Kind::Decoding, text))
            }
        }
    }
}

fn unfit(error: nuncio_content::TooLong) -> Error {
    Error::other(Kind::Decoding, error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{Method, StatusCode};
    use nuncio_headers::Headers;
    use nuncio_url::Url;
    use std::fmt::Debug;

    fn head() -> Head {
        let mut headers = Headers::new();
        let kind = "text/plain; charset=utf-8";
        headers.append("Content-Type", kind).unwrap();
        let url = Url::parse("http://example.com/").unwrap();
        Head::new(Method::GET, url, StatusCode::OK, headers)
    }

    fn items<C: Cut>(mut cut: C, pieces: &[&[u8]]) -> Vec<C::Item> {
        let mut items = Vec::new();
        for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
            cut.push(Bytes::copy_from_slice(piece));
            items.extend(std::iter::from_fn(|| cut.next().unwrap()));
        }
        cut.end();
        items.extend(std::iter::from_fn(|| cut.next().unwrap()));
        assert!(cut.next().unwrap().is_none(), "the end stays the end");
        items
    }

    /// Whole, byte by byte, and in two pieces at every place.
    fn however_it_comes<C: Cut<Item: Debug + PartialEq>>(
        make: impl Fn() -> C,
        body: &[u8],
        expected: &[C::Item],
    ) {
        assert_eq!(items(make(), &[body]), expected);
        let bytes: Vec<&[u8]> = body.chunks(1).collect();
        assert_eq!(items(make(), &bytes), expected, "byte by byte");
        for at in 0..=body.len() {
            let (first, second) = body.split_at(at);
            assert_eq!(items(make(), &[first, second]), expected, "at {at}");
        }
    }

    #[test]
    fn what_comes_out_does_not_depend_on_how_it_came() {
        let size = |size| NonZeroUsize::new(size).unwrap();
        let chunks = ["abc", "def", "g"].map(Bytes::from);
        however_it_comes(|| Chunks::new(size(3)), b"abcdefg", &chunks);
        let text = "é\r\n世界\r!\u{2028}\u{1F600}";
        let lines = ["é", "世界", "!", "\u{1F600}"].map(str::to_owned);
        however_it_comes(|| Lines::new(&head()), text.as_bytes(), &lines);
        let pieces = ["é\r\n", "世界\r", "!\u{2028}\u{1F600}"].map(str::to_owned);
        let make = || TextChunks::new(&head(), size(3));
        however_it_comes(make, text.as_bytes(), &pieces);
        let body = "id: 1\ndata: é\r\n\r\nevent: x\rdata: y\r\rdata: cut";
        let whole = items(Events::default(), &[body.as_bytes()]);
        assert_eq!(whole.len(), 2);
        however_it_comes(Events::default, body.as_bytes(), &whole);
    }

    #[cfg(feature = "json")]
    #[test]
    fn json_lines_do_not_depend_on_how_they_came() {
        let make = JsonLines::<Vec<u8>>::default;
        however_it_comes(
            make,
            b"[1]\r\n\n [2,3]\n[4]",
            &[vec![1], vec![2, 3], vec![4]],
        );
    }

    #[test]
    fn text_is_the_same_however_it_is_cut() {
        let body = "caf\u{e9} \u{1F600}\u{FEFF} ".as_bytes();
        let body = [body, b"\xff \xe4\xb8"].concat();
        for at in 0..=body.len() {
            let (first, second) = body.split_at(at);
            let text = items(Text::new(&head()), &[first, second]);
            assert!(text.iter().all(|piece| !piece.is_empty()));
            assert_eq!(text.concat(), String::from_utf8_lossy(&body));
        }
    }

    #[test]
    fn what_a_stream_says_about_connecting_again_is_kept() {
        let mut events = Events::default();
        events.push(Bytes::from_static(b"retry: 250\nid: 7\n\n"));
        assert!(events.next().unwrap().is_none());
        assert_eq!(events.retry().unwrap().as_millis(), 250);
        assert_eq!(events.last_event_id(), "7");
    }
}
