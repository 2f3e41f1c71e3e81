//! What an exchange costs: 100 streams at once (or as many as a third argument says), a small
//! response with ten fields each.
//!
//! `cost nuncio 200` runs 200 rounds of 100 exchanges through `Http2`, `cost bare 200` through the
//! `h2` crate alone over the same kind of pipe. Under `valgrind --tool=callgrind`, the difference
//! of two lengths, divided by the exchanges between them, is the cost of one; `valgrind` alone
//! counts the heap blocks in the same way. `cost idle 200` leaves 200 connections idle after a
//! round of exchanges each, and `valgrind` tells the bytes in use at its exit, `--tool=dhat` whose
//! they are. A fourth argument to `nuncio` and `idle` says how many requests leave at a time, and how
//! many answers come before they are read; without it, all do.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::Request;
use nuncio_http2::{Config, Http2, Read};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let kind = arguments.next().unwrap_or_default();
    let rounds = arguments.next().and_then(|n| n.parse().ok()).unwrap_or(10);
    let streams = arguments.next().and_then(|n| n.parse().ok()).unwrap_or(100);
    let step = arguments.next().and_then(|n| n.parse().ok());
    let step = step.unwrap_or(streams).max(1);
    let bytes = match kind.as_str() {
        "nuncio" => nuncio(rounds, streams, step),
        "bare" => bare(rounds, streams),
        "idle" => (0..rounds).map(|_| idle(streams, step)).sum(),
        _ => {
            eprintln!("usage: cost nuncio|bare|idle ROUNDS [STREAMS [STEP]]");
            std::process::exit(2);
        }
    };
    assert_eq!(bytes, rounds * streams * 150);
}

fn request() -> Request<()> {
    Request::get("https://example.com/some/path?query=1")
        .header("accept", "*/*")
        .header("accept-encoding", "gzip")
        .header("user-agent", "cost/1")
        .body(())
        .unwrap()
}

/// The server's half: answers to streams in the order of their ids.
struct Answers {
    next: u32,
    first: bool,
}

impl Answers {
    fn preface() -> Vec<u8> {
        let settings = [0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 200];
        let ack = [0, 0, 0, 4, 1, 0, 0, 0, 0];
        [&settings[..], &ack[..]].concat()
    }

    fn round(&mut self, streams: usize, out: &mut Vec<u8>) {
        for _ in 0..streams {
            let mut block = vec![0x88];
            for n in 0..10u8 {
                if self.first {
                    // Into the dynamic table, where the later answers find it.
                    block.extend([0x40, 4, b'x', b'-', b'a', b'a' + n, 9]);
                    block.extend(b"value-abc");
                } else {
                    block.push(0x80 | (62 + 9 - n));
                }
            }
            self.first = false;
            self.frame(out, 1, 4, &block);
            self.frame(out, 0, 1, &[b'x'; 150]);
            self.next += 2;
        }
    }

    fn frame(&self, out: &mut Vec<u8>, kind: u8, flags: u8, payload: &[u8]) {
        out.extend([0, 0, payload.len() as u8, kind, flags]);
        out.extend(self.next.to_be_bytes());
        out.extend(payload);
    }
}

fn nuncio(rounds: usize, streams: usize, step: usize) -> usize {
    run(
        &mut Http2::new(Config::new()).unwrap(),
        rounds,
        streams,
        step,
    )
}

fn idle(streams: usize, step: usize) -> usize {
    let mut http2 = Http2::new(Config::new()).unwrap();
    let total = run(&mut http2, 1, streams, step);
    assert_eq!(http2.take_output(&mut Vec::new()), 0);
    std::mem::forget(http2);
    total
}

fn run(http2: &mut Http2, rounds: usize, streams: usize, step: usize) -> usize {
    let mut answers = Answers {
        next: 1,
        first: true,
    };
    let request = request();
    let (mut input, mut output) = (Answers::preface(), Vec::new());
    let mut total = 0;
    http2.handle_input(&input);
    for _ in 0..rounds {
        for left in steps(streams, step) {
            for _ in 0..left {
                http2.open(request.clone(), true).unwrap();
            }
            output.clear();
            while http2.take_output(&mut output) > 0 {
                output.clear();
            }
        }
        for come in steps(streams, step) {
            input.clear();
            answers.round(come, &mut input);
            let mut offered = 0;
            while offered < input.len() {
                offered += http2.handle_input(&input[offered..]);
                while http2.take_output(&mut output) > 0 {
                    output.clear();
                }
            }
            while let Some((id, _)) = http2.poll_ready() {
                http2.read_head(id).unwrap().unwrap();
                while let Read::Chunk(chunk) = http2.read_body(id).unwrap() {
                    total += chunk.len();
                }
            }
        }
    }
    total
}

/// `all` in portions of `step`.
fn steps(all: usize, step: usize) -> impl Iterator<Item = usize> {
    (0..all).step_by(step).map(move |done| step.min(all - done))
}

/// Input, how much of it was read, and output.
type Ends = (Vec<u8>, usize, Vec<u8>);

#[derive(Clone, Default)]
struct Pipe(Arc<Mutex<Ends>>);

impl AsyncRead for Pipe {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (input, read, _) = &mut *self.0.lock().unwrap();
        if *read == input.len() {
            return Poll::Pending;
        }
        let length = buf.remaining().min(input.len() - *read);
        buf.put_slice(&input[*read..*read + length]);
        *read += length;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.lock().unwrap().2.extend_from_slice(buf);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn bare(rounds: usize, streams: usize) -> usize {
    let mut context = Context::from_waker(Waker::noop());
    let pipe = Pipe::default();
    let handshake = pin!(
        h2::client::Builder::new()
            .enable_push(false)
            .initial_window_size(256 << 10)
            .initial_connection_window_size(2 << 20)
            .max_header_list_size(64 << 10)
            .handshake::<_, Bytes>(pipe.clone())
    );
    let Poll::Ready(Ok((mut sender, mut connection))) = handshake.poll(&mut context) else {
        panic!("the pipe takes everything")
    };
    let mut answers = Answers {
        next: 1,
        first: true,
    };
    let request = request();
    let mut responses = Vec::new();
    let mut total = 0;
    pipe.0.lock().unwrap().0 = Answers::preface();
    assert!(Pin::new(&mut connection).poll(&mut context).is_pending());
    for _ in 0..rounds {
        for _ in 0..streams {
            responses.push(sender.send_request(request.clone(), true).unwrap().0);
        }
        assert!(Pin::new(&mut connection).poll(&mut context).is_pending());
        {
            let (input, read, output) = &mut *pipe.0.lock().unwrap();
            output.clear();
            input.clear();
            *read = 0;
            answers.round(streams, input);
        }
        assert!(Pin::new(&mut connection).poll(&mut context).is_pending());
        for mut response in responses.drain(..) {
            let Poll::Ready(Ok(response)) = Pin::new(&mut response).poll(&mut context) else {
                panic!("the head has come")
            };
            let mut body = response.into_body();
            while let Poll::Ready(Some(Ok(chunk))) = body.poll_data(&mut context) {
                body.flow_control().release_capacity(chunk.len()).unwrap();
                total += chunk.len();
            }
        }
    }
    total
}
