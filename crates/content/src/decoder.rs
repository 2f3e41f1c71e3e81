use std::{fmt, mem};

use bytes::Bytes;

use crate::budget::Budget;
use crate::cache::StateCache;
use crate::chain::{Chain, End, MAX_CHUNK};
use crate::coding::Codings;
use crate::error::{DecodeError, DecodeErrorKind};

/// Undoes the content codings of one body.
///
/// Give [`decode`](Self::decode) what came in, and call it until it gives nothing more; when the body
/// has ended, call [`finish`](Self::finish) in the same way.
///
/// ```
/// # #[cfg(feature = "gzip")] {
/// use bytes::Bytes;
/// use nuncio_content::{Budget, Coding, DecodeErrorKind, Decoder};
///
/// // "hello, hello" as zlib data, in two pieces
/// let body = [
///     &b"\x78\xda\xcb\x48\xcd\xc9\xc9\xd7"[..],
///     &b"\x51\xc8\x00\x51\x00\x1c\xda\x04\x75"[..],
/// ];
/// let mut decoder = Decoder::new(&Coding::Deflate.into(), Budget::default());
/// let mut text = Vec::new();
/// for piece in body {
///     let mut piece = Bytes::from_static(piece);
///     while let Some(chunk) = decoder.decode(&mut piece)? {
///         text.extend_from_slice(&chunk);
///     }
/// }
/// while let Some(chunk) = decoder.finish()? {
///     text.extend_from_slice(&chunk);
/// }
/// assert_eq!(text, b"hello, hello");
/// # }
/// # Ok::<(), nuncio_content::DecodeError>(())
/// ```
///
/// At most twice [`MAX_CHUNK`](crate::MAX_CHUNK) bytes are decoded ahead of the caller, beyond what a
/// coding's own window holds. Windows are 32 KiB for gzip and deflate, and at most 16 MiB for br and
/// 8 MiB for zstd, as the data asks for. Beside its window each coding has less than 512 KiB, with
/// two exceptions that br's library makes: while a window grows its last half is held twice, and code
/// tables come to 3.5 MiB for data that asks for as many as there can be.
pub struct Decoder {
    state: State,
    /// Pulled from, or made ready whole.
    out: Vec<u8>,
    /// Decoded, and handed over piece by piece.
    ready: Bytes,
    cache: Option<StateCache>,
}

enum State {
    Identity,
    Chain(Chain),
    Ended,
    Failed(DecodeError),
}

impl Decoder {
    /// A decoder for one body with these codings.
    pub fn new(codings: &Codings, budget: Budget) -> Self {
        Self::build(codings, budget, None)
    }

    /// The same with states from `cache`, to which they go back at the end.
    pub fn with_cache(codings: &Codings, budget: Budget, cache: &StateCache) -> Self {
        Self::build(codings, budget, Some(cache))
    }

    fn build(codings: &Codings, budget: Budget, cache: Option<&StateCache>) -> Self {
        if codings.is_empty() {
            return Self {
                state: State::Identity,
                out: Vec::new(),
                ready: Bytes::new(),
                cache: None,
            };
        }
        Self {
            state: State::Chain(Chain::new(codings, budget, cache)),
            out: Vec::new(),
            ready: Bytes::new(),
            cache: cache.cloned(),
        }
    }

    /// Whether the body is handed on as it comes, in pieces of any size and without a copy.
    pub fn is_identity(&self) -> bool {
        matches!(self.state, State::Identity)
    }

    /// Takes from the front of `input` and gives the next decoded bytes, never an empty piece. None
    /// says that `input` is used up and more is needed.
    ///
    /// # Errors
    ///
    /// The data is corrupt or exceeds the budget. Every later call gives the same error.
    pub fn decode(&mut self, input: &mut Bytes) -> Result<Option<Bytes>, DecodeError> {
        self.advance(input, End::Ahead)
    }

    /// The body has ended: gives what is left, piece by piece, and then none. A body without a single
    /// byte is complete in every coding, since answers to HEAD and with status 204 or 304 name one.
    ///
    /// # Errors
    ///
    /// As [`decode`](Self::decode), and where the body ended too early.
    pub fn finish(&mut self) -> Result<Option<Bytes>, DecodeError> {
        let piece = self.advance(&mut Bytes::new(), End::Reached)?;
        if piece.is_none() {
            self.stop(State::Ended);
        }
        Ok(piece)
    }

    fn advance(&mut self, input: &mut Bytes, end: End) -> Result<Option<Bytes>, DecodeError> {
        if !self.ready.is_empty() {
            return Ok(Some(self.piece()));
        }
        let result = match &mut self.state {
            State::Identity => {
                return Ok(Some(mem::take(input)).filter(|piece| !piece.is_empty()));
            }
            State::Ended => return Ok(None),
            State::Failed(error) => return Err(error.clone()),
            State::Chain(chain) => chain.pull(input, end, &mut self.out),
        };
        match result {
            Ok(()) if self.out.is_empty() => Ok(None),
            Ok(()) => {
                self.ready = take_whole(&mut self.out);
                Ok(Some(self.piece()))
            }
            Err(error) => {
                // What came out before the fault is given first, so that it does not depend on how
                // the input was cut.
                let before = take_whole(&mut self.out);
                let over = matches!(error.kind, DecodeErrorKind::OverBudget { .. });
                self.stop(State::Failed(error.clone()));
                if before.is_empty() || over {
                    return Err(error);
                }
                self.ready = before;
                Ok(Some(self.piece()))
            }
        }
    }

    /// The next of what is ready.
    fn piece(&mut self) -> Bytes {
        self.ready.split_to(self.ready.len().min(MAX_CHUNK))
    }

    /// Nothing more is decoded: the codings' states go back.
    fn stop(&mut self, state: State) {
        self.out = Vec::new();
        let was = mem::replace(&mut self.state, state);
        if let (State::Chain(chain), Some(cache)) = (was, &self.cache) {
            chain.recycle(cache);
        }
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        self.stop(State::Ended);
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state: &dyn fmt::Debug = match &self.state {
            State::Identity => &"identity",
            State::Chain(chain) => chain,
            State::Ended => &"ended",
            State::Failed(error) => error,
        };
        f.debug_tuple("Decoder").field(state).finish()
    }
}

/// The buffer itself, without room that it did not need: a short body does not pin a long buffer.
fn take_whole(out: &mut Vec<u8>) -> Bytes {
    let mut piece = mem::take(out);
    piece.shrink_to_fit();
    Bytes::from(piece)
}
