//! [`Encoder`]: the machine that yields the body.

use std::fmt;

use bytes::Bytes;

use crate::form::Data;
use crate::{Boundary, EncodeError, Form, render};

/// What [`Encoder::poll`] has for the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The next bytes of the body, never empty. What stands between the data of two parts (CRLF,
    /// delimiter, headers) is one chunk; held data is one chunk, and data from a source comes in
    /// the chunks in which it was supplied.
    Chunk(Bytes),
    /// More of a part is wanted: answer with [`Encoder::supply`] or [`Encoder::end_of_part`].
    Need {
        /// Which part, from 0 in the order of the form.
        part: usize,
    },
    /// The body is complete.
    Done,
}

/// A multipart/form-data body in the making.
///
/// Call [`poll`](Self::poll) until it says [`Step::Done`]. At every [`Step::Need`] read some of
/// that part's source, 64 KiB for example, and call [`supply`](Self::supply), or
/// [`end_of_part`](Self::end_of_part) when there is no more. A source of known size is asked until
/// it ends too: that is how one that has grown is found out before the body is complete.
///
/// After an [`EncodeError`] from `poll`, or one that says that the body is lost, the request has
/// to be aborted: what has been sent cannot become a body that a server takes for whole.
pub struct Encoder {
    boundary: Boundary,
    parts: Vec<Encoded>,
    close: Bytes,
    content_length: Option<u64>,
    state: State,
    /// The first part that has been asked for and cannot be read again.
    consumed: Option<usize>,
}

/// A part, and what stands before its data.
struct Encoded {
    head: Bytes,
    data: Data,
}

/// What comes next.
enum State {
    /// The head of this part, or the closing delimiter after the last.
    Head(usize),
    /// The data of this part.
    Data(usize),
    /// `chunk`, or when it is empty more from the source of this part.
    Source {
        part: usize,
        given: u64,
        chunk: Bytes,
    },
    Done,
    Failed(EncodeError),
}

impl Encoder {
    pub(crate) fn new(form: Form, boundary: Boundary) -> Self {
        let mut out = Vec::new();
        let mut ends = Vec::with_capacity(form.parts.len());
        for (number, (name, part)) in form.parts.iter().enumerate() {
            render::head(&mut out, &boundary, number == 0, name, part);
            ends.push(out.len());
        }
        render::close(&mut out, &boundary, form.is_empty());

        // One block for all that is not data.
        let mut close = Bytes::from(out);
        let mut taken = 0;
        let mut content_length = Some(close.len() as u64);
        let mut parts = Vec::with_capacity(form.parts.len());
        for ((_, part), end) in form.parts.into_iter().zip(ends) {
            let head = close.split_to(end - taken);
            taken = end;
            content_length = part
                .data
                .size()
                .zip(content_length)
                .and_then(|(size, sum)| sum.checked_add(size));
            let data = part.data;
            parts.push(Encoded { head, data });
        }
        Self {
            boundary,
            parts,
            close,
            content_length,
            state: State::Head(0),
            consumed: None,
        }
    }

    /// How many bytes the whole body has. `None` when the size of a part is not known (or the sum
    /// is more than a `u64` holds): such a body goes out in chunked coding.
    pub fn content_length(&self) -> Option<u64> {
        self.content_length
    }

    /// The Content-Type of the body.
    pub fn content_type(&self) -> String {
        self.boundary.content_type()
    }

    /// The boundary, for [`Boundary::complete`].
    pub fn boundary(&self) -> &Boundary {
        &self.boundary
    }

    /// Whether the whole body can be sent again at any time: all data is held or comes from
    /// sources that were [said](crate::Part::replayable) to be readable again.
    pub fn replayable(&self) -> bool {
        self.parts.iter().all(|part| part.data.replayable())
    }

