//! Smaller windows for bulk, while small messages of other streams wait behind it.

use core::time::Duration;

use super::streams::Key;
use crate::flow_control::{Growth, RecvWindow};
use crate::time::Instant;

/// How large windows may be while other streams wait behind what fills them.
///
/// Whatever of a window the path does not hold stands in line: in the peer's socket, in the queue of
/// the slowest router, in a task that has not had its turn. The peer's small messages on other streams
/// stand behind it. While such messages come, a window that is smaller by a quarter is tried: a quarter
/// of the wait is worth a little of the bulk. Where bulk loses more, because the path does hold that
/// much, it gets its window back, and a larger one is tried now and then too, for paths change. Trials
/// cost, so those in vain make for longer pauses.
///
/// On a short path, where a large window makes bulk faster as the tasks at both ends take turns less
/// often, the measure is Kleinrock's power, throughput over delay: with the delay of a whole window,
/// three quarters of it mean more power if 87 % of the throughput are left, the root of three quarters.
///
/// On a long path a ping tells whether anything stands in line: only if it takes a quarter longer than
/// the shortest one did, smaller windows are tried, and if not, windows may grow. What would keep the
/// path full twice over is the first to be tried, and on a slow line windows go below the initial one.
/// Under the kernel's TCP, between two network namespaces, a round trip beside an upload of 10 Mbit/s
/// takes 33 ms instead of 166, of which the path is 20 (`uplink-tcp` of yamux-bench).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Restraint {
    /// The stream on which something small came last.
    small: Option<Key>,
    /// When it did, behind the time before.
    small_at: [Option<Instant>; 2],
    /// The largest window in company.
    cap: u32,
    measuring: Option<Measuring>,
    /// A round trip should be measured.
    ping_due: bool,
    /// What there was before another window was tried.
    trial: Option<Before>,
    direction: Direction,
    /// Nothing has been tried in vain.
    hopeful: bool,
    /// Measurements to let pass before the next trial, now and after the next one in vain.
    pause: u8,
    next_pause: u8,
}

#[derive(Clone, Copy, Debug)]
struct Measuring {
    since: Instant,
    consumed: u64,
    /// The largest window in it.
    size: u32,
}

#[derive(Clone, Copy, Debug)]
struct Before {
    rate: Rate,
    cap: u32,
}

/// Which windows are tried next.
#[derive(Clone, Copy, Debug)]
enum Direction {
    Smaller,
    Larger,
}

/// Bytes that bulk moved in some time.
#[derive(Clone, Copy, Debug)]
struct Rate {
    bytes: u64,
    time: Duration,
}

impl Rate {
    /// At least so many sixteenths of the other.
    fn is_at_least(self, sixteenths: u32, other: Self) -> bool {
        let times =
            |rate: Self, time: Duration| u128::from(rate.bytes).saturating_mul(time.as_nanos());
        times(self, other.time).saturating_mul(16)
            >= times(other, self.time).saturating_mul(u128::from(sixteenths))
    }
}

/// What decides about windows besides the rate.
#[derive(Clone, Copy, Debug)]
struct Path {
    /// The shortest round trip, and the last one.
    rtt: Duration,
    loaded: Duration,
    is_long: bool,
    /// The smallest window to try.
    least: u32,
}

impl Path {
    /// Whether a round trip takes longer than it must. On a short path it does whenever there is
    /// something to do.
    fn has_line(self) -> bool {
        !self.is_long || self.loaded.saturating_mul(4) > self.rtt.saturating_mul(5)
    }

    /// The part of a window that would keep the path full twice over.
    fn twice(self, size: u32) -> u32 {
        let part = u128::from(size).saturating_mul(self.rtt.saturating_mul(2).as_nanos());
        let part = part.checked_div(self.loaded.as_nanos()).unwrap_or(u128::MAX);
        u32::try_from(part).unwrap_or(u32::MAX)
    }
}

impl Direction {
    /// Whether what a trial found is worth its window.
    fn is_worth(self, before: Rate, now: Rate, path: Path) -> bool {
        let enough = if path.is_long { 15 } else { 14 };
        match self {
            Self::Smaller => now.is_at_least(enough, before),
            // So much that to go back would cost too much.
            Self::Larger => !before.is_at_least(enough, now),
        }
    }

