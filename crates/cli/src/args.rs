//! What the command is told: its options, in the letters of BEHAVIOUR section 29.

use crate::json;
use clap::error::ErrorKind;
use clap::{ArgGroup, CommandFactory, Parser, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

/// An HTTP client for the command line.
#[derive(Debug, Parser)]
#[command(
    name = "nuncio",
    version,
    override_usage = "nuncio [OPTIONS] [METHOD] URL",
    disable_help_flag = true,
    max_term_width = 100,
    after_help = "The exit status is 0 if the response is a success (2xx), 1 if it is not or there \
        is none, and 2 if the command was not understood. A URL that begins with a dash stands \
        behind `--`."
)]
#[command(group(ArgGroup::new("whole").args(["content", "json"]).conflicts_with_all(["data", "files"])))]
pub(crate) struct Args {
    /// The URL, or the method where two are given.
    #[arg(value_name = "URL", hide = true)]
    first: String,

    /// The URL behind a method.
    #[arg(hide = true)]
    second: Option<String>,

    /// The method; default GET, or POST where a body is given.
    #[arg(short, long, value_name = "METHOD")]
    method: Option<String>,

    /// Adds a parameter to the URL's query.
    #[arg(short, long, value_names = ["NAME", "VALUE"], num_args = 2, allow_hyphen_values = true)]
    params: Vec<String>,

    /// Sends a header; a repeated name is sent repeatedly.
    #[arg(short = 'h', long, value_names = ["NAME", "VALUE"], num_args = 2, allow_hyphen_values = true)]
    headers: Vec<String>,

    /// Sends this text as the body.
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    content: Option<String>,

    /// Sends a field of a form as the body; repeat it for more fields.
    #[arg(short, long, value_names = ["NAME", "VALUE"], num_args = 2, allow_hyphen_values = true)]
    data: Vec<String>,

    /// Sends a file as part of a form with files; fields of --data go before it.
    #[arg(short, long, value_names = ["NAME", "FILE"], num_args = 2, allow_hyphen_values = true)]
    files: Vec<String>,

    /// Sends this JSON as the body.
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true, value_parser = compact_json)]
    json: Option<String>,

    /// Sends a cookie, with the first request only if redirects are followed.
    #[arg(long, value_names = ["NAME", "VALUE"], num_args = 2, allow_hyphen_values = true)]
    cookies: Vec<String>,

    /// Sends user and password (Basic); PASSWORD `-` is asked for, or read from standard input.
    #[arg(long, value_names = ["USER", "PASSWORD"], num_args = 2, allow_hyphen_values = true)]
    auth: Vec<String>,

    /// The proxy to go through: http, https, socks5, socks4 or socks4a. Without it, what the environment
    /// says (HTTPS_PROXY, NO_PROXY and the like).
    #[arg(long, value_name = "URL", conflicts_with = "no_proxy")]
    pub(crate) proxy: Option<String>,

    /// Goes through no proxy, whatever the environment says.
    #[arg(long)]
    pub(crate) no_proxy: bool,

    /// Follows redirects, up to 20, and shows the head of each response on the way.
    #[arg(long)]
    pub(crate) follow_redirects: bool,

    /// How long to wait for each of: a connection, a read, a write.
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub(crate) timeout: Duration,

    /// Accepts every certificate: whoever stands between can read and change everything.
    #[arg(long)]
    pub(crate) no_verify: bool,

    /// Offers HTTP/2 to https servers, which pick.
    #[arg(long)]
    pub(crate) http2: bool,

    /// Writes the body of a success to this file instead of showing it; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) download: Option<PathBuf>,

    /// Shows the connection and the request too. Credentials are left out.
    #[arg(short, long)]
    pub(crate) verbose: bool,

    /// What the client runs on.
    #[arg(long, value_enum, default_value = "blocking", value_name = "RUNTIME")]
    pub(crate) runtime: Runtime,

    /// Print help
    #[arg(long, action = clap::ArgAction::HelpShort)]
    help: Option<bool>,
}

/// What the client runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Runtime {
    /// Threads and `std::net`.
    Blocking,
    /// tokio.
    Tokio,
}

/// The body that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    None,
    Text(String),
    Form(Vec<(String, String)>),
    /// Fields, and names with the files that they stand for.
    Files(Vec<(String, String)>, Vec<(String, String)>),
    /// Compact already.
    Json(String),
}

impl Args {
    /// Reads the command line. Help, version and mistakes end the process here: 0, 0 and 2.
    pub(crate) fn read() -> Self {
        let args = Self::parse();
        if args.method.is_some() && args.second.is_some() {
            let text = "the method is given twice: by --method and in front of the URL";
            Self::command()
                .error(ErrorKind::ArgumentConflict, text)
                .exit();
        }
        args
    }

    pub(crate) fn url(&self) -> &str {
        self.second.as_deref().unwrap_or(&self.first)
    }

