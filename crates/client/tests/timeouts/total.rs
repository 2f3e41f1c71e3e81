//! The limit on all of a request (SECURITY D3), where nothing stands still.

use crate::world::{SECOND, World, builder, client};
use nuncio_client::{Auth, Kind, Side, Step, Timeout};
use std::task::Waker;
use std::time::Duration;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn moved(to: &str) -> String {
    format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n")
}

#[test]
fn d03_redirects_share_one_limit() {
    let chain = || {
        let world = World::new().at(SECOND, moved("/b"));
        let world = world.at(SECOND * 2, moved("/c"));
        world.at(SECOND * 3, moved("/d")).at(SECOND * 4, OK)
    };
    let follow = |total| builder(Timeout::secs(2).total(total)).follow_redirects(true);
    let mut world = chain();
    let request = follow(SECOND * 5)
        .build()
        .unwrap()
        .get("http://h.example/a");
    let (incoming, body) = world.send(request.send()).unwrap();
    assert_eq!((incoming.head().history().len(), body), (3, b"ok".to_vec()));
    let mut world = chain();
    let limit = Duration::from_millis(2500);
    let request = follow(limit).build().unwrap().get("http://h.example/a");
    let error = world.send(request.send()).err().unwrap();
    assert_eq!((error.kind(), world.elapsed()), (Kind::TotalTimeout, limit));
    assert_eq!(error.url().unwrap().to_string(), "http://h.example/c");
}

#[test]
fn d03_answers_to_challenges_share_one_limit() {
    let challenge = "HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm=r, nonce=n, qop=auth\r\n\
                     Content-Length: 0\r\n\r\n";
    let client = builder(Timeout::none().total(SECOND * 3));
    let client = client.auth(Auth::digest("u", "p")).build().unwrap();
    let mut world = World::new().at(SECOND * 2, challenge).at(SECOND * 4, OK);
    let error = world.send(client.get("http://h.example/").send()).err();
    assert_eq!(error.unwrap().kind(), Kind::TotalTimeout);
    assert_eq!(world.elapsed(), SECOND * 3);
}

#[test]
fn d03_a_replay_does_not_begin_the_limit_anew() {
    let client = client(Timeout::none().total(SECOND * 3));
    let mut world = World::new().at(SECOND, OK);
    world.send(client.get("http://h.example/").send()).unwrap();
    // On the idle connection: it dies without a word after two seconds, and another one is silent.
    let mut call = world.call(client.get("http://h.example/").send()).unwrap();
    while !matches!(
        call.step(world.now, Waker::noop()).unwrap(),
        Step::Drive { .. }
    ) {}
    world.now += SECOND * 2;
    call.lane().unwrap().connection.handle_eof();
    let error = world.head(call).err().unwrap();
    assert_eq!(error.kind(), Kind::TotalTimeout, "{error}");
    assert_eq!(world.elapsed(), SECOND * 4);
}

#[test]
fn d03_a_streamed_body_keeps_the_limit_however_slowly_it_is_pulled() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab";
    let client = client(Timeout::none().total(SECOND * 3));
    let mut world = World::new().at(SECOND, head).at(SECOND * 2, "cd");
    let call = world.call(client.get("http://h.example/").send()).unwrap();
    let mut incoming = world.head(call).unwrap();
    assert_eq!(world.chunk(&mut incoming).unwrap().unwrap(), "ab");
    // The rest would be there by now.
    world.now += SECOND * 2;
    let error = world.chunk(&mut incoming).unwrap_err();
    assert_eq!(error.kind(), Kind::TotalTimeout, "{error}");
    assert!(incoming.is_closed());
    assert_eq!(world.counts().connections, 0);
    // And again to whoever asks again.
    let again = world.chunk(&mut incoming).unwrap_err();
    assert_eq!(again.to_string(), error.to_string());
}

#[test]
fn a_body_that_is_here_whole_is_late_only_if_it_is_not_read_to_its_end_in_time() {
    let client = client(Timeout::none().total(SECOND * 3));
    let mut world = World::new().at(SECOND * 2, OK);
    let call = world.call(client.get("http://h.example/").send()).unwrap();
    let mut incoming = world.head(call).unwrap();
    assert_eq!(world.body(&mut incoming).unwrap(), b"ok");
    world.now += SECOND * 9;
    assert_eq!(world.chunk(&mut incoming).unwrap(), None);
}

