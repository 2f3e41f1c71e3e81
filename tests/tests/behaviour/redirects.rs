//! Redirects: BEHAVIOUR section 15 and SECURITY table R, over a web in memory.

use nuncio::{Auth, Error, Kind, RedirectAction, Redirects, Reply, Response, Url};
use nuncio_client::{Client, ClientBuilder, Driver};
use nuncio_tests::adapters::Adapter;
use nuncio_tests::behaviour;
use nuncio_tests::web::{Visit, Web};
use std::io;

const SECRET: &str = "SECRET";

fn client_of<D: Driver>(builder: ClientBuilder<D>, web: &Web) -> Client<D> {
    let builder = builder.transport(web.transport()).follow_redirects(true);
    builder.build().expect("a client")
}

/// GET `url` with `SECRET` in the fields that are credentials; what was visited.
fn visits_with_secrets<A: Adapter>(adapter: &A, web: &Web, url: &str) -> Vec<Visit> {
    let client = client_of(adapter.builder(), web);
    let request = client
        .get(url)
        .header("Authorization", "Bearer SECRET")
        .header("Proxy-Authorization", "Basic SECRET")
        .header("X-Api-Key", SECRET)
        .cookie("session", SECRET);
    adapter.send(request).expect("a response");
    web.visits()
}

behaviour!(r01_authorization_does_not_go_to_another_host);
fn r01_authorization_does_not_go_to_another_host<A: Adapter>(adapter: &A) {
    let web = Web::redirecting([("https://a.test/", 302, "https://b.test/x")]);
    let visits = visits_with_secrets(adapter, &web, "https://a.test/");
    assert_eq!(visits.len(), 2);
    assert!(visits[0].tells(SECRET));
    assert_eq!(visits[1].url, "https://b.test/x");
    assert!(!visits[1].tells(SECRET), "{}", visits[1].wire());
    assert_eq!(visits[1].headers.get("host").unwrap(), "b.test");
}

behaviour!(r02_another_port_is_another_origin);
fn r02_another_port_is_another_origin<A: Adapter>(adapter: &A) {
    let web = Web::redirecting([("https://a.test/", 302, "https://a.test:8443/")]);
    let visits = visits_with_secrets(adapter, &web, "https://a.test/");
    assert!(!visits[1].tells(SECRET), "{}", visits[1].wire());
    assert_eq!(visits[1].headers.get("host").unwrap(), "a.test:8443");
}

behaviour!(r03_https_to_http_on_the_same_host_drops_credentials);
fn r03_https_to_http_on_the_same_host_drops_credentials<A: Adapter>(adapter: &A) {
    let web = Web::redirecting([("https://a.test/", 302, "http://a.test/")]);
    let visits = visits_with_secrets(adapter, &web, "https://a.test/");
    assert!(!visits[1].tells(SECRET), "{}", visits[1].wire());

    let client = client_of(adapter.builder().https_only(true), &web);
    let error = adapter.send(client.get("https://a.test/")).unwrap_err();
    assert_eq!(error.kind(), Kind::UnsupportedProtocol);
    assert_eq!(web.visits().len(), 1);
    assert!(adapter.send(client.get("http://a.test/")).is_err());
    assert!(web.visits().is_empty());
}

behaviour!(r03_an_upgrade_to_https_keeps_authorization_and_nothing_else);
fn r03_an_upgrade_to_https_keeps_authorization_and_nothing_else<A: Adapter>(adapter: &A) {
    let web = Web::redirecting([
        ("http://a.test/", 302, "https://a.test/"),
        ("http://a.test:8080/", 302, "https://a.test/"),
        ("http://a.test/port", 302, "https://a.test:444/"),
    ]);
    let visits = visits_with_secrets(adapter, &web, "http://a.test/");
    assert_eq!(
        visits[1].headers.get("authorization").unwrap(),
        "Bearer SECRET"
    );
    assert!(!visits[1].headers.contains("x-api-key"));
    assert!(!visits[1].headers.contains("proxy-authorization"));
    for other in ["http://a.test:8080/", "http://a.test/port"] {
        let visits = visits_with_secrets(adapter, &web, other);
        assert!(!visits[1].tells(SECRET), "{other}");
    }
}

