//! The typed readers, by cases of our own.

use nuncio_headers::Headers;
use nuncio_headers::typed::{ContentLength, InvalidContentLength, RetryAfter};

fn headers(name: &str, values: &[&str]) -> Headers {
    Headers::from_pairs(values.iter().map(|value| (name, value))).unwrap()
}

#[test]
fn content_length_is_digits_and_the_same_each_time() {
    let length = |values: &[&str]| headers("Content-Length", values).content_length();
    let ok = |length, repeated| Ok(Some(ContentLength { length, repeated }));
    assert_eq!(length(&[]), Ok(None));
    assert_eq!(length(&["0"]), ok(0, false));
    assert_eq!(length(&["5", "5"]), ok(5, true));
    assert_eq!(length(&["5, 5"]), ok(5, true));
    assert_eq!(length(&["9223372036854775807"]), ok(i64::MAX as u64, false));
    for conflict in [
        &["5", "6"][..],
        &["5, 6"],
        &["5", "05"],
        &["5", ""],
        &["5,"],
    ] {
        assert_eq!(length(conflict), Err(InvalidContentLength::Conflict));
    }
    let forty = "1".repeat(40);
    let zeros = "0".repeat(40);
    for bad in [
        "+5",
        "-1",
        "0x5",
        "5_0",
        "\"5\"",
        "5 6",
        "٥",
        "",
        ",5",
        "5.0",
        "5e3",
        "9223372036854775808",
        "18446744073709551616",
        "18446744073709551615",
        "9999999999999999999",
        &forty,
        &zeros,
    ] {
        let error = length(&[bad]).unwrap_err();
        assert!(matches!(error, InvalidContentLength::Syntax(_)), "{bad}");
        assert!(error.to_string().is_ascii() && error.to_string().len() < 200);
    }
}

#[test]
fn retry_after_is_seconds_or_a_date() {
    let after = |value: &str| headers("Retry-After", &[value]).retry_after();
    assert_eq!(after("120"), Some(RetryAfter::Seconds(120)));
    assert_eq!(
        after("99999999999999999999999"),
        Some(RetryAfter::Seconds(u64::MAX))
    );
    assert_eq!(
        after("Sun, 06 Nov 1994 08:49:37 GMT"),
        Some(RetryAfter::At(784_111_777))
    );
    for bad in ["", "-1", "+1", "1.5", "soon", "1 2"] {
        assert_eq!(after(bad), None, "{bad}");
    }
    assert_eq!(Headers::new().retry_after(), None);
}

#[test]
fn cache_control_reads_directives_of_all_fields() {
    let values = [
        r#"Max-Age=60, no-cache="a, b" , x y, ="#,
        "no-store, s-maxage=\"5\", max-age=1, e=x",
    ];
    let control = headers("Cache-Control", &values).cache_control();
    assert_eq!(control.seconds("max-age"), Some(60));
    assert_eq!(control.seconds("s-maxage"), Some(5));
    assert_eq!(
        (control.seconds("e"), control.seconds("none")),
        (None, None)
    );
    assert_eq!(control.get("no-cache"), Some("a, b"));
    assert_eq!(control.get("No-Store"), Some(""));
    assert!(control.contains("NO-STORE") && !control.contains("x") && !control.contains(""));
    let names: Vec<_> = control.iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        [
            "max-age", "no-cache", "no-store", "s-maxage", "max-age", "e"
        ]
    );
}

