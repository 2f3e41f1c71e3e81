//! The URL tests of web-platform-tests, every case and every field. The files are not in this
//! repository: `NUNCIO_CORPORA` names the folder that holds them.

use std::path::PathBuf;

use nuncio_url::percent::{self, Set};
use nuncio_url::{Host, ParseError, Url, form};
use serde_json::Value;

/// Reads a file of the corpora, or says that the test is skipped.
fn corpus(file: &str) -> Option<Value> {
    let Some(folder) = std::env::var_os("NUNCIO_CORPORA").filter(|folder| folder != "none") else {
        println!(
            "skipped: {file}: set NUNCIO_CORPORA to a folder whose wpt-url and \
             wpt-url-before-2026-06 hold the JSON files of web-platform-tests/wpt, url/resources \
             (https://github.com/web-platform-tests/wpt)"
        );
        return None;
    };
    let path = PathBuf::from(folder).join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    Some(serde_json::from_str(&scalar_values(&text)).expect("a corpus is JSON"))
}

/// The JSON text with lone surrogates as U+FFFD, which is what becomes of them on their way into the
/// standard's `URL` class (Web IDL's `USVString`).
fn scalar_values(json: &str) -> String {
    let surrogate = |text: &str, range: std::ops::Range<u32>| {
        text.strip_prefix("\\u")
            .and_then(|text| u32::from_str_radix(text.get(..4)?, 16).ok())
            .is_some_and(|unit| range.contains(&unit))
    };
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(escape) = rest.find('\\') {
        let (before, here) = rest.split_at(escape);
        out.push_str(before);
        let is_pair = surrogate(here, 0xD800..0xDC00)
            && here
                .get(6..)
                .is_some_and(|low| surrogate(low, 0xDC00..0xE000));
        let len = match here.as_bytes()[1] {
            b'u' if is_pair => 12,
            b'u' => 6,
            _ => 2,
        };
        let lone = surrogate(here, 0xD800..0xE000) && !is_pair;
        out.push_str(if lone { "\\uFFFD" } else { &here[..len] });
        rest = &here[len..];
    }
    out + rest
}

/// Counts, collects what failed and fails at the end with all of it.
struct Score {
    name: String,
    passed: usize,
    /// Cases that only a build with the feature `idna` can pass.
    left_out: usize,
    failed: Vec<String>,
}

impl Score {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            passed: 0,
            left_out: 0,
            failed: Vec::new(),
        }
    }

    /// Whether `result` is the error that a build without the feature `idna` gives where one with it
    /// would go on; then the case is left out.
    fn leaves_out<T>(&mut self, result: &Result<T, ParseError>) -> bool {
        let left_out = matches!(result, Err(ParseError::IdnaDisabled));
        assert!(!(left_out && cfg!(feature = "idna")));
        self.left_out += usize::from(left_out);
        left_out
    }

    fn case(&mut self, problems: &[String], of: &Value) {
        if problems.is_empty() {
            self.passed += 1;
        } else {
            self.failed.push(format!("{of}: {}", problems.join("; ")));
        }
    }

    fn print(&self) {
        println!(
            "{}: {}/{}",
            self.name,
            self.passed,
            self.passed + self.failed.len()
        );
        if self.left_out > 0 {
            println!(
                "{}: {} more need the feature `idna`",
                self.name, self.left_out
            );
        }
    }

    fn finish(self, least: usize) {
        self.print();
        assert!(self.failed.is_empty(), "{}", self.failed.join("\n"));
        let seen = self.passed + self.left_out;
        assert!(
            seen >= least,
            "{}: the file has fewer cases than it had",
            self.name
        );
    }
}

fn cases(file: &Value) -> impl Iterator<Item = &Value> {
    file.as_array()
        .into_iter()
        .flatten()
        .filter(|case| case.is_object())
}

/// An attribute of the standard's `URL` class.
fn attribute(url: &Url, name: &str) -> String {
    match name {
        "href" => url.as_str().to_owned(),
        "origin" => url.origin().to_string(),
        "protocol" => format!("{}:", url.scheme()),
        "username" => url.raw_username().to_owned(),
        "password" => url.raw_password().to_owned(),
        "host" => url.netloc().to_owned(),
        "hostname" => url.host_str().to_owned(),
        "port" => url.port().map(|port| port.to_string()).unwrap_or_default(),
        "pathname" => url.path().to_owned(),
        "search" => marked('?', url.query()),
        "hash" => marked('#', url.fragment()),
        "searchParams" => form::serialize(form::parse(url.query().unwrap_or_default().as_bytes())),
        other => panic!("no attribute {other}"),
    }
}

fn marked(mark: char, part: Option<&str>) -> String {
    part.filter(|part| !part.is_empty())
        .map(|part| format!("{mark}{part}"))
        .unwrap_or_default()
}

