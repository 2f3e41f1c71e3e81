//! Table U of docs/spec/SECURITY.md, and the limits on length and time.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use nuncio_url::{DialError, Host, ParseError, QueryParams, Reference, Url, form, merge_base};

fn host(text: &str) -> Result<String, ParseError> {
    Url::parse(text).map(|url| url.host_str().to_owned())
}

#[test]
fn u1_delimiters_cannot_move_the_host() {
    for text in ["http://h#@e", "http://h?@e", "http://h\\@e", "http://h/@e"] {
        assert_eq!(host(text).as_deref(), Ok("h"), "{text}");
    }
    let url = Url::parse("http://a@b@c").expect("valid");
    assert_eq!((url.host_str(), url.raw_username()), ("c", "a%40b"));
    assert_eq!(host("http://h;@e").as_deref(), Ok("e"));
}

#[test]
fn u2_encoded_delimiters_in_a_host_are_an_error() {
    for escape in [
        "%2f", "%40", "%00", "%5c", "%23", "%3a", "%25", "%20", "%0d", "%3F",
    ] {
        let error = host(&format!("http://a{escape}b"));
        assert!(
            matches!(error, Err(ParseError::ForbiddenHostCharacter(_))),
            "{escape} {error:?}"
        );
    }
}

#[test]
fn u3_blanks_are_dropped_before_anything_sees_the_url() {
    assert_eq!(host(" \0\thttp://h\t\r\nx/ \u{1f}").as_deref(), Ok("hx"));
    assert_eq!(host("ht\ntp://h").as_deref(), Ok("h"));
    assert_eq!(
        host("http://h x"),
        Err(ParseError::ForbiddenHostCharacter(' '))
    );
}

#[test]
fn u4_every_spelling_of_an_ipv4_address_is_one_address() {
    let ascii = [
        "0x7f.1",
        "0177.0.0.1",
        "2130706433",
        "127.1",
        "%31%32%37.0.0.1",
        "127.0.0.1.",
    ];
    for text in ascii {
        assert_eq!(
            host(&format!("http://{text}")).as_deref(),
            Ok("127.0.0.1"),
            "{text}"
        );
    }
    for text in ["256.1.1.1", "1.2.3.09", "1.2.3.4.5", "0x100000000", "a.1"] {
        assert_eq!(
            host(&format!("http://{text}")),
            Err(ParseError::InvalidIpv4),
            "{text}"
        );
    }
    #[cfg(feature = "idna")]
    assert_eq!(host("http://①②⑦.0.0.1").as_deref(), Ok("127.0.0.1"));
}

#[test]
fn u5_brackets_hold_an_ipv6_address_and_nothing_else() {
    for text in [
        "[1.2.3.4]",
        "[v1.x]",
        "[::1%25eth0]",
        "[::1%eth0]",
        "[]",
        "[::1",
        "[::1]x",
        "[[::1]]",
    ] {
        assert_eq!(
            host(&format!("http://{text}/")),
            Err(ParseError::InvalidIpv6),
            "{text}"
        );
    }
    assert_eq!(host("http://::1/"), Err(ParseError::EmptyHost));
}

#[test]
#[cfg(feature = "idna")]
fn u6_compatibility_characters_are_mapped_once() {
    assert_eq!(
        host("http://ｅｘａｍｐｌｅ。com").as_deref(),
        Ok("example.com")
    );
    assert_eq!(
        host("http://a\u{2100}b.com"),
        Err(ParseError::InvalidDomain)
    );
    assert_eq!(host("http://a／b"), Err(ParseError::InvalidDomain));
    assert_eq!(host("http://℀.com"), Err(ParseError::InvalidDomain));
}

#[test]
fn u7_invalid_punycode_parses_and_is_not_dialled() {
    for text in [
        "http://xn--example-.com",
        "http://x.xn--",
        "http://xn--",
        "http://XN--A/",
    ] {
        let url = Url::parse(text).expect(text);
        assert_eq!(url.dialable(), Err(DialError::InvalidPunycode), "{text}");
    }
    assert!(Url::parse("http://xn--bcher-kva.example").is_ok_and(|url| url.dialable().is_ok()));
}

