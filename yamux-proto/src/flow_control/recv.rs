//! What the peer may send on a stream, and when to grant it more.

use core::time::Duration;

use super::INITIAL_WINDOW;
use crate::time::Instant;

/// The receive window of a stream.
///
/// The peer gets back what the application consumed once that is a quarter of the window: waiting
/// for a half, as the Go libraries do, leaves a sender idle for longer, at the cost of bulk
/// throughput. The window doubles when it was what held the peer back: a peer that has more to send
/// moves one window a round trip, so a whole window consumed in little more was too small. What is
/// granted takes a round trip to show, so nothing is measured for one after growth. Only consumed
/// bytes count, so a peer cannot grow the window of an application that does not read.
///
/// A long path is another matter than a short one. On a short path, a window that is too large costs
/// latency and one that is too small costs little, so the evidence has to be good. On a long one,
/// each step costs a round trip of idling. There, half a window in half the time is evidence enough:
/// it comes with the first burst that growth sets off, and a whole window only with the next. And a
/// small window grows fourfold, or TCP would be through with its slow start long before. In the first
/// second of a gigabit, that moves 107 MB instead of 68 with 50 ms there and back, and 79 instead of
/// 10 with 100 ms (two connections and a simulated line without a slow start of its own).
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecvWindow {
    /// What the peer may still send.
    granted: u32,
    /// What the peer may have outstanding after an update.
    size: u32,
    /// Consumed by the application and not yet granted again.
    consumed: u32,
    /// Granted again since the measurement began.
    measured: u32,
    /// When it began, or will.
    measured_since: Instant,
}

/// What auto-tuning may use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Growth {
    /// The shortest round trip seen; without one, windows keep their size.
    pub(crate) rtt: Option<Duration>,
    /// The last round trip, with all that stood in line.
    pub(crate) rtt_last: Option<Duration>,
    /// The size that this window may reach.
    pub(crate) size_max: u32,
    /// What the windows of the connection may still grow by, together.
    pub(crate) budget: usize,
}

/// The peer sent more than it was granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exceeded;

impl Growth {
    /// The round trip from which on a path counts as long.
    const LONG: Duration = Duration::from_millis(5);

    /// Whether the path is known to be long.
    pub(crate) fn path_is_long(self) -> bool {
        self.rtt.is_some_and(|rtt| rtt >= Self::LONG)
    }
}

impl RecvWindow {
    /// Round trips that a window may take to be consumed before it counts as large enough, times 2, on a
    /// short path and on a long one. A window that is too small takes one, and as long as the peer
    /// needs for the first quarter of it, and some more where updates wait for a batch under way. With
    /// 1.5, windows stayed at 256 KiB on a short path that holds just as much, and 78 % of the line
    /// were used: 10 Gbit/s with 200 us there and back, 1 Gbit/s with 2 ms (two connections and a
    /// simulated line). On a long one, steps are large enough to leave such places behind.
    const PATIENCE_HALVES: [u32; 2] = [4, 3];
    /// What a round trip counts as at the least. Within one machine an idle peer answers a ping in less
    /// than it takes over bulk, and how much less was what decided about windows: bulk on one thread
    /// moved 3.7, 4.8, or 5.1 GB/s, by luck.
    const SHORTEST: Duration = Duration::from_micros(60);
    /// What a window on a long path grows to in large steps, in bytes; from a quarter of it at most.
    const LARGE: u32 = 4 * 1024 * 1024;

    /// A new stream's window: the peer may send the protocol's initial window and learns of the rest
    /// with the first announcement.
    pub(crate) const fn new(size: u32) -> Self {
        Self {
            granted: INITIAL_WINDOW,
            size,
            consumed: 0,
            measured: 0,
            measured_since: Instant::ORIGIN,
        }
    }

    /// Judges a Data frame by its length.
    pub(crate) fn receive(&mut self, length: u32) -> Result<(), Exceeded> {
        self.granted = self.granted.checked_sub(length).ok_or(Exceeded)?;
        Ok(())
    }

    /// Counts bytes that the application consumed; true when the peer should hear of them.
    pub(crate) fn consume(&mut self, bytes: usize) -> bool {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.consumed = self.consumed.saturating_add(bytes);
        self.consumed >= self.size / 4
    }

    /// What SYN or ACK announces: the configured window beyond the protocol's.
    pub(crate) fn announce(&mut self, now: Instant) -> u32 {
        self.measured_since = now;
        let delta = self.size.saturating_sub(INITIAL_WINDOW).saturating_add(self.consumed);
        self.consumed = 0;
        self.granted = self.granted.saturating_add(delta);
        delta
    }

