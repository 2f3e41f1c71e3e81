//! The order in which a client does things (BEHAVIOUR section 16.5), hooks (16.6), and a client's life
//! (16.7).

use nuncio::{Auth, Error, Head, Kind, Reply, Request, Transport};
use nuncio_testkit::server::{Reply as Answer, Server};
use nuncio_tests::adapters::{Adapter, Blocking, Download};
use nuncio_tests::web::Web;
use nuncio_tests::{async_behaviour, behaviour};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

/// A list that several can write to.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn push(&self, text: impl Into<String>) {
        self.0.lock().unwrap().push(text.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

behaviour!(b16_5_each_hop_is_hooks_transport_cookies_hooks_and_auth_is_outside);
fn b16_5_each_hop_is_hooks_transport_cookies_hooks_and_auth_is_outside<A: Adapter>(adapter: &A) {
    let log = Log::default();
    let transport = {
        let log = log.clone();
        Transport::function(move |request| {
            log.push(format!("transport {}", request.url().path()));
            let sent = request.headers().get("authorization");
            log.push(format!("  {}", sent.as_deref().unwrap_or("nobody")));
            let cookies = request.headers().get("cookie");
            log.push(format!("  {}", cookies.as_deref().unwrap_or("no cookie")));
            Ok(match request.url().path() {
                "/" => Reply::new(302)
                    .header("Location", "/next")
                    .header("Set-Cookie", "a=1"),
                _ => Reply::new(200).text("body"),
            })
        })
    };
    let jar = nuncio::CookieJar::new();
    let logged = |text: &'static str| {
        let log = log.clone();
        move |request: &mut Request| {
            let auth = request.headers().contains("authorization");
            log.push(format!("{text} {} auth {auth}", request.url().path()));
            Ok(())
        }
    };
    let answered = |text: &'static str| {
        let (log, jar) = (log.clone(), jar.clone());
        move |head: &mut Head| {
            // Cookies are stored by then, and a redirect not decided yet.
            let (code, history) = (head.status().as_u16(), head.history().len());
            log.push(format!(
                "{text} {code} stored {} history {history}",
                jar.len()
            ));
            Ok(())
        }
    };
    let client = adapter
        .builder()
        .follow_redirects(true)
        .cookies(jar.clone())
        .transport(transport)
        .auth(("u", "p"))
        .on_request(logged("first"))
        .on_response(answered("third"))
        .on_request(logged("second"))
        .on_response(answered("fourth"))
        .build()
        .unwrap();
    let response = adapter.send(client.get("https://a.test/")).unwrap();
    assert_eq!(response.text(), "body");
    assert_eq!(
        log.take(),
        [
            "first / auth true",
            "second / auth true",
            "transport /",
            "  Basic dTpw",
            "  no cookie",
            "third 302 stored 1 history 0",
            "fourth 302 stored 1 history 0",
            "first /next auth true",
            "second /next auth true",
            "transport /next",
            "  Basic dTpw",
            "  a=1",
            "third 200 stored 1 history 0",
            "fourth 200 stored 1 history 0",
        ]
    );
}

behaviour!(b16_5_a_limit_is_checked_before_hooks_run);
fn b16_5_a_limit_is_checked_before_hooks_run<A: Adapter>(adapter: &A) {
    let log = Log::default();
    let hook = log.clone();
    let web = Web::new(|_| Reply::new(302).header("Location", "/again"));
    let client = adapter
        .builder()
        .transport(web.transport())
        .redirects(nuncio::Redirects::follow().limit(1))
        .on_request(move |request| {
            hook.push(request.url().path());
            Ok(())
        })
        .build()
        .unwrap();
    let error = adapter.send(client.get("https://a.test/")).unwrap_err();
    assert_eq!(error.kind(), Kind::TooManyRedirects);
    assert_eq!(log.take(), ["/", "/again"]);
    // Closed comes before everything.
    client.close();
    let error = adapter.send(client.get("https://a.test/")).unwrap_err();
    assert_eq!(error.kind(), Kind::Closed);
    assert!(log.take().is_empty() && web.visits().len() == 2);
}

