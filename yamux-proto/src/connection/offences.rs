//! Frames without sense: which of them an honest peer may send, and how many of the others are borne.

use super::Connection;
use super::streams::Key;
use crate::error::ProtocolError;
use crate::limits::LATE_FRAMES_MAX;
use crate::stream_id::StreamId;
use crate::time::Instant;

impl Connection {
    /// A frame for a stream that is not there: late, or without sense from the start.
    pub(super) fn unknown_stream(
        &mut self,
        now: Instant,
        id: StreamId,
        body: u32,
    ) -> Result<(), ProtocolError> {
        if self.streams.was_opened(id) { self.late_frame(now, body) } else { self.glitch(now) }
    }

    /// A frame that changed nothing: late if its stream has ended, and otherwise pointless.
    pub(super) fn frame_without_effect(
        &mut self,
        now: Instant,
        key: Key,
    ) -> Result<(), ProtocolError> {
        let live = self.streams.get(key).is_some_and(|entry| entry.state.can_receive());
        if live { self.glitch(now) } else { self.late_frame(now, 0) }
    }

    /// A frame that came after the end of its stream; harmless as far as it can have been on its way:
    /// data within the windows that the streams left open, other frames within a number.
    pub(super) fn late_frame(&mut self, now: Instant, body: u32) -> Result<(), ProtocolError> {
        self.stats.late_frames = self.stats.late_frames.saturating_add(1);
        if body > 0 {
            if let Some(left) = self.late_bytes.checked_sub(u64::from(body)) {
                self.late_bytes = left;
                return Ok(());
            }
        }
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
        self.late_bytes = self.late_bytes.saturating_add(u64::from(granted));
    }
}
