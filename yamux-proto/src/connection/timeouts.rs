//! What time brings about: keepalive, and the patience with streams and the transport.

use core::time::Duration;

use super::Connection;
use super::streams::{Entry, Key, Opening};
use super::timers::{StreamTimer, Timer};
use crate::error::{ConnectionError, ResetError};
use crate::time::Instant;

/// How long a window too small for a frame is given to grow before it is used: a round trip, within
/// bounds, because the only one measured so far may have been that of a peer that was not ready.
const DRIBBLE_DELAY_MIN: Duration = Duration::from_millis(1);
const DRIBBLE_DELAY_MAX: Duration = Duration::from_secs(1);
/// For a round trip that has not been measured.
const DRIBBLE_DELAY_UNKNOWN: Duration = Duration::from_millis(10);

impl Connection {
    /// When [`handle_timeout`](Self::handle_timeout) wants to be called. After a call that does not
    /// take the time, such as [`close`](Self::close), this can lie in the past: then
    /// `handle_timeout` sets the timer for what that call began.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.untimed { Some(Instant::ORIGIN) } else { self.timers.next() }
    }

    /// Does what time has brought about.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.tick(now);
        while let Some(timer) = self.timers.due(now) {
            match timer {
                Timer::Keepalive => self.keepalive_due(now),
                Timer::KeepaliveReply => self.keepalive_missed(now),
                Timer::Ping if self.ping.held_up_since().is_some() => self.ping.insist(),
                Timer::Ping => {}
                Timer::WriteStall => self.give_up(ConnectionError::WriteStall),
                Timer::Close => self.close_timed_out(now),
                Timer::Accept => self.deferral_timed_out(),
            }
        }
        while let Some((timer, key)) = self.timers.due_stream(now) {
            match timer {
                StreamTimer::Open => self.open_timed_out(key),
                StreamTimer::Linger => self.linger_timed_out(key),
                StreamTimer::Dribble => self.dribble_timed_out(key),
            }
        }
        self.settle_phase();
        self.tick(now);
    }

    /// What every call that knows the time does first: arms what was begun by calls that do not.
    #[inline]
    pub(crate) fn tick(&mut self, now: Instant) {
        if core::mem::take(&mut self.untimed) {
            self.arm_untimed(now);
        }
    }

    /// Arms a stream's timer as soon as the time is known.
    pub(super) fn arm_later(&mut self, timer: StreamTimer, key: Key) {
        self.unarmed.push((timer, key));
        self.untimed = true;
    }

    fn arm_untimed(&mut self, now: Instant) {
        self.arm_close(now);
        while let Some((timer, key)) = self.unarmed.pop() {
            self.arm_stream(now, timer, key);
        }
    }

    pub(super) fn arm_stream(&mut self, now: Instant, timer: StreamTimer, key: Key) {
        let delay = match timer {
            StreamTimer::Open => self.config.open_timeout(),
            StreamTimer::Linger => self.config.linger_timeout(),
            StreamTimer::Dribble => {
                let round_trip = self.ping.rtt_min().unwrap_or(DRIBBLE_DELAY_UNKNOWN);
                round_trip.clamp(DRIBBLE_DELAY_MIN, DRIBBLE_DELAY_MAX)
            }
        };
        let streams = &self.streams;
        self.timers.arm_stream(timer, now + delay, key, |key| match timer {
            StreamTimer::Open => streams.get(key).is_some_and(Entry::awaits_ack),
            StreamTimer::Linger | StreamTimer::Dribble => streams.get(key).is_some(),
        });
    }

    pub(super) fn arm_keepalive(&mut self, now: Instant) {
        if let Some(interval) = self.config.keepalive_interval() {
            self.timers.arm(Timer::Keepalive, now + interval);
        }
    }

    /// The interval has passed since it was last looked at: was there input meanwhile?
    fn keepalive_due(&mut self, now: Instant) {
        let Some(interval) = self.config.keepalive_interval() else { return };
        if now - self.last_input < interval {
            self.arm_keepalive(self.last_input);
            return;
        }
        self.ping.insist();
        if self.wants_input() {
            self.timers.arm(Timer::KeepaliveReply, now + self.config.keepalive_timeout());
        } else {
            // Input that is left unread on purpose says nothing about the peer; but a transport that
            // has failed shows it when it is written to.
            self.arm_keepalive(now);
        }
    }

    /// The peer has been silent since it was pinged, unless input was left unread on purpose.
    fn keepalive_missed(&mut self, now: Instant) {
        if self.wants_input() {
            self.give_up(ConnectionError::KeepaliveTimeout);
        } else {
            self.arm_keepalive(now);
        }
    }

    /// Asks for a ping; if one is on its way, that one has as long as a sign of life would.
    pub(super) fn request_ping(&mut self) -> u32 {
        let value = self.ping.request();
        if let Some(since) = self.ping.held_up_since().filter(|_| self.cause.is_none()) {
            self.timers.arm(Timer::Ping, since + self.config.keepalive_timeout());
            self.untimed = true;
        }
        value
    }

    /// Any byte of the peer is a sign of life.
    pub(super) fn note_input(&mut self, now: Instant) {
        self.last_input = now;
        if self.timers.is_armed(Timer::KeepaliveReply) {
            self.timers.disarm(Timer::KeepaliveReply);
            self.arm_keepalive(now);
        }
    }

    /// The transport was full and has taken more: somebody reads at the other end, and a ping may be
    /// waiting behind all that is on its way.
    pub(super) fn note_progress(&mut self, now: Instant) {
        if self.timers.is_armed(Timer::KeepaliveReply) {
            self.timers.arm(Timer::KeepaliveReply, now + self.config.keepalive_timeout());
        }
    }

    /// The peer has not answered a SYN. If this side has finished the stream already, that is no sign of
    /// anything: hashicorp/yamux acknowledges in `Accept`, and not what had its FIN before.
    fn open_timed_out(&mut self, key: Key) {
        let Some(entry) = self.streams.get(key).filter(|entry| entry.awaits_ack()) else { return };
        if entry.state.awaits_peer() {
            self.free_place(key, Opening::Unanswered);
        } else {
            self.reset_stream(key, ResetError::OpenTimeout);
        }
    }

    /// The peer has not ended a stream that the application left long ago.
    fn linger_timed_out(&mut self, key: Key) {
        let lingers = |entry: &Entry| entry.state.awaits_peer() && !entry.held.recv;
        if self.streams.get(key).is_some_and(lingers) {
            self.reset_stream(key, ResetError::Locally(0));
        }
    }
}
