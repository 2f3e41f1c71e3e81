use brotli_decompressor::{
    BrotliDecoderErrorCode, BrotliDecoderTakeOutput, BrotliDecompressStream, BrotliResult,
    BrotliState, StandardAlloc,
};

use crate::error::DecodeErrorKind;

type State = BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>;

/// `br` (RFC 7932), without the large windows that the library's own default accepts.
pub(crate) struct Brotli {
    state: Box<State>,
    phase: Phase,
}

enum Phase {
    Untouched,
    Body,
    End,
}

impl Brotli {
    pub(super) fn new() -> Self {
        let alloc = StandardAlloc::default;
        Self {
            state: Box::new(State::new_strict(alloc(), alloc(), alloc())),
            phase: Phase::Untouched,
        }
    }

    pub(super) fn step(
        &mut self,
        input: &mut &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), DecodeErrorKind> {
        match self.phase {
            Phase::Untouched if input.is_empty() => return Ok(()),
            Phase::Untouched => self.phase = Phase::Body,
            Phase::Body => {}
            Phase::End => return end(input),
        }
        // The library is given no room, because it would write to initialised memory only. What it
        // has decoded stays in its window, and is copied from there.
        while !self.take(out) {
            let mut used = 0;
            let result = BrotliDecompressStream(
                &mut input.len(),
                &mut used,
                input,
                &mut 0,
                &mut 0,
                &mut [],
                &mut 0,
                &mut self.state,
            );
            *input = input.get(used..).unwrap_or_default();
            match result {
                BrotliResult::ResultSuccess => {
                    self.phase = Phase::End;
                    return end(input);
                }
                BrotliResult::NeedsMoreOutput => {}
                BrotliResult::NeedsMoreInput => {
                    self.take(out);
                    return Ok(());
                }
                BrotliResult::ResultFailure => return Err(what(&self.state.error_code)),
            }
        }
        Ok(())
    }

    /// Appends what is decoded; true if that has filled `out`.
    fn take(&mut self, out: &mut Vec<u8>) -> bool {
        loop {
            let mut room = out.capacity() - out.len();
            // No room would mean no limit to the library.
            if room == 0 {
                return true;
            }
            let decoded = BrotliDecoderTakeOutput(&mut self.state, &mut room);
            if decoded.is_empty() {
                return false;
            }
            out.extend_from_slice(decoded);
        }
    }

    pub(super) fn is_complete(&self) -> bool {
        !matches!(self.phase, Phase::Body)
    }
}

fn end(input: &[u8]) -> Result<(), DecodeErrorKind> {
    if input.is_empty() {
        Ok(())
    } else {
        Err(DecodeErrorKind::TrailingData)
    }
}

fn what(code: &BrotliDecoderErrorCode) -> DecodeErrorKind {
    use BrotliDecoderErrorCode as Code;
    match code {
        Code::BROTLI_DECODER_ERROR_FORMAT_WINDOW_BITS => DecodeErrorKind::WindowTooLarge,
        Code::BROTLI_DECODER_ERROR_FORMAT_DICTIONARY
        | Code::BROTLI_DECODER_ERROR_FORMAT_TRANSFORM => {
            DecodeErrorKind::Corrupt("invalid dictionary reference")
        }
        Code::BROTLI_DECODER_ERROR_FORMAT_DISTANCE => DecodeErrorKind::Corrupt("invalid distance"),
        Code::BROTLI_DECODER_ERROR_FORMAT_PADDING_1
        | Code::BROTLI_DECODER_ERROR_FORMAT_PADDING_2 => {
            DecodeErrorKind::Corrupt("padding that is not zero")
        }
        _ => DecodeErrorKind::Corrupt("invalid brotli data"),
    }
}
