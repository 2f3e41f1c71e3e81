//! The option that asks a silent peer for a sign of life.

use crate::peer::*;
use nuncio_connection::{BodySize, ConnectionConfig, Error, IoError, NeverReason, Phase, Reuse};
use std::io::ErrorKind;

const GONE: Error = Error::Io(IoError {
    phase: Phase::Read,
    kind: ErrorKind::TimedOut,
    code: None,
});

/// A connection that asks after two seconds.
fn asking() -> Client {
    let config = ConnectionConfig {
        http2_keep_alive: Some(SECOND * 2),
        ..Default::default()
    };
    Client::with(config, 65_535)
}

fn pings(client: &mut Client) -> Vec<Vec<u8>> {
    let frames = client.frames().into_iter();
    frames
        .filter(|sent| sent.0 == PING)
        .map(|sent| sent.3)
        .collect()
}

#[test]
fn nobody_is_asked_by_default() {
    let mut client = Client::new(65_535);
    assert_eq!(client.connection.next_timeout(), None);
    client.pass(SECOND * 1000);
    assert_eq!(pings(&mut client), Vec::<Vec<u8>>::new());
}

#[test]
fn a_silent_peer_is_asked_and_what_answers_is_kept() {
    let mut client = asking();
    for _ in 0..10 {
        let due = client.clock.now() + SECOND * 2;
        assert_eq!(client.connection.next_timeout(), Some(due));
        client.pass(SECOND);
        assert!(pings(&mut client).is_empty());
        client.pass(SECOND);
        let asked = pings(&mut client);
        assert_eq!(asked.len(), 1);
        client.pass(SECOND);
        client.receive(&frame(PING, 1, 0, &asked[0]));
        assert_eq!(client.connection.reuse(), Reuse::Room(100));
    }
}

#[test]
fn any_byte_is_a_sign_of_life() {
    let mut client = asking();
    let id = client.get();
    client.frames();
    client.receive(&ok(1, 0));
    assert_eq!(client.head(id), Ok(Some(200)));
    for _ in 0..5 {
        client.pass(SECOND);
        client.receive(&frame(0, 0, 1, b"x"));
        assert!(pings(&mut client).is_empty());
    }
    client.pass(SECOND * 2);
    assert_eq!(pings(&mut client).len(), 1);
    // No answer, but data.
    client.receive(&frame(0, 0, 1, b"x"));
    client.pass(SECOND);
    assert_eq!(client.connection.reuse(), Reuse::Room(99));
}

#[test]
fn a_peer_that_gives_no_sign_is_gone_with_all_that_it_carried() {
    let mut client = asking();
    let (first, second) = (client.get(), client.open(BodySize::Unknown, limits(60, 60)));
    client.frames();
    client.pass(SECOND * 2);
    assert_eq!(pings(&mut client).len(), 1);
    client.pass(SECOND * 2);
    assert_eq!(client.ready().len(), 2);
    for id in [first, second] {
        assert_eq!(client.head(id), Err(GONE));
    }
    let over = Reuse::Never(NeverReason::Failed(GONE));
    assert_eq!(client.connection.reuse(), over);
    // That was all: a dead connection has no deadlines, wants nothing and says nothing.
    assert_eq!(client.connection.next_timeout(), None);
    assert!(!client.connection.wants_read() && !client.connection.wants_write());
}

#[test]
fn one_that_nobody_looked_at_for_long_is_asked_before_it_is_judged() {
    let mut client = asking();
    client.pass(SECOND * 1000);
    assert_eq!(pings(&mut client).len(), 1);
    assert_eq!(client.connection.reuse(), Reuse::Room(100));
    client.pass(SECOND);
    assert_eq!(client.connection.reuse(), Reuse::Room(100));
    client.pass(SECOND);
    assert!(matches!(client.connection.reuse(), Reuse::Never(_)));
}

#[test]
fn a_response_that_is_late_is_in_doubt_though_the_ping_was_sent_before() {
    let mut client = asking();
    let id = client.get_within(3);
    client.frames();
    assert_eq!(client.head(id), Ok(None));
    client.pass(SECOND * 2);
    let asked = pings(&mut client);
    client.pass(SECOND);
    assert_eq!(client.head(id), Err(Error::Timeout(Phase::Read)));
    assert!(client.connection.is_doubted());
    client.receive(&frame(PING, 1, 0, &asked[0]));
    assert!(!client.connection.is_doubted());
}
