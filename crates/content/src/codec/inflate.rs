use flate2::{Decompress, FlushDecompress, Status};

use crate::error::DecodeErrorKind;

/// Runs the inflate state once. True at the end of the deflate (or zlib) stream.
pub(super) fn run(
    state: &mut Decompress,
    input: &mut &[u8],
    out: &mut Vec<u8>,
) -> Result<bool, DecodeErrorKind> {
    let before = state.total_in();
    let result = state.decompress_vec(input, out, FlushDecompress::None);
    let used = usize::try_from(state.total_in() - before).unwrap_or(usize::MAX);
    *input = input.get(used..).unwrap_or_default();
    match result {
        Ok(status) => Ok(status == Status::StreamEnd),
        Err(error) if error.needs_dictionary().is_some() => Err(DecodeErrorKind::Dictionary),
        Err(error) => Err(what(error.message())),
    }
}

/// zlib's own messages, with a lifetime that an error can keep.
fn what(message: Option<&str>) -> DecodeErrorKind {
    const KNOWN: [&str; 15] = [
        "incorrect header check",
        "unknown compression method",
        "invalid window size",
        "invalid block type",
        "invalid stored block lengths",
        "too many length or distance symbols",
        "invalid code lengths set",
        "invalid bit length repeat",
        "invalid code -- missing end-of-block",
        "invalid literal/lengths set",
        "invalid distances set",
        "invalid literal/length code",
        "invalid distance code",
        "invalid distance too far back",
        "invalid block",
    ];
    match message {
        Some("incorrect data check") => DecodeErrorKind::Mismatch("checksum"),
        Some("incorrect length check") => DecodeErrorKind::Mismatch("length"),
        message => DecodeErrorKind::Corrupt(
            KNOWN
                .into_iter()
                .find(|known| message == Some(known))
                .unwrap_or("invalid deflate data"),
        ),
    }
}
