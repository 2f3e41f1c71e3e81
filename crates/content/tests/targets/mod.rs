//! The bodies of the fuzz targets; `fuzz_corpus.rs` replays their seeds.

use bytes::Bytes;
#[cfg(any(feature = "gzip", feature = "brotli", feature = "zstd"))]
use nuncio_content::Coding;
use nuncio_content::{
    Budget, Charset, Codings, DecodeError, Decoder, EventParser, Fallback, JsonLines, LineSplitter,
    MAX_CHUNK, TextDecoder, json_text, meta_charset,
};

/// Enough for any seed; it does not depend on what came in, so that cuts make no difference.
const BUDGET: Budget = Budget {
    size: 1 << 20,
    ratio: 0,
};

fn decode(codings: &Codings, body: &[u8], piece: usize) -> (Vec<u8>, Option<DecodeError>) {
    let mut decoder = Decoder::new(codings, BUDGET);
    let mut decoded = Vec::new();
    let mut run = || {
        for piece in body.chunks(piece) {
            let mut input = Bytes::copy_from_slice(piece);
            while let Some(chunk) = decoder.decode(&mut input)? {
                assert!((1..=MAX_CHUNK).contains(&chunk.len()) || codings.is_empty());
                decoded.extend_from_slice(&chunk);
            }
            assert!(input.is_empty());
        }
        while let Some(chunk) = decoder.finish()? {
            decoded.extend_from_slice(&chunk);
        }
        Ok(())
    };
    let error = run().err();
    (decoded, error)
}

/// However a body is cut, it comes to the same; and never to more than the budget.
fn decode_both_ways(codings: Codings, data: &[u8]) {
    let Some((&piece, body)) = data.split_first() else {
        return;
    };
    let (whole, error) = decode(&codings, body, body.len().max(1));
    let (pieces, pieces_error) = decode(&codings, body, usize::from(piece % 32) + 1);
    if !codings.is_empty() {
        assert!(whole.len() as u64 <= BUDGET.size);
    }
    assert_eq!(
        error.is_some(),
        pieces_error.is_some(),
        "{error:?}, {pieces_error:?}"
    );
    let short = whole.len().min(pieces.len());
    assert!(whole[..short] == pieces[..short]);
    assert!(error.is_some() || whole.len() == pieces.len());
}

/// gzip, against another reader of it.
#[cfg(feature = "gzip")]
pub(crate) fn gzip(data: &[u8]) {
    use std::io::Read;

    decode_both_ways(Coding::Gzip.into(), data);
    let body = data.get(1..).unwrap_or_default();
    let (decoded, error) = decode(&Coding::Gzip.into(), body, body.len().max(1));
    if error.is_none() && !body.is_empty() {
        let mut theirs = Vec::new();
        flate2::read::MultiGzDecoder::new(body)
            .read_to_end(&mut theirs)
            .unwrap();
        assert!(decoded == theirs);
    }
}

/// deflate, against another reader of its two kinds.
#[cfg(feature = "gzip")]
pub(crate) fn deflate(data: &[u8]) {
    use std::io::Read;

    decode_both_ways(Coding::Deflate.into(), data);
    let body = data.get(1..).unwrap_or_default();
    let (decoded, error) = decode(&Coding::Deflate.into(), body, body.len().max(1));
    if error.is_none() && !body.is_empty() {
        let (mut zlib, mut raw) = (Vec::new(), Vec::new());
        let is_zlib = flate2::read::ZlibDecoder::new(body)
            .read_to_end(&mut zlib)
            .is_ok();
        let is_raw = flate2::read::DeflateDecoder::new(body)
            .read_to_end(&mut raw)
            .is_ok();
        assert!((is_zlib && decoded == zlib) || (is_raw && decoded == raw));
    }
}

#[cfg(feature = "brotli")]
pub(crate) fn br(data: &[u8]) {
    decode_both_ways(Coding::Brotli.into(), data);
}

