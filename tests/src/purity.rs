//! What a crate's sources may not do, by how low it stands.

use std::fmt;

use crate::source::{self, Facts};

/// The crates below the adapters: they are handed bytes and times, and hand out bytes and deadlines.
pub const PROTOCOL: [&str; 8] = [
    "crates/url",
    "crates/headers",
    "crates/multipart",
    "crates/content",
    "crates/http1",
    "crates/http2",
    "crates/connection",
    "crates/client",
];

/// A kind of thing that may not stand in a source file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rule {
    /// Reads a clock.
    Clock,
    /// Sleeps, or starts a thread.
    Thread,
    /// Opens a socket.
    Socket,
    /// Uses more of a runtime than its I/O traits.
    Runtime,
    /// Reads the environment or a file, or runs a program.
    System,
    /// Panics on purpose or for lack of care.
    Panic,
    /// Takes back Rust's guarantees.
    Unsafe,
}

/// Paths that break a rule wherever the segments stand in a row.
const PATHS: &[(Rule, &[&str])] = &[
    (Rule::Clock, &["Instant", "now"]),
    (Rule::Clock, &["SystemTime", "now"]),
    (Rule::Thread, &["thread", "sleep"]),
    (Rule::Thread, &["thread", "spawn"]),
    (Rule::Thread, &["thread", "scope"]),
    (Rule::Thread, &["thread", "Builder"]),
    (Rule::Thread, &["thread", "park"]),
    (Rule::Socket, &["TcpStream"]),
    (Rule::Socket, &["TcpListener"]),
    (Rule::Socket, &["UdpSocket"]),
    (Rule::Socket, &["UnixStream"]),
    (Rule::Socket, &["UnixListener"]),
    (Rule::Socket, &["UnixDatagram"]),
    (Rule::Socket, &["ToSocketAddrs"]),
    (Rule::System, &["std", "fs"]),
    (Rule::System, &["std", "env"]),
    (Rule::System, &["std", "process"]),
    (Rule::System, &["env", "var"]),
    (Rule::System, &["env", "var_os"]),
    (Rule::System, &["env", "vars"]),
    (Rule::System, &["File", "open"]),
];

const METHODS: [&str; 2] = ["unwrap", "expect"];
const MACROS: [&str; 3] = ["panic", "todo", "unimplemented"];

/// One place that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The file, from the workspace's root.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// What it breaks.
    pub rule: Rule,
    /// What stands there.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}: {:?}: {}",
            self.path, self.line, self.rule, self.what
        )
    }
}

/// Checks one file by its path from the workspace's root. In [`PROTOCOL`] every rule holds; elsewhere
/// under `crates/` only [`Rule::Unsafe`] does.
///
/// # Errors
///
/// Says where the text is not Rust.
pub fn check(path: &str, text: &str) -> Result<Vec<Violation>, String> {
    let facts = source::read(text).map_err(|error| format!("{path}: {error}"))?;
    Ok(check_facts(path, &facts))
}

/// [`check`] of a file that was read already.
pub fn check_facts(path: &str, facts: &Facts) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut add = |line: usize, rule, what: String| {
        found.push(Violation {
            path: path.to_owned(),
            line,
            rule,
            what,
        });
    };
    if path.starts_with("crates/") {
        for line in &facts.unsafes {
            add(*line, Rule::Unsafe, "unsafe".to_owned());
        }
    }
    let protocol = |crate_path| {
        path.strip_prefix(crate_path)
            .is_some_and(|p| p.starts_with('/'))
    };
    if PROTOCOL.into_iter().any(protocol) {
        for (line, segments) in &facts.paths {
            if let Some(rule) = broken_by(segments) {
                add(*line, rule, segments.join("::"));
            }
        }
        for (line, name) in facts
            .methods
            .iter()
            .filter(|(_, name)| METHODS.contains(&&name[..]))
        {
            add(*line, Rule::Panic, format!(".{name}()"));
        }
        for (line, name) in facts
            .macros
            .iter()
            .filter(|(_, name)| MACROS.contains(&&name[..]))
        {
            add(*line, Rule::Panic, format!("{name}!"));
        }
    }
    found.sort_by_key(|violation| violation.line);
    found
}

fn broken_by(segments: &[String]) -> Option<Rule> {
    let known = PATHS.iter().find(|(_, pattern)| {
        segments
            .windows(pattern.len())
            .any(|window| window == *pattern)
    });
    // Of tokio only the I/O traits; `tokio` alone, as in `use tokio;`, leads anywhere.
    let runtime = match segments {
        [first, rest @ ..] if first == "tokio" => rest.first().is_none_or(|next| next != "io"),
        _ => false,
    };
    known
        .map(|(rule, _)| *rule)
        .or(runtime.then_some(Rule::Runtime))
}
