//! Authentication end to end: BEHAVIOUR section 14 and SECURITY table A, over a web in memory.

use nuncio::auth::{AsyncAuthFlow, AsyncAuthScheme, AuthFlow, AuthScheme, AuthStep};
use nuncio::{
    Auth, BoxFuture, Error, Kind, Method, Netrc, Redirects, Reply, Request, Response, Url,
};
use nuncio_client::{Client, Driver, Side};
use nuncio_testkit::server::{Reply as Answer, Server};
use nuncio_tests::adapters::Adapter;
use nuncio_tests::behaviour;
use nuncio_tests::web::{Visit, Web};
use std::sync::{Arc, Mutex};

const SECRET: &str = "SECRET";

fn client_of<A: Adapter>(adapter: &A, web: &Web, auth: impl Into<Auth>) -> Client<A::Driver> {
    let builder = adapter.builder().transport(web.transport());
    let builder = builder.follow_redirects(true).auth(auth);
    builder.build().unwrap()
}

fn netrc(text: &str) -> Auth {
    Auth::netrc(Netrc::parse(text).unwrap())
}

fn authorization(visit: &Visit) -> Option<String> {
    let value = visit.headers.get("authorization");
    value.map(std::borrow::Cow::into_owned)
}

fn basic(user: &str, password: &str) -> Option<String> {
    let mut request = Request::new(Method::GET, Url::parse("http://h/").unwrap());
    Auth::basic(user, password).apply(&mut request).unwrap();
    let value = request.headers().get("authorization");
    value.map(std::borrow::Cow::into_owned)
}

behaviour!(a01_an_entry_without_a_password_gets_nobody_elses);
fn a01_an_entry_without_a_password_gets_nobody_elses<A: Adapter>(adapter: &A) {
    for of_b in [
        "machine b.test",
        "machine b.test login other",
        "machine b.test account x",
        "default",
        "default login other",
        "",
    ] {
        let web = Web::redirecting([("https://a.test/", 302, "https://b.test/")]);
        let text = format!("machine a.test login u password SECRET\n{of_b}\n");
        let client = client_of(adapter, &web, netrc(&text));
        adapter.send(client.get("https://a.test/")).unwrap();
        adapter.send(client.get("https://b.test/direct")).unwrap();
        let visits = web.visits();
        assert_eq!(authorization(&visits[0]), basic("u", SECRET), "{of_b}");
        for visit in &visits[1..] {
            assert!(!visit.tells(SECRET), "{of_b}: {}", visit.url);
            assert_eq!(authorization(visit), None, "{of_b}: {}", visit.url);
        }
    }
}

behaviour!(a02_a_user_in_the_url_does_not_get_another_ones_password);
fn a02_a_user_in_the_url_does_not_get_another_ones_password<A: Adapter>(adapter: &A) {
    let web = Web::redirecting([]);
    let client = client_of(
        adapter,
        &web,
        netrc("machine a.test login u2 password SECRET"),
    );
    adapter.send(client.get("https://u1@a.test/")).unwrap();
    adapter.send(client.get("https://u1:@a.test/")).unwrap();
    for visit in web.visits() {
        assert!(!visit.tells(SECRET), "{}", visit.wire());
    }
    adapter.send(client.get("https://u2@a.test/")).unwrap();
    assert_eq!(authorization(&web.visits()[0]), basic("u2", SECRET));
}

behaviour!(a03_an_entry_is_found_by_the_host_that_is_asked);
fn a03_an_entry_is_found_by_the_host_that_is_asked<A: Adapter>(adapter: &A) {
    let text = "machine b.test login x password SECRET\nmachine a.test login b.test password pa";
    let web = Web::redirecting([]);
    let client = client_of(adapter, &web, netrc(text));
    for url in [
        "http://b.test:@a.test/",
        "http://a.test:8080/",
        "https://A.TEST/@b.test",
        "http://a.test?@b.test",
        "http://a.test#@b.test",
    ] {
        adapter.send(client.get(url)).unwrap();
        let visit = web.visits().pop().unwrap();
        assert_eq!(authorization(&visit), basic("b.test", "pa"), "{url}");
    }
    for url in [
        "http://x.b.test/",
        "http://b.test.evil/",
        "http://xb.test/",
        "http://b.test./",
    ] {
        adapter.send(client.get(url)).unwrap();
        assert_eq!(authorization(&web.visits()[0]), None, "{url}");
    }
}

