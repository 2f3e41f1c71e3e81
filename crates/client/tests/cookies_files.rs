//! Jars as files: the Netscape format and serde.

use nuncio_client::cookies::{CookieError, CookieJar};
use nuncio_client::{Cookie, Url};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::time::{Duration, SystemTime};

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn now() -> SystemTime {
    at(1_800_000_000)
}

/// Few and close to each other, so that a flag or a dot that is lost shows.
const HOSTS: [&str; 9] = [
    "example.com",
    "www.example.com",
    "a.www.example.com",
    "ample.com",
    "example.com.",
    "localhost",
    "192.168.0.1",
    "[::1]",
    "xn--bcher-kva.example",
];
const PATHS: [&str; 6] = ["/", "/x", "/x/", "/x/y", "/xy", "/a;b"];

/// Something that puts a cookie into a jar, by a server or by the program.
#[derive(Clone, Debug)]
enum Put {
    Line {
        host: usize,
        path: usize,
        secure: bool,
        line: String,
    },
    Own {
        domain: usize,
        host_only: bool,
        path: usize,
        secure: bool,
        name: String,
        value: String,
        lives: Option<u64>,
    },
}

fn puts() -> impl Strategy<Value = Vec<Put>> {
    let name =
        prop_oneof![3 => "[abc]", 1 => "[!-:<>-~\u{e9}\u{6625}]{1,3}", 1 => "[#$a][\\-_A-Z]{0,4}"];
    let value =
        prop_oneof![2 => "[a-z0-9]{0,3}", 1 => "[!-:<-~\u{e9}\u{6625}][ -:<-~]{0,4}[!-:<-~]"];
    let domain = prop_oneof![
        3 => Just(String::new()),
        1 => Just("; Domain=example.com".to_owned()),
        1 => Just("; Domain=www.example.com".to_owned()),
        1 => Just("; Domain=ample.com".to_owned()),
    ];
    let path = prop_oneof![2 => Just(None), 1 => (0..PATHS.len()).prop_map(Some)];
    let life = prop_oneof![2 => Just(None), 2 => (0..50_u64).prop_map(Some), 1 => (0..u64::MAX).prop_map(Some)];
    let flags = (any::<bool>(), any::<bool>());
    let line = (
        name,
        prop::option::weighted(0.9, value),
        domain,
        path,
        life.clone(),
        flags,
    );
    let line = line.prop_map(|(name, value, domain, path, life, (secure, http_only))| {
        let mut line = name;
        if let Some(value) = value {
            line = line + "=" + &value;
        }
        line += &domain;
        if let Some(path) = path {
            line = line + "; Path=" + PATHS[path];
        }
        if let Some(life) = life {
            line += &format!("; Max-Age={life}");
        }
        line + if secure { "; Secure" } else { "" } + if http_only { "; HttpOnly" } else { "" }
    });
    let received = (0..HOSTS.len(), 0..PATHS.len(), any::<bool>(), line).prop_map(
        |(host, path, secure, line)| Put::Line {
            host,
            path,
            secure,
            line,
        },
    );
    let own = (
        0..=HOSTS.len(),
        any::<bool>(),
        0..PATHS.len() - 1,
        any::<bool>(),
        "[abc]",
        "[a-z0-9\"%= ]{0,3}",
        prop::option::of(0..3_600_000_000_u64),
    );
    let own = own.prop_map(
        |(domain, host_only, path, secure, name, value, lives)| Put::Own {
            domain,
            host_only,
            path,
            secure,
            name,
            value: value.trim().to_owned(),
            lives,
        },
    );
    prop::collection::vec(prop_oneof![3 => received, 1 => own], 0..16)
}

fn jar_of(puts: &[Put]) -> CookieJar {
    let jar = CookieJar::new();
    for put in puts {
        match put {
            Put::Line {
                host,
                path,
                secure,
                line,
            } => {
                let scheme = if *secure { "https" } else { "http" };
                let from = url(&format!("{scheme}://{}{}", HOSTS[*host], PATHS[*path]));
                let _ = jar.store_line(&from, line, now());
            }
            Put::Own {
                domain,
                host_only,
                path,
                secure,
                name,
                value,
                lives,
            } => {
                let mut cookie = Cookie::builder(name, value)
                    .path(PATHS[*path])
                    .secure(*secure);
                if let Some(domain) = HOSTS.get(*domain) {
                    cookie = match host_only {
                        true => cookie.host_only(*domain),
                        false => cookie.domain(domain.trim_end_matches('.')),
                    };
                }
                if let Some(seconds) = lives {
                    cookie = cookie.expires(at(*seconds));
                }
                jar.insert(cookie.build().unwrap());
            }
        }
    }
    jar
}