    /// What a Window Update grants now. A window that is larger than it may be gets smaller by what is
    /// not granted again.
    pub(crate) fn update(&mut self, now: Instant, growth: Growth) -> u32 {
        let excess = self.size.saturating_sub(growth.size_max).min(self.consumed);
        self.size = self.size.saturating_sub(excess);
        self.consumed = self.consumed.saturating_sub(excess);
        let grown = self.tune(now, growth);
        let delta = self.consumed.saturating_add(grown);
        self.consumed = 0;
        self.granted = self.granted.saturating_add(delta);
        delta
    }

    /// What the peer may have outstanding after an update.
    pub(crate) const fn size(&self) -> u32 {
        self.size
    }

    /// What the application consumed and the peer has not heard of.
    pub(crate) const fn consumed(&self) -> u32 {
        self.consumed
    }

    /// What the peer may still send.
    pub(crate) const fn granted(self) -> u32 {
        self.granted
    }

    /// Growth beyond `initial`, to be given back to the connection's budget.
    pub(crate) fn extra(self, initial: u32) -> usize {
        usize::try_from(self.size.saturating_sub(initial)).unwrap_or(usize::MAX)
    }

    /// What it lacks of `initial`.
    pub(crate) fn below(self, initial: u32) -> usize {
        usize::try_from(initial.saturating_sub(self.size)).unwrap_or(usize::MAX)
    }

