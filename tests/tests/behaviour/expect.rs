//! What comes before a response: leave to send a body (`Expect: 100-continue`, RFC 9110 section
//! 10.1.1, SECURITY F23), and interim responses such as 103 Early Hints.

use bytes::Bytes;
use nuncio::{Event, Timeout};
use nuncio_testkit::latch::Latch;
use nuncio_testkit::script::{Script, Step};
use nuncio_testkit::server::Server;
use nuncio_tests::adapters::Adapter;
use nuncio_tests::behaviour;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const GO_ON: &str = "HTTP/1.1 100 Continue\r\n\r\n";

/// Three bytes, and how often they were asked for.
fn counted<A: Adapter>(adapter: &A) -> (Arc<AtomicUsize>, nuncio::Body) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let pieces = std::iter::once_with(move || {
        count.fetch_add(1, Ordering::SeqCst);
        Ok(Bytes::from_static(b"abc"))
    });
    (asked, adapter.body(pieces, Some(3)))
}

behaviour!(f23_the_body_waits_for_leave);
fn f23_the_body_waits_for_leave<A: Adapter>(adapter: &A) {
    let pause = Duration::from_millis(100);
    let peer = Script::new()
        .connection([
            Step::ExpectHead,
            Step::Sleep(pause),
            Step::send(GO_ON),
            Step::ExpectBytes(3),
            Step::send(OK),
            // The connection is as good as before.
            Step::ExpectHead,
            Step::send(OK),
        ])
        .start();
    let client = adapter
        .builder()
        .timeout(Timeout::none().expect_continue(Duration::MAX));
    let client = client.build().unwrap();
    let (asked, body) = counted(adapter);
    let request = client.put(peer.url("/")).body(body).expect_continue();
    let started = Instant::now();
    let response = adapter.send(request).unwrap();
    assert!(started.elapsed() >= pause);
    assert_eq!(
        (response.text().as_ref(), asked.load(Ordering::SeqCst)),
        ("ok", 1)
    );
    assert_eq!(response.interim().len(), 1);
    adapter.send(client.get(peer.url("/"))).unwrap();
    let records = peer.finish();
    assert_eq!(records.len(), 1);
    let received = String::from_utf8_lossy(&records[0].received).into_owned();
    assert!(
        received.contains("\r\nExpect: 100-continue\r\n"),
        "{received}"
    );
}

behaviour!(f23_a_server_that_says_nothing_gets_the_body_all_the_same);
fn f23_a_server_that_says_nothing_gets_the_body_all_the_same<A: Adapter>(adapter: &A) {
    let peer = Script::new()
        .connection([Step::ExpectHead, Step::ExpectBytes(3), Step::send(OK)])
        .start();
    let wait = Duration::from_millis(100);
    let client = adapter
        .builder()
        .timeout(Timeout::secs(5).expect_continue(wait));
    let client = client.build().unwrap();
    let request = client.put(peer.url("/")).body("abc");
    let started = Instant::now();
    adapter
        .send(request.header("Expect", "100-continue"))
        .unwrap();
    assert!(started.elapsed() >= wait);
    peer.finish();
}

behaviour!(f23_a_refusal_keeps_the_body_here_and_ends_the_connection);
fn f23_a_refusal_keeps_the_body_here_and_ends_the_connection<A: Adapter>(adapter: &A) {
    let peer = Script::new()
        .connection([
            Step::ExpectHead,
            Step::send("HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno"),
            Step::ExpectEof,
        ])
        .start();
    let client = adapter.client();
    let (asked, body) = counted(adapter);
    let request = client.put(peer.url("/")).body(body).expect_continue();
    let response = adapter.send(request).unwrap();
    assert_eq!(
        (response.status().as_u16(), response.text().as_ref()),
        (403, "no")
    );
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    assert_eq!(client.pool().connections, 0);
    let records = peer.finish();
    assert!(records[0].received.ends_with(b"\r\n\r\n"));
}

behaviour!(after_a_417_it_is_sent_once_more_without_the_expectation);
fn after_a_417_it_is_sent_once_more_without_the_expectation<A: Adapter>(adapter: &A) {
    let peer = Script::new()
        .connection([
            Step::ExpectHead,
            Step::send("HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n"),
            Step::ExpectEof,
        ])
        .connection([Step::ExpectHead, Step::ExpectBytes(3), Step::send(OK)])
        .start();
    let client = adapter.client();
    let request = client.post(peer.url("/")).body("abc").expect_continue();
    let response = adapter.send(request).unwrap();
    assert_eq!(response.status(), 200);
    assert!(!response.request().headers().contains("expect"));
    let records = peer.finish();
    let again = String::from_utf8_lossy(&records[1].received).into_owned();
    assert!(
        !again.contains("Expect") && again.ends_with("abc"),
        "{again}"
    );
}

behaviour!(a_friendly_server_meets_the_expectation);
fn a_friendly_server_meets_the_expectation<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter.client();
    let body = Bytes::from(vec![7; 3 << 20]);
    for _ in 0..2 {
        let request = client.post(server.url("/checksum")).body(body.clone());
        let response = adapter.send(request.expect_continue()).unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.interim()[0].status(), 100);
    }
    assert_eq!(server.connections(), 1);
}

behaviour!(early_hints_are_told_as_they_come);
fn early_hints_are_told_as_they_come<A: Adapter>(adapter: &A) {
    let hints = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n";
    // The response does not come before the hints were heard.
    let heard = Latch::new();
    let peer = Script::new()
        .connection([
            Step::ExpectHead,
            Step::send("HTTP/1.1 102 Processing\r\n\r\n"),
            Step::send(hints),
            Step::Wait(heard.clone()),
            Step::send(OK),
        ])
        .start();
    let told = Arc::new(Mutex::new(Vec::new()));
    let (tell, events) = (Arc::clone(&told), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&events);
    let client = adapter
        .builder()
        .on_interim(move |interim| {
            let links = interim.links();
            let link = links.get("preload").map(|link| link.url.clone());
            let path = interim.url().path().to_owned();
            let status = interim.status().as_u16();
            tell.lock().unwrap().push((path, status, link));
            if status == 103 {
                heard.open();
            }
        })
        .on_event(move |event| {
            if matches!(event, Event::ResponseHead { head } if head.is_interim()) {
                count.fetch_add(1, Ordering::SeqCst);
            }
        })
        .build()
        .unwrap();
    let response = adapter.send(client.get(peer.url("/page"))).unwrap();
    let statuses = response.interim().iter().map(|it| it.status().as_u16());
    assert_eq!(statuses.collect::<Vec<_>>(), [102, 103]);
    assert_eq!(events.load(Ordering::SeqCst), 2);
    let told = told.lock().unwrap();
    let [(path, 102, None), (_, 103, Some(link))] = &told[..] else {
        panic!("{told:?}");
    };
    assert_eq!((path.as_str(), link.as_str()), ("/page", "/a.css"));
    peer.finish();
}