behaviour!(r04_the_case_of_a_name_makes_no_difference);
fn r04_the_case_of_a_name_makes_no_difference<A: Adapter>(adapter: &A) {
    let web = Web::redirecting([("https://a.test/", 302, "https://b.test/")]);
    let client = client_of(adapter.builder(), &web);
    for name in [
        "authorization",
        "cookie",
        "proxy-authorization",
        "x-api-key",
    ] {
        for seed in 0_u32..16 {
            // Another casing each time.
            let cased: String = name
                .chars()
                .enumerate()
                .map(
                    |(at, c)| match seed.wrapping_mul(2_654_435_761) >> (at % 29) & 1 {
                        0 => c.to_ascii_uppercase(),
                        _ => c,
                    },
                )
                .collect();
            let request = client.get("https://a.test/").header(&cased, SECRET);
            adapter.send(request).unwrap();
            let visits = web.visits();
            assert!(
                visits[0].tells(SECRET) && !visits[1].tells(SECRET),
                "{cased}"
            );
        }
    }
}

behaviour!(r05_only_the_same_origin_is_the_same_origin);
fn r05_only_the_same_origin_is_the_same_origin<A: Adapter>(adapter: &A) {
    let others = [
        "https://x.a.test/",
        "https://a.test.evil/",
        "https://xa.test/",
        "https://a.test./",
        "https://[::1]/",
        "https://127.0.0.1/",
    ];
    for other in others {
        let web = Web::new(move |visit| match &*visit.url {
            "https://a.test/" => Reply::new(302).header("Location", other),
            _ => Reply::new(200),
        });
        let visits = visits_with_secrets(adapter, &web, "https://a.test/");
        assert!(!visits[1].tells(SECRET), "{other}");
    }
    // The same origin, written otherwise.
    for same in [
        "https://A.TEST/2",
        "https://a.test:443/2",
        "/2",
        "//a.test/2",
    ] {
        let web = Web::new(move |visit| match &*visit.url {
            "https://a.test/" => Reply::new(302).header("Location", same),
            _ => Reply::new(200),
        });
        let visits = visits_with_secrets(adapter, &web, "https://a.test/");
        assert_eq!(visits[1].url, "https://a.test/2");
        assert_eq!(
            visits[1].headers.get("authorization").unwrap(),
            "Bearer SECRET"
        );
    }
    let client = client_of(adapter.builder(), &Web::redirecting([]));
    let error = adapter.send(client.get("https://[::1%25.a]/")).unwrap_err();
    assert_eq!(error.kind(), Kind::InvalidUrl);
}

behaviour!(r06_what_was_dropped_does_not_come_back);
fn r06_what_was_dropped_does_not_come_back<A: Adapter>(adapter: &A) {
    let web = Web::redirecting([
        ("https://a.test/", 302, "https://b.test/1"),
        ("https://b.test/1", 302, "/2"),
        ("https://b.test/2", 302, "https://a.test/back"),
    ]);
    let visits = visits_with_secrets(adapter, &web, "https://a.test/");
    let urls: Vec<_> = visits.iter().map(|visit| &*visit.url).collect();
    assert_eq!(
        urls[1..],
        [
            "https://b.test/1",
            "https://b.test/2",
            "https://a.test/back"
        ]
    );
    for visit in &visits[1..] {
        assert!(!visit.tells(SECRET), "{}", visit.url);
    }
}

behaviour!(r07_fields_of_the_callers_own_need_leave_to_go_elsewhere);
fn r07_fields_of_the_callers_own_need_leave_to_go_elsewhere<A: Adapter>(adapter: &A) {
    let web = Web::redirecting([("https://a.test/", 302, "https://b.test/")]);
    let send = |redirects: Redirects| {
        let client = client_of(adapter.builder(), &web);
        let request = client
            .get("https://a.test/")
            .header("X-Api-Key", SECRET)
            .header("X-Request-Id", "7")
            .header("Accept-Language", "fr")
            .header("User-Agent", "me")
            .redirects(redirects);
        adapter.send(request).unwrap();
        web.visits().pop().unwrap().headers
    };
    let headers = send(Redirects::follow());
    assert!(!headers.contains("x-api-key") && !headers.contains("x-request-id"));
    assert_eq!(headers.get("accept-language").unwrap(), "fr");
    assert_eq!(headers.get("user-agent").unwrap(), "me");
    assert_eq!(headers.get("accept").unwrap(), "*/*");
    let headers = send(Redirects::follow().headers(["x-request-ID"]));
    assert_eq!(headers.get("x-request-id").unwrap(), "7");
    assert!(!headers.contains("x-api-key"));
}

