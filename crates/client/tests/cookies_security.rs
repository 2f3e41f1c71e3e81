//! The rows of SECURITY table C, and R8 and R18, on the jar: each test begins with its row.

use nuncio_client::cookies::{
    CookieError, MAX_HEADER, MAX_PER_DOMAIN, MAX_PER_RESPONSE, MAX_TOTAL, Rejected,
    parse_cookie_date,
};
use nuncio_client::{Cookie, CookieJar, Error, Headers, Kind, Url};
use std::time::{Duration, Instant, SystemTime};

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn now() -> SystemTime {
    at(1_800_000_000)
}

/// What one Set-Cookie from `from` is to a new jar.
fn try_set(from: &str, line: &str) -> Result<CookieJar, Rejected> {
    let jar = CookieJar::new();
    jar.store_line(&url(from), line, now()).map(|()| jar)
}

fn sent(jar: &CookieJar, to: &str) -> String {
    jar.header_for(&url(to), now()).unwrap_or_default()
}

#[test]
fn c01_public_suffixes_are_refused_from_below_and_host_only_from_themselves() {
    for (suffix, below) in [
        ("co.uk", "x.co.uk"),
        ("com", "example.com"),
        ("github.io", "me.github.io"),
        ("xn--55qx5d.cn", "x.xn--55qx5d.cn"),
        ("y.kawasaki.jp", "x.y.kawasaki.jp"),
        ("nowhere-such-tld", "a.nowhere-such-tld"),
    ] {
        for dot in ["", "."] {
            let line = format!("a=b; Domain={dot}{suffix}");
            let from = format!("https://{below}/");
            assert_eq!(
                try_set(&from, &line).unwrap_err(),
                Rejected::PublicSuffix,
                "{line}"
            );
            let jar = try_set(&format!("https://{suffix}/"), &line).unwrap();
            assert!(jar.cookies()[0].is_host_only(), "{line}");
            assert_eq!(sent(&jar, &from), "");
            assert_eq!(sent(&jar, &format!("https://{suffix}/")), "a=b");
        }
    }
    // An exception of the list, and names that are no suffixes.
    assert!(
        try_set(
            "https://x.city.kawasaki.jp/",
            "a=b; Domain=city.kawasaki.jp"
        )
        .is_ok()
    );
    assert!(try_set("https://x.y.co.uk/", "a=b; Domain=y.co.uk").is_ok());
    for domain in ["公司.cn", "食狮.公司.cn"] {
        let line = format!("a=b; Domain={domain}");
        for host in ["x.xn--55qx5d.cn", "xn--85x722f.xn--55qx5d.cn"] {
            let refused = try_set(&format!("https://{host}/"), &line).unwrap_err();
            assert_eq!(refused, Rejected::ForeignDomain, "{line}");
        }
    }
}

#[test]
fn c02_case_hides_no_public_suffix() {
    for (from, domain) in [
        ("https://x.co.uk/", "CO.UK"),
        ("https://X.Co.Uk/", "co.uk"),
        ("https://X.Co.Uk/", "Co.uK"),
        ("https://X.XN--55QX5D.CN/", "XN--55qx5d.CN"),
    ] {
        let refused = try_set(from, &format!("a=b; DOMAIN={domain}")).unwrap_err();
        assert_eq!(refused, Rejected::PublicSuffix, "{domain}");
    }
    let jar = try_set("https://A.X.CO.UK/", "a=b; Domain=X.co.UK").unwrap();
    assert_eq!(sent(&jar, "https://b.x.co.uk/"), "a=b");
}

#[test]
fn c03_dots_hide_no_public_suffix() {
    for from in ["https://x.co.uk./", "https://x.co.uk/"] {
        for domain in [
            "co.uk.", "co.uk..", "..co.uk", ".co.uk.", "co..uk", "...", "uk.", "x.co.uk.",
        ] {
            let refused = try_set(from, &format!("a=b; Domain={domain}")).unwrap_err();
            assert_eq!(refused, Rejected::ForeignDomain, "{from} {domain}");
        }
    }
    for domain in ["co.uk", "x.co.uk", "uk"] {
        assert!(try_set("https://x.co.uk./", &format!("a=b; Domain={domain}")).is_err());
    }
    // The same host with a dot is another host.
    let jar = try_set("https://x.co.uk./", "a=b").unwrap();
    assert_eq!(sent(&jar, "https://x.co.uk./"), "a=b");
    assert_eq!(sent(&jar, "https://x.co.uk/"), "");
    assert_eq!(sent(&jar, "https://co.uk./"), "");
    // Hosts that are no names own nothing.
    for host in ["a..b", ".a.b", "a.b.."] {
        assert_eq!(
            try_set(&format!("https://{host}/"), "a=b").unwrap_err(),
            Rejected::NoHost
        );
    }
}

