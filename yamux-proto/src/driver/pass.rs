//! When the driver writes, lets others run, and sleeps, and what wakes it.

use core::task::Context;

use super::shared::State;
use super::wakers::Wakes;
use crate::connection::{Transmit, TransportState};
use crate::time::Instant;

/// What is left of a pass.
pub(super) enum Pass {
    /// A batch is there to be written.
    Write,
    /// Others should run before there is more to do.
    Yield,
    /// The write side of the transport is to be closed.
    CloseWrite,
    /// Nothing to do until somebody wakes the driver.
    Parked,
    /// The session is over.
    Done,
}

/// What is no news to a driver that sleeps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parked {
    /// The transport took no more: until it does, more output is no news.
    transport_full: bool,
    /// Input was left unread because the connection did not want it.
    input_paused: bool,
    transport: TransportState,
}

/// Where the driver stands as it asks what is next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    /// The transport does not take the batch under way, or does not flush it.
    pub(super) transport_full: bool,
    /// Input is left unread because the connection did not want it.
    pub(super) input_paused: bool,
    /// The transport may have more input than was read.
    pub(super) input_left: bool,
    /// Others may go first once more.
    pub(super) may_yield: bool,
}

impl State {
    /// From this guess on, more than one is about to write. One reader alone never gets there: with a
    /// batch after each time that it was woken, the guess settles at 1 or 2.
    const COMPANY: u32 = 3;

    /// What the driver does next: write what is put into `batch`, let others run, or sleep.
    ///
    /// When several readers were woken a moment ago, some of them are about to write: going last
    /// turns their answers into one write, to the gain of many streams. With one reader, waiting
    /// would only cost it time. But the ACKs of new streams wait a moment for the first answer to a
    /// short request, where they would be a write of their own.
    pub(super) fn next(
        &mut self,
        standing: Standing,
        cx: &Context<'_>,
        now: Instant,
        batch: &mut Transmit,
        wakes: &mut Wakes,
    ) -> Pass {
        self.note_sent(now, !standing.transport_full);
        // What handles began waits for its timer, output or not.
        self.connection.tick(now);
        if !standing.transport_full {
            if standing.may_yield && self.expects_output() {
                return Pass::Yield;
            }
            if self.connection.has_output() && self.connection.poll_transmit(now, batch) {
                self.answers /= 2;
                self.arrivals = false;
                return Pass::Write;
            }
        }
        self.park(standing, cx, wakes)
    }

    /// Lets the driver park, unless something has come up for it.
    fn park(&mut self, standing: Standing, cx: &Context<'_>, wakes: &mut Wakes) -> Pass {
        let transport = self.connection.transport_state();
        if transport == TransportState::Done {
            return Pass::Done;
        }
        let close = transport == TransportState::CloseWrite;
        let Standing { transport_full, input_paused, .. } = standing;
        let parked = Parked { transport_full, input_paused, transport };
        // Input that is left wakes nobody: only what was looked for in vain does.
        let left = standing.input_left && !close;
        if left || self.has_work(parked) || self.connection.poll_writers() {
            return Pass::Yield;
        }
        wakes.register(&mut self.driver, cx);
        self.parked = Some(parked);
        if close { Pass::CloseWrite } else { Pass::Parked }
    }

    /// Whether those who were woken are likely to write in a moment, behind what is there.
    fn expects_output(&self) -> bool {
        let more_answers = self.answers >= Self::COMPANY;
        let first_answer = self.arrivals && !self.connection.has_staged();
        (more_answers || first_answer) && self.connection.has_output()
    }

    #[inline]
    pub(super) fn wake_driver(&mut self, wakes: &mut Wakes) {
        if let Some(parked) = self.parked {
            self.wake_if_wanted(parked, wakes);
        }
    }

    fn wake_if_wanted(&mut self, parked: Parked, wakes: &mut Wakes) {
        if self.has_work(parked) || self.connection.transport_state() != parked.transport {
            self.parked = None;
            wakes.push(self.driver.clone());
        }
    }

    /// Whether there is something to do for a driver that sleeps, or is about to.
    fn has_work(&self, parked: Parked) -> bool {
        self.connection.wants_attention(!parked.transport_full)
            || (parked.input_paused && self.connection.wants_input())
    }
}
