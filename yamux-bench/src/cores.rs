//! How far apart the cores are, on which every figure of two workers depends.
//!
//! Virtual machines do not tell where the host has put their cores, and hosts move them.

use std::{
    hint,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

/// Handovers that are timed together: some tens of microseconds, so that most tries are over before
/// anything interrupts them.
const HANDOVERS: u32 = 200;

/// Tries, of which the quickest counts.
const TRIES: u32 = 25;

/// The time for all of them, a hundred times what they take. With another process on one of the cores,
/// both threads may be on the other, and each handover takes a turn of the scheduler.
const PATIENCE: Duration = Duration::from_millis(50);

/// A value on a cache line of its own; processors fetch them in pairs.
#[repr(align(128))]
struct Line(AtomicU32);

impl Line {
    /// Waits for a value; in vain, if it takes too long.
    fn wait_for(&self, value: u32, deadline: Instant) -> Option<()> {
        /// Looks in a few microseconds.
        const LOOKS: u32 = 1000;

        loop {
            for _ in 0..LOOKS {
                if self.0.load(Ordering::Acquire) == value {
                    return Some(());
                }
                hint::spin_loop();
            }
            if Instant::now() > deadline {
                return None;
            }
        }
    }

    fn hand_over(&self, value: u32) {
        self.0.store(value, Ordering::Release);
    }
}

/// The time that a cache line takes from one core to another; none with a single core, or if there never
/// were two for long enough.
pub fn distance() -> Option<Duration> {
    if thread::available_parallelism().ok()?.get() < 2 {
        return None;
    }
    let line = Line(AtomicU32::new(0));
    let last = TRIES * HANDOVERS;
    let deadline = Instant::now() + PATIENCE;
    thread::scope(|scope| {
        // One thread writes the odd numbers, the other the even ones.
        scope.spawn(|| {
            for odd in (1..last).step_by(2) {
                line.hand_over(odd);
                if line.wait_for(odd + 1, deadline).is_none() {
                    return;
                }
            }
        });
        let tries = (0..TRIES).map_while(|n| {
            let began = Instant::now();
            for even in (n * HANDOVERS + 2..=(n + 1) * HANDOVERS).step_by(2) {
                line.wait_for(even - 1, deadline)?;
                line.hand_over(even);
            }
            Some(began.elapsed() / HANDOVERS)
        });
        tries.min()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handover_takes_some_time() {
        if let Some(distance) = distance() {
            assert!(distance > Duration::ZERO, "{distance:?}");
        }
    }

    #[test]
    fn nobody_waits_for_ever() {
        let line = Line(AtomicU32::new(7));
        assert_eq!(line.wait_for(8, Instant::now()), None);
        assert_eq!(line.wait_for(7, Instant::now()), Some(()));
    }
}