fn differences(url: &Url, expected: &Value) -> Vec<String> {
    let mut problems: Vec<String> = expected
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, value)| {
            !matches!(name.as_str(), "input" | "base" | "failure" | "comment") && !value.is_null()
        })
        .filter_map(|(name, value)| {
            let (value, ours) = (value.as_str().expect("text"), attribute(url, name));
            (ours != value).then(|| format!("{name} is {ours:?}, not {value:?}"))
        })
        .collect();
    if let Err(broken) = url.check_invariants() {
        problems.push(format!("invariant: {broken}"));
    }
    problems
}

fn parse(case: &Value) -> Result<Url, ParseError> {
    let input = case["input"].as_str().expect("text");
    match case["base"].as_str() {
        Some(base) => Url::parse(base)?.join(input),
        None => Url::parse(input),
    }
}

fn parsing(name: &str, file: &Value) -> Score {
    let mut score = Score::new(name);
    for case in cases(file) {
        let result = parse(case);
        if score.leaves_out(&result) {
            continue;
        }
        let problems = match (result, case["failure"] == true) {
            (Err(_), true) => vec![],
            (Ok(url), true) => vec![format!("parsed as {url}")],
            (Err(error), false) => vec![error.to_string()],
            (Ok(url), false) => differences(&url, case),
        };
        score.case(&problems, case);
    }
    score
}

fn setters(name: &str, file: &Value) -> Score {
    let mut score = Score::new(name);
    for (attribute, cases) in file.as_object().expect("an object") {
        for case in cases
            .as_array()
            .into_iter()
            .flatten()
            .filter(|case| case.is_object())
        {
            let value = case["new_value"].as_str().expect("text");
            let mut url = Url::parse(case["href"].as_str().expect("text")).expect("a URL");
            let before = url.clone();
            let result = match attribute.as_str() {
                "href" => url.set_href(value),
                "protocol" => url.set_protocol(value),
                "username" => url.set_username(value),
                "password" => url.set_password(value),
                "host" => url.set_host(value),
                "hostname" => url.set_hostname(value),
                "port" => url.set_port(value),
                "pathname" => url.set_pathname(value),
                "search" => url.set_search(value),
                "hash" => url.set_hash(value),
                other => panic!("no setter {other}"),
            };
            if score.leaves_out(&result) {
                continue;
            }
            let mut problems = differences(&url, &case["expected"]);
            if result.is_err() && attribute != "host" && url != before {
                problems.push("failed and changed the URL".to_owned());
            }
            score.case(&problems, case);
        }
    }
    score
}

/// The data say "unassigned" with Unicode 17. Unicode 18 (September 2026) assigned these code points
/// to the Seal script, so that a build with its tables rightly takes them: such a case must give
/// what one or the other version says.
fn is_of_unicode_18(input: &str) -> bool {
    input.contains(|c| ('\u{3D000}'..='\u{3FC3F}').contains(&c))
}

/// Runs host cases as web-platform-tests does: in a URL, and with the two setters. An empty host
/// cannot be tried in that way; it leaves it out too.
fn hosts(name: &str, file: &Value) -> Score {
    let mut score = Score::new(name);
    for case in cases(file) {
        let input = case["input"].as_str().expect("text");
        let expected = case["output"].as_str();
        if input.is_empty() {
            continue;
        }
        let parsed = Url::parse(&format!("https://{input}/x")).ok();
        let mut problems = Vec::new();
        let expected = match &parsed {
            Some(url) if expected.is_none() && is_of_unicode_18(input) => {
                println!(
                    "{name}: Unicode 18 has a character that the data call unassigned: {case}"
                );
                assert!(is_of_unicode_18(&url.host_unicode()) && url.dialable().is_ok());
                Some(url.host_str())
            }
            _ => expected,
        };
        if parsed.as_ref().map(Url::host_str) != expected {
            problems.push(format!("parsed: {parsed:?}"));
        }
        let setters: [fn(&mut Url, &str) -> _; 2] = [Url::set_host, Url::set_hostname];
        for setter in setters {
            let mut url = Url::parse("https://x/x").expect("a URL");
            let _ = setter(&mut url, input);
            if url.host_str() != expected.unwrap_or("x") {
                problems.push(format!("set: {url}"));
            }
        }
        score.case(&problems, case);
    }
    score
}

#[test]
fn urltestdata() {
    if let Some(file) = corpus("wpt-url/urltestdata.json") {
        parsing("urltestdata.json", &file).finish(891);
    }
}

#[test]
fn urltestdata_of_ada() {
    for name in ["ada_extra_urltestdata.json", "ada_long_urltestdata.json"] {
        if let Some(file) = corpus(&format!("wpt-url/{name}")) {
            parsing(name, &file).finish(1);
        }
    }
}

#[test]
fn setters_tests() {
    if let Some(file) = corpus("wpt-url/setters_tests.json") {
        setters("setters_tests.json", &file).finish(278);
    }
}

#[test]
fn setters_tests_of_ada() {
    if let Some(file) = corpus("wpt-url/ada_extra_setters_tests.json") {
        setters("ada_extra_setters_tests.json", &file).finish(1);
    }
}

#[test]
#[cfg_attr(not(feature = "idna"), ignore = "needs the feature `idna`")]
fn toascii() {
    if let Some(file) = corpus("wpt-url/toascii.json") {
        hosts("toascii.json", &file).finish(87);
    }
}