#[test]
fn c04_an_address_is_no_domain() {
    let hosts = ["192.168.0.1", "[::1]", "[2001:db8::1]"];
    for host in hosts {
        let from = format!("http://{host}/");
        for domain in [
            "0.1",
            "168.0.1",
            ".168.0.1",
            "1",
            "92.168.0.1",
            "192.168.0.1.",
            ":1]",
            "1]",
            "::1",
            "db8::1]",
            "2001:db8::1",
        ] {
            let refused = try_set(&from, &format!("a=b; Domain={domain}")).unwrap_err();
            assert_eq!(refused, Rejected::ForeignDomain, "{host} {domain}");
        }
        let jar = try_set(&from, &format!("a=b; Domain={host}")).unwrap();
        assert!(jar.cookies()[0].is_host_only());
        assert_eq!(sent(&jar, &from), "a=b");
        for other in hosts.into_iter().filter(|other| *other != host) {
            assert_eq!(sent(&jar, &format!("http://{other}/")), "");
        }
        assert_eq!(sent(&jar, "http://1.192.168.0.1.example/"), "");
    }
    // The same address in another spelling is the same host.
    let jar = try_set("http://0xC0A80001/", "a=b").unwrap();
    assert_eq!(sent(&jar, "http://192.168.0.1/"), "a=b");
    // A program cannot make an address a domain either.
    for (address, host) in [
        ("192.168.0.1", "192.168.0.1"),
        ("::1", "[::1]"),
        ("[::1]", "[::1]"),
    ] {
        let cookie = Cookie::builder("a", "b").domain(address).build().unwrap();
        assert!(cookie.is_host_only());
        assert_eq!(cookie.domain(), host);
    }
}

#[test]
fn c05_a_domain_ends_at_a_dot() {
    let jar = try_set("https://ample.com/", "a=b; Domain=ample.com").unwrap();
    for (host, gets) in [
        ("ample.com", true),
        ("www.ample.com", true),
        ("a.b.ample.com", true),
        ("example.com", false),
        ("ample.com.evil.com", false),
        ("xample.com", false),
        ("com", false),
        ("ample.com.", false),
    ] {
        assert_eq!(
            !sent(&jar, &format!("https://{host}/")).is_empty(),
            gets,
            "{host}"
        );
        let from = format!("https://{host}/");
        let accepted = try_set(&from, "a=b; Domain=ample.com").is_ok();
        assert_eq!(accepted, gets, "{host}");
    }
}

#[test]
fn c07_cookies_of_a_request_are_sent_with_it_and_not_stored() {
    let jar = CookieJar::new();
    let request = CookieJar::from_pairs([("token", "SECRET")]).unwrap();
    let here = url("https://a.example/");
    let header = jar.header_with(&here, &request, now());
    assert_eq!(header.as_deref(), Some("token=SECRET"));
    assert!(jar.is_empty());
    assert_eq!(jar.header_for(&here, now()), None);
    assert_eq!(jar.header_for(&url("https://b.example/"), now()), None);
}

#[test]
fn c08_no_host_sets_a_cookie_for_another() {
    for domain in [
        "b.example",
        "www.a.example",
        "other.a.example",
        "a.example.b.example",
        "xa.example",
        "localhost",
        "127.0.0.1",
        "a.example/",
        "a.example:443",
        "a example",
        "*",
    ] {
        let refused = try_set("https://a.example/", &format!("a=b; Domain={domain}")).unwrap_err();
        let foreign = matches!(refused, Rejected::ForeignDomain | Rejected::PublicSuffix);
        assert!(foreign, "{domain}: {refused}");
    }
    // The last one counts, wherever the good one stands.
    assert!(
        try_set(
            "https://a.example/",
            "a=b; Domain=a.example; Domain=b.example"
        )
        .is_err()
    );
    assert!(
        try_set(
            "https://a.example/",
            "a=b; Domain=b.example; Domain=a.example"
        )
        .is_ok()
    );
}

