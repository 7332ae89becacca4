//! The 12-byte header of a Yamux frame, decoded and encoded independently of the code under test.

use std::fmt;

/// Length of a header.
pub const HEADER_LEN: usize = 12;
/// Receive window of every stream at its start.
pub const INITIAL_WINDOW: u32 = 256 * 1024;

/// Frame types.
pub mod kind {
    /// Carries bytes of a stream.
    pub const DATA: u8 = 0;
    /// Grants credit.
    pub const WINDOW_UPDATE: u8 = 1;
    /// Ping and pong.
    pub const PING: u8 = 2;
    /// Ends the session, or announces its end.
    pub const GO_AWAY: u8 = 3;
}

/// Flags, on Data, Window Update and Ping.
pub mod flag {
    /// Opens a stream; on Ping, a request.
    pub const SYN: u16 = 1;
    /// Accepts a stream; on Ping, a reply.
    pub const ACK: u16 = 2;
    /// Ends one direction.
    pub const FIN: u16 = 4;
    /// Ends a stream at once.
    pub const RST: u16 = 8;
}

/// A header, whatever its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Protocol version; 0 is the only valid one.
    pub version: u8,
    /// One of [`kind`] if valid.
    pub kind: u8,
    /// Any of [`flag`].
    pub flags: u16,
    /// 0 is the session.
    pub stream: u32,
    /// Length of the body, credit, value of a ping, or code.
    pub length: u32,
}

impl Header {
    /// A header of the valid version.
    pub fn new(kind: u8, flags: u16, stream: u32, length: u32) -> Self {
        Self { version: 0, kind, flags, stream, length }
    }

    /// Reads a header, big endian.
    pub fn decode(bytes: [u8; HEADER_LEN]) -> Self {
        let [version, kind, f0, f1, s0, s1, s2, s3, l0, l1, l2, l3] = bytes;
        Self {
            version,
            kind,
            flags: u16::from_be_bytes([f0, f1]),
            stream: u32::from_be_bytes([s0, s1, s2, s3]),
            length: u32::from_be_bytes([l0, l1, l2, l3]),
        }
    }

    /// Writes the header, big endian.
    pub fn encode(&self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        bytes[0] = self.version;
        bytes[1] = self.kind;
        bytes[2..4].copy_from_slice(&self.flags.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.stream.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.length.to_be_bytes());
        bytes
    }

    /// Whether any of these flags is set.
    pub fn has(&self, flags: u16) -> bool {
        self.flags & flags != 0
    }

    /// How many bytes follow the header.
    pub fn body_len(&self) -> usize {
        if self.kind == kind::DATA { self.length as usize } else { 0 }
    }
}

/// As in `Window Update|SYN stream 3 length 0`.
impl fmt::Display for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            kind::DATA => f.write_str("Data")?,
            kind::WINDOW_UPDATE => f.write_str("Window Update")?,
            kind::PING => f.write_str("Ping")?,
            kind::GO_AWAY => f.write_str("Go Away")?,
            other => write!(f, "type {other}")?,
        }
        let names =
            [(flag::SYN, "SYN"), (flag::ACK, "ACK"), (flag::FIN, "FIN"), (flag::RST, "RST")];
        for (bit, name) in names {
            if self.has(bit) {
                write!(f, "|{name}")?;
            }
        }
        if self.flags > 15 {
            write!(f, "|{:#06x}", self.flags & !15)?;
        }
        if self.version != 0 {
            write!(f, " version {}", self.version)?;
        }
        write!(f, " stream {} length {}", self.stream, self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_survives_the_way_there_and_back() {
        let header = Header { version: 3, kind: 1, flags: 0x8105, stream: 7, length: 0xdead_beef };
        assert_eq!(Header::decode(header.encode()), header);
        assert_eq!(
            header.to_string(),
            "Window Update|SYN|FIN|0x8100 version 3 stream 7 length 3735928559"
        );
    }
}
