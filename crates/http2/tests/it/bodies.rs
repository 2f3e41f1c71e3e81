//! Whole bodies both ways, against the `h2` server.

use bytes::Bytes;
use http::header::{HeaderMap, HeaderValue};
use nuncio_http2::{Config, Http2, Read, Room, StreamId, Write};

use crate::echo::Server;
use crate::raw::Dice;

/// One upload and its echo.
struct Job {
    id: StreamId,
    body: Bytes,
    left: Bytes,
    finished: bool,
    head: bool,
    got: Vec<u8>,
    trailers: Option<HeaderMap>,
    done: bool,
}

impl Job {
    fn start(http2: &mut Http2, body: Bytes) -> Self {
        let request = http::Request::post("https://example.com/echo")
            .body(())
            .unwrap();
        let id = http2.open(request, false).unwrap();
        Self {
            id,
            left: body.clone(),
            body,
            finished: false,
            head: false,
            got: Vec::new(),
            trailers: None,
            done: false,
        }
    }

    fn step(&mut self, http2: &mut Http2) {
        while !self.left.is_empty() {
            match http2.write_body(self.id, &mut self.left).unwrap() {
                Write::Taken(length) => assert!(length > 0),
                Write::Blocked => break,
            }
        }
        if self.left.is_empty() && !self.finished {
            let mut trailers = HeaderMap::new();
            trailers.insert("x-length", HeaderValue::from(self.body.len()));
            http2.finish_body(self.id, Some(trailers)).unwrap();
            self.finished = true;
        }
        if !self.head {
            let Some(head) = http2.read_head(self.id).unwrap() else {
                return;
            };
            assert_eq!(head.headers()["x-path"], "/echo");
            self.head = true;
        }
        while !self.done {
            match http2.read_body(self.id).unwrap() {
                Read::Chunk(chunk) => self.got.extend(chunk),
                Read::Trailers(trailers) => self.trailers = Some(trailers),
                Read::Blocked => return,
                Read::End => self.done = true,
            }
        }
    }

    fn check(&self) {
        assert!(self.done && self.got == self.body);
        assert_eq!(
            self.trailers.as_ref().unwrap()["x-length"],
            self.body.len().to_string()
        );
    }
}

fn body(length: usize, seed: u64) -> Bytes {
    let mut dice = Dice(seed | 1);
    (0..length).map(|_| dice.roll(256) as u8).collect()
}

fn joined(config: Config, builder: &h2::server::Builder) -> (Http2, Server) {
    let mut http2 = Http2::new(config).unwrap();
    let mut server = Server::new(builder);
    while server.step(&mut http2) {}
    (http2, server)
}

#[test]
fn a_body_of_a_megabyte_and_trailers_come_back() {
    let (mut http2, mut server) = joined(Config::new(), &h2::server::Builder::new());
    let mut job = Job::start(&mut http2, body(1 << 20, 1));
    for _ in 0..10_000 {
        job.step(&mut http2);
        server.step(&mut http2);
        if job.done {
            break;
        }
    }
    job.check();
    assert!(http2.is_idle());
}

#[test]
fn a_hundred_streams_interleave() {
    let mut builder = h2::server::Builder::new();
    builder
        .max_concurrent_streams(100)
        .initial_window_size(10_000);
    let (mut http2, mut server) = joined(
        Config::new().stream_window(5_000).output_capacity(4096),
        &builder,
    );
    assert_eq!(http2.room(), Room::Streams(100));
    let mut jobs: Vec<_> = (0..100)
        .map(|n| Job::start(&mut http2, body(n * 331, n as u64)))
        .collect();
    assert_eq!(http2.room(), Room::Streams(0));
    for job in &mut jobs {
        job.step(&mut http2);
    }
    let mut by_flags = 0;
    for _ in 0..20_000 {
        server.step(&mut http2);
        // Only streams that are reported are touched: a flag that is lost hangs the test.
        while let Some((id, _)) = http2.poll_ready() {
            if let Some(job) = jobs.iter_mut().find(|job| job.id == id && !job.done) {
                job.step(&mut http2);
                by_flags += 1;
            }
        }
        if http2.is_idle() {
            break;
        }
    }
    jobs.iter().for_each(Job::check);
    assert!(by_flags >= 100);
    server.step(&mut http2);
    assert_eq!(http2.room(), Room::Streams(100));
}

#[test]
fn a_thousand_exchanges_reuse_slots() {
    let (mut http2, mut server) = joined(Config::new(), &h2::server::Builder::new());
    for n in 0..1000 {
        let mut job = Job::start(&mut http2, body(n % 50, n as u64));
        while !job.done {
            job.step(&mut http2);
            server.step(&mut http2);
        }
        job.check();
        assert!(http2.is_idle());
    }
}

/// The server shrinks the window below what was sent before it could say so. What it had read and
/// credited by then was too little for a WINDOW_UPDATE, and `h2` as a server never sends one for it.
#[test]
fn h05_an_upload_that_begins_before_the_settings_outlives_a_window_that_shrinks() {
    for window in [1, 1000, 20_000, 65_535] {
        for begun in [1, 900, 5000, 20_000, 33_000, 60_000] {
            let mut http2 = Http2::new(Config::new()).unwrap();
            let mut builder = h2::server::Builder::new();
            builder.initial_window_size(window);
            let mut server = Server::new(&builder);
            let mut job = Job::start(&mut http2, body(begun + 5000, 5));
            server.take(&mut http2);
            let mut first = job.left.split_to(begun);
            while let Write::Taken(1..) = http2.write_body(job.id, &mut first).unwrap() {}
            job.left = [first, job.left].concat().into();
            server.take(&mut http2);
            let mut rounds = 0;
            server.step(&mut http2);
            while !job.done {
                job.step(&mut http2);
                server.step(&mut http2);
                rounds += 1;
                assert!(rounds < 300_000, "window {window}, {begun} bytes");
            }
            job.check();
        }
    }
}

#[test]
fn a_body_of_one_frame_does_not_wait_for_the_settings() {
    let mut http2 = Http2::new(Config::new()).unwrap();
    let mut server = Server::new(h2::server::Builder::new().initial_window_size(1));
    let request = http::Request::post("https://example.com/")
        .body(())
        .unwrap();
    let id = http2.open(request, false).unwrap();
    server.take(&mut http2);
    let mut long = body((16 << 10) + 1, 1);
    assert_eq!(http2.write_last(id, &mut long).unwrap(), Write::Blocked);
    let mut short = body(16 << 10, 1);
    assert_eq!(http2.write_body(id, &mut short).unwrap(), Write::Blocked);
    assert_eq!(
        http2.write_last(id, &mut short).unwrap(),
        Write::Taken(16 << 10)
    );
    for _ in 0..10 {
        server.step(&mut http2);
    }
    assert_eq!(http2.read_head(id).unwrap().unwrap().status(), 200);
}
