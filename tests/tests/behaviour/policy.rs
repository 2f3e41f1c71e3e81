//! What a client decides between a request and its answer, over real sockets: the main paths.
//! Redirects, cookies and authentication have files of their own.

use nuncio::{Auth, Error, Kind, Redirects, Reply, Transport};
use nuncio_testkit::server::{Reply as Answer, Server};
use nuncio_tests::adapters::Adapter;
use nuncio_tests::behaviour;
use std::sync::{Arc, Mutex};

behaviour!(b15_redirects_are_followed_only_where_asked);
fn b15_redirects_are_followed_only_where_asked<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter.client();
    let response = adapter.send(client.get(server.url("/redirect/2"))).unwrap();
    assert_eq!(response.status().as_u16(), 302);
    let next = response.next_request().unwrap();
    assert_eq!(next.url().path(), "/redirect/1");
    let then = adapter.send_as_is(&client, next).unwrap();
    assert_eq!(then.url().path(), "/redirect/1");

    let response = adapter
        .send(client.get(server.url("/redirect/2")).follow_redirects(true))
        .unwrap();
    assert_eq!(response.status().as_u16(), 200);
    let history: Vec<_> = response
        .history()
        .iter()
        .map(|it| it.url().path())
        .collect();
    assert_eq!(history, ["/redirect/2", "/redirect/1"]);
    assert_eq!(response.history()[1].history().len(), 1);
    assert!(response.next_request().is_none());
    assert_eq!(server.connections(), 1);
}

behaviour!(b15_one_redirect_more_than_the_limit_is_an_error);
fn b15_one_redirect_more_than_the_limit_is_an_error<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter
        .builder()
        .redirects(Redirects::follow().limit(3))
        .build()
        .unwrap();
    let three = adapter.send(client.get(server.url("/redirect/3"))).unwrap();
    assert_eq!(three.history().len(), 3);
    let four = adapter
        .send(client.get(server.url("/redirect/4")))
        .unwrap_err();
    assert_eq!(four.kind(), Kind::TooManyRedirects);
    assert_eq!(four.url().unwrap().path(), "/redirect/0");
    // Checked before it is sent.
    assert_eq!(server.requests(), 4 + 4);
}

behaviour!(b06_cookies_that_a_response_sets_go_with_the_next_request);
fn b06_cookies_that_a_response_sets_go_with_the_next_request<A: Adapter>(adapter: &A) {
    let server = Server::builder()
        .route("/set", |_, _| {
            Answer::new(302)
                .header("set-cookie", "id=7; Path=/")
                .header("location", "/see")
        })
        .route("/see", |request, _| {
            let cookie = request.header("cookie").unwrap_or_default();
            Answer::new(200).body(cookie)
        })
        .start();
    let client = adapter.builder().follow_redirects(true).build().unwrap();
    let response = adapter.send(client.get(server.url("/set")).cookie("own", "1"));
    let response = response.unwrap();
    assert_eq!(response.text(), "id=7");
    assert_eq!(
        response.history()[0].cookies().get("id").unwrap().unwrap(),
        "7"
    );
    assert!(response.cookies().is_empty());
    assert_eq!(client.cookies().get("id").unwrap().unwrap(), "7");

    let response = adapter.send(client.get(server.url("/see")).cookie("own", "1"));
    assert_eq!(response.unwrap().text(), "id=7; own=1");
}

behaviour!(b14_5_a_digest_challenge_is_answered_and_remembered);
fn b14_5_a_digest_challenge_is_answered_and_remembered<A: Adapter>(adapter: &A) {
    let server = Server::builder()
        .route("/", |request, body| match request.header("authorization") {
            None => Answer::new(401)
                .header(
                    "www-authenticate",
                    "Digest realm=\"r\", nonce=\"n\", qop=\"auth\"",
                )
                .body("who are you?"),
            Some(_) => Answer::new(200).body(body),
        })
        .start();
    let client = adapter
        .builder()
        .auth(Auth::digest("user", "pass"))
        .build()
        .unwrap();
    let response = adapter
        .send(client.post(server.url("/")).body("hello"))
        .unwrap();
    assert_eq!(
        (response.status().as_u16(), &*response.text()),
        (200, "hello")
    );
    assert_eq!(response.history().len(), 1);
    assert_eq!(response.history()[0].text(), "who are you?");
    let again = adapter.send(client.get(server.url("/"))).unwrap();
    assert!(again.history().is_empty(), "sent with what was learnt");
    assert_eq!((server.requests(), server.connections()), (3, 1));
}

behaviour!(b16_6_hooks_see_and_change_every_hop_in_order);
fn b16_6_hooks_see_and_change_every_hop_in_order<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (ours, theirs) = (Arc::clone(&seen), Arc::clone(&seen));
    let client = adapter
        .builder()
        .follow_redirects(true)
        .on_request(move |request| {
            ours.lock()
                .unwrap()
                .push(format!("> {}", request.url().path()));
            request
                .headers_mut()
                .insert("x-hook", "yes")
                .map_err(|e| Error::other(Kind::Builder, e))
        })
        .on_response(move |head| {
            theirs
                .lock()
                .unwrap()
                .push(format!("< {}", head.status().as_u16()));
            assert_eq!(
                head.request().headers().get("x-hook").as_deref(),
                Some("yes")
            );
            Ok(())
        })
        .build()
        .unwrap();
    adapter.send(client.get(server.url("/redirect/1"))).unwrap();
    let seen = seen.lock().unwrap().clone();
    assert_eq!(seen, ["> /redirect/1", "< 302", "> /redirect/0", "< 200"]);
}