#[test]
fn what_blocks_a_thread_is_found_to_have_been_too_long_when_it_is_over() {
    let client = builder(Timeout::none().total(SECOND * 3));
    let client = client.on_request(|_| Ok(())).build().unwrap();
    let mut world = World::new().at(SECOND, OK);
    (world.side, world.tick) = (Side::Blocking, SECOND * 5);
    let error = world
        .send(client.get("http://h.example/").send())
        .err()
        .unwrap();
    assert_eq!(error.kind(), Kind::TotalTimeout);
    assert!(
        error.to_string().contains("while preparing the request"),
        "{error}"
    );
    assert!(world.sent.is_empty());
    world.tick = SECOND;
    world.now += SECOND;
    world.send(client.get("http://h.example/").send()).unwrap();
}

#[test]
fn a_request_keeps_its_own_limit_or_its_clients() {
    let patient = client(Timeout::none());
    let mut world = World::new();
    let own = patient
        .get("http://h.example/")
        .timeout(Timeout::none().total(SECOND));
    assert_eq!(
        world.send(own.send()).err().unwrap().kind(),
        Kind::TotalTimeout
    );
    assert_eq!(world.elapsed(), SECOND);
    let hasty = client(Timeout::none().total(SECOND));
    let mut world = World::new().at(SECOND * 2, OK);
    let own = hasty.get("http://h.example/").timeout(Timeout::none());
    world.send(own.send()).unwrap();
}

#[test]
fn a_limit_that_no_clock_reaches_is_none() {
    let max = Duration::MAX;
    let timeout = Timeout::all(max)
        .total(max)
        .low_speed(1, max)
        .expect_continue(max);
    let mut world = World::new().at(SECOND, OK);
    let request = client(timeout).post("http://h.example/").body("x");
    world.send(request.send()).unwrap();
}

#[cfg(feature = "http2")]
#[test]
fn a_late_stream_is_reset_and_its_connection_kept_in_doubt() {
    use crate::stalls::{OK as HEADERS, SETTINGS};
    let client = builder(Timeout::none());
    let client = client.http2_prior_knowledge(true).build().unwrap();
    let limits = [
        Timeout::none().read(SECOND),
        Timeout::none().total(SECOND),
        Timeout::none().low_speed(1, SECOND),
    ];
    let (late, good) = ([0, 0, 0, 3], [0, 0, 0, 1]);
    for limit in limits {
        let mut world = World::new().at(Duration::ZERO, [SETTINGS, HEADERS].concat());
        let first = world.call(client.get("http://h.example/").send()).unwrap();
        let mut patient = world.head(first).unwrap();
        let hasty = client.get("http://h.example/").timeout(limit);
        // Its head comes at once, and then nothing.
        let mut headers = HEADERS.to_vec();
        headers[8] = 3;
        world.arrivals.push_back((Duration::ZERO, headers));
        let error = world.send(hasty.send()).err().unwrap();
        assert!(error.is_timeout(), "{error}");
        assert_eq!(world.elapsed(), SECOND, "{error}");
        assert_eq!(world.counts().connections, 1);
        let before = world.sent.len();
        // Whether it is alive, a PING is to show. DATA that ends the first.
        let (shared, _) = patient.shared().unwrap();
        assert!(shared.lock().connection.is_doubted(), "{error}");
        let data = [&[0, 0, 1, 0, 1][..], &good, b"x"].concat();
        world.arrivals.push_back((SECOND * 2, data));
        assert_eq!(world.body(&mut patient).unwrap(), b"x");
        let sent = &world.sent[before..];
        let reset = [&[0, 0, 4, 3, 0][..], &late].concat();
        assert!(sent.windows(9).any(|frame| frame == reset), "{sent:?}");
        let ping = [0, 0, 8, 6, 0, 0, 0, 0, 0];
        assert!(sent.windows(9).any(|frame| frame == ping), "{sent:?}");
    }
}