#[cfg(feature = "zstd")]
pub(crate) fn zstd(data: &[u8]) {
    decode_both_ways(Coding::Zstd.into(), data);
}

/// A `content-encoding` up to the first zero byte, and the body behind it.
pub(crate) fn chain(data: &[u8]) {
    let (value, body) = match data.iter().position(|byte| *byte == 0) {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (data, &[][..]),
    };
    if let Ok(codings) = Codings::parse(value.split(|byte| *byte == b'\n'), 4) {
        assert!(codings.len() <= 4);
        decode_both_ways(codings, body);
    }
}

/// A label up to the first zero byte, and the text behind it.
pub(crate) fn text(data: &[u8]) {
    let (label, body) = match data.iter().position(|byte| *byte == 0) {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (&[][..], data),
    };
    let label = String::from_utf8_lossy(label);
    let charset = Charset::choose(Some(&label), &Fallback::HtmlMeta, body);
    let decode = |piece: usize| {
        let mut decoder = TextDecoder::new(charset);
        let mut text = String::new();
        for piece in body.chunks(piece) {
            decoder.decode(piece, &mut text);
        }
        decoder.finish(&mut text);
        text
    };
    let whole = decode(body.len().max(1));
    assert_eq!(decode(1), whole);
    assert_eq!(decode(3), whole);
    if charset == Charset::UTF_8 {
        assert_eq!(whole, String::from_utf8_lossy(body));
    }
    meta_charset(body);
    if let Ok(json) = json_text(body) {
        assert!(json.len() <= body.len() * 2);
    }
}

/// Lines against a simple definition of them, and JSON lines.
pub(crate) fn lines(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let is_end =
        |c: char| matches!(c, '\n'..='\r' | '\x1c'..='\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}');
    let joined = text.replace("\r\n", "\n");
    let mut expected: Vec<&str> = joined.split(is_end).collect();
    if expected.last() == Some(&"") {
        expected.pop();
    }
    for piece in [1, 3, usize::MAX] {
        let mut splitter = LineSplitter::new();
        let mut lines = Vec::new();
        let characters: Vec<char> = text.chars().collect();
        for piece in characters.chunks(piece.min(characters.len().max(1))) {
            splitter.push(&String::from_iter(piece));
            while let Some(line) = splitter.next_line().unwrap() {
                lines.push(line.to_owned());
            }
        }
        lines.extend(splitter.finish().unwrap().map(str::to_owned));
        assert_eq!(lines, expected);
    }

    let data = data.strip_prefix(b"\xef\xbb\xbf").unwrap_or(data);
    let expected = data.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let expected: Vec<&[u8]> = expected.filter(|line| !line.is_empty()).collect();
    if !data.starts_with(b"\xef\xbb\xbf") {
        let mut splitter = JsonLines::new();
        let mut lines = Vec::new();
        for byte in data {
            splitter.push(&[*byte]);
            while let Some(line) = splitter.next_line().unwrap() {
                lines.push(line.to_vec());
            }
        }
        lines.extend(splitter.finish().unwrap().map(<[u8]>::to_vec));
        assert_eq!(lines, expected);
    }
}

/// The same events from any pieces.
pub(crate) fn sse(data: &[u8]) {
    let events = |piece: usize| {
        let mut parser = EventParser::new();
        let mut events = Vec::new();
        for piece in data.chunks(piece) {
            parser.push(piece);
            while let Some(event) = parser.next_event().unwrap() {
                assert!(!event.event.contains(['\n', '\r']));
                assert!(!event.id.contains(['\n', '\r', '\0']));
                assert!(!event.data.contains('\r'));
                events.push(event);
            }
        }
        (events, parser.retry(), parser.last_event_id().to_owned())
    };
    let whole = events(data.len().max(1));
    assert_eq!(events(1), whole);
    assert_eq!(events(5), whole);
}
