//! BEHAVIOUR section 6 on the jar, each test by its section.

use nuncio_client::cookies::{CookieError, Rejected};
use nuncio_client::{Cookie, CookieJar, Error, Headers, Kind, Url};
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, SystemTime};

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn after(seconds: u64) -> SystemTime {
    now() + Duration::from_secs(seconds)
}

/// A jar after one response with these Set-Cookie fields.
fn received(from: &str, lines: &[&str]) -> CookieJar {
    let jar = CookieJar::new();
    receive(&jar, from, lines);
    jar
}

fn receive(jar: &CookieJar, from: &str, lines: &[&str]) -> usize {
    let mut headers = Headers::new();
    for line in lines {
        headers.append("Set-Cookie", line.as_bytes()).unwrap();
    }
    jar.store(&url(from), &headers, now())
}

fn sent(jar: &CookieJar, to: &str) -> String {
    jar.header_for(&url(to), now()).unwrap_or_default()
}

#[test]
fn b06_1_set_get_delete_clear_len() {
    let jar = CookieJar::new();
    assert!(jar.is_empty() && jar.cookies().is_empty());
    jar.set("a", "1").unwrap();
    jar.set_for("example.com", "/x", "b", "2").unwrap();
    assert_eq!((jar.len(), jar.is_empty()), (2, false));
    assert_eq!(jar.get("a").unwrap().as_deref(), Some("1"));
    assert_eq!(jar.get("A").unwrap(), None);
    jar.set("a", "3").unwrap();
    assert_eq!(
        (jar.get("a").unwrap().as_deref(), jar.len()),
        (Some("3"), 2)
    );
    let names: Vec<String> = jar
        .cookies()
        .iter()
        .map(|it| it.name().to_owned())
        .collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!((jar.delete("a"), jar.delete("a")), (1, 0));
    jar.clear();
    assert!(jar.is_empty() && jar.cookies().is_empty());
}

#[test]
fn b06_1_the_key_is_domain_path_and_name() {
    let jar = CookieJar::new();
    for (domain, path) in [
        ("", "/"),
        ("a.example", "/"),
        ("a.example", "/x"),
        ("b.example", "/"),
    ] {
        jar.set_for(domain, path, "n", format!("{domain}{path}"))
            .unwrap();
    }
    assert_eq!(jar.len(), 4);
    let conflict = CookieError::Conflict {
        name: "n".into(),
        count: 4,
    };
    assert_eq!(jar.get("n"), Err(conflict.clone()));
    assert_eq!(conflict.to_string(), "4 cookies exist with the name \"n\"");
    assert_eq!(Error::from(conflict).kind(), Kind::CookieConflict);
    let get = |domain, path| jar.get_in("n", domain, path);
    assert_eq!(get(Some(""), None).unwrap().unwrap(), "/");
    assert_eq!(
        get(Some("a.example"), Some("/x")).unwrap().unwrap(),
        "a.example/x"
    );
    assert_eq!(
        get(Some(".B.example"), None).unwrap().unwrap(),
        "b.example/"
    );
    assert_eq!(get(None, Some("/x")).unwrap().unwrap(), "a.example/x");
    assert_eq!(get(Some("c.example"), None).unwrap(), None);
    assert!(matches!(
        get(Some("a.example"), None),
        Err(CookieError::Conflict { count: 2, .. })
    ));
    assert!(matches!(
        get(None, Some("/")),
        Err(CookieError::Conflict { count: 3, .. })
    ));
}

#[test]
fn b06_1_delete_removes_every_match_and_clear_a_domain() {
    let fill = || {
        let jar = CookieJar::new();
        for (domain, path) in [
            ("", "/"),
            ("a.example", "/"),
            ("a.example", "/x"),
            ("b.example", "/"),
        ] {
            jar.set_for(domain, path, "n", "1").unwrap();
        }
        jar.set_for("a.example", "/x", "other", "1").unwrap();
        jar
    };
    assert_eq!(fill().delete("n"), 4);
    assert_eq!(fill().delete_in("n", Some("a.example"), None), 2);
    assert_eq!(fill().delete_in("n", None, Some("/")), 3);
    assert_eq!(fill().delete_in("n", Some(""), Some("/")), 1);
    assert_eq!(fill().delete_in("n", Some("absent.example"), Some("/")), 0);
    assert_eq!(fill().clear_domain("a.example", None), 3);
    assert_eq!(fill().clear_domain("a.example", Some("/x")), 2);
    assert_eq!(fill().clear_domain("absent.example", None), 0);
    let jar = fill();
    assert_eq!(jar.clear_domain("", None), 1);
    assert_eq!(jar.len(), 4);
}

