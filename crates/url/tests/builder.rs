//! Putting URLs together and changing their components.

use nuncio_url::{ParseError, QueryParams, Url};

fn url(text: &str) -> Url {
    Url::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[track_caller]
fn builds(builder: nuncio_url::Builder, expected: &str) {
    let built = builder.build();
    assert_eq!(built.as_ref().map(Url::as_str), Ok(expected));
    assert_eq!(built.expect("just compared").check_invariants(), Ok(()));
}

#[test]
fn copying_with_nothing_gives_an_equal_url() {
    for text in [
        "https://u:p@h:1/p?q#f",
        "https://u@h?#",
        "https://:p@[::1]/",
        "http://127.0.0.1/%41%2f",
        "file:///C:/x",
        "file://h/x",
        "mailto:a b",
        "foo:/bar",
        "foo://h",
        "foo:///x",
        "foo:/.//x",
        "data:?x",
    ] {
        builds(url(text).with(), url(text).as_str());
    }
}

#[test]
fn components_make_a_url() {
    let builder = Url::builder()
        .scheme("HTTPS")
        .username("a@b")
        .password("p w")
        .host("EXAMPLE.com");
    let builder = builder
        .port(8443)
        .path("/x y")
        .params([("q", "é")])
        .fragment("f g");
    builds(
        builder,
        "https://a%40b:p%20w@example.com:8443/x%20y?q=%C3%A9#f%20g",
    );
    builds(Url::builder().scheme("mailto").path("a@b"), "mailto:a@b");
    builds(Url::builder().scheme("foo").host("").path("/x"), "foo:///x");
    builds(Url::builder().scheme("file").path("/x"), "file:///x");
    builds(Url::builder().scheme("foo").path("//h"), "foo:/.//h");
}

#[test]
fn a_changed_scheme_normalises_the_port_again() {
    builds(url("https://h:80/").with().scheme("http"), "http://h/");
    builds(url("https://h/").with().scheme("http"), "http://h/");
    builds(url("https://h/").with().port(443), "https://h/");
    builds(url("https://h:1/").with().port(None), "https://h/");
    builds(url("https://h:1/").with().scheme("foo"), "foo://h:1/");
}

#[test]
fn user_name_and_password_replace_the_credentials_together() {
    let base = url("http://u:p@h/");
    builds(base.with().username("x"), "http://x@h/");
    builds(base.with().password("x"), "http://:x@h/");
    builds(base.with().password("y").username("x"), "http://x:y@h/");
    builds(base.with().username("").password(""), "http://h/");
    builds(base.with().userinfo("x:y:z"), "http://x:y%3Az@h/");
    builds(base.with().userinfo(""), "http://h/");
    builds(base.with().username("%41/"), "http://%41%2F@h/");
}

#[test]
fn netloc_sets_host_and_port() {
    let base = url("http://h:1/");
    builds(base.with().netloc("k"), "http://k/");
    builds(base.with().netloc("k:2"), "http://k:2/");
    builds(base.with().netloc("[::1]:2"), "http://[::1]:2/");
    builds(base.with().host("::1"), "http://[::1]:1/");
    builds(base.with().host("[::1]"), "http://[::1]:1/");
}

#[test]
fn raw_path_sets_path_and_query() {
    let base = url("http://h/a?b#c");
    builds(base.with().raw_path("/x"), "http://h/x#c");
    builds(base.with().raw_path("/x?y?z"), "http://h/x?y?z#c");
    builds(base.with().raw_path("/x?"), "http://h/x?#c");
    builds(base.with().path(""), "http://h/?b#c");
    builds(base.with().path("/a/../x\t "), "http://h/x%09%20?b#c");
}

#[test]
fn an_empty_query_is_not_none() {
    let base = url("http://h/?a#b");
    builds(base.with().query(""), "http://h/?#b");
    builds(base.with().query(None), "http://h/#b");
    builds(base.with().params(QueryParams::new()), "http://h/#b");
    builds(
        base.with().query("a'b c").fragment(None),
        "http://h/?a%27b%20c",
    );
    builds(base.with().fragment("a#b\n"), "http://h/?a#a#b%0A");
}

#[test]
fn a_component_cannot_spill_into_another() {
    let with = || url("http://u:p@h/a?b#c").with();
    for (builder, component) in [
        (with().scheme("ht tp"), "scheme"),
        (with().scheme("http:"), "scheme"),
        (with().scheme(""), "scheme"),
        (with().scheme("1a"), "scheme"),
        (with().host("h/x"), "host"),
        (with().host("a@h"), "host"),
        (with().host("h?"), "host"),
        (with().host("h#"), "host"),
        (with().host("h\\x"), "host"),
        (with().host("h:1"), "host"),
        (with().host("h\n"), "host"),
        (with().host(" h"), "host"),
        (with().netloc("a@h:1"), "host"),
        (with().path("x"), "path"),
        (with().path("/x?y"), "path"),
        (with().path("/x#y"), "path"),
        (with().raw_path("/x#y"), "path"),
        (with().raw_path("/x?y#z"), "query"),
        (with().query("x#y"), "query"),
        (Url::builder().host("h"), "scheme"),
    ] {
        assert_eq!(
            builder.build(),
            Err(ParseError::InvalidComponent(component))
        );
    }
    for netloc in ["h:x", "h:65536", "h:+1", "h:1:2"] {
        assert_eq!(
            with().netloc(netloc).build(),
            Err(ParseError::InvalidPort),
            "{netloc}"
        );
    }
    assert_eq!(with().host("").build(), Err(ParseError::EmptyHost));
    assert_eq!(
        with().host("a b").build(),
        Err(ParseError::ForbiddenHostCharacter(' '))
    );
    assert_eq!(
        Url::builder().scheme("foo").port(1).build(),
        Err(ParseError::EmptyHost)
    );
}