    const fn other(self) -> Self {
        match self {
            Self::Smaller => Self::Larger,
            Self::Larger => Self::Smaller,
        }
    }
}

impl Restraint {
    /// A message that is small, in bytes: those up to this go ahead of bulk that is staged.
    const SMALL: u32 = 1024;
    /// Two small messages that came within this time are company.
    const MEMORY: Duration = Duration::from_millis(100);
    /// The same on a long path, where each may wait behind a window for seconds.
    const MEMORY_LONG: Duration = Duration::from_secs(5);
    /// Windows of bulk that make a measurement: enough for what was granted before to be used up, and
    /// for the tasks to have had their turns in many orders.
    const WINDOWS: u64 = 16;
    /// The same on a long path, where a window takes its time.
    const WINDOWS_LONG: u64 = 8;
    /// The smallest window on a long path: on a slow line, the initial one takes its time as well.
    const LEAST: u32 = 48 * 1024;
    /// Measurements that pass after a first trial in vain; twice as many after each further one, up to
    /// the second.
    const PAUSES: [u8; 2] = [4, 64];

    pub(crate) const fn new() -> Self {
        Self {
            small: None,
            small_at: [None; 2],
            cap: u32::MAX,
            measuring: None,
            ping_due: false,
            trial: None,
            direction: Direction::Smaller,
            hopeful: true,
            pause: 0,
            next_pause: Self::PAUSES[0],
        }
    }

    /// Whether the body of a Data frame is a small message, or the end of a large one.
    pub(crate) const fn is_small(length: u32) -> bool {
        length <= Self::SMALL
    }

    /// A small message came for this stream.
    #[inline]
    pub(crate) fn note_small(&mut self, now: Instant, key: Key) {
        let [_, last] = self.small_at;
        self.small_at = [last, Some(now)];
        self.small = Some(key);
    }

    /// How large the window of a stream may be that is about to be told of more.
    pub(crate) fn limit(
        &mut self,
        now: Instant,
        key: Key,
        window: &RecvWindow,
        growth: &Growth,
        initial: u32,
    ) -> u32 {
        let Some(rtt) = growth.rtt else { return u32::MAX };
        let is_long = growth.path_is_long();
        let memory = if is_long { Self::MEMORY_LONG } else { Self::MEMORY };
        let [before, _] = self.small_at;
        if before.is_none_or(|at| now - at > memory) {
            self.rest();
            return u32::MAX;
        }
        // To itself, a stream is no company.
        if self.small == Some(key) {
            return u32::MAX;
        }
        let least = if is_long { Self::LEAST.min(initial) } else { initial };
        let loaded = growth.rtt_last.unwrap_or(rtt);
        self.measure(now, window, Path { rtt, loaded, is_long, least });
        self.cap.max(least)
    }

    /// Nobody waits any more; what was found out is kept for the next time.
    fn rest(&mut self) {
        self.measuring = None;
        if let Some(before) = self.trial.take() {
            self.cap = before.cap;
        }
    }

    /// Whether a ping should go out, for the round trip that small messages take.
    pub(crate) const fn take_ping(&mut self) -> bool {
        core::mem::replace(&mut self.ping_due, false)
    }

    fn begin(&mut self, now: Instant, path: Path) {
        self.measuring = Some(Measuring { since: now, consumed: 0, size: path.least });
        self.ping_due = path.is_long;
    }

    fn measure(&mut self, now: Instant, window: &RecvWindow, path: Path) {
        let Some(measuring) = &mut self.measuring else { return self.begin(now, path) };
        measuring.consumed = measuring.consumed.saturating_add(u64::from(window.consumed()));
        measuring.size = measuring.size.max(window.size().min(self.cap));
        let Measuring { since, consumed, size } = *measuring;
        let windows = if path.is_long { Self::WINDOWS_LONG } else { Self::WINDOWS };
        if consumed >= u64::from(size).saturating_mul(windows) {
            self.begin(now, path);
            self.judge(Rate { bytes: consumed, time: now - since }, size, path);
        }
    }

