//! Plain threads on one connection, by leader and follower.

use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nuncio_connection::{Error, Phase, Protocol, Read};
use nuncio_testkit::checksum::Checksum;
use nuncio_testkit::leader::{Shared, Wait};

use crate::server::{self, Origin};
use crate::work::{self, Work};

fn share(origin: &Origin, adjust: impl FnOnce(&TcpStream)) -> Arc<Shared> {
    let socket = TcpStream::connect(origin.addr).unwrap();
    socket.set_nodelay(true).unwrap();
    adjust(&socket);
    let shared = Shared::new(origin.connection(), socket).unwrap();
    let protocol = shared.wait(Wait::Connection, |connection, _| {
        match connection.failure() {
            Some(error) => panic!("{error}"),
            None => connection.protocol(),
        }
    });
    assert_eq!(protocol, Protocol::Http2);
    Arc::new(shared)
}

fn exchange(shared: &Shared, work: &Work) {
    let id = shared.wait(Wait::Connection, |connection, now| {
        match work.open(connection, now) {
            Err(Error::Full) => None,
            opened => Some(opened.unwrap()),
        }
    });
    let wait = Wait::Stream(id);
    let head = shared.wait(wait, |connection, now| {
        connection.read_head(id, now).unwrap()
    });
    let mut sum = Checksum::new();
    loop {
        let read = shared.wait(wait, |connection, now| {
            match connection.read_body(id, now).unwrap() {
                Read::Blocked => None,
                read => Some(read),
            }
        });
        match read {
            Read::Chunk(chunk) => sum.update(&chunk),
            Read::End => break,
            other => panic!("{other:?}"),
        }
    }
    work.check(&head, sum);
}

fn run(shared: &Arc<Shared>, threads: u64) {
    let workers: Vec<_> = (1..=threads)
        .map(|worker| {
            let shared = shared.clone();
            std::thread::spawn(move || work::of(worker).for_each(|work| exchange(&shared, &work)))
        })
        .collect();
    for worker in workers {
        worker.join().unwrap();
    }
}

#[test]
fn two_threads_share_a_connection() {
    run(&share(&server::start(), |_| {}), 2);
}

#[test]
fn threads_share_a_connection_whose_socket_takes_little_at_a_time() {
    let shared = share(&server::start(), |socket| {
        let socket = socket2::SockRef::from(socket);
        socket.set_send_buffer_size(4 * 1024).unwrap();
    });
    run(&shared, 3);
}

#[test]
fn a_follower_keeps_its_own_deadline_while_the_leader_waits_longer() {
    let shared = share(&server::start(), |_| {});
    // The peer's settings have to be here before two streams may be open.
    exchange(&shared, &work::of(1).next().unwrap());
    let give_up_after = |limit: Duration| {
        let shared = shared.clone();
        let work = Work::without_answer(limit);
        let start = Instant::now();
        let id = shared.wait(Wait::Connection, |connection, now| {
            work.open(connection, now).ok()
        });
        std::thread::spawn(move || {
            let error = shared.wait(Wait::Stream(id), |connection, now| {
                connection.read_head(id, now).transpose()
            });
            assert_eq!(error, Err(Error::Timeout(Phase::Read)));
            assert!(start.elapsed() >= limit);
            Instant::now()
        })
    };
    let slow = give_up_after(Duration::from_millis(600));
    // So that it leads.
    std::thread::sleep(Duration::from_millis(50));
    let quick = give_up_after(Duration::from_millis(100)).join().unwrap();
    let slow = slow.join().unwrap();
    assert!(
        slow - quick > Duration::from_millis(200),
        "one waited for the other"
    );
    // The connection goes on.
    exchange(&shared, &work::of(2).next().unwrap());
}
