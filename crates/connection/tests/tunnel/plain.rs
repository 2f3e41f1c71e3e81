//! Over plain TCP.

use super::{End, SWITCH, ask, ask_connect, chunk, no_tunnel, status};
use crate::http1_common::{Machine, plain};
use nuncio_connection::{Error, IoError, NeverReason, Phase, Read, Reuse, StreamId, TunnelRead};
use std::io;

/// A tunnel after a 101.
fn switched() -> End {
    let mut machine = plain();
    let id = ask(&mut machine);
    machine.sent();
    machine.receive(SWITCH);
    assert_eq!(status(&mut machine, id), 101);
    End::new(machine)
}

#[test]
fn what_came_behind_the_head_is_read_first_however_it_is_cut() {
    let connected = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n";
    type Ask = fn(&mut Machine) -> StreamId;
    let asks: [(Ask, &[u8], u16); 2] = [(ask, SWITCH, 101), (ask_connect, connected, 200)];
    for (ask, head, expected) in asks {
        let bytes = [head, b"hello world"].concat();
        for cut in 0..=bytes.len() {
            let mut machine = plain();
            let id = ask(&mut machine);
            machine.sent();
            let (first, second) = bytes.split_at(cut);
            machine.receive(first);
            let mut machine = no_tunnel(machine);
            if cut < head.len() {
                machine.receive(second);
            }
            assert_eq!(status(&mut machine, id), expected);
            let mut end = End::new(machine);
            if cut >= head.len() {
                end.receive(second);
            }
            end.receive(b"!");
            let (read, rest) = end.read_all();
            assert_eq!(read, b"hello world!", "cut at {cut}");
            assert_eq!(rest, Ok(TunnelRead::Blocked));
        }
    }
}

#[test]
fn f25_there_is_nothing_to_send_through_before_the_101() {
    let mut machine = plain();
    let id = ask(&mut machine);
    let now = machine.clock.now();
    let early = machine
        .connection
        .write_body(id, &mut bytes::Bytes::from_static(b"early"), now);
    assert!(matches!(early, Err(Error::Local(_))), "{early:?}");
    let mut machine = plain();
    let id = ask(&mut machine);
    let mut machine = no_tunnel(machine);
    let request = b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n";
    assert_eq!(machine.sent(), request);
    // A head that is here and was not looked at is no consent yet.
    machine.receive(SWITCH);
    let mut machine = no_tunnel(machine);
    assert_eq!(status(&mut machine, id), 101);
    let mut end = End::new(machine);
    assert_eq!(end.tunnel.write(b"late"), Ok(4));
    assert_eq!(end.sent(), b"late");
}

