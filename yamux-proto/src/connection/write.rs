//! What streams put in line for the transport, and who waits for room to do so.

use super::Connection;
use super::streams::Key;
use super::timers::StreamTimer;
use crate::error::{ProtocolError, WriteError};
use crate::event::Event;
use crate::frame::{Flags, Frame};
use crate::limits::{DRIBBLE, STAGED_FLOOR};
use crate::stream::{Blocked, Dribble};

impl Connection {
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
        let floor = STAGED_FLOOR.saturating_sub(staged);
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

    /// Stages data for which room was taken.
    #[inline]
    pub(crate) fn stage_data(&mut self, key: Key, data: &[u8]) {
        if self.staging.extend(key, data) {
            return;
        }
        if self.staging.has_bulk() && !data.is_empty() && self.overtakes(key, data.len()) {
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

    /// Whether a frame with data just taken, or with a FIN, goes out ahead of the batch. It may if the
    /// batch holds nothing else of its stream, or only what does so too.
    #[inline(never)]
    fn overtakes(&mut self, key: Key, len: usize) -> bool {
        let (batch, express) = (self.staging.batch(), self.staging.is_express(len));
        self.streams.get_mut(key).is_some_and(|entry| entry.send.overtake(batch, len, express))
    }

    /// Stages FIN behind the stream's data: a lone Window Update, because peers in use lose a FIN
    /// that comes with ACK, or the body that comes with FIN.
    pub(crate) fn stage_fin(&mut self, key: Key) {
        let fin = Frame::WindowUpdate { stream: key.id, flags: Flags::FIN, delta: 0 };
        if self.staging.has_bulk() && self.overtakes(key, 0) {
            self.staging.express_end(fin);
        } else {
            self.staging.end(fin);
        }
        self.note_end(key);
        self.drain_up_to(self.staging.batch());
    }

    /// Stages RST behind the stream's data and its FIN, wherever they are in the batch; go-yamux takes
    /// the length for an error code.
    pub(super) fn stage_reset(&mut self, key: Key, code: u32) {
        self.staging.end(Frame::WindowUpdate { stream: key.id, flags: Flags::RST, delta: code });
        self.stats.resets_sent = self.stats.resets_sent.saturating_add(1);
        self.note_end(key);
    }

    /// The stream's last frame so far is in the batch.
    fn note_end(&mut self, key: Key) {
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

    /// Adds what the peer granted, and wakes a writer for whom it is enough; false if the stream has no
    /// use for it.
    pub(super) fn grow_send_window(&mut self, key: Key, delta: u32) -> Result<bool, ProtocolError> {
        let Some(entry) = self.streams.get_mut(key) else { return Ok(false) };
        // An update that arrives after our FIN crossed it on the wire.
        if !entry.state.can_send() {
            return Ok(false);
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
        Ok(delta > 0)
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

    /// Tells as many waiting writers of room as can use it, first come first served.
    pub(super) fn offer_room(&mut self) {
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
}