behaviour!(r08_the_cookie_field_is_what_the_jar_has_for_the_next_url);
fn r08_the_cookie_field_is_what_the_jar_has_for_the_next_url<A: Adapter>(adapter: &A) {
    let web = Web::redirecting([
        ("https://a.test/", 302, "https://b.test/"),
        ("https://a.test/same", 302, "/"),
    ]);
    let client = client_of(adapter.builder(), &web);
    client.cookies().set_for("b.test", "/", "b", "1").unwrap();
    for explicit in [true, false] {
        let request = client.get("https://a.test/same");
        let request = if explicit {
            request.header("Cookie", "a=SECRET")
        } else {
            request.cookie("a", SECRET)
        };
        adapter.send(request).unwrap();
        let visits = web.visits();
        assert_eq!(visits[0].headers.get("cookie").unwrap(), "a=SECRET");
        assert!(!visits[1].headers.contains("cookie"), "the same origin too");
        assert_eq!(visits[2].headers.get("cookie").unwrap(), "b=1");
    }
}

behaviour!(r10_a_body_that_is_dropped_takes_its_fields_along);
fn r10_a_body_that_is_dropped_takes_its_fields_along<A: Adapter>(adapter: &A) {
    for status in [301, 302, 303] {
        let web = Web::new(move |visit| match &*visit.url {
            "https://a.test/" => Reply::new(status).header("Location", "/next"),
            _ => Reply::new(200),
        });
        let client = client_of(adapter.builder(), &web);
        let request = client
            .post("https://a.test/")
            .header("Content-Language", "en")
            .header("Expect", "100-continue")
            .header("X-Kept", "1")
            .json(&[1, 2]);
        let response = adapter.send(request).unwrap();
        assert_eq!(response.request().method(), "GET");
        let next = &web.visits()[1];
        assert_eq!(
            (&*next.method, next.body.as_deref()),
            ("GET", Some(&b""[..]))
        );
        let names: Vec<_> = next.headers.keys().collect();
        assert!(
            !names.iter().any(|name| name.starts_with("content-")),
            "{names:?}"
        );
        assert!(!next.headers.contains("expect") && !next.headers.contains("transfer-encoding"));
        assert_eq!(next.headers.get("x-kept").unwrap(), "1");
    }
}

behaviour!(r10_a_body_that_is_asked_for_again_is_sent_whole_or_not_at_all);
fn r10_a_body_that_is_asked_for_again_is_sent_whole_or_not_at_all<A: Adapter>(adapter: &A) {
    for status in [307, 308] {
        let web = Web::new(move |visit| match &*visit.url {
            "https://a.test/" => Reply::new(status).header("Location", "https://b.test/"),
            _ => Reply::new(200),
        });
        let client = client_of(adapter.builder(), &web);
        adapter
            .send(client.put("https://a.test/").body("whole"))
            .unwrap();
        let next = &web.visits()[1];
        assert_eq!(
            (&*next.method, next.body.as_deref()),
            ("PUT", Some(&b"whole"[..]))
        );
        assert_eq!(next.headers.get("content-length").unwrap(), "5");
    }
}

behaviour!(r10_a_body_that_was_read_is_not_sent_in_part);
fn r10_a_body_that_was_read_is_not_sent_in_part<A: Adapter>(adapter: &A) {
    use nuncio_testkit::server::{Reply as Answer, Server};
    let server = Server::builder()
        .route("/from", |_, _| Answer::new(307).header("location", "/to"))
        .route("/to", |_, body| Answer::new(200).body(body))
        .start();
    let client = adapter.builder().follow_redirects(true).build().unwrap();
    let pieces = || ["one ", "body"].into_iter().map(|piece| Ok(piece.into()));
    let once = adapter.body(pieces(), None);
    let error = adapter
        .send(client.post(server.url("/from")).body(once))
        .unwrap_err();
    assert_eq!(error.kind(), Kind::StreamConsumed);
    assert_eq!(server.requests(), 1);

    // What can be made again is sent again.
    let body = nuncio::Body::factory(|| Ok::<_, io::Error>("made again".into()), None);
    let response = adapter
        .send(client.post(server.url("/from")).body(body))
        .unwrap();
    assert_eq!(response.text(), "made again");
    assert_eq!(response.history().len(), 1);
}