/// A digest challenge of an origin, whose nonce names it, for whoever does not answer it.
fn challenging(visit: &Visit) -> Reply {
    let url = Url::parse(&visit.url).unwrap();
    let origin = format!("{}-{}", url.scheme(), url.netloc().replace(':', "-"));
    let nonce = format!("nonce-of-{origin}.");
    let answered = authorization(visit).is_some_and(|value| value.contains(&nonce));
    if answered {
        return Reply::new(200);
    }
    let challenge =
        format!("Digest realm=\"r\", nonce=\"{nonce}\", opaque=\"SECRET\", qop=\"auth\"");
    Reply::new(401).header("WWW-Authenticate", challenge)
}

behaviour!(a05_what_a_challenge_taught_stays_with_its_origin);
fn a05_what_a_challenge_taught_stays_with_its_origin<A: Adapter>(adapter: &A) {
    let web = Web::new(challenging);
    let client = client_of(adapter, &web, Auth::digest("user", "pass"));
    adapter.send(client.get("https://a.test/")).unwrap();
    adapter.send(client.get("https://a.test/again")).unwrap();
    let visits = web.visits();
    assert_eq!(visits.len(), 3, "the second one answers in advance");
    for other in ["https://b.test/", "https://a.test:8443/", "http://a.test/"] {
        let response = adapter.send(client.get(other)).unwrap();
        assert_eq!(response.status(), 200, "{other}");
        let visits = web.visits();
        assert_eq!(visits.len(), 2, "{other}");
        assert_eq!(authorization(&visits[0]), None, "{other}");
        assert!(
            !visits[0].tells(SECRET) && !visits[1].tells("nonce-of-https-a.test."),
            "{other}"
        );
    }
}

behaviour!(a05_a_challenge_behind_a_redirect_elsewhere_is_not_answered);
fn a05_a_challenge_behind_a_redirect_elsewhere_is_not_answered<A: Adapter>(adapter: &A) {
    let web = Web::new(|visit| match &*visit.url {
        "https://a.test/" => Reply::new(302).header("Location", "https://b.test/"),
        _ => challenging(visit),
    });
    let client = client_of(adapter, &web, Auth::digest("user", "pass"));
    let response = adapter.send(client.get("https://a.test/")).unwrap();
    assert_eq!(response.status(), 401);
    let visits = web.visits();
    assert_eq!(visits.len(), 2);
    assert!(visits.iter().all(|visit| authorization(visit).is_none()));
}

behaviour!(a08_a_challenge_is_answered_once_and_a_stale_one_once_more);
fn a08_a_challenge_is_answered_once_and_a_stale_one_once_more<A: Adapter>(adapter: &A) {
    for (stale, requests) in [("", 2), (", stale=false", 2), (", stale=true", 3)] {
        let count = Mutex::new(0);
        let web = Web::new(move |_| {
            let mut count = count.lock().unwrap();
            *count += 1;
            let challenge = format!("Digest realm=\"r\", nonce=\"n{count}\", qop=\"auth\"{stale}");
            Reply::new(401).header("WWW-Authenticate", challenge)
        });
        let client = client_of(adapter, &web, Auth::digest("user", "pass"));
        let response = adapter.send(client.get("https://a.test/")).unwrap();
        assert_eq!(response.status(), 401);
        assert_eq!(web.visits().len(), requests, "{stale}");
        assert_eq!(response.history().len(), requests - 1, "{stale}");
    }
}

behaviour!(a07_basic_is_not_answered_where_digest_is_configured);
fn a07_basic_is_not_answered_where_digest_is_configured<A: Adapter>(adapter: &A) {
    let web = Web::new(|_| Reply::new(401).header("WWW-Authenticate", "Basic realm=\"r\""));
    let client = client_of(adapter, &web, Auth::digest("user", SECRET));
    adapter.send(client.get("https://a.test/")).unwrap();
    let visits = web.visits();
    assert_eq!(visits.len(), 1);
    assert!(!visits[0].tells(SECRET));
}