#[test]
fn an_answer_that_does_not_consent_leaves_the_connection_as_it_was() {
    let mut machine = plain();
    let id = ask(&mut machine);
    machine.sent();
    machine.receive(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    assert_eq!(status(&mut machine, id), 200);
    let mut machine = no_tunnel(machine);
    assert_eq!(chunk(machine.body(id)), b"ok");
    assert_eq!(machine.connection.reuse(), Reuse::Idle);

    let mut machine = plain();
    let id = ask_connect(&mut machine);
    assert_eq!(
        machine.sent(),
        b"CONNECT origin.test:22 HTTP/1.1\r\nHost: origin.test:22\r\n\r\n"
    );
    machine.receive(b"HTTP/1.1 407 No\r\nContent-Length: 2\r\n\r\nno");
    assert_eq!(status(&mut machine, id), 407);
    let mut machine = no_tunnel(machine);
    assert_eq!(chunk(machine.body(id)), b"no");
}

#[test]
fn a_connection_that_was_closed_or_given_up_makes_no_tunnel() {
    let switched = || {
        let mut machine = plain();
        let id = ask(&mut machine);
        machine.sent();
        machine.receive(SWITCH);
        assert_eq!(status(&mut machine, id), 101);
        (machine, id)
    };
    let (mut closed, _) = switched();
    closed.connection.close();
    let closed = no_tunnel(closed);
    assert_eq!(closed.connection.reuse(), Reuse::Never(NeverReason::Closed));
    let (mut cancelled, id) = switched();
    cancelled.connection.cancel(id);
    no_tunnel(cancelled);
}

/// The peer may consent before it has taken the whole request.
#[test]
fn what_the_connection_has_not_sent_yet_goes_first() {
    let mut machine = plain();
    let id = ask(&mut machine);
    let mut sent = machine.send_some(10);
    machine.receive(SWITCH);
    assert_eq!(status(&mut machine, id), 101);
    let mut end = End::new(machine);
    assert!(end.tunnel.wants_write() && !end.tunnel.flushed());
    assert_eq!(end.tunnel.write(b"hello"), Ok(5));
    sent.extend(end.sent());
    assert!(sent.ends_with(b"upgrade\r\n\r\nhello"));
}

#[test]
fn at_most_64_kib_wait_to_be_sent() {
    let mut end = switched();
    let bytes: Vec<u8> = (0..200_000_u32).map(|it| it as u8).collect();
    let (mut taken, mut sent) = (0, Vec::new());
    while sent.len() < bytes.len() {
        let count = end.tunnel.write(&bytes[taken..]).unwrap();
        taken += count;
        assert!(taken - sent.len() <= 64 * 1024);
        assert_eq!(end.tunnel.flushed(), taken == sent.len());
        sent.extend(end.send_some(10_000));
    }
    assert_eq!(sent, bytes);
    assert!(end.tunnel.flushed());
}

#[test]
fn chunks_are_slices_of_what_was_read_into() {
    let mut end = switched();
    let mut buf = end.tunnel.take_recv();
    let place = buf.unfilled().as_ptr();
    buf.unfilled()[..5].copy_from_slice(b"hello");
    buf.advance(5);
    end.tunnel.handle_input(buf, end.clock.now());
    let Ok(Read::Chunk(chunk)) = end.tunnel.read_chunk() else {
        panic!("there is a chunk")
    };
    assert_eq!((&chunk[..], chunk.as_ptr()), (&b"hello"[..], place));
    assert_eq!(end.tunnel.read_chunk(), Ok(Read::Blocked));
    end.tunnel.handle_eof();
    assert_eq!(end.tunnel.read_chunk(), Ok(Read::End));
}

#[test]
fn nothing_more_is_received_while_16_kib_wait() {
    let mut end = switched();
    assert!(end.tunnel.wants_read());
    end.receive(&[b'x'; 16 * 1024 - 1]);
    assert!(end.tunnel.wants_read());
    end.receive(b"x");
    assert!(!end.tunnel.wants_read());
    assert_eq!(end.tunnel.read(&mut [0; 1]), Ok(TunnelRead::Read(1)));
    assert!(end.tunnel.wants_read());
}

#[test]
fn reads_grow_with_what_comes() {
    let mut end = switched();
    let mut room = || {
        let mut buf = end.tunnel.take_recv();
        let room = buf.unfilled().len();
        buf.advance(room);
        end.tunnel.handle_input(buf, end.clock.now());
        let Ok(Read::Chunk(chunk)) = end.tunnel.read_chunk() else {
            panic!("there is a chunk")
        };
        assert_eq!(chunk.len(), room);
        room
    };
    assert_eq!((room(), room()), (16 * 1024, 128 * 1024));
}

#[test]
fn the_ends_of_both_sides_are_apart() {
    // Ours first.
    let mut end = switched();
    assert_eq!(end.tunnel.write(b"bye"), Ok(3));
    end.tunnel.shutdown();
    assert!(!end.tunnel.is_shut(), "something is still to be sent");
    assert_eq!(end.sent(), b"bye");
    assert!(end.tunnel.is_shut());
    assert!(matches!(end.tunnel.write(b"x"), Err(Error::Misuse(_))));
    assert!(end.tunnel.wants_read());
    end.receive(b"answer");
    end.tunnel.handle_eof();
    assert_eq!(end.read_all(), (b"answer".to_vec(), Ok(TunnelRead::End)));
    assert!(!end.tunnel.wants_read());
    // Theirs first.
    let mut end = switched();
    end.tunnel.handle_eof();
    assert_eq!(end.read_all(), (Vec::new(), Ok(TunnelRead::End)));
    assert_eq!(end.tunnel.write(b"still"), Ok(5));
    assert_eq!(end.sent(), b"still");
    assert!(!end.tunnel.is_shut());
}

#[test]
fn a_socket_error_is_told_behind_what_came_before_it() {
    let reset = io::Error::from(io::ErrorKind::ConnectionReset);
    let mut end = switched();
    end.receive(b"last");
    end.tunnel.handle_read_error(&reset);
    let error = Error::Io(IoError::new(Phase::Read, &reset));
    assert_eq!(end.read_all(), (b"last".to_vec(), Err(error)));
    assert_eq!(end.tunnel.failure(), None);

    let mut end = switched();
    assert_eq!(end.tunnel.write(b"lost"), Ok(4));
    end.tunnel.take_transmit(&mut end.batch);
    end.tunnel.handle_write_error(&mut end.batch, &reset);
    assert!(end.batch.is_empty() && end.tunnel.flushed());
    let error = Error::Io(IoError::new(Phase::Write, &reset));
    assert_eq!(end.tunnel.write(b""), Err(error));
    end.receive(b"answer");
    assert_eq!(
        end.read_all(),
        (b"answer".to_vec(), Ok(TunnelRead::Blocked))
    );
}

#[test]
fn a_tunnel_has_no_limit_of_time() {
    let mut end = switched();
    assert_eq!(end.tunnel.next_timeout(), None);
    end.tunnel
        .handle_timeout(end.clock.now() + std::time::Duration::from_secs(1 << 30));
    assert!(end.tunnel.is_ready());
}
