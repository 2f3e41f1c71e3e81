//! Content-Disposition (RFC 6266).

use super::file_name::safe_file_name;
use super::lexer::{Lexer, text};
use super::parameters::Parameters;
use crate::Headers;

/// How a body wants to be presented.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ContentDisposition {
    /// `attachment`, `inline` or another type, in lower case. All but `inline` mean attachment.
    pub disposition: String,
    /// Everything behind it, `filename` as the server wrote it included.
    pub parameters: Parameters,
}

impl Headers {
    /// The first Content-Disposition; `None` when there is none or it has no type.
    pub fn content_disposition(&self) -> Option<ContentDisposition> {
        let mut lexer = Lexer::new(self.first("content-disposition")?);
        let disposition = text(lexer.token()).to_ascii_lowercase();
        lexer.skip_spaces();
        if disposition.is_empty() || !matches!(lexer.peek(), None | Some(b';')) {
            return None;
        }
        let parameters = Parameters::parse(&mut lexer);
        Some(ContentDisposition {
            disposition,
            parameters,
        })
    }
}

impl ContentDisposition {
    /// The name that the server proposes, `filename*` before `filename`, made safe by
    /// [`safe_file_name`].
    pub fn file_name(&self) -> Option<String> {
        safe_file_name(&self.parameters.extended("filename")?)
    }
}
