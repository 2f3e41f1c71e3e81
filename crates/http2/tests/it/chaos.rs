//! Calls and frames in any order: no panic (`h2` is built with its assertions here), limits hold,
//! and nothing is left over.

use std::collections::HashSet;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderValue};
use nuncio_http2::{Config, OpenError, Room, StreamId};

use crate::raw::*;

/// A client, its streams, and the streams as the server knows them.
struct Chaos {
    raw: Raw,
    ids: Vec<StreamId>,
    served: Vec<Served>,
    dice: Dice,
}

struct Served {
    stream: u32,
    head: bool,
}

#[test]
fn any_order_of_calls_and_frames_is_survived() {
    let mut failed = [0; 2];
    for seed in 1..=600 {
        let mut dice = Dice(seed * 0x9e37_79b9);
        let config = Config::new()
            .output_capacity(1024 + dice.roll(8192))
            .remembered_resets(2);
        let raw = Raw::with(config, &[(3, 8), (4, 1000)]);
        let mut chaos = Chaos {
            raw,
            ids: Vec::new(),
            served: Vec::new(),
            dice,
        };
        let rude = seed % 2 == 0;
        for _ in 0..400 {
            if rude && chaos.dice.roll(100) == 0 {
                chaos.rude();
            } else {
                chaos.step();
            }
            assert!(chaos.raw.http2.active_streams() <= 8);
        }
        let Chaos { mut raw, ids, .. } = chaos;
        failed[usize::from(rude)] += usize::from(raw.http2.failure().is_some());
        ids.into_iter().for_each(|id| raw.http2.cancel(id));
        // Bodies that a shrunken window held back, of exchanges that were complete for us.
        raw.feed(&settings(&[(3, 8), (4, 100_000)]));
        raw.feed(&window_update(0, 1 << 20));
        raw.http2.close();
        raw.frames();
        assert!(raw.http2.is_idle() && raw.http2.poll_ready().is_none());
        assert!(raw.http2.failure().is_some(), "seed {seed}");
    }
    // A peer that keeps to the protocol never ends the connection, whatever we call.
    assert_eq!(failed[0], 0);
    assert!(failed[1] > 200, "{failed:?}");
}

impl Chaos {
    fn step(&mut self) {
        let Self { raw, ids, dice, .. } = self;
        let any = ids.get(dice.roll(ids.len().max(1))).copied();
        match (dice.roll(14), any) {
            (0 | 1, _) => {
                let method = ["GET", "POST"][dice.roll(2)];
                match raw.http2.open(request(method), method == "GET") {
                    Ok(id) => ids.push(id),
                    Err(OpenError::Full | OpenError::Never(_)) => {}
                    Err(other) => panic!("{other}"),
                }
            }
            (2 | 3, Some(id)) => {
                let mut chunk = Bytes::from(vec![1; dice.roll(3000)]);
                let _ = raw.http2.write_body(id, &mut chunk);
            }
            (4, Some(id)) => {
                let mut trailers = HeaderMap::new();
                trailers.insert("x", HeaderValue::from_static("y"));
                let _ = raw
                    .http2
                    .finish_body(id, (dice.roll(2) == 0).then_some(trailers));
            }
            (5 | 6, Some(id)) => {
                read_on(&mut raw.http2, id, &mut Vec::new());
                let _ = raw.http2.read_body(id);
            }
            (7, Some(id)) => raw.http2.cancel(id),
            (8 | 9, _) => self.send(),
            (10, _) => drop(raw.ready()),
            (11, _) => drop(raw.http2.send_ping()),
            (12, _) => raw.feed(&match dice.roll(2) {
                0 => window_update(0, 1 + dice.roll(500) as u32),
                _ => settings(&[
                    (3, dice.roll(9) as u32),
                    (4, dice.roll(4000) as u32),
                    (5, 16_384 + dice.roll(1000) as u32),
                ]),
            }),
            _ => {}
        }
        if self.dice.roll(2) == 0 {
            self.serve();
        }
    }