#[test]
fn c09_prefixes_keep_their_promise() {
    // Sixteen casings: bit n says whether the n-th letter of a word's first four is a capital.
    let casings = |word: &str| -> Vec<String> {
        let case = |bits: usize| {
            let letters = word.bytes().enumerate().map(|(index, byte)| {
                if index > 1 && bits >> ((index - 2) % 4) & 1 == 1 {
                    byte.to_ascii_uppercase() as char
                } else {
                    byte.to_ascii_lowercase() as char
                }
            });
            letters.collect()
        };
        (0..16).map(case).collect()
    };
    let refused = |from: &str, line: &str, why: Rejected| {
        assert_eq!(try_set(from, line).unwrap_err(), why, "{from} {line}");
    };
    for host in casings("__host-") {
        assert!(try_set("https://a.example/", &format!("{host}a=b; Secure; Path=/")).is_ok());
        let promise = Rejected::Prefix;
        refused("https://a.example/", &format!("{host}a=b; Path=/"), promise);
        refused("https://a.example/", &format!("{host}a=b; Secure"), promise);
        refused(
            "https://a.example/",
            &format!("{host}a=b; Secure; Path=/x"),
            promise,
        );
        refused(
            "https://a.example/",
            &format!("{host}a=b; Secure; Path=/; Path=/x"),
            promise,
        );
        let domain = format!("{host}a=b; Secure; Path=/; Domain=a.example");
        refused("https://a.example/", &domain, promise);
        refused("http://a.example/", &format!("{host}a=b; Path=/"), promise);
        let http = format!("{host}a=b; Secure; Path=/");
        refused("http://a.example/", &http, Rejected::InsecureOrigin);
        refused(
            "https://a.example/",
            &format!("={host}a=b; Secure; Path=/"),
            Rejected::NoName,
        );
        refused(
            "https://a.example/",
            &format!(" = {host}a=b"),
            Rejected::NoName,
        );
        refused(
            "https://a.example/",
            &format!("{host}a; Secure; Path=/"),
            promise,
        );
    }
    for secure in casings("__secure-") {
        assert!(try_set("https://a.example/", &format!("{secure}a=b; Secure")).is_ok());
        refused(
            "https://a.example/",
            &format!("{secure}a=b"),
            Rejected::Prefix,
        );
        refused(
            "http://a.example/",
            &format!("{secure}a=b"),
            Rejected::Prefix,
        );
        refused(
            "https://a.example/",
            &format!("={secure}a=b; Secure"),
            Rejected::NoName,
        );
        refused(
            "https://a.example/",
            &format!("{secure}a; Secure"),
            Rejected::Prefix,
        );
    }
    // Words that only look alike promise nothing.
    for name in ["_Host-a", "__Hosta", "x__Host-a", "__Secure"] {
        assert!(try_set("http://a.example/", &format!("{name}=b")).is_ok());
    }
}

#[test]
fn c10_http_neither_sets_nor_replaces_nor_gets_secure_cookies() {
    assert_eq!(
        try_set("http://a.example/", "a=b; Secure").unwrap_err(),
        Rejected::InsecureOrigin
    );
    let fresh = || try_set("https://www.a.example/x/y", "a=SECRET; Secure; Path=/x").unwrap();
    for line in [
        "a=c; Path=/x",
        "a=c; Path=/",
        "a=c; Path=/x/y/z",
        "a=c",
        "a=c; Path=/x; Domain=a.example",
        "a=c; Path=/x; Domain=www.a.example",
        "a=; Path=/x; Max-Age=0",
        "a; Path=/x",
    ] {
        let jar = fresh();
        let here = url("http://www.a.example/x/y");
        let result = jar.store_line(&here, line, now());
        assert_eq!(result, Err(Rejected::ShadowsSecure), "{line}");
        assert_eq!(sent(&jar, "https://www.a.example/x/y"), "a=SECRET");
        assert_eq!(sent(&jar, "http://www.a.example/x/y"), "");
        // The same from https is its right.
        assert!(
            jar.store_line(&url("https://www.a.example/x/y"), line, now())
                .is_ok()
        );
    }
    let jar = fresh();
    // From the domain above, and for one below.
    let above = jar.store_line(&url("http://a.example/"), "a=c; Domain=a.example", now());
    assert_eq!(above, Err(Rejected::ShadowsSecure));
    let below = jar.store_line(&url("http://b.www.a.example/"), "a=c", now());
    assert_eq!(below, Err(Rejected::ShadowsSecure));
    // Another name, path or host is none of its business.
    for (from, line) in [
        ("http://www.a.example/", "A=c; Path=/x"),
        ("http://www.a.example/", "a=c; Path=/xy"),
        ("http://www.a.example/", "a=c; Path=/other"),
        ("http://b.a.example/", "a=c; Path=/x"),
        ("http://other.example/", "a=c; Path=/x"),
    ] {
        assert_eq!(
            fresh().store_line(&url(from), line, now()),
            Ok(()),
            "{from} {line}"
        );
    }
    for scheme in ["https", "wss"] {
        assert_eq!(
            sent(&fresh(), &format!("{scheme}://www.a.example/x")),
            "a=SECRET"
        );
    }
    for scheme in ["http", "ws", "ftp"] {
        assert_eq!(sent(&fresh(), &format!("{scheme}://www.a.example/x")), "");
    }
}

