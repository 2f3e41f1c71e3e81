//! The gate in front of `h2`: how much input it may see before its answers are taken.
//!
//! DATA is held back by flow control; other frames are free for the peer, yet each may queue a
//! reply or a record on our side. So they are counted, and a peer that floods us with them without
//! reading our answers stops being read (SECURITY H1 to H4).

/// What may be spent between two calls of `take_output`.
const ALLOWANCE: u32 = 1024;
/// A frame that RFC 9113 makes us answer: at most 64 answers stand in the queue.
const ANSWERED: u32 = 16;
/// Any other frame without flow control.
const FREE: u32 = 1;

const HEAD: usize = 9;
const DATA: u8 = 0x0;
const SETTINGS: u8 = 0x4;
const PING: u8 = 0x6;
const ACK: u8 = 0x1;

/// Follows the frame boundaries (RFC 9113 section 4.1) of what the peer sends.
pub(crate) struct Gate {
    head: [u8; HEAD],
    have: usize,
    payload: usize,
    allowance: u32,
    preface_seen: bool,
}

/// What the peer began with. It has to be a SETTINGS frame (RFC 9113 section 3.4), which `h2`
/// does not check.
pub(crate) enum Preface<'a> {
    Partial,
    Right(&'a [u8]),
    Wrong(&'a [u8]),
}

impl Gate {
    pub(crate) fn new() -> Self {
        Self {
            head: [0; HEAD],
            have: 0,
            payload: 0,
            allowance: ALLOWANCE,
            preface_seen: false,
        }
    }

    /// Takes the first frame head, however it is split, so that `h2` does not judge half of it.
    pub(crate) fn admit_preface(&mut self, input: &[u8]) -> (usize, Preface<'_>) {
        let mut taken = 0;
        for (place, byte) in self.head.iter_mut().skip(self.have).zip(input) {
            *place = *byte;
            taken += 1;
        }
        self.have += taken;
        if self.have < HEAD {
            return (taken, Preface::Partial);
        }
        let [_, _, _, kind, flags, ..] = self.head;
        if kind != SETTINGS || flags & ACK != 0 {
            return (taken, Preface::Wrong(&self.head));
        }
        self.preface_seen = true;
        self.pay(flags);
        self.start_frame();
        (taken, Preface::Right(&self.head))
    }

    /// How many bytes of `input` may be passed on now; they count as passed. Zero means that the
    /// allowance is spent.
    pub(crate) fn admit(&mut self, input: &[u8]) -> usize {
        let mut at = 0;
        while let Some(&byte) = input.get(at) {
            if self.payload > 0 {
                let step = self.payload.min(input.len() - at);
                self.payload -= step;
                at += step;
                continue;
            }
            if self.have == 0
                && let Some(head) = input.get(at..).and_then(<[u8]>::first_chunk)
            {
                self.head = *head;
                if !self.pay(head[4]) {
                    break;
                }
                self.start_frame();
                at += HEAD;
                continue;
            }
            // Paid before the flags pass: a frame without payload is complete with its head.
            if self.have == 4 && !self.pay(byte) {
                break;
            }
            if let Some(place) = self.head.get_mut(self.have) {
                *place = byte;
            }
            self.have += 1;
            at += 1;
            if self.have == HEAD {
                self.start_frame();
            }
        }
        at
    }

    /// Output was taken: what the peer sent so far is answered.
    pub(crate) fn refill(&mut self) {
        self.allowance = ALLOWANCE;
    }

    /// The stream of the frame of which a part has come, and not all.
    pub(crate) fn arriving(&self) -> Option<u32> {
        let [_, _, _, _, _, a, b, c, d] = self.head;
        (self.payload > 0).then_some(u32::from_be_bytes([a, b, c, d]) & 0x7fff_ffff)
    }

    /// Whether any frame could pass.
    pub(crate) fn is_open(&self) -> bool {
        self.allowance >= ANSWERED
    }

    /// Whether the peer's preface has come.
    pub(crate) fn is_preface_seen(&self) -> bool {
        self.preface_seen
    }

    fn pay(&mut self, flags: u8) -> bool {
        let [a, b, c, kind, ..] = self.head;
        let price = match kind {
            DATA if [a, b, c] != [0, 0, 0] => 0,
            PING | SETTINGS if flags & ACK == 0 => ANSWERED,
            _ => FREE,
        };
        match self.allowance.checked_sub(price) {
            Some(left) => {
                self.allowance = left;
                true
            }
            None => false,
        }
    }

    fn start_frame(&mut self) {
        let [a, b, c, ..] = self.head;
        self.payload = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
        self.have = 0;
    }
}
