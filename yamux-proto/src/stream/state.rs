//! The life of a stream (spec: Opening a stream, Closing a stream).

use crate::error::ResetError;

/// Which directions of a stream are open.
///
/// ```text
///                 SYN sent or received
///                          │
///                          ▼
///     FIN sent          ┌──────┐       FIN received
///          ┌────────────│ Open │────────────┐
///          ▼            └──────┘            ▼
///     ┌────────┐                       ┌─────────┐
///     │ SentFin│                       │ GotFin  │
///     └────────┘                       └─────────┘
///          │ FIN received    FIN sent       │
///          └──────────▶ Closed ◀────────────┘
///
///     Reset: from any of them but Closed, by an RST of either side or an open that timed out;
///     Stopped: from GotFin, by an RST of the peer.
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Both directions carry data.
    Open,
    /// This side is done; the peer may send.
    SentFin,
    /// The peer is done; this side may send.
    GotFin,
    /// Both are done.
    Closed,
    /// Neither direction carries anything any more.
    Reset(ResetError),
    /// The peer was done, and then reset: what it sent is whole, and it takes nothing more.
    Stopped(ResetError),
}

impl State {
    /// This side finished. False when it could not: a second FIN would kill a Go session.
    pub(crate) fn send_fin(&mut self) -> bool {
        let next = match self {
            Self::Open => Self::SentFin,
            Self::GotFin => Self::Closed,
            Self::SentFin | Self::Closed | Self::Reset(_) | Self::Stopped(_) => return false,
        };
        *self = next;
        true
    }

    /// The peer finished. False when it had done so before, which go-yamux ignores, and so do we.
    pub(crate) fn receive_fin(&mut self) -> bool {
        let next = match self {
            Self::Open => Self::GotFin,
            Self::SentFin => Self::Closed,
            Self::GotFin | Self::Closed | Self::Reset(_) | Self::Stopped(_) => return false,
        };
        *self = next;
        true
    }

    /// Either side reset. False when there is nothing left to reset.
    pub(crate) fn reset(&mut self, why: ResetError) -> bool {
        let next = match (&self, why) {
            (Self::GotFin, ResetError::ByPeer(_)) => Self::Stopped(why),
            (Self::Open | Self::SentFin | Self::GotFin, _) => Self::Reset(why),
            (Self::Closed | Self::Reset(_) | Self::Stopped(_), _) => return false,
        };
        *self = next;
        true
    }

    /// Whether this side may still send data.
    pub(crate) const fn can_send(self) -> bool {
        match self {
            Self::Open | Self::GotFin => true,
            Self::SentFin | Self::Closed | Self::Reset(_) | Self::Stopped(_) => false,
        }
    }

    /// Whether the peer may still send data.
    pub(crate) const fn can_receive(self) -> bool {
        match self {
            Self::Open | Self::SentFin => true,
            Self::GotFin | Self::Closed | Self::Reset(_) | Self::Stopped(_) => false,
        }
    }

    /// Whether nothing more will come or go.
    pub(crate) const fn is_ended(self) -> bool {
        match self {
            Self::Open | Self::SentFin | Self::GotFin => false,
            Self::Closed | Self::Reset(_) | Self::Stopped(_) => true,
        }
    }

    /// Whether the peer reset the stream after it had finished it.
    pub(crate) const fn is_stopped(self) -> bool {
        match self {
            Self::Stopped(_) => true,
            Self::Open | Self::SentFin | Self::GotFin | Self::Closed | Self::Reset(_) => false,
        }
    }

    /// Who reset the stream, if somebody did.
    pub(crate) const fn reset_cause(self) -> Option<ResetError> {
        match self {
            Self::Reset(why) | Self::Stopped(why) => Some(why),
            Self::Open | Self::SentFin | Self::GotFin | Self::Closed => None,
        }
    }

    /// Whether this side's FIN awaits the peer's end.
    pub(crate) const fn awaits_peer(self) -> bool {
        match self {
            Self::SentFin => true,
            Self::Open | Self::GotFin | Self::Closed | Self::Reset(_) | Self::Stopped(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use State::{Closed, GotFin, Open, SentFin};

    const PEER: State = State::Reset(ResetError::ByPeer(7));
    const HERE: State = State::Reset(ResetError::Locally(9));
    const LATE: State = State::Reset(ResetError::OpenTimeout);
    const STOP: State = State::Stopped(ResetError::ByPeer(7));

    type Event = fn(&mut State) -> bool;
    const SEND_FIN: Event = State::send_fin;
    const RECEIVE_FIN: Event = State::receive_fin;
    const RECEIVE_RST: Event = |state| state.reset(ResetError::ByPeer(7));
    const SEND_RST: Event = |state| state.reset(ResetError::Locally(9));
    const OPEN_TIMEOUT: Event = |state| state.reset(ResetError::OpenTimeout);

    /// Every (state, event) pair: what follows, and whether the event had an effect.
    #[test]
    fn every_pair() {
        let table: [(State, [State; 5]); 8] = [
            (Open, [SentFin, GotFin, PEER, HERE, LATE]),
            (SentFin, [SentFin, Closed, PEER, HERE, LATE]),
            (GotFin, [Closed, GotFin, STOP, HERE, LATE]),
            (Closed, [Closed, Closed, Closed, Closed, Closed]),
            (PEER, [PEER, PEER, PEER, PEER, PEER]),
            (HERE, [HERE, HERE, HERE, HERE, HERE]),
            (LATE, [LATE, LATE, LATE, LATE, LATE]),
            (STOP, [STOP, STOP, STOP, STOP, STOP]),
        ];
        let events = [SEND_FIN, RECEIVE_FIN, RECEIVE_RST, SEND_RST, OPEN_TIMEOUT];
        for (before, after) in table {
            for (index, (event, expected)) in events.iter().zip(after).enumerate() {
                let mut state = before;
                let changed = event(&mut state);
                assert_eq!(state, expected, "{before:?}, event {index}");
                assert_eq!(changed, before != expected, "{before:?}, event {index}");
            }
        }
    }

    /// What each state lets pass: send, receive, ended, awaits the peer.
    #[test]
    fn every_question() {
        let table = [
            (Open, [true, true, false, false]),
            (SentFin, [false, true, false, true]),
            (GotFin, [true, false, false, false]),
            (Closed, [false, false, true, false]),
            (PEER, [false, false, true, false]),
            (HERE, [false, false, true, false]),
            (LATE, [false, false, true, false]),
            (STOP, [false, false, true, false]),
        ];
        for (state, answers) in table {
            let given =
                [state.can_send(), state.can_receive(), state.is_ended(), state.awaits_peer()];
            assert_eq!(given, answers, "{state:?}");
        }
    }
}
