//! From a stream's first frame to the moment it is forgotten.

use super::Connection;
use super::streams::{Entry, Held, Key, Opening};
use super::timers::StreamTimer;
use crate::error::ResetError;
use crate::event::Event;
use crate::stream::{Pool, State};

impl Connection {
    pub(crate) fn entry(&self, key: Key) -> Option<&Entry> {
        self.streams.get(key)
    }

    pub(crate) fn entry_mut(&mut self, key: Key) -> Option<&mut Entry> {
        self.streams.get_mut(key)
    }

    pub(crate) fn entry_and_pool(&mut self, key: Key) -> Option<(&mut Entry, &mut Pool)> {
        self.streams.get_mut(key).map(|entry| (entry, &mut self.pool))
    }

    pub(crate) fn change(&mut self, key: Key, event: impl FnOnce(&mut State) -> bool) -> bool {
        self.streams.change(key, event)
    }

    /// Takes what has been read off the count of unread data, of which the stream had `before`, and
    /// tells the peer when that is due.
    pub(crate) fn consumed(&mut self, key: Key, before: usize) {
        let Some(entry) = self.streams.get_mut(key) else { return };
        let bytes = before.saturating_sub(entry.recv.unread());
        self.unread = self.unread.saturating_sub(bytes);
        if entry.state.can_receive() && entry.recv.window.consume(bytes) {
            self.announce(key);
        }
    }

    /// Gives the peer back the window that discarded data took.
    pub(crate) fn credit(&mut self, key: Key, bytes: usize) {
        if let Some(entry) = self.streams.get_mut(key) {
            if entry.state.can_receive() && entry.recv.window.consume(bytes) {
                self.announce(key);
            }
        }
    }

    /// Starts the clock for the peer's end of a stream that the application has left.
    pub(crate) fn linger_if_left(&mut self, key: Key) {
        let left = |entry: &Entry| entry.state.awaits_peer() && !entry.held.recv;
        if self.cause.is_none() && self.streams.get(key).is_some_and(left) {
            self.arm_later(StreamTimer::Linger, key);
        }
    }

    /// Puts a stream in line for a Window Update with SYN, ACK or window.
    pub(crate) fn announce(&mut self, key: Key) {
        if self.cause.is_some() {
            return;
        }
        if let Some(entry) = self.streams.get_mut(key) {
            if !core::mem::replace(&mut entry.announcing, true) {
                self.announcements.push_back(key);
            }
        }
    }

    /// Resets a stream from this side; RST follows what was staged for it.
    pub(crate) fn reset_stream(&mut self, key: Key, why: ResetError) {
        if self.cause.is_some() || !self.streams.reset(key, why) {
            return;
        }
        let code = match why {
            ResetError::Locally(code) => code,
            ResetError::ByPeer(_) | ResetError::OpenTimeout => 0,
        };
        self.stage_reset(key, code);
        if let Some(entry) = self.streams.get_mut(key) {
            let (opening, granted) = (entry.opening, entry.recv.window.granted());
            match opening {
                Opening::Arrived => {
                    entry.opening = Opening::Done;
                    self.leave_backlog();
                }
                Opening::SynSent => {
                    self.free_place(key, Opening::Unanswered);
                }
                Opening::SynDue | Opening::AckDue | Opening::Done | Opening::Unanswered => {}
            }
            self.expect_late_data(granted);
        }
        self.drop_unread(key);
        self.wake_both(key);
        self.release_if_over(key);
    }

    /// Frees the place among the unacknowledged that a stream of ours holds, for what became of its
    /// opening; true if it held one.
    pub(super) fn free_place(&mut self, key: Key, became: Opening) -> bool {
        let freed = self.streams.free_place(key, became);
        if freed {
            self.emit(Event::Outbound);
        }
        freed
    }

    /// Throws away what the application will not read, without telling the peer.
    pub(crate) fn drop_unread(&mut self, key: Key) -> usize {
        let Some(entry) = self.streams.get_mut(key) else { return 0 };
        let discarded = entry.recv.discard(&mut self.pool);
        self.unread = self.unread.saturating_sub(discarded);
        let counted = u64::try_from(discarded).unwrap_or(u64::MAX);
        self.stats.data_discarded = self.stats.data_discarded.saturating_add(counted);
        discarded
    }

    /// Forgets a stream that has ended on both sides and that nobody holds, once its last frames are
    /// on their way: its place counts until then, so that a peer that does not read cannot make
    /// frames pile up.
    pub(crate) fn release_if_over(&mut self, key: Key) {
        let batch = self.staging.batch();
        let Some(entry) = self.streams.get(key) else { return };
        let ended = entry.state.is_ended() || self.cause.is_some();
        if !ended || entry.held != Held::NONE {
            return;
        }
        let staged = entry.send.last_batch == batch || entry.announcing;
        let unsaid = entry.announcing && entry.is_unannounced();
        match self.cause {
            None if staged => self.retiring.push(key),
            // What is staged still goes out, behind the SYN.
            Some(_) if unsaid => {}
            None | Some(_) => self.forget(key),
        }
    }

    /// Removes a stream and returns what it held.
    pub(super) fn forget(&mut self, key: Key) {
        self.free_place(key, Opening::Unanswered);
        self.drop_unread(key);
        let Some(entry) = self.streams.remove(key) else { return };
        if entry.opening == Opening::Arrived {
            self.leave_backlog();
        }
        let extra = entry.recv.window.extra(self.config.initial_receive_window());
        self.window_growth = self.window_growth.saturating_sub(extra);
    }

    /// Wakes whoever reads or writes the stream: it has changed for both.
    pub(crate) fn wake_both(&mut self, key: Key) {
        self.wake_reader(key);
        self.wake_writer(key);
    }

    pub(crate) fn wake_reader(&mut self, key: Key) {
        if let Some(entry) = self.streams.get_mut(key) {
            if core::mem::take(&mut entry.recv.blocked) {
                self.emit(Event::Readable(key));
            }
        }
    }
}