behaviour!(a09_what_cannot_be_said_is_refused_before_anything_is_sent);
fn a09_what_cannot_be_said_is_refused_before_anything_is_sent<A: Adapter>(adapter: &A) {
    let web = Web::redirecting([]);
    let client = client_of(adapter, &web, ("u", "p"));
    for auth in [
        Auth::basic("a:b", SECRET),
        Auth::basic("a\r\nb", SECRET),
        Auth::basic("a", "SECRET\n"),
        Auth::bearer("SECRET\r\nX: y"),
        Auth::bearer("SECRET "),
        Auth::digest("a\nb", SECRET),
    ] {
        let error = adapter.send(client.get("https://a.test/").auth(auth.clone()));
        let error = error.unwrap_err();
        assert_eq!(error.kind(), Kind::Builder);
        assert!(!error.to_string().contains(SECRET), "{error}");
        let error = adapter.builder().auth(auth).build().err().unwrap();
        assert_eq!(error.kind(), Kind::Builder);
    }
    assert!(web.visits().is_empty());
}

behaviour!(b14_1_the_request_s_auth_goes_before_the_client_s_and_that_before_the_url_s);
fn b14_1_the_request_s_auth_goes_before_the_client_s_and_that_before_the_url_s<A: Adapter>(
    adapter: &A,
) {
    let web = Web::redirecting([]);
    let (plain, with_url) = ("https://a.test/", "https://url:p@a.test/");
    let sent = |request| {
        adapter.send(request).unwrap();
        authorization(&web.visits()[0])
    };
    let client = client_of(adapter, &web, ("client", "p"));
    assert_eq!(sent(client.get(plain)), basic("client", "p"));
    assert_eq!(sent(client.get(with_url)), basic("client", "p"));
    let own = ("own", "p");
    assert_eq!(sent(client.get(with_url).auth(own)), basic("own", "p"));
    assert_eq!(sent(client.get(plain).no_auth()), None);
    // None of the client's does not mean none of the URL's.
    assert_eq!(sent(client.get(with_url).no_auth()), basic("url", "p"));
    // A field that was set by hand gives way.
    let by_hand = |url| client.get(url).header("Authorization", "Bearer x");
    assert_eq!(sent(by_hand(plain)), basic("client", "p"));
    assert_eq!(sent(by_hand(with_url).no_auth()), basic("url", "p"));
    assert_eq!(sent(by_hand(plain).no_auth()), Some("Bearer x".to_owned()));
    let function = Auth::function(|request| {
        let set = request.headers_mut().insert("Authorization", "Own mine");
        set.map_err(|error| Error::other(Kind::Builder, error))
    });
    assert_eq!(
        sent(client.get(plain).auth(function)),
        Some("Own mine".to_owned())
    );
}

behaviour!(b14_1_the_choice_is_made_for_the_first_url);
fn b14_1_the_choice_is_made_for_the_first_url<A: Adapter>(adapter: &A) {
    let web = Web::redirecting([
        ("https://a.test/", 302, "https://u:SECRET@a.test/2"),
        ("https://a.test/2", 302, "https://b.test/3"),
    ]);
    let client = client_of(
        adapter,
        &web,
        netrc("machine b.test login u password SECRET"),
    );
    adapter.send(client.get("https://a.test/")).unwrap();
    let visits = web.visits();
    assert_eq!(visits.len(), 3);
    for visit in visits {
        assert_eq!(authorization(&visit), None, "{}", visit.url);
    }
}

/// A token that is fetched at `https://login.test/token` when the server wants one.
struct Fetching;

enum FetchingFlow {
    Fresh,
    Sent,
    Fetched,
    SentAgain,
}

impl AuthScheme for Fetching {
    fn needs_response_body(&self) -> bool {
        true
    }

    fn start(&self, _request: &Request) -> Result<Box<dyn AuthFlow>, Error> {
        Ok(Box::new(FetchingFlow::Fresh))
    }
}

