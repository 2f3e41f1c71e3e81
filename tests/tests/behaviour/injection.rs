//! What a caller gives, however it gets into a request, stays where it belongs (SECURITY table I). What
//! is refused outright is in `unsendable.rs`.

use nuncio::auth::{AuthFlow, AuthScheme, AuthStep};
use nuncio::{Auth, Error, Form, Kind, Method, Part, Reply, Request, Response, Url};
use nuncio_testkit::script::{Script, Step};
use nuncio_tests::adapters::Adapter;
use nuncio_tests::behaviour;
use nuncio_tests::web::Web;

/// What could end a line, part a request line, or become one of these when it is cut to a byte.
const BREAKERS: [&str; 14] = [
    "\r\n",
    "\n",
    "\r",
    " ",
    "\t",
    "\0",
    "\u{7f}",
    "\u{b}",
    "\u{85}",
    "\u{10a}",
    "\u{10d}",
    "\u{ff0a}",
    "\u{2028}",
    " HTTP/1.1\r\nX: y\r\n\r\nGET /2",
];

behaviour!(i03_a_request_line_has_two_spaces_and_one_end_whatever_the_url);
fn i03_a_request_line_has_two_spaces_and_one_end_whatever_the_url<A: Adapter>(adapter: &A) {
    for breaker in BREAKERS {
        let answer = "HTTP/1.1 204 No Content\r\n\r\n";
        let steps = [Step::ExpectHead, Step::send(answer)];
        let peer = Script::new()
            .connection([steps.clone(), steps].concat())
            .start();
        let client = adapter.client();
        let plain = client.get(peer.url("/a?b=c&k=v"));
        adapter.send(plain).unwrap();
        let url = peer.url(&format!("/a{breaker}b?c{breaker}d#e{breaker}f"));
        let request = client.get(url);
        let request = request.query([(format!("k{breaker}"), format!("v{breaker}"))]);
        adapter.send(request).unwrap();
        let sent = peer.finish().remove(0).received;
        assert!(sent.is_ascii(), "{breaker:?}");
        let text = String::from_utf8(sent).unwrap();
        let heads: Vec<_> = text.split_terminator("\r\n\r\n").collect();
        assert_eq!(heads.len(), 2, "{breaker:?}: {text}");
        let lines = |head: &str| head.split("\r\n").map(str::to_owned).collect::<Vec<_>>();
        let (plain, broken) = (lines(heads[0]), lines(heads[1]));
        assert_eq!(plain[1..], broken[1..], "{breaker:?}");
        let parts: Vec<_> = broken[0].split(' ').collect();
        assert_eq!(
            (parts.len(), parts[0], parts[2]),
            (3, "GET", "HTTP/1.1"),
            "{broken:?}"
        );
        assert!(
            parts[1].bytes().all(|byte| byte.is_ascii_graphic()),
            "{broken:?}"
        );
    }
}

behaviour!(i07_what_becomes_a_field_is_checked_like_one);
fn i07_what_becomes_a_field_is_checked_like_one<A: Adapter>(adapter: &A) {
    let web = Web::redirecting([]);
    let client = adapter.builder().transport(web.transport());
    let client = client.build().unwrap();
    for breaker in ["\r\n", "\n", "\r", "\0", "\u{7f}"] {
        let value = format!("a{breaker}X: y");
        let post = || client.post("https://a.test/");
        let boundary = format!("multipart/form-data; boundary=\"{value}\"");
        let encoded: String = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
        for (what, request) in [
            ("cookie", post().cookie("n", &value)),
            ("bearer", post().auth(Auth::bearer(&value))),
            ("basic", post().auth(Auth::basic(&value, "p"))),
            ("digest", post().auth(Auth::digest(&value, "p"))),
            (
                "boundary",
                post()
                    .header("Content-Type", boundary)
                    .multipart(Form::new().text("a", "b")),
            ),
            (
                "type of a part",
                post().multipart(Form::new().part("a", Part::new("b").content_type(&value))),
            ),
            ("URL", client.get(format!("https://{encoded}:p@a.test/"))),
        ] {
            let error = adapter.send(request).unwrap_err();
            let kind = error.kind();
            assert!(
                matches!(kind, Kind::Builder | Kind::LocalProtocol),
                "{what}: {error:?}"
            );
            assert!(
                !error.to_string().contains(['\r', '\n', '\0']),
                "{what}: {error:?}"
            );
        }
    }
    assert!(web.visits().is_empty());
}

behaviour!(i07_code_of_the_user_s_cannot_go_around_the_checks);
fn i07_code_of_the_user_s_cannot_go_around_the_checks<A: Adapter>(adapter: &A) {
    struct Own;
    impl AuthScheme for Own {
        fn start(&self, _request: &Request) -> Result<Box<dyn AuthFlow>, Error> {
            Ok(Box::new(Own))
        }
    }
    impl AuthFlow for Own {
        fn step(&mut self, request: &mut Request, _: Option<&Response>) -> Result<AuthStep, Error> {
            let fields = request.headers_mut();
            let added = fields.append("X", "a\r\nY: z");
            added.map_err(|error| Error::other(Kind::LocalProtocol, error))?;
            Ok(AuthStep::Send)
        }
    }
    let web = Web::redirecting([]);
    let hook = |request: &mut Request| {
        let added = request.headers_mut().insert("X\r\nY", "z");
        added.map_err(|error| Error::other(Kind::LocalProtocol, error))
    };
    let builder = || adapter.builder().transport(web.transport());
    let hooked = builder().on_request(hook).build().unwrap();
    let with_flow = builder().auth(Auth::scheme(Own)).build().unwrap();
    for client in [hooked, with_flow] {
        let error = adapter.send(client.get("https://a.test/")).unwrap_err();
        assert_eq!(error.kind(), Kind::LocalProtocol, "{error}");
    }
    assert!(web.visits().is_empty());
}

behaviour!(b08_bodies_of_replies_say_what_they_are);
fn b08_bodies_of_replies_say_what_they_are<A: Adapter>(adapter: &A) {
    let web = Web::new(|visit| {
        let reply = Reply::new(200);
        match Url::parse(&visit.url).unwrap().path() {
            "/bytes" => reply.body(vec![1, 2]),
            "/text" => reply.text("é"),
            "/html" => reply.html("<p>"),
            "/json" => reply.json(&[1, 2]),
            "/own" => reply.header("Content-Type", "text/x-own").text("t"),
            _ => reply,
        }
    });
    let client = adapter.builder().transport(web.transport());
    let client = client.build().unwrap();
    for (path, body, content_type) in [
        ("bytes", &[1, 2][..], None),
        ("text", "é".as_bytes(), Some("text/plain; charset=utf-8")),
        ("html", b"<p>", Some("text/html; charset=utf-8")),
        ("json", b"[1,2]", Some("application/json")),
        ("own", b"t", Some("text/x-own")),
        ("none", b"", None),
    ] {
        let response = adapter.send(client.get(format!("https://a.test/{path}")));
        let response = response.unwrap();
        assert_eq!(&response.bytes()[..], body, "{path}");
        let told = response.headers().get("content-type");
        assert_eq!(told.as_deref(), content_type, "{path}");
        assert_eq!(response.request().method(), Method::GET);
    }
}
