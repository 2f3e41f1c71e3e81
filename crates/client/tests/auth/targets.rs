//! What the fuzz targets of authentication check, for `fuzz/` and for the replay over their seeds.

use nuncio_client::auth::{AuthFlow, AuthScheme, AuthStep};
use nuncio_client::{
    Auth, Digest, Head, Headers, Kind, Method, Netrc, Request, Response, StatusCode, Url,
};
use std::time::Duration;

/// A path on the first line, a user's name on the second, a WWW-Authenticate value on each further
/// one. An answer is one well-formed field, for one of the challenges; there is one to each challenge.
pub(crate) fn digest_challenge(data: &[u8]) {
    let mut lines = data.split(|byte| *byte == b'\n');
    let path = String::from_utf8_lossy(lines.next().unwrap_or_default());
    let user = lines.next().unwrap_or_default();
    let mut headers = Headers::new();
    for line in lines {
        let _ = headers.append("WWW-Authenticate", line);
    }
    let Ok(url) = Url::parse("http://h/").and_then(|base| base.join(&path)) else {
        return;
    };
    let head = Head::new(Method::GET, url.clone(), StatusCode::UNAUTHORIZED, headers);
    let refused = Response::new(head, Vec::new().into(), Duration::ZERO);
    let mut request = Request::new(Method::GET, url.clone());

    let digest = Digest::new(user, "p\0");
    let Ok(mut flow) = digest.start(&request) else {
        assert!(user.iter().any(u8::is_ascii_control));
        return;
    };
    assert!(matches!(flow.step(&mut request, None), Ok(AuthStep::Send)));
    assert!(!request.headers().contains("authorization"));
    match flow.step(&mut request, Some(&refused)) {
        Ok(AuthStep::Send) => {}
        Ok(_) => return assert!(!request.headers().contains("authorization")),
        Err(error) => {
            assert_eq!(error.kind(), Kind::RemoteProtocol);
            assert!(error.to_string().len() < 1_000);
            return;
        }
    }
    check_answer(&request, user, &refused);
    answer_once(&mut *flow, &mut request, &refused);

    // What was learnt is used for that origin, and for no other.
    let other = match url.scheme() {
        "https" => "http://h/",
        _ => "https://h/",
    };
    for (url, signed) in [(url, None), (Url::parse(other).unwrap(), Some(false))] {
        let mut next = Request::new(Method::GET, url);
        let mut flow = digest.start(&next).unwrap();
        assert!(matches!(flow.step(&mut next, None), Ok(AuthStep::Send)));
        let is = next.headers().contains("authorization");
        assert!(signed.is_none_or(|signed| signed == is));
    }
}

/// The answer, read back as if it were a challenge.
fn check_answer(request: &Request, user: &[u8], refused: &Response) {
    let value = request.headers().first("authorization").unwrap();
    let mut headers = Headers::new();
    headers.append("WWW-Authenticate", value).unwrap();
    let answers = headers.www_authenticate();
    let [answer] = &answers[..] else {
        panic!("{}", value.escape_ascii());
    };
    let get = |name| answer.parameters.get(name);
    assert!(answer.scheme == "Digest" && answer.token68.is_none());
    let challenges = refused.headers().www_authenticate();
    let known = challenges.iter().any(|one| {
        let theirs = |name| one.parameters.get(name);
        let same = ["realm", "nonce"]
            .iter()
            .all(|name| theirs(name) == get(name));
        same && theirs("qop").is_some() == get("qop").is_some()
    });
    assert!(known, "one of the challenges");
    assert_eq!(get("uri"), Some(request.url().raw_path()));
    let response = get("response").unwrap();
    assert!(
        response
            .bytes()
            .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    );
    assert!(matches!(response.len(), 32 | 40 | 64 | 128));
    assert!(get("nc").is_none_or(|count| count == "00000001"));
    let Ok(user) = std::str::from_utf8(user) else {
        return;
    };
    if get("userhash").is_none() {
        assert_eq!(
            answer.parameters.extended("username").as_deref(),
            Some(user)
        );
    }
}

/// The same again is the result, unless it says `stale`, once.
fn answer_once(flow: &mut dyn AuthFlow, request: &mut Request, refused: &Response) {
    let stale = |flow: &mut dyn AuthFlow, request: &mut Request| {
        matches!(flow.step(request, Some(refused)), Ok(AuthStep::Send))
    };
    if stale(flow, request) {
        let field = String::from_utf8_lossy(refused.headers().as_wire()).to_lowercase();
        assert!(field.contains("stale"));
        assert!(!stale(flow, request));
    }
}

/// A file: what is read from it can be written and read again, and nothing else is sent.
pub(crate) fn netrc(data: &[u8]) {
    let netrc = match Netrc::parse(data) {
        Ok(netrc) => netrc,
        Err(error) => {
            let text = error.to_string();
            assert!(text.starts_with("netrc: line ") && text.len() < 120);
            return;
        }
    };
    let mut hosts: Vec<String> = Vec::new();
    for line in format!("{netrc:?}").split("NetrcEntry(machine ").skip(1) {
        hosts.extend(line.split(')').next().map(str::to_owned));
    }
    hosts.push("nowhere.invalid".to_owned());
    for host in &hosts {
        let Some(entry) = netrc.find(host) else {
            continue;
        };
        assert!(!entry.password().is_empty());
        assert!(
            entry
                .machine()
                .is_none_or(|machine| machine.eq_ignore_ascii_case(host))
        );
        let mut text = b"machine x login ".to_vec();
        quote(&mut text, entry.login());
        text.extend_from_slice(b" password ");
        quote(&mut text, entry.password());
        let again = Netrc::parse(&text).unwrap();
        let again = again.find("X").unwrap();
        assert_eq!(again.login(), entry.login());
        assert_eq!(again.password(), entry.password());
        check_sent(&netrc, host, entry.login());
    }
}

fn quote(text: &mut Vec<u8>, word: &[u8]) {
    text.push(b'"');
    for byte in word {
        if matches!(byte, b'"' | b'\\') {
            text.push(b'\\');
        }
        text.push(*byte);
    }
    text.push(b'"');
}

fn check_sent(netrc: &Netrc, host: &str, login: &[u8]) {
    let url = format!("http://{host}/");
    let Some(url) = Url::parse(&url).ok().filter(|url| url.host_str() == host) else {
        return;
    };
    let mut request = Request::new(Method::GET, url);
    match Auth::netrc(netrc.clone()).apply(&mut request) {
        Ok(()) => assert!(
            request
                .headers()
                .first("authorization")
                .unwrap()
                .starts_with(b"Basic ")
        ),
        Err(_) => assert!(login.contains(&b':')),
    }
}
