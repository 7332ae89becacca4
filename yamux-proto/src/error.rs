//! What can go wrong, by whose fault.

use thiserror::Error;

use crate::frame::{FrameError, GoAwayCode};
use crate::stream_id::StreamId;

/// What the peer did that the protocol forbids. Each of them ends the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// Bytes that are no frame header (spec: Framing).
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// A SYN for an id that only this side may open (spec: Stream ID field).
    #[error(
        "the peer opened stream {0}, an id of this side: are both ends clients, or both servers?"
    )]
    WrongParity(StreamId),
    /// A SYN for a stream that is open.
    #[error("the peer opened stream {0} twice")]
    DuplicateStream(StreamId),
    /// More data than the window allowed (spec: Flow Control).
    #[error("the peer sent more on stream {0} than its window allowed")]
    WindowExceeded(StreamId),
    /// Window Updates that add up to more than the field can hold (CVE-2026-31814).
    #[error("the peer's window for stream {0} grew beyond 2^32 - 1 bytes")]
    WindowOverflow(StreamId),
    /// Too many frames that do nothing: see the limits of [`crate::limits`].
    #[error("the peer sent too many useless frames")]
    TooManyGlitches,
    /// Too many streams opened and reset, or made us reset them.
    #[error("the peer had too many streams reset")]
    TooManyResets,
}

impl ProtocolError {
    /// The code that tells the peer.
    pub const fn go_away_code(self) -> GoAwayCode {
        match self {
            Self::Frame(_)
            | Self::WrongParity(_)
            | Self::DuplicateStream(_)
            | Self::WindowExceeded(_)
            | Self::WindowOverflow(_)
            | Self::TooManyGlitches
            | Self::TooManyResets => GoAwayCode::PROTOCOL_ERROR,
        }
    }
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// This side closed it.
    #[error("the session was closed here")]
    Closed,
    /// This side gave up closing in good order: data that was accepted may not have arrived.
    #[error("closing took too long; data may be lost")]
    CloseTimeout,
    /// The peer closed it: it said Go Away, code 0, or left when no stream was open.
    #[error("the peer closed the session")]
    ClosedByPeer,
    /// The peer ended it with a Go Away of this code, other than 0.
    #[error("the peer ended the session with code {0}")]
    GoAway(GoAwayCode),
    /// The peer broke the protocol.
    #[error("protocol violation: {0}")]
    Protocol(#[from] ProtocolError),
    /// The transport ended inside a frame or while streams were open.
    #[error("the transport ended")]
    TransportEnded,
    /// The transport failed; the driver knows the error.
    #[error("the transport failed")]
    TransportFailed,
    /// The peer was silent and did not answer a ping.
    #[error("the peer did not answer a keepalive ping")]
    KeepaliveTimeout,
    /// The transport took no byte for the configured time.
    #[error("the transport took no bytes for too long")]
    WriteStall,
}

/// Why no stream was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The peer has yet to answer as many streams as may be unanswered; wait for
    /// [`crate::Event::Outbound`].
    #[error("the peer has not acknowledged the streams opened before")]
    Backlog,
    /// The peer said Go Away and takes no more streams.
    #[error("the peer takes no new streams")]
    Refused,
    /// All 2^31 ids of this side are used up.
    #[error("this side has used up its stream ids")]
    IdsExhausted,
    /// The session is closing or has ended.
    #[error(transparent)]
    Closed(#[from] ConnectionError),
}

/// Why a stream took no data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WriteError {
    /// No room now; wait for [`crate::Event::Writable`].
    #[error("no room in the window or the send buffer")]
    Blocked,
    /// The stream was finished by this side before.
    #[error("the stream was finished")]
    Finished,
    /// The stream was reset.
    #[error(transparent)]
    Reset(#[from] ResetError),
    /// The session has ended.
    #[error(transparent)]
    Closed(#[from] ConnectionError),
}

/// Why a stream gave no data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// Nothing has arrived; wait for [`crate::Event::Readable`].
    #[error("no data has arrived")]
    Blocked,
    /// The stream was reset.
    #[error(transparent)]
    Reset(#[from] ResetError),
    /// The session has ended.
    #[error(transparent)]
    Closed(#[from] ConnectionError),
}

/// Who reset a stream, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ResetError {
    /// The peer did, with this code (0 where it gave none).
    #[error("the peer reset the stream with code {0}")]
    ByPeer(u32),
    /// This side's application did, with this code.
    #[error("this side reset the stream with code {0}")]
    Locally(u32),
    /// The peer did not acknowledge the stream within `open_timeout`.
    #[error("the peer did not acknowledge the stream in time")]
    OpenTimeout,
}

/// The stream is not, or no longer, known to the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("stream {0} is not known")]
pub struct UnknownStream(pub StreamId);
