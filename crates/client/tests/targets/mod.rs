//! What the fuzz targets of this crate check, for `fuzz/` and for the replay over its corpus.

use nuncio_client::cookies::{MAX_HEADER, MAX_LINE, parse_cookie_date};
use nuncio_client::{CookieJar, Headers, Url};
use std::time::{Duration, SystemTime};

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

/// A URL on the first line, a Set-Cookie value on each further one. Whatever gets into the jar belongs
/// to that host, can be sent, and survives a file.
pub(crate) fn cookie_line(data: &[u8]) {
    let mut lines = data.split(|byte| *byte == b'\n');
    let first = String::from_utf8_lossy(lines.next().unwrap_or_default());
    let Ok(url) = Url::parse(&first) else { return };
    let jar = CookieJar::new();
    for line in lines {
        let before = jar.cookies();
        if jar.store_line(&url, line, now()).is_err() {
            assert_eq!(jar.cookies(), before);
        } else {
            assert!(line.len() <= MAX_LINE);
        }
    }
    let secure = matches!(url.scheme(), "https" | "wss");
    let latest = now() + Duration::from_secs(400 * 86_400);
    for cookie in jar.cookies() {
        let domain = cookie.domain();
        let above = url.host_str().ends_with(&format!(".{domain}"));
        assert!(url.host_str() == domain || (above && !cookie.is_host_only()));
        assert!(secure || !cookie.is_secure());
        assert!(cookie.expires().is_none_or(|at| now() < at && at <= latest));
        assert!(cookie.path().starts_with('/'));
        let name = cookie.name().to_ascii_lowercase();
        assert!(!name.starts_with("__secure-") || cookie.is_secure());
        assert!(!name.starts_with("__host-") || (cookie.is_secure() && cookie.path() == "/"));
    }
    if let Some(header) = jar.header_for(&url, now()) {
        assert!(header.len() <= MAX_HEADER);
        assert!(Headers::new().append("cookie", header.as_bytes()).is_ok());
    }
    round_trip(&jar);
}

/// One date: in range, and no worse for blanks around it.
pub(crate) fn cookie_date(data: &[u8]) {
    let Some(date) = parse_cookie_date(data) else {
        return;
    };
    let seconds = match date.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => after.as_secs() as i64,
        Err(before) => -(before.duration().as_secs() as i64),
    };
    assert!((-11_644_473_600..253_402_300_800).contains(&seconds));
    let wider = [b" ;", data, b"\t-"].concat();
    assert_eq!(parse_cookie_date(wider), Some(date));
}

/// A cookie file: what is read is written so that it is read again.
pub(crate) fn jar_file(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Ok(jar) = CookieJar::from_netscape(&text) else {
        return;
    };
    assert!(jar.len() <= text.lines().count());
    round_trip(&jar);
}

fn round_trip(jar: &CookieJar) {
    let file = jar.to_netscape();
    let again = CookieJar::from_netscape(&file).unwrap();
    assert_eq!(again.to_netscape(), file);
    let has_tab = |text: &str| text.contains('\t');
    let kept = jar.cookies().into_iter().filter(|cookie| {
        !has_tab(cookie.name())
            && !has_tab(cookie.value().unwrap_or_default())
            && !has_tab(cookie.path())
    });
    let expected: Vec<_> = kept
        .map(|it| {
            (
                it.name().to_owned(),
                it.value().map(str::to_owned),
                it.is_host_only(),
                it.domain().to_owned(),
            )
        })
        .collect();
    let found: Vec<_> = again
        .cookies()
        .into_iter()
        .map(|it| {
            (
                it.name().to_owned(),
                it.value().map(str::to_owned),
                it.is_host_only(),
                it.domain().to_owned(),
            )
        })
        .collect();
    assert_eq!(found, expected);
}