impl AuthFlow for FetchingFlow {
    fn step(&mut self, request: &mut Request, last: Option<&Response>) -> Result<AuthStep, Error> {
        match (&self, last) {
            (FetchingFlow::Fresh, None) => *self = FetchingFlow::Sent,
            (FetchingFlow::Sent, Some(last)) if last.status() == 401 => {
                *self = FetchingFlow::Fetched;
                let url = Url::parse("https://login.test/token").unwrap();
                let mut fetch = Request::new(Method::POST, url);
                fetch.set_body(format!("why={}", last.text()));
                return Ok(AuthStep::send_other(fetch));
            }
            (FetchingFlow::Fetched, Some(last)) => {
                *self = FetchingFlow::SentAgain;
                Auth::bearer(last.text().as_bytes()).apply(request)?;
            }
            _ => return Ok(AuthStep::Done),
        }
        Ok(AuthStep::Send)
    }
}

impl AsyncAuthScheme for Fetching {
    fn needs_response_body(&self) -> bool {
        true
    }

    fn start(&self, _request: &Request) -> Result<Box<dyn AsyncAuthFlow>, Error> {
        Ok(Box::new(FetchingFlow::Fresh))
    }
}

impl AsyncAuthFlow for FetchingFlow {
    fn step<'a>(
        &'a mut self,
        request: &'a mut Request,
        last: Option<&'a Response>,
    ) -> BoxFuture<'a, Result<AuthStep, Error>> {
        let mut yielded = false;
        Box::pin(async move {
            // It waits for something of its own.
            std::future::poll_fn(|cx| {
                if std::mem::replace(&mut yielded, true) {
                    return std::task::Poll::Ready(());
                }
                cx.waker().wake_by_ref();
                std::task::Poll::Pending
            })
            .await;
            AuthFlow::step(self, request, last)
        })
    }
}

/// The scheme in each way that this side can run.
fn fetching(side: Side) -> Vec<Auth> {
    let own = match side {
        Side::Blocking => Auth::blocking_scheme(Fetching),
        Side::Async => Auth::async_scheme(Fetching),
    };
    vec![Auth::scheme(Fetching), Auth::both(Fetching, Fetching), own]
}

/// The server of the token, by way of a redirect, and one that wants it, which redirects then.
fn token_web() -> Web {
    Web::new(|visit| match &*visit.url {
        "https://login.test/token" => Reply::new(307).header("Location", "/moved"),
        "https://login.test/moved" => Reply::new(200).text("fetched"),
        "https://api.test/start" => Reply::new(307).header("Location", "/end"),
        _ => match authorization(visit).as_deref() {
            Some("Bearer fetched") => Reply::new(200).text("welcome"),
            _ => Reply::new(401).text("no token"),
        },
    })
}

behaviour!(b14_2_a_flow_fetches_a_token_elsewhere_and_history_tells_it_in_order);
fn b14_2_a_flow_fetches_a_token_elsewhere_and_history_tells_it_in_order<A: Adapter>(adapter: &A) {
    let web = token_web();
    let seen = Arc::new(Mutex::new(0));
    let hook = Arc::clone(&seen);
    let client = adapter
        .builder()
        .transport(web.transport())
        .follow_redirects(true)
        .header("X-Client", "1")
        .on_request(move |_| {
            *hook.lock().unwrap() += 1;
            Ok(())
        })
        .build()
        .unwrap();
    for auth in fetching(<A::Driver as Driver>::SIDE) {
        let request = client.put("https://api.test/start").body("text").auth(auth);
        let response = adapter.send(request).unwrap();
        assert_eq!(response.text(), "welcome");
        let told = response.history().iter();
        let told: Vec<_> = told
            .map(|it| (it.status().as_u16(), it.url().as_str()))
            .collect();
        let expected = [
            (307, "https://api.test/start"),
            (401, "https://api.test/end"),
            (307, "https://login.test/token"),
            (200, "https://login.test/moved"),
            (307, "https://api.test/start"),
        ];
        assert_eq!(told, expected);
        for (at, earlier) in response.history().iter().enumerate() {
            assert_eq!(earlier.history().len(), at);
        }
        assert_eq!(response.history()[1].text(), "no token");
        let visits = web.visits();
        assert_eq!(visits.len(), 6);
        assert_eq!(
            std::mem::take(&mut *seen.lock().unwrap()),
            6,
            "hooks see all"
        );
        for visit in &visits {
            let to_login = visit.url.contains("login.test");
            let body = if to_login { "why=no token" } else { "text" };
            assert_eq!(
                visit.body.as_deref(),
                Some(body.as_bytes()),
                "{}",
                visit.url
            );
            assert_eq!(visit.method, if to_login { "POST" } else { "PUT" });
            // Made without the client's defaults.
            assert_eq!(visit.headers.contains("x-client"), !to_login);
        }
    }
}

