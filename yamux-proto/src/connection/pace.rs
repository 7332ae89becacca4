//! How much is staged at once, by how promptly the transport takes it.

use crate::limits::{FRAME_BODY, PROMPT, STAGED_BYTES};
use crate::time::Instant;

/// How promptly the transport took the last batch, and what the next may hold for it.
///
/// Large batches mean few system calls and few turns of the tasks at both ends. But what is staged is
/// in line: a small request waits behind it, for as long as the transport takes. One that takes its
/// time is therefore given half as much at once, and no stream may fill more than half of that.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    handed_out: Instant,
    prompt: bool,
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
            prompt: true,
            half,
            share: usize::MAX,
            stream_max: half,
            batch_max: STAGED_BYTES,
        }
    }

    /// A batch goes to the transport.
    pub(crate) fn hand_out(&mut self, now: Instant) {
        self.handed_out = now;
    }

    /// The transport has the whole batch.
    pub(crate) fn taken(&mut self, now: Instant) {
        self.prompt = now - self.handed_out <= PROMPT;
        self.settle();
    }

    /// This many streams compete for a batch: they share it, or the first in line would fill it each
    /// time.
    pub(crate) fn share(&mut self, streams: usize) {
        let share = self.batch_max.checked_div(streams).unwrap_or(usize::MAX);
        self.share = share.max(FRAME_BODY);
        self.settle();
    }

    fn settle(&mut self) {
        self.batch_max = if self.prompt { STAGED_BYTES } else { STAGED_BYTES / 2 };
        let slow = if self.prompt { usize::MAX } else { STAGED_BYTES / 4 };
        self.stream_max = self.half.min(slow).min(self.share);
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;

    #[test]
    fn a_transport_that_takes_its_time_gets_less_at_once() {
        let mut pace = Pace::new(2 * STAGED_BYTES);
        let room = |pace: Pace| (pace.batch_max, pace.stream_max);
        assert_eq!(room(pace), (STAGED_BYTES, STAGED_BYTES));
        let late = Instant::ORIGIN + PROMPT + Duration::from_nanos(1);
        pace.hand_out(Instant::ORIGIN);
        pace.taken(late);
        assert_eq!(room(pace), (STAGED_BYTES / 2, STAGED_BYTES / 4));
        pace.hand_out(late);
        pace.taken(late + PROMPT);
        assert_eq!(room(pace), (STAGED_BYTES, STAGED_BYTES));
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
