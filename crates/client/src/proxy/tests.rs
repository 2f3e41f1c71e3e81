//! What is said of a proxy, and what of that shows.

use super::*;

fn mistake(proxy: Proxy) -> String {
    let error = proxy.check().unwrap_err();
    assert_eq!(error.kind(), Kind::Builder);
    error.to_string()
}

#[test]
fn b18_each_scheme_has_its_port() {
    for (url, name) in [
        ("http://p", "http://p:80"),
        ("HTTP://P.Example:3128/path?x#y", "http://p.example:3128"),
        ("https://p", "https://p:443"),
        ("https://p:80", "https://p:80"),
        ("socks5://p", "socks5://p:1080"),
        ("socks5h://p:80", "socks5h://p:80"),
        ("socks4://p:443", "socks4://p:443"),
        ("socks4a://127.1", "socks4a://127.0.0.1:1080"),
        ("socks5://[0::1]:9", "socks5://[::1]:9"),
        ("p.example:8080", "http://p.example:8080"),
        ("p", "http://p:80"),
    ] {
        let proxy = Proxy::new(url);
        #[cfg(not(feature = "tls"))]
        if url.starts_with("https") {
            assert!(mistake(proxy).ends_with("need the feature 'tls'"));
            continue;
        }
        proxy.check().unwrap();
        assert_eq!(proxy.to_string(), name);
    }
}

#[test]
fn b18_what_is_no_proxy_is_named_without_its_credentials() {
    for (url, told) in [
        (
            "ftp://u:SECRET@h/",
            "the proxy 'ftp://h/' has a scheme that is none of http, https, socks5, socks5h, \
             socks4 or socks4a",
        ),
        ("http://u:SECRET@/", "the proxy 'http:///' cannot be used"),
        (
            "http://u:SECRET@h:99999",
            "the proxy 'http://h:99999' cannot be used",
        ),
        ("http://h:0", "the proxy 'http://h:0' cannot be used"),
        ("", "the proxy '' cannot be used"),
    ] {
        let text = mistake(Proxy::new(url));
        assert!(text.starts_with(told), "{text}");
        assert!(!text.contains("SECRET"), "{text}");
    }
}

#[test]
fn b18_credentials_in_the_url_go_before_others_and_are_decoded() {
    let proxy = Proxy::new("http://u%40x:p%3a%20q@h").auth("other", "SECRET");
    let user = proxy.0.user.as_ref().unwrap();
    assert_eq!(user.name.as_bytes(), b"u@x");
    assert_eq!(user.password.as_bytes(), b"p: q");
    assert_eq!(
        proxy.0.basic.as_ref().unwrap().as_bytes(),
        b"Basic dUB4OnA6IHE="
    );
    let proxy = Proxy::new("http://h").auth("u", "p").auth("v", "q");
    assert_eq!(proxy.0.user.as_ref().unwrap().name.as_bytes(), b"v");
    let digest = Proxy::new("http://u:p@h").digest("other", "SECRET");
    assert!(digest.0.digest.is_some() && digest.0.basic.is_none());
    assert_eq!(digest.0.user.as_ref().unwrap().name.as_bytes(), b"u");
}

#[test]
fn a_proxy_shows_no_secret() {
    let proxy = Proxy::new("http://SECRET:SECRET@h").header("X-Key", "SECRET");
    for text in [format!("{proxy}"), format!("{proxy:?} {:?}", proxy.id())] {
        assert!(!text.contains("SECRET"), "{text}");
    }
}

#[test]
fn i06_fields_for_a_proxy_are_checked_as_any_others() {
    for name in OURS {
        let text = mistake(Proxy::new("http://h").header(name.to_uppercase(), "1"));
        assert!(text.contains("cannot be given to a proxy"), "{text}");
    }
    for (name, value) in [("a b", "1"), ("", "1"), ("X", "a\r\nB: c"), ("X", "a\0")] {
        let text = mistake(Proxy::new("http://h").header(name, value));
        assert!(text.starts_with("the proxy http://h:80: "), "{text}");
    }
    for (user, password) in [
        ("a:b", "SECRET"),
        ("a\n", "SECRET"),
        ("a", "SECRET\r\nX: y"),
    ] {
        let text = mistake(Proxy::new("http://h").auth(user, password));
        assert!(!text.contains("SECRET"), "{text}");
    }
    let text = mistake(Proxy::new("http://a%3Ab:SECRET@h"));
    assert!(text.contains("colon") && !text.contains("SECRET"), "{text}");
    mistake(Proxy::new("http://h").digest("a\n", "p"));
}