#[test]
#[cfg_attr(not(feature = "idna"), ignore = "needs the feature `idna`")]
fn idna_test_v2() {
    if let Some(file) = corpus("wpt-url/IdnaTestV2.json") {
        hosts("IdnaTestV2.json", &file).finish(2670);
    }
    if let Some(file) = corpus("wpt-url/IdnaTestV2-removed.json") {
        hosts("IdnaTestV2-removed.json", &file).finish(20);
    }
}

#[test]
fn percent_encoding() {
    let Some(file) = corpus("wpt-url/percent-encoding.json") else {
        return;
    };
    let mut score = Score::new("percent-encoding.json");
    for case in cases(&file) {
        let input = case["input"].as_str().expect("text");
        let mut problems = Vec::new();
        for (label, output) in case["output"].as_object().expect("an object") {
            let encoded = percent::encode_after_encoding(input, Set::SPECIAL_QUERY, encoder(label));
            if encoded != output.as_str().expect("text") {
                problems.push(format!("{label}: {encoded}"));
            }
        }
        let url = Url::parse(&format!("http://h/?{input}#{input}")).expect("a URL");
        let utf8 = case["output"]["utf-8"].as_str();
        if url.query() != utf8 || url.fragment() != utf8 {
            problems.push(format!("parsed: {url}"));
        }
        score.case(&problems, case);
    }
    score.finish(7);
}

/// An encoder of a legacy encoding, as `encode_after_encoding` wants it.
fn encoder<'a>(label: &str) -> impl FnMut(&'a str, &mut Vec<u8>) -> Option<(char, &'a str)> {
    let encoding = encoding_rs::Encoding::for_label(label.as_bytes()).expect("a known encoding");
    let mut encoder = encoding.new_encoder();
    move |text, out| {
        out.reserve(text.len() * 8 + 64);
        let (result, read) = encoder.encode_from_utf8_to_vec_without_replacement(text, out, true);
        match result {
            encoding_rs::EncoderResult::Unmappable(character) => Some((character, &text[read..])),
            _ => None,
        }
    }
}

#[test]
fn urlencoded_parser() {
    let Some(file) = corpus("wpt-url/urlencoded-parser-data.json") else {
        return;
    };
    let mut score = Score::new("urlencoded-parser-data.json");
    for case in cases(&file) {
        let input = case["input"].as_str().expect("text");
        let pairs: Vec<(String, String)> =
            serde_json::from_value(case["output"].clone()).expect("pairs");
        let ours: Vec<_> = form::parse(input.as_bytes())
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        let back: Vec<_> = form::parse(form::serialize(ours.clone()).as_bytes())
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        let problems = if ours == pairs && back == pairs {
            vec![]
        } else {
            vec![format!("{ours:?}")]
        };
        score.case(&problems, case);
    }
    score.finish(35);
}

/// The rule before whatwg/url#914 let ASCII domains fail IDNA. Its data differ from the newest in
/// nothing else: every case that fails here has an ASCII host with an `xn--` label.
#[test]
#[cfg_attr(not(feature = "idna"), ignore = "needs the feature `idna`")]
fn data_before_june_2026_differ_by_whatwg_url_914_only() {
    type Run = fn(&str, &Value) -> Score;
    let runs: [(&str, Run); 4] = [
        ("urltestdata.json", parsing),
        ("setters_tests.json", setters),
        ("toascii.json", hosts),
        ("IdnaTestV2.json", hosts),
    ];
    for (name, run) in runs {
        let Some(file) = corpus(&format!("wpt-url-before-2026-06/{name}")) else {
            return;
        };
        let score = run(&format!("before 2026-06: {name}"), &file);
        score.print();
        for failed in &score.failed {
            let lower = failed.to_lowercase();
            assert!(
                failed.is_ascii() && lower.contains("xn--"),
                "not of #914: {failed}"
            );
        }
    }
}

/// The host that is parsed is the host that everything else sees (SECURITY U11).
#[test]
fn every_view_of_a_host_is_of_one_host() {
    let Some(file) = corpus("wpt-url/urltestdata.json") else {
        return;
    };
    let mut seen = 0;
    for url in cases(&file).filter_map(|case| parse(case).ok()) {
        seen += 1;
        let host = url.host_str();
        assert!(url.netloc().starts_with(host));
        assert_eq!(
            Url::parse(url.as_str()).as_ref().map(Url::host_str),
            Ok(host),
            "{url}"
        );
        match url.host() {
            Host::Domain(text) | Host::Opaque(text) => assert_eq!(text, host),
            Host::Empty => assert_eq!(host, ""),
            Host::Ipv4(_) | Host::Ipv6(_) => assert_eq!(url.host().to_string(), host),
        }
        if let Ok(endpoint) = url.dialable() {
            assert_eq!(Some(endpoint.port), url.port_or_default());
            assert!(endpoint.host == url.host() || matches!(url.host(), Host::Opaque(_)));
        }
    }
    assert!(seen > 600);
}
