//! Which proxy serves which URL, and why, as a client explains it: what was given to it, and an
//! environment (BEHAVIOUR sections 17 and 18).

mod inert;

use inert::{Inert, VARIABLES, Variables};
use nuncio_client::{
    Client, ClientBuilder, Error, Kind, Mock, Network, Proxy, ProxyReason, Reply, Transport,
};

fn built(
    variables: Variables,
    change: impl FnOnce(ClientBuilder<Inert>) -> ClientBuilder<Inert>,
) -> Result<Client<Inert>, Error> {
    VARIABLES.set(variables);
    change(Client::builder().trust_env(true)).build()
}

/// What such a client says about `url`.
fn told(
    variables: Variables,
    change: impl FnOnce(ClientBuilder<Inert>) -> ClientBuilder<Inert>,
    url: &str,
) -> String {
    let client = built(variables, change).unwrap_or_else(|error| panic!("{error}"));
    let choice = client.explain_proxy(url);
    choice.unwrap_or_else(|error| panic!("{error}")).to_string()
}

const ALL: Variables = &[
    ("HTTP_PROXY", "http://user:secret@plain:1"),
    ("HTTPS_PROXY", "secure:2"),
    ("ALL_PROXY", "socks5://all"),
    ("NO_PROXY", "example.org, .inside.example,10.0.0.0/8"),
];

#[test]
fn b18_the_environment_is_heeded_where_nothing_else_was_said() {
    let rows = [
        ("http://h/", "http://plain:1, by HTTP_PROXY"),
        ("https://h/", "http://secure:2, by HTTPS_PROXY"),
        (
            "http://www.example.org/",
            "direct, by 'example.org' in NO_PROXY",
        ),
        (
            "https://a.inside.example/",
            "direct, by '.inside.example' in NO_PROXY",
        ),
        ("http://inside.example/", "http://plain:1, by HTTP_PROXY"),
        (
            "https://10.1.2.3:8443/",
            "direct, by '10.0.0.0/8' in NO_PROXY",
        ),
    ];
    for (url, expected) in rows {
        assert_eq!(told(ALL, |it| it, url), expected);
    }
    let all: Variables = &[("all_proxy", "p"), ("no_proxy", "h")];
    assert_eq!(
        told(all, |it| it, "https://x/"),
        "http://p:80, by all_proxy"
    );
    assert_eq!(
        told(all, |it| it, "https://h/"),
        "direct, by 'h' in no_proxy"
    );
    let every: Variables = &[("ALL_PROXY", "p"), ("NO_PROXY", "*")];
    assert_eq!(
        told(every, |it| it, "https://x/"),
        "direct, by '*' in NO_PROXY"
    );
    let none: Variables = &[("NO_PROXY", "h")];
    assert_eq!(
        told(none, |it| it, "http://h/"),
        "direct: no proxy is configured for it"
    );
}

#[test]
fn b18_without_trust_env_nothing_of_it_is_heeded() {
    let untrusting = |it: ClientBuilder<Inert>| it.trust_env(false);
    assert_eq!(
        told(ALL, untrusting, "http://h/"),
        "direct: no proxy is configured for it"
    );
    let broken: Variables = &[("HTTP_PROXY", "ftp://h")];
    assert!(built(broken, untrusting).is_ok());
}

#[test]
fn b18_an_argument_goes_before_the_environment_and_its_exceptions() {
    let proxy = |it: ClientBuilder<Inert>| it.proxy("http://given:9");
    let given = "http://given:9, by the client's proxy()";
    for url in [
        "http://h/",
        "https://h/",
        "http://example.org/",
        "http://10.0.0.1/",
    ] {
        assert_eq!(told(ALL, proxy, url), given);
    }
    let off = |it: ClientBuilder<Inert>| it.no_proxy();
    assert_eq!(
        told(ALL, off, "http://h/"),
        "direct, by the client's no_proxy()"
    );
    let network = |it: ClientBuilder<Inert>| it.network(Network::new().proxy("net:3"));
    let expected = "http://net:3, by the settings of its network";
    assert_eq!(told(ALL, network, "http://example.org/"), expected);
    let transport =
        |it: ClientBuilder<Inert>| it.transport(Mock::answering(|_| Reply::new(200)).transport());
    let expected = "direct: no proxy is configured for it";
    let client = built(ALL, transport).unwrap();
    let choice = client.explain_proxy("http://h/").unwrap();
    assert_eq!(
        (choice.proxy().is_none(), choice.reason()),
        (true, &ProxyReason::Transport)
    );
    assert_ne!(choice.to_string(), expected);
    // Broken variables are not even looked at then.
    let broken: Variables = &[("HTTP_PROXY", "ftp://h")];
    assert!(built(broken, proxy).is_ok() && built(broken, off).is_ok());
}