    fn tune(&mut self, now: Instant, growth: Growth) -> u32 {
        if now < self.measured_since {
            return 0;
        }
        self.measured = self.measured.saturating_add(self.consumed);
        let is_long = growth.path_is_long();
        let evidence = if is_long { self.size / 2 } else { self.size };
        if self.measured < evidence {
            return 0;
        }
        let elapsed = now - self.measured_since;
        let measured = core::mem::take(&mut self.measured).min(self.size);
        self.measured_since = now;
        let Some(rtt) = growth.rtt else { return 0 };
        let [short, long] = Self::PATIENCE_HALVES;
        let halves = if is_long { long } else { short };
        // At this rate, the whole window would take too long to have been what held the peer back.
        let patience = rtt.max(Self::SHORTEST).saturating_mul(halves);
        if elapsed.as_nanos().saturating_mul(2).saturating_mul(u128::from(self.size))
            >= patience.as_nanos().saturating_mul(u128::from(measured))
        {
            return 0;
        }
        let steps = if is_long && self.size <= Self::LARGE / 4 { 3 } else { 1 };
        let grown = self
            .size
            .saturating_mul(steps)
            .min(growth.size_max.saturating_sub(self.size))
            .min(u32::try_from(growth.budget).unwrap_or(u32::MAX));
        if grown > 0 {
            self.size = self.size.saturating_add(grown);
            self.measured_since = now + rtt;
        }
        grown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RTT: Duration = Duration::from_millis(4);
    const GROWTH: Growth =
        Growth { rtt: Some(RTT), rtt_last: None, size_max: 1 << 20, budget: 1 << 20 };

    /// A long path with nothing in the way of growth.
    const LONG: Growth = Growth {
        rtt: Some(Duration::from_millis(100)),
        rtt_last: None,
        size_max: 1 << 24,
        budget: 1 << 24,
    };

    /// In hundredths of the short path's round trip.
    fn at(hundredths: u32) -> Instant {
        Instant::ORIGIN + RTT * hundredths / 100
    }

    fn at_millis(millis: u64) -> Instant {
        Instant::ORIGIN + Duration::from_millis(millis)
    }

    /// Moves one window's worth of data, consumed and granted again at `now`.
    fn move_window(window: &mut RecvWindow, now: Instant, growth: Growth) -> u32 {
        move_bytes(window, window.size, now, growth)
    }

    fn move_bytes(window: &mut RecvWindow, bytes: u32, now: Instant, growth: Growth) -> u32 {
        window.receive(bytes).unwrap();
        assert!(window.consume(usize::try_from(bytes).unwrap()));
        let before = window.size;
        window.update(now, growth);
        window.size - before
    }

    #[test]
    fn holds_exactly_the_initial_window() {
        let mut window = RecvWindow::new(1 << 20);
        assert_eq!(window.receive(262_144), Ok(()));
        assert_eq!(window.receive(1), Err(Exceeded));
    }

    #[test]
    fn the_announcement_grants_the_rest() {
        let mut window = RecvWindow::new(1 << 20);
        assert_eq!(window.announce(at(0)), (1 << 20) - 262_144);
        assert_eq!(window.receive(1 << 20), Ok(()));
        assert_eq!(window.receive(1), Err(Exceeded));
    }

    #[test]
    fn an_update_is_due_at_a_quarter() {
        let mut window = RecvWindow::new(INITIAL_WINDOW);
        window.receive(INITIAL_WINDOW).unwrap();
        assert!(!window.consume(65_535));
        assert!(window.consume(1));
        assert_eq!(window.update(at(0), GROWTH), 65_536);
    }

    #[test]
    fn doubles_while_it_limits_the_peer_and_stops_at_the_ceilings() {
        let mut window = RecvWindow::new(INITIAL_WINDOW);
        assert_eq!(move_window(&mut window, at(100), GROWTH), 262_144);
        assert_eq!(move_window(&mut window, at(300), GROWTH), 524_288);
        assert_eq!(move_window(&mut window, at(500), GROWTH), 0, "the stream's ceiling");
        let mut window = RecvWindow::new(INITIAL_WINDOW);
        let poor = Growth { budget: 1000, ..GROWTH };
        assert_eq!(move_window(&mut window, at(100), poor), 1000, "the connection's ceiling");
    }

    #[test]
    fn what_was_granted_is_judged_from_when_it_shows() {
        let mut window = RecvWindow::new(INITIAL_WINDOW);
        assert_eq!(move_window(&mut window, at(100), GROWTH), 262_144);
        assert_eq!(move_window(&mut window, at(199), GROWTH), 0, "the peer could not know of it");
        assert_eq!(move_window(&mut window, at(399), GROWTH), 524_288, "within 2 round trips");

        let mut window = RecvWindow::new(INITIAL_WINDOW);
        assert_eq!(move_window(&mut window, at(100), GROWTH), 262_144);
        assert_eq!(move_window(&mut window, at(400), GROWTH), 0, "large enough");
    }

    #[test]
    fn between_processes_of_one_machine_a_round_trip_counts_as_what_it_takes_under_load() {
        let local = Growth { rtt: Some(Duration::from_micros(5)), ..GROWTH };
        let after = |micros| Instant::ORIGIN + Duration::from_micros(micros);
        let mut window = RecvWindow::new(INITIAL_WINDOW);
        assert_eq!(move_window(&mut window, after(119), local), 262_144);
        let mut window = RecvWindow::new(INITIAL_WINDOW);
        assert_eq!(move_window(&mut window, after(120), local), 0);
    }

    #[test]
    fn a_window_that_is_too_large_shrinks_by_what_is_not_granted_again() {
        let mut window = RecvWindow::new(INITIAL_WINDOW);
        assert_eq!(move_window(&mut window, at(100), GROWTH), 262_144);
        let half = Growth { size_max: 262_144, ..GROWTH };
        window.receive(524_288).unwrap();
        for (consumed, granted, size) in
            [(131_072, 0, 393_216), (262_144, 131_072, 262_144), (131_072, 131_072, 262_144)]
        {
            assert!(window.consume(consumed));
            assert_eq!((window.update(at(1000), half), window.size), (granted, size));
        }
        assert_eq!(window.granted(), window.size, "all was consumed");
    }

    #[test]
    fn keeps_its_size_for_a_slow_reader_and_without_a_round_trip() {
        let mut window = RecvWindow::new(INITIAL_WINDOW);
        assert_eq!(move_window(&mut window, at(200), GROWTH), 0);
        let blind = Growth { rtt: None, ..GROWTH };
        assert_eq!(move_window(&mut window, at(201), blind), 0);
    }

    #[test]
    fn on_a_long_path_a_small_window_grows_fourfold_and_a_large_one_doubles() {
        let mut window = RecvWindow::new(INITIAL_WINDOW);
        let sizes = [1 << 20, 1 << 22, 1 << 23, 1 << 24, 1 << 24];
        for (round, size) in (1..).zip(sizes) {
            move_window(&mut window, at_millis(200 * round - 100), LONG);
            assert_eq!(window.size, size, "in round {round}");
        }
    }

    #[test]
    fn on_a_long_path_half_a_window_is_evidence_enough() {
        let half = INITIAL_WINDOW / 2;
        let mut window = RecvWindow::new(INITIAL_WINDOW);
        assert_eq!(move_bytes(&mut window, half, at_millis(75), LONG), 0, "not fast enough");
        let mut window = RecvWindow::new(INITIAL_WINDOW);
        assert_eq!(move_bytes(&mut window, half - 1, at_millis(1), LONG), 0);
        assert!(move_bytes(&mut window, half, at_millis(74), LONG) > 0);
        let mut window = RecvWindow::new(INITIAL_WINDOW);
        assert_eq!(
            move_bytes(&mut window, half, at(74), GROWTH),
            0,
            "a short path takes all of it"
        );
    }
}
