//! Windows: who may send how much (spec: Flow Control). All window arithmetic is in here.

mod recv;
mod send;

pub(crate) use recv::{Growth, RecvWindow};
pub(crate) use send::SendWindow;

/// The window of both directions of every new stream, in bytes.
pub const INITIAL_WINDOW: u32 = 256 * 1024;