#[test]
fn b06_1_a_jar_is_made_of_pairs_of_maps_and_of_other_jars() {
    let array = CookieJar::from_pairs([("a", "1"), ("b", "2"), ("a", "3")]).unwrap();
    assert_eq!(sent(&array, "http://h.example/"), "a=3; b=2");
    let map: BTreeMap<String, String> = [("a".to_owned(), "1".to_owned())].into();
    assert_eq!(CookieJar::from_pairs(&map).unwrap().len(), 1);
    assert_eq!(CookieJar::from_pairs(map).unwrap().len(), 1);
    let map: HashMap<&str, String> = [("a", "1".to_owned())].into();
    assert_eq!(CookieJar::from_pairs(map).unwrap().len(), 1);

    let jar = CookieJar::from_pairs([("b", "old"), ("c", "3")]).unwrap();
    jar.extend(array.cookies());
    assert_eq!(sent(&jar, "http://h.example/"), "b=2; c=3; a=3");
    jar.extend(jar.cookies());
    assert_eq!(jar.len(), 3);
    let collected: CookieJar = jar.cookies().into_iter().collect();
    assert_eq!(collected.cookies(), jar.cookies());
}

#[test]
fn b06_1_a_jar_is_safe_to_share_between_threads() {
    let jar = CookieJar::new();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let jar = jar.clone();
            scope.spawn(move || {
                let here = url(&format!("https://h{thread}.example/"));
                for name in 0..50 {
                    jar.store_line(&here, format!("n{name}=v"), now()).unwrap();
                    assert!(jar.header_for(&here, now()).is_some());
                }
            });
        }
    });
    assert_eq!(jar.len(), 200);
}

#[test]
fn b06_2_no_domain_is_every_host() {
    let jar = CookieJar::from_pairs([("a", "1")]).unwrap();
    for to in [
        "http://a.example/",
        "https://b.c.d/x/y",
        "http://127.0.0.1:8080/",
        "http://[::1]/",
        "ws://localhost/",
    ] {
        assert_eq!(sent(&jar, to), "a=1", "{to}");
    }
    assert_eq!(jar.cookies()[0].domain(), "");
}

#[test]
fn b06_2_a_domain_is_itself_and_its_subdomains_with_a_dot_or_without() {
    for domain in ["example.com", ".example.com", "EXAMPLE.com"] {
        let jar = CookieJar::new();
        jar.set_for(domain, "/", "a", "1").unwrap();
        assert_eq!(sent(&jar, "http://example.com/"), "a=1");
        assert_eq!(sent(&jar, "http://x.y.example.com/"), "a=1");
        assert_eq!(sent(&jar, "http://example.org/"), "");
        assert_eq!(jar.cookies()[0].domain(), "example.com");
    }
    let host = Cookie::builder("a", "1")
        .host_only("example.com")
        .path("/x")
        .secure(true);
    let jar: CookieJar = [host.build().unwrap()].into_iter().collect();
    assert_eq!(sent(&jar, "https://example.com/x"), "a=1");
    for to in [
        "http://example.com/x",
        "https://example.com/",
        "https://x.example.com/x",
    ] {
        assert_eq!(sent(&jar, to), "", "{to}");
    }
}

#[test]
fn b06_2_a_cookie_of_the_program_is_renewed_by_the_server_of_its_domain() {
    let jar = CookieJar::new();
    jar.set_for("example.com", "/", "session", "old").unwrap();
    receive(&jar, "http://example.com/", &["session=new; Path=/"]);
    assert_eq!(sent(&jar, "http://example.com/"), "session=new");
    receive(
        &jar,
        "http://example.com/",
        &["session=; Path=/; Max-Age=0"],
    );
    assert!(jar.is_empty());
}

