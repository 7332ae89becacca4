//! What goes to the transport, and in which order.

use bytes::Buf;

use super::Connection;
use super::batch::Transmit;
use super::go_away::Phase;
use super::staging::Debt;
use super::streams::{Key, Opening};
use super::timers::{StreamTimer, Timer};
use crate::error::ResetError;
use crate::flow_control::Growth;
use crate::frame::{Flags, Frame, HEADER_LEN};
use crate::time::Instant;

impl Connection {
    /// Swaps what is due for the transport into `batch`; false if there is nothing.
    ///
    /// `batch` must have been written to its end. Tell [`handle_transmitted`] when the new one has
    /// been.
    ///
    /// [`handle_transmitted`]: Self::handle_transmitted
    pub fn poll_transmit(&mut self, now: Instant, batch: &mut Transmit) -> bool {
        debug_assert!(
            !batch.has_remaining(),
            "a batch must be written before the next is asked for"
        );
        self.tick(now);
        // What was in line may have lost its point, so that a batch comes out empty.
        while self.has_output() {
            let debt = self.fill(now, batch);
            self.in_flight = batch.has_remaining().then_some(debt);
            if self.in_flight.is_some() {
                self.pace.hand_out(now, batch.remaining());
                return true;
            }
            self.settle_phase();
        }
        false
    }

    fn fill(&mut self, now: Instant, batch: &mut Transmit) -> Debt {
        batch.clear();
        self.write_control(now, batch);
        let control = u64::try_from(batch.head.len() / HEADER_LEN).unwrap_or(0);
        self.data_batched = self.data_sent();
        let debt = self.staging.debt();
        self.expect_late_window(self.staging.data_len());
        let frames = self.staging.swap(&mut batch.head, &mut batch.body).saturating_add(control);
        batch.seal();
        let bytes = u64::try_from(batch.remaining()).unwrap_or(u64::MAX);
        self.stats.frames_sent = self.stats.frames_sent.saturating_add(frames);
        self.expect_late_frames(u32::try_from(frames).unwrap_or(u32::MAX));
        self.stats.bytes_sent = self.stats.bytes_sent.saturating_add(bytes);
        while let Some(key) = self.retiring.pop() {
            self.forget(key);
        }
        self.offer_room();
        debt
    }

    /// Whether a batch was handed out that is not yet known to be in the transport's hands.
    #[cfg(feature = "driver")]
    pub(crate) const fn is_transmitting(&self) -> bool {
        self.in_flight.is_some()
    }

    /// Tells that the last batch is in the transport's hands.
    pub fn handle_transmitted(&mut self, now: Instant) {
        self.tick(now);
        self.pace.taken(now);
        self.in_flight = None;
        if self.timers.is_armed(Timer::WriteStall) {
            self.timers.disarm(Timer::WriteStall);
            self.note_progress(now);
        }
        self.settle_phase();
    }

    /// Tells that the transport takes no more of the batch now; `progress` if it took some.
    pub fn handle_transport_full(&mut self, now: Instant, progress: bool) {
        self.tick(now);
        if self.phase == Phase::Done {
            return;
        }
        let was_full = self.timers.is_armed(Timer::WriteStall);
        if progress && was_full {
            self.note_progress(now);
        }
        if progress || !was_full {
            self.timers.arm(Timer::WriteStall, now + self.config.write_stall_timeout());
        }
    }

    /// Whether [`poll_transmit`](Self::poll_transmit) has something to say.
    pub fn has_output(&self) -> bool {
        !self.staging.is_empty()
            || !self.announcements.is_empty()
            || !self.refusals.is_empty()
            || (self.ping.has_output() && self.cause.is_none())
    }

    /// Whether there is output of streams: data, or the end of one.
    #[cfg(feature = "driver")]
    pub(crate) fn has_staged(&self) -> bool {
        !self.staging.is_empty()
    }

    /// Whether the owner should come back soon: with [`poll_transmit`](Self::poll_transmit) if it can
    /// write, or only to tell the time and learn of a new deadline.
    #[cfg(feature = "driver")]
    pub(crate) fn wants_attention(&self, can_write: bool) -> bool {
        (can_write && self.has_output()) || self.untimed
    }

    /// The number of the batch being staged; what a stream has written so far will have been sent
    /// with it at the latest.
    #[cfg(feature = "driver")]
    pub(crate) fn batch(&self) -> u64 {
        self.staging.batch()
    }

    /// Bytes of stream data that were handed out or are staged.
    pub(super) fn data_sent(&self) -> u64 {
        let staged = u64::try_from(self.staging.data_len()).unwrap_or(u64::MAX);
        self.data_batched.saturating_add(staged)
    }

