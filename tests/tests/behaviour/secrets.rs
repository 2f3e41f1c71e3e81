//! Nothing that a client was told in confidence shows in what it says (SECURITY I11): not in `Debug` or
//! `Display` of what it is made of, not in an error of any kind, not in an event.

use nuncio::auth::{AuthFlow, AuthScheme, AuthStep};
use nuncio::{
    Auth, Body, Cookie, CookieJar, Digest, Error, Form, Kind, Limits, Method, Mock, Netrc, Network,
    Part, Redirects, Reply, Request, Timeout, Transport, Url,
};
use nuncio_testkit::script::{Script as Peer, Step};
use nuncio_testkit::server::{Reply as Answer, Server};
use nuncio_tests::adapters::{Adapter, Download};
use nuncio_tests::behaviour;
use nuncio_tests::web::Web;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const SECRET: &str = "SECRET";
/// `u:SECRET` and `SECRET` as Basic would have them.
const CODED: [&str; 2] = ["dTpTRUNSRVQ", "U0VDUkVU"];

#[track_caller]
fn hides(text: &str) {
    let shown = [SECRET, "%53ECRET"]
        .iter()
        .chain(&CODED)
        .find(|it| text.contains(**it));
    assert_eq!(shown, None, "{text}");
}

#[track_caller]
fn hidden(value: &dyn Debug) {
    hides(&format!("{value:?}"));
    hides(&format!("{value:#?}"));
}

/// Everything that an error says, its sources included.
#[track_caller]
fn told(error: &Error) {
    hidden(error);
    let mut next: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = next {
        hides(&error.to_string());
        hidden(&error);
        next = error.source();
    }
    assert!(!error.to_string().contains(['\n', '\r']), "{error}");
    hidden(&error.url());
    hidden(&error.response());
}

fn netrc() -> Netrc {
    Netrc::parse("machine a.test login u password SECRET account SECRET\n").unwrap()
}

struct OwnScheme;

impl AuthScheme for OwnScheme {
    fn start(&self, _request: &Request) -> Result<Box<dyn AuthFlow>, Error> {
        Err(Error::new(Kind::Usage, "never started"))
    }
}

fn secret_jar() -> CookieJar {
    let jar = CookieJar::new();
    jar.set("id", SECRET).unwrap();
    jar.insert(
        Cookie::builder("own", SECRET)
            .domain("a.test")
            .build()
            .unwrap(),
    );
    jar
}

fn secret_request() -> Request {
    let url = Url::parse("http://u:SECRET@a.test/").unwrap();
    let mut request = Request::new(Method::POST, url);
    for name in ["Authorization", "Proxy-Authorization", "Cookie"] {
        request.headers_mut().append(name, SECRET).unwrap();
    }
    request.set_body(SECRET);
    request.set_auth(("u", SECRET));
    request
}

#[test]
fn i11_no_value_that_holds_a_secret_shows_it() {
    let bytes: Vec<u8> = SECRET.into();
    hidden(&Url::parse("http://u:SECRET@a.test/").unwrap());
    hidden(&Url::parse("http://u:%53ECRET@a.test/").unwrap());
    for auth in [
        Auth::basic("u", SECRET),
        Auth::bearer(SECRET),
        Auth::digest("u", SECRET),
        Auth::netrc(netrc()),
        Auth::from_url(&Url::parse("http://u:SECRET@h/").unwrap()).unwrap(),
        Auth::function(|_| Ok(())),
        Auth::scheme(OwnScheme),
        Auth::basic("u", "SECRET\n"),
    ] {
        hidden(&auth);
    }
    hidden(&Digest::new("u", SECRET));
    hidden(&netrc());
    hidden(&netrc().find("a.test"));
    for cut in 0..40 {
        let text = "machine a.test login u password SECRET SECRET SECRET";
        if let Err(error) = Netrc::parse(&text[..cut.min(text.len())]) {
            hidden(&error);
        }
    }
    hidden(&Netrc::parse("machine a.test password SECRET SECRET").unwrap_err());
    hidden(&secret_jar());
    hidden(&secret_jar().cookies());
    hidden(&Cookie::builder("id", SECRET));
    let builder = Cookie::builder("a;b", "SECRET");
    hidden(&builder.build().unwrap_err());
    hidden(&Cookie::builder("a", "SECRET;").build().unwrap_err());
    hidden(&CookieJar::from_netscape("a.test\tSECRET\t/\tTRUE").unwrap_err());

    hidden(&Body::from(bytes.clone()));
    hidden(&Body::reader(std::io::Cursor::new(bytes.clone()), None));
    hidden(&Part::new(bytes.clone()));
    hidden(&Form::new().text("field", SECRET));
    hidden(&secret_request());
    hidden(&secret_request().headers());
    hidden(&secret_request().try_clone());
    hidden(&AuthStep::send_other(secret_request()));

    let reply = || {
        Reply::new(200)
            .header("Set-Cookie", "id=SECRET")
            .text(SECRET)
    };
    hidden(&reply());
    let mock = Mock::answering(move |_| reply());
    hidden(&mock);
    hidden(&mock.transport());
    hidden(&Network::new().limits(Limits::default()));
    hidden(&Transport::function(|_| Ok(Reply::new(200).text(SECRET))));
    hidden(&Redirects::follow().headers(["X-Api-Key"]));
}

