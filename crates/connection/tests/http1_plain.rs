//! HTTP/1.1 over plain TCP, as the machine sees it: bytes in any pieces, deadlines to the nanosecond,
//! errors in the middle.

mod http1_common;

use bytes::Bytes;
use http1_common::{Events, LIMITS, Machine, chunk, over, plain};
use nuncio_connection::{
    BodySize, ConnectionConfig, Error, IoError, NeverReason, Phase, Processed, Read, RemoteError,
    Reuse, Write,
};
use std::io;
use std::time::Duration;

const NANO: Duration = Duration::from_nanos(1);

/// Answers, the method that they answer, and whether the peer closes behind them.
const ANSWERS: [(&str, &str, bool); 16] = [
    (
        "GET",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        false,
    ),
    ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false),
    (
        "GET",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n2\r\nde\r\n0\r\nX-A: b\r\n\r\n",
        false,
    ),
    ("GET", "HTTP/1.1 200 OK\r\n\r\nuntil the end", true),
    (
        "GET",
        "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",
        false,
    ),
    (
        "HEAD",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
        false,
    ),
    (
        "GET",
        "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        false,
    ),
    (
        "GET",
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        false,
    ),
    (
        "GET",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n",
        false,
    ),
    (
        "GET",
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello",
        true,
    ),
    ("GET", "HTTP/1.1 200 OK\r\nContent-Le", true),
    ("GET", "", true),
    ("GET", "SSH-2.0-OpenSSH_9.2\r\n\r\n", false),
    ("GET", "HTTP/1.1 200 OK\r\nX-A : b\r\n\r\n", false),
    (
        "GET",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX",
        false,
    ),
    (
        "GET",
        "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        false,
    ),
];

fn events<'a>(
    machine: &mut Machine,
    method: &str,
    pieces: impl IntoIterator<Item = &'a [u8]>,
    eof: bool,
) -> Vec<String> {
    let id = machine.open(method, BodySize::Empty).unwrap();
    machine.sent();
    let mut events = Events::default();
    for piece in pieces {
        machine.receive(piece);
        events.pull(machine, id);
    }
    if eof {
        machine.connection.handle_eof();
    }
    events.pull(machine, id);
    machine.connection.quiet();
    events.finish(machine)
}

#[test]
fn an_answer_gives_the_same_events_however_it_is_cut() {
    for (method, answer, eof) in ANSWERS {
        let bytes = answer.as_bytes();
        let whole = events(&mut plain(), method, [bytes], eof);
        assert!(whole.len() >= 2, "{answer:?}: {whole:?}");
        let bytewise = events(&mut plain(), method, bytes.chunks(1), eof);
        assert_eq!(bytewise, whole, "{answer:?}");
        for cut in 0..=bytes.len() {
            let (first, second) = bytes.split_at(cut);
            let found = events(&mut plain(), method, [first, second], eof);
            assert_eq!(found, whole, "{answer:?} cut at {cut}");
        }
    }
}

#[test]
fn time_outs_before_they_are_due_change_nothing() {
    for (method, answer, eof) in ANSWERS {
        let bytes = answer.as_bytes();
        let whole = events(&mut plain(), method, [bytes], eof);
        let mut machine = plain();
        machine.nervous = true;
        let found = events(&mut machine, method, bytes.chunks(1), eof);
        assert_eq!(found, whole, "{answer:?}");
    }
}

/// The deadline is at `limit` from now: a nanosecond before it nothing happens, at it `phase` fails.
#[track_caller]
fn expires_in(machine: &mut Machine, limit: Duration, phase: Phase) {
    let due = machine.clock.now() + limit;
    assert_eq!(machine.connection.next_timeout(), Some(due));
    machine.clock.advance_to(due - NANO);
    machine.connection.handle_timeout(machine.clock.now());
    assert_eq!(machine.connection.failure(), None);
    assert_eq!(machine.connection.next_timeout(), Some(due));
    machine.clock.advance(NANO);
    machine.connection.handle_timeout(machine.clock.now());
    assert_eq!(machine.connection.failure(), Some(&Error::Timeout(phase)));
    assert_eq!(machine.connection.next_timeout(), None);
    assert_eq!(
        machine.connection.reuse(),
        Reuse::Never(NeverReason::Failed(Error::Timeout(phase)))
    );
}