/// The headers of every request that could tell two jars apart, now and later.
fn matches(jar: &CookieJar, urls: &[Url]) -> Vec<Option<String>> {
    let times = [now(), now() + Duration::from_secs(25), at(1)];
    let requests = times
        .iter()
        .flat_map(|time| urls.iter().map(move |url| (url, *time)));
    requests
        .map(|(url, time)| jar.header_for(url, time))
        .collect()
}

fn urls() -> Vec<Url> {
    let mut urls = Vec::new();
    for host in HOSTS.iter().chain(&["example.org", "x.localhost"]) {
        for path in PATHS {
            for scheme in ["http", "https"] {
                urls.push(url(&format!("{scheme}://{host}{path}")));
            }
        }
    }
    urls
}

/// How many random jars: `NUNCIO_JARS`, 100,000 in an optimised build, else 500.
fn jars() -> u32 {
    let given = std::env::var("NUNCIO_JARS")
        .ok()
        .and_then(|text| text.parse().ok());
    given.unwrap_or(if cfg!(debug_assertions) { 500 } else { 100_000 })
}

#[test]
fn c06_what_is_saved_and_loaded_matches_as_before() {
    let urls = urls();
    let mut runner = TestRunner::new(Config {
        cases: jars(),
        failure_persistence: None,
        ..Config::default()
    });
    let sizes = std::cell::Cell::new([0_u64; 4]);
    runner
        .run(&puts(), |puts| {
            let jar = jar_of(&puts);
            let file = jar.to_netscape();
            let again = CookieJar::from_netscape(&file).unwrap();
            prop_assert_eq!(again.len(), jar.len());
            let before = matches(&jar, &urls);
            let differs = before
                .iter()
                .zip(&matches(&again, &urls))
                .any(|(a, b)| a != b);
            prop_assert!(!differs, "{}", file);
            // Once more nothing changes at all.
            prop_assert_eq!(again.to_netscape(), file);
            let mut counted = sizes.get();
            for cookie in jar.cookies() {
                counted[0] += 1;
                counted[1] += u64::from(cookie.is_host_only());
                counted[2] += u64::from(cookie.expires().is_some());
            }
            counted[3] += before.iter().flatten().count() as u64;
            sizes.set(counted);
            Ok(())
        })
        .unwrap();
    let [cookies, host_only, persistent, headers] = sizes.get();
    println!(
        "{} jars, {cookies} cookies ({host_only} host-only, {persistent} with a date), {headers} headers",
        jars()
    );
    assert!(host_only > 0 && persistent > 0 && headers > cookies);
}

#[test]
fn c06_the_host_only_flag_stands_in_the_file() {
    let jar = CookieJar::new();
    let from = url("https://www.example.com/");
    jar.store_line(&from, "host=1; Path=/", now()).unwrap();
    jar.store_line(
        &from,
        "domain=2; Path=/; Domain=example.com; Secure; HttpOnly; Max-Age=60",
        now(),
    )
    .unwrap();
    jar.store_line(&from, "bare; Path=/p", now()).unwrap();
    jar.set("every", "").unwrap();
    let file = jar.to_netscape();
    let lines: Vec<&str> = file.lines().filter(|line| line.contains('\t')).collect();
    assert_eq!(file.lines().next(), Some("# Netscape HTTP Cookie File"));
    assert_eq!(
        lines,
        [
            "www.example.com\tFALSE\t/\tFALSE\t0\thost\t1",
            "#HttpOnly_.example.com\tTRUE\t/\tTRUE\t1800000060\tdomain\t2",
            "www.example.com\tFALSE\t/p\tFALSE\t0\t\tbare",
            "\tFALSE\t/\tFALSE\t0\tevery\t",
        ]
    );
    let again = CookieJar::from_netscape(&file).unwrap();
    assert_eq!(again.cookies(), jar.cookies());
    assert_eq!(
        again
            .header_for(&url("http://a.www.example.com/"), now())
            .as_deref(),
        Some("every=")
    );
}

