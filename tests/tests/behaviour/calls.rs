//! What can be said to a client and to a request, and what becomes of it: BEHAVIOUR sections 2, 16.1 to
//! 16.4 and 19.

use crate::echo::Echo;
use nuncio::{
    Auth, CookieJar, Kind, Limits, Redirects, Reply, Request, RequestBuilder, Timeout, Transport,
    Url,
};
use nuncio_client::Driver;
use nuncio_testkit::server::Server;
use nuncio_tests::adapters::{Adapter, Blocking, CurrentThread, Download};
use nuncio_tests::behaviour;
use nuncio_tests::web::Web;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Everything that a one-shot takes, on the builder of either kind.
macro_rules! with_everything {
    ($request:expr) => {
        $request
            .query([("p", "1")])
            .header("X-Own", "2")
            .cookie("c", "3")
            .auth(("u", "p"))
            .timeout(Timeout::secs(3))
            .follow_redirects(true)
            .client(|client| client.trust_env(false).max_redirects(3))
            .form([("f", "4")])
    };
}

#[track_caller]
fn had_everything(response: &nuncio::Response, method: &str) {
    let echo = Echo::of(response);
    assert_eq!(
        (&*echo.line.method, &*echo.line.target),
        (method, "/echo?p=1")
    );
    assert_eq!(echo.values("x-own"), ["2"]);
    assert_eq!(echo.values("cookie"), ["c=3"]);
    assert_eq!(echo.values("authorization"), ["Basic dTpw"]);
    assert_eq!(echo.body, b"f=4");
}

#[test]
fn b02_1_functions_take_what_requests_take_and_what_clients_take() {
    use nuncio::blocking;
    let server = Server::http();
    let url = server.url("/echo");
    for (method, request) in [
        ("GET", blocking::get(&url)),
        ("OPTIONS", blocking::options(&url)),
        ("POST", blocking::post(&url)),
        ("PUT", blocking::put(&url)),
        ("PATCH", blocking::patch(&url)),
        ("DELETE", blocking::delete(&url)),
        ("PURGE", blocking::request("PURGE", &url)),
    ] {
        had_everything(&with_everything!(request).send().unwrap(), method);
    }
    let head = blocking::head(&url).send().unwrap();
    assert_eq!(head.request().method(), "HEAD");
    let download = with_everything!(blocking::post(&url)).stream().unwrap();
    had_everything(&download.read().unwrap(), "POST");
    assert_eq!(server.connections(), 9, "each on a client of its own");

    let adapter = CurrentThread::start();
    use nuncio::tokio;
    adapter.runtime.block_on(async {
        for (method, request) in [
            ("GET", tokio::get(&url)),
            ("OPTIONS", tokio::options(&url)),
            ("POST", tokio::post(&url)),
            ("PUT", tokio::put(&url)),
            ("PATCH", tokio::patch(&url)),
            ("DELETE", tokio::delete(&url)),
            ("PURGE", tokio::request("PURGE", &url)),
        ] {
            had_everything(&with_everything!(request).send().await.unwrap(), method);
        }
        let head = tokio::head(&url).send().await.unwrap();
        assert_eq!(head.request().method(), "HEAD");
        let download = with_everything!(tokio::post(&url)).stream().await.unwrap();
        had_everything(&download.into_response().await.unwrap(), "POST");
    });
}

#[test]
fn b02_1_a_function_s_client_is_closed_when_it_is_done() {
    let server = Server::http();
    nuncio::blocking::get(server.url("/json")).send().unwrap();
    let deadline = std::time::Instant::now() + Duration::from_secs(5);
    while server.open_connections() > 0 {
        assert!(std::time::Instant::now() < deadline, "a connection is left");
        std::thread::sleep(Duration::from_millis(2));
    }
    // What is wrong with the client is told by the request.
    let request = nuncio::blocking::get(server.url("/json"));
    let request = request.client(|client| client.mount("nothing", Transport::client_default()));
    assert_eq!(request.send().unwrap_err().kind(), Kind::Builder);
}

