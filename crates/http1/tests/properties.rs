//! Whatever is sent or cut, changed or made up.

mod common;

use common::cases::cases;
use common::{Setup, asked, events, headers};
use nuncio_http1::{BodySize, BodyStep, Config, HeadStep, Http1, Theirs};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

/// Writes `pieces` as the chunks of a message.
fn chunks(pieces: &[Vec<u8>], trailers: &[(String, String)]) -> Vec<u8> {
    let mut http1 = Http1::new(Config::default());
    let host = headers(&[("Host", "h")]);
    http1
        .send_head("POST", "/", &host, BodySize::Unknown, &mut Vec::new())
        .unwrap();
    let mut out = Vec::new();
    for piece in pieces {
        let framing = http1.send_data(piece.len()).unwrap();
        out.extend_from_slice(framing.before());
        out.extend_from_slice(piece);
        out.extend_from_slice(framing.after());
    }
    let fields: Vec<_> = trailers.iter().map(|(n, v)| (&n[..], &v[..])).collect();
    http1.send_end(Some(&headers(&fields)), &mut out).unwrap();
    out
}

fn cut<'a>(message: &'a [u8], cuts: &[Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<_> = cuts
        .iter()
        .map(|cut| cut.index(message.len() + 1))
        .collect();
    places.sort_unstable();
    let mut pieces = Vec::new();
    let mut start = 0;
    for place in places {
        pieces.push(&message[start..place]);
        start = place;
    }
    pieces.push(&message[start..]);
    pieces
}

/// Bytes that mean something; by chance alone they would be met too rarely.
const MEANINGFUL: &[u8] = b"\r\n \t:;,0159afHT\0x\x7f\x80-+";

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(512)
    })]

    #[test]
    fn chunks_that_we_write_are_read_back(
        pieces in vec(vec(any::<u8>(), 0..40), 0..20),
        trailers in vec(("x-[a-z]{1,8}", "[!-~]([ -~]{0,10}[!-~])?"), 0..4),
        behind in vec(any::<u8>(), 0..4),
        cuts in vec(any::<Index>(), 0..12),
    ) {
        let body = chunks(&pieces, &trailers);
        let message = [&body[..], &behind].concat();
        let mut http1 = asked(&Setup::default());
        let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let begun = matches!(http1.receive_head(head), Ok(HeadStep::Head { .. }));
        prop_assert!(begun);
        let (mut buffer, mut content, mut found) = (Vec::new(), Vec::new(), None);
        for piece in cut(&message, &cuts) {
            buffer.extend_from_slice(piece);
            while http1.theirs() == Theirs::Body {
                match http1.receive_body(&buffer).unwrap() {
                    BodyStep::Data { range } => {
                        content.extend_from_slice(&buffer[range.clone()]);
                        buffer.drain(..range.end);
                    }
                    BodyStep::End { used, trailers } => {
                        buffer.drain(..used);
                        found = trailers;
                    }
                    BodyStep::NeedMore { used } => {
                        buffer.drain(..used);
                        break;
                    }
                }
            }
        }
        prop_assert_eq!(http1.theirs(), Theirs::Done);
        prop_assert_eq!(content, pieces.concat());
        prop_assert_eq!(buffer, behind);
        let found: Vec<_> = found.iter().flat_map(|trailers| trailers.iter()).collect();
        let sent: Vec<_> = trailers.iter().map(|(n, v)| (&n[..], v.as_bytes())).collect();
        prop_assert_eq!(found, sent);
    }

    #[test]
    fn changed_messages_give_the_same_events_however_they_are_cut(
        case in any::<Index>(),
        changes in vec((any::<Index>(), any::<u8>(), 0..4_u8), 0..4),
        cuts in vec(any::<Index>(), 0..12),
    ) {
        let cases = cases();
        let case = &cases[case.index(cases.len())];
        let mut message = case.wire.clone();
        for (place, byte, kind) in changes {
            let place = place.index(message.len() + 1);
            let byte = match kind {
                0 => byte,
                _ => MEANINGFUL[usize::from(byte) % MEANINGFUL.len()],
            };
            match kind {
                3 if place < message.len() => drop(message.remove(place)),
                2 if place < message.len() => message[place] = byte,
                _ => message.insert(place, byte),
            }
        }
        let whole = events(&case.setup, [&message[..]]);
        prop_assert_eq!(&events(&case.setup, cut(&message, &cuts)), &whole);
        prop_assert_eq!(&events(&case.setup, message.chunks(1)), &whole);
    }

    #[test]
    fn made_up_bytes_never_panic_nor_end_a_response_without_a_head(
        message in vec(any::<u8>(), 0..200),
    ) {
        let setup = Setup { eof: true, ..Setup::default() };
        let found = events(&setup, [&message[..]]);
        prop_assert!(found.iter().any(|event| event.starts_with("error")), "{:?}", found);
    }
}