#[test]
fn files_of_other_programs_are_read() {
    let curl = "# Netscape HTTP Cookie File\n# https://curl.se/docs/http-cookies.html\n\n\
        #HttpOnly_.example.com\tTRUE\t/\tTRUE\t1900000000\tsid\t31d4\n\
        www.example.com\tFALSE\t/\tFALSE\t0\ta\tb\n";
    let python = "# Netscape HTTP Cookie File\n# This is a generated file!  Do not edit.\n\n\
        .example.com\tTRUE\t/\tTRUE\t1900000000\tsid\t31d4\n\
        www.example.com\tFALSE\t/\tFALSE\t\ta\tb\n";
    let dos = curl.replace('\n', "\r\n");
    for file in [curl, python, &dos, &format!("{curl}\t\n\n# end")] {
        let jar = CookieJar::from_netscape(file).unwrap();
        let header = jar.header_for(&url("https://www.example.com/"), now());
        assert_eq!(header.as_deref(), Some("sid=31d4; a=b"), "{file}");
        assert_eq!(
            jar.header_for(&url("https://x.example.com/"), now())
                .as_deref(),
            Some("sid=31d4")
        );
        assert_eq!(
            jar.header_for(&url("https://x.example.com/"), at(1_900_000_000)),
            None
        );
    }
    for (line, expected) in [
        ("a.example\tTRUE\t/\tFALSE\t0\tn\tv", "n=v"),
        ("a.example\ttrue\t/\tfalse\t\tn\tv", "n=v"),
        (".A.example\tTRUE\t/\tFALSE\t0\tn\tv", "n=v"),
        (".a.example\tFALSE\t/\tFALSE\t0\tn\tv", "n=v"),
        ("a.example\tTRUE\t/\tFALSE\t0\tn", "n="),
        ("a.example\tTRUE\t/\tFALSE\t0\tn\t", "n="),
        ("a.example\tTRUE\t/\tFALSE\t0\t\tn", "n"),
        (
            "a.example\tTRUE\t/\tFALSE\t99999999999999999999\tn\tv",
            "n=v",
        ),
        ("a.example\tTRUE\t/\tFALSE\t-99999999999999999999\tn\tv", ""),
        ("a.example\tTRUE\t/\tFALSE\t1\tn\tv", ""),
        (
            "a.example\tTRUE\t/\tFALSE\t0\tn\t1\na.example\tTRUE\t/\tFALSE\t0\tn\t2",
            "n=2",
        ),
    ] {
        let jar = CookieJar::from_netscape(line).unwrap();
        let header = jar.header_for(&url("http://a.example/"), now());
        assert_eq!(header.unwrap_or_default(), expected, "{line}");
    }
}

#[test]
fn a_line_that_is_no_cookie_is_named_and_its_value_is_not() {
    for (line, problem) in [
        ("SECRET", "fewer than six fields"),
        ("a.b\tTRUE\t/\tFALSE\t0", "fewer than six fields"),
        ("a.b TRUE / FALSE 0 n SECRET", "fewer than six fields"),
        (
            "a.b\tTRUE\t/\tFALSE\t0\tn\tSECRET\tx",
            "more than seven fields",
        ),
        (
            "a.b\tYES\t/\tFALSE\t0\tn\tSECRET",
            "the second field is neither TRUE nor FALSE",
        ),
        (
            "a.b\tTRUE\t/\t\t0\tn\tSECRET",
            "the fourth field is neither TRUE nor FALSE",
        ),
        ("a b\tTRUE\t/\tFALSE\t0\tn\tSECRET", "the domain is none"),
        ("..a.b\tTRUE\t/\tFALSE\t0\tn\tSECRET", "the domain is none"),
        ("a.b:80\tTRUE\t/\tFALSE\t0\tn\tSECRET", "the domain is none"),
        ("a.b\tTRUE\t\tFALSE\t0\tn\tSECRET", "the path is none"),
        ("a.b\tTRUE\tx\tFALSE\t0\tn\tSECRET", "the path is none"),
        (
            "a.b\tTRUE\t/\tFALSE\tsoon\tn\tSECRET",
            "the time is no number",
        ),
        ("a.b\tTRUE\t/\tFALSE\t-\tn\tSECRET", "the time is no number"),
        (
            "a.b\tTRUE\t/\tFALSE\t1e9\tn\tSECRET",
            "the time is no number",
        ),
        ("a.b\tTRUE\t/\tFALSE\t0\tn=\tSECRET", "the name is none"),
        ("a.b\tTRUE\t/\tFALSE\t0\t\t", "the name is none"),
        ("a.b\tTRUE\t/\tFALSE\t0\tn\tSECRET;x", "the value is none"),
        (
            "a.b\tTRUE\t/\tFALSE\t0\tn\tSECRET\u{0}",
            "the value is none",
        ),
        ("a.b\tTRUE\t/\tFALSE\t0\tn\t SECRET", "the value is none"),
        ("#HttpOnly_x", "fewer than six fields"),
    ] {
        let file = format!("# Netscape HTTP Cookie File\n{line}\nignored\n");
        let error = CookieJar::from_netscape(&file).unwrap_err();
        assert_eq!(error, CookieError::File { line: 2, problem }, "{line}");
        assert!(!error.to_string().contains("SECRET"));
    }
}