behaviour!(b02_2_a_client_s_settings_are_its_requests_defaults_and_can_be_read);
fn b02_2_a_client_s_settings_are_its_requests_defaults_and_can_be_read<A: Adapter>(adapter: &A) {
    let client = adapter.client();
    assert!(client.auth().is_none() && client.params().is_empty());
    assert!(client.cookies().is_empty() && client.base_url().is_none());
    assert_eq!(client.timeout(), Timeout::secs(5));
    assert!(!client.redirects().is_followed());
    assert_eq!(client.redirects().max(), 20);
    let names: Vec<_> = client.headers().keys().collect();
    assert_eq!(
        names,
        ["accept", "accept-encoding", "connection", "user-agent"]
    );

    let jar = CookieJar::new();
    let client = adapter
        .builder()
        .auth(("u", "p"))
        .query([("p", "1")])
        .header("X-Own", "2")
        .cookies(jar.clone())
        .timeout(Timeout::none())
        .follow_redirects(true)
        .max_redirects(7)
        .base_url("https://a.test/api")
        .build()
        .unwrap();
    assert_eq!(format!("{:?}", client.auth().unwrap()), "Auth(basic)");
    assert_eq!(client.params().to_string(), "p=1");
    assert_eq!(client.headers().get("x-own").unwrap(), "2");
    assert!(client.cookies().is_shared_with(&jar), "by reference");
    assert_eq!(client.timeout(), Timeout::none());
    assert!(client.redirects().is_followed());
    assert_eq!(client.redirects().max(), 7);
    assert_eq!(client.base_url().unwrap().host_str(), "a.test");
}

behaviour!(b02_2_a_mistake_in_a_setting_is_an_error_of_the_build);
fn b02_2_a_mistake_in_a_setting_is_an_error_of_the_build<A: Adapter>(adapter: &A) {
    for (what, builder) in [
        ("base_url", adapter.builder().base_url("nowhere")),
        ("auth", adapter.builder().auth(("a:b", "p"))),
        ("cookie", adapter.builder().cookie("a;b", "")),
        (
            "mount",
            adapter
                .builder()
                .mount("nothing", Transport::client_default()),
        ),
    ] {
        let error = builder.build().err().unwrap();
        assert_eq!(error.kind(), Kind::Builder, "{what}: {error}");
        assert!(error.is_usage());
    }
}

/// What a request says of itself, for its transport.
fn recording<A: Adapter>(
    adapter: &A,
) -> (nuncio_client::Client<A::Driver>, Arc<Mutex<Vec<Request>>>)
where
{
    let seen = Arc::new(Mutex::new(Vec::new()));
    let list = Arc::clone(&seen);
    let transport = Transport::function(move |request| {
        list.lock().unwrap().push(request);
        Ok(Reply::new(302).header("Location", "https://b.test/"))
    });
    let client = adapter
        .builder()
        .transport(transport)
        .auth(("u", "p"))
        .timeout(Timeout::secs(9))
        .redirects(Redirects::follow().limit(0));
    (client.build().unwrap(), seen)
}

behaviour!(b02_3_what_a_request_leaves_open_the_client_decides_and_none_is_an_answer);
fn b02_3_what_a_request_leaves_open_the_client_decides_and_none_is_an_answer<A: Adapter>(
    adapter: &A,
) {
    let (client, seen) = recording(adapter);
    let last = || seen.lock().unwrap().pop().unwrap();
    let url = "https://a.test/";
    let error = adapter.send(client.get(url)).unwrap_err();
    assert_eq!(
        error.kind(),
        Kind::TooManyRedirects,
        "followed, as the client says"
    );
    let request = last();
    assert!(request.headers().contains("authorization"));
    assert_eq!(request.timeout(), Some(Timeout::secs(9)));

    let request = client.get(url).no_auth().timeout(Timeout::none());
    let response = adapter.send(request.follow_redirects(false)).unwrap();
    assert_eq!(response.status(), 302);
    let request = last();
    assert!(!request.headers().contains("authorization"));
    assert_eq!(request.timeout(), Some(Timeout::none()));

    let request = client.get(url).auth(("own", "p")).timeout(Timeout::secs(1));
    assert!(adapter.send(request.redirects(Redirects::none())).is_ok());
    let request = last();
    assert_eq!(request.timeout(), Some(Timeout::secs(1)));
    assert_ne!(
        request.headers().get("authorization").unwrap(),
        "Basic dTpw"
    );
}

