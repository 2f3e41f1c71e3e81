//! What the record shows of a URL, from outside.

use std::collections::HashSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use nuncio_url::{Host, Origin, ParseError, Url};

fn url(text: &str) -> Url {
    Url::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn every_component_is_a_slice_of_the_url() {
    let url = url("HTTPS://us%40er:p%3Aw:d@EXAMPLE.com:8443/a%20b/c?q=%20&r#fr%C3%A4g");
    assert_eq!(
        url.as_str(),
        "https://us%40er:p%3Aw%3Ad@example.com:8443/a%20b/c?q=%20&r#fr%C3%A4g"
    );
    assert_eq!((url.scheme(), url.is_special()), ("https", true));
    assert_eq!(url.userinfo(), "us%40er:p%3Aw%3Ad");
    assert_eq!(
        (url.raw_username(), url.raw_password()),
        ("us%40er", "p%3Aw%3Ad")
    );
    assert_eq!(
        (url.username().as_ref(), url.password().as_ref()),
        ("us@er", "p:w:d")
    );
    assert_eq!(
        (url.host_str(), url.host()),
        ("example.com", Host::Domain("example.com"))
    );
    assert_eq!(
        (url.port(), url.port_or_default()),
        (Some(8443), Some(8443))
    );
    assert_eq!(url.netloc(), "example.com:8443");
    assert_eq!(
        (url.path(), url.path_decoded().as_ref()),
        ("/a%20b/c", "/a b/c")
    );
    assert_eq!(
        (url.query(), url.raw_path()),
        (Some("q=%20&r"), "/a%20b/c?q=%20&r")
    );
    assert_eq!(
        (url.fragment(), url.fragment_decoded().as_ref()),
        (Some("fr%C3%A4g"), "fräg")
    );
    assert!(url.has_credentials() && url.has_authority() && !url.has_opaque_path());
}

#[test]
fn what_is_absent_is_empty_or_none() {
    let url = url("http://h");
    assert_eq!(url, "http://h/");
    assert_eq!(
        (url.userinfo(), url.raw_username(), url.raw_password()),
        ("", "", "")
    );
    assert_eq!((url.port(), url.port_or_default()), (None, Some(80)));
    assert_eq!((url.netloc(), url.path(), url.raw_path()), ("h", "/", "/"));
    assert_eq!((url.query(), url.fragment()), (None, None));
    assert_eq!(url.fragment_decoded(), "");
    assert!(url.params().is_empty() && !url.has_credentials());
}

#[test]
fn an_empty_query_and_fragment_are_not_none() {
    let url = url("http://h?#");
    assert_eq!(
        (url.as_str(), url.query(), url.fragment()),
        ("http://h/?#", Some(""), Some(""))
    );
    assert_eq!(url.raw_path(), "/?");
}

#[test]
fn a_user_name_or_a_password_may_stand_alone() {
    for (text, userinfo, username, password) in [
        ("http://u@h/", "u", "u", ""),
        ("http://u:@h/", "u", "u", ""),
        ("http://:p@h/", ":p", "", "p"),
        ("http://u:p@h/", "u:p", "u", "p"),
        ("http://:@h/", "", "", ""),
        ("http://@h/", "", "", ""),
        ("http://a@b@h/", "a%40b", "a%40b", ""),
    ] {
        let url = url(text);
        assert_eq!(
            (url.userinfo(), url.raw_username()),
            (userinfo, username),
            "{text}"
        );
        assert_eq!(
            (url.raw_password(), url.host_str()),
            (password, "h"),
            "{text}"
        );
    }
}

#[test]
fn a_port_is_decimal_and_never_the_default() {
    for (text, port) in [
        ("http://h:80/", None),
        ("HTTP://h:0080/", None),
        ("https://h:80/", Some(80)),
        ("http://h:/", None),
        ("http://h:0/", Some(0)),
        ("http://h:65535/", Some(65535)),
        ("wss://h:443", None),
        ("ftp://h:21", None),
        ("foo://h:80", Some(80)),
    ] {
        assert_eq!(url(text).port(), port, "{text}");
    }
    for text in [
        "http://h:65536",
        "http://h:+80",
        "http://h:8 0",
        "http://h:-1",
        "http://h:1a",
    ] {
        assert_eq!(Url::parse(text), Err(ParseError::InvalidPort), "{text}");
    }
}

#[test]
fn hosts_have_types() {
    assert_eq!(
        url("http://0x7f.1/").host(),
        Host::Ipv4(Ipv4Addr::LOCALHOST)
    );
    let six = url("http://[0:0::1]:8080/");
    assert_eq!(
        (six.host(), six.host_str()),
        (Host::Ipv6(Ipv6Addr::LOCALHOST), "[::1]")
    );
    assert_eq!(six.netloc(), "[::1]:8080");
    assert_eq!(url("foo://A%41/").host(), Host::Opaque("A%41"));
    assert_eq!(url("file:///x").host(), Host::Empty);
    assert_eq!(url("mailto:x").host(), Host::Empty);
    assert_eq!(url("mailto:x").netloc(), "");
}

#[test]
#[cfg(feature = "idna")]
fn an_international_host_is_ascii_inside_and_unicode_for_people() {
    let url = url("https://www.BÜCHER.example/");
    assert_eq!(url.host_str(), "www.xn--bcher-kva.example");
    assert_eq!(url.host_unicode(), "www.bücher.example");
    assert_eq!(
        self::url("https://xn--a.xn--bcher-kva/").host_unicode(),
        "xn--a.bücher"
    );
    assert_eq!(self::url("http://☃.net").host_str(), "xn--n3h.net");
    assert_eq!(
        Url::parse("http://a\u{AD}.\u{AD}").map(|u| u.as_str().to_owned()),
        Ok("http://a./".to_owned())
    );
    assert_eq!(Url::parse("http://\u{AD}/"), Err(ParseError::EmptyHost));
}

#[test]
#[cfg(not(feature = "idna"))]
fn without_idna_a_host_that_is_not_ascii_is_an_error() {
    assert_eq!(
        Url::parse("https://bücher.example/"),
        Err(ParseError::IdnaDisabled)
    );
    assert_eq!(
        Url::parse("https://b%C3%BCcher.example/"),
        Err(ParseError::IdnaDisabled)
    );
    assert_eq!(
        url("https://xn--bcher-kva/").host_unicode(),
        "xn--bcher-kva"
    );
    assert_eq!(url("https://h/ü").path(), "/%C3%BC");
}

#[test]
fn a_password_shows_in_display_only() {
    let url = url("https://user:SECRET@h/p?q#f");
    assert_eq!(url.to_string(), "https://user:SECRET@h/p?q#f");
    assert_eq!(url.redacted().to_string(), "https://user:[secure]@h/p?q#f");
    assert_eq!(format!("{url:?}"), "Url(\"https://user:[secure]@h/p?q#f\")");
    assert_eq!(format!("{:?}", url.redacted()), format!("{url:?}"));
    assert_eq!(
        self::url("https://user@h/").redacted().to_string(),
        "https://user@h/"
    );
    assert_eq!(
        self::url("https://:SECRET@h/").redacted().to_string(),
        "https://:[secure]@h/"
    );
    let text = format!("{:?}", url.with());
    assert!(!text.contains("SECRET"), "{text}");
}

#[test]
fn errors_never_quote_the_input() {
    for text in [
        "http://user:SEC/RET@h",
        "http://user:SECRET@h:x",
        "http://SECRET^@",
        "http://[SECRET]",
    ] {
        let error = Url::parse(text).expect_err(text);
        assert!(!error.to_string().contains("SEC") && !format!("{error:?}").contains("SEC"));
        assert_eq!(error.to_string().lines().count(), 1);
    }
    let error = ParseError::ForbiddenHostCharacter('\u{1b}');
    assert_eq!(
        error.to_string(),
        "character '\\u{1b}' is not allowed in a host"
    );
}

#[test]
fn urls_compare_hash_and_order_as_their_text() {
    let (a, b) = (url("http://a:80"), url("HTTP://A/"));
    assert_eq!(a, b);
    assert!(HashSet::from([a.clone()]).contains(&b));
    assert!(a < url("http://b"));
    assert!(a == "http://a/" && a == *"http://a/");
    assert_eq!(format!("{a:>12}|{a:.4}"), "   http://a/|http");
}

#[test]
fn text_converts_both_ways() {
    let url: Url = "http://h".parse().expect("valid");
    assert_eq!(Url::try_from("http://h"), Ok(url.clone()));
    assert_eq!(Url::try_from(String::from("http://h")), Ok(url.clone()));
    assert_eq!(
        Url::try_from(&String::from("h")),
        Err(ParseError::RelativeWithoutBase)
    );
    assert_eq!(url.as_ref(), "http://h/");
    assert_eq!(String::from(url), "http://h/");
}

#[test]
fn origins_are_exact_and_opaque_ones_equal_nothing() {
    let same = |a: &str, b: &str| url(a).same_origin(&url(b));
    assert!(same("http://u:p@H/a", "http://h:80/b?c#d"));
    assert!(same("blob:http://h/1", "http://h/"));
    for (a, b) in [
        ("http://h", "https://h"),
        ("http://h", "http://h:8080"),
        ("http://h", "http://h."),
        ("http://a.h", "http://h"),
        ("file:///a", "file:///a"),
        ("foo://h", "foo://h"),
        ("blob:x", "blob:x"),
    ] {
        assert!(!same(a, b), "{a} {b}");
    }
    assert_eq!(
        url("https://u@h:8443/x").origin().to_string(),
        "https://h:8443"
    );
    assert_eq!(url("https://[::1]/x").origin().to_string(), "https://[::1]");
    assert_eq!(url("data:x").origin().to_string(), "null");
    assert!(matches!(
        url("http://h").origin(),
        Origin::Tuple { port: 80, .. }
    ));
    assert!(url("data:x").origin() != Origin::Opaque);
}

#[test]
fn joining_follows_the_table() {
    for (base, reference, joined) in [
        ("http://h/a/b", "c", "http://h/a/c"),
        ("http://h/a/b/", "c", "http://h/a/b/c"),
        ("http://h/a/b", "../../../c", "http://h/c"),
        ("http://h/a/b", "..", "http://h/"),
        ("http://h/a/b", ".", "http://h/a/"),
        ("http://u:p@h/a", "/b", "http://u:p@h/b"),
        ("http://h/a/b?x#y", "?z", "http://h/a/b?z"),
        ("http://h/a/b?x#y", "#z", "http://h/a/b?x#z"),
        ("http://h/a/b?x#y", "", "http://h/a/b?x"),
        ("http://h/a", "http:c", "http://h/c"),
        ("http://h", "//k/x", "http://k/x"),
        ("http://h", "///k/x", "http://k/x"),
        ("foo+unix://h/a/b", "c", "foo+unix://h/a/c"),
        ("http://h/a?x", "?", "http://h/a?"),
        ("web+demo:/.//not-a-host", "..", "web+demo:/"),
        ("web+demo:/.//not-a-host/", "..", "web+demo:/.//"),
        ("web+demo:/.//not-a-host/", "..//", "web+demo:/.///"),
        (
            "web+demo:/.//not-a-host/",
            "?q",
            "web+demo:/.//not-a-host/?q",
        ),
        ("file:///C:/a", "/b", "file:///C:/b"),
        ("file:///C:/a", "D|/b", "file:///D:/b"),
        ("file://h/C:/a", "..", "file://h/C:/"),
    ] {
        let joined_url = url(base).join(reference);
        assert_eq!(
            joined_url.as_ref().map(Url::as_str),
            Ok(joined),
            "{base} {reference}"
        );
        assert_eq!(Url::parse_with_base(reference, &url(base)), joined_url);
        assert_eq!(joined_url.expect("valid").check_invariants(), Ok(()));
    }
    assert_eq!(url("mailto:a").join("b"), Err(ParseError::OpaqueBase));
    assert_eq!(url("mailto:a?b").join("#c"), Url::parse("mailto:a?b#c"));
}

#[test]
#[cfg(feature = "serde")]
fn serde_takes_and_gives_text() {
    let url: Url = serde_json::from_str("\"http:\\/\\/H\"").expect("valid");
    assert_eq!(
        serde_json::to_string(&url).expect("serializes"),
        "\"http://h/\""
    );
    let error = serde_json::from_str::<Url>("\"h\"").expect_err("relative");
    assert!(
        error.to_string().starts_with("relative URL without a base"),
        "{error}"
    );
}

#[test]
#[cfg(feature = "http")]
fn http_uris_convert_where_they_can() {
    let uri = http::Uri::try_from(&url("https://u:p@h:8443/a%20b?c#d")).expect("a URI");
    assert_eq!(uri.to_string(), "https://u:p@h:8443/a%20b?c");
    assert_eq!(
        Url::try_from(&uri),
        Url::parse("https://u:p@h:8443/a%20b?c")
    );
    assert!(http::Uri::try_from(&url("mailto:a b")).is_err());
    let target = http::Uri::from_static("/a?b");
    assert_eq!(Url::try_from(&target), Err(ParseError::RelativeWithoutBase));
}

#[test]
fn the_table_of_differences_from_httpx_holds() {
    for (input, here) in [
        ("http://h", Ok("http://h/")),
        ("http://h/a/..", Ok("http://h/")),
        (" http://h\t/x\r\n", Ok("http://h/x")),
        ("http://h/\u{1}x\u{1}", Ok("http://h/%01x")),
        (
            "http://h\u{1}/",
            Err(ParseError::ForbiddenHostCharacter('\u{1}')),
        ),
        ("http:\\\\h\\p", Ok("http://h/p")),
        ("http:/h/p", Ok("http://h/p")),
        ("http:h/p", Ok("http://h/p")),
        ("http://h\\p", Ok("http://h/p")),
        ("http://", Err(ParseError::EmptyHost)),
        ("https:", Err(ParseError::EmptyHost)),
        ("http://h/%2e%2e/a", Ok("http://h/a")),
        ("http://h/^?'", Ok("http://h/%5E?%27")),
        ("http://1.2.3", Ok("http://1.2.0.3/")),
        ("http://0x7f.1", Ok("http://127.0.0.1/")),
        ("http://[fe80::1%eth0]", Err(ParseError::InvalidIpv6)),
        ("http://%31.com", Ok("http://1.com/")),
        ("http://a%2fb", Err(ParseError::ForbiddenHostCharacter('/'))),
        ("http://a^b", Err(ParseError::ForbiddenHostCharacter('^'))),
        #[cfg(feature = "idna")]
        ("http://☃.net", Ok("http://xn--n3h.net/")),
        #[cfg(feature = "idna")]
        ("http://Ⅷ.com", Ok("http://viii.com/")),
        ("http://xn--a", Ok("http://xn--a/")),
        ("http://h:99999", Err(ParseError::InvalidPort)),
        ("HTTP://h:80", Ok("http://h/")),
    ] {
        let parsed = Url::parse(input);
        assert_eq!(
            parsed.as_ref().map(Url::as_str).map_err(|error| *error),
            here,
            "{input:?}"
        );
    }
}
