//! What the application may want to look at.

use core::time::Duration;

use super::streams::Key;
use crate::stream_id::StreamId;

/// A hint that something changed; what it is, the connection and its streams tell when asked.
///
/// A stream's events come only after a call on it that said `Blocked`, so a peer cannot make them
/// pile up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<S = StreamId> {
    /// The peer opened a stream: [`crate::Connection::accept`] it. Or no more will come, after
    /// [`crate::Connection::go_away`] or [`crate::Connection::close`].
    Incoming,
    /// A stream can be opened again after [`crate::OpenError::Backlog`]. Or none can any more, after
    /// the peer's Go Away or [`crate::Connection::close`].
    Outbound,
    /// Reading this stream will no longer say `Blocked`: data has come, or its end, or a reset.
    Readable(S),
    /// Writing this stream may no longer say `Blocked`.
    Writable(S),
    /// The peer answered a ping.
    Pong {
        /// What [`crate::Connection::ping`] returned for it.
        value: u32,
        /// From handing the ping to the transport to reading its answer.
        rtt: Duration,
    },
    /// The session has ended: [`crate::Connection::cause`] says why. The last event.
    Closed,
}

impl Event<Key> {
    pub(crate) fn public(self) -> Event {
        match self {
            Self::Incoming => Event::Incoming,
            Self::Outbound => Event::Outbound,
            Self::Readable(key) => Event::Readable(key.id),
            Self::Writable(key) => Event::Writable(key.id),
            Self::Pong { value, rtt } => Event::Pong { value, rtt },
            Self::Closed => Event::Closed,
        }
    }
}
