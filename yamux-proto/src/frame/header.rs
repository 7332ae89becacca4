//! One frame header, as bytes and as a value that cannot be wrong.

use core::fmt;
use core::ops::Range;

use thiserror::Error;

use super::flags::Flags;
use crate::stream_id::StreamId;

/// Length of every frame header, in bytes.
pub const HEADER_LEN: usize = 12;

/// The only protocol version there is.
pub const VERSION: u8 = 0;

const VERSION_AT: usize = 0;
const TYPE_AT: usize = 1;
const FLAGS_AT: Range<usize> = 2..4;
const STREAM_AT: Range<usize> = 4..8;
const LENGTH_AT: Range<usize> = 8..12;

const DATA: u8 = 0;
const WINDOW_UPDATE: u8 = 1;
const PING: u8 = 2;
const GO_AWAY: u8 = 3;

/// A decoded frame header. What follows it on the wire is the body of a Data frame, or nothing.
///
/// ```
/// use yamux_proto::{Flags, Frame, StreamId};
///
/// let open = Frame::WindowUpdate { stream: StreamId::new(1).unwrap(), flags: Flags::SYN, delta: 0 };
/// assert_eq!(open.encode(), [0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0]);
/// assert_eq!(Frame::decode(&open.encode()), Ok(open));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// Carries `length` bytes of a stream.
    Data {
        /// The stream they belong to.
        stream: StreamId,
        /// Any combination is legal.
        flags: Flags,
        /// Bytes of body behind the header.
        length: u32,
    },
    /// Grants the receiver `delta` more bytes of window.
    WindowUpdate {
        /// The stream whose window grows.
        stream: StreamId,
        /// Any combination is legal.
        flags: Flags,
        /// Bytes of window, or an error code beside RST.
        delta: u32,
    },
    /// Measures the round trip and proves that the peer lives.
    Ping {
        /// Whether this asks for an answer (SYN) or is one.
        request: bool,
        /// An opaque value; the answer repeats it.
        value: u32,
    },
    /// The sender takes no new streams, or ends the session with an error.
    GoAway {
        /// Why.
        code: GoAwayCode,
    },
}

/// Why 12 bytes are not a frame header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The version is not 0.
    #[error("version {0} is not Yamux version 0: does the peer speak Yamux?")]
    Version(u8),
    /// The type is none of the four.
    #[error("{0} is not a frame type: does the peer speak Yamux?")]
    Type(u8),
    /// A Data or Window Update frame names the session, which has neither.
    #[error("a stream frame names stream 0: does the peer speak Yamux?")]
    StreamZero,
}

/// The code of a Go Away frame; codes without a name here survive as they are.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct GoAwayCode(pub u32);

impl GoAwayCode {
    /// Normal termination.
    pub const NORMAL: Self = Self(0);
    /// The peer broke the protocol.
    pub const PROTOCOL_ERROR: Self = Self(1);
    /// The sender had an error of its own.
    pub const INTERNAL_ERROR: Self = Self(2);
}

impl fmt::Display for GoAwayCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NORMAL => f.write_str("0 (normal termination)"),
            Self::PROTOCOL_ERROR => f.write_str("1 (protocol error)"),
            Self::INTERNAL_ERROR => f.write_str("2 (internal error)"),
            Self(code) => write!(f, "{code}"),
        }
    }
}

impl fmt::Debug for GoAwayCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GoAwayCode({self})")
    }
}

impl Frame {
    /// Reads a header; big endian, fields as in spec: Framing.
    ///
    /// # Errors
    /// Any [`FrameError`]. All of them end the session that received the bytes.
    pub fn decode(bytes: &[u8; HEADER_LEN]) -> Result<Self, FrameError> {
        let [version, kind, f0, f1, s0, s1, s2, s3, l0, l1, l2, l3] = *bytes;
        if version != VERSION {
            return Err(FrameError::Version(version));
        }
        let flags = Flags::from_bits(u16::from_be_bytes([f0, f1]));
        let stream = StreamId::new(u32::from_be_bytes([s0, s1, s2, s3]));
        let length = u32::from_be_bytes([l0, l1, l2, l3]);
        match kind {
            DATA => Ok(Self::Data { stream: stream.ok_or(FrameError::StreamZero)?, flags, length }),
            WINDOW_UPDATE => Ok(Self::WindowUpdate {
                stream: stream.ok_or(FrameError::StreamZero)?,
                flags,
                delta: length,
            }),
            // Go answers every ping that carries SYN and takes every other for an answer
            // (session.go, handlePing); the stream id plays no part.
            PING => Ok(Self::Ping { request: flags.contains(Flags::SYN), value: length }),
            GO_AWAY => Ok(Self::GoAway { code: GoAwayCode(length) }),
            _ => Err(FrameError::Type(kind)),
        }
    }

    /// The header as it goes onto the wire.
    pub fn encode(self) -> [u8; HEADER_LEN] {
        let (kind, flags, stream, length) = match self {
            Self::Data { stream, flags, length } => (DATA, flags, stream.get(), length),
            Self::WindowUpdate { stream, flags, delta } => {
                (WINDOW_UPDATE, flags, stream.get(), delta)
            }
            Self::Ping { request: true, value } => (PING, Flags::SYN, 0, value),
            Self::Ping { request: false, value } => (PING, Flags::ACK, 0, value),
            Self::GoAway { code } => (GO_AWAY, Flags::NONE, 0, code.0),
        };
        let mut bytes = [0; HEADER_LEN];
        bytes[VERSION_AT] = VERSION;
        bytes[TYPE_AT] = kind;
        bytes[FLAGS_AT].copy_from_slice(&flags.bits().to_be_bytes());
        bytes[STREAM_AT].copy_from_slice(&stream.to_be_bytes());
        bytes[LENGTH_AT].copy_from_slice(&length.to_be_bytes());
        bytes
    }

    /// Where the length of a frame that begins at `start` stands.
    pub(crate) const fn length_field(start: usize) -> Range<usize> {
        start.saturating_add(LENGTH_AT.start)..start.saturating_add(LENGTH_AT.end)
    }

    /// Bytes of body that follow the header.
    pub const fn body_len(self) -> u32 {
        match self {
            Self::Data { length, .. } => length,
            Self::WindowUpdate { .. } | Self::Ping { .. } | Self::GoAway { .. } => 0,
        }
    }
}