    /// What of streams is not yet in the transport's hands.
    pub(super) fn debt(&self) -> Debt {
        let (staged, sent) = (self.staging.debt(), self.in_flight);
        Debt {
            data: staged.data || sent.is_some_and(|debt| debt.data),
            ends: staged.ends || sent.is_some_and(|debt| debt.ends),
        }
    }

    /// Whether the batch with this number was thrown away: others may have gone out since.
    #[cfg(feature = "driver")]
    pub(crate) fn is_lost(&self, batch: u64) -> bool {
        self.lost == Some(batch)
    }

    /// The chunks that were staged and will not be sent: to drop one may run anything.
    #[cfg(feature = "driver")]
    pub(crate) fn take_discarded(&mut self) -> alloc::vec::Vec<bytes::Bytes> {
        core::mem::take(&mut self.discarded)
    }

    /// Forgets everything that was to be sent.
    pub(super) fn clear_output(&mut self) {
        // Streams stage nothing after the first time.
        self.lost.get_or_insert(self.staging.batch());
        self.data_batched = self.data_sent();
        self.discarded.append(&mut self.staging.clear());
        self.refusals.clear();
        self.retiring.clear();
        while let Some(key) = self.announcements.pop_front() {
            if let Some(entry) = self.streams.get_mut(key) {
                entry.announcing = false;
            }
            if self.cause.is_some() {
                self.release_if_over(key);
            }
        }
    }

    fn write_control(&mut self, now: Instant, batch: &mut Transmit) {
        if self.cause.is_none() {
            self.write_pings(now, batch);
        }
        while let Some(stream) = self.refusals.pop_front() {
            batch.push(Frame::WindowUpdate { stream, flags: Flags::RST, delta: 0 });
        }
        while let Some(key) = self.announcements.pop_front() {
            if let Some((flags, delta)) = self.announcement(now, key) {
                batch.push(Frame::WindowUpdate { stream: key.id, flags, delta });
            }
            if self.cause.is_some() {
                self.release_if_over(key);
            }
        }
    }

    fn write_pings(&mut self, now: Instant, batch: &mut Transmit) {
        while let Some(value) = self.ping.transmit_pong() {
            batch.push(Frame::Ping { request: false, value });
        }
        if let Some(value) = self.ping.transmit(now) {
            batch.push(Frame::Ping { request: true, value });
        }
    }

    /// What a stream in line for a Window Update has to say.
    fn announcement(&mut self, now: Instant, key: Key) -> Option<(Flags, u32)> {
        let mut growth = self.growth();
        let entry = self.streams.get_mut(key)?;
        entry.announcing = false;
        if !entry.held.recv {
            // What is thrown away is no reason to ask for more of it.
            growth.budget = 0;
        }
        match entry.opening {
            Opening::SynDue => {
                entry.opening = Opening::SynSent;
                let delta = entry.recv.window.announce(now);
                if entry.state.is_ended() || self.cause.is_some() {
                    self.free_place(key, Opening::Unanswered);
                } else {
                    self.arm_stream(now, StreamTimer::Open, key);
                }
                Some((Flags::SYN, delta))
            }
            Opening::AckDue => {
                entry.opening = Opening::Done;
                let wanted = entry.state.can_receive();
                let delta = if wanted { entry.recv.window.announce(now) } else { 0 };
                let gone = matches!(entry.state.reset_cause(), Some(ResetError::ByPeer(_)));
                (!gone).then_some((Flags::ACK, delta))
            }
            Opening::SynSent | Opening::Arrived | Opening::Done | Opening::Unanswered => {
                if !entry.state.can_receive() {
                    return None;
                }
                let (window, initial) =
                    (&mut entry.recv.window, self.config.initial_receive_window());
                let limit = self.restraint.limit(now, key, window, &growth, initial);
                growth.size_max = growth.size_max.min(limit);
                // Up to the initial window, it takes nothing from others.
                growth.budget = growth.budget.saturating_add(window.below(initial));
                let before = window.extra(initial);
                let delta = window.update(now, growth);
                let grown = self.window_growth.saturating_add(window.extra(initial));
                self.window_growth = grown.saturating_sub(before);
                let wanted = self.restraint.take_ping();
                if wanted || self.ping.wants_more() {
                    self.request_ping();
                }
                (delta > 0).then_some((Flags::NONE, delta))
            }
        }
    }

    fn growth(&mut self) -> Growth {
        let total = self.config.max_receive_window_total();
        Growth {
            rtt: self.ping.rtt_trusted(),
            rtt_last: self.ping.rtt(),
            size_max: self.config.max_receive_window(),
            budget: total.saturating_sub(self.window_growth),
        }
    }
}