#[test]
fn a_head_is_awaited_for_the_read_limit_from_when_the_request_is_out() {
    let mut machine = plain();
    let id = machine.open("GET", BodySize::Empty).unwrap();
    machine.clock.advance(Duration::from_secs(1));
    machine.sent();
    machine.clock.advance(Duration::from_secs(1));
    assert_eq!(
        machine.connection.read_head(id, machine.clock.now()),
        Ok(None)
    );
    machine.clock.advance(Duration::from_secs(1));
    // Asking again does not prolong it.
    assert_eq!(
        machine.connection.read_head(id, machine.clock.now()),
        Ok(None)
    );
    expires_in(&mut machine, Duration::from_secs(3), Phase::Read);
    let read = machine.connection.read_head(id, machine.clock.now());
    assert_eq!(read, Err(Error::Timeout(Phase::Read)));
}

#[test]
fn every_byte_that_comes_gives_a_whole_read_limit() {
    let mut machine = plain();
    let id = machine.get();
    for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r".chunks(1) {
        machine.clock.advance(Duration::from_secs(4));
        machine.receive(byte);
        assert_eq!(
            machine.connection.read_head(id, machine.clock.now()),
            Ok(None)
        );
    }
    expires_in(&mut machine, LIMITS.read.unwrap(), Phase::Read);
}

