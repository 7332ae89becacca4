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

/// A value on a cache line of its own; processors fetch them in pairs.
#[repr(align(128))]
struct Line(AtomicU32);

impl Line {
    fn wait_for(&self, value: u32) {
        while self.0.load(Ordering::Acquire) != value {
            hint::spin_loop();
        }
    }

    fn hand_over(&self, value: u32) {
        self.0.store(value, Ordering::Release);
    }
}

/// The time that a cache line takes from one core to another; none with a single core.
pub fn distance() -> Option<Duration> {
    if thread::available_parallelism().ok()?.get() < 2 {
        return None;
    }
    let line = Line(AtomicU32::new(0));
    let last = TRIES * HANDOVERS;
    thread::scope(|scope| {
        // One thread writes the odd numbers, the other the even ones.
        scope.spawn(|| {
            for odd in (1..last).step_by(2) {
                line.hand_over(odd);
                line.wait_for(odd + 1);
            }
        });
        let tries = (0..TRIES).map(|n| {
            let began = Instant::now();
            for even in (n * HANDOVERS + 2..=(n + 1) * HANDOVERS).step_by(2) {
                line.wait_for(even - 1);
                line.hand_over(even);
            }
            began.elapsed() / HANDOVERS
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
}
