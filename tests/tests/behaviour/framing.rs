//! The responses of `crates/http1/tests/messages.txt` (SECURITY table F), each served byte for byte: what
//! the protocol machine makes of them is what comes out of a client, and the next request is right.

#[path = "../../../crates/http1/tests/common/cases.rs"]
#[allow(
    unreachable_pub,
    reason = "in its own crate it is a module of several tests"
)]
mod cases;

use cases::{Case, cases, ended, failed};
use nuncio::{Error, Kind, Processed, Response};
use nuncio_client::Client;
use nuncio_testkit::script::{Script, Step};
use nuncio_tests::adapters::Adapter;
use nuncio_tests::behaviour;
use std::time::{Duration, Instant};

const NEXT: &str = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext";

/// How a case is set up.
#[derive(Default)]
struct Setup {
    asked: Asked,
    config: Config,
    eof: bool,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Asked {
    #[default]
    Get,
    Head,
    Connect,
    Upgrade,
    /// A POST whose body is still being sent.
    Open,
}

#[derive(Default)]
struct Config {
    lenient: bool,
}

impl Config {
    fn lenient(self, lenient: bool) -> Self {
        Config { lenient }
    }
}

/// The cases of plain requests whose response comes to an end, good or bad.
fn plain() -> impl Iterator<Item = Case> {
    let is_plain = |case: &Case| matches!(case.setup.asked, Asked::Get | Asked::Head);
    let all = cases().into_iter().filter(is_plain);
    all.filter(|case| failed(&case.expected) || ended(&case.expected))
}

fn line<'a>(case: &'a Case, begins: &str) -> Option<&'a str> {
    let mut lines = case.expected.iter().rev();
    lines.find_map(|line| line.strip_prefix(begins))
}

/// Whether the connection may be used again.
fn reusable(case: &Case) -> bool {
    line(case, "reuse ready").is_some()
}

/// Serves `answer`, asks for it, looks at the `outcome`, and asks again.
fn serve<A: Adapter>(
    adapter: &A,
    client: &Client<A::Driver>,
    case: &Case,
    answer: Step,
    outcome: impl FnOnce(Result<Response, Error>),
) {
    let name = &case.name;
    let mut first = vec![Step::ExpectHead, answer];
    match (case.setup.eof, reusable(case)) {
        (true, _) => first.push(Step::Close),
        (false, true) => first.extend([Step::ExpectHead, Step::send(NEXT)]),
        (false, false) => first.push(Step::ExpectEof),
    }
    let mut script = Script::new().connection(first);
    if !reusable(case) {
        script = script.connection([Step::ExpectHead, Step::send(NEXT)]);
    }
    let peer = script.start();
    let method = match case.setup.asked {
        Asked::Head => "HEAD",
        _ => "GET",
    };
    let started = Instant::now();
    outcome(adapter.send(client.request(method, peer.url("/"))));
    assert!(started.elapsed() < Duration::from_secs(2), "{name}");
    let next = adapter.send(client.get(peer.url("/next")));
    assert_eq!(next.unwrap().text(), "next", "{name}");
    client.evict_idle();
    let opened = if reusable(case) { 1 } else { 2 };
    assert_eq!(peer.connections(), opened, "{name}");
    assert_eq!(peer.finish().len() as u64, opened, "{name}");
}

/// What has to come of a case.
fn judge(case: &Case, got: Result<Response, Error>) {
    let name = &case.name;
    if failed(&case.expected) {
        let error = got.err().unwrap_or_else(|| panic!("{name}: it passed"));
        assert_eq!(error.kind(), Kind::RemoteProtocol, "{name}: {error}");
        assert_ne!(error.processed(), Processed::No, "{name}");
        let text = error.to_string();
        assert!(!text.contains(|c: char| c.is_control()), "{name}: {text}");
        return;
    }
    let response = got.unwrap_or_else(|error| panic!("{name}: {error}"));
    let head = line(case, "head ").unwrap();
    let shown = format!(" {} ", response.status().as_u16());
    assert!(head.contains(&shown), "{name}: {head}");
    let body = format!("\"{}\"", response.bytes().escape_ascii());
    assert_eq!(line(case, "data ").unwrap_or("\"\""), body, "{name}");
}

behaviour! {
    f01_to_f24_every_message_comes_out_as_the_machine_reads_it,
    f26_every_message_comes_out_the_same_byte_by_byte,
}

fn f01_to_f24_every_message_comes_out_as_the_machine_reads_it<A: Adapter>(adapter: &A) {
    let clients = [false, true].map(|it| adapter.builder().lenient(it).build().unwrap());
    let mut served = 0;
    for case in plain() {
        let client = &clients[usize::from(case.setup.config.lenient)];
        let answer = Step::Send(case.wire.clone());
        serve(adapter, client, &case, answer, |got| judge(&case, got));
        assert_eq!(client.pool().connections, 0, "{}", case.name);
        served += 1;
    }
    assert!(served >= 200, "{served}");
}

fn f26_every_message_comes_out_the_same_byte_by_byte<A: Adapter>(adapter: &A) {
    let clients = [false, true].map(|it| adapter.builder().lenient(it).build().unwrap());
    // What comes behind the end, and later than that, may meet the next request on its way (K1).
    let surplus = |case: &Case| line(case, "surplus").is_some();
    for case in plain().filter(|case| !surplus(case) && case.wire.len() < 500) {
        let client = &clients[usize::from(case.setup.config.lenient)];
        let answer = Step::SendByteByByte(case.wire.clone());
        serve(adapter, client, &case, answer, |got| judge(&case, got));
    }
}