behaviour!(b14_2_a_scheme_of_the_other_side_is_an_error_of_the_request);
fn b14_2_a_scheme_of_the_other_side_is_an_error_of_the_request<A: Adapter>(adapter: &A) {
    let web = token_web();
    let other = match <A::Driver as Driver>::SIDE {
        Side::Blocking => Auth::async_scheme(Fetching),
        Side::Async => Auth::blocking_scheme(Fetching),
    };
    let client = client_of(adapter, &web, ("u", "p"));
    let request = client.get("https://api.test/").auth(other.clone());
    let error = adapter.send(request).unwrap_err();
    assert_eq!(error.kind(), Kind::Usage, "{error}");
    assert!(error.to_string().contains("Fetching"), "{error}");
    let client = client_of(adapter, &web, other);
    let error = adapter.send(client.get("https://api.test/")).unwrap_err();
    assert_eq!(error.kind(), Kind::Usage, "{error}");
    assert!(web.visits().is_empty());
}

/// Hashes the body into a field, or fails.
struct Signing(Option<&'static str>);

impl AuthScheme for Signing {
    fn needs_request_body(&self) -> bool {
        true
    }

    fn start(&self, _request: &Request) -> Result<Box<dyn AuthFlow>, Error> {
        match self.0 {
            Some("start") => Err(Error::new(Kind::Usage, "no key to sign with")),
            fails => Ok(Box::new(Signing(fails))),
        }
    }
}

impl AuthFlow for Signing {
    fn step(&mut self, request: &mut Request, last: Option<&Response>) -> Result<AuthStep, Error> {
        if last.is_none() {
            let length = request.body().as_bytes().map_or(0, bytes::Bytes::len);
            let signed = request
                .headers_mut()
                .insert("X-Signed", format!("{length} bytes"));
            signed.map_err(|error| Error::other(Kind::Builder, error))?;
            return Ok(AuthStep::Send);
        }
        match self.0 {
            Some("answer") => Err(Error::new(Kind::Usage, "that is no answer")),
            _ => Ok(AuthStep::Done),
        }
    }
}

behaviour!(b14_2_a_flow_that_signs_the_body_has_it_streamed_or_not);
fn b14_2_a_flow_that_signs_the_body_has_it_streamed_or_not<A: Adapter>(adapter: &A) {
    let web = Web::redirecting([]);
    let client = client_of(adapter, &web, Auth::scheme(Signing(None)));
    adapter
        .send(client.post("https://a.test/").body("four"))
        .unwrap();
    let visit = web.visits().pop().unwrap();
    assert_eq!(visit.headers.get("x-signed").unwrap(), "4 bytes");
    assert_eq!(visit.body.as_deref(), Some(&b"four"[..]));
    // One that comes in pieces is read first.
    let pieces = ["fi", "", "ve!"].into_iter().map(|piece| Ok(piece.into()));
    let body = adapter.body(pieces, None);
    adapter
        .send(client.post("https://a.test/").body(body))
        .unwrap();
    let visit = web.visits().pop().unwrap();
    assert_eq!(visit.headers.get("x-signed").unwrap(), "5 bytes");
    assert_eq!(visit.body.as_deref(), Some(&b"five!"[..]));
    // And one that fails is never sent.
    let broken = std::iter::once(Err(std::io::Error::other("no more")));
    let body = adapter.body(broken, None);
    let error = adapter.send(client.post("https://a.test/").body(body));
    assert_eq!(error.unwrap_err().kind(), Kind::RequestBody);
    assert!(web.visits().is_empty());
}

behaviour!(b14_2_an_error_of_a_flow_ends_the_request);
fn b14_2_an_error_of_a_flow_ends_the_request<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter.client();
    for (when, text, requests) in [
        ("start", "no key to sign with", 0),
        ("answer", "that is no answer", 1),
    ] {
        let request = client
            .get(server.url("/json"))
            .auth(Auth::scheme(Signing(Some(when))));
        let error = adapter.send(request).unwrap_err();
        assert_eq!(error.kind(), Kind::Usage);
        assert!(error.to_string().ends_with(text), "{error}");
        assert_eq!(error.method(), Some("GET"), "{when}");
        assert_eq!(server.requests(), requests);
        assert_eq!(client.pool().waiting, 0);
        assert_eq!(client.pool().connections, client.pool().idle, "{when}");
    }
}

