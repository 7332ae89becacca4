//! What a log is told, by the feature `tracing`.
//!
//! The owner of a connection may guard it by a lock, and who listens to the log may do anything: write
//! to a pipe that is full, or ask the session something. So notes are taken down as things happen, and
//! are read out later.

use crate::error::ConnectionError;
use crate::stream_id::{Side, StreamId};

/// Something that has happened.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(feature = "tracing"), expect(dead_code, reason = "nobody reads them out"))]
pub(super) enum Note {
    Refused(StreamId),
    Reset { id: StreamId, code: u32 },
    Ended { side: Side, cause: ConnectionError },
}

/// What was taken down and not yet read out. Without the feature nothing is.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    #[cfg(feature = "tracing")]
    notes: alloc::vec::Vec<Note>,
}

#[cfg(feature = "tracing")]
impl Notes {
    pub(super) fn take_down(&mut self, note: Note) {
        // No more than somebody may want to hear: a peer can cause any number of most.
        if note.level() <= tracing::level_filters::LevelFilter::current() {
            self.notes.push(note);
        }
    }

    pub(crate) fn read_out(self) {
        self.notes.into_iter().for_each(Note::read_out);
    }
}

#[cfg(not(feature = "tracing"))]
impl Notes {
    pub(super) const fn take_down(&mut self, _: Note) {}

    pub(crate) const fn read_out(self) {}
}

#[cfg(feature = "tracing")]
impl Note {
    const fn level(self) -> tracing::Level {
        match self {
            Self::Refused(_) | Self::Reset { .. } => tracing::Level::TRACE,
            Self::Ended { .. } => tracing::Level::DEBUG,
        }
    }

    fn read_out(self) {
        match self {
            Self::Refused(id) => tracing::trace!(%id, "refused a stream"),
            Self::Reset { id, code } => tracing::trace!(%id, code, "the peer reset a stream"),
            Self::Ended { side, cause } => {
                tracing::debug!(?side, %cause, "the session has ended");
            }
        }
    }
}