#[test]
fn b06_3_name_and_value_are_split_at_the_first_equals_sign() {
    for (line, name, value) in [
        ("a=b", "a", Some("b")),
        (" a = b ", "a", Some("b")),
        ("a=b=c", "a", Some("b=c")),
        ("a==", "a", Some("=")),
        ("a=", "a", Some("")),
        ("a", "a", None),
        ("a;", "a", None),
        ("a; x=y", "a", None),
        ("a=\"b c\"", "a", Some("\"b c\"")),
        ("a=\"b;c\"", "a", Some("\"b")),
        ("a=b, c=d", "a", Some("b, c=d")),
        ("a b=c", "a b", Some("c")),
        ("\"a\"=b", "\"a\"", Some("b")),
        ("a=\u{6625}", "a", Some("\u{6625}")),
        ("a=b;;; ;", "a", Some("b")),
    ] {
        let jar = CookieJar::new();
        jar.store_line(&url("http://h.example/"), line, now())
            .unwrap();
        let cookies = jar.cookies();
        assert_eq!(
            (cookies[0].name(), cookies[0].value()),
            (name, value),
            "{line}"
        );
    }
    for line in ["", "=", "=b", " =b", ";", "; a=b", "   ", "=; Path=/"] {
        let jar = CookieJar::new();
        let result = jar.store_line(&url("http://h.example/"), line, now());
        assert_eq!(result, Err(Rejected::NoName), "{line}");
    }
    // Without a `=` only the name is sent, and that is the same cookie as one with a value.
    let jar = received("http://h.example/", &["a", "b=", "c=d"]);
    assert_eq!(sent(&jar, "http://h.example/"), "a; b=; c=d");
    assert_eq!(jar.get("a").unwrap().as_deref(), Some(""));
    receive(&jar, "http://h.example/", &["a=1"]);
    assert_eq!(sent(&jar, "http://h.example/"), "a=1; b=; c=d");
}

#[test]
fn b06_3_each_field_is_one_cookie() {
    let jar = CookieJar::new();
    let count = receive(
        &jar,
        "http://h.example/",
        &["a=1", "=bad", "b=2", "c=3; Domain=com"],
    );
    assert_eq!(count, 2);
    assert_eq!(sent(&jar, "http://h.example/"), "a=1; b=2");
}

#[test]
fn b06_3_the_default_path_is_the_folder() {
    for (from, path) in [
        ("http://h.example", "/"),
        ("http://h.example/", "/"),
        ("http://h.example/x", "/"),
        ("http://h.example/x/", "/x"),
        ("http://h.example/x/y", "/x"),
        ("http://h.example/x/y/", "/x/y"),
        ("http://h.example//", "/"),
        ("http://h.example/x//y", "/x/"),
        ("http://h.example/x/y?a=/b/c#/d/e", "/x"),
        ("http://h.example/%C3%A9/b c/d", "/%C3%A9/b%20c"),
        ("http://h.example/a;b/c", "/a;b"),
    ] {
        for line in [
            "a=b",
            "a=b; Path",
            "a=b; Path=",
            "a=b; Path=x",
            "a=b; Path=\"/q\"",
            "a=b; Path=/q; Path=",
        ] {
            assert_eq!(
                received(from, &[line]).cookies()[0].path(),
                path,
                "{from} {line}"
            );
        }
    }
}

#[test]
fn b06_3_a_path_need_not_be_above_the_request() {
    let jar = received("http://h.example/a/b", &["n=v; Path=/other"]);
    assert_eq!(sent(&jar, "http://h.example/other/x"), "n=v");
    assert_eq!(sent(&jar, "http://h.example/a/b"), "");
    // The last one counts; one that is too long is none.
    let jar = received("http://h.example/", &["n=v; Path=/x; PATH = /y"]);
    assert_eq!(jar.cookies()[0].path(), "/y");
    let long = format!("n=v; Path=/x; Path=/{}", "y".repeat(1024));
    assert_eq!(
        received("http://h.example/", &[&long]).cookies()[0].path(),
        "/x"
    );
}

#[test]
fn b06_3_without_a_domain_a_cookie_stays_with_its_host() {
    for line in [
        "a=b",
        "a=b; Domain",
        "a=b; Domain=",
        "a=b; Domain=.",
        "a=b; Domain=h.example; Domain=",
    ] {
        let jar = received("http://h.example/", &[line]);
        assert!(jar.cookies()[0].is_host_only(), "{line}");
        assert_eq!(sent(&jar, "http://h.example/"), "a=b");
        assert_eq!(sent(&jar, "http://x.h.example/"), "");
    }
}

#[test]
fn b06_3_a_domain_covers_its_subdomains() {
    for domain in ["h.example", ".h.example", "H.Example"] {
        let jar = received("http://x.h.example/", &[&format!("a=b; Domain={domain}")]);
        for (to, expected) in [
            ("http://h.example/", "a=b"),
            ("http://x.h.example/", "a=b"),
            ("http://y.z.h.example/", "a=b"),
            ("http://example/", ""),
            ("http://xh.example/", ""),
        ] {
            assert_eq!(sent(&jar, to), expected, "{domain} {to}");
        }
    }
}

