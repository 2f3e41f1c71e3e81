//! Why there was no whole response, in one line.

use crate::escape;
use crate::screen::{Screen, Style};
use nuncio::{Error, Kind};
use std::io::{self, Write};

/// What the command ends with in place of a response.
#[derive(Debug)]
pub(crate) struct Failure {
    name: String,
    message: String,
    /// Whoever read our output went away: there is nobody to tell.
    silent: bool,
}

impl Failure {
    pub(crate) fn other(name: &str, message: String) -> Self {
        Failure {
            name: name.to_owned(),
            message,
            silent: false,
        }
    }

    /// Something is added to the message: what became of a file.
    pub(crate) fn and(mut self, more: &str) -> Self {
        self.message.push_str("; ");
        self.message.push_str(more);
        self
    }

    /// Shows it on standard error: `<ErrorName>: <message>`.
    pub(crate) fn report(&self) {
        if self.silent {
            return;
        }
        let screen = Screen::err();
        let name = screen.paint.text(Style::Red, &self.name);
        // If that fails too, the exit status is all that is left to say.
        let _ = screen.show(|out| writeln!(out, "{name}: {}", escape::line(&self.message)));
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure {
            name: name(error.kind()),
            message: error.to_string(),
            silent: false,
        }
    }
}

/// Standard output could not be written.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure {
            name: "OutputError".to_owned(),
            silent: error.kind() == io::ErrorKind::BrokenPipe,
            message: format!("cannot write the output: {error}"),
        }
    }
}

/// The names of BEHAVIOUR section 21 where they are not the kind's own.
fn name(kind: Kind) -> String {
    match kind {
        Kind::Connect => "ConnectError".to_owned(),
        Kind::Read => "ReadError".to_owned(),
        Kind::Write => "WriteError".to_owned(),
        Kind::LocalProtocol => "LocalProtocolError".to_owned(),
        Kind::RemoteProtocol => "RemoteProtocolError".to_owned(),
        Kind::Proxy => "ProxyError".to_owned(),
        Kind::InvalidUrl => "InvalidURL".to_owned(),
        Kind::Decoding => "DecodingError".to_owned(),
        other => format!("{other:?}"),
    }
}