behaviour!(r11_a_referer_is_sent_only_where_asked_and_tells_little);
fn r11_a_referer_is_sent_only_where_asked_and_tells_little<A: Adapter>(adapter: &A) {
    let web = Web::redirecting([
        ("https://u:SECRET@a.test/p?q#f", 302, "https://b.test/"),
        ("https://b.test/#f", 302, "http://c.test/"),
    ]);
    let client = client_of(adapter.builder(), &web);
    let get = || client.get("https://u:SECRET@a.test/p?q#f");
    adapter.send(get()).unwrap();
    assert!(
        web.visits()
            .iter()
            .all(|visit| !visit.headers.contains("referer"))
    );
    adapter
        .send(get().redirects(Redirects::follow().referer(true)))
        .unwrap();
    let visits = web.visits();
    assert_eq!(
        visits[1].headers.get("referer").unwrap(),
        "https://a.test/p?q"
    );
    assert!(!visits[2].headers.contains("referer"), "https to http");
}

behaviour!(r12_credentials_in_a_location_are_not_used);
fn r12_credentials_in_a_location_are_not_used<A: Adapter>(adapter: &A) {
    let web = Web::redirecting([
        ("https://a.test/", 302, "https://evil:SECRET@b.test/"),
        ("https://me:mine@a.test/", 302, "/next"),
        ("https://me:mine@a.test/away", 302, "//b.test/"),
    ]);
    let client = client_of(adapter.builder(), &web);
    adapter.send(client.get("https://a.test/")).unwrap();
    let visits = web.visits();
    assert_eq!(visits[1].url, "https://b.test/");
    assert!(!visits[1].headers.contains("authorization"));
    // Ours stay on our origin, and do not leave it.
    adapter.send(client.get("https://me:mine@a.test/")).unwrap();
    let visits = web.visits();
    assert_eq!(
        visits[1].headers.first("authorization"),
        visits[0].headers.first("authorization")
    );
    adapter
        .send(client.get("https://me:mine@a.test/away"))
        .unwrap();
    let visits = web.visits();
    assert_eq!(visits[1].url, "https://b.test/");
    assert!(!visits[1].headers.contains("authorization"));
}

behaviour!(r13_no_other_scheme_is_followed);
fn r13_no_other_scheme_is_followed<A: Adapter>(adapter: &A) {
    let locations = [
        "file:///etc/passwd",
        "data:text/plain,x",
        "ftp://a.test/",
        "unix:/run/x",
        "javascript:alert(1)",
        "blob:https://a.test/x",
        "mailto:x@a.test",
        "ws://a.test/",
    ];
    for location in locations {
        let web = Web::new(move |_| Reply::new(302).header("Location", location));
        let client = client_of(adapter.builder(), &web);
        let error = adapter.send(client.get("https://a.test/")).unwrap_err();
        let kinds = [Kind::UnsupportedProtocol, Kind::RemoteProtocol];
        assert!(kinds.contains(&error.kind()), "{location}: {error}");
        assert_eq!(web.visits().len(), 1, "{location}");
    }
}

behaviour!(r14_redirects_are_limited_whatever_they_are_mixed_with);
fn r14_redirects_are_limited_whatever_they_are_mixed_with<A: Adapter>(adapter: &A) {
    let web = Web::new(|_| Reply::new(302).header("Location", "/again"));
    for limit in [0, 1, 10, 20] {
        let client = adapter
            .builder()
            .transport(web.transport())
            .redirects(Redirects::follow().limit(limit))
            .build()
            .unwrap();
        let error = adapter.send(client.get("https://a.test/")).unwrap_err();
        assert_eq!(error.kind(), Kind::TooManyRedirects, "{error}");
        assert_eq!(web.visits().len(), limit + 1);
    }
    // An answer to a challenge counts too.
    let web = Web::new(|visit| match visit.headers.contains("authorization") {
        false => Reply::new(401).header("WWW-Authenticate", "Digest realm=r, nonce=n, qop=auth"),
        true => Reply::new(302).header("Location", "/again"),
    });
    let client = adapter
        .builder()
        .transport(web.transport())
        .redirects(Redirects::follow().limit(3))
        .auth(Auth::digest("u", "p"))
        .build()
        .unwrap();
    let error = adapter.send(client.get("https://a.test/")).unwrap_err();
    assert_eq!(error.kind(), Kind::TooManyRedirects);
    assert_eq!(web.visits().len(), 4);
}