#[test]
fn links_are_found_by_rel_or_url() {
    let links = |value: &str| headers("Link", &[value]).links();
    let found = links(r#"</a>; rel=next; title="x=y;z, <w>", </b>;rel="next prev" ,</c>"#);
    assert_eq!(found.len(), 3);
    assert_eq!(found.get("next").unwrap().url, "/a");
    assert_eq!(found.get("next").unwrap().title().unwrap(), "x=y;z, <w>");
    assert_eq!(found.get("next prev").unwrap().url, "/b");
    assert_eq!(found.get("/c").unwrap().rel(), None);
    assert!(found.get("prev").is_none());

    assert_eq!(
        links("</a>; rel=x, </b>; rel=x").get("x").unwrap().url,
        "/b"
    );
    assert_eq!(
        links("</a?b,c;d>; rel='x'").get("x").unwrap().url,
        "/a?b,c;d"
    );
    assert_eq!(
        links("</a>; broken; rel=x").iter().next().unwrap().rel(),
        None
    );
    assert_eq!(
        links("</a>; REL=x; rel=y").iter().next().unwrap().rel(),
        Some("x")
    );
    assert_eq!(links("</a>;").get("/a").unwrap().parameters.iter().len(), 0);
    for (value, count) in [
        ("", 0),
        (" , ,", 0),
        ("<", 1),
        ("</a", 1),
        ("a;b", 1),
        ("</a>,,</b>", 2),
    ] {
        assert_eq!(links(value.trim()).len(), count, "{value}");
    }
    assert!(Headers::new().links().is_empty());
}

#[test]
fn charset_is_the_first_and_may_be_extended() {
    let charset = |value: &str| headers("Content-Type", &[value]).content_type()?.charset();
    assert_eq!(
        charset("text/html; charset=UTF-8").as_deref(),
        Some("utf-8")
    );
    assert_eq!(
        charset("text/html; charset=\"Latin1\"; charset=x").as_deref(),
        Some("latin1")
    );
    assert_eq!(
        charset("text/html; charset*=utf-8''KOI8-R").as_deref(),
        Some("koi8-r")
    );
    assert_eq!(charset("text/html"), None);
    assert_eq!(charset("html; charset=x"), None);
}

#[test]
fn challenges_of_odd_servers_are_read_or_left_out() {
    let read = |values: &[&str]| {
        let found = headers("WWW-Authenticate", values).www_authenticate();
        found
            .iter()
            .map(|challenge| {
                let pairs = challenge
                    .parameters
                    .iter()
                    .map(|(name, value)| format!(" {name}={value}"));
                let token = challenge.token68.as_ref().map(|token| format!(" {token}"));
                challenge.scheme.clone() + &token.unwrap_or_default() + &pairs.collect::<String>()
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(read(&["Digest"]), ["Digest"]);
    assert_eq!(
        read(&["Basic, Digest nonce=a"]),
        ["Basic", "Digest nonce=a"]
    );
    assert_eq!(read(&["Digest qop=\"\", nonce="]), ["Digest qop= nonce="]);
    assert_eq!(
        read(&["Digest realm = \"a\" , NONCE = b"]),
        ["Digest realm=a nonce=b"]
    );
    assert_eq!(read(&["Basic realm=\"a\\\"b\""]), ["Basic realm=a\"b"]);
    assert_eq!(
        read(&["Basic realm=\"open, Digest nonce=x", "NTLM"]),
        ["Basic realm=open, Digest nonce=x", "NTLM"]
    );
    assert_eq!(
        read(&["a=b, \"x\", =, (, Basic realm=x"]),
        ["Basic realm=x"]
    );
    assert_eq!(read(&["Negotiate a=="]), ["Negotiate a=="]);
    assert_eq!(read(&["Negotiate a b"]), ["Negotiate"]);
    assert_eq!(read(&["Basic realm=\"\u{a0}é\""]), ["Basic realm=\u{a0}é"]);
    assert!(read(&[""]).is_empty());
    let proxy = headers("Proxy-Authenticate", &["Basic realm=p"]).proxy_authenticate();
    assert_eq!(proxy[0].parameters.get("Realm"), Some("p"));
}

#[test]
fn a_thousand_challenges_and_64_kib_of_anything_are_read_once_through() {
    let many = vec!["Digest realm=\"r\", nonce=n"; 1000].join(", ");
    assert_eq!(
        headers("WWW-Authenticate", &[&many])
            .www_authenticate()
            .len(),
        1000
    );
    for unit in [
        &b"\xa0"[..],
        b"a=",
        b"\"",
        b"\\\"",
        b",",
        b"a,",
        b"a ",
        b"=",
        b"<",
        b";",
        b"';",
    ] {
        let mut value = b"x".to_vec();
        value.extend(unit.iter().copied().cycle().take(1 << 20));
        value.push(b'x');
        let mut headers = Headers::new();
        for name in [
            "WWW-Authenticate",
            "Link",
            "Content-Type",
            "Content-Disposition",
            "Cache-Control",
        ] {
            headers.append(name, &value).unwrap();
        }
        // Were one of them quadratic, this would take many minutes.
        let _ = (
            headers.www_authenticate(),
            headers.links(),
            headers.content_type(),
        );
        let _ = (
            headers.content_disposition(),
            headers.cache_control(),
            headers.list("link").count(),
        );
    }
}
