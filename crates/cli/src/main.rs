//! The command `nuncio`: one HTTP request, its response on the screen or in a file.
//!
//! | file | what is there |
//! |---|---|
//! | `args` | what the command is told |
//! | `exchange` | sending it, on the runtime that was asked for |
//! | `trace`, `output`, `json` | showing what happens, and what comes |
//! | `download` | or writing it to a file |
//! | `secret` | asking for a password |
//! | `screen`, `escape`, `failure` | colours, safety, errors |

#![forbid(unsafe_code)]

mod args;
mod download;
mod escape;
mod exchange;
mod failure;
mod json;
mod output;
mod screen;
mod secret;
mod trace;

use args::Args;
use download::Target;
use failure::Failure;
use screen::Screen;
use std::process::ExitCode;

fn main() -> ExitCode {
    match run(&Args::read()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            failure.report();
            ExitCode::FAILURE
        }
    }
}

/// True when the response was a success.
fn run(args: &Args) -> Result<bool, Failure> {
    let to_stdout = args.downloads_to_stdout();
    // Where the body goes to standard output as it is, nothing else may.
    let screen = if to_stdout {
        Screen::err()
    } else {
        Screen::out()
    };
    let target = match &args.download {
        Some(path) if !to_stdout => Some(Target::new(path)?),
        _ => None,
    };

    let mut response = exchange::send(args, screen)?;
    let success = response.head().status().is_success();

    match target {
        // An error page is not what was to be kept.
        Some(target) if success => target.fill(&mut response)?,
        None if success && to_stdout => download::to_stdout(&mut response)?,
        _ => {
            let mut shown = output::Shown::new(screen, response.head());
            let read = loop {
                match response.chunk() {
                    Ok(Some(chunk)) => shown.piece(chunk)?,
                    Ok(None) => break Ok(()),
                    Err(error) => break Err(error),
                }
            };
            shown.end()?;
            read?;
        }
    }
    Ok(success)
}
