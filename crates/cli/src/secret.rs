//! A password that is not on the command line, where others could read it.

use crate::escape;
use crate::failure::Failure;
use console::Term;
use std::io::{self, BufRead, IsTerminal, Read, Write};

/// Longer than any password, in bytes.
const LIMIT: u64 = 64 * 1024;

/// The password as `given`, or for `-` as the terminal says it, unseen; without a terminal it is the
/// first line of standard input.
pub(crate) fn password(user: &str, given: &str) -> Result<String, Failure> {
    if given != "-" {
        return Ok(given.to_owned());
    }
    ask(user).map_err(|error| {
        let text = format!("no password could be read: {error}");
        Failure::other("InputError", text)
    })
}

fn ask(user: &str) -> io::Result<String> {
    let input = io::stdin();
    let mut line = String::new();
    if input.is_terminal() {
        let mut term = Term::stderr();
        if !term.is_term() {
            let text = "standard error is no terminal, where it could be asked for";
            return Err(io::Error::other(text));
        }
        write!(term, "Password for '{}': ", escape::line(user))?;
        return term.read_secure_line();
    }
    let length = input.lock().take(LIMIT).read_line(&mut line)?;
    if length == 0 {
        return Err(io::Error::other("standard input is empty"));
    }
    let end = line.trim_end_matches(['\r', '\n']).len();
    line.truncate(end);
    Ok(line)
}