#[test]
fn c14_a_cookie_with_a_tab_is_left_out_of_the_file() {
    let jar = CookieJar::new();
    let from = url("https://a.example/");
    for line in ["a=b\tc", "a\tb=c", "c=d; Path=/x\ty", "good=1"] {
        jar.store_line(&from, line, now()).unwrap();
    }
    assert_eq!(jar.len(), 4);
    let again = CookieJar::from_netscape(&jar.to_netscape()).unwrap();
    assert_eq!(again.len(), 1);
    assert_eq!(again.get("good").unwrap().as_deref(), Some("1"));
}

#[test]
fn a_loaded_jar_may_be_over_the_limits_and_the_next_response_brings_it_back() {
    let file: String = (0..5000)
        .map(|n| format!("h{n}.example\tTRUE\t/\tFALSE\t0\tn\tv\n"))
        .collect();
    let jar = CookieJar::from_netscape(&file).unwrap();
    assert_eq!(jar.len(), 5000);
    jar.store_line(&url("https://new.example/"), "a=b", now())
        .unwrap();
    assert_eq!(jar.len(), nuncio_client::cookies::MAX_TOTAL);
    assert!(
        jar.header_for(&url("https://new.example/"), now())
            .is_some()
    );
    assert!(
        jar.header_for(&url("https://h4999.example/"), now())
            .is_some()
    );
    assert!(jar.header_for(&url("https://h0.example/"), now()).is_none());
}

#[cfg(feature = "serde")]
mod serde {
    use super::*;
    use nuncio_client::cookies::SameSite;

    #[test]
    fn a_jar_is_a_list_of_maps_and_nothing_is_lost() {
        let jar = CookieJar::new();
        let from = url("https://www.example.com/");
        let line = "a=b\tc; Path=/x\ty; Domain=example.com; Secure; HttpOnly; SameSite=Lax; Max-Age=60; Priority=High; P";
        jar.store_line(&from, line, now()).unwrap();
        jar.store_line(&from, "bare", now()).unwrap();
        jar.set("every", "1").unwrap();
        let text = serde_json::to_string(&jar).unwrap();
        let again: CookieJar = serde_json::from_str(&text).unwrap();
        assert_eq!(again.cookies(), jar.cookies());
        assert_eq!(again.cookies()[0].same_site(), Some(SameSite::Lax));
        assert_eq!(
            serde_json::to_value(&jar.cookies()[1]).unwrap(),
            serde_json::json!({
                "name": "bare", "value": null, "domain": "www.example.com", "host_only": true, "path": "/",
                "secure": false, "http_only": false, "same_site": null, "expires": null, "extras": [],
            })
        );
        let short: Cookie = serde_json::from_str(r#"{"name": "n", "value": "v"}"#).unwrap();
        assert_eq!(short, Cookie::builder("n", "v").build().unwrap());
    }

    #[test]
    fn c14_what_is_read_is_checked() {
        for (field, value) in [
            ("name", "\"a=b\""),
            ("name", "\"\""),
            ("name", "\"a\\r\\nb\""),
            ("value", "\"SECRET; x\""),
            ("value", "\"SECRET\\n\""),
            ("domain", "\"a b\""),
            ("domain", "\"a.b\\tTRUE\""),
            ("path", "\"x\""),
            ("path", "\"/\\n\""),
            ("extras", r#"[["a;b", ""]]"#),
            ("extras", r#"[["a", "b;c"]]"#),
            ("same_site", "\"StrictLax\""),
        ] {
            let mut map: serde_json::Map<_, _> =
                serde_json::from_str(r#"{"name": "n", "value": "v"}"#).unwrap();
            map.insert(field.to_owned(), serde_json::from_str(value).unwrap());
            let result = serde_json::from_value::<Cookie>(map.into());
            let error = result.unwrap_err().to_string();
            assert!(!error.contains("SECRET"), "{field} {value}: {error}");
        }
    }

    #[test]
    fn c06_serde_is_the_identity() {
        let cases = jars() / 10;
        let mut runner = TestRunner::new(Config {
            cases,
            failure_persistence: None,
            ..Config::default()
        });
        runner
            .run(&puts(), |puts| {
                let jar = jar_of(&puts);
                let text = serde_json::to_string(&jar).unwrap();
                let again: CookieJar = serde_json::from_str(&text).unwrap();
                prop_assert_eq!(again.cookies(), jar.cookies());
                Ok(())
            })
            .unwrap();
    }
}
