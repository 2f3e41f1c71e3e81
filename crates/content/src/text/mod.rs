//! Text: which charset, decoding piece by piece, and cutting into lines, events and chunks.

mod charset;
mod chunks;
mod events;
mod json;
mod json_lines;
#[cfg(feature = "charset")]
mod labels;
mod lines;
mod meta;
mod text_decoder;

pub use charset::{Charset, Fallback, LookAtBody, UnknownCharset};
pub use chunks::{ByteChunker, TextChunker};
pub use events::{Event, EventParser};
pub use json::{InvalidJsonText, JsonEncoding, json_text};
pub use json_lines::JsonLines;
pub use lines::{DEFAULT_MAX_LINE, LineSplitter, TooLong};
pub use meta::{META_LOOK_UP, meta_charset};
pub use text_decoder::TextDecoder;
