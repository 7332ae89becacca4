//! How much is staged at once, by how promptly the transport takes it.

use core::time::Duration;

use crate::limits::{FRAME_BODY, PROMPT, STAGED_BYTES, STAGED_LEAST, UNHURRIED};
use crate::time::Instant;

/// How promptly the transport took the last batches, and what the next may hold for it.
///
/// Large batches mean few system calls and few turns of the tasks at both ends. But what is staged is
/// in line: a request waits behind it, for as long as the transport takes. One that takes its time is
/// therefore given less at once, and no stream may fill more than half of that. Where less takes as
/// long, because the transport waits for something else than its line, it gets the larger batch back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    handed_out: Instant,
    /// Bytes in the batch that was handed out last.
    bytes: usize,
    /// Half of a stream's buffer, so that the peer begins to take one half while the other fills.
    half: usize,
    /// What each of the streams that compete for the batch may stage in it.
    share: usize,
    /// A late batch, of which half is being tried.
    trial: Option<Late>,
    /// Late batches to accept before less is tried again, now and after the next trial in vain.
    pause: u8,
    next_pause: u8,
    /// What one stream may stage in a batch, in bytes.
    pub(crate) stream_max: usize,
    /// What all streams together may stage in a batch, in bytes.
    pub(crate) batch_max: usize,
}

/// A batch that took too long.
#[derive(Clone, Copy, Debug)]
struct Late {
    bytes: usize,
    took: Duration,
}

impl Late {
    /// Whether this one took less time than a larger one, by at least half of what it is smaller.
    fn is_quicker_than(self, larger: Self) -> bool {
        let kib = |bytes: usize| u32::try_from(bytes / 1024).unwrap_or(u32::MAX);
        let (small, large) = (kib(self.bytes), kib(larger.bytes));
        let mean = small.saturating_add(large) / 2;
        self.took.saturating_mul(large) <= larger.took.saturating_mul(mean)
    }
}

impl Pace {
    /// Late batches after a first trial in vain; twice as many after each further one, up to the second.
    const PAUSES: [u8; 2] = [4, 64];