behaviour!(r15_the_body_of_a_redirect_is_drained_within_bounds_and_not_decoded);
fn r15_the_body_of_a_redirect_is_drained_within_bounds_and_not_decoded<A: Adapter>(adapter: &A) {
    use nuncio_testkit::script::{Script, Step};
    let redirect = |length: usize| {
        format!(
            "HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Encoding: gzip\r\nContent-Length: {length}\r\n\r\n"
        )
    };
    let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    // No gzip at all: were it decoded, that would be an error.
    let short = Script::new()
        .connection([
            Step::ExpectHead,
            Step::send(redirect(1000)),
            Step::send(vec![b'x'; 1000]),
            Step::ExpectHead,
            Step::send(ok),
        ])
        .start();
    let client = adapter.builder().follow_redirects(true).build().unwrap();
    let response = adapter.send(client.get(short.url("/"))).unwrap();
    assert_eq!(response.text(), "ok");
    assert_eq!(response.history()[0].bytes().len(), 1000);
    assert!(!response.history()[0].is_truncated());
    // One that is longer is not read, and its connection not used again.
    let long = Script::new()
        .connection([Step::ExpectHead, Step::send(redirect(1 << 30))])
        .connection([Step::ExpectHead, Step::send(ok)])
        .start();
    let response = adapter.send(client.get(long.url("/"))).unwrap();
    assert_eq!(response.text(), "ok");
    assert!(response.history()[0].bytes().is_empty());
    assert!(response.history()[0].is_truncated());
    assert_eq!(long.connections(), 2);
}

behaviour!(r16_all_ways_to_write_a_host_lead_there);
fn r16_all_ways_to_write_a_host_lead_there<A: Adapter>(adapter: &A) {
    for location in [
        "//b.test",
        "/\\b.test",
        "\\\\b.test",
        "///b.test",
        "/\t/b.test",
    ] {
        let web = Web::new(move |visit| match &*visit.url {
            "https://a.test/" => Reply::new(302).header("Location", location),
            _ => Reply::new(200),
        });
        let visits = visits_with_secrets(adapter, &web, "https://a.test/");
        assert_eq!(visits[1].url, "https://b.test/", "{location:?}");
        assert!(!visits[1].tells(SECRET), "{location:?}");
    }
}

behaviour!(r16_two_locations_that_differ_are_an_error);
fn r16_two_locations_that_differ_are_an_error<A: Adapter>(adapter: &A) {
    let two = |first: &'static str, second: &'static str| {
        let web = Web::new(move |visit| match &*visit.url {
            "https://a.test/" => Reply::new(302)
                .header("Location", first)
                .header("Location", second),
            _ => Reply::new(200),
        });
        let client = client_of(adapter.builder(), &web);
        adapter.send(client.get("https://a.test/"))
    };
    assert_eq!(two("/b", "/c").unwrap_err().kind(), Kind::RemoteProtocol);
    assert_eq!(two("/b", "/b").unwrap().url().path(), "/b");
}

behaviour!(r17_a_path_cannot_leave_the_base_url);
fn r17_a_path_cannot_leave_the_base_url<A: Adapter>(adapter: &A) {
    let web = Web::redirecting([]);
    let builder = adapter
        .builder()
        .base_url("https://a.test/v1/")
        .auth(("u", SECRET));
    let client = client_of(builder, &web);
    let error = adapter.send(client.get("//b.test/")).unwrap_err();
    assert_eq!(error.kind(), Kind::InvalidUrl);
    adapter.send(client.get("https://b.test/")).unwrap();
    adapter.send(client.get("/x")).unwrap();
    let visits = web.visits();
    assert!(!visits[0].tells(SECRET));
    assert_eq!(visits[1].url, "https://a.test/v1/x");
    assert!(visits[1].tells(SECRET));
}

behaviour!(r18_a_host_field_of_the_callers_decides_nothing_and_stays_behind);
fn r18_a_host_field_of_the_callers_decides_nothing_and_stays_behind<A: Adapter>(adapter: &A) {
    let web = Web::redirecting([("https://a.test/", 302, "/next")]);
    let client = client_of(adapter.builder(), &web);
    client.cookies().set_for("a.test", "/", "a", "1").unwrap();
    client
        .cookies()
        .set_for("other.test", "/", "other", "1")
        .unwrap();
    let request = client.get("https://a.test/").header("Host", "other.test");
    adapter.send(request).unwrap();
    let visits = web.visits();
    assert_eq!(visits[0].headers.get("host").unwrap(), "other.test");
    assert_eq!(visits[0].headers.get("cookie").unwrap(), "a=1");
    assert_eq!(visits[1].headers.get("host").unwrap(), "a.test");
    assert_eq!(visits[1].headers.get("cookie").unwrap(), "a=1");
}

