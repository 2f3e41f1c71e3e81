//! Bodies that are read as they are sent, early answers, and both directions at once.

use crate::echo::Echo;
use bytes::Bytes;
use nuncio::{Kind, Timeout};
use nuncio_testkit::content;
use nuncio_testkit::latch::Latch;
use nuncio_testkit::script::{Script, Step};
use nuncio_testkit::server::Server;
use nuncio_tests::adapters::{Adapter, Download};
use nuncio_tests::behaviour;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The first `length` bytes of the content in pieces of up to `piece`.
fn pieces(length: u64, piece: usize) -> impl Iterator<Item = io::Result<Bytes>> + Send {
    let mut sent = 0;
    std::iter::from_fn(move || {
        let left = usize::try_from(length - sent).unwrap();
        let chunk = content::slice(sent, piece.min(left));
        sent += chunk.len() as u64;
        (left > 0).then(|| Ok(Bytes::from_static(chunk)))
    })
}

fn sum_text(length: u64) -> String {
    let sum = content::checksum(length);
    format!(r#"{{"bytes":{length},"checksum":"{sum:016x}"}}"#)
}

behaviour!(streamed_bodies_arrive_whole_with_and_without_a_length);
fn streamed_bodies_arrive_whole_with_and_without_a_length<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter.client();
    for (length, piece) in [
        (0, 10),
        (1, 1),
        (1000, 7),
        (100_000, 100_000),
        (4 << 20, 60_000),
    ] {
        for announced in [None, Some(length)] {
            let body = adapter.body(pieces(length, piece), announced);
            let request = client.post(server.url("/checksum")).body(body);
            let response = adapter.send(request).unwrap();
            assert_eq!(response.text(), sum_text(length), "{announced:?}");
        }
    }
    assert_eq!(server.connections(), 1);
}

behaviour!(a_streamed_body_is_framed_by_its_length_or_by_chunks);
fn a_streamed_body_is_framed_by_its_length_or_by_chunks<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter.client();
    let send = |announced| {
        // Empty pieces are no chunks: the first would end the body.
        let gaps = pieces(30, 10).flat_map(|piece| [Ok(Bytes::new()), piece]);
        let body = adapter.body(gaps, announced);
        Echo::of(
            &adapter
                .send(client.put(server.url("/echo")).body(body))
                .unwrap(),
        )
    };
    let echo = send(Some(30));
    assert_eq!(echo.values("content-length"), ["30"]);
    assert!(echo.values("transfer-encoding").is_empty());
    assert_eq!(echo.body, content::bytes(30));
    let echo = send(None);
    assert_eq!(echo.values("transfer-encoding"), ["chunked"]);
    assert!(echo.values("content-length").is_empty());
    assert_eq!(echo.body, content::bytes(30));
    assert!(echo.trailers.is_empty());
}

behaviour!(a_source_that_gives_more_or_less_than_announced_is_an_error);
fn a_source_that_gives_more_or_less_than_announced_is_an_error<A: Adapter>(adapter: &A) {
    for (given, announced) in [(11, 10), (9, 10), (0, 10), (1, 0), (300_000, 200_000)] {
        let server = Server::http();
        let client = adapter.client();
        let body = adapter.body(pieces(given, 3_000), Some(announced));
        let request = client.post(server.url("/checksum")).body(body);
        let error = adapter.send(request).unwrap_err();
        assert_eq!(error.kind(), Kind::LocalProtocol, "{given}: {error}");
        assert_eq!(client.pool().connections, 0, "{given}");
        // Nothing of it is left for the next one.
        let next = adapter.send(client.get(server.url("/json"))).unwrap();
        assert_eq!(next.status(), 200);
        assert_eq!(server.connections(), 2);
    }
}

behaviour!(a_source_that_fails_is_told_as_such);
fn a_source_that_fails_is_told_as_such<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter.client();
    for announced in [None, Some(1000)] {
        let broken = std::iter::once(Err(io::Error::other("the disk is gone")));
        let body = adapter.body(pieces(100, 10).chain(broken), announced);
        let error = adapter
            .send(client.post(server.url("/checksum")).body(body))
            .unwrap_err();
        assert_eq!(error.kind(), Kind::RequestBody);
        assert!(error.to_string().contains("the disk is gone"), "{error}");
        assert_eq!(client.pool().connections, 0);
    }
}