behaviour!(b02_3_a_request_is_built_looked_at_changed_and_sent);
fn b02_3_a_request_is_built_looked_at_changed_and_sent<A: Adapter>(adapter: &A) {
    let web = Web::redirecting([]);
    let client = adapter.builder().transport(web.transport());
    let client = client.header("X-Client", "1").query([("c", "1")]);
    let client = client.base_url("https://a.test/api/").build().unwrap();
    let build = |builder: nuncio_client::RequestBuilder<A::Driver>| builder.build().unwrap();
    let mut request = build(
        client
            .request("PUT", "x")
            .query([("r", "2")])
            .header("X-Own", "3")
            .cookie("k", "4")
            .timeout(Duration::from_secs(7))
            .extension(8_u16)
            .json(&[5]),
    );
    assert_eq!(request.method(), "PUT");
    assert_eq!(request.url().as_str(), "https://a.test/api/x?c=1&r=2");
    assert_eq!(request.headers().get("cookie").unwrap(), "k=4");
    assert_eq!(request.body().as_bytes().unwrap(), "[5]");
    assert_eq!(request.timeout(), Some(Timeout::secs(7)));
    assert_eq!(request.extensions().unwrap().get::<u16>(), Some(&8));
    request.set_method(nuncio::Method::DELETE);
    request.set_url(Url::parse("https://b.test/y").unwrap());
    request.headers_mut().remove("x-own");
    request.set_body("other");
    adapter.send_as_is(&client, request).unwrap();
    let visit = web.visits().pop().unwrap();
    assert_eq!(
        (&*visit.method, &*visit.url),
        ("DELETE", "https://b.test/y")
    );
    assert_eq!(visit.headers.get("host").unwrap(), "b.test");
    assert!(!visit.headers.contains("x-own") && visit.headers.contains("x-client"));
    assert_eq!(visit.body.as_deref(), Some(&b"other"[..]));
    assert_eq!(visit.headers.get("content-length").unwrap(), "5");
    // Of a request that was made by hand, nothing of the client's is added but time and auth.
    let bare = Request::new(nuncio::Method::GET, Url::parse("https://c.test/").unwrap());
    adapter.send_as_is(&client, bare).unwrap();
    let visit = web.visits().pop().unwrap();
    assert_eq!(visit.url, "https://c.test/");
    assert_eq!(visit.headers.keys().collect::<Vec<_>>(), ["host"]);
}

behaviour!(b16_1_relative_urls_stand_behind_the_base_url);
fn b16_1_relative_urls_stand_behind_the_base_url<A: Adapter>(adapter: &A) {
    for (base, text, url) in [
        ("http://h", "/x", "http://h/x"),
        ("http://h", "x", "http://h/x"),
        ("http://h/api", "/x", "http://h/api/x"),
        ("http://h/api", "x", "http://h/api/x"),
        ("http://h/api/", "/x", "http://h/api/x"),
        ("http://h/api", "http://k/y", "http://k/y"),
        ("http://h/api", "?q=1", "http://h/api/?q=1"),
        ("http://h/api", "../x", "http://h/x"),
        ("http://h/api", "", "http://h/api/"),
        ("http://h/api", "/", "http://h/api/"),
        ("http://u:p@h/api", "x", "http://u:p@h/api/x"),
        ("http://h/api", "/a b", "http://h/api/a%20b"),
    ] {
        let client = adapter.builder().base_url(base).build().unwrap();
        let request = client.get(text).build().unwrap();
        assert_eq!(request.url().as_str(), url, "{base} {text}");
    }
    // Of a relative URL that would lose its host or its scheme, an error is made.
    let client = adapter.builder().base_url("http://h/api").build().unwrap();
    for text in ["//k/x", "https:x"] {
        let error = client.get(text).build().unwrap_err();
        assert_eq!(error.kind(), Kind::InvalidUrl, "{text}");
    }
    // Without a base there is nothing to be relative to.
    let error = adapter.send(adapter.client().get("/x")).unwrap_err();
    assert_eq!(error.kind(), Kind::UnsupportedProtocol);
}

