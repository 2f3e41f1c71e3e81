//! Cookies as a client sends and keeps them: BEHAVIOUR section 6 and SECURITY table C end to end. What
//! the jar itself does is tested beside it.

use nuncio::{CookieJar, Kind, Reply};
use nuncio_tests::adapters::Adapter;
use nuncio_tests::behaviour;
use nuncio_tests::web::{Visit, Web};

fn cookie(visit: &Visit) -> Option<String> {
    let value = visit.headers.get("cookie");
    value.map(std::borrow::Cow::into_owned)
}

behaviour!(c07_cookies_of_a_request_go_with_it_alone);
fn c07_cookies_of_a_request_go_with_it_alone<A: Adapter>(adapter: &A) {
    let web = Web::redirecting([
        ("https://a.test/", 302, "/same"),
        ("https://a.test/same", 302, "https://b.test/"),
    ]);
    let client = adapter.builder().transport(web.transport());
    let client = client.follow_redirects(true).build().unwrap();
    let request = client.get("https://a.test/").cookie("token", "SECRET");
    adapter.send(request).unwrap();
    adapter.send(client.get("https://a.test/later")).unwrap();
    let visits = web.visits();
    assert_eq!(cookie(&visits[0]).as_deref(), Some("token=SECRET"));
    for visit in &visits[1..] {
        assert!(!visit.tells("SECRET"), "{}", visit.url);
    }
    assert!(client.cookies().is_empty(), "it is not stored");
}

behaviour!(c17_a_cookie_field_suppresses_the_jar_and_clients_share_nothing);
fn c17_a_cookie_field_suppresses_the_jar_and_clients_share_nothing<A: Adapter>(adapter: &A) {
    let web = Web::new(|visit| match &*visit.url {
        "https://a.test/login" => Reply::new(200).header("Set-Cookie", "id=SECRET; Path=/"),
        _ => Reply::new(200),
    });
    let client = || adapter.builder().transport(web.transport());
    let (first, second) = (client().build().unwrap(), client().build().unwrap());
    adapter.send(first.get("https://a.test/login")).unwrap();
    adapter.send(second.get("https://a.test/")).unwrap();
    let own = first.get("https://a.test/").header("Cookie", "mine=1");
    adapter.send(own).unwrap();
    let both = first.get("https://a.test/").header("Cookie", "mine=1");
    adapter.send(both.cookie("more", "2")).unwrap();
    adapter.send(first.get("https://a.test/")).unwrap();
    let sent: Vec<_> = web.visits().iter().map(cookie).collect();
    let text = |text: &str| Some(text.to_owned());
    let mine = text("mine=1");
    assert_eq!(sent, [None, None, mine.clone(), mine, text("id=SECRET")]);
    // A clone of the jar's handle is what shares it.
    let third = client().cookies(first.cookies().clone()).build().unwrap();
    adapter.send(third.get("https://a.test/")).unwrap();
    assert_eq!(cookie(&web.visits()[0]), text("id=SECRET"));
    let fourth = client()
        .cookies(first.cookies().duplicate())
        .build()
        .unwrap();
    fourth.cookies().clear();
    assert_eq!(first.cookies().len(), 1);
}

behaviour!(c08_a_redirect_sets_no_cookie_for_where_it_leads);
fn c08_a_redirect_sets_no_cookie_for_where_it_leads<A: Adapter>(adapter: &A) {
    let web = Web::new(|visit| match &*visit.url {
        "https://a.test/" => Reply::new(302)
            .header("Location", "https://b.test/")
            .header("Set-Cookie", "x=1; Domain=b.test")
            .header("Set-Cookie", "y=2; Domain=test")
            .header("Set-Cookie", "own=3"),
        _ => Reply::new(200),
    });
    let client = adapter.builder().transport(web.transport());
    let client = client.follow_redirects(true).build().unwrap();
    adapter.send(client.get("https://a.test/")).unwrap();
    assert_eq!(cookie(&web.visits()[1]), None);
    assert_eq!(client.cookies().len(), 1);
}

behaviour!(c16_what_a_cookie_cannot_hold_is_refused_before_anything_is_sent);
fn c16_what_a_cookie_cannot_hold_is_refused_before_anything_is_sent<A: Adapter>(adapter: &A) {
    let web = Web::redirecting([]);
    let client = adapter.builder().transport(web.transport());
    let client = client.build().unwrap();
    for (name, value) in [
        ("a;b", "1"),
        ("a", "1; Domain=b.test"),
        ("a", "1\r\nX: y"),
        ("", "1"),
        ("a=b", "1"),
        ("é", "1"),
        ("a", "é"),
    ] {
        let request = client.get("https://a.test/").cookie(name, value);
        let error = adapter.send(request).unwrap_err();
        assert!(!error.to_string().contains(['\r', '\n']), "{error}");
        let built = adapter.builder().cookie(name, value).build();
        assert_eq!(built.err().unwrap().kind(), error.kind(), "{name} {value}");
        assert_eq!(error.kind(), Kind::Builder, "{name} {value}");
    }
    assert!(web.visits().is_empty());
}