behaviour!(a_body_of_the_other_kind_of_client_is_a_usage_error);
fn a_body_of_the_other_kind_of_client_is_a_usage_error<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter.client();
    let body = adapter.body_of_the_other_kind();
    let error = adapter
        .send(client.post(server.url("/checksum")).body(body))
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Usage, "{error}");
    assert_eq!(server.connections(), 0);
    assert_eq!(client.pool().connections, 0);
}

const LARGE: u64 = 64 << 20;

/// Counts what is taken of a body, and never fails.
fn counted(
    length: u64,
) -> (
    Arc<AtomicU64>,
    impl Iterator<Item = io::Result<Bytes>> + Send,
) {
    let taken = Arc::new(AtomicU64::new(0));
    let counter = taken.clone();
    let counted = pieces(length, 64 * 1024).inspect(move |piece| {
        let piece = piece.as_ref().unwrap();
        counter.fetch_add(piece.len() as u64, Ordering::SeqCst);
    });
    (taken, counted)
}

behaviour!(an_early_answer_ends_a_long_upload);
fn an_early_answer_ends_a_long_upload<A: Adapter>(adapter: &A) {
    // SECURITY K4. The peer answers and reads no more: who writes on without reading stands still.
    for announced in [None, Some(LARGE)] {
        let done = Latch::new();
        let peer = Script::new()
            .connection([
                Step::ExpectHead,
                Step::send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 8\r\n\r\ntoo much"),
                Step::Wait(done.clone()),
            ])
            .start();
        let client = adapter.client();
        let (taken, body) = counted(LARGE);
        let request = client
            .post(peer.url("/"))
            .body(adapter.body(body, announced));
        let started = Instant::now();
        let response = adapter.send(request).unwrap();
        assert!(started.elapsed() < Duration::from_secs(4));
        assert_eq!(response.status(), 413);
        assert_eq!(response.text(), "too much");
        assert!(taken.load(Ordering::SeqCst) < LARGE / 2);
        assert_eq!(client.pool().connections, 0, "it cannot be used again");
        done.open();
    }
}

behaviour!(an_early_answer_ends_an_upload_from_memory);
fn an_early_answer_ends_an_upload_from_memory<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let client = adapter.client();
    let body = Bytes::from(vec![b'x'; LARGE as usize]);
    let request = client.put(server.url("/early/413")).body(body);
    let response = adapter.send(request).unwrap();
    assert_eq!(response.status(), 413);
    assert_eq!(response.text(), "status 413\n");
    assert_eq!(client.pool().connections, 0);
}

behaviour!(an_answer_that_comes_before_a_reset_is_delivered);
fn an_answer_that_comes_before_a_reset_is_delivered<A: Adapter>(adapter: &A) {
    // The answer is there before the client's next write finds the connection closed.
    let answered = Latch::new();
    let peer = Script::new()
        .connection([
            Step::ExpectHead,
            Step::ExpectBytes(10),
            Step::send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"),
            Step::HalfClose,
            Step::Open(answered.clone()),
            Step::ExpectEof,
        ])
        .start();
    let waiting = std::iter::once_with(move || {
        answered.wait(Duration::from_secs(5));
        Ok(Bytes::from(vec![b'y'; 100_000]))
    });
    let body = adapter.body(pieces(10, 10).chain(waiting), None);
    let response = adapter
        .send(adapter.client().post(peer.url("/")).body(body))
        .unwrap();
    assert_eq!((response.status().as_u16(), &*response.text()), (403, "no"));
}

behaviour!(both_directions_flow_at_once);
fn both_directions_flow_at_once<A: Adapter>(adapter: &A) {
    // The mirror sends back what it gets while it gets it: neither side can buffer 32 MiB.
    let length = 32 << 20;
    let server = Server::http();
    let client = adapter.client();
    for announced in [None, Some(length)] {
        let body = adapter.body(pieces(length, 64 * 1024), announced);
        let request = client.post(server.url("/mirror")).body(body);
        let mut download = adapter.stream(request).unwrap();
        let mut sum = nuncio_testkit::checksum::Checksum::new();
        while let Some(chunk) = download.chunk().unwrap() {
            sum.update(&chunk);
        }
        assert_eq!(sum.length(), length);
        assert_eq!(sum.finish(), content::checksum(length));
    }
    let response = adapter
        .send(
            client
                .post(server.url("/mirror"))
                .body(content::bytes(8 << 20)),
        )
        .unwrap();
    assert_eq!(response.bytes().len(), 8 << 20);
    assert_eq!(server.connections(), 1);
}

