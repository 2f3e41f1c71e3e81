//! Where the command shows things: which stream, with colours or without.

use std::io::{self, IsTerminal, Write};

/// Standard output or standard error, as what is shown there should look.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Screen {
    stream: Stream,
    pub(crate) paint: Paint,
}

#[derive(Clone, Copy, Debug)]
enum Stream {
    Out,
    Err,
}

impl Screen {
    pub(crate) fn out() -> Self {
        let paint = Paint::on(io::stdout().is_terminal());
        Screen {
            stream: Stream::Out,
            paint,
        }
    }

    pub(crate) fn err() -> Self {
        let paint = Paint::on(io::stderr().is_terminal());
        Screen {
            stream: Stream::Err,
            paint,
        }
    }

    /// Shows what `write` writes, at once. What a peer sent has to be escaped before.
    pub(crate) fn show(
        self,
        write: impl FnOnce(&mut io::BufWriter<&mut dyn Write>) -> io::Result<()>,
    ) -> io::Result<()> {
        let (mut out, mut err);
        let stream: &mut dyn Write = match self.stream {
            Stream::Out => {
                out = io::stdout().lock();
                &mut out
            }
            Stream::Err => {
                err = io::stderr().lock();
                &mut err
            }
        };
        let mut buffered = io::BufWriter::new(stream);
        write(&mut buffered)?;
        buffered.flush()?;
        buffered
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?
            .flush()
    }
}

/// Colours, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    None,
    Ansi,
}

/// What a piece of text is: version, status and names in JSON are blue, names of headers and reasons
/// cyan, strings yellow, errors red.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    Blue,
    Cyan,
    Yellow,
    Red,
}

impl Paint {
    /// Colours are for terminals, and only where they are not refused (no-color.org).
    fn on(terminal: bool) -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        if terminal && !refused {
            Paint::Ansi
        } else {
            Paint::None
        }
    }

    pub(crate) fn text(self, style: Style, text: &str) -> String {
        let code = match (self, style) {
            (Paint::None, _) | (_, Style::Plain) => return text.to_owned(),
            (_, Style::Red) => 31,
            (_, Style::Yellow) => 33,
            (_, Style::Blue) => 34,
            (_, Style::Cyan) => 36,
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}
