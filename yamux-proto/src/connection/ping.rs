//! Pings of both sides (spec: Ping).

use alloc::collections::VecDeque;
use core::time::Duration;

use crate::limits::PENDING_PONGS;
use crate::time::Instant;

/// The pings of this side, one at a time, and the answers owed to the peer.
///
/// Whoever asks for a ping while one is on its way gets the next one, which starts when that one is
/// answered, so that an answer always proves that the peer lived after the question; or when it has
/// gone unanswered for too long, because a peer that is pinged a lot drops some.
#[derive(Debug, Default)]
pub(crate) struct Ping {
    flight: Flight,
    /// The value of the ping under way, or of the last one.
    value: u32,
    /// The first ping that another one was sent after without waiting for its answer, and when it was
    /// handed to the transport. Its answer counts all the same: where pings are sent more often than a
    /// round trip takes, the last one's would never be the next to come.
    overtaken: Option<(u32, Instant)>,
    /// Another ping follows the one under way.
    again: bool,
    /// Values to send back, oldest first.
    pongs: VecDeque<u32>,
    rtt: Option<Duration>,
    rtt_min: Option<Duration>,
    answered: u32,
    /// Pings that were given up on; their answers may still come.
    given_up: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Flight {
    /// No ping is under way.
    #[default]
    None,
    /// It is in line for transmission.
    Due,
    /// It was handed to the transport at this time.
    Sent(Instant),
}

/// What an answer is to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pong {
    /// The ping under way, or the one that it has overtaken, which took so long there and back.
    Expected(Duration),
    /// A ping that was given up on.
    Late,
    /// None of ours.
    Unasked,
}

/// The peer pinged more often than it takes answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooMany;

impl Ping {
    /// Answers that make the shortest round trip trustworthy for tuning windows.
    const ENOUGH: u32 = 4;
    /// What the first answer may take longer than the path does, while both ends get going. A round
    /// trip well beyond it is believed at once, so that windows grow early where they have to.
    const NOISE: Duration = Duration::from_millis(5);

    /// Asks for a ping and returns the value of the one whose answer counts.
    pub(crate) fn request(&mut self) -> u32 {
        match self.flight {
            Flight::None => {
                self.start();
                self.value
            }
            Flight::Due => self.value,
            Flight::Sent(_) => {
                self.again = true;
                self.value.wrapping_add(1)
            }
        }
    }

    /// Sends a new ping even while one is on its way: its answer may have been dropped.
    pub(crate) fn insist(&mut self) {
        if let Flight::Sent(at) = self.flight {
            match self.overtaken {
                None => self.overtaken = Some((self.value, at)),
                Some(_) => self.given_up = self.given_up.saturating_add(1),
            }
        }
        self.start();
    }

    /// Since when the next ping has waited for the answer to one on its way.
    pub(crate) fn held_up_since(&self) -> Option<Instant> {
        match self.flight {
            Flight::Sent(at) if self.again => Some(at),
            Flight::None | Flight::Due | Flight::Sent(_) => None,
        }
    }

    /// Whether more round trips should be measured.
    pub(crate) const fn wants_more(&self) -> bool {
        self.answered < Self::ENOUGH
    }

    /// The shortest round trip, once it can be trusted for tuning windows.
    pub(crate) fn rtt_trusted(&self) -> Option<Duration> {
        self.rtt_min.filter(|rtt| *rtt >= Self::NOISE || !self.wants_more())
    }

    /// The ping to send now.
    pub(crate) fn transmit(&mut self, now: Instant) -> Option<u32> {
        if self.flight != Flight::Due {
            return None;
        }
        self.flight = Flight::Sent(now);
        Some(self.value)
    }

    /// Takes an answer.
    pub(crate) fn receive_pong(&mut self, now: Instant, value: u32) -> Pong {
        let Some(sent) = self.answer(value) else { return self.receive_late() };
        let rtt = now - sent;
        self.rtt = Some(rtt);
        // Zero says nothing of the path, only that the clock stood still. As the minimum it would stay
        // for good, and no window would ever grow: none is consumed in no time.
        if !rtt.is_zero() {
            self.rtt_min = Some(self.rtt_min.map_or(rtt, |min| min.min(rtt)));
        }
        self.answered = self.answered.saturating_add(1);
        if self.flight == Flight::None && self.again {
            self.start();
        }
        Pong::Expected(rtt)
    }

    /// When the ping with this value was sent, if its answer is still of use.
    fn answer(&mut self, value: u32) -> Option<Instant> {
        match (self.flight, self.overtaken) {
            (Flight::Sent(at), overtaken) if value == self.value => {
                self.flight = Flight::None;
                // Answers come in order: that one was dropped.
                self.overtaken = None;
                self.given_up = self.given_up.saturating_add(u32::from(overtaken.is_some()));
                Some(at)
            }
            (_, Some((overtaken, at))) if value == overtaken => {
                self.overtaken = None;
                Some(at)
            }
            (Flight::None | Flight::Due | Flight::Sent(_), _) => None,
        }
    }

    fn receive_late(&mut self) -> Pong {
        match self.given_up.checked_sub(1) {
            Some(left) => {
                self.given_up = left;
                Pong::Late
            }
            None => Pong::Unasked,
        }
    }

    /// Takes the peer's ping.
    pub(crate) fn receive_ping(&mut self, value: u32) -> Result<(), TooMany> {
        if self.pongs.len() >= PENDING_PONGS {
            return Err(TooMany);
        }
        self.pongs.push_back(value);
        Ok(())
    }

    /// The answer to send now.
    pub(crate) fn transmit_pong(&mut self) -> Option<u32> {
        self.pongs.pop_front()
    }

    pub(crate) fn has_output(&self) -> bool {
        self.flight == Flight::Due || !self.pongs.is_empty()
    }

    pub(crate) const fn rtt(&self) -> Option<Duration> {
        self.rtt
    }

    pub(crate) const fn rtt_min(&self) -> Option<Duration> {
        self.rtt_min
    }

    pub(crate) fn shrink(&mut self) {
        self.pongs.shrink_to_fit();
    }

    fn start(&mut self) {
        self.again = false;
        self.value = self.value.wrapping_add(1);
        self.flight = Flight::Due;
    }
}
