use super::*;
use crate::auth::testing::{
    authorization, cpu_time, escape, get, grows_linearly, request, response, rows, unescape,
};
use answer::Count;
use nuncio_headers::Headers;
use nuncio_url::Url;
use std::cell::RefCell;
use std::collections::HashSet;

thread_local! {
    static CNONCE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// The client nonce that the test has set, or this one.
fn set_nonce() -> Result<String, Error> {
    Ok(CNONCE.with_borrow(|cnonce| match cnonce.is_empty() {
        true => "0123456789abcdef".to_owned(),
        false => cnonce.clone(),
    }))
}

fn digest(user: &str, password: &str) -> Digest {
    Digest {
        nonces: set_nonce,
        ..Digest::new(user, password)
    }
}

const SIMPLE: &str = r#"Digest realm="r", nonce="n", qop="auth""#;

/// Sends `request` to servers that give these answers, until the flow is done; gives the field of
/// each request that was sent.
fn drive(
    digest: &Digest,
    request: &mut Request,
    answers: &[(u16, &str)],
) -> Result<Vec<Option<String>>, Error> {
    let mut flow = digest.start(request)?;
    let mut sent = Vec::new();
    let mut last: Option<Response> = None;
    let mut answers = answers.iter();
    loop {
        match flow.step(request, last.as_ref())? {
            AuthStep::Send => sent.push(authorization(request)),
            AuthStep::Done => {
                assert_eq!(answers.next(), None, "answers that were not asked for");
                return Ok(sent);
            }
            AuthStep::SendOther(_) => panic!("nothing else to send"),
        }
        let (status, challenge) = answers.next().expect("one more request than answers");
        let challenges: Vec<&[u8]> = challenge.lines().map(str::as_bytes).collect();
        last = Some(response(*status, request.url().as_str(), &challenges));
    }
}

/// What a GET of `http://h/` says to one challenge.
fn answered(digest: &Digest, challenge: &str) -> Result<String, Error> {
    let sent = drive(
        digest,
        &mut get("http://h/"),
        &[(401, challenge), (200, "")],
    )?;
    Ok(sent[1].clone().unwrap())
}

fn parameter(value: &str, name: &str) -> Option<String> {
    let mut headers = Headers::new();
    headers.append("WWW-Authenticate", unescape(value)).unwrap();
    let challenge = headers.www_authenticate().remove(0);
    challenge.parameters.get(name).map(str::to_owned)
}

// Vectors.

#[test]
fn b14_5_the_examples_of_the_rfcs() {
    const ORG: [&str; 5] = [
        "http-auth@example.org",
        "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        "Circle of Life",
        "/dir/index.html",
    ];
    // RFC 7616 section 3.9.1, RFC 2617 section 3.5, and more that hashlib computed.
    type Row<'a> = (
        [&'a str; 5],
        &'a str,
        &'a str,
        Option<Qop>,
        &'a str,
        &'a str,
        &'a str,
    );
    let rows: [Row<'_>; 8] = [
        (
            ORG,
            "Mufasa",
            "MD5",
            Some(Qop::Auth),
            "GET",
            "",
            "8ca523f5e9506fed4657c9700eebdbec",
        ),
        (
            ORG,
            "Mufasa",
            "SHA-256",
            Some(Qop::Auth),
            "GET",
            "",
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
        ),
        (
            [
                "testrealm@host.com",
                "dcd98b7102dd2f0e8b11d0f600bfb0c093",
                "0a4f113b",
                "Circle Of Life",
                "/dir/index.html",
            ],
            "Mufasa",
            "MD5",
            Some(Qop::Auth),
            "GET",
            "",
            "6629fae49393a05397450978507c4ef1",
        ),
        (
            ["r", "n", "c", "p", "/"],
            "u",
            "MD5",
            None,
            "GET",
            "",
            "f23121ca97143c6b358da620220c83b4",
        ),
        (
            ["r", "n", "c", "p", "/"],
            "u",
            "MD5-sess",
            Some(Qop::Auth),
            "GET",
            "",
            "6e4aac8b22e97762f88ccd0d5ccf5b1d",
        ),
        (
            ["r", "n", "c", "p", "/"],
            "u",
            "SHA-256-sess",
            Some(Qop::Auth),
            "GET",
            "",
            "ea348c3992b38a8ab656b8bcd3589ab596820515773c2a4605013c6216e0f070",
        ),
        (
            ["r", "n", "c", "p", "/x"],
            "u",
            "SHA-256",
            Some(Qop::AuthInt),
            "POST",
            "hello",
            "c102460bf9d464c89151677991ef5cc3282018a33b7f03bd1a994d5671063fe2",
        ),
        // Section 3.9.2 as erratum 4897 has it: the printed value is of SHA-512 cut short.
        (
            [
                "api@example.org",
                "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK",
                "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v",
                "Secret, or not?",
                "/doe.json",
            ],
            "J\u{e4}s\u{f8}n Doe",
            "SHA-512-256",
            Some(Qop::Auth),
            "GET",
            "",
            "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5",
        ),
    ];
    for ([realm, nonce, cnonce, password, target], user, name, qop, method, body, expected) in rows
    {
        let (algorithm, session) = DigestAlgorithm::parse(name).unwrap();
        let challenge = DigestChallenge {
            realm: realm.to_owned(),
            nonce: nonce.to_owned(),
            opaque: None,
            algorithm,
            algorithm_name: name.to_owned(),
            session,
            qop,
            userhash: algorithm == DigestAlgorithm::Sha512_256,
            utf8: true,
            stale: false,
            domain: None,
        };
        let asked = Asked {
            method,
            target,
            body: body.as_bytes(),
        };
        let count = Count {
            number: 1,
            cnonce: cnonce.to_owned(),
        };
        let credentials = Digest::new(user, password).credentials;
        let value = escape(&answer::answer(&challenge, &credentials, asked, &count));
        assert_eq!(parameter(&value, "response").as_deref(), Some(expected));
        if challenge.userhash {
            let hashed = "793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b";
            assert_eq!(parameter(&value, "username").as_deref(), Some(hashed));
        }
    }
}

/// Where nuncio does something else than httpx 0.28.1: the challenge, the user, what we do, why.
const DIFFERENCES: &[(&str, &str, &str, &str)] = &[
    (
        r#"Digest realm="r", nonce="n", algorithm=SHA-512-256, qop="auth""#,
        "u",
        r#"Digest username="u", realm="r", nonce="n", uri="/", response="5abe15c890464fb3cff6460ca62d851678cd0a41af066f9dfdaf747fd6e0f6b9""#,
        "RFC 7616 has it",
    ),
    (
        r#"Digest realm="r", nonce="n", algorithm=SHA-512-256"#,
        "u",
        r#"Digest username="u", realm="r", nonce="n", uri="/", response="508c0332e3f4d312b395822796e242586651a628ed69f90cc97b26a959e27de6", algorithm=SHA-512-256"#,
        "RFC 7616 has it",
    ),
    (
        r#"Digest realm="r", nonce="n", qop="auth-int""#,
        "u",
        r#"Digest username="u", realm="r", nonce="n", uri="/", response="1c8326ce2bbe2a4cc31ce4426e7d070e", algorithm=MD5, qop=auth-int, nc=00000001"#,
        "RFC 7616 has it",
    ),
    (
        r#"Digest realm="r", nonce="n", qop="AUTH""#,
        "u",
        r#"Digest username="u", realm="r", nonce="n", uri="/", response="b53f6379e59860067fa499a84bb8e9b1", algorithm=MD5, qop=auth"#,
        "tokens have no case",
    ),
    (
        r#"Digest realm="r", nonce="n", qop="auth ,auth-int""#,
        "u",
        r#"Digest username="u", realm="r", nonce="n", uri="/", response="b53f6379e59860067fa499a84bb8e9b1", algorithm=MD5, qop=auth"#,
        "a list has spaces anywhere",
    ),
    (
        r#"Digest realm="r", nonce="", qop="auth""#,
        "u",
        "!",
        "an empty nonce proves nothing",
    ),
    (
        r#"Digest realm="a \x5c"b\x5c" c", nonce="n", qop="auth""#,
        "u",
        r#"Digest username="u", realm="a \x5c"b\x5c" c", nonce="n", uri="/", response="3d93bdbe18fa9b448c7c48b60716322a""#,
        "quotes are escaped",
    ),
    (
        r#"Digest realm="a\x5c\x5cb", nonce="n", qop="auth""#,
        "u",
        r#"Digest username="u", realm="a\x5c\x5cb", nonce="n", uri="/", response="4cfb9eb676ba3b5e12ea8d5ded2b1a05""#,
        "backslashes are escaped",
    ),
    (
        r#"Digest REALM="r", NONCE="n", QOP="auth""#,
        "u",
        r#"Digest username="u", realm="r", nonce="n", uri="/", response="b53f6379e59860067fa499a84bb8e9b1""#,
        "names of parameters have no case",
    ),
    (
        r#"Digest realm="r", nonce="n", qop="auth", userhash=true"#,
        "u",
        r#"Digest username="ba84be203fdfc7d34e054a76d285d0c9", realm="r", nonce="n", uri="/", response="b53f6379e59860067fa499a84bb8e9b1", algorithm=MD5, qop=auth, nc=00000001, cnonce="0123456789abcdef", userhash=true"#,
        "RFC 7616 has it",
    ),
    (
        r#"Digest realm="r", nonce="n", qop="auth", charset=UTF-8"#,
        r"J\xc3\xa4s\xc3\xb8n Doe",
        r#"Digest username*=UTF-8''J%C3%A4s%C3%B8n%20Doe, realm="r", nonce="n", uri="/", response="cf0d1676245cbb9f34575046ccaedb97""#,
        "RFC 7616 section 3.4",
    ),
    (
        r#"Basic realm="b", Digest realm="r", nonce="n""#,
        "u",
        r#"Digest username="u", realm="r", nonce="n", uri="/", response="f23121ca97143c6b358da620220c83b4""#,
        "the list is parsed",
    ),
    (
        r#"Digest realm="r", nonce="n", realm="s""#,
        "u",
        r#"Digest username="u", realm="r""#,
        "the first of a parameter counts",
    ),
    (
        r#"Digest realm="r", nonce="n", nonce="m""#,
        "u",
        r#"Digest username="u", realm="r", nonce="n""#,
        "the first of a parameter counts",
    ),
    (
        r#"Digest realm="r", nonce="n", qop="auth"#,
        "u",
        r#"Digest username="u", realm="r", nonce="n""#,
        "a quote that is not closed ends with the field",
    ),
    (
        SIMPLE,
        r#"a"b"#,
        r#"Digest username="a\x5c"b", realm="r", nonce="n", uri="/", response="ca895dd7eab80b2e2f04386622e2a02a""#,
        "quotes are escaped",
    ),
    (
        SIMPLE,
        r"a\x5cb",
        r#"Digest username="a\x5c\x5cb", realm="r", nonce="n", uri="/", response="d9e82f2496e61a7bba04978bc11afd69""#,
        "backslashes are escaped",
    ),
];

#[test]
fn b14_5_what_httpx_sends() {
    let mut count = 0;
    let mut differ = HashSet::new();
    for row in rows(include_str!("../../../tests/auth/digest_httpx.tsv")) {
        let [challenge, user, password, method, url, cnonce, theirs] = row[..] else {
            panic!("{row:?}")
        };
        CNONCE.set(cnonce.to_owned());
        let digest = Digest {
            nonces: set_nonce,
            ..Digest::new(unescape(user), unescape(password))
        };
        let url = String::from_utf8(unescape(url)).unwrap();
        let mut request = request(method, &url);
        let mut flow = digest.start(&request).unwrap();
        flow.step(&mut request, None).unwrap();
        let refused = response(401, &url, &[&unescape(challenge)]);
        let ours = match flow.step(&mut request, Some(&refused)) {
            Ok(AuthStep::Send) => authorization(&request).unwrap(),
            Ok(_) => "-".to_owned(),
            Err(error) => {
                assert_eq!(error.kind(), Kind::RemoteProtocol, "{challenge}");
                "!".to_owned()
            }
        };
        let theirs = if theirs.starts_with('!') { "!" } else { theirs };
        if ours != theirs {
            let mut listed = DIFFERENCES.iter();
            let difference = listed.find(|known| (known.0, known.1) == (challenge, user));
            let (_, _, expected, _) = difference
                .unwrap_or_else(|| panic!("{challenge}\n{user}\n ours {ours}\n theirs {theirs}"));
            assert!(
                ours.starts_with(expected),
                "{challenge}\n ours {ours}\n not {expected}"
            );
            differ.insert((challenge, user));
        }
        count += 1;
    }
    assert_eq!(differ.len(), DIFFERENCES.len(), "a difference that is none");
    assert!(count >= 110, "{count}");
}

// The flow.

#[test]
fn b14_5_a_challenge_is_answered_and_the_next_request_answers_in_advance() {
    let digest = digest("u", "p");
    let sent = drive(&digest, &mut get("http://h/a"), &[(401, SIMPLE), (200, "")]).unwrap();
    assert_eq!(sent[0], None);
    let first = sent[1].clone().unwrap();
    assert_eq!(parameter(&first, "nc").as_deref(), Some("00000001"));
    assert_eq!(parameter(&first, "uri").as_deref(), Some("/a"));

    for count in 2..20 {
        let sent = drive(&digest, &mut get("http://h/b?c"), &[(200, "")]).unwrap();
        let value = sent[0].clone().unwrap();
        let expected = format!("{count:08x}");
        assert_eq!(parameter(&value, "nc"), Some(expected));
        assert_eq!(parameter(&value, "uri").as_deref(), Some("/b?c"));
    }
}

#[test]
fn b14_5_what_is_no_digest_challenge_is_the_result() {
    for (status, challenge) in [
        (200, SIMPLE),
        (403, SIMPLE),
        (407, SIMPLE),
        (500, ""),
        (401, ""),
        (401, "Basic realm=\"b\""),
        (401, "Digest"),
        (401, "Digest =, ==, =x"),
        (401, "Bearer\nNegotiate abc=="),
        (401, "Digester realm=\"r\", nonce=\"n\""),
    ] {
        let sent = drive(
            &digest("u", "p"),
            &mut get("http://h/"),
            &[(status, challenge)],
        )
        .unwrap();
        assert_eq!(sent, [None], "{status} {challenge}");
    }
}

#[test]
fn b14_5_a_digest_challenge_is_found_wherever_it_stands() {
    for challenge in [
        "Basic realm=\"b\", Digest realm=\"r\", nonce=\"n\"",
        "Basic realm=\"b\"\nDigest realm=\"r\", nonce=\"n\"",
        "Negotiate abc==, dIgEsT nonce=n,realm=r, Basic realm=b",
        "Digest realm=\"r\", nonce=\"n\", Basic realm=\"x\"",
    ] {
        let value = answered(&digest("u", "p"), challenge).unwrap();
        assert!(
            value.contains("f23121ca97143c6b358da620220c83b4"),
            "{value}"
        );
    }
}

#[test]
fn b14_5_a_user_set_field_is_replaced_by_the_answer() {
    let mut request = get("http://h/");
    request
        .headers_mut()
        .append("authorization", "mine")
        .unwrap();
    request
        .headers_mut()
        .append("Authorization", "twice")
        .unwrap();
    let digest = digest("u", "p");
    let mut flow = digest.start(&request).unwrap();
    flow.step(&mut request, None).unwrap();
    assert_eq!(request.headers().get_all("authorization").count(), 2);
    let refused = response(401, "http://h/", &[SIMPLE.as_bytes()]);
    flow.step(&mut request, Some(&refused)).unwrap();
    assert!(authorization(&request).unwrap().starts_with("Digest "));
}

#[test]
fn b14_5_a_second_401_is_the_result() {
    let again = SIMPLE.replace("\"n\"", "\"m\"");
    let sent = drive(
        &digest("u", "p"),
        &mut get("http://h/"),
        &[(401, SIMPLE), (401, &again)],
    );
    assert_eq!(sent.unwrap().len(), 2);
    // Even where it is not understood.
    let answers = [(401, SIMPLE), (401, "Digest realm=\"r\"")];
    assert_eq!(
        drive(&digest("u", "p"), &mut get("http://h/"), &answers)
            .unwrap()
            .len(),
        2
    );
}

#[test]
fn b14_5_the_count_goes_on_with_the_same_nonce_and_starts_anew_with_another() {
    let digest = digest("u", "p");
    let count = |challenge: &str| {
        let mut request = get("http://h/");
        let mut flow = digest.start(&request).unwrap();
        flow.step(&mut request, None).unwrap();
        let refused = response(401, "http://h/", &[challenge.as_bytes()]);
        flow.step(&mut request, Some(&refused)).unwrap();
        parameter(&authorization(&request).unwrap(), "nc").unwrap()
    };
    assert_eq!(count(SIMPLE), "00000001");
    // 2 went out in advance.
    assert_eq!(count(SIMPLE), "00000003");
    assert_eq!(count(&SIMPLE.replace("\"n\"", "\"m\"")), "00000001");
}

#[test]
fn b14_5_a_session_keeps_its_client_nonce() {
    // RFC 7616 section 3.4.2: the key is made with the first one.
    let random = Digest::new("u", "p");
    let session = "Digest realm=r, nonce=n, algorithm=SHA-256-sess, qop=auth";
    let cnonce = |digest: &Digest, answers: &[(u16, &str)]| {
        let sent = drive(digest, &mut get("http://h/"), answers).unwrap();
        parameter(&sent.last().unwrap().clone().unwrap(), "cnonce").unwrap()
    };
    let first = cnonce(&random, &[(401, session), (200, "")]);
    assert_eq!(first.len(), 16);
    assert!(
        first
            .bytes()
            .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    );
    assert_eq!(cnonce(&random, &[(200, "")]), first);
    // Others take a new one each time.
    let random = Digest::new("u", "p");
    let first = cnonce(&random, &[(401, SIMPLE), (200, "")]);
    assert_ne!(cnonce(&random, &[(200, "")]), first);
}

#[test]
fn b14_5_threads_never_use_a_count_twice() {
    let digest = Digest::new("u", "p");
    drive(&digest, &mut get("http://h/"), &[(401, SIMPLE), (200, "")]).unwrap();
    let counts: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let digest = digest.clone();
                scope.spawn(move || {
                    let one = || {
                        let sent = drive(&digest, &mut get("http://h/"), &[(200, "")]).unwrap();
                        parameter(&sent[0].clone().unwrap(), "nc").unwrap()
                    };
                    (0..50).map(|_| one()).collect::<Vec<_>>()
                })
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    assert_eq!(counts.len(), 400);
    assert_eq!(counts.iter().collect::<HashSet<_>>().len(), 400);
}

#[test]
fn b14_5_a_nonce_is_given_up_before_its_count_overflows() {
    let mut memory = Memory::default();
    let url = Url::parse("http://h/").unwrap();
    let read = || {
        let refused = response(401, "http://h/", &[SIMPLE.as_bytes()]);
        challenge::choose(refused.headers(), |_| true)
            .unwrap()
            .unwrap()
    };
    memory.remember(&url, read(), set_nonce).unwrap();
    memory.use_up();
    assert_eq!(
        memory
            .recall(&url, set_nonce)
            .unwrap()
            .unwrap()
            .count
            .number,
        u32::MAX
    );
    assert!(memory.recall(&url, set_nonce).unwrap().is_none());
    assert_eq!(
        memory
            .remember(&url, read(), set_nonce)
            .unwrap()
            .unwrap()
            .count
            .number,
        1
    );
}

// The body.

#[test]
fn auth_int_hashes_a_body_that_is_held() {
    let challenge = "Digest realm=r, nonce=n, algorithm=SHA-256, qop=\"auth-int\"";
    CNONCE.set("c".to_owned());
    let digest = digest("u", "p");
    let mut post = request("POST", "http://h/x");
    post.set_body("hello");
    let sent = drive(&digest, &mut post, &[(401, challenge), (200, "")]).unwrap();
    let value = sent[1].clone().unwrap();
    // The row of the RFC examples.
    let expected = "c102460bf9d464c89151677991ef5cc3282018a33b7f03bd1a994d5671063fe2";
    assert_eq!(parameter(&value, "response").as_deref(), Some(expected));
    assert_eq!(parameter(&value, "qop").as_deref(), Some("auth-int"));
}

#[test]
fn auth_int_with_a_body_that_is_gone_is_an_error() {
    let challenge = "Digest realm=r, nonce=n, qop=\"auth-int\"";
    let digest = digest("u", "p");
    let post = || {
        let mut post = request("POST", "http://h/x");
        post.set_body(crate::Body::reader(std::io::empty(), None));
        post
    };
    let error = drive(&digest, &mut post(), &[(401, challenge)]).unwrap_err();
    assert_eq!(error.kind(), Kind::StreamConsumed);
    // What is left of the request where its body was taken out to be sent.
    for (name, value) in [("transfer-encoding", "chunked"), ("content-length", "5")] {
        let mut rest = request("POST", "http://h/x");
        rest.headers_mut().remove("content-length");
        rest.headers_mut().append(name, value).unwrap();
        let error = drive(&Digest::new("u", "p"), &mut rest, &[(401, challenge)]).unwrap_err();
        assert_eq!(error.kind(), Kind::StreamConsumed);
    }
    let mut nothing = request("POST", "http://h/x");
    nothing.headers_mut().append("content-length", "0").unwrap();
    let answers = [(401, challenge), (200, "")];
    assert!(drive(&Digest::new("u", "p"), &mut nothing, &answers).unwrap()[1].is_some());
    // It cannot be answered in advance either: it goes out without.
    assert_eq!(drive(&digest, &mut post(), &[(200, "")]).unwrap(), [None]);
}

#[test]
fn auth_is_preferred_to_auth_int() {
    for offered in [
        "auth-int,auth",
        "auth, auth-int",
        "x,auth",
        "auth-int , AUTH,y",
    ] {
        let challenge = format!("Digest realm=r, nonce=n, qop=\"{offered}\"");
        let value = answered(&digest("u", "p"), &challenge).unwrap();
        assert_eq!(
            parameter(&value, "qop").as_deref(),
            Some("auth"),
            "{offered}"
        );
    }
}

// Redirects.

#[test]
fn a_hop_on_the_origin_gets_an_answer_of_its_own() {
    let digest = digest("u", "p");
    let mut original = get("http://h/x");
    let mut flow = digest.start(&original).unwrap();
    flow.step(&mut original, None).unwrap();
    let mut hop = get("http://h/y");
    flow.redirected(&mut hop).unwrap();
    assert_eq!(authorization(&hop), None, "nothing is known yet");
    hop.headers_mut().append("authorization", "mine").unwrap();
    flow.redirected(&mut hop).unwrap();
    assert_eq!(
        authorization(&hop).as_deref(),
        Some("mine"),
        "not ours to change"
    );

    let refused = response(401, "http://h/y", &[SIMPLE.as_bytes()]);
    flow.step(&mut original, Some(&refused)).unwrap();
    let first = authorization(&original).unwrap();
    assert_eq!(parameter(&first, "uri").as_deref(), Some("/x"));
    let mut hop = get("http://h/y");
    hop.headers_mut()
        .append("authorization", unescape(&first))
        .unwrap();
    flow.redirected(&mut hop).unwrap();
    let second = authorization(&hop).unwrap();
    assert_eq!(parameter(&second, "uri").as_deref(), Some("/y"));
    assert_eq!(parameter(&second, "nc").as_deref(), Some("00000002"));
    // What was lost on the way is not put back.
    let mut hop = get("http://h/z");
    flow.redirected(&mut hop).unwrap();
    assert_eq!(authorization(&hop), None);
    let done = flow.step(&mut original, Some(&response(200, "http://h/y", &[])));
    assert!(matches!(done, Ok(AuthStep::Done)));
}

#[test]
fn a_hop_outside_of_the_domain_loses_the_answer() {
    let digest = digest("u", "p");
    let challenge = format!("{SIMPLE}, domain=\"/in\"");
    let mut original = get("http://h/in/x");
    let mut flow = digest.start(&original).unwrap();
    flow.step(&mut original, None).unwrap();
    let refused = response(401, "http://h/in/x", &[challenge.as_bytes()]);
    flow.step(&mut original, Some(&refused)).unwrap();
    let mut hop = get("http://h/out");
    hop.headers_mut()
        .append("authorization", "Digest uri=\"/in/x\"")
        .unwrap();
    flow.redirected(&mut hop).unwrap();
    assert_eq!(authorization(&hop), None);
}

// SECURITY, table A.

#[test]
fn a05_nothing_learnt_from_one_origin_is_used_for_another() {
    let digest = digest("SECRETUSER", "SECRET");
    drive(&digest, &mut get("https://h/"), &[(401, SIMPLE), (200, "")]).unwrap();
    for other in [
        "http://h/",
        "https://h:8443/",
        "https://x.h/",
        "https://hh/",
        "https://h./",
        "https://[::1]/",
        "http://h:443/",
        "https://u:p@i/",
    ] {
        let sent = drive(&digest, &mut get(other), &[(200, "")]).unwrap();
        assert_eq!(sent, [None], "{other}");
    }
    let sent = drive(&digest, &mut get("https://H:443/other"), &[(200, "")]).unwrap();
    assert!(sent[0].is_some());
}

#[test]
fn a05_a_challenge_behind_a_redirect_to_another_origin_is_not_answered() {
    for elsewhere in ["http://evil/", "https://h/", "http://h:8080/"] {
        let digest = digest("SECRETUSER", "SECRET");
        let mut request = get("http://h/");
        let mut flow = digest.start(&request).unwrap();
        flow.step(&mut request, None).unwrap();
        let refused = response(401, elsewhere, &[SIMPLE.as_bytes()]);
        let step = flow.step(&mut request, Some(&refused)).unwrap();
        assert!(matches!(step, AuthStep::Done), "{elsewhere}");
        assert_eq!(authorization(&request), None);
        assert_eq!(
            drive(&digest, &mut get("http://h/"), &[(200, "")]).unwrap(),
            [None]
        );
    }
}

#[test]
fn a05_realms_of_an_origin_are_kept_apart_and_domains_of_others_ignored() {
    let digest = digest("u", "p");
    let inside = |path: &str, realm: &str, domain: &str| {
        let challenge = format!("Digest realm={realm}, nonce=n-{realm}, domain=\"{domain}\"");
        let answers = [(401, &challenge[..]), (200, "")];
        drive(&digest, &mut get(&format!("http://h{path}")), &answers).unwrap();
    };
    inside("/a/1", "one", "/a http://h/aa http://evil/b");
    inside("/b/1", "two", "/b/ %zz ::: https://h/c");
    inside("/c", "three", "http://evil/c");
    let realm = |url: &str| {
        let sent = drive(&digest, &mut get(url), &[(200, "")]).unwrap();
        sent[0]
            .as_ref()
            .map(|value| parameter(value, "realm").unwrap())
    };
    assert_eq!(realm("http://h/a/2").as_deref(), Some("one"));
    assert_eq!(realm("http://h/aa").as_deref(), Some("one"));
    assert_eq!(realm("http://h/b/2").as_deref(), Some("two"));
    for outside in [
        "http://h/",
        "http://h/b",
        "http://h/c",
        "http://evil/b",
        "https://h/c",
    ] {
        assert_eq!(realm(outside), None, "{outside}");
    }
}

#[test]
fn a05_what_is_remembered_is_bounded() {
    let digest = digest("u", "p");
    for host in 0..100 {
        let answers = [(401, SIMPLE), (200, "")];
        drive(&digest, &mut get(&format!("http://h{host}/")), &answers).unwrap();
    }
    let known = |host| {
        let sent = drive(&digest, &mut get(&format!("http://h{host}/")), &[(200, "")]).unwrap();
        sent[0].is_some()
    };
    assert!((0..36).all(|host| !known(host)));
    assert!((36..100).all(known));

    let many = (0..5000).map(|n| format!("/{n}/ ")).collect::<String>();
    let challenge = format!("{SIMPLE}, domain=\"{many}\"");
    let answers = [(401, &challenge[..]), (200, "")];
    drive(&digest, &mut get("http://h/"), &answers).unwrap();
    assert!(drive(&digest, &mut get("http://h/15/"), &[(200, "")]).unwrap()[0].is_some());
    assert!(drive(&digest, &mut get("http://h/16/"), &[(200, "")]).unwrap()[0].is_none());
}

#[test]
fn a06_what_cannot_be_understood_is_an_error_unless_another_can() {
    let malformed = [
        "Digest realm=\"r\"",
        "Digest nonce=\"n\"",
        "Digest realm=\"r\", nonce=\"\"",
        "Digest realm=, nonce=\"n\"",
        "Digest realm=\"r\", nonce=",
        "Digest realm=\"r\", nonce",
        "Digest x",
        "Digest abc==",
        "Digest realm=\"r\", nonce=\"n\", qop=\"\"",
        "Digest realm=\"r\", nonce=\"n\", qop=",
        "Digest realm=\"r\", nonce=\"n\", qop=\"a u t h\"",
        "Digest realm=\"r\", nonce=\"n\", qop=\"auth-conf\"",
        "Digest realm=\"r\", nonce=\"n\", algorithm=",
        "Digest realm=\"r\", nonce=\"n\", algorithm=\"\"",
        "Digest realm=\"r\", nonce=\"n\", algorithm=SHA-3",
        "Digest realm=\"r\", nonce=\"n\", algorithm=token",
        "Digest realm=\"r\", nonce=\"n\", algorithm=-sess",
        "Digest \"realm\"=\"r\", nonce=\"n\"",
        "Digest realm\"r\", nonce=\"n\"",
        "Digest realm=\"r, nonce=n",
    ];
    for challenge in malformed {
        let error = answered(&digest("u", "p"), challenge).unwrap_err();
        assert_eq!(error.kind(), Kind::RemoteProtocol, "{challenge}");
        let text = error.to_string();
        assert!(
            text.starts_with("Malformed Digest WWW-Authenticate header"),
            "{text}"
        );
        assert_eq!(text.lines().count(), 1);
        // Skipped, before and behind one that is well formed.
        for both in [
            format!("{challenge}\n{SIMPLE}"),
            format!("{SIMPLE}\n{challenge}"),
        ] {
            let value = answered(&digest("u", "p"), &both).unwrap();
            assert_eq!(parameter(&value, "nonce").as_deref(), Some("n"), "{both}");
        }
    }
}

/// Shows a challenge to a client, which answers it or does not.
fn flood(challenge: &[u8]) {
    let digest = digest("u", "p");
    let mut request = get("http://h/");
    let mut flow = digest.start(&request).unwrap();
    flow.step(&mut request, None).unwrap();
    let refused = response(401, "http://h/", &[challenge.trim_ascii_end()]);
    match flow.step(&mut request, Some(&refused)) {
        Ok(AuthStep::Send) => {
            // ISO 8859-1 becomes UTF-8, and escapes are put back: at most twice the size.
            let value = request.headers().first("authorization").unwrap();
            assert!(value.len() < 2 * challenge.len() + 300);
        }
        Ok(_) => assert_eq!(authorization(&request), None),
        Err(error) => assert!(error.to_string().len() < 300, "{error}"),
    }
}

#[test]
fn a06_floods_are_read_in_linear_time() {
    let around: [(&[u8], &[u8], &[u8]); 14] = [
        (b"", &[0xa0], b""),
        (b"", b"Digest ", b""),
        (b"", b"Digest x, ", b""),
        (b"", b"Digest realm=r, nonce=n, ", b""),
        (b"", b"Digest realm=r, ", b""),
        (b"Digest ", b"realm=r, ", b""),
        (b"Digest ", b"x=\"", b""),
        (b"Digest realm=\"", b"a", b"\", nonce=n"),
        (b"Digest realm=r, nonce=\"", b"a", b"\""),
        (b"Digest realm=\"", b"\\\"", b""),
        (b"Digest realm=r, nonce=n, qop=\"", b"auth-x,", b"\""),
        (b"Digest realm=r, nonce=n, algorithm=", b"a", b""),
        (b"Digest realm=\"", &[0xa0], b"\", nonce=n"),
        (b"", b",", b""),
    ];
    for (front, piece, behind) in around {
        let linear = grows_linearly(1 << 13, |size| {
            let pieces = piece.repeat(size / piece.len());
            let challenge = [front, &pieces, behind].concat();
            let start = cpu_time();
            flood(&challenge);
            cpu_time() - start
        });
        assert!(linear, "{}", piece.escape_ascii());
    }
}

#[test]
fn a07_the_strongest_allowed_algorithm_is_answered() {
    let offer = |names: &[&str]| {
        let one = |name: &&str| format!("Digest realm=r, nonce=n-{name}, algorithm={name}\n");
        names.iter().map(one).collect::<String>()
    };
    let weakest_first = ["MD5", "SHA", "SHA-256", "SHA-512-256", "SHA-512"];
    let backwards: Vec<&str> = weakest_first.iter().rev().copied().collect();
    for count in 1..=weakest_first.len() {
        let strongest = weakest_first[count - 1];
        let names = [
            &weakest_first[..count],
            &backwards[backwards.len() - count..],
        ];
        for names in names {
            let value = answered(&digest("u", "p"), &offer(names)).unwrap();
            assert_eq!(parameter(&value, "algorithm").as_deref(), Some(strongest));
        }
    }
    let equal = offer(&["SHA-256-sess", "SHA-256"]);
    let value = answered(&digest("u", "p"), &equal).unwrap();
    assert_eq!(
        parameter(&value, "algorithm").as_deref(),
        Some("SHA-256-sess")
    );

    let only = digest("u", "p").algorithms([DigestAlgorithm::Sha256]);
    let value = answered(&only, &offer(&weakest_first)).unwrap();
    assert_eq!(parameter(&value, "algorithm").as_deref(), Some("SHA-256"));
}

#[test]
fn a07_what_is_not_allowed_is_never_answered() {
    let strict = digest("u", "p").algorithms([DigestAlgorithm::Sha256]);
    for challenge in [
        "Digest realm=r, nonce=n, algorithm=MD5",
        "Digest realm=r, nonce=n, algorithm=MD5-sess, Digest realm=r, nonce=n",
        "Digest realm=r, nonce=n, algorithm=SHA-512",
        "Basic realm=\"r\"",
    ] {
        let sent = drive(&strict, &mut get("http://h/"), &[(401, challenge)]).unwrap();
        assert_eq!(sent, [None], "{challenge}");
    }
}

#[test]
fn a08_one_answer_for_each_challenge_and_one_more_when_stale() {
    let numbered =
        |number: u32, stale: &str| format!("Digest realm=r, nonce=n{number}, qop=auth{stale}");
    let stale = |number| numbered(number, ", stale=TRUE");
    let (fresh, first, second) = (numbered(1, ""), stale(2), stale(3));
    let digest = digest("u", "p");
    let answers = [(401, &fresh[..]), (401, &first), (401, &second)];
    let sent = drive(&digest, &mut get("http://h/"), &answers).unwrap();
    let nonces: Vec<_> = sent
        .iter()
        .map(|value| {
            value
                .as_ref()
                .map(|value| parameter(value, "nonce").unwrap())
        })
        .collect();
    assert_eq!(nonces, [None, Some("n1".to_owned()), Some("n2".to_owned())]);

    // What went out in advance is no answer: with a stale nonce, then a stale answer.
    let sent = drive(&digest, &mut get("http://h/"), &answers).unwrap();
    assert_eq!(sent.len(), 3);
    // `stale=false` and a new nonce is a wrong password.
    let refused = numbered(4, ", stale=false");
    let answers = [(401, &fresh[..]), (401, &refused)];
    assert_eq!(
        drive(&digest, &mut get("http://h/"), &answers)
            .unwrap()
            .len(),
        2
    );
}

#[test]
fn a09_quotes_and_backslashes_are_escaped_and_controls_refused() {
    let value = answered(
        &digest("a\"b\\c", "x"),
        "Digest realm=\"\\\"r\\\\\", nonce=n",
    )
    .unwrap();
    let value = String::from_utf8(unescape(&value)).unwrap();
    assert!(
        value.contains(r#"username="a\"b\\c", realm="\"r\\","#),
        "{value}"
    );
    assert_eq!(
        parameter(&escape(value.as_bytes()), "username").as_deref(),
        Some("a\"b\\c")
    );
    for user in ["SECRET\r\nX: y", "SECRET\0", "SECRET\x7f", "\tSECRET"] {
        let error = Digest::new(user, "p")
            .start(&get("http://h/"))
            .err()
            .unwrap();
        assert_eq!(error.kind(), Kind::Builder);
        assert!(error.to_string().contains("user name") && !error.to_string().contains("SECRET"));
    }
    // A password is hashed, whatever is in it.
    assert!(Digest::new("u", "p\r\n").check().is_ok());
}

#[test]
fn names_beyond_ascii() {
    let name = "J\u{e4}s\u{f8}n";
    let plain = answered(&digest(name, "p"), SIMPLE).unwrap();
    assert!(
        plain.starts_with(r#"Digest username="J\xc3\xa4s\xc3\xb8n", "#),
        "{plain}"
    );
    let utf8 = answered(&digest(name, "p"), &format!("{SIMPLE}, charset=utf-8")).unwrap();
    assert!(
        utf8.starts_with("Digest username*=UTF-8''J%C3%A4s%C3%B8n, realm"),
        "{utf8}"
    );
    assert_eq!(parameter(&utf8, "username"), None);
    // Only where it is needed.
    let ascii = answered(&digest("u", "p"), &format!("{SIMPLE}, charset=UTF-8")).unwrap();
    assert!(ascii.starts_with("Digest username=\"u\""), "{ascii}");
    // A hashed name needs neither.
    let hashed = format!("{SIMPLE}, charset=UTF-8, userhash=true");
    let hashed = answered(&digest(name, "p"), &hashed).unwrap();
    assert!(
        hashed.ends_with(", userhash=true") && !hashed.contains("J%C3"),
        "{hashed}"
    );
    let bytes = Digest::new(b"\xff\xfe", b"p");
    let value = answered(&bytes, &format!("{SIMPLE}, charset=UTF-8")).unwrap();
    assert!(
        value.starts_with(r#"Digest username="\xff\xfe""#),
        "{value}"
    );
}

#[test]
fn nothing_secret_is_shown() {
    let digest = digest("SECRETUSER", "SECRET");
    let mut request = get("http://h/");
    drive(&digest, &mut request, &[(401, SIMPLE), (200, "")]).unwrap();
    let flow = digest.start(&request).unwrap();
    drop(flow);
    let shown = format!(
        "{digest:?} {request:?} {:?} {:?}",
        digest.credentials,
        digest.memory()
    );
    assert!(!shown.contains("SECRET"), "{shown}");
    let response = parameter(&authorization(&request).unwrap(), "response").unwrap();
    assert!(!shown.contains(&response), "{shown}");
}