#[test]
fn u9_what_cannot_be_dialled_says_why() {
    for (text, verdict) in [
        ("http://h:0", Err(DialError::PortZero)),
        ("file:///x", Err(DialError::EmptyHost)),
        ("mailto:x", Err(DialError::EmptyHost)),
        ("foo://:", Err(DialError::EmptyHost)),
        ("http://.", Err(DialError::EmptyHost)),
        ("foo://h", Err(DialError::NoPort)),
        ("socks5://a%41:1", Err(DialError::InvalidHost)),
        ("socks5://1.2.3.400:1", Err(DialError::InvalidHost)),
        ("https://h", Ok((Host::Domain("h"), 443))),
        ("socks5://proxy:1080", Ok((Host::Domain("proxy"), 1080))),
        (
            "socks5://127.0.0.1:1080",
            Ok((Host::Ipv4([127, 0, 0, 1].into()), 1080)),
        ),
        ("socks5://[::1]:1080", Ok((Host::Ipv6(1_u128.into()), 1080))),
        ("http://h.", Ok((Host::Domain("h."), 80))),
    ] {
        let Ok(url) = Url::parse(text) else {
            assert_eq!((text, verdict), ("foo://:", Err(DialError::EmptyHost)));
            continue;
        };
        assert_eq!(
            url.dialable()
                .map(|endpoint| (endpoint.host, endpoint.port)),
            verdict,
            "{text}"
        );
    }
}

#[test]
fn u10_a_trailing_dot_is_an_origin_of_its_own() {
    let (dot, none) = (
        Url::parse("https://h.").expect("valid"),
        Url::parse("https://h").expect("valid"),
    );
    assert_eq!(dot.host_str(), "h.");
    assert!(!dot.same_origin(&none));
}

#[test]
fn u13_pieces_of_a_password_are_no_host() {
    assert_eq!(host("http://user:p@ss:w@rd@h/").as_deref(), Ok("h"));
    assert_eq!(host("http://user:pa/ss@h/"), Err(ParseError::InvalidPort));
}

#[test]
fn r17_a_path_cannot_escape_the_base() {
    let base = Url::parse("https://a").expect("valid");
    assert_eq!(merge_base(&base, "//b/"), Err(ParseError::EscapesBase));
    assert_eq!(
        merge_base(&base, "/..//b/").as_ref().map(Url::host_str),
        Ok("a")
    );
}

#[test]
fn a_url_is_at_most_one_mebibyte_long() {
    let prefix = "http://h/";
    let longest = format!("{prefix}{}", "a".repeat(Url::MAX_LEN - prefix.len()));
    let url = Url::parse(&longest).expect("as long as can be");
    assert_eq!(url.as_str().len(), Url::MAX_LEN);
    assert_eq!(Url::parse(&format!("{longest}a")), Err(ParseError::TooLong));
    let grows = format!("{prefix}{}", "\"".repeat(Url::MAX_LEN / 2));
    assert_eq!(Url::parse(&grows), Err(ParseError::TooLong));
    assert_eq!(url.join("?x"), Err(ParseError::TooLong));
    assert_eq!(url.with().fragment("x").build(), Err(ParseError::TooLong));
    assert_eq!(merge_base(&url, "x"), Err(ParseError::TooLong));
    let mut set = url.clone();
    assert_eq!(set.set_hash("x"), Err(ParseError::TooLong));
    assert_eq!(set, url);
    let no_path = format!("http://{}", "a".repeat(Url::MAX_LEN - 7));
    assert_eq!(
        Url::parse(&no_path),
        Err(ParseError::TooLong),
        "the slash counts"
    );
}

/// Fails when doing something with n bytes takes more than linear time: eight times the bytes may
/// take 40 times as long before it does, quadratic work takes 64 times. In a release build, 1 MiB
/// takes at most 50 ms (SECURITY U8).
fn is_linear(name: &str, make: impl Fn(usize) -> String, run: impl Fn(&str)) {
    let bound = Duration::from_millis(if cfg!(debug_assertions) { 2000 } else { 50 });
    let time = |len: usize| {
        let input = make(len);
        let start = cpu_time();
        run(&input);
        cpu_time() - start
    };
    // Other work on the machine may spoil a measurement, not five.
    let mut measured = (0..5).map(|_| (time(LONG / 8), time(LONG)));
    let is_fine = |(small, large): &(Duration, Duration)| {
        *large < bound && *large < (*small).max(Duration::from_millis(5)) * 40
    };
    let figures: Vec<_> = measured
        .by_ref()
        .take_while(|times| !is_fine(times))
        .collect();
    assert!(
        figures.len() < 5,
        "{name}: for an eighth and the whole: {figures:?}"
    );
}

