//! What the fuzz targets check, as plain functions: `fuzz/` calls them, and so does `fuzz_corpus.rs`.
//! They panic when something does not hold.

use nuncio_url::{Host, QueryParams, Reference, Url, form, merge_base};

/// A base URL up to the first line end, a reference behind it.
pub(crate) fn url(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let (base, input) = text.split_once('\n').unwrap_or(("", text));
    check_url(Url::parse(input).ok());
    if let Ok(reference) = Reference::parse(input) {
        let again = Reference::parse(reference.as_str()).expect("its own text");
        assert_eq!(again, reference);
    }
    let Ok(base) = Url::parse(base) else { return };
    let joined = base.join(input).ok();
    if let Ok(reference) = Reference::parse(input)
        && !reference.is_absolute()
    {
        assert_eq!(reference.resolve(&base).ok(), joined, "resolve is join");
        if let Ok(merged) = merge_base(&base, input) {
            assert_eq!(merged.scheme(), base.scheme());
            assert_eq!(merged.netloc(), base.netloc(), "nothing leaves the base");
            check_url(Some(merged));
        }
    }
    check_url(joined);
}

fn check_url(url: Option<Url>) {
    let Some(url) = url else { return };
    assert_eq!(url.check_invariants(), Ok(()), "{}", url.as_str());
    let again = Url::parse(url.as_str()).expect("its own text");
    assert_eq!(again, url, "parsing is idempotent");
    assert_eq!(
        url.join(url.as_str()),
        Ok(again),
        "an absolute URL needs no base"
    );
    assert_eq!(
        url.with().build().as_ref(),
        Ok(&url),
        "copying changes nothing"
    );
    assert!(url.host().to_string() == url.host_str());
    assert!(url.raw_path().starts_with(url.path()));
    assert!(url.same_origin(&url) == (url.origin().to_string() != "null"));
    let _ = (
        url.username(),
        url.password(),
        url.path_decoded(),
        url.fragment_decoded(),
    );
    let _ = (url.host_unicode(), url.dialable());
    if !url.raw_password().is_empty() {
        assert!(url.redacted().to_string().contains(":[secure]@"));
    }
}

/// A URL up to the first line end, then lines of a setter's letter and a value.
pub(crate) fn url_setters(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let mut lines = text.split('\n');
    let Ok(mut url) = Url::parse(lines.next().unwrap_or_default()) else {
        return;
    };
    for line in lines {
        let Some(letter) = line.chars().next() else {
            continue;
        };
        let value = &line[letter.len_utf8()..];
        let before = url.clone();
        let result = match letter {
            's' => url.set_protocol(value),
            'u' => url.set_username(value),
            'p' => url.set_password(value),
            'h' => url.set_host(value),
            'n' => url.set_hostname(value),
            'o' => url.set_port(value),
            'a' => url.set_pathname(value),
            'q' => url.set_search(value),
            'f' => url.set_hash(value),
            _ => url.set_href(value),
        };
        assert_eq!(
            url.check_invariants(),
            Ok(()),
            "{before} {line:?} {}",
            url.as_str()
        );
        assert!(
            result.is_ok() || url == before || letter == 'h',
            "failed and changed something"
        );
        let again = Url::parse(url.as_str()).expect("its own text");
        // A path that the setters may leave in a file URL is read as a drive letter.
        assert!(
            again == url || url.scheme() == "file",
            "{before} {line:?} {}",
            url.as_str()
        );
    }
}

/// A host.
pub(crate) fn idna(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Ok(url) = Url::parse(&format!("https://{text}/")) else {
        return;
    };
    assert_eq!(url.check_invariants(), Ok(()));
    assert!(url.host_str().is_ascii());
    if matches!(url.host(), Host::Domain(_)) && url.path() == "/" {
        let unicode = url.host_unicode();
        // Labels are decoded one by one: together they may break the rule on directions.
        if let Ok(back) = Url::parse(&format!("https://{unicode}/"))
            && url.dialable().is_ok()
        {
            assert_eq!(back.host_str(), url.host_str(), "{unicode}");
        }
    }
}

/// A query, and a second one to merge behind a line end.
pub(crate) fn query(data: &[u8]) {
    let pairs: Vec<_> = form::parse(data).collect();
    let text = form::serialize(pairs.iter().map(|(name, value)| (name, value)));
    assert!(
        form::parse(text.as_bytes()).eq(pairs.iter().cloned()),
        "a form comes back"
    );
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let (first, second) = text.split_once('\n').unwrap_or((text, ""));
    let (one, two) = (QueryParams::parse(first), QueryParams::parse(second));
    let again = QueryParams::parse(&one.to_string());
    assert!(
        again.pairs().eq(one.pairs()),
        "parameters come back in order"
    );
    assert_eq!(one.pairs().count(), form::parse(first.as_bytes()).count());
    let merged = one.merged(&two);
    for name in one.names().take(4).chain(two.names().take(4)) {
        let from = if two.contains(name) { &two } else { &one };
        assert!(merged.all(name).eq(from.all(name)));
        assert!(!merged.with_removed(name).contains(name));
        assert_eq!(merged.with_set(name, "x").first(name), Some("x"));
        assert_eq!(merged.with_added(name, 1).all(name).last(), Some("1"));
    }
    let base = Url::parse("http://h/?a").expect("valid");
    let url = base.with_params(&one).expect("short");
    assert_eq!(url.params(), one);
    assert_eq!(url.check_invariants(), Ok(()));
}