behaviour!(b16_1_a_query_of_the_base_url_is_not_lost);
fn b16_1_a_query_of_the_base_url_is_not_lost<A: Adapter>(adapter: &A) {
    let client = adapter.builder().base_url("http://h/api?z=1").build();
    let client = client.unwrap();
    for (text, url) in [
        ("x", "http://h/api/x?z=1"),
        ("x?a=2", "http://h/api/x?z=1&a=2"),
        ("http://k/y", "http://k/y"),
    ] {
        let request = client.get(text).build().unwrap();
        assert_eq!(request.url().as_str(), url);
    }
}

behaviour!(b16_2_fields_of_a_request_go_before_the_client_s_and_defaults_can_go);
fn b16_2_fields_of_a_request_go_before_the_client_s_and_defaults_can_go<A: Adapter>(adapter: &A) {
    let client = adapter
        .builder()
        .header("X-A", "1")
        .header("accept", "text/plain")
        .without_header("Connection")
        .build()
        .unwrap();
    let request = client
        .get("http://h/")
        .header("x-a", "2")
        .header("x-a", "3");
    let request = request.build().unwrap();
    assert_eq!(
        request.headers().get_all("X-A").count(),
        2,
        "all of the name are replaced"
    );
    assert_eq!(request.headers().get("accept").unwrap(), "text/plain");
    assert!(!request.headers().contains("connection"));
    let names: Vec<_> = request.headers().keys().collect();
    // What is given takes its place behind what is not.
    assert_eq!(names[..3], ["host", "accept-encoding", "user-agent"]);
}

behaviour!(b16_3_parameters_are_merged_and_the_url_s_own_stay);
fn b16_3_parameters_are_merged_and_the_url_s_own_stay<A: Adapter>(adapter: &A) {
    let client = adapter.builder().query([("c", "1"), ("d", "1")]);
    let client = client.build().unwrap();
    let url = |request: nuncio_client::RequestBuilder<A::Driver>| {
        request.build().unwrap().url().as_str().to_owned()
    };
    assert_eq!(url(client.get("http://h/?a=1")), "http://h/?a=1&c=1&d=1");
    let request = client.get("http://h/?a=1").query([("d", "2"), ("e", "2")]);
    assert_eq!(url(request), "http://h/?a=1&c=1&d=2&e=2");
    // Where there is nothing to add, not a byte changes.
    let plain = adapter.client();
    assert_eq!(url(plain.get("http://h/?a&b=%20+")), "http://h/?a&b=%20+");
    let nothing: [(&str, &str); 0] = [];
    assert_eq!(url(plain.get("http://h/?a").query(nothing)), "http://h/?a");
}

