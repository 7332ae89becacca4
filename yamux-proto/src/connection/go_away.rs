//! How a session ends: Go Away of both sides, draining, and the farewell (spec: Go Away).

use core::time::Duration;

use super::Connection;
use super::notes::Note;
use super::streams::{Entry, Opening};
use super::timers::Timer;
use crate::error::{ConnectionError, ProtocolError, ResetError};
use crate::event::Event;
use crate::frame::{Frame, GoAwayCode};
use crate::limits::FAREWELL;
use crate::time::Instant;

/// How far the end of the session has come.
///
/// ```text
///     Active ──close──▶ Draining ──all taken──▶ Farewell ──peer leaves, or time is up──▶ Done
///        └──────────── failure, Go Away, end of transport ──▶ ┘
///
///     Done: from any of them, by an abort, a transport that fails or takes nothing, or a silent peer.
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Streams open and close.
    Active,
    /// No new streams; what was accepted from the application goes out, and the peer may take it.
    Draining {
        /// To be said at the end of it.
        code: GoAwayCode,
        /// The last batch with what was accepted before, or with the end of a stream that was finished
        /// since.
        batch: u64,
    },
    /// The session is over; the last frames go out, then the write side closes, then the peer leaves.
    Farewell {
        /// The write side of the transport is closed.
        write_closed: bool,
    },
    /// The transport is of no more use.
    Done,
}

/// What the owner of the transport has to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportState {
    /// Read and write.
    Open,
    /// Close its write side, say [`Connection::handle_write_closed`], and read on.
    CloseWrite,
    /// Read on until its end.
    AwaitEnd,
    /// Drop it.
    Done,
}

impl Connection {
    /// Tells the peer that no new streams are taken; those that are open live on.
    ///
    /// With [`GoAwayCode::NORMAL`], hashicorp/yamux goes on with its streams, as the specification
    /// says; go-yamux, js-libp2p and py-libp2p end the session at once. Any other code makes every
    /// peer end it. Calling this again has no effect.
    ///
    /// Streams that wait to be accepted still can be.
    pub fn go_away(&mut self, code: GoAwayCode) {
        if self.phase == Phase::Active && !self.refusing {
            self.refusing = true;
            self.backlog.stop_waiting();
            self.say_go_away(code);
            self.emit_if_accepting_is_over();
        }
    }

    /// Tells those who wait for streams of the peer that none will come.
    pub(super) fn emit_if_accepting_is_over(&mut self) {
        if self.refusing && self.backlog.len() == 0 {
            self.emit(Event::Incoming);
        }
    }

    /// Begins to close in good order; calling it again has no effect.
    ///
    /// New streams are refused, those that wait to be accepted are reset. What the application has
    /// written goes out; then the peer has until `close_timeout` to end every stream that this side
    /// finished. Go Away comes only after that, because most peers drop what they have not read when
    /// they see it, and some do so at the end of the transport. Streams that were not finished are
    /// reset just before it.
    pub fn close(&mut self, code: GoAwayCode) {
        if self.phase != Phase::Active {
            return;
        }
        self.phase = Phase::Draining { code, batch: self.staging.batch() };
        self.untimed = true;
        self.refuse_streams();
        self.emit(Event::Outbound);
        self.settle_phase();
    }

    /// [`close`](Self::close) within this time instead of `close_timeout`, if that is longer; also when
    /// closing has begun. Half of the time, at most a second, is for Go Away and the end of the transport.
    pub fn close_within(&mut self, code: GoAwayCode, time: Duration) {
        self.config.hurry_close(time);
        self.untimed = true;
        self.close(code);
    }

    /// Refuses the peer's new streams from now on, and resets those that wait to be accepted.
    pub(crate) fn refuse_streams(&mut self) {
        self.refusing = true;
        self.backlog.stop_waiting();
        self.emit_if_accepting_is_over();
        while let Some(key) = self.backlog.pop() {
            self.reset_stream(key, ResetError::Locally(0));
            // There is nothing to reset where the stream has ended, or the session.
            if self.streams.get(key).is_some_and(|entry| entry.opening == Opening::Arrived) {
                self.forget(key);
            }
        }
    }

    /// Ends the session at once: nothing more is sent.
    pub fn abort(&mut self) {
        self.cut_short |= matches!(self.phase, Phase::Draining { .. }) && !self.has_drained();
        self.end(ConnectionError::Closed);
        self.finish();
    }