    /// What the client sent reaches the server.
    fn send(&mut self) {
        for frame in self.raw.frames() {
            match frame.kind {
                HEADERS if !self.served.iter().any(|s| s.stream == frame.stream) => {
                    self.served.push(Served {
                        stream: frame.stream,
                        head: false,
                    });
                }
                RST_STREAM => self.served.retain(|s| s.stream != frame.stream),
                _ => {}
            }
        }
    }

    /// The server says the next thing on one of its streams.
    fn serve(&mut self) {
        let Self {
            raw, served, dice, ..
        } = self;
        let at = dice.roll(served.len().max(1));
        let Some(Served { stream, head }) = served.get_mut(at) else {
            return;
        };
        let stream = *stream;
        let end = u8::from(dice.roll(4) == 0);
        let mut over = end == END_STREAM;
        match dice.roll(8) {
            0 => {
                raw.feed(&reset(stream, dice.roll(14) as u32));
                over = true;
            }
            1 => {
                raw.feed(&window_update(stream, 1 + dice.roll(500) as u32));
                over = false;
            }
            2 if !*head => {
                raw.feed(&headers(stream, 0, &block(&[(":status", "103")])));
                over = false;
            }
            _ if !*head => {
                raw.feed(&headers(stream, end, OK));
                *head = true;
            }
            3 => {
                raw.feed(&headers(stream, END_STREAM, &block(&[("t", "1")])));
                over = true;
            }
            _ => raw.feed(&data(stream, end, &vec![2; 1 + dice.roll(2000)])),
        }
        if over {
            served.remove(at);
        }
    }

    /// The server breaks a rule, goes away or is gone.
    fn rude(&mut self) {
        let Self { raw, dice, .. } = self;
        let stream = 1 + 2 * dice.roll(20) as u32;
        match dice.roll(6) {
            0 => raw.feed(&goaway(stream, 0, b"")),
            1 => raw.http2.handle_eof(),
            _ => {
                let noise: Vec<_> = (0..dice.roll(20)).map(|_| dice.roll(256) as u8).collect();
                raw.feed(&frame(
                    dice.roll(11) as u8,
                    dice.roll(64) as u8,
                    stream,
                    &noise,
                ));
            }
        }
    }
}

#[test]
fn the_peers_limit_is_never_exceeded() {
    for seed in 1..=200 {
        let mut dice = Dice(seed);
        let limit = 1 + dice.roll(4);
        let config = Config::new().output_capacity(1024);
        let mut raw = Raw::with(config, &[(3, limit as u32)]);
        let mut ids: Vec<StreamId> = Vec::new();
        // As the server counts: from our HEADERS to its END_STREAM or our RST_STREAM.
        let mut open = HashSet::new();
        let mut opened = 0;
        for _ in 0..500 {
            match dice.roll(6) {
                0..=2 => match raw.http2.open(request("GET"), true) {
                    Ok(id) => ids.push(id),
                    Err(OpenError::Full) => assert_eq!(raw.http2.room(), Room::Streams(0)),
                    Err(other) => panic!("{other}"),
                },
                3 if !ids.is_empty() => {
                    let id = ids.swap_remove(dice.roll(ids.len()));
                    raw.http2.cancel(id);
                }
                4 if !open.is_empty() => {
                    let stream = *open.iter().min().unwrap();
                    open.remove(&stream);
                    raw.feed(&headers(stream, END_STREAM, OK));
                    while let Some((id, _)) = raw.http2.poll_ready() {
                        raw.read(id);
                        ids.retain(|other| *other != id);
                    }
                }
                5 => {
                    for frame in raw.frames() {
                        match frame.kind {
                            HEADERS => {
                                opened += 1;
                                assert!(open.insert(frame.stream));
                                assert!(open.len() <= limit, "{} of {limit}", open.len());
                            }
                            RST_STREAM => drop(open.remove(&frame.stream)),
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        assert!(opened > 20, "seed {seed}: {opened}");
    }
}
