//! Frames without sense: which of them an honest peer may send, and how many of the others are borne.

use super::Connection;
use super::streams::Key;
use crate::error::ProtocolError;
use crate::limits::LATE_FRAMES_MAX;
use crate::stream_id::StreamId;
use crate::time::Instant;

/// What a frame of a stream brings. An honest peer brings no more of it late than it was given reason
/// to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Load {
    /// Bytes of data, for which it had window.
    Data(u32),
    /// Bytes of window, for data that it read: some peers grant it for every read, be it of one byte.
    Window(u32),
}

impl Connection {
    /// A frame for a stream that is not there: late, or without sense from the start.
    pub(super) fn unknown_stream(
        &mut self,
        now: Instant,
        id: StreamId,
        load: Load,
    ) -> Result<(), ProtocolError> {
        if self.streams.was_opened(id) { self.late_load(now, load) } else { self.glitch(now) }
    }

    /// A frame that changed nothing: late if its stream has ended, and otherwise pointless.
    pub(super) fn frame_without_effect(
        &mut self,
        now: Instant,
        key: Key,
    ) -> Result<(), ProtocolError> {
        let live = self.streams.get(key).is_some_and(|entry| entry.state.can_receive());
        if live { self.glitch(now) } else { self.late_frame(now) }
    }

    /// Data or window that came after the end of its stream; harmless as far as it can have been on its
    /// way: data within the windows that the streams left open, window for data that was sent.
    pub(super) fn late_load(&mut self, now: Instant, load: Load) -> Result<(), ProtocolError> {
        let (allowance, bytes) = match load {
            Load::Data(bytes) => (&mut self.late_data, bytes),
            Load::Window(bytes) => (&mut self.late_window, bytes),
        };
        match allowance.checked_sub(u64::from(bytes)) {
            Some(left) if bytes > 0 => {
                *allowance = left;
                self.stats.late_frames = self.stats.late_frames.saturating_add(1);
                Ok(())
            }
            Some(_) | None => self.late_frame(now),
        }
    }

    /// A frame that came after the end of its stream and brings nothing, or too much; harmless within a
    /// number.
    pub(super) fn late_frame(&mut self, now: Instant) -> Result<(), ProtocolError> {
        self.stats.late_frames = self.stats.late_frames.saturating_add(1);
        match self.late_frames.checked_sub(1) {
            Some(left) => {
                self.late_frames = left;
                Ok(())
            }
            None => self.glitch(now),
        }
    }

    pub(super) fn glitch(&mut self, now: Instant) -> Result<(), ProtocolError> {
        self.stats.glitches = self.stats.glitches.saturating_add(1);
        if self.glitches.fill(now) { Ok(()) } else { Err(ProtocolError::TooManyGlitches) }
    }

    pub(super) fn count_reset(&mut self, now: Instant) -> Result<(), ProtocolError> {
        if self.resets.fill(now) { Ok(()) } else { Err(ProtocolError::TooManyResets) }
    }

    /// Allows for frames that may still be on their way to a stream that has ended here, or that were
    /// an answer to ours.
    pub(super) fn expect_late_frames(&mut self, frames: u32) {
        self.late_frames = self.late_frames.saturating_add(frames).min(LATE_FRAMES_MAX);
    }

    /// Allows for the data that may still be on its way to a stream that ended here first.
    pub(super) fn expect_late_data(&mut self, granted: u32) {
        self.late_data = self.late_data.saturating_add(u64::from(granted));
    }

    /// Allows for the window that the peer may grant late for data that goes out now.
    pub(super) fn expect_late_window(&mut self, sent: usize) {
        let sent = u64::try_from(sent).unwrap_or(u64::MAX);
        self.late_window = self.late_window.saturating_add(sent);
    }
}