    pub(crate) const fn new(send_buffer: usize) -> Self {
        let half = send_buffer.div_ceil(2);
        Self {
            handed_out: Instant::ORIGIN,
            bytes: 0,
            half,
            share: usize::MAX,
            trial: None,
            pause: 0,
            next_pause: Self::PAUSES[0],
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
        // Of a batch that exceeds its limit, by what every stream may stage, a full one's part counts.
        let over = self.bytes.checked_div(self.batch_max).unwrap_or(0).max(1);
        let took_full = took.checked_div(u32::try_from(over).unwrap_or(u32::MAX)).unwrap_or(took);
        // That it takes a little at once, or late, says nothing of what it would make of more.
        let next = match self.batch_max {
            max if self.bytes < max / 2 => max,
            _ if took_full > UNHURRIED => self.after_late(Late { bytes: self.bytes, took }),
            max => {
                self.pause = 0;
                self.end_trial(Self::PAUSES[0]);
                if took_full.saturating_mul(4) < UNHURRIED { max.saturating_mul(2) } else { max }
            }
        };
        let most = if took_full <= PROMPT { STAGED_BYTES } else { STAGED_BYTES / 2 };
        self.batch_max = next.clamp(STAGED_LEAST, most);
        self.settle();
    }

    /// What the next batch may hold after a late one: half, if that helps.
    fn after_late(&mut self, late: Late) -> usize {
        match self.trial {
            // It was staged before the trial began.
            Some(larger) if late.bytes > larger.bytes.saturating_sub(larger.bytes / 4) => {
                self.trial = Some(late);
                return self.batch_max;
            }
            Some(larger) if !late.is_quicker_than(larger) => {
                self.pause = self.next_pause;
                self.end_trial(self.next_pause.saturating_mul(2).min(Self::PAUSES[1]));
                return self.batch_max.saturating_mul(2);
            }
            Some(_) => self.end_trial(Self::PAUSES[0]),
            None => {}
        }
        if self.pause > 0 || self.batch_max <= STAGED_LEAST {
            self.pause = self.pause.saturating_sub(1);
            return self.batch_max;
        }
        self.trial = Some(late);
        self.batch_max / 2
    }

    fn end_trial(&mut self, next_pause: u8) {
        self.trial = None;
        self.next_pause = next_pause;
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
        let each = self.stream_max.min(FRAME_BODY);
        self.batch_max.checked_div(each).unwrap_or(0).max(2)
    }

    fn settle(&mut self) {
        let slow = if self.batch_max < STAGED_BYTES { self.batch_max / 2 } else { usize::MAX };
        self.stream_max = self.half.min(slow).min(self.share);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A batch of so many bytes takes so long; then what all and what one may stage.
    fn after(pace: &mut Pace, bytes: usize, took: Duration) -> (usize, usize) {
        pace.hand_out(Instant::ORIGIN, bytes);
        pace.taken(Instant::ORIGIN + took);
        (pace.batch_max, pace.stream_max)
    }

    /// The batches that fit a line of this rate, in bytes a second.
    fn on_a_line(rate: u64) -> usize {
        let mut pace = Pace::new(2 * STAGED_BYTES);
        for _ in 0..20 {
            let bytes = pace.batch_max;
            // In 64 bits on every platform: in 32, a batch of nanoseconds overflows.
            let nanos = bytes as u64 * 1_000_000_000 / rate;
            after(&mut pace, bytes, Duration::from_nanos(nanos));
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
        assert_eq!(after(&mut pace, half, late), (half, quarter), "late is late");
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

    /// A transport that has shown to be slow, and gets as little at once as any.
    fn slow() -> Pace {
        let mut pace = Pace::new(2 * STAGED_BYTES);
        for _ in 0..10 {
            let bytes = pace.batch_max;
            after(&mut pace, bytes, UNHURRIED * u32::try_from(bytes / 1024).unwrap());
        }
        assert_eq!(pace.batch_max, STAGED_LEAST);
        pace
    }

    #[test]
    fn little_says_nothing() {
        let mut pace = slow();
        assert_eq!(after(&mut pace, STAGED_LEAST / 2 - 1, PROMPT).0, STAGED_LEAST);
        assert_eq!(after(&mut pace, STAGED_LEAST / 2, PROMPT).0, 2 * STAGED_LEAST);
        assert_eq!(after(&mut pace, STAGED_LEAST - 1, UNHURRIED * 9).0, 2 * STAGED_LEAST);
    }

    #[test]
    fn more_than_the_limit_counts_for_its_part() {
        let mut pace = Pace::new(2 * STAGED_BYTES);
        let half = after(&mut pace, 1, PROMPT * 2).0;
        assert_eq!(after(&mut pace, 2 * half, UNHURRIED * 2).0, half);
        assert_eq!(after(&mut pace, half, UNHURRIED * 2).0, half / 2);
    }

    /// Of so many batches, how many were at least as large as they can be on a transport that is not
    /// prompt.
    fn large(batches: usize, took: impl Fn(usize) -> Duration) -> usize {
        let mut pace = Pace::new(2 * STAGED_BYTES);
        pace.batch_max = STAGED_BYTES / 2;
        // What is handed out now was staged while the last one was on its way.
        let mut staged = pace.batch_max;
        let next = |_: &usize| {
            let bytes = core::mem::replace(&mut staged, pace.batch_max);
            after(&mut pace, bytes, took(bytes));
            bytes >= STAGED_BYTES / 2
        };
        (0..batches).filter(next).count()
    }

    #[test]
    fn a_delay_that_does_not_come_from_the_size_makes_nothing_smaller() {
        let large = large(300, |_| UNHURRIED * 3);
        assert!(large > 280, "{large}");
    }

    #[test]
    fn a_delay_that_comes_from_the_size_in_part_makes_for_less() {
        let large = large(300, |bytes| UNHURRIED + Duration::from_nanos(800 * bytes as u64));
        assert!(large < 10, "{large}");
    }

    #[test]
    fn a_line_that_becomes_slow_is_found_out() {
        // The first batch that takes time finds room for most of it.
        let buffered = std::cell::Cell::new(4 * STAGED_BYTES / 2 - 20_000);
        let large = large(300, |bytes| {
            let quick = bytes.min(buffered.get());
            buffered.set(buffered.get() - quick);
            Duration::from_micros((bytes - quick) as u64)
        });
        assert_eq!(large, 6, "those that were buffered, and three to be sure");
    }

    #[test]
    fn trials_in_vain_are_forgotten_once_a_batch_is_in_time() {
        let mut pace = Pace::new(2 * STAGED_BYTES);
        for _ in 0..30 {
            let bytes = pace.batch_max;
            after(&mut pace, bytes, UNHURRIED * 3);
        }
        let most = pace.batch_max;
        assert!(pace.pause > 0 && most == STAGED_BYTES / 2);
        assert_eq!(after(&mut pace, most, UNHURRIED).0, most);
        assert_eq!(after(&mut pace, most, UNHURRIED * 3).0, most / 2);
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
    fn as_many_are_told_of_room_as_fill_it() {
        for (buffer, offers) in [(2 * STAGED_BYTES, 8), (8 * 1024, 128), (1, STAGED_BYTES)] {
            assert_eq!(Pace::new(buffer).offers(), offers, "{buffer}");
        }
    }

    #[test]
    fn no_stream_exceeds_its_own_buffer() {
        for (buffer, half) in [(9_999, 5_000), (1, 1)] {
            let mut pace = Pace::new(buffer);
            pace.share(3);
            assert_eq!(pace.stream_max, half);
            after(&mut pace, buffer, PROMPT * 2);
            assert_eq!(pace.stream_max, half);
        }
    }
}
