//! Everything that happens by itself, in one table.

use alloc::collections::VecDeque;
use core::time::Duration;

use super::streams::Key;
use crate::time::Instant;

/// What a deadline is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timer {
    /// The peer has been silent: ping it.
    Keepalive,
    /// It was pinged and is still silent: give up.
    KeepaliveReply,
    /// A ping waits behind one that has not been answered.
    Ping,
    /// The transport has taken nothing.
    WriteStall,
    /// The phase of closing under way takes too long.
    Close,
    /// Input has waited long enough for the application to accept a stream.
    Accept,
}

/// What a deadline of one stream is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamTimer {
    /// The peer has not acknowledged the stream.
    Open,
    /// The application has left and the peer has not.
    Linger,
    /// The peer grants too little window to be worth a frame.
    Dribble,
}

impl Timer {
    const ALL: [Self; 6] = [
        Self::Keepalive,
        Self::KeepaliveReply,
        Self::Ping,
        Self::WriteStall,
        Self::Close,
        Self::Accept,
    ];
}

impl StreamTimer {
    const ALL: [Self; 3] = [Self::Open, Self::Linger, Self::Dribble];
}

/// The deadlines of a connection: one of each [`Timer`], and a queue for each [`StreamTimer`], whose
/// delays are the same for every stream, so that a queue is in order by itself; should one shrink,
/// those in line are not served later than who comes after them.
#[derive(Debug)]
pub(crate) struct Timers {
    /// [`NEVER`] for what is not armed: the earliest is asked for at every turn, and is a plain
    /// minimum this way.
    deadlines: [Instant; Timer::ALL.len()],
    queues: [Queue; StreamTimer::ALL.len()],
}

/// The end of time.
const NEVER: Instant = Instant::from_nanos(u64::MAX);

/// A deadline that is armed and never comes: how a timeout without an end is said.
const LAST: Instant = Instant::from_nanos(u64::MAX - 1);

impl Default for Timers {
    fn default() -> Self {
        Self { deadlines: [NEVER; Timer::ALL.len()], queues: Default::default() }
    }
}

#[derive(Debug, Default)]
struct Queue {
    entries: VecDeque<(Instant, Key)>,
    /// The length at which entries that no longer matter are dropped.
    tidy_at: usize,
}

impl Timers {
    pub(crate) fn arm(&mut self, timer: Timer, at: Instant) {
        self.set(timer, at.min(LAST));
    }

    /// Arms a timer, unless it is armed for an earlier time.
    pub(crate) fn arm_earlier(&mut self, timer: Timer, at: Instant) {
        self.set(timer, at.min(self.deadline(timer)));
    }

    /// Gives a timer that is armed this much longer.
    pub(crate) fn postpone(&mut self, timer: Timer, by: Duration) {
        if self.is_armed(timer) {
            self.arm(timer, self.deadline(timer) + by);
        }
    }

    pub(crate) fn disarm(&mut self, timer: Timer) {
        self.set(timer, NEVER);
    }

    pub(crate) fn is_armed(&self, timer: Timer) -> bool {
        self.deadline(timer) < NEVER
    }

    /// Adds a stream's deadline; `matters` tells which of the earlier entries still do.
    pub(crate) fn arm_stream(
        &mut self,
        timer: StreamTimer,
        at: Instant,
        key: Key,
        matters: impl Fn(Key) -> bool,
    ) {
        const TIDY_MIN: usize = 64;
        let Some(queue) = self.queues.get_mut(timer as usize) else { return };
        if queue.entries.len() >= queue.tidy_at.max(TIDY_MIN) {
            queue.entries.retain(|(_, key)| matters(*key));
            queue.tidy_at = queue.entries.len().saturating_mul(2);
        }
        let later = queue.entries.iter_mut().rev().take_while(|(due, _)| *due > at);
        later.for_each(|(due, _)| *due = at);
        queue.entries.push_back((at, key));
    }

    /// The earliest deadline.
    pub(crate) fn next(&self) -> Option<Instant> {
        let mut next = NEVER;
        for deadline in self.deadlines {
            next = next.min(deadline);
        }
        for queue in &self.queues {
            if let Some((at, _)) = queue.entries.front() {
                next = next.min(*at);
            }
        }
        (next < LAST).then_some(next)
    }

    /// A timer that is due; it is disarmed.
    pub(crate) fn due(&mut self, now: Instant) -> Option<Timer> {
        let due = Timer::ALL.into_iter().zip(&mut self.deadlines);
        for (timer, deadline) in due {
            if *deadline <= now && *deadline < LAST {
                *deadline = NEVER;
                return Some(timer);
            }
        }
        None
    }

    /// A stream's timer that is due; it is removed.
    pub(crate) fn due_stream(&mut self, now: Instant) -> Option<(StreamTimer, Key)> {
        for (timer, queue) in StreamTimer::ALL.into_iter().zip(&mut self.queues) {
            if queue.entries.front().is_some_and(|(at, _)| *at <= now) {
                return queue.entries.pop_front().map(|(_, key)| (timer, key));
            }
        }
        None
    }

    /// Nothing happens by itself any more.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Gives memory back; `matters` tells which of the streams' entries still do.
    pub(crate) fn shrink(&mut self, matters: impl Fn(Key) -> bool) {
        for queue in &mut self.queues {
            queue.entries.retain(|(_, key)| matters(*key));
            queue.entries.shrink_to_fit();
            queue.tidy_at = 0;
        }
    }

    /// Only this may still happen by itself.
    pub(crate) fn retain(&mut self, timer: Timer) {
        let deadline = self.deadline(timer);
        self.clear();
        self.set(timer, deadline);
    }

    fn deadline(&self, timer: Timer) -> Instant {
        self.deadlines.get(timer as usize).copied().unwrap_or(NEVER)
    }

    fn set(&mut self, timer: Timer, at: Instant) {
        if let Some(deadline) = self.deadlines.get_mut(timer as usize) {
            *deadline = at;
        }
    }
}
