//! Windows grow with the path, and small exchanges cost nothing.

use crate::peer::*;
use nuncio_connection::{Read, StreamId};

const WINDOW_UPDATE: u8 = 8;
const SETTINGS: u8 = 4;
const WINDOW: usize = 256 << 10;

fn drain(client: &mut Client, id: StreamId) -> usize {
    let mut read = 0;
    while let Ok(Read::Chunk(chunk)) = client.body(id) {
        read += chunk.len();
    }
    read
}

/// The windows that the client has told the server: initial one of a stream, and what is left to the
/// connection.
struct Told {
    stream: usize,
    connection: usize,
    pings: Vec<Vec<u8>>,
}

impl Told {
    fn hear(&mut self, client: &mut Client) {
        for (kind, flags, stream, payload) in client.frames() {
            match (kind, stream) {
                (PING, 0) if flags == 0 => self.pings.push(payload),
                (SETTINGS, 0) if flags == 0 => {
                    assert_eq!(payload[..2], [0, 4]);
                    self.stream = u32::from_be_bytes(payload[2..].try_into().unwrap()) as usize;
                    client.receive(&frame(SETTINGS, 1, 0, &[]));
                }
                (WINDOW_UPDATE, 0) => {
                    self.connection += u32::from_be_bytes(payload[..].try_into().unwrap()) as usize;
                }
                _ => {}
            }
        }
    }
}

/// Round trips of a server that sends `amount` in each, answers PINGs one round trip later.
fn play(rounds: usize, amount: impl Fn(usize) -> usize) -> (Told, usize) {
    let mut client = Client::new(65_535);
    let id = client.get();
    client.frames();
    client.receive(&ok(1, 0));
    assert_eq!(client.head(id), Ok(Some(200)));
    let mut told = Told {
        stream: WINDOW,
        connection: 2 << 20,
        pings: Vec::new(),
    };
    let mut asked = 0;
    for _ in 0..rounds {
        let pings = std::mem::take(&mut told.pings);
        asked += pings.len();
        let mut left = amount(told.stream);
        while left > 0 {
            let piece = left.min(16_000);
            client.receive(&frame(0, 0, 1, &vec![7; piece]));
            left -= piece;
            told.connection -= piece;
            assert_eq!(drain(&mut client, id), piece);
            told.hear(&mut client);
        }
        for ping in pings {
            client.receive(&frame(PING, 1, 0, &ping));
        }
        told.hear(&mut client);
    }
    (told, asked)
}

#[test]
fn a_path_that_carries_a_window_in_a_round_trip_gets_larger_ones() {
    let (told, asked) = play(40, |window| window);
    assert_eq!(told.stream, 2 << 20);
    assert!(told.connection > 4 << 20 && told.connection <= 8 << 20);
    assert!(asked <= 5, "{asked}");
}

#[test]
fn a_path_that_carries_less_keeps_them_and_is_seldom_asked() {
    let (told, asked) = play(200, |_| 50_000);
    assert_eq!(told.stream, WINDOW);
    assert!(told.connection <= 2 << 20);
    // Ten megabytes: after 128 KiB, and 512 KiB, 2 MiB more.
    assert!((1..=4).contains(&asked), "{asked}");
}

#[test]
fn small_responses_cost_no_ping() {
    let (told, asked) = play(1, |_| 100_000);
    assert_eq!((asked, told.pings.len()), (0, 0));
}