#[test]
fn x10_what_socks_cannot_carry_is_told_beforehand() {
    let long = "x".repeat(256);
    let fits = "x".repeat(255);
    Proxy::new("socks5://h").auth(&fits, &fits).check().unwrap();
    Proxy::new("socks4a://h").auth(&fits, "").check().unwrap();
    for proxy in [
        Proxy::new("socks5://h").auth(&long, "p"),
        Proxy::new("socks5://h").auth("u", &long),
        Proxy::new("socks5://h").auth("", "p"),
        Proxy::new("socks5://h").digest("u", "p"),
        Proxy::new("socks5://h").header("X", "y"),
        Proxy::new("socks4://h").auth(&long, ""),
        Proxy::new("socks4://h").auth("u", "p"),
        Proxy::new("socks4a://h").auth("u\0v", ""),
    ] {
        mistake(proxy);
    }
}

#[cfg(feature = "tls")]
#[test]
fn b18_tls_settings_are_for_https_proxies() {
    for url in ["http://h", "socks5://h"] {
        let text = mistake(Proxy::new(url).danger_accept_invalid_certs(true));
        assert!(
            text.contains("TLS settings are for https proxies"),
            "{text}"
        );
    }
    // Read when a client is built with it, or a request is to go through it.
    let to_proxies = ToProxies::new(crate::Environment::empty(), false);
    let broken = Proxy::new("https://h").root_certificates("no certificate");
    broken.check().unwrap();
    let error = to_proxies.layer(&broken).unwrap_err();
    assert_eq!(error.kind(), Kind::Builder);
    let named = Proxy::new("https://h").tls(Tls::new().server_name("other.example"));
    let layer = format!("{:?}", to_proxies.layer(&named).unwrap());
    assert!(layer.contains("other.example"), "{layer}");
}

#[test]
fn k06_proxies_are_the_same_if_nothing_tells_them_apart() {
    let one = || Proxy::new("http://u:p@h:1").header("A", "b");
    assert_eq!(one().id(), one().id());
    let others = [
        Proxy::new("http://u:p@h:2").header("A", "b"),
        Proxy::new("http://u:p@i:1").header("A", "b"),
        Proxy::new("https://u:p@h:1").header("A", "b"),
        Proxy::new("http://u:q@h:1").header("A", "b"),
        Proxy::new("http://v:p@h:1").header("A", "b"),
        Proxy::new("http://up:@h:1").header("A", "b"),
        Proxy::new("http://h:1").header("A", "b"),
        Proxy::new("http://u:p@h:1").header("A", "c"),
        Proxy::new("http://u:p@h:1"),
        one().header("A", "b"),
        one().digest("", ""),
        Proxy::new("socks5://u:p@h:1"),
        Proxy::new("socks5h://u:p@h:1"),
        Proxy::new("socks5://u:p@h:1").resolve_locally(true),
        Proxy::new("socks4a://h:1"),
        Proxy::new("socks4://h:1"),
    ];
    let mut ids: Vec<_> = others.iter().map(Proxy::id).collect();
    ids.push(one().id());
    for (at, id) in ids.iter().enumerate() {
        assert_eq!(ids.iter().position(|other| other == id), Some(at));
    }
}

#[cfg(feature = "tls")]
#[test]
fn k06_tls_settings_tell_proxies_apart() {
    let plain = Proxy::new("https://h");
    let danger = || Proxy::new("https://h").danger_accept_invalid_certs(true);
    assert_ne!(plain.id(), danger().id());
    assert_ne!(danger().id(), danger().id(), "settings cannot be compared");
    let one = danger();
    assert_eq!(one.id(), one.clone().id());
}
