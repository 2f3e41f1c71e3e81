//! What the fuzz targets of this crate check, for `fuzz/` and for the replay over its corpus.

use std::ops::Range;

use nuncio_headers::typed::{ContentType, Link, parse_http_date, safe_file_name};
use nuncio_headers::{Headers, check_name, check_value};

/// A head: each line is split at its first colon. Then every reader and every change.
pub(crate) fn headers(data: &[u8]) {
    let lines = ranges(data);
    let received = Headers::from_received(data, lines.iter().cloned());
    let valid = lines.iter().all(|(name, value)| {
        check_name(&data[name.clone()]).is_ok() && check_value("x", &data[value.clone()]).is_ok()
    });
    assert_eq!(received.is_ok(), valid);
    let Ok(mut headers) = received else { return };

    let wire = headers.as_wire().to_vec();
    let again = Headers::from_received(&wire, ranges(&wire).into_iter()).unwrap();
    assert_eq!(again, headers);
    assert_eq!(again.as_wire(), wire);
    assert_eq!(Headers::from_pairs(headers.iter()).unwrap().as_wire(), wire);
    if let Ok(map) = http::HeaderMap::try_from(&headers) {
        assert_eq!(Headers::try_from(&map).unwrap(), headers);
    }

    let _ = (
        headers.content_length(),
        headers.retry_after(),
        headers.links(),
    );
    let _ = (
        headers.cache_control(),
        format!("{headers:?}"),
        parse_http_date(data),
    );
    if let Some(kind) = headers.content_type() {
        let written = kind.to_string();
        assert_eq!(ContentType::parse(written).unwrap().essence, kind.essence);
    }

    let names: Vec<String> = headers.keys().collect();
    assert_eq!(headers.items().count(), names.len());
    for name in &names {
        let pieces: usize = headers.list(name).map(<[u8]>::len).sum();
        let split: usize = headers.split_commas(name).map(<[u8]>::len).sum();
        let whole: usize = headers.get_all(name).map(<[u8]>::len).sum();
        assert!(pieces <= whole && split <= whole);
    }
    let copy = headers.clone();
    headers.update(&copy).unwrap();
    assert_eq!(headers, copy);
    for (index, name) in names.iter().enumerate() {
        if index % 2 == 0 {
            headers.insert(name, "new").unwrap();
            assert_eq!(headers.get_all(name).collect::<Vec<_>>(), [b"new"]);
        }
        assert!(headers.remove(name) > 0);
        assert!(!headers.contains(name));
    }
    assert!(headers.is_empty() && headers.as_wire().is_empty());
}

/// One Content-Disposition value: whatever it proposes is one harmless path component.
pub(crate) fn content_disposition(data: &[u8]) {
    let mut headers = Headers::new();
    let _ = headers.append("content-disposition", data);
    if let Some(name) = headers
        .content_disposition()
        .and_then(|given| given.file_name())
    {
        assert_safe(&name);
    }
    if let Some(name) = safe_file_name(&String::from_utf8_lossy(data)) {
        assert_safe(&name);
        assert_eq!(safe_file_name(&name).as_ref(), Some(&name));
    }
}

pub(crate) fn assert_safe(name: &str) {
    assert!(!name.is_empty() && name.len() <= 200, "{name:?}");
    assert!(
        !name.starts_with(['.', '-', '~', ' ']) && !name.ends_with(['.', ' ']),
        "{name:?}"
    );
    assert!(
        !name.contains(['/', '\\', ':', '<', '>', '"', '|', '?', '*', '\u{202E}']),
        "{name:?}"
    );
    assert!(!name.chars().any(char::is_control), "{name:?}");
    let path = std::path::Path::new(name);
    assert_eq!(path.file_name(), Some(name.as_ref()));
    assert_eq!(path.components().count(), 1);
}

/// One WWW-Authenticate value a line: nothing is made up.
pub(crate) fn challenges(data: &[u8]) {
    let mut headers = Headers::new();
    for line in data.split(|&byte| byte == b'\n') {
        let _ = headers.append("www-authenticate", line);
    }
    let found = headers.www_authenticate();
    let parts = found.iter().flat_map(|challenge| {
        let pairs = challenge
            .parameters
            .iter()
            .map(|(name, value)| name.len() + value.len());
        pairs.chain([
            challenge.scheme.len(),
            challenge.token68.as_ref().map_or(0, String::len),
        ])
    });
    // A byte that is not UTF-8 may take two.
    assert!(parts.sum::<usize>() <= 2 * data.len());
    for challenge in &found {
        assert!(check_name(&challenge.scheme).is_ok());
    }
}

/// One Link value a line: nothing is made up, and what is found can be written and read again.
pub(crate) fn link(data: &[u8]) {
    let mut headers = Headers::new();
    for line in data.split(|&byte| byte == b'\n') {
        let _ = headers.append("link", line);
    }
    let links = headers.links();
    let sizes = links.iter().map(|link| {
        let pairs = link.parameters.iter();
        link.url.len()
            + pairs
                .map(|(name, value)| name.len() + value.len())
                .sum::<usize>()
    });
    // A byte that is not UTF-8 may take two.
    assert!(sizes.sum::<usize>() <= 2 * data.len());
    for (index, link) in links.iter().enumerate() {
        let key = link.rel().unwrap_or(&link.url);
        let same = |other: &&Link| other.rel().unwrap_or(&other.url) == key;
        assert_eq!(links.get(key), links.iter().filter(same).last());
        for (name, value) in link.parameters.iter() {
            assert!(check_name(name).is_ok() && name == name.to_ascii_lowercase());
            assert!(
                link.parameters
                    .get(name)
                    .is_some_and(|first| first.len() <= data.len() * 2)
            );
            assert!(check_value("link", format!("\"{value}\"").as_bytes()).is_ok());
        }
        let _ = link.title();
        let Some(written) = written(link) else {
            continue;
        };
        let mut alone = Headers::new();
        alone.append("Link", &written).unwrap();
        let again = alone.links();
        assert_eq!(again.len(), 1, "{index}: {written}");
        assert_eq!(again.iter().next(), Some(link), "{index}: {written}");
    }
}

/// A link as RFC 8288 writes it, where it has nothing in it that would be read in another way.
fn written(link: &Link) -> Option<String> {
    let is_quoted = |text: &str| {
        let bytes = text.as_bytes();
        bytes.len() > 1 && bytes.first() == bytes.last() && text.starts_with(['\'', '"'])
    };
    let mut values = link.parameters.iter().map(|(_, value)| value);
    let is_plain = !link.url.contains('>') && link.url == link.url.trim_ascii();
    if !is_plain || is_quoted(&link.url) || values.any(is_quoted) {
        return None;
    }
    let mut text = format!("<{}>", link.url);
    for (name, value) in link.parameters.iter() {
        let escaped = value.replace('\\', r"\\").replace('"', r#"\""#);
        text = format!("{text}; {name}=\"{escaped}\"");
    }
    Some(text)
}

/// The name and value of each line.
fn ranges(block: &[u8]) -> Vec<(Range<usize>, Range<usize>)> {
    let mut start = 0;
    let mut ranges = Vec::new();
    for line in block.split_inclusive(|&byte| byte == b'\n') {
        if let Some(colon) = line.iter().position(|&byte| byte == b':') {
            let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii_end());
            let space = value.len() - value.trim_ascii_start().len();
            let value_start = start + colon + 1 + space;
            let value_end = start + colon + 1 + value.len();
            ranges.push((start..start + name.len(), value_start..value_end));
        }
        start += line.len();
    }
    ranges
}