#[test]
fn c11_a_control_byte_anywhere_drops_the_whole_cookie() {
    let bytes = (0..=8).chain(10..=31).chain([127]);
    for byte in bytes {
        for (before, after) in [
            ("", "a=b"),
            ("a", "a=b"),
            ("a=", ""),
            ("a=b", "c"),
            ("a=b; Path=/", ""),
            ("a=b; Pa", "th=/"),
            ("a=b; HttpOnly", ""),
            ("a=b;", "; Secure"),
        ] {
            let line = [before.as_bytes(), &[byte], after.as_bytes()].concat();
            let jar = CookieJar::new();
            let result = jar.store_line(&url("https://a.example/"), &line, now());
            assert_eq!(
                result,
                Err(Rejected::ControlByte),
                "{byte:#x} {before}|{after}"
            );
            assert!(jar.is_empty());
        }
    }
    // A tab is a blank: trimmed outside, kept inside.
    let jar = try_set("https://a.example/", "\ta\t=\tb\tc\t;\tPath\t=\t/\t").unwrap();
    assert_eq!(sent(&jar, "https://a.example/"), "a=b\tc");
    assert_eq!(
        CookieJar::new().store_line(&url("https://a.example/"), b"a=\xff", now()),
        Err(Rejected::NotText)
    );
}

#[test]
fn c12_no_server_fills_the_jar() {
    let big = |name: usize| {
        let start = format!("n{name}=");
        let fill = "v".repeat(4096 - start.len());
        start + &fill
    };
    assert!(try_set("https://a.example/", &big(0)).is_ok());
    assert_eq!(
        try_set("https://a.example/", &(big(0) + "v")).unwrap_err(),
        Rejected::TooLong
    );

    let jar = CookieJar::new();
    let mut headers = Headers::new();
    for name in 0..1000 {
        headers.append("set-cookie", big(name)).unwrap();
    }
    let here = url("https://a.example/");
    assert_eq!(jar.store(&here, &headers, now()), MAX_PER_RESPONSE);
    assert_eq!(jar.len(), MAX_PER_RESPONSE);
    assert!(jar.header_for(&here, now()).unwrap().len() <= MAX_HEADER);

    let jar = CookieJar::new();
    for name in 0..1000 {
        jar.store_line(&here, big(name), now()).unwrap();
    }
    assert_eq!(jar.len(), MAX_PER_DOMAIN);
    // Of these the least recently used have gone.
    assert_eq!(jar.get("n819").unwrap(), None);
    assert!(jar.get("n820").unwrap().is_some());

    for host in 0..1000 {
        let from = url(&format!("https://h{host}.example/"));
        for name in 0..4 {
            jar.store_line(&from, format!("n{name}=v"), now()).unwrap();
        }
    }
    assert_eq!(jar.len(), MAX_TOTAL);
    assert_eq!(sent(&jar, "https://a.example/"), "");
    assert_eq!(
        sent(&jar, "https://h999.example/"),
        "n0=v; n1=v; n2=v; n3=v"
    );
}

