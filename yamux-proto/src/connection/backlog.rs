//! The peer's streams that wait to be accepted, and how long input waits for that.

use alloc::collections::VecDeque;
use core::time::Duration;

use super::Connection;
use super::streams::{Entry, Held, Key, Opening};
use super::timers::Timer;
use crate::frame::{Flags, Frame};
use crate::limits::{ACCEPT_PATIENCE, ACCEPT_PATIENCE_TOTAL};
use crate::time::Instant;

/// A burst of SYNs in one read must not be refused while the application is accepting: a SYN that
/// finds the backlog full waits for a place, and all input behind it.
#[derive(Debug)]
pub(super) struct Backlog {
    queue: VecDeque<Key>,
    /// Streams in the queue that are still there to be accepted.
    len: usize,
    deferred: Option<Deferred>,
    /// The application has accepted, or asked to, since input began to wait.
    accepting: bool,
    /// How long input may still wait before the backlog is half empty and nothing waits for it. Nothing
    /// is left once the application has let one SYN wait for too long.
    patience: Duration,
}

/// The SYN that waits, and since when.
#[derive(Clone, Copy, Debug)]
struct Deferred {
    frame: Frame,
    since: Instant,
}

impl Default for Backlog {
    fn default() -> Self {
        Self {
            queue: VecDeque::new(),
            len: 0,
            deferred: None,
            accepting: true,
            patience: ACCEPT_PATIENCE_TOTAL,
        }
    }
}

impl Backlog {
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Whether input waits for the application.
    pub(super) fn holds_input(&self) -> bool {
        self.deferred.is_some() && !self.accepting && self.is_patient()
    }

    pub(super) const fn has_deferred(&self) -> bool {
        self.deferred.is_some()
    }

    const fn is_patient(&self) -> bool {
        !self.patience.is_zero()
    }

    /// The SYN that waited, for its turn has come.
    pub(super) fn take_deferred(&mut self, now: Instant) -> Option<Frame> {
        let Deferred { frame, since } = self.deferred.take()?;
        // What is beyond was not for want of a place.
        let waited = (now - since).min(ACCEPT_PATIENCE);
        self.patience = self.patience.saturating_sub(waited);
        Some(frame)
    }

    pub(super) fn push(&mut self, key: Key, still_there: impl Fn(Key) -> bool) {
        self.len = self.len.saturating_add(1);
        if self.queue.len() > self.len.saturating_mul(2) {
            self.queue.retain(|key| still_there(*key));
        }
        self.queue.push_back(key);
    }

    pub(super) fn pop(&mut self) -> Option<Key> {
        self.queue.pop_front()
    }

    /// A stream was accepted, or will not be; there are `places` in all.
    fn leave(&mut self, places: usize) {
        self.len = self.len.saturating_sub(1);
        // With one place or two, every stream accepted makes it half empty: what waits counts too.
        if self.len <= places / 2 && self.deferred.is_none() {
            self.patience = ACCEPT_PATIENCE_TOTAL;
        }
    }

    /// There is no point in waiting any more: what waits will be refused.
    pub(super) fn stop_waiting(&mut self) {
        self.accepting = true;
    }

    pub(super) fn shrink(&mut self) {
        self.queue.shrink_to_fit();
    }
}

impl Connection {
    pub(crate) fn accept_key(&mut self) -> Option<Key> {
        self.backlog.accepting = true;
        while let Some(key) = self.backlog.pop() {
            let waits = |entry: &&mut Entry| entry.opening == Opening::Arrived;
            let Some(entry) = self.streams.get_mut(key).filter(waits) else { continue };
            entry.opening = Opening::AckDue;
            entry.held = Held::BOTH;
            self.leave_backlog();
            self.announce(key);
            self.stats.streams_accepted = self.stats.streams_accepted.saturating_add(1);
            return Some(key);
        }
        None
    }

    pub(super) fn leave_backlog(&mut self) {
        self.backlog.leave(self.config.accept_backlog());
        self.emit_if_accepting_is_over();
    }

    /// Whether a frame is a SYN that should wait for a place.
    pub(super) fn should_defer(&self, frame: Frame) -> bool {
        let (Frame::Data { flags, .. } | Frame::WindowUpdate { flags, .. }) = frame else {
            return false;
        };
        self.backlog.accepting
            && self.backlog.is_patient()
            && !self.refusing
            && flags.contains(Flags::SYN)
            && self.backlog.len >= self.config.accept_backlog()
    }

    pub(super) fn defer(&mut self, now: Instant, frame: Frame) {
        self.backlog.accepting = false;
        self.backlog.deferred = Some(Deferred { frame, since: now });
        self.timers.arm(Timer::Accept, now + self.backlog.patience.min(ACCEPT_PATIENCE));
    }

    /// Input has waited long enough: its SYN is judged as things are.
    pub(super) fn deferral_timed_out(&mut self) {
        if self.backlog.holds_input() {
            self.backlog.patience = Duration::ZERO;
        }
    }
}
