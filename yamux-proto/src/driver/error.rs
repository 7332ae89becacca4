//! The errors of sessions and streams as applications see them.

use std::error::Error;
use std::io;
use std::sync::Arc;

use thiserror::Error;

use crate::error::{ConnectionError, ProtocolError, ResetError};
use crate::frame::GoAwayCode;

/// Why a session ended, or did not do what it was asked.
///
/// Converts into [`io::Error`] with the kind that [`kind`](Self::kind) names and this value inside.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum SessionError {
    /// This side closed the session.
    #[error("the session was closed here")]
    Closed,
    /// The peer closed it in good order: Go Away with code 0, or the end of the transport while no
    /// stream was open.
    #[error("the peer closed the session")]
    ClosedByPeer,
    /// The peer ended it with a Go Away of this code, other than 0.
    #[error("the peer ended the session with code {0}")]
    GoAway(GoAwayCode),
    /// The peer broke the protocol.
    #[error("protocol violation: {0}")]
    Protocol(ProtocolError),
    /// The transport failed.
    #[error("the transport failed: {0}")]
    Transport(#[source] Arc<io::Error>),
    /// The transport ended inside a frame or while streams were open.
    #[error("the transport ended")]
    TransportEnded,
    /// The peer was silent and did not answer a ping within the keepalive timeout.
    #[error("the peer did not answer a keepalive ping")]
    KeepaliveTimeout,
    /// The transport took no byte for the write stall timeout.
    #[error("the transport took no bytes for too long")]
    WriteStall,
    /// The peer did not acknowledge a stream within the open timeout: an error of that stream alone.
    #[error("the peer did not acknowledge the stream in time")]
    OpenTimeout,
    /// Closing took longer than the close timeout: data that was accepted may be lost.
    #[error("closing took too long; data may be lost")]
    CloseTimeout,
    /// The peer said Go Away and takes no more streams.
    #[error("the peer takes no new streams")]
    Refused,
    /// All 2^31 stream ids of this side are used up.
    #[error("this side has used up its stream ids")]
    IdsExhausted,
    /// The driver was dropped, or the runtime that ran it was shut down.
    #[error("the driver of the session is gone")]
    DriverDropped,
}

impl SessionError {
    /// The kind of the [`io::Error`] that this converts into. A transport that failed is
    /// [`NotConnected`](io::ErrorKind::NotConnected) whatever its own kind, so that
    /// [`ConnectionReset`](io::ErrorKind::ConnectionReset) always means that a stream was reset; match
    /// [`Transport`](Self::Transport) for the transport's own error.
    pub fn kind(&self) -> io::ErrorKind {
        match self {
            Self::Closed
            | Self::ClosedByPeer
            | Self::GoAway(_)
            | Self::Transport(_)
            | Self::TransportEnded
            | Self::DriverDropped => io::ErrorKind::NotConnected,
            Self::Protocol(_) => io::ErrorKind::InvalidData,
            Self::KeepaliveTimeout | Self::WriteStall | Self::OpenTimeout | Self::CloseTimeout => {
                io::ErrorKind::TimedOut
            }
            Self::Refused => io::ErrorKind::ConnectionRefused,
            Self::IdsExhausted => io::ErrorKind::Other,
        }
    }

    /// Whether the session ended because one of the two sides meant it to, as far as anybody can tell:
    /// hashicorp/yamux just ends the transport, and so does a peer that is killed.
    pub fn is_clean(&self) -> bool {
        matches!(self, Self::Closed | Self::ClosedByPeer)
    }

    /// `failure` is what the driver knows where the core only knows that the transport failed.
    pub(super) fn new(cause: ConnectionError, failure: Option<&Arc<io::Error>>) -> Self {
        match cause {
            ConnectionError::Closed => Self::Closed,
            ConnectionError::CloseTimeout => Self::CloseTimeout,
            ConnectionError::ClosedByPeer => Self::ClosedByPeer,
            ConnectionError::GoAway(code) => Self::GoAway(code),
            ConnectionError::Protocol(error) => Self::Protocol(error),
            ConnectionError::TransportEnded => Self::TransportEnded,
            ConnectionError::TransportFailed => match failure {
                Some(error) => Self::Transport(Arc::clone(error)),
                None => Self::DriverDropped,
            },
            ConnectionError::KeepaliveTimeout => Self::KeepaliveTimeout,
            ConnectionError::WriteStall => Self::WriteStall,
        }
    }
}

