//! The in-memory network.

use std::time::{Duration, Instant};

use nuncio_testkit::clock::Clock;
use nuncio_testkit::pair::{End, Fault, Link, Machine, Pair, Peer, Side};
use nuncio_testkit::split::{self, Split};

const TEXT: &[u8] = b"the quick brown fox jumps over the lazy dog";

/// Sends TEXT and ends.
fn speaker() -> Peer<impl FnMut(&mut Side)> {
    let mut spoken = false;
    Peer::new(move |side| {
        if !std::mem::replace(&mut spoken, true) {
            side.output.extend_from_slice(TEXT);
            side.finish = true;
        }
    })
}

fn listener() -> Peer<impl FnMut(&mut Side)> {
    Peer::new(|_| ())
}

/// Notes what it is told, and when.
struct Recorder {
    start: Instant,
    log: Vec<(Duration, String)>,
    room: bool,
    timeout: Option<Instant>,
}

impl Recorder {
    fn new(clock: &Clock) -> Self {
        Self {
            start: clock.now(),
            log: Vec::new(),
            room: true,
            timeout: None,
        }
    }

    fn note(&mut self, now: Instant, what: impl Into<String>) {
        self.log.push((now - self.start, what.into()));
    }

    fn text(&self) -> String {
        self.log.iter().map(|(_, what)| what.as_str()).collect()
    }
}

impl Machine for Recorder {
    fn handle_input(&mut self, bytes: &[u8], now: Instant) {
        self.note(now, String::from_utf8_lossy(bytes));
    }
    fn handle_eof(&mut self, now: Instant) {
        self.note(now, "<eof>");
    }
    fn handle_reset(&mut self, now: Instant) {
        self.note(now, "<reset>");
    }
    fn poll_transmit(&mut self, _out: &mut Vec<u8>, _now: Instant) -> bool {
        false
    }
    fn wants_read(&self) -> bool {
        self.room
    }
    fn next_timeout(&self) -> Option<Instant> {
        self.timeout
    }
    fn handle_timeout(&mut self, now: Instant) {
        self.timeout = None;
        self.room = true;
        self.note(now, "<timeout>");
    }
}

fn pair(forth: Link) -> Pair {
    Pair::new(Clock::new(), forth, Link::new())
}

#[test]
fn every_split_carries_every_byte_and_then_the_end() {
    for split in split::all(TEXT, 5) {
        let mut pair = pair(Link::new().split(split));
        let mut recorder = Recorder::new(pair.clock());
        pair.run(&mut speaker(), &mut recorder);
        let expected: Vec<&[u8]> = split.pieces(TEXT).collect();
        assert_eq!(recorder.log.len(), expected.len() + 1, "{split:?}");
        for ((_, got), expected) in recorder.log.iter().zip(expected) {
            assert_eq!(got.as_bytes(), expected, "{split:?}");
        }
        assert_eq!(recorder.log.last().unwrap().1, "<eof>");
        assert_eq!(pair.sent_forth(), TEXT);
    }
}

#[test]
fn truncation_resets_and_stalls_strike_after_exactly_so_many_bytes() {
    for after in 0..=TEXT.len() {
        let text = std::str::from_utf8(&TEXT[..after]).unwrap();
        for (fault, end) in [
            (Fault::Truncate(after as u64), "<eof>"),
            (Fault::Reset(after as u64), "<reset>"),
            (Fault::Stall(after as u64), ""),
        ] {
            let mut pair = pair(Link::new().split(Split::Every(7)).fault(fault));
            let mut recorder = Recorder::new(pair.clock());
            pair.run(&mut speaker(), &mut recorder);
            assert_eq!(recorder.text(), format!("{text}{end}"), "{fault:?}");
        }
    }
}

#[test]
fn a_reset_reaches_both_sides_and_takes_what_was_under_way_back() {
    let slow = Link::new().delay(Duration::from_secs(9));
    let mut pair = Pair::new(Clock::new(), Link::new().fault(Fault::Reset(3)), slow);
    let (mut first, mut second) = (speaker(), speaker());
    pair.run(&mut first, &mut second);
    assert_eq!(
        (&first.side.input[..], first.side.end),
        (&b""[..], Some(End::Reset))
    );
    assert_eq!(
        (&second.side.input[..], second.side.end),
        (&b"the"[..], Some(End::Reset))
    );
}

#[test]
fn delay_and_jitter_move_the_clock_keep_the_order_and_follow_from_the_seed() {
    let run = |seed| {
        let link = Link::new()
            .split(Split::Every(1))
            .delay(Duration::from_secs(1));
        let mut pair = pair(link.jitter(Duration::from_secs(2), seed));
        let mut recorder = Recorder::new(pair.clock());
        pair.run(&mut speaker(), &mut recorder);
        recorder
    };
    let first = run(1);
    assert_eq!(first.text().as_bytes(), [TEXT, b"<eof>"].concat());
    assert!(first.log.is_sorted_by_key(|(at, _)| *at));
    assert!(first.log[0].0 >= Duration::from_secs(1));
    assert!(first.log.last().unwrap().0 < Duration::from_secs(3));
    assert_eq!(first.log, run(1).log);
    assert_ne!(first.log, run(2).log);
}

#[test]
fn bytes_wait_while_the_reader_has_no_room_and_timeouts_fire_on_time() {
    let mut pair = pair(Link::new());
    let mut recorder = Recorder::new(pair.clock());
    recorder.room = false;
    recorder.timeout = Some(pair.clock().now() + Duration::from_secs(5));
    pair.run_for(Duration::from_secs(4), &mut speaker(), &mut recorder);
    assert_eq!(recorder.log, []);
    assert_eq!(pair.clock().elapsed(), Duration::from_secs(4));
    pair.run(&mut listener(), &mut recorder);
    assert_eq!(
        recorder.log[0],
        (Duration::from_secs(5), "<timeout>".to_owned())
    );
    assert_eq!(
        recorder.text().as_bytes(),
        [b"<timeout>", TEXT, b"<eof>"].concat()
    );
}