    /// Ends a trial, and begins one unless there is a pause or nothing to gain.
    fn judge(&mut self, rate: Rate, size: u32, path: Path) {
        match self.trial.take() {
            Some(before) if !self.direction.is_worth(before.rate, rate, path) => {
                return self.fail_trial(before.cap);
            }
            Some(_) => self.next_pause = Self::PAUSES[0],
            None => {}
        }
        if !path.has_line() {
            // Nobody gains by a small window. If there are pauses in bulk, it is only for them that
            // it looks slow, and trials would tell nothing.
            self.cap = self.cap.max(larger(size));
            self.direction = Direction::Smaller;
            return;
        }
        if let Some(left) = self.pause.checked_sub(1) {
            self.pause = left;
            return;
        }
        if size <= path.least {
            self.direction = Direction::Larger;
        }
        self.trial = Some(Before { rate, cap: size });
        self.cap = match self.direction {
            Direction::Smaller => self.smaller(size, path),
            Direction::Larger => larger(size),
        };
    }

    fn fail_trial(&mut self, cap: u32) {
        self.cap = cap;
        self.direction = self.direction.other();
        self.hopeful = false;
        self.pause = self.next_pause;
        self.next_pause = self.next_pause.saturating_mul(2).min(Self::PAUSES[1]);
    }

    /// A window to try in place of one of this size: smaller by a quarter or, at first on a long path,
    /// what keeps it full twice over.
    fn smaller(&self, size: u32, path: Path) -> u32 {
        let step = size.saturating_sub(size / 4);
        let leap = self.hopeful && path.is_long;
        let size = if leap { step.min(path.twice(size)) } else { step };
        size.max(path.least)
    }
}

