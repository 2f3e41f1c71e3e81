use super::running::Needs;
use super::testing::{authorization, get, response};
use super::*;
use crate::feed::Side;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use zeroize::ZeroizeOnDrop;

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn field(auth: &Auth) -> Option<String> {
    let mut request = get("http://h/");
    auth.apply(&mut request).unwrap();
    authorization(&request)
}

/// A scheme for all kinds of places, which marks what it was started for.
struct Marking(&'static str);

impl AuthScheme for Marking {
    fn needs_request_body(&self) -> bool {
        true
    }

    fn start(&self, _request: &Request) -> Result<Box<dyn AuthFlow>, Error> {
        Ok(Box::new(Marking(self.0)))
    }
}

impl AuthFlow for Marking {
    fn step(
        &mut self,
        request: &mut Request,
        last: Option<&crate::Response>,
    ) -> Result<AuthStep, Error> {
        if last.is_some() {
            return Ok(AuthStep::Done);
        }
        request.headers_mut().append("x-by", self.0).unwrap();
        Ok(AuthStep::Send)
    }
}

impl AsyncAuthScheme for Marking {
    fn needs_response_body(&self) -> bool {
        true
    }

    fn start(&self, _request: &Request) -> Result<Box<dyn AsyncAuthFlow>, Error> {
        Ok(Box::new(Marking(self.0)))
    }
}

impl AsyncAuthFlow for Marking {
    fn step<'a>(
        &'a mut self,
        request: &'a mut Request,
        last: Option<&'a crate::Response>,
    ) -> crate::BoxFuture<'a, Result<AuthStep, Error>> {
        Box::pin(async move { AuthFlow::step(self, request, last) })
    }
}

/// Runs the first step; gives the mark, and whether the flow was an async one.
fn mark(auth: &Auth, side: Side) -> Result<(String, bool), Error> {
    let mut request = get("http://h/");
    let (step, asynchronous) = match auth.begin(&request, side)? {
        Running::Plain(mut flow) => (flow.step(&mut request, None)?, false),
        Running::Async(mut flow) => {
            let future = pin!(flow.step(&mut request, None));
            match Future::poll(future, &mut Context::from_waker(Waker::noop())) {
                Poll::Ready(step) => (step?, true),
                Poll::Pending => panic!("nothing to wait for"),
            }
        }
    };
    assert!(matches!(step, AuthStep::Send));
    Ok((
        request
            .headers()
            .get("x-by")
            .unwrap_or_default()
            .into_owned(),
        asynchronous,
    ))
}

#[test]
fn b14_1_a_pair_is_basic() {
    let expected = Some("Basic dTpw".to_owned());
    assert_eq!(field(&("u", "p").into()), expected);
    assert_eq!(field(&("u".to_owned(), "p".to_owned()).into()), expected);
    assert_eq!(field(&Auth::basic(b"u", String::from("p"))), expected);
}

#[test]
fn b14_1_credentials_of_the_url_are_basic_decoded() {
    let rows = [
        ("http://u:p@h/", Some("Basic dTpw")),
        ("http://u@h/", Some("Basic dTo=")),
        ("http://:p@h/", Some("Basic OnA=")),
        ("http://u:@h/", Some("Basic dTo=")),
        ("http://%75:%70@h/", Some("Basic dTpw")),
        ("http://u:p%40%3A@h/", Some("Basic dTpwQDo=")),
        ("http://u:%C3%A9@h/", Some("Basic dTrDqQ==")),
        ("http://u:é@h/", Some("Basic dTrDqQ==")),
        ("http://u:%FF@h/", Some("Basic dTr/")),
        ("http://u:a:b@h/", Some("Basic dTphOmI=")),
        ("http://h/", None),
        ("http://@h/", None),
        ("http://:@h/", None),
    ];
    for (text, expected) in rows {
        let sent = Auth::from_url(&url(text)).and_then(|auth| field(&auth));
        assert_eq!(sent.as_deref(), expected, "{text}");
    }
}

#[test]
fn b14_1_a_function_changes_the_request_and_may_fail() {
    let auth = Auth::function(|request| {
        let length = request.url().raw_path().len().to_string();
        let set = request.headers_mut().insert("x-signature", length);
        set.map_err(|error| Error::other(Kind::Builder, error))
    });
    let mut request = get("http://h/abc");
    auth.apply(&mut request).unwrap();
    assert_eq!(request.headers().get("x-signature").as_deref(), Some("4"));
    let fails = Auth::function(|_| Err(Error::new(Kind::Usage, "no key")));
    assert_eq!(fails.apply(&mut request).unwrap_err().kind(), Kind::Usage);
}

#[test]
fn b14_2_flags_are_those_of_the_side_that_runs() {
    let needs = |request_body, response_body| Needs {
        request_body,
        response_body,
    };
    let plain = Auth::scheme(Marking("x"));
    let both = Auth::both(Marking("x"), Marking("x"));
    assert_eq!(plain.needs(Side::Blocking), needs(true, false));
    assert_eq!(plain.needs(Side::Async), needs(true, false));
    assert_eq!(both.needs(Side::Blocking), needs(true, false));
    assert_eq!(both.needs(Side::Async), needs(false, true));
    assert_eq!(
        Auth::async_scheme(Marking("x")).needs(Side::Async),
        needs(false, true)
    );
    assert_eq!(
        Auth::blocking_scheme(Marking("x")).needs(Side::Blocking),
        needs(true, false)
    );
    for auth in [Auth::basic("u", "p"), Auth::digest("u", "p")] {
        assert_eq!(auth.needs(Side::Async), Needs::default());
    }
}