behaviour!(b14_2_a_streamed_body_waits_for_the_token_and_goes_once);
fn b14_2_a_streamed_body_waits_for_the_token_and_goes_once<A: Adapter>(adapter: &A) {
    /// Fetches first, then sends.
    struct InAdvance(Url);
    struct Flow(Url, usize);
    impl AuthScheme for InAdvance {
        fn needs_response_body(&self) -> bool {
            true
        }
        fn start(&self, _request: &Request) -> Result<Box<dyn AuthFlow>, Error> {
            Ok(Box::new(Flow(self.0.clone(), 0)))
        }
    }
    impl AuthFlow for Flow {
        fn step(
            &mut self,
            request: &mut Request,
            last: Option<&Response>,
        ) -> Result<AuthStep, Error> {
            self.1 += 1;
            match (self.1, last) {
                (1, _) => {
                    let fetch = Request::new(Method::GET, self.0.clone());
                    Ok(AuthStep::send_other(fetch))
                }
                (_, Some(last)) if last.url() == &self.0 => {
                    Auth::bearer(last.bytes()).apply(request)?;
                    Ok(AuthStep::Send)
                }
                // A second time, where it is refused.
                (3, Some(last)) if last.status() == 401 => Ok(AuthStep::Send),
                _ => Ok(AuthStep::Done),
            }
        }
    }
    let server = Server::builder()
        .route("/token", |_, _| Answer::new(200).body("t0ken"))
        .route("/refuse", |_, _| Answer::new(401))
        .route("/take", |request, body| {
            let told = request.header("authorization").unwrap_or_default();
            Answer::new(200).body([told, b" ", body].concat())
        })
        .start();
    let client = adapter.client();
    let auth = || Auth::scheme(InAdvance(Url::parse(&server.url("/token")).unwrap()));
    let body = || {
        let pieces = ["one ", "body"].into_iter().map(|piece| Ok(piece.into()));
        adapter.body(pieces, None)
    };
    let request = client.post(server.url("/take")).body(body()).auth(auth());
    let response = adapter.send(request).unwrap();
    assert_eq!(response.text(), "Bearer t0ken one body");
    assert_eq!(response.history().len(), 1);

    let request = client.post(server.url("/refuse")).body(body()).auth(auth());
    let error = adapter.send(request).unwrap_err();
    assert_eq!(error.kind(), Kind::StreamConsumed, "{error}");
}

behaviour!(b14_2_steps_of_a_flow_count_as_redirects_do);
fn b14_2_steps_of_a_flow_count_as_redirects_do<A: Adapter>(adapter: &A) {
    struct Endless;
    impl AuthScheme for Endless {
        fn start(&self, _request: &Request) -> Result<Box<dyn AuthFlow>, Error> {
            Ok(Box::new(Endless))
        }
    }
    impl AuthFlow for Endless {
        fn step(&mut self, _: &mut Request, _: Option<&Response>) -> Result<AuthStep, Error> {
            Ok(AuthStep::Send)
        }
    }
    let web = Web::redirecting([]);
    let client = client_of(adapter, &web, Auth::scheme(Endless));
    let request = client
        .get("https://a.test/")
        .redirects(Redirects::follow().limit(4));
    let error = adapter.send(request).unwrap_err();
    assert_eq!(error.kind(), Kind::TooManyRedirects, "{error}");
    assert_eq!(web.visits().len(), 5);
}