behaviour!(r19_a_token_does_not_travel);
fn r19_a_token_does_not_travel<A: Adapter>(adapter: &A) {
    for to in ["https://b.test/", "http://a.test/", "https://a.test:8443/"] {
        let web = Web::new(move |visit| match &*visit.url {
            "https://a.test/" => Reply::new(302).header("Location", to),
            _ => Reply::new(200),
        });
        let netrc = nuncio::Netrc::parse("machine b.test login u password OTHER").unwrap();
        let auths: [Auth; 4] = [
            Auth::bearer(SECRET),
            Auth::basic("u", SECRET),
            Auth::digest("u", SECRET),
            Auth::netrc(netrc),
        ];
        for auth in auths {
            let client = client_of(adapter.builder().auth(auth.clone()), &web);
            adapter.send(client.get("https://a.test/")).unwrap();
            let visits = web.visits();
            assert!(
                !visits[1].headers.contains("authorization"),
                "{auth:?} {to}"
            );
        }
    }
}

fn methods_after<A: Adapter>(adapter: &A, status: u16, method: &str) -> (String, Response) {
    let web = Web::new(move |visit| match &*visit.url {
        "https://a.test/" => Reply::new(status).header("Location", "/next"),
        _ => Reply::new(200),
    });
    let client = client_of(adapter.builder(), &web);
    let response = adapter
        .send(client.request(method, "https://a.test/"))
        .unwrap();
    let last = web.visits().pop().unwrap();
    (last.method, response)
}

behaviour!(b15_1_the_method_of_the_next_request);
fn b15_1_the_method_of_the_next_request<A: Adapter>(adapter: &A) {
    let rows = [
        (301, "GET", "GET"),
        (301, "HEAD", "HEAD"),
        (301, "POST", "GET"),
        (301, "PUT", "PUT"),
        (301, "DELETE", "DELETE"),
        (302, "GET", "GET"),
        (302, "HEAD", "HEAD"),
        (302, "POST", "GET"),
        (302, "PUT", "GET"),
        (302, "OPTIONS", "GET"),
        (303, "HEAD", "HEAD"),
        (303, "POST", "GET"),
        (303, "PATCH", "GET"),
        (307, "GET", "GET"),
        (307, "POST", "POST"),
        (307, "PURGE", "PURGE"),
        (308, "POST", "POST"),
        (308, "HEAD", "HEAD"),
    ];
    for (status, method, then) in rows {
        let (last, response) = methods_after(adapter, status, method);
        assert_eq!(last, then, "{status} {method}");
        assert_eq!(response.history().len(), 1);
    }
    for status in [300, 304, 305, 306] {
        let (last, response) = methods_after(adapter, status, "GET");
        assert_eq!((&*last, response.status().as_u16()), ("GET", status));
        assert!(response.history().is_empty() && !response.has_redirect_location());
    }
}

behaviour!(b15_2_what_a_location_means);
fn b15_2_what_a_location_means<A: Adapter>(adapter: &A) {
    let rows: [(&str, &[u8], &str); 9] = [
        ("https://a.test/x/y", b"z", "https://a.test/x/z"),
        ("https://a.test/x/y?q=1", b"?r=2", "https://a.test/x/y?r=2"),
        ("https://a.test/x#here", b"/z", "https://a.test/z#here"),
        (
            "https://a.test/x#here",
            b"/z#there",
            "https://a.test/z#there",
        ),
        ("https://a.test/x#here", b"/z#", "https://a.test/z#here"),
        (
            "https://a.test/x",
            "/\u{e9}".as_bytes(),
            "https://a.test/%C3%A9",
        ),
        ("https://a.test/x", b"/\xe9", "https://a.test/%C3%A9"),
        ("http://a.test/x", b"https:", "https://a.test/"),
        ("http://a.test/x", b"https://:443/y", "https://a.test/y"),
    ];
    for (from, location, to) in rows {
        let web = Web::new(move |visit| {
            if visit.url == from {
                return Reply::new(302).header("Location", location);
            }
            Reply::new(200)
        });
        let client = client_of(adapter.builder().query([("c", "1")]), &web);
        let request = client.request("GET", from);
        // The client's own parameters are not added again.
        let request = adapter.send_as_is(
            &client,
            nuncio::Request::new(
                nuncio::Method::GET,
                request.build().map(|_| Url::parse(from).unwrap()).unwrap(),
            ),
        );
        assert_eq!(request.unwrap().url().as_str(), to, "{from} + {location:?}");
    }
}