/// A cookie of nothing but attributes takes no more room than one that is all value.
#[test]
fn c12_attributes_do_not_multiply() {
    let taken = |line: &str| {
        let jar = CookieJar::new();
        let here = url("https://a.example/");
        let info = allocation_counter::measure(|| jar.store_line(&here, line, now()).unwrap());
        assert_eq!(jar.len(), 1);
        (info.bytes_current, info.bytes_max)
    };
    for line in [
        ";a".repeat(2046),
        ";a=b".repeat(1023),
        ";Path=/".repeat(584),
        "; ".repeat(2046),
    ] {
        let (kept, peak) = taken(&format!("n={line}"));
        assert!(
            kept < 14_000 && peak < 24_000,
            "{} {kept} {peak}",
            &line[..8]
        );
    }
}

#[test]
fn c12_what_goes_first_is_expired_then_insecure_then_unused() {
    let here = url("https://a.example/");
    let jar = CookieJar::new();
    jar.store_line(&here, "dying=1; Secure; Max-Age=5", now())
        .unwrap();
    jar.store_line(&here, "plain=1; Path=/old", now()).unwrap();
    jar.store_line(&here, "used=1; Path=/used", now()).unwrap();
    for name in 0..MAX_PER_DOMAIN - 3 {
        jar.store_line(&here, format!("s{name}=1; Secure"), now())
            .unwrap();
    }
    let has = |name: &str| jar.get(name).unwrap().is_some();
    // Used since: it is younger than `plain` now, though it is as old.
    assert!(
        jar.header_for(&url("http://a.example/used"), now())
            .is_some()
    );
    assert_eq!(jar.len(), MAX_PER_DOMAIN);
    let later = now() + Duration::from_secs(10);
    for (new, gone) in [
        ("x1", "dying"),
        ("x2", "plain"),
        ("x3", "used"),
        ("x4", "s0"),
    ] {
        assert!(has(gone), "{gone}");
        jar.store_line(&here, format!("{new}=1; Secure"), later)
            .unwrap();
        assert!(!has(gone) && has(new), "{gone}");
        assert_eq!(jar.len(), MAX_PER_DOMAIN);
    }
    // An insecure newcomer pushes out no secure one.
    jar.store_line(&here, "x5=1", later).unwrap();
    assert!(!has("x5") && has("s1"));
}

#[test]
fn c12_a_server_does_not_push_out_what_the_program_set() {
    let jar = CookieJar::new();
    for name in 0..200 {
        jar.set_for("a.example", "/mine", format!("p{name}"), "1")
            .unwrap();
    }
    for name in 0..300 {
        jar.store_line(&url("https://a.example/"), format!("s{name}=1"), now())
            .unwrap();
    }
    assert_eq!(jar.len(), 200 + MAX_PER_DOMAIN);
    assert!(jar.get("p0").unwrap().is_some());
}

#[test]
fn c13_max_age_never_overflows_and_ends_at_400_days() {
    let day = 86_400;
    let long = format!("1{}", "0".repeat(30));
    for (max_age, lives) in [
        (long.as_str(), Some(400 * day)),
        (&format!("-{long}"), Some(0)),
        ("9223372036854775807", Some(400 * day)),
        ("9223372036854775808", Some(400 * day)),
        ("-9223372036854775808", Some(0)),
        ("34560000", Some(400 * day)),
        ("34560001", Some(400 * day)),
        ("-5", Some(0)),
        ("0", Some(0)),
        ("-0", Some(0)),
        ("5", Some(5)),
        // None of these says a number of seconds: the cookie lives as long as the jar.
        ("+5", None),
        ("1e3", None),
        ("", None),
        ("-", None),
        ("--5", None),
        ("5s", None),
        ("1 0", None),
        ("0x10", None),
        ("\"5\"", None),
    ] {
        let jar = try_set("https://a.example/", &format!("a=b; Max-Age={max_age}")).unwrap();
        let cookie = jar.cookies().pop();
        if lives == Some(0) {
            assert_eq!(cookie, None, "{max_age}");
        } else {
            let expires = cookie.unwrap().expires();
            assert_eq!(
                expires,
                lives.map(|s| now() + Duration::from_secs(s)),
                "{max_age}"
            );
        }
    }
    let far = "a=b; Expires=Fri, 31 Dec 9999 23:59:59 GMT";
    let jar = try_set("https://a.example/", far).unwrap();
    let limit = now() + Duration::from_secs(400 * day);
    assert_eq!(jar.cookies()[0].expires(), Some(limit));
    // Clocks at their ends.
    let ends = [
        SystemTime::UNIX_EPOCH - Duration::from_secs(1 << 33),
        SystemTime::UNIX_EPOCH,
        SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 40),
    ];
    for now in ends {
        let jar = CookieJar::new();
        for line in [
            "a=b; Max-Age=99999999999999999999",
            "b=c; Max-Age=-99999999999999999999",
            far,
        ] {
            jar.store_line(&url("https://a.example/"), line, now)
                .unwrap();
        }
        let _ = jar.header_for(&url("https://a.example/"), now);
    }
}