#[test]
fn nuncio_variables_go_before_the_standard_ones_and_no_proxy_governs_both() {
    let set: Variables = &[
        ("NUNCIO_PROXY", "ours:1"),
        ("HTTPS_PROXY", "standard:2"),
        ("NO_PROXY", "example.org"),
    ];
    assert_eq!(
        told(set, |it| it, "https://h/"),
        "http://ours:1, by NUNCIO_PROXY"
    );
    assert_eq!(
        told(set, |it| it, "https://example.org/"),
        "direct, by 'example.org' in NO_PROXY"
    );
    let none: Variables = &[
        ("NUNCIO_HTTP_PROXY", ""),
        ("HTTP_PROXY", "p"),
        ("ALL_PROXY", "q"),
    ];
    assert_eq!(
        told(none, |it| it, "http://h/"),
        "direct, as NUNCIO_HTTP_PROXY is empty"
    );
    assert_eq!(
        told(none, |it| it, "https://h/"),
        "http://q:80, by ALL_PROXY"
    );
}

#[test]
fn b17_mounts_and_proxies_of_the_environment_are_one_list() {
    let mounted = |it: ClientBuilder<Inert>| {
        it.mount("http://", Transport::proxy("mine:1"))
            .mount("all://example.org", Transport::proxy("mine:2"))
            .mount("all://", Transport::proxy("mine:3"))
    };
    let rows = [
        ("http://h/", "http://mine:1, by the mount 'http://'"),
        // More particular than `all://`, and not given again.
        ("https://h/", "http://secure:2, by HTTPS_PROXY"),
        // What the environment excepts is its own proxies.
        (
            "http://example.org/",
            "http://mine:2, by the mount 'all://example.org'",
        ),
    ];
    for (url, expected) in rows {
        assert_eq!(told(ALL, mounted, url), expected, "{url}");
    }
}

#[test]
fn x09_a_field_of_a_cgi_clients_is_no_proxy() {
    let cgi: Variables = &[("REQUEST_METHOD", "GET"), ("HTTP_PROXY", "evil:1")];
    assert_eq!(
        told(cgi, |it| it, "http://h/"),
        "direct: no proxy is configured for it"
    );
}

#[test]
fn b18_a_variable_that_is_no_proxy_fails_the_build_and_shows_no_secret() {
    for set in [
        &[("HTTP_PROXY", "ftp://user:secret@h")][..],
        &[("ALL_PROXY", "http://user:secret@")],
        &[("NUNCIO_PROXY", "http://user:secret@h:99999")],
    ] {
        let set: Variables = set;
        let error = built(set, |it| it).unwrap_err();
        assert_eq!(error.kind(), Kind::Builder);
        let text = error.to_string();
        assert!(
            text.starts_with(set[0].0) && !text.contains("secret"),
            "{text}"
        );
    }
}

#[test]
fn what_cannot_be_requested_is_not_explained() {
    let client = built(&[], |it| it).unwrap();
    for url in ["ftp://h/", "h", "http://"] {
        assert!(client.explain_proxy(url).is_err(), "{url}");
    }
    let shown = format!("{:?}", client.explain_proxy("http://h/").unwrap());
    assert!(shown.contains("NotConfigured"), "{shown}");
    let proxy = |it: ClientBuilder<Inert>| it.proxy(Proxy::new("http://user:secret@h"));
    let client = built(&[], proxy).unwrap();
    let choice = client.explain_proxy("http://x/").unwrap();
    assert!(!format!("{choice} {choice:?}").contains("secret"));
}