#[test]
fn b06_3_one_for_the_host_and_one_for_the_domain_are_two() {
    let jar = received("http://h.example/", &["a=1", "a=2; Domain=h.example"]);
    assert_eq!(sent(&jar, "http://h.example/"), "a=1; a=2");
    assert_eq!(sent(&jar, "http://x.h.example/"), "a=2");
    receive(&jar, "http://h.example/", &["a=3; Domain=.h.example"]);
    assert_eq!(sent(&jar, "http://h.example/"), "a=1; a=3");
    receive(&jar, "http://h.example/", &["a=; Max-Age=0"]);
    assert_eq!(sent(&jar, "http://h.example/"), "a=3");
}

#[test]
fn b06_3_dotless_hosts_work() {
    for host in ["localhost", "intranet", "localhost:8080"] {
        let from = format!("http://{host}/");
        let jar = received(
            &from,
            &["a=b", "c=d; Domain=localhost", "e=f; Domain=.intranet"],
        );
        let header = sent(&jar, &from);
        assert!(header == "a=b; c=d" || header == "a=b; e=f", "{header}");
        assert_eq!(sent(&jar, "http://x.localhost/"), "");
    }
}

#[test]
fn b06_3_max_age_wins_over_expires() {
    let past = "Expires=Thu, 01 Jan 1970 00:00:00 GMT";
    let future = "Expires=Fri, 01 Jan 2027 00:00:00 GMT";
    for line in [
        format!("a=b; Max-Age=5; {past}"),
        format!("a=b; {past}; Max-Age=5"),
    ] {
        let jar = received("http://h.example/", &[&line]);
        assert_eq!(jar.cookies()[0].expires(), Some(after(5)), "{line}");
    }
    for line in [
        format!("a=b; Max-Age=0; {future}"),
        format!("a=b; {future}; max-age=-1"),
    ] {
        assert!(received("http://h.example/", &[&line]).is_empty(), "{line}");
    }
    // Of two that can be read the last counts; what cannot be read is not there.
    let jar = received(
        "http://h.example/",
        &["a=b; Max-Age=5; Max-Age=7; Max-Age=x"],
    );
    assert_eq!(jar.cookies()[0].expires(), Some(after(7)));
}

#[test]
fn b06_3_max_age_that_cannot_be_read_leaves_a_session_cookie() {
    // httpx drops the cookie; RFC 6265bis ignores the attribute.
    let jar = received("http://h.example/", &["a=b; Max-Age=soon"]);
    assert_eq!(jar.cookies()[0].expires(), None);
    let jar = received(
        "http://h.example/",
        &["a=b; Max-Age=soon; Expires=Fri, 15 Jan 2027 08:00:05 GMT"],
    );
    assert_eq!(jar.cookies()[0].expires(), Some(after(5)));
}

#[test]
fn b06_3_expires_in_the_past_deletes_and_unreadable_is_a_session() {
    let jar = received("http://h.example/", &["a=1", "b=2"]);
    receive(
        &jar,
        "http://h.example/",
        &["a=; Expires=Thu, 01-Jan-70 00:00:01 GMT"],
    );
    assert_eq!(sent(&jar, "http://h.example/"), "b=2");
    for date in ["never", "", "Fri, 32 Jan 2027 00:00:00 GMT", "2027"] {
        let jar = received("http://h.example/", &[&format!("a=b; Expires={date}")]);
        assert_eq!(jar.cookies()[0].expires(), None, "{date}");
    }
    // Deleting what is not there, or elsewhere, does nothing.
    let jar = received("http://h.example/", &["a=1; Path=/x"]);
    receive(
        &jar,
        "http://h.example/",
        &["a=; Max-Age=0", "a=; Max-Age=0; Domain=h.example; Path=/x"],
    );
    receive(&jar, "http://other.example/", &["a=; Max-Age=0; Path=/x"]);
    assert_eq!(jar.len(), 1);
}

#[test]
fn b06_3_a_cookie_is_sent_until_its_last_second() {
    let jar = received("http://h.example/", &["a=b; Max-Age=10"]);
    let to = url("http://h.example/");
    assert!(jar.header_for(&to, after(9)).is_some());
    assert_eq!(jar.header_for(&to, after(10)), None);
    assert_eq!(
        (
            jar.len(),
            jar.remove_expired(after(9)),
            jar.remove_expired(after(10))
        ),
        (1, 0, 1)
    );
    assert!(jar.is_empty());
    // A clock between two seconds takes nothing from it.
    let half = now() + Duration::from_millis(500);
    jar.store_line(&to, "a=b; Max-Age=1", half).unwrap();
    assert!(
        jar.header_for(&to, half + Duration::from_millis(999))
            .is_some()
    );
}

