use super::Charset;
use super::charset::Kind;

/// Decodes text piece by piece. What is malformed becomes U+FFFD, and so does a character that the
/// end cuts off.
///
/// ```
/// use nuncio_content::{Charset, TextDecoder};
///
/// let mut decoder = TextDecoder::new(Charset::UTF_8);
/// let mut text = String::new();
/// decoder.decode(b"caf\xc3", &mut text);
/// assert_eq!(text, "caf");
/// decoder.decode(b"\xa9 \xf0\x9f", &mut text);
/// decoder.finish(&mut text);
/// assert_eq!(text, "café \u{fffd}");
/// ```
pub struct TextDecoder {
    mark: Mark,
    machine: Machine,
}

/// What is to be done with a byte order mark, of which the first bytes may be here.
enum Mark {
    /// Nothing; or it is done.
    Done,
    Strip {
        have: usize,
    },
    #[cfg(feature = "charset")]
    Decide {
        first: Option<u8>,
    },
}

enum Machine {
    Utf8(Utf8),
    #[cfg(feature = "charset")]
    Other(Box<encoding_rs::Decoder>),
}

const UTF_8_MARK: &[u8] = b"\xEF\xBB\xBF";

impl TextDecoder {
    /// A decoder for one text.
    pub fn new(charset: Charset) -> Self {
        let utf8 = Machine::Utf8(Utf8::default());
        let (mark, machine) = match charset.0 {
            Kind::Utf8 => (Mark::Done, utf8),
            Kind::Utf8Signed => (Mark::Strip { have: 0 }, utf8),
            #[cfg(feature = "charset")]
            Kind::Utf16 => (
                Mark::Decide { first: None },
                Machine::other(encoding_rs::UTF_16LE),
            ),
            #[cfg(feature = "charset")]
            Kind::Other(encoding) => (Mark::Done, Machine::other(encoding)),
        };
        Self { mark, machine }
    }

    /// Decodes `input` and appends what is certain to `text`.
    pub fn decode(&mut self, mut input: &[u8], text: &mut String) {
        while let [first, rest @ ..] = input {
            match &mut self.mark {
                Mark::Done => break,
                Mark::Strip { have } => {
                    if UTF_8_MARK.get(*have) == Some(first) {
                        *have += 1;
                        input = rest;
                        if *have == UTF_8_MARK.len() {
                            self.mark = Mark::Done;
                        }
                    } else {
                        self.give_mark_back(text);
                    }
                }
                #[cfg(feature = "charset")]
                Mark::Decide { first: before } => match (*before, *first) {
                    (None, 0xFE | 0xFF) => {
                        *before = Some(*first);
                        input = rest;
                    }
                    (Some(0xFE), 0xFF) => {
                        self.mark = Mark::Done;
                        self.machine = Machine::other(encoding_rs::UTF_16BE);
                        input = rest;
                    }
                    (Some(0xFF), 0xFE) => {
                        self.mark = Mark::Done;
                        input = rest;
                    }
                    _ => self.give_mark_back(text),
                },
            }
        }
        self.machine.decode(input, text);
    }

    /// The text has ended.
    pub fn finish(mut self, text: &mut String) {
        self.give_mark_back(text);
        match &mut self.machine {
            Machine::Utf8(utf8) => utf8.finish(text),
            #[cfg(feature = "charset")]
            Machine::Other(decoder) => run(decoder, &[], true, text),
        }
    }

    /// What looked like a byte order mark was none.
    fn give_mark_back(&mut self, text: &mut String) {
        match std::mem::replace(&mut self.mark, Mark::Done) {
            Mark::Done => {}
            Mark::Strip { have } => {
                let bytes = UTF_8_MARK.get(..have).unwrap_or_default();
                self.machine.decode(bytes, text);
            }
            #[cfg(feature = "charset")]
            Mark::Decide { first } => {
                let first = first.map(|byte| [byte]);
                let bytes = first.as_ref().map_or(&[][..], |byte| &byte[..]);
                self.machine.decode(bytes, text);
            }
        }
    }
}

impl std::fmt::Debug for TextDecoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = match &self.machine {
            Machine::Utf8(_) => "UTF-8",
            #[cfg(feature = "charset")]
            Machine::Other(decoder) => decoder.encoding().name(),
        };
        f.debug_tuple("TextDecoder").field(&name).finish()
    }
}

impl Machine {
    #[cfg(feature = "charset")]
    fn other(encoding: &'static encoding_rs::Encoding) -> Self {
        Self::Other(Box::new(encoding.new_decoder_without_bom_handling()))
    }

    fn decode(&mut self, input: &[u8], text: &mut String) {
        match self {
            Self::Utf8(utf8) => utf8.decode(input, text),
            #[cfg(feature = "charset")]
            Self::Other(decoder) => run(decoder, input, false, text),
        }
    }
}

#[cfg(feature = "charset")]
fn run(decoder: &mut encoding_rs::Decoder, mut input: &[u8], last: bool, text: &mut String) {
    /// Room that is enough for a step forward in any encoding.
    const ROOM: usize = 64;
    loop {
        // Rarely too small: most text grows by half at most.
        text.reserve(input.len() + input.len() / 2 + ROOM);
        let (result, read, _) = decoder.decode_to_string(input, text, last);
        input = input.get(read..).unwrap_or_default();
        if result == encoding_rs::CoderResult::InputEmpty {
            return;
        }
    }
}

/// UTF-8 with at most the first three bytes of a character held back.
#[derive(Default)]
struct Utf8 {
    held: [u8; 4],
    len: usize,
}

impl Utf8 {
    fn decode(&mut self, mut input: &[u8], text: &mut String) {
        while self.len > 0 {
            let [first, rest @ ..] = input else {
                return;
            };
            let Some(slot) = self.held.get_mut(self.len) else {
                return;
            };
            *slot = *first;
            let held = self.held;
            match std::str::from_utf8(held.get(..=self.len).unwrap_or_default()) {
                Ok(whole) => {
                    text.push_str(whole);
                    self.len = 0;
                    input = rest;
                }
                Err(error) if error.error_len().is_none() => {
                    self.len += 1;
                    input = rest;
                }
                // The byte does not go on with what is held, and is looked at by itself.
                Err(_) => {
                    text.push(char::REPLACEMENT_CHARACTER);
                    self.len = 0;
                }
            }
        }
        loop {
            let error = match std::str::from_utf8(input) {
                Ok(valid) => return text.push_str(valid),
                Err(error) => error,
            };
            let (valid, rest) = input.split_at(error.valid_up_to());
            text.push_str(std::str::from_utf8(valid).unwrap_or_default());
            let Some(length) = error.error_len() else {
                let length = rest.len().min(self.held.len());
                self.held[..length].copy_from_slice(&rest[..length]);
                self.len = length;
                return;
            };
            text.push(char::REPLACEMENT_CHARACTER);
            input = rest.get(length..).unwrap_or_default();
        }
    }

    fn finish(&mut self, text: &mut String) {
        if self.len > 0 {
            text.push(char::REPLACEMENT_CHARACTER);
            self.len = 0;
        }
    }
}
