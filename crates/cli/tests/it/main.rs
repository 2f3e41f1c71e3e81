//! The command as it is built, against servers of the testkit.

mod download;
mod output;
mod proxy;
mod request;
mod status;

use nuncio_testkit::server::{Reply, Server};
use std::ffi::OsStr;
use std::process::{Command, Stdio};

/// Every runtime that the command can be told to use.
const RUNTIMES: [&str; 2] = ["blocking", "tokio"];

/// What a run of the command left behind.
struct Run {
    status: i32,
    out: Vec<u8>,
    err: String,
}

impl Run {
    fn out(&self) -> &str {
        std::str::from_utf8(&self.out).expect("UTF-8")
    }

    /// The one line of standard error.
    fn error(&self) -> &str {
        let line = self.err.strip_suffix('\n').expect("a line");
        assert!(!line.contains('\n'), "one line: {line}");
        line
    }
}

fn command(args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nuncio"));
    command.args(args).stdin(Stdio::null());
    // Of the environment only what a test sets.
    for (name, _) in std::env::vars_os() {
        let upper = name.to_string_lossy().to_uppercase();
        if upper.ends_with("_PROXY") || upper.starts_with("SSL_CERT_") {
            command.env_remove(name);
        }
    }
    command
}

fn nuncio(args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Run {
    let output = command(args).output().expect("the command runs");
    Run {
        status: output.status.code().expect("it ends by itself"),
        out: output.stdout,
        err: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

/// The same run on every runtime, which has to come out the same.
fn on_all(args: &[&str], check: impl Fn(&Run)) {
    for runtime in RUNTIMES {
        check(&nuncio(args.iter().chain(&["--runtime", runtime])));
    }
}

/// A server whose `/hello` is `hello, hello`, coded.
fn deflating() -> Server {
    let coded = b"\x78\xda\xcb\x48\xcd\xc9\xc9\xd7\x51\xc8\x00\x51\x00\x1c\xda\x04\x75";
    let reply = Reply::new(200)
        .header("Content-Type", "text/plain")
        .header("Content-Encoding", "deflate")
        .body(coded.to_vec());
    Server::builder()
        .route("/hello", move |_, _| reply.clone())
        .start()
}