    /// Tells that the transport failed, and is of no more use. How it ends is no matter once the peer
    /// has said Go Away and nothing is open: some close a socket with input unread, which resets it.
    pub fn handle_transport_failure(&mut self) {
        let over = self.peer_gone && self.streams.all_ended() && !self.debt().data;
        self.cut_short |= over && self.cause.is_none() && !self.has_drained();
        self.give_up(match over {
            true => ConnectionError::ClosedByPeer,
            false => ConnectionError::TransportFailed,
        });
    }

    /// Tells that the transport has no more input.
    pub fn handle_eof(&mut self, now: Instant) {
        self.tick(now);
        self.eof = true;
        match self.phase {
            Phase::Active | Phase::Draining { .. } => {
                let whole = !self.decoder.is_inside_body() && self.leftover == 0;
                let over = self.streams.all_ended() && !self.debt().data;
                // Who closes is told of what may be lost, however politely the peer left.
                let drained = self.has_drained();
                let borne = drained || self.phase == Phase::Active;
                let clean = whole && borne && (self.peer_gone || over);
                self.cut_short = clean && !drained;
                self.arm_farewell(now);
                self.end(match clean {
                    true => ConnectionError::ClosedByPeer,
                    false => ConnectionError::TransportEnded,
                });
            }
            Phase::Farewell { write_closed: true } => self.finish(),
            Phase::Farewell { write_closed: false } | Phase::Done => {}
        }
    }

    /// Tells that the write side of the transport is closed. The peer has a moment to close its own:
    /// whatever it had to take it has taken, and some transports cannot show it half a close.
    pub fn handle_write_closed(&mut self, now: Instant) {
        self.tick(now);
        if let Phase::Farewell { write_closed } = &mut self.phase {
            *write_closed = true;
            self.timers.arm_earlier(Timer::Close, now + FAREWELL);
            if self.eof {
                self.finish();
            }
        }
    }

    /// What to do about the transport now.
    pub fn transport_state(&self) -> TransportState {
        match self.phase {
            Phase::Active | Phase::Draining { .. } => TransportState::Open,
            Phase::Farewell { write_closed: false }
                if self.has_output() || self.in_flight.is_some() =>
            {
                TransportState::Open
            }
            Phase::Farewell { write_closed: false } => TransportState::CloseWrite,
            Phase::Farewell { write_closed: true } => TransportState::AwaitEnd,
            Phase::Done => TransportState::Done,
        }
    }

    /// Whether there are streams of the peer for the application to accept, now or later.
    #[cfg(feature = "driver")]
    pub(crate) fn takes_streams(&self) -> bool {
        self.phase == Phase::Active && (!self.refusing || self.backlog.len() > 0)
    }

    /// Whether the application may still open streams, at the latest when the peer has acknowledged
    /// earlier ones.
    #[cfg(feature = "driver")]
    pub(crate) fn can_open(&self) -> bool {
        self.phase == Phase::Active && !self.peer_gone && self.streams.has_ids()
    }

    /// Whether the session ended by the will of one of the sides, and the peer may not have everything
    /// that streams were to bring it.
    #[cfg(feature = "driver")]
    pub(crate) const fn is_cut_short(&self) -> bool {
        self.cut_short
    }

    /// Why the session ended, once it has.
    pub const fn cause(&self) -> Option<ConnectionError> {
        self.cause
    }

    /// The peer sent Go Away.
    pub(super) fn receive_go_away(
        &mut self,
        now: Instant,
        code: GoAwayCode,
    ) -> Result<(), ProtocolError> {
        if code == GoAwayCode::NORMAL {
            // Who refuses streams first and closes later says it twice.
            if core::mem::replace(&mut self.peer_gone, true) {
                return self.late_frame(now);
            }
            self.emit(Event::Outbound);
            return Ok(());
        }
        self.clear_output();
        self.arm_farewell(now);
        self.end(ConnectionError::GoAway(code));
        Ok(())
    }

    /// The peer broke the protocol: one Go Away, and nothing else is sent or processed.
    pub(super) fn fail(&mut self, now: Instant, error: ProtocolError) {
        self.clear_output();
        self.staging.frame(Frame::GoAway { code: error.go_away_code() });
        self.arm_farewell(now);
        self.end(ConnectionError::Protocol(error));
    }

    /// Ends the session where there is nobody to tell.
    pub(crate) fn give_up(&mut self, cause: ConnectionError) {
        self.end(cause);
        self.finish();
    }

