//! When to give memory back.

use core::time::Duration;

use crate::time::Instant;

/// Decides when a connection gives back the memory that only traffic needs.
///
/// Whatever is open, everything goes after a quiet time, and every few seconds in any case: a peer that
/// says a word now and then is no reason to keep what a busy hour needed, and who is busy soon has it
/// again. When the last stream has ended, it goes at once, so that a thousand connections that said a
/// word each never hold a thousand buffers at the same time; unless there was so much to do that the
/// next stream is likely to come soon.
#[derive(Debug, Default)]
pub(super) struct Tidy {
    /// The end of the interval under way.
    at: Option<Instant>,
    /// Batches and reads in this interval.
    work: u32,
    /// The interval before was a busy one.
    busy: bool,
    /// There was work since all memory was given back.
    untidy: bool,
    /// Intervals since all memory was given back.
    kept: u8,
}

impl Tidy {
    /// How long an interval is. After a quiet one, everything is given back.
    const INTERVAL: Duration = Duration::from_millis(100);
    /// Batches and reads in an interval that make for sustained traffic.
    const BUSY: u32 = 64;
    /// Intervals after which everything is given back, quiet or not.
    const KEPT_MAX: u8 = 50;

    /// Counts a batch or a read.
    pub(super) fn count(&mut self) {
        self.work = self.work.saturating_add(1);
        self.untidy = true;
    }

    /// Whether buffers are worth keeping while no stream is open.
    pub(super) const fn keeps_buffers(&self) -> bool {
        self.busy || self.work >= Self::BUSY
    }

    /// Begins an interval if one is needed, and says when the one under way ends.
    pub(super) fn deadline(&mut self, now: Instant) -> Option<Instant> {
        if self.untidy && self.at.is_none() {
            self.at = Some(now + Self::INTERVAL);
        }
        self.at
    }

    /// Ends the interval if its time has come; true if everything is to be given back.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        if self.at.is_none_or(|at| at > now) {
            return false;
        }
        self.at = None;
        self.busy = self.work >= Self::BUSY;
        let quiet = core::mem::take(&mut self.work) == 0;
        self.untidy &= !quiet;
        self.kept = self.kept.saturating_add(1);
        let due = quiet || self.kept >= Self::KEPT_MAX;
        if due {
            self.kept = 0;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_words_keep_nothing_and_sustained_traffic_does() {
        let mut tidy = Tidy::default();
        for _ in 1..Tidy::BUSY {
            tidy.count();
        }
        assert!(!tidy.keeps_buffers());
        tidy.count();
        assert!(tidy.keeps_buffers());
    }

    #[test]
    fn traffic_keeps_nothing_for_ever() {
        for work in [1, Tidy::BUSY] {
            let (mut tidy, mut now) = (Tidy::default(), Instant::ORIGIN);
            let intervals = (1..1000).find(|_| {
                (0..work).for_each(|_| tidy.count());
                now = tidy.deadline(now).unwrap();
                tidy.is_due(now)
            });
            assert_eq!(intervals, Some(Tidy::KEPT_MAX.into()), "{work} in each");
        }
    }

    #[test]
    fn everything_goes_after_a_quiet_interval() {
        let mut tidy = Tidy::default();
        let start = Instant::ORIGIN;
        assert_eq!(tidy.deadline(start), None, "there is nothing to give back");
        (0..Tidy::BUSY).for_each(|_| tidy.count());
        let first = tidy.deadline(start).unwrap();
        assert!(!tidy.is_due(start));
        assert!(!tidy.is_due(first), "there was traffic in the interval");
        assert!(tidy.keeps_buffers(), "it may go on");
        let second = tidy.deadline(first).unwrap();
        assert!(tidy.is_due(second));
        assert!(!tidy.keeps_buffers());
        assert_eq!(tidy.deadline(second), None, "once is enough");
    }
}