behaviour!(i11_nothing_that_a_client_hands_out_shows_a_secret);
fn i11_nothing_that_a_client_hands_out_shows_a_secret<A: Adapter>(adapter: &A) {
    let server = Server::builder()
        .route("/", |_, body| {
            Answer::new(302)
                .header("location", "/next")
                .header("set-cookie", "id=SECRET")
                .body(body)
        })
        .route("/next", |_, body| {
            Answer::new(200)
                .header("set-cookie", "id=SECRET")
                .body(body)
        })
        .start();
    let heard = Arc::new(Mutex::new(String::new()));
    let listener = Arc::clone(&heard);
    let client = adapter
        .builder()
        .base_url(format!("http://u:SECRET@{}/", server.addr()))
        .auth(Auth::basic("u", SECRET))
        .header("Proxy-Authorization", SECRET)
        .cookie("own", SECRET)
        .on_event(move |event| {
            let text = format!("{event:?}\n");
            listener.lock().unwrap().push_str(&text);
        })
        .on_request(|request| {
            hidden(request);
            Ok(())
        })
        .on_response(|head| {
            hidden(head);
            hidden(head.request());
            Ok(())
        })
        .redirects(Redirects::follow().hook(|redirect| {
            hidden(redirect);
            Ok(nuncio::RedirectAction::Follow)
        }))
        .build()
        .unwrap();
    hidden(&client);
    let post = || {
        let request = client.post("").header("Authorization", "Bearer SECRET");
        request.cookie("id", SECRET).body(SECRET)
    };
    hidden(&post());
    hidden(&post().build().unwrap());
    let response = adapter.send(post()).unwrap();
    hidden(&response);
    hidden(&response.headers());
    hidden(&response.request());
    hidden(&response.history());
    hidden(&response.cookies());
    hidden(&client.cookies());
    hidden(&client.auth());
    let download = adapter.stream(post()).unwrap();
    let head: &nuncio::Head = &download;
    hidden(head);
    download.read().unwrap();
    let unfollowed = adapter.send(post().follow_redirects(false)).unwrap();
    hidden(&unfollowed.next_request());
    told(&unfollowed.error_for_status().unwrap_err());
    client.close();
    let heard = heard.lock().unwrap();
    assert!(heard.contains("RequestHeadSent"), "{heard}");
    hides(&heard);
}