#[test]
fn c14_nothing_makes_a_second_line_of_a_jar_file() {
    let jar = try_set(
        "https://a.example/",
        "a=%0d%0a.evil.example%09TRUE; Path=/%0a",
    )
    .unwrap();
    assert_eq!(jar.get("a").unwrap().unwrap(), "%0d%0a.evil.example%09TRUE");
    let lines = |jar: &CookieJar| {
        let file = jar.to_netscape();
        let is_cookie = |line: &&str| line.starts_with("#HttpOnly_") || !line.starts_with('#');
        file.split(['\n', '\r'])
            .filter(|line| !line.is_empty())
            .filter(is_cookie)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(lines(&jar).len(), 1);
    for inject in [
        "\r\n", "\n", "\r", "\t", "\u{85}", "\u{2028}", "\u{b}", "\u{c}",
    ] {
        let evil = format!("x{inject}.evil.example\tTRUE\t/\tFALSE\t0\tsid\tevil");
        for line in [
            format!("{evil}=b"),
            format!("a={evil}"),
            format!("a=b; Path=/{evil}"),
            format!("a=b; Domain={evil}"),
            format!("a=b; Comment={evil}"),
        ] {
            let jar = CookieJar::new();
            let _ = jar.store_line(&url("https://a.example/"), line, now());
            assert!(lines(&jar).len() <= 1);
            let again = CookieJar::from_netscape(&jar.to_netscape()).unwrap();
            assert!(again.cookies().iter().all(|it| it.domain() == "a.example"));
        }
        assert!(Cookie::builder(evil.clone(), "b").build().is_err());
        assert!(Cookie::builder("a", evil.clone()).build().is_err());
        assert!(
            Cookie::builder("a", "b")
                .domain(evil.clone())
                .build()
                .is_err()
        );
        assert!(
            Cookie::builder("a", "b")
                .path(format!("/{evil}"))
                .build()
                .is_err()
        );
        assert!(Cookie::builder("a", "b").extra("c", evil).build().is_err());
    }
}

#[test]
fn c15_same_site_is_a_whole_word() {
    use nuncio_client::cookies::SameSite;
    for (word, known) in [
        ("Strict", Some(SameSite::Strict)),
        ("sTRICT", Some(SameSite::Strict)),
        ("Lax", Some(SameSite::Lax)),
        ("None", Some(SameSite::None)),
        ("StrictLax", None),
        ("NoneOfYourBusiness", None),
        ("laxative", None),
        ("Strict,Lax", None),
        ("\"Strict\"", None),
        ("", None),
    ] {
        let jar = try_set(
            "https://a.example/",
            &format!("a=b; Secure; SameSite={word}"),
        )
        .unwrap();
        assert_eq!(jar.cookies()[0].same_site(), known, "{word}");
    }
}

#[test]
fn c16_the_builder_lets_nothing_in_that_says_more() {
    let bad = (0..32u8)
        .chain([127, b';'])
        .map(|byte| char::from(byte).to_string())
        .chain(["é".to_owned(), "公".to_owned()]);
    for bad in bad {
        let text = format!("a{bad}b");
        let fails = |cookie: nuncio_client::cookies::CookieBuilder| cookie.build().unwrap_err();
        let name = fails(Cookie::builder(text.clone(), "v"));
        assert_eq!(name, CookieError::InvalidName(text.clone()));
        let value = fails(Cookie::builder("n", text.clone()));
        assert_eq!(value, CookieError::InvalidValue { name: "n".into() });
        let path = fails(Cookie::builder("n", "v").path(format!("/{text}")));
        assert_eq!(path, CookieError::InvalidPath(format!("/{text}")));
        let domain = fails(Cookie::builder("n", "v").domain(text.clone()));
        assert_eq!(domain, CookieError::InvalidDomain(text.clone()));
        let host = fails(Cookie::builder("n", "v").host_only(text.clone()));
        assert_eq!(host, CookieError::InvalidDomain(text.clone()));
        let extra = fails(Cookie::builder("n", "v").extra("x", text.clone()));
        assert_eq!(extra, CookieError::InvalidAttribute("x".into()));
    }
    let jar = CookieJar::new();
    for name in ["", "a=b", " a", "a ", "a\t"] {
        assert!(
            matches!(jar.set(name, "v"), Err(CookieError::InvalidName(_))),
            "{name}"
        );
    }
    for value in [" v", "v ", "a;b"] {
        assert!(
            matches!(jar.set("n", value), Err(CookieError::InvalidValue { .. })),
            "{value}"
        );
    }
    for path in ["", "x", " /"] {
        let result = jar.set_for("a.example", path, "n", "v");
        assert_eq!(result, Err(CookieError::InvalidPath(path.into())));
    }
    for domain in [
        ".",
        "..",
        "a..b",
        "..a.b",
        "a.b.",
        "a b",
        "a/b",
        "a:80",
        "a:",
        "user@a.b",
        "a?b",
        "a#b",
        "a\\b",
        "%61.b",
        "[::1",
        "[::1]:80",
        "1.2.3.4:80",
        "[1.2.3.4]",
        "::1%eth0",
        "::ffff:1.2.3.4:80",
        "::1]",
        "[zz]",
        "1.2.3.4.5",
        "a:b:c",
        "http://a.b",
    ] {
        let result = jar.set_for(domain, "/", "n", "v");
        assert_eq!(result, Err(CookieError::InvalidDomain(domain.into())));
    }
    assert!(jar.is_empty());
    // Several at once: all or none.
    assert!(jar.set_all([("good", "1"), ("bad", "a;b")]).is_err());
    assert!(jar.is_empty());

    let error = Error::from(jar.set("n", "SECRET; Domain=evil").unwrap_err());
    assert_eq!(error.kind(), Kind::Builder);
    assert!(!format!("{error} {error:?}").contains("SECRET"));
    assert!(!error.to_string().contains('\n'));
}

#[test]
fn c17_jars_share_nothing_unless_the_handle_is_cloned() {
    let here = url("https://a.example/");
    let (one, two) = (CookieJar::new(), CookieJar::new());
    one.store_line(&here, "user=1", now()).unwrap();
    assert!(two.is_empty() && !one.is_shared_with(&two));
    let copy = one.duplicate();
    let clone = one.clone();
    assert!(clone.is_shared_with(&one) && !copy.is_shared_with(&one));
    clone.store_line(&here, "user=2", now()).unwrap();
    assert_eq!(one.get("user").unwrap().unwrap(), "2");
    assert_eq!(copy.get("user").unwrap().unwrap(), "1");
    copy.clear();
    assert_eq!(one.len(), 1);
}

#[test]
fn c18_a_path_ends_at_a_slash() {
    for (cookie_path, path, gets) in [
        ("/foo", "/foo", true),
        ("/foo", "/foo/", true),
        ("/foo", "/foo/bar", true),
        ("/foo", "/foobar", false),
        ("/foo", "/Foo", false),
        ("/foo", "/", false),
        ("/foo/", "/foo", false),
        ("/foo/", "/foo/", true),
        ("/foo/", "/foo/bar", true),
        ("/", "/anything", true),
        ("/foo", "/foo%2Fbar", false),
        ("/foo", "/foo?x", true),
        ("/foo", "/foo;x", false),
    ] {
        let jar = try_set("https://a.example/", &format!("a=b; Path={cookie_path}")).unwrap();
        let header = sent(&jar, &format!("https://a.example{path}"));
        assert_eq!(!header.is_empty(), gets, "{cookie_path} {path}");
    }
}

#[test]
fn c18_hostile_dates_take_linear_time() {
    let pieces = [
        "1", "1:", "1:1:", "11:11:1", ":", " ", "a", "Jan", "99999", "1:1:1:", "a ", "1 ",
        "1:1:1 ", "99 ", "May ", ";", "\u{ff}",
    ];
    for piece in pieces {
        let short = piece.repeat(4096 / piece.len());
        let _ = parse_cookie_date(&short);
        assert!(
            grows_linearly(1 << 13, |size| {
                let text = piece.repeat(size / piece.len());
                let start = cpu_time();
                let _ = parse_cookie_date(&text);
                cpu_time() - start
            }),
            "{piece}"
        );
    }
}

#[test]
fn c18_hostile_lines_and_files_take_linear_time() {
    let here = url("https://a.example/");
    // As many lines of the longest kind as fit into the size.
    for piece in [
        ";",
        "=",
        "a=b;",
        " ",
        "Domain=a.example;",
        "Max-Age=1;",
        "Path=/;",
        "x",
    ] {
        assert!(
            grows_linearly(1 << 14, |size| {
                let line = piece.repeat(4096 / piece.len());
                let jar = CookieJar::new();
                let start = cpu_time();
                for _ in 0..size / 4096 {
                    let _ = jar.store_line(&here, &line, now());
                }
                cpu_time() - start
            }),
            "{piece}"
        );
    }
    for line in [
        "a\tTRUE\t/\tFALSE\t0\tn{}\tv\n",
        "h{}.b\tTRUE\t/\tFALSE\t0\tn\tv\n",
        "#\n",
        "\n",
    ] {
        assert!(
            grows_linearly(1 << 14, |size| {
                let text: String = (0..size / line.len())
                    .map(|index| line.replace("{}", &index.to_string()))
                    .collect();
                let start = cpu_time();
                let jar = CookieJar::from_netscape(&text).unwrap();
                let taken = cpu_time() - start;
                drop(jar);
                taken
            }),
            "{line}"
        );
    }
    // A host made of labels: nothing is looked up for each of them.
    let long = format!("https://{}example/", "a.".repeat(20_000));
    assert_eq!(try_set(&long, "a=b").unwrap_err(), Rejected::NoHost);
    let jar = CookieJar::from_pairs([("a", "b")]).unwrap();
    assert_eq!(jar.header_for(&url(&long), now()), None);
}

/// Whether four times the size takes about four times the time; a quadratic one takes sixteen.
fn grows_linearly(small: usize, time: impl Fn(usize) -> Duration) -> bool {
    let (mut once, mut fourfold) = (Duration::MAX, Duration::MAX);
    (0..20).any(|tries| {
        once = once.min(time(small));
        fourfold = fourfold.min(time(small * 4));
        tries > 1 && fourfold <= once * 7
    })
}

/// The time that this thread has had a processor, where the system tells, as others use it too. It is
/// brought up to date when the thread gives way.
fn cpu_time() -> Duration {
    std::thread::yield_now();
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = told.and_then(|text| text.split(' ').next()?.parse().ok());
    nanos.map_or_else(|| START.elapsed(), Duration::from_nanos)
}

static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);

