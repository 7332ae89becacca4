//! What goes to the transport, and in which order.

use bytes::Buf;

use super::Connection;
use super::batch::Transmit;
use super::go_away::Phase;
use super::staging::Debt;
use super::streams::{Key, Opening};
use super::timers::{StreamTimer, Timer};
use crate::error::{ProtocolError, ResetError, WriteError};
use crate::event::Event;
use crate::flow_control::Growth;
use crate::frame::{Flags, Frame, HEADER_LEN};
use crate::limits::{DRIBBLE, STAGED_FLOOR};
use crate::stream::{Blocked, Dribble};
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

    /// Offers room to writers that wait for it while nothing is staged; true if the owner should
    /// come back soon, because some were told of room and others still wait.
    ///
    /// Those whom an offer reached may have left in the meantime. Without a second look, the rest
    /// would wait for ever.
    pub fn poll_writers(&mut self) -> bool {
        if self.writers.is_empty() || self.cause.is_some() || !self.staging.is_empty() {
            return false;
        }
        if !core::mem::take(&mut self.room_offered) {
            self.offer_room();
        }
        true
    }

    /// How much of `wanted` bytes a stream may stage now; its window and its part of the batch are used.
    pub(crate) fn take_room(&mut self, key: Key, wanted: usize) -> Result<usize, WriteError> {
        let (batch, total) = (self.staging.batch(), self.staging.weight());
        let Some(entry) = self.streams.get_mut(key) else { return Err(WriteError::Finished) };
        if !entry.state.can_send() {
            return Err(entry.state.reset_cause().map_or(WriteError::Finished, WriteError::Reset));
        }
        if let Some(cause) = self.cause {
            return Err(WriteError::Closed(cause));
        }
        if wanted == 0 {
            return Ok(0);
        }
        let (window, worthwhile) = (entry.send.window.available(), wanted.min(DRIBBLE));
        if window < worthwhile && (window == 0 || entry.send.dribble != Dribble::Allowed) {
            entry.send.blocked = Blocked::OnWindow(u16::try_from(worthwhile).unwrap_or(u16::MAX));
            self.await_window(key);
            return Err(WriteError::Blocked);
        }
        let staged = entry.send.staged_in(batch);
        let floor = if staged == 0 { STAGED_FLOOR } else { 0 };
        let left = self.pace.batch_max.saturating_sub(total).max(floor);
        let room = self.pace.stream_max.saturating_sub(staged).min(left);
        if room == 0 {
            entry.send.blocked = Blocked::OnRoom;
            if !core::mem::replace(&mut entry.send.in_line, true) {
                self.writers.push_back(key);
            }
            return Err(WriteError::Blocked);
        }
        let taken = entry.send.window.take(wanted.min(room));
        entry.send.stage(batch, taken);
        if entry.send.dribble == Dribble::Allowed {
            entry.send.dribble = Dribble::None;
        }
        Ok(taken)
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

    /// Stages data for which room was taken.
    #[inline]
    pub(crate) fn stage_data(&mut self, key: Key, data: &[u8]) {
        if self.staging.has_bulk()
            && !self.staging.continues(key)
            && self.overtakes(key, data.len())
        {
            self.staging.express(key, data);
        } else {
            self.staging.data(key, data);
        }
    }

    /// Stages data for which room was taken, without a copy.
    pub(crate) fn stage_chunk(&mut self, key: Key, data: bytes::Bytes) {
        if self.staging.has_bulk() {
            // It is too long to overtake, and what follows it stays behind it.
            let ahead = self.overtakes(key, data.len());
            debug_assert!(!ahead, "short chunks are copied");
        }
        self.staging.chunk(key, data);
    }

    /// Whether data just taken goes out ahead of the batch. It may if the batch holds nothing else of
    /// its stream, or only what does so too.
    #[inline(never)]
    fn overtakes(&mut self, key: Key, len: usize) -> bool {
        let (batch, express) = (self.staging.batch(), self.staging.is_express(len));
        self.streams.get_mut(key).is_some_and(|entry| entry.send.overtake(batch, len, express))
    }

    /// Stages FIN behind the stream's data: a lone Window Update, because peers in use lose a FIN
    /// that comes with ACK, or the body that comes with FIN.
    pub(crate) fn stage_fin(&mut self, key: Key) {
        self.stage_end(key, Flags::FIN, 0);
    }

    /// Stages RST behind the stream's data; go-yamux takes the length for an error code.
    pub(super) fn stage_reset(&mut self, key: Key, code: u32) {
        self.stage_end(key, Flags::RST, code);
    }

    fn stage_end(&mut self, key: Key, flags: Flags, delta: u32) {
        self.staging.end(Frame::WindowUpdate { stream: key.id, flags, delta });
        let batch = self.staging.batch();
        if let Some(entry) = self.streams.get_mut(key) {
            entry.send.stage(batch, 0);
        }
    }

    pub(crate) fn wake_writer(&mut self, key: Key) {
        if let Some(entry) = self.streams.get_mut(key) {
            if core::mem::replace(&mut entry.send.blocked, Blocked::No) != Blocked::No {
                self.emit(Event::Writable(key));
            }
        }
    }

    /// Adds what the peer granted, and wakes a writer for whom it is enough.
    pub(super) fn grow_send_window(&mut self, key: Key, delta: u32) -> Result<(), ProtocolError> {
        let Some(entry) = self.streams.get_mut(key) else { return Ok(()) };
        // An update that arrives after our FIN crossed it on the wire.
        if !entry.state.can_send() {
            return Ok(());
        }
        let grown = entry.send.window.grow(delta);
        grown.map_err(|_| ProtocolError::WindowOverflow(key.id))?;
        if let Blocked::OnWindow(wanted) = entry.send.blocked {
            if entry.send.window.available() >= usize::from(wanted) {
                self.wake_writer(key);
            } else {
                self.await_window(key);
            }
        }
        Ok(())
    }

    /// Starts the clock for a window that is there and too small.
    fn await_window(&mut self, key: Key) {
        let Some(entry) = self.streams.get_mut(key) else { return };
        if entry.send.window.available() > 0 && entry.send.dribble == Dribble::None {
            entry.send.dribble = Dribble::Waiting;
            self.arm_later(StreamTimer::Dribble, key);
        }
    }

    /// A round trip has passed without a window worth a frame: small frames are better than none.
    pub(super) fn dribble_timed_out(&mut self, key: Key) {
        let Some(entry) = self.streams.get_mut(key) else { return };
        if matches!(entry.send.blocked, Blocked::OnWindow(_)) && entry.send.window.available() > 0 {
            entry.send.dribble = Dribble::Allowed;
            self.wake_writer(key);
        } else {
            entry.send.dribble = Dribble::None;
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

    /// Tells as many waiting writers of room as can use it, first come first served.
    fn offer_room(&mut self) {
        self.pace.share(self.writers.len());
        let mut offers = self.pace.offers();
        while offers > 0 {
            let Some(key) = self.writers.pop_front() else { return };
            let Some(entry) = self.streams.get_mut(key) else { continue };
            entry.send.in_line = false;
            if entry.send.blocked == Blocked::OnRoom {
                self.wake_writer(key);
                self.room_offered = true;
                offers = offers.saturating_sub(1);
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
                let (delta, grown) = entry.recv.window.update(now, growth);
                if self.ping.wants_more() {
                    self.request_ping();
                }
                let grown = usize::try_from(grown).unwrap_or(usize::MAX);
                self.window_growth = self.window_growth.saturating_add(grown);
                (delta > 0).then_some((Flags::NONE, delta))
            }
        }
    }

    fn growth(&mut self) -> Growth {
        let total = self.config.max_receive_window_total();
        Growth {
            rtt: self.ping.rtt_trusted(),
            size_max: self.config.max_receive_window(),
            budget: total.saturating_sub(self.window_growth),
        }
    }
}