    /// What comes next. Asking again changes nothing after [`Step::Need`] and [`Step::Done`].
    ///
    /// # Errors
    /// The [`EncodeError`] by which the body was lost, again and again.
    pub fn poll(&mut self) -> Result<Step, EncodeError> {
        loop {
            match &mut self.state {
                State::Head(part) => {
                    let part = *part;
                    let Some(encoded) = self.parts.get(part) else {
                        self.state = State::Done;
                        return Ok(Step::Chunk(self.close.clone()));
                    };
                    self.state = State::Data(part);
                    return Ok(Step::Chunk(encoded.head.clone()));
                }
                State::Data(part) => {
                    let part = *part;
                    match self.parts.get(part).map(|encoded| &encoded.data) {
                        Some(Data::Source { .. }) => {
                            let (given, chunk) = (0, Bytes::new());
                            self.state = State::Source { part, given, chunk };
                        }
                        Some(Data::Held(bytes)) if !bytes.is_empty() => {
                            self.state = State::Head(part + 1);
                            return Ok(Step::Chunk(bytes.clone()));
                        }
                        _ => self.state = State::Head(part + 1),
                    }
                }
                State::Source { part, chunk, .. } if chunk.is_empty() => {
                    let part = *part;
                    self.note_consumed(part);
                    return Ok(Step::Need { part });
                }
                State::Source { chunk, .. } => return Ok(Step::Chunk(std::mem::take(chunk))),
                State::Done => return Ok(Step::Done),
                State::Failed(error) => return Err(error.clone()),
            }
        }
    }

    /// The next bytes of the part that was asked for, at least one of them: with none the
    /// encoder asks again.
    ///
    /// # Errors
    /// [`EncodeError::TooMuch`], with which the body is lost and these bytes are not sent;
    /// [`EncodeError::NotAsked`].
    pub fn supply(&mut self, part: usize, bytes: Bytes) -> Result<(), EncodeError> {
        let declared = self.declared(part);
        let (given, chunk) = self.asked(part)?;
        *given = given.saturating_add(bytes.len() as u64);
        match declared {
            Some(declared) if *given > declared => {
                Err(self.fail(EncodeError::TooMuch { part, declared }))
            }
            _ => {
                *chunk = bytes;
                Ok(())
            }
        }
    }

    /// The part that was asked for has no more bytes.
    ///
    /// # Errors
    /// [`EncodeError::TooLittle`], with which the body is lost; [`EncodeError::NotAsked`].
    pub fn end_of_part(&mut self, part: usize) -> Result<(), EncodeError> {
        let declared = self.declared(part);
        let given = *self.asked(part)?.0;
        match declared {
            Some(declared) if given < declared => Err(self.fail(EncodeError::TooLittle {
                part,
                declared,
                given,
            })),
            _ => {
                self.state = State::Head(part + 1);
                Ok(())
            }
        }
    }

    /// Goes back to the start, for a redirect or another attempt, also after an error. The caller
    /// rewinds the sources: one of unknown size that was not would be sent empty.
    ///
    /// # Errors
    /// [`EncodeError::Consumed`] when a source that can be read only once has been asked for.
    pub fn restart(&mut self) -> Result<(), EncodeError> {
        match self.consumed {
            Some(part) => Err(EncodeError::Consumed { part }),
            None => {
                self.state = State::Head(0);
                Ok(())
            }
        }
    }

    fn note_consumed(&mut self, part: usize) {
        let data = self.parts.get(part).map(|encoded| &encoded.data);
        if data.is_some_and(|data| !data.replayable()) {
            self.consumed.get_or_insert(part);
        }
    }

    fn declared(&self, part: usize) -> Option<u64> {
        self.parts.get(part)?.data.size()
    }

    /// The count and the place for bytes of a part, if it is the one that was asked for.
    fn asked(&mut self, asked: usize) -> Result<(&mut u64, &mut Bytes), EncodeError> {
        match &mut self.state {
            State::Source { part, given, chunk } if *part == asked && chunk.is_empty() => {
                Ok((given, chunk))
            }
            _ => Err(EncodeError::NotAsked { part: asked }),
        }
    }

    fn fail(&mut self, error: EncodeError) -> EncodeError {
        self.state = State::Failed(error.clone());
        error
    }
}

impl Data {
    fn size(&self) -> Option<u64> {
        match self {
            Self::Held(bytes) => Some(bytes.len() as u64),
            Self::Source { size, .. } => *size,
        }
    }

    fn replayable(&self) -> bool {
        !matches!(
            self,
            Self::Source {
                replayable: false,
                ..
            }
        )
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let next = match &self.state {
            State::Head(part) => format!("head of part {part}"),
            State::Data(part) | State::Source { part, .. } => format!("data of part {part}"),
            State::Done => "nothing".to_owned(),
            State::Failed(error) => error.to_string(),
        };
        f.debug_struct("Encoder")
            .field("boundary", &self.boundary)
            .field("parts", &self.parts.len())
            .field("content_length", &self.content_length)
            .field("next", &next)
            .finish()
    }
}