    /// As given, in upper case; else by whether there is a body.
    pub(crate) fn method(&self) -> String {
        let named = match &self.second {
            Some(_url) => Some(&self.first),
            None => self.method.as_ref(),
        };
        match (named, self.body()) {
            (Some(method), _) => method.to_ascii_uppercase(),
            (None, Body::None) => "GET".to_owned(),
            (None, _) => "POST".to_owned(),
        }
    }

    pub(crate) fn body(&self) -> Body {
        match (&self.content, &self.json) {
            (Some(text), _) => Body::Text(text.clone()),
            (_, Some(json)) => Body::Json(json.clone()),
            _ if !self.files.is_empty() => Body::Files(owned(&self.data), owned(&self.files)),
            _ if !self.data.is_empty() => Body::Form(owned(&self.data)),
            _ => Body::None,
        }
    }

    pub(crate) fn params(&self) -> Vec<(String, String)> {
        owned(&self.params)
    }

    pub(crate) fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        pairs(&self.headers)
    }

    pub(crate) fn cookies(&self) -> impl Iterator<Item = (&str, &str)> {
        pairs(&self.cookies)
    }

    /// User and password. Given twice, the last one counts.
    pub(crate) fn auth(&self) -> Option<(&str, &str)> {
        pairs(&self.auth).last()
    }

    pub(crate) fn downloads_to_stdout(&self) -> bool {
        self.download
            .as_deref()
            .is_some_and(|path| path.as_os_str() == "-")
    }
}

/// clap gives the two values of each use one after the other.
fn pairs(values: &[String]) -> impl Iterator<Item = (&str, &str)> {
    values.chunks_exact(2).filter_map(|pair| match pair {
        [name, value] => Some((name.as_str(), value.as_str())),
        _ => None,
    })
}

fn owned(values: &[String]) -> Vec<(String, String)> {
    pairs(values)
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn compact_json(text: &str) -> Result<String, serde_json::Error> {
    json::check(text)?;
    Ok(json::compact(text))
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    Duration::try_from_secs_f64(number).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<Args, ErrorKind> {
        let words = std::iter::once(&"nuncio").chain(words);
        Args::try_parse_from(words).map_err(|error| error.kind())
    }

    #[test]
    fn the_definition_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn the_method_follows_from_what_is_given() {
        let method = |words: &[&str]| read(words).map(|args| args.method());
        assert_eq!(method(&["http://h/"]).as_deref(), Ok("GET"));
        assert_eq!(method(&["put", "http://h/"]).as_deref(), Ok("PUT"));
        assert_eq!(
            method(&["-m", "delete", "http://h/"]).as_deref(),
            Ok("DELETE")
        );
        for body in [["-c", ""], ["-j", "{}"]] {
            assert_eq!(
                method(&[body[0], body[1], "http://h/"]).as_deref(),
                Ok("POST")
            );
        }
        assert_eq!(
            method(&["-f", "a", "b", "http://h/"]).as_deref(),
            Ok("POST")
        );
        assert_eq!(method(&["-d", "a", "", "http://h/"]).as_deref(), Ok("POST"));
        assert_eq!(
            method(&["-d", "a", "b", "PUT", "http://h/"]).as_deref(),
            Ok("PUT")
        );
    }

    #[test]
    fn values_may_begin_with_a_dash_and_a_url_only_behind_two() {
        let args = read(&["-h", "-a", "-b", "-p", "n", "-1", "-j", "-1", "--", "-x"]).unwrap();
        assert_eq!(args.headers().collect::<Vec<_>>(), [("-a", "-b")]);
        assert_eq!(args.params(), [("n".to_owned(), "-1".to_owned())]);
        assert_eq!(
            (args.body(), args.url()),
            (Body::Json("-1".to_owned()), "-x")
        );
        assert!(read(&["-x"]).is_err());
    }

    #[test]
    fn one_body_at_a_time_and_repeated_fields_are_kept() {
        let form = read(&["-d", "a", "1", "-d", "a", "2", "http://h/"])
            .unwrap()
            .body();
        let field = |value: &str| ("a".to_owned(), value.to_owned());
        assert_eq!(form, Body::Form(vec![field("1"), field("2")]));
        let form = read(&["-f", "f", "-", "-d", "a", "1", "http://h/"]).unwrap();
        let file = ("f".to_owned(), "-".to_owned());
        assert_eq!(form.body(), Body::Files(vec![field("1")], vec![file]));
        for other in [["-j", "1"], ["-c", "x"]] {
            let [option, value] = other;
            assert!(read(&["-f", "f", "x", option, value, "http://h/"]).is_err());
            assert!(read(&["-d", "a", "x", option, value, "http://h/"]).is_err());
        }
        assert!(read(&["-c", "x", "-j", "1", "http://h/"]).is_err());
        assert!(read(&["-d", "only-a-name"]).is_err());
    }

    #[test]
    fn seconds_are_finite_and_not_negative() {
        assert_eq!(seconds("0.25"), Ok(Duration::from_millis(250)));
        for bad in ["-1", "NaN", "inf", "1e300", "soon", ""] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