behaviour!(i11_no_error_of_any_kind_shows_a_secret);
fn i11_no_error_of_any_kind_shows_a_secret<A: Adapter>(adapter: &A) {
    let server = Server::builder()
        .route("/json", |_, _| Answer::new(200).body("[SECRET"))
        .start();
    let authority = format!("u:SECRET@{}", server.addr());
    let peer = |answer: &'static [u8]| {
        Peer::new()
            .connection([Step::ExpectHead, Step::send(answer)])
            .start()
    };
    let client = adapter.builder().follow_redirects(true);
    let client = client.cookies(secret_jar()).build().unwrap();
    let get = |url: String| {
        let request = client.get(url).header("Authorization", "Bearer SECRET");
        let request = request.header("Proxy-Authorization", "Basic SECRET");
        request.timeout(Timeout::all(Duration::from_millis(60)))
    };
    let fails = |kind: Kind, request| {
        let error = adapter.send(request).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        told(&error);
    };
    let refused = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    fails(Kind::Connect, get(format!("http://u:SECRET@{refused}/")));
    fails(Kind::ReadTimeout, get(format!("http://{authority}/stall")));
    fails(
        Kind::UnsupportedProtocol,
        get(format!("ftp://{authority}/")),
    );
    for url in [
        "http://u:SECRET@h:99999/",
        "http://u:SECRET@[::1/",
        "http://u:SECRET@h h/",
        "http://u:SECRET@/",
    ] {
        fails(Kind::InvalidUrl, get(url.to_owned()));
    }
    fails(
        Kind::LocalProtocol,
        get(format!("http://{authority}/")).header("Cookie", "SECRET\n"),
    );
    fails(
        Kind::LocalProtocol,
        get(format!("http://{authority}/")).header("bad name", "SECRET"),
    );
    fails(
        Kind::Builder,
        get(format!("http://{authority}/")).auth(Auth::basic("u:", SECRET)),
    );
    fails(
        Kind::Builder,
        get(format!("http://{authority}/")).cookie("a b;", SECRET),
    );
    fails(
        Kind::Builder,
        get(format!("http://{authority}/"))
            .body(SECRET)
            .form([("a", SECRET)]),
    );
    fails(
        Kind::LocalProtocol,
        get(format!("http://{authority}/"))
            .header("Content-Length", "1")
            .body(SECRET),
    );
    fails(
        Kind::Usage,
        client
            .post("http://a.test/")
            .body(adapter.body_of_the_other_kind()),
    );
    let failing = adapter.body(std::iter::once(Err(std::io::Error::other("no disk"))), None);
    fails(
        Kind::RequestBody,
        client
            .post(format!("http://{authority}/echo"))
            .body(failing),
    );
    // What a peer says may hold what it was told.
    for answer in [
        &b"HTTP/1.1 200 OK\r\nSet-Cookie : id=SECRET\r\n\r\n"[..],
        b"HTTP/1.1 200 OK\r\nSet-Cookie: id=SECRET\0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nAuthorization : SECRET\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://u:SECRET@h:99999/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://u:SECRET@[/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: //u:SECRET@h h/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm=\"r\", nonce=SECRET, qop=x\r\n\r\n",
    ] {
        let peer = peer(answer);
        let request = client.get(format!("http://u:SECRET@{}/", peer.addr()));
        let request = match answer.windows(6).any(|it| it == b"Digest") {
            true => request.auth(Auth::digest("u", SECRET)),
            false => request,
        };
        let error = adapter.send(request).unwrap_err();
        assert!(error.is_protocol(), "{error:?}");
        told(&error);
    }
    let cut = get(format!("http://{authority}/cut/9/4"));
    fails(Kind::RemoteProtocol, cut);
    let redirects = get(format!("http://{authority}/redirect/3"));
    fails(
        Kind::TooManyRedirects,
        redirects.redirects(Redirects::follow().limit(1)),
    );
    let response = adapter.send(get(format!("http://{authority}/status/404")));
    let error = response.unwrap().error_for_status().unwrap_err();
    assert_eq!(error.kind(), Kind::Status);
    told(&error);
    secret_jar().set_for("b.test", "/", "id", SECRET).unwrap();
    let jar = secret_jar();
    jar.set_for("b.test", "/", "id", SECRET).unwrap();
    let error = Error::from(jar.get("id").unwrap_err());
    assert_eq!(error.kind(), Kind::CookieConflict);
    told(&error);
    client.close();
    fails(Kind::Closed, get(format!("http://{authority}/")));
}

behaviour!(i11_an_error_of_a_mount_or_a_hook_is_told_without_the_url_s_credentials);
fn i11_an_error_of_a_mount_or_a_hook_is_told_without_the_url_s_credentials<A: Adapter>(
    adapter: &A,
) {
    let web = Web::redirecting([]);
    let client = adapter
        .builder()
        .transport(web.transport())
        .mount(
            "all://mounted.test",
            Transport::function(|_| Err(Error::new(Kind::Connect, "no such thing"))),
        )
        .on_response(|_| Err(Error::new(Kind::Usage, "not wanted")))
        .build()
        .unwrap();
    for url in ["http://u:SECRET@mounted.test/", "http://u:SECRET@a.test/"] {
        let error = adapter.send(client.get(url)).unwrap_err();
        assert!(error.to_string().contains(".test/: "), "{error}");
        told(&error);
    }
}