#[test]
fn b06_3_other_attributes_are_kept_and_not_enforced() {
    let line = "a=b; HttpOnly; SameSite=Strict; Partitioned; Priority = High; Version=1; =x; Secur";
    let jar = received("https://h.example/", &[line]);
    let cookie = &jar.cookies()[0];
    assert!(cookie.is_http_only() && !cookie.is_secure());
    let extras: Vec<_> = cookie.extras().collect();
    assert_eq!(
        extras,
        [
            ("Partitioned", ""),
            ("Priority", "High"),
            ("Version", "1"),
            ("Secur", "")
        ]
    );
    assert_eq!(sent(&jar, "http://h.example/"), "a=b");
    // Not even this pair, which browsers refuse.
    assert_eq!(
        received("http://h.example/", &["a=b; SameSite=None"]).len(),
        1
    );
}

#[test]
fn b06_3_flags_are_there_whatever_their_value() {
    for flag in ["Secure", "secure=", "SECURE=no", " Secure = 0 "] {
        let jar = received(
            "https://h.example/",
            &[&format!("a=b;{flag}; httponly=false")],
        );
        assert!(
            jar.cookies()[0].is_secure() && jar.cookies()[0].is_http_only(),
            "{flag}"
        );
    }
    for no_flag in ["Secure2", "\"Secure\"", "Secure Secure", "xSecure"] {
        let jar = received("https://h.example/", &[&format!("a=b; {no_flag}")]);
        assert!(!jar.cookies()[0].is_secure(), "{no_flag}");
    }
}

#[test]
fn b06_3_the_port_does_not_matter() {
    let jar = received("http://h.example:8080/", &["a=b; Port=\"80\""]);
    assert_eq!(sent(&jar, "http://h.example/"), "a=b");
    assert_eq!(sent(&jar, "http://h.example:1/"), "a=b");
}

#[test]
fn b06_3_fields_are_applied_in_their_order() {
    let jar = received("http://h.example/", &["a=1", "a=; Max-Age=0"]);
    assert!(jar.is_empty());
    let jar = received("http://h.example/", &["a=; Max-Age=0", "a=1"]);
    assert_eq!(sent(&jar, "http://h.example/"), "a=1");
    let jar = received(
        "http://h.example/",
        &["a=1", "a=2", "a=; Max-Age=0", "a=3", "a=4"],
    );
    assert_eq!(sent(&jar, "http://h.example/"), "a=4");
}

#[test]
fn b06_4_the_longest_path_comes_first_then_the_oldest() {
    let lines = [
        "c=3; Path=/",
        "a=1; Path=/x",
        "b=2; Path=/x/y",
        "d=4; Path=/",
        "e=5; Path=/x",
    ];
    let jar = received("http://h.example/", &lines);
    assert_eq!(
        sent(&jar, "http://h.example/x/y"),
        "b=2; a=1; e=5; c=3; d=4"
    );
    assert_eq!(sent(&jar, "http://h.example/"), "c=3; d=4");
    // A new value keeps the place of the old one; after a deletion it is new.
    receive(&jar, "http://h.example/", &["c=6; Path=/"]);
    assert_eq!(sent(&jar, "http://h.example/"), "c=6; d=4");
    receive(
        &jar,
        "http://h.example/",
        &["c=; Path=/; Max-Age=0", "c=7; Path=/"],
    );
    assert_eq!(sent(&jar, "http://h.example/"), "d=4; c=7");
    // Across domains it is the order of time too.
    let jar = received(
        "http://x.h.example/",
        &["a=1; Domain=h.example", "b=2", "c=3; Domain=h.example"],
    );
    jar.set("d", "4").unwrap();
    assert_eq!(sent(&jar, "http://x.h.example/"), "a=1; b=2; c=3; d=4");
}

#[test]
fn b06_4_values_are_sent_as_they_came() {
    let value = "\"q\" %20+\\,:@()[]{}<>/?=\u{e9}";
    let jar = received("http://h.example/", &[&format!("a={value}")]);
    let header = sent(&jar, "http://h.example/");
    assert_eq!(header, format!("a={value}"));
    // What comes out is a field value.
    Headers::new().append("Cookie", header.as_bytes()).unwrap();
}