behaviour!(b16_5_an_error_behind_a_head_closes_the_response);
fn b16_5_an_error_behind_a_head_closes_the_response<A: Adapter>(adapter: &A) {
    let server = Server::builder()
        .route("/bad", |_, _| {
            Answer::new(302)
                .header("location", "http://[")
                .body(vec![b'x'; 100_000])
        })
        .start();
    let client = adapter.builder().follow_redirects(true).build().unwrap();
    let error = adapter.send(client.get(server.url("/bad"))).unwrap_err();
    assert_eq!(error.kind(), Kind::RemoteProtocol, "{error}");
    assert_eq!(error.url().unwrap().path(), "/bad");
    assert_eq!(client.pool().connections, 0);
}

behaviour!(b16_6_hooks_run_for_each_step_of_authentication_and_see_it);
fn b16_6_hooks_run_for_each_step_of_authentication_and_see_it<A: Adapter>(adapter: &A) {
    let log = Log::default();
    let (sent, came) = (log.clone(), log.clone());
    let web = Web::new(|visit| match visit.headers.contains("authorization") {
        false => Reply::new(401).header("WWW-Authenticate", "Digest realm=r, nonce=n, qop=auth"),
        true => Reply::new(200),
    });
    let client = adapter
        .builder()
        .transport(web.transport())
        .auth(Auth::digest("u", "p"))
        .on_request(move |request| {
            let auth = request.headers().contains("authorization");
            sent.push(format!("auth {auth}"));
            Ok(())
        })
        .on_response(move |head| {
            came.push(head.status().as_str());
            Ok(())
        })
        .build()
        .unwrap();
    adapter.send(client.get("https://a.test/")).unwrap();
    assert_eq!(log.take(), ["auth false", "401", "auth true", "200"]);
}

behaviour!(b16_6_what_a_response_hook_changes_is_what_comes_out);
fn b16_6_what_a_response_hook_changes_is_what_comes_out<A: Adapter>(adapter: &A) {
    let server = Server::builder()
        .route("/json", |_, _| {
            std::thread::sleep(Duration::from_millis(5));
            Answer::new(200)
        })
        .start();
    let client = adapter
        .builder()
        .on_response(|head| {
            assert!(head.elapsed() >= Duration::from_millis(5));
            head.extensions_mut().insert(7_u8);
            let set = head.headers_mut().insert("x-hook", "here");
            set.map_err(|error| Error::other(Kind::Builder, error))
        })
        .build()
        .unwrap();
    let response = adapter.send(client.get(server.url("/json"))).unwrap();
    assert_eq!(response.headers().get("x-hook").unwrap(), "here");
    assert_eq!(response.extensions().unwrap().get::<u8>(), Some(&7));
    let download = adapter.stream(client.get(server.url("/json"))).unwrap();
    assert_eq!(download.headers().get("x-hook").unwrap(), "here");
    download.read().unwrap();
}

behaviour!(b16_6_a_hook_that_wants_success_fails_on_redirects_too);
fn b16_6_a_hook_that_wants_success_fails_on_redirects_too<A: Adapter>(adapter: &A) {
    let web = Web::redirecting([("https://a.test/", 302, "/ok")]);
    let client = adapter
        .builder()
        .transport(web.transport())
        .follow_redirects(true)
        .on_response(|head| head.status_error().map_or(Ok(()), Err))
        .build()
        .unwrap();
    let error = adapter.send(client.get("https://a.test/")).unwrap_err();
    assert_eq!(error.kind(), Kind::Status);
    assert_eq!(web.visits().len(), 1);
}

