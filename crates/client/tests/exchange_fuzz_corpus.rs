//! The fuzz target of exchanges over its seeds, and over many scenarios made at random, as plain tests.

#[path = "exchange/mod.rs"]
mod target;

#[test]
fn exchange() {
    let folder = format!("{}/fuzz-seeds/exchange", env!("CARGO_MANIFEST_DIR"));
    let mut seeds = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let seed = std::fs::read(entry.unwrap().path()).unwrap();
        target::exchange(&seed);
        // Cut and bent seeds cost nothing more to try; every option is among them.
        for end in 0..seed.len().min(512) {
            target::exchange(&seed[..end]);
            let mut bent = seed.clone();
            bent[end] = bent[end].wrapping_mul(31).wrapping_add(end as u8);
            target::exchange(&bent);
        }
        seeds += 1;
    }
    assert!(seeds > 0, "no seeds");
}

#[test]
fn twenty_thousand_scenarios_at_random() {
    let mut random = Random(1);
    for _ in 0..20_000 {
        target::exchange(&scenario(&mut random));
    }
}

/// SplitMix64: the same scenarios on every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len() as u64) as usize]
    }
}

const URLS: &[&str] = &[
    "http://a.example/one",
    "https://a.example/one",
    "http://a.example:8080/one?x#y",
    "http://b.a.example/",
    "http://u:p@a.example/",
    "/relative",
    "x",
    "//c.example/",
    "http://[::1]/",
    "ftp://a.example/",
    "http://A.EXAMPLE:80/",
    "mailto:x",
];
const LOCATIONS: &[&str] = &[
    "/two",
    "?q",
    "#f",
    "",
    "http://a.example/two",
    "https://a.example/two",
    "https://a.example:443/",
    "http://a.example:8080/",
    "http://b.a.example/",
    "http://b.example/",
    "//b.example/",
    "/\\b.example",
    "///b.example",
    "http://x:y@a.example/",
    "http://x:y@b.example/",
    "https:",
    "http:///p",
    "mailto:x",
    "file:///etc/passwd",
    "javascript:1",
    "ftp://a.example/",
    "http://[::1]/",
    "http://%00/",
    "\u{e9}",
    "http://rewritten.example/",
];
const COOKIES: &[&str] = &[
    "a=b",
    "a=b; Domain=a.example",
    "c=d; Secure",
    "own=other",
    "jar=other",
    "a=; Max-Age=0",
    "__Host-x=y; Path=/; Secure",
    "e=f; Domain=example",
    "g=h; Path=/two",
];
const CHALLENGES: &[&str] = &[
    "Digest realm=r, nonce=n",
    "Digest realm=r, nonce=n, qop=auth, algorithm=SHA-256",
    "Digest realm=r, nonce=m, stale=true",
    "Digest realm=r, nonce=n, qop=auth-int",
    "Digest realm=r",
    "Digest realm=r, nonce=n, domain=\"/two\"",
    "Basic realm=r",
    "Digest realm=r, nonce=n, userhash=true",
];

fn scenario(random: &mut Random) -> Vec<u8> {
    let mut data: Vec<u8> = random.next().to_le_bytes().to_vec();
    // Most are to follow redirects, and to have some to follow.
    if random.below(4) > 0 {
        data[0] = data[0] & !0b1000 | 1;
        data[2] |= 4;
    }
    let mut line = |text: &str| {
        data.extend_from_slice(text.as_bytes());
        data.push(b'\n');
    };
    let mut first = random.one(URLS).to_owned();
    for _ in 0..random.below(3) {
        let at = if random.below(3) == 0 { " @" } else { " " };
        first = first + at + random.one(URLS);
    }
    line(&first);
    for _ in 0..random.below(8) {
        let status = [
            "301", "302", "303", "307", "308", "401", "401", "200", "304", "500",
        ];
        let behind = ["", "", "", " 3", " r", " 9", " 9 r"];
        line(&format!("{}{}", random.one(&status), random.one(&behind)));
        let named = |name: &str, value: &str| format!("{name}: {value}");
        if random.below(4) > 0 {
            line(&named("Location", random.one(LOCATIONS)));
        }
        if random.below(2) == 0 {
            line(&named("WWW-Authenticate", random.one(CHALLENGES)));
        }
        for _ in 0..random.below(3) {
            line(&named("Set-Cookie", random.one(COOKIES)));
        }
        if random.below(6) == 0 {
            let codings = ["gzip", "deflate", "br", "identity", "gzip, gzip", "nothing"];
            line(&named("Content-Encoding", random.one(&codings)));
        }
        line(random.one(&["", "body", "{}", "a body of some length"]));
        line("");
    }
    data
}