behaviour!(b15_2_a_location_that_is_none_matters_only_to_who_follows);
fn b15_2_a_location_that_is_none_matters_only_to_who_follows<A: Adapter>(adapter: &A) {
    let web = Web::new(|_| Reply::new(302).header("Location", "https://[nonsense/\u{7f}SECRET"));
    let web_of_controls = Web::new(|_| Reply::new(302).header("Location", "http://a b/"));
    for web in [web, web_of_controls] {
        let client = client_of(adapter.builder(), &web);
        match adapter.send(client.get("https://a.test/").follow_redirects(false)) {
            Ok(response) => {
                assert_eq!(response.status().as_u16(), 302);
                assert!(response.next_request().is_none());
            }
            // DEL is not legal in a field, so such a reply cannot be made at all.
            Err(error) => assert_eq!(error.kind(), Kind::Builder),
        }
        let error = adapter.send(client.get("https://a.test/")).unwrap_err();
        assert!(
            [Kind::RemoteProtocol, Kind::Builder].contains(&error.kind()),
            "{error}"
        );
        assert!(!error.to_string().contains('\n'));
    }
}

behaviour!(b15_4_the_history_of_each_hop_is_what_came_before);
fn b15_4_the_history_of_each_hop_is_what_came_before<A: Adapter>(adapter: &A) {
    let web = Web::redirecting([
        ("https://a.test/1", 302, "/2"),
        ("https://a.test/2", 307, "/3"),
        ("https://a.test/3", 308, "/4"),
    ]);
    let client = client_of(adapter.builder(), &web);
    let response = adapter.send(client.get("https://a.test/1")).unwrap();
    let lengths: Vec<_> = response
        .history()
        .iter()
        .map(|it| it.history().len())
        .collect();
    assert_eq!(lengths, [0, 1, 2]);
    let paths: Vec<_> = response
        .history()
        .iter()
        .map(|it| it.url().path())
        .collect();
    assert_eq!(paths, ["/1", "/2", "/3"]);
}

behaviour!(a_redirect_hook_sees_each_hop_and_may_stop_or_rewrite);
fn a_redirect_hook_sees_each_hop_and_may_stop_or_rewrite<A: Adapter>(adapter: &A) {
    let web = Web::redirecting([
        ("https://a.test/stop", 302, "/never"),
        ("https://a.test/rewrite", 302, "/there"),
        ("https://a.test/refuse", 302, "/there"),
    ]);
    let redirects = Redirects::follow().hook(|redirect| match redirect.from.path() {
        "/stop" => Ok(RedirectAction::Stop),
        "/refuse" => Err(Error::new(Kind::Usage, "the hook says no")),
        _ => {
            let elsewhere = Url::parse("https://b.test/rewritten").expect("a URL");
            redirect.next.set_url(elsewhere);
            let added = redirect.next.headers_mut().insert("X-New", "for b");
            added.map_err(|error| Error::other(Kind::Builder, error))?;
            Ok(RedirectAction::Follow)
        }
    });
    let client = client_of(adapter.builder(), &web)
        .with(|it| it.redirects(redirects))
        .unwrap();
    let get = |path: &str| {
        let request = client.get(format!("https://a.test{path}"));
        adapter.send(request.header("Authorization", SECRET))
    };
    let stopped = get("/stop").unwrap();
    assert_eq!(stopped.status().as_u16(), 302);
    let error = get("/refuse").unwrap_err();
    assert!(error.to_string().ends_with("the hook says no"), "{error}");
    web.visits();
    let rewritten = get("/rewrite").unwrap();
    assert_eq!(rewritten.url().as_str(), "https://b.test/rewritten");
    let visits = web.visits();
    assert_eq!(visits[1].headers.get("host").unwrap(), "b.test");
    assert_eq!(visits[1].headers.get("x-new").unwrap(), "for b");
    assert!(!visits[1].tells(SECRET), "{}", visits[1].wire());
}