/// As long as a URL can be with a slash and some more added. A debug build, which checks invariants
/// too, gets an eighth.
const LONG: usize = (Url::MAX_LEN - 64) / if cfg!(debug_assertions) { 8 } else { 1 };

/// The time that this thread has had a processor, or the time of day where nothing tells that.
fn cpu_time() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    std::fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|text| text.split(' ').next()?.parse().ok())
        .map_or_else(|| START.elapsed(), Duration::from_nanos)
}

fn repeated(prefix: &str, piece: &str, len: usize) -> String {
    let mut text = String::with_capacity(len);
    text.push_str(prefix);
    while text.len() + piece.len() <= len {
        text.push_str(piece);
    }
    text
}

#[test]
fn u8_hostile_urls_take_linear_time() {
    let pieces = [
        "@",
        ":",
        "%",
        "%2",
        "%41",
        "%2e%2e/",
        "../",
        "./",
        "/",
        "//",
        "\\",
        "a/",
        "?",
        "#",
        "&",
        "=",
        "+",
        "a",
        ".",
        "0.",
        "0",
        "0x",
        "[",
        "]",
        "[:",
        ":0",
        "\t",
        " ",
        "\u{0}",
        "xn--a.",
        "xn--",
        "é",
        "\u{0301}",
        "a\u{0301}\u{0323}",
        "\u{FFFD}",
        "。",
        "ß",
        "C|/",
        "-",
        "%F0%9F",
        "\u{1100}\u{1161}",
        "\u{0340}\u{0f74}",
        "\u{200d}",
        "\u{0644}",
    ];
    let prefixes = [
        "",
        "http://",
        "http://h",
        "http://h/",
        "http://h/?",
        "http://h/#",
        "http://u:",
        "foo:",
        "foo://",
        "file:",
    ];
    for prefix in prefixes {
        for piece in pieces {
            let name = format!("{prefix:?} + {piece:?}…");
            is_linear(
                &name,
                |len| repeated(prefix, piece, len),
                |input| {
                    if let Ok(url) = Url::parse(input) {
                        let _ = (url.host_unicode(), url.dialable());
                    }
                },
            );
        }
    }
}

#[test]
fn u8_hostile_joins_take_linear_time() {
    let base = Url::parse(&repeated("http://h/", "a/", LONG / 2)).expect("valid");
    for piece in ["../", "/", "a/", "./", "?", "#", "%2e%2e/", "..//"] {
        is_linear(
            piece,
            |len| repeated("", piece, len / 2),
            |input| {
                let _ = (base.join(input), merge_base(&base, input));
                let _ = Reference::parse("a/b/c").and_then(|base| base.join(input));
            },
        );
    }
}

#[test]
fn u8_hostile_queries_take_linear_time() {
    type Run = fn(&str);
    let runs: [(&str, Run); 3] = [
        ("parse", |input| drop(QueryParams::parse(input))),
        ("print", |input| {
            drop(QueryParams::from([(input, input)]).to_string())
        }),
        ("form", |input| {
            assert!(form::parse(input.as_bytes()).count() <= input.len())
        }),
    ];
    for piece in ["a&", "&", "=", "a=b&", "%", "+", "%41&", ";", "a=&b=&"] {
        for (name, run) in runs {
            is_linear(
                &format!("{name} {piece}"),
                |len| repeated("", piece, len),
                run,
            );
        }
    }
    let distinct = |len: usize| (0..len / 8).map(|n| format!("{n:07}&")).collect::<String>();
    is_linear("distinct names", distinct, |input| {
        let _ = QueryParams::parse(input).len();
    });
    let params = QueryParams::parse(&distinct(LONG / 4));
    is_linear(
        "merged parameters",
        |len| distinct(len / 4),
        |input| {
            let _ = params.merged(input).len();
        },
    );
    let base = Url::parse(&format!("http://h/?{}", distinct(LONG / 4))).expect("valid");
    is_linear(
        "merged queries",
        |len| format!("?{}", distinct(len / 4)),
        |input| {
            let _ = merge_base(&base, input);
        },
    );
}