/// A window to try in place of one of this size.
const fn larger(size: u32) -> u32 {
    size.saturating_add(size / 3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow_control::{Growth, INITIAL_WINDOW};
    use crate::stream_id::StreamId;

    const RTT: Duration = Duration::from_millis(1);
    const LARGE: u32 = 8 * INITIAL_WINDOW;

    fn key(number: u32) -> Key {
        Key { id: StreamId::new(number).unwrap(), place: u64::from(number) }
    }

    fn large_window() -> RecvWindow {
        let mut window = RecvWindow::new(LARGE);
        window.announce(Instant::ORIGIN);
        window
    }

    /// One stream with bulk, over a path that moves so much a second with a window of this size.
    struct Bulk<F> {
        restraint: Restraint,
        window: RecvWindow,
        now: Instant,
        rate: F,
    }

    impl<F: FnMut(u32) -> u64> Bulk<F> {
        fn over(rate: F) -> Self {
            let (window, now) = (large_window(), Instant::ORIGIN);
            Self { restraint: Restraint::new(), window, now, rate }
        }

        /// Moves so many windows, with something small on this stream after each quarter; of all
        /// quarters, how many hundredths found the window as large as that.
        fn beside(&mut self, small: u32, windows: u32, large: u32) -> u32 {
            let mut found = 0;
            for _ in 0..4 * windows {
                found += u32::from(self.window.size() >= large);
                self.restraint.note_small(self.now, key(small));
                self.step();
            }
            found * 100 / (4 * windows)
        }

        fn step(&mut self) {
            let quarter = self.window.size() / 4;
            let nanos = u64::from(quarter) * 1_000_000_000 / (self.rate)(self.window.size());
            self.now = self.now + Duration::from_nanos(nanos);
            self.window.receive(quarter).unwrap();
            self.window.consume(quarter as usize);
            let growth =
                Growth { rtt: Some(RTT), rtt_last: None, size_max: LARGE, budget: usize::MAX };
            let size_max =
                self.restraint.limit(self.now, key(1), &self.window, &growth, INITIAL_WINDOW);
            let growth = Growth { size_max: size_max.min(LARGE), ..growth };
            self.window.update(self.now, growth);
        }
    }

    /// A line of so many bytes a second that takes no more than one window a round trip.
    fn line(rate: u64) -> impl Fn(u32) -> u64 {
        move |window| rate.min(u64::from(window) * 1000)
    }

    #[test]
    fn a_window_of_which_most_stands_in_line_shrinks_to_the_least() {
        let mut bulk = Bulk::over(|_| 1_000_000_000);
        bulk.beside(3, 300, LARGE);
        assert_eq!(bulk.window.size(), INITIAL_WINDOW);
        let larger = bulk.beside(3, 10_000, INITIAL_WINDOW + 1);
        assert!(larger <= 4, "trials took {larger} %");
    }

    #[test]
    fn the_windows_of_several_shrink_together() {
        let mut bulk = Bulk::over(|_| 1_000_000_000);
        let mut other = large_window();
        for _ in 0..600 {
            bulk.beside(3, 1, LARGE);
            core::mem::swap(&mut bulk.window, &mut other);
        }
        for window in [other, bulk.window] {
            assert!(window.size() <= INITIAL_WINDOW / 2 * 3, "{}", window.size());
        }
    }

    #[test]
    fn it_shrinks_only_while_bulk_loses_less_than_an_eighth() {
        for (left, shrinks) in [(0.89_f64, true), (0.85, false)] {
            let mut bulk = Bulk::over(|window| {
                let steps = (f64::from(LARGE) / f64::from(window)).log(4.0 / 3.0);
                (1e9 * left.powf(steps)) as u64
            });
            bulk.beside(3, 2000, LARGE);
            let large = bulk.beside(3, 2000, LARGE);
            let as_it_should = if shrinks { large <= 5 } else { large >= 95 };
            assert!(as_it_should, "large {large} % of the time, with {left} of bulk left");
        }
    }

    #[test]
    fn a_window_that_the_path_holds_is_there_nearly_always() {
        let mut bulk = Bulk::over(line(u64::from(LARGE) * 1000));
        bulk.beside(3, 2000, LARGE);
        let large = bulk.beside(3, 10_000, LARGE);
        assert!(large >= 96, "{large} % of the time");
    }

    #[test]
    fn a_path_that_comes_to_hold_more_gets_more() {
        for held in [INITIAL_WINDOW / 2, LARGE / 4] {
            let path = core::cell::Cell::new(u64::from(held) * 1000);
            let mut bulk = Bulk::over(|window| line(path.get())(window));
            bulk.beside(3, 2000, LARGE);
            assert!(bulk.window.size() <= INITIAL_WINDOW.max(held + held / 2));
            path.set(u64::from(LARGE) * 1000);
            bulk.beside(3, 10_000, LARGE);
            assert!(bulk.beside(3, 1000, LARGE / 8 * 7) >= 90, "after {held} bytes");
        }
    }

    #[test]
    fn who_is_alone_keeps_the_window() {
        let mut bulk = Bulk::over(|_| 1_000_000_000);
        assert_eq!(bulk.beside(1, 1000, LARGE), 100, "no company to itself");
        for _ in 0..1000 {
            bulk.restraint.note_small(bulk.now, key(3));
            bulk.now = bulk.now + Restraint::MEMORY;
            bulk.step();
        }
        assert_eq!(bulk.window.size(), LARGE, "nor is what comes once in a while");
    }

    #[test]
    fn what_was_found_out_is_kept_and_a_trial_is_not() {
        let mut bulk = Bulk::over(|_| 1_000_000_000);
        while bulk.restraint.cap == u32::MAX {
            bulk.beside(3, 1, LARGE);
        }
        assert_eq!(bulk.restraint.cap, LARGE / 4 * 3, "on trial");
        bulk.now = bulk.now + Restraint::MEMORY * 2;
        bulk.step();
        assert_eq!(bulk.restraint.cap, LARGE);
        bulk.beside(3, 300, LARGE);
        bulk.now = bulk.now + Restraint::MEMORY * 2;
        (0..100).for_each(|_| bulk.step());
        assert_eq!(bulk.window.size(), LARGE, "alone");
        bulk.restraint.pause = 0;
        let larger = bulk.beside(3, 1000, INITIAL_WINDOW / 2 * 3);
        assert!(larger <= 1, "{larger} % of the time");
    }
}
