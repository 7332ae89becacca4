//! The flags field of a frame.

use core::fmt;
use core::ops::BitOr;

/// The four flags of Data and Window Update frames (spec: Flag Field).
///
/// Bits that the specification does not define are dropped on the way in: every implementation in
/// use ignores them.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Flags(u16);

impl Flags {
    /// No flag.
    pub const NONE: Self = Self(0);
    /// Opens a stream; on a ping, asks for the answer.
    pub const SYN: Self = Self(1);
    /// Accepts a stream; on a ping, is the answer.
    pub const ACK: Self = Self(2);
    /// The sender will send no more data on the stream.
    pub const FIN: Self = Self(4);
    /// Ends both directions of the stream at once.
    pub const RST: Self = Self(8);

    const KNOWN: u16 = 0b1111;

    /// The known flags among `bits`.
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits & Self::KNOWN)
    }

    /// The field on the wire.
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// Whether every flag of `other` is set here.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether no flag is set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl BitOr for Flags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [(Flags, &str); 4] =
            [(Flags::SYN, "SYN"), (Flags::ACK, "ACK"), (Flags::FIN, "FIN"), (Flags::RST, "RST")];
        if self.is_empty() {
            return f.write_str("-");
        }
        let mut separator = "";
        for (_, name) in NAMES.iter().filter(|(flag, _)| self.contains(*flag)) {
            write!(f, "{separator}{name}")?;
            separator = "|";
        }
        Ok(())
    }
}