#[test]
fn b06_4_no_cookie_no_field() {
    let jar = received("http://h.example/", &["a=b"]);
    assert_eq!(jar.header_for(&url("http://other.example/"), now()), None);
    assert_eq!(jar.header_for(&url("data:,x"), now()), None);
    assert_eq!(jar.header_for(&url("foo://h.example/"), now()), None);
    assert_eq!(
        CookieJar::new().header_for(&url("http://h.example/"), now()),
        None
    );
    let refused = jar.store_line(&url("foo://h.example/"), "a=b", now());
    assert_eq!(refused, Err(Rejected::NoHost));
}

#[test]
fn b06_4_what_does_not_fit_into_8_kib_is_left_out() {
    let jar = CookieJar::new();
    for name in ["a", "b", "c"] {
        jar.set(name, "v".repeat(4000)).unwrap();
    }
    jar.set("small", "1").unwrap();
    let header = sent(&jar, "http://h.example/");
    assert_eq!(header.len(), 4002 * 2 + 2 + 9);
    assert!(header.ends_with("; small=1"));
    jar.clear();
    jar.set("a", "v".repeat(8190)).unwrap();
    assert_eq!(sent(&jar, "http://h.example/").len(), 8192);
    jar.set("a", "v".repeat(8191)).unwrap();
    assert_eq!(sent(&jar, "http://h.example/"), "");
}

#[test]
fn b06_5_cookies_of_a_response_are_what_it_set_and_no_more() {
    let client = received("http://h.example/", &["old=1"]);
    let mut headers = Headers::new();
    for line in [
        "a=1; Path=/",
        "b=2; Domain=other.example",
        "a=3; Path=/",
        "gone=1",
        "gone=; Max-Age=0",
    ] {
        headers.append("Set-Cookie", line).unwrap();
    }
    let response = CookieJar::from_response(&url("http://h.example/x"), &headers, now());
    client.store(&url("http://h.example/x"), &headers, now());
    assert_eq!(response.len(), 1);
    assert_eq!(response.get("a").unwrap().as_deref(), Some("3"));
    assert_eq!(client.len(), 2);
    assert!(!response.is_shared_with(&client));
}

#[test]
fn b06_6_cookies_of_a_request_are_laid_over_those_of_the_client() {
    let client = CookieJar::from_pairs([("a", "1"), ("b", "2")]).unwrap();
    let request = CookieJar::from_pairs([("c", "3"), ("a", "9")]).unwrap();
    let to = url("http://h.example/");
    // As httpx sends them.
    let header = client.header_with(&to, &request, now());
    assert_eq!(header.as_deref(), Some("a=9; b=2; c=3"));
    assert_eq!(sent(&client, "http://h.example/"), "a=1; b=2");
    assert_eq!(
        client.header_with(&to, &CookieJar::new(), now()).as_deref(),
        Some("a=1; b=2")
    );
    assert_eq!(
        client.header_with(&to, &client, now()).as_deref(),
        Some("a=1; b=2")
    );
    // Another domain or path does not take its place: both are sent.
    client.set_for("h.example", "/", "d", "4").unwrap();
    client.set_for("", "/p", "a", "5").unwrap();
    request.set("d", "6").unwrap();
    let header = client.header_with(&url("http://h.example/p"), &request, now());
    assert_eq!(header.as_deref(), Some("a=5; a=9; b=2; d=4; c=3; d=6"));
    // One that is not for this request hides the client's all the same.
    let narrow = Cookie::builder("a", "x").secure(true).build().unwrap();
    let request: CookieJar = [narrow].into_iter().collect();
    let header = client.header_with(&to, &request, now());
    assert_eq!(header.as_deref(), Some("b=2; d=4"));
    assert_eq!(client.len(), 4);
}

#[test]
fn an_empty_jar_costs_nothing_and_a_cookie_little() {
    let (to, empty) = (url("https://www.h.example/x/y"), CookieJar::new());
    let blocks = |jar: &CookieJar| {
        allocation_counter::measure(|| drop(jar.header_for(&to, now()))).count_total
    };
    assert_eq!(blocks(&empty), 0);
    let jar = received(
        "https://www.h.example/",
        &["sid=31d4fd92d2bd; Secure; HttpOnly; Path=/", "b=2; Path=/"],
    );
    assert!(blocks(&jar) <= 3, "{}", blocks(&jar));
}