#[test]
fn r08_another_host_gets_what_the_jar_has_for_it() {
    let jar = CookieJar::new();
    jar.store_line(&url("https://a.example/"), "a=SECRET", now())
        .unwrap();
    jar.store_line(&url("https://b.example/"), "b=1", now())
        .unwrap();
    assert_eq!(sent(&jar, "https://b.example/"), "b=1");
    assert_eq!(sent(&jar, "https://a.example.b.example/"), "");
    let header = jar.header_with(&url("https://b.example/"), &CookieJar::new(), now());
    assert_eq!(header.as_deref(), Some("b=1"));
}

#[test]
fn r18_the_url_decides_and_no_host_field() {
    let mut headers = Headers::new();
    headers.append("Host", "victim.example").unwrap();
    headers
        .append("Set-Cookie", "a=b; Domain=victim.example")
        .unwrap();
    headers.append("Set-Cookie", "c=d").unwrap();
    let jar = CookieJar::new();
    assert_eq!(jar.store(&url("https://evil.example/"), &headers, now()), 1);
    assert_eq!(sent(&jar, "https://victim.example/"), "");
    assert_eq!(sent(&jar, "https://evil.example/"), "c=d");
}

#[test]
fn debug_and_errors_hide_values() {
    let jar = CookieJar::from_pairs([("name", "SECRET")]).unwrap();
    jar.store_line(
        &url("https://a.example/x/y"),
        "sid=SECRET; Priority=High",
        now(),
    )
    .unwrap();
    assert_eq!(
        format!("{jar:?}"),
        "CookieJar [<Cookie name=[hidden] for / />, <Cookie sid=[hidden] for a.example/x />]"
    );
    let builder = format!("{:?}", Cookie::builder("n", "SECRET"));
    assert!(!builder.contains("SECRET"), "{builder}");
    let file = "a\tTRUE\t/\tFALSE\tSECRET\tn\tSECRET\n";
    let error = CookieJar::from_netscape(file).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cookie file, line 1: the time is no number"
    );
}