/// Is not ready at once.
async fn pause() {
    let mut waited = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut waited, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

async_behaviour!(b16_6_hooks_of_async_clients_may_wait);
fn b16_6_hooks_of_async_clients_may_wait<A: Adapter<Driver = nuncio::Async>>(adapter: &A) {
    let server = Server::builder()
        .route("/refuse", |_, _| Answer::new(200).header("x-refuse", "1"))
        .start();
    let log = Log::default();
    let logs = [log.clone(), log.clone(), log.clone(), log.clone()];
    let [first, second, third, fourth] = logs;
    let client = adapter
        .builder()
        .follow_redirects(true)
        .on_request_async(move |request| {
            let log = first.clone();
            Box::pin(async move {
                pause().await;
                log.push(format!("first {}", request.url().path()));
                let set = request.headers_mut().insert("x-token", "t");
                set.map_err(|error| Error::other(Kind::Builder, error))
            })
        })
        .on_request(move |request| {
            assert!(request.headers().contains("x-token"));
            second.push("second");
            Ok(())
        })
        .on_response(move |_| {
            third.push("third");
            Ok(())
        })
        .on_response_async(move |head| {
            let log = fourth.clone();
            Box::pin(async move {
                pause().await;
                log.push(format!("fourth {}", head.status().as_u16()));
                match head.headers().contains("x-refuse") {
                    true => Err(Error::new(Kind::Usage, "not that")),
                    false => Ok(()),
                }
            })
        });
    let client = client.build().unwrap();
    adapter.send(client.get(server.url("/redirect/1"))).unwrap();
    assert_eq!(
        log.take(),
        [
            "first /redirect/1",
            "second",
            "third",
            "fourth 302",
            "first /redirect/0",
            "second",
            "third",
            "fourth 200",
        ]
    );
    let error = adapter.send(client.get(server.url("/refuse"))).unwrap_err();
    assert!(error.to_string().ends_with("not that"), "{error}");
    let counts = client.pool();
    assert_eq!((counts.connections, counts.waiting), (counts.idle, 0));
}

behaviour!(b16_7_a_client_is_closed_for_all_its_clones_and_for_good);
fn b16_7_a_client_is_closed_for_all_its_clones_and_for_good<A: Adapter>(adapter: &A) {
    let (server, web) = (Server::http(), Web::redirecting([]));
    let client = adapter
        .builder()
        .mount("all://mounted.test", web.transport())
        .mount(
            "all://127.0.0.1",
            Transport::network(nuncio::Network::new()),
        )
        .build()
        .unwrap();
    let clone = client.clone();
    let derived = client.with(|it| it.header("x", "1")).unwrap();
    let built = clone.get(server.url("/json"));
    adapter.send(client.get(server.url("/json"))).unwrap();
    client.close();
    client.close();
    assert_eq!(client.pool().connections, 0, "the mount's too");
    for request in [
        built,
        clone.get(server.url("/json")),
        clone.get("https://mounted.test/"),
        // It shares the pool.
        derived.get(server.url("/json")),
    ] {
        let error = adapter.send(request).unwrap_err();
        assert_eq!(error.kind(), Kind::Closed, "{error}");
    }
    let Err(error) = adapter.stream(clone.get(server.url("/json"))) else {
        panic!("a stream of a closed client");
    };
    assert_eq!(error.kind(), Kind::Closed);
    assert_eq!((server.requests(), web.visits().len()), (1, 0));
}

behaviour!(b16_7_a_client_that_is_dropped_closes_what_is_idle);
fn b16_7_a_client_that_is_dropped_closes_what_is_idle<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter.client();
    let download = adapter.stream(client.get(server.url("/bytes/9"))).unwrap();
    adapter.send(client.get(server.url("/json"))).unwrap();
    drop(client);
    // What is under way goes on.
    assert_eq!(download.read().unwrap().bytes().len(), 9);
    let deadline = std::time::Instant::now() + Duration::from_secs(5);
    while server.open_connections() > 0 {
        assert!(std::time::Instant::now() < deadline, "a connection is left");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn b16_7_a_client_is_used_by_many_threads_and_tasks() {
    fn is_shared<T: Clone + Send + Sync + 'static>(_: &T) {}
    is_shared(&Blocking.client());
    is_shared(&nuncio::tokio::builder().build().unwrap());
    let server = Server::http();
    let client = Blocking.client();
    std::thread::scope(|scope| {
        for number in 0..8 {
            let (client, server) = (&client, &server);
            scope.spawn(move || {
                let target = format!("/echo?{number}");
                let response = client.get(server.url(&target)).send().unwrap();
                assert_eq!(crate::echo::Echo::of(&response).line.target, target);
            });
        }
    });
}