behaviour!(a_success_before_the_end_of_an_upload_does_not_stop_it);
fn a_success_before_the_end_of_an_upload_does_not_stop_it<A: Adapter>(adapter: &A) {
    let length = 16 << 20;
    let peer = Script::new()
        .connection([
            Step::ExpectHead,
            Step::send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
            // Everything on the way fills up meanwhile.
            Step::Sleep(Duration::from_millis(100)),
            Step::ExpectBytes(length),
            Step::ExpectHead,
            Step::send("HTTP/1.1 204 No Content\r\n\r\n"),
        ])
        .start();
    let client = adapter.client();
    let body = adapter.body(pieces(length as u64, 64 * 1024), Some(length as u64));
    let response = adapter.send(client.post(peer.url("/")).body(body)).unwrap();
    assert_eq!(response.text(), "ok");
    let response = adapter.send(client.get(peer.url("/"))).unwrap();
    assert_eq!(response.status(), 204);
    assert_eq!(peer.connections(), 1);
}

behaviour!(a_slow_source_is_no_silent_peer);
fn a_slow_source_is_no_silent_peer<A: Adapter>(adapter: &A) {
    // Neither the read nor the write limit runs while the caller's own source is waited for.
    let server = Server::http();
    let slow = (0..4).map(|_| {
        std::thread::sleep(Duration::from_millis(120));
        Ok(Bytes::from_static(b"tick"))
    });
    let client = adapter
        .builder()
        .timeout(Timeout::all(Duration::from_millis(100)).connect(Duration::from_secs(5)))
        .build()
        .unwrap();
    let request = client.post(server.url("/echo"));
    let response = adapter
        .send(request.body(adapter.body(slow, None)))
        .unwrap();
    assert_eq!(Echo::of(&response).body, b"ticktickticktick");
}

behaviour!(a_slow_source_is_no_silent_peer_once_the_head_is_here_either);
fn a_slow_source_is_no_silent_peer_once_the_head_is_here_either<A: Adapter>(adapter: &A) {
    let server = Server::http();
    let slow = (0..3).map(|_| {
        std::thread::sleep(Duration::from_millis(600));
        Ok(Bytes::from_static(b"tick"))
    });
    let client = adapter
        .builder()
        .timeout(Timeout::all(Duration::from_millis(400)).connect(Duration::from_secs(5)))
        .build()
        .unwrap();
    let request = client.post(server.url("/mirror"));
    let response = adapter
        .send(request.body(adapter.body(slow, None)))
        .unwrap();
    assert_eq!(response.text(), "tickticktick");
}

behaviour!(k04_an_early_refusal_whose_body_never_comes_is_a_read_timeout);
fn k04_an_early_refusal_whose_body_never_comes_is_a_read_timeout<A: Adapter>(adapter: &A) {
    let hold = Latch::new();
    let peer = Script::new()
        .connection([
            Step::ExpectHead,
            Step::send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 5\r\n\r\n"),
            Step::Wait(hold.clone()),
        ])
        .start();
    let client = adapter.client();
    let body = adapter.body(pieces(64 << 20, 100_000), None);
    let request = client
        .post(peer.url("/"))
        .timeout(Timeout::default().read(Duration::from_millis(300)))
        .body(body);
    let error = adapter.send(request).unwrap_err();
    hold.open();
    assert_eq!(error.kind(), Kind::ReadTimeout, "{error}");
}

behaviour!(what_a_source_gave_is_sent_before_it_is_asked_for_more);
fn what_a_source_gave_is_sent_before_it_is_asked_for_more<A: Adapter>(adapter: &A) {
    // The source of a conversation may wait for what the server makes of its last piece.
    let (head, piece) = (Latch::new(), Latch::new());
    let peer = Script::new()
        .connection([
            Step::ExpectHead,
            Step::Open(head.clone()),
            Step::ExpectBytes(b"3\r\none\r\n".len()),
            Step::Open(piece.clone()),
            Step::ExpectBytes(b"3\r\ntwo\r\n0\r\n\r\n".len()),
            Step::send("HTTP/1.1 204 No Content\r\n\r\n"),
        ])
        .start();
    let latches = [(head, "one"), (piece, "two")];
    let pieces = latches.into_iter().map(|(latch, text)| {
        let came = latch.wait(Duration::from_secs(3));
        came.then(|| Bytes::from(text))
            .ok_or_else(|| io::Error::other("the server has not got it"))
    });
    let request = adapter.client().post(peer.url("/"));
    let response = adapter.send(request.body(adapter.body(pieces, None)));
    assert_eq!(response.unwrap().status(), 204);
}