#[test]
fn b19_a_timeout_is_one_limit_or_four() {
    let five = Some(Duration::from_secs(5));
    let limits = |timeout: Timeout| {
        let connect = timeout.connect_limit();
        [
            connect,
            timeout.read_limit(),
            timeout.write_limit(),
            timeout.pool_limit(),
        ]
    };
    let secs = |count| Some(Duration::from_secs(count));
    assert_eq!(limits(Timeout::default()), [five; 4]);
    assert_eq!(limits(Timeout::secs(2)), [secs(2); 4]);
    assert_eq!(limits(Timeout::all(Duration::from_secs(2))), [secs(2); 4]);
    assert_eq!(limits(Duration::from_secs(2).into()), [secs(2); 4]);
    assert_eq!(limits(Timeout::none()), [None; 4]);
    let apart = Timeout::secs(9)
        .connect(Duration::from_secs(1))
        .read(Duration::from_secs(2))
        .write(Duration::from_secs(3))
        .pool(Duration::from_secs(4));
    assert_eq!(limits(apart), [secs(1), secs(2), secs(3), secs(4)]);
    let some = Timeout::none().read(Duration::from_secs(1));
    assert_eq!(limits(some), [None, secs(1), None, None]);
    assert_eq!(Timeout::secs(5), Timeout::default());
    assert_ne!(Timeout::secs(5), apart);
    assert!(format!("{apart:?}").contains("4s"), "{apart:?}");
}

behaviour!(b19_limits_that_are_not_named_keep_their_defaults);
fn b19_limits_that_are_not_named_keep_their_defaults<A: Adapter>(adapter: &A) {
    let limits = Limits::default();
    assert_eq!(
        (limits.max_connections, limits.max_idle),
        (Some(100), Some(20))
    );
    assert_eq!(limits.idle_expiry, Some(Duration::from_secs(5)));
    let server = Server::http();
    // Fewer connections than may be idle: the smaller number holds.
    let limits = Limits {
        max_connections: Some(1),
        ..Limits::default()
    };
    assert_eq!(limits.max_idle, Some(20));
    let client = adapter.builder().limits(limits).build().unwrap();
    let url = server.url("/json");
    let results = adapter.together((0..4).map(|_| client.get(&url)).collect());
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(server.connections(), 1);
}

behaviour!(b02_2_a_client_of_its_own_kind_takes_every_option_together);
fn b02_2_a_client_of_its_own_kind_takes_every_option_together<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let heard = Arc::new(Mutex::new(0));
    let (sent, came) = (Arc::clone(&heard), Arc::clone(&heard));
    let client = adapter
        .builder()
        .auth(Auth::bearer("token"))
        .query([("p", "1")])
        .header("X-Own", "2")
        .cookie("c", "3")
        .danger_accept_invalid_certs(true)
        .trust_env(false)
        .mount(
            "all://nowhere.test",
            Transport::function(|_| Ok(Reply::new(204))),
        )
        .timeout(Duration::from_secs(4))
        .follow_redirects(true)
        .limits(Limits::default())
        .max_redirects(3)
        .on_request(move |_| {
            *sent.lock().unwrap() += 1;
            Ok(())
        })
        .on_response(move |_| {
            *came.lock().unwrap() += 1;
            Ok(())
        })
        .base_url(server.url("/"))
        .default_encoding(nuncio::DefaultEncoding::label("latin-1").unwrap())
        .build()
        .unwrap();
    let echo = Echo::of(&adapter.send(client.get("echo")).unwrap());
    assert_eq!(echo.line.target, "/echo?p=1");
    assert_eq!(echo.values("authorization"), ["Bearer token"]);
    assert_eq!(echo.values("cookie"), ["c=3"]);
    assert_eq!(*heard.lock().unwrap(), 2);
    let mounted = adapter.send(client.get("http://nowhere.test/")).unwrap();
    assert_eq!(mounted.status(), 204);
}

/// A builder of requests is the same type on every client of a kind.
#[test]
fn b02_3_verbs_with_and_without_bodies_have_one_builder() {
    fn takes(_: [RequestBuilder; 7]) {}
    let client = nuncio::tokio::builder().build().unwrap();
    let url = "http://h/";
    takes([
        client.get(url).body("a GET may have one"),
        client.options(url).json(&1),
        client.head(url).query([("a", "b")]),
        client.delete(url).form([("a", "b")]),
        client.post(url).body("x"),
        client.put(url).body("x"),
        client.patch(url).body("x"),
    ]);
    assert_eq!(<Blocking as Adapter>::Driver::SIDE, nuncio::Side::Blocking);
}
