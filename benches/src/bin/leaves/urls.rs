//! Parsing the URLs of `url-corpus.txt` and joining references to them.

use crate::Case;
use std::error::Error;
use std::hint::black_box;

const CORPUS: &str = include_str!("../../../url-corpus.txt");

/// What stands in pages and redirects. Each base gets one of them in turn.
const REFERENCES: [&str; 8] = [
    "../c?page=2",
    "/assets/app.7f3a.js",
    "?page=3&sort=date",
    "#comments",
    "image.png",
    "//cdn.example.com/x/y.css",
    "https://login.example.com/start?next=%2Fhome",
    "./sub/dir/",
];

type Bases<T> = Vec<(T, &'static str)>;

pub(crate) fn cases() -> Result<Vec<Case>, Box<dyn Error>> {
    let all: Vec<&str> = CORPUS.lines().filter(|line| !line.is_empty()).collect();
    // RFC 3986 is stricter than the standard of browsers: brackets in a query are no URI to it.
    let plain: Vec<&str> = all.iter().copied().filter(|text| is_uri(text)).collect();
    let mut cases = Vec::new();
    for set in [&all, &plain] {
        let count = set.len();
        let what = format!("url/parse {count} URLs");
        cases.push(parse(&what, "nuncio-url", set, |text| {
            nuncio_url::Url::parse(text).is_ok_and(|url| black_box(url).as_str().len() > 1)
        })?);
        cases.push(parse(&what, "url", set, |text| {
            url::Url::parse(text).is_ok_and(|url| black_box(url).as_str().len() > 1)
        })?);
        cases.push(parse(&what, "ada-url", set, |text| {
            ada_url::Url::parse(text, None).is_ok_and(|url| black_box(url).href().len() > 1)
        })?);
    }
    let what = format!("url/parse {} URLs", plain.len());
    cases.push(parse(&what, "fluent-uri", &plain, |text| {
        fluent_uri::Uri::parse(text).is_ok_and(|uri| black_box(uri.to_owned()).as_str().len() > 1)
    })?);
    cases.push(parse(&what, "fluent-uri, normalized", &plain, |text| {
        fluent_uri::Uri::parse(text).is_ok_and(|uri| black_box(uri.normalize()).as_str().len() > 1)
    })?);

    let joined: Vec<&str> = plain
        .iter()
        .copied()
        .filter(|text| text.starts_with("http"))
        .collect();
    let what = format!("url/join to {} URLs", joined.len());
    let ours = bases(&joined, |text| nuncio_url::Url::parse(text).ok());
    cases.push(join(&what, "nuncio-url", ours, |base, reference| {
        base.join(reference)
            .is_ok_and(|url| black_box(url).as_str().len() > 1)
    })?);
    let url = bases(&joined, |text| url::Url::parse(text).ok());
    cases.push(join(&what, "url", url, |base, reference| {
        base.join(reference)
            .is_ok_and(|url| black_box(url).as_str().len() > 1)
    })?);
    // ada-url takes its base as text, and parses it each time.
    let ada = bases(&joined, |text| {
        let url = ada_url::Url::parse(text, None).ok()?;
        Some(url.href().to_owned())
    });
    cases.push(join(
        &what,
        "ada-url, base as text",
        ada,
        |base, reference| {
            ada_url::Url::parse(reference, Some(base))
                .is_ok_and(|url| black_box(url).href().len() > 1)
        },
    )?);
    let fluent = bases(&joined, |text| {
        Some(
            fluent_uri::Uri::parse(text)
                .ok()?
                .strip_fragment()
                .to_owned(),
        )
    });
    cases.push(join(&what, "fluent-uri", fluent, |base, reference| {
        fluent_uri::UriRef::parse(reference)
            .is_ok_and(|reference| black_box(reference.resolve_against(base)).is_ok())
    })?);
    Ok(cases)
}

fn is_uri(text: &str) -> bool {
    fluent_uri::Uri::parse(text).is_ok()
}

fn bases<T>(texts: &[&'static str], parse: impl Fn(&'static str) -> Option<T>) -> Bases<T> {
    let parsed = texts.iter().filter_map(|text| parse(text));
    parsed.zip(REFERENCES.into_iter().cycle()).collect()
}

/// A crate that refused some URL would seem fast: all of them have to be parsed.
fn parse(
    what: &str,
    who: &str,
    texts: &[&'static str],
    work: impl Fn(&str) -> bool + 'static,
) -> Result<Case, Box<dyn Error>> {
    if let Some(refused) = texts.iter().find(|text| !work(text)) {
        return Err(format!("{who} refuses {refused}").into());
    }
    let texts = texts.to_vec();
    Ok(Case::new(format!("{what}/{who}"), texts.len(), move || {
        for text in &texts {
            black_box(work(black_box(text)));
        }
    }))
}

fn join<T: 'static>(
    what: &str,
    who: &str,
    bases: Bases<T>,
    work: impl Fn(&T, &str) -> bool + 'static,
) -> Result<Case, Box<dyn Error>> {
    if let Some((_, refused)) = bases.iter().find(|(base, text)| !work(base, text)) {
        return Err(format!("{who} refuses {refused}").into());
    }
    Ok(Case::new(format!("{what}/{who}"), bases.len(), move || {
        for (base, reference) in &bases {
            black_box(work(black_box(base), black_box(reference)));
        }
    }))
}
