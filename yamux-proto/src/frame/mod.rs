//! Frames: the 12 bytes at the front of everything on the wire (spec: Framing).

mod decoder;
mod flags;
mod header;

pub use decoder::{Decoder, Item, Piece};
pub use flags::Flags;
pub use header::{Frame, FrameError, GoAwayCode, HEADER_LEN, VERSION};
