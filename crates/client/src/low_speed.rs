//! The least speed of a body (SECURITY D1).

use crate::error::{Error, Kind};
use crate::timeout::Timeout;
use nuncio_connection::Phase;
use std::time::{Duration, Instant};

/// Looks at how fast the bodies of one attempt move. Boxed where there is one, since few have one.
///
/// Time counts while the peer is waited for, so that whoever asks says when that begins and when it is
/// over.
#[derive(Debug)]
pub(crate) struct LowSpeed {
    bytes_per_second: u64,
    over: Duration,
    /// Whether there is a body to be sent.
    pub(crate) uploads: bool,
    /// How long the peer was waited for, since the speed was last looked at.
    waited: Duration,
    /// Since when it is being waited for.
    since: Option<Instant>,
    /// What had moved when the speed was last looked at.
    before: u64,
}

impl LowSpeed {
    /// The guard that `timeout` asks for, if it does.
    pub(crate) fn new(timeout: &Timeout) -> Option<Box<Self>> {
        let (bytes_per_second, over) = timeout.low_speed_limit()?;
        if bytes_per_second == 0 || over.is_zero() {
            return None;
        }
        Some(Box::new(LowSpeed {
            bytes_per_second,
            over,
            uploads: false,
            waited: Duration::ZERO,
            since: None,
            before: 0,
        }))
    }

    /// The same for an attempt, with a body to be sent or without one.
    pub(crate) fn of_attempt(&self, uploads: bool) -> Box<Self> {
        Box::new(LowSpeed { uploads, ..*self })
    }

    /// The peer is not waited for any more: something came, or it is time to look.
    pub(crate) fn pause(&mut self, now: Instant) {
        if let Some(since) = self.since.take() {
            self.waited += now.saturating_duration_since(since);
        }
    }

    /// No body is on its way. The next one has a whole time again.
    pub(crate) fn rest(&mut self, moved: u64) {
        self.since = None;
        self.waited = Duration::ZERO;
        self.before = moved;
    }

    /// The peer is waited for from now on, and `moved` bytes have moved in all. When to look again.
    ///
    /// # Errors
    /// [`Kind::LowSpeed`].
    pub(crate) fn wait(
        &mut self,
        moved: u64,
        phase: Phase,
        now: Instant,
    ) -> Result<Option<Instant>, Error> {
        if self.waited >= self.over {
            let bytes = moved.saturating_sub(self.before);
            if u128::from(bytes) * 1_000_000_000 < self.least() {
                return Err(self.error(bytes, phase));
            }
            self.waited = Duration::ZERO;
            self.before = moved;
        }
        self.since = Some(now);
        Ok(now.checked_add(self.over - self.waited))
    }

    /// The fewest bytes that may move in the time, times 10^9.
    fn least(&self) -> u128 {
        u128::from(self.bytes_per_second).saturating_mul(self.over.as_nanos())
    }

    fn error(&self, bytes: u64, phase: Phase) -> Error {
        let whose = match phase {
            Phase::Write => "the request's body was taken",
            _ => "the response's body came",
        };
        let LowSpeed {
            bytes_per_second,
            over,
            ..
        } = self;
        let text = format!(
            "timed out as {whose} too slowly: {bytes} bytes in {over:?}, where {bytes_per_second} bytes/s are the least"
        );
        Error::new(Kind::LowSpeed, text).in_phase(Some(phase))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn meter(bytes_per_second: u64, over: Duration) -> Option<Box<LowSpeed>> {
        LowSpeed::new(&Timeout::none().low_speed(bytes_per_second, over))
    }

    #[test]
    fn what_is_as_fast_as_it_must_be_goes_on_and_a_byte_less_does_not() {
        for (bytes, good) in [(20, true), (19, false)] {
            let mut meter = meter(10, SECOND * 2).unwrap();
            let start = Instant::now();
            assert_eq!(
                meter.wait(0, Phase::Read, start).unwrap(),
                Some(start + SECOND * 2)
            );
            meter.pause(start + SECOND * 2);
            let looked = meter.wait(bytes, Phase::Read, start + SECOND * 2);
            assert_eq!(looked.is_ok(), good, "{bytes}");
        }
    }

    #[test]
    fn only_time_for_which_the_peer_is_waited_for_counts() {
        let mut meter = meter(10, SECOND * 2).unwrap();
        let start = Instant::now();
        meter.wait(0, Phase::Read, start).unwrap();
        meter.pause(start + SECOND);
        // Nobody asks for an hour.
        let later = start + SECOND * 3600;
        assert_eq!(
            meter.wait(0, Phase::Read, later).unwrap(),
            Some(later + SECOND)
        );
        meter.pause(later + SECOND);
        let error = meter.wait(3, Phase::Read, later + SECOND).unwrap_err();
        assert_eq!(error.kind(), Kind::LowSpeed);
        assert_eq!(
            error.to_string(),
            "timed out as the response's body came too slowly: 3 bytes in 2s, where 10 bytes/s are the least"
        );
    }

    #[test]
    fn nothing_overflows_and_zero_is_none() {
        assert!(meter(0, SECOND).is_none() && meter(1, Duration::ZERO).is_none());
        let mut meter = meter(u64::MAX, Duration::MAX).unwrap();
        assert_eq!(
            meter.wait(u64::MAX, Phase::Write, Instant::now()).unwrap(),
            None
        );
    }
}
