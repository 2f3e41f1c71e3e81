//! `Expect: 100-continue` on HTTP/2: as on HTTP/1.1, and for its own stream alone.

use super::*;

fn open(client: &mut Client) -> StreamId {
    let deadlines = Deadlines {
        expect: Some(SECOND),
        ..limits(5, 3)
    };
    let id = client.open(BodySize::Known(3), deadlines);
    let kinds: Vec<_> = client.frames().iter().map(|(kind, ..)| *kind).collect();
    assert_eq!(kinds, [HEADERS]);
    id
}

fn write(client: &mut Client, id: StreamId) -> Result<Write, Error> {
    let now = client.clock.now();
    let mut body = Bytes::from_static(b"abc");
    client.connection.write_body(id, &mut body, now)
}

fn is_held(client: &mut Client, id: StreamId) -> bool {
    let held = write(client, id) == Ok(Write::Blocked);
    assert_eq!(client.connection.awaits_continue(id), held);
    assert_eq!(client.connection.has_write_room(id), !held);
    held
}

#[test]
fn f23_the_body_waits_for_a_100_however_that_is_cut() {
    let answers = [
        headers(1, 0, &[(":status", "103")]),
        headers(1, 0, &[(":status", "100")]),
    ]
    .concat();
    for split in split::all(&answers, 1) {
        let mut client = Client::new(65_535);
        let id = open(&mut client);
        assert!(is_held(&mut client, id));
        let mut heads = Vec::new();
        client.receive_split(&answers, split, |client| {
            while let Some(status) = client.head(id).unwrap() {
                heads.push(status);
                assert_eq!(client.connection.awaits_continue(id), status != 100);
            }
        });
        assert_eq!(heads, [103, 100]);
        assert_eq!(write(&mut client, id), Ok(Write::Taken(3)));
        let now = client.clock.now();
        client.connection.finish_body(id, None, now).unwrap();
        let sent = client.frames();
        let body: Vec<u8> = sent.iter().flat_map(|(.., data)| data.clone()).collect();
        assert_eq!(body, b"abc", "{split:?}: {sent:?}");
        assert!(sent.iter().all(|(kind, ..)| *kind == DATA));
    }
}

#[test]
fn f23_without_a_word_the_body_goes_at_the_end_of_the_wait_and_nobody_is_doubted() {
    let mut client = Client::new(65_535);
    let id = open(&mut client);
    let now = client.clock.now();
    assert_eq!(client.connection.next_timeout(), Some(now + SECOND));
    client.pass(SECOND - Duration::from_nanos(1));
    assert!(is_held(&mut client, id));
    assert_eq!(client.connection.poll_ready(), None);
    client.pass(Duration::from_nanos(1));
    let (told, ready) = client.connection.poll_ready().unwrap();
    assert_eq!((told, ready.readable, ready.writable), (id, false, true));
    assert!(!client.connection.is_doubted());
    assert_eq!(write(&mut client, id), Ok(Write::Taken(3)));
}

#[test]
fn f23_an_answer_in_place_of_a_100_is_read_and_the_connection_kept() {
    let mut client = Client::new(65_535);
    let id = open(&mut client);
    client.receive(&headers(1, END_STREAM, &[(":status", "413")]));
    assert_eq!(client.head(id), Ok(Some(413)));
    assert_eq!(client.body(id), Ok(Read::End));
    client.connection.cancel(id);
    let sent = client.frames();
    assert!(
        sent.iter().all(|(kind, ..)| *kind == RST_STREAM),
        "{sent:?}"
    );
    assert_eq!(client.connection.reuse(), Reuse::Room(100));
    assert_eq!(client.connection.next_timeout(), None);
}

#[test]
fn what_has_found_room_in_the_window_counts_as_sent() {
    let mut client = Client::new(2);
    let id = client.open(BodySize::Unknown, Deadlines::default());
    assert_eq!(client.connection.body_sent(id), 0);
    assert_eq!(write(&mut client, id), Ok(Write::Taken(3)));
    client.flush();
    assert_eq!(client.connection.body_sent(id), 2);
    client.receive(&frame(WINDOW_UPDATE, 0, 1, &[0, 0, 0, 10]));
    client.flush();
    assert_eq!(client.connection.body_sent(id), 3);
}