#[test]
fn nothing_runs_while_nobody_waits_for_the_body() {
    let mut machine = plain();
    let id = machine.get();
    machine.receive(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
    machine
        .connection
        .read_head(id, machine.clock.now())
        .unwrap();
    assert_eq!(machine.connection.next_timeout(), None);
    assert_eq!(machine.body(id), Ok(Read::Chunk(chunk(b"abc"))));
    assert_eq!(machine.connection.next_timeout(), None);
    machine.clock.advance(Duration::from_secs(1000));
    machine.connection.handle_timeout(machine.clock.now());
    assert_eq!(machine.body(id), Ok(Read::Blocked));
    expires_in(&mut machine, LIMITS.read.unwrap(), Phase::Read);
}

#[test]
fn no_deadline_is_left_behind_by_an_exchange() {
    let mut machine = plain();
    for _ in 0..3 {
        let id = machine.get();
        machine.receive(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc");
        machine
            .connection
            .read_head(id, machine.clock.now())
            .unwrap();
        machine.body(id).unwrap();
        assert_eq!(machine.body(id), Ok(Read::End));
        assert_eq!(machine.connection.next_timeout(), None);
        assert_eq!(machine.connection.reuse(), Reuse::Idle);
        machine.clock.advance(Duration::from_secs(60));
    }
}

#[test]
fn the_write_limit_starts_anew_with_every_byte_that_leaves() {
    let mut machine = plain();
    let id = machine.open("PUT", BodySize::Known(100)).unwrap();
    let mut body = Bytes::from(vec![b'x'; 100]);
    let taken = machine
        .connection
        .write_body(id, &mut body, machine.clock.now());
    assert_eq!(taken, Ok(Write::Taken(100)));
    machine
        .connection
        .finish_body(id, None, machine.clock.now())
        .unwrap();
    for _ in 0..20 {
        machine.clock.advance(LIMITS.write.unwrap() - NANO);
        machine.connection.handle_timeout(machine.clock.now());
        assert_eq!(machine.send_some(1).len(), 1);
    }
    // A write that took nothing is no progress.
    machine.clock.advance(Duration::from_secs(1));
    machine.send_some(0);
    expires_in(
        &mut machine,
        LIMITS.write.unwrap() - Duration::from_secs(1),
        Phase::Write,
    );
}

#[test]
fn while_a_body_is_asked_for_no_limit_runs() {
    let mut machine = plain();
    let id = machine.open("PUT", BodySize::Unknown).unwrap();
    machine.sent();
    assert_eq!(
        machine.connection.read_head(id, machine.clock.now()),
        Ok(None)
    );
    assert_eq!(machine.connection.next_timeout(), None);
    machine.clock.advance(Duration::from_secs(100));
    let mut body = chunk(b"abc");
    machine
        .connection
        .write_body(id, &mut body, machine.clock.now())
        .unwrap();
    let due = machine.clock.now() + LIMITS.write.unwrap();
    assert_eq!(machine.connection.next_timeout(), Some(due));
    machine.sent();
    assert_eq!(machine.connection.next_timeout(), None);
    machine
        .connection
        .finish_body(id, None, machine.clock.now())
        .unwrap();
    machine.sent();
    expires_in(&mut machine, LIMITS.read.unwrap(), Phase::Read);
}

#[test]
fn an_early_answers_body_has_no_limit_before_the_request_is_sent_whole() {
    let mut machine = plain();
    let id = machine.open("PUT", BodySize::Unknown).unwrap();
    machine.sent();
    machine.receive(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
    machine
        .connection
        .read_head(id, machine.clock.now())
        .unwrap();
    // The peer may be waiting for our body, which its source has yet to give.
    assert_eq!(machine.body(id), Ok(Read::Blocked));
    assert_eq!(machine.connection.next_timeout(), None);
    let mut body = chunk(b"abc");
    machine
        .connection
        .write_body(id, &mut body, machine.clock.now())
        .unwrap();
    machine
        .connection
        .finish_body(id, None, machine.clock.now())
        .unwrap();
    machine.sent();
    assert_eq!(machine.body(id), Ok(Read::Blocked));
    expires_in(&mut machine, LIMITS.read.unwrap(), Phase::Read);
}

#[test]
fn an_abandoned_body_leaves_only_the_read_limit() {
    let mut machine = plain();
    let id = machine.open("PUT", BodySize::Known(1000)).unwrap();
    let mut body = chunk(b"abc");
    machine
        .connection
        .write_body(id, &mut body, machine.clock.now())
        .unwrap();
    machine.receive(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 9\r\n\r\n");
    machine
        .connection
        .read_head(id, machine.clock.now())
        .unwrap();
    machine.connection.abandon_body(id);
    assert!(!machine.connection.wants_write());
    assert_eq!(machine.body(id), Ok(Read::Blocked));
    expires_in(&mut machine, LIMITS.read.unwrap(), Phase::Read);
}

fn broken_pipe() -> io::Error {
    io::ErrorKind::BrokenPipe.into()
}

#[test]
fn an_answer_is_still_read_after_a_write_has_failed() {
    let mut machine = plain();
    let id = machine.open("PUT", BodySize::Known(1000)).unwrap();
    machine.send_some(10);
    machine.connection.take_transmit(&mut machine.batch);
    let batch = &mut machine.batch;
    machine.connection.handle_write_error(batch, &broken_pipe());
    assert!(machine.batch.is_empty());
    assert!(!machine.connection.wants_write() && machine.connection.wants_read());
    let refused = machine
        .connection
        .write_body(id, &mut chunk(b"x"), machine.clock.now());
    assert!(matches!(refused, Err(Error::Io(_))), "{refused:?}");
    // Whoever waits for what the peer has to say does not wait for ever.
    assert_eq!(
        machine.connection.read_head(id, machine.clock.now()),
        Ok(None)
    );
    let due = machine.clock.now() + LIMITS.read.unwrap();
    assert_eq!(machine.connection.next_timeout(), Some(due));
    machine.receive(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno");
    let head = machine
        .connection
        .read_head(id, machine.clock.now())
        .unwrap();
    assert_eq!(head.unwrap().status, 413);
    assert_eq!(machine.body(id), Ok(Read::Chunk(chunk(b"no"))));
    assert_eq!(machine.body(id), Ok(Read::End));
    assert!(matches!(machine.connection.reuse(), Reuse::Never(_)));
}

#[test]
fn a_failed_write_is_the_cause_when_no_answer_comes() {
    let mut machine = plain();
    let id = machine.open("PUT", BodySize::Known(1000)).unwrap();
    machine.send_some(10);
    let batch = &mut machine.batch;
    machine.connection.handle_write_error(batch, &broken_pipe());
    machine.connection.handle_eof();
    let error = machine
        .connection
        .read_head(id, machine.clock.now())
        .unwrap_err();
    assert_eq!(error, Error::Io(IoError::new(Phase::Write, &broken_pipe())));
    assert_eq!(machine.connection.processed(id), Processed::Maybe);
}

#[test]
fn a_failed_read_names_its_phase_and_ends_the_connection() {
    let mut machine = plain();
    let id = machine.get();
    let reset: io::Error = io::ErrorKind::ConnectionReset.into();
    machine.connection.handle_read_error(&reset);
    let error = machine
        .connection
        .read_head(id, machine.clock.now())
        .unwrap_err();
    assert_eq!(error, Error::Io(IoError::new(Phase::Read, &reset)));
    assert!(!machine.connection.wants_read() && !machine.connection.wants_write());
    // What came before it is delivered before it.
    let mut machine = plain();
    let id = machine.get();
    machine.receive(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc");
    machine.connection.handle_read_error(&reset);
    let mut events = Events::default();
    events.pull(&mut machine, id);
    let list = events.finish(&machine);
    assert_eq!(list[1..3], ["data \"abc\"", "end"], "{list:?}");
    assert!(list[3].starts_with("never"), "{list:?}");
}

#[test]
fn whether_a_request_may_have_been_processed_is_known_at_every_moment() {
    let mut machine = plain();
    let id = machine.open("POST", BodySize::Empty).unwrap();
    assert_eq!(machine.connection.processed(id), Processed::No);
    machine.connection.take_transmit(&mut machine.batch);
    assert_eq!(machine.connection.processed(id), Processed::No);
    machine
        .connection
        .transmitted(&mut machine.batch, 1, machine.clock.now());
    assert_eq!(machine.connection.processed(id), Processed::Maybe);
    machine.sent();
    assert_eq!(machine.connection.processed(id), Processed::Maybe);
    machine.receive(b"H");
    assert_eq!(machine.connection.processed(id), Processed::Yes);
    machine.receive(b"TTP/1.1 204 No Content\r\n\r\n");
    machine
        .connection
        .read_head(id, machine.clock.now())
        .unwrap();
    assert_eq!(machine.connection.processed(id), Processed::Yes);
}

#[test]
fn a_head_that_is_refused_leaves_the_connection_as_it_was() {
    let mut machine = plain();
    for (method, fields, body) in [
        ("GET /", &[("Host", "h")][..], BodySize::Empty),
        ("GET", &[], BodySize::Empty),
        ("GET", &[("Host", "h"), ("host", "h")], BodySize::Empty),
        (
            "PUT",
            &[("Host", "h"), ("Content-Length", "4")],
            BodySize::Known(5),
        ),
    ] {
        let refused = machine.open_with(method, fields, body);
        assert!(matches!(refused, Err(Error::Local(_))), "{refused:?}");
        assert!(!machine.connection.wants_write());
        assert_eq!(machine.connection.next_timeout(), None);
        assert_eq!(machine.connection.reuse(), Reuse::Idle);
    }
    machine.get();
}

#[test]
fn body_chunks_are_slices_of_the_buffer_that_was_filled() {
    let mut machine = plain();
    let id = machine.get();
    machine.receive(b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n");
    machine
        .connection
        .read_head(id, machine.clock.now())
        .unwrap();
    let mut left = 300_000;
    let mut first = true;
    while left > 0 {
        let mut buf = machine.connection.take_recv();
        let room = buf.unfilled();
        // A long body gets long buffers.
        assert!(first || left < 16_384 || room.len() >= 65_536);
        first = false;
        let count = room.len().min(left);
        room[..count].fill(b'x');
        let from = room.as_ptr() as usize;
        buf.advance(count);
        machine.connection.handle_input(buf, machine.clock.now());
        left -= count;
        let mut got = 0;
        while let Read::Chunk(chunk) = machine.body(id).unwrap() {
            assert_eq!(chunk.as_ptr() as usize, from + got, "it was copied");
            got += chunk.len();
        }
        assert_eq!(got, count);
    }
    assert_eq!(machine.body(id), Ok(Read::End));
}

#[test]
fn chunks_behind_a_head_in_one_read_are_not_copied_either() {
    let mut machine = plain();
    let id = machine.get();
    let answer =
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    let mut buf = machine.connection.take_recv();
    let block = buf.unfilled().as_ptr() as usize;
    buf.unfilled()[..answer.len()].copy_from_slice(answer);
    buf.advance(answer.len());
    machine.connection.handle_input(buf, machine.clock.now());
    machine
        .connection
        .read_head(id, machine.clock.now())
        .unwrap();
    let mut places = Vec::new();
    while let Read::Chunk(chunk) = machine.body(id).unwrap() {
        places.push(chunk.as_ptr() as usize - block);
    }
    assert_eq!(places, [50, 58]);
    assert_eq!(&answer[50..53], b"abc");
}

#[test]
fn an_idle_connection_holds_no_block() {
    // Two connections share a cache. The block that the first gave back is the one that the second
    // gets; were it still held, the second would get another.
    let config = ConnectionConfig::default();
    let mut one = over(Vec::new(), None, config.clone());
    let mut two = over(Vec::new(), None, config);
    let mut seen = Vec::new();
    for round in 0..4 {
        let machine = if round % 2 == 0 { &mut one } else { &mut two };
        let id = machine.get();
        let mut buf = machine.connection.take_recv();
        seen.push(buf.unfilled().as_ptr() as usize);
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";
        buf.unfilled()[..answer.len()].copy_from_slice(answer);
        buf.advance(answer.len());
        machine.connection.handle_input(buf, machine.clock.now());
        let head = machine.connection.read_head(id, machine.clock.now());
        machine.body(id).unwrap();
        assert_eq!(machine.body(id), Ok(Read::End));
        assert_eq!(machine.connection.reuse(), Reuse::Idle);
        // A look that finds nothing holds none either.
        let buf = machine.connection.take_recv();
        machine.connection.handle_input(buf, machine.clock.now());
        assert!(machine.connection.quiet());
        // The head that is kept is a copy of its own.
        drop(head);
    }
    assert!(seen.iter().all(|block| *block == seen[0]), "{seen:?}");
}

#[test]
fn what_is_not_pulled_is_not_read_either() {
    let mut machine = plain();
    let id = machine.get();
    machine.receive(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
    assert!(machine.connection.wants_read());
    machine
        .connection
        .read_head(id, machine.clock.now())
        .unwrap();
    let mut given = 0;
    while machine.connection.wants_read() {
        machine.receive(&[b'x'; 5_000]);
        given += 5_000;
        assert!(given < 200_000, "it takes what nobody asked for");
    }
    while let Read::Chunk(_) = machine.body(id).unwrap() {}
    assert!(machine.connection.wants_read());
}

#[test]
fn a_body_is_refused_exactly_while_there_is_no_room() {
    let mut machine = plain();
    let id = machine.open("PUT", BodySize::Unknown).unwrap();
    let piece = Bytes::from(vec![b'x'; 50_000]);
    let mut blocked = 0;
    for turn in 0..200 {
        let room = machine.connection.has_write_room(id);
        let mut body = piece.clone();
        let wrote = machine
            .connection
            .write_body(id, &mut body, machine.clock.now());
        match wrote.unwrap() {
            Write::Taken(count) => assert!(room && count == piece.len() && body.is_empty()),
            Write::Blocked => {
                assert!(!room && body == piece);
                blocked += 1;
                machine.send_some(70_000 * (1 + turn % 3));
            }
        }
    }
    assert!(blocked > 10);
}

#[test]
fn what_comes_on_an_idle_connection_makes_it_loud() {
    let done = || {
        let mut machine = plain();
        let id = machine.get();
        machine.receive(b"HTTP/1.1 204 No Content\r\n\r\n");
        machine
            .connection
            .read_head(id, machine.clock.now())
            .unwrap();
        assert_eq!(machine.body(id), Ok(Read::End));
        machine
    };
    assert!(done().connection.quiet());
    let mut machine = done();
    machine.receive(b"H");
    assert!(!machine.connection.quiet());
    assert!(matches!(machine.connection.reuse(), Reuse::Never(_)));
    let mut machine = done();
    machine.connection.handle_eof();
    assert!(!machine.connection.quiet());
    assert_eq!(
        machine.connection.reuse(),
        Reuse::Never(NeverReason::PeerClosed)
    );
    let mut machine = done();
    machine
        .connection
        .handle_read_error(&io::ErrorKind::ConnectionReset.into());
    assert!(!machine.connection.quiet());
}

#[test]
fn an_exchange_given_up_takes_the_connection_along_unless_it_was_complete() {
    let mut machine = plain();
    let id = machine.get();
    machine.connection.cancel(id);
    assert_eq!(
        machine.connection.reuse(),
        Reuse::Never(NeverReason::Cancelled)
    );
    assert_eq!(machine.connection.next_timeout(), None);
    let mut machine = plain();
    let id = machine.get();
    machine.receive(b"HTTP/1.1 204 No Content\r\n\r\n");
    machine
        .connection
        .read_head(id, machine.clock.now())
        .unwrap();
    machine.body(id).unwrap();
    machine.connection.cancel(id);
    assert_eq!(machine.connection.reuse(), Reuse::Idle);
}

#[test]
fn an_exchange_that_is_over_cannot_be_read_again() {
    let mut machine = plain();
    let first = machine.get();
    machine.receive(b"HTTP/1.1 204 No Content\r\n\r\n");
    machine
        .connection
        .read_head(first, machine.clock.now())
        .unwrap();
    machine.body(first).unwrap();
    let second = machine.get();
    assert_ne!(first, second);
    let read = machine.connection.read_head(first, machine.clock.now());
    assert!(matches!(read, Err(Error::Misuse(_))), "{read:?}");
    // The mistake is the caller's, and the connection none the worse for it.
    machine.receive(b"HTTP/1.1 204 No Content\r\n\r\n");
    assert!(
        machine
            .connection
            .read_head(second, machine.clock.now())
            .unwrap()
            .is_some()
    );
}

#[test]
fn a_silent_end_is_told_apart_from_one_behind_a_part() {
    for (part, expected) in [
        ("", true),
        ("H", false),
        ("HTTP/1.1 100 Continue\r\n\r\n", true),
    ] {
        let mut machine = plain();
        let id = machine.get();
        machine.receive(part.as_bytes());
        machine.connection.handle_eof();
        let mut error = machine.connection.read_head(id, machine.clock.now());
        if part.contains("100") {
            assert_eq!(error.unwrap().unwrap().status, 100);
            error = machine.connection.read_head(id, machine.clock.now());
        }
        let error = error.unwrap_err();
        let disconnected = matches!(error, Error::Remote(RemoteError::Disconnected { .. }));
        assert_eq!(disconnected, expected, "{part:?}: {error:?}");
    }
}