    /// The time for the phase of closing under way is up.
    pub(super) fn close_timed_out(&mut self, now: Instant) {
        match self.phase {
            Phase::Active => {}
            Phase::Draining { code, .. } => {
                // Most peers drop what they have not read when Go Away comes.
                let drained = self.has_drained();
                self.say_farewell(code);
                self.end(match drained {
                    true => ConnectionError::Closed,
                    false => ConnectionError::CloseTimeout,
                });
                self.timers.arm(Timer::Close, now + self.farewell());
            }
            Phase::Farewell { .. } | Phase::Done => self.finish(),
        }
    }

    /// Whether the peer has everything that streams were to bring it, as far as anybody can tell.
    fn has_drained(&self) -> bool {
        let debt = self.debt();
        !debt.data && !debt.ends && self.streams.awaiting_peer() == 0
    }

    /// While draining, what ends a stream is waited for, with all before it: it can come only once from
    /// each.
    pub(super) fn drain_up_to(&mut self, last: u64) {
        if let Phase::Draining { batch, .. } = &mut self.phase {
            *batch = last;
        }
    }

    /// Goes on to the farewell once everything has been drained: what was accepted before, that is, and
    /// what was finished since. Who goes on writing to a stream that was not finished cannot put the end
    /// off.
    pub(super) fn settle_phase(&mut self) {
        let Phase::Draining { code, batch } = self.phase else { return };
        let in_flight = self.in_flight.is_some();
        let idle = !in_flight && !self.has_output();
        let drained = self.staging.batch().saturating_sub(u64::from(in_flight)) > batch;
        if !(idle || drained) || self.streams.awaiting_peer() > 0 {
            return;
        }
        self.timers.postpone(Timer::Close, self.farewell());
        self.say_farewell(code);
        self.end(ConnectionError::Closed);
    }

    /// Go Away, and before it RST for every stream that was not finished: hashicorp/yamux takes the end
    /// of a session for the end of its streams, as if they were complete.
    fn say_farewell(&mut self, code: GoAwayCode) {
        for key in self.streams.unfinished() {
            self.stage_reset(key, 0);
        }
        self.say_go_away(code);
    }

    /// Go Away, unless it has been said: to say it again tells the peer nothing.
    fn say_go_away(&mut self, code: GoAwayCode) {
        if self.said.replace(code) != Some(code) {
            self.staging.frame(Frame::GoAway { code });
        }
    }

    /// Sees to it that closing comes to an end, and draining before that, with time left for the
    /// farewell.
    pub(super) fn arm_close(&mut self, now: Instant) {
        let whole = self.config.close_timeout();
        match self.phase {
            Phase::Draining { .. } => {
                self.timers.arm_earlier(Timer::Close, now + whole.saturating_sub(self.farewell()));
            }
            Phase::Farewell { .. } => self.timers.arm_earlier(Timer::Close, now + whole),
            Phase::Active | Phase::Done => {}
        }
    }

    /// The session ends now, not by the will of this side: the peer has a moment, within what is left of
    /// the time for closing if that was under way.
    fn arm_farewell(&mut self, now: Instant) {
        self.timers.postpone(Timer::Close, self.farewell());
        self.timers.arm_earlier(Timer::Close, now + FAREWELL);
    }

    /// What of the time for closing is kept for the end of it.
    fn farewell(&self) -> Duration {
        FAREWELL.min(self.config.close_timeout().checked_div(2).unwrap_or_default())
    }

    /// The session is over for the application, whatever still has to be said to the peer.
    fn end(&mut self, cause: ConnectionError) {
        if self.cause.is_some() {
            return;
        }
        self.notes.take_down(Note::Ended { side: self.side, cause });
        self.emit(Event::Closed);
        self.cause = Some(cause);
        self.phase = Phase::Farewell { write_closed: false };
        self.untimed = true;
        self.timers.retain(Timer::Close);
        self.unarmed.clear();
        self.refusals.clear();
        // What is staged still goes out, and means nothing to the peer without its SYN.
        let streams = &self.streams;
        self.announcements.retain(|key| streams.get(*key).is_some_and(Entry::is_unannounced));
        for key in self.streams.left_behind() {
            self.forget(key);
        }
    }

    fn finish(&mut self) {
        self.phase = Phase::Done;
        self.clear_output();
        self.timers.clear();
    }
}
