//! How much is staged at once, by how promptly the transport takes it.

use crate::limits::{PROMPT, STAGED_BYTES};
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
}

impl Pace {
    pub(crate) const fn new() -> Self {
        Self { handed_out: Instant::ORIGIN, prompt: true }
    }

    /// A batch goes to the transport.
    pub(crate) fn hand_out(&mut self, now: Instant) {
        self.handed_out = now;
    }

    /// The transport has the whole batch.
    pub(crate) fn taken(&mut self, now: Instant) {
        self.prompt = now - self.handed_out <= PROMPT;
    }

    /// What all streams together may stage in a batch, in bytes.
    pub(crate) const fn batch_max(self) -> usize {
        if self.prompt { STAGED_BYTES } else { STAGED_BYTES / 2 }
    }

    /// What one stream may stage in a batch, in bytes: half of its buffer, so that the peer begins to
    /// take one half while the other fills.
    pub(crate) fn stream_max(self, send_buffer: usize) -> usize {
        let half = send_buffer.div_ceil(2);
        if self.prompt { half } else { half.min(self.batch_max() / 2) }
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;

    #[test]
    fn a_transport_that_takes_its_time_gets_less_at_once() {
        let mut pace = Pace::new();
        let room = |pace: Pace| (pace.batch_max(), pace.stream_max(2 * STAGED_BYTES));
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
    fn no_stream_exceeds_its_own_buffer() {
        for prompt in [false, true] {
            let pace = Pace { prompt, ..Pace::new() };
            assert_eq!((pace.stream_max(9_999), pace.stream_max(1)), (5_000, 1));
        }
    }
}