impl From<SessionError> for io::Error {
    fn from(error: SessionError) -> Self {
        Self::new(error.kind(), error)
    }
}

/// Why reading or writing a stream failed: the value inside the [`io::Error`], where
/// [`from_io`](Self::from_io) finds it.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum StreamError {
    /// The peer reset the stream, with this code; 0 where it gave none, as when it refused the stream.
    #[error("the peer {} the stream with code {}", if *.0 == 0 { "refused or reset" } else { "reset" }, .0)]
    Reset(u32),
    /// This side reset the stream, with this code.
    #[error("this side reset the stream with code {0}")]
    ResetLocally(u32),
    /// This side has finished the stream before; from `closed`, the peer has too.
    #[error("the stream was finished")]
    Finished,
    /// The session has ended; or, with [`SessionError::OpenTimeout`], the peer never acknowledged this
    /// stream, and the session lives on.
    #[error(transparent)]
    Session(#[from] SessionError),
}

impl StreamError {
    /// Finds the reason inside an error that a stream or a session gave, on whatever way it came, be
    /// it through a copy between two sockets or wrapped in other errors. `None` if it came from
    /// elsewhere.
    ///
    /// ```
    /// use std::io;
    /// # use yamux_proto::driver::{SessionError, StreamError};
    ///
    /// /// Whether the other streams of the session have failed as well.
    /// fn is_of_session(error: &io::Error) -> bool {
    ///     match StreamError::from_io(error) {
    ///         Some(StreamError::Session(why)) => !matches!(why, SessionError::OpenTimeout),
    ///         _ => false,
    ///     }
    /// }
    /// assert!(is_of_session(&SessionError::KeepaliveTimeout.into()));
    /// assert!(!is_of_session(&StreamError::Reset(0).into()));
    /// assert!(!is_of_session(&io::ErrorKind::NotFound.into()));
    ///
    /// let wrapped = io::Error::other(io::Error::from(SessionError::WriteStall));
    /// assert!(is_of_session(&wrapped));
    /// ```
    pub fn from_io(error: &io::Error) -> Option<Self> {
        Self::find(error)
    }

    /// [`from_io`](Self::from_io) for any error, such as those of hyper, which have the `io::Error`
    /// somewhere among their sources.
    ///
    /// ```
    /// use std::io;
    /// # use yamux_proto::driver::StreamError;
    ///
    /// #[derive(Debug, thiserror::Error)]
    /// #[error("no answer")]
    /// struct NoAnswer(#[source] io::Error);
    ///
    /// let error = NoAnswer(StreamError::Reset(7).into());
    /// assert!(matches!(StreamError::find(&error), Some(StreamError::Reset(7))));
    /// ```
    pub fn find(error: &(dyn Error + 'static)) -> Option<Self> {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(of_stream) = error.downcast_ref::<Self>() {
                return Some(of_stream.clone());
            }
            if let Some(of_session) = error.downcast_ref::<SessionError>() {
                return Some(Self::Session(of_session.clone()));
            }
            cause = match error.downcast_ref::<io::Error>() {
                // What it holds is not its source, but what it stands for.
                Some(error) => error.get_ref().map(|inner| inner as _),
                None => error.source(),
            };
        }
        None
    }

    /// The kind of the [`io::Error`] that this converts into.
    pub fn kind(&self) -> io::ErrorKind {
        match self {
            Self::Reset(_) | Self::ResetLocally(_) => io::ErrorKind::ConnectionReset,
            Self::Finished => io::ErrorKind::BrokenPipe,
            Self::Session(error) => error.kind(),
        }
    }
}

impl From<ResetError> for StreamError {
    fn from(error: ResetError) -> Self {
        match error {
            ResetError::ByPeer(code) => Self::Reset(code),
            ResetError::Locally(code) => Self::ResetLocally(code),
            ResetError::OpenTimeout => Self::Session(SessionError::OpenTimeout),
        }
    }
}

impl From<StreamError> for io::Error {
    fn from(error: StreamError) -> Self {
        Self::new(error.kind(), error)
    }
}