behaviour!(b16_6_a_hook_that_fails_ends_the_call);
fn b16_6_a_hook_that_fails_ends_the_call<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let refuse = |text: &'static str| move || Err(Error::new(Kind::Usage, text));
    let (before, after) = (refuse("not so"), refuse("not that"));
    let client = adapter
        .builder()
        .on_request(move |_| before())
        .build()
        .unwrap();
    let error = adapter.send(client.get(server.url("/json"))).unwrap_err();
    assert!(error.to_string().ends_with("/json: not so"), "{error}");
    assert_eq!(server.requests(), 0);

    let client = adapter
        .builder()
        .on_response(move |_| after())
        .build()
        .unwrap();
    let error = adapter.send(client.get(server.url("/json"))).unwrap_err();
    assert!(error.to_string().contains("not that"), "{error}");
    assert_eq!(client.pool().connections, 0, "its body was never read");
}

behaviour!(b17_a_mount_takes_the_place_of_the_network);
fn b17_a_mount_takes_the_place_of_the_network<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter
        .builder()
        .mount(
            "all://mounted.test",
            Transport::function(|request| {
                let text = format!("{} {}", request.method(), request.url());
                Ok(Reply::new(203).text(text))
            }),
        )
        .build()
        .unwrap();
    let response = adapter.send(client.get("http://mounted.test/a?b")).unwrap();
    assert_eq!(response.status().as_u16(), 203);
    assert_eq!(response.text(), "GET http://mounted.test/a?b");
    let response = adapter.send(client.get(server.url("/json"))).unwrap();
    assert_eq!(response.status().as_u16(), 200);
}

behaviour!(a_derived_client_shares_the_pool_and_the_cookies);
fn a_derived_client_shares_the_pool_and_the_cookies<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter.builder().header("x-one", "1").build().unwrap();
    let other = client.with(|it| it.header("x-two", "2").no_auth()).unwrap();
    adapter.send(client.get(server.url("/json"))).unwrap();
    let response = adapter.send(other.get(server.url("/echo"))).unwrap();
    assert!(response.text().contains("x-one") && response.text().contains("x-two"));
    assert_eq!(server.connections(), 1);
    assert!(client.cookies().is_shared_with(other.cookies()));
    assert!(client.headers().get("x-two").is_none());

    let apart = client
        .with(|it| it.limits(nuncio::Limits::default()))
        .unwrap();
    adapter.send(apart.get(server.url("/json"))).unwrap();
    assert_eq!(server.connections(), 2);
}

behaviour!(r17_what_is_bound_to_a_base_url_stays_there);
fn r17_what_is_bound_to_a_base_url_stays_there<A: Adapter>(adapter: &A) {
    let (home, away) = (Server::http(), Server::http());
    let client = adapter
        .builder()
        .base_url(home.url("/"))
        .auth(("user", "SECRET"))
        .header("Proxy-Authorization", "SECRET")
        .header("X-Api-Key", "SECRET")
        .cookie("token", "SECRET")
        .build()
        .unwrap();
    let at_home = adapter.send(client.get("echo")).unwrap();
    assert!(
        at_home.text().contains("Basic dXNlcjpTRUNSRVQ="),
        "{}",
        at_home.text()
    );
    assert!(at_home.text().contains("token=SECRET"));
    let elsewhere = adapter.send(client.get(away.url("/echo"))).unwrap();
    let text = elsewhere.text();
    // A cookie goes by host, whatever the port (RFC 6265bis section 8.5).
    assert!(!text.contains("uthorization"), "{text}");
    assert!(!text.contains("X-Api-Key"), "{text}");
    assert!(at_home.text().contains("X-Api-Key"));
    let given = adapter
        .send(client.get(away.url("/echo")).auth(("user", "SECRET")))
        .unwrap();
    assert!(given.text().contains("Basic"));
}

behaviour!(extensions_of_the_client_travel_with_every_request);
fn extensions_of_the_client_travel_with_every_request<A: Adapter>(adapter: &A) {
    #[derive(Clone, Debug, PartialEq)]
    struct Label(&'static str);
    #[derive(Clone)]
    struct Other;
    let server = Server::http();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let hook = Arc::clone(&seen);
    let client = adapter
        .builder()
        .extension(Label("the client's"))
        .extension(Other)
        .follow_redirects(true)
        .on_request(move |request| {
            let label = request
                .extensions()
                .and_then(|all| all.get::<Label>().cloned());
            assert!(
                request
                    .extensions()
                    .is_some_and(|all| all.get::<Other>().is_some())
            );
            hook.lock().unwrap().push(label);
            Ok(())
        })
        .build()
        .unwrap();
    adapter.send(client.get(server.url("/redirect/1"))).unwrap();
    let own = client.get(server.url("/json")).extension(Label("its own"));
    adapter.send(own).unwrap();
    let all: Vec<_> = seen
        .lock()
        .unwrap()
        .iter()
        .cloned()
        .map(Option::unwrap)
        .collect();
    let clients = Label("the client's");
    assert_eq!(all, [clients.clone(), clients, Label("its own")]);
}
