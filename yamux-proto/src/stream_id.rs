//! Who opened the session, and the numbers its streams carry.

use core::fmt;
use core::num::NonZeroU32;

/// The end of the connection that this session plays.
///
/// The two ends differ in one thing only: the client opens streams with odd ids, the server with
/// even ones (spec: Stream ID field). Which end dialled the transport is a convention, not a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// Opens streams 1, 3, 5, …
    Client,
    /// Opens streams 2, 4, 6, …
    Server,
}

impl Side {
    /// The other end.
    pub const fn peer(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client => "client",
            Self::Server => "server",
        })
    }
}

/// The number of a stream, never 0: that one means the session itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(NonZeroU32);

impl StreamId {
    /// The id with this number, or `None` for 0.
    pub const fn new(number: u32) -> Option<Self> {
        match NonZeroU32::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The number on the wire.
    pub const fn get(self) -> u32 {
        self.0.get()
    }

    /// The side that opens streams of this parity.
    pub const fn opener(self) -> Side {
        if self.get() % 2 == 1 { Side::Client } else { Side::Server }
    }

    /// The first id that `side` opens.
    pub(crate) const fn first(side: Side) -> Self {
        match side {
            Side::Client => Self(NonZeroU32::MIN),
            Side::Server => Self(NonZeroU32::MIN.saturating_add(1)),
        }
    }

    /// The id that the same side opens after this one, or `None` when the 2^31 of a side are used up.
    pub(crate) fn next(self) -> Option<Self> {
        self.0.checked_add(2).map(Self)
    }
}

impl From<StreamId> for u32 {
    fn from(id: StreamId) -> Self {
        id.get()
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StreamId({})", self.0)
    }
}
