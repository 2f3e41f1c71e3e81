//! The cases of `messages.txt`.

use super::{Asked, Setup};

pub struct Case {
    pub name: String,
    pub setup: Setup,
    pub wire: Vec<u8>,
    pub expected: Vec<String>,
}

pub fn cases() -> Vec<Case> {
    include_str!("../messages.txt")
        .split("\n== ")
        .skip(1)
        .map(|text| {
            let (heading, rest) = text.split_once('\n').unwrap();
            let (name, words) = match heading.rsplit_once(" : ") {
                Some((name, words)) => (name, words),
                None => (heading, ""),
            };
            let mut setup = Setup::default();
            for word in words.split_whitespace() {
                match word {
                    "HEAD" => setup.asked = Asked::Head,
                    "CONNECT" => setup.asked = Asked::Connect,
                    "UPGRADE" => setup.asked = Asked::Upgrade,
                    "OPEN" => setup.asked = Asked::Open,
                    "lenient" => setup.config = setup.config.lenient(true),
                    "eof" => setup.eof = true,
                    word => panic!("{name}: {word}?"),
                }
            }
            let (wire, expected) = format!("\n{rest}\n")
                .split_once("\n--\n")
                .map(|(wire, expected)| (wire.to_owned(), expected.to_owned()))
                .unwrap_or_else(|| panic!("{name}: no --"));
            Case {
                name: name.to_owned(),
                setup,
                wire: unescape(&wire.replace('\n', "")),
                expected: expected
                    .lines()
                    .filter(|line| !line.is_empty())
                    .map(str::to_owned)
                    .collect(),
            }
        })
        .collect()
}

fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'\\' => match bytes.next() {
                Some(b'r') => b'\r',
                Some(b'n') => b'\n',
                Some(b't') => b'\t',
                Some(b'0') => 0,
                Some(b'\\') => b'\\',
                Some(b'x') => {
                    let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                    u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
                }
                other => panic!("escape {other:?}"),
            },
            byte => byte,
        });
    }
    out
}

pub fn failed(events: &[String]) -> bool {
    events.iter().any(|event| event.starts_with("error"))
}

pub fn ended(events: &[String]) -> bool {
    events.iter().any(|event| event.starts_with("end"))
}
