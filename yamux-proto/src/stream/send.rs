//! The sending half of a stream: its window, and how much of it is staged.

use crate::flow_control::SendWindow;

/// What this side may send on a stream, by the peer's word and by its own.
#[derive(Debug)]
pub(crate) struct SendHalf {
    pub(crate) window: SendWindow,
    /// The batch of output that holds this stream's latest frame.
    pub(crate) last_batch: u64,
    /// Bytes of data in that batch.
    pub(crate) staged: u32,
    /// All of them go ahead of the rest of the batch.
    ahead: bool,
    /// Why the application's last write took nothing.
    pub(crate) blocked: Blocked,
    pub(crate) dribble: Dribble,
    /// The stream is in the line of those who wait for room, be it that it no longer does.
    pub(crate) in_line: bool,
}

/// How a stream deals with a window too small to be worth a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dribble {
    /// There was none.
    None,
    /// It waits for more, but only for a round trip: a timer runs.
    Waiting,
    /// It has waited: the next frame may be as small as it must.
    Allowed,
}

/// What a writer waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blocked {
    /// Nothing.
    No,
    /// The peer's window, until it holds this many bytes.
    OnWindow(u16),
    /// Room in the staged output.
    OnRoom,
    /// The end of the stream, whatever else the driver may wake it for.
    #[cfg(feature = "driver")]
    OnEnd,
}

impl SendHalf {
    pub(crate) const fn new() -> Self {
        Self {
            window: SendWindow::new(),
            last_batch: 0,
            staged: 0,
            ahead: false,
            blocked: Blocked::No,
            dribble: Dribble::None,
            in_line: false,
        }
    }

    /// Bytes of data that this stream has in `batch`.
    pub(crate) fn staged_in(&self, batch: u64) -> usize {
        if self.last_batch == batch {
            usize::try_from(self.staged).unwrap_or(usize::MAX)
        } else {
            0
        }
    }

    /// Records a frame with `bytes` of data in `batch`.
    pub(crate) fn stage(&mut self, batch: u64, bytes: usize) {
        let staged = self.staged_in(batch).saturating_add(bytes);
        self.staged = u32::try_from(staged).unwrap_or(u32::MAX);
        self.ahead &= self.last_batch == batch;
        self.last_batch = batch;
    }

    /// Whether the last `len` bytes recorded in `batch` may go ahead of it; if they should not, nor do
    /// the next.
    pub(crate) fn overtake(&mut self, batch: u64, len: usize, should: bool) -> bool {
        let alone = self.staged_in(batch) == len;
        self.ahead = should && (alone || self.ahead);
        self.ahead
    }
}
