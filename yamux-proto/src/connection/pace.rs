//! How much is staged at once, by how promptly the transport takes it.

use crate::limits::{FRAME_BODY, PROMPT, STAGED_BYTES, STAGED_LEAST, UNHURRIED};
use crate::time::Instant;

/// How promptly the transport took the last batch, and what the next may hold for it.
///
/// Large batches mean few system calls and few turns of the tasks at both ends. But what is staged is
/// in line: a request waits behind it, for as long as the transport takes. One that takes its time is
/// therefore given less at once, and no stream may fill more than half of that.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    handed_out: Instant,
    /// Bytes in the batch that was handed out last.
    bytes: usize,
    /// Half of a stream's buffer, so that the peer begins to take one half while the other fills.
    half: usize,
    /// What each of the streams that compete for the batch may stage in it.
    share: usize,
    /// What one stream may stage in a batch, in bytes.
    pub(crate) stream_max: usize,
    /// What all streams together may stage in a batch, in bytes.
    pub(crate) batch_max: usize,
}

impl Pace {
    pub(crate) const fn new(send_buffer: usize) -> Self {
        let half = send_buffer.div_ceil(2);
        Self {
            handed_out: Instant::ORIGIN,
            bytes: 0,
            half,
            share: usize::MAX,
            stream_max: half,
            batch_max: STAGED_BYTES,
        }
    }

    /// A batch of so many bytes goes to the transport.
    pub(crate) fn hand_out(&mut self, now: Instant, bytes: usize) {
        self.handed_out = now;
        self.bytes = bytes;
    }

    /// The transport has the whole batch.
    pub(crate) fn taken(&mut self, now: Instant) {
        let took = now - self.handed_out;
        if took <= PROMPT && self.batch_max == STAGED_BYTES {
            return;
        }
        // That it takes a little at once says nothing of what it would make of more.
        let grows = took.saturating_mul(4) < UNHURRIED && self.bytes >= self.batch_max / 2;
        let next = match self.batch_max {
            max if took > UNHURRIED => max / 2,
            max if grows => max.saturating_mul(2),
            max => max,
        };
        let most = if took <= PROMPT { STAGED_BYTES } else { STAGED_BYTES / 2 };
        self.batch_max = next.clamp(STAGED_LEAST, most);
        self.settle();
    }

    /// This many streams compete for a batch: they share it, or the first in line would fill it each
    /// time.
    pub(crate) fn share(&mut self, streams: usize) {
        let share = self.batch_max.checked_div(streams).unwrap_or(usize::MAX);
        self.share = share.max(FRAME_BODY);
        self.settle();
    }

    /// Writers to tell of an empty batch, for them to fill it.
    pub(crate) fn offers(&self) -> usize {
        (self.batch_max / FRAME_BODY).max(2)
    }

    fn settle(&mut self) {
        let slow = if self.batch_max < STAGED_BYTES { self.batch_max / 2 } else { usize::MAX };
        self.stream_max = self.half.min(slow).min(self.share);
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;

    /// A batch of so many bytes takes so long; then what all and what one may stage.
    fn after(pace: &mut Pace, bytes: usize, took: Duration) -> (usize, usize) {
        pace.hand_out(Instant::ORIGIN, bytes);
        pace.taken(Instant::ORIGIN + took);
        (pace.batch_max, pace.stream_max)
    }

    /// The batches that fit a line of this rate, in bytes a second.
    fn on_a_line(rate: usize) -> usize {
        let mut pace = Pace::new(2 * STAGED_BYTES);
        for _ in 0..20 {
            let nanos = pace.batch_max * 1_000_000_000 / rate;
            let bytes = pace.batch_max;
            after(&mut pace, bytes, Duration::from_nanos(nanos as u64));
        }
        pace.batch_max
    }

    #[test]
    fn a_transport_that_takes_its_time_gets_less_at_once() {
        let mut pace = Pace::new(2 * STAGED_BYTES);
        assert_eq!((pace.batch_max, pace.stream_max), (STAGED_BYTES, STAGED_BYTES));
        let (half, quarter) = (STAGED_BYTES / 2, STAGED_BYTES / 4);
        let late = PROMPT + Duration::from_nanos(1);
        assert_eq!(after(&mut pace, 1, late), (half, quarter));
        assert_eq!(after(&mut pace, STAGED_BYTES, late), (half, quarter), "late is late");
        assert_eq!(after(&mut pace, half, PROMPT), (STAGED_BYTES, STAGED_BYTES));
    }

    #[test]
    fn a_slow_line_gets_what_it_takes_in_a_few_milliseconds() {
        for (rate, batch) in [
            (1_000_000_000, STAGED_BYTES),
            (125_000_000, STAGED_BYTES / 2),
            (12_500_000, 64 * 1024),
            (1_250_000, STAGED_LEAST),
            (1_250, STAGED_LEAST),
        ] {
            assert_eq!(on_a_line(rate), batch, "{rate} bytes a second");
        }
    }

    #[test]
    fn little_that_is_taken_at_once_says_nothing() {
        let mut pace = Pace::new(2 * STAGED_BYTES);
        let slow = UNHURRIED + Duration::from_nanos(1);
        (0..10).for_each(|_| assert!(after(&mut pace, 1, slow).0 < STAGED_BYTES));
        assert_eq!(after(&mut pace, STAGED_LEAST / 2 - 1, PROMPT).0, STAGED_LEAST);
        assert_eq!(after(&mut pace, STAGED_LEAST / 2, PROMPT).0, 2 * STAGED_LEAST);
    }

    #[test]
    fn who_competes_shares_but_may_always_stage_a_frame() {
        let mut pace = Pace::new(2 * STAGED_BYTES);
        for (streams, share) in [(2, STAGED_BYTES / 2), (100, FRAME_BODY), (0, STAGED_BYTES)] {
            pace.share(streams);
            assert_eq!(pace.stream_max, share, "{streams} streams");
        }
    }

    #[test]
    fn no_stream_exceeds_its_own_buffer() {
        for (buffer, half) in [(9_999, 5_000), (1, 1)] {
            let mut pace = Pace::new(buffer);
            pace.share(3);
            assert_eq!(pace.stream_max, half);
            pace.taken(Instant::ORIGIN + PROMPT * 2);
            assert_eq!(pace.stream_max, half);
        }
    }
}
