//! `Expect: 100-continue` (RFC 9110 section 10.1.1, SECURITY F23).

use crate::world::{SECOND, World, client};
use bytes::Bytes;
use nuncio_client::{Body, BodyStream, Kind, Timeout};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const GO_ON: &str = "HTTP/1.1 100 Continue\r\n\r\n";

/// A source that counts how often it was asked.
struct Counted(Arc<AtomicUsize>, bool);

impl BodyStream for Counted {
    fn poll_chunk(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Bytes>>> {
        self.0.fetch_add(1, Ordering::Relaxed);
        let first = !std::mem::replace(&mut self.1, true);
        Poll::Ready(first.then(|| Ok(Bytes::from_static(b"abc"))))
    }
}

fn counted() -> (Arc<AtomicUsize>, Body) {
    let asked = Arc::new(AtomicUsize::new(0));
    let body = Body::stream(Counted(Arc::clone(&asked), false), Some(3));
    (asked, body)
}

#[test]
fn f23_the_body_waits_for_a_100_and_its_source_is_not_asked_before() {
    let (asked, body) = counted();
    let mut world = World::new().at(SECOND / 2, GO_ON).at(SECOND, OK);
    let request = client(Timeout::default())
        .put("http://h.example/")
        .body(body);
    let mut call = world.call(request.expect_continue().send()).unwrap();
    for _ in 0..10 {
        // All that is done before anything comes.
        match call.step(world.now, std::task::Waker::noop()).unwrap() {
            nuncio_client::Step::Resolve { .. } => {
                let found = vec!["192.0.2.1:80".parse().unwrap()];
                call.resolved(Ok(found), world.now).unwrap();
            }
            nuncio_client::Step::Connect { attempt, .. } => {
                call.connected(attempt, Ok(()), world.now).unwrap();
            }
            nuncio_client::Step::Drive { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(asked.load(Ordering::Relaxed), 0);
    let incoming = world.head(call).unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), 2);
    assert_eq!(world.elapsed(), SECOND);
    assert_eq!(incoming.head().interim().len(), 1);
    let sent = String::from_utf8(world.sent).unwrap();
    assert!(sent.contains("\r\nExpect: 100-continue\r\n"), "{sent}");
    assert!(sent.ends_with("\r\n\r\nabc"), "{sent}");
}

#[test]
fn f23_without_a_word_it_goes_after_a_second_or_as_long_as_was_said() {
    for (timeout, wait) in [
        (Timeout::none(), SECOND),
        (Timeout::default(), SECOND),
        (Timeout::none().expect_continue(SECOND * 9), SECOND * 9),
    ] {
        let mut world = World::new();
        let (asked, body) = counted();
        let request = client(timeout.total(SECOND * 20).read(SECOND * 20));
        let request = request.put("http://h.example/").body(body);
        // The field does the same as the option.
        let request = request.header("expect", "100-Continue");
        let call = world.call(request.send()).unwrap();
        world
            .arrivals
            .push_back((wait - SECOND / 2, "HTTP/1.1 103 X\r\n\r\n".into()));
        world.arrivals.push_back((wait + SECOND, OK.into()));
        world.head(call).unwrap();
        assert_eq!(world.elapsed(), wait + SECOND);
        assert_eq!(asked.load(Ordering::Relaxed), 2);
        assert!(world.sent.ends_with(b"\r\n\r\nabc"));
    }
}

#[test]
fn f23_after_a_refusal_the_body_stays_and_the_connection_goes() {
    let (asked, body) = counted();
    let no = "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno";
    let mut world = World::new().at(SECOND / 2, no);
    let request = client(Timeout::default())
        .put("http://h.example/")
        .body(body);
    let (incoming, body) = world.send(request.expect_continue().send()).unwrap();
    assert_eq!(incoming.head().status(), 403);
    assert_eq!(body, b"no");
    assert_eq!(asked.load(Ordering::Relaxed), 0);
    assert!(world.sent.ends_with(b"\r\n\r\n"));
    assert_eq!(world.counts().connections, 0);
}

#[test]
fn an_answer_that_takes_the_request_as_it_is_still_gets_the_body() {
    let mut world = World::new().at(SECOND / 2, OK);
    let request = client(Timeout::default())
        .put("http://h.example/")
        .body("abc");
    world.send(request.expect_continue().send()).unwrap();
    assert!(world.sent.ends_with(b"abc"));
    assert_eq!(world.counts().connections, 1);
}

#[test]
fn after_a_417_it_is_sent_once_more_without_the_expectation() {
    let no = "HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n";
    let send = |body: Body| {
        let mut world = World::new().at(SECOND / 2, no).at(SECOND, OK);
        let request = client(Timeout::default())
            .post("http://h.example/")
            .body(body);
        let sent = world.send(request.expect_continue().send());
        let status = sent.unwrap().0.head().status();
        (status.as_u16(), String::from_utf8(world.sent).unwrap())
    };
    let (status, sent) = send("abc".into());
    assert_eq!((status, sent.matches("POST / ").count()), (200, 2));
    assert_eq!(sent.matches("Expect:").count(), 1);
    assert!(sent.ends_with("abc") && sent.matches("abc").count() == 1);
    // A second 417 is the answer.
    let mut world = World::new().at(SECOND / 2, no).at(SECOND, no);
    let request = client(Timeout::default())
        .post("http://h.example/")
        .body("abc");
    let (incoming, _) = world.send(request.expect_continue().send()).unwrap();
    assert_eq!(incoming.head().status(), 417);
    // A source that was not asked yet can still be.
    let (asked, body) = counted();
    assert_eq!(send(body).0, 200);
    assert_eq!(asked.load(Ordering::Relaxed), 2);
    // One that was asked, as the 417 came late, cannot.
    let (_, body) = counted();
    let mut world = World::new().at(SECOND * 2, no).at(SECOND * 3, OK);
    let request = client(Timeout::default())
        .post("http://h.example/")
        .body(body);
    let (incoming, _) = world.send(request.expect_continue().send()).unwrap();
    assert_eq!(incoming.head().status(), 417);
}

#[test]
fn without_a_body_nothing_is_expected() {
    for request in [
        client(Timeout::default()).get("http://h.example/"),
        client(Timeout::default())
            .post("http://h.example/")
            .body(""),
    ] {
        let mut world = World::new().at(SECOND / 2, OK);
        world.send(request.expect_continue().send()).unwrap();
        assert_eq!(world.elapsed(), SECOND / 2);
        assert!(!String::from_utf8(world.sent).unwrap().contains("xpect"));
    }
}

#[test]
fn a_total_limit_ends_the_wait_for_leave() {
    let timeout = Timeout::none()
        .expect_continue(SECOND * 9)
        .total(SECOND * 3);
    let mut world = World::new();
    let request = client(timeout).put("http://h.example/").body("abc");
    let error = world.send(request.expect_continue().send()).err().unwrap();
    assert_eq!(
        (error.kind(), world.elapsed()),
        (Kind::TotalTimeout, SECOND * 3)
    );
    assert!(
        error.to_string().contains("waiting for leave to send"),
        "{error}"
    );
}

#[cfg(feature = "http2")]
#[test]
fn f23_the_same_holds_on_http2() {
    use crate::stalls::SETTINGS;
    use crate::world::builder;
    // HEADERS with `:status: 100`, and with 403 and an end: a name of the static table, a literal.
    let head =
        |flags, status: &[u8; 3]| [&[0, 0, 5, 1, flags, 0, 0, 0, 1, 0x08, 3][..], status].concat();
    let client = || {
        builder(Timeout::default())
            .http2_prior_knowledge(true)
            .build()
            .unwrap()
    };
    let (asked, body) = counted();
    let mut world = World::new().at(SECOND / 2, [SETTINGS.to_vec(), head(4, b"403")].concat());
    let request = client().put("http://h.example/").body(body);
    let call = world.call(request.expect_continue().send()).unwrap();
    let incoming = world.head(call).unwrap();
    assert_eq!(incoming.head().status(), 403);
    assert_eq!(asked.load(Ordering::Relaxed), 0);
    drop(incoming);
    assert_eq!(world.counts().connections, 1);
    let (asked, body) = counted();
    let answers = [head(4, b"100"), head(5, b"200")];
    let mut world = World::new().at(SECOND / 2, [SETTINGS, &answers[0]].concat());
    world = world.at(SECOND * 3, &answers[1]);
    let request = client().put("http://h.example/").body(body);
    let (incoming, _) = world.send(request.expect_continue().send()).unwrap();
    assert_eq!(incoming.head().status(), 200);
    assert_eq!(incoming.head().interim()[0].status(), 100);
    assert_eq!(
        (asked.load(Ordering::Relaxed), world.elapsed()),
        (2, SECOND * 3)
    );
}