behaviour!(b06_2_cookies_of_a_client_go_everywhere_or_where_its_base_url_is);
fn b06_2_cookies_of_a_client_go_everywhere_or_where_its_base_url_is<A: Adapter>(adapter: &A) {
    let web = Web::redirecting([("https://a.test/", 302, "https://b.test/")]);
    let builder = || {
        let builder = adapter.builder().transport(web.transport());
        builder.follow_redirects(true).cookie("who", "me")
    };
    let client = builder().build().unwrap();
    adapter.send(client.get("https://a.test/")).unwrap();
    let visits = web.visits();
    for visit in &visits {
        assert_eq!(cookie(visit).as_deref(), Some("who=me"), "{}", visit.url);
    }
    let client = builder().base_url("https://a.test/").build().unwrap();
    adapter.send(client.get("")).unwrap();
    let visits = web.visits();
    assert_eq!(cookie(&visits[0]).as_deref(), Some("who=me"));
    assert_eq!(cookie(&visits[1]), None);
}

behaviour!(b06_3_every_hop_and_every_step_of_auth_may_set_cookies);
fn b06_3_every_hop_and_every_step_of_auth_may_set_cookies<A: Adapter>(adapter: &A) {
    let web = Web::new(|visit| {
        let answered = visit.headers.contains("authorization");
        match (&*visit.url, answered) {
            ("https://a.test/", false) => Reply::new(302)
                .header("Location", "/auth")
                .header("Set-Cookie", "hop=1; Path=/")
                .header("Set-Cookie", "gone=1; Path=/"),
            (_, false) => Reply::new(401)
                .header("Set-Cookie", "step=2; Path=/")
                .header("Set-Cookie", "gone=; Max-Age=0; Path=/")
                .header("WWW-Authenticate", "Digest realm=r, nonce=n, qop=auth"),
            (_, true) => Reply::new(200).header("Set-Cookie", "last=3; Path=/"),
        }
    });
    let client = adapter
        .builder()
        .transport(web.transport())
        .follow_redirects(true)
        .auth(nuncio::Auth::digest("u", "p"))
        .build()
        .unwrap();
    let response = adapter.send(client.get("https://a.test/")).unwrap();
    assert_eq!(response.status(), 200);
    let sent: Vec<_> = web.visits().iter().map(cookie).collect();
    assert_eq!(sent[0], None);
    assert_eq!(sent[1].as_deref(), Some("hop=1; gone=1"));
    // What the challenge has set goes with its answer, which begins anew.
    assert_eq!(sent[2].as_deref(), Some("hop=1; step=2"));
    assert_eq!(client.cookies().len(), 3);
    // Each response tells what it set, and nothing else.
    assert_eq!(response.cookies().len(), 1);
    assert_eq!(
        response.cookies().get("last").unwrap().as_deref(),
        Some("3")
    );
    assert_eq!(response.history()[0].cookies().len(), 2);
}

behaviour!(b06_4_a_field_that_is_there_wins_over_the_jar);
fn b06_4_a_field_that_is_there_wins_over_the_jar<A: Adapter>(adapter: &A) {
    let web = Web::redirecting([]);
    let client = adapter
        .builder()
        .transport(web.transport())
        .header("Cookie", "of=client")
        .cookie("of", "jar")
        .build()
        .unwrap();
    adapter.send(client.get("https://a.test/")).unwrap();
    let request = client.get("https://a.test/").header("cookie", "of=request");
    adapter.send(request).unwrap();
    let sent: Vec<_> = web.visits().iter().map(cookie).collect();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(sent, [text("of=client"), text("of=request")]);
}

behaviour!(b06_6_cookies_of_a_request_are_laid_over_the_jar_for_once);
fn b06_6_cookies_of_a_request_are_laid_over_the_jar_for_once<A: Adapter>(adapter: &A) {
    let web = Web::redirecting([]);
    let jar = CookieJar::new();
    jar.set("a", "jar").unwrap();
    jar.set("b", "jar").unwrap();
    jar.set_for("a.test", "/", "a", "of this host").unwrap();
    let client = adapter.builder().transport(web.transport());
    let client = client.cookies(jar).build().unwrap();
    let request = client.get("https://a.test/").cookie("a", "own");
    adapter.send(request).unwrap();
    adapter.send(client.get("https://b.test/")).unwrap();
    let visits = web.visits();
    let mut sent: Vec<_> = cookie(&visits[0])
        .unwrap()
        .split("; ")
        .map(str::to_owned)
        .collect();
    sent.sort();
    // The same name for another domain is another cookie.
    assert_eq!(sent, ["a=of this host", "a=own", "b=jar"]);
    assert_eq!(cookie(&visits[1]).as_deref(), Some("a=jar; b=jar"));
}

behaviour!(b06_3_cookies_may_be_sent_and_not_kept);
fn b06_3_cookies_may_be_sent_and_not_kept<A: Adapter>(adapter: &A) {
    let web = Web::new(|_| Reply::new(200).header("Set-Cookie", "new=1"));
    let client = adapter
        .builder()
        .transport(web.transport())
        .cookie_store(false)
        .cookie("own", "1")
        .build()
        .unwrap();
    let response = adapter.send(client.get("https://a.test/")).unwrap();
    assert_eq!(response.cookies().len(), 1);
    adapter.send(client.get("https://a.test/")).unwrap();
    for visit in web.visits() {
        assert_eq!(cookie(&visit).as_deref(), Some("own=1"));
    }
}