#[test]
fn b14_2_each_side_runs_its_own_variant() {
    let plain = Auth::scheme(Marking("plain"));
    let both = Auth::both(Marking("one"), Marking("two"));
    let by = |name: &str, asynchronous| (name.to_owned(), asynchronous);
    assert_eq!(mark(&plain, Side::Blocking).unwrap(), by("plain", false));
    assert_eq!(mark(&plain, Side::Async).unwrap(), by("plain", false));
    assert_eq!(mark(&both, Side::Blocking).unwrap(), by("one", false));
    assert_eq!(mark(&both, Side::Async).unwrap(), by("two", true));
    let blocking = Auth::blocking_scheme(Marking("b"));
    assert_eq!(mark(&blocking, Side::Blocking).unwrap(), by("b", false));
    let asynchronous = Auth::async_scheme(Marking("a"));
    assert_eq!(mark(&asynchronous, Side::Async).unwrap(), by("a", true));
}

#[test]
fn b14_2_a_one_sided_scheme_on_the_other_side_is_an_error_that_names_it() {
    let wrong = [
        (
            Auth::blocking_scheme(Marking("x")),
            Side::Async,
            "blocking clients only",
        ),
        (
            Auth::async_scheme(Marking("x")),
            Side::Blocking,
            "async clients only",
        ),
    ];
    for (auth, side, told) in wrong {
        let error = mark(&auth, side).unwrap_err();
        assert_eq!(error.kind(), Kind::Usage);
        let text = error.to_string();
        assert!(text.contains("Marking") && text.contains(told), "{text}");
    }
}

#[test]
fn b14_3_basic_replaces_every_field_and_asks_nothing() {
    let mut request = get("http://h/");
    request
        .headers_mut()
        .append("authorization", "mine")
        .unwrap();
    request
        .headers_mut()
        .append("AUTHORIZATION", "too")
        .unwrap();
    let auth = Auth::basic("u", "p");
    auth.simple(&mut request).unwrap().unwrap();
    assert_eq!(authorization(&request).as_deref(), Some("Basic dTpw"));

    // As a flow it is one request, whatever comes back.
    let mut request = get("http://h/");
    let Ok(Running::Plain(mut flow)) = auth.begin(&request, Side::Async) else {
        panic!("a plain flow")
    };
    assert!(matches!(flow.step(&mut request, None), Ok(AuthStep::Send)));
    assert_eq!(authorization(&request).as_deref(), Some("Basic dTpw"));
    let refused = response(401, "http://h/", &[b"Basic realm=x"]);
    assert!(matches!(
        flow.step(&mut request, Some(&refused)),
        Ok(AuthStep::Done)
    ));
}

#[test]
fn what_takes_a_flow_cannot_be_applied_by_hand() {
    for auth in [Auth::digest("u", "SECRET"), Auth::scheme(Marking("x"))] {
        let mut request = get("http://h/");
        assert!(auth.simple(&mut request).is_none());
        let error = auth.apply(&mut request).unwrap_err();
        assert_eq!(error.kind(), Kind::Usage);
        assert!(!error.to_string().contains("SECRET"));
    }
}

#[test]
fn a09_mistakes_are_kept_and_told_by_every_way_in() {
    let mistaken = [
        Auth::basic("SEC:RET", "p"),
        Auth::basic("u", "SEC\r\nRET"),
        Auth::bearer("SEC RET"),
        Auth::bearer(""),
        Auth::digest("SEC\nRET", "p"),
        Auth::from_url(&url("http://SEC%3ARET:p@h/")).unwrap(),
        Auth::from_url(&url("http://u:SEC%0D%0ARET@h/")).unwrap(),
        ("SEC:RET", "p").into(),
    ];
    for auth in mistaken {
        let mut request = get("http://h/");
        let errors = [
            auth.check().unwrap_err(),
            auth.simple(&mut request).unwrap().unwrap_err(),
            auth.apply(&mut request).unwrap_err(),
            mark(&auth, Side::Blocking).unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind(), Kind::Builder);
            let text = format!("{error} {error:?} {auth:?}");
            assert!(
                !text.contains("RET") && text.starts_with("auth: "),
                "{text}"
            );
        }
        assert_eq!(authorization(&request), None);
    }
    assert!(Auth::digest("a:b", "p").check().is_ok());
}

#[test]
fn a10_secrets_are_overwritten_when_they_are_dropped() {
    fn wiped<T: ZeroizeOnDrop>() {}
    wiped::<Secret>();
    // With the features that do so for what a hash function has taken in.
    wiped::<md5::Md5>();
    wiped::<sha1::Sha1>();
    wiped::<sha2::Sha256>();
    wiped::<sha2::Sha512>();
    wiped::<sha2::Sha512_256>();
}

#[test]
fn nothing_secret_is_shown() {
    let netrc = Netrc::parse("machine h login SECRET password SECRET").unwrap();
    let auths = [
        Auth::basic("SECRETUSER", "SECRET"),
        Auth::bearer("SECRET"),
        Auth::digest("SECRETUSER", "SECRET"),
        Auth::netrc(netrc),
        Auth::from_url(&url("http://SECRETUSER:SECRET@h/")).unwrap(),
    ];
    let names = ["basic", "bearer", "digest", "netrc", "basic"];
    for (auth, name) in auths.iter().zip(names) {
        let shown = format!("{auth:?} {auth:#?}");
        assert_eq!(shown, format!("Auth({name}) Auth({name})"));
        let mut request = get("http://h/");
        let _ = auth.apply(&mut request);
        assert!(!format!("{request:?}").contains("SECRET"));
    }
}

#[test]
fn an_auth_may_be_shared_between_threads() {
    fn shared<T: Clone + Send + Sync + 'static>() {}
    shared::<Auth>();
    shared::<Digest>();
    shared::<Netrc>();
}
